"""Weather from tables and rasters: values against plain numpy, and one clear error for each thing that cannot be read."""

import json
import math
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from running import ROOT
from shapely.geometry import box

from pipeline import synthetic_site
from pipeline.aoi import Zones
from pipeline.config import Season
from pipeline.config_climate import Climate
from pipeline.errors import BadInput
from pipeline.evaluation.climate import climate_rows
from pipeline.evaluation.climatefiles import read_climate, read_rasters, read_table_of

SUMMER, WINTER = Season(start="07-01", end="08-31"), Season(start="11-15", end="02-28")


def zones_of(shapes, crs=4326):
    frame = gpd.GeoDataFrame({"zone": list(shapes)}, geometry=list(shapes.values()), crs=crs)
    return Zones(frame.assign(role="pit", geodesic_m2=1e6), {name: () for name in shapes}, ())


PIT = zones_of({"pit": box(99.12, 38.03, 99.13, 38.04)})
TWO = zones_of({"pit": box(99.12, 38.03, 99.13, 38.04), "土堆": box(99.05, 37.95, 99.15, 38.05)})


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


# Tables


def test_a_table_of_months_for_all_zones(tmp_path):
    path = written(tmp_path / "rain.csv", "date,value\n2021-07,80.5\n2021-08,\n\n2021-09, 3 \n")
    found = read_table_of("precipitation", path, ["pit", "dump"])
    assert found.monthly
    assert found.of("pit") == found.of("dump") == {date(2021, 7, 1): 80.5, date(2021, 9, 1): 3.0}  # the empty one is a gap, not 0


def test_a_table_of_days_by_zone_in_any_order_of_columns_with_a_byte_order_mark(tmp_path):
    text = 'Zone,Value,Date\r\n"pit, ""A""",1.5,2021-07-01\r\n土堆,-2,2021-07-01\r\n土堆,0,2021-07-02\r\n'
    found = read_table_of("temperature", written(tmp_path / "t.csv", text, "utf-8-sig"), ['pit, "A"', "土堆"])
    assert not found.monthly
    assert found.of('pit, "A"') == {date(2021, 7, 1): 1.5}
    assert found.of("土堆") == {date(2021, 7, 1): -2.0, date(2021, 7, 2): 0.0}


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("", "table", "nothing"),
        ("date,value\n", "rows", "none"),
        ("date;value\n2021-07;3\n", "columns", "date;value"),
        ("day,value\n2021-07,3\n", "columns", "day,value"),
        ("date,value,value\n2021-07,3,4\n", "columns", "date,value,value"),
        ("date,value,station\n2021-07,3,x\n", "columns", "station"),
        ("date,value\n2021-07,3,4\n", "line 2", "3 cells"),
        ("date,value\n01.07.2021,3\n", "line 2, date", "01.07.2021"),
        ("date,value\n2021-02-30,3\n", "line 2, date", "2021-02-30"),
        ("date,value\n2021-13,3\n", "line 2, date", "2021-13"),
        ("date,value\n2021-07,3\n2021-08-01,4\n", "line 3, date", "2021-08-01"),
        ("date,value\n2021-07,3\n2021-07,3\n", "line 3, date", "2021-07 twice"),
        ("date,value\n2021-07,\n2021-07,3\n", "line 3, date", "2021-07 twice"),
        ("date,value,zone\n2021-07,3,pitt\n", "line 2, zone", "did you mean `pit`"),
        ("date,value,zone\n2021-07,3,\n", "line 2, zone", "nothing"),
        ("date,value,zone\n2021-07,3,pit\n2021-07,3,pit\n", "line 3, date", "for zone pit"),
        ("date,value\n2021-07,NA\n", "line 2, value", "NA"),
        ("date,value\n2021-07,nan\n", "line 2, value", "nan"),
        ("date,value\n2021-07,inf\n", "line 2, value", "inf"),
        ("date,value\n2021-07,-0.1\n", "line 2, value", "-0.1 mm"),
        ("date,value\n2021-07,-999\n", "line 2, value", "leave the cell empty"),
        ("date,value\n2021-07,1_000\n", "line 2, value", "1_000"),
        ("date,value\n2021-07,10000.1\n", "line 2, value", "0 to 10000 mm a month"),
        ("date,value\n2021-07-01,1e20\n", "line 2, value", "0 to 2000 mm a day"),
        ("date,value\n2021-07-01,2000\n2021-07-02,2001\n", "line 3, value", "2001 mm"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, text, field, says):
    path = written(tmp_path / "rain.csv", text)
    with pytest.raises(BadInput) as caught:
        read_table_of("precipitation", path, ["pit"])
    assert caught.value.where == str(path)
    assert field in caught.value.field
    assert says in str(caught.value)


