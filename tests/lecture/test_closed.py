"""The lectures' claims about closed-form cases, on the tables that are drawn."""

import importlib
import itertools

import numpy as np
import pytest
from drawn import drawn

from lecture import identity, sigmoid, visitation

TOPICS = ("sigmoid", "visitation", "identity")


@pytest.fixture(scope="module")
def tables():
    return {topic: importlib.import_module(f"lecture.{topic}").table() for topic in TOPICS}


@pytest.mark.parametrize("topic", TOPICS)
def test_figure_is_drawn_from_the_table_as_read_from_disk(tables, topic):
    drawn(topic, tables[topic])


# --- sigmoid


def at(table, step, theta):
    return table[(table["step"] == step) & np.isclose(table["theta"], theta)].iloc[0]


def test_sigmoid_numbers_are_those_of_the_closed_form(tables):
    table = tables["sigmoid"]
    p, q = 1 / (1 + np.exp(-table["theta"])), 1 / (1 + np.exp(-table["theta"] - table["delta"]))
    np.testing.assert_allclose(table["prob_old"], p, rtol=1e-12)
    np.testing.assert_allclose(table["prob_new"], q, rtol=1e-12)
    np.testing.assert_allclose(table["kl"], p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)), rtol=1e-9)
    row = at(table, "fixed", 1)  # from σ(1) to σ(−1): change and KL are both tanh(1/2)
    assert row["prob_old"] - row["prob_new"] == pytest.approx(np.tanh(0.5), rel=1e-12)
    assert row["kl"] == pytest.approx(np.tanh(0.5), rel=1e-12)


def test_same_step_moves_the_policy_most_across_the_middle_and_hardly_far_out(tables):
    fixed = tables["sigmoid"].query("step == 'fixed'")
    change = (fixed["prob_old"] - fixed["prob_new"]).to_numpy()
    assert fixed["theta"].iloc[change.argmax()] == pytest.approx(1)
    mirrored = np.interp(2 - fixed["theta"], fixed["theta"], change)[fixed["theta"] >= -4]
    np.testing.assert_allclose(change[fixed["theta"] >= -4], mirrored, rtol=1e-9)
    assert change[-1] < change.max() / 25
    assert change[0] < change.max() / 100
    # The KL is not symmetric in its two policies: about θ = 1 its mirror image is the KL the other way round.
    x = np.linspace(0, 5, 11)
    np.testing.assert_allclose(sigmoid.kl(1 + x, -1 + x), sigmoid.kl(-1 - x, 1 - x), rtol=1e-9)
    assert fixed["theta"].iloc[fixed["kl"].argmax()] == pytest.approx(0.65)


def test_half_fisher_times_the_square_is_the_kl_of_a_small_step():
    theta = np.linspace(-6, 6, 25)
    error = [sigmoid.kl(theta, theta + d) / (sigmoid.fisher(theta) * d**2 / 2) - 1 for d in (-1e-2, -1e-3)]
    assert np.abs(error[0]).max() < 4e-3  # to third order F' d³ / 6, and |F'/F| < 1
    np.testing.assert_allclose(error[0][theta != 0] / error[1][theta != 0], 10, rtol=0.02)
    p = np.exp(sigmoid.logp(theta)[0])
    np.testing.assert_allclose(sigmoid.fisher(theta), p * (1 - p) ** 2 + (1 - p) * p**2, rtol=1e-12)


def test_natural_step_has_the_kl_it_was_asked_for_as_far_as_the_model_holds(tables):
    table = tables["sigmoid"]
    natural, fixed = (table[table["step"] == s].set_index("theta") for s in ("natural", "fixed"))
    np.testing.assert_allclose(natural["kl_quadratic"], sigmoid.MAX_KL, rtol=1e-12)
    assert (natural["delta"] < 0).all()
    ratio = natural["kl"] / sigmoid.MAX_KL
    assert (ratio.diff().dropna() > 0).all()  # too much where the step goes to the middle, too little where it leaves
    assert ratio.loc[-2:2].between(0.84, 1.2).all()
    assert ratio.loc[-5:5].max() == pytest.approx(2.61, abs=0.01)
    assert ratio.loc[-5:5].min() == pytest.approx(0.51, abs=0.01)
    assert fixed["kl"].loc[-5:5].max() > 30 * fixed["kl"].loc[-5:5].min()


# --- visitation


def rho(visits):
    return visits.groupby("state")["share"].sum()


