"""Land-cover areas and transitions: hand cases, loops over cells, planted areas, and conservation to the last bit."""

from fractions import Fraction
from math import fsum

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import Point

from pipeline.aoi import Zones
from pipeline.coverage import zone_coverages
from pipeline.evaluation.groundarea import ground_areas, mask_of
from pipeline.evaluation.landclasses import MINING, NO_DATA, RULE, read_codes, rule_codes
from pipeline.evaluation.landcover import baseline, class_areas, default_pairs, landcover_rows, transitions

NAMES = {1: "mining", 2: "water", 30: "grassland", 95: "forest"}
ALL = (*NAMES, NO_DATA)
CELL = 10.0
GRID = GeoBox((220, 220), Affine(CELL, 0, 540_000, 0, -CELL, 4_212_200), "EPSG:32647")


def maps(seed, shape=(37, 53), years=5):
    """Return random code maps with gaps and random partial ground areas of cells."""
    rng = np.random.default_rng(seed)
    codes = rng.choice([*ALL], size=(years, *shape), p=[0.3, 0.1, 0.4, 0.1, 0.1])
    area = np.where(rng.random(shape) < 0.7, 100.0757, 100.0757 * rng.random(shape))
    area[rng.random(shape) < 0.2] = 0
    return codes, area * 10.0 ** rng.integers(-3, 5)


def circle():
    """Return the coverage of a round zone: most of its edge cells are cut."""
    shape = Point(541_100, 4_211_100).buffer(988, quad_segs=64)
    frame = gpd.GeoDataFrame({"zone": ["pit"], "role": ["pit"], "geodesic_m2": [shape.area * 1.000757]}, geometry=[shape], crs=GRID.crs)
    (coverage,) = zone_coverages(Zones(frame, {}, ()), GRID)
    return coverage


def test_areas_and_transitions_by_hand():
    before = np.array([[1, 1, 30], [30, 2, NO_DATA]])
    after = np.array([[30, 1, 1], [30, NO_DATA, NO_DATA]])
    area = np.array([[100.0, 50.0, 100.0], [100.0, 100.0, 25.0]])
    assert class_areas(before, area, NAMES) == {1: 150, 2: 100, 30: 200, 95: 0, NO_DATA: 25}
    assert class_areas(after, area, NAMES) == {1: 150, 2: 0, 30: 200, 95: 0, NO_DATA: 125}
    found = transitions((2002, before), (2019, after), area, NAMES)
    expected = {(1, 30): 100, (1, 1): 50, (30, 1): 100, (30, 30): 100, (2, NO_DATA): 100, (NO_DATA, NO_DATA): 25}
    assert {(a, b): found.of(a, b) for a in ALL for b in ALL if found.of(a, b)} == expected
    rows = found.rows(NAMES)
    assert len(rows) == len(expected)
    assert [r["from_class"] for r in rows if r["from_code"] == NO_DATA] == ["no data"]
    (mined,) = [r for r in rows if (r["from_class"], r["to_class"]) == ("grassland", "mining")]
    assert (mined["area_ha"], mined["area_km2"], mined["share_from_pct"]) == (0.01, 1e-4, 50)
    assert mined["share_pct"] == pytest.approx(100 / 4.75)
    assert (mined["first_year"], mined["last_year"]) == (2002, 2019)
    assert sum(r["share_pct"] for r in rows) == pytest.approx(100)


