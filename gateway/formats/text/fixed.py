"""Fixed-width text: each column has its place in the line; a tag distinguishes several kinds of lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, Field, model_validator

from gateway.errors import Fault, FileError, HouseError
from gateway.formats import encoding
from gateway.formats import header as headers
from gateway.formats.encoding import Encoding
from gateway.formats.path_errors import PathError, closest
from gateway.formats.text.delimited import sniff
from gateway.reading import Reading, ReadRequest, check_size
from gateway.toml_values import TomlTable

__all__ = ["Options", "check_each", "check_path", "read", "sniff"]

END_OF_FILE = "\x1a"


class Place(TomlTable):
    """Where something stands in a line: the first character, counted from 1, and how many there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: int = Field(ge=1)
    width: int = Field(ge=1)

    @property
    def end(self) -> int:
        """Number of characters a line needs to hold it."""
        return self.start - 1 + self.width

    def of(self, lines: pa.Array) -> pa.Array:
        """What stands there in each line, without the blanks around it."""
        return pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(lines, self.start - 1, self.end))


class Column(Place):
    """A column.

    record  tag of the lines that have it; "" where all lines are alike
    reach   which line gives it to the rows of another tag: the last one "above", or the next one "below"
    within  a tag that ends that reach: a line with it between the two leaves the column without a value
    """

    name: str
    record: str = ""
    reach: Literal["above", "below"] = "above"
    within: str = ""


