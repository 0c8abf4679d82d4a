"""Amplitudes: every partition of the wells whose file lists them one by one."""

from correlates.schema.table import NUMBER, TEXT, WHOLE, Column, Table

AMPLITUDES = Table(
    name="amplitudes",
    row="partition of a well, seen in one channel",
    key=("well_id", "partition"),
    columns=(
        Column(name="well_id", dtype=TEXT, nullable=False, meaning="the well and channel"),
        Column(name="partition", dtype=WHOLE, nullable=False, minimum=1, meaning="its place in the file, from 1"),
        Column(
            name="amplitude", dtype=NUMBER, meaning="fluorescence, in the instrument's units; null in an empty cell"
        ),
        Column(name="cluster", dtype=TEXT, meaning="how the instrument's software classed the partition, as written"),
    ),
)
