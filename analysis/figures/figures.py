"""Figures of a study's statistics, from the tables of ``analysis/statistics/tables.py``.

    python -m analysis.figures.figures STUDY

``figure3``       learning curves, over the PPO paper's Figure 3
``aggregates``    IQM, median, mean and optimality gap of each method, with intervals
``profiles``      performance profiles, and the sample-efficiency curves
``improvement``   probabilities of improvement, and the ranking with its uncertainty
``cost``          return against wall time, a panel a task
"""

import numpy as np
import pandas as pd

from analysis.data.runs import folder, main
from analysis.data.scores import read
from analysis.figures import figure3
from analysis.figures.pyplot import plt, sns
from analysis.figures.style import (
    BELOW,
    RETURN,
    WIDTH,
    canvas,
    counted,
    drawn_label,
    floor_of,
    legend_of,
    lines,
    looks,
    nothing,
    page,
    save,
    seeds,
    steps_axis,
    stratified,
    versions,
)
from analysis.statistics import across_tasks
from analysis.statistics.tables import shared
from study.plan import Study

NONE_SHARED = "No task has scores of every method: nothing to compare across tasks."
TITLES = {"iqm": "IQM", "median": "median", "mean": "mean", "optimality_gap": "gap to 1 (less is better)"}


def draw_aggregates(study: Study, runs: pd.DataFrame, aggregates: pd.DataFrame) -> plt.Figure:
    """A panel a statistic, a row a method, the best IQM on top."""
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


def draw_profiles(study: Study, runs: pd.DataFrame, profiles: pd.DataFrame, efficiency: pd.DataFrame) -> plt.Figure:
    """Left the profiles, right the sample-efficiency curves."""
    methods, look = list(dict.fromkeys(profiles["method"])), looks(study)
    legend, room = legend_of(study, methods, runs)
    figure, body = canvas(study, WIDTH, 2.4 + room)
    body.legend(**legend)
    left, right = body.subplots(1, 2)
    for axis, table, x, y in ((left, profiles, "threshold", "share"), (right, efficiency, "step", "iqm")):
        for method in methods:
            mine, (colour, line) = table[table["method"] == method], look[method]
            where = "steps-post" if x == "threshold" else "default"
            axis.plot(mine[x], mine[y], color=colour, linestyle=line, linewidth=1.3, drawstyle=where, zorder=3)
            step = "post" if x == "threshold" else None
            axis.fill_between(mine[x], mine["low"], mine["high"], step=step, color=colour, alpha=0.12, linewidth=0)
    left.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="normalised score τ", ylabel="share of runs with a score above τ")
    steps_axis(right, study.steps)
    right.set(xlabel="environment steps", ylabel="IQM of normalised returns")
    low = efficiency[["iqm", "low"]].min(axis=None)  # single runs have no interval
    right.set_ylim(max(low, -BELOW) - 0.02, None)
    sns.despine(ax=left)
    return figure


def draw_improvement(study: Study, runs: pd.DataFrame, improvement: pd.DataFrame, ranking: pd.DataFrame) -> plt.Figure:
    """Left, row against column, the probability of improvement; right the probability of each rank."""
    methods = list(ranking["method"])
    labels = [drawn_label(study, m, runs) for m in methods]
    size = 0.3 * len(methods)
    figure, body = canvas(study, WIDTH, max(1.6, size) + 1.15)
    left, right = body.subplots(1, 2, sharey=True)
    chance = improvement.set_index(["a", "b"])
    grid = np.full((len(methods), len(methods)), np.nan)
    for row, a in enumerate(methods):
        for column, b in enumerate(methods):
            if a != b:
                value, low, high = chance.loc[(a, b), ["probability", "low", "high"]]
                grid[row, column] = value
                clear = low > 0.5 or high < 0.5
                _word(left, column, row, f"{value:.2f}".lstrip("0"), abs(value - 0.5) > 0.3, clear)
    edges = np.arange(len(methods) + 1) - 0.5
    left.pcolormesh(edges, edges, grid, cmap="PuOr_r", vmin=0, vmax=1, linewidth=0)
    left.set_title("probability that the row's method beats the column's")
    left.set_xticks(range(len(methods)), labels, rotation=45, ha="right", rotation_mode="anchor", fontsize=6.5)
    left.set_yticks(range(len(methods)), labels, fontsize=7)
    known = ranking["low"].notna().all()
    chances = ranking[[f"p{i + 1}" for i in range(len(methods))]].to_numpy()
    places = chances if known else across_tasks.ranks(ranking[["iqm"]].to_numpy().T)[1]
    right.pcolormesh(edges, edges, places, cmap="Greys", vmin=0, vmax=1.2, linewidth=0)
    right.invert_yaxis()  # and with it the other's, which shares it: the first method on top
    for row, column in zip(*np.nonzero(places >= 0.005), strict=True):
        text = f"{100 * places[row, column]:.0f}" if known else ""
        _word(right, column, row, text, places[row, column] > 0.6, False)
    right.set_title("probability of each rank by IQM, %" if known else "rank by IQM (single runs: not how sure)")
    right.set_xticks(range(len(methods)), range(1, len(methods) + 1))
    right.set_xlabel("rank")
    for axis in (left, right):
        axis.tick_params(length=0)
        sns.despine(ax=axis, left=True, bottom=True)
    return figure


