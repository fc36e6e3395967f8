"""What a folder of downloads is taken for: products, and what is refused with which reason; hostile ones do no harm."""

import hashlib
import json
import os
import re
import shutil
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest
from downloads import landsat_bundle, safe_name, write_hdf, write_safe, zip_safe
from running import SHARED

from pipeline import listing, packaged
from pipeline.errors import BadInput
from pipeline.images import read_image, resolve
from pipeline.packaged import Package, Unusable
from pipeline.productitems import item_of
from pipeline.products import find
from pipeline.stac import read_items

real = pytest.mark.usefixtures("shared")
LANDSAT = "LC08_L2SP_008059_20191201_20200825_02_T1"
RED = np.arange(3600, dtype="uint16").reshape(60, 60) + 1000
SCL = np.full((30, 30), 4, "uint8")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Work in an empty folder, without a network."""
    monkeypatch.chdir(tmp_path)

    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def safe(folder, when="2022-07-04T04:07:11", **more):
    return write_safe(folder, when, RED, RED + 900, SCL, **more)


def reasons(folder):
    return {r.name: r.reason for r in find(folder)[1]}


def refused(folder, kind="sentinel-2"):
    """Return the refused products of a folder beside one good one."""
    safe(folder, "2021-07-04T04:07:11", baseline="03.00")
    return dict(listing.listed(folder, kind).refused)


# --- Sentinel-2 ------------------------------------------------------------------------------------------------------


def test_safe_tree_becomes_an_item(tmp_path):
    root = safe(tmp_path / "deep" / "er")
    (item,) = listing.listed(tmp_path, "sentinel-2").items
    assert (item.id, item.collection, item.tile, item.baseline, item.cloud_pct) == (root.stem, "sentinel-2-l2a", "47SNC", 5.1, 10.25)
    assert item.when.isoformat() == "2022-07-04T04:07:11.024000+00:00"
    assert [item.assets[k].number("offset") for k in ("red", "nir")] == [-0.1, -0.1]
    assert [item.assets[k].number("scale") for k in ("red", "nir")] == [0.0001, 0.0001]
    assert item.assets["scl"].href.endswith("_SCL_20m.jp2")
    assert "created" not in item.properties


def test_items_are_relative_to_the_folder_beside_them(tmp_path):
    safe(tmp_path / "a")
    (item,) = listing.listed(tmp_path / "a", "sentinel-2").items
    assert item.assets["red"].href.startswith("a/S2A_MSIL2A")
    for catalog in (tmp_path / "a", (tmp_path / "a").relative_to(tmp_path)):
        assert read_image(resolve(item.assets["red"].href, catalog), "it", lambda d: d.read(1)).tolist() == RED.tolist()


@pytest.mark.parametrize("catalog", [".", "..", "b/.."])
def test_folder_may_be_named_by_dots(tmp_path, monkeypatch, catalog):
    (tmp_path / "w" / "b").mkdir(parents=True)
    safe(tmp_path if catalog == ".." else tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    (item,) = listing.listed(Path(catalog), "sentinel-2").items
    assert read_image(resolve(item.assets["red"].href, Path(catalog)), "it", lambda d: d.read(1)).tolist() == RED.tolist()


def test_two_processings_of_a_scene_have_two_ids(tmp_path):
    a, b = safe(tmp_path, baseline="04.00"), safe(tmp_path, baseline="05.10", made="20240202T000000")
    items = listing.listed(tmp_path, "sentinel-2").items
    assert {i.id for i in items} == {a.stem, b.stem}
    assert len({(i.tile, i.when, i.properties["platform"], i.collection) for i in items}) == 1  # so that the older one is dropped


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (safe_name("2022-07-04T04:07:11", level="MSIL1C"), "Level-1C"),
        ("S1A_IW_GRDH_1SDV_20220704T040711", "not of Sentinel-2"),
        ("S2A_USER_PRD_MSIL2A_PDMC_20160101T000000_R061_V20160101T000000", "old format"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_other_safe_products_are_refused(tmp_path, name, words, packed):
    root = tmp_path / f"{name}.SAFE"
    root.mkdir()
    (root / "manifest.safe").write_text("<x/>")
    if packed:
        zip_safe(root)
        shutil.rmtree(root)
    (reason,) = reasons(tmp_path).values()
    assert words in reason


def test_safe_folders_that_are_no_longer_whole(tmp_path):
    (tmp_path / "S2A_MSIL2A_x.SAFE").mkdir()
    safe(tmp_path).rename(tmp_path / "my_scene")
    inner = safe(tmp_path / "S2A_MSIL2A_y.SAFE")  # unpacked into a folder of its own name
    found, _ = find(tmp_path)
    assert [p.name for p in found] == [inner.stem]
    told = reasons(tmp_path)
    assert "manifest.safe" in told["S2A_MSIL2A_x.SAFE"]
    assert "does not end in .SAFE" in told["my_scene"]


# --- zips ------------------------------------------------------------------------------------------------------------


def test_zip_reads_as_the_tree(tmp_path):
    root = safe(tmp_path / "tree")
    zip_safe(root, tmp_path / "zip.zip")
    (tmp_path / "one").mkdir()
    (tmp_path / "zip.zip").rename(tmp_path / "one" / "any name.zip")
    (item,) = listing.listed(tmp_path / "one", "sentinel-2").items
    (other,) = listing.listed(tmp_path / "tree", "sentinel-2").items
    assert item.properties == other.properties
    for key in ("red", "nir", "scl"):
        ours, theirs = (
            read_image(resolve(i.assets[key].href, c), "it", lambda d: (d.read(1).tolist(), d.transform, d.crs, d.dtypes), inside=i.assets[key].inside)
            for i, c in ((item, tmp_path / "one"), (other, tmp_path / "tree"))
        )
        assert ours == theirs


def test_zip_of_several_products(tmp_path):
    roots = [safe(tmp_path / "t", f"2022-07-{d:02d}T04:07:11") for d in (1, 2)]
    (tmp_path / "z").mkdir()
    with zipfile.ZipFile(tmp_path / "z" / "both.zip", "w") as archive:
        for root in roots:
            for path in root.rglob("*"):
                archive.write(path, f"down/{root.name}/{path.relative_to(root)}")
    assert [i.id for i in listing.listed(tmp_path / "z", "sentinel-2").items] == [r.stem for r in roots]


def test_bad_zips_are_refused(tmp_path):
    good = zip_safe(safe(tmp_path / "t")).read_bytes()
    home = tmp_path / "z"
    home.mkdir()
    (home / "cut.zip").write_bytes(good[: len(good) // 2])
    (home / "none.zip").write_bytes(b"")
    (home / "text.zip").write_text("no zip")
    with zipfile.ZipFile(home / "other.zip", "w") as archive:
        archive.writestr("zones.geojson", "{}")
    told = refused(home)
    assert all("cannot be read" in told[n] for n in ("cut.zip", "none.zip", "text.zip"))
    assert "without a Sentinel-2" in told["other.zip"]


def test_encrypted_zip_is_refused(tmp_path):
    target = zip_safe(safe(tmp_path / "t"), tmp_path / "locked.zip", zipfile.ZIP_STORED)
    content = bytearray(target.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag that says: encrypted
        where = content.find(signature)
        while where >= 0:
            content[where + at] |= 1
            where = content.find(signature, where + 4)
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "locked.zip").write_bytes(content)
    (reason,) = refused(tmp_path / "z").values()
    assert "encrypted" in reason or "password" in reason


def test_zip_with_names_that_lead_out_writes_nothing(tmp_path):
    root = safe(tmp_path / "t")
    home = tmp_path / "z"
    home.mkdir()
    with zipfile.ZipFile(home / "slip.zip", "w") as archive:
        archive.writestr("../../evil.SAFE/manifest.safe", "<x/>")
        archive.writestr("/abs.SAFE/manifest.safe", "<x/>")
        for path in root.rglob("*"):
            archive.write(path, f"{root.name}/{path.relative_to(root)}")
    before = sorted(p for p in tmp_path.rglob("*") if ".snakemake" not in p.parts)
    assert [i.id for i in listing.listed(home, "sentinel-2").items] == [root.stem]
    assert sorted(p for p in tmp_path.rglob("*") if ".snakemake" not in p.parts) == before


def test_zip_bomb_is_read_no_further_than_a_metadata_file_may_be_long(tmp_path, monkeypatch):
    monkeypatch.setattr(packaged, "MOST_BYTES", 2_000_000)
    root = safe(tmp_path / "t")
    (root / "MTD_MSIL2A.xml").write_bytes(b" " * 50_000_000)
    home = tmp_path / "z"
    home.mkdir()
    target = zip_safe(root, home / "bomb.zip")
    assert target.stat().st_size < 200_000
    (reason,) = refused(home).values()
    assert "MTD_MSIL2A.xml has more than" in reason


def test_zip_member_that_is_no_image(tmp_path):
    root = safe(tmp_path / "t")
    red = next(root.rglob("*_B04_10m.jp2"))
    red.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"><SRSxx/></VRTDataset>')
    home = tmp_path / "z"
    home.mkdir()
    zip_safe(root, home / "vrt.zip")
    (reason,) = refused(home).values()
    assert "B04_10m.jp2 cannot be read" in reason


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("which", ["B04_10m", "MTD_MSIL2A"])
def test_zip_with_damaged_packing_is_a_row_and_others_are_read(tmp_path, which, method):
    home = tmp_path / "z"
    target = zip_safe(safe(tmp_path / "t"), tmp_path / "t" / "bad.zip", method)
    damage(target, which, 97)
    home.mkdir()
    shutil.copy(target, home / "bad.zip")
    other = zip_safe(safe(tmp_path / "u", "2022-07-09T04:07:11"))
    shutil.copy(other, home)
    told = refused(home)
    assert len(told) == 1
    assert {i.id for i in listing.listed(home, "sentinel-2").items} == {other.name[:-9], safe_name("2021-07-04T04:07:11", "03.00")}
    assert listing.kinds(home) == ["sentinel-2"]


def damage(target, which, step):
    """Change bytes of the packed content of a member, and nothing else of the zip."""
    with zipfile.ZipFile(target) as archive:
        (info,) = [i for i in archive.infolist() if which in i.filename]
    content = bytearray(target.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    for at in range(start + info.compress_size // 4, start + info.compress_size, step):
        content[at] ^= 0xFF
    target.write_bytes(content)


@pytest.mark.parametrize("where", ["in the middle", "at the end"])
def test_stored_image_in_a_zip_is_held_against_its_checksum(tmp_path, where):
    home = tmp_path / "z"
    home.mkdir()
    target = zip_safe(safe(tmp_path / "t"), home / "rot.zip", zipfile.ZIP_STORED)
    assert len(listing.listed(home, "sentinel-2").items) == 1
    damage(target, "B08_10m", 700 if where == "in the middle" else 10**9)
    (reason,) = refused(home).values()
    assert "damaged" in reason
    assert "B08_10m" in reason


# --- checksums of manifest.safe --------------------------------------------------------------------------------------


def with_sums(root, kind="MD5", sums=lambda content: hashlib.md5(content).hexdigest().upper()):
    """Let manifest.safe list checksums of the images, as ESA's does."""
    streams = "".join(
        f"""<dataObject ID="i{n}"><byteStream mimeType="application/octet-stream" size="{p.stat().st_size}">
        <fileLocation locatorType="URL" href="./{p.relative_to(root).as_posix()}"/>
        <checksum checksumName="{kind}">{sums(p.read_bytes())}</checksum></byteStream></dataObject>"""
        for n, p in enumerate(sorted(root.rglob("*.jp2")))
    )
    path = root / "manifest.safe"
    path.write_text(path.read_text().replace("</dataObjectSection>", f"{streams}</dataObjectSection>"))


