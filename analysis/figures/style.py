"""How every figure looks: a method's colour and line, sizes for a printed page, legends and axes."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.data.words import finished_label
from analysis.figures.pyplot import DEFAULTS, FONT, as_written, mpl, plt, sns
from study.cells import Study

WIDTH = 7.0  #: inches: the text of a page in two columns
BELOW = 0.25  #: how far below an untrained policy a panel reaches, in units of what there is to gain

#: What ``line`` of ``studies.yaml`` means.
LINES = {"solid": "-", "dashed": (0, (4, 1.3)), "dotted": (0, (1.2, 1.1)), "dashdot": (0, (5, 1.2, 1.2, 1.2))}
#: Colours of methods for which ``studies.yaml`` has none, and the lines by which they are told apart when used again.
_SPARE = ["#DC267F", "#785EF0", "#117733", "#88CCEE", "#661100", "#999933", "#AA4499", "#44AA99", "#4477AA", "#BBAA44"]
_AGAIN = ["solid", "dashed", "dashdot", "dotted"]


def looks(study: Study) -> dict[str, tuple[str, Any]]:
    """(colour, line) of each method. One without a colour takes the next spare, by its place among such methods."""
    without = [name for name, method in study.planned.methods.items() if not method.colour]
    spare = {name: (_SPARE[i % len(_SPARE)], _AGAIN[i // len(_SPARE) % 4]) for i, name in enumerate(without)}
    found = {}
    for name, method in study.methods.items():
        colour, line = (method.colour, "solid") if method.colour else spare[name]
        found[name] = colour, LINES[method.line or line]
    return found


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
