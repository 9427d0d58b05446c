"""The lectures' topic of importance weights. Its table takes ten seconds and more: what reads it is slow."""

import math
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from drawn import drawn, to_disk

from core.policy import Gaussian
from lecture import importance


@pytest.fixture(scope="module")
def table(once):
    def make(folder):
        folder.mkdir()
        to_disk(importance.table(), folder / "table.csv")

    return pd.read_csv(once("lecture_importance", make) / "table.csv")


@pytest.mark.slow
def test_every_panel_shows_something(table):
    plt.close(drawn("importance", table))


@pytest.fixture(scope="module")
def weights(table):
    """kl × horizon, by name and quantity."""
    rows = table.query("part == 'weights'")
    return rows.pivot_table(index=["kl", "horizon"], columns=["name", "quantity"], values="value")


@pytest.fixture(scope="module")
def returns(table):
    """kl, by name and quantity."""
    rows = table.query("part == 'returns'")
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


@pytest.mark.slow
def test_weights_average_to_one_while_the_horizon_is_short(weights):
    whole = weights["whole trajectory"].query("horizon <= 10")
    assert len(whole) == 4 * len(importance.KLS)
    assert (abs(whole["mean"] - 1) < 4 * whole["stderr"]).all()
    assert (whole["stderr"].xs(1, level="horizon") < 0.01).all()


@pytest.mark.slow
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


@pytest.mark.slow
def test_temporal_structure_helps_and_one_step_knows_no_horizon(weights):
    variance = weights.xs("variance", axis=1, level="quantity").loc[[0.001, 0.003]].query("horizon >= 20")
    assert (variance["up to each step"] < 0.85 * variance["whole trajectory"]).all()
    one = weights["one step"].loc[:0.03]
    assert (one["variance"] / one["theory"]).between(0.6, 1.6).all()
    assert (one["share"].loc[:0.01] > 0.95).all()
    assert weights["whole trajectory", "share"].loc[0.01, 200] < 0.35


@pytest.mark.slow
def test_long_products_vanish_and_the_sample_misses_what_carries_their_mean(weights):
    far = weights.loc[(0.1, 200)]
    kl = weights["one step", "kl"].loc[0.1, 1]
    assert np.log(far["whole trajectory", "median"]) / (-200 * kl) == pytest.approx(1, abs=0.3)
    assert far["whole trajectory", "mean"] < 0.5
    assert far["whole trajectory", "variance"] < 1e-6 * far["whole trajectory", "theory"]


@pytest.mark.slow
def test_near_the_old_policy_all_estimates_are_right(returns):
    for name, last in {"whole trajectory": 0.003, "up to each step": 0.003, "one step": 0.03}.items():
        near = returns.loc[:last]
        error = near[name, "mean"] - near["truth", "mean"]
        assert (abs(error) < 3.5 * np.hypot(near[name, "stderr"], near["truth", "stderr"])).all(), name
    near = returns.loc[:0.003]
    assert (near["up to each step", "stderr"] < 0.05 * near["truth", "mean"]).all()


@pytest.mark.slow
def test_the_surrogate_is_surest_and_the_whole_trajectory_least_sure(returns):
    stderr = returns.xs("stderr", axis=1, level="quantity").loc[:0.03]
    assert (stderr["up to each step"] < 0.6 * stderr["whole trajectory"]).all()
    assert (stderr["one step"] < 0.6 * stderr["up to each step"]).all()
    assert stderr["whole trajectory"][0.01] > 2 * stderr["whole trajectory"][0.001]


@pytest.mark.slow
def test_far_from_the_old_policy_a_handful_of_episodes_carries_the_products(returns):
    far = returns.loc[0.1]
    assert far["whole trajectory", "mean"] < 0.6 * far["truth", "mean"]
    assert far["whole trajectory", "share"] < 0.02 < 0.5 < returns.loc[0.001]["whole trajectory", "share"]
    assert abs(far["one step", "mean"] / far["truth", "mean"] - 1) < 0.2
