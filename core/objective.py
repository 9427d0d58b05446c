"""The surrogate objective that the methods share, and what is reported of an update."""

import torch

from core.agent import Agent, Batch, Sampled
from core.policy import Gaussian, entropy, kl, logp


def standardise(adv: torch.Tensor) -> torch.Tensor:
    """Advantages with mean 0 and standard deviation 1 over the batch.

    Zeros where they are equal: their deviation is then not 0 but a rounding or two of their size, and would become 1.
    """
    std = adv.std(correction=0)
    if std <= 4 * torch.finfo(adv.dtype).eps * adv.abs().max():
        return torch.zeros_like(adv)
    return (adv - adv.mean()) / (std + 1e-8)


class _FiniteExp(torch.autograd.Function):
    """As an operation of its own, because the gradient of ``exp(x).clamp(max=…)`` is 0 · ∞ where it is clamped."""

    @staticmethod
    def forward(ctx, x):
        out = torch.exp(x).clamp(max=3e38)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0]


def finite_exp(x: torch.Tensor) -> torch.Tensor:
    """exp(x), and its gradient, as far as float32 holds them: at most 3e38, of which 0 times as much is 0."""
    return _FiniteExp.apply(x)


def log_ratio(logp: torch.Tensor, logp_old: torch.Tensor, adv: torch.Tensor) -> torch.Tensor:
    """log π_θ/π_old of each step; 0 where the advantage is 0, for there it does not count, even if it is infinite."""
    return (logp - logp_old).masked_fill(adv == 0, 0)


def surrogate(agent: Agent, theta: torch.Tensor, steps: Sampled) -> torch.Tensor:
    """mean[ π_θ/π_old · adv ] (TRPO, arXiv 1502.05477, eq. 14). At θ_old its gradient is the policy gradient."""
    logp_new = agent.policy.logp(theta, steps.obs, steps.act)
    return (torch.exp(log_ratio(logp_new, steps.logp, steps.adv)) * steps.adv).mean()


def mean_kl(agent: Agent, theta: torch.Tensor, obs: torch.Tensor, old: Gaussian) -> torch.Tensor:
    """Mean over the states (N × O) of KL(π_old ‖ π_θ), nats."""
    return kl(old, agent.policy.dist(theta, obs)).mean()


def gain_and_kl(agent: Agent, theta: torch.Tensor, steps: Sampled, old: Gaussian) -> tuple[torch.Tensor, torch.Tensor]:
    """Gain of the surrogate over θ_old, and mean KL(π_old ‖ π_θ): what a line search asks, in one pass."""
    new = agent.policy.dist(theta, steps.obs)
    gain = (torch.expm1(log_ratio(logp(new, steps.act), steps.logp, steps.adv)) * steps.adv).mean()
    return gain, kl(old, new).mean()


@torch.no_grad()
def diagnose(agent: Agent, batch: Batch, adv: torch.Tensor) -> dict[str, float]:
    """What an update did, measured after it on the batch it learned from.

    ``kl`` is the mean KL(old ‖ new) and ``entropy`` the new policy's; ``surr_before`` and ``surr_after`` are the
    surrogate with the advantages the algorithm used; ``value_loss`` is the new value function's mean
    squared error, and ``explained_variance`` the old one's: how well it foresaw these returns.
    """
    measured = agent.graph(_diagnoses)(agent.theta, agent.phi, batch.steps(adv), batch.old, batch.val)
    return dict(zip(DIAGNOSES, measured.tolist(), strict=True))


DIAGNOSES = ("kl", "entropy", "surr_before", "surr_after", "value_loss", "explained_variance")


def _diagnoses(agent, theta, phi, steps, old, val):
    new = agent.policy.dist(theta, steps.obs)
    far = kl(old, new).mean()
    after = (torch.exp(log_ratio(logp(new, steps.act), steps.logp, steps.adv)) * steps.adv).mean()
    value_loss = ((agent.value(phi, steps.obs) - steps.ret) ** 2).mean()
    foreseen = 1 - (steps.ret - val).var() / steps.ret.var()
    return torch.stack([far, entropy(new), steps.adv.mean(), after, value_loss, foreseen])
