"""The second PPO, which has nothing of this project's, learns and keeps to its seed."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.ppo_2017 import GAMMA, LAM, advantages
from core.advantage import gae, next_values
from study.plan import ROOT


def tenths(*arguments):
    command = [sys.executable, "-m", "benchmarks.ppo_2017", "InvertedPendulum-v4", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["tenths"]


@pytest.mark.slow
def test_it_learns():
    first, *_, last = unclipped = tenths("--seed", "0", "--steps", "20000")
    assert first < 30 < 60 < last
    assert tenths("--seed", "0", "--steps", "20000", "--clip-value") != unclipped


def test_its_advantages_and_ours_are_the_same_where_a_limit_is_a_death():
    rng = np.random.default_rng(0)
    rew, val, dead = rng.standard_normal(50), rng.standard_normal(51), rng.random(50) < 0.1
    for last in (True, False):
        dead[-1] = last
        column = dead[:, None]
        following = next_values(val[:-1, None], val[-1:], np.zeros((50, 1)), column, np.zeros_like(column))
        ours = gae(rew[:, None], val[:-1, None], following, column, GAMMA, LAM)
        np.testing.assert_allclose(advantages(rew, val, dead.astype(float)), ours[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_a_seed_is_a_run_and_tenths_without_an_episode_are_empty():
    assert tenths("--seed", "3", "--steps", "6200") == tenths("--seed", "3", "--steps", "6200")
    assert tenths("--seed", "3", "--steps", "1000") == [None] * 10, "less than a batch"
