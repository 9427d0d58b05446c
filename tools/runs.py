"""The runs that lie in results/runs: are they what the sources make, under which key, and does a study name them?

    python -m tools.runs audit [--share 0.1] [--part 0.05]   re-run the first part of some, and compare
    python -m tools.runs rekey                               after a change that changes no number: tools/rekey.py
    python -m tools.runs prune [--yes]                       remove what no study names

A command line only: what it does is in tools/kept.py, tools/part.py and tools/rekey.py.
"""

import argparse
import random
import shutil
import sys

from core.errors import UsageError
from study.key import ROOT
from study.plan import load_studies
from tools.kept import differs, runs
from tools.rekey import rekey


def audit(share: float, part: float) -> int:
    """Compare a sample, at least one run of each algorithm; the exit status."""
    every = list(runs(say=True))
    rng = random.Random(0)
    one_each = {kept.record["algo"]: kept for kept in rng.sample(every, len(every))}.values()
    sample = {str(kept): kept for kept in (*one_each, *rng.sample(every, round(share * len(every))))}
    wrong = 0
    for kept in sample.values():
        difference, agreement = differs(kept, part)
        wrong += difference is not None
        print(f"{'DIFFERS' if difference else 'ok     '}  {kept}: {difference or agreement}", flush=True)
    damaged = len(list((ROOT / "results" / "runs").glob("*/*/*/seed*"))) - len(every)
    print(f"{len(sample)} of {len(every)} runs re-run in part, {wrong} differ; {damaged} damaged")
    return min(wrong + damaged, 1)


def prune(yes: bool) -> int:
    """Remove the runs and evaluations that no study names; without ``yes`` only say which."""
    studies = load_studies().values()
    cells = [cell for study in studies for cell in study.cells]
    named = {ROOT / cell.folder(seed) for cell in cells for seed in cell.seeds} | {ROOT / c.evaluation for c in cells}
    named |= {ROOT / task.score_file for study in studies for task in study.tasks.values()}
    place = ROOT / "results" / "runs"
    kinds = ("*/*/*/seed*", "*/*/*/evaluation/*", "untrained/*/*/random_score.json")
    runs, tables, scores = ([path for path in sorted(place.glob(kind)) if path not in named] for kind in kinds)
    for path in (*runs, *tables, *scores):
        print(path.relative_to(ROOT).as_posix())
        if yes:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            for parent in path.relative_to(place).parents[:-1]:
                if not any((place / parent).iterdir()):
                    (place / parent).rmdir()
    left = "" if yes else "; --yes removes them"
    print(f"{len(runs)} runs that no study names, {len(tables)} tables of episodes, {len(scores)} scores{left}")
    return 0


def main() -> int:
    """Run the command line; the return value is the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["audit", "rekey", "prune"])
    parser.add_argument("--share", type=float, default=0.05, help="share of the runs that audit samples")
    parser.add_argument("--part", type=float, default=0.02, help="share of a run's steps that is run again")
    parser.add_argument("--yes", action="store_true", help="prune: remove, do not only say")
    args = parser.parse_args()
    try:
        if args.what == "prune":
            return prune(args.yes)
        return audit(args.share, args.part) if args.what == "audit" else rekey(args.part)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
