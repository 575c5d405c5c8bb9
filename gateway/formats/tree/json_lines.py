"""JSON documents and JSON lines, streamed: a row for each element that a path leads to, cells by relative paths.

Arrays need no step of their own: a path goes through all their elements. Numbers stay as the sender wrote
them. One row, or one value beside the path, is in memory at a time.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any

import pyarrow as pa
from pydantic import ConfigDict

from gateway.errors import Fault, FileError
from gateway.formats import encoding
from gateway.formats import header as headers
from gateway.formats.encoding import Encoding
from gateway.formats.path_errors import PathError
from gateway.formats.tree import tree_paths
from gateway.formats.tree.json_scan import VALUE_CHARACTERS_MAX, JsonError, Number, Scanner, plain_object
from gateway.reading import Reading, ReadRequest, check_size
from gateway.toml_values import TomlTable

BATCH_ROWS = 2_000
"""Fewer than elsewhere: rows that wait for their batch are objects, and Python looks through those again and again."""
BEGINNING_BYTES = 60
_SNIFF = re.compile(rb"\s*(\{\s*[\"}]|\[\s*[\[{\"\]])")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")

Around = tuple[dict[str, Any], ...]
"""The objects around a row, from the inmost; of each the members that are wanted."""
Found = tuple[str, Any, Around]
"""Position, value and surroundings of a row."""
Getter = Callable[[Any, Around], str | None]


class Options(TomlTable):
    """`[file]` settings.

    lines     each line is a document of its own (newline-delimited JSON); a broken one is a rejected row
    encoding  a codec's name; a byte order mark always decides
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lines: bool = False
    encoding: Encoding = "utf-8"


def sniff(head: bytes, name: str) -> bool:
    """The beginning of an object, or of an array of objects, arrays or texts."""
    del name
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "ignore").encode()
    return _SNIFF.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def read(request: ReadRequest) -> Reading:
    """Open a document for one kind of row. Raises FileError, PathError for a path that is not valid."""
    return _Json(request)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Whether `each` names the keys on the way to the rows. Raises PathError."""
    del options
    _each(each or "")


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a path leads from a row to a value. Raises PathError."""
    del each, options
    _getter(tree_paths.compiled(path))


def describe(request: ReadRequest) -> str:
    """How the file begins, in words, for the report of a file that no feed reads."""
    with request.path.open("rb") as source:
        head = source.read(BEGINNING_BYTES)
    codec = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return f"JSON that begins with {' '.join(head.decode(codec, 'ignore').split())}"


