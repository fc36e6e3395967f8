"""What other sensors say beside the leading one: same, opposite, none, not known; and zones too small, in words."""

import numpy as np
import pytest
from mademine import RULES, cells, tables

from pipeline.agreement import Extent, beside, cover_table, edge_sentence, scale_sentence
from pipeline.areas import area_rows, class_areas, group_rows, total, usual_n
from pipeline.captions import class_captions
from pipeline.coverage import ZoneCoverage
from pipeline.findings import findings
from pipeline.zonetables import Tables, all_too_small, is_too_small, of_zone

NAN = float("nan")
PERIOD = (2021, 2024)


def changing(folder, **zones):
    """Return the tables of zones whose cover goes from 0.5 by these points; None has no value in the last year."""
    folder.mkdir()
    made = {z: cells((9, (0.5, 0.5, 0.5, NAN if points is None else 0.5 + points / 100))) for z, points in zones.items()}
    return tables(folder, made, references=())


@pytest.mark.parametrize(
    ("here", "there", "en", "zh"),
    [
        (12, 8, "landsat: cover rose by 8.0 percentage points (the same direction)", "landsat：植被覆盖度上升8.0个百分点（方向一致）"),
        (-12, -3, "landsat: cover fell by 3.0 percentage points (the same direction)", "landsat：植被覆盖度下降3.0个百分点（方向一致）"),
        (12, -3, "landsat: cover fell by 3.0 percentage points (the opposite direction)", "landsat：植被覆盖度下降3.0个百分点（方向相反）"),
        (12, 0, "landsat: cover did not move (one of the two shows no change)", "landsat：植被覆盖度没有变化（其中一方无变化）"),
        (0.01, 0, "landsat: cover did not move (the same direction)", "landsat：植被覆盖度没有变化（方向一致）"),
        (12, None, "landsat: not known", "landsat：未知"),
    ],
)
def test_direction_beside_the_leading_sensor(tmp_path, here, there, en, zh):
    lead, other = changing(tmp_path / "a", pit=here), changing(tmp_path / "b", pit=there)
    said = beside(lead, {"landsat": other}, "sentinel-2", PERIOD)["pit"]
    assert said.en == f"2021-2024 by other sensors: {en}."
    assert said.zh == f"2021—2024年其他传感器：{zh}。"


def test_without_a_change_of_the_leading_sensor_nothing_is_compared(tmp_path):
    lead, other = changing(tmp_path / "a", pit=None), changing(tmp_path / "b", pit=5)
    said = beside(lead, {"landsat": other, "modis": lead}, "sentinel-2", PERIOD)["pit"]
    assert said.en == ("2021-2024: sentinel-2 has no change of cover to compare with: landsat: cover rose by 5.0 percentage points; modis: not known.")
    assert "direction" not in said.en


def test_where_sensors_disagree_a_zone_too_small_is_called_so(tmp_path):
    lead, other = changing(tmp_path / "a", pit=5, dump=5, wide=5), changing(tmp_path / "b", pit=-5, dump=5, wide=-5)
    small = {"modis": {zone: {"count": "30", "least": 100} for zone in ("pit", "dump")}}
    said = beside(lead, {"modis": other}, "s", PERIOD, small)
    assert "(the opposite direction; the zone is too small for it: 30 of its pixels, 100 are needed)" in said["pit"].en
    assert "（方向相反；该区对其而言面积过小：30个像元，需要100个）" in said["pit"].zh
    assert "too small" not in said["dump"].en + said["wide"].en


def test_one_scale_only_where_the_pairs_are_equal():
    assert scale_sentence({"a": (0.05, 0.86), "b": (0.05, 0.86)}).en.startswith("All have the same endmember pair (NDVI 0.0500 and 0.8600)")
    two = scale_sentence({"a": (0.05, 0.86), "b": (0.1, 0.8), "c": (0.05, 0.86)})
    assert two.en.startswith("Their endmember pairs differ (a and c: NDVI 0.0500 and 0.8600; b: NDVI 0.1000 and 0.8000)")
    assert "不可比较" in two.zh
    assert "不可比较" not in scale_sentence({"a": (0.05, 0.86)}).zh


