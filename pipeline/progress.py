"""Progress of long steps: a live bar where one process has a terminal to itself, plain lines everywhere else.

Jobs that run side by side under Snakemake share its standard error, and bars of several processes would write over each other.
So a stage draws one only where it holds all cores of the run: no other job runs beside it then. Log files get lines in any case.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any

log = logging.getLogger("minegreen")
EVERY_S = 2.0  # between two lines
CORES = "MINEGREEN_CORES"  # set by the workflow: the cores of the run
Report = Callable[[int, int], None]
_report: ContextVar[Report | None] = ContextVar("report", default=None)


class Lines(logging.StreamHandler[Any]):
    """Messages on what standard error is at the time, above the bar while there is one; lines of progress only without."""

    bar = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message, but not one that the bar shows."""
        if not (self.bar and getattr(record, "progress", False)):
            self.stream = sys.stderr
            super().emit(record)


def has_terminal(threads: int) -> bool:
    """Return whether standard error is a terminal that no other job of the run writes to."""
    cores = os.environ.get(CORES)
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and (cores is None or threads >= int(cores))


@contextmanager
def progress(what: str, threads: int = 1) -> Iterator[Report]:
    """Give a function that takes what is done of the whole; `report` calls it too while the context lasts."""
    with _bar(what) if has_terminal(threads) else _nothing() as draw:
        last = monotonic()

        def at(done: int, whole: int) -> None:
            nonlocal last
            draw(done, whole)
            if monotonic() - last >= EVERY_S:
                last = monotonic()
                log.info("%s: %d %%", what, 100 * done // max(whole, 1), extra={"progress": True})

        token = _report.set(at)
        try:
            yield at
        finally:
            _report.reset(token)


def report(done: int, whole: int) -> None:
    """Tell the step that is under way, if any, what is done of the whole."""
    if (at := _report.get()) is not None:
        at(done, whole)


@contextmanager
def dask_progress(what: str, threads: int = 1) -> Iterator[None]:
    """Show the share of every Dask computation on this process's threads."""
    from dask.callbacks import Callback

    def after_task(key: Any, result: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        done = len(state["finished"])
        at(done, sum(len(state[k]) for k in ("ready", "waiting", "running")) + done)

    with progress(what, threads) as at, Callback(posttask=after_task):
        yield


@contextmanager
def _nothing() -> Iterator[Report]:
    yield lambda done, whole: None


@contextmanager
def _bar(what: str) -> Iterator[Report]:
    """Draw a bar below the messages, gone when the step has ended."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("minegreen: {task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    lines = [handler for handler in log.handlers if isinstance(handler, Lines)]
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task(what, total=None)
        for handler in lines:
            handler.bar = True
        try:
            yield lambda done, whole: drawn.update(task, completed=done, total=whole)
        finally:
            for handler in lines:
                handler.bar = False
