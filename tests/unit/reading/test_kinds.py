"""File types by their bytes, names only where bytes can not tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reading import kinds

CASES = [
    (b"%PDF-1.7 x", "", kinds.PDF),
    (b"\r\n\xef\xbb\xbf%PDF-1.4", "scan.jpg", kinds.PDF),
    (b"\xff\xd8\xff\xe0JFIF", "report.pdf", "image/jpeg"),
    (b"II*\0....", "", "image/tiff"),
    (b"\0\0\0\x18ftypheic", "", "image/heic"),
    (b"\0\0\0\x18ftypmp42", "", "video/mp4"),
    (bytes(128) + b"DICM\x02\0", "", kinds.DICOM),
    (bytes(128) + b"DICM\x02\0", "CD/DICOMDIR", kinds.DICOMDIR),
    (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "", kinds.DICOM),
    (b"\x08\0\x00\0\x04\0\0\0\xd4\0\0\0\x08\0\x05\0", "", kinds.DICOM),
    (b"MZ\x90\0", "viewer.pdf", kinds.PROGRAM),
    (b"\x7fELF", "", kinds.PROGRAM),
    (b"x\x9f>\x22....", "winmail.dat", kinds.TNEF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc", kinds.OLE),
    (b"{\\rtf1 x}", "", kinds.RTF),
    (b"Rar!\x1a\x07\x01\0", "", "application/vnd.rar"),
    (b"<!DOCTYPE html><html><body>x</body></html>", "", kinds.HTML),
    (b"Plain synthetic words in a file.\n", "", kinds.TEXT),
    (b"From: a@x.example\nSubject: s\n\nwords", "mail.eml", kinds.MAIL),
    (b"From: a@x.example\nSubject: s\n\nwords", "notes.txt", kinds.TEXT),
    (b"<?xml version='1.0'?><ClinicalDocument>words</ClinicalDocument>", "", kinds.HTML),
]


@pytest.mark.parametrize(("raw", "name", "kind"), CASES)
def test_types(raw: bytes, name: str, kind: str) -> None:
    """The bytes win over the name."""
    assert kinds.sniff(raw, name) == kind


def test_a_submission_may_be_a_bare_mail() -> None:
    """At the top two known header fields are enough; an mbox line is allowed before them."""
    assert kinds.sniff(b"Received: x\r\nX-Any: y\r\nFrom: a@x.example\r\n\r\n%PDF-", top=True) == kinds.MAIL
    assert kinds.sniff(b"From a@x.example Tue\nFrom: a@x.example\nTo: b@x.example\n\nx", top=True) == kinds.MAIL
    assert kinds.sniff(b"Patient: SYNTHETIC\nDate of birth: unknown\n\nwords", top=True) == kinds.TEXT


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("CD/viewer.exe", True),
        ("AUTORUN.INF", True),
        ("disc/Thumbs.db", True),
        ("__MACOSX/._scan.pdf", True),
        ("report.pdf", False),
        ("IM0001", False),
        ("README.txt", False),
    ],
)
def test_programs_by_name(name: str, program: bool) -> None:
    """What viewers and file managers leave on a disc."""
    assert kinds.looks_like_program(name) is program


@given(st.binary(max_size=300), st.text(max_size=20))
def test_every_file_has_a_type(raw: bytes, name: str) -> None:
    """No bytes make it fail."""
    assert "/" in kinds.sniff(raw, name)


def test_types_have_neutral_endings() -> None:
    """A submission without a name is called after its type."""
    assert (kinds.extension(kinds.PDF), kinds.extension("x/unknown")) == ("pdf", "bin")
