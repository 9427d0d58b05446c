"""The natural gradient without an inverse, and with less than the Fisher matrix (lecture 1, Algorithm 1 and the box of
natural gradient descent; lecture 2, "Solving it"; TRPO, arXiv 1502.05477, appendix C).

    exact         x = (F + λI)⁻¹ g
    as in TRPO    (F + λI) x ≈ g by a few conjugate gradients, from products only
    empirical     F ≈ 1/N Σ ∇log π(a|s) ∇log πᵀ, with the action taken in each state, or with more of them, drawn
    diagonal      F ≈ its diagonal

Each is measured against the exact one: by the angle, and by what a trust region asks for, gᵀx / sqrt(xᵀ(F + λI)x), the
gain for a given (damped) KL. The claims, on a trained policy: the exact solution is the best there is; the first
iteration of conjugate gradients is the policy gradient, each further one is better, and ten are almost enough
with the damping of the algorithms, λ = 0.1, but not with little. The actions taken make a matrix of no higher rank
than there are states, and a poor direction; with more actions it becomes F. The diagonal gains what g gains: what
matters of F is how it ties parameters to each other.

As in TRPO and NPG, F is averaged over a part of the batch that g is made of: here every tenth state, 205 in all.
"""

import dataclasses

import pandas as pd
import torch

from analysis.figures.pyplot import plt
from core.natural import conjugate_gradient, fisher
from core.objective import standardise, surrogate
from lecture.style import COLOURS, figure
from lecture.trained import hopper

EVERY = 10
DAMPINGS = (0.1, 0.001)
ITERATIONS = (*range(1, 21), *range(25, 101, 5))
ACTIONS = (10, 100, 1000)  #: drawn in each state


def table() -> pd.DataFrame:
    """How good each direction is.

    Columns: ``damping``, ``way``, ``count`` (iterations, or actions a state), ``residual`` ‖(F+λI)x − g‖ / ‖g‖,
    ``cosine`` with the exact x*, ``gain`` for a given KL relative to that of x*, and ``error`` ‖x − x*‖ / ‖x*‖
    in the norm of F + λI.
    """
    agent, batch = hopper()
    g = agent.gradient(surrogate)(agent.theta, batch.steps(standardise(batch.adv)))
    agent, g = dataclasses.replace(agent, theta=agent.theta.double()), g.double()
    obs, act = batch.obs[::EVERY].double(), batch.act[::EVERY].double()
    B, moments = _scores(agent, obs), _moments(agent, obs, act)
    gram = B @ B.T / len(obs)
    exact = moments.pop(("exact", 0))
    rows = []
    for damping in DAMPINGS:
        F = fisher(agent, obs, damping)
        best = _solve(B, gram, exact, damping, g)
        diagonal = (B * _times(exact, B)).sum(0) / len(obs)
        ways = {("exact", 0): best, ("policy gradient", 1): g, ("diagonal", 0): g / (diagonal + damping)}
        ways |= {("conjugate gradients", n): conjugate_gradient(F, g, n, tolerance=0.0) for n in ITERATIONS}
        ways |= {way: _solve(B, gram, moment, damping, g) for way, moment in moments.items()}
        for (way, count), x in ways.items():
            rows.append({"damping": damping, "way": way, "count": count, **_measures(F, g, x, best)})
    return pd.DataFrame(rows)


def _measures(F, g: torch.Tensor, x: torch.Tensor, best: torch.Tensor) -> dict[str, float]:
    def gain(x):
        return g @ x / torch.sqrt(x @ F(x))

    gap = x - best
    return {
        "residual": ((F(x) - g).norm() / g.norm()).item(),
        "cosine": (x @ best / (x.norm() * best.norm())).item(),
        "gain": (gain(x) / gain(best)).item(),
        "error": torch.sqrt(gap @ F(gap) / (best @ F(best))).item(),
    }


def _scores(agent, obs: torch.Tensor) -> torch.Tensor:
    """B, 2A rows for each state: the score of an action is ∇log π(a|s) = B_sᵀ (z, z² − 1), z = (a − μ(s)) / σ."""
    mean = torch.func.jacrev(lambda theta, o: agent.policy.dist(theta, o[None]).mean[0])
    J = torch.func.vmap(mean, in_dims=(None, 0))(agent.theta, obs)
    dims = agent.policy.act_dim
    log_std = torch.eye(len(agent.theta), dtype=J.dtype)[-dims:].expand_as(J)
    return torch.cat([J * torch.exp(-agent.theta[-dims:, None]), log_std], dim=1).flatten(0, 1)


