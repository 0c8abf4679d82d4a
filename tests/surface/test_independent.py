"""The numbers of the demonstration run, computed again by other means: pairs counted one by one, scipy, statsmodels, firthmodels, and
loops over the raw SAS files. Nothing here calls what it checks."""

from __future__ import annotations

import datetime
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyreadstat
import pytest
from firthmodels import FirthLogisticRegression
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests
from tests.surface.kinetics_by_hand import Sample, area, lonely, peak

FIRTH_EVERY, LIMITS_EVERY = 7, 40  # another program takes 10 ms a fit and 20 ms an interval: some of them
Z = float(stats.norm.ppf(0.975))


class Run:
    """The tables of the run, and its results by endpoint, biomarker and method."""

    def __init__(self, folder: Path) -> None:
        self.clinical = folder / "clinical"
        self.tables = folder / "run" / "tables"
        self.analysis = self.table("analysis")
        self.results: dict[tuple[str, ...], dict[tuple[str, str], Any]] = defaultdict(dict)
        self.about: dict[tuple[str, ...], dict[str, Any]] = {}
        self.tests: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        for row in self.table("results").iter_rows(named=True):
            key = (row["analysis_id"], row["endpoint"], row["biomarker"], row["method"])
            self.results[key][row["stat_name"], row["level"]] = row["text"] if row["value"] is None else row["value"]
            if row["level"] == "" and row["stat_name"] in ("p", "p_adjusted"):
                self.tests[row["result_id"]][row["stat_name"]] = row
            if (row["stat_name"], row["level"]) == ("p", ""):
                self.about[key] = row

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.tables / f"{name}.parquet")

    def data(self, endpoint: str, biomarker: str) -> tuple[np.ndarray, ...]:
        """Outcome, value and censoring (-1, 0, 1) of the subjects that have both."""
        columns = (self.analysis[c].to_list() for c in (endpoint, biomarker, f"{biomarker}|censoring"))
        kept = [row for row in zip(*columns, strict=True) if row[0] is not None and row[1] is not None]
        outcome, value, words = zip(*kept, strict=True)
        sign = [{"left": -1, "right": 1}.get(w, 0) for w in words]
        return np.array(outcome), np.array(value), np.array(sign)

    def screened(self, method: str) -> Iterator[tuple[tuple[str, ...], dict[tuple[str, str], Any]]]:
        for key, found in self.results.items():
            if key[0] == "screen" and key[3] == method and self.about[key]["error"] is None:
                yield key, found


@pytest.fixture(scope="module")
def run(demo: Path) -> Run:
    return Run(demo)


def beats(x: np.ndarray, sx: np.ndarray, y: np.ndarray, sy: np.ndarray) -> np.ndarray:
    """For every pair: 1 where x is certainly higher, 0 where y is, 1/2 where it is not known."""
    low = np.where(sx < 0, -np.inf, x)[:, None] > np.where(sy > 0, np.inf, y)[None, :]
    high = np.where(sx > 0, np.inf, x)[:, None] < np.where(sy < 0, -np.inf, y)[None, :]
    return np.where(low, 1.0, np.where(high, 0.0, 0.5))


def close(found: float, expected: float, tolerance: float = 1e-9) -> bool:
    return found == pytest.approx(expected, rel=tolerance, abs=1e-12)


