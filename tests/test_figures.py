"""Charts and previews: what is drawn is what the tables and images hold; 300 dpi, equal bytes, any zone name, gaps stay gaps."""

import csv
import json
from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from conftest import ONE_SENSOR
from figurerows import HOSTILE, UTM, WORDS, N, W, area_rows, cover_rows, grid, many, texts, zones
from matplotlib.colors import to_hex
from matplotlib.image import imread
from PIL import Image
from pyproj import Geod
from rasterio.transform import from_origin
from running import ROOT
from scenemine import SHAPE, SceneMine

from pipeline import grid as grids
from pipeline.areachart import area_bars, area_chart
from pipeline.attribution import title_of
from pipeline.captions import class_captions, cover_caption, preview_caption
from pipeline.classes import LEGEND
from pipeline.composite import recipe
from pipeline.config import load
from pipeline.coverchart import cover_chart, cover_series, restored_on
from pipeline.lettering import with_fonts
from pipeline.manifest import products, sha256
from pipeline.previews import View, by_day, clearest_day, coarse, picture, preview_map, read_composite, read_day, stretch
from pipeline.scenes import Scene, from_json
from pipeline.sheet import Words, save
from pipeline.sources import source
from pipeline.tables import read_csv
from pipeline.zonetables import Tables

SUMMER = (182, 244)
REFERENCE = [0.7, 0.8, None, 0.75, 0.8]


def chart(covers, references=None, restored=None, first=2020, **more):
    rows = cover_rows(covers, first, **more)
    return cover_chart(cover_series(rows, references or {}, restored or {}), WORDS)


def lines(figure, gid):
    return [line for axes in figure.axes[1:] for line in axes.lines if line.get_gid() == gid]


def drawn(figure):
    return [t.get_text() for t in texts(figure)]


def checks_of_every_figure(figure):
    """Assert what every figure promises: nothing below 7 points, no formula, all text on the page, at most A4."""
    width, height = figure.get_size_inches()
    assert width <= 11.69
    assert height <= 8.275
    with_fonts(figure.draw_without_rendering)()  # places the labels of axes
    renderer = figure.canvas.get_renderer()
    ticks = [(tick, sorted(axis.get_view_interval())) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_major_ticks()]
    beyond = {label for tick, (low, high) in ticks if not low <= tick.get_loc() <= high for label in (tick.label1, tick.label2)}  # never drawn
    for text in set(texts(figure)) - beyond:
        assert text.get_fontsize() >= 7, text
        assert not (text.get_parse_math() and "$" in text.get_text()), text
        box = text.get_window_extent(renderer)
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= figure.bbox.width + 1, text
        assert box.y1 <= figure.bbox.height + 1, text


def test_the_lines_are_the_means_of_the_table_and_break_where_a_year_is_missing():
    figure = chart({"pit": [0.2, None, 0.3, 0.4, 0.5], "dump": [0.1, 0.2, 0.3, 0.4, 0.5]})
    pit, dump = lines(figure, "zone")
    assert pit.get_xdata().tolist() == dump.get_xdata().tolist() == [2020, 2021, 2022, 2023, 2024]
    assert np.allclose(pit.get_ydata(), [20, np.nan, 30, 40, 50], equal_nan=True)
    assert np.allclose(dump.get_ydata(), [10, 20, 30, 40, 50])
    points = [line.get_ydata().tolist() for line in lines(figure, "points")]
    assert [len(p) for p in points] == [4, 5]
    assert any("gap" in text for text in drawn(figure))
    assert not any("gap" in text for text in drawn(chart({"a": [0.1, 0.2]})))
    checks_of_every_figure(figure)


def test_a_year_without_a_row_is_a_gap_too():
    rows = [r for r in cover_rows({"pit": [0.2, 0.9, 0.3]}) if r["year"] != "2021"]
    (pit,) = cover_series(rows, {}, {})
    assert pit.years == (2020, 2021, 2022)
    assert np.isnan(pit.cover[1])


def test_the_picture_of_a_gap_has_no_line_in_it(tmp_path):
    save(chart({"pit": [0.5, 0.5, None, 0.5, 0.5]}), tmp_path / "a.png")
    save(chart({"pit": [0.5, 0.5, 0.5, 0.5, 0.5]}), tmp_path / "b.png")
    blue = [(np.round(imread(tmp_path / n)[..., :3] * 255) == (0, 0x72, 0xB2)).all(axis=-1).any(axis=0) for n in ("a.png", "b.png")]
    longest = [max(len(run) for run in "".join("x" if v else " " for v in columns).split(" ")) for columns in blue]
    assert longest[0] < 0.35 * longest[1], "columns with the line: two short runs instead of one long"


