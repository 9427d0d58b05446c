"""Importance weights along a trajectory, and what they estimate."""

import numpy as np
import pandas as pd

from analysis.figures.pyplot import plt
from analysis.lecture.style import COLOURS, figure

SHOWN = {0.001: COLOURS[2], 0.01: COLOURS[0], 0.1: COLOURS[3]}  #: KL
LINES = {"whole trajectory": "-", "up to each step": (0, (4, 2)), "one step": ":"}
ESTIMATORS = {
    "truth": ("0.2", "truth: episodes of the new policy"),
    "one step": (COLOURS[0], "one-step ratios: the surrogate"),
    "up to each step": (COLOURS[1], "weights up to each step"),
    "whole trajectory": (COLOURS[3], "whole-trajectory weights"),
}
THEORY = {"color": "0.55", "linewidth": 0.8, "zorder": 1}
CAPTION = """
A trained policy on Hopper-v4, 384 episodes, and policies at a given mean KL from it along the natural gradient. The
weight of a whole trajectory explodes in its variance, exponentially in the horizon H, while its typical value
vanishes; the weight up to each step (mean over the steps) follows; the ratio of one step knows no horizon. Grey:
theory, for independent steps. Pale: the sample's mean weight is below 0.5, so it lacks the rare weights that carry mean
and variance. Bottom right: two standard errors by the sample; for products at KL 0.1 a handful of the episodes carries
all, so that the bars mean little.
"""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Variance, typical value and effective sample share of the weights; the returns they estimate."""
    whole, axes = figure("Importance weights explode and vanish with the horizon", CAPTION, columns=2, rows=2)
    weights = table[table["part"] == "weights"]
    _variance(axes[0, 0], weights)
    _typical(axes[0, 1], weights)
    _share(axes[1, 0], weights)
    _returns(axes[1, 1], table[table["part"] == "returns"])
    return whole


def _curve(weights: pd.DataFrame, name: str, kl: float, quantity: str) -> pd.Series:
    rows = weights[(weights["name"] == name) & (weights["kl"] == kl) & (weights["quantity"] == quantity)]
    return rows.set_index("horizon")["value"]


def _variance(axis: plt.Axes, weights: pd.DataFrame) -> None:
    for kl, colour in SHOWN.items():
        theory = _curve(weights, "whole trajectory", kl, "theory")
        axis.plot(theory.index, theory, **THEORY)
        sound = _curve(weights, "whole trajectory", kl, "mean") >= 0.5
        for name, line in LINES.items():
            curve = _curve(weights, name, kl, "variance")
            shown = curve if name == "one step" else curve[sound]
            axis.plot(curve.index, curve, color=colour, linestyle=line, linewidth=1.3, alpha=0.25)
            axis.plot(shown.index, shown, color=colour, linestyle=line, linewidth=1.3)
        axis.plot([], [], color=colour, label=f"KL {kl:g}")
    for name, line in LINES.items():
        axis.plot([], [], color="0.3", linestyle=line, label=name)
    axis.set(yscale="log", ylim=(1e-3, 1e6), title="Variance of the weight", ylabel="variance")
    axis.set_xlabel("horizon H (steps)")
    axis.legend(frameon=False, fontsize=7, loc="upper right", ncols=2, columnspacing=1)


def _typical(axis: plt.Axes, weights: pd.DataFrame) -> None:
    for kl, colour in SHOWN.items():
        median = _curve(weights, "whole trajectory", kl, "median")
        mean = _curve(weights, "whole trajectory", kl, "mean")
        per_state = _curve(weights, "one step", kl, "kl").loc[1]
        axis.plot(median.index, np.exp(-per_state * median.index), **THEORY)
        axis.plot(median.index, median, color=colour, marker=".", markersize=4)
        axis.plot(mean.index, mean, color=colour, linestyle=(0, (4, 2)), marker="o", markersize=2.5, linewidth=1)
    axis.plot([], [], color="0.3", marker=".", markersize=4, label="median")
    axis.plot([], [], color="0.3", linestyle=(0, (4, 2)), marker="o", markersize=2.5, label="mean of the sample")
    axis.plot([], [], label="exp(−H KL)", **THEORY)
    axis.set(yscale="log", ylim=(1e-10, 30), title="Typical and mean weight", ylabel="weight of a whole trajectory")
    axis.set_xlabel("horizon H (steps)")
    axis.legend(frameon=False, fontsize=7, loc="lower left")


def _share(axis: plt.Axes, weights: pd.DataFrame) -> None:
    for kl, colour in SHOWN.items():
        for name, line in LINES.items():
            curve = _curve(weights, name, kl, "share")
            axis.plot(curve.index, 100 * curve, color=colour, linestyle=line, linewidth=1.3)
    axis.set(xscale="log", ylim=(0, 102), title="Effective sample size", ylabel="share of the sample (%)")
    axis.set_xlabel("horizon H (steps)")
    axis.xaxis.set_major_formatter("{x:g}")


def _returns(axis: plt.Axes, returns: pd.DataFrame) -> None:
    kls = sorted(returns["kl"].unique())
    for place, (name, (colour, label)) in enumerate(ESTIMATORS.items()):
        rows = returns[returns["name"] == name].pivot(index="kl", columns="quantity", values="value")
        shifted = rows.index * 1.12 ** (place - 1.5)
        style = {"fmt": "o", "markersize": 3.5, "capsize": 2, "linewidth": 1}
        axis.errorbar(shifted, rows["mean"], yerr=2 * rows["stderr"], color=colour, label=label, **style)
    old = returns[(returns["name"] == "old policy") & (returns["quantity"] == "mean")]["value"].iloc[0]
    axis.axhline(old, color="0.6", linewidth=0.8, zorder=0, label="return of the old policy")
    axis.set(xscale="log", ylim=(0, 310), title="Return of the new policy")
    axis.set(xlabel="mean KL(old ‖ new) (nats)", ylabel="discounted return")
    axis.set_xticks(kls, [f"{kl:g}" for kl in kls])
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=6.5, loc="lower left")
