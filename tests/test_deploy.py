"""The files of deploy/: what they name exists in the program."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.main import get_command

from gateway import cli
from gateway import settings as config
from gateway.monitor import Monitor
from gateway.transports.sftp import SftpServer
from tests.conftest import require_or_skip
from tests.transports.sshd import SSHD, Sshd, make_key

DEPLOY = Path(__file__).parents[1] / "deploy"
OPERATIONS = (DEPLOY.parent / "docs" / "operations.md").read_text(encoding="utf-8")
UNITS = sorted(path.name for path in (*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")))
KNOWN = {
    "Unit": "Description Wants Requires After Before RequiresMountsFor StartLimitIntervalSec StartLimitBurst OnFailure",
    "Service": """Type User Group ExecStart ExecStartPre EnvironmentFile Environment KillSignal TimeoutStopSec Restart
        RestartSec UMask Nice ReadWritePaths ReadOnlyPaths ProtectSystem ProtectHome PrivateTmp PrivateDevices
        PrivateNetwork NoNewPrivileges CapabilityBoundingSet AmbientCapabilities ProtectClock ProtectControlGroups
        ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectProc RestrictAddressFamilies
        RestrictNamespaces RestrictRealtime RestrictSUIDSGID LockPersonality RemoveIPC SystemCallArchitectures
        SystemCallFilter SystemCallErrorNumber MemoryMax TasksMax LimitNOFILE""",
    "Timer": "OnCalendar RandomizedDelaySec Persistent",
    "Install": "WantedBy",
}
"""Section → keys of systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.timer(5)."""


def settings(unit: str) -> list[tuple[str, str, str]]:
    """(section, key, value) of a unit's lines."""
    found, section = [], ""
    for line in (DEPLOY / unit).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.append((section, key, value))
    return found


def commands() -> set[str]:
    return set(get_command(cli.app).commands)  # type: ignore[attr-defined]


def metrics() -> set[str]:
    """The samples that a gateway shows which did everything once."""
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    families = text_string_to_metric_families(Monitor().metrics().decode())
    # The instant at which a series began is a family of its own here.
    shown = [family for family in families if not family.name.endswith("_created")]
    return {f"{family.name}{suffix}" for family in shown for suffix in suffixes[family.type]}


@pytest.mark.parametrize("unit", UNITS)
def test_every_key_of_a_unit_is_known(unit: str) -> None:
    unknown = [(section, key) for section, key, _ in settings(unit) if key not in KNOWN[section].split()]
    assert unknown == []


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: str, tmp_path: Path) -> None:
    require_or_skip(shutil.which("systemd-analyze"), "systemd-analyze")
    for path in DEPLOY.glob("gateway*"):
        text = path.read_text(encoding="utf-8").replace("/opt/gateway/bin/gateway", "/bin/true")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", tmp_path / unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_a_unit_starts_what_the_program_can_do(unit: str) -> None:
    started = [shlex.split(value) for _, key, value in settings(unit) if key == "ExecStart"]
    assert started
    for program, *arguments in started:
        assert Path(program).name == "gateway"
        assert arguments[0] == "-C" and arguments[2] in commands()


def test_the_service_is_shut_in_and_ends_as_the_daemon_does() -> None:
    found = {key: value for _, key, value in settings("gateway.service")}
    assert found["ReadWritePaths"] == shlex.split(found["ExecStart"])[2], "it writes to its home and nowhere else"
    wanted = {
        "ProtectSystem": "strict",
        "NoNewPrivileges": "true",
        "PrivateTmp": "true",
        "CapabilityBoundingSet": "",
        "Restart": "on-failure",
        "KillSignal": "SIGTERM",
    }
    assert wanted.items() <= found.items()
    assert "ExecReload" not in found, "it looks for changes by itself; SIGHUP would end it"


def test_the_container_runs_the_daemon_as_nobody_and_asks_for_its_health() -> None:
    lines = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    said: dict[str, list[str]] = {}
    for line in lines:
        if line.strip() and not line.startswith("#"):
            instruction, _, rest = line.partition(" ")
            said.setdefault(instruction, []).append(rest.strip())
    known = "FROM WORKDIR COPY RUN ENV USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD"
    assert said.keys() <= set(known.split())
    assert {rest.split()[0] for rest in said["FROM"]} == {"python:3.12-slim"}
    assert said["USER"] == ["10001:10001"]
    assert said["VOLUME"] == ["/var/lib/gateway"] and '"-C", "/var/lib/gateway"' in said["ENTRYPOINT"][0]
    assert "/health" in said["HEALTHCHECK"][0]
    assert re.findall(r"\w+", said["CMD"][0])[0] in commands()
    for rest in said["COPY"]:
        for source in rest.split()[:-1]:
            assert source.startswith(("--", "/opt")) or (DEPLOY.parent / source).exists(), source


