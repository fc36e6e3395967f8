"""CATALOGS: the public catalogues that a config names by a preset, as data; docs/catalogues.md shows them."""

from __future__ import annotations

from dataclasses import dataclass

SIGNED_HOST = ".blob.core.windows.net"  # Azure storage, whose files the Planetary Computer signs for anybody
# Hosts whose files need a login in a browser or by OpenID: an S3 address of the same file is preferred.
LOGIN_HOSTS = ("landsatlook.usgs.gov", "download.dataspace.copernicus.eu", "zipper.dataspace.copernicus.eu")


@dataclass(frozen=True)
class Collection:
    """What a catalogue has of a sensor: the id of its collection, and whether the reader pays for requests and traffic."""

    id: str
    requester_pays: bool = False


@dataclass(frozen=True)
class Catalog:
    """One public catalogue: the root of its STAC API, its collection per sensor, and how its files are reached.

    `access`: `open`; `signed`: each address is signed shortly before it is read; `s3`: the user's own keys are needed.
    `endpoint`, `region`: of its S3 storage, where it is not Amazon's default.
    """

    name: str
    title: str
    url: str
    collections: dict[str, Collection]
    access: str
    reference: str
    endpoint: str = ""
    region: str = ""


CATALOGS: dict[str, Catalog] = {
    c.name: c
    for c in (
        Catalog(
            "earth-search",
            "Earth Search v1 (Element 84, on AWS)",
            "https://earth-search.aws.element84.com/v1",
            {"sentinel-2": Collection("sentinel-2-c1-l2a"), "landsat": Collection("landsat-c2-l2", requester_pays=True)},
            "open",
            "https://element84.com/earth-search; Landsat lies in the requester-pays bucket usgs-landsat (USGS, us-west-2)",
            region="us-west-2",
        ),
        Catalog(
            "planetary-computer",
            "Planetary Computer (Microsoft)",
            "https://planetarycomputer.microsoft.com/api/stac/v1",
            {"sentinel-2": Collection("sentinel-2-l2a"), "landsat": Collection("landsat-c2-l2"), "modis": Collection("modis-13Q1-061")},
            "signed",
            "https://planetarycomputer.microsoft.com/docs/concepts/sas; tokens by the package planetary-computer, no account needed",
        ),
        Catalog(
            "cdse",
            "Copernicus Data Space Ecosystem (ESA)",
            "https://stac.dataspace.copernicus.eu/v1",
            {"sentinel-2": Collection("sentinel-2-l2a")},
            "s3",
            "https://documentation.dataspace.copernicus.eu/APIs/S3.html: a free account gives the keys of the S3 storage",
            endpoint="eodata.dataspace.copernicus.eu",
            region="default",
        ),
    )
}


def is_address(catalog: str | None) -> bool:
    """Return whether a catalogue is named by the address of its STAC API."""
    return catalog is not None and catalog.startswith(("http://", "https://"))


def is_searched(catalog: str | None) -> bool:
    """Return whether the items of a catalogue are found by a search over the network.

    >>> is_searched("cdse"), is_searched("https://stac.example.org/v1"), is_searched("items.json")
    (True, True, False)
    """
    return catalog in CATALOGS or is_address(catalog)
