"""What a server's FETCH answers mean (RFC 3501 7.4.2), as imaplib cuts them: read without trusting a word of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ingest.headers import message_id

_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DATE = re.compile(rb'INTERNALDATE "([^"]{1,40})"')
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,15})\b")
_BODY = re.compile(rb"\bBODY\[\](?:<(\d{1,15})>)?")


@dataclass(frozen=True, slots=True)
class Description:
    """What the server says about one mail, before its bytes are fetched."""

    uid: int
    size: int  # RFC822.SIZE: some servers only estimate it
    received_at: datetime
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """One FETCH response: the server's own words, and the literal among them if there was one."""

    words: bytes
    literal: bytes | None

    @property
    def bare(self) -> bytes:
        """The words without quoted strings, which could imitate them."""
        return _QUOTED.sub(b'""', self.words)

    def uid(self) -> int | None:
        found = _UID.search(self.bare)
        return int(found[1]) if found else None

    def description(self) -> Description | None:
        """None when the response speaks of something else, flags for instance."""
        uid, size, date = self.uid(), _SIZE.search(self.bare), _DATE.search(self.words)
        if uid is None or size is None:
            return None
        header = self._text(self.words.find(b"BODY["))
        return Description(uid, int(size[1]), _time(date[1] if date else b""), message_id(header))

    def body(self, uid: int, offset: int) -> bytes | None:
        """The bytes of this mail from this offset on; None when the response speaks of something else."""
        body = _BODY.search(self.bare)
        if self.uid() != uid or body is None or int(body[1] or 0) != offset:
            return None
        return self._text(self.words.find(b"BODY["))

    def _text(self, at: int) -> bytes:
        """A literal, else the quoted string after `at`, else (NIL) nothing."""
        if self.literal is not None:
            return self.literal
        quoted = _QUOTED.search(self.words, at) if at >= 0 else None
        return re.sub(rb"\\(.)", rb"\1", quoted[0][1:-1]) if quoted else b""


def fetched(answer: Sequence[object]) -> Iterator[Fetched]:
    """Put together what imaplib cut: `(words, literal)` pairs, each followed by the rest of its line, or bare lines."""
    words, literal = b"", None
    for piece in answer:
        if isinstance(piece, tuple) and len(piece) == 2:
            if words and re.match(rb"\d+ \(", piece[0]):
                yield Fetched(words, literal)
                words, literal = b"", None
            words, literal = words + piece[0], piece[1]
        elif isinstance(piece, bytes):
            words += piece
            if piece.endswith(b")"):
                yield Fetched(words, literal)
                words, literal = b"", None
    if words:
        yield Fetched(words, literal)


def _time(text: bytes) -> datetime:
    """INTERNALDATE in UTC; the present when the server's words are no date."""
    try:
        return parsedate_to_datetime(text.decode("ascii").strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)
