"""An assay report: files of any reader, whole or not at all, with and without a plan; what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests.unit.readers.samples import all_samples

from correlates.cli import main
from correlates.errors import InputError, UsageError
from correlates.figures import Drawn
from correlates.figures.assay_charts import ASSAY_FIGURES
from correlates.figures.settings import FigureSettings
from correlates.pipeline.assay import assay_report
from correlates.pipeline.store import open_run
from correlates.plan import plan_from_text

HEAD = "* Block Type = 384-Well Block\n* Experiment File Name = {plate}.eds\n* Instrument Type = QuantStudio(TM) 7 Flex System\n"
HEAD += "* Quantification Cycle Method = Ct\n\n[Results]\nWell\tWell Position\tSample Name\tTarget Name\tTask\tReporter\tCT\tQuantity\tSlope\tY-Intercept\tR(superscript 2)\tEfficiency\n"


def quantstudio(plate: str, shift: float) -> str:
    """A plate whose standards lie on Cq = 38 - 3.4 log10 q, with samples and controls moved by ``shift`` cycles."""
    wells = [("", "STANDARD", 10.0**k, 38 - 3.4 * k + d) for k in range(1, 7) for d in (-0.05, 0.05)]
    wells += [("QC-1", "UNKNOWN", None, 30.0 + shift + d) for d in (-0.1, 0.1)]
    wells += [(f"S{i}", "UNKNOWN", None, 24.0 + i + shift + d) for i in range(6) for d in (-0.02, 0.02)]
    wells += [("", "NTC", None, None)] * 2
    lines = []
    for n, (sample, task, quantity, cq) in enumerate(wells):
        told = "Undetermined" if cq is None else f"{cq:.4f}"
        cells = [n + 1, f"{'ABCDEFGH'[n // 12]}{n % 12 + 1}", sample, "CAR", task, "FAM", told, quantity or ""]
        lines.append("\t".join(map(str, [*cells, "-3.4", "38.0", "0.999", "96.8"])))
    return HEAD.format(plate=plate) + "\n".join(lines) + "\n"


QUANTASOFT = "Well,Sample,Target,Concentration,Status,Positives,Negatives,AcceptedDroplets,TypeAssay,PoissonConfMax,PoissonConfMin\n"


def quantasoft() -> str:
    """Wells of the same samples by droplets."""
    rows = [
        f"A0{i + 1},S{i},CAR,{1000 * 2.0**-i:g},OK,{k},{15000 - k},15000,Ch1Unknown,{1020 * 2.0**-i:g},{980 * 2.0**-i:g}"
        for i, k in enumerate((8600, 5200, 2870, 1510, 775, 392))
    ]
    return QUANTASOFT + "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assay")
    for index, shift in enumerate((0.0, 0.3, -0.2), start=1):
        (folder / f"plate{index}.txt").write_text(quantstudio(f"plate{index}", shift))
    (folder / "drops.csv").write_text(quantasoft())
    assert main(["assay", str(folder), "--out", str(folder / "report"), "--controls", "QC-*"]) == 0
    return folder / "report"


def test_a_folder_of_files_gives_a_whole_report(made: Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["tables"]["plate_results"] == 3 * 7 + 6
    assert set(manifest["inputs"]) == {"plate1.txt", "plate2.txt", "plate3.txt", "drops.csv"}
    assert {p.stem for p in (made / "figures").glob("*.svg")} == set(manifest["figures"])
    page = (made / "report.html").read_text()
    for words in ("Levey-Jennings", "Plates held together", "Passing-Bablok", "its slope", "Poisson intervals"):
        assert words in page
    assert "http://" not in page.split("<main>")[1].split("</main>")[0]


def test_the_numbers_of_the_report(made: Path) -> None:
    run = open_run(made)
    assert run.table("measurements").filter(pl.col("assay") == "quantstudio").height == 6
    assert "in_manifest" not in set(run.table("checks")["rule"])
    controls = pl.read_parquet(made / "tables" / "control_results.parquet")
    assert controls["sample_id"].unique().to_list() == ["QC-1"]
    ratios = pl.read_parquet(made / "tables" / "plate_ratios.parquet").row(0, named=True)
    assert ratios["n"] == 6
    assert ratios["ratio"] == pytest.approx(10 ** (-0.3 / 3.4), rel=1e-6)
    curves = pl.read_parquet(made / "tables" / "printed_curves.parquet")
    assert curves["slope"].to_list() == [-3.4] * 3


def test_its_settings_are_a_plan(made: Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    plan = plan_from_text(manifest["plan"], made / "plan.yaml").plan
    assert set(plan.assays) == {"quantstudio", "quantasoft"}
    assert plan.assays["quantstudio"].controls == ("QC-*",)


def test_nothing_is_done_twice_and_nothing_is_overwritten(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["assay", str(made.parent / "plate1.txt"), "--out", str(made)]
    assert main(call) == 2
    assert "run-exists" not in capsys.readouterr().out
    files = [str(made.parent / n) for n in ("drops.csv", "plate1.txt", "plate2.txt", "plate3.txt")]
    assert main(["assay", *files, "--out", str(made), "--controls", "QC-*", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] is True


def test_every_figure_is_a_record_that_names_what_it_draws(made: Path) -> None:
    tables = {p.stem: pl.read_parquet(p) for p in (made / "tables").glob("*.parquet")}
    names: list[str] = []
    for figure in ASSAY_FIGURES:
        assert figure.label
        assert figure.citation
        for chart in figure.draw(tables, FigureSettings()):
            assert isinstance(chart, Drawn)
            assert chart.spec["datasets"]["drawn"] == chart.data.to_dicts()
            names.append(chart.name)
    assert len(names) == len(set(names)) >= 6


@pytest.mark.parametrize("name", sorted(all_samples()))
def test_every_reader_gives_results_or_says_why_not(name: str, tmp_path: Path) -> None:
    from correlates.pipeline import assay

    _, data = all_samples()[name]
    path = tmp_path / "export"
    path.write_bytes(data)
    exports = assay._read_all([path], tmp_path)
    groups, tables = assay._grouped(exports, None, (), {})
    tables |= {"samples": assay.SAMPLES.empty(), "product": assay.PRODUCT.empty()}
    found = assay._quantified(groups, tables, lambda _: None)
    unvalued = found["measurements"].filter(pl.col("value").is_null())
    assert unvalued["reason"].null_count() == 0
    for figure in ASSAY_FIGURES:
        if figure.section != "agreement":
            figure.draw({**tables, **found}, FigureSettings())


def test_names_of_one_target(tmp_path: Path) -> None:
    from correlates.pipeline import assay

    path = tmp_path / "p.txt"
    path.write_text(quantstudio("p", 0.0))
    groups, _ = assay._grouped(assay._read_all([path], tmp_path), None, (), {"FMC63": ("CAR", "CAR2")})
    assert dict(groups[0].settings.targets) == {"FMC63": ("CAR",)}  # type: ignore[union-attr]


def test_all_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("hello,world\n1,2\n")
    with pytest.raises(InputError) as error:
        assay_report([tmp_path], out=tmp_path / "out")
    assert len(error.value.problems) == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("paths", [[], ["absent.csv"], ["empty"]])
def test_no_file_is_said(paths: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        assay_report([tmp_path / p for p in paths], out=tmp_path / "out")


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(quantstudio("p", 0.0))
    with pytest.raises(InputError, match="same content"):
        assay_report([tmp_path], out=tmp_path / "out")


def test_targets_are_analyte_and_names(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["assay", "x.txt", "--out", str(tmp_path / "o"), "--targets", "CAR"]) == 2
    assert "ANALYTE=NAME,NAME" in capsys.readouterr().err


PLAN = """
study: {id: P, title: T}
sources:
  samples: {kind: samples, file: samples.csv, columns: {sample_id: S, subject_id: U, dna_ng: DNA}}
