"""Is a ratio right? A binary endpoint on the logarithms of numerator and denominator, against the endpoint on their ratio alone.

Model: logit P = a + b1 log N + b2 log D. The ratio N / D is the right summary where b1 + b2 = 0: equal and opposite. In general the model
depends on N / D^k alone, k = -b2 / b1 its exponent; k = 1 is the ratio, k = 0 the numerator alone, and infinite k the denominator alone.

The exponent is a ratio of coefficients: its confidence set is found on the half circle of directions (b1, b2) = r (cos t, sin t), k =
-tan t, as the directions whose profile likelihood (over a and r) is within the chi-square quantile of the maximum. The set may be an
interval of k, or what lies outside one (it runs through infinity), or everything: where neither coefficient is known to differ from
zero, the data do not say what the exponent is, and an interval from a formula for standard errors would hide that. The Wald version of
the same set is Fieller's.

Sources: Kronmal, J R Stat Soc A 1993;156:379-392 (ratios in regression). Fieller, JRSS B 1954;16:175-185. Cox and Hinkley, Theoretical
Statistics 1974, section 9.3 (profile likelihood). Firth, Biometrika 1993;80:27-38. Akaike, IEEE Trans Autom Control 1974;19:716-723.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri

from correlates.stats.arrays import Bools, Floats, membership
from correlates.stats.logistic import LogisticModel, Penalty, logistic_model, logistic_screen
from correlates.stats.logistic_likelihood import Batch, batch, maximise

_DIRECTIONS = 91  # two degrees each of the half circle
_BISECTIONS = 32


class Shape(StrEnum):
    """A confidence set of an exponent: an interval, all but an interval (through infinity), one side, or every number."""

    INTERVAL = "interval"
    BEYOND = "beyond"
    EVERYTHING = "everything"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponent:
    """A confidence set of the exponent.

    ``interval``: lower <= k <= upper. ``beyond``: k <= lower or k >= upper, infinity included. ``everything``: no limit. ``none``: more than
    one piece, or not computed.
    """

    shape: Shape
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One of the models compared, by maximum likelihood; None where the data are separated. ``terms`` counts its coefficients."""

    name: str
    terms: int
    log_likelihood: float | None
    aic: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioClaim:
    """What the data say of a ratio.

    ``model``: penalised logistic model on log numerator and log denominator (intercept first). ``sum_*``: of b1 + b2, which the claim says
    is 0: estimate, profile limits, and the penalised likelihood ratio with 1 df. ``exponent`` -b2 / b1 with its profile set and Fieller's.
    ``claim_p`` is the P that the exponent is 1, which is that of the sum; ``overall_p`` that neither matters (2 df). ``fits``: both, ratio,
    numerator, denominator, none.
    """

    model: LogisticModel
    sum_coefficient: float
    sum_lower: float
    sum_upper: float
    claim_chi_square: float
    claim_p: float
    overall_p: float | None
    exponent: float | None
    profile: Exponent
    fieller: Exponent
    fits: tuple[Fit, ...]

    def fit(self, name: str) -> Fit:
        """The model of that name. Raises KeyError for another."""
        for one in self.fits:
            if one.name == name:
                return one
        raise KeyError(name)


def ratio_claim(
    numerator: npt.ArrayLike, denominator: npt.ArrayLike, outcome: npt.ArrayLike, *, level: float = 0.95
) -> RatioClaim | None:
    """Test whether an endpoint depends on numerator and denominator through their ratio.

    Parameters
    ----------
    numerator, denominator
        (n,) logarithms, to one base.
    outcome
        (n,) true for an event.
    level
        Confidence level of all limits.

    Returns
    -------
    RatioClaim or None
        None where the two logarithms are collinear, constant or the model did not converge.

    Notes
    -----
    The coefficient of log D beside log N - log D is b1 + b2: the claim is one coefficient of a reparametrised model, tested as any other.
    Firth's penalty (of the full model throughout) keeps estimates finite under separation. AIC = 2 p - 2 l is of maximum likelihood.
    """
    top, bottom = (np.asarray(v, dtype=np.float64) for v in (numerator, denominator))
    if top.ndim != 1 or top.shape != bottom.shape:
        raise ValueError(f"numerator and denominator must be (n,), found {top.shape} and {bottom.shape}")
    events = membership(outcome, top.size)
    if top.size < 4 or events.all() or not events.any():
        return None
    top, bottom = top - top.mean(), bottom - bottom.mean()  # the penalised likelihood and both slopes do not move
    model = logistic_model(np.column_stack((top, bottom)), events, level=level)
    turned = logistic_model(np.column_stack((top - bottom, bottom)), events, level=level)
    if not (model.converged and turned.converged):
        return None
    b1, b2 = float(model.coefficient[1]), float(model.coefficient[2])
    return RatioClaim(
        model=model,
        sum_coefficient=float(turned.coefficient[2]),
        sum_lower=float(turned.lower[2]),
        sum_upper=float(turned.upper[2]),
        claim_chi_square=float(turned.chi_square[2]),
        claim_p=float(turned.p_value[2]),
        overall_p=model.model_p_value,
        exponent=None if b1 == 0 else -b2 / b1,
        profile=_profile(top, bottom, events, model, level),
        fieller=fieller(b1, b2, model.covariance[1:, 1:], level=level),
        fits=_fits(top, bottom, events),
    )