def test_the_reference_is_dashed_and_named_and_the_zones_are_not():
    figure = chart({"pit": [0.2] * 5, "meadow": REFERENCE}, {"pit": ("meadow",)})
    (pit,), (meadow,) = lines(figure, "zone"), lines(figure, "reference")
    assert np.allclose(meadow.get_ydata(), [70, 80, np.nan, 75, 80], equal_nan=True)
    assert meadow.is_dashed()
    assert not pit.is_dashed()
    assert "meadow (reference)" in drawn(figure)
    assert "pit" in drawn(figure)
    assert "no reference zone is given" not in drawn(figure)
    assert "no reference zone is given" in drawn(chart({"pit": [0.2] * 5}))


def test_a_zone_that_is_its_own_reference_is_drawn_once():
    figure = chart({"meadow": [0.2] * 5}, {"meadow": ("meadow",)})
    assert len(lines(figure, "zone") + lines(figure, "reference")) == 1


@pytest.mark.parametrize(("most", "top"), [(0.012, 10), (0.08, 10), (0.5, 60), (0.59, 70), (0.99, 100), (None, 100)])
def test_the_axis_starts_at_zero_and_holds_every_value_in_per_cent(most, top):
    figure = chart({"pit": [most, most]})
    assert figure.axes[1].get_ylim() == (0, top)
    assert figure.axes[1].get_ylabel() == "mean vegetation cover, %"
    checks_of_every_figure(figure)


def test_a_year_that_saw_a_part_of_the_land_only_is_hollow():
    more = {"pit 2021": {"valid_pct": "60.0"}, "pit 2022": {"valid_pct": "60.0", "water_pct": "40.0"}}
    figure = chart({"pit": [0.2, 0.3, 0.4]}, **more)
    faces = {line.get_xdata()[0]: to_hex(line.get_markerfacecolor()) for line in lines(figure, "points")}
    assert faces[2021] == "#ffffff"
    assert faces[2020] != "#ffffff"
    assert [list(line.get_xdata()) for line in lines(figure, "points")] == [[2020, 2022], [2021]], "of 60 % land all was seen in 2022"
    assert any("hollow: less than 95 %" in text.replace("\n", " ") for text in drawn(figure))


@pytest.mark.parametrize("text", ["2021-06", "2021-02", "2024-12", "2021"])
@pytest.mark.parametrize("season", [SUMMER, (319, 425)])
def test_restoration_stands_where_its_days_are_between_the_middles_of_the_seasons(text, season):
    found = restored_on(text, season)
    year, _, month = text.partition("-")
    start = date(int(year), int(month or 1), 1)
    end = date(int(year) + (not month or month == "12"), int(month) % 12 + 1 if month else 1, 1)
    middle = date(int(year), 1, 1).toordinal() + (season[0] + season[1]) / 2 - 1
    assert found.first == pytest.approx(int(year) + (start.toordinal() - middle) / 365.25, abs=0.01)
    assert found.last == pytest.approx(int(year) + (end.toordinal() - middle) / 365.25, abs=0.01)


def test_restoration_is_marked_and_named_and_what_is_beyond_the_years_is_only_named():
    restored = {"pit": restored_on("2021-06", SUMMER), "dump": restored_on("2010", SUMMER)}
    figure = chart({"pit": [0.2] * 5, "dump": [0.3] * 5}, {}, restored)
    spans = {p.get_gid(): p.get_bbox() for p in figure.axes[1].patches if p.get_gid()}
    assert set(spans) == {"restored 2021-06"}
    assert spans["restored 2021-06"].x0 == pytest.approx(restored["pit"].first)
    assert spans["restored 2021-06"].x1 < 2021, "June is before the season of that year"
    whole = " ".join(drawn(figure))
    assert "restoration ended 2021-06: pit" in whole
    assert "restoration ended 2010, not among these years: dump" in whole


