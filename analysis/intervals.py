"""Intervals of a mean and of a difference, and the random streams that every resampling here draws from."""

import zlib

import numpy as np
from scipy import stats

LEVEL = 0.95  #: of every interval


def stream(*names: str) -> np.random.Generator:
    """The random stream of a statistic: the same on every call, whatever was drawn before and for whom else."""
    return np.random.default_rng([0, *(zlib.crc32(name.encode()) for name in names)])


def student(mean: float, deviation: float, count: int) -> tuple[float, float]:
    """Student's interval of a mean from ``count`` seeds with this standard deviation; of one seed the point."""
    if count < 2:
        return mean, mean
    arm = stats.t.ppf((1 + LEVEL) / 2, count - 1) * deviation / np.sqrt(count)
    return mean - arm, mean + arm


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of one value a seed, and its 95 % interval by Student's t. Of one seed the interval is a point."""
    mean = float(np.mean(values))
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return (mean, *student(mean, deviation, len(values)))


def percentile(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile interval over the first axis: bootstrap replicates."""
    low, high = np.percentile(samples, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=0)
    return low, high


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
