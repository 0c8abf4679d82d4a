"""Limit of detection of an assay by regression of detection on concentration (LOD95).

Sources: Finney, Probit Analysis, 3rd ed. 1971; Forootan et al., Biomol Detect Quantif 2017;12:1-6; Klymus et al., Environmental DNA
2020;2:271-282. The limit of quantification is in :mod:`correlates.stats.quantification`, limits from control wells in
:mod:`correlates.stats.blank`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy import special

from correlates.stats.arrays import Floats, Ints
from correlates.stats.calibration import invert_line

__all__ = ["DetectionLimit", "Link", "NoLimit", "detection_limit", "detection_probability"]

_ROUNDS = 200
_HALVINGS = 34
_FLAT = 1e-9  # rise of the link over the tested range that is rounding
_FAR = 30.0  # of the link: beyond, detection is certain or impossible to the last digit


class Link(StrEnum):
    """Shape of the detection curve on log10 concentration.

    ``cloglog`` with a slope of ln 10 is detection by the first molecule: 1 - exp(-f c), f the share of molecules that amplify.
    """

    PROBIT = "probit"
    LOGIT = "logit"
    CLOGLOG = "cloglog"


class NoLimit(StrEnum):
    """Why a limit of detection is undefined."""

    FEW_LEVELS = "too-few-levels"
    NOWHERE = "detected-nowhere"
    EVERYWHERE = "detected-everywhere"
    SEPARATED = "detection-all-or-nothing"
    DECREASING = "detection-not-increasing"
    NOT_CONVERGED = "not-converged"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionLimit:
    """Concentration detected with a given probability (LOD95), from replicates at known concentrations.

    Attributes
    ----------
    level, tested, detected
        (k,) distinct concentrations, rising, with their replicates summed.
    intercept, slope, intercept_se, slope_se, covariance
        Of link(probability of detection) on log10 concentration; maximum likelihood, expected information.
    limit, log10_se
        The concentration, and the delta-method standard error of its log10.
    reduced
        The concentration with its bias reduced (see Notes of :func:`detection_limit`); None where ``limit`` is, or where the
        reduced fit does not settle or has no rise.
    delta, fieller
        Intervals of the concentration; Fieller's is (0, inf) when ``g`` >= 1: the slope is not shown to differ from 0.
    extrapolated
        Whether the limit lies outside the tested concentrations.
    deviance, deviance_p, pearson, pearson_p, df
        Goodness of fit; the P values are None without degrees of freedom. Small P: the curve does not describe the data.
    dispersion
        Factor by which variances were multiplied: 1, or max(1, pearson/df) when heterogeneity was asked for.
    rule
        Lowest tested concentration that, and above which every one, was detected in at least that share of its replicates.
    none_up_to, all_from
        The highest concentration up to which nothing was detected, and the lowest from which everything was; None if there is none.
    why
        Why the limit is None; ``rule``, ``none_up_to`` and ``all_from`` are given nevertheless.
    """

    link: Link
    probability: float
    confidence: float
    level: Floats
    tested: Ints
    detected: Ints
    intercept: float | None
    slope: float | None
    intercept_se: float | None
    slope_se: float | None
    covariance: float | None
    limit: float | None
    reduced: float | None
    log10_se: float | None
    delta: tuple[float, float] | None
    fieller: tuple[float, float] | None
    g: float | None
    extrapolated: bool
    deviance: float | None
    deviance_p: float | None
    pearson: float | None
    pearson_p: float | None
    df: int
    dispersion: float
    rule: float | None
    none_up_to: float | None
    all_from: float | None
    why: NoLimit | None


def detection_limit(
    concentration: npt.ArrayLike,
    tested: npt.ArrayLike,
    detected: npt.ArrayLike,
    *,
    link: Link | str = Link.PROBIT,
    probability: float = 0.95,
    confidence: float = 0.95,
    heterogeneity: bool = False,
) -> DetectionLimit:
    """Limit of detection by binomial regression of detection on log10 concentration.

    Parameters
    ----------
    concentration
        (m,) known concentrations, positive (copies per reaction, say); blanks do not belong here. Rows of one concentration are
        added up.
    tested, detected
        (m,) replicates, and those detected.
    link
        See :class:`Link`.
    probability
        Detection probability that defines the limit.
    confidence
        Level of the intervals.
    heterogeneity
        Multiply variances by max(1, Pearson chi-square/df) and use Student's t with df, for replicates that vary more than
        binomially between levels (Finney 1971). Needs degrees of freedom; without any it changes nothing.

    Raises
    ------
    ValueError
        Counts that cannot be, concentrations that are not positive, or shapes that do not agree.

    Notes
    -----
    Fisher scoring with step halving. limit = 10^((link(probability) - a)/b); Fieller's interval holds its level also when the slope
    is poorly known, the delta interval is too short above.

    With few replicates the slope is too steep on average and the limit too low. ``reduced`` takes the bias of first order of the
    coefficients away by adjusting their score, by half of h mu''/mu' in each level (Firth, Biometrika 1993;80:27; h the leverages; for
    any link Kosmidis & Firth, Biometrika 2009;96:793), and then that of their quotient: with the centre m = -Cov(a, b)/Var(b), at
    which level and slope are uncorrelated, log10 limit = m + ((link(probability) - a)/b - m)/(1 + Var(b)/b^2).

    Undefined with fewer than two concentrations, when all or no replicates were detected, when detection is all or nothing
    (no two concentrations overlap, the slope is infinite: the limit is only bracketed, by ``none_up_to`` and ``all_from``), and
    when detection does not rise with concentration.
    """
    of = Link(link)
    if not (0 < probability < 1 and 0 < confidence < 1):
        raise ValueError("probability and confidence must lie between 0 and 1")
    level, n, k = _levels(concentration, tested, detected)
    rule, none_up_to, all_from = _empirical(level, n, k, probability)
    df = max(len(level) - 2, 0)
    why = _unfit(level, n, k)
    fit = _fit(np.log10(level), n, k, of) if why is None else None
    if why is None and fit is None:
        why = NoLimit.NOT_CONVERGED
    if fit is not None and fit.slope * np.log10(level[-1] / level[0]) <= _FLAT:
        why = NoLimit.DECREASING
    if fit is None or why is not None:
        return DetectionLimit(
            link=of, probability=probability, confidence=confidence, level=level, tested=n, detected=k, intercept=None,
            slope=None, intercept_se=None, slope_se=None, covariance=None, limit=None, reduced=None, log10_se=None, delta=None,
            fieller=None, g=None, extrapolated=False, deviance=None, deviance_p=None, pearson=None, pearson_p=None,
            df=df, dispersion=1.0, rule=rule, none_up_to=none_up_to, all_from=all_from, why=why,
        )  # fmt: skip
    upper_share = (1.0 + confidence) / 2.0
    spread_more = heterogeneity and df > 0
    dispersion = max(1.0, fit.pearson / df) if spread_more else 1.0
    quantile = float(special.stdtrit(df, upper_share) if spread_more else special.ndtri(upper_share))
    cov = fit.covariance * dispersion

    def one(value: float) -> Floats:
        return np.array([value])

    found = invert_line(
        one(_link(probability, of)),
        one(0.0),
        intercept=one(fit.intercept),
        slope=one(fit.slope),
        var_intercept=cov[0, :1],
        covariance=cov[0, 1:],
        var_slope=cov[1, 1:],
        quantile=one(quantile),
    )
    x = float(found.x[0])
    return DetectionLimit(
        link=of,
        probability=probability,
        confidence=confidence,
        level=level,
        tested=n,
        detected=k,
        intercept=fit.intercept,
        slope=fit.slope,
        intercept_se=float(np.sqrt(cov[0, 0])),
        slope_se=float(np.sqrt(cov[1, 1])),
        covariance=float(cov[0, 1]),
        limit=_power(x),
        reduced=_reduced(np.log10(level), n, k, of, _link(probability, of)),
        log10_se=float(found.se[0]),
        delta=(_power(found.delta_lower[0]), _power(found.delta_upper[0])),
        fieller=(_power(found.fieller_lower[0]), _power(found.fieller_upper[0])),
        g=float(found.g[0]),
        extrapolated=not np.log10(level[0]) <= x <= np.log10(level[-1]),
        deviance=fit.deviance,
        deviance_p=float(special.chdtrc(df, fit.deviance)) if df else None,
        pearson=fit.pearson,
        pearson_p=float(special.chdtrc(df, fit.pearson)) if df else None,
        df=df,
        dispersion=dispersion,
        rule=rule,
        none_up_to=none_up_to,
        all_from=all_from,
        why=None,
    )


def detection_probability(fit: DetectionLimit, concentration: npt.ArrayLike) -> Floats:
    """Probability of detection of a fitted curve.

    Parameters
    ----------
    fit
        A curve that could be fitted.
    concentration
        (m,) positive concentrations.

    Raises
    ------
    ValueError
        No curve was fitted.
    """
    if fit.intercept is None or fit.slope is None:
        raise ValueError(f"no curve was fitted: {fit.why}")
    eta = fit.intercept + fit.slope * np.log10(np.asarray(concentration, dtype=np.float64))
    return np.exp(_logs(eta, fit.link)[0])


def _power(log10: float) -> float:
    """10^x; infinity beyond the range of floats."""
    with np.errstate(over="ignore"):
        return float(np.float64(10.0) ** np.float64(log10))


def _levels(concentration: npt.ArrayLike, tested: npt.ArrayLike, detected: npt.ArrayLike) -> tuple[Floats, Ints, Ints]:
    c = np.asarray(concentration, dtype=np.float64)
    n, k = np.asarray(tested), np.asarray(detected)
    if c.ndim != 1 or not c.shape == n.shape == k.shape:
        raise ValueError(f"all must be (m,), found {c.shape}, {n.shape} and {k.shape}")
    if not ((c > 0) & np.isfinite(c)).all():
        raise ValueError("concentrations must be positive; blanks belong to stats.blank")
    if not ((n >= 1) & (k >= 0) & (k <= n) & (n == np.rint(n)) & (k == np.rint(k))).all():
        raise ValueError("counts must be whole, with 0 <= detected <= tested and tested >= 1")
    level, index = np.unique(c, return_inverse=True)
    return (
        level,
        np.bincount(index, weights=n, minlength=len(level)).astype(np.int64),
        np.bincount(index, weights=k, minlength=len(level)).astype(np.int64),
    )


def _empirical(level: Floats, n: Ints, k: Ints, probability: float) -> tuple[float | None, float | None, float | None]:
    """The rule's level, the highest with nothing up to it and the lowest with everything from it."""

    def lowest(holds: npt.NDArray[np.bool_]) -> float | None:
        onward = np.logical_and.accumulate(holds[::-1])[::-1]
        return float(level[onward][0]) if onward.any() else None

    nothing = np.logical_and.accumulate(k == 0)
    return (
        lowest(k >= probability * n - 1e-9),
        float(level[nothing][-1]) if nothing.any() else None,
        lowest(k == n),
    )


