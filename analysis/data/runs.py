"""Reading the finished runs of a study, and where its tables and figures lie."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from core.errors import UsageError
from study.cells import Cell, Study
from study.integrity import damage
from study.plan import ROOT, load_study

READ = ("run.json", "episodes.parquet")

EVALUATION = ["seed", "how", "start", "return", "length", "end"]  #: columns of ``play/evaluate.py``


@dataclass(frozen=True)
class FinishedRun:
    """One run as it lies on disk."""

    cell: Cell
    seed: int
    record: dict  #: run.json
    episodes: pd.DataFrame  #: step, return, length, end; whole episodes only, in order of their end

    @property
    def status(self) -> str:
        """How the run ended: "finished" or "diverged"."""
        return self.record["status"]


def read_parquet(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """A table, read by this thread alone.

    A thread of Arrow's that still lets go of something while Python exits ends the process by SIGABRT, now and then.
    """
    return pq.ParquetFile(path).read(columns, use_threads=False).to_pandas(use_threads=False)


def read_runs(study: Study, root: Path = ROOT) -> Iterator[FinishedRun]:
    """Every run of the study, in its order. Raises UsageError where one is missing or unreadable."""
    for cell in study.cells:
        for seed in cell.seeds:
            folder = root / cell.folder(seed)
            try:
                if wrong := damage(folder, READ):
                    raise ValueError(wrong)
                record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
                episodes = read_parquet(folder / "episodes.parquet")
                if not all(pd.api.types.is_numeric_dtype(episodes[name]) for name in ("step", "return", "length")):
                    raise ValueError("episodes.parquet: not numbers")
                # An episode that the budget cut has no return; it stays in the file and out of the statistics.
                whole = episodes[episodes["end"] != "cut"].reset_index(drop=True).astype({"return": float})
            except Exception as error:  # pyarrow has many for a file that is not what it says
                reason = " ".join(f"{error}".split()) or type(error).__name__
                what = f"{cell.method.name} on {cell.task}, seed {seed}"
                remedy = f"delete {cell.folder(seed)} and" if folder.exists() else "first"
                hint = f"{remedy} run: snakemake --cores 2 {study.name}"
                raise UsageError(f"no readable run of {what} ({reason}); {hint}") from None
            yield FinishedRun(cell, seed, record, whole)


def read_evaluations(study: Study, root: Path = ROOT) -> dict[tuple[str, str], pd.DataFrame]:
    """The episodes of final policies by task and method, with the columns of EVALUATION; empty where none were played.

    Raises UsageError where a table is unreadable.
    """
    found = {}
    for cell in study.cells:
        path = root / cell.evaluation
        try:
            played = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=EVALUATION)
            if missing := set(EVALUATION) - set(played):
                raise ValueError(f"without {', '.join(sorted(missing))}")
            found[cell.task, cell.method.name] = played
        except ValueError as error:
            raise UsageError(f"{cell.evaluation} is not readable ({error}); delete it") from None
    return found


def folder(study: str, kind: str, root: Path = ROOT) -> Path:
    """``results/<study>/<kind>``, which exists after the call."""
    path = root / "results" / study / kind
    path.mkdir(parents=True, exist_ok=True)
    return path


def main(make: Callable[..., None], named: bool = False) -> None:
    """Command line of an analysis module: the name of a study and, if ``named``, of one thing that is made of it."""
    given = sys.argv[1:]
    if not 1 <= len(given) <= 1 + named:
        module = Path(sys.argv[0]).resolve().relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        sys.exit(f"usage: python -m {module.removesuffix('.__main__')} STUDY{' [NAME]' * named}")
    try:
        make(load_study(given[0]), *given[1:])
    except (UsageError, OSError) as error:
        sys.exit(f"error: {error}")
