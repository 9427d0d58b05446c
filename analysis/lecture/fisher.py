"""Figure of ``lecture/fisher.py``: the Fisher matrix in three ways."""

import numpy as np
import pandas as pd

from analysis.figures.pyplot import mpl, plt
from analysis.lecture.style import COLOURS, figure

CAPTION = """A trained Hopper policy, 128 states. Maps: for each of three actions the weights from six hidden units
and the bias of the mean, then the log-stds. The Hessian of the KL is the matrix whose products the algorithms use:
Jᵀ diag(1/σ²) J for the means, 2 I for the log-stds. The mean outer products of the scores of drawn actions go to it
as 1/√n (the whole last layer and the log-stds, 198 × 198; three repetitions)."""
GROUPS = {"mean 1": 7, "mean 2": 7, "mean 3": 7, "log-std": 3}


def draw(table: pd.DataFrame) -> plt.Figure:
    """Heat maps of the matrix made in each way, and the error of the outer products."""
    whole, axes = figure("Three ways to one matrix", CAPTION, columns=3, rows=2)
    outer = table[table["way"] == "outer products"]
    few, some, *_, many = sorted(outer["actions"].unique())
    panels = {
        ("Hessian", 0): "Hessian of KL(π_old ‖ π_θ)",
        ("product", 0): "product F v, for unit vectors v",
        ("outer products", few): f"outer products, n = {few}",
        ("outer products", some): f"outer products, n = {some}",
        ("outer products", many): f"outer products, n = {many}",
    }
    *maps, last = [axes[0, 0], axes[0, 1], *axes[1], axes[0, 2]]
    for axis, ((way, actions), title) in zip(maps, panels.items(), strict=True):
        image = _map(axis, table[(table["way"] == way) & (table["actions"] == actions)])
        axis.set_title(title)
    bar = last.figure.colorbar(image, ax=axes, fraction=0.02, aspect=40, ticks=[-2, -1, -0.1, 0, 0.1, 1, 2])
    bar.ax.set_yticklabels(["−2", "−1", "−0.1", "0", "0.1", "1", "2"], fontsize=7)
    _errors(last, outer.dropna(subset="error"))
    return whole


def _map(axis, rows: pd.DataFrame):
    entries = rows.dropna(subset="entry").pivot(index="row", columns="column", values="entry")
    image = axis.imshow(entries, cmap="RdBu_r", norm=mpl.colors.SymLogNorm(0.1, vmin=-2, vmax=2))
    edges = np.cumsum([0, *GROUPS.values()]) - 0.5
    for edge in edges[1:-1]:
        axis.axhline(edge, color="0.5", linewidth=0.4)
        axis.axvline(edge, color="0.5", linewidth=0.4)
    middles = (edges[1:] + edges[:-1]) / 2
    axis.set_xticks(middles, GROUPS, fontsize=7)
    axis.set_yticks(middles, GROUPS, fontsize=7, rotation=90, va="center")
    axis.tick_params(length=0)
    return image


def _errors(axis, rows: pd.DataFrame) -> None:
    mean = rows.groupby("actions")["error"].mean()
    axis.plot(rows["actions"], rows["error"], "o", color=COLOURS[0], markersize=3, label="measured")
    axis.plot(mean.index, mean.iloc[0] / np.sqrt(mean.index), color="0.4", linewidth=1, label="falls as 1/√n")
    axis.set(xscale="log", yscale="log", title="Error of the outer products")
    axis.set(xlabel="actions drawn in each state, n", ylabel="Frobenius norm: error / F")
    axis.minorticks_off()
    axis.set_xticks(mean.index, mean.index)
    axis.set_yticks([0.03, 0.1, 0.3], ["3 %", "10 %", "30 %"])
    axis.legend(frameon=False, fontsize=7)
