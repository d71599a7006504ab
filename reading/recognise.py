"""One page's pixels to a `Page`: made ready, read, and read again only where the first pass says that it went wrong.

A pure function of the pixels and the settings: no page learns from another, so the order of work changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reading import languages
from reading.bitmap import Bitmap, Grey
from reading.limits import Unreadable
from reading.ocr import Engine, Orientation, Recognised
from reading.prepare import is_blank, ready, sideways, turned
from reading.words import Word
from records.model import FormSeen, Page, TextSource

FormCheck = Callable[[str, Sequence[str], Callable[[], tuple[Grey, list[Word]]]], FormSeen | None]

GOOD = 0.80  # mean confidence above which nobody asks whether the page lies on its side
HOPELESS = 0.35  # below, with many words claimed: illegible
MANY_WORDS = 15
SURE_TURN = 1.0  # orientation margin of Tesseract below which it is guessing


@dataclass(frozen=True, slots=True)
class Seen:
    """A page as it was read: pixels upright, words, the models that were used."""

    pixels: Grey
    read: Recognised
    models: tuple[str, ...]
    rotation: int = 0


def recognise(bitmap: Bitmap, engine: Engine, configured: Sequence[str], installed: frozenset[str], form: FormCheck) -> Page:
    """The page's text; raises `Unreadable("illegible")` when there is print and none of it can be read."""
    if is_blank(bitmap):
        return Page(0, "", TextSource.NONE, blank=True)
    known = tuple(code for code in configured if code in installed) or ("eng",)
    seen = _best(ready(bitmap), bitmap.dpi, engine, known, installed)
    read = seen.read
    if read.confidence < HOPELESS and len(read.words) >= MANY_WORDS:
        raise Unreadable("illegible", f"mean confidence {read.confidence:.2f} of {len(read.words)} words")
    from reading.unpack import clean

    text = clean(read.text) if read.confidence >= HOPELESS else ""
    return Page(
        0,
        text,
        TextSource.OCR if text else TextSource.NONE,
        round(read.confidence, 4) if text else None,
        seen.rotation,
        language=languages.iso(seen.models) if text else None,
        form=form(text, seen.models, lambda: (seen.pixels, list(read.words))) if text else None,
    )


def _best(pixels: Grey, dpi: int, engine: Engine, known: tuple[str, ...], installed: frozenset[str]) -> Seen:
    """First pass in the first language; if it is poor, turned and in the script seen there; then in its own language."""
    turn = _quarter(pixels, dpi, engine)
    upright = turned(pixels, turn)
    first = Seen(upright, engine.recognise(upright, dpi, known[:1]), known[:1], turn)
    if first.read.confidence < GOOD:
        first = _turn(first, dpi, engine, installed)
    return _in_its_language(first, dpi, engine, installed)


def _quarter(pixels: Grey, dpi: int, engine: Engine) -> int:
    """90 or 270 when the page lies on its side: Tesseract would read it, but its words would stand on their side too."""
    facing = engine.orientation(pixels, dpi) if sideways(pixels) else None
    return facing.rotation if facing and facing.rotation in (90, 270) and facing.rotation_margin >= SURE_TURN else 0


def _turn(first: Seen, dpi: int, engine: Engine, installed: frozenset[str]) -> Seen:
    """Ask for orientation and script; keep whichever reading is surer."""
    facing = engine.orientation(first.pixels, dpi)
    if facing is None:
        return first
    rotation = facing.rotation if facing.rotation_margin >= SURE_TURN else 0
    models = _models(facing, installed)
    if not rotation and not models:
        return first
    upright = turned(first.pixels, rotation)
    tries: list[tuple[str, ...]] = [(code,) for code in models] or [first.models]
    whole = (first.rotation + rotation) % 360
    seen = [Seen(upright, engine.recognise(upright, dpi, codes), codes, whole) for codes in tries]
    return max([first, *seen], key=lambda one: _worth(one.read))


def _models(facing: Orientation, installed: frozenset[str]) -> list[str]:
    return [code for code in languages.BY_SCRIPT.get(facing.script, ()) if code in installed]


def _worth(read: Recognised) -> float:
    """Confidence, weighted down when hardly anything was read."""
    return read.confidence * min(1.0, len(read.words) / MANY_WORDS)


def _in_its_language(seen: Seen, dpi: int, engine: Engine, installed: frozenset[str]) -> Seen:
    """A second pass when the words are clearly of another language with the Latin script."""
    if languages.iso(seen.models) not in ("en", "es", "pt", "fr", "de", "it", "nl", "tr"):
        return seen
    code = languages.latin_language(seen.read.text, installed)
    if code is None or code in seen.models:
        return seen
    again = Seen(seen.pixels, engine.recognise(seen.pixels, dpi, (code,)), (code,), seen.rotation)
    return again if again.read.confidence >= seen.read.confidence - 0.03 else seen
