"""Ways in and out: one module a transport, all with the verbs of `contract.Transport`."""

from __future__ import annotations

from pathlib import Path

from gateway.config import Config
from gateway.transports.contract import Transport
from gateway.transports.folder import Folder
from gateway.transports.sftp import SftpServer


def build(home: Path, config: Config, spool: Path) -> list[Transport]:
    """Every transport of a home for the daemon: the drop folders and each SFTP server."""
    servers = [SftpServer(settings, config, spool) for settings in config.sftp]
    return [Folder(home, config, still=True), *servers]
