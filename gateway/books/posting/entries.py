"""Posting rules → balanced entries, as SQL over a relation of records.

A relation to post holds the columns of its table and `record_id`, `sign` (1, or −1 for a record that a
restatement takes back: so a corrected file posts the difference), `entity`, `channel`, `file_id` and `salt`
(makes the entry ids of later postings of one document distinct). Everything is aggregated before lines are
made, so that a settlement of a million lines becomes some tens of journal lines, and each line keeps links
to the records behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from gateway.books.posting.rules import NOTHING, Leg, Rule, Rules
from gateway.errors import HouseError
from gateway.ledger.commit import Commit
from gateway.mapping.language.expressions import ExpressionError, compile_scalar
from gateway.settings import Config
from gateway.sql import instant, literal

DIMENSIONS = ("sku", "location", "order_id", "settlement_id")


def prepare(con: duckdb.DuckDBPyConnection, config: Config, rules: Rules) -> None:
    """Make the small relations that posting joins: chart_role, channel_config, entity_config."""
    con.register(
        "_chart",
        pa.table(
            {
                "role": list(rules.chart.accounts),
                "account": [account.number for account in rules.chart.accounts.values()],
                "account_name": [account.name for account in rules.chart.accounts.values()],
            }
        ),
    )
    con.register(
        "_channels",
        pa.table(
            {
                "channel": pa.array(list(config.channels), pa.utf8()),
                "revenue": pa.array([c.revenue for c in config.channels.values()], pa.utf8()),
                "settlement_days": pa.array([c.settlement_days for c in config.channels.values()], pa.int32()),
            }
        ),
    )
    con.register(
        "_entities",
        pa.table(
            {
                "entity": list(config.entities),
                "functional": [entity.currency for entity in config.entities.values()],
            }
        ),
    )
    for view, name in (("_chart", "chart_role"), ("_channels", "channel_config"), ("_entities", "entity_config")):
        con.execute(f"create or replace temp table {name} as select * from {view}")
        con.unregister(view)


class Entries:
    """Journal lines in the making, and the links from each to the records behind it.

    lines  temporary table of the lines
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, rules: Rules, prefix: str) -> None:
        self.con, self.rules, self.prefix = con, rules, prefix
        self.lines = f"{prefix}_lines"
        self._made: list[tuple[str, str]] = []
        self._links: list[str] = []
        con.execute(
            f"""create or replace temp table {self.lines} (
                entry_id varchar, line_no bigint, entity varchar, date date, period varchar,
                event_record_id varchar, document varchar, rule varchar, rule_version varchar, status varchar,
                account varchar, role varchar, debit decimal(18,4), credit decimal(18,4), currency varchar,
                functional_amount decimal(18,4), fx_rate decimal(18,8), channel varchar, sku varchar,
                location varchar, order_id varchar, settlement_id varchar, memo varchar, reversal_of varchar,
                file_id varchar)"""
        )

    def post(self, on: str, relation: str, columns: Sequence[str]) -> None:
        """Apply every rule for the table `on` to the relation, which must stay until `write`.

        `columns` are the relation's columns, for the rules' expressions.
        Raises HouseError where a rule's expression is not allowed.
        """
        for rule in self.rules.posting.rule:
            if rule.on == on:
                self.apply(rule, relation, columns)

    def apply(self, rule: Rule, relation: str, columns: Sequence[str]) -> None:
        """Apply one rule, as `post` does."""
        poster = _Poster(self, rule, relation, frozenset(columns), len(self._links))
        link = poster.run()
        self._made += poster.made
        if link:
            self._links.append(link)

    @property
    def sources(self) -> str:
        """SELECT of entry_id, line_no, record_id: every record that moved a line."""
        nothing = "select cast(null as varchar) as entry_id, 0::bigint as line_no, '' as record_id where false"
        return " union all ".join(self._links) or nothing

    def write(self, commit: Commit) -> None:
        """Insert lines and links within a commit."""
        at = instant(commit.at)
        if commit.insert("journal_line", f"select *, {at} as recorded_at from {self.lines}"):
            commit.insert("journal_source", self.sources)

    def drop(self) -> None:
        """Remove the temporary tables and views."""
        for kind, name in [*reversed(self._made), ("table", self.lines)]:
            self.con.execute(f"drop {kind} if exists temp.{name}")


