"""From a reading to documents: one fax of many papers, mails, forms, cards, discs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from classifiers.identify import identify
from config.rules import Identifying
from records.model import Dicom, Document, FormSeen, Kind, Page, Part, Problem, Reading, Role, TextSource

RULES = Identifying()
LOA = (
    "LETTER OF AGREEMENT\nUC San Diego Health, International Patient Program, second opinion medical "
    "record review.\nI agree to pay the fee."
)
CONSENT = (
    "INFORMED CONSENT FOR SECOND OPINION\nUC San Diego Health. I consent to the review of my records. I "
    "understand the risks. Signature ____"
)
RADIOLOGY = (
    "RADIOLOGY REPORT\nPatient: SYNTHETIC PATIENT ALPHA   MRN: SYN-1\nExam: CT chest with contrast\nExam date: 2026-03-14\n"
    "Findings: lungs are clear, no pleural effusion.\nImpression: normal."
)
PATHOLOGY = "PATHOLOGY REPORT\nSpecimen: colon biopsy in formalin.\nSections show adenocarcinoma, moderately differentiated."
RECORD = "DISCHARGE SUMMARY\nAdmitted with abdominal pain. Discharged home on omeprazole 20 mg daily. Follow up in clinic."


def reading(*parts: Part, problems: Sequence[Problem] = ()) -> Reading:
    return Reading("0" * 64, "1", "application/pdf", tuple(parts), tuple(problems))


def paper(*texts: str, role: Role = Role.ATTACHMENT, source: TextSource = TextSource.LAYER, path: str = "a.pdf") -> Part:
    pages = tuple(Page(n, text, source if text else TextSource.NONE, blank=not text) for n, text in enumerate(texts, 1))
    return Part(path, "a" * 64, 1, "application/pdf", role, pages)


def documents(*parts: Part) -> tuple[Document, ...]:
    return identify(reading(*parts), RULES)


def test_one_fax_of_a_whole_packet_is_taken_apart() -> None:
    """Five papers in one file are five documents with their pages, and each later boundary has a confidence."""
    found = documents(paper(LOA, CONSENT, RADIOLOGY, PATHOLOGY, RECORD, source=TextSource.OCR))
    assert [(d.kind, d.pages) for d in found] == [
        (Kind.LETTER_OF_AGREEMENT, (1,)),
        (Kind.INFORMED_CONSENT, (2,)),
        (Kind.RADIOLOGY_REPORT, (3,)),
        (Kind.PATHOLOGY_REPORT, (4,)),
        (Kind.MEDICAL_RECORD, (5,)),
    ]
    assert all(0.5 < float(d.fields["boundary"]) <= 1 for d in found)
    assert {d.text_source for d in found} == {"ocr"}


def test_pages_of_one_report_stay_together() -> None:
    """`Page 2 of 2`, and a page without a title, continue what was before."""
    found = documents(paper(RADIOLOGY + "\nPage 1 of 2", "The bones are unremarkable.\nPage 2 of 2"))
    assert [(d.kind, d.pages) for d in found] == [(Kind.RADIOLOGY_REPORT, (1, 2))]


def test_two_patients_in_one_fax_are_two_documents() -> None:
    """A second report with another name and number begins anew."""
    other = RADIOLOGY.replace("ALPHA", "BRAVO").replace("SYN-1", "SYN-2")
    found = documents(paper(RADIOLOGY, other))
    assert [d.fields["patient_id"] for d in found] == ["SYN-1", "SYN-2"]


def test_a_blank_page_belongs_to_what_it_follows() -> None:
    """No page is lost."""
    found = documents(paper("", RADIOLOGY, "", PATHOLOGY))
    assert [d.pages for d in found] == [(1, 2, 3), (4,)]


def test_a_report_names_its_study() -> None:
    """Modality, body part and date are what R13 names a study by."""
    (found,) = documents(paper(RADIOLOGY))
    assert (found.fields["modality"], found.fields["body_part"], found.fields["study_date"]) == ("CT", "CHEST", "2026-03-14")


def test_a_research_consent_is_not_this_programmes() -> None:
    """A consent, doubtful, whatever its signature."""
    text = (
        "CONSENT TO PARTICIPATE IN A RESEARCH STUDY\nThis clinical trial is approved by the institutional "
        "review board. I agree to participate."
    )
    (found,) = documents(paper(text))
    assert found.kind is Kind.INFORMED_CONSENT
    assert found.fields["programme_form"] is False
    assert [f.code for f in found.findings] == ["not_programme_form"]


def test_a_programme_form_is_known_by_its_words() -> None:
    """The programme's name makes it ours, in another language too."""
    spanish = (
        "CONSENTIMIENTO INFORMADO\nPrograma Internacional de Pacientes, UC San Diego Health. Autorizo la revisión. Firma ____"
    )
    for text in (CONSENT, spanish):
        (found,) = documents(paper(text))
        assert found.kind is Kind.INFORMED_CONSENT
        assert found.fields["programme_form"] is True


def test_a_registered_form_settles_the_kind() -> None:
    """What lies on a blank is that form, though its words be few."""
    page = Page(1, "x", TextSource.OCR, 0.9, form=FormSeen("loa-en", "letter_of_agreement", "1", 1, 1, 0.93))
    (found,) = documents(Part("f.pdf", "f" * 64, 1, "application/pdf", Role.ATTACHMENT, (page,)))
    assert found.kind is Kind.LETTER_OF_AGREEMENT
    assert found.confidence >= 0.9


