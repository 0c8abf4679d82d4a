"""Cox regression: one covariate over a panel, or one model with several covariates; maximum partial likelihood or Firth's penalty.

Sources: Cox, JRSS B 1972;34:187-220. Efron 1977 and Breslow 1974 for ties, Heinze and Schemper 2001 for the penalty (see
:mod:`correlates.stats.cox_likelihood`). Therneau and Grambsch, Modeling Survival Data, 2000, chapter 3 and appendix E.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri

from correlates.stats.arrays import Bools, Floats, Ints, divide, panel, where
from correlates.stats.at_risk import FollowUp, RiskSets, follow_up, risk_sets
from correlates.stats.cox_likelihood import (
    Batch,
    Maximum,
    Ties,
    batch,
    evaluate,
    likelihood_ratio,
    maximise,
    profile_limit,
    solve,
)

__all__ = [
    "CoxBaseline",
    "CoxModel",
    "CoxPenalty",
    "CoxScreen",
    "Ties",
    "baseline_hazard",
    "covariates",
    "cox_model",
    "cox_screen",
    "monotone_along",
]

_CHUNK = 1 << 15  # rows of follow-up (models x rows) worked on at a time: they stay in the cache
_FAR = 15.0  # a linear predictor this wide makes one look whether a maximum exists at all


class CoxPenalty(StrEnum):
    """None (maximum partial likelihood), or Firth's penalty (half the log determinant of the information)."""

    NONE = "none"
    FIRTH = "firth"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxScreen:
    """Single-covariate Cox models of m biomarkers; every array is (m,).

    ``coefficient`` is the log hazard ratio per unit of x; ``lower`` and ``upper`` its profile limits, ``wald_lower`` and
    ``wald_upper`` the symmetric ones. ``chi_square`` (1 df) and ``p_value`` are of the likelihood ratio; the Wald and the score test
    stand beside it (the score test is of the unpenalised likelihood: NaN under Firth).

    ``monotone`` is 0, or the sign of the coefficient that the likelihood pushes to infinity: at every event the subject with the
    event has the highest (+1) or the lowest (-1) value at risk. Without penalty no estimate exists then, and everything but the
    score test is NaN. ``constant``: no event has two different values at risk (also when there is no event); nothing is defined.
    """

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    wald_lower: Floats
    wald_upper: Floats
    chi_square: Floats
    p_value: Floats
    wald_p_value: Floats
    score_p_value: Floats
    log_likelihood: Floats
    null_log_likelihood: Floats
    n: Ints
    n_events: Ints
    monotone: Ints
    constant: Bools
    converged: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxModel:
    """One Cox model with p coefficients; per-coefficient arrays are (p,), ``covariance`` (p, p).

    ``chi_square`` and ``p_value`` per coefficient are likelihood ratios with 1 df; ``lower`` and ``upper`` profile limits. The tests
    of the whole model (``df`` = p) are the likelihood ratio, Wald and score. ``n`` counts rows, which are subjects unless the
    follow-up was split. ``monotone``: some combination of covariates is highest at every event among those at risk, so that no
    maximum exists; without penalty nothing is given then but the score test.
    """

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    wald_lower: Floats
    wald_upper: Floats
    chi_square: Floats
    p_value: Floats
    wald_p_value: Floats
    covariance: Floats
    log_likelihood: float | None
    null_log_likelihood: float | None
    df: int
    model_likelihood_ratio: float | None
    model_likelihood_ratio_p: float | None
    model_wald: float | None
    model_wald_p: float | None
    model_score: float | None
    model_score_p: float | None
    n: int
    n_events: int
    ties: Ties
    penalty: CoxPenalty
    monotone: bool
    full_rank: bool
    converged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxBaseline:
    """Cumulative hazard and survival at given covariates, at the event times within strata; every array is (K,)."""

    stratum: Ints
    time: Floats
    cumulative_hazard: Floats
    survival: Floats


