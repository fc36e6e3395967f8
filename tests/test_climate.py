"""Seasons, anomalies and ranks of the weather against hand cases, pandas and scipy; the sentence on the best year."""

import re
from datetime import date
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipeline.config import Season
from pipeline.evaluation.climate import CLIMATE_COLUMNS, QUANTITIES, Weather, baseline, climate_rows, ranks, season_dates, season_value
from pipeline.evaluation.climatewords import peak_sentences, peak_year, spearman
from pipeline.season import season_year

SUMMER, WINTER = Season(start="07-01", end="08-31"), Season(start="11-15", end="02-28")
RAIN, WARM, ABOVE, DEGREES = (QUANTITIES[n] for n in ("precipitation", "temperature", "days_above_0", "degree_days"))


def daily(first, last, value):
    """Return daily values of whole years by a function of the day."""
    days = pd.date_range(f"{first}-01-01", f"{last}-12-31").date
    return {day: float(value(day)) for day in days}


def noisy(seed, first=2018, last=2024, mean=0.0):
    rng = np.random.default_rng(seed)
    return daily(first, last, lambda day: mean + rng.normal(0, 8))


# One season


def test_a_season_by_hand():
    values = {date(2021, 7, 1): -1.0, date(2021, 7, 2): 0.0, date(2021, 7, 3): 2.5, date(2021, 7, 4): 4.5, date(2021, 7, 5): 99.0}
    season = Season(start="07-01", end="07-04")
    found = [season_value(q, values, False, season, 2021) for q in (RAIN, WARM, ABOVE, DEGREES)]
    assert [f.value for f in found] == [6.0, 1.5, 2.0, 7.0]  # 0 is not above 0
    assert {(f.missing, f.first, f.last, f.reason) for f in found} == {(0, date(2021, 7, 1), date(2021, 7, 4), "")}


@pytest.mark.parametrize("season", [SUMMER, WINTER, Season(start="02-29", end="04-10"), Season(start="12-20", end="02-29"), Season(start="01-01", end="12-31")])
@pytest.mark.parametrize("year", [2019, 2020, 2023])
def test_daily_seasons_agree_with_pandas_and_the_calendar_of_the_scenes(season, year):
    values = noisy(year)
    frame = pd.Series(values)
    own = frame[[season_year(day, season) == year for day in frame.index]]
    expected = {"precipitation": own.sum(), "temperature": own.mean(), "days_above_0": (own > 0).sum(), "degree_days": own.clip(lower=0).sum()}
    for name, quantity in QUANTITIES.items():
        found = season_value(quantity, values, False, season, year)
        assert found.value == pytest.approx(expected[name])
        assert (found.first, found.last) == (own.index[0], own.index[-1])


def test_one_missing_day_leaves_no_sum():
    values = daily(2021, 2021, lambda day: 1)
    whole = season_value(RAIN, values, False, SUMMER, 2021)
    del values[date(2021, 8, 31)], values[date(2021, 7, 9)], values[date(2021, 9, 1)]  # the last lies outside
    found = season_value(RAIN, values, False, SUMMER, 2021)
    assert (whole.value, whole.missing) == (62.0, 0)
    assert (found.value, found.missing, found.reason) == (None, 2, "2 of 62 days missing")


def test_the_turn_of_the_year_needs_the_following_year():
    values = daily(2021, 2021, lambda day: 1)
    found = season_value(RAIN, values, False, WINTER, 2021)
    assert (found.value, found.missing) == (None, 59)
    assert season_value(RAIN, values | daily(2022, 2022, lambda day: 1), False, WINTER, 2021).value == 106
    assert season_dates(WINTER, 2021) == (date(2021, 11, 15), date(2022, 2, 28))


def test_months_stand_for_their_days():
    values = {date(2023, 11, 1): 3.0, date(2023, 12, 1): -3.0, date(2024, 1, 1): -9.0, date(2024, 2, 1): 6.0}
    rain = season_value(RAIN, values, True, WINTER, 2023)
    assert (rain.value, rain.first, rain.last) == (-3.0, date(2023, 11, 1), date(2024, 2, 29))  # whole months, and it says so
    warm = season_value(WARM, values, True, WINTER, 2023)
    assert warm.value == pytest.approx((30 * 3 - 31 * 3 - 31 * 9 + 29 * 6) / 121)
    for quantity in (ABOVE, DEGREES):
        assert season_value(quantity, values, True, WINTER, 2023).value is None
        assert season_value(quantity, values, True, WINTER, 2023).reason == "monthly values do not tell days"
    del values[date(2024, 1, 1)]
    assert season_value(RAIN, values, True, WINTER, 2023).reason == "1 of 4 months missing"
    assert season_value(ABOVE, values, True, WINTER, 2023).reason == "1 of 4 months missing"


