"""Copies that are stepped together show what Gymnasium's own step shows, to the last bit."""

import functools

import gymnasium
import numpy as np
import pytest

from core.envs.mujoco import TASKS, together
from core.envs.vector import Copies
from core.run import Run
from study.config import read_config
from study.options import option_fields
from study.plan import ROOT

IDS = [f"{task}-{version}" for task in TASKS for version in ("v4", "v5")]
COUNT = 4


def test_these_are_the_tasks_of_figure_3():
    figure3 = read_config(ROOT / "studies.yaml")["figure3"]["tasks"]
    assert set(TASKS) == set(figure3)


def drawn(task_id, rng):
    """Actions from a normal distribution, now narrow and now far beyond the limits."""
    space = gymnasium.spec(task_id).make(disable_env_checker=True).action_space
    scale = space.high.max()

    def act(obs):
        return scale * rng.choice([0.1, 0.5, 3]) * rng.standard_normal((COUNT, *space.shape), np.float32)

    return act


@functools.cache
def learned(task_id):
    """A policy after 24,000 steps of NPG: it stands for longer than an untrained one."""
    options = {field.name: field.default for field in option_fields("npg").values()}
    run = Run("npg", task_id, options, 24_000, 0)
    while run.status == "running":
        run.iterate()
    return run.agent


def trained(task_id, rng):
    agent = learned(task_id)
    actor = agent.policy.actor(agent.theta)
    return lambda obs: actor(agent.filter(obs), 0.3 * rng.standard_normal((COUNT, agent.policy.act_dim), np.float32))


def walk(task_id, policy, rows):
    """Both ways for ``rows`` steps, of all copies or of some; how many episodes ended, by the way they did."""
    rng = np.random.default_rng(1)
    act, copies = policy(task_id, rng), Copies(task_id, list(range(COUNT)))
    assert copies._together
    envs = [gymnasium.make(task_id, disable_env_checker=True) for _ in range(COUNT)]
    shown = [env.reset(seed=seed)[0] for seed, env in enumerate(envs)]
    ends = {"terminated": 0, "truncated": 0}
    for row in range(rows):
        actions = act(copies.obs)
        which = np.arange(COUNT) if row % 3 else np.flatnonzero(rng.random(COUNT) < 0.5)
        rew, terminated, truncated = copies.step(actions, which)
        assert not (rew[np.setdiff1d(np.arange(COUNT), which)]).any()
        for i in which:
            shown[i], reward, dead, limit, _ = envs[i].step(actions[i])
            assert (float(reward), dead, limit) == (rew[i], terminated[i], truncated[i])
            if dead or limit:
                ends["terminated" if dead else "truncated"] += 1
                copies.reset(i)
                shown[i] = envs[i].reset()[0]
        assert np.stack(shown).tobytes() == copies.obs.tobytes()
    return ends


@pytest.mark.parametrize("task_id", IDS)
def test_random_actions(task_id):
    ends = walk(task_id, drawn, 1600)
    falls = not task_id.startswith(("HalfCheetah", "Reacher", "Swimmer"))
    assert (ends["terminated"] > 20) if falls else (ends["truncated"] >= COUNT)


@pytest.mark.long
@pytest.mark.parametrize("task_id", [i if i.endswith("v4") else pytest.param(i, marks=pytest.mark.slow) for i in IDS])
def test_a_trained_policy(task_id):
    walk(task_id, trained, 2000)


@pytest.mark.parametrize("task_id", IDS)
@pytest.mark.filterwarnings("ignore:overflow")  # of the cost of control, there as here
@pytest.mark.parametrize("wild", [np.nan, np.inf, 1e20])
def test_actions_that_are_no_actions(task_id, wild):
    """MuJoCo warns of them and goes on; what comes of it is the same."""
    copies, env = Copies(task_id, [0]), gymnasium.make(task_id, disable_env_checker=True)
    env.reset(seed=0)
    for row in range(5):
        act = np.full((1, *env.action_space.shape), wild if row == 2 else 0.1, np.float32)
        rew, terminated, _ = copies.step(act, np.array([0]))
        obs, reward, dead, _, _ = env.step(act[0])
        np.testing.assert_array_equal(copies.obs[0], obs)
        np.testing.assert_array_equal(rew[0], reward)
        assert terminated[0] == dead


def test_a_step_makes_a_new_array_of_observations():
    copies = Copies("Hopper-v4", [0, 1])
    before, kept = copies.obs, copies.obs.copy()
    copies.step(np.ones((2, 3), np.float32), np.array([0, 1]))
    assert copies.obs is not before
    np.testing.assert_array_equal(before, kept)


@pytest.mark.parametrize("task_id", ["Ant-v4", "Hopper-v3", "CartPole-v1"])
def test_gymnasium_steps_what_is_not_known_here(task_id):
    assert together(task_id, []) is None
