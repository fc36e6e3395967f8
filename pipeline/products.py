"""The products in a folder: what the user has downloaded, told by the names that the providers give; nothing is opened here but zips.

Links to folders are not followed. What looks like an image and is no product that is read comes back with the reason.
"""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.packaged import Package, Unusable, zip_roots

SOUGHT = (
    "Sentinel-2 Level-2A .SAFE folders and their zips, Landsat Collection 2 Level-2 files with their *_MTL.xml, .json or .txt, "
    "MODIS .hdf files and GeoTIFFs under their NASA names"
)
LANDSAT = re.compile(r"(L[COTEM]\d\d_(L\d[A-Z]{2})_\d{6}_\d{8}_\d{8}_(\d\d)_(?:T1|T2|RT))_(.+)", re.IGNORECASE)
LANDSAT_ARD = re.compile(r"L[COTEM]\d\d_[A-Z]{2}_\d{6}_\d{8}_\d{8}_\d\d_.+\.tif", re.IGNORECASE)
LANDSAT_PACKED = re.compile(r"L[COTEM]\d\d_.*\.(tar|tar\.gz|tgz|tar\.bz2)", re.IGNORECASE)
GRANULE = re.compile(r"((M[OYC]D\w{3,6})\.A(\d{7})\.(h\d\dv\d\d)\.(\d{3})(?:\.(\d{10,14}))?)(?=[._])(.*)")  # NASA's name of a MODIS tile
APPEEARS = re.compile(r"(M[OYC]D\w{3,6})\.(\d{3})_+(.+?)_doy(\d{7})\d{0,6}_(aid\d+)\.tiff?")
IMAGES = (".tif", ".tiff", ".jp2", ".hdf", ".he5", ".h5", ".nc", ".img", ".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2")
TEXTS = (".xml", ".txt", ".json")
METADATA = ("MTL.xml", "MTL.txt", "MTL.json")


@dataclass(frozen=True)
class Product:
    """One product: its sensor, its name, where its files are, and which file describes it (MODIS GeoTIFFs: layer -> file)."""

    sensor: str
    name: str
    package: Package
    description: str
    layers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Refused:
    """Something in the folder that is not read, and why."""

    name: str
    reason: str


def find(folder: Path) -> tuple[list[Product], list[Refused]]:
    """Return the products below a folder in the order of their names, and what is refused.

    Copies of a product follow each other, a folder before its zip: the first that can be used is the one to read.
    """
    found: list[Product] = []
    refused: list[Refused] = []

    def unread(error: OSError) -> None:
        refused.append(Refused(below(folder, Path(error.filename)), f"a folder that cannot be read: {error.strerror}"))

    for root, names, files in os.walk(folder, onerror=unread):
        here = Path(root)
        names.sort()
        for entry in (*_folders(folder, here, names), *_files(folder, here, sorted(files))):
            (found if isinstance(entry, Product) else refused).append(entry)  # type: ignore[arg-type]
    found.sort(key=lambda p: (p.name, bool(p.package.root), str(p.package.path)))
    return found, sorted(refused, key=lambda r: (r.name, r.reason))


def below(folder: Path, path: Path) -> str:
    """Return the name of a file or folder from the catalogue's folder on."""
    return path.relative_to(folder).as_posix()


def _folders(folder: Path, here: Path, names: list[str]) -> Iterator[Product | Refused]:
    """Yield the products that are folders, and take them and hidden ones out of the walk."""
    for name in list(names):
        path = here / name
        if name.startswith(".") or name == "__MACOSX" or path.is_symlink():
            names.remove(name)
            if path.is_symlink() and not name.startswith("."):
                yield Refused(below(folder, path), "a link to a folder, which is not followed: give that folder itself as catalog")
        elif not os.access(path, os.R_OK | os.X_OK):
            names.remove(name)
            yield Refused(below(folder, path), "no permission to read it")
        elif name.upper().endswith(".SAFE"):
            if (path / "manifest.safe").is_file():
                names.remove(name)
                yield _safe(name[:-5], Package(folder, path), path.name)
            elif not any(p.name.upper().endswith(".SAFE") and p.is_dir() for p in path.iterdir()):
                names.remove(name)
                yield Refused(below(folder, path), "a .SAFE folder without its manifest.safe: unpack it again")
        elif (path / "manifest.safe").is_file():
            names.remove(name)
            yield Refused(below(folder, path), "a product whose folder does not end in .SAFE: give it the name back that it was downloaded under")


