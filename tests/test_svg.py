"""The pieces of SVG that charts are drawn of: names stay text, places lie inside, years at an axis do not crowd."""

import xml.etree.ElementTree as ET

import pytest

from pipeline import svg


def test_words_are_text_and_never_markup():
    hostile = '<script>alert(1)</script> & "x"'
    root = svg.drawing(100, 50, hostile)
    svg.titled(svg.text(root, 1, 2, hostile), hostile)
    back = ET.fromstring(svg.markup(root))
    assert [e.tag.split("}")[1] for e in back.iter()] == ["svg", "title", "text", "title"]
    assert [e.text for e in back.iter() if e.text] == [hostile] * 3


@pytest.mark.parametrize("years", [[2020], [2020, 2021], list(range(1984, 2025)), [2001, 2005, 2006]])
def test_a_plot_of_years_keeps_its_points_inside(years):
    plot = svg.YearPlot(years, -0.2, 1.3, "t")
    for year in years:
        for value in (-0.2, 0.5, 1.3):
            assert svg.LEFT < plot.x(year) < svg.WIDTH - svg.RIGHT
            assert svg.TOP <= plot.y(value) <= svg.HEIGHT - svg.BOTTOM
    assert plot.y(1.3) == svg.TOP and plot.y(-0.2) == svg.HEIGHT - svg.BOTTOM
    labels = [int(t.text) for t in plot.root.findall("text")]
    assert labels[-1] == years[-1] and len(labels) <= svg.MOST_YEARS and set(labels) <= set(years)


def test_rows_of_bars_leave_no_slit():
    root = svg.drawing(100, 100, "t")
    ends = []
    for i in range(3):
        bar = svg.rectangle(root, 1, 100 * i / 3, 5, 100 / 3, {"fill": "#000000"})
        ends.append((float(bar.get("y")), float(bar.get("y")) + float(bar.get("height"))))
    assert all(after[0] - before[1] <= 0.011 for before, after in zip(ends, ends[1:], strict=False))