def test_dates_of_restoration_that_lie_close_share_a_label():
    restored = {zone: restored_on(text, SUMMER) for zone, text in (("a", "2022-06"), ("b", "2020-06"), ("c", "2021-06"), ("d", "2008"))}
    figure = chart({zone: [0.2] * 21 for zone in restored}, {}, restored, first=2002)
    labels = [t for t in texts(figure) if t.get_gid() == "restored"]
    assert [t.get_text() for t in labels] == ["2008", "2020-06, 2021-06, 2022-06"]
    figure.canvas.draw()
    first, second = (t.get_window_extent() for t in labels)
    assert first.x1 < second.x0 and second.x1 < figure.bbox.x1
    assert len([p for p in figure.axes[1].patches if (p.get_gid() or "").startswith("restored ")]) == 4
    few = chart({"a": [0.2] * 5, "b": [0.3] * 5}, {}, {"a": restored_on("2021-06", SUMMER), "b": restored_on("2023-06", SUMMER)})
    assert [t.get_text() for t in texts(few) if t.get_gid() == "restored"] == ["2021-06", "2023-06"]


@pytest.mark.parametrize("count", [1, 6, 7, 16, 40, 48])
def test_every_zone_is_drawn_and_named_at_any_number(count):
    names, covers, _ = many(count)
    figure = chart(covers | {"meadow": REFERENCE}, dict.fromkeys(names, ("meadow",)))
    assert [line.get_label() for line in lines(figure, "zone")] == names
    for line, values in zip(lines(figure, "zone"), covers.values(), strict=True):
        assert np.allclose(line.get_ydata(), 100 * np.array(values))
    assert len(lines(figure, "reference")) == (1 if count <= 6 else count)
    assert all(axes.get_ylim()[0] == 0 for axes in figure.axes[1:])
    named = [text.replace("\n", " ").removesuffix("…") for text in drawn(figure)]
    assert all(any(text and name.startswith(text) for text in named) for name in names)
    checks_of_every_figure(figure)


def test_the_legend_has_room_for_long_names_and_many_dates():
    names = [f"{i} {HOSTILE[3]}" for i in range(6)]
    restored = {name: restored_on(f"2021-{i + 1:02d}", SUMMER) for i, name in enumerate(names)}
    references = [f"ref {i} {HOSTILE[3]}" for i in range(3)]
    figure = chart(dict.fromkeys(names, [0.2, None]) | dict.fromkeys(references, [0.7, 0.8]), dict.fromkeys(names, tuple(references)), restored)
    checks_of_every_figure(figure)
    legend = [t for t in texts(figure) if t.axes is figure.axes[0] and t.get_position()[0] > 7.4]
    boxes = [t.get_window_extent(figure.canvas.get_renderer()) for t in legend]
    assert len(legend) > 25
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    source = next(t for t in texts(figure) if t.get_text().startswith("Source")).get_window_extent(figure.canvas.get_renderer())
    assert min(b.y0 for b in boxes) > source.y1


def test_many_references_get_panels():
    references = [f"ref {i}" for i in range(4)]
    figure = chart(dict.fromkeys(["pit", *references], [0.2, 0.3]), {"pit": tuple(references)})
    assert len(lines(figure, "zone")) == 1
    assert len(lines(figure, "reference")) == 4


def test_zones_beyond_the_page_are_counted():
    _, covers, areas = many(60)
    figure = chart(covers)
    assert len(lines(figure, "zone")) == 48
    assert any("The first 48 of 60 zones; all are in fvc_by_zone.csv." in text for text in drawn(figure))
    figure = area_chart(area_bars(area_rows(areas), (2020, 2024))[1], "seven", WORDS)
    assert any("The first 40 of 60 zones; all are in trend_area_by_zone.csv." in text for text in drawn(figure))


@pytest.mark.parametrize("count", [4, 12])
def test_hostile_names_are_drawn_as_they_are(tmp_path, count):
    covers = dict.fromkeys((HOSTILE * 3)[:4], [0.2, 0.3]) | {f"z{i}": [0.1, 0.2] for i in range(count - 4)}
    restored = {name: restored_on("2020", SUMMER) for name in HOSTILE}
    figure = cover_chart(cover_series(cover_rows(covers), {}, restored), Words(HOSTILE[2], (), (HOSTILE[0],)))
    save(figure, tmp_path / "a.png")
    checks_of_every_figure(figure)
    together = "\n".join(drawn(figure))
    for name in HOSTILE[:3]:
        assert name in together.replace("\n", " ") or count > 6
    assert HOSTILE[3][:8] in together
    bars = area_bars(area_rows({name: {8: 1.0} for name in HOSTILE}), (2020, 2024))[1]
    figure = area_chart(bars, "seven", Words(HOSTILE[3], (), ()), frozenset(HOSTILE))
    save(figure, tmp_path / "b.png")
    checks_of_every_figure(figure)
    assert f"{HOSTILE[2]} (reference)" in drawn(figure)


