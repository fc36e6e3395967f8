"""Maps: 300 dpi, the legend's own colours at the right places, true scale bars and north, any zone name, equal bytes."""

from math import atan2, cos, degrees, radians

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from figurerows import HOSTILE, MERCATOR, SINUSOIDAL, UTM, WORDS, N, W, grid, many, texts, zones
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from odc.geo.geobox import GeoBox
from PIL import Image
from pyproj import Geod, Proj, Transformer
from shapely.geometry import Point, box

from pipeline import lettering
from pipeline.aoi import Zones
from pipeline.cartography import crs_name, crs_title, ground_per_unit, length_text, north_text, scale_length, true_north_deg
from pipeline.classes import LEGEND
from pipeline.lettering import drawable, shortened, width_in, wrapped
from pipeline.maps import class_map, image_map, step_of
from pipeline.reader import read_every
from pipeline.sheet import Words, save

SCHEMES = {
    "five": [2, 4, 5, 6, 8, 97, 98, 99],
    "seven": [2, 3, 4, 5, 6, 7, 8, 97, 98, 99],
    "nine": [1, 2, 3, 4, 5, 6, 7, 8, 9, 97, 98, 99],
}
AWKWARD = [*HOSTILE, "$1/2$ price", "$\\frac{1}{$", "שלום", "🌱 seedling", "🌱", "a_b^c", "two\nlines", "\\", "%s {}", "x" * 300]
COLOUR = {c.code: c.colour for c in LEGEND}


def figure(codes, scheme="seven", names=("pit",), words=WORDS, **more):
    return class_map(np.uint8(codes), grid(np.shape(codes)), zones(*names, shape=np.shape(codes)), scheme, words, **more)


def draw(path, codes, *given, **more):
    save(figure(codes, *given, **more), path)
    return path


def rgb(colour):
    return np.round(np.array(to_rgb(colour)) * 255).astype(int)


def painted(path, colour):
    """Return the number of pixels of exactly one colour."""
    with Image.open(path) as png:
        packed = np.asarray(png.convert("RGBA")).view(np.uint32)[..., 0]
    return int((packed == np.array([*rgb(colour), 255], np.uint8).view(np.uint32)[0]).sum())


def map_axes(found):
    """Return the axes of the map: the second, after the paper."""
    return found.axes[1]


def on_png(found, x, y):
    """Return row and column of the pixel at a place of the CRS, from where the map's frame lies on the page."""
    axes = map_axes(found)
    frame, (west, east), (south, north) = axes.get_position(), axes.get_xlim(), axes.get_ylim()
    width, height = found.get_size_inches() * 300
    column = (frame.x0 + (x - west) / (east - west) * frame.width) * width
    return int((1 - frame.y0 - (y - south) / (north - south) * frame.height) * height), int(column)


