"""Table 1: which of our methods is which row, and what agrees."""

import numpy as np
import pytest
from scipy import stats

from analysis import across
from analysis.intervals import percentile, stream
from analysis.table1 import paper_scores, row_of, tabulate
from core.plan import ROOT, load_studies, make_study, read_config

METHODS = {
    "fixed": {"algo": "ppo_kl", "adaptive": False, "beta": 3},
    "none": {"algo": "ppo_kl", "adaptive": False, "beta": 0},
    "ppo_kl": {},
    "ppo_clip": {},
    "odd": {"algo": "ppo_clip", "epsilon": 0.15},
    "trpo": {},
}


@pytest.fixture(scope="module")
def study():
    entry = {"tasks": ["Hopper"], "seeds": 2, "steps": 1_000_000, "methods": METHODS}
    return make_study("made", entry, read_config(ROOT / "envs.yaml"))


def test_a_method_is_a_row_by_its_options_and_not_by_its_name(study):
    rows = {name: row_of(method) for name, method in study.methods.items()}
    assert rows["fixed"] == ("fixed KL", 3)
    assert rows["none"] == ("no clipping or penalty", None)
    assert rows["ppo_kl"] == ("adaptive KL", 0.01)
    assert rows["ppo_clip"] == ("clipping", 0.2)
    assert rows["trpo"] is None
    # arXiv 1707.06347v2, Table 1, in its order.
    assert paper_scores(study) == {"none": -0.39, "ppo_clip": 0.82, "ppo_kl": 0.74, "fixed": 0.72}


def test_the_study_of_that_name_has_all_eleven_rows():
    paper = paper_scores(load_studies()["table1"])
    assert len(paper) == 11
    assert sum(paper.values()) == pytest.approx(
        -0.39 + 0.76 + 0.82 + 0.7 + 0.68 + 0.74 + 0.71 + 0.62 + 0.71 + 0.72 + 0.69
    )


def scores(**means):
    """Five runs on each of two tasks around these means."""
    spread = np.array([-0.02, -0.01, 0.0, 0.01, 0.02])
    return {name: [mean + spread, mean - spread] for name, mean in means.items()}


def test_orderings_hold_are_reversed_or_open():
    paper = {"a": 0.9, "b": 0.5, "c": 0.5, "d": 0.1}
    table, orderings, summary = tabulate(paper, scores(a=0.8, b=0.9, c=0.8, d=0.2))
    found = orderings.set_index(["better", "worse"])["ordering"].to_dict()
    assert found == {
        ("a", "b"): "reversed",
        ("a", "c"): "open",
        ("a", "d"): "holds",
        ("b", "d"): "holds",
        ("c", "d"): "holds",
    }
    row = summary.iloc[0]
    assert (row["orderings"], row["same"], row["holds"], row["reversed"], row["open"]) == (5, 3, 3, 1, 1)
    assert table["ours"].tolist() == pytest.approx([0.8, 0.9, 0.8, 0.2])
    assert table["rank"].tolist() == [2.5, 1.0, 2.5, 4.0] or table["ours"].nunique() == 4, "ties share a rank"
    assert table["paper_rank"].tolist() == [1.0, 2.5, 2.5, 4.0]


def test_the_rank_correlation_is_scipys_for_every_replicate():
    paper = {"a": 0.9, "b": 0.5, "c": 0.5, "d": 0.1}
    mine = scores(a=0.31, b=0.3, c=0.32, d=0.305)
    _, _, summary = tabulate(paper, mine)
    theirs = list(paper.values())
    ours = [float(across.mean(mine[m])) for m in paper]
    assert summary["spearman"][0] == pytest.approx(stats.spearmanr(ours, theirs).statistic)
    drawn = np.stack([across.mean(across.resample(mine[m], stream("aggregates", m))) for m in paper], axis=1)
    some = [stats.spearmanr(row, theirs).statistic for row in drawn[:1000]]
    assert (summary["low"][0], summary["high"][0]) == pytest.approx(percentile(np.array(some)), abs=0.15)


def test_rows_without_runs_are_left_out():
    table, orderings, summary = tabulate({"a": 0.9, "b": 0.5, "c": 0.2}, scores(a=0.8, c=0.1))
    assert table["method"].tolist() == ["a", "c"]
    assert len(orderings) == 1
    assert np.isnan(summary["spearman"][0]), "of two there is no correlation to speak of"
    _, _, summary = tabulate({"a": 0.9, "b": 0.5, "c": 0.2}, {name: [np.ones(2)] for name in "abc"})
    assert np.isnan(summary["spearman"][0]), "all tied"
    empty, orderings, _ = tabulate({"a": 0.9}, {})
    assert empty.empty and orderings.empty
