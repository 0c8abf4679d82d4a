"""Inquiry ``ratio``: whether an endpoint follows a ratio, or its numerator and denominator otherwise than as a ratio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import polars as pl

from correlates.association.blocks import Panel, members
from correlates.association.inquiry import Found, Inquiry, Result, results_table
from correlates.association.known import Decided
from correlates.association.notices import Notice
from correlates.association.outcomes import Outcomes, outcomes
from correlates.association.record import Statistic
from correlates.association.settings import Biomarker, CensoredOptions, Endpoint
from correlates.errors import DerivationError, Problem
from correlates.stats.arrays import Bools, Floats
from correlates.stats.auc import AucLimits, auc
from correlates.stats.auc_pairs import auc_pair
from correlates.stats.multiplicity import Adjust
from correlates.stats.ratio_claim import Exponent, RatioClaim, Shape, likelihood_ratio_p, ratio_claim
from correlates.terms import OutcomeKind, Reason

MODELS = ("both", "ratio", "numerator", "denominator", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioSettings:
    """The claim that endpoints follow a ratio; ``name`` is the ``analysis_id`` of its results."""

    name: str
    population: str = "all"
    families: tuple[str, ...] = ("analysis_id", "method")
    adjust: Adjust = Adjust.HOLM
    level: float = 0.95
    least_per_class: int = 3
    few_events: int = 10
    censored: CensoredOptions = field(default_factory=CensoredOptions)
    prespecified: bool = False


def examine_ratio(
    analysis: pl.DataFrame,
    ratios: Sequence[tuple[Biomarker, Biomarker, Biomarker]],
    endpoints: Sequence[Endpoint],
    settings: RatioSettings,
    decided: Decided | None = None,
) -> pl.DataFrame:
    """Test the claim that binary endpoints depend on numerator and denominator through their ratio.

    Parameters
    ----------
    analysis
        Table ``analysis``.
    ratios
        Ratio, numerator and denominator, each a biomarker of the table; logarithms of the last two are modelled.
    endpoints
        Binary endpoints.
    settings
        The analysis.
    decided
        Subjects whose outcome was known before the numerator was; see :func:`correlates.association.known.decided_before`.

    Returns
    -------
    polars.DataFrame
        Table ``results``: one result per ratio and endpoint.

    Raises
    ------
    DerivationError
        An endpoint is not binary.
    """
    wrong = [e for e in endpoints if e.kind is not OutcomeKind.BINARY]
    if wrong:
        raise DerivationError(
            [
                Problem(
                    code="endpoint-kind",
                    what=f"A ratio is tested against a binary endpoint, and {e.name!r} is none",
                    found=e.kind.value,
                    expected="a binary endpoint",
                )
                for e in wrong
            ]
        )
    parts = list(dict.fromkeys(b for _, top, bottom in ratios for b in (top, bottom)))
    panel = Panel(analysis, parts).as_covariates(settings.censored)
    place = {b.code: i for i, b in enumerate(parts)}
    within = members(analysis, settings.population)
    made = []
    for ratio, top, bottom in ratios:
        rows = np.array([place[top.code], place[bottom.code]])
        for endpoint in endpoints:
            target = outcomes(analysis, endpoint)
            before = (decided or {}).get((top.code, endpoint.name), 0)
            made.append(_result(panel, rows, ratio, endpoint, target, within, before, settings))
    return results_table(made, settings.families, settings.adjust)


def _result(
    panel: Panel,
    rows: np.ndarray[tuple[int], np.dtype[np.int64]],
    ratio: Biomarker,
    endpoint: Endpoint,
    target: Outcomes,
    within: Bools,
    before: int,
    settings: RatioSettings,
) -> Result:
    kept = within & target.known & panel.present[rows].all(axis=0)
    values, events = panel.values[np.ix_(rows, kept)], target.group[kept] == 1
    n, cut = int(kept.sum()), int((panel.censoring[np.ix_(rows, kept)] != 0).any(axis=0).sum())
    smaller = int(min(events.sum(), (~events).sum()))
    error, claim = None, None
    logs: Floats = np.zeros(values.shape)
    if not panel.finite[rows].all():
        error = Reason.NOT_FINITE
    elif n < 4:
        error = Reason.TOO_FEW
    elif smaller == 0:
        error = Reason.ONE_CLASS
    elif smaller < settings.least_per_class:
        error = Reason.TOO_FEW
    elif (values <= 0).any():
        error = Reason.NOT_POSITIVE
    else:
        logs = np.log2(values)
        if np.ptp(logs, axis=1).min() == 0:
            error = Reason.CONSTANT
        else:
            claim = ratio_claim(logs[0], logs[1], events, level=settings.level)
            error = None if claim is not None else Reason.NOT_CONVERGED
    notices = []
    if smaller < settings.few_events:
        notices.append(Notice.FEW_EVENTS)
    notices += dict.fromkeys(n for row in rows.tolist() for n in panel.entered(row, within & target.known))
    if claim is not None and claim.model.separation.value != "none":
        notices.append(Notice.SEPARATION)
    if before:
        notices += [Notice.DESCRIBES, Notice.INDICATION]
    return Result(
        record=RATIO,
        analysis=settings.name,
        biomarker=ratio,
        endpoint=endpoint.name,
        population=settings.population,
        n=n,
        n_censored=cut,
        n_missing=int(within.sum()) - n,
        prespecified=ratio.prespecified and settings.prespecified,
        settings=_in_force(settings),
        found=() if claim is None else tuple(_found(claim, logs, events, before, settings.level)),
        notices=tuple(notices),
        error=error,
    )


def _found(claim: RatioClaim, logs: Floats, events: Bools, before: int, level: float) -> list[Found]:
    model, separated = claim.model, (Notice.NO_LIKELIHOOD,)
    no_exponent = () if claim.exponent is not None else (Notice.INFINITE,)
    found = [
        Found(name="p", value=claim.claim_p),
        Found(name="chi_square", value=claim.claim_chi_square),
        Found(name="sum", value=claim.sum_coefficient),
        Found(name="sum_lower", value=claim.sum_lower),
        Found(name="sum_upper", value=claim.sum_upper),
        Found(name="exponent", value=claim.exponent, notices=no_exponent),
        *_limits("exponent", claim.profile),
        *_limits("fieller", claim.fieller),
        Found(name="p_overall", value=claim.overall_p),
        Found(name="n_events", value=float(events.sum())),
        Found(name="n_decided_before", value=float(before)),
    ]
    for row, name in ((1, "numerator"), (2, "denominator")):
        found += [
            Found(name="odds_ratio", level=name, value=float(np.exp(model.coefficient[row]))),
            Found(name="odds_ratio_lower", level=name, value=float(np.exp(model.lower[row]))),
            Found(name="odds_ratio_upper", level=name, value=float(np.exp(min(model.upper[row], 700.0)))),
            Found(name="p_effect", level=name, value=float(model.p_value[row])),
        ]
    both = claim.fit("both")
    for name in MODELS:
        fit = claim.fit(name)
        why = separated if fit.log_likelihood is None else ()
        found += [
            Found(name="log_likelihood", level=name, value=fit.log_likelihood, notices=why),
            Found(name="aic", level=name, value=fit.aic, notices=why),
        ]
        if name not in ("both", "none"):
            found.append(Found(name="p_against_both", level=name, value=likelihood_ratio_p(fit, both), notices=why))
    found += _areas(logs, events, level)
    return found


def _limits(name: str, found: Exponent) -> list[Found]:
    why = () if found.lower is not None else (Notice.NO_LIMIT,)
    return [
        Found(name=f"{name}_set", text=found.shape.value),
        Found(name=f"{name}_lower", value=found.lower, notices=why),
        Found(name=f"{name}_upper", value=found.upper, notices=why),
    ]


def _areas(logs: Floats, events: Bools, level: float) -> list[Found]:
    """AUC of the ratio, of the numerator and of the inverse of the denominator: each in the direction that the ratio claims."""
    markers = {"ratio": logs[0] - logs[1], "numerator": logs[0], "denominator": -logs[1]}
    area = auc(np.stack(list(markers.values())), events, level=level, limits=AucLimits.LOGIT)
    found = []
    for row, name in enumerate(markers):
        none = bool(area.degenerate[row])
        why = (Notice.AUC_DEGENERATE,) if none else ()
        found += [
            Found(name="auc", level=name, value=float(area.estimate[row])),
            Found(name="auc_lower", level=name, value=None if none else float(area.lower[row]), notices=why),
            Found(name="auc_upper", level=name, value=None if none else float(area.upper[row]), notices=why),
        ]
    for other in ("numerator", "denominator"):
        pair = auc_pair(markers["ratio"], markers[other], events, level=level)
        where = f"ratio vs {other}"
        why = (Notice.SAME_ORDER,) if pair is None or pair.p_value is None else ()
        found += [
            Found(name="auc_difference", level=where, value=None if pair is None else pair.difference),
            Found(name="auc_difference_lower", level=where, value=None if pair is None else pair.lower, notices=why),
            Found(name="auc_difference_upper", level=where, value=None if pair is None else pair.upper, notices=why),
            Found(name="p_auc", level=where, value=None if pair is None else pair.p_value, notices=why),
        ]
    return found


def sentence(exponent: Mapping[str, float | None], shape: str | None) -> str:
    """What a confidence set of the exponent says, in words; numbers as they are in ``exponent`` (estimate, lower, upper)."""
    lower, upper = exponent["lower"], exponent["upper"]
    if shape == Shape.EVERYTHING.value:
        return "the data set no limit to it"
    if lower is None or upper is None:
        return "no single set"
    if shape == Shape.BEYOND.value:
        return "all but what lies between the limits (the numerator may not matter)"
    return "between the limits"


def _in_force(settings: RatioSettings) -> dict[str, object]:
    return {
        "adjust": settings.adjust.value,
        "families": list(settings.families),
        "level": settings.level,
        "least_per_class": settings.least_per_class,
        "few_events": settings.few_events,
        "censored": asdict(settings.censored),
    }


def _part(name: str, label: str) -> Statistic:
    return Statistic(name=name, label=label, scopes=("group",))


RATIO = Inquiry(
    code="ratio",
    does="ratio",
    label="Test of a ratio (log numerator and log denominator, equal and opposite)",
    statistics=(
        Statistic(name="p", label="P value, coefficients equal and opposite"),
        Statistic(name="p_adjusted", label="P value, equal and opposite, adjusted ({adjust})"),
        Statistic(name="chi_square", label="Likelihood-ratio chi-square of the claim"),
        Statistic(name="sum", label="Sum of the log odds ratios per doubling (0 if the ratio is right)"),
        Statistic(name="sum_lower", label="Sum, lower limit"),
        Statistic(name="sum_upper", label="Sum, upper limit"),
        Statistic(name="exponent", label="Exponent of the denominator (1 if the ratio is right)"),
        Statistic(name="exponent_set", label="Shape of the profile set of the exponent"),
        Statistic(name="exponent_lower", label="Exponent, lower limit (profile)"),
        Statistic(name="exponent_upper", label="Exponent, upper limit (profile)"),
        Statistic(name="fieller_set", label="Shape of Fieller's set of the exponent"),
        Statistic(name="fieller_lower", label="Exponent, lower limit (Fieller)"),
        Statistic(name="fieller_upper", label="Exponent, upper limit (Fieller)"),
        Statistic(name="p_overall", label="P value, neither numerator nor denominator matters"),
        Statistic(name="n_events", label="Subjects with the event"),
        Statistic(name="n_decided_before", label="Subjects whose outcome was decided before the numerator was known"),
        _part("odds_ratio", "Odds ratio per doubling, the other held"),
        _part("odds_ratio_lower", "Odds ratio, lower limit"),
        _part("odds_ratio_upper", "Odds ratio, upper limit"),
        _part("p_effect", "P value of the coefficient"),
        _part("log_likelihood", "Log-likelihood (maximum likelihood)"),
        _part("aic", "Akaike's criterion"),
        _part("p_against_both", "P value against the model with both"),
        _part("auc", "Area under the ROC curve"),
        _part("auc_lower", "Area under the ROC curve, lower limit"),
        _part("auc_upper", "Area under the ROC curve, upper limit"),
        _part("auc_difference", "Difference of the areas"),
        _part("auc_difference_lower", "Difference of the areas, lower limit"),
        _part("auc_difference_upper", "Difference of the areas, upper limit"),
        _part("p_auc", "P value of the difference of the areas"),
    ),
    options=tuple(_in_force(RatioSettings(name=""))),
    formula="logit P = a + b1 log N + b2 log D (Firth); claim b1 + b2 = 0 by the penalised likelihood ratio; exponent -b2 / b1 by profile likelihood over directions, and by Fieller; areas of ratio and parts by DeLong's paired test",
    citation="Kronmal, J R Stat Soc A 1993;156:379-392 (ratios in regression); Fieller, JRSS B 1954;16:175-185; DeLong et al., Biometrics 1988;44:837-845",
    docs="methods/ratio.md",
)
