"""docs/dependencies.md gives a reason for each dependency, and the program imports what pyproject.toml names."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTENSIONS = {"duckdb-extension-ducklake", "duckdb-extension-sqlite-scanner"}
"""The database loads them from their packages; nothing imports them by name."""

HALVES = {"botocore", "pydantic-core"}
"""boto3 and pydantic come with exactly one version of these and hand out their errors."""


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w-]+", one)[0].lower() for one in requirements} - {PROJECT["name"]}  # type: ignore[index]


def test_each_dependency_has_its_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    every = names(PROJECT["dependencies"]).union(*map(names, PROJECT["optional-dependencies"].values()))
    assert {name for name in every if not re.search(rf"(?<![\w-]){name}(?![\w-])", page)} == set()


def test_the_program_imports_its_dependencies_and_nothing_else() -> None:
    imported = set()
    for path in (ROOT / "gateway").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    packages = packages_distributions()
    found = {packages[name][0].lower().replace("_", "-") for name in imported - {"gateway"} - sys.stdlib_module_names}
    required = names(PROJECT["dependencies"]) - EXTENSIONS
    assert required - found == set(), "imported by nothing"
    assert found - required - names(PROJECT["optional-dependencies"]["shared"]) - HALVES == set(), (
        "not in pyproject.toml"
    )
