"""From a catalogue's items to the scenes that a run reads: selected, opened, checked, pinned, every asset accounted for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.access import Access, access_of
from pipeline.adjustments import ADJUSTMENTS
from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.errors import BadInput
from pipeline.grid import sensor_grid
from pipeline.images import OPEN, Stamp, resolve, shown
from pipeline.listing import listed
from pipeline.missions import check_mission, lacking, linear
from pipeline.products import GRANULE
from pipeline.radiometry import Decision, decide, facts, floor
from pipeline.scenefiles import commonest_grid, finest_grid, meets, open_header, phase_of, sample
from pipeline.season import day_of_year, season_years, solar_day
from pipeline.sensors import SENSORS, SceneRule, kind_of
from pipeline.stac import Asset, Item

THREADS = 8
OUTSIDE = "outside the seasons"
LISTED = 20  # items named in one message


@dataclass(frozen=True)
class Layer:
    """One band of a scene: `asset` as the catalogue calls it, its file, the 1-based band, value = stored x scale + offset.

    `signed`: the catalogue's href has a query, which is not written down; it is looked up again by item and asset. `state`:
    digest of what the file was when it was inspected; `stamp`: what a local file is when a stage begins, and `access`: how
    a server is asked, never written down; `inside`: the member of the zip, or the data set of the HDF4 file, that it is.
    `quality`: what the values of a quality layer mean, by its name in `pipeline.quality.QUALITY`.
    """

    asset: str
    href: str
    band: int
    scale: float
    offset: float
    signed: bool = False
    state: str = ""
    stamp: Stamp | None = None
    access: Access = OPEN
    quality: str = ""
    inside: str = ""


@dataclass(frozen=True)
class Scene:
    """One item that is read: `day` is its solar day, `day_of_year` counts from 1 January of the season's year.

    `last`: the last day of a composite of several days whose pixels tell their own day; `day` then is the first.
    """

    id: str
    when: str
    day: str
    year: int
    day_of_year: int
    offset: float
    layers: dict[str, Layer]
    last: str = ""


@dataclass
class Fate:
    """What becomes of one item: `dropped` is the reason, or None; `notes` by asset; what is known of it so far."""

    item: Item
    dropped: str | None = None
    layers: dict[str, Layer] = field(default_factory=dict)
    grid: Any = None
    notes: dict[str, str] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """Return one ledger row per listed asset, by name: catalogues list the same assets in different orders."""
        common = {"item": self.item.id, "datetime": self.item.when.isoformat().replace("+00:00", "Z")}
        rows = []
        for key in sorted(self.item.assets) or ("",):
            reason = self.dropped or self.notes.get(key)
            read = self.dropped is None and key in self.notes
            rows.append(common | {"asset": key, "status": "read" if read else "dropped", "reason": reason or "not needed"})
        return rows


@dataclass(frozen=True)
class Inspected:
    """What a run reads of one sensor: its grid, its scenes in their fixed order, the ledger, warnings, how many items were listed.

    `margin`: scenes that only shifted seasons hold, under the year of the season (`pipeline.margin`); a scene of another
    year's season may be among them. `fates`: where the ledger comes from.
    """

    grid: Any
    scenes: tuple[Scene, ...]
    ledger: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    listed: int
    margin: tuple[Scene, ...] = ()
    fates: tuple[Fate, ...] = field(default=(), compare=False, repr=False)


def inspect(config: Config, config_path: Path, sensor: str, zones: Zones, catalog: Path) -> Inspected:
    """Return the scenes of one sensor.

    Raises
    ------
    BadInput
        For everything in the catalogue or the files that cannot be used and is not merely missing; items are named.
    """
    rule = SENSORS[config.kind(sensor)].scenes
    entry, access = config.sensors[sensor], access_of(config, sensor)
    fates = [Fate(item) for item in listed(catalog, config.kind(sensor)).items]
    fates.sort(key=lambda f: (f.item.when, f.item.id))
    longitude = float(zones.frame.to_crs(4326).total_bounds[[0, 2]].mean())
    years = set(config.all_years)

    def years_of(item: Item) -> list[int]:
        return sorted(season_years(*days_of(item, rule, longitude), config.season) & years)

    select(fates, config, sensor, lambda item: bool(years_of(item)))
    for fate in _kept(fates):
        fate.layers = layers_of(fate.item, rule, catalog, sensor, entry.adjust, access)
        fate.dropped = lacking(fate.layers, rule, config.mask.drop)
    kept = _kept(fates)
    with ThreadPoolExecutor(THREADS) as pool:
        for fate, header in zip(kept, pool.map(lambda f: open_header(f.item, f.layers, rule), kept), strict=True):
            fate.grid = header["main"].grid
            fate.layers = {role: replace(layer, state=header[role].state) for role, layer in fate.layers.items()}
    _some(kept, catalog, sensor, fates)
    _one_product(kept, rule, catalog, sensor)
    record = SENSORS[config.kind(sensor)]
    grids = [f.grid for f in kept]
    chosen = commonest_grid(grids) if record.native_grid else finest_grid(grids, zones)
    grid = sensor_grid(config, sensor, zones, chosen, config_path)
    for fate in kept:
        if not meets(fate.grid, grid):
            fate.dropped = "does not meet the area"
    kept = _kept(fates)
    _some(kept, catalog, sensor, fates)
    decisions = offsets(kept, rule, entry.offset, catalog, sensor)
    scenes = []
    for fate, decision in zip(kept, decisions, strict=True):
        final = finished(fate.item, fate.layers, decision, entry.adjust)
        fate.notes = {layer.asset: decision.reason if role in ("red", "nir") else role for role, layer in final.items()}
        scenes += [scene_of(fate.item, year, rule, longitude, decision, final) for year in years_of(fate.item)]
    empty = sorted(set(config.all_years) - {s.year for s in scenes})
    warnings = [f"{sensor}: no scene in the season of {', '.join(map(str, empty))}: no data there"] if empty else []
    moved = [fate.item.id for fate in kept if record.native_grid and phase_of(fate.grid) != phase_of(chosen)]
    if moved:
        warnings.append(f"{sensor}: {len(moved)} of {len(kept)} items lie on another grid than the others, and are resampled: {named(moved)}")
    against = [fate.item.id for fate, decision in zip(kept, decisions, strict=True) if decision.doubt]
    if against:
        text = f"{sensor}: offset: {entry.offset} is the config's word, and the data of {len(against)} of {len(kept)} items say the opposite"
        warnings.append(f"{text}: {named(against)}")
    rows = tuple(row for fate in fates for row in fate.rows())
    return Inspected(grid, tuple(scenes), rows, tuple(warnings), len(fates), fates=tuple(fates))


def days_of(item: Item, rule: SceneRule, longitude: float) -> tuple[date, date]:
    """Return the first and last day of an item's pixels: its solar day; of a composite of days the span where pixels tell their day, else the middle."""
    if item.until is None:
        return (solar_day(item.when, longitude),) * 2
    first, last = item.when.date(), item.until.date()
    middle = first + (last - first) // 2
    return (first, last) if any(name in item.assets for name in rule.names("day")) else (middle, middle)


