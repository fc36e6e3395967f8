"""The last lines of a run: what to open of each mine, and what its results warn of."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.errors import one_line
from pipeline.layout import MineFolder, SummaryFolder

MOST_WARNINGS = 5  # of one mine; run.json holds them all


def last_lines(results: Path, mines: list[str]) -> list[str]:
    """Return the lines on some mines of a results folder: warnings first, then the files that are there.

    A mine without run.json is not finished and gives none. The page of all mines is named where it is of more than one.
    """
    lines: list[str] = []
    for mine in mines:
        folder = MineFolder(results, mine)
        try:
            warnings = list(json.loads(folder.manifest.read_text(encoding="utf-8"))["warnings"])
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            continue
        lines += [f"{mine}: warning: {one_line(str(text))}" for text in warnings[:MOST_WARNINGS]]
        if len(warnings) > MOST_WARNINGS:
            lines.append(f"{mine}: and {len(warnings) - MOST_WARNINGS} more warnings: {folder.manifest}")
        opened = (("report", folder.report), ("QGIS project", folder.project), ("tables", folder.workbook))
        lines += [f"{mine}: {what}: {path}" for what, path in opened if path.is_file()]
    page = SummaryFolder(results).page
    if page.is_file() and sum(1 for _ in results.glob("*/run.json")) > 1:
        lines.append(f"all mines: {page}")
    return lines
