"""Files on servers: addresses as GDAL takes them, signed near the read, time-outs, and why a server did not give a file."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from pipeline.access import KEYS, SLOWEST, Access, check_values
from pipeline.catalogs import SIGNED_HOST
from pipeline.errors import RunFault, one_line

FINAL = {
    401: "refused (401); credentials are needed",
    403: "refused (403); token expired? Or a login needed? docs/catalogues.md",
    404: "not found (404); is the catalogue out of date?",
}
NO_RANGE = "the server gives whole files only, no ranges of bytes; use another server, or download the files"
S3_WORDS = {"key does not exist": 404, "bucket does not exist": 404, "access denied": 403, "access key id": 401, "signature": 401}  # of its messages
LEAST_TTL_S = 60  # a token that ends sooner is not used
AGAIN = (408, 429, 500, 502, 503, 504)  # statuses after which asking again may help
T = TypeVar("T")
_lock = threading.Lock()


class Refused(RunFault):
    """What a server will not give however often it is asked."""


def is_remote(href: str) -> bool:
    """Return whether an href is read over the network."""
    return href.startswith(("http://", "https://", "s3://"))


def plain_text(text: str) -> str:
    """Return text without the query of any URL, and without users and passwords in them."""
    without_users = re.sub(r"//(?:[^/\s'\"]*[:@][^\s'\"?#]*@|[^/@\s]*@)", "//", text)  # a password may hold a slash or an @
    return re.sub(r"[?][^\s'\"]*", "", without_users)


class _WithoutSecrets(logging.Filter):
    """GDAL's warnings name the URL that it tries again, with its signature."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = plain_text(record.getMessage()), ()
        return True


logging.getLogger("rasterio._env").addFilter(_WithoutSecrets())


def bucket_and_key(href: str) -> tuple[str, str]:
    """Return bucket and key of an s3 address.

    Raises
    ------
    ValueError
        Where it is none: nothing but a bucket's name and a plain key goes into a path of GDAL.
    """
    match = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\x00-\x20?#\\{}]+)", href)
    if match is None or ".." in match[2].split("/") or match[2].startswith("/"):
        raise ValueError("no s3://bucket/key")
    return match[1], match[2]


def options(href: str, access: Access) -> dict[str, Any]:
    """Return GDAL's options for reading an address.

    Raises
    ------
    BadInput
        When credentials for S3 hold control characters.
    """
    common: dict[str, Any] = {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_HTTP_CONNECTTIMEOUT": str(access.connect_timeout_s),
        "GDAL_HTTP_LOW_SPEED_TIME": str(access.timeout_s),
        "GDAL_HTTP_LOW_SPEED_LIMIT": str(SLOWEST),
        "GDAL_HTTP_MAX_RETRY": str(access.attempts - 1),
        "GDAL_HTTP_RETRY_DELAY": str(access.pause_s),
        "GDAL_HTTP_NETRC": "NO",  # credentials come from the environment alone
        "CPL_VSIL_CURL_USE_HEAD": "NO",
    }
    if not href.startswith("s3://"):
        return common
    check_values()
    common["CPL_VSIL_CURL_NON_CACHED"] = "/vsis3/"  # a failure would be remembered
    common["AWS_NO_SIGN_REQUEST"] = "NO" if all(os.environ.get(key) for key in KEYS) else "YES"  # never files or services that hold keys
    if access.requester_pays:
        common["AWS_REQUEST_PAYER"] = "requester"
    if access.endpoint:
        common |= {"AWS_S3_ENDPOINT": access.endpoint, "AWS_VIRTUAL_HOSTING": "FALSE", "AWS_HTTPS": "YES"}
    if access.region:
        common["AWS_REGION"] = access.region
    return common


@contextmanager
def reading(href: str, access: Access) -> Iterator[None]:
    """Set GDAL's options for reading an address; none for a local file."""
    import rasterio
    from rasterio.session import DummySession

    if not is_remote(href):
        yield
        return
    with rasterio.Env(session=DummySession(), **options(href, access)):
        yield


REASONS = (  # what a connection says, in any of the words of the libraries and systems below
    ("name not resolved", r"name or service not known|name resolution|NameResolutionError|getaddrinfo|nodename|resolve host|no address associated"),
    ("connection refused", r"connection refused|ECONNREFUSED|actively refused"),
    ("network unreachable", r"unreachable|no route to host"),
    ("certificate not accepted", r"certificate|SSL"),
    ("connection cut", r"connection aborted|reset by peer|remote end closed|IncompleteRead|connection broken"),
    ("no answer in time", r"timed out|time-?out"),
)
CONNECT_FIX = "check the network, a proxy (HTTPS_PROXY) and the address; the same command resumes"


def connection_reason(text: str) -> str:
    """Return in a few words why a server was not reached; what is not known is cut short.

    >>> connection_reason("HTTPSConnectionPool(host='a', port=443): Max retries (Caused by NameResolutionError('Failed to resolve'))")
    'name not resolved'
    >>> connection_reason("[Errno 111] Connection refused"), connection_reason("odd")
    ('connection refused', 'odd')
    """
    return next((words for words, pattern in REASONS if re.search(pattern, text, re.IGNORECASE)), one_line(text, 120))


