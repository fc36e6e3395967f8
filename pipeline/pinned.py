"""Pinned scenes as a stage reads them: with the queries of URLs, the state of local files and the way to ask servers, which are written nowhere."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pipeline.access import access_of
from pipeline.config import Config
from pipeline.errors import RunFault
from pipeline.images import is_remote, resolve, shown, stamp_of
from pipeline.scenes import Layer, Scene
from pipeline.stac import read_items


def signed(scenes: list[Scene], catalog: Path) -> list[Scene]:
    """Return scenes whose hrefs carry the query that the catalogue's file gives; it is written down nowhere else.

    Raises
    ------
    RunFault
        When the catalogue no longer lists such an asset.
    """
    if not any(layer.signed for scene in scenes for layer in scene.layers.values()):
        return scenes
    hrefs: dict[tuple[str, str, str], str] = {}
    for item in read_items(catalog):
        for key, asset in item.assets.items():
            with suppress(ValueError):
                href = resolve(asset.href, catalog)
                hrefs[item.id, key, shown(href)] = href

    def found(scene: Scene, layer: Layer) -> str:
        if (scene.id, layer.asset, layer.href) not in hrefs:
            raise RunFault(f"{catalog}: item {scene.id}: asset {layer.asset}: {layer.href} is no longer listed; run again to pin the scenes anew")
        return hrefs[scene.id, layer.asset, layer.href]

    def whole(scene: Scene) -> Scene:
        return replace(scene, layers={r: replace(v, href=found(scene, v)) if v.signed else v for r, v in scene.layers.items()})

    return [whole(scene) for scene in scenes]


def ready(scenes: list[Scene], config: Config, sensor: str, catalog: Path) -> list[Scene]:
    """Return scenes as a stage reads them: with what is never written down.

    Raises
    ------
    RunFault
        When the catalogue no longer lists an asset whose href has a query.
    """
    access = access_of(config, sensor)
    return [replace(scene, layers={role: replace(layer, access=access) for role, layer in scene.layers.items()}) for scene in stamped(signed(scenes, catalog))]


def stamped(scenes: list[Scene]) -> list[Scene]:
    """Return scenes whose local files are held to what they are now."""

    def whole(layer: Layer) -> Layer:
        return layer if is_remote(layer.href) else replace(layer, stamp=stamp_of(layer.href))

    return [replace(scene, layers={role: whole(layer) for role, layer in scene.layers.items()}) for scene in scenes]
