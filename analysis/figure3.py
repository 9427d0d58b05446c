"""PPO Figure 3: ours in the paper's arrangement over the paper's own curves, and every cell over every source.

    python -m analysis.figure3 STUDY

Both count runs that diverged by the rule of ``analysis/scores.py``; ``curves.png`` shows where they broke off.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from analysis.curves import interval
from analysis.published import SOURCES, published_curves
from analysis.scores import filled_curves
from analysis.study import folder, main
from analysis.style import (
    BELOW,
    WIDTH,
    columns_that_fit,
    counted,
    finished_label,
    looks,
    page,
    save,
    seeds,
    steps_axis,
    versions,
)
from core.plan import Study

COLUMNS = 4  #: as in the paper

#: A source's line in the overlay: grey, so that ours stands out, and told apart by dashes.
SOURCE_LINES = {
    "ppo_paper": ("0.0", (0, (4, 1.2))),
    "baselines": ("0.25", (0, (1, 1))),
    "spinning_up": ("0.45", (0, (6, 1.2, 1, 1.2))),
    "tianshou": ("0.6", "-"),
}


def draw_figure3(study: Study, runs: pd.DataFrame, curves: pd.DataFrame) -> plt.Figure:
    """Ours above, the paper's below where it has any of the tasks, each task with one axis for both."""
    paper = {key[1:]: curve for key, curve in published_curves(study, SOURCES[:1]).items()}
    present = [m for m in study.methods if m in curves.index.get_level_values("method")]
    tasks = [task for task in study.tasks if task in curves.index.get_level_values("task")]
    columns = min(COLUMNS, len(tasks))
    rows = -(-len(tasks) // columns)
    blocks = 1 + bool(paper)
    look = looks(study)
    handles = [
        Line2D([], [], color=look[m][0], linestyle=look[m][1], linewidth=1.5, label=finished_label(study, m, runs))
        for m in present
    ]
    fit = columns_that_fit([handle.get_label() for handle in handles], WIDTH)
    height = blocks * (1.45 * rows + 0.4) + 0.25 * -(-len(handles) // fit) + 0.1
    figure = plt.figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(hspace=0.06)
    figure.legend(handles=handles, loc="outside upper center", ncols=fit, handlelength=2.6)
    parts = np.atleast_1d(figure.subfigures(blocks, 1))
    axes = [part.subplots(rows, columns, squeeze=False).ravel() for part in parts]
    parts[0].suptitle("This study", fontsize=8.5, weight="bold")
    if paper:
        parts[1].suptitle("PPO paper, Figure 3 (tasks -v1)", fontsize=8.5, weight="bold")
    for place, task in enumerate(tasks):
        bounds = []
        for method in present:
            if (task, method) in curves.index:
                bounds += _ours(axes[0][place], curves.loc[(task, method)], *look[method], 1.2)
        for (where, method), curve in paper.items():
            if where == task and len(within := curve[curve["timestep"] <= study.steps]):
                colour, line = look[method]
                axes[1][place].plot(within["timestep"], within["return_mean"], color=colour, linestyle=line, lw=1.2)
                axes[1][place].fill_between(
                    within["timestep"], within["low"], within["high"], color=colour, alpha=0.15, lw=0
                )
                bounds.append((within["low"].min(), within["high"].max()))
        low, high = _limits(np.array(bounds), study.tasks[task]["random_score"])
        for block in axes:
            block[place].set_ylim(low, high)
            block[place].set_title(study.tasks[task]["id"] if block is axes[0] else task, fontsize=8)
            steps_axis(block[place], study.steps)
    for block in axes:
        for place, axis in enumerate(block):
            axis.set_visible(place < len(tasks))
            if place % columns == 0:
                axis.set_ylabel("return")
    for part in parts:
        part.supxlabel("environment steps", fontsize=7.5)
    return figure


def _ours(axis: plt.Axes, mine: pd.DataFrame, colour: str, line: object, width: float) -> list[tuple[float, float]]:
    """Mean and band of a method's runs (rows); the ends of their range."""
    if mine.isna().any(axis=None):  # a run without a whole episode has no curve
        return []
    mean = mine.mean()
    axis.plot(mean.index, mean, color=colour, linestyle=line, linewidth=width, zorder=3)
    if len(mine) == 1:
        return [(mean.min(), mean.max())]
    low, high = interval(mine.to_numpy())
    axis.fill_between(mean.index, low, high, color=colour, alpha=0.15, linewidth=0)
    return [(low.min(), high.max())]


def _limits(bounds: np.ndarray, untrained: float) -> tuple[float, float]:
    """A panel's range: all that is drawn, but for what is far below an untrained policy."""
    if not len(bounds):
        return untrained - 1, untrained + 1
    high = max(bounds[:, 1].max(), untrained)
    low = max(bounds[:, 0].min(), untrained - BELOW * (high - untrained))
    room = 0.04 * (high - low or 1)
    return low - room, high + room


def draw_overlay(study: Study, runs: pd.DataFrame, curves: pd.DataFrame) -> plt.Figure | None:
    """A row a method, a column a task: ours over every source that has the cell. None where no source has any."""
    published = {key: curve for key, curve in published_curves(study).items() if key[0] in SOURCE_LINES}
    published = {key: c[c["timestep"] <= study.steps] for key, c in published.items()}
    published = {key: c for key, c in published.items() if len(c)}
    methods = [m for m in study.methods if any(key[2] == m for key in published)]
    methods = [m for m in methods if m in curves.index.get_level_values("method")]
    tasks = [task for task in study.tasks if task in curves.index.get_level_values("task")]
    if not methods:
        return None
    look, shown = looks(study), {key[0] for key in published if key[2] in methods and key[1] in tasks}
    handles = [Line2D([], [], color="0.2", linewidth=2.2, label="this study, mean over seeds (method's colour)")]
    for source in SOURCES:
        if source.name in shown:
            colour, line = SOURCE_LINES[source.name]
            versions = sorted({c["version"].iloc[0] for key, c in published.items() if key[0] == source.name})
            label = f"{source.label.split(', last')[0]} ({', '.join(versions)})"
            handles.append(Line2D([], [], color=colour, linestyle=line, linewidth=1.1, label=label))
    width = max(WIDTH, 1.35 * len(tasks))
    fit = columns_that_fit([handle.get_label() for handle in handles], width)
    height = 1.2 * len(methods) + 0.55 + 0.2 * -(-len(handles) // fit)
    figure = plt.figure(figsize=(width, height), layout="constrained")
    figure.legend(handles=handles, loc="outside upper center", ncols=fit, handlelength=3)
    grid = figure.subplots(len(methods), len(tasks), squeeze=False, sharex=True)
    for row, method in enumerate(methods):
        for column, task in enumerate(tasks):
            axis = grid[row, column]
            _cell(axis, study, task, method, curves, published, look[method][0])
            steps_axis(axis, study.steps)
            if row == 0:
                axis.set_title(study.tasks[task]["id"], fontsize=7.5 if len(tasks) < 6 else 6.5)
        grid[row, 0].set_ylabel(finished_label(study, method, runs), fontsize=7, weight="bold")
    figure.supxlabel("environment steps", fontsize=7.5)
    figure.supylabel("return", fontsize=7.5)
    return figure


def _cell(axis, study: Study, task: str, method: str, curves: pd.DataFrame, published: dict, colour: str) -> None:
    bounds = []
    for source in SOURCES:
        curve = published.get((source.name, task, method))
        if curve is not None:
            grey, line = SOURCE_LINES[source.name]
            axis.plot(curve["timestep"], curve["return_mean"], color=grey, linestyle=line, linewidth=1.1, zorder=2)
            bounds.append((curve["return_mean"].min(), curve["return_mean"].max()))
    if (task, method) in curves.index:
        bounds += _ours(axis, curves.loc[(task, method)], colour, "-", 1.8)
    else:
        axis.text(0.5, 0.5, "no run yet", transform=axis.transAxes, ha="center", color="0.4", fontsize=6.5)
    axis.set_ylim(*_limits(np.array(bounds), study.tasks[task]["random_score"]))


def make(study: Study) -> None:
    """Write ``figure3`` and, where a source has any of the cells, ``figure3_overlay``."""
    tables = folder(study.name, "tables")
    runs = pd.read_csv(tables / "runs.csv")
    untrained = {name: task["random_score"] for name, task in study.tasks.items()}
    curves = filled_curves(pd.read_parquet(tables / "curves.parquet"), runs, untrained)
    about = (
        f"{versions(study)}; {seeds(runs)}, {study.steps:,} steps each. Return: raw, of training episodes that ended "
        f"in the last 2 % of the budget. Line: mean over seeds; band: 95 % bootstrap interval of it.{counted(runs)}"
    )
    with page():
        caption = f"Learning curves in the arrangement of Figure 3 of the PPO paper (arXiv 1707.06347). {about}"
        save(draw_figure3(study, runs, curves), study, "figure3", caption)
        overlay = draw_overlay(study, runs, curves)
        if overlay is not None:
            caption = f"Every method over every published source of its cell, versions of tasks in brackets. {about}"
            save(overlay, study, "figure3_overlay", caption)


if __name__ == "__main__":
    main(make)
