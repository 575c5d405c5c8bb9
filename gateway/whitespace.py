"""What does not count around a value of a file: white space, control and format characters, byte order marks, NUL.

Around a text they do not count. Within one they may be part of an identifier, so that they stay, and messages name
them.
"""

from __future__ import annotations

import re
import unicodedata

_CONTROL = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0))))
_FORMAT = "\u00ad\u061c\u180e" + "".join(
    map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF))
)
_BLANK = " \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"

INVISIBLE = _CONTROL + _FORMAT + _BLANK
"""What does not count around a text."""

_HIDDEN = re.compile(f"[{re.escape(_CONTROL + _FORMAT)}]")
_NAMES = {"\0": "NUL", "\ufeff": "BYTE ORDER MARK"}


def shown(text: str) -> str:
    """A text for messages: what nobody would see in it stands in angle brackets, tabs and line ends as blanks."""
    return _HIDDEN.sub(_named, re.sub(r"[\t\n\r]+", " ", text))


def _named(found: re.Match[str]) -> str:
    code = f"U+{ord(found[0]):04X}"
    name = _NAMES.get(found[0]) or unicodedata.name(found[0], "control character")
    return f"<{code} {name}>"


def hidden(text: str) -> bool:
    """Whether a text, without what stands around it, has a character that nobody sees."""
    return _HIDDEN.search(re.sub(r"[\t\n\r]", "", text.strip(INVISIBLE))) is not None
