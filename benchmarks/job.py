"""The whole job, scenes to trend classes, against decoding the same bytes once: equality first, then interleaved rounds.

Run `python benchmarks/job.py` (`--small`: seconds, for a test). Data, made on the spot in a temporary folder and removed: 5 years x 12 dates of red
and NIR (uint16) and a mask (uint8), 2000 x 2000, ZSTD, tiles of 512: 1.2 GB decoded. Ours: composites (mask dilated by 40 m, median), endmembers,
cover, trend with exact p, classes, from files in the page cache to arrays in memory. Decoding: the fastest of two ways to read the same files with
rasterio, on as many threads, in turn with ours in one process. Both sides fill arrays that were filled before, with the same small cache of GDAL. Peak
memory is that of the process after it did ours once with new arrays, and nothing else. The peer is the same job as a user would write it with
rioxarray, Dask and pymannkendall, sampled and extrapolated. Prints one Markdown table.
"""

from __future__ import annotations

import argparse
import json
import statistics as stats
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import dask
import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from pipeline import blockwise, composite, crosscheck, tiling
from pipeline.classes import legend, limits
from pipeline.composite import DTYPES
from pipeline.config import Config
from pipeline.cover import pooled_percentiles
from pipeline.endmembers import Endmembers
from pipeline.handles import close_idle
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.pixels import clamped_cover, classify
from pipeline.scenes import Layer, Scene
from pipeline.stages.classes import WATER_CODE
from pipeline.trend import annual_statistics
from pipeline.writer import CACHE_BYTES, Band, RasterSpec, raster_target

ROUNDS, BLOCK, WINDOW, MARGIN, YEARS = 5, 512, 200, 8, list(range(2020, 2025))
READ_CACHE = 2**20  # of GDAL, bytes: each tile is read once, and more was slower on both sides
ROLES = {"red": "B04", "nir": "B08", "mask": "SCL"}
SEASON = {"years": {"first": YEARS[0], "last": YEARS[-1]}, "season": {"start": "06-01", "end": "09-30"}, "fvc": {"region": "grid"}}
CONFIG = {"mine": "benchmark", "aoi": {"path": "none.gpkg"}, "sensors": {"sentinel-2": {"catalog": "none.json"}}} | SEASON


@dataclass(frozen=True)
class Plan:
    """What is made and computed."""

    folder: Path
    size: int
    dates: int
    threads: int

    @property
    def grid(self) -> GeoBox:
        """Return the grid of every image and output."""
        return GeoBox((self.size, self.size), Affine(10, 0, 540_000, 0, -10, 4_210_300), "EPSG:32647")

    @property
    def scenes(self) -> list[Scene]:
        """Return the scenes as the product's `scenes` stage would list them: offset -0.1 from 2022 on."""
        out = []
        for year, date in product(YEARS, range(self.dates)):
            day, offset = f"{year}-{6 + date // 3:02d}-{5 + 10 * (date % 3):02d}", -0.1 if year >= 2022 else 0.0
            layers = {
                role: Layer(asset, str(self.folder / day / f"{asset}.tif"), 1, 0.0001, offset, quality="scl" * (role == "mask"))
                for role, asset in ROLES.items()
            }
            out.append(Scene(f"S2_{day}", f"{day}T04:00:00Z", day, year, 152 + 10 * date, offset, layers))
        return out


def smooth(rng: np.random.Generator, size: int, knots: int) -> np.ndarray:
    """Return a smooth random field (y, x) float32 with ranks between 0 and 1: bilinear between knots."""
    at = np.linspace(0, knots - 1.001, size)
    weights, rows = np.zeros((size, knots), np.float32), np.arange(size)
    weights[rows, at.astype(int)], weights[rows, at.astype(int) + 1] = 1 - at % 1, at % 1
    field = weights @ rng.standard_normal((knots, knots)).astype(np.float32) @ weights.T
    return np.interp(field, np.quantile(field, np.linspace(0, 1, 201)), np.linspace(0, 1, 201)).astype(np.float32)


