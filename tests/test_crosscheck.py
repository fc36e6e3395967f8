"""`minegreen crosscheck`: an independent recomputation that agrees with a run, and finds what was changed."""

from itertools import combinations_with_replacement, permutations, product
from math import comb, factorial

import numpy as np
import pymannkendall
import pytest
import rasterio
from scipy.stats import theilslopes
from shapely.geometry import box

from pipeline import crosscheck
from pipeline.__main__ import main
from pipeline.kernels.codes import OUTPUTS


@pytest.fixture
def tiny(small_mine):
    """Return a mine of 15 x 6 cells, pit and background of 36 each."""
    x, y = small_mine.west + 20, small_mine.north - 50
    small_mine.zones = [("pit", box(x, y - 60, x + 60, y)), ("background", box(x + 90, y - 60, x + 150, y))]
    small_mine.red, small_mine.nir = np.roll(small_mine.red, -17, axis=2), np.roll(small_mine.nir, -17, axis=2)
    return small_mine


def run(mine, *more):
    """Return the exit code of the command."""
    return main(["crosscheck", str(mine.config), "--results", str(mine.results), *map(str, more)])


def change(path, band, row, col, by):
    """Add to one pixel of a raster, in a rewritten copy with the same values elsewhere."""
    with rasterio.open(path) as dataset:
        profile, values = dataset.profile, dataset.read()
    values[band, row, col] += by
    profile = {key: profile[key] for key in ("dtype", "count", "width", "height", "crs", "transform", "nodata")}
    with rasterio.open(path, "w", driver="GTiff", **profile) as out:
        out.write(values)


def test_a_finished_run_agrees_and_the_differences_are_printed(small_mine, capsys):
    small_mine.run()
    assert run(small_mine) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("sentinel-2 2020-2024: 660 pixels; largest differences: n 0, s 0, tau ")
    assert all(f"{name} " in lines[0] for name in ("n", "s", "tau", "z", "p", "slope"))
    assert lines[-1] == "all within tolerance"


def test_ties_gaps_and_constant_series_agree_in_every_period_and_significance(tiny, capsys):
    rng = np.random.default_rng(1)
    ndvi = rng.integers(0, 4, (5, 30, 40)) / 10
    ndvi[rng.random(ndvi.shape) < 0.25] = np.nan
    ndvi[:, 5:7] = 0.5
    tiny.red, tiny.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    tiny.settings["trend"] = {"periods": [[2020, 2024], [2021, 2024]], "significance": "normal", "variable": "ndvi"}
    tiny.run()
    assert run(tiny) == 0
    tiny.settings["trend"]["significance"] = "auto"
    tiny.run()
    capsys.readouterr()
    assert run(tiny, "--pixels", 10_000) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["sentinel-2 2020-2024", "sentinel-2 2021-2024", "all within tolerance"]


def test_one_changed_pixel_of_the_trend_is_found_and_named(tiny, capsys):
    path = tiny.run() / "trend_2020-2024.tif"
    right = path.read_bytes()
    for name, by in {"slope": 1e-3, "p": 1e-4, "s": 1.0, "n": -1.0, "z": 1e-3, "tau": 1e-3}.items():
        path.write_bytes(right)
        change(path, OUTPUTS.index(name), 4, 9, by)
        capsys.readouterr()
        assert run(tiny) == 3
        lines = capsys.readouterr().out.splitlines()
        (difference,) = [line for line in lines if line.startswith(f"  {name}: ")]
        assert all(word in difference for word in ("here", "there", "series ["))
        assert lines[-1] == "DIFFERENCES ABOVE TOLERANCE"
    path.write_bytes(right)
    change(path, OUTPUTS.index("p"), 3, 3, np.nan)
    assert run(tiny) == 3
    assert "  p: nan here" in capsys.readouterr().out


def test_one_changed_pixel_of_a_years_ndvi_is_found(tiny, capsys):
    folder = tiny.run()
    change(folder / "ndvi_2022.tif", 0, 4, 3, 0.3)
    assert run(tiny) == 3
    assert "DIFFERENCES" in capsys.readouterr().out


