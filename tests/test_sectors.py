"""Sectors against brute force, cell by cell, and words only where a class lies clearly somewhere."""

import math

import numpy as np
import pytest

from pipeline.sectors import CENTRE, SECTORS, CellSteps, outstanding, sector_of, sector_sentences, sector_shares

NORTH_UP = CellSteps((10.0, 0.0), (0.0, -10.0))
TURNED = CellSteps((0.0, 10.0), (10.0, 0.0))  # columns run north, rows east
SHEARED = CellSteps((463.0, 0.0), (-480.0, -463.0))  # as far from the central meridian of a sinusoidal grid


def brute_force(area, steps):
    """Return sectors by walking the cells, with bearings compared by dot products."""
    height, width = area.shape
    place = {(y, x): (x * steps.column[0] + y * steps.row[0], x * steps.column[1] + y * steps.row[1]) for y in range(height) for x in range(width)}
    total = sum(area[k] for k in place)
    east, north = (sum(area[k] * p[i] for k, p in place.items()) / total for i in (0, 1))
    whole = abs(steps.column[0] * steps.row[1] - steps.column[1] * steps.row[0])
    radius = math.sqrt(whole * total / area.max() / 9 / math.pi)
    compass = [(math.sin(math.radians(b)), math.cos(math.radians(b))) for b in range(0, 360, 45)]
    out = np.empty(area.shape, int)
    for k, (e, n) in place.items():
        dots = [(e - east) * c[0] + (n - north) * c[1] for c in compass]
        out[k] = CENTRE if math.hypot(e - east, n - north) <= radius else dots.index(max(dots))
    return out


@pytest.mark.parametrize("steps", [NORTH_UP, TURNED, SHEARED], ids=["north-up", "turned", "sheared"])
@pytest.mark.parametrize("seed", range(4))
def test_sectors_equal_brute_force(steps, seed):
    rng = np.random.default_rng(seed)
    area = rng.uniform(0, 100, (9, 12)) * (rng.random((9, 12)) < 0.8)
    assert np.array_equal(sector_of(area, steps), brute_force(area, steps))


@pytest.mark.parametrize("seed", range(4))
def test_shares_equal_brute_force(seed):
    rng = np.random.default_rng(seed)
    area = rng.uniform(0, 100, (8, 7)) * (rng.random((8, 7)) < 0.8)
    codes = rng.choice([5, 6, 97], (8, 7)).astype(np.uint8)
    sectors = brute_force(area, NORTH_UP)
    zone, shares = sector_shares(codes, area, NORTH_UP)
    for i in range(9):
        assert zone[i] == pytest.approx(sum(area[sectors == i]) / area.sum())
        for code in (5, 6, 97):
            assert shares[code][i] == pytest.approx(area[(sectors == i) & (codes == code)].sum() / area[codes == code].sum())


def test_the_corners_of_a_square_are_where_they_should_be():
    sectors = sector_of(np.ones((9, 9)), NORTH_UP)
    names = [[SECTORS[sectors[y, x]].en for x in (0, 4, 8)] for y in (0, 4, 8)]
    assert names == [["north-west", "north", "north-east"], ["west", "centre", "east"], ["south-west", "south", "south-east"]]
    assert [SECTORS[i].zh for i in sector_of(np.ones((9, 9)), TURNED)[[0, 8], [4, 4]]] == ["西部", "东部"]


def test_a_round_zone_has_nine_equal_parts():
    y, x = np.indices((201, 201)) - 100
    zone, _ = sector_shares(np.full((201, 201), 5), ((x**2 + y**2) <= 100**2).astype(float), NORTH_UP)
    assert zone == pytest.approx(np.full(9, 1 / 9), abs=2e-3)


def test_the_centroid_is_that_of_the_area_not_of_the_window():
    area = np.full((5, 21), 1e-9)
    area[:, :5] = 1.0
    assert SECTORS[sector_of(area, NORTH_UP)[2, 2]].en == "centre"
    assert SECTORS[sector_of(area, NORTH_UP)[2, 20]].en == "east"


