"""Which method beats which, and how sure the ranking is."""

import numpy as np

from analysis.data.read import Tables
from analysis.figures.captions import across, compared
from analysis.figures.pyplot import plt, sns
from analysis.figures.style import WIDTH, canvas, drawn_label, nothing
from analysis.statistics.across_tasks import ranks
from study.cells import Study

ABOUT = "Which method beats which, and the ranking with its uncertainty."


def draw(study: Study, tables: Tables) -> plt.Figure:
    """Left, row against column, the probability of improvement; right the probability of each rank."""
    improvement, ranking, (_, runs) = tables["improvement"], tables["ranking"], compared(study, tables)
    if len(ranking) < 2:
        return nothing("No two methods to compare.")
    methods = list(ranking["method"])
    labels = [drawn_label(study, m, runs) for m in methods]
    size = 0.3 * len(methods)
    figure, body = canvas(study, WIDTH, max(1.6, size) + 1.15)
    left, right = body.subplots(1, 2, sharey=True)
    chance = improvement.set_index(["a", "b"])
    grid = np.full((len(methods), len(methods)), np.nan)
    for row, a in enumerate(methods):
        for column, b in enumerate(methods):
            if a != b:
                value, low, high = chance.loc[(a, b), ["probability", "low", "high"]]
                grid[row, column] = value
                clear = low > 0.5 or high < 0.5
                _word(left, column, row, f"{value:.2f}".lstrip("0"), abs(value - 0.5) > 0.3, clear)
    edges = np.arange(len(methods) + 1) - 0.5
    left.pcolormesh(edges, edges, grid, cmap="PuOr_r", vmin=0, vmax=1, linewidth=0)
    left.set_title("probability that the row's method beats the column's")
    left.set_xticks(range(len(methods)), labels, rotation=45, ha="right", rotation_mode="anchor", fontsize=6.5)
    left.set_yticks(range(len(methods)), labels, fontsize=7)
    known = ranking["low"].notna().all()
    chances = ranking[[f"p{i + 1}" for i in range(len(methods))]].to_numpy()
    places = chances if known else ranks(ranking[["iqm"]].to_numpy().T)[1]
    right.pcolormesh(edges, edges, places, cmap="Greys", vmin=0, vmax=1.2, linewidth=0)
    right.invert_yaxis()  # and with it the other's, which shares it: the first method on top
    for row, column in zip(*np.nonzero(places >= 0.005), strict=True):
        text = f"{100 * places[row, column]:.0f}" if known else ""
        _word(right, column, row, text, places[row, column] > 0.6, False)
    right.set_title("probability of each rank by IQM, %" if known else "rank by IQM (single runs: not how sure)")
    right.set_xticks(range(len(methods)), range(1, len(methods) + 1))
    right.set_xlabel("rank")
    for axis in (left, right):
        axis.tick_params(length=0)
        sns.despine(ax=axis, left=True, bottom=True)
    return figure


def _word(axis: plt.Axes, x: int, y: int, text: str, on_dark: bool, bold: bool) -> None:
    weight, colour = "bold" if bold else "normal", "white" if on_dark else "0.1"
    axis.text(x, y, text, ha="center", va="center", fontsize=6.3, weight=weight, color=colour)


def caption(study: Study, tables: Tables) -> str:
    """What the numbers are, and of which scores."""
    return (
        f"Left: probability that a run of the row's method beats one of the column's on the same task, mean over "
        f"tasks; bold: its interval excludes one half. Right: rank by IQM"
        f"{' over bootstrap replicates' * bool(tables['ranking']['low'].notna().all())}. {across(study, tables)}"
    )
