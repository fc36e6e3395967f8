"""The evaluation `water` in a run: planted ponds by shapely, ponds elsewhere left out, unknown cells, types, refusals, report."""

import csv
import re
import xml.etree.ElementTree as ET

import geopandas as gpd
import numpy as np
import pytest
from pipeline_configs import refused_config
from pyproj import Geod
from scenemine import CRS, NORTH, WEST, SceneMine
from shapely.geometry import box

from pipeline import plan
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.config import load
from pipeline.config_water import Water
from pipeline.coverage import zone_coverages
from pipeline.evaluation.pitlaketable import COLUMNS, lake_row
from pipeline.evaluation.pitlakewords import water_by_year
from pipeline.evaluation.strata import split
from pipeline.grid import native_grid
from pipeline.layout import MineFolder
from pipeline.reader import open_raster
from pipeline.report.evaluated import evaluated
from pipeline.stages.job import Job
from pipeline.stages.water import rows

COMPOSITES = {"composites": "data/{year}.tif", "bands": {"red": 1, "nir": 2}}
SCENES = {"sentinel-2": {"catalog": "synthetic"}}
WET, NO_DATA, LAND = 6, 0, 4
BOUNDS = {"terrestrial_below_pct": 10, "aquatic_from_pct": 60}
# Rows and columns of 20 m, from and to: two ponds of the pit, one of them joined to a third by a corner, and one outside of all zones.
POND, CORNER, SMALL, OUTSIDE = (5, 10, 5, 12), (10, 12, 12, 14), (20, 21, 5, 6), (26, 29, 5, 12)
HIDDEN = (14, 18, 4, 10)
ONCE = (6, 9, 27, 31)  # water in one clear observation of three: no water


def ground(block):
    """Return a block of cells of 20 m as a polygon."""
    top, bottom, left, right = block
    return box(WEST + 20 * left, NORTH - 20 * bottom, WEST + 20 * right, NORTH - 20 * top)


def km2(polygon):
    """Return the geodesic area of a polygon."""
    lonlat = gpd.GeoSeries([polygon.segmentize(10)], crs=CRS).to_crs(4326).iloc[0]
    return abs(Geod(ellps="WGS84").geometry_area_perimeter(lonlat)[0]) / 1e6


def codes(*blocks, base=LAND):
    """Return the scene classification of 20 m cells with blocks of codes in it."""
    out = np.full((30, 40), base, "uint8")
    for (top, bottom, left, right), code in blocks:
        out[top:bottom, left:right] = code
    return out


@pytest.fixture(scope="module")
def ponds(tmp_path_factory):
    """Return a mine of scenes with ponds: two lakes in 2021, a larger pond and hidden ground in 2022, nothing seen of the pit in 2023; all composed."""
    mine = SceneMine(tmp_path_factory.mktemp("ponds") / "mine")
    mine.settings |= {"years": {"first": 2021, "last": 2023}, "composite": {"min_clear": 1}, "water": {"connectivity": 4} | BOUNDS}
    water = [(b, WET) for b in (POND, CORNER, SMALL, OUTSIDE)]
    for day in (5, 10, 15):
        mine.add(f"2021-07-{day:02d}", light=0.15, scl=codes(*water, *([(ONCE, WET)] if day == 5 else [])))
        mine.add(f"2022-07-{day:02d}", light=0.15, scl=codes(((5, 24, 5, 18), WET), (HIDDEN, NO_DATA)))
        mine.add(f"2023-07-{day:02d}", light=0.15, scl=codes(((0, 30, 0, 21), NO_DATA)))
    write_and_compose(mine)
    return mine


def write_and_compose(mine):
    common = [str(mine.write()), "--sensor", "sentinel-2", "--results", str(results(mine))]
    assert main(["scenes", *common]) == 0
    assert main(["composite", *common]) == 0


def results(mine):
    return mine.folder / "results"


def stage(mine, figures=False, **asked):
    """Run the evaluation, by default without its chart, and return its rows by zone and year."""
    mine.settings["water"] = asked
    mine.write()
    with pytest.MonkeyPatch.context() as patch:
        if not figures:
            patch.setattr("pipeline.stages.water.save", lambda *_: None)
        assert main(["water", str(mine.config), "--sensor", "sentinel-2", "--results", str(results(mine))]) == 0
    with (results(mine) / "small/sentinel-2/pit_lakes_by_zone.csv").open(encoding="utf-8", newline="") as file:
        return {(r["zone"], int(r["year"])): r for r in csv.DictReader(file)}