def square(size=30):
    return np.full((size, size), 6, np.uint8), np.full((size, size), 100.0)


def test_a_class_in_the_north_east_is_said_with_its_shares():
    codes, area = square()
    codes[:8, 22:] = 3
    sectors = brute_force(area, NORTH_UP)
    share, zone = (100 * (sectors == 1)[w].mean() for w in (codes == 3, area > 0))
    sentence = next(s for s in sector_sentences(codes, area, NORTH_UP, (2021, 2024)) if "decrease" in s.en)
    assert share > 90
    words = "100" if share == 100 else f"{share:.0f}"
    assert sentence.en == f"2021-2024: slightly significant decrease: mostly in the north-east ({words} % of the class, {zone:.0f} % of the zone)."
    assert sentence.zh == f"2021—2024年：轻微显著减少：主要分布于东北部（占该类{words}%，占全区{zone:.0f}%）。"
    assert sentence.key == "sector"


def test_half_a_zone_is_several_sectors():
    codes, area = square()
    codes[:, 18:] = 8
    (east,) = (s.en for s in sector_sentences(codes, area, NORTH_UP, (1, 2)) if "significant increase:" in s.en and "no sig" not in s.en)
    assert all(word in east for word in ("mostly in the", "north-east", "east", "south-east"))


def test_a_class_spread_as_the_zone_is_has_no_sentence():
    codes, area = square()
    codes[np.indices(codes.shape).sum(axis=0) % 2 == 0] = 4
    assert sector_sentences(codes, area, NORTH_UP, (2021, 2024)) == ()


@pytest.mark.parametrize("share", [0.003, 0.02, 0.1, 0.5])
def test_chance_seldom_gives_a_sentence(share):
    rng = np.random.default_rng(7)
    _, area = square(40)
    said = sum(bool(sector_sentences(np.where(rng.random(area.shape) < share, 7, 6).astype(np.uint8), area, NORTH_UP, (1, 2))) for _ in range(200))
    assert said <= 8


def test_a_corner_that_holds_little_of_a_class_is_not_named():
    codes, area = square(60)
    codes[:, ::3] = 8
    codes[:4, -16:] = 8  # stands out, with less than a quarter of the class
    zone, shares = sector_shares(codes, area, NORTH_UP)
    assert shares[8][1] > zone[1]
    assert sector_sentences(codes, area, NORTH_UP, (2021, 2024)) == ()


def test_outside_is_no_class_and_cells_outside_the_zone_count_nothing():
    codes, area = square()
    codes[:5], area[:5] = 0, 0
    codes[20:, :10], area[20:, :10] = 99, 0
    assert sector_sentences(codes, area, NORTH_UP, (2021, 2024)) == ()


@pytest.mark.parametrize("area", [np.zeros((4, 4)), np.ones((5, 5)), np.eye(29)], ids=["empty", "25 cells", "29 cells"])
def test_a_zone_of_few_cells_has_no_sectors(area):
    codes = np.where(np.indices(area.shape)[0] < 2, 8, 2).astype(np.uint8)
    assert sector_sentences(codes, area, NORTH_UP, (2021, 2024)) == ()


def test_four_cells_in_the_corner_of_a_small_zone_are_too_few_to_speak_of():
    for size, said in ((5, 0), (6, 1)):
        codes, area = square(size)
        codes[:2, -2:] = 8
        assert len(sector_sentences(codes, area, NORTH_UP, (2021, 2024))) == said


def test_what_stands_out_needs_ratio_excess_and_cells():
    zone = np.array([0.5, 0.02, 0.1, 0.1, 0.1, 0.1, 0.04, 0.04, 0.0])
    share = np.array([0.6, 0.06, 0.2, 0.04, 0.02, 0.04, 0.02, 0.02, 0.0])
    assert outstanding(share, zone, 1000) == [2]  # 0.6 is less than 1.5 times; 0.06 less than five points more
    assert outstanding(share, zone, 50) == []  # with 50 cells it may be chance
