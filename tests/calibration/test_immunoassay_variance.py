"""Where the noise is not a share of the signal: coverage with the fitted variance function and without; limits; bridged results."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.unit.quantify.beads import bead_wells

from correlates.quantify.immunoassay import quantify_immunoassay
from correlates.quantify.settings import Immunoassay
from correlates.schema import PRODUCT, SAMPLES, WELLS
from correlates.stats.logistic_curve import LogisticCurves, fit_logistic, predict_dose, response
from correlates.stats.quantification_limits import asymptote_limits, cv_limits
from correlates.stats.variance_function import fit_with_variance_function

pytestmark = pytest.mark.calibration

DOSE = np.repeat(10_000.0 / 4.0 ** np.arange(8), 2)
WITHIN = np.geomspace(2.0, 5_000.0, 9)
CURVE = np.array((30_000.0, -1.0, 2_000.0, 20.0, 0.8))
PLATES = 10


def told(what: str) -> None:
    print(f"\n{what}", end="")


def drawn(theta: float, sigma: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    x = np.tile(DOSE, (n, 1))
    f = response(CURVE, x)
    return x, np.maximum(f + sigma * f ** (theta / 2) * rng.standard_normal(x.shape), 0.1), rng


def coverage(fits: LogisticCurves, theta: float, sigma: float, rng: np.random.Generator) -> np.ndarray:
    n = fits.df.size
    shares = []
    for dose in WITHIN:
        mean = float(response(CURVE, np.array(dose)))
        signal = (mean + sigma * mean ** (theta / 2) * rng.standard_normal((n, 2))).mean(axis=1)
        found = predict_dose(fits, np.arange(n), signal, np.full(n, 2.0))
        known = np.isfinite(found.lower)
        shares.append(((found.lower <= dose) & (dose <= found.upper))[known].mean())
    return np.array(shares)


@pytest.mark.parametrize(("theta", "sigma"), [(2.0, 0.05), (1.6, 0.12), (1.0, 0.8)])
def test_intervals_where_the_variance_is_not_that_of_the_weight(theta: float, sigma: float) -> None:
    """300 analytes on ten plates each: 3,000 curves, duplicates; the standard error of one share is 0.4 %."""
    n = 300 * PLATES
    x, y, _ = drawn(theta, sigma, n, 1)
    found = fit_with_variance_function(x, y, np.ones(x.shape, dtype=bool), np.repeat(np.arange(300), PLATES))
    shares = coverage(found.curves, theta, sigma, np.random.default_rng(2))
    fixed = coverage(fit_logistic(x, y), theta, sigma, np.random.default_rng(2))
    told(
        f"theta {theta}: estimated {found.theta.mean():.3f} (SD {found.theta.std():.3f}, SE told {np.nanmean(found.se):.3f}); "
        f"variance function {shares.mean():.4f} ({shares.min():.3f} to {shares.max():.3f}); "
        f"1/y2 {fixed.mean():.4f} ({fixed.min():.3f} to {fixed.max():.3f})"
    )
    assert found.settled
    assert abs(found.theta.mean() - theta) < 0.03
    assert np.nanmean(found.se) == pytest.approx(found.theta.std(), rel=0.2)
    assert 0.94 <= shares.mean() <= 0.96
    assert shares.min() >= 0.925
    assert shares.max() <= 0.975
    if theta == 1.0:
        assert fixed.min() < 0.90 or fixed.max() > 0.985


def test_the_cv_at_the_limits_of_the_profile_is_the_cv_of_results() -> None:
    """What the profile predicts of one new well over many plates, against the spread of log concentrations read off them."""
    n = 4_000
    x, y, rng = drawn(2.0, 0.05, n, 3)
    fits = fit_logistic(x, y)
    low, high = cv_limits(fits, np.full(n, 0.05), np.full(n, 1e5), np.ones(n), 20.0)
    for name, limit in (("lower", np.median(low)), ("upper", np.median(high))):
        mean = float(response(CURVE, np.array(limit)))
        signal = mean * (1 + 0.05 * rng.standard_normal(n))
        dose = predict_dose(fits, np.arange(n), signal, np.ones(n)).dose
        u = np.log(dose[np.isfinite(dose)])
        spread = 100 * (np.quantile(u, 0.8413) - np.quantile(u, 0.1587)) / 2
        told(
            f"{name} limit {limit:.3g}: predicted CV 20 %, found {spread:.1f} % (half the central 68 % of the logarithm)"
        )
        assert 17.0 <= spread <= 24.0


def test_the_asymptote_interval_is_above_the_blank() -> None:
    """The lower limit is a concentration whose mean signal is above zero's: it is, in 97.5 % of plates or more."""
    n = 4_000
    x, y, _ = drawn(2.0, 0.05, n, 4)
    fits = fit_logistic(x, y)
    low, high = asymptote_limits(fits, np.full(n, 1e-4), np.full(n, 1e7), 0.95)
    ends, se = fits.asymptotes
    covered = (ends[:, 0] + 2.2009852 * se[:, 0] >= CURVE[3]).mean()
    told(
        f"lower asymptote below its upper limit in {covered:.4f}; limits {np.nanmedian(low):.3g} to {np.nanmedian(high):.4g}"
    )
    assert covered >= 0.96
    assert 0.01 < np.nanmedian(low) < 2.0


