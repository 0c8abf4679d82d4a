"""Sensitivity: counts of the durable classes under each setting."""

from correlates.schema.table import TEXT, WHOLE, Column, Table
from correlates.terms import Durability

SENSITIVITY = Table(
    name="sensitivity",
    row="endpoint, setting, value and class",
    key=("endpoint", "setting", "value", "category"),
    columns=(
        Column(name="endpoint", dtype=TEXT, nullable=False, meaning="name of the endpoint in the plan"),
        Column(
            name="setting", dtype=TEXT, nullable=False, meaning="the setting that is changed; 'as declared' for none"
        ),
        Column(name="value", dtype=TEXT, nullable=False, meaning="the value it is changed to"),
        Column(name="category", dtype=TEXT, nullable=False, terms=Durability, meaning="the class"),
        Column(name="n", dtype=WHOLE, nullable=False, minimum=0, meaning="subjects of the class"),
        Column(
            name="changed",
            dtype=WHOLE,
            nullable=False,
            minimum=0,
            meaning="subjects whose class differs from the one under the declared settings",
        ),
    ),
)
