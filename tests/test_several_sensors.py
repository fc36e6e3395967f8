"""Several sensors in one mine: one planted cover at 10 m, 30 m and 231.66 m, against the plant, brute force and plain geometry."""

import csv
import json
import re
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from contextlib import closing

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox
from reportpage import Page
from running import ROOT, environment
from threesensors import PIXEL, SINUSOIDAL, UTM, YEARS, ZONES, ManySensors, cover, inside

from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.config import load
from pipeline.coverage import zone_coverages
from pipeline.grid import native_grid
from pipeline.report.mapdata import views
from pipeline.upright import skew_deg

SENSORS = ("landsat", "modis", "sentinel-2")
SMALL = ("dump", "speck")
TO_SINUSOIDAL = pyproj.Transformer.from_crs(UTM, SINUSOIDAL, always_xy=True)


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Return the folder of a run of three sensors on Sentinel-2's endmembers; nobody may change its files."""
    made = ManySensors(tmp_path_factory.mktemp("many"))
    config = made.write(fvc={"endmembers_from": "sentinel-2", "soil": {"percentile": 0}, "vegetation": {"percentile": 100}})
    return made.run(config, first=("sentinel-2",))


def rows(mine, sensor, table, target="absolute"):
    with (mine / sensor / f"{table}.csv").open(encoding="utf-8", newline="") as handle:
        return [r for r in csv.DictReader(handle) if r.get("target", target) == target]


def raster(mine, sensor, name):
    with rasterio.open(mine / sensor / name) as dataset:
        return dataset.read(1), dataset.transform


@pytest.fixture(scope="module")
def page(mine):
    return Page((mine / "report.html").read_text(encoding="utf-8"))


def pixels_of(polygon, step=4.0):
    """Return the covered pixels of the MODIS grid by brute force: how many points of the polygon lie in each, and the share of a pixel that all are."""
    x, y = TO_SINUSOIDAL.transform(*inside(polygon, step))
    column, row = np.floor(x / PIXEL).astype(int), np.floor(-y / PIXEL).astype(int)
    places, counts = np.unique(np.stack([row, column]), axis=1, return_counts=True)
    return places, counts, counts.sum() * step**2 / PIXEL**2


# Areas


@pytest.mark.parametrize("sensor", SENSORS)
@pytest.mark.parametrize("zone", ZONES)
def test_the_classes_of_a_zone_sum_to_its_polygon(mine, sensor, zone):
    lonlat = gpd.GeoSeries([ZONES[zone]], crs=UTM).to_crs(4326).iloc[0]
    polygon = abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(lonlat)[0]) / 1e6
    own = [r for r in rows(mine, sensor, "trend_area_by_zone") if r["zone"] == zone]
    assert sum(float(r["area_km2"] or 0) for r in own) == pytest.approx(polygon, rel=1e-5)
    assert sum(float(r["share_pct"] or 0) for r in own) == pytest.approx(100)


def test_which_zones_are_too_small_is_what_brute_force_counts(mine):
    counted = {zone: pixels_of(polygon)[2] for zone, polygon in ZONES.items()}
    config = load(mine.parents[1] / "many.yaml")
    with rasterio.open(mine / "modis" / "trend_class_2020-2024.tif") as dataset:
        pixels = {c.zone: c.pixels for c in zone_coverages(read_zones(config, "many.yaml"), native_grid(dataset))}
    assert pixels == pytest.approx(counted, rel=5e-3, abs=3e-3)
    for zone, count in counted.items():
        own = {int(r["code"]): r for r in rows(mine, "modis", "trend_area_by_zone") if r["zone"] == zone}
        assert (float(own[98]["share_pct"]) == 100) == (count < 100)
        assert float(own[98]["share_pct"]) in (0, 100)


@pytest.mark.parametrize("zone", SMALL)
def test_a_zone_too_small_has_its_whole_area_in_one_row_and_no_class(mine, zone):
    own = {int(r["code"]): r for r in rows(mine, "modis", "trend_area_by_zone") if r["zone"] == zone}
    assert float(own[98]["area_km2"]) > 0
    assert own[98]["class_id"] == "too_small"
    assert {r["area_km2"] for code, r in own.items() if code != 98} == {""}, "not known, and no zero"
    assert {r["share_valid_pct"] for r in own.values()} == {""}
    assert {r["p_min"] for r in own.values()} == {""}  # no cell is classed: nothing can be reached
    reference = {int(r["code"]): r["share_pct"] for r in rows(mine, "modis", "trend_area_by_zone") if r["zone"] == "meadow"}
    assert {code: r["share_reference_pct"] for code, r in own.items()} == reference  # it is large enough: its own shares stay
    assert float(reference[98]) == 0
    groups = {r["group"]: r for r in rows(mine, "modis", "trend_groups_by_zone") if r["zone"] == zone}
    assert groups["insufficient"]["area_km2"] == own[98]["area_km2"]
    assert {groups[g]["share_pct"] for g in ("increase", "decrease", "no_change", "water")} == {""}
    assert {groups[g]["share_valid_pct"] for g in ("increase", "decrease", "no_change")} == {""}


