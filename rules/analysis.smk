"""From runs to tables, and from tables to figures. Seconds, for any number of runs.

in:  episodes.parquet and run.json of a study's runs; the sources of analysis/; published/
out: results/<study>/tables/, results/<study>/figures/
"""

# What every analysis module reads or executes beside its own.
PLANNING = [
    "envs.yaml",
    "studies.yaml",
    "analysis/study.py",
    *(f"core/{name}.py" for name in ("errors", "key", "options", "plan", "whole")),
]


rule tables:
    input:
        run_tables,
        "results/{study}/runs.json",
        "analysis/tables.py",
        "analysis/mixed.py",
        PLANNING,
    output:
        curves="results/{study}/tables/curves.parquet",
        scores="results/{study}/tables/scores.csv",
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
        "exec {params.python:q} -m analysis.tables {wildcards.study} > {log:q} 2>&1"


rule curves:
    input:
        rules.tables.output,
        "published/curves/ppo_paper_fig3.csv",
        "analysis/curves.py",
        "analysis/published.py",
        PLANNING,
    output:
        "results/{study}/figures/curves.png",
        "results/{study}/figures/curves.svg",
    log:
        "logs/{study}/curves.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "learning curves of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.curves {wildcards.study} > {log:q} 2>&1"


rule sweeps:
    input:
        update_tables,
        rules.tables.output,
        "analysis/sweeps.py",
        PLANNING,
    output:
        "results/{study}/tables/sweeps.csv",
        "results/{study}/figures/sweeps.png",
        "results/{study}/figures/sweeps.svg",
    log:
        "logs/{study}/sweeps.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "scores against step sizes of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.sweeps {wildcards.study} > {log:q} 2>&1"
