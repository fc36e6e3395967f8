"""Charts of cover and weather: what is drawn is what was given, gaps stay gaps, any zone name, all text on the page."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from figurerows import HOSTILE, WORDS, texts
from matplotlib.colors import to_hex
from test_figures import checks_of_every_figure

from pipeline.evaluation.climatechart import COLD, DRY, MOST_ACROSS, MOST_ROWS, PEAK, WARM, WET, ZoneWeather, climate_chart
from pipeline.report.climatebars import climate_bars
from pipeline.sheet import save

NAN = float("nan")
YEARS = (2019, 2020, 2021, 2022)
RAIN, WARMTH = (-30.0, 0.0, 60.0, NAN), (0.4, -0.8, NAN, 0.4)
PIT = ZoneWeather("Pit No. 4", YEARS, (30.0, NAN, 45.0, 40.0), {"precipitation": RAIN, "temperature": WARMTH}, (60.0, 62.0, 70.0, 65.0))


def bars(figure, name):
    """Return the bars of a variable: year, height, colour."""
    found = [p for axes in figure.axes[1:] for p in axes.patches if (p.get_gid() or "").startswith(f"{name} ")]
    return [(int(p.get_gid().split()[1]), round(p.get_x() + p.get_width() / 2), p.get_height(), to_hex(p.get_facecolor())) for p in found]


def drawn(figure):
    return " ".join(t.get_text() for t in texts(figure))


def test_lines_and_bars_are_the_values_and_what_is_not_known_is_not_drawn():
    figure = climate_chart([PIT], WORDS)
    cover, reference = ([line for axes in figure.axes[1:] for line in axes.lines if line.get_gid() == gid] for gid in ("cover", "reference"))
    assert np.array_equal(cover[0].get_ydata(), PIT.cover, equal_nan=True)
    assert reference[0].get_ydata().tolist() == list(PIT.reference)
    assert reference[0].is_dashed()
    assert bars(figure, "precipitation") == [(2019, 2019, -30.0, DRY), (2020, 2020, 0.0, DRY), (2021, 2021, 60.0, WET)]
    assert bars(figure, "temperature") == [(2019, 2019, 0.4, WARM), (2020, 2020, -0.8, COLD), (2022, 2022, 0.4, WARM)]
    for words in ("No bar: the weather of that season is not known.", "A gap: no observed land.", "Dashed: reference."):
        assert words in drawn(figure)
    checks_of_every_figure(figure)


def test_the_best_year_is_shaded_in_every_part():
    figure = climate_chart([PIT], WORDS)
    shades = [p for axes in figure.axes[1:] for p in axes.patches if p.get_gid() == "peak 2021"]
    assert len(shades) == len(figure.axes) - 1 == 3
    assert {(p.get_x(), p.get_width(), to_hex(p.get_facecolor())) for p in shades} == {(2020.5, 1.0, PEAK)}
    assert PIT.peak == 2021
    assert ZoneWeather("a", (2020, 2021), (5.0, 5.0), {}).peak == 2020
    assert ZoneWeather("a", (2020,), (NAN,), {}).peak is None


def test_all_zones_have_one_scale_that_holds_every_bar():
    other = ZoneWeather("dump", YEARS, (80.0, 81.0, 92.0, 85.0), {"precipitation": (5.0, -90.0, 2.0, 3.0), "temperature": (0.1, 0.2, 0.3, 0.4)})
    figure = climate_chart([PIT, other], WORDS)
    limits = [axes.get_ylim() for axes in figure.axes[1:]]
    assert limits[:3] == limits[3:]
    assert limits[0] == (0, 100)
    assert limits[1][0] == -limits[1][1] < -90
    assert limits[2][0] == -limits[2][1] < -0.8
    checks_of_every_figure(figure)


def test_one_variable_alone_and_complete_years_have_no_notes_on_gaps():
    figure = climate_chart([ZoneWeather("pit", (2020, 2021), (30.0, 40.0), {"temperature": (0.5, -0.5)})], WORDS)
    assert len(figure.axes) - 1 == 2
    assert not bars(figure, "precipitation")
    for words in ("No bar", "A gap", "Dashed", "The first"):
        assert words not in drawn(figure)
    checks_of_every_figure(figure)


@pytest.mark.parametrize("count", [1, 5, 11])
@pytest.mark.parametrize("years", [2, 24])
def test_any_number_of_zones_and_years_stays_on_the_page(count, years):
    rng = np.random.default_rng(count)
    names = [*HOSTILE, *(f"zone {i}" for i in range(20))][:count]
    given = [
        ZoneWeather(n, tuple(range(2000, 2000 + years)), tuple(rng.uniform(0, 100, years)), {"precipitation": tuple(rng.normal(0, 80, years))}) for n in names
    ]
    figure = climate_chart(given, WORDS)
    shown = min(count, MOST_ACROSS * MOST_ROWS)
    assert len(figure.axes) - 1 == 2 * shown
    assert (f"The first {shown} of {count} zones" in drawn(figure)) == (count > shown)
    checks_of_every_figure(figure)


def test_equal_charts_give_equal_bytes_at_300_dpi(tmp_path):
    for name in ("a.png", "b.png"):
        save(climate_chart([PIT], WORDS), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


# In the report

SVG = "{http://www.w3.org/2000/svg}"


def known(values, scale=1.0):
    return {year: scale * value for year, value in zip(YEARS, values, strict=True) if value == value}


def bars_of(root, name):
    (group,) = [g for g in root.iter(f"{SVG}g") if g.get("class") == name]
    return {r.find(f"{SVG}title").text: r for r in group.iter(f"{SVG}rect")}


def svg(**changes):
    given = {"cover": known(PIT.cover, 0.01), "anomalies": {"precipitation": known(RAIN), "temperature": known(WARMTH)}, "title": "t"} | changes
    return ET.fromstring(climate_bars(YEARS, given["cover"], given["anomalies"], given["title"]))


def test_bars_of_the_report_are_the_anomalies():
    root = svg()
    rain = bars_of(root, "precipitation")
    assert list(rain) == ["2019: -30.0 mm", "2020: +0.0 mm", "2021: +60.0 mm"]
    heights = [float(r.get("height")) for r in rain.values()]
    assert heights == pytest.approx([heights[2] / 2, 0, heights[2]], abs=0.06)
    below, _, above = rain.values()
    zero = float(below.get("y"))
    assert float(above.get("y")) + float(above.get("height")) == pytest.approx(zero, abs=0.11)  # upwards from the line from which the other hangs
    assert [r.get("fill") for r in rain.values()] == [DRY, DRY, WET]
    assert [r.get("fill") for r in bars_of(root, "temperature").values()] == [WARM, COLD, WARM]


def test_the_line_of_the_report_breaks_at_the_gap_and_the_best_year_is_shaded():
    root = svg()
    (own,) = [g for g in root.iter(f"{SVG}g") if g.get("class") == "own"]
    assert len(own.findall(f"{SVG}circle")) == 3
    assert len(own.findall(f"{SVG}line")) == 1  # 2021 to 2022
    (shade,) = [r for r in root.iter(f"{SVG}rect") if r.get("class") == "peak"]
    middle = float(shade.get("x")) + float(shade.get("width")) / 2
    assert middle == pytest.approx(float(own.findall(f"{SVG}circle")[1].get("cx")), abs=0.11)
    assert own.findall(f"{SVG}circle")[1].find(f"{SVG}title").text == "2021: 45.0 %"


def test_everything_of_the_report_lies_within_its_view():
    root = svg()
    width, height = map(float, root.get("viewBox").split()[2:])
    for r in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(r.get(k)) for k in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
    assert all(0 < float(t.get("y")) < height for t in root.iter(f"{SVG}text"))


def test_names_are_text_and_empty_series_are_drawn_as_nothing():
    hostile = svg(title=HOSTILE[0])
    assert hostile.find(f"{SVG}title").text == HOSTILE[0]
    empty = svg(cover={}, anomalies={"precipitation": {}})
    assert not list(empty.iter(f"{SVG}circle"))
    assert not bars_of(empty, "precipitation")
    assert [r for r in empty.iter(f"{SVG}rect")] == []
    level = svg(anomalies={"temperature": dict.fromkeys(YEARS, 0.0)})
    assert {float(r.get("height")) for r in bars_of(level, "temperature").values()} == {0}
