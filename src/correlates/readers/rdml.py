"""RDML 1.0 to 1.4: a zip archive with rdml_data.xml. The Cq of the file is read; none is computed."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

from correlates.errors import Problem, Where
from correlates.readers.block import no_rows
from correlates.readers.cells import number, position
from correlates.readers.content import Content
from correlates.readers.markup import Node, as_object, parse
from correlates.readers.record import Parsed, Reader
from correlates.readers.wells import rows_of
from correlates.terms import AssayKind, Flag, Role, SignalKind

_DATA = "rdml_data.xml"
_TYPES = {"std": Role.STANDARD, "ntc": Role.NTC, "unkn": Role.UNKNOWN}  # nac, ntp, nrt, pos, opt: quality controls
_POINTS = ("adp", "mdp")
_SKIPPED = frozenset({"react", "sample", "target"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """A sample of the file: what it is and how much it holds, in general ('') or for a target."""

    role: dict[str, Role]
    quantity: dict[str, tuple[str | None, str | None]]
    rest: object


def recognise(content: Content) -> bool:
    """A zip archive with a member rdml_data.xml, or that document unpacked."""
    if content.kind == "archive":
        return _DATA in content.members
    return content.kind == "xml" and "<rdml" in content.text[:2000]


def _sample(node: Node) -> _Sample:
    role = {n.attributes.get("targetId", ""): _TYPES.get(n.text.strip(), Role.QC) for n in node.all("type")}
    quantity = {n.attributes.get("targetId", ""): (n.value("value"), n.value("unit")) for n in node.all("quantity")}
    return _Sample(role=role, quantity=quantity, rest=as_object(node, without=frozenset({"quantity"})))


def _well(react: Node, run: Node) -> str:
    """A1 from the running number of a reaction on a plate labelled ABC x 123; other ids are kept."""
    name = react.attributes.get("id", "")
    columns, labels = (
        run.value("pcrFormat", "columns"),
        (run.value("pcrFormat", "rowLabel"), run.value("pcrFormat", "columnLabel")),
    )
    if name.isdigit() and columns and columns.isdigit() and int(columns) and labels == ("ABC", "123"):
        row, column = divmod(int(name) - 1, int(columns))
        if 0 <= row < 26:
            return f"{chr(ord('A') + row)}{column + 1}"
    return position(name)


def read(content: Content) -> Parsed:
    """One row per reaction and target of every run; amplification and melting points are kept with the well."""
    data = content.data if content.kind == "xml" else content.member(_DATA)
    root = parse(data, content.name, _DATA)
    samples = {n.attributes.get("id", ""): _sample(n) for n in root.all("sample")}
    problems: list[Problem] = []
    rows: list[dict[str, object]] = []
    runs = [(e, r) for e in root.all("experiment") for r in e.all("run")]
    taken: set[str] = set()
    for experiment, run in runs:
        plate = run.attributes.get("id") or PurePath(content.name).stem
        if plate in taken:
            plate = f"{experiment.attributes.get('id', '')}, {plate}"
        taken.add(plate)
        for react in run.all("react"):
            well = _well(react, run)
            for found in react.all("data"):
                row = _row(content, samples, react, found, problems)
                extras = json.loads(str(row["extras"]))
                curve = {
                    k: " ".join(p.value(k) or "" for p in found.children if p.tag in _POINTS and p.first(k))
                    for k in ("cyc", "tmp", "fluor")
                }
                if any(curve.values()):
                    extras["points"] = {k: v for k, v in curve.items() if v}
                rows.append({**row, "plate": plate, "well": well, "extras": json.dumps(extras, ensure_ascii=False)})
    if not rows:
        problems.append(no_rows(content.name, _DATA, None))
    header: dict[str, object] = {
        "document": as_object(root, without=_SKIPPED),
        "targets": {n.attributes.get("id", ""): as_object(n) for n in root.all("target")},
        "other members": [name for name in content.members if name != _DATA],
    }
    names = [
        " ".join(
            filter(None, (r.value("dataCollectionSoftware", "name"), r.value("dataCollectionSoftware", "version")))
        )
        for _, r in runs
    ]
    return Parsed(
        rows=rows_of(rows) if rows else pl.DataFrame(),
        header=header,
        software=next(
            # LightCycler writes its trade mark as an entity within the text
            (f"RDML {root.attributes.get('version', '')} of {html.unescape(name)}" for name in names if name),
            f"RDML {root.attributes.get('version', '')}",
        ),
        problems=tuple(problems),
    )


def _row(
    content: Content, samples: dict[str, _Sample], react: Node, found: Node, problems: list[Problem]
) -> dict[str, object]:
    tar = found.first("tar")
    target = "" if tar is None else tar.attributes.get("id", "")
    reference = react.first("sample")
    sample_id = None if reference is None else reference.attributes.get("id")
    sample = samples.get(sample_id or "")

    def value(text: str | None, column: str) -> tuple[float | None, Flag | None]:
        got, flag = number(text or "")
        if got is None and flag is None:
            problems.append(
                Problem(
                    code="not-a-number",
                    what=f"Element {column!r} holds text where a number is expected",
                    where=Where(file=content.name, sheet=_DATA, row=found.line, column=column),
                    found=repr(text),
                    expected="a number",
                    do="Export the file again",
                )
            )
        return got, flag

    if sample_id is not None and sample is None:
        problems.append(
            Problem(
                code="unknown-sample",
                what=f"Sample {sample_id!r} of a reaction is not among the samples of the file",
                where=Where(file=content.name, sheet=_DATA, row=react.line),
                expected="an id of an element sample",
                do="Export the file again",
            )
        )
    role = Role.UNKNOWN if sample is None else sample.role.get(target, sample.role.get("", Role.UNKNOWN))
    amount = (None, None) if sample is None else sample.quantity.get(target, sample.quantity.get("", (None, None)))
    cq, flag = value(found.value("cq"), "cq")
    if cq is not None and cq < 0:  # the document's way to say that no Cq was reached
        cq, flag = None, Flag.UNDETERMINED
    if found.first("excl") is not None:
        cq, flag = None, Flag.OMITTED
    nominal = value(amount[0], "quantity")[0]
    reported = value(found.value("quantity", "value"), "quantity")[0]
    extras: dict[str, object] = {"react": react.attributes.get("id")}
    extras |= {n.tag: as_object(n) for n in found.children if n.tag not in (*_POINTS, "tar")}
    extras |= {f"react: {n.tag}": as_object(n) for n in react.children if n.tag not in ("sample", "data")}
    if sample is not None and isinstance(sample.rest, dict):
        extras |= {f"sample: {k}": v for k, v in sample.rest.items() if v is not None and k != "@id"}
    return {
        "sample_id": sample_id,
        "target": target,
        "role": role.value,
        "nominal": nominal,
        "nominal_unit": amount[1] if nominal is not None else None,
        "signal_kind": SignalKind.CQ.value,
        "signal": cq,
        "flag": None if flag is None else flag.value,
        "reported": reported,
        "reported_unit": found.value("quantity", "unit") if reported is not None else None,
        "sheet": _DATA,
        "row": found.line,
        "extras": json.dumps(extras, ensure_ascii=False),
    }


READER = Reader(
    code="rdml",
    label="RDML",
    assay=AssayKind.QPCR,
    software="RDML 1.0 to 1.4 (LightCycler 96, StepOne, CFX, RDML-Tools ...)",
    extensions=(".rdml", ".xml"),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Lefever S et al. RDML: structured language and reporting guidelines for real-time quantitative PCR data. Nucleic Acids Res 2009;37:2065-2069. doi:10.1093/nar/gkp056",
    notes="A file without Cq gives wells without signal. Vendors' other members of the archive are named, not kept.",
)