SHA3 = "SHA3-256", lambda content: hashlib.sha3_256(content).hexdigest()
UNKNOWN = "CRC-99", lambda _: "00ff"


@pytest.mark.parametrize("kind", [(), SHA3], ids=["MD5", "SHA3"])
@pytest.mark.parametrize("band", ["B04_10m", "B08_10m", "SCL_20m"])
def test_image_that_is_not_what_its_manifest_says_is_refused(tmp_path, band, kind):
    root = safe(tmp_path)
    with_sums(root, *kind)
    assert len(listing.listed(tmp_path, "sentinel-2").items) == 1
    path = next(root.rglob(f"*{band}.jp2"))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))  # as a download that was allotted and not finished
    (reason,) = refused(tmp_path).values()
    assert re.search(rf"{band}.jp2 is damaged: its (MD5|SHA3-256) checksum is not that of manifest.safe", reason)


def test_manifest_without_checksums_or_with_unknown_ones_is_read(tmp_path):
    plain, unknown = safe(tmp_path), safe(tmp_path, "2022-07-09T04:07:11")
    with_sums(unknown, *UNKNOWN)
    assert [i.id for i in listing.listed(tmp_path, "sentinel-2").items] == [plain.stem, unknown.stem]


# --- hostile metadata ------------------------------------------------------------------------------------------------