def test_wilcoxon_shift_and_auc(run: Run) -> None:
    seen: Counter[str] = Counter()
    rng = np.random.default_rng(8)
    for (_, endpoint, biomarker, _), found in run.screened("wilcoxon"):
        event, value, sign = run.data(endpoint, biomarker)
        x, y, sx, sy = value[event], value[~event], sign[event], sign[~event]
        pairs = beats(x, sx, y, sy)
        n1, n2, total = x.size, y.size, value.size
        assert close(found["w", ""], pairs.sum()), biomarker
        scores = 2 * beats(value, sign, value, sign).sum(axis=1) - total
        variant = found["variant", ""]
        seen[variant] += 1
        if variant == "exact":
            assert not sign.any() or len(np.unique(scores)) == total
            p = stats.mannwhitneyu(scores[event], scores[~event], method="exact").pvalue
            assert close(found["p", ""], p), biomarker
        elif variant == "normal approximation":
            assert max(n1, n2) >= 50 or total > 50
            spread = math.sqrt(n1 * n2 * (scores**2).sum() / (total * (total - 1)))
            p = 2 * stats.norm.sf(max(abs(scores[event].sum()) - 1, 0) / spread)
            assert close(found["p", ""], min(p, 1)), biomarker
        else:  # by drawing 4000 times
            drawn = np.argsort(rng.random((4000, total)), axis=1)[:, :n1]
            p = np.mean(abs(scores[drawn].sum(axis=1)) >= abs(scores[event].sum()))
            assert abs(found["p", ""] - p) < 5 * math.sqrt(max(p * (1 - p), 0.001) / 4000), biomarker
        assert close(found["auc", ""], pairs.mean())
        if found["auc_lower", ""] is not None:
            reach = Z * math.sqrt(pairs.mean(axis=1).var(ddof=1) / n1 + pairs.mean(axis=0).var(ddof=1) / n2)
            area = float(pairs.mean())
            for end, side in (("auc_lower", -1), ("auc_upper", 1)):  # symmetric on the scale of log(A / (1 - A))
                odds = area / (1 - area) * math.exp(side * reach / (area * (1 - area)))
                assert close(found[end, ""], odds / (1 + odds))
        assert close(found["shift", ""], np.median(x[:, None] - y[None, :]))
        if found["ratio", ""] is not None:
            assert close(found["ratio", ""], 2 ** np.median(np.log2(x)[:, None] - np.log2(y)[None, :]))
            assert (found["ratio_lower", ""] <= found["ratio", ""] <= found["ratio_upper", ""]) is True
        for level, part in (("yes", x), ("no", y)):
            assert found["n", level] == part.size
            for name, at in (("median", 0.5), ("q1", 0.25), ("q3", 0.75)):
                assert close(found[name, level], np.quantile(part, at))
    assert set(seen) == {"exact", "exact permutation with ties", "normal approximation"}
    assert sum(seen.values()) > 550


def test_hodges_lehmann_limits_invert_the_test(run: Run) -> None:
    """Without ties: shifted by a limit's inner side the exact test does not reject, by its outer side it does."""
    checked = 0
    for (_, endpoint, biomarker, _), found in run.screened("wilcoxon"):
        event, value, sign = run.data(endpoint, biomarker)
        if found["variant", ""] != "exact" or sign.any():
            continue
        x, y = value[event], value[~event]
        for name, inner in (("shift_lower", 1), ("shift_upper", -1)):
            move = 1e-9 * max(abs(found[name, ""]), 1e-6) * inner

            def p(by: float, x: np.ndarray = x, y: np.ndarray = y) -> float:
                return float(stats.mannwhitneyu(x - by, y, method="exact").pvalue)

            assert p(found[name, ""] + move) >= 0.05 > p(found[name, ""] - move), (biomarker, name)
        checked += 1
    assert checked >= 20


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of the other program
def test_firth(run: Run) -> None:
    for i, ((_, endpoint, biomarker, _), found) in enumerate(run.screened("firth")):
        event, value, beyond = run.data(endpoint, biomarker)
        per = found["per", ""]
        sd = value.std(ddof=1)
        x = np.log2(value) if per == "doubling" else (value - value.mean()) / sd if "deviation" in per else value
        assert close(found["sd", ""], sd)
        assert close(found["odds_ratio", ""], math.exp(found["log_odds_ratio", ""]))
        assert found["odds_ratio_lower", ""] <= found["odds_ratio", ""] <= found["odds_ratio_upper", ""]
        # the interval leaves 1 out exactly where the likelihood ratio rejects
        assert (found["odds_ratio_lower", ""] > 1 or found["odds_ratio_upper", ""] < 1) == (found["p", ""] < 0.05)
        if i % FIRTH_EVERY or beyond.any():  # the other program knows no value that is only beyond a limit
            continue
        unit = x.std()
        model = FirthLogisticRegression(backend="numpy", max_iter=500, gtol=1e-8, xtol=1e-8)
        model.fit(((x - x.mean()) / unit)[:, None], event.astype(int))
        # the other program stops at a step and a gradient of 1e-8
        assert found["log_odds_ratio", ""] == pytest.approx(model.coef_[0] / unit, rel=1e-5, abs=1e-7), biomarker
        model.lrt(0)
        if np.isfinite(model.lrt_pvalues_[0]):  # it does not converge where the estimate is near 0
            assert found["p", ""] == pytest.approx(model.lrt_pvalues_[0], rel=1e-5), biomarker
        if i % LIMITS_EVERY == 0:
            low, high = model.conf_int(method="pl", features=[0], max_iter=500, tol=1e-7)[0] / unit
            assert math.log(found["odds_ratio_lower", ""]) == pytest.approx(low, rel=1e-4, abs=1e-6)
            assert math.log(found["odds_ratio_upper", ""]) == pytest.approx(high, rel=1e-4, abs=1e-6)


