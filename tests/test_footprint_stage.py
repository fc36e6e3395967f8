"""The evaluation `footprint` in a run: planted footprints by shapely, decoys left out, agreement with polygons, refusals, raster, report."""

import csv
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pipeline_configs import refused_config
from pyproj import Geod
from shapely.geometry import Point, box
from shapely.ops import unary_union

from pipeline import plan
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.config import load
from pipeline.config_footprint import Footprint as Asked
from pipeline.config_footprint import FootprintPolygons
from pipeline.coverage import zone_coverages
from pipeline.errors import BadInput
from pipeline.evaluation.cellareas import cell_areas_m2, cell_sides_m
from pipeline.evaluation.footprintinputs import check_footprint_inputs, polygon_share
from pipeline.evaluation.footprintmap import colour_table, footprint_qml, picture
from pipeline.evaluation.footprintseries import area_by_year
from pipeline.evaluation.footprinttable import COLUMNS, Found, Site, codes_of, footprint_of, reference_mean, year_rows
from pipeline.evaluation.yearlyareas import Panel, YearArea, area_panels, area_svg
from pipeline.grid import from_json, ground_cell_m, modis_grid
from pipeline.layout import MineFolder
from pipeline.provenance import digest, options
from pipeline.report.evaluated import evaluated
from pipeline.sheet import Words
from pipeline.words import Text

SCENES = {"sentinel-2": {"catalog": "synthetic"}}
AOI = {"path": "a.gpkg", "reference": ["background"]}
ASKED = {"bare_below": 0.1, "connectivity": 8, "distance_m": 30, "relative_below": -0.2}
YEARS = (2020, 2021, 2022, 2023, 2024)
# Rows and columns of the images, from and to, of what is planted: (first row, last row + 1, first column, last column + 1).
POOR, STRIP = (8, 18, 4, 19), (4, 10, 6, 8)
DECOY_BARE, DECOY_POOR = (10, 14, 23, 25), (22, 24, 15, 20)


def dug(i):
    """Return the excavated block of the i-th year: it grows by a column a year; it starts at row 10."""
    return (10, 16, 6, 11 + i)


def stage(mine):
    return main(["footprint", str(mine.config), "--sensor", "sentinel-2", "--results", str(mine.results)])


def rows_of(folder):
    with (folder / "footprint_by_year.csv").open(encoding="utf-8", newline="") as file:
        return {(r["year"], r["kind"]): r for r in csv.DictReader(file)}


def ground(mine, block):
    """Return a block of cells as a polygon on the ground."""
    top, bottom, left, right = block
    return box(mine.west + 10 * left, mine.north - 10 * bottom, mine.west + 10 * right, mine.north - 10 * top)


def km2(mine, polygon):
    """Return the geodesic area of a polygon of the mine's CRS."""
    lonlat = gpd.GeoSeries([polygon.segmentize(10)], crs=mine.crs).to_crs(4326).iloc[0]
    return abs(Geod(ellps="WGS84").geometry_area_perimeter(lonlat)[0]) / 1e6


def excavated(mine, i):
    return unary_union([ground(mine, dug(i)), ground(mine, STRIP)])


def affected(mine, i):
    """Return the poor ground within 30 m of the excavated cells: of the planted block every cell whose centre lies so near; cell by cell with shapely."""
    centres = [Point(mine.west + 10 * x + 5, mine.north - 10 * y - 5) for y in range(*POOR[:2]) for x in range(*POOR[2:])]
    holes = [ground(mine, (y, y + 1, x, x + 1)).centroid for b in (dug(i), STRIP) for y in range(*b[:2]) for x in range(*b[2:])]
    near = [p for p in centres if min(p.distance(h) for h in holes) <= 30 + 1e-6]
    return unary_union([p.buffer(5, cap_style="square") for p in near]) - excavated(mine, i)


