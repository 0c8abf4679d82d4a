"""Endometrial cancer grade in 79 patients: Heinze and Schemper, Stat Med 2002;21:2409-2419, (doi:10.1002/sim.1047).

Estimates and standard errors as printed there and by brglm2 for the same data (Kosmidis and Firth, Biometrika 2021;108:71-82).
"""

from __future__ import annotations

import numpy as np
import pytest

from correlates.stats.logistic import logistic_model

# neovasculisation, pulsatility index, endometrium height, grade (79 patients)
PI = (
    "13 16 8 34 20 5 17 10 26 17 8 7 20 10 18 16 18 8 29 12 20 38 22 7 25 15 7 28 11 19 10 10 18 14 21 11 17 25 16 19 15 33 24 "
    "48 12 19 2 22 40 5 0 21 15 29 15 12 3 20 23 12 22 42 15 13 14 19 12 13 10 12 49 6 5 17 11 21 5 19 33"
)
EH = (
    "1.64 2.26 3.14 2.68 1.28 2.31 1.8 1.68 1.56 2.31 2.01 1.89 3.15 1.23 1.27 1.76 2 2.64 .88 1.27 1.37 .97 1.14 .88 .91 .58 "
    ".97 1.5 1.33 2.37 1.82 3.13 1.31 1.92 1.64 2.01 1.88 1.93 2.11 1.29 1.72 .75 1.92 1.84 1.11 1.61 1.18 1.44 1.18 .93 1.17 "
    "1.19 1.06 2.02 2.29 2.33 2.9 1.7 1.41 2.25 1.54 1.97 1.75 2.16 2.57 1.37 3.61 2.04 2.17 1.69 .27 1.84 1.3 .96 1.01 .98 .35 "
    "1.02 .85"
)
WITH_NV = (22, 23, 24, 25, 26, 48, 49, 50, 51, 71, 75, 76, 78)  # patients, from 1
HIGH_GRADE = (*range(18, 28), *range(44, 54), *range(70, 80))


def _endometrial():
    patient = np.arange(1, 80)
    design = np.column_stack(
        (np.isin(patient, WITH_NV), [float(v) for v in PI.split()], [float(v) for v in EH.split()])
    )
    return design, np.isin(patient, HIGH_GRADE)


def test_firth_estimates_and_standard_errors():
    fit = logistic_model(*_endometrial())
    assert fit.separation == "quasi"  # every patient with neovasculisation has a high grade
    assert fit.coefficient == pytest.approx([3.775, 2.929, -0.035, -2.604], abs=5e-4)
    assert fit.standard_error == pytest.approx([1.489, 1.551, 0.040, 0.776], abs=5e-4)
