"""The pack that reads a file as it is: then a draft says its name, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway import formats
from gateway.errors import FileError
from gateway.formats.header import named_alike
from gateway.mapping.apply import drift
from gateway.mapping.claim.content import Content
from gateway.mapping.claim.content import look as content_look
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.language.named_columns import sources
from gateway.mapping.language.spec import Mapping as Spec
from gateway.reading import Reading, ReadRequest, Unit
from gateway.settings import Limits
from gateway.suggest import tables, totals
from gateway.suggest.assign import Certainty
from gateway.suggest.draft import Draft, Line, Record, inline, quoted, shown
from gateway.suggest.look import Seen
from gateway.suggest.vocabulary import Vocabulary
from gateway.suggest.words import meant

TABLES = ("delimited", "workbook")
KNOWN_MIN, KNOWN_SHARE = 3, 0.6
"""So many columns of a table a pack must read, and know so large a share of all, for a draft to be based on it."""
RENAMED_SHARE = 0.75
"""So large a share where the file calls most of them otherwise than the pack."""
PLACEHOLDERS = {"{location}": "location", "{currency}": "currency"}


@dataclass(frozen=True, slots=True)
class Fit:
    """A pack that reads a file.

    known    columns or values that it names and that are there
    renamed  columns of the pack → what the file calls them
    """

    name: str
    pack: Loaded
    known: int
    renamed: Mapping[str, str]


def of_units(units: Sequence[Unit], name: str, packs: Mapping[str, Loaded], partner: str) -> list[Draft]:
    """A draft for each kind of set of interchanges or bank files that a pack reads; the first notes the others."""
    drafts, unread = list[Draft](), list[str]()
    for kind in dict.fromkeys(unit.kind for unit in units):
        alike = [one for one in units if one.kind == kind]
        if found := _packs_of(alike[0], name, packs):
            drafts.append(_of_kind(alike, name, found, partner))
        else:
            unread.append(kind)
    if drafts and unread:
        drafts[0].notes.append(f"No pack reads these sets of the file: {', '.join(unread)}.")
    return drafts


def _of_kind(units: Sequence[Unit], name: str, fits: Sequence[Fit], partner: str) -> Draft:
    """The draft for sets of one kind."""
    kind, version = units[0].kind, units[0].version
    draft = _draft(partner, fits, f"the file holds {kind} of version {version}".removesuffix(" of version "))
    others = [one for one in dict.fromkeys(unit.version for unit in units) if one != version]
    if others and fits[0].pack.mapping.file.version:
        draft.notes.append(f"This is for version {version}. Draft the others by themselves: {', '.join(others)}.")
    senders = list(dict.fromkeys(unit.sender for unit in units))
    if name in ("x12", "edifact") and len(senders) == 1:
        draft.file.append(Line("sender", quoted(senders[0]), "sure", "the envelope names it"))
    elif name in ("x12", "edifact"):
        draft.notes.append(f"Several senders: {', '.join(senders)}. Name them in [partners.{partner}] of config.toml.")
    return draft


def _packs_of(unit: Unit, name: str, packs: Mapping[str, Loaded]) -> list[Fit]:
    """The packs of that kind of set: those that name its version first, then those of the shortest name."""
    fits = []
    for pack, loaded in packs.items():
        file = loaded.mapping.file
        if file.format == name and file.transaction == unit.kind and unit.version.startswith(file.version or ""):
            fits.append(Fit(pack, loaded, len(file.version or ""), {}))
    longest = max((fit.known for fit in fits), default=0)
    return sorted((fit for fit in fits if fit.known == longest), key=lambda fit: len(fit.name))


def of_document(
    paths: Sequence[Path], looks: Sequence[str], packs: Mapping[str, Loaded], partner: str, limits: Limits
) -> Draft | None:
    """The draft for documents (XML, JSON …) that a pack reads, None where none reads all of them."""
    found = [_packs_of_document(path, looks, packs, limits) for path in paths]
    fits = [
        replace(fit, known=sum(one[name].known for one in found))
        for name, fit in found[0].items()
        if all(name in one for one in found)
    ]
    fits.sort(key=lambda fit: (-fit.known, len(fit.name)))
    if not fits:
        return None
    several = f"all {len(paths)} documents" if len(paths) > 1 else "the document"
    draft = _draft(partner, fits, f"it reads {several}, and {fits[0].known} of its values are there")
    draft.file.insert(0, tables.match(paths))
    return draft


def _packs_of_document(path: Path, looks: Sequence[str], packs: Mapping[str, Loaded], limits: Limits) -> dict[str, Fit]:
    """The packs that read a document."""

    def opened(mapping: Spec, each: str | None, columns: Sequence[str]) -> Reading:
        request = ReadRequest(path, path.name, limits, mapping.file.options, each, tuple(columns))
        return formats.named(mapping.file.format).read(request)

    content, fits = Content(looks, opened, lambda: ""), dict[str, Fit]()
    for name, loaded in packs.items():
        mapping = loaded.mapping
        if mapping.file.format in looks and mapping.file.format not in TABLES and mapping.file.transaction is None:
            found = content_look(mapping, content)
            if not found.why:
                fits[name] = Fit(name, loaded, found.known, {})
    return fits


def of_table(seen: Seen, packs: Mapping[str, Loaded], partner: str, words: Vocabulary) -> Draft | None:
    """The draft for a table that a pack reads, with its names in place of the pack's; None where none does."""
    fits = [fit for name, loaded in packs.items() if (fit := _fit(seen, name, loaded))]
    fits.sort(key=lambda fit: (-fit.known, len(fit.renamed), len(fit.name)))
    if not fits:
        return None
    best = fits[0]
    draft = _draft(partner, fits, f"{best.known} of {len(seen.columns)} columns are its columns")
    draft.file.append(tables.match(seen.paths))
    draft.file += _other_options(seen, best.pack.mapping)
    if best.renamed:
        names = {column: [other] for column, other in best.renamed.items()}
        draft.file.append(Line("other_names", inline(names), "likely", "names that mean the same"))
    wanted = drift.source_columns(best.pack.mapping, best.pack.mapping.record)
    unknown = drift.unknown(best.pack.mapping, _named(seen, best.pack.mapping), wanted)
    rest = [column for column in unknown if column not in best.renamed.values() and not column.startswith("#")]
    draft.unmapped = [(column, ", ".join(seen.shapes[column].values[:3]) or "no values") for column in rest]
    _check(draft, seen, best.pack.mapping, words)
    draft.unmapped = [
        one for one in draft.unmapped if not any(quoted(one[0]) in line.value for line in _helpers(draft))
    ]
    if draft.unmapped:
        columns = shown([column for column, _ in draft.unmapped])
        draft.file.append(Line("known", columns, None, "columns that no field reads, listed below"))
    return draft


