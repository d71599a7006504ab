"""Finding many phrases at once in a page, with wildcards, and with one slip allowed in long words.

The phrases of all languages are one index: a page needs no language before it is matched, and a
bilingual page is no special case.  A few dictionary look-ups a word, so a page costs milliseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance.Levenshtein import distance

from classifiers.words import Prepared, is_ideographic, term_words, variants

SLIP_LENGTH = 7  # letters of a skeleton from which one wrong, missing or extra letter is forgiven


class Hit(NamedTuple):
    """One phrase seen: which, where among the words (or in the run), and how it stood."""

    phrase: int
    start: int
    end: int
    run: bool
    opens_line: bool  # at the beginning of its line
    fills_line: float  # share of its line that it covers
    colon: bool  # followed by a colon or a bar
    line: int


def _together(page: Prepared, start: int, end: int) -> bool:
    """Whether no ideographs stand between the words of a phrase (they are no words of `page.words`)."""
    if not page.run or end - start == 1:
        return True
    return not is_ideographic(page.text[page.words[start].end : page.words[end - 1].start])


class PhraseIndex:
    """An index of phrases; a phrase's number is its place in the sequence given."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._ids: dict[str, int] = {}
        self._single: defaultdict[int, list[int]] = defaultdict(list)  # phrases of one word, by that word
        self._longer: dict[int, defaultdict[int, list[tuple[int, tuple[int, ...]]]]] = {}  # others, by first and second word
        self._runs: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._stems: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        for number, phrase in enumerate(phrases):
            if is_ideographic(phrase):
                solid = "".join(phrase.split()).casefold()
                self._runs[solid[:2]].append((solid, number))
                continue
            ids = tuple(self._word(word) for word in term_words(phrase))
            if len(ids) == 1:
                self._single[ids[0]].append(number)
            elif ids:
                self._longer.setdefault(ids[0], defaultdict(list))[ids[1]].append((number, ids[2:]))
        self._lengths = tuple(sorted({len(s) for s in table}) for table in (self._stems, self._ends))
        self._slips = self._one_letter_out((*self._exact, *self._stems))
        self._senses = lru_cache(maxsize=20_000)(self._resolve)  # texts are made of few words

    def _word(self, pattern: str) -> int:
        number = self._ids.setdefault(pattern, len(self._ids))
        core = pattern.strip("*")
        if pattern[0] == "*":
            self._ends[core] = number
        elif pattern[-1] == "*":
            self._stems[core] = number
        elif number not in self._exact[core]:
            self._exact[core].append(number)
        return number

    @staticmethod
    def _one_letter_out(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
        table: defaultdict[str, set[str]] = defaultdict(set)
        for word in words:
            if len(word) >= SLIP_LENGTH:
                for i in range(len(word)):
                    table[word[:i] + word[i + 1 :]].add(word)
        return {short: tuple(sorted(found)) for short, found in table.items()}

    def _known(self, bone: str) -> list[int]:
        found = list(self._exact.get(bone, ()))
        stems, ends = self._lengths
        size = len(bone)
        for n in stems:
            if n > size:
                break
            if (number := self._stems.get(bone[:n])) is not None:
                found.append(number)
        for n in ends:
            if n > size:
                break
            if (number := self._ends.get(bone[size - n :])) is not None:
                found.append(number)
        return found

    def _slipped(self, bone: str) -> list[int]:
        """Words of the index one letter away from `bone`; stems against its beginning."""
        found: set[int] = set()
        if len(bone) < SLIP_LENGTH - 1 or bone.isdigit():
            return []
        shorter = {bone[:i] + bone[i + 1 :] for i in range(len(bone))}
        near = {word for short in (*shorter, bone) for word in self._slips.get(short, ())}
        near |= {short for short in shorter if len(short) >= SLIP_LENGTH}
        for word in near:
            found.update(self._exact.get(word, ()) if distance(bone, word, score_cutoff=1) <= 1 else ())
        for n in self._lengths[0]:
            if SLIP_LENGTH <= n <= len(bone):
                head = bone[:n]
                for i in range(n):
                    for word in self._slips.get(head[:i] + head[i + 1 :], ()):
                        if word in self._stems and len(word) == n and distance(head, word, score_cutoff=1) <= 1:
                            found.add(self._stems[word])
        return sorted(found)

    def _resolve(self, bone: str, noisy: bool) -> tuple[int, ...]:
        found: list[int] = []
        for variant in variants(bone):
            found += self._known(variant)
        if not found and noisy:
            found = self._slipped(bone)
        return tuple(dict.fromkeys(found))

    def _mended(self, page: Prepared, noisy: bool) -> list[tuple[int, ...]]:
        """What each word can be; with noise, a word that OCR broke in two counts where its first half stands."""
        known = {bone: self._senses(bone, noisy) for bone in {word.skeleton for word in page.words}}
        senses = [known[word.skeleton] for word in page.words]
        if noisy:
            for i in range(len(senses) - 1):
                left, right = page.words[i], page.words[i + 1]
                if not senses[i] and not senses[i + 1] and left.line == right.line and right.start - left.end == 1:
                    joined = left.skeleton + right.skeleton
                    if len(joined) >= SLIP_LENGTH:
                        senses[i] = tuple(self._known(joined))
        return senses

    def find(self, page: Prepared, noisy: bool = False) -> Iterator[Hit]:
        """Every phrase in the page, in order of place."""
        senses = [*self._mended(page, noisy), ()]
        for i, sense in enumerate(senses):
            for first in sense:
                for number, end in self._beginning(first, senses, i):
                    if _together(page, i, end):
                        yield self._word_hit(page, number, i, end)
        if page.run:
            yield from self._find_in_run(page)

    def _beginning(self, first: int, senses: list[tuple[int, ...]], i: int) -> list[tuple[int, int]]:
        """The phrases (number, end) that begin with the word `first` at place `i`: looked up by their first two words."""
        found = [(number, i + 1) for number in self._single.get(first, ())]
        longer = self._longer.get(first)
        for second in senses[i + 1] if longer else ():
            for number, rest in longer.get(second, ()) if longer else ():
                end = i + 2 + len(rest)
                if end < len(senses) and all(want in senses[i + 2 + k] for k, want in enumerate(rest)):
                    found.append((number, end))
        return sorted(found) if len(found) > 1 else found

    @staticmethod
    def _word_hit(page: Prepared, number: int, start: int, end: int) -> Hit:
        word, last = page.words[start], page.words[end - 1]
        after = page.text[last.end : last.end + 3].lstrip(" *_")[:1]
        share = (end - start) / max(1, page.line_words[word.line])
        return Hit(number, start, end, False, word.place == 0, share, after in {":", "|", "\t"}, word.line)

    def _find_in_run(self, page: Prepared) -> Iterator[Hit]:
        run, line = page.run, 0
        for i in range(len(run)):
            while line + 1 < len(page.run_lines) and i >= page.run_lines[line][1]:
                line += 1
            for solid, number in (*self._runs.get(run[i : i + 2], ()), *self._runs.get(run[i], ())):
                if run.startswith(solid, i):
                    begin, stop = page.run_lines[line]
                    lead = run[begin:i].strip("【[（(<〈《「『0123456789一二三四五六七八九十.、)）■●◆□○-*#:")
                    end = i + len(solid)
                    share = len(solid) / max(1, stop - begin)
                    yield Hit(number, i, end, True, not lead, min(1.0, share), run[end : end + 1] in {":", "】", "]", "|"}, line)
