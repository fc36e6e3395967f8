"""Recovery against the reference: hand cases, finite differences, every filling of gaps, planted recovery with bad years, a burnt forest."""

from itertools import product

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.features import geometry_mask
from scipy import stats

from pipeline.config import Season
from pipeline.evaluation.baci import baci, phases
from pipeline.evaluation.paired import PairedErrors, paired_errors, quantile, yearly
from pipeline.evaluation.recovery import SHARE, completeness, difference, gap_closed, r80p, ratio, years_to_recovery

NAN = float("nan")
RUNS = 2000


def scenes(rng, means, references, count=6, shared=0.04, own=0.02, other=0.015):
    """Return scene values (years, scenes) of zone and reference: haze is shared, the rest is not."""
    shape = (len(means), count)
    haze = rng.normal(0, shared, shape)
    return np.asarray(means)[:, None] + haze + rng.normal(0, own, shape), np.asarray(references)[:, None] + haze + rng.normal(0, other, shape)


@pytest.fixture
def observed():
    """Seven years of six scenes: three before, four after; values, errors and the scenes themselves."""
    x, r = scenes(np.random.default_rng(3), [0.22, 0.3, 0.25, 0.4, 0.5, 0.6, 0.7], [0.75, 0.8, 0.7, 0.72, 0.8, 0.78, 0.74])
    return x, r, paired_errors(x, r)


BEFORE = np.arange(7) < 3


# Errors of paired scenes


def test_errors_are_those_of_means_of_the_scenes_that_show_both():
    x, r = [[0.5, 0.7, NAN, 0.9], [0.3, NAN]], [[0.8, 0.9, 0.1, 1.3], [0.4, 0.5]]
    found = paired_errors(x, r)
    assert found.zone[0] == pytest.approx(stats.sem([0.5, 0.7, 0.9]))
    assert found.reference[0] == pytest.approx(stats.sem([0.8, 0.9, 1.3]))
    assert found.difference[0] == pytest.approx(stats.sem([-0.3, -0.2, -0.4]))
    assert found.covariance[0] == pytest.approx(np.cov([0.5, 0.7, 0.9], [0.8, 0.9, 1.3])[0, 1] / 3)
    assert found.freedom.tolist() == [2, 0]
    assert np.isnan([found.zone[1], found.reference[1], found.difference[1]]).all()


@pytest.mark.parametrize(
    "zone, reference, error, freedom, says",
    [
        ([0.1], [0.1], [0.3], [4], "contradict"),
        ([0.1], [0.3], [0.1], [4], "contradict"),
        ([-0.1], [0.1], [0.1], [4], "negative"),
        ([0.1], [0.1], [0.1], [-1], "negative"),
        ([0.1, 0.1], [0.1], [0.1], [4], "errors.zone has 2, errors.reference has 1"),
        ([np.inf], [0.1], [0.1], [4], "infinite"),
    ],
)
def test_errors_that_no_scenes_can_have_are_refused(zone, reference, error, freedom, says):
    with pytest.raises(ValueError, match=says):
        PairedErrors(zone, reference, error, freedom)


def test_two_scenes_tell_an_error_and_one_does_not():
    found = paired_errors([[0.5, 0.7], [0.5], []], [[0.8, 0.9], [0.8], []])
    assert found.freedom.tolist() == [1, 0, 0]
    assert found.zone == pytest.approx([0.1, NAN, NAN], nan_ok=True)


def test_errors_of_no_freedom_are_not_known():
    errors = PairedErrors([0.02, 0.02], [0.02, 0.02], [0.02, 0.02], [0, 5])
    assert np.isnan(difference([0.2, 0.4], [0.8, 0.8], errors).low).tolist() == [True, False]
    found = completeness([0.2, 0.4], [0.8, 0.8], [True, False], errors, least_gap=0.05)
    assert found.value[1] == pytest.approx(1 / 3)
    assert np.isnan(found.low).all()


