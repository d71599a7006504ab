"""Whatever the text, identifying answers, the same twice, and gives no card number away."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.identify import identify
from classifiers.page import classify_page
from config.rules import Identifying
from records.model import Page, Part, Reading, Role, TextSource

WORDS = st.sampled_from(
    [
        "radiology report",
        "Patient Name:",
        "MRN",
        "formalin",
        "I consent to",
        "\n",
        "  ",
        "|",
        "\t",
        "CT chest",
        "印象",
        "결론",
        "الفحص",
        "2026-03-14",
        "4111 1111 1111 1111",
        "<<<<",
        "P<UTO",
        "____",
        "Page 1 of 2",
        "😀",
        "\u202e",
        "ﬁ",
        "İ",
        "SOMRR-00000-00000-0",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=40).map(" ".join))


def reading(texts: list[str], role: Role) -> Reading:
    pages = tuple(Page(n, text, TextSource.OCR) for n, text in enumerate(texts, 1))
    return Reading("0" * 64, "1", "x", (Part("a", "a" * 64, 1, "application/pdf", role, pages),))


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_any_text_gets_a_distribution(text: str) -> None:
    """Probabilities sum to one and the kind follows the threshold."""
    scored = classify_page(text, noisy=True)
    assert abs(sum(scored.probabilities.values()) - 1) < 1e-9
    assert (scored.kind is scored.best) or scored.confidence < 0.6


@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from([Role.ATTACHMENT, Role.BODY, Role.MEMBER]))
@settings(max_examples=80, deadline=None)
def test_every_page_is_in_exactly_one_document(texts: list[str], role: Role) -> None:
    """No page is lost or doubled, and the answer is the same twice."""
    made = identify(reading(texts, role), Identifying())
    assert made == identify(reading(texts, role), Identifying())
    pages = [n for d in made for n in d.pages]
    if made:
        assert sorted(pages) == list(range(1, len(texts) + 1))
    else:
        assert not any(text.strip() for text in texts)


@given(TEXTS, TEXTS)
@settings(max_examples=60, deadline=None)
def test_a_card_number_never_leaves(before: str, after: str) -> None:
    """Not in evidence, fields or findings, wherever it stands."""
    made = identify(reading([f"{before}\ncard number: 4111 1111 1111 1111\n{after}"], Role.ATTACHMENT), Identifying())
    assert not re.search(r"4111\D?1111\D?1111\D?1111", repr(made))
