"""`config.toml` → checked settings. All faults are told at once, each with its key and the fix."""

from __future__ import annotations

import os
import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gateway.calendars import spans
from gateway.errors import HouseError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def secret_of(variable: str) -> str:
    """The secret that an environment variable holds, "" if there is none."""
    return os.environ.get(variable, "") if variable else ""


def _known_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f'there is no time zone "{value}"; write e.g. Europe/Berlin')
    return value


Zone = Annotated[str, AfterValidator(_known_zone)]
"""Name of a time zone."""


class Strict(BaseModel):
    """Settings where an unknown key is an error: a typing slip must never be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(Strict):
    """Bounds of every input. Past one, the file is quarantined with the reason and others go on."""

    file_bytes_max: int = 4 * 1024**3
    rows_per_file_max: int = 50_000_000
    columns_max: int = 2_000
    cell_bytes_max: int = 1_000_000
    faults_per_file_max: int = 100_000
    xml_depth_max: int = 64
    xml_text_bytes_max: int = 10_000_000
    unpacked_bytes_max: int = 8 * 1024**3
    unpacked_files_max: int = 10_000
    xlsx_expansion_ratio_max: int = 200
    xlsx_expanded_bytes_max: int = 2 * 1024**3
    edi_segment_bytes_max: int = 1_000_000
    edi_elements_per_segment_max: int = 1_000
    edi_units_per_file_max: int = 2_000_000
    file_name_chars_max: int = 255
    files_per_commit_max: int = 1_000
    deaths_max: int = Field(default=3, ge=1)
    memory_mb_max: int = 1_000


class Entity(Strict):
    """A legal entity that keeps books: name and functional currency."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    name: str = ""


class Channel(Strict):
    """A sales channel: which event makes its revenue, and which entity it belongs to."""

    entity: str
    revenue: Literal["shipment", "settlement"]
    settlement_days: int = 21


class Acknowledge(Strict):
    """What a partner is told of the files that it sent, as agreed with it; nothing unless it is named.

    `expect` is what it answers to what we send, within so many hours.
    """

    x12: Literal["997", "999", "none"] = "none"
    ta1: bool = False
    edifact: Literal["contrl", "none"] = "none"
    application: Literal["824", "aperak", "none"] = "none"
    feedback: Literal["csv", "xlsx", "none"] = "none"
    expect: Literal["997", "999", "ta1", "contrl", "aperak", "none"] = "none"
    within_h: float = Field(default=24.0, gt=0)


class Partner(Strict):
    """A trading partner: the entity its files belong to and the envelope identifiers it may send under.

    `pgp_signer` is the file of the OpenPGP certificate that must have signed what it sends encrypted. With a
    `marker` a file is whole when another is beside it whose name has that suffix besides.
    """

    entity: str
    senders: tuple[str, ...] = ()
    channel: str = ""
    acknowledge: Acknowledge = Acknowledge()
    pgp_signer: str = ""
    marker: str = Field("", pattern=r"^[^/]*$")


class Pgp(Strict):
    """Our OpenPGP key. The passphrase is read from the environment variable that `passphrase_env` names.

    Files of keys are below the home unless they are absolute.
    """

    key_file: str = ""
    passphrase_env: str = ""


class FolderDrop(Strict):
    """Where a partner drops files besides `inbound/<partner>/`: a folder below the home, or an absolute one.

    Where several gateways take files from it, each must know that it is `shared`.
    """

    partner: str
    folder: str
    shared: bool = False


class Server(Strict):
    """What is set for a server of any kind. New files of the folders `outbound/<deliver>` are delivered to it."""

    name: str
    partner: str
    deliver: tuple[str, ...] = ()
    connect_timeout_s: float = 10.0
    file_bytes_max: int = 4 * 1024**3


class Jump(Strict):
    """An SSH server that the way to an SFTP server leads through; none without `host`."""

    host: str = ""
    port: int = 22
    user: str = ""
    host_key: str = ""
    key_file: str = ""
    password_env: str = ""


class Sftp(Server):
    """One SFTP server that the gateway polls and delivers to.

    The password is read from the environment variable that `password_env` names; `host_key` is the
    server's public key as in a known_hosts line ("ssh-ed25519 AAAA…"): any other key is refused. `key_file`
    is below the home unless it is absolute. The same holds for the jump host.
    """

    host: str
    port: int = 22
    user: str
    host_key: str
    key_file: str = ""
    password_env: str = ""
    remote_in: str
    remote_done: str = ""
    remote_out: str = ""
    still_s: float = 2.0
    downloads_max: int = Field(1, ge=1, le=16)
    jump: Jump = Jump()


