"""Measured sizes: the table of the package is what the benchmark measures, agrees with theory, and decides what is recommended."""

import importlib.util
import sys
from math import erf, sqrt

import numpy as np
import pytest
from PIL import Image
from running import ROOT
from scipy.stats import multivariate_normal

from pipeline.evaluation.records import EVALUATIONS
from pipeline.kernels.null import two_sided_p
from pipeline.sizes import (
    LEVELS,
    NOT_OFFERED,
    P_COLUMNS,
    PERSISTENT,
    TESTS,
    UNITS,
    excess_of_cells,
    measured,
    recommendation,
    recommended,
    size_of_cells,
)

YEARS = (4, 5, 6, 8, 10, 20)


def benchmark():
    name = "false_positives"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def rows(**wanted):
    return [m for m in measured() if all(getattr(m, name) == value for name, value in wanted.items())]


def one(**wanted):
    (found,) = rows(**wanted)
    return found


def test_every_test_is_measured_in_every_setting():
    yearly = {"mann-kendall", "mann-kendall-normal", "benjamini-hochberg", "joint-mean-s", "joint-monotone", "joint-slope", "pooled"}
    seasonal = {"seasonal-kendall", "hirsch-slack", "year-permutation"}
    assert {m.test for m in rows(interval="year")} == yearly
    assert set(TESTS) == yearly | seasonal
    for n in YEARS:
        for lag1 in (0.0, *PERSISTENT):
            for shared in (False, True):
                there = [(m.test, m.target, m.unit) for m in rows(interval="year", years=n, lag1=lag1, shared=shared)]
                assert len(there) == len(set(there)) == 16
                if {m.interval for m in measured()} == {"year", "month"}:
                    for within in (0.0, 0.5, 0.8):
                        month = {(m.test, m.target, m.unit) for m in rows(interval="month", years=n, lag1=lag1, shared=shared, within=within)}
                        assert month == {(t, target, unit) for t in seasonal for target in ("absolute", "relative") for unit in ("cell", "zone")}


def test_the_standard_errors_are_as_small_as_the_docs_say():
    for m in measured():
        most = 0.0031 if m.fields >= 10_000 else 0.006
        for level in LEVELS:
            if m.size(level) <= level + 0.01:  # far from its level a size need not be known so well
                assert 0 < m.error(level) <= most, m


@pytest.mark.parametrize("unit", ["cell", "zone"])
@pytest.mark.parametrize("target", ["absolute", "relative"])
def test_of_independent_years_the_exact_test_has_the_size_that_counting_gives(unit, target):
    """The share of orders with p <= level, from the counts of S: nothing of the simulation is in it."""
    for n in YEARS:
        p = two_sided_p((1,) * n)
        s = np.arange(p.size)[np.isfinite(p)]
        mass = {k: (p[k] - (p[k + 2] if k + 2 < p.size else 0)) for k in s}  # both signs
        for level in LEVELS:
            theory = sum(mass[k] for k in s if p[k] <= level + 1e-12)
            for m in rows(test="mann-kendall", unit=unit, target=target, years=n, lag1=0.0):
                assert abs(m.size(level) - theory) <= 4 * m.error(level) + 1e-4, (n, level, theory, m)


def test_a_joint_permutation_holds_its_level_under_shared_years_and_pooling_does_not():
    for n in YEARS:
        for m in rows(interval="year", years=n, lag1=0.0, shared=True):
            for level in LEVELS:
                if m.test.startswith("joint"):
                    assert m.size(level) <= level + 3.5 * m.error(level), m
                if m.test == "pooled":
                    assert m.size(level) > 0.4


def test_no_test_holds_its_level_where_years_resemble_each_other():
    """At 10 years or more; with fewer the steps of p may hide it."""
    for n in (10, 20):
        for m in rows(test="mann-kendall", years=n, lag1=0.6):
            assert not m.holds(0.10), m


def test_the_false_discovery_rate_is_below_its_level():
    """By Benjamini and Hochberg's theorem at most the share of true null hypotheses, here half, times the level."""
    found = rows(test="benjamini-hochberg", lag1=0.0)
    assert found
    for m in found:
        assert m.fdr_05 <= 0.05
        assert m.fdr_10 <= 0.10
        assert m.fdr_10 <= 0.5 * 0.10 + 0.02