assays:
  car:
    kind: qpcr
    files: [plate*.txt]
    controls: [QC-*]
    targets: {CAR: [CAR]}
    chain: [{divide_by: samples.dna_ng, scale: 1000, gives: copies/ug DNA}]
"""


def test_with_a_plan_its_settings_and_manifest_are_taken(tmp_path: Path) -> None:
    (tmp_path / "plate1.txt").write_text(quantstudio("plate1", 0.0))
    (tmp_path / "samples.csv").write_text("S,U,DNA\nS0,P-1,200\nS1,P-1,200\n")
    (tmp_path / "plan.yaml").write_text(PLAN)
    outcome = assay_report([], out=tmp_path / "out", plan=tmp_path / "plan.yaml")
    rows = open_run(outcome.folder).table("measurements")
    found = {r["sample_id"]: r for r in rows.iter_rows(named=True)}
    assert found["S0"]["unit"] == "copies/ug DNA"
    assert found["S0"]["subject_id"] == "P-1"
    assert found["S0"]["value"] == pytest.approx(5 * 10 ** ((38 - 24) / 3.4))
    assert found["S5"]["reason"] == "factor-missing"
    alone = pl.read_parquet(outcome.folder / "tables" / "plate_results.parquet")
    assert alone["estimate"].null_count() == 0
