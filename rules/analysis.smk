"""From runs to tables, and from tables to figures. Seconds, for any number of runs.

in:  episodes.parquet, updates.parquet and run.json of a study's runs; the sources of analysis/; published/
out: results/<study>/tables/, results/<study>/figures/ (analysis/data/products.py says how they are found)
"""


rule tables:
    input:
        PLAN.run_tables,
        PLAN.evaluations,
        PLAN.untrained_scores,
        PLAN.manifest,
        sources("data/tables"),
    output:
        curves="results/{study}/tables/curves.parquet",
        scores="results/{study}/tables/scores.csv",
        runs="results/{study}/tables/runs.csv",
        mixed="results/{study}/tables/mixed.txt",
    log:
        "logs/{study}/tables.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "tables of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.data.tables {wildcards.study} > {log:q} 2>&1"


for name, maker in STATISTICS.items():

    rule:
        name:
            f"statistics_{name}"
        input:
            rules.tables.output,  # and so the runs, whose updates.parquet some read; naming those would slow the plan
            PUBLISHED,
            sources("statistics/__main__", f"statistics/{name}"),
        output:
            expand("results/{{study}}/tables/{table}.csv", table=maker.makes),
        log:
            f"logs/{{study}}/statistics_{name}.log",
        conda:
            "../environment.yml"
        params:
            python=PYTHON,
            name=name,
        message:
            f"statistics of {{wildcards.study}}: {', '.join(maker.makes)}"
        shell:
            "exec {params.python:q} -m analysis.statistics {wildcards.study} {params.name} > {log:q} 2>&1"


rule figure:
    input:
        lambda wildcards: tabulated(wildcards.study),
        PUBLISHED,
        lambda wildcards: sources("figures/__main__", f"figures/{wildcards.figure}"),
    output:
        "results/{study}/figures/{figure}.png",
        report(
            "results/{study}/figures/{figure}.svg",
            caption="caption.rst",
            category="{study}",
            labels={"what": "{figure}"},
        ),
        "results/{study}/figures/{figure}.txt",
    log:
        "logs/{study}/figures/{figure}.log",
    wildcard_constraints:
        figure="|".join(FIGURES),
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
        about=lambda wildcards: FIGURES[wildcards.figure].makes[wildcards.figure],
    message:
        "figure {wildcards.figure} of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.figures {wildcards.study} {wildcards.figure} > {log:q} 2>&1"
