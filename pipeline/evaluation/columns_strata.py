"""Columns of the tables by stratum that no other table has."""

from __future__ import annotations

from pipeline.column import SHARE, Column

STRATA = (
    Column(
        "stratum",
        "",
        "Part of the zone: platform, sunny slope, shady slope, steep slope by slope and aspect, or the landform that the zones' file names; unknown: no "
        "elevation, or no landform",
        "分区中的分层：按坡度与坡向为 platform（平台）、sunny slope（阳坡）、shady slope（阴坡）、steep slope（陡坡），或分区文件给出的地貌；"
        "unknown：无高程或无地貌",
    ),
    Column(
        "slope_mean_deg", "degrees", "Mean slope of the stratum in the zone; empty for landforms and unknown", "该分层在分区内的平均坡度；地貌与未知为空", SHARE
    ),
)
