"""Files: every data file a run has read."""

from correlates.schema.table import TEXT, WHOLE, Column, Table

FILES = Table(
    name="files",
    row="file",
    key=("file_id",),
    columns=(
        Column(name="file_id", dtype=TEXT, nullable=False, meaning="first 12 hex digits of the SHA-256 of the bytes"),
        Column(name="path", dtype=TEXT, nullable=False, meaning="path as the plan finds it, relative to the plan"),
        Column(name="sha256", dtype=TEXT, nullable=False, meaning="SHA-256 of the bytes"),
        Column(name="size", dtype=WHOLE, nullable=False, unit="bytes", meaning="length of the file"),
        Column(name="source", dtype=TEXT, nullable=False, meaning="assay or source of the plan that asked for it"),
        Column(name="reader", dtype=TEXT, nullable=False, meaning="code of the reader that understood it"),
        Column(name="software", dtype=TEXT, meaning="software and version that wrote it, when it says so"),
        Column(name="header", dtype=TEXT, meaning="all of the file outside its rows, as JSON (nothing is dropped)"),
    ),
)
