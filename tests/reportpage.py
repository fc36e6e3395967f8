"""Read a report as a program would: its tables, its texts in each language, and the arrays of its maps."""

import base64
import json
import zlib
from html.parser import HTMLParser

import numpy as np

VOID = {"meta", "input", "br", "img", "link", "hr"}


class Page(HTMLParser):
    """The report: `tables` are (aria-label, header cells, rows of cells) in English; `elements` every tag with its attributes."""

    def __init__(self, text):
        """Parse the whole page."""
        super().__init__(convert_charrefs=True)
        self.elements, self.tables, self.texts, self.stack = [], [], {"en": [], "zh": []}, []
        self.scripts = {}
        self.feed(text)
        self.data = json.loads(self.scripts["data"])

    def handle_starttag(self, tag, attrs):
        """Note the element; begin tables, rows and cells."""
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if tag not in VOID:
            self.stack.append((tag, attrs))
        if tag == "table":
            labels = [a.get("aria-label") for t, a in self.stack if a.get("role") == "region"]
            self.tables.append((labels[-1] if labels else None, [], []))
        elif tag == "tr" and not self.inside("thead"):
            self.tables[-1][2].append([])
        elif tag in ("td", "th"):
            (self.tables[-1][1] if self.inside("thead") else self.tables[-1][2][-1]).append("")

    def handle_startendtag(self, tag, attrs):
        """SVG closes its elements at once."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """Close the element."""
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        """Give the text to its cell, language or script."""
        if self.inside("script"):
            (attrs,) = (a for t, a in self.stack if t == "script")
            self.scripts[attrs.get("id", "code")] = data
            return
        languages = [a["lang"] for t, a in self.stack if t == "span" and "lang" in a]
        if languages:
            self.texts[languages[-1]].append(data)
        if (self.inside("td") or self.inside("th")) and (not languages or languages[-1] == "en"):
            part = self.tables[-1][1] if self.inside("thead") else self.tables[-1][2][-1]
            part[-1] += data

    def inside(self, tag):
        """Return whether an element is open."""
        return any(t == tag for t, _ in self.stack)

    def table(self, label):
        """Return header and rows of the table with this label."""
        (found,) = [(head, rows) for name, head, rows in self.tables if name == label]
        return found

    def layer(self, kind, when, number=0):
        """Return the array of a layer of a map as numbers, NaN where missing."""
        shown = self.data["maps"][number]
        (layer,) = [x for x in shown["layers"] if (x["kind"], x["when"]) == (kind, str(when))]
        stored = unpacked(layer, (shown["height"], shown["width"]))
        return np.where(stored == layer["missing"], np.nan, stored / layer["scale"])


def unpacked(layer, shape):
    """Return the stored numbers of a layer: where it has planes, all low bytes come first."""
    cells = np.frombuffer(zlib.decompress(base64.b64decode(layer["data"])), np.uint8)
    if layer.get("planes"):
        cells = np.stack(np.split(cells, 2), axis=1).ravel()
    return cells.view(layer["type"]).reshape(shape)
