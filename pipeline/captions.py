"""Captions of a sensor's chart and maps over all zones, computed from its tables."""

from __future__ import annotations

from pipeline.layout import ABSOLUTE
from pipeline.words import NOTHING, Sentence, Text, p_text, part, per_cent, say
from pipeline.zonetables import Period, Tables, number, small_zones, variable_name


def zones_text(count: int) -> Text:
    """Return a number of zones in words."""
    return part("one_zone") if count == 1 else part("zones", count=count)


def cover_caption(tables: Tables) -> Sentence:
    """Return the caption of a chart of cover by zone and year."""
    years = [int(r["year"]) for r in tables.fvc]
    shown = {r["zone"] for r in tables.fvc if r["fvc_mean"]}
    if not shown:
        return say("caption_no_cover", first=min(years), last=max(years))
    return say("caption_cover", zones=zones_text(len(shown)), first=min(years), last=max(years))


def class_captions(tables: Tables, target: str = ABSOLUTE) -> dict[Period, Sentence]:
    """Return the caption of the class map of every period: shares of the area of all zones that has a trend.

    Zones that overlap count twice.
    """
    out: dict[Period, Sentence] = {}
    too_small = small_zones(tables)
    rows = [r for r in tables.area if r["target"] == target]
    for period in dict.fromkeys((int(r["first_year"]), int(r["last_year"])) for r in rows):
        at = [r for r in rows if (int(r["first_year"]), int(r["last_year"])) == period]
        names, named = {r["zone"] for r in at}, {"first": period[0], "last": period[1]}
        if names <= too_small:
            out[period] = say("caption_all_small", each=part("the_zone") if len(names) == 1 else part("each_zone", count=len(names)), **named)
            continue
        small = part("small_too", zones=zones_text(len(names & too_small))) if names & too_small else NOTHING
        with_trend = {r["zone"] for r in at if int(r["code"]) < 97 and (number(r["area_km2"]) or 0) > 0}
        sums = {1: 0.0, 0: 0.0, -1: 0.0}
        for r in at:
            if int(r["code"]) < 97:
                sums[1 if r["class_id"].endswith("increase") else -1 if r["class_id"].endswith("decrease") else 0] += number(r["area_km2"]) or 0.0
        whole = sum(sums.values())
        if whole <= 0:
            out[period] = say("caption_no_classes", zones=zones_text(len(names - too_small)), small=small, **named)
            continue
        shares = {k: per_cent(100 * sums[i] / whole) for k, i in (("up", 1), ("down", -1), ("flat", 0))}
        p = sorted({v for r in at if (v := number(r["p_min"])) is not None})
        least = NOTHING if not p else part("least_p", p=p_text(p[0])) if len(p) == 1 else part("least_ps", low=p_text(p[0]), high=p_text(p[-1]))
        variable = variable_name(at[0]["variable"], target)
        out[period] = say(
            "caption_classes",
            variable=variable,
            zones=zones_text(len(with_trend)),
            area=f"{whole:.0f}" if whole >= 100 else f"{whole:.3g}",
            least=least,
            small=small,
            **shares,
            **named,
        )
    return out


def preview_caption(name: str, clear_pct: float | None, *, scenes: bool, last: str = "") -> Sentence:
    """Return the caption of a year's preview: the day of its scenes, or the year of its composite, and how much of the zones it shows.

    `last`: the last day of a scene that is a provider's composite of several days from `name` on.
    """
    if clear_pct is None:
        return say("caption_no_image", year=name)
    share = per_cent(clear_pct)
    if scenes and last:
        return say("caption_span", first=name, last=last, share=share)
    return say("caption_day", day=name, share=share) if scenes else say("caption_composite", year=name, share=share)
