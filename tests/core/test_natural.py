import itertools
import math

import numpy as np
import pytest
import torch

from core.agent import new_agent
from core.natural import conjugate_gradient, fisher, line_search, step_of_kl
from core.policy import kl
from core.streams import streams

DOUBLE = torch.float64


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def pair(rng):
    """An agent in float64 with generic θ (standard deviations unequal and not 1), and observations."""
    agent = new_agent(3, 2, streams(0, 1), obs_clip=None)
    agent.theta = agent.theta.double()
    agent.theta += 0.2 * torch.randn(agent.policy.size, dtype=DOUBLE, generator=rng)
    agent.theta[-2:] = torch.tensor([-0.7, 0.4], dtype=DOUBLE)
    return agent, torch.randn(8, 3, dtype=DOUBLE, generator=rng)


def mean_kl(agent, obs):
    old = agent.policy.dist(agent.theta.clone(), obs)
    return lambda theta: kl(old, agent.policy.dist(theta, obs)).mean()


def test_fisher_product_is_the_hessian_of_the_kl_along_any_vector(pair, rng):
    agent, obs = pair
    product, theta = fisher(agent, obs, damping=0.0), agent.theta.clone().requires_grad_()
    (slope,) = torch.autograd.grad(mean_kl(agent, obs)(theta), theta, create_graph=True)
    for _ in range(5):
        v = torch.randn(len(theta), dtype=DOUBLE, generator=rng)
        (hv,) = torch.autograd.grad(slope @ v, theta, retain_graph=True)
        torch.testing.assert_close(product(v), hv, rtol=1e-9, atol=1e-11)


