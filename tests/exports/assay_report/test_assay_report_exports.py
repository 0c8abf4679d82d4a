"""Real exports through the assay report: each gives results or one clear reason, and the instruments' own figures agree."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.external import external

from correlates.errors import InputError
from correlates.figures.assay_charts import ASSAY_FIGURES
from correlates.figures.settings import FigureSettings
from correlates.pipeline import assay
from correlates.schema import PRODUCT, SAMPLES

FILES = (
    "dpcr/quantasoft/small_A01_Amplitude.csv",
    "dpcr/absolute_q/Appbio_AbsoluteQ_example01.csv",
    "dpcr/absolute_q/Appbio_AbsoluteQ_example05.csv",
    "dpcr/absolute_q/Appbio_AbsoluteQ_multichannel.csv",
    "dpcr/absolute_q/Appbio_AbsoluteQ_summary.csv",
    "dpcr/qiacuity/qiacuity_dpcr_example03.csv",
    "dpcr/qiacuity/qiacuity_dpcr_example04.csv",
    "dpcr/quantasoft/quant.csv",
    "dpcr/quantasoft/small.csv",
    "dpcr/qx_manager/CSV-file.csv",
    "dpcr/qx_manager/Excel-file.xlsx",
    "immunoassay/bioplex/bio-rad_bio-plex_manager_example_01.xml",
    "immunoassay/luminex/luminex_intelliflex_example_01.csv",
    "immunoassay/luminex/luminex_xPONENT_NaN_and_not_reported_values.csv",
    "immunoassay/luminex/luminex_xPONENT_example02.csv",
    "immunoassay/luminex/luminex_xPONENT_example03.csv",
    "immunoassay/msd/methodical_test_1.txt",
    "immunoassay/msd/msd_workbench_test_1.csv",
    "immunoassay/msd/msd_workbench_test_2.csv",
    "immunoassay/msd/test_msd_workbench_xlsx.xlsx",
    "qpcr/cfx_maestro/example01.csv",
    "qpcr/lod_replicates/Data.csv",
    "qpcr/quantstudio_design_analysis/appbio_quantstudio_designandanalysis_QS7Pro_Standard_Curve_example14.xlsx",
    "qpcr/quantstudio_rt/appbio_quantstudio_example04.txt",
    "qpcr/quantstudio_rt/appbio_quantstudio_example05.txt",
    "qpcr/quantstudio_rt/appbio_quantstudio_example07.txt",
    "qpcr/quantstudio_rt/appbio_quantstudio_example10.xlsx",
    "qpcr/rdml/data_vermeulen_std_150000_15.rdml",
    "qpcr/rdml/lc96_bACTXY.rdml",
    "qpcr/rdml/stepone_std.rdml",
)
NOT_WELLS = ("qpcr/quantstudio_rt/appbio_quantstudio_example03.txt",)


def reviewed(name: str) -> dict[str, pl.DataFrame]:
    path = external(f"data/{name}")
    groups, tables = assay._grouped(assay._read_all([path], path.parent), None, (), {})
    tables |= {"samples": SAMPLES.empty(), "product": PRODUCT.empty()}
    return tables | assay._quantified(groups, tables, lambda _: None)


@pytest.mark.parametrize("name", FILES)
def test_every_export_is_reviewed_and_drawn(name: str) -> None:
    tables = reviewed(name)
    measured = tables["measurements"]
    assert measured.filter(pl.col("value").is_null())["reason"].null_count() == 0
    assert any(tables[t].height for t in ("measurements", "curves", "partition_wells", "replicate_sets"))
    for figure in ASSAY_FIGURES:
        if figure.section != "agreement":
            for chart in figure.draw(tables, FigureSettings()):
                assert chart.data.height


@pytest.mark.parametrize("name", NOT_WELLS)
def test_a_file_of_something_else_is_one_clear_problem(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        assay.assay_report([external(f"data/{name}")], out=tmp_path / "out")
    assert len(error.value.problems) == 1
    assert not (tmp_path / "out").exists()


def test_the_curve_of_quantstudio_beside_ours() -> None:
    tables = reviewed(next(name for name in FILES if "design_analysis" in name))
    ours, theirs = tables["curves"].row(0, named=True), tables["printed_curves"].row(0, named=True)
    assert ours["slope"] == pytest.approx(theirs["slope"], abs=5e-5)  # four decimals are printed
    assert ours["intercept"] == pytest.approx(theirs["intercept"], abs=5e-5)
    assert ours["r_squared"] == pytest.approx(theirs["r_squared"], rel=1e-6)
    # the efficiency is printed with more digits than the slope, from a slope that is not rounded
    assert 100 * ours["efficiency"] == pytest.approx(theirs["efficiency"], rel=1e-5)


@pytest.mark.parametrize(
    ("name", "fewest", "tolerance"),
    [
        # mid-P limits here, the normal approximation of the share there, which lies about one and a half positive
        # partitions below either: at 100 positives 1.7 % of 81 and 1.2 % of 121
        ("dpcr/qiacuity/qiacuity_dpcr_example04.csv", 100, 0.002),
        ("dpcr/absolute_q/Appbio_AbsoluteQ_summary.csv", 100, 0.005),
        ("dpcr/quantasoft/quant.csv", 100, 0.005),
        ("dpcr/qx_manager/Excel-file.xlsx", 100, 0.0175),
    ],
)
def test_poisson_intervals_beside_the_instruments(name: str, fewest: int, tolerance: float) -> None:
    wells = reviewed(name)["partition_wells"].filter(
        (pl.col("positives") >= fewest) & pl.col("printed_lower").is_not_null() & pl.col("upper").is_not_null()
    )
    assert wells.height >= 4
    for end in ("lower", "upper"):
        off = (wells[end] / wells[f"printed_{end}"] - 1).abs().max()
        assert isinstance(off, float)
        assert off < tolerance


def test_quantities_beside_those_of_msd_workbench() -> None:
    row = reviewed("immunoassay/msd/msd_workbench_test_2.csv")["instrument_ratios"].row(0, named=True)
    assert row["n"] == 16
    assert row["median"] == pytest.approx(1.0, abs=0.01)  # another weighting of the same standards


def test_a_file_of_fluorescence_alone_gets_its_cq_from_it() -> None:
    """Vermeulen's standards hold no Cq: every gene has a curve all the same, and the settings say where the Cq is from."""
    path = external("data/qpcr/rdml/data_vermeulen_std_150000_15.rdml")
    groups, _ = assay._grouped(assay._read_all([path], path.parent), None, (), {})
    assert groups[0].settings.cq == "second_derivative"  # type: ignore[union-attr]
    assert reviewed("qpcr/rdml/data_vermeulen_std_150000_15.rdml")["curves"]["parameters"].null_count() == 0
