"""How a report says what was read of images: from the layers of scenes.json, against names and products written out here."""

import json

import pytest
from running import ROOT

from pipeline import config as configs
from pipeline.decoding import decoded, mask_text, ndvi_text
from pipeline.quality import MASK_NAMES
from pipeline.report import method

DROP, DILATE = ("cloud", "cirrus", "shadow", "snow", "saturated"), ("cloud", "shadow")


def pinned(*scenes, last=""):
    """Return the content of scenes.json: scenes of (role, asset, quality)."""
    layers = [{role: {"asset": asset, "quality": quality} for role, asset, quality in scene} for scene in scenes]
    return {"scenes": [{"day": "2022-07-12", "last": last, "layers": of} for of in layers]}


S2 = (("red", "B04", ""), ("nir", "B08", ""), ("mask", "SCL", "scl"))
OLI = (("red", "red", ""), ("nir", "nir08", ""), ("mask", "qa_pixel", "qa_pixel"), ("saturation", "qa_radsat", "qa_radsat-oli"))
TM = (*OLI[:3], ("saturation", "qa_radsat", "qa_radsat-tm"))
BARE = OLI[:3]  # without QA_RADSAT
MOD13 = (("ndvi", "250m_16_days_NDVI", ""), ("mask", "250m_16_days_pixel_reliability", "vi_reliability"), ("quality", "250m_16_days_VI_Quality", "vi_quality"))
MOD09 = (("red", "sur_refl_b01", ""), ("nir", "sur_refl_b02", ""), ("mask", "sur_refl_state_500m", "sr_state"))

# What the quality layers of the products have a value for, by their guides; not read from the table under test.
KNOWN = {
    "s2": (S2, set(MASK_NAMES)),
    "landsat": (OLI, {"cloud", "cirrus", "shadow", "snow", "water", "saturated"}),
    "landsat, two missions": (TM, {"cloud", "cirrus", "shadow", "snow", "water", "saturated"}),
    "landsat without saturation": (BARE, {"cloud", "cirrus", "shadow", "snow", "water"}),
    "mod13": (MOD13, {"cloud", "shadow", "snow", "water"}),
    "mod09": (MOD09, {"cloud", "cirrus", "shadow", "snow", "water"}),
}


@pytest.mark.parametrize("product", KNOWN)
def test_what_no_layer_knows_is_said(product):
    scene, known = KNOWN[product]
    found = decoded(pinned(scene, scene))
    assert found.unknown(MASK_NAMES) == [n for n in MASK_NAMES if n not in known]
    assert found.partly == frozenset()
    said = mask_text(found, MASK_NAMES, (), 0, 30, 0.04).en
    dropped = said.split(" dropped")[0]
    assert all((name in dropped) == (name in known) for name in MASK_NAMES), said
    assert ("know no" in said) == (known != set(MASK_NAMES))


def test_the_sentences_of_modis_speak_of_what_mod13_has():
    found = decoded(pinned(MOD13, last="2022-07-27"))
    assert mask_text(found, DROP, DILATE, 40, 231.656, 0.04).en == (
        "Mask: cloud, shadow and snow dropped; its quality layers know no cirrus or saturated: to drop these has no effect; "
        "cloud and shadow not grown: 40 m is less than a cell of 232 m."
    )
    zh = mask_text(found, DROP, DILATE, 40, 231.656, 0.04).zh
    assert zh == "掩膜：剔除云、阴影和积雪；其质量图层不含卷云或饱和像元，相应设置不起作用；云和阴影未外扩：40 m 小于 232 m 的像元。"
    assert ndvi_text(found).en.startswith("NDVI is read ready-made from the files (250m_16_days_NDVI)")
    assert "Rouse" not in ndvi_text(found).en


def test_growth_is_said_where_whole_cells_fit():
    found = decoded(pinned(OLI))
    assert "cloud and shadow grown by 40 m" in mask_text(found, DROP, DILATE, 40, 30, 0.04).en
    assert "grown by 30 m" in mask_text(found, DROP, DILATE, 30, 30, 0.04).en
    assert "not grown: 29 m is less than a cell of 30 m" in mask_text(found, DROP, DILATE, 29, 30, 0.04).en
    assert "grown" not in mask_text(found, DROP, (), 40, 30, 0.04).en


def test_a_name_that_only_some_scenes_know_is_said():
    found = decoded(pinned(OLI, BARE))
    assert found.unknown(DROP) == []
    assert "only a part of the scenes tells saturated" in mask_text(found, DROP, (), 0, 30, 0.04).en


def test_nothing_dropped_and_no_scene():
    assert mask_text(decoded(pinned(S2)), (), (), 40, 10, 0.04).en.startswith("Mask: nothing dropped; land with red + NIR")
    assert decoded({"scenes": []}).known == frozenset()


def test_formed_read_and_both():
    assert ndvi_text(decoded(pinned(MOD09))).en == "NDVI = (NIR - red) / (NIR + red) (Rouse et al. 1974)."
    both = ndvi_text(decoded(pinned(MOD09, MOD13))).en
    assert "Rouse" in both and "250m_16_days_NDVI" in both
    assert "read ready-made" in ndvi_text(decoded({"bands": {"ndvi": 1}, "images": []})).en
    assert "Rouse" in ndvi_text(decoded({"bands": {"red": 1, "nir": 2}, "images": []})).en


def test_composites_of_days_are_called_so():
    config = configs.load(ROOT / "configs" / "jiangcang.yaml")
    assert "2 composites of 16 days" in method.images(config, decoded(pinned(MOD13, MOD13, last="2022-07-27"))).en
    assert "1 composite of 16 days" in method.images(config, decoded(pinned(MOD13, last="2022-07-27"))).en
    assert "1 scene 2020" in method.images(config, decoded(pinned(S2))).en
    mixed = {"scenes": pinned(MOD13)["scenes"] + pinned(MOD13, last="2022-07-27")["scenes"]}
    assert "2 scenes" in method.images(config, decoded(mixed)).en


def test_the_report_of_the_default_run_says_of_each_sensor_what_it_read(three_sensors):
    root = three_sensors.results / "jiangcang"
    config = configs.load(ROOT / "configs" / "jiangcang.yaml")
    said = {}
    for sensor, cell in (("sentinel-2", 10), ("landsat", 30), ("modis", 231.656)):
        found = decoded(json.loads((root / sensor / "scenes.json").read_text(encoding="utf-8")))
        said[sensor] = " ".join(t.en for t in method.method(config, sensor, found, cell, synthetic=True))
    page = (root / "report.html").read_text(encoding="utf-8")
    for sensor in ("sentinel-2", "landsat"):
        assert "Rouse" in said[sensor] and "0.04" in said[sensor] and "know no" not in said[sensor] and "grown by 40 m" in said[sensor]
    assert "Rouse" not in said["modis"] and "0.04" not in said["modis"] and "grown by" not in said["modis"]
    assert page.count("know no cirrus or saturated") == 1
    assert (page.count("(Rouse et al. 1974)"), page.count("（Rouse et al. 1974）")) == (2, 2)  # of two sensors
