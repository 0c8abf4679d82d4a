"""External reference data: real instrument and clinical files, and numbers computed with R, kept outside the project."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared"


def external(relative: str) -> Path:
    """The path of an external reference file; skips the test, naming the file, where it is absent."""
    path = Path(os.environ.get("CORRELATES_EXTERNAL", _BESIDE)) / relative
    if not path.exists():
        pytest.skip(f"external reference data absent: {relative}")
    return path


def oracle(topic: str) -> dict[str, Any]:
    """The cases of one topic computed with R, by case name; skips the test where they are absent."""
    document = json.loads(external(f"oracles/{topic}.json").read_text())
    return {case["name"]: case for case in document["cases"]}
