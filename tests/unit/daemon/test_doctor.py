"""The doctor finds what is wrong with a machine, says what to do, changes nothing and shows no password."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.settings import MailboxSettings, Settings, SmtpSettings
from daemon import doctor, floors
from daemon.cli import main
from daemon.doctor import checks, fit
from daemon.fitness import Check, machine, places, servers
from daemon.house import House
from records.errors import ConfigurationError
from tests.servers.clamd import Clamd
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import SmtpSink

SECRET = "canary-hunter2"


def only(answers: Iterator[Check]) -> Check:
    (answer,) = answers
    return answer


def named(answers: Iterator[Check], name: str) -> Check:
    return next(answer for answer in answers if answer.name == name)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as running:
        yield running


def with_home(home: Path, **more: Any) -> Settings:
    return Settings(home=home, **more)


def test_this_machine_is_fit_and_nothing_was_made(tmp_path: Path) -> None:
    """All questions are answered for the embedded default, none with "fail", and the state directory is not created."""
    answers = list(checks(with_home(tmp_path / "state")))
    assert fit(answers), [answer for answer in answers if answer.status == "fail"]
    assert {answer.name for answer in answers} >= {
        "python",
        "libraries",
        "clock",
        "libmagic",
        "libarchive",
        "tesseract",
        "sandbox",
    }
    assert {answer.name for answer in answers} >= {"state_directory", "disk", "database", "forms", "imap", "smtp"}
    assert list(tmp_path.iterdir()) == []
    assert all(bool(answer.remedy) == (answer.status != "ok") for answer in answers)


def test_a_question_that_breaks_down_is_a_failure_not_an_exception(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The doctor goes on with the other questions, and quotes no message."""

    def broken(_settings: Settings) -> Iterator[Check]:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(doctor, "QUESTIONS", (broken, *doctor.QUESTIONS))
    answers = list(checks(with_home(tmp_path)))
    assert answers[0] == Check("broken", "fail", "the check broke down (RuntimeError)", "report this as a bug")
    assert len(answers) > len(doctor.QUESTIONS) - 2
    assert not fit(answers)


@pytest.mark.parametrize(
    ("running", "floor"),
    [
        ((3, 11, 14), "3.11.15"),
        ((3, 11, 15), None),
        ((3, 12, 0), "3.12.13"),
        ((3, 13, 12), None),
        ((3, 14, 2), "3.14.3"),
        ((3, 15, 0), None),
    ],
)
def test_python_floors(running: tuple[int, int, int], floor: str | None) -> None:
    """Each line of Python has the release that closed its holes."""
    assert floors.python_floor(running) == floor


@pytest.mark.parametrize(
    ("installed", "below"),
    [("12.9.1", True), ("13.0.0", False), ("13.0.0rc1", False), ("13.1", False), ("9.5.0", True), ("", True)],
)
def test_library_floors(monkeypatch: pytest.MonkeyPatch, installed: str, below: bool) -> None:
    """Versions are compared as numbers, not as text."""
    monkeypatch.setattr(floors, "LIBRARIES", {"pillow": "13.0.0"})
    monkeypatch.setattr(floors, "version", lambda _name: installed)
    assert bool(floors.libraries_below()) is below


def test_this_environment_is_above_the_floors() -> None:
    """The gate itself: no library with a known hole is installed here."""
    assert floors.libraries_below() == []


@pytest.mark.parametrize(
    ("name", "old"), [("pillow", "12.9.9"), ("pdfminer.six", "20251107"), ("pydicom", "3.0.1")], ids=lambda word: str(word)
)
def test_the_floors_are_those_of_the_known_holes(monkeypatch: pytest.MonkeyPatch, name: str, old: str) -> None:
    """The last release before each was closed is refused, by name."""
    monkeypatch.setattr(floors, "version", lambda asked: old if asked == name else "99999999")
    assert floors.libraries_below() == [f"{name} {old} is older than {floors.LIBRARIES[name]}"]


