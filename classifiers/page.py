"""What one page is: weighted phrases seen, turned into a probability for each kind, or an abstention.

Every phrase of the lexicon belongs to a class and a level; a class's weight is the sum of its seen
phrases' weights (a title counts as a title only where titles stand, and little while nothing else speaks
for it; words of articles and programs take weight from the papers they speak of).  Confidence is

    p(class) = (nothing + weight of class)^sharpness / Σ over classes of the same

so it follows the *ratio* of the evidence, not the length of the page, and a page without phrases is
uniformly unknown.  Classes that no packet needs (invoice, newsletter, article, …) are weighed like the
others and come out as `unknown` with evidence that says what the page looks like.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import log2
from re import Pattern
from re import compile as compile_pattern
from typing import NamedTuple

from classifiers.language import language_of_prepared
from classifiers.phrases import Hit
from classifiers.sheets import sheet
from classifiers.sight import BODY_PART, MODALITY, WEIGHING, Phrase, Sight, sights
from classifiers.words import Prepared, prepare
from records.model import Kind

TITLE_WORDS = 14  # a heading has at most so many words
CAPITAL_WORDS = 26  # so many when it is written in capitals
TITLE_LINES = 14  # titles stand among the first lines that have words
RUN_TITLE_CHARS = 34
PARTICLE = 3  # letters of a word too small to be a heading by itself
SMALL_SHARE = 0.3  # of its line: words that begin small and go on are a sentence, wherever recognition broke it
JOINED = frozenset("号號番的是中时時者のはをにがとでへも을를은는이에의와과란")
LOOKS_LIKE = {
    "privacy_notice": "a privacy notice",
    "invoice": "an invoice or bill",
    "newsletter": "a newsletter or advertisement",
    "article": "a research article",
    "leaflet": "general patient information",
    "technical": "technical or office text",
    "trade": "a trade or travel paper",
}
_KIND_OF_CLASS = {
    **{kind.value: kind for kind in Kind if kind is not Kind.UNKNOWN},
    **dict.fromkeys(LOOKS_LIKE, Kind.UNKNOWN),
    "contract": Kind.LETTER_OF_AGREEMENT,
    "notice": Kind.CORRESPONDENCE,
}
UNASKED = frozenset({Kind.UNKNOWN, Kind.CORRESPONDENCE, Kind.COVER_SHEET})  # no checklist asks which of these a page is
PUBLIC = frozenset({"article", "leaflet", "newsletter", "technical", "privacy_notice"})  # they tell of reports to everyone
PAPERS = frozenset({"radiology_report", "pathology_report", "informed_consent", "medical_record"})
CLASSES = tuple(
    name for name in _KIND_OF_CLASS if name not in {Kind.RADIOLOGY_IMAGE.value, Kind.PAYMENT_CARD.value}
)  # those two are not told by words


class FigurePattern(NamedTuple):
    """A regular expression that counts like a phrase."""

    regex: Pattern[str]
    kind: str
    level: str
    says: str


class Seen(NamedTuple):
    """A phrase that weighed on this page; `words` is what stands there."""

    kind: str
    weight: float
    words: str
    title: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """A page's judgement.

    `kind` is `unknown` below the threshold; `best` is the guess before abstaining; `looks_like` names the
    class behind it; `weights` are the classes' sums, which pages of one document add up.
    """

    kind: Kind
    confidence: float
    best: Kind
    looks_like: str
    probabilities: Mapping[Kind, float]
    weights: Mapping[str, float]
    seen: tuple[Seen, ...]
    language: str | None
    evidence: tuple[str, ...] = ()
    title: str | None = None  # the class whose title stands at the top of the page


@cache
def figures() -> tuple[FigurePattern, ...]:
    """The regular expressions of common.toml, over lower-case text."""
    patterns = sheet("common.toml")["patterns"]
    return tuple(FigurePattern(compile_pattern(p["regex"]), p["class"], p["level"], p["says"]) for p in patterns)


@cache
def weights() -> Mapping[str, Mapping[str, float]]:
    """`weights.toml`."""
    return {name: dict(table) for name, table in sheet("weights.toml").items()}


def probabilities(class_weights: Mapping[str, float]) -> dict[str, float]:
    """Confidence of every class by the formula above; sums to 1."""
    shape = weights()["shape"]
    powers = {name: (shape["nothing"] + class_weights.get(name, 0.0)) ** shape["sharpness"] for name in CLASSES}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def _place_weight(phrase: Phrase, hit: Hit, page: Prepared, first_lines: set[int]) -> tuple[float, bool]:
    """What a hit weighs where it stands, and whether it stands as a title."""
    level = weights()["level"]
    if phrase.level not in {"title", "heading"}:
        return level[phrase.level], False
    if hit.run:
        begin, stop = page.run_lines[hit.line]
        short = stop - begin <= RUN_TITLE_CHARS
    else:
        words = page.line_words[hit.line]
        short = words <= TITLE_WORDS or (words <= CAPITAL_WORDS and page.text[slice(*page.lines[hit.line])].isupper())
    if phrase.level == "heading":
        stands = hit.colon or (hit.opens_line and short and not _is_particle(page, hit))
        return level["heading" if stands else "heading_run"], False
    if short and (hit.opens_line or hit.fills_line >= 0.5 or _closes_title(page, hit)) and not _is_sentence(page, hit):
        return level["title" if hit.line in first_lines else "title_low"], True
    return level["title_run"], False


def _is_particle(page: Prepared, hit: Hit) -> bool:
    """Whether the phrase is one short word (to, de, von): a heading before a colon, a small word before anything else."""
    return hit.end - hit.start == 1 and not hit.run and len(words := _words_of(page, hit)) <= PARTICLE and not words.isupper()


def _closes_title(page: Prepared, hit: Hit) -> bool:
    """Whether a capitalised phrase ends its line, as a title's own noun does (`Dental Implant Consent Form`)."""
    if hit.run:
        return False
    rest = page.text[page.words[hit.end - 1].end : page.lines[hit.line][1]]
    first, last = (page.text[page.words[n].start] for n in (hit.start, hit.end - 1))
    return not any(c.isalnum() or c in ".,;:?" for c in rest) and first.isupper() and last.isupper()


