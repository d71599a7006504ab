"""What we say: every event, in every language, with every finding; nothing of a patient, the same in text and HTML."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from importlib.resources import files
from itertools import product
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.reasons import reasons
from config.rules import Programme
from config.telling import OUTWARD
from outbound.compose import STAFF_ONLY, bounce_address, compose
from outbound.markup import columns
from outbound.wording import GAP_GROUPS, best, language, languages
from records.errors import ConfigurationError, PermanentError
from records.model import Event, Finding, Message, Recipient, Severity, Update
from tests.unit.outbound.making import NOW, PROGRAMME, message, missing, update

GAPS, DOUBTFUL, ADVISORY = (
    sorted(reason.code for reason in reasons().values() if reason.severity == severity)
    for severity in ("missing", "doubtful", "advisory")
)
CANARIES = ("SYNTHETIC PATIENT ALPHA", "1961-04-03", "MRN-77120", "carcinoma", "scan_alpha.pdf")
CT = {"modality": "CT", "body_part": "CHEST", "date": "2026-04-03"}
EXPLAINING = frozenset({"not_an_image_set", "images_promised"})  # told below the gap that they are about
LANGUAGES = sorted(languages())


def finding(code: str, severity: Severity, study: dict[str, str] | None = None) -> Finding:
    """With a detail full of what must never go out."""
    return Finding(code, severity, " ".join(CANARIES), document="SYNTHETIC-PATIENT-ALPHA", study=study or {})


EVERYTHING = (
    *(finding(code, Severity.MISSING, study) for code in GAPS for study in ({}, CT)),
    *(finding(code, Severity.ADVISORY) for code in ADVISORY),
    *(finding(code, Severity.DOUBTFUL) for code in DOUBTFUL),
)
EACH = list(product(OUTWARD, LANGUAGES, (Recipient.SUBMITTER, Recipient.PHYSICIAN)))


def words(text: str) -> list[str]:
    """Letter by letter where a language has no spaces, for there a line may end inside a word."""
    return re.findall(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]|(?:(?![\u3000-\u30ff\u3400-\u9fff\uff00-\uffef])\w)+", text)


def read_html(html: str) -> ET.Element:
    """Parsed as XML: stricter than any browser."""
    return ET.fromstring(html.partition("\n")[2])  # noqa: S314 - our own text


@pytest.mark.parametrize(("event", "code", "recipient"), EACH)
def test_every_template_renders_with_every_finding(event: Event, code: str, recipient: Recipient) -> None:
    """Text within 78 columns, HTML accessible, the same words in both, the programme's facts, no canary, English below."""
    sent = compose(update(event, language=code, recipient=recipient, findings=EVERYTHING), PROGRAMME, NOW)
    html = read_html(sent.html)
    assert max(columns(line) for line in sent.text.splitlines()) <= 78
    assert "\n\n\n" not in sent.text
    assert (html.get("lang"), html.get("dir")) == (code, "rtl" if code == "ar" else "ltr")
    assert len(html.findall(".//h1")) == 1
    letters = [part.get("lang") for part in html.findall("./body/div")]
    assert letters == (["en"] if code == "en" else [code, "en"])
    assert sent.text.endswith(sent.english)
    assert html.findall(".//img") == html.findall(".//script") == html.findall(".//table") == []
    assert words(" ".join(html.find("body").itertext())) == words(sent.text)  # type: ignore[union-attr] # there is one
    assert sent.subject.startswith("[SOMRR-7F3K2-9] ")
    assert len(sent.subject) <= 78
    for fact in (PROGRAMME.fax, PROGRAMME.mailbox, *PROGRAMME.address, "SOMRR-7F3K2-9"):
        assert fact in sent.text
    for canary in (*CANARIES, "ALPHA"):
        assert canary.lower() not in whole(sent).lower()
    assert "{" not in sent.text
    assert dict(sent.headers)["Content-Language"] == ("en" if code == "en" else f"{code}, en")


def whole(sent: Message) -> str:
    return "\n".join([sent.subject, sent.text, sent.html, sent.message_id, *(f"{name}: {value}" for name, value in sent.headers)])


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_code_has_its_sentence(code: str) -> None:
    """A code of the catalogue that a language has no text for is a fault, and so is a text without a code."""
    findings = language(code).findings
    assert {one for one, (group, _) in findings.items() if group in GAP_GROUPS} == {*GAPS, *EXPLAINING}
    assert {one for one, (group, _) in findings.items() if group == "hints"} == set(ADVISORY) - STAFF_ONLY - EXPLAINING


