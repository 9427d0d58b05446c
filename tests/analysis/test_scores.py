"""What a run scores, by hand, and how a run that diverged counts."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis.data.runs import FinishedRun
from analysis.data.scores import against_the_best, counted, filled, filled_curves, normalised, run_scores, steps_to
from analysis.data.tables import curve_of, policies
from study.config import read_config
from study.plan import ROOT, make_study

UNTRAINED = -10.0


@pytest.fixture(scope="module")
def cell():
    entry = {"tasks": ["Hopper"], "seeds": 1, "steps": 60_000, "methods": {"trpo": None}}
    return dataclasses.replace(make_study("made", entry, read_config(ROOT / "envs.yaml")).cells[0], steps=1000)


def scored(cell, status, *episodes):
    table = pd.DataFrame(episodes, columns=["step", "return"]).astype(float)
    run = FinishedRun(cell, 0, {"status": status}, table)
    return run_scores(run, curve_of(run)["return"].to_numpy(), UNTRAINED)


def test_the_scores_of_a_run_by_hand(cell):
    # An episode every 100 steps: the curve is 0 until 100 (untrained: -10), then each return for ten points.
    got = scored(cell, "finished", *((100 * i, float(i)) for i in range(1, 11)))
    assert got["last_100"] == 5.5, "all ten episodes, fewer than a hundred"
    assert got["last_tenth"] == pytest.approx((9 * 9 + 10) / 10), "points 910 … 1000; the last episode ends at 1000"
    assert got["area"] == pytest.approx((9 * UNTRAINED + sum(10 * i for i in range(1, 10)) + 10) / 100)
    assert got["maximum"] == 10.0


def test_a_run_that_diverged_is_worth_an_untrained_policy_from_there_on(cell):
    got = scored(cell, "diverged", (100, 5.0), (500, 7.0))
    assert got["last_100"] == UNTRAINED
    assert got["last_tenth"] == UNTRAINED
    assert got["maximum"] == 7.0, "what was reached was reached"
    assert got["area"] == pytest.approx((9 * UNTRAINED + 40 * 5 + 7 + 50 * UNTRAINED) / 100)


def test_diverging_improves_no_score(cell):
    low = scored(cell, "diverged", (100, -50.0), (500, -70.0))
    assert low["last_100"] == -60.0
    assert low["last_tenth"] == -70.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_return_that_is_no_number_makes_no_score_infinite(cell, bad):
    got = scored(cell, "diverged", (100, 5.0), (500, bad))
    assert all(np.isfinite(value) for value in got.values())
    assert got["last_100"] == UNTRAINED
    assert all(value == UNTRAINED for value in scored(cell, "diverged", (100, bad)).values())
    assert all(value == UNTRAINED for value in scored(cell, "diverged").values()), "not one episode"


def test_a_run_without_a_whole_episode_has_no_score(cell):
    assert all(np.isnan(value) for value in scored(cell, "finished").values())


POLICY = {"task": "T", "method": "m", "status": "finished"}
PLAYED = pd.DataFrame(
    [(0, how, value) for how in ("sampled", "deterministic") for value in (1.0, 3.0)], columns=["seed", "how", "return"]
)


@pytest.mark.parametrize(
    ("played", "broke", "scores"),
    [
        (PLAYED, {1}, [2.0, UNTRAINED]),
        (
            PLAYED.head(0),
            {1},
            [np.nan, np.nan],
        ),  # never played: no run of the cell has a score
        (PLAYED.head(0), {0, 1}, [UNTRAINED, UNTRAINED]),  # there is no policy to play
        (PLAYED, set(), [2.0, np.nan]),
    ],
)
def test_a_diverged_run_stands_for_a_policy_only_where_policies_were_played(played, broke, scores):
    rows = [POLICY | {"seed": seed} | ({"status": "diverged"} if seed in broke else {}) for seed in (0, 1)]
    found = policies(rows, {("T", "m"): played}, {"T": UNTRAINED})
    for how in ("sampled", "deterministic"):
        np.testing.assert_equal([row[how] for row in found], scores)


def test_filled_curves_keep_what_is_known():
    curve = np.array([np.nan, 1.0, 2.0, np.nan])
    assert list(filled(curve, 0.5, True)) == [0.5, 1.0, 2.0, 0.5]
    assert list(filled(np.array([np.nan, -5.0, -6.0, np.nan]), 0.5, True)) == [0.5, -5.0, -6.0, -6.0]
    assert list(filled(np.array([np.nan, 1.0, 2.0]), 0.5, False)) == [0.5, 1.0, 2.0]
    assert counted(3.0, 0.5, False) == 3.0


def test_scores_are_normalised_as_in_table_1():
    assert list(normalised(pd.Series([-10.0, 0.0, 90.0]), -10.0, 90.0)) == [0.0, 0.1, 1.0]
    assert normalised(pd.Series([-20.0]), -10.0, 90.0)[0] == -0.1, "worse than untrained is below 0"
    assert normalised(pd.Series([-10.0, -12.0]), -10.0, -10.0).isna().all(), "none beats an untrained policy"


def test_steps_to_a_threshold():
    curve = pd.Series([1.0, 5.0, 4.0, 6.0], index=[10, 20, 30, 40])
    assert steps_to(curve, 4.5) == 20
    assert steps_to(curve, 6.0) == 40
    assert np.isnan(steps_to(curve, 6.1))


def study_tables():
    """Two methods on one task; of the second one run diverged at step 20."""
    grid = [10, 20, 30, 40]
    curves = {("a", 0): [0, 4, 8, 10], ("a", 1): [0, 2, 3, 4], ("b", 0): [0, 6, np.nan, np.nan]}
    last = {("a", 0): 10.0, ("a", 1): 4.0, ("b", 0): 0.0}
    rows = [
        {"task": "T", "method": m, "seed": s, "status": "diverged" if m == "b" else "finished", "last_100": last[m, s]}
        for m, s in curves
    ]
    tidy = [
        {"task": "T", "method": m, "seed": s, "step": step, "return": value}
        for (m, s), values in curves.items()
        for step, value in zip(grid, values, strict=True)
    ]
    return pd.DataFrame(rows), pd.DataFrame(tidy)


def test_what_the_whole_study_decides():
    runs, curves = study_tables()
    got = against_the_best(runs, curves, {"T": 0.0})
    assert list(got["normalised"]) == [1.0, 0.4, 0.0]
    # Half way from 0 to the best run's 10. The run that diverged had got there before.
    assert got["steps_to_half"].fillna(-1).tolist() == [30, -1, 20]


def test_a_filled_curve_goes_to_the_run_it_belongs_to():
    runs, curves = study_tables()
    whole = filled_curves(curves.sample(frac=1, random_state=0), runs.iloc[::-1], {"T": 0.0})
    assert whole.loc[("T", "b", 0)].tolist() == [0, 6, 0, 0]
    assert whole.loc[("T", "a", 1)].tolist() == [0, 2, 3, 4]