XXE = '<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>\n'


@pytest.mark.parametrize("name", ["manifest.safe", "MTD_MSIL2A.xml", "MTD_TL.xml"])
def test_entities_are_refused(tmp_path, name):
    path = next(safe(tmp_path).rglob(name))
    text = path.read_text()
    path.write_text(XXE + text.split("?>", 1)[1].replace("S2MSI2A", "&e;"))
    (reason,) = refused(tmp_path).values()
    assert "declares a document type" in reason
    assert "root:" not in reason


def test_parser_itself_resolves_no_entity(tmp_path, monkeypatch):
    """Also without our own refusal in front of it, an external entity stays what it is."""
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP-SECRET")
    path = safe(tmp_path / "d") / "MTD_MSIL2A.xml"
    text = path.read_text().split("?>", 1)[1].replace("<PRODUCT_TYPE>S2MSI2A<", "<PRODUCT_TYPE>&e;<")
    path.write_text(f'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>\n{text}')
    monkeypatch.setattr(Package, "text", lambda self, name: (self.path / name).read_text())
    (product,), _ = find(tmp_path / "d")
    try:
        told = json.dumps(item_of(product))
    except Unusable as error:
        told = str(error)
    assert "TOP-SECRET" not in told


@pytest.mark.parametrize("leads", ["../../../../etc/passwd", "/etc/passwd", "GRANULE/../../x", "a{b}c"])
def test_images_elsewhere_are_refused(tmp_path, leads):
    path = safe(tmp_path) / "MTD_MSIL2A.xml"
    text = path.read_text()
    first = text.index("<IMAGE_FILE>") + len("<IMAGE_FILE>")
    path.write_text(f"{text[:first]}{leads}_B04_10m{text[text.index('</IMAGE_FILE>') :]}")
    told = refused(tmp_path)
    assert len(told) == 1
    assert "no file of its own" in next(iter(told.values()))


