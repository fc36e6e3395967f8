"""Scene files: hrefs resolved and shown without secrets, and reads that are tried again."""

import socket

import numpy as np
import pytest
import rasterio
from affine import Affine
from scenemine import write_tif

from pipeline import images
from pipeline.access import Access
from pipeline.errors import BadInput, RunFault
from pipeline.images import is_remote, read_image, resolve, shown

URL = "https://host.org/47/S/NC/B04.tif"
WHAT = "item S2_X: asset B04"


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        (URL, URL),
        (f"{URL}?sig=secret&se=2024", URL),
        (f"{URL}#secret", URL),
        (f"{URL}?a=/b?c=secret#secret", URL),
        ("https://me:secret@host.org/47/S/NC/B04.tif?x=secret", URL),
        ("https://secret@host.org:8443/a.tif", "https://host.org:8443/a.tif"),
        ("https://me:sec@ret@host.org/a.tif", "https://host.org/a.tif"),
        ("http://127.0.0.1:9000/a%20b.tif?secret", "http://127.0.0.1:9000/a%20b.tif"),
        ("http://me:hun/secret@host.org/a.tif?secret", "http://host.org/a.tif"),
        ("http://me:1/secret@host.org/a.tif", "http://host.org/a.tif"),
        ("http://me:sec@ret/secret@host.org/a.tif", "http://host.org/a.tif"),
        ("http://me:hun?secret@host.org/a.tif", "http://me"),
        ("http://[::1]:8080/a.tif", "http://[::1]:8080/a.tif"),
        ("https://host.org/a@2x.tif", "https://host.org/a@2x.tif"),
        ("scenes/B04.tif", "scenes/B04.tif"),
        ("/data/a b/B04.tif", "/data/a b/B04.tif"),
    ],
)
def test_an_href_is_shown_without_user_password_query_and_fragment(href, expected):
    assert shown(href) == expected
    assert "secret" not in shown(href)


@pytest.mark.parametrize("href", ["s3://bucket/B04.tif?X-Amz-Signature=secret", "HTTPS://host.org/B04.tif?sig=secret", "ftp://me:secret@host.org/B04.tif"])
def test_an_href_that_is_refused_is_shown_without_secrets_too(href):
    assert "secret" not in shown(href)


@pytest.mark.parametrize(("href", "remote"), [(URL, True), ("http://h/a.tif", True), ("a.tif", False), ("/a.tif", False), ("https.tif", False)])
def test_what_is_read_over_the_network(href, remote):
    assert is_remote(href) is remote


def test_hrefs_are_urls_absolute_or_relative_to_the_catalogue(tmp_path):
    catalog = tmp_path / "deep" / "items.json"
    assert resolve(URL, catalog) == URL
    assert resolve(f"{URL}?sig=1", catalog) == f"{URL}?sig=1"
    assert resolve("/data/B04.tif", catalog) == "/data/B04.tif"
    assert resolve("file:///data/B04.tif", catalog) == "/data/B04.tif"
    assert resolve("scenes/B04.tif", catalog) == str(tmp_path / "deep" / "scenes" / "B04.tif")
    assert resolve("./B04.tif", catalog) == str(tmp_path / "deep" / "B04.tif")


@pytest.mark.parametrize(
    "href",
    [
        "",
        "a\nb.tif",
        "a\0.tif",
        "/vsicurl/http://127.0.0.1/a.tif",
        "/vsis3/bucket/a.tif",
        "/vsizip/a.zip/a.tif",
        "file:///vsicurl/http://127.0.0.1/a.tif",
        "s3://bucket/a.tif?X-Amz-Signature=1",
        "gs://bucket/a.tif",
        "ftp://host/a.tif",
        "HTTP://host/a.tif",
        "GTIFF_DIR:1:a.tif",
        "WMS:http://host",
        "http:///a.tif",
        "https://?a=b",
        "http://[::1/a.tif",
    ],
)
def test_x02_what_is_neither_a_path_nor_a_url_is_refused(tmp_path, href):
    with pytest.raises(ValueError):
        resolve(href, tmp_path / "items.json")


@pytest.fixture
def image(tmp_path):
    """Return the path of an image whose values are 7."""
    path = tmp_path / "B04.tif"
    write_tif(path, np.full((6, 8), 7, "uint16"), Affine(10, 0, 540_000, 0, -10, 4_210_000))
    return path


@pytest.fixture
def opened(monkeypatch):
    """Return the list of datasets that `read_image` opens; nobody waits."""
    found, original = [], images.open_image

    def call(href, attempt, access, inside):
        found.append(original(href, attempt, access, inside))
        return found[-1]

    monkeypatch.setattr(images, "open_image", call)
    monkeypatch.setattr(images.time, "sleep", lambda seconds: None)
    return found


class Failing:
    """An action on a dataset that fails the first times, as a read of a damaged or unreachable file does."""

    def __init__(self, times, text="TIFFReadEncodedStrip() failed"):
        self.left, self.calls, self.text = times, 0, text

    def __call__(self, dataset):
        """Fail, or return the sum of the first band."""
        self.calls += 1
        if self.left:
            self.left -= 1
            raise rasterio.errors.RasterioIOError(self.text)
        return int(dataset.read(1).sum())


