"""The performance-difference identity, and the error of the local approximation."""

import pandas as pd

from analysis.figures.pyplot import plt
from analysis.lecture.style import COLOURS, figure

CAPTION = """A random process with 5 states and 3 actions, γ = 0.9, {policies} policies π̃ at growing distance from π
in {directions} directions, all exact. Left: with the visitation of π̃ the sum of advantages is J(π̃) − J(π), with that
of π only nearby. Right: the error of this trick falls as the KL, the gain only as its square root (dashed: slopes 1
and ½), so that the error is small beside the gain when the KL is small (dips: a difference changes sign). TRPO's bound
holds everywhere, {slack:.0f}-fold at least."""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Two sums of advantages against the true gain; error, gain and bound against the KL."""
    table = table.assign(error=(table["gain"] - table["local"]).abs(), size=table["gain"].abs())
    slack = (table["bound"] / table["error"]).min()
    caption = CAPTION.format(policies=len(table), directions=table["direction"].nunique(), slack=slack)
    title = "The identity is exact; with the old visitation it is so only nearby"
    whole, ((left, right),) = figure(title, caption, columns=2)
    ends = table["gain"].min(), table["gain"].max()
    left.plot(ends, ends, color="0.7", linewidth=1, zorder=1)
    labels = {"local": "visitation of π: $L_π$(π̃) − J(π)", "identity": "visitation of π̃: the identity"}
    for column, colour in (("local", COLOURS[3]), ("identity", COLOURS[0])):
        left.scatter(table["gain"], table[column], s=8, color=colour, linewidth=0, label=labels[column])
    left.set(xlabel="J(π̃) − J(π) (return)", ylabel="Σₛ ρ(s) Σₐ π̃(a|s) $A_π$(s,a) (return)")
    left.set_title("what the sum of advantages says")
    left.legend(frameon=False, loc="upper left", fontsize=7)
    series = {
        "bound": ("0.6", "bound on the error, TRPO's Theorem 1"),
        "size": (COLOURS[0], "gain |J(π̃) − J(π)|"),
        "error": (COLOURS[3], "error |J(π̃) − $L_π$(π̃)|"),
    }
    for column, (colour, label) in series.items():
        for direction, rows in table.groupby("direction"):
            name = label if direction == 0 else None
            right.plot(rows["kl"], rows[column], color=colour, linewidth=0.8, alpha=0.8, label=name)
    near = table[table["length"] == table["length"].min()]
    kl = table["kl"].quantile([0, 0.6]).to_numpy()
    for column, slope in (("error", 1), ("size", 0.5)):
        height = (near[column] / near["kl"] ** slope).median()
        right.plot(kl, height * kl**slope, color="0.1", linewidth=1.4, linestyle="--")
    right.set(title="error of the trick", xlabel="mean KL(π ‖ π̃) (nats)", ylabel="difference of returns")
    right.set(xscale="log", yscale="log", ylim=(1e-9, 1e6))
    legend = right.legend(frameon=False, loc="upper left", fontsize=7)
    for line in legend.get_lines():
        line.set(linewidth=1.8, alpha=1)
    return whole
