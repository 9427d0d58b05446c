"""Synchronous advantage actor-critic (Mnih et al. 2016, arXiv 1602.01783, Algorithm S3, without the asynchrony).

    for k = 0, 1, …
        take n steps in each environment with π_θ
        R_t = r_t + γ r_{t+1} + … + γᵐ V_φ(s_{t+m});   A = R − V_φ
        one RMSprop step of θ, φ on  −mean[ log π_θ(a|s) A ] − c_H H(π_θ) + c_V mean[ (V_φ − R)² ],  its norm clipped
        (θ ← θ − α g / rms;  α falls in a line to 0 at `anneal` steps)

The settings of PPO Figure 3 are lost: its runs came from an unreleased branch (Baselines issue 125). These are the
library defaults of Baselines (ea25b9e), made for Atari; only over how many steps α falls is for a study to say.
"""

from dataclasses import dataclass

import torch

from core.agent import Agent, Batch, Sampled
from core.kinds import Share
from core.objective import diagnose
from core.policy import entropy, logp
from core.rmsprop import RMSprop, left


@dataclass(frozen=True)
class Config:
    batch: int = 40  #: 5 steps in each of the run's 8 environments (Baselines, nsteps)
    gamma: Share = 0.99  #: discount (Baselines)
    lam: Share = 1.0  #: 1: plain n-step returns (A3C paper)
    step_size: float = 7e-4  #: α, at first (Baselines)
    anneal: float = 0  #: environment steps over which α falls in a line to 0 (Baselines: all of the run's); 0: it stays
    entropy: float = 0.01  #: c_H (Baselines)
    value_weight: float = 0.5  #: c_V (Baselines)
    max_norm: float = 0.5  #: of the joint gradient (Baselines)
    decay: Share = 0.99  #: of RMSprop's mean square (Baselines)
    eps: float = 1e-5  #: of RMSprop (Baselines)


def loss(agent: Agent, theta: torch.Tensor, phi: torch.Tensor, steps: Sampled, cfg: Config) -> torch.Tensor:
    dist = agent.policy.dist(theta, steps.obs)
    surr = (logp(dist, steps.act) * steps.adv).mean() + cfg.entropy * entropy(dist)
    return -surr + cfg.value_weight * ((agent.value(phi, steps.obs) - steps.ret) ** 2).mean()


def init(agent: Agent, cfg: Config) -> dict:
    rmsprop = RMSprop(agent, agent.theta, agent.phi, decay=cfg.decay, eps=cfg.eps, max_norm=cfg.max_norm)
    return {"rmsprop": rmsprop, "steps": 0}


def update(agent: Agent, batch: Batch, cfg: Config, state: dict) -> dict[str, float]:
    step_size = cfg.step_size * left(state["steps"], cfg.anneal)
    state["steps"] += cfg.batch
    state["rmsprop"].descend(loss, batch.steps(batch.adv), cfg, step_size=step_size)
    return diagnose(agent, batch, batch.adv) | {"step_size": step_size}
