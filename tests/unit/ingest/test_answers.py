"""Reading a server's FETCH answers."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ingest.answers import fetched

DESCRIBED = b'1 (UID 5 RFC822.SIZE 99 INTERNALDATE "24-Nov-2026 01:02:03 -0800" BODY[HEADER.FIELDS (MESSAGE-ID)] {21}'
HEADER = b"Message-ID: <a@b>\r\n\r\n"


def test_a_description_is_read_whatever_the_order_of_its_fields() -> None:
    """Before the literal, after it, with other fields between; the date comes out in UTC."""
    after = b' RFC822.SIZE 99 FLAGS (\\Seen) INTERNALDATE "24-Nov-2026 01:02:03 -0800" UID 5)'
    answers = [(DESCRIBED, HEADER), b")", (b"2 (BODY[HEADER.FIELDS (MESSAGE-ID)] {21}", HEADER), after]
    first, second = (each.description() for each in fetched(answers))
    assert first == second
    assert first is not None
    assert (first.uid, first.size, first.message_id) == (5, 99, "<a@b>")
    assert first.received_at == datetime(2026, 11, 24, 9, 2, 3, tzinfo=UTC)


def test_lines_about_flags_are_no_description() -> None:
    """They come unasked whenever a colleague reads a mail."""
    assert [each.description() for each in fetched([b"3 (FLAGS (\\Seen) UID 3)", b"4 (FLAGS ())"])] == [None, None]


def test_a_date_that_is_none_is_the_present() -> None:
    """The mail is taken all the same."""
    [each] = fetched([b'1 (UID 5 RFC822.SIZE 9 INTERNALDATE "never")'])
    description = each.description()
    assert description is not None
    assert abs((description.received_at - datetime.now(UTC)).total_seconds()) < 60


def test_a_body_is_only_the_part_that_was_asked_for() -> None:
    """Another mail's, another offset's or a whole description is not mistaken for it."""
    answers = [(b"1 (UID 5 BODY[]<4096> {3}", b"abc"), b")"]
    [each] = fetched(answers)
    assert each.body(5, 4096) == b"abc"
    assert each.body(5, 0) is None
    assert each.body(6, 4096) is None
    [described] = fetched([(DESCRIBED, HEADER), b")"])
    assert described.body(5, 0) is None


def test_quoted_words_do_not_speak_for_the_server() -> None:
    """A header sent as a quoted string may hold anything, our own words too."""
    [each] = fetched([rb'1 (BODY[HEADER.FIELDS (MESSAGE-ID)] "Message-ID: <UID\"9> UID 9 RFC822.SIZE 1" UID 5 RFC822.SIZE 99)'])
    description = each.description()
    assert description is not None
    assert (description.uid, description.size) == (5, 99)


@given(st.lists(st.binary(max_size=80) | st.tuples(st.binary(max_size=80), st.binary(max_size=80)), max_size=6))
def test_any_answer_is_read_without_a_fault(pieces: list[bytes | tuple[bytes, bytes]]) -> None:
    """And a body is never longer than what was sent."""
    for each in fetched([*pieces, (b"1 (UID 5 BODY[]<0> {2}", b"ab"), b")"]):
        each.description()
        assert each.body(5, 0) is None or each.literal is not None
