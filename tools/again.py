"""Train a study again from nothing, in another folder, and compare with the runs that are kept here.

    python -m tools.again FOLDER [--study figure3] [--cores N]

FOLDER becomes a clone of the last commit, without its runs. Called again with the same folder, it goes on where it was.
Runs that were kept by a machine of this kind must come again byte for byte; of others only their number is said, and
``python -m analysis.terminal.compare`` has their statistics.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from core.errors import UsageError
from study.cells import Study
from study.integrity import damage
from study.key import ROOT
from study.plan import load_study
from tools.kept import Kept


def prepare(folder: Path) -> None:
    """A clone without runs, unless it is there. Raises UsageError where something else is."""
    if (folder / "Snakefile").is_file():
        return
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} has other things in it: name a folder that is not there yet")
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    shutil.rmtree(folder / "results" / "runs", ignore_errors=True)


def train(folder: Path, study: str, cores: int) -> bool:
    """Let this Python's Snakemake train there; whether all went well."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), study, "--until", "train"]
    return subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path}).returncode == 0


def compare(study: Study, folder: Path) -> int:
    """Say of each run here whether it came again; the exit status, 1 where bytes differ that should not."""
    count = {"same bytes": 0, "OTHER BYTES": 0, "of another machine": 0, "NOT HERE": 0, "NOT THERE": 0}
    for name in study.run_files("run.json"):
        here, there = ROOT / Path(name).parent, folder / Path(name).parent
        if damage(here):
            word = "NOT HERE"
        elif damage(there):
            word = "NOT THERE"
        else:
            kept, again = (Kept(place, json.loads((place / "run.json").read_text())) for place in (here, there))
            if kept.record["digests"] == again.record["digests"]:
                word = "same bytes"
            elif kept.alike(again.record) and kept.record["compiled"] == again.record["compiled"]:
                word = "OTHER BYTES"
            else:
                word = "of another machine"
        count[word] += 1
        if word.isupper():
            print(f"{word}: {Path(name).parent.as_posix()}")
    print(f"{study.name}: " + ", ".join(f"{number} {word.lower()}" for word, number in count.items() if number))
    return int(any(number for word, number in count.items() if word.isupper()))


def main() -> int:
    """Run the command line; the return value is the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to train")
    parser.add_argument("--study", default="figure3")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    args = parser.parse_args()
    try:
        study, folder = load_study(args.study), args.folder.resolve()
        prepare(folder)
        return compare(study, folder) if train(folder, study.name, args.cores) else 1
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
