"""What keeps the house's secrets and brings it back: keys, backup, restore, verify, doctor, the folder that lies open."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from config.settings import KeySettings, Settings
from daemon.cli import main
from daemon.fitness import places
from daemon.house import House
from daemon.quarantine import PREFIX, QuarantineFolder, place
from reading.reader import Raw
from records.errors import ConfigurationError, PermanentError
from records.model import Arrival, Channel, Decision, Envelope, Fate, Held, PartFate, Reading, SubmissionState
from records.vault import Vault
from tests.makers import NOW

MAIL = b"From: physician@clinic.example\r\nSubject: SYNTHETIC PATIENT ALPHA\r\n\r\nenclosed\r\n"


def run(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> tuple[int, str, str]:
    code = 0
    try:
        main(["--config", "/dev/null", "--home", str(home), *arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


@dataclass
class Drawing:
    """Readers that draw what they are given."""

    version: str = "1"
    heard: float = 0.0
    seen: list[bytes] = field(default_factory=list)

    def read(self, _raw: Raw, digest: str, _name: str | None = None, patience: float | None = None) -> Reading:  # noqa: ARG002 - the protocol's
        raise AssertionError("the quarantine view reads nothing anew")

    def picture(self, raw: Raw, digest: str, part: str | None) -> list[tuple[str, bytes]]:  # noqa: ARG002 - the protocol's
        self.seen.append(b"".join(raw()))
        return [("page.png", b"picture")]

    def warm(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One mail in custody, held whole."""
    made = House(Settings(home=tmp_path / "home"))
    kept = made.vault.keep([MAIL])
    submission = made.store.accept(Arrival("maildir", "1", Envelope(Channel.EMAIL, NOW)), kept, NOW).submission
    held = Held(
        "ab" * 8, submission.id, "encrypted", "a password is needed", sha256=kept.digest, channel=Channel.EMAIL, received_at=NOW
    )
    fate = PartFate("", kept.digest, Fate.QUARANTINED, "encrypted")
    made.store.commit(Decision("held", submission.id, SubmissionState.QUARANTINED, fates=(fate,), held=(held,)), NOW)
    yield made
    made.close()


def only(house: House) -> str:
    """The id of what is held."""
    (held,) = house.store.held()
    return held.id


def test_the_view_lies_in_memory_and_follows_the_ledger(house: House, tmp_path: Path) -> None:
    """The state directory only points there; deleted it comes back, settled it goes."""
    (tmp_path / "memory").mkdir()
    folder, readers = QuarantineFolder(house.quarantine, house.store, house.vault, tmp_path / "memory"), Drawing()
    for _ in range(2):
        folder.refresh(readers)
        (one,) = house.quarantine.iterdir()
        assert {path.name for path in one.iterdir()} == {"original.eml", "page-001.png", "WHY.txt"}
        assert (one / "original.eml").read_bytes() == MAIL
        assert one.resolve().is_relative_to(tmp_path / "memory")
        shutil.rmtree(one)
    assert readers.seen == [MAIL, MAIL]
    assert house.quarantine.is_symlink()
    assert not [path for path in house.home.rglob("*") if path.is_file() and MAIL in path.read_bytes()]


def test_a_view_of_before_goes_when_it_moves(tmp_path: Path) -> None:
    """From the disk into memory, from one memory to the next; an operator's own way to a safe place is left alone."""
    root = tmp_path / "quarantine"
    place(root, None)
    (root / "old").write_bytes(MAIL)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        place(root, tmp_path / name)
        place(root, tmp_path / name)
        assert root.readlink().parent == tmp_path / name
        assert list(root.iterdir()) == []
        (root / "thing").write_bytes(MAIL)
    assert list((tmp_path / "first").glob(f"{PREFIX}*")) == []
    root.unlink()
    place(root, tmp_path / "second")
    assert list(root.iterdir()) == []
    assert len(list((tmp_path / "second").glob(f"{PREFIX}*"))) == 1
    taken = root.readlink()
    root.unlink()
    taken.chmod(0o755)  # as if somebody else had been there first
    place(root, tmp_path / "second")
    assert root.readlink() != taken
    root.unlink()
    (tmp_path / "encrypted").mkdir()
    root.symlink_to(tmp_path / "encrypted")
    place(root, tmp_path / "first")
    assert root.readlink() == tmp_path / "encrypted"


