"""Area tables: every square metre of a zone is in exactly one row, and what is missing is a class of its own, never zero."""

import csv
import shutil
from collections import defaultdict

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from conftest import SmallMine
from scipy import stats
from shapely.geometry import MultiPolygon, Polygon, box

from pipeline.__main__ import main
from pipeline.areas import AREA_COLUMNS, GROUP_COLUMNS, area_rows, class_areas, group_rows, total, usual_n, without_water
from pipeline.classes import GROUPS
from pipeline.coverage import ZoneCoverage
from pipeline.errors import RunFault

CODES = {"five": [2, 4, 5, 6, 8], "seven": [2, 3, 4, 5, 6, 7, 8], "nine": [1, 2, 3, 4, 5, 6, 7, 8, 9]}


def zone(area_m2):
    area_m2 = np.array(area_m2, float)
    return ZoneCoverage("pit", "pit", slice(0, area_m2.shape[0]), slice(0, area_m2.shape[1]), area_m2)


def column(rows, name):
    return {r["code"]: r[name] for r in rows}


def test_class_areas_sum_the_covered_part_of_each_cell():
    codes = np.uint8([[8, 8, 5], [99, 0, 97]])
    assert class_areas(codes, zone([[100, 25, 50], [12.5, 0, 1]])) == {5: 50, 8: 125, 97: 1, 99: 12.5}


def test_class_areas_sum_to_the_zone():
    rng = np.random.default_rng(0)
    coverage = zone(rng.uniform(0, 100, (40, 50)))
    codes = rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 97, 98, 99], (40, 50)).astype(np.uint8)
    areas = class_areas(codes, coverage)
    assert sum(areas.values()) == pytest.approx(coverage.area_m2.sum(), rel=1e-12)


@pytest.mark.parametrize("code", [0, 10, 96, 200])
def test_a_code_that_is_no_class_is_a_fault_and_no_area_of_zero(code):
    codes = np.full((3, 4), 5, np.uint8)
    codes[1, 2] = code
    area = np.full((3, 4), 100.0)
    with pytest.raises(RunFault, match=f"code {code} in the raster of trend classes"):
        class_areas(codes, zone(area))
    area[1, 2] = 0  # outside of the zone
    assert class_areas(codes, zone(area)) == {5: 1100.0}


def test_the_usual_n_is_that_of_the_largest_area_not_of_the_most_cells():
    n = np.float32([[5, 4, 4], [4, np.nan, np.nan]])
    assert usual_n(n, zone([[100, 10, 10], [10, 40, 40]])) == 5
    assert usual_n(n, zone([[10, 10, 10], [10, 40, 40]])) == 0  # no value there: missing counts as no year


def test_total_adds_class_by_class():
    assert total([{8: 1.0, 5: 2.0}, {8: 4.0, 99: 8.0}]) == {8: 5.0, 5: 2.0, 99: 8.0}
    assert total([]) == {}


@pytest.mark.parametrize("scheme", CODES)
def test_one_row_per_class_zeros_included_then_water_too_small_insufficient(scheme):
    rows = area_rows(scheme, "auto", {8: 3e6, 99: 1e6}, {}, 5, {"zone": "pit"})
    assert [r["code"] for r in rows] == [*CODES[scheme], 97, 98, 99]
    assert column(rows, "area_km2") == dict.fromkeys([*CODES[scheme], 97, 98, 99], 0.0) | {8: 3.0, 99: 1.0}
    assert all(r["area_ha"] == 100 * r["area_km2"] for r in rows)
    assert {r["zone"] for r in rows} == {"pit"}


def test_shares_have_the_zone_and_valid_shares_the_classed_area_as_denominator():
    rows = area_rows("seven", "auto", {8: 30.0, 5: 10.0, 2: 20.0, 97: 25.0, 98: 5.0, 99: 10.0}, {}, 5, {})
    share, valid = column(rows, "share_pct"), column(rows, "share_valid_pct")
    assert share == {2: 20, 3: 0, 4: 0, 5: 10, 6: 0, 7: 0, 8: 30, 97: 25, 98: 5, 99: 10}
    assert valid == pytest.approx({2: 100 / 3, 3: 0, 4: 0, 5: 100 / 6, 6: 0, 7: 0, 8: 50, 97: None, 98: None, 99: None})
    assert sum(share.values()) == 100
    assert sum(v for v in valid.values() if v is not None) == pytest.approx(100)


