"""The units, their user and their directories are valid for systemd, and closed."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest

from config.settings import ReadingSettings
from reading import sandbox

SYSTEMD = Path(__file__).parents[1] / "systemd"
UNIT = SYSTEMD / "somrr.service"
READER = SYSTEMD / "somrr-read@.service"
EXPOSURE = {UNIT: 11, READER: 3, SYSTEMD / "somrr-dispose.service": 11}  # tenths, as `systemd-analyze security` has it


def copied(folder: Path, *names: str) -> list[Path]:
    """Copies whose programs exist on this machine; all else is as shipped."""
    for name in names:
        (folder / name).write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", (SYSTEMD / name).read_text()))
    return [folder / name for name in names]


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    return copied(tmp_path, UNIT.name, READER.name, "somrr-read.socket")[0]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def exposure(unit: Path, tenths: int) -> subprocess.CompletedProcess[str]:
    return run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={tenths}", unit)


def test_the_unit_is_valid(unit: Path) -> None:
    """`systemd-analyze verify` finds nothing to say: no unknown key, no value that is ignored."""
    done = run("systemd-analyze", "verify", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_daily_disposal_is_valid(tmp_path: Path) -> None:
    """Its service runs the command as the daemon's own user, its timer fires every day."""
    copied(tmp_path, "somrr-dispose.service", "somrr-dispose.timer")
    done = run("systemd-analyze", "verify", tmp_path / "somrr-dispose.timer")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    text = (SYSTEMD / "somrr-dispose.service").read_text()
    assert "User=somrr" in text
    assert re.findall(r"(?m)^LoadCredential=(.*)$", text) == ["imap_password", "master_key"], "what removes mails logs in"


def test_a_wrong_key_would_be_found(unit: Path) -> None:
    """The check itself works: a misspelt key is reported."""
    unit.write_text(unit.read_text().replace("ProtectHome=", "ProtectHoem="))
    assert "ProtectHoem" in run("systemd-analyze", "verify", unit).stderr


@pytest.mark.parametrize("shipped", EXPOSURE, ids=lambda path: path.name)
def test_the_units_are_closed(tmp_path: Path, shipped: Path) -> None:
    """Exposure 1.1 and 0.3 or better, by systemd's own measure (1.2 and 0.3 are the bars)."""
    done = exposure(copied(tmp_path, shipped.name)[0], EXPOSURE[shipped])
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("shipped", "line"),
    [
        (UNIT, "PrivateUsers=yes"),
        (UNIT, "NoNewPrivileges=yes"),
        (UNIT, "ProtectSystem=strict"),
        (UNIT, "CapabilityBoundingSet="),
        (READER, "PrivateNetwork=yes"),
        (READER, "RestrictNamespaces=yes"),
    ],
)
def test_the_measure_would_notice_a_lost_line(tmp_path: Path, shipped: Path, line: str) -> None:
    """Taking a hardening line away goes past the threshold."""
    (unit,) = copied(tmp_path, shipped.name)
    text, count = re.subn(rf"(?m)^{line}$", "", unit.read_text())
    assert count == 1
    unit.write_text(text)
    assert exposure(unit, EXPOSURE[shipped]).returncode == 1


def test_the_daemon_finds_its_readers(unit: Path) -> None:
    """The socket is where the daemon looks, for its user only, and starts first."""
    socket = (SYSTEMD / "somrr-read.socket").read_text()
    assert f"ListenStream={ReadingSettings().socket}\n" in socket
    assert "SocketUser=somrr\n" in socket
    assert "SocketMode=0600\n" in socket
    assert "Requires=somrr-read.socket\n" in unit.read_text()
    done = run("systemd-analyze", "verify", unit.with_name("somrr-read.socket"))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_reader_is_given_nothing_of_the_daemons() -> None:
    """No credential, no state, no user of the daemon's, and time for the longest submission before it is retired."""
    said = settings(READER)
    assert not {"LoadCredential", "StateDirectory", "RuntimeDirectory", "User"} & set(said)
    assert said["DynamicUser"] == ["yes"]
    assert said["StandardInput"] == said["StandardOutput"] == ["socket"]
    assert said["ExecStart"] == ["/opt/somrr/venv/bin/python -P -m reading.worker"]
    limits = ReadingSettings()
    assert float(said["RuntimeMaxSec"][0]) >= sandbox.MAX_AGE + sandbox.TOTAL_FACTOR * limits.open_seconds
    assert int(said["MemoryMax"][0].removesuffix("M")) << 20 > limits.memory_bytes
    folders = (SYSTEMD / "somrr.tmpfiles").read_text()
    assert f"d {said['RootDirectory'][0]} 0755 root root" in folders


