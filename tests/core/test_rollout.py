import dataclasses
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
import torch
from small_runs import defaults

from algos import pg
from core.envs.recorded import Environments
from core.errors import BudgetSpent
from core.rollout import collect, make_batch, sample
from core.run import Common, Run
from core.streams import streams


def replay(task_id, seed, acts):
    """What Gymnasium itself gives for these actions: rows of (obs before, reward, terminated, truncated, obs after)."""
    env = gymnasium.make(task_id, disable_env_checker=True)
    obs, _ = env.reset(seed=seed)
    rows = []
    for act in acts:
        after, reward, terminated, truncated, _ = env.step(act)
        rows.append((obs, reward, terminated, truncated, after))
        obs = env.reset()[0] if terminated or truncated else after
    return rows, obs


@pytest.mark.parametrize(
    "task_id, steps, terminates, truncates",
    [("InvertedPendulum-v4", 240, True, False), ("Reacher-v4", 240, False, True), ("Hopper-v4", 240, True, False)],
)
def test_rollout_and_records_are_what_gymnasium_gives(start, task_id, steps, terminates, truncates):
    agent, envs = start(task_id, envs=2)
    roll = sample(agent, envs, steps)
    recorded = list(envs.episodes)
    assert roll.terminated.any() == terminates
    assert roll.truncated.any() == truncates
    for i, seed in enumerate(agent.streams.env_seeds):
        rows, last = replay(task_id, seed, roll.act[:, i])
        obs, reward, terminated, truncated, after = zip(*rows, strict=True)
        np.testing.assert_array_equal(roll.raw_obs[:, i], obs)
        np.testing.assert_array_equal(roll.rew[:, i], reward)
        np.testing.assert_array_equal(roll.terminated[:, i], terminated)
        np.testing.assert_array_equal(roll.truncated[:, i], truncated)
        np.testing.assert_array_equal(roll.last_obs[i], last)
        begin = 0
        for t in np.flatnonzero(roll.terminated[:, i] | roll.truncated[:, i]):
            if truncated[t]:
                np.testing.assert_array_equal(roll.final_obs[t, i], after[t])
            end = "terminated" if terminated[t] else "truncated"
            episode = next(e for e in recorded if e.step == 2 * t + i + 1)
            assert episode[2:] == (t + 1 - begin, end)
            assert episode.ret == pytest.approx(sum(reward[begin : t + 1]), rel=1e-12)
            recorded.remove(episode)
            begin = t + 1
    assert not recorded
    assert set(roll.final_obs) == set(zip(*np.nonzero(roll.truncated), strict=True))


def test_half_cheetah_runs_into_its_limit_of_1000_steps(start):
    agent, envs = start("HalfCheetah-v4", envs=1)
    roll = sample(agent, envs, 1001)
    assert [(e.length, e.end) for e in envs.episodes] == [(1000, "truncated")]
    assert np.flatnonzero(roll.truncated).tolist() == [999]
    assert not roll.terminated.any()


def test_staggered_copies_cut_their_first_episodes_and_end_evenly_spaced(start):
    agent, envs = start("Reacher-v4", envs=5, staggered=True)
    roll = sample(agent, envs, 5 * 120)
    ends = [np.flatnonzero(roll.truncated[:, i]) + 1 for i in range(5)]
    assert [e.tolist() for e in ends] == [[50, 100], [10, 60, 110], [20, 70, 120], [30, 80], [40, 90]]
    assert [(e.length, e.end) for e in envs.episodes][:5] == [(10 * k, "cut") for k in (1, 2, 3, 4)] + [
        (50, "truncated")
    ]
    assert {(e.length, e.end) for e in envs.episodes[4:]} == {(50, "truncated")}
    assert set(roll.final_obs) == set(zip(*np.nonzero(roll.truncated), strict=True)), "a cut is bootstrapped"


def test_whole_episodes_that_would_be_cut_to_stagger_them_are_refused(start):
    agent, envs = start("Reacher-v4", envs=5, staggered=True)
    with pytest.raises(TypeError, match=r"whole_episodes\(cfg\)"):
        sample(agent, envs, 100, whole_episodes=True)


@pytest.mark.parametrize(("algo", "changes"), [("pg", {"critic": False, "batch": 100}), ("cem", {"population": 8})])
def test_whole_episodes_are_never_cut_to_stagger_them(algo, changes):
    run = Run(algo, "Reacher-v4", defaults(algo, envs=8, compile_from=1, **changes), steps=500, seed=0)
    assert not run.agent.compiled, "each batch has another shape"
    run.iterate()
    assert [(e.length, e.end) for e in run.envs.episodes] == [(50, "truncated")] * 8


