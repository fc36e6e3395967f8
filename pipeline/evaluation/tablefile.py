"""A published table of areas and shares as a CSV file, checked for what cannot be true: `minegreen checktable`."""

from __future__ import annotations

import csv
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.evaluation.tablecheck import Row, check_table

COLUMNS = ("name", "area", "share", "part_of")
EXPECTED = f"a UTF-8 CSV file, comma, with the header {','.join(COLUMNS)}; only `name` is needed beside one of area and share"


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a table as printed: texts without surrounding blanks, None where a cell is empty; lines without any text are passed over.

    The header names the columns, in any order: `name`, and of `area`, `share` (per cent of the whole table) and `part_of` those that the table has.

    Raises
    ------
    BadInput
        When there is no such file, it is no CSV, a column is unknown, repeated or missing, or a line has another number of cells or no name.
    """
    if not path.is_file():
        raise BadInput(path, "table", "no such file", EXPECTED, "check the path")
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            lines = [[text.strip() for text in line] for line in csv.reader(handle, strict=True)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(path, "table", error, EXPECTED, "export it again as CSV in UTF-8") from None
    header, *body = lines or [[]]
    if "name" not in header or len(set(header)) != len(header) or not set(header) <= set(COLUMNS):
        raise BadInput(path, "line 1", ",".join(header), EXPECTED, "name the columns so")
    rows = []
    for number, line in enumerate(body, 2):
        if not any(line):
            continue
        if len(line) != len(header):
            fix = 'quote numbers with a comma: "3,085.74"'
            raise BadInput(path, f"line {number}", f"{len(line)} cells", f"{len(header)}, as in the header", fix)
        given = dict(zip(header, line, strict=True))
        if not given["name"]:
            raise BadInput(path, f"line {number}", "no name", "a name for every row", "name the row, or delete the line")
        rows.append(Row(given["name"], *(given.get(column) or None for column in COLUMNS[1:])))
    return rows


def run(path: Path, total: str | None = None, *, complete: bool = True) -> tuple[list[str], bool]:
    """Return what is said of the table of a file, a line for each finding, and whether nothing in it is impossible.

    `total` and `complete` as of `check_table`; BadInput as of `read_rows`, and for what that refuses.
    """
    try:
        found = check_table(read_rows(path), total=total, complete=complete)
    except ValueError as error:
        told, _, expected = str(error).partition("; expected ")
        raise BadInput(path, "table", told, expected or "rows that belong together", "correct the file, or --total") from None
    if not found:
        return ["nothing in this table contradicts itself"], True
    return [*(f"{f.kind}: {f.words}" for f in found), f"cannot be true: {len(found)} finding{'' if len(found) == 1 else 's'}"], False
