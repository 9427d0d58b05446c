"""The Fisher matrix, made in three ways (lecture 1, "Taylor").

    F = ∇² KL(π_old ‖ π_θ) at θ_old = E[∇log π ∇log πᵀ] = Jᵀ diag(1/σ²) J for the mean's weights, 2 I for the log-stds

The claims, on a trained policy, for its last layer and log-stds: the Hessian of the mean KL, by automatic
differentiation, is the product that the algorithms use (``core.natural.fisher``), up to rounding; and the mean outer
product of the scores of actions drawn from π goes to the same matrix, with an error that falls as 1/√n. No entry
ties a weight to a log-std, or the weights of one action's mean to another's; samples see ties that are not there.
"""

import dataclasses

import numpy as np
import pandas as pd
import torch

from core.natural import fisher
from core.networks import MLP
from core.policy import Gaussian, kl, logp
from lecture.trained import hopper

EVERY = 16  #: of the batch's states, one in so many
ACTIONS = (1, 4, 16, 64, 256)  #: drawn in each state
DRAWS = 3  #: independent repetitions
UNITS = 6  #: hidden units whose weights are shown


def table() -> pd.DataFrame:
    """The matrices' errors, and a part of the matrices.

    Columns: ``way``, ``actions`` drawn in each state (0 where none are), ``draw``; then either ``error``, distance
    from the product relative to it (Frobenius norm, whole block), or ``row``, ``column``, ``entry`` of the
    part: action by action the weights from a few hidden units and the bias, then the log-stds.
    """
    agent, batch = hopper()
    policy, theta, obs = agent.policy, agent.theta.double(), batch.obs[::EVERY].double()
    head = MLP(policy.net.sizes[-2:])
    size = head.size + policy.act_dim  # last layer and log-stds are the end of θ
    front, block = theta[:-size], theta[-size:]
    hidden = torch.tanh(MLP(policy.net.sizes[:-1])(front, obs))

    def dist(block, hidden):
        return Gaussian(head(block[: head.size], hidden), block[head.size :])

    old = dist(block, hidden)
    hessian = torch.func.hessian(lambda block: kl(old, dist(block, hidden)).mean())(block)
    F = fisher(dataclasses.replace(agent, theta=theta), obs, damping=0.0)
    units = torch.eye(len(theta), dtype=theta.dtype)[-size:]
    product = torch.stack([F(unit)[-size:] for unit in units])
    matrices = {("Hessian", 0, 0): hessian, ("product", 0, 0): product}
    rng = torch.Generator().manual_seed(0)
    for draw in range(DRAWS):
        for n in ACTIONS:
            matrices["outer products", n, draw] = _outer_products(dist, block, hidden, n, rng)
    grid = torch.arange(size).view(-1, policy.act_dim)  # a row for each hidden unit, one for biases, one for log-stds
    part = torch.cat([grid[[*range(UNITS), -2]].T.flatten(), grid[-1]])
    rows = []
    for (way, n, draw), matrix in matrices.items():
        point = {"way": way, "actions": n, "draw": draw}
        rows.append(point | {"error": ((matrix - product).norm() / product.norm()).item()})
        if draw == 0:
            shown = matrix[part][:, part].numpy()
            rows += [point | {"row": i, "column": j, "entry": x} for (i, j), x in np.ndenumerate(shown)]
    return pd.DataFrame(rows)


def _outer_products(dist, block: torch.Tensor, hidden: torch.Tensor, n: int, rng: torch.Generator) -> torch.Tensor:
    """Mean of ∇log π ∇log πᵀ over ``n`` actions drawn in each state."""
    hidden = hidden.repeat(n, 1)
    old = dist(block, hidden)
    act = old.mean + torch.exp(old.log_std) * torch.randn(old.mean.shape, dtype=block.dtype, generator=rng)
    score = torch.func.grad(lambda block, hidden, act: logp(dist(block, hidden[None]), act[None]).sum())
    scores = torch.func.vmap(score, in_dims=(None, 0, 0))(block, hidden, act)
    return scores.T @ scores / len(scores)
