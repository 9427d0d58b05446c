"""The PPO paper's Table 1: our rows beside its own, and how the two rank them."""

import numpy as np

from analysis.data.read import Tables
from analysis.figures.captions import about, counted, stratified
from analysis.figures.pyplot import plt, sns
from analysis.figures.style import WIDTH, canvas, drawn_label, looks, nothing
from analysis.statistics.table1 import of_rows
from study.cells import ROWS_NEEDED, Study

ABOUT = "The surrogates of the PPO paper's Table 1, ours and the paper's."
NONE_SHARED = "No task has scores of three rows of the paper's Table 1."
#: How often is in docs/statistics.md, and how it was measured.
CAUTION = (
    "Whether an ordering holds is said of {} pairs, without a correction: of equal methods with 3 seeds 13 to 17 % of "
    "such statements call two different."
)


def wanted(study: Study) -> bool:
    """Of studies with enough rows of Table 1."""
    return study.ranked


def draw(study: Study, tables: Tables) -> plt.Figure:
    """Left the rows, ours and the paper's; right our ranks against the paper's."""
    table, summary = tables["table1"], tables["table1_summary"]
    if len(table) < ROWS_NEEDED:
        return nothing(NONE_SHARED)
    _, runs, _ = of_rows(study, tables["runs"])
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
        bounds = f" ({found['low']:.2f} to {found['high']:.2f})" if np.isfinite(found["low"]) else ""
        words = f"Spearman's ρ {found['spearman']:.2f}{bounds}"
    right.set_title(words.replace("-", "−"), fontsize=7.5)
    right.set(xlabel="rank in the PPO paper (1: best)", ylabel="our rank")
    sns.despine(ax=left, left=True)
    sns.despine(ax=right)
    return figure


def caption(study: Study, tables: Tables) -> str:
    """What is compared, of how many runs, and what the two scales have not in common."""
    table, (tasks, runs, _) = tables["table1"], of_rows(study, tables["runs"])
    return (
        f"The surrogates of the PPO paper's Table 1 (arXiv 1707.06347): mean normalised score over {len(tasks)} tasks, "
        f"and the paper's. {about(study, runs, tasks)} {stratified('Bars', table)} "
        f"{CAUTION.format(len(tables['table1_orderings']))} The paper's tasks are -v1, its scale is set by its own "
        f"best runs.{counted(runs)}"
    )
