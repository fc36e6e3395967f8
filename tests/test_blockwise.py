"""Every item reaches the sink once, in order on one thread, and before its thread starts the next."""

import threading
from collections import Counter

import dask
import pytest

from pipeline import blockwise
from pipeline.errors import RunFault


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_result_reaches_the_sink_once(threads):
    found = []
    with dask.config.set(scheduler="threads", num_workers=threads):
        blockwise.each(lambda item, factor: item * factor, range(300), (3,), found.append)
    assert Counter(found) == Counter(range(0, 900, 3))
    if threads == 1:
        assert found == list(range(0, 900, 3))


def test_memory_that_a_thread_uses_again_reaches_the_sink_unchanged():
    memory, found = threading.local(), []

    def function(item):
        memory.__dict__.setdefault("list", [0])[0] = item
        return memory.list

    with dask.config.set(scheduler="threads", num_workers=4):
        blockwise.each(function, range(500), (), lambda result: found.append(result[0]))
    assert sorted(found) == list(range(500))


def test_items_start_in_their_order():
    started = []
    with dask.config.set(scheduler="threads", num_workers=2):
        blockwise.each(lambda item: started.append(item), range(200), (), lambda result: None)
    assert all(abs(item - place) <= 8 for place, item in enumerate(started))


def test_a_failing_item_ends_the_run_with_its_error():
    def function(item):
        if item == 7:
            raise RunFault("item 7")
        return item

    with dask.config.set(scheduler="threads", num_workers=2), pytest.raises(RunFault, match="item 7"):
        blockwise.each(function, range(20), (), lambda result: None)


def test_workers_are_the_threads_of_this_process_without_a_cluster():
    assert blockwise.workers(3) == 3
