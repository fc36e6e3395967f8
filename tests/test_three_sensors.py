"""The default run: one planted ground seen by Sentinel-2, Landsat and MODIS, each with its own scenes, on one scale of cover."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from conftest import ONE_SENSOR
from running import ROOT

from pipeline.evaluation.records import EVALUATIONS
from pipeline.planted import YEARS, ZONES

SENSORS = ("sentinel-2", "landsat", "modis")


@pytest.fixture(scope="module")
def root(three_sensors):
    return three_sensors.results / "jiangcang"


def table(root, sensor, name):
    found = pd.read_csv(root / sensor / f"{name}.csv")
    return found[found["target"] == "absolute"] if "target" in found else found


def truth(root, sensor):
    name = "truth.json" if sensor == "sentinel-2" else f"truth_{sensor}.json"
    return json.loads((root / "synthetic" / name).read_text(encoding="utf-8"))


def items(root, sensor):
    name = "items.json" if sensor == "sentinel-2" else f"items_{sensor}.json"
    return json.loads((root / "synthetic" / name).read_text(encoding="utf-8"))["features"]


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def covers(root, sensor):
    """Return (zone, year, mean) of every row, all of them known."""
    rows = table(root, sensor, "fvc_by_zone")
    assert len(rows) == len(ZONES) * len(YEARS) and rows["fvc_mean"].notna().all()
    return list(rows[["zone", "year", "fvc_mean"]].itertuples(index=False, name=None))


def test_one_pair_of_endmembers_for_all_sensors(root):
    pairs = [json.loads((root / sensor / "endmembers.json").read_text(encoding="utf-8")) for sensor in SENSORS]
    assert len({(p["soil_ndvi"], p["vegetation_ndvi"]) for p in pairs}) == 1


def test_landsat_finds_the_planted_cover_of_every_zone_and_year(root):
    worst = 0.0
    for zone, year, mean in covers(root, "landsat"):
        planted = ZONES[zone].means[YEARS.index(year)]
        print(f"landsat {zone} {year}: {mean:.4f}, planted {planted:.4f}, difference {mean - planted:+.4f}")
        worst = max(worst, abs(mean - planted))
    print(f"largest difference: {worst:.4f}")
    assert worst < 0.02


def test_modis_finds_the_planted_cover_of_its_cells(root):
    """A cell of 231 m on the outline shows both sides: small zones are compared with the truth on these cells, large ones also with the zone's own."""
    planted, worst, large = truth(root, "modis")["zones"], 0.0, 0.0
    for zone, year, mean in covers(root, "modis"):
        own, on_grid = ZONES[zone].means[YEARS.index(year)], planted[zone]["fvc_mean_on_grid"][str(year)]
        print(f"modis {zone} {year}: {mean:.4f}, planted on its cells {on_grid:.4f} ({mean - on_grid:+.4f}), in the zone {own:.4f} ({mean - own:+.4f})")
        worst = max(worst, abs(mean - on_grid))
        if zone in ("Pit No. 4", "Pit No. 5", "Background"):
            large = max(large, abs(mean - own))
    print(f"largest difference: {worst:.4f} on its cells; {large:.4f} from the zone's own mean in pits No. 4 and No. 5 and the background")
    assert worst < 0.03 and large < 0.03


def test_no_zone_is_large_enough_for_classes_of_modis_and_the_table_still_sums(root):
    rows, other = table(root, "modis", "trend_area_by_zone"), table(root, "sentinel-2", "trend_area_by_zone")
    assert (rows.loc[rows["code"] != 98, "area_km2"].fillna(0) == 0).all()
    key = ["zone", "first_year"]
    assert rows.groupby(key)["area_km2"].sum().to_numpy() == pytest.approx(other.groupby(key)["area_km2"].sum().to_numpy(), rel=1e-5)
    assert (table(root, "landsat", "trend_area_by_zone").query("code == 98")["area_km2"] == 0).all()


def test_every_listed_asset_is_in_the_ledger(root):
    for sensor in SENSORS:
        listed, ledger = items(root, sensor), table(root, sensor, "ledger")
        assert set(zip(ledger["item"], ledger["asset"], strict=True)) == {(i["id"], a) for i in listed for a in i["assets"]}
        assert len(ledger) == sum(len(i["assets"]) for i in listed)
        print(sensor, Counter(ledger["status"]), Counter(ledger["reason"].dropna()))
    dropped = table(root, "landsat", "ledger").query("status == 'dropped'")
    cloudy = {i["id"] for i in items(root, "landsat") if i["properties"]["eo:cloud_cover"] > 80}
    assert set(dropped["item"]) == cloudy and len(cloudy) == 2


