"""docs/small-samples.md: what few years can say, from the null distribution of S and from pipeline/sizes.csv."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise, permutations
from math import factorial

import numpy as np
from scipy.stats import multivariate_normal

from pipeline.evidence import chance
from pipeline.kernels.null import smallest_p, smallest_p_of, two_sided_p
from pipeline.sizes import LEVELS, MONTHS_MEASURED, P_COLUMNS, PERSISTENT, TESTS, TREND, UNITS, Interval, Measured, measured, recommended

YEARS = (3, 4, 5, 6, 8, 10, 12, 20)
ALPHA = {0.10: "slightly significant", 0.05: "significant", 0.01: "extremely significant"}


def critical(n: int, alpha: float) -> int | None:
    """Return the smallest abs(S) with exact p <= alpha of n values without ties; None where there is none."""
    p = two_sided_p((1,) * n)
    reached = [s for s in range(len(p)) if p[s] <= alpha + 1e-12]
    return min(reached) if reached else None


def floor_table() -> Iterator[str]:
    """Return per number of years the smallest p, with and without a tie, and what it takes for each level."""
    yield (
        "| years | smallest p | with one tie | "
        + " | ".join(f"p <= {a:g} ({name}) from" for a, name in ALPHA.items())
        + " | by chance, each direction, at 0.10 / 0.05 |"
    )
    yield "|---" * (len(ALPHA) + 4) + "|"
    for n in YEARS:
        top = n * (n - 1) // 2
        cells = []
        for alpha in ALPHA:
            s = critical(n, alpha)
            cells.append("cannot be tested" if s is None else f"abs(S) = {s} of {top}")
        by_chance = " / ".join(f"{100 * chance(n, alpha, 'auto'):.2f} %" for alpha in (0.10, 0.05))
        yield f"| {n} | {_p(smallest_p(n, 'auto'))} | {_p(float(np.nanmin(two_sided_p((2,) + (1,) * (n - 2)))))} | {' | '.join(cells)} | {by_chance} |"


def one_step_down(n: int) -> list[int]:
    """Return S of every order of n values that has exactly one step down."""
    orders = [o for o in permutations(range(n)) if sum(b < a for a, b in pairwise(o)) == 1]
    return [sum((b > a) - (b < a) for a, b in combinations(o, 2)) for o in orders]


def _p(p: float) -> str:
    return f"{p:.4f}" if p >= 0.001 else f"{p:.1g}"


def rows(interval: Interval = "year", **wanted: object) -> list[Measured]:
    """Return the measured rows of an interval with these values."""
    return [m for m in measured() if m.interval == interval and all(getattr(m, name) == value for name, value in wanted.items())]


def one(**wanted: object) -> Measured:
    """Return the only measured row with these values."""
    (found,) = rows(**wanted)  # type: ignore[arg-type]
    return found


def named(m: Measured) -> str:
    """Return what a row is of, in words."""
    return f"{UNITS[m.unit, m.target].en}: {TESTS[m.test].en}"


def lever_table() -> Iterator[str]:
    """Return power at the stated trend of each lever, by years, at both levels."""
    levers = [
        ("a cell", {"test": "mann-kendall", "unit": "cell", "target": "absolute"}),
        ("a cell minus the reference", {"test": "mann-kendall", "unit": "cell", "target": "relative"}),
        ("the zone's mean", {"test": "mann-kendall", "unit": "zone", "target": "absolute"}),
        ("the zone's mean minus the reference", {"test": "mann-kendall", "unit": "zone", "target": "relative"}),
        ("the zone minus the reference, years permuted jointly (mean S)", {"test": "joint-mean-s", "unit": "zone", "target": "relative"}),
    ]
    years = sorted({m.years for m in measured()})
    yield "| what is tested | " + " | ".join(f"{n} years" for n in years) + " |"
    yield "|---" * (len(years) + 1) + "|"
    for name, wanted in levers:
        found = [one(interval="year", years=n, lag1=0.0, shared=True, **wanted) for n in years]
        yield f"| {name} | " + " | ".join(f"{m.power_10:.2f}, {m.power_05:.2f}" if m.power_05 else f"{m.power_10:.2f}, none" for m in found) + " |"


def level_table(unit: str, level: float) -> Iterator[str]:
    """Return the measured sizes of every test of yearly values of cells, or of zones, at one level, by years; years are shared."""
    found = rows("year", shared=True, lag1=0.0, unit=unit)
    years = sorted({m.years for m in found})
    yield f"| test, p <= {level:.2f} | " + " | ".join(f"{n} years" for n in years) + " |"
    yield "|---" * (len(years) + 1) + "|"
    for key in dict.fromkeys((m.test, m.target) for m in found):
        own = [m for m in found if (m.test, m.target) == key]
        yield f"| {named(own[0])} | " + " | ".join(_size(m, level) for m in own) + " |"


def size_table(interval: Interval, shared: bool, within: float | None, targets: tuple[str, ...] = ("absolute", "relative")) -> Iterator[str]:
    """Return the measured sizes of every test by years, at both levels."""
    found = [m for m in rows(interval, shared=shared, lag1=0.0) if (within is None or m.within == within) and m.target in targets]
    years = sorted({m.years for m in found})
    yield "| test | " + " | ".join(f"{n} years" for n in years) + " |"
    yield "|---" * (len(years) + 1) + "|"
    for key in dict.fromkeys((m.test, m.target, m.unit) for m in found):
        own = [m for m in found if (m.test, m.target, m.unit) == key]
        yield f"| {named(own[0])} | " + " | ".join(_sizes(m) for m in own) + " |"


def largest_table() -> Iterator[str]:
    """Return the largest measured size of each test of cells on several values a year, which `minegreen check` prints."""
    found = rows("month", unit="cell", lag1=0.0)
    years = sorted({m.years for m in found})
    yield "| each cell | " + " | ".join(f"{n} years" for n in years) + " |"
    yield "|---" * (len(years) + 1) + "|"
    for test in dict.fromkeys(m.test for m in found):
        worst = [[max((m for m in found if (m.test, m.years) == (test, n)), key=lambda m: m.size(level)) for level in reversed(LEVELS)] for n in years]
        cells = [", ".join(_size(m, level) for m, level in zip(pair, reversed(LEVELS), strict=True)) for pair in worst]
        yield f"| {TESTS[test].en} | " + " | ".join(cells) + " |"


def _sizes(m: Measured) -> str:
    """Return sizes at 0.10 and 0.05."""
    return ", ".join(_size(m, level) for level in reversed(LEVELS))


def _size(m: Measured, level: float) -> str:
    """Return a size, in bold where it exceeds its level by more than 2 standard errors."""
    return f"{m.size(level):.3f}" if m.holds(level) else f"**{m.size(level):.3f}**"


def persistent_table() -> Iterator[str]:
    """Return sizes at 0.10 where successive years resemble each other."""
    chosen = [
        ("mann-kendall", "relative", "cell"),
        ("mann-kendall", "relative", "zone"),
        ("joint-mean-s", "relative", "zone"),
        ("joint-slope", "relative", "zone"),
    ]
    years = sorted({m.years for m in measured()})
    yield "| test | correlation | " + " | ".join(f"{n} years" for n in years) + " |"
    yield "|---" * (len(years) + 2) + "|"
    for test, target, unit in chosen:
        for lag1 in (0.0, *PERSISTENT):
            found = [one(interval="year", test=test, target=target, unit=unit, lag1=lag1, shared=True, years=n) for n in years]
            yield f"| {named(found[0])} | {lag1:g} | " + " | ".join(_sizes(m) for m in found) + " |"


def field_table() -> Iterator[str]:
    """Return the share of false positive cells in single fields."""
    years = sorted({m.years for m in measured()})
    yield "| cells with p <= 0.10 without any trend | " + " | ".join(f"{n} years" for n in years) + " |"
    yield "|---" * (len(years) + 1) + "|"
    for shared, target in ((False, "absolute"), (True, "absolute"), (True, "relative")):
        found = [one(interval="year", test="mann-kendall", unit="cell", target=target, lag1=0.0, shared=shared, years=n) for n in years]
        what = {True: "years shared by all cells", False: "no shared years"}[shared]
        cells = " | ".join(f"{100 * m.size_10:.1f} % ({100 * m.low_10:.0f}-{100 * m.high_10:.0f} %)" for m in found)
        yield f"| {UNITS['cell', target].en}, {what} | {cells} |"


def recommended_table() -> Iterator[str]:
    """Return the recommended test of each setting."""
    intervals = [i for i in ("year", "month") if rows(i)]  # type: ignore[arg-type]
    heads = ("largest false positives", f"least power at {TREND:g} a year", "largest false positives at correlation 0.3, 0.6")
    yield f"| values a year | reference | years | test | level | {' | '.join(heads)} |"
    yield "|---" * 8 + "|"
    for interval in intervals:
        for reference in (True, False):
            for n in sorted({m.years for m in measured()}):
                r = recommended(n, interval=interval, reference=reference)  # type: ignore[arg-type]
                if r is not None:
                    per, there = {"year": "one", "month": "several"}[interval], {True: "yes", False: "no"}[reference]
                    size = f"{r.size:.3f} ± {r.error:.3f}" if r.holds else f"**{r.size:.3f} ± {r.error:.3f}: not held**"
                    later = ", ".join(f"{s:.3f}" for s in r.persistent)
                    test = f"{UNITS[r.unit, r.target].en}: {TESTS[r.test].en}" + (f" (`{P_COLUMNS[r.test]}`)" if r.unit == "zone" else "")
                    yield f"| {per} | {there} | {n} | {test} | {r.level:.2f} | {size} | {r.power:.2f} | {later} |"


def share(value: float) -> str:
    """Return a share in per cent; all is not said where it is not sure."""
    return "more than 99 %" if value > 0.994 else f"{100 * value:.0f} %"


def monotone(sd: float) -> float:
    """Return the probability that 4 independent normal years with the stated trend rise each time, by integration."""
    covariance = sd**2 * (2 * np.eye(3) - np.eye(3, k=1) - np.eye(3, k=-1))
    return float(multivariate_normal(np.full(3, -TREND), covariance).cdf(np.zeros(3)))


def page() -> str:
    """Return docs/small-samples.md."""
    own = {"interval": "year", "test": "mann-kendall", "unit": "zone", "target": "relative", "shared": True}
    four, eight, twelve = (one(**own, lag1=0.0, years=n) for n in (4, 8, 12))
    down = one_step_down(5)
    hirsch = [m.size_05 for m in rows("month", test="seasonal-kendall", unit="cell", lag1=0.0) if m.years == 4]
    false = [m.fdr_10 for m in rows("year", test="benjamini-hochberg", lag1=0.0) if m.years >= 8]
    numbers = {
        "trend": f"{TREND:g}",
        "p4": f"{smallest_p(4, 'auto'):.4f}",
        "p5": f"{smallest_p(5, 'auto'):.4f}",
        "down5": len(down),
        "held5": sum(abs(s) >= critical(5, 0.10) for s in down),
        "s5": max(down),
        "p_s5": f"{two_sided_p((1,) * 5)[max(down)]:.4f}",
        "hirsch_p": f"{smallest_p_of('seasonal-kendall', 4, MONTHS_MEASURED, 'auto'):.0e}",
        "hirsch_size": f"{max(hirsch):.3f}",
        "months_measured": MONTHS_MEASURED,
        "found4": share(four.power_10),
        "found8": share(eight.power_05),
        "found12": share(twelve.power_05),
        "cell8": share(one(**own | {"unit": "cell", "target": "absolute"}, lag1=0.0, years=8).power_05),
        "lag": f"{PERSISTENT[0]:g}",
        "persistent": f"{one(**own, lag1=PERSISTENT[0], years=12).size_05:.2f}",
        "s8": critical(8, 0.05),
        "s12": critical(12, 0.01),
        "orders": factorial(4),
        "fdr": f"{min(false):.3f} to {max(false):.3f}",
        "raw": f"{100 * monotone(np.hypot(0.05, 0.02)):.1f}",
        "relative": f"{100 * monotone(np.hypot(0.02, 0.005)):.1f}",
        "chance": f"{100 / 24:.1f}",
        "pooled": f"{100 * one(**own | {'test': 'pooled'}, lag1=0.0, years=4).size_05:.0f}",
    }
    tables = {
        "floors": floor_table(),
        "levers": lever_table(),
        **{f"{unit}{100 * level:.0f}": level_table(unit, level) for unit in ("cell", "zone") for level in LEVELS},
        "fields": field_table(),
        "successive": persistent_table(),
        "recommended": recommended_table(),
        **{f"within{10 * within:.0f}": size_table("month", False, within, ("absolute",)) for within in (0.0, 0.5, 0.8)},
        "months": size_table("month", True, 0.0),
        **{f"both{10 * within:.0f}": size_table("month", True, within) for within in (0.5, 0.8)},
        "largest": largest_table(),
    }
    return PAGE.format(**numbers, **{name: "\n".join(lines) for name, lines in tables.items()})


PAGE = """# What few years can say

