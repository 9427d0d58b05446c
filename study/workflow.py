"""The plan of one call of Snakemake: what is asked for, what is wrong, and the files and commands of each rule.

rules/common.smk makes one :class:`Workflow`, and rules take its methods as input functions. ``wildcards`` are then the
names in braces of a rule's output. This module does not import Snakemake.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from core.errors import UsageError
from study.call import Call, check_call
from study.cells import CELL, EVALUATION, FILES, RUN, Cell
from study.integrity import damaged, set_aside, stale_evaluations
from study.key import ROOT
from study.looks import unknown_looks
from study.plan import manifest_holds, read_studies, write_manifest
from study.published import read_sources
from study.resources import memory_mb, minutes
from study.spaces import refused
from study.tasks import drawn_by_mujoco


class Workflow:
    """The studies of a call, and what its rules need.

    Attributes: ``call``; ``studies``, by name; ``broken``, what is wrong with each study that cannot be planned;
    ``default``, the study of a call without targets. Raises UsageError where the call cannot be done.
    """

    def __init__(self, call: Call, config: Iterable[str] = (), root: Path = ROOT):
        check_call(call, root, config)
        self.call, self._root = call, root
        self.studies, self.broken = read_studies(root)
        known = self.studies | self.broken
        self.default = "figure3" if "figure3" in known else next(iter(known))
        self._damaged: dict[str, str] = {}  # what is wrong with runs, by folder
        self._stale: list[str] = []  # tables of episodes of other policies
        self._new: list[str] = []  # in a call that changes nothing: a new file, for what would be moved or written
        # Of studies that name the same cell one answers, and the cell is trained and evaluated once: with portable
        # kernels if any of them asks for those.
        asking = sorted(self.studies.values(), key=lambda study: study.cells[0].portable)
        self._trained_by = {_folder(cell): (study.name, cell) for study in asking for cell in study.cells}
        self._evaluated_by = {c.evaluation: (s.name, c) for s in asking if not s.sweeps for c in s.cells}

    def prepare(self) -> list[str]:
        """See what is wrong with tasks and runs, and make the disk ready for the plan; lines for standard error.

        Damaged runs are set aside, tables of episodes of other policies are removed, and the lists of the studies'
        runs are written. A call that runs no job leaves all of these as they are. Raises UsageError where only
        studies are asked for that cannot be planned, and OSError.
        """
        for name in self.broken:
            if name in (self.call.targets or (self.default,)) and not set(self.call.targets) & set(self.studies):
                raise UsageError(self.broken[name])
        asked = [self.studies[name] for name in self.call.studies(self.studies, self.default)]
        unusable = refused(task for study in asked for task in study.tasks.values())
        self._damaged = damaged(self.studies, self._root)
        if self.call.idle:
            self._stale = stale_evaluations(self.studies, self._root)
            self._new = [_new_file()]
        else:
            set_aside(self._damaged, self._root)
            for path in stale_evaluations(self.studies, self._root):
                (self._root / path).unlink()
            for study in self.studies.values():
                write_manifest(study, self._root)
        moved = "would be moved" if self.call.idle else "moved"
        so_far = "python -m analysis.terminal.so_far STUDY"
        return [
            *(f"warning: {said}: the study {name} is left out" for name, said in self.broken.items()),
            *(f"warning: {said}: the source is left out" for said in read_sources(self._root)[1].values()),
            *(f"warning: {said}: no method looks so" for said in unknown_looks(self._root)),
            *(f"error: {said}. Its runs fail; all others go on, and {so_far} draws them" for said in unusable.values()),
            *(
                f"warning: {folder}: {wrong}: {moved} to work/damaged/, and to be trained again"
                for folder, wrong in self._damaged.items()
            ),
        ]

    # Files of a study.

    def runs(self, study: str) -> list[str]:
        """Every file of every run."""
        return [path for name in FILES for path in self.studies[study].run_files(name)]

    def run_tables(self, wildcards) -> list[str]:
        """What the analysis reads of the runs."""
        study = self.studies[wildcards.study]
        return [path for name in ("episodes.parquet", "run.json") for path in study.run_files(name)]

    def evaluations(self, wildcards) -> list[str]:
        """The tables of episodes of the final policies. A study of step sizes, which asks for scores only, has none."""
        study = self.studies[wildcards.study]
        return [] if study.sweeps else [cell.evaluation for cell in study.cells]

    def untrained_scores(self, wildcards) -> list[str]:
        """The measured scores of untrained policies: of the tasks for which envs.yaml gives none."""
        tasks = self.studies[wildcards.study].tasks.values()
        return [task.score_file for task in tasks if task.given_score is None]

    def manifest(self, wildcards) -> list[str]:
        """The list of the runs, or a new file where the list is to be another."""
        study = self.studies[wildcards.study]
        return self._new if self._new and not manifest_holds(study, self._root) else [study.manifest]

    def option_sources(self, wildcards) -> list[str]:
        """Where the options of the methods are declared and explained."""
        methods = self.studies[wildcards.study].methods.values()
        return ["core/run.py", *sorted({f"algos/{method.algo}.py" for method in methods})]

    # A run.

    def damage_of(self, wildcards) -> list[str]:
        """A new file where the run is damaged and still in its place: then it is planned anew."""
        return self._new if RUN.format(**wildcards) in self._damaged else []

    def train_arguments(self, wildcards) -> str:
        """The command line."""
        return f"{self._cell_arguments(*self._asked(wildcards))} --seed {wildcards.seed} --key {wildcards.key}"

    def train_memory(self, wildcards, attempt: int) -> int:
        """MB on a cluster."""
        return memory_mb(self._asked(wildcards)[1], attempt, self._root)

    def train_minutes(self, wildcards, attempt: int) -> int:
        """Minutes on a cluster."""
        return minutes(self._asked(wildcards)[1], attempt, self._root)

    @staticmethod
    def seed_first(wildcards) -> int:
        """Priority: seed 0 of everything trains before seed 1 of anything, for a whole picture early."""
        return max(0, 1000 - int(wildcards.seed))

    def _asked(self, wildcards) -> tuple[str, Cell]:
        asked_for = "key {key} of {algo} on {task}".format(**wildcards)
        return _found(self._trained_by, CELL.format(**wildcards), asked_for)

    # A cell: its table of episodes, or its film in a study.

    def staleness_of(self, wildcards) -> list[str]:
        """A new file where the table of episodes is of other policies and still in its place."""
        return self._new if EVALUATION.format(**wildcards) in self._stale else []

    def cell_runs(self, wildcards) -> list[str]:
        """What is read of the runs to play their policies."""
        _, cell = self._cell_of(wildcards)
        return [f"{cell.folder(seed)}/policy.safetensors" for seed in cell.seeds]  # run.json comes with it

    def cell_arguments(self, wildcards) -> str:
        """The command line."""
        return self._cell_arguments(*self._cell_of(wildcards))

    def opengl_first(self, wildcards) -> list[str]:
        """What a film of one of Gymnasium's MuJoCo tasks waits for; others may need no OpenGL."""
        return ["work/opengl"] if self._cell_of(wildcards)[1].task_id in drawn_by_mujoco() else []

    def _cell_of(self, wildcards) -> tuple[str, Cell]:
        asked_for = "the policies of {algo}/{task}/{key}".format(**wildcards)
        if hasattr(wildcards, "how"):
            return _found(self._evaluated_by, EVALUATION.format(**wildcards), asked_for)
        cells = {_folder(cell): (wildcards.study, cell) for cell in self.studies[wildcards.study].cells}
        return _found(cells, CELL.format(**wildcards), asked_for)

    @staticmethod
    def _cell_arguments(study: str, cell: Cell) -> str:
        return f"--study {study} --task {cell.task} --method {cell.method.name}"


def _folder(cell: Cell) -> str:
    return CELL.format(algo=cell.method.algo, task=cell.task, key=cell.key)


def _found(cells: dict[str, tuple[str, Cell]], path: str, asked_for: str) -> tuple[str, Cell]:
    if path not in cells:
        raise UsageError(f"no study asks for {asked_for} any more")
    return cells[path]


def _new_file() -> str:
    """A file of now, outside the project, until this process ends."""
    folder = tempfile.mkdtemp(prefix="stepsize-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "new"
    path.touch()
    return str(path)
