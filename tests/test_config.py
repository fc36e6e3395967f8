"""The config model: what the contract's keys accept, default to and refuse, and the schema made from it."""

import json
from functools import reduce
from importlib import import_module
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from pipeline import config as configs
from pipeline import config_breaks
from pipeline.config_evaluation import EvaluationKey
from pipeline.errors import BadInput

WITH_MODELS = [import_module(f"pipeline.{path.stem}") for path in Path(configs.__file__).parent.glob("config*.py")]
MODELS = {m for module in WITH_MODELS for m in vars(module).values() if isinstance(m, type) and issubclass(m, configs.Model) and m is not EvaluationKey}
JIANGCANG = (Path(configs.__file__).parents[1] / "configs/jiangcang.yaml").read_text(encoding="utf-8")
COMPOSITES = {"composites": "data/bc/{year}.tif", "bands": {"red": 3, "nir": 4}}
LEAST = {
    "mine": "jiangcang",
    "aoi": {"path": "aoi/jiangcang.geojson"},
    "years": {"first": 2020, "last": 2024},
    "season": {"start": "07-01", "end": "08-31"},
    "sensors": {"sentinel-2": {"catalog": "synthetic"}},
}
CONTRACT = """
mine: jiangcang
title: 江仓矿区 Jiangcang mining area
aoi:
  {path: aoi/jiangcang.geojson, zone_field: zone, repair: false, encoding: null, reference: [background], zones: {
    Pit No. 4: {role: pit, restored: 2021-06, phase: second, measures: [soil reconstruction, sheep manure], reference: [background]}}}
grid: {crs: auto, resolution_m: {sentinel-2: 10}, buffer_m: 500, clip: zones}
years: {first: 2020, last: 2024}
season: {start: "07-01", end: "08-31"}
sensors:
  sentinel-2: {sensor: sentinel-2, catalog: synthetic}
  landsat: {composites: "data/bc/{year}.tif", bands: {red: 3, nir: 4}, scale: 1.0, offset_value: 0.0}
fvc: {soil: {percentile: 5}, vegetation: {percentile: 95}, region: zones, years: [2020, 2024], exclude: [water], endmembers: null}
mask:
  {drop: [cloud, cirrus, shadow, snow, saturated], dilate: [cloud, shadow], dilate_m: 40, min_reflectance_sum: 0.04}
composite: {method: median, interval: year, min_clear: 2}
trend:
  {periods: [[2021, 2024], [2020, 2024]], variable: fvc, test: mann-kendall, significance: auto, scheme: seven,
  alpha: {slight: 0.10, significant: 0.05, extreme: 0.01}, no_change: 0.0005, min_years: auto, relative_to_reference: auto}
"""


def changed(**changes):
    """Return the least config with some values set; `a__b` is the key b inside a, `s2` the sensor's id."""
    out = json.loads(json.dumps(LEAST))
    for path, value in changes.items():
        *parents, last = path.replace("s2", "sentinel-2").split("__")
        reduce(lambda inner, key: inner.setdefault(key, {}), parents, out)[last] = json.loads(json.dumps(value))
    return out


def sensor(**entry):
    """Return the least config with another entry for its sensor."""
    return changed(sensors__s2=entry)


@pytest.fixture
def load(tmp_path):
    """Return a function that writes a config and loads it."""

    def call(content):
        path = tmp_path / "mine.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return configs.load(path)

    return call


@pytest.fixture
def refused(load):
    """Return a function that loads what must be refused, and returns the error, complete."""

    def call(content):
        with pytest.raises(BadInput, match="mine.yaml") as caught:
            load(content)
        error = caught.value
        assert all([error.field, error.found, error.expected, error.fix])
        return error

    return call


