"""The whole of `config.toml`, a key for each subject."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import Field, model_validator

from gateway.settings.audit import Audit
from gateway.settings.daemon import Daemon
from gateway.settings.documents import Send
from gateway.settings.ledger import Ledger
from gateway.settings.limits import Limits
from gateway.settings.notify import Notify
from gateway.settings.parties import Channel, Entity, Partner
from gateway.settings.periods import Hold, Surge
from gateway.settings.pgp import Pgp
from gateway.settings.rates import Rates
from gateway.settings.servers import S3, FolderDrop, Ftps, Sftp
from gateway.settings.strict import Strict
from gateway.settings.tolerance import Tolerance
from gateway.settings.workbooks import Workbooks
from gateway.toml_faults import wrong


class Config(Strict):
    """The whole of `config.toml`."""

    entities: dict[str, Entity] = Field(examples=['{ US = { currency = "USD" } }'])
    channels: dict[str, Channel] = Field(default_factory=dict)
    partners: dict[str, Partner] = Field(default_factory=dict)
    ledger: Ledger = Ledger()
    audit: Audit = Audit()
    limits: Limits = Limits()
    daemon: Daemon = Daemon()
    tolerance: Tolerance = Tolerance()
    rates: Rates = Rates()
    pgp: Pgp = Pgp()
    notify: Notify = Notify()
    workbooks: Workbooks = Workbooks()
    hold: tuple[Hold, ...] = ()
    surge: tuple[Surge, ...] = ()
    folder: tuple[FolderDrop, ...] = ()
    sftp: tuple[Sftp, ...] = ()
    ftps: tuple[Ftps, ...] = ()
    s3: tuple[S3, ...] = ()
    send: tuple[Send, ...] = ()

    def entity_of(self, partner: str) -> str:
        """The entity that a partner's files belong to: the first for one without settings."""
        known = self.partners.get(partner)
        return known.entity if known else next(iter(self.entities))

    @model_validator(mode="after")
    def _anchored_elsewhere(self) -> Config:
        for place in self.audit.anchor:
            inside = (self.ledger.path, self.ledger.data, self.ledger.archive)
            if any(within and PurePosixPath(place).is_relative_to(PurePosixPath(within)) for within in inside):
                fix = (
                    "write a place outside of it: who changes the ledger must not reach its anchor with the same rights"
                )
                raise wrong(f"the anchor {place} lies in the ledger", fix, "audit")
        if any("://" in place for place in self.audit.anchor) and not self.ledger.s3.access_key_env:
            fix = "name access_key_env and secret_key_env in [ledger.s3]"
            raise wrong("an anchor in a bucket needs a key", fix, "audit")
        return self
