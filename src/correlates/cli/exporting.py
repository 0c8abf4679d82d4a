"""``export``: datasets for SAS and R."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Literal


def export(folder: Path, *, out: Path, form: Literal["xpt", "json"], json: bool) -> None:
    """Write the datasets of a run and say what was written."""
    from correlates.pipeline.export import export_run

    done = export_run(folder, out=out, form=form)
    if json:
        print(
            json_module.dumps(
                {
                    "folder": str(done.folder),
                    "files": {path.name: records for path, records in done.files},
                    "define": done.define.name,
                    "remarks": list(done.remarks),
                }
            )
        )
        return
    for path, records in done.files:
        print(f"{path}: {records:,} records")
    print(f"{done.define}: what the variables are")
    for remark in done.remarks:
        print(f"note: {remark}")
