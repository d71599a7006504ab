"""The bench's pieces compute what they say; how fast anything is, no test asks."""

from __future__ import annotations

import email.policy
import io
import json
import os
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from benchmarks import ledger, mailbox, pages, processes, service
from benchmarks.ceiling import Ceiling
from benchmarks.clock import Spent, in_turns, times_cheaper, times_faster
from benchmarks.fax import figures
from benchmarks.figures import RATIO, Figure, as_json, as_table
from benchmarks.letters import character_errors, percent
from benchmarks.text import bare_text
from reading.ocr import find_tessdata
from records.errors import ConfigurationError

WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("read", "truth", "errors"),
    [("abc", "abc", 0), ("abd", "abc", 1 / 3), ("", "abcd", 1), ("ab  \n c", "ab c", 0), ("abcx", "abc", 1 / 3), ("x", "", 1)],
)
def test_character_errors_are_edits_by_length(read: str, truth: str, errors: float) -> None:
    """A wrong, a missing and an added letter count one each; white space of any kind is one space."""
    assert character_errors(read, truth) == pytest.approx(errors)


@given(WORDS, WORDS)
def test_no_reading_has_more_errors_than_letters(read: str, truth: str) -> None:
    """Errors lie between none and the longer of the two texts."""
    assert 0 <= character_errors(read, truth) * len(truth) <= max(len(read), len(truth))


def test_a_page_that_was_not_read_counts_whole() -> None:
    """Percent of all pages' letters: half of them are missing here."""
    assert percent(["abcd"], ["abcd", "efgh"]) == pytest.approx(50)


def test_a_goal_is_judged_on_the_figure_as_shown() -> None:
    """What is printed as 0.90 meets a goal of 0.9; without a goal nothing is judged."""
    assert Figure("fax", "ratio", 0.8951, RATIO, least=0.9).met is True
    assert Figure("fax", "ratio", 0.89, RATIO, least=0.9).met is False
    assert Figure("memory", "daemon", 64.4, "MB", most=64).met is True
    assert Figure("memory", "daemon", 64.6, "MB", most=64).met is False
    assert Figure("memory", "daemon", 64.6, "MB").met is None


def test_table_and_json_say_the_same() -> None:
    """Each figure with goal and verdict, what was left out, and the machine."""
    shown = [Figure("fax", "ours", 0.5, RATIO, least=0.9), Figure("fax", "memory", 12.3, "MB", most=64, note="small")]
    table, plain = io.StringIO(), io.StringIO()
    as_table({"cores": "2"}, shown, ["ocrmypdf: not there"], table)
    as_json({"cores": "2"}, shown, ["ocrmypdf: not there"], plain)
    text, read = table.getvalue(), json.loads(plain.getvalue())
    for words in ("0.50 ×", "≥ 0.9", "NO", "12 MB", "≤ 64", "yes", "small", "left out: ocrmypdf: not there", "cores 2"):
        assert words in text
    assert [row["met"] for row in read["figures"]] == [False, True]
    assert read["machine"] == {"cores": "2"}
    assert read["left_out"] == ["ocrmypdf: not there"]


def test_rivals_take_turns() -> None:
    """A B, B A, A B: no rival is always first; each round is timed on wall and CPU."""
    order: list[str] = []
    spent = in_turns({"a": lambda _: order.append("a"), "b": lambda _: order.append("b")}, 3)
    assert "".join(order) == "abbaab"
    assert all(len(each.wall) == len(each.cpu) == 3 for each in spent.values())


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    """One round that a neighbour spoiled does not move it."""
    ours, theirs = Spent([1, 1, 9], [1, 1, 2]), Spent([2, 2, 2], [3, 3, 3])
    assert times_faster(ours, theirs) == 2
    assert times_cheaper(ours, theirs) == 3


