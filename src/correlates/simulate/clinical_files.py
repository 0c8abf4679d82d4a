"""Clinical records of a simulated trial: SDTM domains as SAS transport files, the sample manifest, the product table.

Dates are ISO 8601; study days (--DY) follow SDTM, where the day of infusion is day 1 and no day is 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from correlates.simulate.exports.source import TRUTH_SCHEMA, collected, generator, stamp, wart_row
from correlates.simulate.trial import Trial
from correlates.simulate.warts import Warts
from correlates.terms import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """An SDTM variable: its name, label and where its value comes from; numbers stay numbers, all else is text."""

    name: str
    label: str
    value: pl.Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A product attribute: its column in the truth, its name in the file and its unit."""

    column: str
    name: str
    unit: str


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute(column="viable_dose_1e6", name="VIABLE_DOSE", unit="1e6 cells"),
    Attribute(column="doubling_time_days", name="DOUBLING_TIME", unit="day"),
    Attribute(column="cd4_cd8_ratio", name="CD4_CD8", unit="ratio"),
    Attribute(column="ccr7_cd45ra_percent", name="CCR7_CD45RA_PCT", unit="%"),
    Attribute(column="cd8_percent", name="CD8_PCT", unit="%"),
    Attribute(column="vcn", name="VCN", unit="copies/cell"),
    Attribute(column="transduction_percent", name="TRANSDUCTION", unit="%"),
    Attribute(column="viability_percent", name="VIABILITY", unit="%"),
    Attribute(column="ifng_coculture_pg_ml", name="IFNG_COCULTURE", unit="pg/mL"),
    Attribute(column="weight_kg", name="WEIGHT", unit="kg"),
)
"""Attributes that the certificate of a product states; other columns of the truth are not written."""

SCALES = {
    Scale.LEE_2014.value: "LEE 2014",
    Scale.ASTCT_2019.value: "ASTCT 2019",
    Scale.CTCAE_4_03.value: "CTCAE v4.03",
    Scale.CTCAE_5_0.value: "CTCAE v5.0",
}
"""Grading scales as clinical databases write them."""

_TERMS = {
    "BLOOD AND LYMPHATIC SYSTEM DISORDERS": ("Anaemia", "Febrile neutropenia"),
    "CARDIAC DISORDERS": ("Sinus tachycardia",),
    "GASTROINTESTINAL DISORDERS": ("Nausea", "Diarrhoea"),
    "IMMUNE SYSTEM DISORDERS": ("Cytokine release syndrome", "Hypogammaglobulinaemia"),
    "INFECTIONS AND INFESTATIONS": ("Pneumonia", "Urinary tract infection"),
    "INVESTIGATIONS": ("Neutrophil count decreased", "Platelet count decreased"),
    "METABOLISM AND NUTRITION DISORDERS": ("Decreased appetite",),
    "NERVOUS SYSTEM DISORDERS": ("Encephalopathy", "Tremor", "Aphasia", "Somnolence", "Headache"),
    "PSYCHIATRIC DISORDERS": ("Confusional state", "Agitation", "Delirium"),
    "RESPIRATORY, THORACIC AND MEDIASTINAL DISORDERS": ("Hypoxia",),
    "VASCULAR DISORDERS": ("Hypotension",),
}
_GENERAL = "GENERAL DISORDERS AND ADMINISTRATION SITE CONDITIONS"
BODY_SYSTEMS = {term: body for body, terms in _TERMS.items() for term in terms}
"""System organ class by preferred term; any other term is a general disorder."""

COUNT_CV, DNA_CV, VCN_CV = 0.05, 0.03, 0.05
"""Coefficients of variation of what the files state about the true leukocyte counts, DNA mass and vector copy number."""

_HEADER = 640
"""Length of the records of a transport file that carry the times of writing: library and member header."""
_STAMP = re.compile(rb"\d{2}[A-Z]{3}\d{2}:\d{2}:\d{2}:\d{2}")

