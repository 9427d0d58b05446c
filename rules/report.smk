"""The page of a study: one file, for a browser without a network. Seconds, for any number of runs.

in:  a study's tables and figures; run.json and updates.parquet of its runs; analysis/page/; published/; the comments on
     options in algos/ and core/run.py, which change no run's key
out: results/<study>/index.html

`snakemake <study> --report FILE.html` makes Snakemake's own report of a finished study: its figures and page, with a
sentence on each, and how long each rule took.
"""

#: Its own files beside its modules.
PAGE_FILES = [
    p.relative_to(ROOT).as_posix()
    for p in sorted((ROOT / "analysis/page").iterdir())
    if p.suffix[1:] in ("html", "css", "js")
]


rule page:
    input:
        lambda wildcards: [*tabulated(wildcards.study), *drawn(wildcards.study)],  # and so the runs, which it reads
        PLAN.manifest,
        PUBLISHED,
        PAGE_FILES,
        PLAN.option_sources,
        sources("page/__main__"),
    output:
        report("results/{study}/index.html", caption="caption.rst", category="{study}", labels={"what": "the page"}),
    log:
        "logs/{study}/page.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
        about="Figures, verdict, statistics, every cell seed by seed, and how each was made: a file without a network.",
    message:
        "page of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.page {wildcards.study} > {log:q} 2>&1"
