"""Two populations of one measured amplitude: a mixture of two normal laws, and the threshold between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Floats

__all__ = ["Mixture", "two_normals"]

_SHARPEST = 1e-4  # smallest standard deviation, as a share of the range: EM would otherwise collapse on one value


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A fitted mixture of two normal laws; the first is the lower one.

    Attributes
    ----------
    n
        Values.
    weight, mean, sd
        Share, mean and standard deviation of the lower and the upper population.
    log_likelihood, iterations, converged
        Of the fit.
    bic, bic_one
        Bayesian information criterion, -2 log likelihood + parameters x ln n, of the mixture and of one normal law.
    two
        Whether the mixture is better by it (``bic`` < ``bic_one``).
    separation
        Distance of the means in units of sqrt((sd^2 + sd^2)/2) (Ashman et al., Astron J 1994;108:2348; above 2 the
        populations stand apart). One skewed population is often better described by two close ones.
    threshold_posterior
        Where a value belongs to either population with probability 0.5, between the means; None where it does so nowhere.
    threshold_sd
        mean + k sd of the lower population.
    rain
        Values more than k sd above the lower population's mean and more than k sd below the upper's.
    """

    n: int
    weight: tuple[float, float]
    mean: tuple[float, float]
    sd: tuple[float, float]
    log_likelihood: float
    iterations: int
    converged: bool
    bic: float
    bic_one: float
    two: bool
    separation: float
    threshold_posterior: float | None
    threshold_sd: float
    rain: int


def two_normals(
    values: npt.ArrayLike, *, shared_sd: bool = False, k: float = 5.0, tolerance: float = 1e-8, most: int = 2000
) -> Mixture:
    """Fit a mixture of two normal laws by expectation and maximisation.

    Parameters
    ----------
    values
        (n,) amplitudes, not all the same.
    shared_sd
        One standard deviation for both populations instead of one each.
    k
        Standard deviations of ``threshold_sd`` and of ``rain``.
    tolerance, most
        The fit has converged when the mean log likelihood rises by less; and the most iterations.

    Raises
    ------
    ValueError
        NaN or infinity, fewer than five values, or a single value.

    Notes
    -----
    Dempster, Laird & Rubin, J R Stat Soc B 1977;39:1. Started from two splits, the middle of the range and the split that
    leaves the least variance within (Otsu, IEEE Trans Syst Man Cybern 1979;9:62); the fit of higher likelihood is kept, so
    that the result depends on nothing but the values. A standard deviation is at least 1e-4 of the range.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    if x.ndim != 1 or len(x) < 5 or not np.isfinite(x).all():
        raise ValueError("values must be (n,), at least five, without NaN or infinity")
    span = float(x[-1] - x[0])
    if span <= 0:
        raise ValueError("all values are the same: there is nothing to part")
    centre = float(x[0])
    scaled = (x - centre) / span
    fits = [_fit(scaled, split, shared_sd=shared_sd, tolerance=tolerance, most=most) for split in _starts(scaled)]
    weight, mean, sd, likelihood, iterations, converged = max(fits, key=lambda fit: fit[3])
    lower, upper = np.argsort(mean)
    n = len(x)
    likelihood -= n * float(np.log(span))
    variance = max(float(scaled.var()), _SHARPEST**2) * span**2
    one = -0.5 * n * (np.log(2.0 * np.pi * variance) + 1.0)
    weights = (float(weight[lower]), float(weight[upper]))
    means = (float(centre + span * mean[lower]), float(centre + span * mean[upper]))
    sds = (float(span * sd[lower]), float(span * sd[upper]))
    bic = -2.0 * likelihood + (4 if shared_sd else 5) * np.log(n)
    bic_one = -2.0 * one + 2.0 * np.log(n)
    threshold = means[0] + k * sds[0]
    return Mixture(
        n=n,
        weight=weights,
        mean=means,
        sd=sds,
        log_likelihood=likelihood,
        iterations=iterations,
        converged=converged,
        bic=float(bic),
        bic_one=float(bic_one),
        two=bool(bic < bic_one),
        separation=float((means[1] - means[0]) / np.sqrt((sds[0] ** 2 + sds[1] ** 2) / 2.0)),
        threshold_posterior=_equal(weights, means, sds),
        threshold_sd=threshold,
        rain=int(((x > threshold) & (x < means[1] - k * sds[1])).sum()),
    )


def _starts(x: Floats) -> list[int]:
    """How many of the sorted values the lower population begins with, for each start."""
    n = len(x)
    below = np.arange(1, n)
    total, squares = np.cumsum(x)[:-1], x.sum()
    between = (total - below * squares / n) ** 2 / (below * (n - below))
    otsu = int(below[np.argmax(between)])
    middle = int(np.clip(np.searchsorted(x, 0.5), 1, n - 1))
    return sorted({otsu, middle})


def _fit(
    x: Floats, split: int, *, shared_sd: bool, tolerance: float, most: int
) -> tuple[Floats, Floats, Floats, float, int, bool]:
    n = len(x)
    share = np.zeros((2, n))
    share[0, :split], share[1, split:] = 1.0, 1.0
    before, converged, done = -np.inf, False, 0
    weight = mean = sd = np.zeros(2)
    for iteration in range(1, most + 1):
        size = np.maximum(share.sum(axis=1), 1e-12)
        weight = size / n
        mean = share @ x / size
        spread = np.stack([share[i] @ (x - mean[i]) ** 2 for i in (0, 1)])
        variance = np.full(2, spread.sum() / n) if shared_sd else spread / size
        sd = np.sqrt(np.maximum(variance, _SHARPEST**2))
        density = np.log(weight)[:, None] - np.log(sd)[:, None] - 0.5 * ((x - mean[:, None]) / sd[:, None]) ** 2
        done = iteration
        each = np.logaddexp(density[0], density[1])
        share = np.exp(density - each)
        now = float(each.mean())
        if abs(now - before) < tolerance:
            converged = True
            before = now
            break
        before = now
    return weight, mean, sd, n * (before - 0.5 * float(np.log(2.0 * np.pi))), done, converged


def _equal(weight: tuple[float, float], mean: tuple[float, float], sd: tuple[float, float]) -> float | None:
    """Where the weighted densities are equal, between the means: the root of a quadratic."""
    a, b = 1.0 / sd[0] ** 2, 1.0 / sd[1] ** 2
    offset = 2.0 * float(np.log(weight[0] * sd[1] / (weight[1] * sd[0])))
    # a (x - m0)^2 - b (x - m1)^2 = offset, written from m0 so that nothing cancels
    d = mean[1] - mean[0]
    quadratic, linear, constant = a - b, 2.0 * b * d, -(b * d * d + offset)
    if abs(quadratic) < 1e-12 * (a + b):
        roots = [-constant / linear] if linear > 0 else []
    else:
        inside = linear * linear - 4.0 * quadratic * constant
        if inside < 0:
            return None
        pivot = -0.5 * (linear + float(np.copysign(np.sqrt(inside), linear)))
        roots = [pivot / quadratic] + ([constant / pivot] if pivot != 0 else [])
    between = [mean[0] + r for r in roots if 0.0 < r < d]
    return float(between[0]) if between else None
