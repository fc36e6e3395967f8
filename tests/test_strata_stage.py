"""The evaluation `strata` in a run: areas that sum to the zones, means by plain numpy, like compared with like, landforms, refusals, the report."""

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml
from affine import Affine
from conftest import SmallMine
from pipeline_configs import loaded, refused_config
from shapely.geometry import Polygon, box

from pipeline import config as configs
from pipeline import plan, provenance, synthetic_site
from pipeline.__main__ import main
from pipeline.aoi import Zones, read_zones
from pipeline.config import load
from pipeline.coverage import zone_coverages
from pipeline.errors import BadInput
from pipeline.evaluation.dem import check_covers, open_dem
from pipeline.evaluation.records import EVALUATIONS
from pipeline.evaluation.strata import TerrainRules
from pipeline.evaluation.stratachart import colours, cover_lines, strata_svg
from pipeline.evaluation.stratified import by_terrain
from pipeline.evaluation.stratumtables import OF_ZONES, TABLES
from pipeline.grid import sensor_grid
from pipeline.layout import MineFolder
from pipeline.report import on_strata
from pipeline.report.evaluated import evaluated

YEARS = (2020, 2021, 2022, 2023, 2024)
SCENES = {"sentinel-2": {"catalog": "synthetic"}}
STRATA = ("platform", "sunny slope", "shady slope", "steep slope")
LAND_RULE = {"bare_below": 0.3, "medium_from": 0.45, "high_from": 0.75}
SLOPE = {"platform": 0.0, "sunny slope": 15.0, "shady slope": 15.0, "steep slope": 40.0}


def rows_of(folder, name):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stage(mine, *more):
    return main(["strata", str(mine.config), "--sensor", "sentinel-2", "--results", str(mine.results), *more])


def base(mine):
    """Write a mine and run what strata are made from; return the sensor's folder."""
    config, rest = str(mine.write()), ["--sensor", "sentinel-2", "--results", str(mine.results)]
    calls = [["scenes"], *(["composite", "--year", str(y)] for y in mine.years), ["endmembers"], ["fvc"]]
    period = ["--period", f"{mine.years[0]}-{mine.years[-1]}"]
    for name, *arguments in [*calls, ["trend", *period], ["classes", *period], ["areas"]]:
        assert main([name, config, *arguments, *rest]) == 0, name
    return mine.results / "small" / "sentinel-2"


def run(mine, *more):
    """Write a mine, run it with strata, and `more` before them; return the sensor's folder."""
    folder = base(mine)
    for name in (*more, "strata"):
        assert main([name, str(mine.config), "--sensor", "sentinel-2", "--results", str(mine.results)]) == 0, name
    return folder


def write_dem(mine, kinds, nodata=(), cell=5.0, name="dem.tif", **settings):
    """Write elevations of the whole grid and 100 m around it: `kinds` maps each stratum to the rows of 10 m (from the top) in which it lies.

    Ground of one stratum is one plane; where two meet Horn sees a step, within 5 m of it. `nodata`: rows without elevation.
    """
    n_rows, n_cols = int(500 / cell), int(600 / cell)
    y, x = np.mgrid[:n_rows, :n_cols]
    north, east = 100 - cell * (y + 0.5), -100 + cell * (x + 0.5)
    line = np.floor(-north / 10)
    z = np.full(north.shape, 4000.0)
    tan = {name: np.tan(np.radians(value)) for name, value in SLOPE.items()}
    for stratum, lines in kinds.items():
        here = (line >= lines.start) & (line < lines.stop)
        z[here] = {
            "platform": z,
            "sunny slope": 4000 + tan["sunny slope"] * north,
            "shady slope": 4000 - tan["shady slope"] * north,
            "steep slope": 4000 + tan["steep slope"] * east,
        }[stratum][here]
    for number in nodata:
        z[line == number] = -9999
    profile = {"driver": "GTiff", "height": n_rows, "width": n_cols, "count": 1, "dtype": "float32", "nodata": -9999, "crs": mine.crs}
    profile["transform"] = Affine(cell, 0, mine.west - 100, 0, -cell, mine.north + 100)
    path = mine.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **(profile | settings)) as dataset:
        dataset.write(z.astype("float32"), 1)
    return path


FOUR = {"platform": range(-10, 10), "sunny slope": range(10, 15), "shady slope": range(15, 20), "steep slope": range(20, 40)}
INSIDE = {"platform": slice(5, 9), "sunny slope": slice(11, 14), "shady slope": slice(16, 19), "steep slope": slice(21, 25)}  # rows away from steps


def terraces(small_mine):
    """Return a mine whose zones hold all four strata, in bands of rows, with a date of restoration and recovery."""
    small_mine.settings["aoi"]["zones"] = {"pit": {"role": "pit", "restored": "2021-06"}}
    small_mine.settings["recovery"] = {"least_gap": 0.1}
    small_mine.settings["strata"] = {"dem": str(write_dem(small_mine, FOUR))}
    rise = np.repeat([0.0, 0.02, -0.01, 0.04, 0.01], 3)[:15]
    small_mine.nir[:, 10:25, :24] *= (1 + rise[None, :, None] * np.arange(5)[:, None, None]).astype("float32")
    return small_mine


