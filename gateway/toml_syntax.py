"""Why a text is no TOML, in the words of the person who wrote it: the parser of the library says what it expected."""

from __future__ import annotations

import re
from collections.abc import Callable

Said = tuple[int, str, str]
"""Line, what is wrong, the fix."""

_AT = re.compile(r" \(at line (\d+), column (\d+)\)$")
_CURLY = "“”„«»‘’‚‹›"
_KEY = re.compile(r"""\s*([\w.-]+|"[^"]*"|'[^']*')\s*=""")
_TEXTS = re.compile(r'"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'|#[^\n]*")
_OTHER_COMMENTS = ("//", "/*", "--", ";", "%", "'")


def explained(message: str, text: str) -> Said:
    """The line, reason and fix of a syntax error, given what the parser says of it."""
    text = text.replace("\r\n", "\n")
    found = _AT.search(message)
    at = _offset(text, int(found[1]), int(found[2])) if found else len(text.rstrip())
    reason = _AT.sub("", message).removesuffix(" (at end of document)")
    curly = re.search(f"[{_CURLY}]", _TEXTS.sub("", _line(text, at)))
    if curly:
        return _number(text, at), f"{curly[0]} is a typographic quote", 'write straight quotes: "…"'
    for kind, explain in _KINDS.items():
        if kind in reason:
            return explain(text, at, reason)
    fix = "check quotes, brackets and = on that line and the one before"
    return _number(text, at), reason[:1].lower() + reason[1:], fix


def _offset(text: str, line: int, column: int) -> int:
    return sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1


def _number(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _line(text: str, at: int) -> str:
    begin = text.rfind("\n", 0, at) + 1
    return text[begin:].split("\n", maxsplit=1)[0]


def _rest(text: str, at: int) -> str:
    """What stands in the line from there on, without a comment."""
    return text[at:].split("\n", maxsplit=1)[0].split("#", maxsplit=1)[0].strip()


def _table_twice(text: str, at: int, reason: str) -> Said:
    name = ".".join(re.findall(r"'([^']*)'", reason))
    heading = re.compile(rf"\s*\[\[?\s*{re.escape(name)}\s*\]")
    here = _number(text, at)
    first = next((n for n, line in enumerate(text.split("\n"), 1) if n < here and heading.match(line)), 0)
    where = f"; it is also in line {first}" if first else ""
    return here, f"the table [{name}] is written twice{where}", "write all its keys below one of them"


def _key_twice(text: str, at: int, reason: str) -> Said:
    """The key whose value ends there; where a heading does, its name is that of a value."""
    lines, here = text.split("\n"), _number(text, at)
    if lines[here - 1].lstrip().startswith("["):
        return here, f"{lines[here - 1].strip()} is a table, and above it a value", "keep one of them"
    while here > 1 and not _KEY.match(lines[here - 1]):
        here -= 1
    key = found[1] if (found := _KEY.match(lines[here - 1])) else ""
    for number in range(here - 1, 0, -1):
        same = _KEY.match(lines[number - 1])
        if same and same[1] == key:
            return here, f"the key `{key}` is written twice; it is also in line {number}", "keep one of them"
        if lines[number - 1].lstrip().startswith("["):
            break
    return here, f"the key `{key}` is written twice", "keep one of them"


def _key_twice_inline(text: str, at: int, reason: str) -> Said:
    key = reason.split("'")[1]
    return _number(text, at), f"the key `{key}` is written twice in {{ }}", "keep one of them"


def _no_closing_quote(text: str, at: int, reason: str) -> Said:
    for mark in ('"""', "'''"):
        if text.count(mark) % 2:
            return _number(text, text.rfind(mark)), f"the text that {mark} begins does not end", f"end it with {mark}"
    return _number(text, at), "a text has no closing quote", "end it with the quote that it begins with"


def _no_value(text: str, at: int, reason: str) -> Said:
    rest = _rest(text, at)
    begun = _open(text, at)
    if not rest or (rest[0] in ",]}" and text[:at].rstrip().endswith("=")):
        return _number(text, at), "after = there is no value", 'write it, such as "text", 12, true or [ ]'
    if rest[0] == ",":
        return _number(text, at), "there is a comma where a value belongs", "remove the comma"
    if begun >= 0 and _number(text, begun) < _number(text, at):
        return _unclosed(text, begun)
    word = re.split(r"[,\]}]", rest)[0].strip()
    if word.lower() in ("true", "false", "yes", "no", "ja", "nein"):
        return _number(text, at), f"{word} is no value", 'write true or false, or "…" around a text'
    return _number(text, at), f"the text {word} has no quotes", f'write it in quotes: "{word}"'


def _open(text: str, at: int) -> int:
    """Where the last [ or { before a place begins that is not closed, -1 if there is none."""
    stack: list[int] = []
    blank = _TEXTS.sub(lambda found: " " * len(found[0]), text)
    for place, sign in enumerate(blank[:at]):
        if sign in "[{":
            stack.append(place)
        elif sign in "]}" and stack:
            stack.pop()
    return stack[-1] if stack else -1


def _unclosed(text: str, begun: int) -> Said:
    sign, end = (text[begun], "]" if text[begun] == "[" else "}")
    what = "the list" if sign == "[" else "the table"
    return _number(text, begun), f"{what} that {sign} begins does not end", f"write {end} behind its last value"


def _no_end(text: str, at: int, reason: str) -> Said:
    """A list or a table in { } in which neither a comma nor its end comes next."""
    begun, rest = _open(text, at), _rest(text, at)
    if begun < 0:
        return _number(text, at), "a bracket is not closed", "close it"
    if text[begun] == "{" and not rest:
        return _unclosed(text, begun) if _key_follows(text, at) else _over_lines(text, begun)
    if not rest or rest[0] in "]}":
        return _unclosed(text, begun)
    if text[begun] == "[" and _KEY.match(rest):
        return _unclosed(text, begun)
    return _number(text, at), f"a comma is missing before {rest}", "write a comma between two of them"


def _key_follows(text: str, at: int) -> bool:
    """Whether the next line that says something is a key or a heading of its own, not a part of a table in { }."""
    following = text[at:].lstrip().split("\n", maxsplit=1)[0]
    return not following or (following.count("}") <= following.count("{") and not following.rstrip().endswith(","))


def _over_lines(text: str, begun: int) -> Said:
    name = found[1] if (found := _KEY.match(_line(text, begun))) else "key"
    fix = f"write it in one line, or its keys one below the other as {name}.<key> = …"
    return _number(text, begun), "a table in { } goes over several lines, which TOML does not allow", fix


def _no_key(text: str, at: int, reason: str) -> Said:
    begun, rest = _open(text, at), _rest(text, at)
    if begun >= 0 and text[begun] == "{":
        if not rest:
            return _over_lines(text, begun)
        if rest.startswith("}"):
            return _number(text, at), "there is a comma before }", "remove the comma"
    return _number(text, at), f"a key is missing before {rest or 'the end of the line'}", "write it"


def _no_sign(text: str, at: int, reason: str) -> Said:
    """A key that no = follows."""
    line, rest = _line(text, at).strip(), _rest(text, at)
    if rest.startswith(":"):
        return _number(text, at), "there is : instead of =", f"write {line.replace(':', '=', 1)}"
    key, sign, _ = line.partition("=")
    if sign:
        name = key.strip()
        fix = f'write it in one word ({re.sub("[^A-Za-z0-9]+", "_", name)}), or in quotes: "{name}"'
        return _number(text, at), f"the key {name} is more than one word", fix
    return _number(text, at), f"{line} has no =", f'write a value: {line} = "…", or put # before a comment'


def _no_statement(text: str, at: int, reason: str) -> Said:
    line = _line(text, at).strip()
    if line.startswith(_OTHER_COMMENTS):
        return _number(text, at), f"{line[:40]} is no comment in TOML", "begin comments with #"
    key = line.partition("=")[0].strip()
    if key and "=" in line:
        return _number(text, at), f"the key {key} needs quotes", f'write "{key}" ='
    return _number(text, at), f"{line[:40]} is neither key = value nor [table]", "write it as one of them"


def _backslash(text: str, at: int, reason: str) -> Said:
    return (
        _number(text, at),
        'a text in "double" quotes has a single \\',
        "write the text in 'single' quotes, or \\\\ for each \\",
    )


def _behind_value(text: str, at: int, reason: str) -> Said:
    """Something else stands behind a value."""
    value = _line(text, at).partition("=")[2].split("#", maxsplit=1)[0].strip()
    if re.fullmatch(r"[\d.,:/ -]+", value.rstrip(",")) and not value.rstrip(",").isdigit():
        value = value.rstrip(",")
        number = value.replace(",", ".") if re.fullmatch(r"-?\d+,\d+", value) else f'"{value}"'
        return _number(text, at), f"{value} is neither a number nor a date of TOML", f"write {number}"
    rest = _rest(text, at)
    return _number(text, at), f"after the value there is {rest}", "remove it, or write quotes around the whole value"


def _heading(text: str, at: int, reason: str) -> Said:
    line = _line(text, at).strip()
    end = "]]" if line.startswith("[[") else "]"
    return _number(text, at), f"the heading {line} does not end with {end}", f"write {line.rstrip(']')}{end}"


_KINDS: dict[str, Callable[[str, int, str], Said]] = {
    "Duplicate inline": _key_twice_inline,
    " twice": _table_twice,
    "overwrite a value": _key_twice,
    "Illegal character '\\n'": _no_closing_quote,
    "Unterminated string": _no_closing_quote,
    'Expected "\'"': _no_closing_quote,
    "Expected '\"'": _no_closing_quote,
    "Invalid value": _no_value,
    "Unclosed": _no_end,
    "key part": _no_key,
    "Expected '='": _no_sign,
    "Invalid statement": _no_statement,
    "Unescaped": _backslash,
    "Expected newline": _behind_value,
    "at the end of": _heading,
}
"""What the parser says → what it means. What is in none of them stays in its words."""
