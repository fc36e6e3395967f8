"""`minegreen new`: a commented config, ready to run, from an AOI file; it proposes what can be found out."""

from __future__ import annotations

import json
import re
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import ValidationError

from pipeline.aoi import Zones, read_frame, read_zones
from pipeline.config import Aoi, Config, Season, SensorSource, Years, load
from pipeline.errors import BadInput
from pipeline.reader import open_raster
from pipeline.season import season_year, solar_day
from pipeline.stac import Item, read_items
from pipeline.writer import write_text

# Words of zone names without accents; `*` stands for more letters. English, Chinese, Spanish, Portuguese, French, German, Russian.
ROLES = {
    "pit": ("*pit", "*pits", "*坑*", "tajo", "tajos", "rajo", "rajos", "cava", "cavas", "fosse", "fosses", "*tagebau*", "restloch", "карьер*", "разрез*"),
    "dump": (
        *("*dump*", "*spoil*", "*排土*", "*渣*", "botadero*", "escombrera*", "botadeiro*", "*esteril", "*estereis", "sterile", "steriles"),
        *("terril*", "*halde", "*halden", "*haldenflache", "*kippe", "*kippen", "*kippenflache", "отвал*", "террикон*"),
    ),
    "background": (
        *("*background*", "*reference*", "*control*", "*背景*", "*对照*", "*参照*", "referenci*", "testigo*", "testemunha*", "temoin*", "*referenz*"),
        *("*vergleichsflache*", "*kontrollflache*", "эталон*", "фон", "фонов*", "контрол*"),
    ),
}
SEASONS = {"north": ("07-01", "08-31"), "south": ("12-01", "02-28"), "tropics": ("01-01", "12-31")}
PLAIN_SOUTH = ("01-01", "02-28")  # within one calendar year
BAND_NAMES = {"red": ("red", "b04"), "nir": ("nir", "nir08", "b08")}
DEFAULT_BANDS = ("{red: 1, nir: 2}    # 1-based; or {ndvi: 1}", "1.0")
FIRST, LAST = 2020, 2024  # the founding study's years; used when no images are found


def run(mine: str, aoi: Path, zone_field: str | None, composites: str | None, catalog: str | None = None, folder: Path = Path("configs")) -> Path:
    """Write configs/<mine>.yaml and return its path.

    Zones are read and validated; roles and references are guessed from their names, else from another text attribute; the
    season from the latitude; the years from the files that match `composites` (a path with {year}), or from the items of
    `catalog` in that season, else 2020-2024.

    Raises
    ------
    BadInput
        When the file exists, the id is not valid, or the AOI cannot be used; nothing has been written.
    """
    target = folder / f"{mine}.yaml"
    if not re.fullmatch(r"[a-z0-9-]{1,63}", mine):
        raise BadInput("minegreen new", "MINE", mine, "an id of a-z, 0-9 and -, at most 63 characters", "the title can be anything; the id names a folder")
    if target.exists():
        raise BadInput(target, "MINE", "the file exists", "a new mine", "edit it, or choose another id")
    if composites and catalog:
        raise BadInput("minegreen new", "--catalog and --composites", "both", "one of them", "a second sensor is added in the file")
    pattern = composites or f"data/{mine}/{{year}}.tif"
    if "{year}" not in pattern:
        raise BadInput("minegreen new", "--composites", pattern, "a path with {year}", "for instance data/{year}.tif")
    years = _years(pattern) if composites else []
    probe = _probe(mine, aoi, zone_field, pattern)
    zones = read_zones(probe, "minegreen new")
    roles, attribute = _roles(zones, probe)
    bounds = zones.frame.to_crs(4326).total_bounds
    longitude, latitude = float(bounds[[0, 2]].mean()), float(bounds[[1, 3]].mean())
    season = SEASONS["tropics" if abs(latitude) < 15 else "north" if latitude > 0 else "south"]
    if catalog:
        season, taken = _season_and_years(read_items(Path(catalog)), longitude, season)
        span, images = (taken[0], max(taken[-1], taken[0] + 1)), _scenes(catalog)
    else:
        span, images = (min(years, default=FIRST), max(years, default=LAST)), _composites(pattern, years)
    write_text(target, _text(mine, aoi, zone_field, _zones(roles, attribute), span, season, images))
    try:
        load(target)
    except BadInput:
        target.unlink()
        raise
    return target


def _season_and_years(items: list[Item], longitude: float, season: tuple[str, str]) -> tuple[tuple[str, str], list[int]]:
    """Return the season, plain where few items lie in one across the turn of the year, and the years whose season has items."""

    def years(proposed: tuple[str, str]) -> list[int]:
        asked = Season(start=proposed[0], end=proposed[1])
        return [year for item in items if (year := season_year(solar_day(item.when, longitude), asked)) is not None]

    if season == SEASONS["south"] and len(years(season)) < len(items) / 2:
        season = PLAIN_SOUTH
    return season, sorted(set(years(season) or [item.when.year for item in items]))


