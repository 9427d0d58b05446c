"""One training run a job, on one thread.

in:  nothing that has a date: the key in the path stands for sources, task, options and budget; in a dry run, what stands
     for damage
out: the four files of a run, whole. Under update() Snakemake leaves them where they are when it starts a job again that
     it believes interrupted; the trainer knows by their digests whether they are finished.
"""


rule train:
    input:
        PLAN.damage_of,
    output:
        [update(f"{RUN}/{name}") for name in FILES],
    log:
        f"logs/{RUN.removeprefix('results/')}.log",
    benchmark:
        f"logs/{RUN.removeprefix('results/')}.tsv"
    priority: PLAN.seed_first
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=PLAN.train_memory,
        runtime=PLAN.train_minutes,
    params:
        python=PYTHON,
        arguments=PLAN.train_arguments,
    message:
        "train {wildcards.algo} on {wildcards.task}, seed {wildcards.seed}"
    shell:
        "exec {params.python:q} -m train {params.arguments} > {log:q} 2>&1"
