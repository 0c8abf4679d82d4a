"""Samples: the manifest that links sample names to subjects and days."""

from correlates.schema.table import NUMBER, TEXT, Column, Table

SAMPLES = Table(
    name="samples",
    row="sample",
    key=("sample_id",),
    columns=(
        Column(name="sample_id", dtype=TEXT, nullable=False, meaning="sample name, as in the instrument files"),
        Column(name="subject_id", dtype=TEXT, nullable=False, meaning="the subject it was taken from"),
        Column(name="study_day", dtype=NUMBER, unit="day", meaning="actual day relative to the infusion (day 0)"),
        Column(name="nominal_day", dtype=NUMBER, unit="day", meaning="planned day relative to the infusion"),
        Column(name="visit", dtype=TEXT, meaning="name of the visit"),
        Column(name="matrix", dtype=TEXT, meaning="blood, PBMC, serum, plasma, product ..."),
        Column(name="dna_ng", dtype=NUMBER, unit="ng", minimum=0, meaning="DNA put into one reaction"),
        Column(
            name="lymphocytes_per_ul", dtype=NUMBER, unit="cells/uL", minimum=0, meaning="absolute lymphocyte count"
        ),
        Column(name="monocytes_per_ul", dtype=NUMBER, unit="cells/uL", minimum=0, meaning="absolute monocyte count"),
        Column(
            name="leukocytes_per_ul",
            dtype=NUMBER,
            unit="cells/uL",
            minimum=0,
            meaning="cells of the extracted kind per uL of blood (PBMC: lymphocytes plus monocytes)",
        ),
        Column(name="dilution", dtype=NUMBER, minimum=0, meaning="dilution made by hand before the assay"),
        Column(name="extras", dtype=TEXT, meaning="all other columns of the row, as a JSON object"),
    ),
)
