"""The chains of the sampler in two processes of half of them each.

Chains of one process run in step, as one program, which keeps one core busy: as programs of their own within a process they could
wait for each other for ever on few cores. A second process of the same interpreter takes the second half beside the first. The
division does not depend on the number of cores, so that a seed gives the same draws everywhere.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from contextlib import suppress

import numpy as np

from correlates.population.density import Data, PriorNumbers
from correlates.population.laplace import LaplaceFit
from correlates.population.sampling import Chains, sample_in_step


def sample(
    data: Data, prior: PriorNumbers, near: LaplaceFit, *, chains: int, warmup: int, draws: int, seed: int
) -> Chains:
    """Sample the posterior with ``chains`` chains that start at random about the fast mode ``near``.

    Raises
    ------
    RuntimeError
        The second process ended without draws; what it said is on the standard error.
    """
    first, second = chains - chains // 2, chains // 2
    seeds = [int(part.generate_state(1)[0]) for part in np.random.SeedSequence(seed).spawn(2)]
    if not second:
        return sample_in_step(data, prior, near, chains=first, warmup=warmup, draws=draws, seed=seeds[0])
    asked = pickle.dumps((data, prior, near, second, warmup, draws, seeds[1]))
    command = [sys.executable, "-P", "-m", "correlates.population.two_processes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 our own words
        try:
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # it has ended already: told below
                process.stdin.write(asked)
                process.stdin.close()
            mine = sample_in_step(data, prior, near, chains=first, warmup=warmup, draws=draws, seed=seeds[0])
            assert process.stdout is not None
            told = process.stdout.read()
            if process.wait() != 0:
                raise RuntimeError(f"the process of half the chains ended with {process.returncode}")
        finally:
            process.kill()
    other: Chains = pickle.loads(told)  # noqa: S301 from the process started above
    return Chains(
        theta=np.concatenate((mine.theta, other.theta)),
        phi=np.concatenate((mine.phi, other.phi)),
        diverging=np.concatenate((mine.diverging, other.diverging)),
        steps=np.concatenate((mine.steps, other.steps)),
    )


def _answer() -> None:
    data, prior, near, chains, warmup, draws, seed = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 from our parent
    made = sample_in_step(data, prior, near, chains=chains, warmup=warmup, draws=draws, seed=seed)
    sys.stdout.buffer.write(pickle.dumps(made))


if __name__ == "__main__":
    _answer()
