"""Two methods on one task: tests, effect sizes, and what so few seeds could have shown at all.

On scores of runs, a number a seed. Two-sided throughout; ``a`` less ``b``.
"""

import itertools
import warnings

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

ALPHA = 0.05  #: of each test, before the correction
POWER = 0.8  #: with which the detectable difference would have been detected
QUANTILES = 1000  #: of the estimated spread, to compute that probability
RESAMPLES = 9999  #: of a permutation test, where there are more permutations than that


def hedges_g(a: np.ndarray, b: np.ndarray) -> float:
    """Standardised mean difference with Hedges' exact correction for small samples (Hedges, 1981)."""
    if min(len(a), len(b)) < 2:
        return np.nan
    free = len(a) + len(b) - 2
    pooled = np.sqrt(((len(a) - 1) * np.var(a, ddof=1) + (len(b) - 1) * np.var(b, ddof=1)) / free)
    if pooled == 0:
        return np.nan
    correction = np.exp(special.gammaln(free / 2) - special.gammaln((free - 1) / 2)) / np.sqrt(free / 2)
    return float(correction * (np.mean(a) - np.mean(b)) / pooled)


def superiority(a: np.ndarray, b: np.ndarray) -> float:
    """Probability that a run of ``a`` beats one of ``b``, a tie counting half: U / nm of Mann and Whitney."""
    return float((np.sign(a[:, None] - b[None, :]) + 1).mean() / 2)


def welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """p of Welch's t test, and its 95 % interval of the difference. NaN with a single seed, or where nothing varies."""
    if min(len(a), len(b)) < 2 or (np.ptp(a) == 0 and np.ptp(b) == 0):
        return np.nan, np.nan, np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "nearly identical" where one side is at a task's ceiling
        found = stats.ttest_ind(a, b, equal_var=False)
    interval = found.confidence_interval(1 - ALPHA)
    return float(found.pvalue), float(interval.low), float(interval.high)


def permutation(a: np.ndarray, b: np.ndarray, random: np.random.Generator) -> float:
    """p of the permutation test of the means: exact where the permutations are few, else of 9999 of them."""
    if min(len(a), len(b)) < 2:
        return np.nan
    found = stats.permutation_test((a, b), _mean_difference, vectorized=True, n_resamples=RESAMPLES, rng=random)
    return float(found.pvalue)


def _mean_difference(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    return a.mean(axis=axis) - b.mean(axis=axis)


def smallest_p(a: int, b: int) -> float:
    """The smallest p a permutation test can give with so many seeds each."""
    return 2 / special.comb(a + b, a, exact=True) if min(a, b) >= 2 else np.nan


def detectable(a: np.ndarray, b: np.ndarray) -> float:
    """The smallest difference of means that Welch's test would have found with 80 % probability, with this spread.

    At 5 %, before any correction, with Welch's degrees of freedom as this spread has them (with three seeds of unequal
    spread they vary so much that the probability is about 75 %). NaN where the spread is not known.
    """
    if min(len(a), len(b)) < 2:
        return np.nan
    parts = np.array([np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)])
    if parts.sum() == 0:
        return np.nan
    free = parts.sum() ** 2 / (parts**2 / [len(a) - 1, len(b) - 1]).sum()
    edge = stats.t.ppf(1 - ALPHA / 2, free)
    # The noncentral t by its mixture of normals, over quantiles of the spread: scipy's own is NaN far out.
    spread = edge * np.sqrt(stats.chi2.ppf((np.arange(QUANTILES) + 0.5) / QUANTILES, free) / free)

    def missing(shift: float) -> float:
        return (stats.norm.cdf(shift - spread) + stats.norm.cdf(-shift - spread)).mean() - POWER

    return float(optimize.brentq(missing, 0, 3 * edge + 10) * np.sqrt(parts.sum()))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's correction (Holm, 1979) over all tests that could be made; NaN stays."""
    made = np.flatnonzero(~np.isnan(p))
    order = made[np.argsort(p[made], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(order) else steps
    return adjusted


def compare(a: np.ndarray, b: np.ndarray, random: np.random.Generator) -> dict[str, float]:
    """Everything about two samples."""
    p, low, high = welch(a, b)
    return {
        "runs_a": len(a),
        "runs_b": len(b),
        "mean_a": float(np.mean(a)),
        "mean_b": float(np.mean(b)),
        "difference": float(np.mean(a) - np.mean(b)),
        "low": low,
        "high": high,
        "welch_p": p,
        "permutation_p": permutation(a, b, random),
        "smallest_p": smallest_p(len(a), len(b)),
        "hedges_g": hedges_g(a, b),
        "superiority": superiority(a, b),
        "detectable": detectable(a, b),
    }


def corrected(table: pd.DataFrame) -> pd.DataFrame:
    """``table`` of comparisons with ``welch_holm`` and ``permutation_holm``: all of it is one family."""
    return table.assign(
        welch_holm=holm(table["welch_p"].to_numpy(float)), permutation_holm=holm(table["permutation_p"].to_numpy(float))
    )


def pairs(names: list[str]) -> list[tuple[str, str]]:
    """Every pair of methods, in the study's order."""
    return list(itertools.combinations(names, 2))
