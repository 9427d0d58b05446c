"""The PPO paper's Table 1: our rows beside its own, how the two rank them, and which of its orderings hold here.

    python -m analysis.statistics.table1 STUDY

``table1.csv``             a row a surrogate: our mean normalised score with its interval, and the paper's
``table1_orderings.csv``   a row a pair that the paper tells apart: ``holds``, ``reversed`` or ``open``
``table1_summary.csv``     Spearman's rank correlation with its interval, and how many orderings hold

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

from analysis.data.products import ROWS_NEEDED
from analysis.data.runs import folder, main
from analysis.figures.pyplot import plt, sns
from analysis.figures.style import (
    WIDTH,
    canvas,
    counted,
    drawn_label,
    looks,
    nothing,
    page,
    save,
    seeds,
    stratified,
    versions,
)
from analysis.statistics import across_tasks
from analysis.statistics import tables as statistics
from analysis.statistics.intervals import percentile, stream
from core.errors import UsageError
from study.plan import Study
from study.published import surrogates, table1_rows

NONE_SHARED = "No task has scores of three rows of the paper's Table 1."
#: How often is in docs/statistics.md, and how it was measured.
CAUTION = (
    "Whether an ordering holds is said of {} pairs, without a correction: of equal methods with 3 seeds 13 to 17 % of "
    "such statements call two different."
)


def paper_scores(study: Study) -> dict[str, float]:
    """The paper's score of each method that is one of its rows, in the paper's order."""
    mine = surrogates(study)
    return {mine[row]: score for row, score in table1_rows().items() if row in mine}


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


def draw(study: Study, runs: pd.DataFrame, table: pd.DataFrame, summary: pd.DataFrame) -> plt.Figure:
    """Left the rows, ours and the paper's; right our ranks against the paper's."""
    look, names = looks(study), list(table["method"])
    figure, body = canvas(study, WIDTH, 0.75 + 0.2 * max(len(names), 9))
    left, right = body.subplots(1, 2, width_ratios=(1.6, 1))
    for row, mine in enumerate(table.itertuples()):
        colour = look[mine.method][0]
        left.plot([mine.low, mine.high], [row, row], color=colour, linewidth=4, alpha=0.45, solid_capstyle="butt")
        left.plot(mine.ours, row, "|", color="0.0", markersize=7, markeredgewidth=1.2)
        left.plot(mine.paper, row, "D", color="white", markeredgecolor="0.0", markersize=4, markeredgewidth=0.9)
        right.plot(mine.paper_rank, mine.rank, "o", color=colour, markersize=5)
    labels = [drawn_label(study, method, runs) for method in names]
    left.set_yticks(range(len(names)), labels)
    left.set_ylim(len(names) - 0.4, -0.6)
    if table["low"].notna().any():
        left.plot([], [], color="0.5", linewidth=4, alpha=0.45, label="ours, 95 % interval")
    else:
        left.plot([], [], "|", color="0.0", markersize=7, markeredgewidth=1.2, label="ours, single runs")
    left.plot([], [], "D", color="white", markeredgecolor="0.0", markersize=4, label="PPO paper, Table 1")
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    left.set_xlabel("mean normalised score (0: untrained policy, 1: best run)")
    left.grid(axis="x", linewidth=0.4, color="0.88")
    left.tick_params(axis="y", length=0)
    ends = [1, len(names)]
    right.plot(ends, ends, color="0.7", linewidth=0.8, zorder=0)
    right.set(xlim=(len(names) + 0.5, 0.5), ylim=(len(names) + 0.5, 0.5), xticks=ends, yticks=ends)
    found = summary.iloc[0]
    words = "no rank correlation: all tied"
    if np.isfinite(found["spearman"]):
        ends = f" ({found['low']:.2f} to {found['high']:.2f})" if np.isfinite(found["low"]) else ""
        words = f"Spearman's ρ {found['spearman']:.2f}{ends}"
    right.set_title(words.replace("-", "−"), fontsize=7.5)
    right.set(xlabel="rank in the PPO paper (1: best)", ylabel="our rank")
    sns.despine(ax=left, left=True)
    sns.despine(ax=right)
    return figure


def make(study: Study) -> None:
    """Write the tables and the figure."""
    paper = paper_scores(study)
    if len(paper) < ROWS_NEEDED:
        raise UsageError(f"studies.yaml: {study.name}: fewer than three of its methods are rows of the paper's Table 1")
    out = folder(study.name, "tables")
    runs = pd.read_csv(out / "runs.csv")
    runs = runs[runs["method"].isin(paper)]
    tasks, scores = statistics.shared(study, runs)
    runs = runs[runs["task"].isin(tasks)] if tasks else runs
    table, orderings, summary = tabulate(paper, scores)
    table = statistics.with_counts(table, runs, "method")
    orderings = statistics.with_counts(orderings, runs, "better", "worse")
    summary = summary.assign(runs=len(runs), finished=int((runs["status"] == "finished").sum()))
    for name, frame in (("table1", table), ("table1_orderings", orderings), ("table1_summary", summary)):
        frame.to_csv(out / f"{name}.csv", index=False, float_format="%.6g")
    print(summary.round(3).to_string(index=False))
    caption = (
        f"The surrogates of the PPO paper's Table 1 (arXiv 1707.06347): mean normalised score over {len(tasks)} tasks, "
        f"and the paper's. {versions(study, tasks)}; {seeds(runs)}, {study.steps:,} steps each. "
        f"{stratified('Bars', table)} {CAUTION.format(len(orderings))} The paper's tasks are -v1, its scale is set by "
        f"its own best runs.{counted(runs)}"
    )
    with page():
        figure = draw(study, runs, table, summary) if len(table) > 2 else nothing(NONE_SHARED)
        save(figure, study, "table1", caption)


if __name__ == "__main__":
    main(make)
