"""Measure the score of an untrained policy, the zero of normalised scores.

    python -m play.random_score [TASK …] [--episodes 100]
    python -m play.random_score TASK --keep

The first prints what belongs into ``envs.yaml``. The second keeps the score of a task for which ``envs.yaml`` gives
none, beside the runs (``study/tasks.py``); the workflow does so.

The PPO paper's "random policy" is the policy before training: mean near zero, standard deviation 1, actions not
clipped (its Figure 3 starts near -600 on HalfCheetah, where the control cost of such actions alone is -600). So actions
are drawn from N(0, 1) here. An episode of a task without a time limit is cut after ``core.envs.spec.HORIZON`` steps.
"""

import argparse
import json
import os
import sys

import numpy as np

from core.errors import TaskError, UsageError, named
from play.untrained import COPIES, random_returns
from study.atomic import write_whole
from study.config import read_config
from study.options import nearest
from study.plan import ROOT
from study.tasks import Task, make_task
from train.provenance import machine

EPISODES = 100


def keep(task: Task, returns: np.ndarray, error: float) -> None:
    """Write the score where ``Task.random_score`` finds it. Raises UsageError where it is not a number."""
    if not np.isfinite(returns.mean()):
        raise UsageError(f"envs.yaml: {task.name}: returns of an untrained policy are not finite: give a random_score")
    record = {"random_score": returns.mean(), "stderr": error, "episodes": len(returns), "task": task.spec, **machine()}
    path = ROOT / task.score_file
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(record, indent=1) + "\n").encode())


def main(argv: list[str] | None = None) -> int:
    """Print mean and standard error, a line a task; the return value is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m play.random_score", description="Score of an untrained policy.")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="names in envs.yaml (default: all)")
    parser.add_argument("--episodes", type=int, default=EPISODES, help="how many, a multiple of 10 (default: 100)")
    parser.add_argument("--keep", action="store_true", help="keep it beside the runs, for the tables")
    args = parser.parse_args(argv)
    os.environ["MUJOCO_GL"] = "disable"  # nothing is drawn, as in training
    if args.episodes < COPIES:
        parser.error(f"--episodes {args.episodes}: give {COPIES} or more")
    try:
        entries = read_config(ROOT / "envs.yaml", only=args.tasks or None)
        for name in args.tasks or entries:
            if name not in entries:
                raise UsageError(f"envs.yaml: task {nearest(name, entries)}")
            task = make_task(name, entries[name])
            try:
                returns = random_returns(task.spec, args.episodes)
            except TaskError as error:
                raise UsageError(named(error, name)) from None
            except Exception as error:  # of a task that insists on clipped actions, say
                said = " ".join(f"{type(error).__name__}: {error}".split())
                raise UsageError(f"envs.yaml: {name}: cannot be measured ({said}): give a random_score") from None
            stderr = returns.std(ddof=1) / np.sqrt(len(returns))
            note = f"# ± {stderr:.2f}, {len(returns)} episodes"
            print(f"{name:24} random_score: {returns.mean():.2f}   {note}", flush=True)
            if args.keep:
                keep(task, returns, stderr)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
