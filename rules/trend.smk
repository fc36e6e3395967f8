# From NDVI and the endmembers to trend and trend classes.


rule trend:
    input:
        ndvi=ndvi_of_period,
        endmembers=R + "/{mine}/{sensor}/endmembers.json",
    output:
        trend=R + "/{mine}/{sensor}/trend_{a}-{b}.tif",
        style=R + "/{mine}/{sensor}/trend_{a}-{b}.qml",
    log:
        R + "/{mine}/logs/{sensor}/trend_{a}-{b}.log",
    benchmark:
        R + "/{mine}/logs/{sensor}/trend_{a}-{b}.tsv"
    threads: threads_of
    params:
        config=config_of,
        options=options_of("trend"),
        code=code("trend"),
        results=R,
    message:
        "{wildcards.mine}, {wildcards.sensor}: trend {wildcards.a}-{wildcards.b}"
    shell:
        "minegreen trend {params.config:q} --sensor {wildcards.sensor:q} --period {wildcards.a:q}-{wildcards.b:q}"
        " --results {params.results:q} --threads {threads} --log {log:q}"


rule classes:
    input:
        aoi=aoi_of,
        trend=R + "/{mine}/{sensor}/trend_{a}-{b}.tif",
        water=water_of_period,
    output:
        classes=R + "/{mine}/{sensor}/trend_class_{a}-{b}.tif",
        style=R + "/{mine}/{sensor}/trend_class_{a}-{b}.qml",
    log:
        R + "/{mine}/logs/{sensor}/classes_{a}-{b}.log",
    benchmark:
        R + "/{mine}/logs/{sensor}/classes_{a}-{b}.tsv"
    threads: threads_of
    params:
        config=config_of,
        options=options_of("classes"),
        code=code("classes"),
        results=R,
    message:
        "{wildcards.mine}, {wildcards.sensor}: trend classes {wildcards.a}-{wildcards.b}"
    shell:
        "minegreen classes {params.config:q} --sensor {wildcards.sensor:q} --period {wildcards.a:q}-{wildcards.b:q}"
        " --results {params.results:q} --threads {threads} --log {log:q}"
