"""The QGIS style of the zones: outlines by role, names as plain text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable

# Okabe and Ito 2008, colour-blind safe; the dashes tell roles apart without colour
PENS = (
    ("#000000", "solid"),
    ("#d55e00", "dash"),
    ("#cc79a7", "solid"),
    ("#0072b2", "dot"),
    ("#e69f00", "dash dot"),
    ("#000000", "dot"),
    ("#d55e00", "solid"),
    ("#0072b2", "dash"),
)
HALO = (("#ffffff", "solid", 1.1), 0.75)
WIDTH_MM = 0.5
# QGIS shows map tips as HTML: a zone's name must come as text
TIP = "[% replace(\"zone\", map('&', '&amp;', '<', '&lt;', '>', '&gt;')) %]"
LABEL = {
    "fieldName": "zone",
    "isExpression": "0",
    "allowHtml": "0",
    "fontFamily": "Sans Serif",
    "fontSize": "9",
    "fontSizeUnit": "Point",
    "fontWeight": "50",
    "textColor": "20,20,20,255",
    "textOpacity": "1",
    "multilineHeight": "1",
}
BUFFER = {"bufferDraw": "1", "bufferSize": "0.8", "bufferSizeUnits": "MM", "bufferColor": "255,255,255,255", "bufferOpacity": "1", "bufferJoinStyle": "128"}
FORMAT = {"autoWrapLength": "32", "useMaxLineLengthForAutoWrap": "1", "multilineAlign": "1"}
PLACEMENT = {"placement": "4", "priority": "5", "polygonPlacementFlags": "3", "fitInPolygonOnly": "0", "centroidWhole": "1"}
RENDERING = {"drawLabels": "1", "displayAll": "1", "obstacle": "0", "scaleVisibility": "0", "maxNumLabels": "2000"}


def zone_style(roles: Iterable[str]) -> list[ET.Element]:
    """Return the elements of the zones' style, for a .qml or a layer of a project; roles take pens in the order given."""
    renderer = ET.Element("renderer-v2", type="categorizedSymbol", attr="role", enableorderby="0", symbollevels="0", forceraster="0")
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for i, role in enumerate(roles):
        ET.SubElement(categories, "category", value=role, symbol=str(i), label=role, render="true")
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=str(i), alpha="1", clip_to_extent="1", force_rhr="0")
        halo, opacity = HALO
        _line(symbol, *halo, opacity)
        _line(symbol, *PENS[i % len(PENS)], WIDTH_MM)
    labeling = ET.Element("labeling", type="simple")
    settings = ET.SubElement(labeling, "settings")
    text = ET.SubElement(settings, "text-style", LABEL)
    ET.SubElement(text, "text-buffer", BUFFER)
    for tag, values in (("text-format", FORMAT), ("placement", PLACEMENT), ("rendering", RENDERING)):
        ET.SubElement(settings, tag, values)
    preview, tip = ET.Element("previewExpression"), ET.Element("mapTip")
    preview.text, tip.text = '"zone"', TIP
    return [renderer, labeling, preview, tip]


def zone_qml(roles: Iterable[str]) -> str:
    """Return the style of the zones as a .qml."""
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology|Labeling|MapTips", labelsEnabled="1")
    root.extend(zone_style(roles))
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def _line(symbol: ET.Element, colour: str, style: str, width: float, opacity: float = 1.0) -> None:
    layer = ET.SubElement(symbol, "layer", {"class": "SimpleLine", "enabled": "1", "locked": "0", "pass": "0"})
    rgba = ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)) + f",{round(255 * opacity)}"
    values = {"line_color": rgba, "line_style": style, "line_width": f"{width:g}", "line_width_unit": "MM", "joinstyle": "round", "capstyle": "round"}
    options = ET.SubElement(layer, "Option", type="Map")
    for name, value in values.items():
        ET.SubElement(options, "Option", type="QString", name=name, value=value)
