"""Words for numbers in English and Chinese: how templates are filled in, and how numbers are rounded for reading."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.templates import FRAGMENTS as FRAGMENTS
from pipeline.templates import SENTENCES as SENTENCES
from pipeline.templates import Text as Text


@dataclass(frozen=True)
class Sentence(Text):
    """One sentence; `key` names its template in `SENTENCES`."""

    key: str


NOTHING = Text("", "")

AND = Text(" and ", "和")
OR = Text(" or ", "或")
STOP = Text(". ", "。")
COMMA = Text(", ", "，")


def say(key: str, **fields: Text | str | int) -> Sentence:
    """Return a sentence of `SENTENCES` with its fields filled in; what a field holds is never a template itself."""
    text = _filled(SENTENCES[key], fields)
    return Sentence(text.en, text.zh, key)


def part(key: str, **fields: Text | str | int) -> Text:
    """Return a fragment of `FRAGMENTS` with its fields filled in."""
    return _filled(FRAGMENTS[key], fields)


def _filled(template: Text, fields: dict[str, Text | str | int]) -> Text:
    return Text(
        template.en.format(**{k: v.en if isinstance(v, Text) else v for k, v in fields.items()}),
        template.zh.format(**{k: v.zh if isinstance(v, Text) else v for k, v in fields.items()}),
    )


def joined(parts: Iterable[Text], between: Text = COMMA) -> Text:
    """Return several texts as one."""
    parts = list(parts)
    return Text(between.en.join(p.en for p in parts), between.zh.join(p.zh for p in parts))


def listed(parts: Iterable[Text], last: Text = AND) -> Text:
    """Return a list in words: a, b and c.

    >>> listed([Text("a", "甲"), Text("b", "乙"), Text("c", "丙")])
    Text(en='a, b and c', zh='甲、乙和丙')
    """
    parts = list(parts)
    return joined([joined(parts[:-1], Text(", ", "、")), *parts[-1:]] if len(parts) > 1 else parts, last)


def years_text(years: Iterable[int]) -> Text:
    """Return years as a list, three or more in a row as a range.

    >>> years_text([2020, 2022, 2023, 2024]).en
    '2020 and 2022-2024'
    """
    runs: list[list[int]] = []
    for year in sorted(years):
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    pieces = []
    for run in runs:
        pieces += [Text(f"{run[0]}-{run[-1]}", f"{run[0]}—{run[-1]}")] if len(run) > 2 else [Text(str(y), str(y)) for y in run]
    return listed(pieces)


def rounded(value: float) -> str:
    """Return a number without decimals, with one below 10.

    >>> rounded(23.4), rounded(9.96), rounded(9.94), rounded(0.07)
    ('23', '10', '9.9', '0.1')
    """
    return f"{value:.1f}" if round(value, 1) < 10 else f"{value:.0f}"


def per_cent(value: float) -> Text:
    """Return a share or a cover in per cent; zero and all are said only where they are so.

    >>> per_cent(53.2).en, per_cent(4.56).en, per_cent(0.04).en, per_cent(0).en, per_cent(99.7).en, per_cent(99.97).en, per_cent(100).zh
    ('53 %', '4.6 %', 'less than 0.1 %', '0 %', '99.7 %', 'more than 99.9 %', '100%')
    """
    if value <= 0:
        return part("per_cent", number="0")
    if value < 0.05:
        return part("per_cent_little", number="0.1")
    if value >= 100 - 1e-9:
        return part("per_cent", number="100")
    if value >= 99.95:
        return part("per_cent_most", number="99.9")
    return part("per_cent", number=f"{value:.1f}" if value >= 99.5 else rounded(value))


def counts(number: int, what: str) -> str:
    """Return a number with its English noun.

    >>> counts(1, "scene"), counts(0, "scene"), counts(46, "more scene")
    ('1 scene', '0 scenes', '46 more scenes')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def zone_named(name: str) -> str:
    """Return the name of a zone where it must be known as one.

    >>> zone_named("Pit No. 4"), zone_named("Zone 1")
    ('zone Pit No. 4', 'Zone 1')
    """
    return name if name.lower().startswith("zone") else f"zone {name}"


def alpha_text(alpha: float) -> Text:
    """Return a level of significance in per cent, in full.

    >>> alpha_text(0.05).en, alpha_text(0.125).zh
    ('5 %', '12.5%')
    """
    return part("per_cent", number=f"{100 * alpha:g}")


def p_text(p: float) -> Text:
    """Return p with two digits.

    >>> p_text(1 / 12).en, p_text(1.0).en, p_text(1e-5).en
    ('p = 0.083', 'p = 1', 'p < 0.001')
    """
    return part("p_little", number="0.001") if p < 0.001 else part("p", number=f"{p:.2g}")


def sign(value: float, variable: str = "fvc") -> int:
    """Return -1, 0 or 1; 0 for what rounds to nothing (0.05 points of cover, 0.0005 of NDVI)."""
    least = 0.05 if variable == "fvc" else 0.0005
    return 0 if abs(value) < least else 1 if value > 0 else -1


def amount(value: float, variable: str = "fvc") -> Text:
    """Return a size without sign: percentage points of cover, or NDVI.

    >>> amount(-22.8).en, amount(0.01).en, amount(-0.0213, "ndvi").en
    ('23 percentage points', 'less than 0.1 percentage points', '0.021')
    """
    unit = "points" if variable == "fvc" else "ndvi"
    if sign(value, variable) == 0 and value != 0:
        return part(f"{unit}_little", number="0.1" if variable == "fvc" else "0.001")
    return part(unit, number=(rounded(abs(value)) if value else "0") if variable == "fvc" else f"{abs(value):.3f}")


def moved(value: float, variable: str = "fvc") -> Text:
    """Return a change with its sign in words.

    >>> moved(22.8).en, moved(-1.29).zh, moved(0.01).en, moved(0.0).en
    ('rose by 23 percentage points', '下降1.3个百分点', 'moved by less than 0.1 percentage points', 'did not move')
    """
    if value == 0:
        return part("still")
    return part({1: "rose", 0: "little", -1: "fell"}[sign(value, variable)], amount=amount(value, variable))


def plus(value: float, decimals: int) -> str:
    """Return a number with its sign; what rounds to nothing has none.

    >>> plus(2.31, 1), plus(-0.027, 1), plus(-0.027, 2)
    ('+2.3', '0.0', '-0.03')
    """
    text = f"{value:+.{decimals}f}"
    return text if float(text) else text[1:]


def signed(value: float) -> Text:
    """Return percentage points with a sign as a character.

    >>> signed(19.1).en, signed(-0.4).zh
    ('+19 percentage points', '-0.4个百分点')
    """
    size, mark = amount(value), {1: "+", 0: "", -1: "-"}[sign(value)]
    return Text(mark + size.en, mark + size.zh)
