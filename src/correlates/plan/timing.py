"""Which planned associations would condition on the future: a biomarker known only after the infusion against a time from the infusion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from correlates.endpoints.time_settings import TimeToEvent
from correlates.endpoints.toxicity_settings import Duration, Onset
from correlates.errors import Problem
from correlates.parameters.settings import Characteristic, Composite, Lab, Profile, Ratio, Signature, Window
from correlates.plan.analyses import Forest, Multivariable, Selection, Subgroups, Univariable
from correlates.plan.document import Path_
from correlates.plan.load import PlanFile
from correlates.terms import Timing

ALTERNATIVES = (
    "Set landmark: DAY (subjects at risk on that day, with what was known by then, and time counted from it), or from_known_day: true "
    "(Cox regression in which a subject counts from the day the value is known). naive: true compares from the infusion all the same "
    "and labels every result as immortal-time biased"
)
"""What to do instead of conditioning on the future."""
LEAVE_OUT = (
    "Leave them out: this analysis counts from the infusion only. Hold them against the time by do: univariable with landmark or "
    "from_known_day"
)
"""What to do in an analysis that has one clock only."""


def starts_later(endpoint: object) -> bool:
    """Whether the time of an endpoint begins after the infusion."""
    return isinstance(endpoint, Duration) or (isinstance(endpoint, TimeToEvent) and endpoint.measure == "dor")


def known_later(file: PlanFile, code: str) -> bool:
    """Whether the plan itself says that a parameter is known only after the infusion; a family by its part before the dot."""
    parameters = file.plan.parameters
    parameter = parameters.get(code) or parameters.get(code.partition(".")[0])
    if isinstance(parameter, Profile):
        return parameter.window[1] > 0
    if isinstance(parameter, Window):
        if parameter.timing is not None:
            return parameter.timing is Timing.POST
        return parameter.window[1] > 0
    if isinstance(parameter, Lab):
        return parameter.window[1] > 0
    if isinstance(parameter, Characteristic):
        return parameter.timing is Timing.POST
    if isinstance(parameter, Ratio):
        return any(known_later(file, part) for part in parameter.of if part != code)
    if isinstance(parameter, Composite | Signature):
        parts = parameter.of.values() if isinstance(parameter, Composite) else parameter.of
        return any(known_later(file, part) for part in parts if part != code)
    return False


def check_timing(file: PlanFile) -> Iterator[Problem]:
    """Every analysis that would hold a biomarker known later against a time from the infusion, without saying how."""
    for name, analysis in file.plan.analyses.items():
        path: Path_ = ("analyses", name)
        if isinstance(analysis, Forest):
            yield from _future(file, name, analysis.endpoints, analysis.biomarkers, LEAVE_OUT)
        elif isinstance(analysis, Multivariable):
            yield from _future(file, name, (analysis.endpoint,), analysis.covariates, LEAVE_OUT)
        elif isinstance(analysis, Selection):
            yield from _future(file, name, (analysis.endpoint,), analysis.candidates, LEAVE_OUT)
        if not isinstance(analysis, Univariable | Subgroups):
            continue
        set_ = [
            word
            for word, value in (
                ("landmark", analysis.landmark is not None),
                ("from_known_day", isinstance(analysis, Univariable) and analysis.from_known_day),
                ("naive", analysis.naive),
            )
            if value
        ]
        if len(set_) > 1:
            yield Problem(
                code="two-clocks",
                what=f"The analysis {name!r} has more than one clock",
                where=file.document.where((*path, set_[1]), key=True),
                found=", ".join(set_),
                expected="one of landmark, from_known_day and naive",
                do="Make two analyses of it",
            )
        if set_ and not analysis.naive:
            for index, endpoint in enumerate(analysis.endpoints):
                if starts_later(file.plan.endpoints.get(endpoint)):
                    yield Problem(
                        code="landmark-of-duration",
                        what=f"{endpoint!r} does not count from the infusion, {set_[0]} does",
                        where=file.document.where((*path, "endpoints", index)),
                        do="Leave the endpoint out of this analysis: biomarkers known at the infusion need no clock",
                    )
        if not set_:
            yield from _future(file, name, analysis.endpoints, analysis.biomarkers, ALTERNATIVES)


def _future(
    file: PlanFile, name: str, endpoints: Sequence[str], biomarkers: str | Sequence[str], do: str
) -> Iterator[Problem]:
    """The problem of an analysis that counts from the infusion and tests what is known only later."""
    times = [e for e in endpoints if isinstance(file.plan.endpoints.get(e), TimeToEvent | Onset | Duration)]
    later = [code for code in _codes(file, biomarkers) if known_later(file, code)]
    if times and later:
        shown = ", ".join(later[:6]) + (f" and {len(later) - 6} more" if len(later) > 6 else "")
        yield Problem(
            code="conditions-on-the-future",
            what=f"The analysis {name!r} counts {', '.join(times)} from the infusion and tests biomarkers that are known only later: "
            "whoever has such a value has lived to have it",
            where=file.document.where(("analyses", name), key=True),
            found=shown,
            expected="a clock that starts when the value is known",
            do=do,
        )


def _codes(file: PlanFile, biomarkers: str | Sequence[str]) -> list[str]:
    """Codes and patterns of the biomarkers of an analysis; ``all`` are those declared."""
    declared = file.plan.biomarkers
    groups = {**declared.prespecified, **declared.exploratory}
    if isinstance(biomarkers, str):
        names = [code for codes in groups.values() for code in codes]
    else:
        names = [c for name in biomarkers for c in groups.get(name, (name,))]
    plain = list(file.plan.parameters)
    found: dict[str, None] = {}
    for name in names:
        matches = [code for code in plain if fnmatchcase(code, name)] if "*" in name and "." not in name else [name]
        found.update(dict.fromkeys(matches))
    return list(found)