def test_unpaired_scenes_are_refused():
    for x, r in (([[1.0, 2.0]], [[1.0]]), ([[1.0]], [[1.0], [2.0]])):
        with pytest.raises(ValueError, match="not paired"):
            paired_errors(x, r)


@pytest.mark.parametrize("freedom", [1, 2.5, 7, 300])
def test_quantile_is_that_of_students_t(freedom):
    assert quantile(freedom, 0.9) == pytest.approx(stats.t.ppf(0.95, freedom))


def test_no_freedom_no_quantile_and_bad_levels_are_refused():
    assert np.isnan(quantile(np.array([0.0, NAN]), 0.9)).all()
    for level in (0, 1, 90, NAN):
        with pytest.raises(ValueError, match="level"):
            quantile(4, level)


# Difference and ratio


def test_difference_has_the_t_interval_of_paired_differences(observed):
    x, r, errors = observed
    found = difference(x.mean(1), r.mean(1), errors, level=0.95)
    for year in range(7):
        peer = stats.ttest_rel(x[year], r[year]).confidence_interval(0.95)
        assert found.value[year] == pytest.approx((x[year] - r[year]).mean())
        assert (found.low[year], found.high[year]) == pytest.approx((peer.low, peer.high))


def test_ratio_has_the_error_of_the_ratio_estimator(observed):
    """By residuals, scene by scene, as survey sampling writes it: SE(Q) = sd(x - Q r) / (sqrt(n) mean r)."""
    x, r, errors = observed
    found = ratio(x.mean(1), r.mean(1), errors)
    for year in range(7):
        q = x[year].sum() / r[year].sum()
        relative = np.std(x[year] - q * r[year], ddof=1) / 6**0.5 / r[year].mean() / q * stats.t.ppf(0.95, 5)
        assert (found.value[year], found.low[year], found.high[year]) == pytest.approx((q, q * np.exp(-relative), q * np.exp(relative)))
    assert found.scale == ("log",) * 7


def test_ratio_of_a_zone_that_is_not_clearly_positive_is_on_the_plain_scale():
    found = ratio([-0.02, 0.01, 0.4], [0.8] * 3, PairedErrors([0.02] * 3, [0.01] * 3, [0.02] * 3, [5] * 3))
    assert found.scale == ("linear", "linear", "log")
    assert (found.low + found.high)[:2] == pytest.approx(2 * found.value[:2])
    assert found.value[0] == pytest.approx(-0.025)
    assert found.low[2] * found.high[2] == pytest.approx(found.value[2] ** 2)


def test_nothing_is_divided_by_a_reference_that_is_not_clearly_positive():
    errors = PairedErrors([0.01] * 4, [0.05] * 4, [0.05] * 4, [5] * 4)
    assert np.isnan(ratio([0.3] * 4, [-0.1, 0.0, 0.1, 0.2], errors).value).tolist() == [True, True, True, False]
    assert ratio([0.3] * 4, [-0.1, 0.0, 0.1, 0.2]).value[2:] == pytest.approx([3, 1.5])


def test_gaps_and_unknown_errors_stay_gaps():
    errors = PairedErrors([0.01, NAN, 0.01], [0.01, NAN, 0.01], [0.01, NAN, 0.01], [5, 0, 5])
    for function in (difference, ratio, r80p):
        found = function([NAN, 0.4, 0.4], [0.8, 0.8, NAN], errors)
        assert np.isfinite(found.value).tolist() == [False, True, False]
        assert np.isnan([found.low, found.high]).all()
        assert found.scale == ("", "", "")
        assert np.isnan(function([0.4], [0.8]).low).all()


def test_r80p_is_the_ratio_in_units_of_the_share(observed):
    x, r, errors = observed
    q, found = ratio(x.mean(1), r.mean(1), errors), r80p(x.mean(1), r.mean(1), errors)
    for ours, theirs in ((found.value, q.value), (found.low, q.low), (found.high, q.high)):
        assert ours == pytest.approx(theirs / 0.8)
    assert r80p([0.48], [0.8], share=0.6).value[0] == pytest.approx(1)


