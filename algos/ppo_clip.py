"""Proximal policy optimisation with the clipped surrogate (Schulman et al. 2017, arXiv 1707.06347, eq. 7 and
Algorithm 1; lecture 1, "PPO").

    for k = 0, 1, …
        sample trajectories with π_θ; A = GAE(V_φ)
        for K epochs of minibatches, with r = π_θ(a|s) / π_old(a|s):
            θ, φ ← Adam step on  −mean[ min(r A, clip(r, 1−ε, 1+ε) A) ] + mean[ (V_φ − ret)² ]

The settings are the paper's Table 3. What it leaves open follows the authors' code: advantages standardised over the
batch (Baselines da99706), the value loss not clipped (d9f194f; before, in raw return units). θ and φ share nothing, so
their two Adams are the one Adam of the paper, and the weight of the value loss is without effect.
"""

from dataclasses import dataclass

import torch

from core.adam import Adam
from core.agent import Agent, Batch, Sampled
from core.kinds import Share
from core.objective import diagnose, finite_exp, standardise


@dataclass(frozen=True)
class Config:
    batch: int = 2048  #: horizon T (PPO paper, Table 3)
    gamma: Share = 0.99  #: discount (PPO paper, Table 3)
    lam: Share = 0.95  #: λ of GAE (PPO paper, Table 3)
    epsilon: float = 0.2  #: clip range (PPO paper, Table 1: the best)
    epochs: int = 10  #: K (PPO paper, Table 3)
    minibatch: int = 64  #: (PPO paper, Table 3)
    step_size: float = 3e-4  #: of Adam, not annealed (PPO paper, Table 3)


def clipped(ratio: torch.Tensor, adv: torch.Tensor, epsilon: float) -> torch.Tensor:
    """min(r A, clip(r, 1−ε, 1+ε) A): no reward for going further than ε (eq. 7)."""
    return torch.minimum(ratio * adv, ratio.clamp(1 - epsilon, 1 + epsilon) * adv)


def loss(agent: Agent, theta: torch.Tensor, phi: torch.Tensor, steps: Sampled, cfg: Config) -> torch.Tensor:
    ratio = finite_exp(agent.policy.logp(theta, steps.obs, steps.act) - steps.logp)  # 0 · ∞ where clipped would be NaN
    return -clipped(ratio, steps.adv, cfg.epsilon).mean() + ((agent.value(phi, steps.obs) - steps.ret) ** 2).mean()


def init(agent: Agent, cfg: Config) -> dict:
    return {"adam": Adam(agent, agent.theta, agent.phi)}


def update(agent: Agent, batch: Batch, cfg: Config, state: dict) -> dict[str, float]:
    adv = standardise(batch.adv)
    for _ in range(cfg.epochs):
        state["adam"].epoch(loss, batch.steps(adv), cfg, size=cfg.minibatch, step_size=cfg.step_size)
    return diagnose(agent, batch, adv) | {"step_size": cfg.step_size}
