"""What must hold of a limit of detection whatever the counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlates.stats.detection import Link, detection_limit

LINKS = st.sampled_from(list(Link))


@st.composite
def experiments(draw):
    k = draw(st.integers(2, 8))
    level = np.sort(draw(st.lists(st.floats(0.1, 1e4), min_size=k, max_size=k, unique_by=lambda v: round(v, 2))))
    tested = draw(st.lists(st.integers(1, 100), min_size=k, max_size=k))
    detected = [draw(st.integers(0, n)) for n in tested]
    return level, np.array(tested), np.array(detected)


@given(experiments(), LINKS)
@settings(max_examples=300, deadline=None)
def test_there_is_a_limit_or_a_reason(experiment, link):
    made = detection_limit(*experiment, link=link)
    assert (made.limit is None) == (made.why is not None)
    assert made.why != "not-converged"
    if made.limit is not None:
        assert made.slope > 0
        assert made.deviance >= -1e-9
        if made.g < 1:
            assert made.fieller[0] <= made.limit * (1 + 1e-12)
            assert made.limit <= made.fieller[1] * (1 + 1e-12)


@given(experiments(), LINKS, st.sampled_from([1e-3, 7.0, 1e6]))
@settings(max_examples=100, deadline=None)
def test_a_change_of_unit_scales_the_limit(experiment, link, c):
    level, tested, detected = experiment
    plain, scaled = detection_limit(*experiment, link=link), detection_limit(c * level, tested, detected, link=link)
    assert plain.why == scaled.why
    if plain.limit is not None and 0 < plain.limit < 1e100 and plain.g < 0.9:
        assert np.log10(scaled.limit) == pytest.approx(np.log10(plain.limit) + np.log10(c), abs=1e-6)
        assert np.log10(scaled.delta[1]) == pytest.approx(np.log10(plain.delta[1]) + np.log10(c), abs=1e-6)


@given(experiments(), LINKS)
@settings(max_examples=100, deadline=None)
def test_four_times_the_replicates_halve_the_standard_error(experiment, link):
    level, tested, detected = experiment
    once, more = detection_limit(*experiment, link=link), detection_limit(level, 4 * tested, 4 * detected, link=link)
    if once.limit is not None and 0 < once.limit < 1e100:
        assert np.log10(more.limit) == pytest.approx(np.log10(once.limit), rel=1e-6, abs=1e-6)
        assert more.log10_se == pytest.approx(once.log10_se / 2, rel=1e-5)
        assert more.deviance == pytest.approx(4 * once.deviance, rel=1e-6, abs=1e-8)
