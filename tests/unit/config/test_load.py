"""Settings come from flag, environment, credential, file and default, in this order, each with its origin."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import load as loading
from config.layers import KEYS
from config.load import Loaded, check, load, show
from config.settings import FolderSettings, Settings
from records.errors import ConfigurationError

DEFAULTS = Path(loading.__file__).with_name("defaults.toml")


@pytest.fixture(autouse=True)
def no_system_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """This machine's own configuration must not decide the tests."""
    monkeypatch.setattr(loading, "SYSTEM_FILE", tmp_path / "etc" / "somrr.toml")


def written(folder: Path, text: str, name: str = "somrr.toml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def faults_of(config: Path | None = None, environ: dict[str, str] | None = None, credentials: Path | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load(config, None, environ or {}, credentials)
    return raised.value.detail.splitlines()


def test_nothing_given_is_the_embedded_default() -> None:
    """Without file, flag or environment the settings are the model's own defaults."""
    loaded = load(None, None, {})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}
    assert set(loaded.origins) == set(KEYS)


def test_defaults_file_equals_the_model() -> None:
    """`defaults.toml` holds every key, and loading it gives the model's defaults."""
    loaded = load(DEFAULTS, None, {})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {str(DEFAULTS)}, "a key is missing from defaults.toml"


def test_every_key_of_the_defaults_file_has_a_comment() -> None:
    """Operators read the file: each key, or the pair it belongs to, stands under a comment."""
    lines = DEFAULTS.read_text().splitlines()
    bare = [
        line
        for above, line in zip(["", *lines], lines, strict=False)
        if " = " in line and not line.startswith(("#", " ")) and not above.startswith("#") and not line.startswith("state =")
    ]
    assert bare == []


def test_precedence_by_taking_the_highest_away(tmp_path: Path) -> None:
    """Flag over environment over credential over file over default, and the origin says which."""
    config = written(tmp_path, 'home = "/file"\n[mailbox]\npassword = "file"\nport = 1\n')
    secret = written(tmp_path, "credential\n", "imap_password")
    environ = {"SOMRR_HOME": "/environment", "SOMRR_MAILBOX__PASSWORD": "environment", "SOMRR_MAILBOX__PORT": "2"}

    def seen(loaded: Loaded) -> tuple[str, str, str]:
        return str(loaded.settings.home), loaded.settings.mailbox.password.get_secret_value(), str(loaded.settings.mailbox.port)

    everything = load(config, Path("/flag"), environ, tmp_path)
    assert seen(everything) == ("/flag", "environment", "2")
    assert everything.origins["home"] == "--home"
    assert everything.origins["mailbox.password"] == "environment SOMRR_MAILBOX__PASSWORD"
    assert seen(load(config, None, environ, tmp_path)) == ("/environment", "environment", "2")
    without_environment = load(config, None, {}, tmp_path)
    assert seen(without_environment) == ("/file", "credential", "1")
    assert without_environment.origins["mailbox.password"] == "credential imap_password"
    secret.unlink()
    without_credential = load(config, None, {}, tmp_path)
    assert seen(without_credential) == ("/file", "file", "1")
    assert without_credential.origins["mailbox.password"] == str(config)
    assert seen(load(None, None, {})) == ("var", "", "993")


def test_which_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--config over SOMRR_CONFIG over the system's file, which alone need not exist."""
    first = written(tmp_path, "[mailbox]\nport = 1\n", "first")
    second = written(tmp_path, "[mailbox]\nport = 2\n", "second")
    third = written(tmp_path, "[mailbox]\nport = 3\n", "third")
    monkeypatch.setattr(loading, "SYSTEM_FILE", third)
    environ = {"SOMRR_CONFIG": str(second)}
    assert load(first, None, environ).settings.mailbox.port == 1
    assert load(None, None, environ).settings.mailbox.port == 2
    assert load(None, None, {}).settings.mailbox.port == 3
    assert faults_of(tmp_path / "absent") == [f"{tmp_path}/absent: can not be read: No such file or directory"]