class Options(TomlTable):
    """`[file]` settings.

    columns   name, start (from 1) and width in characters; with `tag` also `record`, and `reach`
    tag       where the tag of a line stands, if there are several kinds of lines; `each` names that of the rows
    skip      tags of lines that nobody needs; a tag that is named nowhere refuses the file
    preamble  number of lines before the first record
    short     "reject" lines that end before their last column, or "pad" them with blanks
    encoding  a codec's name, or auto (BOM, UTF-16, UTF-8, else cp1252); a BOM always decides
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: tuple[Column, ...] = Field(min_length=1)
    tag: Place | None = None
    skip: tuple[str, ...] = ()
    preamble: int = Field(0, ge=0)
    short: Literal["reject", "pad"] = "reject"
    encoding: Encoding = "utf-8"

    @model_validator(mode="after")
    def _tags_where_they_are_needed(self) -> Options:
        for column in self.columns:
            if bool(column.record) != (self.tag is not None):
                raise ValueError(f"column {column.name}: give `record` if, and only if, the lines have a `tag`")
        named = [(column.record, column.name) for column in self.columns]
        if len(set(named)) < len(named):
            raise ValueError("two columns of one record have the same name")
        return self


def read(request: ReadRequest) -> Reading:
    """Open a fixed-width file. Raises FileError; PathError for an `each` that no column has."""
    return _Fixed(request)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Whether `each` is the tag of a line that has columns. Raises PathError, HouseError for wrong options."""
    _check_tag(each or "", headers.options(Options, options, "fixed"))


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a name is that of a column of some line. Raises PathError, HouseError for wrong options."""
    del each
    chosen: Options = headers.options(Options, options, "fixed")
    known = list(dict.fromkeys(column.name for column in chosen.columns))
    if path not in known:
        syntax = f"The columns are {', '.join(known)}."
        raise PathError("column", path, "is not a column of the file", syntax, closest(path, known))


def _check_tag(each: str, options: Options) -> None:
    tags = list(dict.fromkeys(column.record for column in options.columns))
    if each not in tags:
        if options.tag is None:
            raise PathError("each", each, "names a kind of line, and lines have no `tag`", "Remove `each`.")
        raise PathError(
            "each",
            each,
            "is not the tag of a line with columns",
            f"Write each = one of {', '.join(tags)}.",
            closest(each, tags),
        )


@dataclass(frozen=True, slots=True)
class Reached:
    """The lines of one tag: their numbers, rising, and their texts."""

    numbers: Any
    texts: pa.Array


class _Fixed(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.options: Options = headers.options(Options, request.options, "fixed")
        self.faults: list[Fault] = []
        self.received = 0
        self.each = request.each or ""
        _check_tag(self.each, self.options)
        tags = list(dict.fromkeys(column.record for column in self.options.columns))
        ends = [column.within for column in self.options.columns if column.within]
        self.known = pa.array([*tags, *self.options.skip, *ends])
        self.own = [column for column in self.options.columns if column.record == self.each]
        self.others = self._others()
        self.columns = tuple(column.name for column in [*self.own, *self.others])
        self.width = max(column.end for column in self.own)
        check_size(request)
        if len(self.columns) > request.limits.columns_max:
            raise HouseError(
                "read columns of",
                request.name,
                "Name fewer, or raise limits.columns_max.",
                f"{len(self.columns)} are too many",
            )
        self.encoding = encoding.detect(request.path, self.options.encoding)
        if fault := encoding.doubt(request.path, self.encoding):
            self.faults.append(fault)
        self.described = self.options.tag is not None

    def _others(self) -> list[Column]:
        """The columns of other lines that are wanted; of several with one name, the first."""
        taken = {column.name for column in self.own}
        found: dict[str, Column] = {}
        for column in self.options.columns:
            wanted = not self.request.columns or column.name in self.request.columns
            if column.record != self.each and column.name not in taken and wanted:
                found.setdefault(column.name, column)
        return list(found.values())

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        reached = self._reached()
        done = 0
        for numbers, texts, tags in self._lines():
            kept = self._kept(numbers, texts, tags)
            numbers, texts = numbers[kept], texts.filter(pa.array(kept))
            if len(numbers):
                yield pa.RecordBatch.from_arrays(
                    [
                        pa.array(np.arange(done, done + len(numbers), dtype=np.int64)),
                        pc.binary_join_element_wise("line ", pa.array(numbers).cast(pa.utf8()), ""),
                        pa.array(np.zeros(len(numbers), dtype=np.int32)),
                        *(column.of(texts) for column in self.own),
                        *(_reach(column, numbers, reached) for column in self.others),
                    ],
                    schema=self.schema,
                )
                done += len(numbers)

    def _lines(self) -> Iterator[tuple[Any, pa.Array, pa.Array]]:
        """(line numbers, lines, tags) of the lines that are records."""
        number = 1
        name = self.request.name
        for found in encoding.lines(self.request.path, name, self.encoding, self.request.limits.cell_bytes_max):
            texts = pa.array(found, pa.utf8())
            numbers = np.arange(number, number + len(found), dtype=np.int64)
            number += len(found)
            blank = pc.is_in(pc.utf8_trim_whitespace(texts), pa.array(["", END_OF_FILE]))
            used = ~blank.to_numpy(zero_copy_only=False) & (numbers > self.options.preamble)
            numbers, texts = numbers[used], texts.filter(pa.array(used))
            tags = self.options.tag.of(texts) if self.options.tag else pa.array([""] * len(texts), pa.utf8())
            unknown = pc.invert(pc.is_in(tags, self.known))
            if pc.any(unknown).as_py():
                first = pc.index(unknown, True).as_py()
                raise FileError(
                    name,
                    f"a line has the tag {tags[first]}, which the mapping does not name",
                    "Describe it in `columns`, or name it in `skip` if nobody needs it.",
                    f"line {numbers[first]}",
                )
            yield numbers, texts, tags

    def _kept(self, numbers: Any, texts: pa.Array, tags: pa.Array) -> Any:
        """Which lines are rows; those that are too short are noted as faults."""
        own = pc.equal(tags, self.each).to_numpy(zero_copy_only=False)
        self.count(int(own.sum()))
        if self.options.short == "pad":
            return own
        lengths = pc.utf8_length(texts).to_numpy()
        for place in np.flatnonzero(own & (lengths < self.width)).tolist():
            self._reject(int(numbers[place]), texts[place].as_py(), int(lengths[place]))
        return own & (lengths >= self.width)

    def _reject(self, number: int, text: str, length: int) -> None:
        self.note(
            Fault(
                "ROW_REJECT",
                f"the line has {length} characters, its last column ends at {self.width}",
                'Send lines of full length, or set short = "pad" if blanks at their ends are left out.',
                f"line {number}",
                row={"#raw": text},
            ),
            "Check the columns of the mapping.",
        )

    # --- values of other lines --------------------------------------------------------------------------

    def _reached(self) -> dict[str, Reached]:
        """The lines that give values to others, by tag."""
        wanted = {column.record for column in self.others} | {column.within for column in self.others} - {""}
        if not wanted:
            return {}
        numbers: dict[str, list[Any]] = {tag: [np.array([], dtype=np.int64)] for tag in wanted}
        texts: dict[str, list[pa.Array]] = {tag: [pa.array([], pa.utf8())] for tag in wanted}
        for found, lines, tags in self._lines():
            for tag in wanted:
                chosen = pc.equal(tags, tag)
                numbers[tag].append(found[chosen.to_numpy(zero_copy_only=False)])
                texts[tag].append(lines.filter(chosen))
        return {tag: Reached(np.concatenate(numbers[tag]), pa.concat_arrays(texts[tag])) for tag in wanted}


def _reach(column: Column, rows: Any, reached: dict[str, Reached]) -> pa.Array:
    """The column's value for rows of another tag, null where no line gives it."""
    lines = reached[column.record]
    behind = np.searchsorted(lines.numbers, rows)
    place = behind - 1 if column.reach == "above" else behind
    found = (place >= 0) & (place < len(lines.numbers))
    if column.within and len(lines.numbers):
        ends = reached[column.within].numbers
        given = lines.numbers[np.clip(place, 0, len(lines.numbers) - 1)]
        found &= np.searchsorted(ends, rows) == np.searchsorted(ends, given)
    return column.of(lines.texts.take(pa.array(place, mask=~found)))
