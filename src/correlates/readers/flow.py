"""Tables of flow cytometry to product attributes: FlowJo's table editor, FACSDiva's statistics, plain tables.

Nothing is computed but the sums that show that gates contradict each other; those become rows of the table of checks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl

from correlates.errors import InputError, Problem, Where, unknown
from correlates.readers.cells import decimal_mark, numbers
from correlates.readers.clinical import check, encoding_checks, file_row, shown
from correlates.readers.content import Content
from correlates.readers.flow_gates import Value, contradictions, percentages
from correlates.readers.flow_layout import COUNT, PARENT, Layout, Sample, layout_of
from correlates.readers.settings import Gates
from correlates.schema.checks import CHECKS
from correlates.schema.clinical import PRODUCT
from correlates.schema.files import FILES
from correlates.schema.table import conform

_SHOWN = 20
_UNDEFINED = ("¥", "�", "****", "####")  # where a statistic has no events, or no parent, to be of
_PERCENT_SIGN = re.compile(r"\s*%$")


def read_flow(
    path: Path,
    *,
    subject_id: str | None = None,
    pattern: str | None = None,
    attributes: Mapping[str, str] | None = None,
    gates: Sequence[Gates] = (),
    exclude: Sequence[str] = (),
    source: str = "",
    relative_to: Path | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Read a table of flow cytometry as attributes of the product.

    Parameters
    ----------
    path
        A table of FlowJo's table editor (one row per sample, columns ``Lymphocytes/CD3+ | Freq. of Parent``), statistics
        of FACSDiva (one row per tube with columns ``P1 %Parent``, or one block per tube with a row per population), or a
        plain table with headings such as ``CAR+ (%)``. CSV, tab-delimited text, or a workbook with one sheet.
    subject_id
        Column of the file that names the subject.
    pattern
        Regular expression found in the name of the sample; its first group is the subject. One of the two is needed.
    attributes
        Attribute -> population and statistic, ``CAR: CD3+/CAR+ | Freq. of Parent``: gives a population a name of its own.
        The last parts of the path are enough where they name one population, and the statistic may be left out where it
        has one. All others keep path and statistic as their name.
    gates
        Populations that exclude each other. Quadrants (the four signs of two markers under one parent) need not be
        declared.
    exclude
        Patterns of samples that are not of a product (``*FMO*``).
    source, relative_to
        Name of the source in the plan, and its folder: paths in the tables are relative to it.

    Returns
    -------
    tuple of polars.DataFrame
        ``PRODUCT`` (one row per subject and attribute; percentages in %), the checks, and the row of the table of files.

    Raises
    ------
    InputError
        All that is wrong with the file: no statistics, a sample without subject, two samples that give one subject
        different values, a declared population that is not there or is not one.
    """
    content = Content.of(path)
    name = shown(path, relative_to)
    _subject_rule(subject_id, pattern, name)
    layout = layout_of(content, subject_id)
    kept = [s for s in layout.samples if not any(fnmatchcase(s.name, p) for p in exclude)]
    left = [s.name for s in layout.samples if s not in kept]
    header = {
        "layout": layout.kind,
        "columns": list(layout.columns),
        "delimiter": layout.sheet.delimiter,
        "sheet": layout.sheet.name,
        "samples": {s.name: s.cells for s in kept},
        "excluded": left,
    }
    row = file_row(path, source=source, reader="flow", header=header, relative_to=relative_to, software=layout.software)
    file_id = str(row["file_id"])
    values = _values(kept, subject_id, pattern, layout, name, file_id)
    values = _renamed(values, attributes or {}, name)
    sets = [(_populations(values, gate, name), gate) for gate in gates]
    product, twice = _product(values, name)
    rows = [
        *_summary_rows(layout, name, file_id),
        *encoding_checks(name, content.encoding if content.kind == "text" else None),
        *twice,
        *_cells(values, name),
        *percentages(values, name),
        *contradictions(values, sets, name),
    ]
    return conform(product, PRODUCT, file=name), CHECKS.frame(rows), FILES.frame([row])


