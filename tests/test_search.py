"""The search of a STAC API: what it asks for, what it pins, and what it says when the API has a bad day."""

import contextlib
import gzip
import json
import socket
import threading
import time
from pathlib import Path

import pytest
import requests
from faultserver import serving
from scenemine import SceneMine, snapshot
from servers import COLLECTION, JSON, landing, search_by_hand, served_items, stac_api

from pipeline import search as searching
from pipeline import transport
from pipeline.__main__ import main
from pipeline.access import Access
from pipeline.aoi import read_zones
from pipeline.config import load
from pipeline.search import box_of, search, spans_of

QUICK = {"timeout_s": 1, "connect_timeout_s": 1, "attempts": 3, "pause_s": 0.01}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Return a mine with scenes in and beside its seasons and its box; a test says where its catalogue is."""
    monkeypatch.chdir(tmp_path)
    mine = SceneMine(tmp_path / "mine").series()
    for when in ("2021-06-20", "2021-05-31", "2021-05-29", "2021-03-20", "2019-07-05", "2024-10-02", "2024-10-03"):
        mine.add(when)
    mine.add("2022-07-20", west=700_000.0)
    mine.settings["network"] = QUICK
    scenes, mine.scenes = mine.scenes, []
    mine.write()  # the search opens no image
    mine.scenes = scenes
    return mine


def at(mine, api, **more):
    """Let the config name an API."""
    mine.settings["sensors"] = {"sentinel-2": {"catalog": api, "collection": COLLECTION} | more}
    mine.write_config()


def found(mine):
    """Return the pinned items."""
    return json.loads((mine.folder / "results" / "small" / "sentinel-2" / "items.json").read_text(encoding="utf-8"))["features"]


@pytest.fixture
def api(mine):
    """Return a STAC API that has bad days: every search gives all items, in pages of six; `.items` may be changed."""
    with serving(mine.folder) as server:
        server.items = served_items(mine, server.url)

        def page(path, body):
            asked = json.loads(body or b"{}")
            first = int(asked.get("token", 0))
            links = [{"rel": "next", "href": f"{server.url}/search", "method": "POST", "body": {"token": first + 6}, "merge": True}]
            more = first + 6 < len(server.items)
            return json.dumps({"type": "FeatureCollection", "features": server.items[first : first + 6], "links": links if more else []}).encode()

        server.answers = {"/search": page, "/root": lambda path, body: landing(server.url)}
        at(mine, f"{server.url}/root")
        yield server


def test_a_real_api_gives_what_a_search_by_hand_gives(mine, tmp_path, monkeypatch):
    monkeypatch.setattr(searching, "PAGE", 4)  # several pages a year
    items = served_items(mine, "http://127.0.0.1:9")
    with stac_api(items, tmp_path / "api") as url:
        at(mine, url)
        config = load(mine.config)
        box = box_of(config, read_zones(config, mine.config))
        assert mine.stage("search", "--sensor", "sentinel-2") == 0
        wanted = [i for first, last in spans_of(config) for i in search_by_hand(items, box, str(first), str(last))]
        assert sorted(i["id"] for i in found(mine)) == sorted(wanted)
        assert len(wanted) == 15 + 3  # of the seasons, 20 and 31 May, 2 October of a leap year
        text = search(config, "sentinel-2", read_zones(config, mine.config))
        at(mine, url, collection="another")
        assert mine.stage("search", "--sensor", "sentinel-2") == 2
    with stac_api(items[::-1], tmp_path / "turned") as other:
        at(mine, other)
        again = search(load(mine.config), "sentinel-2", read_zones(config, mine.config))
    assert again.replace(other, url) == text
    dates = [(i["properties"]["datetime"], i["id"]) for i in json.loads(text)["features"]]
    assert dates == sorted(dates)


def test_an_api_that_takes_no_post_is_asked_by_get(mine, api):
    asked = []

    def page(path, body):
        asked.append((path, body))
        links = [{"rel": "next", "href": f"{api.url}/search?token=6"}] if "token" not in path else []
        features = api.items[:6] if "token" not in path else api.items[6:]
        return json.dumps({"type": "FeatureCollection", "features": features, "links": links}).encode()

    api.answers["/search"] = page
    api.answers["/root"] = json.dumps(json.loads(landing(api.url)) | {"links": [{"rel": "search", "href": f"{api.url}/search", "type": JSON}]}).encode()
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    assert sorted(i["id"] for i in found(mine)) == sorted(s["id"] for s in mine.scenes)
    assert {body for _, body in asked} == {b""}
    assert "collections=test-s2-l2a" in asked[0][0]


def test_pages_are_followed_and_an_item_of_two_pages_is_one(mine, api):
    api.items += api.items[:3]
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    assert sorted(i["id"] for i in found(mine)) == sorted(s["id"] for s in mine.scenes)
    assert api.count("/search") == 5 * 5  # five years, 26 items in pages of six


def test_x08_no_query_no_user_and_no_fragment_is_pinned(mine, api):
    for i, item in enumerate(api.items):
        item["assets"]["B04"]["href"] = item["assets"]["B04"]["href"].replace("//", "//me:hunter2@") + "?sig=hunter2#hunter2"
        item["assets"]["B08"]["alternate"] = {"x": {"href": f"s3://bucket/{i}?X-Amz-Signature=hunter2"}}
        item["links"] = [{"rel": "self", "href": f"{api.url}/items/{i}?token=hunter2"}]
        item["assets"]["SCL"]["href"] = f"../scenes/{item['id']}/SCL.tif?hunter2"
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    text = json.dumps(found(mine))
    assert "hunter2" not in text
    for item in found(mine):
        for key, asset in item["assets"].items():
            assert asset["href"] == f"{api.url}/scenes/{item['id']}/{key}.tif"


@pytest.mark.parametrize("href", ["file:///etc/passwd", "FILE:///etc/passwd"])
def test_x02_an_api_does_not_lead_to_files_of_this_machine(mine, api, capfd, href):
    api.items[3]["assets"]["B04"]["href"] = href
    assert mine.stage("search", "--sensor", "sentinel-2") == 2
    assert api.items[3]["id"] in capfd.readouterr().err


@pytest.mark.parametrize("href", ["/etc/passwd", "//host.org/B04.tif", "/vsicurl/http://127.0.0.1/x", "B04.tif"])
def test_x02_a_relative_href_is_one_of_the_server(mine, api, href):
    api.items[0]["assets"]["B04"]["href"] = href
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    assert all(a["href"].startswith("http://") for i in found(mine) for a in i["assets"].values())


def test_nothing_found_is_bad_input_that_says_what_was_searched(mine, api, capfd):
    api.items = []
    before = snapshot(mine.folder)
    assert mine.stage("search", "--sensor", "sentinel-2") == 2
    text = capfd.readouterr().err
    assert all(part in text for part in (f"no item of {COLLECTION}", "box 99.4", "2020-05-29 to 2020-10-02", "expected", "fix"))
    assert snapshot(mine.folder) == before


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"type": "Feature"}', b"[1]", b'"text"', b'{"type": "Catalog", "id": "x", "links": []}', b"\xff\xfe"])
def test_an_address_that_is_no_stac_api_is_bad_input(mine, api, capfd, body):
    api.answers["/root"] = body
    assert mine.stage("search", "--sensor", "sentinel-2") in (2, 3)
    text = capfd.readouterr().err
    assert "Traceback" not in text
    assert f"{api.url}/root" in text


@pytest.mark.parametrize("features", [7, "text", [1], [None], {"a": 1}])
def test_pages_that_are_none_are_bad_input(mine, api, capfd, features):
    api.answers["/search"] = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    assert mine.stage("search", "--sensor", "sentinel-2") == 2
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["503", "429", "500", "502", "504", "cut"])
@pytest.mark.parametrize("where", ["/root", "/search"])
def test_n03_n04_a_search_that_fails_twice_is_tried_again(mine, api, kind, where):
    api.fault(where, kind, 2)
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    assert len(found(mine)) == len(mine.scenes)


REFUSED = [("404", "not found (404)", 1), ("403", "refused (403)", 1), ("401", "credentials", 1), ("503", "answers 503", 3), ("cut", "cannot be reached", 3)]


@pytest.mark.parametrize(("kind", "words", "tries"), REFUSED)
def test_n01_n02_a_search_that_is_refused_names_the_api_and_is_not_repeated(mine, api, capfd, kind, words, tries):
    api.fault("/search", kind)
    before = snapshot(mine.folder)
    assert mine.stage("search", "--sensor", "sentinel-2") == 3
    text = capfd.readouterr().err
    assert words in text
    assert f"{api.url}/root" in text
    assert api.count("/search") == tries
    assert snapshot(mine.folder) == before


def test_n05_an_api_that_hangs_is_a_fault_in_the_configured_time(mine, api, capfd):
    api.fault("/search", "hang")
    assert mine.stage("search", "--sensor", "sentinel-2") == 3
    text = capfd.readouterr().err
    assert "cannot be reached, tried 3 times" in text
    assert "no answer in time" in text  # the server still holds the connections
    assert api.count("/search") == 3


def test_an_api_that_is_not_there_is_a_fault_for_the_stage_and_for_check(mine, capfd):
    at(mine, "http://127.0.0.1:9/v1")
    assert mine.stage("search", "--sensor", "sentinel-2") == 3
    before = snapshot(mine.folder)
    assert main(["check", str(mine.config), "--results", str(mine.folder / "new")]) == 3
    text = capfd.readouterr().err
    assert text.count("http://127.0.0.1:9/v1: the search cannot be reached, tried 3 times: connection refused\n") == 2
    assert text.count("  fix:      check the network") == 2
    assert "urllib3" not in text and "HTTPConnectionPool" not in text
    assert snapshot(mine.folder) == before


def test_a_host_whose_name_is_not_known_is_said_in_a_few_words(mine, capfd):
    at(mine, "http://no-such-host.invalid/v1")
    assert mine.stage("search", "--sensor", "sentinel-2") == 3
    text = capfd.readouterr().err
    assert "cannot be reached, tried 3 times: name not resolved\n  fix:" in text


def test_pages_without_end_come_to_an_end(mine, api, capfd, monkeypatch):
    monkeypatch.setattr(searching, "MOST_ITEMS", 50)

    def page(path, body):
        number = int(json.loads(body).get("token", 0))
        item = api.items[0] | {"id": f"x{number}"}
        links = [{"rel": "next", "href": f"{api.url}/search", "method": "POST", "body": {"token": number + 1}, "merge": True}]
        return json.dumps({"type": "FeatureCollection", "features": [item], "links": links}).encode()

    api.answers["/search"] = page
    assert mine.stage("search", "--sensor", "sentinel-2") == 3
    assert "more than 50 items" in capfd.readouterr().err


def pages_of(api, parts, **more):
    """Let every search give these parts as its pages."""

    def page(path, body):
        number = json.loads(body).get("token", 0)
        links = [{"rel": "next", "href": f"{api.url}/search", "method": "POST", "body": {"token": number + 1}, "merge": True}]
        last = number + 1 == len(parts)
        return json.dumps({"type": "FeatureCollection", "features": parts[number], "links": [] if last else links} | more).encode()

    api.answers["/search"] = page


def test_pages_without_items_do_not_end_a_search(mine, api):
    pages_of(api, [[], api.items[:3], [], [], api.items[3:], []], numberMatched=len(api.items))
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    assert sorted(i["id"] for i in found(mine)) == sorted(s["id"] for s in mine.scenes)


@pytest.mark.parametrize("said", [{"numberMatched": 500}, {"context": {"matched": 500, "returned": 5}}])
def test_fewer_items_than_the_api_says_there_are_is_a_fault(mine, api, capfd, said):
    pages_of(api, [api.items[:3], api.items[3:5]], **said)
    before = snapshot(mine.folder)
    assert mine.stage("search", "--sensor", "sentinel-2") == 3
    text = capfd.readouterr().err
    assert f"{api.url}/root: the search says that 500 items match and gives 5" in text
    assert snapshot(mine.folder) == before


@pytest.mark.parametrize("tokens", [[0], [1, 2, 1], [1, 0]])
def test_pages_that_lead_round_in_a_circle_are_a_fault(mine, api, capfd, tokens):
    def page(path, body):
        number = json.loads(body).get("token", 0)
        follows = dict(zip([0, *tokens], tokens, strict=False))[number]
        links = [{"rel": "next", "href": f"{api.url}/search", "method": "POST", "body": {"token": follows}}]
        return json.dumps({"type": "FeatureCollection", "features": api.items[number : number + 1], "links": links}).encode()

    api.answers["/search"] = page
    assert mine.stage("search", "--sensor", "sentinel-2") == 3
    assert "a page that it has given already" in capfd.readouterr().err
    assert api.count("/search") <= len(tokens) + 1


def test_pages_without_end_that_bring_nothing_new_come_to_an_end(mine, api, capfd, monkeypatch):
    monkeypatch.setattr(searching, "MOST_STALE", 7)
    pages_of(api, [api.items[:2]] + [api.items[:1], []] * 20)
    assert mine.stage("search", "--sensor", "sentinel-2") == 3
    assert "7 pages one after the other without a new item" in capfd.readouterr().err
    assert api.count("/search") == 8


@pytest.mark.parametrize("href", ["file:///etc/passwd", "ftp://127.0.0.1/x", "s3:x"])
@pytest.mark.parametrize("where", ["root", "page"])
def test_x02_a_search_or_a_page_that_is_no_address_is_bad_input(mine, api, capfd, href, where):
    links = [{"rel": "search", "href": href, "type": JSON, "method": "POST"}]
    if where == "root":
        api.answers["/root"] = json.dumps(json.loads(landing(api.url)) | {"links": links}).encode()
    else:
        api.answers["/search"] = json.dumps({"type": "FeatureCollection", "features": api.items[:1], "links": [{"rel": "next", "href": href}]}).encode()
    assert mine.stage("search", "--sensor", "sentinel-2") == 2
    text = capfd.readouterr().err
    assert f"{api.url}/root" in text
    assert "no http(s) address" in text


def with_(**changes):
    """Return a change of an item."""
    return lambda item: item.update(changes)


def nest(item):
    """Nest an item's property deeper than is sane, and as the server writes it."""
    item["properties"]["deep"] = json.loads("[" * 300 + "]" * 300)


