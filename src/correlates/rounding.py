"""Numbers as people read them: the only place that rounds. Nothing rounded here is ever computed with again."""

from __future__ import annotations

import math

NOTHING = "\N{EN DASH}"
"""What stands where there is no number."""


def number(value: float | None, digits: int = 3) -> str:
    """A number with significant digits, without an exponent where it can be read without one.

    Examples
    --------
    >>> number(1234.567), number(0.000123), number(2.0), number(None)
    ('1,235', '0.000123', '2', '–')
    """
    if value is None:
        return NOTHING
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude >= 7 or magnitude < -4:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - magnitude)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def fixed(value: float | None, digits: int = 3) -> str:
    """A number with significant digits and its trailing zeros kept, for columns of estimates."""
    if value is None:
        return NOTHING
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude >= 5 or magnitude < -3:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - magnitude)}f}"


def ratio(value: float | None) -> str:
    """A ratio or odds ratio as journals print it: two decimals below 10, one below 100, none above.

    Examples
    --------
    >>> ratio(0.9964), ratio(12.34), ratio(456.7), ratio(0.0012), ratio(None)
    ('1.00', '12.3', '457', '0.0012', '–')
    """
    if value is None:
        return NOTHING
    if abs(value) >= 1e5 or 0 < abs(value) < 0.05:
        return fixed(value, 2)
    return f"{value:,.{2 if abs(value) < 10 else 1 if abs(value) < 100 else 0}f}"


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """An interval, ``0.52 to 1.9``; an open end is named."""
    if low is None and high is None:
        return NOTHING
    if low is None:
        return f"up to {fixed(high, digits)}"
    if high is None:
        return f"from {fixed(low, digits)}"
    return f"{fixed(low, digits)} to {fixed(high, digits)}"


def p_value(value: float | None) -> str:
    """A P value as journals print it: three decimals below .1, two above, never zero.

    Examples
    --------
    >>> p_value(0.0234), p_value(0.456), p_value(2e-9), p_value(0.9996)
    ('.023', '.46', '< .001', '> .99')
    """
    if value is None:
        return NOTHING
    if value < 0.001:
        return "< .001"
    if value > 0.99:
        return "> .99"
    return f"{value:.{3 if value < 0.0995 else 2}f}".removeprefix("0")


def percent(share: float | None, digits: int = 0) -> str:
    """A share as percent."""
    return NOTHING if share is None else f"{100 * share:.{digits}f} %"


def unit_text(unit: str | None) -> str:
    """A unit as it is printed: cells/µL, mm²; plain words stay."""
    if unit is None:
        return ""
    text = f" {unit}".replace(" x ", " \N{MULTIPLICATION SIGN} ").strip()
    return (
        text.replace("uL", "\N{MICRO SIGN}L").replace("ug", "\N{MICRO SIGN}g").replace("mm2", "mm\N{SUPERSCRIPT TWO}")
    )


def counted(n: int, what: str) -> str:
    """A count with its noun: 1 plate, 1,200 wells."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"