def test_a_card_number_is_held_and_masked_everywhere() -> None:
    """The page is its own document and no digit of the number leaves the room."""
    card = "Payment authorization\nName: SYNTHETIC PATIENT ALPHA\nMRN: 4111 1111 1111 1111\nexp 12/29"
    found = documents(paper(RADIOLOGY, card))
    assert [d.kind for d in found] == [Kind.RADIOLOGY_REPORT, Kind.PAYMENT_CARD]
    assert "4111" not in repr(found) and "1111 1111" not in repr(found)


def test_a_mail_body_is_correspondence_with_its_wishes() -> None:
    """What the sender asks for becomes fields."""
    text = (
        "Dear team,\nplease find attached the CT report of my father. We would like the slides reviewed; the "
        "paraffin blocks come by courier."
        " Please return the documents. A video visit would be good. I prefer fax.\nKind regards"
    )
    (found,) = documents(paper(text, role=Role.BODY))
    assert found.kind is Kind.CORRESPONDENCE
    wished = {"pathology_requested", "mentions_specimen", "return_requested", "video_requested"}
    assert all(found.fields[key] is True for key in wished)
    assert found.fields["prefers"] == "fax"


def test_a_report_pasted_into_a_mail_is_that_report() -> None:
    """Some physicians paste the whole report."""
    (found,) = documents(paper(RADIOLOGY, role=Role.BODY))
    assert found.kind is Kind.RADIOLOGY_REPORT


def test_programs_logos_and_empty_bodies_give_no_document() -> None:
    """They are accounted for elsewhere, not identified."""
    logo = replace(paper("", role=Role.INLINE), media_type="image/png", width=120, height=60)
    program = paper("", role=Role.PROGRAM)
    assert documents(logo, program, paper("", role=Role.BODY)) == ()


def test_a_picture_without_words_is_unknown() -> None:
    """A photo with nothing readable is for people to look at; one with a problem speaks through it."""
    photo = Part("p.jpg", "b" * 64, 1, "image/jpeg", Role.ATTACHMENT, (Page(1, "", TextSource.NONE),), width=3000, height=2000)
    (found,) = documents(photo)
    assert (found.kind, found.text_source) == (Kind.UNKNOWN, "none")
    assert "looks_like" not in found.fields
    assert identify(reading(photo, problems=[Problem("illegible", "p.jpg", "")]), RULES) == ()


def test_what_is_surely_none_says_what_it_looks_like() -> None:
    """A newsletter is put aside, an unclear page is not."""
    news = (
        "NEWSLETTER\nIn this issue: upcoming events. Register now! Read more on our website. Unsubscribe "
        "here. Special offer, discount."
    )
    (found,) = documents(paper(news))
    assert (found.kind, found.fields["looks_like"]) == (Kind.UNKNOWN, "newsletter")
    (unclear,) = documents(paper("hello world"))
    assert (unclear.kind, "looks_like" in unclear.fields) == (Kind.UNKNOWN, False)


def test_a_structured_report_on_a_disc_is_a_report() -> None:
    """SR text is judged like a page and keeps its header's facts; images beside it are a study."""
    header = Dicom(
        sop_class="1.2.840.10008.5.1.4.1.1.88.33", sop_instance="1.9", study="1.2.3", series="1.2.3.9", modality="SR",
        has_pixels=False, study_date="2026-03-14", patient_id="SYN-1", accession="ACC-7",
    )  # fmt: skip
    text = (Page(1, "CT chest\nFindings: no pleural effusion, lungs are clear.", TextSource.LAYER),)
    report = Part("disc/sr", "c" * 64, 1, "application/dicom", Role.MEMBER, text, header)
    image = replace(
        header, sop_class="1.2.840.10008.5.1.4.1.1.2", modality="CT", has_pixels=True, sop_instance="1.1", instance_number=1
    )
    picture = Part("disc/1", "d" * 64, 1, "application/dicom", Role.MEMBER, dicom=image)
    found = documents(report, picture)
    assert [d.kind for d in found] == [Kind.RADIOLOGY_REPORT, Kind.RADIOLOGY_IMAGE]
    assert found[0].fields["study_uid"] == found[1].fields["study_uid"] == "1.2.3"


def test_an_identity_card_is_known_by_its_words_or_its_lines() -> None:
    """A passport without readable lines is still one."""
    text = (
        "PASSPORT\nSurname: PATIENT\nGiven names: SYNTHETIC\nNationality: UTOPIAN\nPlace of birth: "
        "EXAMPLE\nDate of expiry: 01 JAN 2030"
    )
    (found,) = documents(paper(text))
    assert found.kind is Kind.IDENTITY_DOCUMENT


def test_a_fax_cover_is_one_page() -> None:
    """What follows a cover sheet is not part of it."""
    cover = (
        "FAX COVER SHEET\nTo: International Patient Program\nFrom: Example Clinic\nNumber of pages including "
        "cover: 2\nRe: records"
    )
    found = documents(paper(cover, RADIOLOGY, source=TextSource.OCR))
    assert [d.kind for d in found] == [Kind.COVER_SHEET, Kind.RADIOLOGY_REPORT]


def test_the_same_document_twice_has_one_id() -> None:
    """An id is a function of bytes and pages, not of the name."""
    one, two = documents(paper(RADIOLOGY)), documents(paper(RADIOLOGY, path="copy.pdf"))
    assert one[0].id == two[0].id