def _helpers(draft: Draft) -> list[Line]:
    return [line for record in draft.records for line in record.fields]


def _check(draft: Draft, seen: Seen, mapping: Spec, words: Vocabulary) -> None:
    """Add to the pack's rules those of total rows, and to its tie-outs what the sample bears out."""
    rules, ties = (
        [one.model_dump(exclude_unset=True) for one in ones] for ones in (mapping.file.ignore, mapping.file.tie_out)
    )
    if totals.rules(seen) and not any("total" in one["name"] for one in rules):
        draft.file.append(Line("ignore", shown([*rules, *totals.rules(seen)]), "likely", totals.words(seen)))
    record = mapping.record[0]
    helpers, more = tables.checks(seen, words, record.type)
    if more:
        draft.file.append(Line("tie_out", shown([*ties, *more]), "sure", "the rows of the sample agree with it"))
    unread = {column for column, _ in draft.unmapped}
    further = [line for line in tables.further(seen, words, record.type, unread) if line.key not in record.fields]
    if further or helpers:
        draft.records.append(Record(record.type, (), [*further, *helpers]))


def _fit(seen: Seen, name: str, loaded: Loaded) -> Fit | None:
    mapping = loaded.mapping
    if mapping.file.format != seen.format or mapping.file.options.get("section") or mapping.file.repeat:
        return None
    wanted = drift.source_columns(mapping, mapping.record)
    columns = _named(seen, mapping)
    present = set(columns)
    free = {meant(column): column for column in columns if column not in wanted and meant(column)}
    missing = [column for column in wanted if column not in present and not _is_made(column)]
    renamed: dict[str, str] = {}
    for column in missing:
        stated = present | set(renamed)
        if meant(column) in free and not any(group & stated for group in _alternatives(mapping) if column in group):
            renamed[column] = free[meant(column)]
    taken = len(set(renamed.values())) == len(renamed)
    known = len(present & set(wanted)) + len(renamed)
    explained = len(present - set(drift.unknown(mapping, columns, wanted))) + len(renamed)
    share = RENAMED_SHARE if len(renamed) * 2 > known else KNOWN_SHARE
    if not taken or known < min(KNOWN_MIN, len(present)) or explained < share * len(present):
        return None
    return None if drift.lacking(mapping.record, present | set(renamed)) else Fit(name, loaded, known, renamed)


