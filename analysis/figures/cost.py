"""Return against wall time: a panel a task, each method's mean curve over its median wall time, and every run's end."""

from analysis.data.read import Tables
from analysis.data.scores import whole_curves
from analysis.figures.captions import about, counted
from analysis.figures.pyplot import plt, sns
from analysis.figures.style import WIDTH, canvas, floor_of, legend_of, looks
from study.cells import Study

ABOUT = "Return against wall time."


def draw(study: Study, tables: Tables) -> plt.Figure:
    """The figure."""
    runs, curves = tables["runs"], whole_curves(study, tables)
    tasks = [task for task in study.tasks if task in set(runs["task"])]
    methods, look = [m for m in study.methods if m in set(runs["method"])], looks(study)
    columns = min(4, len(tasks))
    rows = -(-len(tasks) // columns)
    legend, room = legend_of(study, methods, runs)
    figure, body = canvas(study, WIDTH, 1.5 * rows + 0.25 + room)
    body.legend(**legend)
    grid = body.subplots(rows, columns, squeeze=False).ravel()
    for axis, task in zip(grid, tasks, strict=False):
        here = runs[runs["task"] == task]
        untrained, best = study.tasks[task].random_score, here["last_100"].max()
        for method in methods:
            mine, (colour, line) = here[here["method"] == method], look[method]
            if mine.empty or mine["wall_seconds"].isna().any():
                continue
            mean = curves.loc[(task, method)].mean()
            whole = mine[mine["status"] == "finished"]
            minutes = (whole if len(whole) else mine)["wall_seconds"].median() / 60
            axis.plot(mean.index / study.steps * minutes, mean, color=colour, linestyle=line, linewidth=1.1)
            axis.plot(mine["wall_seconds"] / 60, mine["last_100"], "o", color=colour, markersize=2.6, alpha=0.8)
        floor = floor_of(untrained, best)
        if axis.get_ylim()[0] < floor:
            axis.set_ylim(bottom=floor)
        axis.set_xlim(left=0)
        axis.set_title(study.tasks[task].id, fontsize=8)
        sns.despine(ax=axis)
    for place, axis in enumerate(grid):
        axis.set_visible(place < len(tasks))
    body.supxlabel("wall time of a run, minutes", fontsize=7.5)
    body.supylabel("return", fontsize=7.5)
    return figure


def caption(study: Study, tables: Tables) -> str:
    """What dots and lines are, of how many runs."""
    runs = tables["runs"]
    return (
        f"Return against wall time. Dots: runs, the score at their end; lines: mean curve, the median time shared "
        f"evenly among the steps. Times are as measured, of runs side by side too. {about(study, runs)}{counted(runs)}"
    )
