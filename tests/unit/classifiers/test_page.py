"""What a page is: fifteen languages, the hard pairs, and OCR's mistakes."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from classifiers.page import CLASSES, classify_page, probabilities
from classifiers.phrases import PhraseIndex
from classifiers.words import prepare, without_fax_line
from records.model import Kind

PAGES = tomllib.loads((Path(__file__).parent / "pages.toml").read_text(encoding="utf-8"))["page"]
FILLING = {Kind.RADIOLOGY_REPORT, Kind.PATHOLOGY_REPORT, Kind.INFORMED_CONSENT, Kind.MEDICAL_RECORD, Kind.LETTER_OF_AGREEMENT}
CONFUSIONS = {"m": "rn", "l": "1", "o": "0", "e": "c", "h": "b", "n": "u", "t": "f", "s": "5", "a": "o", "g": "q", "I": "l"}


def names(page: dict[str, str]) -> str:
    return f"{page['language']}-{page['kind']}-{PAGES.index(page)}"


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_a_page_in_any_language_is_what_it_is(page: dict[str, str]) -> None:
    """Each synthetic page gets its kind with confidence, its language, and evidence that stands on it."""
    scored = classify_page(page["text"])
    if page["kind"] == "none":
        assert scored.kind not in FILLING
        assert scored.evidence[0].startswith("looks like")
        return
    assert scored.kind.value == page["kind"]
    assert scored.confidence >= 0.7
    assert scored.language == page["language"]
    assert scored.evidence


def test_a_discharge_letter_that_quotes_a_ct_is_a_record() -> None:
    """Imaging quoted inside a stay's story does not make it a radiology report."""
    text = (
        "Discharge letter\nThe patient was admitted with fever. CT of the chest showed consolidation in the "
        "right lower lobe and a "
        "small pleural effusion; MRI of the brain was unremarkable. He was treated with ceftriaxone 2 g "
        "daily and discharged home."
    )
    assert classify_page(text).kind is Kind.MEDICAL_RECORD


def test_a_radiology_report_that_mentions_biopsy_is_no_pathology() -> None:
    """A recommendation of biopsy, and a biopsy clip, are said in imaging reports."""
    text = (
        "MAMMOGRAM, BILATERAL\nTechnique: CC and MLO views.\nThere is a spiculated mass of 15 mm in the "
        "upper outer quadrant of the "
        "left breast with microcalcifications. A biopsy clip lies in the right breast.\nImpression: BI-RADS "
        "5. Core biopsy advised."
    )
    assert classify_page(text).kind is Kind.RADIOLOGY_REPORT


def test_a_biopsy_procedure_note_is_not_its_pathology_report() -> None:
    """How the tissue was taken is a record; what it shows is pathology."""
    note = (
        "ULTRASOUND-GUIDED BREAST BIOPSY, PROCEDURE NOTE\nConsent was obtained. Local anesthesia with "
        "lidocaine. Four cores were taken "
        "with a 14 gauge needle and sent to pathology in formalin. A clip was placed. The patient tolerated the procedure well."
    )
    report = (
        "BREAST, LEFT, CORE BIOPSY\nGross: four cores of tan tissue, formalin fixed, entirely "
        "submitted.\nMicroscopic: sections show "
        "invasive ductal carcinoma, grade 2. Estrogen receptor positive.\nDiagnosis: invasive ductal carcinoma."
    )
    assert classify_page(note).kind is Kind.MEDICAL_RECORD
    assert classify_page(report).kind is Kind.PATHOLOGY_REPORT


def test_a_story_of_imaging_tissue_and_treatment_is_a_record() -> None:
    """A case history full of findings is still a history."""
    text = (
        "A 44-year-old woman presented with a breast lump. Mammography showed a spiculated mass and "
        "ultrasound confirmed it. Biopsy "
        "revealed invasive carcinoma, estrogen receptor positive, HER2 negative. She received chemotherapy, "
        "then mastectomy with free "
        "margins, and radiotherapy. After three years of follow-up there is no recurrence."
    )
    assert classify_page(text).kind is Kind.MEDICAL_RECORD


def test_consent_words_in_a_report_do_not_make_it_a_consent() -> None:
    """Operation notes say that consent was obtained."""
    text = (
        "OPERATIVE NOTE\nInformed consent was obtained after the risks were explained. Preoperative "
        "diagnosis: hernia. The patient was "
        "prepped and draped. An incision was made. Estimated blood loss 20 ml."
    )
    assert classify_page(text).kind is Kind.MEDICAL_RECORD


def test_nothing_to_read_is_abstained() -> None:
    """Without words there is no kind, and the confidence says so."""
    for text in ("", "   \n", "lorem ipsum dolor sit amet", "12345 67890"):
        scored = classify_page(text)
        assert scored.kind is Kind.UNKNOWN
        assert scored.confidence < 0.6


def test_below_the_threshold_the_guess_is_kept_but_not_said() -> None:
    """The threshold decides between a kind and an abstention; the best guess stays visible."""
    text = "CT chest\nNo pleural effusion."
    assert classify_page(text, threshold=0.5).kind is Kind.RADIOLOGY_REPORT
    strict = classify_page(text, threshold=0.9999)
    assert strict.kind is Kind.UNKNOWN
    assert strict.best is Kind.RADIOLOGY_REPORT
    assert "not sure enough" in strict.evidence[0]


def test_a_title_may_end_its_line() -> None:
    """English names the paper last (`Dental Implant Consent Form`); the same words inside a sentence are none."""
    titled = classify_page("Wisdom Tooth Removal Consent Form\nI understand the risks and agree.")
    assert (titled.kind, titled.title) == (Kind.INFORMED_CONSENT, "informed_consent")
    assert classify_page("please send back the signed consent form").title is None


