"""Table 1: which of our methods is which row, and what agrees."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made_up import words
from scipy import stats

from analysis.data.products import figures_of, tables_of
from analysis.figures import table1
from analysis.figures.style import page
from analysis.statistics import across_tasks
from analysis.statistics.intervals import percentile, stream
from analysis.statistics.table1 import paper_scores, tabulate
from study.cells import ROWS_NEEDED
from study.config import read_config
from study.plan import ROOT, load_studies, make_study
from study.table1 import rows as rows_of_paper
from study.table1 import surrogates

METHODS = {
    "fixed": {"algo": "ppo_kl", "adaptive": False, "beta": 3, "row": "fixed KL 3"},
    "none": {"algo": "ppo_kl", "adaptive": False, "beta": 0, "row": "no clipping or penalty", "label": "none"},
    "ppo_kl": {"row": "adaptive KL 0.01"},
    "ppo_clip": {"row": "clipping 0.2"},
    "odd": {"algo": "ppo_clip", "epsilon": 0.15},
}


@pytest.fixture(scope="module")
def study():
    entry = {"tasks": ["Hopper"], "seeds": 2, "steps": 1_000_000, "methods": METHODS}
    return make_study("made", entry, read_config(ROOT / "envs.yaml"))


def test_a_method_is_the_row_that_it_says(study):
    assert surrogates(study)["fixed KL 3"] == "fixed"
    labels = {name: method.label for name, method in study.methods.items()}
    assert labels == dict(zip(METHODS, ("fixed KL 3", "none", "adaptive KL 0.01", "clipping 0.2", "odd"), strict=True))
    # arXiv 1707.06347v2, Table 1, in its order.
    assert paper_scores(study) == {"none": -0.39, "ppo_clip": 0.82, "ppo_kl": 0.74, "fixed": 0.72}


def test_the_rows_have_the_names_and_the_order_that_the_paper_prints():
    rows = rows_of_paper()
    assert list(rows)[:4] == ["no clipping or penalty", "clipping 0.1", "clipping 0.2", "clipping 0.3"]
    assert list(rows)[4:8] == ["adaptive KL 0.003", "adaptive KL 0.01", "adaptive KL 0.03", "fixed KL 0.3"]
    assert list(rows)[8:] == ["fixed KL 1", "fixed KL 3", "fixed KL 10"]


@pytest.mark.parametrize(
    "methods",
    [
        {name: METHODS[name] for name in ("ppo_clip", "ppo_kl", "odd")},
        {name: METHODS[name] for name in ("ppo_clip", "ppo_kl", "none")},
    ],
)
def test_table_1_is_promised_where_it_can_be_made(methods):
    entry = {"tasks": ["Hopper"], "seeds": 2, "steps": 1_000_000, "methods": methods}
    study = make_study("made", entry, read_config(ROOT / "envs.yaml"))
    enough = len(paper_scores(study)) >= ROWS_NEEDED
    assert ("table1" in figures_of(study)) == ("table1" in tables_of(study)) == enough == ("none" in methods)


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
    ours = [float(across_tasks.mean(mine[m])) for m in paper]
    assert summary["spearman"][0] == pytest.approx(stats.spearmanr(ours, theirs).statistic)
    drawn = np.stack(
        [across_tasks.mean(across_tasks.resample(mine[m], stream("aggregates", m))) for m in paper], axis=1
    )
    some = [stats.spearmanr(row, theirs).statistic for row in drawn[:1000]]
    assert (summary["low"][0], summary["high"][0]) == pytest.approx(percentile(np.array(some)), abs=0.15)


def test_of_single_runs_no_ordering_is_certain():
    paper = {"a": 0.9, "b": 0.5, "c": 0.1}
    mine = scores(a=0.3, b=0.5, c=0.8)
    mine["b"][1] = mine["b"][1][:1]
    table, orderings, summary = tabulate(paper, mine)
    assert table.set_index("method")[["low", "high"]].isna().all(axis=1).to_dict() == {
        "a": False,
        "b": True,
        "c": False,
    }
    found = orderings.set_index(["better", "worse"])
    assert found["ordering"].to_dict() == {("a", "b"): "open", ("a", "c"): "reversed", ("b", "c"): "open"}
    assert found[["low", "high"]].isna().all(axis=1).tolist() == [True, False, True]
    assert np.isfinite(summary["spearman"][0])
    assert summary[["low", "high"]].isna().all(axis=None)


def test_the_figure_of_single_runs_claims_no_interval(study):
    names = ["none", "ppo_clip", "ppo_kl"]
    table, _, summary = tabulate(paper_scores(study), {name: [np.array([0.1 * i])] for i, name in enumerate(names)})
    runs = pd.DataFrame({"method": names, "status": "finished", "task": "Hopper", "normalised": 0.1})
    with page():
        figure = table1.draw(study, {"runs": runs, "table1": table, "table1_summary": summary})
    assert "Spearman's ρ 0.50" in words(figure), "and no bracket"
    assert "ours, single runs" in words(figure)
    plt.close(figure)


def test_rows_without_runs_are_left_out():
    table, orderings, summary = tabulate({"a": 0.9, "b": 0.5, "c": 0.2}, scores(a=0.8, c=0.1))
    assert table["method"].tolist() == ["a", "c"]
    assert len(orderings) == 1
    assert np.isnan(summary["spearman"][0]), "of two there is no correlation to speak of"
    _, _, summary = tabulate({"a": 0.9, "b": 0.5, "c": 0.2}, {name: [np.ones(2)] for name in "abc"})
    assert np.isnan(summary["spearman"][0]), "all tied"
    empty, orderings, _ = tabulate({"a": 0.9}, {})
    assert empty.empty and orderings.empty
