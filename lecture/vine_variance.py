"""Single path and vine, at equal cost (lecture 2, "Sampling"; TRPO, arXiv 1502.05477, sections 5.1 and 5.2).

    single path:  ĝ = mean over steps of  ∇log π(a_t|s_t) A_t
    vine:         ĝ = mean over n, j of   ∇log π(a_nj|s_n) (Q_nj − mean of the state's other Q)

Both estimate the same policy gradient. The vine compares actions in the very same state, with the same noise after
each (common random numbers), so an action that it tries tells more; but each costs a branch of up to T steps, where
every step of a single path is an action tried. So which has less variance depends on what one counts:

- at equal simulated steps, trunk included, the single path wins by far;
- at equal tried actions the vine wins, thanks to the common random numbers: without them it is no better.

Its scatter is uneven. Most of it comes from the few states where some of the actions lead to a fall and others do not:
there the branches part, and the noise that they share cancels no longer.

The policy is the trained one, and nothing learns between the estimates. The vine is ``algos.trpo_vine`` itself, with
half its trunk and states; its gradient is taken times K/(K − 1), which makes it the formula above. The single path
appears with GAE and with λ = 1 (Monte-Carlo returns minus V_φ).

V_φ takes part in each: the vine's Q takes V_φ after T steps, which leaves γ^T = 0.6 of its error in; GAE mixes it in
from the first step on, at weight λ^t; λ = 1 uses it only where the batch is cut. As a baseline it biases nothing.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from algos import trpo_vine
from analysis.figures.pyplot import plt
from core.agent import Agent, Batch, Sampled
from core.envs.branches import Branches
from core.envs.recorded import Environments
from core.objective import surrogate
from core.rollout import make_batch, sample
from core.run import Common
from core.streams import streams
from lecture.style import COLOURS, figure
from lecture.trained import TASK_ID, hopper

ESTIMATES = {"vine": 32, "vine, own noise": 16, "single path": 16}  #: the vine's scatter most unevenly
COMMON = Common()
CFG = trpo_vine.Config(batch=512, states=16)
ACTIONS = CFG.states * CFG.actions


class Watched(Branches):
    """Branches of one vine after another, which can also be had without common random numbers."""

    def __init__(self, envs: Environments, own_noise: bool):
        super().__init__(envs, CFG.actions)
        self.own_noise = own_noise
        self.split = 0  #: states where some of the actions, not all, led to a fall

    def try_out(self, agent, saved, act, noise):
        """As in :class:`Branches`; noise of T − 1 × K × A is a row for each branch."""
        if self.own_noise:
            noise = agent.streams.noise.standard_normal((len(noise), *act.shape), np.float32)
        tried = super().try_out(agent, saved, act, noise)
        self.split += 0 < tried.terminated.sum() < len(act)
        return tried


class Estimates(NamedTuple):
    """Estimates of the gradient by one estimator."""

    g: np.ndarray  #: B × size of θ
    steps: np.ndarray  #: B, simulated steps
    split: np.ndarray  #: B, see :class:`Watched`


def table() -> pd.DataFrame:
    """One row per estimate of the gradient, with the columns

    - estimator; equal: "steps" or "actions", what it has as many of as the vine; steps and actions: how many;
    - split: states of the vine where some actions led to a fall and others did not;
    - deviation: ‖ĝ − its estimator's mean‖² over ‖g‖², its mean being the relative variance, trace(Cov)/‖g‖²;
    - cosine: with g; and along_…: the projections on fixed directions.

    g is the mean of the single-path estimates with GAE, the least noisy ones; ‖g‖² is freed of their noise, and a
    single path is compared with the mean of the other paths' estimates.
    """
    agent, batch = hopper()
    found = vine_estimates(agent, "vine", own_noise=False, seed=1)
    found |= vine_estimates(agent, "vine, own noise", own_noise=True, seed=2)
    steps = np.mean(found["vine", "steps"].steps)
    found |= single_estimates(agent, round(steps / COMMON.envs) * COMMON.envs, seed=3)

    best = found["single path, GAE", "steps"].g
    g = best.mean(axis=0)
    square = g @ g - best.var(axis=0, ddof=1).sum() / len(best)
    others = (len(best) * g - best) / (len(best) - 1)
    along = directions(agent, batch)
    parts = []
    for (estimator, equal), (estimates, steps, split) in found.items():
        single, count = estimator.startswith("single"), len(estimates)
        goal = others if single else g[None]
        lengths = np.linalg.norm(estimates, axis=1) * np.linalg.norm(goal, axis=1)
        squares = ((estimates - estimates.mean(axis=0)) ** 2).sum(axis=1)
        part = {
            "estimator": estimator,
            "equal": equal,
            "steps": steps,
            "split": split,
            "actions": steps if single and equal == "steps" else ACTIONS,
            "deviation": squares * count / (count - 1) / square,
            "cosine": (estimates * goal).sum(axis=1) / lengths,
        }
        parts.append(pd.DataFrame(part | {f"along_{name}": estimates @ d for name, d in along.items()}))
    return pd.concat(parts, ignore_index=True)


def start(agent: Agent, seed: int) -> tuple[Agent, Environments]:
    """The agent with streams of its own, and copies of the task that are spread over their episodes."""
    agent = dataclasses.replace(agent, streams=streams(seed, COMMON.envs))
    envs = Environments(TASK_ID, agent.streams.env_seeds, budget=10**9)
    sample(agent, envs, 2048)
    return agent, envs


def vine_estimates(agent: Agent, name: str, own_noise: bool, seed: int) -> dict[tuple[str, str], Estimates]:
    """The vine, for both meanings of equal: it is what the single path is made equal to."""
    agent, envs = start(agent, seed)
    branches = Watched(envs, own_noise)
    rows = []
    for _ in range(ESTIMATES[name]):
        before, branches.split = envs.steps, 0
        batch = trpo_vine.collect(agent, envs, CFG, {"branches": branches})
        rows.append((vine_gradient(agent, batch), envs.steps - before, branches.split))
    return dict.fromkeys([(name, "steps"), (name, "actions")], Estimates(*map(np.stack, zip(*rows, strict=True))))


def vine_gradient(agent: Agent, batch: trpo_vine.Vine) -> np.ndarray:
    """The gradient of the vine's surrogate, freed of the factor (K − 1)/K."""
    g = agent.gradient(trpo_vine.surrogate)(agent.theta, batch.tries)
    return g.numpy() * CFG.actions / (CFG.actions - 1)


