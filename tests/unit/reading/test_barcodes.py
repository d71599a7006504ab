"""The case reference as a barcode: printed on our faxes, read back when a page of ours returns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fixtures import degrade
from outbound.fax import to_pages
from reading.barcodes import barcodes
from records.model import Event, Page, TextSource
from tests.makers import incoming, packet
from tests.unit.outbound.making import message, update

REF = "SOMRR-00000-00000-1"


def returned(turn: int = 0) -> np.ndarray:
    """Our page, the printed reference under the bars and in the subject blotted out, faxed once more."""
    page = to_pages(message(replace(update(Event.OPENED), case_ref=REF)))[0].convert("L")
    ImageDraw.Draw(page).rectangle((0, page.height - 200, page.width, page.height), fill=255)
    sent = degrade.fax(Image.fromarray(np.asarray(page)), seed=5).convert("L")
    return np.asarray(sent.rotate(turn, expand=True))


@pytest.mark.parametrize("turn", [0, 180])
def test_a_page_of_ours_that_comes_back_names_its_case(turn: int) -> None:
    """After a second fax, upright and upside down."""
    assert barcodes(returned(turn), "UC San Diego Health") == (REF,)


def test_other_peoples_pages_are_not_searched() -> None:
    """A page whose words do not speak of us costs nothing, whatever bars it has."""
    assert barcodes(returned(), "some other clinic") == ()


def test_noise_says_nothing() -> None:
    """Neither on paper nor on specks."""
    specks = np.random.default_rng(1).integers(0, 256, (2200, 1728), dtype=np.uint8)
    assert barcodes(specks, "SOMRR") == ()
    assert barcodes(np.full((2200, 1728), 255, np.uint8), "SOMRR") == ()


def test_the_reference_counts_like_one_in_words() -> None:
    """R23: it is found among the submission's references, and only when its check character is right."""
    came = incoming(packet())
    first, *rest = came.parts
    for code, refs in ((REF, (REF,)), ("SOMRR-00000-00000-2", ()), ("4006381333931", ())):
        page = Page(1, "words", TextSource.OCR, codes=(code,))
        assert replace(came, parts=(replace(first, pages=(page,)), *rest)).refs == refs