def test_fisher(run: Run) -> None:
    checked = 0
    for (_, endpoint, biomarker, _), found in run.screened("fisher"):
        rows = [r for r in run.analysis.select(biomarker, endpoint).rows() if None not in r]
        counts = Counter(rows)
        kinds = sorted({a for a, _ in rows})
        table = np.array([[counts[k, True], counts[k, False]] for k in kinds])
        for kind, (yes, no) in zip(kinds, table.tolist(), strict=True):
            assert (found["count", f"{kind} in yes"], found["count", f"{kind} in no"]) == (yes, no)
        if len(kinds) == 2:
            assert close(found["p", ""], stats.fisher_exact(table).pvalue)
            odds = stats.contingency.odds_ratio(table[::-1])  # of the second category
            assert found["odds_ratio", ""] == pytest.approx(odds.statistic, rel=1e-6)
            assert found["odds_ratio_lower", ""] == pytest.approx(odds.confidence_interval().low, rel=1e-6)
        else:  # by drawing tables with the same margins
            drawn = stats.random_table(table.sum(axis=1), table.sum(axis=0)).rvs(20_000, random_state=5)
            law = stats.random_table(table.sum(axis=1), table.sum(axis=0))
            p = np.mean(law.pmf(drawn) <= law.pmf(table) * (1 + 1e-7))
            assert abs(found["p", ""] - p) < 5 * math.sqrt(max(p * (1 - p), 1e-4) / 20_000), biomarker
        checked += 1
    assert checked >= 6


def test_adjusted_p_of_every_family(run: Run) -> None:
    families: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for found in run.tests.values():
        if set(found) != {"p", "p_adjusted"} or (found["p"]["value"] is None and found["p"]["error"] is None):
            continue  # compared as a whole, or an importance without permutations: no member of a family
        row, adjusted = found["p"], found["p_adjusted"]
        # what gave no P has no adjusted one, and counts in no family
        assert (row["error"] is None) == (row["value"] is not None)
        if row["error"] is not None:
            assert adjusted["value"] is None
        elif row["family"] is not None:
            families[row["family"]].append((row["value"], adjusted["value"]))
            if row["analysis_id"] == "screen":
                # one method, one endpoint and one group make a family: no biomarker stands in it twice
                words = (row["endpoint"], row["method"], row["biomarker_group"])
                assert all(word in row["family"] for word in words)
    assert len(families) >= 40
    methods = {"Benjamini-Hochberg": "fdr_bh", "Holm": "holm"}
    for name, pairs in families.items():
        how = name.partition(" over")[0]
        if how == "Westfall-Young maxT":
            continue  # made of the data, not of these P values: see the next test
        raw, adjusted = np.array(pairs).T
        expected = multipletests(raw, method=methods[how])[1]
        assert adjusted == pytest.approx(expected, rel=1e-12)
        assert (adjusted >= raw).all()


def quarter(values: np.ndarray) -> np.ndarray:
    """1 to 4: how many of the quartiles a value is above, and one."""
    bounds = np.quantile(values, [0.25, 0.5, 0.75])
    return 1 + (values[:, None] > bounds[None, :]).sum(axis=1)