def test_the_contracts_example_is_accepted_with_its_values(load):
    config = load(CONTRACT)
    facts = {"role": "pit", "restored": "2021-06", "phase": "second", "measures": ("soil reconstruction", "sheep manure"), "reference": ("background",)}
    assert config.aoi.zones["Pit No. 4"].model_dump() == facts
    assert config.sensors["landsat"].bands.model_dump(exclude_none=True) == {"red": 3, "nir": 4}
    assert (config.title, config.fvc.years, config.periods) == ("江仓矿区 Jiangcang mining area", (2020, 2024), ((2021, 2024), (2020, 2024)))


@pytest.mark.parametrize(
    "base",
    [
        changed(grid={"crs": "EPSG:32647", "clip": "box", "buffer_m": 0}, aoi__repair=True, aoi__encoding="gbk"),
        changed(fvc={"soil": {"ndvi": 0.05}, "vegetation": {"ndvi": 0.86}, "region": "grid"}),
        changed(fvc={"soil": {"percentile": 0}, "vegetation": {"percentile": 100}, "endmembers": "results/x/endmembers.json"}),
        changed(trend={"variable": "ndvi", "significance": "exact", "scheme": "five", "min_years": 5, "no_change": 0}),
        changed(trend={"significance": "normal", "scheme": "nine"}),
        sensor(**COMPOSITES, scale=0.0001, offset_value=-0.1, missing_years=[2022]),
        sensor(composites="{year}/ndvi_{year}.tif", bands={"ndvi": 1}),
        changed(sensors={"my-images-2": {"sensor": "landsat"} | COMPOSITES, "0": {"sensor": "sentinel-2"} | COMPOSITES}),
        changed(mine="a" * 63, title="$(x) <b>\n=1+1 🌱 منجم"),
    ],
)
def test_other_values_of_the_contract_are_accepted(load, base):
    load(base)


def test_defaults_are_the_contracts(load):
    config, contract = load(LEAST), yaml.safe_load(CONTRACT)
    assert config.grid.model_dump() == contract["grid"] | {"resolution_m": {}}
    assert json.loads(config.fvc.model_dump_json(exclude_none=True)) == {key: contract["fvc"][key] for key in ("soil", "vegetation", "region", "exclude")}
    assert json.loads(config.mask.model_dump_json()) == contract["mask"]
    assert json.loads(config.composite.model_dump_json()) == contract["composite"]
    source = config.sensors["sentinel-2"]
    assert (source.max_cloud_pct, source.offset, source.collection) == (80, "auto", None)
    assert config.trend.model_dump() == contract["trend"] | {"periods": None}
    assert config.aoi.model_dump(exclude={"path"}) == {"zone_field": None, "repair": False, "encoding": None, "reference": (), "zones": {}}
    assert (config.title, config.periods, config.kind("sentinel-2")) == (None, ((2020, 2024),), "sentinel-2")
    composites = load(sensor(**COMPOSITES)).sensors["sentinel-2"]
    assert (composites.scale, composites.offset_value, composites.missing_years) == (1, 0, ())


@pytest.mark.parametrize(
    ("key", "base"),
    [
        ("composite", changed(composite={"method": "median", "interval": "day"})),
        ("exclude", changed(fvc__exclude=["dark"])),
        ("relative_to_reference", changed(trend__relative_to_reference="always")),
        ("hamed-rao", changed(trend__test="hamed-rao")),
    ],
)
def test_what_is_not_built_is_refused_not_ignored(refused, key, base):
    assert key in str(refused(base))


@pytest.mark.parametrize("kind", ["sentinel-2", "landsat", "modis"])
def test_every_kind_of_sensor_sees_the_synthetic_mine(load, kind):
    from pipeline.inspection import catalog_of

    config = load(sensor(catalog="synthetic", sensor=kind))
    (name,) = config.sensors
    items = catalog_of(config, name, Path("results"))
    assert items.name == {"sentinel-2": "items.json"}.get(kind, f"items_{kind}.json")


