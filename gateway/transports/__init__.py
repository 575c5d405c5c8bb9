"""Ways in and out: one module a transport, all with the verbs of `contract.Transport`."""

from __future__ import annotations

from pathlib import Path

from gateway.config import Config
from gateway.errors import GatewayError
from gateway.transports.deliveries import Deliveries
from gateway.transports.folder import Folder
from gateway.transports.lane import Lane, Pace
from gateway.transports.remote import local_name
from gateway.transports.sftp import SftpServer


def build(home: Path, config: Config, ledger: Path) -> list[Lane]:
    """A lane for the drop folders of a home, and one for each SFTP server. `ledger` is the ledger's folder.

    Raises GatewayError for settings that cannot work.
    """
    names = [settings.name for settings in config.sftp]
    if len(set(names)) < len(names):
        raise GatewayError("set up", "the SFTP servers", "Give each [[sftp]] a name of its own.", f"names are {names}")
    daemon, outbound = config.daemon, home / "outbound"
    back_off = (daemon.tick_s, daemon.back_off_s_max)
    lanes = [Lane(Folder(home, config, still=True), Pace(daemon.tick_s, daemon.still_s, *back_off))]
    for settings in config.sftp:
        server = SftpServer(home, settings, config, ledger / "spool")
        state = ledger / "delivered" / f"{local_name(settings.name)}.json"
        deliveries = Deliveries(outbound, settings.deliver, config.daemon.ignore, state)
        lanes.append(Lane(server, Pace(daemon.sftp_poll_s, settings.still_s, *back_off), deliveries))
    return lanes
