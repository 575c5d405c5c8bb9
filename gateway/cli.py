"""The command `gateway`: a thin host of the rooms below."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gateway import config as configuration
from gateway import demo as demonstration
from gateway import home as homes
from gateway.errors import GatewayError
from gateway.ledger import asking, lake, maintenance, staging
from gateway.ledger import verify as verification
from gateway.ledger.locking import retry
from gateway.mapping import lint, load
from gateway.pipeline import FileResult, Gateway, check_options, pending, try_file
from gateway.session import Pass, open_gateway, run_once

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

DONE, PERSON, USAGE = 0, 1, 2


class _State:
    home = Path()


@app.callback()
def _main(
    home: Annotated[Path, typer.Option("-C", "--home", help="The home directory.")] = Path(),
) -> None:
    """Partner files in, a reconciled ledger, workbooks out."""
    _State.home = home


def _when(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise GatewayError("read instant", text, "Write it like 2026-11-01T08:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _gateway(*, now: str | None = None, read_only: bool = False) -> Iterator[Gateway]:
    with open_gateway(_State.home, now=_when(now), read_only=read_only) as gateway:
        yield gateway


@app.command()
def init(
    with_examples: Annotated[bool, typer.Option("--with-examples", help="Make the example partners active.")] = False,
) -> None:
    """Lay down a home: configuration, packs and rules. Files that exist are left alone."""
    written = homes.lay_down(_State.home, examples=with_examples)
    out.print(f"{len(written)} files written to {_State.home.resolve()}.")
    out.print("Drop files in inbound/<partner>/, then run `gateway once`.")


@app.command()
def once(
    now: Annotated[str | None, typer.Option(help="Look at the books as at this instant.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Take everything that waits, bring the books up to date, write the workbooks, and end."""
    with _gateway(now=now) as gateway:
        done = run_once(gateway, progress=err.is_terminal)
    if as_json:
        _print_json({"files": [asdict(f) for f in done.files], "books": asdict(done.books),
                     "workbooks": [str(p) for p in done.workbooks]})  # fmt: skip
    else:
        _print_pass(done)
    raise typer.Exit(PERSON if list(pending(done.files)) else DONE)


def _print_pass(done: Pass) -> None:
    if done.files:
        out.print(_file_table(done.files))
    for file in pending(done.files):
        out.print(f"[bold]{file.state}[/] {file.partner}/{file.name}: {file.reason}", markup=True)
    books = Table("reconciliation", "matched", "timing", "open", box=None, pad_edge=False)
    for line in done.books.lines:
        books.add_row(f"{line.reconciliation}  {line.title}", str(line.matched), str(line.timing), str(line.open))
    out.print(books)
    out.print(f"{done.books.open} exceptions open, {done.books.opened} opened, {done.books.closed} closed.")
    for path in done.workbooks:
        out.print(f"workbook {path}")


def _file_table(files: list[FileResult]) -> Table:
    columns = ("state", "partner", "file", "feed", "received", "accepted", "rejected", "duplicate", "ignored")
    table = Table(*columns, box=None, pad_edge=False)
    for f in files:
        numbers = (f.received, f.accepted, f.rejected, f.duplicate, f.ignored)
        table.add_row(f.state, f.partner, f.name, f.feed, *map(str, numbers))
    return table