def single_estimates(agent: Agent, steps: int, seed: int) -> dict[tuple[str, str], Estimates]:
    """Single paths of ``steps`` steps; and some of their actions, at random, as many as a vine tries."""
    agent, envs = start(agent, seed)
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for _ in range(ESTIMATES["single path"]):
        roll = sample(agent, envs, steps)
        chosen = torch.from_numpy(agent.streams.shuffle.choice(steps, ACTIONS, replace=False))
        for name, lam in {"single path, GAE": CFG.lam, "single path, λ = 1": 1.0}.items():
            batch = make_batch(agent, roll, CFG.gamma, lam)
            found.setdefault((name, "steps"), []).append(policy_gradient(agent, batch, slice(None)))
            found.setdefault((name, "actions"), []).append(policy_gradient(agent, batch, chosen))
    return {key: Estimates(np.stack(g), np.full(len(g), steps), np.zeros(len(g), int)) for key, g in found.items()}


def policy_gradient(agent: Agent, batch: Batch, rows: slice | torch.Tensor) -> np.ndarray:
    """The gradient by some rows of a batch, with the advantages as they are."""
    part = Sampled(*(column[rows] for column in batch.steps(batch.adv)))
    return agent.gradient(surrogate)(agent.theta, part).numpy()


def directions(agent: Agent, batch: Batch) -> dict[str, np.ndarray]:
    """Fixed directions, which owe nothing to the estimates: the gradient of another batch, and all log-stds alike."""
    other = policy_gradient(agent, batch, slice(None))
    log_std = np.zeros_like(other)
    log_std[-agent.policy.act_dim :] = 1
    return {"gradient": other / np.linalg.norm(other), "log_std": log_std / np.linalg.norm(log_std)}


