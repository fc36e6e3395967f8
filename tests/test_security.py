"""Nothing that a user, a file or a name says is run, fetched or followed; text stays text."""

import ast
import contextlib
import csv
import http.server
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import rasterio
import yaml
from running import place
from shapely.geometry import box

import pipeline
from pipeline import config as configs
from pipeline import plan
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.errors import BadInput
from pipeline.reader import open_raster
from pipeline.tables import cell
from pipeline.yamlfile import _Loader

HOME = Path(pipeline.__file__).parent
MODULES = sorted(HOME.rglob("*.py"))
GDAL = ["/vsicurl/http://127.0.0.1:9/{year}.tif", "/vsizip/x.zip/{year}.tif", "/vsimem/{year}.tif", "/vsis3/b/{year}.tif", "/vsistdin/{year}"]
ADDRESSES = ["http://127.0.0.1:9/{year}.tif", "HTTPS://EXAMPLE.ORG/{year}.tif", "s3://b/{year}.tif", "file:///etc/{year}", "zip+https://x.org/{year}.zip"]
DRIVERS = ["GTIFF_RAW:{year}.tif", "GTIFF_DIR:1:{year}.tif", "NETCDF:{year}.nc:red", "vrt://{year}.tif", "PG:dbname={year}", "MEM:::DATAPOINTER={year}"]
CONTROLS = ["{year}.tif\nnext", "{year}\0.tif", "{year}\x1b[2J.tif"]


@pytest.fixture
def refused(small_mine):
    """Return a function that runs the preflight, which must refuse with exit 2 and write nothing."""

    def call():
        small_mine.write_config()
        before = set(small_mine.folder.rglob("*"))
        with pytest.raises(BadInput) as caught:
            plan.make([str(small_mine.config)], {"results": str(small_mine.results)})
        assert main(["check", str(small_mine.config), "--results", str(small_mine.results)]) == 2
        assert all([caught.value.where, caught.value.field, caught.value.found, caught.value.expected, caught.value.fix])
        assert set(small_mine.folder.rglob("*")) == before
        return caught.value

    return call


@pytest.mark.parametrize("key", ["aoi.path", "sensors.sentinel-2.composites", "fvc.endmembers"])
@pytest.mark.parametrize("path", [*GDAL, *ADDRESSES, *DRIVERS, *CONTROLS], ids=ascii)
def test_x02_a_path_that_leads_off_the_disk_is_refused_by_the_config(small_mine, refused, monkeypatch, key, path):
    small_mine.write()
    monkeypatch.setattr("rasterio.open", lambda *_, **__: pytest.fail("a raster was opened"))
    monkeypatch.setattr("geopandas.read_file", lambda *_, **__: pytest.fail("a vector file was opened"))
    part, _, last = key.rpartition(".")
    {"aoi": small_mine.settings["aoi"], "fvc": small_mine.settings["fvc"]}.get(part, small_mine.settings["sensors"]["sentinel-2"])[last] = path
    error = refused()
    assert error.field == key
    assert error.where.startswith(f"{small_mine.config}:")
    assert error.expected == "the path of a file on disk"


@pytest.mark.parametrize("path", ["aoi.gpkg", "./a b/坑.geojson", "../x.shp", "/data/x.gpkg", "C:/mine/x.gpkg", "a:b/x.gpkg", "x/y:z.gpkg", "~/x.fgb"])
def test_plain_paths_are_accepted(small_mine, path):
    small_mine.settings["aoi"]["path"] = path
    assert configs.load(small_mine.write_config()).aoi.path == path


VRT = '<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1"%s</VRTRasterBand></VRTDataset>'
PYTHON = ' subClass="VRTDerivedRasterBand"><PixelFunctionLanguage>Python</PixelFunctionLanguage><PixelFunctionCode>%s</PixelFunctionCode>'
RASTERS = {
    "VRT of a file": VRT % "><SimpleSource><SourceFilename>/etc/hostname</SourceFilename></SimpleSource>",
    "VRT of an address": VRT % "><SimpleSource><SourceFilename>/vsicurl/http://127.0.0.1:9/x</SourceFilename></SimpleSource>",
    "VRT with Python": VRT % PYTHON % "open('PWNED', 'w')",
    "GTI": "<GDALTileIndexDataset><IndexDataset>x.gpkg</IndexDataset></GDALTileIndexDataset>",
    "WMS": "<GDAL_WMS><Service name='WMS'><ServerUrl>http://127.0.0.1:9/?</ServerUrl></Service></GDAL_WMS>",
    "GDAL command": '{"type": "gdal_streamed_alg", "command_line": "gdal raster convert x.tif --output-format=stream out"}',
}


