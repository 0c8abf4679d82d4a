"""``assay``: instrument exports to an assay report, without a plan."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from correlates.errors import Problem, UsageError


def report_assays(
    files: Sequence[Path],
    *,
    out: Path,
    plan: Path | None,
    controls: Sequence[str],
    targets: Sequence[str],
    force: bool,
    json: bool,
) -> None:
    """Write the assay report and say where it is.

    Raises
    ------
    UsageError
        No file, a file that does not exist, or targets that are not ANALYTE=NAME,NAME.
    InputError
        A file is of no known format, or is wrong.
    """
    from correlates.cli.running import Narrator
    from correlates.pipeline.assay import assay_report

    named = dict(_target(text) for text in targets)
    narrator = Narrator()
    try:
        outcome = assay_report(
            files, out=out, plan=plan, controls=controls, targets=named, force=force, progress=narrator
        )
    finally:
        narrator.done()
    limits, levels = _limits(outcome.folder)
    if json:
        facts: dict[str, object] = {
            "folder": str(outcome.folder),
            "report": str(outcome.report),
            "unchanged": outcome.unchanged,
        }
        facts |= {"limits": limits, "levels": levels}
        print(json_module.dumps({**facts, "seconds": round(outcome.seconds, 3)}))
        return
    if outcome.unchanged:
        print(f"Nothing has changed since the report in {outcome.folder}")
    told: set[tuple[str, str]] = set()
    for limit in limits:
        whose = (limit["assay"], limit["analyte"])
        mine = [level for level in levels if (level["assay"], level["analyte"]) == whose]
        if mine and whose not in told:
            print("\n".join(_by_level(mine)))
        told.add(whose)
        print(_in_words(limit))
    print(f"Report: {outcome.report}")


def _limits(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The limits that the settings name, the unreduced limit of detection of the same curve, and detection and precision by level."""
    import polars as pl

    limits = pl.read_parquet(folder / "tables" / "detection_limits.parquet")
    named = limits.filter("chosen").select("assay", "analyte", named=pl.col("label").str.strip_suffix(", bias reduced"))
    limits = limits.filter(
        pl.col("chosen")
        | pl.struct("assay", "analyte", pl.col("label").alias("named")).is_in(named.to_struct().implode())
    )
    levels = pl.read_parquet(folder / "tables" / "detection_levels.parquet")
    return limits.drop("chosen", "extrapolated").to_dicts(), levels.drop("source_ids").to_dicts()


def _by_level(levels: Sequence[dict[str, Any]]) -> list[str]:
    """Detection and CV by level, as lines of text."""
    from correlates.rounding import number, percent

    first = levels[0]
    lines = [
        f"{first['assay']}, {first['analyte']}: {'level':>10} {'detected':>12} {'share':>8} {'CV (%)':>7}  ({first['unit']})"
    ]
    indent = " " * (len(first["assay"]) + len(first["analyte"]) + 3)
    for row in levels:
        seen = f"{row['detected']}/{row['tested']}"
        share = percent(row["detected"] / row["tested"], 1)
        lines.append(f"{indent} {number(row['level']):>10} {seen:>12} {share:>8} {number(row['cv']):>7}")
    return lines


def _in_words(limit: dict[str, Any]) -> str:
    from correlates.rounding import interval, number

    whose = f"{limit['assay']}, {limit['analyte']}: {limit['label']}"
    if limit["value"] is None:
        return f"{whose}: none, {limit['why']}"
    spread = f" ({interval(limit['lower'], limit['upper'])})" if limit["lower"] is not None else ""
    remark = f", {limit['why']}" if limit["why"] else ""
    return f"{whose}: {number(limit['value'], 4)} {limit['unit']}{spread}{remark}"


def _target(text: str) -> tuple[str, tuple[str, ...]]:
    analyte, equals, names = text.partition("=")
    found = tuple(name.strip() for name in names.split(",") if name.strip())
    if not (analyte.strip() and equals and found):
        raise UsageError(
            Problem(
                code="not-a-target",
                what="A target is an analyte and its names in the files",
                found=repr(text),
                expected="ANALYTE=NAME,NAME",
            )
        )
    return analyte.strip(), found
