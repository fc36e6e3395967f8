"""Styles: QGIS and GDAL show exactly the scheme's classes, with the colours and names of LEGEND."""

import re
import xml.etree.ElementTree as ET

import dask.array as da
import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from matplotlib.colors import to_rgb
from odc.geo.geobox import GeoBox

from pipeline.classes import LEGEND, legend
from pipeline.styles import RAMPS, class_aux_xml, class_qml, continuous_qml, shown, stops
from pipeline.writer import Band, RasterSpec, write_raster

SCHEMES = {
    "five": [2, 4, 5, 6, 8, 97, 98, 99],
    "seven": [2, 3, 4, 5, 6, 7, 8, 97, 98, 99],
    "nine": [1, 2, 3, 4, 5, 6, 7, 8, 9, 97, 98, 99],
}
BY_CODE = {c.code: c for c in LEGEND}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_class_style_lists_exactly_the_schemes_classes(scheme):
    renderer = ET.fromstring(class_qml(scheme)).find("pipe/rasterrenderer")
    assert (renderer.get("type"), renderer.get("band")) == ("paletted", "1")
    entries = renderer.findall("colorPalette/paletteEntry")
    assert [int(e.get("value")) for e in entries] == SCHEMES[scheme] == [c.code for c in shown(scheme)]
    for e in entries:
        c = BY_CODE[int(e.get("value"))]
        assert (e.get("color"), e.get("alpha"), e.get("label")) == (c.colour, "255", f"{c.label} {c.label_zh}")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_category_names_stand_at_their_codes(scheme):
    band = ET.fromstring(class_aux_xml(scheme)).find("PAMRasterBand")
    names = [e.text or "" for e in band.findall("CategoryNames/Category")]
    assert len(names) == 100
    assert {i: n for i, n in enumerate(names) if n} == {c: BY_CODE[c].label for c in [0, *SCHEMES[scheme]]}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_attribute_table_has_one_row_per_class(scheme):
    table = ET.fromstring(class_aux_xml(scheme)).find("PAMRasterBand/GDALRasterAttributeTable")
    fields = [f.findtext("Name") for f in table.findall("FieldDefn")]
    usages = dict(zip(fields, [int(f.findtext("Usage")) for f in table.findall("FieldDefn")], strict=True))
    # GDALRATFieldUsage: 5 value, 2 name, 6 to 9 red, green, blue, alpha
    assert usages == {"Value": 5, "Class": 2, "Class_zh": 0, "R": 6, "G": 7, "B": 8, "A": 9}
    rows = [dict(zip(fields, [f.text for f in r.findall("F")], strict=True)) for r in table.findall("Row")]
    assert [int(r["Value"]) for r in rows] == [0, *SCHEMES[scheme]]
    for r in rows:
        c = BY_CODE[int(r["Value"])]
        assert (r["Class"], r["Class_zh"]) == (c.label, c.label_zh)
        assert tuple(round(255 * v) for v in to_rgb(c.colour)) == (int(r["R"]), int(r["G"]), int(r["B"]))
        assert int(r["A"]) == (0 if c.code == 0 else 255)


@pytest.fixture(params=SCHEMES)
def raster(request, tmp_path):
    """A class raster with its side file, as the `classes` stage leaves them: (path, scheme)."""
    scheme, path = request.param, tmp_path / "trend_class_2020-2024.tif"
    codes = np.uint8([[[0, *SCHEMES[scheme]]]])
    spec = RasterSpec((Band("trend_class"),), "uint8", 0, {}, {c.code: c.rgba for c in legend(scheme)})
    write_raster(path, da.from_array(codes), GeoBox(codes.shape[1:], Affine(10, 0, 0, 0, -10, 0), "EPSG:32647"), spec)
    path.with_name(path.name + ".aux.xml").write_text(class_aux_xml(scheme), encoding="utf-8")
    return path, scheme


