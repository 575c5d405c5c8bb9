"""Who gets notifications of exceptions, and through which mail server."""

from __future__ import annotations

import hashlib
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.calendars import spans
from gateway.settings.strict import LOOPBACK, Strict, Zone
from gateway.toml_faults import wrong


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
            raise wrong("a password needs TLS", 'write tls = "starttls" or "tls"', "tls")
        if self.host and "@" not in self.sender:
            raise wrong("sender must be a mail address", 'write it as in sender = "gateway@example.com"', "sender")
        return self


class Recipient(Strict):
    """Who gets the exceptions of some owners, by mail or webhook: a digest each day, and severe ones at once.

    severity    alerts for this and graver ones; 0 for none
    digest_at   local time, "" for none
    quiet_from, quiet_until  local times between which no alert is sent; it is afterwards
    heads_every_s  how often the head of the audit chain is sent at most, where it changed; 0 for never
    webhook     its address, a secret: who knows it can post there
    secret_env  environment variable with the secret that signs what is posted to the webhook
    """

    owner: tuple[str, ...] = Field(min_length=1)
    email: str = ""
    webhook: SecretStr = SecretStr("")
    secret_env: str = ""
    severity: int = Field(1, ge=0, le=4)
    digest_at: str = "07:30"
    timezone: Zone = "UTC"
    quiet_from: str = ""
    quiet_until: str = ""
    heads_every_s: float = Field(0.0, ge=0)

    @field_validator("owner", mode="before")
    @classmethod
    def _one_owner(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("digest_at", "quiet_from", "quiet_until")
    @classmethod
    def _time(cls, value: str) -> str:
        if value:
            try:
                spans.clock(value)
            except ValueError as error:
                raise wrong(str(error), "write it as in 07:30") from None
        return value

    @property
    def target(self) -> str:
        """Where it goes, whole: never shown."""
        return self.email or self.webhook.get_secret_value()

    @property
    def shown(self) -> str:
        """Where it goes, for people: of a webhook only the server, and eight digits of its hash."""
        if self.email:
            return self.email
        url = urlsplit(self.target)
        return f"{url.scheme}://{url.hostname}/… [{hashlib.sha256(self.target.encode()).hexdigest()[:8]}]"

    @model_validator(mode="after")
    def _reachable(self) -> Recipient:
        if bool(self.email) == bool(self.webhook):
            raise wrong("it has both email and webhook, or neither", "name either email or webhook")
        if self.email:
            _check_address(self.email)
        if self.webhook:
            _check_webhook(self.webhook.get_secret_value(), self.secret_env)
        if bool(self.quiet_from) != bool(self.quiet_until):
            absent = "quiet_until" if self.quiet_from else "quiet_from"
            raise wrong("quiet_from and quiet_until go together", f"add {absent}, or remove the other", absent)
        return self


class Notify(Strict):
    """Who gets notifications, and through which mail server.

    place_failures  visits of a folder or server that fail in a row before its failure is sent; 0 for never
    """

    place_failures: int = Field(5, ge=0)
    smtp: Smtp = Smtp()
    to: tuple[Recipient, ...] = ()

    @model_validator(mode="after")
    def _server(self) -> Notify:
        if not self.smtp.host and any(recipient.email for recipient in self.to):
            raise wrong("mail needs [notify.smtp] with a host", "add the mail server, or use webhooks", "smtp")
        return self


def _check_address(email: str) -> None:
    if email.count("@") != 1 or not email.isprintable() or set(email) & set(" ,;<>"):
        raise wrong("email must be one address", "write it as in ops@example.com", "email")


def _check_webhook(webhook: str, secret_env: str) -> None:
    url = urlsplit(webhook)
    if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)):
        raise wrong("webhook must be an address that begins with https://", "write its whole address", "webhook")
    if not secret_env:
        fix = "name the environment variable with the secret that signs what is posted"
        raise wrong("a webhook needs secret_env", fix, "secret_env")
