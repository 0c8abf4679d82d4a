"""Clinical tables: SDTM-like, in plain field words.

Dates stay as written (ISO 8601, possibly incomplete). ``day`` is relative to the infusion (day 0 is the day of infusion,
the day before is -1) and is filled by ``endpoints``, never by a reader; it is null where the date is incomplete.
"""

from correlates.schema.daily import DAILY
from correlates.schema.table import NUMBER, TEXT, WHOLE, Column, Table

_SUBJECT = Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject (USUBJID)")
_DATE = Column(name="date", dtype=TEXT, meaning="date as written, ISO 8601, possibly incomplete")
_DAY = Column(name="day", dtype=WHOLE, unit="day", meaning="day relative to the infusion")
_IMPUTED = Column(
    name="day_imputed",
    dtype=TEXT,
    meaning="part of the date that was imputed for day, as ADaM's date imputation flag has it: D the day, M month and day; null where nothing was",
)
_ROW = Column(name="source_id", dtype=TEXT, nullable=False, meaning="file_id/row: where it stands")

SUBJECTS = Table(
    name="subjects",
    row="subject",
    key=("subject_id",),
    columns=(
        _SUBJECT,
        Column(name="study_id", dtype=TEXT, meaning="the study (STUDYID)"),
        Column(name="age", dtype=NUMBER, unit="year", minimum=0, meaning="age (AGE)"),
        Column(name="sex", dtype=TEXT, meaning="sex as written (SEX)"),
        Column(name="race", dtype=TEXT, meaning="race as written (RACE)"),
        Column(name="arm", dtype=TEXT, meaning="arm (ARM)"),
        Column(name="death_date", dtype=TEXT, meaning="date of death (DTHDTC)"),
        Column(name="death_day", dtype=WHOLE, unit="day", meaning="day of death relative to the infusion"),
        Column(name="death_day_imputed", dtype=TEXT, meaning="part of the date of death that was imputed (D, M)"),
        Column(name="last_contact_date", dtype=TEXT, meaning="end of participation (RFPENDTC)"),
        Column(
            name="last_contact_day", dtype=WHOLE, unit="day", meaning="end of participation relative to the infusion"
        ),
        Column(
            name="last_contact_day_imputed",
            dtype=TEXT,
            meaning="part of the end of participation that was imputed (D, M)",
        ),
        Column(
            name="infusion_date",
            dtype=TEXT,
            meaning="date of the first infusion; filled by endpoints. The words 'day 0' where the records count days from the infusion and hold no date",
        ),
        Column(
            name="conditioning_day",
            dtype=WHOLE,
            unit="day",
            meaning="first day of the conditioning before the infusion, where the plan says which treatment it is; filled by endpoints",
        ),
        _ROW,
    ),
)

CHARACTERISTICS = Table(
    name="characteristics",
    row="subject, source and characteristic",
    key=("subject_id", "source", "name"),
    columns=(
        _SUBJECT,
        Column(name="name", dtype=TEXT, nullable=False, meaning="name of the characteristic (QNAM, AGE, SEX ...)"),
        Column(name="label", dtype=TEXT, meaning="label of the characteristic (QLABEL)"),
        Column(name="value", dtype=NUMBER, meaning="value, when it is a number"),
        Column(name="category", dtype=TEXT, meaning="value as text"),
        Column(name="unit", dtype=TEXT, meaning="unit of value"),
        Column(name="source", dtype=TEXT, nullable=False, meaning="source of the plan; empty where none was named"),
        _ROW,
    ),
)

EXPOSURE = Table(
    name="exposure",
    row="administration",
    key=(),
    columns=(
        _SUBJECT,
        Column(name="treatment", dtype=TEXT, nullable=False, meaning="what was given (EXTRT)"),
        Column(name="category", dtype=TEXT, meaning="kind of treatment (EXCAT)"),
        Column(name="dose", dtype=NUMBER, minimum=0, meaning="amount (EXDOSE)"),
        Column(name="dose_unit", dtype=TEXT, meaning="unit of dose (EXDOSU)"),
        _DATE,
        _DAY,
        _IMPUTED,
        _ROW,
    ),
)

LESIONS = Table(
    name="lesions",
    row="lesion, date and diameter",
    key=(),
    columns=(
        _SUBJECT,
        Column(name="lesion_id", dtype=TEXT, nullable=False, meaning="the lesion (TRLNKID)"),
        Column(name="kind", dtype=TEXT, meaning="target, non-target or new (TUORRES / TRGRPID)"),
        Column(name="location", dtype=TEXT, meaning="site (TULOC)"),
        Column(
            name="measure",
            dtype=TEXT,
            nullable=False,
            meaning="LDIAM (longest), LPERP (perpendicular), or another test code (TRTESTCD)",
        ),
        Column(name="value", dtype=NUMBER, minimum=0, meaning="the measure, when it is a number"),
        Column(name="text", dtype=TEXT, meaning="the result as written (TRORRES), TOO SMALL TO MEASURE included"),
        Column(name="unit", dtype=TEXT, meaning="unit of value"),
        Column(name="visit", dtype=TEXT, meaning="visit (VISIT)"),
        Column(name="evaluator", dtype=TEXT, meaning="who read it (TREVAL)"),
        _DATE,
        _DAY,
        _IMPUTED,
        _ROW,
    ),
)

