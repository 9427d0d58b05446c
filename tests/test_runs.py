"""Auditing the runs on disk, moving them to new keys, removing those that nothing names."""

import hashlib
import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from copied import edit

from core.whole import damage, sealed

pytestmark = pytest.mark.long


def tool(project, *arguments):
    done = subprocess.run([sys.executable, "-m", "tools.runs", *arguments], cwd=project, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def project(four_runs, tmp_path):
    return shutil.copytree(four_runs, tmp_path / "project")


def folders(project):
    return sorted(path.relative_to(project).as_posix() for path in project.glob("results/runs/*/*/*/seed*"))


def test_runs_that_were_not_touched_have_the_same_bytes(project):
    code, said = tool(project, "audit", "--share", "1")
    assert (code, said.count("same bytes")) == (0, 4)


def amend(folder, **changes):
    """Another run.json, with the digests that belong to it."""
    record = json.loads((folder / "run.json").read_text())
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in record["digests"]}
    (folder / "run.json").write_text(json.dumps(sealed(record | {"digests": digests} | changes)))


def test_a_number_that_was_changed_is_found(project):
    changed = {"updates": ("entropy", 1e-12), "episodes": ("return", 1e-6)}
    runs = [project / folder for folder in folders(project)]
    for folder, (table, (column, digit)) in zip(runs, changed.items(), strict=False):
        rows = pd.read_parquet(folder / f"{table}.parquet")
        rows.loc[0, column] *= 1 + digit
        rows.to_parquet(folder / f"{table}.parquet")
    code, said = tool(project, "audit", "--share", "1")
    assert (code, said.count("same bytes")) == (1, 2)
    assert all(said.count(f"{table}.parquet is damaged") == 1 for table in changed)
    for folder in runs[:2]:
        amend(folder)
    code, said = tool(project, "audit", "--share", "1")
    assert (code, said.count("DIFFERS"), said.count("same bytes")) == (1, 2, 2)


@pytest.mark.parametrize(
    "other",
    [{"cpu": {"model": "another", "flags": ""}}, pytest.param({"libc": "glibc 1"}, marks=pytest.mark.slow)],
    ids=str,
)
def test_on_another_machine_the_bytes_are_not_compared(project, other):
    amend(project / folders(project)[0], **other)
    code, said = tool(project, "audit", "--share", "1")
    assert (code, said.count("another machine")) == (0, 1)


def test_a_change_that_changes_no_number_moves_the_runs(project):
    before = folders(project)
    played = (project / before[0]).parent / "evaluation" / "0123456789ab.csv"
    played.parent.mkdir()
    played.write_text("of the same policies")
    edit(project / "algos" / "npg.py", "F = fisher(", "F = 0\n    F = fisher(")
    code, said = tool(project, "rekey")
    assert code == 0
    assert "2 runs moved" in said
    after = folders(project)
    assert len(after) == 4
    assert [path for path in after if "/pg/" in path] == [path for path in before if "/pg/" in path]
    assert not {path for path in after if "/npg/" in path} & set(before)
    assert all(damage(project / path) is None for path in after)
    moved = (project / next(path for path in after if "/npg/" in path)).parent / "evaluation" / played.name
    assert moved.read_text() == played.read_text() and moved != played
    code, said = tool(project, "prune", "--yes")
    assert "0 runs that no study names, and 2 tables of episodes" in said, "the study names all runs again"
    assert folders(project) == after
    assert not played.parents[1].exists() and not moved.parent.exists() and moved.parents[1].exists()


def test_a_change_that_changes_a_number_moves_nothing(project):
    before = folders(project)
    edit(project / "algos" / "npg.py", "step_of_kl(F, x, cfg.max_kl)", "0.999 * step_of_kl(F, x, cfg.max_kl)")
    code, said = tool(project, "rekey")
    assert code == 1
    assert "other bytes" in said
    assert folders(project) == before


def test_prune_says_and_then_removes_what_no_study_names(project):
    edit(project / "studies.yaml", "seeds: 2", "seeds: 1")
    assert tool(project, "prune")[1].count("seed1") == 2
    assert len(folders(project)) == 4
    tool(project, "prune", "--yes")
    assert [path[-5:] for path in folders(project)] == ["seed0", "seed0"]
