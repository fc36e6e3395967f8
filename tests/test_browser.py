"""The report in a browser without network: nothing fails, nothing is asked for, and every control does what it says."""

import base64
import csv
import io
import os
import shutil

import numpy as np
import pytest
import rasterio
from conftest import REQUIRED, SmallMine
from PIL import Image
from shapely.geometry import box

from pipeline.__main__ import main

WHERE = ("MINEGREEN_CHROMIUM", "chromium", "chromium-browser", "google-chrome")
NAMES = ["<img src=x onerror=alert(1)>", '=HYPERLINK("http://x")', "江" * 60, "background"]
HEIGHT, WIDTH = 20, 34  # cells of the AOI's box
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; absent: the tests are skipped, or fail where MINEGREEN_REQUIRE names `chromium`."""
    found = os.environ.get(WHERE[0]) or next(filter(None, map(shutil.which, WHERE[1:])), None)
    if found is None:
        if "chromium" in REQUIRED:
            pytest.fail("MINEGREEN_REQUIRE names chromium, but there is none")
        pytest.skip(f"no Chromium: set {WHERE[0]} or install one of {', '.join(WHERE[1:])}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        opened = tool.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


class Visit:
    """One page without network, with everything that went wrong on it or was asked for."""

    def __init__(self, browser, path, **settings):
        """Open the page and wait until its map is drawn."""
        self.context = browser.new_context(offline=True, **({"viewport": DESKTOP, "locale": "en-GB"} | settings))
        self.page = self.context.new_page()
        self.wrong, self.asked = [], []
        self.page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready=yes]", timeout=60_000)

    def pixels(self):
        """Return what the canvas shows, (y, x, rgba)."""
        png = self.page.locator("canvas").first.evaluate("c => c.toDataURL('image/png')").partition(",")[2]
        with Image.open(io.BytesIO(base64.b64decode(png))) as image:
            return np.asarray(image.convert("RGBA"))

    def point(self, row, col):
        """Return the place on the screen of the middle of a cell of the map, which is drawn whole."""
        height, width = HEIGHT, WIDTH
        canvas = self.page.locator("canvas").first
        canvas.scroll_into_view_if_needed()
        frame = canvas.bounding_box()
        return frame["x"] + frame["width"] * (col + 0.5) / width, frame["y"] + frame["height"] * (row + 0.5) / height


@pytest.fixture
def visit(browser):
    """Open pages; at the end nothing went wrong on any, and none asked for anything but itself."""
    opened = []

    def open_page(path, **settings):
        opened.append((Visit(browser, path, **settings), path))
        return opened[-1][0]

    yield open_page
    for seen, path in opened:
        seen.context.close()
        assert seen.wrong == []
        assert seen.asked == [path.as_uri()]


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A finished mine of 40 x 30 cells with hostile names; nobody may change its files."""
    made = SmallMine(tmp_path_factory.mktemp("browser"))
    w, n = made.west, made.north
    made.zones = [(name, box(w + 90 * i + 10, n - 250, w + 90 * i + 80, n - 50)) for i, name in enumerate(NAMES)]
    made.settings["aoi"]["zones"] = {NAMES[0]: {"role": "pit"}}
    made.settings["trend"] = {"periods": [[2021, 2024], [2020, 2024]]}
    made.run()
    assert main(["report", str(made.config), "--results", str(made.results)]) == 0
    with rasterio.open(made.results / "small/sentinel-2/ndvi_2020.tif") as dataset:
        assert (dataset.shape, dataset.transform.c, dataset.transform.f) == ((HEIGHT, WIDTH), 540_010, 4_210_250)
    return made


@pytest.fixture
def report(mine):
    return mine.results / "small" / "report.html"


def raster(mine, name, row, col, band=1):
    with rasterio.open(mine.results / "small" / "sentinel-2" / name) as dataset:
        return float(dataset.read(band)[row, col])


def test_default_report_opens_at_both_sizes(visit, jiangcang, tmp_path):
    path = jiangcang.results / "jiangcang" / "report.html"
    wide = visit(path)
    colours = {tuple(c) for c in wide.pixels().reshape(-1, 4)[:, :3].tolist()}
    assert {(0xDF, 0xC2, 0x7D), (0xA6, 0xDC, 0xD3), (0x43, 0x93, 0xC3)} <= colours  # falling, rising, water
    narrow = visit(path, viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True)
    assert narrow.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    wide.page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").stat().st_size > 50_000


