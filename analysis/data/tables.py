"""Tidy tables of a study.

    python -m analysis.data.tables STUDY

``curves.parquet``   study task method seed step return: the learning curves on one grid of 100 points
``scores.csv``       task method seed score status
``runs.csv``         a row a run; its scores are by the rule for runs that diverged (analysis/data/scores.py)
``mixed.txt``        what of libraries and machines is not the same in all runs (a line, or nothing)
"""

import sys

import numpy as np
import pandas as pd

from analysis.data.mixed import mixed
from analysis.data.runs import FinishedRun, folder, main, read_evaluations, read_runs
from analysis.data.scores import against_the_best, evaluated, run_scores, score
from study.cells import Study

TABLES = {
    "scores": "The PPO paper's score of each run, as seen: task, method, seed, score, status.",
    "runs": "Each run: every score by the rule for runs that diverged, its final policy evaluated, and what it cost.",
}

POINTS = 100  #: of the grid; the published curves have as many
WINDOW = 2  #: grid points that a curve's mean looks back
COST = ("wall_seconds", "steps_per_second", "peak_memory_mb", "compiled")  #: of run.json


def learning_curve(episodes: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Mean return by environment step, on the grid budget/100, 2·budget/100, …, budget.

    At each point it is the mean over the episodes that ended in the last 2 % of the budget; where none did, the
    value before stays. Missing (NaN) before the first episode ends.
    """
    grid = budget * np.arange(1, POINTS + 1) // POINTS
    steps, total = episodes["step"].to_numpy(), np.concatenate([[0.0], episodes["return"].to_numpy().cumsum()])
    upto = np.searchsorted(steps, grid, side="right")
    since = np.searchsorted(steps, grid - budget * WINDOW // POINTS, side="right")
    count = upto - since
    with np.errstate(invalid="ignore"):  # returns of a run that diverged may be infinite
        mean = np.divide(total[upto] - total[since], count, out=np.full(POINTS, np.nan), where=count > 0)
    return pd.DataFrame({"step": grid, "return": mean}).ffill()


def curve_of(run: FinishedRun) -> pd.DataFrame:
    """The run's learning curve; that of a diverged run ends where the run did."""
    curve = learning_curve(run.episodes, run.cell.steps)
    if run.status == "diverged":
        reached = run.episodes["step"].max() if len(run.episodes) else 0
        curve.loc[curve["step"] > reached, "return"] = np.nan
    return curve.assign(task=run.cell.task, method=run.cell.method.name, seed=run.seed)


def row_of(run: FinishedRun, curve: pd.DataFrame, untrained: float) -> dict:
    """The run's row in ``runs.csv``, but for its final policy."""
    name = {"task": run.cell.task, "method": run.cell.method.name, "seed": run.seed, "status": run.status}
    cost = {column: run.record.get(column) for column in COST}
    machine = {"cpu": (run.record.get("cpu") or {}).get("model")}
    return name | run_scores(run, curve["return"].to_numpy(), untrained) | cost | machine


def policies(rows: list[dict], evaluations: dict[tuple[str, str], pd.DataFrame], untrained: dict[str, float]) -> list:
    """``rows`` of ``row_of`` with what the final policies score.

    Of a cell that was not played a run that diverged has no score, unless all its runs did: there is none to play then.
    """
    sound = {(row["task"], row["method"]) for row in rows if row["status"] != "diverged"}
    found = []
    for row in rows:
        cell = row["task"], row["method"]
        played, known = evaluations[cell], len(evaluations[cell]) > 0 or cell not in sound
        mine = played[played["seed"] == row["seed"]]
        found.append(row | evaluated(mine, untrained[row["task"]], row["status"] == "diverged", known))
    return found


def make(study: Study) -> None:
    """Write the tables."""
    untrained = {name: task.random_score for name, task in study.tasks.items()}
    evaluations = read_evaluations(study)
    curves, scores, rows, records = [], [], [], []
    for run in read_runs(study):
        records.append(run.record)
        curves.append(curve_of(run))
        scores.append((run.cell.task, run.cell.method.name, run.seed, score(run.episodes), run.status))
        rows.append(row_of(run, curves[-1], untrained[run.cell.task]))
    out = folder(study.name, "tables")
    tidy = pd.concat(curves, ignore_index=True).assign(study=study.name)
    tidy[["study", "task", "method", "seed", "step", "return"]].to_parquet(out / "curves.parquet", index=False)
    table = pd.DataFrame(scores, columns=["task", "method", "seed", "score", "status"])
    table.to_csv(out / "scores.csv", index=False, float_format="%.3f")
    rows = pd.DataFrame(policies(rows, evaluations, untrained))
    against_the_best(rows, tidy, untrained).to_csv(out / "runs.csv", index=False, float_format="%.6g")
    (out / "mixed.txt").write_text(note := mixed(records), encoding="utf-8")
    if note:
        print(f"warning: these runs are not of one machine and one set of libraries: {note}", file=sys.stderr)
    cells = table.groupby(["task", "method"], sort=False)
    finished = cells["status"].agg(lambda status: f"{(status == 'finished').sum()}/{len(status)}")
    print(cells["score"].agg(["mean", "min", "max"]).round(1).assign(finished=finished).to_string())


if __name__ == "__main__":
    main(make)
