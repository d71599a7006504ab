"""The keyring: durable before use, destroyed for good, wrapped anew without losing one."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from records.crypt import SealError
from records.durable import write_file
from records.errors import ConfigurationError, PermanentError, TemporaryError
from records.keys import HOUSE, KeyGoneError, Keyring
from records.master import master_in, master_of

PLACE = "cases.body/SOMRR-TEST"
MASTER = "ab" * 32


def test_a_field_opens_where_it_was_sealed_and_nowhere_else(keys: Keyring) -> None:
    """Another row, another column or another case's key: none opens it."""
    key_id = keys.mint()
    sealed = keys.seal(key_id, "SYNTHETIC PATIENT 王小明", PLACE)
    assert b"SYNTHETIC" not in sealed
    assert keys.unseal(sealed, PLACE) == "SYNTHETIC PATIENT 王小明"
    with pytest.raises(SealError):
        keys.unseal(sealed, PLACE + "2")
    moved = sealed[:1] + bytes.fromhex(keys.mint()) + sealed[10:]
    with pytest.raises(SealError):
        keys.unseal(moved, PLACE)


def test_a_fresh_process_opens_what_another_sealed(keys: Keyring) -> None:
    """Nothing is needed but the folder; ids never repeat."""
    ids = [keys.mint() for _ in range(200)]
    assert len(set(ids)) == 200
    sealed = [keys.seal(key_id, key_id, PLACE) for key_id in ids]
    other = Keyring(keys.folder)
    assert [other.unseal(one, PLACE) for one in sealed] == ids
    assert other.blind("name", "x") == keys.blind("name", "x") != keys.blind("birth_date", "x")
    assert set(ids) <= set(other.ids())