def test_a_read_that_works_is_done_once_and_the_handle_is_kept(image, opened):
    assert [read_image(str(image), WHAT, Failing(0)) for _ in range(3)] == [7 * 48] * 3
    assert len(opened) == 1
    assert not opened[0].closed


@pytest.mark.parametrize("times", [1, 2])
def test_a_read_that_fails_is_done_again_with_a_new_handle(image, opened, times):
    action = Failing(times)
    assert read_image(str(image), WHAT, action) == 7 * 48
    assert action.calls == times + 1
    assert [d.closed for d in opened] == [True] * times + [False]


def test_when_every_read_fails_the_fault_names_item_asset_file_and_reason(image, opened):
    action = Failing(99)
    with pytest.raises(RunFault) as caught:
        read_image(str(image), WHAT, action)
    text = str(caught.value)
    assert all(part in text for part in (WHAT, str(image), "TIFFReadEncodedStrip() failed", "3 times"))
    assert action.calls == 3
    assert all(d.closed for d in opened)


def test_after_a_failure_the_next_call_starts_anew(image, opened):
    with pytest.raises(RunFault):
        read_image(str(image), WHAT, Failing(99))
    assert read_image(str(image), WHAT, Failing(0)) == 7 * 48


def test_the_cause_of_an_error_is_told(image, opened):
    def action(dataset):
        raise rasterio.errors.RasterioIOError("Read failed. See previous exception for details.") from rasterio.errors.RasterioIOError("strip 3 is short")

    with pytest.raises(RunFault, match="strip 3 is short"):
        read_image(str(image), WHAT, action)


def test_a_file_that_was_written_again_is_opened_again(image, opened):
    import os

    assert read_image(str(image), WHAT, Failing(0)) == 7 * 48
    write_tif(image, np.full((6, 8), 9, "uint16"), Affine(10, 0, 540_000, 0, -10, 4_210_000))
    os.utime(image, ns=(1, 1))
    assert read_image(str(image), WHAT, Failing(0)) == 9 * 48


def test_an_error_that_is_no_read_error_is_not_hidden(image, opened):
    def action(dataset):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read_image(str(image), WHAT, action)
    assert len(opened) == 1


def test_an_absent_file_is_bad_input_at_once(tmp_path, opened):
    with pytest.raises(BadInput) as caught:
        read_image(str(tmp_path / "none.tif"), WHAT, Failing(0))
    assert (caught.value.where, caught.value.found) == (str(tmp_path / "none.tif"), "no such file")


@pytest.fixture
def refusing(monkeypatch):
    """Return a function that makes every opening of a URL fail with a text; it returns the list of openings."""

    def call(text):
        tried = []

        def fail(path, *args, **kwargs):
            tried.append(path)
            raise rasterio.errors.RasterioIOError(text)

        monkeypatch.setattr(rasterio, "open", fail)
        monkeypatch.setattr(images.time, "sleep", lambda seconds: None)
        return tried

    return call


@pytest.mark.parametrize(("code", "words"), [(404, "not found"), (403, "token expired"), (401, "credentials")])
def test_what_the_server_refuses_for_good_is_not_asked_again(refusing, code, words):
    tried = refusing(f"HTTP response code: {code}")
    with pytest.raises(RunFault) as caught:
        read_image(f"{URL}?sig=secret", WHAT, Failing(0))
    text = str(caught.value)
    assert len(tried) == 1
    assert all(part in text for part in (WHAT, URL, str(code), words))
    assert "secret" not in text


def test_no_secret_of_a_url_is_in_a_fault(refusing):
    tried = refusing("'/vsicurl/https://me:secret@host.org/47/S/NC/B04.tif?sig=secret&se=secret' does not exist, and 'https://x.org/?secret'")
    with pytest.raises(RunFault) as caught:
        read_image("https://me:secret@host.org/47/S/NC/B04.tif?sig=secret", WHAT, Failing(0))
    assert len(tried) == 3
    assert "secret" not in str(caught.value)
    assert all(part in str(caught.value) for part in (WHAT, URL))


@pytest.mark.parametrize("name", ["S2A_20240401T040551", "T403NC", "401"])
def test_digits_in_a_url_are_not_taken_for_the_servers_answer(refusing, name):
    href = f"https://host.org/{name}/B04.tif"
    tried = refusing(f"'/vsicurl/{href}': CURL error: Connection reset by peer")
    with pytest.raises(RunFault) as caught:
        read_image(href, WHAT, Failing(0))
    assert len(tried) == 3
    assert "Connection reset" in str(caught.value)


def test_a_server_that_is_not_there_is_a_fault(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    quick = Access(pause_s=0.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        href = f"http://127.0.0.1:{free.getsockname()[1]}/B04.tif?sig=secret"
    with pytest.raises(RunFault) as caught:
        read_image(href, WHAT, Failing(0), access=quick)
    assert WHAT in str(caught.value)
    assert "secret" not in str(caught.value)
