"""Staff get a plain sentence for every code, and for one that nobody described, too."""

from __future__ import annotations

import pytest

from config.reasons import reason, reasons
from records.model import Severity

PROBLEMS = """
    encrypted needs_password parser_timeout parser_memory parser_crashed archive_ratio archive_depth archive_malformed
    archive_entries archive_bytes mail_size mail_parts mail_nesting mail_headers image_pixels page_count format_not_allowed
    dicom_polyglot dicom_inflate dicom_truncated dicom_nesting dicom_malformed pdf_malformed image_malformed office_malformed
    unreadable_type illegible empty_file xml_entities ambiguous_case unknown_sender unidentified crashed payment_card
"""
FINDINGS = {
    "missing": """
        loa_unsigned loa_undated loa_field_unreplaced loa_field_blank consent_unsigned consent_undated
        letter_of_agreement_missing informed_consent_missing radiology_report_missing radiology_image_missing
        images_without_report report_without_images pathology_report_missing specimen_missing
    """,
    "doubtful": """
        loa_signature_unclear loa_date_unclear loa_date_implausible loa_field_unclear consent_signature_unclear
        consent_date_unclear consent_date_implausible not_programme_form series_incomplete dicom_truncated
        identity_conflict pairing_unclear
    """,
    "advisory": """
        loa_date_ambiguous consent_date_ambiguous customs_clause_missing_1 customs_clause_missing_2 customs_clause_missing_3
        customs_clause_missing_4 customs_clause_missing_5 customs_clause_missing_6 customs_organ_blank customs_value_wrong
        medical_record_missing report_too_old pathology_fee us_requester
    """,
}


@pytest.mark.parametrize("code", PROBLEMS.split())
def test_every_problem_is_described(code: str) -> None:
    """What the reader and the policy may say of an arrival has sentences of its own."""
    assert code in reasons()


@pytest.mark.parametrize(
    ("severity", "code"), [(severity, code) for severity, codes in FINDINGS.items() for code in codes.split()]
)
def test_every_finding_is_described_with_its_severity(severity: str, code: str) -> None:
    """The catalogue's severity is the one that the checklist works with (R29)."""
    assert reasons()[code].severity == Severity(severity)


@pytest.mark.parametrize("code", list(reasons()))
def test_sentences_are_whole(code: str) -> None:
    """Each text is a sentence that says something of its own, and fits a table."""
    told = reason(code)
    for text in (told.seen, told.do):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "|" not in text
        assert "\n" not in text
    assert told.seen != told.do


def test_an_undescribed_code_still_tells_staff_what_to_do() -> None:
    """A code of a later version does not leave WHY.txt empty."""
    told = reason("from_the_future")
    assert "from_the_future" in told.seen
    assert told.do


def test_no_two_codes_say_the_same() -> None:
    """Staff can tell one code from another by its sentence, but for the three ways in which a reader is stopped."""
    seen = [told.seen for told in reasons().values()]
    assert len(seen) == len(set(seen))
