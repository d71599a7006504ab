"""The marks of the prose templates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outbound.markup import WIDTH, Block, blocks, fill


def test_paragraphs_headings_and_lists_are_told_apart() -> None:
    """Blank lines part blocks, line ends inside one are spaces."""
    prose = "\nOne\n  paragraph.\n\n# A heading\n\n- first\n  entry\n- second\n\n\n\nLast - with a dash.\n"
    assert blocks(prose) == (
        Block("paragraph", ("One paragraph.",)),
        Block("heading", ("A heading",)),
        Block("list", ("first entry", "second")),
        Block("paragraph", ("Last - with a dash.",)),
    )
    assert blocks(" \n\n") == ()


@given(st.text())
def test_no_word_is_lost(prose: str) -> None:
    """Property: whatever is written, its words come out, but for the marks."""
    said = " ".join(line for block in blocks(prose) for line in block.lines).split()
    assert [word for word in said if word not in {"#", "-"}] == [word for word in prose.split() if word not in {"#", "-"}]


@given(st.lists(st.text("abcdefg", min_size=1, max_size=30), min_size=1).map(" ".join))
def test_wrapping_keeps_the_words_and_the_width(text: str) -> None:
    """Property: as RFC 5322 2.1.1 asks."""
    filled = fill(text, "  * ", "    ")
    assert all(len(line) <= WIDTH for line in filled.splitlines())
    assert filled.split()[1:] == text.split()
