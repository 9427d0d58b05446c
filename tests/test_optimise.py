from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.agent import new_agent
from core.optimise import Adam, gradient, minibatches
from core.seeding import streams
from core.value import fit_value, value_adam


@pytest.mark.parametrize("dtype, tight", [(torch.float64, 1e-11), (torch.float32, 1e-4)])
def test_adam_is_the_adam_of_torch(dtype, tight):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(20, dtype=dtype, generator=rng)
    reference = x.clone().requires_grad_()
    ours, theirs = Adam(lambda x, slope: x @ slope, (x,)), torch.optim.Adam([reference], lr=1.0)
    scale = torch.logspace(-7, 2, 20, dtype=dtype)  # the smallest gradients are of the size of eps
    for k in range(300):
        grad, step_size = scale * (torch.randn(20, dtype=dtype, generator=rng) + 0.3), 1e-2 / (1 + k)
        theirs.param_groups[0]["lr"] = step_size
        reference.grad = grad.clone()
        theirs.step()
        ours.descend(grad, step_size=step_size)
    torch.testing.assert_close(x, reference.detach(), rtol=tight, atol=tight)


def test_adam_starts_with_a_step_against_the_sign_of_the_gradient():
    x = torch.tensor([5.0, 5.0, 5.0], dtype=torch.float64)
    slope = torch.tensor([1e-3, -4.0, 0.0], dtype=torch.float64)
    Adam(lambda x: x @ slope, (x,)).descend(step_size=0.5)
    torch.testing.assert_close(x, torch.tensor([4.5, 5.5, 5.0], dtype=torch.float64), rtol=1e-5, atol=0)


def test_gradient_is_taken_by_each_vector_and_leaves_them_alone():
    a, b, c = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), torch.tensor([5.0, 6.0])
    by_a, by_b = gradient(lambda a, b, c: (a * b * b * c).sum(), (a, b), c)
    assert by_a.tolist() == [9 * 5, 16 * 6]  # b² c
    assert by_b.tolist() == [2 * 3 * 5, 2 * 2 * 4 * 6]  # 2 a b c
    assert not (a.requires_grad or b.requires_grad or by_a.requires_grad)


def test_minibatches_hold_each_row_once_and_keep_the_remainder():
    rows = torch.arange(10)
    parts = list(minibatches((rows, 100 * rows), 4, np.random.default_rng(0)))
    assert [len(part[0]) for part in parts] == [4, 4, 2]
    first, second = (torch.cat(column) for column in zip(*parts, strict=True))
    assert sorted(first.tolist()) == rows.tolist()
    assert first.tolist() != rows.tolist()
    assert second.tolist() == (100 * first).tolist()


def test_minibatches_larger_than_the_batch_hold_all_of_it():
    ((part,),) = minibatches((torch.arange(3),), 64, np.random.default_rng(0))
    assert sorted(part.tolist()) == [0, 1, 2]


def test_minibatch_order_comes_from_the_stream_alone():
    def order(rng):
        return torch.cat([part for (part,) in minibatches((torch.arange(50),), 8, rng)]).tolist()

    one, same = np.random.default_rng(3), np.random.default_rng(3)
    first, second = order(one), order(one)
    assert [first, second] == [order(same), order(same)]
    assert first != second


@pytest.fixture
def regression():
    agent = new_agent(3, 1, streams(0, 1), obs_clip=None)
    obs = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    return agent, obs


def fit(agent, obs, ret, epochs, minibatch=100, step=1e-2):
    adam = value_adam(agent)
    cfg = SimpleNamespace(value_epochs=epochs, value_minibatch=minibatch, value_step=step)
    fit_value(agent, SimpleNamespace(obs=obs, ret=ret), cfg, adam)
    return adam


def test_value_fit_recovers_a_constant(regression):
    agent, obs = regression
    fit(agent, obs, torch.full((100,), 7.0), epochs=400)
    torch.testing.assert_close(agent.value(agent.phi, obs), torch.full((100,), 7.0), rtol=0.02, atol=0)


def test_value_fit_learns_a_function_of_the_state(regression):
    agent, obs = regression
    ret = 3 * obs[:, 0] - obs[:, 1] ** 2
    fit(agent, obs, ret, epochs=400, minibatch=50)
    assert ((agent.value(agent.phi, obs) - ret) ** 2).mean() < 0.02 * ret.var()


def test_value_fit_makes_each_pass_and_each_minibatch(regression):
    agent, obs = regression
    assert fit(agent, obs, obs[:, 0], epochs=3, minibatch=32).count == 3 * 4


def test_value_fit_starts_along_the_gradient_of_the_mean_squared_error(regression):
    agent, obs = regression
    phi, ret = agent.phi.clone().requires_grad_(), obs.sum(1)
    (grad,) = torch.autograd.grad(((agent.value(phi, obs) - ret) ** 2).mean(), phi)
    torch.testing.assert_close(fit(agent, obs, ret, epochs=1).first[0], 0.1 * grad, rtol=1e-3, atol=1e-7)


def test_value_fit_leaves_the_policy_alone(regression):
    agent, obs = regression
    theta, phi = agent.theta.clone(), agent.phi.clone()
    fit(agent, obs, obs[:, 0], epochs=1)
    assert torch.equal(agent.theta, theta)
    assert not torch.equal(agent.phi, phi)
