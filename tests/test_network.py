"""Scenes over the network: the same bytes as from files whatever the server does, or a stop that names item and asset; no secret anywhere."""

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from faultserver import serving
from remotemines import QUICK, by_api, files, made, pinned, same
from running import ROOT, snakemake
from scenemine import write_tif
from servers import COLLECTION, landing, served_items

from pipeline import images, plan
from pipeline.access import KEYS, Access
from pipeline.config import load
from pipeline.errors import BadInput, RunFault
from pipeline.handles import close_idle
from pipeline.remote import _lock as asking

WHAT = "item S2_X: asset B04"
SECRETS = ("hunter2", "sesame")


@pytest.fixture(scope="module")
def from_files(tmp_path_factory):
    """Run every table of the mine from its files, once; nobody may change it."""
    root = tmp_path_factory.mktemp("from-files")
    mine = made(root / "mine")
    here = Path.cwd()
    os.chdir(root)
    try:
        mine.settings["sensors"]["sentinel-2"]["collection"] = COLLECTION
        return mine, mine.run()
    finally:
        os.chdir(here)


@pytest.fixture
def remote(from_files, tmp_path, monkeypatch):
    """Return a mine whose hrefs lead to a server that has bad days, and the server; its files are those of `from_files`."""
    mine, _ = from_files
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CPL_VSIL_CURL_NON_CACHED", "/vsicurl/")  # stages are processes of their own, here they are one
    with serving(mine.folder) as server:
        other = made(tmp_path / "mine")
        other.scenes = mine.scenes
        other.settings["sensors"]["sentinel-2"]["collection"] = COLLECTION
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "aoi.gpkg").write_bytes((mine.folder / "aoi.gpkg").read_bytes())
        pinned(other, server.url)
        yield other, server
    close_idle()


@pytest.mark.parametrize("kind", ["503", "429", "500", "502", "504", "cut"])
def test_n03_n04_what_fails_twice_gives_the_same_bytes(remote, from_files, kind):
    mine, server = remote
    for part in (mine.scenes[1]["id"] + "/B04", mine.scenes[7]["id"] + "/SCL", mine.scenes[13]["id"] + "/B08"):
        server.fault(part, kind, 2)
    folder = mine.composites(write=False)
    assert [fault.times for fault in server.faults] == [0, 0, 0]
    assert same(folder, from_files[1], but=()) >= 20


def test_n03_n04_faults_at_any_request_of_a_run_change_no_byte(remote, from_files):
    """Every request that comes to an n-th place fails in one of these ways, in the inspection and in the composites."""
    mine, server = remote
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 0
    close_idle()
    for i, kind in enumerate(["503", "cut", "429", "cut", "500", "502"]):
        server.fault(mine.scenes[2 * i]["id"], kind, 1)
    for year in range(2020, 2025):
        assert mine.stage("composite", "--sensor", "sentinel-2", "--year", str(year)) == 0
    assert sum(fault.times for fault in server.faults) == 0
    assert same(mine.folder / "results" / "small" / "sentinel-2", from_files[1], but=()) >= 20


@pytest.mark.parametrize("kind", ["404", "403", "401", "hang", "dead"])
def test_n01_n02_n05_a_server_that_fails_for_good_stops_the_workflow_and_names_item_and_asset(remote, kind, capfd):
    """Where the scenes are pinned already: the year's job stops, and no product of it is left; later the same command completes."""
    mine, server = remote
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 0
    close_idle()
    folder = mine.folder / "results" / "small" / "sentinel-2"
    before, path = files(folder), f"scenes/{mine.scenes[4]['id']}/B08.tif"
    if kind == "dead":
        scenes = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))
        for layer in scenes["scenes"][4]["layers"].values():
            layer["href"] = layer["href"].replace(str(server.port), "9")
        (folder / "scenes.json").write_text(json.dumps(scenes), encoding="utf-8")
        before = files(folder)
    else:
        server.fault(path, kind)
    server.asked.clear()
    assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2021") == 3
    text = capfd.readouterr().err
    asset = "SCL" if kind == "dead" else "B08"  # the quality layer is read first
    assert f"item {mine.scenes[4]['id']}: asset {asset}: http://127.0.0.1:" in text
    words = {"404": "not found (404)", "403": "token expired?", "401": "credentials", "hang": "the last 2 seconds", "dead": "tried 3 times"}
    assert words[kind] in text
    if kind.isdigit():
        assert server.count(path) <= 2  # once for the size and once to read, as GDAL keeps nothing here; never after a pause
    assert files(folder) == before
    if kind == "404":
        server.faults.clear()
        assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2021") == 0


