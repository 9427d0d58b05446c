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
from core.kinds import Positive, Share
from core.normalise import standardise
from core.objective import diagnose, log_ratio
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


def init(agent, cfg):
    def loss(theta, phi, beta, log_std_old, obs, act, mean_old, logp_old, adv, ret):
        new = agent.policy.dist(theta, obs)
        ratio = torch.exp(log_ratio(logp(new, act), logp_old, adv))
        penalty = beta * kl(Gaussian(mean_old, log_std_old), new)
        return -(ratio * adv - penalty).mean() + ((agent.value(phi, obs) - ret) ** 2).mean()

    return {"adam": Adam(loss, (agent.theta, agent.phi), agent.compiled), "beta": cfg.beta}


def adapt(beta, d, target):
    """β after a mean KL of ``d``: from 2⁻⁴⁰ (less is lost in rounding) to 2⁴⁰ (Adam's float32 holds its square)."""
    if d < target / 1.5:
        return max(beta / 2, 2.0**-40)
    if d > target * 1.5:
        return min(max(beta, 2.0**-40) * 2, 2.0**40)
    return beta


def update(agent, batch, cfg, state):
    adv, beta = standardise(batch.adv), state["beta"]
    fixed = (torch.tensor(beta), batch.old.log_std)
    data = (batch.obs, batch.act, batch.old.mean, batch.logp, adv, batch.ret)
    for _ in range(cfg.epochs):
        state["adam"].epoch(data, cfg.minibatch, agent.streams.shuffle, step_size=cfg.step_size, constants=fixed)
    stats = diagnose(agent, batch, adv)
    if cfg.adaptive:
        state["beta"] = adapt(beta, stats["kl"], cfg.target)
    return stats | {"beta": beta, "step_size": cfg.step_size}