def test_no_data_at_all_is_drawn_as_such():
    rows = cover_rows({"pit": [None, None], "dump": [None, None]})
    figure = cover_chart(cover_series(rows, {}, {}), Words("t", (cover_caption(Tables(fvc=rows)),), ()))
    assert "No zone has a value of cover in 2020-2021." in drawn(figure)
    assert all(np.isnan(line.get_ydata()).all() for line in lines(figure, "zone"))
    assert not lines(figure, "points")
    checks_of_every_figure(figure)


def widths(axes):
    """Return the drawn lengths by zone (row) and class id."""
    return {bars.get_label(): [p.get_width() for p in bars] for bars in axes.containers}


@pytest.mark.parametrize("count", [1, 5, 40])
def test_the_bars_are_as_long_as_the_areas_of_the_table(count):
    names, _, areas = many(count)
    rows = area_rows(areas)
    scheme, bars = area_bars(rows, (2020, 2024))
    figure = area_chart(bars, scheme, WORDS)
    shares, km2 = figure.axes[1:]
    for c in LEGEND:
        own = [float(next((r["area_km2"] for r in rows if r["zone"] == n and r["code"] == str(c.code)), 0)) for n in names]
        if any(own):
            assert widths(km2)[c.class_id] == pytest.approx(own)
            whole = [sum(areas[n].values()) for n in names]
            assert widths(shares)[c.class_id] == pytest.approx([100 * a / w for a, w in zip(own, whole, strict=True)])
    for axes, whole in ((shares, [100.0] * count), (km2, [sum(areas[n].values()) for n in names])):
        ends = [max(p.get_x() + p.get_width() for bars in axes.containers for p in [bars[i]]) for i in range(count)]
        assert ends == pytest.approx(whole)
        assert axes.get_xlim()[0] == 0
        assert axes.get_xlim()[1] >= max(whole)
    assert [t.get_text() for t in texts(figure) if t.get_gid() == "zone name"] == names
    checks_of_every_figure(figure)


@pytest.mark.parametrize("scheme", ["five", "seven", "nine"])
def test_bars_have_the_legends_colours_and_what_has_no_trend_is_hatched(scheme):
    codes = [c.code for c in LEGEND if scheme in c.schemes and c.code]
    _, bars = area_bars(area_rows({"pit": dict.fromkeys(codes, 1.0)}, scheme), (2020, 2024))
    figure = area_chart(bars, scheme, WORDS)
    for axes in figure.axes[1:]:
        found = {bars.get_label(): bars[0] for bars in axes.containers}
        assert list(found) == [c.class_id for c in LEGEND if c.code in codes], "from decrease to increase, then without trend"
        for c in LEGEND:
            if c.code in codes:
                assert to_hex(found[c.class_id].get_facecolor()) == c.colour
                assert bool(found[c.class_id].get_hatch()) == (c.code > 90)


def test_bars_are_those_of_the_period_and_not_relative_to_the_reference():
    rows = area_rows({"pit": {8: 2.0}}) + area_rows({"pit": {8: 5.0}}, target="relative") + area_rows({"pit": {2: 3.0}}, period=(2021, 2024))
    assert area_bars(rows, (2020, 2024))[1][0].area_km2[8] == 2.0
    assert area_bars(rows, (2021, 2024))[1][0].area_km2[2] == 3.0
    figure = area_chart(area_bars(rows, (2020, 2024))[1], "seven", WORDS, frozenset(), frozenset({8}))
    assert [text for text in drawn(figure) if text.startswith("significant increase") and text.endswith("*")]
    assert any(text.startswith("* cannot occur") for text in drawn(figure))


