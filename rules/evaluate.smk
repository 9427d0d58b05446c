"""The final policies of a cell, played after training: one job for all its seeds, since starting costs the most.

in:  policy.safetensors and run.json of the cell's runs; no dates: a table holds the digests of the policies that played,
     and the plan forgets those of others (study/integrity.py)
out: an episode a row, beside the runs. The name stands for how policies are played, and for the seeds (study/key.py)
"""


rule evaluate:
    input:
        ancient(PLAN.cell_runs),
        PLAN.staleness_of,
    output:
        EVALUATION,
    log:
        "logs/runs/{algo}/{task}/{key}/evaluation/{how}.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=600,
    params:
        python=PYTHON,
        arguments=PLAN.cell_arguments,
    message:
        "evaluate {wildcards.algo} on {wildcards.task}"
    shell:
        "exec {params.python:q} -m play.evaluate {params.arguments} --out {output:q} > {log:q} 2>&1"