def test_shared_years_spread_false_positives_between_fields_though_their_mean_stays():
    for n in YEARS:
        alone, shared = (one(test="mann-kendall", unit="cell", target="absolute", years=n, lag1=0.0, shared=s) for s in (False, True))
        assert shared.high_10 - shared.low_10 > 1.5 * (alone.high_10 - alone.low_10)
        assert abs(shared.size_10 - alone.size_10) <= 4 * (shared.error_10 + alone.error_10)


SMALL = [(4, 0.0, True, None), (6, 0.3, False, None), (8, 0.0, True, None)]


@pytest.mark.parametrize("setting", SMALL, ids=str)
def test_some_rows_measured_again_are_the_table(setting):
    """Other random numbers, fewer fields: within 4.5 standard errors of both together."""
    b = benchmark()
    again = b.measure((98_765, b.Setting(*setting), b.Runs(1500, 300, 300, 600, 150)))
    assert again
    for m in again:
        wanted = {name: getattr(m, name) for name in ("test", "target", "unit", "interval", "years", "lag1", "shared")}
        (stored,) = [r for r in rows(**wanted) if r.within == m.within or np.isnan(m.within)]
        for level in LEVELS:
            p = stored.size(level)
            floor = sqrt(max(p * (1 - p), 1e-3) / m.fields) if m.unit == "zone" or m.test == "benjamini-hochberg" else 0.002
            bound = 4.5 * (max(m.error(level), floor if m.unit == "zone" or m.test == "benjamini-hochberg" else m.error(level)) + stored.error(level))
            assert abs(m.size(level) - p) <= bound + 1e-3, (m, stored)


def orthant(slope, sd):
    """Return the probability that 4 independent normal years rise each time: by integration."""
    covariance = sd**2 * (2 * np.eye(3) - np.eye(3, k=1) - np.eye(3, k=-1))
    return float(multivariate_normal(np.full(3, -slope), covariance).cdf(np.zeros(3)))


@pytest.mark.parametrize("slope", [0.0, 0.02, 0.04])
def test_the_gain_of_the_reference_is_what_integration_gives(slope):
    """Shared years of 0.05 and cells of 0.02, or cells and the reference's error of 0.005; published for this page: .119 to .359 at 0.02 a year."""
    b = benchmark()
    absolute, relative = b.monotone_share(slope, n_fields=6000, seed=3)
    for found, sd in ((absolute, np.hypot(0.05, 0.02)), (relative, np.hypot(0.02, 0.005))):
        assert abs(found.mean - orthant(slope, sd)) <= 4 * found.error, (slope, found)
        assert found.error < 0.005
    if slope == 0:
        assert orthant(0, 0.05) == pytest.approx(1 / 24, abs=1e-4)
    if slope == 0.02:
        assert 0.11 < orthant(slope, np.hypot(0.05, 0.02)) < 0.13
        assert 0.34 < orthant(slope, np.hypot(0.02, 0.005)) < 0.37


def test_the_figure_has_300_dots_an_inch():
    with Image.open(ROOT / "docs" / "images" / "relative-gain.png") as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert picture.width > 1800


def test_the_simulated_noise_is_what_it_is_said_to_be():
    b = benchmark()
    field, reference = b.simulate(b.Setting(6, 0.6, False, 0.5), 3000, 32, np.random.default_rng(1))
    assert field.shape == (6, 4, 3000, 32)
    assert reference.shape == (6, 4, 3000, 1)
    assert field.std() == pytest.approx(0.02, rel=0.02)
    assert reference.std() == pytest.approx(0.005, rel=0.03)
    assert np.corrcoef(field[0].ravel(), field[1].ravel())[0, 1] == pytest.approx(0.6, abs=0.02)
    assert np.corrcoef(field[0].ravel(), field[2].ravel())[0, 1] == pytest.approx(0.36, abs=0.02)
    assert np.corrcoef(field[:, 0].ravel(), field[:, 3].ravel())[0, 1] == pytest.approx(0.5, abs=0.02)
    near, far = (np.corrcoef(field[..., 0].ravel(), field[..., i].ravel())[0, 1] for i in (15, 16))
    assert near == pytest.approx(0.5, abs=0.02)
    assert far == pytest.approx(0.0, abs=0.02)
    field, reference = b.simulate(b.Setting(6, 0.0, True), 4000, 16, np.random.default_rng(1))
    assert field.std() == pytest.approx(np.hypot(0.05, 0.02), rel=0.02)
    assert (field - reference).std() == pytest.approx(np.hypot(0.02, 0.005), rel=0.02)


