"""From a product to its STAC item: by the stactools packages for Sentinel-2 and Landsat, from the file itself for MODIS.

Our own lines take over where a package would need the network, a side file or a driver that users do not have:
- Landsat: the item's footprint without _ANG.txt (the box of the scene), and MTL.json, which the package does not read;
- MODIS: stactools-modis opens .hdf files by GDAL's HDF4 driver, which no wheel has, and wants the .hdf.xml beside it; of
  it the tables of layers are used, and the rest comes from the file's name and its own metadata.
The id of an item is the name of the product, as that of the packages is the same for two processings of one scene.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from pipeline import hdf4
from pipeline.errors import RunFault, one_line
from pipeline.packaged import Unusable, reading
from pipeline.products import GRANULE, Product
from pipeline.stac import INSIDE

COLLECTIONS = {"sentinel-2": "sentinel-2-l2a", "landsat": "landsat-c2-l2"}
DAYS = {"13": 16, "09": 8, "15": 8, "11": 8}  # of a composite, by the product's number; NASA's product pages
NO_ANGLES = "BAND01_NUM_L1T_LINES = 1\nBAND01_NUM_L1T_SAMPS = 1\nBAND01_L1T_IMAGE_CORNER_LINES = (0, 0, 1, 1)\nBAND01_L1T_IMAGE_CORNER_SAMPS = (0, 1, 1, 0)\n"


def item_of(product: Product) -> dict[str, Any]:
    """Return the STAC item of a product, its assets those of which the file is there; hrefs are files on disk.

    Raises
    ------
    Unusable
        With the reason, in words for the ledger.
    """
    try:
        return {"sentinel-2": _sentinel_2, "landsat": _landsat, "modis": _modis}[product.sensor](product)
    except (Unusable, RunFault):
        raise
    except hdf4.Hdf4Error as error:
        raise Unusable(str(error)) from None
    except Exception as error:  # whatever the metadata of a damaged product make of a package
        raise Unusable(one_line(f"its metadata cannot be read: {type(error).__name__}: {error}", 200)) from None


def _sentinel_2(product: Product) -> dict[str, Any]:
    base = f"{product.name}.SAFE"
    with reading(lambda href: product.package.text(href.removeprefix(f"{base}/"))):
        from stactools.sentinel2.stac import create_item

        item = create_item(base).to_dict(include_self_link=False, transform_hrefs=False)
    return _finished(item, product, lambda href: href.removeprefix(f"{base}/"))


def _landsat(product: Product) -> dict[str, Any]:
    package = product.package

    def read(href: str) -> str:
        name = href.rsplit("/", 1)[-1]
        try:
            return package.text(name)
        except Unusable:
            if name.endswith("_ANG.txt"):
                return NO_ANGLES
            raise

    with reading(read):
        from stactools.core.io.xml import XmlElement
        from stactools.landsat.mtl_metadata import MtlMetadata
        from stactools.landsat.stac import create_item_from_mtl_metadata

        if product.description.lower().endswith(".json"):
            metadata = MtlMetadata(XmlElement(_xml("LANDSAT_METADATA_FILE", json.loads(package.text(product.description))["LANDSAT_METADATA_FILE"])))
        elif product.description.lower().endswith(".txt"):
            metadata = MtlMetadata.from_text_file(product.description)
        else:
            metadata = MtlMetadata.from_file(product.description)
        if metadata.product_id != product.name:
            raise Unusable(f"its {product.description} is of another product, {one_line(metadata.product_id, 60)}")
        item = create_item_from_mtl_metadata(product.name, metadata, use_usgs_geometry=False).to_dict(include_self_link=False, transform_hrefs=False)
    return _finished(item, product, lambda href: href.rsplit("/", 1)[-1])


def _xml(name: str, content: Any) -> Any:
    """Return the tree of MTL.xml from what MTL.json holds: the same names."""
    from lxml.etree import Element

    node = Element(name)
    if isinstance(content, dict):
        node.extend(_xml(key, value) for key, value in content.items())
    else:
        node.text = str(content)
    return node


def _modis(product: Product) -> dict[str, Any]:
    package = product.package
    matched = GRANULE.fullmatch(f"{product.name}.") or re.fullmatch(r"((M[OYC]D\w{3,6})\.A(\d{7})\.(aid\d+)\.(\d{3}))()()", product.name)
    if matched is None:
        raise AssertionError("products are found by these expressions")
    kind, day, tile, version = matched[2], matched[3], matched[4], matched[5]
    known = _bands(kind[3:], version)
    start = datetime.strptime(day, "%Y%j")
    end = start + timedelta(days=DAYS.get(kind[3:5], 1) - 1)
    if product.description:
        path, _ = package.href(product.description)
        core = hdf4.attribute(path, "CoreMetadata")
        dates = [re.search(rf'OBJECT\s*=\s*RANGE{which}DATE\b.*?VALUE\s*=\s*"(\d{{4}}-\d\d-\d\d)"', core, re.DOTALL) for which in ("BEGINNING", "ENDING")]
        if dates[0] and dates[1]:
            start, end = (datetime.fromisoformat(found[1]) for found in dates if found)
        layers = {name.replace(" ", "_"): (product.description, name, factor) for name, factor in hdf4.layers(path).items()}
    else:
        layers = {name: (file, "", None) for name, file in product.layers}
    assets: dict[str, Any] = {}
    for key, (file, inside, factor) in layers.items():
        own = {"raster:bands": [{"scale": factor}]} if factor is not None else {}
        told = {k: v for k, v in known.get(key, own).items() if k in ("title", "raster:bands", "eo:bands")}
        assets[key] = told | {"href": file} | ({INSIDE: inside} if inside else {})
    platform = {"MOD": "terra", "MYD": "aqua"}.get(kind[:3], "terra,aqua")
    properties = {
        "datetime": None,
        "start_datetime": f"{start:%Y-%m-%d}T00:00:00Z",
        "end_datetime": f"{end:%Y-%m-%d}T23:59:59Z",
        "platform": platform,
        "instruments": ["modis"],
        **dict(zip(("modis:horizontal-tile", "modis:vertical-tile"), map(int, re.findall(r"[hv](\d\d)", tile)), strict=False)),
    }
    item = {"type": "Feature", "stac_version": "1.0.0", "properties": properties, "assets": assets, "links": []}
    return _finished(item, product, str) | {"collection": f"modis-{kind[3:]}-{version}"}


@cache
def _bands(kind: str, version: str) -> dict[str, Any]:
    """Return the layers of a MODIS product as stactools-modis describes them; empty where it does not know the product.

    Read from the package's table: to import it needs pkg_resources, which is no part of Python.
    """
    table = Path(str(distribution("stactools-modis").locate_file(f"stactools/modis/fragments/{kind}/{version}/bands.json")))
    return dict(json.loads(table.read_text(encoding="utf-8"))) if table.is_file() else {}


def _finished(item: dict[str, Any], product: Product, named: Any) -> dict[str, Any]:
    """Return an item with our id and collection, its assets on disk; those whose file is not there are left out."""
    assets = {}
    for key, asset in item["assets"].items():
        try:
            path, member = product.package.href(named(str(asset.get("href"))))
        except Unusable as error:
            if "is missing" in str(error):
                continue
            raise
        assets[key] = asset | {"href": path} | ({INSIDE: member} if member else {})
    properties = {k: v for k, v in item["properties"].items() if k not in ("created", "updated")}  # when it was indexed is no property of a scene
    return item | {"id": product.name, "properties": properties, "collection": COLLECTIONS.get(product.sensor), "assets": assets, "links": []}


def version_key(feature: dict[str, Any]) -> tuple[str, ...] | None:
    """Return what two processings of one MODIS tile and date share; None for other items, whose versions the selection tells apart."""
    match = GRANULE.fullmatch(f"{feature['id']}.")
    return (match[2], match[3], match[4]) if match else None