def make(plan: Plan) -> None:
    """Write the images."""
    rng, shape = np.random.default_rng(11), (plan.size, plan.size)
    land, texture = 0.1 + 0.6 * smooth(rng, plan.size, 24), 0.03 * rng.standard_normal(shape, np.float32)
    rise, lake = 0.03 * (smooth(rng, plan.size, 12) - 0.3), smooth(rng, plan.size, 20) > 0.97
    profile = {"driver": "GTiff", "count": 1, "height": plan.size, "width": plan.size, "crs": str(plan.grid.crs), "transform": plan.grid.affine}
    profile |= {"nodata": 0, "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "ZSTD", "zstd_level": 1}

    def one(scene: Scene, own: np.random.Generator) -> None:
        cloud = smooth(own, plan.size, 30) < own.uniform(0.1, 0.4)
        ndvi = np.where(lake, np.float32(-0.3), land + texture + rise * (scene.year - YEARS[0])) + 0.015 * own.standard_normal(shape, np.float32)
        ndvi, light = np.where(cloud, ndvi / 10, ndvi), np.where(cloud, np.float32(1.2), np.float32(0.45)) + 0.012 * own.standard_normal(shape, np.float32)
        made = {"mask": np.where(cloud, 8, np.where(lake, 6, 4)).astype(np.uint8)}
        for role, sign in (("red", -1), ("nir", 1)):
            made[role] = np.clip(np.rint(5000 * light * (1 + sign * ndvi) - 10_000 * scene.offset), 1, 32767).astype(np.uint16)
        for role, layer in scene.layers.items():
            Path(layer.href).parent.mkdir(parents=True, exist_ok=True)
            with rasterio.open(layer.href, "w", dtype=made[role].dtype, predictor=1 if role == "mask" else 2, **profile) as out:
                out.write(made[role], 1)

    with ThreadPoolExecutor(plan.threads) as pool:
        list(pool.map(one, plan.scenes, rng.spawn(len(plan.scenes))))


def decode(plan: Plan, threads: int, **options: str) -> None:
    """Read every file whole, a thread a file, into one buffer per thread; tile by tile was slower."""

    def part(first: int) -> None:
        buffers = {t: np.empty((plan.size, plan.size), t) for t in ("uint8", "uint16")}
        for path in sorted(plan.folder.glob("*/*.tif"))[first::threads]:
            with rasterio.open(path, sharing=False, **options) as dataset:
                dataset.read(1, out=buffers[dataset.dtypes[0]])

    with rasterio.Env(GDAL_CACHEMAX=READ_CACHE), ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, range(threads)))


DECODERS = {"a thread a file": lambda p: decode(p, p.threads), "GDAL's threads": lambda p: decode(p, 1, NUM_THREADS=str(p.threads))}


def results(plan: Plan) -> dict[str, np.ndarray]:
    """Return arrays for all products."""
    years = {name: (len(YEARS), dtype) for name, dtype in (DTYPES | {"fvc": "float32"}).items()}
    bands = years | {"trend": (len(OUTPUTS), "float32"), "classes": (1, "uint8")}
    return {name: np.empty((count, *plan.grid.shape), dtype) for name, (count, dtype) in bands.items()}


