"""The command line: exit codes, help of every subcommand, and no heavy import before work begins."""

import json
import logging
import subprocess
import sys

import pytest

from pipeline import __version__
from pipeline.__main__ import STAGES, _parser, main

COMMANDS = ["new", "check", "crosscheck", "verify", "checktable", *STAGES, "warm", "summary"]
HEAVY = ["numpy", "numba", "rasterio", "geopandas", "dask", "xarray", "pandas", "shapely", "pyproj", "matplotlib", "scipy", "pydantic", "snakemake"]
COMPOSITE = ["composite", "x.yaml", "--sensor", "s", "--year", "2020"]
TREND = ["trend", "x.yaml", "--sensor", "s", "--period"]


def exits(*arguments):
    """Return the code with which argparse ends the program."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return caught.value.code


@pytest.mark.parametrize("command", COMMANDS)
def test_every_subcommand_has_a_description_and_explains_every_argument(command, capsys):
    (action,) = [a for a in _parser()._actions if a.dest == "command"]
    assert list(action.choices) == COMMANDS
    parser = action.choices[command]
    assert parser.description
    assert all(argument.help for argument in parser._actions)
    assert exits(command, "--help") == 0
    assert " ".join(parser.description.split()) in " ".join(capsys.readouterr().out.split())


def test_help_lists_every_subcommand_and_version_is_the_packages(capsys):
    assert exits("--help") == 0
    out = capsys.readouterr().out
    assert all(f"    {command}" in out for command in COMMANDS)
    assert exits("--version") == 0
    assert capsys.readouterr().out == f"minegreen {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["trend", "--help"], ["check", "--help"]], ids=" ".join)
def test_answering_imports_nothing_heavy(arguments):
    code = f"""
import json, sys
from pipeline.__main__ import main
try:
    main({arguments!r})
except SystemExit:
    print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_a_stage_on_threads_loads_nothing_of_a_cluster(small_mine):
    config = str(small_mine.write())
    common = ["--sensor", "sentinel-2", "--results", str(small_mine.results)]
    assert main(["scenes", config, *common]) == 0
    code = f"""
import sys
from pipeline.__main__ import main
print(main({["composite", config, "--year", "2020", *common]!r}), 'dask' in sys.modules, 'distributed' in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 True False"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["grow"], "invalid choice: 'grow'"),
        (["check"], "CONFIG"),
        (["new", "site"], "--aoi"),
        ([*TREND, "2024-2020"], "'2024-2020'; expected first-last, for instance 2021-2024"),
        ([*TREND, "2020-2020"], "expected first-last"),
        ([*TREND, "2020"], "expected first-last"),
        (["composite", "x.yaml", "--sensor", "s", "--year", "last"], "'last'"),
        (["composite", "x.yaml", "--year", "2020"], "--sensor"),
        ([*COMPOSITE, "--threads", "0"], "expected a whole number from 1"),
        ([*COMPOSITE, "--block", "-5"], "expected a whole number from 1"),
        (["checktable"], "TABLE"),
        (["crosscheck", "x.yaml", "--pixels", "many"], "'many'; expected a whole number from 1"),
    ],
)
def test_wrong_arguments_exit_2_with_what_was_expected(arguments, words, capsys):
    assert exits(*arguments) == 2
    assert words in capsys.readouterr().err


def call(mine, stage, *more):
    """Return the exit code of a stage."""
    return main([stage, str(mine.config), *map(str, more), "--results", str(mine.results)])


@pytest.fixture
def finished(small_mine):
    """Return a small mine whose stages have all run, manifest included."""
    small_mine.run()
    assert call(small_mine, "manifest") == 0
    return small_mine


def test_an_unknown_sensor_is_bad_input_of_every_stage(small_mine, capsys):
    small_mine.write()
    more = {"year": ["--year", "2020"], "period": ["--period", "2020-2024"], "sensor": ["--sensor", "landsat"]}
    for stage, (_, keys) in STAGES.items():
        if "sensor" in keys:
            assert call(small_mine, stage, *[word for key in keys for word in more[key]]) == 2
            assert f"{small_mine.config}: --sensor\n  found:    landsat\n  expected: one of sentinel-2\n" in capsys.readouterr().err
    assert not small_mine.results.exists()


@pytest.mark.parametrize(
    ("stages", "option", "values"),
    [(["composite"], "--year", ["1999", "2019", "2025"]), (["trend", "classes", "map"], "--period", ["1999-2001", "2019-2024", "2021-2024"])],
    ids=["year", "period"],
)
def test_a_year_or_period_that_the_config_does_not_have_is_bad_input(finished, capsys, stages, option, values):
    before = sorted(finished.results.rglob("*"))
    capsys.readouterr()
    cases = [(stage, value) for stage in stages for value in values]
    assert {case: call(finished, case[0], "--sensor", "sentinel-2", option, case[1]) for case in cases} == dict.fromkeys(cases, 2)
    assert "Traceback" not in capsys.readouterr().err
    assert sorted(finished.results.rglob("*")) == before


def test_a_fault_during_the_run_exits_3_with_the_fix_and_without_the_output(small_mine, capsys):
    small_mine.settings["fvc"] = {"soil": {"percentile": 49.9}, "vegetation": {"percentile": 50.1}}
    small_mine.write()
    assert call(small_mine, "scenes", "--sensor", "sentinel-2") == 0
    for year in small_mine.years:
        assert call(small_mine, "composite", "--sensor", "sentinel-2", "--year", year) == 0
    assert call(small_mine, "endmembers", "--sensor", "sentinel-2") == 3
    err = capsys.readouterr().err
    assert "expected vegetation at least 0.05 above soil" in err
    assert "fix:" in err
    assert not (small_mine.results / "small/sentinel-2/endmembers.json").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError("of 8 GB"), KeyboardInterrupt()], ids=["disk", "memory", "interrupt"])
def test_what_the_system_raises_exits_3_without_a_traceback(small_mine, capsys, monkeypatch, error):
    def fails(*_):
        raise error

    small_mine.write()
    monkeypatch.setattr("pipeline.stages.scenes.run", fails)
    assert call(small_mine, "scenes", "--sensor", "sentinel-2") == 3
    err = capsys.readouterr().err
    assert str(error) in err
    assert "the same command resumes" in err
    assert "Traceback" not in err


def test_messages_also_go_to_the_log_which_is_closed_at_the_end(small_mine, tmp_path, capsys):
    small_mine.write()
    path = tmp_path / "logs" / "scenes.log"
    assert call(small_mine, "scenes", "--sensor", "landsat", "--log", path) == 2
    still_open = [h for h in logging.getLogger("minegreen").handlers if isinstance(h, logging.FileHandler) and h.stream is not None]
    for handler in still_open:
        handler.close()
    assert path.read_text(encoding="utf-8") == capsys.readouterr().err
    assert still_open == []


def test_warm_writes_its_marker_with_the_kernels(tmp_path):
    marker = tmp_path / "made" / "kernels.txt"
    assert main(["warm", str(marker)]) == 0
    counts = dict(line.split() for line in marker.read_text(encoding="utf-8").splitlines())
    assert {"mann_kendall", "_classify", "_normalised_difference"} <= set(counts)
    assert all(int(count) >= 1 for count in counts.values())


def test_no_stage_that_every_run_has_loads_a_kernel_that_is_not_compiled_in_advance():
    """Such a kernel is compiled in the middle of every first run: the report once compiled those of breaks for seven seconds, asked for or not."""
    asked_for = {"breaks", "strata"}  # by a key of the config
    script = """
