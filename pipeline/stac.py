"""STAC items from a file, as far as scenes need them; every finding names the file, the item and the field.

STAC 1.0 and 1.1: scale and offset are read from `raster:bands`, `bands` or the asset itself, the CRS from `proj:epsg`
or `proj:code`, of the asset or of the item.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.catalogs import CATALOGS, LOGIN_HOSTS
from pipeline.config_catalog import SYNTHETIC
from pipeline.errors import BadInput

MAX_BYTES = 500_000_000
FIRST_YEAR, LAST_YEAR = 1950, 2200
INSIDE = "minegreen:inside"  # of an asset: what of its file is meant; given by the index of a folder alone, dropped from what a catalogue says
LONGEST_NUMBER = 20  # digits; more is no number of a catalogue, and Python refuses 5,000
LONGEST_COMPOSITE = 366  # days
TILES = (  # how a tile is written, the properties that name it, and their digits
    ("{}{}{}", ("mgrs:utm_zone", "mgrs:latitude_band", "mgrs:grid_square"), 0),
    ("WRS2-{}{}", ("landsat:wrs_path", "landsat:wrs_row"), 3),
    ("h{}v{}", ("modis:horizontal-tile", "modis:vertical-tile"), 2),
)


@dataclass(frozen=True)
class Asset:
    """One asset: its key in the item, its content, and the item's properties (which it inherits)."""

    key: str
    content: dict[str, Any]
    properties: dict[str, Any]

    @property
    def href(self) -> str:
        """Return the href; of an alternate where the main one is no address that can be read, or needs a login in a browser."""
        return str(self._place.get("href", ""))

    @property
    def _place(self) -> dict[str, Any]:
        """Return what holds the href: the asset, or the better one of its alternates."""
        alternates = self.content.get("alternate")
        others = [a for a in alternates.values() if isinstance(a, dict)] if isinstance(alternates, dict) else []
        return min((self.content, *(a for a in others if str(a.get("href", "")).startswith(("http://", "https://", "s3://")))), key=_effort)

    @property
    def requester_pays(self) -> bool:
        """Return whether the metadata say that the storage bills those who read it: by every scheme that the href can be read by."""
        place = self._place
        refs, schemes = place.get("storage:refs"), self.properties.get("storage:schemes")
        if isinstance(refs, list) and isinstance(schemes, dict):
            named = [schemes[ref] for ref in refs if isinstance(ref, str) and isinstance(schemes.get(ref), dict)]
            return bool(named) and all(scheme.get("requester_pays") is True for scheme in named)
        return place.get("storage:requester_pays", self.properties.get("storage:requester_pays")) is True

    @property
    def inside(self) -> str:
        """Return the member of the zip, or the data set of the HDF4 file, that the asset is; empty: the whole file."""
        return str(self.content.get(INSIDE, ""))

    @property
    def bands(self) -> list[dict[str, Any]]:
        """Return what is published per band, in the file's order: `bands`, `raster:bands` and `eo:bands` together."""
        lists = [self.content.get(k) for k in ("eo:bands", "raster:bands", "bands")]
        known = [[b if isinstance(b, dict) else {} for b in found] for found in lists if isinstance(found, list)]
        count = max(map(len, known), default=0)
        out: list[dict[str, Any]] = [{} for _ in range(count)]
        for found in known:
            for i, band in enumerate(found):
                out[i] |= band
        return out

    def number(self, name: str, band: int = 1) -> float | None:
        """Return `scale`, `offset` or another number of a 1-based band, None where it is not published."""
        bands = self.bands
        places = [bands[band - 1]] if band <= len(bands) else []
        for place in (*places, self.content):
            for key in (f"raster:{name}", name):
                value = place.get(key)
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    return float(value)
        return None

    def position(self, names: tuple[str, ...]) -> int:
        """Return the 1-based band with one of these common names; 1 where the asset does not list several bands."""
        listed = [band.get("eo:common_name", band.get("common_name")) for band in self.bands]
        return next((i for i, name in enumerate(listed, 1) if name in names), 1) if len(listed) > 1 else 1

    def projection(self, name: str) -> Any:
        """Return a `proj:` field of the asset, else of the item; None where it is not published."""
        return self.content.get(f"proj:{name}", self.properties.get(f"proj:{name}"))

    @property
    def epsg(self) -> int | None:
        """Return the EPSG code that the metadata give."""
        code = self.projection("code")
        if isinstance(code, str) and (match := re.fullmatch(r"EPSG:(\d{4,6})", code)):
            return int(match[1])
        epsg = self.projection("epsg")
        return epsg if isinstance(epsg, int) else None


