"""The lectures' topic of single path and vine. Its table takes ten seconds and more: what reads it is slow."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from drawn import drawn, to_disk

from core.compile import gradient
from lecture import vine_variance


@pytest.fixture(scope="module")
def table(once):
    def make(folder):
        folder.mkdir()
        to_disk(vine_variance.table(), folder / "table.csv")

    return pd.read_csv(once("lecture_vine", make) / "table.csv")


@pytest.mark.slow
def test_every_panel_shows_something(table):
    plt.close(drawn("vine_variance", table))


@pytest.fixture(scope="module")
def vines(table):
    return table.set_index(["estimator", "equal"]).sort_index()


def test_the_vine_compares_each_action_with_the_others_of_its_state(start):
    agent, _ = start()
    n, k = 5, vine_variance.CFG.actions
    g = torch.Generator().manual_seed(0)
    obs, act = torch.randn(n, 4, generator=g), torch.randn(n, k, 1, generator=g)
    q = torch.randn(n, k, generator=g) + 100
    logp = vine_variance.trpo_vine.log_prob(agent, agent.theta, obs, act)
    batch = SimpleNamespace(tries=vine_variance.trpo_vine.Tries(obs, act, logp, q))
    adv = q - (q.sum(1, keepdim=True) - q) / (k - 1)
    (expected,) = gradient(
        lambda theta: (vine_variance.trpo_vine.log_prob(agent, theta, obs, act) * adv).mean(), (agent.theta,)
    )
    assert np.allclose(vine_variance.vine_gradient(agent, batch), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_costs_are_equal(vines):
    cost = vines[["steps", "actions"]].groupby(level=["estimator", "equal"]).mean()
    assert np.allclose(cost["steps"] / cost["steps"].mean(), 1, atol=0.05)
    cfg = vine_variance.CFG
    branches = cost["steps"]["vine", "steps"] - cfg.batch  # the trunk counts, and a fall ends a branch early
    assert 0.75 < branches / (cfg.states * cfg.actions * cfg.length) <= 1
    assert (cost["actions"].xs("actions", level="equal") == vine_variance.ACTIONS).all()
    assert cost["actions"]["single path, GAE", "steps"] == cost["steps"]["single path, GAE", "steps"]


@pytest.mark.slow
def test_all_estimate_the_same_gradient(vines):
    by_steps = vines.xs("steps", level="equal")[["along_gradient", "along_log_std"]].groupby(level="estimator")
    mean, stderr = by_steps.mean(), by_steps.sem()
    best = "single path, GAE"
    assert (abs(mean.loc[best]) > 3.5 * stderr.loc[best]).all()  # so that agreement means something
    for name in set(mean.index) - {best}:
        assert (abs(mean.loc[name] - mean.loc[best]) < 3.5 * np.hypot(stderr.loc[name], stderr.loc[best])).all(), name


@pytest.mark.slow
def test_the_single_path_wins_at_equal_steps(vines):
    by_steps = vines.xs("steps", level="equal").groupby(level="estimator")
    variance, cosine = by_steps["deviation"].mean(), by_steps["cosine"].mean()
    assert variance["vine"] > 4 * variance["single path, GAE"]
    assert variance["vine"] > 2 * variance["single path, λ = 1"]
    assert cosine["single path, GAE"] > cosine["vine"] + 0.15


@pytest.mark.slow
def test_the_vine_wins_at_equal_actions_by_its_common_random_numbers(vines):
    # By the median: with other draws a few states that split bring the vine's mean up to the single path's.
    median = vines.xs("actions", level="equal").groupby(level="estimator")["deviation"].median()
    assert median["vine"] < 0.5 * median["single path, GAE"]
    assert median["vine"] < 0.5 * median["vine, own noise"]
    assert median["vine, own noise"] > 0.5 * median["single path, GAE"]


@pytest.mark.slow
def test_most_of_the_vines_variance_comes_from_states_that_split(vines):
    vine = vines.loc[("vine", "steps")]
    split = vine["split"] > 0
    assert 0 < split.mean() < 0.75
    assert vine.loc[split, "deviation"].sum() > vine.loc[~split, "deviation"].sum()
