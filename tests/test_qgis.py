"""QGIS: project, zones and styles say the same, in any folder, with any name; and QGIS itself agrees where it is installed."""

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
import yaml
from affine import Affine
from conftest import REQUIRED, SmallMine
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from pipeline import config as configs
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.classes import GROUPS, LEGEND
from pipeline.evaluation.footprintmap import footprint_qml
from pipeline.layout import MineFolder
from pipeline.plan import Plan
from pipeline.qgis import Layer, groups, project_xml
from pipeline.styles import RAMPS, continuous_qml, stops, year_qml

NAMES = ["<img src=x onerror=alert(1)>", '=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")', "江" * 60, "background"]
PROBE = Path(__file__).with_name("qgis_probe.py")


def finish(mine):
    """Run the stages of the whole mine, and return its folder."""
    for stage in ("zones", "project"):
        assert main([stage, str(mine.config), "--results", str(mine.results)]) == 0
    return mine.results / "small"


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A finished mine of zones with awkward names, one of them without any image; nobody may change its files."""
    mine = SmallMine(tmp_path_factory.mktemp("named"))
    w, n = mine.west, mine.north
    mine.zones = [(name, box(w + 70 * i + 10, n - 250, w + 70 * i + 60, n - 50)) for i, name in enumerate(NAMES)]
    mine.settings["aoi"]["zones"] = {NAMES[0]: {"role": "pit"}, NAMES[3]: {"role": "dump"}}
    mine.settings["title"] = '<b>&"江仓'
    mine.settings["trend"] = {"periods": [[2021, 2024], [2020, 2024]]}
    mine.red[:, :, 14:21] = float("nan")
    mine.run()
    finish(mine)
    return mine


@pytest.fixture(scope="module")
def root(named):
    return named.results / "small"


def xml(root):
    with zipfile.ZipFile(root / f"{root.name}.qgz") as archive:
        (entry,) = archive.infolist()
        assert (entry.filename, entry.date_time) == (f"{root.name}.qgs", (1980, 1, 1, 0, 0, 0))
        return ET.fromstring(archive.read(entry))


def tree(node):
    """Return the layer tree as [name, checked, expanded, children]."""
    kinds = {"layer-tree-group", "layer-tree-layer"}
    children = [tree(c) for c in node if c.tag in kinds]
    return [node.get("name"), node.get("checked") == "Qt::Checked", node.get("expanded") == "1", children]


def test_zones_lie_on_top_then_the_periods_the_first_of_them_visible_then_the_years(root):
    zones, sensor = tree(xml(root).find("layer-tree-group"))[3]
    assert zones == ["zones", True, True, []]
    assert sensor[:3] == ["sentinel-2", True, True]
    assert [part[:3] for part in sensor[3]] == [["2021-2024", True, True], ["2020-2024", False, False], ["cover", False, False], ["NDVI", False, False]]
    for part in sensor[3][:2]:
        assert [layer[:2] for layer in part[3]] == [
            [what.format(less, part[0]), what.startswith("trend class{} ") and not less]
            for less in ("", " minus reference")
            for what in ("trend class{} {}", "slope of FVC{} per year {}", "q{} {}")
        ]
    assert [layer[:2] for layer in sensor[3][2][3]] == [[f"cover {y}", False] for y in range(2020, 2025)]
    assert [layer[:2] for layer in sensor[3][3][3]] == [[f"NDVI {y}", False] for y in range(2020, 2025)]


def test_every_raster_is_in_the_project_once_by_a_path_from_the_project(named, root):
    project = xml(root)
    sources = [layer.findtext("datasource") for layer in project.iter("maplayer")]
    assert sources == [leaf.get("source") for leaf in project.iter("layer-tree-layer")]
    assert sorted(sources) == sorted(["./zones.gpkg|layername=zones", *(f"./{p.relative_to(root)}" for p in root.rglob("*.tif"))])
    planned = Plan(named.results, {"small": (named.config, configs.load(named.config))}, {}).targets()
    assert {str(root / "zones.gpkg"), str(root / "small.qgz")} < set(planned)
    assert {str(p.with_suffix(".qml")) for p in root.rglob("*.tif")} < set(planned)
    text = ET.tostring(project, encoding="unicode")
    assert str(named.folder) not in text
    assert project.find("properties/Paths/Absolute").text == "false"


def test_the_project_draws_each_raster_as_its_own_style_does(root):
    for layer in xml(root).iter("maplayer"):
        if layer.get("type") == "raster":
            style = ET.parse((root / layer.findtext("datasource")).with_suffix(".qml")).find("pipe")
            assert ET.canonicalize(ET.tostring(layer.find("pipe")), strip_text=True) == ET.canonicalize(ET.tostring(style), strip_text=True)


def test_rasters_of_evaluations_are_layers_with_their_own_style(named):
    given = {"breaks": {}, "climate": {"precipitation": "rain.csv"}, "footprint": {"bare_below": 0.2, "connectivity": 8}}
    raw = yaml.safe_load(named.config.read_text(encoding="utf-8"))
    paths = {}
    for first in (2013, 2020):
        own = configs.Config.model_validate_json(json.dumps(raw | given | {"years": {"first": first, "last": 2024}}))
        (sensor,) = groups(own, MineFolder(named.results, "small"), "sentinel-2", ())
        found = {part.path.name: part for part in sensor.content if isinstance(part, Layer)}
        paths[first] = list(found)
        styles = {"footprint.tif": footprint_qml(), "residual_trend.tif": continuous_qml("slope"), "breaks.tif": year_qml(*own.breaks.shown_years(own))}
        for name, layer in found.items():
            assert not layer.visible
            assert ET.canonicalize(ET.tostring(layer.pipe), strip_text=True) == ET.canonicalize(
                ET.tostring(ET.fromstring(styles[name]).find("pipe")), strip_text=True
            )
    assert paths == {2013: ["footprint.tif", "residual_trend.tif", "breaks.tif"], 2020: ["footprint.tif", "breaks.tif"]}


def test_each_layer_has_an_id_that_qgis_keeps_and_stands_in_the_order(root):
    project = xml(root)
    ids = [layer.findtext("id") for layer in project.iter("maplayer")]
    assert ids == [leaf.get("id") for leaf in project.iter("layer-tree-layer")] == [e.get("id") for e in project.iterfind("layerorder/layer")]
    assert len(set(ids)) == len(ids)
    assert min(map(len, ids)) > 10


def test_no_zone_name_is_in_the_project_and_its_title_is_text(root):
    project = xml(root)
    text = ET.tostring(project, encoding="unicode")
    assert not any(name in text for name in NAMES[:4])
    assert project.findtext("title") == project.get("projectname") == '<b>&"江仓'


def built(named, grids, synthetic=(), **changes):
    config = configs.load(named.config).model_copy(update=changes)
    zones = read_zones(config, named.config)
    return ET.fromstring(project_xml(config, MineFolder(Path("r"), "small"), grids, zones, synthetic))


def grid(crs):
    return GeoBox((30, 40), Affine(10, 0, 540_000, 0, -10, 4_210_300), crs)


def test_characters_that_xml_cannot_hold_are_left_out_of_the_title(named):
    assert built(named, {"sentinel-2": grid("EPSG:32647")}, title="a\x01b\ufffec\ud800\U0001f331").findtext("title") == "abc\U0001f331"


def test_two_sensors_are_two_groups_and_the_project_has_the_crs_of_the_first(named):
    entry = configs.load(named.config).sensors["sentinel-2"]
    project = built(named, {"s2": grid("EPSG:32647"), "other": grid("EPSG:32648")}, sensors={"s2": entry, "other": entry})
    assert project.findtext("projectCrs/spatialrefsys/authid") == "EPSG:32647"
    assert [g[:3] for g in tree(project.find("layer-tree-group"))[3]] == [["zones", True, True], ["s2", True, True], ["other", False, False]]
    of = {layer.findtext("datasource").split("/")[1]: layer.findtext("srs/spatialrefsys/authid") for layer in project.iter("maplayer")}
    assert (of["s2"], of["other"]) == ("EPSG:32647", "EPSG:32648")


def test_the_finest_of_several_sensors_gives_the_project_its_crs_and_a_skew_one_never(named):
    entry = configs.load(named.config).sensors["sentinel-2"]
    coarse = GeoBox((4, 5), Affine(231.656, 0, 8_700_000, 0, -231.656, 4_220_000), "+proj=sinu +R=6371007.181 +units=m")
    project = built(named, {"m": coarse, "s2": grid("EPSG:32647")}, sensors={"m": entry, "s2": entry})
    assert project.findtext("projectCrs/spatialrefsys/authid") == "EPSG:32647"
    assert [g[:3] for g in tree(project.find("layer-tree-group"))[3]] == [["zones", True, True], ["m", False, False], ["s2", True, True]]
    of = {layer.findtext("datasource").split("/")[1]: layer.findtext("srs/spatialrefsys/wkt") for layer in project.iter("maplayer")}
    assert "Sinusoidal" in of["m"]
    alone = built(named, {"m": coarse}, sensors={"m": entry})
    assert alone.findtext("projectCrs/spatialrefsys/authid").startswith("EPSG:326")
    west, east = (float(alone.findtext(f"mapcanvas/extent/{name}")) for name in ("xmin", "xmax"))
    assert 100_000 < west < east < 900_000


def test_a_crs_without_a_code_is_given_by_its_wkt(named):
    project = built(named, {"sentinel-2": grid("+proj=laea +lat_0=38 +lon_0=99 +x_0=540000 +y_0=4210000 +units=m +type=crs")})
    crs = project.find("projectCrs/spatialrefsys")
    assert crs.find("authid") is None
    assert "Lambert Azimuthal Equal Area" in crs.findtext("wkt")


def test_observations_of_scenes_have_a_group_and_the_season_their_range(named):
    config = configs.load(Path("configs/jiangcang.yaml"))
    entry = config.sensors["sentinel-2"]
    project = built(named, {"sentinel-2": grid("EPSG:32647")}, ["sentinel-2"], sensors={"sentinel-2": entry})
    sensor = tree(project.find("layer-tree-group"))[3][1]
    assert sensor[0] == "sentinel-2 (SYNTHETIC DATA, not observed)"
    assert sensor[3][-1][:3] == ["observations", False, False]
    assert len(sensor[3][-1][3]) == 20
    (day,) = [layer for layer in project.iter("maplayer") if layer.findtext("layername") == "mean day of year 2022"]
    assert [i.get("value") for i in day.iter("item")] == ["182.0", "197.5", "213.0", "228.5", "244.0"]


def test_names_are_whole_and_as_they_are_in_the_geopackage(named, root):
    frame = gpd.read_file(root / "zones.gpkg", layer="zones")
    assert list(frame["zone"]) == NAMES
    assert list(frame["role"]) == ["pit", "zone", "zone", "dump", "reference"]
    assert frame.crs == "EPSG:32647"
    assert frame.geometry.geom_equals(gpd.GeoSeries([z[1] for z in named.zones], crs=32647)).all()
    zones = read_zones(configs.load(named.config), named.config).frame
    assert list(frame["area_km2"]) == pytest.approx(list(zones["geodesic_m2"] / 1e6))


def rows(root, table, **where):
    with (root / "sentinel-2" / f"{table}.csv").open(encoding="utf-8", newline="") as handle:
        return [r for r in csv.DictReader(handle) if all(r[k] == v for k, v in where.items())]


@pytest.mark.parametrize(("first", "last"), [("2021", "2024"), ("2020", "2024")])
def test_the_columns_of_each_period_are_those_of_the_tables_and_what_is_not_known_is_null(root, first, last):
    period = {"first_year": first, "last_year": last}
    expected = {"fvc_first": ("fvc_change_by_zone", {"from_year": first, "to_year": last}, "fvc_from")}
    expected["fvc_last"] = (*expected["fvc_first"][:2], "fvc_to")
    expected["change_points"] = (*expected["fvc_first"][:2], "change_points")
    for target, of in (("absolute", ""), ("relative", "relative_")):
        these = period | {"target": target}
        for group in GROUPS:
            expected[f"{of}{group}_pct"] = ("trend_groups_by_zone", these | {"level": "zone", "group": group}, "share_pct")
        for name in ("slope", "p", "p_min", "p_s_mean"):
            expected[f"{of}{name}"] = ("trend_by_zone", these, name)
    with sqlite3.connect(root / "zones.gpkg") as database:
        for name, (table, where, column) in expected.items():
            got = [v for (v,) in database.execute(f'SELECT "sentinel_2_{first}_{last}_{name}" FROM zones ORDER BY fid')]
            assert got == [float(r[column]) if r[column] else None for r in rows(root, table, **where)], name
            assert name != "increase_pct" or None not in got
            assert name != "water_pct" or set(got) == {None}  # composites do not tell it
            if name in {"slope", "fvc_last"}:
                assert got[2] is None  # a zone without any image
                assert got[0] is not None
        columns = [r[1] for r in database.execute("PRAGMA table_info(zones)")]
        assert len([c for c in columns if c.startswith(f"sentinel_2_{first}_{last}_")]) == len(expected)


def test_the_geopackage_carries_the_style_that_the_project_has(root):
    with sqlite3.connect(root / "zones.gpkg") as database:
        database.row_factory = sqlite3.Row
        (row,) = database.execute("SELECT * FROM layer_styles")
        (column,) = database.execute("SELECT column_name FROM gpkg_geometry_columns WHERE table_name = 'zones'").fetchone()
        (kind,) = database.execute("SELECT data_type FROM gpkg_contents WHERE table_name = 'layer_styles'").fetchone()
    assert (row["f_table_name"], row["f_geometry_column"], row["useAsDefault"], kind) == ("zones", column, 1, "attributes")
    style = ET.fromstring(row["styleQML"])
    (layer,) = [e for e in xml(root).iter("maplayer") if e.get("type") == "vector"]
    assert style.get("labelsEnabled") == layer.get("labelsEnabled") == "1"
    for tag in ("renderer-v2", "labeling", "mapTip", "previewExpression"):
        found = [ET.canonicalize(ET.tostring(e.find(tag)), strip_text=True) for e in (style, layer)]
        assert found[0] == found[1]
    assert [c.get("value") for c in style.iter("category")] == ["pit", "zone", "dump", "reference"]
    text = style.find("labeling/settings/text-style")
    assert (text.get("fieldName"), text.get("isExpression"), text.get("allowHtml")) == ("zone", "0", "0")


def test_equal_input_gives_equal_bytes_and_leaves_nothing_else(named, root):
    before = {p.name: p.read_bytes() for p in (root / "zones.gpkg", root / "small.qgz")}
    finish(named)
    assert {name: (root / name).read_bytes() for name in before} == before
    assert sorted(p.name for p in root.iterdir()) == ["sentinel-2", "small.qgz", "zones.gpkg"]


def test_tables_of_other_zones_are_a_fault(named, tmp_path, capsys):
    shutil.copytree(named.results, tmp_path / "results")
    table = tmp_path / "results" / "small" / "sentinel-2" / "trend_by_zone.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("background", "another"), encoding="utf-8")
    kept = (tmp_path / "results" / "small" / "zones.gpkg").read_bytes()
    assert main(["zones", str(named.config), "--results", str(tmp_path / "results")]) == 3
    assert "run again" in capsys.readouterr().err
    assert (tmp_path / "results" / "small" / "zones.gpkg").read_bytes() == kept


# what QGIS makes of it


@pytest.fixture(scope="session")
def python_with_qgis():
    """A Python that can import QGIS; absent: the test is skipped, or fails where MINEGREEN_REQUIRE names `qgis`."""
    tried = [p for p in (os.environ.get("MINEGREEN_QGIS_PYTHON"), "/usr/bin/python3", "python3") if p and shutil.which(p)]
    for python in tried:
        if subprocess.run([python, "-c", "import qgis.core"], env=plain(), capture_output=True, check=False).returncode == 0:
            return python
    reason = f"no Python with QGIS among {tried}; MINEGREEN_QGIS_PYTHON can name one"
    if "qgis" in REQUIRED:
        pytest.fail(f"MINEGREEN_REQUIRE names qgis, but {reason}")
    return pytest.skip(reason)


def plain(**more):
    """Return an environment without this Python's paths."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") and k != "VIRTUAL_ENV"} | {"QT_QPA_PLATFORM": "offscreen"} | more


