"""What an assay report shows of the wells: replicates, partitions with the instrument's own interval, its own curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from correlates import units
from correlates.quantify import dpcr_checks
from correlates.quantify.analyte_names import split_unit
from correlates.quantify.dpcr_wells import add_volumes, judge_wells
from correlates.quantify.instruments import add_instrument
from correlates.quantify.plates import PLATE
from correlates.quantify.samples_join import analyte_wells
from correlates.quantify.settings import Assay, Dpcr, Immunoassay
from correlates.schema import conform
from correlates.schema.assay_review import PARTITION_WELLS, PRINTED_CURVES, REPLICATE_SETS
from correlates.stats import poisson
from correlates.terms import Flag, Role, SignalKind

_INTERVALS: tuple[tuple[str, str, str], ...] = (
    ("$['PoissonConfMin']", "$['PoissonConfMax']", "ends"),
    ("$['95%DeltaLCI']", "$['95%DeltaUCI']", "distances"),
    ("$['CI (95%) (dPCR reaction)']", "$['CI (95%) (dPCR reaction)']", "percent"),
    ("$['CI (95%)']", "$['CI (95%)']", "percent"),
)
"""Where instruments print the interval of a well: keys of ``extras`` for its lower and upper part, and what they are."""

_CURVE = {
    "slope": ("$['Slope']",),
    "intercept": ("$['Y-Intercept']",),
    "r_squared": ("$['R2']", "$['R(superscript 2)']", "$['R²']"),
    "efficiency": ("$['Efficiency']", "$['Efficiency %']"),
}
"""Where QuantStudio software prints its curve with every well."""

CQ, QUANTITY, SIGNAL = "SD of Cq", "CV of the quantity (%)", "CV of the signal (%)"
"""What the spread of replicates is measured by."""


def with_analytes(wells: pl.DataFrame, settings: Assay) -> pl.DataFrame:
    """The wells of the assay's targets with ``analyte``, the name of the target in the analysis."""
    if isinstance(settings, Immunoassay):
        spelled = {name.strip(): analyte for analyte, names in settings.analytes.items() for name in names}
        names = {
            t: spelled.get(t.strip()) or spelled.get(split_unit(t)[0]) or split_unit(t)[0] for t in _targets(wells)
        }
    else:
        declared = {name.strip(): analyte for analyte, names in settings.targets.items() for name in names}
        names = {t: declared[t.strip()] for t in _targets(wells) if t.strip() in declared}
    table = pl.DataFrame(list(names.items()), schema={"target": pl.String, "analyte": pl.String}, orient="row")
    return wells.join(table, on="target", maintain_order="left")


def _targets(wells: pl.DataFrame) -> list[str]:
    return wells["target"].unique().sort().to_list()


