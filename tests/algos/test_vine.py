"""What the vine estimates from its branches, which states it takes, and the update."""

import copy

import gymnasium
import numpy as np
import pytest
import torch
from late import normal
from one_update import run
from torch.distributions import Normal

from algos import trpo, trpo_vine
from core import rollout
from core.compile import gradient
from core.envs.branches import Branches, Tried
from core.envs.vector import Copies
from core.errors import BudgetSpent, UsageError
from core.natural import conjugate_gradient, fisher, step_of_kl
from core.rollout import sample


class Clock(gymnasium.Env):
    """Shows which copy it is and how many steps it has seen."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,))
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.shown = np.array([self.np_random.uniform(), 0.0])
        return self.shown.copy(), {}

    def step(self, action):
        self.shown[1] += 1
        return self.shown.copy(), 0.0, False, False, {}


gymnasium.register("Clock-v0", Clock)


# The account


def test_every_step_counts_and_a_budget_that_ends_within_is_spent_and_gives_none(start):
    cfg = trpo_vine.Config(batch=40, states=4, actions=3, length=7)

    def spend(budget):
        agent, envs = start("InvertedPendulum-v4", budget=budget)
        try:
            return trpo_vine.collect(agent, envs, cfg, {}), envs
        except BudgetSpent:
            return None, envs

    batch, envs = spend(10_000)
    assert batch.tries.q.shape == (4, 3)
    assert len(batch.obs) == 40
    needed = envs.steps
    assert 40 + 4 * 3 < needed <= 40 + 4 * 3 * 7
    for budget in (1, 39, 40, 41, *range(43, needed, 5), needed - 1):
        batch, envs = spend(budget)
        envs.cut()
        assert batch is None
        assert envs.steps == budget == sum(episode.length for episode in envs.episodes)
    assert spend(needed)[0] is not None, "the last branch ends with the budget"


def test_a_number_of_states_or_actions_that_makes_no_vine_is_refused(start):
    agent, _ = start()
    for wrong, said in (({"states": 41, "batch": 40}, "states: 41 is more than"), ({"actions": 1}, "actions: give 2")):
        with pytest.raises(UsageError, match=f"trpo_vine: {said}"):
            trpo_vine.init(agent, trpo_vine.Config(**wrong))


# The estimate


@pytest.fixture
def vine(start):
    """An agent and the vine of a short trunk on Reacher, in double precision."""
    agent, envs = start("Reacher-v4")
    agent.filter.update(sample(agent, envs, 40).raw_obs.reshape(40, -1))
    cfg = trpo_vine.Config(batch=60, states=6, actions=3, length=5)
    batch = trpo_vine.collect(agent, envs, cfg, {})
    agent.theta = agent.theta.double()
    obs, act, logp_float, q = (column.double() for column in batch.tries)
    logp = trpo_vine.log_prob(agent, agent.theta, obs, act)
    torch.testing.assert_close(logp_float, logp, rtol=1e-5, atol=1e-5)
    return agent, trpo_vine.Tries(obs, act, logp, q)


def test_the_log_probabilities_are_those_of_the_right_state_and_action(vine):
    agent, tries = vine
    mean, log_std = agent.policy.dist(agent.theta, tries.obs)
    expected = Normal(mean[:, None], log_std.exp()).log_prob(tries.act).sum(-1)
    torch.testing.assert_close(tries.logp, expected)


def test_at_the_old_policy_the_surrogate_is_the_mean_q_and_its_gradient_needs_no_baseline(vine):
    agent, tries = vine
    torch.testing.assert_close(trpo_vine.surrogate(agent, agent.theta, tries), tries.q.mean())
    expected = torch.zeros_like(agent.theta)
    for obs, acts, q in zip(tries.obs, tries.act, tries.q, strict=True):
        for act, own in zip(acts, q, strict=True):
            (score,) = gradient(lambda theta, o=obs, a=act: agent.policy.logp(theta, o[None], a).sum(), (agent.theta,))
            expected += score * (own - q.mean()) / tries.q.numel()
    torch.testing.assert_close(agent.gradient(trpo_vine.surrogate)(agent.theta, tries), expected)


def test_a_constant_added_to_the_q_of_a_state_changes_nothing(vine):
    agent, tries = vine
    shift = torch.from_numpy(10 * normal(6, 1)).double()
    shifted = tries._replace(q=tries.q + shift)
    far = agent.theta + 0.02 * torch.from_numpy(normal(len(agent.theta))).double()
    surr, other = (lambda theta, each=each: trpo_vine.surrogate(agent, theta, each) for each in (tries, shifted))
    assert abs(surr(far) - surr(agent.theta)) > 1e-3
    torch.testing.assert_close(other(far) - surr(far), shift.mean())
    torch.testing.assert_close(gradient(other, (far,)), gradient(surr, (far,)))


def test_the_surrogate_by_hand(vine):
    agent, tries = vine
    ratio = torch.tensor([[3.0, 1.0], [1.0, 1 / 3]], dtype=torch.float64)
    small = trpo_vine.Tries(
        obs=tries.obs[:2],
        act=tries.act[:2, :2],
        logp=tries.logp[:2, :2] - ratio.log(),
        q=torch.tensor([[4.0, 0.0], [1.0, 5.0]], dtype=torch.float64),
    )
    # (3·4 + 1·0) / (3 + 1) = 3 and (1·1 + ⅓·5) / (1 + ⅓) = 2
    torch.testing.assert_close(trpo_vine.surrogate(agent, agent.theta, small).item(), 2.5)


def test_the_actions_tried_are_draws_of_the_policy_in_the_saved_state(start):
    agent, envs = start("Late-v0", jolt=0.5)
    agent.filter.update(np.array([[1.0], [1.2]]))
    batch = trpo_vine.collect(agent, envs, trpo_vine.Config(batch=200, states=200, length=1), {})
    mean, log_std = agent.policy.dist(agent.theta, batch.tries.obs)
    z = (batch.tries.act[..., 0] - mean) * torch.exp(-log_std)
    assert len(z.unique()) == z.numel() == 800
    assert abs(z.mean()) < 4 / 800**0.5
    assert abs(z.square().mean() - 1) < 4 * (2 / 800) ** 0.5


def test_the_q_of_an_action_is_its_own_reward_discounted(start):
    agent, envs = start("Late-v0", envs=3, obs_clip=None)
    cfg = trpo_vine.Config(batch=30, states=8, actions=4, length=4, gamma=0.5)
    batch = trpo_vine.collect(agent, envs, cfg, {})
    paid = -0.5 * (batch.tries.act[..., 0] - batch.tries.obs) ** 2  # all else is the same in each branch of a state
    torch.testing.assert_close(batch.tries.q - batch.tries.q[:, :1], paid - paid[:, :1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("k", [2, 4])
def test_the_gradients_mean_is_that_share_of_the_policy_gradient(start, k):
    agent, envs = start("Late-v0", envs=4, budget=10**6, obs_clip=None, jolt=0.3)
    cfg = trpo_vine.Config(batch=100, states=50, actions=k, length=2, gamma=0.5)
    state, found, wanted = {}, [], []
    for _ in range(60):
        batch = trpo_vine.collect(agent, envs, cfg, state)

        def payoff(theta, obs=batch.tries.obs):
            """The expectation over actions of γ · −(a − s)²."""
            mean, log_std = agent.policy.dist(theta, obs)
            return -0.5 * ((mean - obs) ** 2 + torch.exp(2 * log_std)).mean()

        found.append(agent.gradient(trpo_vine.surrogate)(agent.theta, batch.tries))
        wanted.append(gradient(payoff, (agent.theta,))[0] * (k - 1) / k)
    found, wanted = torch.stack(found), torch.stack(wanted)
    uphill, noise, other = wanted.mean(0), torch.zeros_like(agent.theta), torch.from_numpy(normal(len(agent.theta)))
    uphill[-1], noise[-1] = 0, 1
    for name, direction in (("weights", uphill), ("log-std", noise), ("random", other)):
        gap = (found - wanted) @ direction
        error = (gap.std() / len(gap) ** 0.5).item()
        assert abs(gap.mean()) < 4 * error, name
        if name != "random":  # tight enough to see a factor of γ, of 2, or of (k − 1)/k too many
            assert 5 * error < min(0.5, 1 / (k - 1)) * abs(wanted @ direction).mean(), name


@pytest.mark.parametrize("time_limit", ["bootstrap", "terminate"])
def test_q_is_the_discounted_sum_and_the_value_of_what_follows_a_cut(start, time_limit):
    agent, envs = start("Reacher-v4", time_limit=time_limit)
    agent.filter, agent.value = lambda obs: np.float32(obs / 2), lambda phi, obs: obs.sum(-1)
    rew = np.array([[1.0, 1, 1, 1], [2, 2, 2, 0], [4, 4, 0, 0]])
    ends = {
        "length": np.array([3, 3, 2, 1]),
        "terminated": np.array([False, False, False, True]),
        "truncated": np.array([False, True, True, False]),
        "last_obs": np.array([[16.0, 16], [32, 32], [80, 0], [200, 200]]),
    }
    second = Tried(2 * rew, **ends | {"last_obs": 0 * ends["last_obs"]})
    q = trpo_vine.q_values(agent, envs, [Tried(rew, **ends), second], trpo_vine.Config(length=3, gamma=0.5))
    limit = 1 if time_limit == "bootstrap" else 0
    assert q.tolist() == [[3 + 16 / 8, 3 + 32 / 8 * limit, 2 + 40 / 4 * limit, 1], [6, 6, 4, 2]]


def test_the_trunk_is_a_batch_like_trpos_and_the_time_limit_option_reaches_its_branches(start):
    cfg = trpo_vine.Config(batch=120, states=40, actions=2, length=10, gamma=0.9, lam=0.8)
    made = {}
    for limit in ("bootstrap", "terminate"):
        agent, envs = start("Reacher-v4", time_limit=limit)
        agent.filter.update(np.random.default_rng(0).normal(3, 2, (100, envs.obs_dim)))
        twin, copies = copy.deepcopy(agent), start("Reacher-v4", time_limit=limit)[1]
        made[limit] = trpo_vine.collect(agent, envs, cfg, {})
        plain = rollout.collect(twin, copies, cfg, {})
        assert all(torch.equal(getattr(made[limit], name), getattr(plain, name)) for name in ("obs", "act", "adv"))
    differ = made["bootstrap"].tries.q != made["terminate"].tries.q
    assert differ.any(1).equal(differ.all(1))
    assert 0 < differ.all(1).sum() < 20, "the states less than 10 steps before the limit"


def test_each_step_of_the_trunk_is_as_likely_to_be_chosen_and_saved_before_it_is_taken(start, monkeypatch):
    agent, envs = start("Clock-v0", envs=3, budget=10**6, obs_clip=None)
    cfg, state, counts = trpo_vine.Config(batch=29, states=6, actions=1, length=1), {}, np.zeros(29, int)
    kept, try_out = [], Branches.try_out
    monkeypatch.setattr(
        Branches, "try_out", lambda self, agent, saved, *a: kept.append(saved) or try_out(self, agent, saved, *a)
    )
    shown = Copies("Clock-v0", [0])
    for _ in range(300):
        kept.clear()
        batch = trpo_vine.collect(agent, envs, cfg, state)
        assert len(batch.raw_obs) == 30
        rows = [np.flatnonzero((batch.raw_obs == saved.obs).all(1)).item() for saved in kept]
        assert len(rows) == 6
        assert rows == sorted(set(rows))
        assert torch.equal(batch.tries.obs, batch.obs[rows])
        for saved in kept:
            shown.restore(0, saved)
            assert (shown._envs[0].unwrapped.shown == saved.obs).all()
        counts[rows] += 1  # never the 30th, which only fills the last row
    expected = 300 * 6 / 29
    assert abs(counts - expected).max() < 4 * (expected * (1 - 6 / 29)) ** 0.5


# The update


@pytest.fixture
def grown(start):
    """An agent and a vine as an update gets them."""
    agent, envs = start("Reacher-v4")
    cfg = trpo_vine.Config(batch=200, states=20, actions=3, length=5)
    return agent, trpo_vine.collect(agent, envs, cfg, {})


@pytest.mark.parametrize("max_kl", [0.01, 5.0])  # 5: the whole step is better but too far
def test_the_update_is_trpos_with_the_vines_surrogate(grown, max_kl):
    agent, batch = grown
    after, row, _ = run(trpo_vine, agent, batch, max_kl=max_kl)
    g, F = agent.gradient(trpo_vine.surrogate)(agent.theta, batch.tries), fisher(agent, batch.obs[::5], 0.1)
    full = step_of_kl(F, conjugate_gradient(F, g, 10), max_kl)
    torch.testing.assert_close(after.theta, agent.theta + 0.5 ** row["backtracks"] * full, rtol=1e-4, atol=1e-5)
    assert row["accepted"]
    assert 0 < row["kl"] <= max_kl * (1 + 1e-5)
    assert row["surr_before"] == pytest.approx(batch.tries.q.mean().item())
    assert row["surr_after"] == pytest.approx(trpo_vine.surrogate(agent, after.theta, batch.tries).item())
    assert row["surr_after"] > row["surr_before"]
    assert torch.equal(after.phi, run(trpo, agent, batch)[0].phi), "V is fitted to the trunk, as TRPO fits it"


def test_a_failed_search_leaves_the_policy_bit_identical(grown):
    agent, batch = grown
    after, row, _ = run(trpo_vine, agent, batch, tries=0)
    assert (row["accepted"], row["surr_after"]) == (False, row["surr_before"])
    assert torch.equal(after.theta, agent.theta)
    assert not torch.equal(after.phi, agent.phi)
