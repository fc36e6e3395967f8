"""run.json: a checksum of every product, nothing that differs between equal runs, and a verification that names what differs."""

import csv
import hashlib
import json
import shutil

import numpy as np
import pytest
import rasterio
import yaml
from conftest import SmallMine
from rio_cogeo.cogeo import cog_validate

import pipeline
from pipeline import config as configs
from pipeline.__main__ import main
from pipeline.errors import BadInput
from pipeline.manifest import leftovers, products, sha256, verify

NAMES = ["endmembers.json", "fvc_by_zone.csv", "fvc_change_by_zone.csv", "ledger.csv", "scenes.json", "sensitivity.csv", "trend_2020-2024.tif"]
NAMES += [
    "reference_by_zone.csv",
    *(f"trend_{name}2020-2024.tif" for name in ("q_", "relative_", "relative_class_", "relative_q_")),
    "trend_area_by_zone.csv",
    "trend_by_zone.csv",
    "trend_class_2020-2024.tif",
    "trend_groups_by_zone.csv",
    *(f"{v}_{y}.tif" for v in ("fvc", "ndvi") for y in range(2020, 2025)),
]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished run with its manifest, in a folder without a telling name; nobody may change its files."""
    mine = SmallMine(tmp_path_factory.mktemp("manifest"))
    mine.settings["title"] = "江仓"
    mine.settings["sensors"]["sentinel-2"]["missing_years"] = [2022]
    mine.run()
    assert main(["manifest", str(mine.config), "--results", str(mine.results)]) == 0
    return mine


@pytest.fixture
def root(done, tmp_path):
    """A copy of results/small/ that a test may change."""
    shutil.copytree(done.results, tmp_path / "results")
    return tmp_path / "results" / "small"


def written(root):
    return json.loads((root / "run.json").read_text(encoding="utf-8"))


def test_every_raster_table_and_json_is_listed_with_its_checksum(root):
    listed = written(root)["sha256"]
    assert sorted(listed) == sorted(f"sentinel-2/{n}" for n in NAMES)
    for name, checksum in listed.items():
        assert hashlib.sha256((root / name).read_bytes()).hexdigest() == checksum == sha256(root / name)


def test_config_versions_and_ledger_are_those_of_the_run(done, root):
    content = written(root)
    config = configs.load(done.config)
    assert content["config"] == config.model_dump(mode="json")
    assert content["config"]["title"] == "江仓"
    assert content["config"]["season"] == yaml.safe_load(done.config.read_text(encoding="utf-8"))["season"]
    assert content["software"]["minegreen"] == pipeline.__version__
    assert content["software"]["numpy"] == np.__version__
    with (root / "sentinel-2" / "ledger.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert content["ledger"] == {"sentinel-2": {"read": 8, "dropped": 2}}  # red and NIR of five years, one of them missing
    assert len(rows) == 10
    assert [r["item"] for r in rows if r["status"] == "dropped"] == ["composite 2022"] * 2


def texts(value):
    """Return every key and text in nested values."""
    if isinstance(value, dict):
        return [*value, *(t for v in value.values() for t in texts(v))]
    if isinstance(value, list):
        return [t for v in value for t in texts(v)]
    return [value] if isinstance(value, str) else []


def test_outside_the_config_there_is_no_absolute_path_and_no_time(done, root):
    content = written(root)
    assert any(str(done.folder) in t for t in texts(content.pop("config")))
    for text in texts(content):
        assert str(done.folder) not in text
        assert not text.startswith("/")
        assert ":" not in text  # a time of day, or a drive
    assert set(content) == {"software", "warnings", "ledger", "synthetic", "sha256"}


def test_the_manifest_of_the_same_files_is_the_same(done, root):
    before = (root / "run.json").read_bytes()
    (root / "run.json").unlink()
    assert main(["manifest", str(done.config), "--results", str(root.parent)]) == 0
    assert (root / "run.json").read_bytes() == before


def test_another_block_size_and_more_threads_change_no_byte_of_any_product(done, root):
    years = [["--year", str(y)] for y in range(2020, 2025)]
    period = ["--period", "2020-2024"]
    stages = [
        *(["composite", *y] for y in years),
        ["endmembers"],
        ["fvc"],
        ["trend", *period],
        ["classes", *period],
        ["areas"],
        ["sensitivity"],
    ]
    for product in products(root):
        if product.name not in {"scenes.json", "ledger.csv"}:
            product.unlink()
    common = [str(done.config), "--sensor", "sentinel-2", "--results", str(root.parent), "--threads", "2", "--block", "7"]
    for stage, *more in stages:
        assert main([stage, *common, *more]) == 0
    assert verify(root) == []


def test_every_raster_of_a_run_is_a_valid_cog_that_says_what_it_is(done, root):
    for path in sorted(root.rglob("*.tif")):
        assert cog_validate(path, strict=True, quiet=True)[0], path.name
        with rasterio.open(path) as dataset:
            tags, names, units = dataset.tags(), dataset.descriptions, dataset.units
        assert tags["software"] == f"minegreen {pipeline.__version__}"
        assert tags["sensor"] == "sentinel-2"
        assert len(tags["options"]) == 16
        assert not any(str(done.folder) in v or "江仓" in v for v in tags.values())
        if path.name.startswith(("trend_2", "trend_relative_2")):
            assert names == ("slope", "slope_low", "slope_high", "intercept", "s", "tau", "z", "p", "n")
            assert units[:3] == ("per year",) * 3
        else:
            assert names == (path.name.rpartition("_")[0],)
        if path.name.startswith("trend"):
            assert (tags["period"], tags["test"]) == ("2020-2024", "mann-kendall")


def test_what_the_manifest_does_not_cover(root):
    before = products(root)
    for name in ("a.qml", "a.tif.aux.xml", "mine.qgz", "report.html", "logs/areas.csv", ".hidden.tif", ".lock", "sentinel-2/.x.tif.1.part.tif"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")
    assert products(root) == before == sorted(before)
    assert verify(root) == []
    for name in ("zones.gpkg", "synthetic/truth.json", "logs.csv"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("x")
    assert len(products(root)) == len(before) + 3


def test_an_untouched_run_verifies_from_the_mine_and_from_the_results_folder(root, capsys):
    assert verify(root) == verify(root.parent) == []
    assert main(["verify", str(root.parent)]) == 0
    assert "every output is as the run left it" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["sentinel-2/trend_2020-2024.tif", "sentinel-2/fvc_by_zone.csv", "sentinel-2/scenes.json"])
def test_one_changed_byte_is_named(root, name):
    content = bytearray((root / name).read_bytes())
    content[len(content) // 2] ^= 1
    (root / name).write_bytes(content)
    assert verify(root) == [f"{root}: changed: {name}"]


def test_missing_changed_and_foreign_files_are_all_named(root, capsys):
    (root / "sentinel-2" / "ndvi_2020.tif").unlink()
    (root / "sentinel-2" / "ledger.csv").write_text("")
    (root / "sentinel-2" / "fvc_2031.tif").write_text("x")
    (root / "landsat").mkdir()
    (root / "landsat" / "fvc_by_zone.csv").write_text("x")
    expected = ["missing: sentinel-2/ndvi_2020.tif", "changed: sentinel-2/ledger.csv", "not of this run: landsat/fvc_by_zone.csv"]
    expected.append("not of this run: sentinel-2/fvc_2031.tif")
    assert sorted(verify(root)) == sorted(f"{root}: {line}" for line in expected)
    assert main(["verify", str(root)]) == 3
    assert capsys.readouterr().out.splitlines() == verify(root)


def test_what_is_left_of_an_earlier_configuration_is_named_and_is_not_of_the_run(done, tmp_path, capsys):
    import yaml

    shutil.copytree(done.results, tmp_path / "results")
    root = tmp_path / "results" / "small"
    shutil.copytree(root / "sentinel-2", root / "modis")  # a sensor that the config had before
    old = ("fvc_2019.tif", "trend_2019-2024.tif", "ndvi_2020-07.tif")
    for name in old:
        (root / "sentinel-2" / name).write_text("x")
    (root / "sentinel-2" / "a_2019_b.csv").write_text("x")  # no year of a product
    config = tmp_path / "small.yaml"
    config.write_text(yaml.safe_dump(done.settings), encoding="utf-8")
    assert main(["manifest", str(config), "--results", str(tmp_path / "results")]) == 0
    said = capsys.readouterr().err
    assert "of an earlier configuration" in said and "modis/" in said and "more; delete or move them" in said
    listed = written(root)["sha256"]
    assert {name.split("/")[0] for name in listed} == {"sentinel-2"}
    assert "sentinel-2/a_2019_b.csv" in listed
    left = {line.split(": ")[-1] for line in verify(root)}
    assert {f"sentinel-2/{name}" for name in old} < left
    assert all(": not of this run: " in line for line in verify(root))
    shutil.rmtree(root / "modis")
    for name in old:
        (root / "sentinel-2" / name).unlink()
    assert verify(root) == []


def test_months_and_differences_that_the_config_no_longer_asks_for_are_left_over(done, tmp_path):
    names = (
        "ndvi_2020.tif",
        "ndvi_2020-07.tif",
        "ndvi_2020-12.tif",
        "trend_2020-2024.tif",
        "trend_relative_2020-2024.tif",
        "trend_relative_class_2020-2024.png",
    )
    (tmp_path / "sentinel-2").mkdir()
    for name in names:
        (tmp_path / "sentinel-2" / name).write_text("x")

    def left(**change):
        settings = {k: v for k, v in done.settings.items() if k not in ("composite", "sensitivity")} | change
        return {p.name for p in leftovers(tmp_path, configs.Config.model_validate_json(json.dumps(settings)))}

    off = {"trend": {"relative_to_reference": False}}
    assert left(**off) == {"ndvi_2020-07.tif", "ndvi_2020-12.tif", *names[4:]}
    aoi = done.settings["aoi"] | {"reference": ["meadow"]}
    assert left(aoi=aoi) == {"ndvi_2020-07.tif", "ndvi_2020-12.tif"}
    monthly = {"composite": {"interval": "month"}, "season": {"start": "07-01", "end": "08-31"}, "sensors": {"sentinel-2": {"catalog": "items.json"}}}
    assert left(aoi=aoi, **monthly) == {"ndvi_2020-12.tif"}


def test_every_mine_of_a_results_folder_is_verified(root, capsys):
    shutil.copytree(root, root.parent / "other")
    (root.parent / "other" / "sentinel-2" / "endmembers.json").unlink()
    shutil.copytree(root, root.parent / "begun")
    (root.parent / "begun" / "run.json").unlink()
    (root.parent / "empty").mkdir()
    assert main(["verify", str(root.parent)]) == 3
    assert capsys.readouterr().out.splitlines()[1:] == ["not finished, so not verified: begun"]
    assert verify(root.parent) == [f"{root.parent / 'other'}: missing: sentinel-2/endmembers.json"]


def test_without_a_run_json_there_is_nothing_to_verify(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(BadInput, match=r"no run\.json"):
            verify(folder)
    assert main(["verify", str(tmp_path)]) == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"sha256": 3}', '{"sha256": ["a"]}', '{"sha256": null}', "\ufeff{}", "not json", "\0"])
def test_a_run_json_that_no_run_wrote_is_bad_input(tmp_path, text):
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=r"run\.json: manifest"):
        verify(tmp_path)
