"""Methods ``cox`` and ``cox_firth``: the hazard of an event per doubling, standard deviation or unit of a biomarker."""

from __future__ import annotations

from functools import partial

import numpy as np

from correlates.association.covariate import PER, exponential, scaled, unscalable
from correlates.association.describe import COUNTS, SHARE, counts, share
from correlates.association.notices import Notice
from correlates.association.record import Block, Estimate, Method, Outcome, Scores, Statistic, flagged, merged
from correlates.association.settings import Univariable
from correlates.association.small_samples import OPTIONS as SMALL
from correlates.association.small_samples import VARIANT, asymptotic, p_values
from correlates.association.survival import OPTIONS, covariate_scores, null_scores
from correlates.association.wilcoxon import P_ADJUSTED, P
from correlates.stats.concordance import concordance
from correlates.stats.cox import CoxPenalty, cox_screen
from correlates.stats.cox_likelihood import Ties
from correlates.stats.proportional_hazards import proportional_hazards_screen
from correlates.terms import OutcomeKind, Reason


def _compute(block: Block, analysis: Univariable, penalty: CoxPenalty) -> Outcome:
    course, m = block.follow_up(), len(block.biomarkers)
    event = course.event
    x, sd = scaled(block, analysis)
    fit = cox_screen(x, course.time, event, block.present, ties=Ties.EFRON, penalty=penalty, level=analysis.level)
    ratio, why = exponential(fit.coefficient)
    low, low_why = exponential(fit.lower)
    high, high_why = exponential(fit.upper)
    errors: list[Reason | None] = []
    for done, same, sign in zip(fit.converged.tolist(), fit.constant.tolist(), fit.monotone.tolist(), strict=True):
        if done:
            errors.append(None)
        else:
            alone = sign and penalty is CoxPenalty.NONE
            errors.append(Reason.CONSTANT if same else Reason.MONOTONE if alone else Reason.NOT_CONVERGED)
    proportional = proportional_hazards_screen(x, fit.coefficient, course.time, event, block.present)
    c = concordance(x, course.time, event, block.present)
    crooked = flagged(np.nan_to_num(proportional, nan=1.0) < 0.05, Notice.NOT_PROPORTIONAL)
    competing = flagged(np.full(m, len(course.causes) > 1), Notice.COMPETING)
    parted = flagged(fit.monotone != 0, Notice.SEPARATION)
    notices = merged(parted, crooked, competing)
    return Outcome(
        estimates=(
            *p_values(block, analysis, x, partial(null_scores, block), fit.p_value, "likelihood ratio"),
            Estimate(name="hazard_ratio", value=ratio, notices=why),
            Estimate(
                name="hazard_ratio_lower",
                value=low,
                notices=merged(low_why, flagged(np.isnan(fit.lower), Notice.MARGINAL)),
            ),
            Estimate(
                name="hazard_ratio_upper",
                value=high,
                notices=merged(high_why, flagged(np.isnan(fit.upper), Notice.MARGINAL)),
            ),
            Estimate(name="log_hazard_ratio", value=fit.coefficient),
            Estimate(name="standard_error", value=fit.standard_error),
            Estimate(name="chi_square", value=fit.chi_square),
            Estimate(
                name="proportional_p",
                value=proportional,
                notices=flagged(np.isnan(proportional), Notice.NO_TEST),
            ),
            Estimate(name="concordance", value=c.c, notices=flagged(np.isnan(c.c), Notice.NO_TEST)),
            Estimate(name="per", text=[PER[b.scale] for b in block.biomarkers]),
            Estimate(name="sd", value=sd),
            *share(block),
            *counts(block),
        ),
        errors=tuple(errors),
        notices=tuple(tuple(row) for row in notices),
    )


def _scores(block: Block, analysis: Univariable) -> Scores:
    return covariate_scores(block, scaled(block, analysis)[0])


_STATISTICS = (
    P,
    P_ADJUSTED,
    VARIANT,
    asymptotic("likelihood ratio"),
    Statistic(name="hazard_ratio", label="Hazard ratio"),
    Statistic(name="hazard_ratio_lower", label="Hazard ratio, lower limit"),
    Statistic(name="hazard_ratio_upper", label="Hazard ratio, upper limit"),
    Statistic(name="log_hazard_ratio", label="Log hazard ratio"),
    Statistic(name="standard_error", label="Standard error of the log hazard ratio"),
    Statistic(name="chi_square", label="Likelihood-ratio chi-square"),
    Statistic(name="proportional_p", label="P value of proportional hazards"),
    Statistic(name="concordance", label="Harrell's C"),
    Statistic(name="per", label="What the hazard ratio is per"),
    Statistic(name="sd", label="Standard deviation of the biomarker", unit="own"),
    *SHARE,
    *COUNTS,
)
_DOCS = "methods/cox.md"

COX = Method(
    code="cox",
    label="Cox regression (Efron)",
    endpoints=(OutcomeKind.TIME,),
    biomarkers=("numeric",),
    statistics=_STATISTICS,
    unusable=unscalable,
    covariate="quantified",
    compute=partial(_compute, penalty=CoxPenalty.NONE),
    options=(*OPTIONS, "censored", *SMALL),
    formula="maximum of the partial likelihood with Efron's ties, limits from its profile; P of the score, the sum of x times the log-rank score, by permutation in few subjects, by likelihood ratio in many; score test of proportional hazards on the scale 1 - S(t)",
    citation="Cox, JRSS B 1972;34:187-220; Efron, JASA 1977;72:557-565; Grambsch and Therneau, Biometrika 1994;81:515-526; Harrell et al., JAMA 1982;247:2543-2546",
    docs=_DOCS,
    scores=_scores,
)

COX_FIRTH = Method(
    code="cox_firth",
    label="Cox regression (Firth, for few events)",
    endpoints=(OutcomeKind.TIME,),
    biomarkers=("numeric",),
    statistics=_STATISTICS,
    unusable=unscalable,
    covariate="quantified",
    compute=partial(_compute, penalty=CoxPenalty.FIRTH),
    options=(*OPTIONS, "censored", *SMALL),
    formula="maximum of log partial likelihood + 1/2 log det information, Efron's ties, limits from its profile; P by permutation of the score in few subjects, by the penalised likelihood ratio in many",
    citation="Heinze and Schemper, Biometrics 2001;57:114-119",
    docs=_DOCS,
    scores=_scores,
)
