"""Staff's side of a case at the command line, on real packets: every fact that is theirs, and who said so."""

from __future__ import annotations

import contextlib
import email
import email.policy
import io
import shutil
from pathlib import Path

import libarchive

from daemon.cli import main
from tests.scenarios.hospital import Hospital, Row

BY = ("--by", "Example Staff")


def asked(hospital: Hospital, *arguments: str, fails: int = 0) -> str:
    """What a command says, in this process; a refusal is its sentence."""
    said, code = io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main(["--config", str(hospital.config), "--home", str(hospital.home), *arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
    assert code == fails, said.getvalue()
    return said.getvalue()


def act(hospital: Hospital, ref: str, *words: str, fails: int = 0) -> str:
    name, *more = words
    return asked(hospital, "case", name, ref, *more, *BY, fails=fails)


def shown(hospital: Hospital, ref: str) -> Row:
    (row,) = hospital.rows("case", "show", ref)
    return row


def without_images(packet: Path) -> bytes:
    """The complete packet, its images left at home."""
    mail = email.message_from_bytes(packet.read_bytes(), policy=email.policy.SMTP)
    mail.set_payload([part for part in mail.iter_parts() if not (part.get_filename() or "").endswith(".zip")])
    return mail.as_bytes()


def test_what_staff_state_from_a_parcel_to_the_return(embedded: Hospital, made: Path) -> None:
    """R3-R6, R12, R14-R16, R21, R25, R30, R32, R34-R37, R39: each fact has its author and reason, each refusal a sentence."""
    embedded.post_bytes(without_images(made / "packets" / "complete-en.eml"))
    embedded.once()
    case = embedded.only_case()
    ref = case["ref"]
    assert (case["status"], case["missing"], case["waits"]["for"]) == ("rejected", ["radiology_image"], "sender")
    assert case["delivery"] == "unset"  # R3: shown, never guessed
    assert "not_open" not in act(embedded, ref, "approve", fails=65)

    # R21: a disc, as the folder that it was copied into; counted in completeness
    disc = made / "dicom" / "ct-chest-en"
    said = asked(embedded, "courier", ref.lower(), *BY, "--item", "disc", "--why", "parcel of Tuesday", str(disc))
    assert "taken into custody" in said
    embedded.once()
    case = embedded.only_case()
    assert (case["status"], case["waits"]["what"]) == ("open", "approve")

    # R25, R12: a named person's approval, and payment, in words that say what to do
    assert "somrr case approve" in act(embedded, ref, "begin", fails=65)
    act(embedded, ref, "approve")
    assert "somrr case pay" in act(embedded, ref, "begin", fails=65)
    act(embedded, ref, "pay", "--why", "bank transfer")
    act(embedded, ref, "unset", "pay", "--why", "it bounced")
    assert "somrr case pay" in act(embedded, ref, "begin", fails=65)
    act(embedded, ref, "pay", "--why", "bank transfer, again")

    # R3, R4, R5, R30, R32: delivery, video only with a named physician, the physician of record, the channel
    act(embedded, ref, "delivery", "written", "--why", "the patient asks for it")
    asked(embedded, "case", "video", ref, *BY, fails=64)
    act(embedded, ref, "video", "--attending", "Dr. Example Local")
    act(embedded, ref, "physician", "--name", "Dr. Example Physician", "--fax", "+52 55 0000 0000", fails=0)
    act(embedded, ref, "prefer", "fax")
    act(embedded, ref, "begin")

    # R34: what comes now is late; the charge is staff's word.  R14-R16: pathology, its fee, its specimen
    report = made / "documents" / "en-pathology-text.pdf"
    act(embedded, ref, "pathology", "requested", "--slides", "unstained")
    act(embedded, ref, "fee", "arranged")
    asked(embedded, "courier", ref, *BY, "--item", "slides", "--count", "4")
    asked(embedded, "courier", ref, *BY, "--item", "paper", str(report))
    assert "had come before" in asked(embedded, "courier", ref, *BY, "--item", "paper", str(report))
    embedded.once()
    case = embedded.only_case()
    assert "late_material" in case["flags"]
    assert case["waits"]["what"] == "charge"
    act(embedded, ref, "charge", "due", "--why", "pathology came late")
    assert embedded.only_case()["waits"]["for"] == "review"
    whole = shown(embedded, ref)
    assert whole["slides"] == "unstained"
    assert not [f for f in whole["findings"] if f["code"] in ("specimen_missing", "pathology_report_missing")]

    # R35-R37, R39: in person, transfer, the return of what came by courier
    act(embedded, ref, "in-person")
    act(embedded, ref, "complete")
    act(embedded, ref, "return", "--why", "a call of the patient")
    assert embedded.only_case()["waits"]["what"] in ("give_back", "close")
    whole = shown(embedded, ref)
    assert whole["courier"] == {"disc": 1, "slides": 4, "paper": 2}
    page = asked(embedded, "case", "show", ref)
    assert "1 x disc, 4 x slides, 2 x paper" in page
    assert f"somrr case returned {ref}" in page
    act(embedded, ref, "transfer")
    act(embedded, ref, "returned")
    assert embedded.only_case()["waits"]["for"] in ("nobody", "staff")

    # who said what, and why; told whom
    facts = shown(embedded, ref)["facts"]
    assert {fact["by"] for fact in facts.values()} == {"Example Staff"}
    assert facts["paid"]["why"] == "bank transfer, again"
    assert (facts["delivery"]["value"], facts["further_charge"]["value"]) == ("written", "due")
    whys = [move["why"] for move in shown(embedded, ref)["history"]]
    assert "unset pay: it bounced" in whys
    told = {(u["event"], u["recipient"], u["channel"]) for u in embedded.outbox()}
    assert ("in_review", "physician", "fax") in told  # R30, R32: the physician, by the wished channel
    assert ("in_person", "staff", "staff") in told
    assert ("returning", "staff", "staff") in told
    assert not [row for row in told if row[0] == "in_review" and row[1] == "submitter"]  # R6
    acts = [row["act"] for row in embedded.rows("audit")]
    assert {"pay", "unset pay", "delivery written", "charge due", "return"} <= set(acts)


def test_discs_dropped_as_a_folder_and_as_an_image_are_the_same_study(embedded: Hospital, made: Path, tmp_path: Path) -> None:
    """R21: under the case's name in the courier folder; the second is a duplicate, and both are listed for return."""
    embedded.post_bytes(without_images(made / "packets" / "complete-en.eml"))
    embedded.once()
    ref = embedded.only_case()["ref"]
    under = embedded.home / "courier" / ref
    shutil.copytree(made / "dicom" / "ct-chest-en", under / "disc 1")
    with contextlib.chdir(made / "dicom"), libarchive.file_writer(str(tmp_path / "disc.iso"), "iso9660") as image:
        image.add_files("ct-chest-en")
    shutil.copy(tmp_path / "disc.iso", under / "disc2.iso")
    embedded.once()
    case = embedded.only_case()
    assert (case["status"], case["arrivals"], case["documents"]["radiology_image"]) == ("open", 3, 1)
    assert embedded.quarantine() == []
    assert shown(embedded, ref)["courier"] == {"files": 2}


def test_wishes_in_a_mail_are_proposals(embedded: Hospital, made: Path) -> None:
    """R4, R5, R32, R36, R37: seen, shown with the command for it, and a fact only when staff make it one."""
    packet = email.message_from_bytes((made / "packets" / "complete-es.eml").read_bytes(), policy=email.policy.SMTP)
    body = packet.get_body(("plain",))
    assert body is not None
    wishes = "Por favor devuelvan los discos cuando terminen. Quisiéramos una videollamada. Prefiero fax."
    body.set_content(f"{body.get_content()}\n\n{wishes}\n", cte="quoted-printable")
    embedded.post_bytes(packet.as_bytes())
    embedded.once()
    ref = embedded.only_case()["ref"]
    proposals = {p["what"]: p["value"] for p in shown(embedded, ref)["proposals"]}
    assert proposals.keys() >= {"return_requested", "video_requested", "prefers"}
    assert proposals["prefers"] == "fax"
    assert shown(embedded, ref)["facts"] == {}
    assert "somrr case return" in asked(embedded, "case", "show", ref)
    act(embedded, ref, "return")
    assert "return_requested" not in {p["what"] for p in shown(embedded, ref)["proposals"]}
