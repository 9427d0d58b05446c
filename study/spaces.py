"""Whether the tasks of ``envs.yaml`` can be made here, and fit the methods.

    python -m study.spaces [TASK …]

Prints JSON, by task: ``error``, one line or null, and ``horizon``, its time limit in steps or null. The plan cannot
know, for it imports neither Gymnasium nor the packages of tasks.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable

from core.errors import UsageError, named
from study.config import read_config
from study.key import ROOT
from study.options import nearest
from study.tasks import Task, drawn_by_mujoco, make_task


def look(name: str, entry: dict) -> dict:
    """What is printed of one task."""
    from core.envs.making import make_env

    try:
        env = make_env(make_task(name, entry).spec)
    except UsageError as error:
        return {"error": named(error, name), "horizon": None}
    except Exception as error:  # of the task's own code
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return {"error": f"envs.yaml: {name}: cannot be made: {said}", "horizon": None}
    return {"error": None, "horizon": env.spec.max_episode_steps}


def refused(tasks: Iterable[Task]) -> dict[str, str]:
    """What is wrong with each of these tasks that cannot be trained on here; Gymnasium's own of MuJoCo all can.

    A process of its own looks, for the planning one is not to import a task's package.
    """
    plain = drawn_by_mujoco()
    names = sorted({task.name for task in tasks if isinstance(task.spec, dict) or task.spec not in plain})
    if not names:
        return {}
    command = [sys.executable, "-m", "study.spaces", *names]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if done.returncode:
        return {}  # the runs say what it is
    return {name: found["error"] for name, found in json.loads(done.stdout).items() if found["error"]}


@contextlib.contextmanager
def quiet():
    """What tasks print goes to standard error, also what their libraries print."""
    sys.stdout.flush()
    before = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(before, 1)
        os.close(before)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the return value is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m study.spaces", description="Which tasks can be trained on here.")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="names in envs.yaml (default: all)")
    args = parser.parse_args(argv)
    try:
        entries = read_config(ROOT / "envs.yaml", only=args.tasks or None)
        if unknown := [task for task in args.tasks if task not in entries]:
            raise UsageError(f"envs.yaml: task {nearest(unknown[0], entries)}")
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    os.environ["MUJOCO_GL"] = "disable"  # nothing is drawn, as in training
    with quiet():
        found = {task: look(task, entries[task]) for task in args.tasks or entries}
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