def fieller(b1: float, b2: float, covariance: Floats, *, level: float = 0.95) -> Exponent:
    """Fieller's confidence set of k = -b2 / b1: the k with (b2 + k b1)^2 <= z^2 Var(b2 + k b1).

    Parameters
    ----------
    b1, b2
        Coefficients of numerator and denominator.
    covariance
        (2, 2) of the two.
    level
        Confidence level.

    Examples
    --------
    >>> import numpy as np
    >>> found = fieller(1.0, -1.0, np.diag([0.01, 0.01]))
    >>> found.shape.value, round(found.lower, 3), round(found.upper, 3)
    ('interval', 0.754, 1.325)
    """
    z2 = float(ndtri(0.5 + level / 2.0)) ** 2
    v11, v12, v22 = float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])
    # A k^2 + 2 B k + C <= 0
    a, b, c = b1 * b1 - z2 * v11, b1 * b2 - z2 * v12, b2 * b2 - z2 * v22
    discriminant = b * b - a * c
    if discriminant <= 0:  # no real root: true for every k where a < 0; a > 0 cannot be, k = -b2 / b1 solves it
        return Exponent(shape=Shape.EVERYTHING, lower=None, upper=None)
    roots = sorted(((-b - np.sqrt(discriminant)) / a, (-b + np.sqrt(discriminant)) / a))
    shape = Shape.INTERVAL if a > 0 else Shape.BEYOND
    return Exponent(shape=shape, lower=float(roots[0]), upper=float(roots[1]))


def _profile(top: Floats, bottom: Floats, events: Bools, model: LogisticModel, level: float) -> Exponent:
    """The profile set: edges of the directions within the quantile, each found by bisection."""
    if model.log_likelihood is None:
        return Exponent(shape=Shape.NONE, lower=None, upper=None)
    drop = float(ndtri(0.5 + level / 2.0)) ** 2
    centre = float(np.arctan2(model.coefficient[2], model.coefficient[1]))
    grid = centre + np.linspace(0.0, np.pi, _DIRECTIONS)  # a half circle: the radius may be of either sign
    slopes = (float(model.coefficient[1]), float(model.coefficient[2]))
    far = _lost(top, bottom, events, grid, slopes, model)
    inside = far <= drop
    inside[0] = inside[-1] = True
    changes = np.flatnonzero(inside[1:] != inside[:-1])
    if changes.size == 0:
        return Exponent(shape=Shape.EVERYTHING, lower=None, upper=None)
    if changes.size != 2:
        return Exponent(shape=Shape.NONE, lower=None, upper=None)
    edges = np.empty(2)
    low, high = grid[changes].copy(), grid[changes + 1].copy()
    within = inside[changes]
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        same = (_lost(top, bottom, events, middle, slopes, model) <= drop) == within
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    edges = (low + high) / 2.0
    # outside the set: directions between the two edges; k = -tan t, increasing as t decreases
    ends = -np.tan(edges)
    first, second = float(edges[0]), float(edges[1])
    crosses = np.floor((second - np.pi / 2) / np.pi) != np.floor((first - np.pi / 2) / np.pi)
    # where the directions left out cross the vertical, infinite k is left out and the set is an interval
    shape = Shape.INTERVAL if crosses else Shape.BEYOND
    return Exponent(shape=shape, lower=float(ends.min()), upper=float(ends.max()))


def _lost(
    top: Floats, bottom: Floats, events: Bools, angles: Floats, slopes: tuple[float, float], model: LogisticModel
) -> Floats:
    """Twice the penalised log-likelihood lost along each direction, the penalty being of the full model (its two slopes and intercept)."""
    scale = float(np.sqrt((top**2).mean() + (bottom**2).mean()))
    along = (np.cos(angles)[:, None] * top + np.sin(angles)[:, None] * bottom) / scale
    across = (-np.sin(angles)[:, None] * top + np.cos(angles)[:, None] * bottom) / scale
    design = np.stack((np.ones(along.shape), along, across), axis=2)
    y = np.broadcast_to(events.astype(np.float64), along.shape)
    models: Batch = batch(design, y, np.ones(along.shape), firth=True)
    start = np.zeros((angles.size, 3))
    start[:, 0] = float(model.coefficient[0])
    start[:, 1] = (np.cos(angles) * slopes[0] + np.sin(angles) * slopes[1]) * scale
    held = maximise(models, start, np.array([True, True, False]))
    highest = float(model.log_likelihood or 0.0) - 2.0 * np.log(
        scale
    )  # log det of the information, its two slopes rescaled
    lost: Floats = np.where(held.converged, 2.0 * (highest - held.point.value), np.inf)
    return np.maximum(lost, 0.0)


def _fits(top: Floats, bottom: Floats, events: Bools) -> tuple[Fit, ...]:
    """The models that are compared, by maximum likelihood."""
    n, happened = events.size, int(events.sum())
    whole = logistic_model(np.column_stack((top, bottom)), events, penalty=Penalty.NONE)
    alone = logistic_screen(np.stack((top - bottom, top, bottom)), events, penalty=Penalty.NONE)
    null = happened * np.log(happened / n) + (n - happened) * np.log(1.0 - happened / n)
    single = [float(v) if fine else None for v, fine in zip(alone.log_likelihood, alone.converged, strict=True)]
    values = (whole.log_likelihood if whole.converged else None, *single, float(null))
    terms = (3, 2, 2, 2, 1)
    names = ("both", "ratio", "numerator", "denominator", "none")
    return tuple(
        Fit(name=name, terms=count, log_likelihood=value, aic=None if value is None else 2.0 * count - 2.0 * value)
        for name, count, value in zip(names, terms, values, strict=True)
    )


def likelihood_ratio_p(smaller: Fit, larger: Fit) -> float | None:
    """P of twice the log-likelihood gained by the larger of two nested models."""
    if smaller.log_likelihood is None or larger.log_likelihood is None or larger.terms <= smaller.terms:
        return None
    gained = max(2.0 * (larger.log_likelihood - smaller.log_likelihood), 0.0)
    return float(chdtrc(larger.terms - smaller.terms, gained))