def test_a_role_sums_its_zones_the_too_small_among_them(mine):
    groups = rows(mine, "modis", "trend_groups_by_zone")
    works = {r["group"]: r for r in groups if r["level"] == "role" and r["role"] == "works"}
    own = {(r["zone"], r["group"]): float(r["area_km2"] or 0) for r in groups if r["level"] == "zone"}
    for group, row in works.items():
        assert float(row["area_km2"] or 0) == pytest.approx(own["pit", group] + own["dump", group])
    assert float(works["insufficient"]["area_km2"]) == own["dump", "insufficient"] > 0
    assert float(works["increase"]["share_valid_pct"]) == pytest.approx(100 * own["pit", "increase"] / sum(own["pit", g] for g in ("increase", "decrease")))


def test_cells_that_only_small_zones_touch_are_98_and_others_keep_their_class(mine):
    codes, transform = raster(mine, "modis", "trend_class_2020-2024.tif")
    polygons = {zone: shapely.Polygon(zip(*TO_SINUSOIDAL.transform(*shapely.segmentize(p, 20).exterior.xy), strict=True)) for zone, p in ZONES.items()}
    seen = set()
    for row, column in np.ndindex(codes.shape):
        (x0, y0), (x1, y1) = transform @ (column, row + 1), transform @ (column + 1, row)
        shares = {zone: polygon.intersection(shapely.box(x0, y0, x1, y1)).area / PIXEL**2 for zone, polygon in polygons.items()}
        if any(0 < share < 1e-3 for share in shares.values()):
            continue
        touching = {zone for zone, share in shares.items() if share > 0}
        expected = "outside" if not touching else "small" if touching <= set(SMALL) else "class"
        assert {"outside": codes[row, column] == 0, "small": codes[row, column] == 98, "class": 1 <= codes[row, column] <= 9}[expected]
        seen.add(expected)
    assert seen == {"outside", "small", "class"}


# Means


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [YEARS[0], YEARS[-1]])
def test_the_mean_of_a_zone_on_the_sinusoidal_grid_is_weighted_by_what_it_covers(mine, zone, year):
    values, transform = raster(mine, "modis", f"ndvi_{year}.tif")
    (place, counts, _), left, top = pixels_of(ZONES[zone], 2.0), round(transform.c / PIXEL), round(-transform.f / PIXEL)
    expected = np.average(values[place[0] - top, place[1] - left], weights=counts)
    (row,) = [r for r in rows(mine, "modis", "fvc_by_zone") if r["zone"] == zone and r["year"] == str(year)]
    assert float(row["ndvi_mean"]) == pytest.approx(expected, abs=5e-5)
    assert float(row["valid_pct"]) == pytest.approx(100)


@pytest.mark.parametrize(("sensor", "most"), [("sentinel-2", 1e-4), ("landsat", 1e-3), ("modis", 0.03)])
@pytest.mark.parametrize("zone", ZONES)
def test_every_sensor_finds_the_planted_cover_on_the_endmembers_of_one(mine, sensor, most, zone):
    pair = json.loads((mine / "sentinel-2" / "endmembers.json").read_text())
    x, y = inside(ZONES[zone])
    for row in rows(mine, sensor, "fvc_by_zone"):
        if row["zone"] == zone:
            ndvi = 0.05 + 0.81 * cover(x, y, int(row["year"]))
            planted = np.mean((ndvi - pair["soil_ndvi"]) / (pair["vegetation_ndvi"] - pair["soil_ndvi"]))
            assert abs(float(row["fvc_mean"]) - planted) < most


