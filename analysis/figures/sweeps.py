"""A study of step sizes: the score against an option's value, and against the KL that the updates made.

Above, a row a task and a column a line, each with its own unit; below, all lines over the KL.
"""

import textwrap

import numpy as np
import pandas as pd

from analysis.data.read import Tables
from analysis.figures.pyplot import as_written, plt, sns, theme
from analysis.figures.style import floor_of
from study.cells import Study

ABOUT = "Scores against step sizes, and against the KL of the updates."

#: What the axis of the KL shows; a KL outside (also a negative one, by rounding) is drawn at its end.
KL_RANGE = 1e-6, 1e2


def wanted(study: Study) -> bool:
    """Of studies with a sweep."""
    return study.sweeps


def draw(study: Study, tables: Tables) -> plt.Figure:
    """The figure, with its caption in it."""
    theme()
    table = tables["sweeps"]
    lines = table.drop_duplicates("line").set_index("line").loc[list(study.swept)]
    palette = [sns.color_palette("colorblind", 10)[i] for i in (0, 1, 2, 3, 4, 7, 9, 5, 8, 6)]  # the pale ones last
    colour = {line: palette[i % len(palette)] for i, line in enumerate(lines.index)}
    tasks = list(study.tasks)
    width = max(1.75 * len(lines), 3.4 * len(tasks), 7.0)
    words = textwrap.fill(caption(study, tables), int(15 * width))
    # Inches: title, own units, legend, KL, caption, each in a room of its own.
    heights = (0.4, 1.75 * len(tasks), 0.2 + 0.2 * -(-len(lines) // 4), 3.0, 0.2 + 0.15 * (words.count("\n") + 1))
    figure = plt.figure(figsize=(width, sum(heights)), layout="constrained")
    top, own, legend, common, bottom = figure.subfigures(5, 1, height_ratios=heights)
    top.text(0.01, 0.5, as_written(study.title), fontsize=12, weight="bold", va="center")
    bottom.text(0.01, 0.95, as_written(words), fontsize=8, color="0.3", va="top")
    grid = own.subplots(len(tasks), len(lines), sharey="row", sharex="col", squeeze=False)
    wide = common.subplots(1, len(tasks), squeeze=False)[0]
    for row, task in enumerate(tasks):
        here = table[table["task"] == task]
        untrained, best = study.tasks[task].random_score, here["score"].max()
        floor = floor_of(untrained, best)
        bottom = max(floor, here["score"].min())
        room = 0.05 * (best - bottom or 1)
        for column, line in enumerate(lines.index):
            _panel(grid[row, column], here[here["line"] == line], "value", colour[line], floor)
            _panel(wide[row], here[here["line"] == line], "kl", colour[line], floor)
        for axis in (*grid[row], wide[row]):
            axis.set_ylim(bottom - room, best + room)
        grid[row, 0].set_ylabel(f"{study.tasks[task].id}\nreturn", fontsize=8)
        wide[row].set_xlim(KL_RANGE[0] / 2, KL_RANGE[1] * 2)
        wide[row].set_title(study.tasks[task].id, fontsize=9)
        wide[row].set_xlabel("mean KL of an update (nats)", fontsize=8)
        wide[row].set_ylabel("return", fontsize=8)
    for column, (line, about) in enumerate(lines.iterrows()):
        grid[0, column].set_title(as_written(about["label"]), fontsize=9, color=colour[line])
        grid[-1, column].set_xlabel(about["option"], fontsize=8)
    named = [as_written(f"{about['label']}: {about['option']}") for _, about in lines.iterrows()]
    handles = [
        plt.Line2D([], [], color=colour[line], marker="o", markersize=4, label=name)
        for line, name in zip(lines.index, named, strict=True)
    ]
    legend.legend(handles=handles, ncols=4, frameon=False, fontsize=8, loc="center left")
    return figure


def _panel(axis, runs: pd.DataFrame, x: str, colour: tuple, floor: float) -> None:
    """Each run as a dot, at the foot where it is below ``floor`` or diverged, and the means of values as a line."""
    if x == "kl":
        runs = runs.dropna(subset="kl").assign(kl=runs["kl"].clip(*KL_RANGE))
    whole = runs[runs["status"] == "finished"]
    axis.plot(whole[x], whole["score"], "o", color=colour, markersize=3, alpha=0.5, markeredgewidth=0)
    all_finished = whole.groupby("value").filter(lambda group: len(group) == (runs["value"] == group.name).sum())
    mean = all_finished.groupby("value")[[x, "score"]].agg({x: _middle, "score": "mean"} if x == "kl" else "mean")
    axis.plot(mean[x], mean["score"], color=colour, linewidth=1.3)
    for lost, marker in ((runs[runs["status"] != "finished"], "x"), (whole[whole["score"] < floor], "v")):
        if len(lost):  # without points, a line that is not clipped upsets the layout
            foot = axis.get_xaxis_transform()
            axis.plot(lost[x], [0.03] * len(lost), marker, color=colour, markersize=4, transform=foot, clip_on=False)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(plt.LogLocator(numticks=6))
    axis.xaxis.set_minor_locator(plt.NullLocator())
    axis.tick_params(labelsize=7)
    sns.despine(ax=axis)


def _middle(values: pd.Series) -> float:
    """Geometric mean: the axis is logarithmic."""
    return float(np.exp(np.log(values).mean()))


def _seeds(table: pd.DataFrame) -> str:
    """How many seeds there are of each value and task: one number, or from … to where not all are done."""
    counts = table.groupby(["task", "line", "value"]).size()
    few, many = counts.min(), counts.max()
    if few < many:
        return f"{few} to {many} seeds"
    return f"{many} seeds" if many > 1 else "1 seed"


def caption(study: Study, tables: Tables) -> str:
    """What is drawn, of how many runs, and how many of them diverged."""
    table, mixed = tables["sweeps"], tables["mixed"]
    diverged = (table["status"] == "diverged").sum()
    text = (
        f"Gymnasium {', '.join(task.id for task in study.tasks.values())}; {_seeds(table)} of each, "
        f"{study.steps:,} steps each. Dots: runs, the mean raw return of the last 100 training episodes; lines: mean "
        f"over seeds. Below, the same runs over the mean KL(old ‖ new) of their updates (beyond the ends: at the end), "
        f"lines in order of the step size. At the foot, triangles: runs far below the score of the untrained policy; "
        f"crosses: {diverged} of {len(table)} runs, which diverged."
    )
    if mixed:
        text += f" Runs that are not of one machine and one set of libraries: {mixed}."
    return text
