"""Intervals of a mean and of a difference, and the random streams that every resampling here draws from.

One seed knows no spread: its interval is NaN, wherever it is asked for.
"""

import zlib
from typing import Any

import numpy as np
from scipy import stats

LEVEL = 0.95  #: of every interval


def stream(*names: str) -> np.random.Generator:
    """The random stream of a statistic: the same on every call, whatever was drawn before and for whom else."""
    return np.random.default_rng([0, *(zlib.crc32(name.encode()) for name in names)])


def student(mean: float, deviation: float, count: int) -> tuple[float, float]:
    """Student's interval of a mean from ``count`` seeds with this standard deviation."""
    if count < 2:
        return np.nan, np.nan
    arm = stats.t.ppf((1 + LEVEL) / 2, count - 1) * deviation / np.sqrt(count)
    return mean - arm, mean + arm


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of one value a seed, and its 95 % interval by Student's t; of no seed all NaN."""
    mean = float(np.mean(values)) if len(values) else np.nan
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
    return (mean, *student(mean, deviation, len(values)))


def percentile(samples: np.ndarray, known: bool = True) -> tuple[Any, Any]:
    """95 % percentile interval over the first axis: bootstrap replicates. NaN where the spread is not ``known``.

    Numbers where that is the only axis, else arrays of the others.
    Replicates of a single run are all that run, which says nothing of another.
    """
    low, high = np.percentile(samples, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=0)
    return (low, high) if known else (low * np.nan, high * np.nan)


def bootstrap(curves: np.ndarray, replicates: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """95 % bootstrap interval of the mean over rows (seeds) at each column (step); whole rows are drawn.

    The band of a learning curve. With two seeds it spans the two.
    """
    rows = stream("curve").integers(len(curves), size=(replicates, len(curves)))
    return percentile(curves[rows].mean(axis=1), len(curves) > 1)


def difference(a: tuple[float, float, float], b: tuple[float, float, float]) -> tuple[float, float, float]:
    """``a - b`` and its interval, from (value, low, high) of each.

    The arms of the two intervals combine in quadrature (Zou and Donner, Statistics in Medicine 27, 2008: MOVER). Exact
    for two normal means of known variance; takes intervals that are not symmetric, and a point as one without arms.
    """
    middle = a[0] - b[0]
    return (
        middle,
        middle - float(np.hypot(a[0] - a[1], b[2] - b[0])),
        middle + float(np.hypot(a[2] - a[0], b[0] - b[1])),
    )
