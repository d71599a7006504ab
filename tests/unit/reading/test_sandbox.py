"""The pool of workers: complete readings, the same every time, small in the daemon, pictures for staff."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from config.settings import ReadingSettings
from reading import jail
from reading.child import registered
from reading.jail import sandbox_works
from reading.limits import Limits
from reading.reader import READER_VERSION, in_file, version_of
from reading.sandbox import WorkerPool
from reading.signatures import TRUST
from reading.wire import Channel
from reading.worker import SPENT_STATUS
from records.errors import ConfigurationError, TemporaryError
from records.model import Reading, Role, TextSource
from tests.servers import paper


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(ReadingSettings(workers=2), None) as pool:
        pool.warm()
        yield pool


def read(pool: WorkerPool, folder: Path, raw: bytes, name: str | None = None) -> Reading:
    path = folder / "raw"
    path.write_bytes(raw)
    return pool.read(in_file(path), hashlib.sha256(raw).hexdigest(), name)


def text_pdf(pages: int) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    for number in range(pages):
        for line, words in enumerate(paper.ENGLISH * 5):
            canvas.drawString(40, 800 - 18 * line, f"{number} {words}")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def packet(*attachments: tuple[str, bytes]) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "doc@clinic.example", "packet"
    message.set_content("body words\n")
    for name, raw in attachments:
        message.add_attachment(raw, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def test_a_text_packet_is_read_well_under_a_second(pool: WorkerPool, tmp_path: Path) -> None:
    """A mail with three text PDFs, warm."""
    raw = packet(*[(f"{n}.pdf", text_pdf(4)) for n in range(3)])
    began = time.perf_counter()
    reading = read(pool, tmp_path, raw)
    assert time.perf_counter() - began < 1
    assert [(part.path, len(part.pages)) for part in reading.parts] == [("body.txt", 1), ("0.pdf", 4), ("1.pdf", 4), ("2.pdf", 4)]
    assert (reading.sha256, reading.version, reading.media_type) == (
        hashlib.sha256(raw).hexdigest(),
        pool.version,
        "message/rfc822",
    )


def test_a_mixed_fax_is_put_together_in_page_order(pool: WorkerPool, tmp_path: Path) -> None:
    """Recognised pages, a blank one and a repeated one, whoever finished first; the same again the second time."""
    print_page = paper.fax(paper.page(repeat=1, height=600))
    spanish = paper.fax(paper.page(paper.SPANISH, repeat=1, height=600))
    blank = paper.fax(Image.new("L", (1728, 600), 255), specks=50)
    raw = paper.tiff(print_page, blank, spanish, print_page)
    reading = read(pool, tmp_path, raw, "fax-17.tif")
    pages = reading.parts[0].pages
    assert [page.number for page in pages] == [1, 2, 3, 4]
    assert [page.source for page in pages] == [TextSource.OCR, TextSource.NONE, TextSource.OCR, TextSource.OCR]
    assert [page.language for page in pages] == ["en", None, "es", "en"]
    assert pages[1].blank
    assert pages[3].text == pages[0].text
    assert reading.parts[0].path == "fax-17.tif"
    assert read(pool, tmp_path, raw, "fax-17.tif") == reading


def test_an_unnamed_file_gets_a_neutral_name(pool: WorkerPool, tmp_path: Path) -> None:
    """The vault knows no names."""
    assert read(pool, tmp_path, text_pdf(1)).parts[0].path == "file.pdf"


@pytest.mark.parametrize(
    ("raw", "code"), [(b"", "empty_file"), (b"\x00\x01\x02\x03" * 50, "unreadable_type"), (b"%PDF-1.4 x", "pdf_malformed")]
)
def test_what_can_not_be_read_is_a_part_and_a_problem(pool: WorkerPool, tmp_path: Path, raw: bytes, code: str) -> None:
    """Every byte is accounted for: never an empty answer."""
    reading = read(pool, tmp_path, raw)
    assert [problem.code for problem in reading.problems] == [code]
    assert [(part.sha256, part.pages) for part in reading.parts] == [(hashlib.sha256(raw).hexdigest(), ())]


def test_several_threads_may_read_at_once(pool: WorkerPool, tmp_path: Path) -> None:
    """Readings do not mix."""

    def one(number: int) -> str:
        folder = tmp_path / str(number)
        folder.mkdir()
        return read(pool, folder, packet((f"{number}.pdf", text_pdf(2)))).parts[1].path

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(one, range(12))) == [f"{number}.pdf" for number in range(12)]


def test_pictures_for_staff_are_made_by_us(pool: WorkerPool, tmp_path: Path) -> None:
    """Pages as PNG, words as text, of one part or of all; thirty at most."""
    path = tmp_path / "raw"
    path.write_bytes(packet(("scan.tif", paper.tiff(paper.fax(paper.page()))), ("many.pdf", text_pdf(40))))
    everything = pool.picture(in_file(path), "0" * 64, None)
    assert len(everything) == 30
    assert everything[0] == ("001-page-1.txt", b"body words")
    assert Image.open(io.BytesIO(everything[1][1])).format == "PNG"
    only = pool.picture(in_file(path), "0" * 64, "scan.tif")
    assert [name for name, _ in only] == ["001-page-1.png"]
    assert pool.picture(in_file(path), "0" * 64, "nothing.pdf") == []


def test_a_large_mail_leaves_the_daemon_small(pool: WorkerPool, tmp_path: Path) -> None:
    """Forty megabytes pass through in pieces: at most 64 MB more, ever."""
    raw = packet(("big.bin", os.urandom(28 << 20)))
    path = tmp_path / "raw"
    path.write_bytes(raw)
    digest = hashlib.sha256(raw).hexdigest()
    assert len(raw) > 36 << 20
    del raw
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reading = pool.read(in_file(path), digest)
    assert [problem.code for problem in reading.problems] == ["unreadable_type"]
    assert reading.parts[1].role is Role.ATTACHMENT
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_the_version_follows_engine_languages_and_forms(tmp_path: Path) -> None:
    """Readings are remembered under it: registering a form means reading again."""
    forms = tmp_path / "forms"
    (forms / "loa").mkdir(parents=True)
    with WorkerPool(ReadingSettings(), forms) as pool:
        first = pool.version
        assert first == version_of(pool.limits, forms)
        assert first.startswith(f"{READER_VERSION}-")
        (forms / "loa" / "form.toml").write_text("kind = 'letter_of_agreement'\n")
        assert pool.version != first
    with WorkerPool(ReadingSettings(languages=("spa", "eng")), None) as other, WorkerPool(ReadingSettings(), None) as plain:
        assert other.version != plain.version


def test_registered_forms_are_laid_over_their_pages(made: Path) -> None:
    """Text layer and fax alike: the form is known by name, its places are looked at."""
    with WorkerPool(ReadingSettings(), made / "forms") as pool:
        for name in ("packets/complete-en.eml", "packets/fax-only.tif"):
            path = made / name
            reading = pool.read(in_file(path), hashlib.sha256(path.read_bytes()).hexdigest())
            seen = [page.form for part in reading.parts for page in part.pages if page.form]
            assert {"loa-en", "consent-en"} <= {form.form for form in seen}
            assert any(zone.kind == "signature" and zone.ink > 0 for form in seen for zone in form.zones)


def test_an_unusable_forms_folder_makes_work_wait(tmp_path: Path) -> None:
    """Reading without the registered forms would judge wrongly: it is tried again when the folder is mended."""
    forms = tmp_path / "forms"
    (forms / "loa").mkdir(parents=True)
    (forms / "loa" / "form.toml").write_text("nonsense")
    (forms / "loa" / "blank.pdf").write_bytes(b"nonsense")
    with WorkerPool(ReadingSettings(), forms) as pool, pytest.raises(TemporaryError) as fault:
        read(pool, tmp_path, text_pdf(1))
    assert fault.value.code == "forms_unusable"


def test_a_machine_without_sandbox_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never silently unsandboxed: one sentence says what to do."""
    assert sandbox_works() is None
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "apt install bubblewrap" in (sandbox_works() or "")
    with pytest.raises(ConfigurationError) as refusal:
        WorkerPool(ReadingSettings(), None)
    assert "rlimits" in refusal.value.detail
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/false")
    assert "user namespaces" in (sandbox_works() or "")
    with pytest.raises(ConfigurationError):
        WorkerPool(ReadingSettings(sandbox="bwrap"), None)


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Path]:
    """The readers' socket as systemd holds it: a worker for each connection, its descriptors 0 and 1 the connection."""
    place = tmp_path / "readers"
    command = ["/usr/bin/systemd-socket-activate", "-l", str(place), "--accept", "--inetd", *jail.inner_command()]
    (tmp_path / "scratch").mkdir()
    environ = ["-E", f"TMPDIR={tmp_path / 'scratch'}"]
    with subprocess.Popen([command[0], *environ, *command[1:]], stderr=subprocess.DEVNULL, cwd=jail.ROOT) as systemd:
        while not place.is_socket():
            time.sleep(0.01)
        yield place
        systemd.terminate()


