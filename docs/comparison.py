"""Short series through several tools' tests of trend, for docs/comparison.md: run where the tool is a Python package, re-computed from its source else."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
import pymannkendall
from scipy import stats

from pipeline.kernels.codes import OUTPUTS
from pipeline.trend import statistics

NAN = float("nan")
SERIES: dict[str, tuple[str, tuple[float, ...]]] = {
    "A": ("4 years, rising every year", (0.50, 0.55, 0.61, 0.70)),
    "B": ("4 years, one tie", (0.50, 0.55, 0.55, 0.70)),
    "C": ("5 years, rising every year", (0.50, 0.55, 0.61, 0.70, 0.74)),
    "D": ("8 years, noisy", (0.42, 0.51, 0.47, 0.44, 0.55, 0.49, 0.58, 0.53)),
    "E": ("5 years, the second missing", (0.50, NAN, 0.61, 0.70, 0.74)),
}
FIRST = 2017
LEVELS = (0.01, 0.05, 0.10)


@dataclass(frozen=True)
class Verdict:
    """What a tool says of one series: its two-sided p (NaN where it gives none), and its own word."""

    p: float
    says: str


def s_of(values: np.ndarray) -> int:
    """Return Kendall's S of values without gaps."""
    return int(sum(np.sign(values[j] - values[i]) for i in range(len(values)) for j in range(i + 1, len(values))))