def test_metadata_elsewhere_are_refused(tmp_path):
    secret = tmp_path / "secret.xml"
    secret.write_text("<x>TOP-SECRET</x>")
    path = safe(tmp_path / "d") / "manifest.safe"
    path.write_text(path.read_text().replace('href="./MTD_MSIL2A.xml"', f'href="{secret}"'))
    (reason,) = refused(tmp_path / "d").values()
    assert "TOP-SECRET" not in reason


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/MTD.xml", "file:///etc/passwd", "s3://bucket/x"])
def test_nothing_is_fetched(tmp_path, url):
    path = safe(tmp_path) / "manifest.safe"
    path.write_text(path.read_text().replace('href="./MTD_MSIL2A.xml"', f'href="{url}"'))
    assert len(refused(tmp_path)) == 1


def test_links_are_not_followed_out_of_the_folder(tmp_path):
    outside = tmp_path / "outside"
    root = safe(outside)
    home = tmp_path / "home"
    home.mkdir()
    (home / "linked").symlink_to(outside)
    (home / root.name).symlink_to(root)
    (home / "loop").symlink_to(home)
    other = safe(home, "2022-07-09T04:07:11")
    red = next(other.rglob("*_B04_10m.jp2"))
    red.unlink()
    red.symlink_to(next(root.rglob("*_B04_10m.jp2")))
    told = refused(home)
    assert {n for n, r in told.items() if "not followed" in r} == {"linked", "loop", root.name}
    assert "leads out of the folder" in told[other.stem]


@pytest.mark.parametrize("name", ["a{year}b", "=cmd()", "-rf", "$(touch hacked)", "a\nb", "日本", "a'b\"c", "<script>"])
def test_names_do_no_harm(tmp_path, name):
    safe(tmp_path / name)
    safe(tmp_path, "2021-07-04T04:07:11", baseline="03.00")
    found = listing.listed(tmp_path, "sentinel-2")
    bad = "{" in name or "\n" in name
    assert (len(found.items), len(found.refused)) == ((1, 1) if bad else (2, 0))
    assert not bad or "rename it" in found.refused[0][1]


def test_name_that_is_no_text(tmp_path):
    safe(tmp_path / "good")
    shutil.copytree(tmp_path / "good", os.fsdecode(os.fsencode(tmp_path) + b"/\xff/x"))
    found = listing.listed(tmp_path, "sentinel-2")
    assert len(found.items) + len(found.refused) == 2
    json.dumps(found.refused).encode()


