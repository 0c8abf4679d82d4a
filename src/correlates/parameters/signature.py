"""An inflammation signature: the probability that a subject belongs to the inflamed one of clusters found in baseline values.

The clusters are found without looking at any outcome, so that their probability is a biomarker like any other. The idea is that of Raj et al., Nat
Med 2025;31:1183-1194; the clusters are those of the subjects at hand, and no published coefficient is used.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from correlates.parameters.checks import check, table
from correlates.parameters.emit import ROWS
from correlates.parameters.ratios import ORDER, part_rows
from correlates.parameters.record import Computed, Inputs
from correlates.parameters.settings import Signature
from correlates.schema.table import NUMBER, TEXT
from correlates.stats.arrays import Bools, Floats, Ints
from correlates.stats.gaussian_mixture import Clusters, Covariance, chosen, fit_clusters
from correlates.terms import Censoring, Reason

_LEAST_SUBJECTS = 20


def signature(code: str, settings: Signature, inputs: Inputs) -> Computed:
    """Probability of the cluster in which the mean of ``toward`` is highest, from the values a subject has."""
    parts = [
        inputs.subjects.select("subject_id").join(
            part_rows(part, inputs), on="subject_id", how="left", maintain_order="left"
        )
        for part in settings.of
    ]
    values = np.stack([p["value"].fill_null(np.nan).to_numpy() for p in parts], axis=1).astype(np.float64)
    logged = np.array([part in settings.log for part in settings.of])
    positive = ~(logged & (values <= 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(logged, np.log10(np.where(positive, values, np.nan)), values)
    present = np.isfinite(x)
    enough = present.sum(axis=1) >= settings.least
    reasons = np.where(enough, "", Reason.TOO_FEW_VALUES.value).astype(object)
    probability, note = _probability(settings, x, present, enough)
    if probability is None:
        reasons[enough] = note["reason"]
        probability = np.full(enough.size, np.nan)
    return Computed(
        rows=_rows(code, settings, inputs, parts, present, probability, reasons), checks=table([_told(code, note)])
    )


def _probability(settings: Signature, x: Floats, present: Bools, enough: Bools) -> tuple[Floats | None, dict[str, str]]:
    """The probability (n,), or None and why; and what was found, in words."""
    used = present[enough]
    there = np.flatnonzero([np.unique(column[mask]).size > 1 for column, mask in zip(x[enough].T, used.T, strict=True)])
    kept = used[:, there].any(axis=1)
    if kept.sum() < _LEAST_SUBJECTS or there.size < 2:
        return None, {"reason": Reason.TOO_FEW.value, "found": f"{kept.sum()} subjects, {there.size} values that vary"}
    if settings.of.index(settings.toward) not in there:
        return None, {"reason": Reason.TOO_FEW_VALUES.value, "found": f"{settings.toward} takes fewer than two values"}
    rows = np.flatnonzero(enough)[kept]
    given, mask = np.where(present, x, 0.0)[np.ix_(rows, there)], present[np.ix_(rows, there)]
    counts = range(1, settings.most + 1) if settings.clusters == "icl" else (settings.clusters,)
    fits = {k: fit_clusters(given, k, present=mask, covariance=Covariance(settings.covariance)) for k in counts}
    best = chosen(fits)
    told = "; ".join(f"{k}: {fit.icl:.1f}{' (singular)' if fit.singular else ''}" for k, fit in fits.items())
    found = f"{best.weight.size} of {', '.join(map(str, fits))} clusters by ICL ({told}); {rows.size} subjects"
    if best.singular:
        return None, {"reason": Reason.SINGULAR_CLUSTERS.value, "found": found}
    if best.weight.size == 1:
        return None, {"reason": Reason.ONE_CLUSTER.value, "found": found}
    if not best.converged:
        return None, {"reason": Reason.NOT_CONVERGED.value, "found": found}
    inflamed = _inflamed(best, there, settings)
    result = np.full(enough.size, np.nan)
    result[rows] = best.probability[:, inflamed]
    means = ", ".join(f"{settings.of[j]} {best.mean[inflamed, i]:.3g}" for i, j in enumerate(there))
    return result, {"found": f"{found}; share {best.weight[inflamed]:.2f}; means {means}"}


def _inflamed(clusters: Clusters, there: Ints, settings: Signature) -> int:
    """The cluster with the highest mean of ``toward``."""
    column = int(np.flatnonzero(there == settings.of.index(settings.toward))[0])
    return int(np.argmax(clusters.mean[:, column]))


def _told(code: str, note: dict[str, str]) -> dict[str, object]:
    return check(
        subject=None,
        assay=code,
        rule="clusters",
        found=note["found"],
        required="two clusters or more",
        passed="reason" not in note,
        action="none",
    )


def _rows(
    code: str,
    settings: Signature,
    inputs: Inputs,
    parts: list[pl.DataFrame],
    present: Bools,
    probability: Floats,
    reasons: np.ndarray[tuple[int], np.dtype[np.object_]],
) -> pl.DataFrame:
    subjects = inputs.subjects["subject_id"].to_list()
    order = [t.value for t in ORDER]
    told = {t for frame in parts for t in frame["timing"].drop_nulls()}
    timing = max(told, key=order.index) if told else order[0]
    days = [frame["known_on_day"].to_list() for frame in parts]
    known, ids = [], []
    for i, subject in enumerate(subjects):
        seen = np.flatnonzero(present[i])
        each = [days[j][i] for j in seen]
        known.append(None if not each or None in each else max(each))
        ids.append([f"{settings.of[j]}@{subject}" for j in seen])
    fine = np.array([r == "" for r in reasons]) & np.isfinite(probability)
    return pl.DataFrame(
        {
            "subject_id": pl.Series(subjects, dtype=TEXT),
            "code": pl.Series([code] * len(subjects), dtype=TEXT),
            "analyte": pl.Series([None] * len(subjects), dtype=TEXT),
            "value": pl.Series(np.where(fine, probability, np.nan), dtype=NUMBER).fill_nan(None),
            "category": pl.Series([None] * len(subjects), dtype=TEXT),
            "unit": pl.Series([None] * len(subjects), dtype=TEXT),
            "censoring": pl.Series([Censoring.NONE.value if f else None for f in fine], dtype=TEXT),
            "reason": pl.Series(
                [None if f else (r or Reason.TOO_FEW_VALUES.value) for f, r in zip(fine, reasons, strict=True)],
                dtype=TEXT,
            ),
            "timing": pl.Series([timing] * len(subjects), dtype=TEXT),
            "known_on_day": pl.Series([d if f else None for d, f in zip(known, fine, strict=True)], dtype=NUMBER),
            "day": pl.Series([None] * len(subjects), dtype=NUMBER),
            "nominal_day": pl.Series([None] * len(subjects), dtype=NUMBER),
            "source_ids": pl.Series(ids, dtype=pl.List(TEXT)),
        }
    ).select(list(ROWS))
