"""Published examples of rank tests."""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.kruskal import kruskal_wallis
from correlates.stats.rank import hodges_lehmann, wilcoxon

# Hollander and Wolfe 1973, p. 69 f.: permeability constants of the human chorioamnion, at term and at 12-26 weeks
TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]


def test_chorioamnion():
    x, group = np.array(TERM + EARLY), np.repeat([1, 0], [10, 5])
    result = wilcoxon(x, group)
    assert result.w[0] == 35
    assert round(float(result.p_greater[0]), 4) == 0.1272  # as printed with R's wilcox.test
    shift = hodges_lehmann(x, group)
    assert shift.estimate[0] == pytest.approx(0.305)  # Hollander and Wolfe, example 4.3 (there early minus term: -.305)
    assert [shift.lower[0], shift.upper[0]] == pytest.approx([-0.15, 0.76])


def test_mucociliary_efficiency():
    # Hollander and Wolfe 1973, p. 116: normal, obstructive airway disease, asbestosis
    values = [2.9, 3.0, 2.5, 2.6, 3.2, 3.8, 2.7, 4.0, 2.4, 2.8, 3.4, 3.7, 2.2, 2.0]
    result = kruskal_wallis(values, np.repeat([0, 1, 2], [5, 4, 5]), 3)
    assert round(float(result.h[0]), 3) == 0.771
    assert round(float(result.p_value[0]), 2) == 0.68