def test_the_monthly_mean_is_the_daily_one_where_seasons_are_whole_months():
    values = noisy(3)
    series = pd.Series(values)
    keys = [day.replace(day=1) for day in series.index]
    months = {"sum": series.groupby(keys).sum().to_dict(), "mean": series.groupby(keys).mean().to_dict()}
    for quantity, how in ((RAIN, "sum"), (WARM, "mean")):
        monthly = season_value(quantity, months[how], True, SUMMER, 2020)
        assert monthly.value == pytest.approx(season_value(quantity, values, False, SUMMER, 2020).value)


# Anomalies and ranks


def test_the_baseline_is_that_of_numpy_and_needs_three_years_for_a_deviation():
    values = [210.0, 180.5, 333.25, 250.0]
    found = baseline([*values, None])
    assert (found.n, found.mean, found.sd) == (4, pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)))
    assert (baseline([1.0, 2.0]).mean, baseline([1.0, 2.0]).sd) == (1.5, None)
    assert baseline([0.1 + 0.2, 0.3, 0.3]).sd is None  # equal but for rounding
    assert (baseline([None, None]).n, baseline([None]).mean) == (0, None)


@pytest.mark.parametrize("seed", range(5))
def test_ranks_agree_with_scipy(seed):
    values = np.random.default_rng(seed).integers(0, 5, 9).astype(float)
    assert ranks(values.tolist()) == stats.rankdata(-values).tolist()
    assert ranks([*values.tolist(), None])[-1] is None
    assert ranks([None, None]) == [None, None]


def table(years, base=None, zones=None, variable="precipitation", monthly=False, season=SUMMER):
    weather = [Weather(variable, "w.csv", monthly, zones or {"": noisy(1, mean=3)})]
    return climate_rows({"mine": "m", "sensor": "s", "role": "pit"}, "pit", weather, season, years, base)


def test_rows_have_the_columns_and_anomalies_sum_to_nothing_over_the_baseline():
    rows = table([2020, 2021, 2022, 2023])
    assert all(set(row) == set(CLIMATE_COLUMNS) for row in rows)
    assert sum(r["anomaly"] for r in rows) == pytest.approx(0, abs=1e-9)
    assert np.std([r["anomaly_sd"] for r in rows], ddof=1) == pytest.approx(1)
    assert sorted(r["weather_rank"] for r in rows) == [1, 2, 3, 4]
    assert max(rows, key=lambda r: r["amount"])["weather_rank"] == 1
    assert {(r["baseline_first"], r["baseline_last"], r["baseline_n"], r["ranked_years"]) for r in rows} == {(2020, 2023, 4, 4)}


def test_a_baseline_of_other_years():
    values = noisy(1, mean=3)
    rows = table([2023, 2024], (2018, 2020))
    base = [season_value(RAIN, values, False, SUMMER, y).value for y in (2018, 2019, 2020)]
    for row in rows:
        assert row["anomaly"] == pytest.approx(row["amount"] - np.mean(base))
        assert row["anomaly_sd"] == pytest.approx((row["amount"] - np.mean(base)) / np.std(base, ddof=1))
        assert (row["baseline_n"], row["ranked_years"]) == (3, 2)


def test_an_unknown_season_has_no_anomaly_and_no_rank_and_is_in_no_mean():
    values = noisy(1, mean=3)
    del values[date(2021, 7, 20)]
    rows = {r["year"]: r for r in table([2020, 2021, 2022, 2023], zones={"": values})}
    gap = rows[2021]
    assert [gap[k] for k in ("amount", "anomaly", "anomaly_sd", "weather_rank")] == [None] * 4
    assert (gap["values_missing"], gap["note"]) == (1, "1 of 62 days missing")
    assert {(r["baseline_n"], r["ranked_years"]) for r in rows.values()} == {(3, 3)}
    assert rows[2020]["baseline_mean"] == pytest.approx(np.mean([rows[y]["amount"] for y in (2020, 2022, 2023)]))


def test_temperature_makes_three_quantities_and_zones_have_their_own():
    zones = {"pit": noisy(1), "dump": noisy(2)}
    rows = table([2020, 2021], zones=zones, variable="temperature")
    assert [(r["quantity"], r["quantity_unit"]) for r in rows[::2]] == [("temperature", "degC"), ("days_above_0", "days"), ("degree_days", "degC days")]
    assert rows[0]["amount"] == season_value(WARM, zones["pit"], False, SUMMER, 2020).value
    monthly = table([2021], zones={"": {date(2021, m, 1): 5.0 for m in range(1, 13)}}, variable="temperature", monthly=True)
    assert [(r["amount"], r["note"]) for r in monthly] == [(5.0, ""), (None, "monthly values do not tell days"), (None, "monthly values do not tell days")]


