"""The parts of fields :86:: numbered subfields (`166?00…?20…`), SEPA codes (`EREF+…`, `/EREF/…/REMI/…`).

Sources: the German DFÜ agreement, annex 3, chapter 8 (subfields of 27 characters, codes with a plus; some banks write a
colon, `EREF: 4711 SVWZ: …`); the format descriptions of ING (a code's value is closed by a slash), Rabobank and ABN
AMRO (it ends where the next code begins). A reference of SEPA never begins or ends with a slash (EPC implementation
guidelines, section 1.4), so one at its end closes it. Numbered fields, of which a file has as many as entries, are
taken apart all at once; what is written in another way one by one.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

CODES = frozenset(
    (
        "ABWA",
        "ABWE",
        "ADDR",
        "BENM",
        "BIC",
        "BREF",
        "CHGS",
        "CNTP",
        "COAM",
        "CRED",
        "CREF",
        "CSID",
        "DEBT",
        "EREF",
        "EXCH",
        "IBAN",
        "ID",
        "IREF",
        "ISDT",
        "KREF",
        "MARF",
        "MREF",
        "NAME",
        "NRTX",
        "OAMT",
        "OCMT",
        "ORDP",
        "PREF",
        "PURP",
        "REMI",
        "RREF",
        "RTRN",
        "RTYP",
        "SVCL",
        "SVWZ",
        "TAN",
        "TRCD",
        "TRTP",
        "ULTB",
        "ULTC",
        "ULTD",
    )
)
"""Codes that name a part of the text; a mapping that asks for another one adds it."""
WIDTHS = (27, 35, 65)
"""How wide banks make a numbered subfield or a line: Germany, Poland, SWIFT."""

_NUMBERED = re.compile(
    r"([0-9]{3}) ?([^\w\s/.,:;+\-()'])(?=[0-9]{2})"
    r"|()([^\w\s/.,:;+\-()'])(?=(?:00|10|2[0-9]|3[0-4]|6[0-5])(?=.*\4[0-9]{2}))"
)
_BARE_CODE = re.compile(r"[0-9]{3}")
_TWICE = re.compile(r"^ *([0-9]{3})\n(?=\1[^\w\s])")
"""Some banks write the code of the entry in a :86: of its own before that with the subfields."""
_CODE = re.compile("[A-Z]{2,5}")
_BEFORE_A_COLON = "ABWA|ABWE|COAM|CRED|DEBT|EREF|KREF|MREF|OAMT|PURP|SVWZ"
"""Codes that a colon may follow; a payer who writes "IBAN: …" means no code."""
_REFERENCES = frozenset(("CSID", "EREF", "MARF", "MREF", "PREF"))
_PARTIES = frozenset(("BENM", "CNTP", "ORDP", "ULTB", "ULTC", "ULTD"))
_WITHIN_A_PARTY = frozenset(("ADDR", "ID"))
_OF_A_PARTY = frozenset(("ADDR", "BIC", "IBAN", "ID", "NAME"))
_NOT_BEHIND_TEXT = frozenset(("ADDR", "BENM", "CNTP", "ID", "NAME", "ORDP", "REMI", "RTYP", "TRTP"))
"""What banks write before the payer's text only: behind `/REMI/` it is the payer's own."""
_CLOSED = re.compile(r"/CNTP/|/REMI/(?:USTD|STRD)/")
_OPEN = re.compile(r"^/(?:TRTP|RTYP)/|/(?:BENM|ORDP)//NAME/")
_KIND_OF_TEXT = re.compile(r"USTD//|STRD/[A-Z]{3}/")
Indexes = npt.NDArray[np.int64]


class Parts:
    """Takes fields :86: apart. `asked` are the parts that the mapping names: "code", "?20", "purpose", "name", "EREF"
    …"""

    def __init__(self, asked: Collection[str]) -> None:
        codes = CODES | {name for name in asked if _CODE.fullmatch(name)}
        self.codes = "|".join(sorted(codes))
        self._plus = re.compile(rf"(?:^|(?<=\s))({self.codes})(\+)")
        self._colon = re.compile(rf"(?:^|(?<=\s))({_BEFORE_A_COLON})(: ?)")
        self._slash = re.compile(rf"/({self.codes})/")
        self._begins = re.compile("/(?:" + "|".join(sorted(codes - _WITHIN_A_PARTY)) + ")/")

    def of(self, text: str) -> dict[str, str]:
        """Part → text; of a repeated part the first."""
        joined = _TWICE.sub("", text).replace("\n", "").lstrip(" ")
        numbered = _NUMBERED.match(joined)
        if numbered:
            return self._numbered(joined, numbered)
        if _BARE_CODE.fullmatch(joined):
            return {"code": joined}
        if self._begins.match(joined):
            return _by_slash(joined, list(self._slash.finditer(joined)))
        return _by_mark(_spaced(text.split("\n")), self._plus)

    def _numbered(self, text: str, mark: re.Match[str]) -> dict[str, str]:
        separator = mark.group(2) or mark.group(4)
        parts = re.split(re.escape(separator) + "(?=[0-9]{2})", text)[1:]
        found = {f"?{part[:2]}": part[2:] for part in reversed(parts)}
        if mark.group(1):
            found["code"] = mark.group(1)
        if "?32" in found:
            found["name"] = _name(found["?32"], found.get("?33", ""))
        lines = [part[2:] for part in parts if part[0] == "2" and part[2:]]
        more = [part[2:] for part in parts if "60" <= part[:2] <= "65" and part[2:]]
        spaced = _spaced(lines + more)
        if spaced:
            found["purpose"] = "".join(spaced).rstrip(" ")
        # Only what filled its last subfield goes on in the further ones.
        coded = spaced if "?29" in found else spaced[: len(lines)]
        begins_with_colon = self._colon.match("".join(spaced).lstrip(" ")) is not None
        for code, value in _by_mark(coded, self._colon if begins_with_colon else self._plus).items():
            found.setdefault(code, value)
        return found


def _by_mark(lines: list[str], codes: re.Pattern[str]) -> dict[str, str]:
    """The parts behind `EREF+`: a code begins a line or stands behind a blank. `codes` finds (code, mark)."""
    values: list[tuple[str, list[str]]] = []
    for line in lines:
        before, *begins = codes.split(line)
        if values:
            values[-1][1].append(before)
        for place, (code, mark, value) in enumerate(zip(begins[::3], begins[1::3], begins[2::3], strict=True)):
            if (before or place) and any(code == known for known, _ in values):
                # A code that was there is, within a line, the payer's own word.
                values[-1][1].append(f"{code}{mark}{value}")
            else:
                values.append((code, [value]))
    return {code: "".join(texts).rstrip(" ") for code, texts in reversed(values)}


def _by_slash(text: str, marks: list[re.Match[str]]) -> dict[str, str]:
    """The parts behind `/EREF/`: a word that cannot be a code where it stands is text."""
    inner = [mark for mark in marks[1:] if text[mark.start() - 1] == "/"]
    ends = text.endswith("/") and (bool(inner) or len(marks) == 1)
    closed = _OPEN.search(text) is None and (ends or _CLOSED.search(text) is not None)
    found: list[tuple[str, str]] = []
    code, begun, party = marks[0].group(1), marks[0].end(), marks[0].group(1) in _PARTIES
    for mark in inner if closed else marks[1:]:
        further = mark.group(1)
        if party and further in _OF_A_PARTY:
            pass
        elif further in _WITHIN_A_PARTY or not _may_follow(further, {code, *(known for known, _ in found)}):
            continue
        else:
            party = further in _PARTIES
        found.append((code, text[begun : mark.start()]))
        code, begun = further, mark.end()
    found.append((code, text[begun:]))
    values = {
        code: value.removesuffix("/") if closed or code in _REFERENCES else value for code, value in reversed(found)
    }
    if kind := _KIND_OF_TEXT.match(values.get("REMI", "")):
        values["REMI"] = values["REMI"][kind.end() :]
    return values


def _may_follow(code: str, before: set[str]) -> bool:
    """Whether this word can be a code behind those: each stands once, and some before the payer's text only."""
    return code not in before and not ("REMI" in before and code in _NOT_BEHIND_TEXT)


