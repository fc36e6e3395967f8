# Which mines run, their checked configs, and what the rules ask of them. No science here.
import atexit
import logging
import os
import sys
from itertools import product
from pathlib import Path
from threading import Thread

from pipeline.provenance import code

# A cache of its own for each state of the kernels: compiled code holds constants of other files. Set before numba is imported.
NUMBA = os.path.abspath(f".snakemake/minegreen/numba-{code('warm')}")
os.environ.setdefault("NUMBA_CACHE_DIR", NUMBA)

# Of the C library, for the jobs: memory that an array gave back is used for the next one. By default every large array asks the system for its pages
# anew, which took a tenth of the processor time; one pool for all threads keeps the whole smaller. Other C libraries take no notice.
MALLOC = {
    "MALLOC_ARENA_MAX": 1,
    "MALLOC_MMAP_THRESHOLD_": 32 * 2**20,
    "MALLOC_TRIM_THRESHOLD_": 128 * 2**20,
}
for NAME, VALUE in MALLOC.items():
    os.environ.setdefault(NAME, str(VALUE))

from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.logging import logger

from pipeline import lock, plan
from pipeline.__main__ import main
from pipeline.closing import last_lines
from pipeline.config_months import is_seasonal, months_of
from pipeline.errors import BadInput, RunFault
from pipeline.layout import ABSOLUTE, OBSERVED, ZONE_TABLES
from pipeline.progress import CORES

try:
    PLAN = plan.make(
        [str(p) for p in workflow.config_settings.configfiles],
        workflow.config_settings.config,
    )
except BadInput as error:
    print(f"minegreen: {error}", file=sys.stderr)
    sys.exit(2)
except RunFault as error:
    print(f"minegreen: {error}", file=sys.stderr)
    sys.exit(3)

LOCKS, ENDED = [], []
R = str(PLAN.results)
THREADS = min(8, os.cpu_count() or 1)
os.environ[CORES] = str(workflow.resource_settings.cores or sys.maxsize)
if (
    PLAN.dask
):  # not a parameter of the rules: where blocks run changes no result, so nothing runs again for it
    os.environ["MINEGREEN_DASK"] = PLAN.dask


wildcard_constraints:
    mine="|".join(PLAN.mines),  # run.json of another mine in the folder is an input of the summary, and no job of this run
    sensor="[a-z0-9-]+",
    year=r"\d{4}",


def span_of(mine):
    years = PLAN.config(mine).years
    return years.first, years.last


SPANS = sorted({span_of(mine) for mine in PLAN.mines})
KINDS = ("composite", "composite_varied", "prepared")
MONTHS = sorted(
    {months_of(PLAN.config(mine)) for mine in PLAN.mines}
)  # () of mines without monthly composites


def kind_of(mine, sensor):
    """How NDVI of a sensor is made: from scenes, from scenes under variants too, or of prepared composites."""
    if not PLAN.has_scenes(mine, sensor):
        return "prepared"
    return "composite_varied" if (mine, sensor) in PLAN.varied else "composite"


def only(kind, span, months):
    """Constrain {mine} in paths with {mine}/{sensor}/ to sensors of a kind and these months whose years are composed one by one, or, with their span, together."""
    return among(
        f"{m}/{s}"
        for m in PLAN.mines
        for s in PLAN.config(m).sensors
        if kind_of(m, s) == kind
        and months_of(PLAN.config(m)) == months
        and span == (span_of(m) if (m, s) in PLAN.together else None)
    )


def composed(kind, span, months):
    """What a composite of one year writes, or of every year of a span."""
    years = ["{year}"] if span is None else range(span[0], span[1] + 1)
    seen = [] if kind == "prepared" else OBSERVED
    names = [
        f"{what}_{y}.{end}"
        for y in years
        for what in ("ndvi", *seen)
        for end in ("tif", "qml")
    ]
    names += [
        f"ndvi_{y}-{m:02d}.{end}"
        for y in years
        for m in months
        for end in ("tif", "qml")
    ]
    if kind != "prepared":
        names += [f"zone_by_scene/{y}.json" for y in years]
    if kind == "composite_varied":
        names += [f"sensitivity/ndvi_{y}.tif" for y in years]
    return [f"{R}/{{mine}}/{{sensor}}/{name}" for name in names]


