"""The trained policy and its batch in the repository: whole, of one piece, and made by what its module says."""

import numpy as np
import safetensors.torch
import torch

from core.rollout import sample
from lecture import trained


def test_the_parts_of_the_file_belong_together():
    _, batch = trained.hopper()
    assert len(batch.obs) == trained.BATCH
    torch.testing.assert_close(batch.ret, batch.adv + batch.val, rtol=1e-4, atol=1e-3)
    z = (batch.act - batch.old.mean) / batch.old.log_std.exp()
    assert abs(z.mean(0)).max() < 4 / np.sqrt(trained.BATCH), "the actions are draws of this policy"
    assert abs(z.std(0) - 1).max() < 4 / np.sqrt(2 * trained.BATCH)


def test_training_makes_a_file_of_the_same_parts(monkeypatch):
    monkeypatch.setattr(trained, "STEPS", 4096)
    made, kept = trained.train(), safetensors.torch.load_file(trained.FILE)
    assert {n: (t.shape, t.dtype) for n, t in made.items()} == {n: (t.shape, t.dtype) for n, t in kept.items()}


def test_the_policy_is_a_trained_one(start):
    agent, envs = start(trained.TASK_ID, envs=8, budget=20_000, jolt=0)
    sample(agent, envs, 4000, whole_episodes=True)
    agent.theta.copy_(trained.hopper()[0].theta)
    agent.filter = trained.hopper()[0].filter
    before = len(envs.episodes)
    sample(agent, envs, 4000, whole_episodes=True)
    returns = [np.mean([e.ret for e in part]) for part in (envs.episodes[:before], envs.episodes[before:])]
    assert returns[0] < 50 < 150 < returns[1]
