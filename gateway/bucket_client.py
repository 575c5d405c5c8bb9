"""Clients for buckets of S3 and of compatible servers."""

from __future__ import annotations

import functools
import threading
from typing import Any

_MAKING = threading.Lock()
"""The library's session makes one client at a time."""


def client_of(key: tuple[str, str], *, region: str, endpoint: str, ca_file: str, **settings: Any) -> Any:
    """A new client, to be closed by whom it is for; making it asks no server.

    key       access key and secret
    endpoint  address of the server, "" for AWS
    ca_file   certificate of the authority that signed the server's, "" for those that the library knows
    settings  more of botocore's: time-outs, retries, connections

    Raises BotoCoreError, or ValueError for an endpoint that is no address.
    """
    # Only those pay for the library's start who have a bucket.
    from botocore.config import Config

    with _MAKING:
        return _session().client(
            "s3",
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            region_name=region,
            endpoint_url=endpoint or None,
            verify=ca_file or None,
            config=Config(
                s3={"addressing_style": "path" if endpoint else "virtual"},
                # Servers other than AWS do not know the checksums that are the library's default.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                **settings,
            ),
        )


@functools.cache
def _session() -> Any:
    """One for the process: each would read the description of the service again, for 0.1 s."""
    import boto3

    return boto3.session.Session()
