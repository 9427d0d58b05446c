"""Published curves, from ``published/curves/``; each file's source is in ``published/README.md``."""

from pathlib import Path

import pandas as pd

from core.plan import ROOT, Study


def paper_curves(study: Study, root: Path = ROOT) -> dict[tuple[str, str], pd.DataFrame]:
    """PPO paper, Figure 3 (``timestep``, ``return_mean``, ``band_low``, ``band_high``) by (task, method).

    Holds the pairs that the paper has a curve for: those whose method says by ``published`` which one it is.
    """
    table = pd.read_csv(root / "published" / "curves" / "ppo_paper_fig3.csv")
    found = {}
    for method in study.methods.values():
        if method.published is None:
            continue
        mine = table[table["algorithm"] == method.published]
        for task, curve in mine.groupby("task"):
            if task in study.tasks:
                found[task, method.name] = curve.sort_values("timestep")
    return found