def open_remote(href: str, access: Access, attempt: int) -> Any:
    """Open a file on a server; `attempt` gives a retry its own name in GDAL's cache, which remembers failures.

    Raises
    ------
    RunFault
        When no token can be had.
    rasterio.errors.RasterioError
        When GDAL cannot open it.
    """
    import rasterio

    if href.startswith("s3://"):
        path = "/vsis3/" + "/".join(bucket_and_key(href))
    else:
        again = f"#{attempt}" if attempt else ""  # a fragment is not sent
        path = f"/vsicurl/{signed(href.partition('#')[0], access)}{again}"
    driver = "JP2OpenJPEG" if urlsplit(href).path.lower().endswith(".jp2") else "GTiff"
    with reading(href, access):
        return rasterio.open(path, driver=driver, sharing=False)


def signed(href: str, access: Access) -> str:
    """Return an address with a token of the Planetary Computer where its host needs one; tokens are kept while they are valid.

    An address that has a query is the user's own, and an address of other storage stays as it is.
    """
    parts = urlsplit(href)
    if not (parts.hostname or "").endswith(SIGNED_HOST) or parts.query:
        return href
    import requests

    from pipeline.transport import TooLarge

    def call() -> str:
        with _lock:  # a token is asked for once, not by every thread
            return f"{href}?{_token(parts, access)}"

    try:
        return _within((access.timeout_s + access.pause_s) * access.attempts, call)
    except requests.HTTPError as error:
        if error.response is not None and error.response.status_code == 404:
            return href  # storage that the Planetary Computer does not know: public, or not readable at all
        raise RunFault(f"no token from the Planetary Computer: {plain_text(str(error))}") from None
    except requests.exceptions.InvalidHeader:  # its text holds the key
        raise RunFault("no token from the Planetary Computer: its subscription key holds characters that cannot be sent") from None
    except (requests.RequestException, TimeoutError, ValueError, TooLarge) as error:
        raise RunFault(f"no token from the Planetary Computer: {connection_reason(plain_text(str(error))) or 'no answer in time'}") from None


def _token(parts: SplitResult, access: Access) -> str:
    """Return a token for the container of an address: one that is kept, or a new one.

    The package planetary-computer would ask for it with a login of ~/.netrc, and wait for ever.
    """
    import requests
    from planetary_computer import sas
    from planetary_computer.settings import Settings

    from pipeline.transport import Session, fetch

    settings = Settings.get()
    address = "{}/{}/{}".format(settings.sas_url, *sas.parse_blob_url(parts))
    kept = sas.TOKEN_CACHE.get(address)
    if kept is not None and kept.ttl() >= LEAST_TTL_S:
        return str(kept.token)
    session = Session()
    key = {"Ocp-Apim-Subscription-Key": settings.subscription_key} if settings.subscription_key else None
    request = session.prepare_request(requests.Request("GET", address, headers=key))
    for tried in range(1, access.attempts + 1):
        with suppress(*(() if tried == access.attempts else (requests.ConnectionError, requests.Timeout, TimeoutError))):
            response, body = fetch(session, request, access)
            if response.status_code not in AGAIN or tried == access.attempts:
                break
        time.sleep(access.pause_s * 2 ** (tried - 1))
    response.raise_for_status()
    content = json.loads(body)
    if not isinstance(content, dict):
        raise ValueError("an answer that is no token")
    sas.TOKEN_CACHE[address] = token = sas.SASToken(**content)
    return str(token.token)


def forget_token(href: str) -> bool:
    """Drop the token of an address, so that the next read asks for another one; return whether there was one."""
    parts = urlsplit(href)
    if not (parts.hostname or "").endswith(SIGNED_HOST) or parts.query:
        return False
    from planetary_computer import sas

    ending = "/{}/{}".format(*sas.parse_blob_url(parts))
    held = [key for key in list(sas.TOKEN_CACHE) if key.endswith(ending)]
    for key in held:
        sas.TOKEN_CACHE.pop(key, None)
    return bool(held)


def _within(seconds: float, function: Callable[[], T]) -> T:
    """Return a function's result, or raise TimeoutError."""
    found: list[T] = []
    failed: list[BaseException] = []

    def call() -> None:
        try:
            found.append(function())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError("no answer in time")
    return found[0]


def status_of(href: str, access: Access, error: BaseException) -> tuple[int | None, bytes]:
    """Return what a server answers to a request for a few bytes, and these bytes: by GDAL's words where these say it, else asked.

    None: no answer, or an address that cannot be asked so. 200: the server does not do ranges.
    """
    cause: BaseException | None = error
    while cause is not None:
        if match := re.search(r"response code: (\d{3})", str(cause)):
            return int(match[1]), b""
        for words, code in S3_WORDS.items():
            if href.startswith("s3://") and words in str(cause).lower():
                return code, b""
        if "CURL error" in str(cause):
            return None, b""
        cause = cause.__cause__
    if not href.startswith(("http://", "https://")):
        return None, b""
    import requests
    import urllib3

    from pipeline.transport import Session, own_login

    def ask() -> tuple[int, bytes]:
        address, waits = signed(href.partition("#")[0], access), (access.connect_timeout_s, access.timeout_s)
        with Session().get(address, headers={"Range": "bytes=0-15"}, timeout=waits, stream=True, auth=own_login) as answer:
            return answer.status_code, answer.raw.read(16, decode_content=False)

    try:
        return _within((access.connect_timeout_s + access.timeout_s) * 2, ask)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, RunFault, ValueError):
        return None, b""


def reason(status: int | None) -> str | None:
    """Return why asking again does not help, None where it may."""
    if status == 200:
        return NO_RANGE
    if status is not None and 400 <= status < 500 and status not in (408, 429):
        return FINAL.get(status, f"refused ({status})")
    return None
