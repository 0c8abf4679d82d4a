"""Digital PCR on small tables of wells."""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import numpy as np
import polars as pl
import pytest
from tests.unit.quantify.plates import manifest, partition_wells

from correlates.errors import InputError, PlanError
from correlates.quantify import Quantified, quantify
from correlates.quantify.instruments import INSTRUMENTS
from correlates.quantify.settings import Dpcr, Reference, Step
from correlates.schema import PRODUCT, SAMPLES

REFERENCE = {"targets": {"CAR": ("CAR",), "RPP30": ("RPP",)}, "reference": Reference(target="RPP30")}


def run(rows: list[dict[str, object]], samples: pl.DataFrame | None = None, **settings: Any) -> Quantified:
    declared = {"files": (), "targets": {"CAR": ("CAR",)}, "instrument": "qx200", **settings}
    return quantify(
        "d", partition_wells(rows), SAMPLES.empty() if samples is None else samples, PRODUCT.empty(), Dpcr(**declared)
    )


def well(positives: int, partitions: int = 15_000, **other: object) -> dict[str, object]:
    return {"sample_id": "A", "positives": positives, "partitions": partitions, **other}


def only(made: Quantified) -> dict[str, Any]:
    assert made.measurements.height == 1
    return made.measurements.row(0, named=True)


def failed(made: Quantified) -> list[str]:
    return made.checks.filter(~pl.col("passed") & (pl.col("rule") != "in_manifest"))["rule"].to_list()


def test_all_negative_is_left_censored_with_an_upper_bound() -> None:
    row = only(run([well(0), well(0)]))
    assert (row["censoring"], row["estimate"], row["lower"]) == ("left", 0.0, 0.0)
    assert row["value"] == row["lloq"] == pytest.approx(-np.log1p(-3 / 30_000) * 20_000 / 0.85)
    assert row["upper"] == pytest.approx(np.log(20) / 30_000 * 20_000 / 0.85)  # mid-P
    assert row["n_replicates"] == 2
    assert row["cv"] is None


def test_all_positive_is_right_censored_at_its_lower_bound() -> None:
    made = run([well(15_000)])
    row = only(made)
    assert (row["censoring"], row["estimate"], row["upper"], row["reason"]) == ("right", None, None, None)
    assert row["value"] == row["lower"] > 0
    assert "no upper bound" in row["detail"]
    assert failed(made) == ["all_partitions_positive"]


def test_fewer_positives_than_the_limit_are_left_censored_and_keep_their_estimate() -> None:
    row = only(run([well(1), well(1)]))
    assert row["censoring"] == "left"
    assert 0 < row["lower"] < row["estimate"] < row["value"] < row["upper"]
    assert only(run([well(1), well(2)]))["censoring"] == "none"


def test_wells_with_few_partitions_are_left_out_by_name() -> None:
    made = run([well(1500), well(900, 9_000)])
    row = only(made)
    assert row["value"] == pytest.approx(-np.log(0.9) * 20_000 / 0.85)
    assert row["n_replicates"] == 1
    assert row["source_ids"] == ["d1/D1/A1/CAR"]
    assert row["detail"] == "1 of 2 wells used"
    assert made.checks.filter(rule="min_partitions")["action"].to_list() == ["none", "excluded"]
    none = only(run([well(900, 9_000)]))
    assert (none["reason"], none["value"]) == ("too-few-partitions", None)


def test_wells_without_counts_and_impossible_counts() -> None:
    assert only(run([{"sample_id": "A", "flag": "missing"}]))["reason"] == "signal-missing"
    assert only(run([well(10, flag="omitted")]))["reason"] == "signal-missing"
    assert failed(run([well(16_000)])) == ["counts_possible"]


def test_the_volume_is_recovered_from_the_instruments_own_concentrations() -> None:
    rows = [
        well(k, reported=round(-np.log1p(-k / 15_000) / 0.91e-3, 1), reported_unit="copies/µL", sample_id=f"S{k}")
        for k in (100, 3000, 6000, 9000)
    ]
    made = run(rows, partition_nl=None)
    assert made.checks.filter(rule="partition_volume")["value"].to_list() == pytest.approx([0.91], rel=1e-3)
    found = made.measurements.filter(sample_id="S6000")["value"].item()
    assert found == pytest.approx(-np.log(0.6) * 20_000 / 0.91, rel=1e-3)
    assert "from the instrument's own concentrations" in made.measurements["chain"][0]


def test_wells_with_volumes_of_their_own_keep_them() -> None:
    rows = [
        well(6000, reported=-np.log(0.6) / volume * 1000, reported_unit="copies/uL", sample_id=f"S{volume}")
        for volume in (0.70, 0.75)
    ]
    made = run(rows, partition_nl=None)
    assert made.checks.filter(rule="partition_volume")["found"].to_list() == [
        "0.7 to 0.75 nL by the file's concentrations, each well's own"
    ]
    assert made.measurements["value"].to_list() == pytest.approx([-np.log(0.6) * 20_000 / v for v in (0.70, 0.75)])