@pytest.fixture
def planted(small_mine):
    """Return the small mine with a footprint that grows, bare and poor ground elsewhere, cover 0.8 around, and a gap in 2022 (reference) and 2023 (all)."""
    fvc = np.full((5, 30, 40), 0.8)
    for i in range(5):
        for block, value in ((POOR, 0.5), (DECOY_POOR, 0.5), (DECOY_BARE, 0.02), (STRIP, 0.02), (dug(i), 0.05)):
            fvc[i, slice(*block[:2]), slice(*block[2:])] = value
    ndvi = 0.05 + 0.81 * fvc
    ndvi[2, :, 25:], ndvi[3] = np.nan, np.nan
    small_mine.red, small_mine.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    small_mine.settings["grid"] = {"buffer_m": 20}
    small_mine.settings["footprint"] = dict(ASKED)
    return small_mine


def drawn(mine, polygons, name="drawn.geojson", crs=4326):
    path = mine.folder / name
    mine.folder.mkdir(exist_ok=True)
    gpd.GeoDataFrame(geometry=polygons, crs=mine.crs).to_crs(crs).to_file(path)
    return str(path)


def run(mine, *, figures=False):
    """Write the mine, run the stages that the evaluation needs, and the evaluation, by default without its figures; return the sensor's folder."""
    config, results = str(mine.write()), ["--sensor", "sentinel-2", "--results", str(mine.results)]
    with pytest.MonkeyPatch.context() as patch:
        if not figures:
            patch.setattr("pipeline.stages.footprint._draw", lambda *_: None)
        for name in ("scenes", "composite", "endmembers", "fvc", "footprint"):
            assert main([name, config, *results]) == 0, name
    return mine.results / "small" / "sentinel-2"


def test_planted_areas_are_recovered_and_decoys_are_left_out(planted):
    rows = rows_of(run(planted))
    assert tuple(next(iter(rows.values()))) == COLUMNS
    for i, year in enumerate(YEARS):
        if year == 2023:
            continue
        row, true = rows[str(year), "excavated"], km2(planted, excavated(planted, i))
        print(year, f"excavated {float(row['area_km2']) / true:.6f} of what was planted")
        assert float(row["area_km2"]) == pytest.approx(true, rel=1e-5)
        assert float(row["area_ha"]) == pytest.approx(100 * true, rel=1e-5)
        if year != 2022:
            found, poor = rows[str(year), "affected"], km2(planted, affected(planted, i))
            print(year, f"affected {float(found['area_km2']) / poor:.6f} of what was planted")
            assert float(found["area_km2"]) == float(found["possible_km2"]) == pytest.approx(poor, rel=1e-5)
    assert rows["2020", "excavated"]["cut"] == "no" and rows["2020", "affected"]["cut"] == "yes", "30 m from the strip the raster has ended"


def test_connectivity_and_boundary_decide_what_belongs_to_the_mine(planted):
    """A diagonal cell joins by its corner alone; the decoy counts where its own zone is the mine."""
    for years in (planted.red, planted.nir):
        years[:, 16, 11:13] = years[:, 12, 7:9]  # bare: row 16, columns 11 and 12, beside the corner of 2020's block
    corner = ground(planted, (16, 17, 11, 13))
    assert float(rows_of(run(planted))["2020", "excavated"]["area_km2"]) == pytest.approx(km2(planted, excavated(planted, 0)) + km2(planted, corner), rel=1e-5)
    planted.zones[0] = ("pit", ground(planted, (8, 14, 4, 15)))
    planted.settings["footprint"] |= {"connectivity": 4}
    assert float(rows_of(run(planted))["2020", "excavated"]["area_km2"]) == pytest.approx(km2(planted, excavated(planted, 0)), rel=1e-5)
    planted.zones.append(("road", ground(planted, DECOY_BARE)))
    planted.settings["footprint"] |= {"boundary": ["road"]}
    assert float(rows_of(run(planted))["2020", "excavated"]["area_km2"]) == pytest.approx(km2(planted, ground(planted, DECOY_BARE)), rel=1e-5)


