"""Each cell of a study, seed by seed: its learning curves, and what its updates reported."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.data.published import published_curves, sources
from analysis.data.runs import read_parquet
from analysis.page.svg import Line, Panel, thinned
from core.errors import UsageError
from study.cells import Cell, Study
from study.plan import ROOT

COLOURS = 8  #: that seeds are told apart by; more take them in turn

#: What the updates of most methods report: title, log axis, what the y axis spans.
KNOWN = {
    "kl": ("KL of an update, mean and largest", True, None),
    "entropy": ("Entropy of the policy", False, None),
    "explained_variance": ("Explained variance of the values", False, (-1, 1)),
    "accepted": ("Share of updates accepted", False, (0, 1)),
    "backtracks": ("Backtracks of the line search", False, None),
    "step_size": ("Step size", True, None),
    "beta": ("Weight β of the KL penalty", True, None),
}
#: Columns that are no diagnostics, or are seen better in another.
UNSHOWN = ("iteration", "step", "surr_before", "surr_after", "value_loss")


@dataclass(frozen=True)
class Run:
    """One run, and its record."""

    cell: Cell
    seed: int
    record: dict  #: run.json

    @property
    def colour(self) -> str:
        """The class of its lines."""
        return f"s{self.seed % COLOURS}"

    @property
    def diverged(self) -> bool:
        """Whether a number stopped being one."""
        return self.record["status"] == "diverged"

    def updates(self) -> pd.DataFrame:
        """``updates.parquet``, read when it is needed: of many runs they are more than fits into memory."""
        path = f"{self.cell.folder(self.seed)}/updates.parquet"
        try:
            return read_parquet(ROOT / path)
        except (OSError, pa.ArrowException) as error:
            why = " ".join(str(error).split())
            raise UsageError(f"{path} is not readable ({why}): delete its folder, and run snakemake again") from None


def read(study: Study) -> list[Run]:
    """Every run of the study, in its order."""
    runs = []
    for cell in study.cells:
        for seed in cell.seeds:
            path = f"{cell.folder(seed)}/run.json"
            try:
                runs.append(Run(cell, seed, json.loads((ROOT / path).read_text(encoding="utf-8"))))
            except (OSError, ValueError) as error:
                raise UsageError(f"{path} is not readable ({error}); {run_first(study)}") from None
    return runs


def run_first(study: Study) -> str:
    """What to do about a file that is not there."""
    return f"first run: snakemake --cores 2 {study.planned.name}"


def anchor(task: str, method: str) -> str:
    """The cell's name in the page."""
    return f"cell-{task}-{method}".replace(":", "-").replace(" ", "-")


def panels(study: Study, runs: list[Run], curves: pd.DataFrame, published: list[tuple[str, pd.DataFrame]]) -> list:
    """The panels of one cell: returns first, then each diagnostic that its updates have.

    ``curves`` are the cell's rows of ``curves.parquet``; ``published`` the label and curve of each source.
    """
    bins = 100 if sum(len(cell.seeds) for cell in study.cells) <= 200 else 50
    found = [_returns(study, runs, curves, published)]
    middles = (np.arange(bins) + 0.5) * study.steps / bins
    updates = [run.updates() for run in runs]
    columns = [c for table in updates for c in table if c not in UNSHOWN]
    known = [c for c in KNOWN if c in columns]
    for column in known + [c for c in dict.fromkeys(columns) if c not in KNOWN]:
        title, log, span = KNOWN.get(column, (column.replace("_", " ").capitalize(), False, None))
        lines = []
        for run, table in zip(runs, updates, strict=True):
            if column not in table:
                continue
            steps, values = table["step"], table[column]
            about: dict[str, Any] = {"css": f"seed {run.colour}", "name": f"seed {run.seed}", "seed": run.seed}
            mean = thinned(steps, values, study.steps, bins)
            there = np.isfinite(mean)  # where updates are rarer than bins a line leads from one to the next
            if column == "kl":
                largest = thinned(steps, values, study.steps, bins, "max")
                lines.append(Line(middles[there], largest[there], **about | {"css": f"seed {run.colour} largest"}))
            lines.append(Line(middles[there], mean[there], **about, ends=run.diverged))
        if span == (-1, 1):
            lowest = min(np.nanmin(line.y, initial=1) for line in lines)
            span = (0 if lowest >= 0 else max(-1, np.floor(4 * lowest) / 4), 1)
        if log and not any(np.nanmax(line.y, initial=0) > 0 for line in lines):
            log = False
        found.append(Panel(title, lines, log, span))
    return found


def _returns(study: Study, runs: list[Run], curves: pd.DataFrame, published: list) -> Panel:
    table = curves.pivot(index="step", columns="seed", values="return")
    table = table.where(np.isfinite(table))
    steps = table.index.to_numpy()
    lines = []
    for place, (label, curve) in enumerate(published):
        x, y = curve["timestep"].to_numpy(), curve["return_mean"].to_numpy()
        lines.append(Line(x, y, f"published p{place}", label))
    for run in runs:
        y = table[run.seed].to_numpy()
        lines.append(Line(steps, y, f"seed {run.colour}", f"seed {run.seed}", seed=run.seed, ends=run.diverged))
    if len(runs) > 1 and not any(run.diverged for run in runs):
        lines.append(Line(steps, table.mean(axis=1, skipna=False).to_numpy(), "mean", "mean over seeds"))
    return Panel("Return of training episodes", lines)


def published_of(study: Study) -> dict[tuple[str, str], list[tuple[str, pd.DataFrame]]]:
    """The published curves of each (task, method) as far as the budget goes, with a label.

    Of several metrics of one source the first.
    """
    found: dict = {}
    labels = {source.name: source.label.split(",")[0] for source in sources() if not source.part_of}
    for (source, task, method), whole in published_curves(study, [s for s in sources() if s.name in labels]).items():
        curve = whole[whole["timestep"] <= study.steps]
        if curve.empty:
            continue
        label = f"{labels[source]} ({', '.join(sorted(set(curve['version'].dropna())))})"
        found.setdefault((task, method), []).append((label, curve))
    return found
