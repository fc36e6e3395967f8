"""Precipitation and temperature as users have them: a CSV table, or one GeoTIFF a year with a band for each month or day."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.config import Config, Season
from pipeline.config_climate import SYNTHETIC_SERIES, Climate
from pipeline.coverage import ZoneCoverage, zone_coverages
from pipeline.errors import BadInput, nearest
from pipeline.evaluation.climate import PRECIPITATION, Weather, season_dates
from pipeline.grid import native_grid
from pipeline.reader import open_raster
from pipeline.tables import read_given

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

MONTHS = 12
COLDEST, WARMEST = -100.0, 70.0  # degC; beyond every mean of a day or month on Earth
KELVIN = (150.0, 350.0)
MOST_DAY, MOST_MONTH = 2000.0, 10000.0  # mm; the most that was measured is 1,825 in a day (Foc-Foc, 1966) and 9,300 in a month (Cherrapunji, July 1861)
LEAST_DAY, LEAST_MONTH = 0.1, 0.5  # mm; a whole series below this is in metres
FORMS = "YYYY-MM-DD for days or YYYY-MM for months"


def read_climate(variable: str, source: str, zones: Zones, season: Season, years: Sequence[int], base: tuple[int, int] | None) -> Weather:
    """Return the values of a variable for the zones, by day or month; mm, or degrees Celsius.

    `source`: path of a CSV table, or of GeoTIFFs with {year} in it. A zone's value of rasters is the mean of the cells that it covers, weighted by the area
    covered; where one of them has no value, the zone has none. Whole years of the run and of the baseline are checked; single gaps stay gaps.

    Raises
    ------
    BadInput
        See `read_table_of` and `read_rasters`; precipitation that is likely in metres; a year of the run without any value in its season, no whole season in
        any year and zone, a year of the baseline with a gap in it.
    """
    needed = sorted({*years, *(range(base[0], base[1] + 1) if base else ())})
    if "{year}" in source:
        ends = [season_dates(season, y) for y in needed]
        out = read_rasters(variable, source, zones, sorted({day.year for pair in ends for day in pair}))
    else:
        if not Path(source).is_file():
            fix = "check the path; it is relative to the working directory"
            raise BadInput(source, f"climate.{variable}", "no such file", "a CSV table, or GeoTIFFs with {year} in their path", fix)
        out = read_table_of(variable, Path(source), zones.names)
    _check_metres(out)
    _check_years(out, zones.names, season, years, base)
    return out


def read_all(sources: Mapping[str, str], zones: Zones, season: Season, years: Sequence[int], base: tuple[int, int] | None) -> list[Weather]:
    """Return every variable of `sources` (variable: path), read by `read_climate`."""
    return [read_climate(variable, source, zones, season, years, base) for variable, source in sources.items()]


def check_climate_files(config: Config, asked: Climate, zones: Zones) -> None:
    """Read the user's files before a run, so that what is wrong with them is said first (BadInput); those of the embedded mine are made by the run."""
    given = {variable: source for variable, source in asked.sources.items() if source != SYNTHETIC_SERIES}
    read_all(given, zones, config.season, config.all_years, asked.baseline)