@pytest.mark.parametrize("seed", range(20))
def test_tables_conserve_area_to_the_last_bit(seed):
    codes, area = maps(seed)
    by_year = [class_areas(c, area, NAMES) for c in codes]
    for i, j in ((0, 1), (1, 4), (4, 0)):
        found = transitions((2000 + i, codes[i]), (2000 + j, codes[j]), area, NAMES)
        assert found.before == by_year[i]
        assert found.after == by_year[j]
        assert all(fsum(found.area_m2[k]) == by_year[i][code] for k, code in enumerate(found.codes))
    assert len({sum(found.values()) for found in by_year}) == 1
    assert sum(by_year[0].values()) == pytest.approx(fsum(area.ravel()), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_tables_are_those_of_a_loop_over_cells(seed):
    codes, area = maps(seed, (11, 13), 2)
    plain = {}
    for a, b, size in zip(codes[0].ravel(), codes[1].ravel(), area.ravel(), strict=True):
        plain[a, b] = plain.get((a, b), Fraction(0)) + Fraction(float(size))
    found = transitions((2000, codes[0]), (2001, codes[1]), area, NAMES)
    for a in ALL:
        for b in ALL:
            assert found.of(a, b) == pytest.approx(float(plain.get((a, b), 0)), rel=1e-12, abs=1e-12 * area.sum())
    for code, total in class_areas(codes[0], area, NAMES).items():
        assert total == pytest.approx(float(sum(size for (a, _), size in plain.items() if a == code)), rel=1e-12)


def test_table_and_its_transpose():
    codes, area = maps(3)
    there, back = transitions((2000, codes[0]), (2001, codes[1]), area, NAMES), transitions((2001, codes[1]), (2000, codes[0]), area, NAMES)
    np.testing.assert_array_equal(there.area_m2, back.area_m2.T)
    still = transitions((2000, codes[0]), (2001, codes[0]), area, NAMES).area_m2
    np.testing.assert_array_equal(still, np.diag(list(class_areas(codes[0], area, NAMES).values())))


def test_codes_of_cells_that_the_zone_does_not_touch_count_for_nothing():
    codes, area = maps(4)
    other = codes.copy()
    other[:, area == 0] = 2
    assert class_areas(other[0], area, NAMES) == class_areas(codes[0], area, NAMES)


def test_planted_mining_2002_to_2022_is_recovered_with_its_peak():
    """A round zone, half of its cells' edges cut; mining grows as a disc until 2019 and shrinks afterwards, with the true area known by geometry."""
    coverage = circle()
    y, x = np.indices(coverage.area_m2.shape)
    middle = (np.array(coverage.area_m2.shape) - 1) / 2
    distance = np.hypot(y - middle[0], x - middle[1]) * CELL
    radius = {year: 240 + 32 * (year - 2002) if year <= 2019 else 784 - 100 * (year - 2019) for year in range(2002, 2023)}
    bounds = {"bare_below": 0.2, "medium_from": 0.3, "high_from": 0.6}
    boundary, areas, codes = np.ones(distance.shape, bool), {}, {}
    for year, r in radius.items():
        fvc = np.where(distance < r, 0.05, 0.7)
        codes[year] = rule_codes(fvc, boundary, **bounds)
        areas[year] = class_areas(codes[year], coverage.area_m2, RULE.names)
        true = np.pi * r**2 * 1.000757
        assert areas[year][MINING] == pytest.approx(true, rel=0.02), year
    history = baseline(areas)[MINING]
    assert (history.peak_year, history.peak_certain) == (2019, True)
    assert default_pairs(history) == [(2002, 2019), (2019, 2022)]
    assert sum(areas[2010].values()) == pytest.approx(np.pi * 988**2 * 1.000757, rel=2e-3)
    found = transitions((2019, codes[2019]), (2022, codes[2022]), coverage.area_m2, RULE.names)
    assert found.of(MINING, 5) == areas[2019][MINING] - areas[2022][MINING], "what is no longer mined is grassland, exactly"
    worst = max(abs(areas[y][MINING] / (np.pi * r**2 * 1.000757) - 1) for y, r in radius.items())
    print(f"planted mining areas 2002-2022: largest error {100 * worst:.2f} %")


def history_of(values, missing=None, whole=1000.0):
    """Return the history of class 1 with these areas by year from 2002."""
    missing = missing or [0.0] * len(values)
    return baseline({2002 + i: {1: float(a), 2: whole - a - m, NO_DATA: float(m)} for i, (a, m) in enumerate(zip(values, missing, strict=True))})[1]


def test_change_from_the_first_year_and_the_peak():
    history = history_of([100, 150, 400, 300, 90])
    assert history.years == (2002, 2003, 2004, 2005, 2006)
    assert history.change_m2 == history.change_low_m2 == history.change_high_m2 == (0, 50, 300, 200, -10)
    assert (history.peak_year, history.peak_certain) == (2004, True)
    assert default_pairs(history) == [(2002, 2004), (2004, 2006)]


def test_change_lies_between_its_bounds_whatever_cells_without_a_code_are():
    rng = np.random.default_rng(9)
    for _ in range(200):
        true = rng.choice([1, 2], size=(4, 6, 6))
        area = rng.random((6, 6))
        hidden = np.where(rng.random(true.shape) < 0.2, NO_DATA, true)
        seen = baseline({2000 + i: class_areas(c, area, {1: "a", 2: "b"}) for i, c in enumerate(hidden)})[1]
        whole = baseline({2000 + i: class_areas(c, area, {1: "a", 2: "b"}) for i, c in enumerate(true)})[1]
        for low, change, high in zip(seen.change_low_m2, whole.change_m2, seen.change_high_m2, strict=True):
            assert low - 1e-9 <= change <= high + 1e-9
        assert not seen.peak_certain or seen.peak_year == whole.peak_year


@pytest.mark.parametrize(
    ("values", "missing", "year", "certain", "pairs"),
    [
        ([400, 300, 200], None, 2002, True, [(2002, 2004)]),
        ([100, 300, 400], None, 2004, True, [(2002, 2004)]),
        ([100, 300, 300], None, 2003, False, [(2002, 2003), (2003, 2004)]),  # two years tie
        ([100, 400, 300], [0, 0, 150], 2003, False, [(2002, 2003), (2003, 2004)]),  # the last year may be the peak
        ([100, 400, 300], [0, 150, 0], 2003, True, [(2002, 2003), (2003, 2004)]),  # what is missing of the peak makes it no smaller
        ([0, 0, 0], None, None, False, [(2002, 2004)]),
        ([100], None, 2002, True, []),
    ],
)
def test_peak_and_pairs_of_years(values, missing, year, certain, pairs):
    history = history_of(values, missing)
    assert (history.peak_year, history.peak_certain) == (year, certain)
    assert default_pairs(history) == pairs


def test_rows_of_the_table_tell_both_denominators():
    rows = landcover_rows({2019: {1: 3e6, 2: 0.0, NO_DATA: 1e6}, 2002: {1: 0.0, 2: 0.0, NO_DATA: 4e6}}, {1: "mining", 2: "water"})
    assert [(r["year"], r["class"]) for r in rows] == [(y, c) for y in (2002, 2019) for c in ("mining", "water", "no data")]
    assert [r["share_pct"] for r in rows] == [0, 0, 100, 75, 0, 25]
    assert [r["share_valid_pct"] for r in rows] == [None, None, None, 100, 0, None], "a year without any code has no shares of classes"
    assert [r["area_km2"] for r in rows[3:]] == [3, 0, 1]
    assert [r["area_ha"] for r in rows[3:]] == [300, 0, 100]


def test_baseline_refuses_what_is_not_one_zone():
    with pytest.raises(ValueError, match="no years"):
        baseline({})
    with pytest.raises(ValueError, match="classes of 2003 are not those of 2002"):
        baseline({2002: {1: 1.0, NO_DATA: 0.0}, 2003: {2: 1.0, NO_DATA: 0.0}})
    with pytest.raises(ValueError, match="no data included"):
        baseline({2002: {1: 1.0}})
    with pytest.raises(ValueError, match="areas of 2003 sum to 2 m2"):
        baseline({2002: {1: 1.0, NO_DATA: 0.0}, 2003: {1: 2.0, NO_DATA: 0.0}})


def test_bad_input_of_tables():
    ones = np.ones((2, 2))
    with pytest.raises(ValueError, match="code 3 has no name"):
        class_areas(np.full((2, 2), 3), ones, NAMES)
    with pytest.raises(ValueError, match="code 200 has no name"):
        class_areas(np.full((2, 2), 200), ones, NAMES)
    with pytest.raises(ValueError, match=r"codes of shape \(2, 3\); expected \(2, 2\)"):
        class_areas(np.ones((2, 3), int), ones, NAMES)
    with pytest.raises(ValueError, match="codes are float64"):
        class_areas(ones, ones, NAMES)
    with pytest.raises(ValueError, match="both years are 2019"):
        transitions((2019, ones.astype(int)), (2019, ones.astype(int)), ones, NAMES)


@pytest.mark.parametrize("area", [np.array([1.0, -1.0]), np.array([1.0, np.nan]), np.array([np.inf]), np.zeros(3), np.zeros(0)])
def test_ground_areas_that_are_none_are_refused(area):
    with pytest.raises(ValueError, match="ground area"):
        ground_areas(area)
    with pytest.raises(ValueError, match="same window"):
        ground_areas(np.ones(2), (3,))


@pytest.mark.parametrize("scale", [1e-6, 0.37, 1.0, 4096.0, 5.4e4, 1e9])
def test_sums_of_ground_areas_are_exact_in_any_order(scale):
    rng = np.random.default_rng(2)
    area = rng.random(20_000) * scale
    found = ground_areas(area)
    total = sum(map(Fraction, found.tolist()))
    assert Fraction(float(found.sum())) == total == Fraction(float(rng.permutation(found).sum())) == Fraction(fsum(found))
    np.testing.assert_allclose(found, area, rtol=0, atol=2.0**-51 * area.sum())
    np.testing.assert_array_equal(ground_areas(found), found)


def test_masks_of_numbers_are_refused():
    with pytest.raises(ValueError, match="water is float64"):
        mask_of(np.array([np.nan]), (1,), "water")
    assert not mask_of(None, (2, 2), "water").any()


def test_map_to_table_with_a_preset_window():
    coverage = circle()
    raw = np.full(coverage.area_m2.shape, 30.0)
    raw[:20] = np.nan
    raw[coverage.area_m2 == 0] = 77  # a code without a name, but outside of the zone
    found = class_areas(read_codes(raw, NAMES, inside=coverage.touched), coverage.area_m2, NAMES)
    rounding = coverage.area_m2.size * 2.0**-52
    assert found[30] + found[NO_DATA] == pytest.approx(coverage.area_m2.sum(), rel=rounding)
    assert found[NO_DATA] == pytest.approx(coverage.area_m2[:20].sum(), abs=rounding * coverage.area_m2.sum())
