"""Scene files, local or over HTTP(S): opened by the same allow-list, read with retries, named without secrets."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.access import Access
from pipeline.errors import BadInput, RunFault, one_line
from pipeline.handles import lent
from pipeline.reader import TIFF_SIGNATURES, check_blocks, open_raster
from pipeline.remote import Refused, bucket_and_key, forget_token, open_remote, plain_text, reading, reason, status_of
from pipeline.remote import is_remote as is_remote

Stamp = tuple[int, int]
OPEN = Access()
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|/vsi|//")
ATTEMPTS = 3  # at a local file; over the network as the config says


class FileChanged(RunFault):
    """A file is not what it was when it was inspected: trying again does not help."""


def shown(href: str) -> str:
    """Return an href for messages: without user, password, query and fragment; of a password with a slash, too.

    Where a user or a colon stands before the first slash, everything up to the last @ is cut: rather too much than a secret.

    >>> shown("https://me:pw@host.org/B04.tif?sig=secret"), shown("scenes/B04.tif"), shown("https://me:p/w@host.org/B04.tif")
    ('https://host.org/B04.tif', 'scenes/B04.tif', 'https://host.org/B04.tif')
    """
    href = href.strip()
    if not ADDRESS.match(href):
        return href
    scheme, separator, rest = _parts(href)
    host, slash, path = rest.partition("/")
    if "@" in host or ":" in host:
        host, slash, path = rest.rpartition("@")[2].partition("/")
    host = re.sub(r"^([^:\[]*):(?!\d*$).*", r"\1", host)  # a password with ? or #, whose end was cut
    return f"{scheme}{separator}{host}{slash}{path}"


def without_secrets(href: str) -> str:
    """Return an href as it is kept in files: like `shown`, but with every @ of its path.

    >>> without_secrets("https://me:pw@host.org:8080/a@b.tif?sig=secret")
    'https://host.org:8080/a@b.tif'
    """
    href = href.strip()
    if not ADDRESS.match(href):
        return href
    scheme, separator, rest = _parts(href)
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def _parts(href: str) -> tuple[str, str, str]:
    """Return scheme, :// and the rest of an address, without query and fragment."""
    return re.split(r"[?#]", href, maxsplit=1)[0].partition("://")


def resolve(href: str, catalog: Path) -> str:
    """Return an href as a URL or the path of a file; relative ones are relative to the catalogue's file.

    Raises
    ------
    ValueError
        For anything that is neither: `/vsi...`, `gs:`, control characters.
    """
    if not href or any(ord(c) < 32 for c in href):
        raise ValueError("an empty href, or one with control characters")
    if href.startswith("s3:"):
        bucket_and_key(href)
        return href
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
        raise ValueError("neither a path nor http(s) nor s3")
    return str(Path(path) if Path(path).is_absolute() else catalog.parent / path)


def open_image(href: str, attempt: int = 0, access: Access = OPEN, inside: str = "") -> Any:
    """Open a scene file, or what is `inside` a local one; `attempt` counts the tries at a file on a server.

    Raises
    ------
    BadInput
        A local file that is absent or no GeoTIFF.
    rasterio.errors.RasterioError
        When the server does not give it.
    """
    if not is_remote(href):
        return open_raster(Path(href), inside)
    dataset = open_remote(href, access, attempt)
    check_blocks(shown(href), dataset)
    return dataset


def state_of(dataset: Any, href: str) -> str:
    """Return a digest of what an open file is: grid, type, bands, nodata, and the size of a local one."""
    size = None if is_remote(href) else stamp_of(href)[1]
    crs = dataset.crs.to_wkt() if dataset.crs else None
    described = (crs, tuple(dataset.transform), dataset.shape, dataset.dtypes, str(dataset.nodata), size)
    return hashlib.sha256(repr(described).encode()).hexdigest()[:16]


def read_image(href: str, what: str, action: Callable[[Any], Any], stamp: Stamp | None = None, access: Access = OPEN, inside: str = "") -> Any:
    """Return `action(dataset)` of a scene file (or of what is `inside` it), with a handle that nobody else uses; retried, then a fault that names `what`.

    Raises
    ------
    BadInput
        A file that is no image of a known format.
    RunFault
        When every attempt failed, or a local file is not as its `stamp` says; `what` names item and asset.
    """
    import rasterio

    remote, problem = is_remote(href), ""
    now = (0, 0) if remote else stamp_of(href)
    if stamp is not None and stamp != now:
        raise FileChanged(f"{one_line(what)}: {shown(href)}: the file has changed while the run was reading it")
    key = ("image", href, inside, now)
    attempts = access.attempts if remote else ATTEMPTS
    tried = renewed = 0
    while tried < attempts:
        if tried and remote:
            time.sleep(access.pause_s * 2 ** (tried - 1))
        try:
            with reading(href, access), lent(key, partial(open_image, href, tried + renewed, access, inside)) as dataset:
                return action(dataset)
        except FileChanged:
            raise
        except RunFault as error:
            problem = str(error)
        except rasterio.errors.RasterioError as error:
            problem = _plain(error)
            if remote and _final(href, what, problem, error, access, may_renew=not renewed):
                renewed = 1
                continue
        tried += 1
    raise RunFault(f"{one_line(what)}: {shown(href)}: cannot be read, tried {attempts} times: {problem}")


def _final(href: str, what: str, problem: str, error: BaseException, access: Access, *, may_renew: bool) -> bool:
    """Raise where trying again does not help; return whether a token was refused that can be had anew."""
    status, start = status_of(href, access, error)
    if status == 403 and may_renew and forget_token(href):
        return True
    if (why := reason(status)) is not None:
        raise Refused(f"{one_line(what)}: {shown(href)}: {why}") from None
    if status == 206 and "not recognized" in problem and start[:4] not in TIFF_SIGNATURES and not shown(href).lower().endswith(".jp2"):
        raise BadInput(shown(href), "raster", "something that is not a readable GeoTIFF", "a GeoTIFF", "is the URL right?") from None
    return False


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
    return plain_text("; ".join(dict.fromkeys(texts)))