# Completeness


def by_finite_differences(formula, x, r, errors, before, level):
    """Return value, low and high of formula(x, r) of each year: all errors moved one by one, years independent, Welch-Satterthwaite over years."""
    out = []
    for t in range(len(x)):
        parts = []
        for year in range(len(x)):
            gradient = []
            for which in (0, 1):
                ends = []
                for step in (1e-6, -1e-6):
                    moved = np.array([x, r])
                    moved[which, year] += step
                    ends.append(formula(moved[0], moved[1], before)[t])
                gradient.append((ends[0] - ends[1]) / 2e-6)
            c = errors.covariance[year]
            parts.append(np.array(gradient) @ np.array([[errors.zone[year] ** 2, c], [c, errors.reference[year] ** 2]]) @ gradient)
        total, value = sum(parts), formula(x, r, before)[t]
        if total == 0:  # the only before-year: 0 by definition
            out.append((value, value, value))
            continue
        freedom = total**2 / sum(p**2 / f for p, f in zip(parts, errors.freedom, strict=True))
        width = stats.t.ppf(0.5 + level / 2, freedom) * total**0.5
        out.append((value, value - width, value + width))
    return np.array(out).T


def completeness_by_hand(x, r, before):
    start = sum(v for v, b in zip(x, before, strict=True) if b) / sum(before)
    return [(a - start) / (b - start) for a, b in zip(x, r, strict=True)]


def closed_by_hand(x, r, before):
    d = [a - b for a, b in zip(x, r, strict=True)]
    start = sum(v for v, b in zip(d, before, strict=True) if b) / sum(before)
    return [1 - v / start for v in d]


@pytest.mark.parametrize("function, formula", [(completeness, completeness_by_hand), (gap_closed, closed_by_hand)])
@pytest.mark.parametrize("count", [1, 3])
def test_delta_method_agrees_with_finite_differences(observed, function, formula, count):
    scenes_x, scenes_r, errors = observed
    x, r, before = scenes_x.mean(1), scenes_r.mean(1), np.arange(7) < count
    found = function(x, r, before, errors, least_gap=0.05, level=0.8)
    assert np.array([found.value, found.low, found.high]) == pytest.approx(by_finite_differences(formula, x, r, errors, before, 0.8), rel=1e-6, abs=1e-7)
    assert found.value[:count].mean() == pytest.approx(0, abs=0.02 if function is completeness else 1e-9)


def test_completeness_by_hand():
    found = completeness([0.1, 0.3, 0.2, 0.5, 0.8, 0.9], [0.8] * 6, np.arange(6) < 3, least_gap=0.05)
    assert found.value[3:] == pytest.approx([0.5, 1.0, 0.7 / 0.6])
    assert np.isnan(found.low).all()
    assert found.scale == ("",) * 6


def test_completeness_starts_from_the_before_years_that_have_a_value():
    full = completeness([0.2, 0.5], [0.8, 0.8], [True, False], least_gap=0)
    gaps = completeness([0.2, NAN, 0.5, NAN, 0.5], [0.8, 0.8, 0.8, 0.8, NAN], [True, True, False, False, False], least_gap=0)
    assert gaps.value[2] == full.value[1]
    assert np.isnan(gaps.value[[1, 3, 4]]).all()
    assert np.isnan(completeness([NAN, 0.5], [0.8, 0.8], [True, False], least_gap=0).value).all()


