"""Posting rules → balanced entries, as SQL over a relation of records.

A relation to post holds the columns of its table and `record_id`, `sign` (1, or −1 for a record that a
restatement takes back: so a corrected file posts the difference), `entity`, `channel`, `file_id` and `salt`
(makes the entry ids of later postings of one document distinct); a derived one also `posting`, unique to each
of its rows for all time. Everything is aggregated before lines are
made, so that a settlement of a million lines becomes some tens of journal lines, and each line keeps links
to the records behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import duckdb

from gateway.books.posting import functional, posting_days, reference
from gateway.books.posting.dimensions import DIMENSIONS
from gateway.books.posting.lines import RuleLines, Source
from gateway.books.posting.posting_days import PostingDays
from gateway.books.posting.reference import ACCOUNTS, ENTITIES
from gateway.books.posting.rules import PostingRules, Rule
from gateway.ledger.commit import Commit
from gateway.model import TABLES
from gateway.sql import instant, literal


class Entries:
    """Journal lines in the making, and the links from each to the records behind it.

    lines  temporary table of the lines
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, rules: PostingRules, prefix: str) -> None:
        self.con, self.rules, self.prefix = con, rules, prefix
        self.lines = f"{prefix}_lines"
        self._made: list[tuple[str, str]] = []
        self._links: list[str] = []
        columns = ", ".join(f'"{column.name}" {column.type}' for column in TABLES["journal_line"].columns)
        con.execute(f"create or replace temp table {self.lines} ({columns})")

    def post(self, on: str, relation: str, columns: Sequence[str]) -> None:
        """Apply every rule for the table `on` to the relation, which must stay until `write`.

        `columns` are the relation's columns, for the rules' expressions.
        Raises HouseError where a rule's expression is not allowed.
        """
        for rule in self.rules.posting.rule:
            if rule.on == on:
                self.apply(rule, relation, columns)

    def post_by(self, rules: PostingRules, on: str, relation: str, columns: Sequence[str]) -> None:
        """As `post`, by other rules and the accounts of their chart. No other posting may share the relation's salt."""
        accounts = f"{relation}_accounts"
        reference.lay_accounts(self.con, accounts, rules)
        for rule in rules.posting.rule:
            if rule.on == on:
                self._apply(rules, rule, Source(relation, frozenset(columns), len(self._links), accounts))

    def apply(self, rule: Rule, relation: str, columns: Sequence[str]) -> None:
        """Apply one rule, as `post` does."""
        self._apply(self.rules, rule, Source(relation, frozenset(columns), len(self._links)))

    def _apply(self, rules: PostingRules, rule: Rule, source: Source) -> None:
        poster = RuleLines(self.con, rules, self.prefix, rule, source)
        link = poster.run(lambda: self.days)
        self._made += poster.made
        if link:
            self._links.append(link)

    @cached_property
    def days(self) -> PostingDays:
        """The days on which entries post."""
        return posting_days.read(self.con)

    def add(self, sides: str, *, by_person: bool = False) -> None:
        """Add lines of entries that no rule makes.

        sides  relation of what moves the lines, which must stay until `write`: record_id, entry_id, rule, entity, day,
               currency, role, document, the dimensions, channel, memo, amount (debit − credit). The sides of a line
               share entry, role, document and dimensions; those of an entry come to zero
        by_person  a person made the entries: they post in soft-closed periods too
        """
        day = self.days.sql("s.entity", "s.day", by_person=by_person)
        line = ", ".join(f"s.{name}" for name in ("entry_id", "role", "document", "channel", *DIMENSIONS))
        same = " and ".join(
            f"l.{name} is not distinct from s.{name}" for name in ("role", "document", "channel", *DIMENSIONS)
        )
        self.con.execute(
            f"""insert into {self.lines} by name
            select {line}, row_number() over (partition by s.entry_id order by sum(s.amount) < 0, c.account, {line})
                       as line_no,
                   s.entity, {day} as date, strftime({day}, '%Y-%m') as period, s.day as event_day, s.rule,
                   {literal(self.rules.version)} as rule_version, 'POSTED' as status, c.account,
                   greatest(sum(s.amount), 0) as debit, greatest(-sum(s.amount), 0) as credit, s.currency,
                   case when s.currency = f.functional then sum(s.amount) end as functional_amount,
                   case when s.currency = f.functional then 1 end as rate, min(s.memo) as memo, '' as file_id
            from {sides} s join {ACCOUNTS} c using (role) left join {ENTITIES} f on f.entity = s.entity
            group by {line}, s.entity, s.day, s.rule, c.account, s.currency, f.functional having sum(s.amount) <> 0"""
        )
        self.link(
            f"""select distinct l.entry_id, l.line_no, s.record_id from {self.lines} l
            join {sides} s on s.entry_id = l.entry_id and (l.role = {literal(functional.ROUNDING)} or {same})
            where s.amount <> 0"""
        )

    def link(self, select: str) -> None:
        """Link lines that were added to the records behind them: a SELECT of entry_id, line_no, record_id."""
        self._links.append(select)

    @property
    def sources(self) -> str:
        """SELECT of entry_id, line_no, record_id: every record that moved a line."""
        nothing = "select cast(null as varchar) as entry_id, 0::bigint as line_no, '' as record_id where false"
        return " union all ".join(self._links) or nothing

    def convert(self) -> None:
        """Give lines in another currency their functional amounts, where a rate is known. Twice is as once."""
        functional.convert(self.con, self.lines)

    def write(self, commit: Commit) -> None:
        """Insert lines and links within a commit; lines in another currency get their functional amounts."""
        self.convert()
        at = instant(commit.at)
        if commit.insert("journal_line", f"select * replace ({at} as recorded_at) from {self.lines}"):
            commit.insert("journal_source", self.sources)

    def drop(self) -> None:
        """Remove the temporary tables and views."""
        for kind, name in [*reversed(self._made), ("table", self.lines)]:
            self.con.execute(f"drop {kind} if exists temp.main.{name}")
