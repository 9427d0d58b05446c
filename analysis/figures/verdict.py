"""The verdict as a map: a panel a source, a row a method, a column a task. Its rule: analysis/statistics/verdict.py."""

import re
from collections.abc import Iterable

import pandas as pd

from analysis.data.published import ours_is
from analysis.data.published import sources as all_sources
from analysis.data.read import Tables
from analysis.data.words import rounded
from analysis.figures.captions import about, counted
from analysis.figures.pyplot import mpl, plt
from analysis.figures.style import WIDTH, canvas, drawn_label, nothing
from analysis.statistics.verdict import make
from study.cells import Study

ABOUT = "Our return beside each published source's, and whether they agree."
NONE = "No published source has a cell of this study."

#: Told apart by colour-blind eyes, and by lightness in grey; a sign says it as well.
COLOURS = {"above": "#7FB2DB", "within": "#DDEEDC", "below": "#E8895A", "no data": "#FFFFFF"}
SIGNS = {"above": "▲", "within": "●", "below": "▼"}


def wanted(study: Study) -> bool:
    """Of studies that are compared with published ones."""
    return study.published


def draw(study: Study, tables: Tables) -> plt.Figure:
    """The map."""
    runs = tables["runs"]
    table, summary = make(study, tables).values()  # verdict.csv has six digits, which would be rounded once more
    summary = summary[summary["cells"] > 0].set_index("source")
    sources = [source for source in all_sources() if source.name in summary.index]
    if not sources:
        return nothing(NONE)
    some = table[table["verdict"] != "no data"]
    tasks = [task for task in study.tasks if task in set(some["task"])]
    rows = {s.name: [m for m in study.methods if m in set(some[some["source"] == s.name]["method"])] for s in sources}
    heights = [0.36 * len(rows[source.name]) + 0.3 for source in sources]
    figure, body = canvas(study, max(WIDTH, 1.15 + 0.9 * len(tasks)), sum(heights) + 0.55)
    grid = body.subplots(len(sources), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axis, source in zip(grid, sources, strict=True):
        labels = {method: drawn_label(study, method, runs) for method in rows[source.name]}
        _panel(axis, some[some["source"] == source.name], labels, tasks)
        versions = ", ".join(sorted(set(some.loc[some["source"] == source.name, "version"])))
        sentence = summary.loc[source.name, "sentence"].replace(":", f" ({versions}):", 1)
        axis.set_title(sentence, fontsize=7.5, loc="left", pad=3)
    names = [re.sub("(?<=[a-z])(?=[A-Z])", "\n", task) for task in tasks]  # InvertedDoublePendulum: three lines
    grid[-1].set_xticks(range(len(tasks)), names, fontsize=7)
    patch = mpl.patches.Patch
    handles = [patch(facecolor=COLOURS[name], edgecolor="0.6", label=f"{SIGNS[name]} {name}") for name in SIGNS]
    handles.append(patch(facecolor="white", edgecolor="0.6", hatch="/////", label="weak: too few seeds to tell"))
    handles.append(plt.Line2D([], [], linestyle="none", label="upper number: ours; lower: theirs"))
    body.legend(handles=handles, loc="outside upper left", ncols=5, handlelength=1.5, columnspacing=1.2)
    return figure


def caption(study: Study, tables: Tables) -> str:
    """What a cell shows, of how many runs, and which sources have returns of another kind."""
    runs, table = tables["runs"], make(study, tables)["verdict"]
    return (
        "Our mean return (above in a cell) beside each source's (below it), and the verdict: whether the 95 % "
        f"interval of their difference holds 0. The rule is in docs/statistics.md.{unlike(table)} "
        f"{about(study, runs)}{counted(runs)}"
    )


def unlike(table: pd.DataFrame, shown: Iterable[str] | None = None) -> str:
    """The sentence of a caption on sources whose returns are of another kind than ours; empty if none is shown."""
    there = set(table.loc[table["verdict"] != "no data", "source"])
    there = there if shown is None else there & set(shown)
    names = [s.label for s in all_sources() if s.name in there and s.returns != ours_is(s)]
    if not names:
        return ""
    return f" Test returns of theirs beside training returns of ours: {'; '.join(names)}."


def _panel(axis: plt.Axes, table: pd.DataFrame, labels: dict[str, str], tasks: list[str]) -> None:
    table = table.set_index(["method", "task"])
    for row, method in enumerate(labels):
        for column, task in enumerate(tasks):
            place = (column - 0.5, row - 0.5)
            if (method, task) not in table.index:
                axis.add_patch(plt.Rectangle(place, 1, 1, facecolor="white", edgecolor="0.85", linewidth=0.5))
                axis.text(column, row, "no data", ha="center", va="center", fontsize=5.5, color="0.6")
                continue
            cell = table.loc[(method, task)]
            hatch = {"hatch": "/////", "linewidth": 0.5} if cell["weak"] else {"linewidth": 0.5}
            colour = COLOURS[cell["verdict"]]
            edge = "0.75" if cell["weak"] else "white"
            axis.add_patch(plt.Rectangle(place, 1, 1, facecolor=colour, edgecolor=edge, **hatch))
            box = {"facecolor": colour, "edgecolor": "none", "pad": 0.6} if cell["weak"] else None
            words = f"{SIGNS[cell['verdict']]} {rounded(cell['ours'])}\n{rounded(cell['theirs'])}"
            axis.text(column, row, words, ha="center", va="center", fontsize=6, linespacing=1.15, bbox=box)
    axis.set(xlim=(-0.5, len(tasks) - 0.5), ylim=(len(labels) - 0.5, -0.5), xticks=[])
    axis.set_yticks(range(len(labels)), labels.values(), fontsize=7)
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