def test_all_sensors_have_the_pair_of_the_one_that_lends_it(mine):
    pairs = {sensor: json.loads((mine / sensor / "endmembers.json").read_text()) for sensor in SENSORS}
    values, _ = zip(*(raster(mine, "sentinel-2", f"ndvi_{year}.tif") for year in YEARS), strict=True)
    assert len({(p["soil_ndvi"], p["vegetation_ndvi"], p["pooled_values"]) for p in pairs.values()}) == 1
    assert np.nanmin(values) <= pairs["modis"]["soil_ndvi"] < pairs["modis"]["vegetation_ndvi"] <= np.nanmax(values)
    assert pairs["sentinel-2"]["method"] == "as configured under fvc"
    assert pairs["landsat"]["method"] == pairs["modis"]["method"] == "pair of the sensor sentinel-2 of this run (fvc.endmembers_from)"
    for sensor in SENSORS:
        for row in rows(mine, sensor, "sensitivity"):
            if row["variant"] in ("base", "without_first_year"):
                assert float(row["soil_ndvi"]) == pairs["sentinel-2"]["soil_ndvi"]


def test_the_mean_of_a_small_zone_is_still_tested_and_its_sensitivity_has_no_net(mine):
    for zone in SMALL:
        (trend,) = [r for r in rows(mine, "modis", "trend_by_zone") if r["zone"] == zone]
        assert float(trend["slope"]) > 0
        assert float(trend["p_min"]) == pytest.approx(1 / 60)
        (base,) = [r for r in rows(mine, "modis", "sensitivity") if r["zone"] == zone and r["variant"] == "base"]
        (change,) = [r for r in rows(mine, "modis", "fvc_change_by_zone") if (r["zone"], r["from_year"], r["to_year"]) == (zone, "2020", "2024")]
        assert float(base["change_points"]) == pytest.approx(float(change["change_points"]))
        assert (base["insufficient_pct"], base["increase_pct"], base["net_pct"], base["net_robust"]) == ("100.0", "", "", "")
        assert base["change_robust"] == "yes"


# Words and pictures


def test_the_finest_sensor_leads_and_the_others_have_sections_of_their_own(page):
    assert [a["aria-label"] for tag, a in page.elements if tag == "section"][:3] == ["sentinel-2", "landsat", "modis"]
    assert any("finest cells first" in t for t in page.texts["en"])
    assert [m["views"][0]["label"].split(":")[0] for m in page.data["maps"]] == ["sentinel-2", "landsat", "modis"]
    for shown in page.data["maps"]:
        assert len({v["label"].split(":")[0] for v in shown["views"]}) == 1


def test_the_contents_link_to_every_heading_and_headings_name_their_sensor(mine, page):
    text = (mine / "report.html").read_text(encoding="utf-8")
    ids = [a["id"] for _, a in page.elements if "id" in a]
    links = [a["href"][1:] for tag, a in page.elements if tag == "a" and a["href"].startswith("#")]
    assert len(ids) == len(set(ids)) and set(links) <= set(ids)
    heads = re.findall(r'<h2 id="([^"]+)">(.*?)</h2>', text)
    assert len(heads) == text.count("<h2") == 3 * 9 + 3  # no scenes here
    assert {i for i, _ in heads} | {f"sensor-{s}" for s in SENSORS} == set(links)
    for i, words in heads:
        named = re.findall(r"<small>(.*?)</small>", words)
        assert named == [s for s in SENSORS if i.endswith(f"-{s}")]


def test_the_table_of_all_sensors_is_that_of_their_tables(mine, page):
    head, cells = page.table("sensors 传感器")
    assert head[4:] == [str(y) for y in YEARS]
    assert [(r[0], r[1]) for r in cells] == [(z, s) for z in ZONES for s in ("sentinel-2", "landsat", "modis")]
    for zone, sensor, pixels, _, *cover_of in cells:
        own = {r["year"]: r["fvc_mean"] for r in rows(mine, sensor, "fvc_by_zone") if r["zone"] == zone}
        assert cover_of == [f"{float(own[str(y)]):.4f}" for y in YEARS]
        assert ("too small" in pixels) == (sensor == "modis" and zone in SMALL)
        if sensor == "modis":
            assert float(pixels.split()[0].replace(",", "")) == pytest.approx(pixels_of(ZONES[zone])[2], rel=0.01, abs=0.06)
    assert any(t.startswith("All have the same endmember pair") for t in page.texts["en"])


def test_the_share_of_surroundings_is_what_points_count(page):
    """Of each MODIS pixel the share that is outside the zone, weighted by the share inside: from points, without the code's fractions."""
    _, cells = page.table("sensors 传感器")
    for zone, polygon in ZONES.items():
        _, counts, pixels = pixels_of(polygon)
        inside_share = counts * pixels / counts.sum()
        expected = 100 * (inside_share * np.clip(1 - inside_share, 0, 1)).sum() / inside_share.sum()
        (shown,) = [float(r[3]) for r in cells if (r[0], r[1]) == (zone, "modis")]
        assert shown == pytest.approx(expected, abs=0.5), zone


