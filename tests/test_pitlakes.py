"""Pit lakes by flood fill, planted ponds by geometry, and succession types that unknown cells may hide."""

import numpy as np
import pytest
from floodfill import fill

from pipeline.evaluation.pitlakes import PitLakes, pit_lakes, succession_type

BOUNDS = {"terrestrial_below_pct": 10, "aquatic_from_pct": 60}


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("seed", range(8))
def test_lakes_are_those_of_a_flood_fill(seed, connectivity):
    rng = np.random.default_rng(seed)
    water = rng.random((19, 16)) < 0.35
    area = rng.random(water.shape) * 100
    area[rng.random(water.shape) < 0.3] = 0
    found = pit_lakes(water, area, connectivity=connectivity)
    expected = [sum(area[c] for c in patch) for patch in fill(water & (area > 0), connectivity)]
    assert found.lakes_m2 == pytest.approx(sorted(expected, reverse=True))
    assert sum(found.lakes_m2) == pytest.approx(found.water_m2) == pytest.approx(area[water].sum())
    large = pit_lakes(water, area, connectivity=connectivity, least_m2=120)
    assert large.lakes_m2 == pytest.approx(sorted((a for a in expected if a >= 120), reverse=True))
    assert large.water_m2 == found.water_m2, "puddles are water all the same"


def test_water_outside_of_the_zone_joins_nothing():
    water, area = np.array([[True, True, True]]), np.array([[100.0, 0.0, 40.0]])
    assert pit_lakes(water, area, connectivity=8).lakes_m2 == (100, 40)


def test_planted_ponds_are_recovered():
    y, x = np.indices((150, 200)) * 10.0
    ponds = [(500, 500, 205), (1000, 1500, 333)]
    water = np.any([np.hypot(y - b, x - a) < r for b, a, r in ponds], axis=0)
    found = pit_lakes(water, np.full(water.shape, 100.0757), connectivity=4)
    true = sorted((np.pi * r**2 * 1.000757 for *_, r in ponds), reverse=True)
    print("planted ponds:", [f"{a / t:.4f}" for a, t in zip(found.lakes_m2, true, strict=True)], "of their area")
    assert found.lakes_m2 == pytest.approx(true, rel=0.01)
    assert found.share_pct == pytest.approx((100 * sum(true) / (150 * 200 * 100.0757),) * 2, rel=0.01)


@pytest.mark.parametrize(
    ("water", "unknown", "found"),
    [
        (0, 0, "terrestrial"),
        (9.99, 0, "terrestrial"),
        (10, 0, "mixed"),
        (59.99, 0, "mixed"),
        (60, 0, "aquatic"),
        (100, 0, "aquatic"),
        (5, 4, "terrestrial"),
        (5, 5, None),
        (20, 30, "mixed"),
        (20, 40, None),
        (60, 40, "aquatic"),
        (0, 100, None),
    ],
)
def test_succession_type_by_the_share_of_water(water, unknown, found):
    assert succession_type(PitLakes((), water, unknown, 100.0), **BOUNDS) == found


def test_equal_bounds_leave_no_mixed_type():
    types = {succession_type(PitLakes((), w, 0, 100.0), terrestrial_below_pct=50, aquatic_from_pct=50) for w in range(101)}
    assert types == {"terrestrial", "aquatic"}


def test_unknown_cells_widen_the_share():
    water, unknown = np.array([[True, False, False, False]]), np.array([[False, True, False, False]])
    found = pit_lakes(water, np.full((1, 4), 100.0), connectivity=4, unknown=unknown)
    assert found == PitLakes((100.0,), 100.0, 100.0, 400.0)
    assert found.share_pct == (25, 50)
    assert pit_lakes(~water & water, np.full((1, 4), 100.0), connectivity=4).lakes_m2 == ()


@pytest.mark.parametrize("bounds", [(0, 60), (-1, 60), (70, 60), (10, 101), (np.nan, 60), (10, np.nan)])
def test_bounds_out_of_order_are_refused(bounds):
    with pytest.raises(ValueError, match="expected 0 < terrestrial_below_pct"):
        succession_type(PitLakes((), 0, 0, 1), terrestrial_below_pct=bounds[0], aquatic_from_pct=bounds[1])
    with pytest.raises(TypeError):
        succession_type(PitLakes((), 0, 0, 1))


WET = np.ones((2, 2), bool)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pit_lakes(WET, np.ones((2, 2)), connectivity=4, unknown=WET), "both water and unknown"),
        (lambda: pit_lakes(WET, np.ones((2, 2)), connectivity=4, least_m2=-1), "least area of a lake -1 m2"),
        (lambda: pit_lakes(WET, np.ones((2, 2)), connectivity=4, least_m2=np.nan), "least area of a lake nan m2"),
        (lambda: pit_lakes(WET, np.ones((2, 3)), connectivity=4), "water has shape"),
        (lambda: pit_lakes(np.full((2, 2), np.nan), np.ones((2, 2)), connectivity=4), "water is float64"),
        (lambda: pit_lakes(WET, np.zeros((2, 2)), connectivity=4), "ground areas are all 0"),
        (lambda: pit_lakes(WET, np.ones((2, 2)), connectivity=5), "connectivity is 5"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()
