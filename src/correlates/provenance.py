"""Content ids, fingerprints of files, and the record of the environment a run was made in."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from json.encoder import encode_basestring
from pathlib import Path

_CHUNK = 1 << 20
_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False).encode


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def fingerprint(value: object) -> str:
    """SHA-256 of a JSON-able value, independent of the order of keys."""
    return hashlib.sha256(_ENCODE(value).encode()).hexdigest()


def short_id(*parts: object) -> str:
    """A content-derived id of 12 hex digits: the same parts give the same id on every machine."""
    return fingerprint([str(p) for p in parts])[:12]


def encoded(part: object) -> str:
    """A part of an id as :func:`short_id_of` takes it: the one of many ids that share it is made once."""
    return encode_basestring(str(part))


def short_id_of(parts: Iterable[str]) -> str:
    """:func:`short_id` of parts that are :func:`encoded` already."""
    return hashlib.sha256(f"[{','.join(parts)}]".encode()).hexdigest()[:12]


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Installed versions of the named packages; a package that is not installed is left out."""
    found: dict[str, str] = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def environment() -> dict[str, object]:
    """Python, platform and the versions of the packages that make the numbers."""
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
        "packages": versions(
            (
                "correlates",
                "numpy",
                "scipy",
                "polars",
                "pydantic",
                "vl-convert-python",
                "pyreadstat",
                "python-calamine",
                "arviz",
                "jax",
                "numpyro",
            )
        ),
    }