A trend test asks how often years in random order would show as clear a sequence. With few years there are few orders, and p cannot be small, however
strong the trend is. This page says what can be reached, how often each test is wrong where nothing changes, and what helps. `minegreen check` and the
report quote it for your config. The page is generated: the table of the smallest p is counted, the others are simulated by `benchmarks/false_positives.py`.

## In short

| years | can be said | cannot be said |
|---|---|---|
| 4 | *rose every year*, p = {p4}; of a zone minus its reference, a rise of {trend} a year is found in {found4} of cases at 0.10 | anything at p <= 0.05; \
that there is no trend |
| 5 | *rose every year*, p = {p5}: significant; p <= 0.10 still with one swap of two values that are neighbours in \
time and in rank (S = {s5}, p = {p_s5}): {held5} of the {down5} orders with exactly one step down | anything at p <= 0.01; of a single series, at p <= 0.05 \
anything that is not monotone (the joint test of all cells of a zone can) |
| 8 | trends that are not monotone: abs(S) = {s8} of 28 is enough for 0.05; of a zone minus its reference, a rise of {trend} a year is found in {found8} of \
cases at 0.05 | most slow trends of single cells as they are: {trend} a year is found in {cell8} of them at 0.05 |
| 12 | the same at 0.01: abs(S) = {s12} of 66 is enough; a rise of {trend} a year of a zone minus its reference in {found12} of cases at 0.05 | the cause; \
nor, if good years follow good years, that 0.05 is 0.05: with a correlation of {lag} it is {persistent} |

