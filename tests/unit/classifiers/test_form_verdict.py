"""What a form says of itself, judged from what was seen in its places (R7, R9, R10, R11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from classifiers.forms import FormVerdict, implausible, judge
from records.model import FormSeen, Kind, Page, Severity, TextSource, ZoneSeen

TODAY = date(2026, 11, 24)
PLACEHOLDER = "[PATIENT NAME AND DATE OF BIRTH]"
FIELD = ZoneSeen("patient", "field", 0.2, 20, 0.9, "SYNTHETIC PATIENT ALPHA, born 1961-04-03", None, PLACEHOLDER, "print")
SIGNATURE = ZoneSeen("signature", "signature", 0.05, 3, 0.6, "", None, "", "pen")
DATE = ZoneSeen("date", "date", 0.05, 10, 0.6, "14 March 2026", None, "", "print")
ROLE = ZoneSeen("role", "role", 0.0, 0, 0.0, "", None, "", "empty")
WITNESS = ZoneSeen("witness", "signature", 0.0, 0, 0.0, "", None, "", "empty")
COMPLETE = (FIELD, SIGNATURE, DATE, ROLE, WITNESS)
LOA, CONSENT = Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT


def form(*zones: ZoneSeen, kind: Kind = LOA, page: int = 1, pages: int = 1) -> FormSeen:
    return FormSeen("loa-en", kind.value, "1", page, pages, 0.95, zones, 4)


def verdict(*zones: ZoneSeen, kind: Kind = LOA, language: str = "en") -> FormVerdict:
    return judge(kind, [Page(1, "", TextSource.LAYER, form=form(*zones, kind=kind))], language, TODAY)


def changed(**changes: ZoneSeen) -> tuple[ZoneSeen, ...]:
    return tuple(changes.get(zone.name, zone) for zone in COMPLETE)


def codes(said: FormVerdict) -> set[str]:
    return {finding.code for finding in said.findings}


def test_a_complete_form_has_no_findings_and_all_its_fields() -> None:
    """Signed, dated and replaced: nothing to say, and every fact is there."""
    said = verdict(*COMPLETE)
    assert said.findings == ()
    assert said.confidence == 1.0
    assert said.fields == {
        "form": "loa-en", "form_version": "1", "programme_form": True, "signed": "yes", "dated": "yes", "date": "2026-03-14",
        "date_ambiguous": False, "patient_name": "SYNTHETIC PATIENT ALPHA", "birth_date": "1961-04-03",
        "signer_role": "not_stated",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("look", "code", "severity", "signed"),
    [
        ("empty", "loa_unsigned", Severity.MISSING, "no"),
        ("print", "loa_signature_unclear", Severity.DOUBTFUL, "unclear"),
        ("smudge", "loa_signature_unclear", Severity.DOUBTFUL, "unclear"),
        ("line", "loa_signature_unclear", Severity.DOUBTFUL, "unclear"),
        ("unclear", "loa_signature_unclear", Severity.DOUBTFUL, "unclear"),
    ],
)
def test_only_pen_ink_signs(look: str, code: str, severity: Severity, signed: str) -> None:
    """R10: an empty place is unsigned, anything that is not surely writing is doubtful."""
    said = verdict(*changed(signature=replace(SIGNATURE, look=look)))
    assert [(f.code, f.severity) for f in said.findings] == [(code, severity)]
    assert said.fields["signed"] == signed


@pytest.mark.parametrize("name", ["witness", "interpreter", "physician"])
def test_another_signer_does_not_sign_for_the_patient(name: str) -> None:
    """A signature in the place of a witness, an interpreter or a physician leaves the form unsigned."""
    others = replace(SIGNATURE, name=name)
    said = verdict(FIELD, replace(SIGNATURE, look="empty", ink=0.0, strokes=0), DATE, others)
    assert codes(said) == {"loa_unsigned"}


def test_a_representative_signs_for_the_patient() -> None:
    """R9: the representative's own place counts, and the role is kept."""
    said = verdict(FIELD, replace(SIGNATURE, look="empty"), replace(SIGNATURE, name="representative"), DATE)
    assert codes(said) == set()
    assert said.fields["signer_role"] == "representative"


