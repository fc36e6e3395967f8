"""Matched controls against plain loops, balance by hand, planted contrasts, and the drift that matching on noise brings."""

import math

import numpy as np
import pytest

from pipeline.evaluation.baci import baci
from pipeline.evaluation.controls import match, matched_series

NAN = float("nan")


def spread(a, b) -> float:
    return math.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / 2)


@pytest.fixture
def cells():
    """Three years before of 40 restored and 300 control cells, with elevation; the restored are barer and higher."""
    rng = np.random.default_rng(5)
    return rng.normal(0.3, 0.08, (3, 40)), rng.normal(0.45, 0.12, (3, 300)), rng.normal(3900, 30, 40), rng.normal(3850, 50, 300)


def test_controls_are_the_nearest_in_standardised_features(cells):
    own, other, high, low = cells
    found = match(own, other, treated_elevation=high, control_elevation=low)
    features = [(a, b) for a, b in zip([*own, high], [*other, low], strict=True)]
    assert found.controls.shape == found.distance.shape == (40, 20)
    for cell in range(40):
        distances = sorted((math.sqrt(sum(((a[cell] - b[j]) / spread(a, b)) ** 2 for a, b in features)), j) for j in range(300))[:20]
        assert found.distance[cell] == pytest.approx([d for d, _ in distances])
        assert found.controls[cell].tolist() == [j for _, j in distances]


def test_without_elevation_only_the_years_count(cells):
    own, other, *_ = cells
    found = match(own, other, k=1)
    for cell in range(40):
        best = min(range(300), key=lambda j: sum(((own[i, cell] - other[i, j]) / spread(own[i], other[i])) ** 2 for i in range(3)))
        assert found.controls[cell, 0] == best
    assert [b.feature for b in found.balance] == ["ndvi 1", "ndvi 2", "ndvi 3"]
    with pytest.raises(ValueError, match="2 names are given for 3 years"):
        match(own, other, k=1, names=[2019, 2020])


def test_balance_by_hand(cells):
    own, other, high, low = cells
    found = match(own, other, treated_elevation=high, control_elevation=low, k=5)
    for row, a, b in zip(found.balance, [*own, high], [*other, low], strict=True):
        after = np.mean([b[j] for one in found.controls for j in one])
        assert (row.treated_mean, row.control_mean_before, row.control_mean_after) == pytest.approx((a.mean(), b.mean(), after))
        assert row.smd_before == pytest.approx((a.mean() - b.mean()) / spread(a, b))
        assert row.smd_after == pytest.approx((a.mean() - after) / spread(a, b))
        assert abs(row.smd_after) < 0.5 * abs(row.smd_before)
    assert [b.feature for b in found.balance][-1] == "elevation"


def test_units_do_not_matter(cells):
    own, other, high, low = cells
    one = match(own, other, treated_elevation=high, control_elevation=low)
    feet = match(own, other, treated_elevation=high * 3.28084, control_elevation=low * 3.28084)
    assert np.array_equal(one.controls, feet.controls)
    assert [b.smd_after for b in one.balance] == pytest.approx([b.smd_after for b in feet.balance])


def test_cells_that_lack_a_feature_are_left_out_and_counted():
    own, other = np.array([[0.1, NAN, 0.3], [0.1, 0.2, 0.3]]), np.array([[0.1, 0.3, 0.2, 0.35], [0.1, NAN, 0.2, 0.35]])
    found = match(own, other, k=2)
    assert found.treated.tolist() == [0, 2]
    assert found.controls.tolist() == [[0, 2], [3, 2]]
    assert (found.treated_cells, found.treated_left_out, found.control_cells, found.controls_left_out) == (3, 1, 4, 1)
    high = match([[0.1, 0.2, 0.3]], [[0.1, 0.2, 0.3]], treated_elevation=[1.0, NAN, 3.0], control_elevation=[1.0, 2.0, NAN], k=1)
    assert (high.treated_left_out, high.controls_left_out) == (1, 1)


def test_a_feature_without_spread_is_no_feature():
    own, other = np.array([[0.1, 0.2, 0.3]]), np.array([[0.3, 0.2, 0.1]])
    flat = match(own, other, treated_elevation=[3851.7] * 3, control_elevation=[3851.7] * 3, k=1)
    assert flat.controls.tolist() == match(own, other, k=1).controls.tolist() == [[2], [1], [0]]
    assert np.isnan([flat.balance[1].smd_before, flat.balance[1].smd_after]).all()
    with pytest.raises(ValueError, match="elevation: one value in all restored cells and another in all controls"):
        match(own, other, treated_elevation=[3851.7] * 3, control_elevation=[3800.1] * 3, k=1)


@pytest.mark.parametrize(
    "own, other, settings, says",
    [
        ([[0.1]], [[0.1, 0.2]], {}, "k is 20 and 2 control cells"),
        ([[0.1]], [[0.1, NAN]], {"k": 2}, "k is 2 and 1 control cells"),
        ([[0.1]], [[0.1]], {"k": 0}, "k is 0"),
        ([[NAN]], [[0.1]], {"k": 1}, "no restored cell"),
        ([[0.1], [0.1]], [[0.1]], {"k": 1}, "same years"),
        ([0.1], [0.1], {"k": 1}, "same years"),
        (np.empty((0, 3)), np.empty((0, 4)), {"k": 1}, "at least one"),
        ([[np.inf]], [[0.1]], {"k": 1}, "infinite"),
        ([[0.1]], [[0.1]], {"k": 1, "treated_elevation": [1.0]}, "both or none"),
        ([[0.1]], [[0.1]], {"k": 1, "treated_elevation": [1.0], "control_elevation": [1.0, 2.0]}, "one value per cell"),
    ],
)
def test_bad_input_is_refused(own, other, settings, says):
    with pytest.raises(ValueError, match=says):
        match(own, other, **settings)


