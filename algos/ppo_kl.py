"""Proximal policy optimisation with a KL penalty (Schulman et al. 2017, arXiv 1707.06347, eq. 8).

    for k = 0, 1, …
        sample trajectories with π_θ; A = GAE(V_φ)
        for K epochs of minibatches, with r = π_θ(a|s) / π_old(a|s):
            θ, φ ← Adam step on  −mean[ r A − β KL(π_old ‖ π_θ) ] + mean[ (V_φ − ret)² ]
        d = mean KL(π_old ‖ π_θ);  if d < target/1.5: β ← β/2;  if d > 1.5 target: β ← 2β

The rule is the paper's (section 4). The authors' older modular_rl has another under the same name (factors 1.5 outside
0.7 and 1.3 of the target, a quadratic penalty above twice the target). All else as in ``ppo_clip``.
"""

from dataclasses import dataclass

import torch

from core.adam import Adam
from core.agent import Agent, Batch
from core.kinds import Positive, Share
from core.objective import diagnose, log_ratio, standardise
from core.policy import Gaussian, kl, logp


@dataclass(frozen=True)
class Config:
    batch: int = 2048  #: horizon T (PPO paper, Table 3)
    gamma: Share = 0.99  #: discount (PPO paper, Table 3)
    lam: Share = 0.95  #: λ of GAE (PPO paper, Table 3)
    beta: float = 1.0  #: β at the start (PPO paper, Table 1's caption); for a fixed β the best is 3
    adaptive: bool = True  #: False: β stays (PPO paper, Table 1, "fixed KL")
    target: Positive = 0.01  #: d_targ (PPO paper, Table 1: the best)
    epochs: int = 10  #: K (PPO paper, Table 3)
    minibatch: int = 64  #: (PPO paper, Table 3)
    step_size: float = 3e-4  #: of Adam, not annealed (PPO paper, Table 3)


def loss(agent, theta, phi, rows, log_std_old, beta):
    steps, mean_old = rows
    new = agent.policy.dist(theta, steps.obs)
    ratio = torch.exp(log_ratio(logp(new, steps.act), steps.logp, steps.adv))
    penalty = beta * kl(Gaussian(mean_old, log_std_old), new)
    return -(ratio * steps.adv - penalty).mean() + ((agent.value(phi, steps.obs) - steps.ret) ** 2).mean()


def init(agent: Agent, cfg: Config) -> dict:
    return {"adam": Adam(agent, agent.theta, agent.phi), "beta": cfg.beta}


def adapt(beta: float, d: float, target: float) -> float:
    """β after a mean KL of ``d``: from 2⁻⁴⁰ (less is lost in rounding) to 2⁴⁰ (Adam's float32 holds its square)."""
    if d < target / 1.5:
        return max(beta / 2, 2.0**-40)
    if d > target * 1.5:
        return min(max(beta, 2.0**-40) * 2, 2.0**40)
    return beta


def update(agent: Agent, batch: Batch, cfg: Config, state: dict) -> dict[str, float]:
    adv, beta = standardise(batch.adv), state["beta"]
    rows, fixed = (batch.steps(adv), batch.old.mean), (batch.old.log_std, torch.tensor(beta))
    for _ in range(cfg.epochs):
        state["adam"].epoch(loss, rows, *fixed, size=cfg.minibatch, step_size=cfg.step_size)
    stats = diagnose(agent, batch, adv)
    state["beta"] = adapt(beta, stats["kl"], cfg.target) if cfg.adaptive else beta
    return stats | {"beta": beta, "step_size": cfg.step_size}
