"""Names and ranges of the population models of a plan."""

from __future__ import annotations

from collections.abc import Iterator

from correlates.errors import Problem, unknown
from correlates.parameters.settings import Modelled, Parameter, Ratio
from correlates.plan.document import Path_
from correlates.plan.load import PlanFile
from correlates.population.installed import SAMPLER, SAVED, not_installed
from correlates.population.settings import NAMES, PopulationModel


def population_problems(file: PlanFile) -> Iterator[Problem]:
    """Every name nobody defines, every setting out of its range, and the software a model needs that is not installed."""
    for name, model in file.plan.population_models.items():
        path: Path_ = ("population_models", name)
        if model.assay not in file.plan.assays:
            where = file.document.where((*path, "assay"))
            yield unknown("assay", model.assay, sorted(file.plan.assays), where=where, code="unknown-assay")
        for index, covariate in enumerate(model.covariates):
            yield from _covariate(file, covariate.of, (*path, "covariates", index, "of"))
        yield from _ranges(file, model, path)
        yield from _installed(file, model, path)
    for code, parameter in file.plan.parameters.items():
        if isinstance(parameter, Modelled):
            yield from _modelled(file, parameter, ("parameters", code))


def rests_on(parameters: dict[str, Parameter], code: str) -> set[str]:
    """The declared codes a code is computed from, itself included; empty where nobody declares it."""
    own = code if code in parameters else code.partition(".")[0]
    if own not in parameters:
        return set()
    found, ahead = set(), [own]
    while ahead:
        one = ahead.pop()
        if one in found:
            continue
        found.add(one)
        spec = parameters[one]
        if isinstance(spec, Ratio):
            ahead += [c if c in parameters else c.partition(".")[0] for c in spec.of]
            ahead = [c for c in ahead if c in parameters]
    return found


def _covariate(file: PlanFile, code: str, path: Path_) -> Iterator[Problem]:
    parameters = dict(file.plan.parameters)
    needed = rests_on(parameters, code)
    if not needed:
        yield unknown("parameter", code, sorted(parameters), where=file.document.where(path), code="unknown-parameter")
    elif any(isinstance(parameters[c], Modelled) for c in needed):
        yield Problem(
            code="circular-parameters",
            what=f"The covariate {code!r} is itself a result of a population model",
            where=file.document.where(path),
            expected="a parameter of baseline, product or day 0",
        )


def _ranges(file: PlanFile, model: PopulationModel, path: Path_) -> Iterator[Problem]:
    first, last = model.window
    rules: list[tuple[tuple[str, ...], object, bool, str]] = [
        (
            ("chains",),
            model.chains,
            model.chains >= 2 or model.method != "nuts",
            "2 or more, so that they can be compared",
        ),
        (("draws",), model.draws, model.draws >= 100, "100 or more"),
        (("warmup",), model.warmup, model.warmup >= 50, "50 or more"),
        (("interval",), model.interval, 0.0 < model.interval < 1.0, "a level between 0 and 1"),
        (("least_subjects",), model.least_subjects, model.least_subjects >= 3, "3 or more"),
        (("least_samples",), model.least_samples, model.least_samples >= 1, "1 or more"),
        (("least_quantifiable",), model.least_quantifiable, model.least_quantifiable >= 0, "0 or more"),
        (
            ("window",),
            list(model.window),
            first >= 0.0 and (last is None or last > first),
            "first day from 0, last day after it",
        ),
        (("auc_to",), list(model.auc_to), all(end > 0.0 for end in model.auc_to), "days after 0"),
        (("level_on",), list(model.level_on), all(day >= 0.0 for day in model.level_on), "days from 0"),
    ]
    for word in NAMES:
        median, sd = getattr(model.priors, word)
        fine = (median is None or median > 0.0) and sd > 0.0 and (median is not None or word == "cmax")
        expected = "a positive median and a positive standard deviation of its logarithm" + (
            "; null takes the median from the data" if word == "cmax" else ""
        )
        rules.append((("priors", word), [median, sd], fine, expected))
    for scale in ("omega", "correlation", "sigma", "effect"):
        value = getattr(model.priors, scale)
        rules.append((("priors", scale), value, value > 0.0, "a positive number"))
    for keys, found, fine, expected in rules:
        if not fine:
            yield Problem(
                code="out-of-range",
                what=f"{'.'.join(keys)} of a population model is out of its range",
                where=file.document.where((*path, *keys)),
                found=str(found),
                expected=expected,
            )


def _installed(file: PlanFile, model: PopulationModel, path: Path_) -> Iterator[Problem]:
    needed = SAMPLER if model.method == "nuts" else SAVED
    problem = not_installed(needed, file.document.where(path, key=True))
    if problem is not None:
        yield problem


def _modelled(file: PlanFile, parameter: Modelled, path: Path_) -> Iterator[Problem]:
    models = file.plan.population_models
    if parameter.of not in models:
        where = file.document.where((*path, "of"))
        yield unknown("population model", parameter.of, sorted(models), where=where, code="unknown-population-model")
        return
    model = models[parameter.of]
    days = {"auc": model.auc_to, "level": model.level_on}.get(parameter.quantity)
    if (days is None) != (parameter.day is None) or (days is not None and parameter.day not in days):
        word = {"auc": "auc_to", "level": "level_on"}.get(parameter.quantity)
        yield Problem(
            code="quantity-not-given",
            what=f"{path[-1]}: the population model {parameter.of!r} does not give this quantity on this day",
            where=file.document.where((*path, "day" if parameter.day is not None else "quantity")),
            found="no day" if parameter.day is None else f"day {parameter.day:g}",
            expected="no day"
            if days is None
            else f"day {', '.join(f'{d:g}' for d in days)}, as {word} of the model says",
        )
