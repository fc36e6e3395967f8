"""`minegreen check`: validate without computing, and say what a run will do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.classes import legend
from pipeline.composite import Block, compute, recipe
from pipeline.config import Config, load_all
from pipeline.coverage import touched_cells, zone_coverages
from pipeline.errors import one_line
from pipeline.grid import ground_cell_m
from pipeline.images import is_remote
from pipeline.kernels.null import smallest_p
from pipeline.kernels.pixels import normalised_difference
from pipeline.layout import MineFolder
from pipeline.maps import crs_name, zone_map
from pipeline.plan import Checked, check, writable
from pipeline.prepared import read_on_grid
from pipeline.reader import BLOCK
from pipeline.scenes import Inspected, signed
from pipeline.sources import Source, source
from pipeline.variants import SHIFT_DAYS, scene_variants

LONGEST_SIDE = 600  # pixels of the preview
MOST_SCENES = 40  # that are looked at for the preview


def run(paths: list[Path], results: Path) -> list[str]:
    """Return the report lines of several configs, and write results/<mine>/check.png for each.

    Everything is validated before the first picture is written.

    Raises
    ------
    BadInput
        For the first thing that is wrong in any of the files; nothing has been written.
    """
    writable(results)
    checked = [(path, config, check(path, config, results)) for path, config in load_all(paths).values()]
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
        lines += [line for sensor in config.sensors for line in _periods(config, sensor, found.scenes.get(sensor))]
        lines += [f"  warning: {text}" for text in zones.warnings]
        lines += [f"  {text}" for text in _picture(picture, config, found)]
    return [one_line(line) for line in lines]


def _zones(zones: Zones) -> list[str]:
    lines = []
    for name, role, area in zip(zones.frame["zone"], zones.frame["role"], zones.frame["geodesic_m2"], strict=True):
        there = ", ".join(zones.references[name]) or "none"
        lines.append(f"  zone {name}: role {role}, {area / 1e6:.4f} km2, reference {there}")
    return lines


def _size(config: Config, sensor: str, grid: Any, per_cell: int) -> list[str]:
    """Return what is written and held, from the bytes per cell that the sensor's products take beside trend and classes."""
    height, width = grid.shape
    years = len(config.all_years)
    written = height * width * (per_cell * years + 37 * len(config.periods))
    block = BLOCK * BLOCK * (24 * years + 120)  # 63 MB at 5 years; the trend stage was seen to take 61 MB for a second thread
    return [f"  {sensor}: writes at most {written / 1e6:.0f} MB before compression; blocks need {block / 1e6:.0f} MB of memory per thread"]


def _scenes(config: Config, sensor: str, found: Inspected) -> list[str]:
    grid, scenes = found.grid, found.scenes
    height, width = grid.shape
    per_year = Counter(s.year for s in scenes)
    local = {layer.href for s in scenes for layer in s.layers.values() if not is_remote(layer.href)}
    size = sum(Path(href).stat().st_size for href in local)
    dropped = {row["item"] for row in found.ledger if row["status"] == "dropped"}
    listed = found.listed
    reasons = Counter(row["reason"] for row in found.ledger if row["item"] in dropped and row["status"] == "dropped" and row["reason"] != "not needed")
    lines = [
        f"  {sensor}: {len(scenes)} of {listed} listed scenes: " + ", ".join(f"{y}: {per_year[y]}" for y in config.all_years),
        f"  {sensor}: {size / 1e6:.1f} MB on disk, {sum(len(s.layers) for s in scenes) - len(local)} files over the network; "
        f"grid {width} x {height} cells of {abs(grid.resolution.x):g} m, {crs_name(grid.crs)}",
        *_size(config, sensor, grid, 18 + _varied_bytes(config, grid)),
        f"  {sensor}: radiometric offset: " + ", ".join(f"{n} scenes {value:g}" for value, n in sorted(Counter(s.offset for s in scenes).items())),
    ]
    lines += [f"  {sensor}: dropped: {n} assets: {why}" for why, n in reasons.most_common()]
    refused = config.sensitivity.refused(height * width)
    near = len({s.id for s in found.margin} - {s.id for s in scenes})
    read = f"reads {near} more scenes within {SHIFT_DAYS} days of the season; `sensitivity: false` leaves them out"
    lines.append(f"  {sensor}: sensitivity.csv: {read if refused is None else f'no variants: {refused}'}")
    return lines + [f"  warning: {text}" for text in found.warnings]


def _varied_bytes(config: Config, grid: Any) -> int:
    """Return the bytes per cell and year of the composites under variants: NDVI of each, water of the two other seasons."""
    height, width = grid.shape
    return 4 * (len(scene_variants(config)) + 2) if config.sensitivity.refused(height * width) is None else 0