@pytest.mark.parametrize("shape", [(30, 40), (10, 60), (60, 10), (1, 100)])
def test_the_png_has_300_dpi_and_fits_on_a4(tmp_path, shape):
    path = draw(tmp_path / "map.png", np.full(shape, 8))
    with Image.open(path) as png:
        assert png.format == "PNG"
        assert png.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        width, height = (side / 300 for side in png.size)
    assert 5 < width <= 11.69
    assert 3 < height <= 8.275
    assert [p.name for p in tmp_path.iterdir()] == ["map.png"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_class_is_drawn_in_its_own_colour_and_equal_areas_look_equal(tmp_path, scheme):
    codes = SCHEMES[scheme]
    path = draw(tmp_path / "map.png", np.repeat(codes, 4)[None].repeat(30, axis=0), scheme)
    counts = {c.code: painted(path, c.colour) for c in LEGEND if c.code}
    assert min(counts[c] for c in codes) > 0.6 * max(counts.values())  # outlines and names cover some
    assert max((n for c, n in counts.items() if c not in codes), default=0) < 0.02 * max(counts.values())


@pytest.mark.parametrize("shape", [(30, 40), (12, 40), (40, 12)])
def test_every_cell_stands_at_its_place(tmp_path, shape):
    codes = np.random.default_rng(4).choice(np.uint8([2, 3, 4, 5, 6, 7, 8, 97, 99]), shape)
    cells = grid(shape)
    corner = box(W + 1, N - shape[0] * 10 + 1, W + 9, N - shape[0] * 10 + 9)
    frame = gpd.GeoDataFrame({"zone": ["z"]}, geometry=[corner], crs=32647).assign(role="pit", geodesic_m2=64.0)
    found = class_map(codes, cells, Zones(frame, {"z": ()}, ()), "seven", WORDS)
    save(found, tmp_path / "a.png")
    pixels = np.round(imread(tmp_path / "a.png")[..., :3] * 255).astype(int)
    wrong = []
    for row, column in np.ndindex(shape):
        y, x = on_png(found, W + 10 * column + 5, N - 10 * row - 5)
        if (pixels[y, x] != rgb(COLOUR[int(codes[row, column])])).any():
            wrong.append((row, column))
    assert all(row >= shape[0] - 3 and column < 3 for row, column in wrong), "only under the zone and its name"


def test_outside_is_not_painted(tmp_path):
    codes = np.zeros((30, 40), np.uint8)
    codes[:, :20] = 8
    whole, half = draw(tmp_path / "a.png", np.full((30, 40), 8)), draw(tmp_path / "b.png", codes)
    assert painted(half, COLOUR[8]) == pytest.approx(painted(whole, COLOUR[8]) / 2, rel=0.05)


@pytest.mark.parametrize(("shape", "step"), [((30, 2000), 1), ((30, 2001), 2), ((5477, 3651), 3)])
def test_a_large_raster_is_thinned(shape, step):
    assert step_of(shape) == step
    assert max(-(-side // step) for side in shape) <= 2000


@pytest.mark.parametrize(("shape", "step"), [((1100, 700), 1), ((1100, 700), 3), ((1025, 513), 2), ((3, 5), 7)])
def test_every_step_th_cell_is_read_from_the_middle(tmp_path, shape, step):
    values = np.random.default_rng(0).integers(0, 100, shape, dtype=np.uint8)
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", dtype="uint8", count=1, height=shape[0], width=shape[1], crs=UTM, transform=Affine(10, 0, W, 0, -10, N)
    ) as out:
        out.write(values, 1)
    rows, cols = (np.minimum(np.arange(-(-side // step)) * step + step // 2, side - 1) for side in shape)
    assert np.array_equal(read_every(tmp_path / "a.tif", step), values[np.ix_(rows, cols)])


def test_a_thinned_raster_keeps_its_shares_and_places_and_says_so(tmp_path):
    codes = np.full((30, 2500), 2, np.uint8)
    codes[:, :1250] = 8
    found = class_map(codes[1::2, 1::2], grid((30, 2500)), zones("pit", shape=(30, 2500)), "seven", WORDS, frozenset(), 2)
    path = tmp_path / "map.png"
    save(found, path)
    brown, green = (painted(path, COLOUR[code]) for code in (2, 8))
    assert green == pytest.approx(brown, rel=0.25)
    pixels = np.round(imread(path)[..., :3] * 255).astype(int)
    for x, code in ((W + 11_500, 8), (W + 13_500, 2)):
        assert (pixels[on_png(found, x, N - 20)] == rgb(COLOUR[code])).all()
    assert [t for t in texts(found) if "shown at 1:2" in t.get_text()]
    assert not [t for t in texts(figure(np.full((30, 40), 8))) if "shown at" in t.get_text()]


def test_equal_input_gives_equal_bytes(tmp_path):
    codes = np.random.default_rng(0).choice([0, 2, 5, 8, 99], (30, 40))
    first = draw(tmp_path / "a.png", codes, names=("pit", "江仓")).read_bytes()
    assert draw(tmp_path / "b.png", codes, names=("pit", "江仓")).read_bytes() == first
    assert draw(tmp_path / "c.png", np.flip(codes), names=("pit", "江仓")).read_bytes() != first
    assert b"tIME" not in first
    assert b"Software" not in first


def test_the_users_matplotlib_settings_change_nothing(tmp_path):
    import matplotlib

    first = draw(tmp_path / "a.png", np.full((30, 40), 8), names=("$x$",)).read_bytes()
    with matplotlib.rc_context({"font.family": ["serif"], "text.parse_math": True, "savefig.dpi": 50, "axes.facecolor": "red", "image.origin": "lower"}):
        assert draw(tmp_path / "b.png", np.full((30, 40), 8), names=("$x$",)).read_bytes() == first


@pytest.mark.parametrize("name", AWKWARD, ids=lambda n: ascii(n[:20]))
def test_any_zone_name_and_title_is_drawn_as_it_is(tmp_path, name):
    found = figure(np.full((30, 40), 8), names=("pit", name), words=Words(name, (), (name,)))
    save(found, tmp_path / "map.png")
    drawn = [t.get_text() for t in texts(found) if t.get_gid() in ("zone label", "zone key")]
    whole = "".join(drawable(name).split())
    assert any("".join(text.split()).removesuffix("…") and whole.startswith("".join(text.split()).removesuffix("…")) for text in drawn), drawn
    assert not any(t.get_parse_math() for t in texts(found))


def test_unreachable_classes_are_marked_in_the_legend():
    found = figure(np.full((30, 40), 6), unreachable=frozenset({2, 8}))
    marked = {t.get_text() for t in texts(found) if t.get_text().endswith(" *")}
    assert {m.split(" ")[0] + m.split(" ")[1] for m in marked} == {"significantincrease", "significantdecrease"}
    assert [t for t in texts(found) if t.get_text().startswith("* cannot occur")]
    assert not [t for t in texts(figure(np.full((30, 40), 6))) if "*" in t.get_text()]


def test_the_legend_is_in_english_and_in_chinese_where_a_font_has_it(monkeypatch):
    labels = [t.get_text() for t in texts(figure(np.full((30, 40), 97)))]
    assert "water 水体" in labels or not lettering.has_chinese()
    monkeypatch.setattr(lettering, "families", lambda: ("DejaVu Sans",))
    for cached in (lettering._faces, lettering._advance):
        cached.cache_clear()
    try:
        labels = [t.get_text() for t in texts(figure(np.full((30, 40), 97), names=("江仓", "a江")))]
        assert "water" in labels
        assert not [text for text in labels if any("\u2e80" <= c <= "\u9fff" for c in text)]
        assert "(name in a script without a font here)" in [text.replace("\n", " ") for text in labels]
    finally:
        monkeypatch.undo()
        for cached in (lettering._faces, lettering._advance):
            cached.cache_clear()


def boxes(found, gid):
    renderer = found.canvas.get_renderer()
    return [t.get_window_extent(renderer) for t in texts(found) if t.get_gid() == gid]


def overlaps(found):
    return [(a, b) for i, a in enumerate(found) for b in found[:i] if a.overlaps(b)]


@pytest.mark.parametrize("count", [1, 7, 40, 56])
def test_labels_lie_on_the_page_and_on_no_other_and_every_zone_is_named(count):
    names, _, _ = many(count)
    shape = (60, 80)
    found = class_map(np.full(shape, 8, np.uint8), grid(shape), zones(*names, across=-(-count // 5), shape=shape), "nine", WORDS)
    labels, key = boxes(found, "zone label"), boxes(found, "zone key")
    assert len(labels) == count
    assert not overlaps(labels)
    assert not overlaps(key)
    assert found.get_size_inches()[1] <= 8.275
    width, height = found.bbox.size
    assert all(b.x0 >= 0 and b.x1 <= width and b.y0 >= 0 and b.y1 <= height for b in [*labels, *key])
    drawn = {t.get_text() for t in texts(found)}
    assert key or all(any(name.startswith(text.replace("\n", " ")) for text in drawn) for name in names)
    if key:
        assert {f"{i}. {name}" for i, name in enumerate(names, 1)} <= drawn
        assert {str(i) for i in range(1, count + 1)} <= drawn


def test_more_zones_than_the_key_has_room_for_are_counted():
    names, _, _ = many(90)
    found = class_map(np.full((60, 80), 8, np.uint8), grid((60, 80)), zones(*names, across=10, shape=(60, 80)), "five", WORDS)
    assert found.get_size_inches()[1] <= 8.275
    assert [t for t in texts(found) if "35 more, numbered as in the tables" in t.get_text()]


def test_no_text_is_smaller_than_7_points_and_all_of_it_is_on_the_page():
    found = figure(np.full((30, 40), 98), names=HOSTILE, words=Words(HOSTILE[3] * 3, WORDS.captions * 3, (HOSTILE[3] * 9,)), unreachable=frozenset({2}))
    assert min(t.get_fontsize() for t in texts(found)) >= 7
    width, height = found.bbox.size
    for text in texts(found):
        extent = text.get_window_extent(found.canvas.get_renderer())
        assert -1 <= extent.x0 <= extent.x1 <= width + 1, text.get_text()
        assert -1 <= extent.y0 <= extent.y1 <= height + 1, text.get_text()


@pytest.mark.parametrize("image", [None, np.full((30, 40), 0.5, np.float32), np.full((30, 40, 3), 9, np.uint8)], ids=["none", "grey", "colour"])
def test_zones_are_drawn_over_an_image_or_over_nothing(tmp_path, image):
    for name in ("a.png", "b.png"):
        save(image_map(image, grid(), zones("pit", "$2"), WORDS, "Image", ()), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    expected = {0: None, 2: "#808080", 3: "#090909"}[0 if image is None else image.ndim]
    assert expected is None or painted(tmp_path / "a.png", expected) > 1_000_000 or painted(tmp_path / "a.png", "#7f7f7f") > 1_000_000


def test_a_zone_of_several_parts_and_holes_is_outlined(tmp_path):
    shape = Point(W + 100, N - 100).buffer(60).difference(Point(W + 100, N - 100).buffer(20)).union(box(W + 200, N - 60, W + 250, N - 20))
    frame = gpd.GeoDataFrame({"zone": ["ring"]}, geometry=[shape], crs=32647).assign(role="pit", geodesic_m2=1.0)
    found = image_map(None, grid(), Zones(frame, {"ring": ()}, ()), WORDS, "", ())
    drawn = [segment for lines in map_axes(found).collections[1:] for segment in lines.get_segments()]
    assert len(drawn) == 3
    assert sum(np.hypot(*np.diff(s, axis=0).T).sum() for s in drawn) == pytest.approx(shape.length)


def sinusoidal(lon, lat, cell=250):
    """Return a grid of MODIS around a place."""
    x, y = Transformer.from_crs(4326, SINUSOIDAL, always_xy=True).transform(lon, lat)
    return GeoBox((80, 120), Affine(cell, 0, x - 60 * cell, 0, -cell, y + 40 * cell), SINUSOIDAL)


def projected(epsg, lon, lat, cell=10):
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    return GeoBox((80, 120), Affine(cell, 0, x - 60 * cell, 0, -cell, y + 40 * cell), f"EPSG:{epsg}")


GRIDS = {
    "utm centre": (projected(32647, 99, 38.1), 99, 38.1),
    "utm east edge": (projected(32647, 101.9, 38.1), 101.9, 38.1),
    "utm west edge, north": (projected(32635, 24.1, 67), 24.1, 67),
    "utm south": (projected(32719, -66.1, -23), -66.1, -23),
    "web mercator": (projected(3857, 99, 38.1), 99, 38.1),
    "sinusoidal": (sinusoidal(99.1, 38.1), 99.1, 38.1),
    "sinusoidal, west": (sinusoidal(-112, 40.5), -112, 40.5),
    "albers": (projected(5070, -120, 45, 30), -120, 45),
}


@pytest.mark.parametrize("name", GRIDS)
def test_true_north_is_the_meridian_convergence_of_proj(name):
    cells, lon, lat = GRIDS[name]
    x, y = Transformer.from_crs(4326, cells.crs.to_wkt(), always_xy=True).transform([lon, lon], [lat - 1e-4, lat + 1e-4])
    along_meridian = degrees(atan2(x[1] - x[0], y[1] - y[0]))
    assert true_north_deg(cells) == pytest.approx(along_meridian, abs=0.01)
    if "utm" in name:  # PROJ: the angle from true north to grid north, clockwise
        factors = Proj(cells.crs.to_wkt()).get_factors(lon, lat)
        assert true_north_deg(cells) == pytest.approx(-factors.meridian_convergence, abs=0.01)


def test_true_north_of_places_that_can_be_worked_out():
    assert true_north_deg(GRIDS["web mercator"][0]) == pytest.approx(0, abs=1e-6)
    assert true_north_deg(GRIDS["utm centre"][0]) == pytest.approx(0, abs=1e-3), "the zone's central meridian"
    assert true_north_deg(GRIDS["utm east edge"][0]) == pytest.approx(-2.9 * np.sin(radians(38.1)), abs=0.02), "grid north lies to the east"
    assert true_north_deg(GRIDS["sinusoidal"][0]) == pytest.approx(-degrees(np.arctan(radians(99.1) * np.sin(radians(38.1)))), abs=0.2)


@pytest.mark.parametrize(("name", "expected"), [("utm centre", 1 / 0.9996), ("web mercator", cos(radians(38.1))), ("sinusoidal", 1.0), ("albers", None)])
def test_a_length_on_the_ground(name, expected):
    cells, lon, lat = GRIDS[name]
    found = ground_per_unit(cells)
    assert expected is None or found == pytest.approx(expected, rel=3e-3)  # sphere and ellipsoid
    x, y = Transformer.from_crs(4326, cells.crs.to_wkt(), always_xy=True).transform(lon, lat)
    ends = Transformer.from_crs(cells.crs.to_wkt(), 4326, always_xy=True).transform([x - 50, x + 50], [y, y])
    assert found == pytest.approx(Geod(ellps="WGS84").inv(ends[0][0], ends[1][0], ends[0][1], ends[1][1])[2] / 100, rel=1e-3)


@pytest.mark.parametrize("name", GRIDS)
def test_the_scale_bar_and_the_arrow_on_paper_are_true(name):
    cells, lon, lat = GRIDS[name]
    west, south, east, north = cells.boundingbox
    frame = gpd.GeoDataFrame({"zone": ["z"]}, geometry=[box(west, south, east, north)], crs=cells.crs.to_wkt()).assign(role="pit", geodesic_m2=1.0)
    found = image_map(None, cells, Zones(frame, {"z": ()}, ()), WORDS, "", ())
    bars = [p for p in found.axes[0].patches if (p.get_gid() or "").startswith("scale bar")]
    assert len(bars) == 4
    inches = bars[-1].get_x() + bars[-1].get_width() - bars[0].get_x()
    axes = map_axes(found)
    on_paper = axes.get_position().width * found.get_size_inches()[0]
    units = inches * (axes.get_xlim()[1] - axes.get_xlim()[0]) / on_paper
    x, y = Transformer.from_crs(4326, cells.crs.to_wkt(), always_xy=True).transform(lon, lat)
    ends = Transformer.from_crs(cells.crs.to_wkt(), 4326, always_xy=True).transform([x - units / 2, x + units / 2], [y, y])
    metres = Geod(ellps="WGS84").inv(ends[0][0], ends[1][0], ends[0][1], ends[1][1])[2]
    assert length_text(round(metres, -1)) in {t.get_text() for t in texts(found)}
    assert metres == pytest.approx(round(metres, -2), rel=2e-3)
    assert axes.get_position().height * found.get_size_inches()[1] / on_paper == pytest.approx((north - south) / (east - west), rel=1e-6)
    arrow = next(p for p in found.axes[0].patches if (p.get_gid() or "").startswith("north arrow"))
    head, notch = arrow.get_xy()[0], arrow.get_xy()[2]
    assert degrees(atan2(head[0] - notch[0], head[1] - notch[1])) == pytest.approx(true_north_deg(cells), abs=1e-6)
    assert [t for t in texts(found) if north_text(true_north_deg(cells)) in t.get_text() and crs_title(cells.crs) in t.get_text()]


POWERS = [10.0**k for k in range(1, 6)]


@pytest.mark.parametrize("most", [1.0, 2.0, 5.0, 4999.9, *np.geomspace(1, 9.99e5, 23), *POWERS, *np.nextafter(POWERS, 0)])
def test_the_scale_bar_is_the_longest_round_length_that_fits(most):
    rounded = [m * 10**k for k in range(-2, 7) for m in (1, 2, 5)]
    assert scale_length(float(most)) == max(r for r in rounded if r <= most)


def test_drawable_keeps_what_fonts_can_draw_and_says_when_nothing_is_left():
    assert drawable("Pit No. 4, $x$ <b> é я") == "Pit No. 4, $x$ <b> é я"
    assert drawable("two\n\tlines ") == "two lines"
    assert drawable("a\U0001f9ffb\U000e0041c") == "abc"
    assert drawable("\U000e0041") == drawable("\U000e0042 \U000e0043") != ""


@pytest.mark.parametrize("text", ["Pit No. 4", "江仓矿区", "iiiWWW", "South dump of Pit No. 2"])
def test_the_width_of_text_is_that_of_the_renderer(text):
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    drawn = RendererAgg(10, 10, 720).get_text_width_height_descent(text, FontProperties(family=list(lettering.families()), size=8), False)[0] / 720
    assert width_in(text, 8) == pytest.approx(drawn, rel=0.03)


@pytest.mark.parametrize("text", [*AWKWARD, "a word and another one of them", "江仓，第四号。矿坑"], ids=lambda n: ascii(n[:20]))
@pytest.mark.parametrize("most", [0.4, 1.0, 3.0])
def test_wrapped_text_fits_and_loses_nothing_but_what_is_cut(text, most):
    lines = wrapped(text, most, 8)
    assert all(width_in(line, 8) <= most for line in lines)
    assert "".join("".join(lines).split()) == "".join(drawable(text).split())
    assert not any(line[0] in "，。" for line in lines)
    cut = shortened(text, most, 8)
    assert width_in(cut, 8) <= most + 1e-9
    assert cut == drawable(text) or (cut.endswith("…") and drawable(text).startswith(cut[:-1]))


def test_the_crs_is_named_by_its_code_or_its_name():
    assert crs_name(grid().crs) == "EPSG:32647"
    assert crs_title(grid().crs) == "WGS 84 / UTM zone 47N (EPSG:32647)"
    assert crs_title(GRIDS["sinusoidal"][0].crs) == "Sinusoidal"
    assert crs_name(GRIDS["sinusoidal"][0].crs)
    assert "EPSG" not in crs_name(GRIDS["sinusoidal"][0].crs)
    assert str(GRIDS["web mercator"][0].crs) == MERCATOR
