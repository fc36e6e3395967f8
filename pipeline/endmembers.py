"""The endmember pair of the dimidiate pixel model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.config_sensitivity import LEAST_CONTRAST
from pipeline.errors import RunFault


@dataclass(frozen=True)
class Endmembers:
    """NDVI of bare ground and of closed vegetation, and how they were found."""

    soil: float
    vegetation: float
    pixels: int

    def check(self) -> Endmembers:
        """Return self if the pair can carry a cover model.

        Raises
        ------
        RunFault
            When there is no pair, vegetation is not positive, or not at least 0.05 NDVI above soil.
        """
        if not np.isfinite([self.soil, self.vegetation]).all():
            raise RunFault("endmembers: the pooled pixels hold no valid NDVI; fix: check the images with minegreen check, and fvc.region and fvc.years")
        if self.vegetation <= 0:
            raise RunFault(f"endmembers: vegetation {self.vegetation:.6g}; expected NDVI above 0; fix: are red and nir the right bands?")
        if not self.vegetation - self.soil >= LEAST_CONTRAST:
            raise RunFault(
                f"endmembers: soil {self.soil:.6g}, vegetation {self.vegetation:.6g}; expected vegetation at least {LEAST_CONTRAST} above soil; "
                "fix: give fvc.soil and fvc.vegetation as {ndvi: ...}, or pool pixels that hold both bare ground and closed vegetation"
            )
        return self
