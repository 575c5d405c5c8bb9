"""A bucket on loopback: moto's server, in a thread of the test's process."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import settings
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from gateway.bucket_client import client_of
from gateway.settings import S3


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """The address of a server on a free port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextlib.contextmanager
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keys and permissions are checked meanwhile."""
    with monkeypatch.context() as patch:
        patch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        yield


class Bucket:
    """A bucket with a name of its own; `client` is that of its owner."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint, self.name = endpoint, f"partner-{uuid.uuid4().hex}"
        self.access_key, self.secret_key = "AKIAEXAMPLE", "a secret"
        self.client: Any = client_of(
            (self.access_key, self.secret_key), region="us-east-1", endpoint=endpoint, ca_file=""
        )
        self.client.create_bucket(Bucket=self.name)

    def settings(self, **changes: object) -> S3:
        """Settings that work, with the key in the environment variables BUCKET_KEY and BUCKET_SECRET."""
        works = {
            "name": "partner",
            "partner": "amazon-us",
            "bucket": self.name,
            "endpoint": self.endpoint,
            "access_key_env": "BUCKET_KEY",
            "secret_key_env": "BUCKET_SECRET",
            "prefix_in": "in/",
            "prefix_done": "done/",
            "prefix_out": "out",
            "connect_timeout_s": 5.0,
        }
        return S3.model_validate({**works, **changes})

    def folder(self, prefix: str) -> BucketFolder:
        return BucketFolder(self, f"{prefix}/")

    def put(self, name: str, content: bytes) -> BucketFile:
        path = self.folder("in") / name
        path.write_bytes(content)
        return path

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in self.folder(folder).iterdir())


@dataclass
class BucketFolder:
    """What the tests need of a folder."""

    bucket: Bucket
    prefix: str

    def __truediv__(self, name: str) -> BucketFile:
        return BucketFile(self.bucket, self.prefix + name)

    def iterdir(self) -> Iterator[BucketFile]:
        found = self.bucket.client.list_objects_v2(Bucket=self.bucket.name, Prefix=self.prefix)
        yield from (BucketFile(self.bucket, each["Key"]) for each in found.get("Contents", ()))


@dataclass(order=True)
class BucketFile:
    """What the tests need of a file."""

    bucket: Any
    key: str

    @property
    def name(self) -> str:
        return Path(self.key).name

    def write_bytes(self, content: bytes) -> None:
        self.bucket.client.put_object(Bucket=self.bucket.name, Key=self.key, Body=content)

    def read_bytes(self) -> bytes:
        content = self.bucket.client.get_object(Bucket=self.bucket.name, Key=self.key)["Body"].read()
        assert isinstance(content, bytes)
        return content

    def exists(self) -> bool:
        try:
            self.stat()
        except ClientError:
            return False
        return True

    def stat(self) -> SimpleNamespace:
        found = self.bucket.client.head_object(Bucket=self.bucket.name, Key=self.key)
        return SimpleNamespace(st_mtime=found["LastModified"].timestamp())

    def unlink(self) -> None:
        self.bucket.client.delete_object(Bucket=self.bucket.name, Key=self.key)
