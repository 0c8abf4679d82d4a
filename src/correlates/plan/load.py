"""From a plan file to a checked plan: every problem at once, each with line and column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from correlates.errors import PlanError, Problem, closest
from correlates.plan.document import Document, Path_, load, parse
from correlates.plan.model import Plan

_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
_WORDS = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "string_type": "text",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "too_short": "one or more",
    "list_type": "a list",
    "dict_type": "a mapping of names",
    "mapping_type": "a mapping of names",
    "model_type": "a mapping",
    "dataclass_type": "a mapping",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """A plan, the document it was read from and the folder its paths are relative to."""

    plan: Plan
    document: Document
    path: Path

    @property
    def folder(self) -> Path:
        """Folder that globs and paths of the plan are relative to."""
        return self.path.parent


def load_plan(path: Path) -> PlanFile:
    """Read and validate a plan file; names are resolved by :func:`correlates.plan.names.check_names`.

    Raises
    ------
    PlanError
        With every unknown key, absent key and wrong value, each with file:line:column and the closest known name.
    """
    return _validated(load(path), path.resolve())


def plan_from_text(text: str, path: Path) -> PlanFile:
    """A plan from its text, as a run keeps it; ``path`` is where it would stand.

    Raises
    ------
    PlanError
        As for :func:`load_plan`.
    """
    return _validated(parse(text, path.name), path)


def _validated(document: Document, path: Path) -> PlanFile:
    try:
        plan = Plan.model_validate(document.data)
    except ValidationError as error:
        raise PlanError(_problems(error, document)) from error
    return PlanFile(plan=plan, document=document, path=path)


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of a plan file, for editors."""
    schema = Plan.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "correlates plan"
    return schema


def _problems(error: ValidationError, document: Document) -> list[Problem]:
    schema = Plan.model_json_schema()
    found: list[Problem] = []
    seen: set[tuple[Path_, str]] = set()
    for item in error.errors(include_url=False):
        path = _in_document(item["loc"], document.data)
        kind = item["type"]
        if kind.startswith("missing"):
            path = (*path, str(item["loc"][-1])) if not path or path[-1] != item["loc"][-1] else path
        problem = _problem(kind, item, path, document, schema)
        if (path, problem.code) not in seen:
            seen.add((path, problem.code))
            found.append(problem)
    return found


def _problem(kind: str, item: Any, path: Path_, document: Document, schema: dict[str, Any]) -> Problem:
    dotted = ".".join(str(p) for p in path)
    if kind in _UNKNOWN_KEY:
        known = _keys_at(schema, path[:-1], document.data)
        guess = closest(str(path[-1]), known)
        return Problem(
            code="unknown-key",
            what=f"Unknown key {str(path[-1])!r} in {'.'.join(str(p) for p in path[:-1]) or 'the plan'}",
            where=document.where(path, key=True),
            expected=f"one of {', '.join(known)}" if known else None,
            do=f"Did you mean {guess!r}?" if guess else None,
        )
    if kind.startswith("missing"):
        return Problem(
            code="missing-key",
            what=f"Key {str(path[-1])!r} is absent from {'.'.join(str(p) for p in path[:-1]) or 'the plan'}",
            where=document.where(path[:-1], key=True),
            do=f"Add {str(path[-1])!r}",
        )
    value = _value_at(document.data, path)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        field = str(item["ctx"]["discriminator"]).strip("'")
        tags = [t.strip(" '") for t in str(item["ctx"].get("expected_tags", "")).split(",") if t.strip()]
        tags = tags or _tags(schema, path, document.data)
        tag = value.get(field) if isinstance(value, Mapping) else None
        if tag is None:
            return Problem(
                code="missing-key",
                what=f"Key {field!r} is absent from {dotted}",
                where=document.where(path, key=True),
                expected=f"{field}: one of {', '.join(tags)}" if tags else None,
                do=f"Add {field!r}",
            )
        guess = closest(str(tag), tags)
        return Problem(
            code="unknown-value",
            what=f"{dotted}.{field} cannot be {tag!r}",
            where=document.where((*path, field)),
            expected=f"one of {', '.join(tags)}",
            do=f"Did you mean {guess!r}?" if guess else None,
        )
    where = document.where(path)
    if kind in ("literal_error", "enum"):
        words = str(item["ctx"]["expected"])
        choices = [w.strip(" '") for w in words.replace(" or ", ", ").split(",")]
        guess = closest(str(value), choices)
        return Problem(
            code="unknown-value",
            what=f"{dotted} cannot be {value!r}",
            where=where,
            expected=f"one of {', '.join(choices)}",
            do=f"Did you mean {guess!r}?" if guess else None,
        )
    expected = _WORDS.get(kind, str(item["msg"]).removeprefix("Value error, ").removeprefix("Input should be "))
    return Problem(
        code="wrong-value", what=f"{dotted} is not valid", where=where, found=_shown(value), expected=expected
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _in_document(loc: Sequence[int | str], data: object) -> Path_:
    """The part of a pydantic location that exists in the document (tags of unions and validators are not in it)."""
    path: list[int | str] = []
    node: Any = data
    for part in loc:
        inside = (
            part in node
            if isinstance(node, Mapping)
            else isinstance(node, list) and isinstance(part, int) and part < len(node)
        )
        if inside:
            node = node[part]
            path.append(part)
    return tuple(path)


def _value_at(data: object, path: Path_) -> Any:
    node: Any = data
    for part in path:
        node = node[part]
    return node


def _resolve(schema: dict[str, Any], node: dict[str, Any], value: object) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    options = node.get("oneOf") or node.get("anyOf")
    if options:
        discriminator = node.get("discriminator")
        if discriminator and isinstance(value, Mapping):
            reference = discriminator["mapping"].get(value.get(discriminator["propertyName"]))
            if reference:
                return _resolve(schema, {"$ref": reference}, value)
        for option in options:
            chosen = _resolve(schema, option, value)
            if isinstance(value, Mapping) and ("properties" in chosen or "additionalProperties" in chosen):
                return chosen
            if isinstance(value, list) and chosen.get("type") == "array":
                return chosen
    return node


def _at(schema: dict[str, Any], path: Path_, data: object) -> dict[str, Any]:
    node, value = _resolve(schema, schema, data), data
    for part in path:
        value = value[part] if isinstance(value, Mapping | list) else None  # type: ignore[index, call-overload, unused-ignore]
        if isinstance(part, int):
            items = node.get("items") or (node.get("prefixItems") or [{}])[0]
            node = items if isinstance(items, dict) else {}
        else:
            node = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
        node = _resolve(schema, node if isinstance(node, dict) else {}, value)
    return node


def _keys_at(schema: dict[str, Any], path: Path_, data: object) -> list[str]:
    return list(_at(schema, path, data).get("properties", {}))


def _tags(schema: dict[str, Any], path: Path_, data: object) -> list[str]:
    parent = _at(schema, path[:-1], data)
    node = parent.get("properties", {}).get(path[-1]) or parent.get("additionalProperties") or {}
    return list(node.get("discriminator", {}).get("mapping", {})) if isinstance(node, dict) else []
