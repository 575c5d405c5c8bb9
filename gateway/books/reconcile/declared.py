"""A reconciliation that is declared in full: its sides are matched by its passes, and what stays open is
distinguished."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.books.reconcile.passes import Found, match
from gateway.books.reconcile.registry import Open, Reconciliation
from gateway.books.reconcile.sides import Items, items
from gateway.books.reconcile.standing import keep
from gateway.books.reconcile.tables import Working, source
from gateway.sql import literal


def run(working: Working, reconciliation: Reconciliation) -> None:
    """Add the reconciliation's lines, matches and exceptions."""
    external, book, rest = reconciliation.external, reconciliation.book, reconciliation.open
    if external is None or book is None or rest is None:
        raise ValueError(f"{reconciliation.letter} is not a declared reconciliation")
    con = working.con
    prefix = f"_declared_{reconciliation.letter}"
    theirs = items(con, reconciliation, external, f"{prefix}_external")
    ours = items(con, reconciliation, book, f"{prefix}_book")
    found = match(con, theirs.usable, ours.usable, reconciliation.passes, f"{prefix}_pairs")
    lines = _Lines(working, reconciliation, rest, theirs, ours, found)
    keep(working, reconciliation, theirs.usable, ours.usable, found.pairs)
    lines.matched()
    lines.linked()
    lines.alone()
    lines.unusable()
    working.exceptions_from_detail(reconciliation, lines.message())


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a run: what matches, and what is open and why."""

    working: Working
    block: Reconciliation
    rest: Open
    theirs: Items
    ours: Items
    found: Found

    @property
    def figures(self) -> tuple[str, str]:
        """Names of the external and book columns of the unit."""
        return ("external_qty", "book_qty") if self.block.unit == "units" else ("external_amount", "book_amount")

    def members(self, groups: str) -> str:
        """SELECT of the items of groups (grp, …, external, book), each with `grp`, what the group adds, and its
        side."""
        return f"""select g.* exclude (external, book), 'A' as side, i.* from {groups} g
                join {self.theirs.usable} i on i.item = g.external
            union all by name select g.* exclude (external, book), 'B' as side, i.* from {groups} g
                join {self.ours.usable} i on i.item = g.book"""

    def summed(self, items: str, by: str) -> str:
        """SELECT of one row for each group of items: both sums, and what a line says of it."""
        return f"""select {by}, sum(amount) filter (side = 'A') as theirs, sum(amount) filter (side = 'B') as ours,
                   count(*) filter (side = 'A') as n_theirs, count(*) filter (side = 'B') as n_ours,
                   min(nullif(entity, '')) as entity, min(partner) as partner, min(channel) as channel,
                   coalesce(min(document) filter (side = 'A'), min(document)) as document,
                   coalesce(min(day) filter (side = 'A'), min(day)) as event_date, min(nullif(currency,
                       '')) as currency,
                   min(record_id) as record, min(document) filter (side = 'B') as booked, {source()}
            from ({items}) group by {by}"""

    def add(self, groups: str, state: str, code: str, key: str, reference: str) -> None:
        """Add a line for each row of `groups`; the rest is SQL over its columns."""
        theirs_as, ours_as = self.figures
        self.working.add_detail(
            self.block,
            f"""select entity, partner, channel, document, event_date, currency, theirs as {theirs_as},
                ours as {ours_as},
                   {state} as state, {code} as code, {key} as business_key, file_id, "position",
                   {reference} as book_reference
            from ({groups})""",
        )

    def matched(self) -> None:
        """One line for each group that a pass matched."""
        self.add(
            self.summed(self.members(self.found.pairs), "grp, pass"),
            "case when theirs = ours then 'MATCHED' else 'WITHIN_TOLERANCE' end",
            "null",
            "concat_ws('|', pass, entity, currency, document, record)",
            "pass || ': ' || coalesce(booked, document)",
        )

    def linked(self) -> None:
        """One line for each group of candidates that are equally good, or that belong together and differ."""
        codes = f"case when kind = 'DIFFERS' then {literal(self.rest.differs)} else {literal(self.rest.ambiguous)} end"
        key = "concat_ws('|', entity, currency, document, record)"
        reason = (
            "case when kind = 'AMBIGUOUS' then n_theirs || ' of theirs and ' || n_ours || ' of ours are equally "
            "good' end"
        )
        groups = self.summed(self.members(self.shown), "grp, kind")
        self.add(groups, "'OPEN'", codes, key, reason)

    @property
    def shown(self) -> str:
        """The linked groups that have lines of their own; without a code for ambiguity those stay with what is
        alone."""
        kinds = "'DIFFERS'" if not self.rest.ambiguous else "'DIFFERS', 'AMBIGUOUS'"
        return f"(select * from {self.found.linked} where kind in ({kinds}))"

    def alone(self) -> None:
        """What nothing matched or linked, key by key: on both sides with a difference, or on one side alone.

        Without a key an item is a line by itself, and nothing on the other side is like it.
        """
        rest = self.rest
        code = f"""case when ours is null then {literal(rest.external)} when theirs is null then {literal(rest.book)}
                        else {literal(rest.differs)} end"""
        today = f"cast({self.working.recon.now_sql} as date)"
        young = f"(theirs is null or ours is null) and coalesce(event_date + {rest.after_days} >= {today}, false)"
        left = " union all by name ".join(
            f"""select *, '{letter}' as side, coalesce(k, chr(30) || '{letter}' || item) as together from {side.usable}
            where item not in (select {name} from {self.found.pairs} where {name} is not null)
              and item not in (select {name} from {self.shown} where {name} is not null)"""
            for letter, name, side in (("A", "external", self.theirs), ("B", "book", self.ours))
        )
        groups = self.summed(left, "entity, currency, k, together").replace(
            "select entity, currency, k, together,", "select k,", 1
        )
        self.add(
            groups,
            f"case when {young} then 'TIMING' else 'OPEN' end",
            f"case when not ({young}) then {code} end",
            "concat_ws('|', entity, currency, coalesce(replace(k, chr(31), '|'), document || '|' || record))",
            """case when k is null then 'its key is empty'
                    when theirs = ours then n_theirs || ' of theirs and ' || n_ours || ' of ours have one key' end""",
        )

    def unusable(self) -> None:
        """Rows that cannot be compared, a line each."""
        for letter, side, code in (("A", self.theirs, self.rest.external), ("B", self.ours, self.rest.book)):
            self.add(
                self.summed(f"select *, '{letter}' as side from {side.unusable}", "item, fault"),
                "'OPEN'",
                literal(self.rest.unusable or code),
                f"concat_ws('|', entity, currency, document, record, '{letter}', fault)",
                "fault",
            )

    def message(self) -> str:
        """SQL of the message of an open line."""
        theirs, ours = self.figures
        unit = "coalesce(' ' || currency, '')" if self.block.unit == "money" else "' units'"
        titles = " ".join(
            f"when {literal(code)} then {literal(meaning.title)}" for code, meaning in self.block.codes.items()
        )
        return f"""case code {titles} end || ': ' || document
            || case when {theirs} is null and {ours} is null then '' when {ours} is null then ', ' || {theirs} || {unit}
                    when {theirs} is null then ', ' || {ours} || {unit}
                    else ', theirs ' || {theirs} || ', ours ' || {ours} || {unit} end
            || coalesce(' (' || book_reference || ')', '')"""
