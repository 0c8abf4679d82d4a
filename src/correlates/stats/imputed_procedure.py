"""A modelling procedure on multiply imputed data: gaps are imputed in each resample, the procedure is done in each data set, and the models are pooled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from correlates.stats.arrays import Floats, where
from correlates.stats.candidates import Candidates
from correlates.stats.design import expand
from correlates.stats.procedures import Declared, estimates_where_varied, predictors
from correlates.stats.resample_imputation import Imputing, impute_resamples
from correlates.stats.target import Target
from correlates.stats.validation import Fitted, Procedure


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplyImputed:
    """``inner`` in each imputed data set of each resample.

    Coefficients are the means over the data sets, of a column that at least half of them select (Wood, White and Royston, Stat Med
    2008;27:3227-3246), else 0. The outcome takes part in the imputation of the subjects a model is made from; for a prediction, of those
    subjects as of others, a gap becomes its expectation given the other columns (:class:`correlates.stats.resample_imputation.ConditionalMean`).
    """

    inner: Procedure
    how: Imputing

    def fit(self, given: Candidates, target: Target, weight: Floats, seed: np.random.SeedSequence) -> Fitted:
        """See :class:`correlates.stats.validation.Procedure`."""
        draw_seed, *seeds = seed.spawn(1 + weight.shape[0])
        made = impute_resamples(given, target, weight, self.how, draw_seed)
        k = self.how.imputations
        if isinstance(self.inner, Declared):
            sets = made.values.reshape(-1, *given.values.shape)
            x = sets if self.inner.terms is None else expand(self.inner.terms, sets)
            found = estimates_where_varied(target, x, np.repeat(weight, k, axis=0))
            each = found.coefficient.reshape(weight.shape[0], k, -1)
            inside = np.ones((*each.shape[:2], each.shape[2] - 1), dtype=np.bool_)
        else:
            complete = np.ones(given.values.shape, dtype=np.bool_)
            parts = [
                self.inner.fit(replace(given, values=values, present=complete), target, weight[b : b + 1], own)
                for b, seed_ in enumerate(seeds)
                for values, own in zip(made.values[b], seed_.spawn(k), strict=True)
            ]
            each = np.stack([p.coefficient[0] for p in parts if p.coefficient is not None])
            each = each.reshape(weight.shape[0], k, -1)
            inside = np.stack([p.selected[0] for p in parts]).reshape(weight.shape[0], k, -1)
        selected = np.asarray(inside.mean(axis=1) >= 0.5, dtype=np.bool_)
        coefficient = each.mean(axis=1)
        coefficient[:, 1:] = where(selected, coefficient[:, 1:], 0.0)
        filled = made.rule.filled(given)
        terms = self.inner.terms if isinstance(self.inner, Declared) else None
        columns = filled if terms is None else expand(terms, filled)
        return Fitted(eta=predictors(coefficient, columns), selected=selected, coefficient=coefficient)
