"""The config of one mine: frozen, strict models. The only place where defaults live."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from pipeline import yamlfile
from pipeline.adjustments import ADJUSTMENTS
from pipeline.catalogs import CATALOGS, is_searched
from pipeline.config_base import FreeText, Id, Measure, Model, Month, Year
from pipeline.config_breaks import Breaks, check_breaks
from pipeline.config_catalog import LocalPath, Source, check_source, check_synthetic, preset_collection
from pipeline.config_climate import Climate, check_climate
from pipeline.config_cover import Fvc, check_cover
from pipeline.config_errors import explain
from pipeline.config_evaluation import EvaluationKey, check_evaluations
from pipeline.config_footprint import Footprint, check_footprint
from pipeline.config_landcover import Landcover, check_landcover
from pipeline.config_methods import Methods
from pipeline.config_months import check_months, is_seasonal
from pipeline.config_network import Network
from pipeline.config_recovery import Recovery, check_recovery
from pipeline.config_scenes import Composite, Mask
from pipeline.config_sensitivity import Sensitivity
from pipeline.config_strata import Strata, check_strata
from pipeline.config_trend import Trend, check_trend
from pipeline.config_uncertainty import Uncertainty
from pipeline.config_water import Water, check_water
from pipeline.errors import BadInput
from pipeline.evaluation.records import EVALUATIONS, Evaluation
from pipeline.layout import TARGETS
from pipeline.sensors import SENSORS

Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
RESERVED_SENSOR_IDS = {"logs", "synthetic"}
RESERVED_MINE_IDS = {"summary"}


class ZoneFacts(Model):
    """What is known of one zone; all optional."""

    role: Role | None = Field(None, description="pit, dump, background, ...: zones of one role are also summed in the group table")
    restored: Month | None = Field(None, description='year or month in which restoration ended, in quotes: "2021" or "2021-06"')
    phase: FreeText | None = Field(None, description="restoration phase, free text")
    measures: Annotated[tuple[Measure, ...], Field(max_length=20)] = Field(
        (), description="restoration measures, free text, at most 20, spelled alike in all zones"
    )
    reference: tuple[str, ...] | None = Field(None, description="zones of undisturbed vegetation for this zone, instead of aoi.reference")


class Aoi(Model):
    """The areas of interest: one vector file, one feature per zone."""

    path: LocalPath = Field(description="GeoJSON, GeoPackage, Shapefile, FlatGeobuf or KML with a CRS")
    zone_field: str | None = Field(None, description="attribute with the zone's name; without it `zone` if present, else zones are numbered in file order")
    repair: bool = Field(False, description="true: make_valid on invalid polygons, area before and after in the log")
    encoding: str | None = Field(None, description="text encoding, for shapefiles without .cpg")
    reference: tuple[str, ...] = Field((), description="names of zones of undisturbed vegetation")
    zones: dict[str, ZoneFacts] = Field(default_factory=dict, description="facts per zone, by name")

    @model_validator(mode="after")
    def _one_spelling(self) -> Aoi:
        known: dict[str, str] = {}
        for zone, facts in self.zones.items():
            for measure in facts.measures:
                own = measure.strip()
                same = known.setdefault(unicodedata.normalize("NFKC", own).casefold(), own)
                if same != own:
                    raise ValueError(f"{own!r} of zone {zone}, elsewhere {same!r}; expected one spelling of a measure; fix: spell both alike")
        return self


class Grid(Model):
    """The raster grid of each sensor."""

    crs: Annotated[str, StringConstraints(pattern=r"^(auto|EPSG:[0-9]{4,6})$")] = Field(
        "auto", description="auto: the images' own projected CRS, else the AOI's UTM zone; or EPSG:<code>, projected, in metres; modis stays on its own grid"
    )
    resolution_m: dict[Id, Annotated[float, Field(gt=0, le=10_000)]] = Field(
        default_factory=dict, description="cell size per sensor id in metres; default: the images' own, else the sensor's; not for modis"
    )
    buffer_m: Annotated[float, Field(ge=0, le=100_000)] = Field(500, description="rasters cover the AOI's box plus this, metres")
    clip: Literal["zones", "box"] = Field("zones", description="class rasters: zones = 0 where no zone touches the cell; box = classes everywhere")


class Years(Model):
    """First and last year, both included."""

    first: Year = Field(description="first year")
    last: Year = Field(description="last year, included")

    @model_validator(mode="after")
    def _order(self) -> Years:
        if self.last < self.first:
            raise ValueError(f"last year {self.last} is before first year {self.first}; expected first <= last; fix: swap them")
        return self


class Season(Model):
    """Growing season, both days included; the year is that of its start."""

    start: str = Field(description='first day, "MM-DD"')
    end: str = Field(description='last day, "MM-DD", included: 02-28 leaves 29 February out, 02-29 takes it in; before start: in the following year')

    @model_validator(mode="after")
    def _days(self) -> Season:
        for value in (self.start, self.end):
            match = re.fullmatch(r"([0-9]{2})-([0-9]{2})", value)
            month, day = (int(match[1]), int(match[2])) if match else (0, 0)
            if not (1 <= month <= 12 and 1 <= day <= (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]):
                raise ValueError(f'{value!r} is no day of the year; expected "MM-DD"; fix: write for instance "07-01"')
        return self


class Bands(Model):
    """1-based bands of the prepared composites: red and nir, or a band that already is NDVI."""

    red: Annotated[int, Field(ge=1)] | None = Field(None, description="number of the red band, counted from 1; with nir")
    nir: Annotated[int, Field(ge=1)] | None = Field(None, description="number of the near-infrared band")
    ndvi: Annotated[int, Field(ge=1)] | None = Field(None, description="number of the band that is NDVI, instead of red and nir")

    @model_validator(mode="after")
    def _one_form(self) -> Bands:
        given = self.model_dump(exclude_none=True)
        if set(given) not in ({"red", "nir"}, {"ndvi"}):
            raise ValueError(f"{given}; expected {{red: N, nir: N}} or {{ndvi: N}}; fix: name the 1-based bands of the composites")
        return self


class SensorSource(Model):
    """Where one sensor's images come from: `catalog` or `composites`."""

    sensor: str | None = Field(None, description=f"{', '.join(SENSORS)}; default: the id above")
    catalog: Source | None = Field(
        None,
        description=f"preset ({', '.join(CATALOGS)}), address of a STAC API, path of a STAC item collection (JSON), folder of downloaded products, or "
        "`synthetic`: the embedded mine with planted truth, 2020-2024; `synthetic-history`: likewise as Landsat scenes of 2002-2022",
    )
    collection: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")] | None = Field(
        None, description="with `catalog`: only items of this collection; default: the preset's, of a file all; required with the address of a STAC API"
    )
    requester_pays: bool = Field(
        False, description="with `catalog`: true: files in S3 storage that bills its readers are read, at the cost of the account whose keys are set"
    )
    max_cloud_pct: Annotated[float, Field(ge=0, le=100)] = Field(80, description="with `catalog`: items with more cloud (eo:cloud_cover) are dropped")
    offset: Literal["auto", "raw", "applied"] = Field(
        "auto",
        description="Sentinel-2 radiometric offset. auto: by the printed table, per item, checked against the data; raw: files as ESA delivers them; "
        "applied: already subtracted in every file",
    )
    adjust: str = Field("none", description=f"red and NIR brought to those of Landsat OLI by published lines: {', '.join(ADJUSTMENTS)}; none: as they are")
    composites: LocalPath | None = Field(
        None, description="path of yearly cloud-free GeoTIFF composites with {year} in it: the year in which the season starts"
    )
    bands: Bands | None = Field(None, description="1-based bands of the composites: {red, nir} or {ndvi}")
    scale: Annotated[float, Field(gt=0)] = Field(1.0, description="reflectance (or NDVI) = stored value x scale + offset_value")
    offset_value: float = Field(0.0, description="see scale")
    missing_years: tuple[Year, ...] = Field((), description="years for which no composite exists; they stay in the tables, without values")

    @model_validator(mode="after")
    def _one_source(self) -> SensorSource:
        if (self.catalog is None) == (self.composites is None):
            raise ValueError("both or neither of `catalog` and `composites`; expected one of them; fix: remove or add one")
        if self.composites is not None and "{year}" not in self.composites:
            raise ValueError(f"composites {self.composites!r} lacks the year; expected a path with {{year}}; fix: for instance data/{{year}}.tif")
        if self.composites is not None and self.bands is None:
            raise ValueError("`bands` is missing; expected {red: N, nir: N} or {ndvi: N}; fix: name the 1-based bands of the composites")
        if self.catalog is not None and (self.bands is not None or self.missing_years or self.scale != 1 or self.offset_value != 0):
            raise ValueError("bands, scale, offset_value or missing_years with a catalog; expected only with `composites`; fix: remove them")
        if self.composites is not None and self.model_fields_set & {"collection", "max_cloud_pct", "offset", "adjust", "requester_pays"}:
            raise ValueError("collection, max_cloud_pct, offset, adjust or requester_pays with composites; expected only with `catalog`; fix: remove them")
        if self.adjust not in ("none", *ADJUSTMENTS):
            raise ValueError(f"adjust: {self.adjust!r}; expected one of none, {', '.join(ADJUSTMENTS)}; fix: correct or remove it")
        return self

    @property
    def searched(self) -> bool:
        """Return whether the items are found by a search over the network, which a job of the run pins."""
        return is_searched(self.catalog)