def test_a_system_file_behind_a_closed_door_is_a_fault(tmp_path: Path) -> None:
    """Who may not enter /etc/somrr must not silently run on the defaults."""
    closed = tmp_path / "closed"
    closed.mkdir(0o000)
    script = (
        "import os; from pathlib import Path; from config import load as loading\n"
        "os.geteuid() == 0 and (os.setgroups([]), os.setgid(65534), os.setuid(65534))\n"
        f"loading.SYSTEM_FILE = Path({str(closed / 'somrr.toml')!r})\n"
        "loading.load(None, None, {})\n"
    )
    tmp_path.chmod(0o755)
    root = Path(loading.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, env=os.environ, check=False)
    assert "can not be read: Permission denied" in done.stderr


def test_part_of_a_section_keeps_the_sections_other_defaults(tmp_path: Path) -> None:
    """The courier folder waits longer than a drop folder as such, also when only its path is set."""
    loaded = load(written(tmp_path, '[courier]\npath = "/srv/courier"\n'), None, {})
    assert loaded.settings.courier.quiet_seconds == Settings().courier.quiet_seconds > FolderSettings().quiet_seconds


def test_every_fault_is_listed_at_once_with_place_key_and_expectation(tmp_path: Path) -> None:
    """One run tells all that is wrong: unknown keys with the nearest one, and wrong types."""
    config = written(
        tmp_path,
        'hoem = "x"\nsmtp = 3\n[mailbox]\nport = "993"\nidle = 1\nafter = "burn"\nuser = 7\nfolder = ["INBOX"]\n'
        '[rules.hours]\nweekdays = [0, "Monday"]\nopens = 2026-01-01\n[mailbox.part_byte]\nx = 1\n[reading]\nsettle_minutes=3\n',
    )
    assert sorted(faults_of(config, {"SOMRR_MAILBOX__POLL_SECONDS": "-1", "SOMRR_FAX_PATH": "/srv"})) == sorted(
        [
            f"{config}: hoem: unknown key; nearest: home",
            f"{config}: smtp: expected a section, [smtp]",
            f"{config}: mailbox.port: expected a whole number",
            f"{config}: mailbox.idle: expected true or false",
            f"{config}: mailbox.after: expected 'leave', 'keyword' or 'move'",
            f"{config}: mailbox.user: expected a text in quotes",
            f"{config}: mailbox.folder: expected a text in quotes",
            f"{config}: mailbox.part_byte: unknown key; nearest: mailbox.part_bytes",
            f"{config}: rules.hours.weekdays[1]: expected a whole number",
            f"{config}: rules.hours.opens: expected a time like 08:00:00",
            f"{config}: reading.settle_minutes: unknown key; nearest: rules.rhythm.settle_minutes",
            "environment SOMRR_MAILBOX__POLL_SECONDS: mailbox.poll_seconds: expected greater than 0",
            "environment SOMRR_FAX_PATH: unknown key; nearest: fax.path",
        ]
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[mailbox\n", "expected TOML: "),
        (b"\xff\xfe", "expected UTF-8, byte 0 is not"),
        (b'"mailbox.port" = 3\n', "mailbox.port: unknown key"),
        (b"[mailbox]\npoll_seconds = inf\n", "mailbox.poll_seconds: expected a finite number"),
    ],
)
def test_a_broken_file_says_what_is_expected(tmp_path: Path, content: bytes, said: str) -> None:
    """No traceback for a file that is no TOML, no text, or not quite right."""
    config = tmp_path / "somrr.toml"
    config.write_bytes(content)
    (fault,) = faults_of(config)
    assert fault.startswith(f"{config}: {said}")


def test_a_directory_for_a_file_is_a_fault(tmp_path: Path) -> None:
    """Reading errors of the system are told in its words."""
    assert faults_of(tmp_path) == [f"{tmp_path}: can not be read: Is a directory"]


