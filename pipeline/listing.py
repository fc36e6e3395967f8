"""What a catalogue on disk lists: the items of a STAC item collection, or of the products in a folder.

The index of a folder is kept until one of its files changes: to read the metadata of hundreds of products takes minutes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import BadInput
from pipeline.images import resolve
from pipeline.packaged import Unusable
from pipeline.productitems import item_of, version_key
from pipeline.products import IMAGES, SOUGHT, TEXTS, Product, below, find
from pipeline.provenance import code
from pipeline.reader import open_raster
from pipeline.sensors import SENSORS, kind_of
from pipeline.stac import INSIDE, Item, items_of, read_items
from pipeline.writer import write_text

CACHE = Path(".snakemake") / "minegreen" / "indexed"
MATTER = (*IMAGES, ".safe", *TEXTS)  # other files may come and go
NAMED = 5  # refused products in one message


@dataclass(frozen=True)
class Listed:
    """What a catalogue lists: `items`, and of a folder the `refused` products, by name, with the reason."""

    items: tuple[Item, ...]
    refused: tuple[tuple[str, str], ...] = ()

    def rows(self) -> tuple[dict[str, Any], ...]:
        """Return one ledger row per refused product."""
        return tuple({"item": name, "datetime": "", "asset": "", "status": "dropped", "reason": reason} for name, reason in self.refused)


def listed(catalog: Path, kind: str) -> Listed:
    """Return what a catalogue lists for a kind of sensor (`sentinel-2`, `landsat`, `modis`).

    Raises
    ------
    BadInput
        For a file that is no item collection, or a folder without a product of that kind.
    """
    if not catalog.is_dir():
        return Listed(tuple(read_items(catalog)))
    index = _index(catalog)
    mine = [entry["item"] for entry in index["products"] if entry["sensor"] == kind]
    others = [(str(e["item"]["id"]), f"a product of {SENSORS[e['sensor']].title if e['sensor'] in SENSORS else e['sensor']}") for e in index["products"]]
    refused = [*((n, r) for n, r in index["refused"]), *((n, r) for (n, r), e in zip(others, index["products"], strict=True) if e["sensor"] != kind)]
    if not mine:
        raise _nothing(catalog, kind, refused)
    return Listed(tuple(items_of(catalog, mine, indexed=True)), tuple(sorted(refused)))


def kinds(catalog: Path) -> list[str]:
    """Return the kinds of sensor of which a catalogue has images, the commonest first: of the products of a folder, of the assets of an item collection.

    Where the assets of no item are those of a sensor, `sentinel-2`.

    Raises
    ------
    BadInput
        When it has none.
    """
    if not catalog.is_dir():
        told = Counter(kind for item in read_items(catalog) if (kind := kind_of(item.assets)) is not None)
        return [kind for kind, _ in told.most_common()] or ["sentinel-2"]
    index = _index(catalog)
    found = [kind for kind, _ in Counter(e["sensor"] for e in index["products"]).most_common()]
    if not found:
        raise _nothing(catalog, "any sensor", [(n, r) for n, r in index["refused"]])
    return found


def _nothing(catalog: Path, kind: str, refused: list[tuple[str, str]]) -> BadInput:
    reasons = "; ".join(f"{n}: {r}" for n, r in refused[:NAMED]) + (f"; and {len(refused) - NAMED} more" if len(refused) > NAMED else "")
    found = f"no usable product of {kind}: {reasons}" if refused else f"no product of {kind}"
    fix = f"give {catalog / 'items.json'} itself" if (catalog / "items.json").is_file() else "check the folder; unpack .tar files"
    return BadInput(catalog, "catalog", found, SOUGHT, fix, limit=2000)


def fingerprint(catalog: Path) -> str:
    """Return a hash of a catalogue: of a file's content, or of the names in a folder with sizes and times of change of what can belong to a product."""
    if not catalog.is_dir():
        return hashlib.sha256(catalog.read_bytes()).hexdigest()
    hashed = hashlib.sha256()
    for root, folders, files in os.walk(catalog):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in (*folders, *sorted(files)):
            path = Path(root) / name
            told: tuple[int, ...] = 0, 0
            if name in folders:
                told = (os.access(path, os.R_OK | os.X_OK),)
            else:
                if not name.lower().endswith(MATTER) or name.lower().endswith(".aux.xml"):
                    continue
                with suppress(OSError):
                    status = path.stat()
                    told = status.st_size, status.st_mtime_ns, os.access(path, os.R_OK)
            hashed.update(os.fsencode(f"{path}\0{told}\n"))
    return hashed.hexdigest()