QUALIFIERS = (
    ("ecog", "ECOG", "ECOG Performance Status"),
    ("subtype", "SUBTYPE", "Lymphoma Subtype"),
    ("stage", "STAGE", "Ann Arbor Stage"),
    ("ipi", "IPI", "International Prognostic Index"),
)
"""Characteristics written to SUPPDM: column of the truth, QNAM, QLABEL."""


def write_manifest(trial: Trial, path: Path, warts: Warts) -> pl.DataFrame:
    """Write ``samples.csv``: one row per sample that was taken; return the truth of missed visits.

    Cell counts and DNA mass are measured: their truth times a log-normal error (the same for lymphocytes and monocytes
    of a sample). Serum has no dilution here: it differs between kits and stands in their files.
    """
    rng = generator(trial, "manifest")
    count, dna = np.exp(rng.normal(0.0, (COUNT_CV, DNA_CV), (trial.samples.height, 2))).T
    errors = trial.samples.select("sample_id").with_columns(count=count, dna=dna)
    taken = collected(trial, warts).join(errors, on="sample_id", how="left", maintain_order="left")
    infused = trial.patients.select("subject_id", "infusion_date")
    rows = taken.join(infused, on="subject_id", how="left", maintain_order="left").select(
        SAMPLE=pl.col("sample_id"),
        USUBJID=pl.col("subject_id"),
        VISIT=pl.col("visit"),
        VISITDY=pl.col("nominal_day"),
        DAY=pl.col("study_day"),
        COLLECTION=pl.col("infusion_date") + pl.duration(days=pl.col("study_day").cast(pl.Int64)),
        MATRIX=pl.col("matrix"),
        DNA_NG=(pl.col("dna_ng") * pl.col("dna")).round(1),
        LYMPH=(pl.col("lymphocytes_per_ul") * pl.col("count")).round(1),
        MONO=(pl.col("monocytes_per_ul") * pl.col("count")).round(1),
        DILUTION=pl.when(pl.col("dna_ng").is_not_null()).then(pl.lit(1.0)),
    )
    rows.write_csv(path)
    if not warts.missed_visits:
        return pl.DataFrame(schema=TRUTH_SCHEMA)
    missed = trial.samples.filter(pl.col("missed").fill_null(value=False))
    return missed.select(
        level=pl.lit("wart"),
        id=pl.lit("missed_visits"),
        name=pl.col("sample_id"),
        value=pl.col("nominal_day").cast(pl.Float64),
        text=pl.format("{} {}: nominal day in value", "subject_id", "visit"),
    )


def write_product(trial: Trial, path: Path, warts: Warts) -> pl.DataFrame:
    """Write ``product.csv``: one row per subject, units in parentheses; return the truth of a duplicated record.

    The vector copy number is measured: its truth times a log-normal error.
    """
    known = [a for a in ATTRIBUTES if a.column in trial.product.columns]
    error = np.exp(generator(trial, "product").normal(0.0, VCN_CV, trial.product.height))
    rows = trial.product.with_columns(vcn=pl.col("vcn") * error).select(
        pl.col("subject_id").alias("USUBJID"),
        *(pl.col(a.column).round_sig_figs(5).alias(f"{a.name} ({a.unit})") for a in known),
    )
    truth = pl.DataFrame(schema=TRUTH_SCHEMA)
    if warts.duplicated_subject and rows.height > 1:
        twice = rows.height * 2 // 3
        rows = pl.concat([rows[: twice + 1], rows[twice : twice + 1], rows[twice + 1 :]])
        truth = wart_row("duplicated_subject", str(rows["USUBJID"][twice]), "Stands twice in product.csv, identically")
    rows.write_csv(path)
    return truth