def ours(plan: Plan, out: dict[str, np.ndarray], outputs: Path | None = None) -> Endmembers:
    """Fill `out` with all products, by the functions of the stages; with `outputs` also write and verify each as a GeoTIFF."""
    config, grid, times = Config.model_validate_json(json.dumps(CONFIG)), plan.grid, np.array(YEARS, np.float64)
    trend, how = config.trend, composite.recipe(config, "sentinel-2", 10.0)
    rules = limits(trend.scheme, trend.alpha.slight, trend.alpha.significant, trend.alpha.extreme)

    def view(name: str, at: int, rows: slice, cols: slice) -> np.ndarray:
        return out[name][:, rows, cols] if name in ("trend", "classes") else out[name][at : at + 1, rows, cols]

    def target(name: str, at: int) -> object:
        colours = {c.code: c.rgba for c in legend(trend.scheme)} if name == "classes" else None
        nodata = float("nan") if out[name].dtype.kind == "f" else 0 if colours else None
        bands = tuple(map(Band, OUTPUTS if name == "trend" else (name,)))
        return raster_target(outputs / f"{name}_{at}.tif", grid, RasterSpec(bands, str(out[name].dtype), nodata, {}, colours))

    # Threads of its own, as a thread keeps memory: the product has a process for each stage and year.
    def stage(task: Callable[..., tuple], items: list, shared: tuple, products: list[tuple[str, int]]) -> None:
        with ExitStack() as stack, ThreadPoolExecutor(plan.threads) as pool, dask.config.set(scheduler="threads", pool=pool):
            files = {made: stack.enter_context(target(*made)) for made in products} if outputs else {}

            def place(found: tuple) -> None:
                rows, cols, values = found
                for (name, at), block in values.items():
                    if block is not None:  # None: already in its place
                        view(name, at, rows, cols)[:] = block
                    if outputs:
                        files[name, at].put(rows, cols, view(name, at, rows, cols))

            blockwise.each(task, items, shared, place)
        close_idle()

    def year_block(item: tuple[int, tiling.Block]) -> tuple:
        year, block = item
        at = year - YEARS[0]
        views = {name: view(name, at, block.rows, block.cols)[0] for name in DTYPES}
        direct = all(v.flags.c_contiguous for v in views.values())  # blocks as wide as the grid
        values = composite.compute(block, read[year], grid, how, 0, views if direct else None).values
        return block.rows, block.cols, {(name, at): None if direct else band[None] for name, band in values.items()}

    def trend_block(block: tiling.Block, pair: Endmembers) -> tuple:
        rows, cols = block.rows, block.cols
        ndvi, bands = out["ndvi"][:, rows, cols], out["trend"][:, rows, cols]
        for year, cover in zip(ndvi, out["fvc"][:, rows, cols], strict=True):
            cover[:] = clamped_cover(year, pair.soil, pair.vegetation)
        annual_statistics(ndvi, times, pair, test=trend.test, significance=trend.significance, out=bands)
        slope, p, n = (bands[OUTPUTS.index(name)] for name in ("slope", "p", "n"))
        codes = classify(slope, p, n, min_years=trend.years_needed((YEARS[0], YEARS[-1])), no_change=trend.no_change, **rules)
        wet = 2 * (out["water"][:, rows, cols] >= 0.5).sum(axis=0, dtype=np.uint16) >= len(YEARS)
        return rows, cols, dict.fromkeys(filled) | {("classes", 0): np.where(wet, np.uint8(WATER_CODE), codes)[None]}

    read = {year: tuple(s for s in plan.scenes if s.year == year) for year in YEARS}
    filled = [("trend", 0), *product(["fvc"], range(len(YEARS)))]
    squares = list(tiling.blocks(grid, BLOCK, 64, []))
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES if outputs else READ_CACHE):
        parts = [(year, block) for year in YEARS for block in tiling.blocks(grid, BLOCK, len(read[year]), [], plan.threads)]
        stage(year_block, parts, (), list(product(DTYPES, range(len(YEARS)))))
        with ThreadPoolExecutor(plan.threads) as pool, dask.config.set(scheduler="threads", pool=pool):
            whole = [(out["ndvi"][:, b.rows, b.cols], np.ones(b.shape, bool)) for b in squares]
            found, pooled = pooled_percentiles(whole, (config.fvc.soil.percentile, config.fvc.vegetation.percentile))
        pair = Endmembers(*found, pooled).check()
        stage(trend_block, squares, (pair,), [("classes", 0), *filled])
    return pair


