"""What is made of a study: its figures and tables, found by listing the folders of the modules that make them.

A module of ``analysis/figures/`` that has ``ABOUT``, a sentence, is a figure. It has ``draw(study, tables)`` and
``caption(study, tables)``. A module of ``analysis/statistics/`` that has ``TABLES``, a sentence on each by name, makes
tables by ``make(study, tables)``; ``analysis/data/tables.py`` makes those that all others are made of.

Any of them may have ``wanted(study)``: whether the study has what it makes. Without it, studies without a sweep do.
The workflow asks when it plans, and an import of Matplotlib takes a second. So the modules are read here as text, and
``wanted`` is run by itself: it imports in its own body what it uses besides ``study``.
"""

import __future__

import ast
import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from core.errors import UsageError
from study.cells import Cell, Study
from study.options import nearest
from study.published import surrogates

ANALYSIS = Path(__file__).parents[1]
FLAGS = __future__.annotations.compiler_flag  #: annotations are not evaluated


class Maker(NamedTuple):
    """A module that makes a figure or tables."""

    name: str
    makes: dict[str, str]  #: a sentence on each figure or table, by name
    wanted: Callable[[Study], bool]

    def has(self, study: Study) -> bool:
        """Whether the study has what it makes. Raises UsageError where its ``wanted`` fails."""
        try:
            return self.wanted(study)
        except Exception as error:  # the module is its author's
            raise UsageError(f"{self.name}: wanted: {error}") from None


@functools.cache
def figures() -> dict[str, Maker]:
    """The figures by name, sorted. Raises UsageError where a module cannot be read."""
    return _found("figures", "ABOUT", "draw", "caption")


@functools.cache
def statistics() -> dict[str, Maker]:
    """The modules of ``analysis/statistics/`` that make tables, by name, sorted. Raises UsageError likewise."""
    return _found("statistics", "TABLES", "make")


def chosen(makers: dict[str, Maker], study: Study, name: str | None = None) -> list[str]:
    """What is to be made of a study: ``name``, or all that it has. Raises UsageError where it has no such thing."""
    if name is None:
        return [one for one, maker in makers.items() if maker.has(study)]
    if name not in makers:
        raise UsageError(nearest(name, makers))
    if not makers[name].has(study):
        raise UsageError(f"{study.name} has no {name}: see wanted(study) in {makers[name].name}")
    return [name]


def figures_of(study: Study) -> dict[str, str]:
    """The sentence on each figure that a study has, by name."""
    return {name: figures()[name].makes[name] for name in chosen(figures(), study)}


def tables_of(study: Study) -> dict[str, str]:
    """The sentence on each table that a study has, ``results/<study>/tables/<name>.csv``, by name."""
    makers = [*_found("data", "TABLES").values(), *(statistics()[name] for name in chosen(statistics(), study))]
    return {name: about for maker in makers for name, about in maker.makes.items()}


def _found(folder: str, constant: str, *needed: str) -> dict[str, Maker]:
    """The modules of a folder that have this ``constant``, by name."""
    found = {path.stem: _read(path, constant, *needed) for path in sorted((ANALYSIS / folder).glob("*.py"))}
    return {name: maker for name, maker in found.items() if maker}


def _read(path: Path, constant: str, *needed: str) -> Maker | None:
    """A module as it says itself what it makes; None if it has no such ``constant``."""
    where = path.relative_to(ANALYSIS.parent).as_posix()
    try:
        body = ast.parse(path.read_bytes()).body
        values = [n.value for n in body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == constant]
        if not values:
            return None
        about = ast.literal_eval(values[0])
    except SyntaxError as error:
        raise UsageError(f"{where}: line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise UsageError(f"{where}: {constant} must be written out: {error}") from None
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    for name in needed:
        if name not in functions:
            raise UsageError(f"{where}: has {constant} and no {name}(study, tables)")
    names = {"wanted": lambda study: not study.sweeps}
    if "wanted" in functions:
        exec(compile(ast.Module([functions["wanted"]], []), path, "exec", FLAGS), names)
    return Maker(where, about if isinstance(about, dict) else {path.stem: about}, names["wanted"])


ROWS_NEEDED = 3  #: of Table 1 in a study: of two there is no ranking to speak of


def ranked(study: Study) -> bool:
    """Whether a study has enough rows of Table 1 to compare how they rank."""
    return not study.sweeps and len(surrogates(study)) >= ROWS_NEEDED


def video_file(study: Study, cell: Cell) -> str:
    """The film of the cell's final policy (``play/film.py``), from the root of the project; made by STUDY_videos."""
    return f"results/{study.name.split('/')[0]}/videos/{cell.method.algo}/{cell.task}/{cell.key}.webp"
