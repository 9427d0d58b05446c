"""After a change that changes no number: move the runs to their new keys, and the tables of episodes with them.

    python -m tools.runs rekey

Runs of an algorithm move once two of them, re-run in part, have given the same bytes. Its tables of episodes move when
one of its cells, played again, has. On a task with files of its own these are two runs, and a cell, of that task. An
option that is newer than a run stands in the moved ``run.json``: its default.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.envs.spec import spec_of
from study.cells import Cell
from study.integrity import played, sealed, to_be_played
from study.key import ROOT, own_sources, sources_digest
from study.plan import load_studies
from tools.kept import Kept, differs, runs
from tools.part import SAME

TRIED = 2  #: runs of an algorithm that are run again in part


def rekey(part: float) -> int:
    """Move what can be moved; the exit status."""
    moved, left = _move_runs(part)
    print(f"{moved} runs moved, {left} left where they are")
    tables, alone = _move_tables()
    print(f"{tables} tables of episodes moved, {alone} left where they are")
    return min(left + alone, 1)


def _move_runs(part: float) -> tuple[int, int]:
    moved = 0
    of_others = [kept for kept in runs(say=True) if kept.gone or kept.key != kept.record["key"]]
    groups: dict[tuple, list[Kept]] = {}
    for kept in of_others:
        if kept.gone:
            print(f"{kept}: {kept.record['algo']} has no option {kept.gone[0]!r} any more", flush=True)
        else:
            groups.setdefault(_kin(kept.record["algo"], spec_of(kept.record)), []).append(kept)
    for group in groups.values():
        trusted = _same_again(group, part)
        for kept in group:
            target = kept.folder.parents[1] / kept.key / kept.folder.name
            if trusted and not target.exists():
                _move(kept, target)
                moved += 1
    return moved, len(of_others) - moved


def _kin(algo: str, spec: str | dict) -> tuple:
    """What vouches for each other: runs of one algorithm; on a task with files of its own, those on this task alone."""
    return algo, json.dumps(spec, sort_keys=True) if own_sources(spec) else None


def _same_again(candidates: list[Kept], part: float) -> bool:
    """Whether some of these runs, re-run in part, give the same bytes; those that this machine can judge come first."""
    shuffled = random.Random(0).sample(candidates, len(candidates))
    tried = sorted(shuffled, key=lambda kept: not kept.alike())[:TRIED]
    found = [(kept, differs(kept, part)) for kept in tried]
    for kept, (difference, agreement) in found:
        print(f"{kept}: {difference or agreement}", flush=True)
    return all(result == (None, SAME) for _, result in found)


def _move(kept: Kept, target: Path) -> None:
    """The run under its new key, with its cell's tables of episodes; then the old one goes."""
    record = kept.record | {"key": kept.key, "sources": sources_digest(kept.record["algo"]), "options": kept.options}
    unfinished = target.with_name(f"unfinished_{target.name}")  # no run: one that is broken off here is moved again
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(kept.folder, unfinished)
    (unfinished / "run.json").write_text(json.dumps(sealed(record), indent=1) + "\n", encoding="utf-8")
    tables = kept.folder.parent / "evaluation"
    if tables.is_dir():  # of the same policies
        shutil.copytree(tables, target.parent / "evaluation", dirs_exist_ok=True)
    unfinished.rename(target)
    shutil.rmtree(kept.folder)
    if not any(kept.folder.parent.glob("seed*")):
        shutil.rmtree(kept.folder.parent)


def _move_tables() -> tuple[int, int]:
    """Give tables of the policies that a cell would play now the name that it looks for."""
    moved, left, trusted = 0, 0, {}
    for study, cell in _unplayed():
        there = ROOT / cell.evaluation
        policies = to_be_played(cell, ROOT)
        found = [path for path in sorted(there.parent.glob("*.csv")) if played(path) == policies]
        if not found:
            continue
        kin = _kin(cell.method.algo, cell.spec)
        if kin not in trusted:
            trusted[kin] = _plays_again(study, cell, found[0])
        if not trusted[kin]:
            left += 1
            continue
        found[0].rename(there)
        moved += 1
    return moved, left


def _unplayed() -> Iterator[tuple[str, Cell]]:
    """The cells whose table of episodes is missing, once each, with a study that asks for it."""
    seen = set()
    portable_first = sorted(
        load_studies().values(), key=lambda study: not study.cells[0].portable
    )  # as the workflow asks
    for study in portable_first:
        for cell in study.cells:
            if cell.evaluation not in seen and not (ROOT / cell.evaluation).is_file():
                seen.add(cell.evaluation)
                yield study.name, cell


def _plays_again(study: str, cell: Cell, table: Path) -> bool:
    """Whether the cell's policies, played again, give the table's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "again.csv"
        which = ["--study", study, "--task", cell.task, "--method", cell.method.name]
        command = [sys.executable, "-m", "play.evaluate", *which, "--out", str(again)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        same = done.returncode == 0 and again.read_bytes() == table.read_bytes()
    print(f"{table.relative_to(ROOT).as_posix()}: played again: {'same' if same else 'other'} bytes", flush=True)
    return same
