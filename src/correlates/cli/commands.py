"""The commands. What a command needs is imported when it is called: ``--help`` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Json = Annotated[bool, Parameter(negative="", help="Print the outcome as JSON on standard output.")]
Force = Annotated[bool, Parameter(negative="", help="Replace a finished run.")]


def demo(*, out: Path = Path("demo"), seed: int = 20200923, json: Json = False, force: Force = False) -> None:
    """Simulate a ZUMA-1-sized trial, raw exports and all, run its whole analysis, and say where the report is.

    Parameters
    ----------
    out
        Folder for the simulated trial; the run is written to its subfolder 'run'.
    seed
        Seed of the simulated trial.
    """
    from correlates.cli.running import demonstrate

    demonstrate(out=out, seed=seed, json=json, force=force)


def new(folder: Path, /) -> None:
    """Make a folder with a commented plan, its JSON Schema for editors, and subfolders to fill.

    Parameters
    ----------
    folder
        Folder to make; it must not hold a plan yet.
    """
    from correlates.cli.starting import start

    start(folder)


def read(
    file: Path,
    /,
    *,
    reader: str | None = None,
    format: Literal["csv", "parquet", "json"] = "csv",  # noqa: A002 the field's word for it
    out: Path | None = None,
) -> None:
    """Read any supported instrument export into tidy wells.

    Parameters
    ----------
    file
        The export.
    reader
        Code of the reader, where the content must not decide.
    format
        How the wells are written.
    out
        File to write; standard output when left out (Parquet needs a file).
    """
    from correlates.cli.reading import read_export

    read_export(file, reader=reader, form=format, out=out)


def assay(
    files: Annotated[tuple[Path, ...], Parameter(show_default=False)] = (),
    /,
    *,
    out: Path,
    plan: Path | None = None,
    controls: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    targets: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    force: Force = False,
    json: Json = False,
) -> None:
    """Quantify instrument exports without a plan and write an assay report: curves, controls, plates, agreement.

    Parameters
    ----------
    files
        Exports, or folders of them; with --plan they may be left out.
    out
        Folder of the report.
    plan
        Take the assay settings, the manifest and the product table of this plan.
    controls
        Names or patterns ('QC-*') of control samples that the files call unknown.
    targets
        Analyte and its names in the files ('CAR=FMC63,CAR19'), where files call it differently.
    """
    from correlates.cli.assaying import report_assays

    report_assays(files, out=out, plan=plan, controls=controls, targets=targets, force=force, json=json)


def check(plan: Path, /, *, json: Json = False) -> None:
    """Check everything that needs no computation: the plan, its names, its files; all problems at once.

    Parameters
    ----------
    plan
        The plan file.
    """
    from correlates.cli.running import check_plan

    check_plan(plan, json=json)


def run(plan: Path, /, *, out: Path | None = None, force: Force = False, json: Json = False) -> None:
    """Run the whole analysis of a plan. Unchanged stages are reused; progress goes to standard error.

    Parameters
    ----------
    plan
        The plan file.
    out
        Run folder; 'run' beside the plan when left out.
    """
    from correlates.cli.running import run_plan

    run_plan(plan, out=out, force=force, json=json)


def report(folder: Path, /, *, json: Json = False) -> None:
    """Make the report of a finished run again.

    Parameters
    ----------
    folder
        The run folder.
    """
    from correlates.cli.running import remake_report

    remake_report(folder, json=json)


def trace(
    folder: Path,
    code: str | None = None,
    /,
    *,
    subject: str | None = None,
    result: str | None = None,
    json: Json = False,
) -> None:
    """Trace a number back to its wells, rules and settings.

    Parameters
    ----------
    folder
        The run folder.
    code
        Code of a parameter or endpoint (with --subject).
    subject
        The subject.
    result
        Identifier of a result (column result_id of the results table).
    """
    from correlates.cli.tracing import show

    show(folder, code=code, subject=subject, result=result, json=json)


def export(
    folder: Path,
    /,
    *,
    out: Path,
    format: Literal["xpt", "json"] = "xpt",  # noqa: A002 the field's word for it
    json: Json = False,
) -> None:
    """Write the tables of a run as ADaM-like datasets with a define: ADSL, ADPP, ADRS, ADTR, ADTTE, ADAE and the results.

    Parameters
    ----------
    folder
        The run folder.
    out
        Folder to write to; empty or new.
    format
        SAS transport version 5 (xpt) or Dataset-JSON 1.1 (json).
    """
    from correlates.cli.exporting import export as write

    write(folder, out=out, form=format, json=json)


def predict(
    model: Path,
    data: Path,
    /,
    *,
    out: Path | None = None,
    outcome: str | None = None,
    event: str | None = None,
    day: tuple[float, ...] = (),
    json: Json = False,
) -> None:
    """Apply a saved multivariable model to other subjects, with the checks that guard against a wrong use.

    Parameters
    ----------
    model
        A model of a run: models/NAME.json in its folder.
    data
        Table (.csv or .parquet) with subject_id and a column per covariate: its code, in the unit of the model, or CODE [unit].
    out
        File to write (.csv or .parquet); standard output when left out.
    outcome
        Column of the observed outcome (true or false; a grade; days for a Cox model): the model is validated on these subjects.
    event
        Column that says whether the event was seen, for a Cox model.
    day
        Day by which the probability of no event is told (and, with an outcome, judged), for a Cox model; several times for several days.
    """
    from correlates.cli.predicting import predict_subjects

    predict_subjects(model, data, out=out, outcome=outcome, event=event, days=day, json=json)


def explain(code: str | None = None, /, *, json: Json = False) -> None:
    """Say what a parameter, endpoint, method, figure or reader is: its formula and its source.

    Parameters
    ----------
    code
        Its code; without one, all codes are listed.
    """
    from correlates.cli.explaining import explain_code

    explain_code(code, json=json)
