"""The runs that lie in results/runs: are they what the sources make, under which key, and does a study name them?

    python -m tools.runs audit [--share 0.1] [--part 0.05]   re-run the first part of some, and compare
    python -m tools.runs rekey                               after a change that changes no number: move to the new keys
    python -m tools.runs prune [--yes]                       remove what no study names

`rekey` moves nothing of an algorithm before two of its runs, re-run in part, have given the same bytes.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.kernels import can_be_portable, environment, portable
from core.key import ROOT, run_key, sources_digest
from core.options import option_fields
from core.plan import load_studies
from core.provenance import LIBRARIES, machine
from core.whole import damage, sealed


@dataclass(frozen=True)
class Kept:
    """A run on disk."""

    folder: Path
    record: dict  #: run.json

    def __str__(self) -> str:
        return self.folder.relative_to(ROOT).as_posix()

    @property
    def key(self) -> str:
        """What its key would be now."""
        of = self.record
        return run_key(of["algo"], of["task_id"], of["options"], of["steps"])

    def alike(self, other: dict | None = None) -> bool:
        """Whether its bytes can be compared with those of another ``run.json``, or of a run that is made here.

        They can where CPU type, C library and libraries are the same; in portable kernels the CPU type decides nothing.
        """
        here, theirs = other or machine(), self.record
        names = ["libc", "overrides"] if other else ["libc"]  # a run made here gets the variables of this one
        if not portable(theirs) or not (other or can_be_portable()):
            names.append("cpu")
        same = all(theirs.get(name, here[name]) == here[name] for name in names)
        return same and all(theirs["versions"].get(name) == here["versions"][name] for name in LIBRARIES)


def runs(say: bool = False) -> Iterator[Kept]:
    """Every finished run whose files are whole, in order; of the others ``say`` says which they are."""
    for folder in sorted((ROOT / "results" / "runs").glob("*/*/*/seed*")):
        if wrong := damage(folder):
            if say:
                print(f"DAMAGED  {folder.relative_to(ROOT).as_posix()}: {wrong}", flush=True)
            continue
        yield Kept(folder, json.loads((folder / "run.json").read_text(encoding="utf-8")))


def differs(kept: Kept, part: float) -> tuple[str | None, str]:
    """Re-run the first ``part`` of the run in a process of its own: what differs, None if nothing does; what agrees."""
    of = kept.record
    fields = option_fields(of["algo"])
    if fields.keys() != of["options"].keys():
        return f"its options are not those of {of['algo']} now: {sorted(fields.keys() ^ of['options'].keys())}", ""
    command = [sys.executable, "-m", "tools.part", kept.folder, str(part)]
    done = subprocess.run(command, cwd=ROOT, env=environment(of), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return "it could not be run again (above is why)", ""
    return tuple(json.loads(done.stdout))


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


def rekey(part: float) -> int:
    """Move the runs whose sources changed, algorithm by algorithm, where the change changes no number."""
    moved, failed, trusted = 0, 0, {}
    for kept in runs(say=True):
        algo, key = kept.record["algo"], kept.key
        if key == kept.record["key"]:
            continue
        if algo not in trusted:
            others = [k for k in runs() if k.record["algo"] == algo and k.key != k.record["key"] and k.alike()]
            tried = [(k, differs(k, part)) for k in random.Random(0).sample(others, min(2, len(others)))]
            trusted[algo] = bool(tried) and all(found == (None, "same bytes") for _, found in tried)
            for k, (difference, agreement) in tried or [(algo, ("no run of this CPU type and these libraries", ""))]:
                print(f"{k}: {difference or agreement}", flush=True)
        target = kept.folder.parents[1] / key / kept.folder.name
        if not trusted[algo] or target.exists():
            failed += 1
            continue
        record = sealed(kept.record | {"key": key, "sources": sources_digest(algo)})
        shutil.copytree(kept.folder, target)
        if (kept.folder.parent / "evaluation").is_dir():  # of the same policies
            shutil.copytree(kept.folder.parent / "evaluation", target.parent / "evaluation", dirs_exist_ok=True)
        (target / "run.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(kept.folder)
        moved += 1
    print(f"{moved} runs moved, {failed} left where they are")
    return min(failed, 1)


def prune(yes: bool) -> int:
    """Remove the runs and evaluations that no study names; without ``yes`` only say which."""
    cells = [cell for study in load_studies().values() for cell in study.cells]
    named = {ROOT / cell.folder(seed) for cell in cells for seed in cell.seeds} | {ROOT / c.evaluation for c in cells}
    place = ROOT / "results" / "runs"
    runs, tables = ([p for p in sorted(place.glob(f"*/*/*/{g}")) if p not in named] for g in ("seed*", "evaluation/*"))
    for path in (*runs, *tables):
        print(path.relative_to(ROOT).as_posix())
        if yes:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            for parent in path.relative_to(place).parents[:-1]:
                if not any((place / parent).iterdir()):
                    (place / parent).rmdir()
    left = "" if yes else "; --yes removes them"
    print(f"{len(runs)} runs that no study names, and {len(tables)} tables of episodes{left}")
    return 0


def main() -> int:
    """Run the command line; the return value is the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["audit", "rekey", "prune"])
    parser.add_argument("--share", type=float, default=0.05, help="share of the runs that audit samples")
    parser.add_argument("--part", type=float, default=0.02, help="share of a run's steps that is run again")
    parser.add_argument("--yes", action="store_true", help="prune: remove, do not only say")
    args = parser.parse_args()
    if args.what == "prune":
        return prune(args.yes)
    return audit(args.share, args.part) if args.what == "audit" else rekey(args.part)


if __name__ == "__main__":
    sys.exit(main())
