"""What the chain cannot show by itself: its end that was cut off, a ledger rolled back or rewritten."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from structlog.testing import capture_logs

from gateway import settings as configuration
from gateway.errors import HouseError
from gateway.ledger import anchor_check, verify
from gateway.ledger.backup import back_up
from gateway.ledger.commit import FIRST_HASH, chain, row_hash
from gateway.ledger.lake import open_lake
from gateway.ledger.restore import restore, state_restored
from gateway.model import TABLES
from gateway.settings import Config
from tests.ledger.conftest import catalog, inlined, post

WRITTEN = "audit/anchor.log"


@pytest.fixture(scope="session")
def _plain(_empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Path(shutil.copytree(_empty, tmp_path_factory.mktemp("plain") / "home"))
    (home / "config.toml").write_text('[entities.US]\ncurrency = "USD"\n[ledger]\nthreads = 1\n')
    commit(home, 1, 2, 3)
    return home


@pytest.fixture
def plain(tmp_path: Path, _plain: Path) -> Path:
    """A home with settings and three commits."""
    return Path(shutil.copytree(_plain, tmp_path / "home"))


def commit(home: Path, *numbers: int) -> None:
    with open_lake(home, configuration.load(home)) as ledger:
        for number in numbers:
            post(ledger, number, number)


def found(home: Path) -> tuple[list[str], list[str]]:
    """(findings, notes) of the anchors."""
    config = configuration.load(home)
    with open_lake(home, config, read_only=True) as ledger:
        checked = anchor_check.check(ledger, home, config)
    return [finding.message for finding in checked.findings], checked.notes


def intact(home: Path) -> bool:
    """Whether the ledger by itself looks as it was committed."""
    with open_lake(home, configuration.load(home), read_only=True) as ledger:
        return verify.verify(ledger) == []


def lines(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / WRITTEN).read_text().splitlines()]


def test_each_commit_has_a_line_and_each_line_follows_from_the_one_before(plain: Path) -> None:
    written = lines(plain)
    assert [entry["seq"] for entry in written] == [1, 2, 3]
    raw = (plain / WRITTEN).read_bytes().splitlines()
    assert [entry["after"] for entry in written] == ["", *(hashlib.sha256(line).hexdigest() for line in raw[:-1])]
    assert (plain / WRITTEN).stat().st_mode & 0o777 == 0o600
    assert found(plain) == ([], [])


def test_a_ledger_that_was_rolled_back_whole_is_found_and_so_when_it_goes_on(plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain / "ledger", tmp_path / "kept")
    commit(plain, 4, 5)
    shutil.rmtree(plain / "ledger")
    shutil.copytree(tmp_path / "kept", plain / "ledger")
    assert intact(plain), "only the anchor knows"
    [message], _ = found(plain)
    assert "audit rows up to 5 were anchored, the ledger ends with 3" in message and "Fix: " in message
    commit(plain, 14, 15, 16)
    [message], _ = found(plain)
    assert "audit row 4 was anchored with another hash, and 1 more" in message


def hash_again(home: Path) -> None:
    """Another actor in the second audit row, and every hash from there worked out again."""
    with open_lake(home, configuration.load(home), read_only=True) as ledger:
        select = 'select seq, "at", actor, action, subject, detail from lake.audit_log order by seq'
        rows, previous = ledger.con.execute(select).to_arrow_table().to_pylist(), FIRST_HASH
        forged = []
        for seq, at, actor, *rest in (row.values() for row in rows):
            who = "somebody else" if seq == 2 else actor
            hash_ = chain(previous, seq, at, who, *rest)
            values = {"actor": f"'{who}'", "previous_hash": f"'{previous}'", "hash": f"'{hash_}'"}
            listed = {c.name: values.get(c.name, f'"{c.name}"') for c in TABLES["audit_log"].all_columns}
            sql = f"select {row_hash(TABLES['audit_log'], listed)}::varchar from lake.audit_log where seq = {seq}"
            forged.append([who, previous, hash_, *ledger.con.execute(sql).fetchone(), seq])  # type: ignore[misc]
            previous = hash_
    with catalog(home) as raw:
        for change in forged:
            raw.execute(
                (
                    f"update {inlined(raw, 'audit_log')} set actor = ?, previous_hash = ?, hash = ?, row_hash = ? "
                    f"where seq = ?"
                ),
                change,
            )


def test_a_chain_that_was_hashed_again_is_found(plain: Path) -> None:
    hash_again(plain)
    with open_lake(plain, configuration.load(plain), read_only=True) as ledger:
        [statistics] = verify.verify(ledger)
    assert statistics.row == "statistics", "the new chain is whole, and figures can be forged too"
    [message], _ = found(plain)
    assert "audit row 2 was anchored with another hash, and 1 more" in message


def shorten(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def without_its_beginning(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))


def without_a_line(path: Path) -> None:
    first, _, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + last)


DAMAGE: dict[Callable[[Path], Any], str] = {
    shorten: "it ends before the line that was written last",
    without_its_beginning: "line 1 does not follow from what was before: lines before it were removed",
    without_a_line: "line 2 does not follow from what was before",
    Path.unlink: "the file is gone",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_an_anchor_that_lost_lines_is_found_also_after_the_next_commit(
    plain: Path, damage: Callable[[Path], Any]
) -> None:
    damage(plain / WRITTEN)
    [message], _ = found(plain)
    assert DAMAGE[damage] in message and "Fix: " in message
    commit(plain, 4)
    assert found(plain)[0], "the next commit does not hide it"


def test_a_process_that_ended_between_commit_and_anchor_is_a_note(plain: Path) -> None:
    with open_lake(plain, configuration.load(plain)) as ledger:
        ledger.anchors = None
        post(ledger, 4, 4)
    findings, [note] = found(plain)
    assert findings == [] and "the newest 1 audit rows are not anchored" in note
    commit(plain, 5)
    assert found(plain) == ([], [])


def test_a_pipe_in_the_place_of_an_anchor_is_named_and_not_waited_for(plain: Path) -> None:
    for path in (plain / WRITTEN, plain / "ledger" / "anchored.json"):
        path.unlink()
        os.mkfifo(path)
    assert "cannot be read: it is no regular file. Fix: make it readable" in found(plain)[0][0]


@pytest.mark.parametrize("torn", [b'{"after": "12', b"\0\0\0\0"])
def test_a_line_that_was_cut_off_is_no_attack(plain: Path, torn: bytes) -> None:
    with (plain / WRITTEN).open("ab") as file:
        file.write(torn)
    assert found(plain) == ([], [])
    commit(plain, 4)
    assert found(plain) == ([], [])
    assert (plain / WRITTEN).read_bytes().splitlines()[-2] == torn


def test_an_anchor_that_cannot_be_written_stops_no_commit(plain: Path) -> None:
    shutil.rmtree(plain / "audit")
    (plain / "audit").write_text("in the way")
    with capture_logs() as logged:
        commit(plain, 4, 5)
    assert [entry["event"] for entry in logged] == ["anchor.failed"]
    [message], _ = found(plain)
    assert "cannot be read: Not a directory" in message


def signed(home: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    with (home / "config.toml").open("a") as settings:
        settings.write('[audit]\nkey_env = "ANCHOR_KEY"\n')
    monkeypatch.setenv("ANCHOR_KEY", key)


def test_with_a_key_nobody_else_can_write_an_anchor(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signed(plain, monkeypatch, "secret")
    assert "no line is signed" in found(plain)[0][0]
    commit(plain, 4)
    assert found(plain) == ([], [])
    monkeypatch.setenv("ANCHOR_KEY", "guessed")
    commit(plain, 5)
    monkeypatch.setenv("ANCHOR_KEY", "secret")
    [message], _ = found(plain)
    assert message.startswith("line 5: the signature is not of the key in [audit]")
    monkeypatch.delenv("ANCHOR_KEY")
    with pytest.raises(HouseError, match="there is no key"):
        found(plain)


def test_a_restoration_is_recorded_and_shown_and_settles_what_was_before(plain: Path, tmp_path: Path) -> None:
    config = configuration.load(plain)
    made = back_up(plain, config, tmp_path / "backups").folder
    assert found(made) == ([], []), "the backup has its anchor"
    commit(plain, 4, 5)
    shutil.move(plain / "ledger", tmp_path / "broken")
    restore(plain, config, made)
    findings, [note] = found(plain)
    assert findings == []
    assert "put back to audit row 3" in note and f"gateway restore {made}" in note and "2 later anchors" in note
    commit(plain, 14, 15)
    assert found(plain)[0] == [] and len(found(plain)[1]) == 1, "it is never forgotten"


def test_a_restoration_by_hand_is_an_alarm_until_somebody_states_it(plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain / "ledger", tmp_path / "kept")
    commit(plain, 4)
    shutil.rmtree(plain / "ledger")
    shutil.copytree(tmp_path / "kept", plain / "ledger")
    assert found(plain)[0]
    with open_lake(plain, configuration.load(plain)) as ledger:
        assert state_restored(ledger, "disk replaced") == 3
    findings, [note] = found(plain)
    assert findings == [] and "disk replaced" in note


def test_a_head_that_a_person_kept_is_compared(plain: Path, tmp_path: Path) -> None:
    kept = [f"{entry['seq']}:{entry['hash']}" for entry in lines(plain)]

    def compared(*heads: str) -> tuple[list[str], list[str]]:
        with open_lake(plain, configuration.load(plain), read_only=True) as ledger:
            checked = anchor_check.check_heads(ledger, heads)
        return [f"{f.table} {f.row}: {f.message}" for f in checked.findings], checked.notes

    findings, notes = compared(kept[0], f" {kept[2].upper()}\n")
    assert findings == [] and [note.split(":")[0] for note in notes] == ["head 1", "head 3"]
    [other], _ = compared(f"2:{'0' * 64}")
    assert other.startswith("head 2: the audit row has another hash") and "Fix: " in other
    [gone], _ = compared(f"4:{'0' * 64}")
    assert gone.startswith("head 4: the ledger ends with audit row 3: it was rolled back or cut off")
    for no_head in ("2", "2:", "x:" + "0" * 64, kept[0][:-1]):
        with pytest.raises(HouseError, match="it is not NUMBER:HASH"):
            compared(no_head)


@pytest.mark.parametrize("place", ["ledger/anchor.log", "../anchor.log", "", "http://example.com", "s3://bucket"])
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(configuration.SettingsError, match="Fix: "):
        configuration.parse({"entities": {"US": {"currency": "USD"}}, "audit": {"anchor": [place]}})


def test_a_bucket_has_an_object_for_the_head_and_a_statement_settles_later_ones(
    plain: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket is a folder here: names and bytes are what counts."""
    kept: dict[str, bytes] = {}

    class Bucket:
        def __init__(self, *_: object) -> None: ...
        def put(self, name: str, content: bytes) -> None:
            kept.setdefault(name, content)

        def files(self) -> list[tuple[str, int]]:
            return [(name, len(content)) for name, content in kept.items()]

        def open(self, name: str) -> Any:
            path = tmp_path / "object"
            path.write_bytes(kept[name])
            return path.open("rb")

        def close(self) -> None: ...

    monkeypatch.setattr("gateway.ledger.anchors.BucketBytes", Bucket)
    with (plain / "config.toml").open("a") as settings:
        settings.write(
            '[ledger.s3]\naccess_key_env = "A"\nsecret_key_env = "B"\n[audit]\nanchor = ["s3://acme/anchors"]\n'
        )
    shutil.copytree(plain / "ledger", tmp_path / "kept")
    commit(plain, 4, 5)
    assert [int(name[:12]) for name in kept] == [5], "once a minute, and at the end"
    assert found(plain) == ([], [])
    shutil.rmtree(plain / "ledger")
    shutil.copytree(tmp_path / "kept", plain / "ledger")
    assert "the ledger ends with 3" in found(plain)[0][0]
    with open_lake(plain, configuration.load(plain)) as ledger:
        state_restored(ledger, "drill")
    commit(plain, 14)
    findings, [note] = found(plain)
    assert findings == [] and "drill" in note


