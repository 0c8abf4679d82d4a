"""The unit chain: from what the reaction held to what the trial reports, factor by factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from correlates import units
from correlates.errors import CorrelatesError, PlanError, Problem, closest, unknown
from correlates.quantify.rules import check_rows
from correlates.quantify.settings import Step
from correlates.schema import SAMPLES

_SAMPLES, _PRODUCT = "samples.", "product."


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A checked chain.

    Attributes
    ----------
    steps
        As declared.
    start, unit
        Symbols of the unit the chain begins and ends with.
    scales
        The plain number of each step, the change of unit included.
    """

    steps: tuple[Step, ...]
    start: str
    unit: str
    scales: tuple[float, ...]


def checked(steps: Sequence[Step], start: str) -> Chain:
    """Check a declared chain.

    Raises
    ------
    PlanError
        With every problem: a unit that is not known, a step with two factors, a factor that is no number and no column,
        a change of unit between different dimensions without a factor, a scale that contradicts the units, a number that
        is not positive, a negative cv.
    """
    problems: list[Problem] = []
    before = _unit(start, "the quantity", problems)
    scales: list[float] = []
    for place, step in enumerate(steps, start=1):
        here = f"step {place} of the chain" + (f" ({step.name})" if step.name else "")
        given = _unit(step.gives, here, problems)
        if step.multiply_by is not None and step.divide_by is not None:
            problems.append(
                Problem(
                    code="two-factors",
                    what=f"The {here} both multiplies and divides",
                    found=f"multiply_by {step.multiply_by!r} and divide_by {step.divide_by!r}",
                    expected="one of the two",
                    do="Write two steps",
                )
            )
        _check_factor(step.multiply_by if step.multiply_by is not None else step.divide_by, here, problems)
        if step.scale <= 0 or step.cv < 0:
            problems.append(
                Problem(
                    code="not-positive",
                    what=f"The {here} has a number that cannot be",
                    found=f"scale {step.scale:g}, cv {step.cv:g} %",
                    expected="a positive scale and a cv of 0 or more",
                )
            )
        scales.append(_scale(step, before, given, here, problems))
        before = given
    if problems:
        raise PlanError(problems)
    assert before is not None
    return Chain(steps=tuple(steps), start=units.unit(start).symbol, unit=before.symbol, scales=tuple(scales))


def _unit(name: str, here: str, problems: list[Problem]) -> units.Unit | None:
    try:
        return units.unit(name)
    except CorrelatesError as error:
        problems.extend(
            Problem(code=p.code, what=f"{p.what} in {here}", expected=p.expected, do=p.do) for p in error.problems
        )
        return None


def _check_factor(factor: float | str | None, here: str, problems: list[Problem]) -> None:
    if isinstance(factor, str):
        if factor.startswith((_SAMPLES, _PRODUCT)):
            if not factor.partition(".")[2]:
                problems.append(Problem(code="no-column", what=f"The {here} names no column", found=repr(factor)))
            return
        problems.append(
            unknown("factor", factor, [_SAMPLES + "COLUMN", _PRODUCT + "ATTRIBUTE", "a number"], code="unknown-factor")
        )
    elif factor is not None and not factor > 0:
        problems.append(
            Problem(
                code="not-positive",
                what=f"The {here} has a factor that is not positive",
                found=f"{factor:g}",
                expected="a positive number",
            )
        )


def _scale(
    step: Step, before: units.Unit | None, given: units.Unit | None, here: str, problems: list[Problem]
) -> float:
    """The step's plain number. A step without a factor is a change of unit: within a dimension we know its number."""
    if before is None or given is None or step.multiply_by is not None or step.divide_by is not None:
        return step.scale
    if before.dimension != given.dimension:
        if step.scale == 1.0:
            problems.append(
                Problem(
                    code="units-do-not-convert",
                    what=f"The {here} changes the unit without a factor",
                    found=f"{before.symbol} ({before.dimension}) to {given.symbol} ({given.dimension})",
                    expected="a factor or a scale",
                )
            )
        return step.scale
    exact = before.factor / given.factor
    if step.scale not in (1.0, exact):
        problems.append(
            Problem(
                code="scale-contradicts-units",
                what=f"The {here} has a scale that contradicts its units",
                found=f"{step.scale:g}",
                expected=f"{exact:g} from {before.symbol} to {given.symbol}",
                do="Leave the scale out, or name the factor",
            )
        )
    return exact


