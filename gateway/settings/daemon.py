"""The pace of `gateway run`."""

from __future__ import annotations

from pydantic import Field

from gateway.settings.strict import Strict


class Daemon(Strict):
    """Pace of `gateway run`, and where it shows its state: "host:port", "" for nowhere."""

    tick_s: float = 2.0
    still_s: float = 2.0
    sftp_poll_s: float = 30.0
    back_off_s_max: float = 300.0
    ignore: tuple[str, ...] = (".*", "*.tmp", "*.part", "*.filepart", "*~", "~$*", "README.md")
    listen: str = Field(default="", pattern=r"^([^\s/]+:\d{1,5})?$", examples=['"127.0.0.1:9464"'])