def _alternatives(mapping: Spec) -> list[set[str]]:
    """The columns of which a field takes the first that has a value."""
    return [set(sources(spec)) for record in mapping.record for spec in record.fields.values()]


def _named(seen: Seen, mapping: Spec) -> Sequence[str]:
    """The columns of the file, by the pack's name where it has another name for it."""
    return named_alike(seen.columns, mapping.file.options.get("other_names", {}))[0]


def _is_made(column: str) -> bool:
    return column.startswith("{")


def _other_options(seen: Seen, mapping: Spec) -> Iterator[Line]:
    """The layout of the file where it is not that of the pack."""
    for key in ("delimiter", "encoding"):
        given: Any = mapping.file.options.get(key, {"delimiter": "comma", "encoding": "utf-8"}[key])
        found = str(seen.options.get(key, given)).removesuffix("-sig")
        if seen.format == "delimited" and given not in ("auto", found):
            yield Line(key, quoted(found), "sure" if key == "delimiter" else "likely", f"not {given}, as in the pack")


def _draft(partner: str, fits: Sequence[Fit], why: str) -> Draft:
    """The draft that is based on the first of these packs; the others are named."""
    best, others = fits[0], [fit for fit in fits[1:] if fit.known == fits[0].known]
    certainty: Certainty = "guess" if others else "likely"
    stem = best.name.rpartition("/")[2].lower()
    draft = Draft(f"{partner}.{stem}", partner, based_on=best.name)
    draft.head.append(Line("based_on", quoted(best.name), certainty, f"{why}: {best.pack.mapping.description}"))
    draft.notes += [f"It could be {fit.name} too: {fit.pack.mapping.description}." for fit in others]
    draft.notes += [
        f"Where the file names no {key}, that of [partners.{partner}] in config.toml holds."
        for mark, key in PLACEHOLDERS.items()
        if any(field.default == mark for record in best.pack.mapping.record for field in record.fields.values())
    ]
    return draft


def unit_formats(paths: Sequence[Path], limits: Limits) -> tuple[Sequence[str], Sequence[Unit]]:
    """(formats that the files look like, their sets where they are interchanges or bank files). Raises FileError."""
    kinds, units = list[Sequence[str]](), list[Unit]()
    for path in paths:
        looked = formats.looked(ReadRequest(path, path.name, limits))
        if looked.empty:
            raise FileError(path.name, "the file is empty", "Give it a file with content.")
        kinds.append(looked.looks)
        units += looked.envelope.units if looked.envelope else ()
        if _family(looked.looks) != _family(kinds[0]):
            cause = f"it is not {_family(kinds[0])}, as {paths[0].name} is"
            raise FileError(path.name, cause, "Draft files of each format by themselves.")
    return kinds[0], units


def _family(looks: Sequence[str]) -> str:
    """What may be drafted together: tables of any kind, or one format."""
    return "a table" if not looks or looks[0] in TABLES else looks[0]
