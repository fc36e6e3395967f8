"""`minegreen check`: validate without computing, and say what a run will do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.attribution import source_line, title_of
from pipeline.captions import preview_caption
from pipeline.cartography import crs_name
from pipeline.classes import legend
from pipeline.composite import recipe
from pipeline.config import Config, load_all
from pipeline.config_catalog import SYNTHETIC
from pipeline.config_months import intervals_of, is_seasonal, months_of, no_sensitivity
from pipeline.config_uncertainty import Uncertainty
from pipeline.coverage import touched_cells, zone_coverages
from pipeline.decoding import decoded
from pipeline.errors import one_line
from pipeline.evaluation.climate import LEAST_FOR_TREND
from pipeline.evaluation.records import EVALUATIONS
from pipeline.grid import ground_cell_m
from pipeline.images import is_remote
from pipeline.inspection import made_by_software
from pipeline.kernels.null import EXACT_MAX_N, smallest_p_of
from pipeline.layout import RELATIVE, MineFolder
from pipeline.pinned import ready
from pipeline.plan import Checked, check, writable
from pipeline.previews import View, by_day, coarse, items_line, preview_map, read_composite, read_day, stretch
from pipeline.progress import progress
from pipeline.reader import BLOCK
from pipeline.scenes import Inspected, to_json
from pipeline.sensors import SENSORS
from pipeline.sheet import Words, save
from pipeline.sizes import excess_of_cells, recommendation_parts, size_of_cells
from pipeline.sources import source
from pipeline.upright import upright
from pipeline.variants import SHIFT_DAYS, scene_variants
from pipeline.words import counts, rounded, zone_named

LONGEST_SIDE = 600  # pixels of the preview
MOST_DAYS = 40  # that are looked at for the preview
MOST_TABLES = 4  # of an evaluation that are named
OF_TREND = 41  # bytes a cell and period: nine bands of the trend, class, q
OF_SCENES = 22  # bytes a cell and year: NDVI, cover, clear, doy, water, spread


def run(paths: list[Path], results: Path) -> list[str]:
    """Return the report lines of several configs, and write results/<mine>/check.png for each.

    Everything is validated before the first picture is written.

    Raises
    ------
    BadInput
        For the first thing that is wrong in any of the files; nothing has been written.
    """
    writable(results)
    checked = [(path, config, check(path, config, results, live=True)) for path, config in load_all(paths).values()]
    lines: list[str] = []
    for path, config, found in checked:
        zones, grids = found.zones, found.grids
        picture = MineFolder(results, config.mine).root / "check.png"
        lines += [f"{path}: mine {config.mine}", *_zones(zones)]
        for sensor in config.sensors:
            if sensor in found.scenes:
                lines += _scenes(config, sensor, found.scenes[sensor])
            else:
                lines += _sensor(config, sensor, grids[sensor])
            lines += _unknown(config, sensor, found.scenes.get(sensor)) + _pair(config, sensor) + _small(config, sensor, zones, grids[sensor])
        lines += [line for sensor in config.sensors for line in _periods(config, sensor, found.scenes.get(sensor))] + _recommended(config, found.scenes)
        lines += _choices(config) + _evaluations(config)
        lines += [f"  warning: {text}" for text in zones.warnings]
        lines += [f"  {text}" for text in _picture(picture, config, found)]
    return [one_line(line) for line in lines]


def _zones(zones: Zones) -> list[str]:
    lines = []
    for name, role, area in zip(zones.frame["zone"], zones.frame["role"], zones.frame["geodesic_m2"], strict=True):
        there = ", ".join(zones.references[name]) or "none"
        lines.append(f"  {zone_named(name)}: role {role}, {area / 1e6:.4f} km2, reference {there}")
    return lines


def _pair(config: Config, sensor: str) -> list[str]:
    lender = config.pair_of(sensor)
    return [] if lender is None else [f"  {sensor}: endmembers of {lender}: cover of both is on one scale"]


def _unknown(config: Config, sensor: str, found: Inspected | None) -> list[str]:
    """Return the names of `mask.drop` that no quality layer knows, a warning where the config asks for them.

    The layers are those of the scenes, or all that the sensor may have where no scene is known yet.
    """
    if config.sensors[sensor].catalog is None:
        return []
    rule = SENSORS[config.kind(sensor)].scenes
    if found is not None:
        none = decoded({"scenes": [to_json(s) for s in found.scenes]}).unknown(config.mask.drop)
    else:
        known = {name for layer in (rule.quality if rule else ()) for name in layer.rule.classes}
        none = [name for name in config.mask.drop if name not in known]
    first = "warning: " if "drop" in config.mask.model_fields_set else ""
    return [f"  {first}{sensor}: its quality layers know no {', '.join(none)}: to drop these has no effect"] if none else []


def _small(config: Config, sensor: str, zones: Zones, grid: Any) -> list[str]:
    """Return a warning that names the zones that are too small for class areas of the sensor."""
    least = SENSORS[config.kind(sensor)].least_pixels
    small = [f"{c.zone} ({rounded(c.pixels)})" for c in zone_coverages(zones, grid) if not c.holds(least)] if least else []
    if not small:
        return []
    which = "every zone is" if len(small) == len(zones.frame) else "1 zone is" if len(small) == 1 else f"{len(small)} zones are"
    return [f"  warning: {sensor}: {which} too small for class areas, which need {least} pixels; only means are given: {', '.join(small)}"]


def _cells(grid: Any) -> str:
    height, width = grid.shape
    return f"grid {width} x {height} cells of {abs(grid.resolution.x):g} m, {crs_name(grid.crs)}, {height * width:,} pixels a year"


def _size(config: Config, sensor: str, grid: Any, per_cell: int) -> list[str]:
    """Return what is written and held, from the bytes per cell that the sensor's products take beside trend and classes."""
    height, width = grid.shape
    years = len(config.all_years)
    written = height * width * (per_cell * years + OF_TREND * len(config.periods) * len(config.targets))
    values = years * (len(months_of(config)) if is_seasonal(config) else 1)
    block = BLOCK * BLOCK * (24 * values + 120)  # 63 MB at 5 years; the trend stage was seen to take 61 MB for a second thread
    return [f"  {sensor}: writes at most {rounded(max(written / 1e6, 0.1))} MB before compression; blocks need {block / 1e6:.0f} MB of memory per thread"]


