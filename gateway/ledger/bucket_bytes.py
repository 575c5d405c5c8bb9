"""Bytes of the ledger in a bucket of S3 or of a compatible server: data files, or the archive."""

from __future__ import annotations

import base64
import errno
import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import duckdb

from gateway.bucket_client import client_of
from gateway.errors import HouseError
from gateway.settings import LedgerS3, secret_of
from gateway.sql import literal

UPLOADS_AT_ONCE = 8
CHUNK_BYTES = 1 << 20
PART_BYTES = 64 << 20
"""Larger files are uploaded in parts; an object still appears whole."""
_FIXES = {
    "404": "Create the bucket, or correct its name in config.toml.",
    "NoSuchBucket": "Create the bucket, or correct its name in config.toml.",
    "403": "Check that the key in {access_key_env} may list, read, write and delete there.",
    "InvalidAccessKeyId": "Check the access key in {access_key_env}.",
    "SignatureDoesNotMatch": "Check the secret in {secret_key_env}: it is not that of the access key.",
    "RequestTimeTooSkewed": "Set the clock of this machine.",
    "301": "Set region and endpoint in [ledger.s3] to those of the bucket.",
}


class BucketBytes:
    """Objects below a prefix, each by its name: its key without the prefix.

    scratch  a folder of this machine for temporary files that `keep` is given
    """

    extensions: tuple[str, ...] = ("httpfs",)

    def __init__(self, uri: str, settings: LedgerS3, home: Path, scratch: Path) -> None:
        self.bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        self.prefix = f"{prefix.strip('/')}/"
        self.settings, self.scratch = settings, scratch
        self._ca_file = str(home / settings.ca_file) if settings.ca_file else ""
        self._client: Any = None

    @property
    def uri(self) -> str:
        """What the database calls the place, with a slash at its end."""
        return f"s3://{self.bucket}/{self.prefix}"

    def prepare(self, con: duckdb.DuckDBPyConnection) -> None:
        """Give a connection the key to the place. It stays in the connection's memory. Raises HouseError without
        one."""
        access_key, secret_key = self._key()
        options = {"key_id": access_key, "secret": secret_key, "region": self.settings.region, "scope": self.uri}
        secure = "true"
        if self.settings.endpoint:
            url = urlsplit(self.settings.endpoint)
            options |= {"endpoint": url.netloc, "url_style": "path"}
            secure = str(url.scheme == "https").lower()
        listed = ", ".join(f"{name} {literal(value)}" for name, value in options.items())
        con.execute("set enable_server_cert_verification = true")
        if self._ca_file:
            con.execute(f"set ca_cert_file = {literal(self._ca_file)}")
        con.execute(f"create secret ledger_bytes (type s3, {listed}, use_ssl {secure})")

    def make(self) -> None:
        """A bucket is made by its owner: make sure that it is there. Raises HouseError."""
        self.check()

    def check(self) -> None:
        """Raises HouseError that says what is wrong with the bucket."""
        with self._asked("open ledger") as client:
            client.head_bucket(Bucket=self.bucket)

    def files(self) -> Iterator[tuple[str, int]]:
        """(name, size in bytes) of every object. Raises HouseError."""
        with self._asked("list") as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            for page in pages:
                for found in page.get("Contents", ()):
                    yield found["Key"].removeprefix(self.prefix), found["Size"]

    def size(self, name: str) -> int:
        """Size of an object in bytes. Raises OSError."""
        with self._as_file(name):
            answer = self._connected().head_object(Bucket=self.bucket, Key=self.prefix + name)
        return int(answer["ContentLength"])

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """An object to read from. Raises OSError."""
        with self._as_file(name):
            answer = self._connected().get_object(Bucket=self.bucket, Key=self.prefix + name)
            with closing(answer["Body"]) as body:
                yield body

    def fetch(self, name: str, target: Path) -> None:
        """Copy an object to the file `target`. Raises OSError."""
        with self.open(name) as source, target.open("wb") as sink:
            while piece := source.read(CHUNK_BYTES):
                sink.write(piece)

    def keep(self, temporaries: Mapping[Path, str]) -> None:
        """Upload files; a name that is there already is not written again. Raises OSError if one fails.

        The server compares what it got with the MD5 that is sent along, and an object appears whole or not at all.
        """
        self._connected()
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            list(pool.map(self._upload, temporaries, temporaries.values()))

    def put(self, name: str, content: bytes) -> None:
        """Write a small object; a name that is there already is not written again. Raises OSError."""
        with self._as_file(name):
            self._put(name, content)

    def close(self) -> None:
        """Close idle connections; the next use opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    # --- uploads ----------------------------------------------------------------------------------------

    def _upload(self, file: Path, name: str) -> None:
        with self._as_file(name), file.open("rb") as source:
            first = source.read(PART_BYTES)
            if len(first) < PART_BYTES:
                self._put(name, first)
            elif not self._is_there(name):
                self._put_in_parts(name, first, source)

    def _put(self, name: str, content: bytes) -> None:
        from botocore.exceptions import ClientError

        try:
            self._connected().put_object(
                Bucket=self.bucket, Key=self.prefix + name, Body=content, ContentMD5=_md5(content), IfNoneMatch="*"
            )
        except ClientError as error:
            if _status(error) != 412:
                raise

    def _put_in_parts(self, name: str, part: bytes, rest: IO[bytes]) -> None:
        client, place = self._connected(), {"Bucket": self.bucket, "Key": self.prefix + name}
        upload = place | {"UploadId": client.create_multipart_upload(**place)["UploadId"]}
        parts: list[dict[str, object]] = []
        try:
            while part:
                number = len(parts) + 1
                answer = client.upload_part(**upload, PartNumber=number, Body=part, ContentMD5=_md5(part))
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
                part = rest.read(PART_BYTES)
            client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        except BaseException:
            client.abort_multipart_upload(**upload)
            raise

    def _is_there(self, name: str) -> bool:
        try:
            self.size(name)
        except FileNotFoundError:
            return False
        return True

    # --- connection -------------------------------------------------------------------------------------

    def _key(self) -> tuple[str, str]:
        names = self.settings.access_key_env, self.settings.secret_key_env
        access_key, secret_key = map(secret_of, names)
        if not (access_key and secret_key):
            hint = f"Set the environment variables {names[0]} and {names[1]}."
            raise HouseError("open ledger", self.uri, hint, "there is no access key or no secret")
        return access_key, secret_key

    def _connected(self) -> Any:
        if self._client is None:
            self._client = _client(self.settings, self._key(), self._ca_file)
        return self._client

    @contextmanager
    def _as_file(self, name: str) -> Iterator[None]:
        """Raises OSError, as for a file, where the server does not answer or says no."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if _status(error) == 404:
                raise FileNotFoundError(errno.ENOENT, "No such object", self.uri + name) from error
            raise OSError(errno.EIO, f"the bucket answers {_answer(error)}", self.uri + name) from error
        except BotoCoreError as error:
            raise OSError(errno.EIO, f"the bucket cannot be reached: {error}", self.uri + name) from error

    @contextmanager
    def _asked(self, operation: str) -> Iterator[Any]:
        """The client. Raises HouseError where the server does not answer or says no."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield self._connected()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            fix = _FIXES.get(code, "Check the key and [ledger.s3] in config.toml.").format_map(
                self.settings.model_dump()
            )
            cause = "there is no such bucket" if code in ("404", "NoSuchBucket") else _answer(error)
            raise HouseError(operation, self.uri, fix, cause) from error
        except BotoCoreError as error:
            fix = "Check that the server runs, and endpoint and region in [ledger.s3]."
            raise HouseError(operation, self.uri, fix, str(error)) from error


def _client(settings: LedgerS3, key: tuple[str, str], ca_file: str) -> Any:
    return client_of(
        key,
        region=settings.region,
        endpoint=settings.endpoint,
        ca_file=ca_file,
        connect_timeout=settings.connect_timeout_s,
        retries={"total_max_attempts": 3, "mode": "standard"},
        max_pool_connections=UPLOADS_AT_ONCE * 2,
    )


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _answer(error: Any) -> str:
    answer = error.response.get("Error", {})
    return f"{answer.get('Code', '')}: {answer.get('Message', '')}".strip(": ")
