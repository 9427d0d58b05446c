"""Two methods, or one method twice, in the terminal: the statistics of ``within_task.py`` and ``across_tasks.py``.

    python -m analysis.terminal.compare figure3:trpo figure3:npg
    python -m analysis.terminal.compare figure3:trpo table1:clip_02
    python -m analysis.terminal.compare results/runs/trpo/Hopper/0123456789ab ../before/results/runs/trpo

A side is a method of a study, ``STUDY:METHOD``, of which the runs are taken that are finished so far; or a folder with
runs below it, of this checkout or of another (of another commit, say). A folder may hold several tasks, but one key of
each: one version of one method. Tasks that both sides have are compared.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.data.runs import FinishedRun, read_parquet, read_runs
from analysis.data.scores import normalised, run_scores
from analysis.data.tables import curve_of
from analysis.statistics import across_tasks, within_task
from analysis.statistics.intervals import percentile, stream
from analysis.terminal import so_far
from core.envs.spec import spec_of
from core.errors import UsageError
from study.cells import FILES, Cell, Method
from study.config import read_config
from study.integrity import damage
from study.options import nearest
from study.plan import ROOT, load_study
from study.tasks import make_task

#: docs/statistics.md, "Coverage", has how this was measured.
CAUTION = "  (With 3 seeds such an interval excludes 0 for 13 % of equal methods on seven tasks, for 19 % on one task.)"


def of_study(study_name: str, method: str, root: Path = ROOT) -> pd.DataFrame:
    """``task task_id seed status steps last_100`` of a method's finished runs."""
    study = load_study(study_name, root)
    study.cell(next(iter(study.tasks)), method)  # says so if there is no such method
    cells = [cell for cell in study.cells if cell.method.name == method]
    done = so_far.finished_cells(cells, root)
    if not done:
        raise UsageError(f"{study_name}: no run of {method} is finished yet")
    return _scores(read_runs(dataclasses.replace(study, cells=done), root), root)


def of_folder(folder: Path) -> pd.DataFrame:
    """The same of all runs below a folder. Raises UsageError where there are none, or of more than one key a task."""
    runs: list[FinishedRun] = []
    keys: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("run.json")):
        if not all((path.parent / name).is_file() for name in FILES):
            continue
        if wrong := damage(path.parent, ["episodes.parquet"]):
            raise UsageError(f"{path.parent}: {wrong}")
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            episodes = read_parquet(path.parent / "episodes.parquet").astype({"return": float})
            method = Method("run", record["algo"], record.get("options", {}), record["algo"], None)
            cell = Cell(record["task"], spec_of(record), method, record["steps"], (record["seed"],))
            keys.setdefault(record["task"], set()).add(record["key"])
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(f"{path.parent}: no readable run ({error})") from None
        runs.append(FinishedRun(cell, record["seed"], record, episodes[episodes["end"] != "cut"]))
    if not runs:
        raise UsageError(f"{folder}: no finished run below this folder")
    envs = read_config(ROOT / "envs.yaml", only=keys)
    for task, found in keys.items():
        if task not in envs:
            raise UsageError(f"{folder}: task {nearest(task, envs)} (tasks are listed in envs.yaml)")
        if len(found) > 1:
            raise UsageError(f"{folder}: {task} has runs of {len(found)} keys ({', '.join(sorted(found))}): name one")
    return _scores(runs)


def _scores(runs: Iterable[FinishedRun], root: Path = ROOT) -> pd.DataFrame:
    rows, runs = [], list(runs)
    envs = read_config(root / "envs.yaml", root, only={run.cell.task for run in runs})
    for run in runs:
        untrained = make_task(run.cell.task, envs[run.cell.task]).random_score
        score = run_scores(run, curve_of(run)["return"].to_numpy(), untrained)["last_100"]
        rows.append((run.cell.task, run.cell.task_id, run.seed, run.status, run.cell.steps, score))
    return pd.DataFrame(rows, columns=["task", "task_id", "seed", "status", "steps", "last_100"]).dropna()


def side(text: str, root: Path = ROOT) -> pd.DataFrame:
    """The runs of one side of the comparison."""
    if Path(text).is_dir():
        return of_folder(Path(text))
    study, colon, method = text.partition(":")
    if not colon:
        raise UsageError(f"{text}: neither a folder nor STUDY:METHOD")
    return of_study(study, method, root)


