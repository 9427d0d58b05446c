import math

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from core.networks import MLP
from core.policy import HIDDEN, Gaussian, Policy, entropy, kl, logp
from core.value import Value


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def gaussian(rng, n=7, dims=3):
    mean = torch.randn(n, dims, dtype=torch.float64, generator=rng)
    return Gaussian(mean, 0.5 * torch.randn(dims, dtype=torch.float64, generator=rng))


def by_torch(dist):
    return Independent(Normal(dist.mean, dist.log_std.exp().expand_as(dist.mean)), 1)


def test_log_probability_is_that_of_torch(rng):
    dist = gaussian(rng)
    act = torch.randn(7, 3, dtype=torch.float64, generator=rng)
    torch.testing.assert_close(logp(dist, act), by_torch(dist).log_prob(act), rtol=1e-12, atol=1e-12)


def test_kl_is_that_of_torch_in_the_same_direction(rng):
    old, new = gaussian(rng), gaussian(rng)
    expected = kl_divergence(by_torch(old), by_torch(new))
    torch.testing.assert_close(kl(old, new), expected, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(expected, kl_divergence(by_torch(new), by_torch(old)), rtol=0.01)


def test_entropy_is_that_of_torch(rng):
    dist = gaussian(rng)
    assert entropy(dist).shape == ()
    torch.testing.assert_close(entropy(dist).expand(7), by_torch(dist).entropy(), rtol=1e-12, atol=1e-12)


def test_kl_to_itself_is_zero_and_flat():
    policy = Policy(4, 2)
    theta = policy.init(np.random.default_rng(0)).double()
    theta += 0.1 * torch.randn(policy.size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    obs = torch.randn(9, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    moving = theta.clone().requires_grad_()
    value = kl(policy.dist(theta, obs), policy.dist(moving, obs))
    (grad,) = torch.autograd.grad(value.mean(), moving)
    assert value.abs().max() < 1e-15
    assert grad.abs().max() < 1e-15


def test_policy_network_is_two_tanh_layers_of_64():
    policy, rng = Policy(4, 2), np.random.default_rng(0)
    theta = torch.from_numpy(rng.normal(size=policy.size))
    obs = torch.from_numpy(rng.normal(size=(5, 4)))
    rest, layers = theta, []
    for inputs, outputs in ((4, 64), (64, 64), (64, 2)):
        weight, bias, rest = rest.split([inputs * outputs, outputs, len(rest) - (inputs + 1) * outputs])
        layers.append((weight.reshape(inputs, outputs), bias))
    (w1, b1), (w2, b2), (w3, b3) = layers
    mean = torch.tanh(torch.tanh(obs @ w1 + b1) @ w2 + b2) @ w3 + b3
    torch.testing.assert_close(policy.dist(theta, obs).mean, mean, rtol=1e-12, atol=1e-12)
    assert torch.equal(policy.dist(theta, obs).log_std, rest)
    assert rest.shape == (2,)


def test_value_network_gives_one_number_a_state():
    value = Value(4)
    phi = value.init(np.random.default_rng(0))
    obs = torch.randn(5, 4)
    assert value(phi, obs).shape == (5,)
    torch.testing.assert_close(value(phi, obs), MLP((4, *HIDDEN, 1))(phi, obs)[:, 0])


@pytest.mark.parametrize("rows", [1, 8, 300])
def test_numpy_forward_is_the_torch_forward(rows):
    net, rng = MLP((11, 64, 64, 3)), np.random.default_rng(0)
    vector = net.init(rng, last_scale=1.0) + 0.1 * rng.standard_normal(net.size, np.float32)
    x = rng.standard_normal((rows, 11), np.float32)
    given, out = x.copy(), net.numpy(vector)(x)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, net(torch.from_numpy(vector), torch.from_numpy(x)), rtol=1e-5, atol=2e-6)
    np.testing.assert_array_equal(x, given)


def test_numpy_forward_follows_changes_of_the_vector():
    net, rng = MLP((3, 8, 2)), np.random.default_rng(0)
    vector, x = net.init(rng, last_scale=1.0), rng.standard_normal((4, 3), np.float32)
    forward = net.numpy(vector)
    vector[:] = rng.standard_normal(net.size, np.float32)
    np.testing.assert_array_equal(forward(x), net.numpy(vector.copy())(x))


def test_actor_adds_the_scaled_noise_to_the_mean():
    policy, rng = Policy(4, 2), np.random.default_rng(0)
    theta = policy.init(rng) + 0.1
    theta[-2:] = torch.tensor([math.log(0.5), math.log(3.0)])
    obs, noise = rng.standard_normal((6, 4), np.float32), rng.standard_normal((6, 2), np.float32)
    act = policy.actor(theta)(obs, noise)
    assert act.dtype == np.float32
    mean = policy.dist(theta, torch.from_numpy(obs)).mean.numpy()
    np.testing.assert_allclose(act, mean + noise * np.array([0.5, 3.0]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("make, last", [(Policy(5, 3).init, 0.01), (Value(5).init, 1.0)])
def test_initial_columns_are_normalised_and_biases_zero(make, last):
    vector, outputs = make(np.random.default_rng(0)), 3 if last == 0.01 else 1
    assert vector.dtype == torch.float32
    for inputs, units, scale in ((5, 64, 1.0), (64, 64, 1.0), (64, outputs, last)):
        weight, bias, vector = vector.split([inputs * units, units, len(vector) - (inputs + 1) * units])
        norms = weight.reshape(inputs, units).norm(dim=0)
        torch.testing.assert_close(norms, torch.full((units,), scale), rtol=1e-5, atol=0)
        assert not bias.any()
        assert weight.unique().numel() > 0.99 * weight.numel()


def test_log_stds_are_the_last_entries_and_start_at_zero():
    policy = Policy(5, 3)
    theta = policy.init(np.random.default_rng(0))
    assert len(theta) == policy.size == (5 + 1) * 64 + 65 * 64 + 65 * 3 + 3
    assert theta[-3:].tolist() == [0, 0, 0]
    theta[-3:] = torch.tensor([1.0, 2.0, 3.0])
    assert policy.dist(theta, torch.zeros(1, 5)).log_std.tolist() == [1, 2, 3]


def test_initial_vectors_follow_their_generator():
    one, same, other = (Policy(5, 3).init(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
