"""Expected concentrations of standards are typed in by people: find the one that cannot be true."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import fmean, median

import polars as pl

from correlates.quantify.rules import check_rows, gather
from correlates.quantify.settings import Standards

_FEWEST = 4  # levels that must remain to say what the series is
_MOST_WRONG = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What a series of expected concentrations says of itself.

    Attributes
    ----------
    geometric
        Every step is within the tolerance of the common one.
    wrong
        Positions of the values that cannot be true; empty where the series is geometric, or where no one or two values
        explain why it is not.
    should_be
        What the others say these values are.
    step
        The common factor from level to level (above 1).
    """

    geometric: bool
    wrong: tuple[int, ...]
    should_be: tuple[float, ...]
    step: float


def read_series(values: Sequence[float], places: Sequence[int], tolerance: float) -> Series:
    """Check a series of expected concentrations.

    Parameters
    ----------
    values
        Concentrations above 0.
    places
        Place of each in the series (the number of the standard), increasing; a gap is a level that is not there.
    tolerance
        Factor by which a step may differ from the common one.

    Notes
    -----
    On the log scale a dilution series is a line in the place. Where some step differs from the median step by more than the
    tolerance, the smallest set of one or two values without which all steps agree is the one that cannot be true; each lies
    off the line of the others by more than the tolerance. At least four values must remain.
    """
    logs = [math.log(v) for v in values]
    allowed = math.log(tolerance)
    everything = tuple(range(len(logs)))
    common = _common(logs, places, everything)
    if common is None or _off(logs, places, everything, common) <= allowed:
        return Series(geometric=True, wrong=(), should_be=(), step=1.0 if common is None else math.exp(abs(common)))
    for number in range(1, _MOST_WRONG + 1):
        found: list[tuple[float, tuple[int, ...], tuple[float, ...], float]] = []
        for out in combinations(everything, number):
            rest = tuple(i for i in everything if i not in out)
            slope = _common(logs, places, rest)
            if len(rest) < _FEWEST or slope is None:
                continue
            worst = _off(logs, places, rest, slope)
            centre = fmean(logs[i] - slope * places[i] for i in rest)
            told = tuple(centre + slope * places[i] for i in out)
            far = all(abs(logs[i] - t) > allowed for i, t in zip(out, told, strict=True))
            if worst <= allowed and abs(slope) > allowed and far:
                found.append((worst, out, tuple(math.exp(t) for t in told), slope))
        if found:
            _, out, told, slope = min(found)
            return Series(geometric=False, wrong=out, should_be=told, step=math.exp(abs(slope)))
    return Series(geometric=False, wrong=(), should_be=(), step=math.exp(abs(common)))


def _common(logs: Sequence[float], places: Sequence[int], keep: Sequence[int]) -> float | None:
    """Median step per place."""
    steps = [(logs[j] - logs[i]) / (places[j] - places[i]) for i, j in pairwise(keep)]
    return median(steps) if steps else None


def _off(logs: Sequence[float], places: Sequence[int], keep: Sequence[int], common: float) -> float:
    """Largest deviation of a step from the common one."""
    return max(abs(logs[j] - logs[i] - common * (places[j] - places[i])) for i, j in pairwise(keep))


