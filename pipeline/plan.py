"""What the workflow runs: the mines, their targets, and the parameters of their jobs; no science."""

from __future__ import annotations

import os
import re
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.access import check_keys
from pipeline.aoi import Zones, read_zones
from pipeline.config import Config, SensorSource, load_all
from pipeline.config_catalog import SYNTHETIC, plain_path
from pipeline.config_dem import SYNTHETIC_DEM, dem_file
from pipeline.config_months import months_of, no_sensitivity
from pipeline.errors import BadInput
from pipeline.evaluation.climatefiles import check_climate_files
from pipeline.evaluation.dem import check_covers, check_elevations, open_dem
from pipeline.evaluation.footprintinputs import check_footprint_inputs
from pipeline.evaluation.landmaps import check_land
from pipeline.evaluation.overlap import check_overlap
from pipeline.evaluation.records import EVALUATIONS, Evaluation
from pipeline.grid import dilation_cells, ground_cell_m, sensor_grid
from pipeline.images import is_remote
from pipeline.inspection import catalog_of, inspected
from pipeline.layout import OBSERVED, TABLES, MineFolder, SensorFolder, SummaryFolder
from pipeline.listing import fingerprint
from pipeline.provenance import digest, options
from pipeline.scenes import Inspected
from pipeline.search import search
from pipeline.sources import inspect, read_pair, source
from pipeline.summary import finished
from pipeline.writer import write_text

SETTINGS = {"dask", "results"}
SMALL = 2_000_000  # cells of a grid on which a second thread of a job gains less than a second job
FEW = 4_000_000  # cells of all years together that take less time than to start a process for each year
CLOCK_S = 60  # by which a file's clock may be ahead of ours