def _sensor(config: Config, sensor: str, grid: Any) -> list[str]:
    if config.sensors[sensor].catalog is not None:
        return [f"  {sensor}: the synthetic mine, {len(config.all_years)} years, generated by the run (planted, not observed)"]
    chosen = source(config, sensor)
    height, width = grid.shape
    files = [p for p in chosen.files.values() if p is not None]
    size = sum(p.stat().st_size for p in files)
    missing = [str(y) for y, p in chosen.files.items() if p is None]
    lines = [
        f"  {sensor}: {len(files)} composites, {size / 1e6:.1f} MB; grid {width} x {height} cells of {abs(grid.resolution.x):g} m, {crs_name(grid.crs)}",
        *_size(config, sensor, grid, 8),
    ]
    return lines + ([f"  {sensor}: years without images: {', '.join(missing)}"] if missing else [])


def _periods(config: Config, sensor: str, found: Inspected | None) -> list[str]:
    trend, lines = config.trend, []
    for first, last in config.periods:
        n = config.images_in(sensor, (first, last)) if found is None else len({s.year for s in found.scenes if first <= s.year <= last})
        p = smallest_p(n, trend.significance)
        limits = {"slight": trend.alpha.slight, "significant": trend.alpha.significant, "extreme": trend.alpha.extreme}
        out = [c.label for c in legend(trend.scheme) if c.limit is not None and not p <= limits[c.limit] + 1e-6]
        lines.append(
            f"  trend {first}-{last}: {n} years with images, at least {trend.years_needed((first, last))} valid; the smallest p that can be reached is {p:.3g}"
        )
        if n < trend.years_needed((first, last)):
            lines.append(f"  warning: trend {first}-{last}: fewer years than a pixel needs, so everything will be insufficient data")
        if out:
            lines.append(f"  trend {first}-{last}: cannot occur, whatever the vegetation does: {', '.join(out)}")
    return lines


def _picture(path: Path, config: Config, found: Checked) -> list[str]:
    for sensor, grid in found.grids.items():
        if config.sensors[sensor].catalog == "synthetic":
            continue
        if sensor in found.scenes:
            name, image = _clearest_scene(config, sensor, found.scenes[sensor], found.zones)
        else:
            year, image = _clearest(source(config, sensor), grid)
            name = str(year)
        zone_map(path, image, grid, found.zones, f"{config.title or config.mine}: zones over {sensor} {name}", f"NDVI {name}, {sensor}.")
        lines = [f"zones drawn over {'the clearest scene' if sensor in found.scenes else 'the composite of'} {name}: {path}"]
        middle = float(np.nanmedian(image)) if np.isfinite(image).any() else float("nan")
        if not middle >= 0:
            lines.append(f"warning: {sensor}: the median NDVI of {name} is {middle:.3f}; are red and nir the right bands?")
        return lines
    grid = next(iter(found.grids.values()))
    zone_map(path, None, grid, found.zones, f"{config.title or config.mine}: zones", "No image yet.")
    return [f"zones drawn without an image (there is none before the first run): {path}"]


def _clearest_scene(config: Config, sensor: str, found: Inspected, zones: Zones) -> tuple[str, np.ndarray]:
    """Return the scene that shows the largest clear share of the zones, and its NDVI, at reduced resolution."""
    grid = _coarse(found.grid)
    how = recipe(config, sensor, ground_cell_m(grid))
    whole = Block(0, slice(0, grid.shape[0]), slice(0, grid.shape[1]), ())
    inside = touched_cells(zone_coverages(zones, grid), grid.shape)
    scenes = signed(list(found.scenes), Path(str(config.sensors[sensor].catalog)))
    best: tuple[float, str, np.ndarray] | None = None
    for scene in sorted(scenes, key=lambda s: s.when)[:: max(1, len(scenes) // MOST_SCENES)]:
        ndvi = compute(whole, (scene,), grid, replace(how, least=1), 0).values["ndvi"]
        share = float(np.isfinite(ndvi[inside]).mean())
        if best is None or share > best[0]:
            best = (share, scene.day, ndvi)
    if best is None:
        raise AssertionError("an inspected catalogue has a scene")
    return best[1], best[2]


def _coarse(grid: Any) -> Any:
    """Return the grid with cells so large that its longest side has at most `LONGEST_SIDE`."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    step = max(1, -(-max(grid.shape) // LONGEST_SIDE))
    return GeoBox((-(-grid.shape[0] // step), -(-grid.shape[1] // step)), grid.affine @ Affine.scale(step), grid.crs)


def _clearest(chosen: Source, grid: Any) -> tuple[int, np.ndarray]:
    """Return the year whose composite has the largest valid share of the grid, and its NDVI at reduced resolution."""
    coarse = _coarse(grid)
    best: tuple[float, int, np.ndarray] | None = None
    wanted = tuple(chosen.bands[name] for name in ("red", "nir", "ndvi") if name in chosen.bands)
    for year, path in chosen.files.items():
        if path is None:
            continue
        values = read_on_grid(path, wanted, coarse, slice(0, coarse.shape[0]), slice(0, coarse.shape[1]))
        if len(wanted) == 1:
            ndvi = values[0] * np.float32(chosen.scale) + np.float32(chosen.offset)
        else:
            ndvi = normalised_difference(values[0], values[1], chosen.scale, chosen.offset)
        share = float(np.isfinite(ndvi).mean())
        if best is None or share > best[0]:
            best = (share, year, ndvi)
    if best is None:
        raise AssertionError("inspect() has made sure that there is a composite")
    return best[1], best[2]
