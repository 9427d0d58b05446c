"""Statistics of a study, within and across tasks.

``docs/statistics.md`` has each formula and how it was checked. ``method`` and ``task`` are names of ``studies.yaml``;
``low`` and ``high`` the ends of a 95 % interval; ``runs`` how many a row is of, ``finished`` how many of them did not
diverge (of a pair with ``_a`` and ``_b``).
"""

import math

import numpy as np
import pandas as pd

from analysis.data.read import Tables
from analysis.data.scores import EVALUATED, normalised, whole_curves
from analysis.statistics import across_tasks, within_task
from analysis.statistics.intervals import mean_interval, percentile, stream
from study.cells import Study

TABLES = {
    "cells": "Each task and method: runs finished, mean of every score, interval of the paper's, final policies.",
    "differences": "Each pair of methods on a task: Welch's and permutation tests, Holm's correction, effect sizes.",
    "aggregates": "Each method across tasks: IQM, median, mean and optimality gap with bootstrap intervals.",
    "profiles": "Performance profiles: the share of runs above each normalised score, with intervals.",
    "efficiency": "IQM of normalised returns by environment step, with intervals.",
    "improvement": "Each ordered pair of methods: probability of improvement, with its interval.",
    "ranking": "Each method's rank by IQM, its interval, and the probability of each rank.",
    "cost": "Each task and method: wall time, steps per second, peak memory, processor.",
}

THRESHOLDS = np.linspace(0, 1, 101)  #: of the performance profiles


def cells(runs: pd.DataFrame) -> pd.DataFrame:
    """Every task and method: how many runs, how many finished, and the means of all scores."""
    rows = []
    for (task, method), some in runs.groupby(["task", "method"], sort=False):
        scores = some["last_100"].dropna()
        mean, low, high = mean_interval(scores.to_numpy())
        row = {"task": task, "method": method, "runs": len(some)}
        row |= {"finished": int((some["status"] == "finished").sum()), "mean": mean, "low": low, "high": high}
        row |= {"deviation": scores.std(), "lowest": scores.min(), "highest": scores.max()}
        row |= {name: some[name].mean() for name in ("normalised", "last_tenth", "area", "maximum")}
        # Of runs that never get there the time is longer than any.
        reached, steps = some["steps_to_half"].notna().sum(), some["steps_to_half"].fillna(np.inf).median()
        row |= {"reached_half": reached, "steps_to_half": steps if np.isfinite(steps) else np.nan}
        rows.append(row | evaluation(some))
    return pd.DataFrame(rows)


def evaluation(some: pd.DataFrame) -> dict[str, float]:
    """The final policies of a cell: mean over runs and Student's interval, and the spread over one policy's episodes.

    ``evaluated`` counts the runs that were played; those that diverged were not, and count as an untrained policy.
    """
    row = {"evaluated": int((some["episodes_each"] > 0).sum()), "episodes_each": some["episodes_each"].max()}
    for how in EVALUATED:
        mean, low, high = mean_interval(some[how].dropna().to_numpy())
        row |= {how: mean, f"{how}_low": low, f"{how}_high": high, f"{how}_spread": some[f"{how}_spread"].mean()}
    return row


