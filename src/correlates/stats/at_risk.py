"""Follow-up with delayed entry and strata, and sums over those at risk at each event time.

A subject (or a row of a subject) is under observation on (entry, time]: open at entry, closed at the end. At an event time those
are at risk whose entry is before it and whose time is not; a censoring at the same time as an event counts as after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, membership, where

_SMALL = 1 << 17  # rows times event times up to which a multiplication is faster than sums backwards


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Follow-up of n rows, checked: ``entry`` (-inf where it starts with the study), ``time``, ``event``, ``stratum`` 0..; all (n,)."""

    entry: Floats
    time: Floats
    event: Bools
    stratum: Ints


def follow_up(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    entry: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
) -> FollowUp:
    """Follow-up as the kernels take it.

    Parameters
    ----------
    time
        (n,) time of the event or of censoring. Two times are tied when they are equal as numbers.
    event
        (n,) true (1) for an event, false (0) for censoring.
    entry
        (n,) time from which a row is observed, exclusive; from the start of the study when not given.
    stratum
        (n,) whole numbers from 0; one stratum when not given.

    Raises
    ------
    ValueError
        NaN or infinite times, an entry that is not before its time (such a row was never at risk: the caller counts and leaves
        it out), shapes that do not agree.
    """
    times = np.asarray(time, dtype=np.float64)
    if times.ndim != 1:
        raise ValueError(f"time must be (n,), found shape {times.shape}")
    n = times.size
    happened = membership(event, n)
    if not np.isfinite(times).all():
        raise ValueError("time holds NaN or infinity")
    if entry is None:
        entries = np.full(n, -np.inf)
    else:
        entries = np.asarray(entry, dtype=np.float64)
        if entries.shape != (n,):
            raise ValueError(f"entry must be ({n},), found {entries.shape}")
        if np.isnan(entries).any() or not (entries < times).all():
            raise ValueError("every entry must be before its time")
    if stratum is None:
        strata = np.zeros(n, dtype=np.int64)
    else:
        given = np.asarray(stratum)
        strata = given.astype(np.int64)
        if strata.shape != (n,) or (strata != given).any() or (strata < 0).any():
            raise ValueError(f"stratum must hold {n} whole numbers from 0")
    return FollowUp(entry=entries, time=times, event=happened, stratum=strata)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One stratum: its rows sorted by time, the columns of its event times, and who is at risk at each of them.

    ``first``: the position from which on everybody is; None with delayed entry. ``mask`` (rows, columns): 1 for who is; None
    where that would be large and ``first`` is there.
    """

    rows: Ints
    columns: slice
    first: Ints | None
    mask: Floats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSets:
    """The K distinct event times of n rows, each within its stratum, and the D events in the same order.

    ``time``, ``stratum`` (K,); ``deaths`` (D,) the rows with events, ``at`` (D,) the event time of each, ``starts`` (K,) the first
    event of each time among ``deaths``.
    """

    n: int
    time: Floats
    stratum: Ints
    deaths: Ints
    at: Ints
    starts: Ints
    blocks: tuple[_Block, ...]

    @property
    def times(self) -> int:
        """K, how many distinct event times."""
        return int(self.time.size)

    def total(self, values: Floats) -> Floats:
        """Sums (..., K) of values (..., n) over those at risk at each event time.

        By multiplication with the mask of those at risk, or for many rows without delayed entry by sums from the latest time
        backwards: nothing is subtracted, so nothing cancels.
        """
        result = np.zeros((*values.shape[:-1], self.times))
        for block in self.blocks:
            part = values[..., block.rows]
            if block.mask is not None:
                flat = part.reshape(-1, block.rows.size) @ block.mask
                result[..., block.columns] = flat.reshape(*part.shape[:-1], block.mask.shape[1])
            elif block.first is not None:
                backwards = np.cumsum(part[..., ::-1], axis=-1)
                result[..., block.columns] = backwards[..., block.rows.size - 1 - block.first]
        return result

    def highest(self, values: Floats) -> Floats:
        """Largest value (..., K) among those at risk at each event time."""
        result = np.full((*values.shape[:-1], self.times), -np.inf)
        for block in self.blocks:
            part = values[..., block.rows]
            if block.first is not None:
                backwards = np.maximum.accumulate(part[..., ::-1], axis=-1)
                result[..., block.columns] = backwards[..., block.rows.size - 1 - block.first]
            elif block.mask is not None:
                for k, column in enumerate(range(block.columns.start, block.columns.stop)):
                    result[..., column] = part[..., block.mask[:, k] > 0].max(axis=-1)
        return result

    def died(self, values: Floats) -> Floats:
        """Sums (..., K) of values (..., n) over those with the event at each event time."""
        if self.times == 0:
            return np.zeros((*values.shape[:-1], 0))
        sums: Floats = np.add.reduceat(values[..., self.deaths], self.starts, axis=-1)
        return sums

    def members(self, k: int) -> Ints:
        """The rows at risk at event time k."""
        for block in self.blocks:
            if block.columns.start <= k < block.columns.stop:
                at = k - block.columns.start
                if block.first is not None:
                    return block.rows[block.first[at] :]
                if block.mask is not None:
                    return block.rows[block.mask[:, at] > 0]
        raise IndexError(f"no event time {k}")


def risk_sets(course: FollowUp) -> RiskSets:
    """The risk sets of a follow-up. Memory with delayed entry: rows times event times, per stratum."""
    order = np.lexsort((course.time, course.stratum))
    deaths = order[course.event[order]]
    times, strata = course.time[deaths], course.stratum[deaths]
    new = np.ones(deaths.size, dtype=np.bool_)
    new[1:] = (times[1:] != times[:-1]) | (strata[1:] != strata[:-1])
    starts = np.flatnonzero(new)
    blocks = []
    for label in np.unique(strata):
        rows = order[course.stratum[order] == label]
        columns = np.flatnonzero(strata[starts] == label)
        event_times = times[starts][columns]
        late = bool((course.entry[rows] >= event_times[0]).any())
        mask = None
        if late or rows.size * event_times.size <= _SMALL:
            at_risk = (course.entry[rows, None] < event_times) & (course.time[rows, None] >= event_times)
            mask = where(at_risk, 1.0, 0.0)
        blocks.append(
            _Block(
                rows=rows,
                columns=slice(int(columns[0]), int(columns[-1]) + 1),
                first=None if late else np.searchsorted(course.time[rows], event_times, side="left"),
                mask=mask,
            )
        )
    return RiskSets(
        n=course.time.size,
        time=times[starts],
        stratum=strata[starts],
        deaths=deaths,
        at=np.cumsum(new) - 1,
        starts=starts,
        blocks=tuple(blocks),
    )
