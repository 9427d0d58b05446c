"""Figure of ``lecture/step_length.py``: KL against the length of the step."""

import numpy as np
import pandas as pd

from analysis.figures.pyplot import plt
from analysis.lecture.style import COLOURS, figure

DELTA = 0.01
CAPTION = """Mean KL(π ‖ π after the step) over 2,048 states of a trained Hopper policy, against the length of the
step. Lines of slope 2, as far apart as the curvatures of the KL: the direction decides how far a step goes (left),
and so does the policy that takes the very same step (right). Bands: five random directions. Numbers: the length at
which the median KL is δ."""
DIRECTIONS = {
    "policy gradient": ("policy gradient", COLOURS[0], "-"),
    "log-std": ("random, log-stds only", COLOURS[3], "-"),
    "last layer": ("random, last layer only", COLOURS[2], "-"),
    "natural gradient": ("natural gradient", COLOURS[1], "-"),
    "random": ("random", "black", "--"),
    "first layer": ("random, first layer only", COLOURS[9], "-"),
    "second layer": ("random, second layer only", COLOURS[4], "-"),
}
POLICIES = {
    "narrow": ("trained policy, std / 4.5", COLOURS[5], "-"),
    "trained": ("trained policy", "black", "--"),
    "untrained": ("untrained policy", COLOURS[7], "-"),
}


def draw(table: pd.DataFrame) -> plt.Figure:
    """Directions of the trained policy (left), the same random steps from three policies (right)."""
    whole, ((left, right),) = figure("Equal steps are not equally far", CAPTION, columns=2)
    _lines(left, table[table["policy"] == "trained"], "direction", DIRECTIONS)
    _lines(right, table[table["direction"] == "random"], "policy", POLICIES)
    left.set_title("The trained policy, several directions")
    right.set_title("Random directions, several policies")
    return whole


def _lines(axis, rows: pd.DataFrame, by: str, styles: dict) -> None:
    for name, (label, colour, line) in styles.items():
        kl = rows[rows[by] == name].groupby("length")["kl"]
        middle = kl.median()
        reach = np.exp(np.interp(np.log(DELTA), np.log(middle), np.log(middle.index)))
        above = 3 if line == "--" else 2  # dashes let the line below be seen
        axis.plot(middle, line, color=colour, linewidth=1.4, zorder=above, label=f"{label}: {reach:.2g}")
        axis.fill_between(middle.index, kl.min(), kl.max(), color=colour, alpha=0.15, linewidth=0)
    axis.axhline(DELTA, color="0.4", linestyle=":", linewidth=1)
    axis.text(1.1e-3, 1.4 * DELTA, "δ = 0.01", fontsize=7, color="0.3")
    axis.set(xscale="log", yscale="log", xlim=(1e-3, 10), ylim=(1e-10, 10))
    axis.set(xlabel="length of the step ‖Δθ‖", ylabel="KL (nats)")
    axis.legend(frameon=False, fontsize=6.5, loc="lower right", borderaxespad=0, labelspacing=0.25)
