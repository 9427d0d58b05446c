"""Runs of real trainings, for tests of what is made of runs."""

import hashlib
import itertools
import json
import shutil
from pathlib import Path

import pandas as pd
from PIL import Image

from study.cells import FILES, Study
from study.integrity import sealed
from study.plan import ROOT


def put_runs(root: Path, study: Study) -> None:
    """Runs of results/runs in the places of the study's: of each algorithm its own, in turn, whatever their keys."""
    for cell in study.cells:
        folders = ROOT / "results/runs" / cell.method.algo
        whole = [
            path.parent for path in folders.glob("*/*/seed*/run.json") if f'"steps": {cell.steps}' in path.read_text()
        ]
        there = sorted(folder for folder in whole if folder.parts[-3] == cell.task) or sorted(whole)
        assert there, f"results/runs has no run of {cell.method.algo}"
        for seed, source in zip(cell.seeds, itertools.cycle(there), strict=False):
            folder = root / cell.folder(seed)
            folder.mkdir(parents=True, exist_ok=True)
            for name in FILES:
                shutil.copy(source / name, folder)


def diverge(folder: Path, after: int) -> None:
    """Make a run one that broke off."""
    for name in ("episodes", "updates"):
        table = pd.read_parquet(folder / f"{name}.parquet")
        table[table["step"] <= after].to_parquet(folder / f"{name}.parquet")
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES if name != "run.json"}
    change(folder, status="diverged", digests=digests)


def change(folder: Path, **changes: object) -> None:
    """Another run.json, as whole as it was."""
    record = json.loads((folder / "run.json").read_text()) | changes
    (folder / "run.json").write_text(json.dumps(sealed(record)))


def put_film(path: Path) -> None:
    """A film of one picture, 20 pixels wide."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 15), (200, 40, 40)).save(path, "webp")
