"""Run the campaign: `python -m tests.campaign`; prints the table state × way with pass, doubtful and reject counts.

Exit 1 when any form passes that must not, a fact is believed that is not so, or a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.campaign.report import Tally, page
from tests.campaign.run import cells, kept, register_all, run
from tests.campaign.states import STATES
from tests.campaign.ways import WAYS
from tests.servers.signing import TEXTS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", nargs="*", default=list(STATES), choices=list(STATES))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--languages", nargs="*", default=list(TEXTS), choices=list(TEXTS))
    parser.add_argument("--seeds", type=int, default=1, help="hands and layouts a cell; each seed takes another layout")
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--part", default="1/1", help="which share of the cells to run: 2/8 is the second of eight")
    parser.add_argument("--results", type=Path, help="file that keeps each outcome, and from which an ended run goes on")
    parser.add_argument("--write", type=Path, help="where the report of all that is in --results is written (docs/FORMS.md)")
    parser.add_argument("--keep", type=Path, help="folder where recognised pages are kept for the next run")
    parser.add_argument("--show", action="store_true", help="a line for each form that did not come out as wanted")
    asked = parser.parse_args()
    part, parts = map(int, asked.part.split("/"))
    every = list(cells(asked.states, asked.ways, asked.languages, range(asked.from_seed, asked.from_seed + asked.seeds)))
    with tempfile.TemporaryDirectory() as home:
        register_all(Path(home))
        tally = Tally(run(Path(home), every[part - 1 :: parts], asked.keep, asked.show, asked.results))
    print(tally.table(), "", tally.languages(), "", tally.summary(), sep="\n")
    for line in (*tally.unsafe, *tally.wronged, *tally.wrong):
        print(line)
    if asked.write:
        whole = Tally(kept(asked.results).values() if asked.results else tally.results)
        asked.write.write_text(
            page(whole, sum(1 for _ in cells(STATES, list(WAYS), TEXTS, range(asked.seeds)))), encoding="utf-8"
        )
    return 1 if tally.unsafe or tally.wrong or tally.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