def resolve(chain: Chain, members: pl.DataFrame, samples: pl.DataFrame, product: pl.DataFrame) -> pl.DataFrame:
    """Look up the factors of each sample.

    Parameters
    ----------
    chain
        A checked chain.
    members
        ``sample_id`` and ``subject_id`` (null where unknown), one row per sample.
    samples, product
        The manifest and the product attributes.

    Returns
    -------
    polars.DataFrame
        ``sample_id``; ``factor_1`` ... the value of each step (null where missing); ``multiplier`` (null where a factor is
        missing); ``relative_variance`` (sum of the squared relative standard uncertainties, the delta method); ``missing``
        (in words, null where nothing is).
    """
    frame = members.select("sample_id", "subject_id")
    manifest = frame.select("sample_id").join(samples, on="sample_id", how="left", maintain_order="left")
    attributes = product["attribute"].unique().to_list()
    multiplier = pl.lit(1.0)
    missing: list[pl.Expr] = []
    for place, (step, scale) in enumerate(zip(chain.steps, chain.scales, strict=True), start=1):
        column = f"factor_{place}"
        factor = step.multiply_by if step.multiply_by is not None else step.divide_by
        hint = ""
        if isinstance(factor, str) and factor.startswith(_SAMPLES):
            frame = frame.with_columns(_from_manifest(manifest, factor.removeprefix(_SAMPLES)).alias(column))
            whose = pl.format("of sample {}", "sample_id")
        elif isinstance(factor, str):
            name = factor.removeprefix(_PRODUCT)
            found = product.filter(pl.col("attribute") == name).select("subject_id", pl.col("value").alias(column))
            frame = frame.join(found, on="subject_id", how="left", maintain_order="left")
            whose = pl.format("of subject {}", pl.col("subject_id").fill_null("unknown"))
            guess = None if name in attributes else closest(name, attributes)
            hint = f" (did you mean {_PRODUCT}{guess}?)" if guess else ""
        else:
            frame = frame.with_columns(pl.lit(1.0 if factor is None else float(factor)).alias(column))
            whose = pl.lit("")
        good = (pl.col(column) > 0).fill_null(value=False)
        what = (
            pl.when(pl.col(column).is_null())
            .then(pl.lit("is missing"))
            .otherwise(pl.format("is {}, not positive", pl.col(column)))
        )
        missing.append(pl.when(~good).then(pl.format("{} {} {}{}", pl.lit(factor or ""), whose, what, pl.lit(hint))))
        value = pl.when(good).then(pl.col(column))
        multiplier = multiplier * (value if step.divide_by is None else 1.0 / value) * scale
    words = pl.concat_list([*missing, pl.lit(None, dtype=pl.String)]).list.drop_nulls().list.join("; ")
    return frame.with_columns(
        multiplier=multiplier,
        relative_variance=pl.lit(float(sum((step.cv / 100.0) ** 2 for step in chain.steps))),
        missing=pl.when(words != "").then(words),
    ).drop("subject_id")


def _from_manifest(manifest: pl.DataFrame, name: str) -> pl.Series:
    if name in SAMPLES.names:
        return manifest[name].cast(pl.Float64, strict=False)
    quoted = name.replace("'", "\\'")
    return manifest.select(
        pl.col("extras").str.json_path_match(f"$['{quoted}']").cast(pl.Float64, strict=False)
    ).to_series()