def _word(axis: plt.Axes, x: int, y: int, text: str, on_dark: bool, bold: bool) -> None:
    weight, colour = "bold" if bold else "normal", "white" if on_dark else "0.1"
    axis.text(x, y, text, ha="center", va="center", fontsize=6.3, weight=weight, color=colour)


def draw_cost(study: Study, runs: pd.DataFrame, curves: pd.DataFrame) -> plt.Figure:
    """A panel a task: each method's mean curve over its median wall time, and every run's score at its end."""
    tasks = [task for task in study.tasks if task in set(runs["task"])]
    methods, look = [m for m in study.methods if m in set(runs["method"])], looks(study)
    columns = min(4, len(tasks))
    rows = -(-len(tasks) // columns)
    legend, room = legend_of(study, methods, runs)
    figure, body = canvas(study, WIDTH, 1.5 * rows + 0.25 + room)
    body.legend(**legend)
    grid = body.subplots(rows, columns, squeeze=False).ravel()
    for axis, task in zip(grid, tasks, strict=False):
        here = runs[runs["task"] == task]
        untrained, best = study.tasks[task].random_score, here["last_100"].max()
        for method in methods:
            mine, (colour, line) = here[here["method"] == method], look[method]
            if mine.empty or mine["wall_seconds"].isna().any():
                continue
            mean = curves.loc[(task, method)].mean()
            whole = mine[mine["status"] == "finished"]
            minutes = (whole if len(whole) else mine)["wall_seconds"].median() / 60
            axis.plot(mean.index / study.steps * minutes, mean, color=colour, linestyle=line, linewidth=1.1)
            axis.plot(mine["wall_seconds"] / 60, mine["last_100"], "o", color=colour, markersize=2.6, alpha=0.8)
        floor = floor_of(untrained, best)
        if axis.get_ylim()[0] < floor:
            axis.set_ylim(bottom=floor)
        axis.set_xlim(left=0)
        axis.set_title(study.tasks[task].id, fontsize=8)
        sns.despine(ax=axis)
    for place, axis in enumerate(grid):
        axis.set_visible(place < len(tasks))
    body.supxlabel("wall time of a run, minutes", fontsize=7.5)
    body.supylabel("return", fontsize=7.5)
    return figure


def make(study: Study) -> None:
    """Write the figures."""
    runs, curves = read(study)
    names = ("aggregates", "profiles", "efficiency", "improvement", "ranking")
    table = {name: pd.read_csv(folder(study.name, "tables") / f"{name}.csv") for name in names}
    about = f"{versions(study)}; {seeds(runs)}, {study.steps:,} steps each."
    tasks, _ = shared(study, runs)
    across_tasks = runs[runs["task"].isin(tasks)] if tasks else runs
    scores = (
        f"{versions(study, tasks)}; {seeds(across_tasks)}, {study.steps:,} steps each. Scores: mean return of the last "
        f"100 training episodes, 0 for an untrained policy and 1 for the best run of a task.{counted(across_tasks)}"
    )
    more = len(table["ranking"]) > 1
    with page():
        caption = (
            f"Learning curves in the arrangement of Figure 3 of the PPO paper (arXiv 1707.06347). {about} {RETURN} "
            f"{lines(runs)}{counted(runs)}"
        )
        save(figure3.draw(study, runs, curves), study, "figure3", caption)
        if len(table["ranking"]):
            aggregates = draw_aggregates(study, across_tasks, table["aggregates"])
            profiles = draw_profiles(study, across_tasks, table["profiles"], table["efficiency"])
        else:
            aggregates, profiles = nothing(NONE_SHARED), nothing(NONE_SHARED)
        caption = f"Aggregate scores across tasks. {stratified('Bars', table['aggregates'])} {scores}"
        save(aggregates, study, "aggregates", caption)
        bands = stratified("Bands, at each point", table["profiles"])
        caption = f"Left: performance profiles. Right: sample efficiency. {bands} {scores}"
        save(profiles, study, "profiles", caption)
        caption = (
            f"Left: probability that a run of the row's method beats one of the column's on the same task, mean over "
            f"tasks; bold: its interval excludes one half. Right: rank by IQM"
            f"{' over bootstrap replicates' * bool(table['ranking']['low'].notna().all())}. {scores}"
        )
        improvement = draw_improvement(study, across_tasks, table["improvement"], table["ranking"]) if more else None
        save(improvement or nothing("No two methods to compare."), study, "improvement", caption)
        caption = (
            f"Return against wall time. Dots: runs, the score at their end; lines: mean curve, the median time shared "
            f"evenly among the steps. Times are as measured, of runs side by side too. {about}{counted(runs)}"
        )
        save(draw_cost(study, runs, curves), study, "cost", caption)


if __name__ == "__main__":
    main(make)