def test_westfall_young_by_other_permutations(run: Run) -> None:
    """Step-down maxT from correlations over orders drawn here: within the Monte Carlo error of both, and in the order of them."""
    families: dict[str, list[tuple[str, str, str, float]]] = defaultdict(list)
    for found in run.tests.values():
        row, adjusted = found.get("p"), found.get("p_adjusted")
        if row and (row["family"] or "").startswith("Westfall-Young maxT over") and row["value"] is not None:
            assert adjusted is not None
            assert json.loads(row["settings"])["permutations"] == 1000
            families[row["family"]].append((row["endpoint"], row["biomarker"], row["method"], adjusted["value"]))
    assert len(families) == 6
    assert {member[2] for members in families.values() for member in members} == {"response_curve", "quartile_rates"}
    rng, drawn = np.random.default_rng(11), 4000
    for name, members in families.items():
        ((endpoint, method),) = {(e, m) for e, _, m, _ in members}
        rows = run.analysis.filter(pl.col("population:all") & pl.col(endpoint).is_not_null())
        event = rows[endpoint].to_numpy().astype(float)
        orders = np.array([event, *(rng.permutation(event) for _ in range(drawn))])
        sizes = []
        for _, biomarker, _, _ in members:
            there = rows[biomarker].is_not_null().to_numpy()
            values = rows[biomarker].to_numpy()[there].astype(float)
            x = quarter(values) if method == "quartile_rates" else np.log2(values)
            score = np.zeros(event.size)  # who has no value stays where no value is
            score[there] = (x - x.mean()) / np.sqrt(((x - x.mean()) ** 2).sum())
            sizes.append(abs(orders @ score))
            groups = run.results["curves", endpoint, biomarker, method]
            if method == "quartile_rates":
                counted = [groups["group_n", f"Q{g}"] for g in (1, 2, 3, 4)]
                assert counted == [int((x == g).sum()) for g in (1, 2, 3, 4)]
        statistics = np.array(sizes)
        adjusted = np.array([member[3] for member in members])
        by_size = np.argsort(-statistics[:, 0])
        assert (np.diff(adjusted[by_size]) >= 0).all(), name  # the larger statistic never has the larger P
        assert np.allclose(adjusted * 1000, np.round(adjusted * 1000)), name
        assert (adjusted >= 1 / 1000).all(), name  # the observed order is one of them
        reached = 0.0
        for place, at in enumerate(by_size):
            seen = statistics[at, 0] * (1 - 1e-9)
            alone = float(np.mean(statistics[at] >= seen))
            reached = max(reached, float(np.mean(statistics[by_size[place:]].max(axis=0) >= seen)))
            error = 4.5 * math.sqrt(max(reached * (1 - reached), 0.002) * (1 / 1000 + 1 / drawn))
            assert abs(adjusted[at] - reached) < error, (name, members[at])
            assert adjusted[at] > alone - error, (name, members[at])


def test_counts_of_every_result(run: Run) -> None:
    kinds: Counter[str] = Counter()
    for (analysis, endpoint, biomarker, method), row in run.about.items():
        everybody = run.analysis.filter(pl.col(f"population:{row['population']}"))
        if method in ("kaplan_meier", "cumulative_incidence"):
            continue  # from a landmark, of those at risk then: see the survival of the subjects
        either = pl.any_horizontal(pl.col(e).is_not_null() for e in endpoint.split(" & "))
        if analysis == "who_is_missing":
            either = pl.lit(value=True)  # the outcome is whether there is a value: nobody is without one
        there = everybody.filter(either & pl.col(biomarker).is_not_null())
        word = f"{biomarker}|censoring"
        beyond = there[word].is_in(["left", "right"]).sum() if word in there.columns else 0
        expected = (there.height, beyond, everybody.height - there.height)
        assert (row["n"], row["n_censored"], row["n_missing"]) == expected, (analysis, endpoint, biomarker, method)
        kinds[analysis] += 1
    assert {"screen", "curves", "balance", "by_patient", "forest", "who_is_missing", "burden_and_time"} <= set(kinds)