def test_a_year_without_values_is_empty_and_never_zero(planted):
    rows = rows_of(run(planted))
    for kind in ("excavated", "affected"):
        row = rows["2023", kind]
        assert row["area_km2"] == row["area_ha"] == row["possible_km2"] == row["cut"] == ""
        assert row["note"] == "no cover and no water within the boundary that year"
    assert rows["2022", "affected"]["area_km2"] == "" and rows["2022", "excavated"]["area_km2"] != ""
    assert rows["2022", "affected"]["note"] == "the reference has cover on less than half of its area that year"


def test_cells_without_a_value_make_the_area_a_range(planted):
    planted.red[0, 16:18, 6:9] = np.nan
    rows, hidden = rows_of(run(planted)), ground(planted, (16, 18, 6, 9))
    row, own = rows["2020", "excavated"], km2(planted, excavated(planted, 0))
    assert float(row["area_km2"]) == pytest.approx(own, rel=1e-5)
    assert float(row["possible_km2"]) == pytest.approx(own + km2(planted, hidden), rel=1e-5)
    assert float(rows["2020", "affected"]["area_km2"]) == pytest.approx(km2(planted, affected(planted, 0) - hidden), rel=1e-5)


@pytest.mark.parametrize(("name", "crs"), [("drawn.geojson", 4326), ("drawn.gpkg", 32647), ("drawn.shp", 3857)])
def test_iou_is_that_of_shapely(planted, name, crs):
    w, n = planted.west, planted.north
    mine, around = box(w + 63, n - 158, w + 118, n - 96), [box(w + 41, n - 175, w + 100, n - 78), box(w + 90, n - 170, w + 160, n - 80)]
    first, second = drawn(planted, [mine], name, crs), drawn(planted, around, f"around-{name}", crs)
    planted.settings["footprint"]["polygons"] = [
        {"path": first, "kind": "excavated", "year": 2020},
        {"path": second, "kind": "affected", "year": 2024},
        {"path": first, "kind": "excavated", "year": 2023},
    ]
    rows = rows_of(run(planted))
    for year, kind, own, theirs in (("2020", "excavated", excavated(planted, 0), mine), ("2024", "affected", affected(planted, 4), unary_union(around))):
        expected = own.intersection(theirs).area / own.union(theirs).area
        print(name, year, kind, f"IoU {float(rows[year, kind]['iou']):.5f}, shapely {expected:.5f}")
        assert 0.1 < expected < 0.9
        assert float(rows[year, kind]["iou"]) == pytest.approx(expected, abs=2e-4)
        assert float(rows[year, kind]["polygons_km2"]) == pytest.approx(km2(planted, theirs), rel=2e-4)
    assert rows["2020", "excavated"]["polygons"] == name
    assert rows["2021", "excavated"]["iou"] == "" == rows["2021", "excavated"]["polygons"]
    assert rows["2023", "excavated"]["iou"] == "" and rows["2023", "excavated"]["polygons"] == name, "nothing is known: no agreement, and not 0"


def test_affected_area_of_the_country_by_production(planted):
    planted.settings["footprint"]["production"] = {"mines_output": 142, "national_output": 1060}
    rows = rows_of(run(planted))
    assert [year for year, kind in rows if kind == "national_affected"] == ["2024"]
    assert float(rows["2024", "national_affected"]["area_km2"]) == pytest.approx(float(rows["2024", "affected"]["area_km2"]) * 1060 / 142, rel=1e-12)
    planted.settings["footprint"]["production"]["year"] = 2022
    row = rows_of(run(planted))["2022", "national_affected"]
    assert row["area_km2"] == "" and row["note"].startswith("the reference has cover on less than half")
    planted.settings["footprint"] |= {"relative_below": -1, "production": {"mines_output": 1, "national_output": 2}}
    row = rows_of(run(planted))["2024", "national_affected"]
    assert row["area_km2"] == "" and row["note"] == "no affected ground that year"


