"""Readers: bytes → record batches of text columns with positions. One module a format.

Adding a format is one module with the verbs of `contract.Format`, one line in `FORMATS`, one golden pair.
"""

from __future__ import annotations

from typing import cast

from gateway.errors import GatewayError
from gateway.formats import bai2, delimited, edifact, fixed, interchange, json_lines, mt940, ofx, workbook, x12, xml
from gateway.formats import header as headers
from gateway.formats.contract import Format, Interchange

INTERCHANGES: dict[str, Interchange] = {
    "edifact": cast(Interchange, edifact),
    "x12": cast(Interchange, x12),
    "mt940": cast(Interchange, mt940),
    "bai2": cast(Interchange, bai2),
    "ofx": cast(Interchange, ofx),
}
"""Formats whose files hold units that are claimed one by one."""

FORMATS: dict[str, Format] = {
    "delimited": cast(Format, delimited),
    "fixed": cast(Format, fixed),
    "json": cast(Format, json_lines),
    "workbook": cast(Format, workbook),
    "xml": cast(Format, xml),
    **INTERCHANGES,
}


def forget() -> None:
    """Give back the memory of the interchanges that were read last."""
    for module in (interchange, mt940, bai2, ofx):
        module.forget()


def named(name: str) -> Format:
    """The format module of that name. Raises GatewayError naming the known ones."""
    try:
        return FORMATS[name]
    except KeyError:
        raise GatewayError("find format", name, f"Use one of {', '.join(sorted(FORMATS))}.") from None


def check_options(module: Format, options: dict[str, object], name: str) -> None:
    """Check a format's own options. Raises GatewayError naming every faulty key."""
    headers.options(module.Options, options, name)
