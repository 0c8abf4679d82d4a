"""Gaussian mixtures of several variables with missing values: clusters of subjects, and how many there are.

A missing value is integrated out: it neither draws a subject to a cluster nor is it filled in. The number of clusters is chosen by the
integrated completed likelihood, which asks for clusters that can be told apart.

Sources: Dempster, Laird and Rubin, J R Stat Soc B 1977;39:1-38; Ghahramani and Jordan, NIPS 1994 (missing values); Fraley and Raftery, J
Classif 2007;24:155-181 (the prior that keeps a covariance from collapsing); Biernacki, Celeux and Govaert, IEEE Trans Pattern Anal Mach
Intell 2000;22:719-725 (ICL).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints

__all__ = ["Clusters", "Covariance", "chosen", "fit_clusters", "memberships", "number_of_clusters"]

_SHORT = 25  # iterations of each start, before the two best are taken to the end
_LOG_2PI = float(np.log(2.0 * np.pi))


class Covariance(StrEnum):
    """Form of the covariances: one of its own for each cluster (full), variances only (diagonal), or one for all (shared)."""

    FULL = "full"
    DIAGONAL = "diagonal"
    SHARED = "shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """A fitted mixture of k normal laws of d variables; the clusters in the order of their size, largest first.

    Attributes
    ----------
    weight, mean, covariance
        (k,), (k, d), (k, d, d).
    probability
        (n, k) that a subject belongs to a cluster, given the values that are there.
    log_likelihood
        Of the values that are there.
    bic, icl
        -2 log likelihood + parameters x ln n, and that plus twice the entropy of the memberships; smaller is better.
    parameters, iterations, converged
        Free parameters; of the fit.
    singular
        Whether in some direction the prior says more of the covariance of a cluster than its subjects do: without the prior it would be
        singular or nearly so. Too few subjects for so many variables, a variable that is a sum of others, or one that is the same for all
        of a cluster.
    """

    weight: Floats
    mean: Floats
    covariance: Floats
    probability: Floats
    log_likelihood: float
    bic: float
    icl: float
    parameters: int
    iterations: int
    converged: bool
    singular: bool


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Which values are there: the different patterns (u, d), the pattern of each subject (n,)."""

    kinds: Bools
    which: Ints