def test_every_language_has_the_same_words() -> None:
    """A language is complete or it is not there: same keys in every table, a prose file for each event."""

    def keys(table: object, path: str = "") -> set[str]:
        if not isinstance(table, dict):
            return {path}
        return set().union(*(keys(value, f"{path}.{key}") for key, value in table.items())) | {path}

    expected = keys(language("en").words)
    for code in LANGUAGES:
        assert keys(language(code).words) == expected
        assert language(code).words["code"] == code
        assert len(language(code).words["months"]) == 12


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_rejection_lists_every_gap_once_under_its_group(code: str) -> None:
    """R28: one notice, all gaps, grouped; repeated findings are said once; doubtful ones not at all."""
    many = (*EVERYTHING, *EVERYTHING)
    html = read_html(message(update(Event.REJECTED, language=code, findings=many)).html).find("./body/div")
    assert html is not None
    entries = ["".join(entry.itertext()) for entry in html.findall(".//li")]
    expected = {language(code).sentence(one, study) for one in GAPS for study in ({}, CT)}
    expected |= {language(code).sentence(one, {}) for one in ADVISORY if one not in STAFF_ONLY}
    assert len(entries) == len(set(entries))
    assert set(entries) == expected
    headings = ["".join(heading.itertext()) for heading in html.findall("./h2")]
    titles = language(code).words["groups"]
    assert headings[:3] == [titles["forms"], titles["radiology"], titles["pathology"]]


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_promise_and_a_photo_are_told_where_the_images_are_asked_for(code: str) -> None:
    """R13: below the gap while images are missing; afterwards a link is good to know, and what was set aside is past."""
    told = tuple(Finding(one, Severity.ADVISORY) for one in sorted(EXPLAINING))
    asked = read_html(message(update(Event.REJECTED, language=code, findings=(missing("radiology_image_missing"), *told))).html)
    letter = asked.find("./body/div")
    assert letter is not None
    (listed,) = letter.findall("./ul")
    sentences = [language(code).sentence(one, {}) for one in ("radiology_image_missing", *sorted(EXPLAINING))]
    assert ["".join(entry.itertext()) for entry in listed] == sentences
    opened = flat(message(update(Event.OPENED, language=code, findings=told[:1])))
    assert "".join(opened.split()).count("".join(sentences[1].split())) == 1


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_fee_is_told_and_its_amounts_only_where_they_are_configured(code: str) -> None:
    """R15: it depends on the slides; below a gap as well as by itself, in the reader's language and in English."""
    priced = PROGRAMME.model_copy(update={"fee_stained": "US$ 311", "fee_unstained": "US$ 422"})
    half = PROGRAMME.model_copy(update={"fee_stained": "US$ 311"})
    fee = finding("pathology_fee", Severity.ADVISORY)
    for owed in (
        update(Event.REJECTED, language=code, findings=(missing("specimen_missing"), fee)),
        update(Event.OPENED, language=code, findings=(fee,)),
    ):
        told = {code: language(code).sentence("pathology_fee", {}, priced.fees) for code in {code, "en"}}
        said = compose(owed, priced, NOW)
        for text in (said.text, said.html or ""):
            assert all(text.count(amount) == len(told) for amount in ("US$ 311", "US$ 422"))
        assert all("".join(one.split()) in "".join(said.text.replace("  * ", "").split()) for one in told.values())
        for silent in (PROGRAMME, half):
            assert "US$ " not in compose(owed, silent, NOW).text
            bare = language(code).sentence("pathology_fee", {}, silent.fees)
            assert not re.search(r"\d", bare)
            assert "".join(bare.split()) in "".join(compose(owed, silent, NOW).text.split())


@pytest.mark.parametrize("amount", ["US$ 350", "$1,200.00", "350 USD", "€ 300", "1200"])
def test_an_amount_is_figures_and_a_currency(amount: str) -> None:
    """What an operator may write for the notices."""
    assert Programme(fee_stained=amount, fee_unstained=amount).fees == {"stained": amount, "unstained": amount}


@pytest.mark.parametrize("amount", ["about 300", "300\nBcc: a@b.example", "<b>300</b>", "{{ 7 }}", "US$ " + "9" * 60])
def test_what_is_no_amount_is_refused_at_start(amount: str) -> None:
    """No sentence, no mark-up, no second line gets into a notice by that way."""
    with pytest.raises(ValueError, match="fee_stained"):
        Programme(fee_stained=amount)


def test_a_study_is_named_by_modality_body_part_and_date() -> None:
    """R13, in words of the reader's language."""
    owed = update(Event.REJECTED, findings=(missing("report_without_images", **CT),))
    assert "the CT scan of the chest dated 3 April 2026" in flat(message(owed))
    spanish = message(update(Event.REJECTED, language="es", findings=owed.findings))
    assert "la tomografía computarizada (TC) de tórax del 3 de abril de 2026" in flat(spanish)


