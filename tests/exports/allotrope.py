"""What another program, allotropy, reads in the same file: the second oracle of the readers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = Any


def document(path: Path, vendor: str) -> Json:
    """The Allotrope document of a file. Warnings of the other program are not ours to heed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from allotropy.parser_factory import Vendor
        from allotropy.to_allotrope import allotrope_from_file

        return allotrope_from_file(str(path), getattr(Vendor, vendor))


def find(node: Json, key: str) -> Iterator[Json]:
    """Every value under a key, at any depth."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            else:
                yield from find(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from find(value, key)


def measurements(node: Json) -> Iterator[Json]:
    """The measurements of a document."""
    for group in find(node, "measurement document"):
        yield from group


def number(node: Json, key: str) -> float | None:
    """The value of the first quantity of that name below a node; None where there is none."""
    found = next(find(node, key), None)
    return None if found is None else found["value"]


def text(node: Json, key: str) -> str | None:
    """The first text of that name below a node."""
    found: str | None = next(find(node, key), None)
    return found
