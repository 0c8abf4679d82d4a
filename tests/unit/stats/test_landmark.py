"""Landmark sets and split follow-up at the edges."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.landmark import known_by, landmark, split_at_change


def test_everybody_may_be_gone():
    after = landmark([3, 5, 28], [1, 0, 1], 28)
    assert after.index.size == after.time.size == 0
    assert (after.excluded_events, after.excluded_censored) == (2, 1)
    assert not after.at_risk.any()


def test_split_keeps_time_and_events():
    rng = np.random.default_rng(1)
    time, event = rng.exponential(20, 50) + 1, rng.random(50) < 0.5
    entry = time * rng.random(50) * 0.5
    rows = split_at_change(time, event, rng.exponential(15, 50), rng.random(50) < 0.7, entry)
    spent = np.bincount(rows.subject, weights=rows.stop - rows.start, minlength=50)
    assert spent == pytest.approx(time - entry)
    assert np.bincount(rows.subject, weights=rows.event, minlength=50).astype(bool).tolist() == event.tolist()
    assert (rows.start < rows.stop).all()


def test_what_did_not_happen_is_not_looked_at():
    nothing = [np.nan, 4.0]
    assert known_by(nothing, [False, True], 10).tolist() == [False, True]
    assert split_at_change([9, 9], [1, 1], nothing, [False, True]).subject.tolist() == [0, 1, 1]


def test_refused():
    with pytest.raises(ValueError, match="number"):
        landmark([1, 2], [1, 1], np.nan)
    with pytest.raises(ValueError, match="NaN"):
        known_by([np.nan], [True], 3)
    with pytest.raises(ValueError, match="shape"):
        known_by([1, 2], [True], 3)
    with pytest.raises(ValueError, match="NaN"):
        split_at_change([2], [1], [np.nan], [True])
    with pytest.raises(ValueError, match="change"):
        split_at_change([2, 3], [1, 1], [1], [True])
    with pytest.raises(ValueError, match="entry"):
        split_at_change([0, 3], [1, 1], [1, 1], [True, True])