@pytest.mark.parametrize(
    ("study", "phrase"),
    [
        ({"modality": "CT", "body_part": "ABDOMEN+CHEST"}, "the CT scan of the chest and abdomen"),
        ({"modality": "CT", "body_part": "NECK+CHEST"}, "the CT scan of the neck, chest"),
        ({"modality": "mr", "body_part": "KNEE"}, "the MRI scan of the knee"),
        ({"modality": "XR", "date": "2026-01-31"}, "the X-ray dated 31 January 2026"),
        ({"body_part": "HEAD"}, "the imaging study of the head"),
        ({"modality": "SYNTHETIC PATIENT ALPHA", "body_part": "SYNTHETIC PATIENT ALPHA", "date": "1961-04-99"}, ""),
        ({"modality": "CT", "body_part": "SYNTHETIC PATIENT ALPHA", "date": "yesterday"}, "the CT scan"),
        ({}, ""),
    ],
)
def test_only_words_of_the_closed_lists_name_a_study(study: dict[str, str], phrase: str) -> None:
    """A body part field in which somebody typed a name stays in the house."""
    assert language("en").study(study) == phrase


@given(st.dictionaries(st.sampled_from(["modality", "body_part", "date", "patient"]), st.text(max_size=30)))
def test_no_text_of_a_study_gets_out(study: dict[str, str]) -> None:
    """Property: a phrase is made of our own words and figures alone."""
    known = " ".join(str(value) for table in ("modality", "body_part", "study") for value in language("en").words[table].values())
    allowed = set(words(known)) | set(language("en").words["months"]) | {"the", "of", "dated"}
    assert all(word in allowed or word.isdecimal() for word in words(language("en").study(study)))


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("table", ["modality", "body_part"])
def test_every_canonical_word_of_the_classifiers_has_one_for_the_reader(table: str, code: str) -> None:
    """What can be read in a report or a DICOM header can be said, too."""
    canonical = tomllib.loads(files("classifiers").joinpath("lexicon", "anatomy.toml").read_text("utf-8"))[table]
    assert set(canonical) <= set(language(code).words[table])


def test_every_colour_of_the_html_stands_out_by_day_and_by_night() -> None:
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5 to 1, on white and on the dark theme's own ground."""
    head, _, body = message().html.partition("</style>")
    night = re.search(r"background-color: #([0-9a-f]{6})", head)
    assert night is not None
    for text, ground in ((body, "ffffff"), (head, night[1])):
        colours = set(re.findall(r"(?<![-\w])color: ?#([0-9a-f]{6})", text))
        assert len(colours) >= 3
        assert all(contrast(colour, ground) >= 4.5 for colour in colours)


def contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_who_writes_from_abroad_sees_how_to_dial_and_which_country() -> None:
    """The configured facts as they stand, with the calling code and the country that a courier's form asks for."""
    text = message(update(Event.OPENED)).text
    assert f"Fax: +1 {PROGRAMME.fax}\n" in text
    assert f"  {PROGRAMME.address[-1]}\n  USA\n" in text
    other = Programme(fax="+44 20 7946 0000", country="")
    assert other.fax_abroad == "+44 20 7946 0000"
    assert other.address_abroad == other.address


@pytest.mark.parametrize(
    ("wished", "got"),
    [("es", "es"), ("es-MX", "es"), ("ES_419", "es"), ("zh-Hant", "zh"), ("de", "en"), ("", "en"), ("../es", "en"), ("en", "en")],
)
def test_the_reader_gets_their_language_or_english(wished: str, got: str) -> None:
    """English lies below every other."""
    assert best(wished, PROGRAMME.languages).code == got


def test_a_language_that_the_programme_switched_off_is_not_used() -> None:
    """The configuration decides which are offered."""
    assert best("es", ("en",)).code == "en"


def test_the_programme_s_facts_come_from_the_configuration_and_are_escaped() -> None:
    """Another address, fax and mailbox; signs that mean something in HTML stay signs."""
    other = Programme(hospital="Health & <Care>", address=("1 Example Street",), fax="+1 555 0100", mailbox="office@example.org")
    sent = compose(update(Event.OPENED), other, NOW)
    html = read_html(sent.html)
    assert "Health & <Care>" in sent.text
    assert "Health & <Care>" in "".join(html.itertext())
    assert sent.message_id == "<u4f9a1c07@example.org>"
    assert PROGRAMME.fax not in whole(sent)
    assert html.find(".//a").get("href") == "mailto:office@example.org?subject=%5BSOMRR-7F3K2-9%5D"  # type: ignore[union-attr] # there is one


