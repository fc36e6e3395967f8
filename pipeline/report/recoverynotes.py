"""The notes of recovery_by_zone.csv on contrasts and years to recovery, which the table has in English, as sentences of both languages."""

from __future__ import annotations

import re

from pipeline.words import Text

YEARS = r"([0-9, -]+)"
NOTES = (
    (r"no date of restoration is given \(aoi\.zones\.\*\.restored\)", r"未给出修复日期（aoi.zones.*.restored）"),
    (r"no season after restoration among these years", r"这些年份中没有修复后的季节"),
    (r"no year with a value from ([0-9]+) on", r"自 \1 年起没有有值的年份"),
    (r"no whole season with a value from ([0-9]+) on", r"自 \1 年起没有有值的完整季节"),
    (r"below (\S+) of the reference in every whole season with a value from ([0-9]+) to ([0-9]+)", r"\2—\3 年有值的各完整季节均低于参照区的 \1 倍"),
    (r"below (\S+) of the reference in every year with a value from ([0-9]+) to ([0-9]+)", r"\2—\3 年有值的各年均低于参照区的 \1 倍"),
    (rf"{YEARS} left out or without value: an upper bound", r"\1 年未计入或无值：为上限"),
    (rf"below again in {YEARS}", r"\1 年又低于该比例"),
    (rf"at the share in {YEARS} already, before restoration", r"修复前的 \1 年已达到该比例"),
    (r"no year before restoration: there is nothing to compare", r"修复前没有年份：无从比较"),
    (r"no year after restoration: there is nothing to compare", r"修复后没有年份：无从比较"),
    (r"no year before restoration: there is nothing to match by", r"修复前没有年份：无从匹配"),
    (r"one year before restoration: how years differ is not known, so that there is no interval", r"修复前仅一年：年际差异未知，因此没有区间"),
    (r"one year after restoration: how years differ is not known, so that there is no interval", r"修复后仅一年：年际差异未知，因此没有区间"),
    (
        r"no spread between years before nor after: how years differ is not known, so that there is no interval",
        r"修复前后各年均无差异：年际差异未知，因此没有区间",
    ),
)
REFUSED = (  # of matched controls: they have a semicolon of their own
    (
        r"no matched controls: k is ([0-9]+) and ([0-9]+) control cells have every feature; expected .*",
        r"没有匹配像元：每个像元需 \1 个，而具备全部特征的参照像元为 \2 个；请减小 recovery.controls 或扩大参照区",
    ),
    (
        r"no matched controls: no restored cell has every feature; expected .*",
        r"没有匹配像元：没有具备全部特征的修复像元；每个修复前年份须有 NDVI，匹配海拔时须有海拔",
    ),
    (
        r"no matched controls: (.*): one value in all restored cells and another in all controls; expected .*",
        r"没有匹配像元：\1 在全部修复像元中为同一值，在全部参照像元中为另一值；匹配像元须可与修复像元相似",
    ),
)


def in_both(note: str) -> Text:
    """Return a note in both languages; what is not known here stays in English in both, as nothing of it may be lost.

    >>> in_both("2011 left out or without value: an upper bound; below again in 2013, 2015-2019").zh
    '2011 年未计入或无值：为上限；2013、2015—2019 年又低于该比例'
    """
    for pattern, chinese in REFUSED:
        if found := re.fullmatch(pattern, note):
            return Text(note, _features(found.expand(chinese)))
    return Text(note, "；".join(_chinese(part) for part in note.split("; ")))


def _features(text: str) -> str:
    """Return a sentence with the features of the matching in Chinese."""
    named = re.sub(r"ndvi ([0-9]+)", r"\1 年 NDVI", text).replace("elevation", "海拔")
    return named.replace(", ", "、")


def _chinese(part: str) -> str:
    for pattern, chinese in NOTES:
        if found := re.fullmatch(pattern, part):
            return re.sub(r"(?<=[0-9]{4})-(?=[0-9]{4})", "—", found.expand(chinese)).replace(", ", "、")
    return part
