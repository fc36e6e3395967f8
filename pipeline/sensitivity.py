"""sensitivity.csv: its columns, and which results keep their sign under every variant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

BASE = "base"
SHARES = ("increase", "decrease", "significant_or_slight_increase", "significant_or_slight_decrease", "no_change", "insufficient")
SENSITIVITY_COLUMNS = (
    "mine", "sensor", "variable", "zone", "role", "first_year", "last_year", "variant", "choice", "computed", "from_year", "to_year", "scenes",
    "soil_ndvi", "vegetation_ndvi", "fvc_from", "fvc_to", "change_points", *(f"{name}_pct" for name in SHARES), "net_pct",
    "variants", "change_robust", "net_robust", "note",
)  # fmt: skip
ZERO = 1e-9  # per cent or percentage points: less is rounding


@dataclass(frozen=True)
class Verdict:
    """What the variants say of one zone and period.

    `change` and `net`: True where net change of cover, or increase minus decrease, is robust, False where not, None where
    it cannot be said because no variant could be computed. `variants`: how many could. `change_against` and `net_against`:
    the names of those that do not have the sign of `base`.
    """

    change: bool | None
    net: bool | None
    variants: int
    change_against: tuple[str, ...]
    net_against: tuple[str, ...]


def robust(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int, int], Verdict]:
    """Return the verdict on each zone and period, by (zone, first year, last year).

    Robust is what has a sign in `base`, and the same sign in every variant that could be computed, at least one. Zero
    (to 1e-9) and a missing value have no sign; where `base` itself has no value, nothing can be said. Variants that
    could not be computed (`computed` is `no`) say nothing.

    Parameters
    ----------
    rows : rows of sensitivity.csv of one sensor, with `zone`, `first_year`, `last_year`, `variant`, `computed`, `change_points`,
        `net_pct`; cells as text of the CSV file or as values, empty or None where missing

    Examples
    --------
    >>> row = {"zone": "pit", "first_year": "2020", "last_year": "2024", "computed": "yes", "net_pct": ""}
    >>> found = robust([row | {"variant": "base", "change_points": "2.5"}, row | {"variant": "method_max", "change_points": "0.4"}])
    >>> found["pit", 2020, 2024].change, found["pit", 2020, 2024].net
    (True, None)
    """
    groups: dict[tuple[str, int, int], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[str(row["zone"]), int(row["first_year"]), int(row["last_year"])].append(row)
    return {key: _verdict(group) for key, group in groups.items()}


def _verdict(rows: list[Mapping[str, Any]]) -> Verdict:
    base = next((r for r in rows if r["variant"] == BASE), None)
    others = [r for r in rows if r["variant"] != BASE and r["computed"] == "yes"]

    def of(column: str) -> tuple[bool | None, tuple[str, ...]]:
        if base is None or base[column] in (None, ""):
            return None, ()  # nothing that could hold
        own = sign(base[column])
        against = tuple(str(r["variant"]) for r in others if sign(r[column]) != own or own == 0)
        return (own != 0 and not against) if others else None, against

    (change, change_against), (net, net_against) = of("change_points"), of("net_pct")
    return Verdict(change, net, len(others), change_against, net_against)


def sign(value: Any) -> int:
    """Return 1, -1, or 0 for zero, an empty cell, None and NaN.

    >>> sign("0.25"), sign(-3.0), sign("1e-12"), sign(""), sign(None), sign(float("nan"))
    (1, -1, 0, 0, 0, 0)
    """
    number = float(value) if value not in (None, "") else 0.0
    return int(number > ZERO) - int(number < -ZERO)


def with_verdicts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with the verdict on their zone and period: `variants`, `change_robust`, `net_robust`."""
    found = robust(rows)
    words = {True: "yes", False: "no", None: None}
    out = []
    for row in rows:
        verdict = found[str(row["zone"]), int(row["first_year"]), int(row["last_year"])]
        out.append(row | {"variants": verdict.variants, "change_robust": words[verdict.change], "net_robust": words[verdict.net]})
    return out
