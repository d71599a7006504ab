"""What is installed: Python, libraries, outside programs, the sandbox, the clock."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from config.settings import Settings
from daemon.fitness import Answers, Check, judged
from daemon.floors import libraries_below, python_floor
from records.errors import ConfigurationError

BUILT = datetime(2026, 11, 1, tzinfo=UTC)  # a clock before this release is wrong
_USUAL = "eng spa por fra deu ita nld rus ara heb fas tur chi_sim chi_tra jpn kor osd"
USUAL_LANGUAGES = tuple(_USUAL.split())
SECONDS = 20  # for each outside program


def python(_settings: Settings) -> Answers:
    running, floor = platform.python_version(), python_floor()
    if floor:
        yield Check("python", "warn", f"{running} lacks security fixes of {floor}", f"install Python {floor} or later")
    else:
        yield Check("python", "ok", running)


def libraries(_settings: Settings) -> Answers:
    below = libraries_below()
    yield judged(
        "libraries", not below, "; ".join(below) or "none with a known hole", "install the locked versions (requirements.lock)"
    )
    if "CMAP_PATH" in os.environ:
        yield Check("cmap_path", "fail", "CMAP_PATH lets a PDF choose files to load", "unset CMAP_PATH")


def clock(settings: Settings) -> Answers:
    now = datetime.now(UTC)
    try:
        local = now.astimezone(ZoneInfo(settings.rules.hours.zone))
    except (LookupError, OSError, ValueError):
        yield Check("clock", "fail", "rules.hours.zone is no time zone of this machine", "use an IANA name; install tzdata")
        return
    detail = f"{now:%Y-%m-%d %H:%M} UTC is {local:%H:%M} {settings.rules.hours.zone}"
    yield judged("clock", now > BUILT, detail, "set the clock (timedatectl set-ntp true)")


def libmagic(_settings: Settings) -> Answers:
    try:
        import magic  # the import loads the C library, which is what is asked

        seen = magic.from_buffer(b"%PDF-1.7\n", mime=True)
    except (ImportError, OSError) as fault:
        yield Check("libmagic", "fail", f"can not be loaded ({type(fault).__name__})", "apt-get install libmagic1")
        return
    good = seen == "application/pdf"
    yield judged("libmagic", good, "knows a PDF" if good else "takes a PDF for something else", "apt-get install libmagic-mgc")


def libarchive(_settings: Settings) -> Answers:
    try:
        import libarchive as _loaded  # noqa: F401 - the import loads the C library
    except (ImportError, OSError, TypeError, AttributeError) as fault:  # the last two: its loader found no library
        yield Check("libarchive", "fail", f"can not be loaded ({type(fault).__name__})", "apt-get install libarchive13")
    else:
        yield Check("libarchive", "ok", "loaded")


def tesseract(settings: Settings) -> Answers:
    program = shutil.which("tesseract")
    if program is None:
        yield Check("tesseract", "fail", "the program is not installed", "apt-get install tesseract-ocr")
        return
    words = [program, "--list-langs"]
    if settings.reading.tessdata:
        words += ["--tessdata-dir", str(settings.reading.tessdata)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603 - fixed words, no shell
    installed = {line.strip() for line in done.stdout.splitlines()[1:]}
    yield Check("tesseract", "ok", f"{len(installed)} models")
    lacking = [name for name in settings.reading.languages if name not in installed]
    if lacking:
        yield Check("tesseract_languages", "fail", f"configured but not installed: {' '.join(lacking)}", _packages(lacking))
    unusual = [name for name in USUAL_LANGUAGES if name not in {*installed, *lacking}]
    if unusual:
        yield Check("tesseract_languages", "warn", f"pages in these will be illegible: {' '.join(unusual)}", _packages(unusual))
    elif not lacking:
        yield Check("tesseract_languages", "ok", "all usual ones")


def _packages(languages: list[str]) -> str:
    return "apt-get install " + " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in languages)


def sandbox(settings: Settings) -> Answers:
    from reading.jail import way  # the reader's own question, so that both give one answer

    try:
        found = way(settings.reading)
    except ConfigurationError as fault:
        remedy = "systemctl enable --now somrr-read.socket, or apt-get install bubblewrap and allow user namespaces to it"
        yield Check("sandbox", "fail", fault.detail, remedy)
        return
    if found == "rlimits":
        yield Check("sandbox", "warn", "readers are held by limits alone", 'set reading.sandbox = "auto"')
    else:
        yield Check("sandbox", "ok", "bubblewrap works" if found == "bwrap" else "the readers' own unit is there")
