"""The claims of the lectures: a table and a figure for each topic. No run is needed; seconds each.

in:  the topic's module in lecture/, and all that it imports
out: results/lecture/tables/, results/lecture/figures/
"""

TOPICS = sorted(p.stem for p in (ROOT / "lecture").glob("*.py") if "\ndef draw(" in p.read_text(encoding="utf-8"))


rule lecture_topic:
    input:
        lecture_sources,
    output:
        "results/lecture/tables/{topic}.csv",
        "results/lecture/figures/{topic}.png",
        "results/lecture/figures/{topic}.svg",
    log:
        "logs/lecture/{topic}.log",
    wildcard_constraints:
        topic="|".join(TOPICS),
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "draw {wildcards.topic}"
    shell:
        "exec {params.python:q} -m lecture {wildcards.topic} > {log:q} 2>&1"


rule lecture:
    input:
        expand("results/lecture/figures/{topic}.{suffix}", topic=TOPICS, suffix=("png", "svg")),
    localrule: True
    message:
        "the lectures' figures are in results/lecture/figures/"
