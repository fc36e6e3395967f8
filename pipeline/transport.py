"""Answers of servers to plain requests: without logins of ~/.netrc, in the configured time, and of a limited size."""

from __future__ import annotations

import threading
from typing import Any

import requests
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url

from pipeline.access import SLOWEST, Access

MOST_BYTES = 100_000_000  # of one answer, unpacked; a page of 100 items has about 2 MB
MOST_REDIRECTS = 5
CHUNK = 65_536


class TooLarge(Exception):
    """An answer of more than `MOST_BYTES`."""


def no_login(request: Any) -> Any:
    """Leave a request as it is; given as `auth`, it keeps requests from looking into ~/.netrc."""
    return request


def own_login(request: Any) -> Any:
    """Give a request the user and password of its address, if it has them, and no other."""
    user, password = get_auth_from_url(request.url)
    return HTTPBasicAuth(user, password)(request) if user or password else request


class Session(requests.Session):
    """A session that knows no ~/.netrc, neither for an address nor for one that a server leads on to."""

    def __init__(self) -> None:
        super().__init__()
        self.auth = no_login
        self.max_redirects = MOST_REDIRECTS

    def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
        """Take a login along to the same host alone."""
        if "Authorization" in prepared_request.headers and self.should_strip_auth(response.request.url, prepared_request.url):
            del prepared_request.headers["Authorization"]


class _Exchange:
    """One request and its answer, in a thread of its own: what the libraries wait for byte by byte has no end."""

    def __init__(self, session: requests.Session, request: requests.PreparedRequest, access: Access) -> None:
        self.session, self.request, self.access = session, request, access
        self.response: requests.Response | None = None
        self.body = bytearray()
        self.error: Exception | None = None
        self.abandoned = False

    @property
    def received(self) -> int:
        """Return the bytes that have come; unpacked ones where those on the wire are not counted."""
        return max(len(self.body), self.response.raw.tell()) if self.response is not None else 0

    def run(self) -> None:
        """Ask, and read until the end, the limit, or until nobody waits any more."""
        chunk = max(1, min(CHUNK, SLOWEST * self.access.timeout_s // 4))
        try:
            settings = self.session.merge_environment_settings(str(self.request.url), {}, True, None, None)
            waits = self.access.connect_timeout_s, self.access.timeout_s
            with self.session.send(self.request, timeout=waits, **settings) as response:
                self.response = response
                for part in response.iter_content(chunk):
                    self.body += part
                    if len(self.body) > MOST_BYTES:
                        self.body.clear()
                        raise TooLarge(f"an answer of more than {MOST_BYTES // 1_000_000} MB")
                    if self.abandoned:
                        return
        except Exception as error:
            self.error = error


def fetch(session: requests.Session, request: requests.PreparedRequest, access: Access) -> tuple[requests.Response, bytes]:
    """Return a server's answer, and its body unpacked.

    Raises
    ------
    TimeoutError
        When no answer begins in the time for connecting and waiting, or when less than `SLOWEST` bytes a second come for `timeout_s`.
    TooLarge
        When it does not end within `MOST_BYTES`.
    requests.RequestException
        When there is no connection, or it is cut.
    """
    exchange = _Exchange(session, request, access)
    thread = threading.Thread(target=exchange.run, daemon=True)
    thread.start()
    thread.join(access.connect_timeout_s + access.timeout_s)
    begun = exchange.response is not None
    while thread.is_alive():
        before = exchange.received
        if begun:
            thread.join(access.timeout_s)
        if thread.is_alive() and (not begun or exchange.received - before < SLOWEST * access.timeout_s):
            exchange.abandoned = True
            raise TimeoutError("timed out: the answer does not come, or too slowly")
    if exchange.error is not None:
        raise exchange.error
    if exchange.response is None:
        raise AssertionError("an exchange without error has an answer")
    return exchange.response, bytes(exchange.body)