def write_sdtm(trial: Trial, folder: Path) -> None:
    """Write the SDTM domains DM, SUPPDM, EX, TU, TR, RS, AE, LB and DS as SAS transport files, version 5.

    The time of writing in their headers is that of the simulated data cut, so that equal trials give equal bytes.
    """
    import pyreadstat

    folder.mkdir(parents=True, exist_ok=True)
    stamped = f"{stamp(trial, 300):%d%b%y:%H:%M:%S}".upper().encode()
    for domain, label, frame, variables in _domains(trial):
        table = frame.select(v.value.alias(v.name) for v in variables)
        table = table.with_columns(
            pl.selectors.numeric().cast(pl.Float64), (~pl.selectors.numeric()).cast(pl.String).fill_null("")
        )
        path = folder / f"{domain.lower()}.xpt"
        pyreadstat.write_xport(
            table,
            path,
            file_label=label,
            table_name=domain,
            file_format_version=5,
            column_labels={v.name: v.label for v in variables},
        )
        content = path.read_bytes()
        path.write_bytes(_STAMP.sub(stamped, content[:_HEADER]) + content[_HEADER:])


def _domains(trial: Trial) -> list[tuple[str, str, pl.DataFrame, list[Variable]]]:
    return [
        ("DM", "Demographics", _dated(trial, trial.patients, order=()), _dm()),
        ("SUPPDM", "Supplemental Qualifiers for DM", _qualifiers(trial), _suppdm()),
        ("EX", "Exposure", _dated(trial, trial.treatments), _ex()),
        ("TU", "Tumor/Lesion Identification", _dated(trial, _identified(trial)), _tu()),
        (
            "TR",
            "Tumor/Lesion Results",
            _dated(trial, _measured(trial), order=("subject_id", "day", "lesion_id")),
            _tr(),
        ),
        ("RS", "Disease Response", _dated(trial, trial.assessments), _rs()),
        ("AE", "Adverse Events", _dated(trial, trial.adverse_events, order=("subject_id", "start_day")), _ae()),
        ("LB", "Laboratory Test Results", _dated(trial, trial.labs, order=("subject_id", "day", "test")), _lb()),
        ("DS", "Disposition", _dated(trial, trial.disposition), _ds()),
    ]


def _dated(trial: Trial, frame: pl.DataFrame, order: tuple[str, ...] = ("subject_id", "day")) -> pl.DataFrame:
    """Rows in order with the date of infusion and, as ``seq``, their number within the subject."""
    infused = trial.patients.select("subject_id", rfst=pl.col("infusion_date"))
    rows = frame.join(infused, on="subject_id", how="left", maintain_order="left")
    rows = rows.sort(order, maintain_order=True) if order else rows
    return rows.with_columns(seq=pl.int_range(1, pl.len() + 1).over("subject_id"))


def _date(day: str) -> pl.Expr:
    return (pl.col("rfst") + pl.duration(days=pl.col(day).cast(pl.Int64))).dt.to_string("%Y-%m-%d")


def _study_day(day: str) -> pl.Expr:
    return pl.when(pl.col(day) >= 0).then(pl.col(day) + 1).otherwise(pl.col(day))


def _start(domain: str) -> list[Variable]:
    study = pl.col("subject_id").str.replace(r"-[^-]+$", "")
    return [
        Variable(name="STUDYID", label="Study Identifier", value=study),
        Variable(name="DOMAIN", label="Domain Abbreviation", value=pl.lit(domain)),
        Variable(name="USUBJID", label="Unique Subject Identifier", value=pl.col("subject_id")),
    ]


def _sequence(domain: str) -> list[Variable]:
    return [*_start(domain), Variable(name=f"{domain}SEQ", label="Sequence Number", value=pl.col("seq"))]


def _visit() -> list[Variable]:
    number = pl.col("visit").rank("dense").cast(pl.Float64)
    by_day = pl.col("day").min().over("visit").rank("dense")
    return [
        Variable(name="VISITNUM", label="Visit Number", value=pl.coalesce(by_day.cast(pl.Float64), number)),
        Variable(name="VISIT", label="Visit Name", value=pl.col("visit")),
    ]


