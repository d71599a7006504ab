"""`make fuzz`: a coverage-guided campaign over every entry point, one after the other, and its table.

Runs under an environment of its own (atheris is a tool of this campaign alone).  FUZZ_RUNS: inputs an entry point;
FUZZ_SECONDS: at most so long for each (0: no limit); arguments: only these entry points.
Corpora lie in var/fuzz; what was learned is kept, smallest inputs first, in tests/fuzz/corpus.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.entries import CORPUS, ENTRIES, LONGEST, NAMED, SECONDS, Entry

RUNS = int(os.environ.get("FUZZ_RUNS", "1000000"))
MOST_SECONDS = int(os.environ.get("FUZZ_SECONDS", "0"))
WORK = Path("var/fuzz")
KEPT_BYTES, KEPT = 24 << 10, 150  # of one entry point's corpus in the tree


def campaign(entry: Entry) -> tuple[int, float, int, str]:
    """Inputs tried, seconds, escapes, and what the engine said of coverage."""
    folder = WORK / entry.name
    folder.mkdir(parents=True, exist_ok=True)
    for number, raw in enumerate((*entry.seeds(), *kept(entry.name))):
        (folder / f"seed-{number:03}").write_bytes(raw)
    found = WORK / f"{entry.name}-found"
    found.mkdir(exist_ok=True)
    limits = [f"-max_len={LONGEST}", f"-timeout={SECONDS:g}", f"-max_total_time={MOST_SECONDS}", "-rss_limit_mb=3000"]
    said = _run(entry.name, [f"-runs={RUNS}", *limits, f"-artifact_prefix={found}/", "-print_final_stats=1", str(folder)])
    done = re.search(r"Done (\d+) runs in (\d+) second", said)
    count = int(done[1]) if done else max(map(int, re.findall(r"^#(\d+)", said, re.MULTILINE)), default=0)
    seconds = float(done[2]) if done else 0.0
    if not done:
        (found / "said.txt").write_text(said[-20_000:])
    coverage = re.findall(r"cov: (\d+)", said)
    return count, seconds, int(done is None), coverage[-1] if coverage else "?"


def keep(entry: Entry) -> None:
    """The engine's corpus holds what reached something new, made small; the smallest of it goes into the tree."""
    lines, size = list[str](), 0
    for raw in sorted({path.read_bytes() for path in (WORK / entry.name).iterdir()}, key=lambda raw: (len(raw), raw)):
        line = base64.b64encode(raw).decode()
        size += len(line)
        if size > KEPT_BYTES or len(lines) == KEPT:
            break
        lines.append(line)
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{entry.name}.txt").write_text("".join(f"{line}\n" for line in lines))


def kept(name: str) -> list[bytes]:
    """The corpus in the tree."""
    path = CORPUS / f"{name}.txt"
    return [base64.b64decode(line) for line in path.read_text().splitlines()] if path.exists() else []


def _run(name: str, options: list[str]) -> str:
    command = [sys.executable, "-m", "tests.fuzz.one", name, *options]
    done = subprocess.run(command, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def main(names: list[str]) -> int:
    escaped = 0
    print(f"{'entry point':<16}{'inputs':>10}{'seconds':>9}{'escapes':>9}{'branches':>10}")
    for entry in (NAMED[name] for name in names) if names else ENTRIES:
        count, seconds, escapes, coverage = campaign(entry)
        print(f"{entry.name:<16}{count:>10}{seconds:>9.0f}{escapes:>9}{coverage:>10}", flush=True)
        escaped += escapes
        keep(entry)
    return int(escaped > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
