"""Final policies played after training: on a toy task whose returns are known, and what tables make of them."""

import dataclasses
import json
import shutil

import gymnasium
import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from analysis.data.scores import evaluated
from analysis.statistics.tables import evaluation
from core.envs.spec import HORIZON
from core.envs.vector import Copies
from core.errors import UsageError
from core.policy import Policy
from core.run import Run
from play import policy as trained
from play.episodes import play, streams
from play.evaluate import main, play_cell, write
from study.integrity import stale_evaluations
from study.key import ROOT
from study.plan import load_study, override
from study.sources import closure
from train import files

STD = 0.5


class Count(gymnasium.Env):
    """Shows its step t and a random x of the start. The reward is the action; x below 0 ends the episode at step 3."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,))
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.x = 0, self.np_random.uniform(-1, 1)
        return np.array([self.t, self.x]), {}

    def step(self, action):
        self.t += 1
        return np.array([self.t, self.x]), float(action[0]), self.x < 0 and self.t == 3, False, {}


gymnasium.register("Count-v0", Count, max_episode_steps=5)
gymnasium.register("CountForEver-v0", Count)


def write_run(folder, mean=2.0, *, task_id="Count-v0", clip=False, seed=0, status="finished"):
    """A run whose policy's mean action is ``mean`` everywhere, with standard deviation STD."""
    theta = torch.zeros(Policy(2, 1).size)
    theta[-2], theta[-1] = mean, np.log(STD)  # the last layer's bias, and the log-std
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file({"theta": theta}, folder / "policy.safetensors")
    record = {"task_id": task_id, "seed": seed, "status": status, "options": {"clip_actions": clip}}
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def starts(seed):
    """After how many steps, and how, the episode of each start ends."""
    x = Copies("Count-v0", streams(seed, 200)[1]).obs[:, 1]
    return [(3, "terminated") if value < 0 else (5, "truncated") for value in x]


def test_a_policy_of_known_return(tmp_path):
    rows = play(write_run(tmp_path))
    ends = starts(0)
    assert {end for _, end in ends} == {"terminated", "truncated"}, "both kinds are among the starts"
    assert [(row.how, row.start) for row in rows] == [(h, i) for h in ("sampled", "deterministic") for i in range(200)]
    mean = [row for row in rows if row.how == "deterministic"]
    assert [(row.length, row.end) for row in mean] == ends
    assert [row.ret for row in mean] == pytest.approx([2.0 * length for length, _ in ends])
    sampled = [row for row in rows if row.how == "sampled"]
    assert [(row.length, row.end) for row in sampled] == ends, "the same starts"
    rng = streams(0, 200)[0]
    noise = np.stack([rng.standard_normal((200, 1), np.float32)[:, 0] for _ in range(5)])
    expected = [2.0 * length + STD * noise[:length, i].sum() for i, (length, _) in enumerate(ends)]
    assert [row.ret for row in sampled] == pytest.approx(expected)


def test_actions_are_clipped_where_the_run_clipped_its_own(tmp_path):
    rows = play(write_run(tmp_path, clip=True))
    assert [row.ret for row in rows if row.how == "deterministic"] == [1.0 * length for length, _ in starts(0)]


def test_the_same_seed_gives_the_same_episodes_and_another_gives_others(tmp_path):
    first = play(write_run(tmp_path / "a"))
    assert play(tmp_path / "a") == first
    other = play(write_run(tmp_path / "b", seed=1))
    assert {row.seed for row in other} == {1}
    assert [row.ret for row in other] != [row.ret for row in first]
    method = play(write_run(tmp_path / "c", mean=0.0))
    assert [row.length for row in method] == [row.length for row in first], "methods begin in the same states"


def test_a_policy_that_diverged_is_not_played_and_is_counted(tmp_path):
    assert play(write_run(tmp_path, mean=float("nan"), status="diverged")) == []
    write(tmp_path / "empty.csv", [])
    table = pd.read_csv(tmp_path / "empty.csv")
    assert list(table) == ["seed", "policy", "how", "start", "return", "length", "end"]
    scores = evaluated(table, untrained=-7.0, diverged=True)
    assert (scores["sampled"], scores["deterministic"], scores["episodes_each"]) == (-7.0, -7.0, 0)
    assert np.isnan(evaluated(table, untrained=-7.0, diverged=False)["sampled"]), "not played is not diverged"


def test_without_a_limit_an_episode_is_cut(tmp_path):
    rows = play(write_run(tmp_path, task_id="CountForEver-v0"))
    assert {(row.length, row.end) for row in rows} == {(3, "terminated"), (HORIZON, "cut")}
    assert len(rows) == 2 * 5


