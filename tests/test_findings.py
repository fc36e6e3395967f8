"""Findings: every sentence is computed from the tables of mines made here, and says nothing that they do not hold."""

import csv
import re
import string

import numpy as np
import pytest
from mademine import RULES, cells, tables

from pipeline.captions import class_captions, cover_caption
from pipeline.coverwords import cover_sentences, observed_sentences
from pipeline.findings import findings
from pipeline.tables import read_csv
from pipeline.words import FRAGMENTS, SENTENCES, Sentence, Text, say
from pipeline.zonetables import Tables

NAN = float("nan")
RISE, FALL = (0.4, 0.5, 0.6, 0.7), (0.8, 0.7, 0.6, 0.5)  # every year
UP, DOWN = (0.4, 0.6, 0.5, 0.7), (0.8, 0.6, 0.7, 0.5)  # not every year
FLAT = (0.5, 0.5, 0.5, 0.5)
REFERENCE = cells((4, (0.8, 0.81, 0.82, 0.83)), (96, (0.8, 0.82, 0.81, 0.83)))
KNOWN = {z: ("reference",) for z in ("pit", "dump", "reference")}


def found(made, references=KNOWN, **more):
    return {f.zone: f for f in findings(made, RULES, references, **more)}


def said(finding, key):
    return [s.en for s in finding.sentences if s.key == key]


def keys(finding):
    return [s.key for s in finding.sentences]


@pytest.fixture
def recovering(tmp_path):
    return tables(tmp_path, {"pit": cells((14, RISE), (61, UP), (25, DOWN)), "reference": REFERENCE})


def test_a_recovering_zone_in_full_and_in_order(recovering):
    pit = found(recovering)["pit"]
    assert [s.en for s in pit.sentences] == [
        "Cover 50 % in 2021, 65 % in 2024.",
        "From 2021 to 2024 cover rose by 15 percentage points; the reference rose by 3.0 percentage points: a difference of +12 percentage points.",
        "2021-2024: the recommended test (the zone: Mann-Kendall, exact p; column p, target absolute) gives p = 0.33, S = +4, slope +4.10 percentage points "
        "per year: no trend found at 0.10.",
        "2021-2024: cover has a rising slope on 75 % of the zone, a falling one on 25 %, no change on 0 % (reference: 100 %, 0 %, 0 %).",
        "2021-2024: 14 % of the zone is classed slightly significant increase (it rose every year), 0 % slightly significant decrease; "
        "on the reference 4.0 % and 0 %.",
        "2021-2024: the zone's mean cover (before clamping) rose by 4.1 percentage points per year (Theil-Sen, 4 years, p = 0.33, "
        "smallest reachable p = 0.083), not distinguishable from no change.",
        "2021-2024, all cells together: when whole years change places, p = 0.17 for the cells' mean S (+2.3); 14 % of the area rises every year and 0 % falls "
        "every year, p = 0.17, smallest reachable p = 0.083.",
        "2021-2024: adjusted for the number of cells tested (Benjamini-Hochberg, rate 10 %), 0 % of the zone keeps a rise and 0 % a fall.",
        "2021-2024: 4 years cannot prove a trend of a cell at 5 %: smallest reachable p = 0.083, so nothing can be classed "
        "significant increase or significant decrease.",
        "2021-2024: where nothing changes, chance alone brings about 4.2 % of the cells with 4 years to p <= 0.1 in each direction.",
    ]
    assert pit.flags == ()


def test_the_same_in_chinese(recovering):
    zh = [s.zh for s in found(recovering)["pit"].sentences]
    assert zh[0] == "植被覆盖度：2021年50%，2024年65%。"
    assert zh[1] == "2021—2024年植被覆盖度上升15个百分点；参照区上升3.0个百分点：相差+12个百分点。"
    assert zh[2] == (
        "2021—2024年：推荐检验（分区：Mann-Kendall（精确 p）；p 列，target 为 absolute）：p = 0.33，S = +4，斜率每年 +4.10 个百分点：在 0.10 水平上未发现趋势。"
    )
    assert zh[4] == "2021—2024年：轻微显著增加（逐年上升）的面积占全区的14%，轻微显著减少占0%；参照区分别为4.0%和0%。"