def _scenes(config: Config, sensor: str, found: Inspected) -> list[str]:
    grid, scenes = found.grid, found.scenes
    per_year = Counter(s.year for s in scenes)
    local = {layer.href for s in scenes for layer in s.layers.values() if not is_remote(layer.href)}
    remote = {layer.href for s in scenes for layer in s.layers.values() if is_remote(layer.href)}
    size = sum(Path(href).stat().st_size for href in local)
    dropped = {row["item"] for row in found.ledger if row["status"] == "dropped"}
    listed = found.listed
    reasons = Counter(row["reason"] for row in found.ledger if row["item"] in dropped and row["status"] == "dropped" and row["reason"] != "not needed")
    lines = [
        f"  {sensor}: {len(scenes)} of {listed} listed scenes: " + ", ".join(f"{y}: {per_year[y]}" for y in config.all_years),
        f"  {sensor}: {size / 1e6:.1f} MB on disk, {counts(len(remote), 'file')} over the network; {_cells(grid)}",
        *_size(config, sensor, grid, OF_SCENES + _varied_bytes(config, grid)),
    ]
    rule = SENSORS[config.kind(sensor)].scenes
    if rule is not None and rule.offset_from is not None:  # of other sensors it is a constant of the encoding
        counted = sorted(Counter(s.offset for s in scenes if "red" in s.layers).items())
        lines += [f"  {sensor}: radiometric offset: " + ", ".join(f"{counts(n, 'scene')} {value:g}" for value, n in counted)] if counted else []
    lines += [f"  {sensor}: dropped: {counts(n, 'asset')}: {why}" for why, n in reasons.most_common()]
    refused = no_sensitivity(config, grid.shape[0] * grid.shape[1])
    near = len({s.id for s in found.margin} - {s.id for s in scenes})
    read = f"reads {counts(near, 'more scene')} within {SHIFT_DAYS} days of the season; `sensitivity: false` leaves them out"
    lines.append(f"  {sensor}: sensitivity.csv: {read if refused is None else f'no variants: {refused}'}")
    return lines + [f"  warning: {text}" for text in found.warnings]


def _varied_bytes(config: Config, grid: Any) -> int:
    """Return the bytes per cell and year of the composites of months, and under variants: NDVI of each, water of the two other seasons."""
    height, width = grid.shape
    varied = len(scene_variants(config)) + 2 if no_sensitivity(config, height * width) is None else 0
    return 4 * (varied + len(months_of(config)))


def _sensor(config: Config, sensor: str, grid: Any) -> list[str]:
    if config.sensors[sensor].catalog is not None:
        what = f"the synthetic mine, {len(config.all_years)} years, generated by the run (planted, not observed); {_cells(grid)}"
        return [f"  {sensor}: {what}", *_size(config, sensor, grid, OF_SCENES + 4 * len(months_of(config)))]
    chosen = source(config, sensor)
    files = [p for p in chosen.files.values() if p is not None]
    size = sum(p.stat().st_size for p in files)
    missing = [str(y) for y, p in chosen.files.items() if p is None]
    lines = [
        f"  {sensor}: {len(files)} composites, {size / 1e6:.1f} MB; {_cells(grid)}",
        *_size(config, sensor, grid, 8),
    ]
    if config.uncertainty.run and config.uncertainty.ndvi_sd is None:
        lines.append(f"  {sensor}: no bounds of class areas: prepared composites do not tell the error of NDVI; `uncertainty: {{ndvi_sd: ...}}` gives it")
    return lines + ([f"  {sensor}: years without images: {', '.join(missing)}"] if missing else [])


