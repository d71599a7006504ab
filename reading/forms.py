"""What was filled in on a returned form: each place of the registered blank measured after the blank is subtracted.

Observes only; what it means is judged in `classifiers.forms` (R7, R9, R10).  When unsure the look is `unclear`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from reading.align import Laid, lay, level, middles, through
from reading.blanks import Blank
from reading.ink import FRAME, MM, Grey, Mask, Stroke, crisp, crossing, dark, flat, look, rules, streaks, strokes
from reading.labels import AGREEMENT, DATE, SIGNATURE, holds, is_rule, labels, plain, rows
from reading.words import Word
from reading.zones import bracketed, places
from records.model import FormSeen, Zone, ZoneSeen

Recognise = Callable[[Grey], tuple[str, float]]  # one line's picture to its text and confidence 0..1

SHARED = 0.3  # of a blank's words a page must share to be laid over it
LAID = 0.45  # of a blank's words in place: this is the form
FOUND = 0.55  # of the blank's ink around a place found again: the place is where we think it is
SURE = 0.6  # OCR confidence at which a word is a word
PAD = round(10 * MM)


def looks_like_form(text: str, blanks: Sequence[Blank]) -> bool:
    """Is a page with this text worth laying over the blanks?  Cheap: words only, no picture."""
    bare = plain(text)
    if holds(bare, SIGNATURE) and (holds(bare, AGREEMENT) or holds(bare, DATE)):
        return True
    mine = set(bare.split())
    return any(_shared(mine, blank) >= SHARED for blank in blanks)


def observe(
    image: npt.NDArray[np.uint8], words: Sequence[Word], blanks: Sequence[Blank], recognise: Recognise | None = None
) -> FormSeen | None:
    """Lay an upright grey page (any resolution) over the nearest blank and look at its places.

    `words` are the page's, in fractions of it.  Without a near blank the places are sought by labels alone (`form` None);
    None when the page has neither.  `recognise` reads one line's picture again where the page's words are unsure.
    """
    found = _nearest(words, blanks)
    if found is not None and found[1].match >= LAID:
        return _against(image, words, *found, len(blanks), recognise)
    return _by_labels(image, words, blanks, found[1].match if found else 0.0, recognise)


def _shared(mine: set[str], blank: Blank) -> float:
    theirs = {t for t in (plain(w.text) for w in blank.words) if len(t) > 3}
    return len(theirs & mine) / len(theirs) if theirs else 0.0


def _nearest(words: Sequence[Word], blanks: Sequence[Blank]) -> tuple[Blank, Laid] | None:
    """The blank page that most of the words agree with, of the five that share the most words."""
    mine = {plain(w.text) for w in words}
    likely = sorted(((_shared(mine, b), i) for i, b in enumerate(blanks)), key=lambda pair: (-pair[0], pair[1]))[:5]
    laid = []
    for share, index in likely:
        blank = blanks[index]
        over = lay(words, blank.words, (blank.image.shape[1], blank.image.shape[0])) if share >= SHARED / 2 else None
        if over is not None:
            laid.append((blank, over))
    return max(laid, key=lambda pair: pair[1].match, default=None)


def _against(
    image: npt.NDArray[np.uint8], words: Sequence[Word], blank: Blank, laid: Laid, compared: int, recognise: Recognise | None
) -> FormSeen:
    sheet = Sheet(image, words, blank, laid, recognise)
    zones = tuple(sheet.seen(zone) for zone in blank.zones)
    return FormSeen(blank.name, blank.kind, blank.version, blank.page, blank.pages, round(laid.match, 3), zones, compared)


class Sheet:
    """A page in the blank's own frame: its ink, the blank's ink, and the words of both."""

    def __init__(
        self,
        image: npt.NDArray[np.uint8],
        words: Sequence[Word],
        blank: Blank,
        laid: Laid,
        recognise: Recognise | None,
        drawn: bool = True,
    ) -> None:
        self.blank, self.laid, self.words, self.recognise = blank, laid, words, recognise
        self.size = blank.image.shape[1], blank.image.shape[0]
        self.grey, self.there = _in_frame(image, laid.matrix, self.size)
        self.grey = flat(self.grey)
        self.ink = dark(self.grey)
        self.own = dark(flat(blank.image))
        self.crisp = all(w.confidence is None for w in words) or crisp(self.ink)
        self.firm = self.own & (1 - streaks(self.own))  # what must be found again; long rules may have gone as fax lines
        if not drawn:  # there is no real blank to find again
            self.firm = np.zeros_like(self.own)
        self.lines = np.zeros_like(self.own)
        for left, top, right, bottom in rules(self.own):
            self.lines[top:bottom, left:right] = self.own[top:bottom, left:right]
        self.cover = cv2.dilate(self.own, np.ones((7, 7), np.uint8)) | cv2.dilate(self.lines, np.ones((11, 9), np.uint8))
        self.spots = through(laid.matrix, middles(words))
        self.printed = {p for p, b in laid.pairs}

    def seen(self, zone: Zone) -> ZoneSeen:
        left, top, right, bottom = self._pixels(zone)
        dx, dy, found = self._settle(left, top, right, bottom)
        text, confidence = self._text(zone, dx, dy)
        shape, ink, span, count = self._look(zone, dx, dy)
        outside = not self._there(left + dx, top + dy, right + dx, bottom + dy)
        if zone.kind == "field":
            text, shape = self._field(zone, dx, dy, text, shape)
        elif shape == "empty" and zone.kind == "signature" and self._astray(zone, dx, dy):
            shape = "unclear"
        if (outside or found < FOUND) and not (text and confidence is None):
            shape = "unclear"
        if self._unread(zone, shape, text, confidence):
            text, confidence = self._again(zone, dx, dy, text, confidence)
        return ZoneSeen(zone.name, zone.kind, round(ink, 4), count, round(span, 3), text, confidence, zone.placeholder, shape)

    def _unread(self, zone: Zone, shape: str, text: str, confidence: float | None) -> bool:
        """Is something written here that deserves a second look?"""
        if self.recognise is None or zone.kind == "signature" or shape in ("empty", "line"):
            return False
        return not text if confidence is None else confidence < (0.97 if zone.kind == "date" else 0.8)

    # --- where -------------------------------------------------------------------------------------------------------

    def _pixels(self, zone: Zone) -> tuple[int, int, int, int]:
        width, height = self.size
        left, top, right, bottom = zone.box
        return round(left * width), round(top * height), round(right * width), round(bottom * height)

    def _there(self, left: int, top: int, right: int, bottom: int) -> bool:
        """Was this place on the picture at all?"""
        width, height = self.size
        if left < 0 or top < 0 or right > width or bottom > height:
            return False
        return bool(self.there[top:bottom, left:right].mean() > 0.97)

    def _settle(self, left: int, top: int, right: int, bottom: int) -> tuple[int, int, float]:
        """How far the page lies off around a place (pixels), and which share of the blank's ink there is found again."""
        near_x, near_y = self.laid.shift((left + right) / 2, (top + bottom) / 2)
        base_x, base_y = round(near_x), round(near_y)
        reach, wide, tall = 14, round(25 * MM), round(9 * MM)
        window = _cut(self.firm, left - wide, top - tall, right + wide, bottom + tall)
        around = _cut(self.ink, left - wide + base_x - reach, top - tall + base_y - reach, right + wide + base_x + reach, bottom + tall + base_y + reach)
        total = float(window.sum())
        if total < 60:
            return base_x, base_y, 1.0  # nothing printed near: the words must do
        distance = np.minimum(cv2.distanceTransform(1 - around, cv2.DIST_L2, 3), 6.0).astype(np.float32)
        cost = cv2.matchTemplate(distance, window.astype(np.float32), cv2.TM_CCORR)
        ys, xs = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        cost = cost / total + 0.004 * np.hypot(xs, ys)  # in doubt stay
        row, column = np.unravel_index(int(cost.argmin()), cost.shape)
        kept = distance[row : row + window.shape[0], column : column + window.shape[1]][window > 0]
        return base_x + int(column) - reach, base_y + int(row) - reach, float((kept < 3).mean())

    # --- what is drawn there -----------------------------------------------------------------------------------------

    def _shapes(self, box: tuple[int, int, int, int], dx: int, dy: int, cover: Mask, own: bool = False) -> list[Stroke]:
        """Shapes of added ink whose middle lies within `box` of the blank; `own`: the blank's words may stand there too."""
        left, top, right, bottom = box
        page = _cut(self.ink, left - PAD + dx, top - PAD + dy, right + PAD + dx, bottom + PAD + dy)
        under = _cut(cover, left - PAD, top - PAD, right + PAD, bottom + PAD)
        added = page & (1 - under)
        added |= crossing(added, under, page, 11)
        letters = self._letters(left - PAD + dx, top - PAD + dy, page.shape, own)
        wide, tall = right - left, bottom - top
        return [s for s in strokes(added, letters) if _within(s, PAD, wide, tall)]

    def _letters(self, left: int, top: int, shape: tuple[int, ...], own: bool) -> Mask:
        """The places of surely read words; the blank's only when `own`."""
        mask = np.zeros(shape, np.uint8)
        for index, word in enumerate(self.words):
            if (index in self.printed and not own) or not is_type(word):
                continue
            corners = through(self.laid.matrix, np.array([(word.left, word.top), (word.right, word.bottom)]))
            (x0, y0), (x1, y1) = (corners - (left, top)).round().astype(int)
            mask[max(0, y0 - 2) : max(0, y1 + 3), max(0, x0 - 2) : max(0, x1 + 3)] = 1
        return mask

    def _look(self, zone: Zone, dx: int, dy: int) -> tuple[str, float, float, int]:
        box = left, top, right, bottom = self._pixels(zone)
        cover = self.lines if zone.kind == "field" else self.cover
        if zone.kind == "field":
            cover = cv2.dilate(cover, np.ones((11, 9), np.uint8))
        shapes = self._shapes(box, dx, dy, cover, zone.kind == "field")
        share = sum(s.area for s in shapes) / max(1, (right - left) * (bottom - top))
        span = (max(s.left + s.width for s in shapes) - min(s.left for s in shapes)) / max(1, right - left) if shapes else 0.0
        return look(shapes, self.crisp), min(1.0, share), min(1.0, span), len(shapes)

    def _astray(self, zone: Zone, dx: int, dy: int) -> bool:
        """Is there writing close to an empty signature place and in no other place?"""
        left, top, right, bottom = self._pixels(zone)
        wide, tall = round(25 * MM), round(12 * MM)
        box = left - wide, top - tall, right + wide, bottom + tall
        others = [self._pixels(z) for z in self.blank.zones if z != zone]
        shapes = []
        for shape in self._shapes(box, dx, dy, self.cover):
            x, y = box[0] - PAD + shape.left + shape.width / 2, box[1] - PAD + shape.top + shape.height / 2
            if shape.winding > 1.3 and not any(o[0] - MM < x < o[2] + MM and o[1] - 4 * MM < y < o[3] + 2 * MM for o in others):
                shapes.append(shape)
        return look(shapes, self.crisp) in ("pen", "unclear") and any(s.worded < 0.6 and s.length > 15 * MM for s in shapes)

    # --- what is written there ---------------------------------------------------------------------------------------

    def _text(self, zone: Zone, dx: int, dy: int) -> tuple[str, float | None]:
        if zone.kind == "field":
            between = self._between(zone)
            if between is not None:
                return _joined(between)
        left, top, right, bottom = self._pixels(zone)
        free = [i for i, w in enumerate(self.words) if not is_rule(w.text) and (zone.kind == "field" or i not in self.printed)]
        spots = self.spots - (dx, dy)
        inside = [i for i in free if left - 3 < spots[i][0] < right + 3 and top - 3 < spots[i][1] < bottom + 3]
        if zone.kind in ("date", "role"):
            self._go_on(inside, free)
        return _joined([w for row in rows([self.words[i] for i in inside]) for w in row])

    def _go_on(self, inside: list[int], free: Sequence[int]) -> None:
        """Add the words that follow on the row beyond the end of a short line."""
        for index in inside:  # grows as it goes
            word = self.words[index]
            for other in free:
                near = self.words[other]
                level = word.top < (near.top + near.bottom) / 2 < word.bottom
                if other not in inside and level and 0 <= near.left - word.right < 0.012:
                    inside.append(other)

    def _between(self, zone: Zone) -> list[Word] | None:
        """What the page has between the blank's words before and after the placeholder: text may have flowed on."""
        theirs = [w for row in rows(self.blank.words) for w in row]
        place = {id(w): i for i, w in enumerate(theirs)}
        mine = [w for row in rows(self.words) for w in row]
        rank = {id(w): i for i, w in enumerate(mine)}
        width, height = self.size
        left, top, right, bottom = self._pixels(zone)
        held = [
            i
            for i, w in enumerate(theirs)
            if left - 2 <= (w.left + w.right) / 2 * width <= right + 2 and top - 2 <= (w.top + w.bottom) / 2 * height <= bottom + 2
        ]
        if not held:
            return None
        known = {place[id(self.blank.words[b])]: rank[id(self.words[p])] for p, b in self.laid.pairs}
        before = next((known[i] for i in range(held[0] - 1, max(-1, held[0] - 4), -1) if i in known), None)
        after = next((known[i] for i in range(held[-1] + 1, held[-1] + 4) if i in known), None)
        if before is None or after is None or not 0 < after - before <= 60:
            return None
        skipped = {plain(theirs[i].text) for i in (*range(max(0, held[0] - 4), held[0]), *range(held[-1] + 1, min(len(theirs), held[-1] + 5)))}
        words = mine[before + 1 : after]
        while words and plain(words[0].text) in skipped:
            words = words[1:]
        while words and plain(words[-1].text) in skipped:
            words = words[:-1]
        return [w for w in words if not is_rule(w.text)]

    def _field(self, zone: Zone, dx: int, dy: int, text: str, shape: str) -> tuple[str, str]:
        """A field keeps its placeholder's words when its very ink is still there, read or not."""
        if text or not zone.placeholder:
            return text, shape
        left, top, right, bottom = self._pixels(zone)
        wanted = _cut(self.own, left, top, right, bottom)
        page = _cut(self.ink, left + dx, top + dy, right + dx, bottom + dy)
        if not wanted.sum():
            return text, shape
        kept = (cv2.dilate(page, np.ones((3, 3), np.uint8)) & wanted).sum() / wanted.sum()
        added = (page & (1 - cv2.dilate(wanted, np.ones((5, 5), np.uint8)))).sum() / wanted.sum()
        return (zone.placeholder, "print") if kept > 0.75 and added < 0.25 else (text, shape)

    def _again(self, zone: Zone, dx: int, dy: int, text: str, confidence: float | None) -> tuple[str, float | None]:
        """Read one place by itself, the blank's print painted over."""
        assert self.recognise is not None
        left, top, right, bottom = self._pixels(zone)
        crop = _cut(self.grey, left + dx, top + dy, right + dx, bottom + dy, 255).copy()
        if zone.kind != "field":
            crop[_cut(self.cover, left, top, right, bottom) > 0] = 255
        inked = np.flatnonzero((crop < 180).sum(axis=1) > 2)
        crop = crop[max(0, inked[0] - 10) : inked[-1] + 10] if len(inked) else crop
        crop = np.pad(cv2.resize(crop, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), 20, constant_values=255)
        again, sure = self.recognise(np.asarray(crop, np.uint8))
        return (again.strip(), round(sure, 3)) if again.strip() and sure > (confidence or 0.0) else (text, confidence)


