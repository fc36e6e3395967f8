"""Measured sizes and powers of the trend tests, which test is recommended for a number of years, and this in words.

The numbers are simulated by benchmarks/false_positives.py, which says how; they are data of the package. A size is the share of fields without any trend
in which a test rejects; of a test of single cells the share of such cells.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pipeline.kernels.null import EXACT_MAX_N, smallest_p_of
from pipeline.words import Text, joined

LEVELS = (0.05, 0.10)
Interval = Literal["year", "month"]
PERSISTENT = (0.3, 0.6)  # correlation of successive years that was measured beside none
TREND = 0.02  # a year, at which power was measured
AS_POWERFUL = 0.01  # powers that differ by no more are taken as equal: three times their standard error
LEAST_HELD_PCT = 92  # 92.6 measured: zones whose true area lies within bounds of 90 %, the least covered class in 15 settings (benchmarks/bounds.py)
MONTHS_MEASURED = 4  # of monthly data
NOT_OFFERED = {"pooled"}  # measured to show what it does


def offered(test: str, interval: str, unit: str) -> bool:
    """Return whether a run makes a test: of monthly values it tests cells alone; zones are tested on yearly values, in every run."""
    return test not in NOT_OFFERED and (interval, unit) != ("month", "zone")


# Of tests that are equally powerful the first is recommended: relative to a reference before absolute, the zone before its cells, then in this order
TESTS: dict[str, Text] = {
    "mann-kendall": Text("Mann-Kendall, exact p", "Mann-Kendall（精确 p）"),
    "year-permutation": Text("seasonal Mann-Kendall, whole years permuted", "季节 Mann-Kendall（整年置换）"),
    "joint-mean-s": Text("years permuted jointly, mean S of the cells", "整年联合置换，像元平均 S"),
    "joint-slope": Text("years permuted jointly, mean slope of the cells", "整年联合置换，像元平均斜率"),
    "joint-monotone": Text("years permuted jointly, share of monotone cells", "整年联合置换，单调像元比例"),
    "hirsch-slack": Text("seasonal Mann-Kendall with covariances (Hirsch and Slack 1984)", "季节 Mann-Kendall（协方差修正，Hirsch and Slack 1984）"),
    "seasonal-kendall": Text("seasonal Mann-Kendall (Hirsch et al. 1982)", "季节 Mann-Kendall（Hirsch 等 1982）"),
    "mann-kendall-normal": Text("Mann-Kendall, normal approximation", "Mann-Kendall（正态近似）"),
    "benjamini-hochberg": Text("Mann-Kendall, exact p, false discovery rate controlled", "Mann-Kendall（精确 p，控制错误发现率）"),
    "pooled": Text("S of all cells added as if they were independent (not offered)", "所有像元的 S 相加，视为独立（不提供）"),
}
P_COLUMNS = {  # of trend_by_zone.csv, by test of a zone
    "mann-kendall": "p",
    "joint-mean-s": "p_s_mean",
    "joint-slope": "p_slope_mean",
    "joint-monotone": "p_monotone",
}
UNITS = {
    ("cell", "absolute"): Text("each cell", "逐像元"),
    ("cell", "relative"): Text("each cell minus the reference", "逐像元减参照区"),
    ("zone", "absolute"): Text("the zone", "分区"),
    ("zone", "relative"): Text("the zone minus its reference", "分区减其参照区"),
}


@dataclass(frozen=True)
class Measured:
    """A row of sizes.csv: one test in one setting. Numbers ending in 05 and 10 are those at p <= 0.05 and p <= 0.10.

    `size` and `power` are shares, `error` their Monte Carlo standard errors; `low` and `high` bound the share of rejected cells in 90 % of null fields.
    `fdr` is the false discovery rate with the trend in half of the cells, of the control of many tests alone; else NaN. `within` is the correlation
    within a year, NaN in yearly data.
    """

    test: str
    target: str
    unit: str
    interval: str
    years: int
    lag1: float
    within: float
    shared: bool
    fields: int
    size_05: float
    error_05: float
    low_05: float
    high_05: float
    size_10: float
    error_10: float
    low_10: float
    high_10: float
    power_05: float
    power_error_05: float
    power_10: float
    power_error_10: float
    fdr_05: float
    fdr_10: float

    def size(self, level: float) -> float:
        """Return the measured size at a level."""
        return {0.05: self.size_05, 0.10: self.size_10}[level]

    def error(self, level: float) -> float:
        """Return the standard error of the size at a level."""
        return {0.05: self.error_05, 0.10: self.error_10}[level]

    def power(self, level: float) -> float:
        """Return the measured power at a level."""
        return {0.05: self.power_05, 0.10: self.power_10}[level]

    def holds(self, level: float) -> bool:
        """Return whether the size does not exceed the level by more than two standard errors."""
        return self.size(level) <= level + 2 * self.error(level)


@cache
def measured() -> tuple[Measured, ...]:
    """Return every row of sizes.csv."""
    read: dict[str, Callable[[str], Any]] = {"str": str, "int": int, "float": float, "bool": "True".__eq__}
    kinds = {f.name: read[str(f.type)] for f in fields(Measured)}
    text = files("pipeline").joinpath("sizes.csv").read_text(encoding="utf-8")
    return tuple(Measured(**{name: kinds[name](value) for name, value in row.items()}) for row in csv.DictReader(text.splitlines()))


@dataclass(frozen=True)
class Recommendation:
    """The test recommended in one setting. `row` is its least favourable measurement at lag 0: with what power it must reckon.

    `years` were measured, which may be fewer than asked for. `size` and `error` are the largest measured over what a config does not tell (a shared year
    effect, the correlation within a year), `holds` whether all of them hold the level; `persistent` the largest sizes at each correlation of `PERSISTENT`.
    """

    test: str
    target: str
    unit: str
    years: int
    level: float
    size: float
    error: float
    holds: bool
    power: float
    persistent: tuple[float, ...]


def recommended(n: int, *, interval: Interval = "year", reference: bool) -> Recommendation | None:
    """Return the test recommended for n years among those `offered`; None where no test is useful even at 0.10, as with fewer than 4 years.

    Useful: its power in the least favourable setting with a shared year effect is above its level. Of the useful tests whose measured size holds the
    level, in data whose years are independent, the one with most power; at 0.05, or at 0.10 where there is none. Where none holds its level, the useful
    one with the smallest size.

    >>> found = recommended(4, reference=True)
    >>> found.test, found.unit, found.target, found.level, found.holds
    ('mann-kendall', 'zone', 'relative', 0.1, True)
    >>> recommended(3, reference=True) is None
    True
    """
    there = [m for m in measured() if m.interval == interval and m.years <= n and offered(m.test, m.interval, m.unit) and (reference or m.target == "absolute")]
    most = max((m.years for m in there), default=0)
    found: dict[tuple[str, str, str], list[Measured]] = {}
    for m in there:
        if m.years == most:
            found.setdefault((m.test, m.target, m.unit), []).append(m)
    useful = [r for level in LEVELS for rows in found.values() if (r := _of(rows, level)).power > level]
    held = [r for r in useful if r.holds]
    if not held:
        return min(useful, key=lambda r: (r.size, r.level), default=None)
    level = min(r.level for r in held)
    best = max(r.power for r in held if r.level == level)
    return min((r for r in held if r.level == level and r.power >= best - AS_POWERFUL), key=_order)


def _cells(test: str, n: int) -> list[Measured]:
    """Return the measurements of a seasonal test of single cells with the most years up to n, years being independent; none of other tests."""
    there = [m for m in measured() if (m.test, m.interval, m.unit, m.lag1) == (test, "month", "cell", 0) and m.years <= n]
    most = max((m.years for m in there), default=0)
    return [m for m in there if m.years == most]


def excess_of_cells(test: str, n: int) -> dict[float, float]:
    """Return the false positives of a seasonal test of single cells with n years, by the level that they exceed; none where it holds its levels.

    >>> excess_of_cells("seasonal-kendall", 4)[0.05] > 0.28, excess_of_cells("year-permutation", 4)
    (True, {})
    """
    there = _cells(test, n)
    return {level: max(m.size(level) for m in there) for level in LEVELS if not all(m.holds(level) for m in there)}


def size_of_cells(test: str, n: int) -> Text | None:
    """Return the false positives of a seasonal test of single cells with n years, in words; None for other tests and fewer years than were measured.

    They are the largest over what a config does not tell, years being independent.

    >>> size_of_cells("seasonal-kendall", 4).en.split(", each cell, ")[1]
    '4 years: false positives up to 0.290 at p <= 0.05, 0.349 at p <= 0.10 (simulated with 4 months a year)'
    >>> size_of_cells("mann-kendall", 4) is None
    True
    """
    there = _cells(test, n)
    if not there:
        return None
    years, months, name = there[0].years, MONTHS_MEASURED, TESTS[test]
    reached = [level for level in LEVELS if smallest_p_of(test, years, months, "auto") <= level]
    none = [f"p <= {level:.2f}" for level in LEVELS if level not in reached]
    worst = [(f"{max(m.size(level) for m in there):.3f}", f"p <= {level:.2f}") for level in reached]
    never = Text("".join(f"{p} cannot occur; " for p in none), "".join(f"不可能达到 {p}；" for p in none))
    return Text(
        f"{name.en}, each cell, {years} years: {never.en}false positives up to {', '.join(f'{size} at {p}' for size, p in worst)} "
        f"(simulated with {months} months a year)",
        f"{name.zh}，逐像元，{years} 年：{never.zh}误报率最大为 {'、'.join(f'{size}（{p}）' for size, p in worst)}（以每年 {months} 个月模拟）",
    )


def _order(r: Recommendation) -> tuple[bool, bool, int]:
    return r.target != "relative", r.unit != "zone", list(TESTS).index(r.test)


def _of(rows: list[Measured], level: float) -> Recommendation:
    """Return one test's case from its rows of one number of years."""
    free = [m for m in rows if m.lag1 == 0]
    worst = max(free, key=lambda m: m.size(level))
    return Recommendation(
        worst.test,
        worst.target,
        worst.unit,
        worst.years,
        level,
        worst.size(level),
        worst.error(level),
        all(m.holds(level) for m in free),
        min(m.power(level) for m in free if m.shared),
        tuple(max(m.size(level) for m in rows if m.lag1 == lag1) for lag1 in PERSISTENT),
    )


