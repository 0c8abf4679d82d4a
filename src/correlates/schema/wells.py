"""Wells: well x target, as the instrument wrote it."""

from correlates.schema.table import NUMBER, TEXT, WHOLE, Column, Table
from correlates.terms import Flag, Role, SignalKind

WELLS = Table(
    name="wells",
    row="well and target",
    key=("well_id",),
    columns=(
        Column(
            name="well_id",
            dtype=TEXT,
            nullable=False,
            meaning="file_id/plate-ordinal/well/target: content-derived, unique",
        ),
        Column(name="file_id", dtype=TEXT, nullable=False, meaning="the file it stands in"),
        Column(name="plate", dtype=TEXT, nullable=False, meaning="plate, cartridge or run as the file names it"),
        Column(name="well", dtype=TEXT, nullable=False, meaning="position, as A1 (no zero padding), or the inlet"),
        Column(name="sample_id", dtype=TEXT, meaning="sample name as written; null for a well that has none"),
        Column(name="target", dtype=TEXT, nullable=False, meaning="target, analyte or dye as written"),
        Column(name="role", dtype=TEXT, nullable=False, terms=Role, meaning="what the well holds"),
        Column(name="nominal", dtype=NUMBER, minimum=0, meaning="nominal quantity of a standard or control"),
        Column(name="nominal_unit", dtype=TEXT, meaning="unit of nominal, when the file says so"),
        Column(name="signal_kind", dtype=TEXT, nullable=False, terms=SignalKind, meaning="what signal is"),
        Column(name="signal", dtype=NUMBER, meaning="Cq, MFI, RFU or ECL; for partitions the share that is positive"),
        Column(name="flag", dtype=TEXT, terms=Flag, meaning="what stood where signal should be a number"),
        Column(name="positives", dtype=WHOLE, minimum=0, meaning="positive partitions"),
        Column(name="partitions", dtype=WHOLE, minimum=0, meaning="accepted partitions"),
        Column(name="count", dtype=WHOLE, minimum=0, meaning="beads counted"),
        Column(name="dilution", dtype=NUMBER, minimum=0, meaning="dilution factor, when the file states it"),
        Column(name="reported", dtype=NUMBER, meaning="concentration or quantity that the instrument computed"),
        Column(name="reported_unit", dtype=TEXT, meaning="unit of reported, when the file says so"),
        Column(name="sheet", dtype=TEXT, meaning="sheet, section or block of the file"),
        Column(name="row", dtype=WHOLE, meaning="row (line) of the sheet or file, counted from 1"),
        Column(name="extras", dtype=TEXT, nullable=False, meaning="all other columns of the row, as a JSON object"),
    ),
)