def observed(plan: Plan, year: int, first: int) -> np.ndarray:
    """Return NDVI (dates, y, x) of a window of a year by numpy and scipy: NaN where not clear, -inf on clear water."""
    from scipy.ndimage import distance_transform_edt

    days, inner = [], (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    window = Window(first - MARGIN, first - MARGIN, WINDOW + 2 * MARGIN, WINDOW + 2 * MARGIN)
    for scene in (s for s in plan.scenes if s.year == year):
        read = {}
        for role, layer in scene.layers.items():
            with rasterio.open(layer.href) as dataset:
                read[role] = dataset.read(1, window=window)
        cloud, code = read["mask"] == 8, read["mask"][inner]
        clear = ~(distance_transform_edt(~cloud) <= 4)[inner] if cloud.any() else np.ones(code.shape, bool)
        red, nir = ((read[r][inner].astype(np.float32) + np.float32(scene.offset * 10_000)) * np.float32(0.0001) for r in ("red", "nir"))
        land = clear & (code == 4) & (red > 0) & (nir > 0) & (nir + red >= np.float32(0.04))
        ndvi = np.where(land, (nir - red) / (nir + red), np.float32(np.nan))
        days.append(np.where(clear & (code == 6), np.float32(-np.inf), ndvi))
    return np.stack(days)


def check(plan: Plan, made: dict[str, np.ndarray], pair: Endmembers) -> str:
    """Compare with numpy, scipy and pymannkendall; stop where a number differs. Return what was compared."""
    first = min(450, plan.size - WINDOW - MARGIN)  # across a border of blocks
    good, part = {}, (slice(first, first + WINDOW), slice(first, first + WINDOW))
    for at, year in enumerate(YEARS):
        seen = observed(plan, year, first)
        water, land = np.isneginf(seen).sum(axis=0), np.isfinite(seen).sum(axis=0)
        median = np.nanmedian(np.where(np.isfinite(seen), seen, np.float32(np.nan)), axis=0)
        expected = np.where((land >= 2) & (water < np.maximum(land, 1)), median, np.float32(np.nan))
        good[f"clear {year}"] = np.array_equal(made["clear"][at][part], land + water)
        good[f"NDVI {year}"] = np.array_equal(made["ndvi"][at][part], expected, equal_nan=True)
    soil, vegetation = pair.soil, pair.vegetation
    good["endmembers"] = np.abs(np.array((soil, vegetation)) - np.nanpercentile(made["ndvi"].astype(np.float64), (5, 95))).max() <= 1e-12
    series = (made["ndvi"].astype(np.float64) - soil) / (vegetation - soil)
    good["cover"] = np.array_equal(made["fvc"], np.clip(series, 0, 1).astype(np.float32), equal_nan=True)
    bands = dict(zip(OUTPUTS, made["trend"], strict=True))
    chosen = crosscheck.sample(bands["n"], 2000)
    _, wrong = crosscheck.compare(np.moveaxis(series, 0, -1)[chosen], np.array(YEARS), {k: v[chosen] for k, v in bands.items()}, "auto")
    good["trend"] = not wrong
    codes = 5 + np.sign(bands["slope"]) * (1 + (bands["p"] <= 0.1 + 1e-6) + (bands["p"] <= 0.05 + 1e-6))
    codes = np.where(bands["n"] < 4, 99, np.where(np.abs(bands["slope"]) < 0.0005, 5, codes))
    good["classes"] = np.array_equal(made["classes"][0], np.where((made["water"] >= 0.5).sum(axis=0) * 2 >= len(YEARS), 97, codes))
    if not all(good.values()):
        sys.exit(f"{', '.join(k for k, v in good.items() if not v)}: not as numpy, scipy or pymannkendall say {wrong[:1]}; no speed is claimed")
    return f"{len(YEARS)} x {WINDOW} x {WINDOW} NDVI bit by bit, endmembers, cover and classes of all cells, trends of {len(series[0][chosen]):,} cells"


def peer(plan: Plan, side: int, pixels: int) -> float:
    """Return seconds of the same job as a user would write it; composites on side x side cells and trends of `pixels`, both extrapolated."""
    import pymannkendall
    import rioxarray
    import xarray as xr

    def stack(role: str) -> xr.DataArray:
        layers = [rioxarray.open_rasterio(s.layers[role].href, chunks={"x": BLOCK, "y": BLOCK}).squeeze("band", drop=True) for s in plan.scenes]
        return xr.concat(layers, dim=xr.Variable("time", np.array([s.day for s in plan.scenes], "datetime64[ns]")), join="exact")

    start = time.perf_counter()
    images = [stack(role) for role in ROLES]
    opened, start = time.perf_counter() - start, time.perf_counter()
    red, nir, mask = (v.isel(x=slice(side), y=slice(side)) for v in images)
    offset = xr.Variable("time", np.float32([s.offset for s in plan.scenes]))
    red, nir = (v.astype("float32") * np.float32(0.0001) + offset for v in (red, nir))
    with dask.config.set(scheduler="threads", num_workers=plan.threads):
        annual = ((nir - red) / (nir + red)).where(mask == 4).groupby("time.year").median().compute()
    soil, vegetation = np.nanpercentile(annual, (5, 95))
    fvc = ((annual - soil) / (vegetation - soil)).values.reshape(len(YEARS), -1)
    composed = (time.perf_counter() - start) * (plan.size / side) ** 2
    columns = np.random.default_rng(3).permutation(fvc[:, np.isfinite(fvc).sum(axis=0) >= 3].T)[:pixels]
    return opened + composed + seconds(lambda: [pymannkendall.original_test(c) for c in columns]) * plan.size**2 / pixels


def measure(plan: Plan, decoder: str, rounds: int) -> tuple[float, list[tuple[float, float]]]:
    """Return the peak memory in GB of doing ours once (Linux), then seconds of decoding and ours, in turn.

    Called in a process of its own; its VmHWM is its own, where `ru_maxrss` would start at the parent's memory.
    """
    made = results(plan)
    ours(plan, made)
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024 / 1e9
    return peak, [(seconds(DECODERS[decoder], plan), seconds(ours, plan, made)) for _ in range(rounds)]


def seconds(call: object, *arguments: object) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2, help="of both sides (default: 2)")
    parser.add_argument("--small", action="store_true", help="5 x 3 dates of 600 x 600, one round: shows that it runs, measures nothing")
    given = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)  # of numpy, on pixels without a value
    size, dates, rounds, side, pixels = (600, 3, 1, 150, 100) if given.small else (2000, 12, ROUNDS, 500, 2000)
    with tempfile.TemporaryDirectory(prefix="minegreen-job-") as folder:
        plan = Plan(Path(folder), size, dates, given.threads)
        making = seconds(make, plan)
        stored, decoded = sum(f.stat().st_size for f in plan.folder.glob("*/*.tif")), 5 * len(plan.scenes) * size**2
        made = results(plan)
        compared = check(plan, made, ours(plan, made))
        tried = {name: min(seconds(call, plan) for _ in range(min(3, rounds))) for name, call in DECODERS.items()}
        fastest = min(tried, key=tried.__getitem__)
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            most, pairs = alone.submit(measure, plan, fastest, rounds).result()
        written, other = seconds(ours, plan, made, Path(folder) / "out"), peer(plan, side, pixels)
    (base, own), (theirs, mine) = map(stats.median, zip(*pairs, strict=True)), zip(*pairs, strict=True)
    print(f"| {len(plan.scenes)} dates x {size} x {size}, {given.threads} threads | wall, s (median of {rounds}) | over decoding | peak memory |")
    print("|---|---|---|---|")
    print(f"| decoding the files once: {fastest} | {base:.2f} ({min(theirs):.2f}-{max(theirs):.2f}) | 1 | |")
    print(f"| ours, to arrays in memory | {own:.2f} ({min(mine):.2f}-{max(mine):.2f}) | **{own / base:.2f}** | {most:.2f} GB |")
    print(f"| ours, all outputs written and verified (once) | {written:.2f} | {written / base:.1f} | |")
    print(f"| rioxarray, Dask, pymannkendall, extrapolated | {other:,.0f} | {other / base:,.0f} | |")
    print(f"\nData: {stored / 1e6:,.0f} MB on disk, {decoded / 1e9:.2f} GB decoded, made in {making:.0f} s. Compared before: {compared}.")
    print(f"Decoding, best of {min(3, rounds)}: {', '.join(f'{name} {value:.2f} s' for name, value in tried.items())}.")
    print(f"Extrapolated linearly, opening counted once: composites and cover (mask not dilated) from {side} x {side}, Mann-Kendall from {pixels:,} cells.")


if __name__ == "__main__":
    main()