BAD_ITEMS = {
    "no properties": with_(properties=None),
    "no id": with_(id=None),
    "no date": lambda item: item["properties"].update(datetime="yesterday"),
    "no assets": with_(assets=[]),
    "no address": lambda item: item["assets"]["B04"].update(href="http://[bad/x.tif"),
    "no base": lambda item: (item.update(links=[{"rel": "self", "href": "http://[bad/x"}]), item["assets"]["B04"].update(href="x.tif")),
    "a password for a port": lambda item: item["assets"]["B04"].update(href="http://me:hun/ter2@host.org/x.tif"),
    "half a surrogate pair": with_(title="\ud800"),
    "such an id": with_(id="\ud800"),
    "depth": nest,
}


@pytest.mark.parametrize("change", BAD_ITEMS.values(), ids=BAD_ITEMS)
def test_a_bad_item_is_not_pinned_and_the_same_command_recovers(mine, api, capfd, change):
    good = json.dumps(api.items)
    change(api.items[3])
    before = snapshot(mine.folder)
    assert mine.stage("search", "--sensor", "sentinel-2") == 2
    text = capfd.readouterr().err
    assert f"minegreen: {api.url}/root: " in text
    assert "items.json" not in text and "Traceback" not in text
    assert not any(part in text for part in ("hun", "ter2"))
    assert snapshot(mine.folder) == before
    api.items = json.loads(good)
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    assert len(found(mine)) == len(mine.scenes)


