"""The stage: values against the kernels, errors, notices, families, populations, pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.unit.association.trial import (
    BIOMARKERS,
    CATEGORICAL,
    CRS3,
    DURABILITY,
    DURABLE,
    GRADE,
    NOBODY,
    PAIRS,
    PFS,
    TROUBLE,
    table,
)

from correlates.association import (
    Biomarker,
    CensoredOptions,
    Comparison,
    Endpoint,
    Notice,
    SmallSampleOptions,
    Univariable,
    WilcoxonOptions,
    associate,
    compare,
)
from correlates.errors import DerivationError
from correlates.schema import RESULTS
from correlates.stats.auc import auc
from correlates.stats.kruskal import kruskal_wallis
from correlates.stats.logistic import logistic_screen
from correlates.stats.multiplicity import adjust
from correlates.stats.rank import Exact, hodges_lehmann, wilcoxon
from correlates.terms import OutcomeKind

RANK = Univariable(name="screen", methods=("wilcoxon",))


def _get(results, biomarker, stat, level="", column="value", **where):
    rows = results.filter(biomarker=biomarker, stat_name=stat, level=level, **where)
    assert rows.height == 1, (biomarker, stat, level, rows.height)
    value = rows[column][0]
    return value.to_list() if isinstance(value, pl.Series) else value


def _arrays(code, endpoint="durable"):
    frame = table().drop_nulls(code)
    return frame[code].to_numpy().astype(float), frame[endpoint].to_numpy()


def test_wilcoxon_rows_are_the_kernels_numbers():
    results = associate(table(), BIOMARKERS, (DURABLE,), RANK)
    for code in ("PEAK", "IL6", "AGE"):
        x, y = _arrays(code)
        test, shift, area = wilcoxon(x, y), hodges_lehmann(x, y), auc(x, y, limits="logit")
        assert _get(results, code, "p") == test.p_value[0]
        assert _get(results, code, "w") == test.w[0]
        assert _get(results, code, "variant", column="text") == test.variant[0]
        assert _get(results, code, "shift_upper") == shift.upper[0]
        assert _get(results, code, "auc_lower") == pytest.approx(area.lower[0], rel=1e-12)
        assert _get(results, code, "median", "durable") == pytest.approx(np.median(x[y]))
        assert _get(results, code, "q3", "not durable") == pytest.approx(np.quantile(x[~y], 0.75))
        assert _get(results, code, "n", "durable") == y.sum()


def test_ratio_is_the_shift_of_log2_and_only_given_there():
    results = associate(table(), BIOMARKERS, (DURABLE,), RANK)
    x, y = _arrays("PEAK")
    shift = hodges_lehmann(np.log2(x), y)
    assert _get(results, "PEAK", "ratio") == pytest.approx(2 ** shift.estimate[0])
    assert _get(results, "PEAK", "ratio_lower") == pytest.approx(2 ** shift.lower[0])
    assert _get(results, "PEAK", "ratio", column="unit") == "ratio"
    assert _get(results, "PEAK", "shift", column="unit") == "cells/uL"
    assert _get(results, "PEAK", "ratio_of_medians") == pytest.approx(np.median(x[y]) / np.median(x[~y]))
    assert _get(results, "AGE", "ratio") is None
    assert Notice.NOT_LOG2.value in _get(results, "AGE", "ratio", column="notices")
    assert Notice.NOT_LOG2.value not in _get(results, "AGE", "p", column="notices")


@pytest.mark.parametrize(
    ("code", "scale", "per"),
    [("PEAK", "log2", "doubling"), ("AGE", "sd", "standard deviation"), ("ECOG", "unit", "unit")],
)
def test_what_an_odds_ratio_is_per(code, scale, per):
    results = associate(table(), BIOMARKERS, (DURABLE,), Univariable(name="screen", methods=("firth",)))
    x, y = _arrays(code)
    covariate = {"log2": np.log2(x) if scale == "log2" else x, "sd": x / x.std(ddof=1), "unit": x}[scale]
    fit = logistic_screen(covariate, y)
    assert _get(results, code, "per", column="text") == per
    assert _get(results, code, "odds_ratio") == pytest.approx(np.exp(fit.coefficient[0]), rel=1e-8)
    assert _get(results, code, "odds_ratio_lower") == pytest.approx(np.exp(fit.lower[0]), rel=1e-7)
    assert _get(results, code, "p") == pytest.approx(fit.p_value[0], rel=1e-8)
    assert _get(results, code, "standard_error") == pytest.approx(fit.standard_error[0], rel=1e-7)


def test_declared_substitution_of_censored_values():
    half = Univariable(name="screen", methods=("firth",), censored=CensoredOptions(by="substitute", left_factor=0.5))
    frame = table()
    by_hand = frame.with_columns(
        IL6=pl.when(pl.col("IL6|censoring") == "left").then(pl.col("IL6") / 2).otherwise("IL6")
    ).drop("IL6|censoring")
    found = associate(frame, BIOMARKERS[1:2], (DURABLE,), half)
    expected = associate(by_hand, BIOMARKERS[1:2], (DURABLE,), half)
    assert _get(found, "IL6", "odds_ratio") == pytest.approx(_get(expected, "IL6", "odds_ratio"), rel=1e-9)
    assert Notice.CENSORED_SUBSTITUTED.value in _get(found, "IL6", "p", column="notices")
    assert _get(expected, "IL6", "p", column="notices") == []


@pytest.mark.parametrize(
    ("code", "method", "error"),
    [
        ("CONSTANT", "wilcoxon", "constant"),
        ("CONSTANT", "firth", "constant"),
        ("LOW", "wilcoxon", "all-censored"),
        ("LOW", "firth", "all-censored"),
        ("WILD", "wilcoxon", "not-finite"),
        ("ZERO", "firth", "not-positive"),
        ("ZERO", "wilcoxon", None),
        ("EMPTY", "wilcoxon", "too-few"),
    ],
)
def test_what_cannot_be_analysed_says_why(code, method, error):
    results = associate(table(), TROUBLE, (DURABLE,), Univariable(name="screen", methods=(method,)))
    rows = results.filter(biomarker=code)
    assert rows["error"].unique().to_list() == [error]
    assert (rows["value"].null_count() == rows.height) == (error is not None)


def test_one_class_and_too_few():
    frame = table()
    assert set(associate(frame, BIOMARKERS, (NOBODY,), RANK)["error"]) == {"one-class"}
    lonely = frame.with_columns(durable=pl.col("subject_id") == "S03")
    assert set(associate(lonely, BIOMARKERS, (DURABLE,), RANK)["error"]) == {"too-few"}
    asked = associate(lonely.head(30), BIOMARKERS[:1], (DURABLE,), replace(RANK, least_per_class=1))
    assert _get(asked, "PEAK", "p") is not None
    assert Notice.TOO_FEW_FOR_INTERVAL.value in _get(asked, "PEAK", "auc_lower", column="notices")
    assert Notice.LEVEL_NOT_REACHED.value in _get(asked, "PEAK", "shift_lower", column="notices")
    assert _get(asked, "PEAK", "shift_level") == pytest.approx(1 - 2 / 30)


def test_separation():
    frame = table().with_columns(PEAK=pl.when("durable").then(pl.col("PEAK") + 1000).otherwise("PEAK"))
    both = associate(frame, BIOMARKERS[:1], (DURABLE,), replace(RANK, methods=("wilcoxon", "firth", "logistic_ml")))
    assert _get(both, "PEAK", "auc", method="wilcoxon") == 1
    assert _get(both, "PEAK", "auc_upper", method="wilcoxon") is None
    assert Notice.AUC_DEGENERATE.value in _get(both, "PEAK", "auc_upper", column="notices", method="wilcoxon")
    assert _get(both, "PEAK", "odds_ratio", method="firth") > 1
    assert Notice.SEPARATION.value in _get(both, "PEAK", "p", column="notices", method="firth")
    assert _get(both, "PEAK", "separation", column="text", method="firth") == "complete"
    assert _get(both, "PEAK", "p", column="error", method="logistic_ml") == "separated"


def test_limits_of_the_auc_can_be_those_of_wald():
    plain = associate(table(), BIOMARKERS[:1], (DURABLE,), replace(RANK, wilcoxon=WilcoxonOptions(auc_limits="wald")))
    area = auc(*_arrays("PEAK"))
    assert _get(plain, "PEAK", "auc_lower") == pytest.approx(area.lower[0], rel=1e-12)
    assert _get(plain, "PEAK", "auc_lower") != _get(
        associate(table(), BIOMARKERS[:1], (DURABLE,), RANK), "PEAK", "auc_lower"
    )


def test_few_subjects_are_permuted_and_the_law_of_many_is_told_and_can_be_asked_for():
    codes = ("logistic_ml", "censored_regression", "proportional_odds", "cox", "log_rank", "restricted_mean")
    asked = replace(RANK, methods=codes, permutations=500)
    few, many, beyond = (
        associate(table(), BIOMARKERS[2:3], (DURABLE, GRADE, PFS), replace(asked, small_samples=small))
        for small in (SmallSampleOptions(), SmallSampleOptions(p="asymptotic"), SmallSampleOptions(up_to=58))
    )
    for code in codes:
        told = _get(few, "AGE", "p_asymptotic", method=code)
        assert _get(few, "AGE", "p", method=code) != told
        variant = _get(few, "AGE", "variant", column="text", method=code)
        assert variant == ("F" if code == "censored_regression" else "permutation (500 orders)")
        for plain in (many, beyond):
            assert _get(plain, "AGE", "p", method=code) == told
            assert _get(plain, "AGE", "variant", column="text", method=code) in (
                "likelihood ratio",
                "chi-square",
                "normal",
            )


def test_notices_of_censoring_events_and_repeated_subjects():
    frame = (
        table()
        .with_columns(pl.col("IL6").clip(lower_bound=6.0))
        .with_columns(
            pl.when(pl.col("IL6") == 6.0).then(pl.lit("left")).otherwise("IL6|censoring").alias("IL6|censoring")
        )
    )
    settings = replace(RANK, unit_of="patient", few_events=30)
    results = associate(frame, BIOMARKERS[:2], (DURABLE,), settings)
    told = _get(results, "IL6", "p", column="notices")
    assert {"few-events", "censored-share-high", "repeated-units"} <= set(told)
    assert _get(results, "IL6", "share_censored") > 0.5
    assert Notice.AT_LIMIT.value in _get(results, "IL6", "q1", "durable", column="notices")
    assert Notice.AT_LIMIT.value not in _get(results, "PEAK", "q1", "durable", column="notices")
    assert set(_get(results, "PEAK", "p", column="notices")) == {"few-events", "repeated-units"}


def _of(values, signs, events):
    """Results of one biomarker of the values, censoring and events given."""
    frame = pl.DataFrame(
        {
            "subject_id": [f"S{i}" for i in range(len(values))],
            "FOLD": [float(v) for v in values],
            "FOLD|censoring": signs,
            "durable": [bool(e) for e in events],
        }
    )
    fold = Biomarker(code="FOLD", label="Fold", unit="ratio", scale="log2")
    return associate(frame, (fold,), (DURABLE,), RANK)


def test_one_low_limit_does_not_blind_the_test():
    # fold changes over a baseline below its limit are at least the quotient: 1.1 here says nothing of the others
    values = [8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 1.1]
    results = _of(values, ["none"] * 10 + ["right"], [1] * 5 + [0] * 6)
    assert _get(results, "FOLD", "p", column="error") is None
    assert _get(results, "FOLD", "w") == 27.5  # five controls beaten by each case, one not told apart
    assert _get(results, "FOLD", "p") < 0.02
    assert Notice.LIMITS_COUNTED.value in _get(results, "FOLD", "shift", column="notices")
    assert Notice.LIMITS_COUNTED.value not in _get(results, "FOLD", "auc", column="notices")


def test_a_quantile_between_a_limit_and_a_value_is_a_bound():
    # median of the events between the limit 2 and 8: at most 5; of the others 4
    results = _of([2, 2, 8, 9, 1, 3, 5, 7], ["left", "left", *["none"] * 6], [1] * 4 + [0] * 4)
    assert _get(results, "FOLD", "median", "durable") == 5
    assert Notice.AT_LIMIT.value in _get(results, "FOLD", "median", "durable", column="notices")
    assert _get(results, "FOLD", "median", "not durable", column="notices") == ["few-events"]
    assert _get(results, "FOLD", "ratio_of_medians") == 5 / 4
    assert Notice.AT_LIMIT.value in _get(results, "FOLD", "ratio_of_medians", column="notices")


def test_two_bounds_bound_no_ratio_of_medians():
    results = _of([2, 2, 2, 9, 2, 2, 2, 7], [*["left"] * 3, "none"] * 2, [1] * 4 + [0] * 4)
    assert _get(results, "FOLD", "ratio_of_medians") is None
    assert Notice.AT_LIMIT.value in _get(results, "FOLD", "ratio_of_medians", column="notices")


def test_exact_not_used_is_noticed_in_small_classes():
    frame = table().with_columns(crs=pl.Series([i < 5 for i in range(60)]))
    endpoint = Endpoint(name="crs", label="crs", kind=OutcomeKind.BINARY)
    results = associate(frame, BIOMARKERS[:2], (endpoint,), RANK)
    assert Notice.EXACT_NOT_USED.value in _get(results, "IL6", "p", column="notices") or (
        _get(results, "IL6", "variant", column="text") != "normal approximation"
    )
    never = replace(RANK, wilcoxon=WilcoxonOptions(exact=Exact.NEVER))
    assert Notice.EXACT_NOT_USED.value in _get(
        associate(frame, BIOMARKERS[:1], (endpoint,), never), "PEAK", "p", column="notices"
    )


def test_families_are_adjusted_apart_and_failed_tests_do_not_count():
    settings = Univariable(name="screen", methods=("wilcoxon", "firth"), adjust="holm")
    results = associate(table(), [*BIOMARKERS, *TROUBLE], (DURABLE, CRS3), settings)
    for (_, _, _), rows in results.group_by("biomarker_group", "endpoint", "method"):
        p = rows.filter(stat_name="p").sort("biomarker")["value"].to_numpy()
        adjusted = rows.filter(stat_name="p_adjusted").sort("biomarker")["value"].to_numpy()
        np.testing.assert_array_equal(adjusted, adjust(p, "holm"))
    assert results["family"].n_unique() == 4 * 2 * 2
    one = associate(table(), BIOMARKERS, (DURABLE, CRS3), replace(settings, families=("analysis_id",)))
    p = one.filter(stat_name="p")["value"].to_numpy()
    np.testing.assert_array_equal(one.filter(stat_name="p_adjusted")["value"].to_numpy(), adjust(p, "holm"))


def test_no_adjustment():
    results = associate(table(), BIOMARKERS, (DURABLE,), replace(RANK, adjust="none"))
    assert results["family"].null_count() == results.height
    assert _get(results, "PEAK", "p_adjusted") is None
    assert _get(results, "PEAK", "p_adjusted", column="notices") == ["not-adjusted"]


def test_populations():
    frame = table()
    results = associate(frame, BIOMARKERS, (DURABLE,), replace(RANK, populations=("all", "evaluable", "empty")))
    alone = associate(frame.filter("population:evaluable"), BIOMARKERS, (DURABLE,), RANK)
    assert _get(results, "PEAK", "p", population="evaluable") == _get(alone, "PEAK", "p")
    assert _get(results, "PEAK", "p", column="n", population="all") == 60
    assert set(results.filter(population="empty")["error"]) == {"too-few"}
    assert results["result_id"].n_unique() == 3 * 4


def test_methods_give_way_to_the_one_that_applies():
    settings = Univariable(name="screen", methods=("wilcoxon", "fisher"))
    results = associate(table(), [*BIOMARKERS, *CATEGORICAL], (DURABLE,), settings)
    assert set(results.filter(method="fisher")["biomarker"]) == {"SUBTYPE", "SEX"}
    assert set(results.filter(method="wilcoxon")["biomarker"]) == {b.code for b in BIOMARKERS}
    assert results["error"].null_count() == results.height


def test_fisher_tells_the_odds_of_the_event_in_the_last_category():
    results = associate(table(), CATEGORICAL, (DURABLE, DURABILITY), Univariable(name="screen", methods=("fisher",)))
    from scipy.stats import fisher_exact

    frame = table()
    sex, durable = frame["SEX"].to_numpy(), frame["durable"].to_numpy()
    cells = [[np.sum((sex == s) & (durable == d)) for d in (True, False)] for s in ("M", "F")]
    assert _get(results, "SEX", "p", endpoint="durable") == pytest.approx(fisher_exact(cells).pvalue, rel=1e-9)
    assert _get(results, "SEX", "count", "M in durable", endpoint="durable") == cells[0][0]
    ratio = cells[0][0] * cells[1][1] / (cells[0][1] * cells[1][0])
    assert (_get(results, "SEX", "odds_ratio", endpoint="durable") > 1) == (ratio > 1)
    assert _get(results, "SUBTYPE", "odds_ratio", endpoint="durability") is None
    assert _get(results, "SUBTYPE", "variant", column="text", endpoint="durability") == "exact"


def test_compare_across_classes():
    pairs = Comparison(name="figure", pairs=PAIRS)
    results = compare(table(), BIOMARKERS[0], DURABILITY, pairs)
    frame = table()
    x, group = frame["PEAK"].to_numpy(), frame["durability"].to_numpy()
    number = np.select([group == "durable", group == "relapsed"], [0, 1], 2)
    assert _get(results, "PEAK", "p") == pytest.approx(kruskal_wallis(x, number, 3).p_value[0])
    raw = []
    for first, second in PAIRS:
        kept = (group == first) | (group == second)
        level = f"{first} vs {second}"
        raw.append(wilcoxon(x[kept], group[kept] == first).p_value[0])
        assert _get(results, "PEAK", "p", level) == raw[-1]
        assert _get(results, "PEAK", "auc", level) == auc(x[kept], group[kept] == first).estimate[0]
        assert _get(results, "PEAK", "p", level, column="n") == kept.sum()
    for (first, second), expected in zip(PAIRS, adjust(raw, "holm"), strict=True):
        assert _get(results, "PEAK", "p_adjusted", f"{first} vs {second}") == expected
        assert "Holm" in _get(results, "PEAK", "p_adjusted", f"{first} vs {second}", column="stat_label")
    assert _get(results, "PEAK", "p_adjusted") is None
    assert _get(results, "PEAK", "median", "relapsed") == pytest.approx(np.median(x[group == "relapsed"]))


def test_an_empty_class_of_a_pair_is_said():
    frame = table().with_columns(PEAK=pl.when(pl.col("durability") == "nonresponder").then(None).otherwise("PEAK"))
    results = compare(frame, BIOMARKERS[0], DURABILITY, Comparison(name="figure", pairs=PAIRS))
    assert _get(results, "PEAK", "p", "durable vs nonresponder") is None
    assert "empty-class" in _get(results, "PEAK", "p", "durable vs nonresponder", column="notices")
    assert _get(results, "PEAK", "p", "durable vs relapsed") is not None


def test_classes_can_be_left_out_to_make_an_endpoint_binary():
    endpoint = Endpoint(
        name="durable vs none",
        label="Durable or nonresponder",
        kind=OutcomeKind.BINARY,
        column="durability",
        levels=("durable", "nonresponder"),
        event="durable",
        left_out=("relapsed",),
    )
    results = associate(table(), BIOMARKERS[:1], (endpoint,), RANK)
    pair = compare(table(), BIOMARKERS[0], DURABILITY, Comparison(name="figure", pairs=PAIRS))
    assert _get(results, "PEAK", "p") == _get(pair, "PEAK", "p", "durable vs nonresponder")
    assert _get(results, "PEAK", "auc") == _get(pair, "PEAK", "auc", "durable vs nonresponder")


def test_prespecified_needs_both():
    for declared in (True, False):
        results = associate(table(), BIOMARKERS, (DURABLE,), replace(RANK, prespecified=declared))
        assert _get(results, "PEAK", "p", column="prespecified") is declared
        assert _get(results, "IL6", "p", column="prespecified") is False


def test_results_name_themselves_by_content():
    one, again = (associate(table(), BIOMARKERS, (DURABLE,), RANK) for _ in range(2))
    other = associate(table(), BIOMARKERS, (DURABLE,), replace(RANK, name="other"))
    assert one.equals(again)
    assert not set(one["result_id"]) & set(other["result_id"])


def test_nothing_to_do_is_an_empty_table():
    assert associate(table(), [], (DURABLE,), RANK).equals(RESULTS.empty())


def test_every_contradiction_is_reported_at_once():
    odd = Endpoint(name="durability", label="d", kind=OutcomeKind.CLASS, levels=("durable", "relapsed"))
    word = Endpoint(name="word", label="w", kind=OutcomeKind.GRADE, column="SEX")
    early = Endpoint(name="early", label="t", kind=OutcomeKind.TIME, column="EARLY")
    bare = Endpoint(name="bare", label="t", kind=OutcomeKind.TIME, column="AGE")
    frame = table().with_columns(pl.Series("EARLY", [-1.0, *([5.0] * 59)]), pl.Series("EARLY|event", [True] * 60))
    with pytest.raises(DerivationError) as caught:
        associate(
            frame,
            [*BIOMARKERS, BIOMARKERS[0], Biomarker(code="PEEK", label="?"), Biomarker(code="SEX", label="Sex")],
            (
                DURABLE,
                odd,
                word,
                early,
                bare,
                Endpoint(name="nope", label="?", kind=OutcomeKind.BINARY),
                replace(DURABLE, name="x", column="durable", levels=("a",)),
            ),
            Univariable(
                name="bad",
                methods=("t_test", "kruskal_wallis"),
                families=("colour",),
                pairs=(("durable", "sick"),),
                populations=("nobody",),
                unit_of="site",
            ),
        )
    codes = [p.code for p in caught.value.problems]
    for code in (
        "declared-twice",
        "unknown-biomarker",
        "not-numeric",
        "unknown-class",
        "endpoint-not-numeric",
        "negative-time",
        "time-without-event",
        "unknown-endpoint",
        "not-binary",
        "unknown-method",
        "unknown-family",
        "unknown-population",
        "unknown-column",
    ):
        assert code in codes, code
    assert "Did you mean 'PEAK'" in str(caught.value)


def test_pairs_must_be_classes_of_every_class_endpoint():
    other = Endpoint(name="grade", label="Grade", kind=OutcomeKind.CLASS, levels=("0", "1", "2"))
    settings = Univariable(name="both", methods=("kruskal_wallis",), pairs=PAIRS)
    with pytest.raises(DerivationError, match="Unknown class of endpoint 'grade' 'durable'"):
        associate(table(), BIOMARKERS, (DURABILITY, other), settings)
