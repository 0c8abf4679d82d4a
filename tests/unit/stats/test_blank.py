"""Rules of the limits of blank and detection from controls."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from correlates.stats.blank import blank_counts, limit_of_blank, low_samples


def test_few_blanks_have_no_nonparametric_limit():
    assert limit_of_blank(np.arange(9)).nonparametric is None
    assert limit_of_blank(np.arange(10)).nonparametric == 9.0


def test_one_blank_and_none():
    one = limit_of_blank([0.4])
    assert (one.n, one.mean, one.parametric, one.classical) == (1, None, None, None)
    assert limit_of_blank([]).nonparametric is None


def test_more_samples_than_results_leave_no_degrees_of_freedom():
    made = limit_of_blank([0.1, 0.3, 0.2], samples=3)
    assert made.parametric is None
    assert made.classical is not None


def test_limit_of_blank_of_normal_blanks_is_their_95th_percentile():
    rng = np.random.default_rng(11)
    made = [limit_of_blank(rng.normal(2, 0.5, 60)) for _ in range(4000)]
    truth = 2 + 0.5 * stats.norm.ppf(0.95)
    # the correction removes the bias of the standard deviation; standard error of the means 0.0016
    assert np.mean([m.parametric for m in made]) == pytest.approx(truth, abs=0.006)
    assert np.mean([m.nonparametric for m in made]) == pytest.approx(truth, abs=0.02)


def test_single_results_of_low_samples_have_no_sd():
    made = low_samples([1.0, 2.0], [1.0, 2.0], 0.5)
    assert (made.sd, made.parametric, made.classical) == (None, None, None)
    assert made.nonparametric == 1.0


def test_a_low_sample_at_the_limit_is_not_above_it():
    assert low_samples([0.5, 0.5], [1.0, 1.0], 0.5).nonparametric is None


@pytest.mark.parametrize("counts", [[0] * 30, [0, 1, 0, 0, 2, 1], [7, 9, 4, 6, 8, 12, 5], [250, 231, 262]])
def test_limits_of_counts_keep_their_promise(counts):
    made = blank_counts(counts)
    law = stats.poisson(made.mean)
    assert law.sf(made.limit_of_blank) <= 0.05
    assert made.limit_of_blank == 0 or law.sf(made.limit_of_blank - 1) > 0.05
    assert stats.poisson.sf(made.limit_of_blank, made.limit_of_detection + made.mean) == pytest.approx(0.95, rel=1e-9)
    assert made.limit_of_blank_upper >= made.limit_of_blank
    assert made.limit_of_detection_upper > made.limit_of_detection
    assert stats.poisson.cdf(sum(counts), made.mean_upper * len(counts)) == pytest.approx(0.05, rel=1e-9)


def test_one_contaminated_well_shows():
    assert blank_counts([0, 0, 0, 0, 0, 9, 0, 0]).dispersion_p < 1e-6
    assert blank_counts([3]).dispersion_p is None


@pytest.mark.parametrize("counts", [[], [-1], [0.5], [[0, 1]], [np.nan]])
def test_counts_that_cannot_be(counts):
    with pytest.raises(ValueError, match="whole counts"):
        blank_counts(counts)


def test_data_that_cannot_be():
    with pytest.raises(ValueError, match=r"between 0\.5 and 1"):
        limit_of_blank([1.0], share=0.2)
    with pytest.raises(ValueError, match="at least one sample"):
        limit_of_blank([1.0], samples=0)
    with pytest.raises(ValueError, match="without NaN"):
        limit_of_blank([1.0, np.nan])
    with pytest.raises(ValueError, match="both"):
        low_samples([1.0], [1.0, 2.0], 0.1)
