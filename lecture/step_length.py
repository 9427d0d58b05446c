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

from core.natural import conjugate_gradient, fisher
from core.objective import standardise, surrogate
from core.policy import Policy, kl
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
