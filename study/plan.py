"""From ``envs.yaml`` and ``studies.yaml`` to the list of runs; every mistake is found here, before training.

Shared by the workflow and the command line. Imports neither torch nor Gymnasium.
"""

import argparse
import dataclasses
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import yaml

from core.errors import UsageError
from study.atomic import write_whole
from study.config import Loader, check, load_yaml
from study.key import ROOT, evaluation_key, run_key
from study.looks import dressed, read_entries
from study.options import algorithms, least_steps, nearest, option_fields
from study.published import check_published
from study.tasks import Task, make_task

OF_STUDIES = ("tasks", "seeds", "steps", "portable")  #: not of a method, where some look for them
FILES = ("episodes.parquet", "updates.parquet", "policy.safetensors", "run.json")
CELL = "results/runs/{algo}/{task}/{key}"  #: where the runs of a cell lie, from the root of the project
RUN = f"{CELL}/seed{{seed}}"
EVALUATION = f"{CELL}/evaluation/{{how}}.csv"


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
    def sweeps(self) -> bool:
        """Whether it is about the values of options: then all its lines are."""
        return any(method.swept for method in self.methods.values())

    @property
    def published(self) -> bool:
        """Whether it is compared with published sources: a method says what they call it."""
        return not self.sweeps and any(method.published for method in self.methods.values())

    @property
    def manifest(self) -> str:
        """Where the list of its runs lies, from the root of the project."""
        return f"results/{self.name}/runs.json"

    def run_files(self, name: str) -> list[str]:
        """The path of ``name`` (one of FILES) in every run of the study."""
        return [f"{cell.folder(seed)}/{name}" for cell in self.cells for seed in cell.seeds]


def load_studies(root: Path = ROOT) -> dict[str, Study]:
    """Every study of ``studies.yaml``. Raises UsageError, also where one of them cannot be planned."""
    studies, broken = read_studies(root)
    for said in broken.values():
        raise UsageError(said)
    return studies


def read_studies(root: Path = ROOT) -> tuple[dict[str, Study], dict[str, str]]:
    """The studies that can be planned, and what is wrong with each of the others, by name.

    Raises UsageError where a file as a whole is not readable.
    """
    studies, broken = {}, {}
    envs = load_yaml(root / "envs.yaml")
    entries, looks = read_entries(root / "studies.yaml", root)
    for name, entry in entries.items():
        try:
            check(root / "studies.yaml", {name: entry}, root)
            if asked := {task: envs[task] for task in entry["tasks"] if task in envs}:
                check(root / "envs.yaml", asked, root)
            studies[name] = make_study(name, dressed(entry, looks), envs, root)
        except UsageError as error:
            broken[name] = str(error)
    return studies, broken


def load_study(name: str, root: Path = ROOT) -> Study:
    """One study. Raises UsageError where anything in it, or the name, is wrong."""
    studies, broken = read_studies(root)
    if name not in studies:
        raise UsageError(broken.get(name, f"studies.yaml: study {nearest(name, [*studies, *broken])}"))
    return studies[name]


