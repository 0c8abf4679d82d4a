"""A YAML document with the line and column of every key and value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from correlates.errors import PlanError, Problem, Where

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Plain data, and where each part of it stands."""

    name: str
    data: object
    keys: Mapping[Path_, tuple[int, int]]
    values: Mapping[Path_, tuple[int, int]]

    def where(self, path: Path_, *, key: bool = False) -> Where:
        """The place of the value (or key) at ``path``, or of the nearest part around it."""
        table = self.keys if key else self.values
        while True:
            for positions in (table, self.keys):
                if path in positions:
                    line, column = positions[path]
                    return Where(file=self.name, row=line, column=column)
            if not path:
                return Where(file=self.name, row=1, column=1)
            path = path[:-1]


def load(path: Path) -> Document:
    """Read a YAML file.

    Raises
    ------
    PlanError
        No such file, not UTF-8, not YAML, a key that stands twice, or not a mapping.
    """
    name = path.name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise PlanError(
            Problem(
                code="no-plan",
                what=f"There is no plan {str(path)!r}",
                do="Give the path of a plan, or make one with 'correlates new DIR'",
            )
        ) from error
    except IsADirectoryError as error:
        raise PlanError(
            Problem(
                code="no-plan",
                what=f"{str(path)!r} is a folder",
                expected="a plan file (YAML)",
                do=f"Try {str(path / 'plan.yaml')!r}",
            )
        ) from error
    except UnicodeDecodeError as error:
        raise PlanError(
            Problem(code="not-utf-8", what="The plan is not UTF-8 text", where=Where(file=name), do="Save it as UTF-8")
        ) from error
    return parse(text, name)


def parse(text: str, name: str) -> Document:
    """A document from its text; ``name`` is what the problems call it.

    Raises
    ------
    PlanError
        Not YAML, a key that stands twice, or not a mapping.
    """
    yaml = YAML(typ="rt")
    yaml.allow_duplicate_keys = False
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Where(file=name, row=mark.line + 1, column=mark.column + 1) if mark else Where(file=name)
        what = (error.problem or "not YAML").split("\n")[0].strip()
        raise PlanError(
            Problem(code="not-yaml", what=f"The plan cannot be read as YAML: {what}", where=where)
        ) from error
    except YAMLError as error:
        raise PlanError(
            Problem(code="not-yaml", what=f"The plan cannot be read as YAML: {error}", where=Where(file=name))
        ) from error
    if not isinstance(tree, CommentedMap):
        raise PlanError(
            Problem(
                code="not-a-mapping",
                what="The plan is empty or not a mapping",
                where=Where(file=name, row=1, column=1),
                expected="keys such as study, sources, assays",
            )
        )
    keys: dict[Path_, tuple[int, int]] = {}
    values: dict[Path_, tuple[int, int]] = {}
    data = _plain(tree, (), keys, values)
    return Document(name=name, data=data, keys=keys, values=values)


def _plain(
    node: object, path: Path_, keys: dict[Path_, tuple[int, int]], values: dict[Path_, tuple[int, int]]
) -> object:
    if isinstance(node, CommentedMap):
        plain = {}
        for key, value in node.items():
            here = (*path, key if isinstance(key, int) else str(key))
            keys[here] = _one_based(node.lc.key(key))
            values[here] = _one_based(node.lc.value(key))
            plain[key] = _plain(value, here, keys, values)
        return plain
    if isinstance(node, CommentedSeq):
        items = []
        for index, value in enumerate(node):
            here = (*path, index)
            values[here] = _one_based(node.lc.item(index))
            items.append(_plain(value, here, keys, values))
        return items
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)  # a plain value instead of the round-trip one
    return node if node is None else str(node)


def _one_based(position: tuple[int, int]) -> tuple[int, int]:
    return position[0] + 1, position[1] + 1
