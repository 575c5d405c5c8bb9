"""Drop folders and folders for delivery that would take, show or remove what is not the partner's."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import settings
from gateway.errors import HouseError

BASE = '[entities.US]\ncurrency = "USD"\n[partners.shop]\nentity = "US"\n'
SERVER = 'name = "s"\npartner = "shop"\nhost = "h"\nuser = "u"\nhost_key = "k"\nremote_in = "in"\n'


def folders(*names: str) -> str:
    return "".join(f'[[folder]]\npartner = "shop"\nfolder = "{name}"\n' for name in names)


def refused(home: Path, text: str) -> str:
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(BASE + text)
    with pytest.raises(HouseError) as raised:
        settings.load(home)
    return str(raised.value)


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (["."], "it is the home, or lies above it"),
        ([".."], "it is the home, or lies above it"),
        (["ledger"], "overlaps the ledger (`ledger.path`)"),
        (["ledger/files/ab"], "overlaps the ledger (`ledger.path`)"),
        (["outbound/shop"], "overlaps outbound/ of the home"),
        (["inbound"], "overlaps inbound/ of the home"),
        (["inbound/shop"], "overlaps inbound/ of the home"),
        (["mappings"], "overlaps mappings/ of the home"),
        (["link/x"], "overlaps the ledger (`ledger.path`)"),
        (["loop"], "it cannot be resolved"),
        (["/etc"], "/etc is a folder of the system"),
        (["/etc/cron.d"], "/etc/cron.d is a folder of the system"),
        (["/proc/self"], "is a folder of the system"),
        (["/home"], "/home is a folder of the system or of many programs"),
        (["/root"], "/root is a folder of the system or of many programs"),
        (["/var/lib"], "/var/lib is a folder of the system or of many programs"),
        (["drop", "drop/sub"], "overlaps the drop folder `folder[1].folder`"),
        (["a/../drop", "drop"], "overlaps the drop folder `folder[1].folder`"),
    ],
)
def test_a_drop_folder_that_overlaps_something_else_is_refused(tmp_path: Path, names: list[str], wrong: str) -> None:
    (tmp_path / "home" / "ledger").mkdir(parents=True)
    (tmp_path / "home" / "link").symlink_to("ledger")
    (tmp_path / "home" / "loop").symlink_to("loop")
    said = refused(tmp_path / "home", folders(*names))
    assert wrong in said
    assert "config.toml:" in said and "Fix: name a folder that holds nothing but what this partner drops" in said


def test_the_archive_elsewhere_counts_too(tmp_path: Path) -> None:
    ledger = f'[ledger]\narchive = "{tmp_path}/kept/files"\n'
    assert "overlaps the ledger (`ledger.archive`)" in refused(tmp_path / "home", folders(f"{tmp_path}/kept") + ledger)


def test_folders_that_are_apart_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        BASE + folders("drop", str(tmp_path / "elsewhere"), "/srv/shop", "/home/shop/up")
    )
    assert len(settings.load(tmp_path).folder) == 4


@pytest.mark.parametrize("folder", ["..", "../ledger", "/etc", "", "a/../../x"])
def test_a_delivery_stays_below_outbound(tmp_path: Path, folder: str) -> None:
    said = refused(tmp_path, f'[[sftp]]\n{SERVER}deliver = ["finance", "{folder}"]\n')
    assert f'cannot name "{folder}": it is no folder below outbound/' in said


def test_a_partner_is_called_like_a_folder(tmp_path: Path) -> None:
    assert "the name of a partner is that of its folders" in refused(tmp_path, '[partners."../x"]\nentity = "US"\n')


def test_the_state_is_not_shown_to_other_machines_without_a_token(tmp_path: Path) -> None:
    said = refused(tmp_path, '[daemon]\nlisten = "0.0.0.0:9464"\n')
    assert "other machines could read the state. Fix: listen at 127.0.0.1, or name" in said
    (tmp_path / "config.toml").write_text(BASE + '[daemon]\nlisten = "0.0.0.0:9464"\ntoken_env = "TOKEN"\n')
    assert settings.load(tmp_path).daemon.token_env == "TOKEN"