def test_equal_charts_have_equal_bytes_and_300_dpi(tmp_path):
    _, covers, areas = many(5)
    for name in ("a", "b"):
        save(chart(covers), tmp_path / f"{name}1.png")
        save(area_chart(area_bars(area_rows(areas), (2020, 2024))[1], "seven", WORDS), tmp_path / f"{name}2.png")
    for number in (1, 2):
        assert (tmp_path / f"a{number}.png").read_bytes() == (tmp_path / f"b{number}.png").read_bytes()
        with Image.open(tmp_path / f"a{number}.png") as png:
            assert png.info["dpi"] == pytest.approx((300, 300), abs=0.01)
            assert "Software" not in png.info


def scene(name, day):
    return Scene(name, f"{day}T04:00:00Z", day, 2020, 1, 0.0, {})


def row(item, zone, clear, masked=0.0):
    return {"item": item, "zone": zone, "clear_pct": clear, "masked_pct": masked}


DAYS = [scene("a", "2020-07-01"), scene("b1", "2020-07-05"), scene("b2", "2020-07-05"), scene("c", "2020-07-09")]


@pytest.mark.parametrize(
    ("rows", "area", "day"),
    [
        ([row("a", "pit", 60, 40), row("c", "pit", 70, 30)], {"pit": 1}, "2020-07-09"),
        ([row("a", "pit", 70, 30), row("c", "pit", 70, 30)], {"pit": 1}, "2020-07-01"),
        ([row("a", "pit", 90, 10), row("a", "dump", 0, 100), row("c", "pit", 10, 90), row("c", "dump", 60, 40)], {"pit": 1, "dump": 3}, "2020-07-09"),
        ([row("a", "pit", 60, 40), row("b1", "pit", 45, 5), row("b2", "pit", 45, 5)], {"pit": 1}, "2020-07-05"),
        ([row("a", "pit", 60, 40), row("b1", "pit", 55, 45), row("b2", "pit", 55, 45)], {"pit": 1}, "2020-07-01"),
        ([], {"pit": 1}, "2020-07-01"),
    ],
    ids=["clearer", "first of equals", "larger zone", "two halves", "the same twice", "nothing seen"],
)
def test_the_clearest_day_shows_the_largest_clear_area(rows, area, day):
    assert {s.day for s in clearest_day(DAYS, rows, area)} == {day}


def test_a_day_keeps_its_scenes_in_their_order_and_no_scene_has_no_day():
    assert [s.id for s in by_day(reversed(DAYS))["2020-07-05"]] == ["b1", "b2"]
    assert clearest_day([], [], {"pit": 1}) == ()


