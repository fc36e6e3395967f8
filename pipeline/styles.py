"""QGIS styles (.qml) and GDAL side files (.tif.aux.xml), generated from LEGEND and RAMPS."""

from __future__ import annotations

import xml.etree.ElementTree as ET
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
    )
}


def shown(scheme: str) -> tuple[TrendClass, ...]:
    """Return the classes that a style lists: all of the scheme but `outside`, which is nodata."""
    return tuple(c for c in legend(scheme) if c.code != 0)


def _renderer(kind: str) -> tuple[ET.Element, ET.Element]:
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    renderer = ET.SubElement(pipe, "rasterrenderer", type=kind, band="1", opacity="1", alphaBand="-1", nodataColor="")
    return root, renderer


def _text(root: ET.Element) -> str:
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def class_qml(scheme: str) -> str:
    """Return the paletted style of a class raster: its real classes only, by name."""
    root, renderer = _renderer("paletted")
    palette = ET.SubElement(renderer, "colorPalette")
    for c in shown(scheme):
        ET.SubElement(palette, "paletteEntry", value=str(c.code), color=c.colour, alpha=str(c.alpha), label=f"{c.label} {c.label_zh}")
    return _text(root)


def continuous_qml(ramp: str) -> str:
    """Return the style of a continuous raster, first band, interpolated along a ramp."""
    stops = RAMPS[ramp].stops
    low, high = str(stops[0][0]), str(stops[-1][0])
    root, renderer = _renderer("singlebandpseudocolor")
    renderer.attrib |= {"classificationMin": low, "classificationMax": high}
    shader = ET.SubElement(renderer, "rastershader")
    mode = {"colorRampType": "INTERPOLATED", "classificationMode": "1", "clip": "0", "minimumValue": low, "maximumValue": high}
    items = ET.SubElement(shader, "colorrampshader", mode)
    for value, colour, label in stops:
        ET.SubElement(items, "item", value=str(value), color=colour, alpha="255", label=label)
    return _text(root)


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
