"""Open files are lent to one user at a time, kept within bounds, and not kept after an error."""

import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pipeline import handles
from pipeline.handles import close_idle, forget, lent
from pipeline.reader import open_raster
from tests.test_reader import geotiff


class Handle:
    """An open file that is closed at most once."""

    closed = False

    def close(self):
        """Close it."""
        assert not self.closed
        self.closed = True


@pytest.fixture(autouse=True)
def own_handles(monkeypatch):
    monkeypatch.setattr(handles, "_idle", {})
    monkeypatch.setattr(handles, "_key_of", {})


def lend_all(keys):
    made = []
    for key in keys:
        with lent(key, Handle) as handle:
            made.append(handle)
    return made


def test_the_same_handle_is_lent_again():
    first, second = lend_all(["a", "a"])
    assert first is second and not first.closed


def test_no_handle_is_lent_to_two_at_once():
    with lent("a", Handle) as first, lent("a", Handle) as second:
        assert first is not second
    assert set(lend_all(["a", "a"])) <= {first, second}
    assert not first.closed and not second.closed


def test_eight_threads_never_share_a_handle_and_read_the_same(tmp_path):
    values = np.arange(1200, dtype=np.float32).reshape(1, 30, 40)
    path = geotiff(tmp_path / "a.tif", values)
    using, made = [], []
    barrier = threading.Barrier(8)

    def make():
        made.append(open_raster(path))
        return made[-1]

    def work(_):
        barrier.wait()
        for _ in range(200):
            with lent(path, make) as handle:
                assert handle not in using
                using.append(handle)
                np.testing.assert_array_equal(handle.read(), values)
                using.remove(handle)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert 1 <= len(made) <= 8


def test_after_an_error_the_file_is_opened_anew():
    (idle,) = lend_all(["a"])
    with pytest.raises(OSError, match="cut"), lent("a", Handle) as lost:
        with lent("a", Handle) as other:
            pass
        raise OSError("cut")
    assert lost is idle and lost.closed and other.closed
    (new,) = lend_all(["a"])
    assert new not in (lost, other)


def test_a_file_that_does_not_open_leaves_nothing():
    def make():
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"), lent("a", make):
        pass
    assert handles._idle.get("a", []) == []


def test_forgotten_files_are_closed():
    first, other = lend_all(["a", "b"])
    forget("a")
    forget("never opened")
    assert first.closed and not other.closed


def test_all_idle_files_are_closed():
    made = lend_all(["a", "b"])
    with lent("a", Handle) as used:
        close_idle()
        assert not used.closed
    assert [h.closed for h in made] == [h is not used for h in made]


def test_one_of_too_many_is_closed(monkeypatch):
    monkeypatch.setattr(handles, "_most_idle", lambda: 64)
    made = lend_all(range(100))
    assert sum(not h.closed for h in made) == 64
    for i, handle in enumerate(made):
        if not handle.closed:
            with lent(i, Handle) as again:
                assert again is handle
    closed = next(i for i, handle in enumerate(made) if handle.closed)
    (new,) = lend_all([closed])
    assert new is not made[closed]
    assert sum(not h.closed for h in [*made, new]) == 64


def test_the_files_of_a_year_stay_open_within_the_limit_of_the_process():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = handles._most_idle()
    assert 16 <= most <= 512
    assert most + (os.cpu_count() or 1) <= max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], limit[0])