def test_a_zone_without_any_valid_cell_has_no_valid_shares_rather_than_zeros():
    rows = area_rows("seven", "auto", {99: 7.0}, {8: 1.0}, 0, {})
    assert set(column(rows, "share_valid_pct").values()) == {None}
    assert column(rows, "share_pct")[99] == 100
    assert np.isnan(rows[0]["p_min"])


def test_the_reference_share_is_that_of_all_reference_zones_together():
    there = total([{8: 10.0, 5: 10.0}, {8: 60.0, 99: 20.0}])
    rows = area_rows("seven", "auto", {8: 1.0}, there, 5, {})
    assert column(rows, "share_reference_pct") == {2: 0, 3: 0, 4: 0, 5: 10, 6: 0, 7: 0, 8: 70, 97: 0, 98: 0, 99: 20}
    assert set(column(area_rows("seven", "auto", {8: 1.0}, {}, 5, {}), "share_reference_pct").values()) == {None}


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_p_min_is_the_p_of_a_series_that_only_rises(n):
    (p,) = {r["p_min"] for r in area_rows("seven", "auto", {8: 1.0}, {}, n, {})}
    assert p == pytest.approx(stats.kendalltau(range(n), range(n), method="exact").pvalue)


@pytest.mark.parametrize("scheme", CODES)
def test_groups_take_each_class_once(scheme):
    areas = {code: float(2**i) for i, code in enumerate([*CODES[scheme], 97, 98, 99])}
    groups = {r["group"]: r for r in group_rows(scheme, areas, {}, {})}
    assert list(groups) == list(GROUPS)
    parts = ("increase", "decrease", "no_change", "water", "insufficient")
    assert sum(groups[g]["share_pct"] for g in parts) == pytest.approx(100)
    assert sum(groups[g]["area_km2"] for g in parts) * 1e6 == pytest.approx(sum(areas.values()))
    assert sum(groups[g]["share_valid_pct"] for g in parts[:3]) == pytest.approx(100)
    assert groups["insufficient"]["share_valid_pct"] is groups["water"]["share_valid_pct"] is None
    for direction, higher in (("increase", {7, 8, 9}), ("decrease", {1, 2, 3})):
        expected = sum(a for c, a in areas.items() if c in higher) / 1e6
        assert groups[f"significant_or_slight_{direction}"]["area_km2"] == pytest.approx(expected)


# A whole run with planted classes: each column of cells has one series; the class follows from its definition.
SERIES = {
    8: (0.20, 0.25, 0.31, 0.38, 0.46),  # S = 10 of 10: p = 2/120
    2: (0.60, 0.55, 0.51, 0.48, 0.46),
    5: (0.40, 0.40, 0.40, 0.40, 0.40),
    7: (0.20, 0.30, 0.25, 0.38, 0.46),  # S = 8: p = 10/120
    6: (0.20, 0.30, 0.25, 0.46, 0.38),  # S = 6: p = 28/120
    99: (0.20, np.nan, 0.31, np.nan, 0.46),  # three years of five
    "never": (np.nan,) * 5,
}
COLUMNS = [8] * 9 + [2] * 5 + [5] * 5 + [99] * 4 + ["never"] * 3 + [7] * 6 + [6] * 8
W, N = 540_000, 4_210_300


def polygon(*points):
    return Polygon([(W + 10 * x, N - 10 * y) for x, y in points])


