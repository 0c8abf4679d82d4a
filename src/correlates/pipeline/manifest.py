"""The manifest of a run: what went in, by which rules, with which software, and what came out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from correlates.errors import Problem, UsageError
from correlates.provenance import file_sha256, fingerprint

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is needed to know whether a number still holds.

    ``stages`` holds the key of each stage: a fingerprint of its settings, of the files and stages it rests on and of
    the code. Two runs with equal keys have equal tables.
    """

    study: str
    title: str
    plan: str
    plan_sha256: str
    code: str
    stages: dict[str, str]
    inputs: dict[str, str]
    tables: dict[str, int]
    figures: tuple[str, ...]
    environment: dict[str, object]
    seconds: dict[str, float] = field(default_factory=dict)


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest; the last file of a run, so that a folder with one is whole."""
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1, ensure_ascii=False, default=str) + "\n")


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a finished run, or None where there is none.

    Raises
    ------
    UsageError
        The manifest is there but cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        fields = json.loads(path.read_text())
        fields["figures"] = tuple(fields["figures"])
        return Manifest(**fields)
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            Problem(
                code="manifest-unreadable",
                what=f"{str(path)!r} is not a manifest this version can read",
                found=str(error),
                do="Run the plan again with --force",
            )
        ) from error


@cache
def code_fingerprint() -> str:
    """Fingerprint of the source of this package: a stage made by other code is made again."""
    root = Path(__file__).resolve().parents[1]
    endings = {".py", ".j2", ".js", ".css", ".yaml"}
    sources = sorted(p for p in root.rglob("*") if p.suffix in endings)
    return fingerprint([(str(p.relative_to(root)), file_sha256(p)) for p in sources])