@pytest.mark.parametrize("command", ["run", "once"])
@pytest.mark.parametrize("hole", ["library", "environment"])
def test_nothing_is_read_below_a_floor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, hole: str
) -> None:
    """The daemon does not start (78), names the hole, and leaves what has come; nor is there a reader for any other command."""
    if hole == "library":
        monkeypatch.setattr(floors, "LIBRARIES", {"pillow": "999"})
    else:
        monkeypatch.setenv("CMAP_PATH", str(tmp_path))
    mail = tmp_path / "home" / "mail" / "new"
    mail.mkdir(parents=True, mode=0o700)
    (mail / "1").write_bytes(b"From: a@clinic.example\r\n\r\nx")
    with pytest.raises(SystemExit) as ended:
        main(["--config", os.devnull, "--home", str(tmp_path / "home"), command])
    assert (ended.value.code, "known holes" in capsys.readouterr().err) == (78, True)
    assert (mail / "1").exists()
    with pytest.raises(ConfigurationError, match="known holes"):
        _ = House(with_home(tmp_path / "other")).readers


def test_on_one_screen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is unfit with its remedy, the rest as one line of names; 69 when something fails, 0 when it only warns."""
    main(["--config", os.devnull, "--home", str(tmp_path), "doctor"])
    said = capsys.readouterr().out
    assert len(said.splitlines()) <= 24, said
    assert "libmagic" in said.splitlines()[-1]
    main(["--config", os.devnull, "--home", str(tmp_path), "doctor", "--all"])
    assert "knows a PDF" in capsys.readouterr().out
    monkeypatch.setattr(floors, "LIBRARIES", {"pillow": "999"})
    with pytest.raises(SystemExit) as ended:
        main(["--config", os.devnull, "--home", str(tmp_path), "doctor"])
    assert (ended.value.code, "is older than 999" in capsys.readouterr().out) == (69, True)


def test_an_absent_library_is_below_its_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not installed is not safe."""
    monkeypatch.setattr(floors, "LIBRARIES", {"no-such-library-of-ours": "1"})
    assert machine_status("libraries") == "fail"


def machine_status(name: str, **settings: Any) -> str:
    question = getattr(machine, name)
    return named(question(Settings(**settings)), name).status


def test_a_cmap_path_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """pdfminer would load files that a PDF names."""
    monkeypatch.setenv("CMAP_PATH", "/nonexistent")
    assert named(machine.libraries(Settings()), "cmap_path").status == "fail"


def test_absent_programs_fail_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without tesseract and bubblewrap nothing is read; the remedy names the Debian packages."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert only(machine.tesseract(Settings())).remedy == "apt-get install tesseract-ocr"
    sandbox = only(machine.sandbox(Settings()))
    assert (sandbox.status, "bubblewrap" in sandbox.remedy) == ("fail", True)


def test_languages_configured_but_not_installed_fail_and_unusual_ones_warn(tmp_path: Path) -> None:
    """Only English in the folder: Spanish, which is configured, fails, the other usual ones warn."""
    for model in Path("/usr/share/tesseract-ocr").glob("*/tessdata/eng.traineddata"):
        shutil.copy(model, tmp_path)
    answers = list(machine.tesseract(Settings.model_validate({"reading": {"tessdata": tmp_path}})))
    assert [answer.status for answer in answers] == ["ok", "fail", "warn"]
    assert answers[1].remedy == "apt-get install tesseract-ocr-spa"
    assert "tesseract-ocr-chi-sim" in answers[2].remedy


def test_a_weaker_sandbox_is_warned_of() -> None:
    """Limits alone are allowed, not recommended."""
    assert machine_status("sandbox", reading={"sandbox": "rlimits"}) == "warn"


