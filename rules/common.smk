"""The plan, and the figures and sources that rules ask for.

in:  envs.yaml, studies.yaml, the sources of core/ and algos/ (for the keys)
out: PLAN (study/workflow.py), STUDIES, PYTHON; FIGURES, STATISTICS, PUBLISHED; sources(), drawn(), tabulated(), films(),
     lecture_sources()
"""

import functools
import logging
import shutil
import sys
from pathlib import Path

ROOT = Path(workflow.basedir).resolve()
sys.path.insert(0, str(ROOT))

from analysis.data.products import figures, figures_of, left_out, statistics, tables_of, video_file
from core.errors import UsageError
from study.call import Call, check_targets, read_call
from study.cells import EVALUATION, FILES, RUN
from study.sources import closure
from study.workflow import Workflow

try:
    # In the process of a single job, as a cluster starts them, nothing is looked at and nothing said.
    PLAN = Workflow(read_call(sys.argv[1:]) if workflow.is_main_process else Call(), config)
    for said in PLAN.prepare() if workflow.is_main_process else ():
        print(said, file=sys.stderr)
except (UsageError, OSError) as error:
    sys.exit(f"error: {error}")  # one line; a WorkflowError would add where in this file it was raised

STUDIES = PLAN.studies
PYTHON = sys.executable  # the jobs' Python is this one, whatever PATH says

# Of a run that failed before it wrote a file, Snakemake says that update() has no former version to bring back; of runs
# that came with the repository, that it has no record of its own of them, which are not needed: their keys stand for them.
for _said in ("no backup found", "provenance/metadata so that it in part"):
    logging.getLogger("snakemake.logging").addFilter(lambda record, said=_said: said not in record.getMessage())


wildcard_constraints:
    study="|".join(STUDIES),
    algo="[a-z][a-z0-9_]*",
    task="[A-Za-z0-9-]+",
    key="[0-9a-f]{12}",
    seed="[0-9]+",
    how="[0-9a-f]{12}",


@functools.cache
def sources(*modules):
    """What modules of analysis/ execute and plan by."""
    paths = closure([ROOT / "analysis" / f"{module}.py" for module in modules], [ROOT])
    return ["envs.yaml", "studies.yaml", *(path.relative_to(ROOT).as_posix() for path in paths)]


for said in left_out(STUDIES.values()) if workflow.is_main_process else ():
    print(said, file=sys.stderr)
FIGURES, STATISTICS = figures(), statistics()
FIGURES_OF = {name: figures_of(study) for name, study in STUDIES.items()}
TABLES_OF = {name: tables_of(study) for name, study in STUDIES.items()}
PUBLISHED = [
    p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "published").rglob("*.*")) if p.suffix in (".csv", ".yaml")
]


def drawn(study):
    """The figures of a study, with their captions."""
    return [
        f"results/{study}/figures/{name}.{suffix}" for name in FIGURES_OF[study] for suffix in ("png", "svg", "txt")
    ]


def tabulated(study):
    """The tables of a study."""
    files = [*(f"{name}.csv" for name in TABLES_OF[study]), "curves.parquet", "mixed.txt"]
    return [f"results/{study}/tables/{file}" for file in files]


def films(study):
    """The films of a study's final policies."""
    return [video_file(STUDIES[study], cell) for cell in STUDIES[study].cells]


def lecture_sources(wildcards):
    """All that a topic's table and figure are made by."""
    entries = [ROOT / "lecture" / f"{name}.py" for name in (wildcards.topic, "__main__")]
    sources = [path.relative_to(ROOT).as_posix() for path in closure(entries, [ROOT])]
    return sources + (["lecture/hopper.safetensors"] if "lecture/trained.py" in sources else [])