def _unfit(level: Floats, n: Ints, k: Ints) -> NoLimit | None:
    """Whether the likelihood has no maximum with a finite, positive slope, as far as the counts alone tell."""
    if len(level) < 2:
        return NoLimit.FEW_LEVELS
    hit, missed = level[k > 0], level[k < n]
    if len(hit) == 0:
        return NoLimit.NOWHERE
    if len(missed) == 0:
        return NoLimit.EVERYWHERE
    if missed.max() <= hit.min():
        return NoLimit.SEPARATED
    return NoLimit.DECREASING if hit.max() <= missed.min() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    intercept: float
    slope: float
    covariance: Floats
    deviance: float
    pearson: float


def _link(p: float, link: Link) -> float:
    if link is Link.PROBIT:
        return float(special.ndtri(p))
    return float(special.logit(p)) if link is Link.LOGIT else float(np.log(-np.log1p(-p)))


def _logs(eta: Floats, link: Link) -> tuple[Floats, Floats, Floats]:
    """Logarithms of the probability of detection, of its complement, and of the slope of the curve."""
    if link is Link.PROBIT:
        return special.log_ndtr(eta), special.log_ndtr(-eta), -0.5 * eta * eta - 0.5 * np.log(2.0 * np.pi)
    if link is Link.LOGIT:
        yes, no = special.log_expit(eta), special.log_expit(-eta)
        return yes, no, yes + no
    rate = np.exp(np.clip(eta, -700.0, 700.0))
    # for a rate near 0 its logarithm, to the last digit, is that of the probability
    return np.where(eta < -40.0, eta, np.log(-np.expm1(-rate))), -rate, eta - rate


