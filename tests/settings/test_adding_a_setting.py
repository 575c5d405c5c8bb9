"""A setting is a field: what it may hold, its faults with their lines and the nearest key all follow from it."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import Field

from gateway import settings
from gateway.settings import Config, SettingsError
from gateway.settings.strict import Strict

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


class Courier(Strict):
    """Who carries parcels by default."""

    name: str = Field("", examples=['"DPD"'])
    parcels_max: int = Field(100, ge=1)


class Extended(Config):
    """The settings with a subject more."""

    courier: Courier = Courier()


@pytest.fixture(autouse=True)
def extended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("gateway.settings.load"), "Config", Extended)


def parsed(text: str) -> Any:
    text = '[entities.US]\ncurrency = "USD"\n' + text
    return settings.parse(tomllib.loads(text), text=text)


def test_it_is_read_with_its_default() -> None:
    assert parsed("").courier == Courier(name="", parcels_max=100)
    assert parsed('[courier]\nname = "UPS"').courier.name == "UPS"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[courier]\nnmae = 1", "4: unknown key `courier.nmae`; did you mean `name`? Fix: rename the key."),
        ("[curier]\nname = 1", "3: unknown key `curier`; did you mean `courier`? Fix: rename the key."),
        ("[courier]\nname = 1", '4: `courier.name` must be text in quotes, not 1. Fix: write it as in name = "DPD".'),
        (
            "[courier]\nparcels_max = 0",
            "4: `courier.parcels_max` should be greater than or equal to 1, not 0. Fix: change the value.",
        ),
        (
            "[daemon]\nparcels_max = 1",
            "4: unknown key `daemon.parcels_max`. Fix: `parcels_max` belongs below [courier].",
        ),
    ],
)
def test_its_faults_are_reported_like_all_others(text: str, fault: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parsed(text)
    assert [str(each) for each in raised.value.faults] == [f"config.toml:{fault}"]


def test_it_is_the_one_of_the_page() -> None:
    example = PAGE.read_text(encoding="utf-8").split("class Courier", 1)[1].split("```", 1)[0]
    own = Path(__file__).read_text(encoding="utf-8").split("\nclass Courier", 1)[1].split("\n\n\n", 1)[0]
    assert dedent(example).strip() == own.strip()
