"""Agreement of two assays against published numbers.

Bland & Altman, Lancet 1986;i:307-310: peak expiratory flow of 17 subjects, first readings of a Wright and a mini Wright meter
(table 1), differences Wright less mini, limits at 2 standard deviations.
"""

from __future__ import annotations

import pytest
from scipy.special import ndtr

from correlates.stats.agreement import bland_altman

WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_peak_expiratory_flow():
    """As printed, with one decimal; limits at 2 standard deviations."""
    made = bland_altman(MINI, WRIGHT, coverage=2 * ndtr(2.0) - 1)
    printed = {
        "mean": (made.bias.estimate, -2.1),
        "sd": (made.sd, 38.8),
        "se": (made.bias.se, 9.4),
        "mean lower": (made.bias.lower, -22.0),
        "mean upper": (made.bias.upper, 17.8),
        "lower limit": (made.lower_limit.estimate, -79.7),
        "upper limit": (made.upper_limit.estimate, 75.5),
        "lower limit from": (made.lower_limit.ba1986[0], -114.3),
        "lower limit to": (made.lower_limit.ba1986[1], -45.1),
        "upper limit from": (made.upper_limit.ba1986[0], 40.9),
        "upper limit to": (made.upper_limit.ba1986[1], 110.1),
    }
    # the paper multiplies rounded values (limit -79.7, t 2.12, standard error 16.3): up to 0.17 from full precision
    for what, (found, expected) in printed.items():
        assert found == pytest.approx(expected, abs=0.2), what
