"""Control charts: limits by hand, the rules, and what few runs cannot show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from correlates.stats.control_chart import control_chart, largest_z


def test_limits_by_hand() -> None:
    chart = control_chart([2.0, 4.0, 6.0, 8.0])
    assert chart.centre == 5.0
    assert chart.sd == pytest.approx(2.581988897471611)  # sqrt(20/3)
    assert chart.z == pytest.approx([-1.161895, -0.387298, 0.387298, 1.161895], abs=1e-6)
    assert chart.largest_z == pytest.approx(1.5)  # 3/sqrt(4)
    assert not (chart.beyond_2s.any())
    assert not (chart.beyond_3s.any())
    assert not (chart.two_beyond_2s.any())


def test_rules_with_established_limits() -> None:
    #                       0    1    2    3    4     5     6    7
    z = np.array([0.5, 2.1, 2.4, 0.0, -2.2, 2.3, -3.1, -2.05])
    chart = control_chart(100.0 + 10.0 * z, centre=100.0, sd=10.0)
    assert chart.z == pytest.approx(z)
    assert chart.beyond_2s.nonzero()[0].tolist() == [1, 2, 4, 5, 6, 7]
    assert chart.beyond_3s.nonzero()[0].tolist() == [6]
    # 1 and 2 on one side; 4 and 5 are on two sides; 6 and 7 on one side
    assert chart.two_beyond_2s.nonzero()[0].tolist() == [1, 2, 6, 7]
    assert chart.largest_z is None


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 9.0], [3.0, 3.0, 3.0, 3.0]])
def test_no_limits_of_too_few_or_equal_runs(values: list[float]) -> None:
    chart = control_chart(values)
    assert (chart.centre, chart.sd, chart.largest_z) == (None, None, None)
    assert chart.z.size == 0
    assert not chart.beyond_2s.any()
    assert chart.beyond_2s.shape == (len(values),)


def test_ten_runs_cannot_be_beyond_three_sd_and_eleven_can() -> None:
    assert not control_chart([0.0] * 9 + [1e6]).beyond_3s.any()
    assert control_chart([0.0] * 10 + [1e6]).beyond_3s.tolist() == [False] * 10 + [True]


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=30))
def test_no_z_is_larger_than_its_bound(values: list[float]) -> None:
    chart = control_chart(values)
    if chart.sd is not None and np.ptp(values) > 1e-6 * max(1.0, np.abs(values).max()):
        assert np.abs(chart.z).max() <= largest_z(len(values)) * (1 + 1e-9)


@pytest.mark.parametrize(("values", "more"), [([[1.0]], {}), ([np.nan, 1.0], {}), ([1.0, 2.0], {"centre": 1.0})])
def test_what_is_refused(values: object, more: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be|together"):
        control_chart(values, **more)  # type: ignore[arg-type]
