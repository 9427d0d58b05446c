"""Faults under Snakemake: what fails fails alone, what is damaged is made again, what diverged is counted."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

import pandas as pd
import pytest
from copied import copy_project, edit, run_snakemake, snakemake

from study.cells import FILES
from study.integrity import sealed

pytestmark = pytest.mark.workflow

STUDIES = """
tiny:
  tasks: [InvertedPendulum]
  seeds: 2
  steps: 600
  methods:
    npg: {batch: 256}
    blown: {algo: pg, optimiser: plain, step_size: 1e30, batch: 256, value_epochs: 1}
crash:
  tasks: [InvertedPendulum, Broken]
  seeds: 1
  steps: 600
  methods:
    npg: {batch: 256}
other:
  tasks: [InvertedPendulum]
  seeds: [7]
  steps: 600
  methods:
    npg: {batch: 256}
whole:
  tasks: [HalfCheetah]
  seeds: 1
  steps: 600
  methods:
    npg: {batch: 256}
wrong:
  tasks: [NoVectors, NoModule, InvertedPendulum]
  seeds: 1
  steps: 600
  methods:
    npg: {batch: 256}
"""
CURVES = "results/tiny/figures/curves.svg"
ENVS = """
Broken: {id: "broken:Broken-v0", horizon: 10, random_score: 0}
NoVectors: {id: CartPole-v1, horizon: 10, random_score: 0}
NoModule: {id: "nowhere:Some-v0", horizon: 10, random_score: 0}
"""
BROKEN = """
import gymnasium
from gymnasium.envs.mujoco.inverted_pendulum_v4 import InvertedPendulumEnv
class Broken(InvertedPendulumEnv):
    steps = 0
    def step(self, action):
        Broken.steps += 1
        if Broken.steps == 300:
            raise ValueError("the pole is gone")
        return super().step(action)
