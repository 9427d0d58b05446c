"""What a run needs of a cluster: memory and time, by what finished runs of its method really took (``run.json``).

Read when the workflow is planned, so that runs that finish make the next ones better known. Where a method has no run
yet the numbers are generous. A job for which they are too small is started again with more of both, and goes on at
its checkpoint.
"""

import functools
import json
import math
from pathlib import Path
from typing import NamedTuple

from study.cells import Cell
from study.key import ROOT

TIME_MARGIN = 2.0  #: nodes differ, and their cores share caches and memory
MEMORY_MARGIN = 1.2
LARGEST = 3  #: times as much, at most, however often a job is tried: it may have been preempted
START_MINUTES = 3.0  #: starting, and compiling, which the first run of a kind does
BESIDE_MB = 750  #: around the trainer: two small Snakemakes of 170 MB, and where it is the first of its kind a compiler
#: Of a method without a finished run: seconds a step, as the slowest task of envs.yaml takes, and the trainer's peak.
UNKNOWN_SECONDS, UNKNOWN_MB = 1 / 1500, 600.0


class Taken(NamedTuple):
    """The most that any of some finished runs took."""

    seconds: float  #: a step: what grows with a run. Starting and compiling do not
    peak_mb: float


def memory_mb(cell: Cell, attempt: int = 1, root: Path = ROOT) -> int:
    """Memory for one run, in whole hundreds of MB."""
    peak = taken(cell, root).peak_mb
    return math.ceil((MEMORY_MARGIN * peak + BESIDE_MB) * min(attempt, LARGEST) / 100) * 100


def minutes(cell: Cell, attempt: int = 1, root: Path = ROOT) -> int:
    """Time for one run, in whole minutes."""
    training = taken(cell, root).seconds * cell.steps / 60
    return math.ceil((START_MINUTES + TIME_MARGIN * training) * min(attempt, LARGEST))


def taken(cell: Cell, root: Path = ROOT) -> Taken:
    """What the nearest runs took: the cell's own, else its algorithm's on its task, else its algorithm's on any."""
    algo = cell.method.algo
    for near in (f"{algo}/{cell.task}/{cell.key}", f"{algo}/{cell.task}/*", f"{algo}/*/*"):
        if found := _most(near, root):
            return found
    return Taken(UNKNOWN_SECONDS, UNKNOWN_MB)


@functools.cache
def _most(near: str, root: Path) -> Taken | None:
    runs = [_read(path) for path in root.glob(f"results/runs/{near}/seed*/run.json")]
    runs = [run for run in runs if run]
    return Taken(*map(max, zip(*runs, strict=True))) if runs else None


def _read(path: Path) -> Taken | None:
    """None of a file that is not whole: the workflow says so elsewhere, and makes it again."""
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        seconds = run["collect_seconds"] + run["update_seconds"]
        if run["status"] != "finished" or not run["steps"]:
            return None  # one that diverged may have ended early
        return Taken(float(seconds / run["steps"]), float(run["peak_memory_mb"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
