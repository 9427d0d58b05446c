"""Published curves and numbers, from ``published/``; each file's source is in ``published/README.md``."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.data.scores import EVALUATED
from core.errors import UsageError
from study.plan import ROOT, Study


def read_curves(path: Path) -> pd.DataFrame:
    """A file of published curves. Raises UsageError where it is not one."""
    try:
        table = pd.read_csv(path)
        spread = ("band_low", "band_high") if "band_low" in table else ("return_std_over_seeds",)
        for name in ("task", "source_task_id", "algorithm", "timestep", "return_mean", *spread):
            if name not in table:
                raise ValueError(f"it has no column {name!r}")
            if name in ("timestep", "return_mean", *spread):
                table[name] = pd.to_numeric(table[name])
        table["source_task_id"] = table["source_task_id"].astype(str)
    except (OSError, ValueError, TypeError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"published/curves/{path.name}: cannot be read: {reason}; restore it from git") from None
    return table


@dataclass(frozen=True)
class Source:
    """One published set of learning curves, or of numbers: curves of a point."""

    name: str
    label: str  #: for figures
    file: str  #: of published/
    metric: str  #: the column of ``runs.csv`` that means the same of our runs
    names: Mapping[str, str]  #: from a method's ``published`` to the algorithm's name in the file
    spread: str  #: its band: "band" (kind not stated), "deviation" (standard deviation over seeds) or "none"
    seeds: int | None  #: how many it averages, where it says so
    rows: str | None = None  #: the source's name in ``returns.csv``, of numbers
    returns: str = "training"  #: what its returns are of: "training" episodes or "test" episodes

    @property
    def ours_is(self) -> str:
        """What ours beside them are of."""
        return "test" if self.metric in EVALUATED else "training"


#: A method's ``published`` is its name in the PPO paper's Figure 3, or of what the paper has not, "NPG" or "VPG"; for
#: all sources, or by the source's name where they differ in what they mean by it.
FIGURE3 = {name: name for name in ("A2C", "A2C + Trust Region", "CEM", "PPO (Clip)", "TRPO", "Vanilla PG, Adaptive")}

_TIANSHOU = Source(
    name="tianshou",
    label="Tianshou 2021, last tenth",
    file="curves/tianshou_v3_aggregate.csv",
    metric="last_tenth",
    names={"PPO (Clip)": "PPO", "TRPO": "TRPO", "A2C": "A2C", "NPG": "NPG"},
    spread="deviation",
    seeds=10,
    returns="test",
)

SOURCES = (
    Source("ppo_paper", "PPO paper, Figure 3", "curves/ppo_paper_fig3.csv", "last_tenth", FIGURE3, "band", None),
    Source(
        name="baselines",
        label="Baselines 2018",
        file="curves/openai_baselines_mujoco1m.csv",
        metric="last_tenth",
        names={"PPO (Clip)": "ppo2", "TRPO": "trpo_mpi"},
        spread="band",
        seeds=6,
    ),
    Source(
        name="spinning_up",
        label="Spinning Up",
        file="curves/spinningup_3m.csv",
        metric="last_tenth",
        names={"PPO (Clip)": "PPO", "TRPO": "TRPO", "VPG": "VPG"},
        spread="deviation",
        seeds=10,
    ),
    _TIANSHOU,
    # What Tianshou's own table reports. Its test actions are sampled, as those of our training episodes are.
    dataclasses.replace(_TIANSHOU, name="tianshou_max", label="Tianshou 2021, maximum", metric="maximum"),
    # The last point of its curves: ten episodes of the policy at the end.
    dataclasses.replace(_TIANSHOU, name="tianshou_final", label="Tianshou 2021, final policy", metric="sampled"),
    # One agent each, chosen and tuned; its standard deviation is over episodes, which says nothing of other seeds.
    Source(
        name="zoo",
        label="RL Zoo, final policy, mean action",
        file="returns.csv",
        metric="deterministic",
        names={"PPO (Clip)": "PPO-clip", "TRPO": "TRPO", "A2C": "A2C"},
        spread="none",
        seeds=1,
        rows="rl-baselines3-zoo benchmark",
        returns="test",
    ),
)


def _table(path: Path, rows: str | None) -> pd.DataFrame:
    """A file, or some of its rows, with the columns that ``published_curves`` gives."""
    table = pd.read_csv(path) if rows else read_curves(path)
    if "backend" in table:
        table = table.sort_values("backend", kind="stable")  # pytorch before tf1
    if rows:
        table = table[table["source"] == rows].rename(columns={"timesteps": "timestep"})
        table = table.assign(return_mean=table["mean"], low=table["mean"], high=table["mean"])
    elif "band_low" in table:
        table = table.rename(columns={"band_low": "low", "band_high": "high"})
    else:
        deviation = table["return_std_over_seeds"]
        table = table.assign(low=table["return_mean"] - deviation, high=table["return_mean"] + deviation)
    return table.assign(version=table["source_task_id"].str.extract(r"(-v\d+)$", expand=False))


def published_curves(
    study: Study, sources: tuple[Source, ...] = SOURCES, root: Path = ROOT
) -> dict[tuple[str, str, str], pd.DataFrame]:
    """The curves of the study's methods by (source, task, method).

    Columns: ``timestep``, ``return_mean``, ``version`` (of the task, such as ``-v1``) and ``low``, ``high``: the band
    as drawn, one standard deviation to either side, or the mean where there is neither. Holds what there is of the
    methods that say by ``published`` which one they are. Of Spinning Up's two backends it is PyTorch's where that has
    a curve.
    """
    found, files = {}, {}
    for source in sources:
        if (source.file, source.rows) not in files:  # three sources are of one file
            files[source.file, source.rows] = _table(root / "published" / source.file, source.rows)
        table = files[source.file, source.rows]
        for method in study.methods.values():
            mine = table[table["algorithm"] == source.names.get(method.published_in(source.name))]
            for task, curve in mine.groupby("task"):
                if task in study.tasks:
                    if "backend" in curve:
                        curve = curve[curve["backend"] == curve["backend"].iloc[0]]
                    columns = ["timestep", "return_mean", "low", "high", "version"]
                    found[source.name, task, method.name] = curve.sort_values("timestep")[columns]
    return found


def paper_curves(study: Study, root: Path = ROOT) -> dict[tuple[str, str], pd.DataFrame]:
    """The PPO paper's curves by (task, method)."""
    curves = published_curves(study, SOURCES[:1], root)
    return {(task, method): curve for (_, task, method), curve in curves.items()}
