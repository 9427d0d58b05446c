"""Published curves, from ``published/curves/``; each file's source is in ``published/README.md``."""

from pathlib import Path

import pandas as pd

from core.options import UsageError, nearest
from core.plan import ROOT, Study


def paper_curves(study: Study, root: Path = ROOT) -> dict[tuple[str, str], pd.DataFrame]:
    """PPO paper, Figure 3 (``timestep``, ``return_mean``, ``band_low``, ``band_high``) by (task, method).

    Holds the pairs that the paper has a curve for: where the study's method says by ``published`` which one
    it is. Raises UsageError where it says one that the paper has not.
    """
    table = pd.read_csv(root / "published" / "curves" / "ppo_paper_fig3.csv")
    names = table["algorithm"].unique()
    found = {}
    for method in study.methods.values():
        if method.published is None:
            continue
        if method.published not in names:
            where = f"studies.yaml: {study.name}.methods.{method.name}.published"
            raise UsageError(f"{where}: {nearest(method.published, names)}")
        mine = table[table["algorithm"] == method.published]
        for task, curve in mine.groupby("task"):
            if task in study.tasks:
                found[task, method.name] = curve.sort_values("timestep")
    return found
