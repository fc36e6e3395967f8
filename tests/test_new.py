"""`minegreen new`: a config that loads, with what can be found out from the AOI and the images; it never overwrites."""

import json
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml
from affine import Affine
from pyproj import Transformer
from running import ROOT
from scenemine import CRS, NORTH, WEST, SceneMine
from sensormine import CELL, SINUSOIDAL, SensorMine
from shapely.geometry import Point, box

from pipeline import config as configs
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.sensors import SENSORS


@pytest.fixture
def folder(small_mine, monkeypatch):
    """Return the working directory, which holds aoi.gpkg and the composites of 2020-2024."""
    small_mine.write_aoi()
    small_mine.write_images()
    monkeypatch.chdir(small_mine.folder)
    return small_mine.folder


def new(mine, *more, aoi="aoi.gpkg"):
    """Run the command and return its exit code."""
    return main(["new", mine, "--aoi", str(aoi), *map(str, more)])


def written(mine):
    """Return the config that was written."""
    return configs.load(f"configs/{mine}.yaml")


def write_zones(names, crs="EPSG:32647", at=(540_000, 4_210_000), field="zone"):
    """Write aoi.gpkg with one square of 100 m per name."""
    x, y = at
    squares = [box(x + 150 * i, y, x + 150 * i + 100, y + 100) for i in range(len(names))]
    gpd.GeoDataFrame({field: names}, geometry=squares, crs="EPSG:32647").set_crs(crs, allow_override=True).to_file("aoi.gpkg")


