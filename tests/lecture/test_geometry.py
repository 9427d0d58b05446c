"""The claims of the lectures about KL and Fisher matrix, on the tables that the figures are drawn from."""

import dataclasses
import functools
import itertools
from math import exp

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from drawn import drawn

from core.compile import gradient
from core.natural import conjugate_gradient, fisher
from core.objective import standardise, surrogate
from core.policy import kl
from lecture import directions, kl_quadratic, step_length
from lecture import fisher as fisher_topic
from lecture.trained import hopper

TOPICS = {"kl_quadratic": kl_quadratic, "fisher": fisher_topic, "step_length": step_length, "directions": directions}
CURVES = {"kl_quadratic": 16, "fisher": 2, "step_length": 10, "directions": 4}
TRPO, EXACT = "natural gradient, as in TRPO", "natural gradient, nearly exact"


@pytest.fixture(scope="module")
def tables():
    """Makes the table of a topic, once."""
    return functools.cache(lambda topic: TOPICS[topic].table())


@pytest.fixture(scope="module")
def precise():
    """The agent with θ in float64, the batch's states and actions, and the policy gradient."""
    agent, batch = hopper()
    g = agent.gradient(surrogate)(agent.theta, batch.steps(standardise(batch.adv)))
    return dataclasses.replace(agent, theta=agent.theta.double()), batch.obs.double(), batch.act.double(), g.double()


@pytest.mark.long
@pytest.mark.parametrize("topic", TOPICS)
def test_figure_is_drawn_from_the_csv(tables, topic):
    figure = drawn(topic, tables(topic))
    curves = [(axis, line) for axis in figure.axes for line in axis.lines if len(line.get_xdata()) > 2]
    assert len(curves) == CURVES[topic]
    for axis, line in curves:
        (x, y), (left, right), (low, high) = line.get_data(), axis.get_xlim(), axis.get_ylim()
        assert ((left <= x) & (x <= right) & (low <= y) & (y <= high)).mean() > 0.3
    plt.close(figure)


@pytest.mark.long
def test_measured_kl_is_from_the_old_policy_to_the_new(tables, precise):
    agent, obs, _, g = precise
    both = pd.concat([tables("kl_quadratic"), tables("step_length")])
    rows = both.query("direction == 'policy gradient' and 0.01 < length < 1.1")
    assert len(rows) > 10

    def normals(theta):
        mean, log_std = agent.policy.dist(theta, obs)
        return torch.distributions.Normal(mean, log_std.exp())

    for row in rows.itertuples():
        new = normals(agent.theta + row.length * g / g.norm())
        expected = torch.distributions.kl_divergence(normals(agent.theta), new).sum(-1).mean()
        assert row.kl == pytest.approx(expected.item(), rel=1e-5)


# kl_quadratic


@pytest.fixture(scope="module")
def steps(tables):
    """The rows of each direction, at the same model KLs."""
    rows = tables("kl_quadratic").assign(ratio=lambda t: t["kl"] / t["model_kl"])
    return {key: part.set_index("model_kl") for key, part in rows.groupby(["direction", "draw"])}


def test_value_and_gradient_of_the_kl_are_zero_at_theta_old(precise):
    agent, obs, _, g = precise
    old = agent.policy.dist(agent.theta, obs)

    def mean_kl(theta):
        return kl(old, agent.policy.dist(theta, obs)).mean()

    (here,) = gradient(mean_kl, (agent.theta,))
    (there,) = gradient(mean_kl, (agent.theta + 0.05 * g / g.norm(),))
    assert abs(mean_kl(agent.theta)) < 1e-14
    assert here.norm() < 1e-12 * there.norm()


def test_kl_over_its_model_goes_to_one(steps):
    for rows in steps.values():
        assert rows["ratio"].iloc[0] == pytest.approx(1, abs=5e-4)
    for name in ("policy gradient", TRPO):
        error = (steps[name, 0]["ratio"] - 1).abs()[:1e-5]
        slope, _ = np.polyfit(np.log(error.index), np.log(error), 1)
        assert slope == pytest.approx(0.5, abs=0.05)  # the KL's third order: ∝ t ∝ sqrt(model)


def test_the_model_fails_first_where_the_inverse_is_nearly_exact(steps):
    fails = {name: (steps[name, 0]["ratio"] - 1).abs().gt(0.1).idxmax() for name in ("policy gradient", TRPO, EXACT)}
    assert fails[EXACT] < fails[TRPO] / 30
    assert fails[EXACT] < fails["policy gradient"] / 30
    assert fails[TRPO] > 0.01