def _effort(place: dict[str, Any]) -> int:
    """Return how hard it is to read from a place: 0 a path or an open address, then S3 storage, a login, nothing that can be read."""
    href = str(place.get("href", ""))
    if href.startswith(("http://", "https://")):
        try:
            login = urlsplit(href).hostname in LOGIN_HOSTS
        except ValueError:
            login = False
        return 2 if login else 0
    if href.startswith("s3://"):
        return 1
    return 3 if not href or re.match(r"^[a-z0-9]{2,}:", href) else 0


@dataclass(frozen=True)
class Item:
    """One scene as a catalogue lists it. `when` is its acquisition in UTC; `until` the end of a composite of several days, whose start is `when`."""

    id: str
    collection: str | None
    when: datetime
    properties: dict[str, Any]
    assets: dict[str, Asset]
    links: tuple[str, ...]
    until: datetime | None = None

    @property
    def mission(self) -> str:
        """Return the platform in one spelling, for instance landsat-8; empty where none is published.

        >>> Item("a", None, datetime(2020, 7, 1), {"platform": "LANDSAT_8"}, {}, ()).mission
        'landsat-8'
        """
        return re.sub(r"[ _]", "-", str(self.properties.get("platform") or "")).lower()

    @property
    def baseline(self) -> float | None:
        """Return the processing baseline, for instance 5.1; None where none is published or it is no number."""
        for key in ("s2:processing_baseline", "sentinel2:processing_baseline", "processing:version"):
            value = self.properties.get(key, "")
            if isinstance(value, float) and 0 < value < 100:
                return value
            match = re.fullmatch(r"N?0?(\d{1,2})[.]?(\d{2})", str(value))
            if match:
                return float(f"{match[1]}.{match[2]}")
        return None

    @property
    def tile(self) -> str | None:
        """Return the tile, for instance 47SNC, WRS2-133033 or h25v05."""
        code = self.properties.get("grid:code") or self.properties.get("s2:mgrs_tile")
        if isinstance(code, str):
            return code.removeprefix("MGRS-")
        for pattern, keys, digits in TILES:
            parts = [self.properties.get(key) for key in keys]
            if all(isinstance(p, (str, int)) for p in parts):
                return pattern.format(*(str(p).zfill(digits) for p in parts))
        return None

    @property
    def cloud_pct(self) -> float | None:
        """Return the catalogue's own cloud cover in per cent."""
        value = self.properties.get("eo:cloud_cover")
        return float(value) if isinstance(value, (int, float)) else None


