"""Ways in and out: one module a transport, all with the verbs of `transport.Transport`."""

from __future__ import annotations

from pathlib import Path

from gateway.errors import HouseError
from gateway.settings import S3, Config, Ftps, Server, Sftp
from gateway.transports.deliveries import FOLDER, Deliveries
from gateway.transports.folder import Folder
from gateway.transports.lane import Lane, Pace
from gateway.transports.remote import RemoteServer, local_name


def build(home: Path, config: Config, ledger: Path) -> list[Lane]:
    """A lane for the drop folders of a home, and one for each server. `ledger` is the ledger's folder.

    Raises HouseError for settings that cannot work.
    """
    daemon, outbound = config.daemon, home / "outbound"
    back_off = (daemon.tick_s, daemon.back_off_s_max)
    lanes = [Lane(Folder(home, config, still=True), Pace(daemon.tick_s, daemon.still_s, *back_off))]
    for kind, servers in (("sftp", config.sftp), ("ftps", config.ftps), ("s3", config.s3)):
        named = [settings.name for settings in servers]
        if len(set(named)) < len(named):
            hint = f"Give each [[{kind}]] a name of its own."
            raise HouseError("set up", f"the servers of [[{kind}]]", hint, f"names are {named}")
        # SFTP was there first: its places have no name of the kind.
        place = "" if kind == "sftp" else kind
        for settings in servers:
            server = _server(home, settings, config, ledger / "spool" / place)
            name = (Path(place) / local_name(settings.name)).as_posix()
            state = ledger / FOLDER / f"{name}.json"
            deliveries = Deliveries(outbound, settings.deliver, daemon.ignore, state, name)
            soon_s = settings.still_s if isinstance(settings, Sftp | Ftps) else daemon.tick_s
            lanes.append(Lane(server, Pace(daemon.sftp_poll_s, soon_s, *back_off), deliveries))
    return lanes


def _server(home: Path, settings: Server, config: Config, spool: Path) -> RemoteServer:
    # Libraries of which only those pay the start who have such a server: S3's takes half a second.
    if isinstance(settings, Sftp):
        from gateway.transports.sftp import SftpServer

        return SftpServer(home, settings, config, spool)
    if isinstance(settings, Ftps):
        from gateway.transports.ftps import FtpsServer

        return FtpsServer(home, settings, config, spool)
    assert isinstance(settings, S3)
    from gateway.transports.s3 import S3Bucket

    return S3Bucket(home, settings, config, spool)
