import copy
import math

import pytest
import torch
from one_update import run
from torch.distributions import Independent, Normal, kl_divergence

from algos import npg, pg, ppo_clip, ppo_kl, trpo
from core.natural import conjugate_gradient, fisher, step_of_kl

WHOLE = 10_000  # a minibatch size that holds any batch here


def standard(adv):
    return (adv - adv.mean()) / adv.std(correction=0)


def new_policy(agent, batch, theta):
    dist = agent.policy.dist(theta, batch.obs)
    return Independent(Normal(dist.mean, dist.log_std.exp().expand_as(dist.mean)), 1)


def mean_kl(agent, batch, theta):
    old = Independent(Normal(batch.old.mean, batch.old.log_std.exp().expand_as(batch.old.mean)), 1)
    return kl_divergence(old, new_policy(agent, batch, theta)).mean()


def surrogate(agent, batch, theta):
    ratio = torch.exp(new_policy(agent, batch, theta).log_prob(batch.act) - batch.logp)
    return (ratio * standard(batch.adv)).mean()


def slope(f, theta):
    leaf = theta.clone().requires_grad_()
    return torch.autograd.grad(f(leaf), leaf)[0]


def policy_gradient(agent, batch):
    """The gradient of mean[ log π · A ] at θ."""
    adv = standard(batch.adv)
    return slope(lambda theta: (new_policy(agent, batch, theta).log_prob(batch.act) * adv).mean(), agent.theta)


def close(a, b, rtol, atol=0.0):
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=rtol, atol=atol, check_dtype=False)


@pytest.fixture
def made(learner):
    return learner()


# Policy gradient


def test_plain_pg_step_is_alpha_times_the_gradient_of_the_log_probability(made):
    agent, batch = made
    after, _, _ = run(pg, agent, batch, optimiser="plain", step_size=0.5, value_epochs=1)
    close(after.theta - agent.theta, 0.5 * policy_gradient(agent, batch), rtol=1e-4, atol=1e-6)


def test_first_adam_step_of_pg_climbs_by_alpha_in_each_entry(made):
    agent, batch = made
    after, _, state = run(pg, agent, batch, step_size=1e-3, value_epochs=1)
    g = policy_gradient(agent, batch)
    clear = g.abs() > 1e-4
    assert clear.sum() > 100
    close((after.theta - agent.theta)[clear], 1e-3 * g.sign()[clear], rtol=2e-3)
    close(state["adam"].first[0], -0.1 * g, rtol=1e-3, atol=1e-7)


def test_reinforce_leaves_the_value_function_alone_and_reports_none(made):
    agent, batch = made
    after, row, _ = run(pg, agent, batch, critic=False)
    assert torch.equal(after.phi, agent.phi)
    assert math.isnan(row["value_loss"])
    assert math.isnan(row["explained_variance"])
    assert set(row) == set(run(pg, agent, batch, value_epochs=1)[1])


# Natural policy gradient and TRPO


def damped(agent, batch):
    cfg = npg.Config()
    return fisher(agent, batch.obs[:: cfg.fisher_every], cfg.damping)


@pytest.mark.parametrize("max_kl", [0.01, 0.001])
def test_npg_step_has_the_asked_quadratic_kl(made, max_kl):
    agent, batch = made
    after, row, _ = run(npg, agent, batch, max_kl=max_kl, value_epochs=1)
    step = after.theta - agent.theta
    close(0.5 * step @ damped(agent, batch)(step), max_kl, rtol=1e-3)
    assert 0 < row["kl"] < 2 * max_kl


def test_npg_step_solves_for_the_natural_gradient(made):
    agent, batch = made
    after, _, _ = run(npg, agent, batch, cg_iterations=100, value_epochs=1)
    fd, g = damped(agent, batch)(after.theta - agent.theta), policy_gradient(agent, batch)
    assert fd @ g / (fd.norm() * g.norm()) > 0.9999


def test_npg_and_trpo_are_one_without_a_backtrack(made):
    agent, batch = made
    natural, _, _ = run(npg, agent, batch, max_kl=1e-3, value_epochs=1)
    trusted, row, _ = run(trpo, agent, batch, max_kl=1e-3, value_epochs=1)
    assert (row["backtracks"], row["accepted"]) == (0, True)
    assert torch.equal(trusted.theta, natural.theta)
    assert torch.equal(trusted.phi, natural.phi)


@pytest.mark.parametrize("max_kl", [0.01, 1.0, 20.0])
def test_accepted_trpo_step_is_better_and_inside_the_trust_region(made, max_kl):
    agent, batch = made
    after, row, _ = run(trpo, agent, batch, max_kl=max_kl, value_epochs=1)
    assert row["accepted"]
    assert 0 < mean_kl(agent, batch, after.theta) <= max_kl * (1 + 1e-5)
    assert surrogate(agent, batch, after.theta) > surrogate(agent, batch, agent.theta)


