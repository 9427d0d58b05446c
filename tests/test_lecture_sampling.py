"""The lectures' topics that sample: importance weights, PPO's surrogates, TRPO's line search, single path and vine."""

import math
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from drawn import drawn, to_disk

from core.agent import Agent
from core.optimise import gradient
from core.policy import Gaussian
from lecture import importance, line_search, ppo_surrogates, vine_variance

pytestmark = pytest.mark.long

TOPICS = {t.__name__.split(".")[1]: t for t in (importance, ppo_surrogates, line_search, vine_variance)}


@pytest.fixture(scope="module")
def tables(once):
    def make(folder):
        folder.mkdir()
        for name, topic in TOPICS.items():
            to_disk(topic.table(), folder / f"{name}.csv")

    folder = once("lecture_sampling", make)
    return {name: pd.read_csv(folder / f"{name}.csv") for name in TOPICS}


@pytest.mark.parametrize("topic", TOPICS)
def test_every_panel_shows_something(tables, topic):
    plt.close(drawn(topic, tables[topic]))


# Importance weights


@pytest.fixture(scope="module")
def weights(tables):
    """kl × horizon, by name and quantity."""
    rows = tables["importance"].query("part == 'weights'")
    return rows.pivot_table(index=["kl", "horizon"], columns=["name", "quantity"], values="value")


@pytest.fixture(scope="module")
def returns(tables):
    """kl, by name and quantity."""
    rows = tables["importance"].query("part == 'returns'")
    return rows.pivot_table(index="kl", columns=["name", "quantity"], values="value")


def test_second_moment_of_a_ratio_is_the_integral():
    old = Gaussian(torch.tensor([[0.3, -0.2]]), torch.tensor([-0.2, 0.1]))
    new = Gaussian(torch.tensor([[0.5, -0.1]]), torch.tensor([-0.1, 0.0]))
    x = np.linspace(-15, 15, 200_001)
    product = 1.0
    for i in range(2):
        p, q = (
            np.exp(-0.5 * ((x - d.mean[0, i].item()) / s) ** 2) / (s * math.sqrt(2 * math.pi))
            for d in (old, new)
            for s in [math.exp(d.log_std[i])]
        )
        product *= np.sum(q * q / p) * (x[1] - x[0])
    assert importance.ratio_squared(old, new).item() == pytest.approx(product, rel=1e-5)


def test_returns_are_weighted_as_the_lecture_says():
    roll = SimpleNamespace(rew=np.array([[1.0], [2.0], [0.0]]))  # two steps, then over
    log_ratio, adv = np.log([[1.5], [0.5], [1.0]]), np.array([[3.0], [-1.0], [0.0]])
    found = importance.estimates([roll], [log_ratio], [adv])
    assert found["whole trajectory"] == pytest.approx([0.75 * (1 + 0.99 * 2)])
    assert found["up to each step"] == pytest.approx([1.5 * 1 + 0.99 * 0.75 * 2])
    assert found["one step"] == pytest.approx([1 + 0.99 * 2 + 0.5 * 3 + 0.99 * (-0.5) * (-1)])


def test_weights_average_to_one_while_the_horizon_is_short(weights):
    whole = weights["whole trajectory"].query("horizon <= 10")
    assert len(whole) == 4 * len(importance.KLS)
    assert (abs(whole["mean"] - 1) < 4 * whole["stderr"]).all()
    assert (whole["stderr"].xs(1, level="horizon") < 0.01).all()