def test_who_is_missing_is_counted_and_compared(run: Run) -> None:
    """Those without a value against those with it, by hand from the analysis table."""
    everybody = run.analysis.filter(pl.col("population:all"))
    checked: Counter[str] = Counter()
    for (analysis, absent, compared, method), found in run.results.items():
        if analysis != "who_is_missing" or method not in ("fisher", "wilcoxon"):
            continue
        rows = everybody.filter(pl.col(compared).is_not_null())
        there = rows[absent].is_not_null().to_numpy()
        values = rows[compared].to_numpy()
        if there.all():  # who is without a value is without an outcome too
            assert run.about[analysis, absent, compared, method]["error"] == "one-class", (absent, compared)
            checked["one class"] += 1
            continue
        if method == "wilcoxon":
            assert (found["n", "analysed"], found["n", "excluded"]) == (there.sum(), (~there).sum())
            assert close(
                found["w", ""],
                beats(values[there], np.zeros(there.sum()), values[~there], np.zeros((~there).sum())).sum(),
            )
        else:
            kinds = sorted(set(values.tolist()))
            table = [[int(((values == k) & there).sum()), int(((values == k) & ~there).sum())] for k in kinds]
            if len(kinds) == 2:
                assert close(found["p", ""], stats.fisher_exact(table).pvalue), compared
        checked[method] += 1
    assert checked == {"fisher": 10, "wilcoxon": 6, "one class": 2}


def test_survival_of_the_subjects(run: Run) -> None:
    from lifelines import AalenJohansenFitter, KaplanMeierFitter
    from lifelines.statistics import logrank_test

    table = run.analysis.filter(pl.col("population:all"))
    for endpoint in ("os", "pfs", "dor"):
        rows = table.filter(pl.col(endpoint).is_not_null())
        found = run.results["survival", endpoint, "", "kaplan_meier"]
        fit = KaplanMeierFitter().fit(rows[endpoint].to_numpy(), rows[f"{endpoint}|event"].to_numpy())
        limits = fit.confidence_interval_survival_function_
        for day in (182, 365):
            assert close(found["survival", f"day {day}"], float(fit.predict(day)))
            at = limits[limits.index <= day].iloc[-1]
            assert close(found["survival_lower", f"day {day}"], at.iloc[0])
            assert close(found["survival_upper", f"day {day}"], at.iloc[1])
            assert found["n_risk", f"day {day}"] == int((rows[endpoint] >= day).sum())
        assert (found["n", ""], found["n_events", ""]) == (rows.height, int(rows[f"{endpoint}|event"].sum()))
    half = table.filter(pl.col("BURDEN").is_not_null())
    low = half.filter(pl.col("BURDEN") <= float(np.median(half["BURDEN"])))
    high = half.filter(pl.col("BURDEN") > float(np.median(half["BURDEN"])))
    test = logrank_test(low["pfs"], high["pfs"], low["pfs|event"], high["pfs|event"])
    found = run.results["survival_by_burden", "pfs", "BURDEN", "kaplan_meier"]
    assert close(found["p_asymptotic", ""], test.p_value)
    assert abs(found["p", ""] - test.p_value) < 0.02  # by permutation
    late = table.filter(pl.col("relapse").is_not_null() & (pl.col("relapse") > 91) & ~pl.col("crs3"))
    kinds = [{"relapse": 1, "death without progression": 2}.get(c or "", 0) for c in late["relapse|cause"]]
    found = run.results["relapse_by_crs", "relapse", "crs3", "cumulative_incidence"]
    assert found["n", "no; relapse"] == late.height
    aalen = AalenJohansenFitter(calculate_variance=False, jitter_level=0).fit(late["relapse"].to_numpy() - 91, kinds, 1)
    curve = aalen.cumulative_density_
    assert (
        abs(found["incidence", "no; relapse; day 274"] - curve[curve.index <= 274].iloc[-1, 0]) < 5e-3
    )  # ties jittered