def cox_screen(
    x: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    entry: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    ties: Ties | str = Ties.EFRON,
    penalty: CoxPenalty | str = CoxPenalty.NONE,
    level: float = 0.95,
) -> CoxScreen:
    """Cox regression on each biomarker of a panel, one at a time.

    Parameters
    ----------
    x
        (m, n) biomarkers by rows of follow-up, on the scale of the hazard ratio wanted (log2 for a hazard ratio per doubling).
    time, event, entry, stratum
        (n,) each; see :func:`correlates.stats.at_risk.follow_up`.
    present
        (m, n) which values are there; a row without its value is out of that model, its risk sets included. All, when not given.
    ties, penalty, level
        Efron (default) or Breslow; none (default) or Firth; confidence level of the limits.

    Examples
    --------
    >>> fit = cox_screen([1.0, 3.0, 2.0, 0.0, 5.0], [5, 3, 4, 6, 4], [1, 1, 1, 0, 1])
    >>> round(float(fit.coefficient[0]), 4), int(fit.monotone[0])
    (0.4367, 0)
    """
    values, there = panel(x, present)
    course = follow_up(time, event, entry, stratum)
    m, n = values.shape
    if course.time.shape != (n,):
        raise ValueError(f"x has {n} columns, time {course.time.size} entries")
    rule, how = CoxPenalty(penalty), Ties(ties)
    firth = rule is CoxPenalty.FIRTH
    risk = risk_sets(course)
    root = _root(level)
    out = {name: np.full(m, np.nan) for name in _SCREENED}
    monotone, constant = np.zeros(m, dtype=np.int64), np.ones(m, dtype=np.bool_)
    converged = np.zeros(m, dtype=np.bool_)
    step = max(1, _CHUNK // max(n, 1))
    for first in range(0, m if risk.times else 0, step):
        part = slice(first, first + step)
        monotone[part], constant[part] = _one_sided(values[part], there[part], risk)
        rows = first + np.flatnonzero(~constant[part])
        if rows.size == 0:
            continue
        kept = there[rows].astype(np.float64)
        centre = divide(values[rows].sum(axis=1), kept.sum(axis=1))
        centred = (values[rows] - centre[:, None]) * kept
        unit = np.sqrt(divide((centred**2).sum(axis=1), kept.sum(axis=1)))
        models = batch(risk, (centred / unit[:, None])[:, None, :], kept, ties=how, firth=firth)
        null = evaluate(models, np.zeros((rows.size, 1)))
        shift = np.log(unit) if firth else np.zeros(rows.size)
        out["null_log_likelihood"][rows] = null.value + shift
        if not firth:
            out["score"][rows] = divide(null.score[:, 0] ** 2, null.information[:, 0, 0])
            keep = monotone[rows] == 0
            rows, models, unit, shift = rows[keep], models.rows(np.flatnonzero(keep)), unit[keep], shift[keep]
            if rows.size == 0:
                continue
        found, reached = _fit_one(models, unit, shift, root)
        for name, array in found.items():
            out[name][rows] = where(reached, array, np.nan)
        converged[rows] = reached
    return CoxScreen(
        coefficient=out["coefficient"],
        standard_error=out["standard_error"],
        lower=out["lower"],
        upper=out["upper"],
        wald_lower=out["coefficient"] - root * out["standard_error"],
        wald_upper=out["coefficient"] + root * out["standard_error"],
        chi_square=out["chi_square"],
        p_value=_tail(out["chi_square"]),
        wald_p_value=_tail(divide(out["coefficient"], out["standard_error"]) ** 2),
        score_p_value=_tail(out["score"]),
        log_likelihood=out["log_likelihood"],
        null_log_likelihood=out["null_log_likelihood"],
        n=there.sum(axis=1),
        n_events=(there & course.event).sum(axis=1),
        monotone=monotone,
        constant=constant,
        converged=converged,
    )


_SCREENED = (
    "coefficient",
    "standard_error",
    "lower",
    "upper",
    "chi_square",
    "log_likelihood",
    "null_log_likelihood",
    "score",
)


def _fit_one(models: Batch, unit: Floats, shift: Floats, root: float) -> tuple[dict[str, Floats], Bools]:
    """Estimates of single-covariate models whose covariate was divided by ``unit`` (m,)."""
    m = unit.size
    top = maximise(models, np.zeros((m, 1)), np.ones(1, dtype=np.bool_))
    ratio, _ = likelihood_ratio(models, top, 0)
    lower, upper = (profile_limit(models, top, 0, side, root) for side in (-1, 1))
    found = {
        "coefficient": top.beta[:, 0] / unit,
        "standard_error": np.sqrt(divide(1.0, top.point.information[:, 0, 0])) / unit,
        "lower": lower / unit,
        "upper": upper / unit,
        "chi_square": ratio,
        "log_likelihood": top.point.value + shift,
    }
    return found, top.converged & np.isfinite(lower) & np.isfinite(upper)


def _one_sided(values: Floats, there: Bools, risk: RiskSets) -> tuple[Ints, Bools]:
    """Whether the events always have the highest (+1) or lowest (-1) value at risk, and whether no event has two values at risk."""
    high = risk.highest(where(there, values, -np.inf))[:, risk.at]
    low = -risk.highest(where(there, -values, -np.inf))[:, risk.at]
    own, counts = values[:, risk.deaths], there[:, risk.deaths]
    constant = np.asarray(~(counts & (high > low)).any(axis=1), dtype=np.bool_)
    up = (~counts | (own >= high)).all(axis=1)
    down = (~counts | (own <= low)).all(axis=1)
    sign = np.where(constant, 0, np.where(up, 1, np.where(down, -1, 0)))
    return sign.astype(np.int64), constant


def cox_model(
    design: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    ties: Ties | str = Ties.EFRON,
    penalty: CoxPenalty | str = CoxPenalty.NONE,
    level: float = 0.95,
) -> CoxModel:
    """One Cox model.

    Parameters
    ----------
    design
        (n, p) covariates of each row; there is no intercept.
    time, event, entry, stratum
        (n,) each; see :func:`correlates.stats.at_risk.follow_up`. A time-dependent covariate is given by several rows per subject,
        each on its own (entry, time], the event in the last (:func:`correlates.stats.landmark.split_at_change`).
    ties, penalty, level
        As for :func:`cox_screen`.

    Notes
    -----
    Undefined (arrays NaN, ``full_rank`` false): covariates that are linearly dependent over the risk sets of the events, among
    them a covariate that is constant within strata, and everything when there is no event. Monotone likelihood: looked for by
    linear programming over the differences between each event and those at risk with it, when the fit is suspicious.
    """
    given = covariates(design)
    course = follow_up(time, event, entry, stratum)
    n, p = given.shape
    if course.time.shape != (n,):
        raise ValueError(f"design has {n} rows, time {course.time.size} entries")
    rule, how = CoxPenalty(penalty), Ties(ties)
    firth = rule is CoxPenalty.FIRTH
    root = _root(level)
    risk = risk_sets(course)
    scale = given.std(axis=0) if n else np.ones(p)
    unit = np.where(scale > 0, scale, 1.0)
    models = batch(risk, (given / unit).T[None], np.ones((1, n)), ties=how, firth=firth)
    plain = batch(risk, (given / unit).T[None], np.ones((1, n)), ties=how, firth=False)
    null = evaluate(plain, np.zeros((1, p)))
    full_rank = bool(p and risk.times and (scale > 0).all() and _regular(null.information[0]))
    score = float(null.score[0] @ solve(null.information, null.score)[0]) if full_rank and not firth else None
    top, monotone = None, False
    if full_rank:
        top = maximise(models, np.zeros((1, p)), np.ones(p, dtype=np.bool_))
        wide = float(np.ptp((top.beta[:, None, :] @ models.x)[0, 0])) > _FAR
        if wide or not top.converged[0] or firth:
            monotone = _monotone(given / unit, risk)
    blank = _blank(p, course, how, rule, score, full_rank=full_rank, monotone=monotone)
    if top is None or not top.converged[0] or (monotone and not firth):
        return blank
    return _filled(models, top, unit, root, blank)


def _filled(models: Batch, top: Maximum, unit: Floats, root: float, blank: CoxModel) -> CoxModel:
    """The model with its estimates."""
    p = unit.size
    shift = float(np.log(unit).sum()) if models.firth else 0.0
    chi, lower, upper = np.full(p, np.nan), np.full(p, np.nan), np.full(p, np.nan)
    for k in range(p):
        lost, null_reached = likelihood_ratio(models, top, k)
        chi[k] = lost[0] if null_reached[0] else np.nan
        lower[k], upper[k] = (profile_limit(models, top, k, side, root)[0] / unit[k] for side in (-1, 1))
    covariance = np.linalg.inv(top.point.information[0]) / np.outer(unit, unit)
    coefficient, error = top.beta[0] / unit, np.sqrt(np.diag(covariance))
    null_value = float(evaluate(models, np.zeros((1, p))).value[0])
    ratio = max(2.0 * (float(top.point.value[0]) - null_value), 0.0)
    wald = float(top.beta[0] @ top.point.information[0] @ top.beta[0])
    return CoxModel(
        coefficient=coefficient,
        standard_error=error,
        lower=lower,
        upper=upper,
        wald_lower=coefficient - root * error,
        wald_upper=coefficient + root * error,
        chi_square=chi,
        p_value=_tail(chi),
        wald_p_value=_tail((coefficient / error) ** 2),
        covariance=covariance,
        log_likelihood=float(top.point.value[0]) + shift,
        null_log_likelihood=null_value + shift,
        df=p,
        model_likelihood_ratio=ratio,
        model_likelihood_ratio_p=float(chdtrc(p, ratio)),
        model_wald=wald,
        model_wald_p=float(chdtrc(p, wald)),
        model_score=blank.model_score,
        model_score_p=blank.model_score_p,
        n=blank.n,
        n_events=blank.n_events,
        ties=blank.ties,
        penalty=blank.penalty,
        monotone=blank.monotone,
        full_rank=True,
        converged=True,
    )


def _blank(
    p: int, course: FollowUp, ties: Ties, penalty: CoxPenalty, score: float | None, *, full_rank: bool, monotone: bool
) -> CoxModel:
    nothing = np.full(p, np.nan)
    return CoxModel(
        coefficient=nothing,
        standard_error=nothing,
        lower=nothing,
        upper=nothing,
        wald_lower=nothing,
        wald_upper=nothing,
        chi_square=nothing,
        p_value=nothing,
        wald_p_value=nothing,
        covariance=np.full((p, p), np.nan),
        log_likelihood=None,
        null_log_likelihood=None,
        df=p,
        model_likelihood_ratio=None,
        model_likelihood_ratio_p=None,
        model_wald=None,
        model_wald_p=None,
        model_score=score,
        model_score_p=None if score is None else float(chdtrc(p, score)),
        n=course.time.size,
        n_events=int(course.event.sum()),
        ties=ties,
        penalty=penalty,
        monotone=monotone,
        full_rank=full_rank,
        converged=False,
    )


def baseline_hazard(
    design: npt.ArrayLike,
    coefficient: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    ties: Ties | str = Ties.EFRON,
    at: npt.ArrayLike | None = None,
) -> CoxBaseline:
    """Cumulative hazard of a fitted Cox model, for a subject with covariates ``at``.

    Parameters
    ----------
    design, time, event, entry, stratum, ties
        What the model was fitted to.
    coefficient
        (p,) its estimate.
    at
        (p,) covariates of the subject; 0 when not given.

    Notes
    -----
    H(t) = sum over events up to t of 1 / A, A the sum of exp(b'(x - at)) over those at risk with the model's treatment of ties;
    survival is exp(-H). Breslow 1974; with Efron's sums as in Therneau and Grambsch 2000, section 10.2.
    """
    given = covariates(design)
    beta = np.asarray(coefficient, dtype=np.float64)
    origin = np.zeros(beta.shape) if at is None else np.asarray(at, dtype=np.float64)
    course = follow_up(time, event, entry, stratum)
    if course.time.shape != given.shape[:1] or beta.shape != given.shape[1:] or origin.shape != beta.shape:
        raise ValueError("design, coefficient, at and time do not agree in shape")
    risk = risk_sets(course)
    weight = np.exp((given - origin) @ beta)
    models = batch(risk, given.T[None], np.ones((1, given.shape[0])), ties=Ties(ties), firth=False)
    sums = risk.total(weight)[risk.at] - models.fraction[0] * risk.died(weight)[risk.at]
    rise = np.add.reduceat(1.0 / sums, risk.starts) if risk.times else np.zeros(0)
    hazard = np.zeros(risk.times)
    for label in np.unique(risk.stratum):
        columns = risk.stratum == label
        hazard[columns] = np.cumsum(rise[columns])
    return CoxBaseline(stratum=risk.stratum, time=risk.time, cumulative_hazard=hazard, survival=np.exp(-hazard))


def covariates(design: npt.ArrayLike) -> Floats:
    """A design (n, p), checked."""
    given = np.asarray(design, dtype=np.float64)
    if given.ndim != 2:
        raise ValueError(f"design must be (n, p), found shape {given.shape}")
    if given.shape[1] == 0:
        raise ValueError("design has no covariate")
    if not np.isfinite(given).all():
        raise ValueError("design holds NaN or infinity")
    return given


def monotone_along(differences: Floats) -> bool:
    """Whether a direction exists along which a partial likelihood never falls and somewhere rises, so that it has no maximum.

    Parameters
    ----------
    differences
        (r, p) covariates of a subject with the event less those of one at risk with it, for all such pairs.

    Notes
    -----
    Linear programming: maximise the sum of the differences along d with no difference below 0 and d in a box. Albert and Anderson,
    Biometrika 1984;71:1-10, carried over; Bryson and Johnson, Technometrics 1981;23:381-383 (monotone Cox likelihood).
    """
    from scipy.optimize import linprog

    distinct = np.unique(differences, axis=0)
    found = linprog(
        -distinct.sum(axis=0),
        A_ub=-distinct,
        b_ub=np.zeros(distinct.shape[0]),
        bounds=[(-1.0, 1.0)] * distinct.shape[1],
        method="highs",
    )
    return float(found.fun or 0.0) < -1e-7


def _monotone(design: Floats, risk: RiskSets) -> bool:
    """Whether some combination of covariates is at every event as high as in anyone at risk, and higher than in one."""
    rows = [design[i] - design[risk.members(int(k))] for i, k in zip(risk.deaths, risk.at, strict=True)]
    return monotone_along(np.concatenate(rows))


def _regular(information: Floats) -> bool:
    """Whether the information at 0 has full rank, its covariates on a common scale."""
    size = np.sqrt(np.diag(information))
    if not (size > 1e-9 * size.max(initial=0.0)).all() or not (size > 0).all():
        return False
    eigenvalues = np.linalg.eigvalsh(information / np.outer(size, size))
    return bool(eigenvalues[0] > 1e-11)


def _root(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, found {level}")
    return float(ndtri(0.5 + level / 2.0))


def _tail(chi_square: Floats) -> Floats:
    there = np.isfinite(chi_square)
    return where(there, chdtrc(1.0, where(there, chi_square, 0.0)), np.nan)
