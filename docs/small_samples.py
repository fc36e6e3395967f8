"""docs/small-samples.md: what few years can say, from the null distribution of S and from pipeline/sizes.csv."""

from __future__ import annotations

from collections.abc import Iterator
from math import factorial

import numpy as np
from scipy.stats import multivariate_normal

from pipeline.evidence import chance
from pipeline.kernels.null import smallest_p, two_sided_p
from pipeline.sizes import LEVELS, P_COLUMNS, PERSISTENT, TESTS, TREND, UNITS, Interval, Measured, measured, recommended

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


def size_table(interval: Interval, shared: bool, within: float | None, targets: tuple[str, ...] = ("absolute", "relative")) -> Iterator[str]:
    """Return the measured sizes of every test by years, at both levels."""
    found = [m for m in rows(interval, shared=shared, lag1=0.0) if (within is None or m.within == within) and m.target in targets]
    years = sorted({m.years for m in found})
    yield "| test | " + " | ".join(f"{n} years" for n in years) + " |"
    yield "|---" * (len(years) + 1) + "|"
    for key in dict.fromkeys((m.test, m.target, m.unit) for m in found):
        own = [m for m in found if (m.test, m.target, m.unit) == key]
        yield f"| {named(own[0])} | " + " | ".join(_sizes(m) for m in own) + " |"


def _sizes(m: Measured) -> str:
    """Return sizes at 0.10 and 0.05, in bold where they exceed their level by more than 2 standard errors."""
    return ", ".join(f"{m.size(level):.3f}" if m.holds(level) else f"**{m.size(level):.3f}**" for level in reversed(LEVELS))


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
    yield f"| values a year | reference | years | test | level | false positives | power at {TREND:g} a year | false positives at correlation 0.3, 0.6 |"
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
    false = [m.fdr_10 for m in rows("year", test="benjamini-hochberg", lag1=0.0) if m.years >= 8]
    numbers = {
        "trend": f"{TREND:g}",
        "p4": f"{smallest_p(4, 'auto'):.4f}",
        "p5": f"{smallest_p(5, 'auto'):.4f}",
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
        "yearly": size_table("year", True, None),
        "fields": field_table(),
        "successive": persistent_table(),
        "recommended": recommended_table(),
        **{f"within{10 * within:.0f}": size_table("month", False, within, ("absolute",)) for within in (0.0, 0.5, 0.8)},
        "months": size_table("month", True, 0.0),
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
| 5 | *rose every year*, p = {p5}: significant; one step down still gives p <= 0.10 | anything at p <= 0.01; at p <= 0.05 anything that is not monotone |
| 8 | trends that are not monotone: abs(S) = {s8} of 28 is enough for 0.05; of a zone minus its reference, a rise of {trend} a year is found in {found8} of \
cases at 0.05 | most slow trends of single cells as they are: {trend} a year is found in {cell8} of them at 0.05 |
| 12 | the same at 0.01: abs(S) = {s12} of 66 is enough; a rise of {trend} a year of a zone minus its reference in {found12} of cases at 0.05 | the cause; \
nor, if good years follow good years, that 0.05 is 0.05: with a correlation of {lag} it is {persistent} |

## The smallest p

Exact, two-sided, of values without ties; S counts the pairs of years that rise, minus those that fall.

{floors}

*Cannot be tested* is not *no trend*. The area of such a class is 0 because no cell can be in it. *By chance* is the share of cells that reach the level
in each direction where nothing changes: at 4 years 1 of 24.

Several values a year do not lower this floor: values of one year are alike. Whole years are exchanged, and 4 years have {orders} orders, whatever lies in
them.

## What helps

Share of cases in which a trend of {trend} a year is found at p <= 0.10, then at p <= 0.05 (none: cannot be reached). Years differ by a shared standard
deviation of 0.05, cells by 0.02 more, the reference's mean by 0.005.

{levers}

- **A reference**: subtracting it takes out what made years good or bad for all. It is the strongest lever, if the reference is right.
- **The zone instead of its cells**: the mean of many cells has less noise of its own. But shared years stay in it, unless a reference takes them out.
- **More years**: each year more multiplies the orders.

![Share of cells that rise in all of 4 years against the true trend: relative to the reference it grows far faster](images/relative-gain.png)

The picture is simulated; by integration the two points at {trend} are {raw} % and {relative} %, those without a trend 1/24 = {chance} %.

## How often each test is wrong

Share of fields without a trend in which the test says there is one, at p <= 0.10, then at p <= 0.05; of tests of cells, the share of cells. **Bold**:
above its level by more than 2 standard errors, which are at most 0.003 (cells) and 0.006 (zones); of numbers that stand at their level, 1 in 40 is bold
by chance. The years are shared by the field and the reference.

{yearly}

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

The usual seasonal test (Hirsch et al. 1982) takes the values of a year as independent. Where they are not, it does not hold its level.

## What is recommended

For each setting the test with most power of those that hold their level in all that a config does not tell (shared years, correlation within the year);
of those within 0.01 of it the simplest. The level is 0.05, or 0.10 where none of them finds the trend at 0.05 in more than 5 % of cases.
`minegreen check` prints the row of your config; of years between two rows it takes the fewer. With `composite.interval: month` and a seasonal test it
prints both rows: zones are tested on one value a year in every run, cells then on several.

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
