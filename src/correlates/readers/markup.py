"""XML as a tree that knows its lines. Documents with a DTD are refused, so that no entity is ever expanded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from correlates.errors import InputError, Problem, Where


@dataclass(slots=True)
class Node:
    """An element: name without namespace, attributes, text before the first child, children, line on which it begins."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Node]:
        """The children of that name."""
        return (child for child in self.children if child.tag == tag)

    def first(self, *path: str) -> Node | None:
        """The first element at the end of a path of names, or None."""
        node: Node | None = self
        for tag in path:
            node = None if node is None else next(node.all(tag), None)
        return node

    def value(self, *path: str) -> str | None:
        """The text of the first element at a path; None when there is none or it is blank."""
        node = self.first(*path)
        text = "" if node is None else node.text.strip()
        return text or None

    def every(self, tag: str) -> Iterator[Node]:
        """All elements of that name at any depth."""
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.every(tag)


def parse(data: bytes, file: str, member: str | None = None) -> Node:
    """The root element of a document.

    Raises
    ------
    InputError
        When the document is not well formed, or declares a document type (entities could be declared in it).
    """
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    stack: list[Node] = [Node("", {}, 0)]

    def start(name: str, attributes: dict[str, str]) -> None:
        plain = {key.rpartition("}")[2]: value for key, value in attributes.items()}
        node = Node(name.rpartition("}")[2], plain, parser.CurrentLineNumber)
        stack[-1].children.append(node)
        stack.append(node)

    def doctype(*_: object) -> None:
        raise InputError(
            Problem(
                code="xml-doctype",
                what="The XML document declares a document type, which is refused",
                where=Where(file=file, sheet=member, row=parser.CurrentLineNumber),
                expected="a document without DOCTYPE, as the instrument software writes it",
                do="Export the file again from the instrument software",
            )
        )

    def text(data_: str) -> None:
        stack[-1].text += data_

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: stack.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)  # noqa: FBT003 - the argument has no name
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter: an encoding that does not exist
        broken = isinstance(error, expat.ExpatError)
        raise InputError(
            Problem(
                code="damaged-file",
                what="The XML document is damaged or cut short",
                where=Where(file=file, sheet=member, row=parser.ErrorLineNumber if broken else None),
                found=expat.errors.messages[parser.ErrorCode] if broken else str(error),
                expected="a well-formed document",
                do="Export or copy the file again",
            )
        ) from error
    return stack[0].children[0]


def as_object(node: Node, *, without: frozenset[str] = frozenset()) -> object:
    """An element as JSON can hold it, leaving out the elements named in ``without``."""
    text = node.text.strip()
    children = [child for child in node.children if child.tag not in without]
    if not children and not node.attributes:
        return text or None
    found: dict[str, object] = {f"@{key}": value for key, value in node.attributes.items()}
    if text:
        found["text"] = text
    for child in children:
        value = as_object(child, without=without)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(known := found[child.tag], list):
            known.append(value)
        else:
            found[child.tag] = [known, value]
    return found