def test_gdal_reads_names_and_attribute_table_back(raster, tmp_path):
    path, scheme = raster
    rasterio.shutil.copy(path, tmp_path / "as_gdal_reads_it.vrt", driver="VRT")
    seen = ET.parse(tmp_path / "as_gdal_reads_it.vrt").getroot().find("VRTRasterBand")
    names = [e.text or "" for e in seen.findall("CategoryNames/Category")]
    assert {i: n for i, n in enumerate(names) if n} == {c: BY_CODE[c].label for c in [0, *SCHEMES[scheme]]}
    rasterio.shutil.copy(path, tmp_path / "copy.tif", driver="GTiff")
    aux = ET.parse(tmp_path / "copy.tif.aux.xml").getroot()
    rows = aux.findall("PAMRasterBand/GDALRasterAttributeTable/Row")
    assert [int(r.find("F").text) for r in rows] == [0, *SCHEMES[scheme]]
    assert [r.findall("F")[2].text for r in rows] == [BY_CODE[c].label_zh for c in [0, *SCHEMES[scheme]]]


def test_gdal_reads_the_legends_colours_back(raster):
    path, scheme = raster
    with rasterio.open(path) as dataset:
        table = dataset.colormap(1)
    for code in SCHEMES[scheme]:
        assert table[code] == (*(round(255 * v) for v in to_rgb(BY_CODE[code].colour)), 255)
    assert {c for c, rgba in table.items() if rgba[3] == 255 and rgba[:3] != (0, 0, 0)} == set(SCHEMES[scheme])


@pytest.mark.parametrize("name", RAMPS)
def test_the_continuous_style_lists_the_ramps_stops(name):
    renderer = ET.fromstring(continuous_qml(name)).find("pipe/rasterrenderer")
    assert (renderer.get("type"), renderer.get("band")) == ("singlebandpseudocolor", "1")
    shader = renderer.find("rastershader/colorrampshader")
    assert shader.get("colorRampType") == "INTERPOLATED"
    stops = [(float(i.get("value")), i.get("color"), i.get("label")) for i in shader.findall("item")]
    assert stops == list(RAMPS[name].stops)
    low, high = stops[0][0], stops[-1][0]
    assert (float(shader.get("minimumValue")), float(shader.get("maximumValue"))) == (low, high)
    assert (float(renderer.get("classificationMin")), float(renderer.get("classificationMax"))) == (low, high)


@pytest.mark.parametrize("name", RAMPS)
def test_ramps_rise_and_every_colour_is_plain_hex(name):
    values = [v for v, _, _ in RAMPS[name].stops]
    assert values == sorted(set(values))
    assert all(re.fullmatch(r"#[0-9a-f]{6}", colour) for _, colour, _ in RAMPS[name].stops)
    assert RAMPS[name].name == name
    assert RAMPS[name].reference


def lightness(colour):
    """Return the relative luminance of a hex colour (WCAG 2)."""
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_cover_darkens_from_bare_to_closed_over_its_whole_range():
    stops = RAMPS["fvc"].stops
    assert (stops[0][0], stops[-1][0]) == (0, 1)
    light = [lightness(c) for _, c, _ in stops]
    assert light == sorted(light, reverse=True)


@pytest.mark.parametrize("name", sorted(set(RAMPS) - {"slope"}))
def test_every_ramp_but_the_slope_is_readable_in_grey(name):
    light = [lightness(c) for _, c, _ in RAMPS[name].stops]
    assert light in (sorted(light), sorted(light, reverse=True))
    assert min(np.abs(np.diff(light))) > 0.02


@pytest.mark.parametrize("span", [(182, 244), (319, 425), (1, 366), (200, 200), (200, 201)])
def test_a_ramp_spreads_over_the_range_that_it_is_given(span):
    found = stops("doy", span)
    values = [v for v, _, _ in found]
    np.testing.assert_allclose(values, np.linspace(span[0], max(span[1], span[0] + 1), 5))
    assert [c for _, c, _ in found] == [c for _, c, _ in RAMPS["doy"].stops]
    assert len({label for _, _, label in found}) == 5
    renderer = ET.fromstring(continuous_qml("doy", span)).find("pipe/rasterrenderer")
    assert [float(i.get("value")) for i in renderer.iter("item")] == values
    assert float(renderer.get("classificationMin")) == span[0]


def test_the_slope_ramp_is_symmetric_about_zero_and_lightest_there():
    values = np.array([v for v, _, _ in RAMPS["slope"].stops])
    np.testing.assert_array_equal(values, -values[::-1])
    light = [lightness(c) for _, c, _ in RAMPS["slope"].stops]
    middle = len(light) // 2
    assert values[middle] == 0
    assert light[: middle + 1] == sorted(light[: middle + 1])
    assert light[middle:] == sorted(light[middle:], reverse=True)