def check_expected(standards: pl.DataFrame, settings: Standards, assay: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Check the series of every plate and analyte.

    Parameters
    ----------
    standards
        Standard wells with a nominal above 0: ``curve``, ``file_id``, ``plate``, ``analyte``, ``sample_id``, ``nominal``,
        ``signal``, ``well_id``.
    settings
        The rule.
    assay
        Name of the assay.

    Returns
    -------
    tuple
        The wrong levels, ``curve``, ``sample_id``, ``nominal`` (as typed) and ``should_be``; and the checks.

    Notes
    -----
    Levels are in the order of the numbers in their names (Standard1, Standard2 ...). Where names have no numbers of their
    own, a series that is geometric when sorted is right; otherwise levels are in the order of their mean signal.
    """
    nothing = pl.DataFrame(
        schema={"curve": pl.Int64, "sample_id": pl.String, "nominal": pl.Float64, "should_be": pl.Float64}
    )
    if not settings.check or standards.height == 0:
        return nothing, gather(())
    levels = (
        standards.group_by("curve", "sample_id", "nominal")
        .agg(pl.col("signal").mean(), pl.col("well_id").sort())
        .sort("curve", "sample_id", "nominal", nulls_last=True)
    )
    wrong: list[tuple[int, str | None, float, float]] = []
    verdicts: list[tuple[int, bool, str, float]] = []
    for (curve,), rows in levels.group_by("curve", maintain_order=True):
        names, values = rows["sample_id"].to_list(), rows["nominal"].to_list()
        order, places = _in_order(names, values, rows["signal"].to_list(), settings.tolerance)
        series = read_series([values[i] for i in order], places, settings.tolerance)
        spread = "a monotone series" if series.geometric else "steps that differ"
        verdicts.append((curve, series.geometric, f"{spread}, common step {series.step:.3g}", series.step))
        wrong += [
            (curve, names[order[i]], values[order[i]], told)
            for i, told in zip(series.wrong, series.should_be, strict=True)
        ]
    found = pl.DataFrame(wrong, schema=nothing.schema, orient="row")
    return found, _checks(standards, levels, found, verdicts, settings, assay)


def _in_order(
    names: list[str | None], values: list[float], signals: list[float | None], tolerance: float
) -> tuple[list[int], list[int]]:
    """Order of the levels and their places."""
    numbers = [_number(name) for name in names]
    if None not in numbers and len(set(numbers)) == len(numbers):
        known = [n for n in numbers if n is not None]
        order = sorted(range(len(names)), key=known.__getitem__)
        return order, [known[i] for i in order]
    everything = list(range(len(names)))
    by_value = sorted(everything, key=values.__getitem__)
    if None in signals or read_series([values[i] for i in by_value], everything, tolerance).geometric:
        return by_value, everything
    return sorted(everything, key=lambda i: signals[i] or 0.0), everything


def _number(name: str | None) -> int | None:
    """The last number in a name: Standard3, STD_03, S3."""
    found = re.findall(r"\d+", name or "")
    return int(found[-1]) if found else None


def _checks(
    standards: pl.DataFrame,
    levels: pl.DataFrame,
    wrong: pl.DataFrame,
    verdicts: list[tuple[int, bool, str, float]],
    settings: Standards,
    assay: str,
) -> pl.DataFrame:
    plates = standards.group_by("curve").agg(
        pl.col("file_id", "plate", "analyte").first(), ids=pl.col("well_id").sort()
    )
    series = pl.DataFrame(
        verdicts,
        schema={"curve": pl.Int64, "geometric": pl.Boolean, "found": pl.String, "step": pl.Float64},
        orient="row",
    ).join(plates, on="curve", how="left", maintain_order="left")
    action = {"correct": "corrected", "exclude": "excluded", "keep": "kept"}[settings.on_impossible]
    named = wrong.join(
        levels, on=["curve", "sample_id", "nominal"], how="left", maintain_order="left", nulls_equal=True
    ).join(plates.drop("ids"), on="curve", how="left", maintain_order="left")
    unexplained = series.join(wrong.select("curve").unique(), on="curve", how="anti", maintain_order="left")
    plate = pl.format("{}/{}", "file_id", "plate")
    return gather(
        (
            check_rows(
                unexplained,
                assay=assay,
                scope="plate",
                rule="expected_series",
                item=plate,
                target=pl.col("analyte"),
                passed=pl.col("geometric"),
                found=pl.col("found"),
                value=pl.col("step"),
                required=f"monotone, every step within a factor of {settings.tolerance:g} of the common one",
                action="kept",
                sources=pl.col("ids"),
            ),
            check_rows(
                named,
                assay=assay,
                scope="standard",
                rule="expected_concentration",
                item=pl.format("{}/{}/{}", "file_id", "plate", pl.col("sample_id").fill_null("standard")),
                part=pl.col("nominal").cast(pl.String),
                target=pl.col("analyte"),
                passed=pl.lit(value=False),
                found=pl.col("nominal").round_sig_figs(6).cast(pl.String),
                value=pl.col("nominal"),
                required=pl.format(
                    "{} as the other levels have it, within a factor of {}",
                    pl.col("should_be").round_sig_figs(4),
                    pl.lit(f"{settings.tolerance:g}"),
                ),
                action=action,
                sources=pl.col("well_id"),
            ),
        )
    )
