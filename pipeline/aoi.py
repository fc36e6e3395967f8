"""Zones: read, validate, name, measure. One vector file per mine, one feature per zone."""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config import Config
from pipeline.errors import BadInput, nearest
from pipeline.landforms import joined, landforms_of

if TYPE_CHECKING:
    import geopandas as gpd

SIGNATURES: dict[str, tuple[bytes, ...]] = {
    ".geojson": (b"{",),
    ".json": (b"{",),
    ".gpkg": (b"SQLite format 3\0",),
    ".shp": (b"\x00\x00\x27\x0a",),
    ".fgb": (b"fgb",),
    ".kml": (b"<?xml", b"<kml"),
}
GEOJSON_TYPES = {"FeatureCollection", "Feature", "Polygon", "MultiPolygon", "GeometryCollection", "Point", "MultiPoint", "LineString", "MultiLineString"}
MAX_LATITUDE = 84.0  # limit of UTM
LEAST_OFF = 0.01  # of a cell: an edge of a zone whose chord is off by less stays straight


@dataclass(frozen=True)
class Zones:
    """The zones of a mine.

    `frame` holds the columns zone, role, geodesic_m2 and the geometry in the file's CRS, in file order; `references`
    the reference zones of each zone; `warnings` what the user should know. `landforms`: with `strata.field` the features of the file by
    landform (columns as `frame` and `stratum`, empty where the file names none), of which the zones are the unions.
    """

    frame: gpd.GeoDataFrame
    references: dict[str, tuple[str, ...]]
    warnings: tuple[str, ...]
    landforms: gpd.GeoDataFrame | None = None

    @property
    def names(self) -> list[str]:
        """Return the zone names in file order."""
        return list(self.frame["zone"])

    @property
    def reference_zones(self) -> frozenset[str]:
        """Return the zones that are a reference of any."""
        return frozenset(name for names in self.references.values() for name in names)

    def on(self, crs: Any, cell: float) -> gpd.GeoDataFrame:
        """Return the frame in the CRS of a grid with cells of this side; edges are geodesics there too, to 1 % of a cell.

        A geodesic is a curve on the grid: an edge whose middle would lie further off its chord is divided. In the CRS of the
        file edges stay as they are.
        """
        there = self.frame.to_crs(str(crs))
        if there.crs == self.frame.crs:
            return there
        from pyproj import Transformer

        lonlat, project = self.frame.geometry.to_crs(4326), Transformer.from_crs(4326, str(crs), always_xy=True)
        return there.set_geometry([_divided(a, b, project, LEAST_OFF * cell) for a, b in zip(there.geometry, lonlat, strict=True)], crs=there.crs)

    def role(self, zone: str) -> str:
        """Return the role of a zone."""
        return str(self.frame.loc[self.frame["zone"] == zone, "role"].iloc[0])


def _divided(polygon: Any, lonlat: Any, project: Any, most: float) -> Any:
    """Return a polygon on a grid with points of the geodesics between its vertices, where their middle lies further than `most` from the chord.

    `project`: from longitudes and latitudes to the grid.
    ValueError where a point has no finite coordinates: the CRS cannot show the polygon, or its longitudes and latitudes are none.
    """
    import shapely
    from pyproj import Geod

    def ring(corners: Any, ground: Any) -> np.ndarray:
        xy, (lon, lat) = shapely.get_coordinates(corners), shapely.get_coordinates(ground).T
        azimuth, _, length = geod.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
        middle = project.transform(*geod.fwd(lon[:-1], lat[:-1], azimuth, length / 2)[:2])
        if not (np.isfinite(xy).all() and np.isfinite(middle).all()):
            raise ValueError("coordinates that are not finite; expected a polygon in longitudes and latitudes that the CRS can show")
        off = np.hypot(*(np.array(middle).T - (xy[:-1] + xy[1:]) / 2).T)
        pieces = np.ceil(np.sqrt(np.maximum(off / most, 1))).astype(int)  # what a piece is off falls with the square of its length
        edge = np.repeat(np.arange(len(pieces)), pieces)
        step = np.arange(len(edge)) - (np.cumsum(pieces) - pieces)[edge]
        points = np.array(project.transform(*geod.fwd(lon[edge], lat[edge], azimuth[edge], length[edge] * step / pieces[edge])[:2])).T
        return np.vstack([np.where((step == 0)[:, None], xy[edge], points), xy[:1]])

    geod, parts = Geod(ellps="WGS84"), []
    for there, ground in zip(shapely.get_parts(polygon), shapely.get_parts(lonlat), strict=True):
        holes = [ring(a, b) for a, b in zip(there.interiors, ground.interiors, strict=True)]
        parts.append(shapely.Polygon(ring(there.exterior, ground.exterior), holes))
    return parts[0] if polygon.geom_type == "Polygon" else shapely.MultiPolygon(parts)


