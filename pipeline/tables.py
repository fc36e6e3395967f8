"""CSV tables: UTF-8, comma, one header row, full precision, missing values empty, text never a formula."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.writer import write_text

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and the full-width forms


def cell(value: Any) -> str:
    """Return one cell: text made inert, numbers in full, nothing for None and NaN.

    >>> cell("=1+1"), cell(0.1), cell(float("nan")), cell(None), cell(-3)
    ("'=1+1", '0.1', '', '', '-3')
    """
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return "'" + value if value.startswith(FORMULA_STARTS) else value
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)


def write_csv(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> None:
    """Write rows (dicts with exactly these columns) as one CSV file."""
    lines = [columns, *([cell(row[name]) for name in columns] for row in rows)]
    write_text(path, "".join(",".join(map(_quoted, line)) + "\n" for line in lines))


def _quoted(field: str) -> str:
    """Return a field quoted where CSV needs it; the standard library's writer leaves a lone carriage return bare."""
    return '"' + field.replace('"', '""') + '"' if any(c in field for c in ',"\r\n') else field


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table as dicts of text, empty where missing; text that was made inert is as it was before."""
    with path.open(encoding="utf-8", newline="") as handle:
        return [{name: _plain(text) for name, text in row.items()} for row in csv.DictReader(handle)]


def _plain(text: str) -> str:
    """Return text without the apostrophe that `cell` sets before a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text