def test_the_units_socket_gives_the_same_readings(socket: Path, tmp_path: Path, made: Path) -> None:
    """One protocol, two ways of being locked in: "auto" takes the socket where it is, the blanks travel over it."""
    raw = made / "packets" / "loa-unsigned.eml"
    digest = hashlib.sha256(raw.read_bytes()).hexdigest()
    settings = ReadingSettings(workers=2, socket=socket)
    assert (jail.way(settings), jail.way(ReadingSettings(socket=tmp_path / "none"))) == ("unit", "bwrap")
    with WorkerPool(settings, made / "forms") as units, WorkerPool(ReadingSettings(workers=2), made / "forms") as jailed:
        reading = units.read(in_file(raw), digest)
        assert reading == jailed.read(in_file(raw), digest)
        assert any(page.form for part in reading.parts for page in part.pages)
        assert units.picture(in_file(raw), digest, None) == jailed.picture(in_file(raw), digest, None)
    assert list((tmp_path / "scratch").iterdir()) == [], "the blanks are read and gone"


def test_a_socket_that_is_gone_makes_work_wait(socket: Path, tmp_path: Path) -> None:
    """Never another way of its own accord, and a configured unit without a socket does not start."""
    with WorkerPool(ReadingSettings(workers=1, socket=socket), None) as units:
        socket.unlink()
        with pytest.raises(TemporaryError) as fault:
            read(units, tmp_path, text_pdf(1))
    assert fault.value.code == "worker_start"
    with pytest.raises(ConfigurationError) as refusal:
        WorkerPool(ReadingSettings(sandbox="unit", socket=socket), None)
    assert "somrr-read.socket" in refusal.value.detail


