"""Stories of packets in the embedded default: what becomes of each, against the expectation beside it."""

from __future__ import annotations

import email
import email.policy
import hashlib
import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.hospital import Hospital

pytestmark = pytest.mark.scenario


def expectation(name: str, made: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made / "packets" / f"{name}.expect.json").read_text())
    return found


def arrive(hospital: Hospital, arrival: dict[str, str], folder: Path) -> None:
    thing = folder / arrival["file"]
    {"email": hospital.post, "fax": hospital.fax, "courier": hospital.courier}[arrival["channel"]](thing)


def codes(case: dict[str, Any]) -> set[str]:
    return {f["code"] for f in case["findings"] if f["severity"] != "advisory"}


def outgoing(hospital: Hospital, event: str) -> str:
    """The text of the mail written for this event."""
    (row,) = [r for r in hospital.outbox() if r["event"] == event and r["status"] == "sent"]
    return (hospital.home / "outgoing" / f"{row['id']}.eml").read_text()


def test_02_a_packet_by_fax_with_its_disc_by_courier_opens_a_case(embedded: Hospital, made: Path) -> None:
    """One fax PDF holds forms, report and records; the images come on a disc: one case, open."""
    embedded.fax(made / "packets" / "complete-fax" / "fax.pdf")
    embedded.once()
    case = embedded.only_case()
    assert case["missing"] == ["radiology_image"], codes(case)
    embedded.courier(made / "packets" / "complete-fax" / "disc")
    embedded.once()
    case = embedded.only_case()
    assert (case["status"], case["channels"]) == ("open", ["courier", "fax"])


@pytest.mark.parametrize("order", [(3, 2, 1, 0), (2, 0, 3, 1)])
def test_03_a_packet_split_over_mails_and_a_fax_in_any_order_is_one_case(
    order: tuple[int, ...], embedded: Hospital, made: Path
) -> None:
    """Three mails and a fax, in any order, end as one open case with the same documents."""
    expect = expectation("split", made)
    for place in order:
        arrive(embedded, expect["arrivals"][place], made / "packets" / "split")
        embedded.once(settled=False)
    embedded.once()
    case = embedded.only_case()
    assert (case["status"], case["arrivals"]) == ("open", 4)
    assert {kind: case["documents"].get(kind) for kind in expect["documents"]} == expect["documents"]


def test_04_an_unsigned_agreement_is_rejected_and_the_notice_says_so(embedded: Hospital, made: Path) -> None:
    """R10: the case is rejected, and the mail names the signature."""
    embedded.post(made / "packets" / "loa-unsigned.eml")
    embedded.once()
    case = embedded.only_case()
    assert (case["status"], codes(case)) == ("rejected", {"loa_unsigned"})
    assert "sign" in outgoing(embedded, "rejected")


def test_05_missing_reports_name_the_study(embedded: Hospital, made: Path) -> None:
    """R13: images without a report are told by modality, body part and date."""
    embedded.post(made / "packets" / "missing-reports.eml")
    embedded.once()
    case = embedded.only_case()
    (gap,) = [f for f in case["findings"] if f["code"] == "images_without_report"]
    text = outgoing(embedded, "rejected")
    assert gap["study"]["modality"] == "CT"
    assert "CT" in text
    assert gap["study"]["date"][:4] in text


def test_06_a_second_mail_completes_a_rejected_case(embedded: Hospital, made: Path) -> None:
    """What was missing comes in an answer: rejected becomes open."""
    first, second = sorted((made / "packets" / "second-part").glob("*.eml"))
    embedded.post(first)
    embedded.once()
    assert embedded.only_case()["status"] == "rejected"
    embedded.post(second)
    embedded.once()
    case = embedded.only_case()
    assert (case["status"], case["missing"]) == ("open", [])
    assert [r["event"] for r in embedded.outbox() if r["status"] == "sent"].count("opened") == 1


def test_12_a_poison_document_is_quarantined_and_the_rest_goes_on(embedded: Hospital, made: Path) -> None:
    """A PDF that never ends: it waits in quarantine with its original, every other document is filed."""
    source = made / "packets" / "poison.eml"
    embedded.post(source)
    embedded.once()
    (held,) = embedded.quarantine()
    assert held["reason"] in ("parser_timeout", "parser_memory", "parser_crashed", "pdf_malformed", "page_count")
    folder = embedded.home / held["folder"]
    originals = [p for p in folder.iterdir() if p.stem == "original"]
    assert [hashlib.sha256(p.read_bytes()).hexdigest() for p in originals] == [hashlib.sha256(source.read_bytes()).hexdigest()]
    why = (folder / "WHY.txt").read_text()
    assert held["id"] in why
    assert sum(embedded.only_case()["documents"].values()) >= 4


