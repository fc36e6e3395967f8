"""Shared fixtures: real data beside the project, and a small mine whose every number can be checked by eye."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml
from affine import Affine
from running import ROOT, SHARED, Run, linked, snakemake, work_in
from scenemine import SceneMine, rejected, snapshot
from shapely.geometry import box

from pipeline.lock import waiting
from pipeline.provenance import code

collect_ignore = ["qgis_probe.py"]  # run by a Python that has QGIS
ONE_SENSOR = ROOT / "configs" / "examples" / "jiangcang-synthetic-sentinel-2.yaml"
# Compiled once for tests and runs, where a run in the repository keeps them too; set before numba is imported.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".snakemake" / "minegreen" / f"numba-{code('warm')}"))
REQUIRED = set(filter(None, os.environ.get("MINEGREEN_REQUIRE", "").split(",")))


COSTLY = ("workflow", "summary", "noisy", "planted", "landsat", "progress", "sensitivity", "scene_faults", "real_scenes", "benchmark", "rehearsal", "report")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that cost most first, so that the test processes, which take file after file, end together."""
    rank = {f"test_{name}": place for place, name in enumerate(COSTLY)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data; absent: the test is skipped, or fails where MINEGREEN_REQUIRE names `shared`."""
    if not SHARED.is_dir():
        if "shared" in REQUIRED:
            pytest.fail(f"MINEGREEN_REQUIRE names shared, but {SHARED} is absent")
        pytest.skip(f"real data not found at {SHARED}")
    return SHARED


@dataclass
class SmallMine:
    """A mine of 40 x 30 cells of 10 m in UTM 47N with composites 2020-2024, below one folder.

    `zones` are (name, polygon) in EPSG:32647; `red` and `nir` are (years, 30, 40). Change what a test needs, then `write()`.
    """

    folder: Path
    west: float = 540_000.0
    north: float = 4_210_300.0
    crs: str = "EPSG:32647"
    years: tuple[int, ...] = (2020, 2021, 2022, 2023, 2024)
    zones: list = field(default_factory=list)
    settings: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Plant two zones (20 x 20 cells of a pit, 10 x 20 of background) and a rising cover in the pit."""
        w, n = self.west, self.north
        self.zones = [("pit", box(w + 20, n - 250, w + 220, n - 50)), ("background", box(w + 250, n - 250, w + 350, n - 50))]
        ndvi = np.full((len(self.years), 30, 40), 0.6)
        ndvi[:, :, :24] = np.linspace(0.2, 0.5, len(self.years))[:, None, None]
        ndvi += np.arange(30 * 40).reshape(30, 40) * 1e-5
        self.red, self.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
        self.settings = {
            "mine": "small",
            "aoi": {"path": str(self.folder / "aoi.gpkg"), "zone_field": "zone", "reference": ["background"], "zones": {"pit": {"role": "pit"}}},
            "grid": {"buffer_m": 0},
            "years": {"first": self.years[0], "last": self.years[-1]},
            "season": {"start": "07-01", "end": "08-31"},
            "sensors": {"sentinel-2": {"composites": str(self.folder / "{year}.tif"), "bands": {"red": 1, "nir": 2}}},
            "fvc": {"soil": {"ndvi": 0.05}, "vegetation": {"ndvi": 0.86}},
        }

    @property
    def transform(self) -> Affine:
        """Return the affine transform of the composites."""
        return Affine(10, 0, self.west, 0, -10, self.north)

    @property
    def config(self) -> Path:
        """Return the path of the config."""
        return self.folder / "small.yaml"

    @property
    def results(self) -> Path:
        """Return the results folder of the mine's runs."""
        return self.folder / "results"

    def write_aoi(self) -> Path:
        """Write the zones as a GeoPackage."""
        path = Path(self.settings["aoi"]["path"])
        frame = gpd.GeoDataFrame({"zone": [z[0] for z in self.zones]}, geometry=[z[1] for z in self.zones], crs=self.crs)
        path.unlink(missing_ok=True)
        frame.to_file(path)
        return path

    def write_images(self) -> None:
        """Write one two-band GeoTIFF per year."""
        for i, year in enumerate(self.years):
            profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "width": 40, "height": 30, "nodata": float("nan")}
            with rasterio.open(self.folder / f"{year}.tif", "w", crs=self.crs, transform=self.transform, **profile) as out:
                out.write(np.stack([self.red[i], self.nir[i]]))

    def write_config(self) -> Path:
        """Write the config."""
        self.config.write_text(yaml.safe_dump(self.settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return self.config

    def write(self) -> Path:
        """Write everything and return the path of the config."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write_aoi()
        self.write_images()
        return self.write_config()

    def run(self) -> Path:
        """Write everything, run every stage in this process and return results/small/<sensor>/."""
        from pipeline.__main__ import main

        config = str(self.write())
        results = ["--results", str(self.results)]
        sensors = ["--sensor", "sentinel-2"]
        first, last = self.settings["years"]["first"], self.settings["years"]["last"]
        periods = self.settings.get("trend", {}).get("periods", [[first, last]])
        calls = [["scenes"]] + [["composite", "--year", str(y)] for y in range(first, last + 1)] + [["endmembers"]]
        calls += [["fvc"]]
        for a, b in periods:
            calls += [["trend", "--period", f"{a}-{b}"], ["classes", "--period", f"{a}-{b}"]]
        for stage, *more in [*calls, ["areas"], ["sensitivity"]]:
            assert main([stage, config, *sensors, *more, *results]) == 0, stage
        return self.results / self.settings["mine"] / "sentinel-2"


@pytest.fixture
def small_mine(tmp_path) -> SmallMine:
    """Return a small mine below a temporary folder; nothing is written yet."""
    return SmallMine(tmp_path)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """Work in an empty folder, so that everything that is kept there is seen; return it."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder


@pytest.fixture
def mine(tmp_path) -> SceneMine:
    """Return a mine of two years without scenes; one clear observation is enough."""
    mine = SceneMine(tmp_path / "mine")
    mine.settings |= {"years": {"first": 2021, "last": 2022}, "composite": {"min_clear": 1}}
    return mine


@pytest.fixture
def small(mine) -> SceneMine:
    """Return the mine with one written scene each year, before and after the change of baseline: NDVI 0.6 everywhere."""
    mine.add("2021-07-05", ndvi=0.6)
    mine.add("2022-07-05", ndvi=0.6)
    mine.write()
    return mine


@pytest.fixture
def refused(elsewhere, capsys):
    """Return a function that gives a written mine to preflight, `check` and stage, and returns the error they agree on."""
    from pipeline.__main__ import main

    def call(mine):
        before = snapshot(mine.folder)
        error = rejected(mine)
        for arguments in (["check", str(mine.config)], ["scenes", str(mine.config), "--sensor", "sentinel-2"]):
            capsys.readouterr()
            assert main([*arguments, "--results", str(mine.folder / "results")]) == 2
            assert capsys.readouterr().err == f"minegreen: {error}\n"
        assert snapshot(mine.folder) == before
        assert list(elsewhere.rglob("*")) == []
        return error

    return call


@pytest.fixture(scope="session", autouse=True)
def place(tmp_path_factory) -> None:
    """Give the runs of this process a working folder."""
    work_in(linked(tmp_path_factory.mktemp("place") / "home"))


def run_once(factory: pytest.TempPathFactory, name: str, prepare: Callable[[Path], Path], *more: str) -> Run:
    """Run the main job with the config that `prepare(folder)` returns: the first of the test processes does, the others wait for it."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # common to all processes
    folder, said = base / name, base / name / "output.txt"
    with waiting(base / f"{name}-lock"):
        if not said.exists():
            shutil.rmtree(folder, ignore_errors=True)  # left by a process that failed
            home = linked(folder / "home")
            config = prepare(folder)
            done = snakemake("--configfile", str(config), "--config", f"results={folder / 'results'}", *more, cwd=home)
            assert done.returncode == 0, done.stderr[-3000:]
            said.write_text(f"{config}\n{done.stdout}{done.stderr}", encoding="utf-8")
    config, _, output = said.read_text(encoding="utf-8").partition("\n")
    return Run(Path(config), folder / "results", output, folder / "home")


@pytest.fixture(scope="session")
def jiangcang(tmp_path_factory) -> Run:
    """Run the main job on the embedded synthetic mine with Sentinel-2 alone, once for all tests; nobody may change its files."""

    def prepare(folder):
        config = folder / "jiangcang.yaml"
        config.write_text(ONE_SENSOR.read_text(encoding="utf-8").replace("mine: jiangcang-one-sensor", "mine: jiangcang"), encoding="utf-8")
        return config

    return run_once(tmp_path_factory, "jiangcang", prepare)


@pytest.fixture(scope="session")
def three_sensors(tmp_path_factory) -> Run:
    """Run the main job on the embedded synthetic mine as a user does, with all three sensors, once for all tests; nobody may change its files.

    Where MINEGREEN_MADE names the results of the README's main command, run just before from this checkout, they are taken.
    """
    if made := os.environ.get("MINEGREEN_MADE"):
        assert (Path(made) / "jiangcang" / "run.json").is_file(), f"MINEGREEN_MADE: no finished run in {made}"
        return Run(ROOT / "configs" / "jiangcang.yaml", Path(made), "", ROOT)
    return run_once(tmp_path_factory, "three-sensors", lambda _: ROOT / "configs" / "jiangcang.yaml")


@pytest.fixture(scope="session")
def noise_free(tmp_path_factory) -> Run:
    """Run the main job on the noise-free variant of the synthetic mine as far as the tables, its scenes given as a user gives a catalogue."""
    from pipeline.synthetic import generate

    def prepare(folder):
        generate(ROOT / "aoi" / "jiangcang.geojson", folder / "truth", noise=False, threads=2)
        settings = yaml.safe_load(ONE_SENSOR.read_text(encoding="utf-8")) | {"mine": "jiangcang"}
        settings["sensors"]["sentinel-2"]["catalog"] = str(folder / "truth" / "items.json")
        settings["sensitivity"] = False
        config = folder / "noise-free.yaml"
        config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        return config

    return run_once(tmp_path_factory, "noise-free", prepare, "--until", "areas", "observations", "fvc_2020_2024")


@pytest.fixture(scope="session")
def landsat(shared, tmp_path_factory) -> Run:
    """Run the main job on 24 real Landsat composites, once for all tests; nobody may change its files."""

    def prepare(folder):
        text = (ROOT / "configs" / "examples" / "landsat-composites.yaml").read_text(encoding="utf-8")
        config = folder / "landsat.yaml"
        config.write_text(text.replace("data/bc/", f"{shared / 'landsat_bc_annual_2000_2023'}/"), encoding="utf-8")
        return config

    return run_once(tmp_path_factory, "landsat", prepare)


@pytest.fixture(scope="session")
def two_workers():
    """Address of a dask.distributed cluster of two processes on this machine."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        yield cluster.scheduler_address