@pytest.fixture
def terraced(small_mine):
    """Return such a mine for a test that changes it."""
    return terraces(small_mine)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return such a mine as it is, run once."""
    mine = terraces(SmallMine(tmp_path_factory.mktemp("terraces")))
    run(mine, "recovery")
    return mine


@pytest.fixture(scope="module")
def made(whole):
    """Return the sensor's folder of the finished run."""
    return whole.results / "small" / "sentinel-2"


def numbers(rows, *keys, of):
    """Return the sum of a column by keys; a missing value is an error."""
    out = defaultdict(float)
    for r in rows:
        out[tuple(r[k] for k in keys)] += float(r[of])
    return dict(out)


# Areas


def test_areas_of_strata_sum_to_the_zone_in_every_table(made):
    zones = numbers(rows_of(made, "fvc_by_zone"), "zone", "year", of="area_km2")
    assert numbers(rows_of(made, "fvc_by_stratum"), "zone", "year", of="area_km2") == pytest.approx(zones, rel=1e-12)
    parts = rows_of(made, "strata_by_zone")
    assert numbers(parts, "zone", of="area_km2") == pytest.approx({(z,): a for (z, year), a in zones.items() if year == "2020"}, rel=1e-12)
    assert numbers(parts, "zone", of="share_pct") == pytest.approx({("pit",): 100, ("background",): 100}, rel=1e-12)
    keys = ("zone", "target", "first_year", "last_year", "code")
    whole = numbers([r for r in rows_of(made, "trend_area_by_zone") if r["area_km2"]], *keys, of="area_km2")
    found = numbers([r for r in rows_of(made, "trend_area_by_stratum") if r["area_km2"]], *keys, of="area_km2")
    assert found == pytest.approx(whole, rel=1e-12, abs=1e-15)
    assert sum(whole.values()) > 0
    keys = ("level", "zone", "role", "target", "first_year", "last_year", "group")
    whole = numbers([r for r in rows_of(made, "trend_groups_by_zone") if r["area_km2"]], *keys, of="area_km2")
    found = numbers([r for r in rows_of(made, "trend_groups_by_stratum") if r["area_km2"]], *keys, of="area_km2")
    assert found == pytest.approx(whole, rel=1e-12, abs=1e-15)


def test_bands_have_the_area_and_slope_that_were_planted(made):
    """The pit is 20 rows of 10 m: 5 of platform, of sunny and of shady slope and of steep slope, less what steps take."""
    rows = {r["stratum"]: r for r in rows_of(made, "strata_by_zone") if r["zone"] == "pit"}
    assert list(rows) == [*STRATA, "unknown"]
    assert float(rows["unknown"]["area_km2"]) == 0 and rows["unknown"]["slope_mean_deg"] == ""
    for name in ("platform", "sunny slope", "shady slope"):
        assert 15 <= float(rows[name]["share_pct"]) <= 30, name
    assert float(rows["platform"]["slope_mean_deg"]) == pytest.approx(0, abs=0.01)
    assert 14 < float(rows["sunny slope"]["slope_mean_deg"]) < 16.5
    assert float(rows["steep slope"]["slope_mean_deg"]) > 39


def test_one_stratum_gives_the_tables_of_the_zones(tmp_path):
    """On level ground every table by stratum is that of the zones, cell by cell; prepared composites lack what parts would lack."""
    mine = SmallMine(tmp_path, years=tuple(range(2013, 2023)))
    ndvi = np.full((10, 30, 40), 0.6) + np.random.default_rng(5).normal(0, 0.01, (10, 30, 40))
    ndvi[:, :, :24] -= np.repeat([0.05, 0.4, 0.1], [3, 3, 4])[:, None, None]
    mine.red, mine.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    rain = tmp_path / "rain.csv"
    rain.write_text("date,value\n" + "".join(f"{year}-{month:02d},{200 + 13 * (year % 4) + month}\n" for year in mine.years for month in range(1, 13)))
    mine.settings["aoi"]["zones"] = {"pit": {"role": "pit", "restored": "2018-06"}}
    mine.settings |= {"strata": {"dem": str(write_dem(mine, {}))}, "recovery": {"least_gap": 0.1}, "climate": {"precipitation": str(rain)}, "breaks": {}}
    mine.settings["landcover"] = {"rule": LAND_RULE}
    folder = run(mine, "recovery", "climate", "breaks", "landcover")
    assert not (folder / "pit_lakes_by_zone.csv").exists() and rows_of(folder, "pit_lakes_by_stratum") == []  # composites do not tell water
    for zones, strata in OF_ZONES.items():
        if zones == "pit_lakes_by_zone":
            continue
        whole, found = rows_of(folder, zones), rows_of(folder, strata)
        if zones.startswith("landcover"):
            whole = [r for r in whole if r["level"] == "zone"]
        assert {r.pop("stratum") for r in found} == {"platform"}, zones
        for r in (*whole, *found):
            if r.get("note", "").startswith("no interval: the"):
                r["note"] = "no interval"
        assert found == sorted(whole, key=lambda r: ["pit", "background", ""].index(r["zone"])), zones


def classes_by_hand(cover):
    """Return codes of cover inside the mine (the pit) as the rule says: 1 mining, then the grades of grassland."""
    return np.select([cover < 0.3, cover < 0.45, cover < 0.75], ["mining", "low", "medium"], "high")


