"""Strata: every bound by hand, both hemispheres, and coverages whose parts are the whole to the last digit."""

import numpy as np
import pytest

from pipeline.coverage import ZoneCoverage
from pipeline.evaluation.strata import PLATFORM, SHADY, STEEP, SUNNY, TERRAIN, UNKNOWN, TerrainRules, feature_shares, split, terrain_codes

NAN = float("nan")


def stratum(slope, aspect, *, south=False, **rules):
    """Return the stratum of one cell."""
    return TERRAIN[int(terrain_codes(np.array([[slope]]), np.array([[aspect]]), TerrainRules(**rules), south=south)[0, 0])]


@pytest.mark.parametrize(
    "slope, aspect, expected",
    [
        (0.0, NAN, PLATFORM),
        (0.0001, 0.0, PLATFORM),
        (np.nextafter(5, 0), 180.0, PLATFORM),
        (5.0, 180.0, SUNNY),
        (5.0, 0.0, SHADY),
        (np.nextafter(25, 0), 180.0, SUNNY),
        (np.nextafter(25, 0), 359.0, SHADY),
        (25.0, 180.0, STEEP),
        (25.0, 0.0, STEEP),
        (89.0, 100.0, STEEP),
        (NAN, NAN, UNKNOWN),
        (15.0, np.nextafter(90, 0), SHADY),
        (15.0, 90.0, SUNNY),
        (15.0, np.nextafter(270, 0), SUNNY),
        (15.0, 270.0, SHADY),
        (15.0, np.nextafter(360, 0), SHADY),
        (15.0, NAN, UNKNOWN),
    ],
)
def test_bounds(slope, aspect, expected):
    assert stratum(slope, aspect) == expected


@pytest.mark.parametrize(
    "aspect, expected",
    [
        (0.0, SUNNY), (45.0, SUNNY), (89.999, SUNNY), (90.0, SUNNY), (90.001, SHADY), (180.0, SHADY), (269.999, SHADY), (270.0, SHADY),
        (270.001, SUNNY), (359.9, SUNNY),
    ],
)  # fmt: skip
def test_in_the_south_the_sunny_side_is_the_north(aspect, expected):
    assert stratum(15.0, aspect, south=True) == expected


@pytest.mark.parametrize("given", [(90.0, 270.0), (135.0, 315.0), (135.0, 225.0), (112.5, 247.5), (300.0, 60.0), (0.0, 180.0)])
@pytest.mark.parametrize("south", [False, True])
def test_any_sector_by_plain_loops(given, south):
    """Walk clockwise from the first aspect; in the south the compass is mirrored at the east-west line."""
    wide = (given[1] - given[0]) % 360
    for aspect in np.arange(0, 360, 2.25):
        north, east = np.cos(np.radians(aspect)), np.sin(np.radians(aspect))
        seen = np.degrees(np.arctan2(east, -north if south else north)) % 360
        walked = (seen - given[0]) % 360
        if min(abs(walked), abs(walked - wide), abs(walked - 360)) < 1e-9:
            continue  # on a border, where this loop's own rounding decides
        assert stratum(15.0, aspect, south=south, sunny_deg=given) == (SUNNY if walked < wide else SHADY), aspect


def test_own_bounds_of_slope():
    assert stratum(5.0, 180.0, platform_below_deg=6.0) == PLATFORM
    assert stratum(15.0, 180.0, steep_from_deg=15.0) == STEEP


def test_platforms_and_steep_slopes_have_no_side():
    slope = np.repeat([[1.0], [60.0]], 8, axis=1)
    codes = terrain_codes(slope, np.repeat([np.arange(0.0, 360, 45)], 2, axis=0), TerrainRules(), south=False)
    assert [{TERRAIN[c] for c in row} for row in codes] == [{PLATFORM}, {STEEP}]
    assert codes.dtype == np.uint8


# Splitting


def zone(area, pixels=None):
    area = np.asarray(area, np.float64)
    return ZoneCoverage("pit", "pit", slice(3, 3 + area.shape[0]), slice(5, 5 + area.shape[1]), area, float((area > 0).sum()) if pixels is None else pixels)


@pytest.fixture
def ragged():
    """A zone of 60 x 70 cells with cut cells at its edge and none outside."""
    rng = np.random.default_rng(2)
    area = np.where(rng.random((60, 70)) < 0.3, 0.0, 100.04 * np.where(rng.random((60, 70)) < 0.2, rng.random((60, 70)), 1.0))
    return zone(area, float(area.sum() / 100.04))


