"""Run one task per block with Dask: on this machine's threads, or on a dask.distributed scheduler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from threading import Lock
from typing import Any

from pipeline.errors import RunFault
from pipeline.progress import report

AHEAD = 2  # tasks per thread of the cluster that are under way: results wait here for the writer, not in memory
ANSWER_S = 30
_client: ContextVar[Any] = ContextVar("client", default=None)


@contextmanager
def cluster(address: str) -> Iterator[None]:
    """Send the blocks of `run` to the scheduler at an address while the context lasts.

    Raises
    ------
    RunFault
        When nothing answers there.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=ANSWER_S, set_as_default=False)
    except OSError as error:
        raise RunFault(f"dask: no scheduler answers at {address}: {error}") from None
    with client:
        token = _client.set(client)
        try:
            yield
        finally:
            _client.reset(token)


def workers(threads: int) -> int:
    """Return how many blocks are computed at a time: a cluster's threads, or the given number of this process."""
    client = _client.get()
    return threads if client is None else max(1, sum(client.nthreads().values()))


def run(tasks: list[Any], sink: Callable[[Any], None]) -> None:
    """Compute Dask delayed tasks and give each result to `sink`, in the order in which they finish.

    On threads `sink` is called by several threads at a time; on a cluster by this thread. No result is kept.
    """
    import dask

    client = _client.get()
    if client is None:

        def step(result: Any) -> None:
            sink(result)

        dask.compute(*[dask.delayed(step, pure=False)(task) for task in tasks])
        return
    from distributed import as_completed

    waiting = iter(tasks)
    first = [client.compute(task) for task in islice(waiting, AHEAD * workers(1))]
    finished = as_completed(first, loop=client.loop, with_results=True)
    for done, (future, result) in enumerate(finished, 1):
        sink(result)
        future.release()
        following = next(waiting, None)
        if following is not None:
            finished.add(client.compute(following))
        report(done, len(tasks))


def each(function: Callable[..., Any], items: Iterable[Any], shared: tuple[Any, ...], sink: Callable[[Any], None]) -> None:
    """Give `function(item, *shared)` of each item to `sink`, as `run` does; `shared` travels to a cluster once.

    Items are started in their order. On threads a result reaches `sink` before its thread starts the next one, so it may lie in memory that is used again.
    """
    import dask

    if _client.get() is None:
        listed = list(items)
        waiting, lock = iter(listed), Lock()

        # Dask starts its tasks in an order of its own; blocks that follow each other read the same files.
        def step(_: int) -> None:
            with lock:
                item = next(waiting)
            sink(function(item, *shared))

        dask.compute(*[dask.delayed(step, pure=False)(i) for i in range(len(listed))])
        return
    sent = [dask.delayed(value, pure=False, traverse=False) for value in shared]
    run([dask.delayed(function, pure=False)(item, *sent) for item in items], sink)
