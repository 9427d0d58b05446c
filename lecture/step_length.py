"""A length in θ says little about the distance between policies (lecture 1, "Why α is hard" and "Two balls").

    gradient:  argmax over ‖d‖ ≤ ε of J(θ+d)      natural gradient:  argmax over KL(π_θ ‖ π_θ+d) ≤ ε of J(θ+d)

KL ≈ ½ ‖d‖² · uᵀFu for a step d = ‖d‖ u, so the two balls differ by the curvature uᵀFu, which depends on the direction
and on the policy. The claim: on a network of 5,126 parameters steps of one length make KLs that lie orders of
magnitude apart, between directions of one policy and, as on the slide where π(a=1) = σ(θ), between policies that
take the very same step; up to where the quadratic ends, the KLs are to each other as their curvatures.

All policies are looked at in the same states, those of the trained one.
"""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import torch

from analysis.figures.pyplot import plt
from core.natural import conjugate_gradient, fisher
from core.objective import standardise, surrogate
from core.policy import Policy, kl
from lecture.style import COLOURS, figure
from lecture.trained import hopper

LENGTHS = np.logspace(-4, 1, 21)
DRAWS = 5  #: of each random direction
NARROWER = 1.5  #: taken off the log-stds: a std 4.5 times smaller


def table() -> pd.DataFrame:
    """KL of steps of each length.

    Columns: ``policy``, ``direction``, ``draw``, ``length`` ‖d‖, ``kl`` (nats), ``curvature`` uᵀFu.
    """
    agent, batch = hopper()
    policy, obs = agent.policy, batch.obs.double()  # a KL of 1e-9 drowns in the rounding of float32
    anywhere = _random(policy, slice(None))
    rows = []
    for which, theta in _policies(policy, agent.theta).items():
        directions = {"random": anywhere} | (_directions(agent, batch) if which == "trained" else {})
        F = fisher(dataclasses.replace(agent, theta=theta), obs, damping=0.0)
        old = policy.dist(theta, obs)
        for name, steps in directions.items():
            for draw, d in enumerate(steps):
                u = d.double() / d.double().norm()
                point = {"policy": which, "direction": name, "draw": draw, "curvature": (u @ F(u)).item()}
                for length in LENGTHS:
                    new = policy.dist(theta + length * u, obs)
                    rows.append(point | {"length": length, "kl": kl(old, new).mean().item()})
    return pd.DataFrame(rows)


def _policies(policy: Policy, trained: torch.Tensor) -> dict[str, torch.Tensor]:
    narrow = trained.double()
    narrow[-policy.act_dim :] -= NARROWER
    untrained = policy.init(np.random.default_rng(0)).double()
    return {"trained": trained.double(), "untrained": untrained, "narrow": narrow}


def _directions(agent, batch) -> dict[str, list[torch.Tensor]]:
    """The gradients as the algorithms make them, and random directions within one layer."""
    g = agent.gradient(surrogate)(agent.theta, batch.steps(standardise(batch.adv)))
    natural = conjugate_gradient(fisher(agent, batch.obs, damping=0.1), g, iterations=10)
    sizes = [*np.reshape(agent.policy.net.lengths, (-1, 2)).sum(axis=1), agent.policy.act_dim]  # weights and biases
    parts = itertools.pairwise(np.cumsum([0, *sizes]))
    names = ("first layer", "second layer", "last layer", "log-std")
    within = {name: _random(agent.policy, slice(*part)) for name, part in zip(names, parts, strict=True)}
    return {"policy gradient": [g], "natural gradient": [natural], **within}


def _random(policy: Policy, where: slice) -> list[torch.Tensor]:
    """Normal draws, zero outside of ``where``."""
    rng, out = torch.Generator().manual_seed(0), []
    for _ in range(DRAWS):
        d = torch.zeros(policy.size, dtype=torch.float64)
        d[where] = torch.randn(d[where].shape, dtype=d.dtype, generator=rng)
        out.append(d)
    return out


DELTA = 0.01
CAPTION = """Mean KL(π ‖ π after the step) over 2,048 states of a trained Hopper policy, against the length of the
step. Lines of slope 2, as far apart as the curvatures of the KL: the direction decides how far a step goes (left),
and so does the policy that takes the very same step (right). Bands: five random directions. Numbers: the length at
which the median KL is δ."""
DIRECTIONS = {
    "policy gradient": ("policy gradient", COLOURS[0], "-"),
    "log-std": ("random, log-stds only", COLOURS[3], "-"),
    "last layer": ("random, last layer only", COLOURS[2], "-"),
    "natural gradient": ("natural gradient", COLOURS[1], "-"),
    "random": ("random", "black", "--"),
    "first layer": ("random, first layer only", COLOURS[9], "-"),
    "second layer": ("random, second layer only", COLOURS[4], "-"),
}
POLICIES = {
    "narrow": ("trained policy, std / 4.5", COLOURS[5], "-"),
    "trained": ("trained policy", "black", "--"),
    "untrained": ("untrained policy", COLOURS[7], "-"),
}


def draw(table: pd.DataFrame) -> plt.Figure:
    """Directions of the trained policy (left), the same random steps from three policies (right)."""
    whole, ((left, right),) = figure("Equal steps are not equally far", CAPTION, columns=2)
    _lines(left, table[table["policy"] == "trained"], "direction", DIRECTIONS)
    _lines(right, table[table["direction"] == "random"], "policy", POLICIES)
    left.set_title("The trained policy, several directions")
    right.set_title("Random directions, several policies")
    return whole


def _lines(axis, rows: pd.DataFrame, by: str, styles: dict) -> None:
    for name, (label, colour, line) in styles.items():
        kl = rows[rows[by] == name].groupby("length")["kl"]
        middle = kl.median()
        reach = np.exp(np.interp(np.log(DELTA), np.log(middle), np.log(middle.index)))
        above = 3 if line == "--" else 2  # dashes let the line below be seen
        axis.plot(middle, line, color=colour, linewidth=1.4, zorder=above, label=f"{label}: {reach:.2g}")
        axis.fill_between(middle.index, kl.min(), kl.max(), color=colour, alpha=0.15, linewidth=0)
    axis.axhline(DELTA, color="0.4", linestyle=":", linewidth=1)
    axis.text(1.1e-3, 1.4 * DELTA, "δ = 0.01", fontsize=7, color="0.3")
    axis.set(xscale="log", yscale="log", xlim=(1e-3, 10), ylim=(1e-10, 10))
    axis.set(xlabel="length of the step ‖Δθ‖", ylabel="KL (nats)")
    axis.legend(frameon=False, fontsize=6.5, loc="lower right", borderaxespad=0, labelspacing=0.25)
