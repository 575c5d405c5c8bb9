"""The bytes of an interchange file as ASCII: byte order marks, UTF-16 and EBCDIC are dealt with here, and nowhere
else."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from functools import lru_cache

HEADER_BYTES = 4096
BLANK = b" \t\r\n\0\x1a"
BOM = b"\xef\xbb\xbf"
EBCDIC = "cp037"


def opening(head: bytes, sniffs: tuple[bytes, ...]) -> bytes:
    """The beginning of a file in ASCII, without byte order mark and blanks, b"" if it does not begin so.

    head  the first bytes, in ASCII or EBCDIC
    """
    codec = _utf16(head, sniffs)
    plain = head.decode(codec, "replace").encode() if codec else head
    plain = plain.removeprefix(BOM).lstrip(BLANK)
    if plain.startswith(sniffs):
        return plain
    translated = head.translate(_ebcdic(EBCDIC)).lstrip(BLANK)
    return translated if translated.startswith(sniffs) else b""


class Source:
    """The bytes of a file, in ASCII, as far as they were read.

    data   bytes that were read and not given back yet; reading stands at `at`; those of UTF-16 are in UTF-8
    ended  whether all of the file was read
    """

    def __init__(self, read: Callable[[int], bytes], name: str, sniffs: tuple[bytes, ...], encoding: str) -> None:
        self._read, self._table = read, b""
        self.name, self.charset = name, encoding
        self.at, self._base, self.ended = 0, 0, False
        self.data = read(HEADER_BYTES)
        if codec := _utf16(self.data, sniffs):
            self.charset = "utf-8"
            self._read = _Recoded(read, codec, self.data)
            self.data = self._read(HEADER_BYTES)
        if self.data.startswith(BOM):
            self.at = len(BOM)
        elif not self.data.lstrip(BLANK).startswith(sniffs) and opening(self.data, sniffs):
            self._table = _ebcdic(encoding or EBCDIC)
            self.data = self.data.translate(self._table)
            self.charset = "latin-1"

    @property
    def place(self) -> int:
        """Bytes of `data` and of what was given back before `at`."""
        return self._base + self.at

    def more(self, wanted: int) -> int:
        """Have that many bytes from `at` on, or all that are left. Returns by how much `data` moved."""
        missing = wanted - (len(self.data) - self.at)
        if missing <= 0 or self.ended:
            return 0
        read, moved = self._read(missing), self.at
        self.ended = len(read) < missing
        self.data = self.data[moved:] + (read.translate(self._table) if self._table else read)
        self._base, self.at = self._base + moved, 0
        return moved

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer at the end of the file."""
        self.more(count)
        return self.data[self.at : self.at + count]

    def skip_blank(self) -> bool:
        """Go to the next byte that is not blank; False if there is none."""
        while True:
            while self.at < len(self.data):
                if self.data[self.at] not in BLANK:
                    return True
                self.at += 1
            if self.ended:
                return False
            self.more(HEADER_BYTES)


class _Recoded:
    """Reads a file in UTF-16 as UTF-8; `begun` are its first bytes, which were read already."""

    def __init__(self, read: Callable[[int], bytes], codec: str, begun: bytes) -> None:
        self._read = read
        self._decoder = codecs.getincrementaldecoder(codec)("replace")
        self._ready = self._decoder.decode(begun).encode()

    def __call__(self, size: int) -> bytes:
        """So many bytes of UTF-8, fewer at the end of the file."""
        while len(self._ready) < size and (read := self._read(size)):
            self._ready += self._decoder.decode(read).encode()
        given, self._ready = self._ready[:size], self._ready[size:]
        return given


def _utf16(head: bytes, sniffs: tuple[bytes, ...]) -> str:
    """The codec of a file in UTF-16, with a byte order mark or without; "" for any other file."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for codec in ("utf-16-le", "utf-16-be"):
        if head.startswith(_wide(sniffs, codec)):
            return codec
    return ""


@lru_cache
def _wide(sniffs: tuple[bytes, ...], codec: str) -> tuple[bytes, ...]:
    return tuple(sniff.decode().encode(codec) for sniff in sniffs)


@lru_cache
def _ebcdic(codec: str) -> bytes:
    """Table from EBCDIC to Latin-1; EBCDIC's own new line becomes a line feed."""
    text = bytes(range(256)).decode(codec, "replace").replace("\x85", "\n")
    return text.encode("latin-1", "replace")
