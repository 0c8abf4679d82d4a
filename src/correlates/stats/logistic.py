"""Logistic regression by Firth's penalised likelihood or by maximum likelihood, one covariate over a panel or one general model.

Interval: profile of the (penalised) likelihood. P: (penalised) likelihood ratio, the penalty of the reduced model keeping the
full design (as logistf does). Standard error: from the Fisher information at the estimate, as in Heinze and Schemper 2002 and
brglm2; logistf prints another, smaller one, from the data augmented by the penalty.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri

from correlates.stats.arrays import Bools, Floats, Ints, Words, divide, membership, panel, where
from correlates.stats.logistic_likelihood import (
    Batch,
    Maximum,
    batch,
    maximise,
    profiled,
)

_CHUNK = 1 << 15  # design rows (models x subjects) worked on at a time: they stay in the cache


class Penalty(StrEnum):
    """Firth's penalty (half the log determinant of the information), or none (maximum likelihood)."""

    FIRTH = "firth"
    NONE = "none"


class Separation(StrEnum):
    """Whether a covariate (or a combination) splits events from non-events: completely, but for ties at the border, or not."""

    NONE = "none"
    QUASI = "quasi"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticScreen:
    """Single-covariate logistic models of m biomarkers; every array is (m,).

    ``coefficient`` is the log odds ratio per unit of x, ``lower`` and ``upper`` its profile limits, ``standard_error`` from
    the Fisher information. ``chi_square`` (1 df) and ``p_value`` are of the likelihood ratio against coefficient 0. NaN where not
    defined: constant biomarker, fewer than two subjects, no convergence (``converged`` false), and everything under maximum
    likelihood where the data are separated or the outcome has one class, because then no estimate exists.
    """

    intercept: Floats
    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    chi_square: Floats
    p_value: Floats
    log_likelihood: Floats
    n: Ints
    n_events: Ints
    separation: Words
    constant: Bools
    converged: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticModel:
    """One logistic model with p coefficients (intercept first when asked for); every array is (p,).

    ``chi_square`` and ``p_value`` per coefficient are (penalised) likelihood ratios with 1 df. ``model_chi_square`` compares with
    the model in which all coefficients but the intercept are 0 (None without an intercept or without covariates). ``converged`` is
    of the estimate; a limit or ratio whose own maximisation failed is NaN by itself.
    """

    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    chi_square: Floats
    p_value: Floats
    covariance: Floats
    log_likelihood: float | None
    null_log_likelihood: float | None
    model_chi_square: float | None
    model_df: int
    model_p_value: float | None
    n: int
    n_events: int
    separation: Separation
    full_rank: bool
    converged: bool