def test_bridged_results_cover_what_the_reference_plate_would_read() -> None:
    """A plate reads 25 % high; eight samples are on both plates. 300 pairs of plates: the interval of a sample of the second plate."""
    rng = np.random.default_rng(5)
    plates, truth = [], {}
    for k in range(300):
        common = np.exp(rng.uniform(np.log(20), np.log(3_000), 8))
        for plate, effect in (("a", 1.0), ("b", 1.25)):
            rows: list[dict[str, object]] = []
            for i, x in enumerate(DOSE):
                mean = float(response(CURVE, np.array(x)))
                rows.append(
                    {"role": "standard", "sample_id": f"Standard{i // 2 + 1}", "nominal": float(x), "signal": mean * (1 + 0.05 * rng.standard_normal())}
                )  # fmt: skip
            own = np.exp(rng.uniform(np.log(20), np.log(3_000), 6))
            for s, q in [
                *((f"C{i}", q) for i, q in enumerate(common)),
                *((f"{plate}{k}S{i}", q) for i, q in enumerate(own)),
            ]:
                truth[s] = q
                mean = float(response(CURVE, np.array(q * effect)))
                rows += [{"sample_id": s, "signal": mean * (1 + 0.05 * rng.standard_normal())} for _ in range(2)]
            plates.append(bead_wells(rows, file=f"f{k:03d}{plate}", plate=f"P{plate}", target=f"A{k}"))
    wells = WELLS.empty().vstack(plates[0])
    for frame in plates[1:]:
        wells = wells.vstack(frame)
    names = {f: f for f in wells["file_id"].unique()}
    shares = {}
    for bridging in ("none", "by_common_samples"):
        rules = Immunoassay(files=("*",), bridging=bridging, bridging_reference="Pa", confidence=0.95)  # type: ignore[arg-type]
        made = quantify_immunoassay("a", wells, SAMPLES.empty(), PRODUCT.empty(), rules, names).measurements
        mine = made.filter((pl.col("censoring") == "none") & pl.col("sample_id").str.contains(r"^b\d+S"))
        true = np.array([truth[s] for s in mine["sample_id"]])
        shares[bridging] = ((mine["lower"].to_numpy() <= true) & (true <= mine["upper"].to_numpy())).mean()
    told(f"second plate 25 % high: not bridged {shares['none']:.3f}, bridged {shares['by_common_samples']:.3f}")
    assert shares["none"] < 0.5
    assert 0.93 <= shares["by_common_samples"] <= 0.985
