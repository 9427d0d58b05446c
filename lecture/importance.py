"""Importance weights along a trajectory: they explode, or vanish (lecture 1, "Importance sampling").

    U(θ) = E_{τ∼π_old}[ w_H R(τ) ],      w_t = Π_{k<t} π_θ(a_k|s_k) / π_old(a_k|s_k)

Three weights make the data of π_old speak of π_θ:

- whole trajectory: w_H on the whole return, unbiased;
- up to each step: w_{t+1} on the reward of step t alone (temporal structure), unbiased as well;
- one step: π_θ/π_old of step t alone on its advantage. This is the surrogate of TRPO and PPO (arXiv 1502.05477,
  eq. 14), which is J(θ) to first order in θ only.

Were the steps independent, E[w_H²] = (E[ratio²])^H: exponential in H, at a rate log E[ratio²] ≈ 2 KL. Typical weights
meanwhile go to 0 as e^(−H KL). The one-step weight knows no H.

π_old is the trained policy; π_θ is θ_old plus a natural-gradient step of given mean KL. Each of ``ENVS`` copies of
Hopper plays ``ROUNDS`` whole episodes with π_old. For the weights a copy's episodes make one stream, which runs on
across their ends as a batch does, so that a segment of any H can start anywhere. For the returns each episode is a
trajectory: after its end come no rewards, and ratios of 1.
"""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import torch

from analysis.figures.pyplot import plt
from core.agent import Agent, Batch
from core.envs.recorded import Environments
from core.natural import conjugate_gradient, fisher, step_of_kl
from core.objective import standardise, surrogate
from core.policy import Gaussian
from core.policy import kl as kl_of
from core.rollout import Rollout, make_batch, sample
from core.streams import streams
from lecture.style import COLOURS, figure
from lecture.trained import TASK_ID, hopper

KLS = (0.001, 0.003, 0.01, 0.03, 0.1)
HORIZONS = (1, 2, 5, 10, 20, 50, 100, 150, 200)
ENVS, ROUNDS = 64, 6
GAMMA = 0.99


def table() -> pd.DataFrame:
    """Long form: part ("weights" or "returns"), name, kl (asked for), horizon (steps), quantity, value."""
    agent, batch = hopper()
    rolls = episodes(agent, agent.theta, ROUNDS, seed=1)
    rows = []
    for number, (kl, theta) in enumerate(natural_steps(agent, batch).items()):
        old = [make_batch(agent, roll, GAMMA, lam=1.0) for roll in rolls]  # λ = 1: returns to go minus V_φ
        log_ratios = [on_grid(roll, log_ratio(agent, theta, b)) for roll, b in zip(rolls, old, strict=True)]
        states = per_state(old, agent, theta)
        rows += [("weights", "one step", kl, 1, quantity, value) for quantity, value in states.items()]
        found = weights(stream(rolls, log_ratios), states["second moment"])
        rows += [("weights", name, kl, *rest) for name, *rest in found]
        advs = [on_grid(roll, b.adv) for roll, b in zip(rolls, old, strict=True)]
        returns = {"old policy": discounted(rolls)} | estimates(rolls, log_ratios, advs)
        returns["truth"] = discounted(episodes(agent, theta, 1, seed=2 + number))
        for name, values in returns.items():
            stderr = values.std(ddof=1) / len(values) ** 0.5
            share = values.mean() ** 2 / (values**2).mean()  # of the episodes that carry the mean
            summary = {"mean": values.mean(), "stderr": stderr, "share": share}
            rows += [("returns", name, kl, 0, quantity, value) for quantity, value in summary.items()]
    return pd.DataFrame(rows, columns=["part", "name", "kl", "horizon", "quantity", "value"])


