"""Faults of a config through preflight, `check`, a stage and Snakemake: exit 2, one complete message, nothing written."""

import os
import subprocess
import sys

import pytest
import yaml
from running import place

from pipeline import plan
from pipeline.__main__ import main
from pipeline.errors import BadInput


@pytest.fixture
def stopped(small_mine):
    """Return a function that makes a plan, which must fail, and returns the error, complete."""

    def call(*paths, **settings):
        before = set(small_mine.folder.rglob("*"))
        with pytest.raises(BadInput) as caught:
            plan.make([str(path) for path in paths or [small_mine.config]], {"results": str(small_mine.results)} | settings)
        error = caught.value
        assert all([error.where, error.field, error.found, error.expected, error.fix])
        assert set(small_mine.folder.rglob("*")) == before
        return error

    return call


@pytest.fixture
def refused(small_mine, stopped, capsys):
    """Return a function that gives a config's text to preflight, `check` and a stage, and returns the error they agree on."""

    def call(text):
        small_mine.write()
        small_mine.config.write_text(text, encoding="utf-8")
        error = stopped()
        for command, *more in (["check"], ["scenes", "--sensor", "sentinel-2"]):
            assert main([command, str(small_mine.config), *more, "--results", str(small_mine.results)]) == 2
            assert capsys.readouterr().err == f"minegreen: {error}\n"
        assert str(small_mine.config) in error.where
        assert not small_mine.results.exists()
        return error

    return call


@pytest.fixture
def text(small_mine):
    """Return the text of a good config, one key per line."""
    return yaml.safe_dump(small_mine.settings, sort_keys=False, default_flow_style=False)


def line_of(text, part):
    """Return the number of the only line that holds a part."""
    (number,) = [i for i, line in enumerate(text.splitlines(), 1) if part in line]
    return number


def test_the_config_that_the_faults_start_from_is_good(small_mine, text):
    small_mine.write()
    small_mine.config.write_text(text, encoding="utf-8")
    assert list(plan.make([str(small_mine.config)], {"results": str(small_mine.results)}).mines) == ["small"]
    assert not small_mine.results.exists()


@pytest.mark.parametrize(
    ("right", "wrong", "field"),
    [
        ("mine: small", "mien: small", "mien"),
        ("buffer_m", "bufer_m", "grid.bufer_m"),
        ("role: pit", "rolle: pit", "aoi.zones.pit.rolle"),
        ("composites", "composited", "sensors.sentinel-2.composited"),
        ("first", "fist", "years.fist"),
    ],
)
def test_c01_a_misspelt_key_is_named_with_the_nearest_one(refused, text, right, wrong, field):
    error = refused(bad := text.replace(right, wrong))
    assert error.where.endswith(f":{line_of(bad, wrong)}")
    assert (error.field, error.found, error.fix) == (f"{field}: unknown key", wrong.split(":")[0], f"did you mean `{right.split(':')[0]}`?")
    assert right.split(":")[0] in error.expected


@pytest.mark.parametrize(
    ("right", "wrong", "field", "found", "expected"),
    [
        ("first: 2020", "first: two thousand", "years.first", "two thousand", "integer"),
        ("first: 2020", "first: 2020.5", "years.first", "2020.5", "integer"),
        ("first: 2020", "first: true", "years.first", "true", "integer"),
        ("first: 2020", "first:", "years.first", "", "integer"),
        ("buffer_m: 0", "buffer_m: [1]", "grid.buffer_m", "[1]", "number"),
        ("zone_field: zone", "zone_field: [zone]", "aoi.zone_field", "zone", "string"),
        ("zone_field: zone", "repair: maybe", "aoi.repair", "maybe", "boolean"),
        ("role: pit", "role: {a: b}", "aoi.zones.pit.role", "{", "string"),
    ],
)
def test_c02_a_wrong_type(refused, text, right, wrong, field, found, expected):
    error = refused(text.replace(right, wrong))
    assert error.field == field
    assert found in error.found
    assert expected in error.expected


