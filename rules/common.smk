"""The plan, and the helpers by which rules ask for files.

in:  envs.yaml, studies.yaml, the sources of core/ and algos/ (for the keys)
out: CALL, STUDIES, BROKEN, TOPICS, runs(), run_tables(), sources(), lecture_sources(), stored(), and what the rules on
     runs and cells need
"""

import atexit
import functools
import logging
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(workflow.basedir).resolve()
sys.path.insert(0, str(ROOT))

from analysis.data.products import video_file
from study.call import Call, check_call, check_targets, read_call
from core.errors import UsageError
from study.resources import memory_mb, minutes
from study.plan import FILES, manifest_holds, read_studies, write_manifest
from study.sources import closure
from study.spaces import refused
from study.tasks import drawn_by_mujoco
from study.integrity import damaged, set_aside, stale_evaluations

CALL = read_call(sys.argv[1:]) if workflow.is_main_process else Call()  # and not in each of a cluster's jobs
REFUSED = {}  # what is wrong with tasks that cannot be trained on
DAMAGED, STALE = {}, []  # runs whose files are damaged, tables of episodes of other policies
try:
    check_call(CALL, ROOT, config)
    STUDIES, BROKEN = read_studies(ROOT)
    DEFAULT_STUDY = "figure3" if "figure3" in STUDIES | BROKEN else next(iter(STUDIES | BROKEN))
    for _name in BROKEN if workflow.is_main_process else ():
        if _name in (CALL.targets or (DEFAULT_STUDY,)) and not set(CALL.targets) & set(STUDIES):
            raise UsageError(BROKEN[_name])
    # Who asks for a key. Of studies that name the same cell one answers, it is trained and played once: in portable
    # kernels if any of them says so.
    _asking = sorted(STUDIES.values(), key=lambda study: study.cells[0].portable)
    ASKED_BY = {(c.method.algo, c.task, c.key): (s.name, c) for s in _asking for c in s.cells}
    PLAYED_BY = {c.evaluation: (s.name, c) for s in _asking if not s.sweeps for c in s.cells}
    if workflow.is_main_process:
        _asked = [STUDIES[name] for name in CALL.studies(STUDIES, DEFAULT_STUDY)]
        REFUSED = refused(task for study in _asked for task in study.tasks.values())
        DAMAGED = damaged(STUDIES, ROOT)
        if not CALL.idle:
            set_aside(DAMAGED, ROOT)
        STALE = stale_evaluations(STUDIES, ROOT)
        if not CALL.idle:
            for _path in STALE:
                (ROOT / _path).unlink()
            for _study in STUDIES.values():
                write_manifest(_study, ROOT)
except (UsageError, OSError) as error:
    sys.exit(f"error: {error}")  # one line; a WorkflowError would add where in this file it was raised
for _name, _said in BROKEN.items() if workflow.is_main_process else ():
    print(f"warning: {_said}: the study {_name} is left out", file=sys.stderr)
for _said in REFUSED.values():
    print(
        f"error: {_said}. Its runs fail; all others go on, and python -m analysis.terminal.so_far STUDY draws them",
        file=sys.stderr,
    )
for _folder, _wrong in DAMAGED.items():
    _moved = "would be moved" if CALL.idle else "moved"
    print(f"warning: {_folder}: {_wrong}: {_moved} to work/damaged/, and to be trained again", file=sys.stderr)

# Where nothing is to change on disk, a new file stands for what planning would take away or write.
NEW = []
if CALL.idle and workflow.is_main_process:
    _folder = tempfile.mkdtemp(prefix="stepsize-")
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    NEW.append(f"{_folder}/new")
    Path(NEW[0]).touch()


# Of a run that failed before it wrote a file, Snakemake says that update() has no former version to bring back; of runs
# that came with the repository, that it has no record of its own of them, which are not needed: their keys stand for them.
for _said in ("no backup found", "provenance/metadata so that it in part"):
    logging.getLogger("snakemake.logging").addFilter(lambda record, said=_said: said not in record.getMessage())

# The topics of the lectures: those that have a figure.
TOPICS = sorted(p.stem for p in (ROOT / "analysis" / "lecture").glob("*.py") if p.stem[0] != "_" and p.stem != "style")

STORE = config.get("store", "")  # rules/store.smk
PYTHON = sys.executable  # the jobs' Python is this one, whatever PATH says
RUN = "results/runs/{algo}/{task}/{key}/seed{seed}"


wildcard_constraints:
    study="|".join(STUDIES),
    algo="[a-z][a-z0-9_]*",
    task="[A-Za-z0-9-]+",
    key="[0-9a-f]{12}",
    seed="[0-9]+",
    how="[0-9a-f]{12}",


def runs(study):
    """Every file of every run of a study."""
    return [path for name in FILES for path in STUDIES[study].run_files(name)]


def damage_of(wildcards):
    """A new file where the run is damaged and still in its place: then it is planned anew."""
    return NEW if RUN.format(**wildcards) in DAMAGED else []


