"""A step too big, in supervised and in reinforcement learning (lecture 1, "Why alpha is hard").

    maximum likelihood:   θ ← θ + α Σ ∇ log π(ã|s)               expert's actions ã, data that do not depend on θ
    REINFORCE:            θ ← θ + α/N Σ_i Σ_t ∇ log π(a|s) R_i    own actions a, data that π_θ has made

Claim: after a step too big the first recovers, the second has a bad policy, hence bad data, and does not; after steps
too small neither has arrived.

The world is a corridor of 8 states. At its far end waits 1, at the near one, close to which the walk begins, only 0.1;
a walk that has left at neither end after 30 steps gets nothing. Two buttons lead on or back, and which is which differs
from state to state (drawn for each seed). The logit of a state is Σ_s' ½^|s−s'| θ_s', so that what is learned in one
state spills over to its neighbours, as in a network. (With a free logit for each state, no step towards an expert's
action can be too long.) At every update

    supervised            sees one walk of the expert through all 8 states: states and right buttons
    REINFORCE             sees 10 episodes of its own, 30 to 300 states and buttons, and their returns
    REINFORCE, baseline   sees the same, and takes the mean return of the 10 from each

All start at θ = 0, both buttons equally likely; there, at the same α, a step of REINFORCE is about a quarter as long
as the supervised one. Two questions. Which α works in *every update*, of 200? And what does *one* α that is too big
do, with α = 1, good for all, in the other 199? It is in *update 2*, when much is yet to learn, or in *update 21*. A
fourth learner then, "supervised, from REINFORCE's θ", goes on by maximum likelihood from the very policies that this
step has made of REINFORCE's: same policies, same α, other data.

The claim holds, and the reason can be seen. A long step saturates the policy. Then ∇ log π is nearly 0 at the actions
that the policy takes, which are all that REINFORCE sees, but as large as can be at the expert's where the policy is
wrong. ``stuck`` counts the policies that reach the far end in less than one of a million episodes: a long step makes
them, and for REINFORCE they are as many at the end. Supervised learning at large α is the perceptron, which stops after
finitely many mistakes, since the expert's actions are separable in θ; a single large step it makes good with small
ones, in a time proportional to its length. Three reservations:

- REINFORCE does recover where the step has left something to see: after one α of 10 in update 2, most seeds do.
- A few seeds are lucky: their huge step is right in all states at once.
- In update 21 supervised learning's own huge step does it no harm, as little is left to correct; and with a baseline
  REINFORCE comes off better there, as returns near their mean make a short gradient.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.figures.pyplot import plt
from lecture.style import COLOURS, figure

STATES, START, LIMIT = 8, 2, 30
NEAR, FAR = 0.1, 1.0  #: what waits at the two ends
EPISODES = 10  #: of REINFORCE, per update
UPDATES, SEEDS = 200, 100
CONSTANT = np.logspace(-3, 3, 13)  #: α of every update
NORMAL = 1.0  #: α of all updates but one,
ONCE = np.array([1, 3, 10, 30, 100, 300, 1000.0])  #: and of that one
TRACED = 100.0  #: of those, the one whose runs are measured after every update
WHEN = {"update 2": 1, "update 21": 20}  #: its place among the updates, from 0
OPTIMUM = 0.95  #: a mean return above this counts as the optimum, FAR
STUCK = 1e-6  #: a policy that reaches the far end with less probability than this counts as stuck

Learner = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def corridors(rng: np.random.Generator) -> np.ndarray:
    """One matrix X per seed: X θ are the logits of the button that leads forward."""
    state = np.arange(STATES)
    return rng.choice([-1.0, 1.0], (SEEDS, STATES, 1)) * 0.5 ** np.abs(state[:, None] - state)


def forward(x: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The probability of pressing the button that leads forward, in each state (rows × S)."""
    return np.exp(-np.logaddexp(0, -np.einsum("rsd,rd->rs", x, theta)))


