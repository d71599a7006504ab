"""Archives: limits counted while streaming, names as data, one bad member beside good ones."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import time
import zipfile
from pathlib import Path

import libarchive
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reading.unpack import safe_name
from records.model import Role
from tests.servers.rar import locked_7z, locked_rar, rar
from tests.servers.walking import walk

WORDS = b"Synthetic words of a report that can be read.\n"


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return out.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, raw in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            archive.addfile(entry, io.BytesIO(raw))
    return out.getvalue()


def test_unsafe_names_are_cleaned_and_noted() -> None:
    """Case 1: traversal, absolute, drive and clashing names give contents under safe, distinct paths."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("../../etc/cron.d/x.txt", "/abs.txt", "C:\\x.txt", "Case.txt", "case.txt"):
            archive.writestr(name, WORDS)
    walked = walk(out.getvalue(), "packet.zip")
    assert walked.paths == [
        "packet.zip/etc/cron.d/x.txt",
        "packet.zip/abs.txt",
        "packet.zip/x.txt",
        "packet.zip/Case.txt",
        "packet.zip/case (2).txt",
    ]
    assert "unsafe_name" in walked.notes


@given(st.text(max_size=200))
def test_a_safe_name_can_not_leave_its_folder(name: str) -> None:
    """No step of a cleaned name is empty, a parent, a drive or holds control characters."""
    safe, _ = safe_name(name)
    steps = safe.split("/")
    assert all(step not in ("", ".", "..") for step in steps)
    assert safe.isprintable() or " " in safe or not any(ord(character) < 32 for character in safe)
    assert safe_name(safe)[0] == safe


def test_a_member_that_expands_too_much_is_named_and_the_rest_goes_on() -> None:
    """Case 2: one entry of zeros stops at the ratio; its neighbour is read."""
    walked = walk(zipped({"bomb.txt": bytes(50 << 20), "good.txt": WORDS}), "packet.zip")
    assert walked.codes == ["archive_ratio"]
    assert "packet.zip/good.txt" in walked.paths
    assert walked.part("packet.zip").sha256


def test_the_total_is_counted_over_all_members() -> None:
    """Bytes unpacked of one submission have a limit of their own."""
    walked = walk(zipped({f"{n}.txt": WORDS * 200 for n in range(10)}), "packet.zip", max_archive_bytes=50_000)
    assert walked.codes == ["archive_bytes"]


def nested(levels: int) -> bytes:
    raw = WORDS
    for level in range(levels):
        raw = zipped({f"{level}.zip" if level else "end.txt": raw})
    return raw


def test_depth_has_a_limit() -> None:
    """Case 3: three archives within each other are opened, a fourth is not."""
    assert walk(nested(3), "a.zip").codes == []
    deep = walk(nested(6), "a.zip")
    assert deep.codes == ["archive_depth"]
    assert deep.parts[0].path.count("/") == 3


def test_overlapping_entries_are_refused() -> None:
    """Case 4: two directory entries that share one body."""
    raw = bytearray(zipped({"a.txt": WORDS, "b.txt": WORDS}, zipfile.ZIP_STORED))
    second = raw.rfind(b"PK\x01\x02")
    struct.pack_into("<I", raw, second + 42, 10)
    assert walk(bytes(raw), "a.zip").codes == ["archive_malformed"]


def test_a_lying_directory_does_not_help() -> None:
    """Case 5: the directory promises 100 bytes, the stream holds more: never more than was promised and checked."""
    raw = bytearray(zipped({"a.txt": bytes(30 << 20)}))
    entry = raw.rfind(b"PK\x01\x02")
    struct.pack_into("<I", raw, entry + 24, 100)
    walked = walk(bytes(raw), "a.zip")
    assert walked.codes == ["archive_malformed"] or walked.parts[0].size <= 100


def test_too_many_entries_are_refused_at_once() -> None:
    """Case 6: 100,000 entries, two seconds at most."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(30_000):
            archive.writestr(f"{number}", b"")
    began = time.perf_counter()
    assert walk(out.getvalue(), "a.zip").codes == ["archive_entries"]
    assert time.perf_counter() - began < 2


def test_an_encrypted_member_needs_its_password_and_others_go_on() -> None:
    """Case 7: flag bit 0."""
    raw = bytearray(zipped({"secret.txt": WORDS, "open.txt": WORDS}, zipfile.ZIP_STORED))
    raw[6] |= 1
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    walked = walk(bytes(raw), "a.zip")
    assert walked.codes == ["needs_password"]
    assert "a.zip/open.txt" in walked.paths


def test_links_are_not_followed() -> None:
    """Case 8: symbolic links in zip and tar, hard links and devices in tar."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    walked = walk(out.getvalue(), "a.zip")
    assert (walked.paths, walked.notes, walked.codes) == (["a.zip"], {"symlink"}, ["holds_nothing"])
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
            entry = tarfile.TarInfo(f"entry{kind!r}")
            entry.type, entry.linkname = kind, "/etc/passwd"
            tar.addfile(entry)
    walked = walk(out.getvalue(), "a.tar")
    assert (walked.paths, walked.notes, walked.codes) == (["a.tar"], {"symlink", "special_file"}, ["holds_nothing"])