def logistic_screen(
    x: npt.ArrayLike,
    outcome: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    penalty: Penalty | str = Penalty.FIRTH,
    level: float = 0.95,
) -> LogisticScreen:
    """Logistic regression of one binary outcome on each biomarker of a panel, one at a time.

    Parameters
    ----------
    x
        (m, n) biomarkers by subjects, on the scale of the odds ratio wanted (log2 for an odds ratio per doubling).
    outcome
        (n,) true for an event.
    present
        (m, n) which values are there; all, when not given.
    penalty, level
        Firth or none; confidence level of the profile limits.

    Notes
    -----
    Biomarkers are centred and scaled within, which changes neither the penalised likelihood (but for a constant) nor the
    estimate. With an outcome of one class Firth's estimate exists and is given; whether it means anything is the caller's
    question.
    """
    values, there = panel(x, present)
    events = membership(outcome, values.shape[1])
    rule = Penalty(penalty)
    m, n = values.shape
    count = there.sum(axis=1)
    n_events = (there & events).sum(axis=1)
    centre = divide(values.sum(axis=1), count)
    centred = where(there, values - centre[:, None], 0.0)
    spread = np.sqrt(divide((centred**2).sum(axis=1), count - 1))
    largest = np.abs(values).max(axis=1, initial=0.0)
    constant = ~(spread > 1e-13 * largest)
    split = _split(values, there, events)
    usable = ~constant & (count > 1)
    if rule is Penalty.NONE:
        usable &= split == Separation.NONE.value
    out = {
        name: np.full(m, np.nan)
        for name in ("intercept", "coefficient", "standard_error", "lower", "upper", "chi_square", "log_likelihood")
    }
    converged = np.zeros(m, dtype=np.bool_)
    root = float(ndtri(0.5 + level / 2.0))
    rows_all = np.flatnonzero(usable)
    step = max(1, _CHUNK // max(n, 1))
    for first in range(0, rows_all.size, step):
        rows = rows_all[first : first + step]
        scaled = centred[rows] / spread[rows, None]
        design = np.stack((np.ones(scaled.shape), scaled), axis=2)
        models = batch(
            design,
            np.broadcast_to(events.astype(np.float64), scaled.shape),
            there[rows].astype(np.float64),
            firth=rule is Penalty.FIRTH,
        )
        fit = profiled(models, _start(models), (1,), root)
        top, reached = fit.top, fit.reached
        unit = spread[rows]
        slope = top.beta[:, 1] / unit
        info = top.point.information
        variance = divide(info[:, 0, 0], info[:, 0, 0] * info[:, 1, 1] - info[:, 0, 1] ** 2)
        found = {
            "intercept": top.beta[:, 0] - slope * centre[rows],
            "coefficient": slope,
            "standard_error": np.sqrt(variance) / unit,
            "lower": fit.lower[:, 0] / unit,
            "upper": fit.upper[:, 0] / unit,
            "chi_square": fit.ratio[:, 0],
            "log_likelihood": top.point.value + (np.log(unit) if models.firth else 0.0),
        }
        for name, array in found.items():
            out[name][rows] = where(reached, array, np.nan)
        converged[rows] = reached
    chi = out["chi_square"]
    return LogisticScreen(
        intercept=out["intercept"],
        coefficient=out["coefficient"],
        standard_error=out["standard_error"],
        lower=out["lower"],
        upper=out["upper"],
        chi_square=chi,
        p_value=where(np.isfinite(chi), chdtrc(1.0, where(np.isfinite(chi), chi, 0.0)), np.nan),
        log_likelihood=out["log_likelihood"],
        n=count,
        n_events=n_events,
        separation=split,
        constant=constant,
        converged=converged,
    )


def logistic_model(
    design: npt.ArrayLike,
    outcome: npt.ArrayLike,
    *,
    penalty: Penalty | str = Penalty.FIRTH,
    level: float = 0.95,
    intercept: bool = True,
) -> LogisticModel:
    """One logistic model of a binary outcome on several covariates.

    Parameters
    ----------
    design
        (n, q) covariates without the intercept.
    outcome
        (n,) true for an event.
    penalty, level
        Firth or none; confidence level of the profile limits.
    intercept
        Whether an intercept comes first.

    Notes
    -----
    Beside an intercept the covariates are centred and scaled within, so that one that lies far from 0 (a year, the logarithm of a count) is
    fitted like any other; coefficients, limits and likelihood are those of the covariates as given, the intercept's at 0 of all of them.

    Undefined (arrays NaN, ``full_rank`` false): covariates that are linearly dependent (a column that is constant beside an
    intercept, two copies of one biomarker) or more coefficients than subjects. Under maximum likelihood undefined where the data
    are separated (``separation`` says so, by linear programming: Konis, thesis, Oxford 2007).
    """
    covariates = np.asarray(design, dtype=np.float64)
    if covariates.ndim != 2:
        raise ValueError(f"design must be (n, q), found shape {covariates.shape}")
    if not np.isfinite(covariates).all():
        raise ValueError("design holds NaN or infinity")
    n = covariates.shape[0]
    events = membership(outcome, n)
    rule = Penalty(penalty)
    columns, back = _standardised(covariates, intercept=intercept)
    p = columns.shape[1]
    full_rank = bool(n >= p and np.linalg.matrix_rank(columns, tol=1e-9 * n) == p)
    split = separation(columns, events) if full_rank else Separation.NONE
    nothing = np.full(p, np.nan)
    base = {"n": n, "n_events": int(events.sum())}
    if not full_rank or (rule is Penalty.NONE and split is not Separation.NONE):
        return LogisticModel(
            coefficient=nothing,
            standard_error=nothing,
            lower=nothing,
            upper=nothing,
            chi_square=nothing,
            p_value=nothing,
            covariance=np.full((p, p), np.nan),
            log_likelihood=None,
            null_log_likelihood=None,
            model_chi_square=None,
            model_df=p - int(intercept),
            model_p_value=None,
            separation=split,
            full_rank=full_rank,
            converged=False,
            **base,
        )
    models = _one(columns, events, firth=rule is Penalty.FIRTH)
    root = float(ndtri(0.5 + level / 2.0))
    fit = profiled(models, np.zeros((1, p)), tuple(range(p)), root)
    top, ratios, unit = fit.top, fit.ratio[0], np.diag(back)
    lower, upper = fit.lower[0] * unit, fit.upper[0] * unit
    if intercept and back[0, 1:].any():
        ratios[0], lower[0], upper[0] = _at_origin(columns, back[0], top.beta, events, root, firth=models.firth)
    shift = -float(np.log(unit).sum()) if models.firth else 0.0  # log det of the information on the scale given
    value = float(top.point.value[0]) + shift
    null_value, chi, model_p = _against_null(models, top, p, intercept=intercept)
    covariance = back @ np.linalg.inv(top.point.information[0]) @ back.T
    return LogisticModel(
        coefficient=back @ top.beta[0],
        standard_error=np.sqrt(np.diag(covariance)),
        lower=lower,
        upper=upper,
        chi_square=ratios,
        p_value=where(np.isfinite(ratios), chdtrc(1.0, where(np.isfinite(ratios), ratios, 0.0)), np.nan),
        covariance=covariance,
        log_likelihood=value,
        null_log_likelihood=None if null_value is None else null_value + shift,
        model_chi_square=chi,
        model_df=p - int(intercept),
        model_p_value=model_p,
        separation=split,
        full_rank=True,
        converged=bool(top.converged[0]),
        **base,
    )


def ratio_without(
    design: npt.ArrayLike, outcome: npt.ArrayLike, out: npt.ArrayLike, *, penalty: Penalty | str = Penalty.FIRTH
) -> float:
    """Twice the (penalised) log-likelihood lost when the covariates ``out`` (q,) of a design (n, q) are held at 0.

    There is an intercept, and the penalty keeps the whole design. NaN where no maximum is found.
    """
    covariates = np.asarray(design, dtype=np.float64)
    columns, _ = _standardised(covariates, intercept=True)
    models = _one(columns, membership(outcome, covariates.shape[0]), firth=Penalty(penalty) is Penalty.FIRTH)
    start = np.zeros((1, columns.shape[1]))
    top = maximise(models, start, np.ones(columns.shape[1], dtype=np.bool_))
    null = maximise(models, start, np.append(True, ~np.asarray(out, dtype=np.bool_)))
    if not null.converged[0]:
        return float("nan")
    return max(2.0 * float(top.point.value[0] - null.point.value[0]), 0.0)


def _standardised(covariates: Floats, *, intercept: bool) -> tuple[Floats, Floats]:
    """Columns (n, p) on a common scale, beside an intercept centred; and the matrix (p, p) that takes their coefficients back.

    A covariate that does not vary beside an intercept becomes a column of 0, and the rank is not full.
    """
    n, q = covariates.shape
    centre = covariates.mean(axis=0) if intercept and n else np.zeros(q)
    centred = covariates - centre
    spread = np.sqrt((centred**2).mean(axis=0)) if n else np.zeros(q)
    varied = spread > 1e-13 * np.abs(covariates).max(axis=0, initial=0.0)
    unit = where(varied, spread, 1.0)
    scaled = where(varied, centred / unit, 0.0)
    if not intercept:
        return scaled, np.diag(1.0 / unit)
    back = np.diag(np.append(1.0, 1.0 / unit))
    back[0, 1:] = -centre / unit
    return np.column_stack((np.ones(n), scaled)), back


def _one(columns: Floats, events: Bools, *, firth: bool) -> Batch:
    """One model as a batch."""
    return batch(columns[None], events.astype(np.float64)[None], np.ones((1, events.size)), firth=firth)


def _at_origin(
    columns: Floats, at: Floats, beta: Floats, events: Bools, root: float, *, firth: bool
) -> tuple[float, float, float]:
    """Likelihood ratio against an intercept of 0, and its limits, where the intercept of the covariates as given is ``at`` (p,) . beta.

    The same model with coefficients turned so that the first is the intercept (per length of ``at``), the others orthogonal to it.
    """
    length = float(np.linalg.norm(at))
    turned, _ = np.linalg.qr(at[:, None], mode="complete")
    turned[:, 0] = at / length
    models = _one(columns @ turned, events, firth=firth)
    fit = profiled(models, beta @ turned, (0,), root)
    return float(fit.ratio[0, 0]), float(fit.lower[0, 0]) * length, float(fit.upper[0, 0]) * length


def separation(design: npt.ArrayLike, outcome: npt.ArrayLike) -> Separation:
    """Whether some linear combination of the columns (n, p) separates events from non-events.

    Complete: a combination is positive for every event and negative for every non-event. Quasi: the same but for zeros on
    both sides, and not zero for all. Found by linear programming (Albert and Anderson, Biometrika 1984;71:1-10; Konis 2007).
    """
    from scipy.optimize import linprog

    columns = np.asarray(design, dtype=np.float64)
    events = membership(outcome, columns.shape[0])
    scale = np.sqrt((columns**2).mean(axis=0))
    signed = columns / np.where(scale > 0, scale, 1.0) * np.where(events, 1.0, -1.0)[:, None]
    p = columns.shape[1]
    box = [(-1.0, 1.0)] * p
    quasi = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(signed.shape[0]), bounds=box, method="highs")
    if float(quasi.fun or 0.0) >= -1e-7:
        return Separation.NONE
    margin = np.column_stack((-signed, np.ones(signed.shape[0])))
    complete = linprog(
        np.append(np.zeros(p), -1.0),
        A_ub=margin,
        b_ub=np.zeros(signed.shape[0]),
        bounds=[*box, (None, 1.0)],
        method="highs",
    )
    return Separation.COMPLETE if float(complete.fun or 0.0) < -1e-9 else Separation.QUASI


