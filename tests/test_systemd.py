"""The unit, its user and its directories are valid for systemd, and as closed as bubblewrap allows."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[1] / "systemd"
UNIT = SYSTEMD / "somrr.service"
EXPOSURE = 25  # tenths: 2.5, with the daemon itself starting bubblewrap (measured with systemd 252)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """A copy whose program exists on this machine; all else is as shipped."""
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text()))
    return copy


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
    for name in ("somrr-dispose.service", "somrr-dispose.timer"):
        copy = tmp_path / name
        copy.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", (SYSTEMD / name).read_text()))
    done = run("systemd-analyze", "verify", tmp_path / "somrr-dispose.timer")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert "User=somrr" in (SYSTEMD / "somrr-dispose.service").read_text()


def test_a_wrong_key_would_be_found(unit: Path) -> None:
    """The check itself works: a misspelt key is reported."""
    unit.write_text(unit.read_text().replace("ProtectHome=", "ProtectHoem="))
    assert "ProtectHoem" in run("systemd-analyze", "verify", unit).stderr


def test_the_unit_is_closed(unit: Path) -> None:
    """Exposure 2.5 or better, by systemd's own measure."""
    done = exposure(unit, EXPOSURE)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize("line", ["PrivateUsers=yes", "ProtectProc=invisible", "NoNewPrivileges=yes", "ProtectSystem=strict"])
def test_the_measure_would_notice_a_lost_line(unit: Path, line: str) -> None:
    """Taking a hardening line away goes past the threshold."""
    assert line in unit.read_text()
    unit.write_text(unit.read_text().replace(line, ""))
    assert exposure(unit, EXPOSURE).returncode == 1


def settings() -> dict[str, list[str]]:
    """Key → values of the [Service] section (keys may be repeated)."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().split("[Service]")[1].split("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_unit_says_what_the_daemon_expects() -> None:
    """Type, watchdog, restart rules, state directory and drain time agree with the program."""
    from daemon.main import DRAIN

    said = settings()
    assert said["Type"] == ["notify"]
    assert said["WatchdogSec"] == ["60"]
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


def test_each_loosened_line_says_why() -> None:
    """Whatever is open for bubblewrap stands under a comment."""
    lines = UNIT.read_text().splitlines()
    for key in ("RestrictNamespaces", "SystemCallFilter", "RestrictAddressFamilies"):
        first = next(number for number, line in enumerate(lines) if line.startswith(f"{key}="))
        assert lines[first - 1].startswith("# ")


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


def test_the_unit_is_no_other_ini() -> None:
    """Sections and keys parse as a unit file has them (a stray line would be a key without value)."""
    parser = configparser.ConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",), interpolation=None)
    parser.read(UNIT)
    assert parser.sections() == ["Unit", "Service", "Install"]
