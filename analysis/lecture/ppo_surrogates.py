"""PPO's surrogates along one real update, in the manner of PPO Figure 2."""

import numpy as np
import pandas as pd

from analysis.figures.pyplot import plt
from analysis.lecture.style import COLOURS, figure

LINES = {
    "unclipped": (COLOURS[1], "E[r A]"),
    "clipped": (COLOURS[2], "E[clip(r) A]"),
    "L^CLIP": (COLOURS[3], "$L^{CLIP}$"),
    "kl": (COLOURS[0], "E[KL]"),
}
CAPTION = """
One update of ppo_clip (10 epochs, ε = 0.2) of a trained policy on a batch of 2,048 steps of Hopper-v4, as in PPO
(arXiv 1707.06347) Figure 2. The clipped surrogate with the minimum is a lower bound of the unclipped one. It is
greatest (dot) where the update ends, and falls beyond, where the unclipped one rises further: going further does not
pay. Clipping without the minimum only flattens.
"""


def draw(table: pd.DataFrame) -> plt.Figure:
    """The surrogates and the KL along the update; the surrogates against the KL."""
    whole, axes = figure("PPO's surrogates along one update", CAPTION, columns=2)
    curves = table[table["quantity"] != "kl of the update"].pivot(index="alpha", columns="quantity", values="value")
    along, against = axes[0]
    updated = table.loc[table["quantity"] == "kl of the update", "value"].iloc[0]
    best = curves["L^CLIP"].idxmax()
    for name, (colour, label) in LINES.items():
        _line(along, curves.index.to_numpy(), curves[name].to_numpy(), colour, label)
        if name != "kl":
            forward = curves.loc[-1e-9:]
            _line(against, forward["kl"].to_numpy(), forward[name].to_numpy(), colour, label)
    for axis, x, best_x in ((along, 1, best), (against, updated, curves.loc[best, "kl"])):
        axis.plot(best_x, curves.loc[best, "L^CLIP"], "o", color=LINES["L^CLIP"][0], markersize=4)
        axis.axvline(x, color="0.6", linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
        axis.annotate("θ after the update", (x, 0.113), (3, 0), textcoords="offset points", fontsize=7, color="0.4")
        axis.axhline(0, color="0.85", linewidth=0.8, zorder=0)
        axis.set(ylim=(-0.015, 0.12))
    along.set(title="Along the update", xlabel="α (θ_old at 0, updated θ at 1)")
    along.set(ylabel="surrogate; KL (nats)", xlim=(-0.3, 3.2))
    against.set(title="Against the distance", xlabel="mean KL(old ‖ new) (nats)", ylabel="surrogate", xlim=(0, 0.108))
    return whole


def _line(axis: plt.Axes, x: np.ndarray, y: np.ndarray, colour: tuple, label: str) -> None:
    """A curve with its name at its right end."""
    axis.plot(x, y, color=colour)
    axis.annotate(label, (x[-1], y[-1]), (4, 0), color=colour, textcoords="offset points", va="center", fontsize=7)
