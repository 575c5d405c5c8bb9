"""Settings of a home: `config.toml`, a file a subject. docs/configuration.md describes every key."""

from gateway.settings.audit import Audit
from gateway.settings.config import Config
from gateway.settings.daemon import Daemon
from gateway.settings.documents import STOCK_REPORTS, Acknowledge, Send
from gateway.settings.ledger import Ledger, LedgerS3
from gateway.settings.limits import Limits
from gateway.settings.load import SettingsError, load, parse
from gateway.settings.notify import Notify, Recipient, Smtp
from gateway.settings.parties import Channel, Entity, Partner
from gateway.settings.periods import Hold, Surge
from gateway.settings.pgp import Pgp
from gateway.settings.secrets import secret_of
from gateway.settings.servers import S3, FolderDrop, Ftps, Jump, Server, Sftp
from gateway.settings.strict import Strict, Zone
from gateway.settings.tolerance import Tolerance

__all__ = [
    "S3",
    "STOCK_REPORTS",
    "Acknowledge",
    "Audit",
    "Channel",
    "Config",
    "Daemon",
    "Entity",
    "FolderDrop",
    "Ftps",
    "Hold",
    "Jump",
    "Ledger",
    "LedgerS3",
    "Limits",
    "Notify",
    "Partner",
    "Pgp",
    "Recipient",
    "Send",
    "Server",
    "SettingsError",
    "Sftp",
    "Smtp",
    "Strict",
    "Surge",
    "Tolerance",
    "Zone",
    "load",
    "parse",
    "secret_of",
]
