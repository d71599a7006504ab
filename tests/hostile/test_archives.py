"""Cases 1-8: archives."""

from __future__ import annotations

from pathlib import Path

from fixtures import bombs
from tests.hostile.bench import Bench


def test_case_01_names_that_lead_out_of_the_archive(bench: Bench) -> None:
    """Contents are taken, names are data: cleaned, told apart, noted; nothing is written anywhere."""
    before = set(Path("/etc/cron.d").iterdir()) if Path("/etc/cron.d").is_dir() else set()
    seen = bench.judge(bombs.badly_named_zip(), "a.zip")
    names = [part.path.removeprefix("a.zip/") for part in seen.parts if part.pages]
    assert len(names) == len({name.casefold() for name in names}) == 7
    assert not any(".." in name.split("/") or name.startswith("/") or ":" in name or "\0" in name for name in names)
    assert "unsafe_name" in seen.reading.notes
    assert not seen.codes
    assert before == (set(Path("/etc/cron.d").iterdir()) if Path("/etc/cron.d").is_dir() else set())


def test_case_02_half_a_megabyte_that_would_be_five_hundred(bench: Bench) -> None:
    """`archive_ratio`; its neighbour is read."""
    raw = bombs.swelling_zip()
    assert len(raw) < 600_000
    seen = bench.judge(raw, "a.zip")
    assert seen.codes == {"archive_ratio"}
    assert seen.part("a.zip/good.txt").pages


def test_case_03_archives_within_archives(bench: Bench) -> None:
    """Six deep: `archive_depth` at the fourth; three are opened."""
    assert bench.judge(bombs.nested_zip(6), "a.zip").codes == {"archive_depth"}
    assert bench.judge(bombs.nested_zip(3), "a.zip").codes == set()


def test_case_04_overlapping_members(bench: Bench) -> None:
    """`archive_malformed`."""
    assert bench.judge(bombs.overlapping_zip(), "a.zip").codes == {"archive_malformed"}


def test_case_05_a_directory_that_lies_about_sizes(bench: Bench) -> None:
    """The count that runs with the stream stops it, not the promise."""
    seen = bench.judge(bombs.lying_zip(), "a.zip")
    assert seen.codes
    assert seen.codes <= {"archive_malformed", "archive_ratio"}
    assert sum(part.size for part in seen.parts if part.path != "a.zip") < 1000


def test_case_06_a_hundred_thousand_members(bench: Bench) -> None:
    """`archive_entries`, within the two seconds of computing that a reader has here."""
    assert bench.alone(bombs.crowded_zip(100_000), "a.zip").codes == {"archive_entries"}


def test_case_07_encrypted_zip(bench: Bench) -> None:
    """`needs_password`; the other members are read."""
    seen = bench.judge(bombs.locked_zip(), "a.zip")
    assert seen.codes == {"needs_password"}
    assert seen.part("a.zip/good.txt").pages


def test_case_08_a_link_out_of_the_archive(bench: Bench) -> None:
    """Not followed, and noted."""
    seen = bench.judge(bombs.linked_zip(), "a.zip")
    assert "symlink" in seen.reading.notes
    assert [part.path for part in seen.parts if part.pages] == ["a.zip/good.txt"]
    assert "root:" not in seen.words()
