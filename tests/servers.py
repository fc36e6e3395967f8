"""Real servers on 127.0.0.1 for tests: a STAC API (rustac), and nginx with range requests; and items as an API gives them."""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from pyproj import Transformer

COLLECTION = "test-s2-l2a"
JSON = "application/geo+json"


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, url, log):
    """Run a server until the end of the block; it has answered once before the block begins."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(url, timeout=5).close()
                    break
                assert process.poll() is None, log.read_text(errors="replace")
                time.sleep(0.05)
            else:
                raise AssertionError(f"no answer from {command[0]}")
            yield url
        finally:
            process.terminate()


@contextlib.contextmanager
def stac_api(items, folder):
    """Serve items by a real STAC API, and yield its address."""
    program = Path(sys.executable).with_name("rustac")
    assert program.is_file(), "pip install -e '.[test]'"
    folder.mkdir(parents=True, exist_ok=True)
    file, address = folder / "served.json", f"127.0.0.1:{free_port()}"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": items}), encoding="utf-8")
    with running([str(program), "serve", str(file), "--addr", address, "--create-collections"], f"http://{address}/", folder / "api.log") as url:
        yield url.rstrip("/")


NGINX = """daemon off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/error.log;
events {{ worker_connections 256; }}
http {{ access_log {home}/access.log; client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3; uwsgi_temp_path {home}/t4;
scgi_temp_path {home}/t5; server {{ listen 127.0.0.1:{port}; root {folder}; autoindex on; }} }}
"""


@contextlib.contextmanager
def nginx(folder, home, required):
    """Serve a folder by nginx, and yield its address; without nginx the test is skipped, or fails where `required`."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        if required:
            pytest.fail("MINEGREEN_REQUIRE names http, but there is no nginx (Debian: nginx-light)")
        pytest.skip("no nginx (Debian: nginx-light)")
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    user = "user root;\n" if sys.platform == "linux" and Path("/proc/self").stat().st_uid == 0 else ""
    (home / "nginx.conf").write_text(user + NGINX.format(home=home, port=port, folder=folder))
    with running(
        [program, "-p", str(home), "-c", str(home / "nginx.conf"), "-e", str(home / "error.log")], f"http://127.0.0.1:{port}/", home / "nginx.log"
    ) as url:
        yield url.rstrip("/")


def _place(scene):
    """Return shape, top left corner, cell and CRS of a scene of `SceneMine` or `SensorMine`."""
    if "files" not in scene:
        return scene["red"].shape, (scene["west"], scene["north"]), 10, scene["crs"]
    values, where, crs, _ = next(iter(scene["files"].values()))
    return values.shape, (where.c, where.f), where.a, crs


def served_items(mine, base, collection=COLLECTION, query=""):
    """Return the items of a SceneMine as an API gives them: whole addresses, footprint, collection."""
    out = []
    for scene in mine.scenes:
        item = mine.item(scene)
        (rows, cols), (left, top), cell, crs = _place(scene)
        move = Transformer.from_crs(crs, 4326, always_xy=True)
        right, bottom = left + cell * cols, top - cell * rows
        ring = [move.transform(x, y) for x, y in ((left, top), (left, bottom), (right, bottom), (right, top), (left, top))]
        lon, lat = zip(*ring, strict=True)
        assets = {k: a | {"href": f"{base}/{a['href']}{query}"} for k, a in item["assets"].items()}
        shape = {"type": "Polygon", "coordinates": [[list(p) for p in ring]]}
        out.append(item | {"collection": collection, "geometry": shape, "bbox": [min(lon), min(lat), max(lon), max(lat)], "assets": assets})
    return out


def landing(url):
    """Return the root of a small STAC API."""
    links = [
        {"rel": "self", "href": f"{url}/root"},
        {"rel": "root", "href": f"{url}/root"},
        {"rel": "search", "href": f"{url}/search", "method": "POST", "type": JSON},
    ]
    conforms = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]
    root = {"type": "Catalog", "id": "small", "description": "small", "stac_version": "1.0.0", "links": links, "conformsTo": conforms}
    return json.dumps(root).encode()


def search_by_hand(items, box, first, last):
    """Return the ids that a search must find, worked out without any STAC library: boxes that meet, dates in the span."""
    west, south, east, north = box
    meets = [i for i in items if i["bbox"][0] <= east and i["bbox"][2] >= west and i["bbox"][1] <= north and i["bbox"][3] >= south]
    return sorted(i["id"] for i in meets if first <= i["properties"]["datetime"][:10] <= last)
