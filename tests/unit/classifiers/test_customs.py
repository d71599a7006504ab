"""The six clauses of the customs wording."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("cut", "number"),
    [
        ("of non-infectious and non-contagious human tissue ", 1),
        ("taken from the liver ", 2),
        ("which are fixed and/or preserved in paraffin", 3),
        ("This specimen has never been cultured. ", 4),
        ("It is for review by the Department of Pathology at the University of California, San Diego. ", 5),
        ("The value is US$1.00.", 6),
    ],
)
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


def test_a_fax_of_the_wording_still_passes() -> None:
    """OCR slips inside the clauses are forgiven."""
    text = WORDING.format(organ="colon", value="US$1.00").replace("infectious", "lnfectious").replace("cultured", "cuItured")
    assert judge_customs(text.replace("paraffin.", "parafin.")).findings == ()