class Config(Model):
    """One mine."""

    mine: Id = Field(description="id; names results/<mine>/; not `summary`, the folder of all mines together")
    title: FreeText | None = Field(None, description="free text, any script; default: the id")
    aoi: Aoi
    grid: Grid = Field(Grid(), description="grid of the rasters")
    years: Years = Field(description="first and last year; a season across the turn of the year belongs to the year in which it starts")
    season: Season = Field(description="growing season that the composites stand for; across the turn of the year it belongs to the year in which it starts")
    sensors: Annotated[dict[Id, SensorSource], Field(min_length=1)] = Field(description="one entry per sensor, by a free id")
    mask: Mask = Field(Mask(), description="with `catalog`: which observations are dropped")
    composite: Composite = Field(Composite(), description="with `catalog`: how a year's observations become one value")
    fvc: Fvc = Field(Fvc(), description="fractional vegetation cover")
    trend: Trend = Field(Trend(), description="trend test and classes")
    sensitivity: Sensitivity = Field(
        Sensitivity(),
        description="auto, true or false: make sensitivity.csv, how change and trend shares come out under other seasons, methods, endmembers and without "
        "the first year; auto: up to 5,000,000 cells of the grid, and above it a table that says so; true: always; false: no such table",
    )
    uncertainty: Uncertainty = Field(
        Uncertainty(),
        description="bounds of class areas from the error of NDVI, the endmember range and the range of `no_change`; `false`: the bounds stay empty",
    )
    recovery: Recovery | None = Field(None, description="recovery against the reference; without the key it is not made (`recovery: {}`: with all defaults)")
    climate: Climate | None = Field(
        None, description="precipitation and temperature of the growing season, anomalies, and the trend of cover beside them; without the key it is not made"
    )
    landcover: Landcover | None = Field(None, description="land cover by year, from maps or by rule; without the key it is not made")
    footprint: Footprint | None = Field(None, description="excavated and affected ground of the mine in every year; without the key it is not made")
    water: Water | None = Field(None, description="pit lakes per zone and year; without the key they are not told; for sensors with `catalog` alone")
    breaks: Breaks | None = Field(
        None, description="years of disturbance and recovery; without the key they are not sought (`breaks: {}`: with all defaults); for long series"
    )
    strata: Strata | None = Field(None, description="tables by stratum of each zone, by terrain or landform; without the key they are not made")
    methods: Methods | None = Field(
        None, description="weights of the score in summary/methods.csv, which compares restoration measures over all mines; without the key there is no score"
    )
    network: Network = Field(Network(), description="with images or a catalogue on servers: time-outs and retries; changes no result")

    @model_validator(mode="after")
    def _across(self) -> Config:
        if self.mine in RESERVED_MINE_IDS:
            raise ValueError(f"mine: {self.mine!r} is the folder of all mines together; expected another id; fix: rename it")
        every = self.all_years
        for name, source in self.sensors.items():
            kind = source.sensor or name
            if kind not in SENSORS:
                raise ValueError(f"sensors.{name}: sensor {kind!r} is not known; expected one of {', '.join(SENSORS)}; fix: add `sensor:`")
            if name in RESERVED_SENSOR_IDS:
                raise ValueError(f"sensors.{name}: the id {name!r} is the name of another results folder; expected another id; fix: rename it")
            check_source(name, kind, source)
            if source.adjust != "none" and ADJUSTMENTS[source.adjust].sensor != kind:
                raise ValueError(f"sensors.{name}.adjust: {source.adjust} with {kind}; expected it with {ADJUSTMENTS[source.adjust].sensor}; fix: remove it")
            if source.offset != "auto" and SENSORS[kind].scenes.offset_from is None:
                raise ValueError(f"sensors.{name}.offset: {source.offset} with {kind}; expected it with sentinel-2 only; fix: remove it")
            if outside := sorted(set(source.missing_years) - set(every)):
                raise ValueError(f"sensors.{name}.missing_years: {outside} outside {every[0]}..{every[-1]}; expected years of the run; fix: remove them")
            check_synthetic(name, kind, source.catalog, every)
        if all(source.catalog is None for source in self.sensors.values()) and (only := {"mask", "composite"} & self.model_fields_set):
            raise ValueError(f"{min(only)}: given without a catalog; expected scenes to apply it to; fix: remove it, composites are taken as they are")
        if unused := sorted(set(self.grid.resolution_m) - set(self.sensors)):
            raise ValueError(f"grid.resolution_m: no sensor {unused[0]!r}; expected one of {', '.join(self.sensors)}; fix: use the sensor's id")
        if moved := [name for name in self.grid.resolution_m if SENSORS[self.kind(name)].native_grid]:
            asked = f"grid.resolution_m.{moved[0]}: {self.grid.resolution_m[moved[0]]:g}"
            raise ValueError(f"{asked} for a sensor that stays on its images' own grid; expected no entry for it; fix: remove it")
        check_cover(self)
        check_trend(self)
        check_months(self)
        check_evaluations(self)
        check_recovery(self)
        check_strata(self)
        check_climate(self)
        check_breaks(self)
        check_landcover(self)
        check_footprint(self)
        check_water(self)
        return self

    @property
    def all_years(self) -> list[int]:
        """Return every year of the run."""
        return list(range(self.years.first, self.years.last + 1))

    @property
    def periods(self) -> tuple[tuple[int, int], ...]:
        """Return the periods of the trend."""
        return ((self.years.first, self.years.last),) if self.trend.periods is None else self.trend.periods

    @property
    def has_reference(self) -> bool:
        """Return whether any zone has a reference."""
        return bool(self.aoi.reference) or any(facts.reference for facts in self.aoi.zones.values())

    @property
    def targets(self) -> tuple[str, ...]:
        """Return what is tested: `absolute`, the pixel itself, and where wanted `relative`, the pixel minus its reference."""
        wanted = self.trend.relative_to_reference is not False and self.has_reference
        return TARGETS if wanted else TARGETS[:1]

    def tables_of(self, sensor: str) -> dict[str, Any]:
        """Return which tables a sensor has (`SensorFolder.tables`)."""
        made = tuple(name for e in self.evaluations_of(sensor) for name in e.tables)
        seen, varied = self.sensors[sensor].catalog is not None, self.sensitivity.run is not False and not is_seasonal(self)
        return {"with_scenes": seen, "with_sensitivity": varied, "evaluated": made}

    @property
    def evaluations(self) -> dict[str, EvaluationKey]:
        """Return the keys of the evaluations that are asked for."""
        return {key: asked for key in EVALUATIONS if (asked := getattr(self, key)) is not None}

    def evaluations_of(self, sensor: str) -> tuple[Evaluation, ...]:
        """Return the evaluations that are made for a sensor."""
        return tuple(EVALUATIONS[key] for key, asked in self.evaluations.items() if asked.sensors is None or sensor in asked.sensors)

    def images_in(self, sensor: str, period: tuple[int, int]) -> int:
        """Return the number of years of a period that have an image: the most valid years that a pixel can have."""
        missing = self.sensors[sensor].missing_years
        return sum(year not in missing for year in range(period[0], period[1] + 1))

    def pair_of(self, sensor: str) -> str | None:
        """Return the id of the other sensor whose endmember pair a sensor uses; None where it has its own."""
        return None if self.fvc.endmembers_from == sensor else self.fvc.endmembers_from

    def kind(self, sensor: str) -> str:
        """Return the `SENSORS` name of a sensor id."""
        return self.sensors[sensor].sensor or sensor

    def collection(self, sensor: str) -> str | None:
        """Return the collection whose items are read: the config's, else the preset's; None for all."""
        entry = self.sensors[sensor]
        return entry.collection or preset_collection(entry.catalog, self.kind(sensor))


def load(path: str | Path) -> Config:
    """Read and validate one config file.

    Raises
    ------
    BadInput
        With file, line, key, what was found and expected, and the fix.
    """
    document = yamlfile.load(Path(path))
    document.data.update({key: {} for key in (*EVALUATIONS, "methods") if key in document.data and document.data[key] is None})  # `breaks:` is `breaks: {}`
    try:
        return Config.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        raise explain(document, error, Config) from None


def load_all(paths: list[Path]) -> dict[str, tuple[Path, Config]]:
    """Read several configs, one mine each, by mine id; two files of one mine are an error."""
    mines: dict[str, tuple[Path, Config]] = {}
    for path in paths:
        config = load(path)
        if config.mine in mines:
            raise BadInput(path, "mine", f"{config.mine}, also in {mines[config.mine][0]}", "one file per mine", "give one of them another id")
        mines[config.mine] = (path, config)
    return mines


def schema() -> dict[str, Any]:
    """Return the JSON schema of a config file, for editors (`configs/schema.json`)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