def test_the_file_starts_with_the_schema_for_editors_and_is_commented(folder, capsys):
    assert new("site") == 0
    images = "name your images in it (data/site/{year}.tif is a placeholder)"
    assert capsys.readouterr().out == f"wrote configs/site.yaml; next: {images}, then minegreen check configs/site.yaml\n"
    lines = (folder / "configs/site.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=schema.json"
    assert sum("  # " in line for line in lines) >= 10
    content = yaml.safe_load("\n".join(lines))
    assert list(content) == ["mine", "title", "aoi", "years", "season", "sensors", "fvc", "trend", "sensitivity"]


def test_the_config_loads_with_the_proposed_values(folder):
    new("site")
    config = written("site")
    assert (config.mine, config.aoi.path, config.aoi.zone_field) == ("site", "aoi.gpkg", None)
    assert config.sensors["sentinel-2"].composites == "data/site/{year}.tif"
    assert config.sensors["sentinel-2"].bands.model_dump(exclude_none=True) == {"red": 1, "nir": 2}
    assert (config.all_years, config.periods) == ([2020, 2021, 2022, 2023, 2024], ((2020, 2024),))


def test_with_composites_the_config_passes_check(folder, capsys):
    assert new("site", "--composites", "{year}.tif") == 0
    assert main(["check", "configs/site.yaml"]) == 0
    assert "5 composites" in capsys.readouterr().out


def test_years_are_found_from_the_files_and_gaps_become_missing_years(folder, capsys):
    for year in (2020, 2022):
        (folder / f"{year}.tif").unlink()
    (folder / "20211.tif").write_bytes(b"")
    (folder / "2019.tif.aux.xml").write_bytes(b"")
    assert new("site", "--composites", "{year}.tif") == 0
    config = written("site")
    assert (config.years.first, config.years.last) == (2021, 2024)
    assert config.sensors["sentinel-2"].missing_years == (2022,)
    assert main(["check", "configs/site.yaml"]) == 0
    assert "years without images: 2022" in capsys.readouterr().out


def test_years_are_found_in_folders_of_years(folder):
    for year in (1998, 2001):
        (folder / f"d/{year}").mkdir(parents=True)
        (folder / f"d/{year}/x_{year}.tif").write_bytes(b"x")
    assert new("site", "--composites", "d/{year}/x_{year}.tif") == 0
    assert written("site").years.model_dump() == {"first": 1998, "last": 2001}
    assert written("site").sensors["landsat"].missing_years == (1999, 2000)


def test_special_characters_around_the_year_are_text(folder):
    (folder / "a[1]+(b) 2020.tif").write_bytes(b"x")
    (folder / "a[1]+(b) 2021.tif").write_bytes(b"x")
    (folder / "a12b 2022.tif").write_bytes(b"x")
    assert new("site", "--composites", "a[1]+(b) {year}.tif") == 0
    assert written("site").all_years == [2020, 2021]


def refused(capsys, folder, *arguments, **more):
    """Assert exit 2 with a complete message and no new file; return the message."""
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert new(*arguments, **more) == 2
    message = capsys.readouterr().err
    labels = ("  found:    ", "  expected: ", "  fix:      ")
    assert all(line.startswith(label) and line[len(label) :].strip() for line, label in zip(message.splitlines()[1:4], labels, strict=True))
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    return message


def test_it_refuses_to_overwrite(folder, capsys):
    new("site")
    message = refused(capsys, folder, "site", "--composites", "{year}.tif")
    assert "configs/site.yaml: MINE\n  found:    the file exists" in message


@pytest.mark.parametrize("mine", ["Site", "a b", "../x", "", "x" * 64, "$(touch PWNED)", "é", "a\n", "a_b"], ids=ascii)
def test_an_id_that_is_none_is_refused(folder, capsys, mine):
    assert "an id of a-z, 0-9 and -, at most 63 characters" in refused(capsys, folder, mine)


@pytest.mark.parametrize("mine", ["no", "007", "null", "1e3", "x" * 63])
def test_an_id_that_yaml_would_misread_is_quoted(folder, mine):
    assert new(mine) == 0
    assert written(mine).mine == mine


@pytest.mark.parametrize(
    ("more", "aoi", "words"),
    [
        ([], "nothing.gpkg", "no such file"),
        ([], "2020.tif", "one of .geojson"),
        (["--zone-field", "zona"], "aoi.gpkg", "did you mean `zone`?"),
        (["--composites", "x.tif"], "aoi.gpkg", "a path with {year}"),
        (["--composites", "nothing-{year}.tif"], "aoi.gpkg", "at least one file"),
        (["--composites", "/vsicurl/http://127.0.0.1:9/{year}.tif"], "aoi.gpkg", "vsicurl"),
        ([], "/vsicurl/http://127.0.0.1:9/a.gpkg", "vsicurl"),
        ([], "https://127.0.0.1:9/a.geojson", "https:"),
        ([], "GPKG:aoi.gpkg:aoi", "GPKG:aoi.gpkg:aoi"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(folder, capsys, more, aoi, words):
    assert words in refused(capsys, folder, "site", *more, aoi=aoi)


def test_images_of_a_single_year_are_refused_and_nothing_is_written(folder, capsys):
    for year in (2021, 2022, 2023, 2024):
        (folder / f"{year}.tif").unlink()
    refused(capsys, folder, "site", "--composites", "{year}.tif")


NAMES = [
    'pit "x": a, b # c',
    "pit 'x' & *y !z %w @v `u` | > - ? {a} [b]",
    "- pit",
    "no pit",
    "坑 🌱 pit منجم",
    "pit\\n",
    "pit\nx",
    "pit\tx",
    "pit\u202ex",
    "pit\ufeff",
]
NAMES += ["pit\u2028x", "pit\x85x", "pit\x7fx"]  # YAML reads these as line ends, or not at all


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_zone_names_round_trip(folder, name):
    write_zones([name, "background"])
    assert new("site") == 0
    config = written("site")
    assert set(config.aoi.zones) == {name, "background"}
    zones = read_zones(config, "configs/site.yaml")
    assert zones.role(name) == "pit"
    assert zones.references[name] == ("background",)


def test_an_aoi_path_with_quotes_and_colons_round_trips(folder):
    (folder / "aoi.gpkg").rename(folder / "a 'b' \"c\": # 坑.gpkg")
    assert new("site", aoi="a 'b' \"c\": # 坑.gpkg") == 0
    assert read_zones(written("site"), "").names == ["pit", "background"]


def test_a_zone_field_round_trips(folder):
    write_zones(["pit"], field="name: 坑")
    assert new("site", "--zone-field", "name: 坑") == 0
    assert written("site").aoi.zone_field == "name: 坑"


ROLES = {
    "pit": ["Pit No. 4", "四号坑"],
    "dump": ["South dump", "DUMP of Pit 2", "南排土场", "渣山", "Bare spoil"],
    "background": ["Background", "Control area", "背景区", "对照", "参照区"],
    None: ["Meadow", "草地", "Hospital", "Zona escavada", "Traverse", "Телефон", "Skipper"],
}
ROLES["pit"] += ["open_pit_4", "NorthPit", "Tajo Norte", "RAJO 2", "Cava sul", "Fosse n\N{DEGREE SIGN} 3", "Südtagebau", "Северный карьер", "Угольный разрез"]
ROLES["dump"] += ["Botadero del tajo", "Escombrera-1", "Botadeiro", "Pilha de estéril", "Este\u0301ril 2", "Terril", "Halde nord", "Außenkippe", "Отвал №2"]
ROLES["background"] += ["Área de referencia", "Referência", "Zona testigo", "Témoin", "Référence", "Referenzfläche", "Эталонный участок", "Фон", "Контроль"]


def test_roles_are_guessed_from_names(folder):
    write_zones([name for names in ROLES.values() for name in names])
    new("site")
    assert {zone: facts.role for zone, facts in written("site").aoi.zones.items()} == {n: role for role, names in ROLES.items() if role for n in names}


def write_attributes(**columns):
    """Write aoi.gpkg with the given attributes, one square per row."""
    count = len(next(iter(columns.values())))
    squares = [box(540_000 + 150 * i, 4_210_000, 540_100 + 150 * i, 4_210_100) for i in range(count)]
    gpd.GeoDataFrame(columns, geometry=squares, crs="EPSG:32647").to_file("aoi.gpkg")


def lines(folder):
    """Return the lines of the config that was written."""
    return (folder / "configs/site.yaml").read_text(encoding="utf-8").splitlines()


def test_where_names_say_nothing_another_attribute_gives_the_roles(folder):
    write_attributes(nombre=["A", "B", "C", "Botadero D", "E"], area=[1.0, 2, 3, 4, 5], tipo=["tajo", "DUMP", "referencia", "pit", None])
    assert new("site", "--zone-field", "nombre") == 0
    config = written("site")
    assert {zone: facts.role for zone, facts in config.aoi.zones.items()} == {"A": "pit", "B": "dump", "C": "background", "Botadero D": "dump"}
    assert config.aoi.reference == ("C",)
    assert '  zones:    # roles guessed from names and attribute "tipo": correct them' in lines(folder)
    assert '  #   "E": {role: pit}' in lines(folder)


def test_numbered_zones_take_their_roles_from_an_attribute(folder):
    write_attributes(kind=["dump", "pit"])
    assert new("site") == 0
    assert {zone: facts.role for zone, facts in written("site").aoi.zones.items()} == {"zone 1": "dump", "zone 2": "pit"}


def test_an_attribute_of_which_few_values_are_roles_is_not_used(folder):
    write_attributes(zone=["A", "B", "C"], note=["north of the pit", "meadow", "road"], number=[1, 2, 3])
    assert new("site") == 0
    assert written("site").aoi.zones == {}


def test_zones_without_a_role_are_a_template_that_works_once_it_is_no_comment(folder):
    write_zones(["A: b", "C #2"])
    assert new("site") == 0
    assert written("site").aoi.zones == {}
    start = next(i for i, line in enumerate(lines(folder)) if line.startswith("  # zones:"))
    assert lines(folder)[start + 1 : start + 3] == ['  #   "A: b": {role: pit}', '  #   "C #2": {role: pit}']
    text = "\n".join(line.replace("# ", "", 1) if start <= i <= start + 2 else line for i, line in enumerate(lines(folder)))
    (folder / "configs/site.yaml").write_text(text, encoding="utf-8")
    assert {zone: facts.role for zone, facts in written("site").aoi.zones.items()} == {"A: b": "pit", "C #2": "pit"}


def test_a_zone_without_a_role_is_a_comment_among_those_that_have_one(folder):
    write_zones(["meadow", "pit"])
    assert new("site") == 0
    assert set(written("site").aoi.zones) == {"pit"}
    start = lines(folder).index("  zones:    # roles guessed from names: correct them")
    assert lines(folder)[start + 1 : start + 3] == ['  #   "meadow": {role: pit}', '    "pit": {role: pit}']


def test_every_background_zone_is_proposed_as_reference(folder):
    write_zones(["pit", "background 1", "meadow", "背景 2"])
    new("site")
    assert written("site").aoi.reference == ("background 1", "背景 2")


def test_without_a_background_zone_the_reference_is_left_as_a_comment(folder):
    write_zones(["pit"])
    new("site")
    assert written("site").aoi.reference == ()
    assert "# reference: [" in (folder / "configs/site.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("latitude", "start", "end"), [(38, "07-01", "08-31"), (-23, "12-01", "02-28"), (2, "01-01", "12-31"), (-14, "01-01", "12-31")])
def test_the_season_follows_the_latitude(folder, latitude, start, end):
    gpd.GeoDataFrame({"zone": ["a"]}, geometry=[box(20, latitude, 20.1, latitude + 0.1)], crs=4326).to_file("aoi.gpkg")
    new("site")
    assert written("site").season.model_dump() == {"start": start, "end": end}


def test_the_latitude_of_a_projected_aoi_in_the_south_is_found(folder):
    write_zones(["a"], crs="EPSG:32722", at=(700_000, 7_400_000))
    new("site")
    assert written("site").season.start == "12-01"


def test_a_season_across_the_turn_of_the_year_says_which_year_it_belongs_to(folder):
    new("site")
    assert not any("in which it starts" in line for line in lines(folder))
    (folder / "configs/site.yaml").unlink()
    write_zones(["a"], crs="EPSG:32722", at=(700_000, 7_400_000))
    new("site")
    (line,) = [line for line in lines(folder) if line.startswith('season: {start: "12-01", end: "02-28"}')]
    assert line.endswith("; it belongs to the year in which it starts")


def items_of(*times):
    """Write items.json with one item per time; the files need not exist to write a config."""
    when = [time if "T" in time else f"{time}T13:30:00Z" for time in times]
    features = [{"type": "Feature", "id": f"s{i}", "properties": {"datetime": time}, "assets": {}} for i, time in enumerate(when)]
    Path("items.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


SOUTH = {"crs": "EPSG:32722", "at": (700_000, 7_400_000)}  # 49 degrees west
SEASON_YEARS = [
    (SOUTH, ["2019-12-05", "2021-01-10", "2022-02-28", "2022-06-01"], "12-01", (2019, 2021)),
    (SOUTH, ["2020-01-10", "2021-12-31", "2022-03-01", "2022-07-01"], "12-01", (2019, 2021)),
    (SOUTH, ["2020-01-10", "2022-02-11", "2022-12-24", "2023-05-01", "2023-06-01", "2023-07-01", "2023-08-01"], "01-01", (2020, 2022)),
    (SOUTH, ["2021-12-02", "2022-05-01", "2023-05-01"], "01-01", (2021, 2023)),
    (SOUTH, ["2020-12-01T02:00:00Z", "2021-12-05", "2023-01-05"], "12-01", (2021, 2022)),
    ({}, ["2018-01-01", "2019-07-10", "2021-08-31", "2022-09-01"], "07-01", (2019, 2021)),
    ({}, ["2018-01-01", "2022-09-01"], "01-01", (2018, 2022)),  # no image in the summer: the whole year
    ({}, ["2019-07-10", "2022-09-01"], "07-01", (2019, 2020)),
]


@pytest.mark.parametrize(("where", "times", "start", "span"), SEASON_YEARS)
def test_years_and_season_are_those_of_the_items(folder, where, times, start, span):
    write_zones(["a"], **where)
    items_of(*times)
    assert new("site", "--catalog", "items.json") == 0
    config = written("site")
    assert config.season.start == start
    assert (config.years.first, config.years.last) == span
    assert config.periods == (span,)


KINDS = [
    ({"red", "nir08", "qa_pixel"}, "landsat"),
    ({"250m_16_days_NDVI", "250m_16_days_pixel_reliability"}, "modis"),
    ({"sur_refl_b01", "sur_refl_b02", "sur_refl_state_250m"}, "modis"),
    ({"B04", "B08", "SCL"}, "sentinel-2"),
    ({"red", "nir"}, "sentinel-2"),
]


def listing(*assets):
    """Write items.json with one item of each set of assets."""
    items = [
        {"type": "Feature", "id": f"s{i}", "properties": {"datetime": f"202{i}-07-10T04:00:00Z"}, "assets": {a: {"href": f"{a}.tif"} for a in names}}
        for i, names in enumerate(assets)
    ]
    Path("items.json").write_text(json.dumps({"type": "FeatureCollection", "features": items}), encoding="utf-8")


@pytest.mark.parametrize(("assets", "sensor"), KINDS)
def test_the_sensor_is_that_of_the_items_assets(folder, assets, sensor):
    write_zones(["a"])
    listing(assets, assets)
    assert new("site", "--catalog", "items.json") == 0
    assert list(written("site").sensors) == [sensor]


def test_other_sensors_of_a_catalogue_are_named(folder):
    write_zones(["a"])
    listing(KINDS[1][0], KINDS[0][0], KINDS[0][0])
    assert new("site", "--catalog", "items.json") == 0
    assert list(written("site").sensors) == ["landsat"]
    assert '  # modis: {catalog: "items.json"}' in Path("configs/site.yaml").read_text(encoding="utf-8")


def test_years_that_nothing_was_found_of_are_called_an_example(folder):
    write_zones(["a"])
    assert new("site", "--catalog", "earth-search") == 0
    assert "last: 2024}    # an example: set them" in Path("configs/site.yaml").read_text(encoding="utf-8")


def test_the_example_item_of_the_documentation_is_accepted(tmp_path, monkeypatch, capsys):
    example, *_ = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "catalogues.md").read_text(encoding="utf-8"), re.DOTALL)
    (item,) = json.loads(example)["features"]
    mine = SceneMine(tmp_path, names={"red": "B04", "nir": "B08", "mask": "SCL"})
    mine.add("2022-07-15", id="20220715", baseline=item["properties"]["s2:processing_baseline"])
    mine.write()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "items.json").write_text(example, encoding="utf-8")
    assert new("site", "--catalog", "items.json") == 0
    assert main(["check", "configs/site.yaml"]) == 0
    assert "1 of 1 listed scenes: 2022: 1" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "sensor"), [(1, "landsat"), (2, "modis")])
def test_the_example_items_of_other_sensors_are_accepted(tmp_path, capsys, number, sensor):
    example = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "catalogues.md").read_text(encoding="utf-8"), re.DOTALL)[number]
    (item,) = json.loads(example)["features"]
    mine = SensorMine(tmp_path, sensor=sensor)
    mine.settings |= {"composite": {"min_clear": 1}, "grid": {"buffer_m": 0}, "sensitivity": False}
    if sensor == "landsat":
        mine.landsat("2022-07-08")
    else:
        x, y = Transformer.from_crs(CRS, SINUSOIDAL, always_xy=True).transform(WEST + 50, NORTH - 60)
        mine.modis("2022-07-12", 5000, 195, origin=(np.floor(x / CELL) * CELL - 2 * CELL, np.ceil(y / CELL) * CELL + 2 * CELL))
    config = mine.write()
    (made,) = mine.scenes
    by_role = {"SR_B4.TIF": "red", "SR_B5.TIF": "nir08"}
    for name, asset in item["assets"].items():
        there = mine.folder / "scenes" / made["id"] / f"{name}.tif"
        assert by_role.get(asset["href"].split("/")[-1], name) == name
        wanted = mine.folder / asset["href"]
        wanted.parent.mkdir(parents=True, exist_ok=True)
        wanted.write_bytes(there.read_bytes())
    mine.catalog.write_text(example, encoding="utf-8")
    assert main(["check", str(config), "--results", str(tmp_path / "results")]) == 0
    said = capsys.readouterr().out
    assert "1 of 1 listed scenes: 2020: 0, 2021: 0, 2022: 1" in said
    assert "radiometric offset" not in said  # that of the encoding is none of a scene
    assert ("know no cirrus, saturated" in said) == (sensor == "modis")


