"""The lectures' topics that sample: PPO's surrogates and TRPO's line search."""

import math
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from drawn import drawn, from_disk

from core.agent import Agent
from core.policy import Gaussian
from lecture import line_search, ppo_surrogates

TOPICS = {t.__name__.split(".")[1]: t for t in (ppo_surrogates, line_search)}


@pytest.fixture(scope="module")
def tables():
    return {name: from_disk(topic.table()) for name, topic in TOPICS.items()}


@pytest.mark.parametrize("topic", TOPICS)
def test_every_panel_shows_something(tables, topic):
    plt.close(drawn(topic, tables[topic]))


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
