"""What the workflow runs: the mines, their targets, and the parameters of their jobs; no science."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.aoi import Zones, read_zones
from pipeline.config import Config, load_all, plain_path
from pipeline.errors import BadInput
from pipeline.grid import sensor_grid
from pipeline.layout import TABLES, MineFolder, SensorFolder
from pipeline.provenance import digest, options
from pipeline.sources import inspect, read_pair, source

SETTINGS = {"results"}


@dataclass(frozen=True)
class Plan:
    """The mines of one run, by id, and their results folder."""

    results: Path
    mines: dict[str, tuple[Path, Config]]

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
        """Return a digest of the options that a stage reads: a job runs again when it changes."""
        return digest(options(self.config(mine), stage, sensor))

    def images(self, mine: str, sensor: str, year: int | None = None) -> list[str]:
        """Return the composites of a sensor, of one year or all."""
        files = source(self.config(mine), sensor, self.results).files
        return [str(path) for y, path in files.items() if path is not None and year in (None, y)]

    def synthetic_mines(self) -> list[str]:
        """Return the mines whose images are generated."""
        return [m for m, (_, config) in self.mines.items() if any(s.catalog == "synthetic" for s in config.sensors.values())]

    def sensor_products(self, mine: str, sensor: str) -> list[str]:
        """Return every product of one sensor."""
        config, folder = self.config(mine), self.folder(mine, sensor)
        rasters = [*map(folder.fvc, config.all_years), *map(folder.trend, config.periods), *map(folder.classes, config.periods)]
        styles = [p.with_suffix(".qml") for p in rasters]
        others = [folder.scenes, folder.ledger, folder.endmembers, *map(folder.ndvi, config.all_years), *map(folder.table, TABLES)]
        maps = [folder.classes(period).with_suffix(".png") for period in config.periods]
        return [str(p) for p in (*rasters, *styles, *others, *maps)]

    def targets(self) -> list[str]:
        """Return the manifest and every product of every mine, so that a deleted one is made again."""
        manifests = [str(MineFolder(self.results, mine).root / "run.json") for mine in self.mines]
        return manifests + [p for mine, (_, config) in self.mines.items() for sensor in config.sensors for p in self.sensor_products(mine, sensor)]


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
    mines = load_all(files)
    for path, config in mines.values():
        check(path, config, results)
    return Plan(results, mines)


def check(path: Path, config: Config, results: Path) -> tuple[Zones, dict[str, object]]:
    """Validate AOI and images of one mine; return its zones and the grid of each sensor with prepared composites."""
    zones = read_zones(config, path)
    grids: dict[str, object] = {}
    for sensor, entry in config.sensors.items():
        if entry.catalog is None:
            grids[sensor], _ = inspect(config, path, sensor, zones, source(config, sensor, results))
        else:
            grids[sensor] = sensor_grid(config, sensor, zones, None, path)
    if config.fvc.endmembers is not None:
        read_pair(Path(config.fvc.endmembers))
    return zones, grids


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
