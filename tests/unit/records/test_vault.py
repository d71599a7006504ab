"""The vault: durable before it answers, whole or not at all, sealed whatever it holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.crypt import CHUNK
from records.errors import PermanentError, TemporaryError
from records.keys import Keyring
from records.vault import Vault

SECRET = b"SYNTHETIC PATIENT ALPHA 1961-04-03 " * 40


@pytest.fixture
def vault(tmp_path: Path, keys: Keyring) -> Vault:
    return Vault(tmp_path / "vault", keys, reserve=0)


def files(vault: Vault) -> list[Path]:
    return [path for path in vault.root.rglob("*") if path.is_file()]


@given(chunks=st.lists(st.binary(max_size=5000), max_size=5))
def test_what_is_kept_comes_back_byte_for_byte(chunks: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Digest and size are those of the bytes; so is what is read back."""
    folder = tmp_path_factory.mktemp("home")
    vault = Vault(folder / "vault", Keyring(folder / "keys"), reserve=0)
    whole = b"".join(chunks)
    kept = vault.keep(chunks)
    assert (kept.digest, kept.size) == (hashlib.sha256(whole).hexdigest(), len(whole))
    assert b"".join(vault.open(kept.digest)) == whole
    assert vault.intact(kept.digest)
    assert [vault.at(name) for name in vault.names()] == [vault.path(kept.digest)]


def test_neither_bytes_nor_digest_are_on_the_disk(vault: Vault) -> None:
    """A thief finds no word of an original, and can not even ask whether a known document is there."""
    kept = vault.keep([SECRET])
    (stored,) = files(vault)
    assert SECRET[:16] not in stored.read_bytes()
    assert kept.digest not in str(stored)
    assert bytes.fromhex(kept.digest) not in stored.read_bytes()


def test_a_destroyed_key_closes_the_object_for_good(vault: Vault) -> None:
    """Also for a fresh process, and for a copy of the object made before."""
    kept = vault.keep([SECRET])
    assert vault.keys.destroy([kept.key]) == 1
    again = Vault(vault.root, Keyring(vault.keys.folder), reserve=0)
    for one in (vault, again):
        with pytest.raises(PermanentError, match="key_gone"):
            b"".join(one.open(kept.digest))


def test_the_same_bytes_again_are_one_object_under_its_first_key(vault: Vault) -> None:
    """Else the key on record would not be the one that opens it."""
    first, second = vault.keep([SECRET]), vault.keep([SECRET])
    assert first == second
    assert len(files(vault)) == 1


def test_the_same_bytes_again_mend_a_damaged_object(vault: Vault) -> None:
    """Whoever sends it once more repairs what the disk spoiled, under the same key."""
    first = vault.keep([SECRET])
    path = vault.path(first.digest)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    assert not vault.intact(first.digest)
    assert vault.keep([SECRET]) == first
    assert vault.intact(first.digest)
    assert files(vault) == [path]


def test_an_object_in_the_place_of_another_is_refused(vault: Vault) -> None:
    """Both open with keys that are there, but neither is the other."""
    one, other = vault.keep([SECRET]), vault.keep([SECRET + b"2"])
    vault.path(one.digest).write_bytes(vault.path(other.digest).read_bytes())
    assert not vault.intact(one.digest)
    with pytest.raises(PermanentError, match="sealed_stream"):
        b"".join(vault.open(one.digest))


def test_a_removed_object_is_gone(vault: Vault) -> None:
    """And removing it again changes nothing."""
    kept = vault.keep([SECRET])
    assert vault.remove(vault.path(kept.digest).name)
    assert not vault.remove(vault.path(kept.digest).name)
    with pytest.raises(PermanentError, match="vault_missing"):
        b"".join(vault.open(kept.digest))


def test_a_source_that_breaks_off_leaves_nothing(vault: Vault) -> None:
    """A connection lost half-way is no object and no left-over."""

    def breaks() -> Iterator[bytes]:
        yield b"half" * CHUNK
        raise TemporaryError("gone")

    with pytest.raises(TemporaryError):
        vault.keep(breaks())
    assert files(vault) == []


def test_a_short_write_is_written_to_the_end(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nearly full disk writes short without an error; the count is looped on."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, b: real(fd, bytes(b)[:7]))
    kept = vault.keep([b"x" * 100])
    assert kept.size == 100
    assert vault.intact(kept.digest)


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_failing_disk_is_temporary_and_leaves_nothing(call: str, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC or EIO, while the key or while the bytes are written: no acknowledgement, no object, try again later."""

    def fails(*_: object) -> int:
        raise OSError(28, "No space left on device")

    for have_key in (False, True):
        if have_key:
            vault.keys.mint(), vault.keys.mint()  # the second makes one ahead
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fails)
            with pytest.raises(TemporaryError, match="disk_full" if have_key else "keys_write"):
                vault.keep([b"bytes"])
        assert list(vault.names()) == []
        assert vault.sweep() == 0
    assert vault.intact(vault.keep([b"bytes"]).digest)


def test_a_full_disk_takes_nothing_in(tmp_path: Path, keys: Keyring) -> None:
    """Below the reserve custody is refused before a byte is written."""
    with pytest.raises(TemporaryError, match="disk_full"):
        Vault(tmp_path, keys, reserve=1 << 60).keep([b"x"])


@pytest.mark.parametrize("digest", ["../../etc/passwd", "A" * 64, "", "ab"])
def test_only_a_digest_names_an_object(digest: str, vault: Vault) -> None:
    """Nothing from outside becomes a path."""
    with pytest.raises(PermanentError):
        vault.path(digest)
