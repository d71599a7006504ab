"""R27 over every subset, and what more documents can and can not do to a checklist.

The law.  Adding a document to a case
- never makes a form worse: a further copy never makes its missing faults more;
- adds a *missing* only about radiology or pathology, and only in these ways: a report can add `report_without_images`
  (its own, or that of a report whose images turned out to be its), images can add `images_without_report` likewise;
  the first document that asks for pathology adds its report and specimen;
- so a report never adds a gap on the images' side, nor images one on the reports', and anything else none at all;
- but for what was doubtful before: more images of a study can make certain that it is not the one a report speaks of.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.studies import studies_of
from config.rules import Checklist
from records.model import CaseStatus, Dicom, Document, Fact, Kind, Part, Role, Severity
from routing.completeness import Checked, check
from routing.imagesets import image_sets
from routing.radiology import pair
from tests.ledger import Ledger
from tests.makers import NOW, document, incoming, mail, world

TODAY = date(2026, 3, 4)
LOA, CONSENT, REPORT, IMAGES = (
    Kind.LETTER_OF_AGREEMENT,
    Kind.INFORMED_CONSENT,
    Kind.RADIOLOGY_REPORT,
    Kind.RADIOLOGY_IMAGE,
)
CT: dict[str, Any] = {"modality": "CT", "body_part": "CHEST", "study_date": "2026-02-20"}
MR: dict[str, Any] = {"modality": "MR", "body_part": "HEAD", "study_date": "2026-02-10"}


def checked(documents: list[Document], facts: dict[str, Fact] | None = None) -> Checked:
    return check(documents, facts or {}, Checklist(), TODAY)


def fact(name: str, value: str | bool = True) -> dict[str, Fact]:
    return {name: Fact(name, value, "Staff Example", NOW)}


STATES: dict[str, list[tuple[list[Document], bool]]] = {  # of each item: what may be there, and whether it is present and valid
    "loa": [
        ([], False),
        ([document(LOA)], True),
        *(([document(LOA, code)], False) for code in ("loa_unsigned", "loa_undated", "loa_field_unreplaced", "loa_field_blank")),
        ([document(LOA, doubtful=("loa_signature_unclear",))], False),
        ([document(LOA, "loa_unsigned"), document(LOA, name="again")], True),
        ([document(LOA, doubtful=("not_programme_form",))], False),
    ],
    "consent": [
        ([], False),
        ([document(CONSENT)], True),
        ([document(CONSENT, "consent_unsigned")], False),
        ([document(CONSENT, "consent_undated")], False),
        ([document(CONSENT, doubtful=("consent_date_unclear",))], False),
    ],
    "chest": [
        ([], False),
        ([document(REPORT, **CT), document(IMAGES, **CT)], True),
        ([document(REPORT, **CT)], False),
        ([document(IMAGES, **CT)], False),
        ([document(REPORT, **CT), document(IMAGES, doubtful=("series_incomplete",), **CT)], False),
        ([document(REPORT, **CT), document(IMAGES, **MR)], False),
        ([document(REPORT), document(IMAGES, **CT)], False),
    ],
    "patient": [
        ([], True),
        ([document(Kind.MEDICAL_RECORD)], True),
        ([document(Kind.MEDICAL_RECORD, patient_name="SOMEBODY ELSE ENTIRELY", birth_date="1990-01-01")], False),
    ],
}
PATHOLOGY: list[tuple[list[Document], dict[str, Fact], bool]] = [  # asked for how, what is there
    ([], {}, True),
    ([document(Kind.CORRESPONDENCE, pathology_requested=True)], {}, False),
    ([document(Kind.CORRESPONDENCE, pathology_requested=True)], fact("pathology", "none"), True),
    ([document(Kind.CUSTOMS_INVOICE), document(Kind.PATHOLOGY_REPORT)], {}, False),
    ([document(Kind.CUSTOMS_INVOICE), document(Kind.PATHOLOGY_REPORT)], fact("courier_slides"), True),
    ([document(Kind.CORRESPONDENCE, mentions_specimen=True)], fact("courier_blocks"), False),
    ([], fact("courier_slides"), False),  # a specimen travels with its report
    ([document(Kind.PATHOLOGY_REPORT)], fact("courier_slides"), True),
    ([], fact("pathology", "requested"), False),
    ([document(Kind.PATHOLOGY_REPORT)], {}, True),
]


def test_complete_means_every_required_item_present_and_valid() -> None:
    """R27, exhaustively: all states of all items against one another."""
    count = 0
    for states in itertools.product(*STATES.values()):
        for papers, facts, settled in PATHOLOGY:
            documents = [*(d for some, _ in states for d in some), *papers]
            # with a lone other study beside the chest's the packet lacks what the state says
            assert checked(documents, facts).complete is (settled and all(valid for _, valid in states))
            count += 1
    assert count == 9 * 5 * 7 * 3 * 10


@pytest.mark.parametrize("studies", range(6))
def test_every_subset_of_several_studies(studies: int) -> None:
    """Up to five studies, each with report, images, both or neither: complete when no side of any is alone."""
    facts = [{**CT, "study_date": f"2026-02-{10 + 3 * n}", "accession": f"A{n}"} for n in range(studies)]
    for present in itertools.product(range(4), repeat=studies):
        papers = [
            document(kind, **f)
            for f, p in zip(facts, present, strict=True)
            for kind, bit in ((REPORT, 1), (IMAGES, 2))
            if p & bit
        ]
        found = checked([document(LOA), document(CONSENT), *papers])
        assert found.complete is (set(present) <= {0, 3} and 3 in present)
        lone = [f.study["date"] for f in found.missing if f.code.endswith(("without_images", "without_report"))]
        assert sorted(lone) == sorted(f["study_date"] for f, p in zip(facts, present, strict=True) if p in (1, 2))


ASKING = (  # what makes pathology wanted, unless staff say that it is not
    [document(Kind.CORRESPONDENCE, pathology_requested=True, name="asks")],
    [document(Kind.CORRESPONDENCE, mentions_specimen=True, name="mentions")],
    [document(Kind.CUSTOMS_INVOICE)],
)


@pytest.mark.parametrize("said", [None, "none", "requested"])
def test_pathology_over_every_subset_of_what_may_be_there(said: str | None) -> None:
    """R14, R16: nothing asks and nothing came: nothing is required; else report and specimen, each missed by itself."""
    for asked, reported, slides, blocks in itertools.product(range(8), (0, 1), (0, 1), (0, 1)):
        papers = [d for n, some in enumerate(ASKING) if asked >> n & 1 for d in some] + [
            document(Kind.PATHOLOGY_REPORT)
        ] * reported
        facts = {**fact("courier_slides")} if slides else {}
        facts |= fact("courier_blocks") if blocks else {}
        facts |= fact("pathology", said) if said else {}
        wanted = said == "requested" or (said is None and bool(asked or slides or blocks))
        missing = {"pathology_report_missing"} - ({"pathology_report_missing"} if reported else set())
        missing |= set() if slides or blocks else {"specimen_missing"}
        found = checked([document(LOA), document(CONSENT), document(REPORT, **CT), document(IMAGES, **CT), *papers], facts)
        assert {f.code for f in found.missing} == (missing if wanted else set())
        assert found.complete is not (wanted and bool(missing))


def header(number: int) -> Part:
    """One slice of a chest CT of six."""
    dicom = Dicom(
        sop_class="1.2.840.10008.5.1.4.1.1.2", sop_instance=f"1.9.1.{number}", study="1.9", series="1.9.1", modality="CT",
        has_pixels=True, instance_number=number, study_date=CT["study_date"], body_part="CHEST",
    )  # fmt: skip
    return Part(f"disc/{number}", f"{number:064}", 1, "application/dicom", Role.MEMBER, dicom=dicom)


def test_a_series_cut_into_two_mails_in_every_way() -> None:
    """Sixty-two ways to send six images in two mails: whole together, whatever each of them lacked; one image less is a doubt."""
    for first in itertools.product((0, 1), repeat=6):
        mails = [[header(n + 1) for n, here in enumerate(first) if here is bit] for bit in (0, 1)]
        sets = [d for parts in mails if parts for d in studies_of(parts)]
        base = [document(LOA), document(CONSENT), document(REPORT, **CT)]
        assert checked([*base, *sets]).complete
        short = [d for parts in mails if (kept := [p for p in parts if p.path != "disc/3"]) for d in studies_of(kept)]
        assert [f.code for f in checked([*base, *short]).findings if f.severity is Severity.DOUBTFUL] == ["series_incomplete"]


days = st.sampled_from(["2026-02-10", "2026-02-11", "2026-02-20", ""])
study_fields = st.fixed_dictionaries(
    {},
    optional={
        "modality": st.sampled_from(["CT", "MR", "XR", "PT"]),
        "body_part": st.sampled_from(["CHEST", "ABDOMEN", "CHEST+ABDOMEN", "WHOLEBODY"]),
        "study_date": days,
        "report_date": days,
        "accession": st.sampled_from(["A1", "A2"]),
        "study_uid": st.sampled_from(["1.1", "1.2"]),
        "date_ambiguous": st.just(True),
    },
)
names = st.sampled_from(["a", "b", "c", "d"])
forms = st.builds(
    lambda kind, codes, doubts, name: document(kind, *codes, doubtful=tuple(doubts), name=name),
    st.sampled_from([LOA, CONSENT]),
    st.lists(st.sampled_from(["loa_unsigned", "loa_undated"]), max_size=2, unique=True),
    st.lists(st.sampled_from(["loa_signature_unclear", "loa_date_unclear"]), max_size=2, unique=True),
    names,
)
reports = st.builds(lambda fields, name: document(REPORT, name=name, **fields), study_fields, names)
images = st.builds(lambda fields, name: document(IMAGES, name=name, **fields), study_fields, names)
others = st.builds(
    lambda kind, name: document(kind, name=name), st.sampled_from([Kind.MEDICAL_RECORD, Kind.COVER_SHEET, Kind.UNKNOWN]), names
)
asking = st.builds(lambda name: document(Kind.CORRESPONDENCE, name=name, pathology_requested=True), names)
anything = st.one_of(forms, reports, images, others, asking)


MAY_ADD = {
    REPORT: {"report_without_images"},
    IMAGES: {"images_without_report"},
    Kind.CORRESPONDENCE: {"pathology_report_missing", "specimen_missing"},
}


def of_form(kind: Kind, documents: list[Document]) -> int:
    return sum(f.requirement == kind for f in checked(documents).missing)


@settings(max_examples=400, deadline=None)
@given(st.lists(anything, max_size=7), anything)
def test_more_documents_add_no_missing_but_by_the_law(documents: list[Document], new: Document) -> None:
    """The law at the top of this file."""
    doubted = {f.document for f in checked(documents).findings if f.code == "pairing_unclear"}
    before, after = checked(documents).missing, checked([*documents, new]).missing
    after = tuple(f for f in after if f.document not in doubted)
    if new.kind in (LOA, CONSENT):
        if any(d.kind is new.kind for d in documents):
            assert of_form(new.kind, [*documents, new]) <= of_form(new.kind, documents)
        before = tuple(f for f in before if f.requirement != new.kind)
        after = tuple(f for f in after if f.requirement != new.kind)
    added = Counter(f.code for f in after) - Counter(f.code for f in before)
    assert set(added) <= MAY_ADD.get(new.kind, set())


@settings(max_examples=300, deadline=None)
@given(st.lists(anything, max_size=7).flatmap(lambda d: st.tuples(st.just(d), st.permutations(d))))
def test_the_order_of_documents_changes_nothing(both: tuple[list[Document], list[Document]]) -> None:
    """The same findings, whatever came first."""
    assert checked(both[0]) == checked(both[1])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(reports, images), min_size=1, max_size=7))
def test_every_report_and_image_set_is_accounted_for(documents: list[Document]) -> None:
    """Paired, missing its partner, or unclear: none is forgotten, and a complete case has pairs only."""
    found = checked([document(LOA), document(CONSENT), *documents])
    kinds = {d.kind for d in documents}
    assert not (found.complete and kinds != {REPORT, IMAGES})
    assert all(f.study is not None and f.document for f in found.findings if f.code.endswith(("images", "report", "unclear")))
    if kinds == {REPORT, IMAGES}:
        paired = pair([d for d in documents if d.kind is REPORT], [d for d in documents if d.kind is IMAGES]).pairs
        told = {
            f.document for f in found.findings if f.code in ("report_without_images", "images_without_report", "pairing_unclear")
        }
        covered = {d.id for p in paired for d in (p.report, *p.images.documents)}
        assert {s.id for s in image_sets(d for d in documents if d.kind is IMAGES)} <= told | covered
        assert {d.id for d in documents if d.kind is REPORT} <= told | covered


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_order_of_arrivals_changes_no_end_state(data: st.DataObject) -> None:
    """A packet with two studies, a copy and an addendum, in any order and any cut into mails, ends in one state."""
    packet = [
        document(LOA), document(CONSENT), document(LOA, "loa_undated", name="old"),
        document(REPORT, **CT, accession="A1"), document(IMAGES, **CT, accession="A1", study_uid="1.1"),
        document(REPORT, **CT, accession="A1", name="addendum"), document(REPORT, **MR), document(IMAGES, **MR, study_uid="1.2"),
    ]  # fmt: skip
    left_out = data.draw(st.sets(st.integers(0, len(packet) - 1), max_size=2))
    kept = [d for n, d in enumerate(packet) if n not in left_out]
    ends = set()
    for _ in range(2):
        order = data.draw(st.permutations(kept))
        cuts = sorted({0, len(order), *data.draw(st.lists(st.integers(1, len(order) - 1), max_size=4))})
        ledger = Ledger()
        for n, (start, stop) in enumerate(itertools.pairwise(cuts)):
            letter = mail(name=f"m{n}", answers=("<m0@clinic.example>",) if n else ())
            ledger.arrive(incoming(order[start:stop], f"m{n}", letter=letter), world(settled=True))
        case = ledger.only.case
        ends.add((case.status, tuple(sorted((f.code, *sorted(f.study.values())) for f in case.findings))))
    assert len(ends) == 1
    assert next(iter(ends))[0] in (CaseStatus.OPEN, CaseStatus.REJECTED)


people = st.sampled_from(
    [
        {"patient_name": "SYNTHETIC PATIENT ALPHA", "birth_date": "1961-04-03", "sex": "F"},
        {"patient_name": "ALPHA^SYNTHETIC PATIENT", "birth_date": "", "sex": ""},
        {"patient_name": "SYNTHETIC PATIENT BETA", "birth_date": "1961-04-03", "sex": "F"},
        {"patient_name": "BETA^SYNTHETIC PATIENT", "birth_date": "1958-11-21", "sex": "M"},
        {"patient_name": "", "birth_date": "1958-11-21", "sex": ""},
        {"patient_name": "", "birth_date": "", "sex": ""},
    ]
)
papers = st.builds(
    lambda kind, who, name: document(kind, name=name, **{**(CT if kind in (REPORT, IMAGES) else {}), **who}),
    st.sampled_from([LOA, CONSENT, REPORT, IMAGES, Kind.MEDICAL_RECORD]), people, names,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(papers, min_size=1, max_size=5), min_size=1, max_size=4), st.booleans())
def test_two_patients_never_share_an_open_case(arrivals: list[list[Document]], threaded: bool) -> None:
    """R8: however papers of two patients arrive, threaded or not, no case opens with both, and no mail files both."""
    ledger = Ledger()
    for n, documents in enumerate(arrivals):
        letter = mail(name=f"m{n}", answers=("<m0@clinic.example>",) if threaded and n else ())
        ledger.arrive(incoming(documents, f"m{n}", letter=letter), world(settled=True))
    for record in ledger.records.values():
        if record.case.status is CaseStatus.OPEN:
            assert len(named_in(f.document for f in record.documents)) <= 1
    for decision in ledger.decisions:
        assert len(named_in(f.document for f in decision.documents)) <= 1


def named_in(documents: Iterable[Document]) -> set[str]:
    """Which of the two people the papers name, told without the code under test."""
    return {who for d in documents for who in ("ALPHA", "BETA") if who in str(d.fields["patient_name"])}