def test_environment_values_are_toml_where_the_key_is_no_text() -> None:
    """Numbers, booleans, lists, dates and times are read as TOML; texts are taken as they stand."""
    loaded = load(
        None,
        None,
        {
            "SOMRR_MAILBOX__USER": "12345",
            "SOMRR_MAILBOX__PASSWORD": "'3.0'",
            "SOMRR_MAILBOX__HOST": "'imap.example.org'",
            "SOMRR_MAILBOX__IDLE": "false",
            "SOMRR_READING__LANGUAGES": '["eng", "ara"]',
            "SOMRR_RULES__HOURS__OPENS": "07:30",
            "SOMRR_RULES__HOURS__CLOSURES": "[2026-12-24]",
            "SOMRR_LOG_FORMAT": "json",
            "SOMRR_FAX__PATH": "/srv/fax",
            "PATH": "/usr/bin",
        },
    )
    settings = loaded.settings
    assert (settings.mailbox.user, settings.mailbox.password.get_secret_value()) == ("12345", "'3.0'")
    assert (settings.mailbox.host, settings.mailbox.idle) == ("imap.example.org", False)
    assert settings.reading.languages == ("eng", "ara")
    assert (settings.rules.hours.opens, settings.rules.hours.closures) == (time(7, 30), (date(2026, 12, 24),))
    assert (settings.log_format, settings.fax.path) == ("json", Path("/srv/fax"))


def test_a_value_can_not_smuggle_a_second_key() -> None:
    """A line break in a variable does not open a new TOML line."""
    assert faults_of(environ={"SOMRR_MAILBOX__PORT": "1\nx = 2"}) == [
        "environment SOMRR_MAILBOX__PORT: mailbox.port: expected a whole number"
    ]


def test_an_empty_text_takes_an_optional_key_back(tmp_path: Path) -> None:
    """TOML has no null; "" says "not set" in file and environment."""
    config = written(tmp_path, '[mailbox]\nhost = "imap.example.org"\n[fax]\npath = ""\n')
    loaded = load(config, None, {"SOMRR_MAILBOX__HOST": ""})
    assert loaded.settings.mailbox.host is None
    assert loaded.settings.fax.path is None


def test_absent_and_empty_credentials_count_as_not_given(tmp_path: Path) -> None:
    """The unit starts also where a credential is not there or is systemd's empty stand-in."""
    written(tmp_path, "", "smtp_password")
    loaded = load(None, None, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert loaded.origins["mailbox.password"] == loaded.origins["smtp.password"] == "default"


def test_a_credential_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    """Binary rubbish in a credential is named, not shown."""
    (tmp_path / "imap_password").write_bytes(b"\xff\x00")
    assert faults_of(credentials=tmp_path) == ["credential imap_password: expected UTF-8 text"]


@given(st.sampled_from(KEYS), st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=12))
def test_no_fault_repeats_the_value(key: str, value: str) -> None:
    """Whatever is written under whatever key, the fault text does not quote it."""
    variable = "SOMRR_" + key.upper().replace(".", "__")
    try:
        loaded = load(None, None, {variable: value})
    except ConfigurationError as error:
        assert value not in str(error)
    else:
        assert loaded.origins[key] in {f"environment {variable}", "default"}


def test_show_masks_secrets_and_names_origins(tmp_path: Path) -> None:
    """`config show` prints no password, not even the one inside a database URL."""
    config = written(
        tmp_path,
        'database = "postgresql://somrr:hunter2secret@db.example/somrr"\n[mailbox]\npassword = "hunter2secret"\n'
        "[rules.hours]\nclosures = [2026-12-24]\n",
    )
    rows = {key: (value, origin) for key, value, origin in show(load(config, None, {}))}
    assert "hunter2secret" not in repr(rows)
    assert rows["mailbox.password"] == ("********", str(config))
    assert rows["smtp.password"] == ("", "default")
    assert rows["database"][0] == "postgresql://somrr:********@db.example/somrr"
    assert rows["rules.hours.closures"][0] == '["2026-12-24"]'
    assert rows["mailbox.idle"] == ("true", "default")


