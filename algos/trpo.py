"""Trust region policy optimisation, single path (Schulman et al. 2015, arXiv 1502.05477; lecture 1, Algorithm 2).

    for k = 0, 1, …
        sample trajectories with π_θ; A = GAE(V_φ)
        g = ∇ mean[ π_θ/π_old · A ]      F = Fisher matrix = ∇² mean KL(π_old ‖ π_θ), both at θ_old
        x = F⁻¹ g by conjugate gradients;  Δ = sqrt(2δ / xᵀF x) · x
        for j = 0 … L:  θ ← θ_old + shrinkʲ Δ;  stop if L(θ) ≥ L(θ_old) and mean KL(π_old ‖ π_θ) ≤ δ
        if none passed:  θ ← θ_old
        fit V_φ

The line search is there because the quadratic model can violate the constraint (paper, appendix C). The defaults are
those of Baselines 2017 (da99706). What differs from that code: there the line search let the KL reach 1.5 δ; the
log-std was left out of the trained variables (``log_std: frozen`` gives that back); networks had 32-32 units;
advantages were not standardised (until 2017-07-23); and the observation filter moved between sampling and update.
"""

from dataclasses import dataclass
from typing import Literal

from core.agent import Agent, Batch
from core.fit import fit_value, value_adam
from core.kinds import Share
from core.natural import conjugate_gradient, fisher, line_search, step_of_kl
from core.objective import diagnose, gain_and_kl, standardise, surrogate


@dataclass(frozen=True)
class Config:
    batch: int = 1024  #: steps per update (Baselines 2017)
    gamma: Share = 0.99  #: discount (Baselines 2017)
    lam: Share = 0.98  #: λ of GAE (Baselines 2017)
    max_kl: float = 0.01  #: δ, the trust region (TRPO paper, Baselines 2017)
    cg_iterations: int = 10  #: F x = g is solved, F never inverted (Baselines 2017)
    damping: float = 0.1  #: added to F's diagonal (Baselines 2017)
    fisher_every: int = 5  #: F is averaged over every n-th observation (Baselines 2017)
    shrink: Share = 0.5  #: factor of the line search (Baselines 2017)
    tries: int = 10  #: candidates of the line search (Baselines 2017)
    log_std: Literal["trained", "frozen"] = "trained"  #: frozen at 0, by mistake, in Baselines until 2018
    value_epochs: int = 5  #: passes over the batch (Baselines 2017, vf_iters)
    value_minibatch: int = 64  #: (Baselines 2017)
    value_step: float = 1e-3  #: Adam step size of φ (Baselines 2017)


def init(agent: Agent, cfg: Config) -> dict:
    return {"value_adam": value_adam(agent)}


def update(agent: Agent, batch: Batch, cfg: Config, state: dict) -> dict[str, float]:
    steps = batch.steps(standardise(batch.adv))
    g = agent.gradient(surrogate)(agent.theta, steps)
    if cfg.log_std == "frozen":
        g[-agent.policy.act_dim :] = 0  # F has no entries between weights and log-stds: the step stays 0 there
    F = fisher(agent, batch.every(cfg.fisher_every), cfg.damping)
    x = conjugate_gradient(F, g, cfg.cg_iterations)
    step = step_of_kl(F, x, cfg.max_kl)

    def near(theta):
        return agent.graph(gain_and_kl)(theta, steps, batch.old)

    theta, searched = line_search(near, agent.theta, step, cfg.max_kl, cfg.shrink, cfg.tries)
    agent.theta.copy_(theta)
    fit_value(agent, batch, cfg, state["value_adam"])
    return diagnose(agent, batch, steps.adv) | searched