def staleness_of(wildcards):
    """A new file where the table of episodes is of other policies and still in its place."""
    return NEW if "results/runs/{algo}/{task}/{key}/evaluation/{how}.csv".format(**wildcards) in STALE else []


def manifest(wildcards):
    """The list of a study's runs, or a new file where it is to be another."""
    study = STUDIES[wildcards.study]
    return study.manifest if not NEW or manifest_holds(study, ROOT) else NEW


def run_tables(wildcards):
    """What the analysis reads of a study's runs."""
    return [p for n in ("episodes.parquet", "run.json") for p in STUDIES[wildcards.study].run_files(n)]


def option_sources(wildcards):
    """Where the options of a study's methods are declared and explained."""
    return ["core/run.py", *sorted({f"algos/{m.algo}.py" for m in STUDIES[wildcards.study].methods.values()})]


@functools.cache
def sources(*modules):
    """What modules of analysis/ execute and plan by."""
    paths = closure([ROOT / "analysis" / f"{module}.py" for module in modules], [ROOT])
    return ["envs.yaml", "studies.yaml", *(path.relative_to(ROOT).as_posix() for path in paths)]


def asked(wildcards):
    """A study and its cell that a run belongs to. Raises WorkflowError if there is none any more."""
    found = ASKED_BY.get((wildcards.algo, wildcards.task, wildcards.key))
    if found is None:
        raise WorkflowError(f"no study asks for key {wildcards.key} of {wildcards.algo} on {wildcards.task} any more")
    return found


def train_arguments(wildcards):
    """The command line of a run."""
    study, cell = asked(wildcards)
    return f"--study {study} --task {cell.task} --method {cell.method.name} --seed {wildcards.seed} --key {cell.key}"


def train_memory(wildcards, attempt):
    """MB for a run on a cluster."""
    return memory_mb(asked(wildcards)[1], attempt)


def train_minutes(wildcards, attempt):
    """Time for a run on a cluster."""
    return minutes(asked(wildcards)[1], attempt)


def seed_first(wildcards):
    """Seed 0 of everything trains before seed 1 of anything: a whole picture early."""
    return max(0, 1000 - int(wildcards.seed))


def lecture_sources(wildcards):
    """All that the table of a topic is computed by."""
    entries = [ROOT / "lecture" / f"{name}.py" for name in (wildcards.topic, "__main__")]
    sources = [path.relative_to(ROOT).as_posix() for path in closure(entries, [ROOT])]
    return sources + (["lecture/hopper.safetensors"] if "lecture/trained.py" in sources else [])


def cell_of(wildcards):
    """The study and the cell of a table of episodes, or of a film. Raises WorkflowError if there is none any more."""
    where = "{0.algo}/{0.task}/{0.key}".format(wildcards)
    if "how" in wildcards.keys():
        found = PLAYED_BY.get(f"results/runs/{where}/evaluation/{wildcards.how}.csv")
    else:
        cells = {f"{c.method.algo}/{c.task}/{c.key}": (wildcards.study, c) for c in STUDIES[wildcards.study].cells}
        found = cells.get(where)
    if found is None:
        raise WorkflowError(f"no study asks for the policies of {where} any more")
    return found


def cell_runs(wildcards):
    """What is read of the cell's runs to play their policies."""
    _, cell = cell_of(wildcards)
    return [f"{cell.folder(seed)}/policy.safetensors" for seed in cell.seeds]  # run.json comes with it


def cell_arguments(wildcards):
    """The command line of the cell."""
    study, cell = cell_of(wildcards)
    return f"--study {study} --task {cell.task} --method {cell.method.name}"


def evaluations(wildcards):
    """The evaluations of a study. One of step sizes, which asks for scores against values only, has none."""
    study = STUDIES[wildcards.study]
    return [] if study.sweeps else [cell.evaluation for cell in study.cells]


def untrained_scores(wildcards):
    """The measured scores of untrained policies: of the study's tasks for which envs.yaml gives none."""
    return [task.score_file for task in STUDIES[wildcards.study].tasks.values() if task.given_score is None]


def films(study):
    """The films of a study's final policies."""
    return [video_file(STUDIES[study], cell) for cell in STUDIES[study].cells]


def opengl_first(wildcards):
    """What a film of one of Gymnasium's MuJoCo tasks waits for; others may need none."""
    return ["work/opengl"] if cell_of(wildcards)[1].task_id in drawn_by_mujoco() else []


def stored(folder):
    """The files of a run in the store (rules/store.smk); {wildcards} may be in its folder."""
    return [storage.shared(f"{STORE}/{folder}/{name}", retrieve="{" in folder) for name in FILES]


def to_take(study):
    """A marker for each of a study's runs that is in the store and not here."""
    folders = [cell.folder(seed) for cell in STUDIES[study].cells for seed in STUDIES[study].seeds]
    missing = [folder for folder in folders if not all((ROOT / folder / name).is_file() for name in FILES)]
    there = [f for f in missing if all(file.flags["storage_object"].exists() for file in stored(f))]
    return [folder.replace("results/runs", "work/taken") for folder in there]