def test_the_ratio_and_its_parts(run: Run) -> None:
    """Log-likelihoods by a general optimiser, areas by counting pairs."""
    rows = [r for r in run.analysis.select("durable", "CMAX", "BURDEN").rows() if None not in r]
    event, top, bottom = (np.array(c, dtype=float) for c in zip(*rows, strict=True))
    top, bottom = np.log2(top), np.log2(bottom)
    found = run.results["ratio_or_parts", "durable", "CMAX_PER_BURDEN", "ratio"]

    def lost(beta: np.ndarray, columns: list[np.ndarray]) -> float:
        eta = beta[0] + sum(b * (c - c.mean()) for b, c in zip(beta[1:], columns, strict=True))
        return float((np.logaddexp(0, eta) - event * eta).sum())

    models = {"both": [top, bottom], "ratio": [top - bottom], "numerator": [top], "denominator": [bottom], "none": []}
    for name, columns in models.items():
        best = optimize.minimize(lost, np.zeros(len(columns) + 1), args=(columns,), tol=1e-12)
        assert found["log_likelihood", name] == pytest.approx(-best.fun, rel=1e-8)
        assert found["aic", name] == pytest.approx(2 * (len(columns) + 1) + 2 * best.fun, rel=1e-8)
    for name, marker in (("ratio", top - bottom), ("numerator", top), ("denominator", -bottom)):
        pairs = np.sign(marker[event == 1][:, None] - marker[event == 0][None, :])
        assert close(found["auc", name], float((pairs + 1).mean() / 2))


def test_efficacy_and_toxicity_are_the_single_models(run: Run) -> None:
    """The odds ratio per standard deviation of log2 is the one per doubling to the power of it; both with the same P."""
    checked = 0
    for (name, endpoint, biomarker, _), found in run.results.items():
        if name != "balance" or ("sd", "") not in found or found["sd", ""] is None:
            continue
        for side, one in zip(("efficacy", "toxicity"), endpoint.split(" & "), strict=True):
            alone = run.results["screen", one, biomarker, "firth"]
            if run.about["screen", one, biomarker, "firth"]["n_censored"]:
                continue  # what one model says of a value beyond a limit, two of them leave out
            if alone["per", ""] == "doubling" and found["per", ""] == "standard deviation of log2":
                expected = alone["log_odds_ratio", ""] * found["sd", ""]
                assert found["log_odds_ratio", side] == pytest.approx(expected, rel=1e-6)
                assert found["p_effect", side] == pytest.approx(alone["p", ""], rel=1e-6)
                checked += 1
    assert checked > 100


def test_durability_classes_compared(run: Run) -> None:
    found = run.results["peak_to_burden", "durability", "CMAX_PER_BURDEN", "kruskal_wallis"]
    rows = [r for r in run.analysis.select("durability", "CMAX_PER_BURDEN").rows() if None not in r]
    parts = {c: np.array([v for k, v in rows if k == c]) for c in ("durable", "relapsed", "nonresponder")}
    test = stats.kruskal(*parts.values())
    assert close(found["h", ""], test.statistic)
    assert close(found["p", ""], test.pvalue)
    raw = []
    for other in ("nonresponder", "relapsed"):
        level = f"durable vs {other}"
        one = stats.mannwhitneyu(parts["durable"], parts[other], method="exact")
        raw.append(one.pvalue)
        assert close(found["p", level], one.pvalue)
        # above 1 and above 1/2 where durable responders are higher
        assert close(found["auc", level], one.statistic / (parts["durable"].size * parts[other].size))
        logs = np.log2(parts["durable"])[:, None] - np.log2(parts[other])[None, :]
        assert close(found["ratio", level], 2 ** np.median(logs))
    for level, p in zip(("nonresponder", "relapsed"), multipletests(raw, method="holm")[1], strict=True):
        assert close(found["p_adjusted", f"durable vs {level}"], p)


# ---- parameters -----------------------------------------------------------------------------------------------------


