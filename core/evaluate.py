"""Play the final policies of a cell: some episodes with sampled actions, as many with mean actions.

    python -m core.evaluate --study quick --task Hopper --method trpo --out evaluation.csv

A row an episode: ``seed how start return length end``. ``seed`` is the run's, ``how`` "sampled" or "deterministic", and
episodes of both kinds with one ``start`` begin in the same state. Returns are raw; actions are clipped where the run
clipped its own. Policies that diverged cannot act and have no row.

No run reads this module: an edit to it trains nothing.
"""

import argparse
import csv
import io
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core import trained
from core.atomic import write_whole
from core.environments import Environments
from core.errors import UsageError
from core.key import ROOT
from core.plan import load_study

EPISODES = 5  #: of each kind, a run; of a task whose episodes are short, as many as last STEPS
STEPS = 1000
HOW = ("sampled", "deterministic")


class Played(NamedTuple):
    """One episode of a final policy."""

    seed: int  #: the run's
    how: str  #: one of HOW
    start: int  #: from 0 on
    ret: float  #: raw
    length: int  #: steps
    end: str  #: "terminated", "truncated" (time limit) or "cut" (on a task without one)


def streams(seed: int, episodes: int) -> tuple[np.random.Generator, list[int]]:
    """The evaluation's own random streams of a run: action noise, and a reset seed for each start.

    All methods of a task begin in the same states and draw the same noise.
    """
    noise, starts = np.random.SeedSequence([seed, zlib.crc32(b"evaluation")]).spawn(2)
    return np.random.default_rng(noise), starts.generate_state(episodes).tolist()


def play(folder: Path, horizon: int) -> list[Played]:
    """Episodes of the run in ``folder``, each of a copy of its own: short ones are not favoured.

    ``horizon`` is the task's limit in steps; where Gymnasium has none, episodes are cut there. Raises UsageError.
    """
    record = trained.record(folder)
    if record["status"] == "diverged":
        return []
    episodes = max(EPISODES, STEPS // horizon)
    rng, starts = streams(record["seed"], episodes)
    clips = record["options"]["clip_actions"]
    envs = Environments(record["task_id"], starts * len(HOW), budget=sys.maxsize, clip_actions=clips)
    envs.staggered = False
    act = trained.actor(folder, envs.obs_dim, envs.act_dim)
    noise = np.zeros((len(envs), envs.act_dim), np.float32)
    running, ended = np.arange(len(envs)), []
    for _ in range(horizon):
        rng.standard_normal(dtype=np.float32, out=noise[:episodes])
        stepped = envs.step(act(envs.obs, noise), running)
        done = stepped.terminated | stepped.truncated
        if done.any():
            ended += np.flatnonzero(done).tolist()
            running = running[~done[running]]
            if not len(running):
                break
    envs.cut()
    rows = [
        Played(record["seed"], HOW[copy // episodes], copy % episodes, episode.ret, episode.length, episode.end)
        for copy, episode in zip([*ended, *running.tolist()], envs.episodes, strict=True)
    ]
    return sorted(rows, key=lambda row: (HOW.index(row.how), row.start))


def write(path: Path, rows: list[Played]) -> None:
    """The table, whole or not at all."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["return" if name == "ret" else name for name in Played._fields])
    table.writerows(rows)
    write_whole(path, text.getvalue().encode())


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the return value is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.evaluate", description="Play a cell's final policies.")
    trained.name_a_cell(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the table to write (.csv)")
    args = parser.parse_args(argv)
    try:
        study = load_study(args.study)
        cell, horizon = study.cell(args.task, args.method), study.tasks[args.task]["horizon"]
        rows = [row for seed in cell.seeds for row in play(ROOT / cell.folder(seed), horizon)]
        write(args.out, rows)
    except (UsageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for how in HOW:
        returns = [row.ret for row in rows if row.how == how]
        print(f"{how}: {len(returns)} episodes, mean return {np.mean(returns) if returns else float('nan'):.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