def test_the_table_of_all_sensors_has_every_year_and_leaves_gaps_empty(tmp_path):
    fine, rough = changing(tmp_path / "a", pit=5, dump=None), changing(tmp_path / "b", pit=-5, dump=5)
    rough = Tables(fvc=[r for r in rough.fvc if r["year"] != "2021"])
    extents = {"fine": {"pit": Extent(9.0, 0.0, False), "dump": Extent(9.0, 0.0, False)}, "rough": {"pit": Extent(1.5, 40.0, True)}}
    years, rows = cover_table({"fine": fine, "rough": rough}, extents)
    assert years == ["2021", "2022", "2023", "2024"]
    assert [(r["zone"], r["sensor"]) for r in rows] == [(z, s) for z in ("pit", "dump") for s in ("fine", "rough")]
    assert [[round(float(v), 3) if v else None for v in r["cover"]] for r in rows] == [
        [0.5, 0.5, 0.5, 0.55],
        [None, 0.5, 0.5, 0.45],
        [0.5, 0.5, 0.5, None],
        [None, 0.5, 0.5, 0.55],
    ]
    said = edge_sentence(extents, "fine")
    assert "the mean of pit, 40 % is of its surroundings with rough, 0 % with fine" in said.en
    assert edge_sentence({"fine": extents["fine"], "rough": extents["fine"]}, "fine") is None


def test_the_share_of_surroundings_is_that_of_the_weights():
    """Two whole cells and two of which a half and a quarter are covered: the mean's weights are 1, 1, 1/2, 1/4."""
    fractions = np.array([[1, 1, 0], [0.5, 0.25, 0]])
    found = ZoneCoverage("pit", "pit", slice(0, 2), slice(0, 3), fractions * 730.0, 2.75)
    assert found.surroundings_pct == pytest.approx(100 * (0.5 * 0.5 + 0.25 * 0.75) / 2.75)
    assert ZoneCoverage("pit", "pit", slice(0, 1), slice(0, 1), np.ones((1, 1)), 1.0).surroundings_pct == 0


def test_each_zone_has_its_own_sentence_and_one_sensor_none(tmp_path):
    lead, other = changing(tmp_path / "a", pit=5, dump=-5), changing(tmp_path / "b", pit=5, dump=5)
    said = beside(lead, {"modis": other}, "s", PERIOD)
    assert ["opposite" in said[z].en for z in ("pit", "dump")] == [False, True]
    assert beside(lead, {}, "s", PERIOD) == {}


def coverage(area, pixels):
    return ZoneCoverage("pit", "pit", slice(0, 2), slice(0, 3), np.array(area, float), pixels)


def test_a_zone_of_fewer_pixels_is_too_small_as_a_whole():
    codes, area = np.uint8([[8, 8, 5], [99, 0, 97]]), [[100, 25, 50], [12.5, 0, 1]]
    assert class_areas(codes, coverage(area, 99.9), 100) == {98: 188.5}
    assert class_areas(codes, coverage(area, 100 - 1e-9), 100) == {5: 50, 8: 125, 97: 1, 99: 12.5}  # rounding is no pixel
    assert class_areas(codes, coverage(area, 0.01)) == {5: 50, 8: 125, 97: 1, 99: 12.5}
    n = np.full((2, 3), 5, np.float32)
    assert [usual_n(n, coverage(area, p), 100) for p in (99, 101)] == [0, 5]


def test_rows_of_a_zone_too_small_sum_to_it_and_have_no_valid_share_and_no_p():
    rows = area_rows("seven", "auto", {98: 2e6}, {98: 5.0, 8: 15.0}, 0, {})
    assert {r["code"]: r["area_km2"] for r in rows if r["area_km2"] is not None} == {98: 2.0}, "what is not known is no zero"
    assert {r["code"] for r in rows if r["share_pct"] is not None} == {98}
    assert {r["share_valid_pct"] for r in rows} == {None}
    assert all(np.isnan(r["p_min"]) for r in rows)
    assert {r["code"]: r["share_reference_pct"] for r in rows if r["share_reference_pct"]} == {98: 25, 8: 75}
    groups = {r["group"]: r for r in group_rows("seven", total([{98: 2e6}, {8: 6e6}]), {}, {})}
    assert groups["insufficient"]["share_pct"] == 25
    assert groups["increase"]["share_valid_pct"] == 100
    alone = {r["group"]: (r["area_km2"], r["share_pct"], r["share_reference_pct"]) for r in group_rows("seven", {98: 2e6}, {98: 5.0}, {})}
    assert alone.pop("insufficient") == (2.0, 100.0, 100.0)
    assert set(alone.values()) == {(None, None, None)}