def _spaced(lines: list[str]) -> list[str]:
    """The lines, each with the blank that was cut off its end: one that is not full ended at a word.

    No blank stands behind or before a mark that joins words, as `/`.
    """
    longest = max(map(len, lines), default=0)
    width = next((width for width in WIDTHS if longest <= width), longest)
    return [
        f"{line} " if further and len(line) < width and line[-1:] not in " -/" and further[0] not in " /.,;:)" else line
        for line, further in zip(lines, [*lines, ""][1:], strict=True)
    ]


def _name(first: str, second: str) -> str:
    return "".join(_spaced([first, second])).rstrip(" ")


class Details:
    """Many fields :86: taken apart together. `texts` are as sent, None where an entry has no :86:."""

    def __init__(self, parts: Parts, texts: list[str | None]) -> None:
        self.parts = parts
        joined = pc.utf8_ltrim(pc.replace_substring(pa.array(texts, pa.utf8()), "\n", ""), " ")
        usual = pc.match_substring_regex(joined, r"^[0-9]{3}\?[0-9]{2}")
        # A code within a subfield or before a colon is rare, and left to the slow way.
        inside = pc.match_substring_regex(joined, rf"\s({parts.codes})\+|\?[26][0-9] *({_BEFORE_A_COLON}):")
        self._fast = np.asarray(pc.fill_null(pc.and_not(usual, inside), False), dtype=bool)
        self._numbered = _Numbered(joined.filter(pa.array(self._fast)), parts.codes)
        others = (text for text, fast in zip(texts, self._fast.tolist(), strict=True) if not fast)
        self._others = [parts.of(text) if text else {} for text in others]

    def column(self, part: str) -> pa.Array:
        """A part of every field, null where it has none."""
        others = pa.array([one.get(part) for one in self._others], pa.utf8())
        if not self._fast.any():
            return others
        fast = self._numbered.column(part)
        if not self._others:
            return fast
        place = np.where(self._fast, np.cumsum(self._fast) - 1, len(fast) + np.cumsum(~self._fast) - 1)
        return pa.concat_arrays([fast, others]).take(pa.array(place))


