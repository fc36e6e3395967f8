"""Where in its zone each class lies: shares of eight compass sectors and the centre, and words for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.classes import LEGEND
from pipeline.words import Sentence, Text, listed, part, per_cent, say

CENTRE = 8
SECTORS: tuple[Text, ...] = (
    Text("north", "北部"),
    Text("north-east", "东北部"),
    Text("east", "东部"),
    Text("south-east", "东南部"),
    Text("south", "南部"),
    Text("south-west", "西南部"),
    Text("west", "西部"),
    Text("north-west", "西北部"),
    Text("centre", "中部"),
)
LEAST_CELLS = 30.0  # of equal weight: below, a zone has no sectors
LEAST_RATIO, LEAST_EXCESS = 1.5, 0.05  # over the zone's own share in the sector
LEAST_TOTAL = 0.25  # of the class in all sectors that stand out
LEAST_ERRORS = 4.0  # standard errors of a share, cells taken as independent: nine sectors are looked at, small classes are skewed


@dataclass(frozen=True)
class CellSteps:
    """Ground metres (east, north) from a cell to the next column and to the next row; true north, whatever the projection."""

    column: tuple[float, float] = (1.0, 0.0)
    row: tuple[float, float] = (0.0, -1.0)


def sector_of(area: np.ndarray, steps: CellSteps) -> np.ndarray:
    """Return the sector of every cell of a zone's window, `(y, x)` uint8: 0 north, clockwise to 7, 8 the centre.

    Seen from the area-weighted centroid. The centre is the disc around it whose area is a ninth of the zone's, so that
    in a round zone all nine are equal. The weight of a whole cell, hence the disc, comes from the steps.
    """
    y, x = np.indices(area.shape, np.float64)
    east, north = x * steps.column[0] + y * steps.row[0], x * steps.column[1] + y * steps.row[1]
    total = area.sum()
    east, north = east - (east * area).sum() / total, north - (north * area).sum() / total
    cell = abs(steps.column[0] * steps.row[1] - steps.column[1] * steps.row[0])
    ground = total * cell / area.max()  # weights in any unit: the fullest cell is a whole one
    out = np.floor((np.degrees(np.arctan2(east, north)) + 22.5) / 45).astype(np.int64) % 8
    return np.where(east**2 + north**2 <= ground / (9 * np.pi), CENTRE, out).astype(np.uint8)


def sector_shares(codes: np.ndarray, area: np.ndarray, steps: CellSteps) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Return the share of the zone's area, and of each code's area, in each of the nine sectors (0..1, sum 1)."""
    sectors = sector_of(area, steps)
    shares = {}
    for code in np.unique(codes[area > 0]):
        weights = np.bincount(sectors.ravel(), np.where(codes == code, area, 0).ravel(), minlength=9)
        shares[int(code)] = weights / weights.sum()
    whole = np.bincount(sectors.ravel(), area.ravel(), minlength=9)
    return whole / whole.sum(), shares


def outstanding(share: np.ndarray, zone: np.ndarray, cells: float) -> list[int]:
    """Return the sectors that hold clearly more of a class than of the zone, largest share first.

    `cells`: how many cells of equal weight the class has.
    """
    error = np.sqrt(zone * (1 - zone) / max(cells, 1))
    excess = share - zone
    clear = (share >= LEAST_RATIO * zone) & (excess >= LEAST_EXCESS) & (excess > LEAST_ERRORS * error)
    return [int(i) for i in np.argsort(-share, kind="stable") if clear[i]]


def sector_sentences(codes: np.ndarray, area: np.ndarray, steps: CellSteps, period: tuple[int, int]) -> tuple[Sentence, ...]:
    """Return one sentence per class that lies clearly somewhere, in order of the legend; none for classes spread as the zone is.

    `codes` and `area`: the zone's windows of the class raster and of its coverage.
    """
    if not area.any() or _cells(area) < LEAST_CELLS:
        return ()
    zone, shares = sector_shares(codes, area, steps)
    out = []
    for c in LEGEND:
        if c.code == 0 or c.code not in shares:
            continue
        where = outstanding(shares[c.code], zone, _cells(area[codes == c.code]))
        share = float(shares[c.code][where].sum())
        if share >= LEAST_TOTAL:
            words = part(
                "mostly" if share >= 0.5 else "more",
                sectors=listed(SECTORS[i] for i in where),
                share=per_cent(100 * min(share, 1.0)),
                zone=per_cent(100 * float(zone[where].sum())),
            )
            out.append(say("sector", first=period[0], last=period[1], label=Text(c.label, c.label_zh), words=words))
    return tuple(out)


def _cells(weights: np.ndarray) -> float:
    """Return the number of cells of equal weight that have the same error (Kish)."""
    return float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 0.0
