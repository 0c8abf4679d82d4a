"""Arrays of a simulated trial, as the stage makes them."""

from __future__ import annotations

import numpy as np
from tests.unit.population.trial import simulate

from correlates.population import PopulationModel
from correlates.population.density import Data
from correlates.population.prepare import Prepared, prepare
from correlates.schema import PARAMETERS


def prepared(seed: int, n: int, *, lloq: float = 0.0, **settings: object) -> Prepared:
    measurements, subjects, _ = simulate(seed, n, lloq=lloq)
    return prepare("kinetics", PopulationModel(assay="qpcr", **settings), measurements, PARAMETERS.empty(), subjects)


def arrays(seed: int, n: int, *, lloq: float = 0.0) -> Data:
    return prepared(seed, n, lloq=lloq).data


def of_oracle(case: dict[str, dict[str, list[float]]]) -> Data:
    """The samples of the case fitted by saemix."""
    ids, times, logs = (np.array(case["input"][key], dtype=float) for key in ("id", "time", "logc"))
    who = np.unique(ids)
    shape = (who.size, max(int((ids == i).sum()) for i in who))
    days, values, valid = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=bool)
    for row, i in enumerate(who):
        mine = ids == i
        days[row, : mine.sum()], values[row, : mine.sum()], valid[row, : mine.sum()] = times[mine], logs[mine], True
    return Data(
        days=days,
        logs=values,
        code=np.zeros(shape, dtype=np.int8),
        valid=valid,
        design=np.zeros((who.size, 0)),
        target=np.zeros((0, 6)),
    )
