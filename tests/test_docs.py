"""The documentation names every command, key, column and output, and what is generated is up to date."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pages import blocks, commands, sections
from running import ROOT

from pipeline import geopackage, plan
from pipeline.__main__ import STAGES, _parser
from pipeline.classes import GROUPS, LEGEND
from pipeline.columns import COLUMNS
from pipeline.config import Config, load
from pipeline.evaluation.records import EVALUATIONS
from pipeline.kernels.codes import OUTPUTS
from pipeline.layout import LEDGER, OBSERVED, SCENE_TABLES, SENSITIVITY, TABLES
from pipeline.variants import METHODS, PERCENTILES, SHIFT_DAYS

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOCS = {str(p.relative_to(ROOT)).removeprefix("docs/"): p.read_text(encoding="utf-8") for p in PAGES}
COMMANDS = next(a for a in _parser()._actions if a.choices).choices


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(generator().GENERATED))
def test_generated_files_are_up_to_date(name):
    assert (ROOT / name).read_text(encoding="utf-8") == generator().GENERATED[name](), "run: python docs/generate.py"


def test_every_user_command_is_in_the_readme():
    users = set(COMMANDS) - set(STAGES) - {"warm", "summary"}
    assert users == {"new", "check", "crosscheck", "verify", "checktable"}
    for command in users:
        assert f"minegreen {command}" in DOCS["README.md"]


def test_every_command_and_option_has_its_place_in_the_reference():
    every = {s.title: s for s in sections(DOCS["commands.md"])}
    for name, command in COMMANDS.items():
        text = every[f"minegreen {name}"].text
        for action in command._actions:
            for word in action.option_strings[-1:] or [action.metavar or action.dest.upper()]:
                assert f"`{word}" in text or word == "--help", (name, word)


@pytest.mark.parametrize("name", sorted(DOCS))
def test_every_command_on_a_page_can_be_typed(name, capsys):
    from snakemake.cli import get_argument_parser

    for words in commands(DOCS[name]):
        parser = _parser() if words[0] == "minegreen" else get_argument_parser()
        try:
            parser.parse_args(words[1:])
        except SystemExit as end:
            assert end.code == 0, (words, capsys.readouterr().err)  # --help ends with 0
    for command in re.findall(r"`minegreen ([a-z]\w*)", DOCS[name]):
        assert command in COMMANDS, command


def test_pages_show_commands_at_all():
    """The test above would pass on pages without any."""
    shown = {words[1] for text in DOCS.values() for words in commands(text) if words[0] == "minegreen"}
    assert shown >= set(COMMANDS) - set(STAGES) - {"warm"}
    assert sum(words[0] == "snakemake" for text in DOCS.values() for words in commands(text)) >= 5


MINIMAL = {
    "mine": "my-mine",
    "aoi": {"path": "aoi.geojson"},
    "years": {"first": 2020, "last": 2024},
    "season": {"start": "07-01", "end": "08-31"},
    "sensors": {"sentinel-2": {"catalog": "items.json"}},
}
YAML = [(name, text) for name in DOCS for language, text in blocks(DOCS[name]) if language == "yaml"]


@pytest.mark.parametrize(("name", "text"), YAML, ids=[f"{name}-{i}" for i, (name, _) in enumerate(YAML)])
def test_every_yaml_on_a_page_is_a_config_or_a_part_of_one(name, text, tmp_path):
    given = yaml.safe_load(text)
    path = tmp_path / "config.yaml"
    path.write_text(text if "mine" in given else yaml.safe_dump(MINIMAL | given), encoding="utf-8")
    load(path)


def test_the_sample_message_names_the_keys_of_this_version():
    assert f"a key that this version has: {', '.join(Config.model_fields)}\n" in DOCS["troubleshooting.md"]


def test_pages_show_settings_at_all():
    assert len(YAML) >= 4


def test_every_stage_is_a_rule_with_message_log_benchmark_and_code():
    rules = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "rules").glob("*.smk"))
    blocks = [b.split("\n\n\n")[0] for b in re.split(r"^ *(?:use )?rule\b.*:\n", rules, flags=re.MULTILINE)[1:]]
    stages = [re.search(r'"(?:nice )?minegreen (\w+|{params\.stage:q}) ', block)[1] for block in blocks]
    assert set(stages) == {*(set(STAGES) - set(EVALUATIONS)), "{params.stage:q}", "summary"}  # all evaluations have one rule
    for name, block in zip(stages, blocks, strict=True):
        of = "EVALUATION.key" if name.startswith("{") else f'"{name}"'
        options = [] if name == "summary" else [f"options=options_of({of})"]  # it reads no config
        for part in ("message:", "output:", "log:", "benchmark:", *options, f"code=code({of})"):
            assert part in block, (name, part)


def keys(schema, whole, prefix=""):
    """Yield every dotted key of a JSON schema, maps as <name>: read from the schema, not by the code that writes the page."""
    for part in (schema, *schema.get("anyOf", ())):
        if "$ref" in part:
            yield from keys(whole["$defs"][part["$ref"].rsplit("/", 1)[1]], whole, prefix)
        for name, inner in part.get("properties", {}).items():
            yield f"{prefix}{name}"
            yield from keys(inner, whole, f"{prefix}{name}.")
        if "$ref" in part.get("items", {}):  # a list of models: the keys of each
            yield from keys(part["items"], whole, prefix)
        for more in (part.get("additionalProperties"), *part.get("patternProperties", {}).values()):
            if isinstance(more, dict) and "$ref" in more:
                yield from keys(more, whole, f"{prefix}<>.")


def test_every_config_key_is_in_the_reference_with_a_meaning():
    schema = Config.model_json_schema()
    every = set(keys(schema, schema))
    rows = {re.sub(r"<\w+>", "<>", m[1]): m[2] for m in re.finditer(r"^\| `([^`]+)` \|.*\| ([^|]*) \|$", DOCS["configuration.md"], re.MULTILINE)}
    assert len(every) > 50
    assert {"aoi.zones.<>.role", "sensors.<>.bands.red", "trend.alpha.slight"} < every
    explained = {key for key, meaning in rows.items() if meaning.strip()}
    leaves = {key for key in every if not any(other.startswith(f"{key}.") for other in every)}
    assert leaves <= explained
    assert set(rows) <= every


@pytest.mark.parametrize("name", [*TABLES, SENSITIVITY, *SCENE_TABLES, LEDGER])
def test_every_table_has_its_section(name):
    assert f"## {name}.csv" in DOCS["results.md"]
    columns = [row[0].strip("`") for row in next(s for s in sections(DOCS["columns.md"]) if s.title == name).tables[0][1:]]
    assert columns == list(generator().TABLES[name])


@pytest.mark.parametrize("column", sorted(COLUMNS))
def test_every_column_is_explained(column):
    known = {"year"}
    of_evaluations = {c for names in generator().EVALUATED.values() for c in names}
    assert column in known | of_evaluations or re.search(rf"`{column}`", DOCS["results.md"])
    assert f"| `{column}` |" in DOCS["columns.md"]


def outputs():
    """Return the paths in the tables of files of results.md, with `<mine>`, `<year>`, ...; a suffix alone is a file beside the row's first."""
    found = set()
    for (head, _), *rows in next(s for s in sections(DOCS["results.md"]) if s.title == "Files").tables:
        home = re.search("`(.+)`", head)[1]
        for cell, what in rows:
            first, *more = re.findall(r"`([^`]+)`", cell)
            assert what
            found |= {home + first, *(home + (first.split(".")[0] + name if name.startswith(".") else name) for name in more)}
    return found