def test_planted_ponds_are_recovered_and_others_are_left_out(ponds):
    rows = stage(ponds, connectivity=4)
    row = rows["pit", 2021]
    assert tuple(row) == COLUMNS
    true = [km2(ground(b)) for b in (POND, CORNER, SMALL)]
    print("lakes", row["lakes"], [f"{float(row[name]) / of:.6f}" for name, of in (("water_km2", sum(true)), ("largest_km2", true[0]))], "of what was planted")
    assert row["lakes"] == "3"
    assert float(row["water_km2"]) == float(row["lakes_km2"]) == pytest.approx(sum(true), rel=1e-5)
    assert float(row["largest_km2"]) == pytest.approx(true[0], rel=1e-5)
    assert float(row["unknown_km2"]) == 0
    zone = km2(ponds.zones[0][1])
    assert float(row["water_low_pct"]) == float(row["water_high_pct"]) == pytest.approx(100 * sum(true) / zone, rel=1e-5)
    assert (rows["background", 2021]["lakes"], rows["background", 2021]["largest_km2"]) == ("0", ""), "water in one of three clear observations"
    assert float(rows["background", 2021]["water_km2"]) == 0


def test_water_of_strata_sums_to_the_zone_and_a_lake_that_they_cut_is_in_both(ponds):
    """A line through the first pond: each half has its part of the water, and a lake of its own."""
    zone = stage(ponds, connectivity=4)["pit", 2021]
    zones = read_zones(load(ponds.config), ponds.config)
    job = Job(ponds.config, results(ponds), "sentinel-2")
    with open_raster(job.folder.observed("water", 2021)) as dataset:
        grid = native_grid(dataset)
    coverage = {c.zone: c for c in zone_coverages(zones, grid)}["pit"]
    east = grid.affine.c + grid.affine.a * (coverage.cols.start + 0.5 + np.arange(coverage.area_m2.shape[1]))
    left = np.broadcast_to((east < WEST + 20 * 8).astype(float), coverage.area_m2.shape)
    parts = split(coverage, {"left": left, "right": 1 - left})
    found = {name: next(r for r in rows(job, {"pit": part}) if r["year"] == 2021) for name, part in parts.items()}
    assert found["left"]["water_km2"] + found["right"]["water_km2"] == pytest.approx(float(zone["water_km2"]), rel=1e-12)
    assert found["left"]["water_km2"] == pytest.approx(km2(ground((5, 10, 5, 8))) + km2(ground(SMALL)), rel=1e-5)
    assert (found["left"]["lakes"], found["right"]["lakes"], zone["lakes"]) == (2, 2, "3")


def test_corners_and_the_least_area_decide_what_a_lake_is(ponds):
    eight = stage(ponds, connectivity=8)["pit", 2021]
    assert eight["lakes"] == "2"
    assert float(eight["largest_km2"]) == pytest.approx(km2(ground(POND)) + km2(ground(CORNER)), rel=1e-5)
    large = stage(ponds, connectivity=4, least_m2=1000.0)["pit", 2021]
    assert (large["lakes"], large["water_km2"]) == ("2", eight["water_km2"]), "a puddle is water and no lake"
    assert float(large["water_km2"]) - float(large["lakes_km2"]) == pytest.approx(km2(ground(SMALL)), rel=1e-4)


def test_unknown_cells_make_a_range_and_may_leave_the_type_open(ponds):
    rows = stage(ponds, connectivity=4, **BOUNDS)
    row, zone = rows["pit", 2022], ponds.zones[0][1]
    lake, hidden = ground((5, 24, 5, 18)), ground(HIDDEN)
    water = (lake - hidden).intersection(zone)
    assert float(row["water_km2"]) == pytest.approx(km2(water), rel=1e-5)
    assert float(row["unknown_km2"]) == pytest.approx(km2(hidden.intersection(zone)), rel=1e-5)
    low, high = (100 * km2(shape) / km2(zone) for shape in (water, lake.union(hidden).intersection(zone)))
    assert (float(row["water_low_pct"]), float(row["water_high_pct"])) == pytest.approx((low, high), rel=1e-5)
    assert low < 60 < high
    assert row["succession"] == "" and row["note"] == "unknown cells could make it another type"
    assert rows["pit", 2021]["succession"] == "mixed" and rows["background", 2021]["succession"] == "terrestrial"
    lower = stage(ponds, connectivity=4, terrestrial_below_pct=5, aquatic_from_pct=50)
    assert lower["pit", 2022]["succession"] == "aquatic" and lower["pit", 2022]["note"] == ""


def test_a_year_without_a_clear_observation_is_empty_and_never_zero(ponds):
    row = stage(ponds, connectivity=4, **BOUNDS)["pit", 2023]
    assert [row[name] for name in ("lakes", "lakes_km2", "largest_km2", "water_km2", "succession")] == [""] * 5
    assert (float(row["water_low_pct"]), float(row["water_high_pct"])) == (0, 100)
    assert row["note"] == "no clear observation of the zone that year"
    assert float(row["unknown_km2"]) == pytest.approx(km2(ponds.zones[0][1]), rel=1e-5)


def test_without_bounds_no_type_is_told_and_the_report_says_so(ponds):
    assert {r["succession"] for r in stage(ponds, connectivity=4).values()} == {""}
    part = report(ponds)
    assert "No type of succession is told: the study gives no bounds" in part.lead[-1].en
    assert "succession:" not in part.lead[0].en


