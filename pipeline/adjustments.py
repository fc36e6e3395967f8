"""ADJUSTMENTS: published linear relations that bring the red and NIR reflectance of one mission to that of Landsat OLI, as data."""

from __future__ import annotations

from dataclasses import dataclass

Line = tuple[float, float]  # slope, offset: OLI = slope x reflectance + offset


@dataclass(frozen=True)
class Adjustment:
    """Lines per mission and role; a mission without lines stays as it is. `nir` names the assets that the NIR line is of, where others are read else."""

    sensor: str
    lines: dict[str, dict[str, Line]]
    unchanged: tuple[str, ...]
    reference: str
    nir: tuple[str, ...] = ()

    def line(self, mission: str, role: str) -> Line:
        """Return slope and offset of a mission's band.

        Raises
        ------
        KeyError
            For a mission of which nothing is published.

        >>> ADJUSTMENTS["roy-2016-ols"].line("landsat-7", "red"), ADJUSTMENTS["roy-2016-ols"].line("landsat-8", "red")
        ((0.9047, 0.0061), (1.0, 0.0))
        """
        return (1.0, 0.0) if mission in self.unchanged else self.lines[mission][role]


OLI = ("landsat-8", "landsat-9")
ROY = "Roy et al. 2016 (Remote Sens. Environ. 185:57-70, 10.1016/j.rse.2015.12.024), table 2, surface reflectance, conterminous USA, ETM+ to OLI"
TM = "; TM is taken as ETM+, which the study did not test"
HLS = "HLS v2.0 bandpass adjustment MSI to OLI (NASA-IMPACT/hls-sentinel, bandpass_parameter), red and NIR narrow (B8A)"


def _etm(red: Line, nir: Line) -> dict[str, dict[str, Line]]:
    return {mission: {"red": red, "nir": nir} for mission in ("landsat-4", "landsat-5", "landsat-7")}


ADJUSTMENTS: dict[str, Adjustment] = {
    "roy-2016-ols": Adjustment("landsat", _etm((0.9047, 0.0061), (0.8462, 0.0412)), OLI, f"{ROY}, ordinary least squares{TM}"),
    "roy-2016-rma": Adjustment("landsat", _etm((0.9825, -0.0022), (1.0073, -0.0021)), OLI, f"{ROY}, reduced major axis{TM}"),
    "hls-v2": Adjustment(
        "sentinel-2",
        {
            "sentinel-2a": {"red": (0.9765, 0.0009), "nir": (0.9983, -0.0001)},
            "sentinel-2b": {"red": (0.9761, 0.0010), "nir": (0.9966, 0.0000)},
            "sentinel-2c": {"red": (0.9718, 0.0011), "nir": (0.9995, -0.0003)},
        },
        (),
        HLS,
        nir=("nir08", "B8A", "B8A_20m"),
    ),
}
