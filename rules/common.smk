"""The plan, and the figures and sources that rules ask for.

in:  envs.yaml, studies.yaml, the sources of core/ and algos/ (for the keys)
out: PLAN (study/workflow.py), STUDIES, PYTHON; figures(), page_parts(), sources(), drawn(), films(), lecture_sources()
"""

import logging
import shutil
import sys
from pathlib import Path

ROOT = Path(workflow.basedir).resolve()
sys.path.insert(0, str(ROOT))

from analysis.page.contents import FILES as PAGE_FILES
from analysis.page.contents import tables_of
from analysis.data.products import figures_of, video_file
from core.errors import UsageError
from study.call import Call, check_targets, read_call
from study.plan import EVALUATION, FILES, RUN
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


def figures(study):
    """What a study draws."""
    names = figures_of(STUDIES[study])
    return [f"results/{study}/figures/{name}.{suffix}" for name in names for suffix in ("png", "svg")]


def page_parts(wildcards):
    """The tables and figures that a study's page shows."""
    tables = [f"results/{wildcards.study}/tables/{name}.csv" for name in tables_of(STUDIES[wildcards.study])]
    return [*tables, f"results/{wildcards.study}/tables/curves.parquet", *figures(wildcards.study)]


def sources(module):
    """What a module of analysis/ executes and plans by."""
    paths = closure([ROOT / "analysis" / f"{module}.py"], [ROOT])
    return ["envs.yaml", "studies.yaml", *(path.relative_to(ROOT).as_posix() for path in paths)]


def drawn(*names, suffixes=("png", "svg", "txt")):
    """The files of figures, by study, with their captions. The vectors go into Snakemake's own report as well."""
    files = []
    for name in names:
        about = {"caption": f"captions/{name}.rst", "category": "{study}", "labels": {"what": name}}
        path = f"results/{{study}}/figures/{name}"
        files += [report(f"{path}.{s}", **about) if s == "svg" else f"{path}.{s}" for s in suffixes]
    return files


def films(study):
    """The films of a study's final policies."""
    return [video_file(STUDIES[study], cell) for cell in STUDIES[study].cells]


# The topics of the lectures: those that have a figure.
TOPICS = sorted(p.stem for p in (ROOT / "analysis" / "lecture").glob("*.py") if p.stem[0] != "_" and p.stem != "style")


def lecture_sources(wildcards):
    """All that a topic's table and figure are made by."""
    entries = [ROOT / "lecture" / f"{name}.py" for name in (wildcards.topic, "__main__")]
    sources = [path.relative_to(ROOT).as_posix() for path in closure(entries, [ROOT])]
    return sources + (["lecture/hopper.safetensors"] if "lecture/trained.py" in sources else [])
