"""The settings in force of a parameter in words, for the text of the methods: those its kind rests on and no others."""

from __future__ import annotations

from correlates.parameters.settings import Burden, Gap, Lab, Line, Parameter, Profile, Window

_AREAS = ("auc", "auc_inf")
_PEAKS = ("cmax", "tmax", "fold_expansion", "peak", "fold_change")
_LINES = ("lambda_z", "half_life", "lambda_z_points", "lambda_z_r2", "lambda_z_start", "lambda_z_end", "auc_inf")
_REBOUNDS = ("second_peak", "second_peak_day", "re_expansion")
_RULES = {
    "linear": "linear",
    "linear_up_log_down": "linear up, logarithmic down",
    "linear_log": "linear to the peak, logarithmic after it",
    "log": "logarithmic",
}
_BELOW = {"zero": "zero", "half": "half the limit", "limit": "the limit", "drop": "left out"}
_START = {
    "predose": "the last sample before the infusion",
    "zero": "zero",
    "interpolate": "interpolated",
    "first_sample": "from the first sample",
    "null": "no area",
}
_END = {
    "interpolate": "interpolated",
    "stop_at_last": "interpolated, or the last sample where none follows",
    "null": "no area",
}


def in_force(spec: Parameter) -> tuple[tuple[str, str], ...]:
    """Name and value of each setting, in words; none of a kind that the formula describes wholly.

    Points chosen by hand are counted: the subjects they are of are not named.
    """
    if isinstance(spec, Burden):
        reader = () if spec.evaluator is None else (("evaluator", spec.evaluator),)
        return (("until", f"day {spec.until}"), ("before", spec.before), *reader)
    if isinstance(spec, Lab):
        return (("window", _days(spec.window)),)
    if not isinstance(spec, Profile | Window):
        return ()
    told = [("window", _days(spec.window)), ("days", spec.days)]
    if isinstance(spec, Window) and spec.take == "fold_change":
        told.append(("baseline", _days(spec.baseline)))
    if spec.take in _PEAKS and (gap := _gap(spec.gap)):
        told.append(("samples around a peak", gap))
    if isinstance(spec, Profile):
        told += _of_profile(spec)
    return tuple(told)


def _of_profile(spec: Profile) -> list[tuple[str, str]]:
    told = []
    if spec.take in _AREAS:
        told += [
            ("trapezoids", _RULES[spec.rule]),
            ("below the limit", _below(spec)),
            ("at the start", _START[spec.at_start]),
        ]
    if spec.take == "auc":
        told.append(("at the end", _END[spec.at_end]))
    if spec.take in _LINES and (line := _line(spec.line)):
        told.append(("points of the line", line))
    if spec.take == "half_life_tobit" and spec.line.after_peak > 0:
        told.append(("points of the line", f"more than {spec.line.after_peak:g} days after the peak"))
    if spec.take == "contraction_half_life":
        told.append(("line", f"to day {spec.line.within:g} after the peak"))
    if spec.take in _REBOUNDS:
        told.append(("fall and rise", f"{spec.rise:g}-fold"))
    return told


def _days(window: tuple[float, float]) -> str:
    return f"day {window[0]:g} to {window[1]:g}"


def _below(spec: Profile) -> str:
    told = f"{_BELOW[spec.blq.before]} before the first quantifiable value, {_BELOW[spec.blq.between]} between two"
    return told if spec.take == "auc_inf" else f"{told}, {_BELOW[spec.blq.after]} after the last"


def _gap(gap: Gap) -> str:
    sides = (("before", gap.before), ("after", gap.after))
    return " and ".join(f"at most {days:g} days {side}" for side, days in sides if days is not None)


def _line(line: Line) -> str:
    told = [] if line.last is None else [f"the last {line.last}"]
    if line.after_peak > 0:
        told.append(f"more than {line.after_peak:g} days after the peak")
    if line.days:
        told.append(f"chosen by hand for {len(line.days)} subject{'s' * (len(line.days) > 1)}")
    return ", ".join(told)