def _dm() -> list[Variable]:
    day = "%Y-%m-%d"
    site = pl.col("subject_id").str.split("-").list.get(-2, null_on_oob=True)
    return [
        *_start("DM"),
        Variable(
            name="SUBJID",
            label="Subject Identifier for the Study",
            value=pl.col("subject_id").str.split("-").list.last(),
        ),
        Variable(name="RFSTDTC", label="Subject Reference Start Date/Time", value=pl.col("rfst").dt.to_string(day)),
        Variable(name="RFENDTC", label="Subject Reference End Date/Time", value=_date("last_contact_day")),
        Variable(name="RFPENDTC", label="Date/Time of End of Participation", value=_date("last_contact_day")),
        Variable(name="DTHDTC", label="Date/Time of Death", value=_date("death_day")),
        Variable(
            name="DTHFL",
            label="Subject Death Flag",
            value=pl.when(pl.col("death_day").is_not_null()).then(pl.lit("Y")),
        ),
        Variable(name="SITEID", label="Study Site Identifier", value=site),
        Variable(name="AGE", label="Age", value=pl.col("age").round(0)),
        Variable(name="AGEU", label="Age Units", value=pl.lit("YEARS")),
        Variable(name="SEX", label="Sex", value=pl.col("sex")),
        Variable(name="ARMCD", label="Planned Arm Code", value=pl.lit("CART")),
        Variable(name="ARM", label="Description of Planned Arm", value=pl.lit("Anti-CD19 CAR T cells")),
        Variable(name="ACTARMCD", label="Actual Arm Code", value=pl.lit("CART")),
        Variable(name="ACTARM", label="Description of Actual Arm", value=pl.lit("Anti-CD19 CAR T cells")),
    ]


def _qualifiers(trial: Trial) -> pl.DataFrame:
    present = [(column, name, label) for column, name, label in QUALIFIERS if column in trial.patients.columns]
    return pl.concat(
        trial.patients.select(
            "subject_id", pl.lit(name).alias("name"), pl.lit(label).alias("label"), value=pl.col(column).cast(pl.String)
        )
        for column, name, label in present
    ).sort("subject_id", maintain_order=True)


def _suppdm() -> list[Variable]:
    study, _, subject = _start("DM")
    return [
        study,
        Variable(name="RDOMAIN", label="Related Domain Abbreviation", value=pl.lit("DM")),
        subject,
        Variable(name="IDVAR", label="Identifying Variable", value=pl.lit("")),
        Variable(name="IDVARVAL", label="Identifying Variable Value", value=pl.lit("")),
        Variable(name="QNAM", label="Qualifier Variable Name", value=pl.col("name")),
        Variable(name="QLABEL", label="Qualifier Variable Label", value=pl.col("label")),
        Variable(name="QVAL", label="Data Value", value=pl.col("value")),
        Variable(name="QORIG", label="Origin", value=pl.lit("CRF")),
    ]


def _ex() -> list[Variable]:
    return [
        *_sequence("EX"),
        Variable(name="EXTRT", label="Name of Treatment", value=pl.col("treatment")),
        Variable(name="EXCAT", label="Category of Treatment", value=pl.col("category")),
        Variable(name="EXDOSE", label="Dose", value=pl.col("dose")),
        Variable(name="EXDOSU", label="Dose Units", value=pl.col("dose_unit")),
        Variable(name="EXSTDTC", label="Start Date/Time of Treatment", value=_date("day")),
        Variable(name="EXENDTC", label="End Date/Time of Treatment", value=_date("day")),
        Variable(name="EXSTDY", label="Study Day of Start of Treatment", value=_study_day("day")),
    ]


def _identified(trial: Trial) -> pl.DataFrame:
    return trial.lesions.sort("subject_id", "day", maintain_order=True).unique(
        ["subject_id", "lesion_id"], keep="first", maintain_order=True
    )


