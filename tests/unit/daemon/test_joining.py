"""Two patients in one mail, merging and splitting, as staff meet them: commands, the quarantine's view, disposal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.settings import Settings
from daemon import disposal
from daemon.cli import main
from daemon.house import House
from daemon.pipeline import Pipeline
from daemon.quarantine import QuarantineFolder
from records import events
from records.backup import Home, make
from records.errors import TemporaryError
from records.model import Arrival, CaseStatus, Channel, Envelope, Kind, Reading, SubmissionState
from records.verify import verify
from routing.acts import Act, act
from routing.decide import decide
from routing.matching import keys_of
from routing.refs import new_ref
from tests.makers import NOW, STUDY, document, incoming, mail, world

ALPHA: dict[str, Any] = {"patient_name": "SYNTHETIC PATIENT ALPHA", "birth_date": "1961-04-03"}
BRAVO: dict[str, Any] = {"patient_name": "SAMPLE PERSON BRAVO", "birth_date": "1974-11-20"}
KINDS = (Kind.LETTER_OF_AGREEMENT, Kind.INFORMED_CONSENT, Kind.RADIOLOGY_REPORT, Kind.RADIOLOGY_IMAGE)
LATER = NOW + timedelta(days=200)


class Drawing:
    """A reader that draws nothing."""

    def picture(self, *_: object) -> list[tuple[str, bytes]]:
        return []


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(Settings(home=tmp_path / "home"))
    for name in ("fax", "courier"):
        (made.home / name).mkdir(parents=True, exist_ok=True)
    yield made
    made.close()


def arrives(house: House, number: int, *who: dict[str, Any], doubt: bool = False) -> list[str]:
    """One mail with a request of each; the references of its cases."""
    papers = [
        document(
            kind,
            doubtful=("consent_signature_unclear",) if doubt and kind is Kind.INFORMED_CONSENT else (),
            name=f"{one['patient_name']} {kind} {number}",
            **{**(STUDY if kind.startswith("radiology") else {}), **one},
        )
        for one in who
        for kind in KINDS
    ]
    kept = house.vault.keep([f"mail {number}".encode()])
    house.store.accept(Arrival("maildir", str(number), Envelope(Channel.EMAIL, NOW)), kept, NOW)
    claimed = house.store.claim(NOW)
    assert claimed is not None
    came = replace(incoming(papers, letter=mail(f"office{number}@clinic.example", f"m{number}")), submission=claimed)
    house.store.commit(decide(came, house.store.candidates(keys_of(came)), world(ref=new_ref(number))), NOW)
    found = house.store.submission(claimed.id)
    assert found is not None
    return list(found.case_refs)


def somrr(capsys: pytest.CaptureFixture[str], house: House, *arguments: str) -> tuple[int, str]:
    code = 0
    try:
        main(["--config", "/dev/null", "--home", str(house.home), *arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out + said.err


def runs(house: House, moment: datetime) -> list[str]:
    """The steps of the day's disposal, done."""
    judged = list(disposal.plan(house, moment))
    disposal.run(house, judged, "machine", moment, len(judged))
    return [f"{one.retention.step} {' '.join(one.retention.blockers)}".strip() for one in judged]