def read_zones(config: Config, config_path: Path | str) -> Zones:
    """Read and validate the zones of a config.

    Geodesic areas are those of the polygon whose vertices are joined by geodesics on WGS 84 (Karney 2013), as in QGIS.

    Raises
    ------
    BadInput
        With file, zone or row, what was found and expected, and the fix.
    """
    import pyproj

    path = Path(config.aoi.path)
    frame = read_frame(path, config.aoi.encoding)
    if frame.crs is None:
        raise BadInput(path, "coordinate reference system", "none", "a CRS", "assign it in QGIS, or add the .prj file")
    if len(frame) == 0:
        raise BadInput(path, "features", "none", "at least one polygon", "check the file in QGIS")
    field = None if config.strata is None else config.strata.field
    strata = None if field is None else landforms_of(frame, path, field)
    frame["zone"] = _names(frame, path, config, strata)
    warnings: list[str] = []
    frame = frame.set_geometry(_geometries(frame, path, config, warnings))
    geod = pyproj.Geod(ellps="WGS84")
    frame["geodesic_m2"] = [abs(geod.geometry_area_perimeter(g)[0]) for g in _to_lonlat(frame, path)]
    parts = None
    if strata is not None:
        frame["stratum"] = strata
        parts, frame = frame, joined(frame, path)
        frame["geodesic_m2"] = [abs(geod.geometry_area_perimeter(g)[0]) for g in _to_lonlat(frame, path)]
    references = _references(config, config_path, list(frame["zone"]))
    facts = config.aoi.zones
    everywhere = set(config.aoi.reference)
    frame["role"] = [(facts[z].role if z in facts and facts[z].role else None) or ("reference" if z in everywhere else "zone") for z in frame["zone"]]
    warnings += _overlaps(frame)
    if parts is not None:
        roles = dict(zip(frame["zone"], frame["role"], strict=True))
        parts = parts.assign(role=[roles[z] for z in parts["zone"]])[["zone", "role", "stratum", "geodesic_m2", "geometry"]].copy()
    return Zones(frame[["zone", "role", "geodesic_m2", "geometry"]].copy(), references, tuple(warnings), parts)


def read_frame(path: Path, encoding: str | None = None, key: str = "aoi.path") -> gpd.GeoDataFrame:
    """Return the features of a vector file with their attributes, in file order; BadInput for what is not such a file, which names `key`."""
    import geopandas as gpd

    signatures = SIGNATURES.get(path.suffix.lower())
    if signatures is None:
        raise BadInput(path, key, path.suffix or "no extension", f"one of {', '.join(SIGNATURES)}", "export the zones as GeoJSON or GeoPackage")
    if not path.is_file():
        raise BadInput(path, key, "no such file", "a vector file", "check the path; it is relative to the working directory")
    with path.open("rb") as handle:
        head = handle.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head.startswith(signatures) or not _is_what_it_says(path, head):
        raise BadInput(path, key, f"content that is not {path.suffix}", f"a {path.suffix} file", "export it again")
    if "!" in str(path) or ";" in path.name:
        raise BadInput(path, key, "`!` or `;` in the path", "a path without them (they can name another file)", "rename the file or folder")
    _check_encoding(path, encoding)
    try:
        return gpd.read_file(path, engine="pyogrio", encoding=encoding)
    except Exception as error:  # whatever a damaged file makes the libraries raise
        raise BadInput(path, key, str(error), "a readable vector file", "check the file in QGIS, and its encoding") from None


