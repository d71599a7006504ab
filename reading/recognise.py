"""One page's pixels to a `Page`: made ready, read, and read again only where the first pass says that it went wrong.

The upper part is read first: its words tell language and orientation before the rest is paid for, and when
they agree with the model nothing is read twice.  A pure function of the pixels and the settings: no page learns
from another, so the order of work changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from reading import languages
from reading.barcodes import barcodes
from reading.bitmap import Bitmap, Grey
from reading.limits import Unreadable
from reading.ocr import Engine, Recognised
from reading.prepare import gutter, is_blank, positive, quiet_row, ready, sideways, straight, turned, unlined
from reading.words import Word
from records.model import FormSeen, Page, TextSource

FormCheck = Callable[[str, Sequence[str], Callable[[], tuple[Grey, list[Word]]]], FormSeen | None]

GOOD = 0.80  # mean confidence above which nobody asks whether the page lies on its head
DOUBTFUL = 0.6  # below, a turned page is tried unturned as well
HOPELESS = 0.35  # below, with many words claimed: illegible
MANY_WORDS = 15
SOME_WORDS = 8  # below, there is no text worth another script
MANY_LETTERS = 60  # an ideograph stands for several
FIGURES = ("eng", "spa", "por", "fra", "deu", "ita")  # models that read figures well, for a second opinion
SURE_TURN = 1.0  # orientation margin of Tesseract below which it is guessing


@dataclass(frozen=True, slots=True)
class Seen:
    """A page as it was read: pixels upright, words, the models that were used."""

    pixels: Grey
    read: Recognised
    models: tuple[str, ...]
    rotation: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """What reading a page needs."""

    engine: Engine
    configured: tuple[str, ...]  # models in the operator's order; the first is tried first
    installed: frozenset[str]

    def read(self, pixels: Grey, dpi: int, models: tuple[str, ...], rotation: int = 0) -> Seen:
        return Seen(pixels, self.engine.recognise(pixels, dpi, models), models, rotation)


def recognise(bitmap: Bitmap, engine: Engine, configured: Sequence[str], installed: frozenset[str], form: FormCheck) -> Page:
    """The page's text; raises `Unreadable("illegible")` when there is print and none of it can be read."""
    bitmap = positive(bitmap)
    if is_blank(bitmap):
        return Page(0, "", TextSource.NONE, blank=True)
    known = tuple(code for code in configured if code in installed) or ("eng",)
    desk = Desk(engine, known, installed)
    seen = [one for sheet in ready(bitmap) for one in _sheet(sheet, bitmap.dpi, desk)]
    words = sum(len(one.read.words) for one in seen)
    confidence = _mean([one.read for one in seen])
    if confidence < HOPELESS and words >= MANY_WORDS:
        raise Unreadable("illegible", f"mean confidence {confidence:.2f} of {words} words")
    from reading.unpack import clean

    texts = [clean(one.read.text) if one.read.confidence >= HOPELESS else "" for one in seen]
    text = "\n\n".join(filter(None, texts))
    if not text:
        return Page(0, "", TextSource.NONE, None, seen[0].rotation)
    most = max(seen, key=lambda one: _letters(one.read))
    return Page(
        0,
        text,
        TextSource.OCR,
        round(confidence, 4),
        most.rotation,
        language=languages.iso(most.models),
        form=next(filter(None, (_form(one, said, form) for one, said in zip(seen, texts, strict=True) if said)), None),
        codes=barcodes(bitmap.pixels, text),
    )


def line_models(models: Sequence[str], installed: frozenset[str]) -> list[tuple[str, ...]]:
    """The two models that read a line with figures in it: the page's own and another one for Latin letters.

    On a page in other letters both are for Latin letters: dates are written in the digits of the West there as well, and
    the models for those letters lose such digits when they stand alone.
    """
    latin: list[tuple[str, ...]] = [(code,) for code in FIGURES if code in installed and (code,) != tuple(models)]
    own = tuple(models)
    return [own, *latin[:1]] if languages.is_latin(models) else latin[:2] or [own]


def _form(seen: Seen, said: str, form: FormCheck) -> FormSeen | None:
    return form(said, seen.models, lambda: (seen.pixels, list(seen.read.words)))


def _sheet(pixels: Grey, dpi: int, desk: Desk) -> list[Seen]:
    """The page as it was read, or both pages that were printed side by side on it, in the order of reading."""
    turn = _quarter(pixels, dpi, desk)
    upright = straight(turned(pixels, turn))
    cut = gutter(upright)
    halves = [upright] if cut is None else [upright[:, :cut], upright[:, cut:]]
    seen = [_best(np.ascontiguousarray(half), dpi, desk, turn) for half in halves]
    surest = max(seen, key=lambda one: _worth(one.read))
    return seen if surest.rotation == turn else seen[::-1]


def _best(pixels: Grey, dpi: int, desk: Desk, turn: int) -> Seen:
    """The surest reading of a page that may lie on its head, in any script and language that is installed."""
    clean = unlined(pixels)
    seen = _upright(clean, dpi, desk, turn, may_ask=True)
    language = _other_language(seen, desk)
    again = desk.read(seen.pixels, dpi, (language,), seen.rotation) if language else seen
    best = again if again.read.confidence >= seen.read.confidence - 0.03 else seen
    if clean is pixels:
        return best
    # whoever looks at the page shall see the line: figures that it touched are doubtful, however well they read without it
    return dataclasses.replace(best, pixels=turned(pixels, (best.rotation - turn) % 360))