def test_fisher_entries_are_those_of_the_explicit_hessian(pair, rng):
    agent, obs = pair
    size = agent.policy.size
    some = torch.cat([torch.randperm(size - 2, generator=rng)[:30], torch.tensor([size - 2, size - 1])])
    at = agent.theta[some].clone()
    f = mean_kl(agent, obs)
    hessian = torch.func.hessian(lambda part: f(agent.theta.index_put((some,), part)))(at)
    product, eye = fisher(agent, obs, damping=0.0), torch.eye(size, dtype=DOUBLE)
    block = torch.stack([product(eye[i])[some] for i in some])
    torch.testing.assert_close(block, hessian, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(block[-2:, -2:], 2 * torch.eye(2, dtype=DOUBLE))


def test_fisher_is_the_expected_outer_product_of_the_score(pair, rng):
    agent, obs = pair
    policy, theta = agent.policy, agent.theta
    # The score is quadratic in the action, its products are quartic: three Gauss-Hermite nodes a dimension are exact.
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    weights = weights / weights.sum()
    scores, probability = [], []
    dist = policy.dist(theta, obs)
    for (i, j), state in itertools.product(itertools.product(range(3), repeat=2), range(len(obs))):
        act = dist.mean[state] + dist.log_std.exp() * torch.tensor([nodes[i], nodes[j]])
        leaf = theta.clone().requires_grad_()
        (score,) = torch.autograd.grad(policy.logp(leaf, obs[state : state + 1], act[None]).sum(), leaf)
        scores.append(score)
        probability.append(weights[i] * weights[j] / len(obs))
    scores, probability = torch.stack(scores), torch.tensor(probability, dtype=DOUBLE)
    torch.testing.assert_close(scores.T @ probability, torch.zeros_like(theta), rtol=0, atol=1e-12)
    product = fisher(agent, obs, damping=0.0)
    for _ in range(5):
        v = torch.randn(len(theta), dtype=DOUBLE, generator=rng)
        torch.testing.assert_close(product(v), scores.T @ (probability * (scores @ v)), rtol=1e-9, atol=1e-11)


def test_damping_adds_a_multiple_of_the_vector(pair, rng):
    agent, obs = pair
    v = torch.randn(agent.policy.size, dtype=DOUBLE, generator=rng)
    added = fisher(agent, obs, damping=0.3)(v) - fisher(agent, obs, damping=0.0)(v)
    torch.testing.assert_close(added, 0.3 * v, rtol=1e-10, atol=1e-10)


def test_fisher_leaves_theta_and_the_vector_alone(pair, rng):
    agent, obs = pair
    theta, v = agent.theta.clone(), torch.randn(agent.policy.size, dtype=DOUBLE, generator=rng)
    given = v.clone()
    out = fisher(agent, obs, damping=0.3)(v)
    assert torch.equal(agent.theta, theta)
    assert torch.equal(v, given)
    assert not (agent.theta.requires_grad or out.requires_grad)


def test_kl_near_theta_is_half_the_quadratic_form(pair, rng):
    agent, obs = pair
    f, product = mean_kl(agent, obs), fisher(agent, obs, damping=0.0)
    for _ in range(3):
        d = torch.randn(agent.policy.size, dtype=DOUBLE, generator=rng)
        d *= 1e-3 / d.norm()
        even = (f(agent.theta + d) + f(agent.theta - d)) / 2  # the cubic term cancels
        torch.testing.assert_close(even, 0.5 * d @ product(d), rtol=1e-5, atol=0)


def positive_definite(rng, n=30):
    a = torch.randn(n, n, dtype=DOUBLE, generator=rng)
    return a @ a.T / n + 0.1 * torch.eye(n, dtype=DOUBLE), torch.randn(n, dtype=DOUBLE, generator=rng)


def test_conjugate_gradients_solve_the_system(rng):
    matrix, g = positive_definite(rng)
    x = conjugate_gradient(lambda v: matrix @ v, g, iterations=100, tolerance=1e-28)
    torch.testing.assert_close(x, torch.linalg.solve(matrix, g), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_few_iterations_give_the_optimum_of_their_krylov_space(rng, iterations):
    matrix, g = positive_definite(rng)
    x = conjugate_gradient(lambda v: matrix @ v, g, iterations)
    powers = torch.stack([torch.linalg.matrix_power(matrix, k) @ g for k in range(iterations)], dim=1)
    basis, _ = torch.linalg.qr(powers)
    best = basis @ torch.linalg.solve(basis.T @ matrix @ basis, basis.T @ g)
    torch.testing.assert_close(x, best, rtol=1e-8, atol=1e-8)


class Counted:
    def __init__(self, matrix):
        self.matrix, self.calls = matrix, 0

    def __call__(self, v):
        self.calls += 1
        return self.matrix @ v


def test_conjugate_gradients_stop_when_solved(rng):
    three = torch.diag(torch.tensor([1.0, 1, 4, 4, 9, 9], dtype=DOUBLE))  # three eigenvalues, three iterations
    product, g = Counted(three), torch.randn(6, dtype=DOUBLE, generator=rng)
    torch.testing.assert_close(conjugate_gradient(product, g, iterations=50), g / three.diagonal())
    assert product.calls == 3


def test_tolerance_is_of_the_squared_residual_and_relative(rng):
    matrix, g = positive_definite(rng)
    left = []
    for iterations in range(1, 25):
        residual = g - matrix @ conjugate_gradient(lambda v: matrix @ v, g, iterations, tolerance=0.0)
        left.append((residual @ residual / (g @ g)).item())
    for tolerance in (0.3, 1e-2, 1e-4):
        product = Counted(matrix)
        conjugate_gradient(product, g, iterations=24, tolerance=tolerance)
        assert product.calls == 1 + next(k for k, rr in enumerate(left) if rr < tolerance)


@pytest.mark.parametrize("power", [-60, 40])
def test_conjugate_gradients_do_not_depend_on_the_scale_of_the_gradient(rng, power):
    matrix, g = positive_definite(rng)
    one, scaled = Counted(matrix), Counted(matrix)
    x = conjugate_gradient(one, g, iterations=40)
    assert torch.equal(conjugate_gradient(scaled, g * 2.0**power, iterations=40), x * 2.0**power)
    assert scaled.calls == one.calls


def test_zero_gradient_gives_zero(rng):
    matrix, g = positive_definite(rng)
    assert torch.equal(conjugate_gradient(lambda v: matrix @ v, torch.zeros_like(g), 10), torch.zeros_like(g))


def test_conjugate_gradients_stop_at_negative_curvature_with_what_they_have():
    matrix = torch.diag(torch.tensor([1.0, -1.0], dtype=DOUBLE))
    # Along (2, 1): curvature 4 − 1 = 3, so α = 5/3 and x = (10/3, 5/3); along the next, (20/9, 40/9), it is negative.
    x = conjugate_gradient(lambda v: matrix @ v, torch.tensor([2.0, 1.0], dtype=DOUBLE), iterations=10)
    torch.testing.assert_close(x, torch.tensor([10 / 3, 5 / 3], dtype=DOUBLE))
    first = conjugate_gradient(lambda v: -v, torch.tensor([2.0, 1.0], dtype=DOUBLE), iterations=10)
    assert first.tolist() == [0, 0]


def test_conjugate_gradients_leave_the_gradient_alone(rng):
    matrix, g = positive_definite(rng)
    given = g.clone()
    conjugate_gradient(lambda v: matrix @ v, g, 10)
    assert torch.equal(g, given)


@pytest.mark.parametrize("max_kl", [0.01, 3.0])
def test_step_has_exactly_the_asked_quadratic_kl(rng, max_kl):
    matrix, g = positive_definite(rng)
    x = torch.linalg.solve(matrix, g)
    step = step_of_kl(lambda v: matrix @ v, x, max_kl)
    torch.testing.assert_close(0.5 * step @ matrix @ step, torch.tensor(max_kl, dtype=DOUBLE), rtol=1e-12, atol=0)
    torch.testing.assert_close(step, (2 * max_kl / (g @ x)).sqrt() * x)  # the lecture's formula
    torch.testing.assert_close(step_of_kl(lambda v: matrix @ v, 1e6 * x, max_kl), step)


def test_step_of_a_zero_direction_is_zero(rng):
    matrix, g = positive_definite(rng)
    assert torch.equal(step_of_kl(lambda v: matrix @ v, torch.zeros_like(g), 0.01), torch.zeros_like(g))


def search(gains, kls, shrink=0.5, max_kl=1.0):
    """Line search along a step of 8 from 1, with the given answers; also the candidates that it asked about."""
    answers, asked = iter(zip(gains, kls, strict=True)), []

    def evaluate(candidate):
        asked.append(candidate.item())
        return tuple(torch.tensor(answer) for answer in next(answers))

    theta = torch.tensor([1.0])
    found, row = line_search(evaluate, theta, torch.tensor([8.0]), max_kl, shrink, tries=len(gains))
    assert theta.item() == 1
    return found, row, asked, found is theta


NAN = float("nan")


@pytest.mark.parametrize(
    "gains, kls, shrinkings",
    [
        ([1.0, 1.0], [0.5, 0.5], 0),
        ([0.0, 1.0], [1.0, 0.5], 0),  # both limits belong to the region
        ([1.0, 1.0], [1.001, 0.5], 1),  # better but too far
        ([-1e-9, 1.0], [0.5, 0.5], 1),  # near but worse
        ([NAN, 1.0], [0.5, 0.5], 1),
        ([1.0, 1.0], [NAN, 0.5], 1),
        ([NAN, -1.0, 2.0, 1.0], [NAN, 0.1, 2.0, 0.0], 3),
    ],
)
def test_line_search_takes_the_first_candidate_that_is_better_and_near(gains, kls, shrinkings):
    found, row, asked, _ = search(gains, kls)
    nans = sum(math.isnan(gain) or math.isnan(kl) for gain, kl in zip(gains, kls, strict=True))
    assert row == {"backtracks": shrinkings, "accepted": True, "nans": nans}
    assert asked == [1 + 8 * 0.5**j for j in range(shrinkings + 1)]
    assert found.item() == asked[-1]


def test_line_search_shrinks_by_its_own_factor():
    assert search([-1.0] * 3, [0.0] * 3, shrink=0.25)[2] == [9, 3, 1.5]


@pytest.mark.parametrize("gain, kl", [(-1.0, 0.0), (1.0, 2.0), (NAN, 0.0), (1.0, NAN)])
def test_failed_line_search_returns_theta_itself(gain, kl):
    _, row, _, same = search([gain] * 4, [kl] * 4)
    assert same
    assert row == {"backtracks": 4, "accepted": False, "nans": 4 * (math.isnan(gain) or math.isnan(kl))}
