"""xPONENT, INTELLIFLEX, Bio-Plex, MSD and Simple Plex, cell by cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.unit.readers import samples

from correlates.errors import InputError
from correlates.readers import READERS, ReadFile, read


def reading(folder: Path, data: str | bytes) -> ReadFile:
    path = folder / "run.any"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read(path)


def extras(found: ReadFile, row: int) -> dict[str, Any]:
    return json.loads(found.wells["extras"][row])


def header(found: ReadFile) -> dict[str, Any]:
    return json.loads(found.file["header"][0])


CORE = ("well", "sample_id", "target", "role", "nominal", "signal", "flag", "count", "dilution", "reported", "row")


def test_xponent(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.XPONENT)
    assert found.wells.select(CORE).rows() == [
        ("A1", "Background0", "IL-6", "blank", None, 10.5, None, 60, 1.0, None, 13),
        ("A1", "Background0", "IL-15", "blank", None, 9.0, None, 61, 1.0, None, 13),
        ("B1", "Standard1", "IL-6", "standard", 10000.0, 20000.0, None, 62, 1.0, 10010.0, 14),
        ("B1", "Standard1", "IL-15", "standard", 5000.0, 15000.0, None, 63, 1.0, 4990.0, 14),
        ("C1", "Standard2", "IL-6", "standard", 2500.0, 5000.0, None, 64, 1.0, 2499.0, 15),
        ("C1", "Standard2", "IL-15", "standard", 1250.0, 4000.5, None, 65, 1.0, 1251.0, 15),
        ("D1", "Control1", "IL-6", "qc", 400.0, 900.0, None, 66, 1.0, 401.0, 16),
        ("D1", "Control1", "IL-15", "qc", 300.0, 800.0, None, 67, 1.0, 299.0, 16),
        ("E1", "S01", "IL-6", "unknown", None, None, "missing", 0, 2.0, None, 17),
        ("E1", "S01", "IL-15", "unknown", None, 55.0, None, 12, 2.0, None, 17),
    ]
    assert found.wells["plate"].unique().to_list() == ["P1"]
    assert found.wells["sheet"].unique().to_list() == ["Median"]
    assert found.wells.filter(pl.col("nominal").is_not_null())["nominal_unit"].unique().to_list() == ["pg/mL"]
    assert found.file["software"][0] == "xPONENT 4.3.229.0"


def test_xponent_keeps_every_block(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.XPONENT)
    assert extras(found, 8) == {
        "Total Events": "120",
        "Median": "NaN",
        "Net MFI": "NaN",
        "Result": "OOR <",
        "Avg Result": "OOR <",
        "Warnings/Errors": "Too few beads.",
    }
    kept = header(found)
    assert kept["properties"]["Program"] == ["xPONENT", "", "FlexMAP 3D"]
    assert kept["properties"]["Samples"] == ["5", "Min Events", "50", "Per Bead"]
    assert kept["blocks"]["Analysis Coefficients"] == "Analyte:\tIL-6\tIL-15\nA\t10.2\t8.8\nF\t0.9\t1.1"
    assert kept["blocks"]["Net MFI"] == {"columns": ["Location", "Sample", "IL-6", "IL-15", "Total Events"]}
    assert kept["after the blocks"] == "-- CRC --\nCRC32: 40B50595"


RANGES = (
    '"DataType:","Control Range - Low"\n"Reagent","IL-6","IL-15"\n"Control1","310.5","200"\n\n'
    '"DataType:","Control Range - High"\n"Reagent","IL-6","IL-15"\n"Control1","490","NaN"\n\n'
)


def test_xponent_ranges_of_controls_stand_in_their_wells(tmp_path: Path) -> None:
    text = samples.XPONENT.replace('"DataType:","Dilution Factor"', RANGES + '"DataType:","Dilution Factor"')
    found = reading(tmp_path, text)
    assert extras(found, 6)["Control Range - Low"] == "310.5"
    assert extras(found, 6)["Control Range - High"] == "490"
    assert extras(found, 7)["Control Range - Low"] == "200"
    assert extras(found, 7)["Control Range - High"] is None
    assert not found.wells.filter(pl.col("role") != "qc")["extras"].str.contains("Control Range").any()
    assert header(found)["blocks"]["Control Range - Low"] == "Reagent\tIL-6\tIL-15\nControl1\t310.5\t200"


def test_xponent_text_in_a_range_is_a_problem(tmp_path: Path) -> None:
    text = samples.XPONENT.replace(
        '"DataType:","Dilution Factor"', RANGES.replace("310.5", "about 300") + '"DataType:","Dilution Factor"'
    )
    with pytest.raises(InputError) as error:
        reading(tmp_path, text)
    assert [(p.code, p.found) for p in error.value.problems] == [("not-a-number", "'about 300'")]


def test_xponent_own_curve_stands_in_the_wells_of_the_standards(tmp_path: Path) -> None:
    text = samples.XPONENT.replace(
        '"DataType:","Warnings/Errors"',
        '"DataType:","Analysis Types"\n"Analyte:","IL-6","IL-15"\n"AnalysisType","Logistic 5P Weighted","Logistic 5P"\n\n'
        '"DataType:","R^2"\n"Analyte:","IL-6","IL-15"\n"R^2","0.9991","0.998"\n\n"DataType:","Warnings/Errors"',
    )
    found = reading(tmp_path, text)
    for row, fit, a, f, r2 in (
        (2, "Logistic 5P Weighted", "10.2", "0.9", "0.9991"),
        (5, "Logistic 5P", "8.8", "1.1", "0.998"),
    ):
        more = extras(found, row)
        assert more["Analysis Types"] == fit
        assert (more["Analysis Coefficients A"], more["Analysis Coefficients F"], more["R^2"]) == (a, f, r2)
    assert not found.wells.filter(pl.col("role") != "standard")["extras"].str.contains("Coefficients").any()


def test_xponent_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    text = "\n".join(line.replace('","', '";"') for line in samples.XPONENT.splitlines()) + "\n"
    for value in ("10.5", "4000.5", "19989.5", "4989.5", "3991.5", "889.5", "10.2", "8.8", "0.9", "1.1", "<2.5"):
        text = text.replace(f'"{value}"', f'"{value.replace(".", ",")}"')
    assert reading(tmp_path, text).wells.select(CORE).equals(reading(tmp_path, samples.XPONENT).wells.select(CORE))


def test_xponent_padded_with_commas(tmp_path: Path) -> None:
    text = "\n".join(line + ",,,," if line else ",,,,,," for line in samples.XPONENT.splitlines())
    assert reading(tmp_path, text).wells.select(CORE).equals(reading(tmp_path, samples.XPONENT).wells.select(CORE))


def test_xponent_blocks_in_another_order_and_rows_missing(tmp_path: Path) -> None:
    """Blocks join by location, not by position."""
    rows = ['"2(1,B1)","Standard1","62","63","310"\n', '"3(1,C1)","Standard2","64","65","305"\n']
    text = samples.XPONENT.replace(rows[0] + rows[1], rows[1])
    found = reading(tmp_path, text).wells
    assert found.filter(pl.col("well") == "B1")["count"].to_list() == [None, None]
    assert found.filter(pl.col("well") == "C1")["count"].to_list() == [64, 65]


def test_xponent_rows_of_a_block_without_a_well_are_kept(tmp_path: Path) -> None:
    text = samples.XPONENT.replace('"5(1,E1)","S01","0","12","120"', '"9(1,H9)","S09","0","12","120"')
    assert header(reading(tmp_path, text))["blocks"]["Count"]["rows without a well"][0]["Location"] == "9(1,H9)"


def test_xponent_without_median_uses_net_mfi(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.XPONENT.replace('"DataType:","Median"', '"DataType:","Trimmed Mean"'))
    assert found.wells.filter((pl.col("well") == "B1") & (pl.col("target") == "IL-6"))["signal"].to_list() == [19989.5]
    assert header(found)["signal block"] == "Net MFI"


def test_xponent_without_fluorescence(tmp_path: Path) -> None:
    text = samples.XPONENT.replace('"DataType:","Median"', '"DataType:","A"').replace(
        '"DataType:","Net MFI"', '"DataType:","B"'
    )
    with pytest.raises(InputError) as error:
        reading(tmp_path, text)
    assert [p.code for p in error.value.problems] == ["missing-block"]


def test_xponent_two_plates(tmp_path: Path) -> None:
    text = samples.XPONENT.replace("5(1,E1)", "5(2,A1)")
    wells = reading(tmp_path, text).wells
    assert wells["plate"].unique().sort().to_list() == ["P1, plate 1", "P1, plate 2"]
    assert wells["well_id"].n_unique() == 10


def test_xponent_problems_all_at_once(tmp_path: Path) -> None:
    text = (
        samples.XPONENT.replace('"20000"', '"bright"')
        .replace('"64","65"', '"-4","65"')
        .replace('"Standard2","2500"', '"Standard2","2500 pg"')
    )
    text = text.replace('"4(1,D1)"', '"D1"')
    with pytest.raises(InputError) as error:
        reading(tmp_path, text)
    assert {(p.code, p.where.column if p.where else None) for p in error.value.problems} == {
        ("not-a-number", "IL-6"),
        ("too-low", "count"),
        ("not-a-location", "Location"),
    }
    assert sum(p.code == "not-a-number" for p in error.value.problems) == 2


def test_xponent_well_twice(tmp_path: Path) -> None:
    text = samples.XPONENT.replace('"3(1,C1)","Standard2","5000"', '"2(1,B1)","Standard1","5000"')
    with pytest.raises(InputError) as error:
        reading(tmp_path, text)
    assert {p.code for p in error.value.problems} == {"duplicate-well"}
    assert "rows 14, 15" in error.value.problems[0].what


def test_intelliflex_reads_like_xponent(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.INTELLIFLEX)
    assert found.file["reader"][0] == "intelliflex"
    assert found.wells.select(CORE).equals(reading(tmp_path, samples.XPONENT).wells.select(CORE))


def test_bioplex(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.BIOPLEX)
    assert found.wells.select(CORE).rows() == [
        ("A1", "S1", "IL-6", "standard", 1000.0, 3245.0, None, 60, 1.0, 998.5, 13),
        ("B1", "S01", "IL-6", "unknown", None, 55.0, None, None, 4.0, None, 18),
    ]
    assert found.wells["plate"].unique().to_list() == ["P5"]
    assert found.wells["nominal_unit"].to_list() == ["pg/mL", None]
    assert extras(found, 0)["BeadRegion"]["CV"] == "0.12"
    assert extras(found, 1)["MWObsConc"]["@ReadErrorCode"] == "9"
    kept = header(found)
    assert kept["bead regions without analyte"][0]["@RegionNumber"] == "99"
    assert kept["wells"][0]["TotalEvents"] == "717"
    assert kept["document"]["Description"] == "panel 1"


def test_msd_workbench(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.MSD)
    assert found.wells.select("plate", *CORE).rows() == [
        ("Plate_A", "A1", "S001", "IL-6", "standard", 54.2, 3513.0, None, None, None, 53.2, 3),
        ("Plate_A", "A2", "U001", "IL-6", "unknown", None, 120.0, None, None, 2.0, None, 4),
        ("Plate_B", "A1", "U001", "IL-6", "unknown", None, 900.0, None, None, 2.0, 20.5, 7),
    ]
    assert extras(found, 1)["Detection Range"] == "Below Detection Range"
    assert extras(found, 1)["Calc. Concentration"] == "NaN"


def test_methodical_mind(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.METHODICAL_MIND)
    assert found.wells.select("plate", "well", "target", "signal", "row").rows()[:4] == [
        ("22M0TALA85N", "A1", "spot 1", 12895.0, 8),
        ("22M0TALA85N", "A2", "spot 1", 10144.0, 8),
        ("22M0TALA85N", "A1", "spot 2", 305.0, 9),
        ("22M0TALA85N", "A2", "spot 2", 204.0, 9),
    ]
    assert found.wells.height == 8
    assert "Average  :\t5203" in header(found)["other lines"]


def test_simple_plex(tmp_path: Path) -> None:
    found = reading(tmp_path, samples.SIMPLE_PLEX)
    columns = (
        "plate",
        "well",
        "sample_id",
        "target",
        "signal_kind",
        "signal",
        "flag",
        "reported",
        "reported_unit",
        "row",
    )
    assert found.wells.select(columns).rows() == [
        ("K1", "1", "S01", "IL-6", "rfu", 32.5, None, 51.5, "pg/mL", 2),
        ("K1", "1", "S01", "GZMB", "rfu", 4.1, None, None, None, 3),
        ("K1", "2", "S02", "IL-6", "rfu", 92.5, None, 151.5, "pg/mL", 4),
        ("K1", "2", "S02", "GZMB", "rfu", 14.3, None, 18.2, "pg/mL", 5),
    ]
    assert extras(found, 0)["AnalyteName"] == "IL-6 (pg/mL)"
    assert extras(found, 1)["CalculatedConcentration"] == "NaN"
    assert extras(found, 1)["NonlimitedCalculatedConcentration"] == "0.3"
    assert extras(found, 3)["Gnr2RFU"] is None
    assert extras(found, 3)["CurveCoefficientG"] == "1.2"


def test_simple_plex_inlet_column_unit_in_heading_and_rfu_only(tmp_path: Path) -> None:
    text = (
        "Sample,Inlet,CartridgeId,AnalyteName,GnrCount,RFU,CalculatedConcentration (ng/mL)\n"
        "S01,7,C9,IL-6,3,33.8,0.05\nS02,8,C9,IL-6,3,93.8,0.15\n"
    )
    found = reading(tmp_path, text)
    assert found.wells.select("plate", "well", "target", "signal", "reported", "reported_unit").rows() == [
        ("C9", "7", "IL-6", 33.8, 0.05, "ng/mL"),
        ("C9", "8", "IL-6", 93.8, 0.15, "ng/mL"),
    ]
    assert header(found)["signal column"] == "RFU"


def test_simple_plex_is_a_candidate() -> None:
    assert [r.code for r in READERS if r.release == "candidate"] == ["simple_plex"]


def test_simple_plex_row_without_analyte(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        reading(tmp_path, samples.SIMPLE_PLEX.replace("S02,,K1,GZMB", "S02,,K1,"))
    assert "no-analyte" in {p.code for p in error.value.problems}
