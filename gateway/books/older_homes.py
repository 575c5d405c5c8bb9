"""What the rule files of an older program do not have yet comes from those that are shipped.

`gateway init` never overwrites a file, so that a home keeps the rules that it was laid down with. The program raises
every code of its families all the same, and asks for the named conditions; without them nothing could run.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from itertools import count

from gateway import shipped
from gateway.books.entered.verdicts import EQUITY
from gateway.books.exceptions.codes import Code
from gateway.books.posting.chart import Chart
from gateway.books.posting.functional import ROUNDING
from gateway.books.posting.rule_lint import ADDED, NEEDED
from gateway.books.posting.rules import Posting
from gateway.books.reconcile.families import FAMILIES
from gateway.books.reconcile.registry import Reconciliation, Registry
from gateway.model.settlement import SETTLEMENT_LINE, YOUNGER


def with_every_code(registry: Registry) -> tuple[Registry, list[str]]:
    """The registry with a block for each family and every code of it, and a line for each thing that was added."""
    if not registry.owners:
        return registry, []
    blocks, notes = [], []
    for block in registry.reconciliations:
        absent = [code for code in _raised(block.family) if code not in block.codes]
        if absent:
            from_ours = _codes(_blocks()[block.family], registry, block, absent)
            block = block.model_copy(update={"codes": {**block.codes, **from_ours}})
            notes.append(_note("reconciliations.toml", f"the family {block.family} has no {', '.join(absent)}"))
        blocks.append(block)
    present = {block.family for block in blocks}
    for family in (family for family in FAMILIES if family not in present):
        notes.append(_note("reconciliations.toml", f"there is no block of the family {family}"))
        blocks.append(_fitting(_blocks()[family], registry, blocks))
    return registry.model_copy(update={"reconciliations": tuple(blocks)}), sorted(notes)


def with_needed_conditions(posting: Posting) -> tuple[Posting, list[str]]:
    """The posting rules with the conditions that reconciliations ask for, and a line for what was not there.

    A name that a table lacks is completed only if it is younger than the table: another one may be a slip in it.
    """
    tables = [table for table in NEEDED if table not in posting.conditions]
    names = [
        (table, name)
        for table, added in ADDED.items()
        for name in added
        if table not in tables and name not in posting.conditions[table]
    ]
    if not tables and not names:
        return posting, []
    ours = Posting.model_validate(shipped.rules("posting.toml")).conditions
    conditions = posting.conditions | {table: ours[table] for table in tables}
    for table, name in names:
        conditions[table] = conditions[table] | {name: ours[table][name]}
    notes = [_note("posting.toml", f"there is no [conditions.{table}]") for table in tables]
    notes += [_note("posting.toml", f"there is no {name} in [conditions.{table}]") for table, name in names]
    return posting.model_copy(update={"conditions": conditions}), notes


def with_needed_accounts(chart: Chart) -> tuple[Chart, list[str]]:
    """The chart with the accounts that the program itself posts to and with control accounts, and a line for each thing
    that was not there. A chart that marks no control account is older than the mark."""
    lacking = [role for role in (EQUITY, ROUNDING) if role not in chart.accounts]
    if chart.has_control and not lacking:
        return chart, []
    ours = Chart.model_validate(shipped.rules("chart.toml")).accounts
    accounts = chart.accounts | {role: ours[role] for role in lacking}
    notes = [_note("chart.toml", f"there is no account of the role {role}") for role in lacking]
    if not chart.has_control:
        control = {role for role, one in ours.items() if one.control}
        accounts = {role: one.model_copy(update={"control": role in control}) for role, one in accounts.items()}
        notes.append(_note("chart.toml", "no account says `control`"))
    return chart.model_copy(update={"accounts": accounts}), notes


def with_younger_classes(posting: Posting) -> tuple[Posting, list[str]]:
    """The posting rules with the classes of settlement lines that are younger than they are, and a line for those that
    were not there: each has the role of the class that its lines had before."""
    rules, absent = [], dict[str, None]()
    for rule in posting.rule:
        added = {}
        if rule.on == SETTLEMENT_LINE.name and rule.class_ == "canonical_class":
            added = {
                new: rule.classes[old]
                for new, old in YOUNGER.items()
                if new not in rule.classes and old in rule.classes
            }
        absent |= dict.fromkeys(added)
        rules.append(rule.model_copy(update={"classes": {**rule.classes, **added}}) if added else rule)
    if not absent:
        return posting, []
    listed = ", ".join(f"{new} (as {YOUNGER[new]})" for new in absent)
    message = f"there are rules on settlement_line without the classes {listed}"
    return posting.model_copy(update={"rule": tuple(rules)}), [_note("posting.toml", message)]


def _note(file: str, absent: str) -> str:
    return (
        f"mappings/{file}: {absent}; what is shipped is used. Fix: copy it from {shipped.folder() / 'mappings' / file}"
    )


def _raised(family: str) -> tuple[str, ...]:
    return FAMILIES[family].codes if family in FAMILIES else ()


def _fitting(block: Reconciliation, registry: Registry, others: list[Reconciliation]) -> Reconciliation:
    """A shipped block under names that no other has."""

    def free(key: str) -> str:
        taken = {getattr(other, key) for other in others}
        name: str = getattr(block, key)
        return name if name not in taken else next(f"{name}{n}" for n in count(2) if f"{name}{n}" not in taken)

    names = {key: free(key) for key in ("letter", "slug", "sheet")}
    return block.model_copy(update={**names, "codes": _codes(block, registry, block, block.codes)})


def _codes(ours: Reconciliation, registry: Registry, into: Reconciliation, names: Collection[str]) -> dict[str, Code]:
    """Shipped codes for the block `into`, with an owner that the home has and the resolutions of what is shipped."""
    owners = registry.owners
    someone = "IN" if "IN" in owners else next(iter(owners))
    found = {}
    for name in names:
        code, kind = ours.codes[name], ours.kind_of(name)
        owner = code.owner if code.owner in owners else someone
        answers = code.answers if into.answers == ours.answers else kind
        found[name] = code.model_copy(update={"owner": owner, "answers": answers})
    return found


@lru_cache(maxsize=1)
def _blocks() -> dict[str, Reconciliation]:
    registry = Registry.model_validate(shipped.rules("reconciliations.toml"))
    return {block.family: block for block in registry.reconciliations}