def report(a: pd.DataFrame, b: pd.DataFrame) -> str:
    """What is printed. Raises UsageError where the two have no task in common, or other versions of it or budgets."""
    tasks = [task for task in dict.fromkeys(a["task"]) if task in set(b["task"])]
    if not tasks:
        raise UsageError("the two have no task in common")
    envs, rows = read_config(ROOT / "envs.yaml", only=tasks), []
    scores: tuple[across_tasks.Scores, across_tasks.Scores] = ([], [])
    for task in tasks:
        x, y = (some[some["task"] == task] for some in (a, b))
        if len(ids := sorted({*x["task_id"], *y["task_id"]})) > 1:
            raise UsageError(f"{task}: runs on {' and '.join(ids)} cannot be compared")
        if len(budgets := sorted({*x["steps"], *y["steps"]})) > 1:
            raise UsageError(f"{task}: runs of {' and '.join(f'{n:,}' for n in budgets)} steps cannot be compared")
        ours, theirs = x["last_100"].to_numpy(), y["last_100"].to_numpy()
        rows.append({"task": task} | within_task.compare(ours, theirs, stream("permutation", task), len(tasks)))
        best = max(ours.max(), theirs.max())
        for values, kept in zip((ours, theirs), scores, strict=True):
            kept.append(normalised(values, make_task(task, envs[task]).random_score, best))
    lines = [_table(within_task.corrected(pd.DataFrame(rows))), ""]
    if len(tasks) > 1:
        lines += [
            f"Holm: corrected for the {len(tasks)} tasks. Detectable: by Welch's test at 5 %, before and after it.",
            "",
        ]
    for name, runs in (("A", a), ("B", b)):
        diverged = (runs["status"] == "diverged").sum()
        if diverged:
            lines.append(f"{name}: {diverged} of {len(runs)} runs diverged; they count as an untrained policy")
    usable = [i for i, values in enumerate(scores[0]) if not np.isnan(values).any()]
    if usable:
        lines.append(_across(*([kept[i] for i in usable] for kept in scores)))
    return "\n".join(lines)


def _table(table: pd.DataFrame) -> str:
    shown = pd.DataFrame({"task": table["task"]})
    shown["runs"] = [f"{a}, {b}" for a, b in zip(table["runs_a"], table["runs_b"], strict=True)]
    shown["A"], shown["B"] = table["mean_a"].map(_number), table["mean_b"].map(_number)
    shown["A - B"] = [_signed(row.difference) + _ends(row.low, row.high, _number) for row in table.itertuples()]
    for name, column in (
        ("Welch p", "welch_p"),
        ("Holm", "welch_holm"),
        ("perm. p", "permutation_p"),
        ("Holm ", "permutation_holm"),
        ("least p", "smallest_p"),
        ("g", "hedges_g"),
        ("P(A>B)", "superiority"),
    ):
        shown[name] = table[column].map("{:.3g}".format)
    for name in ("detectable", "detectable_holm"):
        shown[name.replace("_holm", ", Holm")] = table[name].map(_number)
    if len(table) == 1:  # nothing to correct for
        shown = shown.drop(columns=[name for name in shown if "Holm" in name])
    return shown.replace("nan", "–").to_string(index=False)


def _number(value: float) -> str:
    """One decimal, and three digits of small numbers: Reacher's returns differ in the second decimal."""
    return f"{value:.1f}" if abs(value) >= 100 or np.isnan(value) else f"{value:.3g}"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + _number(value)


def _ends(low: float, high: float, form: Callable[[float], str]) -> str:
    """An interval in brackets; nothing where single runs know none."""
    return f" ({form(low)} to {form(high)})" if np.isfinite(low) else ""


def _across(a: across_tasks.Scores, b: across_tasks.Scores) -> str:
    known = across_tasks.several(a, b)
    drawn = [across_tasks.resample(scores, stream(name)) for name, scores in (("a", a), ("b", b))]
    lines = [
        f"Across {len(a)} task{'s' * (len(a) > 1)}, normalised (0: untrained policy, 1: best run of the two)"
        + (", with 95 % stratified bootstrap intervals:" if known else ":")
    ]
    for name, statistic in across_tasks.AGGREGATES.items():
        ours, theirs = float(statistic(a)), float(statistic(b))
        low, high = percentile(statistic(drawn[0]) - statistic(drawn[1]), known)
        ends = _ends(low, high, "{:+.3f}".format)
        said = ": the interval excludes 0" if low > 0 or high < 0 else ""
        name = name.replace("_", " ").replace("iqm", "IQM")
        lines.append(f"  {name:<14} A {ours:.3f}, B {theirs:.3f}, A - B {ours - theirs:+.3f}{ends}{said}")
    chance, low, high = across_tasks.improvement(a, b, stream("improvement"))
    lines.append(f"  {'P(A > B)':<14} {chance:.2f}{_ends(low, high, '{:.2f}'.format)}")
    if not known:
        lines.append("  no intervals: there is a task with a single run")
    else:
        lines.append(CAUTION)
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.terminal.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("a", metavar="A", help="STUDY:METHOD, or a folder of runs")
    parser.add_argument("b", metavar="B", help="the same")
    arguments = parser.parse_args()
    try:
        text = report(side(arguments.a), side(arguments.b))
    except (UsageError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(f"A: {arguments.a}\nB: {arguments.b}\nMean return of the last 100 training episodes, by task:\n\n{text}")


if __name__ == "__main__":
    main()
