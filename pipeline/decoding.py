"""What the layers of a run's scenes tell: reflectance or ready-made NDVI, and which names of `mask.drop` their quality values know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.quality import MASK_NAMES, QUALITY
from pipeline.words import AND, NOTHING, OR, Text, joined, listed, part

MASK_TEXT = dict(zip(MASK_NAMES, ("云", "卷云", "阴影", "积雪", "饱和像元", "水体", "暗像元", "未分类像元"), strict=True))


@dataclass(frozen=True)
class Decoded:
    """What was read of a sensor's images.

    `scenes`: how many there are, None for prepared composites; `days`: of how many days each is, where all are composites of
    as many (a provider's, of 16 days for instance), else None. `reflectance`, `ndvi`: whether some have red and NIR, or
    ready-made NDVI, and `ndvi_assets` by what names. `known`: names of `mask.drop` that the quality layers of every scene
    know, `partly` those that some scenes' know and others' do not.
    """

    scenes: int | None
    days: int | None
    reflectance: bool
    ndvi: bool
    ndvi_assets: tuple[str, ...]
    known: frozenset[str]
    partly: frozenset[str]

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return those of some names that no quality layer knows: to drop them has no effect."""
        return [] if self.scenes is None else [n for n in names if n not in self.known | self.partly]


def decoded(pinned: Mapping[str, Any]) -> Decoded:
    """Return what the content of scenes.json says of the images: `scenes` with `layers`, or `bands` of prepared composites."""
    if "scenes" not in pinned:
        ndvi = "ndvi" in pinned["bands"]
        return Decoded(None, None, not ndvi, ndvi, (), frozenset(), frozenset())
    scenes = pinned["scenes"]
    names = [{n for layer in s["layers"].values() if layer["quality"] for n in QUALITY[layer["quality"]].classes} for s in scenes]
    every, some = (set.intersection(*names), set.union(*names)) if names else (set(), set())
    spans = {(date.fromisoformat(s["last"]) - date.fromisoformat(s["day"])).days + 1 if s.get("last") else 1 for s in scenes}
    (days,) = spans if len(spans) == 1 else (1,)
    assets = {s["layers"]["ndvi"]["asset"]: None for s in scenes if "ndvi" in s["layers"]}
    has_red = any("red" in s["layers"] for s in scenes)
    return Decoded(len(scenes), days if days > 1 else None, has_red, bool(assets), tuple(assets), frozenset(every), frozenset(some - every))


def names_text(names: Iterable[str], last: Text = AND) -> Text:
    """Return names of `mask.drop` as a list in words.

    >>> names_text(["cloud", "snow"])
    Text(en='cloud and snow', zh='云和积雪')
    """
    return listed((Text(n, MASK_TEXT[n]) for n in names), last)


def mask_text(found: Decoded, drop: tuple[str, ...], dilate: tuple[str, ...], metres: float, cell_m: float, least_sum: float) -> Text:
    """Return what the mask did to scenes: only what their quality layers know was dropped, and only whole cells can be grown by."""
    there = [n for n in drop if n not in found.unknown(drop)]
    pieces = [part("mask_dropped", names=names_text(there)) if there else part("mask_nothing")]
    if unknown := found.unknown(drop):
        pieces.append(part("mask_unknown", names=names_text(unknown, OR)))
    if partly := [n for n in drop if n in found.partly]:
        pieces.append(part("mask_partly", names=names_text(partly)))
    if grown := [n for n in dilate if n in there]:
        whole = metres >= cell_m * (1 - 1e-9)
        many, far = names_text(grown), f"{metres:g}"
        pieces.append(part("mask_grown", names=many, metres=far) if whole else part("mask_not_grown", names=many, metres=far, cell=f"{cell_m:.0f}"))
    if found.reflectance:
        pieces.append(part("mask_dark", least=f"{least_sum:g}"))
    said = joined(pieces, Text("; ", "；"))
    return Text(f"Mask: {said.en}.", f"掩膜：{said.zh}。")


def ndvi_text(found: Decoded) -> Text:
    """Return how NDVI came about: formed from red and NIR, read as it is, or both."""
    formed = part("ndvi_formed") if found.reflectance else NOTHING
    names = Text(f" ({', '.join(found.ndvi_assets)})", f"（{'、'.join(found.ndvi_assets)}）") if found.ndvi_assets else NOTHING
    return joined([t for t in (formed, part("ndvi_read", names=names) if found.ndvi else NOTHING) if t.en], Text(" ", ""))
