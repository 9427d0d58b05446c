"""Figure of ``lecture/directions.py``: how near cheap directions come to the exact natural gradient."""

import pandas as pd

from analysis.figures.pyplot import plt
from analysis.lecture.style import COLOURS, figure

CAPTION = """A trained Hopper policy; g from 2,048 states, F from 205 of them. One iteration of conjugate gradients
gives the policy gradient; ten (dotted) are almost enough when F is damped as in TRPO (left), not when it is hardly
damped (right). Outer products of the scores of one action a state are a poor F, of 100 a state a good one; with the
diagonal of F one gains what the policy gradient gains. KL as damped: ½ xᵀ(F+λI)x."""
LEVELS = {
    ("empirical, actions drawn", 100): ("empirical F, 100 actions drawn a state", COLOURS[2], "-"),
    ("empirical, actions drawn", 10): ("empirical F, 10 actions drawn a state", COLOURS[9], "--"),
    ("empirical, actions taken", 1): ("empirical F, the actions taken", COLOURS[3], "-."),
    ("policy gradient", 1): ("policy gradient", COLOURS[0], "-"),
    ("diagonal", 0): ("diagonal F", "black", ":"),
}
LABELS = {"cosine": "cosine with exact x", "gain": "gain at equal KL / exact x's"}


def draw(table: pd.DataFrame) -> plt.Figure:
    """Cosine (top) and gain for a given KL (bottom), one column for each damping."""
    whole, axes = figure("The natural gradient without an inverse: (F + λI) x = g", CAPTION, columns=2, rows=2)
    for column, (damping, rows) in zip(axes.T, table.groupby("damping", sort=False), strict=True):
        iterated = rows[rows["way"] == "conjugate gradients"]
        for axis, (measure, label) in zip(column, LABELS.items(), strict=True):
            axis.axvline(10, color="0.4", linestyle=":", linewidth=1)
            for (way, count), (name, colour, line) in LEVELS.items():
                level = rows.loc[(rows["way"] == way) & (rows["count"] == count), measure].item()
                axis.axhline(level, color=colour, linestyle=line, linewidth=1.1, label=name)
            axis.plot(
                iterated["count"], iterated[measure], color=COLOURS[1], linewidth=1.8, label="conjugate gradients"
            )
            axis.set(xscale="log", xlim=(1, 100), ylim=(0, 1.03), ylabel=label)
            axis.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
            axis.minorticks_off()
        column[0].set_title(f"λ = {damping:g}")
        column[1].set_xlabel("iterations of conjugate gradients")
    handles, names = axes[0, 0].get_legend_handles_labels()
    axes[0, 0].figure.legend(handles[::-1], names[::-1], loc="outside lower center", ncols=2, frameon=False, fontsize=7)
    return whole