def _is_sentence(page: Prepared, hit: Hit) -> bool:
    """Whether the line goes on as a sentence after the phrase: more words than the phrase, small letters, a full stop."""
    if hit.run:
        begin, stop = page.run_lines[hit.line]
        return _speaks_of(page, hit) or (hit.fills_line < 0.5 and page.run[begin:stop].endswith(("。", "다.", ".")))
    begin, stop = page.lines[hit.line]
    line = page.text[begin:stop].strip()
    if line[:1].islower() and (line.endswith(".") or hit.fills_line < SMALL_SHARE or _runs_on(page, hit.line)):
        return True
    if hit.fills_line >= 0.6:
        return False
    tail = page.text[page.words[hit.end - 1].end : page.lines[hit.line][1]]
    return tail.rstrip().endswith((".", ",", ";")) and not tail.isupper()


def _speaks_of(page: Prepared, hit: Hit) -> bool:
    """Whether the letter joined to a phrase is a particle or makes another word of it (`同意書を`, `病历号`)."""
    end = page.run_places[hit.end - 1] + 1 if hit.run else page.words[hit.end - 1].end
    return page.text[end : end + 1] in JOINED


def _runs_on(page: Prepared, line: int) -> bool:
    """Whether a line goes on from the one before it in the middle of a sentence."""
    if line == 0:
        return False
    before = page.text[slice(*page.lines[line - 1])].rstrip()
    return bool(before) and (before[-1].isalnum() or before[-1] == ",")


class _Weighed(NamedTuple):
    """A hit with what it weighs in its place."""

    hit: Hit
    phrase: Phrase
    weight: float
    title: bool

    @property
    def size(self) -> int:
        return self.hit.end - self.hit.start


def _claimed(weighed: Iterable[_Weighed]) -> list[_Weighed]:
    """The longest phrases of each class, none inside another of its class, and none inside a longer title of any class."""
    ordered = _last_named(sorted(weighed, key=lambda w: (-w.size, w.hit.start, -w.weight)))
    titles = [w for w in ordered if w.title]
    taken: dict[tuple[str, bool], set[int]] = defaultdict(set)
    kept = []
    for w in ordered:
        places = taken[w.phrase.kind, w.hit.run]
        span = range(w.hit.start, w.hit.end)
        if places.issuperset(span) or any(_inside(w, title) for title in titles):
            continue
        places.update(span)
        kept.append(w)
    return kept