def test_merge_and_unmerge_say_what_they_do(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The reference that was merged still answers and says where it went; refused acts say what to do."""
    (one,), (two,) = arrives(house, 1, ALPHA), arrives(house, 2, BRAVO)
    code, said = somrr(capsys, house, "case", "merge", one, "--into", two, "--by", "Example Staff")
    assert (code, "--sure" in said, ALPHA["patient_name"] in said) == (65, True, False)
    assert somrr(capsys, house, "case", "pay", one, "--by", "Example Staff")[0] == 0
    code, said = somrr(capsys, house, "case", "merge", one.lower(), "--into", two, "--sure", "--by", "Example Staff")
    assert code == 0
    assert f"{one} counts in {two} now" in said
    assert "paid; say it again" in said
    code, said = somrr(capsys, house, "case", "show", one)
    assert (code, f"{one} was merged into {two}" in said) == (0, True)
    shown = json.loads(somrr(capsys, house, "case", "show", two, "--json")[1].splitlines()[-1])
    assert (shown["merged"], shown["arrivals"]) == ([one], 2)
    listed = [json.loads(line)["ref"] for line in somrr(capsys, house, "cases", "--json")[1].splitlines()]
    assert listed == [two]
    for refused in (("case", "approve", one, "--by", "X"), ("courier", one, "--by", "X", "--item", "disc")):
        code, said = somrr(capsys, house, *refused)
        assert (code, two in said) == (65, True), refused
    code, said = somrr(capsys, house, "case", "unmerge", one, "--by", "Example Staff")
    assert (code, "a case of its own again" in said) == (0, True)
    assert somrr(capsys, house, "case", "unmerge", one, "--by", "Example Staff")[0] == 65
    assert somrr(capsys, house, "audit", "verify")[0] == 0


def test_split_lists_arrivals_and_takes_them_out(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --arrival it shows the ids; the help says how to take it back."""
    (one,) = arrives(house, 1, ALPHA)
    assert arrives(house, 3, ALPHA) == [one]
    ids = [json.loads(line)["id"] for line in somrr(capsys, house, "case", "split", one, "--json")[1].splitlines()]
    assert len(ids) == 2
    assert ids[1] in somrr(capsys, house, "case", "split", one)[1]
    code, said = somrr(capsys, house, "case", "split", one, "--arrival", ids[1], "--by", "Example Staff")
    assert (code, "1 arrival(s) are in SOMRR-" in said) == (0, True)
    new = next(r.case.ref for r in house.store.cases() if r.case.ref != one)
    assert [len(r.submissions) for r in house.store.cases()] == [1, 1]
    assert somrr(capsys, house, "case", "split", new, "--arrival", ids[1], "--by", "Example Staff")[0] == 65
    assert somrr(capsys, house, "case", "merge", new, "--into", one, "--by", "Example Staff")[0] == 0
    assert verify(house.store, house.vault).faults == []


def test_a_case_that_shares_an_original_waits_for_the_other(house: House, tmp_path: Path) -> None:
    """The one is due, the other lives: nothing is destroyed; when both are due they end together, keys and bytes."""
    one, two = arrives(house, 1, ALPHA, BRAVO)
    keys = house.store.data_keys(one) | house.store.data_keys(two)
    make(Home(house.database, house.home / "vault", house.home / "forms"), tmp_path / "yesterday", NOW)
    assert runs(house, LATER) == ["list", "list"]
    living = house.store.record(two)
    assert living is not None
    soon = LATER + timedelta(days=1)
    house.store.commit(act(living, Act("note", "Example Staff", "called"), world(soon)), soon)
    assert sorted(runs(house, LATER + timedelta(days=20))) == ["blocked shared", "keep"]
    with pytest.raises(TemporaryError, match="another case"):
        house.store.dispose([r for r in house.store.cases() if r.case.ref == one], "machine", LATER)
    assert all(house.keys.holds(key) for key in keys)
    assert verify(house.store, house.vault).faults == []
    far = LATER + timedelta(days=300)
    runs(house, far)
    assert runs(house, far + timedelta(days=20)) == ["dispose", "dispose"]
    assert {r.case.status for r in house.store.cases()} == {CaseStatus.DISPOSED}
    assert [s.state for s in house.store.submissions()] == [SubmissionState.DISPOSED]
    assert not any(house.keys.holds(key) for key in keys)
    assert list(house.vault.names()) == []
    assert runs(house, far + timedelta(days=21)) == ["keep", "keep"]


def test_a_merged_case_ends_with_the_one_it_counts_in(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Its papers, keys and reference: not before, and not after."""
    (one,), (two,) = arrives(house, 1, ALPHA), arrives(house, 2, BRAVO)
    keys = house.store.data_keys(one) | house.store.data_keys(two)
    assert somrr(capsys, house, "case", "merge", one, "--into", two, "--sure", "--by", "Example Staff")[0] == 0
    now = max(r.case.last_activity for r in house.store.cases()) + timedelta(days=200)
    assert runs(house, now) == ["list"]
    assert runs(house, now + timedelta(days=20)) == ["dispose"]
    assert {str(r.case.status) for r in house.store.cases()} == {"disposed"}
    assert {r.case.ref for r in house.store.cases()} == {one, two}
    assert not any(house.keys.holds(key) for key in keys)
    assert verify(house.store, house.vault).faults == []
    assert somrr(capsys, house, "case", "unmerge", one, "--by", "Example Staff")[0] == 65


def test_a_shared_original_does_not_lie_open(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It holds another patient's papers: only the thing itself is shown; who takes it out is told."""
    refs = arrives(house, 1, ALPHA, BRAVO, doubt=True)
    folder = QuarantineFolder(house.quarantine, house.store, house.vault, tmp_path)
    folder.refresh(Drawing())  # type: ignore[arg-type]  # draws nothing
    shown = list(house.quarantine.iterdir())
    assert len(shown) == 2
    for one in shown:
        assert {path.name for path in one.iterdir()} == {"WHY.txt"}
        assert "another patient's papers" in (one / "WHY.txt").read_text()
    held = house.store.held()[0]
    code, said = somrr(capsys, house, "quarantine", "show", held.id, "--original", str(tmp_path / "out.eml"))
    assert (code, all(ref in said for ref in refs)) == (0, True)


def test_the_pipeline_decides_both_in_one_go(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One submission, two cases, each told of in the log by its own reference."""
    papers = [document(kind, name=f"{one['patient_name']} {kind}", **STUDY, **one) for one in (ALPHA, BRAVO) for kind in KINDS]
    came = incoming(papers, letter=mail("office@clinic.example", "m"))
    kept = house.vault.keep([b"a mail"])
    house.store.accept(Arrival("maildir", "1", Envelope(Channel.EMAIL, NOW)), kept, NOW)
    monkeypatch.setattr(Pipeline, "_passed", lambda *_: Reading(kept.digest, "1", "message/rfc822", ()))
    monkeypatch.setattr(Pipeline, "_incoming", lambda _, submission, __: replace(came, submission=submission))
    with capture_logs() as logs:
        assert Pipeline(house).decide_next()
    decided = [line["case"] for line in logs if line["event"] == events.SUBMISSION_DECIDED]
    assert sorted(decided) == sorted(house.store.submissions()[0].case_refs)
    assert [r.case.status for r in house.store.cases()] == ["open", "open"]
    assert not Pipeline(house).decide_next()
