"""Population models of cellular kinetics: how they fitted and what they estimate."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from correlates.rounding import NOTHING, fixed, interval, number, percent, unit_text
from correlates.tables.record import DisplayTable, counts, marked, numbers, words

_METHODS = {"nuts": "No-U-Turn sampler", "laplace": "Laplace's approximation, importance-sampled"}
_KINDS = {
    "typical": "Typical value",
    "derived": "Derived from typical values",
    "effect": "Covariate",
    "omega": "Between subjects",
    "correlation": "Correlation",
    "residual": "Residual",
}


def population_fits(frame: pl.DataFrame, labels: Mapping[str, str], reasons: Mapping[str, str]) -> DisplayTable | None:
    """Each model: what was fitted and whether it converged; None where none was declared."""
    if frame.is_empty():
        return None
    outcome = [
        "converged" if ok else f"{reasons.get(reason, reason)}: {detail}. No number of this model is reported"
        for ok, reason, detail in frame.select("converged", "reason", "detail").iter_rows()
    ]
    shares = [b / n if n else None for b, n in frame.select("n_below", "n_samples").iter_rows()]
    return DisplayTable(
        name="population_fits",
        title="Population models of cellular kinetics",
        columns=(
            words("Model", frame["label"]),
            words("Assay", [labels.get(a, a) for a in frame["assay"]]),
            words("Method", [_METHODS[m] for m in frame["method"]]),
            counts("Subjects", frame["n_subjects"]),
            counts("Samples", frame["n_samples"]),
            numbers("Share below LLOQ", shares, percent),
            words("Outcome", outcome),
            counts("Draws", frame["draws"]),
            counts("Divergences", frame["divergences"]),
            numbers("Largest R-hat", frame["rhat"], lambda v: fixed(v, 4)),
            numbers("Smallest ESS, bulk", frame["ess_bulk"]),
            numbers("Smallest ESS, tail", frame["ess_tail"]),
            numbers("Last step (SE)", frame["step"]),
            numbers("Effective importance samples", frame["importance"], lambda v: percent(v, 1)),
            numbers("Pareto shape", frame["pareto"], lambda v: fixed(v, 2)),
        ),
        note="R-hat and effective sample sizes (ESS) are rank-normalised and split (Vehtari 2021). The last step, the share of effective importance "
        "samples and the Pareto shape of the weights are those of the fast mode, from which the sampler starts. Posterior draws are kept in the folder of the run as netCDF.",
    )


def population_estimates(frame: pl.DataFrame, fits: pl.DataFrame, reasons: Mapping[str, str]) -> DisplayTable | None:
    """Typical values, covariate effects, spread between subjects, correlations and residual of every model."""
    if frame.is_empty():
        return None
    titles = dict(fits.select("model", "label").iter_rows())
    spans = [
        NOTHING if low is None and high is None else interval(low, high)
        for low, high in frame.select("lower", "upper").iter_rows()
    ]
    level = percent(frame["level"][0])
    return DisplayTable(
        name="population_estimates",
        title="Estimates of the population models",
        columns=(
            words("Model", [titles.get(m, m) for m in frame["model"]], choose=True),
            words("Kind", [_KINDS[k] for k in frame["kind"]], choose=True),
            words("Estimate", frame["label"]),
            words("Unit", [unit_text(u) for u in frame["unit"]]),
            marked("Posterior median", map(fixed, frame["value"]), frame["value"]),
            marked(f"{level} interval", spans, frame["lower"]),
            numbers("Shrinkage", frame["shrinkage"], percent),
            numbers("R-hat", frame["rhat"], lambda v: fixed(v, 4)),
            numbers("ESS, bulk", frame["ess_bulk"], number),
            words("Prior", frame["prior"]),
            words("Missing because", [None if r is None else reasons.get(r, r) for r in frame["reason"]]),
        ),
        note="A typical value is the median over subjects with average covariates. Spread between subjects is the standard deviation of the logarithm. "
        "Shrinkage is one minus the standard deviation of the subjects' posterior means over that spread: where it is large, what the model says of a "
        "subject is mostly what it says of all.",
    )