def test_the_defaults_make_sense() -> None:
    """`config check` has nothing to say about a machine without configuration."""
    assert check(load(None, None, {})) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[mailbox]\nhost = "imap.example.org"\n', "login will be refused"),
        ('[mailbox]\nhost = "imap.example.org"\nuser = "u"\npassword = "p"\nport = 143\n', "implicit TLS"),
        ('[mailbox]\nafter = "move"\nmove_to = "INBOX"\n', "nothing would move"),
        ('[smtp]\nhost = "mx.example.org"\nuser = "u"\n', "only work together"),
        ('[smtp]\nhost = "mx.example.org"\nport = 465\n', "does not go with"),
        ('[rules.hours]\nzone = "Mars/Olympus"\n', "time zone"),
        ('[rules.hours]\nzone = "../../etc/passwd"\n', "time zone"),
        ("[rules.hours]\nopens = 17:00:00\n", "not before"),
        ("[rules.hours]\nweekdays = [1, 7]\n", "0 (Monday)"),
        ('[rules.programme]\nmailbox = "nowhere"\n', "no mail address"),
        ("[rules.programme]\nlanguages = []\n", "languages is empty"),
        ('[reading]\nsandbox = "rlimits"\n', "rlimits"),
        ("[reading]\npage_seconds = 500\n", "never reached"),
        ('[fax]\npath = "fax"\n', "relative path"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path: Path, text: str, word: str) -> None:
    """Each warning of `config check` can be brought about, alone."""
    (warning,) = check(load(written(tmp_path, text), None, {}))
    assert word in warning


def test_a_password_in_the_environment_is_warned_of() -> None:
    """Environments are inherited and shown; credentials are not."""
    (warning,) = check(load(None, None, {"SOMRR_SMTP__PASSWORD": "x"}))
    assert warning.startswith("smtp.password comes from the environment")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("SOMRR_METRICS__LISTEN", "0.0.0.0:9464", "metrics.listen: expected a loopback address"),
        ("SOMRR_METRICS__LISTEN", "10.1.2.3:9464", "metrics.listen: expected a loopback address"),
        ("SOMRR_METRICS__LISTEN", "[::]:9464", "metrics.listen: expected a loopback address"),
        ("SOMRR_METRICS__LISTEN", "localhost:9464", "metrics.listen: expected a numeric address"),
        ("SOMRR_METRICS__LISTEN", "127.0.0.1", "metrics.listen: expected ADDRESS:PORT"),
        ("SOMRR_METRICS__LISTEN", "127.0.0.1:65536", "metrics.listen: expected ADDRESS:PORT"),
        ("SOMRR_SCANNING__CLAMD", "clamd.example.org:3310", "scanning.clamd: expected a numeric address"),
        ("SOMRR_SCANNING__CLAMD", "192.0.2.1:3310", "scanning.clamd: expected the path of a socket, or a loopback address"),
    ],
)
def test_what_listens_or_takes_originals_in_clear_is_on_this_machine(key: str, value: str, told: str) -> None:
    """Another machine's address, or a name that may become one, is refused."""
    (fault,) = faults_of(environ={key: value})
    assert told in fault


@pytest.mark.parametrize("value", ["127.0.0.1:9464", "[::1]:9464", "127.9.9.9:1"])
def test_loopback_is_taken(value: str) -> None:
    """Both kinds, for both keys."""
    settings = load(None, None, {"SOMRR_METRICS__LISTEN": value, "SOMRR_SCANNING__CLAMD": value}).settings
    assert (settings.metrics.listen, settings.scanning.clamd) == (value, value)


def test_another_address_is_listened_on_when_it_is_said_in_so_many_words() -> None:
    """`metrics.remote = true`, in whatever order it stands."""
    environ = {"SOMRR_METRICS__LISTEN": "0.0.0.0:9464", "SOMRR_METRICS__REMOTE": "true"}
    assert load(None, None, environ).settings.metrics.listen == "0.0.0.0:9464"
    assert faults_of(environ={**environ, "SOMRR_METRICS__REMOTE": "false"})
