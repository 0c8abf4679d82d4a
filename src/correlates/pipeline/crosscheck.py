"""What no single file can show: files, plates, samples and subjects that contradict each other across files."""

from __future__ import annotations

import polars as pl

from correlates.errors import InputError, Problem, Where, closest
from correlates.pipeline.store import Tables
from correlates.plan import PlanFile
from correlates.quantify.settings import Dpcr, Immunoassay, Qpcr
from correlates.schema import CLINICAL, SUBJECTS
from correlates.terms import Role

_SHOWN = 12


_OF_ONE_WELL = ("droplet_amplitudes",)  # readers whose files hold a single well


def check_files(files: pl.DataFrame) -> None:
    """Refuse the same file under two names for one source.

    Raises
    ------
    InputError
        With each group of names.
    """
    problems = [
        Problem(
            code="same-file-twice",
            what=f"The same content stands in {len(row['path'])} files of {row['source']}",
            where=Where(file=row["path"][0]),
            found=", ".join(row["path"]),
            expected="each export once",
            do="Remove the copies",
        )
        for row in files.group_by("source", "sha256", maintain_order=True)
        .agg("path")
        .filter(pl.col("path").list.len() > 1)
        .iter_rows(named=True)
    ]
    if problems:
        raise InputError(problems)


def check_wells(file: PlanFile, tables: Tables) -> None:
    """Refuse two files that claim one plate, targets that nobody measured, and samples that are not in the manifest.

    Raises
    ------
    InputError
        With every such plate, target and sample.
    """
    wells = tables["wells"].join(
        tables["files"].select("file_id", "path", "source", "reader"), on="file_id", how="left"
    )
    problems: list[Problem] = []
    for name, assay in file.plan.assays.items():
        mine = wells.filter(pl.col("source") == name)
        problems += _two_claim_one_plate(name, mine)
        problems += _targets(file, name, assay, mine)
        problems += _unknown_samples(name, _used(assay, mine), tables["samples"])
    if problems:
        raise InputError(problems)


def check_subjects(tables: Tables) -> None:
    """Refuse subjects of the manifest, the product table and other records that the table of subjects does not know.

    Raises
    ------
    InputError
        With every such subject.
    """
    known = tables["subjects"]["subject_id"].unique().to_list()
    problems = []
    for name in ("samples", *(table.name for table in CLINICAL if table.name != SUBJECTS.name)):
        strange = tables[name].filter(~pl.col("subject_id").is_in(known))["subject_id"].unique().sort().to_list()
        for subject in strange:
            guess = closest(subject, known)
            problems.append(
                Problem(
                    code="subject-not-in-subjects",
                    what=f"Subject {subject!r} of the table {name} is not among the subjects (DM)",
                    found=f"{len(known)} subjects",
                    do=f"Did you mean {guess!r}?" if guess else "Add the subject or remove its rows",
                )
            )
    if problems:
        raise InputError(problems)


def _used(assay: Qpcr | Dpcr | Immunoassay, wells: pl.DataFrame) -> pl.DataFrame:
    if isinstance(assay, Immunoassay):
        return wells
    names = [name for target in assay.targets.values() for name in target]
    return wells.filter(pl.col("target").is_in(names))


def _two_claim_one_plate(name: str, wells: pl.DataFrame) -> list[Problem]:
    # a file of one well may stand beside the others of its plate, not beside itself
    well = pl.when(pl.col("reader").is_in(_OF_ONE_WELL)).then("well")
    plates = (
        wells.select("plate", "target", "path", well=well)
        .unique()
        .group_by("plate", "target", "well")
        .agg(pl.col("path").sort())
    )
    claimed = plates.filter(pl.col("path").list.len() > 1).select("plate", "path").unique().sort("plate")
    return [
        Problem(
            code="plate-claimed-twice",
            what=f"{len(row['path'])} files of {name} claim plate {row['plate']!r}",
            where=Where(file=row["path"][0]),
            found=", ".join(row["path"]),
            expected="one file per plate and target",
            do="Keep the file that holds the final analysis of the plate",
        )
        for row in claimed.iter_rows(named=True)
    ]


def _targets(file: PlanFile, name: str, assay: Qpcr | Dpcr | Immunoassay, wells: pl.DataFrame) -> list[Problem]:
    mapping = assay.analytes if isinstance(assay, Immunoassay) else assay.targets
    word = "analytes" if isinstance(assay, Immunoassay) else "targets"
    there = wells["target"].unique().sort().to_list()
    problems = []
    for analyte, names in mapping.items():
        if not set(names) & set(there):
            guess = next((g for n in names if (g := closest(n, there))), None)
            problems.append(
                Problem(
                    code="target-not-measured",
                    what=f"No file of {name} holds a target named {' or '.join(repr(n) for n in names)}",
                    where=file.document.where(("assays", name, word, analyte)),
                    found=", ".join(there[:_SHOWN]) or "no target",
                    do=f"Did you mean {guess!r}?" if guess else "Name the target as the files do",
                )
            )
    return problems


def _unknown_samples(name: str, wells: pl.DataFrame, samples: pl.DataFrame) -> list[Problem]:
    unknown = (
        wells.filter((pl.col("role") == Role.UNKNOWN.value) & pl.col("sample_id").is_not_null())
        .join(samples.select("sample_id"), on="sample_id", how="anti")
        .group_by("sample_id", maintain_order=True)
        .agg(pl.col("path").first(), pl.col("sheet").first(), pl.col("row").first(), wells=pl.len())
        .sort("sample_id")
    )
    known = samples["sample_id"].to_list()
    problems = []
    for row in unknown.head(_SHOWN).iter_rows(named=True):
        guess = closest(row["sample_id"], known)
        problems.append(
            Problem(
                code="sample-not-in-manifest",
                what=f"Sample {row['sample_id']!r} of {name} is not in the manifest",
                where=Where(file=row["path"], sheet=row["sheet"], row=row["row"]),
                found=f"{row['wells']} well{'s' if row['wells'] != 1 else ''} of it",
                expected="a sample_id of the samples source",
                do=f"Did you mean {guess!r}?" if guess else "Add it to the manifest, or correct its role in the export",
            )
        )
    if unknown.height > _SHOWN:
        problems.append(
            Problem(
                code="sample-not-in-manifest",
                what=f"{unknown.height - _SHOWN} further samples of {name} are not in the manifest",
            )
        )
    return problems