def test_all_that_a_worker_needs_of_the_forms_travels(tmp_path: Path) -> None:
    """Blanks with their TOML, and certificates; nothing else of the folder, and never through a link out of it."""
    for name in ("loa/form.toml", "loa/blank.pdf", f"{TRUST}/ca.pem", "other/notes.txt", "loose.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [str(path.relative_to(tmp_path)) for path in registered(tmp_path)]
    assert found == ["loa/blank.pdf", "loa/form.toml", "trust/ca.pem"]


HUNG = """
from reading import worker
worker.GRACE = 1
def hang(self, *_):
    while True: pass
worker.Desk.open = hang
"""
DEAF = "worker.Pipe.hung_up = lambda self: False\n"


@pytest.mark.parametrize(("deaf", "end", "most"), [("", SPENT_STATUS, 2), (DEAF, -signal.SIGALRM, 6)])
def test_a_worker_ends_itself_when_nobody_listens(deaf: str, end: int, most: float) -> None:
    """Hung in a parser, its daemon dead: it sees that the wire has ended; were it deaf to that, the clock would end it."""
    code = HUNG + deaf + "worker.main()"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=jail.ENVIRONMENT, cwd=jail.ROOT
    )
    assert process.stdin
    assert process.stdout
    limits = Limits.of(ReadingSettings(open_seconds=2, page_seconds=1), "")
    channel, soon = Channel(process.stdout.fileno(), process.stdin.fileno()), time.monotonic() + 20
    channel.send({"limits": dataclasses.asdict(limits), "forms": None, "files": 0, "parent": 0}, deadline=soon)
    channel.receive(deadline=soon)
    channel.send({"verb": "open"}, deadline=soon)
    time.sleep(0.5)
    assert process.poll() is None
    process.stdin.close()
    began = time.monotonic()
    ended = process.wait(20)
    process.stdout.close()
    assert (ended, time.monotonic() - began < most) == (end, True)


@pytest.mark.parametrize(("sandbox", "engine"), [("rlimits", "tesserocr"), ("rlimits", "pytesseract"), ("bwrap", "pytesseract")])
def test_rlimits_alone_and_either_engine(tmp_path: Path, sandbox: str, engine: str) -> None:
    """Without bubblewrap, or with the engine that is a program of its own, the same reading comes out."""
    raw = paper.tiff(paper.fax(paper.page(repeat=1, height=600)))
    with WorkerPool(ReadingSettings.model_validate({"sandbox": sandbox, "engine": engine, "workers": 1}), None) as pool:
        text = read(pool, tmp_path, raw).parts[0].pages[0].text
    assert paper.error_rate(text, "\n".join(paper.ENGLISH)) < 0.02


def test_missing_models_are_a_configuration_error(tmp_path: Path) -> None:
    """No Tesseract data: said at the start, not at the first fax."""
    with pytest.raises(ConfigurationError):
        WorkerPool(ReadingSettings(tessdata=tmp_path), None)
