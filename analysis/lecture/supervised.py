"""Supervised against reinforcement learning under a step that is too big."""

import pandas as pd

from analysis.figures.pyplot import plt
from analysis.lecture.style import COLOURS, figure

STYLE = {
    "supervised": {"color": COLOURS[0], "linewidth": 2.6, "alpha": 0.6},
    "supervised, from REINFORCE's θ": {"color": COLOURS[2], "linewidth": 1.6, "linestyle": "--"},
    "REINFORCE, baseline": {"color": COLOURS[1], "linewidth": 1.6},
    "REINFORCE": {"color": COLOURS[3], "linewidth": 1.6},
}
MEASURES = {
    "score": "mean share of the optimal return",
    "optimum": "share of seeds at the optimum",
    "stuck": "share of seeds stuck",
}
CAPTION = """A corridor of 8 states whose two buttons differ from state to state; 100 seeds, 200 updates. Supervised:
the expert's actions in all states. REINFORCE: 10 episodes of its own per update. Above: the same α in every update;
stuck is who reaches the far end in less than one of 10⁶ episodes. Below: α = 1 in all updates but one. A step too big
saturates the policy; then its own actions have nothing more to teach, but the expert's have: supervised learning
recovers, also from the very policies that REINFORCE is left with (dashed). In update 21 its own big step does it no
harm: little is left to correct."""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Above, step sizes of all updates; below, one big step: its curves, early and late, and its size."""
    title = "A step too big: supervised learning makes it good, REINFORCE does not"
    whole, (above, below) = figure(title, CAPTION, columns=3, rows=2)
    last = table[table["update"] == table["update"].max()]
    for axis, (measure, name) in zip(above, MEASURES.items(), strict=True):
        _lines(axis, last[last["when"] == "every update"], "step_size", measure)
        axis.set(title=name, xlabel="α of every update", ylabel=name.split(" of")[0], xscale="log")
    traced = table[table["update"] < table["update"].max()]["step_size"].iloc[0]
    once = table[(table["when"] != "every update") & (table["step_size"] == traced)]
    for axis, (when, rows) in zip(below, once.groupby("when", sort=False), strict=False):
        _lines(axis, rows, "update", "score")
        axis.set(title=f"{when} has α = {traced:g}", xlabel="updates done", ylabel="mean share")
    early = once["when"].iloc[0]
    _lines(below[2], last[last["when"] == early], "step_size", "score")
    below[2].set(title="the end, by the size of the step", xlabel=f"α of {early}", ylabel="mean share", xscale="log")
    for axis in (*above, *below):
        axis.set_ylim(-0.04, 1.04)
    above[2].legend(*below[2].get_legend_handles_labels(), frameon=False, fontsize=7, loc="upper left")
    return whole


def _lines(axis: plt.Axes, rows: pd.DataFrame, x: str, y: str) -> None:
    for learner, style in STYLE.items():
        mine = rows[rows["learner"] == learner]
        axis.plot(mine[x], mine[y], label=learner, **style)
