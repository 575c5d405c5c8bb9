"""The life of exceptions: they open, change, close by themselves and reopen, under an id that stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from gateway.books.exceptions import decisions
from gateway.books.exceptions.codes import Code
from gateway.books.posting.reference import ENTITIES
from gateway.ledger.commit import Commit
from gateway.model.exceptions import CONTENT, WANTED
from gateway.settings import Surge
from gateway.sql import identifier, instant, lay, words

_CODES = pa.schema(
    [
        ("reconciliation", pa.utf8()),
        ("code", pa.utf8()),
        ("severity", pa.int64()),
        ("owner", pa.utf8()),
        ("suggestion", pa.utf8()),
        ("days", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Life:
    """How many are open, and how many were opened (or reopened), closed and written."""

    open: int
    opened: int
    closed: int
    changed: int


def update(
    commit: Commit,
    con: duckdb.DuckDBPyConnection,
    found: str,
    codes: Mapping[tuple[str, str], Code],
    surges: Sequence[Surge],
    now: datetime,
    standing: Sequence[str] = (),
) -> Life:
    """Bring the ledger's exceptions in line with what was found.

    What is found in files with returns is due later where it opens during a surge of the partner's.
    The id is the hash of reconciliation, code, business key and entity; an exception that an older program opened,
    whose id leaves out the entity, keeps its id. Adds one event to exception_event for each exception that opened,
    changed, closed or reopened. What a person settled is closed, until it changes.

    found     relation of the exceptions that should be open (gateway.model.exceptions.WANTED)
    standing  letters of reconciliations that were not worked out: theirs stay as they are

    Raises ValueError for a code that the registry does not have.
    """
    _codes(con, codes)
    _refuse_unknown(con, found)
    con.execute(
        f"""create or replace temp table _wanted as
        with often as (select reconciliation, code, business_key, entity from {found} group by all having count(*) > 1),
        again as (
            select f.rowid from {found} f semi join often o on o.reconciliation = f.reconciliation and o.code = f.code
              and o.business_key = f.business_key and o.entity is not distinct from f.entity
            qualify row_number() over (partition by reconciliation, code, business_key, entity
                                       order by message, file_id, "position", amount, qty) > 1),
        wanted as (select * from {found} where rowid not in (from again))
        select coalesce(e.exception_id, left(md5(concat_ws('|', w.reconciliation, w.code, w.business_key)
                                                 || coalesce(chr(31) || w.entity, '')), 16)) as exception_id, w.*
        from wanted w left join exception e on e.reconciliation = w.reconciliation and e.code = w.code
          and e.business_key = w.business_key and e.entity is not distinct from w.entity"""
    )
    decisions.accept(con, "_wanted", "_accepted")
    differs = " or ".join(f"w.{name} is distinct from e.{name}" for name in CONTENT)
    kept = ", ".join(f"e.{identifier(column.name)}" for column in WANTED.columns)
    standing_sql = f"[{words(list(standing))}]::varchar[]"
    con.execute(
        f"""create or replace temp table _events as
        select w.exception_id, coalesce(e.version, 0) + 1 as version,
               case when e.exception_id is null then 'OPENED' when e.status = 'CLOSED' then 'REOPENED'
                    else 'CHANGED' end as event, 'OPEN' as status,
               case when e.exception_id is null then {instant(now)} else e.opened_at end as opened_at,
               w.* exclude (exception_id)
        from _wanted w left join exception e on e.exception_id = w.exception_id
        where e.exception_id is null or e.status = 'CLOSED' or {differs}
        union all by name
        select e.exception_id, e.version + 1 as version, 'CLOSED' as event, 'CLOSED' as status, e.opened_at,
               {kept}, a.resolution, a.note
        from exception e left join _accepted a on a.exception_id = e.exception_id
        where e.status = 'OPEN' and e.exception_id not in (select exception_id from _wanted)
          and not list_contains({standing_sql}, e.reconciliation)"""
    )
    _patience(con, surges)
    changed = commit.insert(
        "exception_event",
        f"""select v.* exclude (status), v.status, {instant(now)} as "at", c.severity, c.owner, c.suggestion,
                   v.opened_at + to_seconds((c.days + coalesce(p.days, 0)) * 86400) as due_at,
                   case when (v.entity, v.currency) in (select entity, functional from {ENTITIES})
                       then v.amount end as functional_amount,
                   cast(least(100, (5 - c.severity) * 20 + least(20, ln(1 + abs(coalesce(v.amount, v.qty,
                       0)::double)) * 2))
                        as bigint) as score
            from _events v left join _codes c on c.reconciliation = v.reconciliation and c.code = v.code
            left join (select exception_id, max(days) as days from _patience
                group by 1) p on p.exception_id = v.exception_id""",
    )
    counts = con.execute(
        f"""select (select count(*) from _wanted)
                    + (select count(*) from exception where status = 'OPEN' and list_contains({standing_sql},
                        reconciliation)),
                  count(*) filter (event in ('OPENED', 'REOPENED')),
                  count(*) filter (event = 'CLOSED') from _events"""
    ).fetchone()
    assert counts is not None
    return Life(open=counts[0], opened=counts[1], closed=counts[2], changed=changed)


def _refuse_unknown(con: duckdb.DuckDBPyConnection, found: str) -> None:
    row = con.execute(
        f"select reconciliation, code from {found} anti join _codes using (reconciliation, code)"
    ).fetchone()
    if row is not None:
        raise ValueError(f"the reconciliation {row[0]} raised {row[1]}, which the registry does not have")


def _patience(con: duckdb.DuckDBPyConnection, surges: Sequence[Surge]) -> None:
    """Days by which exceptions of `_events` are due later, for each surge."""
    con.execute("create or replace temp table _patience (exception_id varchar, days bigint)")
    for surge in surges:
        con.execute(
            """insert into _patience
            select exception_id, $days from _events
            where partner = $partner and cast(opened_at as date) between $since and $until
              and file_id in (select file_id from return_event)""",
            surge.model_dump(),
        )


def _codes(con: duckdb.DuckDBPyConnection, codes: Mapping[tuple[str, str], Code]) -> None:
    rows = [(*key, one.severity, one.owner, one.suggestion, one.days) for key, one in codes.items()]
    lay(con, "_codes", rows, _CODES)