def _quarter(pixels: Grey, dpi: int, desk: Desk) -> int:
    """90 or 270 when the page lies on its side: Tesseract would read it, but its words would stand on their side too."""
    facing = desk.engine.orientation(pixels, dpi) if sideways(pixels) else None
    return facing.rotation if facing and facing.rotation in (90, 270) and facing.rotation_margin >= SURE_TURN else 0


def _upright(pixels: Grey, dpi: int, desk: Desk, turn: int, *, may_ask: bool) -> Seen:
    """The upper part in the first language, then the rest, or all again as the words of either part advise."""
    models = desk.configured[:1]
    at = quiet_row(pixels)
    top = desk.read(pixels[:at], dpi, models, turn)
    if may_ask and _is_strange(top.read, desk):
        return _asked(pixels, dpi, desk, turn, top if at == len(pixels) else None)
    language = languages.latin_language(top.read.text, desk.installed)
    if language is not None and language not in models:
        return desk.read(pixels, dpi, (language,), turn)
    if at == len(pixels):
        return top
    rest = desk.engine.recognise(pixels[at:], dpi, models)
    seen = Seen(pixels, joined(top.read, rest, at, len(pixels)), models, turn)
    # a line in Latin letters stands above many a page in another script: the fax machine's, the letterhead's
    return _asked(pixels, dpi, desk, turn, seen) if may_ask and _is_strange(rest, desk) else seen


def _is_strange(read: Recognised, desk: Desk) -> bool:
    """Whether this may be another script, or upside down: badly read, and without the little words of a Latin language."""
    if read.confidence < DOUBTFUL:
        return True
    return read.confidence < GOOD and languages.latin_language(read.text, desk.installed) is None


def _asked(pixels: Grey, dpi: int, desk: Desk, turn: int, so_far: Seen | None) -> Seen:
    """Poor reading: ask for orientation and script, read the page so; keep whichever reading is surest."""
    facing = desk.engine.orientation(pixels, dpi)
    rotation = facing.rotation if facing and facing.rotation_margin >= SURE_TURN else 0
    upright, whole = turned(pixels, rotation), (turn + rotation) % 360
    seen = _in_script(languages.BY_SCRIPT.get(facing.script, ()) if facing else (), upright, dpi, desk, whole)
    if _most(seen) < GOOD:
        known = so_far if not rotation else None
        seen.append(known or _upright(upright, dpi, desk, whole, may_ask=False))
    if _most(seen) < DOUBTFUL:  # orientation is guessed on noisy pages, now and then with a wide margin
        other = 0 if rotation else 180
        known = so_far if rotation else None
        seen.append(known or _upright(turned(pixels, other), dpi, desk, (turn + other) % 360, may_ask=False))
    # as is the script of short ones
    if _most(seen) < DOUBTFUL and (facing or any(len(one.read.words) >= SOME_WORDS for one in seen)):
        seen += _in_script(languages.EACH_SCRIPT, pixels, dpi, desk, turn)
    return max(seen, key=lambda one: _worth(one.read))


def _in_script(codes: Sequence[str], pixels: Grey, dpi: int, desk: Desk, turn: int) -> list[Seen]:
    """The page read by that model among `codes` which reads a piece of it best; nothing when none is installed."""
    able = [code for code in codes if code in desk.installed]
    for piece in (_below_the_head(pixels), pixels) if len(able) > 1 else ():
        reads = {code: desk.engine.recognise(piece, dpi, (code,)) for code in able}
        able.sort(key=lambda code: -_worth(reads[code]) * languages.likeness(code, reads[code].text))
        if _letters(reads[able[0]]) >= MANY_LETTERS:
            break
    return [desk.read(pixels, dpi, (code,), turn) for code in able[:1]]


def _below_the_head(pixels: Grey) -> Grey:
    """A piece of the page that begins after its first lines, which are names and titles in whatever script."""
    at = quiet_row(pixels)
    rest = pixels[at:] if at < len(pixels) else pixels
    return rest[: quiet_row(rest)]


def _most(seen: Sequence[Seen]) -> float:
    return max((_worth(one.read) for one in seen), default=0.0)


def _worth(read: Recognised) -> float:
    """Confidence, weighted down when hardly anything was read."""
    return read.confidence * min(1.0, _letters(read) / MANY_LETTERS)


def _letters(read: Recognised) -> int:
    return sum(languages.letters(word.text) for word in read.words)


def _other_language(seen: Seen, desk: Desk) -> str | None:
    """The language that the words are clearly in, when it is another one with the Latin script."""
    language = languages.latin_language(seen.read.text, desk.installed) if languages.is_latin(seen.models) else None
    return None if language in seen.models else language


def joined(top: Recognised, rest: Recognised, at: int, height: int) -> Recognised:
    """Two pieces of a page, cut at row `at`, as one."""

    def moved(words: tuple[Word, ...], above: int, tall: int) -> list[Word]:
        return [
            dataclasses.replace(word, top=(above + word.top * tall) / height, bottom=(above + word.bottom * tall) / height)
            for word in words
        ]

    words = moved(top.words, 0, at) + moved(rest.words, at, height - at)
    return Recognised("\n\n".join(text for text in (top.text, rest.text) if text), tuple(words), _mean([top, rest]))


def _mean(reads: Sequence[Recognised]) -> float:
    """Confidence of several pieces, weighted by how much each says."""
    weights = [sum(len(word.text) for word in read.words) for read in reads]
    return sum(weight * read.confidence for weight, read in zip(weights, reads, strict=True)) / max(sum(weights), 1)
