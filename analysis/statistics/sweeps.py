"""The runs of a study of step sizes: score and KL by the value of the swept option."""

import numpy as np
import pandas as pd

from analysis.data.read import Tables
from analysis.data.runs import read_parquet
from study.cells import Study
from study.plan import ROOT

TABLES = {"sweeps": "Each run of a study of step sizes: the swept value, score and mean KL of its updates."}

#: What a sweep's option is called in the lectures and papers.
SYMBOLS = {
    ("pg", "step_size"): "α",
    ("npg", "max_kl"): "ε",
    ("trpo", "max_kl"): "δ",
    ("ppo_clip", "epsilon"): "clip range ε",
    ("ppo_clip", "step_size"): "Adam step size",
    ("ppo_kl", "target"): "target of the KL",
}


def wanted(study: Study) -> bool:
    """Of studies with a sweep."""
    return study.sweeps


def tabulate(study: Study, scores: pd.DataFrame) -> pd.DataFrame:
    """A row a run, from the scores and the runs' ``updates.parquet``."""
    scores = scores.set_index(["task", "method", "seed"])
    rows = []
    for cell, swept in [(cell, cell.method.swept) for cell in study.cells if cell.method.swept]:
        for seed in cell.seeds:
            score, status = scores.loc[(cell.task, cell.method.name, seed), ["score", "status"]]
            updates = read_parquet(ROOT / cell.folder(seed) / "updates.parquet")
            kl = updates["kl"].mean() if "kl" in updates else np.nan
            symbol = SYMBOLS.get((cell.method.algo, swept.option), swept.option)
            about = (cell.task, swept.line, cell.method.name, swept.label, symbol, swept.value)
            rows.append((*about, seed, score, status, kl))
    columns = ["task", "line", "method", "label", "option", "value", "seed", "score", "status", "kl"]
    return pd.DataFrame(rows, columns=columns)


def make(study: Study, tables: Tables) -> dict[str, pd.DataFrame]:
    """The table, from that of scores and the runs."""
    return {"sweeps": tabulate(study, tables["scores"])}
