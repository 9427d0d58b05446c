"""A2C, its trust region, and the rules of the adaptive and the penalised methods, against closed forms."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.optimize
import torch
from one_update import run

from algos import a2c, a2c_trust_region, pg_adaptive, trpo_penalty
from core.compile import gradient
from core.natural import fisher
from core.objective import mean_kl, surrogate
from core.policy import kl
from core.rmsprop import RMSprop, clip_norm

# RMSprop and the norm


def linear(agent, x, slope):
    """A loss whose gradient is what it is given."""
    return x @ slope


def test_rmsprop_is_tensorflows_by_hand():
    x = torch.tensor([1.0, -2.0], dtype=torch.float64)
    prop = RMSprop(SimpleNamespace(compiled=False), x, decay=0.9, eps=0.01, max_norm=1e9)
    square, expected = np.ones(2), np.array([1.0, -2.0])
    for grad in ([0.5, -1.0], [2.0, 0.0], [-0.1, 3.0]):
        square = 0.9 * square + 0.1 * np.square(grad)
        expected = expected - 0.3 * np.array(grad) / np.sqrt(square + 0.01)
        prop.descend(linear, torch.tensor(grad, dtype=torch.float64), step_size=0.3)
    np.testing.assert_allclose(x.numpy(), expected, rtol=1e-14)


def test_a_long_gradient_is_shortened_as_a_whole_and_a_short_one_left():
    grads = (torch.tensor([3.0, 0.0]), torch.tensor([0.0, 0.0, 4.0]))
    one, other = clip_norm(grads, 0.5)
    assert math.hypot(one.norm(), other.norm()) == pytest.approx(0.5, rel=1e-5)
    assert one[0] / other[2] == pytest.approx(3 / 4)
    for before, after in zip(grads, clip_norm(grads, 100.0), strict=True):
        assert torch.equal(before, after)


# A2C


def test_a2cs_step_is_the_gradient_of_its_loss(learner):
    agent, batch = learner()
    cfg = a2c.Config(max_norm=1e9, entropy=0.3, value_weight=0.7)

    def loss(theta, phi):
        mean, log_std = agent.policy.dist(theta, batch.obs)
        normal = torch.distributions.Normal(mean, log_std.exp())
        gain = (normal.log_prob(batch.act).sum(-1) * batch.adv).mean() + 0.3 * normal.entropy().sum(-1).mean()
        return -gain + 0.7 * torch.nn.functional.mse_loss(agent.value(phi, batch.obs), batch.ret)

    after, _, _ = run(a2c, agent, batch, max_norm=1e9, entropy=0.3, value_weight=0.7)
    for before, moved, grad in zip(
        (agent.theta, agent.phi), (after.theta, after.phi), gradient(loss, (agent.theta, agent.phi)), strict=True
    ):
        expected = -cfg.step_size * grad / torch.sqrt(cfg.decay + (1 - cfg.decay) * grad**2 + cfg.eps)
        torch.testing.assert_close(moved - before, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("algo", [a2c, a2c_trust_region])
def test_the_step_size_falls_in_a_line_and_with_it_the_step(learner, algo):
    agent, batch = learner()
    whole, _, _ = run(algo, agent, batch)
    half, row, state = run(algo, agent, batch, {"steps": 400}, anneal=800)
    assert (row["step_size"], state["steps"]) == (3.5e-4, 440)
    torch.testing.assert_close(half.theta - agent.theta, (whole.theta - agent.theta) / 2, rtol=1e-3, atol=1e-7)
    cfg = algo.Config(batch=200, anneal=800)
    state = algo.init(agent, cfg)
    sizes = [algo.update(agent, batch, cfg, state)["step_size"] for _ in range(4)]
    assert sizes == pytest.approx([7e-4, 5.25e-4, 3.5e-4, 1.75e-4])
    end = agent.theta.clone()
    assert [algo.update(agent, batch, cfg, state)["step_size"] for _ in range(2)] == [0, 0]
    assert torch.equal(agent.theta, end)


# The trust region of ACER


@pytest.mark.parametrize("delta", [0.0, 0.5, 1.0])
def test_the_projection_solves_acers_quadratic_programme(delta):
    g, k = np.random.default_rng(0).standard_normal((2, 40, 4))
    z = a2c_trust_region.project(torch.from_numpy(g), torch.from_numpy(k), delta).numpy()
    bound = (k * g).sum(-1) > delta
    assert 5 < bound.sum() < 35, "some rows meet the constraint, some do not"
    np.testing.assert_array_equal(z[~bound], g[~bound])
    for mine, wanted, slope in zip(z, g, k, strict=True):
        solved = scipy.optimize.minimize(
            lambda z, wanted=wanted: 0.5 * np.square(z - wanted).sum(),
            np.zeros(4),
            jac=lambda z, wanted=wanted: z - wanted,
            constraints=scipy.optimize.LinearConstraint(slope, ub=delta),
            method="SLSQP",
        )
        np.testing.assert_allclose(mine, solved.x, atol=1e-5)


def test_without_a_bound_the_trust_region_is_a2c(learner):
    agent, batch = learner()
    far = agent.theta + 0.3
    plain, _, _ = run(a2c, agent, batch)
    free, _, _ = run(a2c_trust_region, agent, batch, {"average": far.clone()}, delta=1e9)
    torch.testing.assert_close(free.theta, plain.theta, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(free.phi, plain.phi)
    bound, _, _ = run(a2c_trust_region, agent, batch, {"average": far}, delta=0.0)
    assert (bound.theta - plain.theta).abs().max() > 1e-5


def test_at_the_average_policy_nothing_is_bound(learner):
    agent, batch = learner()
    plain, _, _ = run(a2c, agent, batch)
    same, _, state = run(a2c_trust_region, agent, batch, delta=0.0)
    torch.testing.assert_close(same.theta, plain.theta, rtol=1e-5, atol=1e-7)
    # … and the average follows by its decay.
    torch.testing.assert_close(state["average"], agent.theta + 0.01 * (same.theta - agent.theta))


def test_a_bound_step_moves_the_policy_away_from_the_average_less(learner):
    agent, batch = learner()
    cfg = a2c_trust_region.Config(delta=0.0)
    average = agent.theta + 0.1 * torch.randn(agent.theta.shape, generator=torch.Generator().manual_seed(1))
    loss, vectors = partial(a2c_trust_region.loss, agent), (agent.theta, agent.phi)
    data = (batch.steps(batch.adv), average)
    free, bound = (-gradient(loss, vectors, *data, cfg)[0] for cfg in (a2c_trust_region.Config(delta=1e9), cfg))

    def away(theta):
        return kl(agent.policy.dist(average, batch.obs), agent.policy.dist(theta, batch.obs)).mean()

    (slope,) = gradient(away, (agent.theta,))
    assert bound @ slope < free @ slope


# The adaptive step size


@pytest.mark.parametrize(
    ("d", "factor"), [(2.01, 1 / 1.5), (2.0, 1.0), (1.0, 1.0), (0.5, 1.0), (0.49, 1.5), (0.0, 1.5)]
)
def test_the_step_size_follows_the_rule_at_both_thresholds(d, factor):
    assert pg_adaptive.adapt(0.3, d * 2e-3, 2e-3) == pytest.approx(0.3 * factor)


@pytest.mark.parametrize(("step_size", "factor"), [(1e-6, 1.5), (0.05, 1 / 1.5)])
def test_an_update_uses_the_step_it_has_and_adapts_the_next(learner, step_size, factor):
    agent, batch = learner()
    _, row, state = run(pg_adaptive, agent, batch, step_size=step_size, value_minibatch=200)
    assert row["step_size"] == step_size
    assert (row["kl"] > 4e-3) if factor < 1 else (row["kl"] < 1e-3)
    assert state["step_size"] == pytest.approx(step_size * factor)


# TRPO's penalty form


def test_the_penalised_step_maximises_the_model(learner):
    agent, batch = learner()
    options = {"beta": 50.0, "cg_iterations": 200, "fisher_every": 1, "damping": 0.1, "value_epochs": 1}
    after, row, _ = run(trpo_penalty, agent, batch, **options)
    assert row["backtracks"] == 0
    adv = (batch.adv - batch.adv.mean()) / batch.adv.std(correction=0)
    g = agent.gradient(surrogate)(agent.theta, batch.steps(adv))
    # ∇ (gᵀΔ − β/2 ΔᵀFΔ) = 0
    torch.testing.assert_close(50.0 * fisher(agent, batch.obs, 0.1)(after.theta - agent.theta), g, rtol=0.02, atol=2e-4)


def test_a_step_is_taken_only_if_the_penalised_objective_is_no_worse(learner):
    agent, batch = learner()
    adv = (batch.adv - batch.adv.mean()) / batch.adv.std(correction=0)
    after, row, _ = run(trpo_penalty, agent, batch, beta=0.05, value_epochs=1)
    assert row["accepted"]
    assert row["backtracks"] > 0
    gain = surrogate(agent, after.theta, batch.steps(adv)) - surrogate(agent, agent.theta, batch.steps(adv))
    assert gain >= 0.05 * mean_kl(agent, after.theta, batch.obs, batch.old)
    stuck, row, _ = run(trpo_penalty, agent, batch, beta=1e-6, tries=1, value_epochs=1)
    assert not row["accepted"]
    assert torch.equal(stuck.theta, agent.theta)