def _fit(x: Floats, n: Ints, k: Ints, link: Link) -> _Fit | None:
    """Binomial regression on x; None where it does not settle.

    Newton's steps; expected information in place of the observed one (scoring) steps to and fro where a level with most of the
    replicates contradicts its neighbours, but serves far from the maximum, where the observed one is lost to rounding.
    """
    centre = float(x.mean())
    design = np.stack((np.ones_like(x), x - centre), axis=1)
    share = (k + 0.5) / (n + 1.0)
    start = np.array([_link(float(p), link) for p in share])
    weight = np.sqrt(n * share * (1.0 - share))
    beta = np.linalg.lstsq(design * weight[:, None], start * weight, rcond=None)[0]

    def deviance(at: Floats) -> float:
        return _deviance(design @ at, n, k, link)

    best = deviance(beta)
    for _ in range(_ROUNDS):
        yes, no, steep = _logs(design @ beta, link)
        up, down = np.exp(steep - yes), np.exp(steep - no)
        score = design.T @ (k * up - (n - k) * down)
        information = design.T @ (design * (n * up * down)[:, None])
        observed = design.T @ (design * _curvature(design @ beta, n, k, link)[:, None])
        found = _descend(observed, score, beta, best, deviance) or _descend(information, score, beta, best, deviance)
        if found is None:
            return None
        step, beta, best = found
        if (np.abs(step) <= 1e-12 * (1.0 + np.abs(beta))).all():
            return _finish(beta, information, design, centre, n, k, link)
    return None


