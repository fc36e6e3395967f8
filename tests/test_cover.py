"""Endmembers and cover: percentiles of the pooled values equal numpy's; cover is clamped, and what is missing stays so."""

import dask.array as da
import numpy as np
import pytest

from pipeline.cover import annual_cover, percentiles
from pipeline.endmembers import Endmembers
from pipeline.errors import RunFault

WANTED = (0.0, 2.5, 5.0, 33.3, 50.0, 95.0, 99.9, 100.0)
EVERYWHERE = np.ones((23, 31), bool)


def pooled(rng, kind):
    """Return NDVI `(4, 23, 31)` with a fifth of it missing."""
    values = {
        "uniform": rng.uniform(-1, 1, (4, 23, 31)),
        "narrow": rng.normal(0.31, 1e-5, (4, 23, 31)),  # all in a bin or two of the histogram
        "tied": rng.choice([-0.5, 0.2, 0.2 + 1e-7, 0.7], (4, 23, 31)),
        "limits": rng.choice([-1.0, 1.0, 0.0], (4, 23, 31)),
        "two clusters": np.where(rng.random((4, 23, 31)) < 0.05, -0.9, 0.9) + rng.normal(0, 0.01, (4, 23, 31)),
    }[kind].astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    return np.clip(values, -1, 1)


@pytest.mark.parametrize("chunks", [(1, 23, 31), (4, 7, 5), (2, 1, 31), (1, 20, 30)])
@pytest.mark.parametrize("kind", ["uniform", "narrow", "tied", "limits", "two clusters"])
def test_percentiles_are_numpys(kind, chunks):
    rng = np.random.default_rng(7)
    ndvi, inside = pooled(rng, kind), rng.random((23, 31)) < 0.6
    values = ndvi[:, inside].astype(np.float64)
    values = values[~np.isnan(values)]
    found, count = percentiles(da.from_array(ndvi, chunks=chunks), inside, WANTED)
    assert count == values.size
    np.testing.assert_allclose(found, np.percentile(values, WANTED), rtol=0, atol=1e-12)


def test_chunks_change_no_bit():
    ndvi = pooled(np.random.default_rng(3), "uniform")
    results = [percentiles(da.from_array(ndvi, chunks=c), EVERYWHERE, WANTED) for c in ((4, 23, 31), (1, 2, 3), (3, 23, 1))]
    assert results[0] == results[1] == results[2] == percentiles(ndvi, EVERYWHERE, WANTED)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 20, 21])
def test_few_values(count):
    ndvi = np.full((1, 23, 31), np.nan, np.float32)
    ndvi.ravel()[:: 713 // count][:count] = np.linspace(-0.8, 0.8, count, dtype=np.float32)[::-1]
    found, pixels = percentiles(ndvi, EVERYWHERE, WANTED)
    assert pixels == count
    np.testing.assert_allclose(found, np.percentile(np.linspace(-0.8, 0.8, count, dtype=np.float32).astype(np.float64), WANTED), atol=1e-12)


def test_one_value_is_every_percentile():
    ndvi = np.full((2, 3, 3), np.nan, np.float32)
    ndvi[1, 2, 0] = 0.25
    assert percentiles(ndvi, np.ones((3, 3), bool), (0.0, 5.0, 100.0)) == ([0.25, 0.25, 0.25], 1)


def test_order_of_the_wanted_percentiles_is_kept():
    ndvi = np.float32([[[0.0, 0.1, 0.2, 0.3, 0.4]]])
    found, _ = percentiles(ndvi, np.ones((1, 5), bool), (95.0, 5.0, 50.0))
    np.testing.assert_allclose(found, [0.38, 0.02, 0.2], atol=1e-7)


def test_no_value_gives_nan_and_no_pixels():
    ndvi = np.full((2, 3, 3), np.nan, np.float32)
    found, pixels = percentiles(ndvi, np.ones((3, 3), bool), (5.0, 95.0))
    assert np.isnan(found).all()
    assert pixels == 0
    found, pixels = percentiles(np.zeros((2, 3, 3), np.float32), np.zeros((3, 3), bool), (5.0,))
    assert np.isnan(found).all()
    assert pixels == 0


@pytest.mark.parametrize(("soil", "vegetation"), [(0.3, 0.3), (0.3, 0.349), (0.8, 0.1), (np.nan, 0.8), (0.1, np.nan), (np.nan, np.nan)])
def test_endmembers_that_carry_no_cover_model_are_refused(soil, vegetation):
    with pytest.raises(RunFault, match=r"endmembers: .*; fix: (give fvc.soil and fvc.vegetation|check the images)"):
        Endmembers(soil, vegetation, 10).check()


def test_a_wide_pair_passes_unchanged():
    pair = Endmembers(0.05, 0.86, 10)
    assert pair.check() is pair
    Endmembers(0.0, 0.05, 1).check()


def test_cover_is_clamped_and_missing_stays_missing():
    ndvi = np.float32([[[-0.3, 0.05, 0.455, 0.86, 0.99, np.nan]]])
    cover = annual_cover(da.from_array(ndvi), Endmembers(0.05, 0.86, 0)).compute()
    assert cover.dtype == np.float32
    np.testing.assert_allclose(cover, [[[0, 0, 0.5, 1, 1, np.nan]]], atol=1e-7)


@pytest.mark.parametrize("chunks", [(1, 16, 16), (1, 5, 31), (1, 23, 31)])
def test_cover_of_any_chunks_is_the_formula_in_float64(chunks):
    ndvi = pooled(np.random.default_rng(5), "uniform")[:1]
    expected = np.clip((ndvi.astype(np.float64) - 0.11) / (0.74 - 0.11), 0, 1).astype(np.float32)
    lazy = annual_cover(da.from_array(ndvi, chunks=chunks), Endmembers(0.11, 0.74, 0))
    assert lazy.chunks == da.core.normalize_chunks(chunks, ndvi.shape)
    np.testing.assert_array_equal(lazy.compute(), expected)
