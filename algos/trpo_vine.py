"""Trust region policy optimisation, vine (Schulman et al. 2015, arXiv 1502.05477, section 5.2; lecture 2).

    for k = 0, 1, …
        sample a trunk with π_θ; choose N of its steps, each as likely as any other; save the simulator there
        for each saved s_n:  draw a_n1 … a_nK from π_θ(· | s_n);  restore s_n, take a_nj, follow π_θ, T steps in all
            Q_nj = r_0 + γ r_1 + … + γ^T V_φ(s_T)             the same noise for all K: common random numbers
        L(θ) = mean over n of  Σ_j ratio_nj Q_nj / Σ_j ratio_nj,      ratio_nj = π_θ/π_old (a_nj | s_n)
        g = ∇L;  x = F⁻¹ g;  Δ = sqrt(2δ / xᵀF x) · x;  line search;  θ ← what it found
        fit V_φ on the trunk

The weights normalise themselves (section 5.2), so no baseline is needed: a constant added to the Q of a state changes
nothing. The gradient's mean is (K − 1)/K times the policy gradient, for Q_nj itself weighs in the mean that is taken
off; a step of given KL does not feel the factor. F and the KL are means over the whole trunk. Branches' steps count.

The paper has no V_φ; its branches are long and an update sees far more steps than a budget of a million allows. Here
V_φ stands for what lies behind the cut. N, K and T are this project's choice; all else is ``trpo``. Where a task is
solved the branches of a state differ by little more than V_φ's error, and a step of given KL follows even that.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from core.agent import Agent, Batch
from core.envs.branches import Branches, Tried
from core.envs.recorded import Environments
from core.errors import UsageError
from core.fit import fit_value, value_adam
from core.kinds import Share
from core.natural import conjugate_gradient, fisher, line_search, step_of_kl
from core.objective import diagnose, mean_kl, standardise
from core.rollout import make_batch, sample


@dataclass(frozen=True)
class Config:
    batch: int = 1024  #: steps per update (Baselines 2017; here of the trunk alone)
    states: int = 32  #: N, steps of the trunk that are branched from
    actions: int = 4  #: K, branches of each
    length: int = 50  #: T, steps of a branch before V_φ takes over
    gamma: Share = 0.99  #: discount (TRPO paper, Baselines 2017)
    lam: Share = 0.98  #: λ of GAE (Baselines 2017; here of V_φ's targets alone)
    max_kl: float = 0.01  #: δ, the trust region (TRPO paper, Baselines 2017)
    cg_iterations: int = 10  #: F x = g is solved, F never inverted (Baselines 2017)
    damping: float = 0.1  #: added to F's diagonal (Baselines 2017)
    fisher_every: int = 5  #: F is averaged over every n-th observation (Baselines 2017)
    shrink: Share = 0.5  #: factor of the line search (Baselines 2017)
    tries: int = 10  #: candidates of the line search (Baselines 2017)
    value_epochs: int = 5  #: passes over the batch (Baselines 2017, vf_iters; here the trunk)
    value_minibatch: int = 64  #: (Baselines 2017)
    value_step: float = 1e-3  #: Adam step size of φ (Baselines 2017)


class Tries(NamedTuple):
    obs: torch.Tensor  #: N × O, filtered
    act: torch.Tensor  #: N × K × A
    logp: torch.Tensor  #: N × K, log π_old
    q: torch.Tensor  #: N × K


@dataclass
class Vine(Batch):
    tries: Tries  #: the branches of N of the trunk's states


def init(agent: Agent, cfg: Config) -> dict:
    if cfg.states > cfg.batch:
        raise UsageError(f"trpo_vine: states: {cfg.states} is more than the trunk has steps (batch: {cfg.batch})")
    if cfg.actions < 2:
        raise UsageError("trpo_vine: actions: give 2 or more: the surrogate of a single action is constant")
    return {"value_adam": value_adam(agent)}


def collect(agent: Agent, envs: Environments, cfg: Config, state: dict) -> Vine:
    chosen, saved = np.sort(agent.streams.shuffle.choice(cfg.batch, cfg.states, replace=False)), []

    def save(row):  # the trunk's steps are counted row by row, and in a row copy by copy
        saved.extend(envs.save(i % len(envs)) for i in chosen[chosen // len(envs) == row])

    roll = sample(agent, envs, cfg.batch, before_row=save)
    if "branches" not in state:  # init() does not see the environments
        state["branches"] = Branches(envs, cfg.actions)
    noise, act_dim, actor = agent.streams.noise, envs.act_dim, agent.policy.actor(agent.theta)
    acts, tried = [], []
    for start in saved:
        acts.append(actor(agent.filter(start.obs), noise.standard_normal((cfg.actions, act_dim), np.float32)))
        common_noise = noise.standard_normal((cfg.length - 1, act_dim), np.float32)
        tried.append(state["branches"].try_out(agent, start, acts[-1], common_noise))
    obs = torch.from_numpy(agent.filter(np.stack([start.obs for start in saved])))
    act = torch.from_numpy(np.stack(acts))
    with torch.no_grad():
        logp = log_prob(agent, agent.theta, obs, act)
    trunk = make_batch(agent, roll, cfg.gamma, cfg.lam)
    return Vine(**vars(trunk), tries=Tries(obs, act, logp, q_values(agent, envs, tried, cfg)))


def q_values(agent: Agent, envs: Environments, tried: list[Tried], cfg: Config) -> torch.Tensor:
    """Q (N × K): the discounted rewards of each branch and, where the policy would go on, V_φ of what follows."""
    rew, length, terminated, truncated, last_obs = (np.stack(column) for column in zip(*tried, strict=True))
    with torch.no_grad():
        val = agent.value(agent.phi, torch.from_numpy(agent.filter(last_obs)).flatten(0, 1)).view(length.shape).numpy()
    discount = cfg.gamma ** np.arange(cfg.length)[:, None]
    q = (discount * rew).sum(axis=1) + np.where(envs.terminal(terminated, truncated), 0, cfg.gamma**length * val)
    return torch.from_numpy(q).float()


def log_prob(agent: Agent, theta: torch.Tensor, obs: torch.Tensor, act: torch.Tensor) -> torch.Tensor:
    """log π_θ of K actions (N × K × A) at each of N states: N × K."""
    return agent.policy.logp(theta, obs.repeat_interleave(act.shape[1], 0), act.flatten(0, 1)).view(act.shape[:2])


def surrogate(agent: Agent, theta: torch.Tensor, tries: Tries) -> torch.Tensor:
    """L(θ): the mean of Q with the softmax of log ratio as weights, Σ_j ratio_j Q_j / Σ_j ratio_j; its mean over n."""
    log_ratio = log_prob(agent, theta, tries.obs, tries.act) - tries.logp
    return (torch.softmax(log_ratio, 1) * tries.q).sum(1).mean()


def update(agent: Agent, batch: Vine, cfg: Config, state: dict) -> dict[str, float]:
    surr, kl = agent.graph(surrogate), agent.graph(mean_kl)
    g = agent.gradient(surrogate)(agent.theta, batch.tries)
    F = fisher(agent, batch.every(cfg.fisher_every), cfg.damping)
    x = conjugate_gradient(F, g, cfg.cg_iterations)
    step = step_of_kl(F, x, cfg.max_kl)
    before = surr(agent.theta, batch.tries)

    def near(theta):
        return surr(theta, batch.tries) - before, kl(theta, batch.obs, batch.old)

    theta, searched = line_search(near, agent.theta, step, cfg.max_kl, cfg.shrink, cfg.tries)
    agent.theta.copy_(theta)
    vine = {"surr_before": before.item(), "surr_after": surr(theta, batch.tries).item(), **searched}
    fit_value(agent, batch, cfg, state["value_adam"])
    return diagnose(agent, batch, standardise(batch.adv)) | vine  # of the trunk, but for the surrogate