def test_land_cover_of_a_stratum_is_that_of_its_cells(terraced):
    """By rule: areas of classes sum to the zones, years and pairs are the mine's, and a band away from steps has the classes of its cells."""
    ndvi = np.random.default_rng(7).uniform(0.1, 0.85, terraced.red.shape)
    terraced.red, terraced.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    terraced.settings["landcover"] = {"rule": LAND_RULE}
    folder = run(terraced, "recovery", "landcover")
    for zones, strata, keys in (
        ("landcover_by_year", "landcover_by_stratum", ("zone", "year", "class")),
        ("landcover_transitions", "transitions_by_stratum", ("zone", "first_year", "last_year", "from_class", "to_class")),
        ("landcover_baseline", "landcover_baseline_by_stratum", ("zone", "year", "class")),
    ):
        whole = numbers([r for r in rows_of(folder, zones) if r["level"] == "zone"], *keys, of="area_km2")
        found = numbers(rows_of(folder, strata), *keys, of="area_km2")
        assert {k: v for k, v in found.items() if v} == pytest.approx({k: v for k, v in whole.items() if v}, rel=1e-12), zones
        assert {r["stratum"] for r in rows_of(folder, strata)} == set(STRATA)
    only(terraced, "sunny slope")
    folder = run(terraced, "recovery", "landcover")
    rows = [r for r in rows_of(folder, "landcover_by_stratum") if r["zone"] == "pit"]
    assert {r["stratum"] for r in rows} == {"sunny slope"}
    for year, cover in zip(YEARS, by_hand(terraced, "pit", "sunny slope"), strict=True):
        share = {r["class"]: float(r["share_pct"]) for r in rows if r["year"] == str(year) and float(r["area_km2"])}
        names, counts = np.unique(classes_by_hand(np.clip(cover, 0, 1)), return_counts=True)
        told = {next(word for word in ("mining", "low", "medium", "high") if word in name): value for name, value in share.items()}
        assert told == pytest.approx(dict(zip(names.tolist(), 100 * counts / counts.sum(), strict=True)), rel=1e-3)


def test_land_cover_maps_have_strata_on_their_own_grid(terraced):
    """Maps of cells of 7 m: the areas of each class in the strata sum to the zone's, and strata have the areas that they have elsewhere."""
    rng = np.random.default_rng(2)
    for year in YEARS:
        profile = {"driver": "GTiff", "height": 60, "width": 80, "count": 1, "dtype": "uint8", "crs": terraced.crs}
        place = Affine(7, 0, terraced.west - 7, 0, -7, terraced.north + 7)
        with rasterio.open(terraced.folder / f"lc{year}.tif", "w", transform=place, **profile) as dataset:
            dataset.write(rng.integers(1, 4, (1, 60, 80)).astype("uint8"))
    classes = {"1": "mining", "2": "grass", "3": "water"}
    terraced.settings["landcover"] = {"path": str(terraced.folder / "lc{year}.tif"), "classes": classes, "mining": "mining"}
    folder = run(terraced, "recovery", "landcover")
    whole = numbers([r for r in rows_of(folder, "landcover_by_year") if r["level"] == "zone"], "zone", "year", "class", of="area_km2")
    found = rows_of(folder, "landcover_by_stratum")
    assert numbers(found, "zone", "year", "class", of="area_km2") == pytest.approx(whole, rel=1e-12)
    areas = {(r["zone"], r["stratum"]): float(r["area_km2"]) for r in rows_of(folder, "strata_by_zone") if float(r["area_km2"])}
    here = numbers([r for r in found if r["year"] == "2020"], "zone", "stratum", of="area_km2")
    assert here == pytest.approx(areas, rel=0.05)  # points of 5 m stand for cells of the model in other places
    pairs = {(r["first_year"], r["last_year"]) for r in rows_of(folder, "landcover_transitions")}
    assert {(r["first_year"], r["last_year"]) for r in rows_of(folder, "transitions_by_stratum")} == pairs
    with rasterio.open(terraced.folder / "lc2022.tif", "w", transform=Affine(11, 0, terraced.west - 7, 0, -11, terraced.north + 7), **profile) as dataset:
        dataset.write(rng.integers(1, 4, (1, 60, 80)).astype("uint8"))
    terraced.settings["landcover"]["transitions"] = []
    terraced.config.write_text(yaml.safe_dump(yaml.safe_load(terraced.config.read_text(encoding="utf-8")) | {"landcover": terraced.settings["landcover"]}))
    for name in ("landcover", "strata"):
        assert main([name, str(terraced.config), "--sensor", "sentinel-2", "--results", str(terraced.results)]) == 0, name
    whole = numbers([r for r in rows_of(folder, "landcover_by_year") if r["level"] == "zone"], "zone", "year", "class", of="area_km2")
    assert numbers(rows_of(folder, "landcover_by_stratum"), "zone", "year", "class", of="area_km2") == pytest.approx(whole, rel=1e-12)
    assert rows_of(folder, "landcover_baseline_by_stratum") == rows_of(folder, "transitions_by_stratum") == []


# Values


