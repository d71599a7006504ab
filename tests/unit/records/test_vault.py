"""The vault: durable before it answers, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.errors import PermanentError, TemporaryError
from records.vault import Vault


@given(chunks=st.lists(st.binary(max_size=5000), max_size=5))
def test_what_is_kept_comes_back_byte_for_byte(chunks: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Digest and size are those of the bytes; so is what is read back."""
    vault = Vault(tmp_path_factory.mktemp("vault"), reserve=0)
    whole = b"".join(chunks)
    kept = vault.keep(chunks)
    assert kept == (hashlib.sha256(whole).hexdigest(), len(whole))
    assert b"".join(vault.open(kept.digest)) == whole
    assert vault.intact(kept.digest)
    assert list(vault.digests()) == [kept.digest]


def test_a_source_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """A connection lost half-way is no object and no left-over."""

    def breaks() -> Iterator[bytes]:
        yield b"half"
        raise TemporaryError("gone")

    vault = Vault(tmp_path, reserve=0)
    with pytest.raises(TemporaryError):
        vault.keep(breaks())
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_short_write_is_written_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nearly full disk writes short without an error; the count is looped on."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, b: real(fd, bytes(b)[:7]))
    vault = Vault(tmp_path, reserve=0)
    kept = vault.keep([b"x" * 100])
    assert kept.size == 100
    assert vault.intact(kept.digest)


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_failing_disk_is_temporary_and_leaves_nothing(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC or EIO: no acknowledgement, no object, try again later."""
    vault = Vault(tmp_path, reserve=0)

    def fails(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(TemporaryError, match="vault_write"):
        vault.keep([b"bytes"])
    monkeypatch.undo()
    assert list(vault.digests()) == []
    assert vault.sweep() == 0


def test_a_full_disk_takes_nothing_in(tmp_path: Path) -> None:
    """Below the reserve custody is refused before a byte is written."""
    with pytest.raises(TemporaryError, match="disk_full"):
        Vault(tmp_path, reserve=1 << 60).keep([b"x"])


def test_a_changed_object_is_not_intact(tmp_path: Path) -> None:
    """Bit rot and tampering show."""
    vault = Vault(tmp_path, reserve=0)
    kept = vault.keep([b"original"])
    vault.path(kept.digest).write_bytes(b"0riginal")
    assert not vault.intact(kept.digest)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "A" * 64, "", "ab"])
def test_only_a_digest_names_an_object(digest: str, tmp_path: Path) -> None:
    """Nothing from outside becomes a path."""
    with pytest.raises(PermanentError):
        Vault(tmp_path).path(digest)
