"""Type I error of every method of association at trial sizes: what a plan gets by default, and what it gets in large-sample form.

The methods themselves are asked, record by record, so that none is missing. Figures are printed (``pytest -m calibration -s``) and
stand in docs/methods/error_rates.md. Bound: nominal and 3.5 Monte Carlo standard errors; a method that is approximate or discrete has
another one, told beside it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from correlates.association import METHODS, Biomarker, ImputationOptions, Univariable
from correlates.association.record import Block, Course
from correlates.terms import OutcomeKind

pytestmark = pytest.mark.calibration

SIZES = (20, 50, 101)
VALUES = ("no ties", "ties", "30 % censored")
SHAPES = ("balanced", "15 %")
ORDERS = 2000
BY_CODE = {m.code: m for m in METHODS}
# outcomes drawn, and biomarkers held against each, by what a method costs
TESTS = dict.fromkeys(BY_CODE, (100, 50)) | {
    "proportional_odds": (100, 30),
    "firth_imputed": (50, 10),
    "cutpoint": (100, 20),
    "gray": (100, 40),
}
DEAR = {  # exact laws of many tables, integrals over values beyond limits
    ("firth", 20, "30 % censored"): (99, 20),
    ("firth", 50, "30 % censored"): (99, 20),
    ("firth", 101, "30 % censored"): (99, 20),
    ("logistic_ml", 20, "30 % censored"): (80, 12),
    ("logistic_ml", 50, "30 % censored"): (99, 20),
    ("logistic_ml", 101, "30 % censored"): (99, 20),
    ("proportional_odds", 20, "30 % censored"): (99, 30),
    ("wilcoxon", 50, "ties"): (100, 8),
    ("wilcoxon", 50, "30 % censored"): (100, 8),
    ("fisher", 50, "no ties"): (100, 12),
    ("fisher", 101, "no ties"): (50, 8),
}
# with two hundred outcomes of this seed .059 of the tests of 3 events, with those of three other seeds .045 to .051
MORE = {("cox_firth", 20, "no ties"): 1000}
SPARE = {"response_curve"}  # its P is that of firth
KINDS = {  # the endpoint a method is held against, where it takes several
    "kruskal_wallis": OutcomeKind.CLASS,
    "dunn": OutcomeKind.CLASS,
    "jonckheere": OutcomeKind.CLASS,
    "spearman": OutcomeKind.GRADE,
    "kendall": OutcomeKind.NUMBER,
    "proportional_odds": OutcomeKind.GRADE,
    "fisher": OutcomeKind.CLASS,
    "peto": OutcomeKind.BINARY,
}
# exact where nothing is associated, or at most nominal
HELD = {
    "wilcoxon", "firth", "logistic_ml", "quartile_rates", "proportional_odds", "fisher", "peto", "censored_regression",
    "log_rank", "cutpoint", "restricted_mean", "cox", "cox_firth", "gray", "fine_gray", "jonckheere", "spearman", "kendall",
}  # fmt: skip
# the chi-square and t forms of the others, and the score tests of assumptions, which have no permutation form
APPROXIMATE = 0.008


def _values(rng, m, n, how):
    """Panels of independent normal biomarkers, and the signs of limits (two plates with limits of their own)."""
    x = rng.normal(size=(m, n))
    sign = np.zeros(x.shape, dtype=np.int64)
    if how == "ties":
        x = np.round(x * 2) / 2
    if how == "30 % censored":
        limit = rng.permuted(np.where(np.arange(n) % 2 == 0, stats.norm.ppf(0.2), stats.norm.ppf(0.4)))
        sign = np.where(x < limit, -1, 0)
        x = np.maximum(x, limit)
    return x, sign


def _outcome(rng, n, kind, *, balanced):
    """Classes, score and follow-up of n subjects, drawn without regard to any biomarker."""
    place = (rng.permutation(n) + 0.5) / n
    course = None
    group = np.zeros(n, dtype=np.int64)
    levels = ("no", "yes")
    if kind is OutcomeKind.BINARY:
        group = (rng.permutation(n) < (n // 2 if balanced else max(2, round(0.15 * n)))).astype(np.int64)
    elif kind is OutcomeKind.CLASS:
        group, levels = np.searchsorted((1 / 3, 2 / 3) if balanced else (0.15, 0.5), place), ("a", "b", "c")
    elif kind is OutcomeKind.GRADE:
        group = np.searchsorted((0.25, 0.5, 0.75) if balanced else (0.6, 0.85, 0.95), place)
        levels = ("0", "1", "2", "3")
    score = group.astype(np.float64)
    if kind is OutcomeKind.NUMBER:
        score = rng.normal(size=n) if balanced else np.exp(rng.normal(size=n))
    if kind is OutcomeKind.TIME:
        first, other = rng.exponential(100, n), rng.exponential(300, n)
        end = rng.uniform(0, 200, n) * (1.2 if balanced else 0.18)
        time = np.minimum(np.minimum(first, other), end)
        cause = np.where(end <= np.minimum(first, other), 0, np.where(first <= other, 1, 2))
        course, score = Course(time=time, cause=cause, causes=("event", "other")), time
    return group, levels, score, course


def _block(rng, method, n, how, m, *, balanced):
    kind = KINDS.get(method.code, method.endpoints[0])
    group, levels, score, course = _outcome(rng, n, kind, balanced=balanced)
    if course is not None and method.code not in ("gray", "fine_gray"):  # every event counts
        course = Course(time=course.time, cause=np.minimum(course.cause, 1), causes=("event",))
    x, sign = _values(rng, m, n, how)
    present = np.ones(x.shape, dtype=np.bool_)
    categories = ((),) * m
    if method.biomarkers == ("categorical",):
        x, sign = np.digitize(x, (-0.5, 0.8)).astype(np.float64), np.zeros(x.shape, dtype=np.int64)
        categories = (("a", "b", "c"),) * m
    if method.code == "firth_imputed":
        present = rng.random(x.shape) > 0.25
    return Block(
        biomarkers=tuple(Biomarker(code=f"B{i}", label="") for i in range(m)),
        values=np.where(present, x, 0.0),
        present=present,
        censoring=np.where(present, sign, 0),
        categories=categories,
        kind=kind,
        group=group,
        levels=levels,
        score=score,
        score_censoring=np.zeros(n, dtype=np.int64),
        course=course,
        rows_of=np.arange(n),
    )


SETTINGS = Univariable(
    name="null",
    permutations=ORDERS,
    imputation=ImputationOptions(imputations=10, iterations=3),
)
TOLD = {"p": "", "p_asymptotic": ", large samples", "p_peto": ", Peto-Peto", "parallel_p": ", test of parallel odds"}
TOLD |= {"proportional_p": ", test of proportional hazards"}


CASES = [(code, how) for code in BY_CODE if code not in SPARE for how in VALUES if code != "fisher" or how == "no ties"]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("code", "how"), CASES)
def test_type_one_error(code, how, n):
    method = BY_CODE[code]
    outcomes, m = DEAR.get((code, n, how), TESTS[code])
    if n == 20 and outcomes == 100:  # where small samples are smallest
        outcomes = MORE.get((code, n, how), 200)
    beyond = []
    for shape in SHAPES:
        rng = np.random.default_rng([8, n, list(BY_CODE).index(code), VALUES.index(how), SHAPES.index(shape)])
        rates: dict[str, list[int]] = {}
        for draw in range(outcomes):
            block = _block(rng, method, n, how, m, balanced=shape == "balanced")
            if block.course is not None and (block.course.cause == 1).sum() < 2:
                continue
            found = method.compute(block, replace(SETTINGS, seed=draw))
            good = np.array([error is None for error in found.errors])
            seen = set()
            for estimate in found.estimates:
                if estimate.name in TOLD and estimate.name not in seen:  # of several pairs the first
                    seen.add(estimate.name)
                    p = estimate.value[good & ~np.isnan(estimate.value)]
                    one = rates.setdefault(code + TOLD[estimate.name], [0, 0])
                    one[0] += int((p < 0.05).sum())
                    one[1] += p.size
        for name, (hit, made) in rates.items():
            share = hit / max(made, 1)
            print(f"|TYPE1|{name}|{n}|{shape}|{how}|{share:.4f}|{made}|", flush=True)
            slack = 0.0 if name == code and code in HELD else APPROXIMATE + (0.01 if n == 20 else 0.0)
            bound = 0.05 + slack + 3.5 * np.sqrt(0.05 * 0.95 / max(made, 1))
            if share > bound and not name.endswith("large samples"):
                beyond.append((name, shape, share, bound))
    assert not beyond