def read_table_of(variable: str, path: Path, zones: Sequence[str]) -> Weather:
    """Return the values of a table with the columns date, value and, if zones differ, zone; an empty value is a gap.

    Raises
    ------
    BadInput
        No such table; days and months mixed; no date; a date twice; a zone that the mine has not, or has and the table has not; a value that is no number
        or cannot be.
    """
    found: dict[str, dict[date, float]] = {}
    seen: set[tuple[str, date]] = set()
    monthly: bool | None = None
    for line, row in read_given(path, ("date", "value"), ("zone",)):
        where = f"line {line}"
        day = _day(row["date"], path, where)
        if monthly is None:
            monthly = len(row["date"]) == 7
        elif monthly != (len(row["date"]) == 7):
            raise BadInput(path, f"{where}, date", row["date"], "days or months, as in the lines before", "split the file, one resolution in each")
        zone = row.get("zone", "")
        if "zone" in row and zone not in zones:
            raise BadInput(path, f"{where}, zone", zone, "a zone of the mine", nearest(zone, list(zones)))
        if (zone, day) in seen:
            raise BadInput(path, f"{where}, date", f"{row['date']} twice" + (f" for zone {zone}" if zone else ""), "one value for each date", "remove one")
        seen.add((zone, day))
        values = found.setdefault(zone, {})
        if row["value"]:
            values[day] = _number(variable, row["value"], path, f"{where}, value", monthly=monthly)
    if monthly is None:
        raise BadInput(path, "rows", "none", "one row for each day or month", "check the file")
    if "" not in found and (without := [z for z in zones if z not in found]):
        raise BadInput(path, "zone", f"no row for {', '.join(without)}", "rows for every zone of the mine", "add them, or remove the column zone")
    return Weather(variable, str(path), monthly, found)


def _day(text: str, path: Path, where: str) -> date:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?", text):
        try:
            return date.fromisoformat(text if len(text) == 10 else f"{text}-01")
        except ValueError:
            pass
    raise BadInput(path, f"{where}, date", text, FORMS, "correct the date")


def _number(variable: str, text: str, path: Path, where: str, *, monthly: bool) -> float:
    try:
        value = math.nan if "_" in text else float(text)  # Python takes 1_000 for 1000
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(path, where, text, "a number, or an empty cell where there is none", "correct the value")
    _possible(variable, value, path, where, monthly=monthly)
    return value


def _possible(variable: str, value: float, path: Path | str, where: str, *, monthly: bool) -> None:
    """Refuse what cannot be: negative precipitation, more than was ever measured, temperatures that no place on Earth has."""
    gap = "leave the cell empty (rasters: nodata) where there is no value"
    if variable == PRECIPITATION:
        most, unit = (MOST_MONTH, "month") if monthly else (MOST_DAY, "day")
        if value < 0:
            raise BadInput(path, where, f"{value:g} mm", "precipitation of 0 mm or more", gap)
        if value > most:
            raise BadInput(path, where, f"{value:g} mm", f"precipitation of 0 to {most:g} mm a {unit}", f"{gap}; convert other units")
    elif not COLDEST <= value <= WARMEST:
        kelvin = KELVIN[0] <= value <= KELVIN[1]
        fix = "these are likely kelvin: subtract 273.15" if kelvin else f"{gap}; convert other units"
        raise BadInput(path, where, f"{value:g}", f"degrees Celsius, {COLDEST:g} to {WARMEST:g}", fix)


def _check_metres(weather: Weather) -> None:
    """Refuse precipitation of which the largest value of all is above 0 and yet too small for mm."""
    if weather.variable != PRECIPITATION:
        return
    largest = max((value for values in weather.zones.values() for value in values.values()), default=0.0)
    least, unit = (LEAST_MONTH, "month") if weather.monthly else (LEAST_DAY, "day")
    if 0 < largest < least:
        expected = f"precipitation in mm, {least:g} a {unit} or more at least once"
        dry = f"{'daily values, or ' if weather.monthly else ''}more years, in a table or by climate.baseline"
        fix = f"these are likely metres: multiply by 1000; convert other units; where it is so dry, give {dry}"
        raise BadInput(weather.path, weather.variable, f"{largest:g} at most", expected, fix)


