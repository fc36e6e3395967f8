"""The items of a STAC API for one mine and sensor, in a fixed order and without secrets, as a file that pins a run.

Asked for are a box and the seasons, nothing else: servers differ in what they can filter, so that cloud cover is
filtered here, by `pipeline.scenes`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from datetime import date, timedelta
from math import ceil, floor
from typing import Any
from urllib.parse import urljoin, urlsplit

from pipeline.access import Access, access_of
from pipeline.aoi import Zones
from pipeline.catalogs import CATALOGS
from pipeline.config import Config
from pipeline.errors import BadInput, RunFault, one_line
from pipeline.images import shown
from pipeline.remote import CONNECT_FIX, FINAL, connection_reason, plain_text
from pipeline.season import season_days
from pipeline.variants import SHIFT_DAYS

COMPOSITE_DAYS = 16  # a composite may begin so many days before its observations, and end so many after
PAGE = 100
MOST_ITEMS = 100_000
AGAIN = (408, 429, 500, 502, 503, 504)


def api_of(config: Config, sensor: str) -> str:
    """Return the address of the STAC API that is searched."""
    catalog = str(config.sensors[sensor].catalog)
    return CATALOGS[catalog].url if catalog in CATALOGS else catalog


def box_of(config: Config, zones: Zones) -> tuple[float, float, float, float]:
    """Return west, south, east, north of the zones and the grid's buffer in degrees, rounded outward to 1e-4 (11 m)."""
    from rasterio.warp import transform_bounds

    utm = zones.frame.estimate_utm_crs()
    west, south, east, north = zones.frame.to_crs(utm).total_bounds
    around = config.grid.buffer_m
    box = transform_bounds(utm.to_wkt(), "EPSG:4326", west - around, south - around, east + around, north + around)
    low = [max(floor(v * 1e4) / 1e4, least) for v, least in zip(box[:2], (-180.0, -90.0), strict=True)]
    high = [min(ceil(v * 1e4) / 1e4, most) for v, most in zip(box[2:], (180.0, 90.0), strict=True)]
    return low[0], low[1], high[0], high[1]


def spans_of(config: Config) -> list[tuple[date, date]]:
    """Return the days that are searched, ascending and apart: each season, wider by what sensitivity and composites need, and a day of time zones."""
    wider = timedelta(days=SHIFT_DAYS + COMPOSITE_DAYS + 1)
    out: list[tuple[date, date]] = []
    begins, ends = (timedelta(days=number - 1) for number in season_days(config.season))
    for year in config.all_years:
        first, last = date(year, 1, 1) + begins - wider, date(year, 1, 1) + ends + wider
        if out and first <= out[-1][1] + timedelta(days=1):
            out[-1] = out[-1][0], last
        else:
            out.append((first, last))
    return out


