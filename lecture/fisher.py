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

from analysis.figures.pyplot import mpl, plt
from core.natural import fisher
from core.networks import MLP
from core.policy import Gaussian, kl, logp
from lecture.style import COLOURS, figure
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


CAPTION = """A trained Hopper policy, 128 states. Maps: for each of three actions the weights from six hidden units
and the bias of the mean, then the log-stds. The Hessian of the KL is the matrix whose products the algorithms use:
Jᵀ diag(1/σ²) J for the means, 2 I for the log-stds. The mean outer products of the scores of drawn actions go to it
as 1/√n (the whole last layer and the log-stds, 198 × 198; three repetitions)."""
GROUPS = {"mean 1": 7, "mean 2": 7, "mean 3": 7, "log-std": 3}


def draw(table: pd.DataFrame) -> plt.Figure:
    """Heat maps of the matrix made in each way, and the error of the outer products."""
    whole, axes = figure("Three ways to one matrix", CAPTION, columns=3, rows=2)
    outer = table[table["way"] == "outer products"]
    few, some, *_, many = sorted(outer["actions"].unique())
    panels = {
        ("Hessian", 0): "Hessian of KL(π_old ‖ π_θ)",
        ("product", 0): "product F v, for unit vectors v",
        ("outer products", few): f"outer products, n = {few}",
        ("outer products", some): f"outer products, n = {some}",
        ("outer products", many): f"outer products, n = {many}",
    }
    maps, last = [*axes[0, :2], *axes[1]], axes[0, 2]
    for axis, ((way, actions), title) in zip(maps, panels.items(), strict=True):
        image = _map(axis, table[(table["way"] == way) & (table["actions"] == actions)])
        axis.set_title(title)
    bar = last.figure.colorbar(image, ax=axes, fraction=0.02, aspect=40, ticks=[-2, -1, -0.1, 0, 0.1, 1, 2])
    bar.ax.set_yticklabels(["−2", "−1", "−0.1", "0", "0.1", "1", "2"], fontsize=7)
    _errors(last, outer.dropna(subset="error"))
    return whole


def _map(axis, rows: pd.DataFrame):
    entries = rows.dropna(subset="entry").pivot(index="row", columns="column", values="entry")
    image = axis.imshow(entries, cmap="RdBu_r", norm=mpl.colors.SymLogNorm(0.1, vmin=-2, vmax=2))
    edges = np.cumsum([0, *GROUPS.values()]) - 0.5
    for edge in edges[1:-1]:
        axis.axhline(edge, color="0.5", linewidth=0.4)
        axis.axvline(edge, color="0.5", linewidth=0.4)
    middles = (edges[1:] + edges[:-1]) / 2
    axis.set_xticks(middles, GROUPS, fontsize=7)
    axis.set_yticks(middles, GROUPS, fontsize=7, rotation=90, va="center")
    axis.tick_params(length=0)
    return image


def _errors(axis, rows: pd.DataFrame) -> None:
    mean = rows.groupby("actions")["error"].mean()
    axis.plot(rows["actions"], rows["error"], "o", color=COLOURS[0], markersize=3, label="measured")
    axis.plot(mean.index, mean.iloc[0] / np.sqrt(mean.index), color="0.4", linewidth=1, label="falls as 1/√n")
    axis.set(xscale="log", yscale="log", title="Error of the outer products")
    axis.set(xlabel="actions drawn in each state, n", ylabel="Frobenius norm: error / F")
    axis.minorticks_off()
    axis.set_xticks(mean.index, mean.index)
    axis.set_yticks([0.03, 0.1, 0.3], ["3 %", "10 %", "30 %"])
    axis.legend(frameon=False, fontsize=7)