@dataclass(frozen=True)
class Plan:
    """The mines of one run, by id, their results folder, and the Dask scheduler for their blocks.

    `files` holds, per mine and sensor with a catalogue of the user's, the local files of each year's scenes; `varied` the
    mines and sensors whose scenes are composed under the variants of sensitivity.csv too; `small` those whose grid is small;
    `together` those whose images lie on disk and are so few cells that all years are composed in one job.
    """

    results: Path
    mines: dict[str, tuple[Path, Config]]
    files: dict[tuple[str, str], dict[int, list[str]]]
    dask: str | None = None
    varied: frozenset[tuple[str, str]] = frozenset()
    small: frozenset[tuple[str, str]] = frozenset()
    together: frozenset[tuple[str, str]] = frozenset()

    def config_path(self, mine: str) -> str:
        """Return the config file of a mine."""
        return str(self.mines[mine][0])

    def config(self, mine: str) -> Config:
        """Return the config of a mine."""
        return self.mines[mine][1]

    def folder(self, mine: str, sensor: str) -> SensorFolder:
        """Return results/<mine>/<sensor>/."""
        return MineFolder(self.results, mine).sensor(sensor)

    def stamp(self, stage: str, mine: str, sensor: str | None = None) -> str:
        """Return a digest of the options that a stage reads, and of what lies in a folder of products: a job runs again when it changes."""
        catalog = self.config(mine).sensors[sensor].catalog if stage == "scenes" and sensor is not None else None
        folder = [fingerprint(Path(catalog))] if catalog is not None and Path(catalog).is_dir() else []
        return digest([options(self.config(mine), stage, sensor), *folder] if folder else options(self.config(mine), stage, sensor))

    def images(self, mine: str, sensor: str, year: int | None = None) -> list[str]:
        """Return the images of a sensor that lie on disk: the catalogue and its scenes, or the composites; of one year or all."""
        config = self.config(mine)
        if config.sensors[sensor].catalog is not None:
            catalog = catalog_of(config, sensor, self.results)
            by_year = self.files.get((mine, sensor), {})
            collection = [] if catalog.is_dir() else [str(catalog)]  # what lies in a folder is in `stamp`
            return [*collection, *dict.fromkeys(f for y, files in by_year.items() if year in (None, y) for f in files)]
        files = source(config, sensor).files
        return [str(path) for y, path in files.items() if path is not None and year in (None, y)]

    def has_scenes(self, mine: str, sensor: str) -> bool:
        """Return whether a sensor's images are scenes."""
        return self.config(mine).sensors[sensor].catalog is not None

    def sensor_products(self, mine: str, sensor: str) -> list[str]:
        """Return every product of one sensor."""
        config, folder = self.config(mine), self.folder(mine, sensor)
        years, scenes = config.all_years, self.has_scenes(mine, sensor)
        seen = [folder.observed(what, year) for what in OBSERVED for year in years] if scenes else []
        tested = list(product(config.periods, config.targets))
        monthly = list(product(years, months_of(config)))
        rasters = [
            *map(folder.ndvi, years),
            *(folder.ndvi(*of) for of in monthly),
            *seen,
            *map(folder.fvc, years),
            *(f(*t) for f in (folder.trend, folder.classes, folder.q) for t in tested),
        ]
        styles = [p.with_suffix(".qml") for p in rasters]
        tables = self.tables_of(mine, sensor)
        varied = map(folder.variants, years) if (mine, sensor) in self.varied else ()
        figures = [folder.cover_chart, *(f(*t) for f in (folder.class_map, folder.area_chart) for t in tested), *map(folder.preview, years)]
        found = (folder.items,) if config.sensors[sensor].searched else ()
        evaluated = [folder.root / file for e in config.evaluations_of(sensor) for file in e.files]
        every = dict.fromkeys((*rasters, *varied, *styles, *found, folder.scenes, folder.endmembers, *tables, *figures, *evaluated))
        return [str(p) for p in every]

    def evaluated(self, mine: str, sensor: str, key: str) -> list[str]:
        """Return what an evaluation of a sensor is made from."""
        config, folder, years = self.config(mine), self.folder(mine, sensor), self.config(mine).all_years
        seen, wanted = self.has_scenes(mine, sensor), EVALUATIONS[key].inputs
        of = {
            "ndvi": [folder.ndvi(y) for y in years],
            "fvc": [folder.fvc(y) for y in years],
            "water": [folder.observed("water", y) for y in years] if seen else [],
            "parts": [folder.zone_by_scene(y) for y in years] if seen else [],
            "tables": [folder.table(name) for name in TABLES],
        }
        files = config.evaluations[key].files(config, self.results)
        others = [folder.root / file for e in config.evaluations_of(sensor) if e.key in EVALUATIONS[key].after for file in e.files]
        return [str(p) for p in (folder.scenes, folder.endmembers, *(p for kind in wanted for p in of[kind]), *files, *others)]

    def evaluators(self) -> dict[str, tuple[Evaluation, list[tuple[str, str]]]]:
        """Return the evaluations of any mine, each with the mines and sensors that it is made for."""
        asked = [(e, (m, s)) for m in self.mines for s in self.config(m).sensors for e in self.config(m).evaluations_of(s)]
        return {key: (e, [pair for other, pair in asked if other is e]) for key, e in EVALUATIONS.items() if any(other is e for other, _ in asked)}

    def reported(self, mine: str) -> list[str]:
        """Return what the report of a mine is made from."""
        config, out = self.config(mine), list[Path]()
        for sensor in config.sensors:
            folder = self.folder(mine, sensor)
            rasters = [*map(folder.ndvi, config.all_years), *map(folder.fvc, config.all_years)]
            rasters += [f(*t) for f in (folder.trend, folder.classes) for t in product(config.periods, config.targets)]
            out += [*rasters, folder.scenes, folder.endmembers]
        return [*(str(p) for p in out), *self.tables(mine)]

    def tables(self, mine: str) -> list[str]:
        """Return every CSV table of a mine."""
        return [str(p) for s in self.config(mine).sensors for p in self.tables_of(mine, s)]

    def tables_of(self, mine: str, sensor: str) -> list[Path]:
        """Return every CSV table of a sensor."""
        return list(self.folder(mine, sensor).tables(**self.config(mine).tables_of(sensor)).values())

    def products(self, mine: str) -> list[str]:
        """Return every product of a mine but the manifest."""
        sensors = [p for sensor in self.config(mine).sensors for p in self.sensor_products(mine, sensor)]
        folder = MineFolder(self.results, mine)
        return [str(folder.workbook), str(folder.zones), str(folder.project), str(folder.report), *sensors]

    def targets(self) -> list[str]:
        """Return the manifest and every product of every mine, and what holds all mines, so that a deleted one is made again."""
        mines = [p for mine in self.mines for p in (str(MineFolder(self.results, mine).manifest), *self.products(mine))]
        return [*mines, *self.summary]

    @property
    def summary(self) -> list[str]:
        """Return the tables and the page of all mines of the results folder."""
        folder = SummaryFolder(self.results)
        return [str(path) for path in (folder.table, folder.methods, folder.effects, folder.page)]

    def manifests(self) -> list[str]:
        """Return run.json of this run's mines, and of those that are finished there already: the summary holds them all.

        The set is the same whichever of the mines run, so that the summary is made anew only where one is new, gone or changed.
        """
        return [str(MineFolder(self.results, mine).manifest) for mine in sorted({*self.mines, *finished(self.results)})]


