"""The discounted visitation of a state (lecture 2, "Discounted visitation").

    ρ_π(s) = p(s_0 = s) + γ p(s_1 = s) + γ² p(s_2 = s) + …

How often a policy comes by, where later visits count less. It is no distribution: over the states it sums to the
expected Σ γ^t of a trajectory. The lecture's example has four equally likely trajectories and γ = 0.8,

    (s⁰ s¹ s²),  (s¹ s²),  (s⁰ s²),  (s²):      ρ(s²) = ¼ + 0.8 · ½ + 0.64 · ¼ = 0.81.

The example is a Markov chain, though it is not drawn as one: from s⁰ go on to s¹ or s² with probability ½ each, from
s¹ always to s², and there stop. So ρ = (I − γPᵀ)⁻¹ p_0 must, and does, give the same.
"""

import pandas as pd

from analysis.figures.pyplot import plt, sns
from lecture.style import figure

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


CAPTION = """The lecture's example, γ = 0.8. Left: under each visit what it counts, $γ^t$ times the probability of its
trajectory. Right: the sum by state, stacked by the time of the visit; ρ(s²) = ¼ + 0.8 · ½ + 0.64 · ¼ = 0.81. The three
add up to {total:.2f}, the expected Σ $γ^t$ of a trajectory: ρ is not a distribution."""


def draw(table: pd.DataFrame) -> plt.Figure:
    """The trajectories with what each visit counts, and ρ of each state."""
    caption = CAPTION.format(total=table["share"].sum())
    whole, ((left, right),) = figure("Discounted visitation of three states", caption, columns=2)
    times, states = sorted(table["t"].unique()), list(table["state"].unique())
    colour = dict(zip(times, sns.color_palette("crest", len(times)), strict=True))
    names = []
    for number, rows in table.groupby("trajectory"):
        left.plot(rows["t"], rows["trajectory"], color="0.7", zorder=1)
        for visit in rows.itertuples():
            left.plot(visit.t, number, "o", markersize=19, color=colour[visit.t])
            left.text(visit.t, number, visit.state, color="white", ha="center", va="center")
            left.text(visit.t, number + 0.4, f"{visit.share:.2f}", fontsize=7, ha="center", va="center", color="0.3")
        names.append(f"p = {rows['prob'].iloc[0]:.2f}")
    left.set(xlim=(-0.4, max(times) + 0.4), ylim=(len(names) + 0.65, 0.5), xticks=times, xlabel="time t (steps)")
    left.set_yticks(range(1, len(names) + 1), names)
    left.set_title("four equally likely trajectories")
    shares = table.pivot_table(index="state", columns="t", values="share", aggfunc="sum", fill_value=0).loc[states]
    below = shares.cumsum(axis=1) - shares
    for t in times:
        bars = right.bar(states, shares[t], bottom=below[t], color=colour[t], width=0.6, label=f"t = {t}")
        text = [f"{share:.2f}" if share else "" for share in shares[t]]
        right.bar_label(bars, text, label_type="center", fontsize=7, color="white")
    for place, rho in enumerate(shares.sum(axis=1)):
        right.text(place, rho + 0.015, f"{rho:.2f}", ha="center", va="bottom", weight="bold")
    right.set(title="ρ of each state", xlabel="state", ylabel="ρ(s) = Σ $γ^t$ p($s_t$ = s)", ylim=(0, 1))
    right.legend(frameon=False, loc="upper left", ncols=len(times), handlelength=1, columnspacing=1)
    return whole
