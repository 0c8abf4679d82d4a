"""Clinical tables: what a reader of clinical files gives back, and how SDTM variables become its columns.

Nothing is computed: dates, responses and grades stay as written beside the number they were read as.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from correlates.errors import Problem, Where
from correlates.provenance import file_sha256
from correlates.schema import clinical as schema
from correlates.schema.checks import check_row
from correlates.schema.table import NUMBER, WHOLE, Table

ROW = "\x00ROW"  # cannot be a variable of a file
"""Column that carries the row of the file."""

_UTF = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
_GRADE = re.compile(r"^(?:GR(?:ADE)?\.?\s*)?(\d+(?:\.0+)?|I{1,3}|IV|V)$", re.IGNORECASE)
_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5}
_BLOOD = ("BLOOD", "SERUM", "PLASMA", "WHOLE BLOOD", "SERUM OR PLASMA", "SERUM/PLASMA")
_LIMIT = 20  # problems of one kind listed for one file


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinical:
    """Clinical records as read.

    Attributes
    ----------
    tables
        The tables of ``schema.clinical`` by name, each conformed; a table nobody supplied is empty.
    files
        ``FILES``: one row per file; ``header`` names the columns that became no column of a table.
    checks
        ``CHECKS``: records reduced to one, encodings assumed.
    raw
        Dataset name (``DM``, ``SUPPDM``, ``QS`` ...) -> the dataset as written, all columns.
    """

    tables: Mapping[str, pl.DataFrame]
    files: pl.DataFrame
    checks: pl.DataFrame
    raw: Mapping[str, pl.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """An SDTM domain that is used: which table it becomes and where each column comes from.

    ``columns`` maps a column of the table to the variables it is taken from, the first that has a value; ``required``
    are alternatives of which one variable must be there; ``reads`` are variables used besides.
    """

    code: str
    table: Table
    columns: Mapping[str, tuple[str, ...]]
    required: tuple[tuple[str, ...], ...]
    reads: tuple[str, ...] = ()
    finish: Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame] | None = field(default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset as one file holds it.

    ``frame`` has the file's columns (text and numbers; blank is null) and :data:`ROW`. ``code`` is the domain, or
    SUPP and the domain it supplements.
    """

    code: str
    frame: pl.DataFrame
    file_id: str
    file: str


def _text(frame: pl.DataFrame, name: str) -> pl.Series:
    """A variable as text; null throughout when the dataset does not have it. Whole numbers have no decimal point."""
    if name not in frame.columns:
        return pl.Series(name, [None] * frame.height, dtype=pl.String)
    column = frame[name]
    if column.dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        return frame.select(
            pl.when(whole == column).then(whole.cast(pl.String)).otherwise(column.cast(pl.String)).alias(name)
        ).to_series()
    return column.cast(pl.String)


def _number(frame: pl.DataFrame, name: str) -> pl.Series:
    return _text(frame, name).str.strip_chars().cast(pl.Float64, strict=False).rename(name)