def test_a_reference_is_not_compared_with_itself(recovering):
    text = " ".join(s.en for s in found(recovering)["reference"].sentences)
    assert "reference" not in text.lower()
    assert "4.0 % of the zone is classed slightly significant increase (it rose every year)" in text


def test_a_degrading_zone(tmp_path):
    pit = found(tables(tmp_path, {"pit": cells((40, FALL), (60, DOWN)), "reference": REFERENCE}))["pit"]
    assert said(pit, "cover") == ["Cover 80 % in 2021, 50 % in 2024."]
    assert said(pit, "change") == [
        "From 2021 to 2024 cover fell by 30 percentage points; the reference rose by 3.0 percentage points: a difference of -33 percentage points."
    ]
    assert said(pit, "classes")[0].startswith(
        "2021-2024: 0 % of the zone is classed slightly significant increase, 40 % slightly significant decrease (it fell every year)"
    )
    assert said(pit, "mean")[0].startswith("2021-2024: the zone's mean cover (before clamping) fell by 8.5 percentage points per year")


def test_a_zone_without_any_data_says_only_that(tmp_path):
    empty = {"pit": cells((9, [NAN] * 4)), "reference": REFERENCE}
    pit = found(tables(tmp_path, empty))["pit"]
    assert [s.en for s in pit.sentences] == [
        "No clear observation of land in 2021-2024: cover is not known.",
        "No clear observation in 2021-2024.",
        "2021-2024: 100 % of the zone has too few valid years for a trend.",
    ]
    assert pit.flags == ()


def test_a_zone_of_water_only(tmp_path):
    zones = {"pit": cells((9, FLAT)), "reference": REFERENCE}
    pit = found(tables(tmp_path, zones, water={"pit": np.ones((4, 1, 9))}))["pit"]
    assert [s.en for s in pit.sentences] == [
        "No clear observation of land in 2021-2024: cover is not known.",
        "Water covers the whole zone in 2021-2024.",
        "2021-2024: 100 % of the zone is classed water and has no trend.",
    ]
    assert pit.flags == ()


def test_a_zone_that_is_mostly_lake_keeps_the_words_on_its_land(tmp_path):
    lake = np.zeros((4, 1, 10))
    lake[:, :, :6] = 1
    lake[-1, :, 6] = 1
    pit = found(tables(tmp_path, {"pit": cells((6, FLAT), (4, RISE)), "reference": REFERENCE}, water={"pit": lake}))["pit"]
    assert said(pit, "water") == ["Water covers 60 % of the zone in 2021, 70 % of the zone in 2024."]
    assert said(pit, "lake") == ["2021-2024: 60 % of the zone is classed water and has no trend."]
    assert said(pit, "change")[0].startswith("From 2021 to 2024 cover rose by 30 percentage points (over the 30 % of the zone that has values in both years)")
    assert said(pit, "slopes")[0].startswith("2021-2024: cover has a rising slope on 100 % of the area with a trend, a falling one on 0 %")
    assert said(pit, "classes")[0].startswith(
        "2021-2024: 75 % of the area with a trend is classed slightly significant increase"
    )  # the cell of 3 years: p = .33
    assert said(pit, "no_p") == ["2021-2024: most of the zone has fewer than 3 valid years, from which no p can be formed."]
    assert "partial" not in keys(pit)  # all land was seen


def test_one_zone_without_a_reference(tmp_path):
    made = tables(tmp_path, {"pit": cells((10, RISE))}, references=())
    (pit,) = findings(made, RULES, {"pit": ()})
    assert said(pit, "change") == ["From 2021 to 2024 cover rose by 30 percentage points."]
    assert not any("reference" in s.en.lower() or "参照" in s.zh for s in pit.sentences)
    assert cover_caption(made).en == "Mean cover of one zone 2021-2024, of the land observed in each year."
    assert class_captions(made)[2021, 2024].en == (
        "Trend of cover 2021-2024 on one zone, 0.001 km2 with a trend: 100 % rising, 0 % falling, 0 % no change, smallest reachable p = 0.083."
    )