@pytest.mark.parametrize("name", SENSORS)
def test_the_page_on_catalogues_names_every_asset_scale_and_type_of_a_sensor(name):
    rule, page = SENSORS[name].scenes, (ROOT / "docs" / "catalogues.md").read_text(encoding="utf-8")
    names = {n for role in (*rule.assets, *(q.role for q in rule.quality)) for n in rule.names(role)}
    for asset in names:
        start, _, end = asset.partition("_16_days_")
        assert f"`{asset}`" in page or (f"{start}_16_days_" in page and f"..._{end}`" in page) or (end == "NDVI" and f"`{start}_16_days_...`" in page), asset
    rows = [line for line in page.splitlines() if line.startswith(("| Sentinel-2 L2A |", "| Landsat C", "| MODIS M"))]
    own = " ".join(line for line in rows if line.lower().startswith(f"| {name.split('-')[0]}"))
    assert f"{rule.scale:.10f}".rstrip("0") in own
    assert all(d in own for d in (*rule.dtypes, *(d for q in rule.quality for d in q.rule.dtypes)))


def test_a_catalogue_gives_years_and_a_config_that_passes_check(tmp_path, monkeypatch, capsys):
    mine = SceneMine(tmp_path)
    for year in (2019, 2022):
        mine.add(f"{year}-07-10")
    mine.write()
    monkeypatch.chdir(tmp_path)
    assert new("site", "--catalog", "items.json") == 0
    config = written("site")
    assert (config.years.first, config.years.last) == (2019, 2022)
    assert config.sensors["sentinel-2"].catalog == "items.json"
    assert config.mask == configs.Mask()
    assert config.composite == configs.Composite()
    assert main(["check", "configs/site.yaml"]) == 0
    assert "2 of 2 listed scenes: 2019: 1, 2020: 0, 2021: 0, 2022: 1" in capsys.readouterr().out


