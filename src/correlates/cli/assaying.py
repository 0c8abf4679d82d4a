"""``assay``: instrument exports to an assay report, without a plan."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from pathlib import Path

from correlates.errors import Problem, UsageError


def report_assays(
    files: Sequence[Path],
    *,
    out: Path,
    plan: Path | None,
    controls: Sequence[str],
    targets: Sequence[str],
    force: bool,
    json: bool,
) -> None:
    """Write the assay report and say where it is.

    Raises
    ------
    UsageError
        No file, a file that does not exist, or targets that are not ANALYTE=NAME,NAME.
    InputError
        A file is of no known format, or is wrong.
    """
    from correlates.cli.running import Narrator
    from correlates.pipeline.assay import assay_report

    named = dict(_target(text) for text in targets)
    narrator = Narrator()
    try:
        outcome = assay_report(
            files, out=out, plan=plan, controls=controls, targets=named, force=force, progress=narrator
        )
    finally:
        narrator.done()
    if json:
        facts = {"folder": str(outcome.folder), "report": str(outcome.report), "unchanged": outcome.unchanged}
        print(json_module.dumps({**facts, "seconds": round(outcome.seconds, 3)}))
        return
    if outcome.unchanged:
        print(f"Nothing has changed since the report in {outcome.folder}")
    print(f"Report: {outcome.report}")


def _target(text: str) -> tuple[str, tuple[str, ...]]:
    analyte, equals, names = text.partition("=")
    found = tuple(name.strip() for name in names.split(",") if name.strip())
    if not (analyte.strip() and equals and found):
        raise UsageError(
            Problem(
                code="not-a-target",
                what="A target is an analyte and its names in the files",
                found=repr(text),
                expected="ANALYTE=NAME,NAME",
            )
        )
    return analyte.strip(), found
