"""Areas under other rules: every variant by hand, what rests on an area, who is lost."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.parameters.frames import measurements, run, subjects

from correlates.errors import DerivationError
from correlates.parameters.sensitivity import area_of, rederive, variants
from correlates.parameters.settings import Blq, Profile, Ratio
from correlates.schema import BURDEN, CHARACTERISTICS, LABS, PRODUCT

AUC = Profile(take="auc", of="car", rule="linear")
SPECS: dict[str, Any] = {
    "AUC": AUC,
    "CMAX": Profile(take="cmax", of="car"),
    "PER_PEAK": Ratio(take="ratio", of=("AUC", "CMAX")),
    "TWICE": Ratio(take="ratio", of=("PER_PEAK", "CMAX")),
    "FAMILY": Profile(take="auc", of="car", each="analyte", rule="linear"),
}
GIVEN = {"A": [(0, 8.0), (14, 2.0, "left"), (28, 8.0)], "B": [(0, 16.0), (28, 4.0)], "C": [(0, 5.0), (28, 1.0, "left")]}


def tables(**more: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {
        "measurements": measurements(GIVEN),  # type: ignore[arg-type]
        "burden": BURDEN.empty(),
        "product": PRODUCT.empty(),
        "characteristics": CHARACTERISTICS.empty(),
        "labs": LABS.empty(),
        "subjects": subjects("A", "B", "C"),
    } | more


def grid(**more: Any) -> Any:
    asked = {"rules": (), "blq": (), "at_start": (), "at_end": ()} | more
    return variants(AUC, **asked)


def test_every_combination_once_and_the_declared_one_first() -> None:
    made = grid(rules=("linear", "log"), blq=(Blq(), Blq(between="drop")))
    assert [(v.number, v.rule, v.blq.between) for v in made] == [
        (0, "linear", "half"),
        (1, "linear", "drop"),
        (2, "log", "half"),
        (3, "log", "drop"),
    ]
    assert len(grid()) == 1


def test_values_by_hand() -> None:
    made = grid(
        rules=("linear", "linear_up_log_down"), blq=(Blq(between="zero"), Blq(between="limit"), Blq(after="drop"))
    )
    found = rederive("AUC", made, SPECS, tables())
    values = {
        (v.rule, v.blq.between, v.blq.after): found.filter(pl.col("variant") == v.number)["value"].to_list()
        for v in made
    }
    ln4 = 1.3862943611198906
    log_b, log_a = 28 * 12 / ln4, 14 * 6 / ln4 + 14 * 5
    assert values["linear", "half", "zero"] == pytest.approx([126.0, 280.0, 70.0])
    assert values["linear", "zero", "zero"] == pytest.approx([112.0, 280.0, 70.0])
    assert values["linear", "limit", "zero"] == pytest.approx([140.0, 280.0, 70.0])
    assert values["linear_up_log_down", "limit", "zero"] == pytest.approx([log_a, log_b, 70.0])
    assert values["linear", "half", "drop"] == [pytest.approx(126.0), pytest.approx(280.0), None]
    lost = found.filter((pl.col("subject_id") == "C") & pl.col("reason").is_not_null())
    assert set(lost["reason"]) == {"fewer-than-two-quantifiable"}
    zero = found.filter((pl.col("variant") == 1) & (pl.col("subject_id") == "A"))["difference"][0]
    assert zero == pytest.approx(112 / 126 - 1)
    assert found.filter(pl.col("variant") == 0)["difference"].to_list() == [0.0, 0.0, 0.0]


def test_what_rests_on_an_area_moves_with_it() -> None:
    made = grid(rules=("linear_up_log_down",))
    area = rederive("AUC", made, SPECS, tables())
    for code, by in (("PER_PEAK", [8, 16, 5]), ("TWICE", [64, 256, 25])):
        found = rederive(code, made, SPECS, tables())
        expected = [v / d for v, d in zip(area["value"], by * 2, strict=True)]
        assert found["value"].to_list() == pytest.approx(expected, rel=1e-12)
        assert found["difference"].to_list() == pytest.approx(area["difference"].to_list(), abs=1e-12)
    family = rederive("FAMILY.CAR", made, SPECS, tables())
    assert family["value"].to_list() == area["value"].to_list()


def test_the_declared_variant_is_what_the_stage_makes() -> None:
    for code in ("AUC", "TWICE"):
        found = rederive(code, grid(), SPECS, tables())
        stage = run(SPECS, ["A", "B", "C"], measurements=measurements(GIVEN))  # type: ignore[arg-type]
        own = stage.parameters.filter(pl.col("code") == code)
        assert found.select("subject_id", "value", "unit", "censoring", "reason").equals(
            own.select("subject_id", "value", "unit", "censoring", "reason")
        )


def test_what_rests_on_no_area_is_refused() -> None:
    assert area_of("CMAX", SPECS) is None
    assert area_of("TWICE", SPECS) == AUC
    with pytest.raises(DerivationError, match="CMAX rests on no area"):
        rederive("CMAX", grid(), SPECS, tables())
    with pytest.raises(DerivationError, match="NOBODY"):
        rederive("NOBODY", grid(), SPECS, tables())