def _subject_rule(subject_id: str | None, pattern: str | None, file: str) -> None:
    try:
        groups = re.compile(pattern).groups if pattern is not None else 1
    except re.error as error:
        raise InputError(
            Problem(
                code="not-a-pattern",
                what="The pattern for subjects is no regular expression",
                found=f"{pattern!r}: {error}",
                expected="a pattern with one group, as '^(S-[0-9]+)_'",
            )
        ) from error
    if (subject_id is None) == (pattern is None) or groups < 1:
        raise InputError(
            Problem(
                code="no-subject-rule",
                what="Nothing says which subject a sample is of" if groups else "The pattern has no group",
                where=Where(file=file),
                found=repr(pattern) if groups < 1 else "both rules" if subject_id else None,
                expected="either a column (subject_id) or a pattern with one group, as '^(S-[0-9]+)_'",
            )
        )


def _values(
    samples: Sequence[Sample], subject_id: str | None, pattern: str | None, layout: Layout, file: str, file_id: str
) -> list[Value]:
    problems: list[Problem] = []
    if subject_id is not None and subject_id not in layout.columns:
        raise InputError(
            unknown("column", subject_id, list(layout.columns), where=Where(file=file, row=1), code="unknown-column")
        )
    subjects: list[str] = []
    for sample in samples:
        found = re.search(pattern, sample.name) if pattern is not None else None
        subject = found[1] if found else sample.cells.get(subject_id, "") if subject_id is not None else ""
        if not subject:
            problems.append(
                Problem(
                    code="no-subject",
                    what=f"Sample {sample.name!r} has no subject",
                    where=Where(file=file, sheet=layout.sheet.name, row=sample.line, column=subject_id),
                    expected=f"a name in which {pattern!r} is found" if pattern else "the name of a subject",
                    do="Correct the name, or name the sample under 'exclude' where it is not of a product",
                )
            )
        subjects.append(subject or "")
    if problems:
        raise InputError(problems[:_SHOWN])
    bare = [[_PERCENT_SIGN.sub("", s.text) for s in sample.statistics] for sample in samples]
    cells = pl.Series([t for row in bare for t in row], dtype=pl.String)
    decimal = decimal_mark([cells], layout.sheet.delimiter)
    if decimal is None:
        raise InputError(
            Problem(
                code="decimal-mark",
                what="Numbers such as 1,250 can be read in two ways and nothing in the file decides",
                where=Where(file=file),
                do="Export the table with a decimal point",
            )
        )
    read = numbers(cells.replace(dict.fromkeys(_UNDEFINED, "")), decimal)
    flat = [
        (sample, subject, statistic)
        for sample, subject in zip(samples, subjects, strict=True)
        for statistic in sample.statistics
    ]
    return [
        Value(
            sample=sample.name or subject,
            subject=subject,
            path=statistic.path,
            statistic=statistic.statistic,
            attribute=statistic.attribute,
            unit=statistic.unit,
            text=statistic.text,
            value=value,
            bad=bad,
            source_id=f"{file_id}/{statistic.line}",
        )
        for (sample, subject, statistic), value, bad in zip(flat, read.value, read.bad, strict=True)
    ]


def _renamed(values: list[Value], attributes: Mapping[str, str], file: str) -> list[Value]:
    """The values with the declared names in the place of path and statistic."""
    known = {v.attribute: (v.path, v.statistic) for v in values}
    names: dict[str, str] = {}
    problems: list[Problem] = []
    for name, reference in attributes.items():
        population, _, statistic = (part.strip() for part in reference.partition("|"))
        wanted = tuple(p.strip() for p in population.split("/") if p.strip())
        hits = [reference] if reference in known else []
        hits = hits or [
            a for a, (p, s) in known.items() if p[-len(wanted) :] == wanted and (not statistic or s == statistic)
        ]
        if len(hits) == 1:
            names[hits[0]] = name
        elif hits:
            problems.append(
                Problem(
                    code="ambiguous-population",
                    what=f"Attribute {name!r}: {reference!r} is not one column",
                    where=Where(file=file),
                    found=", ".join(hits[:6]),
                    expected="more of the path, or the statistic",
                )
            )
        else:
            problems.append(
                unknown("population", reference, list(known), where=Where(file=file), code="unknown-column")
            )
    if problems:
        raise InputError(problems)
    return [replace(v, attribute=names[v.attribute]) if v.attribute in names else v for v in values]