import importlib, sys
def kernels():
    found = (m for name, m in sys.modules.items() if name.startswith("pipeline.kernels."))
    return {m.__name__ for m in found if any(hasattr(k, "signatures") for k in vars(m).values())}
importlib.import_module("pipeline.stages.warm")
ready = kernels()
for stage in sys.argv[1:]:
    importlib.import_module(f"pipeline.stages.{stage}")
print(len(ready), sorted(kernels() - ready))
"""
    done = subprocess.run([sys.executable, "-c", script, *(s for s in STAGES if s not in asked_for)], capture_output=True, text=True, check=True)
    assert done.stdout == "6 []\n"


def test_verify_exits_0_on_a_finished_run_whatever_other_programs_wrote(finished, capsys):
    for name in ("small.qgz", "sentinel-2/trend_class_2020-2024.tif.aux.xml", "check.png", "logs/x.csv"):
        (finished.results / "small" / name).parent.mkdir(exist_ok=True)
        (finished.results / "small" / name).write_text("changed", encoding="utf-8")
    for folder in (finished.results, finished.results / "small"):
        capsys.readouterr()
        assert main(["verify", str(folder)]) == 0
        assert capsys.readouterr().out == "every output is as the run left it\n"


def test_verify_exits_3_and_names_what_changed_is_missing_or_was_added(finished, capsys):
    root = finished.results / "small"
    raster = root / "sentinel-2" / "ndvi_2020.tif"
    content = raster.read_bytes()
    raster.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (root / "sentinel-2" / "fvc_by_zone.csv").unlink()
    (root / "sentinel-2" / "extra.csv").write_text("a\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["verify", str(finished.results)]) == 3
    found = ["changed: sentinel-2/ndvi_2020.tif", "missing: sentinel-2/fvc_by_zone.csv", "not of this run: sentinel-2/extra.csv"]
    assert sorted(capsys.readouterr().out.splitlines()) == [f"{root}: {line}" for line in found]


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"sha256": 7}', '{"sha256": [1]}'])
def test_verify_exits_2_without_a_manifest_that_can_be_read(tmp_path, capsys, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content, encoding="utf-8")
    assert main(["verify", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert str(tmp_path) in err
    assert all(f"\n  {label}" in err for label in ("found:", "expected:", "fix:"))
