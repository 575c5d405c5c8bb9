"""Faults of config.toml: each with its line, what is wrong, the nearest known key and the fix; all at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gateway import settings
from gateway.errors import HouseError
from gateway.settings import SettingsError

US = '[entities.US]\ncurrency = "USD"\n'
TO = f'{US}[[notify.to]]\nowner = "IN"\n'
KEYS = "[ledger.s3]\naccess_key_env = 'A'\nsecret_key_env = 'S'"
SEND = (
    f'{US}[partners.a]\nentity = "US"\n[[send]]\nname = "s"\npartner = "a"\ndocument = "846"\n'
    'sender = "ZZ/A"\nreceiver = "ZZ/B"\n'
    'locations = ["DC1"]\n'
)


def faults(home: Path, text: str | bytes) -> list[str]:
    """The faults that reading the text as config.toml gives, as they are printed."""
    (home / "config.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SettingsError) as raised:
        settings.load(home)
    return [str(fault) for fault in raised.value.faults]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '[entities.US]\ncurrency = "usd"',
            '2: `entities.US.currency` cannot be "usd". Fix: write it as in currency = "USD".',
        ),
        ("[entities.US]", '1: `entities.US.currency` is missing. Fix: write it as in currency = "USD".'),
        ("", '1: is empty. Fix: write it as in entities = { US = { currency = "USD" } }.'),
        (
            f"{US}[limits]\nrows_max = 1",
            "4: unknown key `limits.rows_max`; did you mean `rows_per_file_max`? Fix: rename the key.",
        ),
        (f"{US}[limit]\nx = 1", "3: unknown key `limit`; did you mean `limits`? Fix: rename the key."),
        (f"{US}[limits]\ntick_s = 1", "4: unknown key `limits.tick_s`. Fix: `tick_s` belongs below [daemon]."),
        (f"{US}[daemon]\nwebhook = 1", "4: unknown key `daemon.webhook`. Fix: `webhook` belongs below [[notify.to]]."),
        (
            f"{US}[tolerance]\nqqq = 1",
            (
                "4: unknown key `tolerance.qqq`. Fix: the keys here are dispute_days, invoice_amount, invoice_days, "
                "invoice_share, payout_days, payout_rate, settlement_amount, "
                "settlement_lines_days, stock_units, stock_value."
            ),
        ),
        (
            f'{US}[limits]\ncolumns_max = "many"',
            '4: `limits.columns_max` must be a whole number, not "many". '
            "Fix: write digits without quotes, such as 100.",
        ),
        (
            f'{US}[daemon]\ntick_s = "x"',
            '4: `daemon.tick_s` must be a number, not "x". Fix: write digits without quotes, such as 100.',
        ),
        (f"{US}[ledger]\npath = 1", '4: `ledger.path` must be text in quotes, not 1. Fix: write it in quotes: "1".'),
        (
            f'{US}[daemon]\ntoken_enviroment = "TOKEN"',
            "4: unknown key `daemon.token_enviroment`; did you mean `token_env`? Fix: rename the key.",
        ),
        (
            f'{US}[ledger.s3]\nsecret_key = "x"',
            "4: `ledger.s3.secret_key`: a secret does not belong in this file. "
            'Fix: put it into an environment variable and name that: secret_key_env = "…".',
        ),
        (f"{US}limits = 1", "3: unknown key `entities.US.limits`. Fix: `limits` belongs at the top."),
        (f"limits = 1\n{US}", "1: `limits` must be a table in { }, not 1. Fix: write a table in { }."),
        (
            f"{US}[limits]\ndeaths_max = 0",
            "4: `limits.deaths_max` should be greater than or equal to 1, not 0. Fix: change the value.",
        ),
        (
            f'{US}[channels.a]\nentity = "US"\nrevenue = "shipments"',
            '5: `channels.a.revenue` cannot be "shipments"; did you mean "shipment"? '
            "Fix: use 'shipment' or 'settlement'.",
        ),
        (
            f'{US}[partners.a]\nentity = "UK"',
            '4: `partners.a.entity`: "UK" is not one of [entities]. Fix: name one of US, or add [entities.UK].',
        ),
        (
            f'{US}[entities.Germany]\ncurrency = "EUR"\n[channels.a]\nentity = "Germny"\nrevenue = "shipment"',
            '6: `channels.a.entity`: "Germny" is not one of [entities]; did you mean "Germany"? '
            "Fix: name one of Germany, US, or add [entities.Germny].",
        ),
        (
            f'{US}[channels.shop]\nentity = "US"\nrevenue = "shipment"\n[partners.a]\nentity = "US"\nchannel = "shpo"',
            '8: `partners.a.channel`: "shpo" is not one of [channels]; did you mean "shop"? '
            "Fix: name one of shop, or add [channels.shpo].",
        ),
        (
            f'{US}[entities.EU]\ncurrency = "EUR"\n[channels.shop]\nentity = "EU"\nrevenue = "shipment"\n'
            '[partners.a]\nentity = "US"\nchannel = "shop"',
            '10: `partners.a.channel`: the channel "shop" belongs to EU, the partner to US. '
            "Fix: give both the same entity.",
        ),
        (
            f"{US}[hold]\nsku = 'A'",
            "3: `hold` is a single table. Fix: write [[hold]] with two brackets: there may be several.",
        ),
        (
            f"{US}[[daemon]]\ntick_s = 1",
            "3: `daemon` is a list of tables. Fix: write [daemon] with one bracket: there is only one.",
        ),
        (
            f"{US}[[hold]]\nsince = 2026-01-01\nreason = 'x'",
            "3: `hold[1]`: it names neither a location nor a SKU. Fix: name a location, a SKU, or both.",
        ),
        (
            f"{US}[[hold]]\nsku = 'A'\nsince = 2026-01-02\nuntil = 2026-01-01\nreason = 'x'",
            "6: `hold[1].until`: until is before since. Fix: swap the two days, or correct one.",
        ),
        (
            f"{US}[[hold]]\nsku = 'A'\nsince = 'x'\nreason = 'x'",
            '5: `hold[1].since` must be a date such as 2026-01-31, not "x". Fix: write a date such as 2026-01-31.',
        ),
        (
            f"{US}[[hold]]\nsku = 'A'\nsince = 2026-01-02\nreason = ''",
            "6: `hold[1].reason` is empty. Fix: write what it is.",
        ),
        (
            f"{US}[[notify.to]]\nowner = []\nwebhook = 'https://x'\nsecret_env = 'S'",
            "4: `notify.to[1].owner` is empty. Fix: name at least one.",
        ),
        (
            f"{TO}email = 'ops@example.com'",
            "3: `notify.smtp`: mail needs [notify.smtp] with a host. Fix: add the mail server, or use webhooks.",
        ),
        (
            f"{TO}email = 'a@b.c, d@e.f'",
            "5: `notify.to[1].email`: email must be one address. Fix: write it as in ops@example.com.",
        ),
        (
            f"{TO}email = 'a@b.c'\nwebhook = 'https://x'",
            "3: `notify.to[1]`: it has both email and webhook, or neither. Fix: name either email or webhook.",
        ),
        (
            f"{TO}webhook = 'http://example.com'\nsecret_env = 'S'",
            (
                "5: `notify.to[1].webhook`: webhook must be an address that begins with https://. Fix: write its whole "
                "address."
            ),
        ),
        (
            f"{TO}webhook = 'https://example.com'",
            "3: `notify.to[1].secret_env`: a webhook needs secret_env. "
            "Fix: name the environment variable with the secret that signs what is posted.",
        ),
        (
            f"{TO}digest_at = '7:30'",
            '5: `notify.to[1].digest_at`: "7:30" is not a time of day. Fix: write it as in 07:30.',
        ),
        (
            f"{TO}timezone = 'Berlin'",
            '5: `notify.to[1].timezone`: there is no time zone "Berlin"; did you mean "Europe/Berlin"? '
            "Fix: write a name such as Europe/Berlin.",
        ),
        (
            f"{TO}email = 'a@b.c'\nquiet_from = '22:00'",
            (
                "3: `notify.to[1].quiet_until`: quiet_from and quiet_until go together. Fix: add quiet_until, or "
                "remove the other."
            ),
        ),
        (
            f"{US}[notify.smtp]\nhost = 'mail.example'\nsender = 'a@b.c'\ntls = 'none'\nuser = 'x'",
            '6: `notify.smtp.tls`: a password needs TLS. Fix: write tls = "starttls" or "tls".',
        ),
        (
            f"{US}[notify.smtp]\nhost = 'mail.example'",
            "3: `notify.smtp.sender`: sender must be a mail address. "
            'Fix: write it as in sender = "gateway@example.com".',
        ),
        (
            f"{US}[ledger]\npath = 's3://acme-ledger/data'",
            "4: `ledger.path`: path is a folder of this machine. Fix: write a bucket under data and archive.",
        ),
        (
            f"{US}[ledger]\ncatalog = 'mysql:host=db'",
            '4: `ledger.catalog`: there is no such catalog. Fix: write "sqlite", or '
            '"postgres:host=db.example user=gateway dbname=gateway".',
        ),
        (
            f"{US}[ledger]\ncatalog_schema = 'Gateway; drop'",
            '4: `ledger.catalog_schema` cannot be "Gateway; drop". Fix: write it as in catalog_schema = "gateway".',
        ),
        (
            f"{US}[ledger]\ndata = 's3://acme-ledger'",
            "4: `ledger.data`: a bucket needs a name and a prefix. Fix: write it as in s3://acme-ledger/production/data.",
        ),
        (
            f"{US}[ledger]\narchive = 'https://acme.example/files'",
            "4: `ledger.archive`: only folders and buckets can be used. Fix: write a folder, or s3://bucket/prefix.",
        ),
        (
            f"{US}[ledger]\ndata = 's3://acme-ledger/data'",
            "3: `ledger.s3`: a bucket needs a key. Fix: name access_key_env and secret_key_env in [ledger.s3].",
        ),
        (
            f"{US}[ledger]\ndata = 's3://acme/a'\narchive = 's3://acme/a/files'\n{KEYS}",
            "4: `ledger.data`: data overlaps another place. "
            "Fix: choose a place outside archive and path, as in ledger/data.",
        ),
        (
            f"{US}[ledger.s3]\nendpoint = 'acme.example'",
            '4: `ledger.s3.endpoint` cannot be "acme.example". Fix: write it as in endpoint = "https://s3.example.com".',
        ),
        (
            SEND.replace('"a"\nd', '"b"\nd'),
            '7: `send[1].partner`: "b" is not one of [partners]. Fix: name one of a, or add [partners.b].',
        ),
        (
            f'{US}[partners.shop]\nentity = "US"\n[[folder]]\npartner = "shp"\nfolder = "/srv/shop"',
            '6: `folder[1].partner`: "shp" is not one of [partners]; did you mean "shop"? '
            "Fix: name one of shop, or add [partners.shp].",
        ),
        (
            f'{US}[[surge]]\npartner = "shop"\nsince = 2026-12-01\nuntil = 2027-01-31',
            '4: `surge[1].partner`: "shop" is not one of [partners]. Fix: add [partners.shop].',
        ),
        (SEND.replace('"ZZ/A"', '"A"'), '9: `send[1].sender` cannot be "A". Fix: write it as in sender = "ZZ/ACME".'),
        (
            f'{SEND}[[send]]\nname = "s"\npartner = "a"\ndocument = "180"\nsender = "ZZ/A"\nreceiver = "ZZ/B"\n'
            "since = 2026-01-01",
            '13: `send[2].name`: the name "s" is used by another [[send]] too. '
            "Fix: give each [[send]] a name of its own.",
        ),
        (
            f'{SEND}since = "soon"',
            '12: `send[1].since` must be a date such as 2026-01-31, not "soon". Fix: write a date such as 2026-01-31.',
        ),
        (
            f'{US}[ledger\npath = "x"',
            ("3: is not valid TOML: the heading [ledger does not end with ]. Fix: write [ledger]."),
        ),
        (
            f'{US}name = "x"\nname = "y"',
            ("4: is not valid TOML: the key `name` is written twice; it is also in line 3. Fix: keep one of them."),
        ),
    ],
)
def test_a_fault_names_its_line_and_the_fix(tmp_path: Path, text: str, fault: str) -> None:
    assert faults(tmp_path, text) == [f"config.toml:{fault}"]


@pytest.mark.parametrize(
    "catalog",
    [
        "postgres:host=db password=hunter2",
        "postgres:host=db PASSWORD = hunter2",
        "postgres:host=db sslpassword='hunter2'",
        "postgres://gateway:hunter2@db/gateway",
        "postgresql://gateway@db/gateway?password=hunter2",
        "postgres:postgresql://gateway:hunter2@db/gateway",
        "postgres://gateway:hunter2@[db/gateway",
    ],
)
def test_a_password_in_the_settings_is_a_fault_and_not_shown(tmp_path: Path, catalog: str) -> None:
    assert faults(tmp_path, f'{US}[ledger]\ncatalog = "{catalog}"') == [
        "config.toml:4: `ledger.catalog`: a password does not belong in config.toml. "
        "Fix: remove it, and name the environment variable that holds it in catalog_password_env."
    ]


@pytest.mark.parametrize(
    "keys",
    [
        "catalog = 'postgres:host=db user=gateway dbname=password'",
        "catalog = 'postgres:host=/run/postgresql passfile=/etc/gateway/pgpass'",
        "catalog = 'postgres://gateway@db:5433/gateway?sslmode=verify-full'",
        "data = 'elsewhere'\narchive = '/srv/archive'",
        f"archive = 's3://acme-ledger/production/files'\n{KEYS}",
        f"data = 's3://acme/ledger/data'\narchive = 's3://acme/ledger/data2'\n{KEYS}",
    ],
)
def test_places_of_the_ledger_that_work(keys: str) -> None:
    assert settings.parse(tomllib.loads(f"{US}[ledger]\n{keys}")).ledger


@pytest.mark.parametrize("data", ["ledger", "ledger/files", "ledger/files/data", ".", "s3://acme/../data"])
def test_data_lies_apart_from_everything_else(tmp_path: Path, data: str) -> None:
    [fault] = faults(tmp_path, f'{US}[ledger]\ndata = "{data}"')
    assert fault.startswith("config.toml:4: `ledger.data`: ")


def test_all_faults_are_reported_at_once_in_order_of_their_lines(tmp_path: Path) -> None:
    text = (
        '[entities.US]\ncurrency = "usd"\n[limits]\nrows = 1\n[partners.a]\nentity = "UK"\n[[surge]]\npartner = "a"\n'
    )
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(HouseError) as raised:
        settings.load(tmp_path)
    head, *lines = str(raised.value).split("\n")
    assert head == f"use the settings of {tmp_path}: 5 faults"
    assert [line.split(" ")[0] for line in lines] == [f"config.toml:{n}:" for n in (2, 4, 6, 7, 7)]


def test_a_single_fault_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[entities.US]\n")
    with pytest.raises(HouseError) as raised:
        settings.load(tmp_path)
    assert str(raised.value).startswith(
        f"use the settings of {tmp_path}: config.toml:1: `entities.US.currency` is missing."
    )
    assert "\n" not in str(raised.value)


def test_a_home_without_settings_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(HouseError, match=r"Run `gateway init` there, or name a home with -C\."):
        settings.load(tmp_path)


def test_what_is_not_text_is_reported_with_its_line(tmp_path: Path) -> None:
    assert faults(tmp_path, b'[entities.US]\ncurrency = "\xff"\n') == [
        "config.toml:2: is not UTF-8 text. Fix: save the file as UTF-8."
    ]
    (tmp_path / "config.toml").unlink()
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(SettingsError, match=r"config.toml:1: cannot be read: .*\. Fix: check the file and its rights"):
        settings.load(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbf" + US.encode())
    assert settings.load(tmp_path).entities["US"].currency == "USD"


def test_the_example_in_a_fix_is_a_value_that_the_key_takes() -> None:
    """A fix that says `write it as in …` must not lead to the next fault."""
    text = SEND.replace('"846"', '"940"') + "since = 2026-01-31\n"
    assert settings.parse(tomllib.loads(text))
    for model in (settings.Entity, settings.Channel, settings.Partner, settings.Send, settings.Daemon, settings.S3):
        for key, field in model.model_fields.items():
            for example in field.examples or ():
                value = tomllib.loads(f"value = {example}")["value"]
                assert TypeAdapter(Annotated[field.annotation, field]).validate_python(value) == value, key


WORDS = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)


@bounded(max_examples=200, deadline=None)
@given(
    WORDS,
    st.one_of(WORDS, st.integers(-5, 5), st.booleans(), st.lists(WORDS, max_size=2)),
    st.sampled_from(["limits", "daemon", "ledger", "pgp", "tolerance"]),
)
def test_an_unknown_key_is_a_fault_and_never_ignored(key: str, value: object, table: str) -> None:
    known = settings.Config.model_fields[table].annotation.model_fields
    raw = {"entities": {"US": {"currency": "USD"}}, table: {key: value}}
    if key in known:
        return
    with pytest.raises(SettingsError) as raised:
        settings.parse(raw)
    assert [f"unknown key `{table}.{key}`" in fault.message and fault.fix != "" for fault in raised.value.faults] == [
        True
    ]