@pytest.mark.parametrize(
    ("base", "field", "found", "expected"),
    [
        (changed(years__first=1949), "years.first", "1949", "1950"),
        (changed(years__last=2025), "years", "2020..2025 with `catalog: synthetic`", "2020..2024"),
        (changed(trend__periods=[[2024, 2021]]), "trend.periods", "[2024, 2021]", "ascending"),
        (changed(trend__periods=[[2021, 2021]]), "trend.periods", "[2021, 2021]", "two years"),
        (changed(trend__periods=[[2019, 2022]]), "trend.periods", "[2019, 2022]", "2020..2024"),
        (changed(trend__periods=[[2021, 2024], [2021, 2024]]), "trend.periods", "[2021, 2024]", "each once"),
        (changed(trend__periods=[]), "trend.periods", "[]", "at least one"),
        (changed(trend__periods=[[2021, 2022, 2023]]), "trend.periods.0", "[2021, 2022, 2023]", "2"),
        (changed(trend__periods=[2021, 2024]), "trend.periods.0", "2021", "array"),
        (changed(years={"first": 2024, "last": 2024}), "trend.periods", "[2024, 2024]", "two years"),
        (changed(trend__min_years=6), "trend.min_years", "6 with the 5 years", "at most"),
        (changed(fvc__years=[2019]), "fvc.years", "[2019]", "2020..2024"),
        (changed(fvc__years=[]), "fvc.years", "[]", "2020..2024"),
        (changed(fvc__soil={"percentile": 95}), "fvc.soil", "95", "below"),
        (changed(fvc={"soil": {"ndvi": 0.9}, "vegetation": {"ndvi": 0.1}}), "fvc.soil", "0.9", "below"),
        (changed(fvc__soil={}), "fvc.soil", "neither", "one of them"),
        (changed(trend__alpha={"slight": 0.05}), "trend.alpha", "slight 0.05", "extreme < significant < slight"),
        (changed(grid__resolution_m={"landsat": 30}), "grid.resolution_m", "landsat", "sentinel-2"),
        (changed(grid__crs="32647"), "grid.crs", "32647", "EPSG"),
        (changed(aoi__zones={"Pit": {"restored": "June 2021"}}), "aoi.zones.Pit.restored", "June 2021", "YYYY-MM"),
        (changed(aoi__zones={"Pit": {"restored": "0000"}}), "aoi.zones.Pit.restored", "0000", "1950 to 2200"),
        (changed(aoi__zones={"Pit": {"restored": "9999-01"}}), "aoi.zones.Pit.restored", "9999-01", "1950 to 2200"),
        (changed(aoi__zones={"Pit": {"measures": [" "]}}), "aoi.zones.Pit.measures.0", "' '", "one measure"),
        (changed(aoi__zones={"Pit": {"measures": ["soil + sowing"]}}), "aoi.zones.Pit.measures.0", "soil + sowing", "one measure"),
        (changed(aoi__zones={"Pit": {"measures": ["lime; seed + x"]}}), "aoi.zones.Pit.measures.0", "lime; seed + x", "one measure"),
        (changed(aoi__zones={"Pit": {"measures": ["a", "x\x07"]}}), "aoi.zones.Pit.measures.1", "x", "control characters"),
        (changed(aoi__zones={"Pit": {"measures": [f"m{i}" for i in range(21)]}}), "aoi.zones.Pit.measures", "m20", "at most 20"),
        (changed(aoi__zones={"Pit": {"measures": ["Sowing"]}, "Dump": {"measures": ["sowing"]}}), "aoi", "'sowing' of zone Dump", "one spelling"),
        (changed(title="a\x00b"), "title", "a", "control characters"),
        (changed(aoi__reference=["b"], aoi__zones={"b": {"restored": "2021"}}, recovery={}), "recovery", "'b', which has `restored`", "undisturbed ground"),
        (changed(recovery={"works_from": {"Pit": "0000"}}), "recovery.works_from.Pit", "0000", "1950 to 2200"),
        (changed(mask={"drop": ["cloud", "water"], "dilate": ["cloud"]}, water={"connectivity": 8}), "water", "mask.drop", "kept"),
        (changed(strata={"field": "name"}, aoi__zone_field="name"), "strata.field", "name of the zone", "landform"),
        (changed(strata={"field": "zone"}), "strata.field", "name of the zone", "landform"),
        (changed(climate={"precipitation": "synthetic", "baseline": [1981, 2010]}), "climate.baseline", "[1981, 2010]", "2002..2024"),
        (changed(strata={}), "strata", "neither `dem` nor `field`", "one of them"),
        (changed(breaks={"years": [2020, 2021, 2022]}), "breaks.years", "2022", "2 values"),
        (changed(sensors={}), "sensors", "{}", "at least 1"),
        (changed(sensors={"logs": {"sensor": "landsat"} | COMPOSITES}), "sensors.logs", "logs", "another id"),
        (changed(sensors={"s-2": COMPOSITES}), "sensors.s-2", "s-2", "sentinel-2, landsat"),
        (sensor(), "sensors.sentinel-2", "neither", "one of them"),
        (sensor(catalog="synthetic", **COMPOSITES), "sensors.sentinel-2", "both", "one of them"),
        (changed(mask={"dilate": ["snow"]}), "mask.dilate", "snow", "other than snow and water"),
        (changed(mask={"drop": ["cloud"]}), "mask.dilate", "shadow", "mask.drop"),
        (changed(mask={"drop": ["clouds"], "dilate": []}), "mask.drop.0", "clouds", "cloud"),
        (changed(mask={"dilate_m": -1}), "mask.dilate_m", "-1", "greater than or equal to 0"),
        (changed(mask={"min_reflectance_sum": 2}), "mask.min_reflectance_sum", "2", "less than or equal to 1"),
        (changed(composite={"method": "p101"}), "composite.method", "p101", "median"),
        (changed(composite={"min_clear": 0}), "composite.min_clear", "0", "greater than or equal to 1"),
        (changed(sensors={"landsat": COMPOSITES}, mask={"dilate_m": 20}), "mask", "without a catalog", "scenes"),
        (changed(sensors={"landsat": COMPOSITES}, composite={"min_clear": 3}), "composite", "without a catalog", "scenes"),
        (sensor(**COMPOSITES, max_cloud_pct=20), "sensors.sentinel-2", "max_cloud_pct", "catalog"),
        (sensor(catalog="synthetic", max_cloud_pct=101), "sensors.sentinel-2.max_cloud_pct", "101", "100"),
        (sensor(catalog="synthetic", offset="none"), "sensors.sentinel-2.offset", "none", "raw"),
        (sensor(catalog="/vsicurl/https://host/items.json"), "sensors.sentinel-2.catalog", "/vsicurl", "a file on disk"),
        (sensor(catalog="synthetic", scale=2), "sensors.sentinel-2", "scale", "composites"),
        (sensor(composites="a/{year}.tif"), "sensors.sentinel-2", "bands", "{red: N, nir: N}"),
        (sensor(composites="a/{year}.tif", bands={"red": 1}), "sensors.sentinel-2.bands", "red", "{red: N, nir: N}"),
        (sensor(composites="a/2020.tif", bands={"ndvi": 1}), "sensors.sentinel-2", "a/2020.tif", "{year}"),
        (sensor(**COMPOSITES, scale=0), "sensors.sentinel-2.scale", "0", "greater than 0"),
        (sensor(**COMPOSITES, missing_years=[2019]), "sensors.sentinel-2.missing_years", "[2019]", "years of the run"),
        (changed(years__first=2000, trend__significance="exact", sensors__s2=COMPOSITES), "trend.significance", "25", "at most 20"),
        (changed(years__first="x", trend__scheme="six"), "years.first", "x", "integer"),
    ],
)
def test_refused_with_field_found_and_expected(refused, base, field, found, expected):
    error = refused(base)
    assert error.field == field
    assert found in error.found
    assert expected in error.expected


