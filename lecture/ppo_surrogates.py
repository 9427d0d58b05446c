"""PPO's surrogates along one real update (PPO, arXiv 1707.06347, Figure 2; lecture 1, "PPO").

    θ(α) = θ_old + α (θ_new − θ_old),      r = π_θ(a|s) / π_old(a|s)
    unclipped  E[r A],      clipped  E[clip(r, 1−ε, 1+ε) A],      L^CLIP = E[min(r A, clip(r, 1−ε, 1+ε) A)]

L^CLIP is a lower bound of the unclipped surrogate, with a penalty for being far from θ_old: it is greatest near the
updated policy, α ≈ 1, and falls beyond it, where the unclipped surrogate goes on rising and the KL grows as α².
The clipped one without the minimum flattens, but does not fall: it is the minimum that makes going further a loss.

The update is ``algos.ppo_clip``'s, with its own settings, on a trained policy and a batch of 2,048 steps of Hopper,
on which all is evaluated as well; advantages are GAE (λ = 0.98) and standardised.
"""

import dataclasses

import numpy as np
import pandas as pd
import torch

from algos import ppo_clip
from analysis.figures.pyplot import plt
from core.agent import Agent, Batch
from core.objective import mean_kl, standardise
from core.streams import streams
from lecture.style import COLOURS, figure
from lecture.trained import hopper

CFG = ppo_clip.Config()
ALPHAS = np.linspace(-0.25, 2.5, 56)


def table() -> pd.DataFrame:
    """Long form: alpha, quantity (the three surrogates, kl, out of the range, kl of the update), value."""
    agent, batch = hopper()
    new, reported = update(agent, batch)
    rows = [
        (alpha, quantity, value)
        for alpha in ALPHAS
        for quantity, value in evaluate(agent, batch, agent.theta + float(alpha) * (new - agent.theta)).items()
    ]
    rows.append((1.0, "kl of the update", reported["kl"]))
    return pd.DataFrame(rows, columns=["alpha", "quantity", "value"])


def update(agent: Agent, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
    """θ after one update of a copy of the agent, and what ``update`` reports."""
    learner = dataclasses.replace(agent, theta=agent.theta.clone(), phi=agent.phi.clone(), streams=streams(0, 0))
    reported = ppo_clip.update(learner, batch, CFG, ppo_clip.init(learner, CFG))
    return learner.theta, reported


@torch.no_grad()
def evaluate(agent: Agent, batch: Batch, theta: torch.Tensor) -> dict[str, float]:
    """The surrogates and the mean KL at θ, and the share of ratios out of 1 ± ε, on the batch."""
    adv = standardise(batch.adv)
    ratio = torch.exp(agent.policy.logp(theta, batch.obs, batch.act) - batch.logp)
    return {
        "unclipped": (ratio * adv).mean().item(),
        "clipped": (ratio.clamp(1 - CFG.epsilon, 1 + CFG.epsilon) * adv).mean().item(),
        "L^CLIP": ppo_clip.clipped(ratio, adv, CFG.epsilon).mean().item(),
        "kl": mean_kl(agent, theta, batch.obs, batch.old).item(),
        "out of range": ((ratio - 1).abs() > CFG.epsilon).float().mean().item(),
    }


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
