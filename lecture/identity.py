"""The performance-difference identity, and what the trust-region trick makes of it (lecture 2, "Identity").

    J(π̃) = J(π) + E_{z∼π̃}[ Σ γ^t A_π(s_t, a_t) ] = J(π) + Σ_s ρ_π̃(s) Σ_a π̃(a|s) A_π(s,a)

holds for any two policies, however far apart (Kakade and Langford 2002; TRPO, arXiv 1502.05477, eq. 1 and 2). To use
it one needs ρ_π̃, the visitation of a policy not yet tried. The trick puts ρ_π, which was sampled, in its place:

    L_π(π̃) = J(π) + Σ_s ρ_π(s) Σ_a π̃(a|s) A_π(s,a).

A step d in θ changes J by O(d), and L by the same up to O(d²). The KL is O(d²) as well, so the error of L is
proportional to the KL, while what there is to gain goes with its square root: within a small enough KL, L tells the
truth. TRPO's Theorem 1 makes a bound of it (stated for one side, proved for both),

    |J(π̃) − L_π(π̃)| ≤ 4 ε γ / (1 − γ)² α²,    ε = max |A_π|,    α = max_s D_TV(π(·|s), π̃(·|s)),

which holds here with much room to spare. All is exact, by linear algebra, on one small random decision process; the
π̃ lie along random directions in the logits of π.
"""

import numpy as np
import pandas as pd

from analysis.figures.pyplot import plt
from lecture.style import COLOURS, figure

STATES, ACTIONS, GAMMA = 5, 3, 0.9
DIRECTIONS = 12
LENGTHS = np.logspace(-3, 1, 25)  #: of the step in the logits, whose directions have length 1 per state


class Process:
    """A random decision process: ``p0`` (S), ``p`` (S × A × S) and ``rew`` (S × A)."""

    def __init__(self, rng: np.random.Generator):
        self.p0 = rng.dirichlet(np.ones(STATES))
        self.p = rng.dirichlet(np.full(STATES, 0.3), size=(STATES, ACTIONS))
        self.rew = rng.standard_normal((STATES, ACTIONS))

    def val(self, pi: np.ndarray) -> np.ndarray:
        """V_π (S), from V = r_π + γ P_π V."""
        return np.linalg.solve(np.eye(STATES) - GAMMA * self.transitions(pi), (pi * self.rew).sum(1))

    def adv(self, pi: np.ndarray) -> np.ndarray:
        """A_π (S × A) = r + γ P V_π − V_π."""
        val = self.val(pi)
        return self.rew + GAMMA * self.p @ val - val[:, None]

    def visitation(self, pi: np.ndarray) -> np.ndarray:
        """ρ_π (S), unnormalised, from ρ = p_0 + γ P_πᵀ ρ."""
        return np.linalg.solve(np.eye(STATES) - GAMMA * self.transitions(pi).T, self.p0)

    def transitions(self, pi: np.ndarray) -> np.ndarray:
        """P_π (S × S)."""
        return np.einsum("sa,sat->st", pi, self.p)

    def along_paths(self, pi: np.ndarray, adv: np.ndarray, steps: int = 500) -> float:
        """E_{z∼π}[ Σ γ^t adv(s_t, a_t) ], time step by time step, until γ^t is nothing."""
        total, at = 0.0, self.p0
        for t in range(steps):
            total += GAMMA**t * at @ (pi * adv).sum(1)
            at = at @ self.transitions(pi)
        return total


def softmax(logits: np.ndarray) -> np.ndarray:
    """π (S × A) from its logits."""
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def table() -> pd.DataFrame:
    """One row for each π̃: what it gains over π, what the three expressions say, its distances and the bound."""
    rng = np.random.default_rng(0)
    process, logits = Process(rng), rng.standard_normal((STATES, ACTIONS))
    pi = softmax(logits)
    adv, rho = process.adv(pi), process.visitation(pi)
    rows = []
    for direction in range(DIRECTIONS):
        d = rng.standard_normal((STATES, ACTIONS))
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        for length in LENGTHS:
            new = softmax(logits + length * d)
            kl = (pi * np.log(pi / new)).sum(1)
            far = np.abs(new - pi).sum(1).max() / 2
            row = {
                "direction": direction,
                "length": length,
                "gain": process.p0 @ (process.val(new) - process.val(pi)),
                "identity": process.visitation(new) @ (new * adv).sum(1),
                "identity_paths": process.along_paths(new, adv),
                "local": rho @ (new * adv).sum(1),
                "kl": rho @ kl / rho.sum(),
                "kl_max": kl.max(),
                "bound": 4 * np.abs(adv).max() * GAMMA / (1 - GAMMA) ** 2 * far**2,
            }
            rows.append(row)
    return pd.DataFrame(rows)


CAPTION = """A random process with 5 states and 3 actions, γ = 0.9, {policies} policies π̃ at growing distance from π
in {directions} directions, all exact. Left: with the visitation of π̃ the sum of advantages is J(π̃) − J(π), with that
of π only nearby. Right: the error of this trick falls as the KL, the gain only as its square root (dashed: slopes 1
and ½), so that the error is small beside the gain when the KL is small (dips: a difference changes sign). TRPO's bound
holds everywhere, {slack:.0f}-fold at least."""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Two sums of advantages against the true gain; error, gain and bound against the KL."""
    table = table.assign(error=(table["gain"] - table["local"]).abs(), size=table["gain"].abs())
    slack = (table["bound"] / table["error"]).min()
    caption = CAPTION.format(policies=len(table), directions=table["direction"].nunique(), slack=slack)
    title = "The identity is exact; with the old visitation it is so only nearby"
    whole, ((left, right),) = figure(title, caption, columns=2)
    ends = table["gain"].min(), table["gain"].max()
    left.plot(ends, ends, color="0.7", linewidth=1, zorder=1)
    labels = {"local": "visitation of π: $L_π$(π̃) − J(π)", "identity": "visitation of π̃: the identity"}
    for column, colour in (("local", COLOURS[3]), ("identity", COLOURS[0])):
        left.scatter(table["gain"], table[column], s=8, color=colour, linewidth=0, label=labels[column])
    left.set(xlabel="J(π̃) − J(π) (return)", ylabel="Σₛ ρ(s) Σₐ π̃(a|s) $A_π$(s,a) (return)")
    left.set_title("what the sum of advantages says")
    left.legend(frameon=False, loc="upper left", fontsize=7)
    series = {
        "bound": ("0.6", "bound on the error, TRPO's Theorem 1"),
        "size": (COLOURS[0], "gain |J(π̃) − J(π)|"),
        "error": (COLOURS[3], "error |J(π̃) − $L_π$(π̃)|"),
    }
    for column, (colour, label) in series.items():
        for direction, rows in table.groupby("direction"):
            name = label if direction == 0 else None
            right.plot(rows["kl"], rows[column], color=colour, linewidth=0.8, alpha=0.8, label=name)
    near = table[table["length"] == table["length"].min()]
    kl = table["kl"].quantile([0, 0.6]).to_numpy()
    for column, slope in (("error", 1), ("size", 0.5)):
        height = (near[column] / near["kl"] ** slope).median()
        right.plot(kl, height * kl**slope, color="0.1", linewidth=1.4, linestyle="--")
    right.set(title="error of the trick", xlabel="mean KL(π ‖ π̃) (nats)", ylabel="difference of returns")
    right.set(xscale="log", yscale="log", ylim=(1e-9, 1e6))
    legend = right.legend(frameon=False, loc="upper left", fontsize=7)
    for line in legend.get_lines():
        line.set(linewidth=1.8, alpha=1)
    return whole
