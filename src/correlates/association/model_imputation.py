"""Gaps of the covariates of a model, as declared: filled with medians, or imputed several times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.association.model_columns import Prepared
from correlates.association.model_settings import Imputation, MissingCovariates
from correlates.stats.arrays import Floats
from correlates.stats.candidates import filled
from correlates.stats.resample_imputation import ConditionalMean, Imputing, impute_resamples


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Raw columns without gaps: ``values`` (n, q) that predictions are made from.

    Where gaps are imputed, ``sets`` (m, n, q) are what the model is made from, and ``rule`` what fills a gap for a prediction; None otherwise.
    """

    values: Floats
    sets: Floats | None = None
    rule: ConditionalMean | None = None


def within_resamples(settings: Imputation) -> Imputing:
    """How gaps are imputed in a resample."""
    return Imputing(imputations=settings.in_resamples, iterations=settings.iterations, donors=settings.donors)


def complete(
    prepared: Prepared, missing: MissingCovariates, settings: Imputation, seed: np.random.SeedSequence
) -> Completed:
    """The columns of all subjects, gaps filled or imputed."""
    everyone = np.ones((1, prepared.n))
    if missing != "imputed" or prepared.given.present.all() or prepared.n < 3:
        raw = filled(prepared.given, everyone)
        return Completed(values=raw if raw.ndim == 2 else raw[0])
    how = Imputing(imputations=settings.imputations, iterations=settings.iterations, donors=settings.donors)
    made = impute_resamples(prepared.given, prepared.target, everyone, how, seed)
    return Completed(values=made.rule.filled(prepared.given)[0], sets=made.values[0], rule=made.rule)
