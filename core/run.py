"""One training run, from its options to its rows: the loop that every algorithm shares.

What lies in this module and in what it imports decides the numbers, and so is part of a run's key. The
command line, the progress line and the files are elsewhere (``train/job.py``, ``train/files.py``).
"""

import importlib
import sys
import time
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import torch

from core import rollout
from core.agent import new_agent
from core.compile import compiler
from core.envs.recorded import Environments
from core.errors import BudgetSpent
from core.kinds import Positive
from core.streams import streams


@dataclass(frozen=True)
class Common:
    """Options of the run itself, open to every method.

    The defaults follow the code that came with the PPO paper (Baselines da99706). Left on purpose: one
    environment at a time, time limits treated as terminal, and a filter that moved between sampling and update.
    """

    envs: int = 8  #: copies of the task that share a batch; more of them, fewer policy calls
    normalize_obs: bool = True  #: running mean and std of the observations, frozen within a batch
    obs_clip: float = 5.0  #: filtered observations are clipped here (Baselines 2017)
    obs_floor: Positive = 0.01  #: at least, the variance by which the filter divides (Baselines 2017)
    clip_actions: bool = False  #: clip to the action space first; the control cost sees raw ones (Baselines until 2019)
    time_limit: Literal["bootstrap", "terminate"] = "bootstrap"  #: terminate: a limit is taken as terminal, as in 2017
    compile_from: int = 200_000  #: steps of a run from which its updates are compiled: fewer do not repay it


class Run:
    """A run in progress.

    ``task`` is a Gymnasium id, or a spec (``core/envs/spec.py``).
    ``options`` hold every field of the algorithm's ``Config`` and of :class:`Common`. Each :meth:`iterate`
    collects one batch and learns from it; ``status`` is "running" until the budget of ``steps`` environment
    steps is spent ("finished") or a number stops being one ("diverged").
    """

    def __init__(self, algo: str, task: str | dict, options: dict, steps: int, seed: int):
        torch.set_num_threads(1)
        module = importlib.import_module(f"algos.{algo}")
        self.common, self.cfg = _pick(Common, options), _pick(module.Config, options)
        self._update = module.update
        self._collect = getattr(module, "collect", rollout.collect)
        whole = hasattr(module, "whole_episodes") and module.whole_episodes(self.cfg)
        random = streams(seed, self.common.envs)
        how: dict[str, Any] = {"clip_actions": self.common.clip_actions, "time_limit": self.common.time_limit}
        self.envs = Environments(task, random.env_seeds, steps, staggered=not whole, **how)
        obs_clip = self.common.obs_clip if self.common.normalize_obs else None
        compiled = not whole and self._compiles(steps)  # each batch of whole episodes has another shape
        floor = self.common.obs_floor
        self.agent = new_agent(self.envs.obs_dim, self.envs.act_dim, random, obs_clip, compiled, floor)
        self.state = module.init(self.agent, self.cfg) if hasattr(module, "init") else {}
        self.updates: list[dict] = []  #: one row per update, the same columns in each
        self.seconds = {"collect": 0.0, "update": 0.0}
        self.status = "running"
        self.wrong: str | None = None  #: of a run that diverged: the first thing that is not finite

    def _compiles(self, steps: int) -> bool:
        if steps < self.common.compile_from:
            return False
        if compiler() is None:
            print("warning: no C++ compiler (g++): updates run uncompiled, several times slower", file=sys.stderr)
            return False
        return True

    def iterate(self) -> None:
        """Collect one batch and learn from it; or find that the budget is spent, or the run diverged."""
        start = time.perf_counter()
        try:
            batch = self._collect(self.agent, self.envs, self.cfg, self.state)
        except BudgetSpent:
            return self._end("finished")
        finally:
            collected = time.perf_counter()
            self.seconds["collect"] += collected - start
        if self._diverged({f"batch.{n}": v for n, v in vars(batch).items() if isinstance(v, torch.Tensor | tuple)}):
            return None
        row = self._update(self.agent, batch, self.cfg, self.state)
        self.agent.filter.update(batch.raw_obs)
        self.seconds["update"] += time.perf_counter() - collected
        self._report(row)
        if self._diverged({"theta": self.agent.theta, "phi": self.agent.phi, "state": self.state}):
            return None
        if not self.envs.left:
            return self._end("finished")

    def _report(self, row: dict[str, float]) -> None:
        row = {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
        if wrong := [name for name, value in row.items() if not isinstance(value, int | float)]:
            raise TypeError(f"update() must return numbers, but {wrong[0]!r} is a {type(row[wrong[0]]).__name__}")
        row = {"iteration": len(self.updates), "step": self.envs.steps, **row}
        if self.updates and row.keys() != self.updates[-1].keys():
            raise TypeError("update() must return the same statistics after every batch")
        self.updates.append(row)

    def _diverged(self, values: dict[str, object]) -> bool:
        self.wrong = _not_finite(values)
        if self.wrong:
            self._end("diverged")
        return self.wrong is not None

    def _end(self, status: str) -> None:
        self.envs.cut()
        self.status = status


def _pick(cls, options: dict):
    return cls(**{field.name: options[field.name] for field in fields(cls)})


def _not_finite(values: dict[str, object]) -> str | None:
    """The name of the first value that is NaN or infinite, or holds such a number.

    Looks where a checkpoint does: into tensors, lists and dictionaries, and the public attributes of objects.
    """
    todo, seen = list(values.items()), set()
    for name, value in todo:  # which grows on the way
        if isinstance(value, torch.Tensor):
            value = value.detach().numpy()
        if isinstance(value, float | np.floating | np.ndarray):
            if np.asarray(value).dtype.kind in "fc" and not np.isfinite(value).all():
                return name
        elif id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, dict):
                todo += [(f"{name}[{key!r}]", item) for key, item in value.items()]
            elif hasattr(value, "_asdict"):
                todo += [(f"{name}.{field}", item) for field, item in value._asdict().items()]
            elif isinstance(value, list | tuple):
                todo += [(f"{name}[{i}]", item) for i, item in enumerate(value)]
            elif hasattr(value, "__dict__"):
                todo += [(f"{name}.{field}", item) for field, item in vars(value).items() if field[0] != "_"]
    return None
