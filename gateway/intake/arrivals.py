"""Files on their way in: archived, taken out of containers, and put together where they share a commit."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from gateway import readers
from gateway.errors import Fault, FileError
from gateway.formats import containers
from gateway.intake.scratch import Scratch
from gateway.ledger import archive
from gateway.ledger.store import Bytes
from gateway.prefetch import ahead
from gateway.reading import ReadRequest
from gateway.rights import chmod_to_read, ownership
from gateway.settings import Config, secret_of
from gateway.transports import names, opening
from gateway.transports.transport import Drop

BATCH_BYTES = 8 << 20
"""Files up to this size together share one commit."""


@dataclass(frozen=True, slots=True)
class Within:
    """A container as it was delivered."""

    drop: Drop
    stored: archive.Stored


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A file whose bytes are archived.

    drop      what is read of it: where others can write to the delivery, a copy that only the gateway can
    received  the delivery, where it lies elsewhere than `drop`
    within    the delivery that holds it, where it came in a container
    sealed    why it is set aside as it is: a container that cannot be opened, or what ends the process
    """

    drop: Drop
    stored: archive.Stored
    received: Drop | None = None
    within: Within | None = None
    sealed: Fault | None = None

    @property
    def delivery(self) -> Drop:
        """What was delivered: the file, or the container that it came in."""
        return self.within.drop if self.within else self.received or self.drop

    @property
    def container(self) -> tuple[str, str]:
        """(name, SHA-256) of the container that it came in, ("", "") if it came by itself."""
        return (self.within.drop.name, self.within.stored.sha256) if self.within else ("", "")

    def is_as_listed(self) -> bool:
        """Whether the delivery still is in its place and what was listed there."""
        try:
            status = self.delivery.path.lstat()
        except OSError:
            return False
        return self.delivery.listed in (None, opening.version_of(status))

    def forget(self) -> None:
        """Remove the copy that was read."""
        _drop_copy(self.drop, self.delivery)


