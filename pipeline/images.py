"""Scene files, local or over HTTP(S): opened by the same allow-list, read with retries, named without secrets."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.errors import BadInput, RunFault, one_line
from pipeline.handles import lent
from pipeline.reader import TIFF_SIGNATURES, check_blocks, open_raster

Stamp = tuple[int, int]
ATTEMPTS, PAUSE_S = 3, 1.0
FINAL = {
    "404": "not found (404); is the catalogue out of date?",
    "403": "refused (403); has a token expired? Save the search again",
    "401": "refused (401); credentials are needed",
}
HTTP_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_TIMEOUT": "30",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "CPL_VSIL_CURL_USE_HEAD": "NO",
}


class FileChanged(RunFault):
    """A file is not what it was when it was inspected: trying again does not help."""


def is_remote(href: str) -> bool:
    """Return whether an href is read over the network."""
    return href.startswith(("http://", "https://"))


def shown(href: str) -> str:
    """Return an href for messages and files: without user, password, query and fragment.

    >>> shown("https://me:pw@host.org/B04.tif?sig=secret"), shown("scenes/B04.tif")
    ('https://host.org/B04.tif', 'scenes/B04.tif')
    """
    href = href.strip()
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|/vsi|//", href):
        return href
    scheme, separator, rest = re.split(r"[?#]", href, maxsplit=1)[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def resolve(href: str, catalog: Path) -> str:
    """Return an href as a URL or the path of a file; relative ones are relative to the catalogue's file.

    Raises
    ------
    ValueError
        For anything that is neither: `/vsi...`, `s3:`, control characters.
    """
    if not href or any(ord(c) < 32 for c in href):
        raise ValueError("an empty href, or one with control characters")
    if is_remote(href):
        if not urlsplit(href).hostname:
            raise ValueError("a URL without a host")
        return href
    path = href.removeprefix("file://")
    if href != href.strip() or href.startswith("//"):
        raise ValueError("blanks around it, or no http(s): before the host")
    if "{" in path or "}" in path:
        raise ValueError("braces, which the workflow takes for wildcards")
    if path.startswith("/vsi") or re.match(r"[A-Za-z0-9_+.-]{2,}:", path):
        raise ValueError("neither a path nor http(s)")
    return str(Path(path) if Path(path).is_absolute() else catalog.parent / path)


def open_image(href: str, attempt: int = 0, inside: str = "") -> Any:
    """Open a scene file, or what is `inside` a local one; `attempt` gives a retry its own name in GDAL's cache, which remembers failures.

    Raises
    ------
    BadInput
        Not a GeoTIFF, or a local file that is absent.
    RunFault
        The server does not give it.
    """
    import rasterio

    if not is_remote(href):
        return open_raster(Path(href), inside)
    try:
        with rasterio.Env(**HTTP_OPTIONS):
            again = f"#{attempt}" if attempt else ""  # a fragment is not sent
            dataset = rasterio.open(f"/vsicurl/{href.partition('#')[0]}{again}", driver="GTiff", sharing=False)
    except rasterio.errors.RasterioError as error:
        text = _plain(error)
        if "not recognized" in text and (start := _start(href)) is not None and start not in TIFF_SIGNATURES:
            raise BadInput(shown(href), "raster", "something that is not a readable GeoTIFF", "a GeoTIFF", "is the URL right?") from None
        raise RunFault(f"{shown(href)}: {next((words for code, words in FINAL.items() if f'response code: {code}' in text), text)}") from None
    check_blocks(shown(href), dataset)
    return dataset


def _start(href: str) -> bytes | None:
    """Return the first bytes that a server gives, None where it gives none: GDAL takes a dead server for a file of another format."""
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(href, headers={"Range": "bytes=0-3"}), timeout=30) as answer:
            return bytes(answer.read(4))
    except (OSError, ValueError):
        return None


def state_of(dataset: Any, href: str) -> str:
    """Return a digest of what an open file is: grid, type, bands, nodata, and the size of a local one."""
    size = None if is_remote(href) else stamp_of(href)[1]
    crs = dataset.crs.to_wkt() if dataset.crs else None
    described = (crs, tuple(dataset.transform), dataset.shape, dataset.dtypes, str(dataset.nodata), size)
    return hashlib.sha256(repr(described).encode()).hexdigest()[:16]


def read_image(href: str, what: str, action: Callable[[Any], Any], stamp: Stamp | None = None, inside: str = "") -> Any:
    """Return `action(dataset)` of a scene file (or of what is `inside` it), with a handle that nobody else uses; retried, then a fault that names `what`.

    Raises
    ------
    RunFault
        When every attempt failed, or a local file is not as its `stamp` says; `what` names item and asset.
    """
    import rasterio

    remote, problem = is_remote(href), ""
    now = (0, 0) if remote else stamp_of(href)
    if stamp is not None and stamp != now:
        raise FileChanged(f"{one_line(what)}: {shown(href)}: the file has changed while the run was reading it")
    key = ("image", href, inside, now)
    for attempt in range(ATTEMPTS):
        if attempt and remote:
            time.sleep(PAUSE_S * attempt)
        try:
            with rasterio.Env(**HTTP_OPTIONS) if remote else nullcontext(), lent(key, partial(open_image, href, attempt, inside)) as dataset:
                return action(dataset)
        except FileChanged:
            raise
        except RunFault as error:
            if any(words in str(error) for words in FINAL.values()):
                raise RunFault(f"{one_line(what)}: {error}") from None
            problem = str(error)
        except rasterio.errors.RasterioError as error:
            problem = _plain(error)
    raise RunFault(f"{one_line(what)}: {shown(href)}: cannot be read, tried {ATTEMPTS} times: {problem}")


def stamp_of(href: str) -> Stamp:
    """Return when a local file was last changed, and its size; zeros where there is none."""
    try:
        status = Path(href).stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _plain(error: BaseException) -> str:
    """Return the text of an error and of its causes, URLs without their query."""
    texts = []
    cause: BaseException | None = error
    while cause is not None:
        texts.append(str(cause))
        cause = cause.__cause__
    return re.sub(r"[?][^\s'\"]*", "", re.sub(r"//[^/@\s]*@", "//", "; ".join(dict.fromkeys(texts))))
