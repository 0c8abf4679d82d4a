"""Published contingency tables."""

from __future__ import annotations

import pytest

from correlates.stats.fisher import fisher_exact


def test_lady_tasting_tea():
    # Fisher, The Design of Experiments 1935; Agresti, Categorical Data Analysis 2002, p. 92: three of four right, two-sided .486
    result = fisher_exact([[3, 1], [1, 3]])
    assert round(result.p_value, 4) == 0.4857
    assert round(result.odds_ratio, 3) == 6.408


def test_job_satisfaction():
    # Agresti 2002, p. 57: 4 x 4, P = .7827 (also in R's help of fisher.test)
    table = [[1, 2, 1, 0], [3, 3, 6, 1], [10, 10, 14, 9], [6, 7, 12, 11]]
    result = fisher_exact(table)
    tolerance = 5e-5 if result.variant == "exact" else 4 * result.p_standard_error
    assert result.p_value == pytest.approx(0.7827, abs=tolerance)