def _scenes(catalog: str) -> list[str]:
    """Return the lines of the sensor whose images are scenes, and of mask and composite."""
    return [
        "  sentinel-2:",
        f"    catalog: {quoted(catalog)}    # STAC item collection; docs/catalogues.md",
        "    max_cloud_pct: 80",
        "    offset: auto    # auto | raw | applied: the Sentinel-2 radiometric offset",
        "mask:",
        "  drop: [cloud, cirrus, shadow, snow, saturated]    # also: water, dark, unclassified",
        "  dilate: [cloud, shadow]",
        "  dilate_m: 40",
        "  min_reflectance_sum: 0.04    # red + NIR below this is no observation",
        "composite: {method: median, min_clear: 2}    # median | mean | max | p75 ...",
    ]


def _composites(pattern: str, years: list[int]) -> list[str]:
    """Return the lines of the sensor whose images are prepared composites; `years` are those that were found."""
    bands = _bands(Path(pattern.replace("{year}", str(years[0])))) if years else DEFAULT_BANDS
    holes = sorted(set(range(years[0], years[-1] + 1)) - set(years)) if years else []
    return [
        "  sentinel-2:    # or landsat",
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


def _years(pattern: str) -> list[int]:
    """Return the years for which a file exists.

    Raises
    ------
    BadInput
        When no file matches.
    """
    path = Path(pattern)
    head, _, tail = path.name.partition("{year}")
    if "{year}" in str(path.parent):
        candidates = [y for y in range(1950, 2201) if Path(pattern.replace("{year}", str(y))).is_file()]
    else:
        expression = re.compile(re.escape(head) + r"(\d{4})" + re.escape(tail))
        names = (p.name for p in path.parent.glob("*")) if path.parent.is_dir() else iter(())
        candidates = sorted(int(m[1]) for m in map(expression.fullmatch, names) if m)
    if len(candidates) == 1:
        raise BadInput(
            "minegreen new",
            "--composites",
            f"one year, {candidates[0]}",
            "at least two years",
            "a trend needs several; four valid years are the default minimum",
        )
    if not candidates:
        raise BadInput("minegreen new", "--composites", pattern, "at least one file", "check the path; it is relative to the working directory")
    return candidates


def _bands(path: Path) -> tuple[str, str]:
    """Return proposals for `bands` and `scale` from a file: its band names, or a reminder to confirm the numbers."""
    try:
        dataset = open_raster(path)
    except BadInput:
        return DEFAULT_BANDS  # `minegreen check` will name what is wrong with the file
    with dataset:
        names = [(name or "").casefold() for name in dataset.descriptions]
        whole_numbers = not dataset.dtypes[0].startswith("float")
        count = dataset.count
    scale = "0.0001" if whole_numbers else "1.0"
    if count == 1:
        return "{ndvi: 1}    # the images have one band", scale
    found = {key: names.index(word) + 1 for key, words in BAND_NAMES.items() for word in words if word in names}
    if set(found) == {"red", "nir"}:
        return f"{{red: {found['red']}, nir: {found['nir']}}}    # from the band names of the images", scale
    return f"{{red: 1, nir: 2}}    # CONFIRM: 1-based numbers; the images have {count} bands without the names red and nir", scale


def _roles(zones: Zones, probe: Config) -> tuple[dict[str, str | None], str | None]:
    """Return the guessed role of each zone, and the attribute that was asked where names say nothing; None if none was."""
    roles = {name: _role(name) for name in zones.names}
    if all(roles.values()):
        return roles, None
    frame = read_frame(Path(probe.aoi.path), probe)  # in file order, as the zones
    for attribute in frame.columns.drop(frame.geometry.name):
        values = [value for value in frame[attribute] if isinstance(value, str) and value.strip()]
        if values and sum(_role(value) is not None for value in values) >= len(values) / 2:
            there = {zone: _role(value) if isinstance(value, str) else None for zone, value in zip(roles, frame[attribute], strict=True)}
            if any(there[zone] for zone, role in roles.items() if role is None):
                return {zone: role or there[zone] for zone, role in roles.items()}, str(attribute)
    return roles, None


def _role(text: str) -> str | None:
    """Return the role that a name says; of several the last of `ROLES`: the dump of a pit is a dump.

    >>> _role("Pilha de estéril da cava norte"), _role("Südkippe"), _role("Hospital")
    ('dump', 'dump', None)
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    words = re.findall(r"[^\W\d_]+", plain)
    found = [role for role, patterns in ROLES.items() if any(fnmatchcase(word, p) for word in words for p in patterns)]
    return found[-1] if found else None


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


def _text(
    mine: str,
    aoi: Path,
    zone_field: str | None,
    zones: list[str],
    span: tuple[int, int],
    season: tuple[str, str],
    images: list[str],
) -> str:
    turn = "; it belongs to the year in which it starts" if season[0] > season[1] else ""
    field = [f"  zone_field: {quoted(zone_field)}"] if zone_field else ["  # zone_field: zone    # attribute with the zone's name"]
    return "\n".join(
        [
            "# yaml-language-server: $schema=schema.json",
            f"mine: {quoted(mine)}",
            f"title: {quoted(mine)}    # free text, any script",
            "aoi:",
            f"  path: {quoted(str(aoi))}",
            *field,
            *zones,
            f"years: {{first: {span[0]}, last: {span[1]}}}",
            f'season: {{start: "{season[0]}", end: "{season[1]}"}}    # proposed from the latitude: the season that the images stand for{turn}',
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