def test_an_anchor_that_was_removed_with_what_is_known_of_it_is_found_also_after_the_next_commit(plain: Path) -> None:
    (plain / WRITTEN).unlink()
    (plain / "ledger" / "anchored.json").unlink()
    [message], _ = found(plain)
    assert "since audit row 2, there is none: anchors were removed" in message and "Fix: " in message
    commit(plain, 4)
    [message], _ = found(plain)
    assert "since audit row 2, its first is that of audit row 4" in message
    with open_lake(plain, configuration.load(plain)) as ledger:
        state_restored(ledger, "begun anew")
    findings, [note] = found(plain)
    assert findings == [] and "begun anew" in note


def keyed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Ed25519 key in the environment, its public one in the home."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    monkeypatch.setenv("ANCHOR_PRIVATE", pem)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (home / "auditor.pem").write_bytes(public)
    with (home / "config.toml").open("a") as settings:
        settings.write('[audit]\nsign_key_env = "ANCHOR_PRIVATE"\nverify_key_file = "auditor.pem"\n')


def rolled_back(home: Path, kept: Path) -> None:
    shutil.rmtree(home / "ledger")
    shutil.copytree(kept, home / "ledger")


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (rolled_back, "the ledger ends with 4"),
        (lambda home, kept: hash_again(home), "audit row 2 was anchored with another hash"),
        (lambda home, kept: shorten(home / WRITTEN), "it ends before the line that was written last"),
    ],
    ids=["rollback", "full re-hash", "truncation"],
)
def test_with_the_public_key_alone_an_auditor_finds_what_was_done(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: Callable[[Path, Path], None], said: str
) -> None:
    keyed(plain, monkeypatch)
    commit(plain, 4)
    shutil.copytree(plain / "ledger", tmp_path / "kept")
    commit(plain, 5)
    monkeypatch.delenv("ANCHOR_PRIVATE")
    assert found(plain) == ([], []), "the auditor has no private key"
    attack(plain, tmp_path / "kept")
    assert said in found(plain)[0][0]


