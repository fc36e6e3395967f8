"""Open files that are lent: one user at a time, as a handle that two threads use at once fails in GDAL."""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import cache
from math import ceil
from threading import Lock
from typing import Any

MOST_IDLE = 64  # an open Sentinel-2 band takes about 1 MB
_lock = Lock()
_idle: dict[Hashable, list[Any]] = {}
_key_of: dict[int, Hashable] = {}  # key of each idle handle, by its id


@contextmanager
def lent(key: Hashable, make: Callable[[], Any]) -> Iterator[Any]:
    """Lend an open file for a key, `make()` where none is idle; kept open for the next user, closed after an error."""
    with _lock:
        held = _idle.get(key)
        handle = held.pop() if held else None
        _key_of.pop(id(handle), None)
    if handle is None:
        handle = make()
    try:
        yield handle
    except BaseException:
        handle.close()
        forget(key)
        raise
    _keep(key, handle)


def forget(key: Hashable) -> None:
    """Close the idle files of a key, so that the next use opens the file anew."""
    with _lock:
        held = _idle.pop(key, [])
        for handle in held:
            del _key_of[id(handle)]
    for handle in held:
        handle.close()


def close_idle() -> None:
    """Close all idle files: GDAL gives their memory back."""
    for key in list(_idle):
        forget(key)


def _keep(key: Hashable, handle: Any) -> None:
    surplus = None
    with _lock:
        _idle.setdefault(key, []).append(handle)
        _key_of[id(handle)] = key
        if len(_key_of) > _most_idle():
            # One of the oldest quarter: not the oldest, as blocks walk the same files in turn and it would be needed next.
            chosen = random.choice(list(_key_of)[: ceil(len(_key_of) / 4)])
            held = _idle[_key_of.pop(chosen)]
            surplus = next(h for h in held if id(h) == chosen)
            held.remove(surplus)
    if surplus is not None:
        surplus.close()


@cache
def _most_idle() -> int:
    """Return how many idle files stay open, within what the system allows the process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if 0 < hard < 16_384 else 16_384
    if 0 < soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(16, min(MOST_IDLE, wanted // 2 - (os.cpu_count() or 1)))
