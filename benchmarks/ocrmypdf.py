"""OCRmyPDF as a rival, in an environment of its own (`make bench` installs it); it writes a PDF/A too, which we do not."""

from __future__ import annotations

import subprocess
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / ".venv" / "bench" / "bin" / "ocrmypdf"
PAGE_BREAK = "\f"


def missing() -> str | None:
    """Why it can not be measured, None when it can."""
    return None if PROGRAM.exists() else "ocrmypdf: it is not in .venv/bench (make bench installs it)"


def run(pdf: Path, jobs: int) -> None:
    """Put a text layer under the pages; the text is left beside the file."""
    command = [str(PROGRAM), f"-j{jobs}", "--skip-text", "--quiet", "--sidecar", str(pdf.with_suffix(".txt")), str(pdf)]
    subprocess.run([*command, str(pdf.with_suffix(".out.pdf"))], check=True, capture_output=True)  # noqa: S603 - a fixed program


def texts(pdf: Path) -> list[str]:
    """What the last run read, page by page."""
    return pdf.with_suffix(".txt").read_text().split(PAGE_BREAK)
