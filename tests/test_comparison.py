"""The page that compares tools: re-computed rules against run packages and hand counts, and the page against both."""

import re
from itertools import permutations
from math import sqrt

import numpy as np
import pymannkendall
import pytest
from scipy import stats
from test_docs import DOCS, generator

PAGE = DOCS["comparison.md"]


@pytest.fixture(scope="module")
def comparison():
    import sys

    generator().GENERATED["docs/comparison.md"]()
    return sys.modules["comparison"]


def series(comparison, name):
    return np.array(comparison.SERIES[name][1])


def cell(tool, name):
    """Return what the page prints for a tool and a series."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {tool}") and line.count("|") == 7]
    return row.split("|")["ABCDE".index(name) + 2].strip()


def brute_p(values):
    """Return the exact two-sided p by counting every order of the values."""

    def s(v):
        return abs(sum(np.sign(v[j] - v[i]) for i in range(len(v)) for j in range(i + 1, len(v))))

    seen = [s(order) for order in permutations(values)]
    return np.mean(np.array(seen) >= s(values))


@pytest.mark.parametrize("name", "ABCE")
def test_our_p_is_a_count_of_orders(comparison, name):
    values = series(comparison, name)
    p = brute_p(values[np.isfinite(values)])
    assert comparison.ours(values).p == pytest.approx(p)
    assert cell("Minegreen", name).startswith(f"{p:.4f}")


@pytest.mark.parametrize("name", "ABCD")
def test_the_formula_of_r_is_that_of_pymannkendall(comparison, name):
    """The same textbook formula, re-computed and run."""
    values = series(comparison, name)
    for rule in (comparison.r_trend, comparison.r_kendall):
        assert rule(values).p == pytest.approx(float(pymannkendall.original_test(values).p), abs=1e-12)


def test_pymannkendall_and_scipy_are_printed_as_they_are_run(comparison):
    for name in "ABCDE":
        values = series(comparison, name)
        run = pymannkendall.original_test(values)
        assert cell("pymannkendall", name) == f"{run.p:.4f}: {run.trend} (at 0.05)"
        tau = stats.kendalltau(np.arange(len(values)), values).pvalue
        assert cell("scipy", name).startswith("nan" if np.isnan(tau) else f"{tau:.4f}")


def test_trends_earth_calls_4_rising_years_significant_at_99_per_cent(comparison):
    """Its table has 6 at 99 % for 4 years, which is the largest S of 4 values."""
    assert cell("trends.earth", "A") == "significant at 99 %"
    assert comparison.trends_earth(np.array([1.0, 2, 4, 3])).says == "significant at 95 %"  # S = 4; exact p = 1/3
    assert comparison.trends_earth(np.array([1.0, 4, 2, 3])).says == "not significant"  # S = 2
    for n in range(4, 11):
        tables = [comparison.TRENDS_EARTH[level][n - 4] for level in (90, 95, 99)]
        assert tables == sorted(tables)
        assert tables[-1] <= n * (n - 1) // 2


def test_the_tutorials_correction_cancels_and_its_count_is_one_short(comparison):
    """Z = (S - 1 + 1) / sqrt(variance): 6 / sqrt(3 x 2 x 11 / 18) as written, 6 / sqrt(4 x 3 x 13 / 18) with all years."""
    a = series(comparison, "A")
    for n, all_images in ((3, False), (4, True)):
        z = 6 / sqrt(n * (n - 1) * (2 * n + 5) / 18)
        assert comparison.earth_engine(a, all_images=all_images).p == pytest.approx(2 * stats.norm.sf(z))
    assert comparison.earth_engine(a).says == comparison.earth_engine(a, all_images=True).says == "significant"
    assert comparison.earth_engine(np.array([1.0, 4, 2, 3])).says == "not significant"


def test_force_is_a_t_test_of_the_slope(comparison):
    for name in "ABCDE":
        y = series(comparison, name)
        t = np.arange(len(y))[np.isfinite(y)]
        y = y[np.isfinite(y)]
        slope, offset = np.polyfit(t, y, 1)
        error = sqrt(((y - offset - slope * t) ** 2).sum() / (len(y) - 2)) / sqrt(((t - t.mean()) ** 2).sum())
        p = 2 * stats.t.sf(abs(slope) / error, len(y) - 2)
        assert comparison.force(series(comparison, name)).p == pytest.approx(p)
        assert cell("FORCE", name) == f"{p:.4f}: {'significant' if p <= 0.05 else 'not significant'}"


def test_gaps_stop_r_and_give_nan_in_scipy(comparison):
    e = series(comparison, "E")
    assert comparison.r_trend(e).says == "stops with an error"
    assert np.isnan(comparison.scipy_kendalltau(e).p)


def test_theilslopes_calls_the_whole_range_95_per_cent(comparison):
    a = series(comparison, "A")
    slopes = [(a[j] - a[i]) / (j - i) for i in range(4) for j in range(i + 1, 4)]
    assert comparison.scipy_theilslopes(a) == pytest.approx((min(slopes), max(slopes)))
    # the range misses 0 when all slopes have one sign: in the 2 monotone orders of 24
    one_sign = [len({np.sign(o[j] - o[i]) for i in range(4) for j in range(i + 1, 4)}) == 1 for o in permutations(range(4))]
    assert f"{100 * (1 - np.mean(one_sign)):.2f} %" == "91.67 %"
    assert "91.67 %" in PAGE


def test_the_sentences_have_the_numbers_of_the_formulas(comparison):
    assert "p = 2/24 = 0.0833" in PAGE
    assert f"({2 * stats.norm.sf(5 / sqrt(26 / 3)):.4f}), without it p is too small ({2 * stats.norm.sf(6 / sqrt(26 / 3)):.4f})" in PAGE
    assert re.search(r"two-sided p of 0\.333 \(4 years\), 0\.233 \(5\)", PAGE)  # (1 + 3) x 2 / 24 and (1 + 4 + 9) x 2 / 120


def test_every_rule_has_its_source():
    after = PAGE.split("## Where the rules were read")[1].split("## Why they differ")[0]
    for tool in ("Minegreen", "pymannkendall", "scipy", "trends.earth", "Earth Engine", "FORCE", "R `trend`", "R `Kendall`"):
        assert sum(line.startswith(f"| {tool}") for line in after.splitlines()) == 1, tool
    for source in ("stats.py", "nonparametric-trends", "trend-hl.c", "mk.test.R", "Kendall.f"):
        assert source in after
