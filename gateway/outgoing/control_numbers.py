"""Control numbers of everything that goes out: ISA13 and GS06, UNB 0020, and the number in a file's name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any


class Numbers:
    """Counted for each partner and series from 1, over everything that was ever recorded. Only within a commit."""

    def __init__(self, con: Any, partners: Iterable[str]) -> None:
        names = sorted(set(partners))
        listed = ", ".join("?" for _ in names)
        self.last: dict[tuple[str, str], int] = {
            (partner, series): int(number)
            for partner, series, number in con.execute(
                f"""select partner, series, max(control_no) from (
                    select partner, series, control_no from lake.acknowledgement_sent
                    union all select partner, series, control_no from lake.document_sent)
                where partner in ({listed}) group by partner, series""",
                names,
            ).fetchall()
        }

    def next(self, partner: str, series: str) -> int:
        """The next one; it is taken when the commit is."""
        self.last[partner, series] = self.last.get((partner, series), 0) + 1
        return self.last[partner, series]


def id_of(partner: str, series: str, number: int) -> str:
    """Id of what has that control number."""
    return hashlib.sha256(f"{partner}|{series}|{number}".encode()).hexdigest()[:16]
