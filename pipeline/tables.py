"""CSV tables: UTF-8, comma, one header row, full precision, missing values empty, text never a formula."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import BadInput
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
        return "'" + value if _hostile(value) else value
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)


def plain(field: str) -> str:
    """Return the text that a field of a CSV table stands for.

    >>> plain("'=1+1"), plain("''=1+1"), plain("'quoted")
    ('=1+1', "'=1+1", "'quoted")
    """
    return field[1:] if field.startswith("'") and _hostile(field) else field


def _hostile(text: str) -> bool:
    """Return whether a spreadsheet would run a text; behind apostrophes too, so that `plain` undoes `cell`."""
    return text.lstrip("'").startswith(FORMULA_STARTS)


def read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table, each field as the text that it stands for.

    Raises
    ------
    BadInput
        When the file is empty, cut off, or no CSV.
    """
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            header, *rows = csv.reader(handle, strict=True)
        short = next((i for i, row in enumerate(rows, 2) if len(row) != len(header)), 0)
    except (ValueError, csv.Error):
        header, rows, short = [], [], 1
    if short:
        raise BadInput(
            path, f"tables, line {short}", "content that no run wrote", "a whole table", "`minegreen verify` names what changed; delete it and run again"
        )
    return header, [[plain(field) for field in row] for row in rows]


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table as dicts of text, empty where missing; text that was made inert is as it was before."""
    columns, rows = read_table(path)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def read_given(path: Path, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and cells of each row of a user's table, without spaces around them; optional columns that are not there are left out.

    UTF-8, with or without a byte order mark; a line without any text is passed over. Nothing is read before the first row is asked for.

    Raises
    ------
    BadInput
        No such file, no CSV in UTF-8, a column missing, unknown or twice, or a row of another length.
    """
    form = f"a CSV table in UTF-8, separated by commas, with the columns {', '.join(required)}" + (f" and perhaps {', '.join(optional)}" if optional else "")
    if not path.is_file():
        raise BadInput(path, "table", "no such file", form, "check the path")
    rows = csv.reader(_lines(path, form), strict=True)
    header: list[str] | None = None
    while True:
        try:
            row = [field.strip() for field in next(rows)]
        except StopIteration:
            break
        except csv.Error as error:
            raise BadInput(path, f"line {rows.line_num}", error, form, "correct the line, or write the file again") from None
        if not any(row):
            continue
        if header is None:
            header = [name.lower() for name in row]
            if len(set(header)) < len(header) or not set(required) <= set(header) or not set(header) <= {*required, *optional}:
                raise BadInput(path, f"columns, line {rows.line_num}", ",".join(row), form, "correct the first line; remove other columns")
        elif len(row) != len(header):
            raise BadInput(path, f"line {rows.line_num}", f"{len(row)} cells", f"{len(header)}, as the first line has", "correct the line")
        else:
            yield rows.line_num, {name: plain(field) for name, field in zip(header, row, strict=True)}
    if header is None:
        raise BadInput(path, "table", "nothing", form, "check the path")


def _lines(path: Path, form: str) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            yield from handle
    except UnicodeDecodeError:
        raise BadInput(path, "encoding", "bytes that are not UTF-8", form, "save it as CSV UTF-8") from None
    except OSError as error:
        raise BadInput(path, "table", error.strerror, form, "correct its permissions") from None


def write_csv(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> None:
    """Write rows (dicts with exactly these columns) as one CSV file."""
    write_text(path, csv_text(columns, rows))


def csv_text(columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> str:
    """Return rows (dicts with exactly these columns) as the text of a CSV file."""
    lines = [columns, *([cell(row[name]) for name in columns] for row in rows)]
    return "".join(",".join(map(_quoted, line)) + "\n" for line in lines)


def _quoted(field: str) -> str:
    """Return a field quoted where CSV needs it; the standard library's writer leaves a lone carriage return bare."""
    return '"' + field.replace('"', '""') + '"' if any(c in field for c in ',"\r\n') else field
