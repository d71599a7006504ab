"""Case 57 and 58: whatever a patient is called, no copy of our disk, no log and no mail of ours shows it."""

from __future__ import annotations

import os
import shutil
import threading
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.scenarios.hospital import Hospital
from tests.servers.canaries import canaries, disguises, sightings

SOURCES = ("mail", "fax", "courier")  # the embedded default's mailbox and folders: the senders' side, not our custody


def mails(words: list[str]) -> list[bytes]:
    """Every word in a body, a document, a subject, a sender's or a file's name, in the encodings that mail programs use."""
    made = []
    for number in range(6):
        mine = words[number::6]
        mail = EmailMessage()
        mail["From"] = f'"{mine[0]}" <physician{number}@clinic.example>'
        mail["To"] = "intake@hospital.example"
        mail["Subject"] = f"Records of {mine[1]}, {mine[-1]}"
        mail["Message-ID"] = f"<canary{number}@clinic.example>"
        mail["Date"] = "Wed, 04 Mar 2026 10:00:00 -0800"
        mail.set_content("\n".join(mine), cte=("8bit", "base64", "quoted-printable")[number % 3])
        text = f"DISCHARGE SUMMARY\nPatient: {mine[2]}\nDate of birth: 1961-04-{number + 10}\nMRN: {mine[-2]}\n" + "\n".join(mine)
        mail.add_attachment(text, filename=f"{mine[3]}.txt", charset="utf-8" if number % 2 else "utf-16")
        mail.add_attachment(f"%PDF-1.7 {mine[4]}".encode(), maintype="application", subtype="pdf", filename=f"{mine[5]}.pdf")
        made.append(mail.as_bytes())
    return made


@pytest.fixture
def words() -> list[str]:
    found = canaries()
    assert len(set(found)) == len(found) > 200
    return found


@pytest.mark.scenario
def test_no_canary_is_on_the_disk_in_a_log_or_in_a_mail(
    embedded: Hospital, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages of the database and its log, vault, keyring, outgoing mails, temporary files, arguments, backup: 0 hits."""
    memory, temporary = tmp_path / "memory", tmp_path / "tmp"
    memory.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(memory))
    monkeypatch.setenv("TMPDIR", str(temporary))
    for mail in mails(words):
        embedded.post_bytes(mail)
    with Arguments() as arguments:
        said = embedded.once()
        ref = embedded.cases()[0]["ref"]
        embedded.somrr("case", "physician", ref, "--by", "Staff Example", "--name", "Dr. Example")
        said += embedded.once()
    whole = str([embedded.rows("case", "show", case["ref"]) for case in embedded.cases()])
    assert sum(word in whole for word in words) > 10, "with the keys it is all there"
    assert len(embedded.quarantine()) >= 6
    shown = {path.name for path in memory.rglob("*")}
    assert {"WHY.txt", "original.eml"} <= shown, "staff see it, in memory"
    assert len(sightings(memory, words)) > 200, "the search finds what is there, disguised as mails disguise it"

    embedded.somrr("backup", str(tmp_path / "backup"), "--keys", str(tmp_path / "ring"))
    assert sightings(embedded.home, words, SOURCES) == set()
    assert (embedded.home / "quarantine").is_symlink()
    for folder in ("backup", "ring", "tmp"):
        assert sightings(tmp_path / folder, words) == set()
    texts = {"the log": said.encode(), "an argument": arguments.seen}
    assert {(where, word) for where, text in texts.items() for word in words if any(d in text for d in disguises(word))} == set()

    thief = shutil.copytree(embedded.home, tmp_path / "stolen", symlinks=True)
    (thief / "keys" / "master.key").unlink()
    stolen = Hospital(tmp_path / "thief", tmp_path / "no-forms")
    stolen.home = thief
    stolen.somrr("cases", fails=78)
    assert sightings(thief, words, SOURCES) == set()


class Arguments:
    """What every process of this machine was started with, looked at as often as can be."""

    def __init__(self) -> None:
        self.seen, self._stop = b"", threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Arguments:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        lines = set()
        while not self._stop.wait(0.05):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    if process.parent.stat().st_uid == os.geteuid():
                        lines.add(process.read_bytes())
                except OSError:
                    continue  # gone already
        self.seen = b"\n".join(lines)
