"""What the analyses of a plan declare beside their methods, for the methods text: adjustments, clocks, values beyond limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from correlates.association.settings import CensoredOptions
from correlates.plan import analyses as asked
from correlates.report import Used

_FAMILY: Mapping[type, str] = {
    asked.RatioAnalysis: "over its ratios and endpoints",
    asked.Subgroups: "the tests of interaction, over biomarkers and subgroups of an endpoint",
    asked.Compare: "among its pairs",
}
"""What the adjustment of an analysis without declared families is over."""


def conventions_used(analyses: Mapping[str, Any]) -> tuple[Used, ...]:
    """One entry per convention in force, with the analyses it is in force in and what each says of it."""
    from correlates.association.conventions import CONVENTIONS

    found: dict[str, list[tuple[str, str]]] = {}
    for name, analysis in analyses.items():
        for code, said in _declared(analysis):
            found.setdefault(code, []).append((name, said))
    return tuple(
        Used(
            topic="Convention",
            names=tuple(dict.fromkeys(name for name, _ in found[record.code])),
            label=record.label,
            formula=record.formula,
            citation=record.citation,
            settings=tuple(("in", f"{name} {said}") for name, said in found[record.code] if said),
        )
        for record in CONVENTIONS
        if record.code in found
    )


def _declared(analysis: Any) -> Iterator[tuple[str, str]]:
    """Codes of the conventions of one analysis, and what it says of each."""
    families = getattr(analysis, "families", None)
    if families is not None:
        yield families.adjust, f"one family per {_listed(families.by)}"
    over = _FAMILY.get(type(analysis))
    pairs = bool(getattr(analysis, "pairs", ()))
    if over is not None and (pairs or not isinstance(analysis, asked.Compare)):
        yield analysis.adjust, over
    if isinstance(analysis, asked.Univariable) and (pairs or "dunn" in analysis.methods):
        yield analysis.pair_adjust, "among the pairs of classes of a biomarker"
    landmark = getattr(analysis, "landmark", None)
    if landmark is not None:
        yield "landmark", f"day {landmark:g}"
    if getattr(analysis, "naive", False):
        yield "naive", ""
    limits = getattr(analysis, "censored", None)
    if isinstance(limits, CensoredOptions) and _regresses(analysis):
        factors = f"below LLOQ the limit times {limits.left_factor:g}, above ULOQ times {limits.right_factor:g}"
        yield limits.by, factors if limits.by == "substitute" else ""


def _regresses(analysis: Any) -> bool:
    """Whether the biomarker is the covariate of a regression in it."""
    from correlates.association import method

    if not isinstance(analysis, asked.Univariable):
        return True
    return analysis.from_known_day or any(method(code).covariate != "no" for code in analysis.methods)


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