def test_scores_and_cells_are_of_evaluation_only(tmp_path):
    write(tmp_path / "played.csv", play(write_run(tmp_path)))
    played = pd.read_csv(tmp_path / "played.csv")
    score = evaluated(played, untrained=0.0, diverged=False)
    lengths = np.array([length for length, _ in starts(0)])
    assert score["deterministic"] == pytest.approx(2.0 * lengths.mean())
    assert score["deterministic_spread"] == pytest.approx(2.0 * lengths.std(ddof=1))
    assert score["episodes_each"] == 200
    broken = evaluated(played.assign(**{"return": np.inf}), untrained=-7.0, diverged=False)
    assert broken["sampled"] == -7.0, "a return that is not a number is worth an untrained policy"
    runs = pd.DataFrame([score, score | {"deterministic": 0.0}, evaluated(played.head(0), -1.0, diverged=True)])
    cell = evaluation(runs)
    assert (cell["evaluated"], cell["episodes_each"]) == (2, 200)
    assert cell["deterministic"] == pytest.approx((score["deterministic"] + 0.0 - 1.0) / 3), "the diverged one counts"
    assert cell["deterministic_low"] < cell["deterministic"] < cell["deterministic_high"]
    assert cell["deterministic_spread"] == pytest.approx(score["deterministic_spread"])


@pytest.mark.parametrize("since", ["nothing", "trained to another end", "removed", "diverged", "a seed more", "damage"])
def test_episodes_are_forgotten_with_the_policies_that_played_them(since, tmp_path):
    study = load_study("quick")
    cell = study.cell("InvertedPendulum", "npg")
    first, last = (tmp_path / cell.folder(seed) for seed in cell.seeds)
    write_run(first), write_run(last, seed=1)
    table = tmp_path / cell.evaluation
    write(table, play_cell(cell, tmp_path))
    if since == "trained to another end":
        write_run(last, mean=3.0, seed=1)
    elif since == "removed":
        shutil.rmtree(last)
    elif since == "diverged":
        write_run(last, seed=1, status="diverged")
    elif since == "damage":
        table.write_bytes(b"\xff\x00")
    elif since == "a seed more":
        assert dataclasses.replace(cell, seeds=(0, 1, 2)).evaluation != cell.evaluation
    stale = stale_evaluations({"quick": study}, tmp_path)
    assert stale == ([] if since in ("nothing", "a seed more") else [cell.evaluation])


def test_it_acts_as_the_run_did(tmp_path):
    """The filter and the noise's scale come back: the same actions to the bit as those of the run."""
    cell = override(load_study("quick").cell("Hopper", "trpo"), ["batch=256", "clip_actions=true"], 512)
    run = Run("trpo", cell.task_id, cell.method.options, cell.steps, seed=3)
    while run.status == "running":
        run.iterate()
    files.write_run(tmp_path, run, cell, 3, wall_seconds=1.0, commit=None)
    obs = np.random.default_rng(0).normal(0, 3, (4, run.envs.obs_dim))
    noise = np.random.default_rng(1).standard_normal((4, run.envs.act_dim), np.float32)
    agent, act = run.agent, trained.actor(tmp_path, run.envs.obs_dim, run.envs.act_dim)
    assert agent.filter.count == 512
    np.testing.assert_array_equal(act(obs, noise), agent.policy.actor(agent.theta)(agent.filter(obs), noise))
    rows = play(tmp_path)
    assert len(rows) == 2 * 5 and {row.end for row in rows} == {"terminated"}


def test_what_cannot_be_played_is_one_line(tmp_path, capsys):
    run = write_run(tmp_path / "run")
    with pytest.raises(UsageError, match=r"4418 parameters, the task's policy has 4482"):
        trained.actor(run, obs_dim=3, act_dim=1)
    (run / "policy.safetensors").write_bytes(b"broken")
    with pytest.raises(UsageError, match=r"no readable policy .*: delete the folder and train the run again"):
        play(run)
    assert main(["--study", "quick", "--task", "Hopper", "--method", "trop", "--out", str(tmp_path / "x.csv")]) == 2
    assert "did you mean 'trpo'" in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()


def test_no_run_depends_on_it():
    entries = [ROOT / "core" / "run.py", *(ROOT / "algos").glob("*.py")]
    decide = {path.relative_to(ROOT).parts[0] for path in closure(entries, [ROOT])}
    assert decide == {"core", "algos"}