def test_fax_figures_carry_their_goals() -> None:
    """The ratio by the bare engine and by OCRmyPDF, and letters no worse than the bare engine's."""
    spent = {"bare": Spent([2.0], [4.0]), "ours": Spent([2.0], [4.0]), "ocrmypdf": Spent([3.0], [6.0])}
    found = {figure.name: figure for figure in figures(spent, {"bare": 1.0, "ours": 1.2, "ocrmypdf": 0.9}, 4)}
    assert found["ours by the bare engine, wall"].met is True
    assert found["letters wrong, ours"].met is False
    assert found["ours by OCRmyPDF, wall"].value == pytest.approx(1.5)
    assert found["ours, wall a page"].value == pytest.approx(0.5)


def test_text_pages_hold_the_text_that_is_known_of_them(tmp_path: Path) -> None:
    """The truth against which letters are counted is what stands on the page, and no page is like another."""
    known = pages.text_packet(7, 3)
    path = tmp_path / "three.pdf"
    path.write_bytes(known.pdf)
    for read, truth in zip(bare_text(path), known.texts, strict=True):
        assert character_errors(read, truth) == 0
        assert len(truth) > 2000
    assert len(set(known.texts)) == 3
    assert pages.text_packet(7, 3) == known


def test_a_fax_is_read_by_the_bare_engine() -> None:
    """A packet of one page: of a fax's size and bits, and the resident engine finds its text."""
    packet = pages.fax_packet(3, 1)
    assert packet.pictures[0].mode == "1"
    assert packet.pictures[0].size == (1728, 2156)
    tessdata = find_tessdata(None)
    if tessdata is None:
        raise ConfigurationError("tessdata")
    with Ceiling([np.asarray(packet.pictures[0].convert("L"))], tessdata, 1) as bare:
        assert percent(bare.read(0, 1), packet.texts) < 10


def test_a_ledger_is_filled_and_decided_on(tmp_path: Path) -> None:
    """As many cases as asked for; a late paper joins its case, a new patient makes one."""
    store = ledger.filled(tmp_path / "home", 5)
    try:
        assert len(store.cases()) == 5
        assert ledger.decided(store, ledger.late(2)) > 0
        assert len(store.cases()) == 5
        assert ledger.decided(store, ledger.referral(5)) > 0
        assert sorted(len(record.submissions) for record in store.cases()) == [1, 1, 1, 1, 1, 2]
    finally:
        store.close()


def test_processes_are_counted_with_their_children() -> None:
    """A child is found below its parent, has memory, and its CPU time stays counted when it has ended."""
    before, readers = processes.cpu_seconds(os.getpid()), list(processes.readers_below(os.getpid()))  # of other tests
    with subprocess.Popen(
        [sys.executable, "-c", "sum(range(10_000_000)); print(1, flush=True); input()"], stdin=-1, stdout=-1
    ) as child:
        assert child.stdout
        child.stdout.readline()
        assert child.pid in processes.below(os.getpid())
        assert processes.resident([child.pid]) > 1
        child.communicate(b"\n")
    assert processes.cpu_seconds(os.getpid()) - before > 0.02
    assert list(processes.readers_below(os.getpid())) == readers


def test_the_large_mail_is_a_mail_of_ct_slices() -> None:
    """As large as asked for, and every attachment is a DICOM file of the same series."""
    raw = b"".join(service.large_mail(1_500_000))
    assert 1_500_000 < len(raw) < 2_500_000
    parts = list(message_from_bytes(raw, policy=email.policy.default).iter_attachments())
    slices = [dcmread(io.BytesIO(part.get_content())) for part in parts]
    assert len({image.SOPInstanceUID for image in slices}) == len(slices) == 3
    assert len({image.SeriesInstanceUID for image in slices}) == 1


def test_a_referral_mail_has_its_size_and_attachment() -> None:
    """The mails that are fetched: no two alike, about 200 KB."""
    message = message_from_bytes(mailbox.mail(1), policy=email.policy.default)
    assert [part.get_filename() for part in message.iter_attachments()] == ["records.pdf"]
    assert 180_000 < len(mailbox.mail(1)) < 230_000
    assert mailbox.mail(1) != mailbox.mail(2)
