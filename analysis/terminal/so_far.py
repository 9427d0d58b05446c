"""What a study has made so far: its tables, figures and page from the runs that are finished, while others train.

    python -m analysis.terminal.so_far STUDY

Reads only, so it may be called at any time, also while Snakemake trains and holds its lock (a second Snakemake could
not); writes to results/STUDY/so_far/. Every figure says in its corner how many of the runs it shows, the page
(index.html) which are missing.
"""

import dataclasses
from pathlib import Path

from analysis.data import tables
from analysis.data.runs import main
from analysis.figures import drawing
from analysis.page import build
from analysis.statistics import making
from core.errors import UsageError
from study.cells import FILES, Cell, Study
from study.plan import ROOT


def finished_cells(cells: list[Cell], root: Path = ROOT) -> list[Cell]:
    """The cells, with those seeds only whose files are all there; without those that have none."""
    found = []
    for cell in cells:
        seeds = tuple(s for s in cell.seeds if all((root / cell.folder(s) / name).is_file() for name in FILES))
        if seeds:
            found.append(dataclasses.replace(cell, seeds=seeds))
    return found


def finished(study: Study, root: Path = ROOT) -> Study:
    """The study, with its finished runs only. Raises UsageError if there are none."""
    cells = finished_cells(study.cells, root)
    done, planned = (sum(len(cell.seeds) for cell in some) for some in (cells, study.cells))
    if not done:
        raise UsageError(f"{study.name}: no run is finished yet; first run: snakemake --cores 2 {study.name}")
    return dataclasses.replace(
        study,
        name=f"{study.name}/so_far",
        title=f"{study.title} (so far: {done} of {planned} runs)",
        seeds=tuple(sorted({seed for cell in cells for seed in cell.seeds})),
        tasks={name: task for name, task in study.tasks.items() if any(cell.task == name for cell in cells)},
        methods={m: method for m, method in study.methods.items() if any(cell.method == method for cell in cells)},
        cells=cells,
        part_of=study,
    )


def make(study: Study) -> None:
    """Write the tables, the figures and the page."""
    part = finished(study)
    for module in (tables, making, drawing, build):
        module.make(part)


if __name__ == "__main__":
    main(make)
