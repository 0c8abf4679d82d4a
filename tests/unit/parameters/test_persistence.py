"""Persistence by hand: who counts, groups, declared days, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.parameters.frames import measurements

from correlates.errors import DerivationError
from correlates.parameters.persistence import PersistenceSettings, persistence

GIVEN: dict[str, list[tuple[Any, ...]]] = {
    "lost early": [(7, 9.0), (28, 1.0, "left"), (90, 1.0, "left")],
    "lost late": [(7, 9.0), (28, 9.0), (90, 1.0, "left")],
    "kept": [(7, 9.0), (28, 9.0), (90, 9.0)],
    "never": [(7, 1.0, "left"), (28, 1.0, "left")],
    "again": [(7, 9.0), (28, 1.0, "left"), (90, 9.0)],
    "before only": [(-7, 1.0, "left")],
}


def made(**more: Any) -> Any:
    settings = PersistenceSettings(**({"assay": "car", "at": (7.0, 60.0, 90.0, 120.0), "draws": 0} | more))
    who = [*GIVEN, "absent"]
    groups = {"yes": ["lost late", "kept"], "no": ["lost early", "never"], "none": []}
    return persistence("p", measurements(GIVEN), who, groups, settings)


def test_intervals_by_hand() -> None:
    """(7, 28], (28, 90], (90, inf) twice, (0, 7]: five subjects on four intervals that do not overlap."""
    rows = made().intervals.filter(group="")
    assert rows.select("n", "n_lost", "n_never", "n_still").row(0) == (5, 2, 1, 2)
    assert rows.select("lower", "upper").rows() == [(0, 7), (7, 28), (28, 90), (90, None)]
    assert rows["mass"].to_list() == pytest.approx([0.2, 0.2, 0.2, 0.4], abs=1e-6)
    assert rows["before"].to_list() == pytest.approx([1, 0.8, 0.6, 0.4], abs=1e-6)
    assert rows["after"].to_list()[:3] == pytest.approx([0.8, 0.6, 0.4], abs=1e-6)
    assert rows["after"][3] is None
    assert rows["converged"].all()


def test_groups_and_declared_days() -> None:
    found = made()
    assert found.intervals["group"].unique(maintain_order=True).to_list() == ["", "yes", "no"]
    at = {(r["group"], r["day"]): r for r in found.at.iter_rows(named=True)}
    assert (at["", 60.0]["low"], at["", 60.0]["high"]) == pytest.approx((0.4, 0.6), abs=1e-6)
    assert at["", 90.0]["low"] == at["", 90.0]["high"] == pytest.approx(0.4, abs=1e-6)
    assert at["", 90.0]["n_followed"] == 4
    assert (at["", 120.0]["low"], at["", 120.0]["n_followed"]) == (None, 0)
    assert at["yes", 60.0]["high"] == pytest.approx(1.0)
    assert at["no", 60.0]["high"] == pytest.approx(0.0, abs=1e-6)
    assert ("none", 60.0) not in at


def test_limits_are_those_of_the_seed_and_hold_the_estimate() -> None:
    one, again, other = (made(draws=100, seed=s).at for s in (1, 1, 2))
    assert one.equals(again)
    assert not one.equals(other)
    row = one.filter(group="", day=90.0).row(0, named=True)
    assert row["lower"] <= row["low"] <= row["upper"]


def test_the_window_and_names() -> None:
    rows = made(window=(0.0, 30.0)).intervals.filter(group="")
    assert rows.select("n", "n_lost", "n_never", "n_still").row(0) == (5, 2, 1, 2)
    with pytest.raises(DerivationError, match="CARR"):
        made(analyte="CARR")
    assert made(assay="nothing").intervals.is_empty()
