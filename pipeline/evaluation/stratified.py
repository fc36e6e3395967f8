"""The strata of all zones of a mine on one sensor's grid, and what belongs together when tables are made of one stratum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.aoi import Zones
from pipeline.coverage import ZoneCoverage, each_coverage
from pipeline.evaluation.dem import Dem, southern, terrain_shares
from pipeline.evaluation.strata import PLATFORM, SHADY, STEEP, SUNNY, UNKNOWN, TerrainRules, feature_shares, split
from pipeline.landforms import UNNAMED

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

STRATA_COLUMNS = ("mine", "sensor", "zone", "stratum", "role", "area_km2", "share_pct", "slope_mean_deg")
OF_TERRAIN = (PLATFORM, SUNNY, SHADY, STEEP, UNKNOWN)


@dataclass(frozen=True)
class Stratified:
    """Strata of every zone.

    `names`: all strata, in the order of tables. `parts`: by zone, the coverage of each stratum that it has. `slope_deg`: mean slope by zone and stratum, of
    terrain alone. `undivided`: zones of which the file names no landform: as a reference they stand whole for every stratum.
    """

    names: tuple[str, ...]
    parts: Mapping[str, Mapping[str, ZoneCoverage]]
    slope_deg: Mapping[tuple[str, str], float | None]
    undivided: frozenset[str] = frozenset()

    def of(self, stratum: str, zones: Zones) -> tuple[Zones, dict[str, ZoneCoverage], frozenset[str]]:
        """Return what tables of one stratum are made from: zones, coverages, and the zones that are shown.

        The zones name as their references only those that have the stratum (or stand for every one), so that like is compared with like.
        """
        shown = frozenset(zone for zone, parts in self.parts.items() if stratum in parts)
        coverages = {}
        for zone, parts in self.parts.items():
            if stratum in parts:
                coverages[zone] = parts[stratum]
            elif zone in self.undivided and zone in zones.reference_zones:
                coverages[zone] = next(iter(parts.values()))
        references = {zone: tuple(name for name in names if name in coverages) for zone, names in zones.references.items()}
        return replace(zones, references=references), coverages, shown

    def rows(self, common: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the rows of strata_by_zone.csv, zone by zone; terrain strata without area are 0, landforms that a zone lacks have no row."""
        out = []
        for zone, parts in self.parts.items():
            role = next(iter(parts.values())).role
            whole = sum(float(part.area_m2.sum()) for part in parts.values())
            for name in self.names:
                area = float(parts[name].area_m2.sum()) if name in parts else 0.0
                if name in parts or self.names == OF_TERRAIN:
                    known = {"area_km2": area / 1e6, "share_pct": 100 * area / whole, "slope_mean_deg": self.slope_deg.get((zone, name))}
                    out.append({**common, "zone": zone, "stratum": name, "role": role, **known})
        return out


def by_terrain(dem: Dem, grid: GeoBox, zones: Zones, coverages: Mapping[str, ZoneCoverage], rules: TerrainRules) -> Stratified:
    """Return the strata by slope and aspect; `coverages` are the zones' on `grid`.

    Raises
    ------
    BadInput
        For elevations that are none.
    """
    south = southern(zones)
    parts: dict[str, dict[str, ZoneCoverage]] = {}
    slope: dict[tuple[str, str], float | None] = {}
    for zone, coverage in coverages.items():
        found = terrain_shares(dem, grid, coverage, rules, south=south[zone])
        parts[zone] = split(coverage, found.by_name())
        slope |= {(zone, name): found.slope_mean(name, coverage) for name in parts[zone]}
    return Stratified(OF_TERRAIN, parts, slope)


def by_landform(grid: GeoBox, zones: Zones, coverages: Mapping[str, ZoneCoverage]) -> Stratified:
    """Return the strata by the landforms that the zones' file names, in its order, `unknown` last."""
    assert zones.landforms is not None  # read with `strata.field`
    features: dict[str, dict[str, ZoneCoverage]] = {}
    covered = each_coverage(Zones(zones.landforms, {}, ()), grid)
    for name, part in zip(zones.landforms["stratum"], covered, strict=True):
        features.setdefault(part.zone, {})[name] = part
    parts = {zone: split(coverage, feature_shares(coverage, features[zone])) for zone, coverage in coverages.items()}
    names = dict.fromkeys(zones.landforms["stratum"])
    ordered = (*(name for name in names if name != UNNAMED), *([UNNAMED] if UNNAMED in names else []))
    return Stratified(ordered, parts, {}, frozenset(zone for zone, own in features.items() if set(own) == {UNNAMED}))
