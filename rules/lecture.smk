"""The two lectures, drawn: a table and a figure for each topic. No run is needed; seconds each.

in:  lecture/ and what it imports; analysis/lecture/
out: results/lecture/tables/, results/lecture/figures/
"""


rule lecture_table:
    input:
        lecture_sources,
    output:
        "results/lecture/tables/{topic}.csv",
    log:
        "logs/lecture/{topic}.table.log",
    wildcard_constraints:
        topic="|".join(TOPICS),
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "compute {wildcards.topic}"
    shell:
        "exec {params.python:q} -m lecture {wildcards.topic} > {log:q} 2>&1"


rule lecture_figure:
    input:
        rules.lecture_table.output,
        "analysis/lecture/{topic}.py",
        "analysis/lecture/__main__.py",
        "analysis/lecture/style.py",
        "analysis/figures/pyplot.py",
    output:
        "results/lecture/figures/{topic}.png",
        "results/lecture/figures/{topic}.svg",
    log:
        "logs/lecture/{topic}.figure.log",
    wildcard_constraints:
        topic="|".join(TOPICS),
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "draw {wildcards.topic}"
    shell:
        "exec {params.python:q} -m analysis.lecture {wildcards.topic} > {log:q} 2>&1"


rule lecture:
    input:
        expand("results/lecture/figures/{topic}.{suffix}", topic=TOPICS, suffix=("png", "svg")),
    localrule: True
    message:
        "the lectures' figures are in results/lecture/figures/"