def test_zones_without_rows_other_encodings_and_no_file(tmp_path):
    with pytest.raises(BadInput, match="no row for dump, 土堆"):
        read_table_of("precipitation", written(tmp_path / "a.csv", "date,value,zone\n2021-07,3,pit\n"), ["pit", "dump", "土堆"])
    with pytest.raises(BadInput, match="not UTF-8"):
        read_table_of("precipitation", written(tmp_path / "b.csv", "date,value,zone\n2021-07,3,土堆\n", "gbk"), ["土堆"])
    with pytest.raises(BadInput, match="no such file"):
        read_table_of("precipitation", tmp_path / "c.csv", ["pit"])
    with pytest.raises(BadInput, match="line 2"):
        read_table_of("precipitation", written(tmp_path / "d.csv", 'date,value\n"2021-07,3\n'), ["pit"])


@pytest.mark.parametrize(("value", "says"), [("283.4", "likely kelvin: subtract 273.15"), ("-9999", "leave the cell empty"), ("71", "-100 to 70")])
def test_temperatures_that_no_place_has(tmp_path, value, says):
    path = written(tmp_path / "t.csv", f"date,value\n2021-07,{value}\n")
    with pytest.raises(BadInput, match=says):
        read_table_of("temperature", path, ["pit"])


def days(first, last, value="1", without=()):
    count = (date(last, 12, 31) - date(first, 1, 1)).days + 1
    every = [date(first, 1, 1) + timedelta(days=i) for i in range(count)]
    return "date,value\n" + "".join(f"{day},{value}\n" for day in every if day not in without)


def test_years_of_the_run_and_the_baseline_must_be_there(tmp_path):
    path = written(tmp_path / "rain.csv", days(2019, 2022, without={date(2020, 8, 1)}))
    assert read_climate("precipitation", str(path), PIT, SUMMER, [2020, 2022], None).of("pit")  # a single gap stays one
    with pytest.raises(BadInput, match="no value in the season of 2018, 2023"):
        read_climate("precipitation", str(path), PIT, SUMMER, range(2018, 2024), None)
    with pytest.raises(BadInput, match=r"climate.baseline\n.*season of 2018, 2020 is not whole"):
        read_climate("precipitation", str(path), PIT, SUMMER, [2021], (2018, 2021))
    assert read_climate("precipitation", str(path), PIT, SUMMER, [2021], (2021, 2022)).of("pit")
    # November 2022 is there, January 2023 is not: known in part, a gap and no error; as baseline an error
    assert read_climate("precipitation", str(path), PIT, WINTER, [2021, 2022], None).of("pit")
    with pytest.raises(BadInput, match="season of 2022 is not whole"):
        read_climate("precipitation", str(path), PIT, WINTER, [2021], (2021, 2022))


def test_each_zone_needs_its_years(tmp_path):
    path = written(tmp_path / "rain.csv", "date,value,zone\n2021-07,1,pit\n2021-08,1,pit\n2021-07,,土堆\n2021-09,4,土堆\n")
    with pytest.raises(BadInput, match="season of 2021 for zone 土堆"):
        read_climate("precipitation", str(path), TWO, SUMMER, [2021], None)


@pytest.mark.parametrize(
    ("step", "monthly", "found"),
    [(7, False, "9 of 62 days"), (16, False, "4 of 62 days"), (2, False, "31 of 62 days"), (0, False, "2 of 62 days"), (0, True, "1 of 2 months")],
)
def test_values_of_which_no_season_is_whole(tmp_path, step, monthly, found):
    """Every so many days from 1 July on, the first of each month written as a day, and July alone as a month."""
    every = [date(year, 7, 1) + timedelta(days=i) for year in (2020, 2021) for i in range(62)]
    kept = [day for day in every if ((day - date(day.year, 7, 1)).days % step == 0 if step else day.day == 1)]
    lines = [f"{day:%Y-%m},2" for day in kept if day.month == 7] if monthly else [f"{day},2" for day in kept]
    path = written(tmp_path / "rain.csv", "\n".join(["date,value", *lines]))
    for variable in ("precipitation", "temperature"):
        with pytest.raises(BadInput) as caught:
            read_climate(variable, str(path), PIT, SUMMER, [2020, 2021], None)
        assert (caught.value.where, caught.value.field, caught.value.found) == (str(path), variable, f"{found} at most in a season")
        assert "every day (YYYY-MM-DD) or every month (YYYY-MM) of at least one season" in caught.value.expected
        assert ("missing months" if monthly else "write months as YYYY-MM") in caught.value.fix


