"""Ours beside every published source, and the verdict on each cell, by one rule.

``ours_is`` and ``theirs_is`` say whether a return is of training episodes or of test episodes; of Tianshou's curves it
is not the same.

**The rule.** Of each side there is a mean and a 95 % interval; the interval of their difference is that of
``intervals.py``. ``within``: it holds 0, or the difference is under 1 % of what the source's method gained
over an untrained policy. ``above`` and ``below``: else, by the sign (a higher return is above). ``no data``: one side
has none.

- Ours: Student's interval over seeds, runs that diverged among them. One seed is a point.
- Theirs: of a standard deviation over n seeds, Student's interval. Of a band of unknown kind, the band as drawn: what
  it may stand for (a standard error, a deviation, an interval) makes, over six seeds or fewer, a 95 % interval at least
  that wide, so this reading errs towards a difference. Baselines says six; that the PPO paper's Figure 3 has no more is
  an assumption, for it says nothing (its Table 1 has three). Of nothing, a point.
- A maximum is compared with ours, a final policy's evaluation (sampled or deterministic) with that of our final
  policies, the rest with the last tenth; over what our budget covers of a source's curve.

``weak`` marks a verdict that says little: one that rests on a single seed, or a ``within`` whose interval reaches over
half of what the source's method gained.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.data.published import ours_is, published_curves, sources
from analysis.data.read import Tables
from analysis.data.scores import EVALUATED, TENTH, whole_curves
from analysis.statistics.intervals import difference, mean_interval, student
from study.cells import Study
from study.published import Source

TABLES = {
    "verdict": "Each source, task and method: our mean and interval, theirs, and within, above, below or no data.",
    "verdict_summary": "Each source: how many cells are within, above, below, and a sentence.",
}

NEGLIGIBLE = 0.01  #: of the source's gain over an untrained policy
HALF = 0.5  #: of that gain: a ``within`` whose interval reaches farther is weak
REACH = 0.98  #: of the budget that a source's curve must cover

Estimate = tuple[float, float, float]  # mean, and the ends of its interval


def wanted(study: Study) -> bool:
    """Of studies that are compared with published ones."""
    return study.published


def judge(ours: Estimate | None, theirs: Estimate | None, untrained: float, seeds: int) -> dict:
    """The verdict on one cell: ``difference low high verdict weak``. ``seeds``: of the side that has fewer."""
    if ours is None or theirs is None:
        return {"difference": np.nan, "low": np.nan, "high": np.nan, "verdict": "no data", "weak": False}
    middle, low, high = difference(ours, theirs)
    gain = abs(theirs[0] - untrained)
    within = low <= 0 <= high or abs(middle) <= NEGLIGIBLE * gain
    weak = seeds == 1 or (within and max(-low, high) > HALF * gain)
    verdict = "within" if within else "above" if middle > 0 else "below"
    return {"difference": middle, "low": low, "high": high, "verdict": verdict, "weak": weak}


def theirs_of(source: Source, curve: pd.DataFrame, budget: int) -> Estimate | None:
    """The source's mean and interval, over what our budget covers of its curve; None where it ends before."""
    if curve["timestep"].max() < REACH * budget:
        return None
    covered = curve[curve["timestep"] <= budget]
    late = covered[covered["timestep"] >= TENTH * budget]
    if late.empty:
        return None
    if source.metric == "maximum":
        mean, low, high = covered.loc[covered["return_mean"].idxmax(), ["return_mean", "low", "high"]]
    else:
        final = late.iloc[-1:] if source.metric in EVALUATED else late
        mean, low, high = final[["return_mean", "low", "high"]].mean()
    if source.spread == "deviation" and source.seeds:  # both, by the schema
        low, high = student(mean, (high - low) / 2, source.seeds)
    return float(mean), float(low), float(high)


def scores_of(metric: str, runs: pd.DataFrame, curves: pd.DataFrame) -> np.ndarray:
    """Our scores of a cell, one a run that has one; of the maximum as sources have it: where the mean is highest."""
    if metric == "maximum":
        whole = len(curves) and curves.notna().all(axis=None)
        return curves[curves.mean().idxmax()].to_numpy() if whole else np.array([])
    return runs[metric].dropna().to_numpy()


def ours_of(scores: np.ndarray) -> Estimate | None:
    """Our mean and interval. Here alone the interval of a single seed is a point: its verdict is weak."""
    mean, low, high = mean_interval(scores)
    if len(scores) < 2:
        return (mean, mean, mean) if len(scores) else None
    return mean, low, high


def tabulate(study: Study, runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """A row for each source, method and task. ``curves`` is that of ``scores.filled_curves``."""
    published = published_curves(study)
    rows = []
    for source in sources():
        for method in study.methods:
            for task in study.tasks:
                mine = runs[(runs["task"] == task) & (runs["method"] == method)]
                seeds = curves.loc[(task, method)] if len(mine) else curves.head(0)
                scores = scores_of(source.metric, mine, seeds)
                ours = ours_of(scores)
                curve = published.get((source.name, task, method))
                theirs = None if curve is None else theirs_of(source, curve, study.steps)
                row: dict[str, Any] = {"source": source.name, "task": task, "method": method, "metric": source.metric}
                row |= {"runs": len(mine), "finished": int((mine["status"] == "finished").sum())}
                row |= dict(zip(("ours", "ours_low", "ours_high"), ours or [np.nan] * 3, strict=True))
                row |= dict(zip(("theirs", "theirs_low", "theirs_high"), theirs or [np.nan] * 3, strict=True))
                row |= {"ours_is": ours_is(source), "theirs_is": source.returns}
                row["version"] = None if curve is None else curve["version"].iloc[0]
                few = min(len(scores), source.seeds or len(scores))
                rows.append(row | judge(ours, theirs, study.tasks[task].random_score, few))
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """A row a source: how many cells have data, are within, above, below; how many of all weak; and a sentence.

    ``firm`` counts those within or above that are not weak: only they are agreement.
    """
    rows = []
    for source in sources():
        mine = table[table["source"] == source.name]
        count = mine["verdict"].value_counts()
        within, above, below = (int(count.get(name, 0)) for name in ("within", "above", "below"))
        cells, weak = within + above + below, int(mine["weak"].sum())
        good = mine[mine["verdict"].isin(["within", "above"])]
        firm = int((~good["weak"].astype(bool)).sum())
        sentence = f"{source.label}: {within + above} of {cells} cells within or above" if cells else ""
        if soft := len(good) - firm:
            sentence += f", {soft} of them weak"
        if rest := weak - soft:
            sentence += f"; {rest} of {below} below weak"
        row = (source.name, source.label, cells, within, above, below, weak, firm)
        rows.append((*row, sentence or f"{source.label}: no data"))
    columns = ["source", "label", "cells", "within", "above", "below", "weak", "firm", "sentence"]
    return pd.DataFrame(rows, columns=columns)


def make(study: Study, tables: Tables) -> dict[str, pd.DataFrame]:
    """The tables, from those of ``analysis/data/tables.py``."""
    table = tabulate(study, tables["runs"], whole_curves(study, tables))
    return {"verdict": table, "verdict_summary": summarise(table)}
