"""``trace``: the lineage of a number, as an indented tree or as JSON."""

from __future__ import annotations

import json as json_module
from pathlib import Path

from correlates.errors import Problem, UsageError
from correlates.pipeline.trace import Node, trace_result, trace_value


def show(folder: Path, *, code: str | None, subject: str | None, result: str | None, json: bool) -> None:
    """Print the lineage of a value (code and subject) or of a result.

    Raises
    ------
    UsageError
        Neither or both are asked for, or there is no such run, code, subject or result.
    """
    if (result is None) == (code is None):
        raise UsageError(
            Problem(
                code="trace-what",
                what="Trace needs either a code with --subject, or --result",
                do="For example: correlates trace RUN CMAX --subject S-001, or correlates trace RUN --result ID",
            )
        )
    if code is not None and subject is None:
        raise UsageError(Problem(code="trace-whom", what=f"Whose {code}?", do="Add --subject ID"))
    node = trace_result(folder, result) if result is not None else trace_value(folder, str(code), str(subject))
    if json:
        print(json_module.dumps(node.as_dict(), indent=1, ensure_ascii=False))
        return
    print("\n".join(_lines(node, "")))


def _lines(node: Node, indent: str) -> list[str]:
    lines = [f"{indent}{node.title}"]
    width = min(28, max((len(key) for key, _ in node.facts), default=0))
    lines += [f"{indent}  {key:<{width}}  {value}" for key, value in node.facts]
    for source in node.sources:
        lines += _lines(source, indent + "    ")
    return lines