def test_completeness_of_a_gap_that_is_not_clearly_there_is_not_known():
    x, r, before = [0.6, 0.65, 0.65], [0.7, 0.64, 0.8], [True, False, False]
    errors = PairedErrors([0.05] * 3, [0.05] * 3, [0.02] * 3, [5] * 3)
    assert np.isnan(completeness(x, r, before, least_gap=0.1).value).tolist() == [True, True, False]  # no gap, and one of 0.1 that is not above 0.1
    assert np.isnan(completeness([0.5, 0.6], [0.75, 0.75], [True, False], least_gap=0.25).value).all()  # not above 0.25
    assert completeness(x, r, before, least_gap=0.01).value[1:] == pytest.approx([0.05 / 0.04, 0.25])
    found = completeness(x, r, before, errors, least_gap=0.01, level=0.9)
    lower = 0.2 - stats.t.ppf(0.95, 10) * (2 * 0.05**2) ** 0.5
    assert lower > 0 > 0.04 - 0.2 + lower
    assert np.isnan(found.value[1])
    assert found.value[2] == pytest.approx(0.25)


def test_one_unknown_error_before_leaves_the_value_and_takes_the_interval(observed):
    x, r, errors = observed
    lacking = PairedErrors(*(np.where(np.arange(7) == 1, NAN, a) for a in (errors.zone, errors.reference, errors.difference, errors.freedom)))
    for function in (completeness, gap_closed):
        known = function(x.mean(1), r.mean(1), BEFORE, errors, least_gap=0.05)
        found = function(x.mean(1), r.mean(1), BEFORE, lacking, least_gap=0.05)
        assert np.array_equal(known.value, found.value)
        assert np.isfinite(known.low).all()
        assert np.isnan(found.low).all()


def test_exact_values_have_no_width():
    nothing = PairedErrors([0.0] * 3, [0.0] * 3, [0.0] * 3, [3] * 3)
    found = completeness([0.2, 0.2, 0.5], [0.8] * 3, [True, True, False], nothing, least_gap=0.05)
    assert found.low[2] == found.high[2] == found.value[2] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "before, least_gap, says",
    [([True], 0.1, "before has shape"), ([1, 0], 0.1, "before has shape"), ([True, False], -1, "least_gap"), ([True, False], NAN, "least_gap")],
)
def test_bad_settings_of_completeness_are_refused(before, least_gap, says):
    for function in (completeness, gap_closed):
        with pytest.raises(ValueError, match=says):
            function([0.2, 0.5], [0.8, 0.8], before, least_gap=least_gap)


@pytest.mark.parametrize("zone, reference", [([0.1], [0.1, 0.2]), ([[0.1]], [[0.1]]), ([np.inf], [0.1]), (0.1, 0.1)])
def test_bad_series_are_refused(zone, reference):
    for function in (difference, ratio, r80p):
        with pytest.raises(ValueError, match="expected"):
            function(zone, reference)


def test_errors_of_other_years_are_refused():
    with pytest.raises(ValueError, match="zone has 2, reference has 2, errors has 1 years"):
        difference([0.1, 0.2], [0.1, 0.2], PairedErrors([0.1], [0.1], [0.1], [3]))
    assert [a.dtype for a in yearly({"a": [1, 2]})] == [np.float64]


# Years to recovery


def test_years_to_recovery_by_hand():
    years = list(range(2018, 2025))
    found = years_to_recovery(years, [0.8, 0.1, 0.2, 0.4, 0.65, 0.5, 0.7], [0.8] * 7, 2020)
    assert (found.years, found.earliest, found.missing, found.relapsed, found.above_before, found.reason) == (2, 2, (), (2023,), (2018,), "")
    found = years_to_recovery(years, [0.8, 0.1, 0.7, 0.4, 0.65, 0.5, 0.7], [0.8] * 7, 2020)
    assert (found.years, found.relapsed) == (0, (2021, 2023))
    found = years_to_recovery(years, [0.1] * 7, [0.8] * 7, 2020)
    assert (found.years, found.earliest) == (None, None)
    assert found.reason == "below 0.8 of the reference in every year with a value from 2020 to 2024"


def first_hit(above, start):
    return next((i - start for i in range(start, len(above)) if above[i]), None)