def test_without_a_volume_there_is_no_concentration_but_there_is_a_ratio() -> None:
    made = run([well(10)], instrument=None)
    row = only(made)
    assert (row["reason"], row["value"]) == ("factor-missing", None)
    assert row["detail"] == "the partition volume is neither declared nor in the file"
    assert failed(made) == ["instrument", "partition_volume"]
    half = only(run([well(10)], instrument=None, partition_nl=0.85))
    assert half["detail"] == "the reaction volume is neither declared nor known of the instrument"
    both = run([well(10), well(5000, target="RPP")], instrument=None, min_partitions=10_000, **REFERENCE)
    assert only(both)["value"] == pytest.approx(2 * np.log1p(-10 / 15_000) / np.log(2 / 3))
    assert failed(both) == []


def test_the_limit_per_cell_moves_with_the_cells() -> None:
    few = only(run([well(0), well(1000, target="RPP")], **REFERENCE))
    many = only(run([well(0), well(9000, target="RPP")], **REFERENCE))
    assert few["lloq"] / many["lloq"] == pytest.approx(np.log(1 - 9 / 15) / np.log(1 - 1 / 15))
    assert few["unit"] == "copies/cell"
    assert few["source_ids"] == ["d1/D1/A1/CAR", "d1/D1/A2/RPP"]


@pytest.mark.parametrize(
    ("positives", "reason"),
    [(0, "denominator-not-positive"), (2, "denominator-not-positive"), (15_000, "all-partitions-positive")],
)
def test_a_reference_that_counts_no_cells(positives: int, reason: str) -> None:
    row = only(run([well(100), well(positives, target="RPP")], **REFERENCE))
    assert (row["reason"], row["value"], row["estimate"]) == (reason, None, None)
    assert f"{positives} positive of 15000 partitions of reference RPP30" in row["detail"]


def test_a_sample_without_reference_wells() -> None:
    row = only(run([well(100)], **REFERENCE))
    assert row["reason"] == "denominator-not-positive"


def test_a_saturated_target_over_a_good_reference_is_right_censored() -> None:
    row = only(run([well(15_000), well(5000, target="RPP")], **REFERENCE))
    assert row["censoring"] == "right"
    assert row["value"] == row["lower"]
    assert row["estimate"] is None


def test_a_reference_that_is_no_target_is_refused() -> None:
    with pytest.raises(PlanError, match="RPP30"):
        run([well(1)], reference=Reference(target="RPP30"))


def test_settings_that_cannot_be_are_refused_together() -> None:
    with pytest.raises(PlanError) as caught:
        run([well(1)], lloq=0.0, partition_nl=-1.0, confidence=95.0)
    assert [p.code for p in caught.value.problems] == ["not-positive", "not-positive", "not-a-level"]


def test_the_chain_begins_with_the_counts() -> None:
    samples = manifest(["A"], dna_ng=100.0)
    step = Step(divide_by="samples.dna_ng", scale=1000.0, gives="copies/ug DNA", cv=30.0)
    row = only(run([well(3000)], samples, chain=(step,)))
    plain = only(run([well(3000)], samples))
    steps = json.loads(row["chain"])
    assert [s["unit"] for s in steps] == ["copies/partition", "copies/reaction", "copies/ug DNA"]
    assert steps[0]["source"] == "3000 positive of 15000 partitions, wells: 1"
    assert steps[-1]["quantity"] == row["value"] == pytest.approx(plain["value"] * 10)
    assert np.log(row["upper"] / row["estimate"]) == pytest.approx(
        np.hypot(np.log(plain["upper"] / plain["estimate"]), 1.959963984540054 * 0.3)
    )


def test_contaminated_controls_dilutions_and_second_plates_are_flagged() -> None:
    rows = [
        well(300, dilution=10.0),
        well(310, plate="D2", well_id="other"),
        {"role": "ntc", "positives": 5, "partitions": 15_000},
    ]
    assert sorted(failed(run(rows))) == ["dilution", "limit_of_blank", "ntc", "one_plate"]


def test_replicates_that_disagree_are_flagged() -> None:
    assert sorted(failed(run([well(300), well(600)]))) == ["between_wells", "replicates_agree"]
    assert failed(run([well(300), well(310)])) == []


def test_a_well_that_stands_twice_is_refused() -> None:
    with pytest.raises(InputError, match="more than once"):
        run([well(1, well_id="x"), well(1, well_id="x")])


def instruments_of(extras: str, partitions: int, **settings: Any) -> tuple[Any, ...]:
    rows = [well(1000, partitions, extras=extras)]
    made = run(rows, instrument=None, **settings)
    row = only(made)
    return made.checks.filter(rule="instrument")["found"].item(), row["value"], row["detail"]


