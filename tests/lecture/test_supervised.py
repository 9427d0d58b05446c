"""The lecture's claim about a step too big, on the table that is drawn.

Shares (``optimum``, ``stuck``) are of 100 policies. Another CPU type has other last bits and so other draws: bounds
leave a few standard errors of a share.
"""

import numpy as np
import pandas as pd
import pytest
from drawn import drawn

from lecture import supervised

OWN = ("REINFORCE", "REINFORCE, baseline")


@pytest.fixture(scope="module")
def table():
    return supervised.table()


def constant(table, learner, alpha):
    rows = table[(table["when"] == "every update") & (table["learner"] == learner)]
    return rows[np.isclose(rows["step_size"], alpha)].iloc[0]


def once(table, learner, when, alpha=supervised.TRACED):
    return table[(table["learner"] == learner) & (table["when"] == when) & (table["step_size"] == alpha)].set_index(
        "update"
    )


def test_figure_is_drawn_from_the_table_as_read_from_disk(table):
    assert len(drawn("supervised", table).axes) == 6


def test_returns_are_those_of_policies_one_can_foresee_and_of_samples():
    on, back = np.ones(supervised.STATES), np.zeros(supervised.STATES)
    between = on.copy()
    between[supervised.START + 1 :] = 0  # on to the next state, and back again, for ever
    j, reach = supervised.returns(np.stack([on, back, between]))
    np.testing.assert_array_equal(j, [1, supervised.NEAR, 0])
    np.testing.assert_array_equal(reach, [1, 0, 0])
    rng = np.random.default_rng(0)
    prob = rng.uniform(0.3, 0.9, (5, supervised.STATES))
    _, ret = supervised.sample(np.repeat(prob, 1000, axis=0), rng)
    ret = ret.reshape(5, -1)
    assert (np.abs(ret.mean(1) - supervised.returns(prob)[0]) < 4 * ret.std(1) / np.sqrt(ret.shape[1])).all()


def test_learners_climb_along_the_gradients_they_say():
    rng = np.random.default_rng(0)
    logit = rng.standard_normal(supervised.STATES)
    near = logit + 1e-5 * np.vstack([np.eye(supervised.STATES), -np.eye(supervised.STATES)])
    prob, around = 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(-near))

    def slope(values):
        return (values[: supervised.STATES] - values[supervised.STATES :]) / 2e-5

    np.testing.assert_allclose(supervised.supervised(prob, rng), slope(np.log(around).sum(1)), rtol=1e-6)
    true = slope(supervised.returns(around)[0])
    many = np.tile(prob, (4000, 1))
    shrunk = 1 - 1 / supervised.EPISODES  # a return is in its own baseline
    for learner, factor in ((supervised.reinforce, 1), (supervised.reinforce_baseline, shrunk)):
        drawn = learner(many, rng)
        assert (np.abs(drawn.mean(0) - factor * true) < 4 * drawn.std(0) / np.sqrt(len(drawn))).all()
        assert np.abs(true).max() > 20 * drawn.std(0).max() / np.sqrt(len(drawn))


def test_steps_in_theta_follow_the_chain_rule():
    rng = np.random.default_rng(0)
    x = supervised.corridors(rng)[:3]
    theta = rng.standard_normal((3, supervised.STATES))
    path = supervised.train(supervised.supervised, x, theta, np.full((1, 3), 1e-6), rng)

    def likelihood(theta):
        return np.log(supervised.forward(x, theta)).sum(1)

    moved = path[1] - path[0]
    np.testing.assert_allclose(likelihood(path[1]) - likelihood(theta), (moved**2).sum(1) / 1e-6, rtol=1e-4)


def test_comparison_does_not_give_reinforce_the_longer_step():
    rng = np.random.default_rng(0)
    x = supervised.corridors(rng)
    start = np.zeros((len(x), supervised.STATES))
    first = np.ones((1, len(x)))
    length = {
        name: np.linalg.norm(supervised.train(learner, x, start, first, rng)[1], axis=1).mean()
        for name, learner in supervised.LEARNERS.items()
    }
    for learner in OWN:
        assert 3.5 < length["supervised"] / length[learner] < 5


def test_every_learner_succeeds_at_a_good_step_size_and_none_at_a_small_one(table):
    for learner in supervised.LEARNERS:
        good, small = constant(table, learner, supervised.NORMAL), constant(table, learner, 1e-3)
        assert good["score"] > 0.98
        assert good["optimum"] >= 0.88
        assert small["score"] < 0.45
        assert small["optimum"] == 0


def test_large_steps_ruin_reinforce_and_not_supervised_learning(table):
    for alpha in supervised.CONSTANT[supervised.CONSTANT > 0.3]:
        assert constant(table, "supervised", alpha)["score"] > 0.999
    for learner in OWN:
        for alpha in supervised.CONSTANT[supervised.CONSTANT > 50]:
            row = constant(table, learner, alpha)
            assert row["score"] < 0.15
            assert row["stuck"] >= (0.6 if alpha < 200 else 0.8)
    assert constant(table, OWN[0], 10)["score"] < 0.3
    assert 0.7 < constant(table, OWN[1], 10)["score"] < 0.85  # the baseline moves the cliff, and no more


def test_supervised_learning_recovers_from_one_big_step_and_reinforce_does_not(table):
    after = supervised.WHEN["update 2"] + 1
    for learner in supervised.LEARNERS:
        score = once(table, learner, "update 2")["score"]
        assert score[after] < min(0.15, score[after - 1] / 3)  # it ruins them all
    assert once(table, "supervised", "update 2")["score"][50] > 0.99
    for learner in OWN:
        rows = once(table, learner, "update 2")
        assert rows["score"][supervised.UPDATES] < 0.25
        assert rows["stuck"][supervised.UPDATES] == pytest.approx(rows["stuck"][after], abs=0.03)


def test_what_reinforce_cannot_learn_from_the_ruined_policies_supervised_learning_can(table):
    for when, place in supervised.WHEN.items():
        reinforce, other = (once(table, name, when) for name in ("REINFORCE", "supervised, from REINFORCE's θ"))
        pd.testing.assert_frame_equal(reinforce.loc[: place + 1, "score":], other.loc[: place + 1, "score":])
        assert reinforce["stuck"][place + 1] >= 0.8
        assert reinforce["score"][supervised.UPDATES] < 0.15
        assert other["score"][100] > 0.99


def test_reinforce_recovers_where_a_step_has_not_saturated_the_policy(table):
    end = {a: once(table, "REINFORCE", "update 2", a).loc[supervised.UPDATES] for a in supervised.ONCE}
    assert end[10]["optimum"] > 0.7
    assert end[10]["stuck"] < 0.05
    assert 0.3 < end[30]["optimum"] < 0.6
    assert 0 < end[1000]["optimum"] < 0.1  # the lucky ones


def test_late_a_big_step_harms_reinforce_only(table):
    place = supervised.WHEN["update 21"]
    learned, ruined = place, place + 1
    own = once(table, "supervised", "update 21")["score"]
    assert own[ruined] > own[learned] > 0.99
    plain, baseline = (once(table, learner, "update 21")["score"] for learner in OWN)
    assert plain[learned] > 0.8
    assert plain[ruined] < 0.1
    assert 0.2 < baseline[ruined] < baseline[supervised.UPDATES] < 0.6
