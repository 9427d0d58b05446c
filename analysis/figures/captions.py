"""Sentences that captions share."""

from collections.abc import Iterable

import pandas as pd

from analysis.data.read import Tables
from analysis.statistics.tables import shared
from study.cells import Study

#: What a learning curve shows.
RETURN = "Return: raw; at each point, of the training episodes that ended in the 2 % of the budget before it."

#: In the place of a figure across tasks.
NONE_SHARED = "No task has scores of every method: nothing to compare across tasks."


def counted(runs: pd.DataFrame) -> str:
    """The sentence on diverged runs; empty if there are none."""
    diverged = int((runs["status"] == "diverged").sum())
    if not diverged:
        return ""
    return (
        f" {diverged} of {len(runs)} runs diverged and count as an untrained policy from there on; in brackets, where "
        "runs of a method did: how many did not, of all."
    )


def seeds(runs: pd.DataFrame) -> str:
    """How many seeds the cells have: "3 seeds", or "1 to 3 seeds"."""
    count = runs.groupby(["task", "method"]).size()
    few, many = count.min(), count.max()
    return f"{few} to {many} seeds" if few < many else f"{many} seed" + "s" * bool(many > 1)


def versions(study: Study, some: Iterable[str] = ()) -> str:
    """The tasks with their versions: all of them, or those that a statistic is of."""
    return "Gymnasium " + ", ".join(study.tasks[task].id for task in some or study.tasks)


def lines(runs: pd.DataFrame) -> str:
    """The sentence on lines and bands of learning curves."""
    count = runs.groupby(["task", "method"]).size()
    if count.max() == 1:
        return "Lines: a single seed each, so without bands."
    of_two = " where there are two seeds or more" * bool(count.min() == 1)
    return f"Line: mean over seeds; band{of_two}: 95 % bootstrap interval of it."


def stratified(what: str, table: pd.DataFrame) -> str:
    """The sentence on the intervals of a statistic across tasks, drawn as ``what``."""
    if table.empty:
        return "No intervals, as there is nothing to compare."
    known = table.groupby("method")["low"].agg(lambda low: low.notna().all())
    if not known.any():
        return "No intervals: every method has a task with a single run."
    of_two = " (of methods with two runs or more of every task)" * (not known.all())
    return f"{what}{of_two}: 95 % stratified bootstrap intervals (Agarwal et al. 2021)."


def about(study: Study, runs: pd.DataFrame, tasks: Iterable[str] = ()) -> str:
    """What a figure is of: tasks with their versions (all, or these), seeds of its ``runs``, and the budget."""
    return f"{versions(study, tasks)}; {seeds(runs)}, {study.steps:,} steps each."


def compared(study: Study, tables: Tables) -> tuple[list[str], pd.DataFrame]:
    """The tasks that are compared across, and the runs on them; no task and all runs where none is shared."""
    runs = tables["runs"]
    tasks, _ = shared(study, runs)
    return tasks, runs[runs["task"].isin(tasks)] if tasks else runs


def across(study: Study, tables: Tables) -> str:
    """What a statistic across tasks is of."""
    tasks, runs = compared(study, tables)
    return (
        f"{about(study, runs, tasks)} Scores: mean return of the last 100 training episodes, 0 for an untrained policy "
        f"and 1 for the best run of a task.{counted(runs)}"
    )
