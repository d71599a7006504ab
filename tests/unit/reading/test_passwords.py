"""Passwords in a mail's own words: found in every language of the programme, tried on its files, said nowhere."""

from __future__ import annotations

import io
from email.message import EmailMessage

import libarchive
import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from reading.limits import Limits
from reading.passwords import MOST, Passwords, candidates
from tests.servers.walking import Walked, walk

WORDS = "Synthetic report of SYNTHETIC PATIENT ALPHA"


@pytest.mark.parametrize(
    ("sentence", "password"),
    [
        ("The password is Alpha-2026.", "Alpha-2026"),
        ("Password: Xy7!abc?\nRegards", "Xy7!abc?"),
        ("password for both files = P@ss:word1", "P@ss:word1"),
        ("All files are password protected. Password - Kiev2026!", "Kiev2026!"),
        ("The passcode for the discs: tiger", "tiger"),
        ("La contraseña del archivo es «rayo 2026».", "rayo 2026"),
        ("A senha dos arquivos é Tomografia1", "Tomografia1"),
        ("Le mot de passe est : soleil", "soleil"),
        ("Das Passwort lautet\n\nGeheim99\n\nGruß", "Geheim99"),
        ("Kennwort: Über5", "Über5"),
        ("La parola d'accesso è mare12", "mare12"),
        ("Het wachtwoord is 'tulp 5'", "tulp 5"),
        ("Пароль к архиву: Рентген77", "Рентген77"),
        ("Şifre: boğaz34", "boğaz34"),
        ("كلمة المرور: ١٢٣٤٥٦", "123456"),
        ("رمز عبور فایل: parsi12", "parsi12"),
        ("הסיסמה היא shalom1", "shalom1"),
        ("密码是abc123，谢谢", "abc123"),
        ("解压密碼：20260101", "20260101"),
        ("パスワードはhana2026です。", "hana2026"),
        ("비밀번호는 seoul88 입니다", "seoul88"),
    ],
)
def test_a_sentence_gives_its_password(sentence: str, password: str) -> None:
    """Quoted, after a colon or "is", between characters without blanks, on a line of its own, in other digits."""
    heard = Passwords()
    heard.hear(sentence)
    assert password in list(heard)


def test_words_without_the_word_give_none() -> None:
    """An ordinary mail has no candidates."""
    assert candidates("Please find attached the CT of 20 February 2026 and the report.") == []


@given(st.text(max_size=400))
def test_any_words_give_few_candidates_and_none_is_printed(words: str) -> None:
    """Bounded, and the object says only how many there are."""
    heard = Passwords()
    heard.hear(f"password: {words} password {words}")
    assert len(list(heard)) <= MOST
    assert repr(heard) == f"<{len(list(heard))} candidates>"


# ---------------------------------------------------------------- on files


def locked_pdf(password: str) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(72, 700, WORDS)
    canvas.save()
    locked = io.BytesIO()
    with pikepdf.open(out) as document:
        document.save(locked, encryption=pikepdf.Encryption(owner="synthetic-owner", user=password))
    return locked.getvalue()


def locked_zip(password: str, way: str) -> bytes:
    out = bytearray()

    def write(piece: bytes) -> int:
        out.extend(piece)
        return len(piece)

    with libarchive.custom_writer(write, "zip", None, options=f"zip:encryption={way}", passphrase=password) as archive:
        for name in ("scan/report.txt", "отчёт.txt"):
            archive.add_file_from_memory(name, len(WORDS), WORDS.encode())
    return bytes(out)


def carried(raw: bytes, name: str, body: str = "The password is Alpha-2026.\n") -> Walked:
    message = EmailMessage()
    message["From"], message["Subject"] = "doc@clinic.example", "Synthetic packet"
    message.set_content(body)
    message.add_attachment(raw, maintype="application", subtype="octet-stream", filename=name)
    return walk(message.as_bytes(), "m")


def test_a_locked_pdf_opens_with_the_mails_password() -> None:
    """And it is noted; with another password it stays locked, and no answer holds the password."""
    opened = carried(locked_pdf("Alpha-2026"), "report.pdf")
    assert (opened.part("report.pdf").pages[0].text, opened.codes, opened.notes) == (WORDS, [], {"password_from_mail"})
    shut = carried(locked_pdf("another"), "report.pdf")
    assert (shut.codes, shut.notes) == (["encrypted"], set())
    assert "Alpha" not in repr(shut.problems)


@pytest.mark.parametrize("way", ["zipcrypt", "aes128", "aes256"])
def test_a_locked_zip_opens_with_the_mails_password(way: str) -> None:
    """The old lock of zips and the AES of today's."""
    opened = carried(locked_zip("Alpha-2026", way), "scans.zip")
    assert opened.paths == ["body.txt", "scans.zip/scan/report.txt", "scans.zip/отчёт.txt"]
    assert opened.part("scans.zip/отчёт.txt").pages[0].text == WORDS
    assert (opened.codes, opened.notes) == ([], {"password_from_mail"})
    shut = carried(locked_zip("another", way), "scans.zip")
    assert shut.codes == ["needs_password"] * 2
    assert "Alpha" not in repr(shut.problems)


def test_wrong_passwords_do_not_use_up_the_budget() -> None:
    """What a wrong password makes of a member is not counted against the submission."""
    many = " ".join(f"password: wrong{number}" for number in range(6)) + " password: Alpha-2026"
    assert carried(locked_zip("Alpha-2026", "zipcrypt"), "scans.zip", many).codes == []


def test_a_locked_bomb_is_still_a_bomb() -> None:
    """The limits hold behind a lock, too."""
    out = bytearray()

    def write(piece: bytes) -> int:
        out.extend(piece)
        return len(piece)

    with libarchive.custom_writer(write, "zip", None, options="zip:encryption=aes256", passphrase="Alpha-2026") as archive:
        archive.add_file_from_memory("bomb", 20 << 20, bytes(20 << 20))
    assert carried(bytes(out), "bomb.zip").codes == ["archive_ratio"]
    assert Limits().max_archive_ratio == 100


def test_a_body_that_an_earlier_walk_has_read_is_heard_again() -> None:
    """A worker that died is followed by another, which leaves out what was answered but not what it said."""
    from reading.unpack import Found, Walk
    from records.model import Role

    walk_again = Walk(Walked(Limits()), skip=frozenset({"0.0"}))
    walk_again.visit(Found("0.0", "body.txt", Role.BODY, b"x", words="The password is Alpha-2026."))
    assert "Alpha-2026" in list(walk_again.passwords)
