"""The policy of a finished run, from its files: enough to act."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch

from core.errors import UsageError
from core.normalise import FLOOR, NoFilter, ObservationFilter
from core.policy import Policy

#: ``act(obs, noise)``: actions (E × A) for raw observations (E × O) and noise (E × A); without noise the mean.
Actor = Callable[[np.ndarray, np.ndarray], np.ndarray]


def record(folder: Path) -> dict:
    """``run.json`` of the run in ``folder``. Raises UsageError."""
    try:
        return json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder}: no readable run.json ({error}): train the run first") from None


def actor(folder: Path, obs_dim: int, act_dim: int) -> Actor:
    """The policy of the run in ``folder``. Raises UsageError where its file is missing, broken or of another task."""
    policy = Policy(obs_dim, act_dim)
    try:
        saved = safetensors.torch.load_file(folder / "policy.safetensors")
        if len(saved["theta"]) != policy.size:
            raise ValueError(f"{len(saved['theta'])} parameters, the task's policy has {policy.size}")
        act, filtered = policy.actor(saved["theta"]), _filter(saved)
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise UsageError(f"{folder}: no readable policy ({error}): delete the folder and train the run again") from None
    return lambda obs, noise: act(filtered(obs), noise)


def _filter(saved: dict) -> ObservationFilter | NoFilter:
    if "filter_mean" not in saved:
        return NoFilter()
    floor = float(saved.get("filter_floor", FLOOR))
    made = ObservationFilter(len(saved["filter_mean"]), float(saved["filter_clip"]), floor)
    made.unpack({name: saved[f"filter_{name}"] for name in ("count", "mean", "sq")})
    return made