def _split(values: Floats, there: Bools, events: Bools) -> Words:
    """Separation by one covariate: the ranges of the two classes do not overlap, or touch in one value. One class: complete."""
    inside, outside = there & events, there & ~events
    top_in = np.max(where(inside, values, -np.inf), axis=1, initial=-np.inf)
    low_in = np.min(where(inside, values, np.inf), axis=1, initial=np.inf)
    top_out = np.max(where(outside, values, -np.inf), axis=1, initial=-np.inf)
    low_out = np.min(where(outside, values, np.inf), axis=1, initial=np.inf)
    complete = (low_in > top_out) | (low_out > top_in)
    constant = np.maximum(top_in, top_out) == np.minimum(low_in, low_out)
    quasi = ((low_in >= top_out) | (low_out >= top_in)) & ~constant
    return np.where(complete, Separation.COMPLETE.value, np.where(quasi, Separation.QUASI.value, Separation.NONE.value))


def _start(models: Batch) -> Floats:
    """Intercept at the log odds of the events with one half added to both classes, the rest 0."""
    start = np.zeros((models.models, models.terms))
    happened = models.outcome.sum(axis=1)
    start[:, 0] = np.log((happened + 0.5) / (models.counts.sum(axis=1) - happened + 0.5))
    return start


def _against_null(
    models: Batch, top: Maximum, p: int, *, intercept: bool
) -> tuple[float | None, float | None, float | None]:
    """Log-likelihood with every coefficient but the intercept at 0, twice the difference, and its P."""
    if not intercept or p == 1:
        return None, None, None
    null = maximise(models, _start(models), np.arange(p) == 0)
    if not null.converged[0]:
        return None, None, None
    chi = max(2.0 * float(top.point.value[0] - null.point.value[0]), 0.0)
    return float(null.point.value[0]), chi, float(chdtrc(p - 1.0, chi))
