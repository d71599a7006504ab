"""A dropped folder as one deterministic tar."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import discs
from records.errors import TemporaryError

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40).filter(
    lambda name: name not in {".", ".."} and len(name.encode()) < 200
)


def _fill(top: Path, files: dict[str, bytes]) -> Path:
    for name, raw in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(raw)
    return top


def _tar(top: Path) -> bytes:
    return b"".join(discs.tar(discs.survey(top)))


def _members(raw: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]  # regular files only


FILES = {"DICOMDIR": b"d" * 700, "IMAGES/CT/1.dcm": b"1" * 512, "IMAGES/CT/2.dcm": b"2" * 513, "a" * 150 + "/b": b"long"}


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the folder is called, in whatever order and when its files were written, whoever may read them."""
    one = _fill(tmp_path / "disc", FILES)
    other = _fill(tmp_path / "copy of disc", dict(reversed(FILES.items())))
    for path in other.rglob("*"):
        path.chmod(0o755)
        os.utime(path, (5, 5))
    assert _tar(one) == _tar(other)
    assert hashlib.sha256(_tar(one)).hexdigest() == hashlib.sha256(_tar(one)).hexdigest()


def test_every_file_is_in_the_tar(tmp_path: Path) -> None:
    """With its path, an outside reader unpacks the same contents."""
    assert _members(_tar(_fill(tmp_path / "disc", FILES))) == FILES


def test_another_byte_is_another_tar(tmp_path: Path) -> None:
    """A content, a name and a missing file each show."""
    seen = {_tar(_fill(tmp_path / "0", FILES))}
    seen.add(_tar(_fill(tmp_path / "1", FILES | {"DICOMDIR": b"e" * 700})))
    seen.add(_tar(_fill(tmp_path / "2", {name: raw for name, raw in FILES.items() if name != "DICOMDIR"})))
    seen.add(_tar(_fill(tmp_path / "3", {name.replace("CT", "MR"): raw for name, raw in FILES.items()})))
    assert len(seen) == 4


@given(st.dictionaries(NAMES, st.binary(max_size=1200), max_size=8))
def test_any_names_and_contents_come_back(files: dict[str, bytes]) -> None:
    """Any Unicode name, any length, empty files too."""
    with tempfile.TemporaryDirectory() as top:
        raw = _tar(_fill(Path(top), files))
        assert _members(raw) == files
        assert len(raw) % tarfile.RECORDSIZE == 0


def test_a_name_that_is_no_text_comes_back(tmp_path: Path) -> None:
    """Discs burnt long ago hold names in no known encoding."""
    name = os.fsdecode(b"TOMOGRAF\xcdA.dcm")
    assert _members(_tar(_fill(tmp_path / "disc", {name: b"x"}))) == {name: b"x"}


def test_links_and_pipes_are_left_out_and_counted(tmp_path: Path) -> None:
    """A link on a disc leads nowhere for us."""
    top = _fill(tmp_path / "disc", {"a": b"a"})
    (top / "link").symlink_to("/etc")
    os.mkfifo(top / "pipe")
    assert _members(_tar(top)) == {"a": b"a"}
    assert discs.survey(top).left_out == 2


def test_a_folder_that_changes_while_it_is_read_is_not_taken(tmp_path: Path) -> None:
    """A file added, grown or gone after the survey is noticed before the last byte is believed."""
    for change in ("added", "grown", "gone"):
        top = _fill(tmp_path / change, FILES)
        parts = discs.tar(discs.survey(top))
        next(parts)
        if change == "added":
            (top / "late").write_bytes(b"x")
        elif change == "grown":
            (top / "DICOMDIR").write_bytes(b"d" * 900)
        else:
            (top / "IMAGES/CT/2.dcm").unlink()
        with pytest.raises(TemporaryError, match="file_"):
            list(parts)


def test_too_deep_a_folder_is_said_to_be_too_large(tmp_path: Path) -> None:
    """Depth is bounded, so that a hostile disc can not use up our stack or time."""
    deep = tmp_path / "disc"
    deep.joinpath(*(["d"] * (discs.MOST_DEPTH + 2))).mkdir(parents=True)
    assert discs.survey(deep).too_large
    assert not discs.survey(_fill(tmp_path / "other", FILES)).too_large