def _tu() -> list[Variable]:
    kind = pl.col("kind").str.to_uppercase()
    return [
        *_sequence("TU"),
        Variable(name="TULNKID", label="Link ID", value=pl.col("lesion_id")),
        Variable(name="TUTESTCD", label="Tumor/Lesion ID Short Name", value=pl.lit("TUMIDENT")),
        Variable(name="TUTEST", label="Tumor/Lesion ID Test Name", value=pl.lit("Tumor Identification")),
        Variable(name="TUORRES", label="Tumor/Lesion ID Result", value=kind),
        Variable(name="TUSTRESC", label="Tumor/Lesion ID Result Std. Format", value=kind),
        Variable(name="TULOC", label="Location of the Tumor/Lesion", value=pl.col("location")),
        Variable(name="TUMETHOD", label="Method of Identification", value=pl.lit("CT SCAN")),
        Variable(name="TUEVAL", label="Evaluator", value=pl.lit("INVESTIGATOR")),
        *_visit(),
        Variable(name="TUDTC", label="Date/Time of Tumor Identification", value=_date("day")),
        Variable(name="TUDY", label="Study Day of Tumor Identification", value=_study_day("day")),
    ]


def _measured(trial: Trial) -> pl.DataFrame:
    """One row per lesion, visit and diameter; lesions that are not measured have their state instead."""
    bare = pl.col("ldiam_mm").is_null() & pl.col("state").is_null()
    rows = trial.lesions.with_row_index("source")
    diameters = pl.concat(
        rows.filter(~bare).with_columns(
            test=pl.lit(code), test_label=pl.lit(label), number=pl.col(column).round(1), unit=pl.lit("mm")
        )
        for code, label, column in (
            ("LDIAM", "Longest Diameter", "ldiam_mm"),
            ("LPERP", "Longest Perpendicular", "lperp_mm"),
        )
    )
    state = rows.filter(bare).with_columns(
        test=pl.lit("TUMSTATE"),
        test_label=pl.lit("Tumor State"),
        number=pl.lit(None, pl.Float64),
        unit=pl.lit(None, pl.String),
        state=pl.lit("PRESENT"),
    )
    return pl.concat([diameters, state]).sort("source", "test")


def _tr() -> list[Variable]:
    text = pl.coalesce("state", pl.col("number").cast(pl.String))
    number = pl.when(pl.col("state").is_null()).then(pl.col("number"))
    unit = pl.when(number.is_not_null()).then(pl.col("unit"))
    return [
        *_sequence("TR"),
        Variable(name="TRGRPID", label="Group ID", value=pl.col("kind").str.to_uppercase()),
        Variable(name="TRLNKID", label="Link ID", value=pl.col("lesion_id")),
        Variable(name="TRTESTCD", label="Tumor/Lesion Assessment Short Name", value=pl.col("test")),
        Variable(name="TRTEST", label="Tumor/Lesion Assessment Test Name", value=pl.col("test_label")),
        Variable(name="TRORRES", label="Result or Finding in Original Units", value=text),
        Variable(name="TRORRESU", label="Original Units", value=unit),
        Variable(name="TRSTRESC", label="Character Result/Finding in Std Format", value=text),
        Variable(name="TRSTRESN", label="Numeric Result/Finding in Standard Units", value=number),
        Variable(name="TRSTRESU", label="Standard Units", value=unit),
        Variable(name="TREVAL", label="Evaluator", value=pl.lit("INVESTIGATOR")),
        *_visit(),
        Variable(name="TRDTC", label="Date/Time of Tumor/Lesion Measurement", value=_date("day")),
        Variable(name="TRDY", label="Study Day of Tumor/Lesion Measurement", value=_study_day("day")),
    ]


