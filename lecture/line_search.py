"""TRPO's line search along one real step (lecture 1, Algorithm 2; lecture 2, "Solving it"; arXiv 1502.05477, app. C).

    Δ = sqrt(2δ / (gᵀF⁻¹g)) F⁻¹g;      for j = 0, 1, …: take θ_old + shrinkʲ Δ if L ≥ 0 and mean KL ≤ δ

Along θ_old + f Δ the method believes in models: gain ≈ f gᵀΔ, KL ≈ ½ f² ΔᵀFΔ, which is δ at the full step, f = 1. Both
are right near 0. The gain falls short of its tangent everywhere. The KL follows its model within a few per cent while δ
is small, and overtakes it when δ is large, so that the full step breaks the constraint: then the search has to shrink.

The damping of F hides this. It is KL that the model counts and the policy does not have, so a step sized with it is
shorter than δ allows: with 0.1, as in Baselines, the full step passes at δ = 0.01 and even at δ = 1. With hardly any
damping the full step sits right at the constraint, and a half is needed at δ = 0.01 already, for a hair's breadth.
It is the KL that rejects in all of these cases, never the gain.

All is ``algos.trpo``'s: Fisher matrix on every 5th observation, ten conjugate gradients, standardised advantages, on a
trained policy and a batch of 2,048 steps of Hopper.
"""

import numpy as np
import pandas as pd
import torch

from algos import trpo
from analysis.figures.pyplot import plt
from core.agent import Agent, Batch
from core.natural import conjugate_gradient, fisher, line_search, step_of_kl
from core.objective import mean_kl, standardise, surrogate
from lecture.style import COLOURS, figure
from lecture.trained import hopper

CFG = trpo.Config()
DELTAS = (CFG.max_kl, 1.0, 4.0)
DAMPINGS = (CFG.damping, 0.001)
FRACTIONS = np.linspace(0, 1.25, 51)


def table() -> pd.DataFrame:
    """Long form: delta, damping, fraction (of the full step), quantity, value.

    - gain, kl, linear, quadratic (with the damping) and undamped (without it), along the step;
    - rejected or accepted, for the candidates up to the one that is taken: the place j; and their gain and kl;
    - kl is delta: 1, at the fraction where that is so.
    """
    agent, batch = hopper()
    rows = [
        (delta, damping, *row)
        for delta in DELTAS
        for damping in DAMPINGS
        for row in along_the_step(agent, batch, delta, damping)
    ]
    return pd.DataFrame(rows, columns=["delta", "damping", "fraction", "quantity", "value"])


@torch.no_grad()
def along_the_step(agent: Agent, batch: Batch, delta: float, damping: float) -> list[tuple[float, str, float]]:
    """(fraction, quantity, value) for one δ and damping."""
    steps = batch.steps(standardise(batch.adv))
    before = surrogate(agent, agent.theta, steps)
    with torch.enable_grad():
        g = agent.gradient(surrogate)(agent.theta, steps)
        F = fisher(agent, batch.every(CFG.fisher_every), damping)
        step = step_of_kl(F, conjugate_gradient(F, g, CFG.cg_iterations), delta)
        quadratic = (0.5 * step @ F(step)).item()
    undamped = quadratic - 0.5 * damping * (step @ step).item()
    linear = (g @ step).item()

    def evaluate(theta):
        return surrogate(agent, theta, steps) - before, mean_kl(agent, theta, batch.obs, batch.old)

    rows = []
    _, searched = line_search(evaluate, agent.theta, step, delta, CFG.shrink, CFG.tries)
    shrinkings, accepted = searched["backtracks"], searched["accepted"]
    candidates = [CFG.shrink**j for j in range(shrinkings + accepted)]
    for j, fraction in enumerate(candidates):
        rows.append((fraction, "accepted" if accepted and j == shrinkings else "rejected", j))
    for fraction in sorted({*FRACTIONS.tolist(), *candidates}):
        gain, distance = evaluate(agent.theta + fraction * step)
        rows += [
            (fraction, "gain", gain.item()),
            (fraction, "kl", distance.item()),
            (fraction, "linear", fraction * linear),
            (fraction, "quadratic", fraction**2 * quadratic),
            (fraction, "undamped", fraction**2 * undamped),
        ]
    return [*rows, (boundary(lambda f: evaluate(agent.theta + f * step)[1].item(), delta), "kl is delta", 1)]


def boundary(kl_at, delta: float) -> float:
    """The fraction of the step where the KL is ``delta``, by bisection: along the step it only grows."""
    low, high = 0.0, 2.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if kl_at(middle) <= delta else (low, middle)
    return low


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
