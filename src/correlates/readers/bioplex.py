"""Bio-Rad Bio-Plex Manager: XML export of a result document."""

from __future__ import annotations

import json
from collections.abc import Iterator

import polars as pl

from correlates.errors import Problem, Where
from correlates.readers.block import no_rows
from correlates.readers.cells import number
from correlates.readers.content import Content
from correlates.readers.markup import Node, as_object, parse
from correlates.readers.record import Parsed, Reader
from correlates.readers.wells import rows_of
from correlates.terms import AssayKind, Role, SignalKind

_KINDS = {"Blank": Role.BLANK, "Control": Role.QC, "Standard": Role.STANDARD, "Unknown": Role.UNKNOWN}


def recognise(content: Content) -> bool:
    """An XML document whose root is BioPlexManager."""
    return content.kind == "xml" and "BioPlexManager" in content.text[:1000]


def _well(node: Node) -> str:
    """A1 from the attributes RowNo and ColNo."""
    row, column = node.attributes.get("RowNo", ""), node.attributes.get("ColNo", "")
    return f"{chr(ord('A') + int(row) - 1)}{column}" if row.isdigit() and 1 <= int(row) <= 26 else f"{row},{column}"


def _beads(root: Node) -> dict[tuple[str, str], Node]:
    """Bead statistics by well and bead region."""
    return {
        (_well(well), region.attributes.get("RegionNumber", "")): region
        for wells in root.all("Wells")
        for well in wells.all("Well")
        for regions in well.all("BeadRegions")
        for region in regions.all("BeadRegion")
    }


def _samples(root: Node) -> Iterator[tuple[Role, Node]]:
    for kinds in root.all("Samples"):
        for kind in kinds.children:
            for sample in kind.children:
                if sample.tag in _KINDS:
                    yield _KINDS[sample.tag], sample


def read(content: Content) -> Parsed:
    """One row per member well and analyte of every sample: its reading, the beads, expected and observed concentration."""
    root = parse(content.data, content.name)
    beads = _beads(root)
    units = {i.attributes.get("RegionNumber", ""): i.value("ConcentrationUnits") for i in root.every("Interpolator")}
    plates = [name for w in root.every("Well") if (name := w.value("PlateID"))]
    plate = plates[0] if plates else root.value("NativeDocumentName") or "plate"
    problems: list[Problem] = []
    rows: list[dict[str, object]] = []
    used: set[tuple[str, str]] = set()

    def value(node: Node | None) -> float | None:
        """The number of an element, as far as it is one; text that is neither number nor mark is a problem."""
        text = "" if node is None else node.text.strip()
        got, flag = number(text)
        if got is None and flag is None and node is not None:
            problems.append(
                Problem(
                    code="not-a-number",
                    what=f"Element {node.tag} holds text where a number is expected",
                    where=Where(file=content.name, row=node.line, column=node.tag),
                    found=repr(text),
                    expected="a number",
                    do="Export the file again",
                )
            )
        return got

    for role, sample in _samples(root):
        name, dilution = sample.value("Description") or sample.value("Label"), value(sample.first("Dilution"))
        of_sample = {a.attributes.get("RegionNumber", ""): a for s in sample.all("Analytes") for a in s.all("Analyte")}
        for member in (m for ms in sample.all("MemberWells") for m in ms.all("MemberWell")):
            for analyte in (a for ms in member.all("MWAnalytes") for a in ms.all("MWAnalyte")):
                region = analyte.attributes.get("RegionNumber", "")
                key = (_well(member), region)
                used.add(key)
                reading, observed = analyte.first("Reading"), analyte.first("MWObsConc")
                _, flag = number(analyte.value("Reading") or "")
                statistics = of_sample.get(region)
                bead = beads.get(key)
                good = observed is not None and observed.attributes.get("ReadingOK", "true") == "true"
                rows.append(
                    {
                        "plate": plate,
                        "well": key[0],
                        "sample_id": name,
                        "target": analyte.value("AnalyteName"),
                        "role": role.value,
                        "nominal": value(statistics.first("ExpectedConc")) if statistics is not None else None,
                        "nominal_unit": units.get(region),
                        "signal_kind": SignalKind.MFI.value,
                        "signal": value(reading),
                        "flag": None if flag is None else flag.value,
                        "count": value(bead.first("RegionCount")) if bead is not None else None,
                        "dilution": dilution,
                        "reported": value(observed) if good else None,
                        "reported_unit": units.get(region),
                        "row": analyte.line,
                        "extras": _extras(sample, region, reading, observed, statistics, bead),
                    }
                )
    if not rows:
        problems.append(no_rows(content.name, None, None))
    header: dict[str, object] = {
        "document": {f"@{k}": v for k, v in root.attributes.items()}
        | {n.tag: as_object(n) for n in root.children if n.tag not in ("Wells", "Samples")},
        "wells": [as_object(w, without=frozenset({"BeadRegions"})) for ws in root.all("Wells") for w in ws.all("Well")],
        "bead regions without analyte": [
            {"well": well, **as_dict}
            for (well, _), node in _unused(beads, used)
            if isinstance(as_dict := as_object(node), dict)
        ],
    }
    frame = pl.DataFrame()
    if rows:
        frame = rows_of(rows).sort("row", maintain_order=True)
        frame = frame.with_columns(
            nominal_unit=pl.when(pl.col("nominal").is_not_null()).then("nominal_unit"),
            reported_unit=pl.when(pl.col("reported").is_not_null()).then("reported_unit"),
        )
    version = root.attributes.get("BioPlexManagerVersion")
    return Parsed(
        rows=frame,
        header=header,
        software=f"Bio-Plex Manager {version}" if version else "Bio-Plex Manager",
        problems=tuple(problems),
    )


def _unused(beads: dict[tuple[str, str], Node], used: set[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], Node]]:
    return ((key, node) for key, node in beads.items() if key not in used)


def _extras(
    sample: Node, region: str, reading: Node | None, observed: Node | None, statistics: Node | None, bead: Node | None
) -> str:
    """Everything else that the file says of one well and analyte."""
    extras: dict[str, object] = {"Label": sample.value("Label"), "RegionNumber": region}
    for node in (reading, observed, statistics, bead):
        if node is not None:
            extras[node.tag] = as_object(node)
    return json.dumps(extras, ensure_ascii=False)


READER = Reader(
    code="bioplex",
    label="Bio-Rad Bio-Plex Manager XML",
    assay=AssayKind.IMMUNOASSAY,
    software="Bio-Plex Manager (Bio-Plex 100, 200, 3D, MAGPIX)",
    extensions=(".xml",),
    release="recommended",
    recognise=recognise,
    read=read,
    citation="Bio-Rad Bio-Plex Manager Software, XML export",
    notes="Signal is the reading of the member well (the median of its beads). An observed concentration that the software marks as not OK is not reported.",
)