class Arrivals:
    """Archives what was delivered to one home.

    place  where the received bytes are kept
    """

    def __init__(self, home: Path, config: Config, place: Bytes) -> None:
        self.home, self.config, self.place = home, config, place

    def batches(
        self, drops: Iterable[Drop], scratch: Scratch, left: dict[Drop, str], aside: Mapping[Drop, Fault]
    ) -> Generator[list[Arrival]]:
        """The files in their order, in batches that share a commit; one is archived while the one before is worked on.

        scratch  where copies lie, and what comes out of containers
        left     gets the deliveries that cannot be archived, or not all of them, and why
        aside    those that are only archived, and why
        """
        return ahead(self._batches(drops, scratch, left, aside))

    def _batches(
        self, drops: Iterable[Drop], scratch: Scratch, left: dict[Drop, str], aside: Mapping[Drop, Fault]
    ) -> Iterator[list[Arrival]]:
        with closing(archive.Archiver(self.place)) as archiver:
            yield from self._archived(self._each(drops, scratch, archiver, left, aside), left, archiver)

    def _archived(
        self, files: Iterable[Arrival], left: dict[Drop, str], archiver: archive.Archiver
    ) -> Iterator[list[Arrival]]:
        def safe(batch: list[Arrival]) -> Iterator[list[Arrival]]:
            try:
                archiver.settle(_hashes(batch))
            except OSError as error:
                left.update((one.delivery, _refused(error)) for one in batch)
                for one in batch:
                    one.forget()
            else:
                yield batch

        batch: list[Arrival] = []
        size = 0
        for one in files:
            full = size + one.stored.bytes > BATCH_BYTES or len(batch) >= self.config.limits.files_per_commit_max
            if batch and full:
                yield from safe(batch)
                batch, size = [], 0
            batch.append(one)
            size += one.stored.bytes
        if batch:
            yield from safe(batch)

    def _each(
        self,
        drops: Iterable[Drop],
        scratch: Scratch,
        archiver: archive.Archiver,
        left: dict[Drop, str],
        aside: Mapping[Drop, Fault],
    ) -> Iterator[Arrival]:
        for drop in drops:
            try:
                yield from self._receive(drop, scratch, archiver, aside.get(drop))
            except OSError as error:
                left[drop] = (isinstance(error, PermissionError) and _unreadable(drop.path)) or _refused(error)

    def receive(self, drop: Drop, scratch: Scratch) -> list[Arrival]:
        """One delivery. Raises OSError."""
        with closing(archive.Archiver(self.place)) as archiver:
            arrived = self._receive(drop, scratch, archiver)
            archiver.settle(_hashes(arrived))
            return arrived

    def _receive(
        self, drop: Drop, scratch: Scratch, archiver: archive.Archiver, sealed: Fault | None = None
    ) -> list[Arrival]:
        """The file; if it is a container, the files within it: all of them, or it is left.

        A container that cannot be opened, or that is `sealed`, is taken as it is.
        """
        own, stored = scratch.own(drop, archiver)
        try:
            sealed = sealed or unsigned(own, self.config)
            whole = Arrival(own, stored, drop, sealed=sealed)
            if sealed or not containers.begins_as(own.path):
                return [whole]
            place = Path(tempfile.mkdtemp(dir=scratch.disk))
            try:
                inner = self._unpack(own, place)
            except FileError as error:
                shutil.rmtree(place)
                return [replace(whole, sealed=error.as_fault())]
            if inner is None:
                return [whole]
            arrived = [Arrival(one, archiver.add(one.path), within=Within(drop, whole.stored)) for one in inner]
        except OSError:
            _drop_copy(own, drop)
            raise
        _drop_copy(own, drop)
        return arrived

    def _unpack(self, container: Drop, place: Path) -> list[Drop] | None:
        """The files within a container, None if it is none. Raises FileError if it has none or cannot be opened."""
        request = ReadRequest(container.path, container.name, self.config.limits)
        files = readers.current().unpacked(request, place, self._keys(container))
        if files is None:
            return None
        inner = [self._inner(container, file) for file in files]
        if not inner:
            raise FileError(container.name, "there is no file in it", "Send it again, with the files.")
        return inner

    def _inner(self, container: Drop, file: containers.Inner) -> Drop:
        """A file within a container. Raises FileError for a name that would be refused outside of one."""
        if wrong := names.refusal(file.name, self.config.limits.file_name_chars_max):
            raise FileError(
                container.name,
                f"a file in it, {names.shown(file.name)}, {wrong}",
                "Rename that file, and send it again.",
            )
        return replace(container, name=file.name, path=file.path, listed=None)

    def _keys(self, drop: Drop) -> containers.Keys:
        """What opens encrypted files of the drop's partner."""
        pgp, partner = self.config.pgp, self.config.partners.get(drop.partner)
        return containers.Keys(
            self.home / pgp.key_file if pgp.key_file else None,
            secret_of(pgp.passphrase_env),
            self.home / partner.pgp_signer if partner and partner.pgp_signer else None,
        )


def unsigned(drop: Drop, config: Config) -> Fault | None:
    """Why a file is refused whose partner must sign what it sends: only an OpenPGP message can be signed."""
    partner = config.partners.get(drop.partner)
    if partner is None or not partner.pgp_signer or containers.begins_as(drop.path) == "pgp":
        return None
    return FileError(
        drop.name,
        f"it is not signed, and the files of {drop.partner} must be",
        "Encrypt it for the gateway's OpenPGP key, sign it with your own, and send it again.",
    ).as_fault()


def _hashes(arrived: Iterable[Arrival]) -> set[str]:
    """Of these files, and of the containers that they came in."""
    return {part.stored.sha256 for one in arrived for part in (one, one.within) if part}


def _refused(error: OSError) -> str:
    return f"cannot be archived: {error.strerror}"


def _unreadable(path: Path) -> str:
    """Whose the file is and what that user must do, "" where this process may read it."""
    if os.access(path, os.R_OK):
        return ""
    return f"cannot be read: {ownership(path)}. Fix: its owner, or root, runs `{chmod_to_read(path)}`"


def _drop_copy(own: Drop, delivery: Drop) -> None:
    if own.path != delivery.path:
        own.path.unlink(missing_ok=True)
