"""What one run scores, by each metric that a source reports, and how a run that diverged counts.

The rule for a diverged run, in every table and figure but ``scores.csv`` and ``curves.png``, which show what was seen:
it stays, and from where it broke off it is worth what an untrained policy is (``random_score`` of ``envs.yaml``), or
what it was worth before if that is less. So no run is dropped, no mean is infinite, and diverging improves no score.
"""

import numpy as np
import pandas as pd

from analysis.data.read import Tables
from analysis.data.runs import FinishedRun
from study.cells import Study

LAST = 100  #: episodes of the paper's score
EVALUATED = ("sampled", "deterministic")  #: how a final policy is played after training (``play/episodes.py``)
TENTH = 0.9  #: from this part of the budget on a run is in its last tenth


def score(episodes: pd.DataFrame) -> float:
    """Mean raw return of the last 100 training episodes (PPO paper, section 6.1); NaN if there are none.

    A return that is not a number, of a run that diverged, makes the score none either.
    """
    return episodes["return"].tail(LAST).mean(skipna=False)


def counted(value: float, untrained: float, diverged: bool) -> float:
    """A score, by the rule for runs that diverged."""
    if not diverged:
        return value
    return min(value, untrained) if np.isfinite(value) else untrained


def filled(curve: np.ndarray, untrained: float, diverged: bool) -> np.ndarray:
    """A learning curve, whole: untrained until the first episode ends and, by the rule above, where it broke off.

    All NaN only for a run that ended well without a single whole episode.
    """
    known = np.flatnonzero(np.isfinite(curve))
    if not len(known):
        return np.full(len(curve), untrained if diverged else np.nan)
    whole = np.where(np.isfinite(curve), curve, counted(curve[known[-1]], untrained, True))
    whole[: known[0]] = untrained
    return whole


def run_scores(run: FinishedRun, curve: np.ndarray, untrained: float) -> dict[str, float]:
    """Every metric of a run that its own files decide.

    ``last_100``     mean return of the last 100 training episodes (PPO paper)
    ``last_tenth``   mean of the learning curve over the last tenth of the budget (as ``published/README.md`` takes it)
    ``area``         area under the curve over the budget: the mean return over all of training
    ``maximum``      of the curve; optimistic, and only for sources that report nothing else
    """
    diverged = run.status == "diverged"
    ended = run.episodes[np.isfinite(run.episodes["return"])] if diverged else run.episodes
    whole = filled(curve, untrained, diverged)
    return {
        "last_100": counted(score(ended), untrained, diverged),
        "last_tenth": whole[round(TENTH * len(whole)) :].mean(),
        "area": whole.mean(),
        "maximum": whole.max(),
    }


def evaluated(played: pd.DataFrame, untrained: float, diverged: bool, known: bool = True) -> dict[str, float]:
    """What the final policy scores after training; ``played`` are the run's episodes of ``play/episodes.py``.

    A run that diverged is not played and counts as an untrained policy, but where the policies of its cell have not
    been played at all (not ``known``) it has no scores, as the others have none.

    ``sampled``, ``deterministic``   mean raw return with sampled actions, and with mean actions
    ``…_spread``                     standard deviation over the episodes
    ``episodes_each``                how many of each kind; 0 of a run that diverged, and where none were played

    No training return is in them, and they are in no training score.
    """
    found = {}
    for how in EVALUATED:
        returns = played.loc[played["how"] == how, "return"].astype(float)  # a table without rows has no types
        broken = diverged or not np.isfinite(returns).all()
        found[how] = counted(returns.mean(skipna=False), untrained, broken) if known else np.nan
        found[f"{how}_spread"] = np.nan if broken else returns.std()
    return found | {"episodes_each": len(played) // len(EVALUATED)}


def normalised(values: pd.Series | np.ndarray, untrained: float, best: float) -> pd.Series | np.ndarray:
    """Scores on the scale of PPO Table 1: the untrained policy 0, the best run 1. NaN where no run beats it."""
    return (values - untrained) / (best - untrained) if best > untrained else values * np.nan


def steps_to(curve: pd.Series, threshold: float) -> float:
    """The first step at which a curve (by step) is at or above the threshold; NaN if it never is."""
    reached = curve.index[curve >= threshold]
    return float(reached[0]) if len(reached) else np.nan


def filled_curves(curves: pd.DataFrame, runs: pd.DataFrame, untrained: dict[str, float]) -> pd.DataFrame:
    """A row a run, a column a step, from ``curves.parquet`` and ``runs.csv``; whole by the rule for diverged runs."""
    table = curves.pivot(index=["task", "method", "seed"], columns="step", values="return")
    status = runs.set_index(["task", "method", "seed"])["status"].reindex(table.index)
    values = [
        filled(row, untrained[task], diverged)
        for row, task, diverged in zip(
            table.to_numpy(), table.index.get_level_values("task"), status == "diverged", strict=True
        )
    ]
    return pd.DataFrame(values, index=table.index, columns=table.columns)


def whole_curves(study: Study, tables: Tables) -> pd.DataFrame:
    """The study's learning curves as ``filled_curves`` has them. ``tables`` are its own, with runs and curves."""
    untrained = {name: task.random_score for name, task in study.tasks.items()}
    return filled_curves(tables["curves"], tables["runs"], untrained)


def against_the_best(runs: pd.DataFrame, curves: pd.DataFrame, untrained: dict[str, float]) -> pd.DataFrame:
    """``runs`` with what only the whole study decides.

    ``normalised``      ``last_100`` on the scale of PPO Table 1
    ``steps_to_half``   steps until the curve is half way from the untrained policy to the best run's ``last_100``
    """
    whole = filled_curves(curves, runs, untrained)
    best = runs.groupby("task")["last_100"].max()
    parts = []
    for task, some in runs.groupby("task", sort=False):
        half = (untrained[task] + best[task]) / 2 if best[task] > untrained[task] else np.nan
        steps = [steps_to(whole.loc[(task, r.method, r.seed)], half) for r in some.itertuples()]
        scale = normalised(some["last_100"], untrained[task], best[task])
        parts.append(some.assign(normalised=scale, steps_to_half=steps))
    return pd.concat(parts).loc[runs.index]