def test_without_distance_only_excavated_ground_is_told(planted):
    planted.settings["footprint"] = {"bare_below": 0.1, "connectivity": 8}
    planted.settings["aoi"]["reference"] = []
    planted.settings["footprint"]["boundary"] = ["pit"]
    assert {kind for _, kind in rows_of(run(planted))} == {"excavated"}


def test_the_raster_holds_the_last_year_that_is_known(planted):
    planted.settings["years"]["last"] = 2023
    folder = run(planted, figures=True)
    with rasterio.open(folder / "footprint.tif") as dataset:
        codes, tags, colours = dataset.read(1), dataset.tags(), dataset.colormap(1)
        assert (dataset.dtypes[0], dataset.nodata, dataset.descriptions[0]) == ("uint8", 0, "footprint")
    assert tags["year"] == "2022" and "bare below 0.1" in tags["rule"] and str(planted.folder) not in str(tags)
    assert colours[1] == (179, 88, 6, 255)
    expected = np.zeros((24, 37), np.uint8)  # rows 3 to 26 and columns 0 to 36 of the images
    for top, bottom, left, right in (dug(2), STRIP):
        expected[top - 3 : bottom - 3, left:right] = 1
    np.testing.assert_array_equal(np.where(codes == 1, 1, 0), expected)
    assert set(np.unique(codes)) <= {0, 1, 3}
    labels = {e.get("value"): e.get("label") for e in ET.parse(folder / "footprint.qml").iter("paletteEntry")}
    assert labels == {"1": "excavated 挖损", "2": "affected 受影响", "3": "may be either 可能属于其中之一"}
    for name in ("footprint.png", "footprint_by_year.png"):
        assert (folder / name).stat().st_size > 20_000


def test_no_year_at_all_is_told_as_such(planted):
    planted.settings["years"] = {"first": 2020, "last": 2024}
    planted.zones[0] = ("pit", ground(planted, (6, 9, 22, 24)))
    for images in (planted.red, planted.nir):
        images[:, :, 20:25] = np.nan
    folder = run(planted)
    assert all(row["area_km2"] == "" for row in rows_of(folder).values())
    with rasterio.open(folder / "footprint.tif") as dataset:
        assert (dataset.read(1) == 3).all(), "nothing is known of any cell"
    config = load(planted.config)
    (part,) = evaluated(config, read_zones(config, planted.config), "sentinel-2", MineFolder(planted.results, "small").sensor("sentinel-2"))
    assert part.lead[0].en == "In no year is enough of the boundary seen."


def test_the_report_tells_what_the_table_says(planted):
    planted.settings["footprint"] |= {
        "polygons": [{"path": drawn(planted, [excavated(planted, 0)]), "kind": "excavated", "year": 2020}],
        "production": {"mines_output": 142, "national_output": 1060},
    }
    rows = rows_of(run(planted))
    config = load(planted.config)
    (part,) = evaluated(config, read_zones(config, planted.config), "sentinel-2", MineFolder(planted.results, "small").sensor("sentinel-2"))
    assert (part.key, part.tables[0].name, len(part.tables[0].rows)) == ("footprint", "footprint_by_year", 11)
    first, last = (float(rows[year, "excavated"]["area_km2"]) for year in ("2020", "2024"))
    assert part.lead[0].en == f"Excavated, 2024: {last:.4g} km2; 2020: {first:.4g} km2."
    assert any("intersection over union 1.00" in text.en for text in part.lead)
    assert any("if every ton affects the same area" in text.en for text in part.lead)
    assert all(re.search(r"[\u4e00-\u9fff]", text.zh) for text in (*part.lead, *part.warnings, *part.notes, part.title))
    assert "lower bounds" in part.warnings[0].en
    assert len(part.figures) == 2
    for figure in part.figures:
        assert figure.svg.count("<rect") >= 3 and "×" in figure.svg
        ET.fromstring(figure.svg)
    assert json.dumps([h.meaning for h in part.tables[0].headings])


