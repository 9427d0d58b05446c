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

import numpy as np
import pandas as pd

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
