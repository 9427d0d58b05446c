"""Branches go on from a saved state bit for bit, leave the trunk alone, and are accounted for."""

import gymnasium
import mujoco
import numpy as np
import pytest
import torch
from late import normal

from core.envs.branches import Branches
from core.envs.recorded import Environments
from core.rollout import sample
from core.streams import streams
from study.config import read_config
from study.plan import ROOT

IDS = [task["id"] for task in read_config(ROOT / "envs.yaml").values()]


def alone(task_id):
    """One copy of the task, not staggered."""
    return Environments(task_id, streams(0, 1).env_seeds, 10_000)


def actions(task_id, steps, seed):
    space = gymnasium.spec(task_id).make(disable_env_checker=True).action_space
    return np.random.default_rng(seed).uniform(space.low / 4, space.high / 4, (steps, *space.shape)).astype(np.float32)


def bits(obs, rew, terminated, truncated):
    return None if terminated else np.asarray(obs, float).tobytes(), float(rew), bool(terminated), bool(truncated)


def walk(envs, acts):
    """What the task shows for these actions, through its resets."""
    rows = []
    for act in acts:
        rew, terminated, truncated, final_obs = envs.step(act[None], [0])
        rows.append(bits(final_obs.get(0, envs.obs[0]), rew[0], terminated[0], truncated[0]))
    return rows


def go(branches, acts, k=0):
    """The same for branch ``k``, up to an end."""
    rows, copies = [], branches._copies
    for act in acts:
        rew, terminated, truncated = copies.step(np.tile(act, (len(copies), 1)), np.array([k]))
        rows.append(bits(copies.obs[k], rew[k], terminated[k], truncated[k]))
        if any(rows[-1][2:]):
            break
    return rows


# Restoring


@pytest.mark.parametrize("task_id", [*IDS, "Late-v0"])
def test_a_branch_goes_on_as_the_trunk_does_to_the_last_bit_and_leaves_it_alone(task_id):
    first, then, others = (actions(task_id, 20, seed) for seed in range(3))
    envs, undisturbed = alone(task_id), alone(task_id)
    walk(envs, first[:10])
    early, branches = envs.save(0), Branches(envs, 2)
    branches.restore(early)
    once = [go(branches, others, k) for k in range(2)]
    walk(envs, first[10:])
    saved = envs.save(0)
    branches.restore(early)
    assert [go(branches, others, k) for k in range(2)] == once, "a saved state serves at any time"
    rows = walk(envs, then)
    branches.restore(saved)
    went = [go(branches, then, k) for k in range(2)]
    assert len(went[0]) > 2
    assert went[0] == went[1] == rows[: len(went[0])]
    assert any(went[0][-1][2:]) or len(went[0]) == 20
    walk(undisturbed, first)
    assert walk(undisturbed, then) == rows


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("task_id", ["Reacher-v4", "Ant-v4", "Humanoid-v4"])
def test_mujocos_own_state_would_not_be_enough(task_id, forward):
    """These tasks read positions that the last mj_step left behind; no state that mj_getState knows holds them."""
    envs = alone(task_id)
    walk(envs, actions(task_id, 20, 0))
    saved, branches = envs.save(0), Branches(envs, 1)
    task, every = branches._copies._envs[0].unwrapped, mujoco.mjtState.mjSTATE_INTEGRATION
    model, data = task.model, task.data
    state = np.empty(mujoco.mj_stateSize(model, every))
    mujoco.mj_getState(model, saved.simulator, state, every)
    mujoco.mj_setState(model, data, state, every)
    if forward:
        mujoco.mj_forward(model, data)
    assert go(branches, actions(task_id, 1, 1)) != walk(envs, actions(task_id, 1, 1))


@pytest.mark.parametrize(
    "steps, copy_, left", [(20, 0, 30), (47, 0, 3), (30, 1, 45), (24, 1, 50 - 24)], ids=["", "late", "second", "first"]
)
def test_the_time_limit_of_a_branch_counts_from_the_start_of_its_episode(start, steps, copy_, left):
    agent, envs = start("Reacher-v4", envs=2, staggered=True)  # the second copy cuts its first episode after 25 steps
    sample(agent, envs, 2 * steps)
    saved, branches = envs.save(copy_), Branches(envs, 2)
    for length, reached in ((left - 1, False), (left, True), (60, True)):
        tried = branches.try_out(agent, saved, normal(2, 2), normal(length - 1, 2))
        assert tried.length.tolist() == [min(length, left)] * 2
        assert tried.truncated.tolist() == [reached] * 2
        assert not tried.terminated.any()
        assert tried.rew[:left].all()
        assert not tried.rew[left:].any()


