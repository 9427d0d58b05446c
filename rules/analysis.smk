"""From runs to tables, and from tables to figures. Seconds, for any number of runs.

in:  episodes.parquet and run.json of a study's runs; the sources of analysis/; published/
out: results/<study>/tables/, results/<study>/figures/ (analysis/data/products.py has a sentence on each)
"""

PUBLISHED = [p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "published").rglob("*")) if p.suffix in (".csv", ".yaml")]
STATISTICS = ["cells", "differences", "aggregates", "profiles", "efficiency", "improvement", "ranking", "cost"]


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


rule curves:
    input:
        rules.tables.output,
        PUBLISHED,
        sources("figures/curves"),
    output:
        drawn("curves", suffixes=("png", "svg")),
    log:
        "logs/{study}/curves.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "learning curves of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.figures.curves {wildcards.study} > {log:q} 2>&1"


rule sweeps:
    input:
        PLAN.update_tables,
        rules.tables.output,
        sources("figures/sweeps"),
    output:
        "results/{study}/tables/sweeps.csv",
        drawn("sweeps", suffixes=("png", "svg")),
    log:
        "logs/{study}/sweeps.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "scores against step sizes of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.figures.sweeps {wildcards.study} > {log:q} 2>&1"


rule statistics:
    input:
        rules.tables.output,
        sources("statistics/tables"),
    output:
        expand("results/{{study}}/tables/{name}.csv", name=STATISTICS),
    log:
        "logs/{study}/statistics.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "statistics of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.statistics.tables {wildcards.study} > {log:q} 2>&1"


rule figures:
    input:
        rules.tables.output,
        rules.statistics.output,
        PUBLISHED,
        sources("figures/figures"),
    output:
        drawn("figure3", "aggregates", "profiles", "improvement", "cost"),
    log:
        "logs/{study}/figures.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "figures of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.figures.figures {wildcards.study} > {log:q} 2>&1"


rule verdict:
    input:
        rules.tables.output,
        PUBLISHED,
        sources("statistics/verdict"),
    output:
        "results/{study}/tables/verdict.csv",
        "results/{study}/tables/verdict_summary.csv",
        drawn("verdict", "figure3_overlay"),
    log:
        "logs/{study}/verdict.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "verdict of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.statistics.verdict {wildcards.study} > {log:q} 2>&1"


rule surrogates:
    input:
        rules.tables.output,
        PUBLISHED,
        sources("statistics/table1"),
    output:
        expand("results/{{study}}/tables/table1{part}.csv", part=("", "_orderings", "_summary")),
        drawn("table1"),
    log:
        "logs/{study}/surrogates.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "Table 1 of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.statistics.table1 {wildcards.study} > {log:q} 2>&1"
