"""Scores of untrained policies, of tasks for which envs.yaml gives none: a minute a task, once.

in:  nothing that has a date: the digest in the path stands for the task, and for how its score is measured
out: one JSON file a task, beside the runs
"""


rule untrained:
    output:
        "results/runs/untrained/{task}/{key}/random_score.json",
    log:
        "logs/runs/untrained/{task}/{key}.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=600,
    params:
        python=PYTHON,
    message:
        "score of an untrained policy on {wildcards.task}"
    shell:
        "exec {params.python:q} -m play.random_score {wildcards.task} --keep > {log:q} 2>&1"