def test_gaps_give_bounds_that_hold_for_every_way_to_fill_them():
    """All 3^6 series of six years: below, above or missing, from the second year on."""
    for states in product((0, 1, None), repeat=6):
        x = [NAN if s is None else 0.9 if s else 0.1 for s in states]
        found = years_to_recovery(range(2000, 2006), x, [0.8] * 6, 2001)
        fills = [first_hit([f if s is None else s for s, f in zip(states, filled, strict=True)], 1) for filled in product((0, 1), repeat=6)]
        hits = [f for f in fills if f is not None]
        assert found.earliest == min(hits, default=None)
        assert found.years == (None if None in fills else max(hits))
        hit = found.years is not None
        assert list(found.missing) == [2000 + i for i, s in enumerate(states) if s is None and i >= 1 and (not hit or i - 1 < found.years)]
        assert list(found.relapsed) == [2000 + i for i, s in enumerate(states) if s == 0 and hit and i - 1 > found.years]
        assert found.above_before == ((2000,) if states[0] == 1 else ())
        assert bool(found.reason) != hit


def test_years_that_the_series_lacks_are_gaps():
    found = years_to_recovery([2000, 2003], [0.1, 0.7], [0.8, 0.8], 1999)
    assert (found.years, found.earliest, found.missing) == (4, 0, (1999, 2001, 2002))


def test_a_reference_without_a_share_is_a_gap():
    found = years_to_recovery([2000, 2001, 2002, 2003], [0.5, 0.5, 0.5, 0.5], [-0.1, 0.0, NAN, 0.5], 2000)
    assert (found.years, found.earliest, found.missing) == (3, 0, (2000, 2001, 2002))


@pytest.mark.parametrize("years, x, start", [([2000, 2001], [NAN, 0.9], 2002), ([2000, 2001], [0.9, NAN], 2001), ([], [], 2001)])
def test_nothing_seen_since_restoration_is_said(years, x, start):
    found = years_to_recovery(np.array(years, int), x, [0.8] * len(x), start)
    assert found.years is None
    assert found.reason == f"no year with a value from {start} on"


def test_the_share_itself_is_recovered():
    assert years_to_recovery([2000], [0.8 * 0.7], [0.7], 2000).years == 0
    assert years_to_recovery([2000], [np.nextafter(0.8 * 0.7, 0)], [0.7], 2000).years is None


@pytest.mark.parametrize("years", [[2001, 2000], [2000, 2000], [2000], [2000.5, 2001.5]])
def test_bad_years_are_refused(years):
    with pytest.raises(ValueError, match="rising whole numbers"):
        years_to_recovery(years, [0.1, 0.2], [0.8, 0.8], 2000)


@pytest.mark.parametrize("share", [0, 1.2, 80, NAN])
def test_bad_shares_are_refused(share):
    with pytest.raises(ValueError, match="share"):
        years_to_recovery([2000], [0.1], [0.8], 2000, share=share)
    with pytest.raises(ValueError, match="share"):
        r80p([0.1], [0.8], share=share)


# Planted recovery with bad years: estimates and intervals over many runs

PLANTED = np.array([0, 0, 0, 0, 0.2, 0.4, 0.6, 0.8, 0.8])  # share of the gap closed
OLD = np.arange(9) < 4
BAD = np.where(np.arange(9) >= 7, -0.1, 0.0)  # the last two years are dry, for zone and reference alike


@pytest.fixture(scope="module")
def planted():
    """RUNS mines of a zone that starts 0.5 below a reference of 0.75: scenes of zone and reference, (runs, years, 6)."""
    rng = np.random.default_rng(20261122)
    x, r = scenes(rng, np.tile(0.25 + 0.5 * PLANTED + BAD, RUNS), np.tile(0.75 + BAD, RUNS))
    return x.reshape(RUNS, 9, 6), r.reshape(RUNS, 9, 6)


def covered(found, truth) -> float:
    return float(np.mean((found.low <= truth) & (truth <= found.high)))


def centred(values, truth) -> bool:
    """Return whether the mean of the runs is the truth within four of its standard errors."""
    return abs(np.mean(values) - truth) <= 4 * np.std(values) / len(values) ** 0.5


