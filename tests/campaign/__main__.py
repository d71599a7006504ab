"""Run the campaign: `python -m tests.campaign`; prints the table state × way with pass, doubtful and reject counts.

Exit 1 when any form passes that must not, or a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.campaign.run import BARS, Tally, cells, register_all, run
from tests.campaign.states import STATES
from tests.campaign.ways import WAYS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", nargs="*", default=list(STATES), choices=list(STATES))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--languages", nargs="*", default=["en", "es", "ar"])
    parser.add_argument("--seeds", type=int, default=1, help="hands and layouts a cell; each seed takes another layout")
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder where recognised pages are kept for the next run")
    parser.add_argument("--show", action="store_true", help="a line for each form that did not come out as wanted")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        register_all(Path(home))
        seeds = range(asked.from_seed, asked.from_seed + asked.seeds)
        tally = run(Path(home), cells(asked.states, asked.ways, asked.languages, seeds), asked.keep, asked.show)
    report(tally)
    return (
        1
        if tally.unsafe or tally.misread or any(tally.share(way) < bar for way, bar in BARS.items() if tally.complete(way))
        else 0
    )


def report(tally: Tally) -> None:
    print(tally.table())
    for way in tally.ways:
        if tally.complete(way):
            print(f"complete forms that pass, {way}: {tally.share(way):.1%} of {tally.complete(way)}")
    print(f"unsafe passes: {len(tally.unsafe)} of {tally.count} forms; correct forms rejected: {len(tally.wronged)}")
    print(f"{tally.form_seconds:.2f} s a form page to check, {tally.seconds:.2f} s a file in all")
    print(f"dates misread: {len(tally.misread)}")
    for line in (*tally.unsafe, *tally.wronged, *tally.misread):
        print(line)


if __name__ == "__main__":
    sys.exit(main())