def test_visitation_of_the_lectures_example(tables):
    expected = {"s⁰": 2 / 4, "s¹": 1 / 4 + 0.8 / 4, "s²": 0.81}
    assert rho(tables["visitation"]).to_dict() == pytest.approx(expected, rel=1e-14)


def test_visitation_of_the_example_is_that_of_its_markov_chain(tables):
    p0, p = np.array([0.5, 0.25, 0.25]), np.array([[0, 0.5, 0.5], [0, 0, 1], [0, 0, 0]])
    solved = np.linalg.solve(np.eye(3) - 0.8 * p.T, p0)
    np.testing.assert_allclose(rho(tables["visitation"])[["s⁰", "s¹", "s²"]], solved, rtol=1e-14)


def test_visitation_of_a_random_chain_that_stays_comes_back_and_stops():
    rng = np.random.default_rng(0)
    p0, p = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4), size=3)
    p[:, 3] += 1  # so that it mostly stops early
    p /= p.sum(1, keepdims=True)
    trajectories = {}
    for length in range(1, 9):
        for path in itertools.product(range(3), repeat=length):
            on = np.prod([p[s, t] for s, t in itertools.pairwise(path)])
            trajectories[path] = p0[path[0]] * on * p[path[-1], 3]
    solved = np.linalg.solve(np.eye(3) - 0.5 * p[:, :3].T, p0)
    # Left out: longer trajectories, of probability 1 − Σ, each of which adds at most Σ γ^t = 2 to a state.
    left_out = 2 * (1 - sum(trajectories.values()))
    assert left_out < 1e-2
    short = solved - rho(visitation.visits(trajectories, 0.5))
    assert (short > -1e-12).all()
    assert (short < left_out).all()


# --- identity


def test_identity_is_exact_for_every_policy_near_and_far(tables):
    table = tables["identity"]
    assert table["kl"].min() < 1e-6
    assert table["kl"].max() > 5
    assert table["gain"].abs().max() > 10
    for way in ("identity", "identity_paths"):
        assert (table["gain"] - table[way]).abs().max() < 1e-12


def test_process_values_and_visitations_are_those_of_its_paths():
    rng = np.random.default_rng(1)
    process = identity.Process(rng)
    pi = identity.softmax(rng.standard_normal((identity.STATES, identity.ACTIONS)))
    assert process.p0 @ process.val(pi) == pytest.approx(process.along_paths(pi, process.rew), rel=1e-12)
    np.testing.assert_allclose((pi * process.adv(pi)).sum(1), 0, atol=1e-12)
    for state, visits in enumerate(process.visitation(pi)):
        here = np.zeros_like(pi)
        here[state] = 1
        assert visits == pytest.approx(process.along_paths(pi, here), rel=1e-12)


def slopes(table, values):
    """Of log values by log KL, along each direction, for steps up to 0.02."""
    near = table["length"] < 0.02
    for _, rows in table[near].groupby("direction"):
        yield np.polyfit(np.log(rows["kl"]), np.log(values[rows.index].abs()), 1)[0]


def test_error_of_the_local_approximation_goes_with_the_kl_and_the_gain_with_its_root(tables):
    table = tables["identity"]
    error = table["gain"] - table["local"]
    np.testing.assert_allclose(list(slopes(table, error)), 1, atol=0.06)
    np.testing.assert_allclose(list(slopes(table, table["gain"])), 0.5, atol=0.02)
    assert (error.abs() / table["gain"].abs())[table["length"] == table["length"].min()].max() < 0.01
    far = table["length"] == table["length"].max()
    assert (error.abs() / table["gain"].abs())[far].median() > 0.2


def test_bound_of_trpo_holds_everywhere_with_room_to_spare(tables):
    table = tables["identity"]
    assert (table["bound"] / (table["gain"] - table["local"]).abs()).min() > 100
    rng = np.random.default_rng(0)  # the process of the table, and its π
    process = identity.Process(rng)
    adv = process.adv(identity.softmax(rng.standard_normal((identity.STATES, identity.ACTIONS))))
    alpha = np.sqrt(table["bound"] / (360 * np.abs(adv).max()))  # 4 γ / (1 − γ)² = 360
    assert 0.9 < alpha.max() <= 1
    assert (alpha**2 <= table["kl_max"] / 2).all()  # Pinsker
    assert (alpha**2 > table["kl_max"] / 20).all()