def by_normal(name: Text) -> Text:
    """Return the name of a test with the reason why its p is the normal approximation."""
    return Text(f"{name.en} (exact p up to {EXACT_MAX_N} years)", f"{name.zh.removesuffix('）')}，精确 p 至 {EXACT_MAX_N} 年）")


def recommendation(n: int, *, interval: Interval = "year", reference: bool) -> Text:
    """Return `recommendation_parts` as one text."""
    return joined(recommendation_parts(n, interval=interval, reference=reference), Text("; ", "；"))


def recommendation_parts(n: int, *, interval: Interval = "year", reference: bool) -> list[Text]:
    """Return what to use for n years, with its measured size, and what no test holds, in words.

    >>> recommendation_parts(3, reference=False)[0].en
    'recommended for 3 years: no test; at p <= 0.10 none finds a trend more often than it errs (docs/small-samples.md)'
    """
    found = recommended(n, interval=interval, reference=reference)
    n_years, n_zh = (f"{n} years of monthly values", f"{n} 年逐月值") if interval == "month" else (f"{n} years", f"{n} 年")
    if found is None:
        return [
            Text(
                f"recommended for {n_years}: no test; at p <= 0.10 none finds a trend more often than it errs (docs/small-samples.md)",
                f"{n_zh}的推荐检验：无；在 p <= 0.10 水平上，没有检验发现趋势的机会大于出错的机会（docs/small-samples.md）",
            )
        ]
    name, unit, level = TESTS[found.test], UNITS[found.unit, found.target], f"{found.level:.2f}"
    if found.test == "mann-kendall" and n > EXACT_MAX_N:
        name = by_normal(TESTS["mann-kendall-normal"])
    of = Text("" if found.years == n else f", measured with {found.years} years", "" if found.years == n else f"（以 {found.years} 年测得）")
    size = f"{found.size:.3f} ± {found.error:.3f}"
    column = P_COLUMNS.get(found.test) if found.unit == "zone" else None
    at = Text(f" (column {column}, target {found.target})", f"（{column} 列，target 为 {found.target}）") if column else Text("", "")
    alike = Text(" if the zone swings as its reference does", "（假定分区与参照区同幅波动）") if found.target == "relative" else Text("", "")
    texts = [
        Text(
            f"recommended for {n_years} {'with' if reference else 'without'} a reference: {unit.en}: {name.en}{at.en}, at p <= {level}: "
            f"false positives {size}, power {found.power:.2f} at {TREND:g} a year{alike.en}{of.en} (simulated: docs/small-samples.md)",
            f"{n_zh}、{'有' if reference else '无'}参照区的推荐检验：{unit.zh}：{name.zh}{at.zh}，p <= {level}：误报率 {size}，"
            f"年趋势 {TREND:g} 时的检验功效 {found.power:.2f}{alike.zh}{of.zh}（模拟结果，见 docs/small-samples.md）",
        )
    ]
    if not found.holds:
        texts.append(
            Text(
                f"no test holds p <= {level} with {n} years: this one has the fewest false positives, {size}",
                f"{n} 年数据没有检验能保持 p <= {level}：该检验误报最少，为 {size}",
            )
        )
    worse = [(lag1, size) for lag1, size in zip(PERSISTENT, found.persistent, strict=True) if size > found.level]
    if worse:
        texts.append(
            Text(
                f"with {n} years it does not hold where successive years resemble each other: false positives "
                + ", ".join(f"{size:.2f} at a correlation of {lag1:g}" for lag1, size in worse),
                f"{n} 年时若相邻年份相关，则不能保持该水平：" + "，".join(f"相关系数 {lag1:g} 时误报率 {size:.2f}" for lag1, size in worse),
            )
        )
    return texts