def test_a_reference_without_data_is_compared_with_nothing(tmp_path):
    pit = found(tables(tmp_path, {"pit": cells((10, RISE)), "reference": cells((4, [NAN] * 4))}))["pit"]
    assert said(pit, "change") == ["From 2021 to 2024 cover rose by 30 percentage points."]
    assert not any("reference" in s.en for s in pit.sentences)


def test_the_references_shares_are_of_its_own_area_with_a_trend(tmp_path):
    half = cells((25, RISE), (25, DOWN), (50, [NAN] * 4))
    pit = found(tables(tmp_path, {"pit": cells((10, RISE)), "reference": half}))["pit"]
    assert said(pit, "slopes")[0].endswith("(reference: 50 %, 50 %, 0 %).")
    assert said(pit, "classes")[0].endswith("on the reference 50 % and 0 %.")


def test_forty_zones_in_their_order_each_with_its_own_numbers(tmp_path):
    zones = {f"zone {i}": cells((i, RISE), (50 - i, DOWN)) for i in range(40, 0, -1)}
    every = findings(tables(tmp_path, zones, references=()), RULES, {})
    assert [f.zone for f in every] == [f"zone {i}" for i in range(40, 0, -1)]
    for i, finding in zip(range(40, 0, -1), every, strict=True):
        share = f"{2 * i} %" if i > 4 else f"{2 * i}.0 %"
        assert said(finding, "classes")[0].startswith(f"2021-2024: {share} of the zone is classed slightly significant increase (it rose every year)")
    assert cover_caption(tables(tmp_path, zones, references=())).zh.startswith("2021—2024年40个区域")


def test_captions_of_a_mine_without_data(tmp_path):
    made = tables(tmp_path, {"a": cells((4, [NAN] * 4)), "b": cells((4, [NAN] * 4))}, references=())
    assert cover_caption(made).en == "No zone has a value of cover in 2021-2024."
    assert class_captions(made)[2021, 2024].en == "No area of 2 zones has a trend in 2021-2024."


def test_empty_and_partial_years_are_named(tmp_path):
    values = cells((60, (0.2, NAN, 0.4, 0.5)), (40, (0.2, NAN, NAN, 0.5)))
    pit = found(tables(tmp_path, {"pit": values}, references=()))["pit"]
    assert said(pit, "no_observation") == ["No clear observation in 2022."]
    assert said(pit, "partial") == ["Cover is that of the observed part of the land only: 60 % in 2023."]
    assert "2022" not in said(pit, "cover")[0]


def test_a_year_in_which_only_water_was_seen_was_not_unseen():
    rows = [{"year": str(y), "fvc_mean": "", "valid_pct": "0.0", "water_pct": w} for y, w in ((2020, "60.0"), (2021, "0.0"), (2022, "100.0"), (2023, ""))]
    assert [s.en for s in observed_sentences(rows)] == [
        "Water covers the whole zone in 2022.",
        "No clear observation of land in 2020, only of water.",
        "No clear observation in 2021 and 2023.",
        "Water covers 60 % of the zone in 2020, 100 % of the zone in 2022.",
    ]


def test_many_partial_years_are_counted():
    rows = [{"year": str(2000 + i), "fvc_mean": "0.5", "valid_pct": str(50 + i), "water_pct": ""} for i in range(10)]
    assert [s.en for s in observed_sentences(rows)] == ["In 10 of 10 years less than 95 % of the land was observed, least in 2000 (50 %)."]


def test_a_single_year_has_no_change(tmp_path):
    pit = found(tables(tmp_path, {"pit": cells((5, (0.2, NAN, NAN, NAN)))}, references=()))["pit"]
    assert said(pit, "cover") == ["Cover 20 % in 2021."]
    assert said(pit, "one_year") == ["Only 2021 has a value: no change can be formed."]
    assert "change" not in keys(pit)


