"""Adjusted P values against R's p.adjust: 1e-8 relative."""

from __future__ import annotations

import numpy as np
import pytest
from tests.external import oracle

from correlates.stats.multiplicity import adjust

NAMES = ("mixed-20", "ties-and-ones", "single", "all-equal", "extreme", "with-missing")
AS_IN_R = {"holm": "holm", "hochberg": "hochberg", "bonferroni": "bonferroni", "bh": "BH", "by": "BY", "none": "none"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", AS_IN_R)
def test_adjusted_p_values(name, method):
    case = oracle("multiplicity")[f"p-adjust-{name}"]
    found = adjust(np.array(case["input"]["p"], dtype=float), method)
    expected = np.array(case["expected"][AS_IN_R[method]], dtype=float)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=0)


@pytest.mark.parametrize("name", ["qvalue-400", "qvalue-120"])
def test_benjamini_hochberg_is_the_q_value_with_no_nulls_discounted(name):
    case = oracle("multiplicity")[name]
    np.testing.assert_allclose(adjust(case["input"]["p"], "bh"), case["expected"]["q_pi0_one"], rtol=1e-8)
