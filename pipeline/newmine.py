"""`minegreen new`: a commented config, ready to run, from an AOI file; it proposes what can be found out."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from pipeline.aoi import Zones, read_frame, read_zones
from pipeline.catalogs import CATALOGS, is_address
from pipeline.config import RESERVED_MINE_IDS, Aoi, Config, Season, SensorSource, Years, load
from pipeline.config_base import MINE_ID
from pipeline.errors import BadInput, nearest
from pipeline.listing import kinds, listed
from pipeline.proposals import DEFAULT_BANDS, PLAIN_SOUTH, SEASONS, band_numbers, composite_years, composites_sensor, role_of, year_pattern
from pipeline.proposals import title as mine_title
from pipeline.proposals import zone_field as name_field
from pipeline.season import season_year, solar_day
from pipeline.stac import Item
from pipeline.writer import write_text

WHOLE_YEAR = ("01-01", "12-31")
FIRST, LAST = 2020, 2024  # the founding study's years; used when no images are found


@dataclass(frozen=True)
class Asked:
    """What `minegreen new` was given beside the id."""

    aoi: Path
    zone_field: str | None = None
    where: str | None = None
    composites: str | None = None
    catalog: str | None = None


def run(mine: str, asked: Asked, folder: Path = Path("configs")) -> str:
    """Write configs/<mine>.yaml and return the line that says so and what comes next.

    Zones are read and validated; the attribute of their names, roles, references and the title are guessed from the attributes; the
    season from the latitude; the years from the composites (a path with {year}, or their folder), or from the items of a
    catalogue's file in that season, else 2020-2024. Images in data/<mine>/ need not be named. With `where` (FIELD=VALUE) the polygons of
    a larger file that have this value become aoi/<mine>.geojson.

    Raises
    ------
    BadInput
        When the file exists, the id is not valid, or the AOI cannot be used; nothing has been written.
    """
    target = folder / f"{mine}.yaml"
    _check_id(mine, target)
    if asked.composites and asked.catalog:
        raise BadInput("minegreen new", "--catalog and --composites", "both", "one of them", "a second sensor is added in the file")
    if is_address(asked.catalog):
        raise BadInput("minegreen new", "--catalog", "an address", f"{', '.join(CATALOGS)}, or a file", "write the address and its collection into the file")
    catalog, pattern = _images(mine, asked)
    years = composite_years(pattern) if pattern else []
    placeholder = f"data/{mine}/{{year}}.tif"
    made = _selected(mine, asked, pattern or placeholder) if asked.where is not None else None
    try:
        text = _proposed(mine, made or asked.aoi, asked.zone_field, catalog, pattern or placeholder, years)
        write_text(target, text)
        load(target)
    except BadInput:
        for path in (target, made):
            if path is not None:
                path.unlink(missing_ok=True)
        raise
    images = "" if catalog or years else f"name your images in it ({placeholder} is a placeholder), then "
    return f"wrote {target}{f' and {made}' if made else ''}; next: {images}minegreen check {target}"


def _check_id(mine: str, target: Path) -> None:
    if not re.fullmatch(MINE_ID, mine):
        raise BadInput("minegreen new", "MINE", mine, "an id of a-z, 0-9 and -, at most 63 characters", "the title can be anything; the id names a folder")
    if mine in RESERVED_MINE_IDS:
        raise BadInput("minegreen new", "MINE", mine, "an id other than that of the folder of all mines together", "choose another id")
    if target.exists():
        raise BadInput(target, "MINE", "the file exists", "a new mine", "edit it, or choose another id")


def _images(mine: str, asked: Asked) -> tuple[str | None, str | None]:
    """Return the catalogue or the path with {year} of the composites, also where data/<mine>/ holds what was not named."""
    pattern, home = asked.composites, Path("data") / mine
    if pattern is None and asked.catalog is None and home.is_dir():
        if (home / "items.json").is_file():
            return str(home / "items.json"), None
        with suppress(BadInput):
            return None, year_pattern(home)
        with suppress(BadInput):
            return str(home) if kinds(home) else None, None
    if pattern and "{year}" not in pattern:
        if not Path(pattern).is_dir():
            raise BadInput("minegreen new", "--composites", pattern, "a path with {year}, or the folder of the composites", "for instance data/{year}.tif")
        pattern = year_pattern(Path(pattern))
    return asked.catalog, pattern


def _selected(mine: str, asked: Asked, pattern: str) -> Path:
    """Write the polygons of a file that have the asked value of an attribute as aoi/<mine>.geojson, and return its path."""
    field, equals, value = str(asked.where).partition("=")
    if not equals or not value:
        raise BadInput(
            asked.aoi, "--where", asked.where or "nothing", "FIELD=VALUE, for instance 'Mine Name=Olive Downs Coal Mine'", "name attribute and value"
        )
    frame = read_frame(asked.aoi, _probe(mine, asked.aoi, None, pattern).aoi.encoding)
    fields = [str(c) for c in frame.columns if c != frame.geometry.name]
    if field not in fields:
        raise BadInput(asked.aoi, "--where", field or "nothing", f"FIELD=VALUE with an attribute of the file: {', '.join(fields)}", nearest(field, fields))
    if frame.crs is None:
        raise BadInput(asked.aoi, "coordinate reference system", "none", "a CRS", "assign it in QGIS, or add the .prj file")
    texts = frame[field].map(lambda v: "" if v is None or v != v else str(v).strip())
    chosen = frame[(texts == value.strip()) & frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])]
    if chosen.empty:
        near = get_close_matches(value, sorted(set(texts)), n=3, cutoff=0.4)
        raise BadInput(asked.aoi, "--where", f"no polygon with {field} {value}", "the value of one polygon or more", f"near: {', '.join(near) or 'nothing'}")
    target = Path("aoi") / f"{mine}.geojson"
    if target.exists():
        raise BadInput(target, "--where", "the file exists", "a new file", "use it as --aoi without --where, or choose another id")
    write_text(target, chosen.to_crs(4326).to_json(drop_id=True, ensure_ascii=False, default=str) + "\n")
    return target


def _proposed(mine: str, aoi: Path, zone_field: str | None, catalog: str | None, pattern: str, years: list[int]) -> str:
    """Return the text of the config."""
    frame = read_frame(aoi, _probe(mine, aoi, zone_field, pattern).aoi.encoding)
    guessed = name_field(frame) if zone_field is None else None
    probe = _probe(mine, aoi, zone_field or guessed, pattern)
    zones = read_zones(probe, "minegreen new")
    roles, attribute = _roles(zones, probe)
    bounds = zones.frame.to_crs(4326).total_bounds
    longitude, latitude = float(bounds[[0, 2]].mean()), float(bounds[[1, 3]].mean())
    season = SEASONS["tropics" if abs(latitude) < 15 else "north" if latitude > 0 else "south"]
    why = "of the images that were found" if catalog or years else "an example: set them"
    if catalog in CATALOGS:
        span, images, why = (FIRST, LAST), _scenes(catalog, ["sentinel-2"]), "an example: set them; the catalogue is searched for these"
    elif catalog:
        found = kinds(Path(catalog))
        kind = found[0]
        season, taken = _season_and_years(list(listed(Path(catalog), kind).items), longitude, season)
        span, images = (taken[0], max(taken[-1], taken[0] + 1)), _scenes(catalog, found)
    else:
        span, images = (min(years, default=FIRST), max(years, default=LAST)), _composites(pattern, years)
    named = mine_title(frame)
    title = f"title: {quoted(named or mine)}    # {'from the AOI file' if named else 'free text, any script'}"
    if zone_field or guessed:
        field = f"  zone_field: {quoted(str(zone_field or guessed))}" + ("    # guessed: the attribute with the zones' names" if guessed else "")
    else:
        field = "  # zone_field: zone    # attribute with the zone's name"
    return _text(mine, title, [f"  path: {quoted(str(aoi))}", field, *_zones(roles, attribute)], (span, why), season, images)


def _season_and_years(items: list[Item], longitude: float, season: tuple[str, str]) -> tuple[tuple[str, str], list[int]]:
    """Return the season and the years in which it has items: plain where few lie in one across the turn of the year, the whole year where none lies in it."""

    def years(proposed: tuple[str, str]) -> list[int]:
        asked = Season(start=proposed[0], end=proposed[1])
        return [year for item in items if (year := season_year(solar_day(item.when, longitude), asked)) is not None]

    if season == SEASONS["south"] and len(years(season)) < len(items) / 2:
        season = PLAIN_SOUTH
    season = season if years(season) else WHOLE_YEAR
    return season, sorted(set(years(season)))


def _scenes(catalog: str, kinds: list[str]) -> list[str]:
    """Return the lines of the first kind of sensor of which there are scenes, the others as a comment, and of mask and composite."""
    kind = kinds[0]
    what = "folder of downloaded products; docs/own-files.md" if Path(catalog).is_dir() else "STAC item collection; docs/catalogues.md"
    if catalog in CATALOGS:
        what = "preset, searched by the run; docs/catalogues.md"
    return [
        f"  {kind}:",
        f"    catalog: {quoted(catalog)}    # {what}",
        "    max_cloud_pct: 80",
        *(["    offset: auto    # auto | raw | applied: the Sentinel-2 radiometric offset"] if kind == "sentinel-2" else []),
        *(f"  # {other}: {{catalog: {quoted(catalog)}}}    # images of it are there too" for other in kinds[1:]),
        "mask:",
        "  drop: [cloud, cirrus, shadow, snow, saturated]    # also: water, dark, unclassified",
        "  dilate: [cloud, shadow]",
        "  dilate_m: 40",
        "  min_reflectance_sum: 0.04    # red + NIR below this is no observation",
        "composite: {method: median, min_clear: 2}    # median | mean | max | p75 ...",
    ]


def _composites(pattern: str, years: list[int]) -> list[str]:
    """Return the lines of the sensor whose images are prepared composites; `years` are those that were found."""
    bands = band_numbers(Path(pattern.replace("{year}", str(years[0])))) if years else DEFAULT_BANDS
    holes = sorted(set(range(years[0], years[-1] + 1)) - set(years)) if years else []
    sensor = composites_sensor(Path(pattern.replace("{year}", str(years[0]))), years[0]) if years else "sentinel-2"
    return [
        f"  {sensor}:    # or {'sentinel-2' if sensor == 'landsat' else 'landsat'}",
        f"    composites: {quoted(pattern)}    # one cloud-free GeoTIFF per year",
        f"    bands: {bands[0]}",
        f"    scale: {bands[1]}    # reflectance (or NDVI) = stored value x scale + offset_value",
        "    offset_value: 0.0",
        *([f"    missing_years: {holes}    # no file was found for these"] if holes else []),
    ]


def _probe(mine: str, aoi: Path, zone_field: str | None, pattern: str) -> Config:
    """Return a config that is only used to read the zones."""
    try:
        return _config(mine, aoi, zone_field, pattern)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput("minegreen new", "--aoi or --composites", first["input"], "paths of files on disk", "download the files and give their paths") from None


def _config(mine: str, aoi: Path, zone_field: str | None, pattern: str) -> Config:
    entry = SensorSource.model_validate({"composites": pattern, "bands": {"red": 1, "nir": 2}})
    return Config(
        mine=mine,
        aoi=Aoi(path=str(aoi), zone_field=zone_field),
        years=Years(first=FIRST, last=LAST),
        season=Season(start="07-01", end="08-31"),
        sensors={"sentinel-2": entry},
    )


def _roles(zones: Zones, probe: Config) -> tuple[dict[str, str | None], str | None]:
    """Return the guessed role of each zone, and the attribute that was asked where names say nothing; None if none was."""
    roles = {name: role_of(name) for name in zones.names}
    if all(roles.values()):
        return roles, None
    frame = read_frame(Path(probe.aoi.path), probe.aoi.encoding)  # in file order, as the zones
    for attribute in frame.columns.drop(frame.geometry.name):
        values = [value for value in frame[attribute] if isinstance(value, str) and value.strip()]
        if values and sum(role_of(value) is not None for value in values) >= len(values) / 2:
            there = {zone: role_of(value) if isinstance(value, str) else None for zone, value in zip(roles, frame[attribute], strict=True)}
            if any(there[zone] for zone, role in roles.items() if role is None):
                return {zone: role or there[zone] for zone, role in roles.items()}, str(attribute)
    return roles, None


def _zones(roles: dict[str, str | None], attribute: str | None) -> list[str]:
    """Return the lines of references and zones; a zone without a role is a comment to fill in."""
    references = [name for name, role in roles.items() if role == "background"]
    source = f"names and attribute {quoted(attribute)}" if attribute else "names"
    guessed = any(roles.values())
    return [
        f"  reference: [{', '.join(map(quoted, references))}]" if references else "  # reference: [name of a zone of undisturbed vegetation]",
        f"  zones:    # roles guessed from {source}: correct them" if guessed else "  # zones:    # no role was guessed: pit, dump, background, ...",
        *(f"    {quoted(name)}: {{role: {role}}}" if role else f"  #   {quoted(name)}: {{role: pit}}" for name, role in roles.items()),
    ]


def quoted(text: str) -> str:
    """Return text as a YAML string in double quotes.

    >>> quoted("Pit 4: north")
    '"Pit 4: north"'
    """
    shown = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in shown)


def _text(mine: str, title: str, aoi: list[str], years: tuple[tuple[int, int], str], season: tuple[str, str], images: list[str]) -> str:
    span, why = years
    whence = "the whole year, as no image lies in the season proposed from the latitude" if season == WHOLE_YEAR else "proposed from the latitude"
    turn = "; it belongs to the year in which it starts" if season[0] > season[1] else ""
    return "\n".join(
        [
            "# yaml-language-server: $schema=schema.json",
            f"mine: {quoted(mine)}",
            title,
            "aoi:",
            *aoi,
            f"years: {{first: {span[0]}, last: {span[1]}}}    # {why}",
            f'season: {{start: "{season[0]}", end: "{season[1]}"}}    # {whence}: the season that the images stand for{turn}',
            "sensors:",
            *images,
            "fvc:",
            "  soil: {percentile: 5}    # or {ndvi: value}, with its source",
            "  vegetation: {percentile: 95}",
            "trend:",
            f"  periods: [[{span[0]}, {span[1]}]]",
            "  scheme: seven    # five | seven | nine",
            "sensitivity: auto    # auto | true | false: what holds under other seasons, methods and endmembers (sensitivity.csv)",
            "",
        ]
    )