def test_normal_p_of_the_benchmark_is_the_products():
    from pipeline.trend import statistics

    b = benchmark()
    series = np.random.default_rng(5).integers(0, 9, (9, 300)).astype(float)
    times = np.arange(9.0)
    np.testing.assert_allclose(b.normal_p(statistics(series, times)[6]), statistics(series, times, significance="normal")[7], rtol=1e-12)


def test_pooled_p_is_the_sum_of_s_over_independent_cells():
    b = benchmark()
    found = np.zeros((9, 1, 3))
    found[4] = [6, 4, 2]  # of 4 years: variance 26/3 each
    z = (12 - 1) / sqrt(3 * 26 / 3)
    assert b.pooled_p(found, 4)[0] == pytest.approx(1 - erf(z / sqrt(2)))


def test_the_rate_of_a_rejection_has_the_error_of_its_fields():
    b = benchmark()
    rejected = np.array([[True, True], [False, False], [True, False], [False, False]])
    found = b.rate(rejected)
    assert found.mean == 3 / 8
    assert found.error == pytest.approx(np.std([1, 0, 0.5, 0], ddof=1) / 2)
    assert b.rate(np.zeros((50, 1), bool)).error == 1 / 50  # never 0: nothing seen is not nothing
    assert np.isnan(b.rate(np.zeros((50, 1), bool)).low)


@pytest.mark.parametrize("interval", sorted({m.interval for m in measured()}))
@pytest.mark.parametrize("reference", [True, False])
@pytest.mark.parametrize("n", [4, 5, 6, 7, 8, 9, 10, 12, 20, 35])
def test_the_recommended_test_is_the_most_powerful_that_holds_its_level(n, reference, interval):
    found = recommended(n, interval=interval, reference=reference)
    most = max(m.years for m in rows(interval=interval) if m.years <= n)
    assert found.years == most
    assert found.test not in NOT_OFFERED
    assert reference or found.target == "absolute"
    groups = {}
    for m in rows(interval=interval, years=most, lag1=0.0):
        if m.test not in NOT_OFFERED and (reference or m.target == "absolute") and (interval == "year" or m.unit == "cell"):
            groups.setdefault((m.test, m.target, m.unit), []).append(m)
    good = {}
    for level in (0.05, 0.10):  # the first at which a test that holds it finds a trend more often than the level itself
        held = {key: g for key, g in groups.items() if all(m.size(level) <= level + 2 * m.error(level) for m in g)}
        good = {key: p for key, g in held.items() if (p := min(m.power(level) for m in g if m.shared)) > level}
        if good:
            break
    assert found.level == level
    assert found.holds
    assert found.power >= max(good.values()) - 0.01 - 1e-9
    own = groups[found.test, found.target, found.unit]
    assert found.size == max(m.size(level) for m in own)
    assert found.size <= level + 2 * found.error
    for lag1, size in zip(PERSISTENT, found.persistent, strict=True):
        there = rows(interval=interval, years=most, lag1=lag1, test=found.test, target=found.target, unit=found.unit)
        assert size == max(m.size(level) for m in there)


def test_a_reference_gives_power():
    for n in YEARS:
        assert recommended(n, reference=True).power >= recommended(n, reference=False).power


def test_nothing_is_recommended_for_3_years():
    assert recommended(3, reference=True) is None
    text = recommendation(3, reference=True)
    assert "no test" in text.en
    assert "无" in text.zh


def test_the_words_carry_the_measured_numbers_in_both_languages():
    found = recommended(4, reference=True)
    text = recommendation(4, reference=True)
    for words in (text.en, text.zh):
        for number in (f"{found.size:.3f} ± {found.error:.3f}", f"{found.power:.2f}", "0.10", "docs/small-samples.md", f"{found.persistent[1]:.2f}"):
            assert number in words
    assert "measured with 6 years" in recommendation(7, reference=True).en
    assert "measured with" not in recommendation(8, reference=True).en
    assert f"{recommended(20, reference=True).persistent[1]:.2f} at a correlation of 0.6" in recommendation(20, reference=True).en


def test_the_words_name_the_column_and_what_the_power_assumes():
    from pipeline.columns import COLUMNS

    assert set(P_COLUMNS.values()) <= set(COLUMNS)
    assert "exact p (column p, target relative), at p <= 0.10" in recommendation(4, reference=True).en
    assert "normal approximation (exact p up to 20 years) (column p, target relative)" in recommendation(21, reference=True).en
    assert "Mann-Kendall（正态近似，精确 p 至 20 年）" in recommendation(21, reference=True).zh
    assert "Mann-Kendall, exact p (column p" in recommendation(20, reference=True).en
    assert "(column p_s_mean, target absolute)" in recommendation(5, reference=False).en
    assert "（p_s_mean 列，target 为 relative）" in recommendation(5, reference=True).zh
    for n in (4, 8):
        assert "a year if the zone swings as its reference does" in recommendation(n, reference=True).en
        assert "swings" not in recommendation(n, reference=False).en