def test_difference_and_ratio_cover_at_their_level(planted):
    x, r = (a.reshape(-1, 6) for a in planted)
    truth = np.tile(0.5 * (PLANTED - 1), RUNS)
    errors = paired_errors(x, r)
    for level in (0.8, 0.9, 0.95):
        found = covered(difference(x.mean(1), r.mean(1), errors, level=level), truth)
        of_ratio = covered(ratio(x.mean(1), r.mean(1), errors, level=level), np.tile((0.25 + 0.5 * PLANTED + BAD) / (0.75 + BAD), RUNS))
        print(f"coverage at {level}: difference {found:.4f}, ratio {of_ratio:.4f} of {x.shape[0]} years")
        assert found == pytest.approx(level, abs=4 * (level * (1 - level) / len(x)) ** 0.5)
        assert of_ratio == pytest.approx(level, abs=0.012)


def test_gain_against_the_reference_is_unbiased_where_the_plain_gain_is_not(planted):
    x, r = (a.mean(2) for a in planted)
    gain = x[:, 8] - x[:, OLD].mean(1)
    relative = gain - (r[:, 8] - r[:, OLD].mean(1))
    print(f"planted gain 0.4: plain {gain.mean():.4f}, relative {relative.mean():.4f}")
    assert centred(relative, 0.4)
    assert centred(gain, 0.3)  # the dry year taken for a setback
    assert not centred(gain, 0.4)


def test_completeness_and_closed_gap_cover_at_their_level(planted):
    x, r = planted
    found = {"rc": [], "closed": []}
    for own, other in zip(x, r, strict=True):
        errors = paired_errors(own, other)
        for name, function in (("rc", completeness), ("closed", gap_closed)):
            one = function(own.mean(1), other.mean(1), OLD, errors, least_gap=0.05)
            found[name].append((one.value[4:], one.low[4:], one.high[4:]))
    rc, closed = (np.array(found[name]).transpose(1, 0, 2) for name in ("rc", "closed"))
    in_that_year = (0.5 * PLANTED + BAD)[4:] / (0.5 + BAD)[4:]
    for name, values, truth in (("RC", rc, in_that_year), ("closed gap", closed, PLANTED[4:])):
        assert np.isfinite(values).all()
        share = np.mean((values[1] <= truth) & (truth <= values[2]), axis=0)
        print(f"{name}: mean {values[0].mean(0).round(4)}, truth {truth.round(4)}, coverage at 0.9 {share.round(4)}")
        assert share == pytest.approx(0.9, abs=0.03)
        assert values[0].mean(0) == pytest.approx(truth, abs=0.003)
    assert rc[0].mean(0)[-1] == pytest.approx(0.75, abs=0.01)  # 0.8 was planted: RC takes part of the dry year for a setback, the closed gap does not


@pytest.mark.parametrize("count, off", [(2, 0.06), (3, 0.04)])
@pytest.mark.parametrize("before", [1, 4])
def test_completeness_and_closed_gap_from_few_scenes_cover_as_documented(count, off, before):
    rng, runs = np.random.default_rng(count), 1000
    closed, bad, old = PLANTED[4 - before :], BAD[4 - before :], np.arange(5 + before) < before
    made = scenes(rng, np.tile(0.25 + 0.5 * closed + bad, runs), np.tile(0.75 + bad, runs), count=count)
    x, r = (a.reshape(runs, -1, count) for a in made)
    for function, truth in ((completeness, (0.5 * closed + bad) / (0.5 + bad)), (gap_closed, closed)):
        found = [function(a.mean(1), b.mean(1), old, paired_errors(a, b), least_gap=0.05) for a, b in zip(x, r, strict=True)]
        low, high = np.array([f.low[~old] for f in found]), np.array([f.high[~old] for f in found])
        inside = np.where(np.isfinite(low), (low <= truth[~old]) & (truth[~old] <= high), NAN)
        share = np.nanmean(inside, axis=0)
        print(f"{function.__name__}, {count} scenes, {before} years before: coverage at 0.9 {share.round(3)}, without interval {np.isnan(inside).mean():.3f}")
        assert share == pytest.approx(0.9, abs=off)
        assert np.isnan(inside).mean() < 0.05