def differences(study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """Every pair of methods on every task; Holm's correction over those of one task."""
    scores = runs.dropna(subset="last_100").groupby(["task", "method"])["last_100"].apply(np.array)
    rows = []
    for task in study.tasks:
        there = [method for method in study.methods if (task, method) in scores.index]
        family = max(1, math.comb(sum(len(scores[task, method]) > 1 for method in there), 2))
        for a, b in within_task.pairs(there):
            random = stream("permutation", task, a, b)
            found = within_task.compare(scores[task, a], scores[task, b], random, family)
            rows.append({"task": task, "a": a, "b": b} | found)
    columns = ["task", "a", "b", *within_task.compare(np.arange(2.0), np.arange(2.0), stream())]
    return within_task.corrected(pd.DataFrame(rows, columns=columns), "task")


def with_counts(table: pd.DataFrame, runs: pd.DataFrame, *names: str, by_task: bool = False) -> pd.DataFrame:
    """``table`` with how many ``runs`` there are of the methods in its columns ``names``, and how many did not diverge.

    ``runs`` and ``finished`` for ``method``, else ``runs_a``, ``finished_a`` and so on; ``by_task`` on the row's task.
    """
    for name in names:
        keys = (["task"] if by_task else []) + [name]
        done = runs["status"].eq("finished").groupby([runs[key if key == "task" else "method"] for key in keys])
        suffix = "" if name == "method" else f"_{name}"
        found = pd.DataFrame({f"runs{suffix}": done.size(), f"finished{suffix}": done.sum()}).rename_axis(keys)
        table = table.join(found[[column for column in found if column not in table]], on=keys)
    return table


def shared(study: Study, runs: pd.DataFrame) -> tuple[list[str], dict[str, across_tasks.Scores]]:
    """What can be compared across tasks: the tasks that every method with a run has one of, and the scores on these.

    A task on which no run beats an untrained policy has no normalised scores, and is left out.
    """
    known = runs.dropna(subset="normalised").groupby(["method", "task"])["normalised"].apply(np.array)
    methods = [m for m in study.methods if m in set(runs["method"])]
    tasks = [task for task in study.tasks if all((m, task) in known.index for m in methods)]
    return tasks, {m: [known[m, task] for task in tasks] for m in methods if tasks}


def aggregates(scores: dict[str, across_tasks.Scores]) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The table, and the bootstrap replicates of each method's IQM."""
    rows, replicates = [], {}
    for method, mine in scores.items():
        drawn = across_tasks.resample(mine, stream("aggregates", method))
        for name, statistic in across_tasks.AGGREGATES.items():
            samples = statistic(drawn)
            ends = percentile(samples, across_tasks.several(mine))
            rows.append((method, name, float(statistic(mine)), *ends, len(mine)))
            if name == "iqm":
                replicates[method] = samples
    columns = ["method", "statistic", "value", "low", "high", "tasks"]
    return pd.DataFrame(rows, columns=columns), replicates


def profiles(scores: dict[str, across_tasks.Scores]) -> pd.DataFrame:
    """Performance profiles with pointwise intervals."""
    parts = []
    for method, mine in scores.items():
        drawn = across_tasks.profile(across_tasks.resample(mine, stream("profile", method), 2000), THRESHOLDS)
        low, high = percentile(drawn, across_tasks.several(mine))
        about = {"method": method, "threshold": THRESHOLDS}
        parts.append(pd.DataFrame(about | {"share": across_tasks.profile(mine, THRESHOLDS), "low": low, "high": high}))
    return _joined(parts, ["method", "threshold", "share", "low", "high"])


def improvement(scores: dict[str, across_tasks.Scores]) -> pd.DataFrame:
    """Probability of improvement of ``a`` over ``b``, both ways."""
    rows = []
    for a, b in within_task.pairs(list(scores)):
        value, low, high = across_tasks.improvement(scores[a], scores[b], stream("improvement", a, b))
        rows += [(a, b, value, low, high), (b, a, 1 - value, 1 - high, 1 - low)]
    return pd.DataFrame(rows, columns=["a", "b", "probability", "low", "high"])


def ranking(replicates: dict[str, np.ndarray], scores: dict[str, across_tasks.Scores]) -> pd.DataFrame:
    """Rank by IQM, best first; ``p1``, ``p2`` … the probabilities of the ranks over the bootstrap.

    Where one method has a single run of a task no rank has an interval or a probability: they are ranks among all.
    """
    if not replicates:
        return pd.DataFrame(columns=["method", "iqm", "rank", "low", "high"])
    drawn, chances = across_tasks.ranks(np.stack(list(replicates.values()), axis=1))
    known = across_tasks.several(*scores.values())
    low, high = percentile(drawn, known)
    chances = chances if known else chances * np.nan
    iqm = [float(across_tasks.iqm(mine)) for mine in scores.values()]
    table = pd.DataFrame({"method": list(replicates), "iqm": iqm, "rank": drawn.mean(axis=0), "low": low, "high": high})
    table = table.assign(**{f"p{i + 1}": chances[:, i] for i in range(chances.shape[1])})
    return table.sort_values("iqm", ascending=False, kind="stable")


def efficiency(study: Study, tasks: list[str], runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """IQM of normalised curves by step. ``curves`` is that of ``scores.filled_curves``."""
    best = runs.groupby("task")["last_100"].max()
    parts = []
    for method in study.methods if tasks else ():
        if method not in set(runs["method"]):
            continue
        mine = [
            normalised(curves.loc[(task, method)].dropna().to_numpy(), study.tasks[task].random_score, best[task])
            for task in tasks
        ]
        value, low, high = across_tasks.efficiency(mine, stream("efficiency", method))
        parts.append(pd.DataFrame({"method": method, "step": curves.columns, "iqm": value, "low": low, "high": high}))
    return _joined(parts, ["method", "step", "iqm", "low", "high"])


def cost(runs: pd.DataFrame) -> pd.DataFrame:
    """Wall time and speed (medians: a run may have shared its core) and the largest memory, by task and method."""
    groups = runs.groupby(["task", "method"], sort=False)
    return groups.agg(
        runs=("seed", "size"),
        wall_seconds=("wall_seconds", "median"),
        wall_lowest=("wall_seconds", "min"),
        wall_highest=("wall_seconds", "max"),
        steps_per_second=("steps_per_second", "median"),
        peak_memory_mb=("peak_memory_mb", "max"),
        compiled=("compiled", "sum"),
        cpus=("cpu", lambda names: "; ".join(sorted(set(names.dropna())))),
    ).reset_index()


def _joined(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def make(study: Study, tables: Tables) -> dict[str, pd.DataFrame]:
    """The tables, from those of ``analysis/data/tables.py``."""
    runs, curves = tables["runs"], whole_curves(study, tables)
    tasks, scores = shared(study, runs)
    scored = runs.dropna(subset="last_100")
    across_tasks = scored[scored["task"].isin(tasks)]
    table, replicates = aggregates(scores)
    return {
        "cells": cells(runs),
        "differences": with_counts(differences(study, runs), scored, "a", "b", by_task=True),
        "aggregates": with_counts(table, across_tasks, "method"),
        "profiles": with_counts(profiles(scores), across_tasks, "method"),
        "efficiency": with_counts(efficiency(study, tasks, runs, curves), across_tasks, "method"),
        "improvement": with_counts(improvement(scores), across_tasks, "a", "b"),
        "ranking": with_counts(ranking(replicates, scores), across_tasks, "method"),
        "cost": with_counts(cost(runs), runs, "method", by_task=True),
    }