def test_n05_a_hang_stops_snakemake_with_3_in_the_configured_time(remote):
    mine, server = remote
    server.fault(f"{mine.scenes[4]['id']}/B08", "hang")
    server.answers = {"/root": landing(server.url), "/search": json.dumps({"features": served_items(mine, server.url)}).encode()}
    config = by_api(mine, f"{server.url}/root", "hanging")
    done = snakemake("--configfile", str(config), "--config", f"results={mine.folder / 'none'}")
    assert done.returncode == 3, done.stderr[-2000:]
    assert f"item {mine.scenes[4]['id']}: asset B08: {server.url}/scenes/" in done.stderr + done.stdout
    assert "Less than 1000 bytes/sec transferred the last 2 seconds" in done.stderr + done.stdout  # the server still holds the connection
    left = [p.name for p in (mine.folder / "none").rglob("*") if p.is_file() and "logs" not in p.parts]
    assert sorted(left) == [".lock", "items.json"]  # what was found before stays, so that the same command resumes


def test_n07_a_server_without_ranges_is_a_fault_and_not_a_silent_download(tmp_path):
    values = np.random.default_rng(5).integers(1, 9999, (700, 700)).astype("uint16")
    write_tif(tmp_path / "large.tif", values, Affine(10, 0, 540_000, 0, -10, 4_210_000))
    with serving(tmp_path) as server:
        server.fault("large", "norange")
        with pytest.raises(RunFault, match="no ranges of bytes") as caught:
            images.read_image(f"{server.url}/large.tif?sig=hunter2", WHAT, lambda dataset: dataset.read(1), access=Access(2, 2, 3, 0.01))
        assert WHAT in str(caught.value)
        assert "hunter2" not in str(caught.value)
        assert len(server.asked) <= 4