def variance(n: int, values: np.ndarray) -> float:
    """Return the variance of S for n values with the ties of `values` (Kendall 1975)."""
    _, ties = np.unique(values, return_counts=True)
    return (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18


def level_of(p: float) -> str:
    """Return the smallest usual level that p reaches, in words."""
    return next((f"p <= {level:g}" for level in LEVELS if p <= level + 1e-9), "no trend found")


def ours(values: np.ndarray) -> Verdict:
    """Minegreen: p exact up to 20 values, conditional on the ties."""
    p = float(statistics(values[:, None], FIRST + np.arange(len(values), dtype=float))[OUTPUTS.index("p"), 0])
    return Verdict(p, level_of(p))


def pymannkendall_original(values: np.ndarray) -> Verdict:
    """Pymannkendall 1.4.3, run: normal approximation with continuity correction; gaps dropped."""
    found = pymannkendall.original_test(values)
    return Verdict(float(found.p), f"{found.trend} (at 0.05)")


def scipy_kendalltau(values: np.ndarray) -> Verdict:
    """scipy.stats.kendalltau, run: exact without ties, else normal without continuity correction; NaN with a gap unless omitted."""
    p = float(stats.kendalltau(np.arange(len(values)), values).pvalue)
    return Verdict(p, "nan" if np.isnan(p) else level_of(p))


def scipy_theilslopes(values: np.ndarray) -> tuple[float, float]:
    """scipy.stats.theilslopes, run: its 95 % interval of the slope; times and values without gaps."""
    found = np.isfinite(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        slope = stats.theilslopes(values[found], np.flatnonzero(found), alpha=0.95)
    return float(slope.low_slope), float(slope.high_slope)


# te_algorithms/gee/stats.py, get_kendall_coef: the first entries, of 4 to 10 years
TRENDS_EARTH = {90: (4, 6, 7, 9, 10, 12, 15), 95: (4, 6, 9, 11, 14, 16, 19), 99: (6, 8, 11, 18, 22, 25, 29)}


def trends_earth(values: np.ndarray) -> Verdict:
    """trends.earth, re-computed: abs(S) against its table of the number of calendar years; a pair with a gap counts as neither."""
    found = values[np.isfinite(values)]
    s, row = abs(s_of(found)), len(values) - 4
    reached = max((level for level, table in TRENDS_EARTH.items() if s >= table[row]), default=0)
    return Verdict(NAN, f"significant at {reached} %" if reached else "not significant")


def earth_engine(values: np.ndarray, *, all_images: bool = False) -> Verdict:
    """Earth Engine community tutorial, re-computed: one-sided normal p <= 0.0275 of S / sqrt(variance), no continuity correction.

    Its variance counts the images of a join from which the last drops out (`outer` of ee.Join.saveAll is false); `all_images`: with all of them.
    """
    found = values[np.isfinite(values)]
    n = int(np.isfinite(values if all_images else values[:-1]).sum())
    one_sided = erfc(abs(s_of(found)) / sqrt(variance(n, found)) / sqrt(2)) / 2
    return Verdict(2 * one_sided, "significant" if one_sided <= 0.0275 else "not significant")


def force(values: np.ndarray) -> Verdict:
    """FORCE, re-computed with scipy.stats.linregress: t-test of the slope of ordinary least squares, from 3 values on; TREND_CONF 0.95, two-sided."""
    found = np.isfinite(values)
    p = float(stats.linregress(np.flatnonzero(found), values[found]).pvalue)
    return Verdict(p, "significant" if p <= 0.05 else "not significant")


def r_trend(values: np.ndarray) -> Verdict:
    """R trend::mk.test, re-computed: normal approximation with continuity correction, `na.fail` on gaps."""
    if np.isnan(values).any():
        return Verdict(NAN, "stops with an error")
    return _corrected(values)


def r_kendall(values: np.ndarray) -> Verdict:
    """R Kendall::MannKendall, re-computed: normal approximation with continuity correction, from 4 values on. Its way with gaps was not read."""
    if np.isnan(values).any():
        return Verdict(NAN, "not read")
    return _corrected(values) if len(values) > 3 else Verdict(NAN, "error 12")


def _corrected(values: np.ndarray) -> Verdict:
    s = s_of(values)
    p = erfc(max(abs(s) - 1, 0) / sqrt(variance(len(values), values)) / sqrt(2))
    return Verdict(p, level_of(p))


TOOLS = {
    "Minegreen": ours,
    "pymannkendall `original_test` (run)": pymannkendall_original,
    "scipy `kendalltau` (run)": scipy_kendalltau,
    "trends.earth (re-computed)": trends_earth,
    "Earth Engine tutorial (re-computed)": earth_engine,
    "FORCE (re-computed)": force,
    "R `trend::mk.test` (re-computed)": r_trend,
    "R `Kendall::MannKendall` (re-computed)": r_kendall,
}

HEAD = """# The same short series in other tools

What does a tool say of 4 or 5 years? Five series, made up for this page, through eight tests. Python packages were **run**; of the others the rule was read in
their published source and **re-computed from its formula, not run**. This page is generated by `docs/comparison.py`, and a test holds its numbers.

| series | values | what it is |
|---|---|---|"""

SOURCES = """## Where the rules were read

| tool | rule | source |
|---|---|---|
| Minegreen | p exact up to 20 values, given the ties; normal with continuity correction above | `pipeline/kernels/null.py` |
| pymannkendall 1.4.3 | normal with continuity correction and tie variance; gaps dropped; years taken as evenly spaced | run |
| scipy 1.17.1 | exact without ties up to 33 values, else normal **without** continuity correction; a gap gives NaN | run; `scipy.stats.kendalltau` |
| trends.earth | abs(S) >= a table of the number of calendar years, 90, 95 and 99 %; direction from an ordinary slope | `te_algorithms/gee/stats.py`, \
`get_kendall_coef`, repository trends.earth-algorithms; at least 4 years (trends.earth issue 1007) |
| Earth Engine tutorial | one-sided normal p <= 0.0275 of S / sqrt(variance) | google/earthengine-community, `tutorials/nonparametric-trends/index.md` |
| FORCE | t-test of the ordinary least-squares slope from 3 values on, `TREND_CONF` 0.95 two-sided here | `src/higher-level/trend-hl.c` (`k < 3`), \
`src/cross-level/stats-cl.c` (`slope_significant`) |
| R `trend` | normal with continuity correction (`continuity = TRUE`), tie variance; `na.fail` | CRAN, `R/mk.test.R` |
| R `Kendall` 2.2.1 | normal with continuity correction from 4 values on | CRAN, `src/Kendall.f`: the branch with exact p needs a series of equal values |

## Why they differ

- **Exact or normal.** {rising} values that rise every year are 1 of 24 orders, and as many fall: p = 2/24 = {exact:.4f}. The normal curve with continuity
  correction comes close ({normal:.4f}), without it p is too small ({uncorrected:.4f}): continuity is worth a class here.
- **trends.earth** calls series A significant at 99 %. Its table has 6 for 4 years, which is the largest S there is. By exact counting, its 90 % limits
  have a two-sided p of {limit4:.3f} (4 years), {limit5:.3f} (5), {limit8:.3f} (8) and {limit10:.3f} (10); nominal is 0.10. With a gap the table of
  all calendar years is used.
- **The Earth Engine tutorial** adds the correction of the other sign, so that none is left. The number of values in its variance is that of a joined
  collection, from which the last image drops out, as `outer` of `ee.Join.saveAll` is false unless asked for: of 4 years 3 are counted. With all 4 its
  one-sided p of series A would be {ee_all:.4f}, still below its limit. On NDVI as a fraction all signs become 0, because differences are cut to whole
  numbers (the page says: discrete data); whole numbers were assumed here.
- **FORCE** tests a straight line with normal errors. 3 points can be significant. Its p is right where that model holds; 4 years cannot show whether it
  does.
- **scipy** `theilslopes(alpha=0.95)` gives of series A the interval {low:.3f} to {high:.3f}: the smallest and the largest of all pair slopes. With 4
  values these cover the true slope in {coverage:.2f} % of cases, not in 95 %; no wider interval exists.
- **Gaps.** scipy returns NaN, R `trend` stops, pymannkendall drops the gap and closes the ranks: its slopes then take the years as neighbours. Minegreen
  drops the value, keeps its year in the slope and has p of the values that are left.

None of the tools says in its result how small p can become with so few years ([what few years can say](small-samples.md)).
"""


def page() -> str:
    """Return docs/comparison.md."""
    from pipeline.kernels.null import interval_coverage, two_sided_p

    arrays = {name: np.array(values) for name, (_, values) in SERIES.items()}
    lines = [HEAD]
    for name, (what, values) in SERIES.items():
        lines.append(f"| {name} | {', '.join('-' if np.isnan(v) else f'{v:.2f}' for v in values)} | {what} |")
    lines += ["", "## What each says", "", "p is two-sided; the tutorial's one-sided p was doubled. trends.earth forms none.", ""]
    lines += ["| tool | " + " | ".join(SERIES) + " |", "|---" * (len(SERIES) + 1) + "|"]
    for tool, rule in TOOLS.items():
        found = [rule(values) for values in arrays.values()]
        lines.append(f"| {tool} | " + " | ".join(v.says if np.isnan(v.p) else f"{v.p:.4f}: {v.says}" for v in found) + " |")
    exact_limits = {n: float(two_sided_p((1,) * n)[reachable(n, TRENDS_EARTH[90][n - 4])]) for n in (4, 5, 8, 10)}
    a = arrays["A"]
    low, high = scipy_theilslopes(a)
    uncorrected = erfc(s_of(a) / sqrt(variance(4, a)) / sqrt(2))
    text = SOURCES.replace("\\\n", "").format(
        rising=4,
        exact=ours(a).p,
        normal=r_trend(a).p,
        uncorrected=uncorrected,
        limit4=exact_limits[4],
        limit5=exact_limits[5],
        limit8=exact_limits[8],
        limit10=exact_limits[10],
        ee_all=earth_engine(a, all_images=True).p / 2,
        low=low,
        high=high,
        coverage=100 * interval_coverage(4, 0),
    )
    return "\n".join([*lines, "", text])


def reachable(n: int, s: int) -> int:
    """Return the smallest abs(S) of n values without ties that is at least s."""
    return s + (n * (n - 1) // 2 - s) % 2