class Counter(gymnasium.Env):
    """Shows how often it was stepped; the attribute that counts is made by the first step."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        vars(self).pop("count", None)
        return np.zeros(1), {}

    def step(self, action):
        self.count = getattr(self, "count", 0) + 1
        return np.full(1, self.count / 100), float(self.count), False, False, {}


scaled = gymnasium.wrappers.TransformReward.wrapper_spec(func=float)
gymnasium.register("Counter-v0", Counter, max_episode_steps=10, additional_wrappers=(scaled,))


def test_the_time_limit_is_found_under_other_wrappers_and_late_attributes_are_forgotten():
    envs = alone("Counter-v0")
    branches, start = Branches(envs, 1), envs.save(0)
    walk(envs, actions("Counter-v0", 7, 0))
    for saved, first, steps in ((envs.save(0), 8.0, 3), (start, 1.0, 10), (start, 1.0, 10)):
        branches.restore(saved)
        rows = go(branches, actions("Counter-v0", 20, 1))
        assert rows[0][1] == first
        assert len(rows) == steps, "the limit is 10 steps"


# What a branch does, and its account


@pytest.mark.parametrize("clip_actions", [False, True])
@pytest.mark.parametrize("task_id", ["Hopper-v4", "Walker2d-v4", "Late-v0"])
def test_a_branch_takes_its_action_then_follows_the_policy_and_is_recorded(start, task_id, clip_actions):
    agent, envs = start(task_id, clip_actions=clip_actions, jolt=0.2)
    agent.filter.update(sample(agent, envs, 10).raw_obs.reshape(10, -1))
    saved, by_hand, spent = envs.save(1), Branches(envs, 3), envs.steps
    acts, noise = 3 * normal(3, envs.act_dim), normal(29, envs.act_dim, seed=2)
    tried = Branches(envs, 3).try_out(agent, saved, acts, noise)
    by_hand.restore(saved)
    for k, branch in enumerate(by_hand._copies._envs):
        act, space = acts[k], branch.action_space
        for t in range(30):
            obs, rew, terminated, _, _ = branch.step(np.clip(act, space.low, space.high) if clip_actions else act)
            assert tried.rew[t, k] == pytest.approx(rew, rel=1e-3, abs=1e-3)  # float32 in another order
            if terminated or t == 29:
                break
            dist = agent.policy.dist(agent.theta, torch.from_numpy(agent.filter(obs[None])))
            act = dist.mean[0].numpy() + np.exp(dist.log_std.numpy()) * noise[t]
        assert (tried.length[k], tried.terminated[k], tried.truncated[k]) == (t + 1, terminated, False)
        assert not tried.rew[t + 1 :, k].any()
        np.testing.assert_allclose(tried.last_obs[k], obs, rtol=1e-2, atol=1e-2)
    assert len(set(tried.length)) > 1 or task_id == "Late-v0", "some branches end before others"
    assert envs.steps == spent + tried.length.sum()
    expected = [(envs.steps, tried.rew[:, k].sum(), tried.length[k], "cut") for k in range(3)]
    assert envs.episodes[-3:] == expected


@pytest.mark.parametrize("task_id", ["Hopper-v4", "Late-v0"])
def test_what_tells_branches_apart_is_the_first_action_alone(start, task_id):
    agent, envs = start(task_id)
    sample(agent, envs, 20)
    acts = np.repeat(normal(1, envs.act_dim), 4, axis=0)
    acts[3] += 0.5
    tried = Branches(envs, 4).try_out(agent, envs.save(0), acts, normal(19, envs.act_dim))
    for column in (tried.rew.T, tried.length, tried.last_obs):
        assert column[0].tobytes() == column[1].tobytes() == column[2].tobytes()
    differ = np.flatnonzero(tried.rew[:, 3] != tried.rew[:, 0])
    assert differ.tolist() == [1] if task_id == "Late-v0" else len(differ) > 5  # Late: the same s for all, drawn anew
    other = Branches(envs, 4).try_out(agent, envs.save(0), acts, normal(19, envs.act_dim, seed=5))
    assert (other.rew[1:] != tried.rew[1:]).any(), "other noise, another branch"
