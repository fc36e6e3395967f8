# Minegreen: from a mine's images to area-by-trend-class tables. `snakemake --cores 8` runs every mine in configs/.
from snakemake.utils import min_version

min_version("9.0")


include: "rules/common.smk"


rule all:
    default_target: True
    input:
        PLAN.targets(),
    message:
        "all results are there"


include: "rules/cover.smk"
include: "rules/trend.smk"
include: "rules/evaluations.smk"
include: "rules/products.smk"


onstart:
    start()


onsuccess:
    ENDED.append("done")


onerror:
    sys.exit(3)