def test_a_wrong_clock_and_a_wrong_zone_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock before this release can not be right, nor can a zone that nobody knows."""
    assert machine_status("clock", rules={"hours": {"zone": "Mars/Olympus"}}) == "fail"
    monkeypatch.setattr(machine, "BUILT", datetime(2999, 1, 1, tzinfo=UTC))
    assert machine_status("clock") == "fail"


def test_a_state_directory_that_others_may_enter_is_warned_of(tmp_path: Path) -> None:
    """0700 is asked for."""
    tmp_path.chmod(0o755)
    assert named(places.state_directory(with_home(tmp_path)), "state_directory_mode").remedy == f"chmod 0700 {tmp_path}"
    tmp_path.chmod(0o700)
    assert all(answer.status == "ok" for answer in places.state_directory(with_home(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_a_state_directory_that_can_not_be_written_fails() -> None:
    """Nobody can make files in /proc, not even root; nor a directory there."""
    assert named(places.state_directory(with_home(Path("/proc"))), "state_directory").status == "fail"
    script = (
        "import os; from pathlib import Path; from config.settings import Settings; from daemon.fitness import places\n"
        "os.geteuid() == 0 and (os.setgroups([]), os.setgid(65534), os.setuid(65534))\n"
        "print(next(places.state_directory(Settings(home=Path('/etc/somrr-state')))).status)"
    )
    root = Path(doctor.__file__).parents[1]
    assert subprocess.check_output([sys.executable, "-c", script], cwd=root, text=True) == "fail\n"


def test_little_room_fails(tmp_path: Path) -> None:
    """Less than `min_free` is too little to take anything in; the remedy says how much it takes."""
    answer = named(places.state_directory(with_home(tmp_path, min_free=1 << 60)), "disk")
    assert (answer.status, "1073741824.0 GiB" in answer.remedy) == ("fail", True)


def test_a_configured_drop_folder_must_be_there(tmp_path: Path) -> None:
    """A missing folder fails; one that is there is fine; the default ones are not asked about."""
    missing = Settings.model_validate({"fax": {"path": tmp_path / "absent"}})
    present = Settings.model_validate({"courier": {"path": tmp_path}})
    assert only(places.drop_folders(missing)).status == "fail"
    assert only(places.drop_folders(present)) == Check("courier_folder", "ok", str(tmp_path))
    assert list(places.drop_folders(Settings())) == []


def test_a_database_that_is_none_fails(tmp_path: Path) -> None:
    """A damaged file, a missing driver and an unknown URL are told from a good database; no URL is shown."""
    assert only(places.database(with_home(tmp_path))).status == "ok"
    file = tmp_path / "records.db"
    with sqlite3.connect(file) as good:
        good.execute("CREATE TABLE t (a)")
    good.close()
    assert only(places.database(with_home(tmp_path))) == Check("database", "ok", "sqlite")
    file.write_bytes(b"no database at all" * 100)
    assert only(places.database(with_home(tmp_path))).status == "fail"
    for url in (f"postgresql+psycopg://somrr:{SECRET}@127.0.0.1:1/somrr", f"nonsense {SECRET}"):
        answer = only(places.database(with_home(tmp_path, database=url)))
        assert answer.status == "fail"
        assert SECRET not in repr(answer)


def test_forms_are_asked_for(tmp_path: Path, made: Path) -> None:
    """None registered is a warning, a broken one a failure, the programme's two are fine."""
    assert only(places.forms(with_home(tmp_path))).status == "warn"
    assert all(answer.status == "ok" for answer in places.forms(with_home(tmp_path, forms=made / "forms")))
    (tmp_path / "forms" / "broken").mkdir(parents=True)
    (tmp_path / "forms" / "broken" / "form.toml").write_text("kind = ")
    assert [answer.status for answer in places.forms(with_home(tmp_path))] == ["fail", "warn"]
    (tmp_path / "forms" / "broken" / "form.toml").write_text('kind = "letter_of_agreement"')
    assert [answer.status for answer in places.forms(with_home(tmp_path))] == ["fail", "warn"]


def test_passwords_in_the_open_are_found(tmp_path: Path) -> None:
    """A file that everybody may read fails, the environment warns, a credential is fine."""
    config = tmp_path / "somrr.toml"
    config.write_text("")
    origins = {"mailbox.password": str(config), "smtp.password": "environment SOMRR_SMTP__PASSWORD", "database": "default"}
    config.chmod(0o644)
    assert [answer.status for answer in places.secrets(origins)] == ["fail", "warn"]
    config.chmod(0o640)
    assert [answer.status for answer in places.secrets(origins)] == ["ok", "warn"]
    assert list(places.secrets({"mailbox.password": "credential imap_password"})) == []


def imap_settings(dovecot: Dovecot, **changes: Any) -> Settings:
    known = {"host": dovecot.host, "port": dovecot.port, "user": dovecot.user, "ca_file": dovecot.ca_file}
    return Settings(mailbox=MailboxSettings(**{**known, "password": SecretStr(dovecot.password), **changes}))


def test_a_real_mailbox_answers(dovecot: Dovecot) -> None:
    """Verified TLS, login and folder, on a real Dovecot; nothing in it is changed."""
    dovecot.append(b"Subject: synthetic\n\nnothing\n")
    answer = only(servers.imap(imap_settings(dovecot, after="move")))
    assert (answer.status, "1 mails" in answer.detail) == ("ok", True)
    assert dovecot.flags() == {1: set()}


