"""Natural gradients: the Fisher matrix as a product, conjugate gradients, the step length, the line search."""

from collections.abc import Callable

import torch

from core.agent import Agent

Product = Callable[[torch.Tensor], torch.Tensor]


def fisher(agent: Agent, obs: torch.Tensor, damping: float) -> Product:
    """v ↦ (F + damping · I) v, with F the Fisher matrix of π_θ at ``agent.theta``, averaged over ``obs``.

    F = ∇² mean KL(π_θ ‖ π_θ') at θ' = θ = E[∇log π ∇log πᵀ] (lecture, "Taylor"). For a Gaussian whose mean is
    a network with Jacobian J and whose log-stds are parameters of their own, both are

        mean over states of Jᵀ diag(1/σ²) J  for the weights,      2 I  for the log-stds,

    so a product takes one forward and one reverse pass and no second derivative. The forward pass J v is
    the derivative by u of vᵀ(Jᵀ u).
    """
    if agent.compiled:
        compiled, theta = agent.graph(_one_product), agent.theta
        return lambda v: compiled(theta, obs, v) + damping * v
    product = _products(agent, agent.theta, obs)
    return lambda v: product(v) + damping * v


def _one_product(agent, theta, obs, v):
    return _products(agent, theta, obs)(v)


def _products(agent: Agent, theta: torch.Tensor, obs: torch.Tensor) -> Product:
    """v ↦ F v. The passes through the network that do not depend on v are made once."""
    theta = theta.detach().requires_grad_()
    mean, log_std = agent.policy.dist(theta, obs)
    u = torch.zeros_like(mean, requires_grad=True)
    (jt_u,) = torch.autograd.grad(mean, theta, u, create_graph=True)
    weight = torch.exp(-2 * log_std.detach()) / len(obs)
    weights = len(theta) - len(log_std)

    def product(v: torch.Tensor) -> torch.Tensor:
        (jv,) = torch.autograd.grad(jt_u, u, v, retain_graph=True)
        (fv,) = torch.autograd.grad(mean, theta, jv * weight, retain_graph=True)
        fv[weights:] += 2 * v[weights:]
        return fv

    return product


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


def line_search(
    evaluate: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
    theta: torch.Tensor,
    step: torch.Tensor,
    max_kl: float,
    shrink: float,
    tries: int,
) -> tuple[torch.Tensor, int, bool]:
    """Walk back from ``theta + step`` until the policy is better and near (lecture, Algorithm 2).

    ``evaluate`` gives (gain of the surrogate over θ, mean KL) at a candidate; the first with gain ≥ 0 and
    KL ≤ ``max_kl`` is taken. NaN passes neither test.

    Returns (θ, shrinkings done, accepted). After a failure θ is ``theta`` itself, bit for bit.
    """
    for j in range(tries):
        candidate = theta + shrink**j * step
        gain, kl = evaluate(candidate)
        if gain >= 0 and kl <= max_kl:
            return candidate, j, True
    return theta, tries, False
