"""What was filled in on a returned form: each place of the registered blank measured after the blank is subtracted.

Observes only; what it means is judged in `classifiers.forms` (R7, R9, R10).  When unsure the look is `unclear`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from reading.align import Laid, lay, level, through
from reading.blanks import Blank
from reading.ink import FRAME, Grey, Mask, dark, filling, flat, rules
from reading.labels import AGREEMENT, DATE, SIGNATURE, Label, holds, labels, mirrored, plain, right_to_left
from reading.sheet import Own, Recognise, Sheet, own_ink
from reading.signatures import Seal
from reading.words import Word
from reading.zones import Ruled, bracketed, places
from records.model import FormSeen, Zone, ZoneSeen

SHARED = 0.3  # of a blank's words a page must share to be laid over it
LAID = 0.45  # of a blank's words in place: this is the form
AGREED = 0.6  # or of the page's words, when much of the page was not read
WORST = ("changed", "unread", "intact", "trusted")  # states of digital signatures
NEAR = 0.012  # of the page's height, that a signature's field may lie off its line
TRIED = 5  # blank pages that a page is laid over, the likeliest ones
ALIKE = 0.9  # of the likeliest one's shared words: another version perhaps, so it is tried as well
MOST_TRIED = 12  # blank pages at most, that a page is laid over
MARGIN = 0.08  # of the page's width, within which a line begins or ends with the others
SURELY = 0.8  # OCR confidence at which the words on a field's second line are taken
TOLD = 0.2  # words that tell two versions apart: "2024" for "2026" is a quarter of a word


def looks_like_form(text: str, blanks: Sequence[Blank]) -> bool:
    """Is a page with this text worth laying over the blanks?  Cheap: words only, no picture."""
    bare = plain(text)
    if holds(bare, SIGNATURE) and (holds(bare, AGREEMENT) or holds(bare, DATE)):
        return True
    mine = frozenset(bare.split())
    return any(_shared(mine, blank) >= SHARED for blank in blanks)


def observe(
    image: Grey,
    words: Sequence[Word],
    blanks: Sequence[Blank],
    recognise: Recognise | None = None,
    seals: Sequence[Seal] = (),
    number: int = 1,
) -> FormSeen | None:
    """Lay an upright grey page (rows × columns, any resolution) over the nearest blank and look at its places.

    `words` are the page's, in fractions of it.  Without a near blank the places are sought by labels alone (`form` None);
    None when the page has neither.  `recognise` reads one line's picture again where the page's words are unsure.
    `seals` are the digital signatures of the file whose page `number` this is.
    """
    found = _nearest(words, blanks)
    if found is None or not _is_it(found[1]):
        seen = _by_labels(image, words, len(blanks), found[1].match if found else 0.0, recognise)
        return replace(seen, sealed=True) if seen and seals else seen
    blank, laid, also = found
    sheet = Sheet(image, words, blank, laid, recognise)
    zones = tuple(sheet.seen(zone) for zone in blank.zones)
    zones, sealed = _sealed(zones, blank, laid, seals, number)
    zones = _continued(zones, blank)
    match = round(laid.match, 3)
    said = blank.name, blank.kind, blank.version, blank.page, blank.pages
    return FormSeen(*said, match, zones, len(blanks), sealed, also, blank.withdrawn)


def _continued(seen: Sequence[ZoneSeen], blank: Blank) -> tuple[ZoneSeen, ...]:
    """A highlight that ran on to the next line, as one field: a shorter text leaves its end empty, a longer one flows on."""
    kept: list[ZoneSeen] = []
    last: Zone | None = None
    for zone, now in zip(blank.zones, seen, strict=True):
        left = any(_holds_its_own(z) for z in (now, *kept[-1:]))
        if last is not None and not left and now.look != "pen" and _runs_on(last, zone, blank):
            sure = now.confidence is None or now.confidence >= SURELY
            kept[-1] = replace(
                kept[-1],
                text=f"{kept[-1].text} {now.text}".strip() if sure else kept[-1].text,
                placeholder=f"{kept[-1].placeholder} {now.placeholder}",
            )
            continue
        kept.append(now)
        last = zone
    return tuple(kept)


def _holds_its_own(zone: ZoneSeen) -> bool:
    """Does a word of the placeholder still stand in the field?"""
    return any(len(word) > 3 and word in plain(zone.text).split() for word in plain(zone.placeholder).split())


def _runs_on(first: Zone, then: Zone, blank: Blank) -> bool:
    """Does the one end where the lines of the page end, and the other begin the next line further out?"""
    if (first.kind, then.kind) != ("field", "field") or not blank.words:
        return False
    begin, end = min(w.left for w in blank.words), max(w.right for w in blank.words)
    if right_to_left(blank.words):
        outer = first.box[0] - begin < MARGIN and end - then.box[2] < MARGIN and first.box[2] < then.box[2] - MARGIN
    else:
        outer = end - first.box[2] < MARGIN and then.box[0] - begin < MARGIN and then.box[0] < first.box[0] - MARGIN
    tall = first.box[3] - first.box[1]
    return outer and 0 < then.box[1] - first.box[1] < 2.5 * tall


def _sealed(
    zones: Sequence[ZoneSeen], blank: Blank, laid: Laid, seals: Sequence[Seal], number: int
) -> tuple[tuple[ZoneSeen, ...], bool]:
    """The zones with the digital signatures whose fields lie in them; True when one lies in none of this page's.

    The worst state of several in one place counts.
    """
    seen, used = list(zones), 0
    size = np.array([blank.image.shape[1], blank.image.shape[0]], np.float64)
    for seal in sorted((s for s in seals if s.page == number), key=lambda s: WORST.index(s.state)):
        corners = through(laid.matrix, np.array([seal.box[:2], seal.box[2:]])) / size
        x, y = corners.mean(axis=0)
        for at, zone in enumerate(blank.zones):
            left, top, right, bottom = zone.box
            if zone.kind == "signature" and left <= x <= right and top - NEAR <= y <= bottom + NEAR:
                seen[at] = replace(seen[at], digital=seen[at].digital or seal.state)
                used += 1
                break
    return tuple(seen), used < len(seals)


def _shared(mine: frozenset[str], blank: Blank) -> float:
    theirs = {t for t in (plain(w.text) for w in blank.words) if len(t) > 3}
    return len(theirs & mine) / len(theirs) if theirs else 0.0


def _is_it(laid: Laid) -> bool:
    return laid.match >= LAID or (laid.agreed >= AGREED and len(laid.pairs) >= 40)


def _nearest(words: Sequence[Word], blanks: Sequence[Blank]) -> tuple[Blank, Laid, tuple[str, ...]] | None:
    """The blank page that explains most of the words, and the other forms that explain them as well.

    Versions of one form differ by a clause or by the date at its foot: what both say is counted for both, so that the words
    in which they differ decide.  Of those that no word tells apart, one that is still accepted is taken, the latest.
    """
    mine = frozenset(plain(w.text) for w in words)
    shares = sorted(((_shared(mine, blank), -i) for i, blank in enumerate(blanks)), reverse=True)
    likely = [
        blanks[-i]
        for place, (share, i) in enumerate(shares[:MOST_TRIED])
        if share >= SHARED / 2 and (place < TRIED or share >= ALIKE * shares[0][0])
    ]
    laid = [(blank, how) for blank in likely if (how := lay(words, blank.words, (blank.image.shape[1], blank.image.shape[0])))]
    if not laid:
        return None
    worth = {id(how): 2 * how.same / (len(words) + len(blank.words)) for blank, how in laid}
    best = max(worth.values())
    equal = [(b, how) for b, how in laid if (best - worth[id(how)]) * (len(words) + len(b.words)) / 2 <= TOLD]
    blank, how = max(equal, key=lambda each: (not each[0].withdrawn, each[0].version, worth[id(each[1])]))
    also = {b.name for b, _ in equal if b.page == blank.page and b.pages == blank.pages} - {blank.name}
    return blank, how, tuple(sorted(also))


# --- without a blank -------------------------------------------------------------------------------------------------


def _by_labels(image: Grey, words: Sequence[Word], compared: int, match: float, recognise: Recognise | None) -> FormSeen | None:
    """Places beside labels, with nothing to subtract but ruled lines and the labels themselves."""
    if not any(label.kind in ("signature", "date") for label in _named(words, image.shape[1] / image.shape[0])):
        return None
    picture, straight = level(image, words)
    size = FRAME, round(FRAME * image.shape[0] / image.shape[1])
    grey = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    ink = dark(flat(grey))
    lines = rules(ink)
    zones, asked = places(straight, ink, 1, lines), bracketed(straight, 1)
    if not zones and not asked:
        return None
    named = _named(straight, size[0] / size[1])
    own = [w for w in straight if _labelled(w, named)]
    blank = Blank("", "", "", "", 1, 1, tuple(own), grey, zones)
    nowhere = np.zeros((0, 2))
    laid = Laid(np.diag([float(size[0]), float(size[1]), 1.0]), 0.0, 0.0, (), nowhere, nowhere)
    sheet = Sheet(grey, [w for w in straight if not _labelled(w, named)], blank, laid, recognise, _own(own, ink, lines))
    seen = [sheet.seen(zone) for zone in zones if zone.kind != "field"]
    seen += [ZoneSeen(z.name, z.kind, 0.0, 0, 1.0, z.placeholder, None, z.placeholder, "print") for z in asked]
    return FormSeen(None, None, None, 1, 1, round(match, 3), tuple(seen), compared)


def _named(words: Sequence[Word], aspect: float) -> list[Label]:
    """The page's labels where they stand, whichever way its script runs."""
    if not right_to_left(words):
        return labels(words, aspect)
    return [
        replace(label, box=(1 - label.box[2], label.box[1], 1 - label.box[0], label.box[3]))
        for label in labels(mirrored(words, 1.0), aspect)
    ]


def _labelled(word: Word, named: Sequence[Label]) -> bool:
    """Does the word stand in one of the labels?"""
    x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in (label.box for label in named))


def _own(words: Sequence[Word], ink: Mask, lines: Sequence[Ruled]) -> Own:
    """What is surely the form's own: labels as blocks, rules as lines.  Nothing of it is looked for again."""
    ruled, (height, width) = np.zeros_like(ink), ink.shape
    for left, top, right, bottom in lines:
        ruled[max(0, top - 2) : bottom + 2, left:right] = 1
    printed = ruled | filling(ink, 1, 60)  # the upright sides of cells
    for word in words:
        rows = slice(max(0, round(word.top * height) - 2), round(word.bottom * height) + 2)
        printed[rows, max(0, round(word.left * width) - 2) : round(word.right * width) + 2] = 1
    return own_ink(printed, np.zeros_like(ink), ruled)
