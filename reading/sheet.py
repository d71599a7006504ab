"""A returned page in the frame of its blank: one place at a time, what was added there and what it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from reading.again import CERTAIN, DISPUTED, SURE, Reading, agreed, alike, date_part, words_of
from reading.align import Laid, middles, through
from reading.blanks import Blank
from reading.ink import (
    MM,
    Grey,
    Mask,
    Stroke,
    crossing,
    dark,
    flat,
    grown,
    level_runs,
    look,
    on_the_line,
    rules,
    streaks,
    streaks_apart,
    strokes,
    turned,
    unruled,
    widest_type,
)
from reading.labels import is_rule, plain, read_rows
from reading.words import Word
from records.model import Zone, ZoneSeen


class Recognise(Protocol):
    """One line's picture to its text and confidence (0..1), by one model after another as far as they are asked for.

    `digits`: a date is in it, so that models for other letters have a say as well.
    """

    def __call__(self, line: Grey, /, digits: bool = False) -> Iterator[Reading]: ...


Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels of the blank

FOUND = 0.55  # share of the blank's ink around a place that must be found again: else the place is not where we think
STRUCK = 0.4  # what is left of the confidence in words that a line runs through
PITCH = 1.2  # letters of type are hardly wider than they are high
LOW, DENSE = 6.5 * MM, 2.2  # height of a large name in type, and how many times longer its line is than its width
PLAIN = 0.8  # confidence at which a word is type even when its letters hang together
FAINT = 0.5  # of the print's darkness: what is paler did not come from a pen on this side of the paper
AROUND = 9  # pixels of paper around what is read
SIZES = (1.5, 2.5)  # times the frame's, at which a place is read by itself
REACH = 14  # pixels: how far a place is moved about to fit the blank's ink
PAD = round(10 * MM)
NEXT = 2.5 * MM  # a wider gap parts two texts


@dataclass(frozen=True, eq=False)
class Own:
    """The ink that the form itself has."""

    ink: Mask
    firm: Mask  # what must be found again; long rules may have gone with the fax lines
    lines: Mask  # ruled lines, and what is close to them
    print: Mask  # all else, and what is close to it
    cover: Mask  # both


@lru_cache(maxsize=4)  # 10 MB each; pages of one form come one after another
def _own(blank: Blank) -> Own:
    ink = dark(flat(blank.image))
    lines = np.zeros_like(ink)
    for left, top, right, bottom in rules(ink):
        lines[top:bottom, left:right] = ink[top:bottom, left:right]
    return own_ink(ink, ink & (1 - streaks(ink)), lines)


def own_ink(ink: Mask, firm: Mask, lines: Mask) -> Own:
    """A form's own ink, of which `lines` are ruled."""
    lines = grown(lines, 9, 11)
    return Own(ink, firm, lines, grown(ink & (1 - lines), 7, 7), grown(ink, 7, 7) | lines)