def test_an_episode_that_ends_both_ways_is_terminated(monkeypatch):
    envs = Environments("InvertedPendulum-v4", [0], 10)
    both = np.array([True])
    monkeypatch.setattr(envs._copies, "step", lambda act, which: (np.ones(1), both.copy(), both.copy()))
    stepped = envs.step(np.zeros((1, 1)), np.array([0]))
    assert (stepped.terminated.tolist(), stepped.truncated.tolist(), stepped.final_obs) == ([True], [False], {})
    assert envs.episodes[0].end == "terminated"


def test_only_the_asked_copies_are_stepped():
    envs = Environments("Reacher-v4", [0, 1, 2], 10)
    before = envs.obs.copy()
    stepped = envs.step(np.ones((3, 2)), np.array([1]))
    assert (envs.obs != before).any(axis=1).tolist() == [False, True, False]
    assert (stepped.rew != 0).tolist() == [False, True, False]
    assert (envs.steps, envs.left) == (1, 9)


def test_budget_is_spent_to_the_step_and_every_step_is_recorded(start):
    agent, envs = start(envs=3, budget=100)
    rolls = [sample(agent, envs, 40) for _ in range(2)]
    # 40 steps need 14 rows of 3; twice 42 leave 16, too few for a third batch but taken all the same.
    assert [roll.taken.sum() for roll in rolls] == [42, 42]
    for _ in range(2):
        with pytest.raises(BudgetSpent):
            sample(agent, envs, 40)
    envs.cut()
    assert envs.steps == 100
    assert sum(e.length for e in envs.episodes) == 100
    assert envs.episodes[-1].end == "cut"
    assert all(e.end == "terminated" for e in envs.episodes[:-3])
    assert max(e.step for e in envs.episodes) == 100


def test_run_ends_with_its_budget_spent_and_all_recorded():
    options = dataclasses.asdict(Common(envs=3)) | dataclasses.asdict(pg.Config(batch=100, value_epochs=1))
    run = Run("pg", "InvertedPendulum-v4", options, steps=250, seed=0)
    while run.status == "running":
        run.iterate()
    assert run.status == "finished"
    assert [row["step"] for row in run.updates] == [102, 204]
    assert sum(e.length for e in run.envs.episodes) == run.envs.steps == 250


def by_hand(agent, roll, gamma, lam, *, limit_is_death=False, column=slice(None)):
    """Advantages of the columns of a rollout without gaps, state by state, from the definition."""

    def value(raw):
        return agent.value(agent.phi, torch.from_numpy(agent.filter(raw[None]))).item()

    adv = np.zeros_like(roll.rew)
    rows, envs = roll.rew.shape
    for i in range(envs):
        ahead = 0.0
        for t in reversed(range(rows)):
            done = roll.terminated[t, i] or roll.truncated[t, i]
            if roll.terminated[t, i] or (roll.truncated[t, i] and limit_is_death):
                following = 0.0
            elif roll.truncated[t, i]:
                following = value(roll.final_obs[t, i])
            else:
                following = value(roll.raw_obs[t + 1, i] if t + 1 < rows else roll.last_obs[i])
            delta = roll.rew[t, i] + gamma * following - value(roll.raw_obs[t, i])
            ahead = adv[t, i] = delta + (0.0 if done else gamma * lam * ahead)
    return adv


