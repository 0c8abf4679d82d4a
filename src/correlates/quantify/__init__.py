"""From wells to measurements: what each sample holds, in the reported unit, with its interval, limits and reasons.

The only entrance is :func:`quantify`; each kind of assay is one record of :data:`QUANTIFIERS`.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.errors import PlanError, unknown
from correlates.quantify.dpcr import DPCR
from correlates.quantify.immunoassay import IMMUNOASSAY
from correlates.quantify.qpcr import QPCR
from correlates.quantify.record import Quantified, Quantifier
from correlates.quantify.settings import Assay

QUANTIFIERS: tuple[Quantifier, ...] = (
    QPCR,
    DPCR,
    IMMUNOASSAY,
)


def quantify(
    name: str,
    wells: pl.DataFrame,
    samples: pl.DataFrame,
    product: pl.DataFrame,
    settings: Assay,
    *,
    files: Mapping[str, str] | None = None,
) -> Quantified:
    """Quantify the samples of one assay.

    Parameters
    ----------
    name
        Name of the assay; it begins every ``measurement_id``, ``curve_id`` and ``check_id``.
    wells
        Table of wells, those of this assay's files.
    samples
        The manifest: subjects, days, and the factors of the unit chain.
    product
        Product attributes, long: further factors.
    settings
        The rules; their ``kind`` chooses the method.
    files
        Path by file_id, for what depends on the order of plates (``reruns: last_accepted``). Without it plates are ordered
        by their name, then file_id.

    Returns
    -------
    Quantified
        Measurements, curves, curve points and checks, each conformed to its table and sorted by its key, whatever the
        order of the input rows.

    Raises
    ------
    InputError
        Input that deviates from its table or contradicts itself.
    PlanError
        Settings that cannot be.
    """
    for quantifier in QUANTIFIERS:
        if quantifier.code == settings.kind:
            return quantifier.function(name, wells, samples, product, settings, files or {})
    raise PlanError(unknown("kind of assay", settings.kind, [q.code for q in QUANTIFIERS], code="unknown-assay-kind"))


__all__ = ["QUANTIFIERS", "Quantified", "Quantifier", "quantify"]
