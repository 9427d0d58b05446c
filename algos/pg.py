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
from core.agent import Agent, Batch
from core.envs.recorded import Environments
from core.fit import fit_value, value_adam
from core.kinds import Share
from core.objective import diagnose, standardise
from core.rollout import make_batch, sample


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


def whole_episodes(cfg: Config) -> bool:
    return not cfg.critic


def loss(agent, theta, steps):
    return -(agent.policy.logp(theta, steps.obs, steps.act) * steps.adv).mean()  # its gradient is −ĝ


def init(agent: Agent, cfg: Config) -> dict:
    return {"adam": Adam(agent, agent.theta), "value_adam": value_adam(agent)}


def collect(agent: Agent, envs: Environments, cfg: Config, state: dict) -> Batch:
    roll = sample(agent, envs, cfg.batch, whole_episodes(cfg))
    return make_batch(agent, roll, cfg.gamma, cfg.lam, critic=cfg.critic)


def update(agent: Agent, batch: Batch, cfg: Config, state: dict) -> dict[str, float]:
    adv = standardise(batch.adv)
    if cfg.optimiser == "adam":
        state["adam"].descend(loss, batch.steps(adv), step_size=cfg.step_size)
    else:
        agent.theta -= cfg.step_size * agent.gradient(loss)(agent.theta, batch.steps(adv))
    if cfg.critic:
        fit_value(agent, batch, cfg, state["value_adam"])
    stats = diagnose(agent, batch, adv) | {"step_size": cfg.step_size}
    return stats if cfg.critic else stats | {"value_loss": math.nan, "explained_variance": math.nan}