def test_trpo_walks_back_along_the_natural_step_as_far_as_it_must(made):
    agent, batch = made
    F = damped(agent, batch)
    for max_kl in (1.0, 20.0, 100.0):
        after, row, _ = run(trpo, agent, batch, max_kl=max_kl, shrink=0.8, tries=40, value_epochs=1)
        full = step_of_kl(F, conjugate_gradient(F, policy_gradient(agent, batch), 10), max_kl)
        close(after.theta, agent.theta + 0.8 ** row["backtracks"] * full, rtol=1e-3, atol=1e-4)
        for j in range(row["backtracks"]):
            candidate = agent.theta + 0.8**j * full
            far = mean_kl(agent, batch, candidate) > max_kl
            assert far or surrogate(agent, batch, candidate) < surrogate(agent, batch, agent.theta)
    assert row["backtracks"] > 0


@pytest.mark.parametrize("options, tries", [({"tries": 0}, 0), ({"max_kl": 100.0, "shrink": 1.0, "tries": 3}, 3)])
def test_failed_trpo_search_leaves_the_policy_bit_identical(made, options, tries):
    agent, batch = made
    after, row, _ = run(trpo, agent, batch, **options, value_epochs=1)
    assert (row["backtracks"], row["accepted"]) == (tries, False)
    assert after.theta.numpy().tobytes() == agent.theta.numpy().tobytes()
    assert not torch.equal(after.phi, agent.phi)


def test_frozen_log_std_stays_at_zero_and_the_rest_moves(learner):
    agent, batch = learner(jolt=0.0)
    for log_std, moved in (("frozen", False), ("trained", True)):
        after, row, _ = run(trpo, agent, batch, log_std=log_std, value_epochs=1)
        assert row["accepted"]
        assert (after.theta[-2:].numpy().tobytes() != bytes(8)) == moved
        assert not torch.equal(after.theta[:-2], agent.theta[:-2])


def test_frozen_log_std_spends_the_whole_radius_on_the_weights(made):
    agent, batch = made
    after, row, _ = run(trpo, agent, batch, max_kl=1e-3, log_std="frozen", value_epochs=1)
    step = after.theta - agent.theta
    assert row["backtracks"] == 0
    assert not step[-2:].any()
    close(0.5 * step @ damped(agent, batch)(step), 1e-3, rtol=1e-3)


# Proximal policy optimisation


@pytest.mark.parametrize(
    "ratio, adv, value, by_ratio",
    [
        (1.5, 2.0, 2.4, 0.0),  # better, and far enough
        (0.5, -2.0, -1.6, 0.0),  # worse, and far enough
        (0.5, 2.0, 1.0, 2.0),  # better, but less likely: min takes r A
        (1.5, -2.0, -3.0, -2.0),  # worse, but more likely: min takes r A
        (1.1, 2.0, 2.2, 2.0),
        (0.9, -2.0, -1.8, -2.0),
        (1.0, 2.0, 2.0, 2.0),
        (1.0, -2.0, -2.0, -2.0),
    ],
)
def test_clip_binds_only_where_going_further_would_pay(ratio, adv, value, by_ratio):
    r = torch.tensor(ratio, requires_grad=True)
    out = ppo_clip.clipped(r, torch.tensor(adv), 0.2)
    out.backward()
    assert out.item() == pytest.approx(value)
    assert r.grad.item() == by_ratio


def shifted(batch, log_ratio):
    """The batch as if θ had moved since: its ratios are exp(``log_ratio``)."""
    shifted = copy.copy(batch)
    shifted.logp = batch.logp - log_ratio
    return shifted


def test_ppo_clip_moves_nothing_where_all_ratios_are_clipped(made):
    agent, batch = made
    beyond = shifted(batch, math.log(1.5) * standard(batch.adv).sign())
    after, _, state = run(ppo_clip, agent, beyond, epochs=2, minibatch=64)
    assert torch.equal(after.theta, agent.theta)
    assert not state["adam"].first[0].any()
    assert not torch.equal(after.phi, agent.phi)


