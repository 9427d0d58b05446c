"""What a plan is made of: studies, their methods, and the cells of method and task that are trained."""

import functools
from dataclasses import dataclass, field
from typing import NamedTuple

from core.errors import UsageError
from study.key import evaluation_key, run_key
from study.options import nearest
from study.tasks import Task

FILES = ("episodes.parquet", "updates.parquet", "policy.safetensors", "run.json")
CELL = "results/runs/{algo}/{task}/{key}"  #: where the runs of a cell lie, from the root of the project
RUN = f"{CELL}/seed{{seed}}"
EVALUATION = f"{CELL}/evaluation/{{how}}.csv"

ROWS_NEEDED = 3  #: of Table 1 in a study: of two there is no ranking to speak of


class Swept(NamedTuple):
    """Where a method stands in a sweep: a line of a study that names one option's values."""

    line: str  #: the name of that line
    label: str  #: the line's, for figures
    option: str
    value: float


@dataclass(frozen=True)
class Method:
    """A line of a study: an algorithm with options, under a name. Of a line with a sweep, one of its values."""

    name: str
    algo: str
    options: dict  #: complete: every option of the algorithm and of the run
    label: str  #: for figures
    published: str | dict[str, str] | None  #: what published sources call it (published/); or by source
    swept: Swept | None = None
    row: str | None = None  #: of the PPO paper's Table 1
    colour: str | None = None  #: "#RRGGBB" in figures
    line: str | None = None  #: in figures: solid, dashed, dotted or dashdot

    def published_in(self, source: str) -> str | None:
        """What this source calls it; None where it has no such method, or means another by the name."""
        return self.published.get(source) if isinstance(self.published, dict) else self.published


@dataclass(frozen=True)
class Cell:
    """All seeds of one method on one task."""

    task: str
    spec: str | dict  #: the task's (``core/envs/spec.py``)
    method: Method
    steps: int
    seeds: tuple[int, ...]
    portable: bool = False  #: with the kernels of that name (``train/kernels.py``)

    @functools.cached_property
    def key(self) -> str:
        """The content key; see ``study/key.py``."""
        return run_key(self.method.algo, self.spec, self.method.options, self.steps)

    @property
    def task_id(self) -> str:
        """Gymnasium's id of the task."""
        return self.spec if isinstance(self.spec, str) else self.spec["id"]

    def folder(self, seed: int) -> str:
        """Where the run with this seed has its files, from the root of the project."""
        return RUN.format(algo=self.method.algo, task=self.task, key=self.key, seed=seed)

    def files(self, seed: int) -> list[str]:
        """The files of a finished run."""
        return [f"{self.folder(seed)}/{name}" for name in FILES]

    @property
    def evaluation(self) -> str:
        """The table of episodes of its final policies (``play/evaluate.py``), from the root of the project."""
        how = evaluation_key(self.seeds)
        return EVALUATION.format(algo=self.method.algo, task=self.task, key=self.key, how=how)


@dataclass(frozen=True)
class Study:
    """A named set of runs and the figure they make."""

    name: str
    title: str
    steps: int
    seeds: tuple[int, ...]
    tasks: dict[str, Task]
    methods: dict[str, Method]
    cells: list[Cell] = field(default_factory=list)
    part_of: "Study | None" = None  #: of what is finished so far (``analysis/terminal/so_far.py``): the study

    def cell(self, task: str, method: str) -> Cell:
        """The cell of these names, which must be in the study. Raises UsageError."""
        for kind, name, valid in (("task", task, self.tasks), ("method", method, self.methods)):
            if name not in valid:
                raise UsageError(f"studies.yaml: {self.name}: {kind} {nearest(name, valid)}")
        return next(c for c in self.cells if (c.task, c.method.name) == (task, method))

    @property
    def planned(self) -> "Study":
        """All of it, also of what is finished so far."""
        return self.part_of or self

    @property
    def swept(self) -> dict[str, dict[str, Swept]]:
        """The methods of each line with a sweep, by the line's name and the method's."""
        found: dict[str, dict[str, Swept]] = {}
        for name, method in self.methods.items():
            if method.swept:
                found.setdefault(method.swept.line, {})[name] = method.swept
        return found

    @property
    def sweeps(self) -> bool:
        """Whether it is about the values of options: then all its lines are."""
        return bool(self.swept)

    @property
    def published(self) -> bool:
        """Whether it is compared with published sources: a method says what they call it."""
        return not self.sweeps and any(method.published for method in self.methods.values())

    @property
    def ranked(self) -> bool:
        """Whether it has enough rows of the PPO paper's Table 1 to compare how they rank."""
        return not self.sweeps and sum(bool(method.row) for method in self.methods.values()) >= ROWS_NEEDED

    @property
    def manifest(self) -> str:
        """Where the list of its runs lies, from the root of the project."""
        return f"results/{self.name}/runs.json"

    def run_files(self, name: str) -> list[str]:
        """The path of ``name`` (one of FILES) in every run of the study."""
        return [f"{cell.folder(seed)}/{name}" for cell in self.cells for seed in cell.seeds]
