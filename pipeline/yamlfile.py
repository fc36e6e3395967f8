"""Strict YAML: one plain document, with the line of every key, and nothing that could surprise its author.

Refused: duplicate keys, tags, anchors and aliases, tabs, several documents, files above 1 MB. Dates stay text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import BadInput

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
PathInFile = tuple[Any, ...]


class _Loader(yaml.SafeLoader):
    """The safe loader without dates, and with exponents such as 5e-4 read as numbers (YAML 1.2)."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789"))


@dataclass
class Document:
    """A YAML file's content, and for each path in it the line (from 1) and the scalar as it was typed."""

    path: Path
    data: dict[str, Any]
    lines: dict[PathInFile, int] = field(default_factory=dict)
    typed: dict[PathInFile, str] = field(default_factory=dict)

    def where(self, path: PathInFile) -> str:
        """Return `file:line` of a path, or of its nearest parent that is written down."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.path}:{self.lines[path]}" if path else str(self.path)


def load(path: Path) -> Document:
    """Read a YAML file whose top level is a mapping.

    Raises
    ------
    BadInput
        Unreadable, too large, not UTF-8, not YAML, or with anything that this module refuses.
    """
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise BadInput(path, "config file", error.strerror, "a readable YAML file", "check the path") from None
    if raw is None:
        raise BadInput(path, "config file", f"more than {MAX_BYTES:,} bytes", "a small YAML file", "is this a config?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(path, "config file", f"byte {error.start} is not UTF-8", "UTF-8 text", "save the file as UTF-8") from None
    try:
        _refuse_magic(path, text)
        node = yaml.compose(text, _Loader)
    except yaml.YAMLError as error:
        raise _syntax(path, text, error) from None
    if not isinstance(node, yaml.MappingNode):
        raise BadInput(path, "config file", "nothing" if node is None else "no mapping", "keys such as `mine:`", "see `minegreen new`")
    document = Document(path, {})
    document.data = _mapping(node, (), document, yaml.constructor.SafeConstructor())
    return document


def _refuse_magic(path: Path, text: str) -> None:
    event: Any
    depth = 0
    for event in yaml.parse(text, _Loader):
        line = f"{path}:{event.start_mark.line + 1}"
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise BadInput(line, "nesting", f"more than {MAX_DEPTH} levels", "a plain config", "remove brackets and indentation")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadInput(line, "anchor or alias", "`&` or `*`", "plain values", "write the value out in each place")
        if getattr(event, "tag", None) not in (None, "!"):
            raise BadInput(line, "tag", event.tag, "plain values", "remove the tag")


def _syntax(path: Path, text: str, error: yaml.YAMLError) -> BadInput:
    if isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        return BadInput(f"{path}:{line}", "text", f"control character U+{ord(text[error.position]):04X}", "plain text", "remove the character")
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", error))
    where = f"{path}:{mark.line + 1}" if mark else str(path)
    if "\\t" in problem:
        return BadInput(where, "indentation", "a tab", "spaces", "replace each tab by spaces")
    return BadInput(where, "YAML syntax", problem, "valid YAML", "compare with the line above, quotes and colons first")


def _mapping(node: yaml.MappingNode, path: PathInFile, document: Document, make: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        where = f"{document.path}:{line}"
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
            if not isinstance(key_node, yaml.ScalarNode):
                raise BadInput(where, "key", "a list or mapping as a key", "text", "write a name before the colon")
            raise BadInput(where, "key", key_node.value, "text", f'quote it: "{key_node.value}":')
        key = key_node.value
        here = (*path, key)
        if key in out:
            raise BadInput(where, ".".join(map(str, here)), f"twice, in lines {document.lines[here]} and {line}", "each key once", "remove one of them")
        document.lines[here] = line
        out[key] = _value(value_node, here, document, make)
    return out


def _value(node: yaml.Node, path: PathInFile, document: Document, make: Any) -> Any:
    document.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document, make)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, i), document, make) for i, child in enumerate(node.value)]
    document.typed[path] = node.value
    if node.tag == "tag:yaml.org,2002:int" and re.match(r"^[-+]?(0[0-9_]+$|[0-9_]+:)", node.value):
        raise BadInput(
            document.where(path), ".".join(map(str, path)), node.value, "a number without leading zeros or colons, or text", f'quote it: "{node.value}"'
        )
    try:
        return getattr(make, f"construct_yaml_{node.tag.rsplit(':', 1)[-1]}")(node)
    except (AttributeError, ValueError):
        raise BadInput(document.where(path), ".".join(map(str, path)), node.value, "a plain value", f'quote it: "{node.value}"') from None