def test_a_number_in_quotes_is_not_shown_as_the_number(refused):
    assert refused(changed(years__first="2020")).found != "2020"


@pytest.mark.parametrize("changes", [{"season__start": "٠٧-٠١"}, {"aoi__zones": {"a": {"restored": "٢٠٢١"}}}, {"grid__crs": "EPSG:٣٢٦٤٧"}], ids=list)
def test_digits_of_other_scripts_are_refused(refused, changes):
    refused(changed(**changes))


@pytest.mark.parametrize(("first", "last"), [("12-01", "02-28"), ("01-01", "12-31"), ("02-29", "02-29")])
def test_seasons_may_cross_the_turn_of_the_year(load, first, last):
    season = load(changed(season={"start": first, "end": last})).season
    assert (season.start, season.end) == (first, last)


@pytest.mark.parametrize("day", ["13-01", "00-10", "02-30", "04-31", "07-00", "7-1", "07/01", "0701", "", "July", "2021-07-01", " 07-01", "07-01\n"])
def test_a_day_that_does_not_exist_is_refused(refused, day):
    for key in ("start", "end"):
        error = refused(changed(**{f"season__{key}": day}))
        assert (error.field, error.expected) == ("season", '"MM-DD"')


def test_min_years_auto_is_70_per_cent_of_the_span_rounded_up_and_at_least_4():
    needed = {3: 4, 4: 4, 5: 4, 6: 5, 7: 5, 8: 6, 9: 7, 10: 7, 11: 8, 20: 14, 25: 18, 30: 21, 40: 28}
    assert {span: configs.Trend().years_needed((2001, 2000 + span)) for span in needed} == needed
    assert configs.Trend(min_years=3).years_needed((2001, 2020)) == 3