def test_chinese_sentences_have_chinese_punctuation(page):
    bad = [t for t in page.texts["zh"] if re.search(r"[\u4e00-\u9fff][,;:()](?!\d)|[,;:(]\s*[\u4e00-\u9fff]", t)]
    assert not bad
    assert not {"read", "dropped", "median", "without_first_year"} & {t.strip(":： 0123456789") for t in page.texts["zh"]}


def test_a_sensor_without_any_class_opens_on_cover_of_the_last_year():
    config = load(ROOT / "configs" / "jiangcang.yaml")
    usual, small = views(config, "s"), views(config, "s", without_classes=True)
    assert usual[0]["kind"] == "class" and small[0]["id"] == "fvc 2024"
    assert sorted(v["id"] for v in usual) == sorted(v["id"] for v in small)


def test_what_other_sensors_say_stands_beside_the_leading_one(mine, page):
    for zone in ZONES:
        change = {}
        for sensor in SENSORS:
            (row,) = [r for r in rows(mine, sensor, "fvc_change_by_zone") if (r["zone"], r["from_year"], r["to_year"]) == (zone, "2020", "2024")]
            change[sensor] = float(row["change_points"])
        assert len({np.sign(v) for v in change.values()}) == 1
    said = [t for t in page.texts["en"] if "by other sensors" in t]
    assert len(said) == len(ZONES)
    assert all(t.count("(the same direction)") == 2 for t in said)
    assert sum("其他传感器" in t for t in page.texts["zh"]) == len(ZONES)


def test_a_zone_too_small_says_so_instead_of_shares(page):
    en, zh = (["".join(t.split("\u00a0")) for t in page.texts[lang]] for lang in ("en", "zh"))
    small = [t for t in en if t.startswith("The zone is too small for this sensor")]
    assert sorted(re.search(r"\((.*?) of its pixels, 100 are needed\)", t)[1] for t in small) == ["0.2", "23"]
    assert sum(t.startswith("该区对此传感器而言面积过小") for t in zh) == 2
    glance = [t for t in page.tables if t[0] == "overview 概览"][2]
    cells = {row[0]: row for row in glance[2]}
    for zone in SMALL:
        assert cells[zone][6:9] == ["–", "–", "–"]
        assert cells[zone][9:] == ["too small", "–", "–"]
    assert cells["pit"][9] == "– / 0.00"


def test_the_map_of_the_sinusoidal_raster_lies_right(mine, page):
    shown = page.data["maps"][2]
    codes, transform = raster(mine, "modis", "trend_class_2020-2024.tif")
    drawn = page.layer("class", "2020-2024", 2)
    left, dx, top, dy = shown["affine"]
    assert shown["crs"] == "WGS 84 / UTM zone 47N"
    rng, compared = np.random.default_rng(2), 0
    for column, row in zip(rng.integers(0, shown["width"], 4000), rng.integers(0, shown["height"], 4000), strict=True):
        x, y = TO_SINUSOIDAL.transform(left + (column + 0.5) * dx, top + (row + 0.5) * dy)
        c, r = (int(np.floor(v)) for v in ~transform @ (x, y))
        there = codes[r, c] if 0 <= r < codes.shape[0] and 0 <= c < codes.shape[1] else 0
        assert np.nan_to_num(drawn[row, column]) == there
        compared += there > 0
    assert compared > 1000
    for zone in shown["zones"]:  # outlines in drawn cells are the polygons in UTM
        (ring,) = zone["rings"]
        there = shapely.Polygon([(left + x * dx, top + y * dy) for x, y in ring])
        assert there.symmetric_difference(ZONES[zone["zone"]]).area < 0.02 * ZONES[zone["zone"]].area + 500
    assert shown["cell_m"] * shown["width"] == pytest.approx(shown["width"] * dx, rel=2e-3)


def test_every_layer_of_the_project_has_the_crs_of_its_raster(mine):
    with zipfile.ZipFile(mine / "many.qgz") as archive:
        project = ET.fromstring(archive.read("many.qgs").split(b"\n", 1)[1])
    assert project.findtext("projectCrs/spatialrefsys/authid") == "EPSG:32647"
    seen = set()
    for layer in project.iter("maplayer"):
        source = layer.findtext("datasource")
        if source.endswith(".tif"):
            with rasterio.open(mine / source) as dataset:
                assert pyproj.CRS.from_wkt(layer.findtext("srs/spatialrefsys/wkt")) == pyproj.CRS.from_wkt(dataset.crs.to_wkt())
            seen.add(source.split("/")[1])
    assert seen == set(SENSORS)
    groups = project.findall("layer-tree-group/layer-tree-group")
    assert {g.get("name"): g.get("checked") == "Qt::Checked" for g in groups} == {"landsat": False, "modis": False, "sentinel-2": True}


