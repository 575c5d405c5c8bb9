"""How long files and functions are, and how many public names say what they do: `python -m tests.measures`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True, order=True)
class Length:
    """A file or a function with its number of lines."""

    lines: int
    name: str


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one package. `public` are modules, classes and functions whose names do not begin with `_`."""

    files: tuple[Length, ...]
    functions: tuple[Length, ...]
    public: int
    undocumented: tuple[str, ...]

    @property
    def documented(self) -> float:
        """Share of public names that have a docstring, 0 to 1."""
        return 1 - len(self.undocumented) / self.public if self.public else 1.0


def measure(package: Path) -> Measures:
    """Read every module below the folder. Raises SyntaxError for one that is no Python."""
    files, functions, public, bare = [], [], 0, []
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(package.parent).as_posix()
        tree = ast.parse(text, name)
        files.append(Length(len(text.splitlines()), name))
        functions += [Length(length(node), f"{name}:{node.lineno} {node.name}") for node in _functions(tree)]
        if not text.strip():
            continue
        for label, node in [(name, tree), *((f"{name}:{node.lineno} {node.name}", node) for node in _public(tree))]:
            public += 1
            if ast.get_docstring(node) is None:
                bare.append(label)
    return Measures(tuple(sorted(files)), tuple(sorted(functions)), public, tuple(bare))


def length(node: Definition) -> int:
    """Lines from the first decorator to the end, docstring and comments included."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return (node.end_lineno or node.lineno) - first + 1


def percentile(lengths: tuple[Length, ...], share: int) -> int:
    """The number of lines that so many per cent of the lengths (sorted) do not exceed."""
    return lengths[max(0, -(-len(lengths) * share // 100) - 1)].lines if lengths else 0


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _public(tree: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """Classes and functions that others may use: those of the module, and the methods of its classes."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def main() -> None:
    """Print the measures of the package."""
    found = measure(ROOT / "gateway")
    for what, lengths in (("file", found.files), ("function", found.functions)):
        p50, p95 = percentile(lengths, 50), percentile(lengths, 95)
        sys.stdout.write(f"lines per {what}: p50 {p50}, p95 {p95}, of {len(lengths)}\n")
        sys.stdout.writelines(f"  {each.lines:4} {each.name}\n" for each in lengths[:-6:-1])
    share = f"{found.documented:.1%} of {found.public}"
    sys.stdout.write(f"public names with a docstring: {share}; without:\n")
    sys.stdout.writelines(f"  {name}\n" for name in found.undocumented)


if __name__ == "__main__":
    main()
