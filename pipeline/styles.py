"""QGIS styles (.qml) and GDAL side files (.tif.aux.xml), generated from LEGEND and RAMPS."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.classes import TrendClass, legend


@dataclass(frozen=True)
class Ramp:
    """A continuous colour ramp: stops as (value, hex colour, label)."""

    name: str
    stops: tuple[tuple[float, str, str], ...]
    reference: str


RAMPS: dict[str, Ramp] = {
    r.name: r
    for r in (
        Ramp(
            "fvc",
            ((0.0, "#fff7e6", "0"), (0.25, "#e3dba0", "0.25"), (0.5, "#a3bf6b", "0.5"), (0.75, "#4a9a4f", "0.75"), (1.0, "#0b5a32", "1")),
            "one hue from light to dark: readable without colour vision",
        ),
        Ramp(
            "slope",
            (
                (-0.05, "#543005", "<= -0.05 per year"),
                (-0.02, "#bf812d", "-0.02"),
                (0.0, "#f5f5f5", "0"),
                (0.02, "#35978f", "0.02"),
                (0.05, "#003c30", ">= 0.05 per year"),
            ),
            "ColorBrewer BrBG, colour-blind safe, symmetric about 0",
        ),
        Ramp(
            "ndvi",
            ((0.0, "#ffffcc", "<= 0"), (0.25, "#c2e699", "0.25"), (0.5, "#78c679", "0.5"), (0.75, "#31a354", "0.75"), (1.0, "#006837", "1")),
            "ColorBrewer YlGn, colour-blind safe",
        ),
        Ramp(
            "clear",
            ((0.0, "#f1eef6", "0"), (3.0, "#bdc9e1", "3"), (6.0, "#74a9cf", "6"), (12.0, "#2b8cbe", "12"), (24.0, "#045a8d", ">= 24 observations")),
            "ColorBrewer PuBu, colour-blind safe; steps narrow where one observation more matters most",
        ),
        Ramp(
            "doy",
            ((1.0, "#440154", "1"), (92.0, "#3b528b", "92"), (183.0, "#21918c", "183"), (274.0, "#5ec962", "274"), (366.0, "#fde725", "366")),
            "matplotlib viridis (Smith and van der Walt 2015), readable without colour vision; a style gives it the season's range",
        ),
        Ramp(
            "water",
            ((0.0, "#eff3ff", "0"), (0.25, "#bdd7e7", "0.25"), (0.5, "#6baed6", "0.5"), (0.75, "#3182bd", "0.75"), (1.0, "#08519c", "1")),
            "ColorBrewer Blues, colour-blind safe",
        ),
        Ramp(
            "year",
            ((1950.0, "#0d0887", "1950"), (2012.5, "#7e03a8", "2012"), (2075.0, "#cc4778", "2075"), (2137.5, "#f89540", "2137"), (2200.0, "#f0f921", "2200")),
            "matplotlib plasma (Smith and van der Walt 2015), readable without colour vision; spread over the years that a map shows",
        ),
        Ramp(
            "sd",
            ((0.0, "#feebe2", "0"), (0.02, "#fbb4b9", "0.02"), (0.05, "#f768a1", "0.05"), (0.1, "#c51b8a", "0.1"), (0.2, "#7a0177", ">= 0.2")),
            "ColorBrewer RdPu, colour-blind safe; steps narrow where composites usually lie",
        ),
        Ramp(
            "q",
            ((0.0, "#54278f", "0"), (0.05, "#756bb1", "0.05"), (0.1, "#9e9ac8", "0.1"), (0.2, "#cbc9e2", "0.2"), (1.0, "#f2f0f7", "1")),
            "ColorBrewer Purples, colour-blind safe; dark where little of what is called a trend is chance",
        ),
    )
}


SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # lines of zones in charts: Okabe and Ito 2008, colour-blind safe


def shown(scheme: str) -> tuple[TrendClass, ...]:
    """Return the classes that a style lists: all of the scheme but `outside`, which is nodata."""
    return tuple(c for c in legend(scheme) if c.code != 0)


def stops(ramp: str, span: tuple[float, float] | None = None) -> tuple[tuple[float, str, str], ...]:
    """Return the stops of a ramp, spread evenly over `span` where one is given.

    >>> [label for _, _, label in stops("doy", (181, 245))]
    ['181', '197', '213', '229', '245']
    """
    own = RAMPS[ramp].stops
    if span is None:
        return own
    low, high = span[0], max(span[1], span[0] + 1)
    values = [low + (high - low) * i / (len(own) - 1) for i in range(len(own))]
    return tuple((float(v), colour, f"{v:.4g}") for v, (_, colour, _) in zip(values, own, strict=True))


def _renderer(kind: str) -> tuple[ET.Element, ET.Element]:
    pipe = ET.Element("pipe")
    return pipe, ET.SubElement(pipe, "rasterrenderer", type=kind, band="1", opacity="1", alphaBand="-1", nodataColor="")


def class_pipe(scheme: str) -> ET.Element:
    """Return the paletted renderer of a class raster: its real classes only, by name."""
    return _palette([(c.code, c.colour, c.alpha, f"{c.label} {c.label_zh}") for c in shown(scheme)])


def palette_pipe(entries: Sequence[tuple[int, str, str]]) -> ET.Element:
    """Return the renderer of a raster of codes: code, colour and label of each, opaque."""
    return _palette([(code, colour, 255, label) for code, colour, label in entries])


def palette_qml(entries: Sequence[tuple[int, str, str]]) -> str:
    """Return the style of a raster of codes: code, colour and label of each, opaque."""
    return _qml(palette_pipe(entries))


def _palette(entries: Sequence[tuple[int, str, int, str]]) -> ET.Element:
    """Return the paletted renderer of codes with colour, opacity and label."""
    pipe, renderer = _renderer("paletted")
    palette = ET.SubElement(renderer, "colorPalette")
    for code, colour, alpha, label in entries:
        ET.SubElement(palette, "paletteEntry", value=str(code), color=colour, alpha=str(alpha), label=label)
    return pipe


def continuous_pipe(ramp: str, span: tuple[float, float] | None = None) -> ET.Element:
    """Return the renderer of a continuous raster, first band, interpolated along a ramp."""
    found = stops(ramp, span)
    low, high = str(found[0][0]), str(found[-1][0])
    pipe, renderer = _renderer("singlebandpseudocolor")
    renderer.attrib |= {"classificationMin": low, "classificationMax": high}
    shader = ET.SubElement(renderer, "rastershader")
    mode = {"colorRampType": "INTERPOLATED", "classificationMode": "1", "clip": "0", "minimumValue": low, "maximumValue": high}
    items = ET.SubElement(shader, "colorrampshader", mode)
    for value, colour, label in found:
        ET.SubElement(items, "item", value=str(value), color=colour, alpha="255", label=label)
    return pipe


def year_colours(first: int, last: int) -> dict[int, str]:
    """Return a colour for each year of a span, from dark to light.

    >>> year_colours(2000, 2004)
    {2000: '#0d0887', 2001: '#7e03a8', 2002: '#cc4778', 2003: '#f89540', 2004: '#f0f921'}
    """
    own = [tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for _, colour, _ in RAMPS["year"].stops]
    out = {}
    for year in range(first, last + 1):
        place = (len(own) - 1) * (year - first) / max(1, last - first)
        i = min(int(place), len(own) - 2)
        out[year] = "#" + "".join(f"{round(a + (b - a) * (place - i)):02x}" for a, b in zip(own[i], own[i + 1], strict=True))
    return out


def year_pipe(first: int, last: int) -> ET.Element:
    """Return the renderer of a raster of years, first band: one entry a year."""
    pipe, renderer = _renderer("singlebandpseudocolor")
    renderer.attrib |= {"classificationMin": str(first), "classificationMax": str(last)}
    shader = ET.SubElement(renderer, "rastershader")
    mode = {"colorRampType": "EXACT", "classificationMode": "1", "clip": "0", "minimumValue": str(first), "maximumValue": str(last)}
    items = ET.SubElement(shader, "colorrampshader", mode)
    for year, colour in year_colours(first, last).items():
        ET.SubElement(items, "item", value=str(year), color=colour, alpha="255", label=str(year))
    return pipe


def year_qml(first: int, last: int) -> str:
    """Return the style of a raster of years."""
    return _qml(year_pipe(first, last))


def _qml(pipe: ET.Element) -> str:
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    root.append(pipe)
    return _text(root)


def _text(root: ET.Element) -> str:
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def class_qml(scheme: str) -> str:
    """Return the style of a class raster."""
    return _qml(class_pipe(scheme))


def continuous_qml(ramp: str, span: tuple[float, float] | None = None) -> str:
    """Return the style of a continuous raster."""
    return _qml(continuous_pipe(ramp, span))


def class_aux_xml(scheme: str) -> str:
    """Return GDAL's side file: category names by code, and a raster attribute table with colours."""
    classes = {c.code: c for c in legend(scheme)}
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    names = ET.SubElement(band, "CategoryNames")
    for code in range(max(classes) + 1):
        ET.SubElement(names, "Category").text = classes[code].label if code in classes else ""
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    columns = (("Value", 0, 5), ("Class", 2, 2), ("Class_zh", 2, 0), ("R", 0, 6), ("G", 0, 7), ("B", 0, 8), ("A", 0, 9))
    for i, (name, kind, usage) in enumerate(columns):
        field = ET.SubElement(table, "FieldDefn", index=str(i))
        for tag, value in (("Name", name), ("Type", str(kind)), ("Usage", str(usage))):
            ET.SubElement(field, tag).text = value
    for i, c in enumerate(classes.values()):
        row = ET.SubElement(table, "Row", index=str(i))
        for content in (c.code, c.label, c.label_zh, *c.rgba):
            ET.SubElement(row, "F").text = str(content)
    return _text(root)
