"""Sentences on one zone's cover: its level, its change, what was not observed, what is water."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.words import NOTHING, Sentence, joined, listed, moved, part, per_cent, say, signed, years_text, zone_named
from pipeline.zonetables import Tables, column, number

LEAST_LAND = 95.0  # per cent of the land observed: below, a year is named as partial
MOST_CLAMPED = 50.0  # per cent of the valid land: beyond, the mean cover says little of the ground
MOST_SOIL = 0.31  # NDVI: mean of 2906 bare soils and one standard deviation (Montandon and Small 2008, abstract)
MOST_SHIFT = 10.0  # days between the mean days of two years: beyond, the season may be taken for change
MOST_PARTIAL = 4  # years named one by one


def cover_sentences(fvc: list[dict[str, str]]) -> list[Sentence]:
    """Return the sentence of mean cover in the first and last year that have one, the highest and lowest between them."""
    covers = {int(y): 100 * v for y, v in column(fvc, "year", "fvc_mean").items()}
    if not covers:
        years = [int(r["year"]) for r in fvc]
        return [say("no_years", first=min(years), last=max(years))] if years else []
    first, last = min(covers), max(covers)
    chosen = dict.fromkeys((first, last), "in_year")
    for name, best in (("lowest", min(covers, key=lambda y: covers[y])), ("highest", max(covers, key=lambda y: covers[y]))):
        if per_cent(covers[best]) not in (per_cent(covers[first]), per_cent(covers[last])):
            chosen[best] = name
    return [say("cover", values=joined(part(chosen[y], share=per_cent(covers[y]), year=y) for y in sorted(chosen)))]


def change_sentences(own: Tables, compared: bool) -> list[Sentence]:
    """Return the change of cover between the first and the last year with a value, over the cells valid in both."""
    years = sorted(int(y) for y in column(own.fvc, "year", "fvc_mean"))
    if len(years) < 2:
        return [say("one_year", year=years[0])] if years else []
    first, last = years[0], years[-1]
    rows = [r for r in own.change if (int(r["from_year"]), int(r["to_year"])) == (first, last)]
    points = number(rows[0]["change_points"]) if rows else None
    if points is None:
        return [say("change_none", first=first, last=last)]
    both, there = number(rows[0]["valid_both_pct"]), number(rows[0]["reference_change_points"])
    over = part("over", share=per_cent(both)) if both is not None and both < LEAST_LAND else NOTHING
    reference = part("reference_change", moved=moved(there), difference=signed(points - there)) if there is not None and compared else NOTHING
    return [say("change", first=first, last=last, moved=moved(points), over=over, reference=reference)]


def land_observed(fvc: list[dict[str, str]]) -> dict[int, float]:
    """Return the share of a zone's land that was observed, per cent, of the years that saw any."""
    valid, water = ({int(y): v for y, v in column(fvc, "year", name).items()} for name in ("valid_pct", "water_pct"))
    return {y: min(100.0, 100 * v / (100 - water.get(y, 0.0))) for y, v in valid.items() if v > 0 and water.get(y, 0.0) < 100}


def observed_sentences(fvc: list[dict[str, str]]) -> list[Sentence]:
    """Return what was not seen, and what is water: years without any value, years seen in part, water in the first and last year."""
    valid, water = ({int(y): v for y, v in column(fvc, "year", name).items()} for name in ("valid_pct", "water_pct"))
    years = [int(r["year"]) for r in fvc]
    empty = [y for y in years if valid.get(y, 0.0) <= 0]
    drowned = [y for y in empty if water.get(y, 0.0) >= 99.95]
    out = [say("all_water", years=years_text(drowned))] if drowned else []
    wet = [y for y in empty if y not in drowned and water.get(y, 0.0) > 0]
    unseen = [y for y in empty if y not in drowned and y not in wet]
    out += [say(key, years=years_text(which)) for key, which in (("no_land", wet), ("no_observation", unseen)) if which]
    land = land_observed(fvc)
    partial = [y for y in land if land[y] < LEAST_LAND]
    if len(partial) > MOST_PARTIAL:
        worst = min(partial, key=lambda y: land[y])
        limit, least = per_cent(LEAST_LAND), per_cent(land[worst])
        out.append(say("partial_many", count=len(partial), n=len(years), limit=limit, year=worst, share=least))
    elif partial:
        out.append(say("partial", values=joined(part("in_year", share=per_cent(land[y]), year=y) for y in partial)))
    if len(drowned) < len(water) and any(v > 0 for v in water.values()):
        ends = dict.fromkeys((min(water), max(water)))
        out.append(say("water", values=joined(part("of_zone", share=per_cent(water[y]), year=y) for y in ends)))
    return out


def season_sentences(fvc: list[dict[str, str]]) -> list[Sentence]:
    """Return a flag where the mean day of year of a zone's clear observations differs by more than `MOST_SHIFT` days between years."""
    days = {int(y): v for y, v in column(fvc, "year", "doy_mean").items()}
    if len(days) < 2:
        return []
    early, late = min(days, key=lambda y: days[y]), max(days, key=lambda y: days[y])
    shift = days[late] - days[early]
    if shift <= MOST_SHIFT:
        return []
    return [say("season_shift", late=late, early=early, days=f"{shift:.0f}", late_day=f"{days[late]:.0f}", early_day=f"{days[early]:.0f}")]


def masked_warning(row: Mapping[str, Any]) -> str:
    """Return the warning of a row of masked_by_zone in full: the zone's name, and how many times as often it is masked.

    >>> masked_warning({"zone": "dump", "ratio": "1.84", "warning": "masked far more often: is it?"})
    'zone dump: masked far more often (1.8 times): is it?'
    """
    times = f" ({float(row['ratio']):.1f} times)" if row["ratio"] else ""
    return f"{zone_named(row['zone'])}: {row['warning'].replace(':', f'{times}:', 1)}"


def clamped_sentences(fvc: list[dict[str, str]]) -> list[Sentence]:
    """Return a flag where most of the zone lay beyond the endmembers in the first or last year that has a value."""
    clamped = {int(y): v for y, v in column(fvc, "year", "clamped_pct").items()}
    years = dict.fromkeys((min(clamped), max(clamped))) if clamped else {}
    most = [y for y in years if clamped[y] > MOST_CLAMPED]
    return [say("beyond_pair", values=listed(part("in_year", share=per_cent(clamped[y]), year=y) for y in most))] if most else []


def soil_sentences(pair: dict[str, Any]) -> list[Sentence]:
    """Return a flag where bare ground that was found by percentile is greener than bare soils are; `pair` is the content of endmembers.json."""
    found = "ndvi" not in pair["fvc"]["soil"] and pair["pooled_values"] > 0
    return [say("green_soil", soil=f"{pair['soil_ndvi']:.3f}")] if found and pair["soil_ndvi"] > MOST_SOIL else []
