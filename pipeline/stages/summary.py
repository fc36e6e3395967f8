"""The mines of a results folder side by side: summary/mines.csv, methods.csv, methods_effects.csv and index.html."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.errors import BadInput, one_line
from pipeline.layout import MineFolder, SummaryFolder
from pipeline.lock import waiting
from pipeline.summary import summarise, tables
from pipeline.summarypage import page
from pipeline.writer import write_text

log = logging.getLogger("minegreen")


def run(results: Path) -> None:
    """Write the tables and the page from every finished mine of the folder, whichever run it was finished by.

    One at a time: of two runs that end together the later one reads and writes after the earlier one.

    Raises
    ------
    BadInput
        When `results` is no folder, or that of one mine.
    """
    if not results.is_dir() or MineFolder(results.parent, results.name).manifest.is_file():
        raise BadInput(
            results, "RESULTS", "a mine's folder" if results.is_dir() else "no such folder", "the folder of the mines' folders", "for instance results"
        )
    folder = SummaryFolder(results)
    with waiting(folder.root):
        found = summarise(results)
        for mine, reason in found.left_out.items():
            log.warning("%s", one_line(f"{mine}: left out of the summary: {reason}"))
        for path, text in tables(folder, found).items():
            write_text(path, text)
        write_text(folder.page, page(found, {mine: folder.files(mine) for mine in found.warnings}))
