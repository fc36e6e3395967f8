"""Turn the first finding of pydantic into one message with file, line, key, found, expected and fix."""

from __future__ import annotations

import json
import re
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from pipeline.errors import BadInput, nearest
from pipeline.evaluation.records import EVALUATIONS
from pipeline.yamlfile import Document

TOLD = re.compile("(.*?); (expected .*); (fix: .*)", re.DOTALL)  # what a validator says; the value that it quotes may have semicolons


def explain(document: Document, error: ValidationError, model: type[BaseModel]) -> BadInput:
    """Return the error of the earliest line; unknown keys come first, because they explain missing ones."""
    findings = [(_real_path(document, f["loc"]), f) for f in error.errors(include_url=False)]
    order = {"extra_forbidden": 0, "missing": 2}
    findings.sort(key=lambda f: (order.get(f[1]["type"], 1), document.lines.get(f[0], 0)))
    path, first = findings[0]
    expected = dict.fromkeys(f["msg"][0].lower() + f["msg"][1:] for p, f in findings if p == path)
    return _message(document, path, first, model, " or ".join(expected))


def _real_path(document: Document, loc: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the location without the names that pydantic adds for unions and keys."""
    path: tuple[Any, ...] = ()
    value: Any = document.data
    for i, step in enumerate(loc):
        if isinstance(value, dict) and (step in value or i == len(loc) - 1) and not str(step).startswith(("function-", "[key]")):
            path, value = (*path, step), value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            path, value = (*path, step), value[step]
    return path


def _message(document: Document, path: tuple[Any, ...], finding: Any, model: type[BaseModel], expected: str) -> BadInput:
    where, field = document.where(path), ".".join(map(str, path)) or "config"
    kind, text = finding["type"], finding["msg"]
    found = document.typed.get(path, json.dumps(finding["input"], ensure_ascii=False, default=str))
    if kind == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        return BadInput(where, f"{field}: unknown key", path[-1], f"a key that this version has: {', '.join(known)}", nearest(str(path[-1]), known))
    if kind in {"missing", "too_long"} and isinstance(finding["input"], tuple | list):
        given = json.dumps(list(finding["input"]), default=str)
        path = path[:-1] if kind == "missing" and isinstance(path[-1], int) else path
        most = finding.get("ctx", {}).get("max_length", 2)
        expected, fix = ("2 values: [first, second]", "give both, and no more") if most == 2 else (f"at most {most} values", "give fewer")
        return BadInput(document.where(path), ".".join(map(str, path)), given, expected, fix)
    if kind == "missing":
        evaluated = path[0] in {*EVALUATIONS, "methods"}
        fix = "add it; the config reference says what it takes" if evaluated else "add it; `minegreen new` writes a complete config"
        return BadInput(where, f"{field}: missing key", "nothing", f"`{path[-1]}`", fix)
    if kind == "value_error":
        text = text.removeprefix("Value error, ")
        parts = list(whole.groups()) if (whole := TOLD.match(text)) else [p.strip() for p in text.split("; ")]
        if len(parts) == 3:
            found, expected, fix = parts[0], parts[1].removeprefix("expected "), parts[2].removeprefix("fix: ")
            if match := re.match(r"^([a-z_.0-9-]+): (.*)$", found):
                inner = tuple(match[1].split("."))
                where, field, found = document.where((*path, *inner)), ".".join((*map(str, path), *inner)), match[2]
            return BadInput(where, field, found, expected, fix)
    if kind == "string_type" and path in document.typed:
        return BadInput(where, field, f"{found} (YAML does not read this as text)", "text", f'quote it: "{found}"')
    if kind in {"int_type", "float_type"} and isinstance(finding["input"], str):
        return BadInput(where, field, f'"{finding["input"]}" (text)', expected.removeprefix("input should be "), "remove the quotes, or correct the value")
    if "[key]" in finding["loc"]:
        found = next((str(step) for step in reversed(finding["loc"]) if step != "[key]"), found)
    return BadInput(
        where,
        field,
        found,
        expected.removeprefix("input should be "),
        "correct the value; configs/schema.json and the config reference say what each key takes",
    )


def _fields_at(annotation: Any, path: tuple[Any, ...]) -> list[str]:
    """Return the keys that the models at `path` below an annotation take; all models of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not path:
            return list(annotation.model_fields)
        field = annotation.model_fields.get(path[0])
        return _fields_at(field.annotation, path[1:]) if field else []
    inner = path[1:] if get_origin(annotation) in (dict, tuple) else path
    return [key for part in get_args(annotation) for key in _fields_at(part, inner)]
