"""Who may import whom, and how long a file may be."""

import re
import subprocess
import sys

import pytest
from sources import SOURCES, imported

from study.plan import ROOT


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_go_one_way_and_files_are_small(path):
    names = set(imported(path))
    tops = {name.split(".")[0] for name in names}
    room = path.relative_to(ROOT).parts[0]
    if room in ("algos", "core"):
        assert not tops & {"algos", "lecture", "analysis"}
    if room == "analysis":
        assert not tops & {"algos", "lecture"}
    if room == "lecture":
        assert {name for name in names if name.startswith("analysis")} <= {"analysis.figures.pyplot"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


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
    ours = [path for path in SOURCES if path.relative_to(ROOT).parts[0] != "tests"]
    drawing = {path for path in ours if {name.split(".")[0] for name in imported(path)} & {"matplotlib", "seaborn"}}
    assert drawing == {ROOT / "analysis" / "figures" / "pyplot.py"}


def test_planning_and_analysis_never_import_torch():
    paths = [p.relative_to(ROOT).with_suffix("") for p in sorted((ROOT / "analysis").rglob("*.py"))]
    modules = [".".join(path.parts) for path in paths if not path.stem.startswith("_")]
    code = (
        f"import sys, study.plan, {', '.join(modules)}; sys.exit('torch' in sys.modules or 'gymnasium' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