def is_type(word: Word) -> bool:
    """A word that was surely typed: from a text layer, or read with confidence and word-like."""
    if word.confidence is None:
        return True
    letters = sum(c.isalnum() for c in word.text)
    return letters >= 2 and word.confidence >= (SURE if letters < 5 else SURE - 0.15)


def _within(shape: Stroke, pad: int, wide: int, tall: int) -> bool:
    x, y = shape.left + shape.width / 2 - pad, shape.top + shape.height / 2 - pad
    return -MM < x < wide + MM and -2 * MM < y < tall + MM


def _joined(words: Sequence[Word]) -> tuple[str, float | None]:
    """Words as one text, with the mean of their confidences weighted by length."""
    text = " ".join(w.text.strip("_") for w in words).strip()
    known = [(w.confidence, len(w.text)) for w in words if w.confidence is not None]
    if not known:
        return text, None
    return text, round(sum(c * n for c, n in known) / sum(n for _, n in known), 3)


def _cut(array: npt.NDArray[np.uint8], left: int, top: int, right: int, bottom: int, beyond: int = 0) -> npt.NDArray[np.uint8]:
    """A crop that may reach over the edge, where `beyond` stands."""
    height, width = array.shape
    cut = np.full((max(0, bottom - top), max(0, right - left)), beyond, np.uint8)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, right), min(height, bottom)
    if x0 < x1 and y0 < y1:
        cut[y0 - top : y1 - top, x0 - left : x1 - left] = array[y0:y1, x0:x1]
    return cut