def test_two_items_of_one_id_are_not_pinned(mine, api, capfd):
    """Nor two states of one item, one per page: nobody can tell which one holds."""
    api.items.append(json.loads(json.dumps(api.items[3])))
    api.items[-1]["properties"]["eo:cloud_cover"] = 1.25
    assert mine.stage("search", "--sensor", "sentinel-2") == 2
    text = capfd.readouterr().err
    assert f"{api.url}/root: item {api.items[3]['id']}\n" in text
    assert "two items of this id" in text
    api.items[-1] |= {"links": []}
    api.items[-1]["properties"] = api.items[3]["properties"]
    assert mine.stage("search", "--sensor", "sentinel-2") == 0


@pytest.mark.parametrize("where", ["/root", "/search"])
def test_an_answer_nested_too_deep_to_be_read_is_bad_input(mine, api, capfd, where):
    api.answers[where] = b'{"type":"FeatureCollection","links":[],"features":[{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
    assert mine.stage("search", "--sensor", "sentinel-2") == 2
    text = capfd.readouterr().err
    assert f"{api.url}/root: catalog" in text and "Traceback" not in text


def test_an_at_sign_in_a_path_stays_in_what_is_pinned(mine, api):
    whole = f"{api.url}/scenes/a@2x.tif"
    api.items[0]["assets"]["B04"]["href"] = whole
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    assert whole in [i["assets"]["B04"]["href"] for i in found(mine)]


