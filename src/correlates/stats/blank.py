"""Limits of blank and of detection from control samples: of a measured value, and of counts in digital PCR.

Sources: CLSI EP17-A2, Evaluation of Detection Capability for Clinical Laboratory Measurement Procedures, 2012; Armbruster & Pry,
Clin Biochem Rev 2008;29(Suppl 1):S49-S52; Milbury et al., Biomol Detect Quantif 2014;1:8-22 (false positive partitions).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from correlates.stats.arrays import Floats

__all__ = ["Blank", "BlankCounts", "LowSamples", "blank_counts", "limit_of_blank", "low_samples"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """Limit of blank: the highest result expected of samples without analyte.

    Attributes
    ----------
    parametric
        mean + c sd with c = z/(1 - 1/(4 (n - samples))), which makes up for the bias of the sd (EP17-A2).
    classical
        mean + z sd (Armbruster & Pry: 1.645).
    nonparametric
        The value at rank 0.5 + share n of the sorted results, interpolated; None where that rank is beyond n (n < 10 for 95 %).
    mean, sd
        None for fewer than two results (``parametric`` and ``classical`` then too; ``parametric`` also when n is not above samples).
    """

    n: int
    samples: int
    share: float
    mean: float | None
    sd: float | None
    parametric: float | None
    classical: float | None
    nonparametric: float | None


def limit_of_blank(values: npt.ArrayLike, *, samples: int = 1, share: float = 0.95) -> Blank:
    """Limit of blank from repeated results of blank samples.

    Parameters
    ----------
    values
        (n,) results of blanks, in the unit of the assay.
    samples
        How many different blank samples they come from.
    share
        1 - alpha: share of blank results at or below the limit.

    Raises
    ------
    ValueError
        NaN or infinity, fewer than one sample, or a share outside (0.5, 1).

    Notes
    -----
    EP17-A2 asks for at least 60 results; prefer the nonparametric limit unless blanks are normal (results piled up at 0 are not).
    """
    v = np.sort(_finite(values))
    z = _one_sided(share)
    if samples < 1:
        raise ValueError(f"there must be at least one sample, found {samples}")
    n = len(v)
    rank = 0.5 + share * n
    below = int(np.floor(rank))
    nonparametric = None
    if 1 <= rank <= n:
        high = v[min(below, n - 1)]
        nonparametric = float(v[below - 1] + (rank - below) * (high - v[below - 1]))
    mean, sd = (float(v.mean()), float(v.std(ddof=1))) if n >= 2 else (None, None)
    return Blank(
        n=n,
        samples=samples,
        share=share,
        mean=mean,
        sd=sd,
        parametric=None if mean is None or sd is None or n <= samples else mean + _corrected(z, n - samples) * sd,
        classical=None if mean is None or sd is None else mean + z * sd,
        nonparametric=nonparametric,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LowSamples:
    """Limit of detection from low samples, given a limit of blank.

    Attributes
    ----------
    sd
        Pooled within sample; None without replicates.
    parametric, classical
        limit of blank + c sd (c as for the blank, with the pooled degrees of freedom), and limit of blank + z sd.
    level, above
        (k,) the samples' concentrations, and the share of the results of each that exceed the limit of blank.
    nonparametric
        The lowest of them that, and above which every one, exceeds the limit of blank in at least the share asked for.
    """

    n: int
    samples: int
    share: float
    sd: float | None
    parametric: float | None
    classical: float | None
    level: Floats
    above: Floats
    nonparametric: float | None


def low_samples(
    values: npt.ArrayLike, level: npt.ArrayLike, limit_of_blank: float, *, share: float = 0.95
) -> LowSamples:
    """Limit of detection (EP17-A2; Armbruster & Pry) from repeated results of samples of low concentration.

    Parameters
    ----------
    values, level
        (n,) results, and the concentration of the sample of each (it also tells the samples apart).
    limit_of_blank
        Of :func:`limit_of_blank`, same unit.
    share
        1 - beta: share of results of a sample at the limit that exceed the limit of blank.

    Raises
    ------
    ValueError
        NaN or infinity, shapes that do not agree, or a share outside (0.5, 1).

    Notes
    -----
    The parametric form assumes that the sd is the same in all low samples.
    """
    v, of = _finite(values), _finite(level)
    z = _one_sided(share)
    if v.shape != of.shape:
        raise ValueError(f"values and level must be (n,) both, found {v.shape} and {of.shape}")
    known, index, n = np.unique(of, return_inverse=True, return_counts=True)
    df = len(v) - len(known)
    mean = np.bincount(index, weights=v, minlength=len(known)) / n
    sd = float(np.sqrt(((v - mean[index]) ** 2).sum() / df)) if df > 0 else None
    above = np.bincount(index, weights=v > limit_of_blank, minlength=len(known)) / n
    onward = np.logical_and.accumulate((above >= share - 1e-9)[::-1])[::-1]
    return LowSamples(
        n=len(v),
        samples=len(known),
        share=share,
        sd=sd,
        parametric=None if sd is None else limit_of_blank + _corrected(z, df) * sd,
        classical=None if sd is None else limit_of_blank + z * sd,
        level=known,
        above=above,
        nonparametric=float(known[onward][0]) if onward.any() else None,
    )


def _finite(values: npt.ArrayLike) -> Floats:
    v = np.asarray(values, dtype=np.float64)
    if v.ndim != 1 or not np.isfinite(v).all():
        raise ValueError("values must be (n,) without NaN or infinity")
    return v


def _one_sided(share: float) -> float:
    if not 0.5 < share < 1:
        raise ValueError(f"the share must lie between 0.5 and 1, found {share}")
    return float(special.ndtri(share))


def _corrected(z: float, df: int) -> float:
    return z / (1.0 - 1.0 / (4.0 * df))


@dataclass(frozen=True, slots=True, kw_only=True)
class BlankCounts:
    """Limits of digital PCR from control wells, in counts per well.

    Attributes
    ----------
    mean, mean_upper
        False positive partitions per well, and its exact upper limit (one-sided).
    limit_of_blank, limit_of_blank_upper
        Largest count expected of a blank well: the smallest c with P(Poisson > c) <= 1 - share, at ``mean`` and at ``mean_upper``.
    limit_of_detection
        Molecules per well that, with the false positives, exceed the limit of blank with the share asked for.
    limit_of_detection_upper
        The same above ``limit_of_blank_upper``, without counting on false positives.
    dispersion_p
        Upper P of the index of dispersion: small when the false positives of wells vary more than a Poisson law allows
        (contamination of single wells). None where no partition was positive or there is one well.
    """

    wells: int
    positives: int
    share: float
    mean: float
    mean_upper: float
    limit_of_blank: int
    limit_of_blank_upper: int
    limit_of_detection: float
    limit_of_detection_upper: float
    dispersion_p: float | None


def blank_counts(positives: npt.ArrayLike, *, share: float = 0.95, confidence: float = 0.95) -> BlankCounts:
    """Limit of blank and of detection of digital PCR from the positive partitions of control wells without target.

    Parameters
    ----------
    positives
        (w,) false positive partitions of each control well, all of one size; at least one well.
    share
        1 - alpha and 1 - beta.
    confidence
        Of the one-sided upper limit of the mean.

    Raises
    ------
    ValueError
        No wells, counts that are negative or not whole, or a share outside (0.5, 1).

    Notes
    -----
    Poisson model of false positives (Milbury et al., Biomol Detect Quantif 2014;1:8-22). limit of detection = chi2(share; 2 (LoB +
    1))/2 - mean: 3.0 molecules where nothing is ever false positive. Divide by the volume of sample in a well for a concentration.
    """
    counts = np.atleast_1d(np.asarray(positives, dtype=np.float64))
    if counts.ndim != 1 or len(counts) == 0 or not ((counts >= 0) & (counts == np.rint(counts))).all():
        raise ValueError("positives must be whole counts, not negative, of at least one well")
    _one_sided(share)
    _one_sided(confidence)
    wells, total = len(counts), int(counts.sum())
    mean = total / wells
    mean_upper = float(special.gammaincinv(total + 1, confidence)) / wells
    blank, blank_upper = _poisson_limit(mean, share), _poisson_limit(mean_upper, share)
    spread = float(((counts - mean) ** 2).sum()) / mean if total else 0.0
    return BlankCounts(
        wells=wells,
        positives=total,
        share=share,
        mean=mean,
        mean_upper=mean_upper,
        limit_of_blank=blank,
        limit_of_blank_upper=blank_upper,
        limit_of_detection=float(special.gammaincinv(blank + 1, share)) - mean,
        limit_of_detection_upper=float(special.gammaincinv(blank_upper + 1, share)),
        dispersion_p=float(special.chdtrc(wells - 1, spread)) if total and wells > 1 else None,
    )


def _poisson_limit(mean: float, share: float) -> int:
    """Smallest count c with P(Poisson(mean) <= c) >= share."""
    c = max(int(np.floor(mean)) - 1, 0)
    while c > 0 and special.pdtr(c - 1, mean) >= share:
        c -= 1
    while special.pdtr(c, mean) < share:
        c += 1
    return c