def test_years_without_a_common_cell_have_no_change(tmp_path):
    pit = found(tables(tmp_path, {"pit": cells((5, (0.2, NAN, NAN, NAN)), (5, (NAN, NAN, NAN, 0.9)))}, references=()))["pit"]
    assert said(pit, "change_none") == ["No cell has a value in both 2021 and 2024: the change is not known."]


@pytest.mark.parametrize(
    ("covers", "words"),
    [
        ([0.53, 0.77, 0.74, 0.76], "Cover 53 % in 2020, 77 % in 2021 (highest), 76 % in 2023."),
        ([0.8, 0.2, 0.3, 0.7], "Cover 80 % in 2020, 20 % in 2021 (lowest), 70 % in 2023."),
        ([0.5, 0.2, 0.9, 0.6], "Cover 50 % in 2020, 20 % in 2021 (lowest), 90 % in 2022 (highest), 60 % in 2023."),
        ([0.0118, 0.0112, 0.0119, 0.0114], "Cover 1.2 % in 2020, 1.1 % in 2023."),  # no peak that the words would show
        ([0.0, 0.0004, 0.0, 0.0], "Cover 0 % in 2020, less than 0.1 % in 2021 (highest), 0 % in 2023."),
    ],
)
def test_first_peak_lowest_and_last(covers, words):
    rows = [{"year": str(2020 + i), "fvc_mean": repr(c)} for i, c in enumerate(covers)]
    assert [s.en for s in cover_sentences(rows)] == [words]


def test_five_years_say_which_classes_need_which_order(tmp_path):
    rise, nearly = (0.1, 0.2, 0.3, 0.4, 0.5), (0.1, 0.2, 0.3, 0.5, 0.4)
    pit = found(tables(tmp_path, {"pit": cells((30, rise), (70, nearly))}, first=2020, references=()))["pit"]
    assert said(pit, "classes") == [
        "2020-2024: 30 % of the zone is classed significant increase (it fell in no year), 0 % significant decrease.",  # a tie also reaches p <= 0.05
        "2020-2024: 70 % of the zone is classed slightly significant increase, 0 % slightly significant decrease.",
    ]
    assert said(pit, "unreachable") == []
    assert "where nothing changes, chance alone brings about 4.2 % of the cells with 5 years" in said(pit, "chance")[0]


def test_scheme_nine_at_five_years_names_the_class_that_cannot_occur(tmp_path):
    pit = found(tables(tmp_path, {"pit": cells((9, (0.1, 0.2, 0.3, 0.4, 0.5)))}, first=2020, references=(), scheme="nine"))["pit"]
    assert said(pit, "unreachable") == [
        "2020-2024: 5 years cannot prove a trend of a cell at 1 %: smallest reachable p = 0.017, so nothing can be classed "
        "extremely significant increase or extremely significant decrease."
    ]


def test_scheme_five_at_four_years_has_no_class_to_speak_of(tmp_path):
    pit = found(tables(tmp_path, {"pit": cells((9, RISE))}, references=(), scheme="five"))["pit"]
    assert said(pit, "classes") == said(pit, "chance") == []
    assert len(said(pit, "unreachable")) == 1


def test_ndvi_is_said_in_its_own_unit(tmp_path):
    pit = found(tables(tmp_path, {"pit": cells((9, RISE))}, references=(), variable="ndvi"))["pit"]
    assert said(pit, "mean") == ["2021-2024: the zone's mean NDVI rose by 0.100 per year (Theil-Sen, 4 years, p = 0.083, smallest reachable p = 0.083)."]


def test_two_periods_keep_their_own_words(tmp_path):
    made = tables(tmp_path, {"pit": cells((9, (0.9, *RISE)))}, first=2020, references=(), periods=[(2021, 2024), (2020, 2024)])
    words = said(found(made)["pit"], "slopes")
    assert [w[:9] for w in words] == ["2021-2024", "2020-2024"]