@pytest.mark.parametrize(
    ("words", "role"),
    [
        ("Mother", "representative"),
        ("Madre", "representative"),
        ("the patient", "patient"),
        ("Hija", "representative"),
        ("Jx7 qq", "unclear"),
        ("", "not_stated"),
    ],
)
def test_the_relationship_tells_who_signed(words: str, role: str) -> None:
    """R9: what stands beside the relationship label; what can not be read, and nothing, are said to be so."""
    said = verdict(*changed(role=replace(ROLE, text=words, look="print" if words else "empty")))
    assert said.fields.get("signer_role") == role


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("14 March 2026", "2026-03-14"), ("14 de marzo de 2026", "2026-03-14"), ("2026-03-14", "2026-03-14"),
        ("14/03/2026", "2026-03-14"), ("03/14/2026", "2026-03-14"), ("14.3.2026", "2026-03-14"),
        ("١٤/٠٣/٢٠٢٦", "2026-03-14"), ("2O26-03-l4", "2026-03-14"), ("14 mars 2026", "2026-03-14"),
        ("令和8年3月14日", "2026-03-14"),
    ],
)  # fmt: skip
def test_dates_of_many_hands_are_read(text: str, iso: str) -> None:
    """R10: written months, numbers that can be but one day, Arabic-Indic digits, OCR's letters for digits."""
    said = verdict(*changed(date=replace(DATE, text=text)))
    assert (codes(said), said.fields["date"]) == (set(), iso)


def test_a_date_of_two_readings_is_present_and_ambiguous() -> None:
    """R10: 03/04/2026 is a date; which one is not guessed, whatever the language."""
    for language in ("en", "es"):
        said = verdict(*changed(date=replace(DATE, text="03/04/2026")), language=language)
        assert [(f.code, f.severity) for f in said.findings] == [("loa_date_ambiguous", Severity.ADVISORY)]
        assert (said.fields["dated"], said.fields["date_ambiguous"]) == ("yes", True)
        assert "date" not in said.fields


@pytest.mark.parametrize(
    ("zone", "code", "dated"),
    [
        (replace(DATE, text="", look="empty"), "loa_undated", "no"),
        (replace(DATE, text="", look="pen"), "loa_date_unclear", "unclear"),
        (replace(DATE, text="1S Nlcr 2O", look="unclear", confidence=0.3), "loa_date_unclear", "unclear"),
        (replace(DATE, text="14 March 2026", look="pen", confidence=0.3), "loa_date_unclear", "unclear"),
        (replace(DATE, text="14 March 2031"), "loa_date_implausible", "unclear"),
        (replace(DATE, text="14 March 1998"), "loa_date_implausible", "unclear"),
        (replace(DATE, text="31/02/2026"), "loa_date_implausible", "unclear"),
        (replace(DATE, text="12/03/2569"), "loa_date_implausible", "unclear"),
        (replace(DATE, text="", look="smudge"), "loa_date_unclear", "unclear"),
    ],
)
def test_a_date_is_missing_or_doubtful_but_never_guessed(zone: ZoneSeen, code: str, dated: str) -> None:
    """R10: empty is undated; unreadable, impossible, future and long past are doubtful."""
    said = verdict(*changed(date=zone))
    assert (codes(said), said.fields["dated"]) == ({code}, dated)


@pytest.mark.parametrize(("confidence", "code"), [(0.8, set()), (0.6, {"loa_date_unclear"})])
def test_a_handwritten_date_passes_when_it_is_read_with_confidence(confidence: float, code: set[str]) -> None:
    """A pen's date that OCR is sure of needs no staff; where it is not, one figure may be another."""
    said = verdict(*changed(date=replace(DATE, text="14/03/2026", look="unclear", confidence=confidence)))
    assert codes(said) == code
    assert said.fields.get("date") == (None if code else "2026-03-14")


@pytest.mark.parametrize(
    ("zone", "code"),
    [
        (replace(FIELD, text=PLACEHOLDER), "loa_field_unreplaced"),
        (replace(FIELD, text="[PATIENT NAME AND DATE 0F B1RTH]", confidence=0.7), "loa_field_unreplaced"),
        (replace(FIELD, text="PATIENT NAME AND DATE OF BIRTH"), "loa_field_unreplaced"),
        (replace(FIELD, text="", look="empty"), "loa_field_blank"),
        (replace(FIELD, text="", look="pen"), "loa_field_unclear"),
        (replace(FIELD, text="Synthctc Alp", look="print", confidence=0.5), "loa_field_unclear"),
        (replace(FIELD, look="pen", confidence=0.9), "loa_field_unclear"),
        (replace(FIELD, text="N/A"), "loa_field_unclear"),
        (replace(FIELD, text=PLACEHOLDER + " SYNTHETIC ALPHA"), "loa_field_unclear"),
    ],
)
def test_the_field_is_replaced_or_it_is_said(zone: ZoneSeen, code: str) -> None:
    """R7: untouched, emptied, handwritten and unreadable fields each have their code."""
    assert codes(verdict(*changed(patient=zone))) == {code}


