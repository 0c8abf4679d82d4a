"""Figures of associations: what is drawn is what the data, or an estimate made from them, say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.special import expit
from tests.unit.figures.small_run import empty

from correlates.association import Biomarker, Endpoint, Univariable, associate
from correlates.association.efficacy_toxicity import EfficacyToxicity, efficacy_against_toxicity
from correlates.association.subgroups import SubgroupBy, SubgroupSettings, by_subgroup
from correlates.figures import FigureSettings
from correlates.figures.exposure_response import EXPOSURE_RESPONSE
from correlates.figures.response import QUARTILE_BARS, RESPONSE_CURVES
from correlates.figures.settings import Panels
from correlates.figures.subgroup_forest import LOCAL_EFFECTS, SUBGROUP_FOREST
from correlates.figures.survival_by_biomarker import SURVIVAL_BY_BIOMARKER
from correlates.figures.therapeutic_map import THERAPEUTIC_MAP
from correlates.stats.kaplan_meier import kaplan_meier
from correlates.terms import OutcomeKind

N = 60
RNG = np.random.default_rng(1)
X = RNG.normal(size=N)
LOW = 8.0  # values below are known to be below
PEAK = np.maximum(np.exp2(X + 5), LOW)
FRAME = pl.DataFrame(
    {
        "subject_id": [f"S{i:02}" for i in range(N)],
        "PEAK": PEAK,
        "PEAK|censoring": np.where(np.exp2(X + 5) < LOW, "left", "none"),
        "OTHER": np.exp2(RNG.normal(size=N)),
        "SEX": ["FM"[i % 2] for i in range(N)],
        "AGE": RNG.normal(60, 8, N).round(),
        "e": RNG.random(N) < expit(X),
        "t": RNG.random(N) < 0.4,
        "time": RNG.exponential(100 * np.exp(-X), N) + 1,
        "time|event": RNG.random(N) < 0.7,
    }
)
MARKERS = (
    Biomarker(code="PEAK", label="Peak", unit="cells/uL", scale="log2", prespecified=True, group="g"),
    Biomarker(code="OTHER", label="Other", unit="pg/mL", scale="log2", group="g"),
)
E = Endpoint(name="e", label="E", kind=OutcomeKind.BINARY)
T = Endpoint(name="t", label="T", kind=OutcomeKind.BINARY)
TIME = Endpoint(name="time", label="Survival", kind=OutcomeKind.TIME)
SETTINGS = FigureSettings(
    curves=Panels(biomarkers=("PEAK",), endpoints=("e", "t")),
    rates=Panels(biomarkers=("PEAK",), endpoints=("e", "t")),
    by_biomarker=Panels(biomarkers=("PEAK",), endpoints=("time",)),
    maps={"b": 3},
    subgroups=("g",),
    labels={"e & t": "E | T"},
)


@pytest.fixture(scope="module")
def results():
    joint = EfficacyToxicity(
        name="b",
        margin=1.5,
        curves=("OTHER",),
        replicates=20,
        efficacy_at_least=0.3,
        toxicity_at_most=0.6,
        prespecified=True,
    )
    parts = SubgroupSettings(name="g", by=(SubgroupBy(code="SEX"),), across=("AGE",), permutations=19)
    return pl.concat(
        [
            associate(FRAME, MARKERS, (E, T), Univariable(name="u", methods=("response_curve", "quartile_rates"))),
            associate(FRAME, MARKERS, (TIME,), Univariable(name="s", methods=("log_rank",))),
            efficacy_against_toxicity(FRAME, MARKERS, E, (T, TIME), joint),
            by_subgroup(FRAME, MARKERS[1:], (E,), parts),
        ]
    )


def _draw(figure, results):
    return figure.draw({**empty(), "results": results, "analysis": FRAME}, SETTINGS)


def test_response_curves_are_the_fitted_line_and_ticks_are_the_subjects(results):
    (drawn,) = _draw(RESPONSE_CURVES, results)
    fit = dict(
        results.filter(method="response_curve", biomarker="PEAK", endpoint="e", level="")
        .select("stat_name", "value")
        .iter_rows()
    )
    line = drawn.data.filter(pl.col("endpoint") == "e")
    expected = expit(fit["intercept"] + fit["log_odds_ratio"] * np.log2(line["x"].to_numpy()))
    assert line["probability"].to_numpy() == pytest.approx(expected, rel=1e-9)
    assert (line["x"].min(), line["x"].max()) == (pytest.approx(LOW), pytest.approx(PEAK.max()))
    assert line.filter(pl.col("probability_lower") > pl.col("probability")).is_empty()
    ticks = [row for row in drawn.spec["datasets"]["subjects"] if row["endpoint"] == "e"]
    assert sorted(row["x"] for row in ticks) == pytest.approx(sorted(PEAK))
    assert sum(row["event"] for row in ticks) == FRAME["e"].sum()
    assert sum(row["beyond"] for row in ticks) == (FRAME["PEAK|censoring"] == "left").sum() > 0


def test_bars_are_the_rates_of_the_quartiles(results):
    (drawn,) = _draw(QUARTILE_BARS, results)
    cuts = np.quantile(PEAK, [0.25, 0.5, 0.75])
    group = (PEAK[:, None] > cuts).sum(axis=1)
    for place, row in enumerate(drawn.data.filter(pl.col("endpoint") == "e").sort("level").iter_rows(named=True)):
        mine = FRAME["e"].to_numpy()[group == place]
        assert (row["level"], row["group_n"], row["rate"]) == (f"Q{place + 1}", mine.size, pytest.approx(mine.mean()))
        assert row["count"] == f"{mine.sum()}/{mine.size}"
        assert row["rate_lower"] <= row["rate"] <= row["rate_upper"]


def test_steps_ticks_and_numbers_at_risk_are_those_of_the_groups(results):
    (drawn,) = _draw(SURVIVAL_BY_BIOMARKER, results)
    time, event = FRAME["time"].to_numpy(), FRAME["time|event"].to_numpy()
    data = drawn.spec["datasets"]
    for name, mine in (("low", np.median(PEAK) >= PEAK), ("high", np.median(PEAK) < PEAK)):
        curve = kaplan_meier(time[mine], event[mine])
        steps = drawn.data.filter((pl.col("group") == name) & (pl.col("day") > 0) & (pl.col("survival") < 1)).unique(
            "day", keep="first", maintain_order=True
        )
        known = dict(steps.select("day", "survival").iter_rows())
        assert [known[t] for t in curve.time] == pytest.approx(curve.survival)
        assert sum(row["group"] == name for row in data["censored"]) == (mine & ~event).sum()
        for row in data["risk"]:
            if row["group"] == name:
                assert row["n"] == (mine & (time >= row["day"])).sum()


def test_the_map_has_each_point_at_its_effects_and_ellipses_at_the_quantile(results):
    drawn, other = _draw(THERAPEUTIC_MAP, results)
    kept = results.filter(analysis_id="b", endpoint="e & t", stat_name="odds_ratio")
    effects = {(b, side): v for b, side, v in kept.select("biomarker", "level", "value").iter_rows()}
    for row in drawn.data.iter_rows(named=True):
        assert (row["x"], row["y"]) == (effects[row["biomarker"], "toxicity"], effects[row["biomarker"], "efficacy"])
    one = drawn.data.filter(pl.col("biomarker") == "PEAK").row(0, named=True)
    ring = [r for r in drawn.spec["datasets"]["ellipses"] if r["x"] is not None]
    assert {r["biomarker"] for r in ring} == {"PEAK"}  # of prespecified biomarkers only
    away = np.array([[np.log(r["x"]) - one["toxicity_log"], np.log(r["y"]) - one["efficacy_log"]] for r in ring])
    cross = one["correlation"] * one["toxicity_se"] * one["efficacy_se"]
    spread = np.linalg.inv([[one["toxicity_se"] ** 2, cross], [cross, one["efficacy_se"] ** 2]])
    assert np.einsum("ij,jk,ik->i", away, spread, away) == pytest.approx(5.991464547, rel=1e-6)
    assert "1 / hazard ratio" not in str(drawn.spec)
    assert "hazard ratio per SD" in str(other.spec)  # of a time to an event


def test_exposure_curves_are_both_models(results):
    (drawn,) = _draw(EXPOSURE_RESPONSE, results)
    for name in ("E", "T"):
        mine = drawn.data.filter(pl.col("endpoint") == name)
        x, line = np.log2(mine["exposure"].to_numpy()), mine["probability"].to_numpy()
        slope = np.diff(np.log(line / (1 - line))) / np.diff(x)
        assert slope == pytest.approx(slope[0], rel=1e-6)  # a line on the logit scale
        side = "efficacy" if name == "E" else "toxicity"
        told = results.filter(biomarker="OTHER", endpoint="e & t", stat_name="log_odds_ratio", level=side)["value"][0]
        sd = results.filter(biomarker="OTHER", endpoint="e & t", stat_name="sd")["value"][0]
        assert slope[0] * sd == pytest.approx(told, rel=1e-6)


def test_forest_lines_and_windows_are_the_effects(results):
    (forest,), (local,) = _draw(SUBGROUP_FOREST, results), _draw(LOCAL_EFFECTS, results)
    told = results.filter(method="subgroups", stat_name="ratio")
    values = set(told["value"].drop_nulls().to_list())
    lines = forest.data.filter(~pl.col("heading"))
    assert lines["label"].str.strip_chars().to_list() == ["All subjects", "SEX: F", "SEX: M"]
    assert set(lines["ratio"].to_list()) == values
    assert lines.filter(pl.col("whole"))["n"].to_list() == [N]
    assert lines.filter(~pl.col("whole"))["n"].sum() == N
    age = np.sort(FRAME["AGE"].to_numpy())
    for row in local.data.iter_rows(named=True):
        assert age[0] <= row["modifier_low"] <= row["modifier_middle"] <= row["modifier_high"] <= age[-1]
        assert row["band_lower"] <= row["ratio_lower"] <= row["ratio"] <= row["ratio_upper"] <= row["band_upper"]
