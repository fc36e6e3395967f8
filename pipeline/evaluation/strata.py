"""Strata of a zone: platform, sunny, shady and steep slope by terrain, or the user's landforms; every table of a zone can be made of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pipeline.coverage import ZoneCoverage

UNKNOWN, PLATFORM, SUNNY, SHADY, STEEP = "unknown", "platform", "sunny slope", "shady slope", "steep slope"
TERRAIN = (UNKNOWN, PLATFORM, SUNNY, SHADY, STEEP)  # by code


@dataclass(frozen=True)
class TerrainRules:
    """Bounds of the terrain strata, degrees.

    `platform_below_deg`: slope below which ground is a platform, whatever its aspect; `steep_from_deg`: slope from which it is steep, whatever its aspect;
    `sunny_deg`: aspects from which (included), clockwise, to which (excluded) a slope between the two is sunny in the northern hemisphere.
    """

    platform_below_deg: float = 5.0
    steep_from_deg: float = 25.0
    sunny_deg: tuple[float, float] = (90.0, 270.0)
    reference: str = (
        "5 degrees: below it Chinese forest inventories note no aspect and call ground level (平坡). 25 degrees: Water and Soil Conservation Law of the PRC, "
        "article 20 (no crops on slopes of 25 degrees and more). 90 to 270: sunny with semi-sunny aspects of Rong et al. 2020 (135-225; 90-135 and 225-270)"
    )


def terrain_codes(slope: np.ndarray, aspect: np.ndarray, rules: TerrainRules, *, south: bool) -> np.ndarray:
    """Return the stratum of every cell as its place in `TERRAIN`, uint8.

    Parameters
    ----------
    slope, aspect : (y, x) float
        Degrees, aspect clockwise from true north, as `pipeline.evaluation.terrain.slope_aspect` returns them. NaN slope is `unknown`.
    rules : TerrainRules
    south : bool
        Whether the ground lies south of the equator: north and south then change places, east and west do not.

    Examples
    --------
    >>> slope, aspect = np.array([4.9, 5.0, 24.9, 25.0, np.nan]), np.array([180.0, 180.0, 0.0, 180.0, np.nan])
    >>> [TERRAIN[code] for code in terrain_codes(slope, aspect, TerrainRules(), south=False)]
    ['platform', 'sunny slope', 'shady slope', 'steep slope', 'unknown']
    >>> [TERRAIN[code] for code in terrain_codes(slope[1:3], aspect[1:3], TerrainRules(), south=True)]
    ['shady slope', 'sunny slope']
    """
    slope, aspect = np.asarray(slope, np.float64), np.asarray(aspect, np.float64)
    first, last = rules.sunny_deg
    seen = (180 - aspect) % 360 if south else aspect
    with np.errstate(invalid="ignore"):
        sunny = (seen - first) % 360 < (last - first) % 360
        gentle = (slope >= rules.platform_below_deg) & (slope < rules.steep_from_deg) & np.isfinite(aspect)
        of_slope = [slope < rules.platform_below_deg, gentle & sunny, gentle & ~sunny, slope >= rules.steep_from_deg]
    return np.select(of_slope, [np.uint8(TERRAIN.index(name)) for name in (PLATFORM, SUNNY, SHADY, STEEP)], np.uint8(0))


def split(coverage: ZoneCoverage, shares: Mapping[str, np.ndarray]) -> dict[str, ZoneCoverage]:
    """Return the coverage of each stratum of a zone, in the order given; strata without area are left out.

    Parameters
    ----------
    coverage : ZoneCoverage
        Of the whole zone.
    shares : mapping of str to (y, x) float
        The share of each cell of the zone's window that is of a stratum, 0..1; in cells that the zone touches they sum to 1. Elsewhere they do not count.

    Returns
    -------
    dict of str to ZoneCoverage
        Each with the zone's name, role and window, so that any table made of a zone can be made of it. In every cell the areas of the strata sum to the
        zone's; `pixels` is shared out by area.

    Raises
    ------
    ValueError
        Where shares have another shape, are negative or not a number, or do not sum to 1.

    Examples
    --------
    >>> zone = ZoneCoverage("pit", "pit", slice(0, 1), slice(0, 2), np.array([[100.0, 50.0]]), 1.5)
    >>> strata = split(zone, {"platform": np.array([[0.25, 0.0]]), "sunny slope": np.array([[0.75, 1.0]])})
    >>> {name: (part.area_m2.tolist(), part.pixels) for name, part in strata.items()}
    {'platform': ([[25.0, 0.0]], 0.25), 'sunny slope': ([[75.0, 50.0]], 1.25)}
    """
    touched, whole = coverage.touched, float(coverage.area_m2.sum())
    stack = np.array([np.asarray(share, np.float64) for share in shares.values()])
    if stack.shape[1:] != coverage.area_m2.shape:
        raise ValueError(f"shares of shape {stack.shape[1:]}; expected {coverage.area_m2.shape}, the zone's window")
    own = stack[:, touched]
    if not (np.isfinite(own).all() and (own >= 0).all() and (abs(own.sum(axis=0) - 1) < 1e-9).all()):
        raise ValueError("shares of a cell are negative, not a number, or do not sum to 1; expected the part of the cell that each stratum takes")
    cells = coverage.area_m2[touched]
    last = len(own) - 1 - np.argmax(own[::-1] > 0, axis=0)  # of each cell's strata the last takes what is left, so that nothing is lost by rounding
    upto = np.where(np.arange(len(own))[:, None] >= last, cells, cells * np.minimum(np.cumsum(own, axis=0), 1))
    parts = np.diff(upto, axis=0, prepend=0)
    out = {}
    for name, part in zip(shares, parts, strict=True):
        area = np.zeros_like(coverage.area_m2)
        area[touched] = part
        if area.any():
            out[name] = replace(coverage, area_m2=area, pixels=coverage.pixels * float(area.sum()) / whole)
    return out


def feature_shares(coverage: ZoneCoverage, features: Mapping[str, ZoneCoverage]) -> dict[str, np.ndarray]:
    """Return the share of each cell of a zone that each of its features takes, for `split`.

    `features` holds the coverage of every feature of the zone on the same grid; the zone is their union. Where features meet, a cell is shared by the ground
    that each covers of it. A cell that the zone touches and no feature does (a sliver of rounding) goes to the largest feature.

    >>> zone = ZoneCoverage("pit", "pit", slice(0, 1), slice(0, 2), np.array([[100.0, 60.0]]), 1.6)
    >>> left = ZoneCoverage("top", "pit", slice(0, 1), slice(0, 2), np.array([[100.0, 20.0]]), 1.2)
    >>> right = ZoneCoverage("foot", "pit", slice(0, 1), slice(1, 2), np.array([[40.0]]), 0.4)
    >>> {name: share.round(3).tolist() for name, share in feature_shares(zone, {"top": left, "foot": right}).items()}
    {'top': [[1.0, 0.333]], 'foot': [[0.0, 0.667]]}
    """
    grounds = {name: _in_window(coverage, part) for name, part in features.items()}
    together = sum(grounds.values(), np.zeros_like(coverage.area_m2))
    lost = coverage.touched & (together <= 0)
    if lost.any():
        largest = max(grounds, key=lambda name: float(grounds[name].sum()))
        grounds[largest][lost] = together[lost] = 1.0
    return {name: np.divide(ground, together, out=np.zeros_like(ground), where=together > 0) for name, ground in grounds.items()}


def _in_window(coverage: ZoneCoverage, part: ZoneCoverage) -> np.ndarray:
    """Return the areas of a part in the window of the whole; what lies outside of it is rounding and falls away."""
    out = np.zeros_like(coverage.area_m2)
    rows = slice(max(part.rows.start, coverage.rows.start), min(part.rows.stop, coverage.rows.stop))
    cols = slice(max(part.cols.start, coverage.cols.start), min(part.cols.stop, coverage.cols.stop))
    if rows.start < rows.stop and cols.start < cols.stop:
        own = part.area_m2[rows.start - part.rows.start : rows.stop - part.rows.start, cols.start - part.cols.start : cols.stop - part.cols.start]
        out[rows.start - coverage.rows.start : rows.stop - coverage.rows.start, cols.start - coverage.cols.start : cols.stop - coverage.cols.start] = own
    return out
