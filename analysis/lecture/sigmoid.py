"""The same Δθ at several θ, and the step of equal KL in its place."""

import numpy as np
import pandas as pd

from analysis.figures.pyplot import plt
from analysis.lecture.style import COLOURS, figure

STARTS = (-3.0, 1.0, 5.0)
COLOUR = {"fixed": COLOURS[3], "natural": COLOURS[0]}
LABEL = {"fixed": "fixed step, Δθ = −2", "natural": r"natural step, Δθ = −$\sqrt{2ε/F}$"}
CAPTION = """π(a=1) = σ(θ). Above: a step of −2 moves the policy a lot where σ is steep and hardly at all far out; the
natural step is short where σ is steep and long where it is flat. Below, both from every θ: the KL of the fixed step
falls off exponentially on both sides, that of the natural step stays near ε = {max_kl:g} (dotted), as far as the
quadratic model it comes from holds: at θ = 5 it is {beyond:.1f} ε. TRPO's line search shortens such a step."""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Two curves with arrows above, change of probability and KL below."""
    natural = table[table["step"] == "natural"]
    max_kl = natural["kl_quadratic"].iloc[0]
    beyond = natural.loc[np.isclose(natural["theta"], 5), "kl"].item() / max_kl
    caption = CAPTION.format(max_kl=max_kl, beyond=beyond)
    whole, axes = figure("How far a step moves the policy depends on where it starts", caption, columns=2, rows=2)
    for axis, step in zip(axes[0], LABEL, strict=True):
        _arrows(axis, table[table["step"] == step], step)
    for step, rows in table.groupby("step", sort=False):
        style = {"color": COLOUR[step], "label": LABEL[step]}
        axes[1, 0].plot(rows["theta"], rows["prob_old"] - rows["prob_new"], **style)
        axes[1, 1].plot(rows["theta"], rows["kl"], **style)
    axes[1, 0].set(title="probability that action 1 loses", ylabel=r"$π_{old}$(a=1) − $π_{new}$(a=1)", ylim=(0, 0.65))
    axes[1, 0].legend(frameon=False, loc="upper left")
    axes[1, 1].axhline(max_kl, color="0.3", linestyle=":", linewidth=1, zorder=1)
    axes[1, 1].set(title="KL of the same steps", ylabel=r"KL($π_{old}$ ‖ $π_{new}$) (nats)", yscale="log")
    for axis in axes[1]:
        axis.set(xlabel="θ before the step", xlim=(-6, 6))
    return whole


def _arrows(axis: plt.Axes, rows: pd.DataFrame, step: str) -> None:
    axis.plot(rows["theta"], rows["prob_old"], color="0.6", linewidth=1.2, zorder=1)
    for start in STARTS:
        move = rows[np.isclose(rows["theta"], start)].iloc[0]
        ends = (move["theta"], move["prob_old"]), (move["theta"] + move["delta"], move["prob_new"])
        how = {"arrowstyle": "-|>", "color": COLOUR[step], "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
        axis.annotate("", xy=ends[1], xytext=ends[0], arrowprops=how)
        axis.plot(*ends[0], "o", color=COLOUR[step], markersize=3.5)
        text = f"Δθ = {move['delta']:.2f}\nΔπ = {move['prob_new'] - move['prob_old']:.2f}".replace("-", "−")
        # Right of the curve where there is room, above it at the lower left.
        side = {"xytext": (4, -8), "va": "top"} if start > 0 else {"xytext": (-8, 8), "ha": "right"}
        axis.annotate(text, ends[0], textcoords="offset points", fontsize=7, **side)
    axis.set(title=LABEL[step], xlabel="θ", ylabel="π(a=1) = σ(θ)", xlim=(-8, 8), ylim=(-0.04, 1.06))
    axis.set_xticks(range(-6, 7, 2))
