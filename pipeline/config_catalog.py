"""The config keys that say where images come from: paths, addresses and presets, and which of them go together."""

from __future__ import annotations

import re
from typing import Annotated, Protocol
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints

from pipeline.catalogs import CATALOGS, is_address

SYNTHETIC = {"synthetic": (2020, 2024), "synthetic-history": (2002, 2022)}  # what the software makes itself, and its first and last year
HISTORY = "synthetic-history"


class Entry(Protocol):
    """What is needed of a sensor's entry here."""

    @property
    def catalog(self) -> str | None:
        """Return the catalogue."""

    @property
    def collection(self) -> str | None:
        """Return the collection."""

    @property
    def requester_pays(self) -> bool:
        """Return whether the reader pays."""


LONGEST_NAME = 255  # bytes of the name of a file or folder on every common file system


def plain_path(value: str) -> str:
    """Return a path that names a file or folder on disk and nothing else, for us, for GDAL and for Snakemake."""
    if value.startswith("/vsi") or re.match(r"[A-Za-z0-9_+.-]{2,}:", value) or any(ord(c) < 32 for c in value):
        raise ValueError(f"{value!r}; expected the path of a file on disk; fix: download the file and give its path")
    if set("{}") & set(value.replace("{year}", "")) or "!" in value:
        raise ValueError(f"{value!r}; expected a path without braces and exclamation marks; fix: rename the file or folder")
    if any(len(part.encode()) > LONGEST_NAME for part in value.split("/")):
        raise ValueError(f"a name of more than {LONGEST_NAME} bytes; expected the path of a file on disk; fix: give the file a shorter name")
    return value


def source_name(value: str) -> str:
    """Return a catalogue: a path on disk, a preset, or the plain address of a STAC API, which goes into files and messages."""
    if not is_address(value):
        return plain_path(value)
    try:
        parts = urlsplit(value)
        good = bool(parts.hostname) and parts.port != 0 and not re.search(r"[\x00-\x20{}\\<>\"'`]", value)
    except ValueError:
        good = False
    if not good or "@" in parts.netloc or "?" in value or "#" in value:
        shown = re.split(r"[?#]", re.sub(r"//[^/]*@", "//", value))[0]
        raise ValueError(f"{shown!r} and more; expected the address of a STAC API without user, password and query; fix: for instance https://host.org/stac/v1")
    return value


LocalPath = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(plain_path)]
Source = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(source_name)]


def preset_collection(catalog: str | None, kind: str) -> str | None:
    """Return the collection that a preset has of a kind of sensor.

    >>> preset_collection("planetary-computer", "modis"), preset_collection("cdse", "modis"), preset_collection("items.json", "modis")
    ('modis-13Q1-061', None, None)
    """
    held = CATALOGS[catalog].collections.get(kind) if catalog in CATALOGS else None
    return held.id if held is not None else None


def check_synthetic(name: str, kind: str, catalog: str | None, years: list[int]) -> None:
    """Refuse years that the embedded mine does not have, and its history for a sensor that did not see it.

    Raises
    ------
    ValueError
        In the form that `pipeline.config_errors` takes apart.
    """
    if catalog not in SYNTHETIC:
        return
    first, last = SYNTHETIC[catalog]
    if not (years[0] >= first and years[-1] <= last):
        found = f"years: {years[0]}..{years[-1]} with `catalog: {catalog}`"
        raise ValueError(f"{found}; expected years in {first}..{last}; fix: the synthetic mine {'ends there' if years[0] >= first else 'starts there'}")
    if catalog == HISTORY and kind != "landsat":
        raise ValueError(f"sensors.{name}.catalog: {catalog} with {kind}; expected it with landsat; fix: `catalog: synthetic`, or `sensor: landsat`")


def check_source(name: str, kind: str, entry: Entry) -> None:
    """Refuse a catalogue without a collection to search, and one whose files cost money that nobody has agreed to.

    Raises
    ------
    ValueError
        In the form that `pipeline.config_errors` takes apart.
    """
    if is_address(entry.catalog) and entry.collection is None:
        raise ValueError(
            f"sensors.{name}.collection: missing, with the address of a STAC API; expected the id of one of its collections; "
            "fix: for instance collection: sentinel-2-l2a"
        )
    if entry.catalog not in CATALOGS:
        return
    known = ", ".join(c.name for c in CATALOGS.values() if kind in c.collections)
    held = CATALOGS[entry.catalog].collections.get(kind)
    if held is None and entry.collection is None:
        raise ValueError(
            f"sensors.{name}.catalog: {entry.catalog!r} has no collection for {kind} that is known here; expected one of {known}; "
            "fix: change it, or say `collection:`"
        )
    if held is not None and held.requester_pays and entry.collection in (None, held.id) and not entry.requester_pays:
        free = ", ".join(c.name for c in CATALOGS.values() if kind in c.collections and not c.collections[kind].requester_pays)
        raise ValueError(
            f"sensors.{name}.requester_pays: false, and the storage with {kind} of {entry.catalog} bills those who read it; expected true, at your cost, with "
            f"AWS keys in the environment; fix: say `requester_pays: true`, or take {free}, which is free"
        )