@pytest.mark.parametrize("path", ["mine", "aoi", "years", "season", "sensors", "aoi.path", "years.last", "season.start"])
def test_c03_a_missing_key_is_named_with_its_parents_line(refused, text, path):
    values = yaml.safe_load(text)
    *parents, key = path.split(".")
    del (values[parents[0]] if parents else values)[key]
    error = refused(bad := yaml.safe_dump(values))
    assert (error.field, error.found, error.expected) == (f"{path}: missing key", "nothing", f"`{key}`")
    assert error.where.endswith(f":{line_of(bad, parents[0] + ':')}" if parents else ".yaml")


def test_c04_years_reversed(refused, text):
    error = refused(text.replace("last: 2024", "last: 2010"))
    assert (error.field, error.found) == ("years", "last year 2010 is before first year 2020")
    assert (error.expected, error.fix) == ("first <= last", "swap them")


def test_c05_a_duplicate_key_is_named_with_both_lines(refused, text):
    error = refused(text + "years: {first: 2021, last: 2024}\n")
    second = text.count("\n") + 1
    assert error.where.endswith(f":{second}")
    assert (error.field, error.found) == ("years", f"twice, in lines {line_of(text, 'years:')} and {second}")
    assert error.fix == "remove one of them"


def test_c06_a_tab(refused, text):
    error = refused(text.replace("  first: 2020", "\tfirst: 2020"))
    assert error.where.endswith(f":{line_of(text, 'first:')}")
    assert (error.found, error.expected, error.fix) == ("a tab", "spaces", "replace each tab by spaces")


@pytest.mark.parametrize("word", ["no", "on", "007", "Yes", "null", "~", "12", "1e3", "0x1F"])
def test_c07_an_id_that_yaml_does_not_read_as_text(refused, text, word):
    error = refused(text.replace("mine: small", f"mine: {word}"))
    assert error.where.endswith(":1")
    assert error.field == "mine"
    assert word in error.found
    assert "text" in error.expected
    assert error.fix == f'quote it: "{word}"'


def test_c07_a_sensor_id_and_a_zone_that_yaml_does_not_read_as_text(refused, text):
    assert refused(text.replace("  sentinel-2:", "  on:")).fix == 'quote it: "on":'
    assert refused(text.replace("    pit:", "    no:")).fix == 'quote it: "no":'
    assert refused(text.replace("  - background", "  - 007")).fix == 'quote it: "007"'


def test_c07_a_quoted_word_is_an_id(small_mine):
    for word in ("no", "on", "007"):
        small_mine.settings["mine"] = word
        assert list(plan.make([str(small_mine.write())], {}).mines) == [word]


@pytest.mark.parametrize("content", ["", "\n", "# nothing yet\n"])
def test_c09_an_empty_file(refused, content):
    error = refused(content)
    assert (error.found, error.expected) == ("nothing", "keys such as `mine:`")


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "1e400"])
@pytest.mark.parametrize("path", ["trend.alpha.slight", "trend.no_change", "grid.buffer_m", "grid.resolution_m.sentinel-2", "fvc.soil.ndvi"])
def test_c11_a_threshold_that_is_not_finite(refused, text, path, value):
    keys = path.split(".")
    values = {key: value for key, value in yaml.safe_load(text).items() if key != keys[0]}
    error = refused(yaml.safe_dump(values) + "{".join(f"{key}: " for key in keys) + value + "}" * (len(keys) - 1))
    assert (error.field, error.found) == (path, value)
    assert "finite" in error.expected


@pytest.mark.parametrize(
    ("line", "field", "found", "expected"),
    [
        ("trend: {alpha: {slight: 1.5}}", "trend.alpha.slight", "1.5", "less than 1"),
        ("trend: {alpha: {extreme: 0}}", "trend.alpha.extreme", "0", "greater than 0"),
        ("trend: {no_change: -0.1}", "trend.no_change", "-0.1", "greater than or equal to 0"),
        ("trend: {min_years: 1}", "trend.min_years", "1", "3"),
    ],
)
def test_c11_a_threshold_out_of_range(refused, text, line, field, found, expected):
    error = refused(text + line)
    assert error.where.endswith(f":{text.count(chr(10)) + 1}")
    assert (error.field, error.found) == (field, found)
    assert expected in error.expected