def test_variance_of_the_product_grows_exponentially_in_horizon_and_kl(weights):
    whole = weights["whole trajectory"]
    measurable = whole.loc[:0.01][whole.loc[:0.01]["theory"] < 1]  # beyond, rare weights make the sample's variance
    assert measurable.loc[0.001].index.max() == 200
    rate = np.log1p(measurable["variance"]) / np.log1p(measurable["theory"])
    assert rate.between(0.4, 2.5).all()
    # log E[w²] is proportional to H, and E[ratio²] is exp(2 KL) as long as the standard deviations hardly move.
    log_second = np.log1p(whole["variance"].loc[0.001])
    assert log_second[200] / log_second[20] == pytest.approx(10, rel=0.6)
    states = weights["one step"].xs(1, level="horizon")
    assert np.allclose(np.log(states["second moment"]) / (2 * states["kl"]), 1, atol=0.25)
    at_five = whole["variance"].xs(5, level="horizon")
    assert (at_five.diff().dropna() > 0).all() and at_five.iloc[-1] > 100 * at_five.iloc[0]


def test_temporal_structure_helps_and_one_step_knows_no_horizon(weights):
    variance = weights.xs("variance", axis=1, level="quantity").loc[[0.001, 0.003]].query("horizon >= 20")
    assert (variance["up to each step"] < 0.85 * variance["whole trajectory"]).all()
    one = weights["one step"].loc[:0.03]
    assert (one["variance"] / one["theory"]).between(0.6, 1.6).all()
    assert (one["share"].loc[:0.01] > 0.95).all()
    assert weights["whole trajectory", "share"].loc[0.01, 200] < 0.35


def test_long_products_vanish_and_the_sample_misses_what_carries_their_mean(weights):
    far = weights.loc[(0.1, 200)]
    kl = weights["one step", "kl"].loc[0.1, 1]
    assert np.log(far["whole trajectory", "median"]) / (-200 * kl) == pytest.approx(1, abs=0.3)
    assert far["whole trajectory", "mean"] < 0.5
    assert far["whole trajectory", "variance"] < 1e-6 * far["whole trajectory", "theory"]


def test_near_the_old_policy_all_estimates_are_right(returns):
    for name, last in {"whole trajectory": 0.003, "up to each step": 0.003, "one step": 0.03}.items():
        near = returns.loc[:last]
        error = near[name, "mean"] - near["truth", "mean"]
        assert (abs(error) < 3.5 * np.hypot(near[name, "stderr"], near["truth", "stderr"])).all(), name
    near = returns.loc[:0.003]
    assert (near["up to each step", "stderr"] < 0.05 * near["truth", "mean"]).all()


def test_the_surrogate_is_surest_and_the_whole_trajectory_least_sure(returns):
    stderr = returns.xs("stderr", axis=1, level="quantity").loc[:0.03]
    assert (stderr["up to each step"] < 0.6 * stderr["whole trajectory"]).all()
    assert (stderr["one step"] < 0.6 * stderr["up to each step"]).all()
    assert stderr["whole trajectory"][0.01] > 2 * stderr["whole trajectory"][0.001]


def test_far_from_the_old_policy_a_handful_of_episodes_carries_the_products(returns):
    far = returns.loc[0.1]
    assert far["whole trajectory", "mean"] < 0.6 * far["truth", "mean"]
    assert far["whole trajectory", "share"] < 0.02 < 0.5 < returns.loc[0.001]["whole trajectory", "share"]
    assert abs(far["one step", "mean"] / far["truth", "mean"] - 1) < 0.2


# PPO's surrogates


@pytest.fixture(scope="module")
def along(tables):
    rows = tables["ppo_surrogates"].query("quantity != 'kl of the update'")
    return rows.pivot(index="alpha", columns="quantity", values="value")


def at(curves, alpha):
    return curves.iloc[np.abs(curves.index - alpha).argmin()]


def test_surrogates_by_hand():
    same = Gaussian(torch.zeros(4, 1), torch.zeros(1))
    ratio, adv = torch.tensor([1.5, 1.5, 1.1, 0.5]), torch.tensor([1.0, -1.0, 1.0, -1.0])
    policy = SimpleNamespace(logp=lambda *_: torch.log(ratio), dist=lambda *_: same)
    batch = SimpleNamespace(obs=None, act=None, logp=torch.zeros(4), adv=adv, old=same)
    found = ppo_surrogates.evaluate(Agent(policy, None, None, None, None, None), batch, theta=None)
    expected = {"unclipped": 0.15, "clipped": 0.075, "L^CLIP": 0, "kl": 0, "out of range": 0.75}
    assert found == pytest.approx(expected, abs=1e-6)


