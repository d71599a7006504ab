"""Backup and restore: the state directory is lost, and everything comes back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from records.backup import Home, damaged, make, manifest_of, mirror_keys, restore, restore_keys
from records.engine import sqlite_url
from records.errors import ConfigurationError, RefusedError, TemporaryError
from records.keys import Keyring
from records.model import Arrival, Channel, Envelope
from records.store import Store
from records.vault import Vault
from records.verify import Fault, verify
from routing.decide import decide
from tests.makers import NOW, incoming, packet, world


class Intake:
    """Keys, vault and ledger of one state directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.keys = Keyring(root / "keys")
        self.vault = Vault(root / "vault", self.keys, reserve=0)
        self.store = Store(sqlite_url(root / "records.db"), self.keys)

    @property
    def home(self) -> Home:
        return Home(self.root / "records.db", self.root / "vault", self.root / "forms")

    def take(self, said: str) -> None:
        """A packet in custody, decided as a case of its own."""
        kept = self.vault.keep([said.encode() * 1000])
        accepted = self.store.accept(Arrival("maildir", said, Envelope(Channel.EMAIL, NOW)), kept, NOW).submission
        papers = [replace(one, id=f"{said}{one.id}"[:24]) for one in packet()]
        brought = replace(incoming(papers), submission=accepted)
        self.store.commit(decide(brought, (), replace(world(), ref=f"SOMRR-{said}")), NOW)

    def faults(self) -> list[Fault]:
        return verify(self.store, self.vault).faults


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    made = Intake(tmp_path / "home")
    made.take("one")
    made.take("two")
    yield made
    made.store.close()


def test_a_lost_state_directory_comes_back(intake: Intake, tmp_path: Path) -> None:
    """Records, originals and keys; what waited to be sent is uncertain, since it may have gone out since."""
    (intake.root / "forms" / "loa").mkdir(parents=True)
    (intake.root / "forms" / "loa" / "blank.pdf").write_bytes(b"%PDF")
    made = make(intake.home, tmp_path / "backup", NOW)
    assert (made.objects, made.copied) == (3, 3)
    mirror_keys(intake.keys.folder, tmp_path / "keys")
    before = intake.store.cases()
    intake.store.close()
    shutil.rmtree(intake.root)
    home = Home(tmp_path / "new" / "records.db", tmp_path / "new" / "vault", tmp_path / "new" / "forms")
    restore_keys(tmp_path / "keys", tmp_path / "new" / "keys")
    assert restore(tmp_path / "backup", home) == 4
    back = Intake(tmp_path / "new")
    assert back.faults() == []
    assert (tmp_path / "new" / "forms" / "loa" / "blank.pdf").read_bytes() == b"%PDF"
    after = back.store.cases()
    assert [replace(record, updates=()) for record in after] == [replace(record, updates=()) for record in before]
    assert {(u.status, u.reason) for record in after for u in record.updates} == {("uncertain", "restored")}
    back.store.close()


def test_a_backup_without_its_keys_is_closed(intake: Intake, tmp_path: Path) -> None:
    """Not one word of it can be read, and no key is in it."""
    make(intake.home, tmp_path / "backup", NOW)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file())
    assert b"oneone" not in stored
    assert b"SYNTHETIC" not in stored
    assert not list((tmp_path / "backup").rglob("*.key*"))
    home = Home(tmp_path / "new" / "records.db", tmp_path / "new" / "vault", tmp_path / "new" / "forms")
    restore(tmp_path / "backup", home)
    with pytest.raises(ConfigurationError, match="not those of these records"):
        Intake(tmp_path / "new")


def test_only_what_is_new_is_copied_and_what_is_gone_goes(intake: Intake, tmp_path: Path) -> None:
    """A mirror: a disposed case leaves the backup and its keys leave their copy with the next run."""
    folder, ring = tmp_path / "backup", tmp_path / "keys"
    make(intake.home, folder, NOW)
    mirror_keys(intake.keys.folder, ring)
    intake.take("three")
    made = make(intake.home, folder, NOW)
    assert (made.objects, made.copied) == (3, 1)
    gone = intake.store.submissions()[0]
    with intake.store.engine.begin() as c:
        for table in ("documents", "fates", "arrivals", "readings"):
            column = "digest" if table == "readings" else "submission"
            c.exec_driver_sql(f"DELETE FROM {table} WHERE {column} = ?", (gone.id,))  # noqa: S608 - names from above
        c.exec_driver_sql("DELETE FROM filings WHERE submission = ?", (gone.id,))
        c.exec_driver_sql("DELETE FROM submissions WHERE id = ?", (gone.id,))
    object_path = intake.vault.path(gone.digest)
    intake.vault.remove(intake.vault.path(gone.digest).name)
    ids = intake.store.data_keys("SOMRR-one")
    intake.keys.destroy(ids)
    assert make(intake.home, folder, NOW).objects == 2
    assert mirror_keys(intake.keys.folder, ring) > 0
    assert not list(folder.rglob(object_path.name))
    assert len(list(folder.glob("records-*.db"))) == 1
    assert not ids & set(Keyring(ring).ids())
    assert list(damaged(folder)) == []


