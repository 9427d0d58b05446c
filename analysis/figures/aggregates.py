"""Aggregate scores across tasks: a panel a statistic, a row a method, the best IQM on top."""

from analysis.data.read import Tables
from analysis.figures.captions import NONE_SHARED, across, compared, stratified
from analysis.figures.pyplot import plt, sns
from analysis.figures.style import WIDTH, canvas, drawn_label, looks, nothing
from study.cells import Study

ABOUT = "Aggregate scores of each method across tasks."
TITLES = {"iqm": "IQM", "median": "median", "mean": "mean", "optimality_gap": "gap to 1 (less is better)"}


def draw(study: Study, tables: Tables) -> plt.Figure:
    """The figure."""
    aggregates, (_, runs) = tables["aggregates"], compared(study, tables)
    if aggregates.empty:
        return nothing(NONE_SHARED)
    iqm = aggregates[aggregates["statistic"] == "iqm"].sort_values("value", kind="stable")
    methods, look = list(iqm["method"]), looks(study)
    figure, body = canvas(study, WIDTH, 0.62 + 0.2 * len(methods))
    panels = body.subplots(1, len(TITLES), sharey=True)
    for axis, (statistic, title) in zip(panels, TITLES.items(), strict=True):
        mine = aggregates[aggregates["statistic"] == statistic].set_index("method")
        for row, method in enumerate(methods):
            value, low, high = mine.loc[method, ["value", "low", "high"]]
            axis.plot([low, high], [row, row], color=look[method][0], linewidth=4, alpha=0.45, solid_capstyle="butt")
            axis.plot(value, row, "|", color="0.0", markersize=7, markeredgewidth=1.2)
        axis.set_title(title)
        axis.grid(axis="x", linewidth=0.4, color="0.88")
        axis.tick_params(axis="y", length=0)
        sns.despine(ax=axis, left=True)
    panels[0].set_yticks(range(len(methods)), [drawn_label(study, m, runs) for m in methods], fontsize=7.5)
    panels[0].set_ylim(-0.6, len(methods) - 0.4)
    body.supxlabel("normalised score (0: untrained policy, 1: best run)", fontsize=7.5)
    return figure


def caption(study: Study, tables: Tables) -> str:
    """Which scores, and what the bars are."""
    return f"Aggregate scores across tasks. {stratified('Bars', tables['aggregates'])} {across(study, tables)}"
