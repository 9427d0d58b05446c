"""Statistics of a study as files: its tables, made by the modules of this folder (``analysis/data/products.py``)."""

import sys
from importlib import import_module

from analysis.data.products import STATISTICS, chosen, left_out
from analysis.data.read import Tables
from analysis.data.runs import folder
from study.cells import Study


def make(study: Study, name: str | None = None) -> None:
    """Write the tables of the module ``name``, or of every module. Raises UsageError where the study has none of it."""
    for said in () if name else left_out([study], STATISTICS):
        print(said, file=sys.stderr)
    for module in chosen(STATISTICS, study, name):
        made = import_module(f"analysis.statistics.{module}").make(study, Tables(study))
        for table, frame in made.items():
            frame.to_csv(folder(study.name, "tables") / f"{table}.csv", index=False, float_format="%.6g")
            print(f"results/{study.name}/tables/{table}.csv: {len(frame)} rows")
            if "sentence" in frame:
                print(*frame["sentence"], sep="\n")