def name_a_cell(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which cell a command line is about."""
    for name, what in (("study", "a study of studies.yaml"), ("task", "a task of it"), ("method", "a method of it")):
        parser.add_argument(f"--{name}", required=True, help=what)


def override(cell: Cell, settings: list[str], steps: int | None) -> Cell:
    """A cell for a try, under a key of its own: ``settings`` are ``option=value``. Raises UsageError."""
    changes = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting}: write option=value")
        try:
            changes[name] = yaml.load(value, Loader)
        except yaml.YAMLError:
            raise UsageError(f"--set {setting}: the value is not readable") from None
    options = cell.method.options | _options(cell.method.algo, changes, "--set")
    if steps is not None and steps < 1:
        raise UsageError(f"--steps {steps}: give 1 or more")
    method = dataclasses.replace(cell.method, options=options)
    tried = dataclasses.replace(cell, method=method, steps=cell.steps if steps is None else steps)
    return _affordable(tried, "--steps")


def make_study(name: str, entry: dict, envs: dict, root: Path = ROOT) -> Study:
    """A study from its entry in ``studies.yaml``, which has passed the schema. Raises UsageError."""
    where = f"studies.yaml: {name}"
    if unknown := [task for task in entry["tasks"] if task not in envs]:
        raise UsageError(f"{where}.tasks: {nearest(unknown[0], envs)} (tasks are listed in envs.yaml)")
    tasks = {task: make_task(task, envs[task]) for task in entry["tasks"]}
    shared = entry.get("options", {})
    methods = {}
    for line, given in entry["methods"].items():
        for method in _methods(line, given or {}, shared, f"{where}.methods.{line}", root):
            methods[method.name] = method
    if len({method.swept is None for method in methods.values()}) > 1:
        plain = next(name for name, method in methods.items() if method.swept is None)
        raise UsageError(f"{where}.methods.{plain}: needs a sweep, as other methods of the study have one")
    check_published(methods.values(), f"{where}.methods", root)
    seeds = entry["seeds"]
    study = Study(
        name=name,
        title=entry.get("title", name),
        steps=int(entry["steps"]),  # the schema lets 1e6 pass: a whole number, if a float
        seeds=tuple(map(int, seeds if isinstance(seeds, list) else range(int(seeds)))),
        tasks=tasks,
        methods=methods,
    )
    for task, about in study.tasks.items():
        for method in methods.values():
            cell = Cell(task, about.spec, method, study.steps, study.seeds, entry.get("portable", False))
            study.cells.append(_affordable(cell, f"{where}.steps", root))
    return study


def _affordable(cell: Cell, where: str, root: Path = ROOT) -> Cell:
    name, envs = cell.method.name, cell.method.options["envs"]
    batch = least_steps(cell.method.algo, cell.method.options, root)
    if cell.steps < batch:
        raise UsageError(f"{where}: {cell.steps} is less than one batch of {name} ({batch} steps): nothing is learned")
    if batch == 1:
        raise UsageError(f"{where}: {name} learns nothing from a batch of one step: make it 2 or more")
    if cell.method.options.get("batch", 0) % envs:
        raise UsageError(f"{where}: {name} shares a batch of {batch} steps among {envs} envs: make it a multiple")
    return cell


def write_manifest(study: Study, root: Path = ROOT) -> None:
    """Keep ``results/<study>/runs.json``: the folders of the study's runs, for those who make tables of them.

    Written only when it changes. By its date the workflow sees that a study is made of other runs than its tables
    were, even if those runs are old: an edit undone, say, in a checkout without Snakemake's own records.
    """
    if not manifest_holds(study, root):
        write_whole(root / study.manifest, _manifest(study))  # another Snakemake may be reading it


def manifest_holds(study: Study, root: Path = ROOT) -> bool:
    """Whether the list of the study's runs is there, and is what :func:`write_manifest` would write."""
    path = root / study.manifest
    return path.is_file() and path.read_bytes() == _manifest(study)


def _manifest(study: Study) -> bytes:
    folders = [cell.folder(seed) for cell in study.cells for seed in cell.seeds]
    return (json.dumps(folders, indent=0) + "\n").encode()


def _methods(line: str, entry: dict, shared: dict, where: str, root: Path) -> Iterator[Method]:
    """The methods of one line: itself, or with ``sweep: {option: [values]}`` one for each value, ``line:value``."""
    entry = dict(entry)
    sweep = entry.pop("sweep", None)
    if sweep is None:
        yield _method(line, entry, shared, where, root)
        return
    ((option, values),) = sweep.items()
    if option in entry:
        raise UsageError(f"{where}: {option!r} is given and swept: leave one out")
    algo, label = entry.pop("algo", line), entry.pop("label", line)
    for value in values:
        name = f"{line}:{value:.12g}"
        given = entry | {"algo": algo, "label": f"{label}, {option} {value:.12g}", option: value}
        swept = Swept(line, label, option, float(value))
        yield dataclasses.replace(_method(name, given, shared, where, root), swept=swept)


def _method(name: str, entry: dict, shared: dict, where: str, root: Path) -> Method:
    entry = dict(entry)
    algo = entry.pop("algo", name)
    published, row, colour, line = (entry.pop(key, None) for key in ("published", "row", "colour", "line"))
    label = entry.pop("label", row or name)
    if algo not in algorithms(root):
        raise UsageError(f"{where}: algorithm {nearest(algo, algorithms(root))} (a file in algos/)")
    defaults = {f.name: f.default for f in option_fields(algo, root).values()}
    study_where = where.split(".methods.")[0] + ".options"
    options = defaults | _options(algo, shared, study_where, root) | _options(algo, entry, where, root)
    return Method(name, algo, options, label, published, row=row, colour=colour, line=line)


def _options(algo: str, given: dict, where: str, root: Path = ROOT) -> dict:
    valid = option_fields(algo, root)
    for name in given:
        if name in OF_STUDIES:
            raise UsageError(f"{where}: {name!r} is of a whole study: write it beside the study's methods")
        if name not in valid:
            raise UsageError(f"{where}: option {nearest(name, valid)} (options of {algo})")
    return {name: valid[name].check(value, f"{where}.{name}") for name, value in given.items()}
