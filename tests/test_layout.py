"""Who may import whom, what core/ holds, and how long a file may be."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest
from sources import FOLDERS, MODULES, SOURCES, imported, imports_of

from study.options import algorithms
from study.plan import ROOT
from study.sources import closure

#: What planning may see of core/: no module that loads torch or a simulator as it is imported.
PLAIN = ("core.errors", "core.kinds", "core.envs.spec", "core.envs.making")
SHOWN = ("study", "core.errors", "core.envs.spec")  #: what analysis may import besides itself
#: Each room, and what of the project it may import: rooms, or modules of them.
ROOMS = {
    "core": ("core",),
    "algos": ("core",),
    "study": ("study", *PLAIN),
    "train": ("train", "study", "core"),
    "play": ("play", "study", "core", "train.libraries", "train.provenance"),
    "analysis.data": ("analysis.data", *SHOWN),
    "analysis.statistics": ("analysis.statistics", "analysis.data", *SHOWN),
    "analysis.figures": ("analysis.figures", "analysis.statistics", "analysis.data", *SHOWN),
    "analysis.page": ("analysis.page", "analysis.figures", "analysis.statistics", "analysis.data", *SHOWN),
    "analysis.terminal": ("analysis", *SHOWN),
    "lecture": ("lecture", "core", "algos", "study.topics", "analysis.figures.pyplot"),
    "tools": ("tools", "core", "algos", "study", "train", "play", "analysis"),
    "benchmarks": ("benchmarks", "core", "algos", "study", "train", "play"),
}
SIGNPOSTS = {"core.train"}  #: modules that only say where something went


def within(name, rooms):
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def ours(names):
    return {name for name in names if name.split(".")[0] in FOLDERS}


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] != "tests"])
def test_a_module_imports_only_what_its_room_may(name):
    (room,) = [room for room in ROOMS if within(name, [room])] or ["analysis.terminal"]  # the package of all analysis
    wrong = {other for other in ours(imports_of(MODULES[name])) if not within(other, ROOMS[room])}
    assert not wrong, f"{name} is in {room}/, which may import {', '.join(ROOMS[room])}"


def test_the_workflow_imports_planning_and_names_of_tables_and_figures():
    for path in [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]:
        lines = re.findall(r"^(?:from|import) .*$", path.read_text(encoding="utf-8"), re.M)
        assert all(within(name, ("study", "analysis", *PLAIN)) for name in ours(imported("\n".join(lines))))


def test_imports_have_no_circles():
    graph = {name: ours(imports_of(path)) - {name} for name, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, with the circle


def test_core_is_exactly_what_decides_a_number():
    """By the key itself: what a run of some method is keyed by, besides the methods, is all of core/."""
    entries = [ROOT / "core" / "run.py", *(ROOT / "algos" / f"{algo}.py" for algo in algorithms())]
    keyed = {path for path in closure(entries, [ROOT]) if path.stem != "__init__"}
    decides = {path for path in keyed if path.parent != ROOT / "algos"}
    lies = {path for name, path in MODULES.items() if within(name, ["core"]) and path.stem != "__init__"}
    assert decides == lies - {MODULES[name] for name in SIGNPOSTS}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_files_are_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize(
    "room", sorted({path.parent for path in SOURCES if path.relative_to(ROOT).parts[0] != "tests"})
)
def test_a_room_says_what_lives_there(room):
    assert ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "path",
    [p for p in SOURCES if p.parts[len(ROOT.parts)] in ("analysis", "tools")],
    ids=lambda p: p.relative_to(ROOT).as_posix(),
)
def test_tables_are_read_by_one_thread(path):
    """Or Python's exit may be an abort: ``analysis.data.runs.read_parquet``."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"pd\.read_parquet|\.read_table|ParquetDataset", text)


def test_matplotlib_and_seaborn_come_from_one_module():
    """A user's settings of them reach a figure past it."""
    drawing = {
        name
        for name, path in MODULES.items()
        if name.split(".")[0] != "tests" and {n.split(".")[0] for n in imports_of(path)} & {"matplotlib", "seaborn"}
    }
    assert drawing == {"analysis.figures.pyplot"}


def test_planning_and_analysis_never_import_torch():
    modules = [name for name in MODULES if within(name, ("study", "analysis")) and not name.endswith("__main__")]
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules or 'gymnasium' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
