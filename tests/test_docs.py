"""The documentation names every command, key, column and output, and what is generated is up to date."""

import importlib.util
import re
import subprocess
import sys

import pytest
from running import ROOT

from pipeline import areas, geopackage, observed, zonestats
from pipeline.__main__ import STAGES, _parser
from pipeline.classes import GROUPS, LEGEND
from pipeline.config import Config, load
from pipeline.kernels.kendall import OUTPUTS
from pipeline.layout import OBSERVED, SCENE_TABLES, SENSITIVITY, TABLES
from pipeline.sensitivity import SENSITIVITY_COLUMNS
from pipeline.variants import METHODS, PERCENTILES, SHIFT_DAYS

DOCS = {p.name: p.read_text(encoding="utf-8") for p in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]}
ALL = "\n".join(DOCS.values())


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["configs/schema.json", "docs/columns.md", "docs/configuration.md", "docs/sentinel-2-offset.md", "docs/synthetic-mine.md"])
def test_generated_files_are_up_to_date(name):
    assert (ROOT / name).read_text(encoding="utf-8") == generator().GENERATED[name](), "run: python docs/generate.py"


def test_every_user_command_is_in_the_readme():
    commands = set(next(a for a in _parser()._actions if a.choices).choices) - set(STAGES) - {"warm"}
    assert commands == {"new", "check", "crosscheck", "verify"}
    for command in commands:
        assert f"minegreen {command}" in DOCS["README.md"]


def test_every_stage_is_a_rule_with_message_log_benchmark_and_code():
    rules = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "rules").glob("*.smk"))
    blocks = {m[1]: m[2] for m in re.finditer(r"^rule (\w+):\n((?:    .*\n|\n)+)", rules, re.MULTILINE)}
    stage_of = {name: {"prepared": "composite"}.get(name, name) for name in blocks}
    assert set(stage_of.values()) == set(STAGES)
    for rule, block in blocks.items():
        name = stage_of[rule]
        for part in ("message:", "output:", "log:", "benchmark:", f'options=options_of("{name}")', f'code=code("{name}")', f"minegreen {name} "):
            assert part in block, (name, part)


def keys(model, prefix=""):
    return generator().rows(model, prefix)


def test_every_config_key_is_in_the_reference_with_a_meaning():
    for name in Config.model_fields:
        assert f"`{name}" in DOCS["configuration.md"]
    assert len(keys(Config)) > 50


@pytest.mark.parametrize("name", [*TABLES, SENSITIVITY, *SCENE_TABLES])
def test_every_table_has_its_section(name):
    assert f"## {name}.csv" in DOCS["results.md"]


@pytest.mark.parametrize(
    "column",
    sorted(
        {
            *areas.AREA_COLUMNS,
            *areas.GROUP_COLUMNS,
            *zonestats.FVC_COLUMNS,
            *zonestats.CHANGE_COLUMNS,
            *zonestats.TREND_COLUMNS,
            *observed.ZONE_BY_SCENE_COLUMNS,
            *observed.MASKED_COLUMNS,
            *SENSITIVITY_COLUMNS,
        }
    ),
)
def test_every_column_is_explained(column):
    known = {"year"}
    assert column in known or re.search(rf"`{column}`", DOCS["results.md"])


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


def test_the_two_commands_of_the_readme():
    first = "python3 -m venv .venv && . .venv/bin/activate && pip install -e . -c constraints.txt && snakemake --cores 8"
    second = "python3 -m venv .venv && . .venv/bin/activate && pip install -e '.[test]' -c constraints.txt && pytest"
    assert first in DOCS["README.md"]
    assert second in DOCS["README.md"]


def test_links_and_pictures_exist():
    for name, text in DOCS.items():
        home = ROOT if name in {"README.md", "CONTRIBUTING.md"} else ROOT / "docs"
        for target in re.findall(r"\]\(([^)#]+)\)", text):
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
    for command in ["--help", *(f"{name} --help" for name in (*STAGES, "new", "check", "crosscheck", "verify", "warm"))]:
        done = subprocess.run([sys.executable, "-m", "pipeline", *command.split()], capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 0
        assert "usage: minegreen" in done.stdout