def mine(folder):
    """Return a mine with one cloudy and one clear day a year, 2022 without any."""
    made = SceneMine(folder)
    cloudy = np.full((SHAPE[0] // 2, SHAPE[1] // 2), 4)
    cloudy[:, :20] = 9
    for year in (2020, 2021, 2023, 2024):
        made.add(f"{year}-07-05", ndvi=0.3, scl=cloudy)
        made.add(f"{year}-07-20", ndvi=np.linspace(0.1, 0.8, 80)[None], noise=0.01)
        made.add(f"{year}-08-02", ndvi=0.5, scl=cloudy)
    return made


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Run every stage of a small mine of scenes, and draw its figures twice."""
    made = mine(tmp_path_factory.mktemp("figures"))
    folder = made.run()
    for _ in range(2):
        for stage, *more in (["map", "--period", "2020-2024"], ["chart"], ["previews"]):
            assert made.stage(stage, "--sensor", "sentinel-2", *more) == 0
        for path in folder.glob("*.png"):
            path.with_suffix(".first").exists() or path.rename(path.with_suffix(".first"))
    return made, folder


FIGURES = [
    *(f"trend_{of}{what}_2020-2024" for of in ("", "relative_") for what in ("class", "area_by_zone")),
    "fvc_by_zone",
    *(f"preview_{y}" for y in range(2020, 2025)),
]


def test_two_runs_draw_equal_bytes_at_300_dpi(finished):
    _, folder = finished
    assert {p.stem for p in folder.glob("*.png")} == set(FIGURES)
    for name in FIGURES:
        assert (folder / f"{name}.png").read_bytes() == (folder / f"{name}.first").read_bytes(), name
        with Image.open(folder / f"{name}.png") as png:
            assert png.info["dpi"] == pytest.approx((300, 300), abs=0.01)
            assert png.size[0] <= 11.69 * 300
            assert png.size[1] <= 8.275 * 300
        assert b"tIME" not in (folder / f"{name}.png").read_bytes()


def test_figures_are_in_the_manifest_and_the_picture_of_check_is_not(finished):
    made, folder = finished
    root = folder.parent
    (root / "check.png").write_bytes(b"x")
    (folder / "check.png").write_bytes(b"x")
    listed = {str(p.relative_to(root)) for p in products(root)}
    assert {f"sentinel-2/{name}.png" for name in FIGURES} <= listed
    assert "check.png" not in listed
    assert "sentinel-2/check.png" in listed
    (folder / "check.png").unlink()
    assert sha256(folder / "fvc_by_zone.png") == sha256(folder / "fvc_by_zone.first")


def views(made, folder):
    pinned = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))
    config, cells = load(made.config), grids.from_json(pinned["grid"])
    how = recipe(config, "sentinel-2", grids.ground_cell_m(cells))
    return cells, {day: read_day(found, cells, how) for day, found in by_day(from_json(s) for s in pinned["scenes"]).items()}


def planted(made, cells, number, band):
    """Return a planted scene's reflectance on the grid."""
    stored, baseline = made.scenes[number][band].astype(float), made.scenes[number]["baseline"]
    top, left = round((N - cells.affine.f) / 10), round((cells.affine.c - W) / 10)
    offset = 1000 if float(baseline) >= 4 else 0
    return (stored[-top if top < 0 else top :, left:][: cells.shape[0], : cells.shape[1]] - offset) / 10_000


def test_a_preview_holds_the_reflectance_of_its_scene_whatever_its_offset(finished):
    made, folder = finished
    cells, found = views(made, folder)
    for number, day in ((1, "2020-07-20"), (10, "2024-07-20")):
        for band in ("red", "nir"):
            assert np.allclose(found[day].bands[band].astype(float), planted(made, cells, number, band), atol=3e-4), "float16"
        assert found[day].clear.all()
        assert found[day].items == (made.scenes[number]["id"].split("#")[0],)


def test_cloud_is_shown_and_not_clear(finished):
    made, folder = finished
    cells, found = views(made, folder)
    view = found["2020-07-05"]
    assert np.isfinite(view.bands["red"]).all()
    left = round((cells.affine.c - W) / 10)
    assert not view.clear[:, : 40 - left].any()
    assert view.clear[:, 40 + 5 - left :].all(), "beyond 40 m of dilation"
    inside = np.zeros(cells.shape, bool)
    inside[:, 30 - left : 50 - left] = True
    assert view.clear_share(inside) == pytest.approx(100 * view.clear[inside].mean())
    assert np.isnan(view.ndvi[~view.clear]).all()


def test_the_chosen_day_is_the_clear_one(finished):
    made, folder = finished
    pinned = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))
    for year in (2020, 2024):
        rows = json.loads((folder / "zone_by_scene" / f"{year}.json").read_text(encoding="utf-8"))
        (one,) = clearest_day([from_json(s) for s in pinned["scenes"] if s["year"] == year], rows, {"pit": 1.0, "background": 1.0})
        assert one.day == f"{year}-07-20"


def test_tiles_of_one_day_are_merged(tmp_path):
    made = SceneMine(tmp_path)
    made.add("2020-07-05", ndvi=0.2)
    east = made.add("2020-07-05", ndvi=0.6, west=W + 400)
    east["when"] = "2020-07-05T04:07:20Z"
    for year in (2021, 2022, 2023, 2024):
        made.add(f"{year}-07-05")
    made.composites()
    cells, found = views(made, tmp_path / "results" / "small" / "sentinel-2")
    ndvi = found["2020-07-05"].ndvi
    seam = round((W + 800 - cells.affine.c) / 10)
    assert len(found["2020-07-05"].items) == 2
    assert np.nanmax(np.abs(ndvi[:, : min(seam, ndvi.shape[1])] - 0.2)) < 2e-3, "the first scene wins where both show the ground"


