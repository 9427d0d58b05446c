"""A2C with a trust region: "A2C + Trust Region" of PPO Figure 3, by the construction it cites (ACER, Wang et al. 2016,
arXiv 1611.01224, section 3.3).

    for k = 0, 1, …
        take n steps in each environment with π_θ;  A as in a2c
        with f = (mean, log-std), the statistics of π_θ at each state, and π_avg the average policy:
            g = ∇_f ( log π(a|s) A + c_H H )           k = ∇_f KL(π_avg ‖ π)
            z = g − max(0, (kᵀg − δ) / ‖k‖²) k         the nearest to g that has kᵀz ≤ δ (eq. 12)
        θ ← RMSprop step along mean[ (∂f/∂θ)ᵀ z ];  φ as in a2c
        θ_avg ← decay θ_avg + (1 − decay) θ

Figure 3's settings are not published: these are the ACER defaults of Baselines (ea25b9e), all others those of ``a2c``.
"""

from dataclasses import dataclass

import torch

from core.agent import Agent, Batch
from core.kinds import Share
from core.objective import diagnose
from core.policy import Gaussian, kl
from core.rmsprop import RMSprop, left


@dataclass(frozen=True)
class Config:
    batch: int = 40  #: 5 steps in each of the run's 8 environments (Baselines, nsteps)
    gamma: Share = 0.99  #: discount (Baselines)
    lam: Share = 1.0  #: 1: plain n-step returns (A3C paper)
    delta: float = 1.0  #: δ, the bound on kᵀz (Baselines, ACER)
    average_decay: Share = 0.99  #: of the average policy (Baselines, ACER)
    step_size: float = 7e-4  #: α, at first (Baselines)
    anneal: float = 0  #: environment steps over which α falls in a line to 0 (Baselines: all of the run's); 0: it stays
    entropy: float = 0.01  #: c_H (Baselines)
    value_weight: float = 0.5  #: c_V (Baselines)
    max_norm: float = 0.5  #: of the joint gradient (Baselines)
    decay: Share = 0.99  #: of RMSprop's mean square (Baselines)
    eps: float = 1e-5  #: of RMSprop (Baselines)


def project(g: torch.Tensor, k: torch.Tensor, delta: float) -> torch.Tensor:
    """The row nearest to each row of ``g`` (N × D) with kᵀz ≤ ``delta``: argmin ½‖g − z‖², in closed form."""
    excess = ((k * g).sum(-1, keepdim=True) - delta).clamp(min=0)
    return g - excess / (k * k).sum(-1, keepdim=True).clamp(min=1e-10) * k


def loss(agent, theta, phi, steps, average, cfg):
    """Its gradient by θ is −mean[ (∂f/∂θ)ᵀ z ]; by φ it is that of a2c."""
    mean, log_std = agent.policy.dist(theta, steps.obs)
    f = torch.cat([mean, log_std.expand_as(mean)], dim=-1)
    leaf = f.detach().requires_grad_()
    now = Gaussian(*leaf.chunk(2, dim=-1))
    with torch.no_grad():
        before = agent.policy.dist(average, steps.obs)
    noise = (steps.act - now.mean) * torch.exp(-now.log_std)
    logp = (-0.5 * noise * noise - now.log_std).sum(-1)  # here each row has its own log-std; a constant is left out
    objective = logp * steps.adv + cfg.entropy * now.log_std.sum(-1)
    (g,) = torch.autograd.grad(objective.sum(), leaf)
    (k,) = torch.autograd.grad(kl(before, now).sum(), leaf)
    surr = (f * project(g, k, cfg.delta)).sum() / len(f)
    return -surr + cfg.value_weight * ((agent.value(phi, steps.obs) - steps.ret) ** 2).mean()


def init(agent: Agent, cfg: Config) -> dict:
    rmsprop = RMSprop(agent, agent.theta, agent.phi, decay=cfg.decay, eps=cfg.eps, max_norm=cfg.max_norm)
    return {"rmsprop": rmsprop, "average": agent.theta.clone(), "steps": 0}


def update(agent: Agent, batch: Batch, cfg: Config, state: dict) -> dict[str, float]:
    step_size = cfg.step_size * left(state["steps"], cfg.anneal)
    state["steps"] += cfg.batch
    state["rmsprop"].descend(loss, batch.steps(batch.adv), state["average"], cfg, step_size=step_size)
    state["average"].lerp_(agent.theta, 1 - cfg.average_decay)
    return diagnose(agent, batch, batch.adv) | {"step_size": step_size}
