"""What people decide about exceptions: rows of the table `decision`, which every run of the books applies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from gateway.errors import HouseError
from gateway.ledger.commit import Commit
from gateway.model.exceptions import CONTENT, DECISION
from gateway.model.resolutions import RESOLUTIONS, Resolution
from gateway.nearest import nearest
from gateway.sql import identifier, literal, rows_of, words

CLOSING = tuple(one.name for one in RESOLUTIONS if one.closes)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says about an exception.

    target  the document that the resolution names, "" for none
    value   the value that it corrects to, "" for none
    by      who decides
    """

    exception_id: str
    resolution: str
    comment: str
    by: str
    target: str = ""
    value: str = ""


Allowed = Callable[[str, str], Sequence[str]]
"""Letter of a reconciliation, code → the resolutions that its exceptions may be given."""


def decide(commit: Commit, con: duckdb.DuckDBPyConnection, allowed: Allowed, decision: Decision) -> Resolution:
    """Write a decision with its audit row; what it means.

    Raises HouseError where the exception is closed already, may not be answered so, or something is not said.
    """
    found = rows_of(con, f"select * from exception where exception_id = {literal(decision.exception_id)}")
    [now] = list(found)
    if now["status"] == "CLOSED" and now["resolution"] is None:
        raise _refused(decision, "it is closed", "Nothing is left to decide.")
    meaning = _meaning(allowed(now["reconciliation"], now["code"]), now["code"], decision)
    asked = [("--comment", decision.comment)]
    asked += [(f"--{meaning.asks}", getattr(decision, meaning.asks))] if meaning.asks else []
    if missing := [option for option, said in asked if not said.strip()]:
        fix = f"Add {' and '.join(missing)}. {meaning.name}: {meaning.meaning}"
        raise _refused(decision, f"{' and '.join(missing)} must not be empty", fix)
    own = {"resolution": meaning.name, "comment": decision.comment, "decided_by": decision.by}
    said = own | {"target": decision.target or None, "value": decision.value or None}
    kept = [column.name for column in DECISION.columns if column.name not in (*said, "decided_at")]
    commit.insert(
        DECISION.name,
        f"""select {", ".join(map(identifier, kept))}, ?::timestamptz as decided_at,
                   {", ".join(f"?::varchar as {identifier(name)}" for name in said)}
            from exception where exception_id = {literal(decision.exception_id)}""",
        [commit.at, *said.values()],
    )
    detail = {"code": now["code"], "business_key": now["business_key"], "version": now["version"], **own}
    commit.audit(decision.by, "exception.decided", decision.exception_id, detail)
    return meaning


def _meaning(allowed: Sequence[str], code: str, decision: Decision) -> Resolution:
    """The resolution by its name. Raises HouseError where an exception of that code may not be given it."""
    name = decision.resolution.strip().upper()
    if name not in allowed:
        like = "" if any(one.name == name for one in RESOLUTIONS) else nearest(name, allowed)
        cause = f'an exception {code} cannot be given "{decision.resolution}"{like}'
        raise _refused(decision, cause, f"Use one of {', '.join(allowed)}.")
    return next(one for one in RESOLUTIONS if one.name == name)


def _refused(decision: Decision, cause: str, fix: str) -> HouseError:
    return HouseError("resolve", decision.exception_id, fix, cause)


def accept(con: duckdb.DuckDBPyConnection, wanted: str, accepted: str) -> None:
    """Leave out of `wanted` (exceptions that should be open, with exception_id) what a person settled.

    The newest decision of an exception counts, as long as what it was made about is the same. What is left out stands
    in the temporary table `accepted` with its resolution and a note. A row that is ignored is one of its file: where
    an exception goes by the name of a file, the next file of that name is not what the decision was made about.
    """
    same = " and ".join(f"w.{identifier(name)} is not distinct from d.{identifier(name)}" for name in CONTENT)
    by_name = "starts_with(w.business_key, concat_ws('|', w.partner, w.document))"
    same += f" and (d.resolution <> 'IGNORE' or not {by_name} or w.file_id is not distinct from d.file_id)"
    con.execute(
        f"""create or replace temp table {accepted} as
        select w.exception_id, d.resolution, d.decided_by || ': ' || d.comment as note
        from {wanted} w join {DECISION.state} d on d.exception_id = w.exception_id
        where d.resolution in ({words(CLOSING)}) and {same}"""
    )
    con.execute(f"delete from {wanted} where exception_id in (select exception_id from {accepted})")
