"""After disposal, originals that lie where they came: exactly those, only where configured, at the latest next time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from config.settings import FolderSettings, MailboxSettings, Settings
from daemon import disposal
from daemon.house import House, now
from daemon.pipeline import Pipeline
from daemon.withdrawal import OfSource, Withdrawn, withdraw
from ingest.source import Doomed
from records import events
from routing.decide import decide
from routing.retention import Step
from tests.makers import incoming, packet, world
from tests.servers.dovecot import Dovecot

REF = "SOMRR-00000-00000-1"
PACKET = b"Message-ID: <1@sender.example>\r\nSubject: packet\r\n\r\nall that was sent\r\n"
LATER = PACKET.replace(b"1@", b"2@")  # of the same case, byte for byte as long
LETTER = b"Message-ID: <3@sender.example>\r\nSubject: no packet\r\n\r\na newsletter\r\n"
START = now()  # custody is taken at the house's own time
END = START + timedelta(days=200)


class PowerCutError(Exception):
    """The named fault: the process ends at this very point."""


def opened(home: Path, **settings: Any) -> House:
    fast = FolderSettings(quiet_seconds=0)
    return House(Settings(home=home, **{"fax": fast, "courier": fast, **settings}))


def custody(house: House) -> None:
    """Everything that lies in the sources is taken in; what has the packet's words is one case, the rest is none."""
    pipeline = Pipeline(house)
    for source in house.sources:
        pipeline.receive(source)
    while (claimed := house.store.claim(END)) is not None:
        raw = b"".join(house.vault.open(claimed.digest))
        papers = packet() if b"all that was sent" in raw else []
        record = house.store.record(REF)
        came = replace(incoming(papers), submission=claimed)
        house.store.commit(decide(came, (record,) if record and papers else (), world(START, ref=REF)), START)


def dispose(house: House) -> None:
    """The list, the grace, the end."""
    for day in (END, END + timedelta(days=15)):
        judged = list(disposal.plan(house, day))
        disposal.run(house, judged, "machine", day, sum(one.retention.step is Step.DISPOSE for one in judged))


def trail(house: House) -> list[tuple[str, str]]:
    return [(said.act, said.subject) for said in map(house.store.said, house.store.trail())]


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """Two mails of one case, and one that is no packet."""
    new = tmp_path / "home" / "mail" / "new"
    for name in ("new", "cur", "tmp"):
        (new.parent / name).mkdir(parents=True)
    for name, raw in (("1.a.host", PACKET), ("2.b.host", LATER), ("3.c.host", LETTER)):
        (new / name).write_bytes(raw)
    return new


@pytest.fixture
def house(tmp_path: Path, maildir: Path) -> Iterator[House]:
    """In which everything is disposed of, and mails are to go."""
    assert len(list(maildir.iterdir())) == 3
    made = opened(tmp_path / "home", mailbox=MailboxSettings(dispose="delete"))
    custody(made)
    dispose(made)
    yield made
    made.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.rglob("*.host*"))


def test_the_mails_of_the_case_go_and_no_others(house: House, maildir: Path) -> None:
    """One was read meanwhile and lies elsewhere; a mail of no case and one that came since stay; the second run does nothing."""
    (maildir / "2.b.host").rename(maildir.parent / "cur" / "2.b.host:2,S")
    (maildir / "4.d.host").write_bytes(PACKET.replace(b"1@", b"4@"))
    assert withdraw(house, "machine", END) == Withdrawn(removed=2)
    assert names(maildir) == ["3.c.host", "4.d.host"]
    acts = [act for act, _ in trail(house)]
    assert acts.count("original removed from maildir") == 2
    assert withdraw(house, "machine", END) == Withdrawn()
    assert [act for act, _ in trail(house)] == acts


def test_by_default_the_mailbox_is_its_owners(tmp_path: Path, maildir: Path) -> None:
    """`keep`: nothing is touched, nothing is said."""
    made = opened(tmp_path / "home")
    custody(made)
    dispose(made)
    assert withdraw(made, "machine", END) == Withdrawn()
    assert names(maildir) == ["1.a.host", "2.b.host", "3.c.host"]
    made.close()


def test_nothing_goes_before_its_case_is_disposed_of(tmp_path: Path, maildir: Path) -> None:
    """The ledger's word alone counts."""
    made = opened(tmp_path / "home", mailbox=MailboxSettings(dispose="delete"))
    custody(made)
    assert withdraw(made, "machine", END) == Withdrawn()
    assert names(maildir) == ["1.a.host", "2.b.host", "3.c.host"]
    made.close()


