"""Policy gradient whose step size follows the KL it makes: "Vanilla PG, Adaptive" of PPO Figure 3.

    for k = 0, 1, …
        sample trajectories with π_θ; A = GAE(V_φ)
        ĝ = mean[ ∇log π_θ(a|s) · A ]
        θ ← Adam step of size α along ĝ
        d = mean KL(π_old ‖ π_θ);  if d > 2 target: α ← α/1.5;  if d < target/2: α ← 1.5 α
        fit V_φ

The rule: CS294 (spring 2017) homework 4, which the PPO paper (arXiv 1707.06347, footnote 3) names as its source; the
settings of Figure 3 are not published. Target and first step are the homework's (for Pendulum); batch, discount and λ
the PPO paper's for MuJoCo; the value fit is that of Baselines in 2017.
"""

from dataclasses import dataclass

from core.adam import Adam
from core.agent import Agent, Batch
from core.fit import fit_value, value_adam
from core.kinds import Positive, Share
from core.objective import diagnose, standardise


@dataclass(frozen=True)
class Config:
    batch: int = 2048  #: steps per update (PPO paper, Table 3; the homework: 2500 on Pendulum)
    gamma: Share = 0.99  #: discount (PPO paper, Table 3)
    lam: Share = 0.95  #: λ of GAE (PPO paper, Table 3)
    target: Positive = 2e-3  #: the KL wanted of an update (CS294 homework 4)
    step_size: Positive = 1e-3  #: α at the start (CS294 homework 4)
    value_epochs: int = 5  #: passes over the batch (Baselines 2017, vf_iters)
    value_minibatch: int = 64  #: (Baselines 2017)
    value_step: float = 1e-3  #: Adam step size of φ (Baselines 2017)


def loss(agent, theta, steps):
    return -(agent.policy.logp(theta, steps.obs, steps.act) * steps.adv).mean()


def init(agent: Agent, cfg: Config) -> dict:
    return {"adam": Adam(agent, agent.theta), "value_adam": value_adam(agent), "step_size": cfg.step_size}


def adapt(step_size: float, d: float, target: float) -> float:
    """α after a mean KL of ``d``: from 1e-8 (less is lost in rounding) to 1 (else gradients of 0 raise it for ever)."""
    if d > 2 * target:
        return max(step_size / 1.5, 1e-8)
    if d < target / 2:
        return min(step_size * 1.5, 1.0)
    return step_size


def update(agent: Agent, batch: Batch, cfg: Config, state: dict) -> dict[str, float]:
    adv, step_size = standardise(batch.adv), state["step_size"]
    state["adam"].descend(loss, batch.steps(adv), step_size=step_size)
    fit_value(agent, batch, cfg, state["value_adam"])
    stats = diagnose(agent, batch, adv)
    state["step_size"] = adapt(step_size, stats["kl"], cfg.target)
    return stats | {"step_size": step_size}
