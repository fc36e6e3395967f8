"""Indicators of restoration: hand cases, planted recoveries, laws of the scale, and what cannot be said."""

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.baci import baci
from pipeline.evaluation.indicators import INDICATORS, KEYS, Observed, placed
from pipeline.evaluation.recovery import completeness

NAN = float("nan")
YEARS = tuple(range(2017, 2025))
PHASE = ("before", "before", "before", "partial", "after", "after", "after", "after")
X = np.array([0.20, 0.24, 0.22, 0.30, 0.40, 0.52, 0.50, 0.61])
R = np.array([0.80, 0.84, 0.78, 0.75, 0.79, 0.83, 0.77, 0.81])
GAP = 0.05


def told(x, r, phase):
    """Return completeness as recovery_by_zone.csv tells it, without errors."""
    found = completeness(x, r, np.array(phase or ("",) * len(x)) == "before", least_gap=GAP)
    return np.array([found.value, found.low, found.high])


def observed(x=X, r=R, phase=PHASE, **known):
    """Return a zone of eight years; a period over all of them unless told otherwise."""
    years = YEARS[: len(x)]
    return Observed(years, x, r, phase, **({"first": years[0], "last": years[-1], "completeness": told(x, r, phase)} | known))


def positions(zone, least_gap=GAP):
    """Return the positions of a zone by indicator."""
    return {key: p.position for key, p in placed(zone, least_gap).items()}


# Records


def test_every_indicator_says_what_it_is_in_both_languages():
    assert KEYS == ("cover", "gain", "completeness", "stability", "trend_shares", "relative_trend")
    for indicator in INDICATORS:
        for text in (indicator.name, indicator.formula, indicator.zero, indicator.one):
            assert text.en
            assert any("\u4e00" <= c <= "\u9fff" for c in text.zh) or "X_t" in text.zh
        assert indicator.unit
        assert indicator.reference


# Hand cases


def test_cover_by_hand():
    found = placed(observed(), GAP)["cover"]
    assert found.value == pytest.approx((0.40 + 0.52 + 0.50 + 0.61) / 4)
    assert found.position == pytest.approx((0.5075 - 0.22) / (0.80 - 0.22))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.90, 3, X[4:].mean(), stats.sem(X[4:])))


def test_gain_is_the_contrast_over_the_gap_before():
    found, contrast = placed(observed(), GAP)["gain"], baci(X, R, PHASE).full
    assert (found.value, found.low, found.high) == (contrast.value, contrast.low, contrast.high)
    assert found.value == pytest.approx((0.5075 - 0.80) - (0.22 - 2.42 / 3))
    assert found.position == pytest.approx(found.value / (2.42 / 3 - 0.22))


def test_completeness_is_that_of_the_last_year():
    found = placed(observed(), GAP)["completeness"]
    assert found.position == found.value == pytest.approx((0.61 - 0.22) / (0.81 - 0.22))
    whole = completeness(X, R, np.array(PHASE) == "before", least_gap=GAP).value
    assert found.value == whole[-1]
    missing = np.where(np.arange(8) == 7, NAN, X)
    assert placed(observed(missing), GAP)["completeness"].value == whole[-2]


def test_stability_is_of_residuals_about_a_line():
    found, years = placed(observed(), GAP)["stability"], np.array(YEARS[4:], float)
    own, other = (np.sqrt(np.polynomial.Polynomial.fit(years, v[4:], 1, full=True)[1][0][0] / 2) for v in (X - R, R))
    assert found.value == pytest.approx(own)
    assert found.position == pytest.approx((other - own) / (other + own))


def test_trend_shares_by_hand():
    found = placed(observed(net_pct=55.0), GAP)["trend_shares"]
    assert (found.value, found.position) == (55.0, 0.55)


def test_relative_trend_by_hand():
    found = placed(observed(slope=0.04, slope_low=0.01, slope_high=0.06), GAP)["relative_trend"]
    assert (found.value, found.low, found.high) == (0.04, 0.01, 0.06)
    assert found.position == pytest.approx(0.04 * 7 / 0.6)


def test_the_period_of_the_trend_need_not_be_that_of_the_series():
    zone = observed(slope=0.04, first=2020, last=2024)
    assert positions(zone)["relative_trend"] == pytest.approx(0.04 * 4 / (0.75 - 0.30))
    gone = observed(np.where(np.arange(8) == 3, NAN, X), slope=0.04, first=2020, last=2024)
    assert positions(gone)["relative_trend"] == pytest.approx(0.04 * 4 / (0.79 - 0.40))


