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

import numpy as np
import torch

from core.envs.branches import Branches
from core.errors import UsageError
from core.kinds import Share
from core.natural import conjugate_gradient, fisher, line_search, step_of_kl
from core.normalise import standardise
from core.objective import Objective, diagnose, mean_kl
from core.rollout import Batch, make_batch, sample
from core.value import fit_value, value_adam


@dataclass(frozen=True)
class Config:
    batch: int = 1024  #: steps of the trunk (Baselines 2017)
    states: int = 32  #: N, steps of the trunk that are branched from
    actions: int = 4  #: K, branches of each
    length: int = 50  #: T, steps of a branch before V_φ takes over
    gamma: Share = 0.99  #: discount (TRPO paper, Baselines 2017)
    lam: Share = 0.98  #: λ of GAE, for the returns that V_φ is fitted to (Baselines 2017)
    max_kl: float = 0.01  #: δ, the trust region (TRPO paper, Baselines 2017)
    cg_iterations: int = 10  #: F x = g is solved, F never inverted (Baselines 2017)
    damping: float = 0.1  #: added to F's diagonal (Baselines 2017)
    fisher_every: int = 5  #: F is averaged over every n-th observation (Baselines 2017)
    shrink: Share = 0.5  #: α of the line search (Baselines 2017)
    tries: int = 10  #: candidates of the line search (Baselines 2017)
    value_epochs: int = 5  #: passes over the trunk (Baselines 2017, vf_iters)
    value_minibatch: int = 64  #: (Baselines 2017)
    value_step: float = 1e-3  #: Adam step size of φ (Baselines 2017)


@dataclass
class Vine(Batch):
    """The trunk, and the branches of N of its states."""

    branch_obs: torch.Tensor  #: N × O, filtered
    branch_act: torch.Tensor  #: N × K × A
    branch_logp: torch.Tensor  #: N × K, log π_old
    q: torch.Tensor  #: N × K


def init(agent, cfg):
    if cfg.states > cfg.batch:
        raise UsageError(f"trpo_vine: states: {cfg.states} is more than the trunk has steps (batch: {cfg.batch})")
    if cfg.actions < 2:
        raise UsageError("trpo_vine: actions: give 2 or more: the surrogate of a single action is constant")
    return {"value_adam": value_adam(agent)}


def collect(agent, envs, cfg, common, state):
    limits = common.time_limit == "bootstrap"
    chosen, saved = np.sort(agent.streams.shuffle.choice(cfg.batch, cfg.states, replace=False)), []

    def save(row):  # the trunk's steps are counted row by row, and in a row copy by copy
        saved.extend(envs.save(i % len(envs)) for i in chosen[chosen // len(envs) == row])

    roll = sample(agent, envs, cfg.batch, before_row=save)
    if roll is None:
        return None
    if "branches" not in state:  # init() does not see the environments
        state["branches"] = Branches(envs, cfg.actions)
    noise, act_dim, actor = agent.streams.noise, envs.act_dim, agent.policy.actor(agent.theta)
    acts, tried = [], []
    for start in saved:
        acts.append(actor(agent.filter(start.obs), noise.standard_normal((cfg.actions, act_dim), np.float32)))
        common_noise = noise.standard_normal((cfg.length - 1, act_dim), np.float32)
        tried.append(state["branches"].try_out(agent, start, acts[-1], common_noise))
        if tried[-1] is None:
            return None
    obs = torch.from_numpy(agent.filter(np.stack([start.obs for start in saved])))
    act = torch.from_numpy(np.stack(acts))
    with torch.no_grad():
        logp = log_prob(agent, agent.theta, obs, act)
    trunk = make_batch(agent, roll, cfg.gamma, cfg.lam, bootstrap_limits=limits)
    return Vine(**vars(trunk), branch_obs=obs, branch_act=act, branch_logp=logp, q=q_values(agent, tried, cfg, limits))


def q_values(agent, tried, cfg, bootstrap_limits):
    """Q (N × K): the discounted rewards of each branch and, where the policy would go on, V_φ of what follows."""
    rew, length, terminated, truncated, last_obs = (np.stack(column) for column in zip(*tried, strict=True))
    with torch.no_grad():
        val = agent.value(agent.phi, torch.from_numpy(agent.filter(last_obs)).flatten(0, 1)).view(length.shape).numpy()
    over = terminated if bootstrap_limits else terminated | truncated
    discount = cfg.gamma ** np.arange(cfg.length)[:, None]
    q = (discount * rew).sum(axis=1) + np.where(over, 0, cfg.gamma**length * val)
    return torch.from_numpy(q).float()


def log_prob(agent, theta, obs, act):
    """log π_θ of K actions (N × K × A) at each of N states: N × K."""
    return agent.policy.logp(theta, obs.repeat_interleave(act.shape[1], 0), act.flatten(0, 1)).view(act.shape[:2])


def surrogate(agent, batch):
    """θ ↦ L(θ)."""
    return Objective(agent, weighted_mean, batch.branch_obs, batch.branch_act, batch.branch_logp, batch.q)


def weighted_mean(agent, theta, obs, act, logp_old, q):
    """Σ_j ratio_j Q_j / Σ_j ratio_j, the mean of Q with the softmax of log ratio as weights; its mean over n."""
    log_ratio = log_prob(agent, theta, obs, act) - logp_old
    return (torch.softmax(log_ratio, 1) * q).sum(1).mean()


def update(agent, batch, cfg, state):
    surr, kl = surrogate(agent, batch), mean_kl(agent, batch)
    g = surr.gradient(agent.theta)
    F = fisher(agent, batch.every(cfg.fisher_every), cfg.damping)
    x = conjugate_gradient(F, g, cfg.cg_iterations)
    step = step_of_kl(F, x, cfg.max_kl)
    with torch.no_grad():
        before = surr(agent.theta)
        theta, searched = line_search(
            lambda new: (surr(new) - before, kl(new)), agent.theta, step, cfg.max_kl, cfg.shrink, cfg.tries
        )
        after = surr(theta)
    agent.theta.copy_(theta)
    fit_value(agent, batch, cfg, state["value_adam"])
    vine = {"surr_before": before.item(), "surr_after": after.item(), **searched}
    return diagnose(agent, batch, standardise(batch.adv)) | vine  # of the trunk, but for the surrogate
