"""Natural policy gradient (Kakade 2001; lecture 1, Algorithm 1).

    for k = 0, 1, …
        sample trajectories with π_θ; A = GAE(V_φ)
        g = ∇ mean[ π_θ/π_old · A ]      F = Fisher matrix = ∇² mean KL(π_old ‖ π_θ), both at θ_old
        x = F⁻¹ g by conjugate gradients
        θ ← θ + sqrt(2ε / xᵀF x) · x               the step whose quadratic KL is ε
        fit V_φ

The step length from the KL radius: Peters and Schaal 2008; Rajeswaran et al. 2017 (arXiv 1703.02660), eq. 5.
The defaults are those of ``trpo`` (Baselines 2017, da99706), so that the difference is the lecture's: a line search.
"""

from dataclasses import dataclass

from core.agent import Agent, Batch
from core.fit import fit_value, value_adam
from core.kinds import Share
from core.natural import conjugate_gradient, fisher, step_of_kl
from core.objective import diagnose, standardise, surrogate


@dataclass(frozen=True)
class Config:
    batch: int = 1024  #: steps per update (Baselines 2017)
    gamma: Share = 0.99  #: discount (Baselines 2017)
    lam: Share = 0.98  #: λ of GAE (Baselines 2017)
    max_kl: float = 0.01  #: ε, the KL radius (TRPO paper, Baselines 2017; there δ)
    cg_iterations: int = 10  #: F x = g is solved, F never inverted (Baselines 2017)
    damping: float = 0.1  #: added to F's diagonal (Baselines 2017)
    fisher_every: int = 5  #: F is averaged over every n-th observation (Baselines 2017)
    value_epochs: int = 5  #: passes over the batch (Baselines 2017, vf_iters)
    value_minibatch: int = 64  #: (Baselines 2017)
    value_step: float = 1e-3  #: Adam step size of φ (Baselines 2017)


def init(agent: Agent, cfg: Config) -> dict:
    return {"value_adam": value_adam(agent)}


def update(agent: Agent, batch: Batch, cfg: Config, state: dict) -> dict[str, float]:
    adv = standardise(batch.adv)
    g = agent.gradient(surrogate)(agent.theta, batch.steps(adv))
    F = fisher(agent, batch.every(cfg.fisher_every), cfg.damping)
    x = conjugate_gradient(F, g, cfg.cg_iterations)
    agent.theta += step_of_kl(F, x, cfg.max_kl)
    fit_value(agent, batch, cfg, state["value_adam"])
    return diagnose(agent, batch, adv)