def test_a_test_of_cells_exceeds_its_level_where_the_table_says_so():
    there = [m for m in measured() if (m.interval, m.unit, m.lag1, m.years) == ("month", "cell", 0, 4)]
    worst = max(m.size_05 for m in there if m.test == "seasonal-kendall")
    assert worst > 0.05 + 2 * 0.01
    assert excess_of_cells("seasonal-kendall", 4)[0.05] == worst
    assert excess_of_cells("hirsch-slack", 4) == excess_of_cells("mann-kendall", 4) == {}


def test_where_no_test_holds_its_level_the_words_say_so(monkeypatch):
    """Rows in which every size is twice its level."""
    from dataclasses import replace

    from pipeline import sizes

    bad = tuple(replace(m, size_05=0.1 + 0.1 * m.size_05, size_10=0.2 + 0.1 * m.size_10) for m in measured() if m.years == 8)
    monkeypatch.setattr(sizes, "measured", lambda: bad)
    found = sizes.recommended(8, reference=True)
    assert not found.holds
    assert found.level == 0.05
    least = min(max(m.size_05 for m in bad if (m.test, m.target, m.unit) == key and m.lag1 == 0 and m.interval == "year") for key in _offered(bad))
    assert found.size == least
    text = sizes.recommendation(8, reference=True)
    assert "no test holds p <= 0.05 with 8 years" in text.en
    assert f"fewest false positives, {found.size:.3f}" in text.en
    assert "没有检验能保持" in text.zh


def _offered(found):
    return {(m.test, m.target, m.unit) for m in found if m.test not in NOT_OFFERED and m.interval == "year" and m.power_05 > 0}


def test_every_test_and_unit_has_its_name():
    assert {m.test for m in measured()} <= set(TESTS)
    assert {(m.unit, m.target) for m in measured()} == set(UNITS)
    assert all(text.en and text.zh for text in (*TESTS.values(), *UNITS.values()))


def test_a_report_is_made_anew_when_the_measured_sizes_change(tmp_path, monkeypatch):
    import shutil

    from pipeline import provenance

    home = tmp_path / "pipeline"
    shutil.copytree(provenance.HOME, home, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "HOME", home)
    before = {stage: provenance.code(stage) for stage in ("report", "composite")}
    (home / "sizes.csv").write_text((home / "sizes.csv").read_text().replace("10000", "10001", 1))
    assert provenance.code("report") != before["report"]
    assert provenance.code("composite") == before["composite"]


def test_the_report_says_per_period_what_is_recommended(tmp_path):
    """In both languages, for the years and the reference of the config."""
    import json

    import yaml

    from pipeline.config import Config
    from pipeline.report.method import recommendations

    settings = yaml.safe_load((ROOT / "configs" / "jiangcang.yaml").read_text(encoding="utf-8"))
    config = Config.model_validate_json(json.dumps(settings | {"trend": {"periods": [[2021, 2024], [2022, 2024]]}}))
    assert config.has_reference
    said = recommendations(config)
    assert said[0].en == f"2021-2024: {recommendation(4, reference=True).en}."
    assert said[0].zh.startswith("2021—2024年：4 年、有参照区")
    assert said[-1].en == f"2022-2024: {recommendation(3, reference=True).en}."
    alone = settings["aoi"] | {"reference": [], "zones": {}}
    settings = {key: value for key, value in settings.items() if key not in EVALUATIONS}
    config = Config.model_validate_json(json.dumps(settings | {"aoi": alone, "trend": {"periods": [[2021, 2024]]}}))
    assert not config.has_reference
    assert "without a reference" in recommendations(config)[0].en


