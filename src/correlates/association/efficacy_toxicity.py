"""Inquiry ``efficacy_against_toxicity``: what a biomarker does to efficacy beside what it does to toxicity, in the same patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl

from correlates.association.blocks import Panel, members
from correlates.association.effect_scale import Covariates, covariates
from correlates.association.inquiry import BETWEEN, Found, Inquiry, Result, results_table
from correlates.association.known import Decided
from correlates.association.notices import Notice
from correlates.association.outcomes import outcomes
from correlates.association.record import Statistic
from correlates.association.settings import Biomarker, CensoredOptions, Endpoint
from correlates.errors import DerivationError, Problem
from correlates.provenance import fingerprint
from correlates.stats.arrays import Bools, Floats
from correlates.stats.exposure_window import curves, window
from correlates.stats.joint_logistic import (
    Correction,
    JointScreen,
    joint_bootstrap,
    joint_effects,
    normal_rectangle,
)
from correlates.stats.joint_sides import Binary, Timed
from correlates.stats.multiplicity import Adjust
from correlates.terms import OutcomeKind, Reason

EFFICACY, TOXICITY = "efficacy", "toxicity"
SIDES = (EFFICACY, TOXICITY)
CLASSES = {
    "efficacy_only": "efficacy only",
    "toxicity_only": "toxicity only",
    "trade_off": "trade-off",
    "concordant": "concordant",
    "neither": "neither",
}
"""The five classes of a biomarker. Trade-off: both effects, of one sign, so that more efficacy comes with more toxicity. Concordant:
both effects, of opposite sign, so that one direction is better for both."""
_STEPS = 41  # exposures at which the curves are told


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficacyToxicity:
    """Every biomarker against an efficacy and a toxicity endpoint at once.

    Attributes
    ----------
    name
        ``analysis_id`` of the results.
    margin
        Odds ratio per standard deviation (above 1) within which an effect counts as none: of the equivalence test and of the classes.
    sure
        Probability of the likeliest class below which the notice ``class-uncertain`` is set.
    curves
        Biomarkers whose exposure-response curves, window and bootstrap check are told.
    efficacy_at_least, toxicity_at_most
        The window: probabilities of efficacy and toxicity.
    replicates, seed
        Of the bootstrap check.
    """

    name: str
    margin: float
    populations: tuple[str, ...] = ("all",)
    families: tuple[str, ...] = ("analysis_id", "biomarker_group", "endpoint", "method")
    adjust: Adjust = Adjust.BH
    sure: float = 0.8
    curves: tuple[str, ...] = ()
    efficacy_at_least: float = 0.4
    toxicity_at_most: float = 0.2
    replicates: int = 1000
    seed: int = 20200101
    correction: Correction = Correction.MANCL_DEROUEN
    level: float = 0.95
    least_per_class: int = 2
    few_events: int = 10
    prespecified: bool = False
    censored: CensoredOptions = field(default_factory=CensoredOptions)


class _Two(NamedTuple):
    """Efficacy and toxicity of the patients of a population with either of them."""

    events: Bools  # (2, n)
    known: Bools  # (2, n)
    ends: tuple[Binary | Timed, Binary | Timed]
    keep: np.ndarray[tuple[int], np.dtype[np.int64]]
    total: int

    @property
    def timed(self) -> bool:
        """Whether one of them is a time to an event."""
        return any(isinstance(end, Timed) for end in self.ends)

    @property
    def measures(self) -> tuple[str, str]:
        """What the effect on each is."""
        found = tuple(
            "odds ratio" if isinstance(end, Binary) else "1 / hazard ratio" if end.turned else "hazard ratio"
            for end in self.ends
        )
        return found[0], found[1]


def efficacy_against_toxicity(
    analysis: pl.DataFrame,
    biomarkers: Sequence[Biomarker],
    efficacy: Endpoint,
    toxicities: Sequence[Endpoint],
    settings: EfficacyToxicity,
    decided: Decided | None = None,
) -> pl.DataFrame:
    """Hold the effect of each biomarker on efficacy against its effect on each toxicity.

    Parameters
    ----------
    analysis
        Table ``analysis``.
    biomarkers
        What is tested; a categorical one gives a row that says that the method does not apply.
    efficacy, toxicities
        Binary endpoints or times to an event. The event of a binary efficacy endpoint is wanted; that of a time is its loss (progression,
        death), and the effect is told on staying free of it: 1 / hazard ratio. The events of the others are not wanted.
    settings
        The analysis.
    decided
        Subjects whose outcome was known before the biomarker was; see :func:`correlates.association.known.decided_before`.

    Returns
    -------
    polars.DataFrame
        Table ``results``, one result per biomarker, pair of endpoints and population; ``endpoint`` names both.

    Raises
    ------
    DerivationError
        An endpoint that is neither binary nor a time, or a margin that is not above 1.
    """
    _refuse([efficacy, *toxicities], settings)
    panel = Panel(analysis, biomarkers).as_covariates(settings.censored)
    made: list[Result] = []
    for population in settings.populations:
        within = members(analysis, population)
        for toxicity in toxicities:
            two = _two(analysis, efficacy, toxicity, within)
            made += _results(panel, two, (efficacy.name, toxicity.name), population, settings, decided or {})
    return results_table(made, settings.families, settings.adjust)


def _refuse(endpoints: Sequence[Endpoint], settings: EfficacyToxicity) -> None:
    problems = [
        Problem(
            code="endpoint-kind",
            what=f"The endpoint {e.name!r} cannot be modelled beside another one",
            found=e.kind.value,
            expected="a binary endpoint, or a time to an event",
        )
        for e in endpoints
        if e.kind not in (OutcomeKind.BINARY, OutcomeKind.TIME)
    ]
    if not settings.margin > 1:
        problems.append(
            Problem(
                code="margin-not-above-one",
                what="The margin is an odds ratio within which an effect counts as none",
                found=f"{settings.margin:g}",
                expected="a number above 1, 1.5 say",
            )
        )
    if problems:
        raise DerivationError(problems)


def _two(analysis: pl.DataFrame, efficacy: Endpoint, toxicity: Endpoint, within: Bools) -> _Two:
    both = [outcomes(analysis, e) for e in (efficacy, toxicity)]
    known = np.stack([one.known for one in both])
    keep = np.flatnonzero(within & known.any(axis=0))
    events = (np.stack([one.group == 1 for one in both]) & known)[:, keep]
    known = known[:, keep]
    first, second = (
        Binary(event=events[k], known=known[k])
        if one.course is None
        else Timed(time=one.course.time[keep], event=events[k], known=known[k], turned=k == 0)
        for k, one in enumerate(both)
    )
    return _Two(events=events, known=known, ends=(first, second), keep=keep, total=int(within.sum()))


def _results(
    panel: Panel, two: _Two, names: tuple[str, str], population: str, settings: EfficacyToxicity, decided: Decided
) -> list[Result]:
    present, censoring = panel.present[:, two.keep], panel.censoring[:, two.keep]
    scaled = covariates(
        panel.biomarkers, panel.values[:, two.keep], present, censoring, panel.finite, panel.left_out[:, two.keep]
    )
    errors = _errors(scaled, present, two, settings)
    usable = np.array([i for i, e in enumerate(errors) if e is None], dtype=np.int64)
    fit = joint_effects(
        scaled.x[usable],
        two.ends,
        present[usable],
        margin=float(np.log(settings.margin)),
        correction=settings.correction,
        level=settings.level,
    )
    place = {int(i): position for position, i in enumerate(usable)}
    chances = class_probabilities(fit.coefficient, fit.slopes(), float(np.log(settings.margin)))
    made = []
    for i, biomarker in enumerate(panel.biomarkers):
        there = present[i]
        n = int((there & two.known.any(axis=0)).sum())
        cut = int((there & (censoring[i] != 0)).sum())
        error = errors[i]
        found: tuple[Found, ...] = ()
        notices: tuple[Notice, ...] = ()
        if error is None and not fit.converged[place[i]]:
            error = Reason.NOT_CONVERGED
        if error is None:
            row = place[i]
            found = tuple(_found(fit, row, chances[row], scaled, i, two))
            if biomarker.code in settings.curves and not two.timed:
                found = (*found, *_exposure(fit, row, scaled, i, there, two, settings))
            early = [decided.get((biomarker.code, name), 0) for name in names]
            found = (
                *found,
                *(Found(name="n_decided_before", level=s, value=float(v)) for s, v in zip(SIDES, early, strict=True)),
            )
            notices = _notices(fit, row, panel.entered(i, two.keep), sum(early), found, two, settings)
        made.append(
            Result(
                record=EFFICACY_AGAINST_TOXICITY,
                analysis=settings.name,
                biomarker=biomarker,
                endpoint=BETWEEN.join(names),
                population=population,
                n=n,
                n_censored=cut,
                n_missing=two.total - n,
                prespecified=biomarker.prespecified and settings.prespecified,
                settings=_in_force(settings),
                found=found,
                notices=notices,
                error=error,
            )
        )
    return made


def _errors(scaled: Covariates, present: Bools, two: _Two, settings: EfficacyToxicity) -> list[Reason | None]:
    errors = list(scaled.errors)
    for i, there in enumerate(present):
        if errors[i] in (Reason.NOT_APPLICABLE, Reason.NOT_FINITE, Reason.ALL_CENSORED):
            continue
        counted = there & two.known
        yes, no = (counted & two.events).sum(axis=1), (counted & ~two.events).sum(axis=1)
        if counted.sum() == 0 or (yes + no).min() < 3:
            errors[i] = Reason.TOO_FEW
            continue
        for k, end in enumerate(two.ends):
            least = yes[k] if isinstance(end, Timed) else min(yes[k], no[k])
            if least == 0:
                errors[i] = Reason.NO_EVENT if isinstance(end, Timed) else Reason.ONE_CLASS
                break
            if least < settings.least_per_class:
                errors[i] = Reason.TOO_FEW
    return errors


def _notices(
    fit: JointScreen,
    row: int,
    entered: tuple[Notice, ...],
    early: int,
    found: Sequence[Found],
    two: _Two,
    settings: EfficacyToxicity,
) -> tuple[Notice, ...]:
    notices = []
    events, rest = fit.n_events[row], (fit.n - fit.n_events)[row]
    rarer = [events[k] if isinstance(end, Timed) else min(events[k], rest[k]) for k, end in enumerate(two.ends)]
    if min(rarer) < settings.few_events:
        notices.append(Notice.FEW_EVENTS)
    if two.timed and any(isinstance(end, Binary) for end in two.ends):
        notices.append(Notice.ODDS_AND_HAZARD)
    if (fit.separation[row] != "none").any():
        notices.append(Notice.SEPARATION)
    notices += entered
    if early:
        notices.append(Notice.DESCRIBES)
    likeliest = max(f.value or 0.0 for f in found if f.name == "class_probability")
    if likeliest < settings.sure:
        notices.append(Notice.CLASS_UNCERTAIN)
    return tuple(notices)


def class_probabilities(effect: Floats, covariance: Floats, delta: float) -> Floats:
    """Probability (m, 5) of each class, in the order of :data:`CLASSES`, for effects (m, 2) and their covariance (m, 2, 2).

    An effect counts where it is beyond ``delta``. The probability is that of the bivariate normal around the estimate: what a flat
    prior and the normal approximation give, and what the bootstrap approaches.
    """
    infinite = np.inf
    parts = {"low": (-infinite, -delta), "none": (-delta, delta), "high": (delta, infinite)}

    def mass(first: str, second: str) -> Floats:
        (a, b), (c, d) = parts[first], parts[second]
        return normal_rectangle(effect, covariance, [a, c], [b, d])

    found = np.stack(
        (
            mass("low", "none") + mass("high", "none"),
            mass("none", "low") + mass("none", "high"),
            mass("low", "low") + mass("high", "high"),
            mass("low", "high") + mass("high", "low"),
            mass("none", "none"),
        ),
        axis=1,
    )
    total: Floats = found / found.sum(axis=1, keepdims=True)
    return total


def _class_of(effects: Floats, delta: float) -> Floats:
    """Share (5,) of effects (r, 2) in each class."""
    there = np.abs(effects) > delta
    same = effects[:, 0] * effects[:, 1] > 0
    both = there.all(axis=1)
    return np.array(
        [
            (there[:, 0] & ~there[:, 1]).mean(),
            (~there[:, 0] & there[:, 1]).mean(),
            (both & same).mean(),
            (both & ~same).mean(),
            (~there.any(axis=1)).mean(),
        ]
    )


def _found(fit: JointScreen, row: int, probability: Floats, scaled: Covariates, i: int, two: _Two) -> list[Found]:
    slopes = fit.slopes()[row]
    error = np.sqrt(np.diag(slopes))
    shared = int(fit.n_shared[row])
    p_effect, beyond = fit.p_value[row], fit.outside[row]
    names = list(CLASSES)
    found = [
        Found(name="p", value=float(fit.difference_p[row])),
        Found(name="ratio_of_odds_ratios", value=float(np.exp(fit.difference[row]))),
        Found(name="ratio_of_odds_ratios_lower", value=float(np.exp(fit.difference_lower[row]))),
        Found(name="ratio_of_odds_ratios_upper", value=float(np.exp(fit.difference_upper[row]))),
        Found(name="difference_error", value=float(fit.difference_error[row])),
        Found(name="correlation", value=float(slopes[0, 1] / (error[0] * error[1]))),
        Found(name="p_efficacy_not_toxicity", value=float(max(p_effect[0], beyond[1]))),
        Found(name="p_toxicity_not_efficacy", value=float(max(p_effect[1], beyond[0]))),
        Found(name="class", text=names[int(probability.argmax())]),
        *(Found(name="class_probability", level=c, value=float(v)) for c, v in zip(names, probability, strict=True)),
        Found(name="sd", value=float(scaled.sd[i])),
        Found(name="per", text=f"standard deviation{' of log2' if scaled.logged[i] else ''}"),
        Found(name="n_shared", value=float(shared)),
    ]
    for k, side in enumerate(SIDES):
        n = int(fit.n[row, k])
        numbers = {
            "p_effect": p_effect[k],
            "odds_ratio": np.exp(fit.coefficient[row, k]),
            "odds_ratio_lower": np.exp(min(fit.lower[row, k], 700.0)),
            "odds_ratio_upper": np.exp(min(fit.upper[row, k], 700.0)),
            "log_odds_ratio": fit.coefficient[row, k],
            "standard_error": error[k],
            "p_equivalence": beyond[k],
            "n": n,
            "n_events": fit.n_events[row, k],
        }
        found += [Found(name=name, level=side, value=float(v), n=n) for name, v in numbers.items()]
        found.append(Found(name="measure", level=side, text=two.measures[k], n=n))
        found.append(Found(name="separation", level=side, text=str(fit.separation[row, k]), n=n))
    return found


def _exposure(
    fit: JointScreen, row: int, scaled: Covariates, i: int, there: Bools, two: _Two, settings: EfficacyToxicity
) -> list[Found]:
    """The curves, the window between them, and the bootstrap check of one biomarker."""
    beta = np.stack((fit.intercept[row], fit.coefficient[row]), axis=1).ravel()
    x = scaled.x[i][there]
    low, high = float(x.min()), float(x.max())
    bounds = {"efficacy": settings.efficacy_at_least, "toxicity": settings.toxicity_at_most}
    grid = np.linspace(low, high, _STEPS)
    lines = curves(grid, beta, fit.covariance[row], level=settings.level, **bounds)
    told = scaled.back(i, grid)
    first, last = window(beta, low, high, **bounds)
    edges = scaled.back(i, np.array([first[0], last[0]]))
    empty = bool(np.isnan(first[0]))
    why = (Notice.NO_WINDOW,) if empty else ()
    best = int(lines.both.argmax())
    seed = int(fingerprint([settings.seed, settings.name, fit.n.shape, i])[:8], 16)
    drawn = joint_bootstrap(x, two.events[:, there], two.known[:, there], replicates=settings.replicates, seed=seed)
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    found = [
        Found(name="window_lower", value=float(edges[0]), notices=why),
        Found(name="window_upper", value=float(edges[1]), notices=why),
        Found(name="observed_lower", value=float(told[0])),
        Found(name="observed_upper", value=float(told[-1])),
        Found(name="best_exposure", value=float(told[best])),
        Found(name="best_probability", value=float(lines.both[best])),
        Found(name="replicates", value=float(drawn.shape[0])),
    ]
    if drawn.shape[0] > 1:
        opened = window(drawn, low, high, **bounds)[0]
        shares = _class_of(drawn[:, 1::2], float(np.log(settings.margin)))
        gap = drawn[:, 1] - drawn[:, 3]
        found += [
            Found(name="window_share", value=float(np.isfinite(opened).mean())),
            Found(name="bootstrap_error", value=float(gap.std(ddof=1))),
            *(Found(name="class_share", level=c, value=float(v)) for c, v in zip(CLASSES, shares, strict=True)),
        ]
    for at in range(_STEPS):
        level = f"at {at + 1}"
        found.append(Found(name="exposure", level=level, value=float(told[at])))
        for k, side in enumerate(SIDES):
            found += [
                Found(name=f"{side}_probability", level=level, value=float(lines.probability[k, at])),
                Found(name=f"{side}_probability_lower", level=level, value=float(lines.lower[k, at])),
                Found(name=f"{side}_probability_upper", level=level, value=float(lines.upper[k, at])),
            ]
        found.append(Found(name="both_probability", level=level, value=float(lines.both[at])))
    return found


def _in_force(settings: EfficacyToxicity) -> dict[str, object]:
    return {
        "margin": settings.margin,
        "adjust": settings.adjust.value,
        "families": list(settings.families),
        "correction": settings.correction.value,
        "sure": settings.sure,
        "efficacy_at_least": settings.efficacy_at_least,
        "toxicity_at_most": settings.toxicity_at_most,
        "replicates": settings.replicates,
        "seed": settings.seed,
        "level": settings.level,
        "censored": asdict(settings.censored),
    }


def _side(name: str, label: str) -> Statistic:
    return Statistic(name=name, label=label, scopes=("group",))


def _curve(name: str, label: str) -> Statistic:
    return Statistic(name=name, label=label, scopes=("cell",))


EFFICACY_AGAINST_TOXICITY = Inquiry(
    code="efficacy_against_toxicity",
    does="efficacy_against_toxicity",
    label="Joint model of efficacy and toxicity",
    statistics=(
        Statistic(name="p", label="P value, equal effect on efficacy and toxicity"),
        Statistic(name="p_adjusted", label="P value, equal effect, adjusted ({adjust})"),
        Statistic(name="ratio_of_odds_ratios", label="Odds ratio of efficacy over that of toxicity"),
        Statistic(name="ratio_of_odds_ratios_lower", label="Ratio of odds ratios, lower limit"),
        Statistic(name="ratio_of_odds_ratios_upper", label="Ratio of odds ratios, upper limit"),
        Statistic(name="difference_error", label="Standard error of the difference of the log odds ratios"),
        Statistic(name="correlation", label="Correlation of the two estimates"),
        Statistic(name="p_efficacy_not_toxicity", label="P value, effect on efficacy and none on toxicity"),
        Statistic(name="p_toxicity_not_efficacy", label="P value, effect on toxicity and none on efficacy"),
        Statistic(name="class", label="Likeliest class"),
        Statistic(name="class_probability", label="Probability of the class", scopes=("group",)),
        Statistic(name="sd", label="Standard deviation on the scale of the effect"),
        Statistic(name="per", label="What the odds ratios are per"),
        Statistic(name="n_shared", label="Subjects with both endpoints"),
        _side("p_effect", "P value of the effect"),
        _side("odds_ratio", "Effect: odds ratio, or the measure told"),
        _side("odds_ratio_lower", "Effect, lower limit"),
        _side("odds_ratio_upper", "Effect, upper limit"),
        _side("log_odds_ratio", "Logarithm of the effect"),
        _side("standard_error", "Standard error (sandwich)"),
        _side("p_equivalence", "P value, effect within the margin"),
        _side("measure", "What the effect is: an odds ratio, a hazard ratio, or one over it"),
        _side("n", "Subjects"),
        _side("n_events", "Subjects with the event"),
        _side("separation", "Separation"),
        _side("n_decided_before", "Subjects whose outcome was decided before the biomarker was known"),
        Statistic(name="window_lower", label="Window, lowest exposure", unit="own", scopes=("cell",)),
        Statistic(name="window_upper", label="Window, highest exposure", unit="own", scopes=("cell",)),
        Statistic(name="observed_lower", label="Lowest exposure observed", unit="own", scopes=("cell",)),
        Statistic(name="observed_upper", label="Highest exposure observed", unit="own", scopes=("cell",)),
        Statistic(
            name="best_exposure", label="Exposure at which both conditions are likeliest", unit="own", scopes=("cell",)
        ),
        _curve("best_probability", "Probability that both conditions hold there"),
        _curve("replicates", "Bootstrap replicates with an estimate"),
        _curve("window_share", "Share of bootstrap replicates with a window"),
        _curve("bootstrap_error", "Standard error of the difference by bootstrap"),
        _curve("class_share", "Share of bootstrap replicates in the class"),
        Statistic(name="exposure", label="Exposure", unit="own", scopes=("cell",)),
        _curve("efficacy_probability", "Probability of efficacy"),
        _curve("efficacy_probability_lower", "Probability of efficacy, lower limit"),
        _curve("efficacy_probability_upper", "Probability of efficacy, upper limit"),
        _curve("toxicity_probability", "Probability of toxicity"),
        _curve("toxicity_probability_lower", "Probability of toxicity, lower limit"),
        _curve("toxicity_probability_upper", "Probability of toxicity, upper limit"),
        _curve("both_probability", "Probability that both conditions hold"),
    ),
    options=tuple(_in_force(EfficacyToxicity(name="", margin=2.0))),
    formula="two models (logistic, or Cox for a time; Firth) of the same patients as one set of estimating equations, V = A^-1 B A^-1 with residuals over 1 - h; equal effect: (b_E - b_T) / sqrt(V_EE + V_TT - 2 V_ET) against t with n - 2 df; effect on efficacy and none on toxicity: the larger of the P of b_E = 0 and the P that b_T lies beyond the margin",
    citation="Lin and Wei, JASA 1989;84:1074-1078; Liang and Zeger, Biometrika 1986;73:13-22; Mancl and DeRouen, Biometrics 2001;57:126-134; Berger and Hsu, Stat Sci 1996;11:283-319 (intersection-union and equivalence tests)",
    docs="methods/efficacy_against_toxicity.md",
)
