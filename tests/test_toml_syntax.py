"""What is wrong with a text that is no TOML, in the words of the person who wrote it."""

from __future__ import annotations

import tomllib

import pytest

from gateway.toml_syntax import explained


@pytest.mark.parametrize(
    ("text", "line", "message", "fix"),
    [
        ('a = 1\nb = "x\nc = 2', 2, "a text has no closing quote", "end it with the quote that it begins with"),
        ('a = 1\nb = """x\nc = 2\n', 2, 'the text that """ begins does not end', 'end it with """'),
        ("a = blue", 1, "the text blue has no quotes", 'write it in quotes: "blue"'),
        ("a = ja", 1, "ja is no value", 'write true or false, or "…" around a text'),
        ("a = „x“", 1, "„ is a typographic quote", 'write straight quotes: "…"'),
        ('a = ["x", "y"\nb = 1', 1, "the list that [ begins does not end", "write ] behind its last value"),
        ("a = [1 2]", 1, "a comma is missing before 2]", "write a comma between two of them"),
        ("a = { b = 1\nc = 2\n", 1, "the table that { begins does not end", "write } behind its last value"),
        ("a = { b = 1 c = 2 }", 1, "a comma is missing before c = 2 }", "write a comma between two of them"),
        ("a = { b = 1, }", 1, "there is a comma before }", "remove the comma"),
        ("a = [1,\n, 2]", 2, "there is a comma where a value belongs", "remove the comma"),
        ("a = { b = }", 1, "after = there is no value", 'write it, such as "text", 12, true or [ ]'),
        ("a : 1", 1, "there is : instead of =", "write a = 1"),
        ("a b = 1", 1, "the key a b is more than one word", 'write it in one word (a_b), or in quotes: "a b"'),
        ("a = 1\n// x", 2, "// x is no comment in TOML", "begin comments with #"),
        ("a = 1,5", 1, "1,5 is neither a number nor a date of TOML", "write 1.5"),
        ("a = 22.11.2026", 1, "22.11.2026 is neither a number nor a date of TOML", 'write "22.11.2026"'),
        ("[a\nb = 1", 1, "the heading [a does not end with ]", "write [a]"),
        ("a = 1\nb = 2\na = 3", 3, "the key `a` is written twice; it is also in line 1", "keep one of them"),
        (
            "[x.y]\na = 1\n[z]\n[x.y]\n",
            4,
            "the table [x.y] is written twice; it is also in line 1",
            "write all its keys below one of them",
        ),
        (
            "a = {\r\n  b = 1,\r\n  c = 2\r\n}",
            1,
            "a table in { } goes over several lines, which TOML does not allow",
            "write it in one line, or its keys one below the other as a.<key> = …",
        ),
    ],
)
def test_a_syntax_error_is_reported_where_it_begins(text: str, line: int, message: str, fix: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    assert explained(str(caught.value), text) == (line, message, fix)
