"""All tables of one sensor: areas by class, groups, cover per zone and year, changes, zone trends, what the references are worth."""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import areas, zonestats
from pipeline.aoi import Zones, read_zones
from pipeline.classes import limits
from pipeline.config_months import YEARLY, is_seasonal, months_of
from pipeline.control import ZoneTests, control_cells, zone_tests
from pipeline.coverage import ZoneCoverage, zone_coverages
from pipeline.errors import one_line
from pipeline.grid import native_grid
from pipeline.kernels.codes import OUTPUTS
from pipeline.layout import ABSOLUTE, OBSERVED, REFERENCE, RELATIVE
from pipeline.observed import masked_share, read_part
from pipeline.reader import kept_open, open_raster, read_window
from pipeline.referencecheck import REFERENCE_COLUMNS, reference_row
from pipeline.referencewords import reference_sentences
from pipeline.relative import References, ReferenceSeries, owned_by, owners
from pipeline.sources import read_pair
from pipeline.stages.job import Job
from pipeline.tables import write_csv
from pipeline.uncertainty import Bounds
from pipeline.zonetrend import TREND_COLUMNS, trend_row

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

log = logging.getLogger("minegreen")
BAND = {name: i for i, name in enumerate(OUTPUTS, 1)}
COLUMNS = {
    "fvc_by_zone": zonestats.FVC_COLUMNS,
    "fvc_change_by_zone": zonestats.CHANGE_COLUMNS,
    "trend_by_zone": TREND_COLUMNS,
    REFERENCE: REFERENCE_COLUMNS,
    "trend_area_by_zone": areas.AREA_COLUMNS,
    "trend_groups_by_zone": areas.GROUP_COLUMNS,
}
Found = dict[tuple[tuple[str, ...], tuple[int, int]], ReferenceSeries]


def run(job: Job) -> None:
    """Write the CSV tables of the sensor."""
    with open_raster(job.folder.ndvi(job.config.years.first)) as dataset:
        grid = native_grid(dataset)
    with kept_open(grid):
        zones = read_zones(job.config, job.config_path)
        coverages = {c.zone: c for c in zone_coverages(zones, grid)}
        for name, rows in ZoneTables(job, grid, zones, coverages).rows(zones, coverages).items():
            write_csv(job.folder.table(name), COLUMNS[name], rows)