def test_a_small_word_is_a_heading_only_before_a_colon() -> None:
    """`To`, `De` and `Van` head a fax's lines; at the beginning of a sentence they say nothing."""
    assert classify_page("De rechter nier is normaal").weights["cover_sheet"] < 1.0
    assert classify_page("De: afdeling pathologie").weights["cover_sheet"] >= 1.0


def test_a_word_is_one_word_in_small_and_capital_letters() -> None:
    """Writing a word again in capitals repeats it, and is no second word."""
    again = classify_page("pneumothorax\nPNEUMOTHORAX\nPneumothorax").weights["radiology_report"]
    assert again < 2 * classify_page("pneumothorax").weights["radiology_report"]


def test_what_no_checklist_asks_for_is_one_question() -> None:
    """A letter that might as well be an advertisement is answered, for no checklist asks which of the two it is."""
    text = "Dear neighbours,\nSave the date for the summer party.\nRead more on our website.\nKind regards"
    scored = classify_page(text)
    assert scored.kind is Kind.CORRESPONDENCE
    assert scored.probabilities[Kind.CORRESPONDENCE] < 0.6 <= scored.confidence


def test_a_menu_of_modalities_is_one_title_at_most() -> None:
    """A list of departments does not pile up titles."""
    one = classify_page("Radiology report").weights["radiology_report"]
    many = classify_page("Radiology report\nCT report\nMRI report\nUltrasound report\nMammography report").weights[
        "radiology_report"
    ]
    assert many < 3 * one


def test_probabilities_sum_to_one_and_follow_the_evidence() -> None:
    """The formula is a distribution, and more weight is more confidence."""
    low, high = probabilities({"radiology_report": 2.0}), probabilities({"radiology_report": 6.0})
    assert sum(low.values()) == pytest.approx(1.0)
    assert set(low) == set(CLASSES)
    assert high["radiology_report"] > low["radiology_report"] > low["pathology_report"]


def spoiled(text: str, rate: float, seed: int) -> str:
    """`text` as a poor scan reads: confused letters, lost accents and letters, broken words."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable nuisance, not a secret
    letters = []
    for c in text:
        roll = chance.random()
        if c.isspace() or roll > 1.4 * rate:
            letters.append(c)
        elif roll > rate:
            letters.append(c + " ")
        else:
            letters.append(CONFUSIONS.get(c, "") if c.isascii() else chance.choice((c, "", ".")))
    return "".join(letters)


@pytest.mark.parametrize(("rate", "answered"), [(0.02, 0.95), (0.05, 0.93), (0.09, 0.85)])
def test_a_poor_scan_costs_answers_not_truth(rate: float, answered: float) -> None:
    """With a share of all letters wrong, what is still said stays right, and most is still said."""
    said = right = 0
    pages = [page for page in PAGES if page["kind"] != "none"]
    for seed, page in enumerate(pages):
        scored = classify_page(spoiled(page["text"], rate, seed), noisy=True)
        if scored.kind is not Kind.UNKNOWN:
            said += 1
            right += scored.kind.value == page["kind"]
    assert right == said
    assert said >= answered * len(pages)


def test_broken_spaced_and_hyphenated_words_are_mended() -> None:
    """Letters set apart, words broken by OCR and words divided at a line's end are still read."""
    text = "R A D I O L O G Y  R E P O R T\nNo pleu ral effu-\nsion. The costo phrenic angles are clear, no pneumo-\nthorax."
    assert classify_page(text, noisy=True).kind is Kind.RADIOLOGY_REPORT


def test_a_broken_line_that_begins_with_a_report_s_name_is_no_title() -> None:
    """Recognition puts blank lines into paragraphs; what begins small and goes on is still a sentence."""
    scored = classify_page(
        "Please send the images and the\n\npathology material of our patient to the hospital named here\n\nin March"
    )
    assert not [seen for seen in scored.seen if seen.title]
    assert classify_page("pathology report\nNodes: free").title == Kind.PATHOLOGY_REPORT


@pytest.mark.parametrize(
    ("term", "word", "found"),
    [
        ("charter", "charter", True),
        ("charter", "chaiter", True),
        ("charter", "chartter", True),
        ("charter", "charte", True),
        ("charter", "charite", False),
        ("согласен", "согласно", False),
        ("rescission", "precision", False),
    ],
)
def test_one_slip_is_forgiven_and_not_two(term: str, word: str, found: bool) -> None:
    """A wrong, missing or extra letter; a letter moved elsewhere makes another word."""
    hits = list(PhraseIndex([term]).find(prepare(f"the {word} here"), noisy=True))
    assert bool(hits) is found


@pytest.mark.parametrize(
    ("line", "gone"),
    [
        ("FROM +00 5550105 2026-03-06 15:24 P.O1", True),
        ("03/06/2026 3:24 PM  EXAMPLE CLINIC  555 0100 222  Page 2/5", True),
        ("2026-03-06 15:24 From:EXAMPLE To:0005550100", True),
        ("CT ABDOMEN 06/03/2026", False),
        ("Reported 14 January at 14:10", False),
        ("From: the pathology department", False),
    ],
)
def test_the_fax_machines_line_is_no_word_of_the_document(line: str, gone: bool) -> None:
    """A clock with two of page counter, number or sender, and day: the machine's line; a document's own line stays."""
    text = f"{line}\nThe lungs are clear."
    assert (without_fax_line(text) == "The lungs are clear.") is gone