def test_what_is_too_large_to_lie_open_is_taken_out_on_demand(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """WHY.txt says how; a file that is there is not overwritten."""
    monkeypatch.setattr("daemon.quarantine.MOST_BYTES", 10)
    QuarantineFolder(house.quarantine, house.store, house.vault, tmp_path).refresh(Drawing())
    (one,) = house.quarantine.iterdir()
    assert {path.name for path in one.iterdir()} == {"page-001.png", "WHY.txt"}
    assert f"somrr quarantine show {only(house)} --original FILE" in (one / "WHY.txt").read_text()
    file = tmp_path / "original.eml"
    assert run(capsys, house.home, "quarantine", "show", only(house), "--original", str(file))[0] == 0
    assert file.read_bytes() == MAIL
    assert file.stat().st_mode & 0o777 == 0o600
    assert run(capsys, house.home, "quarantine", "show", only(house), "--original", str(file))[0] == 65


def test_a_damaged_original_is_said_so_and_not_shown_in_part(house: House, tmp_path: Path) -> None:
    """The view has its reason and no picture; taking it out leaves no half of it."""
    from daemon.quarantine import take_out

    (held,) = house.store.held()
    path = house.vault.path(held.sha256)
    path.write_bytes(path.read_bytes()[:-1])
    QuarantineFolder(house.quarantine, house.store, house.vault, None).refresh(Drawing())
    (one,) = house.quarantine.iterdir()
    assert (one / "WHY.txt").exists()
    with pytest.raises(PermanentError, match="sealed_stream"):
        take_out(house.store, house.vault, held, tmp_path / "out.eml")
    assert not (tmp_path / "out.eml").exists()


def test_a_lost_home_is_restored_by_the_commands_that_help_teaches(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """backup, verify, loss, restore, verify; each mistake on the way is told."""
    home, backup, ring = house.home, str(tmp_path / "backup"), str(tmp_path / "ring")
    assert run(capsys, home, "backup", str(home / "here"))[0] == 65
    assert run(capsys, home, "backup", backup, "--keys", backup + "/keys")[0] == 65
    code, _, err = run(capsys, home, "backup", backup)
    assert code == 0
    assert "the keys are not in it" in err
    assert run(capsys, home, "backup", backup, "--keys", ring)[0] == 0
    assert run(capsys, home, "verify", "--backup", backup)[0] == 0
    assert run(capsys, home, "restore", backup, "--keys", ring)[0] == 65, "there are records"
    house.close()
    shutil.rmtree(home)
    code, _, err = run(capsys, home, "restore", backup)
    assert (code, "--keys" in err) == (65, True)
    assert run(capsys, home, "restore", backup, "--keys", ring)[0] == 0
    code, out, _ = run(capsys, home, "verify", "--json")
    assert (code, json.loads(out)["submissions"]) == (0, 1)
    object_path = next(path for path in (home / "vault").rglob("*") if path.is_file())
    object_path.unlink()
    code, out, _ = run(capsys, home, "verify", "--json")
    assert code == 65
    assert json.loads(out.splitlines()[0])["code"] == "vault_missing"


def test_records_without_their_keys_are_not_opened(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 78 with what to do; and no new keyring takes the place of the lost one."""
    home = house.home
    house.close()
    shutil.rmtree(home / "keys")
    code, _, err = run(capsys, home, "cases")
    assert (code, "somrr restore" in err) == (78, True)
    assert not (home / "keys").exists()


def test_keys_are_shown_and_rotated(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Never the key itself; from the file of the first start to a configured one."""
    home = house.home
    first = json.loads(run(capsys, home, "keys", "--json")[1])
    text = (home / "keys" / "master.key").read_text().strip()
    assert text not in str(first)
    assert run(capsys, home, "keys", "rotate")[0] == 0
    second = json.loads(run(capsys, home, "keys", "--json")[1])
    assert (first["keys"], first["master"] != second["master"]) == (second["keys"], True)
    assert run(capsys, home, "verify")[0] == 0
    old = Path(shutil.move(home / "keys" / "master.key", tmp_path / "old.key"))
    given = House(Settings(home=home, keys=KeySettings(master=SecretStr("cd" * 32))))
    assert run(capsys, home, "cases")[0] == 78
    from records.master import master_in

    assert given.keys.rotate(master_in(old)) > 0
    (submission,) = given.store.submissions()
    assert b"".join(Vault(home / "vault", given.keys).open(submission.digest)) == MAIL
    given.close()


def test_the_doctor_says_where_the_master_key_lies(tmp_path: Path) -> None:
    """Beside the records: warned of; open to others or lost: a fault; elsewhere or configured: well."""

    def answer(**keys: object) -> tuple[str, str]:
        (found,) = places.keyring(Settings(home=tmp_path / "home", keys=KeySettings.model_validate(keys)))
        return found.status, found.remedy

    assert answer()[0] == "ok"
    house = House(Settings(home=tmp_path / "home"))
    house.keys.mint()
    assert answer() == ("warn", "move it to a credential or another disk: somrr keys rotate --help")
    file = tmp_path / "home" / "keys" / "master.key"
    file.chmod(0o644)
    assert answer() == ("fail", f"chmod 0600 {file}")
    file.chmod(0o600)
    shutil.move(file, tmp_path / "elsewhere.key")
    assert answer()[0] == "fail"
    assert answer(master_file=tmp_path / "elsewhere.key")[0] == "ok"
    assert answer(master="ab" * 32)[0] == "ok"


def test_root_makes_nothing_that_the_daemon_can_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of root's on the daemon's state directory is refused, and says whose it is."""
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, 12345, -1)
    else:
        monkeypatch.setattr("daemon.house.os.geteuid", lambda: 0)
    with pytest.raises(ConfigurationError, match="belongs to user"):
        House(Settings(home=home)).keys.mint()
    assert list(home.iterdir()) == []


def test_records_elsewhere_are_not_said_to_be_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database of its own: both commands refuse and name the way, help has it whole, and the doctor warns."""
    home, config = tmp_path / "home", tmp_path / "somrr.toml"
    home.mkdir(mode=0o700)
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    config.write_text(f'database = "{url}"\n')
    (tmp_path / "copy").mkdir()
    for words in (("backup", str(tmp_path / "new")), ("restore", str(tmp_path / "copy"))):
        with pytest.raises(SystemExit, match="65"):
            main(["--config", str(config), "--home", str(home), *words])
        assert "somrr backup --help" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    main(["backup", "--help"])
    told = capsys.readouterr().out
    assert told.index("pg_dump") < told.index("vault/ DIR/vault/") < told.index("KEYRING/")
    found = {check.name: check.status for check in places.database(Settings(home=home, database=url))}
    assert found == {"database": "ok", "backup": "warn"}
