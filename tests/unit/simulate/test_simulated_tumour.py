"""Lesion sizes agree with the investigator's response; assessments agree with the documented course."""

from __future__ import annotations

import polars as pl
import pytest

from correlates.simulate import Trial, draw
from correlates.simulate.outcomes import durability

SMALL = 5.0  # mm: a lesion too small to measure counts as 5 x 5


@pytest.fixture(scope="module")
def trial() -> Trial:
    return draw(5, 600)


def _sizes(frame: pl.DataFrame) -> dict[str, tuple[float, float]]:
    return {
        name: (SMALL, SMALL) if state == "TOO SMALL TO MEASURE" else (longest, across)
        for name, longest, across, state in frame.select("lesion_id", "ldiam_mm", "lperp_mm", "state").iter_rows()
    }


def _by_size(
    now: dict[str, tuple[float, float]],
    base: dict[str, tuple[float, float]],
    nadir: dict[str, tuple[float, float]],
    nodal: dict[str, bool],
    *,
    new: bool,
) -> str:
    """Lugano 2014, CT: target lesions only."""
    for name, (longest, across) in now.items():
        low_longest, low_across = nadir[name]
        product, low = longest * across, low_longest * low_across
        rise = 5.0 if low_longest <= 20 else 10.0
        if longest > 15 and product >= 1.5 * low and (longest - low_longest >= rise or across - low_across >= rise):
            return "PD"
    if new:
        return "PD"
    if all(longest <= 15 if nodal[name] else longest == 0 for name, (longest, _) in now.items()):
        return "CR"
    before, after = (sum(a * b for a, b in sizes.values()) for sizes in (base, now))
    return "PR" if after <= 0.5 * before else "SD"


def test_size_rules_give_the_response_of_every_visit(trial: Trial) -> None:
    lesions = trial.lesions.with_columns(nodal=pl.col("location").str.contains("NODE"))
    compared = 0
    for (subject,), frame in lesions.group_by("subject_id", maintain_order=True):
        targets = frame.filter(pl.col("kind") == "target")
        base = _sizes(targets.filter(pl.col("visit") == "Baseline"))
        nodal = dict(targets.select("lesion_id", "nodal").unique().iter_rows())
        nadir = dict(base)
        for day, response in (
            trial.assessments.filter(pl.col("subject_id") == subject).select("day", "response").iter_rows()
        ):
            at_visit = targets.filter(pl.col("day") == day)
            if response == "NE":
                assert (at_visit["state"] == "NOT EVALUABLE").all()
                continue
            now = _sizes(at_visit)
            new = frame.filter((pl.col("day") == day) & (pl.col("kind") == "new")).height > 0
            assert _by_size(now, base, nadir, nodal, new=new) == response, (subject, day)
            nadir = {k: min(nadir[k], now[k], key=lambda s: s[0] * s[1]) for k in base}
            compared += 1
    assert compared > 1500


def test_burden_is_the_sum_of_products_of_the_baseline_targets(trial: Trial) -> None:
    targets = trial.lesions.filter((pl.col("kind") == "target") & (pl.col("visit") == "Baseline"))
    assert targets["ldiam_mm"].min() > 15.0
    assert (targets["day"] < -5).all()
    sums = targets.group_by("subject_id").agg(spd=(pl.col("ldiam_mm") * pl.col("lperp_mm")).sum(), n=pl.len())
    assert sums["n"].max() == 6
    assert dict(sums.select("subject_id", "spd").iter_rows()) == dict(
        trial.patients.select("subject_id", "spd").iter_rows()
    )
    assert trial.patients["spd"].min() > 150.0
    assert trial.patients["spd"].max() < 24000.0


def test_longest_is_the_longer_diameter(trial: Trial) -> None:
    measured = trial.lesions.drop_nulls("ldiam_mm")
    assert (measured["ldiam_mm"] >= measured["lperp_mm"]).all()
    assert measured["state"].is_null().all()
    assert trial.lesions.filter(pl.col("ldiam_mm").is_null())["state"].is_not_null().all()


def test_assessments_end_with_progression_therapy_or_last_contact(trial: Trial) -> None:
    both = trial.assessments.join(trial.patients, on="subject_id")
    for column in ("death_day", "new_therapy_day", "transplant_day"):
        assert (both["day"] < both[column].fill_null(10**6)).all(), column
    assert (both["day"] <= both["last_contact_day"]).all()
    assert (both["day"] <= both["progression_day"].fill_null(10**6)).all()
    seen = dict(
        trial.assessments.filter(pl.col("response") == "PD").group_by("subject_id").agg(pl.col("day").min()).iter_rows()
    )
    assert seen == dict(
        trial.patients.drop_nulls("progression_day").select("subject_id", "progression_day").iter_rows()
    )
    assert trial.assessments.select("subject_id", "day").is_duplicated().sum() == 0


def test_best_response_is_the_best_of_the_assessments(trial: Trial) -> None:
    order = ["CR", "PR", "SD", "PD", "NE"]
    best = dict.fromkeys(trial.patients["subject_id"], "NE")
    for subject, response in trial.assessments.select("subject_id", "response").iter_rows():
        best[subject] = min(best[subject], response, key=order.index)
    assert best == dict(trial.patients.select("subject_id", "best_response").iter_rows())


def test_all_classes_and_unscheduled_scans_occur(trial: Trial) -> None:
    assert set(trial.patients["durability"]) == {"durable", "relapsed", "nonresponder", "undetermined"}
    assert {"Unscheduled", "Week 4", "Month 12"} <= set(trial.assessments["visit"])
    assert trial.patients["relapsed_after_landmark"].sum() > 5


BLANK = {
    "progression_day": None,
    "death_day": None,
    "new_therapy_day": None,
    "transplant_day": None,
    "last_contact_day": 700,
}


@pytest.mark.parametrize(
    ("best", "days", "expected"),
    [
        ("CR", {}, "durable"),
        ("PR", {"last_contact_day": 365}, "durable"),
        ("CR", {"last_contact_day": 364}, "undetermined"),
        ("CR", {"progression_day": 365}, "relapsed"),
        ("CR", {"progression_day": 366}, "durable"),
        ("CR", {"progression_day": 90, "death_day": 200, "last_contact_day": 200}, "relapsed"),
        ("CR", {"progression_day": 90, "last_contact_day": 120}, "relapsed"),
        ("PR", {"death_day": 200, "last_contact_day": 200}, "undetermined"),
        ("PR", {"death_day": 500, "last_contact_day": 500}, "durable"),
        ("CR", {"new_therapy_day": 100}, "undetermined"),
        ("CR", {"transplant_day": 100}, "undetermined"),
        ("CR", {"transplant_day": 100, "progression_day": 200}, "undetermined"),
        ("CR", {"progression_day": 100, "new_therapy_day": 130}, "relapsed"),
        ("SD", {"progression_day": 60}, "nonresponder"),
        ("SD", {"new_therapy_day": 40}, "nonresponder"),
        ("PD", {"progression_day": 28, "last_contact_day": 40}, "nonresponder"),
        ("NE", {"death_day": 12, "last_contact_day": 12}, "undetermined"),
    ],
)
def test_rules_of_durable_response_by_hand(best: str, days: dict[str, int], expected: str) -> None:
    frame = pl.DataFrame([{"best_response": best, **BLANK, **days}], schema_overrides=dict.fromkeys(BLANK, pl.Int64))
    assert durability(frame).to_list() == [expected]


def test_classes_of_a_drawn_trial_are_those_rules(trial: Trial) -> None:
    assert durability(trial.patients).to_list() == trial.patients["durability"].to_list()