def shared(rng, shape, kinds):
    """Return shares that sum to 1, some strata absent from most cells."""
    drawn = rng.gamma(0.2, size=(kinds, *shape)) + 1e-12
    drawn[rng.random(drawn.shape) < 0.5] = 0
    drawn[0] += drawn.sum(axis=0) == 0
    return drawn / drawn.sum(axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_parts_are_the_whole(ragged, seed):
    rng = np.random.default_rng(seed)
    shares = dict(zip(TERRAIN, shared(rng, ragged.area_m2.shape, 5), strict=True))
    parts = split(ragged, shares)
    total = sum(float(part.area_m2.sum()) for part in parts.values())
    assert total == pytest.approx(float(ragged.area_m2.sum()), rel=1e-12)
    together = sum(part.area_m2 for part in parts.values())
    assert together == pytest.approx(ragged.area_m2, rel=1e-14)
    assert sum(part.pixels for part in parts.values()) == pytest.approx(ragged.pixels, rel=1e-12)
    for name, part in parts.items():
        assert (part.zone, part.role, part.rows, part.cols) == ("pit", "pit", slice(3, 63), slice(5, 75))
        assert (part.area_m2 >= 0).all()
        assert part.area_m2 == pytest.approx(ragged.area_m2 * shares[name], rel=1e-9, abs=1e-9)
        assert (part.touched <= ragged.touched).all()
        assert (part.touched <= (shares[name] > 0)).all()


def test_whole_cells_keep_their_area_bit_by_bit(ragged):
    """Where every cell is of one stratum, as a coarse elevation model gives it, nothing is rounded at all."""
    codes = np.random.default_rng(9).integers(0, 5, ragged.area_m2.shape)
    parts = split(ragged, {name: (codes == code).astype(float) for code, name in enumerate(TERRAIN)})
    for code, name in enumerate(TERRAIN):
        assert np.array_equal(parts[name].area_m2, np.where(codes == code, ragged.area_m2, 0))


def test_a_stratum_without_area_is_no_coverage():
    shares = {PLATFORM: np.array([[1.0, 0.0]]), STEEP: np.array([[0.0, 1.0]]), UNKNOWN: np.array([[0.0, 0.0]])}
    assert list(split(zone([[7.0, 9.0]]), shares)) == [PLATFORM, STEEP]
    assert list(split(zone([[7.0, 0.0]]), shares)) == [PLATFORM]


def test_one_stratum_is_the_zone():
    whole = zone([[7.0, 9.0, 0.0]], 1.5)
    only = split(whole, {PLATFORM: np.ones((1, 3))})[PLATFORM]
    assert np.array_equal(only.area_m2, whole.area_m2)
    assert only.pixels == 1.5


def test_how_much_of_a_mixed_mean_is_of_other_ground_is_told():
    """Half of each cell is another stratum: so is half of the mean."""
    halves = split(zone(np.full((4, 4), 100.0)), {PLATFORM: np.full((4, 4), 0.5), SUNNY: np.full((4, 4), 0.5)})
    assert halves[PLATFORM].surroundings_pct == pytest.approx(50)


@pytest.mark.parametrize(
    "shares, says",
    [
        ({PLATFORM: np.ones((1, 3))}, "shape"),
        ({PLATFORM: np.array([[0.5, 0.5]])}, "sum to 1"),
        ({PLATFORM: np.array([[1.5, 1.0]]), STEEP: np.array([[-0.5, 0.0]])}, "negative"),
        ({PLATFORM: np.array([[NAN, 1.0]])}, "not a number"),
    ],
)
def test_shares_that_are_none_are_refused(shares, says):
    with pytest.raises(ValueError, match=says):
        split(zone([[7.0, 9.0]]), shares)


def test_shares_outside_of_the_zone_do_not_count():
    assert list(split(zone([[7.0, 0.0]]), {PLATFORM: np.array([[1.0, NAN]])})) == [PLATFORM]


# Features as strata


def test_features_share_a_cell_by_the_ground_that_each_covers():
    whole = zone([[100.0, 80.0, 100.0]])
    left = ZoneCoverage("pit", "pit", slice(3, 4), slice(5, 7), np.array([[100.0, 20.0]]), 1.2)
    right = ZoneCoverage("pit", "pit", slice(3, 4), slice(6, 8), np.array([[60.0, 100.0]]), 1.6)
    shares = feature_shares(whole, {"top": left, "foot": right})
    assert shares["top"].tolist() == [[1.0, 0.25, 0.0]]
    assert shares["foot"].tolist() == [[0.0, 0.75, 1.0]]
    parts = split(whole, shares)
    assert parts["top"].area_m2.tolist() == [[100.0, 20.0, 0.0]]
    assert parts["foot"].area_m2.tolist() == [[0.0, 60.0, 100.0]]


def test_what_rounding_leaves_over_goes_to_the_largest():
    whole = zone([[100.0, 80.0, 1e-4]])
    small = ZoneCoverage("pit", "pit", slice(3, 4), slice(5, 6), np.array([[30.0]]), 0.3)
    large = ZoneCoverage("pit", "pit", slice(2, 4), slice(4, 7), np.array([[0.0, 1e-5, 0.0], [1e-5, 70.0, 80.0]]), 1.5)  # reaches beyond by rounding
    parts = split(whole, feature_shares(whole, {"small": small, "large": large}))
    assert parts["small"].area_m2.tolist() == [[30.0, 0.0, 0.0]]
    assert parts["large"].area_m2.tolist() == [[70.0, 80.0, 1e-4]]


def test_a_feature_that_lies_elsewhere_takes_nothing():
    whole = zone([[100.0]])
    away = ZoneCoverage("pit", "pit", slice(50, 51), slice(5, 6), np.array([[30.0]]), 0.3)
    here = ZoneCoverage("pit", "pit", slice(3, 4), slice(5, 6), np.array([[100.0]]), 1.0)
    assert list(split(whole, feature_shares(whole, {"away": away, "here": here}))) == ["here"]