def test_c11_an_endmember_out_of_range(refused, text):
    assert refused(text.replace("ndvi: 0.05", "percentile: 101")).field == "fvc.soil.percentile"
    assert refused(text.replace("ndvi: 0.86", "ndvi: 1.1")).field == "fvc.vegetation.ndvi"


def test_c12_a_python_tag_runs_nothing(refused, text, tmp_path):
    error = refused(f"x: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']\n" + text)
    assert error.where.endswith(":1")
    assert "python/object/apply:os.mkdir" in error.found
    assert error.fix == "remove the tag"
    assert not (tmp_path / "made").exists()


def test_c13_an_alias_bomb(refused):
    rows = ["a: &a [x, x, x, x, x, x, x, x, x]"] + [f"{h}: &{h} [{', '.join([f'*{b}'] * 9)}]" for b, h in zip("abcdefgh", "bcdefghi", strict=True)]
    error = refused("\n".join(rows))
    assert (error.field, error.fix) == ("anchor or alias", "write the value out in each place")


def test_c13_more_than_a_megabyte(refused, text):
    assert refused(text + "#" * 1_000_000).found == "more than 1,000,000 bytes"


def test_c13_a_nesting_bomb(refused, text):
    assert refused(text + "title: " + "[" * 600 + "]" * 600).where.endswith(f":{text.count(chr(10)) + 1}")


def test_c15_two_mines_with_one_id(small_mine, stopped):
    other = small_mine.write().rename(small_mine.folder / "other.yaml")
    error = stopped(small_mine.write_config(), other)
    assert (error.where, error.field) == (str(other), "mine")
    assert (error.found, error.expected) == (f"small, also in {small_mine.config}", "one file per mine")


def test_one_bad_file_of_several_stops_all(small_mine, stopped):
    bad = small_mine.folder / "bad.yaml"
    bad.write_text("mine: other\n", encoding="utf-8")
    assert stopped(small_mine.write(), bad).where == str(bad)


@pytest.mark.parametrize("key", ["foo", "Dask", "Results", "mine"])
def test_config_settings_other_than_results_are_refused(small_mine, stopped, key):
    small_mine.write()
    error = stopped(**{key: "1"})
    assert (error.where, error.field, error.found) == ("--config", key, "1")
    assert "results" in error.expected


@pytest.mark.parametrize("value", ["1", "", 7, "http://host:8786", "tcp://host", "tcp://host:8786;rm", "tcp://a b:1", "tcp://host:8786\n"], ids=repr)
def test_a_dask_address_that_is_none_is_refused(small_mine, stopped, value):
    small_mine.write()
    error = stopped(dask=value)
    assert (error.where, error.field) == ("--config", "dask")
    assert "dask.distributed scheduler" in error.expected


@pytest.mark.parametrize("value", ["a\nb", "a\0b", "", None, False, 7, ["a"], "/vsimem/x", "s3://bucket/x", "a{b}"], ids=repr)
def test_a_results_folder_that_is_no_plain_path_is_refused(small_mine, stopped, value):
    small_mine.write()
    assert "results" in stopped(results=value).field


def test_a_results_folder_that_is_a_file_is_refused(small_mine, stopped):
    small_mine.write()
    for results in (small_mine.config, small_mine.config / "below"):
        error = stopped(results=str(results))
        assert error.where == str(results)
        assert str(small_mine.config) in error.found


