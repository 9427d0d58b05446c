"""What every module of ``algos/`` must do; a new one is covered on arrival."""

import dataclasses
import hashlib
import importlib
import math
import random

import gymnasium
import numpy as np
import pandas as pd
import pytest
import torch
from small_runs import BUDGET, cell, defaults, finish, small, trained

from core.envs.vector import Copies
from core.run import Common, Run
from study.cells import FILES
from study.config import read_config
from study.options import UsageError, algorithms, option_fields
from study.plan import ROOT, override
from train.files import write_run

TASKS = read_config(ROOT / "envs.yaml")
#: Where the published settings are too slow for a toy: what the learning test uses instead.
A2C = {"batch": 40, "step_size": 0.003}
TOY = {
    "pg": {"step_size": 0.01},
    "a2c": A2C,
    "a2c_trust_region": A2C,
    "cem": {"population": 50, "std": 0.3},
    "trpo_vine": {"batch": 512, "states": 16, "length": 3},
}


class Target(gymnasium.Env):
    """Reward −(a − s)² for a state s drawn anew at each step: the best mean action is the state itself."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    action_space = gymnasium.spaces.Box(-4.0, 4.0, (1,))  # beyond the untrained noise: clipping changes no score

    def _observe(self):
        self.state = self.np_random.uniform(-1, 1, 1)
        return self.state

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._observe(), {}

    def step(self, action):
        reward = -float((action[0] - self.state[0]) ** 2)
        return self._observe(), reward, False, False, {}


gymnasium.register("Target-v0", Target, max_episode_steps=10)


every_algorithm = pytest.mark.parametrize("algo", algorithms())


@every_algorithm
def test_a_run_spends_its_budget_exactly_and_reports_every_update(algo):
    run = trained(small(algo))
    assert run.status == "finished"
    assert run.envs.steps == BUDGET == sum(episode.length for episode in run.envs.episodes)
    assert len(run.updates) >= 3
    assert all(row.keys() == run.updates[0].keys() for row in run.updates)
    assert {"iteration", "step", "kl", "entropy"} <= run.updates[0].keys()
    highest = math.inf if algo == "cem" else 1  # a population knows no small step
    assert all(-1e-6 < row["kl"] < highest for row in run.updates), "never negative, but for rounding"
    assert [row["step"] for row in run.updates] == sorted({row["step"] for row in run.updates})


@every_algorithm
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(algo, tmp_path):
    where = small(algo)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_run(tmp_path / name, trained(where, seed), where, seed, wall_seconds=1.0, commit=None)
    digests = {
        name: [hashlib.sha256((tmp_path / name / file).read_bytes()).hexdigest() for file in FILES[:3]]
        for name in "abc"
    }
    assert digests["a"] == digests["b"]
    assert not set(digests["a"]) & set(digests["c"])


@every_algorithm
def test_a_run_draws_from_no_global_generator(algo):
    before = np.random.get_state()[1].copy(), torch.get_rng_state(), random.getstate()  # noqa: NPY002
    trained(small(algo))
    assert (np.random.get_state()[1] == before[0]).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])
    assert random.getstate() == before[2]


def learned(algo, **options):
    """Mean return of the last whole episodes on the toy task."""
    run = finish(Run(algo, "Target-v0", defaults(algo, **{"batch": 512, **options}), 30_000, seed=0))
    returns = pd.Series([episode.ret for episode in run.envs.episodes if episode.end != "cut"])
    # With the untrained mean of 0 and noise of 1 an episode is worth −10 (1 + 1/3); a learned mean alone gives −10.
    assert returns.head(50).mean() == pytest.approx(-13.3, abs=1.5) or algo == "cem"
    return returns.tail(200).mean()


@pytest.mark.long
@every_algorithm
def test_it_learns_a_small_task(algo):
    # A mean of 0 without noise is worth −10/3, and CEM's members have none; nor has a vine whose branches are astray.
    assert learned(algo, **TOY.get(algo, {})) > (-1.0 if algo in ("cem", "trpo_vine") else -5.0)


@pytest.mark.long
@pytest.mark.parametrize(
    ("algo", "options", "at_least"),
    [
        ("pg", {"critic": False, "step_size": 0.01}, -5.0),
        ("pg", {"optimiser": "plain", "step_size": 0.1}, -5.0),
        ("ppo_kl", {"adaptive": False, "beta": 3.0}, -5.0),
        ("ppo_clip", {"normalize_obs": False, "clip_actions": True, "time_limit": "terminate"}, -5.0),
        ("trpo", {"log_std": "frozen"}, -10.5),
    ],
    ids=["REINFORCE", "plain step", "fixed beta", "other conventions", "frozen log-std"],
)
def test_its_options_learn_too(algo, options, at_least):
    assert learned(algo, **options) > at_least


@every_algorithm
def test_options_read_from_the_source_are_those_of_the_dataclass(algo):
    module = importlib.import_module(f"algos.{algo}")
    read = {name: field.default for name, field in option_fields(algo).items()}
    assert read == dataclasses.asdict(Common()) | dataclasses.asdict(module.Config())
    assert all(field.doc for field in option_fields(algo).values()), "each option says what it is (#: …)"


def test_an_option_of_one_name_and_source_has_one_default_and_one_description():
    said = {}
    for algo in algorithms():
        for field in option_fields(algo).values():
            words, _, source = field.doc.rstrip(")").rpartition(" (")
            source, here, _ = source.partition(";")  # what is otherwise here stands after the source
            kept = said.setdefault((field.name, source), (algo, field.default, words, here))
            assert kept[1] == field.default, f"{field.name} of {algo} and of {kept[0]}"
            assert kept[2] == words or here or kept[3], f"{field.name} of {algo} and of {kept[0]}"


@every_algorithm
def test_unknown_options_and_wrong_types_are_refused_before_anything_trains(algo):
    where = cell(algo)
    with pytest.raises(UsageError, match="'obs_clpi' is unknown; did you mean 'obs_clip'"):
        override(where, ["obs_clpi=3"], None)
    for field in option_fields(algo).values():
        with pytest.raises(UsageError, match=field.name):
            override(where, [f"{field.name}=[1, 2]"], None)


@every_algorithm
def test_the_modules_docstring_shows_the_algorithm_and_its_source(algo):
    doc = importlib.import_module(f"algos.{algo}").__doc__
    assert "←" in doc, "pseudocode"
    assert any(year in doc for year in map(str, range(1980, 2030))), "a reference"


@pytest.mark.parametrize("task", TASKS)
def test_every_task_of_envs_yaml_can_be_trained_on(task):
    run = finish(Run("npg", TASKS[task]["id"], defaults("npg", batch=128), 300, seed=0))
    assert run.status == "finished"
    assert len(run.updates) == 2
    assert run.envs.steps == 300


def test_a_nan_reward_ends_the_run_as_diverged_with_its_rows_kept(monkeypatch, tmp_path):
    where = small("ppo_clip")
    run = Run("ppo_clip", where.task_id, where.method.options, where.steps, 0)
    run.iterate()
    step = Copies.step
    monkeypatch.setattr(Copies, "step", lambda self, *given: (np.full(len(self), np.nan), *step(self, *given)[1:]))
    finish(run)
    assert run.status == "diverged"
    assert len(run.updates) == 1
    write_run(tmp_path, run, where, 0, wall_seconds=1.0, commit=None)
    assert len(pd.read_parquet(tmp_path / "episodes.parquet")) == len(run.envs.episodes) > 10