def scene_of(item: Item, year: int, rule: SceneRule, longitude: float, decision: Decision, layers: dict[str, Layer]) -> Scene:
    """Return an item as a scene of a year's season."""
    first, last = days_of(item, rule, longitude)
    when = item.when.isoformat().replace("+00:00", "Z")
    until = last.isoformat() if "day" in layers else ""
    return Scene(item.id, when, first.isoformat(), year, day_of_year(first, year), decision.offset, layers, until)


def _other_sensor(item: Item, rule: SceneRule) -> str:
    """Return how to mend an item whose assets are those of another sensor; empty where they are not."""
    kind = kind_of(item.assets)
    return f"these are assets of {SENSORS[kind].title}: write `{kind}:`, or `sensor: {kind}`" if kind and SENSORS[kind].scenes is not rule else ""


def named(ids: list[str]) -> str:
    """Return the first ids of a list that may be long."""
    return f"{', '.join(ids[:LISTED])}{' ...' if len(ids) > LISTED else ''}"


def _kept(fates: list[Fate]) -> list[Fate]:
    return [f for f in fates if f.dropped is None]


def _some(kept: list[Fate], catalog: Path, sensor: str, fates: list[Fate]) -> None:
    """Refuse a catalogue of which nothing is left."""
    if not kept:
        reasons = "; ".join(f"{n} items: {why}" for why, n in Counter(f.dropped for f in fates).most_common())
        raise BadInput(catalog, f"sensors.{sensor}.catalog", reasons, "at least one scene", "check area, years, season, collection and max_cloud_pct")


