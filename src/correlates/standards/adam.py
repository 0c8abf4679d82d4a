"""ADaM-like datasets of a run: ADSL, ADPP, ADRS, ADTR, ADTTE, ADAE, and the results.

They follow the structure of ADaM (one record per subject, or per subject and parameter; PARAMCD, PARAM, AVAL, AVALC) and are not
claimed to conform to it: dates are not in a run's tables, so timing is by relative day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import polars as pl

from correlates.schema import BURDEN
from correlates.schema.table import NUMBER
from correlates.standards.record import Dataset, Variable, short_label, short_names
from correlates.terms import OutcomeKind

Tables = Mapping[str, pl.DataFrame]
Texts = Mapping[str, str]
_Kind = Literal["text", "float", "integer"]
_STUDY = Variable(name="STUDYID", label="Study Identifier", kind="text")
_SUBJECT = Variable(name="USUBJID", label="Unique Subject Identifier", kind="text", origin="Predecessor")
_PARAMCD = Variable(name="PARAMCD", label="Parameter Code", kind="text")
_PARAM = Variable(name="PARAM", label="Parameter", kind="text")
_CODE = Variable(name="CODE", label="Name in the Plan", kind="text")
_ADY = Variable(
    name="ADY",
    label="Analysis Relative Day",
    kind="integer",
    comment="Day of infusion is 1, the day before is -1; there is no day 0.",
)
_REASON = Variable(name="REASON", label="Reason There Is No Value", kind="text")
_DETAIL = Variable(name="DETAIL", label="Rule Applied, in Words", kind="text")


def datasets(tables: Tables, *, study: str, labels: Texts, rules: Texts, reasons: Texts) -> tuple[Dataset, ...]:
    """The datasets of a run that have rows.

    Parameters
    ----------
    tables
        The tables of the run by name.
    study
        STUDYID.
    labels
        Labels of parameters, endpoints and populations.
    rules
        The rule of each endpoint, in a sentence.
    reasons
        Sentences of the reasons by code.
    """
    made = (
        _adsl(tables, study, labels),
        _adpp(tables, study, reasons),
        _adrs(tables, study, labels, rules, reasons),
        _adtr(tables, study, reasons),
        _adtte(tables, study, labels, rules, reasons),
        _adae(tables, study),
        _results(tables, study),
    )
    return tuple(d for d in made if d.frame.height)


def _adsl(tables: Tables, study: str, labels: Texts) -> Dataset:
    subjects, analysis = tables["subjects"], tables["analysis"]
    populations = [c.removeprefix("population:") for c in analysis.columns if c.startswith("population:")]
    flags = [(f"POP{i:02d}FL", name) for i, name in enumerate(populations, start=1)]
    members = analysis.select(
        "subject_id",
        *(
            pl.when(pl.col(f"population:{name}")).then(pl.lit("Y")).otherwise(pl.lit("N")).alias(flag)
            for flag, name in flags
        ),
    )
    frame = subjects.join(members, on="subject_id", how="left", maintain_order="left")
    columns: list[tuple[Variable, pl.Expr]] = [
        (_STUDY, pl.lit(study)),
        (_SUBJECT, pl.col("subject_id")),
        (_given("AGE", "Age", "float"), pl.col("age")),
        (_given("AGEU", "Age Units", "text"), pl.when(pl.col("age").is_not_null()).then(pl.lit("YEARS"))),
        (_given("SEX", "Sex", "text"), pl.col("sex")),
        (_given("RACE", "Race", "text"), pl.col("race")),
        (_given("ARM", "Description of Planned Arm", "text"), pl.col("arm")),
        (_made("TRTFL", "Infusion Recorded Flag", "text"), _flag(pl.col("infusion_date").is_not_null())),
        (_made("DTHFL", "Subject Death Flag", "text"), pl.when(pl.col("death_date").is_not_null()).then(pl.lit("Y"))),
        (_made("DTHADY", "Relative Day of Death", "integer"), _relative("death_day")),
        (_made("LSTADY", "Relative Day of End of Participation", "integer"), _relative("last_contact_day")),
        *(
            (
                _made(
                    flag,
                    short_label(f"Population: {labels.get(name, name)}"),
                    "text",
                    f"Population {name} of the plan.",
                ),
                pl.col(flag),
            )
            for flag, name in flags
        ),
    ]
    return _dataset("ADSL", "Subject-Level Analysis", "One record per subject", ("USUBJID",), frame, columns, {})


def _adpp(tables: Tables, study: str, reasons: Texts) -> Dataset:
    parameters = tables["parameters"]
    codes = short_names(parameters["code"].unique(maintain_order=True).to_list())
    known = (
        parameters.select("code", "label", "unit")
        .group_by("code", maintain_order=True)
        .agg(pl.col("label").first(), pl.col("unit").drop_nulls().first())
    )
    told = {codes[c]: f"{label} ({unit})" if unit else label for c, label, unit in known.iter_rows()}
    columns = [
        (_STUDY, pl.lit(study)),
        (_SUBJECT, pl.col("subject_id")),
        (_PARAMCD, pl.col("code").replace_strict(codes, return_dtype=pl.String)),
        (_PARAM, pl.col("label")),
        (_CODE, pl.col("code")),
        (_made("PARCAT1", "Kind of Parameter", "text"), pl.col("kind")),
        (_made("AVAL", "Analysis Value", "float"), pl.col("value")),
        (_made("AVALC", "Analysis Value (C)", "text"), pl.col("category")),
        (_made("AVALU", "Unit of Analysis Value", "text"), pl.col("unit")),
        (
            _made("ACENS", "Censoring of Analysis Value", "text", "none; left: at most AVAL; right: at least AVAL."),
            pl.col("censoring"),
        ),
        (_made("TIMING", "When It Is Measured", "text"), pl.col("timing")),
        (_ADY, _relative("day")),
        (_made("KNOWNDY", "Relative Day on Which It Is Known", "integer"), _relative("known_on_day")),
        (_REASON, pl.col("reason").replace(reasons)),
    ]
    return _dataset(
        "ADPP",
        "Parameters of Subjects",
        "One record per subject and parameter",
        ("USUBJID", "PARAMCD"),
        parameters,
        columns,
        told,
    )


def _adrs(tables: Tables, study: str, labels: Texts, rules: Texts, reasons: Texts) -> Dataset:
    rows = tables["outcomes"].filter(pl.col("kind") != OutcomeKind.TIME.value)
    codes = short_names(rows["endpoint"].unique(maintain_order=True).to_list())
    word = (
        pl.when(pl.col("kind") == OutcomeKind.BINARY.value)
        .then(pl.when("event").then(pl.lit("Y")).when(~pl.col("event")).then(pl.lit("N")))
        .when(pl.col("kind") == OutcomeKind.GRADE.value)
        .then(pl.col("grade").cast(pl.String))
        .otherwise("category")
    )
    columns = [
        *_head(study, codes, labels),
        (_made("PARCAT1", "Kind of Endpoint", "text"), pl.col("kind")),
        (
            _made("AVAL", "Analysis Value", "float", "The grade; 1 for yes and 0 for no; missing for a class."),
            pl.coalesce(pl.col("grade").cast(pl.Float64), pl.col("event").cast(pl.Float64)),
        ),
        (_made("AVALC", "Analysis Value (C)", "text"), word),
        (_made("SCALE", "Grading Scale or Response Criteria", "text"), pl.col("scale")),
        (_ADY, _relative("day")),
        (_made("KNOWNDY", "Relative Day on Which It Is Known", "integer"), _relative("known_on_day")),
        (_REASON, pl.col("reason").replace(reasons)),
        (_DETAIL, pl.col("detail")),
    ]
    told = {codes[e]: rules.get(e, labels.get(e, e)) for e in codes}
    return _dataset(
        "ADRS",
        "Responses, Classes and Grades",
        "One record per subject and endpoint",
        ("USUBJID", "PARAMCD"),
        rows,
        columns,
        told,
    )


def _adtr(tables: Tables, study: str, reasons: Texts) -> Dataset:
    burden = tables["burden"]
    measures = [c for c in BURDEN.columns if c.dtype == NUMBER and c.unit and c.name in burden.columns]
    parts = [
        burden.select(
            "subject_id",
            "day",
            "evaluator",
            "reason",
            "detail",
            code=pl.lit(c.name),
            label=pl.lit(c.meaning[:1].upper() + c.meaning[1:]),
            value=pl.col(c.name),
            unit=pl.lit(c.unit),
            n=pl.col("n_lesions") if "n_lesions" in burden.columns else pl.lit(None, pl.Int64),
        )
        for c in measures
    ]
    rows = pl.concat(parts)
    codes = short_names([c.name for c in measures])
    columns = [
        (_STUDY, pl.lit(study)),
        (_SUBJECT, pl.col("subject_id")),
        (_PARAMCD, pl.col("code").replace_strict(codes, return_dtype=pl.String)),
        (_PARAM, pl.col("label")),
        (_ADY, _relative("day")),
        (_made("EVAL", "Evaluator", "text"), pl.when(pl.col("evaluator") != "").then("evaluator")),
        (_made("AVAL", "Analysis Value", "float"), pl.col("value")),
        (_made("AVALU", "Unit of Analysis Value", "text"), pl.col("unit")),
        (_made("NLESION", "Target Lesions Measured", "integer"), pl.col("n")),
        (_REASON, pl.when(pl.col("value").is_null()).then(pl.col("reason").replace(reasons))),
        (_DETAIL, pl.col("detail")),
    ]
    told = {codes[c.name]: f"{c.meaning[:1].upper()}{c.meaning[1:]} ({c.unit})" for c in measures}
    return _dataset(
        "ADTR",
        "Tumour Burden",
        "One record per subject, parameter, day and evaluator",
        ("USUBJID", "PARAMCD", "ADY", "EVAL"),
        rows,
        columns,
        told,
    )


def _adtte(tables: Tables, study: str, labels: Texts, rules: Texts, reasons: Texts) -> Dataset:
    rows = tables["outcomes"].filter(pl.col("kind") == OutcomeKind.TIME.value)
    codes = short_names(rows["endpoint"].unique(maintain_order=True).to_list())
    columns = [
        *_head(study, codes, labels),
        (
            _made(
                "AVAL",
                "Analysis Value (Days from the Start)",
                "float",
                "The day of the start is 0: no day is added, unlike ADT - STARTDT + 1.",
            ),
            pl.col("time"),
        ),
        (_made("AVALU", "Unit of Analysis Value", "text"), pl.when(pl.col("time").is_not_null()).then(pl.lit("DAYS"))),
        (
            _made("CNSR", "Censor", "integer", "0: event; 1: censored."),
            (~pl.col("event")).cast(pl.Int64),
        ),
        (
            _made("EVNTDESC", "Event or Censoring Description", "text"),
            pl.when("event").then("category").when(~pl.col("event")).then(pl.lit("CENSORED")),
        ),
        (
            _made("CNSDTDSC", "Reason of Censoring", "text"),
            pl.when(~pl.col("event")).then(pl.col("reason").replace(reasons)),
        ),
        (_made("SCALE", "Grading Scale or Response Criteria", "text"), pl.col("scale")),
        (_ADY, _relative("day")),
        (_REASON, pl.when(pl.col("time").is_null()).then(pl.col("reason").replace(reasons))),
        (_DETAIL, pl.col("detail")),
    ]
    told = {codes[e]: rules.get(e, labels.get(e, e)) for e in codes}
    return _dataset(
        "ADTTE",
        "Times to an Event",
        "One record per subject and endpoint",
        ("USUBJID", "PARAMCD"),
        rows,
        columns,
        told,
    )


def _adae(tables: Tables, study: str) -> Dataset:
    columns = [
        (_STUDY, pl.lit(study)),
        (_SUBJECT, pl.col("subject_id")),
        (_made("AESEQ", "Sequence Number", "integer"), pl.int_range(1, pl.len() + 1).over("subject_id")),
        (_given("AEDECOD", "Dictionary-Derived Term", "text"), pl.col("term")),
        (_given("AECAT", "Category for Adverse Event", "text"), pl.col("category")),
        (_given("AEBODSYS", "Body System or Organ Class", "text"), pl.col("body_system")),
        (_given("ATOXGRN", "Toxicity Grade (N)", "integer"), pl.col("grade")),
        (_given("AETOXGR", "Toxicity Grade as Written", "text"), pl.col("grade_text")),
        (_given("AESCALE", "Grading Scale as Written", "text"), pl.col("scale")),
        (_made("ASTDY", "Analysis Start Relative Day", "integer"), _relative("day")),
        (_made("AENDY", "Analysis End Relative Day", "integer"), _relative("end_day")),
        (
            _made(
                "ADURN", "Duration (Days)", "integer", "Both ends counted; missing where the end lies before the start."
            ),
            pl.when(pl.col("end_day") >= pl.col("day")).then(pl.col("end_day") - pl.col("day") + 1),
        ),
        (
            _made("TRTEMFL", "Begun on or after the Infusion Flag", "text"),
            pl.when(pl.col("day").is_not_null()).then(_flag(pl.col("day") >= 0)),
        ),
    ]
    return _dataset(
        "ADAE",
        "Adverse Events",
        "One record per adverse event",
        ("USUBJID", "AESEQ"),
        tables["adverse_events"],
        columns,
        {},
    )


def _results(tables: Tables, study: str) -> Dataset:
    columns = [
        (_STUDY, pl.lit(study)),
        (_made("RESULTID", "Result Identifier", "text"), pl.col("result_id")),
        (_made("ANALYSIS", "Name of the Analysis", "text"), pl.col("analysis_id")),
        (_made("FAMILY", "Multiplicity Family", "text"), pl.col("family")),
        (_made("BIOMARK", "Biomarker", "text"), pl.col("biomarker")),
        (_made("BIOGRP", "Group of the Biomarker", "text"), pl.col("biomarker_group")),
        (_made("ENDPOINT", "Endpoint", "text"), pl.col("endpoint")),
        (_made("POPUL", "Population", "text"), pl.col("population")),
        (_made("METHOD", "Method", "text"), pl.col("method")),
        (_made("STATNAM", "Statistic Name", "text"), pl.col("stat_name")),
        (_made("STATLBL", "Statistic Label", "text"), pl.col("stat_label")),
        (_made("STATLVL", "Group, Pair or Day of the Statistic", "text"), pl.when(pl.col("level") != "").then("level")),
        (_made("STATVAL", "Statistic Value", "float"), pl.col("value")),
        (_made("STATTXT", "Statistic as Text", "text"), pl.col("text")),
        (_made("STATU", "Unit of the Statistic", "text"), pl.col("unit")),
        (_made("N", "Subjects Analysed", "integer"), pl.col("n")),
        (_made("NCENS", "Subjects with a Censored Value", "integer"), pl.col("n_censored")),
        (_made("NMISS", "Subjects Missing", "integer"), pl.col("n_missing")),
        (_made("PRESPFL", "Prespecified Flag", "text"), _flag(pl.col("prespecified"))),
        (_made("SETTINGS", "Settings in Force (JSON)", "text"), pl.col("settings")),
        (
            _made("NOTICES", "Notices (Codes)", "text"),
            pl.when(pl.col("notices").list.len() > 0).then(pl.col("notices").list.join("; ")),
        ),
        (_made("ERROR", "Reason There Is No Value", "text"), pl.col("error")),
    ]
    return _dataset(
        "RESULTS",
        "Analysis Results",
        "One record per result, statistic and level",
        ("RESULTID", "STATNAM", "STATLVL"),
        tables["results"],
        columns,
        {},
    )


def _head(study: str, codes: Texts, labels: Texts) -> list[tuple[Variable, pl.Expr]]:
    names = {code: labels.get(code, code) for code in codes}
    return [
        (_STUDY, pl.lit(study)),
        (_SUBJECT, pl.col("subject_id")),
        (_PARAMCD, pl.col("endpoint").replace_strict(dict(codes), return_dtype=pl.String)),
        (_PARAM, pl.col("endpoint").replace_strict(names, return_dtype=pl.String)),
        (_CODE, pl.col("endpoint")),
    ]


def _dataset(
    name: str,
    label: str,
    structure: str,
    keys: tuple[str, ...],
    rows: pl.DataFrame,
    columns: Sequence[tuple[Variable, pl.Expr]],
    parameters: Texts,
) -> Dataset:
    types = {"text": pl.String, "float": pl.Float64, "integer": pl.Int64}
    frame = rows.select(expression.cast(types[v.kind]).alias(v.name) for v, expression in columns)
    # blanks at the end are padding in SAS, and an empty text is missing
    texts = [v.name for v, _ in columns if v.kind == "text"]
    trimmed = [pl.col(t).str.strip_chars_end(" ") for t in texts]
    frame = frame.with_columns(pl.when(t != "").then(t).alias(n) for t, n in zip(trimmed, texts, strict=True))
    return Dataset(
        name=name,
        label=label,
        structure=structure,
        keys=keys,
        variables=tuple(v for v, _ in columns),
        frame=frame.sort(keys, nulls_last=True, maintain_order=True),
        parameters=parameters,
    )


def _given(name: str, label: str, kind: _Kind) -> Variable:
    return Variable(name=name, label=label, kind=kind, origin="Predecessor")


def _made(name: str, label: str, kind: _Kind, comment: str = "") -> Variable:
    return Variable(name=name, label=label, kind=kind, comment=comment)


def _relative(day: str) -> pl.Expr:
    """A day of ADaM from a day after the infusion: without a day 0. A day with a fraction is the day it lies in."""
    whole = pl.col(day).cast(pl.Float64).floor().cast(pl.Int64)
    return pl.when(whole >= 0).then(whole + 1).otherwise(whole)


def _flag(yes: pl.Expr) -> pl.Expr:
    return pl.when(yes).then(pl.lit("Y")).otherwise(pl.lit("N"))
