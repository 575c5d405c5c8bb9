"""The pace of `gateway run`."""

from __future__ import annotations

from pydantic import Field, model_validator

from gateway.settings.strict import LOOPBACK, Strict
from gateway.toml_faults import wrong


class Daemon(Strict):
    """Pace of `gateway run`, and where it shows its state: "host:port", "" for nowhere.

    Whoever asks for the state needs the token that the environment variable `token_env` holds; without one only this
    machine can ask.
    """

    tick_s: float = 2.0
    still_s: float = 2.0
    sftp_poll_s: float = 30.0
    back_off_s_max: float = 300.0
    ignore: tuple[str, ...] = (".*", "*.tmp", "*.part", "*.filepart", "*~", "~$*", "README.md")
    listen: str = Field(default="", pattern=r"^([^\s/]+:\d{1,5})?$", examples=['"127.0.0.1:9464"'])
    token_env: str = ""

    @model_validator(mode="after")
    def _closed_to_others(self) -> Daemon:
        host = self.listen.rpartition(":")[0].strip("[]")
        if host and host not in LOOPBACK and not self.token_env:
            fix = "listen at 127.0.0.1, or name the environment variable with the token to ask with in token_env"
            raise wrong("other machines could read the state", fix, "listen")
        return self