# A burnt forest: sites with their own years of disturbance and restoration, and the cells of the fire of 2005

SINCE = 2000


class Forest:
    """NDVI and NBR of 24 years, (years, y, x), NaN without two positive reflectances; the sites, the reference and the fire as polygons."""

    def __init__(self, home):
        self.years = list(range(SINCE, 2024))
        bands = []
        for year in self.years:
            with rasterio.open(home / f"{year}.tif") as source:
                bands.append(source.read([3, 4, 6]).astype(np.float64))
                self.transform, self.crs = source.transform, source.crs
        red, nir, swir = np.moveaxis(np.array(bands), 1, 0)
        self.index = {"ndvi": self.normalised(nir, red), "nbr": self.normalised(nir, swir)}
        names = {"sites": "test_multiple_polygons", "reference": "test_reference", "fire": "wildfire_516"}
        self.polygons = {name: gpd.read_file(home / f"{file}.gpkg").to_crs(self.crs) for name, file in names.items()}

    @staticmethod
    def normalised(a, b):
        """Return (a - b) / (a + b)."""
        usable = (a > 0) & (b > 0)
        return np.where(usable, a - b, NAN) / np.where(usable, a + b, 1)

    def cells(self, index, polygons):
        """Return the series of the cells inside, (cells, years)."""
        cube = self.index[index]
        return cube[:, geometry_mask(polygons, cube.shape[1:], self.transform, invert=True)].T

    def mean(self, index, polygons):
        """Return the mean of each year, by plain sums; NaN where less than half of the cells have a value."""
        out = []
        for layer in self.cells(index, polygons).T.tolist():
            values = [v for v in layer if v == v]
            out.append(sum(values) / len(values) if 2 * len(values) >= len(layer) else NAN)
        return np.array(out)

    def sites(self, index):
        """Return mean series, year of disturbance and year of restoration of each site, and the reference's mean series."""
        table = self.polygons["sites"]
        reference = self.mean(index, self.polygons["reference"].geometry)
        return [(self.mean(index, [s.geometry]), int(s.dist_start), int(s.rest_start)) for s in table.itertuples()], reference


@pytest.fixture(scope="module")
def forest(shared) -> Forest:
    return Forest(shared / "landsat_bc_annual_2000_2023")


@pytest.mark.parametrize("index, share", [("ndvi", 0.8), ("ndvi", 1.0), ("nbr", 0.8), ("nbr", 0.95)])
def test_sites_of_a_burnt_forest_agree_with_plain_loops(forest, index, share):
    sites, reference = forest.sites(index)
    for x, burnt, start in sites:
        found = years_to_recovery(forest.years, x, reference, start, share=share)
        pairs = list(zip(forest.years, x.tolist(), reference.tolist(), strict=True))
        hits = [y - start for y, a, b in pairs if y >= start and a >= share * b]
        assert found.years == (hits[0] if hits else None)
        until = start + hits[0] if hits else 2024
        assert list(found.missing) == [y for y, a, b in pairs if start <= y < until and not (a == a and b == b)]
        assert list(found.relapsed) == [y for y, a, b in pairs if y > until and a < share * b]
        assert list(found.above_before) == [y for y, a, b in pairs if y < start and a >= share * b]
        reached = r80p(x, reference, share=share).value
        assert reached == pytest.approx([a / (share * b) for _, a, b in pairs], nan_ok=True, rel=1e-12)

        before = np.array([burnt <= y < start for y in forest.years])
        state = np.nanmean(x[before])
        rc = completeness(x, reference, before, least_gap=0.02).value
        assert rc == pytest.approx(np.where(reference - state > 0.02, (x - state) / (reference - state), NAN), nan_ok=True, rel=1e-9)
        gap = np.nanmean((reference - x)[before])
        closed = gap_closed(x, reference, before, least_gap=0.02).value
        assert closed == pytest.approx(1 - (reference - x) / gap if gap > 0.02 else np.full(24, NAN), nan_ok=True, rel=1e-9)
        print(f"{index} {share:g}, burnt {burnt}, restored {start}: Y2R {found.years}, relapsed {len(found.relapsed)}, there before {len(found.above_before)},"
              f" R80P 2023 {reached[-1]:.3f}, RC 2023 {rc[-1]:.3f}")  # fmt: skip


