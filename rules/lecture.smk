"""The two lectures, drawn: a table and a figure for each topic. No run is needed; seconds each.

in:  lecture/ and what it imports; analysis/lecture/
out: results/lecture/tables/, results/lecture/figures/
"""

from core.key import closure

TOPICS = sorted(p.stem for p in (ROOT / "analysis" / "lecture").glob("*.py") if not p.stem.startswith("_"))
TOPICS.remove("style")


def lecture_sources(wildcards):
    """All that a topic's table is computed by."""
    entries = [ROOT / "lecture" / f"{name}.py" for name in (wildcards.topic, "__main__")]
    sources = [path.relative_to(ROOT).as_posix() for path in closure(entries)]
    return sources + (["lecture/hopper.safetensors"] if "lecture/trained.py" in sources else [])


rule lecture_table:
    input:
        lecture_sources,
    output:
        "results/lecture/tables/{topic}.csv",
    log:
        "logs/lecture/{topic}.table.log",
    wildcard_constraints:
        topic="|".join(TOPICS),
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "compute {wildcards.topic}"
    shell:
        "exec {params.python:q} -m lecture {wildcards.topic} > {log:q} 2>&1"


rule lecture_figure:
    input:
        rules.lecture_table.output,
        "analysis/lecture/{topic}.py",
        "analysis/lecture/__main__.py",
        "analysis/lecture/style.py",
    output:
        "results/lecture/figures/{topic}.png",
        "results/lecture/figures/{topic}.svg",
    log:
        "logs/lecture/{topic}.figure.log",
    wildcard_constraints:
        topic="|".join(TOPICS),
    conda:
        "../environment.yml"
    params:
        python=PYTHON,
    message:
        "draw {wildcards.topic}"
    shell:
        "exec {params.python:q} -m analysis.lecture {wildcards.topic} > {log:q} 2>&1"


rule lecture:
    input:
        expand("results/lecture/figures/{topic}.{suffix}", topic=TOPICS, suffix=("png", "svg")),
    localrule: True
    message:
        "the lectures' figures are in results/lecture/figures/"