def fit_clusters(
    x: npt.ArrayLike,
    k: int,
    *,
    present: npt.ArrayLike | None = None,
    covariance: Covariance = Covariance.FULL,
    tolerance: float = 1e-8,
    most: int = 1000,
) -> Clusters:
    """Fit a mixture of k normal laws by expectation and maximisation.

    Parameters
    ----------
    x
        (n, d) subjects by variables, best on scales on which the variables are about normal and of like spread.
    k
        Clusters.
    present
        (n, d) which values are there; each subject needs one, each variable two different ones.
    covariance
        Form of the covariances.
    tolerance, most
        The fit has converged when the penalised log likelihood per subject rises by less; and the most iterations.

    Returns
    -------
    Clusters

    Raises
    ------
    ValueError
        NaN or infinity among the values there, a subject or variable without values, or fewer subjects than clusters need (k + 1).

    Notes
    -----
    The covariances have an inverse Wishart prior with d + 2 degrees of freedom and a diagonal scale of the variances of the data divided by k^(2/d) (Fraley
    and Raftery's default): without it the likelihood is unbounded. The estimate is the mode; likelihood, BIC and ICL are taken there. Starts: quantile
    groups along each of the first three principal axes of the data, and the farthest points; the two best after 25
    iterations are taken to the end and the better one is kept, so that the result depends on the data alone.
    """
    values, there = _checked(x, present)
    n, d = values.shape
    if not 1 <= k < n:
        raise ValueError(f"{k} clusters of {n} subjects")
    patterns = _patterns(there)
    centre, spread = _standard(values, there)
    scaled = np.where(there, (values - centre) / spread, 0.0)
    short = [_fit(scaled, patterns, s, covariance, tolerance=tolerance, most=_SHORT) for s in _starts(scaled, k)]
    promising = sorted(short, key=lambda fit: -fit.objective)[:2]
    fits = [_fit(scaled, patterns, f.probability, covariance, tolerance=tolerance, most=most) for f in promising]
    best = max(fits, key=lambda fit: fit.objective)
    order = np.argsort(-best.weight, kind="stable")
    likelihood = best.log_likelihood - float((there * np.log(spread)).sum())
    matrix = {Covariance.FULL: k * d * (d + 1) // 2, Covariance.DIAGONAL: k * d, Covariance.SHARED: d * (d + 1) // 2}
    parameters = k - 1 + k * d + matrix[Covariance(covariance)]
    r = best.probability
    entropy = -float(np.where(r > 0, r * np.log(np.where(r > 0, r, 1.0)), 0.0).sum())
    bic = -2.0 * likelihood + parameters * float(np.log(n))
    return Clusters(
        weight=best.weight[order],
        mean=centre + spread * best.mean[order],
        covariance=best.covariance[order] * spread[:, None] * spread,
        probability=r[:, order],
        log_likelihood=likelihood,
        bic=bic,
        icl=bic + 2.0 * entropy,
        parameters=parameters,
        iterations=best.iterations,
        converged=best.converged,
        singular=_singular(best, n, Covariance(covariance)),
    )


def number_of_clusters(
    x: npt.ArrayLike,
    *,
    present: npt.ArrayLike | None = None,
    counts: Sequence[int] = (1, 2, 3),
    covariance: Covariance = Covariance.FULL,
) -> tuple[Clusters, dict[int, float]]:
    """The mixture whose number of clusters has the smallest ICL, and the ICL of each number; see :func:`fit_clusters`.

    More than one cluster with a singular covariance are no choice.
    """
    fits = {k: fit_clusters(x, k, present=present, covariance=covariance) for k in counts}
    return chosen(fits), {k: fit.icl for k, fit in fits.items()}


def chosen(fits: Mapping[int, Clusters]) -> Clusters:
    """Of fits by their number of clusters the one of smallest ICL; one that is singular only where there is no other, or as a single cluster."""
    regular = [fit for k, fit in fits.items() if k == 1 or not fit.singular]
    return min(regular or fits.values(), key=lambda fit: fit.icl)


def memberships(clusters: Clusters, x: npt.ArrayLike, present: npt.ArrayLike | None = None) -> Floats:
    """Probability (n, k) that new subjects ``x`` (n, d) belong to each cluster, given the values that are there."""
    values, there = _checked(x, present, new=True)
    logs = np.stack(
        [
            _log_density(values, _patterns(there), mean, matrix)
            for mean, matrix in zip(clusters.mean, clusters.covariance, strict=True)
        ],
        axis=1,
    ) + np.log(clusters.weight)
    return _shares(logs)[0]


@dataclass(frozen=True, slots=True)
class _Fit:
    weight: Floats
    mean: Floats
    covariance: Floats
    probability: Floats
    log_likelihood: float
    objective: float
    iterations: int
    converged: bool


def _checked(x: npt.ArrayLike, present: npt.ArrayLike | None, *, new: bool = False) -> tuple[Floats, Bools]:
    values = np.asarray(x, dtype=np.float64)
    there = np.ones(values.shape, dtype=np.bool_) if present is None else np.asarray(present, dtype=np.bool_)
    if values.ndim != 2 or there.shape != values.shape:
        raise ValueError(f"x must be (n, d) and present of the same shape, found {values.shape} and {there.shape}")
    values = np.where(there, values, 0.0)
    if not np.isfinite(values).all():
        raise ValueError("x holds NaN or infinity among its present values")
    if not there.any(axis=1).all():
        raise ValueError("a subject has no value")
    if not new:
        high = np.where(there, values, -np.inf).max(axis=0)
        low = np.where(there, values, np.inf).min(axis=0)
        if not (high > low).all():
            raise ValueError("a variable takes fewer than two values")
    return values, there


def _standard(values: Floats, there: Bools) -> tuple[Floats, Floats]:
    count = there.sum(axis=0)
    centre = values.sum(axis=0) / count
    spread = np.sqrt(np.where(there, (values - centre) ** 2, 0.0).sum(axis=0) / count)
    return centre, spread


def _patterns(there: Bools) -> _Patterns:
    kinds, which = np.unique(there, axis=0, return_inverse=True)
    return _Patterns(kinds, which.ravel())


def _starts(scaled: Floats, k: int) -> list[Floats]:
    """Memberships (n, k) to start from; a missing value stands at the mean, for this purpose alone."""
    n = scaled.shape[0]
    if k == 1:
        return [np.ones((n, 1))]
    axes = np.linalg.svd(scaled, full_matrices=False)[2][:3]
    equal, most_high = np.arange(1, k) / k, np.sort(0.5 ** np.arange(1, k))
    most_low = 1.0 - most_high[::-1]
    groups = []
    for axis in axes:
        score = scaled @ axis
        groups += [np.searchsorted(np.quantile(score, q), score, side="left") for q in (equal, most_low, most_high)]
    centres = [int(np.argmax((scaled**2).sum(axis=1)))]
    while len(centres) < k:
        distance = np.min([((scaled - scaled[c]) ** 2).sum(axis=1) for c in centres], axis=0)
        centres.append(int(np.argmax(distance)))
    groups.append(np.argmin([((scaled - scaled[c]) ** 2).sum(axis=1) for c in centres], axis=0))
    hard = [(np.asarray(g)[:, None] == np.arange(k)).astype(np.float64) for g in groups]
    return [0.9 * g + 0.1 / k for g in hard if (g.sum(axis=0) > 0).all()]


def _fit(x: Floats, patterns: _Patterns, start: Floats, form: Covariance, *, tolerance: float, most: int) -> _Fit:
    n, d = x.shape
    k = start.shape[1]
    width, df = _prior(d, k)
    scale = np.eye(d) * width
    mean, covariance = np.zeros((k, d)), np.tile(np.eye(d), (k, 1, 1))
    r, objective = start, -np.inf
    likelihood = -np.inf
    converged = False
    iterations = 0
    while iterations < most and not converged:
        iterations += 1
        weight = r.mean(axis=0)
        mean, covariance = _maximise(x, patterns, r, mean, covariance, form, scale, df)
        logs = np.stack([_log_density(x, patterns, m, c) for m, c in zip(mean, covariance, strict=True)], axis=1)
        r, total = _shares(logs + np.log(np.maximum(weight, 1e-300)))
        likelihood = float(total.sum())
        matrices = covariance[:1] if form == Covariance.SHARED else covariance
        penalty = sum(
            -0.5 * (df + d + 1.0) * float(np.linalg.slogdet(c)[1]) - 0.5 * float(np.trace(np.linalg.solve(c, scale)))
            for c in matrices
        )
        now = likelihood + penalty
        converged = abs(now - objective) < tolerance * n
        objective = now
    return _Fit(r.mean(axis=0), mean, covariance, r, likelihood, objective, iterations, converged)


def _prior(d: int, k: int) -> tuple[float, float]:
    """Scale of each variable (of variance 1) and degrees of freedom of the prior of a covariance."""
    return float(1.0 / k ** (2.0 / d)), d + 2.0


def _singular(fit: _Fit, n: int, form: Covariance) -> bool:
    """Whether the scatter of a cluster is smaller than the scale of the prior in some direction."""
    k, d = fit.mean.shape
    scale, df = _prior(d, k)
    sizes = np.full(k, float(n)) if form == Covariance.SHARED else fit.weight * n
    least = np.linalg.eigvalsh(fit.covariance)[:, 0] * (df + sizes + d + 1.0) - scale
    return bool((least < scale).any())


def _maximise(
    x: Floats,
    patterns: _Patterns,
    r: Floats,
    mean: Floats,
    covariance: Floats,
    form: Covariance,
    scale: Floats,
    df: float,
) -> tuple[Floats, Floats]:
    """Means and covariances from the memberships, missing values by their conditional moments under the former ones."""
    k, d = mean.shape
    new_mean, scatter, sizes = np.empty_like(mean), np.empty_like(covariance), r.sum(axis=0)
    for j in range(k):
        filled, extra = _completed(x, patterns, r[:, j], mean[j], covariance[j])
        size = max(float(sizes[j]), 1e-12)
        new_mean[j] = r[:, j] @ filled / size
        centred = filled - new_mean[j]
        scatter[j] = (centred * r[:, j, None]).T @ centred + extra
    if form == Covariance.SHARED:
        one = (scale + scatter.sum(axis=0)) / (df + sizes.sum() + d + 1.0)
        return new_mean, np.tile(one, (k, 1, 1))
    found = (scale + scatter) / (df + sizes + d + 1.0)[:, None, None]
    if form == Covariance.DIAGONAL:
        found = found * np.eye(d)
    return new_mean, found


def _precisions(patterns: _Patterns, covariance: Floats) -> tuple[Floats, Floats]:
    """Of each pattern: the inverse covariance of the variables seen, 0 elsewhere (u, d, d), and its log determinant (u,)."""
    both = patterns.kinds[:, :, None] & patterns.kinds[:, None, :]
    whole = np.where(both, covariance, np.eye(covariance.shape[0]) * ~patterns.kinds[:, None, :])
    return np.where(both, np.linalg.inv(whole), 0.0), -np.linalg.slogdet(whole)[1]


def _completed(x: Floats, patterns: _Patterns, r: Floats, mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Values with the missing ones at their conditional mean (n, d), and the sum of their conditional covariances (d, d)."""
    if patterns.kinds.all():
        return x, np.zeros_like(covariance)
    precision, _ = _precisions(patterns, covariance)
    seen = patterns.kinds[patterns.which]
    drawn = np.einsum("nij,nj->ni", precision[patterns.which], np.where(seen, x - mean, 0.0)) @ covariance
    filled = np.where(seen, x, mean + drawn)
    unseen = ~patterns.kinds
    rest = np.where(unseen[:, :, None] & unseen[:, None, :], covariance - covariance @ precision @ covariance, 0.0)
    return filled, np.einsum("u,uij->ij", np.bincount(patterns.which, weights=r, minlength=len(rest)), rest)


def _log_density(x: Floats, patterns: _Patterns, mean: Floats, covariance: Floats) -> Floats:
    """Log density (n,) of the values that are there."""
    precision, log_det = _precisions(patterns, covariance)
    seen = patterns.kinds[patterns.which]
    away = np.where(seen, x - mean, 0.0)
    form = ((away[:, None, :] @ precision[patterns.which])[:, 0, :] * away).sum(axis=1)
    found: Floats = -0.5 * (form + seen.sum(axis=1) * _LOG_2PI - log_det[patterns.which])
    return found


def _shares(logs: Floats) -> tuple[Floats, Floats]:
    """Memberships (n, k) from log densities times weights, and the log of their sum (n,)."""
    top = logs.max(axis=1, keepdims=True)
    parts = np.exp(logs - top)
    total = parts.sum(axis=1, keepdims=True)
    return parts / total, (top + np.log(total))[:, 0]
