"""`minegreen new`: a commented config, ready to run, from an AOI file; it proposes what can be found out."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import ValidationError

from pipeline.aoi import read_zones
from pipeline.config import Aoi, Config, Season, SensorSource, Years, load
from pipeline.errors import BadInput
from pipeline.reader import open_raster
from pipeline.stac import read_items
from pipeline.writer import write_text

ROLES = {
    "pit": ("pit", "坑"),
    "dump": ("dump", "spoil", "排土", "渣"),
    "background": ("background", "reference", "control", "背景", "对照", "参照"),
}
SEASONS = {"north": ("07-01", "08-31"), "south": ("01-01", "02-28"), "tropics": ("01-01", "12-31")}
BAND_NAMES = {"red": ("red", "b04"), "nir": ("nir", "nir08", "b08")}
DEFAULT_BANDS = ("{red: 1, nir: 2}    # 1-based; or {ndvi: 1}", "1.0")
FIRST, LAST = 2020, 2024  # the founding study's years; used when no images are found


def run(mine: str, aoi: Path, zone_field: str | None, composites: str | None, catalog: str | None = None, folder: Path = Path("configs")) -> Path:
    """Write configs/<mine>.yaml and return its path.

    Zones are read and validated; roles and references are guessed from their names; the season from the latitude; the
    years from the files that match `composites` (a path with {year}), or from the items of `catalog`, else 2020-2024.

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
    roles = {name: _role(name) for name in zones.names}
    latitude = float(zones.frame.to_crs(4326).total_bounds[[1, 3]].mean())
    season = SEASONS["tropics" if abs(latitude) < 15 else "north" if latitude > 0 else "south"]
    if catalog:
        taken = sorted({item.when.year for item in read_items(Path(catalog))})
        span, images = (taken[0], max(taken[-1], taken[0] + 1)), _scenes(catalog)
    else:
        span, images = (min(years, default=FIRST), max(years, default=LAST)), _composites(pattern, years)
    write_text(target, _text(mine, aoi, zone_field, roles, span, season, images))
    try:
        load(target)
    except BadInput:
        target.unlink()
        raise
    return target


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


def _role(name: str) -> str | None:
    lowered = name.casefold()
    found = [role for role, words in ROLES.items() if any(w in lowered for w in words)]
    return found[-1] if found else None


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
    roles: dict[str, str | None],
    span: tuple[int, int],
    season: tuple[str, str],
    images: list[str],
) -> str:
    references = [name for name, role in roles.items() if role == "background"]
    listed = [f"    {quoted(name)}: {{role: {role}}}" for name, role in roles.items() if role]
    reference = f"  reference: [{', '.join(map(quoted, references))}]" if references else "  # reference: [name of a zone of undisturbed vegetation]"
    field = [f"  zone_field: {quoted(zone_field)}"] if zone_field else ["  # zone_field: zone    # attribute with the zone's name"]
    return "\n".join(
        [
            "# yaml-language-server: $schema=schema.json",
            f"mine: {quoted(mine)}",
            f"title: {quoted(mine)}    # free text, any script",
            "aoi:",
            f"  path: {quoted(str(aoi))}",
            *field,
            reference,
            *(["  zones:    # roles guessed from the names: correct them", *listed] if listed else []),
            f"years: {{first: {span[0]}, last: {span[1]}}}",
            f'season: {{start: "{season[0]}", end: "{season[1]}"}}    # proposed from the latitude: the season that the images stand for',
            "sensors:",
            *images,
            "fvc:",
            "  soil: {percentile: 5}    # or {ndvi: value}, with its source",
            "  vegetation: {percentile: 95}",
            "trend:",
            f"  periods: [[{span[0]}, {span[1]}]]",
            "  scheme: seven    # five | seven | nine",
            "",
        ]
    )
