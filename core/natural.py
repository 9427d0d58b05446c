"""Natural gradients: the Fisher matrix as a product, conjugate gradients, the step length, the line search."""

import math
from collections.abc import Callable

import torch

from core.agent import Agent

Product = Callable[[torch.Tensor], torch.Tensor]


def fisher(agent: Agent, obs: torch.Tensor, damping: float) -> Product:
    """v ↦ (F + damping · I) v, with F the Fisher matrix of π_θ at ``agent.theta``, averaged over ``obs``.

    F = ∇² mean KL(π_θ ‖ π_θ') at θ' = θ = E[∇log π ∇log πᵀ] (lecture, "Taylor"). For a Gaussian whose mean is
    a network with Jacobian J and whose log-stds are parameters of their own, both are

        mean over states of Jᵀ diag(1/σ²) J  for the weights,      2 I  for the log-stds,

    so a product takes one forward pass (J v) and one reverse pass, and no second derivative.
    """
    product, theta = agent.graph(_fisher_product), agent.theta
    return lambda v: product(theta, obs, v) + damping * v


def _fisher_product(agent, theta, obs, v):
    weights, log_std = agent.policy.split(theta.detach())
    along_weights, along_log_std = agent.policy.split(v)
    weights.requires_grad_()
    mean, jv = agent.policy.net.jvp(weights, along_weights, obs)
    cotangent = jv.detach() * torch.exp(-2 * log_std) / len(obs)
    (fv,) = torch.autograd.grad((mean * cotangent).sum(), weights)
    return torch.cat([fv, 2 * along_log_std])


def conjugate_gradient(product: Product, g: torch.Tensor, iterations: int, tolerance: float = 1e-10) -> torch.Tensor:
    """x with F x ≈ g, F symmetric positive definite and known by its products only.

    Stops after ``iterations``, when the squared residual has shrunk by ``tolerance`` (relative: a step of given
    KL does not depend on the length of g), or when a direction without positive curvature shows that
    rounding has taken over; x is then the best found so far. For g = 0 it is 0.
    """
    x = torch.zeros_like(g)
    residual, direction = g.clone(), g.clone()
    rr = residual @ residual
    enough = tolerance * rr
    for _ in range(iterations):
        if rr < enough:
            break
        fd = product(direction)
        curvature = direction @ fd
        if curvature <= 0:
            break
        alpha = rr / curvature
        x += alpha * direction
        residual -= alpha * fd
        rr, previous = residual @ residual, rr
        direction = residual + (rr / previous) * direction
    return x


def step_of_kl(product: Product, x: torch.Tensor, max_kl: float) -> torch.Tensor:
    """The multiple Δ of the direction ``x`` whose quadratic KL, ½ Δᵀ F Δ, is ``max_kl``.

    With x = F⁻¹ g this is the lecture's sqrt(2ε / gᵀF⁻¹g) F⁻¹ g. A zero direction stays zero.
    """
    curvature = x @ product(x)
    if curvature <= 0:
        return torch.zeros_like(x)
    return torch.sqrt(2 * max_kl / curvature) * x


@torch.no_grad()
def line_search(
    evaluate: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
    theta: torch.Tensor,
    step: torch.Tensor,
    max_kl: float,
    shrink: float,
    tries: int,
) -> tuple[torch.Tensor, dict[str, int | bool]]:
    """Walk back from ``theta + step`` until the policy is better and near (lecture, Algorithm 2).

    ``evaluate`` gives (gain of the surrogate over θ, mean KL) at a candidate; the first with gain ≥ 0 and
    KL ≤ ``max_kl`` is taken. NaN passes neither test.

    Returns θ and what to report: ``backtracks``, the shrinkings done; ``accepted``; ``nans``, how many candidates had
    a gain or a KL that is not a number. After a failure θ is ``theta`` itself, bit for bit.
    """
    nans = 0
    for j in range(tries):
        candidate = theta + shrink**j * step
        gain, kl = evaluate(candidate)
        if gain >= 0 and kl <= max_kl:
            return candidate, {"backtracks": j, "accepted": True, "nans": nans}
        nans += math.isnan(gain) or math.isnan(kl)
    return theta, {"backtracks": tries, "accepted": False, "nans": nans}
