"""Method ``firth_imputed``: Firth logistic regression with missing biomarkers imputed several times, beside the complete cases."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from correlates.association.covariate import PER, exponential, scaled, unscalable
from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.record import Block, Estimate, Method, Outcome, Statistic, constant
from correlates.association.settings import Univariable
from correlates.association.wilcoxon import P_ADJUSTED, P
from correlates.stats.arrays import Bools, Floats
from correlates.stats.imputation import Kind, impute
from correlates.stats.logistic import Penalty, logistic_screen
from correlates.stats.pooling import pool
from correlates.terms import OutcomeKind, Reason

_STATS = ("p", "log_odds_ratio", "lower", "upper", "standard_error", "df", "missing_information")


def _compute(block: Block, analysis: Univariable) -> Outcome:
    options, m, n = analysis.imputation, len(block.biomarkers), block.group.size
    x, sd = scaled(block, analysis)
    event = block.group == 1
    values = {name: np.full(m, np.nan) for name in _STATS}
    errors: list[Reason | None] = [None] * m
    codes = [b.code for b in block.biomarkers]
    covariates = _helpers(block, analysis)
    beyond = ~block.present & (block.censoring != 0)  # left out: known to lie beyond a limit, and so not missing
    lacking = ~block.present & ~beyond
    for row in range(m):
        if not lacking[row].any():
            errors[row] = Reason.NOTHING_MISSING
            continue
        own = _Variable(code=codes[row], values=x[row], gone=lacking[row], kind="number")
        outcome = _Variable(code="", values=event.astype(np.float64), gone=np.zeros(n, dtype=np.bool_), kind="category")
        used = [outcome, own, *(v for v in covariates if v.code != own.code)]
        keep = ~beyond[row]
        data = np.stack([v.values[keep] for v in used], axis=1)
        gone = np.stack([v.gone[keep] for v in used], axis=1)
        kinds = [v.kind for v in used]
        # in an order of their own, so that the draws do not depend on the order of the subjects
        order = np.lexsort(np.where(gone, np.inf, data).T)
        data, gone = data[order], gone[order]
        rng = np.random.default_rng([analysis.seed, zlib.crc32(codes[row].encode())])
        made = impute(
            data,
            gone,
            kinds,
            imputations=options.imputations,
            iterations=options.iterations,
            donors=options.donors,
            rng=rng,
        )
        event_kept = event[keep][order]
        fit = logistic_screen(made.values[:, :, 1], event_kept, penalty=Penalty.FIRTH, level=analysis.level)
        if not fit.converged.all():
            errors[row] = Reason.NOT_CONVERGED
            continue
        found = pool(fit.coefficient, fit.standard_error**2, int(keep.sum()) - 2, level=analysis.level)
        for name, value in zip(
            _STATS,
            (
                found.p_value,
                found.estimate,
                found.lower,
                found.upper,
                found.standard_error,
                found.df,
                found.missing_information,
            ),
            strict=True,
        ):
            values[name][row] = float(value)
    odds, why = exponential(values["log_odds_ratio"])
    low, low_why = exponential(values["lower"])
    high, high_why = exponential(values["upper"])
    return Outcome(
        estimates=(
            Estimate(name="p", value=values["p"]),
            Estimate(name="odds_ratio", value=odds, notices=why),
            Estimate(name="odds_ratio_lower", value=low, notices=low_why),
            Estimate(name="odds_ratio_upper", value=high, notices=high_why),
            Estimate(name="log_odds_ratio", value=values["log_odds_ratio"]),
            Estimate(name="standard_error", value=values["standard_error"]),
            Estimate(name="df", value=values["df"]),
            Estimate(name="missing_information", value=values["missing_information"]),
            Estimate(name="n_imputed", value=lacking.sum(axis=1).astype(np.float64)),
            Estimate(name="per", text=[PER[b.scale] for b in block.biomarkers]),
            Estimate(name="sd", value=sd),
            *share(block),
            *counts(block),
        ),
        errors=tuple(errors),
        notices=((),) * m,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variable:
    """A variable of the chained equations: values (n,), which are missing, and what it is."""

    code: str
    values: Floats
    gone: Bools
    kind: Kind


def _helpers(block: Block, analysis: Univariable) -> list[_Variable]:
    """The covariates; one that takes a single value, or cannot take its logarithm, helps nothing and is left out."""
    if block.helpers is None:
        return []
    helpers = block.helpers
    flat = constant(helpers.values, helpers.present)
    bad = np.array([reason is not None for reason in unscalable(helpers)], dtype=np.bool_)
    numeric = np.array([b.kind == "numeric" for b in helpers.biomarkers], dtype=np.bool_)
    x, _ = scaled(helpers.rows(np.flatnonzero(numeric & ~bad)), analysis)
    logs = dict(zip(np.flatnonzero(numeric & ~bad).tolist(), x, strict=True))
    found: list[_Variable] = []
    for row, biomarker in enumerate(helpers.biomarkers):
        gone = ~helpers.present[row]
        if row in logs:
            found.append(_Variable(code=biomarker.code, values=logs[row], gone=gone, kind="number"))
        elif not numeric[row] and not flat[row]:
            found.append(_Variable(code=biomarker.code, values=helpers.values[row], gone=gone, kind="category"))
    return found


FIRTH_IMPUTED = Method(
    code="firth_imputed",
    label="Firth logistic regression, missing values imputed",
    endpoints=(OutcomeKind.BINARY,),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        Statistic(name="odds_ratio", label="Odds ratio"),
        Statistic(name="odds_ratio_lower", label="Odds ratio, lower limit"),
        Statistic(name="odds_ratio_upper", label="Odds ratio, upper limit"),
        Statistic(name="log_odds_ratio", label="Log odds ratio, pooled"),
        Statistic(name="standard_error", label="Standard error of the log odds ratio"),
        Statistic(name="df", label="Degrees of freedom (Barnard and Rubin)"),
        Statistic(name="missing_information", label="Fraction of missing information"),
        Statistic(name="n_imputed", label="Subjects with an imputed value"),
        Statistic(name="per", label="What the odds ratio is per"),
        Statistic(name="sd", label="Standard deviation of the biomarker", unit="own"),
        *SHARE,
        *COUNTS,
    ),
    unusable=unscalable,
    covariate="quantified",
    compute=_compute,
    options=("level", "least_per_class", "few_events", "high_censored_share", "censored", "imputation", "seed"),
    formula="chained equations (predictive mean matching, logistic regression) with the outcome among the predictors; Firth's estimate in each data set, pooled by Rubin's rules, t with Barnard and Rubin's df",
    citation="van Buuren, Flexible Imputation of Missing Data, 2nd ed. 2018; Barnard and Rubin, Biometrika 1999;86:948-955",
    docs="methods/missing_data.md",
)
