"""`gateway top`: the state of the running gateway, drawn in the terminal again and again."""

from __future__ import annotations

import http.client
import json
import signal
import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.errors import HouseError

TIMEOUT_S = 5.0
ROWS_MAX = 15


def ask(address: str, token: str = "") -> dict[str, Any]:
    """The state that `gateway run` shows at that address, to those who have the token. Raises HouseError without
    one."""
    if not address:
        hint = 'Set it in config.toml, e.g. listen = "127.0.0.1:9464", and start `gateway run` again.'
        raise HouseError("look at", "the running gateway", hint, "[daemon] listen is not set")
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/state", headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            cause = answer.read().decode("utf-8", "replace").strip()
            raise HouseError("look at the gateway at", address, "Check daemon.listen and daemon.token_env.", cause)
        state = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        hint = "Start `gateway run`, or fix daemon.listen."
        raise HouseError("look at the gateway at", address, hint, str(error) or "no answer") from error
    finally:
        connection.close()
    return dict(state)


def watch(address: str, console: Console, every: float, token: str = "") -> None:
    """Draw the state until Ctrl-C; a gateway that is away for a while is waited for."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Live(drawn(ask(address, token)), console=console, screen=True, auto_refresh=False) as screen:
        try:
            while True:
                time.sleep(every)
                try:
                    screen.update(drawn(ask(address, token)), refresh=True)
                except HouseError as error:
                    screen.update(Text(str(error), style="bold red"), refresh=True)
        except KeyboardInterrupt:
            return


def drawn(state: dict[str, Any]) -> Group:
    """The state as tables."""
    head = Text(f"running since {state['started']} · {state['step']} for {state['step_s']:.0f} s")
    problems = [*state["problems"], *state["configuration"]]
    feeds = list(state["feeds"].items())[:ROWS_MAX]
    return Group(
        head,
        *(Text(problem, style="bold red") for problem in problems),
        _table(
            ("transport", "visited", "error"),
            [(t["name"], _ago(t["visited_s_ago"]), t["error"] or "") for t in state["transports"]],
        ),
        _table(
            ("feed", "files", "rows", "rejected", "last", "lag"),
            [(name, f["files"], f["rows"], f["rejected"], f["last"], f"{f['lag_s']} s") for name, f in feeds],
        ),
        _table(
            ("severity", "owner", "open exceptions"),
            [(e["severity"], e["owner"] or "", e["count"]) for e in state["exceptions"]],
        ),
        _table(
            ("at", "state", "partner", "file", "received", "rejected", "reason"),
            [
                (r["at"], r["state"], r["partner"], r["name"], r["received"], r["rejected"], r["reason"][:60])
                for r in state["recent"][:ROWS_MAX]
            ],
        ),
    )


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s ago"


def _table(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    table = Table(*columns, box=None, pad_edge=False, title_justify="left")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    return table
