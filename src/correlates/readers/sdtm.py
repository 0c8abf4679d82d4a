"""SDTM: SAS transport (v5, v8), SAS7BDAT, Dataset-JSON 1.1 and plain tables, a dataset recognised by what it holds.

A file's name proves nothing: the domain is the DOMAIN (RDOMAIN) variable, the name of the dataset inside the file, or
the variables that only one domain has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from correlates.errors import InputError, Problem, Where
from correlates.readers import clinical
from correlates.readers.clinical import ROW, Clinical, Dataset, check, encoding_checks, file_row, shown
from correlates.readers.dataset import read_dataset, upper_names
from correlates.readers.tumours import identified
from correlates.schema.checks import CHECKS
from correlates.schema.clinical import CHARACTERISTICS, CLINICAL
from correlates.schema.files import FILES
from correlates.schema.table import NUMBER, TEXT, Table, conform

_GRADES = range(6)
_LIMIT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file as read, before its datasets are compared."""

    path: Path
    dataset: Dataset
    row: Mapping[str, object]
    checks: tuple[Mapping[str, object], ...]


def read_sdtm(paths: Sequence[Path], *, source: str = "", relative_to: Path | None = None) -> Clinical:
    """Read the SDTM datasets of a study.

    Parameters
    ----------
    paths
        Files: SAS transport v5 or v8, SAS7BDAT, Dataset-JSON 1.1, or CSV, XLSX or Parquet with SDTM names as headings. DM, EX, TU with TR, RS,
        AE, LB, DS and their SUPP datasets are used; any other dataset is kept in ``raw`` and named in ``files.reader``.
    source
        Name of the source in the plan.
    relative_to
        Folder of the plan: paths in the tables are relative to it.

    Returns
    -------
    Clinical
        Every table of ``schema.clinical``; days are null (the stage ``endpoints`` fills them), dates stay as written.

    Raises
    ------
    InputError
        All that is wrong: a file that is damaged, cut short or no SDTM; a missing variable; a cell that is not a number
        or a grade outside 0 to 5; a subject whose DM records contradict each other; one domain in two files that share
        subjects; records of subjects who are not in DM.
    """
    problems: list[Problem] = []
    files: list[_File] = []
    for path in paths:
        try:
            files.append(_read_file(path, source=source, relative_to=relative_to))
        except InputError as error:
            problems += error.problems
    if not paths:
        problems.append(Problem(code="no-match", what="No SDTM file was given", expected="at least a DM dataset"))
    problems += _same_domain_twice([f.dataset for f in files])
    if problems:
        raise InputError(problems)

    checks: list[Mapping[str, object]] = [c for f in files for c in f.checks]
    by_code: dict[str, list[Dataset]] = {}
    for file in files:
        by_code.setdefault(file.dataset.code, []).append(file.dataset)
    raw = {c: pl.concat([d.frame.drop(ROW) for d in sets], how="diagonal_relaxed") for c, sets in by_code.items()}
    by_code, more, problems = _supplemented(by_code)
    checks += more
    tables, more, found = _tables(by_code, source)
    checks += more
    problems += found + _strangers(by_code)
    if problems:
        raise InputError(problems)
    return Clinical(
        tables=tables,
        files=FILES.frame([dict(f.row) for f in files]),
        checks=CHECKS.frame([dict(c) for c in checks]),
        raw=raw,
    )


# ---- one file ------------------------------------------------------------------------------------------------------


def _read_file(path: Path, *, source: str, relative_to: Path | None) -> _File:
    name = shown(path, relative_to)
    raw = read_dataset(path, name)
    header, inside = raw.header, raw.inside
    frame = upper_names(raw.frame, name)
    code = _code(frame, inside, name)
    used = clinical.used_variables(code)
    header["dataset"] = inside
    header["not_used"] = [c for c in frame.columns if c not in used | set(clinical.SHARED) | {ROW}]
    known = bool(used)
    problems = clinical.missing_variables(code, frame.columns, name) if known else []
    if known and not problems:
        problems += _cell_problems(code, frame, name)
    if problems:
        raise InputError(problems)
    row = file_row(
        path,
        source=source,
        reader=f"sdtm-{code}" if known else f"sdtm-{code} (not used)",
        header=header,
        relative_to=relative_to,
        software=raw.software,
    )
    dataset = Dataset(code=code, frame=frame, file_id=str(row["file_id"]), file=name)
    return _File(path=path, dataset=dataset, row=row, checks=tuple(encoding_checks(name, raw.encoding)))


