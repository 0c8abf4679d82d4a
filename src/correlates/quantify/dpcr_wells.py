"""Wells of digital PCR: which count, and the volume of their partitions."""

from __future__ import annotations

import polars as pl

from correlates import units
from correlates.quantify.rules import check_rows, figure, gather
from correlates.quantify.settings import Dpcr
from correlates.terms import Flag, Role

PLATE = pl.format("{}/{}", "file_id", "plate")
_ONE_VOLUME = 0.01  # wells whose volumes differ by less were computed with one, and printed with few digits
_NOMINAL = 0.05  # a volume further from the nominal than this is reported
_CONTRADICTS = (
    0.25  # a printed concentration further than this from its counts cannot be explained by the well's volume
)
_FEW_DIGITS = 0.05  # copies per uL: what few printed decimals can hide


def judge_wells(wells: pl.DataFrame, settings: Dpcr, assay: str) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Add ``good``: counted, not omitted, and enough partitions. Controls and diluted wells are reported on.

    ``wells`` has ``min_partitions`` (null where neither declared nor known: the rule is then not applied).
    """
    omitted = (pl.col("flag") == Flag.OMITTED.value).fill_null(value=False)
    counted = pl.col("positives").is_not_null() & (pl.col("partitions") > 0)
    possible = (pl.col("positives") <= pl.col("partitions")).fill_null(value=True)
    wells = wells.with_columns(
        counted=counted & possible & ~omitted,
        enough=(pl.col("partitions") >= pl.col("min_partitions")).fill_null(value=True),
    ).with_columns(good=pl.col("counted") & pl.col("enough"))
    unknown_role = pl.col("role") == Role.UNKNOWN.value
    ids = pl.concat_list("well_id")
    controls = wells.filter((pl.col("role") == Role.NTC.value) & pl.col("counted"))
    diluted = (
        wells.filter(unknown_role & (pl.col("dilution") != 1.0))
        .group_by("file_id", "plate")
        .agg(pl.col("dilution").unique().sort().cast(pl.String).str.join(", "), pl.col("well_id").sort())
    )
    return wells, [
        check_rows(
            wells.filter(unknown_role & pl.col("counted") & pl.col("min_partitions").is_not_null()),
            assay=assay,
            scope="well",
            rule="min_partitions",
            item=pl.col("well_id"),
            target=pl.col("analyte"),
            passed=pl.col("enough"),
            found=pl.format("{} partitions", "partitions"),
            value=pl.col("partitions"),
            required=pl.format("at least {}", "min_partitions"),
            action="excluded",
            sources=ids,
        ),
        check_rows(
            wells.filter(~possible),
            assay=assay,
            scope="well",
            rule="counts_possible",
            item=pl.col("well_id"),
            target=pl.col("analyte"),
            passed=pl.lit(value=False),
            found=pl.format("{} positive of {} partitions", "positives", "partitions"),
            required="no more positive than accepted partitions",
            action="excluded",
            sources=ids,
        ),
        check_rows(
            controls,
            assay=assay,
            scope="well",
            rule="ntc",
            item=pl.col("well_id"),
            target=pl.col("analyte"),
            passed=pl.col("positives") < settings.lloq,
            found=pl.format("{} positive partitions", "positives"),
            value=pl.col("positives"),
            required=f"fewer than {settings.lloq:g} positive partitions",
            action="flagged",
            sources=ids,
        ),
        check_rows(
            diluted,
            assay=assay,
            scope="plate",
            rule="dilution",
            item=PLATE,
            passed=pl.lit(value=False),
            found=pl.format("the file states the dilution {}", "dilution"),
            required="no dilution, or a step of the unit chain for it: the file's is not applied",
            action="flagged",
            sources=pl.col("well_id"),
        ),
    ]


def add_volumes(wells: pl.DataFrame, settings: Dpcr, assay: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add ``partition_nl``: declared; else that of the file's own concentrations; else the instrument's nominal.

    The file's is -ln(1 - p)/concentration: the median of the plate's eight fullest wells, whose printed concentrations
    have the most digits. Where these differ by more than 1 % the instrument corrects the volume of each well (QIAcuity),
    and each well keeps its own. The check ``partition_volume`` compares it with what is declared or nominal;
    ``printed_concentration`` names wells whose printed concentration contradicts their counts (edited, or of other counts).
    """
    per_ul = {u: units.factor(u, "copies/uL") for u in _volume_units(wells)}
    p = pl.col("positives") / pl.col("partitions")
    printed = pl.col("reported") * pl.col("reported_unit").replace_strict(per_ul, return_dtype=pl.Float64, default=None)
    tells = pl.col("counted") & (pl.col("positives") > 0) & (pl.col("positives") < pl.col("partitions"))
    wells = wells.with_columns(
        printed=printed, own_nl=pl.when(tells & (printed > 0)).then(-1000.0 * (1.0 - p).log() / printed)
    )
    fullest = pl.col("own_nl").drop_nulls().top_k_by(pl.col("positives").filter(pl.col("own_nl").is_not_null()), 8)
    expected = pl.coalesce(pl.lit(settings.partition_nl, dtype=pl.Float64), "nominal_nl")
    volumes = (
        wells.group_by("file_id", "plate")
        .agg(
            pl.col("instrument_label").first(),
            plate_nl=fullest.median(),
            low=fullest.min(),
            high=fullest.max(),
            expected=expected.first(),
        )
        .sort("file_id", "plate")
        .with_columns(each=(pl.col("high") / pl.col("low") > 1.0 + _ONE_VOLUME).fill_null(value=False))
    )
    what = "declared" if settings.partition_nl is not None else "nominal"
    whose = pl.lit("") if settings.partition_nl is not None else pl.format(" of {}", "instrument_label")
    near = ((pl.col("plate_nl") / pl.col("expected") - 1.0).abs() <= _NOMINAL).fill_null(value=True)
    known = pl.coalesce("plate_nl", "expected").is_not_null() | (settings.reference is not None)
    checks = check_rows(
        volumes,
        assay=assay,
        scope="plate",
        rule="partition_volume",
        item=PLATE,
        passed=near & known,
        found=pl.when(pl.col("plate_nl").is_null())
        .then(pl.lit("the file has no concentration to take it from"))
        .when("each")
        .then(
            pl.format(
                "{} to {} nL by the file's concentrations, each well's own",
                figure(pl.col("low")),
                figure(pl.col("high")),
            )
        )
        .otherwise(pl.format("{} nL by the file's concentrations", figure(pl.col("plate_nl")))),
        value=pl.coalesce("plate_nl", "expected"),
        required=pl.when(pl.col("expected").is_null())
        .then(pl.lit("a volume: declared, nominal or of the file's concentrations; not needed with a reference"))
        .otherwise(
            pl.format(
                "within {} % of {} nL, {}{}",
                pl.lit(f"{100 * _NOMINAL:g}"),
                figure(pl.col("expected")),
                pl.lit(what),
                whose,
            )
        ),
        action="flagged",
    )
    wells = wells.join(
        volumes.select("file_id", "plate", "plate_nl", "each"), on=["file_id", "plate"], maintain_order="left"
    )
    computed = -1000.0 * (1.0 - p).log() / pl.coalesce("plate_nl", expected)
    astray = (
        pl.when(pl.col("counted") & (pl.col("positives") < pl.col("partitions")))
        .then((pl.col("printed") - computed).abs() > _CONTRADICTS * computed + _FEW_DIGITS)
        .fill_null(value=False)
    )
    wells = wells.with_columns(astray=astray)
    compared = pl.col("printed").is_not_null() & pl.col("counted")
    checks = gather((checks, _printed_checks(wells.filter(compared), assay)))
    if settings.partition_nl is not None:
        return wells.with_columns(partition_nl=pl.lit(settings.partition_nl), volume_source=pl.lit("declared")), checks
    own = pl.col("each") & pl.col("own_nl").is_not_null() & ~pl.col("astray")
    from_file = pl.when(own).then("own_nl").otherwise("plate_nl")
    return wells.with_columns(
        partition_nl=pl.coalesce(from_file, "nominal_nl"),
        volume_source=pl.when(from_file.is_not_null())
        .then(pl.lit("from the instrument's own concentrations"))
        .otherwise(pl.format("nominal of {}", "instrument_label")),
    ), checks


def _printed_checks(wells: pl.DataFrame, assay: str) -> pl.DataFrame:
    plates = (
        wells.group_by("file_id", "plate")
        .agg(pl.len(), astray=pl.col("astray").sum(), ids=pl.col("well_id").filter("astray").sort())
        .sort("file_id", "plate")
    )
    return check_rows(
        plates,
        assay=assay,
        scope="plate",
        rule="printed_concentration",
        item=PLATE,
        passed=pl.col("astray") == 0,
        found=pl.format("{} of {} printed concentrations contradict their counts", "astray", "len"),
        value=pl.col("astray"),
        required=f"within {100 * _CONTRADICTS:g} % of what the counts give",
        action="flagged",
        sources=pl.col("ids"),
    )


def _volume_units(wells: pl.DataFrame) -> list[str]:
    """The units the files state that are copies per volume."""
    known = {name for u in units.UNITS if u.dimension == "copies per volume" for name in (u.symbol, *u.spellings)}
    folded = {name.replace(" ", "").casefold() for name in known}
    stated = wells["reported_unit"].drop_nulls().unique().to_list()
    return sorted(u for u in stated if u.replace("µ", "u").replace("μ", "u").replace(" ", "").casefold() in folded)
