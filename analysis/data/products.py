"""What is made of a study: its tables and figures, by name, each with a sentence for those who list them.

Imports no library, since the workflow's planning reads it.
"""

from study.plan import Cell, Study
from study.published import surrogates

#: ``results/<study>/tables/<name>.csv``
TABLES = {
    "scores": "The PPO paper's score of each run, as seen: task, method, seed, score, status.",
    "runs": "Each run: every score by the rule for runs that diverged, its final policy evaluated, and what it cost.",
    "cells": "Each task and method: runs finished, mean of every score, interval of the paper's, final policies.",
    "differences": "Each pair of methods on a task: Welch's and permutation tests, Holm's correction, effect sizes.",
    "aggregates": "Each method across tasks: IQM, median, mean and optimality gap with bootstrap intervals.",
    "profiles": "Performance profiles: the share of runs above each normalised score, with intervals.",
    "efficiency": "IQM of normalised returns by environment step, with intervals.",
    "improvement": "Each ordered pair of methods: probability of improvement, with its interval.",
    "ranking": "Each method's rank by IQM, its interval, and the probability of each rank.",
    "cost": "Each task and method: wall time, steps per second, peak memory, processor.",
    "verdict": "Each source, task and method: our mean and interval, theirs, and within, above, below or no data.",
    "verdict_summary": "Each source: how many cells are within, above, below, and a sentence.",
    "table1": "Each row of the PPO paper's Table 1: our score with its interval, and the paper's.",
    "table1_orderings": "Each pair of rows that the paper tells apart: whether its ordering holds here.",
    "table1_summary": "Rank correlation with the paper's Table 1, and how many orderings hold.",
    "sweeps": "Each run of a study of step sizes: the swept value, score and mean KL of its updates.",
}

#: ``results/<study>/figures/<name>.png`` and ``.svg``; all but curves and sweeps with a caption in ``<name>.txt``
FIGURES = {
    "figure3": "Learning curves in the arrangement of the PPO paper's Figure 3, over the paper's where it has them.",
    "figure3_overlay": "Each method on each task over every published source of that cell.",
    "curves": "Learning curves, seed by seed; behind them the PPO paper's, of the methods it has.",
    "verdict": "Our return beside each published source's, and whether they agree.",
    "table1": "The surrogates of the PPO paper's Table 1, ours and the paper's.",
    "aggregates": "Aggregate scores of each method across tasks.",
    "profiles": "Performance profiles, and sample efficiency.",
    "improvement": "Which method beats which, and the ranking with its uncertainty.",
    "cost": "Return against wall time.",
    "sweeps": "Scores against step sizes, and against the KL of the updates.",
}

ROWS_NEEDED = 3  #: of Table 1 in a study: of two there is no ranking to speak of


def video_file(study: Study, cell: Cell) -> str:
    """The film of the cell's final policy (``play/film.py``), from the root of the project; made by STUDY_videos."""
    return f"results/{study.name.split('/')[0]}/videos/{cell.method.algo}/{cell.task}/{cell.key}.webp"


def figures_of(study: Study) -> list[str]:
    """The figures that a study has."""
    if study.sweeps:
        return ["sweeps"]
    published = any(method.published for method in study.methods.values())
    ranked = len(surrogates(study)) >= ROWS_NEEDED
    only_if = {"sweeps": False, "figure3_overlay": published, "verdict": published, "table1": ranked}
    return [name for name in FIGURES if only_if.get(name, True)]
