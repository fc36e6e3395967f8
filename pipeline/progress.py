"""Progress of long steps: plain lines, at most one every two seconds, to standard error and the job's log."""

from __future__ import annotations

import logging
import time
from typing import Any

from dask.callbacks import Callback

log = logging.getLogger("minegreen")


class Progress(Callback):  # type: ignore[misc]
    """Logs the share of a Dask computation that is done."""

    def __init__(self, what: str, every_s: float = 2.0) -> None:
        super().__init__()
        self.what, self.every_s = what, every_s

    def _start_state(self, dsk: Any, state: Any) -> None:
        self.last = time.monotonic()

    def _posttask(self, key: Any, result: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        now = time.monotonic()
        if now - self.last >= self.every_s:
            self.last = now
            done = len(state["finished"])
            whole = sum(len(state[k]) for k in ("ready", "waiting", "running")) + done
            log.info("%s: %d %%", self.what, 100 * done // max(whole, 1))
