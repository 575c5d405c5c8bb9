"""The parts of fields :86:: numbered subfields (`166?00…?20…`), SEPA codes (`EREF+…`, `/EREF/…/REMI/…`).

Lines of a field are wrapped wherever they were full, so they are joined without a blank. Numbered fields, of which
a file has as many as entries, are taken apart all at once; what is written in another way one by one.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

CODES = frozenset(
    ("ABWA", "ABWE", "ADDR", "BENM", "BIC", "BREF", "CHGS", "CNTP", "COAM", "CRED", "CREF", "CSID", "DEBT", "EREF",
     "EXCH", "IBAN", "ID", "IREF", "ISDT", "KREF", "MARF", "MREF", "NAME", "NRTX", "OAMT", "OCMT", "ORDP", "PREF",
     "PURP", "REMI", "RREF", "RTRN", "RTYP", "SVCL", "SVWZ", "TAN", "TRCD", "TRTP", "ULTB", "ULTC", "ULTD")
)  # fmt: skip
"""Codes that name a part of the text; a mapping that asks for another one adds it."""

_NUMBERED = re.compile(r"([0-9]{3})([^\w\s/.,:;+\-()'])(?=[0-9]{2})")
_BARE_CODE = re.compile(r"[0-9]{3}")
_CODE = re.compile("[A-Z]{2,5}")
Indexes = npt.NDArray[np.int64]


class Parts:
    """Takes fields :86: apart. `asked` are the parts that the mapping names: "code", "?20", "purpose", "name", "EREF" …"""

    def __init__(self, asked: Collection[str]) -> None:
        self.codes = "|".join(sorted(CODES | {name for name in asked if _CODE.fullmatch(name)}))
        self._plus = re.compile(rf"(?:^|(?<=\s))({self.codes})\+")
        self._slash = re.compile(rf"/({self.codes})/")

    def of(self, text: str) -> dict[str, str]:
        """Part → text; of a repeated part the first."""
        joined = text.replace("\n", "")
        numbered = _NUMBERED.match(joined)
        if numbered:
            return self._numbered(joined, numbered.group(2))
        if _BARE_CODE.fullmatch(joined):
            return {"code": joined}
        found: dict[str, str] = {}
        for split in (self._slash.split(joined), self._plus.split(joined)):
            for code, value in zip(split[1::2], split[2::2], strict=True):
                found.setdefault(code, value)
        return found

    def _numbered(self, text: str, separator: str) -> dict[str, str]:
        parts = re.split(re.escape(separator) + "(?=[0-9]{2})", text)[1:]
        found = {f"?{part[:2]}": part[2:] for part in reversed(parts)} | {"code": text[:3]}
        if "?32" in found:
            found["name"] = found["?32"] + found.get("?33", "")
        lines = [part[2:] for part in parts if part[0] == "2"]
        more = [part[2:] for part in parts if "60" <= part[:2] <= "65"]
        if lines or more:
            found["purpose"] = "".join([*lines, *more])
        # A code begins a subfield or stands behind a blank. Only what filled its last subfield goes on in the
        # further ones.
        values: list[list[str]] = []
        for line in [*lines, *more] if "?29" in found else lines:
            before, *begins = self._plus.split(line)
            if values:
                values[-1].append(before)
            values += [list(pair) for pair in zip(begins[::2], begins[1::2], strict=True)]
        for code, *texts in values:
            found.setdefault(code, "".join(texts))
        return found


class Details:
    """Many fields :86: taken apart together. `texts` are as sent, None where an entry has no :86:."""

    def __init__(self, parts: Parts, texts: list[str | None]) -> None:
        self.parts = parts
        joined = pc.replace_substring(pa.array(texts, pa.utf8()), "\n", "")
        usual = pc.match_substring_regex(joined, r"^[0-9]{3}\?[0-9]{2}")
        # A code within a subfield is rare, and left to the slow way.
        inside = pc.match_substring_regex(joined, rf"\s({parts.codes})\+")
        self._fast = np.asarray(pc.fill_null(pc.and_not(usual, inside), False), dtype=bool)
        self._numbered = _Numbered(joined.filter(pa.array(self._fast)), parts.codes)
        others = joined.filter(pa.array(~self._fast)).to_pylist()
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
        digits = (data >= ord("0")) & (data <= ord("9"))
        marks = marks[digits[marks + 1] & digits[marks + 2]]
        row = np.searchsorted(offsets, marks, side="right") - 1
        within = marks + 2 < offsets[row + 1]
        marks, self.row = marks[within], row[within]
        self.number = (data[marks + 1].astype(np.int64) - 48) * 10 + data[marks + 2] - 48
        kept = np.ones(len(data), bool)
        for step in range(3):
            kept[marks + step] = False
            kept[offsets[:-1] + step] = False
        ends = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
        starts = np.append(ends[marks], ends[-1]).astype(np.int32)
        self.tokens = pa.StringArray.from_buffers(len(marks), pa.py_buffer(starts), pa.py_buffer(data[kept].tobytes()))

    def column(self, part: str) -> pa.Array:
        """A part of every row."""
        if part == "code":
            return self.code
        if part.startswith("?"):
            return self._first(np.flatnonzero(self.number == int(part[1:])))
        if part == "name":
            first, second = self.column("?32"), pc.fill_null(self.column("?33"), "")
            return pc.binary_join_element_wise(first, second, "")
        text = (self.number >= 20) & (self.number <= 29)
        more = (self.number >= 60) & (self.number <= 65)
        if part == "purpose":
            return self._joined(np.concatenate([np.flatnonzero(text), np.flatnonzero(more)]))
        full = np.zeros(self.rows, bool)
        full[self.row[self.number == 29]] = True
        goes_on = np.flatnonzero(more & full[self.row])
        tokens = np.concatenate([np.flatnonzero(text), goes_on])
        if len(goes_on):
            tokens = tokens[np.argsort(self.row[tokens], kind="stable")]
        return self._coded(part, tokens)

    def _first(self, tokens: Indexes) -> pa.Array:
        """The first of these tokens in each row."""
        place = np.full(self.rows, -1, np.int64)
        place[self.row[tokens][::-1]] = tokens[::-1]
        return self.tokens.take(pa.array(place, mask=place < 0))

    def _joined(self, tokens: Indexes) -> pa.Array:
        """These tokens of each row in one text; null where there are none."""
        tokens = tokens[np.argsort(self.row[tokens], kind="stable")]
        count = np.bincount(self.row[tokens], minlength=self.rows)
        offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
        joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), self.tokens.take(pa.array(tokens))), "")
        return pc.if_else(pa.array(count > 0), joined, None)

    def _coded(self, code: str, tokens: Indexes) -> pa.Array:
        """The text behind a code, over the tokens up to the next one that begins with a code."""
        texts = self.tokens.take(pa.array(tokens))
        begins = np.asarray(pc.match_substring_regex(texts, rf"^({self.codes})\+"), dtype=bool)
        wanted = np.flatnonzero(np.asarray(pc.starts_with(texts, f"{code}+"), dtype=bool))
        rows, first = np.unique(self.row[tokens[wanted]], return_index=True)
        begun = np.full(self.rows, -1, np.int64)
        begun[rows] = wanted[first]
        last = np.maximum.accumulate(np.where(begins, np.arange(len(tokens)), -1)) if len(tokens) else wanted
        mine = tokens[(last >= 0) & (last == begun[self.row[tokens]])]
        return pc.utf8_slice_codeunits(self._joined(mine), len(code) + 1)