class Ftps(Server):
    """One FTP server with explicit TLS. The password is read from the environment variable `password_env` names.

    `ca_file` is below the home unless it is absolute; without one the authorities of the system are trusted.
    """

    host: str
    port: int = 21
    user: str
    password_env: str
    ca_file: str = ""
    remote_in: str
    remote_done: str = ""
    remote_out: str = ""
    still_s: float = 2.0


class S3(Server):
    """One bucket, of AWS where there is no `endpoint`. Both parts of the key are read from environment variables."""

    bucket: str
    endpoint: str = Field("", pattern=r"^(https?://.+)?$")
    region: str = "us-east-1"
    access_key_env: str
    secret_key_env: str
    ca_file: str = ""
    prefix_in: str
    prefix_done: str = ""
    prefix_out: str = ""


STOCK_REPORTS = ("846", "INVRPT")


class Send(Strict):
    """A document that tells a partner what is in the ledger: stock at set times, all else when there is something new.

    `sender` and `receiver` are qualifier/identifier. `names` is the kind of alias that the partner knows items by.
    """

    name: str = Field(pattern=r"^[\w.-]+$")
    partner: str
    document: Literal["846", "INVRPT", "940", "943", "180"]
    sender: str = Field(pattern=r"^[^/]{1,4}/[^/]+$")
    receiver: str = Field(pattern=r"^[^/]{1,4}/[^/]+$")
    version: str = ""
    locations: tuple[str, ...] = ()
    names: Literal["3PL", "MSKU", "FNSKU", "ASIN", "GTIN", "UPC", "VENDOR", "SKU"] = "3PL"
    unnamed: Literal["exception", "skip"] = "exception"
    statuses: tuple[
        Literal["AVAILABLE", "ALLOCATED", "RESERVED", "QC_HOLD", "DAMAGED", "RETURN_PENDING_INSPECTION", "IN_TRANSIT"],
        ...,
    ] = ("AVAILABLE",)
    less_safety: bool = False
    every: Literal["day", "hour"] = "day"
    at: str = Field(default="06:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    timezone: Zone = "UTC"
    since: date | Literal[""] = ""
    test: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Send:
        if self.document != "180" and not self.locations:
            raise ValueError("name the `locations` that it is about")
        if self.document not in STOCK_REPORTS and self.since == "":
            raise ValueError("say `since` which day: what is older is not told")
        known = r"D\.?(9[7-9]|[01]\d)[AB]" if self.document == "INVRPT" else r"00[4-8]\d{3}"
        if self.version and not re.fullmatch(known, self.version):
            raise ValueError(f"version {self.version!r} cannot be written; 004010 or D01B serve")
        return self

    @property
    def directory(self) -> str:
        """The version that it is written in."""
        return self.version.replace(".", "") or ("D01B" if self.document == "INVRPT" else "004010")

    @property
    def series(self) -> str:
        """What its control numbers are counted by."""
        return "edifact" if self.document == "INVRPT" else "x12"


class Daemon(Strict):
    """Pace of `gateway run`, and where it shows its state: "host:port", "" for nowhere."""

    tick_s: float = 2.0
    still_s: float = 2.0
    sftp_poll_s: float = 30.0
    back_off_s_max: float = 300.0
    ignore: tuple[str, ...] = (".*", "*.tmp", "*.part", "*.filepart", "*~", "~$*", "README.md")
    listen: str = Field(default="", pattern=r"^([^\s/]+:\d{1,5})?$")


class Tolerance(Strict):
    """What a reconciliation lets pass."""

    stock_units: Decimal = Decimal(1)
    stock_value: Decimal = Decimal(25)
    payout_days: int = 5
    settlement_amount: Decimal = Decimal("0.00")


class Hold(Strict):
    """Units that may not be sold for a time, as on a recall: of a SKU, at a location, or of the one at the other.

    `since` and `until` are the first and the last day (UTC); without `until` until the table is removed.
    """

    location: str = ""
    sku: str = ""
    since: date
    until: date | None = None
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _something(self) -> Hold:
        if not (self.location or self.sku):
            raise ValueError("name a location, a SKU, or both")
        _check_order(self.since, self.until)
        return self


class Surge(Strict):
    """A time in which so many returns of a partner come that what is found in them may wait so many days longer.

    `since` and `until` are the first and the last day (UTC) on which such an exception opens.
    """

    partner: str
    since: date
    until: date
    days: int = Field(14, ge=1, le=366)

    @model_validator(mode="after")
    def _in_order(self) -> Surge:
        _check_order(self.since, self.until)
        return self


def _check_order(since: date, until: date | None) -> None:
    if until is not None and until < since:
        raise ValueError("until is before since")


class Smtp(Strict):
    """The mail server that notifications go through. The password is read from the environment."""

    host: str = ""
    port: int = 587
    user: str = ""
    password_env: str = ""
    sender: str = ""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str = ""
    timeout_s: float = 20.0

    @model_validator(mode="after")
    def _kept_secret(self) -> Smtp:
        if self.tls == "none" and self.user and self.host not in LOOPBACK:
            raise ValueError('a password is not sent without TLS: write tls = "starttls" or "tls"')
        if self.host and "@" not in self.sender:
            raise ValueError("sender must be a mail address")
        return self


class Recipient(Strict):
    """Who is told of the exceptions of some owners, by mail or webhook: a digest each day, and what is grave at once.

    severity    alerts for this and graver ones; 0 for none
    digest_at   local time, "" for none
    quiet_from, quiet_until  local times between which no alert is sent; it is afterwards
    secret_env  environment variable with the secret that signs what is posted to the webhook
    """

    owner: tuple[str, ...] = Field(min_length=1)
    email: str = ""
    webhook: str = ""
    secret_env: str = ""
    severity: int = Field(1, ge=0, le=4)
    digest_at: str = "07:30"
    timezone: Zone = "UTC"
    quiet_from: str = ""
    quiet_until: str = ""

    @field_validator("owner", mode="before")
    @classmethod
    def _one_owner(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("digest_at", "quiet_from", "quiet_until")
    @classmethod
    def _time(cls, value: str) -> str:
        if value:
            spans.clock(value)
        return value

    @model_validator(mode="after")
    def _reachable(self) -> Recipient:
        if bool(self.email) == bool(self.webhook):
            raise ValueError("name either email or webhook")
        if self.email and (
            self.email.count("@") != 1 or not self.email.isprintable() or set(self.email) & set(" ,;<>")
        ):
            raise ValueError("email must be one address, as in ops@example.com")
        if self.webhook:
            url = urlsplit(self.webhook)
            if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)):
                raise ValueError("webhook must be an address that begins with https://")
            if not self.secret_env:
                raise ValueError("a webhook needs secret_env: what is posted is signed")
        if bool(self.quiet_from) != bool(self.quiet_until):
            raise ValueError("quiet_from and quiet_until go together")
        return self


