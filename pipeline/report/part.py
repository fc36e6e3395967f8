"""A part of the page that an evaluation fills: words, figures and tables, which the template shows in the same way for all."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.report.headings import Heading
from pipeline.words import Text


@dataclass(frozen=True)
class Figure:
    """One chart as SVG, with its caption."""

    svg: str
    caption: Text


@dataclass(frozen=True)
class Shown:
    """A CSV table, or rows of it, as the page shows it; `name` is that of the file without .csv, `note` what is left out of it."""

    name: str
    headings: tuple[Heading, ...]
    rows: list[dict[str, str]]
    note: Text | None = None


@dataclass(frozen=True)
class Part:
    """What the page says of one evaluation of one sensor: first `lead` and `warnings`, then figures, then `notes` on how to read them, then tables."""

    key: str
    title: Text
    lead: tuple[Text, ...]
    warnings: tuple[Text, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[Text, ...] = ()
    tables: tuple[Shown, ...] = ()
