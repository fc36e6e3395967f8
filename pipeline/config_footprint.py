"""The config key `footprint`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.config_base import Model, Year
from pipeline.config_catalog import LocalPath
from pipeline.config_evaluation import EvaluationKey

if TYPE_CHECKING:
    from pipeline.config import Config

Output = Annotated[float, Field(gt=0)]


class FootprintPolygons(Model):
    """Polygons of the user's with which the footprint of a year is compared."""

    path: LocalPath = Field(description="GeoJSON, GeoPackage, Shapefile, FlatGeobuf or KML with a CRS; all its polygons together")
    kind: Literal["excavated", "affected"] = Field(description="what the polygons show; affected is without the excavated ground")
    year: Year = Field(description="year that they show")


class Production(Model):
    """Outputs from which the affected area of all mines of a country is told; both in one unit, e.g. Mt a year."""

    mines_output: Output = Field(description="output of the mines in `boundary`")
    national_output: Output = Field(description="output of the whole country, the mines included")
    year: Year | None = Field(None, description="year of both outputs, whose affected area is taken; default: the last year")


class Footprint(EvaluationKey):
    """Footprint of the mine in every year: excavated ground, and ground affected around it."""

    boundary: tuple[str, ...] | None = Field(
        None, description="zones that are the mine: bare ground that touches none of them is not of the mine; default: every zone that is no reference"
    )
    bare_below: Annotated[float, Field(gt=0, le=1)] = Field(description="cover below which a cell is bare, 0..1; no default, as the studies give none")
    connectivity: Literal[4, 8] = Field(description="bare cells hang together by their sides (4), or by sides and corners (8); areas depend on it")
    distance_m: Annotated[float, Field(ge=0, le=100_000)] | None = Field(
        None, description="largest distance in m from an excavated cell to an affected one, centre to centre; without it no affected ground is told"
    )
    relative_below: Annotated[float, Field(ge=-1, le=0)] | None = Field(
        None, description="cover minus the reference's mean of the same year, -1..0: below it ground within the distance is affected; no default"
    )
    polygons: tuple[FootprintPolygons, ...] = Field((), description="polygons with which a year's footprint is compared by intersection over union")
    production: Production | None = Field(None, description="outputs, for the affected area of all mines of the country (Dong et al. 2025)")

    def files(self, config: Config, results: Path) -> list[Path]:
        """Return the files of polygons."""
        return [Path(p.path) for p in self.polygons]


def check_footprint(config: Config) -> None:
    """Refuse a boundary that is a reference, affected ground without all that it needs, polygons and outputs that no year or kind has."""
    asked = config.footprint
    if asked is None:
        return
    if asked.boundary == ():
        raise ValueError("footprint.boundary: no zone; expected at least one; fix: name zones, or remove it")
    if both := [z for z in asked.boundary or () if z in config.aoi.reference]:
        raise ValueError(f"footprint.boundary: {both[0]!r} is the reference; expected zones of the mine; fix: remove it here or in aoi.reference")
    if (asked.distance_m is None) != (asked.relative_below is None):
        given = "relative_below" if asked.distance_m is None else "distance_m"
        raise ValueError(f"footprint.{given}: given alone; expected distance_m and relative_below, or neither; fix: give the other, or remove it")
    if asked.distance_m is not None and not config.has_reference:
        raise ValueError("footprint.relative_below: no zone has a reference; expected aoi.reference; fix: name undisturbed zones, or remove it and distance_m")
    _check_polygons(asked, config.all_years)
    made = asked.production
    if made is None:
        return
    if asked.distance_m is None:
        raise ValueError("footprint.production: no affected ground is told; expected distance_m and relative_below; fix: give both, or remove it")
    if made.mines_output > made.national_output:
        found = f"{made.mines_output:g}, more than national_output, {made.national_output:g}"
        raise ValueError(f"footprint.production.mines_output: {found}; expected at most that; fix: give both in one unit")
    if made.year is not None and made.year not in config.all_years:
        raise ValueError(f"footprint.production.year: {made.year}; expected {config.years.first} to {config.years.last}; fix: correct it")


def _check_polygons(asked: Footprint, years: list[int]) -> None:
    seen = set()
    for i, p in enumerate(asked.polygons):
        where = f"footprint.polygons.{i}"
        if p.year not in years:
            raise ValueError(f"{where}.year: {p.year}; expected {years[0]} to {years[-1]}; fix: correct or remove it")
        if p.kind == "affected" and asked.distance_m is None:
            raise ValueError(f"{where}.kind: affected, but none is told; expected distance_m and relative_below; fix: give both, or remove it")
        if (p.kind, p.year) in seen:
            raise ValueError(f"{where}: a second file of {p.kind} ground in {p.year}; expected one; fix: put the polygons into one file")
        seen.add((p.kind, p.year))