# Laws


def as_before():
    """Return a zone that did nothing but follow the reference's years at its old distance."""
    return observed(R - 0.5)


def test_a_zone_that_only_follows_the_years_gained_nothing():
    found = placed(as_before(), GAP)
    assert found["gain"].value == pytest.approx(0, abs=1e-12)
    assert found["gain"].position == pytest.approx(0, abs=1e-12)
    assert found["stability"].position == pytest.approx(1)


def test_a_zone_that_became_its_reference_is_at_one():
    """Also where the reference's years differ; before-years swing about no distance of their own."""
    x = np.where(np.array(PHASE) == "before", R - 0.5, R)
    found = positions(observed(x))
    assert [found[k] for k in ("cover", "gain", "completeness", "stability")] == pytest.approx([1, 1, 1, 1])


def test_bare_ground_without_an_answer_to_the_years_is_at_zero():
    found = positions(observed(np.full(8, 0.05)))
    assert found["cover"] == pytest.approx(0)
    assert found["completeness"] == pytest.approx(0)
    assert found["stability"] == pytest.approx(0)


def test_positions_are_not_cut_off():
    better = positions(observed(np.where(np.array(PHASE) == "before", X, R + 0.1), net_pct=-100, slope=0.2))
    worse = positions(observed(np.where(np.array(PHASE) == "before", X, 0.1)))
    assert min(better["cover"], better["gain"], better["completeness"], better["relative_trend"]) > 1
    assert better["trend_shares"] == -1
    assert max(worse["cover"], worse["completeness"]) < 0
    wild = observed(R + np.array([0, 0, 0, 0, 0.2, -0.2, 0.2, -0.2]) - 0.4)
    assert -1 < positions(wild)["stability"] < 0


def test_cover_gain_and_completeness_are_one_where_the_reference_stays():
    """With a reference that never moves and a zone that holds its new level, weights on all three count it three times."""
    x = np.where(np.array(PHASE) == "before", 0.2, 0.5)
    found = positions(observed(x, np.full(8, 0.8)))
    assert [found[k] for k in ("cover", "gain", "completeness")] == pytest.approx([0.5] * 3)


@pytest.mark.parametrize("scale, shift", [(0.5, 0.0), (1.0, 0.1), (0.3, 0.2)])
def test_positions_do_not_depend_on_the_scale_of_cover(scale, shift):
    """Endmembers move cover by a line: positions stay, values do not."""
    known = {"net_pct": 30.0}
    one = positions(observed(slope=0.03, **known))
    other = positions(observed(scale * X + shift, scale * R + shift, slope=scale * 0.03, **known), scale * GAP)
    assert other == pytest.approx(one)


def test_planted_positions_are_recovered_under_shared_bad_years():
    """A zone that closes 60 % of its gap, years shared by both with SD 0.08: gain and stability are right, cover swings with the years."""
    rng = np.random.default_rng(5)
    level = np.where(np.array(PHASE) == "before", 0.3, 0.6)
    found = {k: [] for k in ("gain", "cover", "stability")}
    for _ in range(1000):
        year = rng.normal(0, 0.08, 8)
        at = positions(observed(level + year + rng.normal(0, 0.01, 8), 0.8 + year + rng.normal(0, 0.005, 8)))
        for k in found:
            found[k].append(at[k])
    assert np.nanmean(found["gain"]) == pytest.approx(0.6, abs=0.005)
    assert np.std(found["gain"]) < np.std(found["cover"]) / 2
    ratio = np.hypot(0.01, 0.005) / 0.08
    assert np.median(found["stability"]) == pytest.approx((1 - ratio) / (1 + ratio), abs=0.03)


# What cannot be said


