"""Four- and five-parameter logistic calibration curves: fit, choice, inverse and its interval, many curves at once.

    y = D + (A - D) / (1 + (x / C)^B)^G        G = 1 is the 4PL

The same curve in other notations:

- xPONENT, A' + B' / (1 + (x / C')^D')^F':  A' = D, B' = A - D, C' = C, D' = B, F' = G.
- Simple Plex: the same letters. SoftMax Pro and Gottschalk-Dunn: a = A, b = B, c = C, d = D, g = G.
- drc LL.5, c + (d - c) / (1 + exp(b (log x - log e)))^f:  b = B, c = D, d = A, e = C, f = G.

A is the response at zero dose where B > 0 and at infinite dose where B < 0; D is the other. In the 4PL the two signs of B are one
curve; in the 5PL they are two families: the factor G acts at the far end (B > 0) or at the near end (B < 0) of the curve.

References
----------
Gottschalk PG, Dunn JR. Anal Biochem 2005;343:54-65 (five parameters). Davidian M, Giltinan DM. Nonlinear Models for Repeated
Measurement Data, 1995, chapter 2 (variance functions, generalised least squares) and section 10.2 (calibration).
O'Connell MA, Belanger BA, Haaland PD. Chemom Intell Lab Syst 1993;20:97-114 (calibration of immunoassays by the delta method).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, where
from correlates.stats.logistic_fit import Power, Variance, jacobian, raised, solve

Model = Literal["4PL", "5PL", "auto"]
Weight = Literal["1/y2", "1/y", "none"]
Family = Literal["negative", "positive", "either"]
"""Sign of B: that of drc, xPONENT and Bio-Plex, that of Simple Plex and SoftMax Pro, or whichever fits noticeably better."""

_POWER = {"1/y2": 2.0, "1/y": 1.0, "none": 0.0}
_NOTICEABLE = 2.0  # difference of AICc


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticCurves:
    """Fitted curves, n of them. NaN where a quantity is undefined: everything of a curve with too few points.

    Attributes
    ----------
    parameters
        (n, 5) A, B, C, D, G; G = 1 in a 4PL.
    n_parameters
        (n,) 4 or 5.
    root
        (n, 5, 5) R with R R' the covariance of base, log abs(B), log C, log abs(K), log G, where base is the response at zero dose
        and K what is added to it at infinite dose.
    sigma
        (n,) residual standard deviation: of the signal (weight none) or relative to its power (1/y: of y/sqrt(f), 1/y2: of y/f).
    df
        (n,) residual degrees of freedom: points less parameters.
    rss
        (n,) weighted residual sum of squares.
    aicc
        (n,) corrected Akaike criterion of the normal likelihood with this variance function; infinite without degrees of freedom.
    r_squared
        (n,) 1 - rss / weighted sum of squares about the weighted mean.
    n_points
        (n,) points used.
    converged
        (n,) whether a full Gauss-Newton step would gain less than 1e-13 of the objective.
    fitted
        (n, m) response at the doses; NaN where there is no point.
    power
        (n,) of the variance function: the signal's variance is sigma^2 f^power.
    """

    parameters: Floats
    n_parameters: Ints
    root: Floats
    sigma: Floats
    df: Ints
    rss: Floats
    aicc: Floats
    r_squared: Floats
    n_points: Ints
    converged: Bools
    fitted: Floats
    power: Floats

    @property
    def covariance(self) -> Floats:
        """(n, 5, 5) Gauss-Newton covariance of A, B, C, D, G; zero for the G of a 4PL."""
        a, b, c, d, g = self.parameters.T
        up = b > 0  # then A is the response at zero dose
        natural = np.empty_like(self.root)
        far = self.root[:, 0] + self.root[:, 3] * where(up, d - a, a - d)[:, None]
        natural[:, 0] = where(up[:, None], self.root[:, 0], far)
        natural[:, 3] = where(up[:, None], far, self.root[:, 0])
        for row, value in ((1, b), (2, c), (4, g)):
            natural[:, row] = self.root[:, row] * value[:, None]
        return np.asarray(natural @ natural.transpose(0, 2, 1), dtype=np.float64)

    @property
    def asymptotes(self) -> tuple[Floats, Floats]:
        """(n, 2) responses at zero and at infinite dose, and their standard errors."""
        a, b, _, d, _ = self.parameters.T
        ends = np.stack([where(b > 0, a, d), where(b > 0, d, a)], axis=1)
        far = self.root[:, 0] + self.root[:, 3] * (ends[:, 1] - ends[:, 0])[:, None]
        squares = np.stack([(self.root[:, 0] ** 2).sum(axis=1), (far**2).sum(axis=1)], axis=1)
        return ends, np.asarray(np.sqrt(squares), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class InversePrediction:
    """Doses read off the curve. ``side``: -1 at or beyond the response at zero dose, +1 at or beyond that at infinite dose.

    ``dose`` is NaN where ``side`` is not 0 or there is no curve; ``se`` (of the dose), ``lower`` and ``upper`` are NaN too where the curve has no
    covariance.
    """

    dose: Floats
    se: Floats
    lower: Floats
    upper: Floats
    side: Ints


def response(parameters: Floats, dose: Floats) -> Floats:
    """Response at a dose. Parameters (..., 5) and doses broadcast against each other's leading axes."""
    a, b, c, d, g = np.moveaxis(np.asarray(parameters, dtype=np.float64), -1, 0)
    with np.errstate(divide="ignore"):
        z = b * (np.log(dose) - np.log(c))
    return np.asarray(d + (a - d) * np.exp(-g * np.logaddexp(0.0, z)), dtype=np.float64)