def test_surrogates_start_together_and_the_clipped_one_is_a_bound(along):
    start = at(along, 0)
    assert np.allclose(start, 0, atol=1e-6)
    assert (along["L^CLIP"] <= along[["unclipped", "clipped"]].min(axis=1) + 1e-7).all()


def test_the_update_ends_where_its_surrogate_is_greatest(along):
    best = along["L^CLIP"].idxmax()
    assert 0.7 < best < 1.4
    ahead = along.loc[best:]
    assert (ahead["L^CLIP"].diff().dropna() < 0).all() and ahead["L^CLIP"].iloc[-1] < 0.7 * ahead["L^CLIP"].iloc[0]
    assert (along["unclipped"].diff().dropna() > 0).all()
    assert ahead["unclipped"].iloc[-1] > 1.8 * ahead["unclipped"].iloc[0]
    assert ahead["clipped"].iloc[-1] > ahead["clipped"].iloc[0]  # without the minimum, going on would pay


def test_kl_is_the_reported_one_and_grows_as_a_square(tables, along):
    reported = tables["ppo_surrogates"].query("quantity == 'kl of the update'")["value"].item()
    assert at(along, 1)["kl"] == pytest.approx(reported, rel=1e-4)
    assert at(along, 2)["kl"] == pytest.approx(4 * reported, rel=0.1)


# TRPO's line search


@pytest.fixture(scope="module")
def searches(tables):
    """(δ, damping) to the quantities by fraction."""
    groups = tables["line_search"].groupby(["delta", "damping"])
    return {key: rows.pivot(index="fraction", columns="quantity", values="value") for key, rows in groups}


def test_the_first_candidate_that_passes_is_taken(searches):
    for (delta, _), found in searches.items():
        accepted = found.dropna(subset="accepted")
        rejected = found.dropna(subset="rejected") if "rejected" in found else accepted.iloc[:0]
        assert len(accepted) == 1
        assert accepted["gain"].item() >= 0 and accepted["kl"].item() <= delta
        assert not ((rejected["gain"] >= 0) & (rejected["kl"] <= delta)).any()
        assert [*rejected.index[::-1], accepted.index.item()] == [0.5**j for j in range(len(rejected) + 1)]


def test_models_are_right_near_the_old_policy(searches):
    for (delta, _), found in searches.items():
        first = at(found, 0.025)
        assert first["kl"] == pytest.approx(first["undamped"], rel=0.05)
        curves = found.dropna(subset="gain")
        assert (curves["gain"] <= curves["linear"] + 1e-6).all()
        assert at(found, 1)["quadratic"] == pytest.approx(delta, rel=1e-4)
        if delta == line_search.CFG.max_kl:
            assert first["gain"] == pytest.approx(first["linear"], rel=0.03)


def test_the_full_step_breaks_the_constraint_where_damping_does_not_hide_it(searches):
    kl = {key: at(found, 1)["kl"] / key[0] for key, found in searches.items()}
    damping, hardly = line_search.DAMPINGS
    assert kl[1.0, hardly] > 1.2 and kl[4.0, hardly] > 2 and kl[4.0, damping] > 1.2
    assert kl[0.01, hardly] == pytest.approx(1, abs=0.1)
    assert kl[0.01, damping] < 0.8 and kl[1.0, damping] < 1
    full = at(searches[0.01, damping], 1)
    assert full["undamped"] < 0.8 * full["quadratic"]


