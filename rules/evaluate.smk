"""The final policies of a cell, played after training: one job for all its seeds, since starting costs the most.

in:  policy.safetensors and run.json of the cell's runs
out: results/<study>/evaluation/, an episode a row. The key in the path stands for the policies' code; not committed
"""


rule evaluate:
    input:
        cell_runs,
        "core/evaluate.py",
        "core/trained.py",
    output:
        "results/{study}/evaluation/{algo}/{task}/{key}.csv",
    log:
        "logs/{study}/evaluation/{algo}/{task}/{key}.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=600,
    params:
        python=PYTHON,
        arguments=cell_arguments,
    message:
        "evaluate {wildcards.algo} on {wildcards.task}"
    shell:
        "exec {params.python:q} -m core.evaluate {params.arguments} --out {output:q} > {log:q} 2>&1"