def test_yearly_bars_hold_the_numbers_and_any_name():
    years = [YearArea(2020, 2.0, 3.0), YearArea(2021, None, None), YearArea(2022, 4.0, 500.0), YearArea(2023, 0.0, 0.0)]
    panel = Panel(Text("<b>pit</b>", "<b>坑</b>"), "#123456", years)
    svg = area_svg(panel, "km2", panel.name)
    root = ET.fromstring(svg)
    bars = [e for e in root.iter() if e.tag.endswith("rect") and e.get("fill") == "#123456"]
    heights = [float(b.get("height")) for b in bars]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.1), "bars are proportional to areas; none for 0 and for what is not known"
    assert len(bars) == 2 and svg.count("×") == 1 and "<b>" not in svg
    assert "2022: 4 km2 … 500 km2" in svg
    assert panel.top == pytest.approx(4.4) and panel.missing() == [2021]
    figure = area_panels([panel], "km2", Words("title", (), ()), "nothing")
    drawn_bars = [p.get_height() for p in figure.axes[1].patches]
    assert drawn_bars[4:] == [2, 0, 4, 0] and drawn_bars[:4] == [3, 0, panel.top, 0]
    empty = area_panels([], "km2", Words("title", (), ()), "No zone has water.")
    assert any(t.get_text() == "No zone has water." for t in empty.axes[0].texts)
    assert Panel(Text("", ""), "", [YearArea(2020, None, None)]).top == 1


def test_water_is_neither_bare_nor_affected_nor_unknown():
    fvc = np.array([[0.0, np.nan, 0.0, np.nan, 0.8]])
    wet = np.array([[False, True, False, False, False]])
    site = Site(np.array([[True, False, False, False, False]]), np.full((1, 5), 100.0), (10.0, 10.0))
    asked = Asked(bare_below=0.1, connectivity=4, distance_m=100, relative_below=-0.1)
    found = footprint_of(fvc, wet, 0.8, site, asked)
    assert found.excavated.cells.tolist() == found.excavated.possible.tolist() == [[True, False, False, False, False]], "water parts bare ground"
    assert found.affected.cells.tolist() == [[False, False, True, False, False]]
    assert found.affected.possible.tolist() == [[False, False, True, True, False]]
    assert codes_of(found, (1, 5)).tolist() == [[1, 0, 2, 3, 0]]
    assert footprint_of(fvc, ~wet, 0.8, Site(np.ones((1, 5), bool), site.area_m2, site.cell_m), asked).excavated is not None


def test_a_reference_counts_by_area_and_not_below_half_of_it():
    fvc, area = np.array([0.5, 0.8, np.nan]), np.array([50.0, 100.0, 150.0])
    assert reference_mean(fvc, area) == pytest.approx((0.5 * 50 + 0.8 * 100) / 150)
    assert reference_mean(fvc, np.array([50.0, 100.0, 151.0])) is None
    assert year_rows(Found(None, None, "why"), 2020, None, Asked(bare_below=0.1, connectivity=4), {}, 2024)[0]["note"] == "why"