def year_of(wildcards):
    """The option of a job that is of one year."""
    year = getattr(wildcards, "year", None)
    return [] if year is None else ["--year", year]


def log_of_composite(span):
    return "composite_{year}" if span is None else "composite"


def among(pairs):
    """Constrain {mine} in paths with {mine}/{sensor}/ to these pairs."""
    return f"(?=(?:{'|'.join(pairs) or '(?!)'})/)[a-z0-9-]+"


def searched():
    """Constrain {mine} to sensors whose items are found by a search over the network."""
    return among(
        f"{m}/{s}"
        for m in PLAN.mines
        for s, e in PLAN.config(m).sensors.items()
        if e.searched
    )


def mines_of(first, last):
    """Constrain {mine} to the mines of these years."""
    return "|".join(m for m in PLAN.mines if span_of(m) == (first, last))


def tested_of(mine):
    """What is tested: the periods, and of what the trend is, as the names of files say it."""
    config = PLAN.config(mine)
    names = tuple("trend" if t == ABSOLUTE else f"trend_{t}" for t in config.targets)
    return tuple(f"{a}-{b}" for a, b in config.periods), names


TESTED = sorted({tested_of(mine) for mine in PLAN.mines})


def mines_with(tested):
    """Constrain {mine} to the mines where this is tested."""
    return "|".join(m for m in PLAN.mines if tested_of(m) == tested)


def per_period(tested, *names):
    """What a job writes of everything that is tested."""
    return [
        f"{R}/{{mine}}/{{sensor}}/{name.format(trend=trend, period=period)}"
        for period, trend in product(*tested)
        for name in names
    ]


def named_by(tested):
    """A name for the rule of what is tested: its periods, and whether nothing is relative to a reference."""
    periods, names = tested
    alone = ("absolute",) if len(names) == 1 else ()
    return "_".join([*alone, *periods]).replace("-", "_")


def threads_of(wildcards):
    """One on a small grid, where most of the time goes into the start of a process: jobs then run side by side instead."""
    return 1 if (wildcards.mine, wildcards.sensor) in PLAN.small else THREADS


def config_of(wildcards):
    return PLAN.config_path(wildcards.mine)


def options_of(stage):
    def stamp(wildcards):
        return PLAN.stamp(stage, wildcards.mine, getattr(wildcards, "sensor", None))

    return stamp


def aoi_of(wildcards):
    return PLAN.config(wildcards.mine).aoi.path


def images_of(wildcards):
    return PLAN.images(wildcards.mine, wildcards.sensor)


def image_of_year(wildcards):
    return PLAN.images(wildcards.mine, wildcards.sensor, int(wildcards.year))


def ndvi_of_all_years(wildcards):
    years = PLAN.config(wildcards.mine).all_years
    return [PLAN.folder(wildcards.mine, wildcards.sensor).ndvi(y) for y in years]


def ndvi_tested_of(wildcards):
    """The NDVI whose trend is tested, and that of the years, which says what is seen of a reference."""
    folder, config = PLAN.folder(wildcards.mine, wildcards.sensor), PLAN.config(
        wildcards.mine
    )
    months = months_of(config) if is_seasonal(config) else ()
    monthly = [folder.ndvi(y, m) for y in config.all_years for m in months]
    return [*ndvi_of_all_years(wildcards), *monthly]


def fixed_pair_of(wildcards):
    """The pair that is not found in the sensor's own images: of a file, or of another sensor of the mine."""
    config = PLAN.config(wildcards.mine)
    lender = config.pair_of(wildcards.sensor)
    if lender is not None:
        return PLAN.folder(wildcards.mine, lender).endmembers
    return [] if config.fvc.endmembers is None else config.fvc.endmembers


def parts_of(wildcards):
    years = PLAN.config(wildcards.mine).all_years
    folder = PLAN.folder(wildcards.mine, wildcards.sensor)
    return [folder.zone_by_scene(year) for year in years]