def natural_steps(agent: Agent, batch: Batch) -> dict[float, torch.Tensor]:
    """θ at each of ``KLS``: one direction, TRPO's, at lengths by the quadratic model without damping."""
    g = agent.gradient(surrogate)(agent.theta, batch.steps(standardise(batch.adv)))
    x = conjugate_gradient(fisher(agent, batch.obs, damping=0.1), g, iterations=10)
    return {kl: agent.theta + step_of_kl(fisher(agent, batch.obs, damping=0.0), x, kl) for kl in KLS}


def episodes(agent: Agent, theta: torch.Tensor, rounds: int, seed: int) -> list[Rollout]:
    """``rounds`` rollouts of π_θ, each with exactly one whole episode of every copy."""
    actor = dataclasses.replace(agent, theta=theta, streams=streams(seed, ENVS))
    envs = Environments(TASK_ID, actor.streams.env_seeds, budget=10**9)
    # As many episodes as copies, however long: a count by steps would favour the long ones.
    return [sample(actor, envs, steps=1, whole_episodes=True) for _ in range(rounds)]


def on_grid(roll: Rollout, flat: torch.Tensor) -> np.ndarray:
    """A batch's numbers back in their rows and columns (T × E), 0 where an episode was over."""
    grid = np.zeros(roll.taken.shape)
    grid[roll.taken] = flat.numpy()
    return grid


@torch.no_grad()
def log_ratio(agent: Agent, theta: torch.Tensor, batch: Batch) -> torch.Tensor:
    """log π_θ/π_old of each step."""
    return agent.policy.logp(theta, batch.obs, batch.act) - batch.logp


def stream(rolls: list[Rollout], grids: list[np.ndarray]) -> np.ndarray:
    """The steps of each copy, episode after episode: L × E, with L the shortest copy's length."""
    columns = [np.concatenate([g[r.taken[:, e], e] for r, g in zip(rolls, grids, strict=True)]) for e in range(ENVS)]
    shortest = min(map(len, columns))
    return np.stack([column[:shortest] for column in columns], axis=1)


def ratio_squared(old: Gaussian, new: Gaussian) -> torch.Tensor:
    """E[(π_new/π_old)²] under π_old at each state, in closed form; finite where σ_new² < 2 σ_old²."""
    var_old, var_new = torch.exp(2 * old.log_std), torch.exp(2 * new.log_std)
    room = 2 * var_old - var_new
    exponent = (new.mean - old.mean) ** 2 / room + 2 * old.log_std - new.log_std - 0.5 * torch.log(room)
    return torch.exp(exponent.sum(-1))


@torch.no_grad()
def per_state(batches: list[Batch], agent: Agent, theta: torch.Tensor) -> dict[str, float]:
    """The mean KL and E[ratio²] over the states of the batches."""
    pairs = [(batch.old, agent.policy.dist(theta, batch.obs)) for batch in batches]
    found = {"kl": kl_of, "second moment": ratio_squared}
    return {name: torch.cat([f(*pair) for pair in pairs]).double().mean().item() for name, f in found.items()}


def weights(log_ratios: np.ndarray, second: float) -> list[tuple]:
    """(name, horizon, quantity, value): mean, variance and effective sample share of the weights of segments.

    ``theory`` is the variance were the steps independent, with E[ratio²] = ``second``. Segments overlap, but the
    copies know nothing of each other: the mean's standard error is that of the copies' means.
    """
    sums = np.concatenate([np.zeros((1, ENVS)), np.cumsum(log_ratios, axis=0)])
    starts = np.arange(len(log_ratios) - max(HORIZONS) + 1)
    w = np.exp(np.stack([sums[starts + t] - sums[starts] for t in range(1, max(HORIZONS) + 1)]))  # H × starts × E
    variance, share = w.var(axis=(1, 2)), w.mean(axis=(1, 2)) ** 2 / (w**2).mean(axis=(1, 2))
    theory = second ** np.arange(1, max(HORIZONS) + 1) - 1
    rows = []
    for h in HORIZONS:
        last = np.exp(log_ratios[starts + h - 1])  # starts × E
        of_copy = w[h - 1].mean(axis=0)
        found: dict[str, dict[str, float]] = {
            "whole trajectory": {
                "mean": of_copy.mean(),
                "stderr": of_copy.std(ddof=1) / ENVS**0.5,
                "median": np.median(w[h - 1]),
                "variance": variance[h - 1],
                "theory": theory[h - 1],
                "share": share[h - 1],
            },
            "up to each step": {
                "variance": variance[:h].mean(),
                "theory": theory[:h].mean(),
                "share": share[:h].mean(),
            },
            "one step": {
                "variance": last.var(),
                "theory": theory[0],
                "share": last.mean() ** 2 / (last**2).mean(),
            },
        }
        rows += [(name, h, q, value) for name, quantities in found.items() for q, value in quantities.items()]
    return rows


