"""Did the best year peak because of rain? Ranks and rank correlation of cover with precipitation and temperature, in words; never a cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.evaluation.climate import PRECIPITATION, TEMPERATURE, mean_ranks
from pipeline.kernels.null import ALL_ORDERS_MAX_N, all_orders, drawn_orders
from pipeline.words import Text, joined, p_text
from pipeline.zonetables import number

LEAST_FOR_CORRELATION = 4  # years: of three, every order has p >= 1 / 3
NAMES = {PRECIPITATION: Text("precipitation", "降水量"), TEMPERATURE: Text("temperature", "气温")}
MOST = {PRECIPITATION: (Text("wettest", "最湿"), Text("driest", "最干")), TEMPERATURE: (Text("warmest", "最暖"), Text("coldest", "最冷"))}


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of `n` years, its two-sided p, and the smallest p that so many years without ties can reach; None where refused."""

    n: int
    rho: float | None
    p: float | None
    p_min: float | None


@dataclass(frozen=True)
class Peak:
    """The year of the largest cover (the first of several), and per variable its rank, of how many years with both values, and the correlation.

    `rank`: None where the peak year has no value of the variable.
    """

    year: int
    of_years: int
    rank: Mapping[str, float | None]
    ranked: Mapping[str, int]
    correlation: Mapping[str, Correlation]


def spearman(a: Sequence[float | None], b: Sequence[float | None]) -> Correlation:
    """Return the rank correlation of two series, years without either left out, with its p by permutation.

    Ties share the mean of their ranks. p: share of the orders of the years with at least the observed |rho|: all orders up to 7 years, 9,999 drawn ones
    (fixed seed), the observed one counted, above. It takes the years for exchangeable: two series that both have a trend correlate by that alone.
    None below 4 years, or where one of the series does not vary.

    >>> found = spearman([0.2, 0.3, 0.4, 0.5, 0.6], [110.0, 120.0, 150.0, 140.0, 180.0])
    >>> found.n, round(found.rho, 3), round(found.p, 4), round(found.p_min, 4)
    (5, 0.9, 0.0833, 0.0167)
    """
    from math import factorial

    both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    n = len(both)
    if n < LEAST_FOR_CORRELATION:
        return Correlation(n, None, None, None)
    x, y = (mean_ranks(np.array(v, np.float64)) - (n + 1) / 2 for v in zip(*both, strict=True))
    size = float(np.sqrt((x @ x) * (y @ y)))
    if size == 0:
        return Correlation(n, None, None, None)
    exact = n <= ALL_ORDERS_MAX_N
    orders = all_orders(n) if exact else drawn_orders(n, 0)
    beyond = int((abs(y[orders] @ x) >= abs(float(x @ y)) - 1e-9).sum())
    p = beyond / len(orders) if exact else (1 + beyond) / (1 + len(orders))
    return Correlation(n, float(x @ y) / size, p, 2 / factorial(n) if exact else 1 / (1 + len(orders)))


def peak_year(cover: Mapping[int, float | None], weather: Mapping[str, Mapping[int, float | None]]) -> Peak | None:
    """Return where the year of the largest cover stands in precipitation and temperature; None without two years of cover.

    Ranks (1 = wettest, warmest) are among the years that have both cover and the variable.
    """
    known = {year: value for year, value in cover.items() if value is not None}
    if len(known) < 2:
        return None
    best = min(known, key=lambda year: (-known[year], year))
    rank: dict[str, float | None] = {}
    ranked, correlation = {}, {}
    for name, values in weather.items():
        there = {y: v for y in known if (v := values.get(y)) is not None}
        own = there.get(best)
        above = sum(v > own for v in there.values()) if own is not None else 0
        ties = sum(v == own for v in there.values()) if own is not None else 0
        rank[name] = None if own is None else above + (ties + 1) / 2
        ranked[name] = len(there)
        correlation[name] = spearman(list(known.values()), [values.get(y) for y in known])
    return Peak(best, len(known), rank, ranked, correlation)


PEAK_COLUMNS = (
    "mine", "sensor", "zone", "role", "quantity", "peak_year", "cover_years", "weather_rank", "ranked_years", "spearman_rho", "spearman_p", "spearman_p_min",
    "n",
)  # fmt: skip


