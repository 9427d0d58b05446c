"""Every cell of a study over every published source of it: a row a method, a column a task."""

import numpy as np
import pandas as pd

from analysis.data.published import curves_within, sources
from analysis.data.read import Tables
from analysis.data.scores import whole_curves
from analysis.figures.captions import about, counted, lines
from analysis.figures.figure3 import band, limits
from analysis.figures.pyplot import plt
from analysis.figures.style import WIDTH, canvas, columns_that_fit, drawn_label, looks, nothing, steps_axis
from analysis.figures.verdict import NONE, unlike
from study.cells import Study

ABOUT = "Each method on each task over every published source of that cell."

#: Lines of sources: grey, so that ours stands out, and told apart by dashes.
GREYS = [
    ("0.0", (0, (4, 1.2))),
    ("0.25", (0, (1, 1))),
    ("0.45", (0, (6, 1.2, 1, 1.2))),
    ("0.6", "-"),
    ("0.15", (0, (8, 2, 1, 2, 1, 2))),
    ("0.35", (0, (2, 2))),
]


def source_lines() -> dict[str, tuple[str, object]]:
    """Grey and dashes of each source that has curves, by its name."""
    shown = [source.name for source in sources() if source.curves and not source.part_of]
    return {name: GREYS[place % len(GREYS)] for place, name in enumerate(shown)}


def wanted(study: Study) -> bool:
    """Of studies that are compared with published ones."""
    return study.published


def draw(study: Study, tables: Tables) -> plt.Figure:
    """A row a method, a column a task: ours over every source that has the cell."""
    runs, curves = tables["runs"], whole_curves(study, tables)
    grey = source_lines()
    published = curves_within(study, [source for source in sources() if source.name in grey])
    methods = [m for m in study.methods if any(key[2] == m for key in published)]
    methods = [m for m in methods if m in curves.index.get_level_values("method")]
    tasks = [task for task in study.tasks if task in curves.index.get_level_values("task")]
    if not methods:
        return nothing(NONE)
    look, shown = looks(study), {key[0] for key in published if key[2] in methods and key[1] in tasks}
    handles = [plt.Line2D([], [], color="0.2", linewidth=2.2, label="this study, mean over seeds (method's colour)")]
    for source in sources():
        if source.name in shown:
            colour, line = grey[source.name]
            versions = sorted({c["version"].iloc[0] for key, c in published.items() if key[0] == source.name})
            label = f"{source.label.split(', last')[0]} ({', '.join(versions)})"
            handles.append(plt.Line2D([], [], color=colour, linestyle=line, linewidth=1.1, label=label))
    width = max(WIDTH, 1.35 * len(tasks))
    fit = columns_that_fit([handle.get_label() for handle in handles], width)
    height = 1.2 * len(methods) + 0.55 + 0.2 * -(-len(handles) // fit)
    figure, body = canvas(study, width, height)
    body.legend(handles=handles, loc="outside upper center", ncols=fit, handlelength=3)
    grid = body.subplots(len(methods), len(tasks), squeeze=False, sharex=True)
    for row, method in enumerate(methods):
        for column, task in enumerate(tasks):
            axis = grid[row, column]
            _cell(axis, study, task, method, curves, published, look[method][0])
            steps_axis(axis, study.steps)
            if row == 0:
                axis.set_title(study.tasks[task].id, fontsize=7.5 if len(tasks) < 6 else 6.5)
        grid[row, 0].set_ylabel(drawn_label(study, method, runs), fontsize=7, weight="bold")
    body.supxlabel("environment steps", fontsize=7.5)
    body.supylabel("return", fontsize=7.5)
    return figure


def caption(study: Study, tables: Tables) -> str:
    """What is drawn, of how many runs, and which sources have returns of another kind."""
    runs = tables["runs"]
    return (
        "Every method over every published source of its cell, the versions of the source's tasks in brackets. "
        f"In colour this study. {lines(runs)}{unlike(tables['verdict'], source_lines())} {about(study, runs)}"
        f"{counted(runs)}"
    )


def _cell(axis, study: Study, task: str, method: str, curves: pd.DataFrame, published: dict, colour: str) -> None:
    bounds = []
    for source, (grey, line) in source_lines().items():
        curve = published.get((source, task, method))
        if curve is not None:
            axis.plot(curve["timestep"], curve["return_mean"], color=grey, linestyle=line, linewidth=1.1, zorder=2)
            bounds.append((curve["return_mean"].min(), curve["return_mean"].max()))
    if (task, method) in curves.index:
        bounds += band(axis, curves.loc[(task, method)], colour, "-", 1.8)
    else:
        axis.text(0.5, 0.5, "no run yet", transform=axis.transAxes, ha="center", color="0.4", fontsize=6.5)
    axis.set_ylim(*limits(np.array(bounds), study.tasks[task].random_score))
