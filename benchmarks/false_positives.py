"""How often each test finds a trend where there is none, and how often it finds one that is there; writes pipeline/sizes.csv.

Run `python benchmarks/false_positives.py` (all settings, prints Markdown tables, writes nothing), with `--write` to replace pipeline/sizes.csv, with
`--figure` to draw docs/images/relative-gain.png, with `--small` for a few settings in seconds.

The data are simulated. A field is 64 cells in four blocks of 16. Cell noise has standard deviation 0.02, half of its variance shared by the block; a year
effect of standard deviation 0.05 may be shared by the whole field and by the reference, whose mean has an error of 0.005. All parts follow the same
first-order autoregression between years. Seasonal data have 4 values a year whose cell noise is correlated within the year. Size: the share of null fields
(or of their cells) with p <= level. Power: the same share with a trend of 0.02 a year in every cell of the field, none in the reference; of the false
discovery rate: with the trend in half of the cells. The standard error is that between fields, which are independent.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from itertools import product
from math import sqrt
from pathlib import Path

import numpy as np
from scipy.special import erfc

from pipeline import jointtest
from pipeline.classes import P_TOLERANCE
from pipeline.kernels import null
from pipeline.lettering import with_fonts
from pipeline.manytests import q_values
from pipeline.sizes import LEVELS, Measured
from pipeline.trend import seasonal_statistics, statistics

ROOT = Path(__file__).parents[1]
YEARS = (4, 5, 6, 8, 10, 12, 20)
LAG1 = (0.0, 0.3, 0.6)
WITHIN = (0.0, 0.5, 0.8)
SEASONS = 4
CELLS, BLOCKS = 64, 4
CELL_SD, YEAR_SD, REFERENCE_SD = 0.02, 0.05, 0.005
TREND = 0.02  # a year
JOINT_CELLS = 32  # of the field, evenly spaced, in the joint permutation
DRAWN = 199
P_ROW, Z_ROW, S_ROW = 7, 6, 4  # of the nine statistics


@dataclass(frozen=True)
class Setting:
    """What is simulated. `within`: correlation of the cell noise within a year, of seasonal data alone."""

    years: int
    lag1: float
    shared: bool
    within: float | None = None

    @property
    def interval(self) -> str:
        """Return `year` or `month`, as the config calls it."""
        return "year" if self.within is None else "month"


@dataclass(frozen=True)
class Runs:
    """Numbers of fields.

    `cells`: of tests of cells and of means; `zones`, `zones_long`: of joint permutations and of the control of many tests, up to 12 years and above;
    `seasonal`: of seasonal tests, `drawn`: of those that draw orders of years.
    """

    cells: int
    zones: int
    zones_long: int
    seasonal: int
    drawn: int


FULL = Runs(10_000, 4_000, 2_800, 10_000, 2_800)
SMALL = Runs(400, 100, 100, 200, 40)


def autoregressive(rng: np.random.Generator, shape: tuple[int, ...], lag1: float) -> np.ndarray:
    """Return standard normal series along axis 0 with this correlation between neighbours."""
    out = rng.standard_normal(shape)
    for i in range(1, shape[0]):
        out[i] = lag1 * out[i - 1] + sqrt(1 - lag1**2) * out[i]
    return out


def simulate(setting: Setting, n_fields: int, cells: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return null series (year, season, field, cell) and those of the reference's mean (year, season, field, 1); season has length 1 in yearly data."""
    n, seasons = setting.years, 1 if setting.within is None else SEASONS
    blocks = max(1, cells * BLOCKS // CELLS)

    def noise(count: int) -> np.ndarray:
        own = autoregressive(rng, (n, seasons, n_fields, count), setting.lag1)
        if setting.within:
            common = autoregressive(rng, (n, 1, n_fields, count), setting.lag1)
            own = sqrt(setting.within) * common + sqrt(1 - setting.within) * own
        return own

    field = CELL_SD * sqrt(0.5) * (noise(cells) + np.repeat(noise(blocks), cells // blocks, axis=-1))
    reference = REFERENCE_SD * noise(1)
    if setting.shared:
        year = YEAR_SD * autoregressive(rng, (n, 1, n_fields, 1), setting.lag1)
        field += year
        reference = reference + year
    return field, reference


def with_trend(series: np.ndarray, slope: float = TREND) -> np.ndarray:
    """Return series (year, ...) with a trend added."""
    return series + slope * np.arange(len(series)).reshape(-1, *[1] * (series.ndim - 1))


@dataclass(frozen=True)
class Rate:
    """A share of rejections: its mean over fields, its standard error, and the 5-95 % range of fields of many cells, else NaN."""

    mean: float
    error: float
    low: float
    high: float


def rate(rejected: np.ndarray) -> Rate:
    """Return the rate of rejections (field, ...); the standard error is that of the mean over fields."""
    share = rejected.reshape(len(rejected), -1).mean(axis=1)
    m = float(share.mean())
    # of no rejection at all the error is that of one field
    error = float(share.std(ddof=1) / sqrt(len(share))) if share.any() and not share.all() else 1 / len(share)
    low, high = np.quantile(share, (0.05, 0.95)) if rejected.size > len(rejected) else (np.nan, np.nan)
    return Rate(m, error, float(low), float(high))


def rejections(p: np.ndarray) -> list[np.ndarray]:
    """Return per level where p is small enough."""
    return [p <= level + P_TOLERANCE for level in LEVELS]


def annual(series: np.ndarray) -> np.ndarray:
    """Return the nine statistics (9, field, cell) of series (year, 1, field, cell)."""
    return statistics(series[:, 0], np.arange(len(series), dtype=float))


def normal_p(z: np.ndarray) -> np.ndarray:
    """Return the two-sided normal p, as `significance: normal` has it."""
    return erfc(np.abs(z) / sqrt(2))


def pooled_p(found: np.ndarray, n: int) -> np.ndarray:
    """Return p (field,) of the sum of S over cells as if cells were independent: what must not be done."""
    s, cells = found[S_ROW].sum(axis=-1), found.shape[-1]
    return normal_p((np.abs(s) - 1).clip(0) / sqrt(cells * n * (n - 1) * (2 * n + 5) / 18))


def controlled(p: np.ndarray) -> np.ndarray:
    """Return Benjamini-Hochberg's q of the cells of each field, (field, cell)."""
    return np.stack([q_values(cells) for cells in p])


JOINT = {"joint-mean-s": "mean_s_p", "joint-monotone": "monotone_p", "joint-slope": "slope_mean_p"}


def joint_p(series: np.ndarray) -> dict[str, np.ndarray]:
    """Return the p (field,) of each statistic of the joint permutation of years, from series (year, field, cell).

    Above 7 years 199 orders are drawn, anew for each field: a permutation test keeps its size with any number; the product draws 9,999 for its power.
    """
    times, weights = np.arange(len(series), dtype=float), np.ones(series.shape[-1])
    usual, jointtest.DRAWN, null.DRAWN = null.DRAWN, DRAWN, DRAWN
    try:
        found = [jointtest.joint_test(np.ascontiguousarray(series[:, i]), times, weights, seed=i) for i in range(series.shape[1])]
    finally:
        jointtest.DRAWN = null.DRAWN = usual
    return {test: np.array([getattr(one, name) for one in found]) for test, name in JOINT.items()}


def rows(setting: Setting, test: str, target: str, unit: str, p: tuple[np.ndarray, np.ndarray], half: np.ndarray | None = None) -> Measured:
    """Return the row of a test from its p in null fields and in fields with the trend, (field, ...) each.

    `half` is of the control of many tests: p (field, cell) with the trend in the first half of the cells. Its size is the share of null fields with any
    rejection.
    """
    none, there = ([rate(r) for r in rejections(v)] for v in p)
    false = [np.nan, np.nan]
    if half is not None:
        none = [rate(r.any(axis=1)) for r in rejections(p[0])]
        false = [float((r[:, r.shape[1] // 2 :].sum(axis=1) / r.sum(axis=1).clip(1)).mean()) for r in rejections(half)]
    a, b = none
    c, d = there
    within = np.nan if setting.within is None else setting.within
    numbers = (a.mean, a.error, a.low, a.high, b.mean, b.error, b.low, b.high, c.mean, c.error, d.mean, d.error, *false)
    return Measured(test, target, unit, setting.interval, setting.years, setting.lag1, within, setting.shared, len(p[0]), *(float(f"{v:.4f}") for v in numbers))


def targets(field: np.ndarray, reference: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Return the series as they are, and minus the reference's mean."""
    yield "absolute", field
    yield "relative", field - reference


def yearly(setting: Setting, runs: Runs, rng: np.random.Generator) -> list[Measured]:
    """Return the rows of the tests of yearly data."""
    out = []
    zones = runs.zones if setting.years <= 12 else runs.zones_long
    for target, flat in targets(*simulate(setting, runs.cells, CELLS, rng)):
        there = with_trend(flat)
        found = annual(flat), annual(there)
        cells = found[0][P_ROW], found[1][P_ROW]
        out.append(rows(setting, "mann-kendall", target, "cell", cells))
        out.append(rows(setting, "mann-kendall-normal", target, "cell", tuple(normal_p(f[Z_ROW]) for f in found)))
        few = cells[0][:zones], cells[1][:zones]
        half = np.concatenate([few[1][:, : CELLS // 2], few[0][:, CELLS // 2 :]], axis=1)
        out.append(rows(setting, "benjamini-hochberg", target, "cell", (controlled(few[0]), controlled(few[1])), controlled(half)))
        mean = tuple(annual(series.mean(axis=-1, keepdims=True))[P_ROW] for series in (flat, there))
        out.append(rows(setting, "mann-kendall", target, "zone", mean))
        out.append(rows(setting, "pooled", target, "zone", tuple(pooled_p(f, setting.years) for f in found)))
        joint = [joint_p(series[:, 0, :zones, :: CELLS // JOINT_CELLS]) for series in (flat, there)]
        out += [rows(setting, test, target, "zone", (joint[0][test], joint[1][test])) for test in JOINT]
    return out


def seasonal(setting: Setting, runs: Runs, rng: np.random.Generator) -> list[Measured]:
    """Return the rows of the tests of seasonal data, for single cells and for the zone's mean series."""
    out = []
    cells = 4
    orders = runs.seasonal if setting.years <= null.ALL_ORDERS_MAX_N else runs.drawn
    for target, flat in targets(*simulate(setting, runs.seasonal, cells, rng)):
        there = with_trend(flat)
        for test, most in (("seasonal-kendall", runs.seasonal), ("hirsch-slack", runs.seasonal), ("year-permutation", orders)):
            for unit in ("cell", "zone"):
                p = []
                for series in (flat[:, :, :most], there[:, :, :most]):
                    one = series[..., :1] if unit == "cell" else series.mean(axis=-1, keepdims=True)
                    p.append(seasonal_statistics(np.ascontiguousarray(one), np.arange(setting.years, dtype=float), test=test)[P_ROW])
                out.append(rows(setting, test, target, unit, tuple(p)))
    return out


def settings(interval: str) -> list[Setting]:
    """Return all settings of an interval."""
    within: tuple[float | None, ...] = (None,) if interval == "year" else WITHIN
    return [Setting(n, lag1, shared, rho) for n, lag1, shared, rho in product(YEARS, LAG1, (False, True), within)]


def measure(task: tuple[int, Setting, Runs]) -> list[Measured]:
    """Return the rows of one setting; its random numbers depend on its place in the list alone."""
    seed, setting, runs = task
    rng = np.random.default_rng([seed, 1538243])
    return (yearly if setting.within is None else seasonal)(setting, runs, rng)


def monotone_share(slope: float, n: int = 4, n_fields: int = 60_000, seed: int = 7) -> tuple[Rate, Rate]:
    """Return the share of cells that rise every year under a year effect shared with the reference: absolute, and relative to it."""
    rng = np.random.default_rng([seed, n])
    field, reference = simulate(Setting(n, 0.0, True), n_fields, 16, rng)
    most = n * (n - 1) // 2
    a, b = (rate(annual(with_trend(series, slope))[S_ROW] == most) for series in (field, field - reference))
    return a, b


SLOPES = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06)


@with_fonts
def figure(path: Path) -> None:
    """Draw the share of cells that rise in all of 4 years against the trend, absolute and relative to the reference."""
    from pipeline.sheet import GREY, SMALL_PT, TEXT_PT, Words, new_sheet, save
    from pipeline.words import Text

    found = {slope: monotone_share(slope) for slope in SLOPES}
    title = "What subtracting the reference gains: 4 years, cells that rise in every year (S = +6)"
    shares = [[100 * found[slope][i].mean for slope in SLOPES] for i in (0, 1)]
    at = SLOPES.index(TREND)
    said = Text(
        f"With a trend of {TREND:g} a year the share rises from {shares[0][at]:.1f} % to {shares[1][at]:.1f} %; without a trend it stays what chance gives: "
        f"{shares[0][0]:.1f} % and {shares[1][0]:.1f} % (by theory 1 of 24 orders, {100 / 24:.1f} %).",
        "",
    )
    source = (
        f"Simulated, not observed: year effect shared with the reference, SD {YEAR_SD:g}; cell noise {CELL_SD:g}; error of the reference's mean "
        f"{REFERENCE_SD:g}; 60,000 fields of 16 cells; python benchmarks/false_positives.py --figure",
    )
    sheet = new_sheet(Words(title, (said,), source), 7.2, 3.6)
    axes = sheet.axes(sheet.left + 0.55, sheet.bottom + 0.5, sheet.right - sheet.left - 1.95, sheet.top - sheet.bottom - 0.6)
    for y, label, colour, marker in ((shares[1], "relative to\nthe reference", "#1b6e53", "o"), (shares[0], "as it is", "#8c5a2b", "s")):
        axes.plot(SLOPES, y, color=colour, marker=marker, markersize=4, linewidth=1.4, clip_on=False, zorder=3)
        axes.annotate(label, (SLOPES[-1], y[-1]), (8, 0), textcoords="offset points", va="center", fontsize=TEXT_PT, color=colour)
    axes.axhline(100 / 24, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate("chance: 1 of 24", (SLOPES[-1], 100 / 24), (8, 0), textcoords="offset points", va="center", fontsize=SMALL_PT, color=GREY)
    for i in (0, 1):
        axes.annotate(f"{shares[i][at]:.0f} %", (TREND, shares[i][at]), (-5, 5), textcoords="offset points", ha="right", fontsize=TEXT_PT)
    axes.set(xlim=(0, SLOPES[-1]), ylim=(0, 100), xlabel="true trend, cover or NDVI per year", ylabel="cells with S = +6, %")
    axes.tick_params(labelsize=SMALL_PT)
    axes.xaxis.label.set_size(TEXT_PT)
    axes.yaxis.label.set_size(TEXT_PT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    save(sheet.figure, path)


def table(found: list[Measured]) -> Iterator[str]:
    """Return the lines of a Markdown table of rows."""
    yield "| test | target | of a | years | lag 1 | within | shared year | size .05 | size .10 | 5-95 % at .10 | power .05 | power .10 | FDR .05, .10 |"
    yield "|---" * 13 + "|"
    for m in found:
        fdr = "" if np.isnan(m.fdr_10) else f"{m.fdr_05:.3f}, {m.fdr_10:.3f}"
        span = "" if np.isnan(m.low_10) else f"{m.low_10:.3f}-{m.high_10:.3f}"
        yield (
            f"| {m.test} | {m.target} | {m.unit} | {m.years} | {m.lag1:g} | {'' if np.isnan(m.within) else f'{m.within:g}'} | {'yes' if m.shared else 'no'} "
            f"| {m.size_05:.3f} ± {m.error_05:.3f} | {m.size_10:.3f} ± {m.error_10:.3f} | {span} | {m.power_05:.3f} | {m.power_10:.3f} | {fdr} |"
        )


def text_of(found: list[Measured]) -> str:
    """Return sizes.csv."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [f.name for f in fields(Measured)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(m) for m in found)
    return out.getvalue()


def every(runs: Runs, chosen: Callable[[Setting], bool] = lambda setting: True, workers: int | None = None) -> list[Measured]:
    """Return the rows of all settings, or of those chosen; the numbers do not depend on what else is measured, nor on the number of processes."""
    tasks = [(i, setting, runs) for i, setting in enumerate(settings("year") + settings("month")) if chosen(setting)]
    tasks.sort(key=lambda task: -task[1].years)  # the longest first
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
        done = {task[0]: found for task, found in zip(tasks, pool.map(measure, tasks), strict=True)}
    return [m for i in sorted(done) for m in done[i]]


def main() -> None:
    """Measure, print, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few settings with few fields, for a test")
    parser.add_argument("--write", action="store_true", help="replace pipeline/sizes.csv")
    parser.add_argument("--figure", action="store_true", help="draw docs/images/relative-gain.png and measure nothing else")
    options = parser.parse_args()
    if options.figure:
        figure(ROOT / "docs" / "images" / "relative-gain.png")
        return
    if options.small and options.write:
        sys.exit("--small is too rough to be written")
    started = time.perf_counter()
    found = every(SMALL, lambda s: s.years in (4, 8) and s.lag1 == 0) if options.small else every(FULL)
    print("\n".join(table(found)))
    print(f"\n{len(found)} rows in {time.perf_counter() - started:.0f} s")
    if options.write:
        (ROOT / "pipeline" / "sizes.csv").write_text(text_of(found), encoding="utf-8")


if __name__ == "__main__":
    main()