@pytest.mark.parametrize(("typed", "meant"), [("earth-serach", "earth-search"), ("planetary_computer", "planetary-computer"), ("CDSE", "cdse")])
def test_a_preset_with_a_slip_is_guessed(folder, capsys, typed, meant):
    assert new("site", "--catalog", typed) == 2
    assert f"did you mean `{meant}`?" in capsys.readouterr().err
    assert new("site", "--catalog", "data/items.json") == 2
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("preset", ["earth-search", "planetary-computer", "cdse"])
def test_a_preset_gives_a_config_that_is_searched_by_the_run(folder, preset):
    assert new("site", "--catalog", preset) == 0
    config = written("site")
    assert config.sensors["sentinel-2"].catalog == preset
    assert config.sensors["sentinel-2"].searched
    assert (config.years.first, config.years.last) == (2020, 2024)
    assert "searched by the run" in (folder / "configs" / "site.yaml").read_text(encoding="utf-8")


def test_the_address_of_an_api_needs_a_collection_and_is_refused(folder, caplog):
    assert new("site", "--catalog", "https://stac.example.org/v1") == 2
    assert "collection" in caplog.text
    assert not (folder / "configs" / "site.yaml").exists()


def test_catalogue_and_composites_together_are_refused(folder, caplog):
    assert new("site", "--catalog", "items.json", "--composites", "{year}.tif") == 2
    assert "one of them" in caplog.text
    assert not (folder / "configs").exists()


