import pytest

from correlates.errors import InputError
from correlates.units import UNITS, factor, unit


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("ng/mL", "pg/mL", 1000.0),
        ("pg/mL", "ng/mL", 1e-3),
        ("mg/L", "mg/dL", 0.1),
        ("copies/ng DNA", "copies/ug DNA", 1000.0),
        ("1e9/L", "cells/uL", 1000.0),
        ("10^6/L", "cells/uL", 1.0),
        ("cm2", "mm2", 100.0),
        ("%", "ratio", 0.01),
        ("µg/mL", "ng/mL", 1000.0),
        ("g/dL", "g/L", 10.0),
    ],
)
def test_conversions_by_hand(source: str, target: str, expected: float):
    assert factor(source, target) == pytest.approx(expected, rel=1e-12)


def test_every_unit_is_found_under_all_its_names():
    for known in UNITS:
        for name in (known.symbol, *known.spellings):
            assert unit(name) is known


def test_units_of_different_things_do_not_convert():
    with pytest.raises(InputError, match=r"pg/mL cannot be converted to cells/uL.*mass per volume") as caught:
        factor("pg/mL", "cells/uL")
    assert caught.value.problems[0].code == "units-do-not-convert"


def test_an_unknown_unit_suggests_the_closest():
    with pytest.raises(InputError, match=r"Unknown unit 'pg/mLl'.*Did you mean 'pg/mL'"):
        unit("pg/mLl")
