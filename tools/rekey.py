"""After a change that changes no number: move the runs to their new keys, and the tables of episodes with them.

    python -m tools.runs rekey

Runs of an algorithm move once two of them, re-run in part, have given the same bytes. Its tables of episodes move when
one of its cells, played again, has. An option that is newer than a run stands in the moved ``run.json``: its default.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.key import ROOT, sources_digest
from core.plan import Cell, load_studies
from core.whole import played, sealed, to_be_played
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
    moved, left, trusted = 0, 0, {}
    of_others = [kept for kept in runs(say=True) if kept.gone or kept.key != kept.record["key"]]
    for kept in of_others:
        algo = kept.record["algo"]
        if algo not in trusted:
            trusted[algo] = _same_again([k for k in of_others if k.record["algo"] == algo], part)
        target = kept.folder if kept.gone else kept.folder.parents[1] / kept.key / kept.folder.name
        if not trusted[algo] or target.exists():
            left += 1
            continue
        _move(kept, target)
        moved += 1
    return moved, left


def _same_again(candidates: list[Kept], part: float) -> bool:
    """Whether some of these runs of one algorithm, re-run in part, give the same bytes; this machine's first."""
    shuffled = random.Random(0).sample(candidates, len(candidates))
    tried = sorted(shuffled, key=lambda kept: not kept.alike())[:TRIED]
    found = [(kept, differs(kept, part)) for kept in tried]
    for kept, (difference, agreement) in found:
        print(f"{kept}: {difference or agreement}", flush=True)
    return all(result == (None, SAME) for _, result in found)


def _move(kept: Kept, target: Path) -> None:
    """The run under its new key, with its cell's tables of episodes; then the old one goes."""
    record = kept.record | {"key": kept.key, "sources": sources_digest(kept.record["algo"]), "options": kept.options}
    shutil.copytree(kept.folder, target)
    tables = kept.folder.parent / "evaluation"
    if tables.is_dir():  # of the same policies
        shutil.copytree(tables, target.parent / "evaluation", dirs_exist_ok=True)
    (target / "run.json").write_text(json.dumps(sealed(record), indent=1) + "\n", encoding="utf-8")
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
        if cell.method.algo not in trusted:
            trusted[cell.method.algo] = _plays_again(study, cell, found[0])
        if not trusted[cell.method.algo]:
            left += 1
            continue
        found[0].rename(there)
        moved += 1
    return moved, left


def _unplayed() -> Iterator[tuple[str, Cell]]:
    """The cells whose table of episodes is missing, once each, with a study that asks for it."""
    seen = set()
    for study in load_studies().values():
        for cell in study.cells:
            if cell.evaluation not in seen and not (ROOT / cell.evaluation).is_file():
                seen.add(cell.evaluation)
                yield study.name, cell


def _plays_again(study: str, cell: Cell, table: Path) -> bool:
    """Whether the cell's policies, played again, give the table's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "again.csv"
        which = ["--study", study, "--task", cell.task, "--method", cell.method.name]
        command = [sys.executable, "-m", "core.evaluate", *which, "--out", again]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        same = done.returncode == 0 and again.read_bytes() == table.read_bytes()
    print(f"{table.relative_to(ROOT).as_posix()}: played again: {'same' if same else 'other'} bytes", flush=True)
    return same
