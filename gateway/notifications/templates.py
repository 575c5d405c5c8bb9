"""The texts of messages: those of the home's folder `templates/`, else those that are shipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from gateway.errors import HouseError
from gateway.regular_file import opened_regular

SHIPPED = Path(__file__).parent / "templates"
PLACEHOLDERS = {
    "digest": (
        "owners",
        "date",
        "time",
        "timezone",
        "open_count",
        "opened_count",
        "closed_count",
        "overdue_count",
        "open",
        "opened",
        "closed",
        "late",
        "files",
        "partners",
    ),
    "head": ("owners", "date", "time", "timezone", "head", "number", "hash", "committed_at", "before"),
    "place": ("owners", "date", "time", "timezone", "summary", "places"),
    "alert": ("owners", "date", "time", "timezone", "count", "noun", "exceptions"),
}
SUBJECT = "Subject: "
BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates of one kind of message: subject, plain text, HTML."""

    subject: Template
    text: Template
    html: Template


def load(home: Path) -> dict[str, Templates]:
    """The templates of each kind of message.

    Raises HouseError with file and line of a placeholder that does not exist.
    """
    found = {}
    for kind in PLACEHOLDERS:
        text, html = (_read(home, f"{kind}.{form}") for form in ("txt", "html"))
        head, _, body = text.partition("\n")
        _check(f"templates/{kind}.txt", text, kind)
        _check(f"templates/{kind}.html", html, kind)
        if not head.startswith(SUBJECT):
            raise HouseError("read template", f"templates/{kind}.txt:1", f'Begin it with "{SUBJECT}…".', "no subject")
        subject = Template(head.removeprefix(SUBJECT).strip())
        found[kind] = Templates(subject, Template(body.lstrip("\n")), Template(html))
    return found


def _read(home: Path, name: str) -> str:
    own = home / "templates" / name
    path = own if own.is_file() else SHIPPED / name
    try:
        with opened_regular(path) as source:
            return source.read(BYTES_MAX).decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise HouseError("read template", str(path), "Save it as UTF-8 text, or remove it.", str(error)) from None


def _check(name: str, text: str, kind: str) -> None:
    known = PLACEHOLDERS[kind]
    for number, line in enumerate(text.split("\n"), 1):
        template = Template(line)
        if not template.is_valid():
            raise HouseError("read template", f"{name}:{number}", "Write $$ for a dollar sign.", "a $ names nothing")
        wrong = [found for found in template.get_identifiers() if found not in known]
        if wrong:
            hint = f"Write one of {', '.join('${' + one + '}' for one in known)}."
            raise HouseError("read template", f"{name}:{number}", hint, f"there is no ${{{wrong[0]}}}")