def make(paths: list[str], settings: dict[str, object]) -> Plan:
    """Return the plan of a run after checking everything that can be checked without computing.

    `paths` are the config files (default: configs/*.yaml); `settings` come from `--config`.

    Raises
    ------
    BadInput
        For anything wrong in settings, configs, AOIs or images; nothing has been written.
    """
    unknown = sorted(set(settings) - SETTINGS)
    if unknown:
        raise BadInput("--config", unknown[0], settings[unknown[0]], f"one of: {', '.join(sorted(SETTINGS))}", "put the mine's settings into its YAML file")
    files = [Path(p) for p in paths] or sorted(Path("configs").glob("*.yaml"))
    if not files:
        raise BadInput("configs", "config files", "none", "at least one configs/*.yaml", "use --configfile, or `minegreen new`")
    results = _results(settings.get("results", "results"))
    writable(results)
    writable(SummaryFolder(results).root)
    address = settings.get("dask")
    if address is not None and not (isinstance(address, str) and re.fullmatch(r"(tcp|tls)://[A-Za-z0-9.:\[\]_-]+:[0-9]{1,5}", address)):
        raise BadInput("--config", "dask", address, "the address of a dask.distributed scheduler", "for instance dask=tcp://127.0.0.1:8786")
    mines = load_all(files)
    local: dict[tuple[str, str], dict[int, list[str]]] = {}
    varied: set[tuple[str, str]] = set()
    small: set[tuple[str, str]] = set()
    together: set[tuple[str, str]] = set()
    for mine, (path, config) in mines.items():
        try:
            checked = check(path, config, results)
        except BadInput as error:
            if len(mines) > 1 and error.where != str(path):
                error.config = str(path)
            raise
        for sensor, found in checked.scenes.items():
            years: dict[int, list[str]] = defaultdict(list)
            for scene in (*found.scenes, *found.margin):
                years[scene.year] += [layer.href for layer in scene.layers.values() if not is_remote(layer.href)]
            local[mine, sensor] = years
        for sensor, grid in checked.grids.items():
            cells = grid.shape[0] * grid.shape[1]
            if cells <= SMALL:
                small.add((mine, sensor))
            if cells * len(config.all_years) <= FEW and _near(config.sensors[sensor], checked.scenes.get(sensor)):
                together.add((mine, sensor))
            if config.sensors[sensor].catalog is not None and no_sensitivity(config, cells) is None:
                varied.add((mine, sensor))
    return Plan(results, mines, local, address if isinstance(address, str) else None, frozenset(varied), frozenset(small), frozenset(together))


def _near(sensor: SensorSource, found: Inspected | None) -> bool:
    """Return whether the images of a sensor all lie on disk, or will when the synthetic mine is made."""
    if sensor.searched:
        return False
    return found is None or not any(is_remote(layer.href) for scene in (*found.scenes, *found.margin) for layer in scene.layers.values())


@dataclass(frozen=True)
class Checked:
    """A mine whose inputs can be used: zones, the grid of each sensor, and the scenes where the user gave a catalogue."""

    zones: Zones
    grids: dict[str, Any]
    scenes: dict[str, Inspected]