def _rs() -> list[Variable]:
    return [
        *_sequence("RS"),
        Variable(name="RSTESTCD", label="Response Assessment Short Name", value=pl.lit("OVRLRESP")),
        Variable(name="RSTEST", label="Response Assessment Name", value=pl.lit("Overall Response")),
        Variable(name="RSCAT", label="Category for Response Assessment", value=pl.lit("LUGANO 2014")),
        Variable(name="RSORRES", label="Response Assessment Original Result", value=pl.col("response")),
        Variable(name="RSSTRESC", label="Response Assessment Result in Std Format", value=pl.col("response")),
        Variable(name="RSEVAL", label="Evaluator", value=pl.lit("INVESTIGATOR")),
        *_visit(),
        Variable(name="RSDTC", label="Date/Time of Response Assessment", value=_date("day")),
        Variable(name="RSDY", label="Study Day of Response Assessment", value=_study_day("day")),
    ]


def _ae() -> list[Variable]:
    return [
        *_sequence("AE"),
        Variable(name="AETERM", label="Reported Term for the Adverse Event", value=pl.col("term")),
        Variable(name="AEDECOD", label="Dictionary-Derived Term", value=pl.col("term")),
        Variable(name="AECAT", label="Category for Adverse Event", value=pl.col("category").str.to_uppercase()),
        Variable(
            name="AEBODSYS",
            label="Body System or Organ Class",
            value=pl.col("term").replace_strict(BODY_SYSTEMS, default=_GENERAL),
        ),
        Variable(name="AETOXGR", label="Standard Toxicity Grade", value=pl.col("grade").cast(pl.String)),
        Variable(name="AEGRSCL", label="Toxicity Grading Scale", value=pl.col("scale").replace(SCALES)),
        Variable(name="AESTDTC", label="Start Date/Time of Adverse Event", value=_date("start_day")),
        Variable(name="AEENDTC", label="End Date/Time of Adverse Event", value=_date("end_day")),
        Variable(name="AESTDY", label="Study Day of Start of Adverse Event", value=_study_day("start_day")),
        Variable(name="AEENDY", label="Study Day of End of Adverse Event", value=_study_day("end_day")),
    ]


def _lb() -> list[Variable]:
    value = pl.col("value").round_sig_figs(4)
    text = value.cast(pl.String).str.replace(r"\.0$", "")
    return [
        *_sequence("LB"),
        Variable(name="LBTESTCD", label="Lab Test or Examination Short Name", value=pl.col("test")),
        Variable(name="LBTEST", label="Lab Test or Examination Name", value=pl.col("label")),
        Variable(name="LBORRES", label="Result or Finding in Original Units", value=text),
        Variable(name="LBORRESU", label="Original Units", value=pl.col("unit")),
        Variable(name="LBSTRESC", label="Character Result/Finding in Std Format", value=text),
        Variable(name="LBSTRESN", label="Numeric Result/Finding in Standard Units", value=value),
        Variable(name="LBSTRESU", label="Standard Units", value=pl.col("unit")),
        Variable(name="LBSTNRLO", label="Reference Range Lower Limit-Std Units", value=pl.col("lower_normal")),
        Variable(name="LBSTNRHI", label="Reference Range Upper Limit-Std Units", value=pl.col("upper_normal")),
        *_visit(),
        Variable(name="LBDTC", label="Date/Time of Specimen Collection", value=_date("day")),
        Variable(name="LBDY", label="Study Day of Specimen Collection", value=_study_day("day")),
    ]


def _ds() -> list[Variable]:
    return [
        *_sequence("DS"),
        Variable(name="DSTERM", label="Reported Term for the Disposition Event", value=pl.col("event")),
        Variable(name="DSDECOD", label="Standardized Disposition Term", value=pl.col("event").str.to_uppercase()),
        Variable(name="DSCAT", label="Category for Disposition Event", value=pl.lit("DISPOSITION EVENT")),
        Variable(name="DSSTDTC", label="Start Date/Time of Disposition Event", value=_date("day")),
        Variable(name="DSSTDY", label="Study Day of Start of Disposition Event", value=_study_day("day")),
    ]
