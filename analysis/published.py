"""Published curves, from ``published/curves/``; each file's source is in ``published/README.md``."""

from pathlib import Path

import pandas as pd

from core.errors import UsageError
from core.plan import ROOT, Study


def read_curves(path: Path) -> pd.DataFrame:
    """A file of published curves. Raises UsageError where it is not one."""
    try:
        table = pd.read_csv(path)
        for name in ("task", "algorithm", "timestep", "return_mean"):
            if name not in table:
                raise ValueError(f"it has no column {name!r}")
            if name in ("timestep", "return_mean"):
                table[name] = pd.to_numeric(table[name])
    except (OSError, ValueError, TypeError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"published/curves/{path.name}: cannot be read: {reason}; restore it from git") from None
    return table


def paper_curves(study: Study, root: Path = ROOT) -> dict[tuple[str, str], pd.DataFrame]:
    """PPO paper, Figure 3 (``timestep``, ``return_mean``, ``band_low``, ``band_high``) by (task, method).

    Holds the pairs that the paper has a curve for: those whose method says by ``published`` which one it is.
    """
    table = read_curves(root / "published" / "curves" / "ppo_paper_fig3.csv")
    found = {}
    for method in study.methods.values():
        if method.published is None:
            continue
        mine = table[table["algorithm"] == method.published]
        for task, curve in mine.groupby("task"):
            if task in study.tasks:
                found[task, method.name] = curve.sort_values("timestep")
    return found