MADE_ELSEWHERE = {
    "<mine>/check.png",  # by `minegreen check`
    "<mine>/<sensor>/items.json",  # where a STAC API is searched
    "<mine>/<sensor>/ndvi_<year>-<mm>.tif",  # with composite.interval: month
    "<mine>/<sensor>/ndvi_<year>-<mm>.qml",
} | {f"<mine>/<sensor>/{file}" for e in EVALUATIONS.values() for file in e.files if e.key not in load(ROOT / "configs/jiangcang.yaml").evaluations}


def pattern(path, results, mine, sensors):
    """Return a path with what differs between mines written as `<...>`."""
    text = Path(path).relative_to(results).as_posix()
    text = re.sub(r"(?<=[_/])(\d{4})-(\d{4})(?=\.)", "<a>-<b>", text)
    text = re.sub(r"(?<=[_/])\d{4}(?=\.)", "<year>", text).replace(mine, "<mine>")
    for sensor in sensors:
        text = text.replace(f"<mine>/{sensor}/", "<mine>/<sensor>/")
    return text


@pytest.mark.parametrize("config", ["configs/jiangcang.yaml"])
def test_every_planned_output_is_in_the_documentation(config, monkeypatch):
    monkeypatch.chdir(ROOT)
    planned = plan.make([config], {})
    (mine,) = planned.mines
    listed = outputs()
    for path in planned.targets():
        assert "results/" + pattern(path, planned.results, mine, planned.config(mine).sensors) in listed, path