@pytest.mark.parametrize("crs", ["EPSG:32647", "EPSG:3857", "EPSG:6933"])
def test_areas_and_sides_of_cells_are_those_on_the_ground(small_mine, crs):
    """Against the coverage of zones, which is scaled to their geodesic area, and geodesics by hand."""
    small_mine.write()
    config = load(small_mine.config)
    zones = read_zones(config, small_mine.config)
    west, south, east, north = zones.frame.to_crs(crs).total_bounds
    grid = from_json(
        {"crs": crs, "transform": [9.0, 0, west - 40, 0, -9.0, north + 40], "height": int((north - south) / 9) + 9, "width": int((east - west) / 9) + 9}
    )
    areas = cell_areas_m2(grid)
    assert areas.shape == grid.shape
    for c in zone_coverages(zones, grid):
        whole = c.area_m2 > 0.999 * c.area_m2.max()
        np.testing.assert_allclose(areas[c.rows, c.cols][whole], c.area_m2[whole], rtol=2e-4)
        assert areas[c.rows, c.cols][whole].mean() == pytest.approx(c.area_m2[whole].mean(), rel=1e-4)
    down, across = cell_sides_m(grid)
    near = crs == "EPSG:32647"  # true to 1 %: the grid's own
    assert (down, across) == (9, 9) or not near
    assert down * across == pytest.approx(areas.mean(), rel=2e-3 if near else 1e-4) == pytest.approx(ground_cell_m(grid) ** 2, rel=0.02)
    lon, lat = gpd.GeoSeries([Point(west, south), Point(west, south + 9), Point(west + 9, south)], crs=crs).to_crs(4326).get_coordinates().to_numpy().T
    assert down == pytest.approx(Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2], rel=1e-3)
    assert across == pytest.approx(Geod(ellps="WGS84").inv(lon[0], lat[0], lon[2], lat[2])[2], rel=1e-3)


def test_slanted_cells_and_too_many_are_refused(small_mine):
    small_mine.settings["footprint"] = dict(ASKED)
    config = load(small_mine.write())
    zones, whole = read_zones(config, small_mine.config), modis_grid()
    slanted = whole[5 * 4800 + 800 : 5 * 4800 + 820, 26 * 4800 : 26 * 4800 + 20]
    assert cell_sides_m(slanted) is None
    with pytest.raises(BadInput, match="slanted cells of sentinel-2"):
        check_footprint_inputs(config, "x.yaml", zones, {"sentinel-2": slanted})
    with pytest.raises(BadInput, match="at most 200,000,000"):
        check_footprint_inputs(config, "x.yaml", zones, {"sentinel-2": whole})


def test_colours_are_the_same_everywhere():
    codes = np.array([[1, 2, 3, 0]])
    assert [tuple(c) for c in picture(codes, np.full((1, 4), np.nan))[0]] == [colour_table()[c][:3] for c in (1, 2, 3, 0)]
    assert all("#{:02x}{:02x}{:02x}".format(*colour_table()[c][:3]) in footprint_qml() for c in (1, 2, 3))
    rows = [{"year": "2020", "kind": "excavated", "area_km2": "1.5", "possible_km2": ""}]
    assert [(p.label.en, p.years[0].area) for p in area_by_year(rows)] == [("excavated", 1.5)]


def refusal(mine):
    """Return the error of preflight, which must not have written anything; the stage refuses the same."""
    with pytest.raises(BadInput) as caught:
        plan.make([str(mine.config)], {"results": str(mine.results)})
    assert caught.value.exit_code == 2
    assert not mine.results.exists()
    return caught.value


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("none", "no such file"),
        ("text", "content that is not .geojson"),
        ("points", "Point"),
        ("bow tie", "invalid: Self-intersection"),
        ("empty", "no features"),
        ("far", "polygons that reach beyond the grid"),
        ("no crs", "no coordinate reference system"),
    ],
)
def test_polygons_that_cannot_be_used_are_refused_before_anything_runs(planted, content, found):
    from shapely import Polygon

    planted.write()
    path = planted.folder / ("drawn.shp" if content == "no crs" else "drawn.geojson")
    w, n = planted.west, planted.north
    shapes = {"points": [Point(w + 100, n - 100)], "bow tie": [Polygon([(w + 60, n - 60), (w + 90, n - 90), (w + 90, n - 60), (w + 60, n - 90)])]}
    shapes |= {"far": [box(w + 100, n - 500, w + 150, n - 100)], "no crs": [box(w + 60, n - 90, w + 90, n - 60)], "empty": []}
    if content in shapes:
        drawn(planted, shapes[content], path.name, planted.crs if content == "no crs" else 4326)
    if content == "no crs":
        path.with_suffix(".prj").unlink()
    if content == "text":
        path.write_text("polygons", encoding="utf-8")
    planted.settings["footprint"]["polygons"] = [{"path": str(path), "kind": "excavated", "year": 2020}]
    planted.write_config()
    error = refusal(planted)
    assert found in error.found and "footprint.polygons.0.path" in error.field and error.fix


