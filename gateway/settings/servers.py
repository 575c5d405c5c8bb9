"""Where files come from and go to: folders and servers."""

from __future__ import annotations

from pydantic import Field

from gateway.settings.strict import Strict


class FolderDrop(Strict):
    """Where a partner drops files besides `inbound/<partner>/`: a folder below the home, or an absolute one.

    Where several gateways take files from it, each must know that it is `shared`.
    """

    partner: str
    folder: str
    shared: bool = False


class Server(Strict):
    """What is set for a server of any kind. New files of the folders `outbound/<deliver>` are delivered to it."""

    name: str
    partner: str
    deliver: tuple[str, ...] = ()
    connect_timeout_s: float = 10.0
    file_bytes_max: int = 4 * 1024**3


class Jump(Strict):
    """An SSH server that the way to an SFTP server leads through; none without `host`."""

    host: str = ""
    port: int = 22
    user: str = ""
    host_key: str = ""
    key_file: str = ""
    password_env: str = ""


class Sftp(Server):
    """One SFTP server that the gateway polls and delivers to.

    The password is read from the environment variable that `password_env` names; `host_key` is the
    server's public key as in a known_hosts line ("ssh-ed25519 AAAA…"): any other key is refused. `key_file`
    is below the home unless it is absolute. The same holds for the jump host.
    """

    host: str
    port: int = 22
    user: str
    host_key: str
    key_file: str = ""
    password_env: str = ""
    remote_in: str
    remote_done: str = ""
    remote_out: str = ""
    still_s: float = 2.0
    downloads_max: int = Field(1, ge=1, le=16)
    jump: Jump = Jump()


class Ftps(Server):
    """One FTP server with explicit TLS. The password is read from the environment variable `password_env` names.

    `ca_file` is below the home unless it is absolute; without one the authorities of the system are trusted.
    """

    host: str
    port: int = 21
    user: str
    password_env: str
    ca_file: str = ""
    remote_in: str
    remote_done: str = ""
    remote_out: str = ""
    still_s: float = 2.0


class S3(Server):
    """One bucket, of AWS where there is no `endpoint`. Both parts of the key are read from environment variables."""

    bucket: str
    endpoint: str = Field("", pattern=r"^(https?://.+)?$", examples=['"https://s3.example.com"'])
    region: str = "us-east-1"
    access_key_env: str
    secret_key_env: str
    ca_file: str = ""
    prefix_in: str
    prefix_done: str = ""
    prefix_out: str = ""
