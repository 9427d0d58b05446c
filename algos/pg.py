"""Policy gradient: the lecture's actor-critic, or REINFORCE (slides 1).

    for k = 0, 1, …
        sample trajectories with π_θ
        A = GAE(V_φ), or without a critic the discounted return to go
        ĝ = mean[ ∇log π_θ(a|s) · A ]
        θ ← θ + α ĝ                                  "this lecture is about this stepsize"
        fit V_φ to A + V_φ, the TD(λ) return

Sources: Williams 1992 (REINFORCE); Sutton et al. 2000, Theorem 1; GAE: Schulman et al. 2016 (arXiv
1506.02438). The batch, discount and step sizes are those of Spinning Up's VPG (038665d). The lecture fits V_φ before it
takes the advantages; here V_φ is of the batches before, and has not seen the returns that it is compared with.
"""

import math
from dataclasses import dataclass
from typing import Literal

from core.adam import Adam
from core.kinds import Share
from core.normalise import standardise
from core.objective import diagnose
from core.rollout import make_batch, sample
from core.value import fit_value, value_adam


@dataclass(frozen=True)
class Config:
    batch: int = 4000  #: steps per update (Spinning Up, steps_per_epoch)
    gamma: Share = 0.99  #: discount (Spinning Up)
    lam: Share = 0.97  #: λ of GAE (Spinning Up)
    critic: bool = True  #: False: REINFORCE, whole episodes, returns to go in the place of advantages
    optimiser: Literal["adam", "plain"] = "adam"  #: what makes a step of ĝ (Spinning Up: Adam; the lecture: plain)
    step_size: float = 3e-4  #: α (Spinning Up, pi_lr)
    value_epochs: int = 80  #: passes over the batch (Spinning Up, train_v_iters)
    value_minibatch: int = 4000  #: the whole batch at a time (Spinning Up)
    value_step: float = 1e-3  #: Adam step size of φ (Spinning Up, vf_lr)


def objective(agent, theta, obs, act, adv):
    """mean[ log π_θ(a|s) · A ], whose gradient is ĝ."""
    return (agent.policy.logp(theta, obs, act) * adv).mean()


def init(agent, cfg):
    agent.compiled &= cfg.critic  # batches of whole episodes: each has another shape
    descent = Adam(lambda theta, *data: -objective(agent, theta, *data), (agent.theta,), agent.compiled)
    return {"adam": descent, "value_adam": value_adam(agent)}


def collect(agent, envs, cfg, common, state):
    roll = sample(agent, envs, cfg.batch, whole_episodes=not cfg.critic)
    limits = common.time_limit == "bootstrap"
    return roll and make_batch(agent, roll, cfg.gamma, cfg.lam, critic=cfg.critic, bootstrap_limits=limits)


def update(agent, batch, cfg, state):
    adv = standardise(batch.adv)
    data = (batch.obs, batch.act, adv)
    if cfg.optimiser == "adam":
        state["adam"].descend(*data, step_size=cfg.step_size)
    else:
        agent.theta += cfg.step_size * agent.gradient(objective)(agent.theta, *data)
    if cfg.critic:
        fit_value(agent, batch, cfg, state["value_adam"])
    stats = diagnose(agent, batch, adv) | {"step_size": cfg.step_size}
    return stats if cfg.critic else stats | {"value_loss": math.nan, "explained_variance": math.nan}
