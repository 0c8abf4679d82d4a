"""CDISC Dataset-JSON 1.1: a dataset as JSON, whole texts and numbers."""

from __future__ import annotations

import json
from pathlib import Path

from correlates._version import __version__
from correlates.standards.record import Dataset

_TYPES = {"text": "string", "float": "double", "integer": "integer"}


def write_dataset_json(dataset: Dataset, folder: Path, *, study: str) -> Path:
    """Write a dataset as NAME.json. No time of writing is in it: the same run gives the same file."""
    keys = {name: place for place, name in enumerate(dataset.keys, start=1)}
    columns = []
    for v in dataset.variables:
        column: dict[str, object] = {
            "itemOID": f"IT.{dataset.name}.{v.name}",
            "name": v.name,
            "label": v.label,
            "dataType": _TYPES[v.kind],
        }
        if v.kind == "text":
            longest = dataset.frame[v.name].str.len_chars().max()
            column["length"] = max(1, int(str(longest or 0)))
        if v.name in keys:
            column["keySequence"] = keys[v.name]
        columns.append(column)
    document = {
        "datasetJSONVersion": "1.1.0",
        "fileOID": f"{study}.{dataset.name}",
        "originator": "correlates",
        "sourceSystem": {"name": "correlates", "version": __version__},
        "studyOID": study,
        "metaDataVersionOID": "MDV.1",
        "metaDataRef": "define.xml",
        "itemGroupOID": f"IG.{dataset.name}",
        "isReferenceData": False,
        "records": dataset.frame.height,
        "name": dataset.name,
        "label": dataset.label,
        "columns": columns,
        "rows": [list(row) for row in dataset.frame.iter_rows()],
    }
    path = folder / f"{dataset.name.lower()}.json"
    path.write_text(
        json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    return path
