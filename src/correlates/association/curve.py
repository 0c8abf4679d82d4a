"""Method ``response_curve``: the probability of the event along the biomarker, with its band."""

from __future__ import annotations

import numpy as np

from correlates.association.covariate import logistic_covariate, unscalable
from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.logistic import event_scores
from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Method, Outcome, Statistic, flagged
from correlates.association.settings import Univariable
from correlates.association.wilcoxon import P_ADJUSTED, P
from correlates.stats.arrays import where
from correlates.stats.logistic import Penalty, Separation
from correlates.stats.response_curve import response_curve
from correlates.terms import OutcomeKind, Reason


def _compute(block: Block, analysis: Univariable) -> Outcome:
    model = logistic_covariate(block, analysis, Penalty.FIRTH)
    x, sd, mean, fit = model.x, model.sd, model.mean, model.fit
    q = analysis.curve.points
    low = np.min(where(block.present, x, np.inf), axis=1, initial=np.inf)
    high = np.max(where(block.present, x, -np.inf), axis=1, initial=-np.inf)
    share_of = np.linspace(0.0, 1.0, q)
    at = low[:, None] + share_of[None, :] * (high - low)[:, None]
    curve = response_curve(
        x, fit.intercept, fit.coefficient, at, block.present, covariance=model.covariance, level=analysis.level
    )
    # back to the unit of the biomarker
    scales = [b.scale for b in block.biomarkers]
    logged = np.array([s == "log2" for s in scales], dtype=np.bool_)
    by_sd = np.array([s == "sd" for s in scales], dtype=np.bool_)
    own = where(by_sd[:, None], mean[:, None] + at * sd[:, None], at)
    own = where(logged[:, None], np.exp2(where(logged[:, None], at, 0.0)), own)
    found = []
    for j in range(q):
        level = f"point {j + 1:02d}"
        for name, array in (
            ("x", own),
            ("probability", curve.probability),
            ("probability_lower", curve.lower),
            ("probability_upper", curve.upper),
        ):
            found.append(Estimate(name=name, level=level, value=array[:, j]))
    errors = tuple(
        None if done else Reason.CONSTANT if same else Reason.NOT_CONVERGED
        for done, same in zip(fit.converged.tolist(), fit.constant.tolist(), strict=True)
    )
    parted = flagged(fit.separation != Separation.NONE.value, Notice.SEPARATION)
    return Outcome(
        estimates=(
            Estimate(name="p", value=fit.p_value),
            Estimate(name="intercept", value=fit.intercept),
            Estimate(name="log_odds_ratio", value=fit.coefficient),
            *share(block),
            *counts(block),
            *found,
        ),
        errors=errors,
        notices=tuple(tuple(row) for row in parted),
    )


RESPONSE_CURVE = Method(
    code="response_curve",
    label="Response curve (Firth logistic regression)",
    endpoints=(OutcomeKind.BINARY,),
    biomarkers=("numeric",),
    statistics=(
        P,
        P_ADJUSTED,
        Statistic(name="intercept", label="Intercept"),
        Statistic(name="log_odds_ratio", label="Log odds ratio"),
        Statistic(name="x", label="Value of the biomarker", unit="own", scopes=("group",)),
        Statistic(name="probability", label="Probability of the event", scopes=("group",)),
        Statistic(name="probability_lower", label="Probability of the event, lower limit", scopes=("group",)),
        Statistic(name="probability_upper", label="Probability of the event, upper limit", scopes=("group",)),
        *SHARE,
        *COUNTS,
    ),
    unusable=unscalable,
    covariate="likelihood",
    compute=_compute,
    options=("level", "least_per_class", "few_events", "high_censored_share", "censored", "curve"),
    formula="expit(a + b x) with the pointwise band expit(a + b x -/+ z se), se from the inverse Fisher information at Firth's estimate",
    citation="Hosmer, Lemeshow and Sturdivant, Applied Logistic Regression, 3rd ed. 2013, section 2.6; Firth, Biometrika 1993;80:27-38",
    docs="methods/response_curve.md",
    scores=event_scores,
)