# ---------------------------------------------------------------- what is found out without asking


def test_images_that_were_given_need_no_further_step_before_check(folder, capsys):
    assert new("site", "--composites", "{year}.tif") == 0
    assert capsys.readouterr().out == "wrote configs/site.yaml; next: minegreen check configs/site.yaml\n"


ATTRIBUTES = [
    ({"Name": ["A", "B"]}, "Name"),
    ({"id": ["x1", "x2"], "Mine Name": ["M", "M"], "description": ["north", "south"]}, "description"),
    ({"id": ["x1", "x2"], "Mine Name": ["M", "M"], "description": ["the same", "the same"]}, "id"),
    ({"label": ["a", "b"], "nombre": ["c", "d"]}, "nombre"),
    ({"分区名称": ["北坑", "南坑"]}, "分区名称"),
    ({"矿区名": ["一", "二"]}, "矿区名"),
    ({"zone_name": ["A", "A "], "name_en": ["x", "y"]}, "name_en"),
    ({"name": ["a", "A"]}, None),
    ({"name": ["a", None]}, None),
    ({"name": ["a", " "]}, None),
    ({"name": [1, 2]}, None),
    ({"name": ["a", "b" * 81]}, None),
    ({"zone": ["a", "b"], "name": ["c", "d"]}, None),
    ({"kind": ["pit", "dump"], "note": ["x", "y"]}, None),
]


