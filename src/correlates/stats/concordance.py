"""Harrell's C: how often the subject with the higher score has the event first.

Source: Harrell, Lee and Mark, Stat Med 1996;15:361-387. Therneau and Atkinson, Concordance, vignette of R's ``survival`` (counts,
delayed entry, infinitesimal jackknife).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Floats, Ints, divide, panel, where
from correlates.stats.at_risk import FollowUp, follow_up

_CHUNK = 1 << 16  # scores worked on at a time: they stay in the cache


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
    # subjects first, so that those compared at an event lie together; absent scores are NaN, which compares with nothing
    scores = where(there, values, np.nan).T
    tallies = np.zeros((3, n, m))
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, m, step):
        columns = slice(start, start + step)
        tallies[:, :, columns] = _tallies(scores[:, columns].copy(), course)
    tallies = np.swapaxes(tallies, 1, 2)
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


def _tallies(scores: Floats, course: FollowUp) -> Floats:
    """Concordant, discordant and tied pairs (3, n, r) that each subject belongs to; scores (n, r), NaN where absent."""
    order = np.lexsort((course.event, -course.time))  # latest first; at one time censored (who go on) before events
    s, time, event = scores[order], course.time[order], course.event[order]
    entry, stratum = course.entry[order], course.stratum[order]
    counts = np.zeros((3, *s.shape))
    plain = bool((entry < time.min(initial=np.inf)).all() and np.ptp(stratum) == 0) if time.size else True
    for i in np.flatnonzero(event):
        ahead = int(np.searchsorted(-time, -time[i], side="left"))  # those with a longer time
        ahead += int((~event[ahead:i] & (time[ahead:i] == time[i])).sum())
        if plain:
            others: slice | Ints = slice(0, ahead)
        else:
            others = np.flatnonzero((entry[:ahead] < time[i]) & (stratum[:ahead] == stratum[i]))
        rest = s[others]
        for k, pairs in enumerate((s[i] > rest, s[i] < rest, s[i] == rest)):
            counts[k, others] += pairs
            counts[k, i] += np.count_nonzero(pairs, axis=0)
    result = np.empty(counts.shape)
    result[:, order] = counts
    return result
