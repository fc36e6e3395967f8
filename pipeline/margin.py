"""Scenes that only a shifted season holds: found beside those of the run, which stay as they are.

They serve sensitivity.csv alone. What is wrong with one of them is said in the ledger and in a warning, and does not
stop the run.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

from pipeline.access import access_of
from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.config_months import no_sensitivity
from pipeline.errors import BadInput, RunFault, one_line
from pipeline.missions import lacking
from pipeline.radiometry import Decision
from pipeline.scenefiles import meets, open_header
from pipeline.scenes import OUTSIDE, THREADS, Fate, Inspected, Layer, Scene, content, days_of, finished, layers_of, named, offsets, scene_of, select
from pipeline.season import day_of_year, season_years
from pipeline.sensors import SENSORS, SceneRule
from pipeline.variants import SHIFT_DAYS

ONLY = "for sensitivity.csv only"
UNUSABLE = f"{ONLY}, and cannot be used: "


def with_margin(found: Inspected, config: Config, sensor: str, zones: Zones, catalog: Path) -> Inspected:
    """Return an inspection with the scenes that only the seasons of the variants hold, and its ledger with their fate.

    The scenes, grid and offsets of the run itself are not touched. Without sensitivity the inspection comes back as it is.
    """
    rule = SENSORS[config.kind(sensor)].scenes
    height, width = found.grid.shape
    if no_sensitivity(config, height * width) is not None:
        return found
    longitude = float(zones.frame.to_crs(4326).total_bounds[[0, 2]].mean())

    def years(first: date, last: date, own: set[int]) -> list[int]:
        """Return the years whose shifted seasons hold one of these days, and whose own season does not."""
        there = season_years(first, last, config.season, -SHIFT_DAYS) | season_years(first, last, config.season, SHIFT_DAYS)
        return sorted((there & set(config.all_years)) - own)

    fates = [replace(f) for f in found.fates]
    taken = {s.id: s for s in found.scenes}
    near = [f for f in fates if f.dropped == OUTSIDE and years(*days_of(f.item, rule, longitude), set())]
    _choose(near, taken, config, sensor)

    def one(fate: Fate) -> tuple[Decision, dict[str, Layer]] | None:
        try:
            return _inspect(fate, rule, found, config, sensor, catalog)
        except (BadInput, RunFault) as error:
            told = f"{error.field}: {error.found}" if isinstance(error, BadInput) else str(error)
            fate.dropped = UNUSABLE + one_line(told, 300)
            return None

    kept = [f for f in near if f.dropped is None]
    with ThreadPoolExecutor(THREADS) as pool:
        inspected = list(pool.map(one, kept))
    own: dict[str, set[int]] = defaultdict(set)
    for s in found.scenes:
        own[s.id].add(s.year)
    scenes = [
        replace(s, year=year, day_of_year=day_of_year(date.fromisoformat(s.day), year))
        for s in taken.values()
        for year in years(date.fromisoformat(s.day), date.fromisoformat(s.last or s.day), own[s.id])
    ]
    for fate, result in zip(kept, inspected, strict=True):
        if result is None:
            continue
        within = years(*days_of(fate.item, rule, longitude), set())
        scenes += [scene_of(fate.item, year, rule, longitude, *result) for year in within]
    order = {fate.item.id: i for i, fate in enumerate(fates) if fate.dropped is None}
    scenes.sort(key=lambda s: order[s.id])
    broken = list(dict.fromkeys(f.item.id for f in near if f.dropped is not None and f.dropped.startswith(UNUSABLE)))
    warnings = found.warnings
    if broken:
        text = f"{sensor}: {len(broken)} items within {SHIFT_DAYS} days of the season cannot be used; sensitivity.csv does without, the ledger says why"
        warnings = (*warnings, f"{text}: {named(broken)}")
    return replace(found, margin=tuple(scenes), warnings=warnings, fates=tuple(fates), ledger=tuple(row for fate in fates for row in fate.rows()))


def _choose(near: list[Fate], taken: dict[str, Scene], config: Config, sensor: str) -> None:
    """Clear the fate of items near the season, or drop them by the rules of the run; a doubtful id stops nothing here, and none of its items is used."""
    first: dict[str, Fate] = {}
    for fate in near:
        first.setdefault(fate.item.id, fate)
    doubtful = {f.item.id for f in near if content(first[f.item.id].item) != content(f.item)}
    clear = []
    for fate in near:
        fate.dropped = None
        if fate.item.id in taken:
            fate.dropped = f"{OUTSIDE}; another item of this id is read"
        elif fate.item.id in doubtful:
            fate.dropped = f"{UNUSABLE}another item of this id has different content"
        else:
            clear.append(fate)
    select(clear, config, sensor, lambda item: True)


def _inspect(fate: Fate, rule: SceneRule, found: Inspected, config: Config, sensor: str, catalog: Path) -> tuple[Decision, dict[str, Layer]] | None:
    """Return offset and layers of an item as the run inspects its own; None where the item is dropped."""
    entry = config.sensors[sensor]
    layers = layers_of(fate.item, rule, catalog, sensor, entry.adjust, access_of(config, sensor))
    fate.dropped = lacking(layers, rule, config.mask.drop)
    if fate.dropped is not None:
        return None
    header = open_header(fate.item, layers, rule)
    if not meets(header["main"].grid, found.grid):
        fate.dropped = "does not meet the area"
        return None
    fate.layers = {role: replace(layer, state=header[role].state) for role, layer in layers.items()}
    (decision,) = offsets([fate], rule, entry.offset, catalog, sensor)
    final = finished(fate.item, fate.layers, decision, entry.adjust)
    fate.notes = {layer.asset: f"{ONLY}: {decision.reason if role in ('red', 'nir') else role}" for role, layer in final.items()}
    return decision, final
