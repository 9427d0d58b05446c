"""A study that is trained again from nothing, in another folder, is compared with the runs that are kept."""

import shutil
import subprocess
import sys

import pandas as pd
import pytest
from copied import git
from kept_runs import amend
from missing import need

pytestmark = pytest.mark.workflow


def again(project, *arguments):
    command = [sys.executable, "-m", "tools.again", *arguments, "--cores", "2"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


@pytest.fixture
def project(four_runs, tmp_path):
    need("git")
    project = shutil.copytree(four_runs, tmp_path / "project")
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "runs")
    return project


@pytest.mark.slow
def test_every_run_comes_again_and_one_that_does_not_is_named(project, tmp_path):
    there = tmp_path / "there"
    done = again(project, there, "--study", "tiny")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "tiny: 4 same bytes"), done.stderr[-2000:]
    assert done.stderr.count("train ") >= 4, "none was taken from the clone"

    one, two, three, _ = (path.parent for path in sorted(project.glob("results/runs/*/*/*/seed*/run.json")))
    for folder, machine in ((one, {}), (two, {"cpu": {"model": "another", "flags": ""}})):
        rows = pd.read_parquet(folder / "updates.parquet")
        rows.loc[0, "entropy"] *= 1 + 1e-12
        rows.to_parquet(folder / "updates.parquet")
        amend(folder, **machine)
    (three / "episodes.parquet").write_bytes(b"")
    done = again(project, there, "--study", "tiny")
    assert done.returncode == 1
    said = done.stdout.splitlines()
    assert said[-1] == "tiny: 1 same bytes, 1 other bytes, 1 of another machine, 1 not here"
    assert said[-3:-1] == [
        f"OTHER BYTES: {one.relative_to(project).as_posix()}",
        f"NOT HERE: {three.relative_to(project).as_posix()}",
    ]
    assert "train " not in done.stderr, "what was trained there is not trained again"


def test_a_folder_with_other_things_is_left_alone(project, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("all of it")
    done = again(project, tmp_path / "mine", "--study", "tiny")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "mine has other things in it" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