class ZoneTables:
    """Makes the rows of all tables, of whole zones or of parts of them.

    `zones` and `coverages` are of the whole zones: what `relative` subtracts is the mean of a whole reference, whatever the rows are of.
    """

    def __init__(self, job: Job, grid: GeoBox, zones: Zones, coverages: dict[str, ZoneCoverage]) -> None:
        config, trend = job.config, job.config.trend
        self.job, self.zones, self.coverages = job, zones, coverages
        self.pair = read_pair(job.folder.endmembers)
        self.references = References(zones, config.aoi.reference, coverages, job.folder, config.all_years)
        self.means: Found = self.references.series(config.periods, trend.variable, self.pair) if RELATIVE in config.targets else {}
        self.of_references = owned_by(owners(coverages.values(), grid.shape), coverages.values(), zones.reference_zones)
        self.scenes = job.has_scenes
        self.parts = {y: read_part(job.folder.zone_by_scene(y)) for y in config.all_years} if self.scenes else {}

    def rows(self, zones: Zones, coverages: dict[str, ZoneCoverage], shown: Collection[str] | None = None) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of each table of `COLUMNS`, of the zones of `coverages`, or of those of them that are `shown`.

        `coverages` may be parts of zones, in the order of the file, and `zones` names as their references only zones that have such a part: the columns that
        compare with the reference then compare with the same part of it. What scenes tell of whole zones alone is empty for parts: the masked share, and
        the bounds of areas.
        """
        job, config, trend = self.job, self.job.config, self.job.config.trend
        whole = coverages is self.coverages
        shown = coverages if shown is None else shown
        named = {zone: {"mine": config.mine, "sensor": job.sensor, "zone": zone, "role": c.role} for zone, c in coverages.items()}
        annual: list[dict[str, Any]] = []
        changes: dict[str, dict[tuple[int, int], zonestats.Change]] = {}
        trends: list[dict[str, Any]] = []
        worth: list[dict[str, Any]] = []
        for zone, c in coverages.items():  # one zone at a time: memory is the largest zone's, not the mine's
            ndvi = np.stack([read_window(job.folder.ndvi(y), c.rows, c.cols) for y in config.all_years])
            series = zonestats.ZoneSeries(c, ndvi, config.all_years, self.pair, self._seen(c, whole=whole))
            changes[zone] = zonestats.changes(series)
            if zone not in shown:
                continue
            annual += series.annual_rows(named[zone])
            for period in config.periods:
                reference = self.means.get((self.references.of_zone[zone], period))
                for target in config.targets:
                    if target == RELATIVE and reference is None:
                        continue
                    slope, s = (read_window(job.folder.trend(period, target), c.rows, c.cols, BAND[name]) for name in ("slope", "s"))
                    less = reference if target == RELATIVE else None
                    row = trend_row(series, period, trend.variable, trend.significance, slope, s, less)
                    trends.append(named[zone] | _of_period(job, period) | {"test": YEARLY, "target": target} | row)
                if reference is not None:
                    row = named[zone] | _of_period(job, period) | reference_row(series, reference, period, trend.variable, trend.significance)
                    worth.append(row | {"warning": "; ".join(s.en.rstrip(".") for s in reference_sentences(row, trend.alpha.slight)) or None})
            log.info("tables: %s", one_line(zone))
        compared = [r for z in changes if z in shown for r in zonestats.change_rows(changes[z], [changes[x] for x in zones.references[z]], named[z])]
        bounds = Bounds(config, job.sensor, job.folder, coverages, self.pair, self.references.of_zone, self.means) if whole else None
        made = partial(self._class_tables, zones, coverages, bounds, shown)
        classed = [made(period, target) for period in config.periods for target in config.targets]
        of_classes = ([r for pair in classed for r in pair[i]] for i in range(2))
        area, groups = (rows if self.scenes else areas.without_water(rows) for rows in of_classes)
        return dict(zip(COLUMNS, (annual, compared, trends, worth, area, groups), strict=True))

    def _seen(self, c: ZoneCoverage, *, whole: bool) -> zonestats.Seen | None:
        """Return what scenes showed of a zone; None for prepared composites."""
        if not self.parts:
            return None
        clear, doy, water = (np.stack([read_window(self.job.folder.observed(what, y), c.rows, c.cols) for y in self.parts]) for what in OBSERVED[:3])
        masked = (masked_share([r for r in rows if r["zone"] == c.zone]) if whole else None for rows in self.parts.values())
        return zonestats.Seen(clear, doy, water, tuple(masked))

    def _class_tables(
        self,
        zones: Zones,
        coverages: dict[str, ZoneCoverage],
        bounds: Bounds | None,
        shown: Collection[str],
        period: tuple[int, int],
        target: str,
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the rows of both class tables of one period and target; a zone without a reference has no relative ones."""
        job, trend, compared = self.job, self.job.config.trend, self.references.of_zone
        common = {"mine": job.config.mine, "sensor": job.sensor, "target": target} | _of_period(job, period)
        least, alphas = job.record.least_pixels, trend.alpha.model_dump()
        wanted = {z: c for z, c in coverages.items() if target == ABSOLUTE or compared[z]}
        counted, usual, found, months = {}, {}, {}, {}
        for z, c in wanted.items():
            codes = read_window(job.folder.classes(period, target), c.rows, c.cols)
            bands = {name: read_window(job.folder.trend(period, target), c.rows, c.cols, BAND[name]) for name in ("slope", "p", "n")}
            counted[z], usual[z] = areas.class_areas(codes, c, least), areas.usual_n(bands["n"], c, least)
            reference = None if z in self.zones.reference_zones else self.of_references[c.rows, c.cols]
            months[z] = _months(job, c, period)
            found[z] = control_cells(_tests(job, c, codes, bands, reference, months[z]), trend.scheme, alphas, trend.significance)
        rows: list[dict[str, Any]] = []
        groups: list[dict[str, Any]] = []
        told = {z: c for z, c in wanted.items() if z in shown}
        for zone, coverage in told.items():
            named = common | {"zone": zone, "role": coverage.role}
            there = areas.total([counted[z] for z in zones.references[zone] if z in counted])
            of_classes = areas.area_rows(
                trend.scheme, trend.significance, counted[zone], there, usual[zone], named, found[zone], test=trend.test, months=months[zone]
            )
            rows += areas.with_bounds(of_classes, bounds.of(coverage, period, target) if bounds is not None and coverage.holds(least) else None)
            groups += areas.group_rows(trend.scheme, counted[zone], there, named | {"level": "zone"}, found[zone])
        for role in dict.fromkeys(c.role for c in told.values()):
            members = [z for z, c in told.items() if c.role == role]
            together = areas.total([counted[z] for z in members])
            there = areas.total([counted[r] for r in dict.fromkeys(r for z in members for r in zones.references[z]) if r in counted])
            groups += areas.group_rows(trend.scheme, together, there, common | {"level": "role", "zone": None, "role": role})
        return rows, groups


def _of_period(job: Job, period: tuple[int, int]) -> dict[str, Any]:
    trend = job.config.trend
    return {"variable": trend.variable, "first_year": period[0], "last_year": period[1], "test": trend.test}


def _months(job: Job, c: ZoneCoverage, period: tuple[int, int]) -> np.ndarray:
    """Return which months (years, months) of a period have any value in a zone; none where years are tested."""
    years, months = range(period[0], period[1] + 1), months_of(job.config) if is_seasonal(job.config) else ()
    seen = [[bool(np.isfinite(read_window(job.folder.ndvi(y, m), c.rows, c.cols)[c.touched]).any()) for m in months] for y in years]
    return np.array(seen, bool).reshape(len(years), len(months))


def _tests(job: Job, c: ZoneCoverage, codes: np.ndarray, bands: dict[str, np.ndarray], reference: np.ndarray | None, months: np.ndarray) -> ZoneTests:
    trend = job.config.trend
    rules = limits(trend.scheme, trend.alpha.slight, trend.alpha.significant, trend.alpha.extreme)
    least = job.record.least_pixels
    return zone_tests(codes, bands, c, rules, trend.no_change, trend.significance, least, reference=reference, test=trend.test, months=months)
