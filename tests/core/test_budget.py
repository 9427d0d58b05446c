"""A run is planned only where it may learn, and one that has not says so; the environment decides none of it."""

import json
import os
import subprocess
import sys

import pytest
from copied import copy_project
from small_runs import cell

from core.errors import UsageError
from study.config import read_config
from study.options import least_steps
from study.plan import ROOT, make_study, override

STUDY = """
tiny:
  tasks: [InvertedPendulum]
  seeds: 1
  steps: 600
  methods:
    cem:
    reinforce: {algo: pg, critic: false, batch: 600}
    trpo_vine: {batch: 600, states: 4}
    npg: {batch: 256}
    blown: {algo: pg, optimiser: plain, step_size: 1e30, batch: 256, value_epochs: 1}
"""


def study(steps, **methods):
    entry = {"tasks": ["InvertedPendulum"], "seeds": 1, "steps": steps, "methods": methods}
    return make_study("tiny", entry, read_config(ROOT / "envs.yaml"))


@pytest.mark.parametrize(
    ("steps", "methods", "said"),
    [
        (199, {"cem": None}, "tiny.steps: 199 is less than one batch of cem .200 steps.: nothing is learned"),
        (9, {"cem": {"population": 10}}, "9 is less than one batch of cem .10 steps."),
        (300, {"cem": {"population": 1}}, "cem learns nothing from a batch of one step: make it 2 or more"),
        (300, {"npg": {"batch": 1, "envs": 1}}, "npg learns nothing from a batch of one step: make it 2 or more"),
        (300, {"pg": {"batch": 1, "envs": 1, "critic": False}}, "pg learns nothing from a batch of one step"),
        (300, {"npg": {"batch": 1}}, "npg learns nothing from a batch of one step"),
        (300, {"trpo_vine": {"batch": 304}}, "300 is less than one batch of trpo_vine .304 steps."),
    ],
)
def test_steps_too_few_for_one_update_and_batches_of_one_are_refused(steps, methods, said):
    with pytest.raises(UsageError, match=f"^studies.yaml: .*{said}"):
        study(steps, **methods)


def test_the_smallest_that_may_learn_is_planned():
    assert study(200, cem=None).cells
    assert study(2, npg={"batch": 2, "envs": 1}).cells
    assert study(2, npg={"batch": 2, "envs": 2}).cells
    with pytest.raises(UsageError, match="--steps: 100 is less than one batch of cem"):
        override(cell("cem"), [], 100)
    with pytest.raises(UsageError, match="--steps: npg learns nothing from a batch of one step"):
        override(cell("npg"), ["batch=1", "envs=1"], None)


OWN = """
from dataclasses import dataclass
@dataclass(frozen=True)
class Config:
    step_size: float = 0.1  #: α
def collect(agent, envs, cfg, state):
    return None
def update(agent, batch, cfg, state):
    return {}
"""


def test_a_method_that_collects_in_its_own_way_need_not_say_how_much(tmp_path):
    for folder in ("algos", "core"):
        (tmp_path / folder).mkdir()
    (tmp_path / "core" / "run.py").write_bytes((ROOT / "core" / "run.py").read_bytes())
    (tmp_path / "algos" / "own.py").write_text(OWN)
    assert least_steps("own", {"envs": 1, "step_size": 0.1}, tmp_path) == 0


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = copy_project(tmp_path_factory.mktemp("budget") / "project")
    (project / "studies.yaml").write_text(STUDY)
    return project


def train(project, method, *more, **env):
    command = [sys.executable, "-m", "train", "--study=tiny", "--task=InvertedPendulum", "--seed=0"]
    command += [f"--method={method}", *more]
    return subprocess.run(command, cwd=project, env=os.environ | env, capture_output=True, text=True)


@pytest.mark.parametrize("method", ["cem", "reinforce", "trpo_vine"])
def test_a_run_that_ends_before_its_first_update_says_so_and_writes_nothing(project, method):
    done = train(project, method)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    name = f"error: {method} InvertedPendulum seed 0: "
    assert line.startswith(f"{name}its 600 steps were spent before the first batch was whole, and nothing was learned")
    assert not list(project.glob(f"results/runs/{'pg' if method == 'reinforce' else method}/*/*/seed0/*"))


def test_the_log_of_a_run_that_diverged_says_what_was_no_number(project):
    done = train(project, "blown")
    assert done.returncode == 0
    assert "blown InvertedPendulum seed 0: diverged (batch.logp is not finite) in" in done.stderr


@pytest.mark.long
def test_what_draws_films_never_reaches_training_and_evaluation(project, tmp_path):
    nonsense = {"MUJOCO_GL": "foo"}
    done = train(project, "npg", **nonsense)
    assert done.returncode == 0 and "npg InvertedPendulum seed 0: finished" in done.stderr
    command = [sys.executable, "-m", "play.evaluate", "--study=tiny", "--task=InvertedPendulum", "--method=npg"]
    evaluate = [*command, "--out", tmp_path / "table.csv"]
    score = [sys.executable, "-m", "play.random_score", "InvertedPendulum", "--episodes", "10"]
    plan = [sys.executable, "-m", "study.spaces", "InvertedPendulum"]
    for command in (evaluate, score, plan):
        done = subprocess.run(command, cwd=project, env=os.environ | nonsense, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"InvertedPendulum": {"error": None, "horizon": 1000}}