@pytest.mark.parametrize(
    ("owed", "code"),
    [
        (update(address=None), "no_address"),
        (update(address="physician@example.org\r\nBcc: x@example.net"), "bad_address"),
        (update(channel="fax"), "bad_address"),
        (update(case_ref="SOMRR-1\r\nX: y"), "bad_reference"),
        (update(case_ref="SYNTHETIC PATIENT ALPHA"), "bad_reference"),
        (update(id="a/../b"), "bad_id"),
        (update(id="a\nb"), "bad_id"),
        (update(Event.REJECTED), "nothing_missing"),
        (update(Event.REJECTED, findings=(finding("identity_conflict", Severity.DOUBTFUL),)), "nothing_missing"),
        (update(Event.REJECTED, findings=(missing("no_such_code"),)), "finding_without_text"),
    ],
)
def test_what_would_be_unsafe_or_incomplete_is_not_composed(owed: Update, code: str) -> None:
    """A permanent fault for staff instead."""
    with pytest.raises(PermanentError) as fault:
        compose(owed, PROGRAMME, NOW)
    assert fault.value.code == code
    assert "ALPHA" not in str(fault.value)


@pytest.mark.parametrize(
    "changes", [{"mailbox": "office@example.org\r\nBcc: x"}, {"mailbox": "office"}, {"sender_name": "A\r\nB"}]
)
def test_a_sender_that_can_not_be_is_a_fault_of_the_configuration(changes: dict[str, str]) -> None:
    """Even our own settings get into a header checked."""
    with pytest.raises(ConfigurationError, match="bad_sender"):
        compose(update(), Programme.model_validate(changes), NOW)


def test_no_template_states_a_fact_of_the_programme_by_itself() -> None:
    """R22: name, hospital, address, fax and mailbox stand in the configuration and nowhere else."""
    facts = (PROGRAMME.name, PROGRAMME.hospital, PROGRAMME.services, PROGRAMME.fax, PROGRAMME.mailbox, *PROGRAMME.address)
    templates = [path for code in LANGUAGES for path in files("outbound").joinpath("templates", code).iterdir()]
    assert len(templates) == len(LANGUAGES) * (len(OUTWARD) + 2)
    for path in templates:
        text = path.read_text("utf-8")
        assert [fact for fact in facts if fact in text] == [], path.name


def test_a_bounce_comes_back_with_the_update_s_own_token() -> None:
    """VERP: the address says which update it was; an acknowledgement has none (RFC 3834), and no tag is no token."""
    told = compose(update(Event.OPENED), PROGRAMME, NOW, "+")
    assert told.return_path == "patientsintl+u4f9a1c07@ucsd.edu"
    assert compose(update(), PROGRAMME, NOW, "+").return_path == ""
    assert compose(update(Event.OPENED), PROGRAMME, NOW).return_path == PROGRAMME.mailbox
    assert bounce_address("a" * 80, PROGRAMME, "+") == PROGRAMME.mailbox, "longer than a local part may be: the plain address"


def test_thread_headers_from_outside_are_checked_each() -> None:
    """What is no message id does not get into a header."""
    headers = dict(message(update(in_reply_to="<a@b.example>\r\nBcc: x", references=("<c@d.example>", "x y"))).headers)
    assert "In-Reply-To" not in headers
    assert headers["References"] == "<c@d.example>"
    assert headers["Auto-Submitted"] == "auto-generated"


def test_a_claimed_message_id_is_kept() -> None:
    """A resend is recognised by its id, even when the mailbox has been renamed in between."""
    assert message(update(message_id="<u4f9a1c07@old.example>")).message_id == "<u4f9a1c07@old.example>"


def test_the_same_update_is_the_same_message() -> None:
    """Pure: no clock, no chance."""
    owed = update(Event.REJECTED, findings=EVERYTHING)
    assert compose(owed, PROGRAMME, NOW) == compose(owed, PROGRAMME, NOW)
    later = compose(owed, PROGRAMME, datetime(2026, 11, 25, tzinfo=UTC))
    assert (later.message_id, later.text) == (message(owed).message_id, message(owed).text)


def test_a_fax_says_what_the_mail_says() -> None:
    """One text for both channels."""
    faxed = message(update(Event.OPENED, channel="fax", address="+52 55 5555 0100"))
    assert faxed.text == message(update(Event.OPENED)).text
    assert faxed.to == "+52 55 5555 0100"


def flat(sent: Message) -> str:
    return " ".join(sent.text.split())
