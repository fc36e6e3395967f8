"""Footprint of a mine: flood fill and loops over cells by hand, planted areas, and how unknown cells and edges are told."""

import numpy as np
import pytest
from floodfill import fill, nearest_m

from pipeline.evaluation.footprint import Footprint, affected, distance_to, excavated, iou
from pipeline.evaluation.patches import patch_areas, patches, touching


def cells(*rows):
    """Return a mask drawn with #."""
    return np.array([[c == "#" for c in row] for row in rows])


def as_set(mask):
    return {(int(y), int(x)) for y, x in zip(*np.nonzero(mask), strict=True)}


BARE = cells(
    "##...#",
    "##....",
    "..#..#",
    "......",
    "#...##",
)
MINE = cells(
    "......",
    ".#....",
    "......",
    "......",
    "....#.",
)


def test_bare_ground_that_hangs_together_with_the_mine_is_excavated():
    corner = cells("##....", "##....", "..#...", "......", "....##")
    sides = cells("##....", "##....", "......", "......", "....##")
    np.testing.assert_array_equal(excavated(BARE, MINE, connectivity=8).cells, corner)
    np.testing.assert_array_equal(excavated(BARE, MINE, connectivity=4).cells, sides)


def test_vegetated_cells_of_the_polygon_join_nothing():
    bare = cells("#.#")
    np.testing.assert_array_equal(excavated(bare, cells(".##"), connectivity=8).cells, cells("..#"))
    assert not excavated(bare, cells(".#."), connectivity=8).cells.any()
    assert not excavated(~bare & bare, cells("###"), connectivity=8).cells.any()


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("seed", range(12))
def test_patches_are_those_of_a_flood_fill(seed, connectivity):
    rng = np.random.default_rng(seed)
    bare, mine = rng.random((17, 23)) < rng.uniform(0.2, 0.7), rng.random((17, 23)) < 0.02
    mine[3, 4] = True
    labels, count = patches(bare, connectivity)
    expected = fill(bare, connectivity)
    assert count == len(expected)
    assert sorted(map(sorted, expected)) == sorted(sorted(as_set(labels == i)) for i in range(1, count + 1))
    kept = {cell for patch in expected for cell in patch if patch & as_set(mine)}
    assert as_set(excavated(bare, mine, connectivity=connectivity).cells) == as_set(touching(bare, mine, connectivity)) == kept
    area = rng.random(bare.shape)
    assert sorted(patch_areas(labels, count, area)) == pytest.approx(sorted(sum(area[c] for c in patch) for patch in expected))


def test_unknown_cells_are_not_bare_and_might_be():
    bare, unknown = cells("#..#", "...."), cells(".##.", "...#")
    found = excavated(bare, cells("#...", "...."), connectivity=4, unknown=unknown)
    np.testing.assert_array_equal(found.cells, cells("#...", "...."))
    np.testing.assert_array_equal(found.possible, cells("####", "...#"))
    assert found.areas_m2(np.full((2, 4), 100.0)) == (100, 500)


def test_excavated_ground_at_the_edge_of_the_window_may_go_on():
    bare, mine = np.zeros((5, 5), bool), np.zeros((5, 5), bool)
    bare[2, 1:4] = mine[2, 2] = True
    assert not excavated(bare, mine, connectivity=4).cut
    bare[2, 4] = True
    assert excavated(bare, mine, connectivity=4).cut
    bare[2, 4], unknown = False, np.zeros((5, 5), bool)
    unknown[2, 4] = True
    assert excavated(bare, mine, connectivity=4, unknown=unknown).cut