def _periods(config: Config, sensor: str, found: Inspected | None) -> list[str]:
    trend, lines, months = config.trend, [], months_of(config)
    test = f", {trend.test} of {counts(len(months), 'month')}" if is_seasonal(config) else ""
    of = f" of {sensor}" if len(config.sensors) > 1 else ""
    for first, last in config.periods:
        n = _years_with_images(config, sensor, (first, last), found)
        p = smallest_p_of(trend.test, n, len(months), trend.significance)
        limits = {"slight": trend.alpha.slight, "significant": trend.alpha.significant, "extreme": trend.alpha.extreme}
        out = [c.label for c in legend(trend.scheme) if c.limit is not None and not p <= limits[c.limit] + 1e-6]
        how = f" (normal approximation above {EXACT_MAX_N} years)" if n > EXACT_MAX_N and trend.significance == "auto" and not test else ""
        least = f"p cannot go below {p:.3g}" if trend.test == "hirsch-slack" else f"the smallest p that can be reached is {p:.3g}{how}"
        reached = least if isfinite(p) else "no p can be formed from so few"
        lines.append(f"  trend{of} {first}-{last}{test}: {counts(n, 'year')} with images, at least {trend.years_needed((first, last))} valid; {reached}")
        if n < trend.years_needed((first, last)):
            lines.append(f"  warning: trend{of} {first}-{last}: fewer years than a pixel needs, so everything will be insufficient data")
        if out:
            lines.append(f"  trend{of} {first}-{last}: cannot occur, whatever the vegetation does: {', '.join(out)}")
    return lines


def _years_with_images(config: Config, sensor: str, period: tuple[int, int], found: Inspected | None) -> int:
    first, last = period
    return config.images_in(sensor, period) if found is None else len({s.year for s in found.scenes if first <= s.year <= last})


def _recommended(config: Config, found: Mapping[str, Inspected]) -> list[str]:
    """Return which test is recommended, once for each number of years with images that a sensor has in a period."""
    counted = {_years_with_images(config, sensor, period, found.get(sensor)) for sensor in config.sensors for period in config.periods}
    reference = RELATIVE in config.targets
    said = [recommendation_parts(n, interval=interval, reference=reference) for n in sorted(counted) for interval in intervals_of(config)]
    lines = [f"  {text.en}" for texts in said for text in texts]
    if config.has_reference and not reference:
        lines.append("  trend.relative_to_reference is false: nothing is tested minus the reference that the config names; with it true:")
        lines += [f"  {recommendation_parts(n, interval=interval, reference=True)[0].en}" for n in sorted(counted) for interval in intervals_of(config)]
    of_cells = {n: text for n in sorted(counted) if (text := size_of_cells(config.trend.test, n)) is not None}
    return lines + [f"  {'warning: ' if excess_of_cells(config.trend.test, n) else ''}{text.en}" for n, text in of_cells.items()]


def _choices(config: Config) -> list[str]:
    """Return what follows from months, and which settings of the uncertainty are not the defaults."""
    lines = []
    if is_seasonal(config):
        lines.append(f"  trend.test: {config.trend.test} is of monthly values: class areas have no bounds, and there is no sensitivity.csv")
    elif config.composite.interval == "month":
        lines.append(f"  composite.interval: month: writes monthly composites that no test uses: trend.test: {config.trend.test} is of yearly values")
    usual = Uncertainty.model_validate(True).model_dump()
    changed = {k: v for k, v in config.uncertainty.model_dump().items() if v != usual[k]}
    said = ", ".join(f"{k}: {json.dumps(v)}" for k, v in changed.items())
    return lines + ([f"  uncertainty, other than the default: {said}"] if said else [])


def _evaluations(config: Config) -> list[str]:
    """Return what is made beside the trend."""
    lines = []
    for key, asked in config.evaluations.items():
        made = [f"{name}.csv" for name in EVALUATIONS[key].tables]
        more = f" and {len(made) - MOST_TABLES} more tables" if len(made) > MOST_TABLES else ""
        lines.append(f"  {key}: {', '.join(made[:MOST_TABLES])}{more} of {', '.join(asked.sensors or config.sensors)}")
    return lines + _in_vain(config)