def partition_wells(wells: pl.DataFrame, settings: Dpcr, assay: str, *, confidence: float = 0.95) -> pl.DataFrame:
    """Each well of digital PCR with its Poisson interval, beside what the instrument printed.

    ``concentration`` is -ln(1 - p) over the volume of a partition, its interval that of the share of positives
    (:func:`correlates.stats.poisson.copies_per_partition`). The volume is that of the settings, else the one of the file's own
    concentrations: where that is so, concentrations agree by construction and the intervals are what is compared.
    """
    counted = _with_volumes(wells, settings, assay).filter("counted")
    found = poisson.copies_per_partition(
        counted["positives"].to_numpy(), counted["partitions"].to_numpy(), confidence, interval=settings.interval
    )
    per = 1000.0 / counted["partition_nl"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    factors = {u: _per_ul(u) for u in counted["reported_unit"].drop_nulls().unique()}
    unit = pl.col("reported_unit").replace_strict(factors, default=None, return_dtype=pl.Float64)
    printed = pl.col("reported") * unit
    made = counted.with_columns(
        pl.Series("concentration", found.copies * per),
        pl.Series("lower", found.lower * per),
        pl.Series("upper", found.upper * per),
        printed=printed,
        assay=pl.lit(assay),
    ).with_columns(printed_lower=_interval(-1), printed_upper=_interval(1))
    numbers = [c.name for c in PARTITION_WELLS.columns if c.name in made.columns and c.dtype == pl.Float64()]
    made = made.with_columns(pl.when(pl.col(c).is_finite()).then(pl.col(c)).alias(c) for c in numbers)
    return conform(made.select(PARTITION_WELLS.names), PARTITION_WELLS).sort("analyte", "file_id", "plate", "well")


def blank_limits(wells: pl.DataFrame, settings: Dpcr, assay: str) -> pl.DataFrame:
    """Limits of blank and detection of digital PCR from its control wells: :func:`dpcr_checks.blank_limits`."""
    return dpcr_checks.blank_limits(_with_volumes(wells, settings, assay), assay)


def _with_volumes(wells: pl.DataFrame, settings: Dpcr, assay: str) -> pl.DataFrame:
    chosen, _ = analyte_wells(wells, settings.targets, SignalKind.PARTITIONS, assay)
    placed, _ = add_instrument(chosen, settings, assay)
    placed, _ = judge_wells(placed, settings, assay)
    return add_volumes(placed, settings, assay)[0]


def _per_ul(unit: str) -> float | None:
    known = {name: u for u in units.UNITS if u.dimension == "copies per volume" for name in (u.symbol, *u.spellings)}
    return units.factor(unit, "copies/uL") if unit in known else None


def _interval(side: int) -> pl.Expr:
    """An end of the printed interval, in copies/uL."""
    parts = []
    for low, high, kind in _INTERVALS:
        text = pl.col("extras").str.json_path_match(low if side < 0 else high)
        value = text.str.strip_suffix("%").str.strip_chars().cast(pl.Float64, strict=False)
        if kind == "percent":  # a bare number there is something else
            value = pl.when(text.str.ends_with("%")).then(pl.col("printed") * (1.0 + side * value / 100.0))
        elif kind == "distances":
            value = pl.col("printed") + side * value
        parts.append(value)
    return pl.coalesce(parts)


def replicate_sets(wells: pl.DataFrame, results: pl.DataFrame, assay: str) -> pl.DataFrame:
    """How far replicate wells lie apart, by sample (or level of the standards), analyte and plate.

    Parameters
    ----------
    wells
        Wells of the assay with ``analyte``; omitted ones do not count.
    results
        Results by plate: the CV of the quantity comes from them, where there is one.
    assay
        Name of the assay.

    Notes
    -----
    For Cq the spread is the standard deviation of Cq over the mean Cq; for digital PCR and immunoassays the CV of the quantity; without
    any quantity, the CV of the signal.
    """
    used = pl.col("signal").is_not_null() & (pl.col("flag") != Flag.OMITTED.value).fill_null(value=True)
    replicated = wells.filter(used & pl.col("role").is_in([Role.UNKNOWN.value, Role.QC.value, Role.STANDARD.value]))
    named = pl.when((pl.col("role") == Role.STANDARD.value) & (pl.col("nominal") > 0)).then(
        pl.format("standard {}", pl.col("nominal").round_sig_figs(6).cast(pl.String).str.strip_suffix(".0"))
    )
    sets = (
        replicated.with_columns(sample_id=pl.coalesce(named, "sample_id"))
        .filter(pl.col("sample_id").is_not_null())
        .group_by("analyte", "sample_id", "role", *PLATE)
        .agg(
            n=pl.len().cast(pl.Int64),
            mean=pl.col("signal").mean(),
            sd=pl.col("signal").std(),
            kind=pl.col("signal_kind").first(),
            wells=pl.col("well").sort(),
            source_ids=pl.col("well_id").sort(),
        )
        .filter(pl.col("n") >= 2)
    )
    key = ["analyte", "sample_id", "role", *PLATE]
    sets = sets.join(results.select(*key, "estimate", "cv", "unit"), on=key, how="left", maintain_order="left")
    by_cq = pl.col("kind") == SignalKind.CQ.value
    quantified = bool(sets["cv"].is_not_null().any())
    if quantified:  # where some have a quantity, standards and the others are not on that scale
        sets = sets.filter(by_cq | pl.col("cv").is_not_null())
    level, spread = ("estimate", pl.col("cv")) if quantified else ("mean", 100.0 * pl.col("sd") / pl.col("mean"))
    made = sets.with_columns(
        assay=pl.lit(assay),
        level=pl.when(by_cq).then("mean").otherwise(level),
        spread=pl.when(by_cq).then("sd").otherwise(spread),
        measure=pl.when(by_cq).then(pl.lit(CQ)).otherwise(pl.lit(QUANTITY if quantified else SIGNAL)),
        unit=pl.when(~by_cq & pl.lit(quantified)).then("unit"),
    ).with_columns(pl.when(pl.col("spread").is_finite()).then(pl.col("spread")).alias("spread"))
    return conform(made.select(REPLICATE_SETS.names), REPLICATE_SETS).sort(REPLICATE_SETS.key)


def printed_curves(wells: pl.DataFrame, assay: str) -> pl.DataFrame:
    """The standard curve that the instrument's software printed with the wells, by plate and analyte."""

    def number(paths: Sequence[str]) -> pl.Expr:
        cells = [pl.col("extras").str.json_path_match(path).cast(pl.Float64, strict=False) for path in paths]
        return pl.coalesce(cells).drop_nulls().first()

    found = (
        wells.filter(pl.col("signal_kind") == SignalKind.CQ.value)
        .group_by("analyte", *PLATE)
        .agg(**{name: number(paths) for name, paths in _CURVE.items()})
        .filter(pl.col("slope").is_not_null() | pl.col("r_squared").is_not_null())
        .with_columns(assay=pl.lit(assay))
    )
    return conform(found.select(PRINTED_CURVES.names), PRINTED_CURVES).sort(PRINTED_CURVES.key)
