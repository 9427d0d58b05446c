"""PPO Figure 3: ours in the paper's arrangement, over the paper's own curves.

Runs that diverged count by the rule of ``analysis/data/scores.py``; ``curves.png`` shows where they broke off.
"""

import numpy as np
import pandas as pd

from analysis.data.published import paper_curves
from analysis.data.read import Tables
from analysis.data.scores import whole_curves
from analysis.figures.captions import RETURN, about, counted, lines
from analysis.figures.pyplot import plt
from analysis.figures.style import WIDTH, canvas, floor_of, legend_of, looks, steps_axis
from analysis.statistics.intervals import bootstrap
from study.cells import Study

ABOUT = "Learning curves in the arrangement of the PPO paper's Figure 3, over the paper's where it has them."
COLUMNS = 4  #: as in the paper


def draw(study: Study, tables: Tables) -> plt.Figure:
    """Ours above, the paper's below where it has any of the tasks, each task with one axis for both."""
    runs, curves, paper = tables["runs"], whole_curves(study, tables), paper_curves(study)
    present = [m for m in study.methods if m in curves.index.get_level_values("method")]
    tasks = [task for task in study.tasks if task in curves.index.get_level_values("task")]
    columns = min(COLUMNS, len(tasks))
    rows = -(-len(tasks) // columns)
    blocks = 1 + bool(paper)
    look = looks(study)
    legend, room = legend_of(study, present, runs)
    figure, body = canvas(study, WIDTH, blocks * (1.45 * rows + 0.4) + room)
    figure.get_layout_engine().set(hspace=0.06)
    body.legend(**legend)
    parts = np.atleast_1d(body.subfigures(blocks, 1))
    axes = [part.subplots(rows, columns, squeeze=False).ravel() for part in parts]
    parts[0].suptitle("This study", fontsize=8.5, weight="bold")
    if paper:
        parts[1].suptitle("PPO paper, Figure 3 (tasks -v1)", fontsize=8.5, weight="bold")
    for place, task in enumerate(tasks):
        bounds = []
        for method in present:
            if (task, method) in curves.index:
                bounds += band(axes[0][place], curves.loc[(task, method)], *look[method], 1.2)
        for (where, method), curve in paper.items():
            if where == task:
                colour, line = look[method]
                axes[1][place].plot(curve["timestep"], curve["return_mean"], color=colour, linestyle=line, lw=1.2)
                axes[1][place].fill_between(
                    curve["timestep"], curve["low"], curve["high"], color=colour, alpha=0.15, lw=0
                )
                bounds.append((curve["low"].min(), curve["high"].max()))
        low, high = limits(np.array(bounds), study.tasks[task].random_score)
        for block in axes:
            block[place].set_ylim(low, high)
            block[place].set_title(study.tasks[task].id if block is axes[0] else task, fontsize=8)
            steps_axis(block[place], study.steps)
    for block in axes:
        for place, axis in enumerate(block):
            axis.set_visible(place < len(tasks))
            if place % columns == 0:
                axis.set_ylabel("return")
    for part in parts:
        part.supxlabel("environment steps", fontsize=7.5)
    return figure


def caption(study: Study, tables: Tables) -> str:
    """What is drawn, of how many runs, and what the lines are."""
    runs = tables["runs"]
    return (
        f"Learning curves in the arrangement of Figure 3 of the PPO paper (arXiv 1707.06347). {about(study, runs)} "
        f"{RETURN} {lines(runs)}{counted(runs)}"
    )


def band(axis: plt.Axes, mine: pd.DataFrame, colour: str, line: object, width: float) -> list[tuple[float, float]]:
    """Mean and band of a method's runs (rows); the ends of their range."""
    if mine.isna().any(axis=None):  # a run without a whole episode has no curve
        return []
    mean = mine.mean()
    axis.plot(mean.index, mean, color=colour, linestyle=line, linewidth=width, zorder=3)
    if len(mine) == 1:
        return [(mean.min(), mean.max())]
    low, high = bootstrap(mine.to_numpy())
    axis.fill_between(mean.index, low, high, color=colour, alpha=0.15, linewidth=0)
    return [(low.min(), high.max())]


def limits(bounds: np.ndarray, untrained: float) -> tuple[float, float]:
    """A panel's range: all that is drawn, but for what is far below an untrained policy."""
    if not len(bounds):
        return untrained - 1, untrained + 1
    best = bounds[:, 1].max()
    low, high = max(bounds[:, 0].min(), floor_of(untrained, best)), max(best, untrained)
    room = 0.04 * (high - low or 1)
    return low - room, high + room
