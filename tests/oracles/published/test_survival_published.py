"""Published examples of survival analysis."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from correlates.stats.cox import cox_model
from correlates.stats.cutpoint import lausen_1992
from correlates.stats.kaplan_meier import kaplan_meier, quantile
from correlates.stats.log_rank import log_rank

# Freireich et al., Blood 1963;21:699-716: weeks in remission on 6-mercaptopurine and on placebo, 21 children each
WEEKS_6MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSE_6MP = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
WEEKS_PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TIME, EVENT = np.array(WEEKS_6MP + WEEKS_PLACEBO), np.array(RELAPSE_6MP + [1] * 21)
PLACEBO = np.repeat([0, 1], 21)


def test_remission_curve():
    """Klein and Moeschberger, Survival Analysis, 2nd ed. 2003, section 4.2, table 4.1."""
    curve = kaplan_meier(WEEKS_6MP, RELAPSE_6MP)
    assert curve.time.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.n_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert np.round(curve.survival, 3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert np.round(curve.standard_error, 4).tolist() == [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert quantile(curve).estimate == 23
    assert quantile(kaplan_meier(WEEKS_PLACEBO, [1] * 21)).estimate == 8


def test_remission_log_rank():
    """Kleinbaum and Klein, Survival Analysis, 2nd ed. 2005, chapter 2: expected 19.25 and 10.75, log-rank statistic 16.79."""
    test = log_rank(TIME, EVENT, PLACEBO, 2)
    assert test.observed.tolist() == [9, 21]
    assert np.round(test.expected, 2).tolist() == [19.25, 10.75]
    assert round(test.chi_square, 2) == 16.79


def test_remission_cox():
    """Kleinbaum and Klein 2005, chapter 3, model 1 (Breslow): coefficient 1.509, standard error .410, log likelihood -86.380."""
    fit = cox_model(PLACEBO[:, None], TIME, EVENT, ties="breslow")
    assert round(float(fit.coefficient[0]), 3) == 1.509
    assert round(float(fit.standard_error[0]), 3) == 0.410
    assert round(fit.log_likelihood, 3) == -86.380
    assert round(float(np.exp(fit.coefficient[0])), 2) == 4.52


@pytest.mark.parametrize("p_naive", [0.001, 0.005, 0.02, 0.05])
def test_corrected_p_of_a_cut_point(p_naive):
    """Altman et al., JNCI 1994;86:829-835: with 10 % left out on both sides P is about -1.63 p (1 + 2.35 log p), 5 % -3.13 p (1 + 1.65 log p).

    They are fits to the formula of 1992 for p from .0001 to .1, good to about 5 %.
    """
    b = float(-ndtri(p_naive / 2))
    ten, five = (lausen_1992(b, share, 1 - share) for share in (0.1, 0.05))
    assert ten == pytest.approx(-1.63 * p_naive * (1 + 2.35 * np.log(p_naive)), rel=0.06)
    assert five == pytest.approx(-3.13 * p_naive * (1 + 1.65 * np.log(p_naive)), rel=0.06)