def select(fates: list[Fate], config: Config, sensor: str, in_season: Callable[[Item], bool]) -> None:
    """Drop items of other collections, days and cloud covers, duplicates, and older versions of a scene."""
    entry = config.sensors[sensor]
    first: dict[str, Item] = {}
    for fate in fates:
        item = fate.item
        if entry.collection is not None and item.collection != entry.collection:
            fate.dropped = f"collection {item.collection}, not {entry.collection}"
        elif not in_season(item):
            fate.dropped = OUTSIDE
        elif item.cloud_pct is not None and item.cloud_pct > entry.max_cloud_pct:
            fate.dropped = f"cloud cover {item.cloud_pct:g} % above max_cloud_pct {entry.max_cloud_pct:g}"
        elif item.id in first:
            if content(first[item.id]) != content(item):
                raise BadInput(entry.catalog, f"item {item.id}", "two items of this id with different content", "ids that occur once", "remove the wrong one")
            fate.dropped = "duplicate: the same item is listed twice"
        else:
            first[item.id] = item
    versions: dict[tuple[Any, ...], list[Fate]] = defaultdict(list)
    for fate in _kept(fates):
        item = fate.item
        if granule := GRANULE.fullmatch(f"{item.id}."):  # product, date and tile; whatever the collection: that names the version
            versions[granule.group(2, 3, 4)].append(fate)
        elif item.tile is not None:
            when = item.when.date() if item.tile.startswith("WRS2") else item.when.replace(microsecond=0)
            versions[item.tile, when, item.mission, item.collection].append(fate)
    for group in versions.values():
        *older, newest = sorted(group, key=lambda f: (f.item.baseline or 0.0, f.item.id))
        for fate in older:
            fate.dropped = f"another version of the scene is read: {newest.item.id}"


def content(item: Item) -> Any:
    """Return what makes two items of one id the same."""
    return item.properties, {key: asset.content for key, asset in item.assets.items()}


def layers_of(item: Item, rule: SceneRule, catalog: Path, sensor: str, adjust: str = "none", access: Access = OPEN) -> dict[str, Layer]:
    """Return the layers of an item by role: red and nir, or ndvi; quality layers and the pixels' day where there are any."""
    check_mission(item, rule, adjust, catalog)
    instead = {"nir": ADJUSTMENTS[adjust].nir} if adjust != "none" and ADJUSTMENTS[adjust].nir else {}
    found = {role: place for role in rule.assets if (place := _find(item, instead.get(role, rule.assets[role]), rule.common.get(role, ()))) is not None}
    meaning: dict[str, str] = {}
    for layer in rule.quality:
        fits = not layer.missions or item.mission in layer.missions
        if layer.role not in found and fits and (place := _find(item, layer.names, ())) is not None:
            found[layer.role], meaning[layer.role] = place, layer.quality
    roles = ("red", "nir") if "red" in found or "nir" in found or "ndvi" not in found else ("ndvi",)
    missing = [role for role in roles if role not in found]
    if missing:
        raise BadInput(
            catalog,
            f"item {item.id}: assets",
            f"no {missing[0]} among {', '.join(item.assets) or 'no assets'}",
            f"an asset named {' or '.join(instead.get(missing[0], rule.assets[missing[0]]))}",
            _other_sensor(item, rule) or "search again with these assets, or remove the item",
        )
    out = {}
    for role in (*roles, *(role for role in ("day", *dict.fromkeys(layer.role for layer in rule.quality)) if role in found)):
        asset, band = found[role]
        try:
            href = resolve(asset.href, catalog)
        except ValueError as error:
            raise BadInput(
                catalog, f"item {item.id}: asset {asset.key}: href", f"{shown(asset.href)}: {error}", "a path or an http(s) URL", "download it, or sign it"
            ) from None
        if href.startswith("s3://") and asset.requester_pays:
            access.check_paid(catalog, f"item {item.id}: asset {asset.key}", href, sensor)
        scale, offset = linear(asset, band, role, rule, catalog, item) if role in roles else (1.0, 0.0)
        signed = shown(href) != href
        out[role] = Layer(asset.key, href, band, scale, offset, signed, quality=meaning.get(role, ""), inside=asset.inside, access=access)
    if "red" in out and len({(out[role].href, out[role].inside, out[role].band) for role in ("red", "nir")}) == 1:
        same = f"red and nir are the same band of {shown(out['red'].href)}"
        raise BadInput(catalog, f"item {item.id}: assets", same, "two bands", "correct the item")
    return out