class _Json(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request = request
        self.options: Options = headers.options(Options, request.options, "json")
        self.columns = tuple(request.columns)
        self.each = _each(request.each or "")
        paths = [tree_paths.compiled(column) for column in self.columns]
        self.getters = [_getter(path) for path in paths]
        self.members = [_member(path) for path in paths]
        self.around = frozenset(name for path in paths for name in _wanted_around(path))
        self.received = 0
        self.faults: list[Fault] = []
        check_size(request)
        self.encoding = encoding.detect(request.path, self.options.encoding)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows: list[Found] = []
        done = 0
        for row in self._of_lines() if self.options.lines else self._of_document():
            rows.append(row)
            if len(rows) == BATCH_ROWS:
                yield self._batch(rows, done)
                done += len(rows)
                rows = []
        if rows:
            yield self._batch(rows, done)

    def _batch(self, rows: list[Found], done: int) -> pa.RecordBatch:
        count = len(rows)
        self.count(count)
        return pa.RecordBatch.from_arrays(
            [
                pa.array(range(done, done + count), pa.int64()),
                pa.array([position for position, _, _ in rows], pa.utf8()),
                pa.array([0] * count, pa.int32()),
                *(self._cells(column, rows) for column in range(len(self.columns))),
            ],
            schema=self.schema,
        )

    def _cells(self, column: int, rows: list[Found]) -> pa.Array:
        member, get = self.members[column], self.getters[column]
        if member is not None:
            # Usually all rows are objects, and the values of a key texts and numbers: the rest takes longer.
            with suppress(AttributeError, pa.ArrowException):
                return _texts([value.get(member) for _, value, _ in rows])
        return _texts([get(value, around) for _, value, around in rows])

    # --- rows -------------------------------------------------------------------------------------------

    def _of_document(self) -> Iterator[Found]:
        codec = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        with ExitStack() as files:

            def begin() -> Scanner:
                return Scanner(files.enter_context(self.request.path.open("r", encoding=codec, newline="")).read)

            try:
                yield from self._rows(self._walk(begin), "")
            except JsonError as error:
                raise FileError(
                    self.request.name,
                    error.message if error.hint else f"the document is not well-formed: {error.message}",
                    error.hint or "Send the whole document again; if each line is a document, set lines = true.",
                    f"line {error.line}",
                ) from None
            except UnicodeDecodeError:
                raise encoding.undecodable(self.request.path, self.request.name, self.encoding) from None

    def _of_lines(self) -> Iterator[Found]:
        done = 0
        plain = not self.each and not self.around
        for lines in encoding.lines(self.request.path, self.request.name, self.encoding, VALUE_CHARACTERS_MAX):
            for number, line in enumerate(lines, start=done + 1):
                # Most lines are a row, and only the others need to be taken apart piece by piece.
                if plain and (row := plain_object(line)) is not None:
                    yield f"line {number}", row, ()
                elif line and not line.isspace():
                    yield from self._of_line(line, f"line {number}")
            done += len(lines)

    def _of_line(self, line: str, position: str) -> list[Found]:
        """The rows of a line, none of them if it is broken anywhere."""
        received, faults = self.received, len(self.faults)
        try:
            return list(self._rows(self._walk(lambda: Scanner(io.StringIO(line).read)), position))
        except JsonError as error:
            self.received = received
            del self.faults[faults:]
            self._reject(f"the line is not well-formed: {error.message}", position, line)
            return []

    def _walk(self, begin: Callable[[], Scanner]) -> _Walk:
        """A walk over a document. What stands around the rows may come behind them: another walk collects it first."""
        if not self.around:
            return _Walk(begin(), self.each)
        first = _Walk(begin(), self.each, self.around)
        for _ in first.rows():
            pass
        return _Walk(begin(), self.each, frozenset(), first.objects)

    def _rows(self, walk: _Walk, line: str) -> Iterator[Found]:
        """The rows; one with a key that stands twice is rejected, because it has two values."""
        for path, value, around in walk.rows():
            position = f"{line} {path}" if line and path != "$" else line or path
            if walk.scanner.doubled:
                message = f"the key {walk.scanner.doubled} occurs twice in one object"
                self._reject(message, position, walk.scanner.raw)
            else:
                yield position, value, around

    def _reject(self, message: str, position: str, raw: str) -> None:
        hint = "Send the row again as well-formed JSON, each key once."
        self.received += 1
        self.note(Fault("ROW_REJECT", message, hint, position, row={"#raw": raw}), "Check that this is the file.")


class _Walk:
    """One way through a document, along the path to the rows.

    wanted   keys to keep of the objects on the way; they are put into `objects`, in the order of the objects
    objects  what an earlier walk kept
    """

    def __init__(
        self,
        scanner: Scanner,
        each: tuple[str, ...],
        wanted: frozenset[str] = frozenset(),
        objects: list[dict[str, Any]] | None = None,
    ) -> None:
        self.scanner, self.each, self.wanted = scanner, each, wanted
        self.known = iter(objects) if objects is not None else None
        self.objects: list[dict[str, Any]] = []

    def rows(self) -> Iterator[Found]:
        """Every row. Raises JsonError."""
        try:
            yield from self._at(self.each, "$", ())
        except RecursionError:
            raise JsonError("values are nested too deep", self.scanner.line) from None
        if self.scanner.peek():
            raise JsonError("there is more behind its end", self.scanner.line)

    def _at(self, steps: tuple[str, ...], position: str, around: Around) -> Iterator[Found]:
        mark = self.scanner.peek()
        if mark == "[":
            yield from self._array(steps, position, around)
        elif mark == "{" and steps:
            yield from self._object(steps, position, around)
        else:
            value = self.scanner.value()
            if not steps and value is not None:
                yield position, value, around

    def _array(self, steps: tuple[str, ...], position: str, around: Around) -> Iterator[Found]:
        scanner = self.scanner
        scanner.take("[")
        if scanner.peek() == "]":
            scanner.take("]")
            return
        number = 0
        while True:
            if steps or scanner.peek() == "[":
                yield from self._at(steps, f"{position}[{number}]", around)
            else:
                yield f"{position}[{number}]", scanner.value(), around
            number += 1
            if not scanner.another("]"):
                return

    def _object(self, steps: tuple[str, ...], position: str, around: Around) -> Iterator[Found]:
        scanner = self.scanner
        kept: dict[str, Any] = next(self.known) if self.known is not None else {}
        self.objects.append(kept)
        scanner.take("{")
        if scanner.peek() == "}":
            scanner.take("}")
            return
        seen: set[str] = set()
        while True:
            key = scanner.key()
            if key in seen:
                raise JsonError(f"the key {key} occurs twice", scanner.line)
            if key == steps[0]:
                seen.add(key)
                member = f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{json.dumps(key, ensure_ascii=False)}]"
                yield from self._at(steps[1:], position + member, (kept, *around))
            elif key in self.wanted:
                seen.add(key)
                kept[key] = scanner.value()
            else:
                scanner.skip()
            if not scanner.another("}"):
                return