def read_items(path: Path) -> list[Item]:
    """Return the items of a STAC item collection (or a single item), in file order.

    Raises
    ------
    BadInput
        No such file, no JSON, no items, or an item without id, assets or date.
    """
    if not path.is_file():
        close = get_close_matches(str(path).lower(), [*CATALOGS, *SYNTHETIC], n=1, cutoff=0.75)
        fix = f"did you mean `{close[0]}`?" if close else "check the path (relative to the working directory)"
        raise BadInput(path, "catalog", "no such file", f"a STAC item collection (JSON), a folder, or one of {', '.join(CATALOGS)}", fix)
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(path, "catalog", f"{path.stat().st_size:,} bytes", f"at most {MAX_BYTES:,}", "split the collection")
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text, parse_int=_whole, object_pairs_hook=_once)
        if "\\u" in text:
            json.dumps(content, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except OSError as error:
        raise BadInput(path, "catalog", error.strerror, "a file that can be read", "correct its permissions") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(path, "catalog", f"no JSON: {error}", "a STAC item collection", "save the search's result again") from None
    features = content.get("features", [content]) if isinstance(content, dict) and content.get("type") in ("FeatureCollection", "Feature") else None
    if not isinstance(features, list):
        kind = content.get("type") if isinstance(content, dict) else type(content).__name__
        raise BadInput(path, "catalog", f"type {kind}", "a FeatureCollection of STAC items", "give the items, not a catalogue or collection description")
    if not features:
        raise BadInput(path, "features", "none", "at least one item", "search again: is the area, the season or the collection right?")
    return items_of(path, features)


def items_of(path: Path | str, features: list[Any], *, indexed: bool = False) -> list[Item]:
    """Return items from their JSON; `path` (or an address) is named in errors. `indexed`: they are of our own index of a folder, not of a user's file.

    Raises
    ------
    BadInput
        An item without id, assets or date.
    """
    if not indexed:
        for feature in features:
            assets = feature.get("assets") if isinstance(feature, dict) else None
            for asset in assets.values() if isinstance(assets, dict) else ():
                if isinstance(asset, dict):
                    asset.pop(INSIDE, None)
    return list(_items(path, features))


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= LONGEST_NUMBER else float(digits)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of which no key is given twice; JSON would keep the last."""
    content = dict(pairs)
    if len(content) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return content


def _items(path: Path | str, features: list[Any]) -> Iterator[Item]:
    for number, feature in enumerate(features, 1):
        where = f"feature {number}"
        if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
            raise BadInput(path, where, "no properties", "a STAC item", "remove it, or save the search's result again")
        item_id = feature.get("id")
        if not isinstance(item_id, str) or not 0 < len(item_id) <= 300:
            raise BadInput(path, f"{where}: id", item_id, "text of 1 to 300 characters", "give each item its id")
        assets = feature.get("assets")
        if not isinstance(assets, dict) or not all(isinstance(a, dict) for a in assets.values()):
            raise BadInput(path, f"item {item_id}: assets", type(assets).__name__, "the item's assets by name", "save the search's result again")
        properties = feature["properties"]
        cloud = properties.get("eo:cloud_cover")
        if cloud is not None and not (isinstance(cloud, (int, float)) and not isinstance(cloud, bool) and isfinite(cloud)):
            raise BadInput(path, f"item {item_id}: eo:cloud_cover", cloud, "per cent", "correct the item")
        span = _span(path, item_id, properties)
        links = feature["links"] if isinstance(feature.get("links"), list) else []
        yield Item(
            item_id,
            feature.get("collection") if isinstance(feature.get("collection"), str) else None,
            span[0] if span else _when(path, item_id, "datetime", properties.get("datetime")),
            properties,
            {str(key): Asset(str(key), content, properties) for key, content in assets.items()},
            tuple(str(link.get("href", "")) for link in links if isinstance(link, dict)),
            span[1] if span else None,
        )


def _span(path: Path | str, item_id: str, properties: dict[str, Any]) -> tuple[datetime, datetime] | None:
    """Return start and end of a composite of several days, None for an image of one moment."""
    if properties.get("start_datetime") is None or properties.get("end_datetime") is None:
        return None
    start, end = (_when(path, item_id, key, properties[key]) for key in ("start_datetime", "end_datetime"))
    if end < start or (end - start).days > LONGEST_COMPOSITE:
        text = f"{properties['start_datetime']} to {properties['end_datetime']}"
        raise BadInput(path, f"item {item_id}: end_datetime", text, f"a span of 0 to {LONGEST_COMPOSITE} days", "correct or remove the item")
    return (start, end) if properties.get("datetime") is None or end - start >= timedelta(days=1) else None


def _when(path: Path | str, item_id: str, field: str, text: Any) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError(text)
    except (TypeError, ValueError):
        raise BadInput(path, f"item {item_id}: {field}", text, "a date and time such as 2022-07-04T04:07:11Z", "correct or remove the item") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
