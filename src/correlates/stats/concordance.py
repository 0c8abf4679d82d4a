"""Harrell's C: how often the subject with the higher score has the event first.

Source: Harrell, Lee and Mark, Stat Med 1996;15:361-387. Therneau and Atkinson, Concordance, vignette of R's ``survival`` (counts,
delayed entry, infinitesimal jackknife).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Floats, Ints, divide, panel, where
from correlates.stats.at_risk import follow_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Concordance:
    """Harrell's C of m scores; every array is (m,).

    ``c`` counts pairs tied in the score half; ``standard_error`` is the infinitesimal jackknife. ``concordant``, ``discordant`` and
    ``tied_score`` are numbers of comparable pairs. NaN where there are none.
    """

    c: Floats
    standard_error: Floats
    concordant: Ints
    discordant: Ints
    tied_score: Ints


def concordance(
    score: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    present: npt.ArrayLike | None = None,
    *,
    entry: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
) -> Concordance:
    """Concordance of each score with survival: 1 where the higher score always has the event earlier, 1/2 for no association.

    Parameters
    ----------
    score
        (m, n) scores by rows of follow-up; higher means higher hazard (a linear predictor, or a biomarker).
    time, event, entry, stratum
        (n,) each; see :func:`correlates.stats.at_risk.follow_up`.
    present
        (m, n) which scores are there; all, when not given.

    Notes
    -----
    A pair is comparable when one has the event while the other is at risk and goes on: a longer time, or censored at the same
    time. Two events at the same time are not comparable; nor are subjects of different strata. C = (concordant + tied / 2) / pairs.
    """
    values, there = panel(score, present)
    course = follow_up(time, event, entry, stratum)
    m, n = values.shape
    if course.time.shape != (n,):
        raise ValueError(f"score has {n} columns, time {course.time.size} entries")
    # tallies of the pairs each row belongs to: concordant, discordant, tied
    tallies = np.zeros((3, m, n))
    for i in np.flatnonzero(course.event):
        later = (course.time > course.time[i]) | ((course.time == course.time[i]) & ~course.event)
        others = np.flatnonzero(later & (course.entry < course.time[i]) & (course.stratum == course.stratum[i]))
        both = there[:, others] & there[:, i : i + 1]
        own, rest = values[:, i : i + 1], values[:, others]
        for k, pairs in enumerate((own > rest, own < rest, own == rest)):
            counted = pairs & both
            tallies[k][:, others] += counted
            tallies[k][:, i] += counted.sum(axis=1)
    concordant, discordant, tied = tallies.sum(axis=2) / 2.0
    pairs = concordant + discordant + tied
    c = divide(concordant + tied / 2.0, pairs)
    centre = where(pairs > 0, c, 0.0)[:, None]
    influence = divide(tallies[0] + tallies[2] / 2.0 - centre * tallies.sum(axis=0), pairs[:, None])
    return Concordance(
        c=c,
        standard_error=np.sqrt((influence**2).sum(axis=1)),
        concordant=np.rint(concordant).astype(np.int64),
        discordant=np.rint(discordant).astype(np.int64),
        tied_score=np.rint(tied).astype(np.int64),
    )