def test_a_users_catalogue_cannot_name_what_is_inside_a_file(tmp_path):
    item = {"type": "Feature", "id": "A", "properties": {"datetime": "2022-07-04T00:00:00Z"}, "assets": {"red": {"href": "x.hdf", "minegreen:inside": "NDVI"}}}
    (tmp_path / "items.json").write_text(json.dumps(item))
    (read,) = read_items(tmp_path / "items.json")
    assert read.assets["red"].inside == ""
    for href in ("/vsizip/x.zip/B04.jp2", "HDF4_EOS:EOS_GRID:x.hdf:g:NDVI", "zip:x.zip!B04.jp2", "/vsizip/{x.zip}/B04.jp2"):
        with pytest.raises(ValueError, match="neither|braces"):
            resolve(href, tmp_path / "items.json")


# --- Landsat ---------------------------------------------------------------------------------------------------------


@real
@pytest.mark.parametrize("suffix", ["MTL.xml", "MTL.txt", "MTL.json"])
def test_landsat_by_any_of_its_metadata_files(tmp_path, suffix):
    landsat_bundle(tmp_path, "008059", (suffix,))
    (product,), _ = find(tmp_path)
    item = item_of(product)
    told = json.loads((SHARED / "landsat_c2l2_scenes_qa_pixel" / f"{LANDSAT}_MTL.json").read_text())["LANDSAT_METADATA_FILE"]
    properties = item["properties"]
    assert (item["id"], item["collection"]) == (LANDSAT, "landsat-c2-l2")
    assert properties["datetime"].startswith(f"{told['IMAGE_ATTRIBUTES']['DATE_ACQUIRED']}T15:13:51.861")
    assert properties["eo:cloud_cover"] == float(told["IMAGE_ATTRIBUTES"]["CLOUD_COVER"])
    assert (properties["platform"], properties["grid:code"], properties["proj:code"]) == ("landsat-8", "WRS2-008059", "EPSG:32618")
    named = {"red": "SR_B4", "nir08": "SR_B5", "qa_pixel": "QA_PIXEL", "qa_radsat": "QA_RADSAT"}
    assert all(item["assets"][k]["href"].endswith(f"{LANDSAT}_{v}.TIF") for k, v in named.items())
    assert item["assets"]["red"]["raster:bands"][0]["scale"] == 2.75e-05
    assert item["assets"]["red"]["raster:bands"][0]["offset"] == -0.2
    assert not {"lwir11", "coastal", "ang"} & set(item["assets"])  # of which there is no file


@real
def test_three_real_landsat_products_in_one_folder():
    found = listing.listed(SHARED / "landsat_c2l2_scenes_qa_pixel", "landsat")
    assert [i.properties["landsat:wrs_path"] for i in found.items] == ["005", "008", "017"]
    assert found.refused == ()