EXAMPLES = [
    "complete-en",
    "complete-es",
    "loa-unsigned",
    "loa-undated",
    "loa-unreplaced",
    "consent-unsigned",
    "missing-loa",
    "missing-consent",
    "missing-reports",
    "missing-images",
    "series-gap",
    "two-patients",
    "two-requests",
    "encrypted",
    "card",
    "fax-only",
    "fax-only-es",
    "complete-fax",
    "complete-fax-es",
    "second-part",
    "split",
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_14_every_example_packet_ends_as_its_expectation_says(name: str, embedded: Hospital, made: Path) -> None:
    """Status after each arrival, gaps, findings, documents and quarantine agree with the expectation beside the packet."""
    expect = expectation(name, made)
    folder = made / "packets" / name
    for arrival, status in zip(expect["arrivals"], expect["after"], strict=True):
        arrive(embedded, arrival, folder if folder.is_dir() else folder.parent)
        embedded.once()
        cases = embedded.cases()
        assert [c["status"] for c in cases] == [status] * expect["cases"], [c["findings"] for c in cases]
    quarantined = embedded.quarantine()
    reasons = {h["reason"] for h in quarantined}
    assert len(quarantined) == expect["quarantined"], reasons
    assert not expect["reasons"] or reasons <= set(expect["reasons"])
    for case in embedded.cases():
        assert sorted(case["missing"]) == sorted(expect["missing"]), case["findings"]
        assert codes(case) == set(expect["finding_codes"])
        if expect["documents"]:
            assert {k: v for k, v in case["documents"].items() if k in expect["documents"]} == expect["documents"]


def test_15_staff_release_and_discard_send_a_held_thing_down_the_same_path(embedded: Hospital, made: Path) -> None:
    """What could not be read gets a name from staff and fills its gap; deleting the folder loses nothing."""
    embedded.post(made / "packets" / "encrypted.eml")
    embedded.once()
    (held,) = embedded.quarantine()
    assert embedded.only_case()["status"] == "received"
    shutil.rmtree(embedded.home / held["folder"])
    embedded.once()
    assert (embedded.home / held["folder"] / "WHY.txt").exists(), "a view of the ledger comes back"
    embedded.somrr("quarantine", "release", held["id"], "--by", "Staff Example", fails=0)
    embedded.once()
    assert [h["id"] for h in embedded.quarantine()] == [held["id"]], "read again, locked still"
    embedded.somrr("quarantine", "discard", held["id"], "--by", "Staff Example", "--why", "sent again unlocked")
    embedded.once()
    assert embedded.quarantine() == []
    assert not (embedded.home / held["folder"]).exists()
    assert embedded.only_case()["status"] in ("open", "rejected")


def test_16_staff_take_a_case_through_its_life(embedded: Hospital, made: Path) -> None:
    """Approve, pay, begin, complete, close: each by a named person, each told to the physician once."""
    embedded.post(made / "packets" / "complete-en.eml")
    embedded.once()
    ref = embedded.only_case()["ref"]
    embedded.somrr("case", "begin", ref, "--by", "Staff Example", fails=65)
    for act in ("approve", "pay", "begin", "complete", "close"):
        embedded.somrr("case", act, ref, "--by", "Staff Example")
    embedded.once()
    assert embedded.only_case()["status"] == "closed"
    sent = [r["event"] for r in embedded.outbox() if r["status"] == "sent"]
    assert sorted(sent) == sorted(["acknowledged", "opened", "in_review", "completed", "closed"])
    names = {event for event, n in ((e, len(list(g))) for e, g in itertools.groupby(sorted(sent))) if n > 1}
    assert names == set()


def test_17_every_part_of_every_packet_has_one_fate(embedded: Hospital, made: Path) -> None:
    """R26: filed, duplicate, quarantined or ignored, and the sum is 100 %."""
    from records.engine import sqlite_url
    from records.keys import Keyring
    from records.store import Store

    for packet in sorted((made / "packets").glob("*.eml")):
        if packet.stem != "poison":
            embedded.post(packet)
    embedded.once()
    store = Store(sqlite_url(embedded.home / "records.db"), Keyring(embedded.home / "keys"))
    ids = {s for (s,) in store.engine.connect().exec_driver_sql("SELECT id FROM submissions")}
    assert ids
    for submission in ids:
        fates = store.fates(submission)
        assert fates, "a submission without a fate"
        assert len({f.part for f in fates}) == len(fates)
    store.close()


def test_18_nothing_of_a_patient_leaves_the_house_or_reaches_the_log(embedded: Hospital, made: Path) -> None:
    """R33: no name, birth date, number, file name or subject in any mail or log line, in any of several spellings."""
    for packet in ("complete-en", "complete-es", "loa-unsigned", "missing-reports", "encrypted", "two-patients"):
        embedded.post(made / "packets" / f"{packet}.eml")
    said = embedded.once()
    for act in ("approve", "pay", "begin"):
        for case in embedded.rows("cases", "--status", "open"):
            embedded.somrr("case", act, case["ref"], "--by", "Staff Example")
    said += embedded.once()
    mails = [email.message_from_bytes(p.read_bytes(), policy=email.policy.default) for p in embedded.sent_files()]
    assert len(mails) >= 8
    texts = [
        said,
        *(m.as_string() for m in mails),
        *(str(part.get_content()) for m in mails for part in m.walk() if not part.is_multipart()),
    ]
    for word in secrets_of(embedded, made):
        assert not any(word.casefold() in text.casefold() for text in texts), "a patient's particulars left the house"


def secrets_of(hospital: Hospital, made: Path) -> set[str]:
    """What must stay inside: patients' names, dates and numbers, file names and subjects."""
    found: set[str] = set()
    for case in hospital.cases():
        for document in hospital.rows("case", "show", case["ref"])[0]["packet"]:
            fields = document["fields"]
            found |= {str(fields[k]) for k in ("patient_name", "birth_date", "patient_id", "accession") if fields.get(k)}
            found |= {part.rpartition("/")[2] for part in document["parts"] if "." in part and not part.startswith("body.")}
    for packet in (made / "packets").glob("*.eml"):
        found.add(str(email.message_from_bytes(packet.read_bytes(), policy=email.policy.default)["Subject"]))
    dates = {word for word in found if re.fullmatch(r"\d{4}-\d\d-\d\d", word)}
    found |= {word.replace("-", "") for word in dates} | {"/".join(reversed(word.split("-"))) for word in dates}
    assert len(found) > 30
    return {word for word in found if len(word) > 4}
