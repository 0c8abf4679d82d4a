"""Make the reference pages from the records, the tables, the plan's JSON Schema and the command line.

``python scripts/make_reference.py`` writes docs/reference; ``pages()`` gives the same texts to a test, which holds the
committed pages against them. Nothing is typed here that a record says.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts import reference_conventions as conventions  # noqa: E402
from scripts.reference_errors import error_codes  # noqa: E402

from correlates import terms  # noqa: E402
from correlates.association import INQUIRIES, METHODS  # noqa: E402
from correlates.association.model_record import MODEL_METHODS, STATISTICS  # noqa: E402
from correlates.association.notices import Notice  # noqa: E402
from correlates.cli import commands  # noqa: E402
from correlates.cli.app import app  # noqa: E402
from correlates.endpoints import ENDPOINTS  # noqa: E402
from correlates.errors import CorrelatesError  # noqa: E402
from correlates.figures import FIGURES  # noqa: E402
from correlates.parameters import PARAMETERS  # noqa: E402
from correlates.plan import plan_schema  # noqa: E402
from correlates.quantify import QUANTIFIERS  # noqa: E402
from correlates.readers import READERS  # noqa: E402
from correlates.schema import TABLES  # noqa: E402
from correlates.schema.table import FLAG, NUMBER, TEXTS, WHOLE  # noqa: E402
from correlates.units import UNITS  # noqa: E402

FOLDER = ROOT / "docs" / "reference"
METHOD_PAGES = {"qpcr": "qpcr_standard_curve.md", "dpcr": "digital_pcr.md", "immunoassay": "immunoassay_curves.md"}
MADE = "<!-- Made by scripts/make_reference.py from the source; edit the source. -->"


def pages() -> dict[str, str]:
    """Text of every page, by file name."""
    makers: dict[str, Callable[[], list[str]]] = {
        "command-line.md": command_line,
        "plan.md": plan,
        "tables.md": tables,
        "readers.md": readers,
        "assays.md": assays,
        "parameters.md": parameters,
        "endpoints.md": endpoints,
        "methods.md": methods,
        "figures.md": figures,
        "errors.md": errors,
    }
    return {name: "\n".join([MADE, "", *make()]).rstrip() + "\n" for name, make in makers.items()}


# ------------------------------------------------------------------ Markdown


def cell(value: object) -> str:
    """Text of a table cell."""
    text = " ".join(str(value).split()).replace("``", "`")
    return text.replace("|", "\\|") if text else "–"


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table."""
    body = [f"| {' | '.join(cell(c) for c in row)} |" for row in rows]
    return [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}", *body, ""]


def sentence(text: str) -> str:
    """A text with its full stop."""
    return cell(text) if text.endswith((".", "?")) else f"{cell(text)}."


def words(values: Iterable[object]) -> str:
    """Words as code, with commas."""
    return ", ".join(f"`{value}`" for value in values)


