"""The page of a study: one file, for a browser without a network. Seconds, for any number of runs.

in:  a study's tables and figures; run.json and updates.parquet of its runs; analysis/page/; published/; the comments on
     options in algos/ and core/run.py, which change no run's key
out: results/<study>/index.html

`snakemake <study> --report FILE.html` makes Snakemake's own report of a finished study: its figures and page, with
rules/captions/, and how long each rule took.
"""


rule page:
    input:
        page_parts,  # and so the runs, whose own tables it reads; naming those again would slow the plan
        PLAN.manifest,
        PUBLISHED,
        [f"analysis/page/{name}" for name in PAGE_FILES],
        PLAN.option_sources,
        sources("page/__main__"),
    output:
        report(
            "results/{study}/index.html", caption="captions/page.rst", category="{study}", labels={"what": "the page"}
        ),
    log:
        "logs/{study}/page.log",
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "page of {wildcards.study}"
    shell:
        "exec {params.python:q} -m analysis.page {wildcards.study} > {log:q} 2>&1"