@pytest.mark.parametrize("task_id", ["Reacher-v4", "InvertedPendulum-v4"])
@pytest.mark.parametrize("limit_is_death", [False, True])
def test_advantages_bootstrap_from_the_state_that_followed(start, task_id, limit_is_death):
    agent, envs = start(task_id, envs=2, time_limit="terminate" if limit_is_death else "bootstrap")
    agent.filter.update(sample(agent, envs, 40).raw_obs.reshape(40, -1))
    roll = sample(agent, envs, 160)
    batch = make_batch(agent, roll, 0.9, 0.8)
    expected = by_hand(agent, roll, 0.9, 0.8, limit_is_death=limit_is_death)
    np.testing.assert_allclose(batch.adv.reshape(80, 2), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(batch.ret, batch.adv + batch.val)
    other = by_hand(agent, roll, 0.9, 0.8, limit_is_death=not limit_is_death)
    assert np.allclose(other, expected) == (not roll.truncated.any())


@pytest.mark.parametrize("time_limit", ["bootstrap", "terminate"])
@pytest.mark.parametrize("gather", [collect, pg.collect])
def test_time_limit_option_reaches_the_advantages(start, gather, time_limit):
    cfg = SimpleNamespace(batch=120, gamma=0.9, lam=0.8, critic=True)
    (agent, envs), (twin, copies) = start("Reacher-v4", time_limit=time_limit), start("Reacher-v4")
    batch = gather(agent, envs, cfg, {})
    expected = by_hand(twin, sample(twin, copies, 120), 0.9, 0.8, limit_is_death=time_limit == "terminate")
    np.testing.assert_allclose(batch.adv.reshape(60, 2), expected, rtol=1e-4, atol=1e-5)


def test_whole_episodes_are_whole_and_none_begins_after_the_quota(start):
    agent, envs = start("InvertedPendulum-v4", envs=4)
    roll = sample(agent, envs, 60, whole_episodes=True)
    done = roll.terminated | roll.truncated
    assert not roll.taken.all()
    rows = roll.taken.sum(axis=0)
    quota = np.flatnonzero(roll.taken.sum(axis=1).cumsum() >= 60)[0]
    for i in range(4):
        assert roll.taken[: rows[i], i].all()
        assert done[rows[i] - 1, i]
        assert not done[quota : rows[i] - 1, i].any()
        assert rows[i] > quota
    assert sum(e.length for e in envs.episodes) == roll.taken.sum() == envs.steps
    envs.cut()
    assert {e.end for e in envs.episodes} == {"terminated"}


def test_whole_episodes_give_complete_returns_to_go(start):
    agent, envs = start("InvertedPendulum-v4", envs=4)
    roll = sample(agent, envs, 60, whole_episodes=True)
    batch = make_batch(agent, roll, 0.9, 0.5, critic=False)
    expected = np.zeros_like(roll.rew)
    for i in range(4):
        ends = np.flatnonzero(roll.terminated[:, i])
        for t in np.flatnonzero(roll.taken[:, i]):
            end = ends[ends >= t][0]
            expected[t, i] = sum(0.9 ** (k - t) * roll.rew[k, i] for k in range(t, end + 1))
    np.testing.assert_allclose(batch.adv, expected[roll.taken], rtol=1e-6)
    assert torch.equal(batch.ret, batch.adv)
    assert not batch.val.any()
    np.testing.assert_array_equal(batch.act, roll.act[roll.taken])
    np.testing.assert_array_equal(batch.raw_obs, roll.raw_obs[roll.taken])


def test_whole_episodes_that_the_budget_cuts_are_not_learned_from(start):
    agent, envs = start(envs=2)
    roll = sample(agent, envs, 200)
    done = roll.terminated
    t = next(t for t in range(1, 100) if done[t, 0] and not done[t - 1, 1])
    budget = 2 * t + 1  # the first copy ends an episode with the last step, the second is inside one
    agent, envs = start(envs=2, budget=budget)
    with pytest.raises(BudgetSpent):
        sample(agent, envs, budget, whole_episodes=True)
    envs.cut()
    assert sum(e.length for e in envs.episodes) == budget


@pytest.mark.parametrize("whole_episodes", [False, True])
def test_first_ratio_is_exactly_one(start, whole_episodes):
    agent, envs = start("InvertedPendulum-v4", envs=3, jolt=0.3)
    for _ in range(5):
        batch = make_batch(agent, sample(agent, envs, 150, whole_episodes), 0.99, 0.95)
        new = agent.policy.dist(agent.theta, batch.obs)
        assert torch.equal(agent.policy.logp(agent.theta, batch.obs, batch.act), batch.logp)
        assert torch.equal(new.mean, batch.old.mean)
        agent.filter.update(batch.raw_obs)


def test_batch_keeps_the_old_distribution_when_theta_moves(learner):
    agent, batch = learner()
    log_std = batch.old.log_std.clone()
    agent.theta += 1.0
    assert torch.equal(batch.old.log_std, log_std)


def test_actions_are_mean_plus_noise_of_their_stream(start):
    agent, envs = start("Reacher-v4", envs=2, jolt=0.3)
    roll = sample(agent, envs, 20)
    noise = streams(0, 2).noise
    for row in range(10):
        dist = agent.policy.dist(agent.theta, torch.from_numpy(roll.obs[row]))
        draw = noise.standard_normal((2, 2), np.float32)
        np.testing.assert_allclose(roll.act[row], dist.mean + dist.log_std.exp() * draw, rtol=1e-5, atol=1e-5)


def test_clipping_reaches_the_task_but_not_the_batch(start):
    agent, envs = start("Reacher-v4", envs=1, clip_actions=True)
    agent.theta[-2:] = 1.0
    roll = sample(agent, envs, 40)
    batch = make_batch(agent, roll, 0.99, 0.95)
    assert batch.act.abs().max() > 1.5
    np.testing.assert_array_equal(batch.act, roll.act[:, 0])
    (seed,) = agent.streams.env_seeds
    clipped, raw = (replay("Reacher-v4", seed, acts) for acts in (roll.act[:, 0].clip(-1, 1), roll.act[:, 0]))
    np.testing.assert_array_equal(roll.rew[:, 0], [row[1] for row in clipped[0]])
    assert (roll.rew[:, 0] != [row[1] for row in raw[0]]).any()


def test_filter_stands_still_while_a_batch_is_sampled(start):
    agent, envs = start("Reacher-v4", envs=2)
    agent.filter.update(sample(agent, envs, 40).raw_obs.reshape(40, -1))
    count, roll = agent.filter.count, sample(agent, envs, 60)
    assert agent.filter.count == count
    np.testing.assert_array_equal(roll.obs, agent.filter(roll.raw_obs))