# --- paths --------------------------------------------------------------------------------------------


def _each(text: str) -> tuple[str, ...]:
    """Keys on the way to the rows; none for "/", where the document is the row, or its elements are."""
    names = text.strip("/").split("/") if text.strip("/") else []
    if not text or not all(names):
        raise PathError(
            "each",
            text,
            "does not say what a row is",
            'Write payouts/transactions: what is a row; "/" for the document.',
            "/".join(filter(None, names)),
        )
    return tuple(_name(name) for name in names)


def _name(text: str) -> str:
    """A key; a slash within it is written ~1, as in JSON Pointer."""
    return text.replace("~1", "/").replace("~0", "~")


def _wanted_around(path: tree_paths.Path) -> Iterator[str]:
    for steps in path.alternatives:
        levels = tree_paths.outward(steps)
        if levels:
            yield _name(steps[levels].name)


def _getter(path: tree_paths.Path) -> Getter:
    """A function that gives the text of a path: of several values, the first that is not null."""
    finders = [_finder(steps) for steps in path.alternatives]
    if path.function == "count":
        return lambda value, around: str(len(finders[0](value, around)))
    if path.function == "join":
        return lambda value, around: " ".join(filter(None, map(_text, finders[0](value, around)))) or None

    def get(value: Any, around: Around) -> str | None:
        for find in finders:
            for found in find(value, around):
                if found is not None:
                    return _text(found)
        return None

    return get


def _member(path: tree_paths.Path) -> str | None:
    """The key of the row that a path is, which it usually is; None where it is more."""
    [steps] = path.alternatives[:1]
    if path.function or len(path.alternatives) > 1 or len(steps) > 1:
        return None
    return None if steps[0].tests or steps[0].name in (".", "..", "*") else _name(steps[0].name)


def _finder(steps: tuple[tree_paths.Step, ...]) -> Callable[[Any, Around], list[Any]]:
    levels = tree_paths.outward(steps)
    moves = [_move(step) for step in steps[levels:]]

    def find(value: Any, around: Around) -> list[Any]:
        if levels > len(around):
            return []
        found = [around[levels - 1] if levels else value]
        for move in moves:
            found = move(found)
        return found

    return find


def _move(step: tree_paths.Step) -> Callable[[list[Any]], list[Any]]:
    name = _name(step.name)
    tests = [_test(test) for test in step.tests]

    def move(values: list[Any]) -> list[Any]:
        found: list[Any] = []
        for value in values:
            inner = [value] if name == "." else _members(value, name)
            for one in inner:
                found += one if isinstance(one, list) else [one]
        for test in tests:
            found = test(found)
        return found

    return move


def _members(value: Any, name: str) -> list[Any]:
    if not isinstance(value, dict):
        return []
    return list(value.values()) if name == "*" else [value[name]] if name in value else []


def _test(test: tree_paths.Test) -> Callable[[list[Any]], list[Any]]:
    if test.path is None:
        return lambda values: values[test.number - 1 : test.number]
    get = _getter(test.path)
    return lambda values: [value for value in values if get(value, ()) == test.value]


# --- text ---------------------------------------------------------------------------------------------


def _text(value: Any) -> str | None:
    if type(value) is str or value is None:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, Number) else _written(value)


def _written(value: Any) -> str:
    """An object or array as JSON, with its numbers as they were."""
    if isinstance(value, dict):
        members = (f"{json.dumps(key, ensure_ascii=False)}:{_written(one)}" for key, one in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def _texts(values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.utf8())
    except UnicodeEncodeError:
        # Halves of characters, which "\ud800" can write and no encoding can hold.
        return pa.array(
            [text and text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in values]
        )