class _Poster:
    """One rule over one relation."""

    def __init__(self, entries: Entries, rule: Rule, relation: str, columns: frozenset[str], number: int) -> None:
        self.con, self.rules, self.lines = entries.con, entries.rules, entries.lines
        self.rule, self.relation = rule, relation
        self.columns = columns | {"revenue"}
        self.legs = rule.legs or (Leg(amount=rule.amount, debit=rule.debit, credit=rule.credit or "class"),)
        self.rows, self.entries = f"{entries.prefix}_rows_{number}", f"{entries.prefix}_entries_{number}"
        self.made: list[tuple[str, str]] = []

    def run(self) -> str:
        """Add the lines; the SELECT of their links, "" if there are none."""
        self._select()
        if not self._entries():
            return ""
        self._lines()
        return self._links()

    def _make(self, kind: str, name: str, sql: str) -> None:
        self.con.execute(f"create or replace temp {kind} {name} as {sql}")
        self.made.append((kind, name))

    def _sql(self, text: str, what: str) -> str:
        try:
            return compile_scalar(
                text, self.columns, (), field_sql=lambda name: f'"{name}"', column_sql=lambda name: f'"{name}"'
            )
        except ExpressionError as error:
            raise HouseError("check posting rule", f"{self.rule.name}, {what}", error.fix, error.message) from None

    def _select(self) -> None:
        """Rows that the rule takes, with the entry's key and one amount for each leg."""
        rule = self.rule
        keys = {
            "document": f"cast({self._sql(rule.document, 'document')} as varchar)",
            "day": f"cast({self._sql(rule.date, 'date')} as date)",
            "class": f'"{rule.class_}"' if rule.class_ else "''",
            "record_key": "record_id" if rule.granularity == "record" else "''",
        }
        for dimension in DIMENSIONS:
            keys[dimension] = f'"{dimension}"' if self._carries(dimension) else "cast(null as varchar)"
        amounts = [
            f"cast(sign * coalesce({self._sql(leg.amount, 'amount')}, 0) as decimal(18,4)) as a{number}"
            for number, leg in enumerate(self.legs)
        ]
        where = [self._sql(rule.when, "when")] if rule.when else []
        silent = [name for name, role in rule.classes.items() if role == NOTHING]
        if silent:
            listed = ", ".join(f"'{name}'" for name in silent)
            where.append(f'"{rule.class_}" not in ({listed})')
        key_sql = ", ".join(f'{sql} as "{name}"' for name, sql in keys.items())
        self._make(
            "view",
            self.rows,
            f"""select *, hash({self._key}) as k
            from (select record_id, src.entity, coalesce(src.channel, '') as channel, currency, file_id, salt,
                   {key_sql}, {", ".join(amounts)}
            from (select r.*, c.revenue from {self.relation} r
                  left join channel_config c on c.channel = r.channel) src
            {"where " + " and ".join(f"({condition})" for condition in where) if where else ""})""",
        )

    def _carries(self, dimension: str) -> bool:
        """Whether lines of this rule name the dimension: only where all records of an entry share it."""
        if dimension not in self.columns:
            return False
        return self.rule.granularity == "record" or self.rule.document == dimension

    @property
    def _key(self) -> str:
        dimensions = ", ".join(DIMENSIONS)
        return f'entity, channel, currency, file_id, salt, document, day, "class", record_key, {dimensions}'

    def _entries(self) -> int:
        """One row for each entry, with its amounts; returns their number."""
        sums = ", ".join(f"sum(a{number}) as a{number}" for number in range(len(self.legs)))
        nonzero = " or ".join(f"sum(a{number}) <> 0" for number in range(len(self.legs)))
        self._make(
            "table",
            self.entries,
            f"""select 'E' || left(md5(concat_ws('|', '{self.rule.name}', entity, channel, currency, file_id, salt,
                       document, day, "class", record_key)), 20) as entry_id,
                   {self._key}, k, {sums}
            from {self.rows} group by {self._key}, k having {nonzero}""",
        )
        row = self.con.execute(f"select count(*) from {self.entries}").fetchone()
        return int(row[0]) if row else 0

    def _role(self, leg: Leg) -> str:
        if leg.credit != "class":
            return f"'{leg.credit}'"
        cases = " ".join(f"when '{name}' then '{role}'" for name, role in self.rule.classes.items() if role != NOTHING)
        return f"case \"class\" {cases} else 'suspense' end" if cases else "'suspense'"

    def _lines(self) -> None:
        sides = []
        for number, leg in enumerate(self.legs):
            sides.append(f"select entry_id, '{leg.debit}' as role, a{number} as net from {self.entries}")
            sides.append(f"select entry_id, {self._role(leg)} as role, -a{number} as net from {self.entries}")
        carried = ", ".join(f"e.{name}" for name in DIMENSIONS)
        self.con.execute(
            f"""insert into {self.lines} by name
            with sides as ({" union all ".join(sides)}),
                 nets as (select entry_id, role, sum(net) as net from sides group by all having sum(net) <> 0)
            select e.entry_id,
                   row_number() over (partition by e.entry_id order by n.net < 0, c.account, n.role) as line_no,
                   e.entity, e.day as date, strftime(e.day, '%Y-%m') as period,
                   nullif(e.record_key, '') as event_record_id, e.document, '{self.rule.name}' as rule,
                   '{self.rules.version}' as rule_version, 'POSTED' as status, c.account, n.role,
                   greatest(n.net, 0) as debit, greatest(-n.net, 0) as credit, e.currency,
                   case when e.currency = f.functional then n.net end as functional_amount,
                   case when e.currency = f.functional then 1 end as fx_rate,
                   nullif(e.channel, '') as channel, {carried},
                   {literal(self.rule.memo)} as memo, cast(null as varchar) as reversal_of, e.file_id
            from nets n join {self.entries} e using (entry_id) join chart_role c using (role)
            left join entity_config f on f.entity = e.entity"""
        )

    def _links(self) -> str:
        """Every record that moved a line is linked to it."""
        moved = " or ".join(f"r.a{number} <> 0" for number in range(len(self.legs)))
        same = "r.k = e.k"
        if not self._keys_are_unique():
            same += "".join(f" and r.{key} is not distinct from e.{key}" for key in self._key.split(", "))
        return f"""select l.entry_id, l.line_no, r.record_id
            from {self.rows} r join {self.entries} e on {same}
            join (select entry_id, line_no from {self.lines}) l on l.entry_id = e.entry_id
            where {moved}"""

    def _keys_are_unique(self) -> bool:
        """Whether no two entries share the hash of their keys: comparing one number is faster than nine texts."""
        row = self.con.execute(f"select count(*) = count(distinct k) from {self.entries}").fetchone()
        return bool(row and row[0])