def _find(item: Item, names: tuple[str, ...], common: tuple[str, ...]) -> tuple[Asset, int] | None:
    """Return the asset of one of these names and its band, else the one with a band of one of these common names among several."""
    for name in names:
        if name in item.assets:
            return item.assets[name], item.assets[name].position(common)
    for asset in item.assets.values():
        listed = [band.get("eo:common_name", band.get("common_name")) for band in asset.bands]
        for wanted in common:
            if wanted in listed and len(listed) > 1:
                return asset, listed.index(wanted) + 1
    return None


def _one_product(kept: list[Fate], rule: SceneRule, catalog: Path, sensor: str) -> None:
    """Refuse several products of a sensor, told by their masks, where they would be taken for images of their own: they show the same passes."""
    found: dict[str, str] = {}
    for fate in kept:
        found.setdefault(fate.layers["mask"].asset, fate.item.id)
    if rule.one_grid and len(found) > 1 and rule.scale_ndvi is not None:
        told = "; ".join(f"{asset}: {item}" for asset, item in found.items())
        fix = "say `collection:`, or give each product a catalogue, or a folder, of its own"
        raise BadInput(catalog, f"sensors.{sensor}.catalog", f"{len(found)} products: {told}", "items of one product", fix)


def offsets(kept: list[Fate], rule: SceneRule, asked: str, catalog: Path, sensor: str) -> list[Decision]:
    """Return the radiometric offset of each item.

    Raises
    ------
    BadInput
        Naming every item whose metadata and data disagree, or of which nothing is known.
    """

    def one(fate: Fate) -> Decision:
        found = fate.layers
        if "red" not in found:
            return Decision(0.0, "-", None)
        if rule.offset_from is None:
            return Decision(rule.offset, f"offset {rule.offset:g}, scale {rule.scale:g}", None)
        red, nir = found["red"], found["nir"]
        published = [fate.item.assets[band.asset].number("offset", band.band) for band in (red, nir)]
        if published[0] != published[1]:
            told = f"{red.asset} {published[0]}, {nir.asset} {published[1]}"
            raise BadInput(catalog, f"item {fate.item.id}: offset", told, "one published offset for red and NIR", "correct the item")
        seen = floor(*sample(fate.item, red, found["mask"]), rule)
        return decide(facts(fate.item, fate.item.assets[red.asset], red.band), seen, asked, rule)

    with ThreadPoolExecutor(THREADS) as pool:
        decisions = list(pool.map(one, kept))
    bad = [f"{fate.item.id}: {d.conflict}" for fate, d in zip(kept, decisions, strict=True) if d.conflict]
    if bad:
        more = f"; and {len(bad) - LISTED} more" if len(bad) > LISTED else ""
        raise BadInput(
            catalog,
            f"sensors.{sensor}.offset: {len(bad)} of {len(kept)} items",
            "; ".join(bad[:LISTED]) + more,
            "metadata and data that agree on the radiometric offset",
            "take the items from another collection, or say `offset: raw` (files as ESA delivers them) or `offset: applied` (already subtracted)",
            limit=10_000,
        )
    return decisions


def finished(item: Item, layers: dict[str, Layer], decision: Decision, adjust: str) -> dict[str, Layer]:
    """Return layers as they are pinned: with the radiometric offset, adjusted where that is asked for, and hrefs without their query."""

    def final(role: str, layer: Layer) -> Layer:
        if role not in ("red", "nir"):
            return replace(layer, href=shown(layer.href))
        slope, constant = ADJUSTMENTS[adjust].line(item.mission, role) if adjust != "none" else (1.0, 0.0)
        return replace(layer, href=shown(layer.href), scale=slope * layer.scale, offset=slope * decision.offset + constant)

    return {role: final(role, layer) for role, layer in layers.items()}


def to_json(scene: Scene) -> dict[str, Any]:
    """Return a scene as plain values for scenes.json."""
    values = asdict(scene)
    for layer in values["layers"].values():
        del layer["stamp"], layer["access"]
        if not layer["inside"]:
            del layer["inside"]
    return values


def from_json(values: dict[str, Any]) -> Scene:
    """Return the scene written by `to_json`."""
    return Scene(**(values | {"layers": {role: Layer(**layer) for role, layer in values["layers"].items()}}))
