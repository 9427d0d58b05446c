"""The final policies of a cell, played after training: one job for all its seeds, since starting costs the most.

in:  policy.safetensors and run.json of the cell's runs
out: results/<study>/evaluation/, an episode a row. The key in the path stands for the policies' code; not committed
"""

from analysis.products import evaluation_file


def cell_of(wildcards):
    """The study's cell that an algorithm, a task and a key name. Raises WorkflowError if there is none any more."""
    names = (wildcards.algo, wildcards.task, wildcards.key)
    for cell in STUDIES[wildcards.study].cells:
        if (cell.method.algo, cell.task, cell.key) == names:
            return cell
    raise WorkflowError(f"no cell of {wildcards.study} has the key {wildcards.key} any more")


def cell_runs(wildcards):
    """What is read of the cell's runs to play their policies."""
    cell = cell_of(wildcards)
    return [f"{cell.folder(seed)}/{name}" for seed in cell.seeds for name in ("policy.safetensors", "run.json")]


def cell_arguments(wildcards):
    """The command line of the cell."""
    cell = cell_of(wildcards)
    return f"--study {wildcards.study} --task {cell.task} --method {cell.method.name}"


def evaluations(wildcards):
    """The evaluations of a study. One of step sizes, which asks for scores against values only, has none."""
    study = STUDIES[wildcards.study]
    return [] if study.sweeps else [evaluation_file(study, cell) for cell in study.cells]


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