def test_who_has_no_private_key_can_forge_no_anchor(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyed(plain, monkeypatch)
    assert "no line is signed, although audit.verify_key_file" in found(plain)[0][0]
    commit(plain, 4)
    entry = lines(plain)[-1]
    last = (plain / WRITTEN).read_bytes().splitlines()[-1]
    forged = entry | {"seq": 5, "hash": "0" * 64, "after": hashlib.sha256(last).hexdigest()}
    with (plain / WRITTEN).open("ab") as file:
        file.write(json.dumps(forged).encode() + b"\n")
    [message], _ = found(plain)
    assert message.startswith("line 5: the signature is not of the key in [audit]")


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        ('sign_key_env = "A"\n', "config.toml:3: `audit.sign_key_env`: anchors that are signed need verify_key_file"),
        ('verify_key_file = "absent.pem"\n', 'config.toml:3: `audit.verify_key_file`: there is no file "absent.pem"'),
        ('sign_key_env = "A"\nsign_key_file = "b"\nverify_key_file = "config.toml"\n', "config.toml:4: "),
    ],
)
def test_a_mistake_in_the_keys_has_its_place(tmp_path: Path, audit: str, said: str) -> None:
    (tmp_path / "config.toml").write_text(f'entities = {{ US = {{ currency = "USD" }} }}\n[audit]\n{audit}')
    with pytest.raises(configuration.SettingsError) as refused:
        configuration.load(tmp_path)
    [fault] = refused.value.faults
    assert said in str(fault) and "Fix: " in str(fault)


def test_a_private_key_that_is_absent_or_of_another_pair_stops_the_writer_in_one_sentence(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(plain, monkeypatch)
    monkeypatch.setenv("ANCHOR_PRIVATE", "no key")
    with pytest.raises(HouseError, match="it holds no such key"):
        commit(plain, 4)
    other = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    monkeypatch.setenv("ANCHOR_PRIVATE", other.decode())
    with pytest.raises(HouseError, match="it is of another private key"):
        commit(plain, 4)
