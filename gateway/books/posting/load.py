"""The accounting settings below `mappings/`, read and checked: chart of accounts, posting rules, exception codes.

Each file is checked whole; all its faults are reported at once. Their common hash is the version that journal lines
carry, so that an auditor sees which rules made an entry.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gateway.books.posting import rule_lint
from gateway.books.posting.chart import Chart
from gateway.books.posting.rules import Code, Posting, Rules
from gateway.errors import HouseError
from gateway.settings import Strict

CHART, POSTING, CODES = "chart.toml", "posting.toml", "exception-codes.toml"

Settings = TypeVar("Settings", bound=Strict)


def load(home: Path) -> Rules:
    """Read and check the accounting settings. Raises HouseError naming file and key of every fault."""
    digest = hashlib.sha256()
    raw = {name: _read(home / "mappings" / name, digest) for name in (CHART, POSTING, CODES)}
    chart = _check(Chart, raw[CHART], CHART)
    posting = _check(Posting, raw[POSTING], POSTING)
    codes = {
        (reconciliation, code): _check(Code, values, f"{CODES} [{reconciliation}] {code}")
        for reconciliation, table in raw[CODES].items()
        for code, values in table.items()
    }
    named = set(posting.stock.roles.values()) | set(posting.stock.opening.values())
    for rule in posting.rule:
        named |= rule.roles()
    missing = sorted(named - set(chart.accounts))
    if missing:
        raise HouseError(
            "check posting rules", POSTING, f"Add {', '.join(missing)} to {CHART}.", "roles without an account"
        )
    faults = rule_lint.faults(posting, (home / "mappings" / POSTING).read_text("utf-8"))
    if faults:
        said = "\n".join(map(str, faults))
        raise HouseError("check posting rules", f"{len(faults)} found", "", f"\n{said}")
    return Rules(chart, posting, codes, digest.hexdigest()[:16])


def _read(path: Path, digest: Any) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        digest.update(content)
        return tomllib.loads(content.decode())
    except FileNotFoundError:
        raise HouseError("read", str(path), "Run `gateway init` to lay it down.", "missing") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HouseError("read", str(path), "Fix the TOML there.", str(error)) from None


def _check(kind: type[Settings], raw: dict[str, Any], subject: str) -> Settings:
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise HouseError("check", subject, "Fix these keys and try again.", faults) from None