def test_configs_are_taken_from_the_folder_configs_or_there_are_none(small_mine, stopped, monkeypatch):
    folder = small_mine.folder / "configs"
    folder.mkdir()
    monkeypatch.chdir(small_mine.folder)
    with pytest.raises(BadInput, match="minegreen new") as caught:
        plan.make([], {})
    assert caught.value.found == "none"
    small_mine.write().rename(folder / "small.yaml")
    (folder / "schema.json").write_text("{}", encoding="utf-8")
    assert plan.make([], {}).targets()[0] == "results/small/run.json"


@pytest.mark.parametrize("key", ["aoi", "composites", "endmembers"])
def test_braces_in_a_path_are_refused_before_the_workflow_fills_them(small_mine, stopped, key):
    small_mine.write()
    if key == "aoi":
        small_mine.settings["aoi"]["path"] = str((small_mine.folder / "aoi.gpkg").rename(small_mine.folder / "{mine}.gpkg"))
    elif key == "composites":
        small_mine.settings["sensors"]["sentinel-2"]["composites"] = str(small_mine.folder / "{mine}-{year}.tif")
        for year in small_mine.years:
            (small_mine.folder / f"{year}.tif").rename(small_mine.folder / f"{{mine}}-{year}.tif")
    else:
        small_mine.settings["fvc"] = {"endmembers": str(small_mine.folder / "{mine}.json")}
        (small_mine.folder / "{mine}.json").write_text('{"soil_ndvi": 0.05, "vegetation_ndvi": 0.86}', encoding="utf-8")
    small_mine.write_config()
    assert "{mine}" in stopped().found


def test_endmembers_that_do_not_exist_are_refused_by_the_preflight(small_mine, stopped):
    small_mine.settings["fvc"] = {"endmembers": str(small_mine.folder / "nothing.json")}
    small_mine.write()
    assert "fvc.endmembers" in stopped().field


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:2263", "EPSG:99999"], ids=["degrees", "feet", "unknown"])
@pytest.mark.parametrize("catalog", [None, "synthetic"], ids=["composites", "synthetic"])
def test_a_grid_that_is_not_projected_in_metres_is_refused_with_the_file(small_mine, stopped, crs, catalog):
    small_mine.settings["grid"] = {"crs": crs}
    if catalog:
        small_mine.settings["sensors"]["sentinel-2"] = {"catalog": catalog}
    small_mine.write()
    error = stopped()
    assert (error.field, error.found) == ("grid.crs", crs)
    assert str(small_mine.config) in error.where


def test_a_grid_of_too_many_cells_is_refused_with_the_file(small_mine, stopped):
    small_mine.settings["grid"] = {"resolution_m": {"sentinel-2": 0.001}}
    small_mine.write()
    error = stopped()
    assert "2,000,000,000" in error.expected
    assert str(small_mine.config) in error.where


def snakemake(*arguments):
    """Run the real command as a user would, and return exit code and messages."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *map(str, arguments)]
    done = subprocess.run(command, cwd=place(), capture_output=True, text=True, check=False, env=dict(os.environ))
    return done.returncode, done.stderr


def test_snakemake_exits_2_on_a_bad_config(small_mine):
    small_mine.settings["trend"] = {"schemes": "five"}
    code, err = snakemake("--configfile", small_mine.write(), "--config", f"results={small_mine.results}")
    assert code == 2
    assert "trend.schemes: unknown key\n  found:    schemes\n  expected: a key that this version has: periods" in err
    assert "\n  fix:      did you mean `scheme`?\n" in err
    assert "Traceback" not in err
    assert not small_mine.results.exists()


def test_snakemake_exits_2_on_an_unknown_setting(small_mine):
    code, err = snakemake("--configfile", small_mine.write(), "--config", f"results={small_mine.results}", "foo=1")
    assert code == 2
    assert "--config: foo\n  found:    1\n  expected: one of: dask, results" in err
    assert not small_mine.results.exists()


def test_snakemake_exits_2_when_the_results_folder_is_a_file(small_mine):
    code, err = snakemake("--configfile", small_mine.write(), "--config", f"results={small_mine.config}")
    assert code == 2
    assert "results folder" in err
    assert "--config results=DIR" in err
