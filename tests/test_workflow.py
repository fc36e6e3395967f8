"""Runs that can be trusted: second run, changed code, changed options, locks, faults, kills, equal bytes."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import rasterio
import yaml
from running import ROOT, environment, place, snakemake

from pipeline import lock
from pipeline.__main__ import main
from pipeline.manifest import sha256
from pipeline.stages import classes, composite, endmembers, fvc, scenes, trend
from pipeline.stages.job import Job

CLASSED = {"classes", "map", "areas", "chart", "sensitivity", "workbook", "zones", "report", "manifest"}  # what follows from classes
PRODUCTS = {".tif", ".csv", ".json", ".qml", ".png", ".gpkg", ".qgz"}


def digests(folder):
    """Return the checksum of every product below a folder."""
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.suffix in PRODUCTS and "logs" not in p.parts and p.name[0] != "."}


def run(mine, *targets):
    """Run the workflow on a small mine, as far as some products or whole."""
    return snakemake(*targets, "--configfile", str(mine.config), "--config", f"results={mine.results}")


def classed(mine):
    """Return the classes of the whole series: nine jobs make them, two of them after all composites."""
    return str(mine.results / "small" / "sentinel-2" / "trend_class_2020-2024.tif")


def short(mine):
    """Return a mine of three years: as few jobs as a whole run can have."""
    mine = type(mine)(mine.folder, years=(2022, 2023, 2024))
    mine.settings |= {"trend": {"min_years": 3}}
    mine.write()
    return mine


def planned(output):
    """Return the rules of a dry run, without the years in their names, with the number of their jobs."""
    table = output.split("job ")[1] if "job " in output else ""
    return {rule: int(count) for rule, count in re.findall(r"^(\w+?)(?:_\d{4})*\s+(\d+)\s*$", table, re.MULTILINE) if rule not in {"total", "all", "summary"}}


def test_a_second_run_has_nothing_to_do(jiangcang):
    again = snakemake("--configfile", str(jiangcang.config), "--config", f"results={jiangcang.results}", cwd=jiangcang.place)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr


def test_every_product_is_verified_by_the_manifest(jiangcang, capsys):
    assert main(["verify", str(jiangcang.results)]) == 0
    assert "every output is as the run left it" in capsys.readouterr().out


def test_no_temporary_file_is_left(jiangcang):
    assert [p for p in jiangcang.results.rglob("*") if ".part" in p.name] == []


def test_each_job_has_a_log_and_a_benchmark(jiangcang):
    logs = jiangcang.results / "jiangcang" / "logs"
    names = {p.stem for p in logs.rglob("*.log")}
    assert names == {p.stem for p in logs.rglob("*.tsv")}
    assert {"synthetic", "manifest", "scenes", "composite", "endmembers", "fvc", "trend", "areas", "zones", "project"} <= names


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the project with a finished run of a small mine."""
    from conftest import SmallMine

    home = tmp_path_factory.mktemp("copy")
    for name in ("pipeline", "rules", "profiles"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", home)
    mine = SmallMine(home / "mine")
    mine.write()
    # the jobs of the run find the same code where its kernels are compiled already
    done = snakemake("--configfile", str(mine.config), "--config", f"results={mine.results}", cwd=home, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr[-2000:]
    return home, mine


def dry(home, mine):
    done = snakemake("--dry-run", "--configfile", str(mine.config), "--config", f"results={mine.results}", cwd=home, PYTHONPATH=str(home))
    assert done.returncode == 0, done.stderr[-2000:]
    return planned(done.stdout + done.stderr)


@pytest.fixture
def edited(copied):
    """Restore every file that a test edits."""
    home, mine = copied
    kept = {}

    def edit(path, change):
        kept[path] = path.read_text(encoding="utf-8")
        path.write_text(change(kept[path]), encoding="utf-8")

    yield home, mine, edit
    for path, text in kept.items():
        path.write_text(text, encoding="utf-8")


def test_an_edit_of_a_trend_kernel_runs_trend_and_what_follows_again_but_no_composite(edited):
    home, mine, edit = edited
    edit(home / "pipeline" / "kernels" / "kendall.py", lambda text: text + "\n# changed\n")
    rules = dry(home, mine)
    assert {"trend", "classes", "areas", "map", "manifest"} <= set(rules)
    assert not {"composite", "endmembers", "fvc", "scenes"} & set(rules)


def test_an_edit_of_the_maps_draws_the_maps_again_and_nothing_else(edited):
    home, mine, edit = edited
    edit(home / "pipeline" / "maps.py", lambda text: text + "\n# changed\n")
    assert set(dry(home, mine)) == {"map", "previews", "manifest"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("mine: small", "mine: small\ntitle: A new title", {"map", "chart", "previews", "project", "report", "manifest"}),
        ("season:", "trend: {scheme: nine}\nseason:", {*CLASSED, "project"}),
        ("season:", "trend: {variable: ndvi}\nseason:", {"trend", *CLASSED, "project"}),
        ("season:", "sensitivity: {fixed: {soil: 0.1, vegetation: 0.8}}\nseason:", {"sensitivity", "workbook", "report", "manifest"}),
        ("ndvi: 0.86", "ndvi: 0.9", {"endmembers", "fvc", "trend", *CLASSED}),
    ],
)
def test_a_changed_option_runs_the_stages_that_read_it_and_what_follows(old, new, expected, edited):
    home, mine, edit = edited
    edit(mine.config, lambda text: text.replace(old, new, 1))
    assert set(dry(home, mine)) == expected


def test_jobs_of_a_small_grid_run_side_by_side_on_one_thread_each(small_mine, monkeypatch):
    from pipeline import plan

    config = str(small_mine.write())
    monkeypatch.setattr(plan, "SMALL", 40 * 30)
    assert plan.make([config], {}).small == {("small", "sentinel-2")}
    monkeypatch.setattr(plan, "SMALL", 9)
    assert plan.make([config], {}).small == frozenset()
    monkeypatch.setattr(plan, "FEW", 40 * 30 * 5)
    assert plan.make([config], {}).together == {("small", "sentinel-2")}
    monkeypatch.setattr(plan, "FEW", 5 * 9)
    assert plan.make([config], {}).together == frozenset()
    done = snakemake("-np", "--configfile", config, "--config", f"results={small_mine.results}")
    assert done.returncode == 0, done.stderr[-2000:]
    asked = re.findall(r"minegreen (\w+) .*--threads (\d+)", done.stdout)
    assert {"composite", "endmembers", "fvc", "trend", "classes", "sensitivity"} == {stage for stage, _ in asked}
    assert {threads for _, threads in asked} == {"1"}


def test_nothing_is_planned_without_a_change(copied):
    assert dry(*copied) == {}


def test_a_second_run_in_the_same_folder_is_refused_while_the_first_works(small_mine):
    small_mine.write()
    held = lock.acquire(small_mine.results / "small")
    second = run(small_mine)
    assert second.returncode == 2
    assert "another run is working in it" in second.stdout + second.stderr
    assert not (small_mine.results / "small" / "sentinel-2").exists()
    held.close()


def test_a_truncated_image_is_a_fault_with_exit_3_and_leaves_no_partial_file(small_mine):
    small_mine.write()
    image = small_mine.folder / "2022.tif"
    image.write_bytes(image.read_bytes()[:-3000])
    done = run(small_mine, classed(small_mine))
    assert done.returncode == 3
    assert "2022.tif" in done.stdout + done.stderr
    folder = small_mine.results / "small" / "sentinel-2"
    assert not (folder / "ndvi_2022.tif").exists()
    small_mine.write_images()
    assert run(small_mine, classed(small_mine)).returncode == 0
    assert (folder / "ndvi_2022.tif").exists()


def test_two_mines_in_one_command_do_not_mix(small_mine):
    small_mine = short(small_mine)
    other = yaml.safe_load(small_mine.config.read_text()) | {"mine": "other", "trend": {"scheme": "five", "min_years": 3}}
    second = small_mine.folder / "other.yaml"
    second.write_text(yaml.safe_dump(other))
    done = snakemake("--configfile", str(small_mine.config), str(second), "--config", f"results={small_mine.results}")
    assert done.returncode == 0, done.stderr[-2000:]
    for mine, scheme in (("small", "seven"), ("other", "five")):
        with rasterio.open(small_mine.results / mine / "sentinel-2" / "trend_class_2022-2024.tif") as dataset:
            assert dataset.tags()["scheme"] == scheme


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_run_is_no_success_and_the_same_command_completes(kind, small_mine):
    small_mine.write()
    process = start(small_mine, classed(small_mine))
    wait_for(small_mine, "scenes.json", process)
    process.send_signal(kind)
    process.wait(60)
    assert process.returncode not in (0, 2)
    assert [p for p in small_mine.results.rglob("*.tif") if not readable(p)] == []
    assert run(small_mine, classed(small_mine)).returncode == 0


def start(mine, *targets):
    command = [sys.executable, "-m", "snakemake", "--cores", "8", *targets, "--configfile", str(mine.config), "--config", f"results={mine.results}"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    was = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background of a shell ignore it, and their children would
    try:
        return subprocess.Popen(command, cwd=place(), env=environment(), start_new_session=True, **quiet)
    finally:
        signal.signal(signal.SIGINT, was)


def wait_for(mine, name, process, limit=120):
    """Wait until a product exists or the run ends."""
    end = time.monotonic() + limit
    while time.monotonic() < end and process.poll() is None and not list(mine.results.rglob(name)):
        time.sleep(0.02)


def readable(path):
    try:
        with rasterio.open(path) as dataset:
            return bool(dataset.read().size)
    except rasterio.errors.RasterioError:
        return False


def products_of(mine):
    """Return how many products a run has written so far."""
    return sum(p.suffix in PRODUCTS and "logs" not in p.parts and p.name[0] != "." for p in mine.results.rglob("*"))


def test_kill_9_of_the_whole_group_at_ten_random_points_then_the_same_command_gives_equal_bytes(small_mine, tmp_path):
    small_mine = short(small_mine)
    assert run(small_mine).returncode == 0
    expected = digests(small_mine.results)
    shutil.rmtree(small_mine.results)
    chance = random.Random(9)
    points = []
    while len(points) < 10:
        process = start(small_mine)
        # a random number of products after where the last kill left it, and a random moment after that: on a busy machine too
        wanted, end = products_of(small_mine) + chance.randint(0, 4), time.monotonic() + 120
        while process.poll() is None and products_of(small_mine) < wanted and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 3))
        if process.poll() is not None:
            assert process.returncode == 0
            assert digests(small_mine.results) == expected
            shutil.rmtree(small_mine.results)
            continue
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        there = digests(small_mine.results) if small_mine.results.exists() else {}
        points.append(len(there))
        wrong = [name for name, digest in there.items() if digest != expected[name]]
        assert wrong == [], "a file with its final name differs after a kill"
    print(f"products present at the ten kills: {points} of {len(expected)}")
    assert len(set(points)) >= 3, "the kills did not hit different points"
    assert run(small_mine).returncode == 0
    assert digests(small_mine.results) == expected
    assert [p for p in small_mine.results.rglob("*") if ".part" in p.name] == []


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A mine of 1,300 x 900 cells, so that blocks, tiles and threads matter: two images with gaps per year."""
    from conftest import SmallMine

    mine = SmallMine(tmp_path_factory.mktemp("large"))
    mine.write()
    rng = np.random.default_rng(5)
    for i, year in enumerate(mine.years):
        ndvi = 0.3 + 0.05 * i + 0.1 * rng.standard_normal((900, 1300))
        red, nir = 0.2 * (1 - ndvi), 0.2 * (1 + ndvi)
        red[rng.random(red.shape) < 0.1] = np.nan
        profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "width": 1300, "height": 900, "nodata": float("nan")}
        with rasterio.open(mine.folder / f"{year}.tif", "w", crs=mine.crs, transform=mine.transform, **profile) as out:
            out.write(np.stack([red, nir]).astype("float32"))
    settings = yaml.safe_load(mine.config.read_text())
    settings["grid"] = {"buffer_m": 3000}
    settings["fvc"] = {"region": "grid"}
    mine.config.write_text(yaml.safe_dump(settings))
    return mine


def rasters(mine, threads, block):
    """Run the raster stages in this process and return the checksums of their products."""
    results = mine.folder / f"results-{threads}-{block}"
    job = Job(mine.config, results, "sentinel-2", threads, block)
    scenes.run(job)
    for year in mine.years:
        composite.run(job, year)
    endmembers.run(job)
    fvc.run(job)
    trend.run(job, (2020, 2024))
    classes.run(job, (2020, 2024))
    found = digests(results)
    shutil.rmtree(results)
    return found


def test_equal_bytes_for_1_2_4_threads_and_three_block_sizes(large):
    expected = rasters(large, 1, 512)
    assert len([name for name in expected if name.endswith(".tif")]) == 16
    for threads, block in ((2, 512), (4, 512), (1, 256), (2, 1000), (4, 256)):
        assert rasters(large, threads, block) == expected, (threads, block)


def test_a_deleted_product_is_made_again(copied):
    home, mine = copied
    folder = mine.results / "small" / "sentinel-2"
    independent = {"fvc_2021.qml": "fvc", "../zones.gpkg": "zones", "../small.qgz": "project"}  # no one of them follows from another
    for names in (["fvc_by_zone.csv"], list(independent), ["ndvi_2022.tif", "ndvi_2021.qml"]):
        kept = {name: (folder / name).read_bytes() for name in names}
        for name in names:
            (folder / name).unlink()
        rules = dry(home, mine)
        if names == list(independent):
            assert set(rules) == {*independent.values(), "report", "manifest"}
            assert [rules[rule] for rule in independent.values()] == [1, 1, 1]
        elif len(names) == 2:
            assert rules["prepared"] == 1, "of all years, as the grid is small"
        else:
            assert "areas" in rules
        for name, content in kept.items():
            (folder / name).write_bytes(content)