@real
def test_landsat_that_cannot_be_used(tmp_path):
    landsat_bundle(tmp_path / "no_mtl", "005009", ())
    landsat_bundle(tmp_path / "no_red", "008059").joinpath(f"{LANDSAT}_SR_B4.TIF").unlink()
    landsat_bundle(tmp_path / "other_mtl", "017036", ())
    other = "LC08_L2SP_017036_20130419_20200913_02_T2"
    (tmp_path / "other_mtl" / f"{other}_MTL.txt").write_bytes((SHARED / "landsat_c2l2_scenes_qa_pixel" / f"{LANDSAT}_MTL.txt").read_bytes())
    landsat_bundle(tmp_path / "cut", "017036", ("MTL.json",), images=False)
    (tmp_path / "cut" / f"{other}_MTL.json").write_text('{"LANDSAT_METADATA_FILE": {"PRODUCT_CONTENTS": []}}')
    names = [
        "LC08_L1TP_012032_20170101_20200218_02_T1_B4.TIF",
        "LC08_L1TP_012032_20170117_20170218_01_T1_B4.TIF",
        "LC08_CU_025010_20130415_20210504_02_SR_B4.TIF",
    ]
    names += ["LT05_L2SP_012032_19990101_20200218_02_T1.tar.gz"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    told = reasons(tmp_path)
    assert "without their _MTL" in told["no_mtl/LC08_L2SP_005009_20150710_20200908_02_T2"]
    assert "Level-1" in told["LC08_L1TP_012032_20170101_20200218_02_T1"]
    assert "Collection 1" in told["LC08_L1TP_012032_20170117_20170218_01_T1"]
    assert "ARD" in told[names[2]]
    assert "unpack it" in told[names[3]]
    for product in find(tmp_path)[0]:
        if product.name == other:
            with pytest.raises(Unusable, match="of another product|cannot be read"):
                item_of(product)


@real
def test_landsat_with_its_angles_has_its_footprint(tmp_path):
    landsat_bundle(tmp_path, "008059")
    box = item_of(find(tmp_path)[0][0])["geometry"]["coordinates"][0]
    lines = ["BAND01_NUM_L1T_LINES = 100", "BAND01_NUM_L1T_SAMPS = 100"]
    lines += ["BAND01_L1T_IMAGE_CORNER_LINES = (0, 20, 100, 80)", "BAND01_L1T_IMAGE_CORNER_SAMPS = (20, 100, 80, 0)"]
    (tmp_path / f"{LANDSAT}_ANG.txt").write_text("\n".join(lines))
    tilted = item_of(find(tmp_path)[0][0])["geometry"]["coordinates"][0]
    west, east = min(x for x, _ in box), max(x for x, _ in box)
    assert tilted[0][0] == pytest.approx(west + 0.2 * (east - west), abs=1e-5)


# --- MODIS -----------------------------------------------------------------------------------------------------------

NAME = "MOD13Q1.A2021353.h26v05.061.2022004231519"
LAYERS = {f"250m 16 days {n}": np.full((40, 50), v, d) for n, v, d in (("NDVI", 4000, "int16"), ("VI Quality", 0, "uint16"), ("pixel reliability", 0, "int8"))}
VI = LAYERS | {"250m 16 days composite day of the year": np.full((40, 50), 353, "int16")}
CELL = 231.65635826385412


def hdf(folder, name=NAME, layers=VI, **more):
    return write_hdf(folder / f"{name}.hdf", layers, 8_000_000.0, 4_200_000.0, CELL, **more)


def test_modis_hdf_becomes_an_item(tmp_path):
    hdf(tmp_path, dates=("2021-12-19", "2022-01-03"), factor={"250m 16 days NDVI": 10000.0})
    item = item_of(find(tmp_path)[0][0])
    assert (item["id"], item["collection"]) == (NAME, "modis-13Q1-061")
    assert item["properties"]["start_datetime"] == "2021-12-19T00:00:00Z"
    assert item["properties"]["end_datetime"] == "2022-01-03T23:59:59Z"
    properties = item["properties"]
    assert (properties["platform"], properties["modis:horizontal-tile"], properties["modis:vertical-tile"]) == ("terra", 26, 5)
    assert set(item["assets"]) == {n.replace(" ", "_") for n in VI}
    assert item["assets"]["250m_16_days_NDVI"]["raster:bands"][0]["scale"] == 0.0001
    assert item["assets"]["250m_16_days_NDVI"]["minegreen:inside"] == "250m 16 days NDVI"


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        (NAME, "2021-12-19", "2022-01-03"),
        ("MYD13Q1.A2020009.h26v05.061.2020300000000", "2020-01-09", "2020-01-24"),
        ("MOD09A1.A2020001.h26v05.061.2020300000000", "2020-01-01", "2020-01-08"),
        ("MYD09Q1.A2020361.h26v05.061.2020300000000", "2020-12-26", "2021-01-02"),
        ("MOD13A2.A2016145.h18v04.006.2016166145124", "2016-05-24", "2016-06-08"),
    ],
)
def test_days_of_a_composite_without_core_metadata(tmp_path, name, first, last):
    hdf(tmp_path, name)
    properties = item_of(find(tmp_path)[0][0])["properties"]
    assert (properties["start_datetime"][:10], properties["end_datetime"][:10]) == (first, last)


@pytest.mark.parametrize(
    "files",
    [
        [f"{NAME}_250m_16_days_NDVI.tif", f"{NAME}_250m_16_days_pixel_reliability.tif"],
        [f"{NAME}.hdf_250m_16_days_NDVI.tif", f"{NAME}.250m 16 days pixel reliability.tif"],
        [f"MOD13Q1.061__250m_16_days_{n}_doy2021353_aid0001.tif" for n in ("NDVI", "pixel_reliability")],
        [f"MOD13Q1.061__250m_16_days_{n}_doy2021353000000_aid0001.tif" for n in ("NDVI", "pixel_reliability")],
    ],
    ids=["stactools", "converted", "AppEEARS", "AppEEARS, 2024"],
)
def test_modis_geotiffs_are_joined_to_one_item(tmp_path, files):
    for name in files:
        (tmp_path / name).write_bytes(b"II*\0")
    (product,), told = find(tmp_path)
    assert told == []
    item = item_of(product)
    assert set(item["assets"]) == {"250m_16_days_NDVI", "250m_16_days_pixel_reliability"}
    assert item["properties"]["start_datetime"][:10] == "2021-12-19"
    assert item["collection"] == "modis-13Q1-061"
    assert item["assets"]["250m_16_days_NDVI"]["raster:bands"][0]["scale"] == 0.0001