@pytest.mark.parametrize("index, share", [("ndvi", 0.95), ("nbr", SHARE)])
def test_cells_of_the_fire_agree_with_plain_numpy_and_with_the_peers_rule(forest, index, share):
    """5,522 cells, the target their own mean of 2003 and 2004. PEOPLE-ER's rule written anew: the first position at or above, gaps below, else -9999."""
    cells = forest.cells(index, forest.polygons["fire"].geometry)
    assert len(cells) == 5522
    start, target = 2006, np.nanmean(cells[:, [3, 4]], axis=1)
    assert (target > 0).all()
    window = cells[:, start - SINCE :]
    there = np.nan_to_num(window, nan=-1.0) >= (share * target)[:, None]
    theirs = np.where(there.any(1), there.argmax(1), -9999)
    found = [years_to_recovery(forest.years, x, np.full(24, goal), start, share=share) for x, goal in zip(cells, target, strict=True)]
    assert [-9999 if f.years is None else f.years for f in found] == theirs.tolist()

    place = np.arange(window.shape[1])
    last = np.where(theirs < 0, window.shape[1], theirs)
    gaps = np.isnan(window) & (place < last[:, None])
    assert [len(f.missing) for f in found] == gaps.sum(1).tolist()
    first = np.where(gaps.any(1), gaps.argmax(1), theirs)
    assert [-9999 if f.earliest is None else f.earliest for f in found] == first.tolist()
    below = ~there & ~np.isnan(window) & (place > last[:, None])
    assert [len(f.relapsed) for f in found] == below.sum(1).tolist()
    never, relapsed, bounds = (int(v) for v in ((theirs < 0).sum(), below.any(1).sum(), (gaps.any(1) & (theirs > 0)).sum()))
    print(f"{index} {share:g}: never {never}, relapsed {relapsed}, upper bounds {bounds}, median Y2R of the others {np.median(theirs[theirs >= 0]):g}")
    assert min(never, relapsed, bounds) > 0  # every case occurs


def test_forest_sites_against_the_reference_by_scipy(forest):
    """BACI of the fire of 2005 (a loss, not a restoration): the same numbers as Welch's test of scipy on the years' differences."""
    sites, reference = forest.sites("nbr")
    phase = phases(forest.years, "2005-08", Season(start="06-01", end="09-15"))
    assert [phase.count(p) for p in ("before", "partial", "after")] == [5, 1, 18]
    x = forest.mean("nbr", forest.polygons["fire"].geometry)
    for series in (x, *(s[0] for s in sites)):
        d = series - reference
        found = baci(series, reference, phase)
        for one, first in ((found.full, 6), (found.with_partial, 5)):
            old, new = d[:5][~np.isnan(d[:5])], d[first:][~np.isnan(d[first:])]
            peer = stats.ttest_ind(new, old, equal_var=False)
            interval = peer.confidence_interval(0.9)
            assert (one.value, one.low, one.high, one.freedom) == pytest.approx((new.mean() - old.mean(), interval.low, interval.high, peer.df))
    fire = baci(x, reference, phase).full
    print(f"fire of 2005, NBR: {fire.value:.4f} [{fire.low:.4f}, {fire.high:.4f}], {fire.before} and {fire.after} years")
    assert fire.high < 0