def by_hand(mine, zone, stratum):
    """Return cover of the cells of a zone in the rows of a stratum away from steps, (years, cells), by plain numpy."""
    polygon = dict(mine.zones)[zone]
    cols = slice(int((polygon.bounds[0] - mine.west) / 10), int((polygon.bounds[2] - mine.west) / 10))
    red, nir = (band[:, INSIDE[stratum], cols].astype(float).reshape(5, -1) for band in (mine.red, mine.nir))
    return ((nir - red) / (nir + red) - 0.05) / 0.81


def only(mine, stratum):
    """Cut the zones to the rows of one stratum away from steps, so that the whole zone is of it."""
    top, bottom = mine.north - 10 * INSIDE[stratum].start, mine.north - 10 * INSIDE[stratum].stop
    mine.zones = [(name, box(polygon.bounds[0], bottom, polygon.bounds[2], top)) for name, polygon in mine.zones]


@pytest.mark.parametrize("stratum", STRATA)
def test_means_of_a_stratum_by_plain_numpy(terraced, stratum):
    """Zones of one stratum each: what is told of it is the plain mean of its cells, and its zone."""
    expected = {name: by_hand(terraced, name, stratum) for name, _ in terraced.zones}
    only(terraced, stratum)
    folder = run(terraced)
    rows = rows_of(folder, "fvc_by_stratum")
    assert {r["stratum"] for r in rows} == {stratum}
    for r in rows:
        assert float(r["fvc_mean"]) == pytest.approx(expected[r["zone"]][YEARS.index(int(r["year"]))].mean(), abs=1e-6)
    pit, there = expected["pit"].mean(1), expected["background"].mean(1)
    ratio = {r["year"]: r for r in rows_of(folder, "recovery_by_stratum") if r["measure"] == "ratio"}
    assert [float(ratio[str(y)]["value"]) for y in YEARS] == pytest.approx(list(pit / there), abs=1e-6)
    change = {(r["from_year"], r["to_year"]): r for r in rows_of(folder, "fvc_change_by_stratum") if r["zone"] == "pit"}
    assert float(change["2020", "2024"]["change_points"]) == pytest.approx(100 * (pit[4] - pit[0]), abs=1e-4)
    assert float(change["2020", "2024"]["reference_change_points"]) == pytest.approx(100 * (there[4] - there[0]), abs=1e-4)


def test_the_mean_of_a_zone_is_that_of_its_strata_weighted_by_area(made):
    whole = {(r["zone"], r["year"]): r for r in rows_of(made, "fvc_by_zone")}
    sums = defaultdict(float)
    for r in rows_of(made, "fvc_by_stratum"):
        sums[r["zone"], r["year"]] += float(r["fvc_mean"]) * float(r["area_km2"])
    for key, total in sums.items():
        assert total / float(whole[key]["area_km2"]) == pytest.approx(float(whole[key]["fvc_mean"]), rel=1e-12)
    by_stratum = {(r["stratum"], float(r["fvc_mean"])) for r in rows_of(made, "fvc_by_stratum") if r["zone"] == "pit" and r["year"] == "2024"}
    assert len({value for _, value in by_stratum}) == len(STRATA)  # the strata differ: the test above could fail


def test_like_is_compared_with_like(made):
    change = rows_of(made, "fvc_change_by_stratum")
    own = {(r["stratum"], r["from_year"], r["to_year"]): r["change_points"] for r in change if r["zone"] == "background"}
    for r in change:
        if r["zone"] == "pit":
            assert float(r["reference_change_points"]) == pytest.approx(float(own[r["stratum"], r["from_year"], r["to_year"]]), rel=1e-12)
    area = rows_of(made, "trend_area_by_stratum")
    there = {(r["stratum"], r["target"], r["code"]): float(r["share_pct"]) for r in area if r["zone"] == "background" and r["share_pct"]}
    compared = [r for r in area if r["zone"] == "pit" and r["share_reference_pct"]]
    assert {r["stratum"] for r in compared} == set(STRATA)
    for r in compared:
        assert float(r["share_reference_pct"]) == pytest.approx(there[r["stratum"], r["target"], r["code"]], rel=1e-12)
    assert {r["target"] for r in rows_of(made, "trend_by_stratum") if r["zone"] == "pit"} == {"absolute", "relative"}


def test_relative_rows_subtract_the_whole_reference_as_the_rasters_do(terraced):
    """A zone of one stratum has the relative rows of the zone, though its reference holds other strata too."""
    platform = dict(terraced.zones)["pit"].bounds
    terraced.zones[0] = ("pit", box(platform[0], terraced.north - 90, platform[2], terraced.north - 50))
    folder = run(terraced)
    whole = [r for r in rows_of(folder, "trend_by_zone") if r["zone"] == "pit"]
    found = [r for r in rows_of(folder, "trend_by_stratum") if r["zone"] == "pit"]
    assert [{k: v for k, v in r.items() if k != "stratum"} for r in found] == whole
    assert {r["target"] for r in found} == {"absolute", "relative"}