def test_every_file_of_a_finished_run_is_in_the_documentation(three_sensors):
    """Also what is not in the plan: logs, parts, side files of GDAL."""
    listed = outputs()
    whole = (*(f"results/<mine>/{folder}/" for folder in ("logs", "synthetic")), "results/summary/logs/")
    results, sensors = three_sensors.results, ["sentinel-2", "landsat", "modis"]
    files = {"results/" + pattern(p, results, "jiangcang", sensors) for p in results.rglob("*") if p.is_file()}
    files = {f for f in files if not f.startswith(whole) and "/.lock" not in f}
    assert len(files) > 30
    assert files <= listed, files - listed
    assert {f for f in listed - files if not f.endswith("/")} <= {f"results/{name}" for name in MADE_ELSEWHERE}


def test_every_class_group_and_band_is_explained():
    for c in LEGEND:
        assert c.label.split(" ")[-1] in DOCS["results.md"]
        assert c.label_zh[-2:] in DOCS["results.md"]
    for word in (*GROUPS, *OUTPUTS, *(f"{name}_<year>" for name in OBSERVED)):
        assert re.search(rf"\b{re.escape(word)}", DOCS["results.md"]), word


def test_every_variant_is_explained():
    names = {f"season_minus_{SHIFT_DAYS}", f"season_plus_{SHIFT_DAYS}", *(f"method_{m}" for m in METHODS), "endmembers_fixed", "without_first_year"}
    for name in names | {f"endmembers_{low:g}_{high:g}" for low, high in PERCENTILES}:
        assert f"`{name}`" in DOCS["results.md"], name


def test_every_column_of_the_zones_file_is_explained():
    for name in ("zone", "role", "area_km2", *geopackage.COVER, *geopackage.TREND):
        assert f"`{name}`" in DOCS["results.md"], name
    assert "`zones.gpkg`" in DOCS["results.md"]
    assert "`<mine>.qgz`" in DOCS["results.md"]


def test_the_summary_of_all_mines_is_explained():
    assert "## mines.csv" in DOCS["results.md"]
    assert "summary/index.html" in DOCS["results.md"]
    for word in ("minegreen summary", "--where", "summary/index.html"):
        assert word in DOCS["README.md"]


def test_the_two_commands_of_the_readme():
    first = "python3 -m venv .venv && . .venv/bin/activate && pip install -e . -c constraints.txt && snakemake --cores 8"
    second = "python3 -m venv .venv && . .venv/bin/activate && pip install -e '.[test]' -c constraints.txt && pytest"
    assert first in DOCS["README.md"]
    assert second in DOCS["README.md"]


@pytest.mark.parametrize("key", [*EVALUATIONS, "methods"])
def test_every_evaluation_has_a_page_with_a_figure_that_is_called_synthetic(key):
    page = {"landcover": "land-cover", "water": "pit-lakes", "methods": "methods-compared"}.get(key, key)
    text = DOCS[f"{page}.md"]
    figures = re.findall(r"!\[([^]]+)\]\(images/([^)]+)\)", text)
    charts = {"methods.svg"} if key == "methods" else {f"{name}.png" for name in EVALUATIONS[key].charts}
    assert charts & {name for _, name in figures}
    for words, name in figures:
        assert "synthetic" in words.lower() or name == "breaks-fire.png"
    assert "made up, not observed" in text


def test_links_and_pictures_exist():
    for name, text in DOCS.items():
        home = ROOT if name in {"README.md", "CONTRIBUTING.md"} else (ROOT / "docs" / name).parent
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            assert "://" in target or (home / target).is_file(), (name, target)


def test_every_dependency_is_pinned_without_an_address():
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in pins
    named = {line.split("==")[0].lower().replace("_", "-") for line in pins.splitlines()}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in re.findall(r'^    "([A-Za-z0-9_-]+)>=', project, re.MULTILINE):
        assert name.lower().replace("_", "-") in named, name


def test_example_configs_are_valid():
    for path in [*(ROOT / "configs").glob("*.yaml"), *(ROOT / "configs" / "examples").glob("*.yaml")]:
        assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=")
        load(path)


def test_help_of_every_command_answers():
    for command in ["--help", *(f"{name} --help" for name in (*STAGES, "new", "check", "crosscheck", "verify", "checktable", "warm", "summary"))]:
        done = subprocess.run([sys.executable, "-m", "pipeline", *command.split()], capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 0
        assert "usage: minegreen" in done.stdout