def test_other_bytes_under_the_same_key_are_left_and_told(house: House, maildir: Path) -> None:
    """Whatever happened to that file, it is not what was disposed of."""
    ours = maildir / "1.a.host"
    times = ours.stat()
    ours.write_bytes(PACKET.replace(b"sent", b"kept"))
    os.utime(ours, ns=(times.st_atime_ns, times.st_mtime_ns))
    with capture_logs() as told:
        assert withdraw(house, "machine", END) == Withdrawn(removed=1, left=1)
    assert [line["code"] for line in told if line["event"] == events.COPY_LEFT] == ["differs"]
    assert names(maildir) == ["1.a.host", "3.c.host"]


def test_killed_between_the_trail_and_the_removal_it_goes_next_time(
    house: House, maildir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather twice in the trail than not at all."""

    def cut(self: OfSource, doomed: Doomed) -> None:
        self.house.store.note(self.by, "original removed from maildir", doomed.submission, self.moment)
        raise PowerCutError

    with monkeypatch.context() as patched:
        patched.setattr(OfSource, "going", cut)
        with pytest.raises(PowerCutError):
            withdraw(house, "machine", END)
    assert names(maildir) == ["1.a.host", "2.b.host", "3.c.host"]
    assert withdraw(house, "machine", END) == Withdrawn(removed=2)


def test_a_folder_whose_files_are_left_is_emptied_of_the_case(tmp_path: Path) -> None:
    """`after = "leave"`: the fax and a disc's folder go, what is another's stays (R40)."""
    home = tmp_path / "home"
    left = FolderSettings(quiet_seconds=0, after="leave")
    made = opened(home, fax=left, courier=left)
    (home / "fax").mkdir(parents=True)
    (home / "courier" / "disc").mkdir(parents=True)
    fax = b"%PDF-1.4\nall that was sent\n%%EOF\n"
    (home / "fax" / "fax.pdf").write_bytes(fax)
    (home / "courier" / "disc" / "readme").write_bytes(b"all that was sent")
    custody(made)
    assert (home / "fax" / "fax.pdf").exists()
    (home / "fax" / "other.pdf").write_bytes(fax)
    dispose(made)
    assert withdraw(made, "machine", END) == Withdrawn(removed=2)
    assert [path.name for path in (home / "fax").iterdir()] == ["other.pdf"]
    assert list((home / "courier").iterdir()) == []
    made.close()


def imap(dovecot: Dovecot, folder: str, **other: Any) -> MailboxSettings:
    return MailboxSettings(
        host=dovecot.host,
        port=dovecot.port,
        user=dovecot.user,
        password=SecretStr(dovecot.password),
        ca_file=dovecot.ca_file,
        folder=folder,
        dispose="delete",
        **other,
    )


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as server:
        yield server


def test_on_an_imap_server_these_mails_alone_are_expunged(dovecot: Dovecot, tmp_path: Path) -> None:
    """What somebody else marked as deleted is still there, and so is the mail of no case."""
    dovecot.create("Left")
    dovecot.append_all([PACKET, LETTER, LATER], "Left")
    made = opened(tmp_path, mailbox=imap(dovecot, "Left"))
    custody(made)
    dovecot.store(2, r"\Deleted", "Left")
    dispose(made)
    assert withdraw(made, "machine", END) == Withdrawn(removed=2)
    assert dovecot.flags("Left") == {2: {r"\Deleted"}}
    assert withdraw(made, "machine", END) == Withdrawn()
    made.close()


def test_mails_that_were_moved_are_known_by_their_bytes(dovecot: Dovecot, tmp_path: Path) -> None:
    """Of two with the same size one is the case's; the same bytes that came again and live keep both copies."""
    dovecot.create("Moved")
    dovecot.create("Done")
    dovecot.append_all([PACKET, LATER], "Moved")
    made = opened(tmp_path, mailbox=imap(dovecot, "Moved", after="move", move_to="Done"))
    custody(made)
    dispose(made)
    dovecot.append_all([PACKET.replace(b"1@", b"9@")], "Done")
    dovecot.append_all([LATER], "Moved")
    Pipeline(made).receive(made.sources[0])  # in custody again, and living
    assert withdraw(made, "machine", END) == Withdrawn(removed=1)
    assert len(dovecot.flags("Done")) == 3
    made.close()


def test_a_server_that_is_away_keeps_no_folder_from_being_asked(tmp_path: Path, maildir: Path) -> None:
    """It is said, and the next run makes it good."""
    home = tmp_path / "home"
    left = FolderSettings(quiet_seconds=0, after="leave")
    made = opened(home, fax=left, mailbox=MailboxSettings(dispose="delete"))
    (home / "fax").mkdir()
    (home / "fax" / "fax.pdf").write_bytes(b"%PDF-1.4\nall that was sent by fax\n%%EOF\n")
    custody(made)
    dispose(made)
    made.close()
    away = opened(home, fax=left, mailbox=MailboxSettings(host="127.0.0.1", port=9, user="x", dispose="delete"))
    assert withdraw(away, "machine", END) == Withdrawn(removed=1, unreached=1)
    away.close()
    assert names(maildir) == ["1.a.host", "2.b.host", "3.c.host"]