def _is_what_it_says(path: Path, head: bytes) -> bool:
    """Return whether JSON is GeoJSON and XML is KML: other contents can make GDAL read other files or hosts."""
    if path.suffix.lower() in {".geojson", ".json"}:
        try:
            content = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            return False
        return isinstance(content, dict) and content.get("type") in GEOJSON_TYPES
    if path.suffix.lower() == ".kml":
        root = re.sub(rb"<\?.*?\?>|<!--.*?-->", b"", head, flags=re.DOTALL).lstrip()
        return root.startswith(b"<kml")
    return True


def _check_encoding(path: Path, encoding: str | None) -> None:
    if encoding is None:
        return
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise BadInput(path, "aoi.encoding", encoding, "a text encoding such as UTF-8 or GBK", "correct it") from None
    if path.suffix.lower() != ".shp":
        raise BadInput(path, "aoi.encoding", f"{encoding} with a {path.suffix} file", "no encoding (the format defines it)", "remove aoi.encoding")


def _names(frame: gpd.GeoDataFrame, path: Path, config: Config, strata: list[str] | None = None) -> list[str]:
    fields = [c for c in frame.columns if c != frame.geometry.name]
    wanted = config.aoi.zone_field
    if wanted is None:
        if "zone" not in fields:
            return [f"zone {i}" for i in range(1, len(frame) + 1)]
        wanted = "zone"
    if wanted not in fields:
        raise BadInput(
            path,
            "aoi.zone_field",
            wanted,
            f"an attribute of the file: {', '.join(fields) or 'it has none'}",
            nearest(wanted, fields) if fields else "remove zone_field: zones are then numbered",
        )
    names: list[str] = []
    seen: dict[str, list[int]] = {}
    for row, value in enumerate(frame[wanted], 1):
        text = "" if value is None or value != value else str(value).strip()
        if not text:
            raise BadInput(path, f"row {row}, {wanted}", "no name", "a name for each zone", "fill the attribute")
        key = unicodedata.normalize("NFKC", text).casefold()
        part = "" if strata is None else strata[row - 1]
        earlier = [first for first in seen.get(key, []) if strata is None or names[first - 1] != text or strata[first - 1] == part]
        if earlier:
            raise BadInput(
                path,
                f"rows {earlier[0]} and {row}, {wanted}",
                f"{text}, {part}" if part else text,
                f"a different name for each zone (case and Unicode form do not count){', or different landforms of one zone' if part else ''}",
                "rename one, or merge the two features",
            )
        seen.setdefault(key, []).append(row)
        names.append(text)
    return names


def _geometries(frame: gpd.GeoDataFrame, path: Path, config: Config, warnings: list[str]) -> list[Any]:
    import shapely

    out = []
    for row, (name, geometry) in enumerate(zip(frame["zone"], frame.geometry, strict=True), 1):
        where = f"row {row}, zone {name}"
        if geometry is None or geometry.is_empty:
            raise BadInput(path, where, "no geometry", "a polygon", "draw it, or delete the row")
        if geometry.geom_type not in {"Polygon", "MultiPolygon"}:
            raise BadInput(path, where, geometry.geom_type, "Polygon or MultiPolygon", "convert it to polygons, or keep one mine by `minegreen new --where`")
        geometry = shapely.force_2d(geometry)
        if not np.isfinite(shapely.get_coordinates(geometry)).all():
            raise BadInput(path, where, "coordinates that are infinite or not numbers", "finite coordinates", "correct the geometry")
        if not geometry.is_valid:
            reason = shapely.is_valid_reason(geometry)
            if not config.aoi.repair:
                raise BadInput(path, where, f"invalid polygon: {reason}", "a valid polygon", "correct it, or set aoi.repair: true")
            repaired = _polygons_only(shapely.make_valid(geometry))
            if repaired.is_empty:
                raise BadInput(path, where, f"invalid polygon: {reason}", "a polygon with an area", "correct it")
            warnings.append(f"zone {name}: repaired ({reason}); area {geometry.area:.10g} before, {repaired.area:.10g} after, in units of the file's CRS")
            geometry = repaired
        out.append(geometry)
    return out