ASSESSMENTS = Table(
    name="assessments",
    row="response assessment",
    key=(),
    columns=(
        _SUBJECT,
        Column(
            name="test",
            dtype=TEXT,
            nullable=False,
            meaning="what was assessed (RSTESTCD), OVRLRESP for overall response",
        ),
        Column(name="criteria", dtype=TEXT, meaning="criteria (RSCAT)"),
        Column(name="response", dtype=TEXT, meaning="category as written (RSSTRESC)"),
        Column(name="evaluator", dtype=TEXT, meaning="who assessed it (RSEVAL)"),
        Column(name="visit", dtype=TEXT, meaning="visit (VISIT)"),
        _DATE,
        _DAY,
        _IMPUTED,
        _ROW,
    ),
)

ADVERSE_EVENTS = Table(
    name="adverse_events",
    row="adverse event",
    key=(),
    columns=(
        _SUBJECT,
        Column(
            name="term", dtype=TEXT, nullable=False, meaning="preferred term, or the reported one (AEDECOD, AETERM)"
        ),
        Column(name="category", dtype=TEXT, meaning="category (AECAT), CRS or NEUROLOGIC"),
        Column(name="body_system", dtype=TEXT, meaning="system organ class (AEBODSYS)"),
        Column(name="grade", dtype=WHOLE, meaning="toxicity grade (AETOXGR)"),
        Column(name="grade_text", dtype=TEXT, meaning="toxicity grade as written"),
        Column(name="scale", dtype=TEXT, meaning="grading scale as written in the file, when it says so"),
        _DATE,
        _DAY,
        _IMPUTED,
        Column(name="end_date", dtype=TEXT, meaning="end date as written (AEENDTC)"),
        Column(name="end_day", dtype=WHOLE, unit="day", meaning="end day relative to the infusion"),
        Column(name="end_day_imputed", dtype=TEXT, meaning="part of the end date that was imputed (D, M)"),
        _ROW,
    ),
)

LABS = Table(
    name="labs",
    row="laboratory result",
    key=(),
    columns=(
        _SUBJECT,
        Column(name="test", dtype=TEXT, nullable=False, meaning="test code (LBTESTCD)"),
        Column(name="label", dtype=TEXT, meaning="test name (LBTEST)"),
        Column(name="value", dtype=NUMBER, meaning="result as a number (LBSTRESN)"),
        Column(name="text", dtype=TEXT, meaning="result as written (LBORRES), <5 included"),
        Column(name="unit", dtype=TEXT, meaning="unit of value (LBSTRESU)"),
        Column(name="upper_normal", dtype=NUMBER, meaning="upper limit of normal (LBSTNRHI)"),
        Column(name="lower_normal", dtype=NUMBER, meaning="lower limit of normal (LBSTNRLO)"),
        Column(name="visit", dtype=TEXT, meaning="visit (VISIT)"),
        _DATE,
        _DAY,
        _IMPUTED,
        _ROW,
    ),
)

PRODUCT = Table(
    name="product",
    row="subject and product attribute",
    key=("subject_id", "attribute"),
    columns=(
        _SUBJECT,
        Column(name="attribute", dtype=TEXT, nullable=False, meaning="name of the attribute (column of the file)"),
        Column(name="value", dtype=NUMBER, meaning="value"),
        Column(name="text", dtype=TEXT, meaning="value as written"),
        Column(name="unit", dtype=TEXT, meaning="unit of value"),
        _ROW,
    ),
)

DISPOSITION = Table(
    name="disposition",
    row="disposition event",
    key=(),
    columns=(
        _SUBJECT,
        Column(
            name="event",
            dtype=TEXT,
            nullable=False,
            meaning="what happened (DSDECOD): DEATH, NEW ANTICANCER THERAPY, STEM CELL TRANSPLANT ...",
        ),
        Column(name="text", dtype=TEXT, meaning="as reported (DSTERM)"),
        _DATE,
        _DAY,
        _IMPUTED,
        _ROW,
    ),
)

CLINICAL = (
    SUBJECTS,
    CHARACTERISTICS,
    EXPOSURE,
    LESIONS,
    ASSESSMENTS,
    ADVERSE_EVENTS,
    LABS,
    PRODUCT,
    DISPOSITION,
    DAILY,
)
