"""``export``: the tables of a finished run as ADaM-like datasets with a define."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from correlates.errors import Problem, UsageError
from correlates.pipeline.publish import printed_labels
from correlates.pipeline.store import open_run
from correlates.plan import plan_from_text
from correlates.terms import Reason

Format = Literal["xpt", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written: files with their number of records, and what the format had to be told otherwise."""

    folder: Path
    files: tuple[tuple[Path, int], ...]
    define: Path
    remarks: tuple[str, ...]


def export_run(folder: Path, *, out: Path, form: Format) -> Exported:
    """Write the datasets of a finished run into a folder that is empty or not there.

    Raises
    ------
    UsageError
        There is no finished run, or the folder holds something.
    """
    from correlates.standards import Dataset, datasets, write_dataset_json, write_define, write_xpt
    from correlates.tables.rules import in_words

    run = open_run(folder)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            Problem(
                code="not-empty", what=f"{str(out)!r} is there already", do="Name an empty or a new folder with --out"
            )
        )
    plan = plan_from_text(run.manifest.plan, folder / "plan.yaml").plan
    tables = {name: run.table(name) for name in run.manifest.tables}
    labels = printed_labels(plan, tables)
    each = tables["outcomes"].unique(["endpoint", "rule"], maintain_order=True, keep="first")
    rules = {e: in_words(json.loads(rule), labels) for e, rule in each.select("endpoint", "rule").iter_rows()}
    made = datasets(tables, study=plan.study.id, labels=labels, rules=rules, reasons={r.value: r.label for r in Reason})
    out.mkdir(parents=True, exist_ok=True)
    written: list[tuple[Dataset, Path]] = []
    remarks: list[str] = []
    for dataset in made:
        if form == "xpt":
            one = write_xpt(dataset, out)
            written.append((one.dataset, one.path))
            remarks += one.remarks
        else:
            written.append((dataset, write_dataset_json(dataset, out, study=plan.study.id)))
    define = write_define(
        [d for d, _ in written], [p for _, p in written], out, study=plan.study.id, title=plan.study.title
    )
    return Exported(
        folder=out,
        files=tuple((path, dataset.frame.height) for dataset, path in written),
        define=define,
        remarks=tuple(remarks),
    )