def inverse(parameters: Floats, signal: Floats) -> tuple[Floats, Ints]:
    """Dose at a response, C ((( A - D)/(y - D))^(1/G) - 1)^(1/B), and the side it lies on (see :class:`InversePrediction`).

    Undefined when the response is not strictly between the asymptotes: the dose is NaN. The side is 0 where it lies on neither: between
    the asymptotes, or without a curve or a response (NaN).
    """
    a, b, c, d, g = np.moveaxis(np.asarray(parameters, dtype=np.float64), -1, 0)
    y = np.asarray(signal, dtype=np.float64)
    a, b, c, d, g, y = np.broadcast_arrays(a, b, c, d, g, y)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = (y - d) / (a - d)
        decay = -np.log(share) / g
        z = decay + np.log(-np.expm1(-decay))  # log(expm1(decay)), which overflows where G is small
        dose = c * np.exp(z / b)
    inside = (share > 0) & (share < 1) & (dose > 0) & np.isfinite(dose)
    near_a = share >= 0.5
    side = np.where(inside | np.isnan(share), 0, np.where(near_a == (b > 0), -1, 1))
    return where(inside, dose, np.nan), np.asarray(side, dtype=np.int64)


def fit_logistic(
    dose: npt.ArrayLike,
    signal: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    model: Model = "5PL",
    weight: Weight = "1/y2",
    power: npt.ArrayLike | None = None,
    variance: Literal["fitted", "observed"] = "fitted",
    family: Family = "either",
) -> LogisticCurves:
    """Weighted least squares of logistic curves, all in one batch.

    Parameters
    ----------
    dose, signal
        (n, m) n curves of at most m points, or (m,) for one curve. Doses above 0.
    present
        (n, m) which points there are; all, when not given. Points at dose 0 and, with a weight, at a signal of 0 or below are not
        allowed: leave them out.
    model
        ``auto`` takes for each curve the 5PL where its AICc is lower, else the 4PL.
    weight
        ``1/y2`` for a constant coefficient of variation, ``1/y`` for counting noise, ``none``.
    power
        (n,) weights 1/y^power of each curve, power 0 to 4, in place of ``weight`` (see :mod:`correlates.stats.variance_function`).
    variance
        ``fitted``: y in the weight is the fitted signal, found jointly with the curve (generalised least squares; consistent).
        ``observed``: y is the observed signal, as drc and most instrument software take it; low signals then weigh more than high
        ones of the same level, which pulls the curve down by about 2 CV^2.
    family
        Of a 5PL. ``either`` takes ``negative`` unless the AICc of ``positive`` is lower by more than 2.

    Returns
    -------
    LogisticCurves
        NaN throughout for a curve with fewer distinct doses than parameters, or whose signals are all equal.

    Notes
    -----
    Minimises sum w (y - f)^2 by Levenberg-Marquardt with the analytic Jacobian from the best of a grid of starting values, at
    which A and D have a closed form. Covariance sigma^2 (J'WJ)^-1 with sigma^2 = rss / df.
    """
    x, y, there = _checked(dose, signal, present, weight if power is None else "power")
    powers = _powers(power, weight, y.shape[0])
    if model == "4PL":
        return _fit(x, y, there, 4, -1, powers, variance)
    signs = (-1, 1) if family == "either" else ((-1,) if family == "negative" else (1,))
    best = _fit(x, y, there, 5, signs[0], powers, variance)
    for sign in signs[1:]:
        other = _fit(x, y, there, 5, sign, powers, variance)
        best = _pick(best, other, _preferred(other, best, _NOTICEABLE))
    if model == "auto":
        four = _fit(x, y, there, 4, -1, powers, variance)
        best = _pick(four, best, _preferred(best, four, 0.0))
    return best