def _in_frame(image: npt.NDArray[np.uint8], matrix: npt.NDArray[np.float64], size: tuple[int, int]) -> tuple[Grey, Mask]:
    """The page drawn in the blank's frame without scanner's streaks, and which pixels of the frame it covers."""
    across, down = matrix[0, 0] / matrix[2, 2], matrix[1, 1] / matrix[2, 2]
    target = min(image.shape[1], round(across * 1.1)), min(image.shape[0], round(down * 1.1))
    small = cv2.resize(image, target, interpolation=cv2.INTER_AREA)
    small = _unstreaked(np.asarray(small, np.uint8))
    to_frame = matrix @ np.diag([1 / target[0], 1 / target[1], 1.0])
    flat = cv2.warpPerspective(small, to_frame, size, flags=cv2.INTER_LINEAR, borderValue=(255,))
    there = cv2.warpPerspective(np.ones_like(small), to_frame, size, flags=cv2.INTER_NEAREST, borderValue=(0,))
    return np.asarray(flat, np.uint8), np.asarray(there, np.uint8)


def _unstreaked(grey: Grey) -> Grey:
    """The page without the lines that scanners draw over it; writing that crosses them is kept whole."""
    ink = dark(flat(grey))
    gone = streaks(ink)
    if not gone.any():
        return grey
    gone &= 1 - crossing(ink & (1 - gone), gone, ink, 5)
    return np.where(gone > 0, np.uint8(255), grey)


