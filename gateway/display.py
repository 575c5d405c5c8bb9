"""Text from partners as people see it, on terminals, in logs, workbooks and mails: control characters are escaped."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any


def visible(text: str, keep: str = "") -> str:
    """The text with what cannot be seen, or changes how other text is seen, as escapes; `keep` stays as it is.

    These are control, bidirectional, zero-width and unassigned characters, line separators, halves of characters and
    all blanks but the common one.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def visible_event(_: Any, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """A log event with all its text visible, for the log's processors; a traceback keeps its lines."""
    return {name: _seen(value, "\n\t" if name == "exception" else "") for name, value in event.items()}


def _seen(value: Any, keep: str = "") -> Any:
    if isinstance(value, str):
        return visible(value, keep)
    if isinstance(value, dict):
        return {_seen(key): _seen(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_seen(inner) for inner in value]
    return value