def refit(
    curves: LogisticCurves,
    dose: npt.ArrayLike,
    signal: npt.ArrayLike,
    present: npt.ArrayLike,
    *,
    power: npt.ArrayLike,
) -> LogisticCurves:
    """Curves fitted again with other weights, each from where it is and in the model and family it has.

    Parameters
    ----------
    curves
        Of :func:`fit_logistic`, of the same points.
    dose, signal, present, power
        As there.

    Notes
    -----
    A fraction of the time of a fit from a grid of starts, for weights that are sought in turn with the curves. What is reported is
    fitted by :func:`fit_logistic`.
    """
    x, y, there = _checked(dose, signal, present, "power")
    powers = _powers(power, "none", y.shape[0])
    known = np.isfinite(curves.parameters).all(axis=1)
    made = curves
    for free, sign in ((4, -1), (5, -1), (5, 1)):
        mine = np.flatnonzero(known & (curves.n_parameters == free) & (np.sign(curves.parameters[:, 1]) == sign))
        if mine.size:
            near = curves.parameters[mine]
            part = _fit(x[mine], y[mine], there[mine], free, sign, powers[mine], "fitted", near)
            made = replaced(made, mine, part)
    return made


def replaced(curves: LogisticCurves, index: Ints, part: LogisticCurves) -> LogisticCurves:
    """The curves with those of the index replaced."""
    columns = {}
    for field in fields(LogisticCurves):
        column = getattr(curves, field.name).copy()
        column[index] = getattr(part, field.name)
        columns[field.name] = column
    return LogisticCurves(**columns)