ZONES = {
    "pit 矿": polygon((1.2, 1.5), (30.7, 4.1), (20.3, 15.8)),
    "dump": MultiPolygon([polygon((3.3, 17), (16.9, 18.2), (8, 27.5)), polygon((27, 20), (34.5, 21), (30, 28))]),
    "background": polygon((0.5, 0.5), (8.4, 0.5), (8.4, 12.2)),
    "meadow": polygon((11.1, 2), (37.7, 9.4), (33, 18.6)),
    "beyond": polygon((36.5, 3), (46.2, 5), (40, 14.4)),  # the images end at column 40
    "dark": polygon((23.1, 16), (25.9, 17), (24.5, 29)),  # no imagery in any year
}


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A run whose classes are known by construction; nobody may change its files."""
    mine = SmallMine(tmp_path_factory.mktemp("areas"))
    ndvi = np.array([SERIES[c] for c in COLUMNS]).T[:, None, :].repeat(30, axis=1)
    mine.red, mine.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    mine.zones = list(ZONES.items())
    roles = {"pit 矿": {"role": "restored"}, "dump": {"role": "restored", "reference": ["meadow"]}, "dark": {"role": "dark", "reference": []}}
    mine.settings["aoi"] |= {"reference": ["background", "meadow"], "zones": roles}
    mine.settings["trend"] = {"scheme": "seven", "alpha": {"slight": 0.1, "significant": 0.05, "extreme": 0.01}}
    mine.folder_of_sensor = mine.run()
    return mine


def table(folder, name, target="absolute"):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return [r for r in csv.DictReader(handle) if r.get("target", target) == target]


@pytest.fixture(scope="module")
def expected():
    """Return the area in m2 by zone and code: shapely's intersections with the columns, on geodesic area."""
    geod, lonlat = pyproj.Geod(ellps="WGS84"), pyproj.Transformer.from_crs(32647, 4326, always_xy=True)
    out = {}
    for name, shape in ZONES.items():
        on_ground = abs(geod.geometry_area_perimeter(shapely.transform(shape, lonlat.transform, interleaved=False))[0])
        areas = defaultdict(float)
        for x in range(-10, 60):
            code = COLUMNS[x] if 0 <= x < 40 else 99
            areas[99 if code == "never" else code] += shape.intersection(box(W + 10 * x, N - 400, W + 10 * x + 10, N + 100)).area / shape.area * on_ground
        out[name] = {c: a for c, a in areas.items() if a > 0}
    return out


def by_zone(rows, name):
    return {z: {int(r["code"]): r[name] for r in rows if r["zone"] == z} for z in ZONES}


def test_areas_of_a_run_are_the_planted_ones_zone_by_zone(mine, expected):
    rows = table(mine.folder_of_sensor, "trend_area_by_zone")
    assert tuple(rows[0]) == AREA_COLUMNS
    for name, found in by_zone(rows, "area_km2").items():
        assert list(found) == [2, 3, 4, 5, 6, 7, 8, 97, 98, 99]
        assert found.pop(97) == "", "not known from composites"
        for code, area in found.items():
            assert float(area) * 1e6 == pytest.approx(expected[name].get(code, 0.0), rel=1e-5, abs=0.01), (name, code)
        assert sum(map(float, found.values())) * 1e6 == pytest.approx(sum(expected[name].values()), rel=1e-9)


def test_cells_without_imagery_are_insufficient_and_never_zero(mine, expected):
    assert set(expected["dark"]) == {99}
    assert expected["beyond"][99] > 0.3 * sum(expected["beyond"].values())
    shares = by_zone(table(mine.folder_of_sensor, "trend_area_by_zone"), "share_pct")
    assert float(shares["dark"][99]) == pytest.approx(100)
    valid = by_zone(table(mine.folder_of_sensor, "trend_area_by_zone"), "share_valid_pct")
    assert set(valid["dark"].values()) == {""}
    cover = [r for r in table(mine.folder_of_sensor, "fvc_by_zone") if r["zone"] == "dark"]
    assert len(cover) == 5
    assert {r[k] for r in cover for k in ("fvc_mean", "fvc_mean_common", "fvc_median", "fvc_sd", "ndvi_mean", "clamped_pct")} == {""}
    assert {float(r["valid_pct"]) for r in cover} == {0.0}
    change = [r for r in table(mine.folder_of_sensor, "fvc_change_by_zone") if r["zone"] == "dark"]
    assert {r[k] for r in change for k in ("fvc_from", "fvc_to", "change_points", "change_pct")} == {""}
    (trend,) = [r for r in table(mine.folder_of_sensor, "trend_by_zone") if r["zone"] == "dark"]
    assert {trend[k] for k in ("slope", "s", "tau", "p", "p_min", "slope_mean", "change_mean", "s_zero_pct", "years_used")} == {""}


def test_p_min_is_that_of_the_zones_usual_n(mine):
    found = by_zone(table(mine.folder_of_sensor, "trend_area_by_zone"), "p_min")
    assert {float(p) for z in ("pit 矿", "dump", "background") for p in found[z].values()} == {2 / 120}
    assert set(found["dark"].values()) == {""}


def test_water_that_is_not_known_is_empty_and_all_else_stays():
    given = {8: 30.0, 97: 0.0, 99: 10.0}
    rows, groups = area_rows("seven", "auto", given, given, 5, {}), group_rows("seven", given, given, {})
    for before, key, water in ((rows, "code", 97), (groups, "group", "water")):
        for old, new in zip(before, without_water(before), strict=True):
            if old[key] != water:
                assert new == old
            else:
                assert {new[k] for k in ("area_km2", "area_ha", "share_pct", "share_reference_pct")} == {None}
                assert {k: v for k, v in new.items() if v is not None} == {k: v for k, v in old.items() if new[k] is not None}


