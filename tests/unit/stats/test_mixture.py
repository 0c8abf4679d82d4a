"""Mixtures of two normal laws: drawn populations, edges, and against another program."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture

from correlates.stats.mixture import two_normals


def drawn(n: int = 4000, share: float = 0.2, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    upper = rng.random(n) < share
    return np.where(upper, rng.normal(6000, 400, n), rng.normal(1200, 150, n))


def test_drawn_populations_are_found_again() -> None:
    found = two_normals(drawn())
    assert found.converged
    assert found.two
    assert found.mean == pytest.approx((1200, 6000), rel=0.01)
    assert found.sd == pytest.approx((150, 400), rel=0.08)  # the SD of 800 values has an error of 2.5 %
    assert found.weight[1] == pytest.approx(0.2, abs=0.02)
    assert sum(found.weight) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_the_fit_is_that_of_scikit_learn(shared: bool, share: float) -> None:
    """Its own EM, started at the truth. Tolerance: both stop at a flat likelihood."""
    x = drawn(share=share)
    theirs = GaussianMixture(
        2, covariance_type="tied" if shared else "full", means_init=[[1200.0], [6000.0]], tol=1e-10, max_iter=1000
    ).fit(x[:, None])
    ours = two_normals(x, shared_sd=shared)
    np.testing.assert_allclose(ours.mean, np.sort(theirs.means_.ravel()), rtol=1e-5)
    assert ours.log_likelihood == pytest.approx(theirs.score(x[:, None]) * len(x), rel=1e-7)
    assert ours.bic == pytest.approx(theirs.bic(x[:, None]), rel=1e-7)


def test_at_the_threshold_both_densities_are_the_same() -> None:
    found = two_normals(drawn(share=0.1))
    t = found.threshold_posterior
    assert t is not None
    lower, upper = (w * stats.norm.pdf(t, m, s) for w, m, s in zip(found.weight, found.mean, found.sd, strict=True))
    assert lower == pytest.approx(upper, rel=1e-6)
    assert found.mean[0] < t < found.mean[1]
    assert two_normals(drawn(share=0.1), k=4).threshold_sd == pytest.approx(found.mean[0] + 4 * found.sd[0], rel=1e-9)


def test_equal_populations_are_parted_half_way() -> None:
    """By symmetry: equal shares and a common SD put the threshold in the middle of the means."""
    x = np.concatenate((np.linspace(-1, 1, 101), np.linspace(9, 11, 101)))
    assert two_normals(x, shared_sd=True).threshold_posterior == pytest.approx(5.0, abs=1e-9)


def test_one_population_is_one_population() -> None:
    x = np.random.default_rng(3).normal(1200, 150, 4000)
    assert not two_normals(x).two
    assert not two_normals(x, shared_sd=True).two
    skewed = np.random.default_rng(4).lognormal(7, 0.15, 4000)
    found = two_normals(skewed, shared_sd=True)
    assert found.two  # better than one normal law
    assert found.separation < 5  # but not apart


def test_neither_order_nor_units_nor_the_machine_matter() -> None:
    x = drawn(share=0.05)
    once = two_normals(x)
    shuffled = two_normals(np.random.default_rng(9).permutation(x))
    assert once == shuffled
    scaled = two_normals(x * 1e-3 + 50)
    assert scaled.threshold_posterior == pytest.approx(50 + 1e-3 * once.threshold_posterior, rel=1e-6)  # type: ignore[operator]
    assert scaled.bic_one - scaled.bic == pytest.approx(once.bic_one - once.bic, rel=1e-6)


def test_two_positive_droplets_among_thousands_are_seen() -> None:
    x = np.concatenate((np.random.default_rng(5).normal(1200, 60, 15_000), [7800.0, 8100.0]))
    found = two_normals(x, shared_sd=True)
    assert found.two
    assert found.threshold_posterior is not None
    assert (x > found.threshold_posterior).sum() == 2


def test_rain_lies_between_the_populations() -> None:
    quiet = drawn(share=0.3)
    assert two_normals(quiet, shared_sd=True).rain <= 2
    wet = np.concatenate((quiet, np.linspace(3200, 4000, 20)))
    assert two_normals(wet, shared_sd=True, k=3).rain >= 10


def test_values_that_pile_up_on_one_number_do_not_break_the_fit() -> None:
    x = np.concatenate((np.full(500, 100.0), np.random.default_rng(1).normal(900, 20, 100)))
    found = two_normals(x)
    assert found.sd[0] > 0
    assert found.mean[0] == pytest.approx(100, rel=1e-3)


@pytest.mark.parametrize("values", [[1.0, 2.0], [3.0] * 10, [1.0, 2.0, np.nan, 4.0, 5.0], np.zeros((5, 5))])
def test_what_cannot_be_parted_is_refused(values: object) -> None:
    with pytest.raises(ValueError, match="values"):
        two_normals(values)  # type: ignore[arg-type]
