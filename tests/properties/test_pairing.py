"""How rightly do reports find their images?  Several hundred synthetic packets in fifteen languages, judged by what they are.

A pair is right when the packet was made so; a lone study is rightly missing when its partner was left out.  Everything
goes the real way: report texts through the classifiers, DICOM headers through the studies.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from classifiers.identify import identify
from config.rules import Identifying
from records.model import Dicom, Document, Kind, Page, Part, Reading, Role, TextSource
from routing.radiology import pair
from tests.properties.reports import LANGUAGES, report_text

DAY = date(2026, 2, 17)
CLASS = "1.2.840.10008.5.1.4.1.1.2"
HEADERS = {"HEAD": "BRAIN", "CHEST+ABDOMEN": "CHEST ABDOMEN", "WHOLEBODY": "WHOLEBODY"}
ADDENDA = {"en": "ADDENDUM", "es": "ADENDA", "de": "NACHTRAG", "fr": "ADDENDUM"}


@dataclass
class Made:
    """A packet and its truth: which report (by name) belongs to which study."""

    parts: list[Part] = field(default_factory=list)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    lone_reports: set[str] = field(default_factory=set)
    lone_studies: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Tally:
    right: int = 0
    wrong: int = 0
    made: int = 0
    missed_right: int = 0
    missed_wrong: int = 0
    missed_made: int = 0
    asked: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, n) + getattr(other, n) for n in self.__dataclass_fields__))


def packet(chance: random.Random) -> Made:
    """One to five studies of one patient, each with report, images or both, told as papers and machines tell it."""
    made = Made()
    exams = chance.sample(("CT CHEST", "CT ABDOMEN", "MR HEAD", "US ABDOMEN", "XR CHEST", "PT WHOLEBODY"), chance.randint(1, 4))
    studies = [(exam, DAY - timedelta(days=chance.choice((0, 0, 3, 9)))) for exam in exams]
    if chance.random() < 0.35:  # the same exam at another time
        studies.append((studies[0][0], studies[0][1] - timedelta(days=chance.choice((30, 180, 365)))))
    joint = {"CT CHEST", "CT ABDOMEN"} <= set(exams) and chance.random() < 0.5
    if joint:  # one day, two image sets, one report of both
        studies = [(exam, DAY if exam.startswith("CT ") else day) for exam, day in studies[: len(exams)]]
    for place, (exam, day) in enumerate(studies):
        number, name = f"A{chance.randint(10000, 99999)}", f"{place}"
        in_joint = joint and exam in ("CT CHEST", "CT ABDOMEN")
        have = chance.choices(("both", "report", "images"), (8, 1, 1))[0] if not in_joint else "images"
        if have != "report":
            made.parts += images(chance, exam, day, number if chance.random() < 0.7 else "", name)
        if have != "images":
            reports = report(chance, exam, day, number, name)
            made.parts += reports
            made.lone_reports |= {p.path for p in reports} if have == "report" else set()
            made.pairs |= {(p.path, name) for p in reports} if have == "both" else set()
        elif not in_joint:
            made.lone_studies.add(name)
    if joint:
        (paper,) = report(chance, "CT CHEST+ABDOMEN", DAY, "", "joint", copies=False)
        made.parts.append(paper)
        made.pairs |= {(paper.path, str(n)) for n, (exam, _) in enumerate(studies) if exam in ("CT CHEST", "CT ABDOMEN")}
    chance.shuffle(made.parts)
    return made


def report(chance: random.Random, exam: str, day: date, number: str, name: str, copies: bool = True) -> list[Part]:
    """Now and then a second one: an addendum, or a translation; days are told in the language's way, or not at all."""
    language = chance.choice(sorted(LANGUAGES))
    told = number if number and chance.random() < 0.5 else None
    style = chance.randrange(3)
    texts = [report_text(language, exam, day if chance.random() < 0.95 else None, told, style)]
    if copies and chance.random() < 0.15:
        texts.append(report_text(chance.choice(sorted(set(LANGUAGES) - {language})), exam, day, told, style))
    elif copies and told and language in ADDENDA and chance.random() < 0.3:
        texts.append(report_text(language, exam, day, told, style, ADDENDA[language]))
    return [paper(text, f"{name}-{n}.pdf") for n, text in enumerate(texts)]


def paper(text: str, path: str) -> Part:
    digest = hashlib.sha256(f"{path}{text}".encode()).hexdigest()
    return Part(path, digest, 1, "application/pdf", Role.ATTACHMENT, (Page(1, text, TextSource.LAYER),))


def images(chance: random.Random, exam: str, day: date, number: str, name: str) -> list[Part]:
    """Three files; the day may be told in another time zone, the body part be left out or only described."""
    modality, _, region = exam.partition(" ")
    shift = timedelta(days=chance.choices((0, 1, -1), (90, 5, 5))[0])
    header = Dicom(
        sop_class=CLASS, sop_instance="", study=f"1.2.{name}", series=f"1.2.{name}.1",
        modality={"XR": "DX"}.get(modality, modality),
        has_pixels=True, study_date=(day + shift).isoformat(), accession=number, study_description=f"{modality} {region}",
        body_part=HEADERS.get(region, region) if chance.random() < 0.8 else "", patient_name="ALPHA^SYNTHETIC PATIENT",
    )  # fmt: skip
    return [
        Part(f"disc/{name}/{n}", hashlib.sha256(f"{name}{n}".encode()).hexdigest(), 1, "application/dicom", Role.MEMBER,
             dicom=replace(header, sop_instance=f"1.2.{name}.1.{n}", instance_number=n))
        for n in (1, 2, 3)
    ]  # fmt: skip


def study_of(document: Document) -> str:
    return str(document.fields["study_uid"]).removeprefix("1.2.")


def judged(made: Made) -> Tally:
    documents = identify(Reading("", "", "", tuple(made.parts)), Identifying())
    reports = [d for d in documents if d.kind is Kind.RADIOLOGY_REPORT]
    found = pair(reports, [d for d in documents if d.kind is Kind.RADIOLOGY_IMAGE])
    pairs = {(p.report.part, study_of(p.images.documents[0])) for p in found.pairs}
    lone = {d.part for d in found.lone_reports} | {study_of(s.documents[0]) for s in found.lone_images}
    truth = made.lone_reports | made.lone_studies
    return Tally(
        len(pairs & made.pairs), len(pairs - made.pairs), len(made.pairs),
        len(lone & truth), len(lone - truth), len(truth), len(found.unclear_reports) + len(found.unclear_images),
    )  # fmt: skip


def test_reports_find_their_images_rightly_or_ask() -> None:
    """Wrong pairs and needless requests are rarer than questions: precision first, then recall."""
    chance = random.Random(20)  # noqa: S311 - fixtures, not secrets
    total = sum((judged(packet(chance)) for _ in range(400)), Tally())
    assert total.made > 700
    assert total.missed_made > 120
    assert total.right / (total.right + total.wrong) >= 0.99, total
    assert total.right / total.made >= 0.93, total
    assert total.missed_right / (total.missed_right + total.missed_wrong) >= 0.97, total
    assert total.missed_right / total.missed_made >= 0.85, total
