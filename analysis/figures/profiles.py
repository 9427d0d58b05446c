"""Performance profiles, and beside them the sample-efficiency curves."""

from analysis.data.read import Tables
from analysis.figures.captions import NONE_SHARED, across, compared, stratified
from analysis.figures.pyplot import plt, sns
from analysis.figures.style import BELOW, WIDTH, canvas, legend_of, looks, nothing, steps_axis
from study.cells import Study

ABOUT = "Performance profiles, and sample efficiency."


def draw(study: Study, tables: Tables) -> plt.Figure:
    """Left the profiles, right the sample-efficiency curves."""
    profiles, efficiency, (_, runs) = tables["profiles"], tables["efficiency"], compared(study, tables)
    if profiles.empty:
        return nothing(NONE_SHARED)
    methods, look = list(dict.fromkeys(profiles["method"])), looks(study)
    legend, room = legend_of(study, methods, runs)
    figure, body = canvas(study, WIDTH, 2.4 + room)
    body.legend(**legend)
    left, right = body.subplots(1, 2)
    for axis, table, x, y in ((left, profiles, "threshold", "share"), (right, efficiency, "step", "iqm")):
        for method in methods:
            mine, (colour, line) = table[table["method"] == method], look[method]
            where = "steps-post" if x == "threshold" else "default"
            axis.plot(mine[x], mine[y], color=colour, linestyle=line, linewidth=1.3, drawstyle=where, zorder=3)
            step = "post" if x == "threshold" else None
            axis.fill_between(mine[x], mine["low"], mine["high"], step=step, color=colour, alpha=0.12, linewidth=0)
    left.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="normalised score τ", ylabel="share of runs with a score above τ")
    steps_axis(right, study.steps)
    right.set(xlabel="environment steps", ylabel="IQM of normalised returns")
    low = efficiency[["iqm", "low"]].min(axis=None)  # single runs have no interval
    right.set_ylim(max(low, -BELOW) - 0.02, None)
    sns.despine(ax=left)
    return figure


def caption(study: Study, tables: Tables) -> str:
    """Which scores, and what the bands are."""
    bands = stratified("Bands, at each point", tables["profiles"])
    return f"Left: performance profiles. Right: sample efficiency. {bands} {across(study, tables)}"