@app.command()
def run() -> None:
    """Watch the drop folders and servers until stopped (SIGTERM or Ctrl-C)."""
    from gateway import daemon

    daemon.run(_State.home)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Files, open exceptions and the trial balance; works while another process commits."""
    settings = configuration.load(_State.home)
    with lake.open_lake(_State.home, settings, read_only=True) as ledger:
        con = ledger.con
        found = {
            "files": list(staging.rows_of(con, _FILES)),
            "needs a person": list(staging.rows_of(con, _PENDING)),
            "exceptions": list(staging.rows_of(con, _EXCEPTIONS)),
            "trial balance": list(staging.rows_of(con, _TRIAL)),
        }
    if as_json:
        _print_json(found)
        return
    for title, rows in found.items():
        out.print(f"[bold]{title}[/]", markup=True)
        _print_rows(rows)


_FILES = "select state, count(*) as files, sum(received) as rows from file_state group by state order by state"
_PENDING = """select file_id, state, partner, name, reason from file_state
where state in ('HELD', 'QUARANTINED') order by partner, name"""
_EXCEPTIONS = """select reconciliation, code, severity, owner, count(*) as open, sum(amount) as amount from exception
where status = 'OPEN' group by all order by severity, code"""
_TRIAL = """select entity, currency, sum(debit) as debit, sum(credit) as credit, sum(debit) - sum(credit) as balance
from journal_line group by all order by all"""


@app.command()
def check(
    mappings: Annotated[list[str] | None, typer.Argument(help="Mappings below mappings/; all if left out.")] = None,
    expand: Annotated[bool, typer.Option("--expand", help="Print the mapping with what it is based on.")] = False,
) -> None:
    """Lint mappings, their lookups and the accounting rules, and check them against their samples."""
    from gateway.books import rules
    from gateway.mapping import samples

    rules.load(_State.home)
    root = _State.home / "mappings"
    library = load.load_all(_State.home)
    paths = [_mapping_path(name) for name in mappings] if mappings else sorted(
        p for p in root.glob("*/*.toml") if p.parent.name not in load.PASSIVE
    )  # fmt: skip
    faults = [] if mappings else list(library.faults)
    for path in paths:
        loaded, found = load.load_file(path, root)
        faults += [f for f in found if f not in faults]
        if loaded is None:
            continue
        faults += lint.check(loaded, library.lookups, check_options)
        if expand:
            out.print(
                json.dumps(loaded.mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True), indent=2)
            )
    for fault in faults:
        out.print(str(fault))
    wrong = 0
    if not faults:
        with _scratch() as gateway:
            for path in paths:
                for message in samples.check(path, lambda p, s: _sample(gateway, p, s)):
                    wrong += 1
                    out.print(message)
    out.print(f"{len(paths)} mappings checked, {len(faults) + wrong} faults.")
    raise typer.Exit(USAGE if faults else PERSON if wrong else DONE)


def _sample(gateway: Gateway, path: Path, sample: Path) -> dict[str, Any]:
    return try_file(gateway, _loaded(gateway, path), sample)


def _mapping_path(name: str) -> Path:
    root = _State.home / "mappings"
    path = root / (name.removeprefix("mappings/").removesuffix(".toml") + ".toml")
    if not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
        known = sorted(p.relative_to(root).with_suffix("").as_posix() for p in root.glob("*/*.toml"))
        raise GatewayError("find mapping", name, f"There are: {', '.join(known) or 'none'}.")
    return path


def _loaded(gateway: Gateway, path: Path) -> load.Loaded:
    loaded, faults = load.load_file(path, gateway.home / "mappings")
    if loaded is not None:
        faults = lint.check(loaded, gateway.library.lookups, check_options)
    if loaded is None or faults:
        raise GatewayError("use mapping", path.stem, "Mend it and try again.", "; ".join(map(str, faults)))
    return loaded


@contextmanager
def _scratch() -> Iterator[Gateway]:
    """The home's settings with its ledger as it is, or an empty one that is thrown away."""
    with open_gateway(_State.home, now=None, scratch=True) as gateway:
        yield gateway