class Notify(Strict):
    """Who is told, and through which server."""

    smtp: Smtp = Smtp()
    to: tuple[Recipient, ...] = ()

    @model_validator(mode="after")
    def _server(self) -> Notify:
        if not self.smtp.host and any(recipient.email for recipient in self.to):
            raise ValueError("mail needs [notify.smtp] with a host")
        return self


class Ledger(Strict):
    """Where the lake lives. Relative paths are below the home."""

    path: str = "ledger"
    threads: int = 0


class Config(Strict):
    """The whole of `config.toml`."""

    entities: dict[str, Entity]
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


def load(home: Path) -> Config:
    """Read `<home>/config.toml`.

    Raises HouseError naming every faulty key at once, or the line where the TOML is broken.
    """
    path = home / "config.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HouseError("read configuration", str(path), "Run `gateway init` there, or point -C at a home.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HouseError("read configuration", str(path), "Fix the TOML there.", str(error)) from None
    return parse(raw, str(path))


def parse(raw: dict[str, Any], subject: str = "config.toml") -> Config:
    """Check settings already read from TOML. Raises HouseError with all faults."""
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise HouseError("check configuration", subject, "Fix these keys and try again.", _faults(error)) from None
    unknown = [
        f"{kind}.{name}.entity: {entity!r} is not one of {sorted(config.entities)}"
        for kind, name, entity in _entity_uses(config)
        if entity not in config.entities
    ]
    if unknown:
        raise HouseError("check configuration", subject, "Name a known entity.", "; ".join(unknown))
    names = [send.name for send in config.send]
    wrong = [f"send {name}: the name stands twice" for name in sorted({n for n in names if names.count(n) > 1})]
    wrong += [
        f"send {send.name}: partner {send.partner!r} is not one of {sorted(config.partners)}"
        for send in config.send
        if send.partner not in config.partners
    ]
    if wrong:
        hint = "Name a known partner, and each [[send]] differently."
        raise HouseError("check configuration", subject, hint, "; ".join(wrong))
    return config


def _entity_uses(config: Config) -> list[tuple[str, str, str]]:
    channels = [("channels", name, channel.entity) for name, channel in config.channels.items()]
    return channels + [("partners", name, partner.entity) for name, partner in config.partners.items()]


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