def _populations(values: Sequence[Value], gate: Gates, file: str) -> list[tuple[str, ...]]:
    paths = list(dict.fromkeys(v.path for v in values if v.statistic in (PARENT, COUNT) and v.path))
    found: list[tuple[str, ...]] = []
    problems: list[Problem] = []
    for population in gate.of:
        wanted = tuple(p.strip() for p in population.split("/") if p.strip())
        hits = [p for p in paths if p == wanted] or [p for p in paths if p[-len(wanted) :] == wanted]
        if len(hits) == 1:
            found.append(hits[0])
        else:
            known = ["/".join(p) for p in (hits or paths)]
            problems.append(
                unknown(
                    "population with a frequency of its parent",
                    population,
                    known,
                    where=Where(file=file),
                    code="unknown-gate",
                )
            )
    if not problems and len({p[:-1] for p in found}) > 1:
        problems.append(
            Problem(
                code="gates-of-two-parents",
                what="Gates that are to exclude each other have not one parent",
                where=Where(file=file),
                found=", ".join("/".join(p) for p in found),
                expected="children of one gate",
            )
        )
    if problems:
        raise InputError(problems)
    return found


def _product(values: Sequence[Value], file: str) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """One row per subject and attribute; a subject with two samples that differ is an error."""
    kept: dict[tuple[str, str], Value] = {}
    problems: list[Problem] = []
    checks: dict[tuple[str, str], dict[str, object]] = {}
    for value in values:
        key = (value.subject, value.attribute)
        first = kept.setdefault(key, value)
        if first is value:
            continue
        if first.text != value.text:
            problems.append(
                Problem(
                    code="duplicate-subject",
                    what=f"Two samples give subject {value.subject!r} different values of {value.attribute!r}",
                    where=Where(file=file, row=int(value.source_id.rpartition("/")[2])),
                    found=f"{first.sample}: {first.text}; {value.sample}: {value.text}",
                    expected="one sample of the product per subject",
                    do="Name the samples that are not of the product under 'exclude'",
                )
            )
        else:
            checks[value.subject, value.sample] = check(
                scope="subject",
                item=value.subject,
                rule="duplicate-subject",
                found=f"{file}: {first.sample} and {value.sample} are the same",
                required="one sample per subject",
                passed=False,
                action="kept one",
                source_ids=[first.source_id, value.source_id],
            )
    if problems:
        raise InputError(problems[:_SHOWN])
    fields = ("subject", "attribute", "value", "text", "unit", "source_id")
    names = {"subject": "subject_id"}
    frame = PRODUCT.frame([{names.get(f, f): getattr(v, f) for f in fields} for v in kept.values()])
    return frame, list(checks.values())


def _summary_rows(layout: Layout, file: str, file_id: str) -> list[dict[str, object]]:
    return [
        check(
            scope="source",
            item=file,
            rule="summary-row",
            found=f"{name} in row {line}",
            required="rows that are samples",
            passed=False,
            action="excluded",
            source_ids=[f"{file_id}/{line}"],
        )
        for name, line in layout.summaries
    ]


def _cells(values: Sequence[Value], file: str) -> list[dict[str, object]]:
    bad = [v for v in values if v.bad and v.text not in _UNDEFINED]
    if not bad:
        return []
    return [
        check(
            scope="source",
            item=file,
            rule="not-a-number",
            found=", ".join(f"{v.text!r} ({v.sample}, {v.attribute})" for v in bad[:_SHOWN]),
            value=float(len(bad)),
            required="a number in every filled cell of a statistic",
            passed=False,
            action="flagged",
            source_ids=[v.source_id for v in bad],
        )
    ]
