"""Land-cover classes: the codes of published maps, codes checked against their names, and classes by rule where there is no map."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.errors import BadInput, nearest
from pipeline.evaluation.groundarea import mask_of
from pipeline.words import NOTHING, Text

NO_DATA = -1  # a class of its own in every table
NO_DATA_NAME = "no data"
NO_DATA_CHINESE = "无数据"
LARGEST = 2**31 - 1  # codes are int32
MOST_SHOWN = 10  # codes without a name that a message lists
MINING, WATER, LOW, MEDIUM, HIGH = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class LandCover:
    """A scheme of land-cover classes: `classes` are (code, name, Chinese name, colour).

    `caution` is what to know before years are compared, if anything was found. Colours are those that maps of the scheme usually have.
    """

    key: str
    title: str
    classes: tuple[tuple[int, str, str, str], ...]
    reference: str
    caution: Text = NOTHING

    @property
    def names(self) -> dict[int, str]:
        """Return the name of each code, in the order of the scheme."""
        return {code: name for code, name, *_ in self.classes}

    @property
    def chinese(self) -> dict[str, str]:
        """Return the Chinese name of each name."""
        return {name: zh for _, name, zh, _ in self.classes}

    @property
    def colours(self) -> dict[str, str]:
        """Return the colour of each name."""
        return {name: colour for _, name, _, colour in self.classes}


_WORLDCOVER = (
    (10, "tree cover", "林地", "#006400"),
    (20, "shrubland", "灌木地", "#ffbb22"),
    (30, "grassland", "草地", "#ffff4c"),
    (40, "cropland", "耕地", "#f096ff"),
    (50, "built-up", "建成区", "#fa0000"),
    (60, "bare or sparse vegetation", "裸地或稀疏植被", "#b4b4b4"),
    (70, "snow and ice", "冰雪", "#f0f0f0"),
    (80, "permanent water bodies", "永久性水体", "#0064c8"),
    (90, "herbaceous wetland", "草本湿地", "#0096a0"),
    (95, "mangroves", "红树林", "#00cf75"),
    (100, "moss and lichen", "苔藓和地衣", "#fae6a0"),
)
_VERSIONS = Text(
    "WorldCover 2020 (v100) and 2021 (v200) come from different versions of the algorithm: a change between the two is not only of the ground.",
    "WorldCover 2020（v100）与 2021（v200）出自不同版本的算法：两者之差不只是地表变化。",
)
PRESETS: dict[str, LandCover] = {
    scheme.key: scheme
    for scheme in (
        LandCover(
            "worldcover-v100",
            "ESA WorldCover 10 m 2020 v100",
            _WORLDCOVER,
            "Zanaga et al. 2021, doi 10.5281/zenodo.5571936; codes: google/earthengine-catalog, ESA_WorldCover_v100.jsonnet",
            _VERSIONS,
        ),
        LandCover(
            "worldcover-v200",
            "ESA WorldCover 10 m 2021 v200",
            _WORLDCOVER,
            "Zanaga et al. 2022, doi 10.5281/zenodo.7254221; codes: google/earthengine-catalog, ESA/worldcover.libsonnet",
            _VERSIONS,
        ),
        LandCover(
            "clcd",
            "China Land Cover Dataset, 30 m, annual",
            (
                (1, "cropland", "耕地", "#fae39c"),
                (2, "forest", "森林", "#446f33"),
                (3, "shrub", "灌木", "#33a02c"),
                (4, "grassland", "草地", "#abd37b"),
                (5, "water", "水体", "#1e69b4"),
                (6, "snow and ice", "冰雪", "#a6cee3"),
                (7, "barren", "裸地", "#cfbda3"),
                (8, "impervious", "不透水面", "#e24290"),
                (9, "wetland", "湿地", "#289be8"),
            ),
            "Yang & Huang 2021, doi 10.5194/essd-13-3907-2021; codes as used with doi 10.5281/zenodo.8176941; the producer's own table was not read",
            Text(
                "Codes of CLCD in circulation sometimes swap grassland (4) and water (5): compare with the colours of the map.",
                "流传的 CLCD 编码有时将草地（4）与水体（5）对调：请与地图颜色核对。",
            ),
        ),
        LandCover(
            "mcd12q1-igbp",
            "MODIS MCD12Q1 version 6.1, LC_Type1 (IGBP), 500 m, annual",
            (
                (1, "evergreen needleleaf forests", "常绿针叶林", "#05450a"),
                (2, "evergreen broadleaf forests", "常绿阔叶林", "#086a10"),
                (3, "deciduous needleleaf forests", "落叶针叶林", "#54a708"),
                (4, "deciduous broadleaf forests", "落叶阔叶林", "#78d203"),
                (5, "mixed forests", "混交林", "#009900"),
                (6, "closed shrublands", "郁闭灌丛", "#c6b044"),
                (7, "open shrublands", "开放灌丛", "#dcd159"),
                (8, "woody savannas", "多树草原", "#dade48"),
                (9, "savannas", "稀树草原", "#fbff13"),
                (10, "grasslands", "草原", "#b6ff05"),
                (11, "permanent wetlands", "永久湿地", "#27ff87"),
                (12, "croplands", "农田", "#c24f44"),
                (13, "urban and built-up lands", "城市和建成区", "#a5a5a5"),
                (14, "cropland and natural vegetation mosaics", "农田与自然植被镶嵌体", "#ff6d4c"),
                (15, "permanent snow and ice", "永久冰雪", "#69fff8"),
                (16, "barren", "裸地", "#f9ffa4"),
                (17, "water bodies", "水域", "#1c0dff"),
            ),
            "codes: google/earthengine-catalog, templates/MODIS_006_MCD12Q1.libsonnet, which the entry of MCD12Q1.061 imports",
            Text("LC_Type2 to LC_Type5 have other codes (water is 0, not 17).", "LC_Type2 至 LC_Type5 编码不同（水体为 0，而非 17）。"),
        ),
    )
}
RULE = LandCover(
    "rule",
    "classes by rule from yearly fractional vegetation cover",
    (
        (MINING, "mining", "采矿用地", "#8c510a"),
        (WATER, "water", "水体", "#0072b2"),
        (LOW, "low-cover grassland", "低覆盖度草地", "#e3dba0"),
        (MEDIUM, "medium-cover grassland", "中覆盖度草地", "#a3bf6b"),
        (HIGH, "high-cover grassland", "高覆盖度草地", "#0b5a32"),
    ),
    "a stated rule, not a classification: see rule_codes; the bounds are the user's",
    Text(
        "By this rule all vegetated ground counts as grassland, and bare ground outside the boundary as low-cover grassland.",
        "按此规则，一切有植被的地面都计为草地，边界外的裸地计为低覆盖度草地。",
    ),
)


def preset(key: str) -> LandCover:
    """Return a published scheme by its key; ValueError that names the nearest where there is none.

    >>> preset("clcd").names[4]
    'grassland'
    """
    if key not in PRESETS:
        raise ValueError(f"{key!r} is no preset of land-cover codes; {nearest(key, list(PRESETS))}")
    return PRESETS[key]


def check_names(names: Mapping[int, str]) -> None:
    """Raise ValueError where codes and names cannot make a table: none, a code that is no whole number from 0, an empty or repeated name.

    >>> check_names({1: "forest", 2: "forest"})
    Traceback (most recent call last):
        ...
    ValueError: classes 1 and 2 are both named 'forest'; expected one name per code
    """
    if not names:
        raise ValueError("no land-cover classes; expected {code: name}")
    seen: dict[str, int] = {}
    for code, name in names.items():
        if isinstance(code, bool) or not isinstance(code, (int, np.integer)) or not 0 <= code <= LARGEST:
            raise ValueError(f"code {code!r} of {name!r}; expected a whole number from 0 to {LARGEST}")
        if not str(name).strip() or str(name) == NO_DATA_NAME:
            raise ValueError(f"class {code} is named {name!r}; expected a name, and not {NO_DATA_NAME!r}, which is that of cells without a code")
        if str(name) in seen:
            raise ValueError(f"classes {seen[str(name)]} and {code} are both named {str(name)!r}; expected one name per code")
        seen[str(name)] = int(code)


def read_codes(
    codes: np.ndarray, names: Mapping[int, str], *, nodata: Collection[float] = (), inside: np.ndarray | None = None, path: str | None = None
) -> np.ndarray:
    """Return codes as int32 with `NO_DATA` (-1) where the map has none; every other code has a name.

    Parameters
    ----------
    codes : (y, x) int or float
        A window of a land-cover map. NaN is no data, so is what a masked array masks.
    names : {code: name}
        As `LandCover.names`, or the user's own.
    nodata : codes
        Values that are no class: the raster's own nodata value.
    inside : (y, x) bool, optional
        Cells of a zone; outside of them nothing is checked and all is `NO_DATA`. Default: all cells.
    path : str, optional
        File of the map, to be named in an error.

    Raises
    ------
    BadInput
        If `path` is given: see ValueError.
    ValueError
        If a cell holds a code without a name (the message names the codes and how many cells each has), or a value that is no whole number from 0;
        if a code is both a class and no data; and for what `check_names` refuses.

    Examples
    --------
    >>> read_codes(np.array([[4.0, np.nan], [5.0, 0.0]]), preset("clcd").names, nodata=[0]).tolist()
    [[4, -1], [5, -1]]
    """
    check_names(names)
    values = np.ma.filled(np.ma.asarray(codes).astype(np.float64), np.nan)
    missing = np.isnan(values) | np.isin(values, list(nodata))
    if inside is not None:
        missing |= ~mask_of(inside, values.shape, "the zone")
    if both := sorted(set(names) & set(nodata)):
        raise ValueError(f"code {both[0]} is named {names[both[0]]!r} and is no data; expected one of both")
    strange, counts = np.unique(values[~missing & ~np.isin(values, list(names))], return_counts=True)
    if strange.size:
        listed = ", ".join(f"{code:g} ({count} cells)" for code, count in zip(strange[:MOST_SHOWN], counts[:MOST_SHOWN], strict=True))
        found = f"codes without a name: {listed}" + (f" and {strange.size - MOST_SHOWN} more" if strange.size > MOST_SHOWN else "")
        expected = f"a name for every code; known are {', '.join(map(str, sorted(names)))}"
        fix = "name the codes (landcover.classes), or say that they are no data (landcover.nodata)"
        raise BadInput(path, "land-cover codes", found, expected, fix) if path else ValueError(f"{found}; expected {expected}; fix: {fix}")
    return np.where(missing, NO_DATA, np.nan_to_num(values, posinf=NO_DATA, neginf=NO_DATA)).astype(np.int32)


def rule_codes(
    fvc: np.ndarray, boundary: np.ndarray, water: np.ndarray | None = None, *, bare_below: float, medium_from: float, high_from: float
) -> np.ndarray:
    """Return the class of each cell by the rule for mines without a land-cover map; names in `RULE`.

    In this order: water where `water` says so; no data where FVC is NaN; mining where the cell lies inside the mine's boundary and FVC < `bare_below`;
    else low-cover grassland where FVC < `medium_from`, medium-cover where FVC < `high_from`, high-cover from there on. A value at a bound belongs to
    the upper grade.

    Parameters
    ----------
    fvc : (y, x) float
        Fractional vegetation cover of a year, 0..1, NaN where not known.
    boundary : (y, x) bool
        Cells inside the mine's boundary.
    water : (y, x) bool, optional
        Cells that are water that year; their FVC is NaN.
    bare_below, medium_from, high_from : float
        Bounds of FVC, 0 < each < 1, `medium_from` < `high_from`, `bare_below` <= `high_from`. Without default: published grades differ.

    Returns
    -------
    (y, x) int32
        Codes of `RULE`, `NO_DATA` where FVC is NaN and no water is known.

    Raises
    ------
    ValueError
        If bounds are out of order or a value is infinite.

    Examples
    --------
    >>> fvc = np.array([[0.1, 0.1, 0.5, 0.9, np.nan]])
    >>> inside = np.array([[True, False, True, True, True]])
    >>> rule_codes(fvc, inside, bare_below=0.2, medium_from=0.3, high_from=0.6).tolist()
    [[1, 3, 4, 5, -1]]
    """
    if not (0 < medium_from < high_from < 1 and 0 < bare_below <= high_from):
        raise ValueError(
            f"bare_below {bare_below:g}, medium_from {medium_from:g}, high_from {high_from:g}; expected 0 < medium_from < high_from < 1 "
            "and 0 < bare_below <= high_from, as shares and not per cent"
        )
    values = np.asarray(fvc, np.float64)
    if np.isinf(values).any():
        raise ValueError("FVC holds an infinite value; expected 0..1, NaN where not known")
    out = np.select([values >= high_from, values >= medium_from, values < medium_from], [HIGH, MEDIUM, LOW], NO_DATA)
    out[mask_of(boundary, values.shape, "the boundary") & (values < bare_below)] = MINING
    out[mask_of(water, values.shape, "water")] = WATER
    return out.astype(np.int32)