def test_disposal_while_a_backup_is_made_is_no_fault(intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is copied again when an object that it named is gone; a vault that lacks one for good is said so."""
    victim = intake.vault.path(intake.store.submissions()[0].digest)
    content = victim.read_bytes()
    victim.unlink()
    with pytest.raises(TemporaryError, match="somrr verify"):
        make(intake.home, tmp_path / "backup", NOW)
    from records import backup

    real = backup._snapshot  # type: ignore[attr-defined,unused-ignore]  # the moment between ledger and vault

    def back_again(records: Path, folder: Path) -> Path:
        found = real(records, folder)
        if (folder / "tried").exists():
            victim.write_bytes(content)
        (folder / "tried").touch()
        return found

    monkeypatch.setattr(backup, "_snapshot", back_again)
    assert make(intake.home, tmp_path / "backup", NOW).objects == 2


def test_a_broken_off_backup_leaves_the_one_before(intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever step fails, the manifest and all that it names are whole."""
    folder = tmp_path / "backup"
    make(intake.home, folder, NOW)
    before = manifest_of(folder)
    intake.take("three")
    for step in ("_copied", "_finish", "write_file"):

        def fails(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(f"records.backup.{step}", fails)
            with pytest.raises(OSError, match="No space"):
                make(intake.home, folder, NOW)
        assert manifest_of(folder) == before
        assert list(damaged(folder)) == []
    assert make(intake.home, folder, NOW).objects == 3


def test_a_damaged_backup_is_found_and_not_restored(intake: Intake, tmp_path: Path) -> None:
    """Without any key; and a state directory with records is never overwritten."""
    folder = tmp_path / "backup"
    make(intake.home, folder, NOW)
    with pytest.raises(RefusedError, match="there already"):
        restore(folder, intake.home)
    victim = next((folder / "vault").rglob("*/*"))
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert list(damaged(folder)) == [str(victim.relative_to(folder))]
    home = Home(tmp_path / "new" / "records.db", tmp_path / "new" / "vault", tmp_path / "new" / "forms")
    with pytest.raises(RefusedError, match="damaged"):
        restore(folder, home)
    assert not home.records.exists()
    with pytest.raises(RefusedError, match="no whole backup"):
        restore(tmp_path, home)


def test_the_copy_of_the_keys_is_not_taken_for_that_of_others(intake: Intake, tmp_path: Path) -> None:
    """Nor is it emptied when the keyring itself is lost."""
    mirror_keys(intake.keys.folder, tmp_path / "keys")
    assert mirror_keys(intake.keys.folder, tmp_path / "keys") == 0
    intake.keys.rotate()
    assert mirror_keys(intake.keys.folder, tmp_path / "keys") > 0
    assert all(Keyring(tmp_path / "keys").holds(key_id) for key_id in intake.keys.ids())
    other = Keyring(tmp_path / "other")
    other.mint()
    with pytest.raises(RefusedError, match="other records"):
        mirror_keys(other.folder, tmp_path / "keys")
    with pytest.raises(RefusedError, match="other keys"):
        restore_keys(tmp_path / "keys", other.folder)
    with pytest.raises(RefusedError, match="no keyring"):
        mirror_keys(tmp_path / "nothing", tmp_path / "keys")


def test_verify_finds_each_kind_of_loss(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing and a damaged object, a stray one, a missing key, a row that was changed."""
    monkeypatch.setattr("records.verify.PAUSE", 0)
    assert intake.faults() == []
    of_two = intake.vault.keep([b"two" * 1000])
    one, two = sorted(intake.store.submissions(), key=lambda each: each.digest == of_two.digest)
    intake.vault.keep([b"never accepted"])
    assert [(f.check, f.code) for f in intake.faults()] == [("strays", "no_record")]
    path = intake.vault.path(one.digest)
    path.write_bytes(path.read_bytes()[:-1])
    assert ("objects", one.id, "sealed_stream") in intake.faults()
    path.unlink()
    assert ("objects", one.id, "vault_missing") in intake.faults()
    with closing(sqlite3.connect(intake.root / "records.db")) as c, c:
        c.execute("UPDATE documents SET body = zeroblob(100) WHERE seq = 1")
    assert [f.code for f in intake.faults() if f.check == "records"] == ["sealed_field"]
    intake.keys.destroy([of_two.key])
    assert ("objects", two.id, "key_gone") in intake.faults()