@pytest.mark.parametrize("content", RASTERS.values(), ids=RASTERS)
def test_x01_a_raster_of_another_driver_is_refused_whatever_its_name(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    for name in ("x.tif", "x.vrt"):
        Path(name).write_text(content, encoding="utf-8")
        with pytest.raises(BadInput, match="not a readable GeoTIFF"):
            open_raster(Path(name))
    assert not Path("PWNED").exists()


LAYER = "<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>aoi.gpkg</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
VECTORS = {
    "VRT": LAYER,
    "VRT with an XML head": "<?xml version='1.0'?>" + LAYER,
    "VRT behind much white space": "<?xml version='1.0'?>" + " " * 5000 + LAYER,
    "GDAL command": '{"type": "gdal_streamed_alg", "command_line": "gdal vector convert aoi.gpkg --output-format=stream out"}',
    "GDAL pipeline": '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline read aoi.gpkg ! write --output-format=stream out"}',
}


@pytest.mark.parametrize("suffix", [".geojson", ".json", ".gpkg", ".shp", ".fgb", ".kml"])
@pytest.mark.parametrize("content", VECTORS.values(), ids=VECTORS)
def test_x01_a_vector_file_of_another_driver_is_refused_whatever_its_name(small_mine, refused, suffix, content):
    small_mine.write()
    path = small_mine.folder / f"zones{suffix}"
    path.write_text(content.replace("aoi.gpkg", str(small_mine.folder / "aoi.gpkg")), encoding="utf-8")
    small_mine.settings["aoi"]["path"] = str(path)
    assert refused().where == str(path)


@pytest.fixture
def asked():
    """Return the address of a local server, and the list of what it was asked for."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            paths.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_GET

        def log_message(self, *_):
            """Stay silent."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    server.server_close()


GML = (
    "<?xml version='1.0'?><wfs:FeatureCollection xmlns:wfs='http://www.opengis.net/wfs' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
    "xmlns:ogr='http://ogr.maptools.org/' xmlns:gml='http://www.opengis.net/gml' "
    "xsi:schemaLocation='http://x {}/wfs?service=WFS&amp;version=1.1.0&amp;request=DescribeFeatureType&amp;typename=a:b'>"
    "<gml:featureMember><ogr:a gml:id='a.1'><ogr:zone>b</ogr:zone></ogr:a></gml:featureMember></wfs:FeatureCollection>"
)
KML_LINK = (
    "<?xml version='1.0'?><kml xmlns='http://www.opengis.net/kml/2.2'><Document><NetworkLink><Link><href>{}/x.kml</href></Link></NetworkLink></Document></kml>"
)
KML_ENTITY = "<?xml version='1.0'?><!DOCTYPE kml [<!ENTITY e SYSTEM '{}/e'>]><kml><Document><Placemark><name>&e;</name></Placemark></Document></kml>"
GDALG = '{{"type": "gdal_streamed_alg", "command_line": "gdal vector convert /vsicurl/{}/x.gpkg --output-format=stream out"}}'
FEATURE_SERVER = '{{"type": "FeatureServer", "currentVersion": 10.1, "url": "{}/"}}'


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.kml", GML), ("x.kml", KML_LINK), ("x.kml", KML_ENTITY), ("x.json", GDALG), ("x.geojson", GDALG), ("x.json", FEATURE_SERVER)],
    ids=["schema of a WFS", "network link", "entity", "GDAL command", "GDAL command named GeoJSON", "feature server"],
)
def test_x01_no_file_of_zones_makes_a_request(small_mine, refused, asked, name, content):
    address, paths = asked
    small_mine.write()
    (small_mine.folder / name).write_text(content.format(address), encoding="utf-8")
    small_mine.settings["aoi"]["path"] = str(small_mine.folder / name)
    refused()
    assert paths == []


