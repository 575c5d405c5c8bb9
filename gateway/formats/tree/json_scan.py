"""Values of a JSON text one after the other, from a stream of which only a window is in memory."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

CHUNK_CHARACTERS = 1 << 20
VALUE_CHARACTERS_MAX = 4 << 20
LEVELS_MAX = 16
_BLANK = re.compile(r"[ \t\r\n]*")
_MARGIN = 16
"""So near to the end of the window a fault, or the end of a number, may only be that the rest is missing."""


class JsonError(Exception):
    """The text cannot be read from `line` on. `hint` says how to fix it where sending it whole is not the way."""

    def __init__(self, message: str, line: int, hint: str = "") -> None:
        self.message, self.line, self.hint = message, line, hint
        super().__init__(message)


class Number(str):
    """A number, as it was written."""

    __slots__ = ()


class Scanner:
    """Takes marks and values off a text.

    read     gives at most so many further characters, "" at the end
    doubled  a key that stood twice within one object of the last value, "" if none did
    raw      the last value as it was written
    """

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._window, self._at, self._line, self._ended = "", 0, 1, False
        self._value: Any = None
        self._raw = (0, 0)
        self.doubled = ""
        self._decode = json.JSONDecoder(
            parse_int=Number, parse_float=Number, parse_constant=_refuse, object_pairs_hook=self._pairs, strict=False
        ).raw_decode

    @property
    def line(self) -> int:
        """The line that it has come to, from 1."""
        return self._line + self._window.count("\n", 0, self._at)

    @property
    def raw(self) -> str:
        """The last value as it was written."""
        return self._window[slice(*self._raw)]

    def peek(self) -> str:
        """The next mark that is not blank, "" at the end."""
        while True:
            blank = _BLANK.match(self._window, self._at)
            assert blank is not None
            self._at = blank.end()
            if self._at < len(self._window) or self._ended:
                return self._window[self._at : self._at + 1]
            self._more()

    def take(self, mark: str) -> None:
        """Go behind a mark. Raises JsonError if it is not the next."""
        if self.peek() != mark:
            raise self._wrong(f"expected {mark}", self._at)
        self._at += 1

    def another(self, end: str) -> bool:
        """Go behind a comma, or behind the mark that ends the array or object: then there is no other member."""
        if self.peek() == ",":
            self._at += 1
            return True
        self.take(end)
        return False

    def key(self) -> str:
        """A key of an object, with its colon."""
        if self.peek() != '"':
            raise self._wrong("expected a key in double quotes", self._at)
        key = str(self.value())
        self.take(":")
        return key

    def value(self) -> Any:
        """The next value: dict, list, str, Number, bool or None. Raises JsonError."""
        self.peek()
        self.doubled = ""
        while not self._decoded():
            self._more()
        return self._value

    def _decoded(self) -> bool:
        """Whether the next value ends within the window; then it is taken off. Raises JsonError."""
        try:
            value, end = self._decode(self._window, self._at)
        except json.JSONDecodeError as error:
            certain = not error.msg.startswith("Unterminated") and error.pos < len(self._window) - _MARGIN
            if certain or self._ended:
                raise self._wrong(error.msg, error.pos) from None
            return False
        except RecursionError:
            raise self._wrong("values are nested too deep", self._at) from None
        except ValueError as error:
            raise self._wrong(str(error), self._at) from None
        if end > len(self._window) - _MARGIN and not self._ended:
            return False  # a number may go on
        self._value, self._raw, self._at = value, (self._at, end), end
        return True

    def skip(self, level: int = 0) -> None:
        """Go over a value; one that goes on behind the window is looked at piece by piece."""
        mark = self.peek()
        if mark not in ("[", "{") or level == LEVELS_MAX:
            self.value()
            return
        if self._decoded():
            return
        end = "]" if mark == "[" else "}"
        self.take(mark)
        if self.peek() == end:
            self.take(end)
            return
        while True:
            if mark == "{":
                self.key()
            self.skip(level + 1)
            if not self.another(end):
                return

    def _more(self) -> None:
        """Enlarge the window: twice as much of a value as before, so that each character is seen few times."""
        self._line += self._window.count("\n", 0, self._at)
        kept = self._window[self._at :]
        if len(kept) > VALUE_CHARACTERS_MAX:
            raise JsonError(
                f"a value is longer than {VALUE_CHARACTERS_MAX} characters",
                self._line,
                "Let `each` name smaller rows, or split the document.",
            )
        more = self._read(max(CHUNK_CHARACTERS, len(kept)))
        self._window, self._at, self._ended = kept + more, 0, not more

    def _wrong(self, message: str, place: int) -> JsonError:
        message = "the text ends too early" if place >= len(self._window) and self._ended else message
        return JsonError(message, self._line + self._window.count("\n", 0, place))

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            times = Counter(key for key, _ in pairs)
            self.doubled = next(key for key, count in times.items() if count > 1)
        return made


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON value")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key occurs twice")
    return made


_DECODE = json.JSONDecoder(
    parse_int=Number, parse_float=Number, parse_constant=_refuse, object_pairs_hook=_once, strict=False
).raw_decode


def plain_object(text: str) -> dict[str, Any] | None:
    """The object that is all of a text; None where it is anything else, or anything is wrong with it."""
    try:
        value, end = _DECODE(text)
    except (ValueError, RecursionError):
        return None
    return value if type(value) is dict and end == len(text) else None
