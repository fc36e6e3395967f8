"""The radiometric offset of Sentinel-2 L2A, decided per item by one table and checked against the data.

From processing baseline 04.00 (January 2022; and reprocessed older dates) stored values are reflectance x 10,000 + 1,000.
Some providers subtract the 1,000 again. What is wrong by 1,000 lowers or raises NDVI by 0.10 to 0.25.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipeline.sensors import SceneRule
from pipeline.stac import Item

Verdict = Literal["raw", "none", "applied", "unknown"]
WORDS = {
    "raw": "the offset is in the stored values",
    "none": "the product has no offset",
    "applied": "the provider has subtracted the offset",
    "unknown": "unknown",
}
FLOOR_PERCENTILE = 1.0
LEAST_PIXELS = 200
ABSENT_BELOW, PRESENT_FROM = 900.0, 1000.0


@dataclass(frozen=True)
class Facts:
    """What the metadata of one item say."""

    provider: str
    baseline: float | None
    band_offset: float | None
    flag: bool | None

    def __str__(self) -> str:
        """Return the facts in one line."""
        baseline = "none" if self.baseline is None else f"{self.baseline:05.2f}"
        offset = "none" if self.band_offset is None else f"{self.band_offset:g}"
        flag = "none" if self.flag is None else str(self.flag).lower()
        return f"provider {self.provider}, baseline {baseline}, published offset {offset}, boa_offset_applied {flag}"


@dataclass(frozen=True)
class OffsetRule:
    """One row of the table; the first that fits decides."""

    provider: str
    condition: str
    test: Callable[[Facts], bool]
    verdict: Verdict
    reference: str


def _new(f: Facts) -> bool:
    return f.baseline is not None and f.baseline >= 4.0


OFFSET_RULES: tuple[OffsetRule, ...] = (
    OffsetRule(
        "any",
        "published offset neither 0 nor -0.1",
        lambda f: f.band_offset is not None and not min(abs(f.band_offset), abs(f.band_offset + 0.1)) <= 1e-9,
        "unknown",
        "ESA: BOA_ADD_OFFSET -1000, QUANTIFICATION_VALUE 10000",
    ),
    OffsetRule("any", "baseline before 04.00, published offset -0.1", lambda f: not _new(f) and f.baseline is not None and bool(f.band_offset), "unknown", "-"),
    OffsetRule("any", "baseline before 04.00", lambda f: f.baseline is not None and not _new(f), "none", "ESA: offset from baseline 04.00 on"),
    OffsetRule("earth-search", "boa_offset_applied true", lambda f: f.flag is True, "applied", "cirrus-geo/cirrus-earth-search 21; Element84/earth-search 9"),
    OffsetRule(
        "earth-search",
        "boa_offset_applied false, baseline from 04.00",
        lambda f: f.flag is False and _new(f),
        "raw",
        "Element84/earth-search 9; known to be wrong for some items (24, 66, 71): the data are asked",
    ),
    OffsetRule("earth-search", "no flag, baseline from 04.00", lambda f: f.flag is None and _new(f), "unknown", "Element84/earth-search 66"),
    OffsetRule("earth-search-c1", "published offset -0.1", lambda f: bool(f.band_offset), "raw", "Element84/earth-search 41"),
    OffsetRule("planetary-computer", "baseline from 04.00", _new, "raw", "microsoft/PlanetaryComputer 134"),
    OffsetRule("cdse", "baseline from 04.00", _new, "raw", "Open-EO/openeo-geopyspark-driver 1051"),
    OffsetRule("other", "published offset -0.1", lambda f: bool(f.band_offset), "raw", "STAC raster extension"),
    OffsetRule("other", "published offset 0, baseline from 04.00", lambda f: f.band_offset == 0 and _new(f), "applied", "STAC raster extension"),
    OffsetRule("other", "nothing published, baseline from 04.00", _new, "raw", "ESA: offset from baseline 04.00 on"),
    OffsetRule("any", "anything else", lambda f: True, "unknown", "-"),
)


def provider(item: Item) -> str:
    """Return who publishes an item: `earth-search`, `earth-search-c1`, `planetary-computer`, `cdse` or `other`."""
    hrefs = [str(a.content.get("href", "")) for a in item.assets.values()]
    if item.collection == "sentinel-2-c1-l2a":
        return "earth-search-c1"
    if any(key.startswith("earthsearch:") or key == "sentinel:boa_offset_applied" for key in item.properties):
        return "earth-search"
    if any(".blob.core.windows.net/" in h for h in hrefs) or any("planetarycomputer.microsoft.com" in h for h in item.links):
        return "planetary-computer"
    if any(h.startswith("s3://eodata/") or ".dataspace.copernicus.eu/" in h for h in hrefs):
        return "cdse"
    return "other"


def facts(item: Item, red: Any, band: int = 1) -> Facts:
    """Return what the metadata of an item say; `red` is its red asset."""
    flag = item.properties.get("earthsearch:boa_offset_applied", item.properties.get("sentinel:boa_offset_applied"))
    return Facts(provider(item), item.baseline, red.number("offset", band), flag if isinstance(flag, bool) else None)


def rule_of(known: Facts) -> OffsetRule:
    """Return the first row of the table that fits."""
    return next(r for r in OFFSET_RULES if r.provider in ("any", known.provider) and r.test(known))


@dataclass(frozen=True)
class Floor:
    """The floor of the data: 1st percentile of stored red over the whole scene, of all ground and of its dark classes."""

    ground: float | None
    ground_pixels: int
    dark: float | None
    dark_pixels: int

    @property
    def present(self) -> bool | None:
        """Return whether the stored values carry the offset; None where the data cannot decide.

        Ground never reflects less than -0.01, so that a floor below 900 shows that nothing was added. Water and shadow
        reflect less than 0.1 at their darkest, so that a floor of theirs from 1,000 on shows that the 1,000 is there. Where
        neither is seen (a bright scene without water and shadow) or both, nothing is known.
        """
        absent = self.ground is not None and self.ground_pixels >= LEAST_PIXELS and self.ground < ABSENT_BELOW
        there = self.dark is not None and self.dark_pixels >= LEAST_PIXELS and self.dark >= PRESENT_FROM
        return None if absent == there else there

    def __str__(self) -> str:
        """Return the floor in words."""
        ground = "none" if self.ground is None else f"{self.ground:.0f} over {self.ground_pixels} pixels"
        dark = "none" if self.dark is None else f"{self.dark:.0f} over {self.dark_pixels} pixels"
        words = {True: "offset present", False: "offset absent", None: "the data cannot decide"}[self.present]
        return f"{words}: data floor {ground}, of water and shadow {dark}"


def floor(red: np.ndarray, codes: np.ndarray, rule: SceneRule) -> Floor:
    """Return the floor of a scene sampled as stored red and mask codes of the same shape."""
    valid = (red >= rule.valid[0]) & (red <= rule.valid[1])
    dark, ground = (red[valid & np.isin(codes, chosen)] for chosen in (rule.dark_codes, rule.ground_codes))
    lowest = [float(np.percentile(v, FLOOR_PERCENTILE)) if v.size else None for v in (ground, dark)]
    return Floor(lowest[0], int(ground.size), lowest[1], int(dark.size))


@dataclass(frozen=True)
class Decision:
    """The offset of one item in reflectance, and why.

    `conflict` is None when it can be used; `doubt`: the config's word, which the data contradict.
    """

    offset: float
    reason: str
    conflict: str | None
    doubt: bool = False


def decide(known: Facts, seen: Floor, asked: str, rule: SceneRule) -> Decision:
    """Return the offset of one item.

    `asked` is the config's `offset`: `auto` follows the table and refuses what the data contradict; `raw` (files as ESA
    delivers them: by baseline) and `applied` (the provider has subtracted it everywhere) are the user's word.
    """
    if asked == "applied":
        return Decision(0.0, f"offset 0: config says applied; {seen}", None, seen.present is True)
    if asked == "raw":
        old = known.baseline is not None and not _new(known)
        value = 0.0 if old else rule.offset
        return Decision(value, f"offset {value:g}: config says raw; {known}; {seen}", None, seen.present is not None and seen.present == old)
    row = rule_of(known)
    there = row.verdict == "raw"
    value = rule.offset if there else 0.0
    text = f"offset {value:g}: {WORDS[row.verdict]} (rule: {row.provider}, {row.condition}); {known}; {seen}"
    if row.verdict == "unknown":
        return Decision(0.0, text, f"the metadata do not say whether the offset is in the values: {known}; {seen}")
    if seen.present is not None and seen.present != there:
        return Decision(value, text, f"the metadata say that {WORDS[row.verdict]} ({known}), the data say the opposite: {seen}")
    return Decision(value, text, None)


def table() -> list[str]:
    """Return the table as lines of Markdown."""
    lines = ["| provider | metadata | the stored values | source |", "|---|---|---|---|"]
    return lines + [f"| {r.provider} | {r.condition} | {WORDS[r.verdict]} | {r.reference} |" for r in OFFSET_RULES]