def probe(python, results, folder):
    """Return what QGIS makes of a copy of results/<mine>/ in another folder, after checking that it changed nothing there."""
    moved = folder / "moved elsewhere"
    shutil.copytree(results, moved, ignore=shutil.ignore_patterns("synthetic", "logs", "*.csv", "*.json"))
    before = {p: p.read_bytes() for p in moved.rglob("*") if p.is_file()}
    home = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    done = subprocess.run(
        [python, str(PROBE), str(moved), str(folder / "map.png")], env=plain(**home), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert {p: p.read_bytes() for p in moved.rglob("*") if p.is_file()} == before
    found = json.loads(done.stdout)
    assert all(str(moved) in source for source in found["sources"])
    return found


def expected_entries(name, scheme, season):
    """Return what QGIS must list for a raster: the classes of LEGEND or the stops of its ramp, and nothing more."""
    if "_class_" in name:
        return [[c.code, c.colour, f"{c.label} {c.label_zh}"] for c in LEGEND if c.code and scheme in c.schemes]
    ramp = "q" if "_q_" in name else "slope" if name.startswith("trend") else name.split("_")[0]
    assert ramp in RAMPS
    return [list(s) for s in stops(ramp, season if ramp == "doy" else None)]


def check(found, scheme, season=None):
    for path, raster in found["rasters"].items():
        name = Path(path).stem
        kind = "paletted" if "_class_" in name else "singlebandpseudocolor"
        assert (raster["valid"], raster["renderer"], raster["crs"]) == (True, kind, "EPSG:32647"), path
        assert raster["entries"] == expected_entries(name, scheme, season), path
        assert found["layers"]["minegreen_" + path.removesuffix(".tif").replace("/", "_").replace("-", "_")] == raster
    assert found["layers"]["minegreen_zones"] == found["zones"]
    assert len(found["layers"]) == len(found["rasters"]) + 1
    assert found["order"] == list(dict.fromkeys(["minegreen_zones", *found["order"]]))
    assert sorted(found["order"]) == sorted(found["layers"])
    assert (found["read"], found["crs"]) == (True, "EPSG:32647")
    assert found["zones"]["valid"]
    assert found["zones"]["renderer"] == "categorizedSymbol"
    assert found["zones"]["label"] == ["zone", False, False]


def test_qgis_opens_every_raster_styled_and_the_moved_project_with_all_its_layers(python_with_qgis, jiangcang, tmp_path):
    from matplotlib.colors import to_rgb
    from matplotlib.image import imread

    found = probe(python_with_qgis, jiangcang.results / "jiangcang", tmp_path)
    assert len(found["rasters"]) == 42
    check(found, "seven", (182, 244))
    zones, sensor = found["tree"][4]
    shown = [layer[0] for part in sensor[4] for layer in part[4] if layer[2]]
    assert (zones[:3], shown) == (["zones", True, True], ["trend class 2021-2024"])
    pixels = (imread(tmp_path / "map.png")[..., :3] * 255).round()
    for c in LEGEND:
        share = (pixels == [round(255 * v) for v in to_rgb(c.colour)]).all(axis=-1).mean()
        assert c.code not in {3, 4, 6, 7, 97} or share > 1e-3, c.label


def test_qgis_shows_awkward_names_whole_and_as_text(python_with_qgis, root, tmp_path):
    found = probe(python_with_qgis, root, tmp_path)
    check(found, "seven")
    assert found["title"] == '<b>&"江仓'
    assert found["zones"]["names"] == found["zones"]["previews"] == NAMES
    assert found["zones"]["tips"] == ["&lt;img src=x onerror=alert(1)&gt;", *NAMES[1:]]
    assert found["zones"]["entries"] == ["pit", "zone", "dump", "reference"]


def test_a_moved_project_without_its_rasters_says_so(python_with_qgis, root, tmp_path):
    shutil.copytree(root, tmp_path / "part")
    (tmp_path / "part" / "sentinel-2" / "ndvi_2021.tif").unlink()
    found = probe(python_with_qgis, tmp_path / "part", tmp_path)
    invalid = [name for name, layer in found["layers"].items() if not layer["valid"]]
    assert invalid == ["minegreen_sentinel_2_ndvi_2021"]