def test_natural_gradients_gain_the_most_for_equal_kl(steps):
    chance = [rows for (name, _), rows in steps.items() if name == "random, uphill"]
    assert len(chance) == kl_quadratic.DRAWS
    ladder = [steps[EXACT, 0], steps[TRPO, 0], steps["policy gradient", 0]]
    for better, worse in [*itertools.pairwise(ladder), *((ladder[-1], rows) for rows in chance)]:
        assert (better["first_order"] > 1.2 * worse["first_order"]).all()
        assert (worse["first_order"] > 0).all()
    at_delta = [np.interp(0.01, rows["kl"], rows["gain"]) for rows in (*ladder[1:], *chance)]
    assert at_delta[0] > 1.2 * at_delta[1]
    assert at_delta[1] > max(at_delta[2:])


def test_the_surrogate_begins_with_its_first_order(steps):
    for rows in steps.values():
        assert rows["gain"].iloc[0] == pytest.approx(rows["first_order"].iloc[0], rel=0.02)


# fisher


@pytest.fixture(scope="module")
def matrices(tables):
    rows = tables("fisher").dropna(subset="entry")
    return {
        key: part.pivot(index="row", columns="column", values="entry").to_numpy()
        for key, part in rows.groupby(["way", "actions"])
    }


def test_fisher_product_is_the_hessian_of_the_kl(tables, matrices):
    rows = tables("fisher")
    assert rows.loc[rows["way"] == "Hessian", "error"].dropna().item() < 1e-13
    np.testing.assert_allclose(matrices["Hessian", 0], matrices["product", 0], rtol=0, atol=1e-13)


def test_no_action_is_tied_to_another_nor_a_weight_to_a_log_std(matrices):
    each = fisher_topic.UNITS + 1
    F = matrices["product", 0]
    assert len(F) == 3 * each + 3
    group = np.repeat([0, 1, 2, 3], [each, each, each, 3])
    assert (F[group[:, None] != group] == 0).all()
    np.testing.assert_allclose(F[-3:, -3:], 2 * np.eye(3), rtol=0, atol=1e-14)
    # Within one action it is E[h hᵀ] / σ², h the hidden units and a 1 for the bias.
    agent, _ = hopper()
    blocks = [F[a * each : (a + 1) * each, a * each : (a + 1) * each] for a in range(3)]
    scaled = [block * exp(2 * s) for block, s in zip(blocks, agent.theta[-3:].double().tolist(), strict=True)]
    assert scaled[0][-1, -1] == pytest.approx(1, rel=1e-12)
    for other in scaled[1:]:
        np.testing.assert_allclose(other, scaled[0], rtol=1e-11, atol=1e-13)


def test_outer_products_go_to_the_fisher_matrix_as_one_over_root_n(tables, matrices):
    rows = tables("fisher")
    mean = rows[rows["way"] == "outer products"].dropna(subset="error").groupby("actions")["error"].mean()
    slope, _ = np.polyfit(np.log(mean.index), np.log(mean), 1)
    assert slope == pytest.approx(-0.5, abs=0.07)
    assert mean.iloc[-1] < 0.05
    ties = {n: np.abs(m[:-3, -3:]).mean() for (way, n), m in matrices.items() if way == "outer products"}
    assert 0 < ties[256] < ties[1] / 6


# step_length


def test_kl_is_the_curvature_of_the_direction_times_the_squared_length(tables):
    rows = tables("step_length")
    short = rows[rows["length"] < 2e-3]
    np.testing.assert_allclose(short["kl"], 0.5 * short["length"] ** 2 * short["curvature"], rtol=0.01)
    for _, line in rows[rows["length"] < 0.011].groupby(["policy", "direction", "draw"]):
        slope, _ = np.polyfit(np.log(line["length"]), np.log(line["kl"]), 1)
        assert slope == pytest.approx(2, abs=0.01)


def test_where_the_mean_is_linear_the_kl_is_quadratic_at_any_length(tables):
    rows = tables("step_length")
    last = rows[rows["direction"] == "last layer"]
    assert last["length"].max() == 10
    np.testing.assert_allclose(last["kl"], 0.5 * last["length"] ** 2 * last["curvature"], rtol=1e-5)
    np.testing.assert_allclose(rows.loc[rows["direction"] == "log-std", "curvature"], 2, rtol=1e-12)


def test_equal_steps_spread_over_orders_of_magnitude(tables):
    rows = tables("step_length")
    small = rows[np.isclose(rows["length"], 0.01)]
    trained = small[small["policy"] == "trained"].groupby("direction")["kl"].mean()
    assert trained.max() > 50 * trained.min()
    assert trained["policy gradient"] > 5 * trained["natural gradient"]
    policies = small[small["direction"] == "random"].pivot(index="draw", columns="policy", values="kl")
    assert len(policies) == step_length.DRAWS
    widened = policies["narrow"] / policies["trained"]
    # KL of the means ∝ 1/σ², that of the log-stds as before.
    assert widened.between(10, exp(2 * step_length.NARROWER) * 1.001).all()
    assert not np.isclose(policies["untrained"], policies["trained"], rtol=0.05).any()


