"""One posting rule over one relation of records: the lines that it makes, and the records behind each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from gateway.books.posting.conditions import compile_expression
from gateway.books.posting.dimensions import DIMENSIONS, carries
from gateway.books.posting.posting_days import PostingDays
from gateway.books.posting.reference import ACCOUNTS, CHANNELS, ENTITIES
from gateway.books.posting.rules import NOTHING, Leg, PostingRules, Rule
from gateway.errors import HouseError
from gateway.mapping.language.expressions import ExpressionError
from gateway.sql import literal

_KEY = f'entity, channel, currency, file_id, salt, document, day, "class", record_key, {", ".join(DIMENSIONS)}'
"""What the records of one entry share."""

POSTING = "posting"
"""Column of derived records: which posting of its key it is. Ids of their entries cover all of their postings, since
what a document's day derives may come in several passes."""


@dataclass(frozen=True, slots=True)
class Source:
    """Records to post: a relation, its columns for the rules' expressions, its number among those of one posting,
    and the relation of the accounts that they post to."""

    relation: str
    columns: frozenset[str]
    number: int
    accounts: str = ACCOUNTS


class RuleLines:
    """The lines that a rule makes of a source, added to `<prefix>_lines`. `made` names the temporary relations."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, rules: PostingRules, prefix: str, rule: Rule, source: Source
    ) -> None:
        self.con, self.rules, self.rule, self.source = con, rules, rule, source
        self.lines = f"{prefix}_lines"
        self.rows, self.entries = f"{prefix}_rows_{source.number}", f"{prefix}_entries_{source.number}"
        self.columns = source.columns - {POSTING} | {"revenue"}
        self.derived = POSTING in source.columns
        self.legs = rule.legs or (Leg(amount=rule.amount, debit=rule.debit, credit=rule.credit or "class"),)
        self.made: list[tuple[str, str]] = []

    def run(self, days: Callable[[], PostingDays]) -> str:
        """Add the lines; the SELECT of their links to records, "" if there are none.

        days  gives the days on which entries post; it is asked where there are any
        """
        self._make("view", self.rows, self._rows_sql())
        self._make("table", self.entries, self._entries_sql())
        row = self.con.execute(f"select count(*) from {self.entries}").fetchone()
        if not row or not row[0]:
            return ""
        self.con.execute(self._lines_sql(days().sql("e.entity", "e.day")))
        return self._links_sql()

    def _make(self, kind: str, name: str, sql: str) -> None:
        self.con.execute(f"create or replace temp {kind} {name} as {sql}")
        self.made.append((kind, name))

    def _sql(self, text: str, what: str) -> str:
        conditions = self.rules.posting.conditions.get(self.rule.on, {})
        try:
            return compile_expression(text, self.columns, conditions)
        except ExpressionError as error:
            raise HouseError("check posting rule", f"{self.rule.name}, {what}", error.fix, error.message) from None

    def _rows_sql(self) -> str:
        """Rows that the rule takes, with the entry's key and one amount for each leg."""
        amounts = [
            f"cast(sign * coalesce({self._sql(leg.amount, 'amount')}, 0) as decimal(18,4)) as a{number}"
            for number, leg in enumerate(self.legs)
        ]
        conditions = " and ".join(f"({condition})" for condition in self._conditions())
        return f"""select *, hash({_KEY}) as k
            from (select record_id, src.entity, coalesce(src.channel, '') as channel, currency, file_id, salt,
                   {f"{POSTING}, " * self.derived}{self._keys()}, {", ".join(amounts)}
            from (select r.*, c.revenue, coalesce(f.timezone, 'UTC') as _zone from {self.source.relation} r
                  left join {CHANNELS} c on c.channel = r.channel left join {ENTITIES} f on f.entity = r.entity) src
            {"where " + conditions if conditions else ""})"""

    def _keys(self) -> str:
        rule = self.rule
        keys = {
            "document": f"cast({self._sql(rule.document, 'document')} as varchar)",
            "day": self._day(),
            "class": f'"{rule.class_}"' if rule.class_ else "''",
            "record_key": "record_id" if rule.granularity == "record" else "''",
        }
        for name in DIMENSIONS:
            keys[name] = f'"{name}"' if carries(rule, name, self.columns) else "cast(null as varchar)"
        return ", ".join(f'{sql} as "{name}"' for name, sql in keys.items())

    def _day(self) -> str:
        return day_sql(self._sql(self.rule.date, "date"))

    def _conditions(self) -> list[str]:
        conditions = [self._sql(self.rule.when, "when")] if self.rule.when else []
        if self.rule.valid_from:
            conditions.append(f"{self._day()} >= date '{self.rule.valid_from}'")
        if self.rule.valid_to:
            conditions.append(f"{self._day()} <= date '{self.rule.valid_to}'")
        silent = [name for name, role in self.rule.classes.items() if role == NOTHING]
        if silent:
            conditions.append(f'"{self.rule.class_}" not in ({", ".join(map(literal, silent))})')
        return conditions

    def _entries_sql(self) -> str:
        """One row for each entry, with its amounts."""
        sums = ", ".join(f"sum(a{number}) as a{number}" for number in range(len(self.legs)))
        nonzero = " or ".join(f"sum(a{number}) <> 0" for number in range(len(self.legs)))
        moved = " or ".join(f"a{number} <> 0" for number in range(len(self.legs)))
        postings = "".join(
            f", bit_xor(md5_number_{half}({POSTING})) filter (where {moved})" for half in ("lower", "upper")
        )
        unit = ", ".join(name for name in _KEY.split(", ") if name not in ("file_id", "salt"))
        return f"""select 'E' || left(md5(concat_ws('|', {literal(self.rule.name)}, entity, channel, currency, file_id,
                       salt, document, day, "class", record_key{postings * self.derived})), 20) as entry_id,
                   left(md5(concat_ws('|', {literal(self.rule.name)}, {unit})), 20) as unit_id,
                   {_KEY}, k, {sums}
            from {self.rows} group by {_KEY}, k having {nonzero}"""

    def _role(self, leg: Leg) -> str:
        if leg.credit != "class":
            return literal(leg.credit)
        named = [(name, role) for name, role in self.rule.classes.items() if role != NOTHING]
        cases = " ".join(f"when {literal(name)} then {literal(role)}" for name, role in named)
        return f"case \"class\" {cases} else 'suspense' end" if cases else "'suspense'"

    def _lines_sql(self, day: str) -> str:
        sides = []
        for number, leg in enumerate(self.legs):
            sides.append(f"select entry_id, {literal(leg.debit)} as role, a{number} as net from {self.entries}")
            sides.append(f"select entry_id, {self._role(leg)} as role, -a{number} as net from {self.entries}")
        carried = ", ".join(f"e.{name}" for name in DIMENSIONS)
        return f"""insert into {self.lines} by name
            with sides as ({" union all ".join(sides)}),
                 nets as (select entry_id, role, sum(net) as net from sides group by all having sum(net) <> 0)
            select e.entry_id,
                   row_number() over (partition by e.entry_id order by n.net < 0, c.account, n.role) as line_no,
                   e.entity, {day} as date, strftime({day}, '%Y-%m') as period, e.day as event_day,
                   nullif(e.record_key, '') as event_record_id, e.document, {literal(self.rule.name)} as rule,
                   {literal(self.rules.version)} as rule_version, 'POSTED' as status, c.account, n.role,
                   greatest(n.net, 0) as debit, greatest(-n.net, 0) as credit, e.currency,
                   case when e.currency = f.functional then n.net end as functional_amount,
                   case when e.currency = f.functional then 1 end as rate,
                   case when e.currency <> f.functional then e.unit_id end as unit_id,
                   nullif(e.channel, '') as channel, {carried},
                   {literal(self.rule.memo)} as memo, cast(null as varchar) as reversal_of, e.file_id
            from nets n join {self.entries} e using (entry_id) join {self.source.accounts} c using (role)
            left join {ENTITIES} f on f.entity = e.entity"""

    def _links_sql(self) -> str:
        """Every record that moved a line is linked to it."""
        moved = " or ".join(f"r.a{number} <> 0" for number in range(len(self.legs)))
        same = "r.k = e.k"
        if not self._keys_are_unique():
            same += "".join(f" and r.{key} is not distinct from e.{key}" for key in _KEY.split(", "))
        return f"""select l.entry_id, l.line_no, r.record_id
            from {self.rows} r join {self.entries} e on {same}
            join (select entry_id, line_no from {self.lines}) l on l.entry_id = e.entry_id
            where {moved}"""

    def _keys_are_unique(self) -> bool:
        """Whether no two entries share the hash of their keys: comparing one number is faster than nine texts."""
        row = self.con.execute(f"select count(*) = count(distinct k) from {self.entries}").fetchone()
        return bool(row and row[0])


def day_sql(date: str) -> str:
    """SQL of the accounting day: a day as it is, an instant's day in the time zone `_zone` of the entity."""
    # The type is known when the query is planned, so that only one of the branches is ever worked out.
    there = f"cast(timezone(_zone, cast({date} as timestamptz)) as date)"
    return f"case when typeof({date}) = 'DATE' or _zone = 'UTC' then cast({date} as date) else {there} end"