@pytest.mark.parametrize(
    "zone, key, en",
    [
        (observed(phase=()), "cover", "no date of restoration"),
        (observed(phase=()), "stability", "no date of restoration"),
        (observed(r=np.full(8, NAN)), "gain", "no year before restoration with a value of zone and reference"),
        (observed(phase=("before",) * 8), "completeness", "no whole season after restoration with a value of zone and reference"),
        (observed(x=R - 0.03), "cover", "the zone does not start clearly below its reference"),
        (observed(x=R + 0.03), "gain", "the zone does not start clearly below its reference"),
        (observed(x=R), "completeness", "the zone does not start clearly below its reference"),
        (observed(phase=("before",) * 6 + ("after",) * 2), "stability", "fewer than 4 years after restoration with a value of zone and reference"),
        (observed(r=np.full(8, 0.8)), "stability", "the reference does not swing from year to year"),
        (observed(), "trend_shares", "the shares of the area that rise and fall against the reference are not known"),
        (observed(x=R, net_pct=20.0), "trend_shares", "at the start of the period the zone does not lie clearly below its reference"),
        (observed(), "relative_trend", "the slope of the zone minus its reference is not known"),
        (observed(x=R, slope=0.01), "relative_trend", "at the start of the period the zone does not lie clearly below its reference"),
        (observed(r=np.full(8, NAN), slope=0.01), "relative_trend", "at the start of the period the zone does not lie clearly below its reference"),
    ],
)
def test_a_position_that_cannot_be_formed_says_why(zone, key, en):
    found = placed(zone, GAP)[key]
    assert np.isnan(found.position)
    assert found.reason.en == en
    assert found.reason.zh not in ("", en)


def test_without_a_least_gap_there_are_values_and_no_position_on_a_gap():
    found = placed(observed(net_pct=20.0, slope=0.03, completeness=None), None)
    for key in ("cover", "gain", "completeness", "trend_shares", "relative_trend"):
        assert np.isnan(found[key].position)
        assert found[key].reason.en.startswith("recovery.least_gap is not given")
    assert np.isfinite([found[key].value for key in ("cover", "gain", "trend_shares", "relative_trend")]).all()
    assert np.isfinite(found["stability"].position)


def test_without_a_series_only_the_trend_has_values():
    found = placed(Observed((), [], [], net_pct=20.0, slope=0.03, first=2017, last=2024), GAP)
    assert [key for key, p in found.items() if np.isfinite(p.value)] == ["trend_shares", "relative_trend"]
    assert all(np.isnan(p.position) and p.reason.en.startswith("no series") for p in found.values())


def test_years_of_works_are_neither_before_nor_after():
    works = tuple("works" if p == "partial" else p for p in PHASE)
    assert positions(observed(phase=works)) == pytest.approx(positions(observed()), nan_ok=True)


def test_completeness_keeps_the_interval_of_its_table():
    ends = np.array([[0.5], [0.4], [0.6]]) * np.ones(8)
    found = placed(observed(completeness=ends), GAP)["completeness"]
    assert (found.value, found.low, found.high) == (0.5, 0.4, 0.6)


def test_what_can_be_formed_has_no_reason():
    found = placed(observed(net_pct=20.0, slope=0.03), GAP)
    assert all(np.isfinite(p.position) and p.reason.en == "" for p in found.values())


def test_partial_and_missing_years_count_in_nothing():
    """The partial year may hold anything; a missing year takes its partner with it."""
    odd = X.copy()
    odd[3] = 0.9
    assert positions(observed(odd)) == pytest.approx(positions(observed()), nan_ok=True)
    without = np.where(np.arange(8) == 5, NAN, R)
    keep = np.arange(8) != 5
    phase = tuple(np.array(PHASE)[keep].tolist())
    short = Observed(tuple(np.array(YEARS)[keep].tolist()), X[keep], R[keep], phase, told(X[keep], R[keep], phase), first=2017, last=2024)
    assert positions(observed(r=without)) == pytest.approx(positions(short), nan_ok=True)


@pytest.mark.parametrize("least", [-0.1, NAN, np.inf])
def test_a_bad_least_gap_is_refused(least):
    with pytest.raises(ValueError, match="expected a number of 0 or more"):
        placed(observed(), least)


@pytest.mark.parametrize(
    "years, x, r, phase",
    [
        ((2020, 2021), [0.1], [0.1], ()),
        ((2020, 2020), [0.1, 0.2], [0.1, 0.2], ()),
        ((2020, 2021), [0.1, 0.2], [0.1, 0.2], ("before",)),
        ((2020,), [np.inf], [0.1], ()),
    ],
)
def test_series_that_do_not_fit_are_refused(years, x, r, phase):
    with pytest.raises(ValueError, match="expected"):
        Observed(years, x, r, phase)


def test_completeness_of_other_years_is_refused():
    with pytest.raises(ValueError, match="value, lower and upper end of each year"):
        observed(completeness=np.zeros((3, 7)))