def test_reference_shares_of_a_run_follow_the_config(mine, expected):
    there = {"pit 矿": ["background", "meadow"], "dump": ["meadow"], "meadow": ["background", "meadow"]}
    found = by_zone(table(mine.folder_of_sensor, "trend_area_by_zone"), "share_reference_pct")
    for name, references in there.items():
        together = total([expected[r] for r in references])
        assert found[name].pop(97) == ""
        for code, share in found[name].items():
            assert float(share) == pytest.approx(100 * together.get(code, 0) / sum(together.values()), abs=1e-3)
    assert set(found["dark"].values()) == {""}


def test_groups_of_a_run_hold_each_zone_and_each_role(mine, expected):
    rows = table(mine.folder_of_sensor, "trend_groups_by_zone")
    assert tuple(rows[0]) == GROUP_COLUMNS
    assert [(r["level"], r["zone"] or r["role"]) for r in rows[:: len(GROUPS)]] == [("zone", z) for z in ZONES] + [
        ("role", r) for r in ("restored", "reference", "zone", "dark")
    ]
    members = {"restored": ["pit 矿", "dump"], "reference": ["background", "meadow"], "zone": ["beyond"], "dark": ["dark"]}
    for r in rows:
        areas = expected[r["zone"]] if r["level"] == "zone" else total([expected[z] for z in members[r["role"]]])
        area = sum(areas.get(c, 0) for c in GROUPS[r["group"]])
        if r["group"] == "water":
            assert r["area_km2"] + r["area_ha"] + r["share_pct"] == "", "not known from composites"
            continue
        assert float(r["area_km2"]) * 1e6 == pytest.approx(area, rel=1e-5, abs=0.01)
        assert float(r["area_ha"]) == pytest.approx(float(r["area_km2"]) * 100)
        assert float(r["share_pct"]) == pytest.approx(100 * area / sum(areas.values()), abs=1e-3)
    (increase,) = [r for r in rows if r["level"] == "role" and r["role"] == "restored" and r["group"] == "increase"]
    both = total([expected["background"], expected["meadow"]])  # the references of the pit and the dump, each once
    assert float(increase["share_reference_pct"]) == pytest.approx(100 * (both[6] + both[7] + both[8]) / sum(both.values()), abs=1e-3)


@pytest.fixture(scope="module")
def boxed(mine, tmp_path_factory):
    """The same run with `clip: box`."""
    results = tmp_path_factory.mktemp("boxed")
    shutil.copytree(mine.results, results, dirs_exist_ok=True)
    before, mine.settings["grid"] = mine.settings["grid"], mine.settings["grid"] | {"clip": "box"}
    config = str(mine.write_config())
    for stage, *period in (["classes", "--period", "2020-2024"], ["areas"]):
        assert main([stage, config, "--sensor", "sentinel-2", *period, "--results", str(results)]) == 0
    mine.settings["grid"] = before
    mine.write_config()
    return results / "small" / "sentinel-2"


def classes(folder):
    with rasterio.open(folder / "trend_class_2020-2024.tif") as dataset:
        return dataset.read(1), dataset.transform


def test_clip_zones_is_zero_exactly_where_no_zone_touches_the_cell(mine):
    codes, transform = classes(mine.folder_of_sensor)
    left, top = (transform.c + 10 * np.arange(codes.shape[1])), transform.f - 10 * np.arange(codes.shape[0])
    cells = shapely.box(left[None], top[:, None] - 10, left[None] + 10, top[:, None])
    touched = shapely.area(shapely.intersection(cells, shapely.union_all(list(ZONES.values())))) > 1e-6
    np.testing.assert_array_equal(codes == 0, ~touched)
    assert set(np.unique(codes)) == {0, 2, 5, 6, 7, 8, 99}


def test_clip_box_classes_every_cell_and_changes_no_table(mine, boxed):
    codes, transform = classes(boxed)
    planted = np.array([99 if c == "never" else c for c in COLUMNS] + [99] * 20, np.uint8)
    first = round((transform.c - W) / 10)
    np.testing.assert_array_equal(codes, np.broadcast_to(planted[first : first + codes.shape[1]], codes.shape))
    for name in ("trend_area_by_zone", "trend_groups_by_zone", "trend_by_zone", "fvc_by_zone"):
        assert (boxed / f"{name}.csv").read_bytes() == (mine.folder_of_sensor / f"{name}.csv").read_bytes()