def test_mean_and_largest_class_that_disagree_are_flagged_with_why(tmp_path):
    big_fall = (0.9, 0.3, 0.2, 0.1)
    pit = found(tables(tmp_path, {"pit": cells((60, (0.40, 0.42, 0.41, 0.43)), (40, big_fall))}, references=()))["pit"]
    assert [s.key for s in pit.flags] == ["disagree", "disagree_slope"]
    assert pit.flags[0].en == (
        "2021-2024: the zone's mean and its largest class disagree: the mean cover (before clamping) fell by 30 percentage points, the largest class is "
        "no significant increase (60 %). The mean counts how far each cell moved, the class counts area: 60 % rises, 40 % falls. "
        "The mean compares 2021 with 2024 only, the class uses every year between."
    )
    assert "不一致" in pit.flags[0].zh
    assert "from 2021 to 2024 the mean fell by 30 percentage points" in pit.flags[1].en


def test_change_hidden_by_a_large_class_of_no_change_is_flagged(tmp_path):
    pit = found(tables(tmp_path, {"pit": cells((90, FLAT), (10, RISE))}, references=()))["pit"]
    (flag,) = pit.flags
    assert "the mean cover (before clamping) rose by 3.0 percentage points, the largest class is no change (90 %)" in flag.en


@pytest.mark.parametrize("kinds", [[(9, RISE)], [(9, DOWN)], [(9, FLAT)], [(60, UP), (40, DOWN)], [(99, FLAT), (1, (0.5, 0.51, 0.52, 0.53))]])
def test_no_flag_where_mean_and_class_agree(tmp_path, kinds):
    assert found(tables(tmp_path, {"pit": cells(*kinds)}, references=()))["pit"].flags == ()


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "=1+1", "{year}", "{0.__class__}", "a\nb", "%s & \\u202e", "江仓 'x'"])
def test_hostile_zone_names_stay_data(tmp_path, name):
    (finding,) = findings(tables(tmp_path, {name: cells((9, RISE))}, references=()), RULES, {})
    assert finding.zone == name
    assert not any(name in s.en or name in s.zh for s in finding.sentences)


def test_a_reference_whose_name_looks_like_a_formula_is_known_again(tmp_path):
    made = tables(tmp_path, {"pit": cells((9, RISE)), "=reference": REFERENCE}, references=("=reference",))
    every = found(made, {z: ("=reference",) for z in ("pit", "=reference")})
    assert "reference" in said(every["pit"], "change")[0]
    assert "reference" not in said(every["=reference"], "change")[0]


def test_fields_are_never_templates():
    assert say("cover", values=Text("{x} {0}", "{values}")) == Sentence("Cover {x} {0}.", "植被覆盖度：{values}。", "cover")


def test_sector_sentences_stand_after_the_classes_of_their_period(recovering):
    there = say("sector", first=2021, last=2024, label="x", words="y")
    assert keys(found(recovering, where={("pit", (2021, 2024)): (there,)})["pit"])[4:7] == ["classes", "sector", "mean"]


def fields(template):
    return sorted({name for _, name, _, _ in string.Formatter().parse(template) if name is not None})


@pytest.mark.parametrize("key", [*SENTENCES, *FRAGMENTS])
def test_every_template_has_both_languages_and_the_same_fields(key):
    text = (SENTENCES | FRAGMENTS)[key]
    assert fields(text.en) == fields(text.zh)
    assert not re.search("[\u4e00-\u9fff，。；：（）]", text.en)
    if key in SENTENCES:
        assert text.en.endswith(".")
        assert re.search("[\u4e00-\u9fff]", text.zh)
        assert text.zh.endswith("。")


def test_no_template_is_fixed():
    assert not [key for key, text in SENTENCES.items() if not fields(text.en)]
    assert not set(SENTENCES) & set(FRAGMENTS)


def test_every_template_is_used_by_the_code():
    from pathlib import Path

    import pipeline

    code = "".join(p.read_text(encoding="utf-8") for p in Path(pipeline.__file__).parent.rglob("*.py") if p.name != "words.py")
    own = (Path(pipeline.__file__).parent / "words.py").read_text(encoding="utf-8").split("def say")[1]
    built = {"points", "points_little", "ndvi", "ndvi_little", "rose_every", "fell_every", "rose_each", "fell_each"}  # keys put together from parts
    assert not [k for k in SENTENCES | FRAGMENTS if f'"{k}"' not in code + own and k not in built]