@pytest.mark.parametrize(("columns", "expected"), ATTRIBUTES, ids=[str(i) for i in range(len(ATTRIBUTES))])
def test_the_attribute_with_the_zones_names_is_found(folder, columns, expected):
    write_attributes(**columns)
    assert new("site") == 0
    config = written("site")
    assert config.aoi.zone_field == expected
    names = read_zones(config, "").names
    assert names == (columns[expected] if expected else columns.get("zone", ["zone 1", "zone 2"]))
    guessed = [line for line in lines(folder) if "guessed: the attribute with the zones' names" in line]
    assert len(guessed) == (expected is not None)


def test_a_zone_field_that_is_given_is_taken(folder):
    write_attributes(name=["A", "B"], code=["c", "d"])
    assert new("site", "--zone-field", "code") == 0
    assert written("site").aoi.zone_field == "code"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"Mine_Name": ["Olive Downs", "Olive Downs"]}, "Olive Downs"),
        ({"矿区": ["江仓矿区", "江仓矿区"]}, "江仓矿区"),
        ({"mine name": ['a: "b" # c', 'a: "b" # c']}, 'a: "b" # c'),
        ({"Mine Name": ["one", "two"]}, "site"),
        ({"Mine Name": ["one", None]}, "site"),
        ({"operator": ["one", "one"]}, "site"),
    ],
)
def test_the_title_is_the_mines_name_in_the_file(folder, columns, expected):
    write_attributes(**columns)
    assert new("site") == 0
    assert written("site").title == expected