def sample(prob: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Episodes of each row's policy: Σ_t ∇ log π(a_t|s_t), by logit (rows × episodes × S), and their returns."""
    count = len(prob) * EPISODES
    score, ret = np.zeros((count, STATES)), np.zeros(count)
    walking, state = np.arange(count), np.full(count, START)
    for _ in range(LIMIT):
        p = prob[walking // EPISODES, state]
        on = rng.random(len(p)) < p
        score[walking, state] += on - p
        state = np.where(on, state + 1, state - 1)
        ret[walking[state == STATES]] = FAR
        ret[walking[state < 0]] = NEAR
        inside = (state >= 0) & (state < STATES)
        walking, state = walking[inside], state[inside]
    return score.reshape(-1, EPISODES, STATES), ret.reshape(-1, EPISODES)


def supervised(prob: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """∇ Σ_s log π(ã|s) by logit: the expert presses the right button in every state."""
    return 1 - prob


def reinforce(prob: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """∇ J by logit, from episodes."""
    score, ret = sample(prob, rng)
    return (score * ret[..., None]).mean(1)


def reinforce_baseline(prob: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """∇ J by logit, from episodes and their returns less the mean return."""
    score, ret = sample(prob, rng)
    return (score * (ret - ret.mean(1, keepdims=True))[..., None]).mean(1)


LEARNERS = {"supervised": supervised, "REINFORCE": reinforce, "REINFORCE, baseline": reinforce_baseline}


def train(
    learner: Learner, x: np.ndarray, theta: np.ndarray, steps: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """θ before the first and after each update (updates + 1 × rows × S); ``steps`` are the α (updates × rows)."""
    path = [theta]
    for alpha in steps:
        gradient = np.einsum("rsd,rs->rd", x, learner(forward(x, path[-1]), rng))
        path.append(path[-1] + alpha[:, None] * gradient)
    return np.stack(path)


def returns(prob: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """J of each row's policy, and its probability of reaching the far end: exact, by moving the distribution on."""
    at = np.zeros((len(prob), STATES + 2))  # first and last column: out at the near and the far end
    at[:, START + 1] = 1
    for _ in range(LIMIT):
        walking, at = at[:, 1:-1], at * ([1] + [0] * STATES + [1])
        at[:, 2:] += walking * prob
        at[:, :-2] += walking * (1 - prob)
    return FAR * at[:, -1] + NEAR * at[:, 0], at[:, -1]


def summary(x: np.ndarray, theta: np.ndarray) -> dict[str, float]:
    """What the seeds' policies are worth."""
    j, reach = returns(forward(x, theta))
    return {"score": j.mean() / FAR, "optimum": (j > OPTIMUM * FAR).mean(), "stuck": (reach < STUCK).mean()}


def table() -> pd.DataFrame:
    """Mean share of the optimal return, and shares of the seeds at the optimum and stuck.

    ``when`` the step size was as given: in "every update", or in one. Measured after the last update, and where one
    was ``TRACED`` after each.
    """
    rng = np.random.default_rng(0)
    world = corridors(rng)
    plans = [("every update", alpha, np.full(UPDATES, alpha)) for alpha in CONSTANT]
    for when, place in WHEN.items():
        plans += [(when, alpha, np.where(np.arange(UPDATES) == place, alpha, NORMAL)) for alpha in ONCE]
    x = np.tile(world, (len(plans), 1, 1))
    steps = np.repeat([plan for _, _, plan in plans], SEEDS, axis=0).T
    trained = {name: train(learner, x, np.zeros(x.shape[:2]), steps, rng) for name, learner in LEARNERS.items()}
    rows = []
    for i, (when, alpha, _) in enumerate(plans):
        mine = slice(i * SEEDS, (i + 1) * SEEDS)
        paths = {name: path[:, mine] for name, path in trained.items()}
        traced = when in WHEN and alpha == TRACED
        if when in WHEN:
            after = WHEN[when] + 1
            begun = paths["REINFORCE"][: after + 1]
            gone_on = train(supervised, world, begun[-1], steps[after:, mine], rng)
            paths["supervised, from REINFORCE's θ"] = np.concatenate([begun, gone_on[1:]])
        for name, path in paths.items():
            labels = {"learner": name, "when": when, "step_size": alpha}
            measured = range(UPDATES + 1) if traced else [UPDATES]
            rows += [labels | {"update": update} | summary(world, path[update]) for update in measured]
    return pd.DataFrame(rows)


STYLE = {
    "supervised": {"color": COLOURS[0], "linewidth": 2.6, "alpha": 0.6},
    "supervised, from REINFORCE's θ": {"color": COLOURS[2], "linewidth": 1.6, "linestyle": "--"},
    "REINFORCE, baseline": {"color": COLOURS[1], "linewidth": 1.6},
    "REINFORCE": {"color": COLOURS[3], "linewidth": 1.6},
}
MEASURES = {
    "score": "mean share of the optimal return",
    "optimum": "share of seeds at the optimum",
    "stuck": "share of seeds stuck",
}
CAPTION = """A corridor of 8 states whose two buttons differ from state to state; 100 seeds, 200 updates. Supervised:
the expert's actions in all states. REINFORCE: 10 episodes of its own per update. Above: the same α in every update;
stuck is who reaches the far end in less than one of 10⁶ episodes. Below: α = 1 in all updates but one. A step too big
saturates the policy; then its own actions have nothing more to teach, but the expert's have: supervised learning
recovers, also from the very policies that REINFORCE is left with (dashed). In update 21 its own big step does it no
harm: little is left to correct."""


def draw(table: pd.DataFrame) -> plt.Figure:
    """Above, step sizes of all updates; below, one big step: its curves, early and late, and its size."""
    title = "A step too big: supervised learning makes it good, REINFORCE does not"
    whole, (above, below) = figure(title, CAPTION, columns=3, rows=2)
    last = table[table["update"] == table["update"].max()]
    for axis, (measure, name) in zip(above, MEASURES.items(), strict=True):
        _lines(axis, last[last["when"] == "every update"], "step_size", measure)
        axis.set(title=name, xlabel="α of every update", ylabel=name.split(" of")[0], xscale="log")
    traced = table[table["update"] < table["update"].max()]["step_size"].iloc[0]
    once = table[(table["when"] != "every update") & (table["step_size"] == traced)]
    for axis, (when, rows) in zip(below, once.groupby("when", sort=False), strict=False):
        _lines(axis, rows, "update", "score")
        axis.set(title=f"{when} has α = {traced:g}", xlabel="updates done", ylabel="mean share")
    early = once["when"].iloc[0]
    _lines(below[2], last[last["when"] == early], "step_size", "score")
    below[2].set(title="the end, by the size of the step", xlabel=f"α of {early}", ylabel="mean share", xscale="log")
    for axis in (*above, *below):
        axis.set_ylim(-0.04, 1.04)
    above[2].legend(*below[2].get_legend_handles_labels(), frameon=False, fontsize=7, loc="upper left")
    return whole


def _lines(axis: plt.Axes, rows: pd.DataFrame, x: str, y: str) -> None:
    for learner, style in STYLE.items():
        mine = rows[rows["learner"] == learner]
        axis.plot(mine[x], mine[y], label=learner, **style)