def _safe(name: str, package: Package, shown: str) -> Product | Refused:
    if not re.match(r"S2[A-D]_", name):
        return Refused(shown, "a .SAFE product that is not of Sentinel-2")
    if "_MSIL1C_" in name:
        return Refused(shown, "Sentinel-2 Level-1C is not corrected for the atmosphere and has no scene classification: download Level-2A")
    if not re.match(r"S2[A-D]_MSIL2A_\d{8}T", name):
        return Refused(shown, "a Sentinel-2 product of the old format (before December 2016): download it again as Level-2A")
    return Product("sentinel-2", name, package, "manifest.safe")


def _files(folder: Path, here: Path, names: list[str]) -> Iterator[Product | Refused]:
    bundles: dict[str, list[str]] = defaultdict(list)
    tiles: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        path, shown = here / name, below(folder, here / name)
        lower = name.lower()
        if name.startswith("."):
            continue
        if lower.endswith((*IMAGES, *TEXTS)) and (mode := _mode(path)) and not stat.S_ISREG(mode):
            yield Refused(shown, "no regular file, but a pipe, socket or device")
            continue
        granule = GRANULE.fullmatch(name)
        if match := LANDSAT.fullmatch(name):
            bundles[match[1].upper()].append(name)
        elif granule and lower.endswith((".tif", ".tiff")):
            tiles[granule[1]][_layer(granule[7])] = name
        elif granule and lower.endswith(".hdf"):
            yield Product("modis", granule[1], Package(folder, here), name)
        elif match := APPEEARS.fullmatch(name):
            tiles[f"{match[1]}.A{match[4]}.{match[5]}.{match[2]}"][_layer(match[3])] = name
        elif lower.endswith(".zip"):
            yield from _zipped(folder, path, shown)
        elif LANDSAT_PACKED.fullmatch(name):
            yield Refused(shown, "a packed Landsat product: unpack it")
        elif LANDSAT_ARD.fullmatch(name):
            yield Refused(shown, "Landsat analysis-ready data (ARD) in tiles are not read: download the Collection 2 Level-2 scenes")
        elif lower.endswith(IMAGES):
            yield Refused(shown, "no product that is known by its name")
    for name, files in bundles.items():
        yield _bundle(folder, here, name, files)
    for name, layers in tiles.items():
        yield Product("modis", name, Package(folder, here), "", tuple(sorted(layers.items())))


def _mode(path: Path) -> int:
    """Return what kind of file a path leads to; 0 where it leads to none."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _layer(text: str) -> str:
    """Return the name of a layer as the stactools package writes it.

    >>> _layer(".250m 16 days NDVI.tif"), _layer(".hdf_sur_refl_b01.TIF")
    ('250m_16_days_NDVI', 'sur_refl_b01')
    """
    plain = re.sub(r"(?i)\.tiff?$", "", text)
    return re.sub(r"^[._]*(hdf[._]+)?", "", plain).replace(" ", "_")


def _zipped(folder: Path, path: Path, shown: str) -> Iterator[Product | Refused]:
    try:
        roots = zip_roots(path)
    except Unusable as error:
        yield Refused(shown, str(error))
        return
    if not roots:
        yield Refused(shown, "a zip without a Sentinel-2 .SAFE product: unpack it")
    for root in roots:
        name = root.split("/")[-1]
        yield _safe(name[:-5], Package(folder, path, root), f"{shown}/{root}")


def _bundle(folder: Path, here: Path, name: str, files: list[str]) -> Product | Refused:
    """Return a Landsat product from its files in one folder."""
    match = LANDSAT.fullmatch(f"{name}_x")
    if match is None:
        raise AssertionError("files are grouped by this expression")
    level, collection = match[2], match[3]
    shown = below(folder, here / name)
    if collection != "02":
        return Refused(shown, f"Landsat Collection {int(collection)}, which USGS has withdrawn: download Collection 2 Level-2")
    if not level.startswith("L2"):
        return Refused(shown, f"Landsat Level-1 ({level}) is not corrected for the atmosphere: download Level-2 (L2SP or L2SR)")
    told = [f for suffix in METADATA for f in files if f.upper() == f"{name}_{suffix}".upper()]
    if not told:
        return Refused(shown, "Landsat files without their _MTL.xml, .txt or .json: download it, too")
    return Product("landsat", name, Package(folder, here), told[0])