def test_no_landsat_cell_has_more_clear_dates_than_its_bits_allow(root):
    """The software also takes out 40 m around clouds and shadows, and what is too dark."""
    for year in (2020, 2022):
        with rasterio.open(root / "landsat" / f"clear_{year}.tif") as dataset:
            found, bounds = dataset.read(1), dataset.bounds
            assert (bounds.left % 30, bounds.top % 30) == (15, 15)  # the scenes' own cells, nothing is resampled
            shape = dataset.shape
        days = {}
        for item in items(root, "landsat"):
            if not item["properties"]["datetime"].startswith(str(year)) or item["properties"]["eo:cloud_cover"] > 80:
                continue
            q, s = (read(root / "synthetic" / item["assets"][k]["href"]) for k in ("qa_pixel", "qa_radsat"))
            wrong = 0b1100 if item["properties"]["platform"] == "landsat-7" else 0b11000
            clear = (q & 0b01111111 == 0b01000000) & (s & wrong == 0)  # bit 6 is set where neither cloud nor dilated cloud; bit 7 is water
            a = item["properties"]["proj:transform"]
            row, col = round((bounds.top - a[5]) / 30), round((a[2] - bounds.left) / 30)
            whole = days.setdefault(item["properties"]["datetime"][:10], np.zeros(shape, bool))
            for (r, c), value in np.ndenumerate(clear):
                if value and 0 <= r + row < shape[0] and 0 <= c + col < shape[1]:
                    whole[r + row, c + col] = True
        most = np.sum(list(days.values()), axis=0)
        assert (found <= most).all()
        assert found.sum() > 0.75 * most.sum()
        print(f"{year}: {found.mean():.2f} clear dates a cell, at most {most.mean():.2f} by the bits alone")


def test_modis_stays_on_its_own_cells_and_days(root):
    with rasterio.open(root / "modis" / "ndvi_2022.tif") as dataset:
        assert "+proj=sinu" in dataset.crs.to_proj4()
        a = truth(root, "modis")["grid"]["transform"]
        for edge, own in ((dataset.transform.c, a[2]), (dataset.transform.f, a[5])):
            assert (edge - own) / a[0] == pytest.approx(round((edge - own) / a[0]), abs=1e-6)
    days = read(root / "modis" / "doy_2022.tif")
    inside = days[np.isfinite(days)]
    assert inside.min() >= 182 and inside.max() <= 243 and len(np.unique(inside)) > 100


def test_sentinel_2_alone_gives_the_same(root, jiangcang):
    """The sensors do not touch each other: the shorter config gives the same numbers for Sentinel-2."""
    alone = jiangcang.results / "jiangcang" / "sentinel-2"
    for path in sorted(alone.glob("*.csv")):
        assert path.read_bytes() == (root / "sentinel-2" / path.name).read_bytes(), path.name
    for path in sorted(alone.glob("*_20*.tif")):
        with rasterio.open(path) as first, rasterio.open(root / "sentinel-2" / path.name) as second:
            np.testing.assert_array_equal(first.read(), second.read())


def test_the_shorter_config_is_the_default_less_two_sensors():
    whole, short = (yaml.safe_load(p.read_text(encoding="utf-8")) for p in (ROOT / "configs" / "jiangcang.yaml", ONE_SENSOR))
    assert list(whole["sensors"]) == list(SENSORS)
    for name in ("landsat", "modis"):
        assert whole["sensors"].pop(name)["catalog"] == "synthetic"
    assert whole["fvc"].pop("endmembers_from") == "sentinel-2"
    for key in EVALUATIONS:  # the shorter one is the fast one
        whole.pop(key, None)
    assert {k: v for k, v in whole.items() if k not in ("mine", "title")} == {k: v for k, v in short.items() if k not in ("mine", "title")}


def test_all_three_are_called_synthetic(root):
    for sensor in SENSORS:
        assert "not observed" in truth(root, sensor)["note"]
        for path in (root / sensor).glob("*.tif"):
            with rasterio.open(path) as dataset:
                assert dataset.tags()["source"] == "synthetic", path


def test_the_report_of_three_sensors_stays_below_5_mb(root):
    assert (root / "report.html").stat().st_size <= 5_000_000
