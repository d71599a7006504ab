"""Measures over labelled documents, checked by hand."""

from __future__ import annotations

import pytest

from classifiers.evaluate import Judged, folded, report, trade_off

SEEN = [
    Judged("a", "a", 0.9),
    Judged("a", "a", 0.5),
    Judged("a", "b", 0.8),
    Judged("b", "b", 0.95),
    Judged("b", "b", 0.55),
]


def test_measures_at_a_threshold() -> None:
    """Abstentions cost recall and coverage, mistakes cost precision."""
    found = report(SEEN, 0.6)
    a, b = found.kinds
    assert (a.count, a.abstained, a.precision) == (3, 1, 1.0)
    assert a.recall == pytest.approx(1 / 3)
    assert (b.count, b.abstained, b.precision, b.recall) == (2, 1, 0.5, 0.5)
    assert found.precision == pytest.approx(2 / 3)
    assert found.coverage == pytest.approx(3 / 5)
    assert found.macro_f1 == pytest.approx((0.5 + 0.5) / 2)
    assert ("a", "", 1) in found.confusion and ("a", "b", 1) in found.confusion


def test_a_higher_threshold_never_covers_more() -> None:
    """Coverage falls along the table."""
    coverages = [r.coverage for r in trade_off(SEEN)]
    assert coverages == sorted(coverages, reverse=True)
    assert coverages[0] == 1.0


def test_kinds_outside_the_labels_fold_into_other() -> None:
    """A label `other` is satisfied by any kind that is not asked for."""
    assert folded([Judged("other", "correspondence", 0.9)], ["a"]) == [Judged("other", "other", 0.9)]


def test_nothing_judged_is_no_crash() -> None:
    """An empty folder has empty measures."""
    found = report([], 0.6)
    assert (found.macro_f1, found.coverage, found.kinds) == (0.0, 0.0, ())
