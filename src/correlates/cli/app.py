"""Which commands there are, and what happens when one fails."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from correlates._version import __version__
from correlates.cli import commands
from correlates.errors import CorrelatesError

app = App(
    name="correlates",
    version=__version__,
    help="From the raw data of an engineered-cell therapy trial to its biomarker analysis: every number traceable to its wells.",
    help_format="plaintext",
    result_action="return_value",
)
for command in (
    commands.demo,
    commands.new,
    commands.read,
    commands.assay,
    commands.check,
    commands.run,
    commands.report,
    commands.trace,
    commands.export,
    commands.predict,
    commands.explain,
):
    app.command(command)


def execute(argv: Sequence[str]) -> int:
    """Run one command and turn every error into its exit code."""
    try:
        app(list(argv), exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        return _fail({"error": "usage", "exit_code": 2}, str(error), 2, argv, hint="See 'correlates --help'.")
    except CorrelatesError as error:
        text = "\n".join(f"  {problem}" for problem in error.problems)
        count = len(error.problems)
        heading = f"{error.family} error: {count} problem{'s' if count != 1 else ''}"
        return _fail(error.as_dict(), f"{heading}\n{text}", error.exit_code, argv)
    except KeyboardInterrupt:
        return _fail(
            {"error": "interrupted", "exit_code": 130}, "interrupted; nothing was left half-written", 130, argv
        )
    except BrokenPipeError:
        # the reader of our output has gone; keep the interpreter from failing again when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        what = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        return _fail({"error": "system", "exit_code": 4, "what": what}, f"system error: {what}", 4, argv)
    except Exception as error:  # noqa: BLE001 the outermost edge: whatever is left is a bug of ours, and says so
        traceback.print_exc()
        text = f"internal error: {error}\n  This is a bug of correlates {__version__}. Please report it with the text above."
        return _fail({"error": "internal", "exit_code": 70, "what": str(error)}, text, 70, argv)
    return 0


def _fail(document: dict[str, object], text: str, code: int, argv: Sequence[str], *, hint: str | None = None) -> int:
    if "--json" in argv:
        print(json.dumps(document if "problems" in document or "what" in document else {**document, "what": text}))
    print(text, file=sys.stderr)
    if hint:
        print(hint, file=sys.stderr)
    return code
