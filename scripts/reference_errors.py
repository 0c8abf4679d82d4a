"""Every error code of the source, with the sentences it is told in, collected from the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_MAKERS = ("Problem", "unknown")


@dataclass(slots=True, kw_only=True)
class ErrorCode:
    """A code with what is said, what is expected and what to do, as templates; ``…`` stands for what the data say."""

    code: str
    what: dict[str, None] = field(default_factory=dict)
    do: dict[str, None] = field(default_factory=dict)
    modules: dict[str, None] = field(default_factory=dict)


def error_codes(source: Path) -> list[ErrorCode]:
    """All codes of a package, in alphabetical order.

    Parameters
    ----------
    source
        Folder of the package.
    """
    found: dict[str, ErrorCode] = {}
    for path in sorted(source.rglob("*.py")):
        module = path.relative_to(source.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for code, sentences, remedies in _sites(ast.parse(path.read_text(encoding="utf-8"))):
            entry = found.setdefault(code, ErrorCode(code=code))
            entry.modules[module] = None
            entry.what.update(dict.fromkeys(sentences))
            entry.do.update(dict.fromkeys(remedies))
    return [found[code] for code in sorted(found)]


def _sites(tree: ast.Module) -> Iterator[tuple[str, list[str], list[str]]]:
    """Code, sentences and remedies of every call that makes a problem; helpers handed the code are followed to their callers."""
    helpers = _helpers(tree)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = _name(call)
        if name not in _MAKERS and name not in helpers:
            continue
        around = [f for f in functions if f.lineno <= call.lineno <= (f.end_lineno or f.lineno)]
        remedies = _texts(_named(_argument(call, "do"), around))
        if name in _MAKERS:
            code = _argument(call, "code")
            yield from ((word, _what(call, around), remedies) for word in _constants(code))
            if isinstance(code, ast.Name):
                yield from ((word, [f"Unknown {kind} …"], remedies) for word, kind in _computed(tree, call))
        elif name in helpers:
            place = helpers[name]
            value = _argument(call, "code") or (call.args[place] if len(call.args) > place else None)
            said = [text for argument in call.args[place + 1 :] for text in _texts(_named(argument, around))]
            yield from ((word, said[:1], remedies) for word in _constants(value))


def _named(node: ast.expr | None, around: list[ast.FunctionDef]) -> ast.expr | None:
    """What a name was given in the function around it; anything else as it is."""
    if not isinstance(node, ast.Name):
        return node
    given = [
        n for f in around for n in ast.walk(f) if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == node.id
    ]
    texts = [n.value for n in given if n.lineno < node.lineno]
    return texts[-1] if texts else node


def _helpers(tree: ast.Module) -> dict[str, int]:
    """Functions with a parameter ``code`` that they hand to a problem: name and position of the parameter in a call."""
    found = {}
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        hands_on = any(
            isinstance(_argument(node, "code"), ast.Name)
            or any(isinstance(a, ast.Name) and a.id == "code" for a in node.args)
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and _name(node) in (*_MAKERS, "rows")
        )
        if "code" in names and hands_on:
            found[function.name] = names.index("code") - (names[0] == "self")
    return found


def _computed(tree: ast.Module, call: ast.Call) -> list[tuple[str, str]]:
    """Codes of a helper that makes them of the kind of thing it looks for (``unknown-assay`` of ``assay``)."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        if call not in ast.walk(function):
            continue
        names = [a.arg for a in function.args.args]
        made = [n for n in ast.walk(function) if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "code"]
        if not made or not isinstance(made[0].value, ast.JoinedStr) or "kind" not in names:
            continue
        at = names.index("kind")
        head = str(made[0].value.values[0].value) if isinstance(made[0].value.values[0], ast.Constant) else ""
        users = [
            n for n in ast.walk(tree) if isinstance(n, ast.Call) and _name(n) == function.name and len(n.args) > at
        ]
        kinds = {str(n.args[at].value) for n in users if isinstance(n.args[at], ast.Constant)}  # type: ignore[attr-defined]
        return sorted((f"{head}{kind.replace(' ', '-')}", kind) for kind in kinds)
    return []


def _name(call: ast.Call) -> str:
    return (
        call.func.id
        if isinstance(call.func, ast.Name)
        else call.func.attr
        if isinstance(call.func, ast.Attribute)
        else ""
    )


def _argument(call: ast.Call, name: str) -> ast.expr | None:
    return next((k.value for k in call.keywords if k.arg == name), None)


def _constants(node: ast.expr | None) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_constants(node.body), *_constants(node.orelse)]
    return []


def _what(call: ast.Call, around: list[ast.FunctionDef]) -> list[str]:
    what = _argument(call, "what")
    if what is not None:
        expected = [f"Expected: {text}" for text in _texts(_argument(call, "expected"))]
        return _texts(_named(what, around)) or expected
    if _name(call) == "unknown":
        return [f"Unknown {kind} …" for kind in _texts(call.args[0])]
    return []


def _texts(node: ast.expr | None) -> list[str]:
    """The texts an expression can be, with … for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        text = "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
        return [text] if any(c.isalpha() for c in text) else []
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    return []
