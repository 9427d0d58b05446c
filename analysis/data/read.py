"""The tables of a study, for those who draw and show them."""

from pathlib import Path

import pandas as pd

from analysis.data.runs import read_parquet
from core.errors import UsageError
from study.cells import Study
from study.plan import ROOT

READERS = {".csv": pd.read_csv, ".parquet": read_parquet, ".txt": lambda path: path.read_text(encoding="utf-8")}


class Tables(dict):
    """The tables of a study by name, each read when it is first asked for.

    ``tables["runs"]`` is ``runs.csv``, ``tables["curves"]`` is ``curves.parquet``, and ``tables["mixed"]`` the text of
    ``mixed.txt``. Raises UsageError where there is no such file.
    """

    def __init__(self, study: Study, root: Path = ROOT):
        super().__init__()
        self._folder, self._root, self._planned = root / "results" / study.name / "tables", root, study.planned.name

    def __missing__(self, name: str) -> pd.DataFrame | str:
        for suffix, read in READERS.items():
            if (path := self._folder / f"{name}{suffix}").is_file():
                self[name] = read(path)
                return self[name]
        missing = (self._folder / f"{name}.csv").relative_to(self._root).as_posix()
        raise UsageError(f"no {missing}; first run: snakemake --cores 2 {self._planned}")
