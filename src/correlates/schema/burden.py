"""Burden: tumour burden of a subject at each assessment."""

from correlates.schema.table import NUMBER, TEXT, TEXTS, WHOLE, Column, Table

BURDEN = Table(
    name="burden",
    row="subject, day and evaluator",
    key=("subject_id", "day", "evaluator"),
    columns=(
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject"),
        Column(name="day", dtype=WHOLE, unit="day", nullable=False, meaning="day relative to the infusion"),
        Column(
            name="evaluator", dtype=TEXT, nullable=False, meaning="who read it; empty text when the file does not say"
        ),
        Column(
            name="spd",
            dtype=NUMBER,
            unit="mm2",
            minimum=0,
            meaning="sum of the products of diameters of the target lesions",
        ),
        Column(name="n_lesions", dtype=WHOLE, minimum=0, meaning="target lesions measured"),
        Column(name="reason", dtype=TEXT, meaning="why spd is null (a term of Reason)"),
        Column(name="detail", dtype=TEXT, meaning="in words: which lesion was not measurable, which rule stood in"),
        Column(
            name="sld",
            dtype=NUMBER,
            unit="mm",
            minimum=0,
            meaning="sum of the longest diameters of the target lesions, of lymph nodes the short axis (RECIST 1.1)",
        ),
        Column(name="sld_reason", dtype=TEXT, meaning="why sld is null (a term of Reason)"),
        Column(name="sld_detail", dtype=TEXT, meaning="in words, for sld"),
        Column(name="mtv", dtype=NUMBER, unit="mL", minimum=0, meaning="sum of the metabolic volumes of the lesions"),
        Column(name="mtv_reason", dtype=TEXT, meaning="why mtv is null (a term of Reason)"),
        Column(name="source_ids", dtype=TEXTS, nullable=False, meaning="source_id of the lesion rows used"),
    ),
)
