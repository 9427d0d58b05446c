"""Published curves and numbers, from ``published/``; each source is a file there (``study/published.py``)."""

import functools
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from analysis.data.scores import EVALUATED
from core.errors import UsageError
from study.cells import Study
from study.plan import ROOT
from study.published import BAND, Source, check_data, read_sources


@functools.cache
def sources() -> tuple[Source, ...]:
    """The sources in the order of their years. A file of ``published/`` that is none is left out, and said."""
    found, broken = read_sources()
    for said in broken.values():
        print(f"warning: {said}: the source is left out", file=sys.stderr)
    return tuple(found.values())


def ours_is(source: Source) -> str:
    """What our returns beside a source's are of: "test" episodes or "training" episodes."""
    return "test" if source.metric in EVALUATED else "training"


def read_data(source: Source, root: Path = ROOT) -> pd.DataFrame:
    """A source's data, with the columns that ``published_curves`` gives. Raises UsageError where they are none."""
    check_data(source, root)
    try:
        table = pd.read_csv(root / source.data)
        if source.rows:
            table = table.rename(columns={"timesteps": "timestep", "mean": "return_mean"})
            table = table[table["source"] == source.rows]
        texts = {name: table[name].astype(str) for name in ("task", "source_task_id", "algorithm")}
        table = table.assign(**texts, **{name: pd.to_numeric(table[name]) for name in ("timestep", "return_mean")})
        table = _with_band(table, source)
    except (OSError, ValueError, TypeError, OverflowError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{source.data}: cannot be read: {reason}; correct it, or restore it from git") from None
    version = table["source_task_id"].str.extract(r"(-v\d+)$", expand=False)
    return table.assign(version=version.fillna(table["source_task_id"]))


def _with_band(table: pd.DataFrame, source: Source) -> pd.DataFrame:
    if source.spread == "none":
        return table.assign(low=table["return_mean"], high=table["return_mean"])
    name = "spread" if source.rows else "return_std_over_seeds"
    if source.spread == "band" or name not in table:
        low, high = (pd.to_numeric(table[column]) for column in BAND)
        return table.assign(low=low, high=high)
    deviation = pd.to_numeric(table[name])
    return table.assign(low=table["return_mean"] - deviation, high=table["return_mean"] + deviation)


def published_curves(
    study: Study, some: Iterable[Source] | None = None, root: Path = ROOT
) -> dict[tuple[str, str, str], pd.DataFrame]:
    """The curves of the study's methods by (source, task, method), of all sources or of some.

    Columns: ``timestep``, ``return_mean``, ``version`` (of the task, such as ``-v1``) and ``low``, ``high``: the band
    as drawn, one standard deviation to either side, or the mean where there is neither. Holds what there is of the
    methods that say by ``published`` which one they are. Of Spinning Up's two backends it is PyTorch's where that has
    a curve.
    """
    found, files = {}, {}
    for source in sources() if some is None else some:
        if not any(source.of(method) for method in study.methods.values()):
            continue
        if source.file not in files:  # other metrics of it are of the same data
            files[source.file] = read_data(source, root)
        table = files[source.file]
        if "backend" in table:
            table = table.sort_values("backend", kind="stable")  # pytorch before tf1
        for method in study.methods.values():
            mine = table[table["algorithm"] == source.of(method)]
            for task, curve in mine.groupby("task"):
                if task in study.tasks:
                    if "backend" in curve:
                        curve = curve[curve["backend"] == curve["backend"].iloc[0]]
                    columns = ["timestep", "return_mean", "low", "high", "version"]
                    found[source.name, task, method.name] = curve.sort_values("timestep")[columns]
    return found


def curves_within(study: Study, some: Iterable[Source]) -> dict[tuple[str, str, str], pd.DataFrame]:
    """The curves of some sources as far as the study's budget goes: those of which two points or more are left."""
    curves = {key: c[c["timestep"] <= study.steps] for key, c in published_curves(study, some).items()}
    return {key: curve for key, curve in curves.items() if len(curve) > 1}


def paper_curves(study: Study) -> dict[tuple[str, str], pd.DataFrame]:
    """The curves of the PPO paper's Figure 3 by (task, method), as far as the study's budget goes."""
    curves = curves_within(study, [source for source in sources() if source.name == "ppo_paper"])
    return {(task, method): curve for (_, task, method), curve in curves.items()}