def test_one_whole_season_of_one_zone_is_enough(tmp_path):
    """What has gaps in its other seasons is of the resolution that it says."""
    lines = [f"{day:%Y-%m-%d},2,{zone}\n" for zone in TWO.names for day in (date(2021, 7, 1) + timedelta(days=i) for i in range(62))]
    path = written(tmp_path / "rain.csv", "date,value,zone\n" + "".join(lines[:-1]) + "".join(x.replace("2021", "2022") for x in lines[::2]))
    found = read_climate("precipitation", str(path), TWO, SUMMER, [2021, 2022], None)
    assert (len(found.of("pit")), len(found.of("土堆"))) == (93, 92)


@pytest.mark.parametrize(
    ("dates", "largest", "refused"),
    [
        (["2021-07-01", "2021-07-02"], 0.099, True), (["2021-07-01", "2021-07-02"], 0.1, False), (["2021-07-01", "2021-07-02"], 0.0, False),
        (["2021-07", "2021-08"], 0.49, True), (["2021-07", "2021-08"], 0.5, False), (["2021-07", "2021-08"], 0.0, False),
    ],
)  # fmt: skip
def test_precipitation_in_metres(tmp_path, dates, largest, refused):
    path = written(tmp_path / "rain.csv", f"date,value\n{dates[0]},{largest}\n{dates[1]},0\n")
    season = Season(start="07-01", end="07-02" if len(dates[0]) == 10 else "08-31")
    if refused:
        with pytest.raises(BadInput, match="likely metres") as caught:
            read_climate("precipitation", str(path), PIT, season, [2021], None)
        assert caught.value.found == f"{largest:g} at most"
    else:
        assert max(read_climate("precipitation", str(path), PIT, season, [2021], None).of("pit").values()) == largest
    assert read_climate("temperature", str(path), PIT, season, [2021], None).of("pit")


# Rasters


