"""How every figure looks: a method's colour and line, sizes for a printed page, legends and axes."""

import contextlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.data.words import finished_label
from analysis.figures.pyplot import DEFAULTS, FONT, as_written, mpl, plt, sns
from study.plan import Study

WIDTH = 7.0  #: inches: the text of a page in two columns
BELOW = 0.25  #: how far below an untrained policy a panel reaches, in units of what there is to gain

_SOLID, _DASH, _DOT, _DASHDOT = "-", (0, (4, 1.3)), (0, (1.2, 1.1)), (0, (5, 1.2, 1.2, 1.2))

#: Colour and line of the methods this project knows, the same in every study and whatever else is in it. Colours of
#: Okabe and Ito and of Paul Tol, told apart by colour-blind readers; what is alike in grey differs by its line.
FIXED = {
    "ppo_clip": ("#009E73", _SOLID),
    "trpo": ("#D55E00", _DASH),
    "npg": ("#0072B2", _SOLID),
    "ppo_kl": ("#56B4E9", _SOLID),
    "pg": ("#000000", _DOT),
    "pg_adaptive": ("#E69F00", _DASHDOT),
    "a2c": ("#CC79A7", _DASH),
    "a2c_trust_region": ("#882255", _DASHDOT),
    "cem": ("#7F7F7F", _DOT),
    "trpo_penalty": ("#8A7300", _DASHDOT),
    "trpo_vine": ("#332288", _SOLID),
    "trpo_frozen": ("#F2A07B", _DOT),
    # Table 1: a hue a family, darker as the bound gets tighter.
    "unbounded": ("#000000", _DOT),
    "clip_01": ("#00694E", _SOLID),
    "clip_02": ("#009E73", _DASH),
    "clip_03": ("#6FD0B4", _DASHDOT),
    "adaptive_0003": ("#003F63", _SOLID),
    "adaptive_001": ("#1F78B4", _DASH),
    "adaptive_003": ("#A9DBF7", _DASHDOT),
    "fixed_03": ("#F5C08A", _DASH),
    "fixed_1": ("#EE8F3A", _DASHDOT),
    "fixed_3": ("#D55E00", _DOT),
    "fixed_10": ("#7A3600", _SOLID),
}
_SPARE = ["#DC267F", "#785EF0", "#117733", "#88CCEE", "#661100", "#999933", "#AA4499", "#44AA99", "#4477AA", "#BBAA44"]
_LINES = [_SOLID, _DASH, _DASHDOT, _DOT]


def looks(study: Study) -> dict[str, tuple[str, object]]:
    """(colour, line) of each method. One unknown here takes the next spare, by its place among the unknown."""
    unknown = [name for name in study.planned.methods if name not in FIXED]
    spare = {name: (_SPARE[i % len(_SPARE)], _LINES[i // len(_SPARE) % 4]) for i, name in enumerate(unknown)}
    return {name: FIXED.get(name) or spare[name] for name in study.methods}


@contextlib.contextmanager
def page() -> Iterator[None]:
    """Sizes of a printed page, while a figure is made and saved."""
    sizes = {"font.size": 7.5, "axes.titlesize": 8, "axes.labelsize": 7.5, "legend.fontsize": 7.5}
    ticks = {"xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "xtick.major.size": 2.5, "ytick.major.size": 2.5}
    lines = {"axes.linewidth": 0.7, "xtick.major.width": 0.7, "ytick.major.width": 0.7, "legend.frameon": False}
    with mpl.style.context(DEFAULTS), sns.axes_style("ticks", FONT), plt.rc_context(sizes | ticks | lines):
        yield


def floor_of(untrained: float, best: float) -> float:
    """How far down a panel reaches at most; without limit where nothing beats an untrained policy.

    A policy that is ruined can score far less than an untrained one, and would press all others into a line.
    """
    return untrained - BELOW * (best - untrained) if best > untrained else -np.inf


def so_far(study: Study) -> bool:
    """Whether it is the part of a study that is finished so far (``analysis/terminal/so_far.py``)."""
    return study.part_of is not None


def canvas(study: Study, width: float, height: float) -> tuple[plt.Figure, plt.Figure | mpl.figure.SubFigure]:
    """A new figure, and where to draw on it, so large in inches. What is only so far says so in a strip above."""
    if not so_far(study):
        figure = plt.figure(figsize=(width, height), layout="constrained")
        return figure, figure
    figure = plt.figure(figsize=(width, height + 0.22), layout="constrained")
    strip, body = figure.subfigures(2, 1, height_ratios=(0.22, height))
    strip.text(0.995, 0.4, as_written(study.title), ha="right", va="center", fontsize=7, color="0.35")
    return figure, body


def drawn_label(study: Study, method: str, runs: pd.DataFrame) -> str:
    """``finished_label`` for Matplotlib."""
    return as_written(finished_label(study, method, runs))


def steps_axis(axis: plt.Axes, budget: int) -> None:
    """Environment steps, 0 to the budget, in k and M."""
    axis.set_xlim(0, budget)
    axis.set_xticks([0, budget / 2, budget])
    axis.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))
    sns.despine(ax=axis)


def legend_of(study: Study, methods: list[str], runs: pd.DataFrame) -> tuple[dict, float]:
    """The legend over a figure of a page's width: arguments of ``Figure.legend``, and its height in inches."""
    look, labels = looks(study), [drawn_label(study, method, runs) for method in methods]
    handles = [
        plt.Line2D([], [], color=look[method][0], linestyle=look[method][1], linewidth=1.5, label=label)
        for method, label in zip(methods, labels, strict=True)
    ]
    columns = columns_that_fit(labels, WIDTH)
    legend = {"handles": handles, "loc": "outside upper center", "ncols": columns, "handlelength": 2.6}
    return legend, 0.1 + 0.2 * -(-len(labels) // columns)


def nothing(why: str) -> plt.Figure:
    """A figure of a sentence, where there is nothing to draw."""
    figure = plt.figure(figsize=(WIDTH, 0.6))
    figure.text(0.5, 0.5, why, ha="center", va="center")
    return figure


def columns_that_fit(labels: list[str], width: float, handle: float = 0.45) -> int:
    """As many columns of a legend as fit into ``width`` inches, at seven points and a half."""
    widest = handle + max(0.058 * len(label) for label in labels)
    return max(1, min(len(labels), int(width / widest)))