gymnasium.register("Broken-v0", Broken)
"""


@pytest.fixture(scope="session")
def finished(once):
    """A project in which the study tiny has been run, and its curves are drawn."""

    def make(project):
        (copy_project(project) / "studies.yaml").write_text(STUDIES)
        (project / "broken.py").write_text(BROKEN)
        with (project / "envs.yaml").open("a") as file:
            file.write(ENVS)
        snakemake(project, CURVES)

    return once("with_faults", make)


@pytest.fixture
def project(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "project")


def trained(out):
    """The runs that Snakemake trained, or would."""
    return sorted(re.findall(r"train (\w+) on (\w+), seed (\d)", out))


def runs(project):
    return sorted(project.glob("results/runs/*/*/*/seed*"))


def digests(project):
    """Of all that is in the runs, run.json included: what is trained again has another time."""
    return {file: hashlib.sha256(file.read_bytes()).hexdigest() for run in runs(project) for file in run.iterdir()}


def test_diverged_runs_are_results_and_counted_in_table_log_and_figure(finished):
    scores = pd.read_csv(finished / "results/tiny/tables/scores.csv").set_index("method")["status"]
    assert list(scores["blown"]) == ["diverged"] * 2
    assert list(scores["npg"]) == ["finished"] * 2
    log = (finished / "logs/tiny/tables.log").read_text()
    assert re.search(r"blown .* 0/2\n", log)
    assert re.search(r"npg .* 2/2\n", log)
    assert "blown (0/2 runs finished)" in (finished / "results/tiny/figures/curves.svg").read_text()
    (blown,) = {run.parent for run in runs(finished) if run.parts[-4] == "pg"}
    assert json.loads((blown / "seed0/run.json").read_text())["status"] == "diverged"


@pytest.mark.parametrize("name", ["run.json", pytest.param("updates.parquet", marks=pytest.mark.slow)])
def test_a_damaged_run_is_seen_by_the_plan_and_it_alone_is_made_again(project, name):
    before = digests(project)
    victim = runs(project)[1]
    content = (victim / name).read_bytes()
    (victim / name).write_bytes(content[: len(content) // 2])
    folder = victim.relative_to(project).as_posix()
    plan = run_snakemake(project, "-n", "tiny")
    said = f"warning: {folder}: {name} is damaged: would be moved to work/damaged/, and to be trained again"
    assert plan.stderr.count(said) == 1
    assert trained(plan.stdout + plan.stderr) == [("npg", "InvertedPendulum", "1")]
    assert not (project / "work/damaged").exists() and {file.name for file in victim.iterdir()} == set(FILES)
    out = snakemake(project, "tiny", "--until", "train")
    assert said.replace("would be moved", "moved") in out
    assert {file.name for file in (project / "work/damaged" / folder).iterdir()} == set(FILES)
    after = digests(project)
    assert {file.name for file in before if before[file] != after[file]} == {"run.json"}
    assert all(before[file] == after[file] for file in before if file.parent != victim)


def test_damage_that_the_plan_did_not_see_is_said_by_the_tables(project):
    (victim,) = project.glob("results/runs/npg/*/*/seed1/episodes.parquet")
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "analysis.data.tables", "tiny"], cwd=project, capture_output=True, text=True
    )
    assert done.returncode == 1
    folder = victim.parent.relative_to(project).as_posix()
    assert done.stderr == (
        "error: no readable run of npg on InvertedPendulum, seed 1 (episodes.parquet is damaged); "
        f"delete {folder} and run: snakemake --cores 2 tiny\n"
    )


def test_a_task_that_raises_fails_its_job_keeps_its_log_and_the_others_go_on(project):
    done = run_snakemake(project, "crash")
    assert done.returncode != 0
    assert trained(done.stderr) == [("npg", "Broken", "0")], "the other is there from the study tiny"
    (log,) = project.glob("logs/runs/npg/Broken/*/seed0.log")
    last = log.read_text().splitlines()[-1]
    assert last == "error: npg on Broken, seed 0: crashed (ValueError: the pole is gone); above is where"
    assert "broken.py" in log.read_text()
    assert last in done.stderr, "Snakemake shows the log of what failed"
    assert not list(project.glob("results/runs/npg/Broken/*/*/*"))
    assert not (project / "results/crash/tables/scores.csv").exists()
    edit(project / "broken.py", "if Broken.steps == 300", "if False")
    assert trained(snakemake(project, "crash", "--until", "tables")) == [("npg", "Broken", "0")]
    assert set(pd.read_csv(project / "results/crash/tables/scores.csv")["task"]) == {"InvertedPendulum", "Broken"}


def test_a_task_that_cannot_be_is_said_in_one_line_and_the_others_go_on(project):
    done = run_snakemake(project, "wrong")
    assert done.returncode != 0
    said = {
        "NoVectors": "CartPole-v1: its actions are Discrete(2), and must be vectors of real numbers",
        "NoModule": "nowhere:Some-v0: No module named 'nowhere'",
    }
    for task, words in said.items():
        (log,) = project.glob(f"logs/runs/npg/{task}/*/seed0.log")
        assert log.read_text().splitlines()[-1].startswith(f"error: envs.yaml: {task}: {words}")
        assert "Traceback" not in log.read_text()
        assert f"error: envs.yaml: {task}: {words}" in done.stderr.partition("Building DAG")[0], "before any training"
    assert list(project.glob("results/runs/npg/InvertedPendulum/*/seed0/run.json")), "the other task was trained"


def both(project, *studies):
    """Two Snakemakes at once: exit status and words of each."""
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started = []
    for study in studies:
        command = [sys.executable, "-m", "snakemake", "--cores", "1", study]
        started.append(subprocess.Popen(command, cwd=project, env=os.environ | {"PATH": path}, **pipe))
        time.sleep(1.0)
    return [(process.communicate()[0], process.returncode) for process in started]


@pytest.mark.slow
def test_two_studies_at_once_in_one_checkout(project):
    shutil.rmtree(project / "results")
    shutil.rmtree(project / ".snakemake")
    (one, code), (other, other_code) = both(project, "tiny", "other")
    assert (code, other_code) == (0, 0), one + other
    assert len(trained(one)) == 4
    assert trained(other) == [("npg", "InvertedPendulum", "7")]


@pytest.mark.slow
def test_two_studies_at_once_that_share_runs_make_none_twice(project):
    shutil.rmtree(project / "results")
    shutil.rmtree(project / ".snakemake")
    edit(project / "studies.yaml", "seeds: [7]", "seeds: [0, 1]")
    (one, code), (other, other_code) = both(project, "tiny", "other")
    assert code == 0, one
    assert other_code == 0 or "Directory cannot be locked" in other
    again = snakemake(project, "other")
    assert len(trained(one + other + again)) == 4
    logs = [log.read_text() for log in project.glob("logs/runs/**/*.log")]
    assert sum(bool(re.search(r"finished in|: diverged \(.*\) in", log)) for log in logs) == 4


def test_a_clock_that_went_back_trains_nothing(project):
    """Runs then have a date in the future, and what is made of them is older."""
    tomorrow = time.time() + 86400
    for file in digests(project):
        os.utime(file, (tomorrow, tomorrow))
    before = digests(project)
    assert trained(snakemake(project, "-n", "tiny")) == []
    assert trained(snakemake(project, CURVES)) == []
    assert digests(project) == before


@pytest.mark.slow
def test_a_study_without_one_whole_episode_has_its_table_and_figure(project):
    snakemake(project, "whole")
    scores = pd.read_csv(project / "results/whole/tables/scores.csv")
    assert scores["score"].isna().all()
    assert list(scores["status"]) == ["finished"]
    assert "<!-- no whole episode" in (project / "results/whole/figures/curves.svg").read_text()
    (updates,) = project.glob("results/runs/npg/HalfCheetah/*/seed0/updates.parquet")
    assert len(pd.read_parquet(updates)) == 2


def test_runs_of_two_machines_are_said_under_table_and_figure(project):
    assert (project / "results/tiny/tables/mixed.txt").read_text() == ""
    path = runs(project)[0] / "run.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(sealed(record | {"versions": record["versions"] | {"numpy": "3.0.0"}})))
    snakemake(project, CURVES)
    said = (project / "results/tiny/tables/mixed.txt").read_text()
    assert re.fullmatch(r"numpy [\d.]+ \(3 runs\), 3\.0\.0 \(1 run\)", said)
    assert (
        f"warning: these runs are not of one machine and one set of libraries: {said}"
        in (project / "logs/tiny/tables.log").read_text()
    )
    assert "not of one machine" in (project / "results/tiny/figures/curves.svg").read_text()