def peak_rows(common: Mapping[str, Any], peak: Peak | None) -> list[dict[str, Any]]:
    """Return the rows of climate_peak_by_zone.csv of one zone: one for each of precipitation and temperature; none without a peak."""
    if peak is None:
        return []
    return [
        {**common, "quantity": name, "peak_year": peak.year, "cover_years": peak.of_years, "weather_rank": peak.rank[name], "ranked_years": peak.ranked[name]}
        | {"spearman_rho": found.rho, "spearman_p": found.p, "spearman_p_min": found.p_min, "n": found.n}
        for name, found in peak.correlation.items()
    ]


def read_peak(rows: Sequence[Mapping[str, str]]) -> Peak | None:
    """Return the peak that the rows of one zone tell; None without rows."""
    if not rows:
        return None
    rank = {r["quantity"]: number(r["weather_rank"]) for r in rows}
    ranked = {r["quantity"]: int(r["ranked_years"]) for r in rows}
    found = {r["quantity"]: Correlation(int(r["n"]), *(number(r[c]) for c in ("spearman_rho", "spearman_p", "spearman_p_min"))) for r in rows}
    return Peak(int(rows[0]["peak_year"]), int(rows[0]["cover_years"]), rank, ranked, found)


def peak_sentences(zone: str, peak: Peak | None) -> Text:
    """Return what can be said of a zone's best year and the weather: ranks, correlation, number of years. A correlation is not a cause, and that is said.

    >>> weather = {"precipitation": {2019: 210.0, 2020: 200.0, 2021: 320.0, 2022: 190.0}}
    >>> print(peak_sentences("pit", peak_year({2019: 0.30, 2020: 0.31, 2021: 0.42, 2022: 0.40}, weather)).en)
    pit: cover was largest in 2021, the wettest of 4 years. Cover and precipitation: Spearman's rho = 0.20 over 4 years, p = 0.92. This is no proof of a cause.
    """
    if peak is None:
        return Text(f"{zone}: fewer than two years of cover, none is a peak.", f"{zone}：有植被覆盖度的年份不足两年，无从比较。")
    places = joined([_place(name, peak) for name in peak.rank])
    found = [_correlated(name, peak.correlation[name]) for name in peak.rank]
    first = Text(f"{zone}: cover was largest in {peak.year}, {places.en}. ", f"{zone}：植被覆盖度最大年份为{peak.year}年，{places.zh}。")
    caution = Text(" This is no proof of a cause.", "以上不能证明因果关系。")
    return joined([first, Text(" ".join(f.en for f in found), "".join(f.zh for f in found)), caution], Text("", ""))


def _place(name: str, peak: Peak) -> Text:
    rank, n, what = peak.rank[name], peak.ranked[name], NAMES[name]
    if rank is None:
        return Text(f"a year without {what.en}", f"该年无{what.zh}数据")
    (top, bottom), whole = MOST[name], rank == int(rank)
    if n > 1 and rank == 1:
        return Text(f"the {top.en} of {n} years", f"为{n}年中{top.zh}的一年")
    if n > 1 and rank == n:
        return Text(f"the {bottom.en} of {n} years", f"为{n}年中{bottom.zh}的一年")
    shown = f"{rank:.0f}" if whole else f"{rank:.1f}"
    return Text(f"rank {shown} of {n} years in {what.en} (1 = {top.en})", f"{what.zh}在{n}年中排第{shown}位（1为{top.zh}）")


def _correlated(name: str, found: Correlation) -> Text:
    what = NAMES[name]
    if found.rho is None or found.p is None:
        few = found.n < LEAST_FOR_CORRELATION
        en = f"{found.n} years are too few" if few else "one of the two does not vary"
        zh = f"仅{found.n}年，年数太少" if few else "其中之一没有变化"
        return Text(f"Cover and {what.en}: no correlation, {en}.", f"植被覆盖度与{what.zh}：无法计算相关，{zh}。")
    p, rho = p_text(found.p), f"{round(found.rho, 2) + 0.0:.2f}"
    return Text(
        f"Cover and {what.en}: Spearman's rho = {rho} over {found.n} years, {p.en}.",
        f"植被覆盖度与{what.zh}：Spearman秩相关系数{rho}（{found.n}年），{p.zh}。",
    )