# --- without a blank ---------------------------------------------------------------------------------------------------


def _by_labels(
    image: npt.NDArray[np.uint8], words: Sequence[Word], blanks: Sequence[Blank], match: float, recognise: Recognise | None
) -> FormSeen | None:
    """Places beside labels, with nothing to subtract but ruled lines and the labels themselves."""
    if not any(label.kind in ("signature", "date") for label in labels(words, image.shape[1] / image.shape[0])):
        return None
    picture, straight = level(image, words)
    height = round(FRAME * image.shape[0] / image.shape[1])
    grey = np.asarray(cv2.resize(picture, (FRAME, height), interpolation=cv2.INTER_AREA), np.uint8)
    grey = _unstreaked(grey)
    ink = dark(flat(grey))
    zones = places(straight, ink, 1)
    asked = bracketed(straight, 1)
    if not zones and not asked:
        return None
    lines = np.zeros_like(ink)
    for left, top, right, bottom in rules(ink):
        lines[max(0, top - 2) : bottom + 2, left:right] = 1
    named = labels(straight, FRAME / height)
    own = [w for w in straight if any(_inside(w, label.box) for label in named)]
    blank = Blank("", "", "", "", 1, 1, tuple(own), _paper(height, own, lines), tuple(zones))
    laid = Laid(np.diag([float(FRAME), float(height), 1.0]), 0.0, (), np.zeros((0, 2)), np.zeros((0, 2)))
    labelled = {id(w) for w in own}
    rest = [w for w in straight if id(w) not in labelled]
    sheet = Sheet(np.asarray(grey, np.uint8), rest, blank, laid, recognise, drawn=False)
    seen = [sheet.seen(zone) for zone in zones if zone.kind != "field"]
    seen += [ZoneSeen(z.name, z.kind, 0.0, 0, 1.0, z.placeholder, None, z.placeholder, "print") for z in asked]
    return FormSeen(None, None, None, 1, 1, round(match, 3), tuple(seen), compared=len(blanks))


def _inside(word: Word, box: tuple[float, float, float, float]) -> bool:
    return box[0] - 1e-6 <= (word.left + word.right) / 2 <= box[2] + 1e-6 and box[1] - 1e-6 <= (word.top + word.bottom) / 2 <= box[3] + 1e-6


def _paper(height: int, own: Sequence[Word], lines: Mask) -> Grey:
    """White paper with what is surely printed on it: labels as blocks, rules as lines."""
    paper = np.full((height, FRAME), 255, np.uint8)
    paper[lines > 0] = 0
    for word in own:
        left, right = round(word.left * FRAME) - 2, round(word.right * FRAME) + 2
        paper[max(0, round(word.top * height) - 2) : round(word.bottom * height) + 2, max(0, left) : right] = 0
    return paper
