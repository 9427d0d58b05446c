"""Play the final policies of a cell, and keep the episodes.

    python -m play.evaluate --study quick --task Hopper --method trpo --out evaluation.csv

A row an episode: ``seed policy how start return length end``. ``seed`` is the run's, ``policy`` begins the digest of
its policy's file, ``how`` is "sampled" or "deterministic", and episodes of both kinds with one ``start`` begin in the
same state. Returns are raw; actions are clipped where the run clipped its own. Policies that diverged cannot act and
have no row. They act with the kernels that the study's runs are made with (``train/kernels.py``).
"""

import argparse
import csv
import io
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UsageError, named
from study.atomic import write_whole
from study.cells import Cell
from study.key import ROOT
from study.plan import load_study, name_a_cell
from train.libraries import load_libraries, takes_portable

if TYPE_CHECKING:
    from play.episodes import Played


def play_cell(cell: Cell, root: Path = ROOT) -> "list[Played]":
    """The episodes of all its runs. Raises UsageError."""
    from play.episodes import play  # which loads numpy and torch, and so comes after the choice of their kernels

    return [row for seed in cell.seeds for row in play(root / cell.folder(seed))]


def write(path: Path, rows: "list[Played]") -> None:
    """The table, whole or not at all."""
    from play.episodes import Played

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["return" if name == "ret" else name for name in Played._fields])
    table.writerows(rows)
    write_whole(path, text.getvalue().encode())


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the return value is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m play.evaluate", description="Play a cell's final policies.")
    name_a_cell(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the table to write (.csv)")
    args = parser.parse_args(argv)
    try:
        cell = load_study(args.study).cell(args.task, args.method)
        load_libraries(takes_portable(cell), "play.episodes")
        rows = play_cell(cell)
        write(args.out, rows)
    except UsageError as error:
        print(f"error: {named(error, args.task)}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not rows:
        print("no episodes: every run of the cell diverged")
    for how in dict.fromkeys(row.how for row in rows):
        returns = [row.ret for row in rows if row.how == how]
        print(f"{how}: {len(returns)} episodes, mean return {statistics.mean(returns):.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