def test_a_run_that_has_not_been_done_is_bad_input(tiny, capsys):
    tiny.write()
    assert run(tiny) == 2
    err = capsys.readouterr().err
    assert "no such file" in err
    assert "expected: a finished run" in err
    assert "run snakemake" in err
    assert not tiny.results.exists()


def test_the_sample_is_spread_over_the_numbers_of_years_and_repeats():
    n = np.full((100, 100), 5.0)
    n[:10, :10], n[0, 0] = 4.0, 3.0
    rows, cols = crosscheck.sample(n, 301)
    counts = dict(zip(*np.unique(n[rows, cols], return_counts=True), strict=True))
    assert counts == {3.0: 1, 4.0: 99, 5.0: 201}
    assert len(set(zip(rows.tolist(), cols.tolist(), strict=True))) == 301
    again = crosscheck.sample(n, 301)
    assert np.array_equal(rows, again[0])
    assert np.array_equal(cols, again[1])


def test_a_sample_larger_than_the_raster_is_every_pixel():
    rows, cols = crosscheck.sample(np.arange(12.0).reshape(3, 4), 2000)
    assert sorted(zip(rows.tolist(), cols.tolist(), strict=True)) == list(product(range(3), range(4)))


def score(values):
    """Return Kendall's S."""
    return sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])


def tie_patterns(n):
    """Return every way to split n values into groups of equal ones."""
    return [groups for k in range(1, n + 1) for groups in combinations_with_replacement(range(1, n + 1), k) if sum(groups) == n]


@pytest.mark.parametrize("groups", [g for n in range(1, 7) for g in tie_patterns(n)], ids=lambda g: "+".join(map(str, g)))
def test_exact_p_is_the_share_of_orders_that_are_at_least_as_extreme(groups):
    values = [i for i, size in enumerate(groups) for _ in range(size)]
    scores = [abs(score(order)) for order in permutations(values)]
    assert len(scores) == factorial(len(values))
    for s in range(max(scores) + 1):
        assert crosscheck.exact_p(groups, s) == crosscheck.exact_p(groups[::-1], s) == sum(other >= s for other in scores) / len(scores)


@pytest.mark.parametrize("n", [3, 4, 5, 10, 20])
def test_the_smallest_exact_p_is_two_of_all_orders(n):
    assert crosscheck.exact_p((1,) * n, comb(n, 2)) == pytest.approx(2 / factorial(n), rel=1e-15)


def test_the_number_of_merges_is_the_binomial_coefficient():
    for m, t in product(range(7), range(7)):
        ways = crosscheck._merge(m, t)
        assert sum(ways.values()) == comb(m + t, t)
        assert max(ways) == m * t


@pytest.mark.parametrize("series", [[0.1, 0.3, 0.2, 0.4, 0.6], [0.5, 0.5, 0.5, 0.5], [0.4, 0.3, np.nan, 0.3, 0.1], [0.2, np.inf, 0.3, 0.4, 0.4]])
def test_the_reference_is_that_of_the_libraries(series):
    values, years = np.array(series), np.arange(2020, 2020 + len(series))
    ok = np.isfinite(values)
    out, test = crosscheck.reference(values, years, "normal"), pymannkendall.original_test(values[ok])
    assert (out["n"], out["s"], out["tau"], out["z"], out["p"]) == (ok.sum(), test.s, test.Tau, test.z, test.p)
    assert out["slope"] == theilslopes(values[ok], years[ok]).slope


@pytest.mark.parametrize("series", [[], [np.nan] * 4, [0.1, np.nan, 0.2]])
def test_the_reference_of_fewer_than_three_values_is_missing_in_all_but_n(series):
    out = crosscheck.reference(np.array(series, float), np.arange(len(series)), "auto")
    assert out.pop("n") == np.isfinite(series).sum()
    assert np.isnan(list(out.values())).all()


def test_the_reference_is_exact_up_to_20_values():
    rising = np.arange(25.0)
    for n in (20, 21):
        exact = crosscheck.reference(rising[:n], rising[:n], "auto")["p"]
        normal = crosscheck.reference(rising[:n], rising[:n], "normal")["p"]
        assert (exact == normal) == (n == 21)