@app.command(name="try")
def try_(
    mapping: Annotated[str, typer.Argument(help="A mapping below mappings/, with or without .toml.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show what a mapping makes of a file: rows, faults and entries. Writes nothing."""
    path = _mapping_path(mapping)
    with _scratch() as gateway:
        result = try_file(gateway, _loaded(gateway, path), file)
    if as_json:
        _print_json(result)
    else:
        _print_try(result)
    raise typer.Exit(PERSON if result["held"] else DONE)


def _print_try(result: dict[str, Any]) -> None:
    out.print(f"{result['file']}: " + ", ".join(f"{n} {k}" for k, n in result["counts"].items()))
    if result["held"]:
        out.print("The file would be held: nothing of it would post.")
    for fault in result["faults"]:
        out.print(f"{fault['code']} {fault['position']}: {fault['message']} {fault['hint']}")
    for table, rows in result["records"].items():
        out.print(f"[bold]{table}[/] {len(rows)} rows", markup=True)
        _print_rows([{k: v for k, v in row.items() if v is not None and k != "_ordinal"} for row in rows[:20]])
    if result["entries"]:
        out.print(f"[bold]entries[/] {len(result['entries'])} lines", markup=True)
        keys = ("entry_id", "date", "account", "role", "debit", "credit", "currency", "document")
        _print_rows([{k: line[k] for k in keys} for line in result["entries"][:40]])


def _print_rows(rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print("(none)")
        return
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if row.get(c) is None else str(row[c]) for c in columns))
    out.print(table, markup=False)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over the ledger's tables and views.")],
    form: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
    as_of: Annotated[str | None, typer.Option("--as-of", help="The ledger as it stood then.")] = None,
) -> None:
    """Ask the ledger; read-only, and possible while another process commits."""
    import duckdb

    from gateway.books import stock

    settings = configuration.load(_State.home)
    with lake.open_lake(_State.home, settings, read_only=True, as_of=as_of) as ledger:
        stock.create_views(ledger.con)
        asking.check(ledger.con, sql)
        try:
            rows = retry(lambda: list(staging.rows_of(ledger.con, sql)))
        except duckdb.Error as error:
            raise GatewayError("run query", sql[:80], "Mend the SQL.", str(error).split("\n")[0]) from None
    if form == "json":
        _print_json(rows)
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print_rows(rows)


@app.command()
def verify() -> None:
    """Check that the ledger still says what was committed: rows, chain, archive and sums."""
    settings = configuration.load(_State.home)
    with lake.open_lake(_State.home, settings, read_only=True) as ledger:
        findings = verification.verify(ledger)
    for finding in findings:
        out.print(f"{finding.table} {finding.row}: {finding.message}")
    out.print("The ledger is as it was committed." if not findings else f"{len(findings)} findings.")
    raise typer.Exit(PERSON if findings else DONE)


@app.command()
def maintain() -> None:
    """Keep the ledger's files in order: merge small ones, remove unused ones, seal them. Nothing is forgotten."""
    settings = configuration.load(_State.home)
    with lake.open_lake(_State.home, settings) as ledger:
        done = maintenance.maintain(ledger)
    out.print(
        f"{done.rows} rows moved into data files; {done.merged} files merged into {done.made}, "
        f"{done.removed} removed, {done.sealed} sealed."
    )


@app.command()
def replay(file_ids: list[str]) -> None:
    """Read archived files again under today's mappings; what changed is restated, the rest is a duplicate."""
    _again(file_ids, force=False)


@app.command()
def release(file_id: str) -> None:
    """Let a held file post although it does not tie out; the release is in the audit trail."""
    _again([file_id], force=True)


def _again(file_ids: list[str], *, force: bool) -> None:
    with _gateway() as gateway:
        results = [result for file_id in file_ids for result in gateway.again(file_id, force=force)]
        gateway.run_books()
    out.print(_file_table(results))
    raise typer.Exit(PERSON if list(pending(results)) else DONE)


@app.command()
def generate(
    days: Annotated[int, typer.Option(min=7, max=366)] = 14,
    orders_per_day: Annotated[int, typer.Option(min=5, max=20_000)] = 40,
    seed: int = 7,
) -> None:
    """Write the files of the synthetic business into inbound/, and truth.csv beside it."""
    from gateway import synthetic

    truth = synthetic.generate(_State.home, seed=seed, days=days, orders_per_day=orders_per_day)
    out.print(f"{truth.files} files; {len(truth.planted)} planted discrepancies in {_State.home / 'truth.csv'}")
    out.print(f"Look at the books with: gateway -C {_State.home} once --now {truth.now.isoformat()}")


@app.command()
def demo() -> None:
    """Make a home in ./demo, let two weeks of business pass through it, and compare with the planted truth."""
    raise typer.Exit(DONE if demonstration.run(_State.home / "demo", out, err.is_terminal) else PERSON)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=staging.plain) + "\n")


def main() -> None:
    """Entry point: an operator's error is one clear line and exit code 2."""
    try:
        app()
    except GatewayError as error:
        err.print(str(error), markup=False)
        sys.exit(USAGE)