def check(path: Path, config: Config, results: Path, *, live: bool = False) -> Checked:
    """Validate AOI and images of one mine.

    The synthetic mine's scenes are made by the run, so that they cannot be checked; the items of a STAC API are searched by
    the run too, and here only where `live` asks for it.
    """
    check_keys(config)
    writable(MineFolder(results, config.mine).root)
    zones = read_zones(config, path)
    if config.recovery is not None:
        check_overlap(zones, config.aoi.path)
    _check_dem(config, zones, results)
    if config.climate is not None:
        check_climate_files(config, config.climate, zones)
    check_land(config, path, zones)
    _evaluated_files(path, config, results)
    grids: dict[str, Any] = {}
    scenes: dict[str, Inspected] = {}
    for sensor, entry in config.sensors.items():
        if entry.catalog is None:
            grids[sensor], _ = inspect(config, path, sensor, zones, source(config, sensor))
        elif entry.catalog in SYNTHETIC or (entry.searched and not live):
            grids[sensor] = sensor_grid(config, sensor, zones, None, path)
        elif entry.searched:
            with TemporaryDirectory() as folder:
                items = Path(folder) / "items.json"
                write_text(items, search(config, sensor, zones))
                scenes[sensor] = inspected(config, path, sensor, zones, items)
            grids[sensor] = scenes[sensor].grid
        else:
            scenes[sensor] = inspected(config, path, sensor, zones, catalog_of(config, sensor, results))
            grids[sensor] = scenes[sensor].grid
            _inputs(path, sensor, entry.catalog, scenes[sensor], results)
        if entry.catalog is not None:
            dilation_cells(config, path, ground_cell_m(grids[sensor]))
    check_footprint_inputs(config, path, zones, grids)
    if config.fvc.endmembers is not None:
        read_pair(Path(config.fvc.endmembers))
    return Checked(zones, grids, scenes)


def _check_dem(config: Config, zones: Zones, results: Path) -> None:
    """Refuse elevation models that are none or do not cover every zone; that of the synthetic mine is made by the run."""
    for key in ("recovery", "strata"):
        asked = config.recovery if key == "recovery" else config.strata
        found = None if asked is None or asked.dem == SYNTHETIC_DEM else dem_file(asked.dem, config, results)
        if found is not None:
            dem = open_dem(found, f"{key}.dem")
            with closing(dem.dataset):
                check_covers(dem, zones, f"{key}.dem")
                check_elevations(dem, zones)


def _inputs(path: Path, sensor: str, catalog: str, found: Inspected, results: Path) -> None:
    """Refuse a catalogue or images that the run itself would write over, or whose time lies in the future."""
    local = {layer.href for scene in (*found.scenes, *found.margin) for layer in scene.layers.values() if not is_remote(layer.href)}
    for file in (Path(catalog), *map(Path, sorted(local))):
        if file.resolve().is_relative_to(results.resolve()):
            raise BadInput(path, f"sensors.{sensor}.catalog", f"{file}, in the results folder", "a file outside of it", "copy it to another folder")
        if file.is_dir() and results.resolve().is_relative_to(file.resolve()):
            raise BadInput(path, f"sensors.{sensor}.catalog", f"{file}, in which the results folder lies", "a folder of products alone", "move the products")
        _has_passed(file)


def _evaluated_files(path: Path, config: Config, results: Path) -> None:
    """Refuse files of evaluations that the run itself would write over, or whose time lies in the future; those of the synthetic mine the run makes."""
    made = MineFolder(results, config.mine).synthetic
    for key, asked in config.evaluations.items():
        for file in asked.files(config, results):
            if file.parent == made:
                continue
            if file.resolve().is_relative_to(results.resolve()):
                raise BadInput(path, key, f"{file}, in the results folder", "a file outside of it", "copy it to another folder")
            if file.exists():
                _has_passed(file)


def _has_passed(file: Path) -> None:
    """Refuse a file that was changed in the future: what is made from it would be older, and made again in every run."""
    ahead = file.stat().st_mtime - time.time()
    if ahead > CLOCK_S:
        raise BadInput(file, "time of change", f"{ahead:.0f} s in the future", "a time that has passed", "set it right, for instance by touch")


def _results(given: object) -> Path:
    if not isinstance(given, str) or not given:
        raise BadInput("--config", "results", given, "the path of a folder", "quote a name that YAML reads as something else: results='\"7\"'")
    try:
        return Path(plain_path(given))
    except ValueError as error:
        found, expected, fix = str(error).split("; ")
        raise BadInput("--config", "results", found, expected.removeprefix("expected "), fix.removeprefix("fix: ")) from None


def writable(results: Path) -> None:
    """Refuse a results folder that cannot be written (exit 2)."""
    there = next(p for p in (results, *results.absolute().parents) if p.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise BadInput(results, "results folder", f"{there} cannot be written", "a folder that can be written", "choose another with --config results=DIR")
