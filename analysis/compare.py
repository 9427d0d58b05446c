"""Two methods, or one method twice, in the terminal: the statistics of ``within.py`` and ``across.py``.

    python -m analysis.compare figure3:trpo figure3:npg
    python -m analysis.compare figure3:trpo table1:clip_02
    python -m analysis.compare results/runs/trpo/Hopper/0123456789ab ../before/results/runs/trpo

A side is a method of a study, ``STUDY:METHOD``, of which the runs are taken that are finished so far; or a folder with
runs below it, of this checkout or of another (of another commit, say). A folder may hold several tasks, but one key of
each: one version of one method. Tasks that both sides have are compared.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import across, so_far, within
from analysis.intervals import percentile, stream
from analysis.scores import normalised, run_scores
from analysis.study import FinishedRun, read_runs
from analysis.tables import curve_of
from core.errors import UsageError
from core.plan import FILES, ROOT, Cell, Method, load_study, read_config
from core.whole import damage


def of_study(study_name: str, method: str, root: Path = ROOT) -> pd.DataFrame:
    """``task seed status last_100 steps`` of a method's finished runs."""
    study = load_study(study_name, root)
    study.cell(next(iter(study.tasks)), method)  # says so if there is no such method
    cells = [cell for cell in study.cells if cell.method.name == method]
    part = so_far.finished(dataclasses.replace(study, cells=cells, methods={method: study.methods[method]}), root)
    return _scores(read_runs(part, root))


def of_folder(folder: Path) -> pd.DataFrame:
    """The same of all runs below a folder. Raises UsageError where there are none, or of more than one key a task."""
    runs, keys = [], {}
    for path in sorted(folder.rglob("run.json")):
        if not all((path.parent / name).is_file() for name in FILES):
            continue
        if wrong := damage(path.parent, ["episodes.parquet"]):
            raise UsageError(f"{path.parent}: {wrong}")
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            episodes = pd.read_parquet(path.parent / "episodes.parquet").astype({"return": float})
            method = Method("run", record["algo"], record.get("options", {}), record["algo"], None)
            cell = Cell(record["task"], record["task_id"], method, record["steps"], (record["seed"],))
            keys.setdefault(record["task"], set()).add(record["key"])
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(f"{path.parent}: no readable run ({error})") from None
        runs.append(FinishedRun(cell, record["seed"], record, episodes[episodes["end"] != "cut"]))
    if not runs:
        raise UsageError(f"{folder}: no finished run below this folder")
    for task, found in keys.items():
        if len(found) > 1:
            raise UsageError(f"{folder}: {task} has runs of {len(found)} keys ({', '.join(sorted(found))}): name one")
    return _scores(runs)


def _scores(runs) -> pd.DataFrame:
    envs = read_config(ROOT / "envs.yaml")
    rows = []
    for run in runs:
        score = run_scores(run, curve_of(run)["return"].to_numpy(), envs[run.cell.task]["random_score"])["last_100"]
        rows.append((run.cell.task, run.seed, run.status, run.cell.steps, score))
    return pd.DataFrame(rows, columns=["task", "seed", "status", "steps", "last_100"]).dropna()


def side(text: str, root: Path = ROOT) -> pd.DataFrame:
    """The runs of one side of the comparison."""
    if Path(text).is_dir():
        return of_folder(Path(text))
    study, colon, method = text.partition(":")
    if not colon:
        raise UsageError(f"{text}: neither a folder nor STUDY:METHOD")
    return of_study(study, method, root)


def report(a: pd.DataFrame, b: pd.DataFrame) -> str:
    """What is printed. Raises UsageError where the two have no task in common, or other budgets."""
    envs = read_config(ROOT / "envs.yaml")
    tasks = [task for task in dict.fromkeys(a["task"]) if task in set(b["task"])]
    if not tasks:
        raise UsageError("the two have no task in common")
    rows, scores = [], ([], [])
    for task in tasks:
        x, y = (some[some["task"] == task] for some in (a, b))
        if len(budgets := sorted({*x["steps"], *y["steps"]})) > 1:
            raise UsageError(f"{task}: runs of {' and '.join(f'{n:,}' for n in budgets)} steps cannot be compared")
        ours, theirs = x["last_100"].to_numpy(), y["last_100"].to_numpy()
        rows.append({"task": task} | within.compare(ours, theirs, stream("permutation", task)))
        best = max(ours.max(), theirs.max())
        for values, kept in zip((ours, theirs), scores, strict=True):
            kept.append(normalised(values, envs[task]["random_score"], best))
    lines = [_table(within.corrected(pd.DataFrame(rows))), ""]
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
    shown["A"], shown["B"] = table["mean_a"].map("{:.1f}".format), table["mean_b"].map("{:.1f}".format)
    shown["A - B"] = [
        f"{row.difference:+.1f}" + (f" ({row.low:.0f} to {row.high:.0f})" if np.isfinite(row.low) else "")
        for row in table.itertuples()
    ]
    for name, column in (
        ("Welch p", "welch_p"),
        ("Holm", "welch_holm"),
        ("perm. p", "permutation_p"),
        ("least p", "smallest_p"),
        ("g", "hedges_g"),
        ("P(A>B)", "superiority"),
    ):
        shown[name] = table[column].map("{:.3g}".format)
    shown["detectable"] = table["detectable"].map("{:.0f}".format)
    return shown.replace("nan", "–").to_string(index=False)


def _across(a: across.Scores, b: across.Scores) -> str:
    chance, low, high = across.improvement(a, b, stream("improvement"))
    samples = across.iqm(across.resample(a, stream("a"))) - across.iqm(across.resample(b, stream("b")))
    ends = percentile(samples)
    difference = float(across.iqm(a) - across.iqm(b))
    tasks = f"{len(a)} task" + "s" * (len(a) > 1)
    verdict = "A is better" if ends[0] > 0 else "B is better" if ends[1] < 0 else "not told apart"
    if min(map(len, a + b)) < 2:
        verdict = "no interval worth the name: there is a task with a single run"
    return (
        f"Across {tasks}, normalised (0: untrained policy, 1: best run of the two):\n"
        f"  IQM        A {float(across.iqm(a)):.3f}, B {float(across.iqm(b)):.3f}, "
        f"A - B {difference:+.3f} ({ends[0]:+.3f} to {ends[1]:+.3f}): {verdict}\n"
        f"  P(A > B)   {chance:.2f} ({low:.2f} to {high:.2f})"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
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
