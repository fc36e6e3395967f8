"""Maps: a PNG of known size, the legend's own colours, equal bytes for equal input, and any zone name."""

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from odc.geo.geobox import GeoBox
from shapely.geometry import Point, box

from pipeline.aoi import Zones
from pipeline.classes import LEGEND
from pipeline.maps import class_map, crs_name, drawable, scale_length, zone_map

W, N = 540_000, 4_210_300
SCHEMES = {
    "five": [2, 4, 5, 6, 8, 97, 98, 99],
    "seven": [2, 3, 4, 5, 6, 7, 8, 97, 98, 99],
    "nine": [1, 2, 3, 4, 5, 6, 7, 8, 9, 97, 98, 99],
}
AWKWARD = ["$1/2$ price", "$\\frac{1}{$", "<b>&amp;", "江仓 4 号井", "שלום", "🌱 seedling", "🌱", "a_b^c", "two\nlines", "\\", "%s {}", "x" * 300]


def grid(shape=(30, 40), cell=10):
    return GeoBox(shape, Affine(cell, 0, W, 0, -cell, N), "EPSG:32647")


def zones(*names):
    """Return small zones side by side, in degrees."""
    shapes = [box(W + 60 * i + 10, N - 280, W + 60 * i + 40, N - 200) for i in range(len(names))]
    frame = gpd.GeoDataFrame({"zone": list(names)}, geometry=shapes, crs=32647).to_crs(4326)
    return Zones(frame.assign(role="pit", geodesic_m2=2400.0), {n: () for n in names}, ())


def draw(path, codes, scheme="seven", names=("pit",), title="Mine: trend 2020-2024", **more):
    class_map(path, np.uint8(codes), grid(np.shape(codes)), zones(*names), scheme, title, "sentinel-2.", **more)
    return path


def painted(path, colour):
    """Return the number of pixels of exactly one colour."""
    pixels = np.round(imread(path)[..., :3] * 255).astype(int)
    return int((pixels == np.round(np.array(to_rgb(colour)) * 255).astype(int)).all(axis=-1).sum())


@pytest.mark.parametrize(("shape", "height"), [((30, 40), 990), ((10, 40), 675), ((40, 10), 2100)])
def test_the_picture_is_1500_pixels_wide_and_as_high_as_the_grid_asks(tmp_path, shape, height):
    path = draw(tmp_path / "map.png", np.full(shape, 8))
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert imread(path).shape[:2] == (height, 1500)
    assert [p.name for p in tmp_path.iterdir()] == ["map.png"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_class_is_drawn_in_its_own_colour_and_equal_areas_look_equal(tmp_path, scheme):
    codes = SCHEMES[scheme]
    path = draw(tmp_path / "map.png", np.repeat(codes, 4)[None].repeat(30, axis=0), scheme)
    counts = {c.code: painted(path, c.colour) for c in LEGEND if c.code}
    assert min(counts[c] for c in codes) > 0.6 * max(counts.values())  # outlines, names, arrow and bar cover some
    assert max((n for c, n in counts.items() if c not in codes), default=0) < 0.02 * max(counts.values())


def test_outside_is_not_painted(tmp_path):
    codes = np.zeros((30, 40), np.uint8)
    codes[:, :20] = 8
    whole, half = draw(tmp_path / "a.png", np.full((30, 40), 8)), draw(tmp_path / "b.png", codes)
    green = next(c.colour for c in LEGEND if c.code == 8)
    assert painted(half, green) == pytest.approx(painted(whole, green) / 2, rel=0.05)


def test_a_raster_with_more_cells_than_pixels_keeps_its_shares(tmp_path):
    codes = np.full((30, 5000), 2, np.uint8)
    codes[:, :2500] = 8
    path = tmp_path / "map.png"
    class_map(path, codes, grid((30, 5000)), zones("pit"), "seven", "t", "s")
    brown, green = (painted(path, next(c.colour for c in LEGEND if c.code == code)) for code in (2, 8))
    assert green == pytest.approx(brown, rel=0.25)


def test_equal_input_gives_equal_bytes(tmp_path):
    codes = np.random.default_rng(0).choice([0, 2, 5, 8, 99], (30, 40))
    first = draw(tmp_path / "a.png", codes, names=("pit", "江仓")).read_bytes()
    assert draw(tmp_path / "b.png", codes, names=("pit", "江仓")).read_bytes() == first
    assert draw(tmp_path / "c.png", np.flip(codes), names=("pit", "江仓")).read_bytes() != first
    assert b"tIME" not in first
    assert b"Software" not in first


@pytest.mark.parametrize("name", AWKWARD)
def test_any_zone_name_and_title_can_be_drawn(tmp_path, name):
    path = draw(tmp_path / "map.png", np.full((30, 40), 8), names=("pit", name), title=name)
    assert imread(path).shape[:2] == (990, 1500)


def test_unreachable_classes_are_marked_in_the_legend(tmp_path):
    codes = np.full((30, 40), 6)
    plain = draw(tmp_path / "a.png", codes).read_bytes()
    assert draw(tmp_path / "b.png", codes, unreachable=frozenset({2, 8})).read_bytes() != plain
    assert draw(tmp_path / "c.png", codes, unreachable=frozenset()).read_bytes() == plain


@pytest.mark.parametrize("image", [None, np.full((30, 40), 0.5, np.float32), np.full((30, 40), np.nan, np.float32)], ids=["none", "ndvi", "missing"])
def test_zones_are_drawn_over_an_image_or_over_nothing(tmp_path, image):
    for name in ("a.png", "b.png"):
        zone_map(tmp_path / name, image, grid(), zones("pit", "$2"), "Zones", "2020")
    assert imread(tmp_path / "a.png").shape[:2] == (990, 1500)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_zone_of_several_parts_and_holes_is_outlined(tmp_path):
    shape = Point(W + 100, N - 100).buffer(60).difference(Point(W + 100, N - 100).buffer(20)).union(box(W + 200, N - 60, W + 250, N - 20))
    frame = gpd.GeoDataFrame({"zone": ["ring"]}, geometry=[shape], crs=32647).assign(role="pit", geodesic_m2=1.0)
    zone_map(tmp_path / "a.png", None, grid(), Zones(frame, {"ring": ()}, ()), "t", "s")
    outer = frame.set_geometry([Point(W + 100, N - 100).buffer(60)], crs=32647)
    zone_map(tmp_path / "b.png", None, grid(), Zones(outer, {"ring": ()}, ()), "t", "s")
    lines = [painted(tmp_path / name, "#222222") / length for name, length in (("a.png", shape.length), ("b.png", 120 * np.pi))]
    assert lines[0] == pytest.approx(lines[1], rel=0.4)  # vertical lines have more pixels of the pure colour than slanted ones


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


def test_the_crs_is_named_by_its_code_or_its_name():
    assert crs_name(grid().crs) == "EPSG:32647"
    sinusoidal = GeoBox((3, 3), Affine(250, 0, 0, 0, -250, 0), "+proj=sinu +R=6371007.181 +units=m +type=crs")
    assert crs_name(sinusoidal.crs)
    assert "EPSG" not in crs_name(sinusoidal.crs)