@pytest.mark.parametrize("cell_m", [(10.0, 10.0), (30.0, 10.0), (231.7, 463.3)])
@pytest.mark.parametrize("seed", range(4))
def test_distances_are_those_of_all_pairs(seed, cell_m):
    rng = np.random.default_rng(seed)
    mask = rng.random((11, 14)) < 0.04
    found = distance_to(mask, cell_m)
    there = as_set(mask)
    expected = [[nearest_m(y, x, there, cell_m) for x in range(14)] for y in range(11)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_without_excavated_ground_nothing_is_near():
    assert np.isinf(distance_to(np.zeros((2, 3), bool), (10.0, 10.0))).all()
    none = excavated(np.zeros((1, 3), bool), np.ones((1, 3), bool), connectivity=4)
    found = affected(none, np.full((1, 3), -1.0), (10.0, 10.0), distance_m=1e9, below=0.0)
    assert not found.cells.any()
    assert not found.possible.any()
    assert not found.cut


@pytest.mark.parametrize("cell_m", [(10.0, 10.0), (20.0, 35.0)])
@pytest.mark.parametrize("seed", range(4))
def test_affected_ground_is_that_of_the_rule_spelled_out(seed, cell_m):
    rng = np.random.default_rng(seed)
    bare, mine = rng.random((12, 15)) < 0.3, np.zeros((12, 15), bool)
    mine[4:7, 5:8] = True
    relative = rng.normal(-0.1, 0.2, bare.shape)
    unknown = ~bare & (rng.random(bare.shape) < 0.15)
    relative[unknown] = np.nan
    water = rng.random(bare.shape) < 0.1
    dug = excavated(bare, mine, connectivity=4, unknown=unknown)
    found = affected(dug, relative, cell_m, distance_m=40.0, below=-0.1, excluded=water)
    for y in range(12):
        for x in range(15):
            near, maybe = (nearest_m(y, x, as_set(c), cell_m) <= 40 for c in (dug.cells, dug.possible))
            free = not dug.cells[y, x] and not water[y, x]
            assert found.cells[y, x] == (free and near and relative[y, x] < -0.1)
            assert found.possible[y, x] == (free and maybe and (unknown[y, x] or relative[y, x] < -0.1))
    assert not (found.cells & ~found.possible).any()
    assert not (found.cells & dug.cells).any(), "affected and excavated ground can be summed"


def test_a_distance_of_whole_cells_is_reached():
    dug = Footprint(cells("#........."), cells("#........."), False)
    for side in (10.1, 0.1, 29.97, 231.65635826):
        for n in range(10):
            assert affected(dug, np.full((1, 10), -1.0), (side, side), distance_m=n * side, below=0.0).cells.sum() == n


def test_a_window_too_small_for_the_distance_is_told():
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    dug, relative = Footprint(mask, mask, False), np.zeros((9, 9))
    assert not affected(dug, relative, (10.0, 10.0), distance_m=49.9, below=0.1).cut
    assert affected(dug, relative, (10.0, 10.0), distance_m=50.0, below=0.1).cut, "the first cell outside is 50 m away"
    assert affected(dug, relative, (10.0, 5.0), distance_m=25.0, below=0.1).cut
    assert affected(Footprint(mask, mask, True), relative, (10.0, 10.0), distance_m=0.0, below=0.1).cut


def test_planted_footprint_is_recovered():
    """A disc of bare ground, a ring of poor cover, a bare patch elsewhere: areas by geometry; the ground area of a cell is not its area on the grid."""
    y, x = np.indices((201, 241))
    r = np.hypot((y - 100) * 10.0, (x - 120) * 10.0)
    fvc = np.select([r < 400, r < 650], [0.05, 0.45], 0.8)
    fvc[10:20, 10:30] = 0.05  # bare, and not of the mine
    fvc[180:190, 200:230] = 0.45  # poor, and far away
    area = np.full(r.shape, 100.0757)
    dug = excavated(fvc < 0.15, r < 300, connectivity=8)
    around = affected(dug, fvc - 0.8, (10.0, 10.0), distance_m=200.0, below=-0.2)
    mined, poor = dug.areas_m2(area)[0], around.areas_m2(area)[0]
    print(f"excavated {mined / (np.pi * 400**2 * 1.000757):.4f}, affected {poor / (np.pi * (600**2 - 400**2) * 1.000757):.4f} of what was planted")
    assert mined == pytest.approx(np.pi * 400**2 * 1.000757, rel=0.01)
    assert poor == pytest.approx(np.pi * (600**2 - 400**2) * 1.000757, rel=0.02), "200 m around the excavated ground"
    assert not dug.cut
    assert not around.cut
    assert iou(dug.cells, r < 400, area) == 1
    assert iou(dug.cells, r < 500, area) == pytest.approx(400**2 / 500**2, rel=0.01)


def test_iou_by_hand_and_by_sets():
    area = np.array([[100.0, 50.0, 100.0, 25.0]])
    assert iou(cells("##.."), cells(".##."), area) == pytest.approx(50 / 250)
    assert iou(cells("##.."), cells("##.."), area) == 1
    assert iou(cells("##.."), cells("..##"), area) == 0
    assert iou(cells("...."), cells("...."), area) is None
    assert iou(cells("##.."), np.array([[1.0, 0.5, 0.5, 0.0]]), area) == pytest.approx(125 / 200)
    rng = np.random.default_rng(1)
    a, b, area = rng.random((9, 9)) < 0.5, rng.random((9, 9)) < 0.5, rng.random((9, 9))
    both, either = as_set(a) & as_set(b), as_set(a) | as_set(b)
    assert iou(a, b, area) == pytest.approx(sum(area[c] for c in both) / sum(area[c] for c in either))
    assert iou(a, b, area) == pytest.approx(iou(b, a, area))


MASK = np.ones((2, 2), bool)
DUG = Footprint(MASK, MASK, False)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: excavated(MASK, ~MASK, connectivity=4), "no cell touches the mine's boundary"),
        (lambda: excavated(MASK, MASK, connectivity=6), "connectivity is 6; expected 4"),
        (lambda: excavated(MASK, MASK, connectivity=4, unknown=MASK), "both bare and unknown"),
        (lambda: excavated(MASK, MASK[:1], connectivity=4), r"the boundary has shape \(1, 2\)"),
        (lambda: excavated(np.array([[np.nan, 1.0]]), MASK[:1], connectivity=4), "bare ground is float64"),
        (lambda: patches(np.ones(3, bool), 4), "1 dimensions; expected 2"),
        (lambda: distance_to(MASK, (0.0, 10.0)), "cell size"),
        (lambda: distance_to(MASK, (10.0, np.nan)), "cell size"),
        (lambda: affected(DUG, np.zeros((2, 3)), (10.0, 10.0), distance_m=1, below=0.0), "relative FVC has shape"),
        (lambda: affected(DUG, np.zeros((2, 2)), (10.0, 10.0), distance_m=-1, below=0.0), "distance -1 m"),
        (lambda: affected(DUG, np.zeros((2, 2)), (10.0, 10.0), distance_m=np.inf, below=0.0), "distance inf m"),
        (lambda: affected(DUG, np.zeros((2, 2)), (10.0, 10.0), distance_m=1, below=np.nan), "bound nan"),
        (lambda: iou(MASK, np.full((2, 2), 1.5), np.ones((2, 2))), "expected .* 0..1"),
        (lambda: iou(MASK, np.full((2, 2), np.nan), np.ones((2, 2))), "expected .* 0..1"),
        (lambda: iou(MASK, MASK[:1], np.ones((2, 2))), "polygon of shape"),
        (lambda: iou(MASK, MASK, np.ones((2, 3))), "ground areas of shape"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_nothing_that_the_studies_leave_open_has_a_default():
    for call in (lambda: excavated(MASK, MASK), lambda: affected(DUG, np.zeros((2, 2)), (10.0, 10.0))):
        with pytest.raises(TypeError):
            call()
