"""What is made of a study: its figures and tables, found by listing the folders of the modules that make them.

A module of ``analysis/figures/`` that has ``ABOUT``, a sentence, is a figure. It has ``draw(study, tables)`` and
``caption(study, tables)``. A module of ``analysis/statistics/`` that has ``TABLES``, a sentence on each by name, makes
tables by ``make(study, tables)``; ``analysis/data/tables.py`` makes those that all others are made of.

Any of them may have ``wanted(study)``: whether the study has what it makes. Without it, studies without a sweep do.
The workflow asks when it plans, and an import of Matplotlib takes a second. So the modules are read here as text, and
``wanted`` is run by itself: it imports in its own body what it uses besides ``study``.

A module with a mistake is left out, and :func:`left_out` says why: it stops neither training nor other figures.
"""

import __future__

import ast
import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import UsageError
from study.cells import Cell, Study
from study.options import nearest

ANALYSIS = Path(__file__).parents[1]
FLAGS = __future__.annotations.compiler_flag  #: annotations are not evaluated


class Maker(NamedTuple):
    """A module that makes a figure or tables."""

    file: str
    makes: dict[str, str]  #: a sentence on each figure or table, by name
    wanted: Callable[[Study], bool] | None

    def has(self, study: Study) -> bool:
        """Whether the study has what it makes. Raises UsageError where its ``wanted`` fails."""
        if self.wanted is None:
            return not study.sweeps
        try:
            return self.wanted(study)
        except Exception as error:  # the module is its author's
            raise UsageError(f"{self.file}: wanted: {_said(error)}") from None


class Folder(NamedTuple):
    """A folder of ``analysis/`` whose modules may be makers, and how such a module is told from others."""

    name: str
    constant: str  #: what a maker has, and its helpers have not
    functions: tuple[str, ...]
    what: str  #: that a module makes, in messages


FIGURES = Folder("figures", "ABOUT", ("draw", "caption"), "figure")
STATISTICS = Folder("statistics", "TABLES", ("make",), "statistics")
DATA = Folder("data", "TABLES", ("make",), "tables")


def figures() -> dict[str, Maker]:
    """The figures by name, sorted."""
    return _found(FIGURES)[0]


def statistics() -> dict[str, Maker]:
    """The modules of ``analysis/statistics/`` that make tables, by name, sorted."""
    return _found(STATISTICS)[0]


def left_out(studies: Iterable[Study], *folders: Folder) -> list[str]:
    """A line on each module that these studies cannot have because of a mistake in it, of some folders or of all."""
    said = []
    for folder in folders or (DATA, STATISTICS, FIGURES):
        makers, broken = _found(folder)
        wrong = [*broken.values(), *(line for study in studies for line in _asked(makers, study)[1])]
        be = "is" if folder == FIGURES else "are"
        said += [f"warning: {line}: the {folder.what} {be} left out" for line in dict.fromkeys(wrong)]
    return said


def chosen(folder: Folder, study: Study, name: str | None = None) -> list[str]:
    """The modules that make something of a study: ``name``, or all. Raises UsageError where ``name`` makes nothing."""
    makers, broken = _found(folder)
    if name is None:
        return _asked(makers, study)[0]
    if name in broken:
        raise UsageError(broken[name])
    if name not in makers:
        raise UsageError(f"{folder.what} {nearest(name, makers)}")
    if not makers[name].has(study):
        why = f"see wanted(study) in {makers[name].file}" if makers[name].wanted else "studies with a sweep do not"
        raise UsageError(f"{study.name} does not have the {folder.what} {name}: {why}")
    return [name]


def figures_of(study: Study) -> dict[str, str]:
    """The sentence on each figure that a study has, by name."""
    return {name: figures()[name].makes[name] for name in chosen(FIGURES, study)}


def tables_of(study: Study) -> dict[str, str]:
    """The sentence on each table that a study has, ``results/<study>/tables/<name>.csv``, by name."""
    makers = [*_found(DATA)[0].values(), *(statistics()[name] for name in chosen(STATISTICS, study))]
    return {name: about for maker in makers for name, about in maker.makes.items()}


def _asked(makers: dict[str, Maker], study: Study) -> tuple[list[str], list[str]]:
    """The names of those that a study has, and a line on each that cannot tell."""
    names, wrong = [], []
    for name, maker in makers.items():
        try:
            names += [name] * bool(maker.has(study))
        except UsageError as error:
            wrong.append(str(error))
    return names, wrong


@functools.cache
def _found(folder: Folder) -> tuple[dict[str, Maker], dict[str, str]]:
    """The makers of a folder by name, sorted, and a line on each module with a mistake, by name."""
    makers: dict[str, Maker] = {}
    broken = {}
    taken = _found(DATA)[0] if folder == STATISTICS else {}
    for path in sorted((ANALYSIS / folder.name).glob("*.py")):
        file = path.relative_to(ANALYSIS.parent).as_posix()
        try:
            if maker := _read(path, file, folder):
                for other in [*taken.values(), *makers.values()]:
                    for name in sorted(other.makes.keys() & maker.makes.keys()):
                        raise UsageError(f"{file}: {folder.constant}: {name!r} is made by {other.file} already")
                makers[path.stem] = maker
        except UsageError as error:
            broken[path.stem] = str(error)
    return makers, broken


def _read(path: Path, file: str, folder: Folder) -> Maker | None:
    """A module as it says itself what it makes; None if it is a helper. Raises UsageError."""
    try:
        body = ast.parse(path.read_bytes()).body
    except SyntaxError as error:
        raise UsageError(f"{file}: line {error.lineno}: {error.msg}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file}: {_said(error)}") from None
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    values = [node.value for node in body if folder.constant in _targets(node)]  # type: ignore[attr-defined]
    if not values:
        if folder == FIGURES and functions.keys() >= set(folder.functions):
            raise UsageError(f"{file}: has draw and caption, and no ABOUT: write ABOUT = a sentence on the figure")
        return None
    for name in folder.functions:
        if name not in functions:
            raise UsageError(f"{file}: has {folder.constant} and no {name}(study, tables)")
    makes = _makes(values[-1], path.stem, f"{file}: {folder.constant}", folder)
    names: dict[str, Any] = {}
    if "wanted" in functions:
        try:
            exec(compile(ast.Module([functions["wanted"]], []), path, "exec", FLAGS), names)
        except Exception as error:  # a decorator, or a default, that uses the module
            raise UsageError(f"{file}: wanted: {_said(error)}") from None
    return Maker(file, makes, names.get("wanted"))


def _targets(node: ast.stmt) -> list[str]:
    """The names that a statement gives a value, with a type or without."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _makes(value: ast.expr | None, stem: str, where: str, folder: Folder) -> dict[str, str]:
    """The sentence on each thing that a module makes, by name."""
    try:
        about = ast.literal_eval(value) if value else None
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        about = None
    if folder == FIGURES:
        if isinstance(about, str):
            return {stem: about}
        raise UsageError(f"{where} must be written out, as one text in quotation marks")
    if isinstance(about, dict) and about and all(isinstance(text, str) for item in about.items() for text in item):
        return about
    raise UsageError(f"{where} must be written out, as {{name: sentence}} of texts in quotation marks")


def _said(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def video_file(study: Study, cell: Cell) -> str:
    """The film of the cell's final policy (``play/film.py``), from the root of the project; made by STUDY_videos."""
    return f"results/{study.name.split('/')[0]}/videos/{cell.method.algo}/{cell.task}/{cell.key}.webp"
