"""Signed mails are read through their signature; encrypted ones are named; signatures and keys are nothing for staff."""

from __future__ import annotations

import random
from email.message import EmailMessage

import pytest

from reading import kinds
from reading.sealed import signed
from tests.servers.walking import Walked, damaged, walk

INNER = b"Content-Type: text/plain; charset=utf-8\r\n\r\nSynthetic words of a signed mail\r\n"
SIGNED, ENVELOPED, DATA = (bytes.fromhex(f"06092a864886f70d0107{last}") for last in ("02", "03", "01"))


def der(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def ber(tag: int, *content: bytes) -> bytes:
    """As programs write that do not know the length beforehand."""
    return bytes([tag, 0x80]) + b"".join(content) + b"\0\0"


def cms(content: bytes | None, *, streamed: bool = False) -> bytes:
    put = ber if streamed else der
    pieces = [content[at : at + 20] for at in range(0, len(content), 20)] if content else []
    octets = ber(0x24, *(der(4, piece) for piece in pieces)) if streamed else der(4, content or b"")
    inside = put(0x30, DATA, *([put(0xA0, octets)] if content else []))
    certificates = der(0xA0, der(0x30, b"\x02\x01\x01"))  # the same tag as the content's: only its place tells them apart
    return put(0x30, SIGNED, put(0xA0, put(0x30, b"\x02\x01\x01", der(0x31), inside, certificates, der(0x31))))


def carrying(raw: bytes, name: str, subtype: str) -> Walked:
    message = EmailMessage()
    message["From"], message["Subject"] = "doc@clinic.example", "Synthetic packet"
    message.set_content("see attached\n")
    message.add_attachment(raw, maintype="application", subtype=subtype, filename=name)
    return walk(message.as_bytes(), "m")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_signed_message_is_taken_out(streamed: bool) -> None:
    """In one piece or in many; the signature itself is a part without words."""
    walked = carrying(cms(INNER, streamed=streamed), "smime.p7m", "pkcs7-mime")
    assert walked.part("smime.p7m/signed.eml/body.txt").pages[0].text == "Synthetic words of a signed mail"
    assert (walked.part("smime.p7m").pages[0].blank, walked.codes) == (True, [])


@pytest.mark.parametrize("streamed", [False, True])
def test_a_signature_that_stands_apart_is_no_document(streamed: bool) -> None:
    """It ends after its content's type; what follows are certificates."""
    assert signed(cms(None, streamed=streamed)) is None
    walked = carrying(cms(None, streamed=streamed), "smime.p7s", "pkcs7-signature")
    assert ([page.blank for page in walked.part("smime.p7s").pages], walked.codes) == ([True], [])


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (der(0x30, ENVELOPED, der(0xA0, bytes(100))), kinds.CMS_LOCKED),
        (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n", kinds.PGP_LOCKED),
    ],
)
def test_encrypted_mails_are_named(raw: bytes, kind: str) -> None:
    """For somebody's key: nothing here opens them."""
    walked = carrying(raw, "locked.bin", "octet-stream")
    assert (walked.part("locked.bin").media_type, walked.codes) == (kind, ["encrypted"])


@pytest.mark.parametrize(
    ("raw", "subtype"),
    [
        (b"-----BEGIN PGP SIGNATURE-----\n\nhQEMA\n", "pgp-signature"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nhQEMA\n", "pgp-keys"),
        (b"Version: 1\n", "pgp-encrypted"),
    ],
)
def test_what_mail_programs_add_is_no_document(raw: bytes, subtype: str) -> None:
    """Nothing to read, nothing to hold."""
    walked = carrying(raw, "added.asc", subtype)
    assert ([page.blank for page in walked.part("added.asc").pages], walked.codes) == ([True], [])


def test_damage_gets_an_answer() -> None:
    """The message, or a named problem."""
    chance = random.Random(5)  # noqa: S311 - the same damage every time
    for original in (cms(INNER), cms(INNER, streamed=True), cms(None)):
        for _ in range(100):
            walked = walk(damaged(original, chance), "smime.p7m")
            assert walked.parts
