"""One run per results folder: a lock that the system frees when the run ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline.errors import BadInput

COMPILING = "MINEGREEN_COMPILING"  # environment variable: the cache that kernels are being compiled into


def acquire(folder: Path) -> IO[str]:
    """Lock results/<mine>/ until the returned handle is closed or this process ends.

    Raises
    ------
    BadInput
        When another run holds the lock, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("w")
    except OSError as error:
        raise BadInput(folder, "results folder", error.strerror, "a folder that can be written", "choose another with --config results=DIR") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise BadInput(
            folder,
            "results folder",
            "another run is working in it",
            "one run per mine and results folder",
            "wait for it, or use --config results=DIR",
        ) from None
    return handle


@contextmanager
def waiting(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, made where it is absent; wait while another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def wait_for_kernels() -> None:
    """Return when no other process of this run compiles the kernels."""
    cache = os.environ.get(COMPILING)
    if cache is not None:
        with waiting(Path(cache)):
            pass
