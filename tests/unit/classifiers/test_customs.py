"""The six clauses of the customs wording."""

from __future__ import annotations

import random
import textwrap

import pytest

from classifiers.customs import judge_customs, organ_in, value_in
from records.model import Severity

WORDING = (
    "Slides and/or paraffin blocks (and corresponding pathology reports) of non-infectious and "
    "non-contagious human tissue taken from "
    "the {organ} which are fixed and/or preserved in paraffin. This specimen has never been cultured. It is for review by the "
    "Department of Pathology at the University of California, San Diego. The value is {value}."
)


def test_the_whole_wording_lacks_nothing() -> None:
    """Organ and value are taken, nothing is found wanting."""
    verdict = judge_customs("COMMERCIAL INVOICE\n" + WORDING.format(organ="left breast", value="US$1.00"))
    assert verdict.findings == ()
    assert verdict.fields == {"organ": "left breast", "value_usd": 1.0}


CUTS = [
    ("of non-infectious and non-contagious human tissue ", 1),
    ("taken from the liver ", 2),
    ("which are fixed and/or preserved in paraffin", 3),
    ("This specimen has never been cultured. ", 4),
    ("It is for review by the Department of Pathology at the University of California, San Diego. ", 5),
    ("The value is US$1.00.", 6),
]


@pytest.mark.parametrize(("cut", "number"), CUTS)
def test_each_missing_clause_is_named_alone(cut: str, number: int) -> None:
    """One clause cut out is one advisory finding with its number."""
    whole = WORDING.format(organ="liver", value="US$1.00")
    assert cut in whole
    findings = judge_customs(whole.replace(cut, "")).findings
    assert [f.code for f in findings] == [f"customs_clause_missing_{number}"]
    assert findings[0].severity is Severity.ADVISORY


def test_a_blank_organ_is_told_from_a_missing_clause() -> None:
    """`____` was left as it came."""
    for blank in ("____________", "____________ (name of organ or tissue)"):
        assert [f.code for f in judge_customs(WORDING.format(organ=blank, value="US$1.00")).findings] == ["customs_organ_blank"]
    assert organ_in("taken from the ________ which") == (None, True)


@pytest.mark.parametrize("value", ["US$1.00", "USD 1", "$1.00", "US$ 1,00", "US $1.00", "U.S. $1.00", "US$l.OO"])
def test_one_dollar_passes_however_it_is_written(value: str) -> None:
    """Commas, blanks and OCR's l and O."""
    assert value_in(f"The value is {value}.") == 1.0
    assert judge_customs(WORDING.format(organ="liver", value=value)).findings == ()


@pytest.mark.parametrize(("value", "amount"), [("US$10.00", 10.0), ("USD 100", 100.0), ("US$1,000.00", 1000.0), ("$1.50", 1.5)])
def test_another_value_is_wrong(value: str, amount: float) -> None:
    """Ten dollars are not one."""
    verdict = judge_customs(WORDING.format(organ="liver", value=value))
    assert verdict.fields["value_usd"] == amount
    assert [f.code for f in verdict.findings] == ["customs_value_wrong"]


def test_the_sender_and_receiver_are_no_clause() -> None:
    """A shipper's own pathology department beside our name does not say for whose review the tissue is."""
    head = "Shipper: Example Hospital, Department of Pathology\nConsignee: International Patient Program, UC San Diego Health\n"
    cut = "It is for review by the Department of Pathology at the University of California, San Diego. "
    findings = judge_customs(head + WORDING.format(organ="liver", value="US$1.00").replace(cut, "")).findings
    assert [f.code for f in findings] == ["customs_clause_missing_5"]


@pytest.mark.parametrize("organ", ["stomach (antrum)", "lymph node, left axilla", "uterine\ncervix"])
def test_an_organ_of_several_words_is_taken_whole(organ: str) -> None:
    """Up to where the sentence goes on, over commas, brackets and a broken line."""
    assert judge_customs(WORDING.format(organ=organ, value="US$1.00")).fields["organ"] == " ".join(organ.split())


def test_a_fax_of_the_wording_still_passes() -> None:
    """OCR slips inside the clauses are forgiven."""
    text = WORDING.format(organ="colon", value="US$1.00").replace("infectious", "lnfectious").replace("cultured", "cuItured")
    assert judge_customs(text.replace("paraffin.", "parafin.")).findings == ()


def test_the_contrary_of_a_clause_is_not_the_clause() -> None:
    """A few letters less say the opposite."""
    whole = WORDING.format(organ="liver", value="US$1.00")
    infectious = whole.replace("non-infectious and non-contagious", "infectious and contagious")
    assert [f.code for f in judge_customs(infectious).findings] == ["customs_clause_missing_1"]
    cultured = whole.replace("has never been cultured", "has been cultured")
    assert [f.code for f in judge_customs(cultured).findings] == ["customs_clause_missing_4"]


@pytest.mark.parametrize(
    ("text", "organ"),
    [
        ("taken from the left\nbreast which are fixed", "left breast"),
        ("taken from the\nliver which are fixed", "liver"),
        ("taken from the liver\nDate: 3 May", "liver"),
        ("taken from: right kidney (upper pole)", "right kidney"),
        ("taken from the liver, which are fixed", "liver"),
        ("tissue takcn frorn tbe co1on wbich are fixed", "co1on"),
    ],
)
def test_the_organ_is_taken_as_it_stands(text: str, organ: str) -> None:
    """Broken over two lines, at a line's end, in a form, through slips."""
    assert organ_in(text) == (organ, False)


SLIPS = {"m": "rn", "l": "1", "i": "l", "e": "c", "o": "0", "a": "o", "s": "5", "n": "u", "h": "b", "t": "f", " ": ""}


def scanned(text: str, share: float, chance: random.Random) -> str:
    """`text` as recognition might give it: this share of its letters taken for others, lost, or given a speck."""

    def letter(c: str) -> str:
        if chance.random() >= share or c in "$0123456789":
            return c
        return chance.choice((SLIPS.get(c, c), SLIPS.get(c, c), "", c + chance.choice(".' ")))

    return "\n".join(textwrap.wrap("".join(map(letter, text)), chance.choice((50, 70, 90))))


@pytest.mark.parametrize(("share", "passes"), [(0.0, 1.0), (0.02, 0.95), (0.05, 0.85)])
def test_noise_costs_few_passes_and_hides_no_gap(share: float, passes: float) -> None:
    """Through recognition's slips the whole wording passes, and a clause that is not there is always told."""
    chance, whole = random.Random(4), WORDING.format(organ="liver", value="US$1.00")  # noqa: S311 - noise, not a secret
    clean = [not judge_customs(scanned(whole, share, chance)).findings for _ in range(150)]
    assert sum(clean) / len(clean) >= passes
    for cut, number in CUTS:
        for _ in range(15):
            codes = [f.code for f in judge_customs(scanned(whole.replace(cut, ""), share, chance)).findings]
            assert f"customs_clause_missing_{number}" in codes or (number == 2 and "customs_organ_blank" in codes)


@pytest.mark.parametrize("value", ["EUR 1.00", "€1.00", "100", "none"])
def test_another_currency_is_no_dollar(value: str) -> None:
    """The clause asks for US dollars."""
    assert value_in(f"The value is {value}.") is None