# directions


@pytest.fixture(scope="module", params=directions.DAMPINGS)
def ways(tables, request):
    rows = tables("directions")
    return request.param, rows[rows["damping"] == request.param].set_index(["way", "count"])


def test_the_exact_direction_solves_the_system_and_is_the_best(ways):
    _, rows = ways
    assert rows.loc[("exact", 0), "residual"] < 1e-9
    assert rows.loc[("exact", 0), "gain"] == 1
    assert rows["gain"].max() < 1 + 1e-12
    assert (rows["cosine"] > 0).all()


def test_conjugate_gradients_come_nearer_with_each_iteration(ways):
    damping, rows = ways
    iterated = rows.loc["conjugate gradients"]
    assert tuple(iterated.index) == directions.ITERATIONS
    assert (iterated["error"].diff().dropna() < 1e-12).all()
    assert (iterated["gain"].diff().dropna() > -1e-12).all()
    # Best of its Krylov space, x is orthogonal to x* − x in the norm of F + λI; rounding wears that off.
    np.testing.assert_allclose(iterated["gain"] ** 2 + iterated["error"] ** 2, 1, rtol=1e-3)
    np.testing.assert_allclose(iterated["gain"][:10] ** 2 + iterated["error"][:10] ** 2, 1, rtol=1e-9)
    assert iterated["error"].iloc[-1] < (1e-8 if damping == 0.1 else 0.2)
    assert (iterated.loc[10, "gain"] > 0.85) == (damping == 0.1)


def test_one_iteration_is_the_policy_gradient(ways):
    _, rows = ways
    first, gradient = rows.loc[("conjugate gradients", 1)], rows.loc[("policy gradient", 1)]
    assert first["cosine"] == pytest.approx(gradient["cosine"], rel=1e-10)
    assert first["gain"] == pytest.approx(gradient["gain"], rel=1e-10)
    assert first["gain"] < 0.8


def test_the_empirical_matrix_becomes_the_fisher_matrix_with_more_actions(ways):
    _, rows = ways
    drawn = rows.loc["empirical, actions drawn"]
    assert (drawn["gain"].diff().dropna() > 0).all()
    assert drawn.loc[1000, "gain"] > 0.99
    assert drawn.loc[1000, "error"] < drawn.loc[10, "error"] / 5
    assert rows.loc[("empirical, actions taken", 1), "gain"] < 0.95 * drawn.loc[10, "gain"]


@pytest.fixture(scope="module")
def thinned(precise):
    agent, obs, act, g = precise
    return agent, obs[:: directions.EVERY], act[:: directions.EVERY], g


def solution(product, damping, g):
    return conjugate_gradient(lambda v: product(v) + damping * v, g, iterations=2000, tolerance=1e-24)


def scores_of(agent, obs, act):
    one = torch.func.grad(lambda theta, o, a: agent.policy.logp(theta, o[None], a[None]).sum())
    return torch.func.vmap(one, in_dims=(None, 0, 0))(agent.theta, obs, act)


def cosine(x, y):
    return (x @ y / (x.norm() * y.norm())).item()


def test_the_empirical_direction_is_that_of_the_scores_of_the_actions_taken(ways, thinned):
    damping, rows = ways
    agent, obs, act, g = thinned
    scores = scores_of(agent, obs, act)
    x = solution(lambda v: scores.T @ (scores @ v) / len(obs), damping, g)
    best = solution(fisher(agent, obs, damping=0.0), damping, g)
    assert rows.loc[("empirical, actions taken", 1), "cosine"] == pytest.approx(cosine(x, best), rel=1e-6)


def test_the_diagonal_direction_is_that_of_the_matrix_and_as_good_as_the_gradient(tables, thinned):
    agent, obs, _, g = thinned
    dist = agent.policy.dist(agent.theta, obs)
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=3)), dtype=g.dtype)
    scores = torch.cat([scores_of(agent, obs, dist.mean + torch.exp(dist.log_std) * z) for z in signs])
    diagonal = (scores**2).mean(0)  # the means' scores are linear in z, and over all signs E[z zᵀ] = I too
    diagonal[-3:] = 2
    for damping in directions.DAMPINGS:
        rows = tables("directions").query("damping == @damping").set_index("way")
        x, best = g / (diagonal + damping), solution(fisher(agent, obs, damping=0.0), damping, g)
        assert rows.loc["diagonal", "cosine"] == pytest.approx(cosine(x, best), rel=1e-6)
        assert rows.loc["diagonal", "gain"] == pytest.approx(rows.loc["policy gradient", "gain"], rel=0.2)
