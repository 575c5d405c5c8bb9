"""docs/configuration.md: every key with its true default, every example a configuration that loads."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr

from gateway import settings

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml config\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def sections() -> dict[str, type[BaseModel]]:
    """The tables of the file, as their headings are spelled, each with its model."""
    found = {}
    for name, field in settings.Config.model_fields.items():
        kind: Any = field.annotation
        model = (
            kind
            if isinstance(kind, type) and issubclass(kind, BaseModel)
            else next(inner for inner in get_args(kind) if isinstance(inner, type) and issubclass(inner, BaseModel))
        )
        origin = getattr(kind, "__origin__", None)
        heading = f"[{name}.<name>]" if origin is dict else f"[[{name}]]" if origin is tuple else f"[{name}]"
        found[heading] = model
        for key, inner in model.model_fields.items():
            if isinstance(inner.default, BaseModel):
                found[f"[{heading.strip('[]')}.{key}]"] = type(inner.default)
            several = [
                one for one in get_args(inner.annotation) if isinstance(one, type) and issubclass(one, BaseModel)
            ]
            if getattr(inner.annotation, "__origin__", None) is tuple and several:
                found[f"[[{name}.{key}]]"] = several[0]
    return found


SECTIONS = sections()


def described(heading: str) -> dict[str, tuple[str, str, str]]:
    """key → (type, default, meaning) in the table below a heading."""
    part = PAGE.split(f"## `{heading}`\n", 1)[1].split("\n## ", 1)[0]
    return {key: (kind.strip(), default.strip(), meaning.strip()) for key, kind, default, meaning in ROW.findall(part)}


def test_every_table_has_its_section_and_no_section_is_left_over() -> None:
    assert sorted(re.findall(r"^## `(\[.*\])`$", PAGE, re.MULTILINE)) == sorted(SECTIONS)


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_is_described_with_its_default(heading: str) -> None:
    table, fields = described(heading), SECTIONS[heading].model_fields
    assert list(table) == list(fields)
    for key, field in fields.items():
        kind, default, meaning = table[key]
        assert kind and meaning, key
        if field.is_required():
            assert default == "required", key
            continue
        if field.default is None:
            assert default == "none", key
            continue
        reported = tomllib.loads(f"value = {default.strip('`')}", parse_float=Decimal)["value"]
        known = list(field.default) if isinstance(field.default, tuple) else field.default
        known = known.model_dump(exclude_defaults=True) if isinstance(known, BaseModel) else known
        known = known.get_secret_value() if isinstance(known, SecretStr) else known
        assert reported == (Decimal(str(known)) if isinstance(reported, Decimal) else known), key


def test_every_key_is_read_by_the_program_and_set_by_a_test() -> None:
    """A setting that nothing reads must not exist, and one that no test sets may do nothing."""
    root = Path(__file__).parents[2]

    def words_of(folder: str, pattern: str) -> set[str]:
        texts = (path.read_text(encoding="utf-8").replace("\\n", " ") for path in (root / folder).rglob("*.py"))
        return {word for text in texts for word in re.findall(pattern, text)}

    read, tested = words_of("gateway", r"[.\"'](\w+)\b"), words_of("tests", r"\w+")
    keys = {key for model in SECTIONS.values() for key in model.model_fields}
    assert (keys - read, keys - tested) == (set(), set())


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_table_has_an_example(heading: str) -> None:
    start = re.escape(heading).replace("<name>", r"[\w-]+")
    part = PAGE.split(f"## `{heading}`\n", 1)[1].split("\n## ", 1)[0]
    assert re.search(rf"^{start}$", part, re.MULTILINE)


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_a_configuration(text: str) -> None:
    assert settings.parse(tomllib.loads(text)).entities
