"""Where the elevation model of an evaluation lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config_catalog import SYNTHETIC
from pipeline.layout import MineFolder

if TYPE_CHECKING:
    from pipeline.config import Config

SYNTHETIC_DEM = "synthetic"
WHAT = "path of an elevation model: one band, metres, any CRS and cell, covering every zone; or `synthetic`: that of the synthetic mine"


def dem_file(dem: str | None, config: Config, results: Path) -> Path | None:
    """Return where an elevation model lies; None without one."""
    if dem == SYNTHETIC_DEM:
        return MineFolder(results, config.mine).synthetic / "dem.tif"
    return None if dem is None else Path(dem)


def check_dem(field: str, dem: str | None, config: Config) -> None:
    """Refuse the synthetic elevation model of a mine that is not synthetic."""
    if dem == SYNTHETIC_DEM and not any(source.catalog in SYNTHETIC for source in config.sensors.values()):
        raise ValueError(f"{field}: synthetic without a sensor of a synthetic catalog; expected the path of an elevation model; fix: give a file")
