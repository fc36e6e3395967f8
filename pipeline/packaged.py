"""Where the files of a product lie: in a folder or in a zip; and the only way in which the stactools packages may read them.

Nothing is unpacked, no link is followed out of the catalogue's folder, nothing is fetched, and XML with a document type
(in which entities are declared) is refused, as no product has one.
"""

from __future__ import annotations

import hashlib
import logging
import lzma
import os
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

MOST_BYTES = 64 * 2**20  # of one metadata file; the largest seen, MTD_TL.xml, has 0.6 MB
MOST_OF_AN_IMAGE = 2 * 2**30  # of a band in a zip, which is read to its end; the largest seen have 0.15 GB
BAD_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError, OSError)
SUMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA3-256": "sha3_256"}  # as ESA's manifests name them, and their relatives


class Unusable(Exception):
    """Why a product cannot be used: the text ends in the ledger."""


@dataclass(frozen=True)
class Package:
    """The files of one product: below `root` of a folder, or below `root` in a zip.

    `outer` is the catalogue's folder, out of which nothing may lead.
    """

    outer: Path
    path: Path
    root: str = ""

    def href(self, name: str) -> tuple[str, str]:
        """Return the file on disk that holds a file of the product, and what names it in a zip (empty: the file is itself on disk).

        Raises
        ------
        Unusable
            No such file, one that lies elsewhere, or a name that cannot be used.
        """
        if name.startswith("/") or "\\" in name or ".." in name.split("/") or any(ord(c) < 32 for c in name) or set("{}") & set(name):
            raise Unusable(f"the product names the file {name}, which is no file of its own")
        if self.root:
            member = f"{self.root}/{name}"
            if member not in _files_in(self.path, self.path.stat().st_mtime_ns):
                raise Unusable(f"{name} is missing")
            return str(self.path), member
        path = self.path / name
        if not path.is_file():
            raise Unusable(f"{name} is missing")
        if not path.resolve().is_relative_to(self.outer.resolve()):
            raise Unusable(f"{name} is a link that leads out of the folder")
        if not os.access(path, os.R_OK):
            raise Unusable(f"no permission to read {name}")
        return str(path), ""

    def text(self, name: str) -> str:
        """Return the text of a metadata file.

        Raises
        ------
        Unusable
            No such file, one of more than 64 MB, no UTF-8, or XML with a document type.
        """
        path, member = self.href(name)
        if member:
            with _zip(Path(path)) as archive, archive.open(member) as handle:
                content = handle.read(MOST_BYTES + 1)
        else:
            with Path(path).open("rb") as handle:
                content = handle.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise Unusable(f"{name} has more than {MOST_BYTES // 2**20} MB")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Unusable(f"{name} is no UTF-8 text") from None
        if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
            raise Unusable(f"{name} declares a document type, which no product does")
        return text

    def check(self, path: str, member: str) -> None:
        """Read a file of the product, as `href` names it, against the checksum of the zip or in manifest.safe; nothing where there is none.

        Raises
        ------
        Unusable
            When it is damaged.
        """
        if member:
            name = member.removeprefix(f"{self.root}/")
            with _zip(Path(path), f"{name} is damaged") as archive, archive.open(member) as handle:
                if archive.getinfo(member).file_size > MOST_OF_AN_IMAGE:
                    raise Unusable(f"{name} has more than {MOST_OF_AN_IMAGE // 2**30} GB")
                while handle.read(2**20):
                    pass  # zipfile compares the checksum at the end
            return
        name = Path(path).relative_to(self.path).as_posix()
        if (told := _sums(self.text("manifest.safe")).get(name)) is None:
            return
        with Path(path).open("rb") as handle:
            found = hashlib.file_digest(handle, lambda: hashlib.new(SUMS[told[0]], usedforsecurity=False)).hexdigest()
        if found != told[1].lower():
            raise Unusable(f"{name} is damaged: its {told[0]} checksum is not that of manifest.safe")


@lru_cache(maxsize=1)
def _sums(manifest: str) -> dict[str, tuple[str, str]]:
    """Return the checksums that a manifest lists of its files: name -> kind and value; those of kinds unknown are left out."""
    out = {}
    for stream in re.findall(r"<byteStream\b.*?</byteStream>", manifest, re.DOTALL):
        href = re.search(r"<fileLocation\b[^>]*\bhref=[\"'](?:\./)?([^\"']+)[\"']", stream)
        value = re.search(r"<checksum\b[^>]*\bchecksumName=[\"']([^\"']+)[\"'][^>]*>\s*([0-9A-Fa-f]+)\s*<", stream)
        if href and value and value[1] in SUMS:
            out[href[1]] = value[1], value[2]
    return out


@contextmanager
def _zip(path: Path, problem: str = "a zip that cannot be read") -> Iterator[zipfile.ZipFile]:
    if path.exists() and not os.access(path, os.R_OK):
        raise Unusable("no permission to read it")
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except BAD_ZIP as error:
        raise Unusable(f"{problem}: {error}") from None


@lru_cache(maxsize=4)
def _files_in(path: Path, _: int) -> frozenset[str]:
    with _zip(path) as archive:
        return frozenset(info.filename for info in archive.infolist() if not info.is_dir())


def zip_roots(path: Path) -> list[str]:
    """Return the .SAFE folders in a zip.

    Raises
    ------
    Unusable
        When it cannot be read.
    """
    with _zip(path) as archive:
        names = archive.namelist()
    found = {m[1] for name in names if (m := re.match(r"((?:[^/]+/)*?[^/]+\.SAFE)/", name, re.IGNORECASE)) and not name.startswith(("/", "__MACOSX/"))}
    return sorted(root for root in found if ".." not in root.split("/"))


@contextmanager
def reading(read: Callable[[str], str]) -> Iterator[None]:
    """Let pystac, and with it the stactools packages, read by `read` alone, and write nothing; their warnings are not ours.

    Nor what they log: of each scene of Landsat 4, 5 and 7 that its footprint is a box.
    """
    from pystac import StacIO

    log = logging.getLogger("stactools")
    level = log.level

    class Guarded(StacIO):
        def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
            return read(str(source))

        def write_text(self, dest: Any, txt: str, *args: Any, **kwargs: Any) -> None:
            raise Unusable("a package tried to write")

    usual = type(StacIO.default())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for package in ("stactools.sentinel2", "stactools.landsat"):  # each sets a reader of URLs when it is imported
            import_module(package)
        StacIO.set_default(Guarded)
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)
            StacIO.set_default(usual)
