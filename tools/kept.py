"""The runs that lie in results/runs, and whether the sources make them again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.envs.spec import spec_of
from study.integrity import damage
from study.key import ROOT, run_key
from study.options import option_fields
from study.record import environment, portable, release
from train.kernels import can_be_portable
from train.provenance import LIBRARIES, machine


@dataclass(frozen=True)
class Kept:
    """A run on disk."""

    folder: Path
    record: dict  #: run.json

    def __str__(self) -> str:
        return self.folder.relative_to(ROOT).as_posix()

    @property
    def options(self) -> dict:
        """Its options as they would be given now: one that came after the run has its default."""
        defaults = {name: field.default for name, field in option_fields(self.record["algo"]).items()}
        return defaults | self.record["options"]

    @property
    def gone(self) -> list[str]:
        """Its options that the algorithm has no longer."""
        return sorted(self.record["options"].keys() - option_fields(self.record["algo"]).keys())

    @property
    def key(self) -> str:
        """What its key would be now."""
        return run_key(self.record["algo"], spec_of(self.record), self.options, self.record["steps"])

    def alike(self, other: dict | None = None) -> bool:
        """Whether other bytes would be a fault: those of another ``run.json``, or of a run that is made here.

        They would where CPU type, C library and libraries are the same. In portable kernels any CPU type will do.
        """
        here, theirs = other or machine(), self.record
        names = ["libc", "overrides"] if other else ["libc"]  # a run made here gets the variables of this one
        if not portable(theirs) or not (other or can_be_portable()):
            names.append("cpu")
        same = all(theirs.get(name, here[name]) == here[name] for name in names)
        ours, others = here["versions"], theirs["versions"]
        return same and all(release(name, others.get(name, "")) == release(name, ours[name]) for name in LIBRARIES)


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
    if kept.gone:
        return f"{kept.record['algo']} has no option {kept.gone[0]!r} any more", ""
    command = [sys.executable, "-m", "tools.part", str(kept.folder), str(part)]
    done = subprocess.run(command, cwd=ROOT, env=environment(kept.record), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return "it could not be run again (above is why)", ""
    return tuple(json.loads(done.stdout))
