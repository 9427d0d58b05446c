from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.adam import Adam, blocks
from core.agent import new_agent
from core.compile import gradient
from core.fit import fit_value, value_adam
from core.streams import streams


def learner(compiled=False, seed=0):
    """What Adam asks of an agent."""
    return SimpleNamespace(compiled=compiled, streams=SimpleNamespace(shuffle=np.random.default_rng(seed)))


def linear(agent, x, rows):
    """A loss whose gradient is what it is given."""
    return x @ rows[0]


@pytest.mark.parametrize("dtype, tight", [(torch.float64, 1e-11), (torch.float32, 1e-4)])
def test_adam_is_the_adam_of_torch(dtype, tight):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(20, dtype=dtype, generator=rng)
    reference = x.clone().requires_grad_()
    ours, theirs = Adam(learner(), x), torch.optim.Adam([reference], lr=1.0)
    scale = torch.logspace(-7, 2, 20, dtype=dtype)  # the smallest gradients are of the size of eps
    for k in range(300):
        grad, step_size = scale * (torch.randn(20, dtype=dtype, generator=rng) + 0.3), 1e-2 / (1 + k)
        theirs.param_groups[0]["lr"] = step_size
        reference.grad = grad.clone()
        theirs.step()
        ours.descend(linear, (grad,), step_size=step_size)
    torch.testing.assert_close(x, reference.detach(), rtol=tight, atol=tight)


def test_adam_starts_with_a_step_against_the_sign_of_the_gradient():
    x = torch.tensor([5.0, 5.0, 5.0], dtype=torch.float64)
    slope = torch.tensor([1e-3, -4.0, 0.0], dtype=torch.float64)
    Adam(learner(), x).descend(linear, (slope,), step_size=0.5)
    torch.testing.assert_close(x, torch.tensor([4.5, 5.5, 5.0], dtype=torch.float64), rtol=1e-5, atol=0)


def test_gradient_is_taken_by_each_vector_and_leaves_them_alone():
    a, b, c = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), torch.tensor([5.0, 6.0])
    by_a, by_b = gradient(lambda a, b, c: (a * b * b * c).sum(), (a, b), c)
    assert by_a.tolist() == [9 * 5, 16 * 6]  # b² c
    assert by_b.tolist() == [2 * 3 * 5, 2 * 2 * 4 * 6]  # 2 a b c
    assert not (a.requires_grad or b.requires_grad or by_a.requires_grad)


@pytest.mark.parametrize(
    "rows, size, expected",
    [
        (10, 4, [(2, 8), (1, 2)]),
        (3, 9, [(1, 3)]),
        (64, 4, [(4, 16)] * 4),
        (20, 4, [(1, 4)] * 5),
        (24, 4, [(3, 12)] * 2),
    ],
)
def test_blocks_hold_each_row_once_in_equal_numbers_of_minibatches(rows, size, expected):
    array = torch.arange(rows)
    parts = list(blocks((array, 100 * array), size, np.random.default_rng(0)))
    assert [(count, len(block[0])) for count, block in parts] == expected
    first, second = (torch.cat(column) for column in zip(*(block for _, block in parts), strict=True))
    assert sorted(first.tolist()) == array.tolist()
    assert first.tolist() != array.tolist()
    assert second.tolist() == (100 * first).tolist()


def test_the_order_comes_from_the_stream_alone():
    def order(rng):
        return torch.cat([part for _, (part,) in blocks((torch.arange(50),), 8, rng)]).tolist()

    one, same = np.random.default_rng(3), np.random.default_rng(3)
    first, second = order(one), order(one)
    assert [first, second] == [order(same), order(same)]
    assert first != second


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_epoch_is_a_step_on_each_of_its_minibatches(compiled):
    def loss(agent, x, rows, scale, power):
        a, b = rows
        return scale * ((a @ x - b) ** power).mean()

    rng, scale = np.random.default_rng(0), torch.tensor(0.5, dtype=torch.float64)
    data = tuple(map(torch.from_numpy, (rng.normal(size=(22, 3)), rng.normal(size=22))))
    x, y = torch.ones(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    whole, single, rng = Adam(learner(compiled, 1), x), Adam(learner(), y), np.random.default_rng(1)
    for _ in range(3):
        whole.epoch(loss, data, scale, 2, size=4, step_size=0.1)
        order = rng.permutation(22)
        for start in range(0, 22, 4):
            part = tuple(array[order[start : start + 4]] for array in data)
            single.descend(loss, part, scale, 2, step_size=0.1)
    assert whole.count == single.count == 18
    torch.testing.assert_close(x, y, rtol=1e-12, atol=0)
    torch.testing.assert_close(whole.second, single.second, rtol=1e-12, atol=0)


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