def test_without_that_stratum_in_the_reference_nothing_is_compared(terraced):
    """The background lies on the platform alone: the pit's slopes have no like, and say so by empty cells and no rows of recovery."""
    bounds = dict(terraced.zones)["background"].bounds
    terraced.zones[1] = ("background", box(bounds[0], terraced.north - 90, bounds[2], terraced.north - 20))
    folder = run(terraced, "recovery")
    for r in rows_of(folder, "fvc_change_by_stratum"):
        if r["zone"] == "pit":
            assert (r["reference_change_points"] != "") == (r["stratum"] == "platform")
    for r in rows_of(folder, "trend_area_by_stratum"):
        if r["zone"] == "pit" and r["stratum"] != "platform":
            assert r["share_reference_pct"] == ""
    assert {(r["zone"], r["stratum"]) for r in rows_of(folder, "recovery_by_stratum")} == {("pit", "platform")}
    (warning,) = the_part(terraced).warnings
    assert warning.en.startswith("pit: its reference has no sunny slope, shady slope, steep slope,") and "阳坡、阴坡、陡坡" in warning.zh


@pytest.mark.parametrize("terrain", [True, False])
def test_a_reference_that_is_wholly_unknown_stands_for_landforms_alone(terrain):
    zones = Zones(gpd.GeoDataFrame(), {"pit": ("meadow",), "meadow": ()}, ("meadow",))
    rows = [{"zone": "pit", "stratum": "platform", "area_km2": "1"}, {"zone": "meadow", "stratum": "unknown", "area_km2": "1"}]
    found = on_strata._unlike(zones, rows, terrain=terrain)
    assert [text.en.split(",")[0] for text in found] == (["pit: its reference has no platform"] if terrain else [])


def test_ground_without_elevation_is_a_stratum_of_its_own(terraced):
    write_dem(terraced, FOUR, nodata=(6, 7))
    folder = run(terraced, "recovery")
    parts = rows_of(folder, "strata_by_zone")
    unknown = {r["zone"]: float(r["share_pct"]) for r in parts if r["stratum"] == "unknown"}
    assert unknown == pytest.approx({"pit": 15, "background": 15})  # 20 m of 200 m, and a cell of 5 m on either side
    assert numbers(parts, "zone", of="share_pct") == pytest.approx({("pit",): 100, ("background",): 100}, rel=1e-12)
    assert {r["stratum"] for r in rows_of(folder, "fvc_by_stratum")} == {*STRATA, "unknown"}
    warnings = [f"{z}: 15 % of it has no slope, as elevations are missing there or beside." for z in ("pit", "background")]
    assert [t.en for t in the_part(terraced).warnings] == warnings


def test_a_gap_stays_a_gap(terraced):
    terraced.nir[2, :10], terraced.red[2, :10] = np.nan, np.nan
    folder = run(terraced)
    assert stage(terraced) == 0
    rows = {(r["zone"], r["stratum"], r["year"]): r for r in rows_of(folder, "fvc_by_stratum")}
    assert (rows["pit", "platform", "2022"]["fvc_mean"], rows["pit", "platform", "2022"]["valid_pct"]) == ("", "0.0")
    assert float(rows["pit", "sunny slope", "2022"]["valid_pct"]) > 80 and rows["pit", "sunny slope", "2022"]["fvc_mean"]


def test_without_other_evaluations_their_tables_are_empty(terraced):
    del terraced.settings["recovery"]
    folder = run(terraced)
    for name in ("recovery_by_stratum", "residual_trend_by_stratum", "breaks_by_stratum", "break_years_by_stratum"):
        assert rows_of(folder, name) == []
        assert ",zone,stratum," in (folder / f"{name}.csv").read_text()