def _descend(
    matrix: Floats, score: Floats, beta: Floats, best: float, deviance: Callable[[Floats], float]
) -> tuple[Floats, Floats, float] | None:
    """The whole step, where it leads when halved until the deviance does not rise, and the deviance there."""
    try:
        step: Floats = np.linalg.solve(matrix, score).astype(np.float64, copy=False)
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(step).all():
        return None
    for halved in range(_HALVINGS):
        there = beta + step / 2.0**halved
        if (tried := deviance(there)) <= best + 1e-12 * (1.0 + best):
            return step, there, min(tried, best)
    return None


def _curvature(eta: Floats, n: Ints, k: Ints, link: Link) -> Floats:
    """Minus the second derivative of the log likelihood of each level by eta; the three links are log-concave on both sides."""
    yes, no, steep = _logs(eta, link)
    bend = _bend(eta, link)
    with np.errstate(over="ignore", invalid="ignore"):
        up, down = np.exp(steep - yes), np.exp(steep - no)
        made: Floats = np.where(k > 0, k * up * (up - bend), 0.0) + np.where(k < n, (n - k) * down * (down + bend), 0.0)
    return np.maximum(made, 0.0)


def _bend(eta: Floats, link: Link) -> Floats:
    """Derivative by eta of the logarithm of the slope of the curve."""
    if link is Link.PROBIT:
        return -eta
    if link is Link.LOGIT:
        return np.asarray(special.expit(-eta) - special.expit(eta), dtype=np.float64)
    return np.asarray(1.0 - np.exp(np.minimum(eta, 700.0)), dtype=np.float64)


def _finish(beta: Floats, information: Floats, design: Floats, centre: float, n: Ints, k: Ints, link: Link) -> _Fit:
    yes, no, _ = _logs(design @ beta, link)
    back = np.array([[1.0, -centre], [0.0, 1.0]])
    # where all or none were detected the square cancels against the variance, which may be 0 to the last digit
    odds = np.where(k == 0, yes - no, np.where(k == n, no - yes, 0.0))
    partly = (k > 0) & (k < n)
    residual = np.where(partly, k * np.exp(no) - (n - k) * np.exp(yes), 0.0)  # detected less expected
    variance = np.where(partly, n * np.exp(yes + no), 1.0)
    pearson = np.where(partly, residual**2 / variance, n * np.exp(odds))
    return _Fit(
        intercept=float(beta[0] - beta[1] * centre),
        slope=float(beta[1]),
        covariance=back @ np.linalg.inv(information) @ back.T,
        deviance=_deviance(design @ beta, n, k, link),
        pearson=float(pearson.sum()),
    )


def _deviance(eta: Floats, n: Ints, k: Ints, link: Link) -> float:
    yes, no, _ = _logs(eta, link)
    at = special.xlogy(k, k / n) + special.xlogy(n - k, (n - k) / n)
    with np.errstate(invalid="ignore"):
        made = 2.0 * (at - np.where(k > 0, k * yes, 0.0) - np.where(k < n, (n - k) * no, 0.0)).sum()
    return float(made) if np.isfinite(made) else np.inf


def _reduced(x: Floats, n: Ints, k: Ints, link: Link, at: float) -> float | None:
    """The limit with its bias reduced: see :func:`detection_limit`."""
    centre = float(x.mean())
    design = np.stack((np.ones_like(x), x - centre), axis=1)
    share = (k + 0.5) / (n + 1.0)
    weight = np.sqrt(n * share * (1.0 - share))
    start = np.array([_link(float(p), link) for p in share])
    beta = np.linalg.lstsq(design * weight[:, None], start * weight, rcond=None)[0]
    for _ in range(_ROUNDS):
        eta = np.clip(design @ beta, -_FAR, _FAR)
        yes, no, steep = _logs(eta, link)
        up, down = np.exp(steep - yes), np.exp(steep - no)
        information = design.T @ (design * (n * up * down)[:, None])
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1.0 / np.finfo(np.float64).eps:
            return None
        covariance = np.linalg.inv(information)
        leverage = n * up * down * np.einsum("ij,jk,ik->i", design, covariance, design)
        score = k * up - (n - k) * down + leverage * _bend(eta, link) / 2.0
        step = covariance @ (design.T @ score)
        step = step / max(1.0, float(np.abs(step).max()))  # far from the root a step of scoring can lead astray
        beta = beta + step
        if (np.abs(step) <= 1e-10 * (1.0 + np.abs(beta))).all():
            break
    else:
        return None
    slope = float(beta[1])
    if slope * (x[-1] - x[0]) <= _FLAT:
        return None
    middle = -covariance[0, 1] / covariance[1, 1]
    away = (at - beta[0]) / slope - middle
    return _power(centre + middle + away / (1.0 + covariance[1, 1] / slope**2))
