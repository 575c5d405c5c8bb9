"""The command `gateway`: a thin host of the rooms below."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import structlog
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway import init as homes
from gateway import notifications
from gateway import settings as configuration
from gateway.books import feeds as expected
from gateway.errors import FileError, HouseError
from gateway.formats import options_fault
from gateway.home import Home, open_home, open_samples
from gateway.intake.again import again
from gateway.intake.attempt import attempt
from gateway.intake.result import FileResult, pending
from gateway.ledger import backup as backups
from gateway.ledger import lake, maintenance, queries
from gateway.ledger import restore as restoration
from gateway.ledger import verify as verification
from gateway.ledger.locking import retry
from gateway.mapping.language import toml
from gateway.mapping.library import load
from gateway.mapping.lint import lint
from gateway.notifications import state as notification_state
from gateway.once import Pass, run_books, run_once
from gateway.sql import plain, rows_of

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
WIDE = 100_000
"""Columns of a pipe: nothing is folded or cut there."""

out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)

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
        raise HouseError("read instant", text, "Write it like 2026-11-01T08:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _opened(*, now: str | None = None, read_only: bool = False) -> Iterator[Home]:
    with open_home(_State.home, now=_when(now), read_only=read_only) as home:
        yield home


@app.command()
def init(
    with_examples: Annotated[bool, typer.Option("--with-examples", help="Make the example partners active.")] = False,
) -> None:
    """Lay down a home: configuration, packs and rules. Files that exist are left alone."""
    try:
        written = homes.lay_down(_State.home, examples=with_examples)
    except OSError as error:
        raise HouseError("lay down", str(_State.home), "Choose a folder that can be written.", str(error)) from None
    out.print(f"{len(written)} files written to {_State.home.resolve()}.")
    out.print("Drop files in inbound/<partner>/, then run `gateway once`.")


@app.command()
def once(
    now: Annotated[str | None, typer.Option(help="Look at the books as at this instant.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Take everything that waits, bring the books up to date, write the workbooks, and end."""
    with _opened(now=now) as home:
        done = run_once(home, progress=err.is_terminal)
    if as_json:
        _print_json({"files": [asdict(f) for f in done.files], "books": asdict(done.books),
                     "workbooks": [str(p) for p in done.workbooks],
                     "acknowledgements": [str(p) for p in done.acknowledgements],
                     "problems": done.problems})  # fmt: skip
    else:
        _print_pass(done)
    raise typer.Exit(PERSON if list(pending(done.files)) else DONE)


def _print_pass(done: Pass) -> None:
    if done.files:
        out.print(_file_table(done.files))
    for file in pending(done.files):
        out.print(f"[bold]{file.state}[/] {escape(f'{file.partner}/{file.name}: {file.reason}')}", markup=True)
    for problem in done.problems:
        out.print(f"[bold]left alone[/] {escape(problem)}", markup=True)
    for path in done.acknowledgements:
        out.print(f"acknowledgement {path}")
    books = _table("reconciliation", "matched", "timing", "open")
    for line in done.books.lines:
        books.add_row(f"{line.reconciliation}  {line.title}", str(line.matched), str(line.timing), str(line.open))
    out.print(books)
    out.print(f"{done.books.open} exceptions open, {done.books.opened} opened, {done.books.closed} closed.")
    for path in done.workbooks:
        out.print(f"workbook {path}")


def _file_table(files: list[FileResult]) -> Table:
    columns = ("state", "partner", "file", "feed", "received", "accepted", "rejected", "duplicate", "ignored")
    table = _table(*columns)
    for f in files:
        numbers = (f.received, f.accepted, f.rejected, f.duplicate, f.ignored)
        table.add_row(f.state, f.partner, f.name, f.feed, *map(str, numbers))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


@app.command()
def run() -> None:
    """Watch the drop folders and servers until stopped (SIGTERM or Ctrl-C)."""
    from gateway import daemon

    daemon.run(_State.home)