def entry(
    *,
    factor: pl.Expr | str,
    operation: str,
    value: pl.Expr,
    scale: float = 1.0,
    unit: str,
    cv: pl.Expr | float | None,
    source: pl.Expr | str,
    quantity: pl.Expr,
) -> pl.Expr:
    """One entry of the trace as JSON: what was applied, where it is from, and the quantity after it."""
    return pl.struct(
        factor=pl.lit(factor) if isinstance(factor, str) else factor,
        operation=pl.lit(operation),
        value=value.cast(pl.Float64),
        scale=pl.lit(scale),
        unit=pl.lit(unit),
        cv=cv if isinstance(cv, pl.Expr) else pl.lit(cv, dtype=pl.Float64),
        source=pl.lit(source) if isinstance(source, str) else source,
        quantity=quantity.cast(pl.Float64),
    ).struct.json_encode()


def trace(chain: Chain, first: Sequence[pl.Expr], quantity: pl.Expr) -> pl.Expr:
    """The chain as a JSON list.

    Each entry is ``{factor, operation, value, scale, unit, cv, source, quantity}``: the quantity so far is multiplied with
    or divided by ``value``, multiplied with ``scale``, and is then ``quantity`` in ``unit``; ``cv`` (percent) is the
    relative standard uncertainty of the factor.

    Parameters
    ----------
    chain
        The chain; the frame this is evaluated in has what :func:`resolve` gave, and ``sample_id`` and ``subject_id``.
    first
        Entries (see :func:`entry`) before the chain: where the quantity is from.
    quantity
        The quantity the chain begins with.
    """
    entries = list(first)
    running = quantity
    for place, (step, scale) in enumerate(zip(chain.steps, chain.scales, strict=True), start=1):
        value = pl.col(f"factor_{place}")
        operation = (
            "divide" if step.divide_by is not None else "multiply" if step.multiply_by is not None else "convert"
        )
        factor = step.divide_by if step.divide_by is not None else step.multiply_by
        good = pl.when(value > 0).then(value)
        running = running * (1.0 / good if operation == "divide" else good) * scale
        if isinstance(factor, str):
            subject = pl.col("subject_id").fill_null("unknown")
            source = (
                pl.format("{} of {}", pl.lit(factor), "sample_id")
                if factor.startswith(_SAMPLES)
                else pl.format("{} of subject {}", pl.lit(factor), subject)
            )
        else:
            source = pl.lit("declared")
        named = step.name or (factor if isinstance(factor, str) else f"to {step.gives}")
        entries.append(
            entry(
                factor=named,
                operation=operation,
                value=value,
                scale=scale,
                unit=units.unit(step.gives).symbol,
                cv=step.cv,
                source=source,
                quantity=running,
            )
        )
    return pl.concat_str(pl.lit("["), pl.concat_str(entries, separator=", "), pl.lit("]"))


def notices(chain: Chain, assay: str) -> pl.DataFrame:
    """What is doubtful about a chain: the DNA mass of the manifest is in ng, so its step has one right scale."""
    before = [chain.start, *(units.unit(step.gives).symbol for step in chain.steps)]
    rows = []
    for place, (step, scale) in enumerate(zip(chain.steps, chain.scales, strict=True)):
        given = units.unit(step.gives)
        if step.divide_by != "samples.dna_ng" or given.dimension != "copies per DNA mass":
            continue
        if units.unit(before[place]).dimension != "copies per reaction":
            continue
        right = units.factor("copies/ng DNA", given.symbol) * units.factor(before[place], "copies/reaction")
        rows.append((f"step {place + 1}", scale, right))
    return check_rows(
        pl.DataFrame(rows, schema={"step": pl.String, "scale": pl.Float64, "right": pl.Float64}, orient="row"),
        assay=assay,
        scope="source",
        rule="chain_scale",
        item=pl.format("{}: samples.dna_ng", "step"),
        passed=((pl.col("scale") / pl.col("right") - 1.0).abs() < 1e-9),
        found=pl.format("scale {}", "scale"),
        value=pl.col("scale"),
        required=pl.format("scale {}", "right"),
        action="flagged",
    )