def test_other_processing_of_a_modis_tile_is_dropped(tmp_path):
    for made in ("006.2021300000000", "061.2021300000000", "061.2022004231519"):
        hdf(tmp_path, f"MOD13Q1.A2021353.h26v05.{made}")
    index = listing._index(tmp_path)
    assert [e["item"]["id"] for e in index["products"]] == [NAME]
    assert [r for _, r in index["refused"]] == [f"another version of the scene is read: {NAME}"] * 2


def test_hdf_that_is_none_or_unknown(tmp_path):
    (tmp_path / f"{NAME}.hdf").write_bytes(b"\x0e\x03\x13\x01 and no more")
    (tmp_path / "MOD09.A2020001.0405.061.2020003000000.hdf").write_bytes(b"a swath")
    (tmp_path / "VNP13A1.A2020001.h26v05.002.2020300000000.h5").write_bytes(b"VIIRS")
    (tmp_path / "stray.tif").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("mine")
    told = {n: r for n, r in listing._index(tmp_path)["refused"]}
    assert "HDF4" in told[NAME]
    assert sum("known by its name" in r for r in told.values()) == 3
    assert len(told) == 4


# --- the folder as a whole -------------------------------------------------------------------------------------------


def test_nothing_usable_says_what_is_looked_for(tmp_path):
    (tmp_path / "stray.tif").write_bytes(b"x")
    for call in (lambda: listing.listed(tmp_path, "landsat"), lambda: listing.kinds(tmp_path)):
        with pytest.raises(BadInput) as caught:
            call()
        assert "stray.tif: no product" in caught.value.found
        assert all(w in caught.value.expected for w in ("Sentinel-2 Level-2A .SAFE", "Landsat Collection 2 Level-2", "MODIS .hdf"))


def test_products_of_other_sensors_are_rows(tmp_path):
    safe(tmp_path)
    hdf(tmp_path)
    found = listing.listed(tmp_path, "sentinel-2")
    assert len(found.items) == 1
    assert [n for n, _ in found.refused] == [NAME]
    assert set(listing.kinds(tmp_path)) == {"sentinel-2", "modis"}


def test_index_is_kept_until_a_file_changes(tmp_path, monkeypatch):
    root, calls = safe(tmp_path / "d"), []
    original = listing.item_of
    monkeypatch.setattr(listing, "item_of", lambda p: calls.append(p.name) or original(p))
    first = listing.listed(tmp_path / "d", "sentinel-2")
    assert listing.listed(tmp_path / "d", "sentinel-2") == first
    (tmp_path / "d" / "notes.md").write_text("no product")
    (tmp_path / "d" / "x.tif.aux.xml").write_text("of QGIS")
    assert listing.listed(tmp_path / "d", "sentinel-2") == first
    assert len(calls) == 1
    (root / "MTD_MSIL2A.xml").write_text((root / "MTD_MSIL2A.xml").read_text() + "\n")
    listing.listed(tmp_path / "d", "sentinel-2")
    safe(tmp_path / "d", "2022-07-09T04:07:11")
    assert len(listing.listed(tmp_path / "d", "sentinel-2").items) == 2
    assert len(calls) == 4


def test_damaged_index_is_made_again(tmp_path):
    safe(tmp_path / "d")
    first = listing.listed(tmp_path / "d", "sentinel-2")
    (kept,) = (tmp_path / listing.CACHE).glob("*.json")
    for content in ("", "{}", '{"products": 1, "refused": []}', "[1]"):
        kept.write_text(content)
        assert listing.listed(tmp_path / "d", "sentinel-2") == first


def test_pystac_reads_as_before_afterwards(tmp_path):
    from pystac import StacIO

    before = type(StacIO.default())
    safe(tmp_path)
    listing.listed(tmp_path, "sentinel-2")
    assert type(StacIO.default()) is before