def _in_vain(config: Config) -> list[str]:
    """Return which evaluations can tell nothing of these years or without another key, and a hint where dates are given and nothing uses them."""
    lines, years = [], len(config.all_years)
    if config.breaks is not None and (span := config.breaks.period(config)) and span[1] - span[0] + 1 < 2 * config.breaks.least:
        lines.append(f"  breaks: of {counts(span[1] - span[0] + 1, 'year')} no year of change can be told: a break needs at least {2 * config.breaks.least}")
    if config.climate is not None and years < LEAST_FOR_TREND:
        lines.append(f"  climate: of {counts(years, 'year')} there is no trend beside the weather: it needs at least {LEAST_FOR_TREND}; anomalies are made")
    if config.methods is not None and config.recovery is None:
        lines.append("  methods: without the key `recovery` this mine is not among the methods compared")
    if config.recovery is None and config.has_reference and any(facts.restored for facts in config.aoi.zones.values()):
        lines.append("  dates of restoration are given: with the key `recovery` zones are compared with their reference before and after them")
    return lines


def _picture(path: Path, config: Config, found: Checked) -> list[str]:
    """Draw the zones over the clearest image of the first sensor that has one, by the code that draws the previews."""
    for sensor in found.grids:
        if config.sensors[sensor].catalog in SYNTHETIC:
            continue
        own = found.grids[sensor]
        drawn = upright(own, found.zones)
        grid = coarse(drawn, LONGEST_SIDE)
        coverages = zone_coverages(found.zones, grid)
        inside = touched_cells(coverages, grid.shape)
        view, share = _clearest(config, sensor, found, grid, inside)
        said = preview_caption(view.name, share, scenes=sensor in found.scenes, last=view.last)
        synthetic = not config.sensors[sensor].searched and made_by_software(config, sensor, path.parents[1])
        source_text = source_line(config, sensor, (config.years.first, config.years.last), synthetic=synthetic, images=True)
        words = Words(title_of(config, f"zones over {sensor} {view.when}"), (said,), (source_text, items_line(view.items)))
        save(preview_map(view, stretch([view], inside), grid, found.zones, words, None if drawn is own else own), path)
        over = "the composite of" if view.last or sensor not in found.scenes else "the clearest scene"
        lines = [f"zones drawn over {over} {view.when}, which shows {share:.0f} % of their cells: {path}"]
        unseen = [c.zone for c in coverages if not view.clear[c.rows, c.cols][c.touched].any()]
        compared = [f"{zone} (a reference)" if zone in found.zones.reference_zones else zone for zone in unseen]
        if compared:
            lines.append(f"warning: {sensor}: {view.when} shows nothing of {', '.join(compared)}; do the images cover every zone?")
        ndvi = view.ndvi
        if synthetic:
            lines.append(f"warning: {sensor}: the images are marked as synthetic, made by software, not observed; every result will say so")
        middle = float(np.nanmedian(ndvi)) if np.isfinite(ndvi).any() else float("nan")
        if not middle >= 0:
            lines.append(f"warning: {sensor}: the median NDVI of {view.when} is {middle:.3f}; are red and nir the right bands?")
        return lines
    grid = upright(next(iter(found.grids.values())), found.zones)
    words = Words(title_of(config, "zones"), (), ("No image yet.",))
    save(preview_map(None, {}, coarse(grid, LONGEST_SIDE), found.zones, words), path)
    return [f"zones drawn without an image (there is none before the first run): {path}"]


def _clearest(config: Config, sensor: str, found: Checked, grid: Any, inside: np.ndarray) -> tuple[View, float]:
    """Return the day, or the prepared composite, that shows the largest clear share of the zones, and that share in per cent."""
    views: Iterator[View]
    looked: int
    if sensor in found.scenes:
        how = recipe(config, sensor, ground_cell_m(grid))
        days = list(by_day(ready(list(found.scenes[sensor].scenes), config, sensor, Path(str(config.sensors[sensor].catalog)))).values())
        chosen_days = days[:: max(1, len(days) // MOST_DAYS)]
        views, looked = (read_day(day, grid, how) for day in chosen_days), len(chosen_days)
    else:
        chosen = source(config, sensor)
        there = {year: path for year, path in chosen.files.items() if path is not None}
        views, looked = (read_composite(path, chosen, year, grid) for year, path in there.items()), len(there)
    best, most = None, (-1.0, -1.0)
    with progress("look for the clearest image") as report:
        for done, view in enumerate(views, 1):
            shares = view.clear_share(inside), view.clear_share(np.ones_like(inside))  # of equals that with most of the grid
            if shares > most:
                best, most = view, shares
            report(done, looked)
    if best is None:
        raise AssertionError("an inspected sensor has an image")
    return best, most[0]