def test_columns_and_files_are_those_that_are_declared(made):
    record = EVALUATIONS["strata"]
    assert record.tables == tuple(TABLES)
    for name, columns in TABLES.items():
        with (made / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert tuple(next(csv.reader(file))) == columns
    assert all((made / name).is_file() for name in record.files)
    order = [r["zone"] for r in rows_of(made, "trend_area_by_stratum")]
    assert order == sorted(order, key=["pit", "background"].index)


def test_equal_inputs_give_equal_bytes(made, whole):
    before = {name: (made / name).read_bytes() for name in EVALUATIONS["strata"].files}
    assert stage(whole) == 0
    assert {name: (made / name).read_bytes() for name in before} == before


def test_the_planted_relief_of_the_synthetic_mine_is_found(tmp_path):
    """The strata of the synthetic mine by the outlines of its benches and meadows, on a grid of 10 m."""
    aoi = Path(configs.__file__).parents[1] / "aoi" / "jiangcang.geojson"
    synthetic_site.generate(aoi, tmp_path)
    truth = json.loads((tmp_path / "truth_site.json").read_text(encoding="utf-8"))["strata"]["shares"]
    (tmp_path / "x.yaml").write_text("")
    config = loaded(tmp_path, SCENES, strata={"dem": "synthetic"}, aoi={"path": str(aoi), "zone_field": "zone"})
    zones = read_zones(config, tmp_path / "x.yaml")
    grid = sensor_grid(config, "sentinel-2", zones, None)
    dem = open_dem(tmp_path / "dem.tif")
    with closing(dem.dataset):
        check_covers(dem, zones)
        found = by_terrain(dem, grid, zones, {c.zone: c for c in zone_coverages(zones, grid)}, TerrainRules())
    worst = 0.0
    for r in found.rows({}):
        expected = 0.0 if r["stratum"] == "unknown" else 100 * truth[r["zone"]][r["stratum"]]
        worst = max(worst, abs(r["share_pct"] - expected))
    print(f"shares of {len(truth)} zones: within {worst:.2f} points of what was planted")
    assert worst < 1  # edges of cells of 30 m in the middle of those of 10 m: the nearest moves them by 5 m


# Landforms


@pytest.fixture
def landforms(terraced):
    """Return a mine whose pit is drawn as three landforms; its background names none."""
    del terraced.settings["strata"]
    terraced.settings["strata"] = {"field": "landform"}
    w, n = terraced.west, terraced.north
    slanted = Polygon([(w + 20, n - 50), (w + 220, n - 50), (w + 220, n - 103), (w + 20, n - 97)])
    rest = box(w + 20, n - 250, w + 220, n - 50).difference(slanted)
    cut = box(w, n - 300, w + 120, n)
    terraced.parts = [("pit", "platform 平台", slanted), ("pit", "slope", rest.intersection(cut)), ("background", None, terraced.zones[1][1])]
    terraced.parts.append(("pit", "foot", rest.difference(cut)))
    return terraced


def write_parts(mine):
    """Write images and config of a mine, and its features with their landforms."""
    mine.write()
    path = mine.folder / "aoi.gpkg"
    path.unlink()
    names, kinds, polygons = zip(*mine.parts, strict=True)
    gpd.GeoDataFrame({"zone": names, "landform": kinds}, geometry=list(polygons), crs=mine.crs).to_file(path)
    mine.write_aoi = lambda: path  # what `run` writes


def test_features_of_one_name_are_one_zone_and_its_strata(landforms, monkeypatch):
    write_parts(landforms)
    folder = run(landforms)
    zones = read_zones(load(landforms.config), landforms.config)
    assert zones.names == ["pit", "background"]  # in the order in which they first come
    whole = {r["zone"]: float(r["area_km2"]) for r in rows_of(folder, "fvc_by_zone") if r["year"] == "2020"}
    parts = rows_of(folder, "strata_by_zone")
    assert [(r["zone"], r["stratum"]) for r in parts] == [("pit", "platform 平台"), ("pit", "slope"), ("pit", "foot"), ("background", "unknown")]
    assert numbers(parts, "zone", of="area_km2") == pytest.approx({(z,): a for z, a in whole.items()}, rel=1e-12)
    polygons = {(zone, kind or "unknown"): polygon for zone, kind, polygon in landforms.parts}
    for r in parts:
        grid = polygons[r["zone"], r["stratum"]].area / 1e6
        assert float(r["area_km2"]) == pytest.approx(grid, rel=1e-3)  # the projection is true to 0.08 %
        assert r["slope_mean_deg"] == ""
    assert whole["pit"] == pytest.approx(0.04, rel=1e-3)
    keys = ("zone", "target", "code")
    of_zone = numbers([r for r in rows_of(folder, "trend_area_by_zone") if r["area_km2"]], *keys, of="area_km2")
    assert numbers([r for r in rows_of(folder, "trend_area_by_stratum") if r["area_km2"]], *keys, of="area_km2") == pytest.approx(of_zone, rel=1e-12, abs=1e-15)


def test_a_reference_without_landforms_stands_whole_for_each(landforms):
    write_parts(landforms)
    folder = run(landforms)
    own = {(r["from_year"], r["to_year"]): r["change_points"] for r in rows_of(folder, "fvc_change_by_zone") if r["zone"] == "background"}
    pit = [r for r in rows_of(folder, "fvc_change_by_stratum") if r["zone"] == "pit"]
    assert {r["stratum"] for r in pit} == {"platform 平台", "slope", "foot"}
    for r in pit:
        assert float(r["reference_change_points"]) == pytest.approx(float(own[r["from_year"], r["to_year"]]), rel=1e-12)
    assert {r["stratum"] for r in rows_of(folder, "recovery_by_stratum")} == {"platform 平台", "slope", "foot"}
    assert {(r["zone"], r["stratum"]) for r in rows_of(folder, "fvc_by_stratum") if r["zone"] == "background"} == {("background", "unknown")}
    roles = [r for r in rows_of(folder, "trend_groups_by_stratum") if r["level"] == "role" and r["role"] == "reference"]
    assert {r["stratum"] for r in roles} == {"unknown"}


def test_tables_of_zones_do_not_change_with_landforms(landforms, terraced):
    """The same ground drawn as one feature or as three gives the same tables of zones, to rounding."""
    write_parts(landforms)
    folder = landforms.run()
    three = {name: rows_of(folder, name) for name in ("fvc_by_zone", "trend_by_zone", "trend_area_by_zone")}
    del landforms.settings["strata"]
    landforms.parts = [("pit", "x", dict(landforms.zones)["pit"]), ("background", None, dict(landforms.zones)["background"])]
    del landforms.write_aoi
    write_parts(landforms)
    folder = base(landforms)
    for name, rows in three.items():
        one = rows_of(folder, name)
        assert len(one) == len(rows)
        for a, b in zip(one, rows, strict=True):
            for key in a:
                try:
                    assert float(a[key]) == pytest.approx(float(b[key]), rel=1e-5, abs=1e-9), (name, key)
                except ValueError:
                    assert a[key] == b[key], (name, key)


def refused_zones(mine):
    """Return the error of reading the zones of a mine that must be refused."""
    write_parts(mine)
    with pytest.raises(BadInput) as caught:
        plan.make([str(mine.config)], {"results": str(mine.results)})
    assert caught.value.exit_code == 2
    assert not mine.results.exists()
    return str(caught.value)


def test_a_field_that_the_file_lacks_is_refused_with_the_nearest(landforms):
    landforms.settings["strata"] = {"field": "landfrom"}
    found = refused_zones(landforms)
    assert "strata.field" in found and "did you mean `landform`?" in found


def test_a_field_without_any_value_is_refused(landforms):
    landforms.parts = [(zone, " ", polygon) for zone, _, polygon in landforms.parts[:1] + landforms.parts[2:3]]
    assert "no landform in any feature" in refused_zones(landforms)


def test_landforms_that_overlap_are_refused(landforms):
    zone, kind, polygon = landforms.parts[1]
    landforms.parts[1] = (zone, kind, polygon.buffer(4))
    found = refused_zones(landforms)
    assert "zone pit" in found and "overlap by" in found


@pytest.mark.parametrize("kind, name", [("slope", "pit"), ("another", "PIT")])
def test_the_same_landform_twice_and_other_spellings_are_refused(landforms, kind, name):
    landforms.parts[3] = (name, kind, landforms.parts[3][2])
    found = refused_zones(landforms)
    assert "rows 2 and 4" in found if name == "pit" else "rows 1 and 4" in found
    assert "different landforms of one zone" in found


def test_without_the_key_equal_names_are_refused_as_before(landforms):
    del landforms.settings["strata"]
    assert "a different name for each zone (case and Unicode form do not count)\n" in refused_zones(landforms)


# What is refused


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({}, "strata"),
        ({"dem": "a.tif", "field": "landform"}, "strata"),
        ({"dem": ""}, "strata.dem"),
        ({"dem": "/vsicurl/http://host/a.tif"}, "strata.dem"),
        ({"dem": "https://host/a.tif"}, "strata.dem"),
        ({"field": ""}, "strata.field"),
        ({"field": "landform", "platform_below_deg": 6.0}, "strata"),
        ({"field": "landform", "sunny_deg": [90, 270]}, "strata"),
        ({"dem": "a.tif", "platform_below_deg": 0}, "strata.platform_below_deg"),
        ({"dem": "a.tif", "steep_from_deg": 90}, "strata.steep_from_deg"),
        ({"dem": "a.tif", "platform_below_deg": 25}, "strata"),
        ({"dem": "a.tif", "sunny_deg": [90, 360]}, "strata.sunny_deg"),
        ({"dem": "a.tif", "sunny_deg": [90]}, "strata.sunny_deg"),
        ({"dem": "a.tif", "sunny_deg": [90, 90]}, "strata"),
        ({"dem": "a.tif", "sensors": ["landsat"]}, "strata.sensors"),
        ({"dem": "a.tif", "slope": 5}, "strata.slope"),
        ("a.tif", "strata"),
    ],
)
def test_faults_are_refused_with_their_key(given, part, tmp_path):
    error = refused_config(tmp_path, SCENES, strata=given)
    assert error.field.startswith(part)
    assert all([error.found, error.expected, error.fix])