def raster(path, bands, west=98.9, north=38.3, cell=0.1, crs="EPSG:4326", nodata=-99.0, **more):
    bands = np.asarray(bands, more.pop("dtype", np.float32))
    profile = {"driver": "GTiff", "count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype, "crs": crs, "nodata": nodata}
    with rasterio.open(path, "w", transform=more.pop("transform", from_origin(west, north, cell, cell)), **profile) as dataset:
        dataset.write(bands)
        for name, value in more.items():
            setattr(dataset, name, (value,) * len(bands))
    return path


def field(count, seed=0, shape=(6, 5)):
    return np.random.default_rng(seed).uniform(0, 100, (count, *shape))


def test_a_zone_inside_one_cell_has_that_cells_value(tmp_path):
    values = field(12)
    raster(tmp_path / "rain_2021.tif", values)
    found = read_rasters("precipitation", str(tmp_path / "rain_{year}.tif"), PIT, [2020, 2021])
    assert found.monthly
    # 99.12 E is in the third column (99.1 to 99.2), 38.03 N in the third row (38.1 to 38.0)
    assert [found.of("pit")[date(2021, m, 1)] for m in range(1, 13)] == pytest.approx(values[:, 2, 2], rel=1e-6)
    assert date(2020, 1, 1) not in found.of("pit")


def test_a_zone_over_cells_has_their_mean_by_the_area_covered(tmp_path):
    """Plain geometry: shapely's intersections of the zone with each cell, weighted by the cosine of the latitude."""
    values = field(365, 1)
    shape = box(99.03, 37.94, 99.27, 38.07).union(box(99.0, 38.0, 99.1, 38.22))
    raster(tmp_path / "t2021.tif", values - 50)
    found = read_rasters("temperature", str(tmp_path / "t{year}.tif"), zones_of({"pit": shape}), [2021])
    weights = np.zeros((6, 5))
    for r, c in np.ndindex(6, 5):
        cell = box(98.9 + 0.1 * c, 38.2 - 0.1 * r, 99.0 + 0.1 * c, 38.3 - 0.1 * r)
        weights[r, c] = cell.intersection(shape).area * np.cos(np.radians(38.25 - 0.1 * r))
    expected = ((values - 50) * weights).sum((1, 2)) / weights.sum()
    assert not found.monthly
    assert [found.of("pit")[date(2021, 1, 1) + timedelta(days=i)] for i in range(365)] == pytest.approx(expected.tolist(), abs=1e-4)


def test_projected_rasters_and_scaled_integers(tmp_path):
    values = np.random.default_rng(2).integers(0, 3000, (12, 4, 4))
    shape = box(500_000 + 1500, 4_200_000 - 2500, 500_000 + 2500, 4_200_000 - 1000)
    raster(tmp_path / "r2021.tif", values, 500_000, 4_200_000, 1000, "EPSG:32647", -1, dtype=np.int16, scales=0.1, offsets=2.0)
    found = read_rasters("precipitation", str(tmp_path / "r{year}.tif"), zones_of({"pit": shape}, 32647), [2021]).of("pit")
    physical = values * 0.1 + 2
    expected = (physical[:, 1, 1] + physical[:, 1, 2] + 0.5 * physical[:, 2, 1] + 0.5 * physical[:, 2, 2]) / 3
    assert list(found.values()) == pytest.approx(expected.tolist())


def test_a_cell_without_value_leaves_a_gap_in_the_zones_that_it_touches(tmp_path):
    values = field(12, 3)
    values[6, 3, 1] = -99  # July, 37.9 to 38.0 N, 99.0 to 99.1 E: touched by the dump alone
    values[7, 0, 0] = -99
    raster(tmp_path / "r2021.tif", values)
    found = read_rasters("precipitation", str(tmp_path / "r{year}.tif"), TWO, [2021])
    assert len(found.of("pit")) == 12
    assert set(range(1, 13)) - {day.month for day in found.of("土堆")} == {7}
    with pytest.raises(BadInput, match="no value in the season of 2021 for zone 土堆"):
        read_climate("precipitation", str(tmp_path / "r{year}.tif"), TWO, Season(start="07-01", end="07-31"), [2021], None)


def test_leap_years_and_seasons_across_the_turn_of_the_year(tmp_path):
    for year, count in ((2023, 365), (2024, 366)):
        raster(tmp_path / f"r{year}.tif", field(count, year))
    found = read_climate("precipitation", str(tmp_path / "r{year}.tif"), PIT, WINTER, [2023], None).of("pit")
    assert len(found) == 731
    assert found[date(2024, 2, 29)] == pytest.approx(float(np.float32(field(366, 2024)[59, 2, 2])))


def test_grids_may_differ_from_year_to_year(tmp_path):
    raster(tmp_path / "r2021.tif", np.full((12, 6, 5), 10.0))
    raster(tmp_path / "r2022.tif", np.full((12, 60, 50), 20.0), cell=0.01, west=98.9, north=38.3)
    found = read_rasters("precipitation", str(tmp_path / "r{year}.tif"), PIT, [2021, 2022]).of("pit")
    assert [found[date(year, 1, 1)] for year in (2021, 2022)] == pytest.approx([10, 20])


@pytest.mark.parametrize(
    ("variable", "bands", "more", "field_says", "says"),
    [
        ("precipitation", field(13), {}, "bands", "12 (months) or 366 (days of 2024)"),
        ("precipitation", field(365), {}, "bands", "366"),
        ("precipitation", field(12), {"west": 99.125}, "zone pit", "beyond the raster"),
        ("precipitation", field(12), {"crs": None}, "coordinate reference system", "none"),
        ("precipitation", field(12), {"transform": rasterio.Affine(0.1, 0, 98.9, 0, 0.1, 37.7)}, "grid", "north up"),
        ("precipitation", field(12) - 90, {}, "band", "0 mm or more"),
        ("temperature", field(12) + 230, {}, "band 1, zone pit", "likely kelvin"),
        ("temperature", np.full((12, 6, 5), -9999.0), {}, "band 1, zone pit", "nodata"),
        ("precipitation", np.full((12, 6, 5), 9.97e36), {}, "band 1, zone pit", "0 to 10000 mm a month"),
        ("precipitation", np.full((366, 6, 5), 2000.5), {}, "band 1, zone pit", "0 to 2000 mm a day"),
        ("precipitation", np.full((12, 6, 5), np.inf), {}, "band 1, zone pit", "inf mm"),
        ("temperature", np.full((12, 6, 5), -np.inf), {}, "band 1, zone pit", "-inf"),
        ("temperature", field(12), {"dtype": np.complex64}, "values", "complex64"),
        ("temperature", field(12), {"crs": 'LOCAL_CS["mine grid",UNIT["metre",1]]'}, "coordinate reference system", "neither projected nor geographic"),
        ("temperature", field(12), {"crs": "+proj=ortho +lat_0=-38 +lon_0=-81"}, "coordinate reference system", "the zones have no place"),
        ("temperature", field(12), {"crs": "+proj=gnom +lat_0=-38 +lon_0=-81"}, "coordinate reference system", "the zones have no place"),
    ],
)
def test_rasters_that_cannot_be_used(tmp_path, variable, bands, more, field_says, says):
    raster(tmp_path / "r2024.tif", bands, **more)
    with pytest.raises(BadInput) as caught:
        read_rasters(variable, str(tmp_path / "r{year}.tif"), PIT, [2024])
    assert caught.value.where.endswith("r2024.tif")
    assert field_says in caught.value.field
    assert says in str(caught.value)


def test_a_zone_that_a_crs_shows_in_part_is_refused(tmp_path):
    """The pit lies on the far side of the circle that an orthographic map shows, the other zone on the near side; and one lies across it."""
    raster(tmp_path / "r2024.tif", field(12), crs="+proj=ortho +lat_0=0 +lon_0=9.3", west=-7e6, north=7e6, cell=3e6)
    for shape in (box(99.25, 0.5, 99.35, 0.6), box(98.0, 0.5, 100.0, 0.6)):
        with pytest.raises(BadInput, match="the zones have no place"):
            read_rasters("temperature", str(tmp_path / "r{year}.tif"), zones_of({"near": box(20, 1, 20.1, 1.1), "pit": shape}), [2024])


def test_complex_integers_are_refused(tmp_path):
    """A TIFF of 32-bit integers whose tag SampleFormat (339) then says complex integers (5), of two 16-bit numbers each."""
    path = raster(tmp_path / "r2024.tif", field(12), dtype=np.int32)
    data = bytearray(path.read_bytes())
    start, wide = int.from_bytes(data[4:8], "little"), 12 * 2
    entries = range(start + 2, start + 2 + 12 * int.from_bytes(data[start : start + 2], "little"), 12)
    (entry,) = (e for e in entries if int.from_bytes(data[e : e + 2], "little") == 339)
    values = int.from_bytes(data[entry + 8 : entry + 12], "little")
    data[values : values + wide] = (5).to_bytes(2, "little") * 12
    path.write_bytes(data)
    with pytest.raises(BadInput, match="complex_int16") as caught:
        read_rasters("precipitation", str(tmp_path / "r{year}.tif"), PIT, [2024])
    assert caught.value.where == str(path)


@pytest.mark.parametrize(("scale", "offset"), [(0.0, 0.0), (0.0, 5.0), (math.nan, 0.0), (math.inf, 0.0), (1.0, math.nan), (1.0, -math.inf)])
def test_scales_that_leave_no_value_are_refused(tmp_path, scale, offset):
    path = raster(tmp_path / "r2024.tif", field(12))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = [1.0] * 11 + [scale], [0.0] * 11 + [offset]
    with pytest.raises(BadInput) as caught:
        read_rasters("precipitation", str(tmp_path / "r{year}.tif"), PIT, [2024])
    assert (caught.value.where, caught.value.field) == (str(path), "band 12, scale and offset")
    assert caught.value.found == f"scale {scale:g}, offset {offset:g}"


def test_a_desert_has_a_way_out_of_likely_metres(tmp_path):
    """What the message proposes is taken: a longer record with one month of 0.5 mm, or days of which one has 0.1 mm."""
    months = "date,value\n2021-07,0.4\n2021-08,0\n"
    with pytest.raises(BadInput) as caught:
        read_climate("precipitation", str(written(tmp_path / "a.csv", months)), PIT, SUMMER, [2021], None)
    assert "where it is so dry, give daily values, or more years" in caught.value.fix
    longer = read_climate("precipitation", str(written(tmp_path / "b.csv", months + "1998-07,3.2\n")), PIT, SUMMER, [2021], None)
    assert longer.of("pit")[date(2021, 7, 1)] == 0.4
    days = "".join(f"{date(2021, 7, 1) + timedelta(days=i)},{0.4 if i == 9 else 0}\n" for i in range(62))
    assert sum(read_climate("precipitation", str(written(tmp_path / "c.csv", "date,value\n" + days)), PIT, SUMMER, [2021], None).of("pit").values()) == 0.4


def test_rasters_of_days_of_which_no_season_is_whole_or_in_metres(tmp_path):
    values = np.full((365, 6, 5), -99.0)
    values[::16] = 3
    raster(tmp_path / "r2021.tif", values)
    with pytest.raises(BadInput, match="4 of 62 days at most in a season") as caught:
        read_climate("precipitation", str(tmp_path / "r{year}.tif"), PIT, SUMMER, [2021], None)
    assert "12 bands" in caught.value.fix
    raster(tmp_path / "r2021.tif", field(365) / 1001)
    with pytest.raises(BadInput, match="likely metres"):
        read_climate("precipitation", str(tmp_path / "r{year}.tif"), PIT, SUMMER, [2021], None)


def test_no_raster_of_any_year_and_two_resolutions(tmp_path):
    with pytest.raises(BadInput, match="no file of 2023 to 2024"):
        read_rasters("precipitation", str(tmp_path / "r{year}.tif"), PIT, [2023, 2024])
    raster(tmp_path / "r2023.tif", field(12))
    raster(tmp_path / "r2024.tif", field(366))
    with pytest.raises(BadInput, match="months or days, as in the years before"):
        read_rasters("precipitation", str(tmp_path / "r{year}.tif"), PIT, [2023, 2024])
    with pytest.raises(BadInput, match="no value in the season of 2022"):
        read_climate("precipitation", str(tmp_path / "r{year}.tif"), PIT, SUMMER, [2022, 2023], None)
    (tmp_path / "r2023.tif").write_text("<VRTDataset/>")
    with pytest.raises(BadInput, match="not a readable GeoTIFF"):
        read_rasters("precipitation", str(tmp_path / "r{year}.tif"), PIT, [2023])


def test_the_made_weather_has_the_planted_sums(tmp_path):
    """Precipitation of July and August is the normal of the two months times the year's wetness; days above 0 degC by counting lines."""
    synthetic_site.generate(ROOT / "aoi" / "jiangcang.geojson", tmp_path)
    truth = json.loads((tmp_path / "truth_site.json").read_text(encoding="utf-8"))["weather"]
    years = list(map(int, truth["wetness"]))
    weather = [read_climate(name, str(tmp_path / f"{name}.csv"), PIT, SUMMER, years, (years[0], years[-1])) for name in ("precipitation", "temperature")]
    rows = climate_rows({}, "pit", weather, SUMMER, years, None)
    amounts = {name: [r["amount"] for r in rows if r["quantity"] == name] for name in ("precipitation", "days_above_0")}
    normal = sum(truth["normal_mm"][6:8])
    assert amounts["precipitation"] == pytest.approx([normal * wet for wet in truth["wetness"].values()], abs=0.11)  # whole tenths of mm a month
    lines = [line.split(",") for line in (tmp_path / "temperature.csv").read_text(encoding="utf-8").split()[1:]]
    above = [sum(day[:4] == str(year) and day[5:7] in ("07", "08") and float(value) > 0 for day, value in lines) for year in years]
    assert amounts["days_above_0"] == above
    assert set(above) == {61, 62}
    (wettest,) = [r["year"] for r in rows if r["quantity"] == "precipitation" and r["weather_rank"] == 1]
    assert wettest == 2021


# The key


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "neither precipitation nor temperature"),
        ({"baseline": [1990, 2000]}, "neither precipitation nor temperature"),
        ({"precipitation": "rain.nc"}, "expected one .csv"),
        ({"precipitation": "rain_{year}.csv"}, "expected one .csv"),
        ({"temperature": "t.tif"}, "lacks the year"),
        ({"temperature": "/vsicurl/http://x/{year}.tif"}, "file on disk"),
        ({"precipitation": "rain.csv", "baseline": [2000, 2000]}, "first before the last"),
    ],
)
def test_keys_that_are_refused(given, says):
    with pytest.raises(ValueError, match=says):
        Climate.model_validate_json(json.dumps(given))


def test_forms_of_the_key():
    assert Climate(precipitation="a.csv").sources == {"precipitation": "a.csv"}
    assert Climate(temperature="synthetic", precipitation="r/{year}.TIF").sources == {"precipitation": "r/{year}.TIF", "temperature": "synthetic"}