def _code(frame: pl.DataFrame, inside: str | None, name: str) -> str:
    """The domain of a dataset, judged by what it holds."""
    stated = {column: _distinct(frame, column) for column in ("DOMAIN", "RDOMAIN")}
    dataset = inside.strip().upper() if inside and inside.strip() else None
    supplement = bool(stated["RDOMAIN"]) and {"QNAM", "QVAL"} <= set(frame.columns)
    names = stated["RDOMAIN"] if supplement else stated["DOMAIN"]
    if len(names) > 1:
        raise InputError(
            Problem(
                code="several-domains",
                what="The dataset holds records of more than one domain",
                where=Where(file=name, column="RDOMAIN" if supplement else "DOMAIN"),
                found=", ".join(names),
                expected="one domain per dataset",
                do="Export each domain to a file of its own",
            )
        )
    if names:
        code = ("SUPP" if supplement else "") + names[0].upper()
        if dataset is not None and not dataset.startswith(code) and not (supplement and dataset.startswith("SUPP")):
            raise InputError(
                Problem(
                    code="domain-differs",
                    what="The name of the dataset and its DOMAIN variable contradict each other",
                    where=Where(file=name, column="DOMAIN"),
                    found=f"dataset {dataset}, DOMAIN {code}",
                    expected="the same domain",
                    do="Correct the file; nothing is taken from its name",
                )
            )
        return code
    if dataset is not None:
        return dataset
    fitting = [
        d.code
        for d in (*clinical.DOMAINS, clinical.TUMOURS)
        if d.code != "DM" and all(any(v in frame.columns for v in names) for names in d.required)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if frame.is_empty():
        raise InputError(
            Problem(
                code="no-records",
                what="The dataset has no records",
                where=Where(file=name),
                expected="at least one record, which says the domain",
                do="Take the file out of the source",
            )
        )
    raise InputError(
        Problem(
            code="unknown-domain",
            what="The file does not say which SDTM domain it is",
            where=Where(file=name),
            found=f"variables {', '.join(c for c in frame.columns[:12] if c != ROW)} and no DOMAIN",
            expected="a DOMAIN variable",
            do="Export the dataset with its DOMAIN variable, or take the file out of the source",
        )
    )


def _distinct(frame: pl.DataFrame, column: str) -> list[str]:
    if column not in frame.columns:
        return []
    return frame[column].cast(pl.String).drop_nulls().unique(maintain_order=True).to_list()


def _cell_problems(code: str, frame: pl.DataFrame, name: str) -> list[Problem]:
    """Cells no one can use: no subject, text where a number belongs, a date that is a number, a grade outside 0 to 5."""
    problems = _listed(
        frame, frame["USUBJID"].is_null(), "USUBJID", name, "null", "A record has no subject", "a subject"
    )
    which = clinical.domain(code)
    if which is None:
        return problems
    for column, variables in which.columns.items():
        declared = which.table.column(column)
        for variable in (v for v in variables if v in frame.columns):
            cells = frame[variable]
            if declared.dtype == NUMBER and cells.dtype == TEXT:
                bad = cells.is_not_null() & _not_finite(cells)
                problems += _listed(
                    frame,
                    bad,
                    variable,
                    name,
                    "not-a-number",
                    f"{variable} holds a cell that is not a number",
                    "a number with a decimal point, or blank",
                )
            if declared.minimum is not None:
                low = (cells.cast(pl.Float64, strict=False) < declared.minimum).fill_null(value=False)
                problems += _listed(
                    frame,
                    low,
                    variable,
                    name,
                    "too-low",
                    f"{variable} is below {declared.minimum:g}",
                    f"at least {declared.minimum:g}",
                )
            if column.endswith("date") and cells.dtype.is_numeric():
                problems += _listed(
                    frame,
                    cells.is_not_null(),
                    variable,
                    name,
                    "not-a-date",
                    f"{variable} holds a number",
                    "a date as text, ISO 8601",
                )
    if code in {"TR", "LB"} and f"{code}STRESN" in frame.columns and frame[f"{code}STRESN"].dtype == TEXT:
        cells = frame[f"{code}STRESN"]
        bad = cells.is_not_null() & _not_finite(cells)
        problems += _listed(
            frame,
            bad,
            f"{code}STRESN",
            name,
            "not-a-number",
            f"{code}STRESN holds a cell that is not a number",
            "a number with a decimal point, or blank",
        )
    if code == "AE" and "AETOXGR" in frame.columns:
        grade = clinical.grades(frame["AETOXGR"].cast(pl.String))
        outside = (~grade.is_in(list(_GRADES))).fill_null(value=False)
        problems += _listed(
            frame, outside, "AETOXGR", name, "grade", "AETOXGR holds a grade that no scale has", "a grade from 1 to 5"
        )
    return problems


def _not_finite(cells: pl.Series) -> pl.Series:
    return ~cells.str.strip_chars().cast(pl.Float64, strict=False).is_finite().fill_null(value=False)


def _listed(
    frame: pl.DataFrame, mask: pl.Series, variable: str, name: str, code: str, what: str, expected: str
) -> list[Problem]:
    rows = frame.filter(mask)
    more = f" ({rows.height} rows in all)" if rows.height > _LIMIT else ""
    return [
        Problem(
            code=code,
            what=what + more,
            where=Where(file=name, row=row, column=variable),
            found=repr(found),
            expected=expected,
            do="Correct the cell",
        )
        for row, found in rows.select(ROW, variable).head(_LIMIT).iter_rows()
    ]


# ---- several files -------------------------------------------------------------------------------------------------


def _same_domain_twice(datasets: Sequence[Dataset]) -> list[Problem]:
    """One domain in two files is fine only where the files are of different subjects."""
    problems = []
    seen: dict[str, list[Dataset]] = {}
    for dataset in datasets:
        for other in seen.get(dataset.code, []):
            shared = sorted(set(_distinct(dataset.frame, "USUBJID")) & set(_distinct(other.frame, "USUBJID")))
            if not shared and "USUBJID" in dataset.frame.columns:
                continue
            if clinical.domain(dataset.code) is None and not dataset.code.startswith("SUPP"):
                continue
            same = (
                "the same bytes twice"
                if dataset.file_id == other.file_id
                else f"{len(shared)} shared subjects: {', '.join(shared[:_LIMIT])}"
            )
            problems.append(
                Problem(
                    code="domain-twice",
                    what=f"Domain {dataset.code} stands in two files",
                    where=Where(file=dataset.file),
                    found=f"also in {other.file}; {same}",
                    expected="one file per domain, or files of different subjects",
                    do="Take one of the files out of the source",
                )
            )
        seen.setdefault(dataset.code, []).append(dataset)
    return problems


def _supplemented(
    by_code: Mapping[str, Sequence[Dataset]],
) -> tuple[dict[str, list[Dataset]], list[Mapping[str, object]], list[Problem]]:
    """Datasets with their supplemental qualifiers as columns (SUPPDM stays apart: it becomes characteristics)."""
    done = {code: list(sets) for code, sets in by_code.items()}
    checks: list[Mapping[str, object]] = []
    problems: list[Problem] = []
    for code, supplements in by_code.items():
        parent = code.removeprefix("SUPP")
        if not code.startswith("SUPP") or parent == "DM" or clinical.domain(parent) is None:
            continue
        for supplement in supplements:
            if parent not in done:
                checks.append(
                    check(
                        scope="source",
                        item=supplement.file,
                        rule="supplement-without-domain",
                        found=code,
                        required=f"a {parent} dataset",
                        passed=False,
                        action="none",
                    )
                )
            merged = [clinical.merge_supplement(dataset, supplement) for dataset in done.get(parent, [])]
            problems += [p for _, found in merged for p in found]
            if merged:
                done[parent] = [dataset for dataset, _ in merged]
    return done, checks, problems


def _tables(
    by_code: Mapping[str, Sequence[Dataset]], source: str
) -> tuple[dict[str, pl.DataFrame], list[Mapping[str, object]], list[Problem]]:
    tables = {table.name: table.empty() for table in CLINICAL}
    checks: list[Mapping[str, object]] = []
    problems: list[Problem] = []
    sets = dict(by_code)
    subjects = []
    for dataset in sets.get("DM", []):
        one, more, found = _one_record_each(dataset)
        subjects.append(one)
        checks += more
        problems += found
    sets["DM"] = subjects
    tumours = sets.get("TU", [])
    for which in clinical.DOMAINS:
        parts = []
        for dataset in sets.get(which.code, []):
            given = dataset
            if which.code == "TR":
                given, more, found = identified(dataset, tumours)
                checks += more
                problems += found
            made = clinical.to_table(which, given)
            problems += _blank_problems(made, which.table, given)
            parts.append(made)
        if parts and not problems:
            tables[which.table.name] = conform(pl.concat(parts, how="diagonal"), which.table)
    characteristics, more, found = _characteristics(subjects, sets.get("SUPPDM", []))
    checks += more
    problems += found
    if not problems:
        tables[CHARACTERISTICS.name] = conform(characteristics.with_columns(source=pl.lit(source)), CHARACTERISTICS)
    return tables, checks, problems


def _blank_problems(made: pl.DataFrame, table: Table, dataset: Dataset) -> list[Problem]:
    """A blank where the table needs a word, with the row of the file."""
    problems = []
    for column in table.columns:
        if column.nullable or column.name not in made.columns:
            continue
        at = dataset.frame.filter(made[column.name].is_null())[ROW].to_list()
        problems += [
            Problem(
                code="null",
                what=f"A record of {dataset.code} has no {column.name}",
                where=Where(file=dataset.file, row=row),
                expected=column.meaning,
                do="Fill the variable or remove the record",
            )
            for row in at[:_LIMIT]
        ]
    return problems


def _one_record_each(dataset: Dataset) -> tuple[Dataset, list[Mapping[str, object]], list[Problem]]:
    """One DM record per subject: identical records are reduced to one, contradicting ones are a problem."""
    frame = dataset.frame
    checks: list[Mapping[str, object]] = []
    problems = []
    variables = [c for c in frame.columns if c not in {"USUBJID", ROW}]
    for (subject,), group in frame.filter(pl.col("USUBJID").is_duplicated()).group_by("USUBJID", maintain_order=True):
        rows = group[ROW].to_list()
        differ = [c for c in variables if group[c].n_unique() > 1]
        listed = ", ".join(map(str, rows[:_LIMIT]))
        if differ:
            problems.append(
                Problem(
                    code="duplicate-subject",
                    what=f"Subject {subject} has contradicting DM records in rows {listed}",
                    where=Where(file=dataset.file, row=rows[1], column=differ[0]),
                    found="; ".join(f"{c}: {', '.join(repr(v) for v in group[c].to_list())}" for c in differ[:5]),
                    expected="one DM record per subject",
                    do="Remove the record that is wrong",
                )
            )
            continue
        checks.append(
            check(
                scope="subject",
                item=str(subject),
                rule="duplicate-subject",
                found=f"{dataset.file}: identical records in rows {listed}",
                value=float(len(rows)),
                required="one DM record per subject",
                passed=False,
                action="kept one",
                source_ids=[f"{dataset.file_id}/{row}" for row in rows],
            )
        )
    kept = replace(dataset, frame=frame.unique(subset="USUBJID", keep="first", maintain_order=True))
    return kept, checks, problems


def _characteristics(
    subjects: Sequence[Dataset], supplements: Sequence[Dataset]
) -> tuple[pl.DataFrame, list[Mapping[str, object]], list[Problem]]:
    """Characteristics, one per subject and name: repeated ones that agree are reduced to one."""
    parts = [clinical.to_characteristics(s, None) for s in subjects] + [
        clinical.to_characteristics(None, s) for s in supplements
    ]
    if not parts:
        return CHARACTERISTICS.empty(), [], []
    frame = pl.concat(parts)
    checks: list[Mapping[str, object]] = []
    problems = []
    for (subject, name), group in frame.filter(pl.struct("subject_id", "name").is_duplicated()).group_by(
        "subject_id", "name", maintain_order=True
    ):
        if group["category"].n_unique() > 1:
            problems.append(
                Problem(
                    code="duplicate-characteristic",
                    what=f"Characteristic {name} of subject {subject} has two values",
                    where=Where(column=str(name)),
                    found=", ".join(f"{v!r} ({i})" for v, i in group.select("category", "source_id").iter_rows()),
                    expected="one value per subject",
                    do="Remove the record that is wrong",
                )
            )
            continue
        checks.append(
            check(
                scope="subject",
                item=str(subject),
                target=str(name),
                rule="duplicate-subject",
                found=f"{group.height} records of {name} that agree",
                value=float(group.height),
                required="one value per subject",
                passed=False,
                action="kept one",
                source_ids=group["source_id"].to_list(),
            )
        )
    return frame.unique(subset=["subject_id", "name"], keep="first", maintain_order=True), checks, problems


def _strangers(by_code: Mapping[str, Sequence[Dataset]]) -> list[Problem]:
    """Records of subjects who are not in DM."""
    known = {s for d in by_code.get("DM", []) for s in _distinct(d.frame, "USUBJID")}
    others: Iterable[tuple[str, Dataset]] = [
        (code, d)
        for code, sets in by_code.items()
        for d in sets
        if code != "DM" and (clinical.domain(code) is not None or code.startswith("SUPP"))
    ]
    if not by_code.get("DM"):
        return [
            Problem(
                code="no-dm",
                what="The source has no DM dataset",
                found=", ".join(sorted(by_code)),
                expected="DM, which says who the subjects are",
                do="Add the DM dataset to the source",
            )
        ]
    problems = []
    for code, dataset in others:
        strange = dataset.frame.filter(~pl.col("USUBJID").is_in(list(known)))
        per = strange.group_by("USUBJID", maintain_order=True).agg(
            pl.col(ROW).first().alias("first"), pl.len().alias("n")
        )
        problems += [
            Problem(
                code="unknown-subject",
                what=f"Subject {subject} of {code} is not in DM ({n} {'record' if n == 1 else 'records'})",
                where=Where(file=dataset.file, row=first, column="USUBJID"),
                found=repr(subject),
                expected="a subject of DM",
                do="Correct the identifier, or add the subject's DM record",
            )
            for subject, first, n in per.iter_rows()
        ]
    return problems
