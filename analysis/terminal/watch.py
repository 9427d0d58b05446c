"""A study while it trains: a table in the terminal, drawn again every few seconds.

    python -m analysis.terminal.watch STUDY [--once]

Reads only: what is finished lies in ``results/runs/``, and a run in progress holds the lock of its folder under
``work/``, where it also says how far it is (``study/progress.py``). Of several machines that share the folder it sees
all runs. One that was killed counts as waiting, since it goes on when Snakemake starts it again.
"""

import argparse
import fcntl
import functools
import json
import math
import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from analysis.data.runs import read_parquet
from analysis.data.scores import score
from core.errors import UsageError
from study.cells import FILES, Cell, Study
from study.plan import ROOT, load_study
from study.progress import Progress, progress_file, read_progress

EVERY = 3.0  #: seconds
SURE = 0.1  #: of its steps, from which a run's speed says something: before, compiling is most of it
LISTED = 6  #: runs that are listed one by one below the table
STATES = ("running", "failed", "waiting")  #: besides "finished" and "diverged", which are done


@dataclass(frozen=True)
class Seen:
    """A run as it is now."""

    task: str
    method: str
    seed: int
    state: str  #: "finished", "diverged", or one of STATES
    part: float = 0.0  #: of its steps that are taken
    ret: float = math.nan  #: mean return of its latest 100 episodes
    speed: float = math.nan  #: steps/s
    said: str = ""  #: why it failed, or what it does before it trains

    @property
    def done(self) -> bool:
        """Whether it is in the tables."""
        return self.state in ("finished", "diverged")

    def __str__(self) -> str:
        return f"{self.method} {self.task} seed {self.seed}"


def look(cell: Cell, seed: int, root: Path = ROOT) -> Seen:
    """The run's state on disk."""
    about = (cell.task, cell.method.name, seed)
    folder = root / cell.folder(seed)
    if all((folder / name).is_file() for name in FILES):
        try:
            return Seen(cell.task, cell.method.name, seed, *_finished(folder))
        except (OSError, ValueError, KeyError, TypeError):  # of pyarrow too
            return Seen(*about, "failed", said="its files are damaged: snakemake will train it again")
    path = progress_file(cell.folder(seed), root)
    now = read_progress(path) or Progress("", cell.steps)
    ret, speed = (math.nan if value is None else value for value in (now.mean_return, now.steps_per_second))
    so_far = (now.steps / cell.steps, ret, speed)
    if _locked(path.with_name("lock")):
        return Seen(*about, "running", *so_far, now.state if now.state in ("starting", "compiling") else "")
    if now.state == "failed":
        return Seen(*about, "failed", *so_far, now.error)
    return Seen(*about, "waiting", *so_far)


@functools.cache
def _finished(folder: Path) -> tuple[str, float, float, float]:
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    episodes = read_parquet(folder / "episodes.parquet", columns=["return", "end"])
    return record["status"], 1.0, score(episodes[episodes["end"] != "cut"]), record["steps_per_second"]


def _locked(path: Path) -> bool:
    """Whether a trainer holds the lock. Asks by a shared one, given back at once."""
    try:
        file = path.open()
    except OSError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False


def seconds_left(runs: list[Seen], steps: int) -> tuple[float, int]:
    """Until the study is trained, and with how many runs at a time: as now, at least one. NaN if no speed is known.

    A run that is not yet sure of its speed is taken to be as fast as others of its cell, else of its method, else of
    its task, else as all others.
    """
    together = max(1, sum(run.state == "running" for run in runs))
    times = [steps * (1 - run.part) / _speed(run, runs) for run in runs if not run.done]
    return (max(sum(times) / together, *times) if times else 0.0), together


def _speed(run: Seen, runs: list[Seen]) -> float:
    known = [other for other in runs if other.speed > 0 and other.part >= SURE]
    alike = [
        [run] if run in known else [],
        [other for other in known if (other.method, other.task) == (run.method, run.task)],
        [other for other in known if other.method == run.method],
        [other for other in known if other.task == run.task],
        known,
    ]
    return next((statistics.median(other.speed for other in some) for some in alike if some), math.nan)


def report(study: Study, runs: list[Seen], width: int = 100, height: int | None = None) -> str:
    """The table and what is said around it, at most ``width`` wide and, if given, ``height`` high."""
    count = {state: sum(run.state == state for run in runs) for state in ("finished", "diverged", *STATES)}
    done = f"{count['finished'] + count['diverged']} done"
    if count["diverged"]:
        done += f" ({count['diverged']} diverged)"
    head = [
        f"{study.name}: {study.title}",
        f"{len(runs)} runs: {done}, " + ", ".join(f"{count[state]} {state}" for state in STATES),
        _time_left(study, runs, count["running"]),
        "",
    ]
    foot = _listed("failed", runs) + _listed("running", runs)
    room = None if height is None else height - len(head) - len(foot) - 2
    body = _table(study, runs, width, room)
    note = "done/all, part of those running, ✗ failed, † diverged; mean return of the latest 100 episodes"
    lines = [*head, *body, note, *foot]
    return "\n".join(line[:width] for line in lines[:height])


