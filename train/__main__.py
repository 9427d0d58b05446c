"""Train one run: one cell of a study with one seed. The command line, and the workflow's job, are this.

    python -m train --study quick --task Hopper --method trpo --seed 0
    python -m train --study quick --task Hopper --method ppo_clip --seed 0 --steps 20000 --set epsilon=0.1

The second is a try: its files lie under the key of its options and steps, and no study reads them. A run that is
interrupted or killed goes on where it was, at the next start (``train/checkpoint.py``).
"""

import argparse
import ctypes
import signal
import sys
import traceback

from core.errors import UsageError
from study.plan import load_study, name_a_cell, override
from train.job import train
from train.progress import said


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the return value is the exit status."""
    args = _parser().parse_args(argv)
    if args.key:
        _end_with_parent()
    try:
        cell = load_study(args.study).cell(args.task, args.method)
        if args.set or args.steps is not None:
            cell = override(cell, args.set, args.steps)
        if args.seed < 0:
            raise UsageError(f"--seed {args.seed}: give 0 or more")
        if args.key and args.key != cell.key:
            raise UsageError(
                f"{args.method} on {args.task}: the sources or options changed since the run was planned "
                f"(key {args.key}, now {cell.key}); start snakemake again"
            )
        train(cell, args.seed)
    except UsageError as error:
        print(f"error: {said(error, args.task)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except Exception as error:
        traceback.print_exc()
        run = f"{args.method} on {args.task}, seed {args.seed}"
        print(f"error: {run}: crashed ({said(error, args.task)}); above is where", file=sys.stderr)
        return 1
    return 0


def _end_with_parent() -> None:
    """Have Linux send SIGTERM when Snakemake dies, even killed: a job is not to go on as an orphan."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _whole(text: str) -> int:
    """A whole number, also as 1e6 or 1_000_000."""
    number = float(text)
    if not number.is_integer():
        raise ValueError
    return int(number)


_whole.__name__ = "whole number"  # argparse says "invalid whole number value"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description="Train one run of a study.")
    name_a_cell(parser)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--steps", type=_whole, help="another budget, for a try")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="another option, for a try")
    parser.add_argument("--key", help="the key that the plan gave the run: refuse if it is another by now")
    return parser


if __name__ == "__main__":
    sys.exit(main())
