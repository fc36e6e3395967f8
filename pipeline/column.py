"""What a column of the CSV tables is."""

from __future__ import annotations

from dataclasses import dataclass

TEXT = "@"
WHOLE = "0"


@dataclass(frozen=True)
class Column:
    """One column name, the same in every table that has it. `unit` is empty for text, counts and ratios."""

    name: str
    unit: str
    meaning: str
    meaning_zh: str
    format: str = TEXT

    @property
    def heading(self) -> str:
        """Return the name with its unit.

        >>> Column("area_km2", "km2", "", "").heading, Column("zone", "", "", "").heading
        ('area_km2 (km2)', 'zone')
        """
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def is_text(self) -> bool:
        """Return whether the cells are text, whatever they look like."""
        return self.format == TEXT


SHARE, AREA, P, COVER, SLOPE = "0.00", "0.0000", "0.0000", "0.0000", "0.000000"
