"""An HTTP server on 127.0.0.1 that serves a folder by ranges and does, on demand, what servers do on bad days."""

import contextlib
import http.server
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class Fault:
    """What happens to requests whose path, with query, holds `part`: `kind` is a status code, or cut, hang, norange; `times` counts down."""

    part: str
    kind: str
    times: int = 10**9


@dataclass
class FaultServer:
    """A running server: `faults` are looked up in order for each request, `asked` lists (method, path with query, headers).

    `answers` are bodies, or functions of path and body, by a part of the path; `bodies` go with status codes.
    """

    folder: Path
    faults: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    answers: dict = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    bodies: dict = field(default_factory=dict)
    port: int = 0
    guard: object = None  # returns a status for a request that is refused, by its path with query; None where it is not

    @property
    def url(self):
        """Return the address of the folder."""
        return f"http://127.0.0.1:{self.port}"

    def fault(self, part, kind, times=10**9):
        """Add a fault."""
        self.faults.append(Fault(part, kind, times))

    def count(self, part):
        """Return the number of requests whose path holds `part`."""
        return sum(part in path for _, path, _ in self.asked)

    def take(self, path):
        """Return what is wrong with a request, None where nothing is."""
        with self.lock:
            for fault in self.faults:
                if fault.part in path and fault.times > 0:
                    fault.times -= 1
                    return fault.kind
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    """One request: a file of the folder, an answer that a test has set, or a fault."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802
        """Answer, with the whole or a range."""
        at = self.server.state
        with contextlib.suppress(ConnectionError):
            where = urlsplit(self.path)  # a proxy is asked for whole addresses
            path = f"{where.path}{'?' if where.query else ''}{where.query}"
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            with at.lock:
                at.asked.append((self.command, path, dict(self.headers)))
            kind = at.take(path)
            if kind == "hang":
                at.done.wait(600)  # far longer than any test waits
                self.close_connection = True
                return
            if kind is not None and kind.isdigit():
                self.give(int(kind), at.bodies.get(kind, b"no"))
                return
            refused = at.guard(path) if at.guard is not None else None
            if refused is not None:
                self.give(refused, b"no")
                return
            made = next((answer for part, answer in at.answers.items() if part in path), None)
            if made is not None:
                self.give(200, made(path, body) if callable(made) else made, kind=kind)
                return
            file = at.folder / unquote(where.path).lstrip("/")
            if not file.is_file():
                self.give(404, b"not here")
                return
            self.range_of(file.read_bytes(), kind)

    do_POST = do_HEAD = do_GET

    def range_of(self, whole, kind):
        """Give the range that was asked for, or the whole."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None or kind == "norange":
            self.give(200, whole, kind=kind)
            return
        first, last = int(asked[1]), min(int(asked[2] or len(whole) - 1), len(whole) - 1)
        if first >= len(whole):
            self.give(416, b"")
            return
        self.give(206, whole[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(whole)}"}, kind)

    def give(self, status, body, headers=None, kind=None):
        """Send an answer; `cut` sends half of the body and closes the connection."""
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body)), "Accept-Ranges": "none" if kind == "norange" else "bytes"} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body[: len(body) // 2] if kind == "cut" else body)
        if kind == "cut":
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, *_):
        """Stay silent."""


class Server(http.server.ThreadingHTTPServer):
    """GDAL closes connections in the middle of an answer, which is no error."""

    daemon_threads = True

    def handle_error(self, request, address):
        """Stay silent."""


@contextlib.contextmanager
def serving(folder):
    """Serve a folder until the end of the block."""
    server = Server(("127.0.0.1", 0), Handler)
    state = server.state = FaultServer(Path(folder), port=server.server_port)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield state
    finally:
        state.done.set()
        server.shutdown()
        server.server_close()
