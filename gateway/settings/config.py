"""The whole of `config.toml`, a key for each subject."""

from __future__ import annotations

from pydantic import Field

from gateway.settings.daemon import Daemon
from gateway.settings.documents import Send
from gateway.settings.ledger import Ledger
from gateway.settings.limits import Limits
from gateway.settings.notify import Notify
from gateway.settings.parties import Channel, Entity, Partner
from gateway.settings.periods import Hold, Surge
from gateway.settings.pgp import Pgp
from gateway.settings.servers import S3, FolderDrop, Ftps, Sftp
from gateway.settings.strict import Strict
from gateway.settings.tolerance import Tolerance


class Config(Strict):
    """The whole of `config.toml`."""

    entities: dict[str, Entity] = Field(examples=['{ US = { currency = "USD" } }'])
    channels: dict[str, Channel] = Field(default_factory=dict)
    partners: dict[str, Partner] = Field(default_factory=dict)
    ledger: Ledger = Ledger()
    limits: Limits = Limits()
    daemon: Daemon = Daemon()
    tolerance: Tolerance = Tolerance()
    pgp: Pgp = Pgp()
    notify: Notify = Notify()
    hold: tuple[Hold, ...] = ()
    surge: tuple[Surge, ...] = ()
    folder: tuple[FolderDrop, ...] = ()
    sftp: tuple[Sftp, ...] = ()
    ftps: tuple[Ftps, ...] = ()
    s3: tuple[S3, ...] = ()
    send: tuple[Send, ...] = ()