def _moments(agent, obs: torch.Tensor, act: torch.Tensor) -> dict[tuple[str, int], torch.Tensor]:
    """E[(z, z²−1) (z, z²−1)ᵀ] in each state: exact, as of the action taken, and over actions drawn."""
    dist, rng = agent.policy.dist(agent.theta, obs), torch.Generator().manual_seed(0)

    def mean_square(z):
        features = torch.cat([z, z * z - 1], dim=-1)  # actions × states × 2A
        return torch.einsum("nsi,nsj->sij", features, features) / len(z)

    taken = (act - dist.mean) * torch.exp(-dist.log_std)
    one = torch.ones_like(dist.log_std)
    moments = {("exact", 0): torch.diag(torch.cat([one, 2 * one])).expand(len(obs), -1, -1)}
    moments["empirical, actions taken", 1] = mean_square(taken[None])
    for n in ACTIONS:
        z = torch.randn(n, *taken.shape, dtype=taken.dtype, generator=rng)
        moments["empirical, actions drawn", n] = mean_square(z)
    return moments


def _times(moment: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """The block-diagonal matrix of the states' moments, times ``matrix``."""
    return (moment @ matrix.view(*moment.shape[:2], -1)).view_as(matrix)


def _solve(B, gram, moment, damping: float, g: torch.Tensor) -> torch.Tensor:
    """(BᵀMB/N + λI)⁻¹ g, exactly, by a system of as many rows as B has (Woodbury)."""
    system = _times(moment, gram) + damping * torch.eye(len(B), dtype=B.dtype)
    y = torch.linalg.solve(system, _times(moment, (B @ g)[:, None]) / len(moment))
    return (g - B.T @ y[:, 0]) / damping


CAPTION = """A trained Hopper policy; g from 2,048 states, F from 205 of them. One iteration of conjugate gradients
gives the policy gradient; ten (dotted) are almost enough when F is damped as in TRPO (left), not when it is hardly
damped (right). Outer products of the scores of one action a state are a poor F, of 100 a state a good one; with the
diagonal of F one gains what the policy gradient gains. KL as damped: ½ xᵀ(F+λI)x."""
LEVELS = {
    ("empirical, actions drawn", 100): ("empirical F, 100 actions drawn a state", COLOURS[2], "-"),
    ("empirical, actions drawn", 10): ("empirical F, 10 actions drawn a state", COLOURS[9], "--"),
    ("empirical, actions taken", 1): ("empirical F, the actions taken", COLOURS[3], "-."),
    ("policy gradient", 1): ("policy gradient", COLOURS[0], "-"),
    ("diagonal", 0): ("diagonal F", "black", ":"),
}
LABELS = {"cosine": "cosine with exact x", "gain": "gain at equal KL / exact x's"}


def draw(table: pd.DataFrame) -> plt.Figure:
    """Cosine (top) and gain for a given KL (bottom), one column for each damping."""
    whole, axes = figure("The natural gradient without an inverse: (F + λI) x = g", CAPTION, columns=2, rows=2)
    for column, (damping, rows) in zip(axes.T, table.groupby("damping", sort=False), strict=True):
        iterated = rows[rows["way"] == "conjugate gradients"]
        for axis, (measure, label) in zip(column, LABELS.items(), strict=True):
            axis.axvline(10, color="0.4", linestyle=":", linewidth=1)
            for (way, count), (name, colour, line) in LEVELS.items():
                level = rows.loc[(rows["way"] == way) & (rows["count"] == count), measure].item()
                axis.axhline(level, color=colour, linestyle=line, linewidth=1.1, label=name)
            axis.plot(
                iterated["count"], iterated[measure], color=COLOURS[1], linewidth=1.8, label="conjugate gradients"
            )
            axis.set(xscale="log", xlim=(1, 100), ylim=(0, 1.03), ylabel=label)
            axis.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
            axis.minorticks_off()
        column[0].set_title(f"λ = {damping:g}")
        column[1].set_xlabel("iterations of conjugate gradients")
    handles, names = axes[0, 0].get_legend_handles_labels()
    axes[0, 0].figure.legend(handles[::-1], names[::-1], loc="outside lower center", ncols=2, frameon=False, fontsize=7)
    return whole