@pytest.mark.parametrize(
    ("extras", "partitions", "label", "per_reaction"),
    [
        ('{"Ch1+Ch2+":"3"}', 15_000, "Bio-Rad QX200 droplets", 20_000 / 0.85),
        ('{"95%CI":"1.1"}', 20_400, "QuantStudio Absolute Q MAP16", 9000 / 0.432),
        ('{"Partitions (negative)":"24000"}', 25_000, "QIAcuity Nanoplate 26k", 40_000 / 0.91),
        ('{"Partitions (Negative)":"7200"}', 8200, "QIAcuity Nanoplate 8.5k", 12_000 / 0.34),
        (
            '{"Plate type":"Nanoplate 8.5K 96-well","Partitions (Negative)":"1"}',
            8200,
            "QIAcuity Nanoplate 8.5k",
            12_000 / 0.34,
        ),
    ],
)
def test_the_instrument_is_known_by_the_columns_of_its_file(
    extras: str, partitions: int, label: str, per_reaction: float
) -> None:
    found, value, _ = instruments_of(extras, partitions)
    assert found == f"{label}, by the columns of the file"
    assert value == pytest.approx(-np.log1p(-1000 / partitions) * per_reaction)


def test_what_is_declared_stands_before_the_instrument() -> None:
    found, value, _ = instruments_of('{"Ch1+Ch2+":"3"}', 15_000, partition_nl=0.91, reaction_ul=22.0)
    assert value == pytest.approx(-np.log1p(-1 / 15) * 22_000 / 0.91)
    assert found.startswith("Bio-Rad")
    few = run([well(100, 9000)], min_partitions=8000)
    assert only(few)["reason"] is None


def test_the_instruments_of_the_settings_are_those_of_the_table() -> None:
    declared = get_args(get_args(get_type_hints(Dpcr)["instrument"])[0])
    assert declared == tuple(i.code for i in INSTRUMENTS)


def test_a_nominal_volume_that_the_file_did_not_use_is_flagged() -> None:
    reported = -np.log(0.8) / 0.91e-3
    made = run([well(3000, reported=reported, reported_unit="copies/uL")])
    check = made.checks.filter(rule="partition_volume").row(0, named=True)
    assert (check["found"], check["passed"]) == ("0.91 nL by the file's concentrations", False)
    assert check["required"] == "within 5 % of 0.85 nL, nominal of Bio-Rad QX200 droplets"
    assert only(made)["value"] == pytest.approx(-np.log(0.8) * 20_000 / 0.91)
    declared = run([well(3000, reported=reported, reported_unit="copies/uL")], partition_nl=0.85)
    assert "partition_volume" in failed(declared)
    assert only(declared)["value"] == pytest.approx(-np.log(0.8) * 20_000 / 0.85)


def test_blanks_give_the_limits_of_blank_and_detection() -> None:
    """Ten wells with one false positive in all: mean 0.1, P(Poisson > 1) = 0.5 %, so the limit of blank is 1 positive."""
    empty = [{"role": "ntc", "positives": int(i == 0), "partitions": 15_000} for i in range(10)]
    made = run([well(300), *empty])
    blank = made.checks.filter(rule="limit_of_blank").row(0, named=True)
    assert (blank["value"], blank["passed"], len(blank["source_ids"])) == (1.0, True, 10)
    # 95 % of Poisson(lod + 0.1) above 1: lod + 0.1 = 4.744
    assert made.checks.filter(rule="limit_of_detection")["value"].item() == pytest.approx(4.744 - 0.1, abs=0.001)
    dirty = [{"role": "ntc", "positives": 4, "partitions": 15_000} for _ in range(10)]
    assert "limit_of_blank" in failed(run([well(300), *dirty]))
    assert run([well(300)]).checks.filter(rule="limit_of_blank").is_empty()


def test_spread_between_wells_is_reported_by_analyte() -> None:
    """Wells of 5 % CV beyond counting, forty samples in triplicate, are found out together though no sample is alone."""
    rng = np.random.default_rng(3)
    lam = 0.4 * np.exp(0.05 * rng.standard_normal((40, 3)))
    counts = rng.binomial(15_000, -np.expm1(-lam))
    rows = [well(int(k), sample_id=f"S{i:02d}") for i, triple in enumerate(counts) for k in triple]
    check = run(rows).checks.filter(rule="between_wells").row(0, named=True)
    assert not check["passed"]
    assert check["value"] == pytest.approx(5.0, abs=1.0)
    even = rng.binomial(15_000, -np.expm1(-0.4), (40, 3))
    rows = [well(int(k), sample_id=f"S{i:02d}") for i, triple in enumerate(even) for k in triple]
    assert run(rows).checks.filter(rule="between_wells")["passed"].to_list() == [True]


def test_the_normal_interval_is_the_one_that_quantasoft_printed() -> None:
    """1,901 of 15,820 droplets of 0.91 nL: printed 134 to 147 copies/uL; the exact interval rounds to the same here."""
    wells = [well(1901, 15_820)]
    settings = {"partition_nl": 0.91, "reaction_ul": 1.0}
    by = {kind: only(run(wells, interval=kind, **settings)) for kind in ("exact", "normal")}
    assert (round(by["normal"]["lower"]), round(by["normal"]["upper"])) == (134, 147)
    assert by["normal"]["lower"] != by["exact"]["lower"]
    assert by["normal"]["lower"] == pytest.approx(by["exact"]["lower"], rel=1e-3)
