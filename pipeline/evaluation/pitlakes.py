"""Pit lakes: connected water of a zone in a year, and whether its succession is terrestrial, aquatic or mixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.groundarea import ground_areas, mask_of
from pipeline.evaluation.patches import patch_areas, patches

TERRESTRIAL, MIXED, AQUATIC = "terrestrial", "mixed", "aquatic"


@dataclass(frozen=True)
class PitLakes:
    """Water of a zone in one year, m2.

    `lakes_m2`: area of each lake, largest first; `water_m2` all water of the zone, puddles below the least area of a lake included; `unknown_m2` where
    nothing tells whether there is water; `zone_m2` the whole zone.
    """

    lakes_m2: tuple[float, ...]
    water_m2: float
    unknown_m2: float
    zone_m2: float

    @property
    def share_pct(self) -> tuple[float, float]:
        """Return the lowest and highest share of water, per cent of the zone: unknown cells taken as land, and as water."""
        return 100 * self.water_m2 / self.zone_m2, 100 * min(1.0, (self.water_m2 + self.unknown_m2) / self.zone_m2)


def pit_lakes(water: np.ndarray, area_m2: np.ndarray, *, connectivity: int, least_m2: float = 0.0, unknown: np.ndarray | None = None) -> PitLakes:
    """Return the lakes of a zone in one year: patches of water cells within the zone.

    Parameters
    ----------
    water : (y, x) bool
        Cells that are water that year, in the zone's window. Water outside of the zone joins nothing.
    area_m2 : (y, x) float
        `ZoneCoverage.area_m2`. A lake that the zone's edge cuts counts with what lies in the zone.
    connectivity : 4 or 8
    least_m2 : float
        Area in the zone from which a patch is a lake; by default every patch is.
    unknown : (y, x) bool, optional
        Cells of which nothing is known, e.g. without a clear observation; not water.

    Raises
    ------
    ValueError
        If shapes differ, a cell is both water and unknown, or `least_m2` is negative.

    References
    ----------
    Pit lakes and succession: Dong et al. 2025 (Sci. Rep.), which gives no least area.

    Examples
    --------
    >>> pit_lakes(np.array([[True, True, False, True]]), np.full((1, 4), 100.0), connectivity=4).lakes_m2
    (200.0, 100.0)
    """
    if not least_m2 >= 0:
        raise ValueError(f"least area of a lake {least_m2} m2; expected 0 or more")
    area = ground_areas(area_m2)
    wet, dark = mask_of(water, area.shape, "water"), mask_of(unknown, area.shape, "unknown")
    if (wet & dark).any():
        raise ValueError("cells are both water and unknown; expected one of both")
    labels, count = patches(wet & (area > 0), connectivity)
    lakes = sorted((a for a in patch_areas(labels, count, area) if a >= least_m2), reverse=True)
    return PitLakes(tuple(lakes), float(area[wet].sum()), float(area[dark].sum()), float(area.sum()))


def succession_type(lakes: PitLakes, *, terrestrial_below_pct: float, aquatic_from_pct: float) -> str | None:
    """Return `terrestrial`, `mixed` or `aquatic` by the zone's share of water; None where unknown cells could make it another type.

    Terrestrial below the first bound, aquatic from the second on, mixed between. Dong et al. 2025 names the types and gives no numbers: the bounds, per cent
    of the zone, are the user's; ValueError unless 0 < terrestrial_below_pct <= aquatic_from_pct <= 100.

    >>> pit = PitLakes((40.0,), 40.0, 0.0, 100.0)
    >>> succession_type(pit, terrestrial_below_pct=10, aquatic_from_pct=60)
    'mixed'
    >>> succession_type(PitLakes((40.0,), 40.0, 30.0, 100.0), terrestrial_below_pct=10, aquatic_from_pct=60) is None
    True
    """
    if not 0 < terrestrial_below_pct <= aquatic_from_pct <= 100:
        raise ValueError(f"bounds {terrestrial_below_pct:g} and {aquatic_from_pct:g} %; expected 0 < terrestrial_below_pct <= aquatic_from_pct <= 100")
    low, high = (TERRESTRIAL if s < terrestrial_below_pct else AQUATIC if s >= aquatic_from_pct else MIXED for s in lakes.share_pct)
    return low if low == high else None