def test_many_fields_are_opened_with_one_look_at_each_batch(keys: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in its place; a key destroyed before the look opens nothing."""
    ids = [keys.mint() for _ in range(40)]
    fields = [(keys.seal(key_id, key_id, f"{PLACE}/{key_id}"), f"{PLACE}/{key_id}") for key_id in ids]
    other, looks = Keyring(keys.folder), list[str]()
    look = other._mark

    def looking(name: str) -> tuple[int, int, int] | None:
        looks.append(name)
        return look(name)

    monkeypatch.setattr(other, "_mark", looking)
    assert list(other.unseal_all(fields)) == ids
    assert sorted(looks) == sorted({key_id[:16] for key_id in ids})
    with pytest.raises(SealError):
        list(other.unseal_all([(fields[0][0], fields[1][1])]))
    keys.destroy(ids[:1])
    assert list(other.unseal_all(fields[1:])) == ids[1:]
    with pytest.raises(KeyGoneError):
        list(other.unseal_all(fields))


def test_a_destroyed_key_is_gone_for_every_process(keys: Keyring) -> None:
    """Its neighbours stay; destroying it again does nothing; the house's own is not destroyed."""
    one, other = [keys.mint() for _ in range(3)][1:]
    sealed = keys.seal(one, "said", PLACE)
    assert one[:16] == other[:16]
    assert keys.destroy([one, HOUSE]) == 1
    assert keys.destroy([one]) == 0
    for ring in (keys, Keyring(keys.folder)):
        with pytest.raises(KeyGoneError):
            ring.unseal(sealed, PLACE)
        assert ring.holds(other)
    assert keys.destroy([other]) == 1
    assert not (keys.folder / f"{one[:16]}.keys").exists()


def test_nothing_in_the_folder_is_a_key_in_clear(keys: Keyring) -> None:
    """The files without the master key give nothing away."""
    key_id = keys.mint()
    content = b"".join(path.read_bytes() for path in keys.folder.glob("*.keys"))
    assert keys.key(key_id).hex().encode() not in content
    assert keys.key(key_id) not in content
    stolen = Path(keys.folder.parent, "stolen")
    stolen.mkdir()
    for path in keys.folder.glob("*.keys"):
        (stolen / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ConfigurationError, match="wrapped by"):
        Keyring(stolen, given=MASTER).key(key_id)


def test_the_master_key_is_made_once_and_kept_to_its_owner(keys: Keyring) -> None:
    """Mode 0600; a file that others may read is refused, and the refusal shows none of it."""
    file = keys.folder / "master.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert Keyring(keys.folder).master_id == keys.master_id
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 0600") as refused:
        Keyring(keys.folder)
    assert file.read_text().strip() not in str(refused.value)


@pytest.mark.parametrize("text", ["", "ab" * 31, "zz" * 32, "ab" * 33])
def test_a_master_key_that_is_none_is_refused(text: str) -> None:
    """With the way to make one, and without showing what stood there."""
    with pytest.raises(ConfigurationError, match="openssl rand -hex 32") as refused:
        master_of(text, "keys.master")
    assert not text or text not in str(refused.value)


def test_a_lost_master_key_is_never_replaced(keys: Keyring) -> None:
    """A new one would open nothing: the start says what is missing."""
    (keys.folder / "master.key").unlink()
    with pytest.raises(ConfigurationError, match="put it back"):
        Keyring(keys.folder)
    assert not (keys.folder / "master.key").exists()


def test_a_lost_keyring_is_not_founded_anew(keys: Keyring, tmp_path: Path) -> None:
    """Neither where records wait for it, nor where only its first file is missing."""
    with pytest.raises(ConfigurationError, match="bring them back"):
        Keyring(tmp_path / "empty", found=False)
    assert not (tmp_path / "empty").exists()
    keys.mint()
    (keys.folder / f"{HOUSE[:16]}.keys").unlink()
    with pytest.raises(ConfigurationError, match="whole keyring"):
        Keyring(keys.folder)


def test_rotation_wraps_every_key_anew_and_forgets_the_old_master(keys: Keyring) -> None:
    """What was sealed opens as before, also in a daemon that ran on; the old master key opens nothing."""
    ids = [keys.mint() for _ in range(5)]
    sealed = [keys.seal(key_id, key_id, PLACE) for key_id in ids]
    daemon = Keyring(keys.folder)
    assert daemon.unseal(sealed[0], PLACE) == ids[0]
    old = master_in(keys.folder / "master.key")
    assert old is not None
    count = keys.rotate()
    assert count == len(set(keys.ids())) + 1
    assert keys.master_id != old.id
    assert not (keys.folder / "master.key.new").exists()
    for ring in (keys, daemon, Keyring(keys.folder)):
        assert [ring.unseal(one, PLACE) for one in sealed] == ids
    after = daemon.mint()
    assert Keyring(keys.folder).holds(after)
    assert all(old.id not in path.read_text() for path in keys.folder.glob("*.keys"))


def test_rotation_killed_anywhere_is_finished_by_the_next(keys: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between any two durable steps both master keys are there, so everything opens."""
    ids = [keys.mint() for _ in range(9)]
    steps, broken = 0, True
    while broken:
        home = shutil.copytree(keys.folder, keys.folder.with_name(f"cut-{steps}"))
        left = iter(range(steps))

        def cut(path: Path, content: bytes, *, fresh: bool = False, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise OSError(5, "power cut")
            write_file(path, content, fresh=fresh)

        broken = False
        with monkeypatch.context() as patch:
            patch.setattr("records.keys.write_file", cut)
            try:
                Keyring(home).rotate()
            except (OSError, TemporaryError):
                broken = True
        assert all(Keyring(home).holds(key_id) for key_id in (*ids, HOUSE)), steps
        Keyring(home).rotate()
        assert all(Keyring(home).holds(key_id) for key_id in (*ids, HOUSE)), steps
        assert not (home / "master.key.new").exists()
        steps += 1
    assert steps > 5


def test_a_given_master_key_takes_over_from_the_old_one(tmp_path: Path) -> None:
    """From a file in the state directory to a credential: the new is given, the old is named once."""
    before = Keyring(tmp_path / "keys")
    key_id = before.mint()
    old = master_in(tmp_path / "keys" / "master.key")
    ring = Keyring(tmp_path / "keys", given=MASTER)
    with pytest.raises(ConfigurationError, match="--old"):
        ring.key(key_id)
    assert ring.rotate(old) > 0
    assert ring.key(key_id) == before.key(key_id)
    assert ring.rotate(old) == 0


def test_keys_made_side_by_side_are_all_there(keys: Keyring) -> None:
    """Three loops of the daemon and a command of staff at once."""
    rings, made = [keys, keys, Keyring(keys.folder)], list[str]()
    threads = [threading.Thread(target=lambda ring=ring: made.extend(ring.mint() for _ in range(40))) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 120
    assert all(Keyring(keys.folder).holds(key_id) for key_id in made)


def test_a_damaged_key_file_says_so(keys: Keyring) -> None:
    """One flipped letter is found by the wrapping, not by what it would open."""
    key_id = keys.mint()
    path = keys.folder / f"{key_id[:16]}.keys"
    text = path.read_text()
    path.write_text(text[:-3] + ("A" if text[-3] != "A" else "B") + text[-2:])
    with pytest.raises(PermanentError, match="key_damaged"):
        Keyring(keys.folder).key(key_id)


def test_left_overs_of_a_killed_run_are_swept(keys: Keyring) -> None:
    """A half-written file may hold a key; what is whole stays."""
    key_id = keys.mint()
    (keys.folder / ".master.key.0123456789abcdef").write_text("ab" * 32)
    assert keys.sweep() == 1
    assert keys.sweep() == 0
    assert Keyring(keys.folder).holds(key_id)


def test_more_keys_than_are_remembered_at_a_time(keys: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long list of cases does not fill the memory, and each still opens."""
    monkeypatch.setattr("records.keys.REMEMBERED", 3)
    sealed = [keys.seal(key_id, key_id, PLACE) for key_id in [keys.mint() for _ in range(20)]]
    assert len({keys.unseal(one, PLACE) for one in sealed * 2}) == 20
    assert len(keys._batches) <= 3


def test_what_another_process_destroyed_opens_nothing_here(keys: Keyring) -> None:
    """A running daemon has the key in memory; once staff's command destroyed it, it is gone there, too; others stay."""
    gone, stays = keys.mint(), keys.mint()
    while gone[:16] != stays[:16]:  # of one batch
        gone, stays = stays, keys.mint()
    sealed, also = keys.seal(gone, "a name", "place"), keys.seal(stays, "a name", "place")
    daemon = Keyring(keys.folder)
    assert daemon.unseal(sealed, "place") == daemon.unseal(also, "place") == "a name"
    assert keys.destroy([gone]) == 1
    with pytest.raises(KeyGoneError):
        daemon.unseal(sealed, "place")
    assert daemon.unseal(also, "place") == "a name"
    assert keys.destroy([stays]) == 1
    daemon.forget()
    left = vars(daemon)["_batches"][gone[:16]]
    assert not {int(key_id[16:], 16) for key_id in (gone, stays)} & {*left.keys, *left.ciphers}