COLOUR = {
    "single path, GAE": COLOURS[0],
    "single path, λ = 1": COLOURS[9],
    "vine": COLOURS[2],
    "vine, own noise": COLOURS[1],
}
CAPTION = """
Estimates of one policy gradient: a trained policy on Hopper-v4, nothing learning in between. Vines of 16 states with
4 actions each and branches of 50 steps, with common random numbers and with noise of each branch's own; single paths
with as many simulated steps (about 3,200), and with as many tried actions (64, at random). Per step the single path
wins by far; per action the vine, by its common random numbers only. Rings: vines with a state where some actions end
in a fall and others do not; they carry most of its variance. Diamonds: means (numbers), with two standard errors.
"""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Relative variance at equal steps and at equal actions; cosines; the mean along fixed directions."""
    whole, axes = figure("Single path and vine, at equal cost", CAPTION, columns=2, rows=2)
    units = {"steps": "at equal simulated steps", "actions": "at equal tried actions"}
    low, high = table["deviation"].min() / 2, table["deviation"].max() * 3
    for axis, (equal, title) in zip(axes[0], units.items(), strict=True):
        _scatter(axis, table[table["equal"] == equal], "deviation")
        axis.set(yscale="log", ylim=(low, high), title=f"Variance {title}", ylabel="‖ĝ − mean‖² / ‖g‖²")
    cosines, means = axes[1]
    by_steps = table[table["equal"] == "steps"]
    _scatter(cosines, by_steps, "cosine")
    cosines.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    cosines.set(ylim=(-0.65, 1), title="Cosine with the gradient, at equal steps", ylabel="cosine of ĝ and g")
    _means(means, by_steps)
    return whole


def _scatter(axis: plt.Axes, rows: pd.DataFrame, quantity: str) -> None:
    rng = np.random.default_rng(0)
    for place, (estimator, colour) in enumerate(COLOUR.items()):
        mine = rows[rows["estimator"] == estimator]
        values, split = mine[quantity].to_numpy(), (mine["split"] > 0).to_numpy()
        x = place + rng.uniform(-0.22, 0.22, len(mine))
        axis.plot(x[~split], values[~split], "o", color=colour, alpha=0.5, markersize=3, markeredgewidth=0)
        axis.plot(x[split], values[split], "o", color=colour, alpha=0.8, markersize=3.5, markerfacecolor="none")
        _diamond(axis, place, mine[quantity], colour, "D")
        mean = values.mean()
        digits = 2 if quantity == "cosine" else 1 if mean < 10 else 0
        axis.annotate(f"{mean:.{digits}f}", (place + 0.28, mean), fontsize=7, va="center", color="0.2")
    _name(axis)


def _means(axis: plt.Axes, rows: pd.DataFrame) -> None:
    along = {"along_gradient": ("D", "gradient of another batch"), "along_log_std": ("s", "all log-stds alike")}
    for number, (direction, (marker, label)) in enumerate(along.items()):
        for place, (estimator, colour) in enumerate(COLOUR.items()):
            values = rows.loc[rows["estimator"] == estimator, direction]
            _diamond(axis, place + 0.24 * (number - 0.5), values, colour, marker)
        axis.plot([], [], marker, color="0.3", markersize=4.5, label=label)
    axis.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    axis.set(title="Mean estimate, along two directions", ylabel="projection of ĝ")
    axis.legend(frameon=False, fontsize=7, loc="lower left")
    _name(axis)


def _diamond(axis: plt.Axes, x: float, values: pd.Series, colour: tuple, marker: str) -> None:
    style: dict[str, Any] = {"fmt": marker, "markersize": 4.5, "capsize": 3, "markeredgecolor": "white"}
    axis.errorbar(x, values.mean(), yerr=2 * values.sem(), color=colour, linewidth=1.2, zorder=5, **style)


def _name(axis: plt.Axes) -> None:
    axis.set_xticks(range(len(COLOUR)), [name.replace(", ", ",\n") for name in COLOUR], fontsize=7)
    axis.set_xlim(-0.5, len(COLOUR) - 0.3)
