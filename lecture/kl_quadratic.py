"""KL(π_old ‖ π_θ) and its quadratic model (lecture 1, "Taylor"; TRPO, arXiv 1502.05477, appendix C).

    KL(π_old ‖ π_θ_old+td) = 0 + 0·t + ½ t² dᵀF d + O(t³)

so the natural gradient F⁻¹g is the direction of the greatest gain gᵀd for a given KL. The claims, on a trained
policy: the KL over its model goes to 1 as t → 0, with an error in proportion to t; and at equal KL a natural
gradient gains more than the policy gradient, which gains more than chance. What the slide does not say:
the nearer a direction comes to F⁻¹g, the sooner the model fails, for F⁻¹ goes far where F is nearly 0, and that
going there is free holds at θ_old only. Damping and few conjugate gradients keep the step where the model holds.

KL, F and surrogate are averages over the same states, and damping shapes directions but not the model, so that the
model is the second-order term and nothing else. (TRPO measures its step by the damped F: its own is shorter.) The
surrogate is that of the batch the gradient was made from: what a step promises, not what it earns.
"""

import dataclasses

import numpy as np
import pandas as pd
import torch

from analysis.figures.pyplot import plt
from core.compile import gradient
from core.natural import conjugate_gradient, fisher, step_of_kl
from core.objective import standardise
from core.policy import kl
from lecture.style import COLOURS, figure
from lecture.trained import hopper

MODEL_KL = np.logspace(-8, 1, 37)
DRAWS = 5  #: random directions


def table() -> pd.DataFrame:
    """KL and surrogate along each direction, at steps of given model KL.

    Columns: ``direction``, ``draw``, ``model_kl`` ½ t² dᵀFd, ``length`` t‖d‖, ``kl`` as measured (nats), ``gain`` of
    the surrogate over θ_old (in standard deviations of the advantage) and its ``first_order`` t gᵀd.
    """
    agent, batch = hopper()
    policy, theta = agent.policy, agent.theta.double()  # a KL of 1e-8 drowns in the rounding of float32
    obs, act, adv = batch.obs.double(), batch.act.double(), standardise(batch.adv.double())
    old, logp_old = policy.dist(theta, obs), policy.logp(theta, obs, act)

    def surrogate(theta):
        return (torch.exp(policy.logp(theta, obs, act) - logp_old) * adv).mean()

    (g,) = gradient(surrogate, (theta,))
    F = fisher(dataclasses.replace(agent, theta=theta), obs, damping=0.0)
    rows = []
    for (name, draw), d in _directions(F, g).items():
        of_kl_one = step_of_kl(F, d, max_kl=1.0)
        for model_kl in MODEL_KL:
            step = np.sqrt(model_kl) * of_kl_one
            rows.append(
                {
                    "direction": name,
                    "draw": draw,
                    "model_kl": model_kl,
                    "length": step.norm().item(),
                    "kl": kl(old, policy.dist(theta + step, obs)).mean().item(),
                    "gain": (surrogate(theta + step) - adv.mean()).item(),
                    "first_order": (g @ step).item(),
                }
            )
    return pd.DataFrame(rows)


def _directions(F, g: torch.Tensor) -> dict[tuple[str, int], torch.Tensor]:
    def natural(damping, iterations):
        return conjugate_gradient(lambda v: F(v) + damping * v, g, iterations)

    random = torch.randn(DRAWS, len(g), dtype=g.dtype, generator=torch.Generator().manual_seed(0))
    return {
        ("policy gradient", 0): g,
        ("natural gradient, as in TRPO", 0): natural(damping=0.1, iterations=10),
        ("natural gradient, nearly exact", 0): natural(damping=1e-3, iterations=1000),  # solved in fewer
        **{("random, uphill", i): d * torch.sign(g @ d) for i, d in enumerate(random)},
    }


CAPTION = """A trained Hopper policy, one batch of 2,048 states. Left: small steps make the KL that the quadratic
model says (grey: within 10 %); a natural gradient that is nearly exact (damping 0.001) leaves the model first,
TRPO's (damping 0.1, 10 iterations of conjugate gradients) follows it beyond δ. Right: the same steps by the KL they
make; for the same KL a natural gradient gains more than the policy gradient."""
STYLE = {
    "policy gradient": {"color": COLOURS[0], "linewidth": 1.6},
    "natural gradient, as in TRPO": {"color": COLOURS[1], "linewidth": 1.6},
    "natural gradient, nearly exact": {"color": COLOURS[2], "linewidth": 1.6},
    "random, uphill": {"color": "0.55", "linewidth": 0.7},
}


def draw(table: pd.DataFrame) -> plt.Figure:
    """KL over its model against the model (left), gain of the surrogate against the KL (right)."""
    whole, ((left, right),) = figure("Near by, the KL is its quadratic model", CAPTION, columns=2)
    for (name, draw), rows in table.groupby(["direction", "draw"], sort=False):
        left.plot(rows["model_kl"], rows["kl"] / rows["model_kl"], **STYLE[name])
        right.plot(rows["kl"], rows["gain"], label=name if draw == 0 else None, **STYLE[name])
    left.axhspan(0.9, 1.1, color="0.9", zorder=0)
    left.set(xscale="log", yscale="log", xlim=(1e-6, 10), ylim=(0.75, 30), title="Does the model hold?")
    left.set(xlabel="model: ½ ΔᵀFΔ (nats)", ylabel="measured KL / model")
    left.minorticks_off()
    left.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    right.set(xscale="log", xlim=(1e-5, 0.3), ylim=(-0.01, 0.09), title="What does KL buy?")
    right.set(xlabel="measured KL(π_old ‖ π) (nats)", ylabel="gain of surrogate (std of adv)")
    right.axhline(0, color="0.8", linewidth=0.6, zorder=0)
    for axis in (left, right):
        axis.axvline(0.01, color="0.4", linestyle=":", linewidth=1)
    left.text(0.008, 20, "δ = 0.01", ha="right", fontsize=7, color="0.3")
    right.text(0.011, 0.085, "δ = 0.01", fontsize=7, color="0.3")
    right.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(0, 0.92))
    return whole