def parts_of_scenes(wildcards):
    """What tells the clearest day where the images are scenes."""
    scenes = PLAN.has_scenes(wildcards.mine, wildcards.sensor)
    return parts_of(wildcards) if scenes else []


def observed_of(wildcards):
    """What the tables need beside NDVI where the images are scenes."""
    if not PLAN.has_scenes(wildcards.mine, wildcards.sensor):
        return []
    years = PLAN.config(wildcards.mine).all_years
    folder = PLAN.folder(wildcards.mine, wildcards.sensor)
    rasters = [folder.observed(what, year) for what in OBSERVED for year in years]
    return [*rasters, *parts_of(wildcards)]


def varied_of(wildcards):
    """The composites under variants, where there are any."""
    if (wildcards.mine, wildcards.sensor) not in PLAN.varied:
        return []
    years = PLAN.config(wildcards.mine).all_years
    return [PLAN.folder(wildcards.mine, wildcards.sensor).variants(y) for y in years]


def water_of_all_years(wildcards):
    """What the classes need beside the trend where the images are scenes."""
    if not PLAN.has_scenes(wildcards.mine, wildcards.sensor):
        return []
    folder = PLAN.folder(wildcards.mine, wildcards.sensor)
    return [folder.observed("water", y) for y in PLAN.config(wildcards.mine).all_years]


def trends_of(wildcards):
    folder = PLAN.folder(wildcards.mine, wildcards.sensor)
    config = PLAN.config(wildcards.mine)
    return [folder.trend(*t) for t in product(config.periods, config.targets)]


def classes_of(wildcards):
    folder = PLAN.folder(wildcards.mine, wildcards.sensor)
    config = PLAN.config(wildcards.mine)
    return [folder.classes(*t) for t in product(config.periods, config.targets)]


def zone_tables_of(wildcards):
    """The tables of every sensor that the zones file takes its results from."""
    sensors = PLAN.config(wildcards.mine).sensors
    folders = [PLAN.folder(wildcards.mine, sensor) for sensor in sensors]
    return [folder.table(name) for folder in folders for name in ZONE_TABLES]


def scenes_of(wildcards):
    sensors = PLAN.config(wildcards.mine).sensors
    return [PLAN.folder(wildcards.mine, sensor).scenes for sensor in sensors]


def products_of(wildcards):
    return PLAN.products(wildcards.mine)


def reported_of(wildcards):
    return PLAN.reported(wildcards.mine)


def tables_of(wildcards):
    return PLAN.tables(wildcards.mine)


def manifests_of_all(wildcards):
    return PLAN.manifests()


def start():
    """Lock the results folders, and have the kernels compiled."""
    try:
        LOCKS.extend(lock.acquire(PLAN.results / mine) for mine in PLAN.mines)
    except BadInput as error:
        print(f"minegreen: {error}", file=sys.stderr)
        sys.exit(2)
    compile_kernels()


def compile_kernels():
    """Compile the kernels once, beside the jobs that need none; those that do wait for the lock that is held meanwhile."""
    cache = Path(os.environ["NUMBA_CACHE_DIR"])
    marker = cache / "compiled.txt"
    if marker.exists():
        return
    os.environ[lock.COMPILING] = str(cache)
    try:
        held = lock.acquire(cache)
    except BadInput:  # another run compiles them
        return

    def work():
        with held:
            main(["warm", str(marker)])

    print("minegreen: compile the kernels, once", file=sys.stderr)
    Thread(target=work, daemon=True).start()


class NothingToDo(logging.Handler):
    """Sees Snakemake say that nothing had to be done: it calls no hook then."""

    def emit(self, record):
        if record.getMessage() == NOTHING_TO_BE_DONE_MSG:
            ENDED.append("nothing to do")


def finish():
    """Name what to open, below Snakemake's own last lines, whether something had to be done or not."""
    if ENDED:
        for line in last_lines(PLAN.results, list(PLAN.mines)):
            print(f"minegreen: {line}", file=sys.stderr)


logger.addHandler(NothingToDo())
atexit.register(finish)