def test_the_mean_is_called_indistinguishable_only_where_p_is_above_the_slight_level(tmp_path):
    made = tables(tmp_path, {"rises": cells((9, RISE)), "leans": cells((9, UP)), "still": cells((9, FLAT))}, references=())
    every = found(made, {})
    assert "p = 0.083" in said(every["rises"], "mean")[0]
    assert "not distinguishable" not in said(every["rises"], "mean")[0]
    assert said(every["leans"], "mean")[0].endswith("), not distinguishable from no change.")
    assert "did not move per year (Theil-Sen, 4 years, p = 1, smallest reachable p = 0.083)." in said(every["still"], "mean")[0]


def test_numbers_that_round_to_nothing_have_no_sign():
    from pipeline.words import plus

    assert [plus(v, 1) for v in (-0.04, 0.04, 0.0, -0.0, -0.05001, 12.0)] == ["0.0", "0.0", "0.0", "0.0", "-0.1", "+12.0"]


def test_no_tables_no_findings():
    assert findings(Tables(), RULES, {}) == ()


def shown(value):
    """Return a share as the words round it."""
    one = f"{value:.1f}"
    return one if float(one) < 10 or 99.5 <= value < 100 else f"{value:.0f}"


def test_the_sentences_of_the_default_mine_agree_with_its_tables(jiangcang):
    folder = jiangcang.results / "jiangcang" / "sentinel-2"
    names = ("fvc_by_zone", "fvc_change_by_zone", "trend_area_by_zone", "trend_groups_by_zone", "trend_by_zone", "reference_by_zone")
    raw = {}
    for name in names:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
            raw[name] = list(csv.DictReader(handle))
    made = Tables(*(read_csv(folder / f"{name}.csv") for name in names))
    every = findings(made, RULES, {r["zone"]: ("Background",) for r in raw["fvc_by_zone"]})
    assert [f.zone for f in every] == list(dict.fromkeys(r["zone"] for r in raw["fvc_by_zone"]))
    for finding in every:
        shown_once = [s.en for s in (*finding.lead, *finding.more, *finding.flags)]
        assert len(shown_once) == len(set(shown_once)), "a sentence stands twice"
        for words in said(finding, "classes"):
            assert ("(minus reference)" in words) == ("the difference" in words) or "every year" not in words and "no year" not in words
        covers = {r["year"]: 100 * float(r["fvc_mean"]) for r in raw["fvc_by_zone"] if r["zone"] == finding.zone}
        (cover,) = said(finding, "cover")
        for share, year in re.findall(r"([\d.]+) % in (\d{4})", cover):
            assert share == shown(covers[year])
        (points,) = (
            float(r["change_points"]) for r in raw["fvc_change_by_zone"] if (r["zone"], r["from_year"], r["to_year"]) == (finding.zone, "2020", "2024")
        )
        (change,) = said(finding, "change")
        if abs(points) >= 0.05:
            assert f"cover {'rose' if points > 0 else 'fell'} by {shown(abs(points))} percentage points" in change
        for words in said(finding, "slopes"):
            target = "relative" if "minus reference" in words else "absolute"
            groups = {
                r["group"]: float(r["share_valid_pct"] or "nan")
                for r in raw["trend_groups_by_zone"]
                if r["target"] == target and (r["level"], r["zone"]) == ("zone", finding.zone) and f"{r['first_year']}-{r['last_year']}" == words[:9]
            }
            assert re.findall(r"([\d.]+) %", words)[:3] == [shown(groups[g]) for g in ("increase", "decrease", "no_change")]
        assert len(said(finding, "unreachable")) == 1  # 2021-2024; five years reach 5 %
        assert len(said(finding, "classes")) == 6  # of the cells, and of the cells minus reference