def profiles(run: Run) -> dict[tuple[str, str, str], list[Sample]]:
    found: dict[tuple[str, str, str], list[Sample]] = defaultdict(list)
    for row in run.table("measurements").iter_rows(named=True):
        if row["status"] == "reported" and row["value"] is not None and row["study_day"] is not None:
            key = (row["assay"], row["analyte"], row["subject_id"])
            found[key].append((row["study_day"], row["value"], row["censoring"]))
    for samples in found.values():
        samples.sort()
        assert len({s[0] for s in samples}) == len(samples)  # one sample per day in this trial
    return found


SIDES = {"none": 0, "left": -1, "right": 1}


def test_parameters(run: Run) -> None:
    courses = profiles(run)
    rows = {(r["subject_id"], r["code"]): r for r in run.table("parameters").iter_rows(named=True)}
    compared: Counter[str] = Counter()

    def same(subject: str, code: str, expected: tuple[float, str] | None) -> None:
        row = rows[subject, code]
        assert (row["value"] is None) == (expected is None) == (row["reason"] is not None), (subject, code)
        if expected is not None:
            assert row["value"] == pytest.approx(expected[0], rel=1e-10), (subject, code)
            assert row["censoring"] == expected[1], (subject, code)
            compared[code.split(".", maxsplit=1)[0]] += 1

    def latest(samples: list[Sample], first: float, last: float) -> Sample | None:
        return next((s for s in reversed(samples) if first <= s[0] <= last), None)

    analytes = {assay: sorted({k[1] for k in courses if k[0] == assay}) for assay in ("cytokines", "simple_plex")}
    for subject in run.table("subjects")["subject_id"]:
        cells = courses.get(("car_qpcr", "CAR", subject), [])
        top = peak(cells, 0, 28)
        if top is not None and top[1] == "none" and lonely(cells, top[2]):
            top = None
        same(subject, "CMAX", top and top[:2])
        same(subject, "TMAX", None if top is None or top[1] == "left" else (top[2], "none"))
        same(subject, "AUC0_28", area(cells, 28, log=True, predose=True))
        last_seen = [s[0] for s in cells if 0 <= s[0] <= 730 and s[2] != "left"]
        same(subject, "TLAST", (last_seen[-1], "none") if last_seen else None)
        burden = rows[subject, "BURDEN"]["value"]
        same(subject, "CMAX_PER_BURDEN", (top[0] / burden, top[1]) if top and burden else None)
        for analyte in analytes["cytokines"]:
            samples = courses.get(("cytokines", analyte, subject), [])
            base, high = latest(samples, -28, -6), peak(samples, 1, 28)
            same(subject, f"BASELINE.{analyte}", base and base[1:])
            zero = latest(samples, -1, 0)
            same(subject, f"DAY0.{analyte}", zero and zero[1:])
            same(subject, f"PEAK.{analyte}", high and high[:2])
            same(subject, f"AUC.{analyte}", area(samples, 28, log=False, predose=False))
            fold = None
            if base is not None and high is not None:
                side = SIDES[high[1]] - SIDES[base[2]]
                if SIDES[high[1]] == 0 or SIDES[high[1]] != SIDES[base[2]]:
                    fold = (high[0] / base[1], "right" if side > 0 else "left" if side < 0 else "none")
            same(subject, f"FOLD.{analyte}", fold)
        for analyte in analytes["simple_plex"]:
            high = peak(courses.get(("simple_plex", analyte, subject), []), 1, 28)
            same(subject, f"SP_PEAK.{analyte}", high and high[:2])
    assert compared["CMAX"] > 95
    assert min(compared[c] for c in ("PEAK", "FOLD", "AUC", "BASELINE", "DAY0")) > 2500


# ---- endpoints, from the SAS files ----------------------------------------------------------------------------------


