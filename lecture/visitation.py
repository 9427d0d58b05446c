"""The discounted visitation of a state (lecture 2, "Discounted visitation").

    ρ_π(s) = p(s_0 = s) + γ p(s_1 = s) + γ² p(s_2 = s) + …

How often a policy comes by, where later visits count less. It is no distribution: over the states it sums to the
expected Σ γ^t of a trajectory. The lecture's example has four equally likely trajectories and γ = 0.8,

    (s⁰ s¹ s²),  (s¹ s²),  (s⁰ s²),  (s²):      ρ(s²) = ¼ + 0.8 · ½ + 0.64 · ¼ = 0.81.

The example is a Markov chain, though it is not drawn as one: from s⁰ go on to s¹ or s² with probability ½ each, from
s¹ always to s², and there stop. So ρ = (I − γPᵀ)⁻¹ p_0 must, and does, give the same.
"""

import pandas as pd

TRAJECTORIES = (("s⁰", "s¹", "s²"), ("s¹", "s²"), ("s⁰", "s²"), ("s²",))
GAMMA = 0.8


def visits(trajectories: dict[tuple[str, ...], float], gamma: float) -> pd.DataFrame:
    """One row for each visit of a state, with its ``share`` γ^t p of ρ; p is the probability of its trajectory.

    ``trajectories`` maps each trajectory to its probability. The sum of the shares by state is ρ.
    """
    columns = ("trajectory", "t", "state", "prob", "share")
    rows = [
        (number, t, state, prob, gamma**t * prob)
        for number, (states, prob) in enumerate(trajectories.items(), start=1)
        for t, state in enumerate(states)
    ]
    return pd.DataFrame(rows, columns=columns)


def table() -> pd.DataFrame:
    """The eight visits of the lecture's example."""
    return visits(dict.fromkeys(TRAJECTORIES, 1 / len(TRAJECTORIES)), GAMMA)
