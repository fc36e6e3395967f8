"""The items of a STAC API for one mine and sensor, in a fixed order and without secrets, as a file that pins a run.

Asked for are a box and the seasons, nothing else: servers differ in what they can filter, so that cloud cover is
filtered here, by `pipeline.scenes`.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor
from typing import Any
from urllib.parse import urljoin, urlsplit

from pipeline.access import Access, access_of
from pipeline.aoi import Zones
from pipeline.catalogs import CATALOGS
from pipeline.config import Config
from pipeline.errors import BadInput, RunFault, one_line
from pipeline.images import shown, without_secrets
from pipeline.remote import AGAIN, CONNECT_FIX, FINAL, connection_reason, plain_text
from pipeline.scenes import content
from pipeline.season import season_days
from pipeline.stac import MAX_BYTES, Item, items_of
from pipeline.variants import SHIFT_DAYS

COMPOSITE_DAYS = 16  # a composite may begin so many days before its observations, and end so many after
PAGE = 100
MOST_ITEMS = 100_000
DEEPEST = 100  # levels of an item
MOST_STALE = 50  # pages one after the other without a new item; a server may filter what it has found


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
        When nothing is found, the address is no STAC API, or an item is none that scenes can be made of.
    RunFault
        When the API cannot be reached or does not answer, after all attempts.
    """
    url, collection = api_of(config, sensor), config.collection(sensor)
    if collection is None:
        raise AssertionError("the config model asks for a collection")
    box, spans = box_of(config, zones), spans_of(config)
    found: dict[str, dict[str, Any]] = {}
    size = 0
    for item in _pages(url, collection, box, spans, access_of(config, sensor)):
        clean = _clean(item, url)
        key = json.dumps(clean, sort_keys=True)
        size += len(key) if key not in found else 0
        found[key] = clean  # an item of two pages, or of two seasons, is one
        if len(found) > MOST_ITEMS or size > MAX_BYTES:
            raise RunFault(f"{shown(url)}: more than {MOST_ITEMS:,} items, or {MAX_BYTES // 1_000_000} MB of them; is the area right?")
    if not found:
        asked = f"box {', '.join(f'{v:g}' for v in box)}; {', '.join(f'{a} to {b}' for a, b in spans[:3])}{' ...' if len(spans) > 3 else ''}"
        raise BadInput(
            url, f"sensors.{sensor}.catalog", f"no item of {collection} in {asked}", "at least one item", "are collection, area, years and season right?"
        )
    items = [found[key] for key in sorted(found, key=lambda key: (*_order(found[key]), key))]
    _check(items, url)
    return json.dumps({"type": "FeatureCollection", "features": items}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _check(items: list[dict[str, Any]], url: str) -> None:
    """Refuse what the next command would refuse: once pinned, it would not be asked for again."""
    try:
        read = items_of(shown(url), items)
    except BadInput as error:
        raise _bad_item(url, error.field, error.found, error.expected) from None
    first: dict[tuple[str | None, str], Item] = {}
    for item in read:
        if content(first.setdefault((item.collection, item.id), item)) != content(item):
            raise _bad_item(url, f"item {item.id}", "two items of this id with different content", "ids that occur once")


def _bad_item(url: str, field: str, found: str, expected: str) -> BadInput:
    return BadInput(shown(url), field, found, expected, "the fault is the catalogue's: try again later, tell those who run it, or use another one")


def _order(item: dict[str, Any]) -> tuple[str, str]:
    properties = item.get("properties") if isinstance(item.get("properties"), dict) else {}
    return str((properties or {}).get("datetime") or (properties or {}).get("start_datetime")), str(item.get("id"))


def _pages(url: str, collection: str, box: tuple[float, ...], spans: list[tuple[date, date]], access: Access) -> Iterator[dict[str, Any]]:
    """Yield the items of every page of a search, one search per span."""
    import pystac
    from pystac_client import Client
    from pystac_client.errors import ClientTypeError
    from pystac_client.exceptions import APIError

    from pipeline.transport import TooLarge

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an API that does not say what it conforms to; the search shows whether it answers
            io = _patient(access)
            client = Client.open(url, stac_io=io)
            methods = {str(link.extra_fields.get("method") or "GET").upper() for link in client.links if link.rel == "search"}
            method = "POST" if "POST" in methods else "GET"
            for first, last in spans:
                when = f"{first}T00:00:00Z/{last}T23:59:59Z"
                asked = client.search(method=method, limit=PAGE, collections=[collection], bbox=list(box), datetime=when)
                yield from _found(io, _Request(_address(asked.url, url), method, asked.get_parameters()), url)
    except APIError as error:
        status = getattr(error, "status_code", None)
        words = FINAL.get(status, f"answers {status}") if status else "cannot be reached"
        text = plain_text(str(error))
        why = one_line(text, 200) if status else connection_reason(text)
        fix = "" if status else f"\n  fix:      {CONNECT_FIX}"
        raise RunFault(f"{shown(url)}: the search {words}, tried {access.attempts} times: {why}{fix}") from None
    except TooLarge as error:
        raise RunFault(f"{shown(url)}: the search gives {error}; is that a STAC API?") from None
    except (pystac.STACError, ClientTypeError, NotImplementedError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = one_line(f"{type(error).__name__}: {plain_text(str(error))}", 200)
        raise BadInput(
            shown(url), "catalog", found, "the root of a STAC API with item search", "is it the API's address, not that of a browser or a file?"
        ) from None


@dataclass(frozen=True)
class _Request:
    """What a page is asked for by."""

    href: str
    method: str
    parameters: dict[str, Any]
    headers: dict[str, str] | None = None

    @property
    def key(self) -> str:
        """Return text that is equal for equal requests."""
        return json.dumps([self.href, self.method, self.parameters, self.headers], sort_keys=True)


def _found(io: Any, request: _Request, url: str) -> Iterator[dict[str, Any]]:
    """Yield the items of one search: page by page as far as a next one is named, pages without items too.

    Raises
    ------
    RunFault
        When pages lead round in a circle, or fewer items come than the API says there are.
    """
    first, following = request, request
    asked: set[str] = set()
    ids: set[str] = set()
    arrived = said = stale = 0
    while True:
        if following.key in asked:
            raise RunFault(f"{shown(url)}: the search names as next a page that it has given already, after {arrived:,} items")
        asked.add(following.key)
        page = json.loads(io.request(following.href, following.method, following.headers, following.parameters))
        features = _items(page)
        fresh = {str(f.get("id")) for f in features} - ids
        ids |= fresh
        stale = 0 if fresh else stale + 1
        arrived += len(features)
        said = _matched(page, said)
        yield from features
        if (link := _next(page)) is None:
            break
        if stale >= MOST_STALE:
            raise RunFault(f"{shown(url)}: the search gives {stale} pages one after the other without a new item, and names a next one")
        following = _follow(link, following.href, first)
    if said > arrived:
        raise RunFault(f"{shown(url)}: the search says that {said:,} items match and gives {arrived:,}; try again, or use another catalogue")


def _matched(page: dict[str, Any], otherwise: int) -> int:
    """Return how many items a page says there are."""
    context = page.get("context")
    for value in (page.get("numberMatched"), context.get("matched") if isinstance(context, dict) else None):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return otherwise


def _next(page: dict[str, Any]) -> dict[str, Any] | None:
    """Return the link to the next page."""
    links = page.get("links", [])
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise TypeError("a page whose links are none")
    return next((link for link in links if link.get("rel") == "next"), None)


def _follow(link: dict[str, Any], page: str, first: _Request) -> _Request:
    """Return the request that a link to a next page stands for."""
    if not isinstance(href := link.get("href"), str):
        raise TypeError("a next page without an address")
    method = str(link.get("method") or "GET").upper()
    body, headers = link.get("body") or {}, link.get("headers")
    if method not in ("GET", "POST") or not isinstance(body, dict):
        raise TypeError("a next page that is asked for neither by GET nor by POST")
    if headers is not None and not (isinstance(headers, dict) and all(isinstance(v, str) for v in headers.values())):
        raise TypeError("a next page with headers that are no text")
    parameters = ((first.parameters if link.get("merge") else {}) | body) if method == "POST" else {}
    return _Request(_address(href, page), method, parameters, headers)


def _address(href: str, base: str) -> str:
    """Return the whole address of a search or a page.

    Raises
    ------
    ValueError
        For a file of this machine, and anything else that is not asked for over HTTP.
    """
    whole = urljoin(base, href)
    if urlsplit(whole).scheme not in ("http", "https") or not urlsplit(whole).hostname:
        raise ValueError(f"it is searched at {shown(whole)}, which is no http(s) address")
    return whole


def _items(page: dict[str, Any]) -> list[dict[str, Any]]:
    if not isinstance(page, dict) or "features" not in page:
        raise TypeError("a page without features")
    features = page["features"]
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        raise TypeError("a page whose features are no items")
    return features


def _patient(access: Access) -> Any:
    """Return pystac-client's I/O, which tries again what a server or a connection fails at; never with a login of ~/.netrc."""
    import time

    import requests
    from pystac_client.exceptions import APIError
    from pystac_client.stac_api_io import StacApiIO

    from pipeline.transport import Session, fetch

    class Patient(StacApiIO):
        def read_text(self, source: Any, *_: Any, **__: Any) -> str:
            href = str(getattr(source, "href", source))
            return self.request(_address(href, href))  # never a file of this machine

        def request(self, href: str, method: str | None = None, headers: dict[str, str] | None = None, parameters: dict[str, Any] | None = None) -> str:
            sent: Any = {"json": parameters} if method == "POST" else {"params": parameters}
            for tried in range(1, access.attempts + 1):
                wait = access.pause_s * 2 ** (tried - 1)
                try:
                    prepared = self.session.prepare_request(requests.Request(method or "GET", href, headers=headers, **sent))
                    response, body = fetch(self.session, prepared, access)
                except (requests.RequestException, OSError) as error:
                    failed = APIError(str(error))
                else:
                    if 200 <= response.status_code < 300:
                        return body.decode()
                    failed = APIError(body[:1000].decode(errors="replace"))
                    failed.status_code = response.status_code
                    wait = max(wait, min(_retry_after(response.headers.get("Retry-After", "")), access.timeout_s))
                if tried == access.attempts or getattr(failed, "status_code", AGAIN[0]) not in AGAIN:
                    raise failed from None
                time.sleep(wait)
            raise AssertionError("the last attempt returns or raises")

    io = Patient(max_retries=None)
    io.session = Session()
    return io


def _retry_after(text: str) -> float:
    """Return for how many seconds a server asks to be left alone; 0 where that cannot be told."""
    from urllib3 import Retry
    from urllib3.exceptions import InvalidHeader

    try:
        return float(Retry().parse_retry_after(text)) if text else 0.0
    except InvalidHeader:
        return 0.0


def _clean(item: dict[str, Any], url: str) -> dict[str, Any]:
    """Return an item with hrefs that are whole addresses without user, password, query and fragment.

    Raises
    ------
    BadInput
        For an asset on the server's own disk, which would be looked for on this one; for an address that is none, and for
        text or depth that cannot be written.
    """
    where = f"item {item.get('id')}"
    links = item["links"] if isinstance(item.get("links"), list) else []
    base = next((str(k.get("href")) for k in links if isinstance(k, dict) and k.get("rel") == "self"), url)

    def clean(value: Any, depth: int) -> Any:
        if depth > DEEPEST:
            raise _bad_item(url, where, f"values nested deeper than {DEEPEST}", "a STAC item")
        if isinstance(value, list):
            return [clean(v, depth + 1) for v in value]
        if not isinstance(value, dict):
            return value
        out = {key: clean(v, depth + 1) for key, v in value.items()}
        if isinstance(href := value.get("href"), str):
            out["href"] = whole_href(href)
        return out

    def whole_href(href: str) -> str:
        try:
            whole = href if urlsplit(href).scheme else urljoin(base, href)
            local = urlsplit(whole).scheme == "file"
            _ = urlsplit(whole).port  # no number: a password may stand there
        except ValueError:  # whose text may hold a part of the password
            raise _bad_item(url, f"{where}: href", f"{shown(href)} in {shown(base)}", "an http(s) or s3 address") from None
        if local:
            raise BadInput(shown(url), f"{where}: href", shown(href), "an address that can be read over the network", "use another catalogue")
        return without_secrets(whole)

    out = {key: clean(v, 1) for key, v in item.items()}
    try:
        json.dumps(out, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _bad_item(url, where, "text that is no Unicode: half of a surrogate pair", "a STAC item in UTF-8") from None
    return out
