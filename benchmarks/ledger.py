"""A decision with few and with many cases in the ledger, and the list of all cases at the command line."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import insert

from benchmarks.figures import RATIO, Figure
from daemon.house import LINE
from records import commit
from records.engine import sqlite_url
from records.keys import Keyring
from records.model import Arrival, Channel, Decision, Document, Envelope, Kept
from records.store import Store
from records.tables import submissions
from routing.decide import decide
from routing.incoming import Incoming
from routing.matching import keys_of
from routing.refs import new_ref
from tests.makers import NOW, incoming, mail, packet, world

FEW, MANY, QUICK_MANY = 100, 10_000, 1000
DOCUMENTS = 10  # of each case
DECISIONS, QUICK_DECISIONS = 60, 20
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BIRTHDAYS = 22_000  # days that patients may be born on: in ten thousand cases some share one
FLAT = 1.25


def measure(folder: Path, quick: bool, forms: Path) -> Iterator[Figure]:  # noqa: ARG001 - every target has the same shape
    """Decisions on both ledgers in turns: new patients, and late papers of known ones."""
    many = QUICK_MANY if quick else MANY
    stores = {cases: filled(folder / f"ledger-{cases}", cases) for cases in (FEW, many)}
    spent: dict[int, list[float]] = {cases: [] for cases in stores}
    for number in range(QUICK_DECISIONS if quick else DECISIONS):
        for cases, store in stores.items():
            known = number % 2 == 0
            spent[cases].append(decided(store, late(number) if known else referral(cases + number)))
    for store in stores.values():
        store.close()
    ms = {cases: 1000 * statistics.median(seconds) for cases, seconds in spent.items()}
    yield Figure(
        "ledger", f"a decision: {many} cases by {FEW}", ms[many] / ms[FEW], RATIO, most=FLAT, note="claim to commit, on disk"
    )
    for cases, median in ms.items():
        yield Figure("ledger", f"a decision with {cases} cases", median, "ms", most=50)
    yield Figure("ledger", f"somrr cases --json, {many} cases", listed(folder / f"ledger-{many}"), "s", most=1)


def filled(home: Path, cases: int) -> Store:
    """A ledger with that many complete cases, written as the store writes them but in one transaction."""
    home.mkdir()
    store = Store(sqlite_url(home / "records.db"), Keyring(home / "keys"), LINE)
    with store.engine.begin() as c:
        for number in range(cases):
            brought = with_records(referral(number), number)
            c.execute(insert(submissions).values(store.rows.submission_row(brought.submission, store.rows.keys.mint(), NOW)))
            commit.write(c, store.rows, decision_on(brought, ()), NOW)
    store.lines()
    return store


def referral(number: int) -> Incoming:
    """A patient's first packet."""
    return incoming(papers(number), f"first-{number}", letter=mail(sender_of(number), f"first-{number}"))


def with_records(brought: Incoming, number: int) -> Incoming:
    """And as many medical records as make ten documents of it."""
    one = brought.documents[-1]
    more = [
        replace(
            one,
            id=f"{number:08}record{n}",
            part=f"record{n}.pdf",
            parts=(f"record{n}.pdf",),
            sha256s=(f"{number:08}{n}{'e' * 64}"[:64],),
        )
        for n in range(DOCUMENTS - len(brought.documents))
    ]
    return replace(brought, documents=(*brought.documents, *more))


def late(number: int) -> Incoming:
    """One more paper of a patient whose case is there."""
    return incoming(papers(number)[-1:], f"late-{number}", letter=mail(sender_of(number), f"late-{number}"))


def papers(number: int) -> list[Document]:
    """The complete packet of a patient whom no other number has."""
    said = {"patient_name": f"SYNTHETIC PATIENT {word(number)}", "birth_date": birthday(number)}
    return [
        replace(
            one, id=f"{number:08}{one.id}"[:24], sha256s=(f"{number:08}{one.sha256s[0]}"[:64],), fields={**one.fields, **said}
        )
        for one in packet()
    ]


def sender_of(number: int) -> str:
    return f"physician{number}@clinic.example"


def word(number: int) -> str:
    """Letters far from those of the neighbouring numbers."""
    chance = random.Random(number)  # noqa: S311 - the same in every run, no secret
    return "".join(chance.choice(LETTERS) for _ in range(9))


def birthday(number: int) -> str:
    return (date(1940, 1, 1) + timedelta(days=number * 7919 % BIRTHDAYS)).isoformat()


def decision_on(brought: Incoming, candidates: tuple[object, ...]) -> Decision:
    """What routing says, under a reference of its own."""
    ref = new_ref(random.Random(brought.submission.id).getrandbits(50))  # noqa: S311 - the same in every run, no secret
    return decide(brought, candidates, world(ref=ref))  # type: ignore[arg-type]


def decided(store: Store, brought: Incoming) -> float:
    """Seconds from the claim of a submission to its decision on disk."""
    envelope = Envelope(Channel.EMAIL, NOW)
    store.accept(Arrival("maildir", brought.submission.id, envelope), Kept(brought.submission.digest, 1000), NOW)
    began = time.perf_counter()
    store.looks_due(NOW)
    claimed = store.claim(NOW)
    if claimed is None:
        raise RuntimeError("nothing waits")
    brought = replace(brought, submission=claimed)
    candidates = store.candidates(keys_of(brought))
    store.commit(decision_on(brought, candidates), NOW)
    return time.perf_counter() - began


def listed(home: Path) -> float:
    """Seconds of the command, start included."""
    command = [sys.executable, "-m", "daemon", "--home", str(home), "cases", "--json"]
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - ourselves
    return time.perf_counter() - began