@pytest.mark.parametrize("most", [1000, 41, 10])
def test_a_coarse_grid_covers_the_same_ground(most):
    fine = grid((130, 77))
    found = coarse(fine, most)
    step = -(-130 // most)
    assert max(found.shape) <= most
    assert found.shape == (-(-130 // step), -(-77 // step))
    assert (found.affine.c, found.affine.f) == (fine.affine.c, fine.affine.f)
    assert found.resolution.x == 10 * step


def view(red, nir, clear=None):
    red, nir = (np.array(v, np.float16)[None] for v in (red, nir))
    return View("2020", ("x",), {"red": red, "nir": nir}, np.isfinite(red) if clear is None else np.array(clear)[None])


def test_the_picture_is_nir_red_red_between_the_percentiles_of_what_is_clear():
    values = np.linspace(0.0, 1.0, 101)
    one = view(values, values / 2)
    limits = stretch([one], np.ones((1, 101), bool))
    assert limits["red"] == pytest.approx((0.02, 0.98), abs=1e-3)
    assert limits["nir"] == pytest.approx((0.01, 0.49), abs=1e-3)
    rgb = picture(one, limits)
    expected = np.clip((values - 0.02) / 0.96, 0, 1) * 255
    assert np.abs(rgb[0, :, 0] - expected).max() <= 1
    assert (rgb[..., 1] == rgb[..., 2]).all()
    assert np.abs(rgb[0, :, 1] - expected).max() <= 1


def test_all_years_share_their_stretch_and_only_clear_cells_of_zones_decide_it():
    first, second = view([0.1] * 50 + [9.0] * 50, [0.2] * 100, [True] * 50 + [False] * 50), view([0.5] * 100, [0.4] * 100)
    inside = np.ones((1, 100), bool)
    assert stretch([first, second], inside)["red"] == pytest.approx((0.1, 0.5), abs=1e-3)
    inside[:, :50] = False
    assert stretch([first, second], inside)["red"][0] == pytest.approx(0.5, abs=1e-3)
    assert stretch([first], inside)["red"][1] == pytest.approx(9.0, rel=1e-3), "nothing is clear: all values"
    assert stretch([], inside) == {}


def test_no_data_has_the_colour_of_the_page_and_a_view_without_data_has_no_picture():
    one = view([0.1, np.nan, 0.3], [0.2, 0.3, np.nan])
    rgb = picture(one, {"red": (0, 1), "nir": (0, 1)})
    assert rgb[0, 1].tolist() == rgb[0, 2].tolist() == [0xFB, 0xFB, 0xF8]
    assert picture(view([np.nan], [np.nan]), stretch([view([np.nan], [np.nan])], np.ones((1, 1), bool))) is None


def test_a_year_without_an_image_and_one_without_data_say_so():
    empty = view([np.nan] * 3, [np.nan] * 3)
    assert "No image" in drawn(preview_map(None, {}, grid(), zones("pit"), WORDS))
    assert "No data" in drawn(preview_map(empty, {}, grid(), zones("pit"), WORDS))
    assert preview_caption("2022", None, scenes=True).en == "No image in the season of 2022."
    assert "2021-07-20: clear over 93 %" in preview_caption("2021-07-20", 93.2, scenes=True).en
    assert "2021" in preview_caption("2021", 93.2, scenes=False).zh


def test_composites_are_shown_in_false_colour_and_ndvi_in_a_labelled_grey(small_mine):
    small_mine.write()
    config = load(small_mine.config)
    chosen = source(config, "sentinel-2")
    cells = grid((30, 40))
    found = read_composite(small_mine.folder / "2024.tif", chosen, 2024, cells)
    assert np.allclose(found.bands["red"].astype(float), small_mine.red[-1], atol=1e-3)
    assert np.allclose(found.ndvi, (small_mine.nir[-1] - small_mine.red[-1]) / (small_mine.nir[-1] + small_mine.red[-1]), atol=5e-3)
    figure = preview_map(found, stretch([found], found.clear), cells, zones("pit"), WORDS)
    assert "False colour (NIR, red, red)" in drawn(figure)
    checks_of_every_figure(figure)


def test_ndvi_images_are_drawn_by_the_stage_and_said_to_be(small_mine, tmp_path):
    small_mine.settings["sensors"]["sentinel-2"] |= {"bands": {"ndvi": 1}, "missing_years": [2022]}
    small_mine.red = np.clip((small_mine.nir - small_mine.red) / 0.4, -1, 1).astype("float32")
    small_mine.red[1, :5] = 3.0
    folder = small_mine.run()
    from pipeline.__main__ import main

    for stage, *more in (["map", "--period", "2020-2024"], ["chart"], ["previews"]):
        assert main([stage, str(small_mine.config), "--sensor", "sentinel-2", *more, "--results", str(small_mine.results)]) == 0
    assert {p.stem for p in folder.glob("*.png")} == set(FIGURES)
    config = load(small_mine.config)
    found = read_composite(small_mine.folder / "2021.tif", source(config, "sentinel-2"), 2021, grid((30, 40)))
    assert not found.clear[:5].any(), "NDVI of 3 is no observation"
    figure = preview_map(found, {"ndvi": (0.0, 0.8)}, grid((30, 40)), zones("pit"), WORDS)
    assert {"NDVI in grey", "NDVI 0.00", "NDVI 0.40", "NDVI 0.80"} <= set(drawn(figure))
    assert any("no false colour can be" in text for text in drawn(figure))


def test_strips_and_thinning_read_the_nearest_pixel(tmp_path):
    values = np.random.default_rng(0).uniform(0.05, 0.5, (2, 700, 300)).astype("float32")
    path = tmp_path / "2024.tif"
    with rasterio.open(path, "w", driver="GTiff", dtype="float32", count=2, width=300, height=700, crs=UTM, transform=from_origin(W, N, 10, 10)) as out:
        out.write(values)

    class Chosen:
        bands, scale, offset = {"red": 1, "nir": 2}, 1.0, 0.0

    for most in (700, 350):
        cells = coarse(grid((700, 300)), most)
        step = 700 // most
        found = read_composite(path, Chosen(), 2024, cells)
        assert np.allclose(found.bands["nir"].astype(float), values[1, step // 2 :: step, step // 2 :: step], atol=3e-4)


def test_the_preview_of_a_composite_of_days_names_its_span_and_what_is_dark():
    said = preview_caption("2022-08-05", 86.2, scenes=True, last="2022-08-20")
    assert said.en == "Composite of 2022-08-05 to 2022-08-20, each pixel of a day of its own: clear over 86 % of the zones' area."
    assert said.zh.startswith("2022-08-05至2022-08-20合成影像")
    assert preview_caption("2022-08-05", 86.2, scenes=True).en.startswith("2022-08-05: clear over 86 %")
    one = View("2022-08-05", ("a",), {"ndvi": np.full((4, 4), 0.5, np.float16)}, np.ones((4, 4), bool), "2022-08-20")
    assert one.when == "2022-08-05 to 2022-08-20" and View("2022", (), {}, np.ones((1, 1), bool)).when == "2022"
    words = " ".join(drawn(preview_map(one, {"ndvi": (0.0, 1.0)}, grid((4, 4)), zones("pit"), WORDS)))
    assert "also cloud" in words and "snow" in words


def test_a_figure_of_one_of_several_sensors_has_its_name_in_the_title():
    many_sensors, one_sensor = load(ROOT / "configs" / "jiangcang.yaml"), load(ONE_SENSOR)
    assert title_of(many_sensors, "what", "modis") == f"{many_sensors.title}, modis: what"
    assert title_of(one_sensor, "what", "sentinel-2") == f"{one_sensor.title}: what"


def test_the_figures_of_a_run_hold_the_numbers_of_its_tables(finished):
    made, folder = finished
    rows = read_csv(folder / "fvc_by_zone.csv")
    figure = cover_chart(cover_series(rows, {"pit": ("background",)}, {}), WORDS)
    with (folder / "fvc_by_zone.csv").open(encoding="utf-8", newline="") as handle:
        pit = [100 * float(r["fvc_mean"]) if r["fvc_mean"] else np.nan for r in csv.DictReader(handle) if r["zone"] == "pit"]
    assert np.isnan(pit[2])
    assert np.allclose(lines(figure, "zone")[0].get_ydata(), pit, equal_nan=True)
    areas = read_csv(folder / "trend_area_by_zone.csv")
    assert class_captions(Tables(area=areas))[(2020, 2024)].en
    _, bars = area_bars(areas, (2020, 2024))
    shape = gpd.GeoSeries([made.zones[0][1]], crs=32647).to_crs(4326).iloc[0]
    ground = abs(Geod(ellps="WGS84").geometry_area_perimeter(shape)[0]) / 1e6
    assert sum(bars[0].area_km2.values()) == pytest.approx(ground, rel=1e-5)


@pytest.mark.parametrize("mark", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", ids=ascii)
def test_no_name_turns_the_words_beside_it_around(mark):
    from pipeline.lettering import drawable

    assert drawable(f"pit {mark}4") == "pit 4"