def test_a_report_of_several_sensors_fits_a_phone_and_its_contents_lead_to_the_keyboard_s_place(visit, three_sensors):
    path = three_sensors.results / "jiangcang" / "report.html"
    for locale in ("en-GB", "zh-CN"):
        narrow = visit(path, viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True, locale=locale)
        assert narrow.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    wide = visit(path)
    wide.page.locator("nav summary").focus()
    wide.page.keyboard.press("Enter")
    link = wide.page.locator("nav a[href='#classes-modis']")
    link.focus()
    wide.page.keyboard.press("Enter")
    assert abs(wide.page.locator("#classes-modis").bounding_box()["y"]) < 5
    assert wide.page.locator("#map-modis ~ .map select").first.input_value() == "fvc 2024"
    assert path.stat().st_size < 5_000_000
    for locale in ("en-GB", "zh-CN"):  # the columns that decide are not beyond the right edge of a laptop
        seen = visit(path, viewport={"width": 1200, "height": 900}, locale=locale)
        widths = seen.page.locator("[aria-label=trend_by_zone]").evaluate_all("all => all.map((e) => e.scrollWidth - e.clientWidth)")
        assert widths == [0, 0, 0]


def test_pointer_click_and_series_are_those_of_the_rasters(visit, mine, report):
    seen = visit(report)
    for row, col in ((12, 4), (9, 31)):
        x, y = seen.point(row, col)
        seen.page.mouse.move(x, y)
        told = seen.page.locator("output").inner_text()
        codes = {4: "no significant decrease", 5: "no change", 6: "no significant increase", 7: "slightly significant increase"}
        assert told.startswith(codes[int(raster(mine, "trend_class_2021-2024.tif", row, col))])
        assert f"E {540_010 + 10 * col + 5}, N {4_210_250 - 10 * row - 5}" in told
        seen.page.mouse.click(x, y)
        panel = seen.page.locator("div.series").inner_text()
        for period in ("2021-2024", "2020-2024"):
            slope, low, high, p, n = (raster(mine, f"trend_{period}.tif", row, col, band) for band in (1, 2, 3, 8, 9))
            (line,) = [t for t in panel.splitlines() if t.startswith(period)]
            numbers = [
                float(v)
                for v in line.split(":", 1)[1].replace("(", " ").replace(")", " ").replace(";", " ").split()
                if v.lstrip("-").replace(".", "").isdigit()
            ]
            less = raster(mine, f"trend_relative_{period}.tif", row, col)
            near = [(slope, 6e-4), (low, 1.6e-3), (high, 1.6e-3), (p, 6e-4), (n, 0), (less, 6e-4)]
            assert numbers == [pytest.approx(value, abs=error) for value, error in near]
        heights = seen.page.locator(".series circle").evaluate_all("all => all.map((c) => Number(c.getAttribute('cy')))")
        covers = [raster(mine, f"fvc_{year}.tif", row, col) for year in range(2020, 2025)]
        assert [(165 - h) / 140 for h in heights] == [pytest.approx(c, abs=0.006) for c in covers]


def test_every_layer_is_drawn_in_its_colours(visit, mine, report):
    seen = visit(report)
    select = seen.page.locator("select[data-role=layer]")
    seen.page.locator("[data-role=zones]").uncheck()
    options = select.locator("option").evaluate_all("all => all.map((o) => o.value)")
    tested = [f"{of}{what} {period}" for period in ("2021-2024", "2020-2024") for of in ("", "relative_") for what in ("class", "slope")]
    assert options == [*tested, *(f"fvc {y}" for y in range(2024, 2019, -1)), "change"]
    pictures = {}
    for option in options:
        select.select_option(option)
        pixels = seen.pixels()
        pictures[option] = pixels.tobytes()
        assert seen.page.locator(".map .legend li").count() >= 5
        if option.startswith("fvc"):
            height, width = pixels.shape[:2]
            value = raster(mine, f"fvc_{option[-4:]}.tif", 12, 4)
            stops = [(0.0, (255, 247, 230)), (0.25, (227, 219, 160)), (0.5, (163, 191, 107)), (0.75, (74, 154, 79)), (1.0, (11, 90, 50))]
            expected = [np.interp(round(value, 2), [s for s, _ in stops], [c[i] for _, c in stops]) for i in range(3)]
            got = pixels[int(height * 12.5 / HEIGHT), int(width * 4.5 / WIDTH), :3]
            assert got.tolist() == [pytest.approx(e, abs=3) for e in expected]
    assert len({drawn for option, drawn in pictures.items() if not option.startswith("relative")}) >= len(options) - len(tested) // 2 - 1
    for option in tested[2:4]:
        assert pictures[option] == pictures[option.removeprefix("relative_")], "the reference of this mine is steady"


def test_change_between_any_two_years(visit, mine, report):
    seen = visit(report)
    seen.page.locator("select[data-role=layer]").select_option("change")
    for first, last in ((2020, 2024), (2022, 2023), (2024, 2021)):
        seen.page.locator("[data-role=from]").select_option(str(first))
        seen.page.locator("[data-role=to]").select_option(str(last))
        seen.page.mouse.move(0, 0)
        seen.page.mouse.move(*seen.point(12, 4))
        change = 100 * (raster(mine, f"fvc_{last}.tif", 12, 4) - raster(mine, f"fvc_{first}.tif", 12, 4))
        assert float(seen.page.locator("output").inner_text().split(" ")[0]) == pytest.approx(change, abs=1.6)


