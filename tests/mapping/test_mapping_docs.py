"""docs/mapping.md: every example is a mapping that loads and is checked; nothing of the language is left out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from gateway import formats
from gateway.home import Home
from gateway.mapping.compiler.dates import NAMED, TOKENS
from gateway.mapping.language.functions import AGGREGATES, FUNCTIONS
from gateway.mapping.language.repeat import COUNTERS, Repeat
from gateway.mapping.language.spec import Expect, Fallback, FieldSpec, FileSpec, Ignore, RecordSpec, TieOut
from gateway.mapping.language.spec import Mapping as Feed
from gateway.mapping.library.load import load_all
from gateway.model import MAPPABLE
from gateway.toml_faults import keys_of
from tests.conftest import tried
from tests.mapping.samples_of_mappings import write

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) (\w+) ?([\w.]*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [(what, of, text) for language, what, of, text in BLOCKS if language == "toml"]


def fields_of(table: str, text: str) -> str:
    """A mapping of a table's required fields with these in their place."""
    own = tomllib.loads(text)
    rest = [f'{c.name} = "{c.name}"' for c in MAPPABLE[table].columns if c.required and c.name not in own]
    head = 'feed = "acme.doc"\npartner = "acme"\n[file]\nformat = "delimited"\n'
    fields = "\n".join([*rest, text])
    return f'{head}[[record]]\ntype = "{table}"\nkey = ["a"]\n[record.fields]\n{fields}'


def file_of(text: str) -> str:
    """A stock mapping with these keys below [file]."""
    whole = fields_of("inventory_snapshot", "")
    if "format" in tomllib.loads(text):
        whole = whole.replace('format = "delimited"\n', "")
    return whole.replace("[file]\n", f"[file]\n{text}", 1)


@pytest.mark.parametrize(("what", "of", "text"), EXAMPLES)
def test_every_example_is_a_mapping_without_faults(tmp_path: Path, what: str, of: str, text: str) -> None:
    whole = {"mapping": lambda: text, "fields": lambda: fields_of(of, text), "file": lambda: file_of(text)}[what]()
    write(tmp_path, "acme/example.toml", whole)
    for pack in (ROOT / "mappings" / "standard").glob("*/*.toml"):
        write(tmp_path, f"standard/{pack.parent.name}/{pack.name}", pack.read_bytes())
    for language, kind, name, content in BLOCKS:
        if (language, kind) == ("csv", "lookup"):
            write(tmp_path, f"lookups/{name}.csv", content)
    library = load_all(tmp_path)
    assert [str(fault) for fault in library.faults] == []
    assert len(library.mappings) == 1


FILES = [(of, text) for language, what, of, text in BLOCKS if (language, what) == ("csv", "file")]


@pytest.mark.parametrize(("feed", "text"), FILES, ids=[feed for feed, _ in FILES])
def test_every_example_of_a_file_agrees_with_its_figures_and_is_held_without_a_line(
    reader: Home, tmp_path: Path, feed: str, text: str
) -> None:
    """The file belongs to the example of a mapping before it."""
    before = PAGE[: PAGE.index(f"```csv file {feed}\n")]
    mapping = [one for what, _, one in EXAMPLES if what == "mapping" and one in before][-1]
    assert f'"{feed}"' in mapping
    file = tmp_path / "example.csv"
    path = write(tmp_path, "acme/example.toml", mapping)
    file.write_text(text, encoding="utf-8")
    found = tried(reader, path, file, tmp_path / "mappings")
    assert (found["faults"], found["held"]) == ([], False) and found["counts"]["accepted"] > 0
    *rest, last = text.rstrip("\n").split("\n")
    file.write_text("\n".join([*rest[:-1], last]), encoding="utf-8")
    [fault] = tried(reader, path, file, tmp_path / "mappings")["faults"]
    assert fault["code"] == "CONTROL_TOTAL"


def test_there_are_examples_of_every_kind() -> None:
    assert {what for what, _, _ in EXAMPLES} == {"mapping", "fields", "file"}
    assert len(EXAMPLES) >= 9


def test_every_key_table_function_and_date_token_is_described() -> None:
    models = (Feed, FileSpec, RecordSpec, FieldSpec, TieOut, Ignore, Repeat, Expect, Fallback)
    keys = {key for model in models for key in keys_of(model)}
    options = {key for name in formats.FORMATS for key in formats.named(name).Options.model_fields}
    known = {*keys, *options, *MAPPABLE, *FUNCTIONS, *AGGREGATES, *formats.FORMATS, *NAMED}
    assert [word for word in sorted(known) if not re.search(rf"\b{re.escape(word)}\b", PAGE)] == []
    assert [token for token in (*TOKENS, *COUNTERS) if token not in PAGE] == []


def test_the_table_of_functions_is_the_list_of_functions() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| `(.+)` \|$", PAGE, re.MULTILINE))
    assert {name: rows.get(name) for name in {**FUNCTIONS, **AGGREGATES}} == {
        name: function.example for name, function in {**FUNCTIONS, **AGGREGATES}.items()
    }


def test_the_shipped_mappings_have_no_faults(tmp_path: Path) -> None:
    for path in (ROOT / "mappings").glob("*/**/*"):
        name = path.relative_to(ROOT / "mappings").as_posix().removeprefix("examples/")
        if path.suffix in (".toml", ".csv", ".xlsx") and "samples" not in path.parts:
            write(tmp_path, name, path.read_bytes())
    library = load_all(tmp_path)
    assert [str(fault) for fault in library.faults] == []
    assert library.mappings