def test_the_synthetic_model_needs_the_synthetic_mine(tmp_path):
    composites = {"sentinel-2": {"composites": "{year}.tif", "bands": {"ndvi": 1}}}
    assert "a synthetic catalog" in str(refused_config(tmp_path, composites, strata={"dem": "synthetic"}))
    config = loaded(tmp_path, SCENES, strata={"dem": "synthetic"})
    assert config.strata.files(config, tmp_path) == [tmp_path / "x" / "synthetic" / "dem.tif"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("absent", "no such file"),
        ("text", "not a readable GeoTIFF"),
        ("no crs", "no coordinate reference system"),
        ("short", "of the zone"),
        ("bands", "2 bands"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_before_anything_runs(terraced, fault, says):
    path = terraced.folder / "dem.tif"
    if fault == "absent":
        path.unlink()
    elif fault == "text":
        path.write_text("ncols 30\n")
    elif fault == "no crs":
        write_dem(terraced, FOUR, crs=None)
    elif fault == "short":
        write_dem(terraced, FOUR, transform=Affine(5, 0, terraced.west + 100, 0, -5, terraced.north + 100))
    else:
        with rasterio.open(path, "w", driver="GTiff", height=9, width=9, count=2, dtype="float32", crs=terraced.crs, transform=terraced.transform):
            pass
    terraced.write()
    with pytest.raises(BadInput) as caught:
        plan.make([str(terraced.config)], {"results": str(terraced.results)})
    assert caught.value.exit_code == 2
    assert says in str(caught.value) and str(path) in str(caught.value)
    assert not terraced.results.exists()


def test_a_hole_that_the_file_does_not_name_stops_the_stage(terraced, capsys):
    with rasterio.open(terraced.folder / "dem.tif") as dataset:
        profile, z = dataset.profile, dataset.read(1)
    z[50, 60] = -32768
    with rasterio.open(terraced.folder / "dem.tif", "w", **(profile | {"nodata": None})) as dataset:
        dataset.write(z, 1)
    folder = base(terraced)
    assert stage(terraced) == 2
    assert "-32768 m" in capsys.readouterr().err
    assert not (folder / "strata_by_zone.csv").exists()


# What the key changes


def test_the_key_decides_what_is_made_and_from_what(terraced):
    terraced.write()
    found = plan.make([str(terraced.config)], {"results": str(terraced.results)})
    names = {p.rsplit("/", 1)[1] for p in found.sensor_products("small", "sentinel-2")}
    assert set(EVALUATIONS["strata"].files) <= names
    inputs = found.evaluated("small", "sentinel-2", "strata")
    assert str(terraced.folder / "dem.tif") in inputs and any(p.endswith("trend_area_by_zone.csv") for p in inputs)
    assert not any(p.endswith("breaks.tif") for p in inputs)
    terraced.settings |= {"breaks": {}}
    terraced.write_config()
    after = plan.make([str(terraced.config)], {"results": str(terraced.results)}).evaluated("small", "sentinel-2", "strata")
    assert {p.rsplit("/", 1)[1] for p in set(after) - set(inputs)} == set(EVALUATIONS["breaks"].files)
    del terraced.settings["strata"], terraced.settings["breaks"]
    terraced.write_config()
    without = plan.make([str(terraced.config)], {"results": str(terraced.results)})
    assert not any("stratum" in p.rsplit("/", 1)[1] for p in without.products("small"))


def test_another_field_makes_the_stages_that_read_zones_run_again(tmp_path):
    by_dem, by_field = (loaded(tmp_path, SCENES, strata=s) for s in ({"dem": "a.tif"}, {"field": "landform"}))
    plain = loaded(tmp_path, SCENES)
    for name in ("scenes", "areas", "observations", "zones", "trend"):
        assert provenance.options(by_dem, name, "sentinel-2") == provenance.options(plain, name, "sentinel-2")
        assert provenance.options(by_field, name, "sentinel-2") != provenance.options(plain, name, "sentinel-2")


# Charts and the report


def the_part(mine):
    config = load(mine.config)
    parts = evaluated(config, read_zones(config, mine.config), "sentinel-2", MineFolder(mine.results, "small").sensor("sentinel-2"))
    return next(p for p in parts if p.key == "strata")


def test_the_report_tells_what_the_tables_say(made, whole):
    part = the_part(whole)
    assert "platform below 5 degrees" in part.lead[0].en and "90° 至 270°" in part.lead[0].zh.replace("°—", "° 至 ")
    rows = {r["stratum"]: r for r in rows_of(made, "strata_by_zone") if r["zone"] == "pit"}
    cover = {(r["stratum"], r["year"]): 100 * float(r["fvc_mean"]) for r in rows_of(made, "fvc_by_stratum") if r["zone"] == "pit"}
    (pit,) = [t for t in part.lead if t.en.startswith("pit:")]
    for name in STRATA:
        assert f"{name} {float(rows[name]['share_pct']):.0f} %, cover {cover[name, '2020']:.0f} % in 2020 and {cover[name, '2024']:.0f} % in 2024" in pit.en
    assert re.search(r"平台 \d+%，2020 年覆盖度 \d+%、2024 年覆盖度 \d+%", pit.zh)
    assert part.warnings == ()
    assert len(part.figures) == 2
    for figure in part.figures:
        root = ET.fromstring(figure.svg)
        assert len(root.findall(".//{*}circle")) == 5 * len(STRATA)
        assert {t.text for t in root.findall("{*}text")} >= {"platform 平台", "sunny slope 阳坡", "2020", "2024"}
    assert len(part.tables[0].rows) == 2 * len(STRATA)  # what is 0 stands in the file alone
    assert all(re.search(r"[\u4e00-\u9fff]", t.zh) for t in (part.title, *part.lead, *part.notes))


def test_the_report_of_landforms(landforms):
    write_parts(landforms)
    run(landforms, "recovery")
    part = the_part(landforms)
    assert (part.title.en, part.title.zh) == ("Landforms", "地貌")
    assert part.lead[0].en == "By the attribute landform of the zones' file."
    assert "platform 平台" in part.figures[0].svg


def test_names_are_text_in_figures_and_many_landforms_get_no_wrong_colour():
    rows = [
        {"zone": "<b>pit", "stratum": f"<i>{i}", "year": year, "fvc_mean": "" if year == "2021" else f"{0.1 * i + 0.1}", "area_km2": "1.0"}
        for i in range(9)
        for year in ("2020", "2021", "2022")
    ]
    lines, colour = cover_lines(rows), colours([f"<i>{i}" for i in range(9)])
    svg = strata_svg(lines["<b>pit"], colour, "<b>pit")
    assert "<i>" not in svg and "<b>" not in svg and "&lt;i&gt;0" in svg
    assert len(set(colour.values())) == len(colour) == 6
    root = ET.fromstring(svg)
    assert len(root.findall(".//{*}circle")) == 12 and root.findall(".//{*}g/{*}line") == []  # a gap breaks the line


def test_figures_of_no_rows():
    assert cover_lines([]) == {}
