# From images to NDVI and cover.


rule synthetic:
    input:
        aoi=aoi_of,
    output:
        catalog=R + "/{mine}/synthetic/items.json",
        scenes=directory(R + "/{mine}/synthetic/scenes"),
        truth=R + "/{mine}/synthetic/truth.json",
    log:
        R + "/{mine}/logs/synthetic.log",
    benchmark:
        R + "/{mine}/logs/synthetic.tsv"
    threads: THREADS
    params:
        config=config_of,
        options=options_of("synthetic"),
        code=code("synthetic"),
        results=R,
    message:
        "{wildcards.mine}: write the synthetic mine (planted truth, not observed)"
    shell:
        "minegreen synthetic {params.config:q} --results {params.results:q} --threads {threads} --log {log:q}"


rule synthetic_coarser:
    input:
        aoi=aoi_of,
    output:
        catalog=R + "/{mine}/synthetic/items_{kind}.json",
        scenes=directory(R + "/{mine}/synthetic/scenes_{kind}"),
        truth=R + "/{mine}/synthetic/truth_{kind}.json",
    log:
        R + "/{mine}/logs/synthetic_{kind}.log",
    benchmark:
        R + "/{mine}/logs/synthetic_{kind}.tsv"
    wildcard_constraints:
        kind="landsat|modis",
    params:
        config=config_of,
        options=options_of("synthetic"),
        code=code("synthetic"),
        results=R,
    message:
        "{wildcards.mine}: write the synthetic mine as {wildcards.kind} sees it (planted truth, not observed)"
    shell:
        "minegreen synthetic {params.config:q} --kind {wildcards.kind:q} --results {params.results:q} --log {log:q}"


rule synthetic_history:
    input:
        aoi=aoi_of,
    output:
        catalog=R + "/{mine}/synthetic/items_history.json",
        scenes=directory(R + "/{mine}/synthetic/scenes_history"),
        truth=R + "/{mine}/synthetic/truth_history.json",
    log:
        R + "/{mine}/logs/synthetic_history.log",
    benchmark:
        R + "/{mine}/logs/synthetic_history.tsv"
    threads: THREADS
    params:
        config=config_of,
        options=options_of("synthetic"),
        code=code("synthetic"),
        results=R,
    message:
        "{wildcards.mine}: write the history 2002-2022 of the synthetic mine (planted truth, not observed)"
    shell:
        "minegreen synthetic {params.config:q} --kind history --results {params.results:q} --threads {threads} --log {log:q}"


# Runs only where a config takes weather or relief from the synthetic mine.
rule synthetic_site:
    input:
        aoi=aoi_of,
    output:
        precipitation=R + "/{mine}/synthetic/precipitation.csv",
        temperature=R + "/{mine}/synthetic/temperature.csv",
        dem=R + "/{mine}/synthetic/dem.tif",
        truth=R + "/{mine}/synthetic/truth_site.json",
    log:
        R + "/{mine}/logs/synthetic_site.log",
    benchmark:
        R + "/{mine}/logs/synthetic_site.tsv"
    params:
        config=config_of,
        options=options_of("synthetic"),
        code=code("synthetic"),
        results=R,
    message:
        "{wildcards.mine}: write weather and relief of the synthetic mine (planted truth, not observed)"
    shell:
        "minegreen synthetic {params.config:q} --kind site --results {params.results:q} --log {log:q}"


rule search:
    input:
        aoi=aoi_of,
    output:
        found=R + "/{mine}/{sensor}/items.json",
    log:
        R + "/{mine}/logs/{sensor}/search.log",
    benchmark:
        R + "/{mine}/logs/{sensor}/search.tsv"
    wildcard_constraints:
        mine=searched(),
    params:
        config=config_of,
        options=options_of("search"),
        code=code("search"),
        results=R,
    message:
        "{wildcards.mine}, {wildcards.sensor}: search the catalogue and pin its items"
    shell:
        "minegreen search {params.config:q} --sensor {wildcards.sensor:q} --results {params.results:q} --log {log:q}"


