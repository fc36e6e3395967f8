# What is made of finished results where a config asks for it: one rule for each evaluation that any mine has.
def evaluated_from(key):
    """What an evaluation is made from."""

    def files(wildcards):
        return PLAN.evaluated(wildcards.mine, wildcards.sensor, key)

    return files


for EVALUATION, PAIRS in PLAN.evaluators().values():

    rule:
        name:
            EVALUATION.key
        input:
            aoi=aoi_of,
            results=evaluated_from(EVALUATION.key),
        output:
            [f"{R}/{{mine}}/{{sensor}}/{name}" for name in EVALUATION.files],
        log:
            R + "/{mine}/logs/{sensor}/" + EVALUATION.key + ".log",
        benchmark:
            R + "/{mine}/logs/{sensor}/" + EVALUATION.key + ".tsv"
        wildcard_constraints:
            mine=among(f"{m}/{s}" for m, s in PAIRS),
        threads: threads_of
        params:
            stage=EVALUATION.key,
            config=config_of,
            options=options_of(EVALUATION.key),
            code=code(EVALUATION.key),
            results=R,
        message:
            "{wildcards.mine}, {wildcards.sensor}: " + EVALUATION.key
        shell:
            "minegreen {params.stage:q} {params.config:q} --sensor {wildcards.sensor:q} --results {params.results:q}"
            " --threads {threads} --log {log:q}"