@pytest.mark.parametrize("href", ["/etc/passwd", "file:///etc/passwd", "items.json"])
def test_x02_nothing_that_an_api_links_to_is_read_from_this_machine(href):
    with pytest.raises(ValueError, match="no http"):
        searching._patient(Access()).read_text(href)


@contextlib.contextmanager
def speaking(*parts, pause=0.0):
    """Answer every connection with these bytes, one part after the other; yield the address and the count of the bytes that were taken."""
    server, over, taken = socket.socket(), threading.Event(), []
    server.bind(("127.0.0.1", 0))
    server.listen(20)

    def answer(connection):
        with contextlib.suppress(OSError), connection:
            connection.recv(65_536)
            for part in parts:
                connection.sendall(part)
                taken.append(len(part))
                if over.wait(pause):
                    return

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/root", taken
    finally:
        over.set()
        server.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "head", [HEAD + b"Content-Length: 100000\r\n\r\n", HEAD + b"X: ", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"], ids=["body", "header", "chunks"]
)
def test_n05_an_api_that_drips_is_a_fault_in_the_configured_time(mine, capfd, head):
    mine.settings["network"] = QUICK | {"attempts": 1}
    drop = b"1\r\n \r\n" if b"chunked" in head else b" "
    with speaking(head, *[drop] * 600, pause=0.1) as (url, taken):
        at(mine, url)
        assert mine.stage("search", "--sensor", "sentinel-2") == 3
        assert len(taken) < 300  # of the 600 that it had to give, a minute of them
    text = capfd.readouterr().err
    assert "no answer in time" in text
    assert url in text