@pytest.mark.parametrize(
    "changes", [{"password": SecretStr(SECRET)}, {"ca_file": None}, {"folder": "Absent"}, {"ca_file": Path("/nonexistent")}]
)
def test_a_mailbox_that_can_not_be_used_fails_without_the_password(dovecot: Dovecot, changes: dict[str, Any]) -> None:
    """Wrong password, an authority that nobody trusts, a folder that is not there: a failure with a remedy."""
    answer = only(servers.imap(imap_settings(dovecot, **changes)))
    assert answer.status == "fail"
    assert SECRET not in repr(answer)
    assert dovecot.password not in repr(answer)


def test_a_real_mail_server_answers() -> None:
    """EHLO, STARTTLS, verified certificate and login; no mail is sent."""
    with SmtpSink() as sink:
        answer = only(servers.smtp(Settings(smtp=sink.settings())))
        assert answer.status == "ok", answer
        assert sink.mails == []


@pytest.mark.parametrize(
    "sink", [{"tls": "none"}, {"name": "elsewhere.example"}, {"trusted": False}], ids=["clear", "name", "authority"]
)
def test_a_mail_server_that_can_not_be_trusted_fails(sink: dict[str, Any]) -> None:
    """No TLS, another's name, an unknown authority: nothing is said to it."""
    with SmtpSink(**sink) as running:
        assert only(servers.smtp(Settings(smtp=running.settings()))).status == "fail"


def test_without_a_scanner_the_doctor_warns() -> None:
    """Off by default; how to turn it on stands beside it."""
    answer = only(servers.scanner(Settings()))
    assert (answer.status, "scanning.clamd" in answer.remedy) == ("warn", True)


def test_a_scanner_is_asked_what_it_knows_and_what_it_admits() -> None:
    """A real clamd: fit; one that passes what it did not look into, and one that is away, fail with what to do."""
    with Clamd() as running:
        answer = only(servers.scanner(Settings(scanning=running.settings())))
        assert (answer.name, answer.status) == ("scanner", "ok"), answer
        assert answer.detail.startswith("ClamAV ")
        running.stop()
        away = only(servers.scanner(Settings(scanning=running.settings())))
        assert (away.status, "scanner_away" in away.detail) == ("fail", True)
    with Clamd(alert=False) as careless:
        answers = list(servers.scanner(Settings(scanning=careless.settings())))
    assert [(one.name, one.status) for one in answers] == [("scanner", "ok"), ("scanner_limits", "fail")]
    assert "AlertExceedsMax" in answers[1].remedy


def test_a_scanner_without_signatures_fails() -> None:
    """It answers, and knows not even what every scanner knows."""
    with Clamd(signature="00" * 40) as running:
        answer = named(servers.scanner(Settings(scanning=running.settings())), "scanner")
    assert (answer.status, "freshclam" in answer.remedy) == ("fail", True)


@pytest.mark.parametrize(
    ("version", "stale"),
    [("ClamAV 1.4.3/27800/Mon Nov  4 09:27:41 2024", True), (f"ClamAV 1.4.3/1/{datetime.now(UTC):%a %b %d %H:%M:%S %Y}", False)],
)
def test_old_signatures_are_warned_of(monkeypatch: pytest.MonkeyPatch, version: str, stale: bool) -> None:
    """By the date in clamd's own answer."""
    with Clamd() as running:
        monkeypatch.setattr("reading.clamd.Clamd.version", lambda _clamd: version)
        answers = list(servers.scanner(Settings(scanning=running.settings())))
    assert [one.name for one in answers if one.status == "warn"] == (["scanner_signatures"] if stale else [])


def test_servers_that_are_not_there_fail() -> None:
    """A closed port is a failure, not an exception."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    mailbox = MailboxSettings(host="127.0.0.1", port=port, login_timeout=5)
    assert only(servers.imap(Settings(mailbox=mailbox))).status == "fail"
    assert only(servers.smtp(Settings(smtp=SmtpSettings(host="127.0.0.1", port=port, timeout=5)))).status == "fail"


def test_the_process_environment_is_left_alone(tmp_path: Path) -> None:
    """Asking changes neither the working directory nor the environment."""
    before = (dict(os.environ), Path.cwd())
    list(checks(with_home(tmp_path)))
    assert (dict(os.environ), Path.cwd()) == before