## The smallest p

Exact, two-sided, of values without ties; S counts the pairs of years that rise, minus those that fall.

{floors}

*Cannot be tested* is not *no trend*. The area of such a class is 0 because no cell can be in it. *By chance* is the share of cells that reach the level
in each direction where nothing changes: at 4 years 1 of 24.

Several values a year do not lower this floor where whole years are exchanged, as values of one year are alike: 4 years have {orders} orders, whatever lies
in them. Tests with a normal p can go lower; Hirsch's seasonal test of 1982 takes the values of a year as independent, and its p reaches {hirsch_p} with 4
years of {months_measured} values. Where the values of one year are alike that p is wrong: up to {hirsch_size} false positives at 0.05
([below](#several-values-a-year)).

## What helps

Share of cases in which a trend of {trend} a year is found at p <= 0.10, then at p <= 0.05 (none: cannot be reached). Years differ by a shared standard
deviation of 0.05, cells by 0.02 more, the reference's mean by 0.005. The zone swings exactly as its reference does (b = 1 in `reference_by_zone.csv`): where it
swings more or less, part of the good and bad years stays in the difference, and power is lower. With more noise power is lower, with less it is higher.

{levers}

- **A reference**: subtracting it takes out what made years good or bad for all, if the zone swings as far as the reference (b near 1). It is the strongest
  lever, if the reference is right.
- **The zone instead of its cells**: the mean of many cells has less noise of its own. But shared years stay in it, unless a reference takes them out.
- **More years**: each year more multiplies the orders.

![Share of cells that rise in all of 4 years against the true trend: relative to the reference it grows far faster](images/relative-gain.png)

The picture is simulated; by integration the two points at {trend} are {raw} % and {relative} %, those without a trend 1/24 = {chance} %.

## How often each test is wrong

Share of fields without a trend in which the test says there is one; of tests of cells, the share of cells. **Bold** marks excess alone: above its level by
more than 2 standard errors, which are at most 0.003 (cells) and 0.006 (zones); of numbers that stand at their level, 1 in 40 is bold by chance. A number far
below its level is no error, but such a test finds little: it has little power. 0.000: p cannot be so
small there, or hardly ever is. The years are shared by the field and the
reference.

Cells:

{cell10}

{cell5}

Zones:

{zone10}

{zone5}

*S of all cells added* takes each cell for an observation: of 4 years minus the reference, {pooled} % false positives at 0.05. It is measured to show what
it does, and is **not offered**. *False discovery rate controlled*: share of fields with any cell found. With the trend in
half of the cells and 8 or more years, the share of false ones among the cells found was {fdr} at 0.10.

## One field is not the mean of all

On average the share of false positive cells is right. In one field, and you have one, shared years move it far (5-95 % of fields in brackets):

{fields}

So a share of *significant* cells proves nothing without the share in the reference beside it (`share_reference_pct`).

## If good years follow good years

All these tests take years as independent. Where successive years are correlated, they do not hold their level; a few years cannot show whether they are.
Sizes at p <= 0.10, 0.05:

{successive}

A size below the level is no merit here: with few years p comes in steps, and the next step is above it.

## Several values a year

4 values a year, whose noise is correlated within the year by 0, 0.5 or 0.8. Standard errors are at most 0.006, those of sizes near their level 0.003
where no orders are drawn.

Years not shared, correlation 0 (minus the reference the sizes are the same):

{within0}

Correlation 0.5:

{within5}

Correlation 0.8:

{within8}

Shared years, which are a correlation within the year too:

{months}

Shared years, and correlation 0.5 of the rest:

{both5}

Shared years, and correlation 0.8 of the rest:

{both8}

The largest of all these, with and without a reference, for cells: `minegreen check` prints them where a config asks for the test.

{largest}

The usual seasonal test (Hirsch et al. 1982) takes the values of a year as independent. Where they are not, it does not hold its level.

## What is recommended

For each setting the test with most power of those that hold their level in all that a config does not tell (shared years, correlation within the year);
of those within 0.01 of it the simplest. The level is 0.05, or 0.10 where none of them finds the trend at 0.05 in more than 5 % of cases.
`minegreen check` prints the row of your config; of years between two rows it takes the fewer. With `composite.interval: month` and a seasonal test it
prints both rows: zones are tested on one value a year in every run, cells then on several.

False positives are the largest over shared and not shared years, and of several values over the correlations of 0, 0.5 and 0.8 within the year: a config
does not tell them. So they may exceed the tables above, each of which shows one setting. Power is the least of the settings with shared years, in the
simulated noise ([what helps](#what-helps)): cells 0.02, years 0.05, the reference's mean 0.005, and b = 1.

{recommended}

In parentheses: the column of `trend_by_zone.csv` that holds its p, in rows whose `target` is *relative* with a reference and *absolute* without. The report
says for each zone and period what this test found. Power minus a reference is that of zones that swing as their reference does; `b` of
`reference_by_zone.csv` tells whether yours do.

No test holds its level where successive years are strongly correlated (last column).

## How it was measured

A field has 64 cells in four blocks of 16. Cell noise has a standard deviation of 0.02, half of its variance shared by the block; all parts follow one
first-order autoregression. 10,000 fields for tests of cells, of means and of several values a year; 4,000 (with 20 years 2,800) for the false discovery
rate and for joint permutations (32 of the cells; above 7 years 199 orders, drawn anew for each field, where the product draws 9,999: the size is the same,
the power slightly less); 2,800 where orders of seasonal data are drawn. `pipeline/sizes.csv` has every number with its standard error and its number of
fields; `python benchmarks/false_positives.py` prints them anew, and the tests measure some of them again.
"""
