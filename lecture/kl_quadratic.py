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

from core.compile import gradient
from core.natural import conjugate_gradient, fisher, step_of_kl
from core.objective import standardise
from core.policy import kl
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
