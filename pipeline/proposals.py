"""What `minegreen new` finds out from files: roles and names of zones, the title, years, bands and sensor of composites."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pipeline.errors import BadInput
from pipeline.reader import open_raster

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
# Attributes that name a zone, the likelier first, and those that name the whole mine; spaces, `_` and `-` are one.
ZONE_FIELDS = ("name", "zone name", "nombre", "nome", "nom", "bezeichnung", "название", "имя", "名称", "名字", "分区", "分区名称", "label", "zona")
ZONE_WORDS = ("name", "zone", "zona", "名", "区", "label", "description", "id")
MINE_FIELDS = ("mine name", "minename", "mine", "site name", "site", "mina", "矿区", "矿区名称", "矿山", "矿山名称", "mine title")
LONGEST_NAME = 80
BAND_NAMES = (("red", "nir"), ("red", "nir08"), ("b04", "b08"), ("b4", "b8"), ("sr_b4", "sr_b5"))  # red, NIR; case does not count
# Usual orders of bands without names, by their number: blue, green, red, NIR, ...; Sentinel-2 at 10 and 20 m, without B10, whole.
ORDERS = {4: (3, 4), 5: (3, 4), 6: (3, 4), 7: (3, 4), 10: (3, 7), 12: (4, 8), 13: (4, 8)}
SENTINEL_2 = 2015  # Sentinel-2A was launched in June 2015
DEFAULT_BANDS = ("{red: 1, nir: 2}    # 1-based; or {ndvi: 1}", "1.0")


def composite_years(pattern: str) -> list[int]:
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


def band_numbers(path: Path) -> tuple[str, str]:
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
    for red, nir in BAND_NAMES:
        if names.count(red) == names.count(nir) == 1:
            return f"{{red: {names.index(red) + 1}, nir: {names.index(nir) + 1}}}    # from the band names of the images", scale
    first, second = ORDERS.get(count, (1, 2))
    return f"{{red: {first}, nir: {second}}}    # CONFIRM: 1-based numbers; the images have {count} bands without the names red and nir", scale


def role_of(text: str) -> str | None:
    """Return the role that a name says; of several the last of `ROLES`: the dump of a pit is a dump.

    >>> role_of("Pilha de estéril da cava norte"), role_of("Südkippe"), role_of("Hospital")
    ('dump', 'dump', None)
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    words = re.findall(r"[^\W\d_]+", plain)
    found = [role for role, patterns in ROLES.items() if any(fnmatchcase(word, p) for word in words for p in patterns)]
    return found[-1] if found else None


def year_pattern(folder: Path) -> str:
    """Return the path with {year} that most years of a folder's GeoTIFFs fit.

    Raises
    ------
    BadInput
        When no name fits two years, or two patterns fit equally many.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in {".tif", ".tiff"}):
        for year in re.finditer(r"(?<!\d)(19[5-9]|20\d|21\d)\d(?!\d)", path.name):
            found[f"{path.name[: year.start()]}{{year}}{path.name[year.end() :]}"].add(year[0])
    most = max((len(years) for years in found.values()), default=0)
    best = [name for name, years in found.items() if len(years) == most]
    if most < 2 or len(best) > 1:
        shown = ", ".join(best[:4]) if best else "no GeoTIFF with a year in its name"
        raise BadInput("minegreen new", "--composites", f"{folder}: {shown}", "one GeoTIFF per year, of two or more years", "name them: a path with {year}")
    return str(folder / best[0])


def composites_sensor(path: Path, first: int) -> str:
    """Return the id of the sensor that yearly composites are probably of: by the first year, else by the size of a cell."""
    if first < SENTINEL_2:
        return "landsat"
    try:
        dataset = open_raster(path)
    except BadInput:
        return "sentinel-2"
    with dataset:
        metres = dataset.res[1] * (111_320 if dataset.crs is not None and dataset.crs.is_geographic else 1)
    return "landsat" if metres > 25 else "sentinel-2"


def _plain(field: str) -> str:
    """Return the name of an attribute as it is compared.

    >>> _plain("Mine_Name ")
    'mine name'
    """
    return re.sub(r"[\s_-]+", " ", field).strip().casefold()


def zone_field(frame: Any) -> str | None:
    """Return the attribute that names the zones: text, in every row another; None where the file has `zone`, or none fits."""
    fields = [str(c) for c in frame.columns if c != frame.geometry.name]
    if "zone" in fields:
        return None
    ranked = [f for name in ZONE_FIELDS for f in fields if _plain(f) == name]
    ranked += [f for word in ZONE_WORDS for f in fields if word in _plain(f).split() or (not word.isascii() and word in f)]
    for field in ranked:
        values = _texts(frame[field])
        if values and len({unicodedata.normalize("NFKC", v).casefold() for v in values}) == len(frame) and max(map(len, values)) <= LONGEST_NAME:
            return field
    return None


def title(frame: Any) -> str | None:
    """Return the name of the mine, where an attribute for it has the same text in every row."""
    for name in MINE_FIELDS:
        for field in frame.columns:
            if _plain(str(field)) == name and len(values := set(_texts(frame[field]))) == 1:
                return next(iter(values))
    return None


def _texts(column: Iterable[Any]) -> list[str]:
    """Return the texts of an attribute; none where a row has no text."""
    values = [v.strip() if isinstance(v, str) else "" for v in column]
    return values if all(values) else []
