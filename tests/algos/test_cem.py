"""The cross-entropy method: the population, whose return is whose, the refit, and what the extra noise is for."""

import math

import gymnasium
import numpy as np
import pytest
import torch
from one_update import run

from algos import cem
from core.errors import BudgetSpent
from core.run import Run
from study.options import option_fields


class Paid(gymnasium.Env):
    """Each step pays its action. An episode lasts 1 to 7 steps, as its first action decides; each shows its time."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.array([0.5]), {}

    def step(self, action):
        if not self.time:
            self.length = lasts(action[0])
        self.time += 1
        return np.array([0.5 - 0.1 * self.time]), float(action[0]), self.time == self.length, False, {}


def lasts(action):
    return 1 + int(abs(10 * action)) % 7


class Parabola(gymnasium.Env):
    """One step, worth −(a − 2)²; without a number where ``broken`` says so."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    action_space = gymnasium.spaces.Box(-4.0, 4.0, (1,))
    broken = False

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.ones(1), {}

    def step(self, action):
        broken = self.broken and self.np_random.random() < 0.1
        return np.ones(1), math.nan if broken else -float((action[0] - 2) ** 2), True, False, {}


gymnasium.register("Paid-v0", Paid)
gymnasium.register("Parabola-v0", Parabola)


def state(agent, iteration=0, **options):
    return cem.init(agent, cem.Config(**options)) | {"iteration": iteration}


def gather(agent, envs, at=None, **options):
    return cem.collect(agent, envs, cem.Config(**options), at or state(agent, **options))


# The refit and the spread


def test_the_refit_is_the_mean_and_variance_of_the_best():
    members = torch.tensor([[1.0, 0], [9, 9], [2, 4], [8, 8], [6, 2]], dtype=torch.float64)
    mean, var = cem.refit(members, torch.tensor([3.0, -1, 5, 0, 4]), 0.6)
    assert mean.tolist() == [3, 2]
    torch.testing.assert_close(var.tolist(), [(4 + 1 + 9) / 3, (4 + 4 + 0) / 3])


@pytest.mark.parametrize(
    "share, of, best",
    [(0.2, 200, 40), (0.3, 10, 3), (0.26, 10, 3), (0.24, 10, 2), (0.0, 10, 2), (0.1, 10, 2), (1, 7, 7)],
)
def test_the_share_is_rounded_and_never_below_two_members(share, of, best):
    members = torch.arange(of, dtype=torch.float64)[:, None]
    mean, _ = cem.refit(members, members[:, 0], share)
    assert mean.item() == of - (best + 1) / 2


def test_of_members_with_equal_returns_the_first_are_taken():
    members = torch.arange(200, dtype=torch.float64)[:, None]
    assert cem.refit(members, torch.ones(200), 0.02)[0].item() == 1.5
    ret = torch.zeros(200)
    ret[7] = 1
    assert cem.refit(members, ret, 0.02)[0].item() == (7 + 0 + 1 + 2) / 4


@pytest.mark.parametrize("k, share", [(0, 1), (5, 0.5), (9, 0.1), (10, 0), (25, 0)])
def test_the_extra_noise_is_a_variance_that_fades_over_its_iterations(k, share):
    cfg = cem.Config(extra_std=0.3, extra_iterations=10)
    var = torch.tensor([0.0, 0.16], dtype=torch.float64)
    expected = [math.sqrt(0.09 * share), math.sqrt(0.16 + 0.09 * share)]
    torch.testing.assert_close(cem.spread(cfg, {"var": var, "iteration": k}).tolist(), expected)


def test_the_first_spread_is_the_given_standard_deviation(start):
    agent, _ = start("Paid-v0")
    spread = cem.spread(cem.Config(std=0.4, extra_std=0.0), state(agent, std=0.4))
    assert spread.shape == (agent.policy.net.size,)
    torch.testing.assert_close(spread, torch.full_like(spread, 0.4))


def test_members_that_are_all_equal_do_not_end_the_search_while_the_extra_noise_lasts(start):
    agent, envs = start("Paid-v0")
    options = {"population": 4, "std": 0.0, "extra_std": 0.2, "extra_iterations": 2}
    at, spreads = state(agent, **options), []
    for _ in range(3):
        batch = gather(agent, envs, at, **options)
        spreads.append(batch.members.std(0).max().item())
        batch.members[:] = batch.members[0]
        run(cem, agent, batch, at, **options)
        assert not at["var"].any()
    assert spreads[0] > spreads[1] > 0
    assert spreads[2] == 0
    assert at["iteration"] == 3


# The population


