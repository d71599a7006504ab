"""The marks of the prose templates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outbound.markup import _CLOSING, _OPENING, WIDTH, Block, blocks, columns, fill, underline


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


@given(
    st.text("漢字かなカナ、。「」（）（）ー・abc 12", min_size=1, max_size=200)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)
def test_chinese_and_japanese_wrap_where_they_may(text: str) -> None:
    """Property: nothing is lost, no line is too wide, none begins with a closing mark or ends with an opening one."""
    lines = fill(text, "  * ", "    ").splitlines()
    assert "".join("".join(lines).split()).removeprefix("*") == "".join(text.split())
    long_runs = any(columns(run) > WIDTH - 4 for run in text.replace(" ", "\n").splitlines() if not set(run) & set("漢字かなカ"))
    if not long_runs and "（（" not in text:
        assert all(columns(line) <= WIDTH + 20 for line in lines)
    for line in lines[1:]:
        assert line.strip()[:1] not in set(_CLOSING), lines
    for line in lines[:-1]:
        assert line.rstrip()[-1:] not in set(_OPENING), lines


def test_a_heading_s_line_is_as_wide_as_the_heading() -> None:
    """A Chinese character has two columns."""
    assert underline("漢字", "=") == "===="
    assert underline("x" * 200, "-") == "-" * WIDTH
    assert fill("漢" * 40).splitlines() == ["漢" * 38, "漢" * 2]
