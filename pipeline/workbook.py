"""tables.xlsx: the CSV tables of all sensors of a mine, one sheet each, and a sheet that explains the columns.

XlsxWriter, not openpyxl: it writes text as text when told to, fixes the times in the archive, and takes numbers in full.
"""

from __future__ import annotations

import io
import math
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.columns import COLUMNS, TEXT, WHOLE, Column
from pipeline.errors import RunFault
from pipeline.tables import FORMULA_STARTS, read_table
from pipeline.writer import write_bytes

CREATED = datetime(1980, 1, 1)  # no time of the run, so that equal tables give equal bytes
ROWS = 1_048_575  # of a sheet, below its header
CHARACTERS = 32_767  # of a cell, in UTF-16 units
WIDEST = 60
EXPLAINED = ("column", "unit", "tables", "meaning", "中文说明")
OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


class Whole(float):
    """A number that XlsxWriter writes in full: it asks for 16 digits, and a double may need 17."""

    def __format__(self, asked: str) -> str:
        """Return the shortest text that reads back as the same number."""
        return repr(float(self)).removesuffix(".0")


def gather(parts: dict[str, Path]) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows of one table from its CSV file of each sensor; with the sensor where the table has none."""
    header: list[str] = []
    rows: list[list[str]] = []
    for sensor, path in parts.items():
        names, found = read_table(path)
        if "sensor" not in names:
            names, found = ["sensor", *names], [[sensor, *row] for row in found]
        if header and names != header:
            raise RunFault(f"{path}: columns {names}, those of another sensor are {header}; delete the tables and run again")
        header, rows = names, rows + found
    return header, rows


def write_workbook(path: Path, tables: dict[str, dict[str, Path]]) -> list[str]:
    """Write the tables (name: sensor: CSV file) as one workbook; return a line for each cell that a sheet cannot hold whole."""
    import xlsxwriter

    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, OPTIONS)
    book.set_properties({"title": "Minegreen: tables", "created": CREATED})
    first = book.add_worksheet("columns")
    sheet = _Sheets(book)
    used: dict[str, list[str]] = {}
    for name, parts in tables.items():
        header, rows = gather(parts)
        for column in header:
            used.setdefault(column, []).append(name)
        for start in range(0, max(len(rows), 1), ROWS):
            title = name if start == 0 else f"{name} {start // ROWS + 1}"
            sheet.fill(book.add_worksheet(title), [COLUMNS[c] for c in header], rows[start : start + ROWS])
    explained = [[c.name, c.unit, ", ".join(used[c.name]), c.meaning, c.meaning_zh] for c in COLUMNS.values() if c.name in used]
    sheet.fill(first, [Column(name, "", "", "") for name in EXPLAINED], explained)
    book.close()
    write_bytes(path, content.getvalue())
    return sheet.cut


class _Sheets:
    """Fills sheets of one workbook; `cut` holds a line for each text that was too long for a cell."""

    def __init__(self, book: Any) -> None:
        self.head = book.add_format({"bold": True, "bottom": 1})
        self.formats = {f: book.add_format({"num_format": f}) for f in sorted({c.format for c in COLUMNS.values()})}
        self.quoted = book.add_format({"num_format": TEXT, "quote_prefix": True})  # stays text when somebody edits it
        self.cut: list[str] = []

    def fill(self, sheet: Any, columns: list[Column], rows: list[list[str]]) -> None:
        """Write header and rows; nothing where a field is empty."""
        for j, column in enumerate(columns):
            sheet.write_string(0, j, column.heading, self.head)
            widths = [_width(column.heading) + 3]  # and the filter's button
            for i, row in enumerate(rows, 1):
                if row[j]:
                    shown = self._cell(sheet, i, j, column, row[j])
                    widths.append(min(WIDEST, shown))
            sheet.set_column(j, j, max(widths) + 1)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(rows), len(columns) - 1)
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{ROWS + 1}"})

    def _cell(self, sheet: Any, i: int, j: int, column: Column, field: str) -> int:
        """Write one cell and return its width in characters."""
        if not column.is_text and math.isfinite(float(field)):
            sheet.write_number(i, j, Whole(field), self.formats[column.format])
            return len(field) if column.format == WHOLE else 10
        if sheet.write_string(i, j, field, self.quoted if field.startswith(FORMULA_STARTS) else self.formats[TEXT]) == -2:
            self.cut.append(f"{sheet.name}, row {i + 1}, {column.name}: cut at {CHARACTERS} characters; whole in the CSV")
        return _width(field)


def _width(text: str) -> int:
    """Return the width of a text in characters, Chinese ones counted twice.

    >>> _width("江仓 4")
    6
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