@pytest.mark.parametrize("name", ["first.gpkg!second.gpkg", "second.gpkg;.gpkg"])
def test_x02_the_file_that_is_read_is_the_file_that_is_named_or_none(small_mine, monkeypatch, name):
    monkeypatch.chdir(small_mine.folder)
    small_mine.write_aoi().rename(name)
    other = type(small_mine)(small_mine.folder)
    other.zones = [("other", other.zones[0][1])]
    other.write_aoi().rename("second.gpkg")
    small_mine.settings["aoi"] = {"path": name, "zone_field": "zone"}
    with contextlib.suppress(BadInput):
        assert read_zones(configs.load(small_mine.write_config()), small_mine.config).names == ["pit", "background"]


def test_x03_python_in_vrts_stops_every_reading(small_mine, refused, monkeypatch):
    small_mine.write()
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", "YES")
    assert refused().field == "GDAL_VRT_ENABLE_PYTHON"


TOUCH = ["a; touch PWNED", "$(touch PWNED)", "`touch PWNED`", "a && touch PWNED", "a | touch PWNED", "a\ntouch PWNED"]
EVIL = [*TOUCH, "a' 'b", 'a" "b', "../up", "a/b", "{mine}"]


@pytest.mark.parametrize("text", EVIL, ids=ascii)
def test_x05_an_id_that_is_not_plain_is_refused(small_mine, refused, text):
    small_mine.write()
    good = dict(small_mine.settings)
    small_mine.settings = good | {"mine": text}
    assert refused().field == "mine"
    small_mine.settings = good | {"sensors": {text: {"sensor": "landsat", "composites": "{year}.tif", "bands": {"ndvi": 1}}}}
    assert refused().field.startswith("sensors")


@pytest.mark.parametrize("text", EVIL, ids=ascii)
def test_x05_no_process_is_started_and_no_folder_is_made_for_a_name(small_mine, monkeypatch, text):
    monkeypatch.chdir(small_mine.folder)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    monkeypatch.setattr(os, "system", lambda *_: pytest.fail("a shell was started"))
    small_mine.zones[0] = (text, small_mine.zones[0][1])
    small_mine.settings["aoi"]["zones"] = {text: {"role": "pit", "phase": text, "measures": [text]}}
    small_mine.settings["title"] = text
    small_mine.write()
    sensors = ["--sensor", "sentinel-2", "--results", str(small_mine.results)]
    assert main(["scenes", str(small_mine.config), *sensors]) == 0
    made = sorted(p.relative_to(small_mine.folder).as_posix() for p in small_mine.folder.rglob("*"))
    inputs = ["aoi.gpkg", "small.yaml", *(f"{year}.tif" for year in small_mine.years)]
    assert made == sorted([*inputs, "results", "results/small", *(f"results/small/sentinel-2{end}" for end in ("", "/scenes.json", "/ledger.csv"))])


def test_x05_shell_text_in_every_path_is_text_through_the_real_workflow(small_mine):
    folder = small_mine.folder / "a $(touch PWNED) `touch PWNED`; touch PWNED 'q' & \"坑\""
    mine = type(small_mine)(folder)
    mine.zones[0] = ("$(touch PWNED)\n; touch PWNED", mine.zones[0][1])
    mine.settings["aoi"]["zones"] = {}
    mine.write()
    aoi = folder / "$(touch PWNED) `touch PWNED`.gpkg"
    (folder / "aoi.gpkg").rename(aoi)
    mine.settings["aoi"]["path"] = str(aoi)
    mine.write_config()
    results = folder / "$(touch PWNED) results"
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--until", "scenes", "--configfile", str(mine.config), "--config", f"results={results}"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(command, cwd=place(), capture_output=True, text=True, check=False, env=os.environ | {"PATH": path})
    assert done.returncode == 0, done.stderr
    assert (results / "small/sentinel-2/scenes.json").is_file()
    assert not list(small_mine.folder.rglob("PWNED"))
    assert not any((folder / "PWNED").exists() for folder in (place(), HOME.parent))


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", '=HYPERLINK("http://127.0.0.1:9/")', "-2+3+cmd|' /C calc'!A0"]


def test_x07_formulas_in_zone_names_are_inert_in_every_csv(small_mine):
    x, y = small_mine.west, small_mine.north
    small_mine.zones = [(name, box(x + 20 + 50 * i, y - 250, x + 60 + 50 * i, y - 50)) for i, name in enumerate(FORMULAS)]
    small_mine.settings["aoi"] |= {"reference": [FORMULAS[0]], "zones": {FORMULAS[1]: {"role": "pit"}}}
    folder = small_mine.run()
    tables = sorted(folder.glob("*.csv"))
    assert len(tables) == 8
    for table in tables:
        with table.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
        assert rows
        if "zone" in rows[0]:
            assert {row["zone"] for row in rows} - {""} == {f"'{name}" for name in FORMULAS}
        for value in {value for row in rows for value in row.values()}:
            assert not value.startswith(("=", "+", "@", "\t", "\r", "\n"))
            assert not value.startswith("-") or float(value) < 0, "only numbers start with a minus"


