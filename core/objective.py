"""The surrogate objective that the methods share, and what is reported of an update."""

from collections.abc import Callable

import torch

from core.agent import Agent
from core.policy import Gaussian, entropy, kl, logp
from core.rollout import Batch


class Objective:
    """θ ↦ ``f(agent, θ, *data)``, a scalar, with its gradient. ``f`` is a function of a module (``Agent.graph``)."""

    def __init__(self, agent: Agent, f: Callable, *data: torch.Tensor):
        self._value, self._gradient, self._data = agent.graph(f), agent.gradient(f), data

    def __call__(self, theta: torch.Tensor) -> torch.Tensor:
        """The value at θ."""
        return self._value(theta, *self._data)

    def gradient(self, theta: torch.Tensor) -> torch.Tensor:
        """The gradient at θ."""
        return self._gradient(theta, *self._data)


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


def surrogate(agent: Agent, batch: Batch, adv: torch.Tensor) -> Objective:
    """θ ↦ mean[ π_θ/π_old · adv ] (TRPO, arXiv 1502.05477, eq. 14). At θ_old its gradient is the policy gradient."""
    return Objective(agent, _surrogate, batch.obs, batch.act, batch.logp, adv)


def _surrogate(agent, theta, obs, act, logp_old, adv):
    return (torch.exp(log_ratio(agent.policy.logp(theta, obs, act), logp_old, adv)) * adv).mean()


def mean_kl(agent: Agent, batch: Batch) -> Objective:
    """θ ↦ mean over the batch's states of KL(π_old ‖ π_θ)."""
    return Objective(agent, _mean_kl, batch.obs, *batch.old)


def _mean_kl(agent, theta, obs, mean_old, log_std_old):
    return kl(Gaussian(mean_old, log_std_old), agent.policy.dist(theta, obs)).mean()


def gain_and_kl(agent: Agent, batch: Batch, adv: torch.Tensor) -> Callable[[torch.Tensor], tuple[torch.Tensor, ...]]:
    """θ ↦ (gain of the surrogate over θ_old, mean KL(π_old ‖ π_θ)): what a line search asks, in one pass."""
    graph, data = agent.graph(_gain_and_kl), (batch.obs, batch.act, *batch.old, batch.logp, adv)
    return lambda theta: graph(theta, *data)


def _gain_and_kl(agent, theta, obs, act, mean_old, log_std_old, logp_old, adv):
    new = agent.policy.dist(theta, obs)
    gain = (torch.expm1(log_ratio(logp(new, act), logp_old, adv)) * adv).mean()
    return gain, kl(Gaussian(mean_old, log_std_old), new).mean()


@torch.no_grad()
def diagnose(agent: Agent, batch: Batch, adv: torch.Tensor) -> dict[str, float]:
    """What an update did, measured after it on the batch it learned from.

    ``kl`` is the mean KL(old ‖ new) and ``entropy`` the new policy's; ``surr_before`` and ``surr_after`` are the
    surrogate with the advantages the algorithm used; ``value_loss`` is the new value function's mean
    squared error, and ``explained_variance`` the old one's: how well it foresaw these returns.
    """
    data = (batch.obs, batch.act, *batch.old, batch.logp, batch.val, adv, batch.ret)
    numbers = agent.graph(_diagnose)(agent.theta, agent.phi, *data).tolist()
    return dict(zip(DIAGNOSES, numbers, strict=True))


DIAGNOSES = ("kl", "entropy", "surr_before", "surr_after", "value_loss", "explained_variance")


def _diagnose(agent, theta, phi, obs, act, mean_old, log_std_old, logp_old, val, adv, ret):
    new = agent.policy.dist(theta, obs)
    far = kl(Gaussian(mean_old, log_std_old), new).mean()
    after = (torch.exp(log_ratio(logp(new, act), logp_old, adv)) * adv).mean()
    value_loss = ((agent.value(phi, obs) - ret) ** 2).mean()
    return torch.stack([far, entropy(new), adv.mean(), after, value_loss, 1 - (ret - val).var() / ret.var()])