def report(mine):
    config = load(mine.config)
    (part,) = evaluated(config, read_zones(config, mine.config), "sentinel-2", MineFolder(results(mine), "small").sensor("sentinel-2"))
    return part


def test_the_report_tells_what_the_table_says(ponds):
    rows = stage(ponds, figures=True, connectivity=4, **BOUNDS)
    part, row = report(ponds), rows["pit", 2022]
    low, high = float(row["water_low_pct"]), float(row["water_high_pct"])
    assert part.key == "pit-lakes", "the page has a section named water"
    water = 100 * float(row["water_km2"])
    assert part.lead[0].en == f"pit, 2022: 1 lake, {water:.3g} ha of water, {low:.1f}–{high:.1f} % of the zone; succession: open, as cells are unknown."
    assert part.lead[1].en == "No water seen in any year: background."
    assert all(re.search(r"[\u4e00-\u9fff]", text.zh) for text in (*part.lead, *part.notes, part.title))
    (figure,) = part.figures
    root = ET.fromstring(figure.svg)
    bars = [e for e in root.iter() if e.tag.endswith("rect") and e.get("fill") == "#2b7bba"]
    assert len(bars) == 2 and figure.svg.count("×") == 1, "two years with water, one that is not known"
    assert {r["zone"] for r in part.tables[0].rows} == {"pit"} and part.tables[0].note.en.startswith("Zones with water alone")
    assert (results(ponds) / "small/sentinel-2/pit_lakes_by_zone.png").stat().st_size > 20_000


def test_the_bars_are_hectares_of_the_table(ponds):
    rows = list(stage(ponds, connectivity=4).values())
    (panel,) = water_by_year(rows)
    first, second, third = panel.years
    assert first.area == pytest.approx(100 * float(rows[0]["water_km2"])) == first.possible
    assert second.possible - second.area == pytest.approx(100 * float(rows[1]["unknown_km2"]))
    assert third.area is third.possible is None


def test_half_of_the_clear_observations_is_water():
    row = lake_row(np.array([[0.5, 0.49, np.nan, 1.0]]), np.full((1, 4), 100.0), Water(connectivity=4))
    assert (row["lakes"], row["water_km2"], row["unknown_km2"]) == (2, pytest.approx(2e-4), pytest.approx(1e-4))
    assert (row["succession"], row["note"]) == (None, None)


def test_composites_hold_no_water_and_are_refused_before_anything_runs(small_mine, tmp_path):
    small_mine.settings["water"] = {"connectivity": 4}
    small_mine.write()
    with pytest.raises(Exception, match="which do not tell water") as caught:
        plan.make([str(small_mine.config)], {"results": str(small_mine.results)})
    assert caught.value.exit_code == 2 and not small_mine.results.exists()
    error = refused_config(tmp_path, SCENES | {"landsat": COMPOSITES}, water={"connectivity": 4})
    assert "'landsat' has prepared composites" in error.found and error.fix == "set water.sensors: [sentinel-2]"


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({}, "water.connectivity"),
        ({"connectivity": 6}, "water.connectivity"),
        ({"connectivity": 4, "least_m2": -1}, "water.least_m2"),
        ({"connectivity": 4, "terrestrial_below_pct": 10}, "water.terrestrial_below_pct"),
        ({"connectivity": 4, "aquatic_from_pct": 10}, "water.aquatic_from_pct"),
        ({"connectivity": 4, "terrestrial_below_pct": 60, "aquatic_from_pct": 10}, "water.terrestrial_below_pct"),
        ({"connectivity": 4, "terrestrial_below_pct": 0, "aquatic_from_pct": 10}, "water.terrestrial_below_pct"),
        ({"connectivity": 4, "terrestrial_below_pct": 5, "aquatic_from_pct": 101}, "water.aquatic_from_pct"),
        ({"connectivity": 4, "sensors": ["landsat"]}, "water.sensors"),
        ({"connectivity": 4, "lakes": 1}, "water.lakes"),
    ],
)
def test_faults_are_refused_with_their_key(given, part, tmp_path):
    error = refused_config(tmp_path, SCENES, water=given)
    assert error.field.startswith(part)
    assert all([error.found, error.expected, error.fix])


def test_the_key_decides_what_is_made(ponds):
    ponds.settings["water"] = {"connectivity": 4}
    made = plan.make([str(ponds.write())], {"results": str(results(ponds))})
    assert {"pit_lakes_by_zone.csv", "pit_lakes_by_zone.png"} <= {p.rsplit("/", 1)[1] for p in made.sensor_products("small", "sentinel-2")}
    assert [p.rsplit("/", 1)[1] for p in made.evaluated("small", "sentinel-2", "water")][2:] == ["water_2021.tif", "water_2022.tif", "water_2023.tif"]