@pytest.mark.parametrize("epsilon, sign", [(0.2, -1), (0.6, 1), (0.6, -1)])
def test_ppo_clip_follows_the_surrogate_where_no_ratio_is_clipped(made, epsilon, sign):
    agent, batch = made
    inside = shifted(batch, sign * math.log(1.5) * standard(batch.adv).sign())
    _, _, state = run(ppo_clip, agent, inside, epochs=1, minibatch=WHOLE, epsilon=epsilon)
    g = slope(lambda theta: surrogate(agent, inside, theta), agent.theta)
    close(state["adam"].first[0], -0.1 * g, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("module, options", [(ppo_clip, {}), (ppo_kl, {"beta": 3.0})])
def test_first_ppo_gradient_is_the_policy_gradient_and_that_of_the_value_loss(made, module, options):
    agent, batch = made
    _, _, state = run(module, agent, batch, epochs=1, minibatch=WHOLE, **options)
    close(state["adam"].first[0], -0.1 * policy_gradient(agent, batch), rtol=1e-3, atol=1e-7)
    by_phi = slope(lambda phi: ((agent.value(phi, batch.obs) - batch.ret) ** 2).mean(), agent.phi)
    close(state["adam"].first[1], 0.1 * by_phi, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("module", [ppo_clip, ppo_kl])
def test_ppo_steps_once_per_minibatch_and_epoch(made, module):
    _, _, state = run(module, *made, epochs=3, minibatch=64)
    assert state["adam"].count == 3 * 4  # 200 rows: 64, 64, 64, 8


@pytest.mark.parametrize("beta", [0.0, 3.0])
def test_ppo_kl_gradient_holds_beta_times_the_kl_from_old_to_new(made, beta):
    agent, batch = made
    agent.theta += 0.03 * torch.randn(agent.theta.shape, generator=torch.Generator().manual_seed(1))
    _, _, state = run(ppo_kl, agent, batch, epochs=1, minibatch=WHOLE, beta=beta)
    g = slope(lambda t: surrogate(agent, batch, t) - beta * mean_kl(agent, batch, t), agent.theta)
    close(state["adam"].first[0], -0.1 * g, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "d, factor",
    [
        (0.0, 0.5),
        (math.nextafter(0.01 / 1.5, 0), 0.5),
        (0.01 / 1.5, 1.0),
        (0.01, 1.0),
        (0.01 * 1.5, 1.0),
        (math.nextafter(0.01 * 1.5, 1), 2.0),
        (5.0, 2.0),
    ],
)
def test_beta_changes_by_two_strictly_outside_a_factor_of_one_and_a_half(d, factor):
    assert ppo_kl.adapt(3.0, d, 0.01) == 3.0 * factor


@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize("of_target, factor", [(0.5, 0.5), (0.7, 1.0), (1.4, 1.0), (1.6, 2.0)])
def test_ppo_kl_adapts_to_the_kl_after_its_update(made, adaptive, of_target, factor):
    agent, batch = made
    moved, row, _ = run(ppo_kl, agent, batch, epochs=2)
    target = mean_kl(agent, batch, moved.theta).item() / of_target
    _, row, state = run(ppo_kl, agent, batch, epochs=2, target=target, adaptive=adaptive)
    assert row["beta"] == 1.0  # the one that the update used
    assert state["beta"] == (factor if adaptive else 1.0)


def test_ppo_kl_uses_the_beta_of_its_state(made):
    agent, batch = made
    options = {"epochs": 2, "adaptive": False}
    _, _, state = run(ppo_kl, agent, batch, **options, beta=50.0)
    fresh = {"beta": 50.0}
    assert run(ppo_kl, agent, batch, fresh, **options)[1] == run(ppo_kl, agent, batch, **options, beta=50.0)[1]
    assert state["beta"] == 50.0
    assert run(ppo_kl, agent, batch, **options)[1]["kl"] > run(ppo_kl, agent, batch, fresh, **options)[1]["kl"]


# What is reported


@pytest.mark.parametrize("module", [pg, npg, trpo, ppo_clip, ppo_kl])
def test_reports_are_of_the_batch_after_the_update(made, module):
    agent, batch = made
    after, row, _ = run(module, agent, batch)
    assert row["kl"] > 0
    close(row["kl"], mean_kl(agent, batch, after.theta), rtol=1e-3, atol=1e-6)
    close(row["entropy"], new_policy(agent, batch, after.theta).entropy().mean(), rtol=1e-5)
    assert row["surr_before"] == pytest.approx(0, abs=1e-6)
    close(row["surr_after"], surrogate(agent, batch, after.theta), rtol=1e-3, atol=1e-6)
    assert row["surr_after"] > 0.001
    value = after.value(after.phi, batch.obs)
    close(row["value_loss"], ((value - batch.ret) ** 2).mean(), rtol=1e-5)
    assert row["value_loss"] < ((batch.val - batch.ret) ** 2).mean()
    close(row["explained_variance"], 1 - (batch.ret - batch.val).var() / batch.ret.var(), rtol=1e-4, atol=1e-5)
