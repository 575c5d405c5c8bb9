"""A temporary table is an interface of one module: others get its name by import or as an argument."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import gateway

ROOT = Path(gateway.__file__).parent
_MAKES = re.compile(r'create (?:or replace )?temp table (?:if not exists )?(?!if not)"?([a-z_]+)"?[ (]')
_HANDS_OVER = ("lay", "register")


def test_no_module_reads_a_temporary_table_that_another_makes() -> None:
    texts = {path: "\n".join(strings(path)) for path in ROOT.rglob("*.py")}
    makers = {path: set(made(path, text)) for path, text in texts.items()}
    makers = {path: names for path, names in makers.items() if names}
    assert sum(map(len, makers.values())) > 20
    foreign = [
        f"{reader.relative_to(ROOT)} reads {name} of {maker.relative_to(ROOT)}"
        for maker, names in makers.items()
        for name in names
        for reader, text in texts.items()
        if reader != maker and name not in makers.get(reader, ()) and reads(text, name)
    ]
    assert foreign == []


def test_a_foreign_table_would_be_found() -> None:
    assert reads("select * from channel_config c", "channel_config")
    assert reads("select 1 from a join channel_config using (x)", "channel_config")
    assert not reads("the channel_config of a partner", "channel_config")


def reads(text: str, name: str) -> bool:
    """Whether SQL in the text takes rows from the relation."""
    return re.search(rf'\b(from|join|into|update)\s+"?{name}\b', text) is not None


def made(path: Path, text: str) -> Iterator[str]:
    """Names of the temporary tables that a module makes."""
    yield from _MAKES.findall(text)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in _HANDS_OVER:
            yield from (one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str))
    for name, value in constants(path):
        if f"temp table {{{name}}}" in path.read_text() or f"lay(con, {name}," in path.read_text():
            yield value


def constants(path: Path) -> Iterator[tuple[str, str]]:
    """Names of a module that hold a text."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            [target], value = node.targets, node.value
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = value.elts if isinstance(value, ast.Tuple) else [value]
            for one, text in zip(names, values, strict=False):
                if isinstance(one, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield one.id, text.value


def strings(path: Path) -> Iterator[str]:
    """Every text of a module, f-strings with their constant parts."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
