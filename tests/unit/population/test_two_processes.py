"""Half of the chains in a second process: which draws are whose, and what is said when it ends without any."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tests.unit.population.data import prepared

from correlates.population import PopulationModel, laplace, two_processes
from correlates.population.fit import numbers
from correlates.population.sampling import Chains

pytest.importorskip("numpyro")

DRAWS, SUBJECTS = 3, 3


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Chains and seed of what is sampled in this process, whose draws are all one; the second process samples truly."""
    calls = []

    def ones(data, prior, near, *, chains: int, warmup: int, draws: int, seed: int) -> Chains:
        calls.append((chains, seed))
        return Chains(
            theta=np.ones((chains, draws, near.theta.size)),
            phi=np.ones((chains, draws, SUBJECTS, 6)),
            diverging=np.zeros((chains, draws), dtype=np.bool_),
            steps=np.ones((chains, draws), dtype=np.int64),
        )

    monkeypatch.setattr(two_processes, "sample_in_step", ones)
    return calls


@cache
def _near():
    made = prepared(4, SUBJECTS, lloq=2.0)
    prior = numbers(made, PopulationModel(assay="qpcr"))
    return made.data, prior, laplace.fit(made.data, prior, draws=10, rng=np.random.default_rng(1))


def test_the_first_half_is_of_this_process_and_the_second_of_the_other(asked: list[tuple[int, int]]) -> None:
    data, prior, near = _near()
    made = two_processes.sample(data, prior, near, chains=3, warmup=2, draws=DRAWS, seed=5)
    assert [chains for chains, _ in asked] == [2]
    assert made.theta.shape == (3, DRAWS, near.theta.size)
    assert made.phi.shape == (3, DRAWS, SUBJECTS, 6)
    assert made.diverging.shape == made.steps.shape == (3, DRAWS)
    assert (made.theta[:2] == 1.0).all()
    assert np.isfinite(made.theta[2]).all()
    assert (made.theta[2] != 1.0).any()


def test_one_chain_needs_no_second_process(asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_processes.sys, "executable", "/nowhere")
    data, prior, near = _near()
    made = two_processes.sample(data, prior, near, chains=1, warmup=2, draws=DRAWS, seed=5)
    assert made.theta.shape[0] == len(asked) == 1


def test_a_second_process_without_draws_is_an_error(
    asked: list[tuple[int, int]], capfd: pytest.CaptureFixture[str]
) -> None:
    data, _, near = _near()
    with pytest.raises(RuntimeError, match="half the chains ended with 1"):
        two_processes.sample(data, None, near, chains=2, warmup=2, draws=DRAWS, seed=5)  # type: ignore[arg-type]
    assert "Error" in capfd.readouterr().err
