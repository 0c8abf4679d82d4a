"""P and limits of two restricted means in few subjects, by permutation of their difference over its standard error.

Sources: Horiguchi and Uno, Stat Med 2020, doi:10.1002/sim.8565. Ditzhaus, Yu and Xu, Stat Med 2023;42:2226-2240 (doi:10.1002/sim.9720).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, divide, where
from correlates.stats.at_risk import follow_up
from correlates.stats.permutation import Groupings, Reference, permuted_groups
from correlates.stats.restricted_mean import RestrictedMeanContrast, areas, contrast_panel


@dataclass(frozen=True, slots=True, kw_only=True)
class PermutedContrast:
    """Laws of abs(contrast) / standard error under permutation: of the difference, and of the logarithm of the ratio."""

    difference: Reference
    ratio: Reference


def permuted_contrast(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    first: npt.ArrayLike,
    *,
    horizon: float | None,
    permutations: int,
    seed: int,
    drawn: Groupings | None = None,
) -> PermutedContrast:
    """Laws of the studentised difference and log ratio of two restricted means, for P and limits in few subjects.

    Parameters
    ----------
    time, event
        (n,) each, of both groups together.
    first
        (n,) true for the subjects of the first group; only how many they are is used.
    horizon
        Day to which the means are restricted; when not given, the largest day both groups are followed to, of each grouping anew.
    permutations, seed, drawn
        As of :func:`correlates.stats.permutation.permuted_groups`.

    Notes
    -----
    The groups are permuted over subjects, and difference over standard error is found each time. P is the share that is at least as
    far from 0 as the observed one: exact where the groups do not differ in survival and follow-up, right in large samples where
    only the restricted means agree, because the difference is divided by its own standard error (Ditzhaus et al.). Limits: estimate
    -/+ critical value times standard error, which hold 0 (1, of the ratio) where P is above 1 - level. Beyond the follow-up of a
    permuted group its curve stays where it was last known (Horiguchi and Uno's horizontal extension). No standard error: 0.
    """
    course = follow_up(time, event)
    order = np.lexsort((course.event, course.time))
    at, happened = course.time[order], course.event[order]
    side = np.asarray(first, dtype=np.bool_)
    found: list[Floats] = []

    def differences(groups: Ints) -> Floats:
        z, log_z = _studentised(at, happened, groups == 1, horizon)
        found.append(log_z)
        return z

    difference = permuted_groups(differences, side, permutations=permutations, seed=seed, drawn=drawn)
    return PermutedContrast(
        difference=difference,
        ratio=Reference(statistics=np.sort(np.concatenate(found)), complete=difference.complete),
    )


def studentised(
    contrast: RestrictedMeanContrast, law: PermutedContrast, *, level: float = 0.95
) -> RestrictedMeanContrast:
    """The contrast with P and limits by the permuted laws in place of the normal one; what is None stays so."""
    error, difference = contrast.standard_error, contrast.difference
    if difference is None or not error or contrast.p_value is None:
        return contrast
    reach = law.difference.critical(level) * error
    made = replace(
        contrast,
        p_value=law.difference.p_value(abs(difference) / error),
        lower=difference - reach,
        upper=difference + reach,
    )
    if contrast.ratio is None or contrast.log_ratio_error in (None, 0.0):
        return made
    log, log_error = float(np.log(contrast.ratio)), float(contrast.log_ratio_error)
    reach = law.ratio.critical(level) * log_error
    return replace(
        made,
        ratio_p_value=law.ratio.p_value(abs(log) / log_error),
        ratio_lower=float(np.exp(log - reach)),
        ratio_upper=float(np.exp(log + reach)),
    )


def _studentised(time: Floats, event: Bools, first: Bools, horizon: float | None) -> tuple[Floats, Floats]:
    """Absolute difference and log ratio over their standard errors for groupings (b, n) of subjects in the order of time."""
    starts = np.flatnonzero(np.concatenate(([True], np.diff(time) > 0)))
    days = np.broadcast_to(time[starts], (first.shape[0], starts.size))
    if horizon is None:
        last = [time[first.shape[1] - 1 - np.argmax(side[:, ::-1], axis=1)] for side in (first, ~first)]
        end = np.minimum(last[0], last[1])
    else:
        end = np.full(first.shape[0], float(horizon))
    means: list[Floats] = []
    for side in (first, ~first):
        members = side.astype(np.float64)
        d = np.add.reduceat(members * event, starts, axis=1)
        n = np.cumsum(np.add.reduceat(members, starts, axis=1)[:, ::-1], axis=1)[:, ::-1]
        survival = np.asarray(np.cumprod(1.0 - where(n > 0, divide(d, n), 0.0), axis=1), dtype=np.float64)
        means += areas(days, survival, n, d, end)
    found = contrast_panel(*means)
    error, log_error = found["standard_error"], np.nan_to_num(found["log_ratio_error"])
    z = where(error > 0, divide(np.abs(found["difference"]), error), 0.0)
    log_z = where(log_error > 0, divide(np.abs(np.log(where(log_error > 0, found["ratio"], 1.0))), log_error), 0.0)
    return z, log_z