def test_jpeg_2000_is_read_over_the_network(tmp_path):
    """Images of the Copernicus Data Space are JPEG 2000."""
    from rasterio.shutil import copy

    values = np.random.default_rng(5).integers(1, 9999, (300, 280)).astype("uint16")
    write_tif(tmp_path / "B04.tif", values, Affine(10, 0, 540_000, 0, -10, 4_210_000))
    copy(tmp_path / "B04.tif", tmp_path / "B04.jp2", driver="JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
    with serving(tmp_path) as server:
        server.fault("B04", "cut", 3)
        href = f"{server.url}/B04.jp2?sig=hunter2"
        found = images.read_image(href, WHAT, lambda dataset: (dataset.crs.to_epsg(), dataset.read(1)), access=Access(2, 2, 5, 0.01))
    assert found[0] == 32647
    np.testing.assert_array_equal(found[1], values)


def test_a_run_on_workers_of_dask_waits_no_longer_than_the_config_says(remote, from_files, two_workers, capfd):
    mine, server = remote
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 0
    server.fault(mine.scenes[0]["id"], "503", 2)
    assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2020", "--dask", two_workers) == 0
    folder = mine.folder / "results" / "small" / "sentinel-2"
    assert (folder / "ndvi_2020.tif").read_bytes() == (from_files[1] / "ndvi_2020.tif").read_bytes()
    server.fault(f"{mine.scenes[4]['id']}/B04", "hang")
    assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2021", "--dask", two_workers) == 3
    text = capfd.readouterr().err
    assert f"item {mine.scenes[4]['id']}: asset B04" in text
    assert "tried 3 times" in text
    assert "the last 2 seconds" in text


# ---------------------------------------------------------------- signed addresses, S3


def nothing_told(mine, *texts):
    """Fail where a secret is in a text, or in a file below the working folder or the mine's."""
    files = [p for top in {Path.cwd(), mine.folder} for p in top.rglob("*") if p.is_file()]
    assert len(files) > 30
    for secret in SECRETS:
        assert not [t for t in texts if secret in t]
        assert not [p for p in files if secret.encode() in p.read_bytes()]


@pytest.fixture
def signing(remote, monkeypatch):
    """Return a mine in Azure storage, whose files are given for a token only, and the server of both; `.tokens` are those that are valid."""
    from planetary_computer import sas
    from planetary_computer.settings import Settings

    mine, server = remote
    server.tokens, server.given = ["hunter2-1"], []

    def token(path, body):
        server.given.append(server.tokens[-1])
        expiry = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        return json.dumps({"msft:expiry": expiry, "token": f"sv=1&sig={server.tokens[-1]}"}).encode()

    server.answers["/token/account/scenes"] = token
    server.guard = lambda path: None if path.startswith("/token/") or any(path.endswith(f"sig={t}") for t in server.tokens) else 403
    monkeypatch.setenv("PC_SDK_SAS_URL", f"{server.url}/token")
    monkeypatch.setenv("PC_SDK_SUBSCRIPTION_KEY", "sesame")
    monkeypatch.setenv("http_proxy", server.url)  # no name is looked up: the proxy is asked for the whole address
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Settings.get.cache_clear()
    sas.TOKEN_CACHE.clear()
    pinned(mine, "http://account.blob.core.windows.net")
    yield mine, server
    server.done.set()
    with asking:  # nobody waits for a token any more
        Settings.get.cache_clear()
    sas.TOKEN_CACHE.clear()


def test_x08_addresses_of_the_planetary_computer_are_signed_and_a_refused_token_is_renewed_once(signing, from_files, capfd, caplog):
    mine, server = signing
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 0
    assert server.given == ["hunter2-1"]  # one token for all files of a container
    server.tokens = ["hunter2-2"]  # the first one is no longer taken, though it has not expired
    server.fault(mine.scenes[6]["id"], "503", 2)  # GDAL warns of it, with the address
    folder = mine.composites(write=False)
    assert server.given == ["hunter2-1", "hunter2-2"]
    assert same(folder, from_files[1], but=("ledger.csv",)) >= 20  # the ledger names the provider
    keys = [headers.get("Ocp-Apim-Subscription-Key") for _, path, headers in server.asked if path.startswith("/token/")]
    assert keys == ["sesame", "sesame"]
    captured = capfd.readouterr()
    nothing_told(mine, captured.out, captured.err, caplog.text)


def test_n02_a_token_that_is_refused_twice_is_a_fault_without_secrets(signing, capfd, caplog):
    mine, server = signing
    server.guard = lambda path: None if path.startswith("/token/") else 403
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 3
    captured = capfd.readouterr()
    assert "refused (403)" in captured.err
    assert f"item {mine.scenes[0]['id']}: asset" in captured.err
    assert not [t for t in (captured.out, captured.err, caplog.text) for secret in SECRETS if secret in t]


@pytest.fixture
def netrc(tmp_path, monkeypatch):
    """Have a login for every host in ~/.netrc."""
    (tmp_path / "netrc").write_text("default login me password netrc-hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def test_x08_a_token_is_asked_for_without_a_login_of_netrc(signing, netrc):
    mine, server = signing
    server.fault("/token/", "503", 1)
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 0
    assert server.given == ["hunter2-1"]
    assert server.count("/token/") == 2
    assert not any("Authorization" in headers for _, _, headers in server.asked)


@pytest.mark.parametrize(("login", "sent"), [("", set()), ("me:sesame@", {"Basic " + base64.b64encode(b"me:sesame").decode()})])
def test_x08_a_host_whose_file_is_no_tiff_gets_no_login_of_netrc(tmp_path, netrc, login, sent):
    (tmp_path / "B04.tif").write_bytes(b"<html>log in</html>" * 1000)
    with serving(tmp_path) as server, pytest.raises(BadInput, match="not a readable GeoTIFF") as caught:
        images.read_image(server.url.replace("//", f"//{login}") + "/B04.tif", WHAT, lambda d: d.read(), access=Access(**QUICK))
    assert server.count("B04.tif") >= 2  # by GDAL, and to see what it is
    assert {h["Authorization"] for _, _, h in server.asked if "Authorization" in h} == sent
    assert f"{server.url}/B04.tif" in str(caught.value)


@pytest.mark.parametrize("kind", ["500", "hang", "cut"])
def test_a_token_server_that_fails_is_a_fault_in_the_configured_time(signing, capfd, kind):
    mine, server = signing
    server.fault("/token/", kind)
    mine.settings["network"] = QUICK | {"timeout_s": 1, "attempts": 2}
    mine.write_config()
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 3
    text = capfd.readouterr().err
    assert "no token from the Planetary Computer" in text
    assert f"item {mine.scenes[0]['id']}: asset" in text
    assert not any(secret in text for secret in SECRETS)


@pytest.fixture
def storage(remote, tmp_path, monkeypatch):
    """Return a mine whose hrefs are of an S3 bucket, and the server of the bucket."""
    mine, server = remote
    (tmp_path / "s3").mkdir()
    (tmp_path / "s3" / "bucket").symlink_to(server.folder)
    server.folder = tmp_path / "s3"
    for name, value in {KEYS[0]: "sesame-id", KEYS[1]: "hunter2", "AWS_SESSION_TOKEN": "hunter2-session"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_S3_ENDPOINT", f"127.0.0.1:{server.port}")
    monkeypatch.setenv("AWS_HTTPS", "NO")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTING", "FALSE")
    for status, code, text in (("404", "NoSuchKey", "The specified key does not exist."), ("403", "AccessDenied", "Access Denied")):
        server.bodies[status] = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'.encode()
    pinned(mine, "s3://bucket")
    return mine, server


@pytest.mark.parametrize("pays", [False, True])
def test_x08_s3_is_read_with_keys_of_the_environment_and_paid_for_only_when_told(storage, from_files, capfd, caplog, pays):
    mine, server = storage
    mine.settings["sensors"]["sentinel-2"]["requester_pays"] = pays
    mine.write_config()
    server.fault(f"{mine.scenes[2]['id']}/B04", "503", 2)
    folder = mine.composites(write=False)
    assert same(folder, from_files[1], but=()) >= 20
    signed = [headers for _, path, headers in server.asked if path.startswith("/bucket/")]
    assert all(h.get("Authorization", "").startswith("AWS4-HMAC-SHA256") for h in signed)
    assert {h.get("x-amz-request-payer") for h in signed} == ({"requester"} if pays else {None})
    captured = capfd.readouterr()
    nothing_told(mine, captured.out, captured.err, caplog.text)


def test_s3_without_keys_is_read_without_a_signature(storage, monkeypatch):
    mine, server = storage
    for key in KEYS:
        monkeypatch.delenv(key)
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 0
    assert not any("Authorization" in headers for _, _, headers in server.asked)


@pytest.mark.parametrize(("kind", "words"), [("404", "not found (404)"), ("403", "refused (403)")])
def test_n01_n02_what_s3_refuses_names_item_and_asset(storage, capfd, kind, words):
    mine, server = storage
    server.fault(f"{mine.scenes[0]['id']}/B04", kind)
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 3
    text = capfd.readouterr().err
    assert words in text
    assert f"item {mine.scenes[0]['id']}: asset B04: s3://bucket/scenes/" in text
    assert not any(secret in text for secret in SECRETS)


def test_storage_that_costs_money_is_not_read_unasked(storage):
    mine, server = storage
    items = json.loads(mine.catalog.read_text(encoding="utf-8"))
    for item in items["features"]:
        item["properties"]["storage:requester_pays"] = True
    mine.catalog.write_text(json.dumps(items), encoding="utf-8")
    from scenemine import rejected

    error = rejected(mine)
    assert "bills those who read it" in error.found
    assert "`requester_pays: true`" in error.expected
    assert server.asked == []
    mine.settings["sensors"]["sentinel-2"]["requester_pays"] = True
    mine.write_config()
    plan.make([str(mine.config)], {"results": str(mine.folder / "results")})
    assert {h["x-amz-request-payer"] for _, _, h in server.asked} == {"requester"}


def test_the_preflight_of_a_searched_catalogue_asks_nobody(remote):
    mine, server = remote
    config = by_api(mine, "http://127.0.0.1:9/v1", "none")
    made_plan = plan.make([str(config)], {"results": str(mine.folder / "planned")})
    assert str(mine.folder / "planned" / "small" / "sentinel-2" / "items.json") in made_plan.products("small")
    assert server.asked == []


def test_options_that_change_no_search_do_not_search_again(remote):
    mine, _ = remote
    stamps = []
    for change in ({}, {"max_cloud_pct": 50}, {"offset": "raw"}, {"collection": "another"}):
        mine.settings["sensors"] = {"sentinel-2": {"catalog": "http://127.0.0.1:9/v1", "collection": COLLECTION} | change}
        mine.settings["network"] = QUICK | {"timeout_s": 3 + len(stamps)}
        mine.write_config()
        stamps.append(plan.make([str(mine.config)], {"results": str(mine.folder / "planned")}).stamp("search", "small", "sentinel-2"))
    assert stamps[0] == stamps[1] == stamps[2] != stamps[3]


@pytest.mark.parametrize("limit", [4_055, 4_056, 10_000])
def test_a_grid_on_the_limit_of_sensitivity_is_refused_and_not_a_broken_run(remote, monkeypatch, capfd, limit):
    """The run is planned by the zones' grid before the images are known; theirs lies half a cell beside it and is larger."""
    mine, server = remote
    mine.settings["sensors"] = {"sentinel-2": {"catalog": f"{server.url}/root", "collection": COLLECTION}}
    mine.settings["grid"] = {"buffer_m": 40, "resolution_m": {"sentinel-2": 10}}
    mine.write_config()
    server.answers = {"/root": landing(server.url), "/search": json.dumps({"features": served_items(mine, server.url)}).encode()}
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    planned = plan.check(mine.config, load(mine.config), mine.folder / "results").grids["sentinel-2"]
    monkeypatch.setattr("pipeline.config_sensitivity.LARGEST_AUTO", limit)
    monkeypatch.setattr("pipeline.stages.scenes.sensor_grid", lambda *_: planned if limit != 4_055 else planned[:-1, :])
    code = mine.stage("scenes", "--sensor", "sentinel-2")
    cells, counted = 4_056, planned.shape[0] * planned.shape[1] - (planned.shape[1] if limit == 4_055 else 0)
    assert code == (2 if (cells > limit) != (counted > limit) else 0)
    if code == 2:
        assert "so near the limit of auto" in capfd.readouterr().err


def test_no_test_here_needs_the_internet():
    text = (ROOT / "tests" / "servers.py").read_text(encoding="utf-8") + (ROOT / "tests" / "faultserver.py").read_text(encoding="utf-8")
    assert "0.0.0.0" not in text
    assert text.count("127.0.0.1") >= 5
