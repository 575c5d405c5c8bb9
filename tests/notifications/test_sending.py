"""Messages through real servers: what is encrypted, signed, refused, and never answered."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import HouseError
from gateway.notifications import message, templates
from gateway.notifications.message import Message
from gateway.notifications.sending import NotSentError, send
from gateway.settings import Recipient, Smtp
from tests.notifications.servers import PASSWORD, USER, MailServer, Webhook, certificate, silent

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
MAIL = Recipient(owner=("IN",), email="ops@example.com")
ROW = {
    "severity": 1,
    "code": "FILE_MISSING",
    "owner": "IN",
    "partner": "acme",
    "amount": None,
    "currency": None,
    "due": "2026-11-21",
    "message": "<b>x</b>\r\nBcc: all@example.com Grüße " + "y" * 400,
}


@pytest.fixture
def alert(tmp_path: Path) -> Message:
    return message.alert(MAIL, templates.load(tmp_path)["alert"], [ROW], ["1:1"], NOW)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    monkeypatch.setenv("HOOK_SECRET", "k")


def smtp(port: int, **more: object) -> Smtp:
    settings = {"host": "127.0.0.1", "port": port, "sender": "Gateway <gw@example.com>", "timeout_s": 5.0, **more}
    return Smtp.model_validate(settings)


@pytest.mark.parametrize("implicit", [False, True])
def test_a_mail_goes_out_encrypted_and_logged_in(tmp_path: Path, alert: Message, secrets: None, implicit: bool) -> None:
    pem = certificate(tmp_path)
    with MailServer(pem, implicit=implicit) as server:
        login = {} if implicit else {"user": USER, "password_env": "MAIL_PASSWORD"}
        send(alert, MAIL, smtp(server.port, tls="tls" if implicit else "starttls", ca_file=str(pem[0]), **login), NOW)
    [mail] = server.mails
    assert (mail["To"], mail["From"]) == ("ops@example.com", "Gateway <gw@example.com>")
    assert mail["Subject"] == "Gateway: 1 severe exception (IN)"
    assert mail["Message-ID"] == f"<{alert.key}@example.com>"


def test_what_a_partner_wrote_changes_neither_headers_nor_markup(alert: Message) -> None:
    with MailServer() as server:
        send(alert, MAIL, smtp(server.port, tls="none"), NOW)
    [mail] = server.mails
    assert "Bcc" not in mail
    text, rich = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text and rich
    assert "<b>x</b> Bcc: all@example.com Grüße yyy" in text.get_content()
    assert "&lt;b&gt;x&lt;/b&gt; Bcc: all@example.com Grüße yyy" in rich.get_content()
    assert "yyy…" in text.get_content()


@pytest.mark.parametrize("variable", ["WRONG_PASSWORD", "NO_PASSWORD"])
def test_a_refused_login_is_reported_with_the_server_and_without_the_password(
    tmp_path: Path, alert: Message, secrets: None, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("WRONG_PASSWORD", "hunter2")
    pem = certificate(tmp_path)
    with MailServer(pem) as server, pytest.raises(NotSentError) as raised:
        send(alert, MAIL, smtp(server.port, ca_file=str(pem[0]), user=USER, password_env=variable), NOW)
    messages = {"WRONG_PASSWORD": f"log in to 127.0.0.1:{server.port}: 535", "NO_PASSWORD": "variable NO_PASSWORD"}
    assert messages[variable] in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert server.mails == []


def test_nothing_is_sent_where_tls_is_required_but_not_offered(alert: Message) -> None:
    with MailServer() as server, pytest.raises(NotSentError, match="STARTTLS"):
        send(alert, MAIL, smtp(server.port), NOW)
    assert server.mails == []


def test_nothing_is_sent_to_a_server_whose_certificate_nobody_vouches_for(tmp_path: Path, alert: Message) -> None:
    with MailServer(certificate(tmp_path)) as server, pytest.raises(NotSentError, match="certificate verify failed"):
        send(alert, MAIL, smtp(server.port), NOW)
    assert server.mails == []


def test_a_message_that_the_server_refuses_was_not_sent(alert: Message) -> None:
    with MailServer() as server:
        server.refuses = "554 no such trouble here"
        with pytest.raises(NotSentError, match="554 no such trouble here"):
            send(alert, MAIL, smtp(server.port, tls="none"), NOW)


def test_a_server_that_never_speaks_is_given_up(alert: Message) -> None:
    with silent() as port, pytest.raises(NotSentError, match="timed out"):
        send(alert, MAIL, smtp(port, tls="none", timeout_s=0.2), NOW)


def test_a_webhook_gets_json_that_is_signed(alert: Message, secrets: None) -> None:
    with Webhook() as hook:
        send(alert, Recipient(owner=("IN",), webhook=hook.url, secret_env="HOOK_SECRET"), Smtp(), NOW)
    [(headers, body)] = hook.posts
    expected = hmac.new(b"k", headers["X-Gateway-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Gateway-Signature"] == f"sha256={expected}"
    assert headers["X-Gateway-Delivery"] == alert.key
    data = json.loads(body)
    assert (data["kind"], data["owners"], data["exceptions"][0]["code"]) == ("alert", ["IN"], "FILE_MISSING")


@pytest.mark.parametrize("status", [302, 400, 500])
def test_any_answer_but_success_means_that_it_was_not_sent(alert: Message, secrets: None, status: int) -> None:
    with Webhook() as hook:
        hook.answers = status
        with pytest.raises(NotSentError, match=f"the answer was {status}"):
            send(alert, Recipient(owner=("IN",), webhook=hook.url, secret_env="HOOK_SECRET"), Smtp(), NOW)
        assert len(hook.posts) == 1


def test_without_an_answer_nobody_knows_whether_it_was_sent(alert: Message, secrets: None) -> None:
    with Webhook() as hook:
        hook.hangs = True
        with pytest.raises(HouseError) as raised:
            send(alert, Recipient(owner=("IN",), webhook=hook.url, secret_env="HOOK_SECRET"), Smtp(), NOW)
    assert not isinstance(raised.value, NotSentError)
    assert "no answer" in str(raised.value)


def test_nothing_is_posted_without_the_secret(alert: Message) -> None:
    with Webhook() as hook, pytest.raises(NotSentError, match="Set the environment variable GONE"):
        send(alert, Recipient(owner=("IN",), webhook=hook.url, secret_env="GONE"), Smtp(), NOW)
    assert hook.posts == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "digest.txt",
            "Subject: x\n\n${opne}",
            "templates/digest.txt:3: there is no ${opne}. Fix: Write one of ${owners}",
        ),
        ("alert.html", "<p>\n$5</p>", "templates/alert.html:2: a $ names nothing. Fix: Write $$"),
        ("alert.txt", "Alert\n", 'templates/alert.txt:1: no subject. Fix: Begin it with "Subject: …".'),
        ("alert.txt", "Subject: ${open}\n", "templates/alert.txt:1: there is no ${open}"),
    ],
)
def test_a_template_that_cannot_be_filled_is_reported_with_its_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / name).write_text(text)
    with pytest.raises(HouseError) as raised:
        templates.load(tmp_path)
    assert message in str(raised.value)


def test_a_template_of_the_home_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "alert.txt").write_text("Subject: Hoppla $count\r\n\r\n$exceptions kosten $$5\r\n")
    made = message.alert(MAIL, templates.load(tmp_path)["alert"], [ROW], ["1:1"], NOW)
    assert made.subject == "Hoppla 1"
    assert made.text.endswith("kosten $5\n")
