"""Effect of a biomarker across a continuous modifier: overlapping windows of patients in the order of the modifier (STEP).

Each window holds about the same number of patients; the effect within it is Firth's log odds ratio. Whether the effect changes across the
modifier is judged by the largest distance of a window from the effect in all patients, over the standard error of the window, against
its distribution when the modifier is permuted over patients (biomarker and outcome of a patient stay together). The band holds all
windows at once: its critical value is the quantile of the largest |Z| over the windows, which share patients and so are correlated, by
Gaussian multipliers of the influence of each patient on each window.

Sources: Bonetti and Gelber, Biostatistics 2004;5:465-481 (doi:10.1093/biostatistics/kxh002) and Stat Med 2000;19:2595-2609. Bonetti et
al., Stat Med 2009;28:1255-1268 (permutation). Lin, Fleming and Wei, Biometrika 1994;81:73-81 (multipliers).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from correlates.stats.arrays import Floats, Ints, divide, membership, where
from correlates.stats.joint_logistic import Correction
from correlates.stats.joint_sides import influence
from correlates.stats.logistic import Penalty, logistic_screen
from correlates.stats.logistic_likelihood import batch, maximise

_CHUNK = 1 << 17  # rows of permuted windows worked on at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalEffects:
    """Effects in w windows; arrays are (w,).

    ``low``, ``middle``, ``high``: smallest, median and largest modifier in the window. ``coefficient`` with its standard error
    (sandwich), ``lower`` and ``upper`` point by point, ``band_lower`` and ``band_upper`` for all windows at once. ``n``, ``n_events``. A
    window with one class or one value of the biomarker is NaN. ``overall`` is the effect in all, ``statistic`` the largest standardised
    distance from it, ``p_value`` its permutation P (None where fewer than two windows have an estimate), ``critical`` the critical
    value of the band.
    """

    low: Floats
    middle: Floats
    high: Floats
    coefficient: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    band_lower: Floats
    band_upper: Floats
    n: Ints
    n_events: Ints
    overall: float
    statistic: float | None
    p_value: float | None
    critical: float | None


def windows(modifier: npt.ArrayLike, size: int, shared: int) -> Ints:
    """First and last place (w, 2) of each window in the order of the modifier.

    Parameters
    ----------
    modifier
        (n,) sorted in ascending order.
    size
        Patients in a window, at least; ties of the modifier at its ends are taken in whole.
    shared
        Patients that neighbours have in common (fewer than size); more where ties are taken in.

    Notes
    -----
    A window starts at the first patient, ends when it has ``size`` patients and all tied with the last; the next starts ``size`` -
    ``shared`` places on, or at the next value. What would be left over at the end (fewer than ``size``) joins the last window.
    """
    value = np.asarray(modifier, dtype=np.float64)
    n = value.size
    if not 0 <= shared < size:
        raise ValueError(f"shared must be from 0 to size - 1, found {shared} of {size}")
    if n < size:
        return np.zeros((0, 2), dtype=np.int64)
    found: list[tuple[int, int]] = []
    start = 0
    while start <= n - size:
        last = int(np.searchsorted(value, value[start + size - 1], side="right")) - 1
        if found and last == found[-1][1]:
            start = int(np.searchsorted(value, value[start], side="right"))
            continue
        found.append((start, last))
        onward = start + size - shared
        start = int(np.searchsorted(value, value[min(onward, n - 1)], side="left"))
        if start <= found[-1][0]:
            start = int(np.searchsorted(value, value[found[-1][0]], side="right"))
    found[-1] = (found[-1][0], n - 1)
    return np.array(found, dtype=np.int64)


def local_effects(
    x: npt.ArrayLike,
    outcome: npt.ArrayLike,
    modifier: npt.ArrayLike,
    *,
    size: int,
    shared: int,
    permutations: int = 999,
    draws: int = 4000,
    seed: int = 1,
    level: float = 0.95,
) -> LocalEffects:
    """Effect of one biomarker on a binary endpoint along a continuous modifier.

    Parameters
    ----------
    x, modifier
        (n,) each; x on the scale of the odds ratio wanted.
    outcome
        (n,) true for an event.
    size, shared
        See :func:`windows`.
    permutations, draws, seed
        Of the test and of the band; both from one generator with the seed.
    level
        Confidence level.
    """
    given, z = (np.asarray(v, dtype=np.float64) for v in (x, modifier))
    if given.ndim != 1 or given.shape != z.shape or not (np.isfinite(given).all() and np.isfinite(z).all()):
        raise ValueError("x and modifier must be finite and of one shape (n,)")
    events = membership(outcome, given.size)
    order = np.argsort(z, kind="stable")
    given, z, events = given[order], z[order], events[order]
    at = windows(z, size, shared)
    n, w = given.size, at.shape[0]
    inside = (np.arange(n) >= at[:, :1]) & (np.arange(n) <= at[:, 1:])
    fit = logistic_screen(np.broadcast_to(given, (w, n)), events, inside, penalty=Penalty.FIRTH, level=level)
    whole = logistic_screen(given, events, penalty=Penalty.FIRTH, level=level)
    usable = fit.converged & (fit.n_events > 0) & (fit.n_events < fit.n)
    beta = where(usable, fit.coefficient, np.nan)
    moved = np.zeros((w, n))
    rows = np.flatnonzero(usable)
    if rows.size:
        moved[rows] = influence(
            np.broadcast_to(given, (rows.size, n)),
            events,
            inside[rows],
            fit.intercept[rows],
            beta[rows],
            Correction.MANCL_DEROUEN.power,
        )[:, 1]
    error = where(usable, np.sqrt((moved**2).sum(axis=1)), np.nan)
    generator = np.random.default_rng(seed)
    critical = None
    if rows.size:
        scores = generator.standard_normal((draws, n)) @ (moved[rows] / error[rows, None]).T
        critical = float(np.quantile(np.abs(scores).max(axis=1), level))
    reach = float(ndtri(0.5 + level / 2.0))
    statistic, p = None, None
    overall = float(whole.coefficient[0])
    if rows.size > 1 and np.isfinite(overall):
        statistic, p = _permuted(given, events, at, overall, permutations, generator)
    band = (critical if critical is not None else np.nan) * error
    return LocalEffects(
        low=z[at[:, 0]],
        middle=np.array([np.median(z[a : b + 1]) for a, b in at]),
        high=z[at[:, 1]],
        coefficient=beta,
        standard_error=error,
        lower=beta - reach * error,
        upper=beta + reach * error,
        band_lower=beta - band,
        band_upper=beta + band,
        n=fit.n,
        n_events=fit.n_events,
        overall=overall,
        statistic=statistic,
        p_value=p,
        critical=critical,
    )


def _permuted(
    x: Floats,
    events: npt.NDArray[np.bool_],
    at: Ints,
    overall: float,
    permutations: int,
    generator: np.random.Generator,
) -> tuple[float, float]:
    """The largest |window - overall| over the standard error of the window, and its P.

    The observed order is the first of all, and what is done to it is done to every other: a window without an estimate is passed over
    in whichever order it has none. Each distance is divided by its own standard error (of the Fisher information), so that a modifier
    that makes events rarer in some windows does not look like one that changes the effect.
    """
    n, w = x.size, at.shape[0]
    standard = np.zeros((permutations + 1, w))
    centre, spread = x.mean(), x.std()
    scaled = (x - centre) / spread
    step = max(1, _CHUNK // n)
    for first in range(0, permutations + 1, step):
        rows = slice(first, min(first + step, permutations + 1))
        shuffled = generator.permuted(np.tile(np.arange(n), (rows.stop - first, 1)), axis=1)
        if first == 0:
            shuffled[0] = np.arange(n)
        for column, (a, b) in enumerate(at):
            picked = shuffled[:, a : b + 1]
            y = events[picked].astype(np.float64)
            design = np.stack((np.ones(picked.shape), scaled[picked]), axis=2)
            models = batch(design, y, np.ones(picked.shape), firth=True)
            top = maximise(models, np.zeros((picked.shape[0], 2)), np.ones(2, dtype=np.bool_))
            one_class = (y.sum(axis=1) == 0) | (y.sum(axis=1) == picked.shape[1])
            info = top.point.information
            left = info[:, 1, 1] - divide(info[:, 0, 1] ** 2, info[:, 0, 0])  # what the intercept leaves of the slope's
            known = top.converged & ~one_class & (np.nan_to_num(left) > 0)
            distance = np.abs(top.beta[:, 1] - overall * spread) * np.sqrt(where(known, left, 0.0))
            standard[rows, column] = where(known, distance, 0.0)
    largest = standard.max(axis=1)
    observed = float(largest[0])
    # 1e-9: a permutation that gives the observed windows again is as far away as they are
    return observed, float((largest >= observed - 1e-9).mean())
