"""What a run publishes under pseudonyms."""

from __future__ import annotations

import re
from pathlib import Path

from correlates.pipeline.publish import publish
from correlates.pipeline.store import open_run, silent
from correlates.plan import plan_from_text


def _publish(demo: Path, folder: Path) -> tuple[str, ...]:
    run = open_run(demo / "run")
    plan = plan_from_text((demo / "plan.yaml").read_text(), demo / "plan.yaml").plan
    plan = plan.model_copy(update={"report": plan.report.model_copy(update={"pseudonyms": True})})
    (folder / "figures").mkdir(parents=True)
    tables = {name: run.table(name) for name in run.manifest.tables}
    return publish(plan, tables, folder, run.manifest.stages, silent)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_under_pseudonyms_no_identifier_is_left(demo: Path, tmp_path: Path):
    figures = _publish(demo, tmp_path / "run")
    run = open_run(demo / "run")
    names = [*run.table("subjects")["subject_id"], *run.table("samples")["sample_id"]]
    assert len(names) > 1000
    pattern = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
    files = _files(tmp_path / "run")
    models = {name for name in _files(demo / "run") if name.startswith("models/")}
    drawn = {f"figures/{name}.{kind}" for name in figures for kind in ("svg", "csv", "json")}
    assert models
    assert set(files) == {*drawn, *models, "report.html", "methods.md"}
    for name, content in files.items():
        assert not pattern.search(content.decode("utf-8")), name
    assert pattern.search((demo / "run" / "report.html").read_text(encoding="utf-8")), "the search finds what there is"
    for name in ("report.html", "figures/expansion_individual.csv"):
        assert re.search(rb"\bP\d{3}\b", files[name])
    for name in ("forest", "standard_curves_car_qpcr", "expansion_median"):
        assert files[f"figures/{name}.csv"] == (demo / "run" / "figures" / f"{name}.csv").read_bytes()