def test_workbook_zones_and_summary_hold_all_sensors(mine):
    book = pd.read_excel(mine / "tables.xlsx", sheet_name="trend_area_by_zone")
    assert dict(book["sensor"].value_counts()) == dict.fromkeys(SENSORS, 80)  # of the cells, and minus reference
    with closing(sqlite3.connect(mine / "zones.gpkg")) as database:
        found = database.execute("SELECT zone, modis_2020_2024_insufficient_pct, sentinel_2_2020_2024_increase_pct, landsat_2020_2024_p FROM zones").fetchall()
    assert {z: small for z, small, *_ in found} == {"pit": 0, "dump": 100, "meadow": 0, "speck": 100}
    assert all(value is not None for row in found for value in row)
    with closing(sqlite3.connect(mine / "zones.gpkg")) as database:
        classed = dict(database.execute("SELECT zone, modis_2020_2024_increase_pct FROM zones").fetchall())
    assert {zone for zone, share in classed.items() if share is None} == set(SMALL), "not known, and no zero"
    with (mine.parent / "summary" / "mines.csv").open(encoding="utf-8") as handle:
        summary = {r["sensor"]: r for r in csv.DictReader(handle)}
    for row in summary.values():
        assert sum(float(row[f"{g}_pct"] or 0) for g in ("increase", "decrease", "no_change", "water", "insufficient")) == pytest.approx(100)
    assert float(summary["modis"]["insufficient_pct"]) > 9
    assert float(summary["landsat"]["insufficient_pct"]) == 0
    assert main(["verify", str(mine)]) == 0


def test_check_names_the_zones_that_are_too_small(mine, capsys):
    config = mine.parents[1] / "many.yaml"
    assert main(["check", str(config), "--results", str(mine.parents[1] / "checked")]) == 0
    lines = capsys.readouterr().out.splitlines()
    (small,) = [line for line in lines if "too small for class areas, which need 100 pixels" in line]
    assert small.startswith("  warning: modis: 2 zones are")
    assert re.findall(r"(\w+) \(([\d.]+)\)", small) == [(zone, "23" if zone == "dump" else "0.2") for zone in SMALL]
    assert not any("too_small" in line for line in lines)
    assert any("modis: endmembers of sentinel-2" in line for line in lines)
    assert any(re.search(r"modis: 5 composites.*cells of 231\.656 m, (?!unknown)", line) for line in lines)
    assert len({line for line in lines if line.startswith("  trend of ")}) == 3


def test_the_workflow_makes_the_lending_sensor_first(tmp_path):
    config = ManySensors(tmp_path, sensors=("modis", "sentinel-2")).write(fvc={"endmembers_from": "sentinel-2"})
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", "--configfile", str(config), "--config", f"results={tmp_path / 'results'}"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    inputs = {m[1]: m[2] for m in re.finditer(r"files: \S+/many/([a-z0-9-]+)/endmembers\.json; Input(.*)", done.stdout + done.stderr)}
    assert set(inputs) == {"modis", "sentinel-2"}
    assert "sentinel-2/endmembers.json" in inputs["modis"]
    assert "endmembers.json" not in inputs["sentinel-2"]


# Skew grids


@pytest.mark.parametrize(
    ("crs", "x", "y", "least", "most"),
    [
        (UTM, 540_000, 4_210_000, 0, 0.01),
        (UTM, 760_000, 4_210_000, 0, 0.01),
        ("EPSG:3005", 1_000_000, 1_000_000, 0, 0.1),
        ("EPSG:3857", 11_000_000, 4_500_000, 0, 0.3),  # 1 : cos of the ellipsoid's and the sphere's latitude
        (SINUSOIDAL, 8_700_000, 4_220_000, 46, 48),  # atan(longitude x sin(latitude)) = 46.9
        (SINUSOIDAL, 0, 4_220_000, 0, 0.01),
    ],
)
def test_only_the_sinusoidal_grid_far_from_its_meridian_is_skew(crs, x, y, least, most):
    from affine import Affine

    assert least <= skew_deg(GeoBox((10, 10), Affine(100, 0, x - 500, 0, -100, y + 500), crs)) <= most
