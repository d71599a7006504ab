"""Cases 18-22: DICOM."""

from __future__ import annotations

import pytest

from fixtures import bombs
from tests.hostile.bench import Bench


@pytest.mark.parametrize("start", [b"MZ\x90", b"\x7fELF", b"#!/bin/sh\n"])
def test_case_18_a_program_in_the_preamble(bench: Bench, image: bytes, start: bytes) -> None:
    """`dicom_polyglot`; a TIFF header is what the standard allows."""
    assert bench.judge(bombs.with_preamble(image, start), "IM0001").codes == {"dicom_polyglot"}
    assert bench.judge(bombs.with_preamble(image, b"II*\0"), "IM0001").codes == set()


def test_case_19_a_deflated_bomb(bench: Bench, image: bytes) -> None:
    """`dicom_inflate`, without inflating it."""
    assert bench.judge(bombs.deflated_dicom(image), "IM0001").codes == {"dicom_inflate"}


def test_case_20_an_element_that_ends_past_the_file(bench: Bench, image: bytes) -> None:
    """`dicom_truncated`, though the library reads it without a word; so is a file that was cut."""
    assert bench.judge(bombs.overlong_dicom(image), "IM0001").codes == {"dicom_truncated"}
    assert bench.judge(image[:-100], "IM0001").codes == {"dicom_truncated"}


def test_case_21_five_thousand_sequences(bench: Bench, image: bytes) -> None:
    """`dicom_nesting`."""
    assert bench.judge(bombs.nested_dicom(image), "IM0001").codes == {"dicom_nesting"}


def test_case_22_a_directory_that_points_outside(bench: Bench, image: bytes) -> None:
    """Its names are text; nothing is looked up by them."""
    seen = bench.judge(bombs.outward_directory(image), "DICOMDIR")
    assert seen.part("DICOMDIR").media_type == "application/dicom-dir"
    assert seen.part("DICOMDIR").pages[0].text.splitlines()[1:] == ["IMG/0001", "../../ETC/PASSWD"]