def read_rasters(variable: str, template: str, zones: Zones, years: Sequence[int]) -> Weather:
    """Return the mean of each zone from GeoTIFFs of calendar years: 12 bands are months, 365 or 366 days. A year without a file is a gap.

    Stored values times the band's scale plus its offset, where the file has them; nodata and NaN are gaps. A zone has a value where every cell that it
    covers has one.

    Raises
    ------
    BadInput
        No file of any year; a file that cannot be read to its end; complex values; another number of bands, or another resolution than the years before; a
        scale of 0; scales and offsets that are not finite; no CRS, one of no place on Earth or that cannot show the zones; a grid that is turned; a zone that
        reaches beyond the file; values that cannot be.
    """
    found: dict[str, dict[date, float]] = {zone: {} for zone in zones.names}
    monthly: bool | None = None
    weights: tuple[Any, list[ZoneCoverage]] | None = None
    for year in years:
        path = Path(template.replace("{year}", str(year)))
        if not path.is_file():
            continue
        with _opened(path) as dataset:
            days = _band_days(path, dataset.count, year)
            if monthly is not None and monthly != (len(days) == MONTHS):
                raise BadInput(path, "bands", dataset.count, "months or days, as in the years before", "use files of one resolution")
            monthly = len(days) == MONTHS
            _check_scales(path, dataset)
            grid = _grid(path, dataset)
            if weights is None or weights[0] != grid:
                weights = grid, _coverages(path, zones, grid)
            for coverage in weights[1]:
                found[coverage.zone].update(zip(days, _means(variable, path, dataset, coverage, grid), strict=True))
    if monthly is None:
        raise BadInput(
            template, "rasters", f"no file of {years[0]} to {years[-1]}", "one GeoTIFF a year", "check the path; {year} stands for the calendar year"
        )
    return Weather(variable, template, monthly, {zone: {d: v for d, v in values.items() if math.isfinite(v)} for zone, values in found.items()})


def _opened(path: Path) -> Any:
    dataset = open_raster(path)
    kind = str(dataset.dtypes[0])
    if kind.startswith("complex"):
        dataset.close()
        raise BadInput(path, "values", kind, "integers or floating-point numbers", "export real values")
    return dataset


def _check_scales(path: Path, dataset: Any) -> None:
    """Refuse a scale that makes every value one, and scales and offsets that make none."""
    for band, (scale, offset) in enumerate(zip(dataset.scales, dataset.offsets, strict=True), 1):
        if scale == 0 or not (math.isfinite(scale) and math.isfinite(offset)):
            found = f"scale {scale:g}, offset {offset:g}"
            fix = "name the right ones, or 1 and 0 where values are stored as they are, for instance by gdal_edit.py -scale 1 -offset 0"
            raise BadInput(path, f"band {band}, scale and offset", found, "finite numbers, the scale not 0", fix)


def _band_days(path: Path, bands: int, year: int) -> list[date]:
    length = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    if bands == MONTHS:
        return [date(year, month, 1) for month in range(1, 13)]
    if bands == length:
        return [date(year, 1, 1) + timedelta(days=i) for i in range(length)]
    raise BadInput(path, "bands", bands, f"12 (months) or {length} (days of {year})", "write one band for each month or day of the calendar year")


def _grid(path: Path, dataset: Any) -> GeoBox:
    if dataset.crs is None:
        raise BadInput(path, "coordinate reference system", "none", "a CRS", "assign it in QGIS")
    if not (dataset.crs.is_projected or dataset.crs.is_geographic):
        found = "a CRS that is neither projected nor geographic"
        raise BadInput(path, "coordinate reference system", found, "a CRS on the Earth", "assign it, for instance by gdal_edit.py -a_srs")
    t = dataset.transform
    if t.b or t.d or t.a <= 0 or t.e >= 0:
        raise BadInput(path, "grid", "rows that do not run from north to south, or a turned grid", "a grid with north up", "warp it, e.g. by gdalwarp")
    return native_grid(dataset)


def _coverages(path: Path, zones: Zones, grid: GeoBox) -> list[ZoneCoverage]:
    from pyproj.exceptions import ProjError

    west, south, east, north = grid.boundingbox
    try:
        there = zones.frame.to_crs(str(grid.crs))
        if not np.isfinite(there.get_coordinates().to_numpy()).all():
            raise ValueError("coordinates that are not finite")
        frame = zones.on(grid.crs, abs(grid.resolution.x))
    except (ValueError, ProjError):
        found = "a CRS in which the zones have no place"
        raise BadInput(path, "coordinate reference system", found, "a raster of the mine", "check aoi.path and the raster's CRS in QGIS") from None
    for zone, (left, bottom, right, top) in zip(frame["zone"], frame.geometry.bounds.to_numpy(), strict=True):
        if left < west or right > east or bottom < south or top > north:
            where = f"{left:g} to {right:g}, {bottom:g} to {top:g}"
            raise BadInput(path, f"zone {zone}", f"{where}, beyond the raster", f"within {west:g} to {east:g}, {south:g} to {north:g}", "use a larger raster")
    return zone_coverages(zones, grid)


