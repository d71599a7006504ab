"""Passwords that a mail's own words give for the files it carries; they live as long as the walk and are never said on."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MOST = 8  # tried on a locked file: enough for every way of reading one sentence
REACH = 120  # characters after the word "password" in which it stands
LONGEST = 64

_WORD = re.compile(
    r"pass\s?-?(?:word|code|phrase|wort)|\bpasscode|\bpwd\b|\bpass\s*[:=]|contrase(?:ñ|n)a|\bclave\b|palavra[\s-]passe|\bsenha\b|mots?\s+de\s+passe|\bmdp\b"
    r"|kennwort|passwort|wachtwoord|\bparola\b|şifre|sifre|парол|كلمة\s+(?:ال)?(?:مرور|سر)|الرقم\s+السري|رمز\s*عبور|گذرواژه|סיסמ"
    r"|密\s?[码碼]|パスワード|暗証番号|비밀\s?번호|패스워드|암호",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“”„«‘'`「『‹]\s*([^\"“”„»«’‘'`」』›\n]{2,64}?)\s*[\"“”»«’'`」』›]")
_AFTER_MARK = re.compile(
    r"(?:[:=：＝]|\b(?:is|es|é|est|ist|lautet|è|это|هي|هو|است|היא|הוא)\b|[是为為])\s*(\S{2,64})", re.IGNORECASE
)
_TOKEN = re.compile(r"\S{3,64}")
_ASCII = re.compile(r"[!-~]{4,64}")  # between characters of scripts that set no blanks
_ENDS = ".,;:!?。、，؛،)]}>\"'”»’“"
_DIGITS = re.compile(r"\d")


class Passwords:
    """At most `MOST` candidates, the likeliest first."""

    def __init__(self) -> None:
        self._heard: dict[str, None] = {}

    def hear(self, words: str) -> None:
        """Take what stands after the word "password" in these words, in any of the programme's languages."""
        for candidate in candidates(words):
            if len(self._heard) >= MOST:
                return
            self._heard[candidate] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._heard)

    def __repr__(self) -> str:
        return f"<{len(self._heard)} candidates>"  # none is ever printed


def candidates(words: str) -> list[str]:
    """Candidates of all places, the likeliest of each place before the second likeliest of any."""
    places = [list(dict.fromkeys(_at(words[match.end() : match.end() + REACH]))) for match in _WORD.finditer(words[:200_000])]
    ranks = range(max(map(len, places), default=0))
    return list(dict.fromkeys(place[rank] for rank in ranks for place in places if rank < len(place)))


def _at(after: str) -> Iterator[str]:
    """What may be the password, in what follows the word: quoted, after a colon or "is", with a digit in it, else any token."""
    lines = [line.strip() for line in after.split("\n")]
    near = lines[0].replace("\u00a0", " ")
    if len(near.split()) < 2 and not _AFTER_MARK.search(near):
        near = " ".join(lines[:4])  # it stands on a line of its own
    found = [match.group(1) for match in _QUOTED.finditer(near)]
    found += [match.group(1) for match in _AFTER_MARK.finditer(near)]
    rest = re.split(r"[:=：＝]", near, maxsplit=1)[-1].strip()
    if rest != near.strip() and " " in rest and len(rest) <= LONGEST:
        found.append(rest)  # one of several words
    tokens = _TOKEN.findall(near)
    found += [token for token in [*_ASCII.findall(near), *tokens] if _DIGITS.search(token)]
    for candidate in [*found, *tokens[:3]]:
        yield from _spellings(candidate)


def _spellings(candidate: str) -> Iterator[str]:
    """Without the sentence's own full stop first; digits of other scripts as a keyboard has them."""
    bare = candidate.strip().lstrip("\"'“„«‘(「:=").rstrip(_ENDS)
    for spelling in (bare, candidate.strip()):
        if 2 <= len(spelling) <= LONGEST:
            yield spelling
            plain = "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in spelling)
            if plain != spelling:
                yield plain