def test_zone_button_shows_the_zone_s_own_series(visit, mine, report):
    seen = visit(report)
    with (mine.results / "small/sentinel-2/fvc_by_zone.csv").open(encoding="utf-8", newline="") as handle:
        means = {r["year"]: float(r["fvc_mean"]) for r in csv.DictReader(handle) if r["zone"] == NAMES[2]}
    seen.page.locator("button[data-zone]").nth(2).click()
    assert seen.page.locator(".series h4").inner_text() == NAMES[2]
    heights = seen.page.locator(".series circle").evaluate_all("all => all.map((c) => Number(c.getAttribute('cy')))")
    assert [(165 - h) / 140 for h in heights] == [pytest.approx(v, abs=1e-6) for v in means.values()]


def test_language_switches_all_words_and_starts_in_the_browser_s(visit, report):
    english = visit(report)
    assert english.page.locator("h2").first.inner_text().startswith("What the data say")
    english.page.locator("[data-language=zh]").click()
    assert english.page.locator("h2").first.inner_text().startswith("数据结论")
    assert "显著" in english.page.locator(".map .legend").inner_text()
    assert english.page.locator("[data-language=zh]").get_attribute("aria-pressed") == "true"
    assert visit(report, locale="zh-CN").page.locator("h2").first.inner_text().startswith("数据结论")


def test_keyboard_moves_zooms_and_picks(visit, report):
    seen = visit(report)
    canvas = seen.page.locator("canvas").first
    whole = seen.pixels()
    canvas.focus()
    for key in ("+", "ArrowLeft", "ArrowUp"):
        before = seen.pixels()
        seen.page.keyboard.press(key)
        assert not np.array_equal(before, seen.pixels()), key
    seen.page.keyboard.press("0")
    assert np.array_equal(whole, seen.pixels())
    seen.page.keyboard.press("Enter")
    told = seen.page.locator(".series h4").inner_text()
    middle = {f"E {540_010 + 10 * x + 5}, N {4_210_250 - 10 * y - 5}" for x in (WIDTH // 2 - 1, WIDTH // 2) for y in (HEIGHT // 2 - 1, HEIGHT // 2)}
    assert any(place in told for place in middle), told


def test_opacity_and_zones(visit, report):
    seen = visit(report)
    full = seen.pixels()
    seen.page.locator("[data-role=zones]").uncheck()
    bare = seen.pixels()
    assert (bare != full).any()
    seen.page.locator("input[type=range]").fill("50")
    alpha = seen.pixels()[..., 3]
    assert set(np.unique(alpha)) <= {0, 127, 128}
    assert (alpha > 0).any()


def test_scale_bar_is_true(visit, report):
    seen = visit(report)
    words, width = seen.page.locator(".scale").evaluate("b => [b.textContent, b.getBoundingClientRect().width]")
    canvas = seen.page.locator("canvas").first.bounding_box()["width"]
    metres = float(words.removesuffix(" m"))
    assert width / canvas * 10 * WIDTH == pytest.approx(metres, rel=0.02)


def test_names_are_text_in_the_browser(visit, report):
    seen = visit(report)
    assert seen.page.locator("article h3").evaluate_all("all => all.map((h) => h.firstChild.textContent.trim())") == NAMES
    assert seen.page.locator("img").count() == 0
    for i in range(len(NAMES)):
        seen.page.locator("button[data-zone]").nth(i).click()
        assert seen.page.locator(".series h4").inner_text() == NAMES[i]


def test_contrast_and_labels(visit, report):
    """Text against its background at least 4.5 : 1 (WCAG 2.1), and every control has a name."""
    seen = visit(report)
    pairs = seen.page.evaluate(
        """() => [...document.querySelectorAll('p, td, th, h1, h2, h3, button, summary, figcaption, .note')].filter((e) => e.offsetParent).map((e) => {
          let b = e; while (b && getComputedStyle(b).backgroundColor === 'rgba(0, 0, 0, 0)') b = b.parentElement;
          return [getComputedStyle(e).color, b ? getComputedStyle(b).backgroundColor : 'rgb(255, 255, 255)']; })"""
    )

    def luminance(text):
        rgb = np.array([float(v) for v in text.removeprefix("rgb(").removesuffix(")").split(",")]) / 255
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    assert len(pairs) > 100
    for front, back in set(map(tuple, pairs)):
        light, dark = sorted((luminance(front), luminance(back)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (front, back)
    unnamed = seen.page.evaluate(
        "() => [...document.querySelectorAll('button, select, input, canvas, svg')].filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label')"
        " || e.closest('label'))).length"
    )
    assert unnamed == 0