def _last_named(weighed: Iterable[_Weighed]) -> list[_Weighed]:
    """In a line of ideographs the paper's own name stands last (a check-up's consent is a consent)."""
    kept = list(weighed)
    ends: dict[int, int] = {}
    for w in kept:
        if w.title and w.hit.run:
            ends[w.hit.line] = max(ends.get(w.hit.line, 0), w.hit.end)
    modifier = weights()["level"]["title_run"]
    return [
        w._replace(weight=modifier, title=False) if w.title and w.hit.run and w.hit.end < ends[w.hit.line] else w for w in kept
    ]


def _inside(w: _Weighed, title: _Weighed) -> bool:
    a, b = w.hit, title.hit
    return a.run == b.run and w.size < title.size and b.start <= a.start and a.end <= b.end


def _words_of(page: Prepared, hit: Hit) -> str:
    if hit.run:
        return page.run[hit.start : hit.end]
    return " ".join(page.text[page.words[hit.start].start : page.words[hit.end - 1].end].split())[:60]


def _first_lines(page: Prepared) -> set[int]:
    lines = [n for n, count in enumerate(page.line_words) if count]
    if page.run:
        lines = [n for n, (begin, stop) in enumerate(page.run_lines) if stop > begin]
    return set(lines[: max(3, min(TITLE_LINES, len(lines) // 2 + 1))])


def _exam_heading(page: Prepared, anatomy: Sequence[Sight], taken: set[int], first_lines: set[int]) -> list[Seen]:
    """A short line that names a modality and a body part: how most radiology reports are entitled."""
    by_line: defaultdict[int, dict[str, Hit]] = defaultdict(dict)
    for hit, phrase in anatomy:
        by_line[hit.line].setdefault(phrase.level, hit)
    for line in sorted(first_lines & by_line.keys() - taken):
        found = by_line[line]
        if {MODALITY, BODY_PART} <= found.keys():
            words = page.line_words[line]
            begin, stop = page.run_lines[line] if page.run else (0, 0)
            text = page.text[slice(*page.lines[line])].strip()
            sentence = text.endswith((".", ",", ";", "。")) and words > 5
            sentence |= _speaks_of(page, found[MODALITY])
            if words <= TITLE_WORDS and stop - begin <= RUN_TITLE_CHARS * 1.5 and not sentence:
                named = " + ".join(_words_of(page, found[axis]) for axis in (MODALITY, BODY_PART))
                return [Seen("radiology_report", weights()["level"]["exam"], named, True)]
    return []


def look(page: Prepared, seen_phrases: Sequence[Sight]) -> list[Seen]:
    """Everything that weighs on the page."""
    first_lines = _first_lines(page)
    anatomy = [s for s in seen_phrases if s.phrase.level in {MODALITY, BODY_PART}]
    weighed = [
        _Weighed(s.hit, s.phrase, *_place_weight(s.phrase, s.hit, page, first_lines))
        for s in seen_phrases
        if s.phrase.level in WEIGHING
    ]
    best: dict[tuple[str, str], _Weighed] = {}
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    taken: set[int] = set()
    for w in _claimed(weighed):
        key = (w.phrase.kind, _words_of(page, w.hit).casefold())
        counts[key] += 1
        if w.title and w.phrase.kind != "radiology_report":
            taken.add(w.hit.line)
        if key not in best or best[key].weight < w.weight:
            best[key] = w
    repeats = weights()["shape"]["repeats"]
    seen = [
        Seen(kind, w.weight * (1 + repeats * log2(min(8, counts[kind, words]))), _words_of(page, w.hit), w.title)
        for (kind, words), w in best.items()
    ]
    return _one_title([*seen, *_exam_heading(page, anatomy, taken, first_lines)]) + _figures(page)


def _figures(page: Prepared) -> list[Seen]:
    lower = page.text.lower()
    level, repeats = weights()["level"], weights()["shape"]["repeats"]
    found = ((figure, len(figure.regex.findall(lower))) for figure in figures())
    return [Seen(f.kind, level[f.level] * (1 + repeats * log2(min(8, n))), f.says, False) for f, n in found if n]


def _one_title(seen: Iterable[Seen]) -> list[Seen]:
    """A document has one title: further titles of a class weigh as words in a sentence (a menu lists them all)."""
    run = weights()["level"]["title_run"]
    titled: set[str] = set()
    kept = []
    for s in sorted(seen, key=lambda s: (-s.weight, s.words)):
        if s.title and s.kind in titled:
            s = s._replace(weight=min(s.weight, run))
        elif s.title:
            titled.add(s.kind)
        kept.append(s)
    return kept


def judge_weights(class_weights: Mapping[str, float], seen: Sequence[Seen], threshold: float, language: str | None) -> Scored:
    """Turn classes' weights into a kind or an abstention, with the words that weighed most."""
    by_class = probabilities(class_weights)
    by_kind: defaultdict[Kind, float] = defaultdict(float)
    for name, p in by_class.items():
        by_kind[_KIND_OF_CLASS[name]] += p
    best = max(by_kind, key=lambda kind: (by_kind[kind], kind.value))
    looks_like = max((n for n in by_class if _KIND_OF_CLASS[n] is best), key=lambda n: (by_class[n], n))
    confidence = by_kind[best]
    if best in UNASKED and class_weights.get(looks_like, 0.0) > weights()["level"]["heading"]:
        confidence = sum(by_kind[kind] for kind in UNASKED)
    kind = best if confidence >= threshold else Kind.UNKNOWN
    strongest = sorted((s for s in seen if s.kind == looks_like), key=lambda s: (-s.weight, s.words))
    words = tuple(dict.fromkeys(s.words for s in strongest))[:5]
    if kind is Kind.UNKNOWN:
        says = LOOKS_LIKE.get(looks_like, looks_like.replace("_", " "))
        prefix = (f"looks like {says}",) if best is Kind.UNKNOWN else (f"perhaps {says}: not sure enough",)
        words = prefix + words if class_weights.get(looks_like, 0.0) >= 1.0 else ("no words that tell what it is",)
    titles = [s for s in seen if s.title]
    title = max(titles, key=lambda s: s.weight).kind if titles else None
    return Scored(
        kind=kind,
        confidence=round(confidence, 4),
        best=best,
        looks_like=looks_like,
        probabilities=dict(by_kind),
        weights=dict(class_weights),
        seen=tuple(seen),
        language=language,
        evidence=words,
        title=title,
    )


def class_weights_of(seen: Iterable[Seen]) -> dict[str, float]:
    """The sum of weights of each class."""
    everything = tuple(seen)
    scale, shape = weights()["scale"], weights()["shape"]
    content: defaultdict[str, float] = defaultdict(float)
    for s in everything:
        content[s.kind] += 0.0 if s.title else s.weight
    sums: defaultdict[str, float] = defaultdict(float)
    for s in everything:
        named = s.title and s.kind in PAPERS  # a name alone proves no paper: it may only be spoken of
        sums[s.kind] += (min(s.weight, shape["named"] + content[s.kind]) if named else s.weight) * scale.get(s.kind, 1.0)
    told = {**sums, **_story(sums, {s.kind for s in everything if s.title})}
    share = shape["about"] / (shape["about"] + _about(everything))
    return {name: weight * share if name in PAPERS else weight for name, weight in told.items()}


def _about(seen: Iterable[Seen]) -> float:
    """How much of a page speaks to everyone (an author, a reader, a program), so that papers are only its topic."""
    most = weights()["level"]["sure"]
    return sum(max(0.0, min(s.weight, most) - 1.0) for s in seen if s.kind in PUBLIC)


def _story(sums: Mapping[str, float], titled: set[str]) -> dict[str, float]:
    """Imaging, tissue and treatment told together, under no report's title, are a patient's story: a medical record."""
    reports = {"radiology_report", "pathology_report"}
    told = sums.get("medical_record", 0.0)
    if titled & reports or told < weights()["shape"]["story_least"]:
        return {}
    share = weights()["shape"]["story"] * min(sums.get(name, 0.0) for name in reports)
    return {"medical_record": told + share}


def classify_sighted(page: Prepared, seen_phrases: Sequence[Sight], threshold: float) -> Scored:
    """`classify_page` for a page whose phrases are already found."""
    seen = look(page, seen_phrases)
    return judge_weights(class_weights_of(seen), seen, threshold, language_of_prepared(page))


def classify_page(text: str, threshold: float = 0.6, noisy: bool = False) -> Scored:
    """What a page with this text is; `noisy` forgives OCR slips; below `threshold` the kind is `unknown`."""
    page = prepare(text)
    return classify_sighted(page, sights(page, noisy), threshold)
