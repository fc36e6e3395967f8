# From NDVI and the endmembers to trend and trend classes. Outputs cannot depend on a mine, so there is a rule for whatever is tested in any.
for WANTED in TESTED:

    rule:
        name:
            "trend_" + named_by(WANTED)
        input:
            aoi=aoi_of,
            scenes=R + "/{mine}/{sensor}/scenes.json",
            ndvi=ndvi_tested_of,
            endmembers=R + "/{mine}/{sensor}/endmembers.json",
        output:
            per_period(WANTED, "{trend}_{period}.tif", "{trend}_{period}.qml"),
        log:
            R + "/{mine}/logs/{sensor}/trend.log",
        benchmark:
            R + "/{mine}/logs/{sensor}/trend.tsv"
        wildcard_constraints:
            mine=mines_with(WANTED),
        threads: threads_of
        params:
            config=config_of,
            options=options_of("trend"),
            code=code("trend"),
            results=R,
        message:
            "{wildcards.mine}, {wildcards.sensor}: trend of every period"
        shell:
            "minegreen trend {params.config:q} --sensor {wildcards.sensor:q}"
            " --results {params.results:q} --threads {threads} --log {log:q}"

    rule:
        name:
            "classes_" + named_by(WANTED)
        input:
            aoi=aoi_of,
            scenes=R + "/{mine}/{sensor}/scenes.json",
            trends=trends_of,
            water=water_of_all_years,
        output:
            per_period(
                WANTED,
                "{trend}_class_{period}.tif",
                "{trend}_class_{period}.qml",
                "{trend}_q_{period}.tif",
                "{trend}_q_{period}.qml",
            ),
        log:
            R + "/{mine}/logs/{sensor}/classes.log",
        benchmark:
            R + "/{mine}/logs/{sensor}/classes.tsv"
        wildcard_constraints:
            mine=mines_with(WANTED),
        threads: threads_of
        params:
            config=config_of,
            options=options_of("classes"),
            code=code("classes"),
            results=R,
        message:
            "{wildcards.mine}, {wildcards.sensor}: trend classes of every period"
        shell:
            "minegreen classes {params.config:q} --sensor {wildcards.sensor:q}"
            " --results {params.results:q} --threads {threads} --log {log:q}"
