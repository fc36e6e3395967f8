"""Where each product of a run lies below the results folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

OBSERVED = ("clear", "doy", "water")
SCENE_TABLES = ("zone_by_scene", "masked_by_zone")
LEDGER = "ledger"
SENSITIVITY = "sensitivity"
TABLES = ("fvc_by_zone", "fvc_change_by_zone", "trend_area_by_zone", "trend_groups_by_zone", "trend_by_zone")
ZONE_TABLES = ("fvc_change_by_zone", "trend_groups_by_zone", "trend_by_zone")  # what zones.gpkg takes its columns from


@dataclass(frozen=True)
class MineFolder:
    """results/<mine>/."""

    results: Path
    mine: str

    @property
    def root(self) -> Path:
        """Return the mine's folder."""
        return self.results / self.mine

    @property
    def synthetic(self) -> Path:
        """Return the folder of the synthetic mine's scenes and truth."""
        return self.root / "synthetic"

    @property
    def synthetic_items(self) -> Path:
        """Return the item collection of the synthetic mine."""
        return self.synthetic / "items.json"

    @property
    def workbook(self) -> Path:
        """Return the tables of all sensors as one workbook."""
        return self.root / "tables.xlsx"

    @property
    def zones(self) -> Path:
        """Return the zones with their results."""
        return self.root / "zones.gpkg"

    @property
    def project(self) -> Path:
        """Return the QGIS project."""
        return self.root / f"{self.mine}.qgz"

    def sensor(self, name: str) -> SensorFolder:
        """Return the folder of one sensor."""
        return SensorFolder(self.root / name)


@dataclass(frozen=True)
class SensorFolder:
    """results/<mine>/<sensor>/."""

    root: Path

    def ndvi(self, year: int) -> Path:
        """Return the NDVI raster of a year."""
        return self.root / f"ndvi_{year}.tif"

    def observed(self, what: str, year: int) -> Path:
        """Return a raster of a year's observations: `clear`, `doy` or `water`."""
        return self.root / f"{what}_{year}.tif"

    def variants(self, year: int) -> Path:
        """Return the composites of a year under the variants that sensitivity.csv compares: an intermediate."""
        return self.root / "sensitivity" / f"ndvi_{year}.tif"

    def zone_by_scene(self, year: int) -> Path:
        """Return a year's part of zone_by_scene.csv."""
        return self.root / "zone_by_scene" / f"{year}.json"

    def fvc(self, year: int) -> Path:
        """Return the cover raster of a year."""
        return self.root / f"fvc_{year}.tif"

    def trend(self, period: tuple[int, int]) -> Path:
        """Return the trend raster of a period."""
        return self.root / f"trend_{period[0]}-{period[1]}.tif"

    def classes(self, period: tuple[int, int]) -> Path:
        """Return the class raster of a period."""
        return self.root / f"trend_class_{period[0]}-{period[1]}.tif"

    def table(self, name: str) -> Path:
        """Return one CSV table."""
        return self.root / f"{name}.csv"

    def tables(self, *, with_scenes: bool, with_sensitivity: bool) -> dict[str, Path]:
        """Return every CSV table of the sensor by name; two come from scenes only, one where sensitivity is asked for."""
        names = (*TABLES, *((SENSITIVITY,) if with_sensitivity else ()), *(SCENE_TABLES if with_scenes else ()), LEDGER)
        return {name: self.table(name) for name in names}

    @property
    def scenes(self) -> Path:
        """Return the pinned list of images with the grid."""
        return self.root / "scenes.json"

    @property
    def ledger(self) -> Path:
        """Return the account of every listed asset."""
        return self.table(LEDGER)

    @property
    def endmembers(self) -> Path:
        """Return the endmember pair."""
        return self.root / "endmembers.json"