def predict_dose(
    curves: LogisticCurves,
    index: npt.ArrayLike,
    signal: npt.ArrayLike,
    replicates: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> InversePrediction:
    """Inverse prediction: the dose at the mean signal of replicates, with its interval.

    Parameters
    ----------
    curves
        The calibrations.
    index
        (k,) which curve each signal is read off.
    signal
        (k,) mean signal.
    replicates
        (k,) number of wells in the mean; infinite leaves out the noise of the signal.
    confidence
        Level of the interval.

    Notes
    -----
    Delta method on the log dose u = log x: var(u) = [sigma^2 f^p / m + g' V g] / (df/du)^2 with V the covariance of the
    parameters and g the gradient of the response by them; u -/+ t(df) se(u). On the log scale the interval cannot be negative and
    is not symmetric about the dose, as the sampling distribution is not. ``se`` is x se(u), the delta standard error of the dose.
    """
    from scipy.special import stdtrit

    i = np.asarray(index, dtype=np.int64)
    y, m = np.asarray(signal, dtype=np.float64), np.asarray(replicates, dtype=np.float64)
    parameters = curves.parameters[i]
    x, side = inverse(parameters, y)
    inside = np.isfinite(x)
    se = _log_dose_se(curves, i, where(inside, x, parameters[:, 2]), y, m)
    with np.errstate(invalid="ignore", over="ignore"):
        half = stdtrit(np.maximum(curves.df[i], 1), 0.5 + confidence / 2.0) * se
        lower, upper = x * np.exp(-half), x * np.exp(half)
    known = inside & np.isfinite(se) & np.isfinite(upper) & (curves.df[i] > 0)
    return InversePrediction(
        dose=x,
        se=where(known, x * se, np.nan),
        lower=where(known, lower, np.nan),
        upper=where(known, upper, np.nan),
        side=side,
    )


def precision_profile(curves: LogisticCurves, dose: npt.ArrayLike, replicates: npt.ArrayLike) -> Floats:
    """Predicted coefficient of variation of the concentration, percent: 100 se(log dose) of :func:`predict_dose` at true doses.

    Parameters
    ----------
    curves
        n calibrations.
    dose
        (n, m) doses above 0.
    replicates
        (n,) wells in the mean that is read off.

    Returns
    -------
    Floats
        (n, m); NaN where the curve has no covariance.

    References
    ----------
    O'Connell et al. 1993 (precision profile).
    """
    x = np.asarray(dose, dtype=np.float64)
    n, m = x.shape
    index = np.repeat(np.arange(n), m)
    wells = np.repeat(np.asarray(replicates, dtype=np.float64), m)
    mean = response(curves.parameters[index], x.ravel())
    return 100.0 * _log_dose_se(curves, index, x.ravel(), mean, wells).reshape(n, m)


def _log_dose_se(curves: LogisticCurves, index: Ints, dose: Floats, signal: Floats, replicates: Floats) -> Floats:
    """Delta standard error of the log dose that a mean of replicates is read off at, (k,)."""
    gradient, slope = _gradient(curves.parameters[index], dose)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        curve = (np.einsum("kij,ki->kj", curves.root[index], gradient) ** 2).sum(axis=1)
        noise = curves.sigma[index] ** 2 * raised(np.abs(signal), _common(curves.power[index])) / replicates
        return np.asarray(np.sqrt(curve + noise) / np.abs(slope), dtype=np.float64)


def design(curves: LogisticCurves, index: npt.ArrayLike, dose: Floats) -> Floats:
    """(k, m, 5) derivatives of the responses at doses (k, m) of the curves ``index``, by the parameters of ``root``."""
    theta, sign, rise = _theta(curves.parameters[np.asarray(index, dtype=np.int64)])
    return jacobian(theta, np.log(dose).T, sign, rise, 5)[1].transpose(2, 1, 0)


def _theta(parameters: Floats) -> tuple[Floats, Floats, Floats]:
    """The solver's parameters (5, k), the sign of B and the sign of the rise."""
    a, b, c, d, g = where(np.isfinite(parameters), parameters, 1.0).T
    base, rise = where(b > 0, a, d), where(b > 0, d - a, a - d)
    with np.errstate(divide="ignore"):
        theta = np.stack([base, np.log(np.abs(b)), np.log(c), np.log(np.abs(rise)), np.log(g)])
    return theta, np.sign(b), np.sign(rise)


def _gradient(parameters: Floats, dose: Floats) -> tuple[Floats, Floats]:
    """(k, 5) derivative of the response by the parameters of ``root``, and (k,) by log dose."""
    theta, sign, rise = _theta(parameters)
    at = np.log(where(np.isfinite(dose), dose, 1.0))
    partial = jacobian(theta, at[None, :], sign, rise, 5)[1][:, 0, :]
    return partial.T, -partial[2]


def _checked(
    dose: npt.ArrayLike, signal: npt.ArrayLike, present: npt.ArrayLike | None, weight: str
) -> tuple[Floats, Floats, Bools]:
    x = np.atleast_2d(np.asarray(dose, dtype=np.float64))
    y = np.atleast_2d(np.asarray(signal, dtype=np.float64))
    there = np.ones(y.shape, dtype=np.bool_) if present is None else np.atleast_2d(np.asarray(present, dtype=np.bool_))
    if x.ndim != 2 or x.shape != y.shape or there.shape != y.shape:
        raise ValueError(f"dose, signal and present must agree, found {x.shape}, {y.shape} and {there.shape}")
    if not (np.isfinite(x[there]).all() and np.isfinite(y[there]).all()):
        raise ValueError("dose or signal holds NaN or infinity among its present points")
    if (x[there] <= 0).any():
        raise ValueError("doses must be above 0; leave zero standards out")
    if weight != "none" and (y[there] <= 0).any():
        raise ValueError(f"signals must be above 0 with weight {weight}; leave the others out")
    return where(there, x, 1.0), where(there, y, 0.0), there


def _powers(power: npt.ArrayLike | None, weight: Weight, n: int) -> Floats:
    """Power of the variance function of each curve; next to 1 and 2 it is 1 and 2, where the formulas are exact."""
    if power is None:
        return np.full(n, _POWER[weight])
    powers = np.array(np.broadcast_to(np.asarray(power, dtype=np.float64), (n,)))
    if not ((powers >= 0) & (powers <= 4)).all():
        raise ValueError("powers of the variance function must lie between 0 and 4")
    for exact in (0.0, 1.0, 2.0):
        powers[np.abs(powers - exact) < 1e-6] = exact
    return powers


def _common(powers: Floats) -> Power:
    """One number where all curves have the same power, which is faster."""
    return float(powers[0]) if powers.size and (powers == powers[0]).all() else powers


def _fit(
    x: Floats,
    y: Floats,
    there: Bools,
    free: int,
    sign: int,
    powers: Floats,
    variance: Literal["fitted", "observed"],
    near: Floats | None = None,
) -> LogisticCurves:
    """One model and family for all curves: normalise, solve (from the parameters ``near``, where given), undo."""
    n, m = y.shape
    levels = _distinct(x, there)
    scale = np.abs(where(there, y, 0.0)).max(axis=1, initial=0.0)
    spread = where(there, y, -np.inf).max(axis=1, initial=-np.inf) - where(there, y, np.inf).min(axis=1, initial=np.inf)
    able = np.flatnonzero((levels >= free) & (scale > 0) & (spread > 1e-12 * scale))

    parameters, root = np.full((n, 5), np.nan), np.full((n, 5, 5), np.nan)
    fitted = np.full((n, m), np.nan)
    rss, r_squared, loglog = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    converged = np.zeros(n, dtype=np.bool_)
    count = there.sum(axis=1)
    df = np.maximum(count - free, 0)
    if able.size:
        use, unit = there[able].T, scale[able]
        log_x = np.log(x[able]).T
        centre = where(use, log_x, 0.0).sum(axis=0) / use.sum(axis=0)
        dose = where(use, log_x - centre, 0.0)
        signal = where(use, y[able].T / unit, 0.0)
        power = _common(powers[able])
        kind: Variance = "constant" if isinstance(power, float) and power == 0 else variance
        w = 1.0 / raised(where(use, signal, 1.0), power) if kind == "observed" else np.ones_like(signal)
        w = where(use, w, 0.0)
        signs = np.full(able.size, float(sign))
        begin = None if near is None else _begin(near[able], unit, centre, sign)
        solution = solve(dose, signal, w, signs, power=power, variance=kind, free=free, near=begin)
        theta = solution.theta
        found, partial = jacobian(theta, dose, signs, solution.rise, free)
        if kind == "fitted":
            w = where(use & (found > 0), 1.0 / raised(where(found > 0, found, 1.0), power), 0.0)
        residual = signal - found
        sums = (w * residual**2).sum(axis=0)
        mean = (w * signal).sum(axis=0) / w.sum(axis=0)
        total = (w * (signal - mean) ** 2).sum(axis=0)
        converged[able] = solution.converged
        rss[able] = sums * unit ** (2.0 - power)
        r_squared[able] = 1.0 - sums / total
        loglog[able] = -np.log(where(use, w, 1.0)).sum(axis=0) + power * use.sum(axis=0) * np.log(unit)
        fitted[able] = where(use, found * unit, np.nan).T
        with np.errstate(over="ignore"):
            base, far = theta[0] * unit, (theta[0] + solution.rise * np.exp(theta[3])) * unit
            ends = (far, base) if sign < 0 else (base, far)
            b, g = sign * np.exp(theta[1]), np.exp(theta[4])
            c = np.exp(theta[2] + centre)
        parameters[able] = np.stack([ends[0], b, c, ends[1], g], axis=1)
        root[able] = _root(partial * np.sqrt(w), sums, df[able], unit)
    bad = ~np.isfinite(parameters).all(axis=1)
    parameters[bad], fitted[bad], rss[bad], r_squared[bad], converged[bad] = np.nan, np.nan, np.nan, np.nan, False
    k = free + 1  # the parameters and sigma
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma = np.sqrt(rss / where(df > 0, df, np.nan))
        correction = where(count > k + 1, 2.0 * k * (k + 1) / np.maximum(count - k - 1, 1), np.inf)
        aicc = count * np.log(np.maximum(rss, 1e-300) / np.maximum(count, 1)) + loglog + 2.0 * k + correction
    return LogisticCurves(
        parameters=parameters,
        n_parameters=np.full(n, free, dtype=np.int64),
        root=root,
        sigma=sigma,
        df=df.astype(np.int64),
        rss=rss,
        aicc=where(np.isnan(rss), np.nan, aicc),
        r_squared=r_squared,
        n_points=count.astype(np.int64),
        converged=converged,
        fitted=fitted,
        power=powers,
    )


def _begin(parameters: Floats, unit: Floats, centre: Floats, sign: int) -> tuple[Floats, Floats]:
    """``rise`` and ``theta`` of the solver for known curves."""
    a, b, c, d, g = parameters.T
    base, far = (d, a) if sign < 0 else (a, d)
    theta = np.stack((base / unit, np.log(np.abs(b)), np.log(c) - centre, np.log(np.abs(far - base) / unit), np.log(g)))
    return np.sign(far - base), theta


def _root(design: Floats, rss: Floats, df: Ints, unit: Floats) -> Floats:
    """Residual sd times R^-1, of the QR factors of the weighted Jacobian (free, m, n), as (n, 5, 5); NaN where it is singular.

    Modified Gram-Schmidt on columns of length one: the condition number enters once, not squared as it would through J'WJ.
    """
    free, _, n = design.shape
    length = np.sqrt(np.einsum("pmn,pmn->pn", design, design))
    q = design / where(length > 0, length, 1.0)[:, None, :]
    upper = np.zeros((n, free, free))
    for i in range(free):
        norm = np.sqrt(np.einsum("mn,mn->n", q[i], q[i]))
        upper[:, i, i] = norm
        q[i] /= where(norm > 0, norm, 1.0)
        for j in range(i + 1, free):
            along = np.einsum("mn,mn->n", q[i], q[j])
            upper[:, i, j] = along
            q[j] -= along * q[i]
    sound = (np.einsum("nii->ni", upper) > 1e-13).all(axis=1) & (length > 0).all(axis=0) & (df > 0)
    upper[~sound] = np.eye(free)
    sigma = np.sqrt(rss / np.maximum(df, 1))
    root = np.zeros((n, 5, 5))
    root[:, :free, :free] = np.linalg.inv(upper) * (sigma[:, None] / where(length > 0, length, 1.0).T)[:, :, None]
    root[:, 0] *= unit[:, None]
    root[~sound] = np.nan
    return root


def _distinct(x: Floats, there: Bools) -> Ints:
    """Number of distinct doses of each curve."""
    ordered = np.sort(where(there, x, np.inf), axis=1)
    new = np.concatenate([np.ones((x.shape[0], 1), dtype=np.bool_), ordered[:, 1:] > ordered[:, :-1]], axis=1)
    return np.asarray((new & np.isfinite(ordered)).sum(axis=1), dtype=np.int64)


def _preferred(challenger: LogisticCurves, holder: LogisticCurves, margin: float) -> Bools:
    """Where the challenger is taken: it converged and the holder did not, or its AICc (or, without one, rss) is lower."""
    with np.errstate(invalid="ignore"):
        lower = challenger.aicc < holder.aicc - margin
        undefined = np.isinf(challenger.aicc) & np.isinf(holder.aicc)
        lower = where(undefined, challenger.rss < 0.5 * holder.rss, lower) > 0
    return np.asarray(challenger.converged & (lower | ~holder.converged), dtype=np.bool_)


def _pick(holder: LogisticCurves, challenger: LogisticCurves, take: Bools) -> LogisticCurves:
    """Curve by curve the challenger where ``take``, else the holder."""
    a, b = holder, challenger
    return LogisticCurves(
        parameters=where(take[:, None], b.parameters, a.parameters),
        n_parameters=np.where(take, b.n_parameters, a.n_parameters),
        root=where(take[:, None, None], b.root, a.root),
        sigma=where(take, b.sigma, a.sigma),
        df=np.where(take, b.df, a.df),
        rss=where(take, b.rss, a.rss),
        aicc=where(take, b.aicc, a.aicc),
        r_squared=where(take, b.r_squared, a.r_squared),
        n_points=a.n_points,
        converged=np.where(take, b.converged, a.converged),
        fitted=where(take[:, None], b.fitted, a.fitted),
        power=a.power,
    )
