"""Header safety: whatever stands in an update, a mail has our header fields once each, one reader, and no other line."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from config.rules import Programme
from outbound.addresses import is_address, is_fax_number
from outbound.compose import compose
from outbound.faxing import dialled, to_gateway
from outbound.mime import to_bytes
from outbound.wording import language
from records.errors import ConfigurationError, PermanentError
from records.model import Event, Message
from tests.unit.outbound.making import NOW, PROGRAMME, message, missing, update

OURS = {
    "to", "subject", "message-id", "from", "date", "in-reply-to", "references", "auto-submitted",
    "x-auto-response-suppress", "content-language", "mime-version", "content-type",
}  # fmt: skip
EVIL = [
    "\r\nBcc: victim@example.net",
    "\nBcc: victim@example.net",
    "\r",
    "\x00",
    "\u2028Bcc: x",
    "\x85Bcc: x",
    "=?utf-8?q?a=0D=0ABcc:_victim@example.net?=",
    ", victim@example.net",
    "> <victim@example.net",
    "\u0430",  # a Cyrillic letter that looks Latin
    "\u202e",
    '"',
    ";",
    "()",
]
HOSTILE = st.text(max_size=40) | st.sampled_from(EVIL)
ADDRESSES = st.builds(lambda a, b, c: a + b + c, st.sampled_from(["physician", "", "a.b"]), HOSTILE, st.just("@example.org"))
IDS = st.builds(lambda a, b: f"<{a}{b}@example.org>", st.sampled_from(["id", ""]), HOSTILE) | HOSTILE


def checked(sent: Message, to: str) -> None:
    raw = to_bytes(sent)
    assert raw.isascii()
    read = email.message_from_bytes(raw, policy=email.policy.default)
    names = [name.lower() for name in read.keys()]  # noqa: SIM118 - a Message iterates in its own way
    assert sorted(names) == sorted(set(names))
    assert set(names) <= OURS
    assert [one.addr_spec for one in read["To"].addresses] == [to]
    assert [one.addr_spec for one in read["From"].addresses] == [PROGRAMME.mailbox]
    assert b"victim@example.net" not in raw.partition(b"MIME-Version")[0]


@settings(max_examples=300, deadline=None)
@given(ADDRESSES | HOSTILE, IDS | st.none(), st.lists(IDS, max_size=4), HOSTILE, HOSTILE, HOSTILE)
def test_no_field_of_an_update_reaches_a_header_unchecked(
    address: str, answered: str | None, thread: list[str], ref: str, spoken: str, name: str
) -> None:
    """Property: refused with a code, or a mail whose headers are ours."""
    changes: dict[str, Any] = {"address": address, "in_reply_to": answered, "references": tuple(thread), "language": spoken}
    for also in ({}, {"case_ref": f"SOMRR-1{ref}"}, {"id": f"u1{name}"}, {"message_id": answered}):
        try:
            sent = compose(update(Event.OPENED, **changes, **also), PROGRAMME, NOW, "+")
        except PermanentError:
            continue
        assert is_address(address)
        checked(sent, address)
        assert sent.return_path.isascii()
        assert not set(sent.return_path) & set("\r\n <>,;")


@settings(deadline=None)
@given(HOSTILE)
def test_even_our_own_name_can_not_break_a_header(name: str) -> None:
    """Property: a sender's name from the configuration is refused, or quoted and encoded."""
    try:
        sent = compose(update(), Programme(sender_name=f"SOMRR{name}"), NOW)
        raw = to_bytes(sent)
    except (ConfigurationError, PermanentError):
        return
    read = email.message_from_bytes(raw, policy=email.policy.default)
    assert [one.addr_spec for one in read["From"].addresses] == [PROGRAMME.mailbox]
    assert read["Bcc"] is None


@settings(deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_a_study_in_somebody_s_own_words_stays_in_the_house(modality: str, body_part: str, day: str) -> None:
    """Property: text and HTML are the ones of an update that names nothing, unless the words are ours."""
    study = {"modality": modality, "body_part": body_part, "date": day}
    plain, said = (
        message(update(Event.REJECTED, findings=(missing("images_without_report", **named),))) for named in ({}, study)
    )
    if not language("en").study(study):
        assert (said.text, said.html) == (plain.text, plain.html)
    assert "victim" not in said.text + said.html


@settings(max_examples=30, deadline=None)
@given(HOSTILE)
def test_only_a_number_is_dialled_and_only_the_gateway_is_written_to(number: str) -> None:
    """Property: pauses, commands and second addresses do not get to a modem or a gateway."""
    written = f"+52 55 5555{number}"
    assert set(dialled(written).removeprefix("+")) <= set("0123456789")
    if not is_fax_number(written):
        return
    sent = replace(message(), to=written)
    read = email.message_from_bytes(to_gateway(sent, "525555@fax.example.org"), policy=email.policy.default)
    assert [one.addr_spec for one in read["To"].addresses] == ["525555@fax.example.org"]