def _means(variable: str, path: Path, dataset: Any, coverage: ZoneCoverage, grid: GeoBox) -> Iterator[float]:
    """Yield a zone's mean of each band, NaN where a cell that the zone covers has no value."""
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    rows, cols = coverage.rows, coverage.cols
    window = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
    weights = coverage.area_m2[coverage.touched]
    if grid.crs.geographic:  # cells of one size in degrees are smaller on the ground towards the pole
        latitude = grid.affine.f + grid.affine.e * (np.arange(rows.start, rows.stop) + 0.5)
        weights = (coverage.area_m2 * np.cos(np.radians(latitude))[:, None])[coverage.touched]
    try:
        stored = dataset.read(window=window, masked=True).astype(np.float64).filled(np.nan)
    except RasterioError:
        raise BadInput(path, "raster", "a part that cannot be read", "a whole GeoTIFF", "download or export it again") from None
    for band, (layer, scale, offset) in enumerate(zip(stored, dataset.scales, dataset.offsets, strict=True), 1):
        cells = layer[coverage.touched] * scale + offset
        known = cells[~np.isnan(cells)]
        for extreme in (known.min(), known.max()) if known.size else ():
            _possible(variable, float(extreme), path, f"band {band}, zone {coverage.zone}", monthly=dataset.count == MONTHS)
        yield float(np.average(cells, weights=weights)) if known.size == cells.size else math.nan


def _check_years(weather: Weather, zones: Sequence[str], season: Season, years: Sequence[int], base: tuple[int, int] | None) -> None:
    """Refuse a year of the run without any value in its season, values of which no season is whole, and a baseline with a gap."""
    named = {zone: f" for zone {zone}" if zone else "" for zone in (zones if "" not in weather.zones else [""])}
    there = {zone: {y: _there(weather, zone, season, y) for y in {*years, *(range(base[0], base[1] + 1) if base else ())}} for zone in named}
    for zone, seasons in there.items():
        if empty := [y for y in years if not seasons[y][0]]:
            raise BadInput(
                weather.path, weather.variable, f"no value in the season of {', '.join(map(str, empty))}{named[zone]}", "values for each year of the run",
                "add them, or shorten `years`",
            )  # fmt: skip
    most, of = max((seasons[y] for seasons in there.values() for y in years), key=lambda season: season[0] / season[1])
    if most < of:
        unit = "months" if weather.monthly else "days"
        fix = "give the missing months" if weather.monthly else "write months as YYYY-MM (rasters: 12 bands), or give the missing days"
        expected = "every day (YYYY-MM-DD) or every month (YYYY-MM) of at least one season"
        raise BadInput(weather.path, weather.variable, f"{most} of {of} {unit} at most in a season", expected, fix)
    for zone, seasons in there.items():
        short = [y for y in range(base[0], base[1] + 1) if seasons[y][0] < seasons[y][1]] if base else []
        if short:
            raise BadInput(
                weather.path, "climate.baseline", f"the season of {', '.join(map(str, short))} is not whole{named[zone]}", "a baseline that the file has",
                "shorten climate.baseline, or add the values",
            )  # fmt: skip


def _there(weather: Weather, zone: str, season: Season, year: int) -> tuple[int, int]:
    """Return how many days or months of a season have a value, and how many it needs."""
    values, wanted = weather.of(zone), _wanted(weather.monthly, season, year)
    return sum(day in values for day in wanted), len(wanted)


def _wanted(monthly: bool, season: Season, year: int) -> list[date]:
    first, last = season_dates(season, year)
    first = first.replace(day=1) if monthly else first
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    return [day for day in days if day.day == 1] if monthly else days