def test_members_are_drawn_around_the_mean_with_the_spread_of_each_coordinate(start):
    agent, envs = start("Paid-v0", jolt=1.0)
    size, options = agent.policy.net.size, {"population": 60, "extra_std": 0.5, "extra_iterations": 10}
    at = state(agent, iteration=5, **options)
    at["var"] = torch.linspace(0, 4, size, dtype=torch.float64)
    members = gather(agent, envs, at, **options).members
    assert members.shape == (60, size)
    z = (members - agent.theta[:size]) / torch.sqrt(at["var"] + 0.125)
    for part in (z, z[:, : size // 8], z[:, -size // 8 :], z * agent.theta[:size].sign()):
        n = part.numel()
        assert abs(part.mean()) < 4 / n**0.5
        assert abs(part.square().mean() - 1) < 4 * (2 / n) ** 0.5
    assert abs(torch.corrcoef(z)[0, 1:]).max() < 5 / size**0.5, "members are drawn on their own"


def play(agent, member, bound):
    """Return and length of one episode on Paid with the mean action of ``member``, clipped at ±``bound``."""
    theta, total, time, length = torch.cat([member.float(), agent.theta[-1:]]), 0.0, 0, 1
    while time < length:
        obs = torch.from_numpy(agent.filter(np.array([[0.5 - 0.1 * time]])))
        act = agent.policy.dist(theta, obs).mean.clamp(-bound, bound).item()
        length = length if time else lasts(act)
        total, time = total + act, time + 1
    return total, length


@pytest.mark.parametrize("clip_actions", [False, True])
@pytest.mark.parametrize("envs", [1, 3, 4, 15])
def test_each_member_plays_one_whole_episode_and_gets_its_own_return(start, envs, clip_actions):
    agent, copies = start("Paid-v0", envs=envs, clip_actions=clip_actions)
    agent.filter.update(np.array([[0.0], [0.5]]))
    drawn = []
    for _ in range(2):
        before, episodes = copies.steps, len(copies.episodes)
        batch = gather(agent, copies, population=10, std=0.2)
        played = [play(agent, member, 1 if clip_actions else math.inf) for member in batch.members]
        ret, length = zip(*played, strict=True)
        assert len(set(length)) > 3
        np.testing.assert_allclose(batch.ret, ret, rtol=1e-5, atol=1e-5)
        ended = copies.episodes[episodes:]
        assert {episode.end for episode in ended} == {"terminated"}
        assert sorted(episode.length for episode in ended) == sorted(length)
        np.testing.assert_allclose(sorted(e.ret for e in ended), sorted(ret), rtol=1e-5, atol=1e-5)
        assert copies.steps - before == sum(length)
        times = np.round(5 - 10 * batch.raw_obs[:, 0]).astype(int)
        assert np.bincount(times).tolist() == [sum(k > t for k in length) for t in range(max(length))]
        np.testing.assert_array_equal(batch.obs.numpy(), agent.filter(batch.raw_obs[::7]))
        drawn.append(batch.members)
    assert not (drawn[0] == drawn[1]).any()


def test_episodes_run_to_the_time_limit(start):
    agent, envs = start("Reacher-v4", envs=3)
    gather(agent, envs, population=5)
    assert [(episode.length, episode.end) for episode in envs.episodes] == [(50, "truncated")] * 5


@pytest.mark.parametrize("budget", [1, 2, 3, 10, 25, 26])
def test_a_budget_that_ends_within_a_population_is_spent_and_gives_none(start, budget):
    agent, envs = start("Paid-v0", envs=3, budget=10_000)
    gather(agent, envs, population=10)
    assert envs.steps > 26
    agent, envs = start("Paid-v0", envs=3, budget=budget)
    with pytest.raises(BudgetSpent):
        gather(agent, envs, population=10)
    envs.cut()
    assert envs.steps == budget == sum(episode.length for episode in envs.episodes)


# The update


def test_an_update_moves_the_mean_and_leaves_the_log_std_and_the_value_function_alone(start):
    agent, envs = start("Paid-v0")
    batch = gather(agent, envs, population=20)
    after, row, at = run(cem, agent, batch, population=20, elite=0.25)
    best = batch.members[batch.ret.argsort(descending=True)[:5]]
    torch.testing.assert_close(after.theta[:-1], best.mean(0).float())
    torch.testing.assert_close(at["var"], ((best - best.mean(0)) ** 2).mean(0))
    assert after.theta.dtype == torch.float32
    assert agent.theta[-1] != 0
    assert torch.equal(after.theta[-1:], agent.theta[-1:])
    assert torch.equal(after.phi, agent.phi)
    before, now = (agent.policy.dist(theta, batch.obs).mean for theta in (agent.theta, after.theta))
    kl = ((now - before) ** 2).mean().item() / 2 * math.exp(-2 * agent.theta[-1])
    assert row["kl"] == pytest.approx(kl, rel=1e-4)
    assert row["entropy"] == pytest.approx(agent.theta[-1].item() + 0.5 * math.log(2 * math.pi * math.e))
    assert row["population_return"] == pytest.approx(batch.ret.mean().item())
    assert row["best_return"] == batch.ret.max()
    assert row["spread"] == pytest.approx(torch.sqrt(at["var"] + 1e-4 * 149 / 150).mean().item(), rel=1e-5)


def whole_run(task_id, steps, **changes):
    options = {field.name: field.default for field in option_fields("cem").values()} | changes
    return Run("cem", task_id, options, steps, seed=0)


def test_it_finds_the_top_of_a_parabola():
    found = whole_run("Parabola-v0", 4000, population=50)
    while found.status == "running":
        found.iterate()
    agent = found.agent
    action = agent.policy.dist(agent.theta, torch.from_numpy(agent.filter(np.ones((1, 1))))).mean.item()
    assert action == pytest.approx(2, abs=0.1)
    assert found.updates[0]["population_return"] < -10
    assert found.updates[-1]["population_return"] > -0.1
    assert len(found.updates) == 80


def test_a_return_that_is_no_number_ends_the_run_as_diverged(monkeypatch):
    monkeypatch.setattr(Parabola, "broken", True)
    broken = whole_run("Parabola-v0", 2000, population=50)
    broken.iterate()
    assert broken.status == "diverged"
    assert not broken.updates
    assert len(broken.envs.episodes) == broken.envs.steps == 50
