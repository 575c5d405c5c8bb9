"""The rules of a home: which of them are checked, and which are known to be sound."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway import shipped
from gateway.books import metrics, rules
from gateway.errors import HouseError


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A home with the rules that come with the program."""
    (tmp_path / "mappings").mkdir()
    for name in rules.FILES:
        shutil.copy(shipped.folder() / "mappings" / name, tmp_path / "mappings" / name)
    return tmp_path


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gets the name of each check that runs."""
    ran: list[str] = []
    for module, name in ((metrics, "_against_the_model"), (rules.rule_lint, "faults"), (rules.lint, "faults")):
        check = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, m=module, c=check: [ran.append(m.__name__), *c(*given)][1:])
    rules._checked.cache_clear()
    return ran


def test_shipped_rules_are_sound_and_not_checked_again(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = counted(monkeypatch)
    as_shipped = rules.load(own)
    assert ran == []
    for name in rules.FILES:
        with (own / "mappings" / name).open("a") as file:
            file.write("\n# ours\n")
    linted = rules.load(own)
    assert ran == ["gateway.books.metrics", "gateway.books.posting.rule_lint", "gateway.books.reconcile.lint"]
    assert (linted.posting, linted.metrics) == (as_shipped.posting, as_shipped.metrics)
    assert linted.version != as_shipped.version


def test_a_chart_without_an_account_that_the_shipped_rules_post_to_is_refused(own: Path) -> None:
    chart = own / "mappings" / rules.CHART
    chart.write_text(chart.read_text().replace("\ngrni ", "\nreceived_only "))
    with pytest.raises(HouseError, match="grni"):
        rules.load(own)
