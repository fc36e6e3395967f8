# Tables, figures and the manifest. The report does not wait for the figures and takes the processors first (nice).


rule observations:
    input:
        aoi=aoi_of,
        parts=parts_of,
    output:
        multiext(R + "/{mine}/{sensor}/", "zone_by_scene.csv", "masked_by_zone.csv"),
    log:
        R + "/{mine}/logs/{sensor}/observations.log",
    benchmark:
        R + "/{mine}/logs/{sensor}/observations.tsv"
    params:
        config=config_of,
        options=options_of("observations"),
        code=code("observations"),
        results=R,
    message:
        "{wildcards.mine}, {wildcards.sensor}: what each scene showed of each zone"
    shell:
        "minegreen observations {params.config:q} --sensor {wildcards.sensor:q} --results {params.results:q} --log {log:q}"


rule areas:
    input:
        aoi=aoi_of,
        ndvi=ndvi_of_all_years,
        observed=observed_of,
        endmembers=R + "/{mine}/{sensor}/endmembers.json",
        trends=trends_of,
        classes=classes_of,
    output:
        multiext(
            R + "/{mine}/{sensor}/",
            "fvc_by_zone.csv",
            "fvc_change_by_zone.csv",
            "trend_area_by_zone.csv",
            "trend_groups_by_zone.csv",
            "trend_by_zone.csv",
            "reference_by_zone.csv",
        ),
    log:
        R + "/{mine}/logs/{sensor}/areas.log",
    benchmark:
        R + "/{mine}/logs/{sensor}/areas.tsv"
    params:
        config=config_of,
        options=options_of("areas"),
        code=code("areas"),
        results=R,
    message:
        "{wildcards.mine}, {wildcards.sensor}: tables per zone"
    shell:
        "minegreen areas {params.config:q} --sensor {wildcards.sensor:q} --results {params.results:q} --log {log:q}"


rule sensitivity:
    input:
        aoi=aoi_of,
        scenes=R + "/{mine}/{sensor}/scenes.json",
        ndvi=ndvi_of_all_years,
        observed=observed_of,
        varied=varied_of,
        endmembers=R + "/{mine}/{sensor}/endmembers.json",
    output:
        table=R + "/{mine}/{sensor}/sensitivity.csv",
    log:
        R + "/{mine}/logs/{sensor}/sensitivity.log",
    benchmark:
        R + "/{mine}/logs/{sensor}/sensitivity.tsv"
    threads: threads_of
    params:
        config=config_of,
        options=options_of("sensitivity"),
        code=code("sensitivity"),
        results=R,
    message:
        "{wildcards.mine}, {wildcards.sensor}: what holds under variants of the analysis"
    shell:
        "minegreen sensitivity {params.config:q} --sensor {wildcards.sensor:q} --results {params.results:q}"
        " --threads {threads} --log {log:q}"


for WANTED in TESTED:

    rule:
        name:
            "map_" + named_by(WANTED)
        input:
            aoi=aoi_of,
            scenes=R + "/{mine}/{sensor}/scenes.json",
            classes=classes_of,
            areas=R + "/{mine}/{sensor}/trend_area_by_zone.csv",
        output:
            per_period(
                WANTED,
                "{trend}_class_{period}.png",
                "{trend}_area_by_zone_{period}.png",
            ),
        log:
            R + "/{mine}/logs/{sensor}/map.log",
        benchmark:
            R + "/{mine}/logs/{sensor}/map.tsv"
        wildcard_constraints:
            mine=mines_with(WANTED),
        params:
            config=config_of,
            options=options_of("map"),
            code=code("map"),
            results=R,
        message:
            "{wildcards.mine}, {wildcards.sensor}: map and bars of every period"
        shell:
            "nice minegreen map {params.config:q} --sensor {wildcards.sensor:q} --results {params.results:q} --log {log:q}"


rule chart:
    input:
        aoi=aoi_of,
        scenes=R + "/{mine}/{sensor}/scenes.json",
        cover=R + "/{mine}/{sensor}/fvc_by_zone.csv",
    output:
        chart=R + "/{mine}/{sensor}/fvc_by_zone.png",
    log:
        R + "/{mine}/logs/{sensor}/chart.log",
    benchmark:
        R + "/{mine}/logs/{sensor}/chart.tsv"
    params:
        config=config_of,
        options=options_of("chart"),
        code=code("chart"),
        results=R,
    message:
        "{wildcards.mine}, {wildcards.sensor}: chart of cover"
    shell:
        "nice minegreen chart {params.config:q} --sensor {wildcards.sensor:q} --results {params.results:q} --log {log:q}"


