"""The Message-ID out of hostile bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.headers import message_id


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Message-ID: <a.b@mail.example>\r\n\r\n", "<a.b@mail.example>"),
        (b"Subject: x\nmessage-id:<a@b>\n\nbody", "<a@b>"),
        (b"Message-ID:\r\n\t<folded@b>\r\nTo: x\r\n\r\n", "<folded@b>"),
        (b"Subject: x\r\n\r\nMessage-ID: <in.the.body@b>\r\n", None),
        (b"X-Message-ID: <other@b>\r\n\r\n", None),
        (b"Message-ID: <two words@b>\r\n\r\n", None),
        (b"Message-ID: <a\x00b@c>\r\n\r\n", None),
        (b"Message-ID: <" + b"a" * 901 + b">\r\n\r\n", None),
        (b"Message-ID: bare@b\r\n\r\n", None),
        (b"", None),
    ],
)
def test_message_id_is_taken_from_the_header_block_only(header: bytes, expected: str | None) -> None:
    """Folded, in any case, never from the body, never malformed."""
    assert message_id(header) == expected


@given(st.binary(max_size=3000))
def test_any_bytes_give_nothing_or_one_printable_word(raw: bytes) -> None:
    """What is returned can stand in a header that we write: no space, no control character."""
    for found in (message_id(raw), message_id(b"Message-ID: <" + raw + b">\r\n\r\n")):
        assert found is None or (found.isascii() and found.isprintable() and " " not in found and len(found) <= 902)
