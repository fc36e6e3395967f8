"""Where each product of a run lies below the results folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

OBSERVED = ("clear", "doy", "water", "sd")
SCENE_TABLES = ("zone_by_scene", "masked_by_zone")
ABSOLUTE, RELATIVE = TARGETS = ("absolute", "relative")  # what a trend is of: the pixel, or the pixel minus the mean of its reference
LEDGER = "ledger"
SENSITIVITY = "sensitivity"
REFERENCE = "reference_by_zone"
TABLES = ("fvc_by_zone", "fvc_change_by_zone", "trend_area_by_zone", "trend_groups_by_zone", "trend_by_zone", REFERENCE)
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

    def synthetic_items(self, kind: str) -> Path:
        """Return the item collection of the synthetic mine for a kind of sensor: `sentinel-2`, `landsat` or `modis`; or of its `history`."""
        return self.synthetic / ("items.json" if kind == "sentinel-2" else f"items_{kind}.json")

    def synthetic_site(self, what: str) -> Path:
        """Return what is made of the synthetic mine's weather and relief: `precipitation`, `temperature` or `dem`."""
        return self.synthetic / ("dem.tif" if what == "dem" else f"{what}.csv")

    @property
    def manifest(self) -> Path:
        """Return what closes a run: config, versions, warnings, checksums."""
        return self.root / "run.json"

    @property
    def workbook(self) -> Path:
        """Return the tables of all sensors as one workbook."""
        return self.root / "tables.xlsx"

    @property
    def zones(self) -> Path:
        """Return the zones with their results."""
        return self.root / "zones.gpkg"

    @property
    def report(self) -> Path:
        """Return the report."""
        return self.root / "report.html"

    @property
    def project(self) -> Path:
        """Return the QGIS project."""
        return self.root / f"{self.mine}.qgz"

    def sensor(self, name: str) -> SensorFolder:
        """Return the folder of one sensor."""
        return SensorFolder(self.root / name)


@dataclass(frozen=True)
class SummaryFolder:
    """results/summary/: every finished mine of the results folder."""

    results: Path

    @property
    def root(self) -> Path:
        """Return the folder."""
        return self.results / "summary"

    @property
    def table(self) -> Path:
        """Return the table of the mines."""
        return self.root / "mines.csv"

    @property
    def methods(self) -> Path:
        """Return the table of restoration methods over all mines."""
        return self.root / "methods.csv"

    @property
    def effects(self) -> Path:
        """Return the table of the effects of restoration measures."""
        return self.root / "methods_effects.csv"

    @property
    def page(self) -> Path:
        """Return the page of the mines."""
        return self.root / "index.html"

    def files(self, mine: str) -> list[tuple[str, str]]:
        """Return what to open of a mine, where it is there: its address relative to the page, and its name."""
        folder = MineFolder(self.results, mine)
        return [(f"../{mine}/{path.name}", path.name) for path in (folder.report, folder.workbook, folder.project) if path.is_file()]


def _trend(target: str) -> str:
    return "trend" if target == ABSOLUTE else f"trend_{target}"


@dataclass(frozen=True)
class SensorFolder:
    """results/<mine>/<sensor>/."""

    root: Path

    def ndvi(self, year: int, month: int | None = None) -> Path:
        """Return the NDVI raster of a year, or of a calendar month of that year's season."""
        return self.root / (f"ndvi_{year}.tif" if month is None else f"ndvi_{year}-{month:02d}.tif")

    def observed(self, what: str, year: int) -> Path:
        """Return a raster of a year's observations: `clear`, `doy`, `water` or `sd`."""
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

    def trend(self, period: tuple[int, int], target: str = ABSOLUTE) -> Path:
        """Return the trend raster of a period."""
        return self.root / f"{_trend(target)}_{period[0]}-{period[1]}.tif"

    def classes(self, period: tuple[int, int], target: str = ABSOLUTE) -> Path:
        """Return the class raster of a period."""
        return self.root / f"{_trend(target)}_class_{period[0]}-{period[1]}.tif"

    def q(self, period: tuple[int, int], target: str = ABSOLUTE) -> Path:
        """Return the raster of p adjusted for many tests, of a period."""
        return self.root / f"{_trend(target)}_q_{period[0]}-{period[1]}.tif"

    def class_map(self, period: tuple[int, int], target: str = ABSOLUTE) -> Path:
        """Return the map of the classes of a period."""
        return self.classes(period, target).with_suffix(".png")

    @property
    def cover_chart(self) -> Path:
        """Return the chart of cover by zone and year."""
        return self.table("fvc_by_zone").with_suffix(".png")

    def area_chart(self, period: tuple[int, int], target: str = ABSOLUTE) -> Path:
        """Return the chart of class areas by zone of a period."""
        return self.root / f"{_trend(target)}_area_by_zone_{period[0]}-{period[1]}.png"

    def preview(self, year: int) -> Path:
        """Return the preview of a year's images."""
        return self.root / f"preview_{year}.png"

    def table(self, name: str) -> Path:
        """Return one CSV table."""
        return self.root / f"{name}.csv"

    def tables(self, *, with_scenes: bool, with_sensitivity: bool, evaluated: tuple[str, ...] = ()) -> dict[str, Path]:
        """Return every CSV table of the sensor by name; two come from scenes only, one where sensitivity is asked for, and those of evaluations."""
        names = (*TABLES, *evaluated, *((SENSITIVITY,) if with_sensitivity else ()), *(SCENE_TABLES if with_scenes else ()), LEDGER)
        return {name: self.table(name) for name in names}

    @property
    def items(self) -> Path:
        """Return the items that a search found, pinned."""
        return self.root / "items.json"

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
