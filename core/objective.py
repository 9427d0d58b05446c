"""The surrogate objective that the methods share, and what is reported of an update."""

from collections.abc import Callable

import torch

from core.agent import Agent
from core.policy import entropy, kl, logp
from core.rollout import Batch


def surrogate(agent: Agent, batch: Batch, adv: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """θ ↦ mean[ π_θ/π_old · adv ] (TRPO, arXiv 1502.05477, eq. 14). At θ_old its gradient is the policy gradient."""
    return lambda theta: (torch.exp(agent.policy.logp(theta, batch.obs, batch.act) - batch.logp) * adv).mean()


def mean_kl(agent: Agent, batch: Batch) -> Callable[[torch.Tensor], torch.Tensor]:
    """θ ↦ mean over the batch's states of KL(π_old ‖ π_θ)."""
    return lambda theta: kl(batch.old, agent.policy.dist(theta, batch.obs)).mean()


@torch.no_grad()
def diagnose(agent: Agent, batch: Batch, adv: torch.Tensor) -> dict[str, float]:
    """What an update did, measured after it on the batch it learned from.

    ``kl`` is the mean KL(old ‖ new) and ``entropy`` the new policy's; ``surr_before`` and ``surr_after`` are the
    surrogate with the advantages the algorithm used; ``value_loss`` is the new value function's mean
    squared error, and ``explained_variance`` the old one's: how well it foresaw these returns.
    """
    new = agent.policy.dist(agent.theta, batch.obs)
    ratio = torch.exp(logp(new, batch.act) - batch.logp)
    return {
        "kl": kl(batch.old, new).mean().item(),
        "entropy": entropy(new).item(),
        "surr_before": adv.mean().item(),
        "surr_after": (ratio * adv).mean().item(),
        "value_loss": ((agent.value(agent.phi, batch.obs) - batch.ret) ** 2).mean().item(),
        "explained_variance": 1 - ((batch.ret - batch.val).var() / batch.ret.var()).item(),
    }
