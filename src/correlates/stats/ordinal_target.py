"""An ordinal outcome, and the measures the linear predictors of a proportional-odds model are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from correlates.stats.arrays import Bools, Floats, Ints, divide, where
from correlates.stats.cumulative_logit import chances
from correlates.stats.elastic_net_likelihood import Family
from correlates.stats.logistic import Penalty
from correlates.stats.ordinal import ordinal_resamples
from correlates.stats.target import Measures, SurvivalTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdinalTarget:
    """Grades (n,) numbered 0..levels - 1."""

    grade: Ints
    levels: int

    @property
    def family(self) -> Family:
        """There is none: no penalised path is followed for an ordinal outcome."""
        raise ValueError("an ordinal outcome has no likelihood of one linear predictor")

    @property
    def event(self) -> Bools:
        """Whose grade is at or above the threshold that divides the subjects most evenly (n,): folds are balanced by it."""
        above = self.grade[None, :] >= np.arange(1, max(self.levels, 2))[:, None]
        even = np.abs(above.mean(axis=1) - 0.5)
        found: Bools = above[int(even.argmin())]
        return found

    @property
    def size(self) -> int:
        """N."""
        return int(self.grade.size)

    @property
    def effective(self) -> float:
        """Effective number of subjects, n - sum n_j^3 / n^2 (Harrell, Regression Modeling Strategies, 2nd ed. 2015, table 4.1)."""
        n = self.grade.size
        counts = np.bincount(self.grade, minlength=self.levels).astype(np.float64)
        return float(n - (counts**3).sum() / n**2) if n else 0.0

    def risk(self, eta: Floats, weight: Floats) -> Floats:  # noqa: ARG002
        """None: a grade is no event."""
        return np.full(eta.shape, np.nan)

    def measures(self, eta: Floats, weight: Floats, risk: Floats | None = None) -> Measures:  # noqa: ARG002
        """C (pairs of different grades that the predictor orders), and the slope of a proportional-odds regression on it (1 is ideal)."""
        won, pairs = self.pairs(eta, weight)
        total = weight.sum(axis=1, keepdims=True)
        counted = where(weight > 0, eta, 0.0)
        centre = (weight * counted).sum(axis=1, keepdims=True) / total
        spread = np.sqrt((weight * (counted - centre) ** 2).sum(axis=1) / total[:, 0])
        varied = np.isfinite(spread) & (spread > 1e-10 * (1.0 + np.abs(np.nan_to_num(centre[:, 0]))))
        slope = np.full(eta.shape[0], np.nan)
        at = np.flatnonzero(varied)
        if at.size:
            scaled = where(weight[at] > 0, (counted[at] - centre[at]) / spread[at, None], 0.0)
            fit = ordinal_resamples(
                scaled[:, :, None], self.grade, weight[at], levels=self.levels, penalty=Penalty.NONE
            )
            slope[at] = fit.coefficient[:, 0] / spread[at]
        return {"c_index": divide(won, pairs), "slope": slope}

    def pairs(self, eta: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """One has the higher grade: as times to an event that come the sooner the higher the grade, all of them seen."""
        turned = (self.levels - 1.0) - self.grade.astype(np.float64)
        return SurvivalTarget(time=turned, event=np.ones(self.size, dtype=np.bool_)).pairs(eta, weight)

    def pair_weights(self) -> Mapping[str, Floats]:
        """See :class:`correlates.stats.target.Target`."""
        return {"c_index": where(self.grade[:, None] > self.grade[None, :], 1.0, 0.0)}

    def permuted(self, order: Ints) -> OrdinalTarget:
        """See :class:`correlates.stats.target.Target`."""
        return OrdinalTarget(grade=self.grade[order], levels=self.levels)


def class_probabilities(eta: Floats, threshold: Floats) -> Floats:
    """Probability of each of K grades (n, K) at linear predictors (n,) and thresholds (K - 1,)."""
    found: Floats = chances((eta[:, None] + threshold[None, :])[None]).share[0]
    return found


def ordinal_target(grade: npt.ArrayLike) -> OrdinalTarget:
    """Grades (n,) of any numbers; only their order counts."""
    grades, code = np.unique(np.asarray(grade), return_inverse=True)
    return OrdinalTarget(grade=code.astype(np.int64), levels=int(grades.size))