def test_a_config_is_frozen_at_every_level(load):
    config = load(CONTRACT)
    parts = [config, config.aoi, config.grid, config.years, config.season, config.fvc, config.fvc.soil, config.trend, config.trend.alpha]
    for part in [*parts, *config.aoi.zones.values(), *config.sensors.values(), config.sensors["landsat"].bands]:
        name = next(iter(type(part).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, getattr(part, name))


def test_every_model_is_strict_and_forbids_unknown_keys():
    wanted = {"extra": "forbid", "frozen": True, "strict": True, "allow_inf_nan": False}
    assert [wanted.items() <= model.model_config.items() for model in MODELS] == [True] * len(MODELS)


def test_the_schema_is_valid_and_knows_every_key():
    schema = configs.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    parts = [part for whole in (schema, *schema["$defs"].values()) for part in (whole, *whole.get("anyOf", ()))]
    objects = [part for part in parts if "properties" in part]
    known = {part["title"]: set(part["properties"]) for part in objects}
    assert known == {model.__name__: set(model.model_fields) for model in MODELS if model.model_fields}
    assert all(part["additionalProperties"] is False for part in objects)
    assert schema["required"] == ["mine", "aoi", "years", "season", "sensors"]


@pytest.mark.parametrize("text", [CONTRACT, JIANGCANG], ids=["contract", "jiangcang"])
def test_the_schema_accepts_what_the_model_accepts(load, text):
    load(text)
    jsonschema.validate(yaml.safe_load(text), configs.schema())


@pytest.mark.parametrize(
    "changes", [{"mien": 1}, {"mine": "A"}, {"mine": 7}, {"years__first": "2020"}, {"years__first": 1900}, {"trend__scheme": "six"}], ids=str
)
def test_the_schema_refuses_what_the_model_refuses(refused, changes):
    refused(changed(**changes))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed(**changes), configs.schema())


def test_an_evaluation_without_a_value_has_its_defaults(tmp_path):
    """`breaks:` with nothing behind it asks for it; one that needs a key says so."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(LEAST) + "breaks:\n", encoding="utf-8")
    config = configs.load(path)
    assert config.breaks == config_breaks.Breaks() and config.recovery is None
    path.write_text(yaml.safe_dump(LEAST) + "water:\n", encoding="utf-8")
    with pytest.raises(BadInput, match="water.connectivity: missing key") as caught:
        configs.load(path)
    assert "minegreen new" not in caught.value.fix
