"""Quotes within quoted text that are written with a backslash, `"19\\" rack"`, as MySQL, PHP and Spark write them.

By the standard such a quote closes the cell: what stands behind it goes astray, and rows below become part of it. Here
it is read as the quote that it is. A backslash before the quote that closes the cell (`"C:\\dir\\",`) stays a
backslash.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Fault

ESCAPE = "\\"


@dataclass
class EscapedQuotes:
    """Lines of a file, with `\\"` within quotes turned into `""`.

    count, first  how many there were, and the line of the first one
    """

    quote: str
    delimiter: str
    count: int = 0
    first: int = 0

    def line(self, text: str, number: int, *, inside: bool) -> str:
        """A line by the standard; `inside`: it begins within quotes, which opened in a line above."""
        if not self.quote or f"{ESCAPE}{self.quote}" not in text:
            return text
        found, before, place, begins = list[str](), self.count, 0, not inside
        ends = len(text.rstrip("\r\n"))
        while place < ends:
            mark = text[place]
            if inside and mark == ESCAPE and text[place + 1 : place + 2] == self.quote:
                part, read, inside = self._escaped(text, place, ends)
                found.append(part)
                place += read
                continue
            if mark == self.quote and (inside or begins):
                if inside and text[place + 1 : place + 2] == self.quote:
                    found.append(mark)
                    place += 1
                else:
                    inside = not inside
            begins = not inside and mark == self.delimiter
            found.append(mark)
            place += 1
        if self.count > before and not self.first:
            self.first = number
        return "".join(found) + text[ends:]

    def _escaped(self, text: str, place: int, ends: int) -> tuple[str, int, bool]:
        """(what stands for a backslash and a quote behind it, characters that were read, whether the cell goes on)."""
        behind = [text[at] if at < ends else "" for at in (place + 2, place + 3)]
        if behind[0] in ("", self.delimiter):
            return f"{ESCAPE}{self.quote}", 2, False
        if behind[0] == self.quote and behind[1] not in ("", self.delimiter):
            return f"{ESCAPE}{self.quote * 2}", 3, True
        self.count += 1
        return self.quote * 2, 2, True

    def fault(self) -> Fault | None:
        """What is reported of the file, if it had one."""
        if not self.count:
            return None
        many = "1 quote is" if self.count == 1 else f"{self.count} quotes are"
        return Fault(
            "ROW_DOUBTFUL",
            f"{many} written {ESCAPE}{self.quote} in this file, which is no standard: read as {self.quote}",
            f"Have them written {self.quote * 2}. Look at the rows once: where such a quote stands before a delimiter, "
            "the cell ends with a backslash.",
            f"line {self.first}",
        )