@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress, bz2.compress, lzma.compress])
def test_tars_and_compressed_tars(pack: object) -> None:
    """A courier's folder arrives as a tar, packed or not."""
    assert callable(pack)
    walked = walk(pack(tarred({"DISC/report.txt": WORDS, "DISC/viewer.exe": b"MZ" + bytes(100)})), "disc.tar")
    assert [(part.path, part.role) for part in walked.parts] == [
        ("disc.tar/DISC/report.txt", Role.MEMBER),
        ("disc.tar/DISC/viewer.exe", Role.PROGRAM),
    ]
    assert not walked.problems


def test_a_cut_tar_and_a_cut_zip_say_so() -> None:
    """What is damaged is a problem of the archive, never silence."""
    raw = tarred({"a.txt": WORDS, "b.txt": WORDS * 100})
    assert walk(raw[:2000], "a.tar").codes == ["archive_malformed"]
    packed = zipped({"a.txt": WORDS})
    assert walk(packed[: len(packed) // 2], "a.zip").codes == ["archive_malformed"]
    broken = bytearray(zipped({"a.txt": bytes(range(256)) * 40, "b.txt": WORDS}))
    broken[60] ^= 0xFF
    walked = walk(bytes(broken), "a.zip")
    assert walked.codes == ["archive_malformed"]
    assert "a.zip/b.txt" in walked.paths


@pytest.mark.parametrize(("form", "name"), [("7zip", "a.7z"), ("iso9660", "a.iso")])
def test_other_archives_through_libarchive(tmp_path: Path, form: str, name: str) -> None:
    """7z and disc images are read with the same care."""
    (tmp_path / "report.txt").write_bytes(WORDS)
    raw = io.BytesIO()
    with libarchive.custom_writer(raw.write, form) as archive:
        archive.add_file_from_memory("REPORT.TXT", len(WORDS), WORDS)
    walked = walk(raw.getvalue(), name)
    assert [part.path for part in walked.parts] == [f"{name}/REPORT.TXT"]
    assert walked.parts[0].pages[0].text == WORDS.decode().strip()
    assert walk(raw.getvalue()[:-40] if form == "7zip" else raw.getvalue(), name).codes == (
        ["archive_malformed"] if form == "7zip" else []
    )


def test_rar_archives() -> None:
    """Read like the others; one of several volumes, and one that is locked, say which."""
    walked = walk(rar({"scan/отчёт.txt": WORDS, "b.txt": WORDS}), "a.rar")
    assert walked.paths == ["a.rar/scan/отчёт.txt", "a.rar/b.txt"]
    assert (walked.parts[0].pages[0].text, walked.codes) == (WORDS.decode().strip(), [])
    volume = walk(rar({}, volume=True), "a.part2.rar")
    assert [(problem.code, problem.detail.split(":")[0]) for problem in volume.problems] == [
        ("archive_malformed", "one of several volumes")
    ]
    assert walk(locked_rar(), "a.rar").codes == ["needs_password"]
    assert walk(locked_7z(), "a.7z").codes == ["needs_password"]
    broken = rar({"a.txt": WORDS, "b.txt": WORDS}).replace(b"b.txt", b"c.txt")
    assert (walk(broken, "a.rar").codes, walk(broken, "a.rar").paths[0]) == (["archive_malformed"], "a.rar/a.txt")


@pytest.mark.parametrize(
    ("form", "filter_name", "name"),
    [("ustar", "compress", "a.tar.Z"), ("ustar", "zstd", "a.tar.zst"), ("cpio", None, "a.cpio"), ("raw", "compress", "a.txt.Z")],
)
def test_rarer_ways_of_packing(form: str, filter_name: str | None, name: str) -> None:
    """Old Unix machines' and new ones'."""
    raw = io.BytesIO()
    with libarchive.custom_writer(raw.write, form, filter_name) as archive:
        archive.add_file_from_memory("report.txt", len(WORDS), WORDS)
    walked = walk(raw.getvalue(), name)
    assert [page.text for part in walked.parts for page in part.pages] == [WORDS.decode().strip()]
    assert not walked.codes


def test_what_holds_nothing_leaves_a_trace() -> None:
    """An empty archive or mail is a part with a problem, not silence."""
    folder = io.BytesIO()
    with tarfile.open(fileobj=folder, mode="w") as tar:
        entry = tarfile.TarInfo("empty")
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
    mail = b"From: a@clinic.example\r\nSubject: s\r\n\r\n"
    for raw, name in ((zipped({}), "a.zip"), (folder.getvalue(), "a.tar"), (mail, "a.eml"), (rar({}), "a.rar")):
        walked = walk(raw, name)
        assert ([part.path for part in walked.parts], walked.codes) == ([name], ["holds_nothing"])


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=300))
def test_any_damage_to_a_zip_gets_an_answer(noise: bytes) -> None:
    """Bytes written over an archive change the answer, never raise."""
    raw = bytearray(zipped({"a.txt": WORDS, "b/c.txt": WORDS * 3}))
    at = noise[0] * len(raw) // 256
    raw[at : at + len(noise)] = noise
    walked = walk(bytes(raw), "a.zip")
    assert walked.parts
