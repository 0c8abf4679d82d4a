"""Tumour measurements (TR) with what the identification of the lesion (TU) says: target, non-target or new, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from correlates.errors import Problem, Where
from correlates.readers.clinical import ROW, Dataset, check


def identified(
    dataset: Dataset, tumours: Sequence[Dataset]
) -> tuple[Dataset, list[Mapping[str, object]], list[Problem]]:
    """TR records with what TU says of their lesion. Records of no lesion (sums of diameters) are left out."""
    frame = dataset.frame
    checks: list[Mapping[str, object]] = []
    problems: list[Problem] = []
    sums = frame.filter(pl.col("TRLNKID").is_null())
    if sums.height:
        tests = ", ".join(sorted({str(t) for t in sums["TRTESTCD"].drop_nulls()}))
        checks.append(
            check(
                scope="source",
                item=dataset.file,
                rule="lesion-without-id",
                found=f"{sums.height} records without TRLNKID ({tests})",
                value=float(sums.height),
                required="a lesion for each measurement",
                passed=False,
                action="excluded",
                source_ids=[f"{dataset.file_id}/{row}" for row in sums[ROW].to_list()],
            )
        )
        frame = frame.filter(pl.col("TRLNKID").is_not_null())
    if tumours:
        lesions = pl.concat([_lesions(t) for t in tumours], how="diagonal")
        for (subject, lesion), group in lesions.group_by("USUBJID", "TRLNKID", maintain_order=True):
            per_reader = group.group_by("who").agg(pl.col("TUORRES").drop_nulls().n_unique())
            if (per_reader["TUORRES"] > 1).any():
                problems.append(
                    Problem(
                        code="lesion-twice",
                        what=f"Lesion {lesion} of subject {subject} is identified in two ways",
                        where=Where(file=tumours[0].file, column="TUORRES"),
                        found=", ".join(sorted(set(group["TUORRES"].drop_nulls()))),
                        expected="target, non-target or new, once",
                    )
                )
        exact = lesions.unique(subset=["USUBJID", "TRLNKID", "who"], keep="first").drop("row")
        any_reader = lesions.unique(subset=["USUBJID", "TRLNKID"], keep="first").select(
            "USUBJID", "TRLNKID", pl.col("TUORRES").alias("TUORRES_any"), pl.col("TULOC").alias("TULOC_any")
        )
        frame = (
            frame.drop("TUORRES", "TULOC", strict=False)
            .with_columns(_who(frame, "TR").alias("who"))
            .join(exact, on=["USUBJID", "TRLNKID", "who"], how="left", maintain_order="left")
            .join(any_reader, on=["USUBJID", "TRLNKID"], how="left", maintain_order="left")
            .with_columns(pl.coalesce("TUORRES", "TUORRES_any"), pl.coalesce("TULOC", "TULOC_any"))
            .drop("who", "TUORRES_any", "TULOC_any")
        )
    kinds = [c for c in ("TUORRES", "TRGRPID") if c in frame.columns]
    unnamed = frame.filter(pl.all_horizontal(pl.col(kinds).is_null())) if kinds else frame
    if unnamed.height:
        checks.append(
            check(
                scope="source",
                item=dataset.file,
                rule="lesion-not-identified",
                found=f"{unnamed.height} records of lesions that TU does not name",
                value=float(unnamed.height),
                required="target, non-target or new for each lesion (TUORRES or TRGRPID)",
                passed=False,
                action="flagged",
                source_ids=[f"{dataset.file_id}/{row}" for row in unnamed[ROW].to_list()],
            )
        )
    return replace(dataset, frame=frame), checks, problems


def _who(frame: pl.DataFrame, prefix: str) -> pl.Series:
    parts = [
        pl.col(f"{prefix}{v}").fill_null("") if f"{prefix}{v}" in frame.columns else pl.lit("")
        for v in ("EVAL", "EVALID")
    ]
    return frame.with_columns(pl.concat_str(parts, separator="/").alias("who"))["who"]


def _lesions(tumours: Dataset) -> pl.DataFrame:
    frame = tumours.frame
    given = [c for c in ("TUORRES", "TUSTRESC") if c in frame.columns]
    return frame.select(
        "USUBJID",
        pl.col("TULNKID").alias("TRLNKID"),
        _who(frame, "TU").alias("who"),
        pl.coalesce(given).alias("TUORRES"),
        (pl.col("TULOC") if "TULOC" in frame.columns else pl.lit(None, dtype=pl.String)).alias("TULOC"),
        pl.col(ROW).alias("row"),
    ).filter(pl.col("TRLNKID").is_not_null())