class _Numbered:
    """Texts of the form `166?00…?20…`, every subfield of every row a token."""

    def __init__(self, texts: pa.StringArray, codes: str) -> None:
        self.rows = len(texts)
        self.code = pc.utf8_slice_codeunits(texts, 0, 3)
        self.codes = codes
        _, offsets_buffer, data_buffer = texts.buffers()
        offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + self.rows + 1].astype(np.int64)
        data = np.frombuffer(data_buffer or b"", np.uint8)[: offsets[-1]]
        marks = np.flatnonzero(data[:-2] == ord("?")) if len(data) > 2 else np.empty(0, np.int64)
        marks = marks[_is_digit(data[marks + 1]) & _is_digit(data[marks + 2])]
        row = np.searchsorted(offsets, marks, side="right") - 1
        within = marks + 2 < offsets[row + 1]
        marks, self.row = marks[within], row[within]
        self.number = (data[marks + 1].astype(np.int64) - 48) * 10 + data[marks + 2] - 48
        kept = np.ones(len(data), bool)
        for step in range(3):
            kept[marks + step] = False
            kept[offsets[:-1] + step] = False
        dropped = np.flatnonzero(~kept)
        starts = np.append(marks - np.searchsorted(dropped, marks), len(data) - len(dropped)).astype(np.int32)
        self.tokens = pa.StringArray.from_buffers(len(marks), pa.py_buffer(starts), pa.py_buffer(data[kept].tobytes()))
        self.lines, self.line_row, self.line_number = self._spaced()

    def column(self, part: str) -> pa.Array:
        """One part of the remittance text, a value for each row; null where a row lacks it."""
        if part == "code":
            return self.code
        if part.startswith("?"):
            return self._first(np.flatnonzero(self.number == int(part[1:])))
        if part == "name":
            first, second = self.column("?32"), pc.fill_null(self.column("?33"), "")
            pairs = zip(first.to_pylist(), second.to_pylist(), strict=True)
            return pa.array([None if one is None else _name(one, more) for one, more in pairs], pa.utf8())
        if part == "purpose":
            return self._joined(np.arange(len(self.lines)))
        full = np.zeros(self.rows, bool)
        full[self.row[self.number == 29]] = True
        return self._coded(part, np.flatnonzero((self.line_number < 30) | full[self.line_row]))

    def _first(self, tokens: Indexes) -> pa.Array:
        """The first of these tokens in each row."""
        place = np.full(self.rows, -1, np.int64)
        place[self.row[tokens][::-1]] = tokens[::-1]
        return self.tokens.take(pa.array(place, mask=place < 0))

    def _spaced(self) -> tuple[pa.StringArray, Indexes, Indexes]:
        """(subfields of the purpose in order, as `_spaced` makes them, row of each, number of each)."""
        filled = np.asarray(pc.binary_length(self.tokens)) > 0
        first = np.flatnonzero((self.number >= 20) & (self.number <= 29) & filled)
        more = np.flatnonzero((self.number >= 60) & (self.number <= 65) & filled)
        order = np.concatenate([first, more])
        order = order[np.argsort(self.row[order], kind="stable")]
        texts, row = self.tokens.take(pa.array(order)), self.row[order]
        length = np.asarray(pc.utf8_length(texts)).astype(np.int64)
        longest = np.zeros(self.rows, np.int64)
        np.maximum.at(longest, row, length)
        width = np.maximum(np.append(WIDTHS, 0)[np.searchsorted(WIDTHS, longest)], longest)
        goes_on = np.append(row[1:] == row[:-1], False)[: len(row)]
        begins = np.append(np.asarray(pc.match_substring_regex(texts, "^[ /.,;:)]"), dtype=bool)[1:], False)[: len(row)]
        ends = np.asarray(pc.match_substring_regex(texts, "[ /-]$"), dtype=bool)
        blank = pa.array(goes_on & (length < width[row]) & ~ends & ~begins)
        return pc.binary_join_element_wise(texts, pc.if_else(blank, " ", ""), ""), row, self.number[order]

    def _joined(self, places: Indexes) -> pa.Array:
        """The lines at these places, those of each row in one text; null where there are none."""
        count = np.bincount(self.line_row[places], minlength=self.rows)
        offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
        joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), self.lines.take(pa.array(places))), "")
        return pc.if_else(pa.array(count > 0), pc.utf8_rtrim(joined, " "), None)

    def _coded(self, code: str, places: Indexes) -> pa.Array:
        """The text behind a code, over the lines at these places up to the next one that begins with a code."""
        texts, row = self.lines.take(pa.array(places)), self.line_row[places]
        begins = np.asarray(pc.match_substring_regex(texts, rf"^({self.codes})\+"), dtype=bool)
        wanted = np.flatnonzero(np.asarray(pc.starts_with(texts, f"{code}+"), dtype=bool))
        rows, first = np.unique(row[wanted], return_index=True)
        begun = np.full(self.rows, -1, np.int64)
        begun[rows] = wanted[first]
        last = np.maximum.accumulate(np.where(begins, np.arange(len(places)), -1)) if len(places) else wanted
        mine = places[(last >= 0) & (last == begun[row])]
        return pc.utf8_slice_codeunits(self._joined(mine), len(code) + 1)


def _is_digit(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return (data >= ord("0")) & (data <= ord("9"))
