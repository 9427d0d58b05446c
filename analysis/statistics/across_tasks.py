"""Statistics of a method across tasks, on normalised scores: those of Agarwal et al. (NeurIPS 2021, arXiv 2108.13264).

Scores of a method are a list of arrays, one a task, of one number a run; tasks may have different numbers of runs, as
in a study that is not finished. rliable, the authors' library, defines each statistic, and a test compares with it.
Its bootstrap draws from numpy's global generator and loops over replicates in Python; here the random stream is given
and all replicates are one array.
"""

import numpy as np
from scipy import stats

from analysis.statistics.intervals import percentile

REPLICATES = 10_000
Scores = list[np.ndarray]


def resample(scores: Scores, random: np.random.Generator, replicates: int = REPLICATES) -> Scores:
    """Stratified bootstrap: runs drawn anew with replacement, within each task. Arrays become replicates × runs."""
    return [task[random.integers(len(task), size=(replicates, len(task)))] for task in scores]


def several(*sides: Scores) -> bool:
    """Whether every task has two runs or more on every side: of a single one the bootstrap knows no spread."""
    return all(len(task) > 1 for scores in sides for task in scores)


def iqm(scores: Scores) -> np.ndarray:
    """Interquartile mean: of all runs of all tasks, without the lowest and the highest quarter."""
    pooled = np.sort(np.concatenate(scores, axis=-1), axis=-1)
    cut = pooled.shape[-1] // 4
    return pooled[..., cut : pooled.shape[-1] - cut].mean(axis=-1)


def median(scores: Scores) -> np.ndarray:
    """Median over tasks of their means."""
    return np.median([task.mean(axis=-1) for task in scores], axis=0)


def mean(scores: Scores) -> np.ndarray:
    """Mean over tasks of their means."""
    return np.mean([task.mean(axis=-1) for task in scores], axis=0)


def optimality_gap(scores: Scores) -> np.ndarray:
    """How far a run is below 1, on average over tasks; above 1 counts as 1. (Where the best run is 1: 1 - mean.)"""
    return 1 - np.mean([np.minimum(task, 1).mean(axis=-1) for task in scores], axis=0)


AGGREGATES = {"iqm": iqm, "median": median, "mean": mean, "optimality_gap": optimality_gap}


def profile(scores: Scores, thresholds: np.ndarray) -> np.ndarray:
    """Performance profile: at each threshold (last axis), the share of runs above it, tasks weighing the same."""
    return np.mean([(task[..., None] > thresholds).mean(axis=-2) for task in scores], axis=0)


def improvement(
    a: Scores, b: Scores, random: np.random.Generator, replicates: int = 2000
) -> tuple[float, float, float]:
    """Probability that a run of ``a`` beats one of ``b`` (a tie counts half), mean over tasks, and its interval.

    Without an interval (NaN) where a task has a single run, here as below.
    """
    points, samples = [], []
    for x, y in zip(a, b, strict=True):
        wins = (np.sign(x[:, None] - y[None, :]) + 1) / 2
        rows = random.integers(len(x), size=(replicates, len(x)))
        columns = random.integers(len(y), size=(replicates, len(y)))
        points.append(wins.mean())
        samples.append(wins[rows[:, :, None], columns[:, None, :]].mean(axis=(1, 2)))
    low, high = percentile(np.mean(samples, axis=0), several(a, b))
    return float(np.mean(points)), float(low), float(high)


def efficiency(curves: Scores, random: np.random.Generator, replicates: int = 1000) -> np.ndarray:
    """Sample-efficiency curve: the IQM at each step and its interval, 3 × steps.

    ``curves`` are runs × steps, one a task. Whole runs are drawn: a run's steps stay together.
    """
    drawn = [random.integers(len(task), size=(replicates, len(task))) for task in curves]
    steps = curves[0].shape[1]
    points = [iqm([task[:, i] for task in curves]) for i in range(steps)]
    samples = [iqm([task[:, i][rows] for task, rows in zip(curves, drawn, strict=True)]) for i in range(steps)]
    low, high = percentile(np.stack(samples, axis=1), several(curves))
    return np.stack([points, low, high])


def ranks(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of replicates × methods (higher is better): the ranks, and the probabilities of each, methods × ranks.

    A rank that is shared is the mean of its places, and its probability is spread over them.
    """
    mean_rank = stats.rankdata(-samples, method="average", axis=1)
    first, last = (stats.rankdata(-samples, method=how, axis=1) for how in ("min", "max"))
    places = np.arange(1, samples.shape[1] + 1)
    held = (first[..., None] <= places) & (places <= last[..., None])
    return mean_rank, (held / (last - first + 1)[..., None]).mean(axis=0)
