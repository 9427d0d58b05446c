"""What the trainer shows of a run in progress: a line for people, and a file for other programs."""

import contextlib
import dataclasses
import itertools
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UsageError, named
from study.progress import Progress

if TYPE_CHECKING:  # the libraries are loaded later (train/libraries.py)
    from core.run import Run

EVERY = 2.0  #: seconds between writes of the file, at least
SHARE = 0.001  #: of a run's time that they may take: where one takes more than 2 ms, the next comes later
LINE_EVERY = {True: 0.2, False: 20.0}  #: seconds between lines, in a terminal and in a log


class Reporter:
    """Says how far the run ``name`` is: by lines on standard error, and by a file of :class:`Progress`.

    If the file cannot be written, the run goes on, and a later write is tried.
    """

    def __init__(self, name: str, path: Path, budget: int):
        self.name, self._path = name, path
        self._now = Progress("starting", budget)
        self._live, self._printed, self._cost = sys.stderr.isatty(), time.perf_counter(), 0.0
        self._write()

    def compiling(self) -> None:
        """The run compiles its updates."""
        print(f"{self.name}: compiling its updates, once for all its seeds", file=sys.stderr, flush=True)
        self._set(state="compiling")

    def training(self, run: "Run", seconds: float) -> None:
        """The run begins, or goes on from a checkpoint."""
        self._set(**_numbers(run, seconds), state="training")

    def iterated(self, run: "Run", seconds: float) -> None:
        """The run has taken an iteration: show it now and then."""
        now = time.perf_counter()
        if now - self._printed > LINE_EVERY[self._live]:
            self._printed = now
            self._print(run, seconds, "\r" if self._live else "\n")
        if now - self._written > max(EVERY, self._cost / SHARE):
            self.training(run, seconds)

    def stopped(self, run: "Run", seconds: float, outlook: str) -> None:
        """The run was asked to stop, and did."""
        print(f"\n{self.name}: stopped at {run.envs.steps:,} steps; {outlook}", file=sys.stderr)
        self._set(**_numbers(run, seconds), state="stopped")

    def failed(self, error: Exception, task: str) -> None:
        """The run ended by an exception."""
        self._set(state="failed", error=said(error, task))

    def finished(self, run: "Run", seconds: float, place: str) -> None:
        """The run is over, and its files are in ``place``."""
        self._print(run, seconds, "\n")
        why = f" ({run.wrong} is not finite)" if run.wrong else ""
        print(f"{self.name}: {run.status}{why} in {seconds:.0f} s: {place}", file=sys.stderr)

    def remove(self) -> None:
        """Take the file away: a finished run has none."""
        self._path.unlink(missing_ok=True)

    def _print(self, run: "Run", seconds: float, end: str) -> None:
        now = dataclasses.replace(self._now, **_numbers(run, seconds))
        print(line(self.name, now), end=end, file=sys.stderr, flush=True)

    def _set(self, **changes) -> None:
        self._now = dataclasses.replace(self._now, **changes)
        self._write()

    def _write(self) -> None:
        begun = time.perf_counter()
        with contextlib.suppress(OSError):
            self._now.write(self._path)
        self._written = time.perf_counter()
        self._cost = self._written - begun


def line(name: str, now: Progress) -> str:
    """Steps, mean return of the last 100 whole episodes, speed, time left."""
    mean = "       –" if now.mean_return is None else f"{now.mean_return:8.1f}"
    speed = now.steps / now.seconds
    left = (now.budget - now.steps) / speed
    return (
        f"{name}  {now.steps:>9,} / {now.budget:,} steps  return {mean}  {speed:6,.0f} steps/s  "
        f"left {int(left // 60)}:{int(left % 60):02d}"
    )


def said(error: Exception, task: str) -> str:
    """An exception in one line, for one who asked for a task by its name in ``envs.yaml``."""
    if isinstance(error, UsageError):
        return named(error, task)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _numbers(run: "Run", seconds: float) -> dict:
    whole = (episode.ret for episode in reversed(run.envs.episodes) if episode.end != "cut")
    last = list(itertools.islice(whole, 100))
    return {
        "steps": run.envs.steps,
        "mean_return": float(sum(last) / len(last)) if last else None,
        "seconds": seconds,
        "steps_per_second": run.envs.steps / seconds if run.envs.steps else None,
    }
