"""The PPO paper's Table 1: our rows beside its own, how the two rank them, and which of its orderings hold here.

The score is the paper's (section 6.1): a run's mean return over the last 100 episodes, an untrained policy 0 and the
best run of a task 1, the mean over runs of all tasks. An ordering holds or is reversed
where the interval of our difference excludes 0, else it is open. These intervals are not corrected for how many there
are (``docs/statistics.md`` has how often they err), and of single runs there are none. What the untrained policy and
the best run scored in the paper is not printed: normalised scores of two studies are on scales that are alike, not the
same.
"""

import numpy as np
import pandas as pd
from scipy import stats

from analysis.data.read import Tables
from analysis.statistics import across_tasks
from analysis.statistics.intervals import percentile, stream
from analysis.statistics.tables import shared, with_counts
from study.cells import Study
from study.table1 import rows, surrogates

TABLES = {
    "table1": "Each row of the PPO paper's Table 1: our score with its interval, and the paper's.",
    "table1_orderings": "Each pair of rows that the paper tells apart: whether its ordering holds here.",
    "table1_summary": "Rank correlation with the paper's Table 1, and how many orderings hold.",
}


def wanted(study: Study) -> bool:
    """Of studies with enough rows of Table 1."""
    return study.ranked


def paper_scores(study: Study) -> dict[str, float]:
    """The paper's score of each method that is one of its rows, in the paper's order."""
    mine = surrogates(study)
    return {mine[name]: row.score for name, row in rows().items() if name in mine}


def tabulate(paper: dict[str, float], scores: dict[str, across_tasks.Scores]) -> tuple[pd.DataFrame, ...]:
    """The three tables, from the paper's score and our normalised scores of each method."""
    methods = [method for method in paper if method in scores]
    drawn = {m: across_tasks.mean(across_tasks.resample(scores[m], stream("aggregates", m))) for m in methods}
    ours = {m: float(across_tasks.mean(scores[m])) for m in methods}
    rows = [(m, ours[m], *percentile(drawn[m], across_tasks.several(scores[m])), paper[m]) for m in methods]
    table = pd.DataFrame(rows, columns=["method", "ours", "low", "high", "paper"])
    table["rank"], table["paper_rank"] = (table[c].rank(ascending=False) for c in ("ours", "paper"))
    orderings = []
    for better in methods:
        for worse in methods:
            if paper[better] > paper[worse]:
                known = across_tasks.several(scores[better], scores[worse])
                low, high = percentile(drawn[better] - drawn[worse], known)
                found = "holds" if low > 0 else "reversed" if high < 0 else "open"
                pair = (better, worse, paper[better] - paper[worse], ours[better] - ours[worse], low, high, found)
                orderings.append(pair)
    columns = ["better", "worse", "paper_difference", "difference", "low", "high", "ordering"]
    return table, pd.DataFrame(orderings, columns=columns), _summary(paper, scores, ours, drawn, orderings)


def _summary(paper: dict, scores: dict, ours: dict, drawn: dict, orderings: list) -> pd.DataFrame:
    methods = list(ours)
    rho = low = high = np.nan
    if len(methods) > 2:
        theirs = np.array([paper[m] for m in methods])
        found = _rank_correlations(np.array([[ours[m] for m in methods]]), theirs)
        samples = _rank_correlations(np.stack([drawn[m] for m in methods], axis=1), theirs)
        if len(found) and len(samples):
            rho, (low, high) = found[0], percentile(samples, across_tasks.several(*(scores[m] for m in methods)))
    count = pd.Series([pair[-1] for pair in orderings], dtype=object).value_counts()
    same = sum(pair[3] > 0 for pair in orderings)
    row = {"rows": len(methods), "spearman": rho, "low": low, "high": high, "orderings": len(orderings), "same": same}
    return pd.DataFrame([row | {name: int(count.get(name, 0)) for name in ("holds", "reversed", "open")}])


def _rank_correlations(samples: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Spearman's of each replicate (row) with ``fixed``: Pearson's of ranks. Without replicates that are all tied."""
    ranks, other = stats.rankdata(samples, axis=1), stats.rankdata(fixed)
    ranks, other = ranks - ranks.mean(axis=1, keepdims=True), other - other.mean()
    norms = np.sqrt((ranks**2).sum(axis=1) * (other**2).sum())
    return (ranks @ other)[norms > 0] / norms[norms > 0]


def of_rows(study: Study, runs: pd.DataFrame) -> tuple[list[str], pd.DataFrame, dict[str, across_tasks.Scores]]:
    """The tasks that all rows of the study share, the runs of these rows on them, and their scores."""
    mine = runs[runs["method"].isin(paper_scores(study))]
    tasks, scores = shared(study, mine)
    return tasks, mine[mine["task"].isin(tasks)] if tasks else mine, scores


def make(study: Study, tables: Tables) -> dict[str, pd.DataFrame]:
    """The tables, from those of ``analysis/data/tables.py``."""
    _, runs, scores = of_rows(study, tables["runs"])
    table, orderings, summary = tabulate(paper_scores(study), scores)
    return {
        "table1": with_counts(table, runs, "method"),
        "table1_orderings": with_counts(orderings, runs, "better", "worse"),
        "table1_summary": summary.assign(runs=len(runs), finished=int((runs["status"] == "finished").sum())),
    }
