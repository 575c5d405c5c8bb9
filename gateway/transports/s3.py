"""Buckets of S3 and of compatible servers.

Objects appear whole, so none is waited for; a delivery needs no temporary name for the same reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError, SSLError

from gateway.bucket_client import client_of
from gateway.settings import S3, Config, secret_of
from gateway.transports.remote import Entry, Places, RemoteServer
from gateway.transports.transport import UnreachableError

CHUNK_BYTES = 1 << 20
PART_BYTES = 64 << 20
"""Larger files are uploaded and copied in parts; an object still appears whole."""

# In this thread alone: a lane is one thread, and ends when it is asked to.
_IN_PARTS = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False)
_BROKEN = (EOFError, TimeoutError, ConnectionError, BotoCoreError)
_FIXES = {
    "InvalidAccessKeyId": "Check the access key in {access_key_env}.",
    "SignatureDoesNotMatch": "Check the secret in {secret_key_env}: it is not that of the access key.",
    "RequestTimeTooSkewed": "Set the clock of this machine.",
    "AuthorizationHeaderMalformed": "Set region to that of the bucket.",
    "PermanentRedirect": "Set region and endpoint to those of the bucket.",
}
"""Answers that mean that nothing will work, and the fix."""


class S3Bucket(RemoteServer):
    """One bucket."""

    broken = _BROKEN
    trouble = (*_BROKEN, OSError)
    fix = "Check endpoint and region in config.toml; it is tried again."

    def __init__(self, home: Path, settings: S3, config: Config, spool: Path) -> None:
        places = Places(*map(_folder, (settings.prefix_in, settings.prefix_done, settings.prefix_out)))
        where = f"bucket {settings.bucket} at {settings.endpoint or 'AWS'}"
        super().__init__("s3", where, settings, places, config, spool)
        self.home, self.settings = home, settings
        self._client: Any = None

    # --- connection -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _asked(self) -> Iterator[Any]:
        """The client. Raises OSError for an answer that is a no, UnreachableError where nothing will work."""
        try:
            if self._client is None:
                self._client = self._connect()
            yield self._client
        except ClientError as error:
            raise self._answered(error) from error
        except SSLError as error:
            hint = "Set ca_file to the certificate of the authority that signed it."
            raise self._unreachable("connect to", f"its certificate is refused: {error}", hint) from error

    def _connect(self) -> Any:
        s = self.settings
        access_key, secret_key = secret_of(s.access_key_env), secret_of(s.secret_key_env)
        if not (access_key and secret_key):
            hint = f"Set the environment variables {s.access_key_env} and {s.secret_key_env}."
            raise self._unreachable("log in to", "there is no access key or no secret", hint)
        return client_of(
            (access_key, secret_key),
            region=s.region,
            endpoint=s.endpoint,
            ca_file=str(self.home / s.ca_file) if s.ca_file else "",
            connect_timeout=s.connect_timeout_s,
            read_timeout=s.connect_timeout_s,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )

    def _answered(self, error: ClientError) -> OSError | UnreachableError:
        answer = error.response.get("Error", {})
        code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
        if code in _FIXES:
            hint = _FIXES[code].format_map(self.settings.model_dump())
            return self._unreachable("log in to", f"{code}: {message}", hint)
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            return self._unreachable("ask", f"{code}: {message}", "Ask the partner if it stays; it is tried again.")
        return OSError(f"{code}: {message}")

    def _is_alive(self) -> bool:
        return True

    def close(self) -> None:
        """Close what is idle; an answer that is waited for ends by its time-out."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    # --- files ----------------------------------------------------------------------------------------

    def _list(self, folder: str) -> Iterable[Entry]:
        with self._asked() as client:
            pages = list(
                client.get_paginator("list_objects_v2").paginate(
                    Bucket=self.settings.bucket, Prefix=folder, Delimiter="/"
                )
            )
        found = [each for page in pages for each in page.get("Contents", ())]
        folders = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
        # An object that is named like the folder itself is how some tools make one.
        return [
            *(_entry(each["Key"].removeprefix(folder), each["Size"], each) for each in found if each["Key"] != folder),
            *(Entry(each.removeprefix(folder).rstrip("/"), 0, 0, folder=True) for each in folders),
        ]

    def _stat(self, path: str) -> Entry | None:
        with self._asked() as client:
            try:
                found = client.head_object(Bucket=self.settings.bucket, Key=path)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return None
                raise
        return _entry(path, found["ContentLength"], found)

    def _read(self, path: str, entry: Entry, start: int) -> Generator[bytes, None, None]:
        rest = {"Range": f"bytes={start}-"} if start else {}
        with self._asked() as client:
            answer = client.get_object(Bucket=self.settings.bucket, Key=path, IfMatch=f'"{entry.tag}"', **rest)
            with contextlib.closing(answer["Body"]) as body:
                yield from body.iter_chunks(CHUNK_BYTES)

    def _send(self, file: Path, target: str) -> None:
        self._write(file, target)

    def _write(self, file: Path, path: str) -> None:
        with file.open("rb") as source, self._asked() as client:
            client.upload_fileobj(source, self.settings.bucket, path, Config=_IN_PARTS)

    def _move(self, path: str, target: str, tag: str = "") -> None:
        bucket = self.settings.bucket
        with self._asked() as client:
            client.copy(
                {"Bucket": bucket, "Key": path},
                bucket,
                target,
                ExtraArgs={"CopySourceIfMatch": f'"{tag}"'} if tag else {},
                Config=_IN_PARTS,
            )
            client.delete_object(Bucket=bucket, Key=path)

    def _remove(self, path: str) -> None:
        with self._asked() as client:
            client.delete_object(Bucket=self.settings.bucket, Key=path)


def _folder(prefix: str) -> str:
    """A prefix as one that ends at a slash, and begins without one."""
    plain = prefix.strip("/")
    return f"{plain}/" if plain else ""


def _entry(name: str, size: int, answer: dict[str, Any]) -> Entry:
    # Listings have parts of a second, single objects do not.
    return Entry(name, size, int(answer["LastModified"].timestamp()), answer["ETag"].strip('"'))
