"""Delivering a message: by SMTP or by a signed HTTP POST."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import smtplib
import ssl
from datetime import datetime
from urllib.parse import urlsplit

from gateway.errors import HouseError
from gateway.notifications.message import Message, as_mail
from gateway.settings import Recipient, Smtp, secret_of

ACCEPTED = range(200, 300)
POST_TIMEOUT_S = 20.0
AGAIN = "Check the server and the network if it stays; it is tried again."
ONCE_MORE = "It may have arrived; it is tried once more."


class NotSentError(HouseError):
    """The message was certainly not taken. Any other HouseError leaves it open whether it was."""


def send(message: Message, recipient: Recipient, smtp: Smtp, now: datetime) -> None:
    """Deliver it. Raises NotSentError if it was refused, HouseError if it is not known whether it arrived."""
    if recipient.email:
        _mail(message, recipient, smtp, now)
    else:
        _post(message, recipient, now)


# --- mail ---------------------------------------------------------------------------------------------------


def _mail(message: Message, recipient: Recipient, smtp: Smtp, now: datetime) -> None:
    content = as_mail(message, smtp.sender, recipient, now).as_bytes()
    server = f"{smtp.host}:{smtp.port}"
    try:
        with contextlib.closing(_connected(smtp)) as connection:
            _accepted(connection.mail(smtp.sender.rpartition("<")[2].strip("> ")), "sender")
            _accepted(connection.rcpt(recipient.email), recipient.email)
            _accepted(connection.docmd("DATA"), "message")
            _hand_over(connection, content, server)
            # The message was accepted: the server's answer to QUIT does not matter.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.quit()
    except smtplib.SMTPAuthenticationError as error:
        raise NotSentError(
            "log in to",
            server,
            "Check `user` and the password in the environment.",
            _said(error.smtp_code, error.smtp_error),
        ) from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise NotSentError("send mail through", server, AGAIN, str(error) or type(error).__name__) from None


def _connected(smtp: Smtp) -> smtplib.SMTP:
    """A connection that is encrypted as the settings say, and logged in."""
    context = ssl.create_default_context(cafile=smtp.ca_file or None)
    if smtp.tls == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=smtp.timeout_s, context=context)
    else:
        connection = smtplib.SMTP(smtp.host, smtp.port, timeout=smtp.timeout_s)
    try:
        if smtp.tls == "starttls":
            connection.starttls(context=context)
        if smtp.user:
            connection.login(smtp.user, _secret(smtp.password_env, "password"))
        else:
            connection.ehlo_or_helo_if_needed()
    except BaseException:
        connection.close()
        raise
    return connection


def _hand_over(connection: smtplib.SMTP, content: bytes, server: str) -> None:
    """From here on the server may have taken it without our knowing."""
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    try:
        connection.send(content.replace(b"\r\n.", b"\r\n..") + end)
        reply = connection.getreply()
    except (smtplib.SMTPException, OSError) as error:
        cause = f"no answer to the message: {error}"
        raise HouseError("send mail through", server, ONCE_MORE, cause) from None
    _accepted(reply, "message")


def _accepted(reply: tuple[int, bytes], what: str) -> None:
    code, text = reply
    if code not in (250, 251, 354):
        raise smtplib.SMTPException(f"the {what} was refused: {_said(code, text)}")


def _said(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode('ascii', 'replace') if isinstance(text, bytes) else text}"


# --- webhooks -----------------------------------------------------------------------------------------------


def _post(message: Message, recipient: Recipient, now: datetime) -> None:
    url = urlsplit(recipient.target)
    server = f"{url.hostname}:{url.port}" if url.port else str(url.hostname)
    connection: http.client.HTTPConnection
    if url.scheme == "https":
        connection = http.client.HTTPSConnection(
            str(url.hostname), url.port, timeout=POST_TIMEOUT_S, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=POST_TIMEOUT_S)
    stamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "commerce-gateway",
        "X-Gateway-Delivery": message.key,
        "X-Gateway-Timestamp": stamp,
        "X-Gateway-Signature": signature(_secret(recipient.secret_env, "secret"), stamp, message.body),
    }
    try:
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise NotSentError("post to", server, AGAIN, str(error) or type(error).__name__) from None
        try:
            connection.request(
                "POST", (url.path or "/") + (f"?{url.query}" if url.query else ""), message.body, headers
            )
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            cause = f"no answer: {str(error) or type(error).__name__}"
            raise HouseError("post to", server, ONCE_MORE, cause) from None
    finally:
        connection.close()
    if status not in ACCEPTED:
        raise NotSentError("post to", server, AGAIN, f"the answer was {status}")


def signature(secret: str, stamp: str, body: bytes) -> str:
    """ "sha256=" and the HMAC of time stamp, a point and the body, in hex."""
    return "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _secret(variable: str, what: str) -> str:
    value = secret_of(variable)
    if not value:
        raise NotSentError(
            "read", f"the {what}", f"Set the environment variable {variable or '(none is named)'}.", "it is not set"
        )
    return value