def search(config: Config, sensor: str, zones: Zones) -> str:
    """Return an item collection as JSON text: items by date and id, hrefs without query; equal answers give equal text.

    Raises
    ------
    BadInput
        When nothing is found, or the address is no STAC API.
    RunFault
        When the API cannot be reached or does not answer, after all attempts.
    """
    url, collection = api_of(config, sensor), config.collection(sensor)
    if collection is None:
        raise AssertionError("the config model asks for a collection")
    box, spans = box_of(config, zones), spans_of(config)
    found: dict[str, dict[str, Any]] = {}
    for item in _pages(url, collection, box, spans, access_of(config, sensor)):
        clean = _clean(item, url)
        found[json.dumps(clean, sort_keys=True)] = clean  # an item of two pages, or of two seasons, is one
        if len(found) > MOST_ITEMS:
            raise RunFault(f"{url}: more than {MOST_ITEMS:,} items; is the area right?")
    if not found:
        asked = f"box {', '.join(f'{v:g}' for v in box)}; {', '.join(f'{a} to {b}' for a, b in spans[:3])}{' ...' if len(spans) > 3 else ''}"
        raise BadInput(
            url, f"sensors.{sensor}.catalog", f"no item of {collection} in {asked}", "at least one item", "are collection, area, years and season right?"
        )
    items = [found[key] for key in sorted(found, key=lambda key: (*_order(found[key]), key))]
    return json.dumps({"type": "FeatureCollection", "features": items}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _order(item: dict[str, Any]) -> tuple[str, str]:
    properties = item.get("properties") if isinstance(item.get("properties"), dict) else {}
    return str((properties or {}).get("datetime") or (properties or {}).get("start_datetime")), str(item.get("id"))


def _pages(url: str, collection: str, box: tuple[float, ...], spans: list[tuple[date, date]], access: Access) -> Iterator[dict[str, Any]]:
    """Yield the items of every page of a search, one search per span."""
    import pystac
    from pystac_client import Client
    from pystac_client.errors import ClientTypeError
    from pystac_client.exceptions import APIError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an API that does not say what it conforms to; the search shows whether it answers
            waiting = (access.connect_timeout_s, access.timeout_s)  # given here: `open` forgets that of its stac_io
            client = Client.open(url, stac_io=_patient(access), timeout=waiting)
            methods = {str(link.extra_fields.get("method") or "GET").upper() for link in client.links if link.rel == "search"}
            method = "POST" if "POST" in methods else "GET"
            for first, last in spans:
                when = f"{first}T00:00:00Z/{last}T23:59:59Z"
                asked = client.search(method=method, limit=PAGE, collections=[collection], bbox=list(box), datetime=when)
                for page in asked.pages_as_dicts():
                    yield from _items(page)
    except APIError as error:
        status = getattr(error, "status_code", None)
        words = FINAL.get(status, f"answers {status}") if status else "cannot be reached"
        text = plain_text(str(error))
        why = one_line(text, 200) if status else connection_reason(text)
        fix = "" if status else f"\n  fix:      {CONNECT_FIX}"
        raise RunFault(f"{shown(url)}: the search {words}, tried {access.attempts} times: {why}{fix}") from None
    except (pystac.STACError, ClientTypeError, NotImplementedError, ValueError, KeyError, TypeError, AttributeError) as error:
        found = one_line(f"{type(error).__name__}: {plain_text(str(error))}", 200)
        raise BadInput(
            shown(url), "catalog", found, "the root of a STAC API with item search", "is it the API's address, not that of a browser or a file?"
        ) from None


def _items(page: dict[str, Any]) -> list[dict[str, Any]]:
    features = page["features"]
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        raise TypeError("a page whose features are no items")
    return features


def _patient(access: Access) -> Any:
    """Return pystac-client's I/O, which tries again what a server or a connection fails at; never with a login of ~/.netrc."""
    import time

    from pystac_client.exceptions import APIError
    from pystac_client.stac_api_io import StacApiIO
    from urllib3 import Retry

    class Patient(StacApiIO):
        def request(self, *args: Any, **more: Any) -> str:
            for tried in range(1, access.attempts + 1):
                try:
                    return str(super().request(*args, **more))
                except APIError as error:
                    if getattr(error, "status_code", None) is not None or tried == access.attempts:
                        raise
                time.sleep(access.pause_s * 2 ** (tried - 1))
            raise AssertionError("the last attempt returns or raises")

    again = Retry(
        total=None,
        connect=0,
        read=0,
        other=0,
        redirect=5,
        status=access.attempts - 1,
        status_forcelist=AGAIN,
        allowed_methods=None,
        backoff_factor=access.pause_s,
        backoff_max=access.timeout_s,
        retry_after_max=access.timeout_s,
        raise_on_status=False,
    )
    io = Patient(max_retries=again)
    io.session.auth = lambda request: request
    return io


def _clean(item: dict[str, Any], url: str) -> dict[str, Any]:
    """Return an item with hrefs that are whole addresses without user, password, query and fragment.

    Raises
    ------
    BadInput
        For an asset on the server's own disk, which would be looked for on this one.
    """
    links = item["links"] if isinstance(item.get("links"), list) else []
    base = next((str(k.get("href")) for k in links if isinstance(k, dict) and k.get("rel") == "self"), url)

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(v) for v in value]
        if not isinstance(value, dict):
            return value
        out = {key: clean(v) for key, v in value.items()}
        if isinstance(href := value.get("href"), str):
            whole = href if urlsplit(href).scheme else urljoin(base, href)
            if urlsplit(whole).scheme == "file":
                raise BadInput(shown(url), f"item {item.get('id')}: href", shown(href), "an address that can be read over the network", "use another catalogue")
            out["href"] = shown(whole)
        return out

    return {key: clean(v) for key, v in item.items()}