@app.command()
def top(
    once: Annotated[bool, typer.Option("--once", help="Print it once and end.")] = False,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
) -> None:
    """Watch the running gateway: transports, feeds, what needs a person. `daemon.listen` must be set."""
    from gateway import top as live

    address = configuration.load(_State.home).daemon.listen
    if once or not out.is_terminal:
        out.print(live.drawn(live.ask(address)))
        return
    live.watch(address, out, every)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Files, what is expected today, open exceptions and the trial balance; works while another process commits."""
    settings = configuration.load(_State.home)
    feeds = expected.feeds_of(load.load_all(_State.home), settings)
    with lake.open_lake(_State.home, settings, read_only=True) as ledger:
        con = ledger.con
        found = {
            "files": list(rows_of(con, _FILES)),
            "expected today": _expected_today(con, feeds),
            "needs a person": list(rows_of(con, _PENDING)),
            "exceptions": list(rows_of(con, _EXCEPTIONS)),
            "trial balance": list(rows_of(con, _TRIAL)),
            "notifications": _notifications(settings, ledger.folder),
        }
    if as_json:
        _print_json(found)
        return
    for title, rows in found.items():
        out.print(title, style="bold")
        _print_rows(rows)


def _expected_today(con: Any, feeds: list[expected.Feed]) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    came = expected.arrivals(con, feeds)
    rows = []
    for feed in feeds:
        for one in expected.of_today(expected.standings(feed, came[feed.name], now), now):
            came_at = one.file and one.file.arrived_at.astimezone(feed.expect.zone)
            state = f"came at {came_at:%Y-%m-%d %H:%M}" if came_at else one.state(now)
            due = one.period.due.astimezone(feed.expect.zone)
            rows.append({"feed": feed.name, "period": one.period.key, "due": f"{due:%Y-%m-%d %H:%M%z}", "state": state})
    return rows


def _notifications(settings: configuration.Config, folder: Path) -> list[dict[str, Any]]:
    notified = notification_state.read(folder)
    names = [notifications.identity(recipient) for recipient in settings.notify.to]
    found = {name: notified.get(name, notification_state.Notified()) for name in names}
    return [
        {"to": name, "last digest": one.digest, "alerted and open": len(one.alerted), "fails since": one.problem_since,
         "problem": one.problem}
        for name, one in found.items()
    ]  # fmt: skip


@app.command()
def notify() -> None:
    """Send the digests and alerts that are due, and end; `gateway run` does so by itself."""
    with _opened(read_only=True) as home:
        notifier = notifications.Notifier(_State.home, home.settings, home.rules, home.feeds)
        now = home.now
    with closing(notifier):
        for due in notifier.look(now):
            out.print(f"{due.message.kind} to {notifications.identity(due.recipient)}: {due.message.subject}")
    problems = [row for row in _notifications(home.settings, home.lake.folder) if row["problem"]]
    for row in problems:
        out.print(f"not sent to {row['to']}: {row['problem']}")
    raise typer.Exit(PERSON if problems else DONE)


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
    expand: Annotated[
        bool, typer.Option("--expand", help="Print each mapping with what it is based on, as TOML, and end.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Write what the samples now become as what is expected of them.")
    ] = False,
) -> None:
    """Lint mappings, packs, their lookups and the accounting rules, and check them against their samples."""
    from gateway.books.rules import load as load_rules

    notifications.check(_State.home, configuration.load(_State.home), load_rules(_State.home))
    root = _State.home / "mappings"
    library = load.load_all(_State.home)
    paths = [_mapping_path(name) for name in mappings] if mappings else _mappings_and_packs(root)
    faults = [] if mappings else list(library.faults)
    sound = []
    for path in paths:
        loaded, found = load.load_file(path, root)
        found = found if loaded is None else lint.check(loaded, library.lookups, options_fault)
        faults += [fault for fault in found if fault not in faults]
        sound += [] if found else [path]
    if expand:
        _print_expanded(sound, root)
    for fault in faults:
        (err if expand else out).print(str(fault))
    if expand:
        raise typer.Exit(USAGE if faults else DONE)
    differences = _check_samples(sound, refresh=refresh)
    for line in differences:
        out.print(line)
    out.print(f"Mappings checked: {len(paths)}; faults: {len(faults) + len(differences)}.")
    raise typer.Exit(USAGE if faults else PERSON if differences else DONE)


def _mappings_and_packs(root: Path) -> list[Path]:
    partners = [path for path in root.glob("*/*.toml") if path.parent.name not in load.PASSIVE]
    return sorted(partners) + sorted(root.glob("standard/*/*.toml"))


def _print_expanded(paths: list[Path], root: Path) -> None:
    for path in paths:
        data, _ = load.expanded(path, root)
        sys.stdout.write(f"# mappings/{path.relative_to(root).as_posix()}\n{toml.text(data or {})}\n")


def _check_samples(paths: list[Path], *, refresh: bool) -> list[str]:
    """One line for each difference between what samples become and what is expected of them."""
    from gateway.mapping.library import samples

    found: list[str] = []
    with open_samples(_State.home) as home:
        ours = home.master.tables()
        for path in paths:
            home.master.replace(*(samples.master_data(path) or ours))
            found += samples.check(path, lambda p, s: attempt(home, _loaded(home, p), s), refresh=refresh)
    return found


def _mapping_path(name: str) -> Path:
    root = _State.home / "mappings"
    path = root / (name.removeprefix("mappings/").removesuffix(".toml") + ".toml")
    if not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
        known = [p.relative_to(root).with_suffix("").as_posix() for p in _mappings_and_packs(root)]
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known) or 'none'}."
        raise HouseError("find mapping", name, hint, "there is no such file below mappings/")
    return path


def _loaded(home: Home, path: Path) -> load.Loaded:
    loaded, faults = load.load_file(path, home.folder / "mappings")
    if loaded is not None:
        faults = lint.check(loaded, home.library.lookups, options_fault)
    if loaded is None or faults:
        raise HouseError("use mapping", path.stem, "Fix it and try again.", "; ".join(map(str, faults)).rstrip("."))
    return loaded


@contextmanager
def _scratch() -> Iterator[Home]:
    """The home's settings with its ledger as it is, or an empty one that is thrown away."""
    with open_home(_State.home, now=None, scratch=True) as home:
        yield home


