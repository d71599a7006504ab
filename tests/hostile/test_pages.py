"""Cases 9-17 and 23-25: pictures and PDFs."""

from __future__ import annotations

import gzip
import os
import pickle
import shutil
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from config.settings import ReadingSettings
from fixtures import bombs, hostile
from reading import jail
from reading.sandbox import WorkerPool
from tests.hostile.bench import Bench
from tests.servers import paper

STOPPED = {"parser_timeout", "parser_memory"}


def test_case_09_eleven_kilobytes_of_four_hundred_million_pixels(bench: Bench) -> None:
    """`image_pixels`, from the header alone."""
    assert bench.judge(bombs.vast_picture(), "a.tif").codes == {"image_pixels"}


def test_case_10_a_fax_of_three_thousand_pages(bench: Bench) -> None:
    """`page_count`; the first three hundred do not pass as the whole."""
    seen = bench.judge(bombs.long_fax(3001), "a.tif")
    assert seen.codes == {"page_count"}
    assert seen.part("a.tif").pages == ()


def test_case_11_a_jpeg_with_false_dimensions(bench: Bench) -> None:
    """An answer; whatever its decoder did, only its own worker could suffer."""
    seen = bench.judge(bombs.false_jpeg(), "a.jpg")
    assert seen.codes <= {"image_malformed", "parser_crashed", "illegible"}
    assert seen.part("a.jpg")


@pytest.mark.parametrize("raw", bombs.NO_PICTURES.values(), ids=bombs.NO_PICTURES)
def test_case_12_other_formats_called_jpg(bench: Bench, raw: bytes) -> None:
    """`format_not_allowed`: no Ghostscript, ever."""
    assert bench.judge(raw, "scan.jpg").codes == {"format_not_allowed"}


@pytest.mark.parametrize("make", [hostile.swelling_pdf, hostile.endless_pdf])
def test_case_13_a_pdf_that_inflates_twice(bench: Bench, make: object) -> None:
    """Two kilobytes that only time or memory stop: named, and the limits are those of the settings."""
    assert callable(make)
    seen = bench.judge(make(), "a.pdf")
    assert seen.codes
    assert seen.codes <= STOPPED


def test_case_14_the_graphics_state_pushed_three_million_times(bench: Bench) -> None:
    """Withstood, or stopped and named."""
    seen = bench.judge(bombs.pushes(), "a.pdf")
    assert seen.codes <= STOPPED
    assert seen.codes or seen.part("a.pdf").pages


def test_case_15_two_hundred_thousand_text_operators(bench: Bench) -> None:
    """Withstood, or stopped and named."""
    seen = bench.judge(bombs.many_strings(), "a.pdf")
    assert seen.codes <= STOPPED
    assert seen.codes or seen.part("a.pdf").pages[0].text


def test_case_16_twenty_thousand_pages(bench: Bench) -> None:
    """`page_count`."""
    assert bench.judge(bombs.many_pages(), "a.pdf").codes == {"page_count"}


def test_case_17_a_page_of_two_million_points(bench: Bench) -> None:
    """Drawn no larger than any page, or refused by its pixels."""
    seen = bench.judge(bombs.vast_page(), "a.pdf")
    assert seen.codes <= {"image_pixels"}
    assert seen.codes or seen.part("a.pdf").pages


class Evil:
    """What a pickle can do when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._marker),)


def test_case_23_a_character_map_that_is_somebody_elses_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not loaded, not even opened: the worker's calls are written down, outside the jail, where the file could be reached."""
    marker = tmp_path / "marker"
    for name in ("evil", "evil.pickle.gz"):
        (tmp_path / name).write_bytes(gzip.compress(pickle.dumps(Evil(marker))))
    log = tmp_path / "calls"
    strace = [
        str(shutil.which("strace")),
        "-D",
        "-f",
        "-qq",
        "-e",
        "trace=open,openat,mkdir",
        "-o",
        str(log),
        *jail.inner_command(),
    ]
    monkeypatch.setattr(jail, "inner_command", lambda: strace)
    with WorkerPool(ReadingSettings(workers=1, sandbox="rlimits"), None) as pool:
        seen = Bench(pool, tmp_path).judge(bombs.planted_cmap(f"{tmp_path}/evil"), "a.pdf")
    calls = log.read_text()
    assert "memfd" in calls or sys.prefix in calls, "the calls were written down"
    assert "evil" not in calls
    assert not marker.exists()
    assert seen.part("a.pdf")


def test_case_24_a_pdf_that_acts(bench: Bench) -> None:
    """Scripts and launches are noted and never run; the file inside is a part of its own."""
    seen = bench.judge(bombs.acting_pdf(b"Synthetic words inside"), "a.pdf")
    assert not seen.codes
    assert seen.part("a.pdf/inner.txt").pages[0].text == "Synthetic words inside"
    assert "javascript" in seen.reading.notes


def test_case_25_an_encrypted_pdf(bench: Bench) -> None:
    """`encrypted`: its sender is asked for a copy without a password, or for the password."""
    assert bench.judge(hostile.locked_pdf(["Synthetic words"]), "a.pdf").codes == {"encrypted"}


def test_a_bomb_between_good_scans_costs_them_nothing(bench: Bench) -> None:
    """One mail: what has to be recognised is recognised."""
    message = EmailMessage()
    message["From"], message["Subject"] = "doc@clinic.example", "packet"
    message.set_content("words\n")
    scan = paper.tiff(paper.fax(paper.page(repeat=1, height=600)))
    for number, raw in enumerate((scan, hostile.endless_pdf(), scan)):
        message.add_attachment(raw, maintype="application", subtype="octet-stream", filename=f"{number}.bin")
    reading = bench.read(message.as_bytes())
    assert {problem.part for problem in reading.problems} == {"1.bin"}
    assert [bool(part.pages and part.pages[0].text) for part in reading.parts] == [True, True, False, True]
