"""What one submission brings to a decision."""

from __future__ import annotations

from dataclasses import dataclass

from records.model import Channel, Contact, Document, Held, HeldState, Mail, Part, Problem, Role, Submission
from routing.refs import find_refs


@dataclass(frozen=True, slots=True)
class Incoming:
    """A submission in custody, what was read in it, and what staff said of it before."""

    submission: Submission
    parts: tuple[Part, ...]
    problems: tuple[Problem, ...]
    documents: tuple[Document, ...]
    mail: Mail | None = None
    unanswerable: str | None = None  # why its sender may not be answered by machine
    rulings: tuple[Held, ...] = ()

    @property
    def channel(self) -> Channel:
        return self.submission.envelope.channel

    @property
    def sender(self) -> str:
        """Mail address or fax caller id, "" when unknown."""
        return self.mail.from_address if self.mail else (self.submission.envelope.sender or "")

    @property
    def refs(self) -> tuple[str, ...]:
        """Case references named anywhere in its words, best evidence first."""
        texts = [self.mail.subject] if self.mail else []
        texts += [" ".join((*page.codes, page.text)) for part in self.parts for page in part.pages]
        seen: dict[str, None] = {}
        for text in texts:
            seen.update(dict.fromkeys(find_refs(text)))
        return tuple(seen)

    @property
    def thread(self) -> tuple[str, ...]:
        """Message ids that it answers (RFC 5322 In-Reply-To, References)."""
        return (*self.mail.in_reply_to, *self.mail.references) if self.mail else ()

    @property
    def ruled_case(self) -> str | None:
        """The case that staff named: at the courier's desk, or in releasing it from quarantine."""
        named = [r.case_ref for r in self.rulings if r.state is HeldState.RELEASED and whole(r) and r.case_ref]
        return named[-1] if named else self.submission.envelope.case_ref

    @property
    def attachments(self) -> tuple[Part, ...]:
        return tuple(p for p in self.parts if p.role in (Role.ATTACHMENT, Role.MEMBER))

    def contact(self) -> Contact:
        words = [d.language for d in self.documents if d.language]
        body = [
            d.language for d in self.documents if d.language and any(p.path == d.part and p.role is Role.BODY for p in self.parts)
        ]
        language = body or [max(sorted(set(words)), key=words.count)] if words else body
        return Contact(
            submission=self.submission.id,
            channel=self.channel,
            address=self.sender,
            name=self.mail.from_name if self.mail else "",
            language=language[0] if language else "en",
            message_id=self.mail.message_id or None if self.mail else None,
            references=self.thread,
            unanswerable=self.unanswerable if self.mail else "no_confirmed_address",
            reply_to=self.mail.reply_to if self.mail else "",
        )


def whole(held: Held) -> bool:
    """True when a held thing is the whole submission."""
    return not held.part and held.document is None
