"""``predict``: a saved model applied to other subjects."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from correlates.errors import InputError, Problem, UsageError
from correlates.rounding import number

if TYPE_CHECKING:
    import polars as pl


def predict_subjects(
    model: Path,
    data: Path,
    *,
    out: Path | None,
    outcome: str | None,
    event: str | None,
    days: Sequence[float],
    json: bool,
) -> None:
    """Write the predictions of a model for the subjects of a table; with ``outcome``, tell its performance on standard error.

    Raises
    ------
    UsageError
        No such file.
    InputError
        The model or the table cannot be read, or a column is missing or not of numbers.
    """
    from correlates.association.external import validate_externally
    from correlates.association.saved_model import load_model, predict

    for path, what in ((model, "a model of a run (models/NAME.json)"), (data, "a table (.csv or .parquet)")):
        if not path.is_file():
            found = "is a folder" if path.is_dir() else "does not exist"
            raise UsageError(Problem(code="no-file", what=f"{str(path)!r} {found}", expected=what))
    loaded, table = load_model(model.read_text(encoding="utf-8"), file=model.name), _table(data)
    predicted = predict(loaded, table, days)
    made = predicted.table
    judged = None if outcome is None else validate_externally(loaded, made, table, outcome, event, days)
    if out is None:
        text = json_module.dumps(made.to_dicts(), indent=1) + "\n" if json else made.write_csv()
        sys.stdout.write(text)
    elif out.suffix == ".parquet":
        made.write_parquet(out)
    else:
        made.write_csv(out)
    for warning in predicted.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    without = made["error"].drop_nulls().len()
    told = made.filter(made["notices"] != "").height
    print(
        f"{made.height - without:,} predictions; {without:,} subjects without one; {told:,} with something to know (column notices)",
        file=sys.stderr,
    )
    if judged is not None:
        shown = "; ".join(f"{name} {number(value)}" for name, value in judged.measures.items())
        seen = "above the lowest grade" if loaded.kind == "ordinal" else "events"
        print(f"External validation, {judged.n} subjects, {judged.events} {seen}: {shown}", file=sys.stderr)


def _table(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None, schema_overrides={"subject_id": pl.String})
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError(
            Problem(
                code="not-a-table",
                what=f"{path.name} cannot be read as a table",
                found=str(error).splitlines()[0],
                expected="a CSV with a header, or Parquet",
            )
        ) from error
