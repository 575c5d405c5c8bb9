"""What is kept beside the tables: the archive, and what partners got."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from gateway import settings
from gateway.errors import HouseError
from gateway.ledger import archive, outside, verify
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.lake import Lake, open_lake
from tests.ledger.conftest import post

CONTENT = "ISA*00~"


def composed(ledger: Lake, *names: str) -> None:
    def work(commit: Commit) -> None:
        for name in names:
            commit.insert(
                "acknowledgement_sent",
                f"select 'COMPOSED' as state, 'acme' as partner, '{name}' as name, '{CONTENT}' as content",
            )
        commit.audit("gateway", "file.committed", "orders")

    run_commit(ledger, work)


def test_an_answer_that_was_changed_below_outbound_is_found_and_one_that_is_gone_is_not(
    opened: Lake, home: Path
) -> None:
    composed(opened, "997-1.edi", "997-2.edi", "997-3.edi")
    folder = home / "outbound" / "acme"
    folder.mkdir(parents=True)
    (folder / "997-1.edi").write_bytes(CONTENT.encode())
    (folder / "997-2.edi").write_bytes(CONTENT.replace("00", "01").encode())
    [finding] = outside.answers(opened, home)
    assert (finding.table, finding.row) == ("acknowledgement_sent", "acme/997-2.edi")
    assert "has other bytes than were written" in finding.message and "Fix: " in finding.message


def test_answers_that_cannot_be_read_count_against_the_limit_like_changed_ones(opened: Lake, home: Path) -> None:
    names = [f"997-{number:03d}.edi" for number in range(verify.FINDINGS_MAX + 5)]
    composed(opened, *names)
    for name in names:
        (home / "outbound" / "acme" / name).mkdir(parents=True)
    findings = outside.answers(opened, home)
    assert len(findings) == verify.FINDINGS_MAX
    assert all("cannot be read: Is a directory. Fix: " in finding.message for finding in findings)


def test_a_pipe_in_the_place_of_what_is_compared_is_named_and_not_waited_for(opened: Lake, home: Path) -> None:
    composed(opened, "997-1.edi")
    (home / "outbound" / "acme").mkdir(parents=True)
    os.mkfifo(home / "outbound" / "acme" / "997-1.edi")
    [answer] = outside.answers(opened, home)
    assert "cannot be read: it is no regular file. Fix: " in answer.message
    sent = home / "sent.csv"
    sent.write_text("a")
    archived = home / "ledger" / "files" / archive.name_of(archive.store(opened.store.archive, sent).sha256)
    archived.unlink()
    os.mkfifo(archived)
    with pytest.raises(HouseError, match="Fix: "):
        list(archive.unpack(opened.store.archive, hashlib.sha256(b"a").hexdigest()))


def test_the_text_of_each_mapping_that_was_used_is_kept(business: Path) -> None:
    config = settings.load(business)
    with open_lake(business, config, read_only=True) as ledger:
        assert outside.without_text(ledger) == outside.unnamed(ledger) == []
        rows = ledger.con.execute(
            "select feed, mapping_version from file where mapping_version <> '' group by all order by feed"
        ).fetchall()
        texts = {sha256[:16]: sha256 for sha256 in outside.mapping_texts(ledger)}
        [text] = [archive.unpack(ledger.store.archive, texts[v]) for feed, v in rows if feed == "main-bank.camt053"]
        assert b'feed     = "main-bank.camt053"' in b"".join(text)
        (business / "ledger" / "files" / archive.name_of(texts[rows[0][1]])).unlink()
        [finding] = verify.verify(ledger)
    assert finding.row == f"text of a mapping {texts[rows[0][1]]}" and "not in the archive" in finding.message


def test_bytes_in_the_archive_that_no_file_names_are_a_note(opened: Lake, tmp_path: Path) -> None:
    sent = tmp_path / "sent.csv"
    sent.write_text("a")
    kept = archive.store(opened.store.archive, sent).sha256
    post(opened, 1, 1)
    [note] = outside.unnamed(opened)
    assert f"{kept}.zst, which no file of the ledger names" in note

    def work(commit: Commit) -> None:
        commit.insert(
            "file",
            f"""select '{kept}' as sha256, 'sent.csv' as name, 0 as received, 0 as accepted,
            0 as rejected, 0 as duplicate, 0 as ignored""",
        )
        commit.audit("gateway", "file.committed", "sent.csv")

    run_commit(opened, work)
    assert outside.unnamed(opened) == []
