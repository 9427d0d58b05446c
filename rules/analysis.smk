"""From runs to tables, and from tables to figures. Seconds, for any number of runs.

in:  episodes.parquet and run.json of a study's runs; the sources of analysis/; published/
out: results/<study>/tables/, results/<study>/figures/
"""


rule tables:
    input:
        run_tables,
        "envs.yaml",
        "studies.yaml",
        "analysis/tables.py",
        "analysis/study.py",
    output:
        curves="results/{study}/tables/curves.parquet",
        scores="results/{study}/tables/scores.csv",
    log:
        "logs/{study}/tables.log",
    conda:
        "../environment.yml"
    message:
        "tables of {wildcards.study}"
    shell:
        "exec python -m analysis.tables {wildcards.study} > {log:q} 2>&1"


rule curves:
    input:
        rules.tables.output,
        "envs.yaml",
        "studies.yaml",
        "published/curves/ppo_paper_fig3.csv",
        "analysis/curves.py",
        "analysis/published.py",
        "analysis/study.py",
    output:
        "results/{study}/figures/curves.png",
        "results/{study}/figures/curves.svg",
    log:
        "logs/{study}/curves.log",
    conda:
        "../environment.yml"
    message:
        "learning curves of {wildcards.study}"
    shell:
        "exec python -m analysis.curves {wildcards.study} > {log:q} 2>&1"
