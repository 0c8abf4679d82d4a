"""Loss of detection of time courses, many at once: the last positive sample and the first negative one after it.

Arrays are padded as in :mod:`correlates.stats.profiles`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.stats.profiles import LEFT, NONE, Codes, Floats, Mask, Points, last, some

LOST, NO_SAMPLE, NEVER_DETECTED, STILL_DETECTED = 0, 1, 2, 3
"""What is known: the loss lies between two samples, there is no sample, nothing was ever detected, the last sample is positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """When detection was lost; every array has shape (m,).

    Attributes
    ----------
    status
        0 between the two samples; 1 no sample; 2 never detected; 3 not seen to be lost.
    last_positive
        The last sample at or above its limit. The loss came later.
    first_negative
        The first sample below its limit after it. The loss came no later.
    """

    status: Codes
    last_positive: Points
    first_negative: Points


def losses(times: Floats, values: Floats, censoring: Codes, select: Mask) -> Losses:
    """The interval in which detection was lost: after the last positive sample, no later than the first negative one that follows.

    Parameters
    ----------
    times, values, censoring
        Padded arrays (m, k); times ascending and without ties.
    select
        The samples that count, (m, k).

    Returns
    -------
    Losses

    Notes
    -----
    A negative sample between two positive ones is no loss. Where nothing was ever detected, ``first_negative`` is the first sample:
    detection, if there was any, ended before it. Undefined without sample.
    """
    positive = last(times, values, censoring, select & (censoring >= NONE))
    later = select & (censoring == LEFT)
    if times.shape[1]:
        place = np.arange(times.shape[1])[None, :]
        later &= (place > positive.index[:, None]) | ~positive.found[:, None]
    found = some(later)
    reverse = slice(None, None, -1)
    mirrored = last(times[:, reverse], values[:, reverse], censoring[:, reverse], later[:, reverse])
    negative = Points(
        found=found,
        value=mirrored.value,
        censoring=mirrored.censoring,
        time=mirrored.time,
        index=np.where(found, max(times.shape[1] - 1, 0) - mirrored.index, 0).astype(np.int64),
    )
    status = np.where(
        ~some(select), NO_SAMPLE, np.where(~positive.found, NEVER_DETECTED, np.where(found, LOST, STILL_DETECTED))
    ).astype(np.int8)
    return Losses(status=status, last_positive=positive, first_negative=negative)
