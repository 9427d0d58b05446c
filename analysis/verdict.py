"""Ours beside every published source, and the verdict on each cell, by one rule.

    python -m analysis.verdict STUDY

Writes ``verdict.csv``, ``verdict_summary.csv`` and the figures ``verdict`` and ``figure3_overlay``.

**The rule.** Of each side there is a mean and a 95 % interval; the interval of their difference is that of
``analysis/intervals.py``. ``within``: it holds 0, or the difference is under 1 % of what the source's method gained
over an untrained policy. ``above`` and ``below``: else, by the sign (a higher return is above). ``no data``: one side
has none.

- Ours: Student's interval over seeds, runs that diverged among them. One seed is a point.
- Theirs: of a standard deviation over n seeds, Student's interval. Of a band of unknown kind, the band as drawn: what
  it may stand for (a standard error, a deviation, an interval) makes, over the six seeds or fewer of those sources, a
  95 % interval at least that wide, so this reading errs towards a difference. Of nothing, a point.
- A maximum is compared with ours, a final policy's evaluation (sampled or deterministic) with that of our final
  policies, the rest with the last tenth; over what our budget covers of a source's curve.

``weak`` marks a verdict that says little: one that rests on a single seed, or a ``within`` that would have been one as
well had the method gained only half of what the source's did, for so few seeds.
"""

import numpy as np
import pandas as pd

from analysis import overlay, verdict_map
from analysis.intervals import difference, mean_interval, student
from analysis.published import SOURCES, Source, published_curves
from analysis.scores import EVALUATED, TENTH, read
from analysis.study import folder, main
from analysis.style import counted, nothing, page, save, seeds, versions
from core.plan import Study

NEGLIGIBLE = 0.01  #: of the source's gain over an untrained policy
HALF = 0.5  #: of that gain: an interval that reaches so far is weak
NONE = "No published source has a cell of this study."
REACH = 0.98  #: of the budget that a source's curve must cover

Estimate = tuple[float, float, float]  # mean, and the ends of its interval


def judge(ours: Estimate | None, theirs: Estimate | None, untrained: float, seeds: int) -> dict:
    """The verdict on one cell: ``difference low high verdict weak``. ``seeds``: of the side that has fewer."""
    if ours is None or theirs is None:
        return {"difference": np.nan, "low": np.nan, "high": np.nan, "verdict": "no data", "weak": False}
    middle, low, high = difference(ours, theirs)
    gain = abs(theirs[0] - untrained)
    within = low <= 0 <= high or abs(middle) <= NEGLIGIBLE * gain
    weak = seeds == 1 or (within and (high - low) / 2 > HALF * gain)
    verdict = "within" if within else "above" if middle > 0 else "below"
    return {"difference": middle, "low": low, "high": high, "verdict": verdict, "weak": weak}


def theirs_of(source: Source, curve: pd.DataFrame, budget: int) -> Estimate | None:
    """The source's mean and interval, over what our budget covers of its curve; None where it ends before."""
    if curve["timestep"].max() < REACH * budget:
        return None
    covered = curve[curve["timestep"] <= budget]
    late = covered[covered["timestep"] >= TENTH * budget]
    if source.metric == "maximum":
        mean, low, high = covered.loc[covered["return_mean"].idxmax(), ["return_mean", "low", "high"]]
    elif late.empty:
        return None
    else:
        final = late.iloc[-1:] if source.metric in EVALUATED else late
        mean, low, high = final[["return_mean", "low", "high"]].mean()
    if source.spread == "deviation":
        low, high = student(mean, (high - low) / 2, source.seeds)
    return float(mean), float(low), float(high)


def ours_of(metric: str, runs: pd.DataFrame, curves: pd.DataFrame) -> Estimate | None:
    """Our mean and interval of a cell; of the maximum as sources have it, that of the mean curve."""
    if metric == "maximum":
        values = curves[curves.mean().idxmax()] if len(curves) and curves.notna().all(axis=None) else []
    else:
        values = runs[metric].dropna()
    return mean_interval(np.asarray(values)) if len(values) else None


def tabulate(study: Study, runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """A row for each source, method and task. ``curves`` is that of ``scores.filled_curves``."""
    published = published_curves(study)
    rows = []
    for source in SOURCES:
        for method in study.methods:
            for task in study.tasks:
                mine = runs[(runs["task"] == task) & (runs["method"] == method)]
                seeds = curves.loc[(task, method)] if len(mine) else curves.head(0)
                ours = ours_of(source.metric, mine, seeds)
                curve = published.get((source.name, task, method))
                theirs = None if curve is None else theirs_of(source, curve, study.steps)
                row = {"source": source.name, "task": task, "method": method, "metric": source.metric}
                row |= {"runs": len(mine), "finished": int((mine["status"] == "finished").sum())}
                row |= dict(zip(("ours", "ours_low", "ours_high"), ours or [np.nan] * 3, strict=True))
                row |= dict(zip(("theirs", "theirs_low", "theirs_high"), theirs or [np.nan] * 3, strict=True))
                row["version"] = None if curve is None else curve["version"].iloc[0]
                few = min(len(mine), source.seeds or len(mine))
                rows.append(row | judge(ours, theirs, study.tasks[task]["random_score"], few))
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """A row a source: how many cells have data, are within, above, below, and weak; and a sentence."""
    rows = []
    for source in SOURCES:
        mine = table[table["source"] == source.name]
        count = mine["verdict"].value_counts()
        within, above, below = (int(count.get(name, 0)) for name in ("within", "above", "below"))
        cells, weak = within + above + below, int(mine["weak"].sum())
        sentence = f"{source.label}: {within + above} of {cells} cells within or above" if cells else ""
        if weak:
            sentence += f"; {weak} verdict{'s' * (weak > 1)} weak, for so few seeds"
        row = (source.name, source.label, cells, within, above, below, weak)
        rows.append((*row, sentence or f"{source.label}: no data"))
    columns = ["source", "label", "cells", "within", "above", "below", "weak", "sentence"]
    return pd.DataFrame(rows, columns=columns)


def make(study: Study) -> None:
    """Write the tables and the figures."""
    out = folder(study.name, "tables")
    runs, curves = read(study)
    table = tabulate(study, runs, curves)
    table.to_csv(out / "verdict.csv", index=False, float_format="%.6g")
    summary = summarise(table)
    summary.to_csv(out / "verdict_summary.csv", index=False)
    print("\n".join(summary["sentence"]))
    about = f"{versions(study)}; {seeds(runs)}, {study.steps:,} steps each.{counted(runs)}"
    with page():
        caption = (
            "Our mean return (above in a cell) beside each source's (below it), and the verdict: whether the 95 % "
            f"interval of their difference holds 0. The rule is in docs/statistics.md. {about}"
        )
        figure = verdict_map.draw(study, table, summary) or nothing(NONE)
        save(figure, study, "verdict", caption)
        caption = (
            "Every method over every published source of its cell, the versions of the source's tasks in brackets. "
            f"Ours: mean over seeds, band: 95 % bootstrap interval of it. {about}"
        )
        save(overlay.draw(study, runs, curves) or nothing(NONE), study, "figure3_overlay", caption)


if __name__ == "__main__":
    main(make)
