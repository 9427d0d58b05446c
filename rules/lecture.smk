"""The claims of the lectures: a table and a figure for each topic. No run is needed; seconds each.

in:  the topic's module in lecture/, and all that it imports
out: results/lecture/tables/, results/lecture/figures/
"""

from study.topics import topics

TOPICS, _wrong = topics(ROOT)
for said in _wrong.values() if workflow.is_main_process else ():
    print(f"warning: {said}: the topic is left out", file=sys.stderr)


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