def test_a_consent_has_its_own_codes_and_no_field() -> None:
    """R11: the consent is signed and dated; the highlighted field is the agreement's."""
    blank = replace(FIELD, text="", look="empty")
    said = verdict(blank, replace(SIGNATURE, look="empty"), replace(DATE, text="", look="empty"), kind=CONSENT)
    assert codes(said) == {"consent_unsigned", "consent_undated"}
    assert all(f.requirement == "informed_consent" for f in said.findings)


def test_a_missing_page_is_doubt_not_absence() -> None:
    """A form whose signature page is not here is not called unsigned."""
    said = judge(LOA, [Page(1, "", TextSource.OCR, form=form(FIELD, page=1, pages=2))], "en", TODAY)
    assert codes(said) == {"loa_signature_unclear", "loa_date_unclear"}


def test_a_missing_page_without_places_is_doubtful_too() -> None:
    """Signed and dated, but a page of what was signed is not here."""
    said = judge(LOA, [Page(1, "", TextSource.OCR, form=form(*COMPLETE, page=2, pages=2))], "en", TODAY)
    assert codes(said) == {"loa_signature_unclear"}


def test_copies_that_disagree_are_doubtful() -> None:
    """A signed and an unsigned copy of one page in one document decide nothing."""
    unsigned = changed(signature=replace(SIGNATURE, look="empty"))
    pages = [Page(n, "", TextSource.OCR, form=form(*zones)) for n, zones in enumerate((COMPLETE, unsigned), 1)]
    assert codes(judge(LOA, pages, "en", TODAY)) == {"loa_signature_unclear"}


def test_a_form_that_lies_on_no_registered_blank_is_not_the_programmes() -> None:
    """Another programme's form or a home-made letter goes to staff."""
    seen = replace(form(SIGNATURE, DATE), form=None, kind=None)
    said = judge(LOA, [Page(1, "I, SYNTHETIC ALPHA, born 1961-04-03, agree.", TextSource.LAYER, form=seen)], "en", TODAY)
    assert codes(said) == {"not_programme_form"}
    assert said.confidence < 1


def test_without_any_registered_form_the_programmes_name_is_asked_for() -> None:
    """Nothing is registered: places beside labels and the programme's name in the text must do, with less confidence."""
    seen = replace(form(SIGNATURE, DATE), form=None, kind=None, compared=0)
    text = "To UC San Diego Health.\nI, SYNTHETIC ALPHA, born 1961-04-03, agree."
    said = judge(LOA, [Page(1, text, TextSource.LAYER, form=seen)], "en", TODAY)
    assert (codes(said), said.fields["programme_form"]) == (set(), True)
    emptied = judge(LOA, [Page(1, "To UC San Diego Health. I agree.", TextSource.LAYER, form=seen)], "en", TODAY)
    assert codes(emptied) == {"loa_field_unclear"}


@pytest.mark.parametrize(
    ("text", "source", "signed", "dated"),
    [
        ("Signature: ____________\nDate: ____________", TextSource.LAYER, "no", "no"),
        ("Firma: ______  Fecha: 14 de marzo de 2026", TextSource.LAYER, "no", "yes"),
        ("Signature: /s/ Synthetic Alpha\nDate: 2026-03-14", TextSource.LAYER, "unclear", "yes"),
        ("Electronically signed by Synthetic Alpha\nDate: March 14, 2026", TextSource.LAYER, "unclear", "yes"),
        ("Signature: \nDate: ", TextSource.OCR, "unclear", "unclear"),
        ("Signed by Synthetic Alpha\nDate: 2026-03-14", TextSource.LAYER, "unclear", "yes"),
        ("Signature of patient\n______________\nDate", TextSource.LAYER, "no", "no"),
        ("Nothing of the kind", TextSource.LAYER, "unclear", "unclear"),
    ],
)
def test_text_alone_never_signs(text: str, source: TextSource, signed: str, dated: str) -> None:
    """Words show an empty line or a date; a typed name is no signature, and recognised words prove nothing."""
    said = judge(CONSENT, [Page(1, "UC San Diego Health\n" + text, source)], "en", TODAY)
    assert (said.fields["signed"], said.fields["dated"]) == (signed, dated)
    assert "judged by text alone" in said.evidence[0]
    assert ("consent_signature_unclear" in codes(said)) == (signed == "unclear")