def _polygons_only(geometry: Any) -> Any:
    import shapely

    parts = [g for g in shapely.get_parts(geometry) if g.geom_type in {"Polygon", "MultiPolygon"}]
    return shapely.union_all(parts)


def _to_lonlat(frame: gpd.GeoDataFrame, path: Path) -> gpd.GeoSeries:
    from pyproj.exceptions import ProjError

    if frame.crs.is_geographic:
        for name, (west, south, east, north) in zip(frame["zone"], frame.bounds.to_numpy(), strict=True):
            if max(abs(south), abs(north)) > 90:
                raise BadInput(path, f"zone {name}", f"latitude {north if abs(north) > 90 else south:.6g}", "-90 to 90", "are longitude and latitude swapped?")
            if max(abs(west), abs(east)) > 360:
                raise BadInput(path, f"zone {name}", f"longitude {west:.6g} to {east:.6g}", "-180 to 180", "is the file's CRS right?")
    try:
        lonlat = frame.geometry.to_crs(4326)
    except ProjError:
        found = f"{frame.crs.name}, a CRS of no place on the Earth"
        raise BadInput(path, "coordinate reference system", found, "a CRS on the Earth", "is the file's CRS right?") from None
    bounds = lonlat.bounds.to_numpy()
    for name, (west, south, east, north) in zip(frame["zone"], bounds, strict=True):
        if not np.isfinite([west, south, east, north]).all():
            raise BadInput(path, f"zone {name}", "coordinates outside its CRS", "coordinates that fit the CRS", "is the file's CRS right?")
        if max(abs(south), abs(north)) > MAX_LATITUDE:
            raise BadInput(
                path,
                f"zone {name}",
                f"latitude {max(south, north, key=abs):.6g}",
                f"at most {MAX_LATITUDE:g} degrees",
                "polar areas have no UTM zone and are not supported",
            )
    if bounds[:, 2].max() - bounds[:, 0].min() > 180 or np.abs(bounds[:, [0, 2]]).max() > 180:
        raise BadInput(
            path,
            "zones",
            f"longitudes {bounds[:, 0].min():.6g} to {bounds[:, 2].max():.6g}",
            "an area that does not cross the 180th meridian",
            "split it there, one mine each side",
        )
    return lonlat


def _references(config: Config, config_path: Path | str, names: list[str]) -> dict[str, tuple[str, ...]]:
    asked = [("aoi.reference", config.aoi.reference)] + [(f"aoi.zones.{zone}.reference", facts.reference or ()) for zone, facts in config.aoi.zones.items()]
    for field, wanted in [("aoi.zones", tuple(config.aoi.zones)), *asked]:
        for name in wanted:
            if name not in names:
                raise BadInput(config_path, field, name, f"a zone of {config.aoi.path}", nearest(name, names))
        if twice := [name for name in wanted if wanted.count(name) > 1]:
            raise BadInput(config_path, field, f"{twice[0]} twice", "each zone once", "remove the repetition")
    facts = config.aoi.zones
    for zone, own in facts.items():
        if own.reference and zone in own.reference:
            raise BadInput(config_path, f"aoi.zones.{zone}.reference", f"{zone}, the zone itself", "other zones", "name undisturbed vegetation outside of it")
    return {z: tuple((facts[z].reference if z in facts and facts[z].reference is not None else config.aoi.reference) or ()) for z in names}


def _overlaps(frame: gpd.GeoDataFrame) -> list[str]:
    out = []
    pairs = frame.sindex.query(frame.geometry, predicate="intersects").T
    for i, j in sorted((i, j) for i, j in pairs if i < j):
        shared = frame.geometry.iloc[i].intersection(frame.geometry.iloc[j]).area
        smaller = min(frame.geometry.iloc[i].area, frame.geometry.iloc[j].area)
        if shared > 1e-6 * smaller:
            out.append(
                f"zones {frame['zone'].iloc[i]} and {frame['zone'].iloc[j]} overlap by {100 * shared / smaller:.3g} % of the smaller; that area counts in both"
            )
    return out
