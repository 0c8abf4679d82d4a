"""Units and the conversions we vouch for.

A unit is a dimension and a factor to that dimension's reference unit. Units of different dimensions never convert:
copies/ug DNA becomes cells/uL only through a declared chain of factors (see ``quantify``), never here.
"""

from __future__ import annotations

from dataclasses import dataclass

from correlates.errors import InputError, Problem, Where, unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit: ``symbol`` as printed, ``dimension``, ``factor`` to the reference unit of the dimension."""

    symbol: str
    dimension: str
    factor: float = 1.0
    spellings: tuple[str, ...] = ()


UNITS: tuple[Unit, ...] = (
    Unit(symbol="copies/reaction", dimension="copies per reaction", spellings=("copies", "copies/rxn", "copies/well")),
    Unit(symbol="copies/uL", dimension="copies per volume", spellings=("cp/uL", "copies/ul reaction")),
    Unit(symbol="copies/mL", dimension="copies per volume", factor=1e-3, spellings=("cp/mL",)),
    Unit(symbol="copies/ug DNA", dimension="copies per DNA mass", spellings=("copies/ug", "copies/ug gDNA", "cp/ug")),
    Unit(symbol="copies/ng DNA", dimension="copies per DNA mass", factor=1e3, spellings=("copies/ng", "cp/ng")),
    Unit(symbol="copies/cell", dimension="copies per cell", spellings=("vcn", "copies per cell")),
    Unit(symbol="copies/1e6 cells", dimension="copies per cell", factor=1e-6, spellings=("copies/million cells",)),
    Unit(symbol="cells/uL", dimension="cells per volume", spellings=("cell/uL", "cells/mm3", "1e6/L", "10^6/L", "/uL")),
    Unit(
        symbol="1e9/L",
        dimension="cells per volume",
        factor=1e3,
        spellings=("10^9/L", "10**9/L", "giga/L", "1e3/uL", "10^3/uL", "k/uL"),
    ),
    Unit(symbol="cells", dimension="cells"),
    Unit(symbol="1e6 cells", dimension="cells", factor=1e6, spellings=("10^6 cells", "million cells")),
    Unit(symbol="cells/kg", dimension="cells per body mass"),
    Unit(symbol="1e6 cells/kg", dimension="cells per body mass", factor=1e6, spellings=("10^6 cells/kg",)),
    Unit(symbol="cells/mm2", dimension="cells per area"),
    Unit(symbol="pg/mL", dimension="mass per volume", spellings=("ng/L", "pg/ml")),
    Unit(symbol="ng/mL", dimension="mass per volume", factor=1e3, spellings=("ug/L", "ng/ml")),
    Unit(symbol="ug/mL", dimension="mass per volume", factor=1e6, spellings=("mg/L", "ug/ml")),
    Unit(symbol="mg/dL", dimension="mass per volume", factor=1e7),
    Unit(symbol="g/dL", dimension="mass per volume", factor=1e10),
    Unit(symbol="g/L", dimension="mass per volume", factor=1e9),
    Unit(symbol="umol/L", dimension="amount per volume"),
    Unit(symbol="mmol/L", dimension="amount per volume", factor=1e3),
    Unit(symbol="U/L", dimension="activity per volume", spellings=("IU/L",)),
    Unit(symbol="U/mL", dimension="activity per volume", factor=1e3, spellings=("IU/mL",)),
    Unit(symbol="x ULN", dimension="multiple of upper limit of normal", spellings=("xULN", "ULN")),
    Unit(symbol="ng", dimension="mass", spellings=("ng DNA",)),
    Unit(symbol="ug", dimension="mass", factor=1e3),
    Unit(symbol="kg", dimension="mass", factor=1e12),
    Unit(symbol="mm", dimension="length"),
    Unit(symbol="cm", dimension="length", factor=10.0),
    Unit(symbol="mm2", dimension="area", spellings=("mm^2", "mm**2")),
    Unit(symbol="cm2", dimension="area", factor=100.0, spellings=("cm^2",)),
    Unit(symbol="mL", dimension="volume", spellings=("ml", "cm3")),
    Unit(symbol="day", dimension="time", spellings=("days", "d")),
    Unit(symbol="week", dimension="time", factor=7.0, spellings=("weeks", "wk")),
    Unit(symbol="month", dimension="time", factor=30.4375, spellings=("months", "mo")),
    Unit(symbol="year", dimension="time", factor=365.25, spellings=("years", "yr", "y")),
    Unit(symbol="1/day", dimension="rate", spellings=("/day", "per day")),
    Unit(symbol="day x cells/uL", dimension="cells per volume x time", spellings=("cells/uL x day", "day*cells/uL")),
    Unit(symbol="day x copies/ug DNA", dimension="copies per DNA mass x time"),
    Unit(symbol="day x pg/mL", dimension="mass per volume x time"),
    Unit(symbol="(cells/uL)/mm2", dimension="cells per volume per area"),
    Unit(symbol="(day x cells/uL)/mm2", dimension="cells per volume x time per area"),
    Unit(symbol="1e6 cells/mm2", dimension="cells per area", factor=1e6),
    Unit(symbol="(U/L x mg/dL)/(1e9/L)", dimension="index of endothelial activation"),
    Unit(symbol="%", dimension="share", factor=0.01, spellings=("percent",)),
    Unit(symbol="ratio", dimension="share", spellings=("fraction", "fold", "1")),
    Unit(symbol="score", dimension="score"),
    Unit(symbol="grade", dimension="grade"),
    Unit(symbol="Cq", dimension="cycles", spellings=("Ct", "cycle", "cycles")),
    Unit(symbol="NPQ", dimension="log2 normalised protein count"),
    Unit(symbol="MFI", dimension="fluorescence"),
    Unit(symbol="RFU", dimension="relative fluorescence"),
)


def _fold(text: str) -> str:
    return text.strip().replace("µ", "u").replace("μ", "u").replace(" ", "").replace("·", "x").casefold()


_BY_NAME = {_fold(name): unit for unit in UNITS for name in (unit.symbol, *unit.spellings)}


def unit(name: str, *, where: Where | None = None) -> Unit:
    """The unit of that name or spelling (case, blanks and the sign for micro do not matter).

    Raises
    ------
    InputError
        The unit is not known.
    """
    found = _BY_NAME.get(_fold(name))
    if found is None:
        raise InputError(unknown("unit", name, [u.symbol for u in UNITS], where=where, code="unknown-unit"))
    return found


def is_unit(name: str) -> bool:
    """Whether a unit of that name or spelling is known."""
    return _fold(name) in _BY_NAME


def factor(source: str, target: str, *, where: Where | None = None) -> float:
    """What a number in ``source`` is multiplied with to be in ``target``.

    Raises
    ------
    InputError
        A unit is not known, or the two measure different things.

    Examples
    --------
    >>> factor("ng/mL", "pg/mL")
    1000.0
    """
    a, b = unit(source, where=where), unit(target, where=where)
    if a.dimension != b.dimension:
        raise InputError(
            Problem(
                code="units-do-not-convert",
                what=f"{a.symbol} cannot be converted to {b.symbol}",
                where=where,
                found=f"{a.symbol} ({a.dimension})",
                expected=f"a unit of {b.dimension}",
                do="Correct the unit, or declare a chain of factors that leads from one to the other",
            )
        )
    return a.factor / b.factor