def test_polygons_in_a_local_crs_are_refused(tmp_path):
    path = tmp_path / "drawn.gpkg"
    gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)], crs='LOCAL_CS["mine grid",UNIT["metre",1]]').to_file(path)
    grid = GeoBox((9, 9), Affine(30, 0, 540_000, 0, -30, 4_210_000), "EPSG:32647")
    with pytest.raises(BadInput, match="no place on the Earth") as caught:
        polygon_share(FootprintPolygons(path=str(path), kind="excavated", year=2020), 0, grid)
    assert (caught.value.where, caught.value.field) == (str(path), "footprint.polygons.0.path")


@pytest.mark.parametrize(
    ("shape", "crs", "found", "row"),
    [
        ("projected", 4326, "latitude 4.21", 2),
        ("swapped", 4326, "latitude 99.5", 2),
        ("east", 4326, "longitude 540", 2),
        ("pole", 4490, "latitude -91", 2),
        ("beyond its CRS", 32647, "coordinates outside its CRS", 2),
        ("other side", 4326, "polygons that reach beyond the grid", None),
    ],
)
def test_polygons_whose_coordinates_are_not_of_their_crs_are_refused(planted, shape, crs, found, row):
    planted.write()
    w, n = planted.west, planted.north
    other = {
        "projected": box(w + 60, n - 90, w + 90, n - 60),
        "swapped": box(38.0, 99.4, 38.1, 99.5),
        "east": box(540.0, 38.0, 540.1, 38.1),
        "pole": box(99.4, -91, 99.5, -89),
        "beyond its CRS": box(1e9, 1e9, 1e9 + 100, 1e9 + 100),
        "other side": box(-171.0, 1.0, -170.9, 1.1),
    }[shape]
    inside = gpd.GeoSeries([box(w + 60, n - 90, w + 90, n - 60)], crs=planted.crs).to_crs(crs).iloc[0]
    path = planted.folder / "drawn.gpkg"
    gpd.GeoDataFrame(geometry=[inside, other], crs=crs).to_file(path)
    planted.settings["footprint"]["polygons"] = [{"path": str(path), "kind": "excavated", "year": 2020}]
    planted.write_config()
    error = refusal(planted)
    assert error.where == str(path)
    assert error.field == "footprint.polygons.0.path" + (f", row {row}" if row else "")
    assert error.found.startswith(found) and error.expected and error.fix


def test_a_geojson_of_projected_coordinates_without_crs_is_refused(planted):
    planted.write()
    path = drawn(planted, [excavated(planted, 0)], crs=planted.crs)
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    del content["crs"]
    Path(path).write_text(json.dumps(content), encoding="utf-8")
    planted.settings["footprint"]["polygons"] = [{"path": path, "kind": "excavated", "year": 2020}]
    planted.write_config()
    error = refusal(planted)
    assert (error.where, error.field) == (path, "footprint.polygons.0.path, row 1")
    assert error.found.startswith("latitude 4.21") and "longitude and latitude" in error.fix


def test_zones_that_cannot_be_the_mine_are_refused(planted):
    planted.write()
    for names, found in ((["pitt"], "pitt"), (["background"], "background")):
        planted.settings["footprint"]["boundary"] = names
        if names == ["background"]:
            planted.settings["aoi"] |= {"reference": [], "zones": {"pit": {"reference": ["background"]}}}
        planted.write_config()
        error = refusal(planted)
        assert error.field == "footprint.boundary" and found in error.found
    del planted.settings["footprint"]["boundary"]
    planted.settings["aoi"] |= {"reference": ["pit", "background"], "zones": {}}
    planted.write_config()
    assert refusal(planted).found == "every zone is a reference"


