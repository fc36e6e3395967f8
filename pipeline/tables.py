"""CSV tables: UTF-8, comma, one header row, full precision, missing values empty, text never a formula."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.writer import write_text

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> str:
    """Return one cell: text made inert, numbers in full, nothing for None and NaN.

    >>> cell("=1+1"), cell(0.1), cell(float("nan")), cell(None), cell(-3)
    ("'=1+1", '0.1', '', '', '-3')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return "'" + value if value.startswith(FORMULA_STARTS) else value
    return repr(float(value)) if isinstance(value, float) else str(value)


def write_csv(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> None:
    """Write rows (dicts with exactly these columns) as one CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row[name]) for name in columns])
    write_text(path, text.getvalue())
