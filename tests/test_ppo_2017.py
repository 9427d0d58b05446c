"""The second PPO, which has nothing of this project's, learns and keeps to its seed."""

import json
import subprocess
import sys

from core.plan import ROOT


def tenths(*arguments):
    command = [sys.executable, "-m", "benchmarks.ppo_2017", "InvertedPendulum-v4", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["tenths"]


def test_it_learns():
    first, *_, last = tenths("--seed", "0", "--steps", "20000")
    assert first < 30 < 60 < last


def test_a_seed_is_a_run_and_tenths_without_an_episode_are_empty():
    assert tenths("--seed", "3", "--steps", "6200") == tenths("--seed", "3", "--steps", "6200")
    assert tenths("--seed", "3", "--steps", "1000") == [None] * 10, "less than a batch"