MANY = [{"path": f"{name}.gpkg", "kind": "excavated", "year": 2020} for name in "ab"]


@pytest.mark.parametrize(
    ("given", "aoi", "part"),
    [
        ({}, AOI, "footprint.bare_below"),
        (ASKED | {"connectivity": 6}, AOI, "footprint.connectivity"),
        (ASKED | {"bare_below": 0}, AOI, "footprint.bare_below"),
        (ASKED | {"relative_below": 0.1}, AOI, "footprint.relative_below"),
        (ASKED | {"distance_m": -1}, AOI, "footprint.distance_m"),
        ({"bare_below": 0.1, "connectivity": 4, "distance_m": 100}, AOI, "footprint.distance_m"),
        ({"bare_below": 0.1, "connectivity": 4, "relative_below": -0.1}, AOI, "footprint.relative_below"),
        (ASKED, {"path": "a.gpkg"}, "footprint.relative_below"),
        (ASKED | {"boundary": []}, AOI, "footprint.boundary"),
        (ASKED | {"boundary": ["background"]}, AOI, "footprint.boundary"),
        (ASKED | {"polygons": MANY}, AOI, "footprint.polygons.1"),
        (ASKED | {"polygons": [MANY[0] | {"year": 2019}]}, AOI, "footprint.polygons.0.year"),
        (ASKED | {"polygons": [MANY[0] | {"kind": "mined"}]}, AOI, "footprint.polygons"),
        ({"bare_below": 0.1, "connectivity": 4, "polygons": [MANY[0] | {"kind": "affected"}]}, AOI, "footprint.polygons.0.kind"),
        ({"bare_below": 0.1, "connectivity": 4, "production": {"mines_output": 1, "national_output": 2}}, AOI, "footprint.production"),
        (ASKED | {"production": {"mines_output": 3, "national_output": 2}}, AOI, "footprint.production.mines_output"),
        (ASKED | {"production": {"mines_output": 0, "national_output": 2}}, AOI, "footprint.production.mines_output"),
        (ASKED | {"production": {"mines_output": 1, "national_output": 2, "year": 2025}}, AOI, "footprint.production.year"),
        (ASKED | {"sensors": ["landsat"]}, AOI, "footprint.sensors"),
        (ASKED | {"bare": 0.1}, AOI, "footprint.bare"),
    ],
)
def test_faults_are_refused_with_their_key(given, aoi, part, tmp_path):
    error = refused_config(tmp_path, SCENES, footprint=given, aoi=aoi)
    assert error.field.startswith(part)
    assert all([error.found, error.expected, error.fix])


def test_a_file_of_polygons_is_an_input_and_its_path_is_in_no_digest(planted):
    path = drawn(planted, [excavated(planted, 0)])
    planted.settings["footprint"]["polygons"] = [{"path": path, "kind": "excavated", "year": 2020}]
    made = plan.make([str(planted.write())], {"results": str(planted.results)})
    assert path in made.evaluated("small", "sentinel-2", "footprint")
    names = {p.rsplit("/", 1)[1] for p in made.sensor_products("small", "sentinel-2")}
    assert {"footprint_by_year.csv", "footprint_by_year.png", "footprint.png", "footprint.tif", "footprint.qml"} <= names
    before = digest(options(load(planted.config), "footprint", "sentinel-2"), with_files=False)
    planted.settings["footprint"]["polygons"][0]["path"] = drawn(planted, [excavated(planted, 0)], "other.geojson")
    planted.write_config()
    assert digest(options(load(planted.config), "footprint", "sentinel-2"), with_files=False) == before