rule scenes:
    input:
        aoi=aoi_of,
        images=images_of,
    output:
        scenes=R + "/{mine}/{sensor}/scenes.json",
        ledger=R + "/{mine}/{sensor}/ledger.csv",
    log:
        R + "/{mine}/logs/{sensor}/scenes.log",
    benchmark:
        R + "/{mine}/logs/{sensor}/scenes.tsv"
    params:
        config=config_of,
        options=options_of("scenes"),
        code=code("scenes"),
        results=R,
    message:
        "{wildcards.mine}, {wildcards.sensor}: pin the images and the grid"
    shell:
        "minegreen scenes {params.config:q} --sensor {wildcards.sensor:q} --results {params.results:q} --log {log:q}"


# On a large grid, or over a network, a job composes one year; on a small one all years, as starting a process takes longer than a year.
for KIND, SPAN, MONTH in product(KINDS, (None, *SPANS), MONTHS):

    rule:
        name:
            "_".join([KIND, *map(str, SPAN or ()), *(f"m{m:02d}" for m in MONTH)])
        input:
            aoi=[] if KIND == "prepared" else aoi_of,
            scenes=R + "/{mine}/{sensor}/scenes.json",
            images=image_of_year if SPAN is None else images_of,
        output:
            composed(KIND, SPAN, MONTH),
        log:
            R + "/{mine}/logs/{sensor}/" + log_of_composite(SPAN) + ".log",
        benchmark:
            R + "/{mine}/logs/{sensor}/" + log_of_composite(SPAN) + ".tsv"
        wildcard_constraints:
            mine=only(KIND, SPAN, MONTH),
        threads: threads_of
        params:
            config=config_of,
            options=options_of("composite"),
            code=code("composite"),
            results=R,
            chosen=year_of,
        message:
            "{wildcards.mine}, {wildcards.sensor}: NDVI "
            + ("{wildcards.year}" if SPAN is None else "of every year")
            + (", of its months" if MONTH else "")
            + (", and under variants" if KIND == "composite_varied" else "")
        # The command is put together when a job starts, by when the variables of the loop are those of the last rule.
        shell:
            "minegreen composite {params.config:q} --sensor {wildcards.sensor:q} {params.chosen:q}"
            " --results {params.results:q} --threads {threads} --log {log:q}"


rule endmembers:
    input:
        aoi=aoi_of,
        ndvi=ndvi_of_all_years,
        fixed=fixed_pair_of,
    output:
        endmembers=R + "/{mine}/{sensor}/endmembers.json",
    log:
        R + "/{mine}/logs/{sensor}/endmembers.log",
    benchmark:
        R + "/{mine}/logs/{sensor}/endmembers.tsv"
    threads: threads_of
    params:
        config=config_of,
        options=options_of("endmembers"),
        code=code("endmembers"),
        results=R,
    message:
        "{wildcards.mine}, {wildcards.sensor}: one endmember pair for all years"
    shell:
        "minegreen endmembers {params.config:q} --sensor {wildcards.sensor:q} --results {params.results:q}"
        " --threads {threads} --log {log:q}"


# Outputs cannot depend on a mine, so there is a rule for each span of years.
for FIRST, LAST in SPANS:

    rule:
        name:
            f"fvc_{FIRST}_{LAST}"
        input:
            scenes=R + "/{mine}/{sensor}/scenes.json",
            ndvi=ndvi_of_all_years,
            endmembers=R + "/{mine}/{sensor}/endmembers.json",
        output:
            [
                R + f"/{{mine}}/{{sensor}}/fvc_{year}.{kind}"
                for year in range(FIRST, LAST + 1)
                for kind in ("tif", "qml")
            ],
        log:
            R + "/{mine}/logs/{sensor}/fvc.log",
        benchmark:
            R + "/{mine}/logs/{sensor}/fvc.tsv"
        wildcard_constraints:
            mine=mines_of(FIRST, LAST),
        threads: threads_of
        params:
            config=config_of,
            options=options_of("fvc"),
            code=code("fvc"),
            results=R,
        message:
            "{wildcards.mine}, {wildcards.sensor}: cover of every year"
        shell:
            "minegreen fvc {params.config:q} --sensor {wildcards.sensor:q}"
            " --results {params.results:q} --threads {threads} --log {log:q}"