def _time_left(study: Study, runs: list[Seen], running: int) -> str:
    if all(run.done for run in runs):
        return f"all is trained; snakemake draws it into results/{study.name}/"
    seconds, together = seconds_left(runs, study.steps)
    if math.isnan(seconds):
        return "time left: known when a run has taken a tenth of its steps"
    return f"time left: {duration(seconds)}, {together} at a time" + ("" if running else " (nothing trains now)")


def duration(seconds: float) -> str:
    """As a person says it: 45 s, 12 min, 3 h 05 min, 2 d 4 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def _table(study: Study, runs: list[Seen], width: int, room: int | None) -> list[str]:
    """A row a method, a column a task; what does not fit beside goes below, and of too many rows those that rest go."""
    cells: dict[tuple[str, str], list[Seen]] = {(run.method, run.task): [] for run in runs}
    for run in runs:
        cells[run.method, run.task].append(run)
    methods = list(dict.fromkeys(run.method for run in runs))
    columns = []
    for task in study.tasks:
        texts = [_cell(cells[m, task]) if (m, task) in cells else "" for m in methods]
        columns.append([_short(task, max(12, *map(len, texts))), *texts])
    name = max(map(len, methods))
    blocks: list[list[list[str]]] = [[]]
    free = 0
    for column in columns:
        wide = max(map(len, column)) + 2
        if wide > free and blocks[-1]:
            blocks.append([])
        free = (free if blocks[-1] else width - name) - wide
        blocks[-1].append([text.rjust(wide) for text in column])
    shown = methods
    if room is not None and len(blocks) * (len(methods) + 2) > room:
        busy = {run.method for run in runs if run.state in ("running", "failed")}
        first = sorted(methods, key=lambda method: method not in busy)[: max(1, room // len(blocks) - 2)]
        shown = [method for method in methods if method in first]
    lines = []
    for block in blocks:
        for row, method in enumerate(["", *methods]):
            if row == 0 or method in shown:
                lines.append(method.ljust(name) + "".join(column[row] for column in block))
        lines.append("")
    if hidden := len(methods) - len(shown):
        lines.append(f"… and {hidden} methods more: a taller window shows them")
    return lines


def _cell(runs: list[Seen]) -> str:
    """Such as ``1/3 64% ✗1   1834``."""
    text = f"{sum(run.done for run in runs)}/{len(runs)}"
    if going := [run.part for run in runs if run.state == "running"]:
        text += f" {100 * sum(going) / len(going):.0f}%"
    for state, sign in (("failed", "✗"), ("diverged", "†")):
        if number := sum(run.state == state for run in runs):
            text += f" {sign}{number}"
    known = [run.ret for run in runs if math.isfinite(run.ret)]
    value = sum(known) / len(known) if known else math.nan
    return f"{text} {'–' if math.isnan(value) else f'{value:.1f}' if abs(value) < 100 else f'{value:.0f}':>6}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _listed(state: str, runs: list[Seen]) -> list[str]:
    some = [run for run in runs if run.state == state]
    lines = [f"{state}: {run}  {run.said or _pace(run)}" for run in some[:LISTED]]
    return lines + [f"… and {len(some) - LISTED} more {state}"] * (len(some) > LISTED)


def _pace(run: Seen) -> str:
    if math.isnan(run.speed):
        return "just begun"
    return f"{100 * run.part:.0f} %  return {run.ret:.1f}  {run.speed:,.0f} steps/s".replace("return nan", "return –")


def see(study: Study, root: Path = ROOT) -> list[Seen]:
    """Every run of the study as it is now."""
    return [look(cell, seed, root) for cell in study.cells for seed in cell.seeds]


def screens(study: Study, every: float = EVERY) -> Iterable[str]:
    """What a terminal is to be sent: each draws over the one before; the last when all is trained."""
    yield "\x1b[2J"
    while True:
        runs, size = see(study), shutil.get_terminal_size()
        text = report(study, runs, size.columns, size.lines - 1)
        yield "\x1b[H" + text.replace("\n", "\x1b[K\n") + "\x1b[K\n\x1b[J"
        if all(run.done for run in runs):
            return
        time.sleep(every)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the return value is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m analysis.terminal.watch", description="Watch a study train.")
    parser.add_argument("study", metavar="STUDY", help="a study of studies.yaml")
    parser.add_argument("--once", action="store_true", help="print the table once; so it is where there is no terminal")
    args = parser.parse_args(argv)
    try:
        study = load_study(args.study)
        if args.once or not sys.stdout.isatty():
            print(report(study, see(study), shutil.get_terminal_size((120, 0)).columns))
            return 0
        for screen in screens(study):
            print(screen, end="", flush=True)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print()
    except BrokenPipeError:  # as of `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
