"""``new``: a folder with a commented plan, its schema, and subfolders to fill."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from correlates.errors import Problem, UsageError

_FOLDERS = ("clinical", "exports/qpcr", "exports/ddpcr", "exports/luminex", "exports/simple_plex")


def start(folder: Path) -> None:
    """Write plan.yaml, plan.schema.json and the empty folders.

    Raises
    ------
    UsageError
        The folder holds a plan already, or is a file.
    """
    plan = folder / "plan.yaml"
    if folder.exists() and not folder.is_dir():
        raise UsageError(Problem(code="not-a-folder", what=f"{str(folder)!r} is a file", do="Name a folder"))
    if plan.exists():
        raise UsageError(
            Problem(
                code="plan-exists", what=f"{str(plan)!r} exists", do="Name another folder; a plan is never overwritten"
            )
        )
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    text = resources.files("correlates.cli").joinpath("templates/plan.yaml").read_text(encoding="utf-8")
    write_schema(folder)
    plan.write_text(text, encoding="utf-8")
    print(f"{plan}: a commented plan\n{folder / 'plan.schema.json'}: its schema, for editors")
    print(f"Put the data into {folder}, edit the plan, then: correlates check {plan}")


def write_schema(folder: Path) -> None:
    """Write the JSON Schema of plans into a folder."""
    from correlates.plan import plan_schema

    (folder / "plan.schema.json").write_text(json.dumps(plan_schema(), indent=1) + "\n", encoding="utf-8")
