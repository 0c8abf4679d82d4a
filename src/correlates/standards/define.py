"""A minimal define.xml 2.1: datasets, variables, where they come from, and what each parameter stands for."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from correlates._version import __version__
from correlates.standards.record import Dataset, Variable

_ODM = "http://www.cdisc.org/ns/odm/v1.3"
_DEF = "http://www.cdisc.org/ns/def/v2.1"
_XLINK = "http://www.w3.org/1999/xlink"
_XML = "http://www.w3.org/XML/1998/namespace"
_CLASSES = {"ADSL": "SUBJECT LEVEL ANALYSIS DATASET", "ADAE": "OCCURRENCE DATA STRUCTURE", "RESULTS": "ADAM OTHER"}
_PARAMETER = "BASIC DATA STRUCTURE"


def write_define(datasets: Sequence[Dataset], files: Sequence[Path], folder: Path, *, study: str, title: str) -> Path:
    """Write define.xml; ``files`` are those of the datasets, in their order.

    It is minimal: no value-level metadata, and code lists of PARAMCD only, whose decodes are the rules in words.
    """
    for prefix, uri in (("", _ODM), ("def", _DEF), ("xlink", _XLINK)):
        ET.register_namespace(prefix, uri)
    root = ET.Element(
        _odm("ODM"),
        {
            "FileType": "Snapshot",
            "FileOID": f"{study}.define",
            "ODMVersion": "1.3.2",
            "Originator": "correlates",
            "SourceSystem": "correlates",
            "SourceSystemVersion": __version__,
            _def("Context"): "Other",
        },
    )
    whole = ET.SubElement(root, _odm("Study"), {"OID": study})
    about = ET.SubElement(whole, _odm("GlobalVariables"))
    for tag, text in (("StudyName", study), ("StudyDescription", title), ("ProtocolName", study)):
        ET.SubElement(about, _odm(tag)).text = text
    version = ET.SubElement(
        whole,
        _odm("MetaDataVersion"),
        {"OID": "MDV.1", "Name": f"{study}: datasets of the analysis", _def("DefineVersion"): "2.1.0"},
    )
    standards = ET.SubElement(version, _def("Standards"))
    ET.SubElement(
        standards,
        _def("Standard"),
        {"OID": "STD.1", "Name": "ADaMIG", "Type": "IG", "Version": "1.1", "Status": "Final"},
    )
    for dataset in datasets:
        _group(version, dataset)
    for dataset in datasets:
        for variable in dataset.variables:
            _item(version, dataset, variable)
    for dataset in datasets:
        if dataset.parameters:
            _codes(version, dataset)
    for dataset in datasets:
        for variable in dataset.variables:
            if variable.comment:
                comment = ET.SubElement(version, _def("CommentDef"), {"OID": _oid("COM", dataset, variable)})
                _described(comment, variable.comment)
    for dataset, file in zip(datasets, files, strict=True):
        leaf = ET.SubElement(version, _def("leaf"), {"ID": f"LF.{dataset.name}", f"{{{_XLINK}}}href": file.name})
        ET.SubElement(leaf, _def("title")).text = file.name
    path = folder / "define.xml"
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path


def _group(version: ET.Element, dataset: Dataset) -> None:
    group = ET.SubElement(
        version,
        _odm("ItemGroupDef"),
        {
            "OID": f"IG.{dataset.name}",
            "Name": dataset.name,
            "SASDatasetName": dataset.name,
            "Repeating": "No" if dataset.name == "ADSL" else "Yes",
            "IsReferenceData": "No",
            "Purpose": "Analysis",
            _def("Structure"): dataset.structure,
            _def("ArchiveLocationID"): f"LF.{dataset.name}",
            _def("StandardOID"): "STD.1",
        },
    )
    _described(group, dataset.label)
    keys = {name: place for place, name in enumerate(dataset.keys, start=1)}
    for place, variable in enumerate(dataset.variables, start=1):
        reference = {
            "ItemOID": f"IT.{dataset.name}.{variable.name}",
            "OrderNumber": str(place),
            "Mandatory": "No" if dataset.frame[variable.name].null_count() else "Yes",
        }
        if variable.name in keys:
            reference["KeySequence"] = str(keys[variable.name])
        ET.SubElement(group, _odm("ItemRef"), reference)
    ET.SubElement(group, _def("Class"), {"Name": _CLASSES.get(dataset.name, _PARAMETER)})


def _item(version: ET.Element, dataset: Dataset, variable: Variable) -> None:
    facts = {
        "OID": f"IT.{dataset.name}.{variable.name}",
        "Name": variable.name,
        "SASFieldName": variable.name,
        "DataType": variable.kind,
    }
    if variable.kind == "text":
        longest = dataset.frame[variable.name].str.len_bytes().max()
        facts["Length"] = str(max(1, int(str(longest or 0))))
    elif variable.kind == "integer":
        facts["Length"] = "8"
    if variable.comment:
        facts[_def("CommentOID")] = _oid("COM", dataset, variable)
    item = ET.SubElement(version, _odm("ItemDef"), facts)
    _described(item, variable.label)
    if variable.name == "PARAMCD" and dataset.parameters:
        ET.SubElement(item, _odm("CodeListRef"), {"CodeListOID": f"CL.{dataset.name}.PARAMCD"})
    ET.SubElement(item, _def("Origin"), {"Type": variable.origin, "Source": "Sponsor"})


def _codes(version: ET.Element, dataset: Dataset) -> None:
    codes = ET.SubElement(
        version,
        _odm("CodeList"),
        {"OID": f"CL.{dataset.name}.PARAMCD", "Name": f"Parameter Code ({dataset.name})", "DataType": "text"},
    )
    for code, meaning in dataset.parameters.items():
        item = ET.SubElement(codes, _odm("CodeListItem"), {"CodedValue": code})
        decode = ET.SubElement(item, _odm("Decode"))
        _text(decode, meaning)


def _described(parent: ET.Element, text: str) -> None:
    _text(ET.SubElement(parent, _odm("Description")), text)


def _text(parent: ET.Element, text: str) -> None:
    ET.SubElement(parent, _odm("TranslatedText"), {f"{{{_XML}}}lang": "en"}).text = text


def _oid(prefix: str, dataset: Dataset, variable: Variable) -> str:
    return f"{prefix}.{dataset.name}.{variable.name}"


def _odm(tag: str) -> str:
    return f"{{{_ODM}}}{tag}"


def _def(tag: str) -> str:
    return f"{{{_DEF}}}{tag}"
