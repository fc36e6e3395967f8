"""Whether a published table of class areas and shares can be true: every printed number stands for all that round to it.

Exact interval arithmetic (fractions), so a table that was rounded correctly from consistent numbers is never flagged.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf

NUMBER = re.compile(r"(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?|\.\d+", re.ASCII)
MOST_DIGITS = 30  # of a printed number
MOST_ROWS = 1000
WHOLES = {"total", "totals", "sum", "gesamt", "合计", "总计", "共计", "总和"}  # names of a row that is the whole and no class; case and blanks do not count
Interval = tuple[Fraction | float, Fraction | float]  # an end may be infinite


@dataclass(frozen=True)
class Row:
    """One class as printed: the texts keep their digits. `share` is per cent of the whole table, also for a row that is `part_of` another."""

    name: str
    area: str | None = None
    share: str | None = None
    part_of: str | None = None


@dataclass(frozen=True)
class Finding:
    """What cannot be true: `kind`, the rows that it names, words, and the area (in the table's unit) and share that the rest of the table asks for.

    Kinds: `total` area and share of a row imply another whole than the other rows; `totals` the rows imply several wholes and none is the most frequent;
    `part` a row exceeds its whole; `parts` the parts of a row together do; `share sum`, `area sum` the classes do not make up the whole.
    """

    kind: str
    rows: tuple[str, ...]
    words: str
    area: tuple[float, float] | None = None
    share: tuple[float, float] | None = None


def printed(text: str, what: str = "number") -> Interval:
    """Return the lowest and highest number that a printed one can stand for: half a unit of its last digit to either side, not below 0.

    Commas may part thousands. ValueError for what is no number from 0, or has more than 30 digits.

    >>> [float(x) for x in printed("0.0032")], [float(x) for x in printed("3,085.7")]
    ([0.00315, 0.00325], [3085.65, 3085.75])
    """
    if not isinstance(text, str) or not NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{what} is {text!r}; expected a number from 0 as printed, e.g. '70.80', without a unit")
    plain = text.strip().replace(",", "")
    if (digits := sum(c != "." for c in plain)) > MOST_DIGITS:
        raise ValueError(f"{what} has {digits:,} digits; expected at most {MOST_DIGITS}, as no table prints more")
    half = Fraction(1, 2 * 10 ** len(plain.partition(".")[2]))
    value = Fraction(plain)
    return max(Fraction(0), value - half), value + half


def check_table(rows: Sequence[Row], *, total: str | None = None, complete: bool = True) -> list[Finding]:
    """Return what cannot be true in a table of areas and shares of classes; empty for a consistent one.

    Parameters
    ----------
    rows : sequence of Row
        Rows without `part_of` are the classes; those with it are counted within another row.
    total : str, optional
        Area of the whole as printed.
    complete : bool
        Whether the classes make up the whole. A class without a share then has what the others leave.

    Returns
    -------
    list of Finding
        In the order of the checks: sums of shares, parts, total of each row, sum of areas.

    Raises
    ------
    ValueError
        If there is no class or more than 1,000 rows; a name is empty, repeated, that of the whole, or has control characters; `part_of` names no other row,
        or leads back to the row itself; a row has neither area nor share; a text is no number.

    Examples
    --------
    >>> table = [Row("forest", "6.0", "60"), Row("water", "3.0", "30"), Row("bare", "2.0", "10")]
    >>> [(f.kind, f.rows) for f in check_table(table)]
    [('total', ('bare',)), ('area sum', ('forest', 'water', 'bare'))]
    """
    _check_rows(rows)
    areas = {r.name: printed(r.area, f"area of {r.name}") for r in rows if r.area is not None}
    shares = {r.name: _of_hundred(printed(r.share, f"share of {r.name}")) for r in rows if r.share is not None}
    given = set(shares)
    classes = [r.name for r in rows if r.part_of is None]
    found = _share_sum(classes, shares, complete)
    missing = [name for name in classes if name not in shares]
    if complete and len(missing) == 1 and not found:
        low, high = _sum([shares[name] for name in classes if name in shares])
        shares[missing[0]] = 1 - high if high < 1 else Fraction(0), 1 - low
    found += _parts(rows, areas, "area") + _parts(rows, shares, "share")
    wholes = {name: _whole(areas[name], shares[name]) for name in areas if name in given}
    if total is not None:
        wholes["total"] = printed(total, "total")
    more, whole = _agreement(wholes, areas, shares)
    found += more
    if whole is not None:
        found += [_outlier(name, areas, shares, whole, "what the other shares leave") for name in missing if _apart(name, areas, shares, whole)]
        found += _area_sum(classes, areas, printed(total, "total") if total is not None else whole, complete)
    return found


def _check_rows(rows: Sequence[Row]) -> None:
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{len(rows):,} rows; expected at most {MOST_ROWS:,}")
    counts = Counter(r.name for r in rows)
    for name in counts:
        if not str(name).strip():
            raise ValueError("a row has no name; expected a name for every row")
        if any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in str(name)):
            raise ValueError(f"row {name!r} has control characters in its name; expected plain text on one line")
        if "".join(unicodedata.normalize("NFKC", str(name)).split()).casefold() in WHOLES:
            raise ValueError(f"row {name!r} is named as the whole; expected classes and their parts alone, the whole given as total= (--total)")
        if counts[name] > 1:
            raise ValueError(f"row {name!r} is repeated; expected one name per row")
    if all(r.part_of is not None for r in rows):
        raise ValueError("no row is a class of its own; expected at least one without part_of")
    whole_of = {r.name: r.part_of for r in rows}
    for r in rows:
        if r.part_of is not None and (r.part_of not in whole_of or r.part_of == r.name):
            raise ValueError(f"row {r.name!r} is part of {r.part_of!r}, which is no other row")
        if r.area is None and r.share is None:
            raise ValueError(f"row {r.name!r} has neither area nor share; expected at least one")
    for name in whole_of:
        _check_chain(name, whole_of)


def _check_chain(name: str, whole_of: dict[str, str | None]) -> None:
    """Raise ValueError where the wholes of a row lead in a circle and to no class."""
    seen, at = [name], whole_of[name]
    while at is not None:
        if at in seen:
            circle = seen[seen.index(at) :]
            raise ValueError(f"rows {', '.join(map(repr, circle))} are parts of each other in a circle; expected parts that lead to a row without part_of")
        seen.append(at)
        at = whole_of[at]


def _of_hundred(per_cent: Interval) -> Interval:
    return per_cent[0] / 100, per_cent[1] / 100


def _sum(intervals: Sequence[Interval]) -> Interval:
    return sum((i[0] for i in intervals), Fraction(0)), sum((i[1] for i in intervals), Fraction(0))


def _whole(area: Interval, share: Interval) -> Interval:
    """Return the whole that area and share of a row imply."""
    return _over(area[0], share[1]), _over(area[1], share[0]) if share[0] else inf


def _over(part: Fraction | float, share: Fraction | float) -> Fraction | float:
    if share:
        return part / share
    return inf if part else Fraction(0)


def _told(interval: Interval, times: int = 1) -> str:
    return f"{float(interval[0] * times):.5g} to {float(interval[1] * times):.5g}"


def _floats(interval: Interval, times: int = 1) -> tuple[float, float]:
    return float(interval[0] * times), float(interval[1] * times)


def _share_sum(classes: list[str], shares: dict[str, Interval], complete: bool) -> list[Finding]:
    here = [name for name in classes if name in shares]
    low, high = _sum([shares[name] for name in here])
    if low > 1:
        return [Finding("share sum", tuple(here), f"the shares sum to at least {float(low * 100):.5g} %, more than the whole")]
    if complete and len(here) == len(classes) and high < 1:
        return [Finding("share sum", tuple(here), f"the shares sum to at most {float(high * 100):.5g} %, and nothing is said of the rest")]
    return []


def _parts(rows: Sequence[Row], values: dict[str, Interval], what: str) -> list[Finding]:
    found = []
    for whole in (r.name for r in rows if r.name in values):
        parts = [r.name for r in rows if r.part_of == whole and r.name in values]
        larger = [name for name in parts if values[name][0] > values[whole][1]]
        times = 100 if what == "share" else 1
        limit = f"at most {float(values[whole][1] * times):.5g}"
        for name in larger:
            least = f"{what} of {name}, at least {float(values[name][0] * times):.5g}"
            found.append(Finding("part", (name, whole), f"{least}, exceeds that of {whole}, {limit}, of which it is part"))
        low = sum((values[name][0] for name in parts), Fraction(0))
        if not larger and low > values[whole][1]:
            words = f"{what} of {', '.join(parts)} together, at least {float(low * times):.5g}, exceeds that of {whole}, {limit}"
            found.append(Finding("parts", (*parts, whole), words))
    return found


def _agreement(wholes: dict[str, Interval], areas: dict[str, Interval], shares: dict[str, Interval]) -> tuple[list[Finding], Interval | None]:
    """Return findings on what the rows imply of the whole, and the whole that most rows agree on; None where no whole is the most frequent."""
    if not wholes:
        return [], None
    points = {low for low, _ in wholes.values()}
    sets = {frozenset(name for name, (low, high) in wholes.items() if low <= point <= high) for point in points}
    most = max(map(len, sets))
    best = [s for s in sets if len(s) == most]
    if len(best) > 1:
        sure = frozenset.intersection(*best)
        rows = tuple(name for name in wholes if name not in sure)
        words = "; ".join(f"{name}: {_told(wholes[name])}" for name in rows)
        return [Finding("totals", rows, f"the rows imply wholes that exclude each other, and which is right cannot be told: {words}")], None
    whole = max(wholes[name][0] for name in best[0]), min(wholes[name][1] for name in best[0])
    words = f"{most} of {len(wholes)} agree on"
    return [
        _outlier(name, areas, shares, whole, words)
        if name != "total"
        else Finding("total", ("total",), f"the whole is printed as {_told(wholes[name])}, but {words} {_told(whole)}", _floats(whole))
        for name in wholes
        if name not in best[0]
    ], whole


def _apart(name: str, areas: dict[str, Interval], shares: dict[str, Interval], whole: Interval) -> bool:
    """Return whether area and share of a row exclude this whole."""
    if name not in areas or name not in shares:
        return False
    low, high = _whole(areas[name], shares[name])
    return low > whole[1] or high < whole[0]


def _outlier(name: str, areas: dict[str, Interval], shares: dict[str, Interval], whole: Interval, why: str) -> Finding:
    area, share = areas[name], shares[name]
    asked: Interval = share[0] * whole[0], share[1] * whole[1] if share[1] else Fraction(0)
    ratio = _whole(area, whole)
    words = (
        f"area {_told(area)} and share {_told(share, 100)} % of {name} imply a whole of {_told(_whole(area, share))}, not of {_told(whole)} ({why}); "
        f"the share asks for an area of {_told(asked)}, the area for a share of {_told(ratio, 100)} %"
    )
    return Finding("total", (name,), words, _floats(asked), _floats(ratio, 100))


def _area_sum(classes: list[str], areas: dict[str, Interval], whole: Interval, complete: bool) -> list[Finding]:
    here = [name for name in classes if name in areas]
    if not here:
        return []
    low, high = _sum([areas[name] for name in here])
    if low > whole[1] or (complete and len(here) == len(classes) and high < whole[0]):
        return [Finding("area sum", tuple(here), f"the areas sum to {_told((low, high))}, the whole is {_told(whole)}", _floats(whole))]
    return []