def facts(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """A list of facts; those without text are left out."""
    return [*(f"- **{name}**: {cell(text)}" for name, text in pairs if text), ""]


def link(page: str, label: str | None = None) -> str:
    """A link to a page under docs/, from docs/reference."""
    return f"[{label or Path(page).stem.replace('_', ' ')}](../{page})"


# ------------------------------------------------------------------ command line


def command_line() -> list[str]:
    """The commands: summary, arguments, options."""
    lines = ["# Command line", "", str(app.help), ""]
    lines += [
        "`correlates COMMAND --help` shows the same. Results go to standard output, progress and problems to standard"
    ]
    lines += [
        "error. With `--json` the outcome, or the problems, are one JSON document on standard output. Exit codes are on"
    ]
    lines += ["the page of [errors](errors.md).", ""]
    for name in (n for n in app if not n.startswith("-")):
        lines += _command(name, getattr(commands, name))
    return lines


def _command(name: str, function: Callable[..., None]) -> list[str]:
    text = inspect.getdoc(function) or ""
    summary, _, rest = text.partition("Parameters\n----------\n")
    meanings = _described(rest)
    positional, options = [], []
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        hint, meaning = _hint(parameter.annotation)
        meaning = meanings.get(parameter.name, meaning)
        required = parameter.default is inspect.Parameter.empty
        default = "" if required or parameter.default in (None, False) else f"`{parameter.default}`"
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            shown = parameter.name.upper()
            positional.append((f"`{shown}`", meaning, "required" if required else default or "–"))
        else:
            flag = f"--{parameter.name}" + (f" {hint}" if hint else "")
            options.append((f"`{flag}`", meaning, default or "–"))
    usage = " ".join(p[0].strip("`") if p[2] == "required" else f"[{p[0].strip('`')}]" for p in positional)
    lines = [
        f"## {name}",
        "",
        summary.strip(),
        "",
        "```text",
        f"correlates {name} {usage}".rstrip() + " [OPTIONS]" * bool(options),
        "```",
        "",
    ]
    return lines + table(("argument or option", "meaning", "default"), [*positional, *options])


def _described(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line and not line.startswith(" "):
            name = line.strip()
        elif line.strip():
            found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


def _hint(annotation: Any) -> tuple[str, str]:
    """What stands for a value in the usage, and the help text of an annotated type."""
    meaning = ""
    if hasattr(annotation, "__metadata__"):
        meaning = next((str(m.help) for m in annotation.__metadata__ if getattr(m, "help", None)), "")
        annotation = annotation.__origin__
    if get_origin(annotation) is Literal:
        return "|".join(str(a) for a in get_args(annotation)), meaning
    options = [a for a in get_args(annotation) if a is not type(None)] or [annotation]
    return {bool: "", Path: "PATH", int: "N", float: "N", str: "TEXT"}[options[0]], meaning


# ------------------------------------------------------------------ plan


def plan() -> list[str]:
    """Every key of a plan, from its JSON Schema."""
    schema = plan_schema()
    definitions: dict[str, dict[str, Any]] = schema["$defs"]
    lines = [
        "# The plan file",
        "",
        "A plan is one YAML file. An unknown key, a key that is absent and a value that cannot be are refused with line and",
        "column. Paths and globs are relative to the plan. `correlates new` writes a commented plan and `plan.schema.json`,",
        "the JSON Schema this page is made from; an editor that knows JSON Schema completes and explains keys with it.",
        "How to write a plan: [tutorial](../tutorial/write-your-own-plan.md).",
        "",
        "## Top level",
        "",
        *_keys(schema, definitions),
    ]
    done: set[str] = set()
    for key, node in schema["properties"].items():
        lines += [
            f"## {key}",
            "",
            str(node.get("description") or definitions[_target(node)].get("description", "")),
            "",
        ]
        waiting = _references(node)
        if "$ref" in node:
            done.add(waiting[0])
            lines += _keys(definitions[waiting[0]], definitions)
            waiting = _references(definitions[waiting[0]])
        lines += _choice(node, definitions)
        while waiting:
            name = waiting.pop(0)
            if name in done or definitions[name].get("type") != "object":
                continue
            done.add(name)
            lines += _definition(name, node, definitions)
            waiting = [*_references(definitions[name].get("properties", {})), *waiting]
    lines += [
        "## Units",
        "",
        "Units that a plan may name, each with its other spellings (case, blanks and the sign for micro do not",
    ]
    lines += [
        "matter). Units of one dimension convert; between dimensions only a declared [chain](../methods/unit_chain.md) leads.",
        "",
    ]
    return lines + table(
        ("unit", "measures", "other spellings"), [(f"`{u.symbol}`", u.dimension, words(u.spellings)) for u in UNITS]
    )


def _definition(name: str, parent: Mapping[str, Any], definitions: Mapping[str, dict[str, Any]]) -> list[str]:
    node = definitions[name]
    tags = _tags(parent, name)
    title = f"### {name}" + (f": {words(tags)}" if tags else "") + f" {{#{name.lower()}}}"
    return [
        title,
        "",
        " ".join(str(node.get("description", "")).replace("``", "`").split()),
        "",
        *_keys(node, definitions),
    ]


def _keys(node: Mapping[str, Any], definitions: Mapping[str, dict[str, Any]]) -> list[str]:
    required = set(node.get("required", ()))
    rows = []
    for key, value in node["properties"].items():
        default = "required" if key in required else _default(value)
        meaning = value.get("description") or (
            definitions[_target(value)].get("description", "") if "$ref" in value else ""
        )
        rows.append((f"`{key}`", _type(value, definitions), default, meaning))
    return table(("key", "type", "default", "meaning"), rows)


def _choice(node: Mapping[str, Any], definitions: Mapping[str, dict[str, Any]]) -> list[str]:
    inner = node.get("additionalProperties", {})
    if "discriminator" not in inner:
        return []
    key = inner["discriminator"]["propertyName"]
    by_name: dict[str, list[str]] = {}
    for word, reference in inner["discriminator"]["mapping"].items():
        by_name.setdefault(reference.rsplit("/", 1)[1], []).append(word)
    order = [option["$ref"].rsplit("/", 1)[1] for option in inner["oneOf"]]
    rows = [(words(by_name[n]), f"[{n}](#{n.lower()})", definitions[n].get("description", "")) for n in order]
    return [f"`{key}` says which keys an entry has:", "", *table((f"`{key}`", "keys", "what it is"), rows)]


def _tags(parent: Mapping[str, Any], name: str) -> list[str]:
    mapping = parent.get("additionalProperties", {})
    mapping = mapping.get("discriminator", {}).get("mapping", {}) if isinstance(mapping, dict) else {}
    return [word for word, reference in mapping.items() if reference.endswith(f"/{name}")]


def _target(node: Mapping[str, Any]) -> str:
    return str(node.get("$ref", "/")).rsplit("/", 1)[1]


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [str(node["$ref"]).rsplit("/", 1)[1]] if isinstance(node.get("$ref"), str) else []
        return own + [name for key, part in node.items() if key != "discriminator" for name in _references(part)]
    return [name for part in node for name in _references(part)] if isinstance(node, list) else []


def _type(node: Mapping[str, Any], definitions: Mapping[str, dict[str, Any]]) -> str:
    if "$ref" in node:
        name = _target(node)
        return (
            f"one of {words(definitions[name]['enum'])}"
            if "enum" in definitions[name]
            else f"[{name}](#{name.lower()})"
        )
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return f"one of {words(node['enum'])}"
    if "anyOf" in node or "oneOf" in node:
        return " or ".join(dict.fromkeys(_type(option, definitions) for option in node.get("anyOf") or node["oneOf"]))
    if node.get("type") == "array":
        if "prefixItems" in node:
            return f"[{', '.join(_type(item, definitions) for item in node['prefixItems'])}]"
        return f"list of {_type(node.get('items', {}), definitions)}"
    if node.get("type") == "object":
        return f"name: {_type(node.get('additionalProperties', {}), definitions)}"
    return {
        "string": "text",
        "number": "number",
        "integer": "whole number",
        "boolean": "true or false",
        "null": "null",
    }[node["type"]]


def _default(node: Mapping[str, Any]) -> str:
    value = node.get("default")
    if isinstance(value, dict) and value:
        return f"as [{_target(node)}](#{_target(node).lower()})" if "$ref" in node else f"`{json.dumps(value)}`"
    if isinstance(value, str):
        return f"`{value}`"
    if value in ([], {}):
        return "none"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


# ------------------------------------------------------------------ tables


def tables() -> list[str]:
    """Every table that flows, and the controlled words."""
    lines = [
        "# Tables",
        "",
        "What flows between the stages, and what a run keeps in `tables/NAME.parquet`. Missing is null with a reason, never",
    ]
    lines += ["NaN, zero or an empty text. Days count from the infusion, day 0.", ""]
    lines += table(("table", "one row per", "key"), [(f"[{t.name}](#{t.name})", t.row, words(t.key)) for t in TABLES])
    for declared in TABLES:
        lines += [f"## {declared.name} {{#{declared.name}}}", "", f"One row per {declared.row}."]
        lines += ["Carries further columns." if declared.open else "", ""]
        rows = []
        for column in declared.columns:
            found = f"{column.meaning} ({words(t.value for t in column.terms)})" if column.terms else column.meaning
            null = "" if column.nullable else "never null"
            rows.append((f"`{column.name}`", _dtype(column.dtype), column.unit or "", null, found))
        lines += table(("column", "type", "unit", "null", "meaning"), rows)
    lines += [
        "## Reasons",
        "",
        "Why a value is null, a sample excluded, a class undetermined or an analysis without result.",
        "",
    ]
    lines += table(("reason", "sentence"), [(f"`{r.value}`", r.label) for r in terms.Reason])
    lines += ["## Notices of results", "", "What has to be known of a result that has a value.", ""]
    return lines + table(("notice", "sentence"), [(f"`{n.value}`", n.label) for n in Notice])


def _dtype(dtype: object) -> str:
    return {NUMBER: "number", WHOLE: "whole number", FLAG: "true or false", TEXTS: "list of texts"}.get(dtype, "text")  # type: ignore[call-overload, no-any-return, unused-ignore]


# ------------------------------------------------------------------ registries


def readers() -> list[str]:
    """The readers of instrument exports."""
    lines = [
        "# Readers",
        "",
        "The content of a file decides which reader reads it, never its name; at most one claims a file. *Recommended*:",
    ]
    lines += ["checked against exports of the software itself. *Candidate*: written from a description.", ""]
    lines += table(
        ("code", "reads", "assay", "files", "release"),
        [(f"[`{r.code}`](#{r.code})", r.label, r.assay.value, words(r.extensions), r.release) for r in READERS],
    )
    for r in READERS:
        lines += [f"## {r.label} {{#{r.code}}}", ""]
        recognised = (inspect.getdoc(r.recognise) or "").strip()
        lines += facts(
            [("Software", r.software), ("Recognised by", recognised), ("Source", r.citation), ("Notes", r.notes)]
        )
    return lines


def assays() -> list[str]:
    """The kinds of assay."""
    lines = [
        "# Assays",
        "",
        "How wells become measurements. The settings of each kind, with their defaults, are on the page of the",
    ]
    lines += ["[plan](plan.md#assays).", ""]
    for q in QUANTIFIERS:
        settings = next(n for n, tags in _settings_of("assays").items() if q.code.value in tags)
        lines += [f"## {q.label} {{#{q.code.value}}}", ""]
        page = METHOD_PAGES.get(q.code.value, "")
        there = (FOLDER.parent / "methods" / page).is_file() if page else False
        lines += facts(
            [
                ("Kind in the plan", f"`{q.code.value}` ([keys](plan.md#{settings.lower()}))"),
                ("Needs wells with", words(n.value for n in q.needs)),
                ("Formula", q.formula),
                ("Source", q.citation),
                ("Explained", link(f"methods/{page}") if there else ""),
            ]
        )
        lines += table(
            ("method of a measurement", "meaning"), [(f"`{code}`", text) for code, text in q.methods.items()]
        )
    return lines


def _settings_of(key: str) -> dict[str, list[str]]:
    """Definitions of the plan under a key, with the words that choose them."""
    mapping = plan_schema()["properties"][key]["additionalProperties"]["discriminator"]["mapping"]
    found: dict[str, list[str]] = {}
    for word, reference in mapping.items():
        found.setdefault(reference.rsplit("/", 1)[1], []).append(word)
    return found


def parameters() -> list[str]:
    """The kinds of parameter."""
    lines = [
        "# Parameters",
        "",
        "What `take` of an entry of [parameters](plan.md#parameters) can be: one value per subject, or a reason why there is",
    ]
    lines += ["none. A label of an entry of the plan takes the place of the label here.", ""]
    lines += table(("take", "label", "formula"), [(f"[`{p.kind}`](#{p.kind})", p.label, p.formula) for p in PARAMETERS])
    per = {"log2": "doubling", "sd": "standard deviation", "unit": "unit"}
    for p in PARAMETERS:
        lines += [f"## {p.kind}", ""]
        lines += facts(
            [
                ("Label", p.label),
                ("Formula", p.formula),
                ("Unit", p.unit),
                ("Reads", ", ".join(f"[{t.name}](tables.md#{t.name})" for t in p.needs) or "other parameters"),
                ("Keys", f"[{p.settings.__name__}](plan.md#{p.settings.__name__.lower()})"),
                ("Timing", p.timing),
                ("Odds ratio per", per[p.scale]),
                ("CDISC PPTESTCD", f"`{p.testcd}`" if p.testcd else ""),
                ("Source", p.citation),
                ("Explained", link(p.docs)),
            ]
        )
    return lines


def endpoints() -> list[str]:
    """The kinds of endpoint."""
    lines = [
        "# Endpoints",
        "",
        "What `derive` of an entry of [endpoints](plan.md#endpoints) can be: an outcome per subject, or a reason why it is",
    ]
    lines += ["undetermined.", ""]
    for e in ENDPOINTS:
        lines += [f"## {e.code}", ""]
        lines += facts(
            [
                ("Label", e.label),
                ("Rule", e.formula),
                ("Reads", ", ".join(f"[{name}](tables.md#{name})" for name in e.needs) or "another endpoint"),
                ("Keys", f"[{e.settings.__name__}](plan.md#{e.settings.__name__.lower()})"),
                ("Source", e.citation),
                ("Explained", link(e.page)),
            ]
        )
    return lines


def methods() -> list[str]:
    """The methods of association."""
    lines = [
        "# Methods",
        "",
        "What `methods` of a univariable [analysis](plan.md#univariable) can name, and the statistics each gives. Every",
        "statistic is a row of the table [results](tables.md#results); a method that fails gives the same rows without values and",
        "says why.",
        "",
    ]
    for m in METHODS:
        lines += [f"## {m.label} {{#{m.code}}}", ""]
        lines += facts(
            [
                ("Code", f"`{m.code}`"),
                ("Endpoints", ", ".join(k.value for k in m.endpoints)),
                ("Biomarkers", ", ".join(m.biomarkers)),
                ("Formula", m.formula),
                ("Settings printed with the result", words(m.options)),
                ("Source", m.citation),
                ("Explained", link(m.docs)),
            ]
        )
        lines += _statistics(m)
    lines += ["# Inquiries", "", "Analyses with a question of their own, each asked for by its word after `do:`.", ""]
    for i in INQUIRIES:
        lines += [f"## {i.label} {{#{i.code}}}", ""]
        lines += facts(
            [
                ("Code", f"`{i.code}`"),
                ("Asked for by", f"`do: {i.does}`"),
                ("Formula", i.formula),
                ("Settings printed with the result", words(i.options)),
                ("Source", i.citation),
                ("Explained", link(i.docs)),
            ]
        )
        lines += _statistics(i)
    lines += [
        "# Multivariable models",
        "",
        "What `do: multivariable` and `do: selection` of a plan give; their statistics are rows of the table [models](tables.md#models).",
        "",
    ]
    for model in MODEL_METHODS:
        lines += [f"## {model.label} {{#{model.code}}}", ""]
        lines += facts(
            [
                ("Code", f"`{model.code}`"),
                ("In a plan", f"`do: {model.does}`"),
                ("Formula", model.formula),
                ("Source", model.citation),
                ("Explained", link(model.docs)),
            ]
        )
    lines += table(("statistic", "label"), [(f"`{name}`", label) for name, label in STATISTICS.items()])
    lines += [*conventions.HEAD, *table(conventions.COLUMNS, conventions.ROWS)]
    return lines


def _statistics(record) -> list[str]:
    unit = {"none": "", "own": "of the biomarker", "ratio": "ratio"}
    rows = [(f"`{s.name}`", s.label, unit[s.unit], ", ".join(s.scopes)) for s in record.statistics]
    return table(("statistic", "label", "unit", "given of the"), rows)


def figures() -> list[str]:
    """The kinds of figure."""
    lines = [
        "# Figures",
        "",
        "Every figure of a run is kept as `figures/NAME.svg`, the drawn data as `.csv` and the chart (Vega-Lite) as `.json`.",
        "",
    ]
    for f in FIGURES:
        lines += [f"## {f.label} {{#{f.code}}}", ""]
        reads = ", ".join(f"[{t.name}](tables.md#{t.name})" for t in f.needs)
        lines += facts(
            [
                ("Code", f"`{f.code}`"),
                ("Shows", f.shows),
                ("Section", f.section),
                ("Reads", reads),
                ("Source", f.citation),
            ]
        )
    return lines


# ------------------------------------------------------------------ errors


def errors() -> list[str]:
    """Exit codes, families and codes."""
    lines = [
        "# Errors",
        "",
        "An error lists every problem that was found, not only the first. A problem says what is wrong, where (file, line,",
    ]
    lines += [
        "column), what was found, what was expected and what to do. Codes are stable and made for programs: they are in the",
        "output of `--json`.",
        "",
    ]
    lines += ["## Exit codes", ""]
    rows: list[tuple[object, object, object]] = [("0", "", "Done.")]
    families = sorted({*CorrelatesError.__subclasses__()}, key=lambda e: e.exit_code)
    rows += [(e.exit_code, e.family, (inspect.getdoc(e) or "").split(" (exit")[0].rstrip(".") + ".") for e in families]
    rows += [("130", "interrupted", "Interrupted from the keyboard; nothing was left half-written.")]
    lines += table(("exit code", "family", "meaning"), rows)
    lines += ["A problem of the operating system (a full disk, a folder without permission) exits with 4.", ""]
    lines += ["## Codes", "", "… stands for names and numbers of the case.", ""]
    for entry in error_codes(ROOT / "src" / "correlates"):
        lines += [f"### {entry.code}", ""]
        lines += [f"- {sentence(text)}" for text in entry.what]
        lines += [f"- **What to do**: {' '.join(sentence(text) for text in entry.do)}"] if entry.do else []
        lines += [f"- Said by {words(entry.modules)}.", ""]
    return lines


# ------------------------------------------------------------------ writing


def main() -> int:
    """Write the pages that differ; say which."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = FOLDER / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stderr.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