def discounted(rolls: list[Rollout]) -> np.ndarray:
    """The discounted return of each episode."""
    return np.concatenate([(GAMMA ** np.arange(len(roll.rew)) @ roll.rew) for roll in rolls])


def estimates(rolls: list[Rollout], log_ratios: list[np.ndarray], advs: list[np.ndarray]) -> dict[str, np.ndarray]:
    """J(π_θ) by each episode of π_old, with each of the three weights."""
    found: dict[str, list[np.ndarray]] = {"whole trajectory": [], "up to each step": [], "one step": []}
    for roll, log_r, adv in zip(rolls, log_ratios, advs, strict=True):
        discount = GAMMA ** np.arange(len(log_r))
        upto = np.exp(np.cumsum(log_r, axis=0))
        found["whole trajectory"].append(upto[-1] * (discount @ roll.rew))
        found["up to each step"].append(discount @ (upto * roll.rew))
        # ratio − 1 for ratio: the mean is the same, Σ γ^t A_t being 0 on average, and the noise of A itself is gone.
        found["one step"].append(discount @ roll.rew + discount @ ((np.exp(log_r) - 1) * adv))
    return {name: np.concatenate(values) for name, values in found.items()}


SHOWN = {0.001: COLOURS[2], 0.01: COLOURS[0], 0.1: COLOURS[3]}  #: KL
LINES = {"whole trajectory": "-", "up to each step": (0, (4, 2)), "one step": ":"}
ESTIMATORS = {
    "truth": ("0.2", "truth: episodes of the new policy"),
    "one step": (COLOURS[0], "one-step ratios: the surrogate"),
    "up to each step": (COLOURS[1], "weights up to each step"),
    "whole trajectory": (COLOURS[3], "whole-trajectory weights"),
}
THEORY: dict[str, Any] = {"color": "0.55", "linewidth": 0.8, "zorder": 1}
CAPTION = """
A trained policy on Hopper-v4, 384 episodes, and policies at a given mean KL from it along the natural gradient. The
weight of a whole trajectory explodes in its variance, exponentially in the horizon H, while its typical value
vanishes; the weight up to each step (mean over the steps) follows; the ratio of one step knows no horizon. Grey:
theory, for independent steps. Pale: the sample's mean weight is below 0.5, so it lacks the rare weights that carry mean
and variance. Bottom right: two standard errors by the sample; for products at KL 0.1 a handful of the episodes carries
all, so that the bars mean little.
"""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Variance, typical value and effective sample share of the weights; the returns they estimate."""
    whole, axes = figure("Importance weights explode and vanish with the horizon", CAPTION, columns=2, rows=2)
    weights = table[table["part"] == "weights"]
    _variance(axes[0, 0], weights)
    _typical(axes[0, 1], weights)
    _share(axes[1, 0], weights)
    _returns(axes[1, 1], table[table["part"] == "returns"])
    return whole


def _curve(weights: pd.DataFrame, name: str, kl: float, quantity: str) -> pd.Series:
    rows = weights[(weights["name"] == name) & (weights["kl"] == kl) & (weights["quantity"] == quantity)]
    return rows.set_index("horizon")["value"]


def _variance(axis: plt.Axes, weights: pd.DataFrame) -> None:
    for kl, colour in SHOWN.items():
        theory = _curve(weights, "whole trajectory", kl, "theory")
        axis.plot(theory.index, theory, **THEORY)
        sound = _curve(weights, "whole trajectory", kl, "mean") >= 0.5
        for name, line in LINES.items():
            curve = _curve(weights, name, kl, "variance")
            shown = curve if name == "one step" else curve[sound]
            axis.plot(curve.index, curve, color=colour, linestyle=line, linewidth=1.3, alpha=0.25)
            axis.plot(shown.index, shown, color=colour, linestyle=line, linewidth=1.3)
        axis.plot([], [], color=colour, label=f"KL {kl:g}")
    for name, line in LINES.items():
        axis.plot([], [], color="0.3", linestyle=line, label=name)
    axis.set(yscale="log", ylim=(1e-3, 1e6), title="Variance of the weight", ylabel="variance")
    axis.set_xlabel("horizon H (steps)")
    axis.legend(frameon=False, fontsize=7, loc="upper right", ncols=2, columnspacing=1)


def _typical(axis: plt.Axes, weights: pd.DataFrame) -> None:
    for kl, colour in SHOWN.items():
        median = _curve(weights, "whole trajectory", kl, "median")
        mean = _curve(weights, "whole trajectory", kl, "mean")
        per_state = _curve(weights, "one step", kl, "kl").loc[1]
        axis.plot(median.index, np.exp(-per_state * median.index), **THEORY)
        axis.plot(median.index, median, color=colour, marker=".", markersize=4)
        axis.plot(mean.index, mean, color=colour, linestyle=(0, (4, 2)), marker="o", markersize=2.5, linewidth=1)
    axis.plot([], [], color="0.3", marker=".", markersize=4, label="median")
    axis.plot([], [], color="0.3", linestyle=(0, (4, 2)), marker="o", markersize=2.5, label="mean of the sample")
    axis.plot([], [], label="exp(−H KL)", **THEORY)
    axis.set(yscale="log", ylim=(1e-10, 30), title="Typical and mean weight", ylabel="weight of a whole trajectory")
    axis.set_xlabel("horizon H (steps)")
    axis.legend(frameon=False, fontsize=7, loc="lower left")


def _share(axis: plt.Axes, weights: pd.DataFrame) -> None:
    for kl, colour in SHOWN.items():
        for name, line in LINES.items():
            curve = _curve(weights, name, kl, "share")
            axis.plot(curve.index, 100 * curve, color=colour, linestyle=line, linewidth=1.3)
    axis.set(xscale="log", ylim=(0, 102), title="Effective sample size", ylabel="share of the sample (%)")
    axis.set_xlabel("horizon H (steps)")
    axis.xaxis.set_major_formatter("{x:g}")


def _returns(axis: plt.Axes, returns: pd.DataFrame) -> None:
    kls = sorted(returns["kl"].unique())
    for place, (name, (colour, label)) in enumerate(ESTIMATORS.items()):
        rows = returns[returns["name"] == name].pivot(index="kl", columns="quantity", values="value")
        shifted = rows.index * 1.12 ** (place - 1.5)
        style: dict[str, Any] = {"fmt": "o", "markersize": 3.5, "capsize": 2, "linewidth": 1}
        axis.errorbar(shifted, rows["mean"], yerr=2 * rows["stderr"], color=colour, label=label, **style)
    old = returns[(returns["name"] == "old policy") & (returns["quantity"] == "mean")]["value"].iloc[0]
    axis.axhline(old, color="0.6", linewidth=0.8, zorder=0, label="return of the old policy")
    axis.set(xscale="log", ylim=(0, 310), title="Return of the new policy")
    axis.set(xlabel="mean KL(old ‖ new) (nats)", ylabel="discounted return")
    axis.set_xticks(kls, [f"{kl:g}" for kl in kls])
    axis.minorticks_off()
    axis.legend(frameon=False, fontsize=6.5, loc="lower left")