def test_n05_a_slow_api_that_keeps_above_the_slowest_rate_is_waited_for(mine):
    """The page comes at 4 kB a second for longer than the time that an answer may take to begin."""
    body = json.dumps({"text": "x" * 10_000}).encode()
    parts = [body[i : i + 400] for i in range(0, len(body), 400)]
    with speaking(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode(), *parts, pause=0.1) as (url, _):
        _, given = transport.fetch(transport.Session(), requests.Request("GET", url).prepare(), Access(timeout_s=1, connect_timeout_s=1))
    assert given == body


@pytest.mark.parametrize("packed", [True, False])
def test_an_answer_without_end_is_not_kept_in_memory(mine, capfd, monkeypatch, packed):
    monkeypatch.setattr(transport, "MOST_BYTES", 3_000_000)
    body = gzip.compress(b" " * 30_000_000) if packed else b" " * 1_000_000
    head = HEAD + (b"Content-Encoding: gzip\r\n" if packed else b"") + b"\r\n"
    with speaking(head, *[body] * (1 if packed else 300)) as (url, taken):
        at(mine, url)
        assert mine.stage("search", "--sensor", "sentinel-2") == 3
        time.sleep(0.05)
        assert sum(taken) < 100_000_000
    text = capfd.readouterr().err
    assert f"{url}: the search gives an answer of more than 3 MB" in text


def test_check_searches_live_and_writes_nothing_but_its_picture(mine, api, capsys):
    mine.write()
    results = mine.folder / "checked"
    assert main(["check", str(mine.config), "--results", str(results)]) == 0
    assert [p.name for p in results.rglob("*") if p.is_file()] == ["check.png"]
    told = capsys.readouterr().out
    assert "15 of 22 listed scenes" in told or "listed scenes: 2020: 3, 2021: 3, 2022: 3, 2023: 3, 2024: 3" in told


def test_the_search_asks_for_box_days_and_collection_and_nothing_else(mine, api):
    asked = []
    answer = api.answers["/search"]

    def page(path, body):
        asked.append(json.loads(body))
        return answer(path, body)

    api.answers["/search"] = page
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    assert all(set(a) <= {"limit", "bbox", "datetime", "collections", "token"} for a in asked)
    assert {a["datetime"] for a in asked} == {f"{a}T00:00:00Z/{b}T23:59:59Z" for a, b in spans_of(load(mine.config))}
    assert {tuple(a["collections"]) for a in asked} == {(COLLECTION,)}


def test_a_login_in_netrc_is_not_sent(mine, api, monkeypatch):
    (Path.cwd() / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(Path.cwd() / "netrc"))
    assert mine.stage("search", "--sensor", "sentinel-2") == 0
    assert not any("Authorization" in headers for _, _, headers in api.asked)


def test_a_login_in_netrc_is_not_sent_where_a_server_leads_on_to(mine, api, monkeypatch):
    (Path.cwd() / "netrc").write_text("default login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(Path.cwd() / "netrc"))
    with speaking(f"HTTP/1.1 302 Found\r\nLocation: {api.url}/root\r\nContent-Length: 0\r\n\r\n".encode()) as (url, _):
        at(mine, url)
        assert mine.stage("search", "--sensor", "sentinel-2") == 0
    assert api.count("/root") >= 1
    assert not any("Authorization" in headers for _, _, headers in api.asked)


def test_search_is_refused_where_there_is_nothing_to_search(mine, capfd):
    assert mine.stage("search", "--sensor", "sentinel-2") == 2
    assert "nothing to search" in capfd.readouterr().err
