"""Biomarkers as covariates whose effects can be compared: on their scale (log2 where declared), in standard deviations of who is analysed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from correlates.association.settings import Biomarker
from correlates.stats.arrays import Bools, Floats, Ints, divide, where
from correlates.terms import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariates:
    """m biomarkers of n patients: ``x`` (m, n) in standard deviations, 0 where absent; ``mean`` and ``sd`` (m,) on the scale of the effect.

    ``errors`` (m) says why a biomarker cannot be a covariate.
    """

    x: Floats
    mean: Floats
    sd: Floats
    logged: Bools
    errors: tuple[Reason | None, ...]

    def back(self, row: int, standard: Floats) -> Floats:
        """Values in standard deviations as values of the biomarker."""
        scaled = self.mean[row] + self.sd[row] * standard
        found: Floats = np.exp2(scaled) if self.logged[row] else scaled
        return found


def covariates(
    biomarkers: tuple[Biomarker, ...],
    values: Floats,
    present: Bools,
    censoring: Ints,
    finite: Bools,
    left_out: Bools | None = None,
) -> Covariates:
    """Biomarkers (m, n) as covariates; ``left_out`` tells who has a value that takes no part, because it lies beyond a limit."""
    numbers = where(present, values, 1.0)
    wanted = np.array([b.scale == "log2" for b in biomarkers], dtype=np.bool_)
    positive: Bools = np.all(numbers > 0, axis=1)
    logged = wanted & positive
    scaled = where(logged[:, None], np.log2(where(numbers > 0, numbers, 1.0)), numbers)
    count = present.sum(axis=1)
    mean = divide(where(present, scaled, 0.0).sum(axis=1), count)
    away = where(present, scaled - mean[:, None], 0.0)
    sd = np.sqrt(divide((away**2).sum(axis=1), count - 1))
    largest = np.abs(where(present, scaled, 0.0)).max(axis=1, initial=0.0)
    spread = sd > 1e-12 * largest
    errors: list[Reason | None] = []
    for i, biomarker in enumerate(biomarkers):
        if biomarker.kind != "numeric":
            errors.append(Reason.NOT_APPLICABLE)
        elif not finite[i]:
            errors.append(Reason.NOT_FINITE)
        elif count[i] == 0 and left_out is not None and left_out[i].any():
            errors.append(Reason.ALL_CENSORED)
        elif count[i] < 3:
            errors.append(Reason.TOO_FEW)
        elif wanted[i] and not positive[i]:
            errors.append(Reason.NOT_POSITIVE)
        elif not spread[i]:
            errors.append(Reason.ALL_CENSORED if (present[i] & (censoring[i] != 0)).any() else Reason.CONSTANT)
        else:
            errors.append(None)
    return Covariates(x=away / where(spread, sd, 1.0)[:, None], mean=mean, sd=sd, logged=logged, errors=tuple(errors))