def _standard(frame: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """Value and unit of a finding: the standardised result with its unit, else the original where it is a number."""
    standard, original = _number(frame, f"{prefix}STRESN"), _number(frame, f"{prefix}ORRES")
    if f"{prefix}STRESN" not in frame.columns:
        standard = _number(frame, f"{prefix}STRESC")
    return pl.DataFrame({"s": standard, "o": original}).select(
        value=pl.coalesce("s", "o"),
        unit=pl.when(pl.col("s").is_not_null())
        .then(
            pl.coalesce(
                _text(frame, f"{prefix}STRESU"), pl.when(original == standard).then(_text(frame, f"{prefix}ORRESU"))
            )
        )
        .when(pl.col("o").is_not_null())
        .then(_text(frame, f"{prefix}ORRESU"))
        .when(_as_collected(frame, prefix))
        .then(_text(frame, f"{prefix}ORRESU"))
        .otherwise(pl.coalesce(_text(frame, f"{prefix}STRESU"), _text(frame, f"{prefix}ORRESU"))),
    )


def _as_collected(frame: pl.DataFrame, prefix: str) -> pl.Series:
    """Where the result is told in the unit it was collected in: a text such as ``<0.5`` stands in --ORRES, not in --STRESU."""
    original, unit = _text(frame, f"{prefix}ORRES"), _text(frame, f"{prefix}ORRESU")
    return original.is_not_null() & (original != "") & unit.is_not_null() & (unit != "")


def _finish_labs(raw: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """Results with the limits of normal of their own unit; a test of another specimen than blood carries it in its code."""
    told = made.with_columns(_standard(raw, "LB").get_columns())
    standard = _number(raw, "LBSTRESN" if "LBSTRESN" in raw.columns else "LBSTRESC").is_not_null()
    collected = ~standard & _as_collected(raw, "LB")
    specimen = _text(raw, "LBSPEC").str.strip_chars().str.to_uppercase()
    other = specimen.is_not_null() & ~specimen.fill_null("").is_in(["", *_BLOOD])
    return told.with_columns(
        upper_normal=pl.when(collected).then(_number(raw, "LBORNRHI")).otherwise("upper_normal"),
        lower_normal=pl.when(collected).then(_number(raw, "LBORNRLO")).otherwise("lower_normal"),
        test=pl.when(other).then(pl.concat_str([pl.col("test"), specimen], separator=".")).otherwise("test"),
    )


def evaluators(frame: pl.DataFrame, prefix: str) -> pl.Series:
    """Who evaluated a record (``--EVAL``), told apart where several readers of one kind did.

    The record accepted of several (``--ACPTFL`` = Y) carries the evaluator alone; the others carry evaluator and reader
    (``INDEPENDENT ASSESSOR/RADIOLOGIST 1``), so that choosing the evaluator gives the accepted records.
    """
    who, reader = _text(frame, f"{prefix}EVAL"), _text(frame, f"{prefix}EVALID")
    accepted = _text(frame, f"{prefix}ACPTFL")
    return frame.select(
        pl.when(reader.is_not_null() & (accepted.fill_null("") != "Y"))
        .then(pl.concat_str([who.fill_null(""), reader], separator="/"))
        .otherwise(who)
        .alias("evaluator")
    ).to_series()


def grades(text: pl.Series) -> pl.Series:
    """Toxicity grades from ``3``, ``Grade 3``, ``GR3`` or ``III``; null where the text is none of these."""
    known: dict[str, int | None] = {}
    for word in text.unique().drop_nulls():
        found = _GRADE.match(word.strip())
        known[word] = None if found is None else _ROMAN.get(found[1].upper()) or int(float(found[1]))
    return pl.Series("grade", [known.get(word) if word is not None else None for word in text], dtype=pl.Int64)


def _finish_subjects(raw: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    years = _text(raw, "AGEU").str.to_uppercase().fill_null("YEARS").is_in(["YEARS", "YEAR"])
    return made.with_columns(age=pl.when(years).then(pl.col("age")))


def _finish_findings(prefix: str) -> Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]:
    def finish(raw: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
        return made.with_columns(_standard(raw, prefix).get_columns())

    return finish


def _finish_lesions(raw: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    return _finish_findings("TR")(raw, made).with_columns(evaluators(raw, "TR"))


def _finish_assessments(raw: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    return made.with_columns(evaluators(raw, "RS"))


def _finish_events(_: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    return made.with_columns(grade=grades(made["grade_text"]))


DOMAINS: tuple[Domain, ...] = (
    Domain(
        code="DM",
        table=schema.SUBJECTS,
        columns={
            "study_id": ("STUDYID",),
            "age": ("AGE",),
            "sex": ("SEX",),
            "race": ("RACE",),
            "arm": ("ARM",),
            "death_date": ("DTHDTC",),
            "last_contact_date": ("RFPENDTC",),
        },
        required=(("USUBJID",),),
        reads=("AGEU", "ETHNIC", "ACTARM", "COUNTRY", "SITEID"),
        finish=_finish_subjects,
    ),
    Domain(
        code="EX",
        table=schema.EXPOSURE,
        columns={
            "treatment": ("EXTRT",),
            "category": ("EXCAT",),
            "dose": ("EXDOSE",),
            "dose_unit": ("EXDOSU",),
            "date": ("EXSTDTC",),
        },
        required=(("USUBJID",), ("EXTRT",)),
    ),
    Domain(
        code="TR",
        table=schema.LESIONS,
        columns={
            "lesion_id": ("TRLNKID",),
            "kind": ("TUORRES", "TRGRPID"),
            "location": ("TULOC",),
            "measure": ("TRTESTCD",),
            "text": ("TRORRES", "TRSTRESC"),
            "visit": ("VISIT",),
            "date": ("TRDTC",),
        },
        required=(("USUBJID",), ("TRLNKID",), ("TRTESTCD",), ("TRORRES", "TRSTRESC", "TRSTRESN")),
        reads=("TRSTRESN", "TRSTRESU", "TRORRESU", "TREVAL", "TREVALID", "TRACPTFL"),
        finish=_finish_lesions,
    ),
    Domain(
        code="RS",
        table=schema.ASSESSMENTS,
        columns={
            "test": ("RSTESTCD",),
            "criteria": ("RSCAT",),
            "response": ("RSSTRESC", "RSORRES"),
            "visit": ("VISIT",),
            "date": ("RSDTC",),
        },
        required=(("USUBJID",), ("RSTESTCD",), ("RSSTRESC", "RSORRES")),
        reads=("RSEVAL", "RSEVALID", "RSACPTFL"),
        finish=_finish_assessments,
    ),
    Domain(
        code="AE",
        table=schema.ADVERSE_EVENTS,
        columns={
            "term": ("AEDECOD", "AETERM"),
            "category": ("AECAT",),
            "body_system": ("AEBODSYS", "AESOC"),
            "grade_text": ("AETOXGR",),
            "scale": ("AESCALE", "AEGRSCL", "AETOXSCL"),
            "date": ("AESTDTC",),
            "end_date": ("AEENDTC",),
        },
        required=(("USUBJID",), ("AEDECOD", "AETERM")),
        finish=_finish_events,
    ),
    Domain(
        code="LB",
        table=schema.LABS,
        columns={
            "test": ("LBTESTCD",),
            "label": ("LBTEST",),
            "text": ("LBORRES", "LBSTRESC"),
            "upper_normal": ("LBSTNRHI",),
            "lower_normal": ("LBSTNRLO",),
            "visit": ("VISIT",),
            "date": ("LBDTC",),
        },
        required=(("USUBJID",), ("LBTESTCD",), ("LBORRES", "LBSTRESN", "LBSTRESC")),
        reads=("LBSTRESN", "LBSTRESU", "LBORRESU", "LBORNRHI", "LBORNRLO", "LBSPEC"),
        finish=_finish_labs,
    ),
    Domain(
        code="DS",
        table=schema.DISPOSITION,
        columns={"event": ("DSDECOD", "DSTERM"), "text": ("DSTERM",), "date": ("DSSTDTC", "DSDTC")},
        required=(("USUBJID",), ("DSDECOD", "DSTERM")),
    ),
)
"""The domains that are used. TU is joined to TR by the name of the lesion, SUPP datasets to the domain they supplement."""

TUMOURS = Domain(
    code="TU",
    table=schema.LESIONS,
    columns={"kind": ("TUORRES",), "location": ("TULOC",)},
    required=(("USUBJID",), ("TULNKID",), ("TUORRES", "TUSTRESC")),
    reads=("TULNKID", "TUSTRESC"),
)
SUPPLEMENT = (("USUBJID",), ("QNAM",), ("QVAL",))
"""Variables a SUPP dataset must have."""

SHARED = ("STUDYID", "DOMAIN", "RDOMAIN", "USUBJID")
_CHARACTERISTICS = (("AGE", "Age"), ("SEX", "Sex"), ("RACE", "Race"), ("ETHNIC", "Ethnicity"), ("ARM", "Planned arm"),
                    ("ACTARM", "Actual arm"), ("COUNTRY", "Country"), ("SITEID", "Site"))  # fmt: skip


def domain(code: str) -> Domain | None:
    """The domain of that code, or None when it is not used."""
    return next((d for d in (*DOMAINS, TUMOURS) if d.code == code), None)


def used_variables(code: str) -> set[str]:
    """Variables of a domain that become a column, or decide one."""
    if code.startswith("SUPP"):
        return {"RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL"}
    found = domain(code)
    if found is None:
        return set()
    return {v for names in found.columns.values() for v in names} | {"USUBJID", *found.reads}


def missing_variables(code: str, columns: Sequence[str], file: str) -> list[Problem]:
    """A problem for each required variable that a dataset lacks."""
    found = domain(code)
    required = SUPPLEMENT if code.startswith("SUPP") else found.required if found is not None else ()
    return [
        Problem(
            code="missing-variable",
            what=f"Dataset {code} lacks {' or '.join(names)}",
            where=Where(file=file),
            found=", ".join(c for c in columns if c != ROW)[:300] or "no variables",
            expected=" or ".join(names),
            do="Export the dataset with the variable, or leave the dataset out of the source",
        )
        for names in required
        if not any(n in columns for n in names)
    ]


def to_table(which: Domain, dataset: Dataset) -> pl.DataFrame:
    """The rows of a dataset as rows of its table (not yet conformed). Rows without the table's required text are kept."""
    raw = dataset.frame
    made: dict[str, pl.Series] = {"subject_id": _text(raw, "USUBJID")}
    for column, variables in which.columns.items():
        declared = which.table.column(column)
        numeric = declared.dtype in (NUMBER, WHOLE)
        taken = [_number(raw, v) if numeric else _text(raw, v) for v in variables]
        made[column] = pl.select(pl.coalesce(taken)).to_series()
    made["source_id"] = raw.select(pl.format("{}/{}", pl.lit(dataset.file_id), pl.col(ROW))).to_series()
    frame = pl.DataFrame([series.rename(column) for column, series in made.items()])
    return frame if which.finish is None else which.finish(raw, frame)


def to_characteristics(subjects: Dataset | None, supplement: Dataset | None) -> pl.DataFrame:
    """Characteristics of the subjects: the demographic variables of DM and the qualifiers of SUPPDM."""
    parts: list[pl.DataFrame] = []
    if subjects is not None:
        raw = subjects.frame
        for name, label in _CHARACTERISTICS:
            if name not in raw.columns:
                continue
            unit = _text(raw, "AGEU").str.to_lowercase().str.strip_suffix("s") if name == "AGE" else _text(raw, "")
            parts.append(
                _long(
                    subjects, _text(raw, "USUBJID"), pl.lit(name), pl.lit(label), _text(raw, name), unit.rename("unit")
                )
            )
    if supplement is not None:
        raw = supplement.frame
        parts.append(
            _long(
                supplement,
                _text(raw, "USUBJID"),
                _text(raw, "QNAM"),
                _text(raw, "QLABEL"),
                _text(raw, "QVAL"),
                _text(raw, "").rename("unit"),
            )
        )
    return pl.concat(parts).filter(pl.col("category").is_not_null()) if parts else schema.CHARACTERISTICS.empty()


def _long(
    dataset: Dataset,
    subject: pl.Series,
    name: pl.Series | pl.Expr,
    label: pl.Series | pl.Expr,
    text: pl.Series,
    unit: pl.Series,
) -> pl.DataFrame:
    return dataset.frame.select(
        subject_id=subject,
        name=name,
        label=label,
        value=text.str.strip_chars().cast(pl.Float64, strict=False),
        category=text,
        unit=unit,
        source_id=pl.format("{}/{}", pl.lit(dataset.file_id), pl.col(ROW)),
    ).with_columns(value=pl.when(pl.col("value").is_finite()).then(pl.col("value")))


def merge_supplement(parent: Dataset, supplement: Dataset) -> tuple[Dataset, list[Problem]]:
    """The parent dataset with one further column per qualifier of its SUPP dataset (joined by IDVAR and IDVARVAL)."""
    frame, problems = parent.frame, list[Problem]()
    given = supplement.frame.select(
        subject=_text(supplement.frame, "USUBJID"),
        idvar=_text(supplement.frame, "IDVAR").fill_null(""),
        idval=_text(supplement.frame, "IDVARVAL").str.strip_chars(),
        qnam=_text(supplement.frame, "QNAM"),
        qval=_text(supplement.frame, "QVAL"),
        row=pl.col(ROW),
    )
    for (idvar, qnam), group in given.group_by("idvar", "qnam", maintain_order=True):
        keyed = idvar == "" or idvar in frame.columns
        keys = ["subject", "idval"] if idvar else ["subject"]
        conflict = group.filter(pl.struct(keys).is_duplicated()) if keyed else group
        if not keyed or conflict.select(pl.struct(*keys, "qval").n_unique() > pl.struct(keys).n_unique()).item():
            problems.append(
                Problem(
                    code="supplement",
                    what=f"Qualifier {qnam} of {supplement.code} cannot be joined to {parent.code}",
                    where=Where(file=supplement.file, row=conflict["row"][0], column="IDVAR" if not keyed else "QVAL"),
                    found=f"IDVAR {idvar!r}" if not keyed else "more than one value for one record",
                    expected=f"a variable of {parent.code}" if not keyed else "one value per record and qualifier",
                )
            )
            continue
        left = frame.with_columns(
            _text(frame, "USUBJID").alias("\x00s"),
            _text(frame, str(idvar)).alias("\x00v") if idvar else pl.lit(None).alias("\x00v"),
        )
        right = group.unique(subset=keys, keep="first").select(
            pl.col("subject").alias("\x00s"),
            *([pl.col("idval").alias("\x00v")] if idvar else []),
            pl.col("qval").alias("\x00q"),
        )
        joined = left.join(right, on=["\x00s", "\x00v"] if idvar else ["\x00s"], how="left", maintain_order="left")
        value = joined["\x00q"].rename(str(qnam))
        if qnam in frame.columns:
            value = frame.select(pl.coalesce(pl.col(str(qnam)).cast(pl.String), value)).to_series().rename(str(qnam))
        frame = frame.with_columns(value)
    return Dataset(code=parent.code, frame=frame, file_id=parent.file_id, file=parent.file), problems


def file_row(
    path: Path,
    *,
    source: str,
    reader: str,
    header: Mapping[str, object],
    relative_to: Path | None,
    software: str | None = None,
) -> dict[str, object]:
    """The row of the table of files for one file."""
    sha256 = file_sha256(path)
    return {
        "file_id": sha256[:12],
        "path": shown(path, relative_to),
        "sha256": sha256,
        "size": path.stat().st_size,
        "source": source,
        "reader": reader,
        "software": software,
        "header": json.dumps(dict(header), ensure_ascii=False, default=str),
    }


def shown(path: Path, relative_to: Path | None) -> str:
    """The path as people know it: relative to the plan where it lies beneath it."""
    if relative_to is not None and path.resolve().is_relative_to(relative_to.resolve()):
        return path.resolve().relative_to(relative_to.resolve()).as_posix()
    return path.as_posix()


check = partial(check_row, stage="readers")
"""A row of the table of checks, of the stage ``readers``."""


def encoding_checks(name: str, encoding: str | None) -> list[dict[str, object]]:
    """A check that is not passed where a text file is not Unicode: its letters beyond ASCII were read by assumption."""
    if encoding is None or encoding in _UTF:
        return []
    return [
        check(
            scope="source",
            item=name,
            rule="encoding",
            found=encoding,
            required="UTF-8; other encodings are assumed to be Western European",
            passed=False,
            action="flagged",
        )
    ]