def records(folder: Path, domain: str) -> list[dict[str, Any]]:
    columns, _ = pyreadstat.read_xport(folder / f"{domain}.xpt", output_format="dict")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_endpoints_from_the_raw_files(run: Run) -> None:
    raw = {domain: records(run.clinical, domain) for domain in ("dm", "ex", "rs", "ds", "ae", "tr", "tu")}
    zero = {
        r["USUBJID"]: datetime.date.fromisoformat(r["EXSTDTC"])
        for r in reversed(raw["ex"])
        if r["EXCAT"] == "STUDY TREATMENT"
    }

    def day(row: dict[str, Any], name: str) -> int | None:
        text = row[name]
        if len(text) < 10:
            return None
        return (datetime.date.fromisoformat(text[:10]) - zero[row["USUBJID"]]).days

    outcomes = {(r["subject_id"], r["endpoint"]): r for r in run.table("outcomes").iter_rows(named=True)}
    parameters = run.table("parameters").filter(code="BURDEN")
    burdens = dict(parameters.select("subject_id", "value").iter_rows())
    counted: Counter[str] = Counter()
    targets = {(r["USUBJID"], r["TULNKID"]) for r in raw["tu"] if r["TUORRES"] == "TARGET"}
    for person in raw["dm"]:
        who = person["USUBJID"]
        mine = {domain: [r for r in rows if r["USUBJID"] == who] for domain, rows in raw.items()}
        assessed = sorted((day(r, "RSDTC"), r["RSSTRESC"]) for r in mine["rs"] if day(r, "RSDTC") is not None)
        stops = {
            word: min((d for r in mine["ds"] if word in r["DSDECOD"] and (d := day(r, "DSSTDTC")) is not None and d > 0), default=9999)
            for word in ("NEW ANTICANCER", "TRANSPLANT")
        }  # fmt: skip
        incomplete = any(day(r, "RSDTC") is None for r in mine["rs"])
        seen: list[tuple[int, str]] = []
        for d, word in assessed:
            if d is None or d < 1 or word == "NE" or d > min(stops.values()):
                continue
            seen.append((d, word))
            if word == "PD":
                break
        best = min((w for _, w in seen), key=["CR", "PR", "SD", "PD"].index, default=None)
        died = day(person, "DTHDTC") if person["DTHDTC"] else None
        relapse = next((d for d, w in seen if w == "PD"), 9999)
        first = min(relapse, died if died is not None else 9999, *stops.values())
        expected: str | None
        if best is None:
            expected = None
        elif best in ("SD", "PD"):
            expected = "nonresponder"
        elif first <= 365:
            expected = "relapsed" if relapse == first else None
        else:
            contact = max(day(person, "RFPENDTC") or 0, *(d for d, _ in seen))
            expected = "durable" if contact >= 365 else None
        if not incomplete:
            counted["histories"] += 1
            assert outcomes[who, "best_response"]["category"] == best, who
            assert outcomes[who, "durability"]["category"] == expected, who
            yes = None if expected is None else expected == "durable"
            assert outcomes[who, "durable"]["event"] is yes, who
            counted[str(expected)] += 1
        for category, name in (("CRS", "crs"), ("NEUROLOGIC", "ne")):
            events = [(day(r, "AESTDTC"), int(r["AETOXGR"])) for r in mine["ae"] if r["AECAT"] == category]
            if any(d is None for d, _ in events):
                continue
            worst = max((g for d, g in events if d is not None and 0 <= d <= 90), default=0)
            assert outcomes[who, f"{name}_grade"]["grade"] == worst, who
            assert outcomes[who, f"{name}3"]["event"] is (worst >= 3), who
            counted[f"{name} of at least 3"] += worst >= 3
        scans: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for r in mine["tr"]:
            d = day(r, "TRDTC")
            if d is not None and d < 0 and (who, r["TRLNKID"]) in targets:
                assert r["TRSTRESU"] == "mm"
                scans[d][r["TRLNKID"]].append(float(r["TRSTRESN"]))
        products = [math.prod(sizes) for sizes in scans[max(scans)].values()] if scans else []
        if products:
            assert burdens[who] == pytest.approx(sum(sorted(products)[-6:]), rel=1e-9), who
            counted["burdens"] += 1
    assert counted["histories"] > 90
    assert counted["burdens"] > 90
    assert min(counted[c] for c in ("durable", "relapsed", "nonresponder")) > 10
    assert min(counted[c] for c in ("crs of at least 3", "ne of at least 3")) > 5