def test_a_placeholder_in_the_text_is_found_without_a_blank() -> None:
    """R7 by text alone."""
    text = "UC San Diego Health\nfor [PATIENT NAME AND DATE OF BIRTH]\nSignature: ____\nDate: ____"
    assert "loa_field_unreplaced" in codes(judge(LOA, [Page(1, text, TextSource.LAYER)], "en", TODAY))


@pytest.mark.parametrize(
    ("day", "wrong"),
    [("2026-11-24", False), ("2026-11-25", False), ("2026-11-26", True), ("2025-01-01", False), ("2023-11-01", True)],
)
def test_implausible_days(day: str, wrong: bool) -> None:
    """The future begins after a day's grace for time zones; two years are long ago."""
    assert implausible(day, TODAY) is wrong


def test_a_withdrawn_version_is_doubtful() -> None:
    """Complete, but on a version that the operator no longer accepts: named, and for staff."""
    old = replace(form(*COMPLETE), version="2024", withdrawn=True)
    said = judge(LOA, [Page(1, "", TextSource.LAYER, form=old)], "en", TODAY)
    assert (codes(said), said.fields["form_version"]) == ({"loa_outdated"}, "2024")
    assert all(f.severity is Severity.DOUBTFUL for f in said.findings)


def test_a_form_that_asks_twice_wants_both() -> None:
    """Two places of the patient's, one of them empty: neither signature nor date is taken as given."""
    second = replace(SIGNATURE, name="signature_2", look="empty", ink=0.0, strokes=0)
    assert codes(verdict(*COMPLETE, second)) == {"loa_signature_unclear"}
    assert codes(verdict(*COMPLETE, replace(second, look="pen", ink=0.05, strokes=3))) == set()
    later = replace(DATE, name="date_2", text="", look="empty", ink=0.0)
    assert codes(verdict(*COMPLETE, later)) == {"loa_date_unclear"}
    assert codes(verdict(*COMPLETE, replace(later, name="witness_date"))) == set()


def test_fields_that_name_two_people_are_doubtful() -> None:
    """A further field may say the same or something else, but not somebody else."""
    further = replace(FIELD, name="patient_2")
    assert codes(verdict(*COMPLETE, further)) == set()
    for other in ("SOMEBODY QUITE OTHER", "SYNTHETIC PATIENT ALPHA, born 1987-12-25"):
        assert codes(verdict(*COMPLETE, replace(further, text=other))) == {"loa_field_unclear"}


@pytest.mark.parametrize(
    ("placeholder", "text", "code"),
    [
        ("[DATE OF BIRTH]", "1961-04-03", None),
        ("[DATE OF BIRTH]", "yes please", "loa_field_unclear"),
        ("[COUNTRY]", "Peru", None),
        ("[PATIENT NAME AND ADDRESS]", "Peru", "loa_field_unclear"),
        ("[NAME OF REFERRING PHYSICIAN]", "Somebody Quite Other", None),
        ("[PATIENT NAME]", "Peru", "loa_field_unclear"),
    ],
)
def test_a_field_holds_what_its_placeholder_asks_for(placeholder: str, text: str, code: str | None) -> None:
    """A date of birth in its own field is no name, and need be none."""
    further = replace(FIELD, name="patient_2", placeholder=placeholder, text=text)
    assert codes(verdict(*COMPLETE, further)) == ({code} if code else set())


def test_the_picture_of_a_digital_signature_signs_nothing() -> None:
    """Words that a signing program writes, or so much print beside the ink: doubtful, unless a signature was checked."""
    written = replace(SIGNATURE, text="Digitally signed by Synthetic Patient", confidence=0.9)
    assert codes(verdict(*changed(signature=written))) == {"loa_signature_unclear"}
    assert codes(verdict(*changed(signature=replace(SIGNATURE, strokes=26)))) == {"loa_signature_unclear"}
    assert codes(verdict(*changed(signature=replace(written, digital="trusted")))) == set()
    shown = Page(1, "Firmado digitalmente por Paciente", TextSource.OCR, form=form(*COMPLETE))
    assert codes(judge(LOA, [shown], "es", TODAY)) == {"loa_signature_unclear"}
