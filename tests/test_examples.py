"""The example configs: each loads, its zones can be used, and what is approximate says so. Their catalogues need the internet."""

import json
from pathlib import Path

import pytest
import yaml

from pipeline.aoi import read_zones
from pipeline.config import load

EXAMPLES = sorted(Path("configs/examples").glob("*.yaml"))
GREAT_MINES = ("huolinhe", "yimin", "yuanbaoshan", "jungar", "pingshuo-antaibao")


@pytest.mark.parametrize("path", [p for p in EXAMPLES if p.stem != "landsat-composites"], ids=lambda p: p.stem)
def test_an_example_loads_with_its_zones(path):
    config = load(path)
    zones = read_zones(config, path)
    assert len(zones.names) >= 2
    assert (zones.frame["geodesic_m2"] > 20_000).all()
    text = path.read_text(encoding="utf-8")
    assert "needs the internet" in text or "synthetic" in text


@pytest.mark.parametrize("name", GREAT_MINES)
def test_the_five_great_mines_are_said_to_be_approximate(name):
    text = Path(f"configs/examples/{name}.yaml").read_text(encoding="utf-8")
    assert "APPROXIMATE" in text
    features = json.loads(Path(f"aoi/{name}.geojson").read_text(encoding="utf-8"))["features"]
    assert all(f["properties"]["note"].startswith("approximate") for f in features)
    assert [f["properties"]["zone"] for f in features] == ["mine", "surroundings"]


def test_the_examples_cover_the_sensors_and_the_long_series():
    content = {p.stem: yaml.safe_load(p.read_text(encoding="utf-8")) for p in EXAMPLES}
    assert set(content["jiangcang-three-sensors"]["sensors"]) == {"sentinel-2", "landsat", "modis"}
    assert content["landsat-2000-2024"]["years"] == {"first": 2000, "last": 2024}
    assert set(GREAT_MINES) < set(content)
    assert len({c["mine"] for c in content.values()}) == len(content)