@pytest.mark.parametrize("text", [*FORMULAS, "\t=1+1", "\r=1+1", "\n=1+1", "＝1+1", "＋1", "－1", "＠x"], ids=ascii)
def test_x07_a_cell_that_a_spreadsheet_would_run_is_inert(text):
    shown = cell(text)
    assert shown.endswith(text)
    assert shown.startswith("'")


@pytest.mark.parametrize(
    ("value", "shown"), [(-1, "-1"), (-0.5, "-0.5"), ("a=1", "a=1"), ("Pit No. 4", "Pit No. 4"), ("江仓", "江仓"), ("", ""), ("'quoted'", "'quoted'")]
)
def test_x07_what_is_no_formula_is_unchanged(value, shown):
    assert cell(value) == shown


def test_x08_no_absolute_path_or_secret_reaches_a_raster(small_mine, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2-hunter2")
    folder = small_mine.run()
    for path in folder.glob("*.tif"):
        with rasterio.open(path) as dataset:
            told = repr([dataset.tags(), dataset.tags(1), dataset.descriptions])
        assert str(small_mine.folder) not in told
        assert "hunter2" not in told
    assert not [p for p in small_mine.results.rglob("*") if p.is_file() and b"hunter2" in p.read_bytes()]


def calls(tree):
    """Yield the dotted name of every call in a module, with the call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            parts, part = [], node.func
            while isinstance(part, ast.Attribute):
                parts, part = [part.attr, *parts], part.value
            yield ".".join([part.id, *parts] if isinstance(part, ast.Name) else parts), node


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(HOME).as_posix())
def test_x10_no_module_can_run_text_or_unpickle(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    dangerous = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "subprocess", "pty", "code", "socket", "http", "ctypes"}
    only = {"subprocess"} if path.name == "hdf4proof.py" else set()  # the one process that is started: Python with a file of this package
    assert imported & dangerous == only
    for name, call in calls(tree):
        last = name.rsplit(".", 1)[-1]
        if only and name == "subprocess.Popen":
            assert 'command = [sys.executable, "-P", str(CHILD)]' in path.read_text(encoding="utf-8")
            assert ast.unparse(call.args[0]) == "command"
            assert not {k.arg for k in call.keywords} & {"shell", "executable", "preexec_fn"}
            continue
        assert name not in {"eval", "exec", "compile", "__import__", "input", "breakpoint"}, f"line {call.lineno}: {name}"
        assert last not in {"system", "popen", "Popen", "spawn", "spawnl", "spawnv", "execv", "execve", "fork", "startfile", "to_pickle", "read_pickle"}, name
        assert not (name.startswith("yaml.") and last in {"load", "load_all", "full_load", "full_load_all", "unsafe_load", "unsafe_load_all"}), name
        assert not any(k.arg == "shell" for k in call.keywords), f"line {call.lineno}: shell="
        assert not any(k.arg == "allow_pickle" and getattr(k.value, "value", True) for k in call.keywords), f"line {call.lineno}: allow_pickle"


def test_x10_the_only_yaml_loader_is_the_safe_one():
    assert issubclass(_Loader, yaml.SafeLoader)
    assert _Loader.yaml_constructors is yaml.SafeLoader.yaml_constructors
    users = [p.name for p in MODULES if "import yaml\n" in p.read_text(encoding="utf-8")]
    assert users == ["yamlfile.py"]


@pytest.mark.parametrize("path", sorted([HOME.parent / "Snakefile", *(HOME.parent / "rules").glob("*.smk")]), ids=lambda p: p.name)
def test_x05_every_value_in_a_shell_command_is_quoted(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"os\.system|subprocess|shell=True|eval\(|exec\(", text)
    commands = [line.strip() for line in text.splitlines() if line.strip().startswith(('"minegreen', '" --'))]
    placeholders = [name for command in commands for name in re.findall(r"\{([^}]*)\}", command)]
    assert all(name.endswith(":q") or name == "threads" for name in placeholders)
    assert path.name in {"Snakefile", "common.smk"} or placeholders