@app.command(name="try")
def try_(
    mapping: Annotated[str, typer.Argument(help="A mapping below mappings/, with or without .toml.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show what a mapping makes of a file: rows, faults and entries. Writes nothing."""
    configuration.load(_State.home)
    path = _mapping_path(mapping)
    with _scratch() as home:
        loaded = _loaded(home, path)
        try:
            result = attempt(home, loaded, file)
        except FileError as error:
            result = _unreadable(file, error)
    if as_json:
        _print_json(result)
    else:
        _print_try(result)
    raise typer.Exit(PERSON if result["held"] else DONE)


def _unreadable(file: Path, error: FileError) -> dict[str, Any]:
    """The result for a file that cannot be read at all: it would be quarantined for this reason."""
    fault = {
        "position": error.position, "code": error.code, "message": error.cause or str(error), "hint": error.hint,
    }  # fmt: skip
    counts = dict.fromkeys(("received", "accepted", "rejected", "duplicate", "ignored"), 0)
    return {"file": file.name, "counts": counts, "held": True, "records": {}, "faults": [fault], "entries": []}


def _print_try(result: dict[str, Any]) -> None:
    out.print(f"{result['file']}: " + ", ".join(f"{n} {k}" for k, n in result["counts"].items()))
    if result["held"]:
        out.print("The file would be held: nothing of it would post.")
    for fault in result["faults"]:
        out.print(f"{fault['code']} {fault['position']}: {fault['message']} {fault['hint']}")
    for table, rows in result["records"].items():
        out.print(f"{table}: {len(rows)} rows", style="bold")
        _print_rows([{k: v for k, v in row.items() if v is not None and k != "_ordinal"} for row in rows[:20]])
    if result["entries"]:
        out.print(f"entries: {len(result['entries'])} lines", style="bold")
        keys = ("entry_id", "date", "account", "role", "debit", "credit", "currency", "document")
        _print_rows([{k: line[k] for k in keys} for line in result["entries"][:40]])


def _print_rows(rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print("(none)")
        return
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = _table(*columns)
    for row in rows:
        table.add_row(*("" if row.get(c) is None else str(row[c]) for c in columns))
    out.print(table)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over the ledger's tables and views.")],
    form: Annotated[Literal["table", "csv", "json"], typer.Option("--format")] = "table",
    as_of: Annotated[str | None, typer.Option("--as-of", help="The ledger as it stood then.")] = None,
) -> None:
    """Ask the ledger; read-only, and possible while another process commits."""
    import duckdb

    from gateway.books.stock import views

    settings = configuration.load(_State.home)
    with lake.open_lake(_State.home, settings, read_only=True, as_of=as_of) as ledger:
        views.create_views(ledger.con)
        views.hold(ledger.con, settings.hold)
        queries.check(ledger.con, sql)
        try:
            columns, rows = retry(lambda: _answer(ledger.con, sql))
        except duckdb.Error as error:
            cause = str(error).split("\n")[0].rstrip("!.")
            raise HouseError("run query", sql[:80], "Fix the SQL.", cause) from None
    if form == "json":
        _print_json(rows)
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _print_rows(rows)


def _answer(con: Any, sql: str) -> tuple[list[str], list[dict[str, Any]]]:
    """(column names, rows): the names are known also where there is no row."""
    columns = [column[0] for column in con.execute(f"describe {sql}").fetchall()]
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise HouseError("run query", sql[:80], 'Name them apart with "as".', f"two columns are named {twice[0]}")
    return columns, list(rows_of(con, sql))


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
def backup(
    target: Annotated[Path, typer.Argument(help="A folder on another disk; each backup is a folder in it.")],
) -> None:
    """Copy the home as it stands after one commit, and verify the copy; works while another process commits."""
    done = backups.back_up(_State.home, configuration.load(_State.home), target)
    out.print(f"{done.folder}: {done.copied} files copied, {done.linked} shared with the backup before; verified.")


@app.command()
def restore(
    backup: Annotated[Path, typer.Argument(help="A folder that `gateway backup` made, or another home.")],
) -> None:
    """Put the ledger of a backup where config.toml says it lies, which must be empty, and verify it."""
    done = restoration.restore(_State.home, configuration.load(_State.home), backup)
    out.print(f"{done.place}: {done.copied} files copied, {done.present} were there already; verified.")


@app.command()
def replay(file_ids: list[str]) -> None:
    """Read archived files again under today's mappings; what changed is restated, the rest is a duplicate."""
    _again(file_ids, force=False)


@app.command()
def release(file_id: str) -> None:
    """Let a held file post although it does not tie out; the release is in the audit trail."""
    _again([file_id], force=True)


def _again(file_ids: list[str], *, force: bool) -> None:
    with _opened() as home:
        results = [result for file_id in file_ids for result in again(home, file_id, force=force)]
        run_books(home)
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

    configuration.load(_State.home)
    truth = synthetic.generate(_State.home, seed=seed, days=days, orders_per_day=orders_per_day)
    out.print(f"{truth.files} files; {len(truth.planted)} planted discrepancies in {_State.home / 'truth.csv'}")
    out.print(f"Look at the books with: gateway -C {_State.home} once --now {truth.now.isoformat()}")


@app.command()
def demo() -> None:
    """Make a home in ./demo, let two weeks of business pass through it, and compare with the planted truth."""
    from gateway import demo as demonstration

    raise typer.Exit(DONE if demonstration.run(_State.home / "demo", out, err.is_terminal) else PERSON)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=plain) + "\n")


def _log_to_stderr() -> None:
    """Text on a terminal, a line of JSON for each event otherwise."""
    terminal = [structlog.dev.ConsoleRenderer()]
    machine = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(terminal if err.is_terminal else machine),
        ],
        # The standard error of the moment: it may be replaced while the program runs.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def main() -> None:
    """Entry point: an operator's error is one clear line and exit code 2."""
    _log_to_stderr()
    try:
        app()
    except HouseError as error:
        err.print(str(error), markup=False)
        sys.exit(USAGE)
