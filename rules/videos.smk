"""Films of final policies, drawn off-screen, and a figure of their pictures: `snakemake --cores N <study>_videos`.

in:  policy.safetensors and run.json of a study's runs; tables/runs.csv
out: results/<study>/videos/, an animated WebP a cell; results/<study>/figures/frames.png; the page again, with the films
"""


# Says once, and before anything is trained, that no OpenGL works here, in the place of every film of MuJoCo's tasks.
rule opengl:
    output:
        touch("work/opengl"),
    log:
        "logs/opengl.log",
    priority: 2000
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "see whether OpenGL works, for videos"
    shell:
        "exec {params.python:q} -m play.opengl > {log:q} 2>&1"


rule video:
    input:
        PLAN.cell_runs,
        "play/film.py",
        "play/episodes.py",
        "play/policy.py",
        ancient(PLAN.opengl_first),
    output:
        "results/{study}/videos/{algo}/{task}/{key}.webp",
    log:
        "logs/{study}/videos/{algo}/{task}/{key}.log",
    conda:
        "../environment.yml"
    threads: 1
    resources:
        mem_mb=600,
    params:
        python=PYTHON,
        arguments=PLAN.cell_arguments,
    message:
        "film {wildcards.algo} on {wildcards.task}"
    shell:
        "LP_NUM_THREADS=1 exec {params.python:q} -m play.film {params.arguments} --out {output:q} > {log:q} 2>&1"


rule frames:
    input:
        lambda wildcards: films(wildcards.study),
        rules.tables.output.runs,
        sources("page/frames"),
    output:
        "results/{study}/figures/frames.png",
        "results/{study}/figures/frames.txt",
    log:
        "logs/{study}/frames.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "frames of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.page.frames {wildcards.study} > {log:q} 2>&1"


# The page shows the films that are there, and is made without any: a study is not to need OpenGL.
rule films_in_page:
    input:
        lambda wildcards: films(wildcards.study),
        "results/{study}/index.html",
    output:
        touch("results/{study}/videos/in_page"),
    log:
        "logs/{study}/films_in_page.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "films into the page of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.page {wildcards.study} > {log:q} 2>&1"


# A study of step sizes has no evaluation to write below its frames, and hundreds of cells.
for study in STUDIES.values():
    if not study.sweeps:

        rule:
            name:
                f"{study.name}_videos"
            input:
                f"results/{study.name}/figures/frames.png",
                films(study.name),  # or one that is missing would not be seen
                f"results/{study.name}/videos/in_page",
            localrule: True
            message:
                f"the films are in results/{study.name}/index.html and videos/, a picture of each in figures/frames.png"