def settings(unit: Path = UNIT) -> dict[str, list[str]]:
    """Key → values of the [Service] section (keys may be repeated)."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().split("[Service]")[1].split("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_unit_says_what_the_daemon_expects() -> None:
    """Type, watchdog, restart rules, state directory and drain time agree with the program."""
    from daemon.main import DRAIN

    said = settings()
    assert said["Type"] == ["notify"]
    assert float(said["WatchdogSec"][0]) + float(said["RestartSec"][0]) <= 60
    assert set(said["RestartPreventExitStatus"][0].split()) == {"64", "78"}
    assert said["StateDirectoryMode"] == ["0700"]
    assert said["UMask"] == ["0077"]
    assert float(said["TimeoutStopSec"][0]) > DRAIN
    assert said["ExecStart"] == ["/opt/somrr/venv/bin/somrr run"]
    assert "SOMRR_HOME=/var/lib/" + said["StateDirectory"][0] in said["Environment"][0].split()


def test_the_unit_starts_without_its_credentials() -> None:
    """By name, without a path: systemd then takes a missing credential for none (with a path it would not start)."""
    from config.load import CREDENTIALS

    assert set(settings()["LoadCredential"]) == set(CREDENTIALS)


def test_its_environment_is_a_configuration() -> None:
    """No variable of the unit is a key that the daemon does not know."""
    from config.load import load

    environ = dict(word.split("=", 1) for word in settings()["Environment"][0].split())
    assert load(Path("/dev/null"), None, environ).settings.home == Path("/var/lib/somrr")


def test_the_user_is_valid(tmp_path: Path) -> None:
    """`systemd-sysusers` makes the unit's user, without a shell, in an empty root."""
    (tmp_path / "etc").mkdir()
    done = run("systemd-sysusers", f"--root={tmp_path}", "--dry-run", SYSTEMD / "somrr.sysusers")
    assert done.returncode == 0, done.stderr
    assert settings()["User"] == settings()["Group"] == ["somrr"]
    made = run("systemd-sysusers", f"--root={tmp_path}", SYSTEMD / "somrr.sysusers")
    assert made.returncode == 0, made.stderr
    assert re.search(
        r"(?m)^somrr:x:\d+:\d+:SOMRR intake daemon:/var/lib/somrr:/usr/sbin/nologin$", (tmp_path / "etc/passwd").read_text()
    )


def test_the_directories_are_valid(tmp_path: Path) -> None:
    """`systemd-tmpfiles` makes the directories of settings and credentials with their modes, in an empty root."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nsomrr:x:990:\n")
    lines = (SYSTEMD / "somrr.tmpfiles").read_text()
    if os.geteuid() != 0:  # only root may give directories away
        lines = re.sub(r"(?m) root (root|somrr) -$", " - - -", lines)
    (tmp_path / "somrr.conf").write_text(lines)
    done = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", tmp_path / "somrr.conf")
    assert done.stderr == ""
    assert done.returncode == 0
    assert (tmp_path / "etc/somrr").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "etc/credstore").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "run/somrr-read").stat().st_mode & 0o777 == 0o755


def test_the_unit_is_no_other_ini() -> None:
    """Sections and keys parse as a unit file has them (a stray line would be a key without value)."""
    parser = configparser.ConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",), interpolation=None)
    parser.read(UNIT)
    assert parser.sections() == ["Unit", "Service", "Install"]
