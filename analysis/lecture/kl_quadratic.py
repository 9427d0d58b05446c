"""Figure of ``lecture/kl_quadratic.py``: where the quadratic model of the KL holds, and what KL buys."""

import pandas as pd

from analysis.figures.pyplot import plt
from analysis.lecture.style import COLOURS, figure

CAPTION = """A trained Hopper policy, one batch of 2,048 states. Left: small steps make the KL that the quadratic
model says (grey: within 10 %); a natural gradient that is nearly exact (damping 0.001) leaves the model first,
TRPO's (damping 0.1, 10 iterations of conjugate gradients) follows it beyond δ. Right: the same steps by the KL they
make; for the same KL a natural gradient gains more than the policy gradient."""
STYLE = {
    "policy gradient": {"color": COLOURS[0], "linewidth": 1.6},
    "natural gradient, as in TRPO": {"color": COLOURS[1], "linewidth": 1.6},
    "natural gradient, nearly exact": {"color": COLOURS[2], "linewidth": 1.6},
    "random, uphill": {"color": "0.55", "linewidth": 0.7},
}


def draw(table: pd.DataFrame) -> plt.Figure:
    """KL over its model against the model (left), gain of the surrogate against the KL (right)."""
    whole, ((left, right),) = figure("Near by, the KL is its quadratic model", CAPTION, columns=2)
    for (name, draw), rows in table.groupby(["direction", "draw"], sort=False):
        left.plot(rows["model_kl"], rows["kl"] / rows["model_kl"], **STYLE[name])
        right.plot(rows["kl"], rows["gain"], label=name if draw == 0 else None, **STYLE[name])
    left.axhspan(0.9, 1.1, color="0.9", zorder=0)
    left.set(xscale="log", yscale="log", xlim=(1e-6, 10), ylim=(0.75, 30), title="Does the model hold?")
    left.set(xlabel="model: ½ ΔᵀFΔ (nats)", ylabel="measured KL / model")
    left.minorticks_off()
    left.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    right.set(xscale="log", xlim=(1e-5, 0.3), ylim=(-0.01, 0.09), title="What does KL buy?")
    right.set(xlabel="measured KL(π_old ‖ π) (nats)", ylabel="gain of surrogate (std of adv)")
    right.axhline(0, color="0.8", linewidth=0.6, zorder=0)
    for axis in (left, right):
        axis.axvline(0.01, color="0.4", linestyle=":", linewidth=1)
    left.text(0.008, 20, "δ = 0.01", ha="right", fontsize=7, color="0.3")
    right.text(0.011, 0.085, "δ = 0.01", fontsize=7, color="0.3")
    right.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(0, 0.92))
    return whole