# Did the best year have rain?


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_with_ties_p_is_the_share_of_all_orders(n):
    """By hand: scipy doubles the smaller tail, which differs where ties make the null distribution lopsided."""
    rng = np.random.default_rng(n)
    x, y = rng.integers(0, n, n).astype(float), rng.integers(0, n, n).astype(float)
    found = spearman(x.tolist(), y.tolist())
    assert found.rho == pytest.approx(stats.spearmanr(x, y).statistic)
    sizes = [abs(stats.pearsonr(stats.rankdata(x), order).statistic) for order in permutations(stats.rankdata(y))]
    assert found.p == pytest.approx(np.mean([s >= abs(found.rho) - 1e-9 for s in sizes]))


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_without_ties_p_is_scipys(n):
    rng = np.random.default_rng(n + 10)
    x, y = rng.permutation(n).astype(float), rng.permutation(n).astype(float)
    peer = stats.permutation_test((x,), lambda a: stats.spearmanr(a, y).statistic, permutation_type="pairings", n_resamples=np.inf)
    assert spearman(x.tolist(), y.tolist()).p == pytest.approx(peer.pvalue)


def test_drawn_p_is_near_the_exact_one_of_eight_years():
    x, y = np.arange(8.0), np.array([2.0, 1, 4, 3, 8, 5, 7, 6])
    ranks_of = stats.rankdata(y) - 4.5
    sizes = np.abs(np.array(list(permutations(ranks_of))) @ (x - 3.5))
    exact = np.mean(sizes >= abs(ranks_of @ (x - 3.5)) - 1e-9)
    found = spearman(x.tolist(), y.tolist())
    assert abs(found.p - exact) < 5 * np.sqrt(exact / 9999)
    assert found.p_min == 1 / 10_000


def test_correlations_that_are_refused():
    assert spearman([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).p is None
    assert spearman([1.0, 2.0, 3.0, None], [1.0, 2.0, 3.0, 4.0]).n == 3
    assert spearman([1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0]).rho is None
    assert spearman([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]).p == pytest.approx(2 / 24) == spearman([4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0]).p_min


COVER = {2019: 0.30, 2020: 0.31, 2021: 0.42, 2022: 0.38, 2023: 0.36}


def test_where_the_best_year_stands():
    weather = {"precipitation": {2019: 200.0, 2020: 310.0, 2021: 310.0, 2022: 250.0, 2023: None}, "temperature": dict(zip(COVER, [9, 8, 7, 6, 5], strict=True))}
    peak = peak_year(COVER, weather)
    assert (peak.year, peak.of_years) == (2021, 5)
    assert peak.rank == {"precipitation": 1.5, "temperature": 3}
    assert peak.ranked == {"precipitation": 4, "temperature": 5}
    words = peak_sentences("pit", peak)
    assert "rank 1.5 of 4 years in precipitation (1 = wettest)" in words.en
    assert "rank 3 of 5 years in temperature (1 = warmest)" in words.en
    assert "5 years, p = " in words.en
    assert "no proof of a cause" in words.en
    assert "不能证明因果关系" in words.zh
    assert re.findall(r"[0-9]+(?:\.[0-9]+)?", words.zh).count("1.5") == 1


@pytest.mark.parametrize(
    ("rain", "en", "zh"),
    [
        ([1, 2, 9, 3, 4], "the wettest of 5 years", "5年中最湿"),
        ([5, 6, 1, 8, 9], "the driest of 5 years", "5年中最干"),
        ([5, 6, None, 8, 9], "a year without precipitation", "该年无降水量数据"),
        ([5, 5, 5, 5, 5], "no correlation, one of the two does not vary", "其中之一没有变化"),
        ([None, None, 5, 6, 7], "no correlation, 3 years are too few", "仅3年"),
    ],
)
def test_what_is_said(rain, en, zh):
    words = peak_sentences("矿坑", peak_year(COVER, {"precipitation": dict(zip(COVER, rain, strict=True))}))
    assert en in words.en
    assert zh in words.zh


def test_without_two_years_there_is_no_peak():
    assert peak_year({2020: 0.3, 2021: None}, {}) is None
    assert "fewer than two years" in peak_sentences("pit", None).en
    assert "不足两年" in peak_sentences("pit", None).zh
    assert peak_year({2020: 0.3, 2021: 0.3}, {}).year == 2020  # the first of several


def test_planted_rain_is_found_and_independent_rain_is_not_at_five_per_cent():
    rng = np.random.default_rng(7)
    found, chance = 0, 0
    for _ in range(200):
        rain, other, error = rng.normal(250, 60, 20), rng.normal(250, 60, 20), rng.normal(0, 0.03, 20)
        cover = 0.3 + 0.001 * rain + error
        found += spearman(cover.tolist(), rain.tolist()).p <= 0.05
        chance += spearman(cover.tolist(), other.tolist()).p <= 0.05
    assert found == 200
    assert chance <= 22  # 10 expected; P(more than 22) < 0.001