# Outputs cannot depend on a mine, so there is a rule for each span of years; all years in one job share their colours.
for FIRST, LAST in SPANS:

    rule:
        name:
            f"previews_{FIRST}_{LAST}"
        input:
            aoi=aoi_of,
            scenes=R + "/{mine}/{sensor}/scenes.json",
            images=images_of,
            parts=parts_of_scenes,
        output:
            [
                R + f"/{{mine}}/{{sensor}}/preview_{year}.png"
                for year in range(FIRST, LAST + 1)
            ],
        log:
            R + "/{mine}/logs/{sensor}/previews.log",
        benchmark:
            R + "/{mine}/logs/{sensor}/previews.tsv"
        wildcard_constraints:
            mine=mines_of(FIRST, LAST),
        params:
            config=config_of,
            options=options_of("previews"),
            code=code("previews"),
            results=R,
        message:
            "{wildcards.mine}, {wildcards.sensor}: the clearest image of each year"
        shell:
            "nice minegreen previews {params.config:q} --sensor {wildcards.sensor:q} --results {params.results:q} --log {log:q}"


rule workbook:
    input:
        tables=tables_of,
    output:
        workbook=R + "/{mine}/tables.xlsx",
    log:
        R + "/{mine}/logs/workbook.log",
    benchmark:
        R + "/{mine}/logs/workbook.tsv"
    params:
        config=config_of,
        options=options_of("workbook"),
        code=code("workbook"),
        results=R,
    message:
        "{wildcards.mine}: all tables as a workbook"
    shell:
        "minegreen workbook {params.config:q} --results {params.results:q} --log {log:q}"


rule zones:
    input:
        aoi=aoi_of,
        tables=zone_tables_of,
    output:
        zones=R + "/{mine}/zones.gpkg",
    log:
        R + "/{mine}/logs/zones.log",
    benchmark:
        R + "/{mine}/logs/zones.tsv"
    params:
        config=config_of,
        options=options_of("zones"),
        code=code("zones"),
        results=R,
    message:
        "{wildcards.mine}: zones with their results"
    shell:
        "minegreen zones {params.config:q} --results {params.results:q} --log {log:q}"


rule project:
    input:
        aoi=aoi_of,
        scenes=scenes_of,
    output:
        project=R + "/{mine}/{mine}.qgz",
    log:
        R + "/{mine}/logs/project.log",
    benchmark:
        R + "/{mine}/logs/project.tsv"
    params:
        config=config_of,
        options=options_of("project"),
        code=code("project"),
        results=R,
    message:
        "{wildcards.mine}: QGIS project"
    shell:
        "minegreen project {params.config:q} --results {params.results:q} --log {log:q}"


rule report:
    input:
        aoi=aoi_of,
        results=reported_of,
    output:
        report=R + "/{mine}/report.html",
    log:
        R + "/{mine}/logs/report.log",
    benchmark:
        R + "/{mine}/logs/report.tsv"
    params:
        config=config_of,
        options=options_of("report"),
        code=code("report"),
        results=R,
    message:
        "{wildcards.mine}: report"
    shell:
        "minegreen report {params.config:q} --results {params.results:q} --log {log:q}"


rule manifest:
    input:
        aoi=aoi_of,
        products=products_of,
        zones=R + "/{mine}/zones.gpkg",
    output:
        manifest=R + "/{mine}/run.json",
    log:
        R + "/{mine}/logs/manifest.log",
    benchmark:
        R + "/{mine}/logs/manifest.tsv"
    params:
        config=config_of,
        options=options_of("manifest"),
        code=code("manifest"),
        results=R,
    message:
        "{wildcards.mine}: checksums of all results"
    shell:
        "minegreen manifest {params.config:q} --results {params.results:q} --log {log:q}"


rule summary:
    input:
        manifests=manifests_of_all,
    output:
        table=R + "/summary/mines.csv",
        methods=R + "/summary/methods.csv",
        effects=R + "/summary/methods_effects.csv",
        page=R + "/summary/index.html",
    log:
        R + "/summary/logs/summary.log",
    benchmark:
        R + "/summary/logs/summary.tsv"
    params:
        code=code("summary"),
        results=R,
    message:
        "all mines: one table"
    shell:
        "minegreen summary {params.results:q} --log {log:q}"