def _index(folder: Path) -> dict[str, Any]:
    """Return the items of the products of a folder by sensor, and what is refused; kept from the last time where nothing has changed."""
    key = hashlib.sha256(f"{os.fspath(folder)}\0{fingerprint(folder)}\0{code('scenes')}".encode(errors="surrogateescape")).hexdigest()[:32]
    kept = CACHE / f"{key}.json"
    with suppress(OSError, ValueError, LookupError, TypeError):
        values: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if isinstance(values["products"], list) and isinstance(values["refused"], list):
            return values
    if not os.access(folder, os.R_OK | os.X_OK):
        raise BadInput(folder, "catalog", "no permission to read this folder", "a folder that can be read", "correct its permissions")
    products, refusals = find(folder)
    copies = Counter(product.name for product in products)
    refused = [(_text(r.name), r.reason) for r in refusals]
    entries: list[dict[str, Any]] = []
    read: dict[str, str] = {}  # where the copy of a product is that is read
    for product in products:
        name, where = _text(product.name), _text(below(folder, product.package.path / product.package.root))
        where = "the folder itself" if where == "." else where
        if product.name in read:
            refused.append((name, f"the same product is read from {read[product.name]}"))
            continue
        several = f"the copy in {where}: " if copies[product.name] > 1 else ""
        try:
            entries.append({"sensor": product.sensor, "item": _usable(product, folder)})
            read[product.name] = where
        except (Unusable, BadInput) as error:
            refused.append((name, several + (f"{error.field}: {error.found}" if isinstance(error, BadInput) else str(error))))
    entries, older = _newest(entries)
    values = {"products": entries, "refused": sorted([*refused, *older])}
    with suppress(OSError):
        write_text(kept, json.dumps(values, ensure_ascii=False))
    return values


def _text(name: str) -> str:
    """Return a name without what is no text: half of a byte sequence that is no UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def _usable(product: Product, folder: Path) -> dict[str, Any]:
    """Return the item of a product, hrefs relative as in a collection beside the folder; its needed files were opened.

    Raises
    ------
    Unusable, BadInput
        Where it cannot be used, with the reason.
    """
    try:
        product.name.encode()
        str(product.package.path).encode()
    except UnicodeEncodeError:
        raise Unusable("a name that is no text (UTF-8): rename it") from None
    item = item_of(product)
    rule = SENSORS[product.sensor].scenes if product.sensor in SENSORS else None
    wanted = (*rule.assets, *(layer.role for layer in rule.quality)) if rule else ()
    names: dict[str, tuple[str, ...]] = {role: rule.names(role) for role in wanted} if rule else {}
    roles = {role: next((n for n in known if n in item["assets"]), None) for role, known in names.items()}
    if roles and not (roles.get("ndvi") or (roles.get("red") and roles.get("nir"))):
        lacking: list[str] = [role for role in ("red", "nir") if role in names and not roles[role]]
        lacking = lacking or ["ndvi"]
        raise Unusable(f"files of the product are missing: {'; '.join(f'{role} ({chr(32).join(names[role])})' for role in lacking)}")
    for key in filter(None, roles.values()):
        asset = item["assets"][key]
        if product.sensor == "sentinel-2":
            product.package.check(asset["href"], asset.get(INSIDE, ""))
        open_raster(Path(asset["href"]), asset.get(INSIDE, "")).close()
    for asset in item["assets"].values():
        asset["href"] = str(Path(folder.name) / Path(asset["href"]).relative_to(folder))
        try:
            resolve(asset["href"], folder)
        except ValueError as error:
            raise Unusable(f"{asset['href']}: {error}: rename it") from None
    items_of(folder, [item], indexed=True)
    return dict(json.loads(json.dumps(item)))


def _newest(entries: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Return the entries without older processings of a MODIS tile and date, and these with the reason."""
    best: dict[tuple[str, ...], str] = {}
    for entry in entries:
        key = version_key(entry["item"])
        if key is not None:
            best[key] = max(best.get(key, ""), entry["item"]["id"])
    kept, older = [], []
    for entry in entries:
        key = version_key(entry["item"])
        if key is None or best[key] == entry["item"]["id"]:
            kept.append(entry)
        else:
            older.append((entry["item"]["id"], f"another version of the scene is read: {best[key]}"))
    return kept, older