def test_every_metric_of_the_alerts_exists() -> None:
    rules = (DEPLOY / "alerts.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"\bgateway_\w+", rules))
    assert named and named <= metrics()


def test_every_alert_is_explained_and_every_metric_is_listed() -> None:
    alerts = re.findall(r"- alert: (\w+)", (DEPLOY / "alerts.yml").read_text(encoding="utf-8"))
    assert alerts and [alert for alert in alerts if f"`{alert}`" not in OPERATIONS] == []
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in metrics()}
    assert [name for name in families if f"`{name}`" not in OPERATIONS] == []


def test_sshd_takes_the_settings_of_the_drop_for_uploads(tmp_path: Path) -> None:
    require_or_skip(SSHD.exists(), "OpenSSH's sshd")
    Path("/run/sshd").mkdir(exist_ok=True)
    make_key(tmp_path / "host")
    config = tmp_path / "sshd_config"
    config.write_text(f"HostKey {tmp_path / 'host'}\n" + (DEPLOY / "sshd_gateway.conf").read_text(encoding="utf-8"))
    done = subprocess.run([SSHD, "-t", "-f", config], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_and_file_of_the_page_exists() -> None:
    plain = re.sub(r"^```.*?^```", "", OPERATIONS, flags=re.DOTALL | re.MULTILINE)
    called = re.findall(r"`gateway (?:-C \S+ )?([a-z-]+)", plain)
    called += re.findall(r"^(?:.*bin/)?gateway -C \S+ ([a-z-]+)", OPERATIONS, re.MULTILINE)
    assert len(called) > 10 and set(called) - commands() == set()
    for name in re.findall(r"deploy/([\w-]+(?:\.\w+)?)", OPERATIONS):
        assert (DEPLOY / name).exists(), name


def test_every_event_of_the_log_that_the_page_explains_exists() -> None:
    table = OPERATIONS.split("### The log", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"`(\w+)(?:\.(\w+))?`", "\n".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    program = "".join(path.read_text(encoding="utf-8") for path in (DEPLOY.parent / "gateway").rglob("*.py"))
    for subject, what in named:
        whole = f'"{subject}.{what}"' if what else f'"{subject}"'
        assert whole in program or (f'"{subject}"' in program and f"}}.{what}" in program), whole


def test_the_settings_of_the_page_load() -> None:
    [example] = re.findall(r"^```toml config\n(.*?)^```", OPERATIONS, re.DOTALL | re.MULTILINE)
    assert config.parse(tomllib.loads(example)).folder


def test_what_partners_upload_may_be_read_and_removed_by_the_gateways_group(tmp_path: Path) -> None:
    require_or_skip(SSHD.exists(), "OpenSSH's sshd")
    [forced] = re.findall(r"ForceCommand (internal-sftp .*)", (DEPLOY / "sshd_gateway.conf").read_text("utf-8"))
    # The folder to begin in is below the cage, which only root may make.
    server = Sshd(tmp_path, more=(f"ForceCommand {forced.replace(' -d /upload', '')}",))
    upload = server.root / "in"
    group = os.getgroups()[-1] if os.geteuid() else 1
    os.chown(upload, -1, group)
    upload.chmod(0o2770)
    try:
        home = configured(tmp_path / "home")
        (tmp_path / "a.csv").write_text("a")
        sender = SftpServer(home, server.settings(remote_out=str(upload)), config.load(home), tmp_path / "spool")
        sender.deliver([tmp_path / "a.csv"])
        sender.close()
    finally:
        server.stop()
    status = (upload / "a.csv").stat()
    assert (status.st_gid, oct(stat.S_IMODE(status.st_mode))) == (group, "0o660")


def configured(home: Path) -> Path:
    home.mkdir()
    (home / "config.toml").write_text('[entities.US]\ncurrency = "USD"\n\n[partners.amazon-us]\nentity = "US"\n')
    return home