@pytest.mark.parametrize("n", [4, 5, 7, 20])
@pytest.mark.parametrize("test", ["seasonal-kendall", "hirsch-slack", "year-permutation"])
def test_the_size_of_cells_is_the_largest_measured_and_what_p_cannot_reach_is_not_called_a_size(test, n):
    years = max(y for y in (*YEARS, 12) if y <= n)
    there = rows(test=test, interval="month", unit="cell", years=years, lag1=0.0)
    said = size_of_cells(test, n)
    assert f"each cell, {years} years: " in said.en
    assert "4 months a year" in said.en
    assert "每年 4 个月" in said.zh
    for level in LEVELS:
        never = test == "year-permutation" and n == 4 and level == 0.05  # 2 of 24 orders
        worst = f"{max(m.size(level) for m in there):.3f}"
        assert (worst in said.en and worst in said.zh) != never
        assert (f"p <= {level:.2f} cannot occur" in said.en) == (f"不可能达到 p <= {level:.2f}" in said.zh) == never
    above = {level for level in LEVELS if any(m.size(level) > level + 2 * m.error(level) for m in there)}
    assert set(excess_of_cells(test, n)) == above
    assert bool(above) == (test == "seasonal-kendall")


def test_every_size_that_check_prints_is_on_the_page():
    page = (ROOT / "docs" / "small-samples.md").read_text(encoding="utf-8")
    largest = page.split("The largest of all these")[1].split("## ")[0].replace("**", "")
    for test in ("seasonal-kendall", "hirsch-slack", "year-permutation"):
        (line,) = (line for line in largest.splitlines() if line.startswith(f"| {TESTS[test].en} |"))
        for n, cell in zip((4, 5, 6, 8, 10, 12, 20), line.strip("|").split("|")[1:], strict=True):
            there = rows(test=test, interval="month", unit="cell", years=n, lag1=0.0)
            assert cell.strip() == f"{max(m.size_10 for m in there):.3f}, {max(m.size_05 for m in there):.3f}"
    for interval, reference, n in ((i, r, n) for i in ("year", "month") for r in (True, False) for n in (4, 5, 6, 8, 10, 12, 20)):
        found = recommended(n, interval=interval, reference=reference)
        assert f"| {found.level:.2f} | {found.size:.3f} ± {found.error:.3f} | {found.power:.2f} |" in page


def test_what_the_page_says_of_5_years_is_what_trying_all_orders_gives():
    from itertools import combinations, permutations

    page = (ROOT / "docs" / "small-samples.md").read_text(encoding="utf-8")
    one_down = [o for o in permutations(range(5)) if sum(o[i + 1] < o[i] for i in range(4)) == 1]
    enough = [o for o in one_down if sum((b > a) - (b < a) for a, b in combinations(o, 2)) >= 8]
    swapped = [[*range(i), i + 1, i, *range(i + 2, 5)] for i in range(4)]
    assert sorted(map(list, enough)) == sorted(swapped)
    assert f"{len(enough)} of the {len(one_down)} orders with exactly one step down" in page


def test_numbers_of_the_methods_page_are_the_measured_ones():
    methods = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    least = {
        test: min(m.power_10 for m in rows(test=test, target="relative", unit="cell", years=4, lag1=0.0, shared=True))
        for test in ("mann-kendall", "hirsch-slack", "year-permutation")
    }
    zone = one(test="mann-kendall", target="relative", unit="zone", years=4, lag1=0.0, shared=True).power_10
    said = " ".join(methods.split())
    assert f"in {least['mann-kendall']:.2f} of the cells on yearly values" in said
    assert f"at least {least['hirsch-slack']:.2f} by `hirsch-slack` and {least['year-permutation']:.2f} by `year-permutation`" in said
    assert f"in {zone:.2f} of the zones by their yearly mean" in said
    size = f"{recommended(4, reference=True).size:.3f}"
    assert f"each tested at a size of {size}, give at least one false finding in {100 * (1 - (1 - float(size)) ** 6):.0f} % of cases" in said


def test_a_monthly_run_warns_of_more_false_positives_than_its_level(tmp_path):
    """Beside what its years can reach; not with a test that holds its level, nor with yearly values."""
    import json

    import yaml

    from pipeline.config import Config
    from pipeline.report.method import warned

    settings = yaml.safe_load((ROOT / "configs/examples/jiangcang-synthetic-monthly.yaml").read_text(encoding="utf-8"))

    def of(test):
        return warned(Config.model_validate_json(json.dumps(settings | {"trend": settings["trend"] | {"test": test, "periods": [[2021, 2024]]}})))

    (text,) = of("seasonal-kendall")
    size = max(m.size_05 for m in measured() if (m.test, m.interval, m.unit, m.lag1, m.years) == ("seasonal-kendall", "month", "cell", 0, 4))
    for words in (text.en, text.zh):
        assert f"{size:.2f}" in words
        assert "2021" in words
    assert "is no proof" in text.en
    assert of("year-permutation") == of("mann-kendall") == []


def test_the_table_is_shipped_with_the_package():
    import tomllib

    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    assert "*.csv" in data["pipeline"]