# --- what is no file, what may not be read, and copies ---------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "x.zip",
        f"{NAME}.hdf",
        f"{LANDSAT}_MTL.json",
        f"{LANDSAT}_SR_B4.TIF",
        "x.tar",
        "S2A_MSIL2A_20220704T040711_N0510_R061_T47SNC_20240101T000000.SAFE/manifest.safe",
    ],
)
def test_pipe_in_a_folder_is_a_row_and_is_not_opened(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    os.mkfifo(tmp_path / name)
    (reason,) = refused(tmp_path).values()
    assert "no regular file" in reason or ("SAFE" in name and "without its manifest.safe" in reason)


@pytest.fixture
def by_mode(monkeypatch):
    """Obey the permissions of files and folders, which the system does not where the tests run as its administrator."""

    def access(path, wanted):
        mode = Path(path).stat().st_mode
        return (not wanted & os.R_OK or bool(mode & 0o400)) and (not wanted & os.X_OK or bool(mode & 0o100))

    monkeypatch.setattr(os, "access", access)


@pytest.mark.usefixtures("by_mode")
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o100])
@pytest.mark.parametrize("inner", ["", "sub"])
def test_folder_without_permission_is_a_row_until_it_is_given(tmp_path, mode, inner):
    root = safe(tmp_path / inner)
    closed = tmp_path / inner if inner else root
    closed.chmod(mode)
    try:
        told = refused(tmp_path)
        assert told == {closed.name: "no permission to read it"}
    finally:
        closed.chmod(0o700)
    assert len(listing.listed(tmp_path, "sentinel-2").items) == 2


@pytest.mark.usefixtures("by_mode")
@pytest.mark.parametrize("name", ["manifest.safe", "MTD_TL.xml", "*_B04_10m.jp2", "*.zip", "*.hdf"])
def test_file_without_permission_is_a_row_until_it_is_given(tmp_path, name):
    root = safe(tmp_path / "d")
    if name == "*.zip":
        zip_safe(root)
        shutil.rmtree(root)
    if name == "*.hdf":
        hdf(tmp_path / "d")
    (closed,) = (tmp_path / "d").rglob(name)
    closed.chmod(0)
    told = refused(tmp_path / "d")
    assert [r for r in told.values() if "no permission to read" in r] == list(told.values())
    assert len(told) == 1
    closed.chmod(0o600)
    assert not [r for _, r in listing.listed(tmp_path / "d", "sentinel-2").refused if "permission" in r]


@pytest.mark.usefixtures("by_mode")
def test_catalogue_folder_without_permission_is_bad_input(tmp_path):
    folder = tmp_path / "d"
    safe(folder)
    folder.chmod(0)
    try:
        with pytest.raises(BadInput, match="no permission to read this folder"):
            listing.listed(folder, "sentinel-2")
    finally:
        folder.chmod(0o700)


def test_folder_that_the_system_does_not_list_is_a_row(tmp_path, monkeypatch):
    safe(tmp_path / "broken")
    original = os.scandir

    def scandir(path):
        if str(path).endswith("broken"):
            raise OSError(5, "Input/output error", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert refused(tmp_path) == {"broken": "a folder that cannot be read: Input/output error"}


def test_copy_that_can_be_used_is_read_whichever_comes_first(tmp_path):
    whole = safe(tmp_path / "b")
    shutil.copytree(tmp_path / "b", tmp_path / "a")
    shutil.copytree(tmp_path / "b", tmp_path / "c")
    next((tmp_path / "a").rglob("*_B08_10m.jp2")).unlink()
    index = listing._index(tmp_path)
    (entry,) = index["products"]
    assert entry["item"]["id"] == whole.stem
    assert f"/b/{whole.name}/" in entry["item"]["assets"]["nir"]["href"]
    told = sorted(reason for _, reason in index["refused"])
    assert told == [f"the copy in a/{whole.name}: files of the product are missing: nir (nir B08 B08_10m)", f"the same product is read from b/{whole.name}"]
    shutil.rmtree(tmp_path / "b")
    shutil.rmtree(tmp_path / "c")
    zip_safe(whole if whole.exists() else next((tmp_path / "a").glob("*.SAFE")), tmp_path / "z.zip")
    with pytest.raises(BadInput) as caught:
        listing.listed(tmp_path, "sentinel-2")
    assert caught.value.found.count("are missing") == 2
