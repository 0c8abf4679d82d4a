"""Areas against numbers published or computed elsewhere, and a model with a closed form."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from tests.external import external

from correlates.stats.areas import window_areas
from correlates.stats.terminal import terminal_slopes

# Stein AM et al. CPT Pharmacometrics Syst Pharmacol 2019;8:285-295, typical values of tisagenlecleucel
FOLDX, TMAX, CMAX, ALPHA, FB, BETA = 3900.0, 9.3, 24000.0, 0.16, 0.0079, 0.0032
STEIN_AUC = 171774.3  # its closed-form integral over days 0 to 28, copies/ug x day


def stein(t: np.ndarray) -> np.ndarray:
    rise = CMAX / FOLDX * np.exp(np.log(FOLDX) / TMAX * t)
    after = t - TMAX
    fall = (1 - FB) * CMAX * np.exp(-ALPHA * after) + FB * CMAX * np.exp(-BETA * after)
    return np.where(t < TMAX, rise, fall)


def test_closed_form_of_the_expansion_model_by_dense_sampling() -> None:
    t = np.unique(np.concatenate([np.linspace(0, 28, 2801), [TMAX]]))[None, :]
    v = stein(t)
    codes = np.zeros(t.shape, np.int8)
    valid = np.ones(t.shape, bool)
    # the trapezoid of 0.01 day has a relative error near (rate x dt)^2 / 12 = 7e-6; the log rule is exact on exponentials
    assert window_areas(t, v, codes, valid, window=(0.0, 28.0)).area[0] == pytest.approx(STEIN_AUC, rel=1e-5)
    assert window_areas(t, v, codes, valid, window=(0.0, 28.0), rule="log").area[0] == pytest.approx(
        STEIN_AUC, rel=5e-7
    )


def test_the_profile_of_a_program_for_t_cells() -> None:
    """The one test of TcellNCA 0.1.0 (Wang R, MIT licence): AUC0-28 and the terminal rate, as it prints them.

    That program puts a value of 1 at day 0; PKNCA 0.12.1 on the same profile, from zero, gives 874995.4 and, linear, 979953.9.
    """
    t = np.array([[-34.0, 0, 3, 7, 14, 29, 56, 85, 168]])
    v = np.array([[50.0, 1, 18998.6, 29261.4, 62113.0, 10920.7, 729.9, 184.9, 561.2]])
    codes, valid = np.zeros(t.shape, np.int8), np.ones(t.shape, bool)
    assert window_areas(t, v, codes, valid, window=(0.0, 28.0)).area[0] == pytest.approx(874996.883, abs=5e-4)
    assert terminal_slopes(t, v, codes, valid).lambda_z[0] == pytest.approx(0.015903226011427, rel=1e-12)
    measured = t[0] != 0
    curved, straight = (
        window_areas(
            t[:, measured],
            v[:, measured],
            codes[:, measured],
            valid[:, measured],
            window=(0.0, 28.0),
            rule=rule,
            at_start="zero",
        ).area[0]
        for rule in ("linear_up_log_down", "linear")
    )
    assert (curved, straight) == (pytest.approx(874995.4, abs=0.05), pytest.approx(979953.9, abs=0.05))
    assert straight / curved - 1 == pytest.approx(0.12, abs=5e-4)


@pytest.mark.parametrize(
    ("subject", "rule", "expected"),
    [
        ("1", "linear_up_log_down", 92.36544),
        ("2", "linear_up_log_down", 67.23456),
        ("12", "linear_up_log_down", 85.02592),
        ("1", "linear", 92.45055),
        ("2", "linear", 67.48030),
        ("12", "linear", 85.25050),
    ],
)
def test_theophylline(subject: str, rule: str, expected: float) -> None:
    with external("data/kinetics/r_datasets/Theoph.csv").open() as stream:
        rows = [(float(r["Time"]), float(r["conc"])) for r in csv.DictReader(stream) if r["Subject"] == subject]
    points = np.array(sorted(p for p in rows if p[0] <= 24))
    t, v = points[None, :, 0], points[None, :, 1]
    found = window_areas(
        t,
        v,
        np.zeros(t.shape, np.int8),
        np.ones(t.shape, bool),
        window=(0.0, 24.0),
        rule=rule,
        at_end="stop_at_last",
    )
    assert found.area[0] == pytest.approx(expected, abs=5e-6)  # published to five decimals
