"""Multivariable models of the analysis table: what stands in the rows, what bad input does, and the saved model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from correlates.association.declared_model import multivariable
from correlates.association.external import validate_externally
from correlates.association.model_columns import prepare
from correlates.association.model_settings import Multivariable, Selection, Validation
from correlates.association.model_transforms import Transform
from correlates.association.saved_model import load_model
from correlates.association.saved_model import predict as predicted
from correlates.association.selected_model import selection
from correlates.association.settings import Biomarker, Endpoint
from correlates.errors import DerivationError, InputError
from correlates.schema import MODELS, PREDICTIONS, conform
from correlates.stats.cox import cox_model
from correlates.stats.kaplan_meier import kaplan_meier
from correlates.stats.logistic import logistic_model
from correlates.stats.ordinal import ordinal_model, parallel_test
from correlates.stats.splines import knots, restricted_cubic
from correlates.stats.target import survival_target
from correlates.terms import OutcomeKind

_N = 90
_RNG = np.random.default_rng(21)
_PEAK = np.exp2(_RNG.normal(5, 1.5, _N))
_AREA = _PEAK * np.exp(_RNG.normal(0, 0.1, _N))
_AGE = np.round(_RNG.normal(58, 10, _N))
_STAGE = _RNG.choice(["I", "II", "III"], _N, p=[0.2, 0.3, 0.5])
_ETA = 1.0 * (np.log2(_PEAK) - 5) + 0.02 * (_AGE - 58)
_YES = _RNG.random(_N) < 1 / (1 + np.exp(-_ETA))
_DAYS = np.ceil(400 * _RNG.exponential(np.exp(0.5 * _ETA)))
_SEEN = _DAYS < 900
_NOISE = {f"N{i}": _RNG.normal(size=_N) for i in range(12)}

PEAK = Biomarker(code="PEAK", label="Peak", unit="cells/uL", scale="log2", prespecified=True)
AREA = Biomarker(code="AREA", label="Area", scale="log2")
AGE = Biomarker(code="AGE", label="Age", unit="year", scale="unit", prespecified=True)
STAGE = Biomarker(code="STAGE", label="Stage", kind="categorical")
NOISE = [Biomarker(code=c, label=c) for c in _NOISE]
YES = Endpoint(name="durable", label="Durable response", kind=OutcomeKind.BINARY)
PFS = Endpoint(name="pfs", label="Progression-free survival", kind=OutcomeKind.TIME)
QUICK = Validation(bootstrap=20, folds=5, repeats=1)
SMALL = Validation(bootstrap=3, folds=3, repeats=1)


def _table(**columns: object) -> pl.DataFrame:
    base = {
        "subject_id": [f"S{i:03d}" for i in range(_N)],
        "PEAK": _PEAK,
        "AREA": _AREA,
        "AGE": _AGE,
        "STAGE": _STAGE.tolist(),
        "durable": _YES,
        "pfs": np.minimum(_DAYS, 900.0),
        "pfs|event": _SEEN,
        "pfs|cause": [None] * _N,
        **_NOISE,
        **columns,
    }
    return pl.DataFrame(base, schema_overrides={"pfs|cause": pl.String})


def _model(biomarkers, table=None, endpoint=YES, **settings):
    asked = Multivariable(name="one", **{"validation": QUICK, "prespecified": True, **settings})
    made = multivariable(_table() if table is None else table, biomarkers, endpoint, asked)
    conform(made.models, MODELS)
    conform(made.predictions, PREDICTIONS)
    return made


def predict(model, data, days=()) -> pl.DataFrame:
    return predicted(model, data, days).table


def _get(models: pl.DataFrame, part: str, stat: str, term: str = ""):
    row = models.filter((pl.col("part") == part) & (pl.col("stat_name") == stat) & (pl.col("term") == term))
    assert row.height == 1, (part, stat, term)
    return row["value"][0] if row["value"][0] is not None else row["text"][0]


def _notices(models: pl.DataFrame) -> set[str]:
    return set(models["notices"].explode(empty_as_null=True).drop_nulls().to_list())


def test_a_logistic_model_is_that_of_its_columns() -> None:
    made = _model([PEAK, AGE, STAGE])
    reference, *others = sorted({"I", "II", "III"}, key=lambda s: -(s == _STAGE).sum())
    dummies = {f"STAGE={s}": (s == _STAGE).astype(float) for s in sorted(others)}
    fit = logistic_model(np.column_stack((np.log2(_PEAK), _AGE, *dummies.values())), _YES)
    for j, term in enumerate(["PEAK", "AGE", *dummies], start=1):
        assert _get(made.models, "term", "coefficient", term) == pytest.approx(fit.coefficient[j], rel=1e-6)
        assert _get(made.models, "term", "ratio_lower", term) == pytest.approx(np.exp(fit.lower[j]), rel=1e-5)
        assert _get(made.models, "term", "p", term) == pytest.approx(fit.p_value[j], rel=1e-5)
    assert _get(made.models, "term", "per", "PEAK") == "doubling"
    assert _get(made.models, "term", "per", "STAGE=I") == f"against {reference}"
    assert _get(made.models, "model", "chi_square") == pytest.approx(fit.model_chi_square, rel=1e-6)
    assert _get(made.models, "variable", "df", "STAGE") == 2
    assert _get(made.models, "variable", "p", "PEAK") == pytest.approx(fit.p_value[1], rel=1e-5)
    without = np.delete(np.arange(_N), 7)
    less = logistic_model(np.column_stack((np.log2(_PEAK), _AGE, *dummies.values()))[without], _YES[without])
    change = abs(fit.coefficient[1] - less.coefficient[1]) / fit.standard_error[1]
    assert _get(made.models, "term", "influence", "PEAK") >= change - 1e-9
    assert not made.models["prespecified"].any()  # the stage is not
    assert made.predictions.height == _N
    assert made.predictions["left_out_probability"].null_count() == 0


def test_a_cox_model_is_that_of_its_columns() -> None:
    made = _model([PEAK, AGE], endpoint=PFS)
    design = np.column_stack((np.log2(_PEAK), _AGE))
    fit = cox_model(design, np.minimum(_DAYS, 900.0), _SEEN)
    assert _get(made.models, "term", "coefficient", "PEAK") == pytest.approx(fit.coefficient[0], rel=1e-6)
    smaller = cox_model(design[:, 1:], np.minimum(_DAYS, 900.0), _SEEN)
    ratio = 2 * (fit.log_likelihood - smaller.log_likelihood)
    assert _get(made.models, "variable", "chi_square", "PEAK") == pytest.approx(ratio, rel=1e-6)
    assert 0.5 < _get(made.models, "performance", "corrected", "c_index") < 1
    saved = json.loads(_get(made.models, "model", "json"))
    assert len(saved["baseline"]["day"]) == len(set(_DAYS[_SEEN]))


def test_what_a_cox_model_predicts_by_a_horizon_is_judged() -> None:
    how = replace(QUICK, horizon=365.0, repeats=2, learning=3)
    made = _model([PEAK, AGE], endpoint=PFS, validation=how)
    target = survival_target(np.minimum(_DAYS, 900.0), _SEEN, 365.0)
    eta = made.predictions["linear_predictor"].to_numpy()[None]
    everyone = np.ones((1, _N))
    risk = target.risk(eta, everyone)
    saved = json.loads(_get(made.models, "model", "json"))["baseline"]
    free_at_zero = saved["survival"][np.searchsorted(saved["day"], 365.0, side="right") - 1]
    own = made.predictions["probability"].to_numpy()
    np.testing.assert_allclose(own, 1.0 - free_at_zero ** np.exp(eta[0]), rtol=1e-9)
    np.testing.assert_allclose(
        own, risk[0], atol=2e-3
    )  # tied events: Efron's rule in the model, Breslow's in resamples
    for measure, value in target.measures(eta, everyone, risk).items():
        assert _get(made.models, "performance", "apparent", measure) == pytest.approx(value[0], abs=0.01)
    for measure in ("c_index", "uno_c", "auc_at_horizon"):
        lower, middle, upper = (
            _get(made.models, "performance", f"cross_validated{end}", measure) for end in ("_lower", "", "_upper")
        )
        assert lower < middle < upper
        assert middle > 0.5
    left_out = made.predictions["left_out_probability"].to_numpy()
    assert np.corrcoef(left_out, risk[0])[0, 1] > 0.9
    fifths = made.models.filter(part="calibration")
    free = kaplan_meier(target.time, target.event)
    everybody = 1.0 - free.survival[np.searchsorted(free.time, 365.0, side="right") - 1]
    assert fifths.filter(stat_name="observed")["value"].mean() == pytest.approx(everybody, abs=0.05)
    assert fifths.filter(stat_name="predicted")["value"].is_sorted()
    decision = made.models.filter(part="decision", level="0.05")
    nobody_spared = everybody - (1 - everybody) * 0.05 / 0.95
    assert decision.filter(stat_name="everybody_benefit")["value"][0] == pytest.approx(nobody_spared)
    learning = made.models.filter(part="learning", stat_name="learning_mean")
    assert learning["level"].cast(pl.Int64).is_sorted()
    assert learning["value"].is_between(0.4, 1.0).all()


def test_a_horizon_that_cannot_be_judged() -> None:
    with pytest.raises(DerivationError, match="horizon"):
        _model([PEAK], validation=replace(QUICK, horizon=365.0))
    far = _model([PEAK], endpoint=PFS, validation=replace(QUICK, horizon=4000.0))
    early = _model([PEAK], endpoint=PFS, validation=replace(QUICK, horizon=0.5))
    assert far.models.filter(pl.col("part").is_in(["calibration", "decision"])).is_empty()
    assert early.models.filter(part="decision", stat_name="everybody_benefit")["value"].max() < 0
    for made in (far, early):
        assert "horizon-not-judged" in _notices(made.models)
        rows = made.models.filter(pl.col("term") == "auc_at_horizon", pl.col("stat_name") != "resamples")
        assert rows["value"].is_null().all()
        assert _get(made.models, "performance", "cross_validated", "c_index") > 0.5


def test_leaving_one_out() -> None:
    made = _model([PEAK], validation=Validation(bootstrap=0, folds=10_000))
    assert made.predictions["left_out_predictor"].null_count() == 0
    assert _get(made.models, "performance", "cross_validated", "auc") > 0.6
    without = _model([PEAK], validation=Validation(bootstrap=0, folds=0))
    assert set(without.models.filter(part="performance")["stat_name"]) == {"apparent"}
    assert without.models.filter(part="calibration").is_empty()


def test_splines_and_products() -> None:
    made = _model([PEAK, AGE], splines={"AGE": 4}, interactions=(("PEAK", "AGE"),))
    centred = _AGE - _AGE.mean()
    log = np.log2(_PEAK) - np.log2(_PEAK).mean()
    basis = restricted_cubic(centred, knots(centred, 4))
    fit = logistic_model(np.column_stack((log, basis, log * centred)), _YES)
    terms = ["PEAK", "AGE", "AGE'", "AGE''", "PEAK:AGE"]
    for j, term in enumerate(terms, start=1):
        assert _get(made.models, "term", "coefficient", term) == pytest.approx(fit.coefficient[j], rel=1e-5)
    assert _get(made.models, "variable", "df", "AGE") == 4


def test_what_a_biomarker_adds() -> None:
    made = _model([AGE, PEAK], adds=("PEAK",))
    assert _get(made.models, "added", "p", "PEAK") == pytest.approx(_get(made.models, "variable", "p", "PEAK"))
    gap = _get(made.models, "added", "with", "PEAK") - _get(made.models, "added", "without", "PEAK")
    assert _get(made.models, "added", "difference", "PEAK") == pytest.approx(gap)
    assert gap > 0


def test_a_peak_and_its_area_are_never_silent() -> None:
    courses = {
        "PEAK": "car_qpcr",
        "N0": "car_qpcr",
        "AGE": "other",
    }  # little correlated, and of one course all the same
    said = [_notices(_model(m, courses=courses, validation=SMALL).models) for m in ([PEAK, NOISE[0]], [PEAK, AGE])]
    assert "same-course" in said[0]
    assert "same-course" not in said[1]
    asked = Selection(
        name="s",
        method="group_lasso",
        courses={"PEAK": "a", "AREA": "a"},
        collinear=None,
        inner_folds=3,
        validation=replace(SMALL, bootstrap=0, folds=2),
    )
    chosen = selection(_table(), [replace(PEAK, group="g"), replace(AREA, group="g")], YES, asked)
    assert "same-course" in _notices(chosen.models)
    assert "collinear-covariates" in _notices(_model([PEAK, AREA], validation=SMALL).models)
    assert "collinear-covariates" not in _notices(_model([PEAK, AGE], validation=SMALL).models)


def test_gaps_are_filled_or_left_out() -> None:
    ages = [None if i < 8 else float(v) for i, v in enumerate(_AGE)]
    table = _table(AGE=ages)
    complete, filled = _model([PEAK, AGE], table), _model([PEAK, AGE], table, missing="median")
    assert complete.models["n"][0] == _N - 8
    assert _get(complete.models, "model", "n_missing") == 8
    assert filled.models["n"][0] == _N
    assert "gaps-filled" in _notices(filled.models)
    median = float(np.median(_AGE[8:]))
    fit = logistic_model(np.column_stack((np.log2(_PEAK), np.where(np.arange(_N) < 8, median, _AGE))), _YES)
    assert _get(filled.models, "term", "coefficient", "AGE") == pytest.approx(fit.coefficient[2], rel=1e-6)


@pytest.mark.parametrize(
    ("biomarkers", "columns", "endpoint", "reason"),
    [
        ([PEAK, *NOISE], {"durable": np.arange(_N) < 10}, YES, "more-columns-than-events"),
        ([PEAK], {"durable": np.zeros(_N, dtype=bool)}, YES, "one-class"),
        ([PEAK], {"pfs|event": np.zeros(_N, dtype=bool)}, PFS, "one-class"),
        (
            [PEAK],
            {"pfs": -np.argsort(np.argsort(_PEAK)) + 100.0, "pfs|event": np.ones(_N, dtype=bool)},
            PFS,
            "separated",
        ),
        ([AGE], {"AGE": np.full(_N, 3.0)}, YES, "constant"),
        ([PEAK, AGE], {"AGE": np.log2(_PEAK) * 2}, YES, "collinear"),
    ],
)
def test_models_that_cannot_be(biomarkers, columns, endpoint, reason) -> None:
    made = _model(biomarkers, _table(**columns), endpoint)
    assert made.models["error"].unique().to_list() == [reason]
    assert made.predictions.is_empty()


def test_perfect_prediction_has_a_firth_model() -> None:
    made = _model([PEAK, AGE], _table(durable=np.median(_PEAK) < _PEAK))
    assert "separation" in _notices(made.models)
    assert made.models["error"].null_count() == made.models.height


def test_a_constant_covariate_is_left_out_and_told() -> None:
    made = _model([PEAK, AGE], _table(AGE=np.full(_N, 50.0)))
    assert _get(made.models, "variable", "univariable_excluded", "AGE") == "constant"
    assert "covariate-left-out" in _notices(made.models)


def test_declarations_that_contradict_the_table() -> None:
    with pytest.raises(DerivationError, match="PEEK"):
        _model([replace(PEAK, code="PEEK")])
    with pytest.raises(DerivationError, match="number"):
        _model([PEAK], endpoint=Endpoint(name="AGE", label="Age", kind=OutcomeKind.NUMBER))
    with pytest.raises(DerivationError, match="nobody"):
        prepare(_table(), [PEAK], YES, "nobody", complete=True)


@pytest.mark.parametrize("method", ["elastic_net", "adaptive_lasso", "stepwise", "stability"])
@pytest.mark.parametrize("endpoint", [YES, PFS], ids=["binary", "time"])
def test_selections_find_the_driver(method: str, endpoint: Endpoint) -> None:
    asked = Selection(name="sel", method=method, inner_folds=5, pairs=10, validation=SMALL)
    made = selection(_table(), [*NOISE, AREA, PEAK, AGE, STAGE], endpoint, asked)
    conform(made.models, MODELS)
    conform(made.predictions, PREDICTIONS)
    assert _get(made.models, "candidate", "representative", "AREA") == "PEAK"  # prespecified before the rest
    assert _get(made.models, "model", "candidates") == 16
    assert _get(made.models, "model", "clusters") == 15
    assert _get(made.models, "candidate", "in_model", "PEAK") == 1
    assert _get(made.models, "candidate", "fold_frequency", "PEAK") > 0.5


@pytest.mark.parametrize("settings", [{"method": "group_lasso"}, {"method": "stability", "grouped": True, "picked": 2}])
def test_groups_are_selected_whole(settings: dict[str, object]) -> None:
    parts = [replace(b, group="noise") for b in NOISE[:4]] + [replace(b, group="other") for b in NOISE[4:8]]
    markers = [*parts, replace(PEAK, group="expansion"), replace(AGE, group="expansion"), STAGE]
    asked = Selection(
        name="sel",
        inner_folds=5,
        pairs=10,
        threshold=0.8,
        validation=Validation(bootstrap=0, folds=2, repeats=1),
        **settings,
    )
    made = selection(_table(), markers, YES, asked)
    assert _get(made.models, "model", "groups") == 4  # the stage has no group and is its own
    inside = made.models.filter(pl.col("stat_name") == "in_model")
    group = made.models.filter((pl.col("part") == "candidate") & (pl.col("stat_name") == "group"))
    by_group = inside.join(group.select("term", group="text"), on="term").group_by("group").agg(pl.col("value").mean())
    assert set(by_group["value"]) <= {0.0, 1.0}
    assert by_group.filter(pl.col("group") == "expansion")["value"].item() == 1.0


@pytest.mark.parametrize(("markers", "picked"), [(NOISE, 11), (NOISE[:1], None)])
def test_a_selection_without_a_bound_says_so(markers: list[Biomarker], picked: int | None) -> None:
    made = selection(_table(), markers, YES, Selection(name="sel", method="stability", picked=picked, validation=QUICK))
    assert made.models["error"].unique().to_list() == ["no-error-bound"]
    assert made.predictions.is_empty()


def test_one_seed_one_result() -> None:
    asked = Selection(name="sel", inner_folds=3, validation=SMALL)
    first, second = (selection(_table(), [PEAK, *NOISE[:4]], YES, asked) for _ in range(2))
    assert first.models.equals(second.models)
    other = selection(_table(), [PEAK, *NOISE[:4]], YES, replace(asked, seed=1))
    assert not other.models.equals(first.models)


def test_nothing_selected_says_so() -> None:
    table = _table(durable=np.random.default_rng(4).permutation(_YES))
    asked = Selection(name="sel", method="stability", pairs=10, validation=replace(QUICK, bootstrap=0))
    made = selection(table, NOISE, YES, asked)
    assert made.models["error"].unique().to_list() == ["nothing-selected"]
    assert _get(made.models, "model", "selected") == 0


def test_a_saved_model_predicts_what_the_run_did() -> None:
    made = _model([PEAK, AGE, STAGE], splines={"AGE": 3}, interactions=(("PEAK", "AGE"),))
    model = load_model(_get(made.models, "model", "json"), file="one.json")
    found = predict(model, _table().select("subject_id", "PEAK", "AGE", "STAGE"))
    np.testing.assert_allclose(found["probability"], made.predictions["probability"], rtol=1e-9)
    assert found["error"].null_count() == _N
    assert (found["notices"] == "").all()


def test_predictions_with_trouble() -> None:
    made = _model([PEAK, AGE, STAGE])
    model = load_model(_get(made.models, "model", "json"), file="one.json")
    data = pl.DataFrame(
        {
            "subject_id": ["a", "b", "c", "d", "e"],
            "PEAK": [1e9, 20.0, 0.0, None, 20.0],
            "AGE": [60, 60, 60, 60, 60],
            "STAGE": ["I", "IV", "I", "I", "II"],
        }
    )
    found = predict(model, data)
    assert found["error"].to_list() == [None, "unknown-class", "not-positive", "not-recorded", None]
    assert found["notices"][0] == "outside-the-range: PEAK"
    assert found["probability"].is_not_null().to_list() == [True, False, False, False, True]
    with pytest.raises(InputError, match="STAGE") as missing:
        predict(model, data.drop("STAGE"))
    assert len(missing.value.problems) == 1  # of a covariate of two columns
    with pytest.raises(InputError, match="numbers"):
        predict(model, data.with_columns(AGE=pl.lit("old")))
    with pytest.raises(InputError, match="JSON"):
        load_model("{", file="broken.json")
    with pytest.raises(InputError, match="model"):
        load_model('{"format": "other"}', file="other.json")


def test_external_validation() -> None:
    made = _model([PEAK, AGE])
    model = load_model(_get(made.models, "model", "json"), file="one.json")
    table = _table()
    found = validate_externally(model, predict(model, table), table, "durable")
    for ours, theirs in (("auc", "auc"), ("brier", "brier"), ("calibration_slope", "slope")):
        assert found.measures[ours] == pytest.approx(_get(made.models, "performance", "apparent", theirs))
    assert (found.n, found.events) == (_N, int(_YES.sum()))
    assert found.measures["auc_lower"] < found.measures["auc"] < found.measures["auc_upper"]
    with pytest.raises(InputError, match="PEAK"):
        validate_externally(model, predict(model, table), table, "PEAK")
    cox = _model([PEAK, AGE], endpoint=PFS)
    model = load_model(_get(cox.models, "model", "json"), file="two.json")
    found = validate_externally(model, predict(model, table), table, "pfs", "pfs|event")
    assert found.measures["c_index"] == pytest.approx(_get(cox.models, "performance", "apparent", "c_index"), abs=5e-3)
    judged = validate_externally(
        model, predict(model, table, [365.0, 5000.0]), table, "pfs", "pfs|event", [365.0, 5000.0]
    )
    eta = predict(model, table)["linear_predictor"].to_numpy()[None]
    by_a_year = survival_target(np.minimum(_DAYS, 900.0), _SEEN, 365.0).measures(eta, np.ones((1, _N)))
    for ours, theirs, off in (
        ("uno_c", "uno_c", 1e-9),
        ("auc", "auc_at_horizon", 1e-9),
        ("brier", "brier_at_horizon", 1e-3),
    ):
        assert judged.measures[f"{ours}_day_365"] == pytest.approx(by_a_year[theirs][0], abs=off)
    assert judged.measures["auc_lower_day_365"] < judged.measures["auc_day_365"]
    assert judged.measures["auc_day_5000"] is None  # nobody is followed to it
    with pytest.raises(InputError, match="--event"):
        validate_externally(model, predict(model, table), table, "pfs")


def test_a_grade_has_a_proportional_odds_model() -> None:
    grade = np.digitize(_ETA + np.random.default_rng(3).logistic(size=_N), [-1.0, 0.5, 2.0])
    table = _table(crs=grade)
    crs = Endpoint(name="crs", label="CRS grade", kind=OutcomeKind.GRADE)
    made = _model([PEAK, AGE, STAGE], table, crs, adds=("PEAK",))
    reference = max("I", "II", "III", key=lambda s: (s == _STAGE).sum())
    others = [s for s in ("I", "II", "III") if s != reference]
    design = np.column_stack((np.log2(_PEAK), _AGE, *((s == _STAGE).astype(float) for s in others)))
    fit = ordinal_model(design, grade)
    for j, term in enumerate(["PEAK", "AGE", *(f"STAGE={s}" for s in others)]):
        assert _get(made.models, "term", "coefficient", term) == pytest.approx(fit.coefficient[j], rel=1e-6)
        assert _get(made.models, "term", "ratio_upper", term) == pytest.approx(np.exp(fit.upper[j]), rel=1e-5)
    assert _get(made.models, "variable", "p", "PEAK") == pytest.approx(fit.p_value[0], rel=1e-4)
    test = parallel_test(design, grade, np.arange(4))
    assert _get(made.models, "model", "parallel_chi_square") == pytest.approx(test.chi_square, rel=1e-5)
    assert _get(made.models, "variable", "parallel_df", "STAGE") == 4
    counts = made.models.filter((pl.col("part") == "threshold") & (pl.col("stat_name") == "subjects"))
    assert counts["value"].to_list() == np.bincount(grade).tolist()
    assert _get(made.models, "added", "with", "PEAK") > _get(made.models, "added", "without", "PEAK")
    assert _get(made.models, "performance", "apparent", "c_index") > 0.6
    assert made.predictions["observed_class"].to_list() == [str(g) for g in grade]
    model = load_model(_get(made.models, "model", "json"), file="crs.json")
    found = predict(model, table)
    shares = [json.loads(text) for text in made.predictions["class_probabilities"]]
    for name in ("0", "1", "2", "3"):
        np.testing.assert_allclose(found[f"probability of {name}"], [row[name] for row in shares], rtol=1e-9)
    assert found["likeliest_class"].to_list() == made.predictions["likeliest_class"].to_list()
    judged = validate_externally(model, found, table, "crs")
    assert judged.measures["c_index"] == pytest.approx(_get(made.models, "performance", "apparent", "c_index"))
    assert judged.measures["c_index_lower"] < judged.measures["c_index"]
    with pytest.raises(InputError, match="grades or classes"):
        validate_externally(model, found, table.with_columns(crs=pl.lit(9)), "crs")


def test_grades_that_cannot_be_modelled() -> None:
    crs = Endpoint(name="crs", label="CRS grade", kind=OutcomeKind.GRADE)
    one = _model([PEAK], _table(crs=np.ones(_N)), crs)
    assert one.models["error"].unique().to_list() == ["one-class"]
    few = np.zeros(_N)
    few[:2] = 3
    many = _model([PEAK, AGE, STAGE, *NOISE[:2]], _table(crs=few), crs)
    assert many.models["error"].unique().to_list() == ["more-columns-than-events"]
    with pytest.raises(DerivationError, match="selection"):
        selection(_table(crs=few), [PEAK], crs, Selection(name="sel"))


def test_transformations_are_those_of_the_columns() -> None:
    cut = np.quantile(_PEAK, [0.25, 0.5, 0.75])
    quarters = (_PEAK[:, None] > cut).sum(axis=1)
    table = _table(OTHER=_NOISE["N0"] ** 2)
    other = Biomarker(code="OTHER", label="Other", scale="sd")
    transforms = {
        "PEAK": Transform(cut="quartiles"),
        "AGE": Transform(per=10),
        "OTHER": Transform(take="sqrt"),
        "AREA": Transform(take="log10", per=0.5),
    }
    made = _model([PEAK, AGE, other, AREA], table, transforms=transforms)
    dummies = [(quarters == k).astype(float) for k in (1, 2, 3)]
    design = np.column_stack((*dummies, _AGE / 10, np.abs(_NOISE["N0"]), np.log10(_AREA) / 0.5))
    fit = logistic_model(design - design.mean(axis=0), _YES)
    terms = made.models.filter((pl.col("part") == "term") & (pl.col("stat_name") == "coefficient"))
    np.testing.assert_allclose(terms["value"], fit.coefficient[1:], rtol=1e-6)
    assert terms["term"][0] == f"PEAK={cut[0]:.4g} to {cut[1]:.4g}"
    assert terms["term"][2] == f"PEAK=above {cut[2]:.4g}"
    assert _get(made.models, "variable", "df", "PEAK") == 3
    assert _get(made.models, "term", "per", "AGE") == "10 year"
    assert _get(made.models, "term", "per", "OTHER") == "unit of the square root"
    assert _get(made.models, "term", "per", "AREA") == "0.5 tenfolds"
    assert _get(made.models, "term", "per", terms["term"][0]) == f"against up to {cut[0]:.4g}"
    model = load_model(_get(made.models, "model", "json"), file="one.json")
    np.testing.assert_allclose(predict(model, table)["probability"], made.predictions["probability"], rtol=1e-9)
    found = predict(model, table.with_columns(OTHER=pl.lit(-1.0)))
    assert found["error"].unique().to_list() == ["negative"]


def test_a_declared_threshold_and_what_cannot_be_transformed() -> None:
    made = _model([AGE], transforms={"AGE": Transform(cut=(58.0,))})
    fit = logistic_model((_AGE > 58)[:, None].astype(float), _YES)
    assert _get(made.models, "term", "coefficient", "AGE=above 58") == pytest.approx(fit.coefficient[1], rel=1e-6)
    nobody = _model([AGE, PEAK], transforms={"AGE": Transform(cut=(500.0,))})
    assert _get(nobody.models, "variable", "univariable_excluded", "AGE") == "no-groups"
    below = _model([NOISE[0], PEAK], transforms={"N0": Transform(take="sqrt")})
    assert _get(below.models, "variable", "univariable_excluded", "N0") == "negative"
    chosen = selection(
        _table(),
        [PEAK, AGE, *NOISE[:3]],
        YES,
        Selection(name="s", transforms={"PEAK": Transform(cut="median")}, validation=replace(SMALL, bootstrap=0)),
    )
    assert chosen.models.filter(pl.col("term").str.starts_with("PEAK=above")).height > 0


@pytest.mark.parametrize("endpoint", [YES, PFS], ids=["binary", "time"])
def test_imputed_covariates_are_pooled(endpoint: Endpoint) -> None:
    gone = np.random.default_rng(1).random(_N) < 0.2
    table = _table(AGE=np.where(gone, None, _AGE).tolist(), STAGE=np.where(gone[::-1], None, _STAGE).tolist())
    made = _model(
        [PEAK, AGE, STAGE], table, endpoint, missing="imputed", adds=("PEAK",), splines={"AGE": 3}, validation=SMALL
    )
    assert made.predictions.height == _N
    assert _get(made.models, "model", "imputations") == 20
    assert "gaps-imputed" in _notices(made.models)
    assert 0 < _get(made.models, "term", "missing_information", "AGE") < 1
    assert _get(made.models, "variable", "df", "STAGE") == 2
    assert _get(made.models, "added", "p", "PEAK") == pytest.approx(_get(made.models, "variable", "p", "PEAK"))
    assert _get(made.models, "term", "ratio_lower", "PEAK") < _get(made.models, "term", "ratio", "PEAK")
    model = load_model(_get(made.models, "model", "json"), file="one.json")
    found = predict(model, table)
    np.testing.assert_allclose(found["linear_predictor"], made.predictions["linear_predictor"], rtol=1e-9, atol=1e-9)
    assert (found["notices"].str.contains("filled").to_numpy() == (gone | gone[::-1])).all()
    nothing = pl.DataFrame({"subject_id": ["a"], "PEAK": [None], "AGE": [None], "STAGE": [None]})
    nothing = nothing.cast({"PEAK": pl.Float64, "AGE": pl.Float64, "STAGE": pl.String})
    assert predict(model, nothing)["error"].to_list() == ["not-recorded"]


def test_without_gaps_imputation_changes_nothing() -> None:
    one, other = (_model([PEAK, AGE], missing=m).models.drop("settings") for m in ("imputed", "complete"))
    assert one.equals(other)


def test_a_selection_from_imputed_candidates() -> None:
    gone = np.random.default_rng(1).random(_N) < 0.2
    asked = Selection(name="sel", method="stepwise", missing="imputed", validation=SMALL)
    made = selection(_table(PEAK=np.where(gone, None, _PEAK).tolist()), [PEAK, AGE, *NOISE[:3]], YES, asked)
    assert _get(made.models, "candidate", "in_model", "PEAK") == 1
    assert "gaps-imputed" in _notices(made.models)
    assert made.predictions["left_out_probability"].null_count() == 0


def test_other_subjects_in_other_units_and_at_limits() -> None:
    # PEAK in cells/uL and AGE in years; 1e9/L is 1000 cells/uL
    made = _model([PEAK, AGE])
    model = load_model(_get(made.models, "model", "json"), file="one.json")
    plain = pl.DataFrame({"subject_id": ["a", "b", "c"], "PEAK": [20.0, 30.0, 40.0], "AGE": [60, 50, 55]})
    other = plain.rename({"PEAK": "PEAK [1e9/L]"}).with_columns(pl.col("PEAK [1e9/L]") / 1000)
    assert predict(model, other)["probability"].to_list() == pytest.approx(
        predict(model, plain)["probability"].to_list()
    )
    limits = plain.with_columns(PEAK=pl.Series(["<20", "30", "> 40"]))
    found = predict(model, limits)
    assert found["probability"].to_list() == pytest.approx(predict(model, plain)["probability"].to_list())
    assert found["notices"].to_list() == ["counted-at-its-limit: PEAK", "", "counted-at-its-limit: PEAK"]
    with pytest.raises(InputError, match="another unit"):
        predict(model, plain.rename({"PEAK": "PEAK [pg/mL]"}))
    with pytest.raises(InputError, match="More than one column"):
        predict(model, plain.with_columns(pl.col("PEAK").alias("PEAK [1e9/L]")))
    with pytest.raises(InputError, match="n/a") as caught:  # all problems at once
        predict(model, plain.with_columns(PEAK=pl.Series(["n/a", "3", "4"])).drop("AGE"))
    assert "AGE" in str(caught.value)
    far = predicted(model, plain.with_columns(PEAK=pl.col("PEAK") * 1e7))
    assert len(far.warnings) == 1
    assert "another unit" in far.warnings[0]
    with pytest.raises(InputError, match="--day"):
        predict(model, plain, (100.0,))


def test_a_cox_model_tells_survival_by_a_day() -> None:
    made = _model([PEAK, AGE], endpoint=PFS, validation=SMALL)
    model = load_model(_get(made.models, "model", "json"), file="two.json")
    found = predict(model, _table(), (0.0, 200.0, 5000.0))
    times, seen = np.minimum(_DAYS, 900.0), _SEEN
    eta = made.predictions["linear_predictor"].to_numpy()
    # Breslow by hand where no two events share a day: sum of 1 / sum of risks of those at risk
    order = [t for t in np.unique(times[seen]) if t <= 200]
    efron = 0.0
    for t in order:
        at_risk, dead = np.exp(eta[times >= t]).sum(), np.exp(eta[(times == t) & seen])
        efron += sum(1 / (at_risk - k / dead.size * dead.sum()) for k in range(dead.size))
    np.testing.assert_allclose(found["no event by day 200"], np.exp(-efron * np.exp(eta)), rtol=1e-6)
    assert (found["no event by day 0"] == 1.0).all()
    assert found["no event by day 5000"].null_count() == _N


def test_subjects_with_a_covariate_beyond_a_limit_are_left_out_unless_the_limit_is_declared() -> None:
    low = np.quantile(_PEAK, 0.1)
    table = _table(PEAK=np.maximum(_PEAK, low)).with_columns(
        pl.when(pl.Series(low > _PEAK)).then(pl.lit("left")).otherwise(pl.lit("none")).alias("PEAK|censoring")
    )
    left, kept = (_model([PEAK, AGE], table, validation=SMALL, censored=how).models for how in ("exclude", "limit"))
    beyond = int((low > _PEAK).sum())
    assert (left["n"][0], kept["n"][0]) == (_N - beyond, _N)
    assert "censored-excluded" in str(left["notices"].to_list())
    assert "censored-substituted" in str(kept["notices"].to_list())
    alone = _model([PEAK, AGE], table.filter(pl.col("PEAK|censoring") == "none"), validation=SMALL).models
    value = lambda m: m.filter(part="term", stat_name="odds_ratio")["value"].to_list()  # noqa: E731
    assert value(left) == pytest.approx(value(alone))