def shrunk(made, zone):
    """Return tables in which a zone is too small for the sensor, as the stage writes them."""

    def area(r):
        if r["zone"] != zone:
            return r
        whole = sum(float(x["area_km2"] or 0) for x in made.area if x["zone"] == zone)
        here = r["code"] == "98"
        return r | {"area_km2": str(whole) if here else "", "share_pct": "100.0" if here else "", "share_valid_pct": "", "p_min": ""}

    def group(r):
        if r["zone"] != zone:
            return r
        return r | {"share_pct": "100.0" if r["group"] == "insufficient" else "", "share_valid_pct": ""}

    return Tables(made.fvc, made.change, [area(r) for r in made.area], [group(r) for r in made.groups], made.trend)


def test_a_zone_too_small_has_words_in_place_of_class_shares(tmp_path):
    made = tables(tmp_path, {"pit": cells((50, (0.4, 0.5, 0.6, 0.7))), "reference": cells((50, (0.8, 0.81, 0.82, 0.83)))})
    usual = {f.zone: f for f in findings(made, RULES, {"pit": ("reference",)})}
    small = {f.zone: f for f in findings(shrunk(made, "pit"), RULES, {"pit": ("reference",)})}
    assert "too_small" not in [s.key for s in usual["pit"].sentences]
    keys = [s.key for s in small["pit"].sentences]
    assert keys.count("too_small") == 1
    assert not {"slopes", "classes", "unreachable", "chance", "insufficient", "no_p"} & set(keys)
    assert {"cover", "change", "mean"} <= set(keys)  # the mean of the zone and its trend are still said
    assert "too_small" in [s.key for s in small["pit"].lead]
    assert small["reference"] == usual["reference"]
    assert is_too_small(of_zone(shrunk(made, "pit"), "pit"))
    assert not is_too_small(of_zone(made, "pit"))


def test_a_reference_too_small_is_not_compared_in_shares(tmp_path):
    made = tables(tmp_path, {"pit": cells((50, (0.4, 0.5, 0.6, 0.7))), "reference": cells((50, (0.8, 0.81, 0.82, 0.83)))})
    rows = [r | {"share_reference_pct": "100.0" if r.get("code") == "98" else "0.0"} for r in made.area]
    groups = [r | {"share_reference_pct": "100.0" if r["group"] == "insufficient" else "0.0"} for r in made.groups]
    (pit,) = [f for f in findings(Tables(made.fvc, made.change, rows, groups, made.trend), RULES, {"pit": ("reference",)}) if f.zone == "pit"]
    shares = [s.en for s in pit.sentences if s.key in ("slopes", "classes")]
    assert shares
    assert not any("reference" in s for s in shares)  # a zero there would be no zero


def test_the_caption_says_that_zones_are_too_small_and_not_that_nothing_has_a_trend(tmp_path):
    made = tables(tmp_path, {z: cells((50, (0.4, 0.5, 0.6, 0.7))) for z in ("pit", "dump", "reference")})
    captions = []
    for names in ((), ("pit",), ("pit", "dump"), ("pit", "dump", "reference")):
        for name in names[-1:]:
            made = shrunk(made, name)
        captions.append(class_captions(made)[PERIOD])
    assert "too small" not in captions[0].en and "面积过小" not in captions[0].zh
    assert captions[1].en.endswith("; too small for this sensor: one zone.") and "on 2 zones" in captions[1].en
    assert captions[2].zh.endswith("；对此传感器而言面积过小：2个区域。")
    assert captions[3].key == "caption_all_small"
    assert captions[3].en.startswith("Each of 3 zones is too small for this sensor") and "No area" not in captions[3].en
    assert [all_too_small(t) for t in (made, shrunk(made, "pit"), Tables())] == [True, True, False]
    (empty,) = class_captions(tables(tmp_path, {"pit": cells((9, [float("nan")] * 4))}, references=())).values()
    assert empty.en == "No area of one zone has a trend in 2021-2024."  # no data is not a zone too small


def test_the_caption_counts_the_zones_that_have_a_trend(tmp_path):
    made = tables(tmp_path, {z: cells((50, (0.4, 0.5, 0.6, 0.7))) for z in ("pit", "dump", "reference")})
    assert "on 3 zones" in class_captions(made)[PERIOD].en
    assert "on 2 zones" in class_captions(shrunk(made, "dump"))[PERIOD].en
