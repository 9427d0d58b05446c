"""TRPO without the constraint: a KL penalty with a fixed weight (lecture 1, "TRPO", the unconstrained form).

    for k = 0, 1, …
        sample trajectories with π_θ; A = GAE(V_φ)
        maximise L(θ) − β mean KL(π_old ‖ π_θ), to first order in L and second in the KL:
            g = ∇L, F = ∇² mean KL at θ_old;   Δ = F⁻¹ g / β by conjugate gradients
        for j = 0 … L:  θ ← θ_old + shrinkʲ Δ;  stop if L − β KL is no worse than at θ_old
        if none passed:  θ ← θ_old
        fit V_φ

Schulman et al. 2015 (arXiv 1502.05477), section 4: theory gives this form, but no β fits every task: hence TRPO's
constraint. With β = sqrt(gᵀF⁻¹g / 2δ) the steps are one; here β stays. None is published; all else is as in ``trpo``.
"""

from dataclasses import dataclass

from core.agent import Agent, Batch
from core.fit import fit_value, value_adam
from core.kinds import Positive, Share
from core.natural import conjugate_gradient, fisher, line_search
from core.objective import diagnose, gain_and_kl, standardise, surrogate


@dataclass(frozen=True)
class Config:
    batch: int = 1024  #: steps per update (Baselines 2017)
    gamma: Share = 0.99  #: discount (Baselines 2017)
    lam: Share = 0.98  #: λ of GAE (Baselines 2017)
    beta: Positive = 3.0  #: β, the weight of the KL (chosen here; the best fixed β of PPO's Table 1)
    cg_iterations: int = 10  #: F x = g is solved, F never inverted (Baselines 2017)
    damping: float = 0.1  #: added to F's diagonal (Baselines 2017)
    fisher_every: int = 5  #: F is averaged over every n-th observation (Baselines 2017)
    shrink: Share = 0.5  #: factor of the line search (Baselines 2017)
    tries: int = 10  #: candidates of the line search (Baselines 2017)
    value_epochs: int = 5  #: passes over the batch (Baselines 2017, vf_iters)
    value_minibatch: int = 64  #: (Baselines 2017)
    value_step: float = 1e-3  #: Adam step size of φ (Baselines 2017)


def init(agent: Agent, cfg: Config) -> dict:
    return {"value_adam": value_adam(agent)}


def update(agent: Agent, batch: Batch, cfg: Config, state: dict) -> dict[str, float]:
    steps = batch.steps(standardise(batch.adv))
    g = agent.gradient(surrogate)(agent.theta, steps)
    F = fisher(agent, batch.every(cfg.fisher_every), cfg.damping)
    step = conjugate_gradient(F, g, cfg.cg_iterations) / cfg.beta

    def penalised(theta):
        gain, far = agent.graph(gain_and_kl)(theta, steps, batch.old)
        return gain - cfg.beta * far, far

    theta, searched = line_search(penalised, agent.theta, step, float("inf"), cfg.shrink, cfg.tries)
    agent.theta.copy_(theta)
    fit_value(agent, batch, cfg, state["value_adam"])
    return diagnose(agent, batch, steps.adv) | searched | {"beta": cfg.beta}
