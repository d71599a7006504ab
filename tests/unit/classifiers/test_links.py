"""Links to images are promised, not received (R13)."""

from __future__ import annotations

import pytest

from classifiers.identify import identify
from classifiers.links import promised
from config.rules import Identifying
from records.model import Kind, Page, Part, Reading, Role, Severity, TextSource


@pytest.mark.parametrize(
    ("link", "hosts"),
    [
        ("https://www.dropbox.com/s/abc/study.zip?dl=0", ["www.dropbox.com"]),
        ("https://we.tl/t-abc", ["we.tl"]),
        ("https://pacs.hospital.example/share/77", ["pacs.hospital.example"]),
        ("https://hospital.example/viewer?study=1.2.3", ["hospital.example"]),
        ("https://hospital.example/es/imagenes/77", ["hospital.example"]),
        ("https://hospital.example/contact", []),
        ("https://facebook.example/hospital", []),
        ("https://notdropbox.com.example/", []),
        ("https://reviewers.example/packet", []),
        ("http://[bad", []),
    ],
)
def test_which_links_promise_images(link: str, hosts: list[str]) -> None:
    """Shared files and viewers do; a hospital's home page in a signature does not."""
    assert promised([link, link]) == hosts


def test_a_mail_with_a_link_lists_it_and_has_no_images() -> None:
    """Only the host is told; the link's secret part stays where it is."""
    body = Part(
        "body.txt", "0" * 64, 1, "text/plain", Role.BODY, (Page(1, "The images are here. Best regards", TextSource.LAYER),),
        links=("https://pacs.hospital.example/share/SECRET",),
    )  # fmt: skip
    (letter,) = identify(Reading("", "", "", (body,)), Identifying())
    assert letter.kind is Kind.CORRESPONDENCE
    assert [(f.code, f.severity, f.detail) for f in letter.findings] == [
        ("images_promised", Severity.ADVISORY, "a link to pacs.hospital.example")
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "not_an_image_set"), ("Se: 4 Im: 23\nWW: 400 WL: 40\nZoom: 120%", "not_an_image_set"), ("Buy now", None)],
)
def test_a_picture_of_images_is_no_image_set(text: str, code: str | None) -> None:
    """A photo of a film, a screenshot of a viewer, a JPEG export: said so, and left to staff."""
    page = Page(1, text, TextSource.OCR if text else TextSource.NONE)
    part = Part("photo.jpg", "0" * 64, 1, "image/jpeg", Role.ATTACHMENT, (page,), width=3000, height=2000)
    (found,) = identify(Reading("", "", "", (part,)), Identifying())
    assert found.kind is Kind.UNKNOWN
    assert [f.code for f in found.findings] == ([code] if code else [])
