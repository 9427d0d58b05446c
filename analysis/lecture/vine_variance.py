"""Single path and vine: the scatter of their gradients at equal cost."""

import numpy as np
import pandas as pd

from analysis.figures.pyplot import plt
from analysis.lecture.style import COLOURS, figure

COLOUR = {
    "single path, GAE": COLOURS[0],
    "single path, λ = 1": COLOURS[9],
    "vine": COLOURS[2],
    "vine, own noise": COLOURS[1],
}
CAPTION = """
Estimates of one policy gradient: a trained policy on Hopper-v4, nothing learning in between. Vines of 16 states with
4 actions each and branches of 50 steps, with common random numbers and with noise of each branch's own; single paths
with as many simulated steps (about 3,200), and with as many tried actions (64, at random). Per step the single path
wins by far; per action the vine, by its common random numbers only. Rings: vines with a state where some actions end
in a fall and others do not; they carry most of its variance. Diamonds: means (numbers), with two standard errors.
"""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Relative variance at equal steps and at equal actions; cosines; the mean along fixed directions."""
    whole, axes = figure("Single path and vine, at equal cost", CAPTION, columns=2, rows=2)
    units = {"steps": "at equal simulated steps", "actions": "at equal tried actions"}
    low, high = table["deviation"].min() / 2, table["deviation"].max() * 3
    for axis, (equal, title) in zip(axes[0], units.items(), strict=True):
        _scatter(axis, table[table["equal"] == equal], "deviation")
        axis.set(yscale="log", ylim=(low, high), title=f"Variance {title}", ylabel="‖ĝ − mean‖² / ‖g‖²")
    cosines, means = axes[1]
    by_steps = table[table["equal"] == "steps"]
    _scatter(cosines, by_steps, "cosine")
    cosines.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    cosines.set(ylim=(-0.65, 1), title="Cosine with the gradient, at equal steps", ylabel="cosine of ĝ and g")
    _means(means, by_steps)
    return whole


def _scatter(axis: plt.Axes, rows: pd.DataFrame, quantity: str) -> None:
    rng = np.random.default_rng(0)
    for place, (estimator, colour) in enumerate(COLOUR.items()):
        mine = rows[rows["estimator"] == estimator]
        values, split = mine[quantity].to_numpy(), (mine["split"] > 0).to_numpy()
        x = place + rng.uniform(-0.22, 0.22, len(mine))
        axis.plot(x[~split], values[~split], "o", color=colour, alpha=0.5, markersize=3, markeredgewidth=0)
        axis.plot(x[split], values[split], "o", color=colour, alpha=0.8, markersize=3.5, markerfacecolor="none")
        _diamond(axis, place, mine[quantity], colour, "D")
        mean = values.mean()
        digits = 2 if quantity == "cosine" else 1 if mean < 10 else 0
        axis.annotate(f"{mean:.{digits}f}", (place + 0.28, mean), fontsize=7, va="center", color="0.2")
    _name(axis)


def _means(axis: plt.Axes, rows: pd.DataFrame) -> None:
    along = {"along_gradient": ("D", "gradient of another batch"), "along_log_std": ("s", "all log-stds alike")}
    for number, (direction, (marker, label)) in enumerate(along.items()):
        for place, (estimator, colour) in enumerate(COLOUR.items()):
            values = rows.loc[rows["estimator"] == estimator, direction]
            _diamond(axis, place + 0.24 * (number - 0.5), values, colour, marker)
        axis.plot([], [], marker, color="0.3", markersize=4.5, label=label)
    axis.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    axis.set(title="Mean estimate, along two directions", ylabel="projection of ĝ")
    axis.legend(frameon=False, fontsize=7, loc="lower left")
    _name(axis)


def _diamond(axis: plt.Axes, x: float, values: pd.Series, colour: tuple, marker: str) -> None:
    style = {"fmt": marker, "markersize": 4.5, "capsize": 3, "linewidth": 1.2, "markeredgecolor": "white"}
    axis.errorbar(x, values.mean(), yerr=2 * values.sem(), color=colour, zorder=5, **style)


def _name(axis: plt.Axes) -> None:
    axis.set_xticks(range(len(COLOUR)), [name.replace(", ", ",\n") for name in COLOUR], fontsize=7)
    axis.set_xlim(-0.5, len(COLOUR) - 0.3)
