"""From ``envs.yaml`` and ``studies.yaml`` to the list of runs; every mistake is found here, before training.

Shared by the workflow and the command line. Imports neither torch nor Gymnasium.
"""

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from core.errors import UsageError
from study.atomic import write_whole
from study.cells import Cell, Method, Study, Swept
from study.config import Loader, check, load_yaml
from study.key import ROOT
from study.looks import dressed, read_entries
from study.options import algorithms, least_steps, nearest, option_fields
from study.published import check_published
from study.table1 import check_rows
from study.tasks import make_task

OF_METHODS = ("algo", "colour", "label", "line", "published", "row", "sweep")  #: of a method, besides options
OF_STUDIES = ("tasks", "seeds", "steps", "portable")  #: not of a method, where some look for them


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
    check_rows(methods.values(), f"{where}.methods", root)
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
            known = [*valid, *OF_METHODS] if ".methods." in where else valid
            raise UsageError(f"{where}: option {nearest(name, known)} (options of {algo})")
    return {name: valid[name].check(value, f"{where}.{name}") for name, value in given.items()}
