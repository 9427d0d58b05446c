"""A step in θ says nothing about the step in distribution (lecture 1, "Why alpha is hard").

Two actions and one parameter,

    π_θ(a=1) = σ(θ),      π_θ(a=2) = 1 − σ(θ).

The same Δθ = −2 takes 0.46 from the probability of action 1 when it starts at θ = 1, where it straddles the steep
middle of σ, and 0.04 when it starts at θ = 5. How far to go in θ is thus the wrong question. The natural step asks
for a distance in distribution instead,

    ½ F Δθ² = ε,      F = E[(∂ log π / ∂θ)²] = σ(θ) (1 − σ(θ)),      so  Δθ = −sqrt(2 ε / F),

short where σ is steep and long where it is flat. Its KL is ε only as far as the quadratic model holds: far out, F
changes along the long step, so that the true KL at θ = 5 is 2.6 ε. This is what the line search of the lecture's
Algorithm 2 is for.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.pyplot import plt
from lecture.style import COLOURS, figure

FIXED = -2.0  #: the lecture's Δθ
MAX_KL = 0.02  #: ε of the natural step
THETA = np.arange(-120, 121) / 20


def logp(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log π_θ of the actions 1 and 2, finite however far out θ is."""
    return -np.logaddexp(0, -theta), -np.logaddexp(0, theta)


def kl(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """KL(π_old ‖ π_new) for two values of θ, in nats."""
    return sum(np.exp(p) * (p - q) for p, q in zip(logp(old), logp(new), strict=True))


def fisher(theta: np.ndarray) -> np.ndarray:
    """F = σ(θ) (1 − σ(θ)): the derivative of σ, and the Hessian of the KL."""
    return np.exp(sum(logp(theta)))


def table() -> pd.DataFrame:
    """One row for each θ and each of the two steps from there."""
    steps = {"fixed": np.full_like(THETA, FIXED), "natural": -np.sqrt(2 * MAX_KL / fisher(THETA))}
    rows = []
    for step, delta in steps.items():
        old, new = np.exp(logp(THETA)[0]), np.exp(logp(THETA + delta)[0])
        columns = {
            "step": step,
            "theta": THETA,
            "delta": delta,
            "prob_old": old,
            "prob_new": new,
            "kl": kl(THETA, THETA + delta),
            "kl_quadratic": fisher(THETA) * delta**2 / 2,
        }
        rows.append(pd.DataFrame(columns))
    return pd.concat(rows, ignore_index=True)


STARTS = (-3.0, 1.0, 5.0)
COLOUR = {"fixed": COLOURS[3], "natural": COLOURS[0]}
LABEL = {"fixed": "fixed step, Δθ = −2", "natural": r"natural step, Δθ = −$\sqrt{2ε/F}$"}
CAPTION = """π(a=1) = σ(θ). Above: a step of −2 moves the policy a lot where σ is steep and hardly at all far out; the
natural step is short where σ is steep and long where it is flat. Below, both from every θ: the KL of the fixed step
falls off exponentially on both sides, that of the natural step stays near ε = {max_kl:g} (dotted), as far as the
quadratic model it comes from holds: at θ = 5 it is {beyond:.1f} ε. TRPO's line search shortens such a step."""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Two curves with arrows above, change of probability and KL below."""
    natural = table[table["step"] == "natural"]
    max_kl = natural["kl_quadratic"].iloc[0]
    beyond = natural.loc[np.isclose(natural["theta"], 5), "kl"].item() / max_kl
    caption = CAPTION.format(max_kl=max_kl, beyond=beyond)
    whole, axes = figure("How far a step moves the policy depends on where it starts", caption, columns=2, rows=2)
    for axis, step in zip(axes[0], LABEL, strict=True):
        _arrows(axis, table[table["step"] == step], step)
    for step, rows in table.groupby("step", sort=False):
        style = {"color": COLOUR[step], "label": LABEL[step]}
        axes[1, 0].plot(rows["theta"], rows["prob_old"] - rows["prob_new"], **style)
        axes[1, 1].plot(rows["theta"], rows["kl"], **style)
    axes[1, 0].set(title="probability that action 1 loses", ylabel=r"$π_{old}$(a=1) − $π_{new}$(a=1)", ylim=(0, 0.65))
    axes[1, 0].legend(frameon=False, loc="upper left")
    axes[1, 1].axhline(max_kl, color="0.3", linestyle=":", linewidth=1, zorder=1)
    axes[1, 1].set(title="KL of the same steps", ylabel=r"KL($π_{old}$ ‖ $π_{new}$) (nats)", yscale="log")
    for axis in axes[1]:
        axis.set(xlabel="θ before the step", xlim=(-6, 6))
    return whole


def _arrows(axis: plt.Axes, rows: pd.DataFrame, step: str) -> None:
    axis.plot(rows["theta"], rows["prob_old"], color="0.6", linewidth=1.2, zorder=1)
    for start in STARTS:
        move = rows[np.isclose(rows["theta"], start)].iloc[0]
        ends = (move["theta"], move["prob_old"]), (move["theta"] + move["delta"], move["prob_new"])
        how = {"arrowstyle": "-|>", "color": COLOUR[step], "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
        axis.annotate("", xy=ends[1], xytext=ends[0], arrowprops=how)
        axis.plot(*ends[0], "o", color=COLOUR[step], markersize=3.5)
        text = f"Δθ = {move['delta']:.2f}\nΔπ = {move['prob_new'] - move['prob_old']:.2f}".replace("-", "−")
        # Right of the curve where there is room, above it at the lower left.
        side: dict[str, Any] = {"xytext": (4, -8), "va": "top"} if start > 0 else {"xytext": (-8, 8), "ha": "right"}
        axis.annotate(text, ends[0], textcoords="offset points", fontsize=7, **side)
    axis.set(title=LABEL[step], xlabel="θ", ylabel="π(a=1) = σ(θ)", xlim=(-8, 8), ylim=(-0.04, 1.06))
    axis.set_xticks(range(-6, 7, 2))