class Sheet:
    """A page, its blank, and how the one lies over the other.

    `own` is given where there is no blank, only labels and rules standing for one.
    """

    def __init__(
        self, image: Grey, words: Sequence[Word], blank: Blank, laid: Laid, recognise: Recognise | None, own: Own | None = None
    ) -> None:
        self.blank, self.laid, self.words, self.recognise = blank, laid, words, recognise
        self.size = blank.image.shape[1], blank.image.shape[0]
        self.image = image
        grey, self.there, struck, lost = _in_frame(image, laid.matrix, self.size)
        own = own or _own(blank)
        self.own, self.firm, self.lines, self.print, self.cover = own.ink, own.firm, own.lines, own.print, own.cover
        self.grey, more, too = unstreaked(grey, self.lines)  # once more: on a page that came askew they lie level only here
        self.struck, self.lost = struck | more, lost | too
        self.ink = dark(self.grey)
        layered = all(w.confidence is None for w in words)
        self.type_width = 0.0 if layered else widest_type(self.ink)  # 0: all type is known from the text layer
        self.corners = [_corners(laid.matrix, w) for w in words]
        self.spots = through(laid.matrix, middles(words))
        self.placed = [
            replace(w, left=x0, top=y0, right=x1, bottom=y1) for w, ((x0, y0), (x1, y1)) in zip(words, self.corners, strict=True)
        ]
        self.printed = {p for p, b in laid.pairs}

    def seen(self, zone: Zone) -> ZoneSeen:
        """Measure one place."""
        box = self._pixels(zone)
        dx, dy, found = self._settle(box)
        standing, anchored = self._standing(zone, box, dx, dy)
        if zone.kind == "field" and not standing:  # what is below may have flowed on, what is above has not
            stayed = self._settle(box, above=True)
            if again := self._standing(zone, box, *stayed[:2])[0]:
                (dx, dy, found), standing = stayed, again
        text, confidence = _joined([self.words[i] for i in standing])
        where = self._around(standing, box, dx, dy, alone=zone.kind == "field")
        shapes = self._shapes(where, dx, dy, field=zone.kind == "field")
        shape = look(shapes, self.type_width)
        if zone.kind == "signature" and shape == "empty" and self._astray(zone, box, dx, dy):
            shape = "unclear"
        if (
            zone.kind == "signature"
            and shape == "pen"
            and (self._faint(where, dx, dy) or self._reads_as_type(box, dx, dy, shapes) or self._like_letters(text, shapes))
        ):
            shape = "unclear"
        placed = anchored or (found >= FOUND and self._there(box, dx, dy))
        if not placed:
            shape = "unclear"
        if self._unread(zone, shape, text, confidence):
            text, confidence = self._again(zone, self._around(standing, box, dx, dy), dx, dy, standing)
        if confidence is not None and (self._struck(where, dx, dy) or self._cut_through(standing)):
            confidence = min(confidence, STRUCK)
        if zone.kind == "field" and not text and self._untouched(zone, box, dx, dy):
            text, shape = zone.placeholder, "print"
        elif zone.kind == "field" and self.type_width and placed:
            shape = self._typed_or_not(shape, confidence, shapes, box)
        ink, span = _measures(shapes, box)
        return ZoneSeen(zone.name, zone.kind, ink, len(shapes), span, text, confidence, zone.placeholder, shape)

    # --- where -------------------------------------------------------------------------------------------------------

    def _pixels(self, zone: Zone) -> Box:
        (width, height), (left, top, right, bottom) = self.size, zone.box
        return round(left * width), round(top * height), round(right * width), round(bottom * height)

    def _there(self, box: Box, dx: int, dy: int) -> bool:
        """Was this place on the picture at all?"""
        left, top, right, bottom = box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy
        if left < 0 or top < 0 or right > self.size[0] or bottom > self.size[1]:
            return False
        return bool(self.there[top:bottom, left:right].mean() > 0.97)

    def _settle(self, box: Box, above: bool = False) -> tuple[int, int, float]:
        """How far the page lies off around a place (pixels), and which share of the blank's ink there is found again."""
        near_x, near_y = self.laid.shift((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, above=above)
        base_x, base_y = round(near_x), round(near_y)
        wider = _wider(box, round(25 * MM), round(9 * MM))
        window = _cut(self.firm, wider)
        total = float(window.sum())
        if total < 60:
            return base_x, base_y, 1.0  # nothing printed near: the words must do
        around = _cut(self.ink, _wider(wider, REACH, REACH), base_x, base_y)
        distance = np.minimum(cv2.distanceTransform(1 - around, cv2.DIST_L2, 3), 6.0).astype(np.float32)
        cost = cv2.matchTemplate(distance, window.astype(np.float32), cv2.TM_CCORR)
        ys, xs = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
        row, column = divmod(int((cost / total + 0.004 * np.hypot(xs, ys)).argmin()), 2 * REACH + 1)  # in doubt stay
        stays = window.copy()  # what a sender is asked to replace may be gone
        for zone in self.blank.zones:
            if zone.kind == "field":
                left, top, right, bottom = self._pixels(zone)
                stays[max(0, top - wider[1]) : max(0, bottom - wider[1]), max(0, left - wider[0]) : max(0, right - wider[0])] = 0
        kept = distance[row : row + window.shape[0], column : column + window.shape[1]][stays > 0]
        return base_x + column - REACH, base_y + row - REACH, float((kept < 3).mean()) if kept.size >= 60 else 1.0

    def _around(self, standing: Sequence[int], box: Box, dx: int, dy: int, alone: bool = False) -> Box:
        """The place with the words that stand in it; `alone`: where these words are, if there are any."""
        boxes = [] if alone and standing else [box]
        for index in standing:
            (left, top), (right, bottom) = self.corners[index] - (dx, dy)
            boxes.append((round(left), round(top), round(right), round(bottom)))
        sides = np.array(boxes)
        return int(sides[:, 0].min()), int(sides[:, 1].min()), int(sides[:, 2].max()), int(sides[:, 3].max())

    # --- what is drawn there -----------------------------------------------------------------------------------------

    def _shapes(self, box: Box, dx: int, dy: int, field: bool = False) -> list[Stroke]:
        """Shapes of added ink whose middle lies in `box`.  In a field nothing is subtracted but rules."""
        wide = _wider(box, PAD, PAD)
        page, under = _cut(self.ink, wide, dx, dy), _cut(self.lines if field else self.cover, wide)
        added = page & (1 - under)
        if not field:
            added |= on_the_line(added, page & _cut(self.lines, wide) & (1 - _cut(self.print, wide)))
        added |= crossing(added, under, page, 11)
        letters = np.zeros(added.shape, np.uint8)
        for index in range(len(self.words)):
            if (field or index not in self.printed) and self._is_type(index) and (field or not self._in_one_stroke(index)):
                (x0, y0), (x1, y1) = (self.corners[index] - (wide[0] + dx, wide[1] + dy)).round().astype(int).tolist()
                letters[max(0, y0 - 2) : max(0, y1 + 3), max(0, x0 - 2) : max(0, x1 + 3)] = 1
        width, height = box[2] - box[0], box[3] - box[1]
        return [s for s in strokes(added, letters) if _within(s, PAD, width, height)]

    def _is_type(self, index: int) -> bool:
        """A word that was surely typed; a scribble is also read as some word, but as one whose letters would be too wide."""
        word = self.words[index]
        wide, tall = self.corners[index][1] - self.corners[index][0]
        return is_type(word) and (word.confidence is None or wide <= PITCH * tall * len(word.text))

    def _in_one_stroke(self, index: int) -> bool:
        """Is what was read as a word, and none too surely, one shape even without the lines through it?  Type is many."""
        if not self.type_width or (self.words[index].confidence or 0.0) >= PLAIN:
            return False
        (left, top), (right, bottom) = self.corners[index].round().astype(int).tolist()
        part = _cut(self.ink, (left - 2, top - 2, right + 3, bottom + 3))
        return bool(part.size) and self._holds_together(unruled(part, level_runs(part)))

    def _holds_together(self, bare: Mask) -> bool:
        """Is there one shape over most of the ink's width, wider than type gets on this page?"""
        _, _, stats, _ = cv2.connectedComponentsWithStats(bare, connectivity=8)
        across = np.flatnonzero(bare.any(axis=0))
        widest = int(stats[1:, cv2.CC_STAT_WIDTH].max(initial=0))
        return len(across) > 0 and widest > max(1.5 * self.type_width, 0.5 * float(np.ptp(across)))

    def _struck(self, where: Box, dx: int, dy: int) -> bool:
        """Does a scanner's level line run through the words of a place?  Then their letters are not surely read."""
        lines = _cut(self.struck & (1 - self.lines), _wider(where, 0, -3), dx, dy)
        return bool(lines.size and lines.any(axis=0).mean() > 0.3)

    def _cut_through(self, standing: Sequence[int]) -> bool:
        """Does a scanner's upright line run through figures?  They read as others then, with the line and without it."""
        for index in standing:
            if any(c.isdigit() for c in self.words[index].text):
                (left, top), (right, bottom) = self.corners[index].round().astype(int).tolist()
                lines = _cut(self.struck & (1 - self.lines), (left, top + 2, right, bottom - 2))
                if lines.size and lines.mean(axis=0).max() > 0.5:
                    return True
        return False

    def _astray(self, zone: Zone, box: Box, dx: int, dy: int) -> bool:
        """Is there writing close to an empty signature place and in no other place?"""
        wide = _wider(box, round(25 * MM), round(12 * MM))
        others = [self._pixels(z) for z in self.blank.zones if z != zone]
        shapes = []
        for shape in self._shapes(wide, dx, dy):
            x, y = wide[0] - PAD + shape.left + shape.width / 2, wide[1] - PAD + shape.top + shape.height / 2
            elsewhere = any(o[0] - MM < x < o[2] + MM and o[1] - 4 * MM < y < o[3] + 2 * MM for o in others)
            if shape.winding > 1.3 and not elsewhere:
                shapes.append(shape)
        unread = any(s.worded < 0.6 and s.length > 15 * MM for s in shapes)
        return unread and look(shapes, self.type_width) in ("pen", "unclear")

    def _faint(self, where: Box, dx: int, dy: int) -> bool:
        """Is the ink much paler than the form's own print, as what shines through from the back is?"""
        drawn = _cut(self.ink, where, dx, dy) & (1 - _cut(self.cover, where))
        printed = self.grey[(self.ink & self.own) > 0]
        if not drawn.any() or not printed.size:
            return False
        pen, print_ = (255 - float(np.percentile(g, 20)) for g in (_cut(self.grey, where, dx, dy)[drawn > 0], printed))
        return pen < FAINT * print_

    def _reads_as_type(self, box: Box, dx: int, dy: int, shapes: Sequence[Stroke]) -> bool:
        """Is what looks like writing a typed name with a line under or through it, on paper that was scanned?"""
        low = max(s.height for s in shapes) <= 6 * MM
        if self.recognise is None or not self.type_width or not (low or any(s.strung for s in shapes)):
            return False
        wide = _wider(box, 0, round(2 * MM))
        page, under = _cut(self.ink, wide, dx, dy), _cut(self.cover, wide)
        added = np.asarray(page & (1 - under), np.uint8)
        bare = unruled(added, level_runs(added))
        across, down = (np.flatnonzero(bare.sum(axis=axis) > 1) for axis in (0, 1))
        for text, sure in self.recognise(_enlarged(np.where(bare > 0, np.uint8(0), np.uint8(255)))):
            letters = sum(c.isalpha() for c in text)
            if letters >= 6 and sure >= SURE and np.ptp(across) <= PITCH * np.ptp(down) * len(text):
                return sure >= PLAIN or not self._holds_together(bare)
        return False

    def _like_letters(self, text: str, shapes: Sequence[Stroke]) -> bool:
        """Is it as low and dense as a typed name that a wavy line holds together, and was it read as that many letters?"""
        letters, whole = sum(c.isalpha() for c in text), max(shapes, key=lambda shape: shape.length)
        if letters < 3 or whole.width < 20 * MM or whole.height > LOW or whole.length < 0.85 * sum(s.length for s in shapes):
            return False
        return whole.length > DENSE * whole.width and whole.width < whole.height * (letters + 1.2)

    def _typed_or_not(self, shape: str, confidence: float | None, shapes: Sequence[Stroke], box: Box) -> str:
        """On scanned paper: what OCR read with certainty at type's size was typed, what is larger may be a careful hand's."""
        if shape in ("print", "unclear") and self._larger(shapes, box):
            return "unclear"
        return "print" if shape == "unclear" and (confidence or 0.0) >= CERTAIN else shape

    def _larger(self, shapes: Sequence[Stroke], box: Box) -> bool:
        """Are the letters much higher than the placeholder's?  Then a careful hand may have written them."""
        printed = [s.height for s in strokes(_cut(self.own, box), np.zeros_like(_cut(self.own, box))) if s.height > MM]
        here = [s.height for s in shapes if s.height > MM]
        return len(printed) > 5 and len(here) > 5 and bool(np.percentile(here, 75) > 1.3 * np.percentile(printed, 75))

    def _untouched(self, zone: Zone, box: Box, dx: int, dy: int) -> bool:
        """Is the placeholder's very ink still there, though nothing was read?"""
        wanted, page = _cut(self.own, box), _cut(self.ink, box, dx, dy)
        if not zone.placeholder or not wanted.any():
            return False
        kept = (grown(page, 3, 3) & wanted).sum() / wanted.sum()
        added = (page & (1 - grown(wanted, 5, 5))).sum() / wanted.sum()
        return bool(kept > 0.9 and added < 0.15)

    # --- what is written there ---------------------------------------------------------------------------------------

    def _standing(self, zone: Zone, box: Box, dx: int, dy: int) -> tuple[list[int], bool]:
        """The words that stand in a place, in reading order; True: found between the blank's words before and after."""
        if zone.kind == "field":
            between = self._between(box)
            if between:
                return between, True
        free = [i for i, w in enumerate(self.words) if not is_rule(w.text) and (zone.kind == "field" or i not in self.printed)]
        spots, (left, top, right, bottom) = self.spots - (dx, dy), _wider(box, 3, 3)
        inside = [i for i in free if left < spots[i][0] < right and top < spots[i][1] < bottom]
        if zone.kind in ("date", "role"):
            others = [self._pixels(z) for z in self.blank.zones if z != zone]
            mine = [i for i in free if not any(o[0] < spots[i][0] < o[2] and o[1] < spots[i][1] < o[3] for o in others)]
            self._go_on(inside, mine)
        return [inside[n] for n in _reading_order([self.placed[i] for i in inside])], False

    def _go_on(self, inside: list[int], free: Sequence[int]) -> None:
        """Add the words that follow on the row beyond the end of a short line."""
        for index in inside:  # grows as it goes
            word = self.placed[index]
            for other in free:
                near = self.placed[other]
                level = word.top < (near.top + near.bottom) / 2 < word.bottom
                if other not in inside and level and -2 <= near.left - word.right < NEXT:
                    inside.append(other)

    def _between(self, box: Box) -> list[int]:
        """What the page has between the blank's words before and after a placeholder: edited text may have flowed on."""
        theirs, mine = _reading_order(self.blank.words), _reading_order(self.placed)
        spots = middles([self.blank.words[i] for i in theirs]) * self.size
        left, top, right, bottom = _wider(box, 2, 2)
        held = [n for n, (x, y) in enumerate(spots) if left <= x <= right and top <= y <= bottom]
        if not held:
            return []
        place, rank = {i: n for n, i in enumerate(theirs)}, {i: n for n, i in enumerate(mine)}
        known = {place[b]: rank[p] for p, b in self.laid.pairs}
        before = next((n for n in range(held[0] - 1, max(-1, held[0] - 4), -1) if n in known), None)
        after = next((n for n in range(held[-1] + 1, held[-1] + 4) if n in known), None)
        if before is None or after is None or not 0 < known[after] - known[before] <= 60:
            return []
        found = mine[known[before] + 1 : known[after]]
        ahead = [plain(self.blank.words[theirs[n]].text) for n in range(before + 1, held[0])]
        behind = [plain(self.blank.words[theirs[n]].text) for n in range(held[-1] + 1, after)]
        while found and _alike(plain(self.words[found[0]].text), ahead):
            found = found[1:]
        while found and _alike(plain(self.words[found[-1]].text), behind):
            found = found[:-1]
        return [i for i in found if not is_rule(self.words[i].text)]

    def _unread(self, zone: Zone, shape: str, text: str, confidence: float | None) -> bool:
        """Is something written here that deserves a second look?  A recognised date does in any case."""
        if self.recognise is None or zone.kind == "signature" or shape in ("empty", "line"):
            return False
        if confidence is None:
            return not text
        return zone.kind == "date" or confidence < CERTAIN or any(c.isdigit() for c in text)

    def _again(self, zone: Zone, box: Box, dx: int, dy: int, standing: Sequence[int]) -> tuple[str, float | None]:
        """Read one place by itself, without the blank's print and the scanner's lines.

        What has a date in it is believed where the page's words and these readings agree; of other text the surer reading.
        """
        text, confidence = _joined([self.words[i] for i in standing])
        page = text, self._sure_of_date(zone, standing, confidence)
        foreign = zone.kind == "field" and page[1] < SURE and any(c > "\u024f" for c in text)
        if foreign and (latin := self._in_latin(zone, box, dx, dy)):
            return latin
        if zone.kind == "date" or any(c.isdigit() for c in text):
            foreign = any(c.isalpha() and c > "\u024f" for c in date_part(text))  # a month's name: only the page's model reads it
            read = agreed(page, self._readings(zone, box, dx, dy, digits=not foreign), whole=zone.kind != "date")
            return read if zone.kind == "date" or foreign else self._words_again(read, zone, box, dx, dy)
        again, sure = next(self._readings(zone, box, dx, dy), ("", 0.0))
        text, best = max(page, (again, sure), key=lambda reading: reading[1])
        return text, max(round(best, 3), alike(page, (again, sure)))

    def _in_latin(self, zone: Zone, box: Box, dx: int, dy: int) -> Reading | None:
        """What a sender wrote in Latin letters on a form in other letters, when two models at two sizes read the same."""
        read = list(self._readings(zone, box, dx, dy, digits=True))
        if len(read) < 2 or not read[0][0] or min(read[0][1], read[-1][1]) < SURE or any(c > "\u024f" for c in read[0][0]):
            return None
        if date_part(read[0][0]):
            return agreed(read[0], [read[-1], *read[1:-1]], whole=True)
        return read[0][0], max(alike(read[0], read[-1]), DISPUTED)

    def _words_again(self, read: Reading, zone: Zone, box: Box, dx: int, dy: int) -> Reading:
        """The words beside a date, read once more where only models for Latin letters have had their say so far."""
        (text, sure), words = read, words_of(read[0])
        if not SURE <= sure < CERTAIN or not any(c > "\u024f" for c in words):
            return read
        own = self._readings(zone, box, dx, dy)
        return text, max([sure, *(alike((words, sure), (words_of(again), how)) for again, how in own)])

    def _sure_of_date(self, zone: Zone, standing: Sequence[int], confidence: float | None) -> float:
        """Confidence in the words of a date, whatever strokes of a neighbour were read beside them."""
        if zone.kind != "date":
            return confidence or 0.0
        date = date_part(_joined([self.words[i] for i in standing])[0]).split()
        return _joined([self.words[i] for i in standing if any(part in self.words[i].text for part in date)])[1] or 0.0

    def _readings(self, zone: Zone, box: Box, dx: int, dy: int, digits: bool = False) -> Iterator[Reading]:
        """One place as OCR reads it by itself, each time in another size."""
        if self.recognise is None:
            return
        gone = self._gone(zone, box, dx, dy)
        _, _, stats, _ = cv2.connectedComponentsWithStats(_cut(self.ink, box, dx, dy) & (1 - gone), connectivity=8)
        letters = stats[1:][stats[1:, cv2.CC_STAT_HEIGHT] > 1.1 * MM]  # specks around a line of type make OCR miss the line
        if not len(letters):
            return
        ends = letters[:, :2] + letters[:, 2:4]
        (left, top), (right, bottom) = letters[:, :2].min(axis=0) - AROUND, ends.max(axis=0) + AROUND
        part = box[0] + int(left), box[1] + int(top), box[0] + int(right), box[1] + int(bottom)
        for size in SIZES:
            for text, sure in self.recognise(self._closer(zone, part, dx, dy, size), digits=digits):
                yield " ".join(text.split()), sure

    def _closer(self, zone: Zone, box: Box, dx: int, dy: int, size: float) -> Grey:
        """A part of a place, drawn anew from the page as it came, the form's print and the scanner's lines painted over."""
        tall, wide = self.image.shape
        here = np.array([[size, 0, -(box[0] + dx) * size], [0, size, -(box[1] + dy) * size], [0, 0, 1]])
        shown = round((box[2] - box[0]) * size), round((box[3] - box[1]) * size)
        matrix = here @ self.laid.matrix @ np.diag([1 / wide, 1 / tall, 1.0])
        crop = cv2.warpPerspective(self.image, matrix, shown, flags=cv2.INTER_CUBIC, borderValue=(255,))
        crop = cv2.GaussianBlur(crop, (0, 0), 1.0) if size > 2 else crop  # paper's grain and the steps of a fax's dots
        crop[cv2.resize(self._gone(zone, box, dx, dy), shown, interpolation=cv2.INTER_NEAREST) > 0] = 255
        return np.pad(crop, 20, constant_values=255).astype(np.uint8)

    def _gone(self, zone: Zone, box: Box, dx: int, dy: int) -> Mask:
        """What in a place is the form's own, or a line that a scanner drew."""
        own = self.lines if zone.kind == "field" else self.cover
        return np.asarray(_cut(own, box) | _cut(self.lost, box, dx, dy), np.uint8)


def _enlarged(crop: Grey) -> Grey:
    """Twice as large in a white margin, as OCR likes it."""
    large = cv2.resize(crop, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return np.pad(large, 20, constant_values=255).astype(np.uint8)


def is_type(word: Word) -> bool:
    """A word that was surely typed: from a text layer, or read with confidence and word-like."""
    if word.confidence is None:
        return True
    letters = sum(c.isalnum() for c in word.text)
    return letters >= 2 and word.confidence >= (SURE if letters < 5 else SURE - 0.15)


def unstreaked(grey: Grey, own: Mask | None = None) -> tuple[Grey, Mask, Mask]:
    """The evenly lit page without the lines that scanners draw over it (`own` are the form's), these lines, and what went.

    Writing that crosses them is kept whole.
    """
    ink = dark(grey)
    level, upright = (line & (1 - own) if own is not None else line for line in streaks_apart(ink))
    gone = level | upright
    if not gone.any():
        return grey, gone, gone
    rest = ink & (1 - gone)
    kept = crossing(rest, level, ink, 5) | turned(crossing(turned(rest), turned(upright), turned(ink), 5))
    lost = np.asarray(gone & (1 - kept), np.uint8)
    return np.where(lost > 0, np.uint8(255), grey), gone, lost


def _in_frame(image: Grey, matrix: npt.NDArray[np.float64], size: tuple[int, int]) -> tuple[Grey, Mask, Mask, Mask]:
    """The page drawn in the blank's frame, which pixels of the frame it covers, a scanner's lines on it, and what went."""
    across, down = matrix[0, 0] / matrix[2, 2], matrix[1, 1] / matrix[2, 2]
    target = min(image.shape[1], round(across * 1.1)), min(image.shape[0], round(down * 1.1))
    small, struck, lost = unstreaked(flat(np.asarray(cv2.resize(image, target, interpolation=cv2.INTER_AREA), np.uint8)))
    to_frame = matrix @ np.diag([1 / target[0], 1 / target[1], 1.0])
    page = cv2.warpPerspective(small, to_frame, size, flags=cv2.INTER_LINEAR, borderValue=(255,))
    there, lines, gone = (
        np.asarray(cv2.warpPerspective(mask, to_frame, size, flags=cv2.INTER_NEAREST, borderValue=(0,)), np.uint8)
        for mask in (np.ones_like(small), struck, lost)
    )
    return np.asarray(page, np.uint8), there, lines, gone


def _corners(matrix: npt.NDArray[np.float64], word: Word) -> npt.NDArray[np.float64]:
    return through(matrix, np.array([(word.left, word.top), (word.right, word.bottom)]))


def _alike(word: str, printed: Sequence[str]) -> bool:
    """Is this one of the form's own words beside a field, perhaps misread ("1." as "i.")?"""
    return not word or any(fuzz.ratio(word, own) > 70 or max(len(word), len(own)) <= 2 for own in printed)


def _reading_order(words: Sequence[Word]) -> list[int]:
    index = {id(w): i for i, w in enumerate(words)}
    return [index[id(w)] for row in read_rows(words) for w in row]


def _within(shape: Stroke, pad: int, wide: int, tall: int) -> bool:
    x, y = shape.left + shape.width / 2 - pad, shape.top + shape.height / 2 - pad
    return -MM < x < wide + MM and -2 * MM < y < tall + MM


def _measures(shapes: Sequence[Stroke], box: Box) -> tuple[float, float]:
    """Share of the place that is inked, and how much of its width the ink spans."""
    if not shapes:
        return 0.0, 0.0
    wide, tall = max(1, box[2] - box[0]), max(1, box[3] - box[1])
    span = max(s.left + s.width for s in shapes) - min(s.left for s in shapes)
    return round(min(1.0, sum(s.area for s in shapes) / (wide * tall)), 4), round(min(1.0, span / wide), 3)


def _joined(words: Sequence[Word]) -> tuple[str, float | None]:
    """Words as one text, with the mean of their confidences weighted by length."""
    text = " ".join(w.text.strip("_") for w in words).strip()
    known = [(w.confidence, len(w.text)) for w in words if w.confidence is not None]
    if not known:
        return text, None
    return text, round(sum(c * n for c, n in known) / sum(n for _, n in known), 3)


def _wider(box: Box, wide: int, tall: int) -> Box:
    return box[0] - wide, box[1] - tall, box[2] + wide, box[3] + tall


def _cut(array: Grey, box: Box, dx: int = 0, dy: int = 0, beyond: int = 0) -> Grey:
    """A copy of the part under `box` moved by (dx, dy); it may reach over the edge, where `beyond` stands."""
    left, top, right, bottom = box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy
    height, width = array.shape
    cut = np.full((max(0, bottom - top), max(0, right - left)), beyond, np.uint8)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, right), min(height, bottom)
    if x0 < x1 and y0 < y1:
        cut[y0 - top : y1 - top, x0 - left : x1 - left] = array[y0:y1, x0:x1]
    return cut