# Series over the pairs


def test_series_average_over_valid_pairs():
    found = match([[0.1, 0.5, NAN]], [[0.08, 0.12, 0.48, 0.52]], k=2)
    assert sorted(found.controls[0]) == [0, 1]
    treated = [[0.2, 0.6, 9.0], [0.2, NAN, 9.0], [NAN, 0.6, 9.0], [0.2, NAN, 9.0]]
    controls = [[0.1, 0.3, 0.5, 0.7], [0.1, 0.3, 0.5, 0.7], [0.1, 0.3, NAN, 0.7], [0.1, NAN, 0.5, 0.7]]
    series = matched_series(found, treated, controls)
    assert series.share.tolist() == [1.0, 0.5, 0.25, 0.25]
    assert series.zone == pytest.approx([0.4, 0.2, NAN, NAN], nan_ok=True)
    assert series.reference == pytest.approx([0.4, 0.2, NAN, NAN], nan_ok=True)


def test_series_by_plain_loops(cells):
    own, other, *_ = cells
    rng = np.random.default_rng(6)
    later, others = rng.random((5, 40)), rng.random((5, 300))
    later[rng.random(later.shape) < 0.2], others[rng.random(others.shape) < 0.2] = NAN, NAN
    found = match(own, other, k=7)
    series = matched_series(found, later, others)
    for year in range(5):
        pairs = [(later[year, i], others[year, j]) for i, js in zip(found.treated, found.controls, strict=True) for j in js]
        valid = [(a, b) for a, b in pairs if a == a and b == b]
        assert series.share[year] == pytest.approx(len(valid) / len(pairs))
        assert series.zone[year] == pytest.approx(sum(a for a, _ in valid) / len(valid))
        assert series.reference[year] == pytest.approx(sum(b for _, b in valid) / len(valid))


@pytest.mark.parametrize("shapes", [((5, 39), (5, 300)), ((5, 40), (5, 299)), ((5, 40), (4, 300)), ((40,), (300,)), ((), ())])
def test_other_cells_are_refused(cells, shapes):
    own, other, *_ = cells
    with pytest.raises(ValueError, match="all cells given to `match`, in their order"):
        matched_series(match(own, other), np.zeros(shapes[0]), np.zeros(shapes[1]))


# Planted contrasts


def mine(rng, *, noise, gain=0.25, restored=0.25, control=0.5, wide=0.15, before=3, after=4, bad=0.0, treated=60, controls=800):
    """Return NDVI (years, cells) of restored and control cells and the phases.

    A bad year costs every cell `bad` times its own level, so that dense controls lose more than bare restored cells.
    """
    out = []
    for level, sd, count, rise in ((restored, 0.05, treated, gain), (control, wide, controls, 0.0)):
        own = rng.normal(level, sd, count)
        weather = np.array([0.0] * before + [bad] * after)[:, None]
        out.append(own * (1 + weather) + rise * (np.arange(before + after) >= before)[:, None] + rng.normal(0, noise, (before + after, count)))
    return *out, ["before"] * before + ["after"] * after


def matched_contrast(own, other, phase) -> float:
    old = np.array(phase) == "before"
    series = matched_series(match(own[old], other[old]), own, other)
    return baci(series.zone, series.reference, phase).full.value


def test_bad_years_that_dense_cells_feel_more_bias_all_controls_but_not_matched_ones():
    rng, plain, matched = np.random.default_rng(9), [], []
    for _ in range(200):
        own, other, phase = mine(rng, noise=0.01, bad=-0.3)
        plain.append(baci(own.mean(1), other.mean(1), phase).full.value)
        matched.append(matched_contrast(own, other, phase))
    print(f"planted 0.25: all controls {np.mean(plain):.4f}, matched {np.mean(matched):.4f}")
    assert np.mean(plain) == pytest.approx(0.25 + 0.3 * 0.25, abs=0.005)
    assert np.mean(matched) == pytest.approx(0.25, abs=0.006)


@pytest.mark.parametrize("before", [1, 4])
def test_matching_on_noise_drifts_back_as_far_as_reliability_says(before):
    """Daw and Hatfield 2018: nothing planted, parallel series, and yet a contrast, of the part of the gap between groups that noise closed.

    A control whose mean of m years lies at c is expected at c + (1 - reliability)(mean of controls - c), reliability = var / (var + noise^2 / m).
    """
    rng, plain, matched = np.random.default_rng(10), [], []
    for _ in range(200):
        own, other, phase = mine(rng, noise=0.08, gain=0.0, before=before, restored=0.4)
        plain.append(other[before:].mean() - other[:before].mean() - own[before:].mean() + own[:before].mean())
        old = np.array(phase) == "before"
        series = matched_series(match(own[old], other[old]), own, other)
        d = series.zone - series.reference
        matched.append(d[~old].mean() - d[old].mean())
    expected = -(1 - 0.15**2 / (0.15**2 + 0.08**2 / before)) * 0.1
    print(f"{before} years before, nothing planted: all controls {np.mean(plain):+.4f}, matched {np.mean(matched):+.4f}, expected {expected:+.4f}")
    assert np.mean(plain) == pytest.approx(0, abs=0.004)
    assert np.mean(matched) == pytest.approx(expected, abs=0.005)
