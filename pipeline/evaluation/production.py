"""Affected area of a country's mines from that of a few mines and the outputs of both (Dong et al. 2025), with its five mines as a worked example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.evaluation.tablecheck import Interval, printed


def affected_by_production(affected_km2: float, mines_output: float, national_output: float) -> float:
    """Return the affected area of all mines, in the unit of `affected_km2`: area x national output / output of the mines.

    Outputs in one unit, e.g. Mt a year. It takes for granted that every ton affects the same area, and tells no error. Method: Dong et al. 2025 (Sci. Rep.).

    Raises
    ------
    ValueError
        If a number is not above 0, or the mines produce more than the country.

    Examples
    --------
    >>> round(affected_by_production(1679.60, 142, 1060), 2)
    12537.86
    """
    for name, value in (("affected area", affected_km2), ("output of the mines", mines_output), ("national output", national_output)):
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} is {value}; expected a number above 0")
    if mines_output > national_output:
        raise ValueError(f"the mines produce {mines_output:g}, more than the country's {national_output:g}; fix: give both in one unit")
    return affected_km2 * national_output / mines_output


@dataclass(frozen=True)
class MinesExample:
    """A published calculation, numbers as printed: km2 of each mine, their sums, outputs in Mt, and the area of all mines of the country."""

    reference: str
    affected_km2: tuple[str, ...]
    excavated_km2: tuple[str, ...]
    affected_sum_km2: str
    excavated_sum_km2: str
    mines_output_mt: str
    national_output_mt: str
    national_affected_km2: str


DONG_2025 = MinesExample(
    "Dong et al. 2025 (Sci. Rep.), five open-pit coal mines",
    ("469.30", "127.20", "238.80", "326.90", "517.40"),
    ("76.60", "24.20", "15.00", "62.80", "96.20"),
    "1679.60",
    "274.80",
    "142",
    "1060",
    "12502.37",
)


@dataclass(frozen=True)
class Reproduction:
    """A printed result beside what the printed inputs give.

    `follows`: calculated from the inputs as printed and rounded to its digits, it is the printed result. `within_rounding`: inputs that round to the
    printed ones can give it. `needs`: for a result that does not follow, the national output in Mt that gives it.
    """

    quantity: str
    printed: str
    calculated: float
    follows: bool
    within_rounding: bool
    needs: float | None = None

    @property
    def words(self) -> str:
        """Return the finding as one sentence."""
        if self.follows:
            return f"{self.quantity}: {self.printed} follows from the printed numbers"
        told = f"{self.quantity}: printed {self.printed}, but the printed numbers give {self.calculated:.2f}"
        told += f"; it needs a national output of {self.needs:.1f} Mt" if self.needs is not None else ""
        if self.within_rounding:
            return f"{told}, and lies within the rounding of the printed numbers"
        return f"{told}, and no numbers that round to the printed ones give it"


def reproduce(example: MinesExample = DONG_2025) -> list[Reproduction]:
    """Return the sums of affected and excavated area and the national area, each printed and calculated; ValueError for text that is no number.

    >>> [(r.quantity, r.follows) for r in reproduce()]
    [('affected area', True), ('excavated area', True), ('national affected area', False)]
    """
    found = [
        _sum("affected area", example.affected_km2, example.affected_sum_km2),
        _sum("excavated area", example.excavated_km2, example.excavated_sum_km2),
    ]
    inputs = [printed(t) for t in (example.affected_sum_km2, example.national_output_mt, example.mines_output_mt)]
    area, national, mines = (_value(t) for t in (example.affected_sum_km2, example.national_output_mt, example.mines_output_mt))
    (low, high), result = _scaled(*inputs), _value(example.national_affected_km2)
    bounds = printed(example.national_affected_km2)
    follows = bounds[0] <= area * national / mines <= bounds[1]
    within = low <= bounds[1] and bounds[0] <= high
    needs = None if follows else float(result * mines / area)
    return [*found, Reproduction("national affected area", example.national_affected_km2, float(area * national / mines), follows, within, needs)]


def _value(text: str) -> Fraction:
    printed(text)  # refuses what is no number
    return Fraction(text.strip().replace(",", ""))


def _scaled(area: Interval, national: Interval, mines: Interval) -> Interval:
    return area[0] * national[0] / mines[1], area[1] * national[1] / mines[0]


def _sum(quantity: str, parts: Sequence[str], whole: str) -> Reproduction:
    exact, bounds = sum((_value(t) for t in parts), Fraction(0)), printed(whole)
    low, high = (sum(printed(t)[end] for t in parts) for end in (0, 1))
    return Reproduction(quantity, whole, float(exact), bounds[0] <= exact <= bounds[1], low <= bounds[1] and bounds[0] <= high)
