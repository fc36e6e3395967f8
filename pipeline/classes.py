"""LEGEND: trend classes with fixed codes, names, colours and schemes; it feeds raster, tables, styles and maps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrendClass:
    """One class of the trend map. `direction` is -1, 0 or 1; colours are hex, `alpha` 0 is transparent."""

    code: int
    class_id: str
    label: str
    label_zh: str
    colour: str
    schemes: tuple[str, ...]
    direction: int = 0
    limit: str | None = None  # the alpha that p must reach
    alpha: int = 255
    reference: str = "classes of Feng 2025 (Front. Environ. Sci. 12:1538243); colours: ColorBrewer BrBG, colour-blind safe"

    @property
    def rgba(self) -> tuple[int, int, int, int]:
        """Return the colour as four bytes."""
        red, green, blue = (int(self.colour[i : i + 2], 16) for i in (1, 3, 5))
        return red, green, blue, self.alpha


ALL = ("five", "seven", "nine")
LEGEND: tuple[TrendClass, ...] = (
    TrendClass(0, "outside", "outside", "区外", "#ffffff", ALL, alpha=0),
    TrendClass(1, "extremely_significant_decrease", "extremely significant decrease", "极显著减少", "#543005", ("nine",), -1, "extreme"),
    TrendClass(2, "significant_decrease", "significant decrease", "显著减少", "#8c510a", ALL, -1, "significant"),
    TrendClass(3, "slightly_significant_decrease", "slightly significant decrease", "轻微显著减少", "#bf812d", ("seven", "nine"), -1, "slight"),
    TrendClass(4, "no_significant_decrease", "no significant decrease", "不显著减少", "#dfc27d", ALL, -1),
    TrendClass(5, "no_change", "no change", "无变化", "#f0efe9", ALL),
    TrendClass(6, "no_significant_increase", "no significant increase", "不显著增加", "#a6dcd3", ALL, 1),
    TrendClass(7, "slightly_significant_increase", "slightly significant increase", "轻微显著增加", "#4faea4", ("seven", "nine"), 1, "slight"),
    TrendClass(8, "significant_increase", "significant increase", "显著增加", "#13776e", ALL, 1, "significant"),
    TrendClass(9, "extremely_significant_increase", "extremely significant increase", "极显著增加", "#003c30", ("nine",), 1, "extreme"),
    TrendClass(97, "water", "water", "水体", "#4393c3", ALL),
    TrendClass(98, "too_small", "zone too small for this sensor", "面积过小", "#9e9ac8", ALL),
    TrendClass(99, "insufficient_data", "insufficient data", "数据不足", "#8d8d8d", ALL),
)

P_TOLERANCE = 1e-6  # p is stored as float32
NO_LIMIT = -1.0

GROUPS: dict[str, tuple[int, ...]] = {
    "increase": (6, 7, 8, 9),
    "decrease": (4, 3, 2, 1),
    "significant_or_slight_increase": (7, 8, 9),
    "significant_or_slight_decrease": (3, 2, 1),
    "no_change": (5,),
    "water": (97,),
    "insufficient": (98, 99),
}


def legend(scheme: str) -> tuple[TrendClass, ...]:
    """Return the classes that a scheme can show, in order of code, `outside` included.

    >>> [c.code for c in legend("five")]
    [0, 2, 4, 5, 6, 8, 97, 98, 99]
    """
    return tuple(c for c in LEGEND if scheme in c.schemes)


def limits(scheme: str, slight: float, significant: float, extreme: float) -> dict[str, float]:
    """Return the largest p of each strength in a scheme; `NO_LIMIT` where the scheme has no such class.

    >>> limits("five", 0.125, 0.0625, 0.01)["significant"], limits("five", 0.125, 0.0625, 0.01)["slight"]
    (0.062501, -1.0)
    """
    present = {c.limit for c in legend(scheme)}
    given = {"slight": slight, "significant": significant, "extreme": extreme}
    return {name: alpha + P_TOLERANCE if name in present else NO_LIMIT for name, alpha in given.items()}