def composite(path, *, count=2, names=(), cell=10.0, dtype="float32", crs="EPSG:32647"):
    """Write a small GeoTIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    west, north = (99, 38) if crs == "EPSG:4326" else (540_000, 4_210_300)
    profile = {"driver": "GTiff", "count": count, "width": 4, "height": 4, "dtype": dtype, "crs": crs, "transform": Affine(cell, 0, west, 0, -cell, north)}
    with rasterio.open(path, "w", **profile) as out:
        for i, name in enumerate(names, 1):
            out.set_band_description(i, name)


def test_a_folder_of_composites_gives_the_path_with_the_year(folder):
    for year in (2019, 2021, 2022):
        composite(folder / f"in/S2_{year}_v2020.tif")
    (folder / "in/readme 2019.txt").touch()
    assert new("site", "--composites", "in") == 0
    config = written("site")
    assert config.sensors["sentinel-2"].composites == "in/S2_{year}_v2020.tif"
    assert (config.years.first, config.years.last, config.sensors["sentinel-2"].missing_years) == (2019, 2022, (2020,))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["a_2019.tif", "a_2020.tif", "b_2019.tif", "b_2020.tif"], "a_{year}.tif, b_{year}.tif"),
        (["a.tif", "b.tif"], "no GeoTIFF with a year"),
        (["a_2019.tif"], "a_{year}.tif"),
        (["20190701.tif", "20200701.tif"], "no GeoTIFF with a year"),
        ([], "no GeoTIFF with a year"),
    ],
)
def test_a_folder_that_does_not_say_which_files_are_the_years_is_refused(folder, capsys, files, words):
    (folder / "in").mkdir()
    for name in files:
        (folder / "in" / name).touch()
    assert words in refused(capsys, folder, "site", "--composites", "in")


def test_images_in_the_mines_data_folder_are_found(folder, capsys):
    for year in (2019, 2020):
        composite(folder / f"data/site/x{year}.tif")
    assert new("site") == 0
    assert "placeholder" not in capsys.readouterr().out
    assert written("site").sensors["sentinel-2"].composites == "data/site/x{year}.tif"
    items_of("2019-07-10", "2021-07-10")
    (folder / "data/other").mkdir()
    (folder / "items.json").rename(folder / "data/other/items.json")
    assert new("other") == 0
    assert written("other").sensors["sentinel-2"].catalog == "data/other/items.json"
    assert written("other").all_years == [2019, 2020, 2021]


@pytest.mark.parametrize(
    ("first", "cell", "crs", "sensor"),
    [
        (2014, 10, "EPSG:32647", "landsat"),
        (2015, 10, "EPSG:32647", "sentinel-2"),
        (2015, 20, "EPSG:32647", "sentinel-2"),
        (2016, 30, "EPSG:32647", "landsat"),
        (2016, 0.00027, "EPSG:4326", "landsat"),
        (2016, 0.00009, "EPSG:4326", "sentinel-2"),
    ],
)
def test_the_sensor_follows_from_the_first_year_and_the_cells(folder, first, cell, crs, sensor):
    for year in (first, first + 1):
        composite(folder / f"in/{year}.tif", cell=cell, crs=crs)
    assert new("site", "--composites", "in") == 0
    assert list(written("site").sensors) == [sensor]


@pytest.mark.parametrize(
    ("count", "names", "red", "nir", "sure"),
    [
        (2, (), 1, 2, False),
        (3, (), 1, 2, False),
        (4, (), 3, 4, False),
        (6, (), 3, 4, False),
        (10, (), 3, 7, False),
        (13, (), 4, 8, False),
        (2, ("NIR", "Red"), 2, 1, True),
        (3, ("nir08", "qa", "red"), 3, 1, True),
        (3, ("B04", "B03", "B08"), 1, 3, True),
        (2, ("SR_B4", "SR_B5"), 1, 2, True),
        (4, ("B8", "B5", "B4", "B3"), 3, 1, True),
        (4, ("red", "red", "nir", "x"), 3, 4, False),
        (4, ("red", "x", "y", "z"), 3, 4, False),
    ],
)
def test_bands_are_those_with_the_names_else_the_usual_order_to_be_confirmed(folder, count, names, red, nir, sure):
    for year in (2019, 2020):
        composite(folder / f"in/{year}.tif", count=count, names=names)
    assert new("site", "--composites", "in") == 0
    assert written("site").sensors["sentinel-2"].bands.model_dump(exclude_none=True) == {"red": red, "nir": nir}
    assert ("CONFIRM" not in (folder / "configs/site.yaml").read_text(encoding="utf-8")) == sure


# ---------------------------------------------------------------- one mine of a file of many


@pytest.fixture
def world(folder):
    """Write world.geojson: two polygons and a point of one mine, a polygon of another; return its path."""
    squares = [box(99 + i, 38, 99.01 + i, 38.01) for i in range(3)]
    columns = {"id": ["a1", "a2", "b1", "a3"], "Mine Name": ["A: 坑", "A: 坑", "B", "A: 坑"], "n": [1, 2, 3, 4]}
    gpd.GeoDataFrame(columns, geometry=[*squares, Point(99, 38)], crs=4326).to_file("world.geojson")
    return folder / "world.geojson"


def test_one_mine_of_a_file_of_many_becomes_a_file_of_its_own(world, capsys):
    assert new("site", "--where", "Mine Name=A: 坑", aoi="world.geojson") == 0
    assert capsys.readouterr().out.startswith("wrote configs/site.yaml and aoi/site.geojson; next: ")
    config = written("site")
    assert (config.aoi.path, config.aoi.zone_field, config.title) == ("aoi/site.geojson", "id", "A: 坑")
    frame, whole = gpd.read_file("aoi/site.geojson"), gpd.read_file(world)
    assert list(frame["id"]) == ["a1", "a2"]
    assert frame.crs == whole.crs
    assert all(a.equals(b) for a, b in zip(frame.geometry, whole.geometry[:2], strict=True))
    assert read_zones(config, "").names == ["a1", "a2"]


def test_a_number_is_compared_as_text(world):
    assert new("site", "--where", "n=3", aoi="world.geojson") == 0
    assert list(gpd.read_file("aoi/site.geojson")["id"]) == ["b1"]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("Mine Name=A", "near: A: 坑"),
        ("Mine Name=C", "no polygon with Mine Name C"),
        ("mine name=B", "did you mean `Mine Name`?"),
        ("B", "FIELD=VALUE"),
        ("n=4", "no polygon with n 4"),
        ("", None),
    ],
)
def test_a_selection_that_is_none_is_refused(world, folder, capsys, where, words):
    message = refused(capsys, folder, "site", "--where", where, aoi="world.geojson")
    assert words is None or words in message


def test_a_selection_never_overwrites_and_is_gone_when_the_config_is_refused(world, folder, capsys):
    (folder / "aoi").mkdir()
    (folder / "aoi/site.geojson").write_text("mine")
    assert "the file exists" in refused(capsys, folder, "site", "--where", "n=3", aoi="world.geojson")
    assert "did you mean" in refused(capsys, folder, "other", "--where", "n=3", "--zone-field", "idd", aoi="world.geojson")


def test_a_mine_of_the_world_file_of_coal_mines_is_set_up_with_two_commands(shared, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    world = shared / "mining_polygons" / "coal-mine-boundaries-methane.geojson"
    assert new("tt", aoi=world) == 2
    assert "minegreen new --where" in capsys.readouterr().err
    assert new("tt", "--where", "Mine Name=Olive Downs Coal Mine", aoi=world) == 0
    config = written("tt")
    assert (config.title, config.season.start) == ("Olive Downs Coal Mine", "12-01")
    assert read_zones(config, "").names == ["Olive Downs Coal Mine"]


def test_real_composites_in_a_folder_pass_check_as_proposed(shared, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    home = shared / "landsat_bc_annual_2000_2023"
    assert new("bc", "--composites", home, aoi=home / "test_multiple_polygons.gpkg") == 0
    config = written("bc")
    assert config.sensors["landsat"].bands.model_dump(exclude_none=True) == {"red": 3, "nir": 4}
    assert (config.years.first, config.years.last) == (2000, 2023)
    assert main(["check", "configs/bc.yaml"]) == 0
    assert "24 composites" in capsys.readouterr().out


@pytest.mark.parametrize("where", ["mine", "mine=", "", "="])
def test_where_without_a_value_is_refused(where, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    gpd.GeoDataFrame({"mine": ["a", None]}, geometry=[box(0, 0, 1, 1), box(2, 0, 3, 1)], crs=4326).to_file(tmp_path / "many.gpkg")
    assert main(["new", "one", "--aoi", "many.gpkg", "--where", where]) == 2
    assert "FIELD=VALUE" in capsys.readouterr().err
    assert not list((tmp_path / "configs").iterdir())
