"""``check``, ``run``, ``report`` and ``demo``."""

from __future__ import annotations

import json as json_module
import sys
import time
from importlib import resources
from pathlib import Path

from correlates.errors import Problem, UsageError


class Narrator:
    """Progress on standard error: a line that is overwritten on a terminal, a line each elsewhere."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.live = sys.stderr.isatty()

    def __call__(self, message: str) -> None:
        """Say what is being done."""
        line = f"[{time.perf_counter() - self.began:5.1f} s] {message}"
        print(f"\r\x1b[2K{line}" if self.live else line, end="" if self.live else "\n", file=sys.stderr, flush=True)

    def done(self) -> None:
        """End the line."""
        if self.live:
            print(file=sys.stderr)


def check_plan(plan: Path, *, json: bool) -> None:
    """Check a plan and say what it holds."""
    from correlates.pipeline.run import check

    file, inputs = check(plan)
    counts = {name: len(getattr(file.plan, name)) for name in ("assays", "parameters", "endpoints", "analyses")}
    if json:
        print(json_module.dumps({"plan": str(plan), "ok": True, "files": len(inputs.all), **counts}))
        return
    held = ", ".join(f"{n} {name}" for name, n in counts.items())
    print(f"{plan}: nothing wrong; {held}, {len(inputs.all)} input files")


def run_plan(plan: Path, *, out: Path | None, force: bool, json: bool) -> None:
    """Run a plan and say where the report is."""
    from correlates.pipeline.run import run

    narrator = Narrator()
    try:
        outcome = run(plan, out=out, force=force, progress=narrator)
    finally:
        narrator.done()
    if json:
        print(
            json_module.dumps(
                {
                    "run": str(outcome.folder),
                    "report": str(outcome.report),
                    "unchanged": outcome.unchanged,
                    "reused": list(outcome.reused),
                    "seconds": round(outcome.seconds, 3),
                }
            )
        )
        return
    if outcome.unchanged:
        print(f"Nothing has changed since the run in {outcome.folder}")
    print(f"Report: {outcome.report}")


def remake_report(folder: Path, *, json: bool) -> None:
    """Make the report of a finished run again."""
    from correlates.pipeline.run import republish

    narrator = Narrator()
    try:
        report = republish(folder, progress=narrator)
    finally:
        narrator.done()
    print(json_module.dumps({"report": str(report)}) if json else f"Report: {report}")


def demonstrate(*, out: Path, seed: int, json: bool, force: bool) -> None:
    """Simulate a trial into a folder (unless it is there) and run its plan.

    Raises
    ------
    UsageError
        The folder holds something that is not a simulated trial.
    """
    from correlates.cli.starting import write_schema

    plan = out / "plan.yaml"
    made = out / ".simulated"
    if out.exists() and any(out.iterdir()) and not made.is_file():
        raise UsageError(
            Problem(code="not-a-demo", what=f"{str(out)!r} holds something else", do="Choose another folder with --out")
        )
    if not made.is_file() or made.read_text() != f"{seed}\n":
        from correlates.simulate import draw
        from correlates.simulate.write import write_trial

        print(f"simulating a trial of 101 patients (seed {seed}) into {out}", file=sys.stderr)
        write_trial(draw(seed), out)
        plan.write_text(resources.files("correlates.simulate").joinpath("plan.yaml").read_text(encoding="utf-8"))
        write_schema(out)
        made.write_text(f"{seed}\n")
        force = True
    run_plan(plan, out=None, force=force, json=json)
    if not json:
        print(
            f"The simulated trial, its plan and its run are in {out}. Try: correlates trace {out / 'run'} CMAX --subject C19-001"
        )