def test_the_constraint_is_crossed_where_marked(searches):
    for (delta, _), found in searches.items():
        curves = found.dropna(subset="kl")
        assert (curves["kl"].diff().dropna() > 0).all()
        fraction = found.dropna(subset="kl is delta").index.item()
        assert np.interp(fraction, curves.index, curves["kl"]) == pytest.approx(delta, rel=0.01)
    assert line_search.boundary(lambda f: 2 * f * f, 1.0) == pytest.approx(math.sqrt(0.5))


# Single path and vine


@pytest.fixture(scope="module")
def vines(tables):
    return tables["vine_variance"].set_index(["estimator", "equal"]).sort_index()


def test_the_vine_compares_each_action_with_the_others_of_its_state(start):
    agent, _ = start()
    n, k = 5, vine_variance.CFG.actions
    g = torch.Generator().manual_seed(0)
    obs, act = torch.randn(n, 4, generator=g), torch.randn(n, k, 1, generator=g)
    q = torch.randn(n, k, generator=g) + 100
    logp = vine_variance.trpo_vine.log_prob(agent, agent.theta, obs, act)
    batch = SimpleNamespace(branch_obs=obs, branch_act=act, branch_logp=logp, q=q)
    adv = q - (q.sum(1, keepdim=True) - q) / (k - 1)
    (expected,) = gradient(
        lambda theta: (vine_variance.trpo_vine.log_prob(agent, theta, obs, act) * adv).mean(), (agent.theta,)
    )
    assert np.allclose(vine_variance.vine_gradient(agent, batch), expected, rtol=1e-3, atol=1e-4)


def test_costs_are_equal(vines):
    cost = vines[["steps", "actions"]].groupby(level=["estimator", "equal"]).mean()
    assert np.allclose(cost["steps"] / cost["steps"].mean(), 1, atol=0.05)
    cfg = vine_variance.CFG
    branches = cost["steps"]["vine", "steps"] - cfg.batch  # the trunk counts, and a fall ends a branch early
    assert 0.75 < branches / (cfg.states * cfg.actions * cfg.length) <= 1
    assert (cost["actions"].xs("actions", level="equal") == vine_variance.ACTIONS).all()
    assert cost["actions"]["single path, GAE", "steps"] == cost["steps"]["single path, GAE", "steps"]


def test_all_estimate_the_same_gradient(vines):
    by_steps = vines.xs("steps", level="equal")[["along_gradient", "along_log_std"]].groupby(level="estimator")
    mean, stderr = by_steps.mean(), by_steps.sem()
    best = "single path, GAE"
    assert (abs(mean.loc[best]) > 3.5 * stderr.loc[best]).all()  # so that agreement means something
    for name in set(mean.index) - {best}:
        assert (abs(mean.loc[name] - mean.loc[best]) < 3.5 * np.hypot(stderr.loc[name], stderr.loc[best])).all(), name


def test_the_single_path_wins_at_equal_steps(vines):
    by_steps = vines.xs("steps", level="equal").groupby(level="estimator")
    variance, cosine = by_steps["deviation"].mean(), by_steps["cosine"].mean()
    assert variance["vine"] > 4 * variance["single path, GAE"]
    assert variance["vine"] > 2 * variance["single path, λ = 1"]
    assert cosine["single path, GAE"] > cosine["vine"] + 0.15


def test_the_vine_wins_at_equal_actions_by_its_common_random_numbers(vines):
    # By the median: with other draws a few states that split bring the vine's mean up to the single path's.
    median = vines.xs("actions", level="equal").groupby(level="estimator")["deviation"].median()
    assert median["vine"] < 0.5 * median["single path, GAE"]
    assert median["vine"] < 0.5 * median["vine, own noise"]
    assert median["vine, own noise"] > 0.5 * median["single path, GAE"]


def test_most_of_the_vines_variance_comes_from_states_that_split(vines):
    vine = vines.loc[("vine", "steps")]
    split = vine["split"] > 0
    assert 0 < split.mean() < 0.75
    assert vine.loc[split, "deviation"].sum() > vine.loc[~split, "deviation"].sum()
