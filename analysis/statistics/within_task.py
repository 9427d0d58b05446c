"""Two methods on one task: tests, effect sizes, and what so few seeds could have shown at all.

On scores of runs, a number a seed. Two-sided throughout; ``a`` less ``b``.
"""

import functools
import itertools
import warnings

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

ALPHA = 0.05  #: of each test, before the correction
POWER = 0.8  #: with which the detectable difference would have been detected
QUANTILES = 1000  #: of the estimated spread, to compute that probability
EXACT = 184_756  #: permutations of a test that makes them all: of ten seeds against ten
RESAMPLES = 9999  #: permutations of one that does not


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
    """p of the permutation test of the means: of all permutations up to ten seeds each, else of 9999 of them.

    Twice the smaller of the two one-sided p, as SciPy has it, whose own takes seconds for so many permutations.
    """
    if min(len(a), len(b)) < 2:
        return np.nan
    if special.comb(len(a) + len(b), len(a), exact=True) <= EXACT:
        both = np.concatenate([a, b])
        sums = both[_choices(len(both), len(a))].sum(axis=1)  # the first is what was seen; the mean of the rest follows
        room = 1e-12 * np.abs(both).sum()  # equal sums of other summands round differently
        return float(min(1.0, 2 * min((sums >= sums[0] - room).mean(), (sums <= sums[0] + room).mean())))
    found = stats.permutation_test((a, b), _mean_difference, vectorized=True, n_resamples=RESAMPLES, rng=random)
    return float(found.pvalue)


@functools.lru_cache(maxsize=4)
def _choices(of: int, some: int) -> np.ndarray:
    """Every way to choose some of so many, a row a way, in order: the first is the first ones."""
    ways = special.comb(of, some, exact=True)
    flat = itertools.chain.from_iterable(itertools.combinations(range(of), some))
    return np.fromiter(flat, np.intp, ways * some).reshape(ways, some)


def _mean_difference(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    return a.mean(axis=axis) - b.mean(axis=axis)


def smallest_p(a: int, b: int) -> float:
    """The smallest p the permutation test can give with so many seeds each."""
    if min(a, b) < 2:
        return np.nan
    ways = special.comb(a + b, a, exact=True)
    return 2 / (ways if ways <= EXACT else RESAMPLES + 1)


def detectable(a: np.ndarray, b: np.ndarray, alpha: float = ALPHA) -> float:
    """The smallest difference of means that Welch's test would have found with 80 % probability, with this spread.

    At the level ``alpha``, with Welch's degrees of freedom as this spread has them. From draw to draw they
    vary, so the probability is less: at 5 % about 75 % with three seeds of unequal spread, at the level of one of 45
    tests 46 % with three seeds, 69 % with five, 78 % with ten. NaN where the spread is not known.
    """
    if min(len(a), len(b)) < 2:
        return np.nan
    parts = np.array([np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)])
    if parts.sum() == 0:
        return np.nan
    free = parts.sum() ** 2 / (parts**2 / [len(a) - 1, len(b) - 1]).sum()
    edge = stats.t.ppf(1 - alpha / 2, free)
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


def compare(a: np.ndarray, b: np.ndarray, random: np.random.Generator, family: int = 1) -> dict[str, float]:
    """Everything about two samples, compared in a ``family`` of so many tests."""
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
        # Holm's first step, which the smallest p of the family has to pass: it holds whatever the other tests say.
        "detectable_holm": detectable(a, b, ALPHA / family),
    }


def corrected(table: pd.DataFrame, family: str | None = None) -> pd.DataFrame:
    """``table`` of comparisons with ``welch_holm`` and ``permutation_holm``.

    A family is all rows that are alike in the column ``family``; without one it is the whole table.
    """
    made = {}
    for name in ("welch", "permutation"):
        p = table[f"{name}_p"].astype(float)
        groups = table[family] if family else np.zeros(len(table))
        made[f"{name}_holm"] = p.groupby(groups).transform(lambda some: holm(some.to_numpy())) if len(p) else p
    return table.assign(**made)


def pairs(names: list[str]) -> list[tuple[str, str]]:
    """Every pair of methods, in the study's order."""
    return list(itertools.combinations(names, 2))
