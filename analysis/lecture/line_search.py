"""TRPO's line search along one real step, at three sizes of the trust region."""

import pandas as pd

from analysis.figures.pyplot import plt
from analysis.lecture.style import COLOURS, figure

MODEL = {"linestyle": (0, (4, 2)), "linewidth": 1}
CAPTION = """
TRPO's step of a trained policy on a batch of 2,048 steps of Hopper-v4: solid is what happens, dashed what the models
say. The gain falls short of its tangent; the KL overtakes its quadratic model when δ is large, and the full step
breaks the constraint. Damping hides it: it counts KL that the policy does not have (dashed blue below dashed black), so
the full step passes at δ = 0.01 and 1; with hardly any damping it is rejected at 0.01 already, by 1 %. Hollow squares:
where KL = δ. Far from θ_old the gain goes up and down, and only the KL says where to stop.
"""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Gain above, KL below, one column for each δ."""
    deltas = sorted(table["delta"].unique())
    colours = dict(zip(sorted(table["damping"].unique(), reverse=True), COLOURS, strict=False))
    whole, axes = figure("TRPO's line search along one step", CAPTION, columns=len(deltas), rows=2)
    for (gains, kls), delta in zip(axes.T, deltas, strict=True):
        for damping, colour in colours.items():
            mine = table[(table["delta"] == delta) & (table["damping"] == damping)]
            curves = mine.pivot(index="fraction", columns="quantity", values="value")
            smooth = curves.dropna(subset="gain")
            gains.plot(smooth.index, smooth["gain"], color=colour, label=f"damping {damping:g}")
            gains.plot(smooth.index, smooth["linear"], color=colour, **MODEL)
            kls.plot(smooth.index, smooth["kl"], color=colour)
            kls.plot(smooth.index, smooth["undamped"], color=colour, **MODEL)
            for axis, quantity in ((gains, "gain"), (kls, "kl")):
                for verdict, marker in (("rejected", "X"), ("accepted", "o")):
                    at = mine.loc[mine["quantity"] == verdict, "fraction"]
                    axis.plot(at, curves.loc[at, quantity], marker, color=colour, markersize=6, zorder=5)
            at = mine.loc[mine["quantity"] == "kl is delta", "fraction"]
            kls.plot(at, [delta], "s", color=colour, markerfacecolor="none", markersize=5, zorder=4)
        kls.plot(smooth.index, smooth["quadratic"], color="0.2", **MODEL)
        kls.axhline(delta, color="0.6", linewidth=0.8, zorder=0)
        kls.text(0.01, delta, "δ", fontsize=8, color="0.4", va="bottom")
        top = smooth["gain"].max()
        gains.set(title=f"δ = {delta:g}", ylabel="gain of the surrogate", ylim=(0, 1.9 * top))
        kls.set(ylabel="mean KL (nats)", ylim=(0, 2 * delta), xlabel="fraction of the step")
    _legend(axes)
    return whole


def _legend(axes) -> None:
    gains, kls = axes[0, 0], axes[1, 0]
    gains.plot([], [], color="0.3", label="linear model", **MODEL)
    for marker, label in (("X", "rejected"), ("o", "accepted")):
        gains.plot([], [], marker, color="0.3", label=label)
    gains.legend(frameon=False, fontsize=7, loc="upper left")
    kls.plot([], [], color="0.2", label="½ΔᵀFΔ, damped: the algorithm's model", **MODEL)
    kls.plot([], [], color="0.5", label="½ΔᵀFΔ, F alone (by colour)", **MODEL)
    kls.legend(frameon=False, fontsize=7, loc="upper left")
