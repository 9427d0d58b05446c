"""Learning curves of a study, in the manner of PPO Figure 3.

One panel a task: the mean over seeds with its interval, a thin line for each seed, and behind them, dashed, the
published curve of the same method where there is one.
"""

import textwrap

import numpy as np
import pandas as pd

from analysis.data.published import paper_curves
from analysis.data.read import Tables
from analysis.figures.captions import RETURN, seeds
from analysis.figures.pyplot import as_written, mpl, plt, sns, theme
from analysis.figures.style import looks
from analysis.statistics.intervals import bootstrap
from study.cells import Study

ABOUT = "Learning curves, seed by seed; behind them the PPO paper's, of the methods it has."

COLUMNS = 4
LEGEND = {"loc": "lower left", "frameon": False, "fontsize": 8}


def colours(study: Study) -> dict[str, str]:
    """A colour per method, the same in every figure; a method added at the end changes no other's."""
    return {name: colour for name, (colour, _) in looks(study).items()}


def draw(study: Study, tables: Tables) -> plt.Figure:
    """The figure, with its caption in it."""
    theme()
    curves, scores = tables["curves"], tables["scores"]
    columns = min(COLUMNS, len(study.tasks))
    rows = -(-len(study.tasks) // columns)
    width = max(3.0 * columns, 7.0)
    paper, colour = paper_curves(study), colours(study)
    handles = _legend(study, scores, colour, bool(paper))
    legend_columns = _legend_columns(handles, width)
    words = textwrap.fill(caption(study, tables), int(16 * width))
    title = textwrap.fill(study.title, int(10 * width))
    above = 0.35 + 0.18 * title.count("\n")
    # Inches: title and legend, panels, caption, each in a room of its own.
    heights = (above + 0.2 * -(-len(handles) // legend_columns), 2.5 * rows, 0.15 + 0.13 * (words.count("\n") + 1))
    figure = plt.figure(figsize=(width, sum(heights)), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=heights)
    top.text(0.01, 1 - above / 2 / heights[0], as_written(title), fontsize=11, weight="bold", va="center")
    top.legend(handles=handles, ncols=legend_columns, **LEGEND)
    bottom.text(0.01, 0.95, as_written(words), fontsize=7, color="0.3", va="top")
    axes = middle.subplots(rows, columns, squeeze=False)
    for axis, task in zip(axes.flat, study.tasks, strict=False):
        _panel(axis, study, task, curves[curves["task"] == task], paper, colour)
    for axis in list(axes.flat)[len(study.tasks) :]:
        axis.set_visible(False)
    return figure


def _panel(axis, study: Study, task: str, curves: pd.DataFrame, paper: dict, colour: dict) -> None:
    for method in study.methods:
        if (task, method) in paper:
            published = paper[task, method]
            style = {"color": colour[method], "linestyle": (0, (4, 2)), "linewidth": 1.1, "alpha": 0.8}
            axis.plot(published["timestep"], published["return_mean"], zorder=1, **style)
    for place, method in enumerate(study.methods):
        mine = curves[curves["method"] == method].pivot(index="step", columns="seed", values="return")
        mine = mine.where(np.isfinite(mine))  # the last return of a run that diverged may be infinite
        axis.plot(mine.index, mine, color=colour[method], linewidth=0.5, alpha=0.45, zorder=2)
        # Later methods are drawn thinner, so that a curve another one covers exactly still shows as its rim.
        thick = 2.6 - 1.4 * place / max(1, len(study.methods) - 1)
        whole = mine.dropna()  # a mean over the seeds that are left when one diverged would flatter
        axis.plot(whole.index, whole.mean(axis=1), color=colour[method], linewidth=thick, zorder=4)
        if mine.shape[1] > 1 and len(whole):
            band = bootstrap(whole.to_numpy().T)
            axis.fill_between(whole.index, *band, color=colour[method], alpha=0.15, linewidth=0, zorder=3)
        for seed in mine:
            last = mine[seed].last_valid_index()
            if last is not None and last < mine.index[-1]:  # the run diverged here
                axis.plot(last, mine.loc[last, seed], "x", color=colour[method], markersize=5, zorder=5)
    if curves["return"].isna().all():
        note = "no whole episode\nwithin the budget"
        axis.text(0.5, 0.5, note, transform=axis.transAxes, ha="center", va="center", fontsize=8, color="0.4")
    axis.set_title(study.tasks[task].id, fontsize=9)
    axis.set_xlim(0, study.steps)
    axis.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))
    axis.set_xlabel("environment steps", fontsize=8)
    axis.set_ylabel("return", fontsize=8)
    axis.tick_params(labelsize=7)
    sns.despine(ax=axis)


def _legend(study: Study, scores: pd.DataFrame, colour: dict, paper: bool) -> list[plt.Line2D]:
    handles = []
    for method in study.methods.values():
        status = scores.loc[scores["method"] == method.name, "status"]
        diverged = (status == "diverged").sum()
        note = f" ({len(status) - diverged}/{len(status)} runs finished)" if diverged else ""
        label = as_written(method.label) + note
        handles.append(plt.Line2D([], [], color=colour[method.name], linewidth=1.6, label=label))
    if paper:
        label = "same colour, dashed: PPO paper, Figure 3"
        handles.append(plt.Line2D([], [], color="0.4", linestyle=(0, (4, 2)), linewidth=1.1, label=label))
    return handles


def _legend_columns(handles: list[plt.Line2D], width: float) -> int:
    """As many columns as fit into ``width`` inches, measured on a figure of its own."""
    figure = plt.figure(figsize=(width, 1))
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(handles=handles, ncols=columns, **LEGEND)
        if legend.get_window_extent().width < (width - 0.2) * figure.dpi:
            break
    plt.close(figure)
    return columns


def caption(study: Study, tables: Tables) -> str:
    """What is drawn, of how many runs, and what these do not have in common."""
    scores, mixed = tables["scores"], tables["mixed"]
    many = scores.groupby(["task", "method"]).size().max() > 1
    band = "Thick: mean over seeds; band, of two seeds or more: 95 % bootstrap interval of it; thin: each seed. "
    text = (
        f"Gymnasium {', '.join(task.id for task in study.tasks.values())}; {seeds(scores)}, {study.steps:,} steps "
        f"each. {band if many else 'Lines: a single seed each. '}{RETURN}"
    )
    if paper_curves(study):
        text += " Dashed: PPO paper (arXiv 1707.06347) Figure 3, on the -v1 versions of the tasks."
    if mixed:
        text += f" Runs that are not of one machine and one set of libraries: {mixed}."
    return text
